/*
 * Logistic, multinomial and Poisson fits: numbers are those of scikit-learn
 * 1.9.1 with tol 1e-14 (newton-cholesky where there is no l1), those with l1
 * the roots of their conditions by scipy's fsolve.
 */

#include "fits.h"


#define AB           "\"inputs\":[\"a\",\"b\"],\"outputs\":[\"p\"]}"
#define LOGISTIC     "{\"kind\":\"model\",\"fit\":\"logistic\","
#define POISSON      "{\"kind\":\"model\",\"fit\":\"poisson\","
#define MULTINOMIAL  "{\"kind\":\"model\",\"fit\":\"multinomial\","
#define PQR          "\"inputs\":[\"a\",\"b\"],"                              \
                     "\"outputs\":[\"p\",\"q\",\"r\"]}"


static const double  glm_a[20] = {
    0.5, -1.25, 2, 3.5, -0.75, 1, 4.25, -2, 0, 1.5, 2.5, -3, -0.25, 0.75,
    1.25, -1.5, 2.25, 3, -2.5, 0.25
};
static const double  glm_b[20] = {
    1.000, 1.100, 0.950, 1.210, 1.005, 0.990, 1.300, 1.020, 1.111, 1.001,
    1.234, 0.999, 1.040, 1.090, 0.960, 1.200, 1.015, 0.995, 1.250, 1.075
};
static const double  glm_y[20] = {
    1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 0
};
static const double  glm_m[20] = {
    1, 0, 2, 1, 0, 0, 2, 0, 1, 2, 1, 0, 1, 2, 1, 2, 0, 1, 0, 2
};
static const double  glm_count[20] = {
    3, 0, 5, 9, 1, 2, 12, 0, 2, 4, 8, 0, 1, 3, 4, 2, 5, 6, 1, 2
};
static const double  glm_w[20] = {
    1, 2, 0.5, 0, 3, 1, 1, 0.25, 4, 1, 2, 0.75, 1, 1, 2, 1.5, 0.5, 1, 3, 1
};


static void
open(fits_t *fits, const double *target, uint32_t classes_n)
{
    static const mlops_str_t  names[] = {
        mlops_str("zero"), mlops_str("one"), mlops_str("two")
    };

    fits_init(fits);
    fits_column(fits, "a", glm_a, 20);
    fits_column(fits, "b", glm_b, 20);
    fits->matrix.target = target;
    fits->classes_n = classes_n;
    memcpy(fits->classes, names, sizeof(names));
}


/* Weights, then the intercepts. */

static void
expect(fits_t *fits, const char *json, const double *expected,
    uint32_t margins, double relative)
{
    uint32_t  n;

    n = margins * fits->matrix.columns_n;

    fits_well(fits, json);
    fits_list(fits_step(fits, 0), "weights", expected, n, relative);
    fits_list(fits_step(fits, 0), "bias", expected + n, margins, relative);

    unit_ok(strstr(fits->report.data, "\"converged\":true") != NULL, "%s\n"
            "%s", json, fits->report.data);
}


/* C of scikit-learn is 1 / (alpha Σw). */

static void
test_logistic(void **state)
{
    fits_t  fits;

    (void) state;

    open(&fits, glm_y, 2);

    expect(&fits, LOGISTIC AB,
           (double []) { 1.0343775277710632, 12.168824536270364,
                         -13.389431055089394 }, 1, 1e-11);
    expect(&fits, LOGISTIC "\"alpha\":0.025," AB,
           (double []) { 0.671274060035051, 0.4346566510652057,
                         -0.8534420648192551 }, 1, 1e-11);
    expect(&fits, LOGISTIC "\"alpha\":0.1,\"intercept\":false," AB,
           (double []) { 0.5631371070973, -0.17582918449707638, 0 }, 1,
           1e-11);
    expect(&fits, LOGISTIC "\"alpha\":0.125,\"l1_ratio\":1," AB,
           (double []) { 0.47388881543434497, 0, -0.2749072859829444 }, 1,
           1e-11);
    expect(&fits, LOGISTIC "\"alpha\":0.125,\"l1_ratio\":0.5," AB,
           (double []) { 0.5221419175935078, 0, -0.30347637374036385 }, 1,
           1e-11);

    fits.matrix.weight = glm_w;

    expect(&fits, LOGISTIC AB,
           (double []) { 1.919233189658678, 20.640068808295496,
                         -22.12075691733253 }, 1, 1e-11);

    fits_done(&fits);
}


static void
test_poisson(void **state)
{
    fits_t  fits;

    (void) state;

    open(&fits, glm_count, 0);

    expect(&fits, POISSON AB,
           (double []) { 0.44532774156839944, 0.46541634725456565,
                         0.11550125222600774 }, 1, 1e-11);
    expect(&fits, POISSON "\"alpha\":0.1," AB,
           (double []) { 0.45414203875087994, 0.14649726077143413,
                         0.4525043765505082 }, 1, 1e-11);
    expect(&fits, POISSON "\"alpha\":0.1,\"l1_ratio\":0.5," AB,
           (double []) { 0.4574981158451809, 0, 0.6083949757146084 }, 1,
           1e-11);

    fits.matrix.weight = glm_w;

    expect(&fits, POISSON "\"alpha\":0.1," AB,
           (double []) { 0.44313344379408415, 0.23001117085968706,
                         0.42537588018852096 }, 1, 1e-11);

    fits_done(&fits);
}


static void
test_multinomial(void **state)
{
    fits_t  fits;

    (void) state;

    open(&fits, glm_m, 3);

    /* lbfgs stops sooner than Newton's method */

    expect(&fits, MULTINOMIAL PQR,
           (double []) { -0.7583107247969536, -7.254988721630036,
                         0.4436747945053673, 2.4518306411635162,
                         0.31463593029156534, 4.803158080466608,
                         7.8629399264813795, -2.660416453231039,
                         -5.202523473250411 }, 3, 1e-7);
    expect(&fits, MULTINOMIAL "\"alpha\":0.05," PQR,
           (double []) { -0.4814068825123667, -0.15767242679883478,
                         0.29041308377483005, -0.005337063961413197,
                         0.19099379873753766, 0.1630094907602484,
                         0.33014440237522164, -0.06289155637873112,
                         -0.26725284599649063 }, 3, 1e-10);
    expect(&fits, MULTINOMIAL "\"alpha\":0.05,\"l1_ratio\":0.5," PQR,
           (double []) { -0.6354572755411155, 0, 0.08674684128262013, 0, 0,
                         0, 0.16185655487331874, -0.05994958289502808,
                         -0.10190697197829066 }, 3, 1e-10);

    fits.matrix.weight = glm_w;

    expect(&fits, MULTINOMIAL "\"alpha\":0.036363636363636362," PQR,
           (double []) { -0.6964456864769388, -0.24030909181256632,
                         0.3669362147339573, -0.011875513252945707,
                         0.3295094717429823, 0.25218460506551144,
                         0.2886874032606622, 0.2845071809966362,
                         -0.5731945842572984 }, 3, 1e-10);

    fits_done(&fits);
}


/* What the steps answer: probabilities and margins. */

static void
test_steps(void **state)
{
    fits_t        fits;
    double        out[6], z;
    const double  row[2] = { 0.5, 1.1 };

    static const char *const  two[] = { "p", "q", "m" };
    static const char *const  six[] = { "p", "q", "r", "u", "v", "w" };

    (void) state;

    open(&fits, glm_y, 2);

    fits_well(&fits, LOGISTIC "\"inputs\":[\"a\",\"b\"],"
              "\"outputs\":[\"p\",\"q\"],\"margin\":[\"m\"]}");
    fits_eval(&fits, two, 3, row, out);
    z = 1.0343775277710632 * row[0] + 12.168824536270364 * row[1]
        - 13.389431055089394;
    fits_near("p", out[0], 1 / (1 + exp(z)), 1e-11);
    fits_near("q", out[1], 1 / (1 + exp(-z)), 1e-11);
    fits_near("m", out[2], z, 1e-10);

    fits_well(&fits, LOGISTIC AB);
    fits_eval(&fits, two, 1, row, out);
    fits_near("one", out[0], 1 / (1 + exp(-z)), 1e-11);

    fits.matrix.target = glm_count;
    fits_well(&fits, POISSON AB);
    fits_eval(&fits, two, 1, row, out);
    fits_near("mean", out[0], exp(0.44532774156839944 * row[0]
              + 0.46541634725456565 * row[1] + 0.11550125222600774), 1e-11);

    fits.matrix.target = glm_m;
    fits.classes_n = 3;
    fits_well(&fits, MULTINOMIAL "\"alpha\":0.05,"
              "\"margin\":[\"u\",\"v\",\"w\"]," PQR);
    fits_eval(&fits, six, 6, row, out);
    fits_near("sum", out[0] + out[1] + out[2], 1, 1e-15);
    fits_near("ratio", out[0] / out[1], exp(out[3] - out[4]), 1e-14);
    fits_near("u", out[3], -0.4814068825123667 * row[0]
              - 0.15767242679883478 * row[1] + 0.33014440237522164, 1e-10);

    fits_done(&fits);
}


/* Separated classes: a remark, finite weights, and the right classes. */

static void
test_separable(void **state)
{
    int      i;
    fits_t   fits;
    double   y[20], zero[20] = { 0 };

    (void) state;

    for (i = 0; i < 20; i++) {
        y[i] = glm_a[i] > 0.6;
    }

    open(&fits, y, 2);

    fits_well(&fits, LOGISTIC AB);
    assert_non_null(strstr(fits.report.data, "\"separable\":true"));
    assert_true(fits_at(fits_step(&fits, 0), "weights", 0) > 10);
    assert_true(isfinite(fits_at(fits_step(&fits, 0), "bias", 0)));

    for (i = 0; i < 20; i++) {
        assert_true((fits_at(fits_step(&fits, 0), "weights", 0) * glm_a[i]
                     + fits_at(fits_step(&fits, 0), "weights", 1) * glm_b[i]
                     + fits_at(fits_step(&fits, 0), "bias", 0) > 0) == y[i]);
    }

    fits_well(&fits, LOGISTIC "\"alpha\":0.01," AB);
    assert_null(strstr(fits.report.data, "separable"));
    assert_non_null(strstr(fits.report.data, "\"converged\":true"));

    /* one class apart, two that are not: quasi-separated */

    for (i = 0; i < 20; i++) {
        y[i] = glm_a[i] > 2.4 ? 2 : glm_y[i];
    }

    fits.classes_n = 3;
    fits_well(&fits, MULTINOMIAL PQR);
    assert_non_null(strstr(fits.report.data, "\"separable\":true"));

    fits_refused(&fits, LOGISTIC AB, "the target has 3 classes, expected two");

    fits.classes_n = 1;
    fits.matrix.target = zero;
    fits_refused(&fits, LOGISTIC AB, "the target has 1 class in the training");

    fits.classes_n = 2;
    fits_refused(&fits, LOGISTIC AB, "class \"one\" has no training row");

    fits_refused(&fits, POISSON AB, "the target is 0 in all training rows");
    zero[3] = -1;
    fits_refused(&fits, POISSON AB, "expected 0 or more, got -1");

    fits_done(&fits);
}


/* Constant and collinear columns have weight 0; inputs far from 0. */

static void
test_columns(void **state)
{
    int      i;
    fits_t   fits;
    double   same[20], twice[20], far[20];

    (void) state;

    for (i = 0; i < 20; i++) {
        same[i] = 3;
        twice[i] = 1 - 2 * glm_a[i];
        far[i] = 1e9 + 1024 * glm_a[i];
    }

    fits_init(&fits);
    fits_column(&fits, "same", same, 20);
    fits_column(&fits, "a", glm_a, 20);
    fits_column(&fits, "b", glm_b, 20);
    fits_column(&fits, "twice", twice, 20);
    fits.matrix.target = glm_y;
    fits.classes_n = 2;

    expect(&fits, LOGISTIC "\"inputs\":[],\"outputs\":[\"p\"]}",
           (double []) { 0, 1.0343775277710632, 12.168824536270364, 0,
                         -13.389431055089394 }, 1, 1e-10);
    assert_non_null(strstr(fits.report.data, "\"dropped\":[\"twice\"]"));
    assert_non_null(strstr(fits.report.data, "\"constant\":[\"same\"]"));

    fits.matrix.target = glm_m;
    fits.classes_n = 3;
    expect(&fits, MULTINOMIAL "\"inputs\":[],\"outputs\":[\"p\",\"q\","
           "\"r\"]}",
           (double []) { 0, -0.7583107247969536, -7.254988721630036, 0,
                         0, 0.4436747945053673, 2.4518306411635162, 0,
                         0, 0.31463593029156534, 4.803158080466608, 0,
                         7.8629399264813795, -2.660416453231039,
                         -5.202523473250411 }, 3, 1e-7);

    fits.matrix.columns_n = 3;
    fits.columns[1].data = far;
    fits.matrix.target = glm_y;
    fits.classes_n = 2;
    expect(&fits, LOGISTIC "\"inputs\":[],\"outputs\":[\"p\"]}",
           (double []) { 0, 1.0343775277710632 / 1024, 12.168824536270364,
                         -13.389431055089394 - 1.0343775277710632 * 1e9
                                               / 1024 }, 1, 1e-9);

    /* nothing but the shares */

    fits.matrix.columns_n = 1;
    fits.matrix.weight = glm_w;
    expect(&fits, LOGISTIC "\"inputs\":[],\"outputs\":[\"p\"]}",
           (double []) { 0, log(14 / 13.5) }, 1, 1e-12);

    fits_done(&fits);
}


static void
test_levels(void **state)
{
    (void) state;

    fits_levels(2000);
}


static void
test_level(void **state)
{
    double    *x, *u, y[1001];
    fits_t     fits;
    uint32_t   i;

    static const mlops_str_t  names[] = {
        mlops_str("zero"), mlops_str("one"), mlops_str("two")
    };

    (void) state;

    x = malloc(1001 * 12 * sizeof(double));
    u = fits_random(&fits, x, 1001, 11);

    for (i = 0; i < 1001; i++) {
        y[i] = u[i] + x[i] - x[1001 + i] > 0;
    }

    memcpy(fits.classes, names, sizeof(names));
    fits.matrix.target = y;
    fits.classes_n = 2;

    fits_well(&fits, LOGISTIC "\"inputs\":[],\"outputs\":[\"p\"]}");
    fits_level(&fits);
    fits_well(&fits, LOGISTIC "\"alpha\":0.01,\"l1_ratio\":0.7,"
              "\"inputs\":[],\"outputs\":[\"p\"]}");
    fits_level(&fits);
    fits_well(&fits, POISSON "\"inputs\":[],\"outputs\":[\"p\"]}");
    fits_level(&fits);

    for (i = 0; i < 1001; i++) {
        y[i] += x[2002 + i] > 0.2;
    }

    fits.classes_n = 3;
    fits_well(&fits, MULTINOMIAL "\"alpha\":0.01," PQR);
    fits_level(&fits);
    fits_well(&fits, MULTINOMIAL "\"alpha\":0.02,\"l1_ratio\":0.5," PQR);
    fits_level(&fits);

    fits_done(&fits);
    free(x);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_logistic),
        cmocka_unit_test(test_poisson),
        cmocka_unit_test(test_multinomial),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_separable),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_levels)
    };
    const struct CMUnitTest  child[] = {
        cmocka_unit_test(test_level)
    };

    return fits_child() ? unit_run(child) : unit_run(tests);
}
