/*
 * Online learning on elec2 (45312 half hours of the Australian electricity
 * market, in order): progressive log loss, accuracy and weights against the
 * algorithms in float64, and of AdaGrad against River 0.26.1, which agree to
 * all digits (t/learn/online_elec2.py).  River's own FTRL-proximal predicts
 * with weights of one update before and is 0.13 % to 1.3 % worse.
 */

#include "onlines.h"
#include "mlops_frame.h"

#include <math.h>


enum {
    COLUMNS = 6
};


typedef struct {
    mlops_online_algorithm_t  algorithm;
    double                    alpha, l1, l2, rate;
    double                    loss;
    double                    accuracy;
    double                    weights[COLUMNS + 1];
} run_t;


static const run_t  runs[] = {
    { MLOPS_ONLINE_FTRL, 0.1, 0, 0, 0, 0.6228646263, 0.6495630297,
      { 0.3574422, 4.455342, 2.116008, 0.423306, -0.1482937, -1.054708,
        -0.9491429 } },
    { MLOPS_ONLINE_FTRL, 1.0, 0, 0, 0, 0.5158645101, 0.7568635240,
      { -0.6446567, 28.24873, 5.818318, 1.383591, -2.492838, -0.3381175,
        -3.013935 } },
    { MLOPS_ONLINE_FTRL, 1.0, 1.0, 0.1, 0, 0.5191857269, 0.7541048729,
      { -0.6345406, 27.22207, 5.835176, 0.6511457, -2.336247, -0.2457585,
        -3.055746 } },
    { MLOPS_ONLINE_ADAGRAD, 0, 0, 0, 0.1, 0.6151714546, 0.6615245410,
      { 0.3211259, 6.091359, 2.175285, 1.135308, -0.2562292, -1.107367,
        -0.9876437 } },
    { MLOPS_ONLINE_ADAGRAD, 0, 0, 0, 1.0, 0.4918171750, 0.7770568503,
      { -0.6382621, 38.25343, 5.369126, 3.000002, -2.973429, -0.4842546,
        -3.253813 } }
};


static void
learn(const mlops_frame_t *frame, const run_t *run)
{
    float                     x[COLUMNS + 1];
    uint32_t                  k;
    uint64_t                  i;
    mlops_err_t               err;
    mlops_online_t           *online;
    mlops_example_t           e;
    mlops_online_conf_t       conf;
    mlops_online_progress_t   progress;

    mlops_online_defaults(&conf, run->algorithm);
    conf.bits = 4;
    conf.alpha = run->alpha;
    conf.l1 = run->l1;
    conf.l2 = run->l2;
    conf.rate = run->rate;

    online = onlines_create(&conf);

    memset(&e, 0, sizeof(e));
    e.value = x;
    e.n = COLUMNS + 1;
    e.weight = 1;
    x[COLUMNS] = 1;

    for (i = 0; i < frame->rows_n; i++) {
        for (k = 0; k < COLUMNS; k++) {
            x[k] = (float) mlops_matrix_value(&frame->columns[k].view, i);
        }

        e.label = mlops_matrix_value(&frame->columns[COLUMNS].view, i);
        assert_int_equal(mlops_online_learn(online, &e, NULL, &err),
                         MLOPS_OK);
    }

    mlops_online_progress(online, 0, &progress);

    unit_note("%s %g: log loss %.10f, accuracy %.10f",
              mlops_online_algorithm_name(run->algorithm),
              run->alpha + run->rate, progress.loss, progress.accuracy);

    /* tables are float32: 45312 roundings of 6e-8 each */

    unit_ok(fabs(progress.loss - run->loss) < 2e-6, "log loss %.10f, "
            "expected %.10f", progress.loss, run->loss);
    unit_ok(fabs(progress.accuracy - run->accuracy) <= 3.0 / 45312,
            "accuracy %.10f, expected %.10f", progress.accuracy,
            run->accuracy);

    for (k = 0; k <= COLUMNS; k++) {
        unit_ok(fabs(mlops_online_weight(online, k) - run->weights[k])
                < 1e-4 * (1 + fabs(run->weights[k])),
                "weight %u: %.9g, expected %.9g", k,
                mlops_online_weight(online, k), run->weights[k]);
    }

    mlops_online_destroy(online);
}


static void
test_elec2(void **state)
{
    size_t                   i;
    const char              *path;
    mlops_err_t              err;
    mlops_frame_t            frame;
    mlops_frame_options_t    options;

    (void) state;

    path = unit_data("elec2.csv");

    if (path == NULL) {
        unit_skip("no elec2.csv");
    }

    memset(&options, 0, sizeof(options));
    unit_ok(mlops_frame_read(&frame, path, &options, &err) == MLOPS_OK, "%s",
            err.text);
    assert_int_equal(frame.rows_n, 45312);
    assert_int_equal(frame.columns_n, COLUMNS + 1);

    for (i = 0; i < mlops_nitems(runs); i++) {
        learn(&frame, &runs[i]);
    }

    mlops_frame_free(&frame);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_elec2)
    };

    return unit_run(tests);
}
