/*
 * Held-out rows as reference: for each input of the default signature the
 * training range (lowest and highest number seen) and a histogram.
 *
 * A numerical histogram has up to MLOPS_IMPORT_BINS bins of about equal
 * counts: its edges are quantiles of the rows, and a value that fills more
 * than one bin has its bins joined.  The outer bins reach to infinity when
 * counted, so that drift beyond the range is seen.  An input of strings
 * counts its categories and, last, all other strings.
 */

#include "mlops_import_job.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_IMPORT_BINS  20


static int mlops_import_stat(mlops_import_job_t *job,
    const mlops_rows_t *rows, uint32_t column, double *values,
    mlops_import_stat_t *stat);
static int mlops_import_strings(mlops_import_job_t *job,
    const mlops_rows_t *rows, uint32_t column, mlops_import_stat_t *stat);


int
mlops_import_reference(mlops_import_job_t *job, const mlops_model_t *model)
{
    int                       rc;
    char                     *data;
    size_t                    len;
    double                   *values;
    uint32_t                  i;
    mlops_rows_t              rows;
    mlops_schema_t            schema;
    const mlops_schema_t     *inputs;

    if (mlops_import_read(job->options->reference, &data, &len, job->err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    inputs = &mlops_model_interface(model)->signatures[0].inputs;

    memset(&schema, 0, sizeof(schema));
    schema.n = inputs->n;
    schema.columns = inputs->columns;

    values = NULL;
    rc = mlops_import_csv(job, data, len, &schema, &rows);

    if (rc == MLOPS_OK) {
        values = malloc((size_t) rows.n * sizeof(double));
        job->stats = mlops_arena_calloc(job->arena, schema.n,
                                        sizeof(mlops_import_stat_t));

        if (values == NULL || job->stats == NULL) {
            rc = mlops_err_set(job->err, "out of memory");
        }
    }

    for (i = 0; i < schema.n && rc == MLOPS_OK; i++) {
        rc = mlops_import_stat(job, &rows, i, values, &job->stats[i]);
    }

    if (rc == MLOPS_OK) {
        job->report->reference_n = rows.n;

    } else {
        job->stats = NULL;
        (void) mlops_err_prefix(job->err, "%s", job->options->reference);
    }

    free(values);
    free(data);

    return rc;
}


static int
mlops_import_stat(mlops_import_job_t *job, const mlops_rows_t *rows,
    uint32_t column, double *values, mlops_import_stat_t *stat)
{
    double                 v;
    uint32_t               i, n;
    const mlops_column_t  *c;

    c = &rows->schema->columns[column];

    stat->rows = rows->n;
    stat->lo = 1;
    stat->hi = 0;

    if (c->kind == MLOPS_CELL_STRING) {
        return mlops_import_strings(job, rows, column, stat);
    }

    for (i = 0, n = 0; i < rows->n; i++) {
        v = mlops_cell_number(c->kind,
                              rows->cells[(size_t) i * rows->schema->n
                                          + column],
                              mlops_bit(rows->present
                                        + (size_t) i * rows->words, column));

        if (isfinite(v)) {
            values[n++] = v;
        }
    }

    stat->missing = rows->n - n;

    return (n != 0) ? mlops_import_numbers(job, values, n, stat) : MLOPS_OK;
}


static int
mlops_import_number_cmp(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


/* values are finite; they are left sorted. */

int
mlops_import_numbers(mlops_import_job_t *job, double *values, uint64_t n,
    mlops_import_stat_t *stat)
{
    double    *edges, *counts, v;
    uint64_t   i;
    uint32_t   k, bins;

    qsort(values, n, sizeof(double), mlops_import_number_cmp);

    stat->lo = values[0];
    stat->hi = values[n - 1];

    edges = mlops_arena_alloc(job->arena, (MLOPS_IMPORT_BINS + 1)
                                          * sizeof(double));
    counts = mlops_arena_calloc(job->arena, MLOPS_IMPORT_BINS,
                                sizeof(double));

    if (edges == NULL || counts == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    bins = 0;
    edges[0] = values[0];

    for (i = 1; i < MLOPS_IMPORT_BINS; i++) {
        v = values[i * n / MLOPS_IMPORT_BINS];

        if (v > edges[bins]) {
            edges[++bins] = v;
        }
    }

    /* the last bin is closed, and holds at least the largest value */

    if (bins == 0 || values[n - 1] > edges[bins]) {
        bins++;
        edges[bins] = (values[n - 1] > edges[bins - 1])
                      ? values[n - 1] : nextafter(edges[bins - 1], INFINITY);
    }

    for (i = 0, k = 0; i < n; i++) {

        while (k + 1 < bins && values[i] >= edges[k + 1]) {
            k++;
        }

        counts[k]++;
    }

    stat->bins_n = bins;
    stat->edges = edges;
    stat->counts = counts;

    return MLOPS_OK;
}


static int
mlops_import_strings(mlops_import_job_t *job, const mlops_rows_t *rows,
    uint32_t column, mlops_import_stat_t *stat)
{
    uint32_t               i, k;
    mlops_cell_t           cell;
    const mlops_column_t  *c;

    c = &rows->schema->columns[column];

    stat->counts = mlops_arena_calloc(job->arena, c->categories_n + 1,
                                      sizeof(double));
    if (stat->counts == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    stat->bins_n = c->categories_n + 1;

    for (i = 0; i < rows->n; i++) {

        if (!mlops_bit(rows->present + (size_t) i * rows->words, column)) {
            stat->missing++;
            continue;
        }

        cell = rows->cells[(size_t) i * rows->schema->n + column];

        for (k = 0; k < c->categories_n; k++) {
            if (mlops_str_eq(&c->categories[k], rows->text + cell.s.off,
                             cell.s.len))
            {
                break;
            }
        }

        stat->counts[k]++;
    }

    return MLOPS_OK;
}
