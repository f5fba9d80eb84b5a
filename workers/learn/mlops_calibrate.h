/*
 * Calibration: from a score to the mean of what came true.
 *
 * isotonic   the ascending (or descending) step function nearest to the
 *            targets, by pooling adjacent violators (Ayer et al., 1955), as
 *            scikit-learn's IsotonicRegression: rows of equal scores are one
 *            of their mean, points inside a flat stretch are left out, and
 *            between points it is linear
 * platt      the sigmoid of a line (Platt, 1999), with his smoothed targets
 *            (N1 + 1) / (N1 + 2) and 1 / (N0 + 2) and without a penalty, as
 *            scikit-learn's "sigmoid"
 *
 * Both take weights.  Scores and targets are n doubles, all finite; rows of
 * weight 0 do not count.
 */

#ifndef MLOPS_CALIBRATE_H
#define MLOPS_CALIBRATE_H


#include "mlops_base.h"


/* Points of the function, x ascending; *x and *y are malloc'ed.  n > 0, not
 * all weights 0; weight NULL: 1 each.  MLOPS_ERROR when memory is out. */
int mlops_isotonic(const double *score, const double *target,
    const double *weight, uint64_t n, int descending, double **x, double **y,
    uint32_t *points);

/* 1 / (1 + exp(-(slope score + offset))): target is 1 where above 0. */
void mlops_platt(const double *score, const double *target,
    const double *weight, uint64_t n, double *slope, double *offset);


#endif /* MLOPS_CALIBRATE_H */
