/*
 * Losses of online learning: what a margin predicts, what that costs, and
 * the derivative of it.
 */

#include "mlops_online_loss.h"
#include "mlops_math.h"

#include <math.h>


#define MLOPS_ONLINE_POISSON_MAX  30.0


static void mlops_online_logistic(double margin, double label,
    mlops_online_score_t *score);
static void mlops_online_poisson(double margin, double label,
    mlops_online_score_t *score);
static void mlops_online_quantile(double q, double margin, double label,
    mlops_online_score_t *score);
static void mlops_online_huber(double delta, double margin, double label,
    mlops_online_score_t *score);


void
mlops_online_score(const mlops_online_conf_t *conf, double margin,
    double label, mlops_online_score_t *score)
{
    switch (conf->loss) {

    case MLOPS_ONLINE_LOGISTIC:
        mlops_online_logistic(margin, label, score);
        return;

    case MLOPS_ONLINE_POISSON:
        mlops_online_poisson(margin, label, score);
        return;

    case MLOPS_ONLINE_QUANTILE:
        mlops_online_quantile(conf->quantile, margin, label, score);
        return;

    case MLOPS_ONLINE_HUBER:
        mlops_online_huber(conf->delta, margin, label, score);
        return;

    default:
        score->value = margin;
        score->slope = margin - label;
        score->loss = score->slope * score->slope;
        return;
    }
}


/* One exponential, of a number that is not positive.  The sign of a margin is
 * a coin's toss to the processor: what depends on it is chosen by masks, not
 * by jumps, whose wrong guesses would throw away what was begun of the next
 * example. */

static void
mlops_online_logistic(double margin, double label,
    mlops_online_score_t *score)
{
    double    e, size;
    uint64_t  negative, bits, one;

    size = fabs(margin);
    e = mlops_exp(-size);

    memcpy(&negative, &margin, sizeof(negative));
    memcpy(&bits, &e, sizeof(bits));
    negative = -(negative >> 63);
    one = 0x3ff0000000000000ull;
    bits = (bits & negative) | (one & ~negative);
    memcpy(&score->value, &bits, sizeof(bits));

    score->value /= 1.0 + e;
    score->slope = score->value - label;
    score->loss = (margin + size) * 0.5 - label * margin
                  + mlops_log1p(e);

    /* terms of one size may leave a rest below 0 */

    if (score->loss < 0) {
        score->loss = 0;
    }
}


static void
mlops_online_poisson(double margin, double label,
    mlops_online_score_t *score)
{
    if (margin > MLOPS_ONLINE_POISSON_MAX) {
        margin = MLOPS_ONLINE_POISSON_MAX;
    }

    score->value = mlops_exp(margin);
    score->slope = score->value - label;
    score->loss = -2.0 * (label - score->value);

    if (label > 0) {
        score->loss += 2.0 * label * (mlops_log(label) - margin);
    }

    if (score->loss < 0) {
        score->loss = 0;
    }
}


static void
mlops_online_quantile(double q, double margin, double label,
    mlops_online_score_t *score)
{
    score->value = margin;

    if (label > margin) {
        score->slope = -q;
        score->loss = q * (label - margin);

    } else {
        score->slope = (label < margin) ? 1.0 - q : 0;
        score->loss = (1.0 - q) * (margin - label);
    }
}


static void
mlops_online_huber(double delta, double margin, double label,
    mlops_online_score_t *score)
{
    double  error, size;

    error = margin - label;
    size = fabs(error);
    score->value = margin;

    if (size <= delta) {
        score->slope = error;
        score->loss = error * error / 2;

    } else {
        score->slope = error < 0 ? -delta : delta;
        score->loss = delta * (size - delta / 2);
    }
}
