/*
 * Preprocessing: columns, quantiles, steps.
 */

#include "mlops_prep.h"
#include "mlops_design.h"
#include "mlops_fit_key.h"

#include <math.h>
#include <stdlib.h>


static int mlops_prep_compare(const void *one, const void *two);
static void mlops_prep_moments(mlops_prep_column_t *column);


int
mlops_prep_column(mlops_fit_t *fit, uint32_t j, mlops_prep_column_t *column)
{
    char                          place[MLOPS_FIT_PLACE];
    double                        x;
    uint64_t                      i, row;
    const mlops_matrix_t         *matrix;
    const mlops_matrix_column_t  *from;

    matrix = fit->train;
    from = &matrix->columns[j];

    column->n = 0;
    column->missing_n = 0;
    column->values = NULL;

    if (from->kind == MLOPS_MATRIX_CODES) {
        return mlops_field_error(fit->field, "inputs: \"%.*s\" is a string, "
                                 "expected a number",
                                 mlops_fmt(&from->name));
    }

    column->values = malloc((matrix->n + 1) * sizeof(double));
    if (column->values == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (i = 0; i < matrix->n; i++) {
        row = mlops_matrix_row(matrix, i);
        x = mlops_matrix_value(from, row);

        if (isnan(x)) {
            column->missing_n++;
            continue;
        }

        if (isinf(x)) {
            mlops_prep_free(column);
            return mlops_field_error(fit->field, "inputs: %s: expected a "
                                     "finite number, got %g",
                                     mlops_fit_row(fit->env, row, &from->name,
                                                   place), x);
        }

        column->values[column->n++] = x + 0.0;         /* -0 is 0 */
    }

    if (column->n == 0) {
        mlops_prep_free(column);
        return mlops_field_error(fit->field, "inputs: \"%.*s\" is missing in "
                                 "all of %llu training rows",
                                 mlops_fmt(&from->name),
                                 (unsigned long long) matrix->n);
    }

    mlops_prep_moments(column);

    if (!isfinite(column->deviation) || !isfinite(column->mean)) {
        mlops_prep_free(column);
        return mlops_field_error(fit->field, "inputs: \"%.*s\" has values so "
                                 "large that their squares are none: divide "
                                 "it by a constant before",
                                 mlops_fmt(&from->name));
    }

    return MLOPS_OK;
}


void
mlops_prep_free(mlops_prep_column_t *column)
{
    free(column->values);
    column->values = NULL;
}


static void
mlops_prep_moments(mlops_prep_column_t *column)
{
    int       pass;
    double    d, n, sum[MLOPS_LANES], square[MLOPS_LANES];
    uint64_t  i;
    uint32_t  k;

    n = (double) column->n;
    column->mean = 0;

    for (pass = 0; pass < 2; pass++) {

        for (k = 0; k < MLOPS_LANES; k++) {
            sum[k] = 0;
            square[k] = 0;
        }

        for (i = 0; i < column->n; i++) {
            d = column->values[i] - column->mean;
            sum[i % MLOPS_LANES] += d;
            square[i % MLOPS_LANES] += d * d;
        }

        for (k = 1; k < MLOPS_LANES; k++) {
            sum[0] += sum[k];
            square[0] += square[k];
        }

        d = sum[0] / n;
        column->mean += d;
    }

    column->deviation = square[0] / n - d * d;
    column->deviation = column->deviation > 0 ? sqrt(column->deviation)
                        : isfinite(column->deviation) ? 0
                        : column->deviation;

    if (column->deviation <= MLOPS_DESIGN_ROUNDING * fabs(column->mean)) {
        column->deviation = 0;
    }
}


void
mlops_prep_sort(double *values, uint64_t n)
{
    qsort(values, n, sizeof(double), mlops_prep_compare);
}


static int
mlops_prep_compare(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


/* From the nearer end, as NumPy does: so that the result is monotone. */

double
mlops_prep_quantile(const double *values, uint64_t n, double q)
{
    double    at, t, a, b;
    uint64_t  i;

    at = (double) (n - 1) * q;
    i = (uint64_t) at;

    if (i + 1 >= n) {
        return values[n - 1];
    }

    t = at - (double) i;
    a = values[i];
    b = values[i + 1];

    return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}


int
mlops_prep_same(mlops_fit_t *fit)
{
    if (fit->train == NULL || fit->outputs_n == fit->train->columns_n) {
        return MLOPS_OK;
    }

    return mlops_field_error(fit->field, "outputs: expected %u, one for each "
                             "input, got %u", fit->train->columns_n,
                             fit->outputs_n);
}


mlops_str_t *
mlops_prep_names(mlops_fit_t *fit, const mlops_str_t *first, const char *tag,
    uint32_t n)
{
    uint32_t      k;
    mlops_str_t  *names;

    names = mlops_arena_alloc(fit->field->arena, n * sizeof(mlops_str_t));
    if (names == NULL) {
        (void) mlops_field_memory(fit->field);
        return NULL;
    }

    for (k = 0; k < n; k++) {
        names[k] = mlops_fit_name(fit, "%.*s:%s%u", mlops_fmt(first), tag, k);

        if (names[k].data == NULL) {
            return NULL;
        }
    }

    return names;
}


void
mlops_prep_binary(mlops_fit_t *fit, const char *op,
    const mlops_str_t *inputs, const mlops_str_t *outputs, uint32_t n,
    const double *constants)
{
    mlops_fit_step(fit, "binary", inputs, n, outputs, n);
    mlops_fit_put_text(fit->steps, "op", op);
    mlops_fit_put_numbers(fit->steps, "constant", constants, n);
    mlops_fit_end(fit);
}


int
mlops_prep_done(mlops_fit_t *fit)
{
    return (fit->steps->failed || fit->report->failed)
           ? mlops_field_memory(fit->field) : MLOPS_OK;
}
