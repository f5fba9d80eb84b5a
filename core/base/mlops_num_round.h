/*
 * A decimal w * 10^q, rounded to a binary format (Lemire, "Number parsing at
 * a gigabyte per second", 2021; that it never is ambiguous for 64-bit w:
 * Mushtak and Lemire, "Fast number parsing without fallback", 2023).
 */

#ifndef MLOPS_NUM_ROUND_H
#define MLOPS_NUM_ROUND_H


#include "mlops_base.h"
#include "mlops_num_table.h"


/* A binary format, by the widths and limits its rounding needs. */

typedef struct {
    int  bits;              /* of the fraction */
    int  bias;
    int  exp_inf;           /* the biased exponent of an infinity */
    int  q_min;             /* 19 digits * 10^q below it round to 0 */
    int  q_max;             /* 1 * 10^q above it is infinite */
    int  tie_min;           /* only within these can 64 bits * 10^q lie */
    int  tie_max;           /*   exactly between two numbers */
} mlops_binary_t;


static const mlops_binary_t  mlops_binary64 = {
    52, 1023, 2047, -342, 308, -4, 23
};

static const mlops_binary_t  mlops_binary32 = {
    23, 127, 255, -65, 38, -17, 10
};


/*
 * w * 10^q rounded to the nearest, at a tie to the even one, as the bits of
 * the format without the sign.
 *
 * With w shifted up to its highest bit and the power's 128 bits T, the
 * product w * T has 191 or 192 bits, of which high:low are the first 128.
 * bits + 2 of them are kept (one to round by, one that the shift below may
 * lack); the second half of T matters only where the rest of high is all
 * ones and its carry could come through.
 */

static inline uint64_t
mlops_num_round(uint64_t w, int64_t q, const mlops_binary_t *f)
{
    int                lz, upper, shift, exp;
    uint64_t           high, low, carry, m;
    const uint64_t    *t;
    unsigned __int128  x;

    if (w == 0 || q < f->q_min) {
        return 0;
    }

    if (q > f->q_max) {
        return (uint64_t) f->exp_inf << f->bits;
    }

    lz = __builtin_clzll(w);
    w <<= lz;

    t = mlops_pow10_128[q - MLOPS_POW10_MIN];

    x = (unsigned __int128) w * t[0];
    high = (uint64_t) (x >> 64);
    low = (uint64_t) x;

    if (mlops_unlikely((~high & (UINT64_MAX >> (f->bits + 3))) == 0)) {
        x = (unsigned __int128) w * t[1];
        carry = (uint64_t) (x >> 64);
        low += carry;
        high += (low < carry);
    }

    upper = (int) (high >> 63);
    shift = upper + 64 - f->bits - 3;
    m = high >> shift;

    exp = mlops_log2_pow10((int) q) + 63 + upper - lz + f->bias;

    if (mlops_unlikely(exp <= 0)) {

        /* subnormal; no tie is possible this far down */

        if (1 - exp >= 64) {
            return 0;
        }

        m >>= 1 - exp;
        m = (m + (m & 1)) >> 1;

        return m;       /* a carry makes it the smallest normal number */
    }

    /* a tie above an even number must not be rounded up */

    if (mlops_unlikely(low <= 1 && (m & 3) == 1
                       && q >= f->tie_min && q <= f->tie_max
                       && (m << shift) == high))
    {
        m &= ~1ull;
    }

    m = (m + (m & 1)) >> 1;

    /* the hidden bit adds 1 to the exponent, and a carry out of m one more */

    m += (uint64_t) (exp - 1) << f->bits;

    if (mlops_unlikely(m >= (uint64_t) f->exp_inf << f->bits)) {
        m = (uint64_t) f->exp_inf << f->bits;
    }

    return m;
}


#endif /* MLOPS_NUM_ROUND_H */
