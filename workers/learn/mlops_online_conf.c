/*
 * Settings of online learning: names, defaults, limits.
 */

#include "mlops_online_inner.h"

#include <math.h>


/* Which settings who uses: by algorithm, by loss. */

#define MLOPS_ONLINE_A(algorithm)  (1u << (algorithm))
#define MLOPS_ONLINE_L(loss)       (1u << (8 + (loss)))
#define MLOPS_ONLINE_SLOTS                                                    \
    (MLOPS_ONLINE_A(MLOPS_ONLINE_FTRL)|MLOPS_ONLINE_A(MLOPS_ONLINE_ADAGRAD))


#define mlops_online_range(name, users, lo, hi)                               \
    { #name, offsetof(mlops_online_conf_t, name), users, lo, hi }


static int mlops_online_counts(const mlops_online_conf_t *conf,
    mlops_err_t *err);


static const char *const  mlops_online_algorithms[] = {
    "ftrl", "adagrad", "rls"
};

static const char *const  mlops_online_losses[] = {
    "logistic", "squared", "poisson", "quantile", "huber"
};

static const char *const  mlops_online_measures[] = {
    "log_loss", "squared_error", "deviance", "pinball", "huber"
};


/* The limits are such that no number the formulas make is too large for a
 * float. */

const mlops_online_range_t  mlops_online_ranges[MLOPS_ONLINE_RANGES] = {
    mlops_online_range(alpha, MLOPS_ONLINE_A(MLOPS_ONLINE_FTRL), 1e-9, 1e3),
    mlops_online_range(beta, MLOPS_ONLINE_A(MLOPS_ONLINE_FTRL), 1e-9, 1e9),
    mlops_online_range(l1, MLOPS_ONLINE_A(MLOPS_ONLINE_FTRL), 0, 1e9),
    mlops_online_range(l2, MLOPS_ONLINE_SLOTS, 0, 1e9),
    mlops_online_range(rate, MLOPS_ONLINE_A(MLOPS_ONLINE_ADAGRAD), 1e-9, 1e3),
    mlops_online_range(epsilon, MLOPS_ONLINE_A(MLOPS_ONLINE_ADAGRAD), 1e-30,
                       1e9),
    mlops_online_range(quantile, MLOPS_ONLINE_L(MLOPS_ONLINE_QUANTILE), 1e-6,
                       1.0 - 1e-6),
    mlops_online_range(delta, MLOPS_ONLINE_L(MLOPS_ONLINE_HUBER), 1e-9, 1e12),
    mlops_online_range(clip, MLOPS_ONLINE_SLOTS, 1e-9, MLOPS_ONLINE_CLIP),
    mlops_online_range(forgetting, MLOPS_ONLINE_A(MLOPS_ONLINE_RLS), 0.5, 1),
    mlops_online_range(ridge, MLOPS_ONLINE_A(MLOPS_ONLINE_RLS), 1e-12, 1e12)
};


void
mlops_online_defaults(mlops_online_conf_t *conf,
    mlops_online_algorithm_t algorithm)
{
    memset(conf, 0, sizeof(mlops_online_conf_t));

    conf->algorithm = algorithm;
    conf->loss = (algorithm == MLOPS_ONLINE_RLS) ? MLOPS_ONLINE_SQUARED
                                                 : MLOPS_ONLINE_LOGISTIC;
    conf->bits = (algorithm == MLOPS_ONLINE_RLS) ? 0 : 20;
    conf->dense = (algorithm == MLOPS_ONLINE_RLS) ? 1 : 0;
    conf->window = 1000;
    conf->alpha = 0.1;
    conf->beta = 1.0;
    conf->rate = 0.1;
    conf->epsilon = 1e-8;
    conf->quantile = 0.5;
    conf->delta = 1.0;
    conf->clip = MLOPS_ONLINE_CLIP;
    conf->forgetting = 1.0;
    conf->ridge = 1e-3;
}


const char *
mlops_online_algorithm_name(mlops_online_algorithm_t algorithm)
{
    return mlops_online_algorithms[algorithm];
}


const char *
mlops_online_loss_name(mlops_online_loss_t loss)
{
    return mlops_online_losses[loss];
}


const char *
mlops_online_loss_measure(mlops_online_loss_t loss)
{
    return mlops_online_measures[loss];
}


static unsigned
mlops_online_users(const mlops_online_conf_t *conf)
{
    return MLOPS_ONLINE_A(conf->algorithm) | MLOPS_ONLINE_L(conf->loss);
}


void
mlops_online_tidy(mlops_online_conf_t *conf)
{
    size_t                       i;
    const mlops_online_range_t  *range;

    for (i = 0; i < MLOPS_ONLINE_RANGES; i++) {
        range = &mlops_online_ranges[i];

        if (!(range->users & mlops_online_users(conf))) {
            *mlops_online_setting(conf, range) = 0;
        }
    }

    if (conf->algorithm == MLOPS_ONLINE_RLS) {
        conf->bits = 0;

    } else {
        conf->dense = 0;
    }
}


int
mlops_online_check(const mlops_online_conf_t *conf, mlops_err_t *err)
{
    size_t                       i;
    double                       value;
    mlops_online_conf_t          own;
    const mlops_online_range_t  *range;

    if (conf->algorithm >= MLOPS_ONLINE_ALGORITHMS
        || conf->loss >= MLOPS_ONLINE_LOSSES)
    {
        return mlops_err_set(err, "there is no algorithm %u of loss %u",
                             (unsigned) conf->algorithm,
                             (unsigned) conf->loss);
    }

    if (conf->algorithm == MLOPS_ONLINE_RLS
        ? conf->loss != MLOPS_ONLINE_SQUARED
        : conf->algorithm == MLOPS_ONLINE_FTRL
          && conf->loss > MLOPS_ONLINE_POISSON)
    {
        return mlops_err_set(err, "%s has no loss \"%s\": expected %s",
                             mlops_online_algorithm_name(conf->algorithm),
                             mlops_online_loss_name(conf->loss),
                             conf->algorithm == MLOPS_ONLINE_RLS
                             ? "squared" : "logistic, squared or poisson");
    }

    if (mlops_online_counts(conf, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    own = *conf;

    for (i = 0; i < MLOPS_ONLINE_RANGES; i++) {
        range = &mlops_online_ranges[i];

        value = *mlops_online_setting(&own, range);

        if ((range->users & mlops_online_users(conf))
            && !(value >= range->lo && value <= range->hi))
        {
            return mlops_err_set(err, "%s: expected a number from %g to %g, "
                                 "got %g", range->name, range->lo, range->hi,
                                 value);
        }
    }

    return MLOPS_OK;
}


static int
mlops_online_counts(const mlops_online_conf_t *conf, mlops_err_t *err)
{
    if (conf->window > MLOPS_ONLINE_WINDOW_MAX) {
        return mlops_err_set(err, "window: expected at most %d, got %u",
                             MLOPS_ONLINE_WINDOW_MAX,
                             (unsigned) conf->window);
    }

    if (conf->algorithm == MLOPS_ONLINE_RLS) {

        if (conf->dense == 0 || conf->dense > MLOPS_ONLINE_DENSE_MAX) {
            return mlops_err_set(err, "expected 1 to %d coordinates, got %u",
                                 MLOPS_ONLINE_DENSE_MAX,
                                 (unsigned) conf->dense);
        }

        return MLOPS_OK;
    }

    if (conf->bits < MLOPS_ONLINE_BITS_MIN
        || conf->bits > MLOPS_ONLINE_BITS_MAX)
    {
        return mlops_err_set(err, "bits: expected %d to %d, got %u",
                             MLOPS_ONLINE_BITS_MIN, MLOPS_ONLINE_BITS_MAX,
                             (unsigned) conf->bits);
    }

    return MLOPS_OK;
}
