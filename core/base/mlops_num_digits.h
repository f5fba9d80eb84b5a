/*
 * Decimal digits by the word: for the number parsers.
 */

#ifndef MLOPS_NUM_DIGITS_H
#define MLOPS_NUM_DIGITS_H


#include "mlops_base.h"


/* Eight bytes, the first of them lowest. */

static inline uint64_t
mlops_load64(const char *p)
{
    uint64_t  x;

    memcpy(&x, p, sizeof(x));

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif

    return x;
}


/* The high bit of each of eight bytes that is no digit. */

static inline uint64_t
mlops_other_bytes(const char *p)
{
    uint64_t  x;

    x = mlops_load64(p) ^ 0x3030303030303030ull;
    x |= (x & 0x7f7f7f7f7f7f7f7full) + 0x7676767676767676ull;

    return x & 0x8080808080808080ull;
}


/* The value of the n digits at p, 1 <= n <= 8, of which 8 bytes are read:
 * zeros in front, then pairs, fours, eights. */

static inline uint64_t
mlops_digits_value(const char *p, int n)
{
    uint64_t  x;

    x = mlops_load64(p) ^ 0x3030303030303030ull;
    x <<= 64 - 8 * n;
    x = x * 10 + (x >> 8);

    return ((x & 0x000000ff000000ffull) * (100 + (1000000ull << 32))
            + ((x >> 16) & 0x000000ff000000ffull) * (1 + (10000ull << 32)))
           >> 32;
}


#endif /* MLOPS_NUM_DIGITS_H */
