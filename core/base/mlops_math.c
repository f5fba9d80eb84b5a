/*
 * exp, log and what is made of them.
 */

#include "mlops_math_core.h"


#define MLOPS_INF  __builtin_inf()
#define MLOPS_NAN  __builtin_nan("")


/*
 * 2^k (value + value * part), 1 <= value < 2.  Below the normal numbers the
 * sum is rounded once, to their spacing, by adding 1 where it stands at the
 * same place; the part must not get there before.
 */

static double
mlops_exp_end(double value, double part, int64_t k)
{
    double       scale, high, low;
    mlops_two_t  y;

    if (k >= -960 && k <= 1022) {
        scale = value * mlops_power_of_two(k);
        return scale + scale * part;
    }

    if (k > 1022) {
        return (k > 1025) ? MLOPS_INF
                          : (value + value * part)
                            * mlops_power_of_two(k - 3) * 8;
    }

    if (k < -1080) {
        return 0;
    }

    scale = mlops_power_of_two(k + 1022);
    y = mlops_two_fast(value, value * part);
    high = y.high * scale;
    low = y.low * scale;

    if (high < 1) {
        y = mlops_two_fast(1, high);
        high = (y.high + (y.low + low)) - 1;
        low = 0;
    }

    return (high + low) * 0x1p-1022;
}


double
mlops_exp(double x)
{
    double       scale;
    mlops_exp_t  e;

    if (mlops_unlikely(!(mlops_magnitude(x) < 660))) {

        if (x != x) {
            return x + x;
        }

        if (x > 710) {
            return MLOPS_INF;
        }

        if (x < -746) {
            return 0;
        }

        e = mlops_exp_parts(x, 0);

        return mlops_exp_end(e.value, e.part, e.k);
    }

    e = mlops_exp_parts(x, 0);
    scale = mlops_from_bits(mlops_bits(e.value) + ((uint64_t) e.k << 52));

    return scale + scale * e.part;
}


/*
 * exp(x) - 1 to 2^-68 of it, 2^-60 < |x| < 50: r and its square exactly, as
 * two each.
 */

static mlops_two_t
mlops_expm1_two(double x)
{
    double                    kd, r, tail, value, scale;
    int64_t                   k;
    mlops_two_t               s, q, p, m;
    const mlops_exp_entry_t  *entry;

    kd = x * 0x1.71547652b82fep+7 + 0x1.8p52;
    k = (int64_t) (mlops_bits(kd) << 13) >> 13;
    kd -= 0x1.8p52;

    s = mlops_two_sum(x - kd * 0x1.62e42fefc0000p-8,
                      kd * 0x1.c610ca86c3899p-44);
    r = s.high;

    q = mlops_two_product(r, r);
    tail = r * q.high * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120
                                                        + r * (1.0 / 720
                                                       + r * (1.0 / 5040)))));
    p = mlops_two_fast(r, q.high * 0.5);
    p.low += (q.low * 0.5 + s.low) + (r * s.low + tail);

    entry = &mlops_exp_table[k & (MLOPS_EXP_N - 1)];
    value = mlops_from_bits(entry->value);

    m = mlops_two_product(value, p.high);
    m.low += value * (p.low + entry->tail * (1 + p.high));

    scale = mlops_power_of_two(k >> 7);

    s = mlops_two_sum(value * scale, -1);
    p = mlops_two_sum(s.high, m.high * scale);
    p.low += s.low + m.low * scale;

    return mlops_two_fast(p.high, p.low);
}


double
mlops_expm1(double x)
{
    mlops_two_t  y;

    if (mlops_magnitude(x) < 0x1p-55) {
        return x;
    }

    if (!(x < 50)) {
        return (x != x) ? x + x : mlops_exp(x);
    }

    if (x < -40) {
        return -1;
    }

    y = mlops_expm1_two(x);

    return y.high + y.low;
}


/* What log has no number for: 1 with *y, or 0. */

static int
mlops_log_special(double x, double *y)
{
    if (mlops_likely(x > 0 && x < MLOPS_INF)) {
        return 0;
    }

    *y = (x == 0) ? -MLOPS_INF : (x > 0) ? x : (x != x) ? x + x : MLOPS_NAN;

    return 1;
}


double
mlops_log(double x)
{
    double       y;
    mlops_two_t  s;

    if (mlops_unlikely(!mlops_log_plain(x))) {

        if (mlops_log_special(x, &y)) {
            return y;
        }

        s = mlops_log_two(x * 0x1p54, 0);
        s.high -= 54 * 0x1.62e42fefa3800p-1;
        s.low -= 54 * 0x1.ef35793c76730p-45;

        return s.high + s.low;
    }

    s = mlops_log_two(x, 0);

    return s.high + s.low;
}


double
mlops_log1p(double x)
{
    double       y;
    mlops_two_t  s;

    if (mlops_magnitude(x) < 0x1p-54) {
        return x;
    }

    if (mlops_unlikely(mlops_log_special(1 + x, &y))) {
        return y;
    }

    s = mlops_two_sum(1, x);
    s = mlops_log_two(s.high, s.low);

    return s.high + s.low;
}


/* log(x) to 2^-68 of it, for pow; x is positive and normal, times 2^shift. */

static mlops_two_t
mlops_log_long(double x, int64_t shift)
{
    double                    z, zh, r, tail, kd;
    uint64_t                  n, from;
    mlops_two_t               s, q, y, t;
    const mlops_log_entry_t  *entry;

    n = mlops_bits(x);
    from = n - 0x3fe6100000000000ull;
    entry = &mlops_log_table[(from >> 45) & (MLOPS_LOG_N - 1)];
    kd = (double) (((int64_t) from >> 52) + shift);

    n -= from & 0xfff0000000000000ull;
    z = mlops_from_bits(n);
    zh = mlops_from_bits(n & ~0x1fffull);

    s = mlops_two_fast(entry->c * zh - 1, entry->c * (z - zh));
    r = s.high;

    q = mlops_two_product(r, r);
    tail = q.high * r * ((1.0 / 3 + r * -0.25)
                         + q.high * ((0.2 + r * (-1.0 / 6))
                                     + q.high * ((1.0 / 7 + r * -0.125)
                                                 + q.high * (1.0 / 9))));

    y = mlops_two_fast(kd * 0x1.62e42fefa3800p-1 + entry->high, r);
    t = mlops_two_sum(y.high, q.high * -0.5);
    t.low += y.low + (((kd * 0x1.ef35793c76730p-45 + entry->low) + s.low)
                      + ((q.low * -0.5 - r * s.low) + tail));

    return mlops_two_fast(t.high, t.low);
}


/* Is y an integer: 0 no, 1 odd, 2 even? */

static int
mlops_pow_integer(double y)
{
    int       exp;
    uint64_t  n;

    n = mlops_bits(y);
    exp = (int) (n >> 52 & 0x7ff) - 1023;

    if (exp < 0) {
        return 0;
    }

    if (exp > 52) {
        return 2;
    }

    if (n & ((1ull << (52 - exp)) - 1)) {
        return 0;
    }

    /* the hidden bit is not in n */

    return (exp == 0 || (n >> (52 - exp) & 1)) ? 1 : 2;
}


/* Infinities, zeros, negative numbers: 1 with *z, or 0 with *x positive and
 * *sign. */

static int
mlops_pow_special(double *x, double y, double *sign, double *z)
{
    int     integer;
    double  a;

    *sign = 1;

    if (mlops_likely(*x > 0 && *x < MLOPS_INF && *x != 1
                     && mlops_magnitude(y) < MLOPS_INF && y != 0))
    {
        return 0;
    }

    if (*x == 1 || y == 0) {
        *z = 1;
        return 1;
    }

    if (*x != *x || y != y) {
        *z = *x + y;
        return 1;
    }

    a = mlops_magnitude(*x);

    if (mlops_magnitude(y) == MLOPS_INF) {
        *z = (a == 1) ? 1 : ((a > 1) == (y > 0)) ? MLOPS_INF : 0;
        return 1;
    }

    integer = mlops_pow_integer(y);

    if (mlops_bits(*x) >> 63) {
        *sign = (integer == 1) ? -1 : 1;
    }

    if (a == 0 || a == MLOPS_INF) {
        *z = *sign * (((a == 0) == (y < 0)) ? MLOPS_INF : 0);
        return 1;
    }

    if (!integer) {
        *z = MLOPS_NAN;
        return 1;
    }

    *x = a;
    *z = *sign;

    return a == 1;
}


double
mlops_pow(double x, double y)
{
    double       sign, z;
    int64_t      shift;
    mlops_two_t  l, p;
    mlops_exp_t  e;

    if (mlops_unlikely(mlops_pow_special(&x, y, &sign, &z))) {
        return z;
    }

    /* |log(x)| is at least 2^-53, at most 745 */

    if (mlops_unlikely(!(mlops_magnitude(y) < 0x1p65))) {
        return sign * (((x > 1) == (y > 0)) ? MLOPS_INF : 0);
    }

    if (mlops_unlikely(mlops_magnitude(y) < 0x1p-65)) {
        return sign;
    }

    shift = 0;

    if (mlops_unlikely(x < 0x1p-1022)) {
        x *= 0x1p54;
        shift = -54;
    }

    l = mlops_log_long(x, shift);
    p = mlops_two_product(y, l.high);
    p.low += y * l.low;

    if (mlops_unlikely(p.high > 720)) {
        return sign * MLOPS_INF;
    }

    if (mlops_unlikely(p.high < -760)) {
        return sign * 0;
    }

    e = mlops_exp_parts(p.high, p.low);

    return sign * mlops_exp_end(e.value, e.part, e.k);
}


/* By exp(2|x|) = 1 + t: t / (t + 2). */

double
mlops_tanh(double x)
{
    double       a, y;
    mlops_two_t  n, d;

    a = mlops_magnitude(x);

    if (a < 0x1p-28) {
        return (a < 0x1p-56) ? x : x - x * x * x * (1.0 / 3);
    }

    if (!(a < 20)) {
        return (x != x) ? x + x : (x > 0) ? 1 : -1;
    }

    if (a < 0.35) {
        n = mlops_expm1_two(2 * a);
        d = mlops_two_fast(2, n.high);
        d.low += n.low;

    } else {
        d = mlops_exp_two(2 * a);
        n = mlops_two_fast(d.high, -1);
        n.low += d.low;
        y = d.low;
        d = mlops_two_fast(d.high, 1);
        d.low += y;
    }

    y = mlops_two_ratio(n, d);

    return (x < 0) ? -y : y;
}


double
mlops_sigmoid(double x)
{
    mlops_two_t  t, d, one;

    if (mlops_unlikely(!(mlops_magnitude(x) < 40))) {
        return (x != x) ? x + x : (x > 0) ? 1 : mlops_exp(x);
    }

    t = mlops_exp_two(-mlops_magnitude(x));
    d = mlops_two_fast(1, t.high);
    d.low += t.low;

    if (x < 0) {
        return mlops_two_ratio(t, d);
    }

    one.high = 1;
    one.low = 0;

    return mlops_two_ratio(one, d);
}


double
mlops_softplus(double x)
{
    mlops_two_t  t, s, y;

    if (mlops_unlikely(!(mlops_magnitude(x) < 40))) {
        return (x != x) ? x + x : (x > 0) ? x : mlops_exp(x);
    }

    t = mlops_exp_two(-mlops_magnitude(x));

    if (x < -20) {
        return t.high + (t.low - t.high * t.high * (0.5 - t.high * (1.0 / 3)));
    }

    s = mlops_two_fast(1, t.high);
    s = mlops_log_two(s.high, s.low + t.low);

    if (x < 0) {
        return s.high + s.low;
    }

    y = mlops_two_sum(x, s.high);

    return y.high + (y.low + s.low);
}
