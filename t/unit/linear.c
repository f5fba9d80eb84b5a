/*
 * Least squares, ridge and the elastic net: against scikit-learn 1.9.1 (with
 * tol 1e-15 where it iterates), on twelve rows and on the public data of
 * three scenarios.
 */

#include "fits.h"
#include "mlops_frame.h"
#include "mlops_random.h"


#define ABC     "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"y\"]}"
#define LINEAR  "{\"kind\":\"affine\",\"fit\":\"linear\","
#define NET     "{\"kind\":\"affine\",\"fit\":\"elastic_net\","


static const double  toy_a[12] = {
    0.5, -1.25, 2, 3.5, -0.75, 1, 4.25, -2, 0, 1.5, 2.5, -3
};
static const double  toy_b[12] = {
    1000, 1100, 950, 1210, 1005, 990, 1300, 1020, 1111, 1001, 1234, 999
};
static const double  toy_c[12] = {
    1e-3, 5e-3, 2e-3, 8e-3, 7e-3, 1e-3, 0, 4e-3, 3e-3, 9e-3, 6e-3, 2e-3
};
static const double  toy_y[12] = {
    3.5, 1, 4.75, 9, 0.5, 3, 12.5, -2.25, 2, 4, 8, -4
};
static const double  toy_w[12] = {
    1, 2, 0.5, 0, 3, 1, 1, 0.25, 4, 1, 2, 0.75
};


static void
toy(fits_t *fits)
{
    fits_init(fits);
    fits_column(fits, "a", toy_a, 12);
    fits_column(fits, "b", toy_b, 12);
    fits_column(fits, "c", toy_c, 12);
    fits->matrix.target = toy_y;
}


/* Weights of all columns, then the intercept. */

static void
expect(fits_t *fits, const char *json, const double *expected,
    double relative)
{
    fits_well(fits, json);
    fits_list(fits_step(fits, 0), "weights", expected,
              fits->matrix.columns_n, relative);
    fits_near("bias", fits_at(fits_step(fits, 0), "bias", 0),
              expected[fits->matrix.columns_n], relative);
}


static void
test_squares(void **state)
{
    int      i;
    float    a[12];
    fits_t   fits;

    (void) state;

    toy(&fits);

    expect(&fits, LINEAR ABC,
           (double []) { 1.788938761378636, 0.009115910858991884,
                         -71.74640274198158, -7.257707145661149 }, 1e-11);

    /* the same values, half as wide */

    for (i = 0; i < 12; i++) {
        a[i] = (float) toy_a[i];
    }

    fits.columns[0].kind = MLOPS_MATRIX_FLOAT;
    fits.columns[0].data = a;
    expect(&fits, LINEAR ABC,
           (double []) { 1.788938761378636, 0.009115910858991884,
                         -71.74640274198158, -7.257707145661149 }, 1e-11);
    fits_near("r2", fits_at(fits.said, "r2", 0), 0.9882424261579486, 1e-12);

    expect(&fits, LINEAR "\"intercept\":false," ABC,
           (double []) { 1.9961373863102483, 0.002339656718103245,
                         -85.70706315416427, 0 }, 1e-11);

    fits.matrix.weight = toy_w;

    expect(&fits, LINEAR ABC,
           (double []) { 1.7918593429417964, 0.008771708114960504,
                         -8.24737332314112, -7.115572838571753 }, 1e-11);
    fits_near("r2", fits_at(fits.said, "r2", 0), 0.980136186158762, 1e-12);
    assert_true(fits_at(fits.said, "rows", 0) == 11);

    fits_done(&fits);
}


/* Ridge's alpha of scikit-learn is ours times the weights' sum. */

static void
test_ridge(void **state)
{
    fits_t  fits;

    (void) state;

    toy(&fits);

    expect(&fits, LINEAR "\"alpha\":0.5,\"intercept\":false," ABC,
           (double []) { 1.790717387782849, 0.0021774864263366766,
                         -0.0014892409012413372, 0 }, 1e-11);
    expect(&fits, LINEAR "\"alpha\":0.5,\"standardize\":true," ABC,
           (double []) { 1.1506833508297294, 0.011035862489230813,
                         -35.88654073280648, -9.029493920836053 }, 1e-11);

    fits.matrix.weight = toy_w;

    expect(&fits, LINEAR "\"alpha\":0.5," ABC,
           (double []) { 1.397456523706637, 0.013038433908043157,
                         -0.00032844576154608413, -11.64090687545807 },
           1e-11);

    fits_done(&fits);
}


static void
test_net(void **state)
{
    fits_t  fits;

    (void) state;

    toy(&fits);

    expect(&fits, NET "\"alpha\":0.5,\"l1_ratio\":0.3," ABC,
           (double []) { 1.5425380051152582, 0.011874103330975763, 0,
                         -10.344946131533979 }, 1e-11);
    expect(&fits, NET "\"alpha\":1e-4,\"l1_ratio\":0.9," ABC,
           (double []) { 1.7881415328845467, 0.009048081556530077,
                         -27.20856730583442, -7.362280843832172 }, 1e-9);
    expect(&fits, NET "\"alpha\":0.2,\"l1_ratio\":0.9,\"intercept\":false,"
           ABC, (double []) { 1.9491606299113506, 0.002058156390600781, 0,
                              0 }, 1e-11);
    expect(&fits, NET "\"alpha\":2,\"l1_ratio\":1," ABC,
           (double []) { 1.0834434074657666, 0.01711467430613941, 0,
                         -15.671666678909478 }, 1e-11);
    expect(&fits, NET "\"alpha\":0.5,\"l1_ratio\":0.3,\"standardize\":true,"
           ABC, (double []) { 1.2381713509118928, 0.010441822793851682,
                              -2.189608042449061, -8.58484691296244 },
           1e-11);

    /* so strong that nothing is left but the mean */

    expect(&fits, NET "\"alpha\":1e6," ABC,
           (double []) { 0, 0, 0, 3.5 }, 1e-14);

    fits.matrix.weight = toy_w;

    expect(&fits, NET "\"alpha\":0.5,\"l1_ratio\":0.3," ABC,
           (double []) { 1.4263896479808178, 0.012711999487402339, 0,
                         -11.296913533442499 }, 1e-11);

    fits_done(&fits);
}


static void
test_margin(void **state)
{
    fits_t                    fits;
    double                    out[2];
    static const char *const  cells[] = { "y", "m" };

    (void) state;

    toy(&fits);

    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"linear\","
              "\"margin\":[\"m\"]," ABC);
    fits_eval(&fits, cells, 2, (double []) { 1, 1000, 0 }, out);
    fits_near("y", out[0], 1.788938761378636 + 9.115910858991884
                           - 7.257707145661149, 1e-12);
    assert_true(out[0] == out[1]);

    fits_done(&fits);
}


/* A column that depends on those before it has weight 0 and is named; the
 * others are what they are without it. */

static void
test_collinear(void **state)
{
    int      i;
    fits_t   fits;
    double   twice[12], sum[12];

    (void) state;

    for (i = 0; i < 12; i++) {
        twice[i] = 2 * toy_b[i] + 3;
        sum[i] = toy_a[i] - toy_b[i];
    }

    fits_init(&fits);
    fits_column(&fits, "a", toy_a, 12);
    fits_column(&fits, "b", toy_b, 12);
    fits_column(&fits, "twice", twice, 12);
    fits_column(&fits, "sum", sum, 12);
    fits_column(&fits, "c", toy_c, 12);
    fits.matrix.target = toy_y;

    expect(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}",
           (double []) { 1.788938761378636, 0.009115910858991884, 0, 0,
                         -71.74640274198158, -7.257707145661149 }, 1e-11);
    assert_true(fits_at(fits.said, "rank", 0) == 3);
    assert_non_null(strstr(fits.report.data,
                           "\"dropped\":[\"twice\",\"sum\"]"));

    /* with a penalty nothing has to go */

    fits_well(&fits, LINEAR "\"alpha\":0.01,\"inputs\":[],"
              "\"outputs\":[\"y\"]}");
    assert_true(fits_at(fits.said, "rank", 0) == 5);

    fits_well(&fits, NET "\"alpha\":0.01,\"inputs\":[],"
              "\"outputs\":[\"y\"]}");
    assert_non_null(strstr(fits.report.data, "\"converged\":true"));

    fits_done(&fits);
}


static void
test_constant(void **state)
{
    int      i;
    fits_t   fits;
    double   same[12], seven[12];

    (void) state;

    for (i = 0; i < 12; i++) {
        same[i] = 0.1;
        seven[i] = 7;
    }

    fits_init(&fits);
    fits_column(&fits, "same", same, 12);
    fits_column(&fits, "a", toy_a, 12);
    fits_column(&fits, "b", toy_b, 12);
    fits_column(&fits, "c", toy_c, 12);
    fits.matrix.target = toy_y;

    expect(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}",
           (double []) { 0, 1.788938761378636, 0.009115910858991884,
                         -71.74640274198158, -7.257707145661149 }, 1e-11);
    assert_non_null(strstr(fits.report.data, "\"constant\":[\"same\"]"));

    fits.matrix.columns_n = 1;
    expect(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}",
           (double []) { 0, 3.5 }, 1e-15);

    fits.matrix.columns_n = 4;
    fits.matrix.target = seven;
    expect(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}",
           (double []) { 0, 0, 0, 0, 7 }, 1e-14);
    expect(&fits, NET "\"inputs\":[],\"outputs\":[\"y\"]}",
           (double []) { 0, 0, 0, 0, 7 }, 1e-14);

    fits_done(&fits);
}


/* Columns of 1e9 and of 1e-9, far from 0. */

static void
test_scale(void **state)
{
    int      i;
    fits_t   fits;
    double   a[12], b[12], c[12];

    (void) state;

    for (i = 0; i < 12; i++) {
        a[i] = 1e9 + 1024 * toy_a[i];
        b[i] = 0x1p30 * toy_b[i];
        c[i] = 0x1p-30 * toy_c[i];
    }

    fits_init(&fits);
    fits_column(&fits, "a", a, 12);
    fits_column(&fits, "b", b, 12);
    fits_column(&fits, "c", c, 12);
    fits.matrix.target = toy_y;

    expect(&fits, LINEAR ABC,
           (double []) { 1.788938761378636 / 1024,
                         0.009115910858991884 / 0x1p30,
                         -71.74640274198158 * 0x1p30,
                         -7.257707145661149 - 1.788938761378636 * 1e9
                                              / 1024 }, 1e-9);

    for (i = 0; i < 12; i++) {
        a[i] = 1e200 * toy_a[i];
    }

    fits_refused(&fits, LINEAR ABC, "inputs: \"a\" has values so large that "
                 "their squares are no numbers");

    fits_done(&fits);
}


static void
test_missing(void **state)
{
    fits_t   fits;
    double   a[12], c[12], y[12], zero[12] = { 0 };

    (void) state;

    memcpy(a, toy_a, sizeof(a));
    memcpy(c, toy_c, sizeof(c));
    memcpy(y, toy_y, sizeof(y));

    toy(&fits);
    fits.columns[0].data = a;
    fits.columns[2].data = c;
    fits.matrix.target = y;
    a[3] = NAN;
    y[3] = 1e6;
    c[3] = INFINITY;

    fits_refused(&fits, LINEAR ABC, "inputs: \"a\" is missing in 1 of 12 "
                 "training rows, first in row 4: put an impute step before");

    /* the row that has weight 0 in toy_w is the one left out here */

    fits_well(&fits, LINEAR "\"missing\":\"skip\"," ABC);
    assert_true(fits_at(fits.said, "missing_rows", 0) == 1);
    assert_true(fits_at(fits.said, "rows", 0) == 11);

    fits.matrix.weight = toy_w;
    expect(&fits, LINEAR ABC,
           (double []) { 1.7918593429417964, 0.008771708114960504,
                         -8.24737332314112, -7.115572838571753 }, 1e-11);

    fits.matrix.weight = NULL;
    a[3] = 0;
    fits_refused(&fits, LINEAR ABC, "\"c\" is infinite in 1 of 12 "
                 "training rows, first in row 4");

    fits.matrix.weight = zero;
    fits_refused(&fits, LINEAR ABC, "no training rows are left: of 12, 12 "
                 "have weight 0");

    fits_done(&fits);
}


/* Fewer rows than columns: as many weights as rows differ, all of them met
 * exactly; the lasso chooses. */

static void
test_wide(void **state)
{
    int       j;
    fits_t    fits;
    double    x[8][4], sum;
    uint64_t  seed;
    char      names[8][16];
    uint32_t  i, k;

    (void) state;

    fits_init(&fits);
    seed = 3;

    for (j = 0; j < 8; j++) {
        snprintf(names[j], sizeof(names[j]), "x%d", j);
        fits_column(&fits, names[j], x[j], 4);

        for (i = 0; i < 4; i++) {
            x[j][i] = (double) (unit_random(&seed) >> 40) / 1e6;
        }
    }

    fits.matrix.target = toy_y;

    fits_well(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}");
    assert_true(fits_at(fits.said, "rank", 0) == 3);

    for (i = 0; i < 4; i++) {
        sum = fits_at(fits_step(&fits, 0), "bias", 0);

        for (k = 0; k < 8; k++) {
            sum += fits_at(fits_step(&fits, 0), "weights", k) * x[k][i];
        }

        fits_near("fitted", sum, toy_y[i], 1e-9);
    }

    fits_well(&fits, NET "\"alpha\":0.01,\"l1_ratio\":1,\"inputs\":[],"
              "\"outputs\":[\"y\"]}");
    assert_true(fits_at(fits.said, "weights", 0) <= 3);
    assert_non_null(strstr(fits.report.data, "\"converged\":true"));

    fits_done(&fits);
}


static void
test_keys(void **state)
{
    fits_t  fits;

    (void) state;

    toy(&fits);

    fits_refused(&fits, LINEAR "\"alpha\":-1," ABC, "steps[0].alpha: expected "
                 "a number from 0 on, got -1");
    fits_refused(&fits, LINEAR "\"alfa\":1," ABC, "alpha");
    fits_refused(&fits, LINEAR "\"l1_ratio\":1," ABC, "l1_ratio");
    fits_refused(&fits, NET "\"l1_ratio\":2," ABC, "from 0 to 1");
    fits_refused(&fits, NET "\"l1_ratio\":0," ABC, "the fit \"linear\" is the "
                 "one without l1");
    fits_refused(&fits, LINEAR "\"missing\":\"drop\"," ABC, "\"skip\"");
    fits_refused(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\",\"z\"]}",
                 "outputs: expected 1, got 2");

    fits_done(&fits);
}


static void
test_levels(void **state)
{
    (void) state;

    fits_levels(800);
}


static void
test_level(void **state)
{
    double  *x;
    fits_t   fits;

    (void) state;

    x = malloc(1001 * 24 * sizeof(double));
    fits.matrix.target = fits_random(&fits, x, 1001, 23);

    fits_well(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}");
    fits_level(&fits);

    fits_well(&fits, NET "\"alpha\":0.01,\"inputs\":[],"
              "\"outputs\":[\"y\"]}");
    fits_level(&fits);

    fits_done(&fits);
    free(x);
}


/* Rows of a data set; columns of a frame as doubles. */

static int
open_data(mlops_frame_t *frame, const char *name, const mlops_str_t *header,
    uint32_t header_n)
{
    mlops_err_t              err;
    const char              *path;
    mlops_frame_options_t    options;
    static mlops_str_t       missing = mlops_str("?");

    path = unit_data(name);
    if (path == NULL) {
        return 0;
    }

    memset(&options, 0, sizeof(options));
    options.header = header;
    options.header_n = header_n;
    options.missing = &missing;
    options.missing_n = 1;

    unit_ok(mlops_frame_read(frame, path, &options, &err) == MLOPS_OK, "%s",
            err.text);

    return 1;
}


static const double *
column_of(const mlops_frame_t *frame, const char *text)
{
    int          i;
    mlops_str_t  name;

    name.data = text;
    name.len = strlen(text);
    i = mlops_frame_find(frame, &name);
    unit_ok(i >= 0 && frame->columns[i].view.kind == MLOPS_MATRIX_DOUBLE,
            "no column %s", text);

    return frame->columns[i].view.data;
}


static int
ascending(const void *one, const void *two)
{
    uint32_t  a, b;

    a = *(const uint32_t *) one;
    b = *(const uint32_t *) two;

    return (a > b) - (a < b);
}


/* The training rows of train_test_split(random_state=seed). */

static uint32_t *
training(uint32_t seed, uint32_t n, uint32_t test)
{
    uint32_t    *rows;
    mlops_mt_t   mt;

    rows = malloc(n * sizeof(uint32_t));
    mlops_mt_init(&mt, seed);
    mlops_mt_permutation(&mt, rows, n);
    memmove(rows, rows + test, (n - test) * sizeof(uint32_t));
    qsort(rows, n - test, sizeof(uint32_t), ascending);

    return rows;
}


static void
test_housing(void **state)
{
    double         *x[4];
    fits_t          fits;
    uint32_t       *rows, i, j;
    const double   *from[9];
    mlops_frame_t   frame;

    static const mlops_str_t  header[] = {
        mlops_str("longitude"), mlops_str("latitude"), mlops_str("age"),
        mlops_str("rooms"), mlops_str("bedrooms"), mlops_str("population"),
        mlops_str("households"), mlops_str("income"), mlops_str("value")
    };

    (void) state;

    if (!open_data(&frame, "cal_housing.data", header, 9)) {
        unit_skip("no cal_housing.data");
    }

    for (j = 0; j < 9; j++) {
        from[j] = column_of(&frame, header[j].data);
    }

    assert_int_equal(frame.rows_n, 20640);

    for (j = 0; j < 4; j++) {
        x[j] = malloc(20640 * sizeof(double));
    }

    for (i = 0; i < 20640; i++) {
        x[0][i] = from[3][i] / from[6][i];
        x[1][i] = from[4][i] / from[6][i];
        x[2][i] = from[5][i] / from[6][i];
        x[3][i] = from[8][i] / 100000;
    }

    rows = training(42, 20640, 4128);

    fits_init(&fits);
    fits_column(&fits, "income", from[7], 20640);
    fits_column(&fits, "age", from[2], 20640);
    fits_column(&fits, "rooms", x[0], 20640);
    fits_column(&fits, "bedrooms", x[1], 20640);
    fits_column(&fits, "population", from[5], 20640);
    fits_column(&fits, "occupancy", x[2], 20640);
    fits_column(&fits, "latitude", from[1], 20640);
    fits_column(&fits, "longitude", from[0], 20640);
    fits.matrix.target = x[3];
    fits.matrix.rows = rows;
    fits.matrix.n = 16512;

    expect(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}",
           (double []) { 0.44867490966572054, 0.009724257517905325,
                         -0.12332334282795979, 0.7831449067929754,
                         -2.029620580142709e-06, -0.0035263184871341413,
                         -0.41979248658835827, -0.43370806496398595,
                         -37.023277706063766 }, 1e-10);
    fits_near("r2", fits_at(fits.said, "r2", 0), 0.612551191397, 1e-11);

    fits_done(&fits);
    free(rows);
    mlops_frame_free(&frame);

    for (j = 0; j < 4; j++) {
        free(x[j]);
    }
}


/* Rows further than 2.5 sample deviations go, one column after the other. */

static uint32_t
within(const double *column, uint32_t *rows, uint32_t n)
{
    double    mean, square;
    uint32_t  i, k;

    for (i = 0, mean = 0; i < n; i++) {
        mean += column[rows[i]] / n;
    }

    for (i = 0, square = 0; i < n; i++) {
        square += (column[rows[i]] - mean) * (column[rows[i]] - mean);
    }

    for (i = 0, k = 0; i < n; i++) {
        if (fabs(column[rows[i]] - mean) <= 2.5 * sqrt(square / (n - 1))) {
            rows[k++] = rows[i];
        }
    }

    return k;
}


static void
test_mpg(void **state)
{
    double         *x[3];
    fits_t          fits;
    uint32_t        rows[400], i, j, n;
    const double   *w, *y, *hp;
    mlops_frame_t   frame;

    static const char *const  names[] = {
        "mpg", "cyl", "dpl", "hp", "wght", "acc", "year", "org"
    };
    static const uint32_t     left[] = {
        386, 386, 386, 376, 375, 368, 368, 368
    };

    (void) state;

    if (!open_data(&frame, "auto_mpg.csv", NULL, 0)) {
        unit_skip("no auto_mpg.csv");
    }

    hp = column_of(&frame, "hp");

    for (i = 0, n = 0; i < frame.rows_n; i++) {
        if (!isnan(hp[i])) {
            rows[n++] = i;
        }
    }

    assert_int_equal(n, 392);

    for (j = 0; j < 8; j++) {
        n = within(column_of(&frame, names[j]), rows, n);
        assert_int_equal(n, left[j]);
    }

    w = column_of(&frame, "wght");
    y = column_of(&frame, "year");

    for (j = 0; j < 3; j++) {
        x[j] = malloc(400 * sizeof(double));
    }

    for (i = 0; i < frame.rows_n; i++) {
        x[0][i] = w[i] * w[i];
        x[1][i] = w[i] * y[i];
        x[2][i] = y[i] * y[i];
    }

    fits_init(&fits);
    fits_column(&fits, "wght", w, 0);
    fits_column(&fits, "year", y, 0);
    fits_column(&fits, "wght^2", x[0], 0);
    fits_column(&fits, "wght year", x[1], 0);
    fits_column(&fits, "year^2", x[2], 0);
    fits.matrix.target = column_of(&frame, "mpg");
    fits.matrix.rows = rows;
    fits.matrix.n = n;

    expect(&fits, LINEAR "\"inputs\":[],\"outputs\":[\"y\"]}",
           (double []) { -0.011679612856445544, -7.060561163198998,
                         1.990763366502412e-06, -9.908094137825339e-05,
                         0.05334613191026808, 289.081052253733 }, 1e-9);
    fits_near("r2", fits_at(fits.said, "r2", 0), 0.871950173845, 1e-11);

    fits_done(&fits);
    mlops_frame_free(&frame);

    for (j = 0; j < 3; j++) {
        free(x[j]);
    }
}


/* scikit-learn stops at a gap of 1e-4; the exact solution is the one it has
 * with tol 1e-16. */

static void
test_wine(void **state)
{
    double         *target;
    fits_t          fits;
    uint32_t       *rows, i;
    mlops_frame_t   frame;

    static const double  exact[14] = {
        -0.08859256813243406, 0.030109533395428954, 0, 0.03325565874495717,
        -0.000897092008134005, 0, -0.270668615033481, 0, 0,
        0.09766022977458375, 0, -0.16580168126263342, -0.0009233430602539717,
        2.6241210124635446
    };
    static const double  sklearn[14] = {
        -0.08863790255072192, 0.03011475512515558, 0, 0.03325557143751862,
        -0.0008976694285090722, 0, -0.2706615068581815, 0, 0,
        0.09767337530832781, 0, -0.16578576215347524, -0.0009233061813583934,
        2.6246076236587284
    };

    (void) state;

    if (!open_data(&frame, "wine.data", NULL, 0)) {
        unit_skip("no wine.data");
    }

    assert_int_equal(frame.rows_n, 178);
    rows = training(40, 178, 45);
    target = malloc(178 * sizeof(double));

    for (i = 0; i < 178; i++) {
        target[i] = ((const double *) frame.columns[0].view.data)[i] - 1;
    }

    fits_init(&fits);
    fits.matrix.columns_n = 13;

    for (i = 0; i < 13; i++) {
        fits.columns[i] = frame.columns[i + 1].view;
    }

    fits.matrix.target = target;
    fits.matrix.rows = rows;
    fits.matrix.n = 133;

    expect(&fits, NET "\"alpha\":0.1,\"l1_ratio\":0.1,\"inputs\":[],"
           "\"outputs\":[\"y\"]}", exact, 1e-8);
    expect(&fits, NET "\"alpha\":0.1,\"l1_ratio\":0.1,\"inputs\":[],"
           "\"outputs\":[\"y\"]}", sklearn, 1e-3);

    fits_done(&fits);
    free(rows);
    free(target);
    mlops_frame_free(&frame);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_squares),
        cmocka_unit_test(test_ridge),
        cmocka_unit_test(test_net),
        cmocka_unit_test(test_margin),
        cmocka_unit_test(test_collinear),
        cmocka_unit_test(test_constant),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_wide),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_housing),
        cmocka_unit_test(test_mpg),
        cmocka_unit_test(test_wine)
    };

    const struct CMUnitTest  child[] = {
        cmocka_unit_test(test_level)
    };

    return fits_child() ? unit_run(child) : unit_run(tests);
}
