/*
 * What the functions of mlops_math.h are made of.  Internal to
 * core/base/mlops_math*.c.
 *
 * A value that a double is too short for is the sum of two, high and low, of
 * which high is the sum rounded (Dekker, "A floating-point technique for
 * extending the available precision", 1971).
 *
 *     exp   x = (128 K + i) ln 2 / 128 + r, |r| <= ln 2 / 256:
 *           exp(x) = 2^K * 2^(i/128) * exp(r), from a table and five terms
 *           (Tang, "Table-driven implementation of the exponential function
 *           in IEEE floating-point arithmetic", 1989)
 *     log   x = 2^K z, 0.689 <= z < 1.378, c ~ 1/z of 12 bits from a table:
 *           log(x) = K ln 2 - log(c) + log(1 + r), r = c z - 1 without an
 *           error, |r| < 2^-7.9 (Tang, "Table-driven implementation of the
 *           logarithm function in IEEE floating-point arithmetic", 1990).
 *           Around 1 c is 1, so that a small logarithm loses nothing.
 */

#ifndef MLOPS_MATH_CORE_H
#define MLOPS_MATH_CORE_H


#include "mlops_base.h"
#include "mlops_math.h"


#define MLOPS_EXP_N          128
#define MLOPS_LOG_N          128
#define MLOPS_TWO_OVER_PI_N  21
#define MLOPS_GAMMA_N        32


typedef struct {
    double    tail;     /* 2^(i/128) is value * (1 + tail) */
    uint64_t  value;    /* bits of the double next to it */
} mlops_exp_entry_t;


typedef struct {
    double    c;        /* a multiple of 2^-11 */
    double    high;     /* -log(c), a multiple of 2^-42, and */
    double    low;      /*   what that lacks */
} mlops_log_entry_t;


extern const mlops_exp_entry_t  mlops_exp_table[MLOPS_EXP_N];
extern const mlops_log_entry_t  mlops_log_table[MLOPS_LOG_N];
/* The fraction of 2/pi, 64 bits a word, behind a word of 0. */
extern const uint64_t           mlops_two_over_pi[MLOPS_TWO_OVER_PI_N];
/* ln Gamma(2 + t) = (1 - gamma) t + t^2 (table[0] + table[1] t + ...) */
extern const double             mlops_gamma_table[MLOPS_GAMMA_N];


typedef struct {
    double  high;
    double  low;
} mlops_two_t;


static inline uint64_t
mlops_bits(double x)
{
    uint64_t  n;

    memcpy(&n, &x, sizeof(n));

    return n;
}


static inline double
mlops_from_bits(uint64_t n)
{
    double  x;

    memcpy(&x, &n, sizeof(x));

    return x;
}


static inline double
mlops_magnitude(double x)
{
    return mlops_from_bits(mlops_bits(x) & (UINT64_MAX >> 1));
}


/* a + b, |a| >= |b| or a = 0. */

static inline mlops_two_t
mlops_two_fast(double a, double b)
{
    mlops_two_t  s;

    s.high = a + b;
    s.low = (a - s.high) + b;

    return s;
}


/* a + b (Knuth). */

static inline mlops_two_t
mlops_two_sum(double a, double b)
{
    double       c;
    mlops_two_t  s;

    s.high = a + b;
    c = s.high - a;
    s.low = (a - (s.high - c)) + (b - c);

    return s;
}


/* a * b, both of at most 2^995, and the product above 2^-968 or 0. */

static inline mlops_two_t
mlops_two_product(double a, double b)
{
    double       ah, al, bh, bl, c;
    mlops_two_t  p;

    c = a * 134217729;
    ah = c - (c - a);
    al = a - ah;

    c = b * 134217729;
    bh = c - (c - b);
    bl = b - bh;

    p.high = a * b;
    p.low = ((ah * bh - p.high) + ah * bl + al * bh) + al * bl;

    return p;
}


/* (a + b) / (c + d), rounded nearly as if exact. */

static inline double
mlops_two_ratio(mlops_two_t n, mlops_two_t d)
{
    double       q;
    mlops_two_t  p;

    q = n.high / d.high;
    p = mlops_two_product(q, d.high);

    return q + (((n.high - p.high) - p.low) + (n.low - q * d.low)) / d.high;
}


/*
 * The parts of exp(x + low), |x| < 1100, low tiny beside it: the result is
 * 2^k (value + value * part), value = 2^(i/128) in [1, 2), to 2^-60.
 */

typedef struct {
    double   value;
    double   part;
    int64_t  k;
} mlops_exp_t;


static inline mlops_exp_t
mlops_exp_parts(double x, double low)
{
    double                    kd, r, r2;
    int64_t                   k;
    mlops_exp_t               e;
    const mlops_exp_entry_t  *entry;

    kd = x * 0x1.71547652b82fep+7 + 0x1.8p52;
    k = (int64_t) (mlops_bits(kd) << 13) >> 13;
    kd -= 0x1.8p52;

    r = (x - kd * 0x1.62e42fefc0000p-8) - (kd * -0x1.c610ca86c3899p-44 - low);
    r2 = r * r;

    entry = &mlops_exp_table[k & (MLOPS_EXP_N - 1)];

    e.part = entry->tail + r + r2 * (0.5 + r * (1.0 / 6))
             + r2 * r2 * (1.0 / 24 + r * (1.0 / 120));
    e.value = mlops_from_bits(entry->value);
    e.k = k >> 7;

    return e;
}


/* 2^k for -1022 <= k <= 1023. */

static inline double
mlops_power_of_two(int64_t k)
{
    return mlops_from_bits((uint64_t) (k + 1023) << 52);
}


/* exp(x), |x| <= 700, as two. */

static inline mlops_two_t
mlops_exp_two(double x)
{
    double       scale;
    mlops_two_t  y;
    mlops_exp_t  e;

    e = mlops_exp_parts(x, 0);
    scale = mlops_power_of_two(e.k);
    y = mlops_two_fast(e.value * scale, e.value * scale * e.part);

    return y;
}


/* x is positive and finite, and no subnormal. */

static inline int
mlops_log_plain(double x)
{
    return mlops_bits(x) - (1ull << 52) < 0x7feull << 52;
}


/*
 * log(x + low) as two whose sum is right to 2^-60 of it; x is plain, low tiny
 * beside it.  The low one may be up to 2^-8 of the high one.
 */

static inline mlops_two_t
mlops_log_two(double x, double low)
{
    double                    z, zh, r, r2, tail, kd;
    int64_t                   k;
    uint64_t                  n, from;
    mlops_two_t               s, y;
    const mlops_log_entry_t  *entry;

    n = mlops_bits(x);
    from = n - 0x3fe6100000000000ull;
    entry = &mlops_log_table[(from >> 45) & (MLOPS_LOG_N - 1)];
    k = (int64_t) from >> 52;
    kd = (double) k;

    n -= from & 0xfff0000000000000ull;
    z = mlops_from_bits(n);
    zh = mlops_from_bits(n & ~0x1fffull);

    /* c zh - 1 and c (z - zh) are exact; where the first is the smaller one,
     * their sum is exact as well */

    s = mlops_two_fast(entry->c * zh - 1, entry->c * (z - zh));

    if (low != 0) {
        low *= (k >= -1000 && k <= 1000) ? mlops_power_of_two(-k) : 0;
        s = mlops_two_sum(s.high, s.low + entry->c * low);
        s.low -= s.high * s.low;
    }

    r = s.high;
    r2 = r * r;
    tail = s.low
           + (r2 * -0.5
              + r2 * r * ((1.0 / 3 + r * -0.25)
                          + r2 * ((0.2 + r * (-1.0 / 6))
                                  + r2 * (1.0 / 7 + r * -0.125))));

    y = mlops_two_fast(kd * 0x1.62e42fefa3800p-1 + entry->high, r);
    y.low += tail + (kd * 0x1.ef35793c76730p-45 + entry->low);

    return y;
}


#endif /* MLOPS_MATH_CORE_H */
