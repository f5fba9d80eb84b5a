/*
 * Metrics of a whole set.  Internal to workers/learn.
 */

#ifndef MLOPS_METRIC_SET_H
#define MLOPS_METRIC_SET_H


#include "mlops_metric.h"


/* The value alone; NaN where it is not defined (of one class only). */
int mlops_metric_set(mlops_metric_t metric, const mlops_scored_t *scored,
    double *value, mlops_err_t *err);

/* Is the class of row i predicted? */
int mlops_metric_right(const mlops_scored_t *scored, uint64_t i);
/* The standard error of r2, and the interval of an unweighted median. */
double mlops_metric_r2_error(const mlops_scored_t *scored);
int mlops_metric_median_range(const mlops_scored_t *scored, double *lo,
    double *hi, mlops_err_t *err);


#endif /* MLOPS_METRIC_SET_H */
