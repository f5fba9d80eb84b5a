/*
 * Metrics against scikit-learn 1.9's numbers on the same 40 rows, with and
 * without weights; calibration errors, Huber losses and the interval of a
 * mean by numpy from their formulas.
 */

#include "unit.h"
#include "mlops_metric.h"
#include "mlops_random.h"

#include <math.h>


#define N  40


static const double  number_target[] = {
    1.69, -0.47, 0.03, 0.41, -0.79, 0.0, -0.0, -1.75, 1.02, 0.6, -0.63, -0.17,
    0.51, -0.26, -0.24, -1.45, 0.55, 0.12, 0.27, -1.53, 1.65, 0.15, -0.39,
    2.03, -0.05, -1.45, -0.41, -2.29, 1.05, -0.42, -0.74, 1.07, -1.65, 0.54,
    -2.06, -0.66, -1.2, 1.46, 1.77, -0.33
};

static const double  number_predicted[] = {
    2.28, -0.6, 0.43, -0.12, -1.99, -1.26, 0.27, -0.18, 1.21, 0.23, 0.71,
    -0.0, 0.58, -0.08, -0.33, -1.67, -0.45, 0.47, 0.2, -0.69, 1.39, -1.18,
    -0.46, 3.22, -0.32, -2.07, -1.25, -3.03, 0.84, -1.25, 0.31, 0.87, -1.57,
    1.55, -1.01, -0.81, -0.97, 1.97, 1.64, -1.57
};

static const double  weights[] = {
    3.0, 1.0, 1.0, 3.0, 1.0, 0.0, 3.0, 0.0, 1.0, 3.0, 2.0, 0.0, 1.0, 1.0, 1.0,
    2.0, 3.0, 0.0, 0.0, 3.0, 3.0, 3.0, 1.0, 0.0, 0.0, 1.0, 0.0, 3.0, 1.0, 2.0,
    1.0, 2.0, 3.0, 3.0, 3.0, 2.0, 3.0, 0.0, 0.0, 1.0
};

static const double  two_target[] = {
    1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0,
    0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0,
    0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 0.0
};

static const double  two_predicted[] = {
    0.9, 0.5, 0.4, 0.9, 0.7, 0.5, 0.4, 0.6, 0.5, 0.0, 0.4, 0.2, 0.4, 0.5, 0.0,
    0.3, 0.4, 0.7, 0.1, 0.6, 0.4, 0.6, 1.0, 0.5, 0.4, 0.9, 1.0, 0.7, 0.9, 0.5,
    0.4, 0.5, 0.4, 0.6, 0.2, 0.5, 0.9, 0.4, 0.8, 0.0
};

static const double  many_target[] = {
    0.0, 2.0, 1.0, 1.0, 1.0, 2.0, 2.0, 0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 0.0, 0.0,
    1.0, 0.0, 0.0, 2.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 1.0, 2.0,
    0.0, 1.0, 2.0, 1.0, 2.0, 2.0, 1.0, 1.0, 1.0, 2.0
};

static const double  many_predicted[] = {
    0.574, 0.307, 0.119, 0.003, 0.572, 0.425, 0.774, 0.225, 0.001, 0.234,
    0.297, 0.469, 0.14, 0.786, 0.074, 0.096, 0.524, 0.38, 0.08, 0.653, 0.267,
    0.35, 0.426, 0.224, 0.555, 0.441, 0.004, 0.145, 0.286, 0.569, 0.224,
    0.478, 0.298, 0.392, 0.17, 0.438, 0.174, 0.018, 0.808, 0.829, 0.05, 0.121,
    0.33, 0.059, 0.611, 0.08, 0.386, 0.534, 0.451, 0.166, 0.383, 0.618, 0.136,
    0.246, 0.024, 0.351, 0.625, 0.288, 0.63, 0.082, 0.169, 0.46, 0.371, 0.148,
    0.273, 0.579, 0.174, 0.579, 0.247, 0.214, 0.075, 0.711, 0.286, 0.214, 0.5,
    0.802, 0.104, 0.094, 0.706, 0.227, 0.067, 0.788, 0.05, 0.162, 0.272,
    0.662, 0.066, 0.546, 0.081, 0.373, 0.447, 0.442, 0.111, 0.098, 0.45,
    0.452, 0.375, 0.378, 0.247, 0.417, 0.375, 0.208, 0.569, 0.026, 0.405,
    0.285, 0.147, 0.568, 0.123, 0.53, 0.347, 0.385, 0.285, 0.33, 0.508, 0.346,
    0.146, 0.267, 0.402, 0.331
};

static const double  count_target[] = {
    1.0, 3.0, 4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 3.0, 6.0, 3.0, 1.0, 1.0, 1.0,
    1.0, 2.0, 9.0, 1.0, 4.0, 3.0, 1.0, 2.0, 2.0, 0.0, 3.0, 1.0, 1.0, 4.0, 1.0,
    4.0, 1.0, 3.0, 1.0, 3.0, 1.0, 5.0, 1.0, 2.0, 1.0
};

static const double  count_predicted[] = {
    0.38, 2.64, 2.75, 2.1, 0.75, 2.56, 2.8, 2.6, 2.15, 3.1, 1.3, 0.53, 1.36,
    2.94, 3.14, 0.4, 0.42, 1.87, 0.95, 2.99, 2.0, 2.07, 1.47, 1.88, 0.62,
    0.71, 2.31, 2.64, 2.12, 0.33, 2.44, 1.47, 1.11, 0.2, 0.59, 0.36, 2.02,
    1.41, 1.21, 1.78
};


typedef struct {
    mlops_metric_t   metric;
    const double    *predicted;
    const double    *target;
    uint32_t         width;
    uint32_t         classes_n;
    double           parameter;
    double           plain;
    double           weighted;
} metric_case_t;


static const metric_case_t  cases[] = {
    { MLOPS_METRIC_RMSE, number_predicted, number_target, 1, 0, NAN,
      0.7272912071515782, 0.716250482791014 },
    { MLOPS_METRIC_MSE, number_predicted, number_target, 1, 0, NAN,
      0.5289524999999999, 0.5130147540983606 },
    { MLOPS_METRIC_MAE, number_predicted, number_target, 1, 0, NAN,
      0.57125, 0.5873770491803278 },
    { MLOPS_METRIC_R2, number_predicted, number_target, 1, 0, NAN,
      0.5358700881114381, 0.6034768768019478 },
    { MLOPS_METRIC_PINBALL, number_predicted, number_target, 1, 0, 0.9,
      0.292325, 0.3085737704918033 },
    { MLOPS_METRIC_HUBER, number_predicted, number_target, 1, 0, 0.5,
      0.18738875, 0.19065 },
    { MLOPS_METRIC_DEVIANCE, count_predicted, count_target, 1, 0, NAN,
      1.7205386244093355, 1.5859072374113898 },
    { MLOPS_METRIC_LOG_LOSS, two_predicted, two_target, 1, 2, NAN,
      0.4565821364401277, 0.46481669065679276 },
    { MLOPS_METRIC_AUC, two_predicted, two_target, 1, 2, NAN,
      0.8666666666666667, 0.8472527472527472 },
    { MLOPS_METRIC_ACCURACY, two_predicted, two_target, 1, 2, NAN,
      0.7, 0.7377049180327869 },
    { MLOPS_METRIC_F1, two_predicted, two_target, 1, 2, NAN,
      0.7, 0.7333333333333333 },
    { MLOPS_METRIC_ECE, two_predicted, two_target, 1, 2, NAN,
      0.15, 0.11147540983606555 },
    { MLOPS_METRIC_LOG_LOSS, many_predicted, many_target, 3, 3, NAN,
      0.8301544965970578, 0.9158913466068027 },
    { MLOPS_METRIC_ACCURACY, many_predicted, many_target, 3, 3, NAN,
      0.5, 0.4426229508196721 },
    { MLOPS_METRIC_F1, many_predicted, many_target, 3, 3, NAN,
      0.4940760389036251, 0.4285714285714286 },
    { MLOPS_METRIC_ECE, many_predicted, many_target, 3, 3, NAN,
      0.140075, 0.17298360655737705 }
};


static void
metric_scored(const metric_case_t *it, int weighted, mlops_scored_t *scored)
{
    memset(scored, 0, sizeof(mlops_scored_t));

    scored->n = N;
    scored->width = it->width;
    scored->classes_n = it->classes_n;
    scored->predicted = it->predicted;
    scored->target = it->target;
    scored->weight = weighted ? weights : NULL;
    scored->parameter = it->parameter;
}


static void
measure(mlops_metric_t metric, const mlops_scored_t *scored, uint64_t seed,
    mlops_metric_value_t *value)
{
    int          rc;
    mlops_err_t  err;

    rc = mlops_metric(metric, scored, seed, value, &err);
    unit_ok(rc == MLOPS_OK, "%s: %s", mlops_metric_name(metric),
            rc == MLOPS_OK ? "" : err.text);
}


static void
test_values(void **state)
{
    int                    weighted;
    size_t                 i;
    double                 want;
    mlops_scored_t         scored;
    mlops_metric_value_t   value;

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        for (weighted = 0; weighted < 2; weighted++) {
            metric_scored(&cases[i], weighted, &scored);
            want = weighted ? cases[i].weighted : cases[i].plain;

            measure(cases[i].metric, &scored, 1, &value);
            unit_ok(fabs(value.value - want) <= 1e-12,
                    "%s of %u classes, %s: %.17g, expected %.17g",
                    mlops_metric_name(cases[i].metric), cases[i].classes_n,
                    weighted ? "weighted" : "plain", value.value, want);
            assert_int_equal(value.n, N);

            if (cases[i].metric == MLOPS_METRIC_ECE) {
                unit_ok(isnan(value.lo) && isnan(value.hi),
                        "ece: interval %g to %g, expected none", value.lo,
                        value.hi);
                continue;
            }

            unit_ok(value.lo < value.value && value.hi > value.value,
                    "%s: interval %g to %g",
                    mlops_metric_name(cases[i].metric), value.lo, value.hi);
        }
    }
}


/* numpy.median(target - predicted); ranks by hand: 20 -+ 6.198. */

static void
test_median(void **state)
{
    mlops_scored_t         scored;
    mlops_metric_value_t   value;

    (void) state;

    metric_scored(&cases[0], 0, &scored);

    measure(MLOPS_METRIC_MEDIAN_ERROR, &scored, 1, &value);
    assert_true(fabs(value.value - 0.08) <= 1e-12);
    assert_true(value.lo < 0 && value.hi > 0.1);

    /* the middle of the weight by hand: 1, 2 | 3 with weights 1, 1, 2 */

    {
        static const double  target[] = { 3, 1, 2 };
        static const double  zero[] = { 0, 0, 0 };
        static const double  w[] = { 2, 1, 1 };

        scored.n = 3;
        scored.predicted = zero;
        scored.target = target;
        scored.weight = w;

        measure(MLOPS_METRIC_MEDIAN_ERROR, &scored, 1, &value);
        assert_true(value.value == 2.5);
    }
}


static void
test_intervals(void **state)
{
    mlops_scored_t         scored;
    mlops_metric_value_t   value;

    (void) state;

    metric_scored(&cases[1], 0, &scored);
    measure(MLOPS_METRIC_MSE, &scored, 1, &value);
    assert_true(fabs(value.lo - 0.32467617646181535) <= 1e-12);
    assert_true(fabs(value.hi - 0.7332288235381845) <= 1e-12);

    metric_scored(&cases[1], 1, &scored);
    measure(MLOPS_METRIC_MSE, &scored, 1, &value);
    assert_true(fabs(value.lo - 0.2938085149479911) <= 1e-12);
    assert_true(fabs(value.hi - 0.7322209932487301) <= 1e-12);

    /* of the root: the same relative to twice the root */

    metric_scored(&cases[0], 0, &scored);
    measure(MLOPS_METRIC_RMSE, &scored, 1, &value);
    assert_true(fabs(value.hi - value.value
                     - (0.7332288235381845 - 0.5289525)
                       / (2 * 0.7272912071515782)) <= 1e-12);
}


/* A bootstrap interval of F1 is about that of the delta method (all rows are
 * of the predicted class 1, so that F1 = 2a / (1 + a) of the share a that is
 * right), also where samples are smaller than the set. */

static void
test_bootstrap(void **state)
{
    double                 half, a;
    uint32_t               i, n;
    double                *p, *y;
    mlops_scored_t         scored;
    mlops_metric_value_t   value, again;
    static const uint32_t  sizes[] = { 400, 40000 };

    (void) state;

    p = malloc(40000 * sizeof(double));
    y = malloc(40000 * sizeof(double));
    assert_non_null(p);
    assert_non_null(y);

    for (i = 0; i < 40000; i++) {
        p[i] = 0.9;
        y[i] = mlops_random_double(3, 1, i) < 0.8;
    }

    for (n = 0; n < 2; n++) {
        memset(&scored, 0, sizeof(scored));

        scored.n = sizes[n];
        scored.width = 1;
        scored.classes_n = 2;
        scored.predicted = p;
        scored.target = y;

        measure(MLOPS_METRIC_F1, &scored, 9, &value);
        measure(MLOPS_METRIC_F1, &scored, 9, &again);
        assert_memory_equal(&value, &again, sizeof(value));

        a = value.value / (2 - value.value);
        half = 1.96 * sqrt(a * (1 - a) / sizes[n]) * 2 / ((1 + a) * (1 + a));

        unit_ok(fabs((value.hi - value.lo) / 2 / half - 1) < 0.2,
                "%u rows: half of the interval %g, by formula %g", sizes[n],
                (value.hi - value.lo) / 2, half);
    }

    free(p);
    free(y);
}


static void
test_edges(void **state)
{
    double                 losses[3];
    mlops_metric_t         i;
    mlops_str_t            name = mlops_str("log_loss");
    mlops_str_t            none = mlops_str("log-loss");
    mlops_err_t            err;
    mlops_scored_t         scored;
    mlops_metric_value_t   value;
    static const double    ones[] = { 1, 1, 1 };
    static const double    p[] = { 0, 0.5, 1 };
    static const double    below[] = { -1, 1, 1 };
    static const double    zeros[] = { 0, 0, 0 };

    (void) state;

    assert_int_equal(mlops_metric_find(&name), MLOPS_METRIC_LOG_LOSS);
    assert_int_equal(mlops_metric_find(&none), -1);
    assert_true(mlops_metric_lower(MLOPS_METRIC_ECE));
    assert_false(mlops_metric_lower(MLOPS_METRIC_AUC));
    assert_true(mlops_metric_fits(MLOPS_METRIC_MSE, 2));
    assert_false(mlops_metric_fits(MLOPS_METRIC_AUC, 3));
    assert_false(mlops_metric_fits(MLOPS_METRIC_R2, 2));

    memset(&scored, 0, sizeof(scored));

    scored.n = 3;
    scored.width = 1;
    scored.classes_n = 2;
    scored.predicted = p;
    scored.target = ones;
    scored.parameter = NAN;

    /* one class: no area */

    measure(MLOPS_METRIC_AUC, &scored, 1, &value);
    assert_true(isnan(value.value) && isnan(value.lo));

    /* no weight, no value: of two classes as of three */

    scored.weight = zeros;

    for (i = 0; i < MLOPS_METRIC_N; i++) {
        for (scored.classes_n = 2; scored.classes_n < 4; scored.classes_n++) {

            if (!mlops_metric_fits(i, scored.classes_n)) {
                continue;
            }

            measure(i, &scored, 1, &value);
            unit_ok(isnan(value.value) && isnan(value.lo) && isnan(value.hi),
                    "%s: %g (%g to %g)", mlops_metric_name(i), value.value,
                    value.lo, value.hi);
        }
    }

    /* neither there nor predicted: scikit-learn's f1_score is 0 */

    scored.classes_n = 2;
    scored.weight = NULL;
    scored.predicted = zeros;
    scored.target = zeros;
    measure(MLOPS_METRIC_F1, &scored, 1, &value);
    assert_true(value.value == 0);

    scored.predicted = p;
    scored.target = ones;

    /* the logarithm of 0 is that of 1e-15 */

    assert_int_equal(mlops_metric_losses(MLOPS_METRIC_LOG_LOSS, &scored,
                                         losses, &err), MLOPS_OK);
    assert_true(fabs(losses[0] - 34.538776394910684) < 1e-12);
    assert_true(fabs(losses[1] - 0.6931471805599453) < 1e-15);
    assert_true(losses[2] >= 0 && losses[2] < 1e-14);

    /* a constant target, scikit-learn's r2_score: 0, or 1 where it is hit */

    scored.classes_n = 0;
    measure(MLOPS_METRIC_R2, &scored, 1, &value);
    assert_true(value.value == 0);

    scored.predicted = ones;
    measure(MLOPS_METRIC_R2, &scored, 1, &value);
    assert_true(value.value == 1);

    scored.predicted = p;
    assert_int_equal(mlops_metric(MLOPS_METRIC_DEVIANCE, &scored, 1, &value,
                                  &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "predictions above 0"));

    scored.predicted = ones;
    scored.target = below;
    assert_int_equal(mlops_metric(MLOPS_METRIC_DEVIANCE, &scored, 1, &value,
                                  &err), MLOPS_ERROR);

    scored.n = 0;
    measure(MLOPS_METRIC_MSE, &scored, 1, &value);
    assert_true(isnan(value.value));

    assert_int_equal(mlops_metric_losses(MLOPS_METRIC_R2, &scored, losses,
                                         &err), MLOPS_ERROR);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_median),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_edges)
    };

    return unit_run(tests);
}
