/*
 * sin and cos.
 *
 * x = n pi/2 + y, |y| <= pi/4, y as two.  Up to 2^20 pi/2 is subtracted in
 * four parts, three of which have 33 bits, so that n times one is exact (Cody
 * and Waite); beyond, the bits of 2/pi that matter are multiplied as integers
 * (Payne and Hanek, "Radian reduction for trigonometric functions", 1983).
 */

#include "mlops_math_core.h"


static mlops_two_t mlops_trig_reduce(double x, unsigned *quadrant);
static mlops_two_t mlops_trig_large(double x, unsigned *quadrant);
static double mlops_trig_sin(mlops_two_t y);
static double mlops_trig_cos(mlops_two_t y);


double
mlops_sin(double x)
{
    double       v;
    unsigned     quadrant;
    mlops_two_t  y;

    if (mlops_magnitude(x) < 0x1p-27) {
        return x;
    }

    if (!(mlops_magnitude(x) < __builtin_inf())) {
        return (x != x) ? x + x : __builtin_nan("");
    }

    y = mlops_trig_reduce(x, &quadrant);
    v = (quadrant & 1) ? mlops_trig_cos(y) : mlops_trig_sin(y);

    return (quadrant & 2) ? -v : v;
}


double
mlops_cos(double x)
{
    double       v;
    unsigned     quadrant;
    mlops_two_t  y;

    if (!(mlops_magnitude(x) < __builtin_inf())) {
        return (x != x) ? x + x : __builtin_nan("");
    }

    y = mlops_trig_reduce(x, &quadrant);
    v = (quadrant & 1) ? mlops_trig_sin(y) : mlops_trig_cos(y);

    return ((quadrant + 1) & 2) ? -v : v;
}


static mlops_two_t
mlops_trig_reduce(double x, unsigned *quadrant)
{
    double       n, bits;
    mlops_two_t  y, a, b;

    if (mlops_magnitude(x) <= 0.785) {
        *quadrant = 0;
        y.high = x;
        y.low = 0;

        return y;
    }

    if (mlops_magnitude(x) > 0x1p20) {
        return mlops_trig_large(x, quadrant);
    }

    bits = x * 0x1.45f306dc9c883p-1 + 0x1.8p52;
    *quadrant = (unsigned) mlops_bits(bits) & 3;
    n = bits - 0x1.8p52;

    a = mlops_two_sum(x - n * 0x1.921fb54400000p+0,
                      -(n * 0x1.0b4611a600000p-34));
    b = mlops_two_sum(a.high, -(n * 0x1.3198a2e000000p-69));
    b.low += a.low - n * 0x1.b839a252049c1p-104;

    return mlops_two_fast(b.high, b.low);
}


/*
 * |x| = m 2^e with m below 2^53, e above -33.  Bits of 2/pi that weigh more
 * than 2^-(e - 2) give multiples of 4; the 192 behind them give the quadrant
 * and 190 bits of fraction, of which the last 53 are not exact.
 */

static mlops_two_t
mlops_trig_large(double x, unsigned *quadrant)
{
    int                e, first, shift, negative, i;
    double             high, low, scale;
    uint64_t           n, m, w[4], f[3], carry, sign;
    mlops_two_t        y;
    unsigned __int128  p;

    n = mlops_bits(x);
    e = (int) (n >> 52 & 0x7ff) - 1075;
    m = (n & ((1ull << 52) - 1)) | 1ull << 52;

    /* the first bit of the window, of the table with its word of 0 */

    first = 64 + e - 2;
    shift = first & 63;

    for (i = 0; i < 3; i++) {
        w[i] = mlops_two_over_pi[first / 64 + i] << shift;

        if (shift != 0) {
            w[i] |= mlops_two_over_pi[first / 64 + i + 1] >> (64 - shift);
        }
    }

    carry = 0;

    for (i = 2; i >= 0; i--) {
        p = (unsigned __int128) w[i] * m + carry;
        f[i] = (uint64_t) p;
        carry = (uint64_t) (p >> 64);
    }

    *quadrant = (unsigned) (f[0] >> 62);
    f[0] = f[0] << 2 | f[1] >> 62;
    f[1] = f[1] << 2 | f[2] >> 62;
    f[2] <<= 2;

    /* the nearest multiple: fractions above a half are negative ones */

    sign = (uint64_t) ((int64_t) f[0] >> 63);
    *quadrant = (*quadrant + (unsigned) (sign & 1)) & 3;

    for (i = 0; i < 3; i++) {
        f[i] ^= sign;
    }

    shift = 0;

    if (f[0] == 0) {
        f[0] = f[1];
        f[1] = f[2];
        f[2] = 0;
        shift = 64;
    }

    if (f[0] != 0 && f[0] >> 63 == 0) {
        i = __builtin_clzll(f[0]);
        f[0] = f[0] << i | f[1] >> (64 - i);
        f[1] = f[1] << i | f[2] >> (64 - i);
        shift += i;
    }

    scale = mlops_power_of_two(-shift - 53);
    high = (double) (f[0] >> 11) * scale;
    low = (double) (int64_t) ((f[0] & 0x7ff) << 42 | f[1] >> 22)
          * (scale * 0x1p-53);

    y = mlops_two_product(high, 0x1.921fb54442d18p+0);
    y.low += high * 0x1.1a62633145c07p-54 + low * 0x1.921fb54442d18p+0;
    y = mlops_two_fast(y.high, y.low);

    negative = (sign != 0) != (n >> 63 != 0);

    if (n >> 63) {
        *quadrant = (4 - *quadrant) & 3;
    }

    if (negative) {
        y.high = -y.high;
        y.low = -y.low;
    }

    return y;
}


/* x + low - x^3/6 + ...; the low part moves it by low cos(x). */

static double
mlops_trig_sin(mlops_two_t y)
{
    double  x, z, p;

    x = y.high;
    z = x * x;

    p = 1.0 / 120
        + z * (-1.0 / 5040
               + z * (1.0 / 362880
                      + z * (-1.0 / 39916800
                             + z * (1.0 / 6227020800.0
                                    + z * (-1.0 / 1307674368000.0
                                           + z * (1.0
                                                  / 355687428096000.0))))));

    return x + (z * x * (-1.0 / 6 + z * p)
                + y.low * (1 - 0.5 * z));
}


/* 1 - x^2/2 + ...; the square is taken as two. */

static double
mlops_trig_cos(mlops_two_t y)
{
    double       x, z, p, half;
    mlops_two_t  s, q;

    x = y.high;
    q = mlops_two_product(x, x);
    z = q.high;

    p = 1.0 / 24
        + z * (-1.0 / 720
               + z * (1.0 / 40320
                      + z * (-1.0 / 3628800
                             + z * (1.0 / 479001600
                                    + z * (-1.0 / 87178291200.0
                                           + z * (1.0 / 20922789888000.0
                                                  + z * (-1.0
                                              / 6402373705728000.0)))))));

    half = 0.5 * z;
    s = mlops_two_fast(1, -half);

    return s.high + (s.low + (z * z * p - (0.5 * q.low + x * y.low)));
}
