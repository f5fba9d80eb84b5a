/*
 * Losses and metrics of predictions.
 *
 * A loss has a value for each row, so that two models are compared row by
 * row and its mean has a confidence interval; the others are of a whole set.
 *
 *     loss per row   squared_error (rmse is the root of its mean),
 *                    absolute_error (mae), log_loss, deviance (Poisson),
 *                    pinball, huber
 *     of a set       r2, auc, accuracy, f1, ece (expected calibration error,
 *                    15 bins of equal width)
 *
 * Weighted by the rows' weights.  Probabilities are clipped to
 * [1e-15, 1 - 1e-15] as scikit-learn does.
 */

#ifndef MLOPS_METRIC_H
#define MLOPS_METRIC_H


#include "mlops_base.h"


typedef enum {
    MLOPS_METRIC_RMSE = 0,
    MLOPS_METRIC_MSE,
    MLOPS_METRIC_MAE,
    MLOPS_METRIC_LOG_LOSS,
    MLOPS_METRIC_DEVIANCE,
    MLOPS_METRIC_PINBALL,
    MLOPS_METRIC_HUBER,
    MLOPS_METRIC_R2,
    MLOPS_METRIC_MEDIAN_ERROR,      /* median of target - prediction */
    MLOPS_METRIC_AUC,
    MLOPS_METRIC_ACCURACY,
    MLOPS_METRIC_F1,                /* of class 1; macro where K > 2 */
    MLOPS_METRIC_ECE,
    MLOPS_METRIC_N
} mlops_metric_t;


/* n predictions of width values (1; K probabilities of classes; a
 * probability of class 1 where K is 2), targets, weights or NULL. */

typedef struct {
    uint64_t       n;
    uint32_t       width;
    uint32_t       classes_n;       /* 0: a number */
    const double  *predicted;       /* n x width */
    const double  *target;          /* n */
    const double  *weight;          /* n, or NULL */
    double         parameter;       /* quantile of pinball, delta of huber */
} mlops_scored_t;


typedef struct {
    double   value;
    double   lo, hi;                /* 95 % interval, or NaN */
    uint64_t n;
} mlops_metric_value_t;


/* By its name in recipes and reports ("rmse", …), or -1. */
int mlops_metric_find(const mlops_str_t *name);
const char *mlops_metric_name(mlops_metric_t metric);
/* Is less better? */
int mlops_metric_lower(mlops_metric_t metric);
/* Does it fit such targets? */
int mlops_metric_fits(mlops_metric_t metric, uint32_t classes_n);
/* Has it a loss for each row? */
int mlops_metric_rows(mlops_metric_t metric);
/* Has its value an interval? */
int mlops_metric_interval(mlops_metric_t metric);

/* The ends of its interval within what values can be. */
void mlops_metric_clamp(mlops_metric_t metric, mlops_metric_value_t *value);

/* Its value with the interval: of a mean of rows by the normal approximation
 * (delta method for rmse and r2), of a median by order statistics, of ece
 * none, else by 200 bootstrap samples of rows from seed.  A value that is not
 * defined (auc of one class) is NaN. */
int mlops_metric(mlops_metric_t metric, const mlops_scored_t *scored,
    uint64_t seed, mlops_metric_value_t *value, mlops_err_t *err);

/* Makes weights so large, or so small, that products of them leave the range
 * of doubles ordinary ones, by a power of two: no metric depends on it. */
void mlops_metric_weights(double *weight, uint64_t n);

/* n losses of rows. */
int mlops_metric_losses(mlops_metric_t metric, const mlops_scored_t *scored,
    double *losses, mlops_err_t *err);


#endif /* MLOPS_METRIC_H */
