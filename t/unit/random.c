/*
 * Random numbers against NumPy's RandomState (values from NumPy 2.4.6, which
 * keeps them since 1.0).
 */

#include "mlops_random.h"
#include "unit.h"

#include <math.h>


static void
test_words(void **state)
{
    int         i, j;
    mlops_mt_t  mt;

    /* RandomState(seed).randint(0, 2**32, dtype=uint32) */

    static const struct {
        uint32_t  seed;
        uint32_t  first[5];
    } v[] = {
        { 0, { 2357136044, 2546248239, 3071714933, 3626093760, 2588848963 } },
        { 1, { 1791095845, 4282876139, 3093770124, 4005303368, 491263 } },
        { 42, { 1608637542, 3421126067, 4083286876, 787846414, 3143890026 } },
        { 4294967295, { 419326371, 479346978, 3918654476, 2416749639,
                        3388880820 } }
    };

    (void) state;

    for (i = 0; i < (int) mlops_nitems(v); i++) {
        mlops_mt_init(&mt, v[i].seed);

        for (j = 0; j < 5; j++) {
            assert_int_equal(mlops_mt_next(&mt), v[i].first[j]);
        }
    }

    /* beyond three refills: the 1998th to 2000th */

    mlops_mt_init(&mt, 42);

    for (i = 0; i < 1997; i++) {
        (void) mlops_mt_next(&mt);
    }

    assert_int_equal(mlops_mt_next(&mt), 2965933624);
    assert_int_equal(mlops_mt_next(&mt), 1915580214);
    assert_int_equal(mlops_mt_next(&mt), 2238969328);
}


static void
test_doubles(void **state)
{
    mlops_mt_t  mt;

    (void) state;

    /* RandomState(seed).random_sample(3) */

    mlops_mt_init(&mt, 42);
    assert_true(mlops_mt_double(&mt) == 0x1.7f8771e5f51ecp-2);
    assert_true(mlops_mt_double(&mt) == 0x1.e6c4068bbd654p-1);
    assert_true(mlops_mt_double(&mt) == 0x1.76c7e8f1e6751p-1);

    mlops_mt_init(&mt, 1);
    assert_true(mlops_mt_double(&mt) == 0x1.ab07d0ffa3c06p-2);
    assert_true(mlops_mt_double(&mt) == 0x1.70ce5f3baf051p-1);
    assert_true(mlops_mt_double(&mt) == 0x1.dfb906661c000p-14);
}


static void
test_interval(void **state)
{
    int         i;
    uint64_t    max;
    mlops_mt_t  mt, raw;

    (void) state;

    mlops_mt_init(&mt, 3);
    raw = mt;

    assert_int_equal(mlops_mt_interval(&mt, 0), 0);
    assert_memory_equal(&mt, &raw, sizeof(mt));

    /* all 64 bits pass: the high word is drawn first */

    assert_true(mlops_mt_interval(&mt, UINT64_MAX)
                == ((uint64_t) mlops_mt_next(&raw) << 32
                    | mlops_mt_next(&raw)));

    for (max = 1; max != 0 && max < UINT64_MAX / 5; max *= 5) {
        for (i = 0; i < 200; i++) {
            assert_true(mlops_mt_interval(&mt, max) <= max);
        }
    }
}


static void
test_permutation(void **state)
{
    uint32_t    i, n, *out;
    uint64_t    sum;
    mlops_mt_t  mt;

    /* RandomState(seed).permutation(n): the first numbers and the sum
     * s = s * 1000003 + p modulo 2^64 over all */

    static const struct {
        uint32_t  seed, n;
        uint32_t  first[8];
        uint64_t  sum;
    } v[] = {
        { 42, 20640, { 20046, 3024, 15663, 20484, 9814, 13311, 7113, 7668 },
          0xe7ef91934137d4feull },
        { 40, 178, { 127, 5, 52, 145, 162, 69, 23, 115 },
          0x7426cfb4c4cd3eefull },
        { 7, 100000, { 33909, 92307, 89107, 9538, 31008, 71305, 71012,
                       62938 },
          0xe799d261d6fba25aull }
    };

    static const uint32_t  ten[] = { 8, 1, 5, 0, 7, 2, 9, 4, 3, 6 };

    (void) state;

    for (n = 0; n < mlops_nitems(v); n++) {
        out = malloc(v[n].n * sizeof(uint32_t));
        assert_non_null(out);

        mlops_mt_init(&mt, v[n].seed);
        mlops_mt_permutation(&mt, out, v[n].n);
        assert_memory_equal(out, v[n].first, sizeof(v[n].first));

        for (i = 0, sum = 0; i < v[n].n; i++) {
            sum = sum * 1000003 + out[i];
        }

        assert_true(sum == v[n].sum);
        free(out);
    }

    out = malloc(sizeof(ten));
    assert_non_null(out);

    mlops_mt_init(&mt, 42);
    mlops_mt_permutation(&mt, out, 10);
    assert_memory_equal(out, ten, sizeof(ten));

    mlops_mt_permutation(&mt, out, 0);
    mlops_mt_permutation(&mt, out, 1);
    assert_int_equal(out[0], 0);

    free(out);
}


/* A stream is SplitMix64 from a state that hangs on seed and stream, so its
 * numbers do not repeat, and streams and seeds do not look alike. */

static void
test_streams(void **state)
{
    int       i, j, ones;
    double    x, sum;
    uint64_t  a, b;

    (void) state;

    for (i = 0; i < 64; i++) {
        for (j = 0, ones = 0; j < 256; j++) {
            a = mlops_random_at((uint64_t) i, 0, (uint64_t) j);
            b = mlops_random_at((uint64_t) i, 1, (uint64_t) j);
            assert_true(a != b);
            ones += __builtin_popcountll(a ^ b);
        }

        /* 16384 fair coins: 64 is their deviation */

        unit_ok(abs(ones - 8192) < 6 * 64, "seed %d: %d ones", i, ones);
    }

    for (i = 0, sum = 0; i < 10000; i++) {
        x = mlops_random_double(9, 4, (uint64_t) i);
        assert_true(x >= 0 && x < 1);
        sum += x;
    }

    unit_ok(fabs(sum / 10000 - 0.5) < 6 * 0.00289, "mean %g", sum / 10000);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_interval),
        cmocka_unit_test(test_permutation),
        cmocka_unit_test(test_streams)
    };

    return unit_run(tests);
}
