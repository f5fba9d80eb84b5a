/*
 * Isotonic and Platt calibration: numbers are those of scikit-learn 1.9.1;
 * lines of Platt, which that stops early, the roots of their conditions by
 * scipy's fsolve.
 */

#include "fits.h"


#define ISOTONIC  "{\"kind\":\"piecewise\",\"fit\":\"isotonic\","
#define PLATT     "{\"kind\":\"affine\",\"fit\":\"platt\","
#define XP        "\"inputs\":[\"x\"],\"outputs\":[\"p\"]}"


static const double  cal_x[15] = {
    0.1, 0.4, 0.35, 0.8, 0.65, 0.9, 0.2, 0.4, 0.55, 0.7, 0.15, 0.95, 0.5,
    0.35, 0.85
};
static const double  cal_f[15] = {
    -1.5, -0.2, -0.3, 1.7, 0.6, 2.2, -1.1, -0.2, 0.1, 0.9, -1.3, 3.1, 0.05,
    -0.3, 1.9
};
static const double  cal_y[15] = {
    0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 0, 0
};
static const double  cal_w[15] = {
    1, 2, 0.5, 1, 3, 1, 1, 0.25, 4, 1, 2, 0.75, 1, 1, 2
};
static const double  cal_class[15] = {
    0, 2, 1, 1, 0, 1, 0, 2, 1, 1, 2, 1, 0, 0, 2
};


static void
points(fits_t *fits, const char *json, const double *x, const double *y,
    uint32_t n)
{
    fits_well(fits, json);
    assert_int_equal(mlops_doc_get(fits_step(fits, 0), "x")->n, n);
    fits_list(fits_step(fits, 0), "x", x, n, 0);
    fits_list(fits_step(fits, 0), "y", y, n, 1e-15);
}


static void
test_isotonic(void **state)
{
    int                       i;
    fits_t                    fits;
    double                    y[15];
    static const double       rows[] = { 0, 0.37, 0.6, 0.83, 0.87, 1 };
    static const double       answers[] = {
        0, 0.4, 0.5, 0.6666666666666666, 0.8, 1
    };
    static const char *const  cells[] = { "p" };

    (void) state;

    fits_init(&fits);
    fits_column(&fits, "x", cal_x, 15);
    fits.matrix.target = cal_y;
    fits.classes_n = 2;

    points(&fits, ISOTONIC XP,
           (double []) { 0.1, 0.2, 0.35, 0.5, 0.55, 0.65, 0.7, 0.85, 0.9,
                         0.95 },
           (double []) { 0, 0, 0.4, 0.4, 0.5, 0.5, 0.6666666666666666,
                         0.6666666666666666, 1, 1 }, 10);

    for (i = 0; i < 6; i++) {
        fits_answer(&fits, cells, 1, &rows[i], &answers[i], 1e-14);
    }

    fits.matrix.weight = cal_w;
    points(&fits, ISOTONIC XP,
           (double []) { 0.1, 0.2, 0.35, 0.5, 0.55, 0.85, 0.9, 0.95 },
           (double []) { 0, 0, 0.15789473684210525, 0.15789473684210525,
                         0.5454545454545454, 0.5454545454545454, 1, 1 }, 8);

    /* of a number, descending */

    for (i = 0; i < 15; i++) {
        y[i] = -3 * cal_y[i] + cal_x[i];
    }

    fits.matrix.weight = NULL;
    fits.matrix.target = y;
    fits.classes_n = 0;
    points(&fits, ISOTONIC "\"increasing\":false," XP,
           (double []) { 0.1, 0.2, 0.35, 0.5, 0.55, 0.65, 0.7, 0.85, 0.9,
                         0.95 },
           (double []) { 0.15, 0.15, -0.8, -0.8, -0.9000000000000001,
                         -0.9000000000000001, -1.2166666666666666,
                         -1.2166666666666666, -2.075, -2.075 }, 10);

    fits_done(&fits);
}


/* One score alone, scores that are missing, none. */

static void
test_few(void **state)
{
    fits_t                    fits;
    double                    x[3] = { 0.5, NAN, 0.5 }, y[3] = { 1, 0, 0 };
    static const char *const  cells[] = { "p" };

    (void) state;

    fits_init(&fits);
    fits_column(&fits, "x", x, 3);
    fits.matrix.target = y;
    fits.classes_n = 2;

    points(&fits, ISOTONIC XP, (double []) { 0.5 }, (double []) { 0.5 }, 1);
    fits_answer(&fits, cells, 1, (double []) { 0.9 }, (double []) { 0.5 },
                0);

    fits_well(&fits, PLATT XP);
    fits_near("slope", fits_at(fits_step(&fits, 0), "weights", 0), 0, 0);
    fits_near("offset", fits_at(fits_step(&fits, 0), "bias", 0), 0, 1e-9);

    x[0] = NAN;
    x[2] = INFINITY;
    fits_refused(&fits, ISOTONIC XP, "of 3, 3 have no score \"x\"");

    fits.classes_n = 3;
    fits_refused(&fits, PLATT XP, "expected 3, one for each class, got 1");

    fits_done(&fits);
}


static void
test_platt(void **state)
{
    fits_t                    fits;
    double                    z;
    static const char *const  cells[] = { "p" };

    (void) state;

    fits_init(&fits);
    fits_column(&fits, "x", cal_f, 15);
    fits.matrix.target = cal_y;
    fits.classes_n = 2;

    fits_well(&fits, PLATT XP);
    fits_near("slope", fits_at(fits_step(&fits, 0), "weights", 0),
              0.6850428532789551, 1e-12);
    fits_near("offset", fits_at(fits_step(&fits, 0), "bias", 0),
              -0.3837283932693961, 1e-12);

    z = 1 / (1 + exp(-(0.6850428532789551 * 2 - 0.3837283932693961)));
    fits_answer(&fits, cells, 1, (double []) { 2 }, &z, 1e-12);

    fits.matrix.weight = cal_w;
    fits_well(&fits, PLATT XP);
    fits_near("slope", fits_at(fits_step(&fits, 0), "weights", 0),
              0.5853424470443592, 1e-12);
    fits_near("offset", fits_at(fits_step(&fits, 0), "bias", 0),
              -0.641136881822512, 1e-12);

    fits_done(&fits);
}


/* Three classes, each against the others, divided by their sum. */

static void
test_classes(void **state)
{
    int      i;
    fits_t   fits;
    double   s[3][15];

    static const char *const  cells[] = { "p", "q", "r" };

    (void) state;

    for (i = 0; i < 15; i++) {
        s[0][i] = 1 - cal_x[i];
        s[1][i] = cal_x[i] * cal_x[i] / 2;
        s[2][i] = 0.3 + (cal_x[i] - 0.5) * (cal_x[i] - 0.5);
    }

    fits_init(&fits);
    fits_column(&fits, "a", s[0], 15);
    fits_column(&fits, "b", s[1], 15);
    fits_column(&fits, "c", s[2], 15);
    fits.matrix.target = cal_class;
    fits.classes_n = 3;

    fits_well(&fits, ISOTONIC "\"inputs\":[\"a\",\"b\",\"c\"],"
              "\"outputs\":[\"p\",\"q\",\"r\"]}");
    fits_answer(&fits, cells, 3, (double []) { 0.6, 0.3, 0.33 },
                (double []) { 0.3037974683544304, 0.5063291139240506,
                              0.189873417721519 }, 1e-12);

    /* nothing speaks for any: equal shares */

    fits_answer(&fits, cells, 3, (double []) { 0.05, 0, 0.2 },
                (double []) { 1.0 / 3, 1.0 / 3, 1.0 / 3 }, 1e-12);

    fits_done(&fits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_isotonic),
        cmocka_unit_test(test_few),
        cmocka_unit_test(test_platt),
        cmocka_unit_test(test_classes)
    };

    return unit_run(tests);
}
