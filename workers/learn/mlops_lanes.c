/*
 * The choice of a level, and sums without wide registers.
 */

#define MLOPS_LANES_WIDTH   2
#define MLOPS_LANES_TARGET
#define MLOPS_LANES_TABLE   mlops_lanes_portable

#include "mlops_lanes_run.h"
#include "mlops_simd.h"

#include <stdlib.h>
#include <string.h>


const mlops_lanes_t *
mlops_lanes(void)
{
#if (__x86_64__)

    switch (mlops_simd_level()) {

    case MLOPS_SIMD_AVX512:
        return &mlops_lanes_avx512;

    case MLOPS_SIMD_AVX2:
        return &mlops_lanes_avx2;
    }

#endif

    return &mlops_lanes_portable;
}


double *
mlops_lanes_alloc(size_t n, size_t stride)
{
    void    *p;
    size_t   size;

    if (__builtin_mul_overflow(n, stride, &size)
        || __builtin_mul_overflow(size, sizeof(double), &size))
    {
        return NULL;
    }

    size = size ? size : sizeof(double);

    if (posix_memalign(&p, 64, mlops_lanes_pad(size)) != 0) {
        return NULL;
    }

    memset(p, 0, size);

    return p;
}
