/*
 * The rows of a matrix as a fit keeps them: those with a weight above 0,
 * their targets and weights in float32, and room for their margins.
 */

#include "mlops_gbdt_rows.h"
#include "mlops_fit_key.h"

#include <math.h>
#include <stdlib.h>


static int mlops_gbdt_rows_copy(mlops_gbdt_run_t *run,
    mlops_gbdt_rows_t *rows);
static int mlops_gbdt_target_fits(mlops_gbdt_run_t *run, uint64_t row,
    double y);


int
mlops_gbdt_rows(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows,
    const mlops_matrix_t *matrix, const char *what)
{
    size_t    size;
    uint64_t  i, n, row;

    rows->matrix = matrix;

    for (i = 0, n = 0; i < matrix->n; i++) {
        n += mlops_matrix_weight(matrix, mlops_matrix_row(matrix, i)) > 0;
    }

    if (n == 0) {
        return mlops_err_set(run->err, matrix->n == 0
                             ? "expected rows for %s, got none"
                             : "expected rows for %s with a weight above 0, "
                               "got none", what);
    }

    if (n >= UINT32_MAX) {
        return mlops_err_set(run->err, "expected fewer than 2^32 - 1 rows "
                             "for %s", what);
    }

    rows->n = n;
    size = mlops_align(n, 8) * sizeof(float);

    if (n < matrix->n || matrix->rows != NULL) {
        rows->numbers = malloc(n * sizeof(*rows->numbers));

        if (rows->numbers == NULL) {
            goto memory;
        }

        for (i = 0, n = 0; i < matrix->n; i++) {
            row = mlops_matrix_row(matrix, i);

            if (mlops_matrix_weight(matrix, row) > 0) {
                rows->numbers[n++] = (uint32_t) row;
            }
        }

        run->model->memory += n * sizeof(*rows->numbers);
    }

    rows->target = calloc(1, size);
    rows->weight = matrix->weight ? calloc(1, size) : NULL;
    rows->margin = calloc(run->groups_n, size);

    if (rows->target == NULL || rows->margin == NULL
        || (matrix->weight != NULL && rows->weight == NULL))
    {
        goto memory;
    }

    run->model->memory += size * (run->groups_n + 1u
                                  + (rows->weight != NULL));

    return mlops_gbdt_rows_copy(run, rows);

memory:

    return mlops_err_set(run->err, "no memory for %llu rows for %s",
                         (unsigned long long) rows->n, what);
}


static int
mlops_gbdt_rows_copy(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows)
{
    int                     same;
    char                    place[MLOPS_FIT_PLACE];
    float                   w;
    double                  y;
    uint64_t                i, row;
    const mlops_fit_env_t  *env;

    same = 1;

    for (i = 0; i < rows->n; i++) {
        row = mlops_gbdt_number(rows, i);
        y = rows->matrix->target[row];

        if (mlops_gbdt_target_fits(run, row, y) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        rows->target[i] = (float) y;

        if (rows->weight == NULL) {
            continue;
        }

        w = (float) rows->matrix->weight[row];

        if (!(w > 0 && w < INFINITY)) {
            env = run->options->env;

            return mlops_err_set(run->err, "%s: expected a weight of 0 or one"
                                 " that float32 can hold, got %g",
                                 mlops_fit_row(env, row,
                                               mlops_fit_weight(env), place),
                                 rows->matrix->weight[row]);
        }

        rows->weight[i] = w;
        same = same && w == 1;
    }

    if (same) {
        free(rows->weight);
        rows->weight = NULL;
    }

    return MLOPS_OK;
}


static int
mlops_gbdt_target_fits(mlops_gbdt_run_t *run, uint64_t row, double y)
{
    char                    place[MLOPS_FIT_PLACE];
    const char             *expected;
    const mlops_fit_env_t  *env;

    expected = NULL;

    if (!isfinite((float) y)) {
        expected = "a finite target that float32 can hold";
    }

    switch (run->options->objective) {

    case MLOPS_GBDT_LOGISTIC:
        expected = y >= 0 && y <= 1 ? expected : "a target from 0 to 1";
        break;

    case MLOPS_GBDT_SOFTMAX:
        expected = y >= 0 && y < run->groups_n && y == floor(y)
                   ? expected : "the number of a class";
        break;

    case MLOPS_GBDT_POISSON:
        expected = y >= 0 ? expected : "a target of at least 0";
        break;

    default:
        break;
    }

    if (expected == NULL) {
        return MLOPS_OK;
    }

    env = run->options->env;

    return mlops_err_set(run->err, "%s: expected %s for the objective %s, got"
                         " %g",
                         mlops_fit_row(env, row, mlops_fit_target(env),
                                       place),
                         expected,
                         mlops_gbdt_objective_name(run->options->objective),
                         y);
}


void
mlops_gbdt_rows_free(mlops_gbdt_rows_t *rows)
{
    free(rows->numbers);
    free(rows->target);
    free(rows->weight);
    free(rows->margin);
    free(rows->bins.rows);
    free(rows->bins.columns);
}
