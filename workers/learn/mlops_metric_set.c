/*
 * Metrics of a whole set: r2, median error, area under the ROC curve, F1,
 * calibration error.
 */

#include "mlops_metric_set.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_METRIC_BINS  15


typedef struct {
    double  score;
    double  weight;
    double  target;
} mlops_metric_pair_t;


static double mlops_metric_r2(const mlops_scored_t *scored);
static int mlops_metric_r2_sums(const mlops_scored_t *scored, double *middle,
    double *left, double *total);
static int mlops_metric_median(const mlops_scored_t *scored, double *value,
    mlops_err_t *err);
static int mlops_metric_auc(const mlops_scored_t *scored, double *value,
    mlops_err_t *err);
static int mlops_metric_f1(const mlops_scored_t *scored, double *value,
    mlops_err_t *err);
static double mlops_metric_ece(const mlops_scored_t *scored);


static inline double
mlops_metric_weight(const mlops_scored_t *scored, uint64_t i)
{
    return scored->weight ? scored->weight[i] : 1;
}


/* The class that is predicted: the first of the largest. */

static inline uint32_t
mlops_metric_class(const mlops_scored_t *scored, uint64_t i)
{
    uint32_t       k, best;
    const double  *p;

    p = scored->predicted + i * scored->width;

    if (scored->width == 1) {
        return p[0] > 0.5;
    }

    for (k = 1, best = 0; k < scored->width; k++) {
        best = (p[k] > p[best]) ? k : best;
    }

    return best;
}


int
mlops_metric_set(mlops_metric_t metric, const mlops_scored_t *scored,
    double *value, mlops_err_t *err)
{
    switch (metric) {

    case MLOPS_METRIC_R2:
        *value = mlops_metric_r2(scored);
        return MLOPS_OK;

    case MLOPS_METRIC_MEDIAN_ERROR:
        return mlops_metric_median(scored, value, err);

    case MLOPS_METRIC_AUC:
        return mlops_metric_auc(scored, value, err);

    case MLOPS_METRIC_F1:
        return mlops_metric_f1(scored, value, err);

    case MLOPS_METRIC_ECE:
        *value = mlops_metric_ece(scored);
        return MLOPS_OK;

    default:
        return mlops_err_set(err, "%s is no metric of a set",
                             mlops_metric_name(metric));
    }
}


/* Of a constant target: 1 where it is predicted, else 0. */

static double
mlops_metric_r2(const mlops_scored_t *scored)
{
    double  mean, rest, all;

    if (mlops_metric_r2_sums(scored, &mean, &rest, &all) != MLOPS_OK) {
        return NAN;
    }

    if (all == 0) {
        return (rest == 0) ? 1 : 0;
    }

    return 1 - rest / all;
}


/* The standard error of 1 - A/B, A and B sums over rows a and b: that of the
 * sum of (a - A/B b) / B. */

double
mlops_metric_r2_error(const mlops_scored_t *scored)
{
    double    mean, rest, all, w, d, e, square;
    uint64_t  i;

    if (mlops_metric_r2_sums(scored, &mean, &rest, &all) != MLOPS_OK
        || all == 0)
    {
        return NAN;
    }

    for (i = 0, square = 0; i < scored->n; i++) {
        w = mlops_metric_weight(scored, i);
        d = scored->target[i] - scored->predicted[i * scored->width];
        e = scored->target[i] - mean;
        d = w * (d * d - rest / all * e * e) / all;
        square += d * d;
    }

    return sqrt(square);
}


static int
mlops_metric_r2_sums(const mlops_scored_t *scored, double *middle,
    double *left, double *total)
{
    double    w, sum, weights, mean, rest, all, d;
    uint64_t  i;

    for (i = 0, sum = 0, weights = 0; i < scored->n; i++) {
        w = mlops_metric_weight(scored, i);
        sum += w * scored->target[i];
        weights += w;
    }

    if (!(weights > 0)) {
        return MLOPS_ERROR;
    }

    mean = sum / weights;

    for (i = 0, rest = 0, all = 0; i < scored->n; i++) {
        w = mlops_metric_weight(scored, i);
        d = scored->target[i] - scored->predicted[i * scored->width];
        rest += w * d * d;
        d = scored->target[i] - mean;
        all += w * d * d;
    }

    *middle = mean;
    *left = rest;
    *total = all;

    return MLOPS_OK;
}


static int
mlops_metric_pair_cmp(const void *one, const void *two)
{
    const mlops_metric_pair_t  *a, *b;

    a = one;
    b = two;

    return (a->score > b->score) - (a->score < b->score);
}


static mlops_metric_pair_t *
mlops_metric_pairs(const mlops_scored_t *scored, int error, mlops_err_t *err)
{
    uint64_t              i;
    mlops_metric_pair_t  *pairs;

    pairs = malloc((size_t) scored->n * sizeof(mlops_metric_pair_t));

    if (pairs == NULL) {
        (void) mlops_err_set(err, "out of memory");
        return NULL;
    }

    for (i = 0; i < scored->n; i++) {
        pairs[i].score = scored->predicted[i * scored->width];
        pairs[i].target = scored->target[i];
        pairs[i].weight = mlops_metric_weight(scored, i);

        if (error) {
            pairs[i].score = pairs[i].target - pairs[i].score;
        }
    }

    qsort(pairs, (size_t) scored->n, sizeof(mlops_metric_pair_t),
          mlops_metric_pair_cmp);

    return pairs;
}


/* Of weighted rows the middle of the weight; of others the interval of 95 %
 * is between the order statistics n/2 -+ 1.96 sqrt(n)/2 (the sign test's). */

int
mlops_metric_median_range(const mlops_scored_t *scored, double *lo,
    double *hi, mlops_err_t *err)
{
    double                half, mid;
    uint64_t              at;
    mlops_metric_pair_t  *pairs;

    pairs = mlops_metric_pairs(scored, 1, err);
    if (pairs == NULL) {
        return MLOPS_ERROR;
    }

    mid = (double) scored->n / 2;
    half = 1.959963984540054 * sqrt((double) scored->n) / 2;

    at = (mid - half > 1) ? (uint64_t) floor(mid - half) - 1 : 0;
    *lo = pairs[at].score;

    at = (uint64_t) ceil(mid + half);
    *hi = pairs[at < scored->n ? at : scored->n - 1].score;

    free(pairs);

    return MLOPS_OK;
}


/* Between the two in the middle; where half of the weight lies below and half
 * above, between those two. */

static int
mlops_metric_median(const mlops_scored_t *scored, double *value,
    mlops_err_t *err)
{
    double                all, below, half;
    uint64_t              i, j;
    mlops_metric_pair_t  *pairs;

    pairs = mlops_metric_pairs(scored, 1, err);
    if (pairs == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0, all = 0; i < scored->n; i++) {
        all += pairs[i].weight;
    }

    *value = NAN;
    half = all / 2;

    for (i = 0, below = 0; i < scored->n && all > 0; i++) {
        below += pairs[i].weight;

        if (below > half) {
            *value = pairs[i].score;
            break;
        }

        if (below == half) {

            for (j = i + 1; j < scored->n && pairs[j].weight == 0; j++) {
                /* void */
            }

            *value = (j < scored->n)
                     ? (pairs[i].score + pairs[j].score) / 2
                     : pairs[i].score;
            break;
        }
    }

    free(pairs);

    return MLOPS_OK;
}


/* The share of pairs of both classes that are in order; ties are half. */

static int
mlops_metric_auc(const mlops_scored_t *scored, double *value,
    mlops_err_t *err)
{
    double                sum, no, yes, tie_no, tie_yes;
    uint64_t              i, j;
    mlops_metric_pair_t  *pairs;

    pairs = mlops_metric_pairs(scored, 0, err);
    if (pairs == NULL) {
        return MLOPS_ERROR;
    }

    sum = 0;
    no = 0;
    yes = 0;

    for (i = 0; i < scored->n; i = j) {
        tie_no = 0;
        tie_yes = 0;

        for (j = i; j < scored->n && pairs[j].score == pairs[i].score; j++) {

            if (pairs[j].target == 1) {
                tie_yes += pairs[j].weight;

            } else {
                tie_no += pairs[j].weight;
            }
        }

        sum += tie_yes * (no + tie_no / 2);
        no += tie_no;
        yes += tie_yes;
    }

    free(pairs);

    *value = (no > 0 && yes > 0) ? sum / (no * yes) : NAN;

    return MLOPS_OK;
}


int
mlops_metric_right(const mlops_scored_t *scored, uint64_t i)
{
    return mlops_metric_class(scored, i) == (uint32_t) scored->target[i];
}


/* Of class 1; of more than two classes the mean over those that are there or
 * predicted. */

static int
mlops_metric_f1(const mlops_scored_t *scored, double *value,
    mlops_err_t *err)
{
    double    w, all, sum, *right, *there;
    uint64_t  i;
    uint32_t  k, n, got, want;

    right = calloc((size_t) scored->classes_n * 2, sizeof(double));
    if (right == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    there = right + scored->classes_n;      /* actual and predicted */

    for (i = 0, all = 0; i < scored->n; i++) {
        w = mlops_metric_weight(scored, i);
        all += w;
        got = mlops_metric_class(scored, i);
        want = (uint32_t) scored->target[i];

        there[got] += w;
        there[want] += w;

        if (got == want) {
            right[got] += w;
        }
    }

    if (scored->classes_n == 2) {
        *value = (there[1] > 0) ? 2 * right[1] / there[1]
                                : (all > 0) ? 0 : NAN;
        free(right);

        return MLOPS_OK;
    }

    for (k = 0, n = 0, sum = 0; k < scored->classes_n; k++) {
        if (there[k] > 0) {
            sum += 2 * right[k] / there[k];
            n++;
        }
    }

    *value = n ? sum / n : NAN;
    free(right);

    return MLOPS_OK;
}


/*
 * Bins ((b - 1) / 15, b / 15] of the probability of class 1 and how often
 * that came; of more than two classes of the largest probability and how
 * often its class came (Guo and others, "On Calibration of Modern Neural
 * Networks", 2017).
 */

static double
mlops_metric_ece(const mlops_scored_t *scored)
{
    int       b;
    double    w, p, came, all, sum, bins[MLOPS_METRIC_BINS][3];
    uint64_t  i;
    uint32_t  k;

    memset(bins, 0, sizeof(bins));
    all = 0;

    for (i = 0; i < scored->n; i++) {
        w = mlops_metric_weight(scored, i);

        if (scored->width == 1) {
            p = scored->predicted[i];
            came = (scored->target[i] == 1);

        } else {
            k = mlops_metric_class(scored, i);
            p = scored->predicted[i * scored->width + k];
            came = (scored->target[i] == k);
        }

        b = (int) ceil(p * MLOPS_METRIC_BINS) - 1;
        b = (b < 0) ? 0 : (b < MLOPS_METRIC_BINS) ? b : MLOPS_METRIC_BINS - 1;

        bins[b][0] += w;
        bins[b][1] += w * p;
        bins[b][2] += w * came;
        all += w;
    }

    for (b = 0, sum = 0; b < MLOPS_METRIC_BINS; b++) {
        sum += fabs(bins[b][1] - bins[b][2]);
    }

    return (all > 0) ? sum / all : NAN;
}
