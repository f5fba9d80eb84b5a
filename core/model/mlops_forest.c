/*
 * Checking a forest before it is laid out.
 */

#include "mlops_trees.h"
#include "mlops_trees_layout.h"

#include <math.h>
#include <stdlib.h>


/* The right children still to visit, one per level at most. */

typedef struct {
    uint32_t  node[MLOPS_TREES_MAX_DEPTH + 1];
    uint32_t  depth[MLOPS_TREES_MAX_DEPTH + 1];
    uint32_t  n;
} mlops_forest_stack_t;


static int mlops_forest_check_counts(const mlops_forest_t *forest,
    mlops_err_t *err);
static int mlops_forest_check_tree(const mlops_forest_t *forest,
    uint32_t tree, uint8_t *seen, mlops_err_t *err);
static int mlops_forest_check_leaf(const mlops_forest_t *forest,
    uint32_t tree, uint32_t number, mlops_err_t *err);
static int mlops_forest_check_split(const mlops_forest_t *forest,
    uint32_t tree, uint32_t number, mlops_err_t *err);
static int mlops_forest_number(const mlops_forest_t *forest, double value);


int
mlops_forest_check(const mlops_forest_t *forest, mlops_err_t *err)
{
    int        rc;
    uint8_t   *seen;
    uint32_t   tree;

    if (mlops_forest_check_counts(forest, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    seen = calloc(forest->nodes_n + (size_t) 1, 1);

    if (seen == NULL) {
        return mlops_err_set(err, "trees: no memory to check %u nodes",
                             forest->nodes_n);
    }

    rc = MLOPS_OK;

    for (tree = 0; tree < forest->trees_n && rc == MLOPS_OK; tree++) {
        rc = mlops_forest_check_tree(forest, tree, seen, err);
    }

    free(seen);

    return rc;
}


static int
mlops_forest_check_counts(const mlops_forest_t *forest, mlops_err_t *err)
{
    uint32_t  i;

    if (forest->features_n == 0
        || forest->features_n > MLOPS_TREES_MAX_FEATURE)
    {
        return mlops_err_set(err, "trees: expected 1 to %d features, got %u",
                             MLOPS_TREES_MAX_FEATURE, forest->features_n);
    }

    if (forest->groups_n == 0 || forest->groups_n > MLOPS_TREES_MAX_GROUPS) {
        return mlops_err_set(err, "trees: expected 1 to %d sums, got %u",
                             MLOPS_TREES_MAX_GROUPS, forest->groups_n);
    }

    if (forest->leaf_size != 1 && forest->leaf_size != forest->groups_n) {
        return mlops_err_set(err, "trees: expected leaves of 1 or %u values, "
                             "got %u", forest->groups_n, forest->leaf_size);
    }

    if (forest->trees_n > INT32_MAX) {
        return mlops_err_set(err, "trees: expected at most %d trees, got %u",
                             INT32_MAX, forest->trees_n);
    }

    for (i = 0; i < forest->groups_n; i++) {
        if (!mlops_forest_number(forest, forest->base[i])) {
            return mlops_err_set(err, "trees: base %u: expected a finite%s "
                                 "number, got %.17g", i,
                                 forest->f32 ? " float32" : "",
                                 forest->base[i]);
        }
    }

    return MLOPS_OK;
}


static int
mlops_forest_check_tree(const mlops_forest_t *forest, uint32_t tree,
    uint8_t *seen, mlops_err_t *err)
{
    uint32_t                    number, depth;
    mlops_forest_stack_t        stack;
    const mlops_forest_node_t  *node;

    if (forest->group[tree] >= forest->groups_n
        || (forest->leaf_size > 1 && forest->group[tree] != 0))
    {
        return mlops_err_set(err, "trees: tree %u: expected a group below "
                             "%u, got %u", tree,
                             forest->leaf_size > 1 ? 1 : forest->groups_n,
                             forest->group[tree]);
    }

    stack.n = 0;
    number = forest->roots[tree];
    depth = 0;

    for ( ;; ) {

        if (number >= forest->nodes_n) {
            return mlops_err_set(err, "trees: tree %u: expected a node "
                                 "number below %u, got %u", tree,
                                 forest->nodes_n, number);
        }

        if (seen[number]) {
            return mlops_err_set(err, "trees: tree %u: node %u has two "
                                 "parents", tree, number);
        }

        seen[number] = 1;
        node = &forest->nodes[number];

        if (node->feature != MLOPS_TREES_LEAF) {

            if (depth == MLOPS_TREES_MAX_DEPTH) {
                return mlops_err_set(err, "trees: tree %u is deeper than %d",
                                     tree, MLOPS_TREES_MAX_DEPTH);
            }

            if (mlops_forest_check_split(forest, tree, number, err)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            stack.node[stack.n] = node->right;
            stack.depth[stack.n] = depth + 1;
            stack.n++;

            number = node->left;
            depth++;

            continue;
        }

        if (mlops_forest_check_leaf(forest, tree, number, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (stack.n == 0) {
            return MLOPS_OK;
        }

        stack.n--;
        number = stack.node[stack.n];
        depth = stack.depth[stack.n];
    }
}


static int
mlops_forest_check_leaf(const mlops_forest_t *forest, uint32_t tree,
    uint32_t number, mlops_err_t *err)
{
    uint32_t                    i;
    const double               *value;
    const mlops_forest_node_t  *node;

    node = &forest->nodes[number];

    if (forest->leaf_values_n < forest->leaf_size
        || node->left > forest->leaf_values_n - forest->leaf_size)
    {
        return mlops_err_set(err, "trees: tree %u, leaf %u: its %u values "
                             "at %u are not among the %llu", tree, number,
                             forest->leaf_size, node->left,
                             (unsigned long long) forest->leaf_values_n);
    }

    value = forest->leaf_values + node->left;

    for (i = 0; i < forest->leaf_size; i++) {
        if (!mlops_forest_number(forest, value[i])) {
            return mlops_err_set(err, "trees: tree %u, leaf %u: expected a "
                                 "finite%s number, got %.17g", tree, number,
                                 forest->f32 ? " float32" : "", value[i]);
        }
    }

    return MLOPS_OK;
}


static int
mlops_forest_check_split(const mlops_forest_t *forest, uint32_t tree,
    uint32_t number, mlops_err_t *err)
{
    double                      t;
    uint64_t                    i;
    const mlops_forest_node_t  *node;

    node = &forest->nodes[number];

    if (node->feature >= forest->features_n) {
        return mlops_err_set(err, "trees: tree %u, node %u: expected a "
                             "feature below %u, got %u", tree, number,
                             forest->features_n, node->feature);
    }

    if (!node->categorical) {
        t = node->threshold;

        if (isnan(t) || (!isinf(t) && !mlops_forest_number(forest, t))) {
            return mlops_err_set(err, "trees: tree %u, node %u: expected a%s "
                                 "threshold, got %.17g", tree, number,
                                 forest->f32 ? " float32" : "", t);
        }

        return MLOPS_OK;
    }

    if (node->set_first > forest->set_codes_n
        || node->set_n > forest->set_codes_n - node->set_first)
    {
        return mlops_err_set(err, "trees: tree %u, node %u: its %u codes at "
                             "%u are not among the %llu", tree, number,
                             node->set_n, node->set_first,
                             (unsigned long long) forest->set_codes_n);
    }

    for (i = 0; i < node->set_n; i++) {
        if (forest->set_codes[node->set_first + i] >= MLOPS_TREES_MAX_CODE) {
            return mlops_err_set(err, "trees: tree %u, node %u: expected a "
                                 "code below %d, got %u", tree, number,
                                 MLOPS_TREES_MAX_CODE,
                                 forest->set_codes[node->set_first + i]);
        }
    }

    return MLOPS_OK;
}


/* Is it finite, and exact in the precision of the forest? */

static int
mlops_forest_number(const mlops_forest_t *forest, double value)
{
    if (!isfinite(value)) {
        return 0;
    }

    if (!forest->f32) {
        return 1;
    }

    /* out of range would be undefined behaviour in the conversion */

    if (value > 3.4028234663852886e38 || value < -3.4028234663852886e38) {
        return 0;
    }

    return (double) (float) value == value;
}
