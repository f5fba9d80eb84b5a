/*
 * One tree, leaf by leaf: the open leaf of the largest gain is split until
 * there are enough leaves or none gains.
 *
 * Of two children the one with fewer rows gets its histogram from them, the
 * other from the parent's by subtraction, in its place.  Histograms are kept
 * in a bounded pool: where none is free, the open leaf of the least gain
 * gives up its own, and its children are both made from rows.  Sums are
 * integers, so the trees are the same.
 */

#include "mlops_gbdt_run.h"

#include <math.h>
#include <stdlib.h>


static int mlops_gbdt_root(mlops_gbdt_run_t *run);
static void mlops_gbdt_split_leaf(mlops_gbdt_run_t *run, uint32_t number);
static void mlops_gbdt_node(mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf);
static void mlops_gbdt_bounds(mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *parent, mlops_gbdt_leaf_t *left,
    mlops_gbdt_leaf_t *right);
static void mlops_gbdt_children(mlops_gbdt_run_t *run, uint32_t left,
    uint32_t right, int32_t slot);
static int mlops_gbdt_may_split(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf);
static void mlops_gbdt_open(mlops_gbdt_run_t *run, uint32_t number);
static int mlops_gbdt_before(const mlops_gbdt_run_t *run, uint32_t a,
    uint32_t b);
static void mlops_gbdt_push(mlops_gbdt_run_t *run, uint32_t number);
static uint32_t mlops_gbdt_pop(mlops_gbdt_run_t *run);
static int32_t mlops_gbdt_slot(mlops_gbdt_run_t *run);
static void mlops_gbdt_release(mlops_gbdt_run_t *run,
    mlops_gbdt_leaf_t *leaf);
static mlops_gbdt_pair_t *mlops_gbdt_slot_of(const mlops_gbdt_run_t *run,
    int32_t slot);
static void mlops_gbdt_values_of(mlops_gbdt_run_t *run);


int
mlops_gbdt_grow(mlops_gbdt_run_t *run)
{
    uint32_t  number;

    if (mlops_gbdt_root(run) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    while (run->heap_n > 0 && run->leaves_n < run->options->leaves) {

        if (run->options->env != NULL && run->options->env->stop != NULL
            && run->options->env->stop(run->options->env->ctx))
        {
            return mlops_err_set(run->err, "stopped before tree %u was "
                                 "grown", run->tree + 1);
        }

        number = mlops_gbdt_pop(run);
        mlops_gbdt_split_leaf(run, number);
    }

    mlops_gbdt_values_of(run);

    return MLOPS_OK;
}


static int
mlops_gbdt_root(mlops_gbdt_run_t *run)
{
    uint32_t            i;
    mlops_gbdt_leaf_t  *leaf;

    run->nodes_n = 1;
    run->leaves_n = 1;
    run->heap_n = 0;
    run->free_n = run->slots_n;

    for (i = 0; i < run->slots_n; i++) {
        run->free_slots[i] = run->slots_n - 1 - i;
    }

    leaf = &run->leaves[0];
    memset(leaf, 0, sizeof(*leaf));

    leaf->n = run->rows_n;
    leaf->lo = -INFINITY;
    leaf->hi = INFINITY;
    leaf->l2 = run->options->l2;
    leaf->slot = mlops_gbdt_slot(run);

    mlops_gbdt_histogram(run, 0, leaf->n,
                         mlops_gbdt_slot_of(run, leaf->slot));
    leaf->sums = mlops_gbdt_sums(run, mlops_gbdt_slot_of(run, leaf->slot));

    mlops_gbdt_open(run, 0);

    return MLOPS_OK;
}


/* The leaf becomes its left child, and the right one is new. */

static void
mlops_gbdt_split_leaf(mlops_gbdt_run_t *run, uint32_t number)
{
    int32_t             slot;
    uint32_t            other;
    mlops_gbdt_leaf_t   parent, *left, *right;

    other = run->leaves_n++;
    left = &run->leaves[number];
    right = &run->leaves[other];
    parent = *left;
    slot = parent.slot;

    mlops_gbdt_node(run, &parent);

    left->n = mlops_gbdt_partition(run, &parent, &parent.split);
    left->node = run->nodes_n - 2;
    left->depth = parent.depth + 1;
    left->l2 = parent.split.l2;
    left->sums = parent.split.left;
    left->slot = -1;

    *right = *left;

    right->first = parent.first + left->n;
    right->n = parent.n - left->n;
    right->node = run->nodes_n - 1;
    right->sums = parent.sums - left->sums;

    mlops_gbdt_bounds(run, &parent, left, right);

    left->split.gain = 0;
    right->split.gain = 0;

    mlops_gbdt_children(run, number, other, slot);
}


static void
mlops_gbdt_node(mlops_gbdt_run_t *run, const mlops_gbdt_leaf_t *leaf)
{
    mlops_gbdt_node_t           *node;
    const mlops_gbdt_split_t    *split;
    const mlops_gbdt_feature_t  *feature;

    split = &leaf->split;
    node = &run->nodes[leaf->node];
    feature = &run->features[split->feature];

    node->feature = split->feature;
    node->left = run->nodes_n++;
    node->right = run->nodes_n++;
    node->default_left = split->default_left;
    node->categorical = split->categorical;
    node->gain = split->gain;
    memcpy(node->set, split->set, sizeof(node->set));

    node->threshold = 0;

    if (!split->categorical) {

        /* behind the last bin: all that is there goes left */

        node->threshold = split->bin + 1u < feature->bins_n
                          ? feature->cuts[split->bin] : 0x1.fffffep127f;
    }
}


/* Children of a monotone feature are kept apart by the middle of their
 * values, XGBoost's way; others, and those of a split that tells but missing
 * values from all others, have the bounds of their parent. */

static void
mlops_gbdt_bounds(mlops_gbdt_run_t *run, const mlops_gbdt_leaf_t *parent,
    mlops_gbdt_leaf_t *left, mlops_gbdt_leaf_t *right)
{
    int                          sign;
    double                       l, r, mid;
    const mlops_gbdt_feature_t  *feature;

    feature = &run->features[parent->split.feature];
    sign = feature->monotone;

    if (sign == 0 || parent->split.bin + 1u == feature->bins_n) {
        return;
    }

    l = mlops_gbdt_weight(run, mlops_gbdt_g(run, left->sums),
                          mlops_gbdt_h(run, left->sums), left->l2,
                          parent->lo, parent->hi);
    r = mlops_gbdt_weight(run, mlops_gbdt_g(run, right->sums),
                          mlops_gbdt_h(run, right->sums), right->l2,
                          parent->lo, parent->hi);
    mid = (l + r) / 2;

    if (sign > 0) {
        left->hi = mid;
        right->lo = mid;

    } else {
        left->lo = mid;
        right->hi = mid;
    }
}


static void
mlops_gbdt_children(mlops_gbdt_run_t *run, uint32_t left, uint32_t right,
    int32_t slot)
{
    int                 small_open, large_open;
    uint32_t            swap;
    mlops_gbdt_leaf_t  *small, *large;

    if (run->leaves[left].n > run->leaves[right].n) {
        swap = left;
        left = right;
        right = swap;
    }

    small = &run->leaves[left];
    large = &run->leaves[right];

    small_open = mlops_gbdt_may_split(run, small);
    large_open = mlops_gbdt_may_split(run, large);

    if (!small_open && !large_open) {

        if (slot >= 0) {
            run->free_slots[run->free_n++] = (uint32_t) slot;
        }

        return;
    }

    /* the parent's becomes the larger child's */

    large->slot = slot;

    if (slot >= 0 || small_open) {
        small->slot = mlops_gbdt_slot(run);
        mlops_gbdt_histogram(run, small->first, small->n,
                             mlops_gbdt_slot_of(run, small->slot));
    }

    if (large_open && slot < 0) {
        large->slot = mlops_gbdt_slot(run);
        mlops_gbdt_histogram(run, large->first, large->n,
                             mlops_gbdt_slot_of(run, large->slot));

    } else if (large_open) {
        mlops_gbdt_subtract(run, mlops_gbdt_slot_of(run, large->slot),
                            mlops_gbdt_slot_of(run, small->slot));
    }

    if (small_open) {
        mlops_gbdt_open(run, left);

    } else {
        mlops_gbdt_release(run, small);
    }

    if (large_open) {
        mlops_gbdt_open(run, right);

    } else {
        mlops_gbdt_release(run, large);
    }
}


/* May it, by what is known without looking at its features? */

static int
mlops_gbdt_may_split(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf)
{
    uint32_t  depth;

    depth = run->options->depth ? run->options->depth : MLOPS_GBDT_DEPTH;

    return run->leaves_n < run->options->leaves
           && leaf->depth < depth
           && leaf->n >= 2
           && leaf->n / 2 >= run->options->min_rows
           && mlops_gbdt_h(run, leaf->sums)
              >= 2 * run->options->min_hessian;
}


/* Finds the split of a leaf with a histogram; one without gain gives it
 * back. */

static void
mlops_gbdt_open(mlops_gbdt_run_t *run, uint32_t number)
{
    mlops_gbdt_leaf_t  *leaf;

    leaf = &run->leaves[number];

    if (mlops_gbdt_may_split(run, leaf)) {
        mlops_gbdt_search(run, leaf);
    }

    if (leaf->split.gain > 0) {
        mlops_gbdt_push(run, number);

    } else {
        mlops_gbdt_release(run, leaf);
    }
}


/* A heap: more gain first, then the older leaf. */

static int
mlops_gbdt_before(const mlops_gbdt_run_t *run, uint32_t a, uint32_t b)
{
    double  ga, gb;

    ga = run->leaves[a].split.gain;
    gb = run->leaves[b].split.gain;

    return ga > gb || (ga == gb && run->leaves[a].node < run->leaves[b].node);
}


static void
mlops_gbdt_push(mlops_gbdt_run_t *run, uint32_t number)
{
    uint32_t  at, up;

    at = run->heap_n++;

    while (at > 0) {
        up = (at - 1) / 2;

        if (!mlops_gbdt_before(run, number, run->heap[up])) {
            break;
        }

        run->heap[at] = run->heap[up];
        at = up;
    }

    run->heap[at] = number;
}


static uint32_t
mlops_gbdt_pop(mlops_gbdt_run_t *run)
{
    uint32_t  at, down, last, top;

    top = run->heap[0];
    last = run->heap[--run->heap_n];
    at = 0;

    for ( ;; ) {
        down = 2 * at + 1;

        if (down >= run->heap_n) {
            break;
        }

        if (down + 1 < run->heap_n
            && mlops_gbdt_before(run, run->heap[down + 1], run->heap[down]))
        {
            down++;
        }

        if (!mlops_gbdt_before(run, run->heap[down], last)) {
            break;
        }

        run->heap[at] = run->heap[down];
        at = down;
    }

    run->heap[at] = last;

    return top;
}


/* A free histogram, or that of the open leaf that is the last to be split. */

static int32_t
mlops_gbdt_slot(mlops_gbdt_run_t *run)
{
    int32_t             slot;
    uint32_t            i, last;
    mlops_gbdt_leaf_t  *leaf;

    if (run->free_n > 0) {
        return (int32_t) run->free_slots[--run->free_n];
    }

    last = UINT32_MAX;

    for (i = 0; i < run->heap_n; i++) {

        if (run->leaves[run->heap[i]].slot >= 0
            && (last == UINT32_MAX
                || mlops_gbdt_before(run, last, run->heap[i])))
        {
            last = run->heap[i];
        }
    }

    leaf = &run->leaves[last];
    slot = leaf->slot;
    leaf->slot = -1;

    return slot;
}


static void
mlops_gbdt_release(mlops_gbdt_run_t *run, mlops_gbdt_leaf_t *leaf)
{
    if (leaf->slot >= 0) {
        run->free_slots[run->free_n++] = (uint32_t) leaf->slot;
        leaf->slot = -1;
    }
}


static mlops_gbdt_pair_t *
mlops_gbdt_slot_of(const mlops_gbdt_run_t *run, int32_t slot)
{
    return run->pool + (uint64_t) slot * run->slot_pairs;
}


static void
mlops_gbdt_values_of(mlops_gbdt_run_t *run)
{
    double              w;
    uint32_t            i;
    mlops_gbdt_leaf_t  *leaf;
    mlops_gbdt_node_t  *node;

    for (i = 0; i < run->leaves_n; i++) {
        leaf = &run->leaves[i];
        node = &run->nodes[leaf->node];

        w = mlops_gbdt_weight(run, mlops_gbdt_g(run, leaf->sums),
                              mlops_gbdt_h(run, leaf->sums), leaf->l2,
                              leaf->lo, leaf->hi);

        node->feature = MLOPS_GBDT_LEAF;
        node->value = (float) (w * run->options->learning_rate);
    }
}
