/*
 * Walking laid-out trees with AVX2: 8 trees in a vector, two blocks of 16 at
 * once.
 *
 * The first levels of a heap are few rows: all of them are loaded and
 * blended by the decisions above, which waits for no address.  Below, the
 * row of each tree is gathered, and the gathers of one level of all vectors
 * stand next to each other.  Keys come from a register where there are at
 * most 8 features and none is missing, else from memory.
 */

#include "mlops_trees.h"
#include "mlops_trees_layout.h"

#if (__x86_64__)

#include <immintrin.h>


#define MLOPS_TREES_MEMORY  0       /* registers that hold the table */
#define MLOPS_TREES_TOP     3       /* levels that are blended */
#define MLOPS_TREES_BYTE    8       /* lanes of a vector */

#define mlops_trees_target  __attribute__((target("avx2")))
#define mlops_trees_inline                                                    \
    __attribute__((always_inline, target("avx2"))) static inline

/* Loops over vectors are unrolled, so that these stay in registers. */
#define mlops_trees_unroll  _Pragma("GCC unroll 4")


typedef struct {
    __m256i                     r;
    const int32_t              *keys;
} mlops_trees_table_t;


/*
 * A gather merges into its destination and waits for what was there; the
 * empty statement keeps a compiler from leaving out the cleared register.
 */

mlops_trees_inline __m256i
mlops_trees_zero(void)
{
    __m256i  zero;

    zero = _mm256_setzero_si256();

    __asm__ volatile ("" : "+x" (zero));

    return zero;
}


#define mlops_trees_gather(index, base, scale)                                \
    _mm256_mask_i32gather_epi32(mlops_trees_zero(), (const int *) (base),     \
                                index, _mm256_set1_epi32(-1), scale)

#define mlops_trees_gather64(index, base, scale)                              \
    _mm256_mask_i32gather_epi64(mlops_trees_zero(),                           \
                                (const long long *) (base), index,            \
                                _mm256_set1_epi32(-1), scale)


/* Keys of entries; bits above the number are ignored in a register, and
 * clear otherwise. */

mlops_trees_inline __m256i
mlops_trees_lookup(const mlops_trees_table_t *t, __m256i entry,
    const int registers)
{
    if (registers != MLOPS_TREES_MEMORY) {
        return _mm256_permutevar8x32_epi32(t->r, entry);
    }

    return mlops_trees_gather(entry, t->keys, 4);
}


/* Row i of 16 lanes, of which these are 8. */

#define mlops_trees_row(i)                                                    \
    _mm256_load_si256((const __m256i *) (rows + 16 * (i)))

mlops_trees_inline __m256i
mlops_trees_entries(const char *rows, const int i, const int size)
{
    const __m128i  *row;

    row = (const __m128i *) (rows + 16 * size * i);

    if (size == 1) {
        return _mm256_cvtepu8_epi32(_mm_loadl_epi64(row));
    }

    return _mm256_cvtepu16_epi32(_mm_load_si128(row));
}


/* The row that decisions m[0] to m[n - 1] lead to, among 2^n; the first
 * decision halves them first, because it is known first.  A decision is -1
 * where the tree goes left. */

mlops_trees_inline __m256i
mlops_trees_pick(__m256i left, __m256i right, __m256i goes_left)
{
    return _mm256_blendv_epi8(right, left, goes_left);
}


mlops_trees_inline __m256i
mlops_trees_level(const mlops_trees_table_t *t, const int32_t *threshold,
    const char *entry, const __m256i *m, const int n, const int size,
    const int registers)
{
    __m256i         key, limit;
    const char     *bytes;
    const int32_t  *rows;

    rows = threshold + (16 << n);
    bytes = entry + (16 << n) * size;

#define mlops_trees_bytes(i)  mlops_trees_entries(bytes, i, size)

    switch (n) {

    case 0:
        key = mlops_trees_bytes(0);
        limit = mlops_trees_row(0);
        break;

    case 1:
        key = mlops_trees_pick(mlops_trees_bytes(0), mlops_trees_bytes(1),
                               m[0]);
        limit = mlops_trees_pick(mlops_trees_row(0), mlops_trees_row(1),
                                 m[0]);
        break;

    default:
        key = mlops_trees_pick(
                  mlops_trees_pick(mlops_trees_bytes(0),
                                   mlops_trees_bytes(2), m[0]),
                  mlops_trees_pick(mlops_trees_bytes(1),
                                   mlops_trees_bytes(3), m[0]), m[1]);
        limit = mlops_trees_pick(
                  mlops_trees_pick(mlops_trees_row(0), mlops_trees_row(2),
                                   m[0]),
                  mlops_trees_pick(mlops_trees_row(1), mlops_trees_row(3),
                                   m[0]), m[1]);
        break;
    }

    key = mlops_trees_lookup(t, key, registers);

    return _mm256_cmpgt_epi32(limit, key);
}


/* Below row i, to the right, unless the tree goes left: the number of the
 * row is 16 times that of the node, plus the lane. */

mlops_trees_inline __m256i
mlops_trees_below(__m256i index, __m256i lanes, __m256i goes_left)
{
    __m256i  right;

    right = _mm256_sub_epi32(_mm256_add_epi32(index, index), lanes);

    return _mm256_add_epi32(right,
                     _mm256_andnot_si256(goes_left, _mm256_set1_epi32(16)));
}


mlops_trees_inline __m256i
mlops_trees_top(const mlops_trees_table_t *t, const int32_t *threshold,
    const char *entry, __m256i index, __m256i lanes, const int size,
    const int registers)
{
    __m256i  m[MLOPS_TREES_TOP];

    m[0] = mlops_trees_level(t, threshold, entry, m, 0, size, registers);
    index = mlops_trees_below(index, lanes, m[0]);

    m[1] = mlops_trees_level(t, threshold, entry, m, 1, size, registers);
    index = mlops_trees_below(index, lanes, m[1]);

    m[2] = mlops_trees_level(t, threshold, entry, m, 2, size, registers);

    return mlops_trees_below(index, lanes, m[2]);
}


mlops_trees_inline __m256i
mlops_trees_down(const mlops_trees_table_t *t, const int32_t *threshold,
    const char *entry, __m256i index, __m256i lanes, const int size,
    const int registers)
{
    __m256i  key;

    key = (size == 1) ? mlops_trees_gather(index, entry, 1)
                      : mlops_trees_gather(index, entry, 2);

    if (registers == MLOPS_TREES_MEMORY) {
        key = _mm256_and_si256(key, _mm256_set1_epi32(size == 1 ? 0xff
                                                                : 0xffff));
    }

    key = mlops_trees_lookup(t, key, registers);

    return mlops_trees_below(index, lanes,
                   _mm256_cmpgt_epi32(mlops_trees_gather(index, threshold,
                                                         4), key));
}


/* Walks n heaps of one depth, in 2 * n vectors.  Addresses of the second
 * vector of a block count from its own lane 0. */

mlops_trees_inline void
mlops_trees_heaps(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const mlops_trees_table_t *t,
    uint32_t *const *out, mlops_trees_sum_t *s, const int n, const int size,
    const int registers)
{
    int             v;
    __m256i         index[4], lanes, key;
    uint32_t        depth, cells;
    const char     *entry[4];
    const int32_t  *threshold[4];

    cells = block->nodes_n * MLOPS_TREES_LANES;
    depth = block->depth;
    lanes = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);

    mlops_trees_unroll
    for (v = 0; v < 2 * n; v++) {
        threshold[v] = mlops_trees_payload(head, block + v / 2);
        entry[v] = (const char *) (threshold[v] + cells);

        threshold[v] += v % 2 * MLOPS_TREES_BYTE;
        entry[v] += v % 2 * MLOPS_TREES_BYTE * size;
        index[v] = _mm256_add_epi32(lanes, _mm256_set1_epi32(16));
    }

    if (depth >= MLOPS_TREES_TOP) {
        depth -= MLOPS_TREES_TOP;

        mlops_trees_unroll
        for (v = 0; v < 2 * n; v++) {
            index[v] = mlops_trees_top(t, threshold[v], entry[v], index[v],
                                       lanes, size, registers);
        }

        mlops_trees_add(s);
    }

    for ( /* void */ ; depth != 0; depth--) {

        mlops_trees_unroll
        for (v = 0; v < 2 * n; v++) {
            index[v] = mlops_trees_down(t, threshold[v], entry[v], index[v],
                                        lanes, size, registers);
        }

        mlops_trees_add(s);
    }

    mlops_trees_unroll
    for (v = 0; v < 2 * n; v++) {
        key = _mm256_sub_epi32(index[v], _mm256_set1_epi32((int) cells));

        /* the leaves stand after the entries of all lanes */

        key = mlops_trees_gather(key,
                                 entry[v] + cells * (unsigned) size
                                 + v % 2 * MLOPS_TREES_BYTE * (4 - size), 4);

        _mm256_storeu_si256((__m256i *) (out[v / 2]
                                         + v % 2 * MLOPS_TREES_BYTE), key);
    }

    while (s->done != s->end) {
        mlops_trees_add(s);
    }
}


/* Walks n blocks of uneven trees; a node is loaded whole. */

mlops_trees_inline void
mlops_trees_narrows(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const mlops_trees_table_t *t,
    uint32_t *const *out, mlops_trees_sum_t *s, const int n,
    const int registers)
{
    int                          v;
    __m256                       lo, hi;
    __m256i                      index[4], key, rest;
    uint32_t                     depth, step;
    const mlops_trees_narrow_t  *nodes[4];

    depth = 0;

    mlops_trees_unroll
    for (v = 0; v < 2 * n; v++) {
        nodes[v] = mlops_trees_payload(head, block + v / 2);
        index[v] = _mm256_add_epi32(_mm256_set_epi32(8, 7, 6, 5, 4, 3, 2, 1),
                           _mm256_set1_epi32(v % 2 * MLOPS_TREES_BYTE));
        depth = block[v / 2].depth > depth ? block[v / 2].depth : depth;
    }

    for (step = 0; step < depth; step++) {

        mlops_trees_unroll
        for (v = 0; v < 2 * n; v++) {

            if (step >= block[v / 2].depth) {
                continue;
            }

            lo = _mm256_castsi256_ps(mlops_trees_gather64(
                           _mm256_castsi256_si128(index[v]), nodes[v], 8));
            hi = _mm256_castsi256_ps(mlops_trees_gather64(
                           _mm256_extracti128_si256(index[v], 1), nodes[v],
                           8));

            /* lanes 0, 1, 4, 5, 2, 3, 6, 7 */

            key = _mm256_castps_si256(_mm256_shuffle_ps(lo, hi, 0x88));
            rest = _mm256_castps_si256(_mm256_shuffle_ps(lo, hi, 0xdd));

            index[v] = _mm256_srli_epi32(rest, 16);
            rest = _mm256_and_si256(rest, _mm256_set1_epi32(0xffff));
            rest = mlops_trees_lookup(t, rest, registers);

            index[v] = _mm256_add_epi32(index[v],
                                        _mm256_cmpgt_epi32(key, rest));
            index[v] = _mm256_permute4x64_epi64(index[v], 0xd8);
        }

        mlops_trees_add(s);
    }

    mlops_trees_unroll
    for (v = 0; v < 2 * n; v++) {
        key = mlops_trees_gather(index[v], nodes[v], 8);

        _mm256_storeu_si256((__m256i *) (out[v / 2]
                                         + v % 2 * MLOPS_TREES_BYTE), key);
    }

    while (s->done != s->end) {
        mlops_trees_add(s);
    }
}


#define mlops_trees_walk_n(n)                                               \
    if (block->kind == MLOPS_TREES_NARROW) {                                  \
        mlops_trees_narrows(head, block, &t, out, &s, n, registers);          \
    }                                                                         \
                                                                              \
    if (block->kind == MLOPS_TREES_HEAP && head->stride <= 128) {             \
        mlops_trees_heaps(head, block, &t, out, &s, n, 1, registers);         \
    }                                                                         \
                                                                              \
    if (block->kind == MLOPS_TREES_HEAP && head->stride > 128) {              \
        mlops_trees_heaps(head, block, &t, out, &s, n, 2, registers);         \
    }

mlops_trees_inline void
mlops_trees_walk_body(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t n, const int32_t *keys,
    uint32_t *const *out, mlops_trees_sum_t *sum, const int registers)
{
    mlops_trees_sum_t    s;
    mlops_trees_table_t  t;

    s = *sum;           /* a copy, because stores of results may alias */
    t.keys = keys;
    t.r = _mm256_load_si256((const __m256i *) keys);

    if (n == 2) {
        mlops_trees_walk_n(2)
    }

    if (n == 1) {
        mlops_trees_walk_n(1)
    }

    *sum = s;
}


mlops_trees_target static void
mlops_trees_walk_memory(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t n, const int32_t *keys,
    uint32_t *const *out, mlops_trees_sum_t *s)
{
    mlops_trees_walk_body(head, block, n, keys, out, s, MLOPS_TREES_MEMORY);
}


/* The register has no place for the entry of leaves where all eight are
 * features. */

mlops_trees_target static void
mlops_trees_walk1(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t n, const int32_t *keys,
    uint32_t *const *out, mlops_trees_sum_t *s)
{
    if (block->kind == MLOPS_TREES_NARROW
        && head->features_n == MLOPS_TREES_BYTE)
    {
        mlops_trees_walk_memory(head, block, n, keys, out, s);
        return;
    }

    mlops_trees_walk_body(head, block, n, keys, out, s, 1);
}


mlops_trees_target void
mlops_trees_avx2(const void *data, const void *x, void *sums, void *scratch)
{
    uint32_t                   f, n;
    const float               *row;
    mlops_trees_walk_pt        walk;
    const mlops_trees_head_t  *head;

    head = data;
    row = x;
    n = head->features_n;

    mlops_trees_keys32(head, row, scratch);

    walk = mlops_trees_walk_memory;

    if (n <= MLOPS_TREES_BYTE) {
        for (f = 0; f < n && row[f] == row[f]; f++) { /* void */ }

        if (f == n) {
            walk = mlops_trees_walk1;
        }
    }

    mlops_trees_run32(head, row, sums, scratch, walk, 2);
}

#endif
