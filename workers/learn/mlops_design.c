/*
 * The design of a linear model.
 */

#include "mlops_design.h"
#include "mlops_fit_key.h"
#include "mlops_fit_note.h"

#include <math.h>
#include <stdlib.h>


static int mlops_design_rows(mlops_design_t *design, mlops_fit_t *fit,
    unsigned flags);
static int mlops_design_missing(mlops_design_t *design, mlops_fit_t *fit,
    uint32_t column, uint8_t *skip, unsigned flags);
static int mlops_design_finite(const mlops_design_t *design,
    uint32_t column);
static int mlops_design_moments(mlops_design_t *design, mlops_fit_t *fit,
    uint32_t j, unsigned flags);
static void mlops_design_sums(const mlops_design_t *design, uint32_t j,
    double mean, double *sum, double *square);
static void mlops_design_raw_weight(const mlops_design_t *design,
    uint64_t first, uint32_t n, double *out);
static void mlops_design_copy(const mlops_design_t *design,
    const mlops_matrix_column_t *column, uint64_t first, uint32_t n,
    double *out);


int
mlops_design_init(mlops_design_t *design, mlops_fit_t *fit, unsigned flags)
{
    uint32_t        j, p;
    mlops_arena_t  *arena;

    memset(design, 0, sizeof(*design));

    arena = fit->field->arena;
    p = fit->train->columns_n;

    design->matrix = fit->train;
    design->p = p;
    design->lanes = mlops_lanes();
    design->active = mlops_arena_alloc(arena, (p + 1) * sizeof(uint32_t));
    design->mean = mlops_arena_calloc(arena, p + 1, sizeof(double));
    design->scale = mlops_arena_calloc(arena, p + 1, sizeof(double));

    if (design->active == NULL || design->mean == NULL
        || design->scale == NULL)
    {
        return mlops_field_memory(fit->field);
    }

    for (j = 0; j <= p; j++) {
        design->scale[j] = 1;
    }

    if (mlops_design_rows(design, fit, flags) != MLOPS_OK) {
        mlops_design_free(design);
        return MLOPS_ERROR;
    }

    for (j = 0; j < p + !!(flags & MLOPS_DESIGN_TARGET); j++) {
        if (mlops_design_moments(design, fit, j, flags) != MLOPS_OK) {
            mlops_design_free(design);
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


void
mlops_design_free(mlops_design_t *design)
{
    free(design->own);
    design->own = NULL;
}


static int
mlops_design_rows(mlops_design_t *design, mlops_fit_t *fit, unsigned flags)
{
    double                 w;
    uint8_t               *skip;
    uint32_t               j;
    uint64_t               i, k;
    const mlops_matrix_t  *matrix;

    matrix = fit->train;

    skip = calloc(matrix->n ? matrix->n : 1, 1);
    if (skip == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (i = 0; matrix->weight != NULL && i < matrix->n; i++) {
        if (!(mlops_matrix_weight(matrix, mlops_matrix_row(matrix, i)) > 0)) {
            skip[i] = 1;
            design->zero_n++;
        }
    }

    design->n = matrix->n;
    design->rows = matrix->rows;

    for (j = 0; j < matrix->columns_n; j++) {
        if (mlops_design_missing(design, fit, j, skip, flags) != MLOPS_OK) {
            free(skip);
            return MLOPS_ERROR;
        }
    }

    design->n = matrix->n - design->zero_n - design->missing_n;

    if (design->n == 0) {
        free(skip);
        return mlops_field_error(fit->field, "no training rows are left: of "
                                 "%llu, %llu have weight 0, %llu miss a "
                                 "value", (unsigned long long) matrix->n,
                                 (unsigned long long) design->zero_n,
                                 (unsigned long long) design->missing_n);
    }

    if (design->n < matrix->n) {
        design->own = malloc(design->n * sizeof(uint32_t));
        design->rows = design->own;

        for (i = 0, k = 0; design->own != NULL && i < matrix->n; i++) {
            if (!skip[i]) {
                design->own[k++] = (uint32_t) mlops_matrix_row(matrix, i);
            }
        }
    }

    free(skip);

    if (design->n < matrix->n && design->own == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (i = 0, w = 0; i < design->n; i++) {
        w += mlops_matrix_weight(matrix, design->rows ? design->rows[i] : i);
    }

    design->weight_sum = w;
    design->unit = (double) design->n / w;

    if (!isfinite(w) || !isfinite(design->unit)) {
        return mlops_field_error(fit->field, "the sum of the rows' weights "
                                 "is no finite number");
    }

    return MLOPS_OK;
}


static int
mlops_design_missing(mlops_design_t *design, mlops_fit_t *fit,
    uint32_t number, uint8_t *skip, unsigned flags)
{
    double                        x;
    char                          place[MLOPS_FIT_PLACE];
    uint64_t                      i, row, missing, infinite, first[2];
    const mlops_matrix_t         *matrix;
    const mlops_matrix_column_t  *column;

    matrix = fit->train;
    column = &matrix->columns[number];
    missing = 0;
    infinite = 0;
    first[0] = 0;
    first[1] = 0;

    if (column->kind == MLOPS_MATRIX_CODES) {
        return mlops_field_error(fit->field, "inputs: \"%.*s\" is a string: "
                                 "put a one_hot or map step before",
                                 mlops_fmt(&column->name));
    }

    if (mlops_design_finite(design, number)) {
        return MLOPS_OK;
    }

    for (i = 0; i < matrix->n; i++) {
        if (skip[i]) {
            continue;
        }

        row = mlops_matrix_row(matrix, i);
        x = mlops_matrix_value(column, row);

        if (isnan(x)) {
            first[0] = missing++ ? first[0] : row;
            skip[i] = !!(flags & MLOPS_DESIGN_SKIP);

        } else if (isinf(x)) {
            first[1] = infinite++ ? first[1] : row;
        }
    }

    if (infinite > 0) {
        return mlops_field_error(fit->field, "inputs: \"%.*s\" is infinite "
                                 "in %llu of %llu training rows, first in %s",
                                 mlops_fmt(&column->name),
                                 (unsigned long long) infinite,
                                 (unsigned long long) matrix->n,
                                 mlops_fit_row(fit->env, first[1], NULL,
                                               place));
    }

    if (missing == 0) {
        return MLOPS_OK;
    }

    if (!(flags & MLOPS_DESIGN_SKIP)) {
        return mlops_field_error(fit->field, "inputs: \"%.*s\" is missing in "
                                 "%llu of %llu training rows, first in %s: "
                                 "put an impute step before, or leave such "
                                 "rows out with \"missing\": \"skip\"",
                                 mlops_fmt(&column->name),
                                 (unsigned long long) missing,
                                 (unsigned long long) matrix->n,
                                 mlops_fit_row(fit->env, first[0], NULL,
                                               place));
    }

    design->missing_n += missing;

    return MLOPS_OK;
}


/* The usual case, by a loop that compilers make wide. */

static int
mlops_design_finite(const mlops_design_t *design, uint32_t column)
{
    double    x[MLOPS_DESIGN_CHUNK], bad;
    uint32_t  i, n;
    uint64_t  first;

    for (first = 0; first < design->n; first += n) {
        n = mlops_design_chunk(design, first);
        mlops_design_raw(design, column, first, n, x);

        for (i = 0, bad = 0; i < n; i++) {
            bad += x[i] - x[i];
        }

        if (bad != 0) {
            return 0;
        }
    }

    return 1;
}


/*
 * The mean is found twice, the second time of what is left: so it is right
 * to the last bits where values are large and differ little.  Differences
 * that are rounding alone make no column.
 */

static int
mlops_design_moments(mlops_design_t *design, mlops_fit_t *fit, uint32_t j,
    unsigned flags)
{
    double       mean, more, square, all;
    mlops_str_t  name = mlops_str("target");

    mlops_design_sums(design, j, 0, &all, NULL);
    mean = (flags & MLOPS_DESIGN_CENTRE) ? all / design->weight_sum : 0;

    mlops_design_sums(design, j, mean, &more, &square);
    more = (flags & MLOPS_DESIGN_CENTRE) ? more / design->weight_sum : 0;
    square = square / design->weight_sum - more * more;

    if (j < design->p) {
        name = design->matrix->columns[j].name;
    }

    if (!isfinite(square) || !isfinite(mean)) {
        return mlops_field_error(fit->field, "%s\"%.*s\" has values so large "
                                 "that their squares are no numbers: divide "
                                 "it by a constant before",
                                 j < design->p ? "inputs: " : "",
                                 mlops_fmt(&name));
    }

    design->mean[j] = mean + more;

    if (square > 0 && sqrt(square) > MLOPS_DESIGN_ROUNDING * fabs(mean)
        && isfinite(1 / sqrt(square)))
    {
        design->scale[j] = sqrt(square);

        if (j < design->p) {
            design->active[design->active_n++] = j;
        }
    }

    return MLOPS_OK;
}


/* Σ w (x - mean), and Σ w (x - mean)^2 where it is asked for. */

static void
mlops_design_sums(const mlops_design_t *design, uint32_t j, double mean,
    double *sum, double *square)
{
    size_t    padded;
    uint32_t  i, n, filled;
    uint64_t  first;
    double    x[MLOPS_DESIGN_CHUNK] __attribute__((aligned(64)));
    double    w[MLOPS_DESIGN_CHUNK] __attribute__((aligned(64)));
    double    wx[MLOPS_DESIGN_CHUNK] __attribute__((aligned(64)));

    *sum = 0;
    filled = 0;

    if (square != NULL) {
        *square = 0;
    }

    for (first = 0; first < design->n; first += n) {
        n = mlops_design_chunk(design, first);
        padded = mlops_lanes_pad(n);

        mlops_design_raw(design, j, first, n, x);

        if (design->matrix->weight != NULL || filled < n) {
            mlops_design_raw_weight(design, first, n, w);
            filled = n;
        }

        for (i = 0; i < n; i++) {
            x[i] -= mean;
            wx[i] = w[i] * x[i];
        }

        for (i = n; i < padded; i++) {
            x[i] = 0;
            w[i] = 0;
            wx[i] = 0;
        }

        *sum += design->lanes->dot(w, x, padded);

        if (square != NULL) {
            *square += design->lanes->dot(wx, x, padded);
        }
    }
}


void
mlops_design_raw(const mlops_design_t *design, uint32_t column,
    uint64_t first, uint32_t n, double *out)
{
    mlops_matrix_column_t         target = { mlops_null_str,
                                             MLOPS_MATRIX_DOUBLE, NULL, 0,
                                             NULL };
    const mlops_matrix_column_t  *from;

    target.data = design->matrix->target;
    from = column < design->p ? &design->matrix->columns[column] : &target;

    mlops_design_copy(design, from, first, n, out);
}


static void
mlops_design_raw_weight(const mlops_design_t *design, uint64_t first,
    uint32_t n, double *out)
{
    uint32_t               i;
    mlops_matrix_column_t  weight = { mlops_null_str, MLOPS_MATRIX_DOUBLE,
                                      NULL, 0, NULL };

    weight.data = design->matrix->weight;

    if (weight.data != NULL) {
        mlops_design_copy(design, &weight, first, n, out);
        return;
    }

    for (i = 0; i < n; i++) {
        out[i] = 1;
    }
}


static void
mlops_design_copy(const mlops_design_t *design,
    const mlops_matrix_column_t *column, uint64_t first, uint32_t n,
    double *out)
{
    uint32_t         i;
    const float     *f;
    const double    *d;
    const uint32_t  *rows;

    rows = design->rows ? design->rows + first : NULL;

    if (column->kind == MLOPS_MATRIX_FLOAT) {
        f = column->data;

        for (i = 0; i < n; i++) {
            out[i] = f[rows ? rows[i] : first + i];
        }

        return;
    }

    d = column->data;

    if (rows == NULL) {
        memcpy(out, d + first, n * sizeof(double));
        return;
    }

    for (i = 0; i < n; i++) {
        out[i] = d[rows[i]];
    }
}


void
mlops_design_block(const mlops_design_t *design, uint64_t first, uint32_t n,
    double *block, size_t stride)
{
    double    mean, inverse;
    uint32_t  i, j, k;

    for (k = 0; k < design->active_n; k++, block += stride) {
        j = design->active[k];
        mean = design->mean[j];
        inverse = 1 / design->scale[j];

        mlops_design_raw(design, j, first, n, block);

        for (i = 0; i < n; i++) {
            block[i] = (block[i] - mean) * inverse;
        }
    }
}


void
mlops_design_target(const mlops_design_t *design, uint64_t first, uint32_t n,
    double *out)
{
    double    mean, inverse;
    uint32_t  i;

    mean = design->mean[design->p];
    inverse = 1 / design->scale[design->p];

    mlops_design_raw(design, design->p, first, n, out);

    for (i = 0; i < n; i++) {
        out[i] = (out[i] - mean) * inverse;
    }
}


void
mlops_design_weight(const mlops_design_t *design, uint64_t first, uint32_t n,
    double *out)
{
    uint32_t  i;

    mlops_design_raw_weight(design, first, n, out);

    for (i = 0; i < n && design->unit != 1; i++) {
        out[i] *= design->unit;
    }
}


/* In units of the target: scale is 1 and mean 0 where it has no moments. */

double
mlops_design_unscale(const mlops_design_t *design, double b0,
    const double *b, double *weights)
{
    double    bias, scale;
    uint32_t  j, k;

    scale = design->scale[design->p];
    bias = b0 * scale + design->mean[design->p];

    for (j = 0; j < design->p; j++) {
        weights[j] = 0;
    }

    for (k = 0; k < design->active_n; k++) {
        j = design->active[k];

        if (b[k] != 0) {
            weights[j] = b[k] * scale / design->scale[j];
            bias -= weights[j] * design->mean[j];
        }
    }

    return bias;
}


void
mlops_design_report(const mlops_design_t *design, mlops_fit_t *fit)
{
    uint32_t            j, k;
    mlops_str_t         name;
    mlops_fit_named_t   named;

    mlops_fit_report(fit, "rows");
    mlops_import_text(fit->report, "%llu", (unsigned long long) design->n);

    if (design->missing_n > 0) {
        mlops_fit_report(fit, "missing_rows");
        mlops_import_text(fit->report, "%llu",
                          (unsigned long long) design->missing_n);

        mlops_fit_note(fit, "%llu of %llu rows are left out, as an input is "
                       "missing", (unsigned long long) design->missing_n,
                       (unsigned long long) fit->train->n);
    }

    if (design->active_n == design->p) {
        return;
    }

    mlops_fit_report(fit, "constant");
    mlops_import_text(fit->report, "[");

    memset(&named, 0, sizeof(named));

    for (j = 0, k = 0; j < design->p; j++) {

        if (k < design->active_n && design->active[k] == j) {
            k++;
            continue;
        }

        name = design->matrix->columns[j].name;
        mlops_import_text(fit->report, named.n ? "," : "");
        mlops_import_quote(fit->report, name.data, name.len);
        mlops_fit_named(&named, &name, "");
    }

    mlops_import_text(fit->report, "]");

    mlops_fit_note(fit, "%u %s one value and the weight 0: %s", named.n,
                   named.n == 1 ? "input has" : "inputs have",
                   mlops_fit_named_text(&named));
}
