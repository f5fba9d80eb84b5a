/*
 * Least squares, ridge and the elastic net.
 */

#include "fits.h"


/* Twelve rows; the numbers are those of scikit-learn 1.9.1. */

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


static void
toy(fits_t *fits)
{
    fits_init(fits);
    fits_column(fits, "a", toy_a, 12);
    fits_column(fits, "b", toy_b, 12);
    fits_column(fits, "c", toy_c, 12);
    fits->matrix.target = toy_y;
}


static void
test_toy(void **state)
{
    fits_t  fits;

    (void) state;

    toy(&fits);
    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"linear\","
              "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"y\"]}");
    printf("# %.*s\n# %.*s\n", (int) fits.steps.len, fits.steps.data,
           (int) fits.report.len, fits.report.data);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"linear\",\"alpha\":0.5,"
              "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"y\"]}");
    printf("# %.*s\n# %.*s\n", (int) fits.steps.len, fits.steps.data,
           (int) fits.report.len, fits.report.data);
    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"elastic_net\","
              "\"alpha\":0.5,\"l1_ratio\":0.3,"
              "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"y\"]}");
    printf("# %.*s\n# %.*s\n", (int) fits.steps.len, fits.steps.data,
           (int) fits.report.len, fits.report.data);
    fits_done(&fits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_toy)
    };

    return unit_run(tests);
}
