/*
 * Sums with AVX-512.
 */

#if (__x86_64__)

#define MLOPS_LANES_WIDTH   8
#define MLOPS_LANES_TARGET                                                    \
    __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl")))
#define MLOPS_LANES_TABLE   mlops_lanes_avx512

#include "mlops_lanes_run.h"

#endif
