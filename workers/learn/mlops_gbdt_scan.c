/*
 * The scan of a feature at each SIMD level, and the choice among them.
 */

#include "mlops_gbdt_scan.h"
#include "mlops_simd.h"


/* In registers, and where they stand in arrays. */

typedef double     mlops_gbdt_v8d_t __attribute__((vector_size(64)));
typedef long long  mlops_gbdt_v8l_t __attribute__((vector_size(64)));

typedef double     mlops_gbdt_a8d_t
    __attribute__((vector_size(64), aligned(8), may_alias));
typedef long long  mlops_gbdt_a8l_t
    __attribute__((vector_size(64), aligned(8), may_alias));


/* x = sign(x) max(|x| - by, 0) */

#define MLOPS_GBDT_SHRINK(x, by)                                              \
    x = (mlops_gbdt_v8d_t)                                                    \
        (((mlops_gbdt_v8l_t) (x > (by)) & (mlops_gbdt_v8l_t) (x - (by)))      \
         | ((mlops_gbdt_v8l_t) (x < -(by)) & (mlops_gbdt_v8l_t) (x + (by))))


#define MLOPS_GBDT_TARGET
#define MLOPS_GBDT_NAME(name)  name ## _portable
#include "mlops_gbdt_scan_run.h"
#undef MLOPS_GBDT_TARGET
#undef MLOPS_GBDT_NAME

#if (__x86_64__)

#define MLOPS_GBDT_TARGET  __attribute__((target("avx2")))
#define MLOPS_GBDT_NAME(name)  name ## _avx2
#include "mlops_gbdt_scan_run.h"
#undef MLOPS_GBDT_TARGET
#undef MLOPS_GBDT_NAME

#define MLOPS_GBDT_TARGET                                                     \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define MLOPS_GBDT_NAME(name)  name ## _avx512
#include "mlops_gbdt_scan_run.h"
#undef MLOPS_GBDT_TARGET
#undef MLOPS_GBDT_NAME

#endif


static const mlops_gbdt_scan_pt  mlops_gbdt_scanners[] = {
    mlops_gbdt_scan_portable,
#if (__x86_64__)
    mlops_gbdt_scan_avx2,
    mlops_gbdt_scan_avx512
#endif
};


mlops_gbdt_scan_pt
mlops_gbdt_scanner(void)
{
    uint32_t  level;

    level = (uint32_t) mlops_simd_level();

    return mlops_gbdt_scanners[level < mlops_nitems(mlops_gbdt_scanners)
                               ? level : 0];
}
