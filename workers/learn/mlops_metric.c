/*
 * Losses and metrics: names, values, intervals.
 *
 * The mean m of row losses l with weights w has the standard error
 * sqrt(n/(n-1) sum w^2 (l - m)^2) / sum w, and its root, by the delta method,
 * that divided by 2 sqrt(m).  Of f1, auc and weighted medians bootstrap
 * samples are drawn; of more than MLOPS_METRIC_DRAWN rows a sample has that
 * many, and the distance of its quantiles is scaled by the root of the ratio
 * (m out of n bootstrap; Bickel, Götze and van Zwet, 1997).
 *
 * ece has no interval: it is a sum of absolute values of noisy means, hence
 * above 0 where probabilities are right, and too large by much where they are
 * nearly so (Kumar, Liang and Ma, "Verified Uncertainty Calibration", 2019);
 * bootstrap samples, whose noise is twice that, do not have the distribution
 * of its error where a term is near 0 (Andrews, "Inconsistency of the
 * bootstrap when a parameter is on the boundary", 2000).
 */

#include "mlops_metric_set.h"
#include "mlops_math.h"
#include "mlops_random.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_METRIC_SAMPLES  200
#define MLOPS_METRIC_DRAWN    2000
#define MLOPS_METRIC_STREAM   0xb0075000
#define MLOPS_METRIC_Z        1.959963984540054     /* of 97.5 % */
#define MLOPS_METRIC_CLIP     1e-15


typedef enum {
    MLOPS_METRIC_NUMBER = 1,
    MLOPS_METRIC_TWO = 2,           /* classes */
    MLOPS_METRIC_MANY = 4
} mlops_metric_of_t;

typedef struct {
    const char  *name;
    unsigned     of;
    unsigned     lower:1;
    unsigned     rows:1;
} mlops_metric_def_t;


static int mlops_metric_mean(mlops_metric_t metric,
    const mlops_scored_t *scored, mlops_metric_value_t *value,
    mlops_err_t *err);
static int mlops_metric_bootstrap(mlops_metric_t metric,
    const mlops_scored_t *scored, uint64_t seed, mlops_metric_value_t *value,
    mlops_err_t *err);
static int mlops_metric_loss(mlops_metric_t metric,
    const mlops_scored_t *scored, uint64_t i, double *loss,
    mlops_err_t *err);


/* In the order of mlops_metric_t. */

static const mlops_metric_def_t  mlops_metrics[] = {
    { "rmse", MLOPS_METRIC_NUMBER|MLOPS_METRIC_TWO, 1, 1 },
    { "mse", MLOPS_METRIC_NUMBER|MLOPS_METRIC_TWO, 1, 1 },
    { "mae", MLOPS_METRIC_NUMBER|MLOPS_METRIC_TWO, 1, 1 },
    { "log_loss", MLOPS_METRIC_TWO|MLOPS_METRIC_MANY, 1, 1 },
    { "deviance", MLOPS_METRIC_NUMBER, 1, 1 },
    { "pinball", MLOPS_METRIC_NUMBER, 1, 1 },
    { "huber", MLOPS_METRIC_NUMBER, 1, 1 },
    { "r2", MLOPS_METRIC_NUMBER, 0, 0 },
    { "median_error", MLOPS_METRIC_NUMBER, 1, 0 },
    { "auc", MLOPS_METRIC_TWO, 0, 0 },
    { "accuracy", MLOPS_METRIC_TWO|MLOPS_METRIC_MANY, 0, 0 },
    { "f1", MLOPS_METRIC_TWO|MLOPS_METRIC_MANY, 0, 0 },
    { "ece", MLOPS_METRIC_TWO|MLOPS_METRIC_MANY, 1, 0 }
};


int
mlops_metric_find(const mlops_str_t *name)
{
    uint32_t  i;

    for (i = 0; i < MLOPS_METRIC_N; i++) {
        if (mlops_str_eq(name, mlops_metrics[i].name,
                         strlen(mlops_metrics[i].name)))
        {
            return (int) i;
        }
    }

    return -1;
}


const char *
mlops_metric_name(mlops_metric_t metric)
{
    return mlops_metrics[metric].name;
}


int
mlops_metric_lower(mlops_metric_t metric)
{
    return mlops_metrics[metric].lower;
}


int
mlops_metric_fits(mlops_metric_t metric, uint32_t classes_n)
{
    unsigned  of;

    of = (classes_n == 0) ? MLOPS_METRIC_NUMBER
         : (classes_n == 2) ? MLOPS_METRIC_TWO : MLOPS_METRIC_MANY;

    return (mlops_metrics[metric].of & of) != 0;
}


int
mlops_metric_rows(mlops_metric_t metric)
{
    return mlops_metrics[metric].rows;
}


int
mlops_metric_interval(mlops_metric_t metric)
{
    return metric != MLOPS_METRIC_ECE;
}


/* NaN, which there is without an interval, stays. */

void
mlops_metric_clamp(mlops_metric_t metric, mlops_metric_value_t *value)
{
    if (metric == MLOPS_METRIC_R2 || metric == MLOPS_METRIC_MEDIAN_ERROR) {
        return;
    }

    if (value->lo < 0) {
        value->lo = 0;                  /* losses are not below it */
    }

    if ((metric == MLOPS_METRIC_AUC || metric == MLOPS_METRIC_ACCURACY
         || metric == MLOPS_METRIC_F1)
        && value->hi > 1)
    {
        value->hi = 1;
    }
}


int
mlops_metric(mlops_metric_t metric, const mlops_scored_t *scored,
    uint64_t seed, mlops_metric_value_t *value, mlops_err_t *err)
{
    double  half;

    value->n = scored->n;
    value->value = NAN;
    value->lo = NAN;
    value->hi = NAN;

    if (scored->n == 0) {
        return MLOPS_OK;
    }

    if (mlops_metrics[metric].rows || metric == MLOPS_METRIC_ACCURACY) {
        return mlops_metric_mean(metric, scored, value, err);
    }

    if (mlops_metric_set(metric, scored, &value->value, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (isnan(value->value) || scored->n < 2
        || !mlops_metric_interval(metric))
    {
        return MLOPS_OK;
    }

    if (metric == MLOPS_METRIC_R2) {
        half = MLOPS_METRIC_Z * mlops_metric_r2_error(scored);
        value->lo = value->value - half;
        value->hi = value->value + half;

        return MLOPS_OK;
    }

    if (metric == MLOPS_METRIC_MEDIAN_ERROR && scored->weight == NULL) {
        return mlops_metric_median_range(scored, &value->lo, &value->hi, err);
    }

    return mlops_metric_bootstrap(metric, scored, seed, value, err);
}


static int
mlops_metric_mean(mlops_metric_t metric, const mlops_scored_t *scored,
    mlops_metric_value_t *value, mlops_err_t *err)
{
    double    loss, w, sum, weights, d, square, half;
    uint64_t  i, n;

    n = scored->n;
    sum = 0;
    weights = 0;

    for (i = 0; i < n; i++) {

        if (mlops_metric_loss(metric, scored, i, &loss, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        w = scored->weight ? scored->weight[i] : 1;
        sum += w * loss;
        weights += w;
    }

    if (!(weights > 0)) {
        return MLOPS_OK;
    }

    value->value = sum / weights;

    for (i = 0, square = 0; i < n; i++) {
        (void) mlops_metric_loss(metric, scored, i, &loss, err);

        d = (scored->weight ? scored->weight[i] : 1) * (loss - value->value);
        square += d * d;
    }

    if (n > 1) {
        half = MLOPS_METRIC_Z * sqrt(square * (double) n / (double) (n - 1))
               / weights;

        value->lo = value->value - half;
        value->hi = value->value + half;
    }

    if (metric == MLOPS_METRIC_RMSE) {
        half = (value->hi - value->value);
        value->value = sqrt(value->value);

        if (n > 1) {
            half = (value->value > 0) ? half / (2 * value->value) : 0;
            value->lo = value->value - half;
            value->hi = value->value + half;
        }
    }

    mlops_metric_clamp(metric, value);

    return MLOPS_OK;
}


static int
mlops_metric_cmp(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


/* A quantile of sorted values, linear between them. */

static double
mlops_metric_quantile(const double *values, uint32_t n, double q)
{
    double    at;
    uint32_t  i;

    at = q * (n - 1);
    i = (uint32_t) at;

    if (i + 1 >= n) {
        return values[n - 1];
    }

    return values[i] + (at - i) * (values[i + 1] - values[i]);
}


static int
mlops_metric_bootstrap(mlops_metric_t metric, const mlops_scored_t *scored,
    uint64_t seed, mlops_metric_value_t *value, mlops_err_t *err)
{
    int              rc;
    double          *room, v, scale, values[MLOPS_METRIC_SAMPLES];
    uint64_t         i, from, m;
    uint32_t         b, n;
    mlops_scored_t   sample;

    m = (scored->n < MLOPS_METRIC_DRAWN) ? scored->n : MLOPS_METRIC_DRAWN;

    room = malloc((size_t) m * (scored->width + 2) * sizeof(double));
    if (room == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    sample = *scored;
    sample.n = m;
    sample.predicted = room;
    sample.target = room + m * scored->width;
    sample.weight = scored->weight ? sample.target + m : NULL;

    rc = MLOPS_OK;
    n = 0;

    for (b = 0; b < MLOPS_METRIC_SAMPLES && rc == MLOPS_OK; b++) {

        for (i = 0; i < m; i++) {
            from = (uint64_t) (((unsigned __int128)
                                mlops_random_at(seed, MLOPS_METRIC_STREAM + b,
                                                i)
                                * scored->n) >> 64);

            memcpy(room + i * scored->width,
                   scored->predicted + from * scored->width,
                   scored->width * sizeof(double));
            room[m * scored->width + i] = scored->target[from];

            if (scored->weight != NULL) {
                room[m * (scored->width + 1) + i] = scored->weight[from];
            }
        }

        rc = mlops_metric_set(metric, &sample, &v, err);

        if (rc == MLOPS_OK && !isnan(v)) {
            values[n++] = v;
        }
    }

    free(room);

    if (rc == MLOPS_OK && n > 1) {
        qsort(values, n, sizeof(double), mlops_metric_cmp);

        scale = sqrt((double) m / (double) scored->n);
        v = mlops_metric_quantile(values, n, 0.5);

        if (m == scored->n) {
            v = value->value;
        }

        value->lo = value->value
                    + scale * (mlops_metric_quantile(values, n, 0.025) - v);
        value->hi = value->value
                    + scale * (mlops_metric_quantile(values, n, 0.975) - v);
        /* the value is within, also of few rows */

        value->lo = (value->lo < value->value) ? value->lo : value->value;
        value->hi = (value->hi > value->value) ? value->hi : value->value;
        mlops_metric_clamp(metric, value);
    }

    return rc;
}


void
mlops_metric_weights(double *weight, uint64_t n)
{
    int       power;
    double    most;
    uint64_t  i;

    for (i = 0, most = 0; i < n; i++) {
        most = (weight[i] > most) ? weight[i] : most;
    }

    if (most == 0 || (most < 0x1p100 && most > 0x1p-100)) {
        return;
    }

    (void) frexp(most, &power);

    for (i = 0; i < n; i++) {
        weight[i] = ldexp(weight[i], -power);
    }
}


int
mlops_metric_losses(mlops_metric_t metric, const mlops_scored_t *scored,
    double *losses, mlops_err_t *err)
{
    uint64_t  i;

    if (!mlops_metrics[metric].rows) {
        return mlops_err_set(err, "%s has no loss for each row",
                             mlops_metrics[metric].name);
    }

    for (i = 0; i < scored->n; i++) {
        if (mlops_metric_loss(metric, scored, i, &losses[i], err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static double
mlops_metric_log_loss(const mlops_scored_t *scored, uint64_t i)
{
    double  p;

    if (scored->width == 1) {
        p = scored->predicted[i];
        p = (scored->target[i] == 1) ? p : 1 - p;

    } else {
        p = scored->predicted[i * scored->width
                              + (uint32_t) scored->target[i]];
    }

    if (p < MLOPS_METRIC_CLIP) {
        p = MLOPS_METRIC_CLIP;

    } else if (p > 1 - MLOPS_METRIC_CLIP) {
        p = 1 - MLOPS_METRIC_CLIP;
    }

    return -mlops_log(p);
}


/* Twice the difference of log likelihoods: 2 (y log(y / p) + p - y). */

static int
mlops_metric_deviance(double y, double p, double *loss, mlops_err_t *err)
{
    if (!(y >= 0) || !(p > 0)) {
        return mlops_err_set(err, "deviance: expected targets from 0 on and "
                             "predictions above 0, got %g and %g", y, p);
    }

    *loss = 2 * ((y > 0 ? y * mlops_log(y / p) : 0) + p - y);

    return MLOPS_OK;
}


static int
mlops_metric_loss(mlops_metric_t metric, const mlops_scored_t *scored,
    uint64_t i, double *loss, mlops_err_t *err)
{
    double  y, p, d, a;

    if (metric == MLOPS_METRIC_LOG_LOSS) {
        *loss = mlops_metric_log_loss(scored, i);
        return MLOPS_OK;
    }

    if (metric == MLOPS_METRIC_ACCURACY) {
        *loss = mlops_metric_right(scored, i);
        return MLOPS_OK;
    }

    y = scored->target[i];
    p = scored->predicted[i * scored->width];
    d = y - p;

    switch (metric) {

    case MLOPS_METRIC_RMSE:
    case MLOPS_METRIC_MSE:
        *loss = d * d;
        return MLOPS_OK;

    case MLOPS_METRIC_MAE:
        *loss = fabs(d);
        return MLOPS_OK;

    case MLOPS_METRIC_DEVIANCE:
        return mlops_metric_deviance(y, p, loss, err);

    case MLOPS_METRIC_PINBALL:
        a = isnan(scored->parameter) ? 0.5 : scored->parameter;
        *loss = (d >= 0) ? a * d : (a - 1) * d;
        return MLOPS_OK;

    default:                                    /* MLOPS_METRIC_HUBER */
        a = isnan(scored->parameter) ? 1 : scored->parameter;
        *loss = (fabs(d) <= a) ? d * d / 2 : a * (fabs(d) - a / 2);
        return MLOPS_OK;
    }
}
