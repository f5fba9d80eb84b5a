/*
 * Generalised linear models by Newton's method.
 */

#include "mlops_glm.h"
#include "mlops_fit_key.h"
#include "mlops_math.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_GLM_HALVES  50

/* A step this small, of the largest margin, is the last: what is left is its
 * square. */
#define MLOPS_GLM_STEP    1e-8

#define MLOPS_GLM_LOOSE   1e-4

/* Objectives that differ by less are equal; so many steps in a row that
 * bring less than the other end it as well. */
#define MLOPS_GLM_EQUAL   1e-12
#define MLOPS_GLM_FLAT    1e-13
#define MLOPS_GLM_FLATS   3


static int mlops_glm_alloc(mlops_fit_t *fit, mlops_glm_t *glm);
static int mlops_glm_start(mlops_fit_t *fit, mlops_glm_t *glm);
static double mlops_glm_search(mlops_glm_t *glm, double *objective);
static int mlops_glm_still(const mlops_glm_t *glm, double part);
static void mlops_glm_finish(mlops_glm_t *glm);


int
mlops_glm(mlops_fit_t *fit, mlops_glm_t *glm)
{
    double    t, before, objective;
    uint32_t  flat;

    if (mlops_glm_alloc(fit, glm) != MLOPS_OK
        || mlops_glm_start(fit, glm) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    objective = mlops_glm_objective(glm, 0, &glm->loss);

    if (!isfinite(objective)) {
        return mlops_field_error(fit->field, "the loss of the mean is no "
                                 "finite number: the target is too large");
    }

    for (flat = 0; /* void */; /* void */) {

        if (glm->steps >= (uint64_t) glm->iterations
            || (glm->kind != MLOPS_GLM_POISSON && glm->keys.alpha == 0
                && glm->loss < MLOPS_GLM_SEPARABLE))
        {
            break;
        }

        if (mlops_fit_stopped(fit)) {
            return MLOPS_ERROR;
        }

        mlops_fit_progress(fit, glm->steps, (uint64_t) glm->iterations,
                           "loss %.6g", glm->loss);

        mlops_glm_quadratic(glm);

        if (mlops_glm_minimum(glm) != MLOPS_OK) {
            return mlops_field_memory(fit->field);
        }

        glm->steps++;
        before = objective;
        t = mlops_glm_search(glm, &objective);

        flat = before - objective <= MLOPS_GLM_FLAT * fabs(before) ? flat + 1
                                                                   : 0;

        if (flat >= MLOPS_GLM_FLATS
            || (t > 0.1 && mlops_glm_still(glm, MLOPS_GLM_STEP / t)))
        {
            glm->converged = 1;
            break;
        }

        if (t == 0) {

            /* nothing is left but rounding, or the step is of no use */

            glm->converged = mlops_glm_still(glm, MLOPS_GLM_LOOSE);
            break;
        }
    }

    mlops_glm_finish(glm);

    return MLOPS_OK;
}


static int
mlops_glm_alloc(mlops_fit_t *fit, mlops_glm_t *glm)
{
    uint32_t        j, k, columns;
    mlops_arena_t  *arena;

    arena = fit->field->arena;
    glm->p = glm->design.active_n;
    glm->free_n = glm->keys.intercept ? glm->margins : 0;

    if ((uint64_t) glm->margins * (glm->p + 1) >= MLOPS_QR_COLUMNS) {
        return mlops_field_error(fit->field, "expected at most %u weights, "
                                 "got %u inputs for %u margins",
                                 MLOPS_QR_COLUMNS - 1, glm->p, glm->margins);
    }

    glm->n = glm->free_n + glm->margins * glm->p;
    columns = (glm->p + 1 + 3) / 4 * 4 + 4;

    glm->b = mlops_arena_calloc(arena, glm->n + 1, sizeof(double));
    glm->step = mlops_arena_calloc(arena, glm->n + 1, sizeof(double));
    glm->l1 = mlops_arena_calloc(arena, glm->p + 1, sizeof(double));
    glm->l2 = mlops_arena_calloc(arena, glm->free_n + glm->n + 1,
                                 sizeof(double));
    glm->dropped = mlops_arena_calloc(arena, glm->n + 1, 1);
    glm->z = mlops_lanes_alloc(glm->margins, glm->design.n);
    glm->dz = mlops_lanes_alloc(glm->margins, glm->design.n);
    glm->block = mlops_lanes_alloc(columns, MLOPS_DESIGN_CHUNK);
    glm->chunk = mlops_lanes_alloc(glm->margins + 3, MLOPS_DESIGN_CHUNK);

    if (glm->b == NULL || glm->step == NULL || glm->l1 == NULL
        || glm->l2 == NULL || glm->dropped == NULL || glm->z == NULL
        || glm->dz == NULL || glm->block == NULL || glm->chunk == NULL
        || mlops_qr_init(&glm->qr, glm->n + 1) != MLOPS_OK)
    {
        return mlops_field_memory(fit->field);
    }

    mlops_linear_penalty(&glm->design, &glm->keys, glm->l1,
                         glm->l2 + glm->free_n);

    for (k = 1; k < glm->margins; k++) {
        for (j = 0; j < glm->p; j++) {
            glm->l2[glm->free_n + k * glm->p + j] =
                glm->l2[glm->free_n + j];
        }
    }

    return MLOPS_OK;
}


void
mlops_glm_free(mlops_glm_t *glm)
{
    free(glm->z);
    free(glm->dz);
    free(glm->block);
    free(glm->chunk);
    mlops_qr_free(&glm->qr);
}


/* The share of each class, or the mean, as intercepts; they are checked on
 * the way. */

static int
mlops_glm_start(mlops_fit_t *fit, mlops_glm_t *glm)
{
    char       place[MLOPS_FIT_PLACE];
    double    *share, w[MLOPS_DESIGN_CHUNK], y[MLOPS_DESIGN_CHUNK];
    uint32_t   i, k, n, classes;
    uint64_t   first, row;

    classes = glm->kind == MLOPS_GLM_MULTINOMIAL ? glm->margins : 2;

    share = mlops_arena_calloc(fit->field->arena, classes, sizeof(double));
    if (share == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (first = 0; first < glm->design.n; first += n) {
        n = mlops_design_chunk(&glm->design, first);
        mlops_design_weight(&glm->design, first, n, w);
        mlops_design_raw(&glm->design, glm->design.p, first, n, y);

        for (i = 0; i < n; i++) {

            if (glm->kind == MLOPS_GLM_POISSON) {
                if (!(y[i] >= 0)) {
                    row = glm->design.rows ? glm->design.rows[first + i]
                                           : first + i;

                    return mlops_field_error(fit->field, "%s: the target of a"
                                             " poisson fit is a count: "
                                             "expected 0 or more, got %g",
                                             mlops_fit_row(fit->env, row,
                                                  mlops_fit_target(fit->env),
                                                  place), y[i]);
                }

                share[1] += w[i] * y[i] / (double) glm->design.n;

            } else {
                share[(uint32_t) y[i]] += w[i] / (double) glm->design.n;
            }
        }
    }

    for (k = glm->kind == MLOPS_GLM_POISSON; k < classes; k++) {
        if (share[k] > 0) {
            continue;
        }

        if (glm->kind == MLOPS_GLM_POISSON) {
            return mlops_field_error(fit->field, "the target is 0 in all "
                                     "training rows: its logarithm has no "
                                     "mean");
        }

        return mlops_field_error(fit->field, "class \"%.*s\" has no training "
                                 "row with a weight: expected rows of each "
                                 "class",
                                 fit->classes ? (int) fit->classes[k].len : 1,
                                 fit->classes ? fit->classes[k].data
                                 : k == 0 ? "0" : k == 1 ? "1" : "?");
    }

    for (k = 0; k < glm->free_n; k++) {
        glm->b[k] = glm->kind == MLOPS_GLM_LOGISTIC
                    ? mlops_log(share[1]) - mlops_log(share[0])
                    : mlops_log(share[glm->margins == 1 ? 1 : k]);
    }

    mlops_glm_margins(glm, glm->b, glm->z);

    return MLOPS_OK;
}


/* Halves the step until the objective falls, and takes it: what is left of
 * it, 0 where it does not fall. */

static double
mlops_glm_search(mlops_glm_t *glm, double *objective)
{
    double    t, next, bare;
    uint32_t  i, half;
    uint64_t  row;

    mlops_glm_margins(glm, glm->step, glm->dz);

    for (half = 0, t = 1; half < MLOPS_GLM_HALVES; half++, t /= 2) {
        next = mlops_glm_objective(glm, t, &bare);

        if (next <= *objective + MLOPS_GLM_EQUAL * fabs(*objective)) {
            break;
        }
    }

    if (half == MLOPS_GLM_HALVES) {
        return 0;
    }

    for (i = 0; i < glm->n; i++) {
        glm->b[i] += t * glm->step[i];
    }

    for (row = 0; row < glm->margins * glm->design.n; row++) {
        glm->z[row] += t * glm->dz[row];
    }

    *objective = next;
    glm->loss = bare;

    return t;
}


/* The next step would depend on the margins alone, of several on their
 * differences: where these move by no more than a part of the largest, what
 * the loss decides does not. */

static int
mlops_glm_still(const mlops_glm_t *glm, double part)
{
    double    most, step, mean;
    uint32_t  k;
    uint64_t  i, n;

    n = glm->design.n;

    for (i = 0, most = 1, step = 0; i < n; i++) {

        for (k = 0, mean = 0; glm->margins > 1 && k < glm->margins; k++) {
            mean += glm->dz[k * n + i] / glm->margins;
        }

        for (k = 0; k < glm->margins; k++) {
            most = fmax(most, fabs(glm->z[k * n + i]));
            step = fmax(step, fabs(glm->dz[k * n + i] - mean));
        }
    }

    return step <= part * most;
}


/* Weights that the loss does not decide are symmetric; is there a minimum? */

static void
mlops_glm_finish(mlops_glm_t *glm)
{
    double    mean, *at;
    uint32_t  j, k;
    uint64_t  row;

    if (glm->keys.alpha > 0) {
        return;
    }

    for (j = 0; glm->margins > 1 && j < glm->p; j++) {
        at = glm->b + glm->free_n + j;

        for (k = 0, mean = 0; k < glm->margins; k++) {
            mean += at[k * glm->p];
        }

        mean /= glm->margins;

        for (k = 0; k < glm->margins; k++) {
            at[k * glm->p] -= mean;
        }
    }

    glm->separable = glm->kind != MLOPS_GLM_POISSON
                     && glm->loss < MLOPS_GLM_SEPARABLE;

    /* far away, and moving on */

    for (row = 0; !glm->separable && row < glm->margins * glm->design.n;
         row++)
    {
        if (fabs(glm->z[row]) > MLOPS_GLM_MARGIN
            && fabs(glm->dz[row]) > MLOPS_GLM_LOOSE * fabs(glm->z[row]))
        {
            glm->separable = 1;
        }
    }

    if (glm->separable) {
        glm->converged = 0;
    }
}
