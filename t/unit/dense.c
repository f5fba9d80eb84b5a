/*
 * Dense kernels: every variant gives the bits of the sum written out, each
 * product rounded before it is added, inputs in their order.
 */

#include "unit.h"
#include "mlops_dense.h"
#include "mlops_simd.h"

#include <math.h>


static float
dense_number(uint64_t *state)
{
    uint64_t  r;

    r = unit_random(state);

    return ldexpf((float) (int32_t) (r >> 32) / 2147483648.0f,
                  (int) (r & 15) - 8);
}


static void *
dense_memory(size_t n)
{
    void  *p;

    p = aligned_alloc(64, mlops_align(n * sizeof(float), 64) + 64);

    if (p == NULL) {
        unit_note("no memory");
        abort();
    }

    memset(p, 0xff, mlops_align(n * sizeof(float), 64) + 64);

    return p;
}


/* volatile: the product is stored, so it cannot be fused into the sum. */

static float
dense_reference(const float *bias, const float *w, const float *x,
    uint32_t j, uint32_t k, uint32_t m_padded)
{
    uint32_t        i;
    volatile float  sum, product;

    sum = bias[j];

    for (i = 0; i < k; i++) {
        product = w[(size_t) i * m_padded + j] * x[i];
        sum = sum + product;
    }

    return sum;
}


static void
dense_compare(uint32_t k, uint32_t m, uint64_t seed, int special)
{
    int        level;
    float     *bias, *w, *x, *y, want;
    size_t     i;
    uint32_t   j, padded;
    uint64_t   state;

    state = seed * 2 + 1;
    padded = (uint32_t) mlops_dense_padded(m);

    bias = dense_memory(padded);
    w = dense_memory((size_t) k * padded);
    x = dense_memory(k);

    for (j = 0; j < padded; j++) {
        bias[j] = j < m ? dense_number(&state) : 0;
    }

    for (i = 0; i < (size_t) k * padded; i++) {
        w[i] = i % padded < m ? dense_number(&state) : 0;
    }

    for (j = 0; j < k; j++) {
        x[j] = dense_number(&state);
    }

    if (special && k > 2) {
        x[k / 2] = special == 1 ? NAN : special == 2 ? INFINITY : 1e-42f;
    }

    for (level = MLOPS_SIMD_PORTABLE; level <= mlops_simd_level(); level++) {
        y = dense_memory(padded);

        mlops_dense_kernel(level)(bias, w, x, y, k, padded);

        for (j = 0; j < padded; j++) {
            want = dense_reference(bias, w, x, j, k, padded);

            unit_ok(memcmp(&y[j], &want, sizeof(want)) == 0
                    || (isnan(y[j]) && isnan(want)),
                    "%s, %u inputs, %u outputs, output %u: want %a, got %a",
                    mlops_simd_name(level), k, m, j, want, y[j]);
        }

        free(y);
    }

    free(bias);
    free(w);
    free(x);
}


static void
test_sizes(void **state)
{
    uint32_t  k, m;

    static const uint32_t  inputs[] = { 0, 1, 2, 3, 8, 31, 64, 257 };
    static const uint32_t  outputs[] = {
        1, 2, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 96, 112, 127, 128, 129,
        200, 256, 300
    };

    (void) state;

    for (k = 0; k < mlops_nitems(inputs); k++) {
        for (m = 0; m < mlops_nitems(outputs); m++) {
            dense_compare(inputs[k], outputs[m], k * 100 + m, 0);
        }
    }
}


static void
test_special(void **state)
{
    int  special;

    (void) state;

    for (special = 1; special <= 3; special++) {
        dense_compare(20, 40, 5000 + (uint64_t) special, special);
    }
}


/*
 * By hand: 1 + 2^-12 squared is 1 + 2^-11 + 2^-24, rounded to 1 + 2^-11; a
 * fused multiply and add would leave 2^-24.
 */

static void
test_rounding(void **state)
{
    int     level;
    float  *bias, *w, *x, *y;

    (void) state;

    bias = dense_memory(16);
    w = dense_memory(16);
    x = dense_memory(1);
    y = dense_memory(16);

    memset(bias, 0, 16 * sizeof(float));
    memset(w, 0, 16 * sizeof(float));

    bias[0] = -(1 + ldexpf(1, -11));
    w[0] = 1 + ldexpf(1, -12);
    x[0] = w[0];

    for (level = MLOPS_SIMD_PORTABLE; level <= mlops_simd_level(); level++) {
        mlops_dense_kernel(level)(bias, w, x, y, 1, 16);

        unit_ok(y[0] == 0, "%s: got %a", mlops_simd_name(level), y[0]);
    }

    free(bias);
    free(w);
    free(x);
    free(y);
}


static void
test_levels(void **state)
{
    (void) state;

    assert_string_equal(mlops_simd_name(MLOPS_SIMD_PORTABLE), "portable");
    assert_string_equal(mlops_simd_name(MLOPS_SIMD_AVX2), "avx2");
    assert_string_equal(mlops_simd_name(MLOPS_SIMD_AVX512), "avx512");
    assert_string_equal(mlops_simd_name(7), "unknown");

    assert_true(mlops_simd_level() >= MLOPS_SIMD_PORTABLE);
    assert_true(mlops_simd_level() <= MLOPS_SIMD_AVX512);
    assert_int_equal(mlops_simd_level(), mlops_simd_level());
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_levels)
    };

    return unit_run(tests);
}
