/*
 * FTRL-proximal and AdaGrad with AVX2: 8 features in a vector.
 *
 * Slots are fetched by loads of 8 bytes rather than by a gather, which is no
 * faster where it is fast and several times slower where the processor's
 * microcode guards it.  What an example adds goes back slot by slot, read
 * again just before, so that an index that is there twice gets both.
 *
 * Each operation is that of the portable code, on the same numbers in the
 * same order; what a last, partly filled vector computes beside them is 0
 * and is not stored.
 */

#include "mlops_online_inner.h"
#include "mlops_online_lanes.h"

#if (__x86_64__)

#include <immintrin.h>


#define mlops_online_target  __attribute__((target("avx2")))
#define mlops_online_inline                                                   \
    __attribute__((always_inline, target("avx2"))) static inline


/* 8 features: theirs, or filled up with zeros. */

typedef struct {
    uint32_t  index[MLOPS_ONLINE_LANES];
    float     value[MLOPS_ONLINE_LANES];
} mlops_online_rest_t;


typedef struct {
    __m256  a;
    __m256  n;
} mlops_online_pairs_t;


static double mlops_online_ftrl_margin_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n,
    const mlops_example_t *ahead);
static void mlops_online_ftrl_update_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n, float g);
static double mlops_online_adagrad_margin_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n,
    const mlops_example_t *ahead);
static void mlops_online_adagrad_update_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n, float g);


const mlops_online_kernel_t  mlops_online_ftrl_avx2 = {
    mlops_online_ftrl_margin_avx2,
    mlops_online_ftrl_update_avx2,
    mlops_online_ftrl_weight
};

const mlops_online_kernel_t  mlops_online_adagrad_avx2 = {
    mlops_online_adagrad_margin_avx2,
    mlops_online_adagrad_update_avx2,
    mlops_online_adagrad_weight
};


mlops_online_inline __m128
mlops_online_two(const mlops_online_t *online, uint32_t i, uint32_t j)
{
    __m128  two;

    two = _mm_loadl_pi(_mm_setzero_ps(),
                       (const __m64 *) &online->table[i & online->mask]);

    return _mm_loadh_pi(two,
                        (const __m64 *) &online->table[j & online->mask]);
}


/* Slots 0 1 4 5 and 2 3 6 7, then first and second halves of all. */

mlops_online_inline mlops_online_pairs_t
mlops_online_fetch_eight(const mlops_online_t *online, const uint32_t *index)
{
    __m256                even, odd;
    mlops_online_pairs_t  pairs;

    even = _mm256_insertf128_ps(
               _mm256_castps128_ps256(mlops_online_two(online, index[0],
                                                       index[1])),
               mlops_online_two(online, index[4], index[5]), 1);
    odd = _mm256_insertf128_ps(
              _mm256_castps128_ps256(mlops_online_two(online, index[2],
                                                      index[3])),
              mlops_online_two(online, index[6], index[7]), 1);

    pairs.a = _mm256_shuffle_ps(even, odd, 0x88);
    pairs.n = _mm256_shuffle_ps(even, odd, 0xdd);

    return pairs;
}


mlops_online_inline void
mlops_online_add(mlops_online_t *online, uint32_t index, __m128 what,
    const int high)
{
    __m128  slot;
    __m64  *p;

    p = (__m64 *) &online->table[index & online->mask];
    slot = _mm_loadl_pi(_mm_setzero_ps(), p);
    slot = _mm_add_ps(slot, high ? _mm_movehl_ps(what, what) : what);

    _mm_storel_pi(p, slot);
}


/* The first count of 8; the loop is gone where count is known. */

mlops_online_inline void
mlops_online_add_all(mlops_online_t *online, const uint32_t *index,
    __m256 a, __m256 n, const uint32_t count)
{
    __m128    v[4];
    __m256    even, odd;
    uint32_t  i;

    even = _mm256_unpacklo_ps(a, n);
    odd = _mm256_unpackhi_ps(a, n);

    v[0] = _mm256_castps256_ps128(even);
    v[1] = _mm256_castps256_ps128(odd);
    v[2] = _mm256_extractf128_ps(even, 1);
    v[3] = _mm256_extractf128_ps(odd, 1);

#pragma GCC unroll 4
    for (i = 0; i < MLOPS_ONLINE_LANES / 2; i++) {

        if (2 * i < count) {
            mlops_online_add(online, index[2 * i], v[i], 0);
        }

        if (2 * i + 1 < count) {
            mlops_online_add(online, index[2 * i + 1], v[i], 1);
        }
    }
}


mlops_online_inline void
mlops_online_fill(mlops_online_rest_t *rest, const uint32_t *index,
    const float *value, uint32_t n)
{
    uint32_t  i;

    memset(rest, 0, sizeof(mlops_online_rest_t));

    for (i = 0; i < n; i++) {
        rest->index[i] = index[i];
        rest->value[i] = value[i];
    }
}


mlops_online_inline void
mlops_online_sum(__m256d *lo, __m256d *hi, __m256 w, __m256 x)
{
    *lo = _mm256_add_pd(*lo,
              _mm256_mul_pd(_mm256_cvtps_pd(_mm256_castps256_ps128(w)),
                            _mm256_cvtps_pd(_mm256_castps256_ps128(x))));
    *hi = _mm256_add_pd(*hi,
              _mm256_mul_pd(_mm256_cvtps_pd(_mm256_extractf128_ps(w, 1)),
                            _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1))));
}


mlops_online_inline double
mlops_online_folded(__m256d lo, __m256d hi)
{
    double  lanes[MLOPS_ONLINE_LANES];

    _mm256_storeu_pd(lanes, lo);
    _mm256_storeu_pd(lanes + 4, hi);

    return mlops_online_fold(lanes);
}


mlops_online_inline __m256
mlops_online_step(__m256 step)
{
    step = _mm256_min_ps(step, _mm256_set1_ps((float) MLOPS_ONLINE_CLIP));

    return _mm256_max_ps(step, _mm256_set1_ps((float) -MLOPS_ONLINE_CLIP));
}


mlops_online_inline __m256
mlops_online_ftrl_weights(const mlops_online_rate_t *rate,
    mlops_online_pairs_t pairs)
{
    __m256  sign, over, under, w;

    sign = _mm256_set1_ps(-0.0f);
    over = _mm256_sub_ps(_mm256_andnot_ps(sign, pairs.a),
                         _mm256_set1_ps(rate->l1));
    under = _mm256_add_ps(_mm256_set1_ps(rate->beta),
                          _mm256_sqrt_ps(pairs.n));
    under = _mm256_add_ps(_mm256_mul_ps(under,
                              _mm256_set1_ps(rate->inverse_alpha)),
                          _mm256_set1_ps(rate->l2));

    w = _mm256_div_ps(over, under);
    w = _mm256_xor_ps(w, _mm256_andnot_ps(pairs.a, sign));

    return _mm256_and_ps(w, _mm256_cmp_ps(over, _mm256_setzero_ps(),
                                          _CMP_GT_OQ));
}


mlops_online_inline void
mlops_online_ftrl_eight(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t at, __m256d *lo, __m256d *hi)
{
    __m256                w;
    mlops_online_pairs_t  pairs;

    pairs = mlops_online_fetch_eight(online, index);
    w = mlops_online_ftrl_weights(&online->rate, pairs);

    _mm256_store_ps(online->scratch.n + at, pairs.n);
    _mm256_store_ps(online->scratch.w + at, w);

    mlops_online_sum(lo, hi, w, _mm256_loadu_ps(value));
}


mlops_online_target static double
mlops_online_ftrl_margin_avx2(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t n, const mlops_example_t *ahead)
{
    __m256d              lo, hi;
    uint32_t             i;
    mlops_online_rest_t  rest;

    lo = _mm256_setzero_pd();
    hi = _mm256_setzero_pd();

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_ahead(online, ahead, i, i + MLOPS_ONLINE_LANES);
        mlops_online_ftrl_eight(online, index + i, value + i, i, &lo, &hi);
    }

    mlops_online_ahead(online, ahead, i, UINT32_MAX);

    if (i < n) {
        mlops_online_fill(&rest, index + i, value + i, n - i);
        mlops_online_ftrl_eight(online, rest.index, rest.value, i, &lo, &hi);
    }

    return mlops_online_folded(lo, hi);
}


mlops_online_inline void
mlops_online_ftrl_add(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t at, __m256 g, const uint32_t count)
{
    __m256  step, square, sigma, n, w;

    n = _mm256_load_ps(online->scratch.n + at);
    w = _mm256_load_ps(online->scratch.w + at);

    step = mlops_online_step(_mm256_mul_ps(g, _mm256_loadu_ps(value)));
    square = _mm256_mul_ps(step, step);
    sigma = _mm256_sub_ps(_mm256_sqrt_ps(_mm256_add_ps(n, square)),
                          _mm256_sqrt_ps(n));
    sigma = _mm256_mul_ps(sigma, _mm256_set1_ps(online->rate.inverse_alpha));
    step = _mm256_sub_ps(step, _mm256_mul_ps(sigma, w));

    mlops_online_add_all(online, index, step, square, count);
}


mlops_online_target static void
mlops_online_ftrl_update_avx2(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t n, float g)
{
    __m256               all;
    uint32_t             i;
    mlops_online_rest_t  rest;

    all = _mm256_set1_ps(g);

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_ftrl_add(online, index + i, value + i, i, all,
                              MLOPS_ONLINE_LANES);
    }

    if (i < n) {
        mlops_online_fill(&rest, index + i, value + i, n - i);
        mlops_online_ftrl_add(online, rest.index, rest.value, i, all, n - i);
    }
}


mlops_online_inline void
mlops_online_adagrad_eight(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t at, __m256d *lo, __m256d *hi)
{
    mlops_online_pairs_t  pairs;

    pairs = mlops_online_fetch_eight(online, index);

    _mm256_store_ps(online->scratch.n + at, pairs.n);
    _mm256_store_ps(online->scratch.w + at, pairs.a);

    mlops_online_sum(lo, hi, pairs.a, _mm256_loadu_ps(value));
}


mlops_online_target static double
mlops_online_adagrad_margin_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n,
    const mlops_example_t *ahead)
{
    __m256d              lo, hi;
    uint32_t             i;
    mlops_online_rest_t  rest;

    lo = _mm256_setzero_pd();
    hi = _mm256_setzero_pd();

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_ahead(online, ahead, i, i + MLOPS_ONLINE_LANES);
        mlops_online_adagrad_eight(online, index + i, value + i, i, &lo,
                                   &hi);
    }

    mlops_online_ahead(online, ahead, i, UINT32_MAX);

    if (i < n) {
        mlops_online_fill(&rest, index + i, value + i, n - i);
        mlops_online_adagrad_eight(online, rest.index, rest.value, i, &lo,
                                   &hi);
    }

    return mlops_online_folded(lo, hi);
}


mlops_online_inline void
mlops_online_adagrad_add(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t at, __m256 g, const uint32_t count)
{
    __m256                      step, square, n, w;
    const mlops_online_rate_t  *rate;

    rate = &online->rate;
    n = _mm256_load_ps(online->scratch.n + at);
    w = _mm256_load_ps(online->scratch.w + at);

    step = _mm256_add_ps(_mm256_mul_ps(g, _mm256_loadu_ps(value)),
                         _mm256_mul_ps(_mm256_set1_ps(rate->l2), w));
    step = mlops_online_step(step);
    square = _mm256_mul_ps(step, step);

    n = _mm256_add_ps(_mm256_add_ps(n, square),
                      _mm256_set1_ps(rate->epsilon));
    step = _mm256_div_ps(_mm256_mul_ps(_mm256_set1_ps(rate->rate), step),
                         _mm256_sqrt_ps(n));

    mlops_online_add_all(online, index,
                         _mm256_xor_ps(step, _mm256_set1_ps(-0.0f)), square,
                         count);
}


mlops_online_target static void
mlops_online_adagrad_update_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n, float g)
{
    __m256               all;
    uint32_t             i;
    mlops_online_rest_t  rest;

    all = _mm256_set1_ps(g);

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_adagrad_add(online, index + i, value + i, i, all,
                                 MLOPS_ONLINE_LANES);
    }

    if (i < n) {
        mlops_online_fill(&rest, index + i, value + i, n - i);
        mlops_online_adagrad_add(online, rest.index, rest.value, i, all,
                                 n - i);
    }
}


#else

typedef int  mlops_online_avx2_unused_t;    /* a file declares something */

#endif
