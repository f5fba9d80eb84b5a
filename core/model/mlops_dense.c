/*
 * Dense layers: the kernels, portable and for AVX2 and AVX-512.
 *
 * A tile of outputs stays in registers while all inputs pass; weights stand
 * input by input, so that they stream.  Products are rounded before they are
 * added, in every variant: no fused multiply and add.
 */

#include "mlops_dense.h"
#include "mlops_simd.h"

#if (__x86_64__)
#include <immintrin.h>
#endif


#define MLOPS_DENSE_LANES  16


static void mlops_dense_portable(const float *bias, const float *w,
    const float *x, float *y, uint32_t k, uint32_t m_padded);

#if (__x86_64__)
static void mlops_dense_avx2(const float *bias, const float *w,
    const float *x, float *y, uint32_t k, uint32_t m_padded);
static void mlops_dense_avx512(const float *bias, const float *w,
    const float *x, float *y, uint32_t k, uint32_t m_padded);
#endif


mlops_dense_pt
mlops_dense_kernel(int simd)
{
#if (__x86_64__)

    if (simd >= MLOPS_SIMD_AVX512) {
        return mlops_dense_avx512;
    }

    if (simd >= MLOPS_SIMD_AVX2) {
        return mlops_dense_avx2;
    }

#endif

    (void) simd;

    return mlops_dense_portable;
}


static void
mlops_dense_portable(const float *bias, const float *w, const float *x,
    float *y, uint32_t k, uint32_t m_padded)
{
    float         acc[MLOPS_DENSE_LANES];
    uint32_t      i, j, l;
    const float  *row;

    for (j = 0; j < m_padded; j += MLOPS_DENSE_LANES) {
        memcpy(acc, bias + j, sizeof(acc));

        row = w + j;

        for (i = 0; i < k; i++) {
            for (l = 0; l < MLOPS_DENSE_LANES; l++) {
                acc[l] += row[l] * x[i];
            }

            row += m_padded;
        }

        memcpy(y + j, acc, sizeof(acc));
    }
}


#if (__x86_64__)

#define mlops_dense_target(isa)                                               \
    __attribute__((always_inline, target(isa))) static inline

/* Compilers unroll these loops at -O3 only, and an array that is indexed by a
 * variable lies in memory: five times slower than in registers. */
#define mlops_dense_unroll  _Pragma("GCC unroll 8")


/* n registers of outputs, n a constant. */

mlops_dense_target("avx2") void
mlops_dense_tile_avx2(const float *bias, const float *w, const float *x,
    float *y, uint32_t k, uint32_t m_padded, const int n)
{
    int       t;
    __m256    in, acc[8];
    uint32_t  i;

    mlops_dense_unroll
    for (t = 0; t < n; t++) {
        acc[t] = _mm256_loadu_ps(bias + 8 * t);
    }

    for (i = 0; i < k; i++) {
        in = _mm256_broadcast_ss(x + i);

        mlops_dense_unroll
        for (t = 0; t < n; t++) {
            acc[t] = _mm256_add_ps(acc[t],
                             _mm256_mul_ps(_mm256_loadu_ps(w + 8 * t), in));
        }

        w += m_padded;
    }

    mlops_dense_unroll
    for (t = 0; t < n; t++) {
        _mm256_storeu_ps(y + 8 * t, acc[t]);
    }
}


__attribute__((target("avx2"))) static void
mlops_dense_avx2(const float *bias, const float *w, const float *x,
    float *y, uint32_t k, uint32_t m_padded)
{
    uint32_t  j;

    for (j = 0; m_padded - j >= 64; j += 64) {
        mlops_dense_tile_avx2(bias + j, w + j, x, y + j, k, m_padded, 8);
    }

    if (m_padded - j >= 32) {
        mlops_dense_tile_avx2(bias + j, w + j, x, y + j, k, m_padded, 4);
        j += 32;
    }

    if (m_padded - j >= 16) {
        mlops_dense_tile_avx2(bias + j, w + j, x, y + j, k, m_padded, 2);
    }
}


mlops_dense_target("avx512f") void
mlops_dense_tile_avx512(const float *bias, const float *w, const float *x,
    float *y, uint32_t k, uint32_t m_padded, const int n)
{
    int       t;
    __m512    in, acc[8];
    uint32_t  i;

    mlops_dense_unroll
    for (t = 0; t < n; t++) {
        acc[t] = _mm512_loadu_ps(bias + 16 * t);
    }

    for (i = 0; i < k; i++) {
        in = _mm512_set1_ps(x[i]);

        mlops_dense_unroll
        for (t = 0; t < n; t++) {
            acc[t] = _mm512_add_ps(acc[t],
                            _mm512_mul_ps(_mm512_loadu_ps(w + 16 * t), in));
        }

        w += m_padded;
    }

    mlops_dense_unroll
    for (t = 0; t < n; t++) {
        _mm512_storeu_ps(y + 16 * t, acc[t]);
    }
}


/* What is left below 64 goes to the shorter registers: few chains of sums
 * wait for their additions, and those are quicker there on newer cores. */

__attribute__((target("avx512f"))) static void
mlops_dense_avx512(const float *bias, const float *w, const float *x,
    float *y, uint32_t k, uint32_t m_padded)
{
    uint32_t  j;

    for (j = 0; m_padded - j >= 128; j += 128) {
        mlops_dense_tile_avx512(bias + j, w + j, x, y + j, k, m_padded, 8);
    }

    if (m_padded - j >= 64) {
        mlops_dense_tile_avx512(bias + j, w + j, x, y + j, k, m_padded, 4);
        j += 64;
    }

    if (m_padded - j >= 32) {
        mlops_dense_tile_avx2(bias + j, w + j, x, y + j, k, m_padded, 4);
        j += 32;
    }

    if (m_padded - j >= 16) {
        mlops_dense_tile_avx2(bias + j, w + j, x, y + j, k, m_padded, 2);
    }
}

#endif
