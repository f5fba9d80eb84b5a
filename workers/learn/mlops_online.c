/*
 * Online learning: a model, its examples, and what it reports of them.
 */

#include "mlops_online_inner.h"
#include "mlops_online_loss.h"
#include "mlops_simd.h"

#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>


#define MLOPS_ONLINE_AHEAD  3           /* examples that are fetched ahead */
#define MLOPS_ONLINE_PAGE   2097152     /* of a large table */


static const mlops_online_kernel_t *mlops_online_kernel(
    mlops_online_algorithm_t algorithm);
static int mlops_online_room(mlops_online_t *online, uint32_t n,
    mlops_err_t *err);
static int mlops_online_table(mlops_online_t *online);
static void mlops_online_labels(mlops_online_t *online);
static int mlops_online_label(const mlops_online_t *online, double label,
    mlops_err_t *err);
static int mlops_online_margin(mlops_online_t *online,
    const mlops_example_t *e, double *margin, mlops_err_t *err);
static int mlops_online_step(mlops_online_t *online,
    const mlops_example_t *e, mlops_online_answer_t *answer,
    mlops_err_t *err);


mlops_online_t *
mlops_online_create(const mlops_online_conf_t *conf, mlops_err_t *err)
{
    mlops_online_t  *online;

    if (mlops_online_check(conf, err) != MLOPS_OK) {
        return NULL;
    }

    online = calloc(1, sizeof(mlops_online_t));
    if (online == NULL) {
        goto failed;
    }

    online->conf = *conf;
    mlops_online_tidy(&online->conf);
    conf = &online->conf;

    mlops_online_labels(online);

    online->rate.inverse_alpha = (float) (1.0 / conf->alpha);
    online->rate.beta = (float) conf->beta;
    online->rate.l1 = (float) conf->l1;
    online->rate.l2 = (float) conf->l2;
    online->rate.rate = (float) conf->rate;
    online->rate.epsilon = (float) conf->epsilon;
    online->kernel = mlops_online_kernel(conf->algorithm);

    if (online->kernel == NULL) {
        if (mlops_online_rls_create(&online->rls, conf->dense, conf->ridge)
            != MLOPS_OK)
        {
            goto failed;
        }

    } else if (mlops_online_table(online) != MLOPS_OK) {
        goto failed;
    }

    if (conf->window > 0) {
        online->window = calloc(conf->window, sizeof(float));

        if (online->window == NULL) {
            goto failed;
        }
    }

    return online;

failed:

    (void) mlops_err_set(err, "out of memory: a model of 2^%u slots",
                         (unsigned) conf->bits);
    mlops_online_destroy(online);

    return NULL;
}


/* Pages of 2 MiB, where there are some: each feature is in another page. */

static int
mlops_online_table(mlops_online_t *online)
{
    void    *p;
    size_t   bytes;

    bytes = sizeof(mlops_online_slot_t) << online->conf.bits;

    p = mmap(NULL, bytes, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS,
             -1, 0);
    if (p == MAP_FAILED) {
        return MLOPS_ERROR;
    }

    if (bytes >= MLOPS_ONLINE_PAGE) {
        (void) madvise(p, bytes, MADV_HUGEPAGE);
    }

    online->table = p;
    online->table_bytes = bytes;
    online->mask = (uint32_t) ((1ull << online->conf.bits) - 1);

    return MLOPS_OK;
}


void
mlops_online_destroy(mlops_online_t *online)
{
    if (online == NULL) {
        return;
    }

    if (online->table != NULL) {
        (void) munmap(online->table, online->table_bytes);
    }

    mlops_online_rls_destroy(&online->rls);
    free(online->scratch.n);
    free(online->ascending);
    free(online->window);
    free(online->labels);
    free(online);
}


static const mlops_online_kernel_t *
mlops_online_kernel(mlops_online_algorithm_t algorithm)
{
    if (algorithm == MLOPS_ONLINE_RLS) {
        return NULL;
    }

#if (__x86_64__)
    if (mlops_simd_level() >= MLOPS_SIMD_AVX2) {
        return algorithm == MLOPS_ONLINE_FTRL ? &mlops_online_ftrl_avx2
                                              : &mlops_online_adagrad_avx2;
    }
#endif

    return algorithm == MLOPS_ONLINE_FTRL ? &mlops_online_ftrl
                                          : &mlops_online_adagrad;
}


const mlops_online_conf_t *
mlops_online_conf(const mlops_online_t *online)
{
    return &online->conf;
}


uint64_t
mlops_online_origin(const mlops_online_t *online)
{
    return online->origin;
}


/* Room for the pairs of n features, in whole vectors. */

static int
mlops_online_room(mlops_online_t *online, uint32_t n, mlops_err_t *err)
{
    float                   *n_of;
    uint32_t                 i, size, *ascending;
    mlops_online_scratch_t  *s;

    s = &online->scratch;

    if (n > MLOPS_ONLINE_FEATURES_MAX) {
        return mlops_err_set(err, "an example of %u features: at most %d",
                             (unsigned) n, MLOPS_ONLINE_FEATURES_MAX);
    }

    for (size = 64; size < n; size *= 2) {
        /* void */
    }

    n_of = aligned_alloc(64, 4 * (size_t) size * sizeof(float));
    ascending = malloc(size * sizeof(uint32_t));

    if (n_of == NULL || ascending == NULL) {
        free(n_of);
        free(ascending);
        return mlops_err_set(err, "out of memory: an example of %u features",
                             (unsigned) n);
    }

    for (i = 0; i < size; i++) {
        ascending[i] = i;
    }

    free(s->n);
    free(online->ascending);

    s->size = size;
    s->n = n_of;
    s->root = n_of + size;
    s->w = s->root + size;
    s->slot = (uint32_t *) (s->w + size);
    online->ascending = ascending;

    return MLOPS_OK;
}


int
mlops_online_predict(mlops_online_t *online, const mlops_example_t *e,
    mlops_online_answer_t *answer, mlops_err_t *err)
{
    mlops_online_score_t  score;

    if ((!isnan(e->label)
         && mlops_online_label(online, e->label, err) != MLOPS_OK)
        || mlops_online_margin(online, e, &answer->margin, err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_online_score(&online->conf, answer->margin, e->label, &score);

    answer->value = score.value;
    answer->loss = isnan(e->label) ? e->label : score.loss;

    return MLOPS_OK;
}


int
mlops_online_learn(mlops_online_t *online, const mlops_example_t *e,
    mlops_online_answer_t *answer, mlops_err_t *err)
{
    mlops_online_answer_t  own;

    if (mlops_online_step(online, e, answer ? answer : &own, err)
        != MLOPS_OK)
    {
        online->sums.refused++;
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


size_t
mlops_online_learn_many(mlops_online_t *online, const mlops_example_t *e,
    size_t n, mlops_err_t *err)
{
    size_t                 i, refused;
    mlops_online_answer_t  answer;

    refused = 0;

    for (i = 0; i < n; i++) {
        online->ahead = (n - i > MLOPS_ONLINE_AHEAD)
                        ? &e[i + MLOPS_ONLINE_AHEAD] : NULL;

        if (mlops_online_step(online, &e[i], &answer, err) != MLOPS_OK) {
            refused++;
        }
    }

    online->ahead = NULL;

    online->sums.refused += refused;

    return refused;
}


/* What can fail comes before what changes anything. */

static int
mlops_online_step(mlops_online_t *online, const mlops_example_t *e,
    mlops_online_answer_t *answer, mlops_err_t *err)
{
    double                      g, clip;
    const mlops_online_conf_t  *conf;
    mlops_online_score_t        score;

    conf = &online->conf;

    if (mlops_online_label(online, e->label, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (!(e->weight >= 0 && e->weight <= 1e30)) {
        return mlops_err_set(err, "expected a weight from 0 to 1e30, got %g",
                             e->weight);
    }

    if (mlops_online_margin(online, e, &answer->margin, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_online_score(conf, answer->margin, e->label, &score);

    answer->value = score.value;
    answer->loss = score.loss;
    clip = conf->clip;

    if (e->weight > 0) {

        if (online->kernel != NULL) {
            g = score.slope * e->weight;
            g = g > clip ? clip : g < -clip ? -clip : g;

            online->kernel->update(online, e->value, e->n, (float) g);

        } else if (mlops_online_rls_update(&online->rls, conf->dense,
                                           e->dense, e->weight, -score.slope,
                                           conf) != MLOPS_OK)
        {
            return mlops_err_set(err, "expected numbers of at most 1e30, and "
                                 "a weight of 0 or at least 1e-30");
        }
    }

    mlops_online_account(online, e, answer->margin, score.loss);

    return MLOPS_OK;
}


/* A margin that is not finite tells of a feature that is not: weights are,
 * and their products with floats are no numbers too large for a double. */

static int
mlops_online_margin(mlops_online_t *online, const mlops_example_t *e,
    double *margin, mlops_err_t *err)
{
    uint32_t  i;

    if (online->kernel == NULL) {

        if (e->n != online->conf.dense || e->dense == NULL) {
            return mlops_err_set(err, "expected %u dense numbers, got %u",
                                 (unsigned) online->conf.dense,
                                 e->dense ? (unsigned) e->n : 0);
        }

        *margin = mlops_online_rls_margin(&online->rls, e->n, e->dense);

    } else {

        if ((e->n > online->scratch.size || online->ascending == NULL)
            && mlops_online_room(online, e->n, err) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        *margin = online->kernel->margin(online,
                                         e->index ? e->index
                                                  : online->ascending,
                                         e->value, e->n);
    }

    if (mlops_likely(isfinite(*margin))) {
        return MLOPS_OK;
    }

    for (i = 0; i < e->n; i++) {
        if (!isfinite(online->kernel ? (double) e->value[i]
                                     : e->dense[i]))
        {
            return mlops_err_set(err, "feature %u is not finite",
                                 (unsigned) i);
        }
    }

    return mlops_err_set(err, "features are too large");
}


/* Which labels the loss takes. */

static void
mlops_online_labels(mlops_online_t *online)
{
    switch (online->conf.loss) {

    case MLOPS_ONLINE_LOGISTIC:
        online->label_lo = 0;
        online->label_hi = 1;
        online->label_text = "from 0 to 1";
        return;

    case MLOPS_ONLINE_POISSON:
        online->label_lo = 0;
        online->label_hi = 1e30;
        online->label_text = "from 0 to 1e30";
        return;

    default:
        online->label_lo = -1e30;
        online->label_hi = 1e30;
        online->label_text = "within 1e30";
    }
}


static int
mlops_online_label(const mlops_online_t *online, double label,
    mlops_err_t *err)
{
    if (mlops_likely(label >= online->label_lo && label <= online->label_hi))
    {
        return MLOPS_OK;
    }

    return mlops_err_set(err, "expected a label %s, got %g",
                         online->label_text, label);
}


double
mlops_online_weight(const mlops_online_t *online, uint32_t index)
{
    if (online->kernel == NULL) {
        return index < online->conf.dense ? online->rls.w[index] : 0;
    }

    return online->kernel->weight(&online->rate,
                                  online->table[index & online->mask]);
}


uint64_t
mlops_online_nonzero(const mlops_online_t *online, uint64_t *all)
{
    uint64_t  i, n;

    n = 0;
    *all = online->kernel ? (uint64_t) online->mask + 1 : online->conf.dense;

    for (i = 0; i < *all; i++) {
        n += (mlops_online_weight(online, (uint32_t) i) != 0);
    }

    return n;
}
