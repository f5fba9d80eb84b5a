/*
 * The forest that grows, in the form that kernels are built from.
 */

#include "mlops_gbdt_run.h"
#include "mlops_gbdt_forest.h"

#include <float.h>
#include <stdlib.h>


static int mlops_gbdt_room(mlops_gbdt_run_t *run, void *array, size_t *size,
    size_t n, size_t each);
static int mlops_gbdt_append_room(mlops_gbdt_run_t *run, uint64_t trees,
    uint64_t nodes, uint64_t values, uint64_t codes);
static int mlops_gbdt_start_set(mlops_gbdt_run_t *run,
    mlops_forest_node_t *node);
static void mlops_gbdt_append_set(mlops_gbdt_run_t *run,
    const mlops_gbdt_node_t *from, mlops_forest_node_t *node);


/* Room for n elements in *(T **) array. */

static int
mlops_gbdt_room(mlops_gbdt_run_t *run, void *array, size_t *size, size_t n,
    size_t each)
{
    void    *old, *grown;
    size_t   want;

    if (n <= *size) {
        return MLOPS_OK;
    }

    want = n + n / 2 + 64;
    memcpy(&old, array, sizeof(old));
    grown = realloc(old, want * each);

    if (grown == NULL) {
        return mlops_err_set(run->err, "no memory for tree %u",
                             run->model->forest.trees_n + 1);
    }

    memcpy(array, &grown, sizeof(grown));
    *size = want;

    return MLOPS_OK;
}


int
mlops_gbdt_append(mlops_gbdt_run_t *run, uint32_t group)
{
    uint32_t              i, first;
    mlops_forest_t       *forest;
    mlops_forest_node_t  *node;
    mlops_gbdt_node_t    *from;

    forest = &run->model->forest;

    if (mlops_gbdt_append_room(run, 1, run->nodes_n, run->leaves_n,
                               (uint64_t) run->nodes_n * MLOPS_GBDT_BINS)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    first = forest->nodes_n;
    run->roots[forest->trees_n] = first;
    run->group[forest->trees_n++] = group;

    for (i = 0; i < run->nodes_n; i++) {
        from = &run->nodes[i];
        run->gains[forest->nodes_n] = from->gain;
        node = &run->forest_nodes[forest->nodes_n++];

        memset(node, 0, sizeof(*node));

        if (from->feature == MLOPS_GBDT_LEAF) {
            node->feature = MLOPS_TREES_LEAF;
            node->left = (uint32_t) forest->leaf_values_n;
            run->forest_values[forest->leaf_values_n++] =
                                                     (double) from->value;
            continue;
        }

        node->feature = run->features[from->feature].column;
        node->left = first + from->left;
        node->right = first + from->right;
        node->default_left = from->default_left;
        node->categorical = from->categorical;
        node->threshold = (double) from->threshold;

        if (from->categorical) {
            mlops_gbdt_append_set(run, from, node);
        }
    }

    return MLOPS_OK;
}


static int
mlops_gbdt_append_room(mlops_gbdt_run_t *run, uint64_t trees, uint64_t nodes,
    uint64_t values, uint64_t codes)
{
    mlops_forest_t  *forest;

    forest = &run->model->forest;

    if (nodes + forest->nodes_n >= UINT32_MAX
        || codes + forest->set_codes_n >= UINT32_MAX)
    {
        return mlops_err_set(run->err, "expected fewer than 2^32 nodes and "
                             "codes in all trees");
    }

    if (mlops_gbdt_room(run, &run->roots, &run->roots_size,
                        forest->trees_n + trees, sizeof(*run->roots))
        != MLOPS_OK
        || mlops_gbdt_room(run, &run->group, &run->group_size,
                           forest->trees_n + trees, sizeof(*run->group))
           != MLOPS_OK
        || mlops_gbdt_room(run, &run->forest_nodes, &run->nodes_size,
                           forest->nodes_n + nodes,
                           sizeof(*run->forest_nodes))
           != MLOPS_OK
        || mlops_gbdt_room(run, &run->gains, &run->gains_size,
                           forest->nodes_n + nodes, sizeof(*run->gains))
           != MLOPS_OK
        || mlops_gbdt_room(run, &run->forest_values, &run->values_size,
                           forest->leaf_values_n + values,
                           sizeof(*run->forest_values))
           != MLOPS_OK
        || mlops_gbdt_room(run, &run->forest_codes, &run->codes_size,
                           forest->set_codes_n + codes,
                           sizeof(*run->forest_codes))
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    forest->roots = run->roots;
    forest->group = run->group;
    forest->nodes = run->forest_nodes;
    forest->leaf_values = run->forest_values;
    forest->set_codes = run->forest_codes;

    return MLOPS_OK;
}


/* A set of the missing alone has no code: everything else goes left. */

static void
mlops_gbdt_append_set(mlops_gbdt_run_t *run, const mlops_gbdt_node_t *from,
    mlops_forest_node_t *node)
{
    uint32_t                      b;
    mlops_forest_t               *forest;
    const mlops_gbdt_feature_t   *feature;

    forest = &run->model->forest;
    feature = &run->features[from->feature];
    node->set_first = (uint32_t) forest->set_codes_n;

    for (b = 0; b < feature->bins_n; b++) {
        if (mlops_gbdt_in(from->set, b)) {
            run->forest_codes[forest->set_codes_n++] =
                                             mlops_gbdt_code(feature, b);
            node->set_n++;
        }
    }

    if (node->set_n == 0) {
        node->categorical = 0;
        node->threshold = (double) FLT_MAX;
    }
}


/* Codes of a column become those of its bins; categories without a bin are
 * as missing from here on. */

static int
mlops_gbdt_start_set(mlops_gbdt_run_t *run, mlops_forest_node_t *node)
{
    uint32_t                      i, code, *set;
    mlops_forest_t               *forest;
    const mlops_forest_t         *start;
    const mlops_matrix_column_t  *column;
    const mlops_gbdt_feature_t   *feature;

    start = run->options->start;
    forest = &run->model->forest;
    column = &run->train.matrix->columns[node->feature];
    feature = &run->known[node->feature];

    if (column->kind != MLOPS_MATRIX_CODES && feature->mapped) {
        return mlops_err_set(run->err, "start: its trees test the categories "
                             "of \"%.*s\" as codes, which these rows have "
                             "too many of", mlops_fmt(&column->name));
    }

    set = run->forest_codes + forest->set_codes_n;

    for (i = 0; i < node->set_n; i++) {
        code = start->set_codes[node->set_first + i];

        if (column->kind == MLOPS_MATRIX_CODES) {
            code = feature->bin_of[code];

            if (code == MLOPS_GBDT_MISSING) {
                continue;
            }
        }

        run->forest_codes[forest->set_codes_n++] = code;
    }

    node->set_first = (uint32_t) (set - run->forest_codes);
    node->set_n = (uint32_t) (forest->set_codes_n - node->set_first);

    if (node->set_n == 0) {
        node->categorical = 0;
        node->threshold = (double) FLT_MAX;
    }

    return MLOPS_OK;
}


int
mlops_gbdt_append_start(mlops_gbdt_run_t *run)
{
    uint32_t               i;
    mlops_forest_t        *forest;
    mlops_forest_node_t   *node;
    const mlops_forest_t  *start;

    start = run->options->start;
    forest = &run->model->forest;

    if (mlops_gbdt_append_room(run, start->trees_n, start->nodes_n,
                               start->leaf_values_n, start->set_codes_n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    forest->trees_n = start->trees_n;
    forest->nodes_n = start->nodes_n;
    forest->leaf_values_n = start->leaf_values_n;

    for (i = 0; i < start->trees_n; i++) {
        run->roots[i] = start->roots[i];
        run->group[i] = start->group[i];
    }

    for (i = 0; i < start->nodes_n; i++) {
        node = &run->forest_nodes[i];
        *node = start->nodes[i];
        run->gains[i] = 0;

        if (node->feature != MLOPS_TREES_LEAF && node->categorical
            && mlops_gbdt_start_set(run, node) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    memcpy(run->forest_values, start->leaf_values,
           start->leaf_values_n * sizeof(*run->forest_values));

    return MLOPS_OK;
}


void
mlops_gbdt_cut_forest(mlops_gbdt_run_t *run, uint32_t trees_n)
{
    mlops_forest_t  *forest;

    forest = &run->model->forest;

    if (trees_n < forest->trees_n) {
        forest->nodes_n = run->roots[trees_n];
        forest->trees_n = trees_n;
    }
}
