/*
 * Walking laid-out trees: the portable kernels, the parts that all kernels
 * share, and the choice among them.
 *
 * Eight trees are walked at once, level by level, so that eight chains of
 * loads are under way; the index of a tree stays in a register.  Where the
 * form is a single sum in block order, the results of a block are added
 * after the walk of the next one is issued: the chain of additions, a few
 * cycles each, then costs nothing of its own.
 */

#include "mlops_trees.h"
#include "mlops_simd.h"
#include "mlops_trees_layout.h"


#define MLOPS_TREES_HALF    8
#define MLOPS_TREES_SINGLE  32      /* blocks that a row alone is worth */

/* The body for each of eight lanes. */
#define mlops_trees_eight(m)  m(0) m(1) m(2) m(3) m(4) m(5) m(6) m(7)


static void mlops_trees_portable32(const void *data, const void *x,
    void *sums, void *scratch);
static void mlops_trees_portable64(const void *data, const void *x,
    void *sums, void *scratch);
static void mlops_trees_walk_portable(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t n, const int32_t *keys,
    uint32_t *const *out, mlops_trees_sum_t *sum);
static uint32_t mlops_trees_alike(const mlops_trees_block_t *block,
    uint32_t left, uint32_t at_once);
static void mlops_trees_scatter(const uint32_t *lane_slots,
    const uint32_t *out, uint32_t *slots);
static void mlops_trees_codes32(const mlops_trees_head_t *head,
    const float *x, uint32_t *codes);
static void mlops_trees_walk_heap8(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys, uint32_t *out);
static void mlops_trees_walk_heap16(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys, uint32_t *out);
static void mlops_trees_walk_narrow(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys, uint32_t *out);
static void mlops_trees_walk_wide32(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys,
    const uint32_t *codes, uint32_t *out);
static void mlops_trees_keys64(const mlops_trees_head_t *head,
    const double *x, int64_t *keys);
static uint32_t mlops_trees_code(double x, uint32_t missing);
static void mlops_trees_walk_wide64(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int64_t *keys,
    const uint32_t *codes, uint64_t *out);
static void mlops_trees_finish32(const mlops_trees_head_t *head,
    const void *slots, float *sums);
static void mlops_trees_finish64(const mlops_trees_head_t *head,
    const void *slots, double *sums);


int
mlops_trees_f32(const void *data)
{
    const mlops_trees_head_t  *head = data;

    return (head->flags & MLOPS_TREES_F32) != 0;
}


size_t
mlops_trees_scratch(const void *data)
{
    const mlops_trees_head_t  *head = data;

    return mlops_trees_slots_at(head)
           + mlops_align(((size_t) head->trees_n + MLOPS_TREES_LANES)
                         * mlops_trees_slot_size(head->flags), 64);
}


mlops_trees_pt
mlops_trees_kernel(const void *data, int simd)
{
    const mlops_trees_head_t  *head = data;

    if (!(head->flags & MLOPS_TREES_F32)) {
        return mlops_trees_portable64;
    }

#if (__x86_64__)

    if (simd >= MLOPS_SIMD_AVX512) {
        return mlops_trees_avx512;
    }

    if (simd >= MLOPS_SIMD_AVX2) {
        return mlops_trees_avx2;
    }

#endif

    (void) simd;

    return mlops_trees_portable32;
}


/*
 * Measured in a server under load, where each walk finds its data and the
 * processor as other code has left them: with 100 trees a request is 1.2 us
 * cheaper with AVX2 than with AVX-512, with 500 they are level.
 */

mlops_trees_pt
mlops_trees_kernel_single(const void *data, int simd)
{
    const mlops_trees_head_t  *head = data;

    if (simd > MLOPS_SIMD_AVX2 && head->blocks_n < MLOPS_TREES_SINGLE) {
        simd = MLOPS_SIMD_AVX2;
    }

    return mlops_trees_kernel(data, simd);
}


static void
mlops_trees_portable32(const void *data, const void *x, void *sums,
    void *scratch)
{
    mlops_trees_keys32(data, x, scratch);
    mlops_trees_run32(data, x, sums, scratch, mlops_trees_walk_portable, 1);
}


static void
mlops_trees_walk_portable(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t n, const int32_t *keys,
    uint32_t *const *out, mlops_trees_sum_t *sum)
{
    (void) n;

    if (block->kind == MLOPS_TREES_NARROW) {
        mlops_trees_walk_narrow(head, block, keys, out[0]);

    } else if (mlops_trees_entry_size(head->stride) == sizeof(uint8_t)) {
        mlops_trees_walk_heap8(head, block, keys, out[0]);

    } else {
        mlops_trees_walk_heap16(head, block, keys, out[0]);
    }

    mlops_trees_add(sum);
}


void
mlops_trees_run32(const mlops_trees_head_t *head, const float *x,
    float *sums, void *scratch, mlops_trees_walk_pt walk, uint32_t at_once)
{
    uint32_t                    i, l, n, running, *codes, *slots, *out[4];
    uint32_t                    lanes[4 * MLOPS_TREES_LANES];
    mlops_trees_sum_t           sum;
    const mlops_trees_block_t  *block;

    codes = (uint32_t *) ((char *) scratch + mlops_trees_codes_at(head));
    slots = (uint32_t *) ((char *) scratch + mlops_trees_slots_at(head));

    if (head->cats_n != 0) {
        mlops_trees_codes32(head, x, codes);
    }

    if (!(head->flags & MLOPS_TREES_ORDERED)) {
        memset(slots, 0, (size_t) head->trees_n * sizeof(uint32_t));
    }

    /* added while walked: block by block, into one sum */

    running = (head->flags & MLOPS_TREES_ORDERED)
              && !(head->flags & MLOPS_TREES_VECTOR) && head->groups_n == 1;

    sum.sum = *(const float *) mlops_trees_at(head, head->base_at);
    sum.done = (const float *) slots;
    sum.end = sum.done;

    block = mlops_trees_blocks(head);

    for (i = 0; i < head->blocks_n; i += n, block += n) {

        n = mlops_trees_alike(block, head->blocks_n - i, at_once);

        for (l = 0; l < n; l++) {
            out[l] = (block[l].flags & MLOPS_TREES_CONTIGUOUS)
                     ? slots + mlops_trees_lane_slots(head, block + l)[0]
                     : lanes + l * MLOPS_TREES_LANES;
        }

        if (running) {
            sum.end = (const float *) slots + i * MLOPS_TREES_LANES;
        }

        if (block->kind <= MLOPS_TREES_NARROW) {
            walk(head, block, n, scratch, out, &sum);

        } else {
            mlops_trees_walk_wide32(head, block, scratch, codes, out[0]);
        }

        for (l = 0; l < n; l++) {
            if (!(block[l].flags & MLOPS_TREES_CONTIGUOUS)) {
                mlops_trees_scatter(mlops_trees_lane_slots(head, block + l),
                                    out[l], slots);
            }
        }
    }

    if (!running) {
        mlops_trees_finish32(head, slots, sums);
        return;
    }

    while (sum.done < (const float *) slots + head->trees_n) {
        sum.sum += *sum.done++;
    }

    *sums = sum.sum;
}


/* How many of the left blocks are walked at once: 1, 2 or 4. */

static uint32_t
mlops_trees_alike(const mlops_trees_block_t *block, uint32_t left,
    uint32_t at_once)
{
    uint32_t  n;

    if (block->kind > MLOPS_TREES_NARROW) {
        return 1;
    }

    for (n = 1; n < at_once && n < left; n++) {
        if (block[n].kind != block->kind
            || (block->kind == MLOPS_TREES_HEAP
                && block[n].depth != block->depth))
        {
            break;
        }
    }

    return n == 3 ? 2 : n;
}


/* Results of lanes that have slots of their own. */

static void
mlops_trees_scatter(const uint32_t *lane_slots, const uint32_t *out,
    uint32_t *slots)
{
    int  l;

    for (l = 0; l < MLOPS_TREES_LANES; l++) {
        slots[lane_slots[l]] = out[l];
    }
}


void
mlops_trees_keys32(const mlops_trees_head_t *head, const float *x,
    int32_t *keys)
{
    int32_t   key;
    uint32_t  f, stride;

    stride = head->stride;

    for (f = 0; f < head->features_n; f++) {
        key = mlops_trees_key32(x[f]);

        keys[f] = (x[f] != x[f]) ? INT32_MAX : key;
        keys[stride + f] = (x[f] != x[f]) ? INT32_MIN : key;
    }

    for ( /* void */ ; f < stride; f++) {
        keys[f] = INT32_MAX;
        keys[stride + f] = INT32_MAX;
    }
}


static void
mlops_trees_keys64(const mlops_trees_head_t *head, const double *x,
    int64_t *keys)
{
    int64_t   key;
    uint32_t  f, stride;

    stride = head->stride;

    for (f = 0; f < head->features_n; f++) {
        key = mlops_trees_key64(x[f]);

        keys[f] = (x[f] != x[f]) ? INT64_MAX : key;
        keys[stride + f] = (x[f] != x[f]) ? INT64_MIN : key;
    }

    for ( /* void */ ; f < stride; f++) {
        keys[f] = INT64_MAX;
        keys[stride + f] = INT64_MAX;
    }
}


static void
mlops_trees_codes32(const mlops_trees_head_t *head, const float *x,
    uint32_t *codes)
{
    uint32_t         c;
    const uint16_t  *cats;

    cats = mlops_trees_at(head, head->cats_at);

    for (c = 0; c < head->cats_n; c++) {
        codes[2 * c] = mlops_trees_code(x[cats[c]], 0);
        codes[2 * c + 1] = mlops_trees_code(x[cats[c]], UINT32_MAX);
    }
}


static uint32_t
mlops_trees_code(double x, uint32_t missing)
{
    if (x != x) {
        return missing;
    }

    if (x < 0 || x >= MLOPS_TREES_MAX_CODE) {
        return UINT32_MAX;
    }

    return (uint32_t) x + 1;
}


/*
 * Indexes count in steps of 16, so that they are offsets of a row of lanes:
 * children of i are 2 * i and 2 * i + 16.
 */

#define mlops_trees_heap_step(k)                                              \
    key = keys[entry[i##k + k]];                                              \
    i##k = 2 * i##k + ((size_t) (key >= threshold[i##k + k]) << 4);

#define mlops_trees_heap_leaf(k)                                              \
    out[k] = leaf[i##k + k];

#define mlops_trees_walk_heap_body(type)                                      \
    int32_t         key;                                                      \
    uint32_t        depth, half;                                              \
    size_t          i0, i1, i2, i3, i4, i5, i6, i7;                           \
    const type     *entry;                                                    \
    const int32_t  *threshold;                                                \
    const uint32_t *leaf;                                                     \
                                                                              \
    threshold = mlops_trees_payload(head, block);                             \
    entry = (const type *) (threshold + block->nodes_n * MLOPS_TREES_LANES);  \
    leaf = (const uint32_t *) (entry + block->nodes_n * MLOPS_TREES_LANES);   \
    leaf -= block->nodes_n * MLOPS_TREES_LANES;                               \
                                                                              \
    for (half = 0; half < MLOPS_TREES_LANES / MLOPS_TREES_HALF; half++) {     \
        i0 = i1 = i2 = i3 = i4 = i5 = i6 = i7 = MLOPS_TREES_LANES;            \
                                                                              \
        for (depth = block->depth; depth != 0; depth--) {                     \
            mlops_trees_eight(mlops_trees_heap_step)                          \
        }                                                                     \
                                                                              \
        mlops_trees_eight(mlops_trees_heap_leaf)                              \
                                                                              \
        threshold += MLOPS_TREES_HALF;                                        \
        entry += MLOPS_TREES_HALF;                                            \
        leaf += MLOPS_TREES_HALF;                                             \
        out += MLOPS_TREES_HALF;                                              \
    }


static void
mlops_trees_walk_heap8(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys, uint32_t *out)
{
    mlops_trees_walk_heap_body(uint8_t)
}


static void
mlops_trees_walk_heap16(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys, uint32_t *out)
{
    mlops_trees_walk_heap_body(uint16_t)
}


#define mlops_trees_narrow_start(k)                                           \
    i##k = half * MLOPS_TREES_HALF + 1 + k;

#define mlops_trees_narrow_step(k)                                            \
    node = nodes + i##k;                                                      \
    i##k = node->right - (size_t) (keys[node->entry] < node->key);

#define mlops_trees_narrow_leaf(k)                                            \
    out[k] = (uint32_t) nodes[i##k].key;


static void
mlops_trees_walk_narrow(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys, uint32_t *out)
{
    size_t                       i0, i1, i2, i3, i4, i5, i6, i7;
    uint32_t                     depth, half;
    const mlops_trees_narrow_t  *node, *nodes;

    nodes = mlops_trees_payload(head, block);

    for (half = 0; half < MLOPS_TREES_LANES / MLOPS_TREES_HALF; half++) {
        mlops_trees_eight(mlops_trees_narrow_start)

        for (depth = block->depth; depth != 0; depth--) {
            mlops_trees_eight(mlops_trees_narrow_step)
        }

        mlops_trees_eight(mlops_trees_narrow_leaf)

        out += MLOPS_TREES_HALF;
    }
}


/* Both kinds of nodes are decided without a branch: which one comes next is
 * not to be guessed. */

static inline uint32_t
mlops_trees_right(const mlops_trees_wide_t *node, const uint32_t *codes,
    const uint32_t *sets)
{
    uint32_t  mask, bit, last, first;

    mask = -(uint32_t) node->set;

    first = (uint32_t) node->key & mask;
    last = (uint32_t) ((uint64_t) node->key >> 32) & mask;
    bit = codes[node->entry & mask];

    if (bit > last) {
        bit = last;
    }

    return sets[first + bit / 32] >> (bit % 32) & 1;
}


#define mlops_trees_wide_start(k)                                             \
    i##k = half * MLOPS_TREES_HALF + 1 + k;

#define mlops_trees_wide_step(k)                                              \
    node = nodes + i##k;                                                      \
    i##k = node->right - (size_t) (keys[node->entry] < node->key);

#define mlops_trees_sets_step(k)                                              \
    node = nodes + i##k;                                                      \
    left = !mlops_trees_right(node, codes, sets);                             \
    mask = -(uint32_t) node->set;                                             \
    left = (left & mask)                                                      \
           | ((uint32_t) (keys[node->entry & ~mask] < node->key) & ~mask);    \
    i##k = node->right - (size_t) left;

#define mlops_trees_wide_leaf(k)                                              \
    out[k] = nodes[i##k].key;

#define mlops_trees_walk_wide_body                                            \
    size_t                     i0, i1, i2, i3, i4, i5, i6, i7;                \
    uint32_t                   depth, half, left, mask;                       \
    const uint32_t            *sets;                                          \
    const mlops_trees_wide_t  *node, *nodes;                                  \
                                                                              \
    nodes = mlops_trees_payload(head, block);                                 \
    sets = mlops_trees_at(head, head->sets_at);                               \
                                                                              \
    for (half = 0; half < MLOPS_TREES_LANES / MLOPS_TREES_HALF; half++) {     \
        mlops_trees_eight(mlops_trees_wide_start)                             \
                                                                              \
        depth = block->depth;                                                 \
                                                                              \
        if (block->kind != MLOPS_TREES_SETS) {                                \
            for ( /* void */ ; depth != 0; depth--) {                         \
                mlops_trees_eight(mlops_trees_wide_step)                      \
            }                                                                 \
        }                                                                     \
                                                                              \
        for ( /* void */ ; depth != 0; depth--) {                             \
            mlops_trees_eight(mlops_trees_sets_step)                          \
        }                                                                     \
                                                                              \
        mlops_trees_eight(mlops_trees_wide_leaf)                              \
                                                                              \
        out += MLOPS_TREES_HALF;                                              \
    }


static void
mlops_trees_walk_wide32(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int32_t *keys,
    const uint32_t *codes, uint32_t *out)
{
    mlops_trees_walk_wide_body
}


static void
mlops_trees_walk_wide64(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const int64_t *keys,
    const uint32_t *codes, uint64_t *out)
{
    mlops_trees_walk_wide_body
}


static void
mlops_trees_portable64(const void *data, const void *x, void *sums,
    void *scratch)
{
    uint32_t                    i, c, l, code, *codes;
    uint64_t                    lanes[MLOPS_TREES_LANES];
    char                       *slots;
    int64_t                    *keys;
    const double               *row;
    const uint16_t             *cats;
    const uint32_t             *lane_slots;
    const mlops_trees_head_t   *head;
    const mlops_trees_block_t  *block;

    head = data;
    row = x;
    keys = scratch;
    codes = (uint32_t *) ((char *) scratch + mlops_trees_codes_at(head));
    slots = (char *) scratch + mlops_trees_slots_at(head);
    cats = mlops_trees_at(head, head->cats_at);

    mlops_trees_keys64(head, row, keys);

    for (c = 0; c < head->cats_n; c++) {
        code = mlops_trees_code(row[cats[c]], 0);

        codes[2 * c] = code;
        codes[2 * c + 1] = (code == 0) ? UINT32_MAX : code;
    }

    if (!(head->flags & MLOPS_TREES_ORDERED)) {
        memset(slots, 0, (size_t) head->trees_n
                         * mlops_trees_slot_size(head->flags));
    }

    block = mlops_trees_blocks(head);

    for (i = 0; i < head->blocks_n; i++, block++) {
        mlops_trees_walk_wide64(head, block, keys, codes, lanes);

        lane_slots = mlops_trees_lane_slots(head, block);

        for (l = 0; l < MLOPS_TREES_LANES; l++) {
            if (head->flags & MLOPS_TREES_VECTOR) {
                ((uint32_t *) slots)[lane_slots[l]] = (uint32_t) lanes[l];

            } else {
                ((uint64_t *) slots)[lane_slots[l]] = lanes[l];
            }
        }
    }

    mlops_trees_finish64(head, slots, sums);
}


/*
 * Four groups are added side by side as far as the shortest goes, then the
 * rest of each: an addition waits for the one before it.  The number of a
 * vector is bounded here, because the check does not prove that a walk ends
 * in a leaf.
 */

#define mlops_trees_finish_body(type)                                         \
    uint32_t         g, k, n, s, at;                                          \
    const type      *base, *slot, *vector;                                    \
    const uint32_t  *first, *number;                                          \
                                                                              \
    base = mlops_trees_at(head, head->base_at);                               \
    first = mlops_trees_at(head, head->first_at);                             \
    slot = slots;                                                             \
                                                                              \
    for (g = 0; g < head->groups_n; g++) {                                    \
        sums[g] = base[g];                                                    \
    }                                                                         \
                                                                              \
    if (head->flags & MLOPS_TREES_VECTOR) {                                   \
        number = slots;                                                       \
                                                                              \
        for (s = 0; s < head->trees_n; s++) {                                 \
            at = number[s] < head->vectors_n ? number[s] : 0;                 \
            vector = mlops_trees_at(head, head->vectors_at);                  \
            vector += (size_t) at * head->groups_n;                           \
                                                                              \
            for (g = 0; g < head->groups_n; g++) {                            \
                sums[g] += vector[g];                                         \
            }                                                                 \
        }                                                                     \
                                                                              \
        return;                                                               \
    }                                                                         \
                                                                              \
    for (g = 0; g < head->groups_n; g += k) {                                 \
        n = 0;                                                                \
        k = 1;                                                                \
                                                                              \
        if (g + 4 <= head->groups_n) {                                        \
            n = UINT32_MAX;                                                   \
                                                                              \
            for (k = 0; k < 4; k++) {                                         \
                at = first[g + k + 1] - first[g + k];                         \
                n = at < n ? at : n;                                          \
            }                                                                 \
        }                                                                     \
                                                                              \
        for (s = 0; s < n; s++) {                                             \
            sums[g] += slot[first[g] + s];                                    \
            sums[g + 1] += slot[first[g + 1] + s];                            \
            sums[g + 2] += slot[first[g + 2] + s];                            \
            sums[g + 3] += slot[first[g + 3] + s];                            \
        }                                                                     \
                                                                              \
        for (s = 0; s < k; s++) {                                             \
            for (at = first[g + s] + n; at < first[g + s + 1]; at++) {        \
                sums[g + s] += slot[at];                                      \
            }                                                                 \
        }                                                                     \
    }


static void
mlops_trees_finish32(const mlops_trees_head_t *head, const void *slots,
    float *sums)
{
    mlops_trees_finish_body(float)
}


static void
mlops_trees_finish64(const mlops_trees_head_t *head, const void *slots,
    double *sums)
{
    mlops_trees_finish_body(double)
}
