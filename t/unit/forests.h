/*
 * Random forests for tests, and the reference they are compared with: the
 * walk of one tree after the other, straight from the definition.
 */

#ifndef MLOPS_UNIT_FORESTS_H
#define MLOPS_UNIT_FORESTS_H


#include "unit.h"
#include "mlops_trees.h"

#include <math.h>


typedef struct {
    uint32_t  features_n;
    uint32_t  groups_n;
    uint32_t  trees_n;
    uint32_t  depth;            /* of the deepest leaf */
    uint32_t  stop;             /* of 100 nodes so many are leaves */
    uint32_t  cats;             /* of 100 splits so many are categorical */
    uint32_t  codes_n;          /* of a categorical feature */
    int       chain;            /* one child of each split is a leaf */
    int       f64;
    int       vector;
    int       mixed;            /* depth of each tree at random */
} forest_shape_t;


static inline uint32_t
forest_below(uint64_t *state, uint32_t n)
{
    return (uint32_t) ((unit_random(state) >> 32) % n);
}


static inline double
forest_round(const mlops_forest_t *forest, double x)
{
    return forest->f32 ? (double) (float) x : x;
}


/* Few different values, so that rows often meet a threshold exactly. */

static inline double
forest_value(const mlops_forest_t *forest, uint64_t *state)
{
    static const double  special[] = {
        0.0, -0.0, 1e-45, -1e-45, 1.17549435e-38, -1.17549435e-38,
        3.4028234663852886e38, -3.4028234663852886e38, INFINITY, -INFINITY,
        4.9406564584124654e-324, 1.0, -1.0
    };

    if (forest_below(state, 8) == 0) {
        return forest_round(forest, special[forest_below(state, 13)]);
    }

    return forest_round(forest, ((double) forest_below(state, 64) - 32) / 7);
}


static inline uint32_t
forest_node(mlops_forest_t *forest, const forest_shape_t *shape,
    uint64_t *state, uint32_t depth)
{
    double               *values;
    uint32_t              i, n, number;
    uint32_t             *codes;
    mlops_forest_node_t   node;

    number = forest->nodes_n++;

    memset(&node, 0, sizeof(node));

    if (depth == 0 || forest_below(state, 100) < shape->stop) {
        node.feature = MLOPS_TREES_LEAF;
        node.left = (uint32_t) forest->leaf_values_n;

        values = (double *) forest->leaf_values;

        for (i = 0; i < forest->leaf_size; i++) {
            values[forest->leaf_values_n++] =
                forest_round(forest,
                             ldexp((double) forest_below(state, 1 << 24)
                                   - (1 << 23),
                                   (int) forest_below(state, 12) - 26));
        }

        forest->nodes[number] = node;

        return number;
    }

    node.feature = forest_below(state, forest->features_n);
    node.default_left = forest_below(state, 2);

    if (forest_below(state, 100) < shape->cats) {
        node.categorical = 1;
        node.set_first = (uint32_t) forest->set_codes_n;
        n = forest_below(state, 12);

        codes = (uint32_t *) forest->set_codes;

        for (i = 0; i < n; i++) {
            codes[forest->set_codes_n++] =
                                     forest_below(state, shape->codes_n);
        }

        node.set_n = n;

    } else {
        node.threshold = forest_value(forest, state);
    }

    if (shape->chain) {
        i = forest_below(state, 2);

        node.left = forest_node(forest, shape, state, i ? depth - 1 : 0);
        node.right = forest_node(forest, shape, state, i ? 0 : depth - 1);

    } else {
        node.left = forest_node(forest, shape, state, depth - 1);
        node.right = forest_node(forest, shape, state, depth - 1);
    }

    forest->nodes[number] = node;

    return number;
}


/* To be freed by forest_free. */

static inline void
forest_make(mlops_forest_t *forest, const forest_shape_t *shape,
    uint64_t *state)
{
    double    *base;
    size_t     tree_nodes, nodes;
    uint32_t   g, t, depth, *roots, *group;

    memset(forest, 0, sizeof(*forest));

    forest->features_n = shape->features_n;
    forest->groups_n = shape->groups_n;
    forest->trees_n = shape->trees_n;
    forest->leaf_size = shape->vector ? shape->groups_n : 1;
    forest->f32 = !shape->f64;

    tree_nodes = shape->chain ? 2 * (size_t) shape->depth + 1
                              : ((size_t) 2 << shape->depth) - 1;
    nodes = tree_nodes * shape->trees_n + 1;

    roots = calloc(shape->trees_n + 1, sizeof(*roots));
    group = calloc(shape->trees_n + 1, sizeof(*group));
    base = calloc(shape->groups_n, sizeof(*base));

    forest->roots = roots;
    forest->group = group;
    forest->base = base;
    forest->nodes = calloc(nodes, sizeof(*forest->nodes));
    forest->leaf_values = calloc(nodes * forest->leaf_size, sizeof(double));
    forest->set_codes = calloc(nodes * 12, sizeof(uint32_t));

    for (g = 0; g < shape->groups_n; g++) {
        base[g] = forest_round(forest, (double) forest_below(state, 1000)
                                       / 999);
    }

    for (t = 0; t < shape->trees_n; t++) {
        group[t] = shape->vector ? 0 : forest_below(state, shape->groups_n);
        depth = shape->mixed ? forest_below(state, shape->depth + 1)
                             : shape->depth;
        roots[t] = forest_node(forest, shape, state, depth);
    }
}


static inline void
forest_free(mlops_forest_t *forest)
{
    free((void *) forest->roots);
    free((void *) forest->group);
    free((void *) forest->base);
    free((void *) forest->leaf_values);
    free((void *) forest->set_codes);
    free(forest->nodes);
}


/* A row: values that thresholds have, their neighbours, codes, missing. */

static inline void
forest_row(const mlops_forest_t *forest, const forest_shape_t *shape,
    uint64_t *state, uint32_t missing, void *x)
{
    double    value;
    uint32_t  f;

    for (f = 0; f < forest->features_n; f++) {

        value = forest_value(forest, state);

        if (shape->cats != 0 && forest_below(state, 2)) {
            value = (double) forest_below(state, shape->codes_n + 3) - 1;

            switch (forest_below(state, 12)) {
            case 0: value += 0.75; break;
            case 1: value = 16777216.0; break;
            case 2: value = 16777215.0; break;
            case 3: value = -0.5; break;
            case 4: value = 1e30; break;
            default: break;
            }
        }

        if (forest_below(state, 100) < missing) {
            value = NAN;
        }

        if (!forest->f32) {

            switch (forest_below(state, 6)) {
            case 0: value = nextafter(value, INFINITY); break;
            case 1: value = nextafter(value, -INFINITY); break;
            default: break;
            }

            ((double *) x)[f] = value;
            continue;
        }

        ((float *) x)[f] = (float) value;

        switch (forest_below(state, 6)) {

        case 0:
            ((float *) x)[f] = nextafterf((float) value, INFINITY);
            break;

        case 1:
            ((float *) x)[f] = nextafterf((float) value, -INFINITY);
            break;

        default:
            break;
        }
    }
}


/* The leaf of one tree, from the definition. */

static inline const mlops_forest_node_t *
forest_leaf(const mlops_forest_t *forest, uint32_t tree, const void *x)
{
    int                         right;
    double                      value;
    uint32_t                    i;
    const mlops_forest_node_t  *node;

    node = &forest->nodes[forest->roots[tree]];

    while (node->feature != MLOPS_TREES_LEAF) {
        value = forest->f32 ? ((const float *) x)[node->feature]
                            : ((const double *) x)[node->feature];

        if (isnan(value)) {
            right = !node->default_left;

        } else if (!node->categorical) {
            right = !(value < node->threshold);

        } else {
            right = 0;

            for (i = 0; i < node->set_n; i++) {
                right |= value >= 0 && value < 16777216
                         && trunc(value)
                            == forest->set_codes[node->set_first + i];
            }
        }

        node = &forest->nodes[right ? node->right : node->left];
    }

    return node;
}


static inline void
forest_sums(const mlops_forest_t *forest, const void *x, void *sums)
{
    float         *f;
    double        *d;
    uint32_t       g, t;
    const double  *value;

    f = sums;
    d = sums;

    for (g = 0; g < forest->groups_n; g++) {

        if (forest->f32) {
            f[g] = (float) forest->base[g];

        } else {
            d[g] = forest->base[g];
        }
    }

    for (t = 0; t < forest->trees_n; t++) {
        value = forest->leaf_values + forest_leaf(forest, t, x)->left;

        for (g = 0; g < forest->leaf_size; g++) {

            if (forest->f32) {
                f[g + forest->group[t]] += (float) value[g];

            } else {
                d[g + forest->group[t]] += value[g];
            }
        }
    }
}


/* 64-byte aligned, zeroed, freed by free. */

static inline void *
forest_memory(size_t size)
{
    void  *p;

    size = mlops_align(size + 64, 64);
    p = aligned_alloc(64, size);

    if (p == NULL) {
        unit_note("no memory for %zu bytes", size);
        abort();
    }

    memset(p, 0, size);

    return p;
}


/* mlops_trees_check in one go. */

static inline int
forest_check(const void *data, size_t len, const mlops_forest_t *forest,
    mlops_err_t *err)
{
    uint64_t  cursor;

    cursor = 0;

    return mlops_trees_check(data, len, forest->features_n,
                             forest->groups_n, &cursor, SIZE_MAX, err);
}


#endif /* MLOPS_UNIT_FORESTS_H */
