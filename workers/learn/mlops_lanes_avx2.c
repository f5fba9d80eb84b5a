/*
 * Sums with AVX2.
 */

#if (__x86_64__)

#define MLOPS_LANES_WIDTH   4
#define MLOPS_LANES_TARGET  __attribute__((target("avx2")))
#define MLOPS_LANES_TABLE   mlops_lanes_avx2

#include "mlops_lanes_run.h"

#endif
