/*
 * Laying a forest out: which trees share a block, and the bytes of each.
 * The form is described in mlops_trees_layout.h.
 */

#include "mlops_trees.h"
#include "mlops_trees_layout.h"

#include <stdlib.h>


#define MLOPS_TREES_NONE         UINT32_MAX

/* A NARROW block numbers its nodes in 16 bits. */
#define MLOPS_TREES_NARROW_MAX   4095

#define MLOPS_TREES_SETS_MAX     67108864       /* words: 256 MiB */


typedef struct {
    uint32_t  depth;
    uint32_t  nodes_n;
    uint32_t  kind;
} mlops_trees_shape_t;


typedef struct {
    uint32_t  kind;
    uint32_t  depth;
    uint32_t  nodes_n;
    uint32_t  trees_n;
    uint32_t  slots[MLOPS_TREES_LANES];
    uint64_t  at;
} mlops_trees_plan_t;


typedef struct {
    const mlops_forest_t  *forest;

    mlops_trees_shape_t   *shapes;          /* by tree */
    uint32_t              *order;           /* trees by slot */
    uint32_t              *first;           /* slot of each group */
    uint32_t              *picked;          /* slots of one kind */
    mlops_trees_plan_t    *plans;
    uint32_t               plans_n;

    uint32_t              *cat_of;          /* by feature, or NONE */
    uint32_t               cats_n;
    uint32_t               sets_n;
    uint32_t               vectors_n;
    uint32_t               stride;
    uint32_t               flags;

    uint32_t              *queue;           /* nodes of the forest by place */
    uint32_t               sets_used;
    uint32_t               vectors_used;

    char                  *data;
    mlops_trees_head_t     head;
} mlops_trees_build_t;


static int mlops_trees_plan(mlops_trees_build_t *b, mlops_err_t *err);
static int mlops_trees_measure(mlops_trees_build_t *b, mlops_err_t *err);
static int mlops_trees_measure_tree(mlops_trees_build_t *b, uint32_t tree,
    uint64_t *sets_n, uint64_t *vectors_n);
static uint32_t mlops_trees_set_last(const mlops_forest_t *forest,
    const mlops_forest_node_t *node);
static void mlops_trees_choose(mlops_trees_build_t *b);
static void mlops_trees_order(mlops_trees_build_t *b);
static void mlops_trees_group(mlops_trees_build_t *b, uint32_t kind);
static void mlops_trees_sort_depth(mlops_trees_build_t *b, uint32_t n);
static uint64_t mlops_trees_steps(const mlops_trees_build_t *b,
    const uint32_t *slots, uint32_t n);
static int mlops_trees_place(mlops_trees_build_t *b, size_t *len,
    mlops_err_t *err);
static void mlops_trees_fill(mlops_trees_build_t *b);
static void mlops_trees_fill_block(mlops_trees_build_t *b,
    const mlops_trees_plan_t *plan, mlops_trees_block_t *block);
static void mlops_trees_fill_heap(mlops_trees_build_t *b,
    const mlops_trees_plan_t *plan, char *payload);
static void mlops_trees_fill_uneven(mlops_trees_build_t *b,
    const mlops_trees_plan_t *plan, char *payload);
static void mlops_trees_fill_set(mlops_trees_build_t *b,
    const mlops_forest_node_t *node, mlops_trees_wide_t *out);
static int64_t mlops_trees_leaf(mlops_trees_build_t *b,
    const mlops_forest_node_t *node);
static uint32_t mlops_trees_entry(const mlops_trees_build_t *b,
    const mlops_forest_node_t *node);
static void mlops_trees_store(char *data, uint32_t f32, uint64_t i,
    double value);


int
mlops_trees_build(const mlops_forest_t *forest, void **data, size_t *len,
    mlops_err_t *err)
{
    int                  rc;
    size_t               trees_n;
    mlops_trees_build_t  b;

    *data = NULL;
    *len = 0;

    memset(&b, 0, sizeof(b));

    b.forest = forest;
    trees_n = (size_t) forest->trees_n + 1;

    b.shapes = calloc(trees_n, sizeof(*b.shapes));
    b.order = calloc(trees_n, sizeof(*b.order));
    b.first = calloc((size_t) forest->groups_n + 2, sizeof(*b.first));
    b.picked = calloc(trees_n, sizeof(*b.picked));
    b.plans = calloc(trees_n / MLOPS_TREES_LANES + 5, sizeof(*b.plans));
    b.cat_of = malloc(((size_t) forest->features_n + 1)
                      * sizeof(*b.cat_of));
    b.queue = malloc(((size_t) forest->nodes_n
                      + 2 * MLOPS_TREES_LANES + 512) * sizeof(*b.queue));

    if (b.shapes == NULL || b.order == NULL || b.first == NULL
        || b.picked == NULL || b.plans == NULL
        || b.cat_of == NULL || b.queue == NULL)
    {
        rc = mlops_err_set(err, "trees: no memory to lay out %u trees",
                           forest->trees_n);

    } else {
        rc = mlops_trees_plan(&b, err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_trees_place(&b, len, err);
    }

    if (rc == MLOPS_OK) {
        mlops_trees_fill(&b);
        *data = b.data;
    }

    free(b.shapes);
    free(b.order);
    free(b.first);
    free(b.picked);
    free(b.plans);
    free(b.cat_of);
    free(b.queue);

    return rc;
}


static int
mlops_trees_plan(mlops_trees_build_t *b, mlops_err_t *err)
{
    uint32_t               s, kind;
    const mlops_forest_t  *forest;

    forest = b->forest;

    if (forest->f32) {
        b->flags |= MLOPS_TREES_F32;
    }

    if (forest->leaf_size > 1) {
        b->flags |= MLOPS_TREES_VECTOR;
    }

    if (mlops_trees_measure(b, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_trees_choose(b);
    mlops_trees_order(b);

    for (kind = MLOPS_TREES_HEAP; kind <= MLOPS_TREES_SETS; kind++) {
        mlops_trees_group(b, kind);
    }

    /* uneven trees need an entry that is always the largest key */

    s = forest->features_n;

    for (kind = 0; kind < b->plans_n; kind++) {
        if (b->plans[kind].kind != MLOPS_TREES_HEAP) {
            s = forest->features_n + 1;
            break;
        }
    }

    b->stride = (s <= 16) ? 16 : (s <= 32) ? 32 : (s <= 64) ? 64
                : (s <= 128) ? 128 : forest->features_n + 1;

    return MLOPS_OK;
}


static int
mlops_trees_measure(mlops_trees_build_t *b, mlops_err_t *err)
{
    uint32_t  tree, f;
    uint64_t  sets_n, vectors_n;

    sets_n = 0;
    vectors_n = 0;

    for (f = 0; f < b->forest->features_n; f++) {
        b->cat_of[f] = MLOPS_TREES_NONE;
    }

    for (tree = 0; tree < b->forest->trees_n; tree++) {
        if (mlops_trees_measure_tree(b, tree, &sets_n, &vectors_n)
            != MLOPS_OK)
        {
            return mlops_err_set(err, "trees: tree %u is deeper than %d",
                                 tree, MLOPS_TREES_MAX_DEPTH);
        }

        if (sets_n > MLOPS_TREES_SETS_MAX) {
            return mlops_err_set(err, "trees: the bitsets of categories need "
                                 "more than %d bytes; number the categories "
                                 "from 0 without gaps",
                                 MLOPS_TREES_SETS_MAX * 4);
        }
    }

    if (vectors_n > INT32_MAX) {
        return mlops_err_set(err, "trees: expected at most %d leaves, got "
                             "%llu", INT32_MAX,
                             (unsigned long long) vectors_n);
    }

    b->sets_n = (uint32_t) sets_n;

    if (b->flags & MLOPS_TREES_VECTOR) {
        b->vectors_n = (uint32_t) vectors_n;
    }

    for (f = 0; f < b->forest->features_n; f++) {
        if (b->cat_of[f] != MLOPS_TREES_NONE) {
            b->cat_of[f] = b->cats_n++;
        }
    }

    return MLOPS_OK;
}


static int
mlops_trees_measure_tree(mlops_trees_build_t *b, uint32_t tree,
    uint64_t *sets_n, uint64_t *vectors_n)
{
    uint32_t                    number, depth, top;
    uint32_t                    stack[MLOPS_TREES_MAX_DEPTH + 1];
    uint32_t                    depths[MLOPS_TREES_MAX_DEPTH + 1];
    mlops_trees_shape_t        *shape;
    const mlops_forest_node_t  *node;

    shape = &b->shapes[tree];
    shape->kind = b->forest->f32 ? MLOPS_TREES_HEAP : MLOPS_TREES_WIDE;

    number = b->forest->roots[tree];
    depth = 0;
    top = 0;

    for ( ;; ) {
        node = &b->forest->nodes[number];
        shape->nodes_n++;

        if (node->feature == MLOPS_TREES_LEAF) {
            (*vectors_n)++;

            if (shape->depth < depth) {
                shape->depth = depth;
            }

            if (top == 0) {
                return MLOPS_OK;
            }

            top--;
            number = stack[top];
            depth = depths[top];
            continue;
        }

        if (depth == MLOPS_TREES_MAX_DEPTH) {
            return MLOPS_ERROR;
        }

        if (node->categorical) {
            shape->kind = MLOPS_TREES_SETS;
            b->cat_of[node->feature] = 0;
            *sets_n += mlops_trees_set_last(b->forest, node) / 32 + 1;
        }

        stack[top] = node->right;
        depths[top] = ++depth;
        top++;

        number = node->left;
    }
}


static uint32_t
mlops_trees_set_last(const mlops_forest_t *forest,
    const mlops_forest_node_t *node)
{
    uint32_t  i, code, last;

    last = 1;

    for (i = 0; i < node->set_n; i++) {
        code = forest->set_codes[node->set_first + i];

        if (last < code + 2) {
            last = code + 2;
        }
    }

    return last;
}


/*
 * A perfect heap walks fastest while it is small: it is taken up to depth 6,
 * and at 7 and 8 where at least a quarter of it is in use.  A form in which
 * many trees cannot be heaps has none: its slots are then in the order of
 * the trees and can be added while the next block is walked.
 */

static void
mlops_trees_choose(mlops_trees_build_t *b)
{
    uint32_t              tree, leaves, uneven;
    mlops_trees_shape_t  *shape;

    uneven = 0;

    for (tree = 0; tree < b->forest->trees_n; tree++) {
        shape = &b->shapes[tree];

        if (shape->kind != MLOPS_TREES_HEAP) {
            continue;
        }

        leaves = shape->nodes_n / 2 + 1;

        if (shape->depth <= 6
            || (shape->depth <= MLOPS_TREES_HEAP_DEPTH
                && (1u << shape->depth) <= 4 * leaves))
        {
            continue;
        }

        shape->kind = (shape->nodes_n <= MLOPS_TREES_NARROW_MAX)
                      ? MLOPS_TREES_NARROW : MLOPS_TREES_WIDE;
        uneven++;
    }

    if (uneven <= b->forest->trees_n / 4) {
        return;
    }

    for (tree = 0; tree < b->forest->trees_n; tree++) {
        if (b->shapes[tree].kind == MLOPS_TREES_HEAP) {
            b->shapes[tree].kind = MLOPS_TREES_NARROW;
        }
    }
}


/* Slots by group, then by tree: a counting sort. */

static void
mlops_trees_order(mlops_trees_build_t *b)
{
    uint32_t               g, tree;
    const mlops_forest_t  *forest;

    forest = b->forest;

    for (tree = 0; tree < forest->trees_n; tree++) {
        b->first[forest->group[tree] + 2]++;
    }

    for (g = 2; g <= forest->groups_n; g++) {
        b->first[g] += b->first[g - 1];
    }

    /* first[g + 1] moves from the start of group g to its end */

    for (tree = 0; tree < forest->trees_n; tree++) {
        b->order[b->first[forest->group[tree] + 1]++] = tree;
    }
}


/* Cuts the trees of one kind into blocks. */

static void
mlops_trees_group(mlops_trees_build_t *b, uint32_t kind)
{
    uint32_t              i, l, n, slot;
    mlops_trees_plan_t   *plan;
    mlops_trees_shape_t  *shape;

    n = 0;

    for (slot = 0; slot < b->forest->trees_n; slot++) {
        if (b->shapes[b->order[slot]].kind == kind) {
            b->picked[n++] = slot;
        }
    }

    mlops_trees_sort_depth(b, n);

    for (i = 0; i < n; i += MLOPS_TREES_LANES) {
        plan = &b->plans[b->plans_n++];
        plan->kind = kind;

        /* number 0 and roots of lanes without a tree */

        plan->nodes_n = 1 + MLOPS_TREES_LANES;

        for (l = 0; l < MLOPS_TREES_LANES; l++) {

            if (i + l >= n) {

                /* the dump; in the row of the others where they end there */

                plan->slots[l] = b->forest->trees_n + l;

                if (plan->slots[l - 1] + 1 >= b->forest->trees_n) {
                    plan->slots[l] = plan->slots[l - 1] + 1;
                }

                continue;
            }

            shape = &b->shapes[b->order[b->picked[i + l]]];

            plan->slots[l] = b->picked[i + l];
            plan->trees_n++;
            plan->nodes_n += shape->nodes_n - 1;

            if (plan->depth < shape->depth) {
                plan->depth = shape->depth;
            }
        }

        if (kind == MLOPS_TREES_HEAP) {
            plan->nodes_n = 1u << plan->depth;
        }
    }
}


/*
 * A block takes as many steps as its deepest tree.  Sorting the picked slots
 * by depth takes them out of their order, so that they cannot be added on
 * the way: it is done where it saves a third of the steps.
 */

static void
mlops_trees_sort_depth(mlops_trees_build_t *b, uint32_t n)
{
    uint32_t   i, depth, *sorted;
    uint32_t   at[MLOPS_TREES_MAX_DEPTH + 2];

    memset(at, 0, sizeof(at));

    for (i = 0; i < n; i++) {
        at[b->shapes[b->order[b->picked[i]]].depth + 1]++;
    }

    for (i = 1; i < MLOPS_TREES_MAX_DEPTH + 2; i++) {
        at[i] += at[i - 1];
    }

    sorted = malloc(((size_t) n + 1) * sizeof(*sorted));

    if (sorted == NULL) {
        return;
    }

    for (i = 0; i < n; i++) {
        depth = b->shapes[b->order[b->picked[i]]].depth;
        sorted[at[depth]++] = b->picked[i];
    }

    if (3 * mlops_trees_steps(b, sorted, n)
        <= 2 * mlops_trees_steps(b, b->picked, n))
    {
        memcpy(b->picked, sorted, n * sizeof(*sorted));
    }

    free(sorted);
}


/* Steps of all blocks, each with two more for its leaves and sums. */

static uint64_t
mlops_trees_steps(const mlops_trees_build_t *b, const uint32_t *slots,
    uint32_t n)
{
    uint32_t  i, depth, deepest;
    uint64_t  steps;

    steps = 0;
    deepest = 0;

    for (i = 0; i < n; i++) {
        depth = b->shapes[b->order[slots[i]]].depth;

        if (deepest < depth) {
            deepest = depth;
        }

        if (i % MLOPS_TREES_LANES == MLOPS_TREES_LANES - 1 || i == n - 1) {
            steps += deepest + 2;
            deepest = 0;
        }
    }

    return steps;
}


/* Offsets of all sections, and the memory. */

static int
mlops_trees_place(mlops_trees_build_t *b, size_t *len, mlops_err_t *err)
{
    uint32_t               i;
    uint64_t               at;
    mlops_trees_head_t    *head;
    const mlops_forest_t  *forest;

    forest = b->forest;
    head = &b->head;

    head->magic = MLOPS_TREES_MAGIC;
    head->abi = MLOPS_TREES_ABI;
    head->features_n = forest->features_n;
    head->groups_n = forest->groups_n;
    head->trees_n = forest->trees_n;
    head->blocks_n = b->plans_n;
    head->stride = b->stride;
    head->cats_n = b->cats_n;
    head->sets_n = b->sets_n;
    head->vectors_n = b->vectors_n;

    b->flags |= MLOPS_TREES_ORDERED;

    for (i = 0; i < b->plans_n; i++) {
        if (!mlops_trees_contiguous(b->plans[i].slots)
            || b->plans[i].slots[0] != i * MLOPS_TREES_LANES)
        {
            b->flags &= ~(uint32_t) MLOPS_TREES_ORDERED;
            break;
        }
    }

    head->flags = (uint16_t) b->flags;

    mlops_trees_sections(head);

    at = mlops_trees_align(head->blocks_at + (uint64_t) b->plans_n
                                             * sizeof(mlops_trees_block_t));

    for (i = 0; i < b->plans_n; i++) {
        b->plans[i].at = at;
        at += mlops_trees_align(mlops_trees_payload_len(b->plans[i].kind,
                                                        b->plans[i].nodes_n,
                                                        b->stride));
    }

    head->len = at;

    if (at > PTRDIFF_MAX
        || posix_memalign((void **) &b->data, 64, (size_t) at) != 0)
    {
        return mlops_err_set(err, "trees: no memory for %llu bytes of "
                             "%u trees", (unsigned long long) at,
                             forest->trees_n);
    }

    memset(b->data, 0, (size_t) at);
    memcpy(b->data, head, sizeof(*head));

    for (i = 0; i < forest->groups_n; i++) {
        mlops_trees_store(b->data + head->base_at, forest->f32, i,
                          forest->base[i]);
    }

    *len = (size_t) at;

    return MLOPS_OK;
}


static void
mlops_trees_fill(mlops_trees_build_t *b)
{
    uint16_t             *cats;
    uint32_t              f, i;
    mlops_trees_block_t  *blocks;

    memcpy(b->data + b->head.first_at, b->first,
           ((size_t) b->head.groups_n + 1) * sizeof(uint32_t));
    memcpy(b->data + b->head.origin_at, b->order,
           (size_t) b->head.trees_n * sizeof(uint32_t));

    cats = (uint16_t *) (b->data + b->head.cats_at);

    for (f = 0; f < b->head.features_n; f++) {
        if (b->cat_of[f] != MLOPS_TREES_NONE) {
            cats[b->cat_of[f]] = (uint16_t) f;
        }
    }

    blocks = (mlops_trees_block_t *) (b->data + b->head.blocks_at);

    for (i = 0; i < b->plans_n; i++) {
        mlops_trees_fill_block(b, &b->plans[i], &blocks[i]);
    }
}


static void
mlops_trees_fill_block(mlops_trees_build_t *b,
    const mlops_trees_plan_t *plan, mlops_trees_block_t *block)
{
    char  *payload;

    block->at = plan->at;
    block->nodes_n = plan->nodes_n;
    block->trees_n = plan->trees_n;
    block->depth = (uint16_t) plan->depth;
    block->kind = (uint8_t) plan->kind;

    if (mlops_trees_contiguous(plan->slots)) {
        block->flags = MLOPS_TREES_CONTIGUOUS;
    }

    payload = b->data + plan->at;

    memcpy(payload, plan->slots, sizeof(plan->slots));
    payload += sizeof(plan->slots);

    if (plan->kind == MLOPS_TREES_HEAP) {
        mlops_trees_fill_heap(b, plan, payload);
        return;
    }

    mlops_trees_fill_uneven(b, plan, payload);
}


static void
mlops_trees_fill_heap(mlops_trees_build_t *b,
    const mlops_trees_plan_t *plan, char *payload)
{
    char                       *entry;
    int32_t                    *threshold;
    uint32_t                    l, i, number, *leaf, *queue;
    const mlops_forest_node_t  *node;

    threshold = (int32_t *) payload;
    entry = payload + plan->nodes_n * MLOPS_TREES_LANES * sizeof(int32_t);
    leaf = (uint32_t *) (entry + plan->nodes_n * MLOPS_TREES_LANES
                                 * mlops_trees_entry_size(b->stride));

    /* queue[i]: what stands at number i; NONE: nothing, to the left of a
     * filler */

    queue = b->queue;

    for (l = 0; l < plan->trees_n; l++) {
        queue[1] = b->forest->roots[b->order[plan->slots[l]]];

        for (i = 1; i < plan->nodes_n; i++) {
            number = queue[i];
            node = (number == MLOPS_TREES_NONE)
                   ? NULL : &b->forest->nodes[number];

            if (node == NULL || node->feature == MLOPS_TREES_LEAF) {
                threshold[i * MLOPS_TREES_LANES + l] = INT32_MIN;
                queue[2 * i] = MLOPS_TREES_NONE;
                queue[2 * i + 1] = number;
                continue;
            }

            threshold[i * MLOPS_TREES_LANES + l] =
                                   mlops_trees_key32((float) node->threshold);

            if (mlops_trees_entry_size(b->stride) == 1) {
                ((uint8_t *) entry)[i * MLOPS_TREES_LANES + l] =
                                     (uint8_t) mlops_trees_entry(b, node);

            } else {
                ((uint16_t *) entry)[i * MLOPS_TREES_LANES + l] =
                                     (uint16_t) mlops_trees_entry(b, node);
            }

            queue[2 * i] = node->left;
            queue[2 * i + 1] = node->right;
        }

        for (i = 0; i < plan->nodes_n; i++) {
            number = queue[plan->nodes_n + i];

            if (number != MLOPS_TREES_NONE) {
                leaf[i * MLOPS_TREES_LANES + l] =
                       (uint32_t) mlops_trees_leaf(b,
                                                   &b->forest->nodes[number]);
            }
        }
    }

    /* lanes without a tree */

    for ( /* void */ ; l < MLOPS_TREES_LANES; l++) {
        for (i = 1; i < plan->nodes_n; i++) {
            threshold[i * MLOPS_TREES_LANES + l] = INT32_MIN;
        }
    }
}


/* NARROW, WIDE and SETS: level by level through all trees of the block. */

static void
mlops_trees_fill_uneven(mlops_trees_build_t *b,
    const mlops_trees_plan_t *plan, char *payload)
{
    uint32_t                    i, l, next, number, *queue;
    mlops_trees_wide_t          out;
    mlops_trees_narrow_t       *narrow;
    const mlops_forest_node_t  *node;

    queue = b->queue;

    for (l = 0; l < MLOPS_TREES_LANES; l++) {
        queue[1 + l] = (l < plan->trees_n)
                       ? b->forest->roots[b->order[plan->slots[l]]]
                       : MLOPS_TREES_NONE;
    }

    next = 1 + MLOPS_TREES_LANES;

    for (i = 1; i < plan->nodes_n; i++) {
        number = queue[i];
        node = (number == MLOPS_TREES_NONE)
               ? NULL : &b->forest->nodes[number];

        memset(&out, 0, sizeof(out));

        if (node == NULL || node->feature == MLOPS_TREES_LEAF) {
            out.key = (node == NULL) ? 0 : mlops_trees_leaf(b, node);
            out.entry = (uint16_t) b->head.features_n;
            out.right = i;

        } else {
            out.entry = (uint16_t) mlops_trees_entry(b, node);
            out.right = next + 1;

            queue[next++] = node->left;
            queue[next++] = node->right;

            if (node->categorical) {
                mlops_trees_fill_set(b, node, &out);

            } else if (b->flags & MLOPS_TREES_F32) {
                out.key = mlops_trees_key32((float) node->threshold);

            } else {
                out.key = mlops_trees_key64(node->threshold);
            }
        }

        if (plan->kind != MLOPS_TREES_NARROW) {
            memcpy(payload + i * sizeof(out), &out, sizeof(out));
            continue;
        }

        narrow = (mlops_trees_narrow_t *) payload + i;

        narrow->key = (int32_t) out.key;
        narrow->entry = out.entry;
        narrow->right = (uint16_t) out.right;
    }
}


static void
mlops_trees_fill_set(mlops_trees_build_t *b, const mlops_forest_node_t *node,
    mlops_trees_wide_t *out)
{
    uint32_t  i, bit, last, *words;

    last = mlops_trees_set_last(b->forest, node);
    words = (uint32_t *) (b->data + b->head.sets_at) + b->sets_used;

    out->key = (int64_t) ((uint64_t) last << 32 | b->sets_used);
    out->set = 1;

    words[0] = 1;

    for (i = 0; i < node->set_n; i++) {
        bit = b->forest->set_codes[node->set_first + i] + 1;
        words[bit / 32] |= 1u << (bit % 32);
    }

    b->sets_used += last / 32 + 1;
}


/* The bits of the slot: a value, or the number of a new vector. */

static int64_t
mlops_trees_leaf(mlops_trees_build_t *b, const mlops_forest_node_t *node)
{
    float          f;
    int32_t        bits;
    int64_t        wide;
    uint32_t       g;
    const double  *value;

    value = b->forest->leaf_values + node->left;

    if (b->flags & MLOPS_TREES_VECTOR) {

        for (g = 0; g < b->head.groups_n; g++) {
            mlops_trees_store(b->data + b->head.vectors_at, b->forest->f32,
                              (uint64_t) b->vectors_used * b->head.groups_n
                              + g,
                              value[g]);
        }

        return b->vectors_used++;
    }

    if (b->flags & MLOPS_TREES_F32) {
        f = (float) *value;
        memcpy(&bits, &f, sizeof(bits));

        return bits;
    }

    memcpy(&wide, value, sizeof(wide));

    return wide;
}


static uint32_t
mlops_trees_entry(const mlops_trees_build_t *b,
    const mlops_forest_node_t *node)
{
    if (node->categorical) {
        return 2 * b->cat_of[node->feature] + (node->default_left ? 1 : 0);
    }

    return node->feature + (node->default_left ? b->stride : 0);
}


static void
mlops_trees_store(char *data, uint32_t f32, uint64_t i, double value)
{
    if (f32) {
        ((float *) data)[i] = (float) value;

    } else {
        ((double *) data)[i] = value;
    }
}
