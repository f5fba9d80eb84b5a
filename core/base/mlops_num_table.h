/*
 * Powers of ten, shared by the number parser and the printer.
 *
 * mlops_pow10_128 holds, for q from MLOPS_POW10_MIN to MLOPS_POW10_MAX, the
 * first 128 bits of 10^q (high word, low word), the highest bit set:
 *
 *     10^q ~ high:low * 2^(floor(log2(10^q)) - 127)
 *
 * Entries for q < 0 are rounded up; those for q >= 0 are rounded down, and
 * exact up to MLOPS_POW10_EXACT (5^55 fits into 128 bits).
 */

#ifndef MLOPS_NUM_TABLE_H
#define MLOPS_NUM_TABLE_H


#include <stdint.h>


#define MLOPS_POW10_MIN    -342
#define MLOPS_POW10_MAX    324
#define MLOPS_POW10_EXACT  55
#define MLOPS_POW10_N      (MLOPS_POW10_MAX - MLOPS_POW10_MIN + 1)


extern const uint64_t  mlops_pow10_128[MLOPS_POW10_N][2];

/* 10^0 to 10^19, and those that a double holds exactly. */
extern const uint64_t  mlops_pow10_u64[20];
extern const double    mlops_pow10_double[23];

/* "00", "01", ... "99". */
extern const char      mlops_digit_pairs[201];


/* floor(q * log2(10)) for |q| <= 1232. */

static inline int
mlops_log2_pow10(int q)
{
    return (q * 1741647) >> 19;
}


/* How many digits x has; 0 for 0. */

static inline int
mlops_decimal_len(uint64_t x)
{
    int  n;

    n = ((64 - __builtin_clzll(x | 1)) * 1233) >> 12;

    return n + (x >= mlops_pow10_u64[n]);
}


#endif /* MLOPS_NUM_TABLE_H */
