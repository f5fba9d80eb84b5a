/*
 * exp and log of online learning, in line: between the prediction of one
 * example and the next there is one of each, and their calls would cost as
 * much as they do.  From additions, multiplications and divisions alone, so
 * that the bits are the same everywhere; errors stay below 2 ulp.
 */

#ifndef MLOPS_ONLINE_MATH_H
#define MLOPS_ONLINE_MATH_H


#include <stdint.h>
#include <string.h>


#define MLOPS_ONLINE_LN2_HI  0x1.62e42fee00000p-1   /* its last 21 bits 0 */
#define MLOPS_ONLINE_LN2_LO  0x1.a39ef35793c76p-33
#define MLOPS_ONLINE_EXP_MAX  700.0


/* e^x for |x| <= 700; beyond, that of ±700.  x = k·ln 2 + r, and a Taylor
 * polynomial of r, |r| <= 0.35. */

static inline double
mlops_online_exp(double x)
{
    double    k, r, even, odd, z, scale;
    int64_t   bits;

    x = x > MLOPS_ONLINE_EXP_MAX ? MLOPS_ONLINE_EXP_MAX
        : x < -MLOPS_ONLINE_EXP_MAX ? -MLOPS_ONLINE_EXP_MAX : x;

    /* to the nearest integer, by the rounding of a sum */

    k = (x * 0x1.71547652b82fep0 + 0x1.8p52) - 0x1.8p52;
    r = (x - k * MLOPS_ONLINE_LN2_HI) - k * MLOPS_ONLINE_LN2_LO;
    z = r * r;

    even = 1.0 / 479001600;
    even = even * z + 1.0 / 3628800;
    even = even * z + 1.0 / 40320;
    even = even * z + 1.0 / 720;
    even = even * z + 1.0 / 24;
    even = even * z + 0.5;

    odd = 1.0 / 6227020800;
    odd = odd * z + 1.0 / 39916800;
    odd = odd * z + 1.0 / 362880;
    odd = odd * z + 1.0 / 5040;
    odd = odd * z + 1.0 / 120;
    odd = odd * z + 1.0 / 6;

    bits = ((int64_t) k + 1023) << 52;
    memcpy(&scale, &bits, sizeof(scale));

    return (1.0 + (r + (z * even + (r * z) * odd))) * scale;
}


/* 2·artanh(s) for |s| <= 1/3: the logarithm of (1 + s)/(1 - s). */

static inline double
mlops_online_artanh2(double s)
{
    int     i;
    double  z, sum;

    static const double  terms[] = {
        1.0 / 33, 1.0 / 31, 1.0 / 29, 1.0 / 27, 1.0 / 25, 1.0 / 23, 1.0 / 21,
        1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9, 1.0 / 7,
        1.0 / 5, 1.0 / 3
    };

    z = s * s;
    sum = terms[0];

    for (i = 1; i < 16; i++) {
        sum = sum * z + terms[i];
    }

    return 2 * (s + s * (z * sum));
}


/* log(1 + e) for 0 <= e <= 1. */

static inline double
mlops_online_log1p(double e)
{
    return mlops_online_artanh2(e / (2.0 + e));
}


/* log(x) for a normal x > 0. */

static inline double
mlops_online_log(double x)
{
    double   m;
    int64_t  bits, k;

    memcpy(&bits, &x, sizeof(bits));

    /* x = m·2^k, m from √½ on to below √2, but for a rounding */

    k = (bits - 0x3fe6a09e667f3bcdll) >> 52;
    bits -= k * (1ll << 52);
    memcpy(&m, &bits, sizeof(m));

    return (double) k * MLOPS_ONLINE_LN2_HI
           + (mlops_online_artanh2((m - 1.0) / (m + 1.0))
              + (double) k * MLOPS_ONLINE_LN2_LO);
}


#endif /* MLOPS_ONLINE_MATH_H */
