/*
 * The SIMD level of this processor, and its lowering by MLOPS_SIMD.
 */

#include "mlops_simd.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>


static int mlops_simd_detect(void);


static const char *const  mlops_simd_names[] = {
    "portable", "avx2", "avx512"
};


int
mlops_simd_level(void)
{
    int                 level;
    static _Atomic int  known = -1;

    /* relaxed: every thread that finds -1 computes the same answer */

    level = atomic_load_explicit(&known, memory_order_relaxed);

    if (level < 0) {
        level = mlops_simd_detect();
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }

    return level;
}


const char *
mlops_simd_name(int level)
{
    if (level < MLOPS_SIMD_PORTABLE || level > MLOPS_SIMD_AVX512) {
        return "unknown";
    }

    return mlops_simd_names[level];
}


/* __builtin_cpu_supports also asks the kernel whether it saves the wide
 * registers. */

static int
mlops_simd_detect(void)
{
    int          level, limit;
    const char  *name;

    level = MLOPS_SIMD_PORTABLE;

#if (__x86_64__)

    __builtin_cpu_init();

    /* all processors with AVX2 have BMI, but not all virtual ones */

    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi")
        && __builtin_cpu_supports("bmi2"))
    {
        level = MLOPS_SIMD_AVX2;

        if (__builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512vl"))
        {
            level = MLOPS_SIMD_AVX512;
        }
    }

#endif

    name = getenv("MLOPS_SIMD");

    if (name == NULL) {
        return level;
    }

    for (limit = MLOPS_SIMD_PORTABLE; limit <= MLOPS_SIMD_AVX512; limit++) {
        if (strcmp(name, mlops_simd_names[limit]) == 0) {
            return limit < level ? limit : level;
        }
    }

    return level;
}
