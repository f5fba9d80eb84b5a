/*
 * The fitters "logistic", "multinomial" and "poisson".
 */

#include "mlops_glm.h"
#include "mlops_fit_note.h"
#include "mlops_fitters.h"

#include <math.h>


static int mlops_fit_logistic_check(mlops_fit_t *fit);
static int mlops_fit_logistic(mlops_fit_t *fit);
static int mlops_fit_multinomial_check(mlops_fit_t *fit);
static int mlops_fit_multinomial(mlops_fit_t *fit);
static int mlops_fit_poisson_check(mlops_fit_t *fit);
static int mlops_fit_poisson(mlops_fit_t *fit);
static int mlops_fit_classes(const mlops_doc_t *step);
static int mlops_fit_glm_keys(mlops_fit_t *fit, mlops_glm_kind_t kind,
    mlops_glm_t *glm);
static int mlops_fit_glm(mlops_fit_t *fit, mlops_glm_kind_t kind);
static int mlops_fit_glm_write(mlops_fit_t *fit, mlops_glm_t *glm);


static const char *const  mlops_fit_glm_names[] = {
    MLOPS_LINEAR_KEYS, "l1_ratio", "iterations", NULL
};

static const mlops_linear_link_t  mlops_fit_links[] = {
    MLOPS_LINEAR_SIGMOID, MLOPS_LINEAR_EXP, MLOPS_LINEAR_SOFTMAX
};


const mlops_fitter_t  mlops_fit_model_logistic = {
    "model", "logistic", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_fit_glm_names, mlops_fit_logistic_check, mlops_fit_logistic,
    mlops_fit_classes
};

const mlops_fitter_t  mlops_fit_model_multinomial = {
    "model", "multinomial", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_fit_glm_names, mlops_fit_multinomial_check, mlops_fit_multinomial,
    mlops_fit_classes
};

const mlops_fitter_t  mlops_fit_model_poisson = {
    "model", "poisson", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_fit_glm_names, mlops_fit_poisson_check, mlops_fit_poisson, NULL
};


static int
mlops_fit_classes(const mlops_doc_t *step)
{
    (void) step;

    return 1;
}


static int
mlops_fit_logistic_check(mlops_fit_t *fit)
{
    mlops_glm_t  glm;

    return mlops_fit_glm_keys(fit, MLOPS_GLM_LOGISTIC, &glm);
}


static int
mlops_fit_logistic(mlops_fit_t *fit)
{
    return mlops_fit_glm(fit, MLOPS_GLM_LOGISTIC);
}


static int
mlops_fit_multinomial_check(mlops_fit_t *fit)
{
    mlops_glm_t  glm;

    return mlops_fit_glm_keys(fit, MLOPS_GLM_MULTINOMIAL, &glm);
}


static int
mlops_fit_multinomial(mlops_fit_t *fit)
{
    return mlops_fit_glm(fit, MLOPS_GLM_MULTINOMIAL);
}


static int
mlops_fit_poisson_check(mlops_fit_t *fit)
{
    mlops_glm_t  glm;

    return mlops_fit_glm_keys(fit, MLOPS_GLM_POISSON, &glm);
}


static int
mlops_fit_poisson(mlops_fit_t *fit)
{
    return mlops_fit_glm(fit, MLOPS_GLM_POISSON);
}


static int
mlops_fit_glm_keys(mlops_fit_t *fit, mlops_glm_kind_t kind, mlops_glm_t *glm)
{
    memset(glm, 0, sizeof(*glm));
    glm->kind = kind;

    if (mlops_linear_keys(fit, 0, 0, &glm->keys) != MLOPS_OK
        || mlops_field_int(fit->field, fit->step, "iterations", 1, 100000,
                           MLOPS_GLM_ITERATIONS, &glm->iterations)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_linear_check(fit, mlops_fit_links[kind]);
}


static int
mlops_fit_glm(mlops_fit_t *fit, mlops_glm_kind_t kind)
{
    int          rc;
    mlops_glm_t  glm;

    if (mlops_fit_glm_keys(fit, kind, &glm) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (kind != MLOPS_GLM_POISSON && fit->classes_n < 2) {
        return mlops_field_error(fit->field, "the target has %u class%s in "
                                 "the training rows, expected two or more",
                                 fit->classes_n,
                                 fit->classes_n == 1 ? "" : "es");
    }

    if (kind == MLOPS_GLM_LOGISTIC && fit->classes_n > 2) {
        return mlops_field_error(fit->field, "the target has %u classes, "
                                 "expected two: the fit \"multinomial\" is "
                                 "the one for more", fit->classes_n);
    }

    glm.margins = (kind == MLOPS_GLM_MULTINOMIAL) ? fit->classes_n : 1;

    if (mlops_design_init(&glm.design, fit, glm.keys.flags) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlops_glm(fit, &glm);

    if (rc == MLOPS_OK) {
        rc = mlops_fit_glm_write(fit, &glm);
    }

    mlops_glm_free(&glm);
    mlops_design_free(&glm.design);

    return rc;
}


static int
mlops_fit_glm_write(mlops_fit_t *fit, mlops_glm_t *glm)
{
    double    *weights, *bias, mean;
    uint32_t   k, n;

    n = glm->design.p;
    weights = mlops_arena_alloc(fit->field->arena,
                                (size_t) glm->margins * n * sizeof(double));
    bias = mlops_arena_alloc(fit->field->arena,
                             glm->margins * sizeof(double));

    if (weights == NULL || bias == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (k = 0; k < glm->margins; k++) {
        bias[k] = mlops_design_unscale(&glm->design,
                                       glm->free_n > 0 ? glm->b[k] : 0,
                                       glm->b + glm->free_n + k * glm->p,
                                       weights + (size_t) k * n);
    }

    /* what is added to all margins changes nothing: their sum is 0 */

    for (k = 0, mean = 0; k < glm->margins; k++) {
        mean += bias[k] / glm->margins;
    }

    for (k = 0; k < glm->margins && glm->margins > 1 && glm->free_n > 0;
         k++)
    {
        bias[k] -= mean;
    }

    mlops_design_report(&glm->design, fit);

    mlops_fit_put_number(fit->report, "loss", glm->loss);
    mlops_import_text(fit->report, ",\"iterations\":%u,\"converged\":%s",
                      glm->steps, glm->converged ? "true" : "false");

    if (glm->separable) {
        mlops_import_text(fit->report, ",\"separable\":true,\"remark\":"
                          "\"the inputs tell some rows apart without error: "
                          "weights would grow without end, and were "
                          "stopped; set alpha\"");

        mlops_fit_note(fit, "the inputs tell some rows apart without error: "
                       "weights would grow without end, and were stopped "
                       "after %u iterations; set alpha", glm->steps);

    } else if (!glm->converged) {
        mlops_fit_note(fit, "not converged after %u iteration%s: set "
                       "iterations higher, or alpha", glm->steps,
                       glm->steps == 1 ? "" : "s");
    }

    if (glm->margins == 1) {
        mlops_linear_dropped(fit, &glm->design, glm->dropped + glm->free_n);
    }

    return mlops_linear_write(fit, mlops_fit_links[glm->kind], glm->margins,
                              weights, bias);
}
