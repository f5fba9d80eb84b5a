/*
 * Values of a grown tree onto margins, new values for its leaves, and the
 * margins of trees to go on from.
 *
 * Margins are float32 sums in the order of the trees, as kernels have them.
 */

#include "mlops_gbdt_run.h"
#include "mlops_gbdt_quantile.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>


typedef struct {
    mlops_gbdt_run_t         *run;
    mlops_gbdt_rows_t        *rows;
    float                    *margin;
    const uint8_t            *skip;         /* by row; NULL: none */
    _Atomic int               failed;
} mlops_gbdt_adding_t;


static void mlops_gbdt_add_leaf(void *ctx, uint64_t part, uint32_t worker);
static void mlops_gbdt_add_block(void *ctx, uint64_t part, uint32_t worker);
static void mlops_gbdt_refit_leaf(void *ctx, uint64_t part, uint32_t worker);
static void mlops_gbdt_start_block(void *ctx, uint64_t part,
    uint32_t worker);
static double mlops_gbdt_walk(const mlops_gbdt_run_t *run, uint32_t tree,
    const mlops_gbdt_rows_t *rows, uint64_t i);
static float mlops_gbdt_walk_value(const mlops_gbdt_run_t *run,
    uint32_t number, const mlops_gbdt_rows_t *rows, uint64_t i);


/* Rows that the tree grew from stand by leaves in run->order; others walk. */

void
mlops_gbdt_add(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows, uint32_t group,
    int grown)
{
    mlops_gbdt_adding_t  a;

    a.run = run;
    a.rows = rows;
    a.margin = rows->margin + rows->n * group;
    a.skip = grown ? run->taken : NULL;

    if (grown) {
        mlops_gbdt_team_run(run->team, mlops_gbdt_add_leaf, &a,
                            run->leaves_n);

        if (run->taken == NULL) {
            return;
        }
    }

    mlops_gbdt_team_run(run->team, mlops_gbdt_add_block, &a,
                        mlops_gbdt_blocks(rows->n));
}


static void
mlops_gbdt_add_leaf(void *ctx, uint64_t part, uint32_t worker)
{
    float                 value;
    uint64_t              i;
    const uint32_t       *order;
    mlops_gbdt_leaf_t    *leaf;
    mlops_gbdt_adding_t  *a;

    (void) worker;

    a = ctx;
    leaf = &a->run->leaves[part];
    value = a->run->nodes[leaf->node].value;
    order = a->run->order + leaf->first;

    for (i = 0; i < leaf->n; i++) {
        a->margin[order[i]] += value;
    }
}


static void
mlops_gbdt_add_block(void *ctx, uint64_t part, uint32_t worker)
{
    uint32_t                  at;
    uint64_t                  i, end;
    const uint8_t            *bins;
    mlops_gbdt_adding_t      *a;
    const mlops_gbdt_node_t  *node;

    (void) worker;

    a = ctx;
    i = part * MLOPS_GBDT_BLOCK;
    end = i + MLOPS_GBDT_BLOCK < a->rows->n ? i + MLOPS_GBDT_BLOCK
                                            : a->rows->n;

    for ( /* void */ ; i < end; i++) {

        if (a->skip != NULL && a->skip[i]) {
            continue;
        }

        bins = a->rows->bins.rows + i * a->rows->bins.stride;
        node = a->run->nodes;

        while (node->feature != MLOPS_GBDT_LEAF) {
            at = bins[node->feature];
            node = &a->run->nodes[mlops_gbdt_in(node->set, at) ? node->right
                                                               : node->left];
        }

        a->margin[i] += node->value;
    }
}


/* The quantile of what is left of the targets, of the rows of each leaf. */

int
mlops_gbdt_refit(mlops_gbdt_run_t *run, uint32_t group)
{
    mlops_gbdt_adding_t  a;

    if (run->options->objective != MLOPS_GBDT_QUANTILE) {
        return MLOPS_OK;
    }

    a.run = run;
    a.rows = &run->train;
    a.margin = run->train.margin + run->train.n * group;
    a.skip = NULL;
    atomic_init(&a.failed, 0);

    mlops_gbdt_team_run(run->team, mlops_gbdt_refit_leaf, &a, run->leaves_n);

    return atomic_load(&a.failed)
           ? mlops_err_set(run->err, "no memory for the quantiles of leaves")
           : MLOPS_OK;
}


static void
mlops_gbdt_refit_leaf(void *ctx, uint64_t part, uint32_t worker)
{
    float                *left, *weights;
    uint64_t              i;
    const uint32_t       *order;
    mlops_gbdt_leaf_t    *leaf;
    mlops_gbdt_adding_t  *a;

    (void) worker;

    a = ctx;
    leaf = &a->run->leaves[part];
    order = a->run->order + leaf->first;

    if (leaf->n == 0) {
        return;
    }

    left = malloc(leaf->n * sizeof(*left));
    weights = a->rows->weight ? malloc(leaf->n * sizeof(*weights)) : NULL;

    if (left == NULL || (a->rows->weight != NULL && weights == NULL)) {
        atomic_store(&a->failed, 1);
        free(left);
        free(weights);
        return;
    }

    for (i = 0; i < leaf->n; i++) {
        left[i] = a->rows->target[order[i]] - a->margin[order[i]];

        if (weights != NULL) {
            weights[i] = a->rows->weight[order[i]];
        }
    }

    a->run->nodes[leaf->node].value = (float)
        (mlops_gbdt_quantile(left, weights, leaf->n,
                             a->run->options->quantile)
         * a->run->options->learning_rate);

    free(left);
    free(weights);
}


void
mlops_gbdt_start(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows)
{
    mlops_gbdt_adding_t  a;

    a.run = run;
    a.rows = rows;

    mlops_gbdt_team_run(run->team, mlops_gbdt_start_block, &a,
                        mlops_gbdt_blocks(rows->n));
}


static void
mlops_gbdt_start_block(void *ctx, uint64_t part, uint32_t worker)
{
    float                   *margin;
    uint32_t                 tree;
    uint64_t                 i, end;
    mlops_gbdt_rows_t       *rows;
    mlops_gbdt_adding_t     *a;
    const mlops_forest_t    *forest;

    (void) worker;

    a = ctx;
    rows = a->rows;
    forest = &a->run->model->forest;
    end = (part + 1) * MLOPS_GBDT_BLOCK < rows->n
          ? (part + 1) * MLOPS_GBDT_BLOCK : rows->n;

    for (tree = 0; tree < forest->trees_n; tree++) {
        margin = rows->margin + rows->n * forest->group[tree];

        for (i = part * MLOPS_GBDT_BLOCK; i < end; i++) {
            margin[i] += (float) mlops_gbdt_walk(a->run, tree, rows, i);
        }
    }
}


/* By values, as the cuts of start are not those of the bins; codes by their
 * bins, which the sets have. */

static double
mlops_gbdt_walk(const mlops_gbdt_run_t *run, uint32_t tree,
    const mlops_gbdt_rows_t *rows, uint64_t i)
{
    int                         right;
    float                       x;
    uint32_t                    j;
    const mlops_forest_t       *forest;
    const mlops_forest_node_t  *node;

    forest = &run->model->forest;
    node = &forest->nodes[forest->roots[tree]];

    while (node->feature != MLOPS_TREES_LEAF) {
        x = mlops_gbdt_walk_value(run, node->feature, rows, i);

        if (isnan(x)) {
            right = !node->default_left;

        } else if (node->categorical) {
            right = 0;

            for (j = 0; j < node->set_n && !right; j++) {
                right = x >= 0 && x < MLOPS_GBDT_CODES
                        && forest->set_codes[node->set_first + j]
                           == (uint32_t) x;
            }

        } else {
            right = !(x < (float) node->threshold);
        }

        node = &forest->nodes[right ? node->right : node->left];
    }

    return forest->leaf_values[node->left];
}


static float
mlops_gbdt_walk_value(const mlops_gbdt_run_t *run, uint32_t number,
    const mlops_gbdt_rows_t *rows, uint64_t i)
{
    uint32_t                      code;
    uint64_t                      row;
    const mlops_matrix_column_t  *column;

    column = &rows->matrix->columns[number];
    row = mlops_gbdt_number(rows, i);

    if (column->kind != MLOPS_MATRIX_CODES) {
        return (float) mlops_matrix_value(column, row);
    }

    code = ((const uint32_t *) column->data)[row];
    code = code < run->known[number].known_n
           ? run->known[number].bin_of[code] : MLOPS_GBDT_MISSING;

    return code == MLOPS_GBDT_MISSING ? NAN : (float) code;
}
