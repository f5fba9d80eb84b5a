/*
 * The fitters of affine that scale, and the one of clip:
 *
 *     standard   (x - mean) / deviation, the population's
 *     minmax     lo + (x - min) / (max - min) (hi - lo)
 *     robust     (x - median) / (quantile hi - quantile lo)
 *     quantiles  clips at the quantiles lo and hi
 *
 * A column that does not differ is divided by 1.  The steps subtract first:
 * x / s - m / s would lose what two large values differ by.
 */

#include "mlops_prep.h"
#include "mlops_fitters.h"

#include <math.h>


typedef struct {
    int      centre;
    int      scale;
    double   lo;
    double   hi;
} mlops_prep_scale_t;


typedef void (*mlops_prep_scale_pt)(mlops_prep_column_t *column,
    const mlops_prep_scale_t *keys, double *less, double *over);


static int mlops_prep_scale_keys(mlops_fit_t *fit, double lo, double hi,
    mlops_prep_scale_t *keys);
static int mlops_prep_standard_check(mlops_fit_t *fit);
static int mlops_prep_standard(mlops_fit_t *fit);
static int mlops_prep_minmax_check(mlops_fit_t *fit);
static int mlops_prep_minmax(mlops_fit_t *fit);
static int mlops_prep_robust_check(mlops_fit_t *fit);
static int mlops_prep_robust(mlops_fit_t *fit);
static int mlops_prep_clip_check(mlops_fit_t *fit);
static int mlops_prep_clip(mlops_fit_t *fit);
static int mlops_prep_find(mlops_fit_t *fit, mlops_prep_scale_pt find,
    const mlops_prep_scale_t *keys, double **less, double **over);
static int mlops_prep_write(mlops_fit_t *fit, const mlops_prep_scale_t *keys,
    const double *less, const double *over);


static const char *const  mlops_prep_standard_names[] = {
    "centre", "scale", NULL
};

static const char *const  mlops_prep_minmax_names[] = { "lo", "hi", NULL };

static const char *const  mlops_prep_robust_names[] = {
    "centre", "scale", "lo", "hi", NULL
};


const mlops_fitter_t  mlops_fit_affine_standard = {
    "affine", "standard", 0, mlops_prep_standard_names,
    mlops_prep_standard_check, mlops_prep_standard, NULL
};

const mlops_fitter_t  mlops_fit_affine_minmax = {
    "affine", "minmax", 0, mlops_prep_minmax_names, mlops_prep_minmax_check,
    mlops_prep_minmax, NULL
};

const mlops_fitter_t  mlops_fit_affine_robust = {
    "affine", "robust", 0, mlops_prep_robust_names, mlops_prep_robust_check,
    mlops_prep_robust, NULL
};

const mlops_fitter_t  mlops_fit_clip_quantiles = {
    "clip", "quantiles", 0, mlops_prep_minmax_names, mlops_prep_clip_check,
    mlops_prep_clip, NULL
};


/* lo < hi; of quantiles both in [0, 1]. */

static int
mlops_prep_scale_keys(mlops_fit_t *fit, double lo, double hi,
    mlops_prep_scale_t *keys)
{
    double  least, most;

    least = (lo > 0) ? 0 : -1e300;
    most = (lo > 0) ? 1 : 1e300;

    if (mlops_prep_same(fit) != MLOPS_OK
        || mlops_fit_flag(fit, "centre", 1, &keys->centre) != MLOPS_OK
        || mlops_fit_flag(fit, "scale", 1, &keys->scale) != MLOPS_OK
        || mlops_field_number(fit->field, fit->step, "lo", least, most, lo,
                              &keys->lo)
           != MLOPS_OK
        || mlops_field_number(fit->field, fit->step, "hi", least, most, hi,
                              &keys->hi)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (!(keys->lo < keys->hi)) {
        return mlops_field_error(fit->field, "expected lo below hi, got %g "
                                 "and %g", keys->lo, keys->hi);
    }

    if (!keys->centre && !keys->scale) {
        return mlops_field_error(fit->field, "centre and scale are both "
                                 "false: nothing is left to do");
    }

    return MLOPS_OK;
}


static int
mlops_prep_standard_check(mlops_fit_t *fit)
{
    mlops_prep_scale_t  keys;

    return mlops_prep_scale_keys(fit, 0, 1, &keys);
}


static void
mlops_prep_standard_of(mlops_prep_column_t *column,
    const mlops_prep_scale_t *keys, double *less, double *over)
{
    (void) keys;

    *less = column->mean;
    *over = column->deviation;
}


static int
mlops_prep_standard(mlops_fit_t *fit)
{
    double              *less, *over;
    mlops_prep_scale_t   keys;

    if (mlops_prep_scale_keys(fit, 0, 1, &keys) != MLOPS_OK
        || mlops_prep_find(fit, mlops_prep_standard_of, &keys, &less, &over)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_prep_write(fit, &keys, less, over);
}


static int
mlops_prep_minmax_check(mlops_fit_t *fit)
{
    mlops_prep_scale_t  keys;

    return mlops_prep_scale_keys(fit, 0, 1, &keys);
}


static void
mlops_prep_minmax_of(mlops_prep_column_t *column,
    const mlops_prep_scale_t *keys, double *less, double *over)
{
    double    lo, hi;
    uint64_t  i;

    (void) keys;

    lo = column->values[0];
    hi = lo;

    for (i = 1; i < column->n; i++) {
        lo = column->values[i] < lo ? column->values[i] : lo;
        hi = column->values[i] > hi ? column->values[i] : hi;
    }

    *less = lo;
    *over = hi - lo;
}


static int
mlops_prep_minmax(mlops_fit_t *fit)
{
    double              *less, *over;
    mlops_prep_scale_t   keys;

    if (mlops_prep_scale_keys(fit, 0, 1, &keys) != MLOPS_OK
        || mlops_prep_find(fit, mlops_prep_minmax_of, &keys, &less, &over)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_prep_write(fit, &keys, less, over);
}


static int
mlops_prep_robust_check(mlops_fit_t *fit)
{
    mlops_prep_scale_t  keys;

    return mlops_prep_scale_keys(fit, 0.25, 0.75, &keys);
}


static void
mlops_prep_robust_of(mlops_prep_column_t *column,
    const mlops_prep_scale_t *keys, double *less, double *over)
{
    mlops_prep_sort(column->values, column->n);

    *less = mlops_prep_quantile(column->values, column->n, 0.5);
    *over = mlops_prep_quantile(column->values, column->n, keys->hi)
            - mlops_prep_quantile(column->values, column->n, keys->lo);
}


static int
mlops_prep_robust(mlops_fit_t *fit)
{
    double              *less, *over;
    mlops_prep_scale_t   keys;

    if (mlops_prep_scale_keys(fit, 0.25, 0.75, &keys) != MLOPS_OK
        || mlops_prep_find(fit, mlops_prep_robust_of, &keys, &less, &over)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    keys.lo = 0;
    keys.hi = 1;

    return mlops_prep_write(fit, &keys, less, over);
}


static int
mlops_prep_clip_check(mlops_fit_t *fit)
{
    mlops_prep_scale_t  keys;

    return mlops_prep_scale_keys(fit, 0.01, 0.99, &keys);
}


static void
mlops_prep_clip_of(mlops_prep_column_t *column,
    const mlops_prep_scale_t *keys, double *less, double *over)
{
    mlops_prep_sort(column->values, column->n);

    *less = mlops_prep_quantile(column->values, column->n, keys->lo);
    *over = mlops_prep_quantile(column->values, column->n, keys->hi);
}


static int
mlops_prep_clip(mlops_fit_t *fit)
{
    double              *lo, *hi;
    mlops_str_t         *inputs;
    mlops_prep_scale_t   keys;

    if (mlops_prep_scale_keys(fit, 0.01, 0.99, &keys) != MLOPS_OK
        || mlops_prep_find(fit, mlops_prep_clip_of, &keys, &lo, &hi)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    inputs = mlops_fit_inputs(fit);
    if (inputs == NULL) {
        return MLOPS_ERROR;
    }

    mlops_fit_step(fit, "clip", inputs, fit->outputs_n, fit->outputs,
                   fit->outputs_n);
    mlops_fit_put_numbers(fit->steps, "lo", lo, fit->outputs_n);
    mlops_fit_put_numbers(fit->steps, "hi", hi, fit->outputs_n);
    mlops_fit_end(fit);

    return mlops_prep_done(fit);
}


static int
mlops_prep_find(mlops_fit_t *fit, mlops_prep_scale_pt find,
    const mlops_prep_scale_t *keys, double **less, double **over)
{
    uint32_t              j, n;
    mlops_prep_column_t   column;

    n = fit->train->columns_n;
    *less = mlops_arena_alloc(fit->field->arena, n * sizeof(double));
    *over = mlops_arena_alloc(fit->field->arena, n * sizeof(double));

    if (*less == NULL || *over == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (j = 0; j < n; j++) {
        if (mlops_prep_column(fit, j, &column) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        find(&column, keys, *less + j, *over + j);
        mlops_prep_free(&column);
    }

    return MLOPS_OK;
}


static int
mlops_prep_write(mlops_fit_t *fit, const mlops_prep_scale_t *keys,
    const double *less, const double *over)
{
    int                 placed;
    double             *each;
    uint32_t            j, n;
    mlops_str_t        *inputs, *centred, *scaled, *wide;
    const mlops_str_t  *in;

    n = fit->outputs_n;
    placed = keys->lo != 0 || keys->hi != 1;

    each = mlops_arena_alloc(fit->field->arena, n * sizeof(double));
    inputs = mlops_fit_inputs(fit);
    centred = mlops_prep_names(fit, fit->outputs, "centred", n);
    scaled = mlops_prep_names(fit, fit->outputs, "scaled", n);
    wide = mlops_prep_names(fit, fit->outputs, "wide", n);

    if (each == NULL || inputs == NULL || centred == NULL || scaled == NULL
        || wide == NULL)
    {
        return mlops_field_memory(fit->field);
    }

    in = inputs;

    if (keys->centre) {
        mlops_prep_binary(fit, "sub", in, keys->scale ? centred
                                                      : fit->outputs,
                          n, less);
        in = centred;
    }

    for (j = 0; j < n; j++) {
        each[j] = over[j] > 0 ? over[j] : 1;
    }

    if (keys->scale) {
        mlops_prep_binary(fit, "div", in, placed ? scaled : fit->outputs, n,
                          each);
    }

    if (placed) {
        for (j = 0; j < n; j++) {
            each[j] = keys->hi - keys->lo;
        }

        mlops_prep_binary(fit, "mul", scaled, wide, n, each);

        for (j = 0; j < n; j++) {
            each[j] = keys->lo;
        }

        mlops_prep_binary(fit, "add", wide, fit->outputs, n, each);
    }

    return mlops_prep_done(fit);
}
