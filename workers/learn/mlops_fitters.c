/*
 * The table of fitters.
 */

#include "mlops_fitters.h"


static const mlops_fitter_t  mlops_fitter_end = { 0 };

static const mlops_fitter_t *const  mlops_fitter_table[] = {
    &mlops_fit_affine_linear,
    &mlops_fit_model_linear,
    &mlops_fit_affine_elastic,
    &mlops_fit_model_elastic,
    &mlops_fit_model_logistic,
    &mlops_fit_model_multinomial,
    &mlops_fit_model_poisson,
    &mlops_fit_piecewise_isotonic,
    &mlops_fit_affine_platt,
    &mlops_fit_impute_mean,
    &mlops_fit_impute_median,
    &mlops_fit_impute_frequent,
    &mlops_fit_affine_standard,
    &mlops_fit_affine_minmax,
    &mlops_fit_affine_robust,
    &mlops_fit_clip_quantiles,
    &mlops_fit_one_hot,
    &mlops_fit_affine_pca,
    &mlops_fit_polynomial,
    &mlops_fit_ftrl,
    &mlops_fit_adagrad,
    &mlops_fit_rls,
    &mlops_fit_exec,
    &mlops_fit_model_gbdt,
    &mlops_fitter_end
};


const mlops_fitter_t *
mlops_fitter_find(const mlops_str_t *kind, const mlops_str_t *fit)
{
    size_t                 i;
    const mlops_fitter_t  *fitter;

    for (i = 0; mlops_fitter_table[i]->kind != NULL; i++) {
        fitter = mlops_fitter_table[i];

        if (mlops_str_eq(kind, fitter->kind, strlen(fitter->kind))
            && mlops_str_eq(fit, fitter->fit, strlen(fitter->fit)))
        {
            return fitter;
        }
    }

    return NULL;
}


const mlops_fitter_t *const *
mlops_fitters(void)
{
    return mlops_fitter_table;
}
