/*
 * Proving a laid-out form safe: whatever its bytes are, a form that passes
 * is walked inside its own bounds and in a bounded number of steps.
 *
 * Sections have to stand exactly where their counts put them.  An entry of
 * the key table, a child and the words of a bitset are in range; a child
 * stands after its parent, so that there is no cycle.  The cursor counts
 * places of origin (high half 0), then nodes of a block (high half: number
 * of the block plus 1).
 */

#include "mlops_trees.h"
#include "mlops_trees_layout.h"


#define MLOPS_TREES_BLOCK_COST  128     /* bytes of budget, beside nodes */


static int mlops_trees_check_head(const mlops_trees_head_t *head, size_t len,
    uint32_t features_n, uint32_t groups_n, mlops_err_t *err);
static int mlops_trees_check_counts(const mlops_trees_head_t *head,
    mlops_err_t *err);
static int mlops_trees_check_lists(const mlops_trees_head_t *head,
    mlops_err_t *err);
static int mlops_trees_check_origin(const mlops_trees_head_t *head,
    uint32_t *at, size_t *budget, mlops_err_t *err);
static int mlops_trees_check_block(const mlops_trees_head_t *head,
    uint32_t number, mlops_err_t *err);
static int mlops_trees_check_slots(const mlops_trees_head_t *head,
    uint32_t number, mlops_err_t *err);
static int mlops_trees_check_nodes(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t *at, size_t *budget);
static uint32_t mlops_trees_check_heap(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block);
static uint32_t mlops_trees_check_narrow(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t from, uint32_t to);
static uint32_t mlops_trees_check_wide(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t from, uint32_t to);
static uint64_t mlops_trees_payload_end(const mlops_trees_head_t *head,
    uint32_t blocks_n);


/* Does an entry name no feature? */

static inline uint32_t
mlops_trees_bad_entry(const mlops_trees_head_t *head, uint32_t entry)
{
    uint32_t  left;

    left = entry >= head->stride ? head->stride : 0;

    return entry - left >= head->features_n;
}


int
mlops_trees_check(const void *data, size_t len, uint32_t features_n,
    uint32_t groups_n, uint64_t *cursor, size_t budget, mlops_err_t *err)
{
    int                         rc;
    uint32_t                    number, at;
    const mlops_trees_head_t   *head;
    const mlops_trees_block_t  *block;

    head = data;

    if (mlops_trees_check_head(head, len, features_n, groups_n, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    number = (uint32_t) (*cursor >> 32);
    at = (uint32_t) *cursor;

    if (number == 0) {

        if (at == 0 && mlops_trees_check_lists(head, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        rc = mlops_trees_check_origin(head, &at, &budget, err);

        if (rc != MLOPS_OK) {
            *cursor = at;
            return rc;
        }

        number = 1;
        at = 0;
    }

    for ( /* void */ ; number <= head->blocks_n; number++) {

        if (budget < MLOPS_TREES_BLOCK_COST) {
            *cursor = (uint64_t) number << 32 | at;
            return MLOPS_AGAIN;
        }

        budget -= MLOPS_TREES_BLOCK_COST;

        if (at == 0
            && (mlops_trees_check_block(head, number - 1, err) != MLOPS_OK
                || mlops_trees_check_slots(head, number - 1, err)
                   != MLOPS_OK))
        {
            return MLOPS_ERROR;
        }

        block = mlops_trees_blocks(head) + number - 1;
        rc = mlops_trees_check_nodes(head, block, &at, &budget);

        if (rc == MLOPS_ERROR) {
            return mlops_err_set(err, "trees: block %u: a node points "
                                 "outside", number - 1);
        }

        if (rc == MLOPS_AGAIN) {
            *cursor = (uint64_t) number << 32 | at;
            return MLOPS_AGAIN;
        }

        at = 0;
    }

    if (mlops_trees_payload_end(head, head->blocks_n) != head->len) {
        return mlops_err_set(err, "trees: expected %llu bytes, got %llu",
                             (unsigned long long)
                             mlops_trees_payload_end(head, head->blocks_n),
                             (unsigned long long) head->len);
    }

    return MLOPS_OK;
}


static int
mlops_trees_check_head(const mlops_trees_head_t *head, size_t len,
    uint32_t features_n, uint32_t groups_n, mlops_err_t *err)
{
    mlops_trees_head_t  expected;

    if (len < sizeof(*head) || ((uintptr_t) head & 63) != 0) {
        return mlops_err_set(err, "trees: expected at least %zu bytes "
                             "aligned to 64, got %zu", sizeof(*head), len);
    }

    if (head->magic != MLOPS_TREES_MAGIC || head->abi != MLOPS_TREES_ABI) {
        return mlops_err_set(err, "trees: expected magic %08x abi %d, got "
                             "%08x abi %u", MLOPS_TREES_MAGIC,
                             MLOPS_TREES_ABI, head->magic, head->abi);
    }

    if (head->len != len) {
        return mlops_err_set(err, "trees: expected %zu bytes, got %llu", len,
                             (unsigned long long) head->len);
    }

    if (head->features_n != features_n || head->groups_n != groups_n) {
        return mlops_err_set(err, "trees: expected %u features and %u sums, "
                             "got %u and %u", features_n, groups_n,
                             head->features_n, head->groups_n);
    }

    if (mlops_trees_check_counts(head, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    expected = *head;

    memset(expected.reserved, 0, sizeof(expected.reserved));
    mlops_trees_sections(&expected);

    if (memcmp(&expected, head, sizeof(expected)) != 0) {
        return mlops_err_set(err, "trees: sections are not where their "
                             "counts put them");
    }

    if (head->blocks_at > len
        || head->blocks_n > (len - head->blocks_at)
                            / sizeof(mlops_trees_block_t))
    {
        return mlops_err_set(err, "trees: sections pass the end of %zu "
                             "bytes", len);
    }

    return MLOPS_OK;
}


static int
mlops_trees_check_counts(const mlops_trees_head_t *head, mlops_err_t *err)
{
    uint32_t  needed, stride;

    if (head->features_n == 0 || head->features_n > MLOPS_TREES_MAX_FEATURE
        || head->groups_n == 0 || head->groups_n > MLOPS_TREES_MAX_GROUPS
        || head->trees_n > INT32_MAX
        || head->vectors_n > INT32_MAX
        || head->sets_n > INT32_MAX
        || head->cats_n > head->features_n
        || (head->flags & ~(MLOPS_TREES_F32|MLOPS_TREES_VECTOR
                            |MLOPS_TREES_ORDERED)) != 0)
    {
        return mlops_err_set(err, "trees: a count or flag is out of range");
    }

    if (head->flags & MLOPS_TREES_VECTOR
        && head->vectors_n == 0 && head->trees_n != 0)
    {
        return mlops_err_set(err, "trees: expected vectors, got none");
    }

    needed = (head->trees_n + MLOPS_TREES_LANES - 1) / MLOPS_TREES_LANES;

    if (head->blocks_n < needed
        || ((head->flags & MLOPS_TREES_ORDERED) && head->blocks_n != needed))
    {
        return mlops_err_set(err, "trees: expected %u blocks, got %u",
                             needed, head->blocks_n);
    }

    stride = head->stride;

    if (stride != 16 && stride != 32 && stride != 64 && stride != 128
        && (stride < 129 || stride != head->features_n + 1))
    {
        return mlops_err_set(err, "trees: unexpected stride %u", stride);
    }

    if (stride < head->features_n) {
        return mlops_err_set(err, "trees: stride %u is less than %u "
                             "features", stride, head->features_n);
    }

    return MLOPS_OK;
}


static int
mlops_trees_check_lists(const mlops_trees_head_t *head, mlops_err_t *err)
{
    uint32_t         i;
    const uint16_t  *cats;
    const uint32_t  *first;

    first = mlops_trees_at(head, head->first_at);

    for (i = 0; i < head->groups_n; i++) {
        if (first[i] > first[i + 1]) {
            break;
        }
    }

    if (i != head->groups_n || first[0] != 0 || first[i] != head->trees_n) {
        return mlops_err_set(err, "trees: the slots of the groups are not "
                             "all %u in a row", head->trees_n);
    }

    cats = mlops_trees_at(head, head->cats_at);

    for (i = 0; i < head->cats_n; i++) {
        if (cats[i] >= head->features_n || (i != 0 && cats[i] <= cats[i - 1]))
        {
            return mlops_err_set(err, "trees: categorical feature %u: "
                                 "expected one below %u and ascending, got "
                                 "%u", i, head->features_n, cats[i]);
        }
    }

    return MLOPS_OK;
}


static int
mlops_trees_check_origin(const mlops_trees_head_t *head, uint32_t *at,
    size_t *budget, mlops_err_t *err)
{
    uint32_t         i, n, max;
    const uint32_t  *origin;

    n = head->trees_n - *at;

    if (n > *budget / sizeof(uint32_t)) {
        n = (uint32_t) (*budget / sizeof(uint32_t));
    }

    origin = mlops_trees_at(head, head->origin_at);
    origin += *at;
    max = 0;

    for (i = 0; i < n; i++) {
        max = origin[i] > max ? origin[i] : max;
    }

    if (n != 0 && max >= head->trees_n) {
        return mlops_err_set(err, "trees: expected trees below %u, got %u",
                             head->trees_n, max);
    }

    *at += n;
    *budget -= n * sizeof(uint32_t);

    return *at == head->trees_n ? MLOPS_OK : MLOPS_AGAIN;
}


/* Where the payload of block blocks_n stands, by the block before it. */

static uint64_t
mlops_trees_payload_end(const mlops_trees_head_t *head, uint32_t blocks_n)
{
    const mlops_trees_block_t  *last;

    if (blocks_n == 0) {
        return mlops_trees_align(head->blocks_at
                                 + (uint64_t) head->blocks_n
                                   * sizeof(mlops_trees_block_t));
    }

    last = mlops_trees_blocks(head) + blocks_n - 1;

    return mlops_trees_align(last->at
                             + mlops_trees_payload_len(last->kind,
                                                       last->nodes_n,
                                                       head->stride));
}


static int
mlops_trees_check_block(const mlops_trees_head_t *head, uint32_t number,
    mlops_err_t *err)
{
    int                         ok;
    uint64_t                    at;
    const mlops_trees_block_t  *block;

    block = mlops_trees_blocks(head) + number;
    at = mlops_trees_payload_end(head, number);

    switch (block->kind) {

    case MLOPS_TREES_HEAP:
        ok = (head->flags & MLOPS_TREES_F32)
             && block->depth <= MLOPS_TREES_HEAP_DEPTH
             && block->nodes_n == 1u << block->depth;
        break;

    case MLOPS_TREES_NARROW:
        ok = (head->flags & MLOPS_TREES_F32)
             && block->nodes_n <= UINT16_MAX + 1;
        break;

    case MLOPS_TREES_WIDE:
        ok = 1;
        break;

    case MLOPS_TREES_SETS:
        ok = head->cats_n != 0 && head->sets_n != 0;
        break;

    default:
        ok = 0;
    }

    if (block->kind != MLOPS_TREES_HEAP) {

        /* on the deepest way each step has two nodes below it */

        ok = ok && block->nodes_n > MLOPS_TREES_LANES + 2u * block->depth
             && head->stride > head->features_n
             && block->depth <= MLOPS_TREES_MAX_DEPTH;
    }

    if (!ok || block->reserved != 0 || block->trees_n == 0
        || block->trees_n > MLOPS_TREES_LANES
        || (block->flags & ~MLOPS_TREES_CONTIGUOUS) != 0)
    {
        return mlops_err_set(err, "trees: block %u: kind %u, depth %u, %u "
                             "nodes, %u trees do not agree", number,
                             block->kind, block->depth, block->nodes_n,
                             block->trees_n);
    }

    if (block->at != at || at > head->len
        || head->len - at < mlops_trees_payload_len(block->kind,
                                                    block->nodes_n,
                                                    head->stride))
    {
        return mlops_err_set(err, "trees: block %u: expected its payload at "
                             "%llu of %llu bytes, got %llu", number,
                             (unsigned long long) at,
                             (unsigned long long) head->len,
                             (unsigned long long) block->at);
    }

    return MLOPS_OK;
}


static int
mlops_trees_check_slots(const mlops_trees_head_t *head, uint32_t number,
    mlops_err_t *err)
{
    int                         ok;
    uint32_t                    l;
    const uint32_t             *slots;
    const mlops_trees_block_t  *block;

    block = mlops_trees_blocks(head) + number;
    slots = mlops_trees_lane_slots(head, block);
    ok = 1;

    for (l = 0; l < MLOPS_TREES_LANES; l++) {
        ok &= (l < block->trees_n)
              ? slots[l] < head->trees_n
              : slots[l] >= head->trees_n
                && slots[l] < head->trees_n + MLOPS_TREES_LANES;
    }

    ok &= mlops_trees_contiguous(slots)
          == (block->flags & MLOPS_TREES_CONTIGUOUS);

    if (head->flags & MLOPS_TREES_ORDERED) {
        ok &= (block->flags & MLOPS_TREES_CONTIGUOUS)
              && slots[0] == number * MLOPS_TREES_LANES;
    }

    if (!ok) {
        return mlops_err_set(err, "trees: block %u: its slots are out of "
                             "range or order", number);
    }

    return MLOPS_OK;
}


static int
mlops_trees_check_nodes(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t *at, size_t *budget)
{
    size_t    node, n;
    uint32_t  from, bad;

    if (block->kind == MLOPS_TREES_HEAP) {
        n = (size_t) mlops_trees_payload_len(block->kind, block->nodes_n,
                                             head->stride);
        *budget -= n < *budget ? n : *budget;

        return mlops_trees_check_heap(head, block) ? MLOPS_ERROR : MLOPS_OK;
    }

    node = (block->kind == MLOPS_TREES_NARROW) ? sizeof(mlops_trees_narrow_t)
                                               : sizeof(mlops_trees_wide_t);
    from = (*at == 0) ? 1 : *at;        /* node 0 is not used */

    n = *budget / node + 1;

    if (n > block->nodes_n - from) {
        n = block->nodes_n - from;
    }

    bad = (block->kind == MLOPS_TREES_NARROW)
          ? mlops_trees_check_narrow(head, block, from, from + (uint32_t) n)
          : mlops_trees_check_wide(head, block, from, from + (uint32_t) n);

    *at = from + (uint32_t) n;
    *budget -= n * node < *budget ? n * node : *budget;

    if (bad) {
        return MLOPS_ERROR;
    }

    return *at == block->nodes_n ? MLOPS_OK : MLOPS_AGAIN;
}


static uint32_t
mlops_trees_check_heap(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block)
{
    uint8_t          feature, mask, max, top;
    uint32_t         i, n, bad;
    const int32_t   *threshold;
    const uint8_t   *narrow;
    const uint16_t  *wide;

    n = block->nodes_n * MLOPS_TREES_LANES;
    threshold = mlops_trees_payload(head, block);
    narrow = (const uint8_t *) (threshold + n);
    wide = (const uint16_t *) (threshold + n);
    max = 0;
    bad = 0;

    if (mlops_trees_entry_size(head->stride) == sizeof(uint8_t)) {

        /* the stride is a power of two */

        mask = (uint8_t) (head->stride - 1);
        top = 0;

        for (i = 0; i < n; i++) {
            feature = narrow[i] & mask;
            max = feature > max ? feature : max;
            top |= narrow[i];
        }

        return max >= head->features_n || top >= 2 * head->stride;
    }

    for (i = 0; i < n; i++) {
        bad |= mlops_trees_bad_entry(head, wide[i]);
    }

    return bad;
}


/* The right child is the node itself in a leaf, and otherwise far enough for
 * the left one to stand after the node, too. */

static uint32_t
mlops_trees_check_narrow(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t from, uint32_t to)
{
    uint32_t                     i, bad, split;
    const mlops_trees_narrow_t  *nodes;

    nodes = mlops_trees_payload(head, block);
    bad = 0;

    for (i = from; i < to; i++) {
        split = (nodes[i].right != i)
                | (nodes[i].entry != head->features_n);

        bad |= (nodes[i].right >= block->nodes_n)
               | (split & ((nodes[i].right < i + 2)
                           | mlops_trees_bad_entry(head, nodes[i].entry)));
    }

    return bad;
}


static uint32_t
mlops_trees_check_wide(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t from, uint32_t to)
{
    uint32_t                   i, bad, split;
    uint64_t                   first, last;
    const mlops_trees_wide_t  *nodes;

    nodes = mlops_trees_payload(head, block);
    bad = 0;

    for (i = from; i < to; i++) {
        split = (nodes[i].right != i)
                | (nodes[i].entry != head->features_n)
                | (nodes[i].set != 0);

        bad |= (nodes[i].right >= block->nodes_n)
               | (split & (nodes[i].right < (uint64_t) i + 2));

        if (nodes[i].set == 0) {
            bad |= split & mlops_trees_bad_entry(head, nodes[i].entry);
            continue;
        }

        first = (uint32_t) nodes[i].key;
        last = (uint64_t) nodes[i].key >> 32;

        bad |= (block->kind != MLOPS_TREES_SETS)
               | (nodes[i].set != 1)
               | (nodes[i].entry >= 2 * head->cats_n)
               | (first + last / 32 >= head->sets_n);
    }

    return bad;
}
