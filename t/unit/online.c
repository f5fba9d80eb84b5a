/*
 * Online learning against NumPy: margins, tables and progressive losses of
 * FTRL-proximal and AdaGrad, weights of recursive least squares against the
 * closed form of ridge regression at each step (t/learn/online.py), hashes
 * against the bytes they are of, and what is refused.
 */

#include "unit.h"
#include "mlops_hash.h"
#include "mlops_online.h"

#include <math.h>

#include "online_vectors.h"


static mlops_online_t *
create(const mlops_online_conf_t *conf)
{
    mlops_err_t      err;
    mlops_online_t  *online;

    online = mlops_online_create(conf, &err);
    unit_ok(online != NULL, "%s", err.text);

    return online;
}


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
    online = create(&conf);
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
    online = create(&conf);

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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_numpy),
        cmocka_unit_test(test_rls)
    };

    return unit_run(tests);
}
