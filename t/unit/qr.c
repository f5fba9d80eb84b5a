/*
 * The triangle of tall matrices, against sums in long double: R'R = A'A.
 */

#include "unit.h"
#include "mlops_lanes.h"
#include "mlops_qr.h"
#include "mlops_simd.h"
#include "mlops_svd.h"

#include <math.h>


#define QR_COLUMNS  40


static double
qr_number(uint64_t *seed)
{
    return (double) (unit_random(seed) >> 12) * 0x1p-51 - 1;
}


/* Rows, row by row, into blocks of the given height. */

static void
qr_feed(mlops_qr_t *qr, const double *a, uint32_t rows, uint32_t n,
    uint32_t height)
{
    uint32_t  i, j, k, at;

    for (at = 0; at < rows; at += k) {
        k = rows - at < height ? rows - at : height;

        for (j = 0; j < n; j++) {
            for (i = 0; i < k; i++) {
                qr->block[(size_t) j * qr->height + i] = a[(at + i) * n + j];
            }
        }

        mlops_qr_add(qr, k);
    }
}


static void
qr_gram(const mlops_qr_t *qr, const double *a, uint32_t rows, uint32_t n)
{
    uint32_t     i, j, k;
    long double  expected, got, scale;

    for (i = 0; i < n; i++) {
        for (j = i; j < n; j++) {
            expected = 0;
            scale = 0;

            for (k = 0; k < rows; k++) {
                expected += (long double) a[k * n + i] * a[k * n + j];
                scale += fabsl((long double) a[k * n + i] * a[k * n + j]);
            }

            for (k = 0, got = 0; k <= i; k++) {
                got += (long double) qr->r[k * qr->stride + i]
                       * qr->r[k * qr->stride + j];
            }

            unit_ok(fabsl(got - expected) <= 1e-14L * scale, "%u x %u: "
                    "R'R[%u][%u] expected %.17Lg, got %.17Lg", rows, n, i, j,
                    expected, got);
        }

        for (k = 0; k < i; k++) {
            assert_true(qr->r[i * qr->stride + k] == 0);
        }
    }
}


static void
test_gram(void **state)
{
    double     *a;
    uint32_t    i, n;
    uint64_t    seed;
    mlops_qr_t  qr;

    static const uint32_t  rows[] = { 1, 3, 8, 65, 513, 1500 };

    (void) state;

    seed = 5;
    a = malloc(1500 * QR_COLUMNS * sizeof(double));

    for (i = 0; i < 1500 * QR_COLUMNS; i++) {
        a[i] = qr_number(&seed);
    }

    for (n = 1; n <= QR_COLUMNS; n += n < 10 ? 1 : 15) {
        assert_int_equal(mlops_qr_init(&qr, n), MLOPS_OK);

        for (i = 0; i < mlops_nitems(rows); i++) {
            mlops_qr_reset(&qr);
            qr_feed(&qr, a, rows[i], n, qr.height);
            qr_gram(&qr, a, rows[i], n);

            mlops_qr_reset(&qr);
            qr_feed(&qr, a, rows[i], n, 7);
            qr_gram(&qr, a, rows[i], n);
        }

        mlops_qr_free(&qr);
    }

    free(a);
}


/* Columns of very different length, and nearly dependent: weights of a known
 * line come back to what the condition leaves. */

static void
test_hilbert(void **state)
{
    double      a[200 * 7], x[6];
    uint8_t     dropped[6];
    uint32_t    i, j;
    mlops_qr_t  qr;

    (void) state;

    for (i = 0; i < 200; i++) {
        a[i * 7 + 6] = 0;

        for (j = 0; j < 6; j++) {
            a[i * 7 + j] = ldexp(1.0 / (i + j + 1), 20 * ((int) j - 3));
            a[i * 7 + 6] += ldexp(a[i * 7 + j], -20 * ((int) j - 3))
                            * (j + 1);
        }
    }

    assert_int_equal(mlops_qr_init(&qr, 7), MLOPS_OK);
    qr_feed(&qr, a, 200, 7, qr.height);
    assert_int_equal(mlops_qr_solve(&qr, x, dropped), 6);

    for (j = 0; j < 6; j++) {
        x[j] = ldexp(x[j], 20 * ((int) j - 3));
        unit_ok(fabs(x[j] - (j + 1)) < 1e-7, "x[%u] is %.12g", j, x[j]);
        assert_int_equal(dropped[j], 0);
    }

    mlops_qr_free(&qr);
}


/* Zero columns, repeated ones, fewer rows than columns. */

static void
test_rank(void **state)
{
    double      a[50 * 6], x[5];
    uint8_t     dropped[5];
    uint32_t    i;
    uint64_t    seed;
    mlops_qr_t  qr;

    (void) state;

    seed = 9;

    for (i = 0; i < 50; i++) {
        a[i * 6] = 0;
        a[i * 6 + 1] = qr_number(&seed);
        a[i * 6 + 2] = 3 * a[i * 6 + 1];
        a[i * 6 + 3] = qr_number(&seed);
        a[i * 6 + 4] = a[i * 6 + 3] - a[i * 6 + 1];
        a[i * 6 + 5] = 2 * a[i * 6 + 1] - 5 * a[i * 6 + 3];
    }

    assert_int_equal(mlops_qr_init(&qr, 6), MLOPS_OK);
    qr_feed(&qr, a, 50, 6, qr.height);
    assert_int_equal(mlops_qr_solve(&qr, x, dropped), 2);

    assert_true(dropped[0] && !dropped[1] && dropped[2] && !dropped[3]
                && dropped[4]);
    assert_true(x[0] == 0 && x[2] == 0 && x[4] == 0);
    unit_ok(fabs(x[1] - 2) < 1e-13 && fabs(x[3] + 5) < 1e-13, "%.17g %.17g",
            x[1], x[3]);

    mlops_qr_reset(&qr);
    qr_feed(&qr, a, 1, 6, qr.height);
    assert_int_equal(mlops_qr_solve(&qr, x, dropped), 1);
    assert_true(isfinite(x[1]) && x[3] == 0);

    mlops_qr_free(&qr);
}


/* A penalty as rows: (A'A + D) x = A'y - D b, of one column by hand. */

static void
test_diagonal(void **state)
{
    double      x, d, b;
    uint8_t     dropped;
    mlops_qr_t  qr;

    (void) state;

    d = 3;
    b = 0.5;

    assert_int_equal(mlops_qr_init(&qr, 2), MLOPS_OK);

    qr.block[0] = 1;
    qr.block[1] = 2;
    qr.block[qr.height] = 4;
    qr.block[qr.height + 1] = 6;
    mlops_qr_add(&qr, 2);
    mlops_qr_diagonal(&qr, NULL, 1, &d, &b);
    mlops_qr_solve(&qr, &x, &dropped);

    unit_ok(fabs(x - (16 - 1.5) / 8) < 1e-15, "%.17g", x);

    mlops_qr_free(&qr);
}


/* The levels' tables themselves, on numbers that round. */

static void
test_lanes(void **state)
{
    int                   level;
    double               *a, *b, *c, out[4], first[4];
    uint32_t              i, k;
    uint64_t              seed;
    const mlops_lanes_t  *tables[3];

    (void) state;

    tables[0] = &mlops_lanes_portable;
    tables[1] = &mlops_lanes_avx2;
    tables[2] = &mlops_lanes_avx512;

    a = mlops_lanes_alloc(4, 1000);
    b = mlops_lanes_alloc(1, 1000);
    c = mlops_lanes_alloc(3, 1000);
    seed = 17;

    for (i = 0; i < 4000; i++) {
        a[i] = qr_number(&seed);
    }

    for (level = 0; level <= mlops_simd_level(); level++) {
        seed = 23;

        for (i = 0; i < 1000; i++) {
            b[i] = qr_number(&seed);
        }

        tables[level]->dot4(out, a, 1000, b, 1000);

        for (k = 0; k < 4; k++) {
            assert_true(out[k] == tables[level]->dot(a + 1000 * k, b, 1000));
            first[k] = level ? first[k] : out[k];
            assert_true(out[k] == first[k]);
        }

        tables[level]->sub4(b, out, a, 1000, 1000);
        tables[level]->axpy(b, 0.1, a, 1000);
        memcpy(c + level * 1000, b, 1000 * sizeof(double));

        assert_memory_equal(c + level * 1000, c, 1000 * sizeof(double));
    }

    free(a);
    free(b);
    free(c);
}


/* A diagonal that was rotated by hand: [[3, 0], [4, 5]] has singular values
 * √45 and √5, right vectors (1, 1) / √2 and (1, -1) / √2. */

static void
test_svd(void **state)
{
    double  *a, s[2], v[4];

    (void) state;

    a = mlops_lanes_alloc(2, 8);
    a[0] = 3;
    a[1] = 4;
    a[9] = 5;

    assert_int_equal(mlops_svd(a, 2, 8, s, v), MLOPS_OK);

    unit_ok(fabs(s[0] - sqrt(45)) < 1e-14 && fabs(s[1] - sqrt(5)) < 1e-14,
            "%.17g %.17g", s[0], s[1]);
    unit_ok(fabs(v[0] - sqrt(0.5)) < 1e-15 && fabs(v[1] - sqrt(0.5)) < 1e-15
            && fabs(fabs(v[2]) - sqrt(0.5)) < 1e-15
            && fabs(v[2] + v[3]) < 1e-15, "%.17g %.17g %.17g %.17g", v[0],
            v[1], v[2], v[3]);

    a[0] = NAN;
    assert_int_equal(mlops_svd(a, 2, 8, s, v), MLOPS_AGAIN);

    free(a);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_gram),
        cmocka_unit_test(test_hilbert),
        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_diagonal),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_svd)
    };

    return unit_run(tests);
}
