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


#endif /* MLOPS_FITTERS_H */
