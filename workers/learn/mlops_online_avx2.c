/*
 * FTRL-proximal and AdaGrad with AVX2: 8 features in a vector.
 *
 * Slots are fetched by loads of 8 bytes rather than by a gather, which is no
 * faster where it is fast and several times slower where the processor's
 * microcode guards it.  What an example adds goes back slot by slot, read
 * again just before, so that an index that is there twice gets both.
 *
 * Each operation is that of the portable code, on the same numbers in the
 * same order.  A last, partly filled vector is filled up with slot 0 and
 * value 0, which add 0 to the margin and are not stored.
 */

#include "mlops_online_inner.h"
#include "mlops_online_lanes.h"

#if (__x86_64__)

#include <immintrin.h>


#define mlops_online_target  __attribute__((target("avx2")))
#define mlops_online_inline                                                   \
    __attribute__((always_inline, target("avx2"))) static inline


static double mlops_online_ftrl_margin_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n);
static void mlops_online_ftrl_update_avx2(mlops_online_t *online,
    const float *value, uint32_t n, float g);
static double mlops_online_adagrad_margin_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n);
static void mlops_online_adagrad_update_avx2(mlops_online_t *online,
    const float *value, uint32_t n, float g);


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


/* From 8 - n on: n ones, then zeros. */

static const uint32_t  mlops_online_masks[] = {
    UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
    UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX,
    0, 0, 0, 0, 0, 0, 0, 0
};


typedef struct {
    __m256  a;
    __m256  n;
} mlops_online_pairs_t;


/* n of 8 are there. */

mlops_online_inline __m256i
mlops_online_part(uint32_t n)
{
    return _mm256_loadu_si256((const __m256i *)
                              &mlops_online_masks[MLOPS_ONLINE_LANES - n]);
}


mlops_online_inline __m256
mlops_online_values(const float *value, uint32_t n)
{
    return n < MLOPS_ONLINE_LANES
           ? _mm256_maskload_ps(value, mlops_online_part(n))
           : _mm256_loadu_ps(value);
}


mlops_online_inline __m128
mlops_online_two(const mlops_online_slot_t *table, uint32_t i, uint32_t j)
{
    __m128  two;

    two = _mm_loadl_pi(_mm_setzero_ps(), (const __m64 *) &table[i]);

    return _mm_loadh_pi(two, (const __m64 *) &table[j]);
}


/* Slots 0 1 4 5 and 2 3 6 7, then first and second numbers of all. */

mlops_online_inline mlops_online_pairs_t
mlops_online_fetch(const mlops_online_t *online, const uint32_t *index,
    uint32_t at, uint32_t n)
{
    __m256                      even, odd;
    __m256i                     slots;
    uint32_t                   *s;
    mlops_online_pairs_t        pairs;
    const mlops_online_slot_t  *table;

    slots = n < MLOPS_ONLINE_LANES
            ? _mm256_maskload_epi32((const int *) index, mlops_online_part(n))
            : _mm256_loadu_si256((const __m256i *) index);
    slots = _mm256_and_si256(slots, _mm256_set1_epi32((int) online->mask));

    s = online->scratch.slot + at;
    table = online->table;

    _mm256_store_si256((__m256i *) s, slots);

    even = _mm256_insertf128_ps(
               _mm256_castps128_ps256(mlops_online_two(table, s[0], s[1])),
               mlops_online_two(table, s[4], s[5]), 1);
    odd = _mm256_insertf128_ps(
              _mm256_castps128_ps256(mlops_online_two(table, s[2], s[3])),
              mlops_online_two(table, s[6], s[7]), 1);

    pairs.a = _mm256_shuffle_ps(even, odd, 0x88);
    pairs.n = _mm256_shuffle_ps(even, odd, 0xdd);

    return pairs;
}


mlops_online_inline void
mlops_online_add(mlops_online_slot_t *slot, __m128 what)
{
    __m64  *p;

    p = (__m64 *) slot;

    _mm_storel_pi(p, _mm_add_ps(_mm_loadl_pi(_mm_setzero_ps(), p), what));
}


/* The first n of 8. */

mlops_online_inline void
mlops_online_add_all(mlops_online_t *online, uint32_t at, __m256 a, __m256 n,
    uint32_t count)
{
    __m128                v[4];
    __m256                even, odd;
    uint32_t              i;
    const uint32_t       *s;
    mlops_online_slot_t  *table;

    even = _mm256_unpacklo_ps(a, n);
    odd = _mm256_unpackhi_ps(a, n);

    v[0] = _mm256_castps256_ps128(even);
    v[1] = _mm256_castps256_ps128(odd);
    v[2] = _mm256_extractf128_ps(even, 1);
    v[3] = _mm256_extractf128_ps(odd, 1);

    s = online->scratch.slot + at;
    table = online->table;

#pragma GCC unroll 4
    for (i = 0; i < MLOPS_ONLINE_LANES / 2; i++) {

        if (2 * i < count) {
            mlops_online_add(&table[s[2 * i]], v[i]);
        }

        if (2 * i + 1 < count) {
            mlops_online_add(&table[s[2 * i + 1]],
                             _mm_movehl_ps(v[i], v[i]));
        }
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
mlops_online_limited(__m256 step)
{
    step = _mm256_min_ps(step, _mm256_set1_ps((float) MLOPS_ONLINE_CLIP));

    return _mm256_max_ps(step, _mm256_set1_ps((float) -MLOPS_ONLINE_CLIP));
}


mlops_online_inline __m256
mlops_online_ftrl_weights(const mlops_online_rate_t *rate, __m256 z,
    __m256 root)
{
    __m256  sign, over, under, w;

    sign = _mm256_set1_ps(-0.0f);
    over = _mm256_sub_ps(_mm256_andnot_ps(sign, z),
                         _mm256_set1_ps(rate->l1));
    under = _mm256_add_ps(_mm256_set1_ps(rate->beta), root);
    under = _mm256_add_ps(_mm256_mul_ps(under,
                              _mm256_set1_ps(rate->inverse_alpha)),
                          _mm256_set1_ps(rate->l2));

    w = _mm256_div_ps(over, under);
    w = _mm256_xor_ps(w, _mm256_andnot_ps(z, sign));

    return _mm256_and_ps(w, _mm256_cmp_ps(over, _mm256_setzero_ps(),
                                          _CMP_GT_OQ));
}


mlops_online_inline void
mlops_online_ftrl_eight(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t at, uint32_t n, __m256d *lo, __m256d *hi)
{
    __m256                root, w;
    mlops_online_pairs_t  pairs;

    pairs = mlops_online_fetch(online, index + at, at, n);
    root = _mm256_sqrt_ps(pairs.n);
    w = mlops_online_ftrl_weights(&online->rate, pairs.a, root);

    _mm256_store_ps(online->scratch.n + at, pairs.n);
    _mm256_store_ps(online->scratch.root + at, root);
    _mm256_store_ps(online->scratch.w + at, w);

    mlops_online_sum(lo, hi, w, mlops_online_values(value + at, n));
}


mlops_online_target static double
mlops_online_ftrl_margin_avx2(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t n)
{
    __m256d               lo, hi;
    uint32_t              i;
    mlops_online_ahead_t  ahead;

    ahead = mlops_online_ahead(online);
    lo = _mm256_setzero_pd();
    hi = _mm256_setzero_pd();

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_ahead_four(&ahead, i);
        mlops_online_ftrl_eight(online, index, value, i, MLOPS_ONLINE_LANES,
                                &lo, &hi);
    }

    if (i < n) {
        mlops_online_ftrl_eight(online, index, value, i, n - i, &lo, &hi);
    }

    return mlops_online_folded(lo, hi);
}


mlops_online_inline void
mlops_online_ftrl_add(mlops_online_t *online, const float *value,
    uint32_t at, __m256 g, uint32_t count)
{
    __m256                         step, square, sigma;
    const mlops_online_scratch_t  *s;

    s = &online->scratch;

    step = _mm256_mul_ps(g, mlops_online_values(value + at, count));
    step = mlops_online_limited(step);
    square = _mm256_mul_ps(step, step);
    sigma = _mm256_add_ps(_mm256_load_ps(s->n + at), square);
    sigma = _mm256_sub_ps(_mm256_sqrt_ps(sigma),
                          _mm256_load_ps(s->root + at));
    sigma = _mm256_mul_ps(sigma, _mm256_set1_ps(online->rate.inverse_alpha));
    step = _mm256_sub_ps(step,
                         _mm256_mul_ps(sigma, _mm256_load_ps(s->w + at)));

    mlops_online_add_all(online, at, step, square, count);
}


mlops_online_target static void
mlops_online_ftrl_update_avx2(mlops_online_t *online, const float *value,
    uint32_t n, float g)
{
    __m256                all;
    uint32_t              i;
    mlops_online_ahead_t  ahead;

    ahead = mlops_online_ahead(online);
    all = _mm256_set1_ps(g);

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_ahead_four(&ahead, i + MLOPS_ONLINE_LANES / 2);
        mlops_online_ftrl_add(online, value, i, all, MLOPS_ONLINE_LANES);
    }

    mlops_online_ahead_rest(&ahead, i);

    if (i < n) {
        mlops_online_ftrl_add(online, value, i, all, n - i);
    }
}


mlops_online_inline void
mlops_online_adagrad_eight(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t at, uint32_t n, __m256d *lo, __m256d *hi)
{
    mlops_online_pairs_t  pairs;

    pairs = mlops_online_fetch(online, index + at, at, n);

    _mm256_store_ps(online->scratch.n + at, pairs.n);
    _mm256_store_ps(online->scratch.w + at, pairs.a);

    mlops_online_sum(lo, hi, pairs.a, mlops_online_values(value + at, n));
}


mlops_online_target static double
mlops_online_adagrad_margin_avx2(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n)
{
    __m256d               lo, hi;
    uint32_t              i;
    mlops_online_ahead_t  ahead;

    ahead = mlops_online_ahead(online);
    lo = _mm256_setzero_pd();
    hi = _mm256_setzero_pd();

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_ahead_four(&ahead, i);
        mlops_online_adagrad_eight(online, index, value, i,
                                   MLOPS_ONLINE_LANES, &lo, &hi);
    }

    if (i < n) {
        mlops_online_adagrad_eight(online, index, value, i, n - i, &lo, &hi);
    }

    return mlops_online_folded(lo, hi);
}


mlops_online_inline void
mlops_online_adagrad_add(mlops_online_t *online, const float *value,
    uint32_t at, __m256 g, uint32_t count)
{
    __m256                      step, square, n, w;
    const mlops_online_rate_t  *rate;

    rate = &online->rate;
    n = _mm256_load_ps(online->scratch.n + at);
    w = _mm256_load_ps(online->scratch.w + at);

    step = _mm256_mul_ps(g, mlops_online_values(value + at, count));
    step = _mm256_add_ps(step, _mm256_mul_ps(_mm256_set1_ps(rate->l2), w));
    step = mlops_online_limited(step);
    square = _mm256_mul_ps(step, step);

    n = _mm256_add_ps(_mm256_add_ps(n, square),
                      _mm256_set1_ps(rate->epsilon));
    step = _mm256_div_ps(_mm256_mul_ps(_mm256_set1_ps(rate->rate), step),
                         _mm256_sqrt_ps(n));

    mlops_online_add_all(online, at,
                         _mm256_xor_ps(step, _mm256_set1_ps(-0.0f)), square,
                         count);
}


mlops_online_target static void
mlops_online_adagrad_update_avx2(mlops_online_t *online, const float *value,
    uint32_t n, float g)
{
    __m256                all;
    uint32_t              i;
    mlops_online_ahead_t  ahead;

    ahead = mlops_online_ahead(online);
    all = _mm256_set1_ps(g);

    for (i = 0; i + MLOPS_ONLINE_LANES <= n; i += MLOPS_ONLINE_LANES) {
        mlops_online_ahead_four(&ahead, i + MLOPS_ONLINE_LANES / 2);
        mlops_online_adagrad_add(online, value, i, all, MLOPS_ONLINE_LANES);
    }

    mlops_online_ahead_rest(&ahead, i);

    if (i < n) {
        mlops_online_adagrad_add(online, value, i, all, n - i);
    }
}


#else

typedef int  mlops_online_avx2_unused_t;    /* a file declares something */

#endif
