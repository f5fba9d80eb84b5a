/*
 * Preprocessing: what its fitters share.
 *
 * All are fitted on the training rows alone, without weights, and leave
 * missing values out.  Quantiles are NumPy's: linear between the two values
 * next to (n - 1) q.
 */

#ifndef MLOPS_PREP_H
#define MLOPS_PREP_H


#include "mlops_fit_key.h"


typedef struct {
    double    *values;      /* those that are not missing, in order of rows */
    uint64_t   n;
    uint64_t   missing_n;
    double     mean;
    double     deviation;   /* population's; 0 where it is rounding alone */
} mlops_prep_column_t;


/* Reads a column of numbers; an infinite value, or none at all, is an error
 * that names it.  mlops_prep_free frees. */
int mlops_prep_column(mlops_fit_t *fit, uint32_t j,
    mlops_prep_column_t *column);
void mlops_prep_free(mlops_prep_column_t *column);

/* Sorts values, ascending. */
void mlops_prep_sort(double *values, uint64_t n);
/* Of sorted values; 0 <= q <= 1. */
double mlops_prep_quantile(const double *values, uint64_t n, double q);

/* As many outputs as inputs? */
int mlops_prep_same(mlops_fit_t *fit);
/* Names "first output:tag0", … */
mlops_str_t *mlops_prep_names(mlops_fit_t *fit, const mlops_str_t *first,
    const char *tag, uint32_t n);
/* {"kind":"binary","op":…,"constant":[…]} */
void mlops_prep_binary(mlops_fit_t *fit, const char *op,
    const mlops_str_t *inputs, const mlops_str_t *outputs, uint32_t n,
    const double *constants);
/* MLOPS_ERROR, with the reason, where a text could not be written. */
int mlops_prep_done(mlops_fit_t *fit);


#endif /* MLOPS_PREP_H */
