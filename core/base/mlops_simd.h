/*
 * What this processor can do.
 *
 * The environment variable MLOPS_SIMD (portable, avx2, avx512) lowers the
 * level for tests and comparisons; it never raises it.
 */

#ifndef MLOPS_SIMD_H
#define MLOPS_SIMD_H


#define MLOPS_SIMD_PORTABLE  0
#define MLOPS_SIMD_AVX2      1      /* and BMI1, BMI2 */
#define MLOPS_SIMD_AVX512    2      /* F, DQ, BW, VL */


/* Looked up once; safe to call at any time from any thread. */
int mlops_simd_level(void);
const char *mlops_simd_name(int level);


#endif /* MLOPS_SIMD_H */
