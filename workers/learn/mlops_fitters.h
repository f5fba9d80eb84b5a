/*
 * The fitters there are, one line each; the table is mlops_fitters.c.
 */

#ifndef MLOPS_FITTERS_H
#define MLOPS_FITTERS_H


#include "mlops_fit.h"


/* mlops_fit_linear.c */
extern const mlops_fitter_t  mlops_fit_affine_linear;
extern const mlops_fitter_t  mlops_fit_model_linear;
extern const mlops_fitter_t  mlops_fit_affine_elastic;
extern const mlops_fitter_t  mlops_fit_model_elastic;

/* mlops_fit_glm.c */
extern const mlops_fitter_t  mlops_fit_model_logistic;
extern const mlops_fitter_t  mlops_fit_model_multinomial;
extern const mlops_fitter_t  mlops_fit_model_poisson;

/* mlops_fit_calibrate.c */
extern const mlops_fitter_t  mlops_fit_piecewise_isotonic;
extern const mlops_fitter_t  mlops_fit_affine_platt;

/* mlops_prep_*.c */
extern const mlops_fitter_t  mlops_fit_impute_mean;
extern const mlops_fitter_t  mlops_fit_impute_median;
extern const mlops_fitter_t  mlops_fit_impute_frequent;
extern const mlops_fitter_t  mlops_fit_affine_standard;
extern const mlops_fitter_t  mlops_fit_affine_minmax;
extern const mlops_fitter_t  mlops_fit_affine_robust;
extern const mlops_fitter_t  mlops_fit_clip_quantiles;
extern const mlops_fitter_t  mlops_fit_one_hot;
extern const mlops_fitter_t  mlops_fit_affine_pca;
extern const mlops_fitter_t  mlops_fit_polynomial;

/* mlops_online_fit.c */
extern const mlops_fitter_t  mlops_fit_ftrl;
extern const mlops_fitter_t  mlops_fit_adagrad;
extern const mlops_fitter_t  mlops_fit_rls;

/* mlops_exec.c */
extern const mlops_fitter_t  mlops_fit_exec;

/* mlops_gbdt_fit.c */
extern const mlops_fitter_t  mlops_fit_model_gbdt;


#endif /* MLOPS_FITTERS_H */
