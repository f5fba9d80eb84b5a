/*
 * The fitters "linear" (least squares, ridge) and "elastic_net" (lasso).
 */

#include "mlops_linear.h"
#include "mlops_fit_note.h"
#include "mlops_elastic.h"
#include "mlops_fitters.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_FIT_LINEAR_SWEEPS     100000
#define MLOPS_FIT_LINEAR_TOLERANCE  1e-10


typedef struct {
    mlops_linear_keys_t   keys;
    mlops_design_t        design;
    mlops_qr_t            qr;
    double               *l1;
    double               *l2;
    double               *b;        /* of blocks */
    double               *weights;  /* of inputs */
    uint8_t              *dropped;
} mlops_fit_linear_t;


static int mlops_fit_linear_check(mlops_fit_t *fit);
static int mlops_fit_linear_run(mlops_fit_t *fit);
static int mlops_fit_elastic_check(mlops_fit_t *fit);
static int mlops_fit_elastic_run(mlops_fit_t *fit);
static int mlops_fit_linear_open(mlops_fit_t *fit, mlops_fit_linear_t *lin);
static void mlops_fit_linear_close(mlops_fit_linear_t *lin);
static int mlops_fit_linear_write(mlops_fit_t *fit, mlops_fit_linear_t *lin,
    double squares);
static int mlops_fit_elastic_limits(mlops_fit_t *fit, double *tolerance,
    int64_t *sweeps);
static int mlops_fit_elastic_solve(mlops_fit_t *fit, mlops_fit_linear_t *lin,
    double *squares);


static const char *const  mlops_fit_linear_keys[] = {
    MLOPS_LINEAR_KEYS, NULL
};

static const char *const  mlops_fit_elastic_keys[] = {
    MLOPS_LINEAR_KEYS, "l1_ratio", "tolerance", "iterations", NULL
};


const mlops_fitter_t  mlops_fit_affine_linear = {
    "affine", "linear", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_fit_linear_keys, mlops_fit_linear_check, mlops_fit_linear_run, NULL
};

const mlops_fitter_t  mlops_fit_model_linear = {
    "model", "linear", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_fit_linear_keys, mlops_fit_linear_check, mlops_fit_linear_run, NULL
};

const mlops_fitter_t  mlops_fit_affine_elastic = {
    "affine", "elastic_net", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_fit_elastic_keys, mlops_fit_elastic_check, mlops_fit_elastic_run,
    NULL
};

const mlops_fitter_t  mlops_fit_model_elastic = {
    "model", "elastic_net", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_fit_elastic_keys, mlops_fit_elastic_check, mlops_fit_elastic_run,
    NULL
};


static int
mlops_fit_linear_check(mlops_fit_t *fit)
{
    mlops_linear_keys_t  keys;

    return mlops_linear_keys(fit, 0, 0, &keys) == MLOPS_OK
           ? mlops_linear_check(fit, MLOPS_LINEAR_IDENTITY) : MLOPS_ERROR;
}


static int
mlops_fit_elastic_check(mlops_fit_t *fit)
{
    double               tolerance;
    int64_t              sweeps;
    mlops_linear_keys_t  keys;

    if (mlops_linear_keys(fit, 1, 0.5, &keys) != MLOPS_OK
        || mlops_fit_elastic_limits(fit, &tolerance, &sweeps) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_linear_check(fit, MLOPS_LINEAR_IDENTITY);
}


static int
mlops_fit_elastic_limits(mlops_fit_t *fit, double *tolerance,
    int64_t *sweeps)
{
    if (mlops_field_number(fit->field, fit->step, "tolerance", 0, 1,
                           MLOPS_FIT_LINEAR_TOLERANCE, tolerance)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_field_int(fit->field, fit->step, "iterations", 1, INT32_MAX,
                           MLOPS_FIT_LINEAR_SWEEPS, sweeps);
}


static int
mlops_fit_linear_run(mlops_fit_t *fit)
{
    int                  rc;
    double               rest, *r;
    uint32_t             k, p, rank;
    mlops_fit_linear_t   lin;

    if (mlops_linear_keys(fit, 0, 0, &lin.keys) != MLOPS_OK
        || mlops_fit_linear_open(fit, &lin) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    p = lin.design.active_n;

    mlops_linear_triangle(&lin.design, &lin.qr);

    if (lin.keys.alpha > 0) {
        mlops_qr_diagonal(&lin.qr, NULL, p, lin.l2, NULL);
    }

    rank = mlops_qr_solve(&lin.qr, lin.b, lin.dropped);

    for (k = rank, rest = 0; k <= p; k++) {
        r = lin.qr.r + k * lin.qr.stride;
        rest += r[p] * r[p];
    }

    /* what ridge rows miss is no residual */

    for (k = 0; k < p && lin.keys.alpha > 0; k++) {
        rest -= lin.l2[k] * lin.b[k] * lin.b[k];
    }

    rc = mlops_fit_linear_write(fit, &lin, rest);

    mlops_fit_report(fit, "rank");
    mlops_import_text(fit->report, "%u", rank);
    mlops_linear_dropped(fit, &lin.design, lin.dropped);

    mlops_fit_linear_close(&lin);

    return rc;
}


static int
mlops_fit_elastic_run(mlops_fit_t *fit)
{
    int                  rc;
    double               rest;
    mlops_fit_linear_t   lin;

    if (mlops_linear_keys(fit, 1, 0.5, &lin.keys) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (lin.keys.alpha * lin.keys.l1_ratio == 0) {
        return mlops_field_error(fit->field, "expected alpha and l1_ratio "
                                 "above 0, got %g and %g: the fit \"linear\" "
                                 "is the one without l1", lin.keys.alpha,
                                 lin.keys.l1_ratio);
    }

    if (mlops_fit_linear_open(fit, &lin) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_linear_triangle(&lin.design, &lin.qr);

    rc = mlops_fit_elastic_solve(fit, &lin, &rest);

    if (rc == MLOPS_OK) {
        rc = mlops_fit_linear_write(fit, &lin, rest);
    }

    mlops_fit_linear_close(&lin);

    return rc;
}


static int
mlops_fit_elastic_solve(mlops_fit_t *fit, mlops_fit_linear_t *lin,
    double *squares)
{
    int               rc;
    double           *a, rest;
    int64_t           sweeps;
    uint32_t          i, j, k, p, support;
    mlops_elastic_t   elastic;

    if (mlops_fit_elastic_limits(fit, &elastic.tolerance, &sweeps)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    p = lin->design.active_n;
    elastic.p = p;
    elastic.m = p + 1;
    elastic.stride = mlops_lanes_pad(p + 1);
    elastic.sweeps_max = (uint32_t) sweeps;
    elastic.l1 = lin->l1;
    elastic.l2 = lin->l2;
    elastic.x = lin->b;

    a = mlops_lanes_alloc(p + 1, elastic.stride);
    if (a == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (j = 0; j <= p; j++) {
        for (i = 0; i <= j; i++) {
            a[j * elastic.stride + i] = lin->qr.r[i * lin->qr.stride + j];
        }
    }

    elastic.a = a;
    elastic.y = a + p * elastic.stride;

    rc = mlops_elastic(&elastic);

    for (i = 0, *squares = 0; rc == MLOPS_OK && i <= p; i++) {
        rest = elastic.y[i];

        for (j = i; j < p; j++) {
            rest -= a[j * elastic.stride + i] * lin->b[j];
        }

        *squares += rest * rest;
    }

    free(a);

    if (rc != MLOPS_OK) {
        return mlops_field_memory(fit->field);
    }

    for (k = 0, support = 0; k < p; k++) {
        support += (lin->b[k] != 0);
    }

    mlops_fit_report(fit, "weights");
    mlops_import_text(fit->report, "%u,\"sweeps\":%u,\"converged\":%s",
                      support, elastic.sweeps,
                      elastic.converged ? "true" : "false");
    mlops_fit_put_number(fit->report, "gap", elastic.gap);

    if (!elastic.converged) {
        mlops_fit_note(fit, "not converged after %u sweep%s: set iterations "
                       "higher, or tolerance", elastic.sweeps,
                       elastic.sweeps == 1 ? "" : "s");
    }

    return MLOPS_OK;
}


static int
mlops_fit_linear_open(mlops_fit_t *fit, mlops_fit_linear_t *lin)
{
    uint32_t        p;
    mlops_arena_t  *arena;

    if (mlops_linear_check(fit, MLOPS_LINEAR_IDENTITY) != MLOPS_OK
        || mlops_design_init(&lin->design, fit,
                             lin->keys.flags|MLOPS_DESIGN_TARGET)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    arena = fit->field->arena;
    p = lin->design.active_n;

    lin->l1 = mlops_arena_calloc(arena, p + 1, sizeof(double));
    lin->l2 = mlops_arena_calloc(arena, p + 1, sizeof(double));
    lin->b = mlops_arena_calloc(arena, p + 1, sizeof(double));
    lin->weights = mlops_arena_calloc(arena, lin->design.p + 1,
                                      sizeof(double));
    lin->dropped = mlops_arena_calloc(arena, p + 1, 1);

    if (lin->l1 == NULL || lin->l2 == NULL || lin->b == NULL
        || lin->weights == NULL || lin->dropped == NULL
        || mlops_qr_init(&lin->qr, p + 1) != MLOPS_OK)
    {
        mlops_design_free(&lin->design);
        return mlops_field_memory(fit->field);
    }

    mlops_linear_penalty(&lin->design, &lin->keys, lin->l1, lin->l2);

    return MLOPS_OK;
}


static void
mlops_fit_linear_close(mlops_fit_linear_t *lin)
{
    mlops_qr_free(&lin->qr);
    mlops_design_free(&lin->design);
}


/* R² is of the training rows; without an intercept against 0, not the mean.
 */

static int
mlops_fit_linear_write(mlops_fit_t *fit, mlops_fit_linear_t *lin,
    double squares)
{
    double    bias, all, t;
    uint32_t  k;

    for (k = 0; k < lin->design.active_n; k++) {
        if (!isfinite(lin->b[k])) {
            return mlops_field_error(fit->field, "no finite weights: the "
                                     "penalty or a weight of rows is too "
                                     "large");
        }
    }

    bias = mlops_design_unscale(&lin->design, 0, lin->b, lin->weights);

    t = lin->design.scale[lin->design.p];
    all = (double) lin->design.n;

    mlops_design_report(&lin->design, fit);

    if (isfinite(squares) && isfinite(squares * t * t)) {
        mlops_fit_put_number(fit->report, "r2", 1 - squares / all);
        mlops_fit_put_number(fit->report, "mse", squares * t * t / all);
    }

    return mlops_linear_write(fit, MLOPS_LINEAR_IDENTITY, 1, lin->weights,
                              &bias);
}
