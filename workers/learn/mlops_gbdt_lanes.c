/*
 * Exponentials for gradients, eight rows at once.
 *
 *     exp(x) = 2^k exp(r), r = x - k ln 2, |r| <= ln 2 / 2
 *
 * with ln 2 in two parts (Cody and Waite, 1980) and the series of exp(r) to
 * degree 9: a relative error below 1e-11, where a gradient keeps 6e-8.
 * x is held within [-700, 700].
 *
 * The operations and their order are the same at each SIMD level, and each
 * is rounded as IEEE 754 says: so are the results.
 */

#include "mlops_gbdt_run.h"
#include "mlops_gbdt_lanes.h"
#include "mlops_simd.h"


/* In registers, and where they stand in arrays. */

typedef double     mlops_gbdt_v8d_t __attribute__((vector_size(64)));
typedef long long  mlops_gbdt_v8l_t __attribute__((vector_size(64)));
typedef float      mlops_gbdt_v8f_t __attribute__((vector_size(32)));

typedef double     mlops_gbdt_a8d_t
    __attribute__((vector_size(64), aligned(8), may_alias));
typedef float      mlops_gbdt_a8f_t
    __attribute__((vector_size(32), aligned(4), may_alias));


#define MLOPS_GBDT_ROUND   0x1.8p52         /* + and -: to a whole number */
#define MLOPS_GBDT_LOG2E   0x1.71547652b82fep0
#define MLOPS_GBDT_LN2_HI  0x1.62e42fee00000p-1
#define MLOPS_GBDT_LN2_LO  0x1.a39ef35793c76p-33

#define MLOPS_GBDT_EIGHT(x)  { x, x, x, x, x, x, x, x }

/* a where mask, else b */
#define MLOPS_GBDT_PICK(mask, a, b)                                           \
    ((mlops_gbdt_v8d_t) (((mask) & (mlops_gbdt_v8l_t) (a))                    \
                         | (~(mask) & (mlops_gbdt_v8l_t) (b))))

/* e = exp(v); v and k are spent. */

#define MLOPS_GBDT_EXP(e, v, k)                                               \
    do {                                                                      \
        const mlops_gbdt_v8d_t  hi_ = MLOPS_GBDT_EIGHT(700.0);                \
        const mlops_gbdt_v8d_t  lo_ = MLOPS_GBDT_EIGHT(-700.0);               \
        const mlops_gbdt_v8d_t  round_ = MLOPS_GBDT_EIGHT(MLOPS_GBDT_ROUND);  \
        mlops_gbdt_v8d_t        whole_;                                       \
                                                                              \
        k = (mlops_gbdt_v8l_t) (v > hi_);                                     \
        v = MLOPS_GBDT_PICK(k, hi_, v);                                       \
        k = (mlops_gbdt_v8l_t) (v < lo_);                                     \
        v = MLOPS_GBDT_PICK(k, lo_, v);                                       \
        whole_ = v * MLOPS_GBDT_LOG2E + round_;                               \
        k = (mlops_gbdt_v8l_t) whole_ - (mlops_gbdt_v8l_t) round_;            \
        whole_ -= round_;                                                     \
        v = v - whole_ * MLOPS_GBDT_LN2_HI;                                   \
        v = v - whole_ * MLOPS_GBDT_LN2_LO;                                   \
        e = v * (1.0 / 362880) + 1.0 / 40320;                                 \
        e = e * v + 1.0 / 5040;                                               \
        e = e * v + 1.0 / 720;                                                \
        e = e * v + 1.0 / 120;                                                \
        e = e * v + 1.0 / 24;                                                 \
        e = e * v + 1.0 / 6;                                                  \
        e = e * v + 0.5;                                                      \
        e = e * v + 1.0;                                                      \
        e = e * v + 1.0;                                                      \
        e = e * (mlops_gbdt_v8d_t) ((k + 1023) << 52);                        \
    } while (0)


#define MLOPS_GBDT_TARGET
#define MLOPS_GBDT_NAME(name)  name ## _portable
#include "mlops_gbdt_lanes_run.h"
#undef MLOPS_GBDT_TARGET
#undef MLOPS_GBDT_NAME

#if (__x86_64__)

#define MLOPS_GBDT_TARGET  __attribute__((target("avx2")))
#define MLOPS_GBDT_NAME(name)  name ## _avx2
#include "mlops_gbdt_lanes_run.h"
#undef MLOPS_GBDT_TARGET
#undef MLOPS_GBDT_NAME

#define MLOPS_GBDT_TARGET                                                     \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define MLOPS_GBDT_NAME(name)  name ## _avx512
#include "mlops_gbdt_lanes_run.h"
#undef MLOPS_GBDT_TARGET
#undef MLOPS_GBDT_NAME

#endif


static const mlops_gbdt_lanes_t  mlops_gbdt_lanes_of[] = {
    { mlops_gbdt_exp_portable, mlops_gbdt_logistic_portable },
#if (__x86_64__)
    { mlops_gbdt_exp_avx2, mlops_gbdt_logistic_avx2 },
    { mlops_gbdt_exp_avx512, mlops_gbdt_logistic_avx512 }
#endif
};


const mlops_gbdt_lanes_t *
mlops_gbdt_lanes(void)
{
    uint32_t  level;

    level = (uint32_t) mlops_simd_level();

    return &mlops_gbdt_lanes_of[level < mlops_nitems(mlops_gbdt_lanes_of)
                                ? level : 0];
}
