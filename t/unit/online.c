/*
 * Online learning against NumPy: margins, tables and progressive losses of
 * FTRL-proximal and AdaGrad, weights of recursive least squares against the
 * closed form of ridge regression at each step (t/learn/online.py), hashes
 * against the bytes they are of, and what is refused.
 */

#include "onlines.h"
#include "mlops_online_inner.h"

#include <math.h>

#include "online_vectors.h"


static void
conf_of(const case_t *c, mlops_online_conf_t *conf)
{
    mlops_online_defaults(conf, c->algorithm);

    conf->loss = c->loss;
    conf->bits = 5;
    conf->alpha = c->alpha;
    conf->beta = c->beta;
    conf->l1 = c->l1;
    conf->l2 = c->l2;
    conf->rate = c->rate;
    conf->epsilon = c->epsilon;
    conf->quantile = c->quantile;
    conf->delta = c->delta;
    conf->clip = c->clip;
}


/* The weight that a slot of NumPy's has. */

static double
weight_of(const case_t *c, uint32_t slot)
{
    double  over;

    if (c->algorithm == MLOPS_ONLINE_ADAGRAD) {
        return c->a[slot];
    }

    over = fabs((double) c->a[slot]) - (double) (float) c->l1;

    if (over <= 0) {
        return 0;
    }

    return -copysign(over, c->a[slot])
           / ((c->beta + sqrt(c->squares[slot])) / c->alpha + c->l2);
}


static void
run_case(const case_t *c, int one_by_one)
{
    uint32_t                  i, at;
    mlops_err_t               err;
    mlops_online_t           *online;
    mlops_example_t          *all, *e;
    mlops_online_conf_t       conf;
    mlops_online_answer_t     answer;
    mlops_online_progress_t   progress;

    conf_of(c, &conf);
    online = onlines_create(&conf);
    all = calloc(c->n, sizeof(mlops_example_t));
    assert_non_null(all);

    for (i = 0, at = 0; i < c->n; i++) {
        e = &all[i];
        e->index = c->index + at;
        e->value = c->value + at;
        e->n = c->count[i];
        e->label = c->label[i];
        e->weight = c->weight[i];
        at += e->n;
    }

    if (one_by_one) {
        for (i = 0; i < c->n; i++) {
            assert_int_equal(mlops_online_learn(online, &all[i], &answer,
                                                &err), MLOPS_OK);
            unit_ok(fabs(answer.margin - c->margin[i])
                    <= 1e-9 * (1 + fabs(c->margin[i])),
                    "%s, %s: margin %u is %.17g, expected %.17g",
                    mlops_online_algorithm_name(c->algorithm),
                    mlops_online_loss_name(c->loss), i, answer.margin,
                    c->margin[i]);
        }

    } else {
        assert_int_equal(mlops_online_learn_many(online, all, c->n, &err),
                         0);
    }

    for (i = 0; i < 32; i++) {
        unit_ok(fabs(mlops_online_weight(online, i) - weight_of(c, i))
                <= 4e-7 * fabs(weight_of(c, i)),
                "%s, %s: weight %u is %.9g, expected %.9g",
                mlops_online_algorithm_name(c->algorithm),
                mlops_online_loss_name(c->loss), i,
                mlops_online_weight(online, i), weight_of(c, i));
    }

    mlops_online_progress(online, 0, &progress);

    assert_int_equal(progress.examples, c->n);
    unit_ok(fabs(progress.loss - c->loss_mean) <= 1e-9 * c->loss_mean,
            "loss %.17g, expected %.17g", progress.loss, c->loss_mean);

    free(all);
    mlops_online_destroy(online);
}


static void
test_numpy(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        run_case(&cases[i], 1);
        run_case(&cases[i], 0);
    }
}


static void
run_rls(const double *expected, double forgetting, double ridge)
{
    double                 w, scale;
    uint32_t               i, j;
    mlops_err_t            err;
    mlops_online_t        *online;
    mlops_example_t        e;
    mlops_online_conf_t    conf;

    mlops_online_defaults(&conf, MLOPS_ONLINE_RLS);
    conf.dense = RLS_P;
    conf.forgetting = forgetting;
    conf.ridge = ridge;
    online = onlines_create(&conf);

    for (i = 0; i < RLS_N; i++) {
        memset(&e, 0, sizeof(e));
        e.dense = rls_x + i * RLS_P;
        e.n = RLS_P;
        e.label = rls_y[i];
        e.weight = rls_h[i];

        assert_int_equal(mlops_online_learn(online, &e, NULL, &err),
                         MLOPS_OK);

        for (j = 0, scale = 0; j < RLS_P; j++) {
            scale = fmax(scale, fabs(expected[i * RLS_P + j]));
        }

        for (j = 0; j < RLS_P; j++) {
            w = mlops_online_weight(online, j);
            unit_ok(fabs(w - expected[i * RLS_P + j]) <= 1e-9 * (1 + scale),
                    "forgetting %g, example %u, weight %u: %.17g, expected "
                    "%.17g", forgetting, i, j, w, expected[i * RLS_P + j]);
        }
    }

    mlops_online_destroy(online);
}


static void
test_rls(void **state)
{
    (void) state;

    run_rls(rls_one, 1.0, 0.5);
    run_rls(rls_forget, 0.97, 0.01);
}


/* The values are those of Python's xxhash 4.1.0, of the bytes the header
 * names.  They never change. */

static void
test_hashes(void **state)
{
    char               long_text[1000];
    mlops_str_t        text;
    static const mlops_str_t  age = mlops_str("age");
    static const mlops_str_t  region = mlops_str("region");
    static const mlops_str_t  inland = mlops_str("INLAND");
    static const mlops_str_t  name = mlops_str("text");
    static const mlops_str_t  empty = mlops_null_str;

    (void) state;

    memset(long_text, 'v', sizeof(long_text));
    text.data = long_text;
    text.len = sizeof(long_text);

    assert_true(mlops_online_hash_bias() == 0x5d1a8d75fa632b58);
    assert_true(mlops_online_hash_number(&age) == 0xd664fa8b06723cc1);
    assert_true(mlops_online_hash_category(&region, &inland)
                == 0x4ceafed423b42b5e);
    assert_true(mlops_online_hash_category(&region, &empty)
                == 0xb8e305006666e8b8);
    assert_true(mlops_online_hash_missing(&region) == 0xc7c006a7dc033667);
    assert_true(mlops_online_hash_category(&name, &text)
                == 0xdd3503c87d34520f);
    assert_true(mlops_online_hash_cross(
                    mlops_online_hash_category(&region, &inland),
                    mlops_online_hash_number(&age))
                == 0x2873b29a0cbb06c6);
}


/* By hand: one feature of value 1, rate 1, squared loss.
 *
 *     y = 2: m = 0,          loss 4, G = -2, n = 4, w = 1
 *     y = 2: m = 1,          loss 1, G = -1, n = 5, w = 1 + 1/√5
 *     y = 1, weight 3: m = 1 + 1/√5, loss 1/5
 */

static void
test_progress(void **state)
{
    double                    w;
    float                     x;
    uint32_t                  index;
    mlops_err_t               err;
    mlops_online_t           *online;
    mlops_example_t           e;
    mlops_online_conf_t       conf;
    mlops_online_answer_t     answer;
    mlops_online_progress_t   p;

    (void) state;

    mlops_online_defaults(&conf, MLOPS_ONLINE_ADAGRAD);
    conf.loss = MLOPS_ONLINE_SQUARED;
    conf.rate = 1;
    conf.epsilon = 1e-30;
    conf.window = 2;
    online = onlines_create(&conf);

    mlops_online_progress(online, 0, &p);
    assert_true(p.examples == 0 && isnan(p.loss) && isnan(p.since_loss)
                && isnan(p.window_loss) && isnan(p.accuracy));

    x = 1;
    index = 77;
    memset(&e, 0, sizeof(e));
    e.index = &index;
    e.value = &x;
    e.n = 1;
    e.weight = 1;
    e.label = 2;
    w = 1 + 1 / sqrt(5);

    assert_int_equal(mlops_online_learn(online, &e, &answer, &err), 0);
    assert_true(answer.margin == 0 && answer.loss == 4);
    assert_int_equal(mlops_online_learn(online, &e, &answer, &err), 0);
    assert_true(answer.margin == 1 && answer.loss == 1);

    mlops_online_progress(online, 1, &p);
    assert_true(p.since_examples == 2 && p.since_loss == 2.5
                && p.window_loss == 2.5 && p.loss == 2.5);

    e.label = 1;
    e.weight = 3;
    assert_int_equal(mlops_online_learn(online, &e, &answer, &err), 0);
    assert_true(fabs(answer.margin - w) < 1e-6
                && fabs(answer.loss - 0.2) < 1e-6);

    mlops_online_progress(online, 0, &p);
    assert_true(p.examples == 3 && p.weight == 5 && p.since_examples == 1
                && p.since_weight == 3 && p.window_n == 2);
    assert_true(fabs(p.loss - (4 + 1 + 0.6) / 5) < 1e-6);
    assert_true(fabs(p.since_loss - 0.2) < 1e-6);
    assert_true(fabs(p.window_loss - (1 + 0.2) / 2) < 1e-6);

    mlops_online_destroy(online);
}


/* Margins of 0 are on the side of 0: by hand, labels 1 0 0 1 0 of an example
 * without features. */

static void
test_accuracy(void **state)
{
    uint32_t                  i;
    mlops_err_t               err;
    mlops_online_t           *online;
    mlops_example_t           e;
    mlops_online_conf_t       conf;
    mlops_online_progress_t   p;
    static const double       labels[] = { 1, 0, 0, 1, 0 };

    (void) state;

    mlops_online_defaults(&conf, MLOPS_ONLINE_FTRL);
    conf.window = 3;
    online = onlines_create(&conf);
    memset(&e, 0, sizeof(e));
    e.weight = 1;

    for (i = 0; i < 5; i++) {
        e.label = labels[i];
        assert_int_equal(mlops_online_learn(online, &e, NULL, &err), 0);
    }

    mlops_online_progress(online, 0, &p);
    assert_true(p.accuracy == 3.0 / 5 && p.window_accuracy == 2.0 / 3);
    assert_true(fabs(p.loss - log(2)) < 1e-15);
    assert_true(p.window_loss == (double) (float) log(2));

    mlops_online_destroy(online);
}


static void
refuse(mlops_online_t *online, const mlops_example_t *e, const char *reason)
{
    mlops_err_t              err;
    mlops_online_answer_t    answer;
    mlops_online_progress_t  before, after;

    mlops_online_progress(online, 0, &before);
    unit_ok(mlops_online_learn(online, e, &answer, &err) == MLOPS_ERROR,
            "accepted, expected: %s", reason);
    unit_ok(strstr(err.text, reason) != NULL, "expected: %s\ngot:      %s",
            reason, err.text);

    mlops_online_progress(online, 0, &after);
    assert_int_equal(after.refused, before.refused + 1);
    assert_int_equal(after.examples, before.examples);
    assert_int_equal(mlops_online_learn_many(online, e, 1, &err), 1);
}


static void
test_refused(void **state)
{
    float                 x[3] = { 1, 2, 3 };
    double                d[3] = { 1, 2, 3 };
    uint32_t              index[3] = { 1, 2, 3 };
    uint64_t              all;
    mlops_err_t           err;
    mlops_online_t       *online;
    mlops_example_t       good, e;
    mlops_online_conf_t   conf;

    (void) state;

    mlops_online_defaults(&conf, MLOPS_ONLINE_FTRL);
    conf.bits = 6;
    online = onlines_create(&conf);

    memset(&good, 0, sizeof(good));
    good.index = index;
    good.value = x;
    good.n = 3;
    good.label = 1;
    good.weight = 1;

    e = good;
    x[1] = NAN;
    refuse(online, &e, "feature 1 is not finite");
    x[1] = 2;
    x[2] = -INFINITY;
    refuse(online, &e, "feature 2 is not finite");
    x[2] = 3;

    e.label = 1.5;
    refuse(online, &e, "expected a label from 0 to 1, got 1.5");
    e.label = NAN;
    refuse(online, &e, "expected a label");
    e = good;
    e.weight = -1;
    refuse(online, &e, "expected a weight from 0 to 1e30, got -1");
    e.weight = NAN;
    refuse(online, &e, "expected a weight");
    e = good;
    e.n = MLOPS_ONLINE_FEATURES_MAX + 1;
    refuse(online, &e, "at most 1048576");

    assert_int_equal(mlops_online_nonzero(online, &all), 0);
    assert_int_equal(all, 64);
    assert_int_equal(mlops_online_learn(online, &good, NULL, &err), 0);
    assert_int_equal(mlops_online_nonzero(online, &all), 3);
    mlops_online_destroy(online);

    mlops_online_defaults(&conf, MLOPS_ONLINE_RLS);
    conf.dense = 3;
    online = onlines_create(&conf);
    e = good;
    refuse(online, &e, "expected 3 dense numbers, got 0");
    e.dense = d;
    e.n = 2;
    refuse(online, &e, "expected 3 dense numbers, got 2");
    e.n = 3;
    d[0] = NAN;
    refuse(online, &e, "feature 0 is not finite");
    d[0] = 1e31;
    refuse(online, &e, "expected numbers of at most 1e30");
    d[0] = 1;
    e.label = 1e31;
    refuse(online, &e, "expected a label within 1e30");
    assert_int_equal(mlops_online_nonzero(online, &all), 0);
    mlops_online_destroy(online);

    mlops_online_defaults(&conf, MLOPS_ONLINE_FTRL);
    conf.loss = MLOPS_ONLINE_POISSON;
    online = onlines_create(&conf);
    e = good;
    e.label = -1;
    refuse(online, &e, "expected a label from 0 to 1e30, got -1");
    mlops_online_destroy(online);
}


static double
wild(uint64_t *seed)
{
    double                value;
    static const double   sizes[] = { 0, 1e-38, 1e-20, 1e-3, 1, 1e3, 1e9,
                                      1e20, 3e38 };

    value = sizes[unit_random(seed) % mlops_nitems(sizes)];

    return unit_random(seed) & 1 ? value : -value;
}


/* Numbers of all sizes, each combination of algorithm and loss: no weight
 * becomes NaN or infinite, and no loss. */

static void
survive(mlops_online_algorithm_t algorithm, mlops_online_loss_t loss)
{
    float                     x[9];
    double                    d[9];
    uint32_t                  i, k, index[9];
    uint64_t                  seed;
    mlops_err_t               err;
    mlops_online_t           *online;
    mlops_example_t           e;
    mlops_online_conf_t       conf;
    mlops_online_progress_t   progress;

    mlops_online_defaults(&conf, algorithm);
    conf.loss = loss;
    conf.alpha = 1000;
    conf.beta = 1e-9;
    conf.rate = 1000;
    conf.epsilon = 1e-30;
    conf.forgetting = 0.5;
    conf.ridge = 1e-12;

    if (algorithm == MLOPS_ONLINE_RLS) {
        conf.dense = 9;

    } else {
        conf.bits = 4;
    }

    online = onlines_create(&conf);
    seed = 5;
    memset(&e, 0, sizeof(e));
    e.index = index;
    e.value = x;
    e.dense = d;
    e.n = 9;

    for (i = 0; i < (unit_quick() ? 2000 : 20000); i++) {
        for (k = 0; k < 9; k++) {
            d[k] = wild(&seed);
            x[k] = (float) d[k];
            index[k] = (uint32_t) unit_random(&seed);
        }

        e.weight = fabs(wild(&seed));
        e.label = wild(&seed);

        if (loss == MLOPS_ONLINE_LOGISTIC) {
            e.label = e.label > 0;

        } else if (loss == MLOPS_ONLINE_POISSON) {
            e.label = fabs(e.label);
        }

        (void) mlops_online_learn(online, &e, NULL, &err);

        for (k = 0; k < 16; k++) {
            unit_ok(isfinite(mlops_online_weight(online, k)),
                    "%s, %s, example %u: weight %u is %g",
                    mlops_online_algorithm_name(algorithm),
                    mlops_online_loss_name(loss), i, k,
                    mlops_online_weight(online, k));
        }
    }

    mlops_online_progress(online, 0, &progress);
    assert_true(isfinite(progress.loss) && progress.examples > 10);
    mlops_online_destroy(online);
}


static void
test_survive(void **state)
{
    int  loss;

    (void) state;

    for (loss = 0; loss < MLOPS_ONLINE_LOSSES; loss++) {
        survive(MLOPS_ONLINE_ADAGRAD, (mlops_online_loss_t) loss);

        if (loss <= MLOPS_ONLINE_POISSON) {
            survive(MLOPS_ONLINE_FTRL, (mlops_online_loss_t) loss);
        }
    }

    survive(MLOPS_ONLINE_RLS, MLOPS_ONLINE_SQUARED);
}


/* Nothing excites most directions, and forgetting goes on for long: weights
 * stay. */

static void
test_windup(void **state)
{
    double                d[4] = { 1, 0, 0, 0 };
    uint32_t              i, k;
    mlops_err_t           err;
    mlops_online_t       *online;
    mlops_example_t       e;
    mlops_online_conf_t   conf;

    (void) state;

    mlops_online_defaults(&conf, MLOPS_ONLINE_RLS);
    conf.dense = 4;
    conf.forgetting = 0.9;
    online = onlines_create(&conf);
    memset(&e, 0, sizeof(e));
    e.dense = d;
    e.n = 4;
    e.weight = 1;

    for (i = 0; i < 100000; i++) {
        d[1] = (i % 1000 == 0);
        e.label = 3 + 5 * d[1];
        assert_int_equal(mlops_online_learn(online, &e, NULL, &err), 0);
    }

    assert_true(fabs(mlops_online_weight(online, 0) - 3) < 1e-6);
    assert_true(fabs(mlops_online_weight(online, 1) - 5) < 1e-6);

    for (k = 2; k < 4; k++) {
        assert_true(mlops_online_weight(online, k) == 0);
    }

    mlops_online_destroy(online);
}


/* The vectors' kernel has the bits of the portable one, whatever the number
 * of features. */

static void
same_bits(mlops_online_algorithm_t algorithm)
{
    float                         x[70];
    uint32_t                      i, k, index[70];
    uint64_t                      seed;
    mlops_err_t                   err;
    mlops_online_t               *one, *two;
    mlops_example_t               e;
    mlops_online_conf_t           conf;
    mlops_online_answer_t         a, b;

    mlops_online_defaults(&conf, algorithm);
    conf.bits = 7;
    conf.l1 = 0.05;
    conf.l2 = 0.1;
    one = onlines_create(&conf);
    two = onlines_create(&conf);
    two->kernel = (algorithm == MLOPS_ONLINE_FTRL) ? &mlops_online_ftrl
                                                   : &mlops_online_adagrad;
    seed = 17;
    memset(&e, 0, sizeof(e));
    e.index = index;
    e.value = x;

    for (i = 0; i < 3000; i++) {
        e.n = (uint32_t) (unit_random(&seed) % 71);
        e.label = (double) (unit_random(&seed) & 1);
        e.weight = (double) (unit_random(&seed) % 3);

        for (k = 0; k < e.n; k++) {
            index[k] = (uint32_t) unit_random(&seed);
            x[k] = (float) (int32_t) (unit_random(&seed) >> 40) / 8388608 - 1;
        }

        assert_int_equal(mlops_online_learn(one, &e, &a, &err), 0);
        assert_int_equal(mlops_online_learn(two, &e, &b, &err), 0);
        assert_memory_equal(&a, &b, sizeof(a));
    }

    assert_memory_equal(one->table, two->table, 128 * 8);

    mlops_online_destroy(one);
    mlops_online_destroy(two);
}


static void
test_bits(void **state)
{
    (void) state;

    same_bits(MLOPS_ONLINE_FTRL);
    same_bits(MLOPS_ONLINE_ADAGRAD);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_numpy),
        cmocka_unit_test(test_rls),
        cmocka_unit_test(test_hashes),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_accuracy),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_survive),
        cmocka_unit_test(test_windup),
        cmocka_unit_test(test_bits)
    };

    return unit_run(tests);
}
