/*
 * Held-out rows that a training run has in memory: training ranges,
 * reference histograms, golden rows.
 *
 * Golden rows are inputs of the run with the answers of the image's first
 * build; the run compares its own predictions with those.
 */

#include "mlops_import_job.h"

#include <stdlib.h>


static int mlops_import_held_stat(mlops_import_job_t *job,
    const mlops_column_t *column, const mlops_str_t *name, double *values,
    mlops_import_stat_t *stat);
static int mlops_import_held_golden(mlops_import_job_t *job,
    const mlops_model_t *model);


int
mlops_import_held(mlops_import_job_t *job, const mlops_model_t *model)
{
    int                         rc;
    double                     *values;
    uint32_t                    i;
    const mlops_schema_t       *inputs;
    const mlops_import_held_t  *held;

    held = job->options->held;
    inputs = &mlops_model_interface(model)->signatures[0].inputs;

    if (job->names == NULL) {
        return mlops_err_set(job->err, "expected a recipe");
    }

    values = malloc((size_t) (held->rows_n ? held->rows_n : 1)
                    * sizeof(double));
    job->stats = mlops_arena_calloc(job->arena, inputs->n,
                                    sizeof(mlops_import_stat_t));

    if (values == NULL || job->stats == NULL) {
        free(values);
        return mlops_err_set(job->err, "out of memory");
    }

    rc = MLOPS_OK;

    for (i = 0; i < inputs->n && rc == MLOPS_OK; i++) {
        rc = mlops_import_held_stat(job, &inputs->columns[i],
                                    &job->names[i], values, &job->stats[i]);
    }

    free(values);

    if (rc != MLOPS_OK) {
        job->stats = NULL;
        return MLOPS_ERROR;
    }

    job->report->reference_n = held->rows_n;

    return held->golden_n ? mlops_import_held_golden(job, model) : MLOPS_OK;
}


static int
mlops_import_held_stat(mlops_import_job_t *job, const mlops_column_t *column,
    const mlops_str_t *name, double *values, mlops_import_stat_t *stat)
{
    uint64_t                    n;
    const mlops_import_held_t  *held;

    held = job->options->held;

    stat->rows = (double) held->rows_n;
    stat->lo = 1;
    stat->hi = 0;

    if (held->rows_n == 0) {
        return MLOPS_OK;
    }

    if (column->kind == MLOPS_CELL_STRING) {
        stat->bins_n = column->categories_n + 1;
        stat->counts = mlops_arena_calloc(job->arena, stat->bins_n,
                                          sizeof(double));
        if (stat->counts == NULL) {
            return mlops_err_set(job->err, "out of memory");
        }

        return held->counts(held->ctx, name, column, stat->counts,
                            &stat->missing, job->err);
    }

    if (held->numbers(held->ctx, name, values, &n, job->err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    stat->missing = (double) (held->rows_n - n);

    if (n != 0 && mlops_import_numbers(job, values, n, stat) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return held->range(held->ctx, name, &stat->lo, &stat->hi, job->err);
}


static int
mlops_import_held_golden(mlops_import_job_t *job, const mlops_model_t *model)
{
    uint32_t                    i;
    mlops_rows_t                rows;
    mlops_notice_t              notice;
    mlops_results_t             results;
    const mlops_signature_t    *signature;
    mlops_import_golden_t      *golden;
    const mlops_import_held_t  *held;

    held = job->options->held;
    signature = &mlops_model_interface(model)->signatures[0];

    if (mlops_rows_alloc(&rows, &signature->inputs, held->golden_n,
                         job->arena, job->err)
        != MLOPS_OK
        || held->golden(held->ctx, job->names, &rows, job->arena, job->err)
           != MLOPS_OK
        || mlops_rows_complete(&rows, MLOPS_RANGE_FLAG, &notice, job->arena,
                               job->err)
           != MLOPS_OK
        || mlops_model_predict(model, signature, &rows, &results, job->arena,
                               job->err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    golden = mlops_import_golden(job, rows.n);
    if (golden == NULL) {
        return MLOPS_ERROR;
    }

    job->golden_n += rows.n;
    job->report->golden_n = job->golden_n;

    for (i = 0; i < rows.n; i++, golden++) {
        golden->signature = 0;
        golden->cells = rows.cells + (size_t) i * signature->inputs.n;
        golden->present = rows.present + (size_t) i * rows.words;
        golden->text = rows.text;
        golden->results = results.cells + (size_t) i * signature->cells_n;
        golden->results_text = results.text;
    }

    return MLOPS_OK;
}
