/*
 * ln Gamma(x), x > 0.
 *
 *     x > 16        Stirling's series
 *     1.5 to 2.5    Taylor's series about 2, where it is 0
 *     below 16      Gamma(x + 1) = x Gamma(x) leads from there
 */

#include "mlops_math_core.h"


/* ln Gamma(2 + t), |t| <= 0.5. */

static mlops_two_t
mlops_gamma_near_two(double t, double low)
{
    int          i;
    double       p;
    mlops_two_t  s, q;

    p = 0;

    for (i = MLOPS_GAMMA_N - 1; i > 0; i--) {
        p = p * t + mlops_gamma_table[i];
    }

    /* both first terms matter to the last bit: 0x1.187…p-56 is what table[0]
     * lacks */

    q = mlops_two_product(t, t);
    q.low = q.low * mlops_gamma_table[0]
            + q.high * (t * p + 0x1.1873d8912200cp-56);
    s = mlops_two_product(q.high, mlops_gamma_table[0]);
    q.low += s.low;
    q.high = s.high;

    s = mlops_two_product(t, 0x1.b0ee6072093cep-2);
    s.low += t * 0x1.6cb90701fbfabp-58 + low * 0x1.b0ee6072093cep-2;
    q.low += s.low;

    s = mlops_two_sum(s.high, q.high);
    s.low += q.low;

    return s;
}


static mlops_two_t
mlops_gamma_stirling(double x)
{
    double       r, r2, p;
    mlops_two_t  l, a, b, s;

    l = mlops_log_two(x, 0);
    l = mlops_two_fast(l.high, l.low);

    /* x log(x) - x - log(x)/2 + ln(2 pi)/2 */

    a = mlops_two_product(x, l.high);
    a.low += x * l.low;

    b = mlops_two_sum(a.high, -x);
    s = mlops_two_sum(b.high, 0x1.d67f1c864beb4p-1 - 0.5 * l.high);

    r = 1 / x;
    r2 = r * r;
    p = r * (1.0 / 12
             + r2 * (-1.0 / 360
                     + r2 * (1.0 / 1260
                             + r2 * (-1.0 / 1680
                                     + r2 * (1.0 / 1188
                                             + r2 * (-691.0 / 360360
                                                     + r2 / 156))))));

    s.low += (a.low + b.low) + (p + 0x1.4d252f2400510p-54);

    return s;
}


double
mlops_lgamma(double x)
{
    double       low;
    mlops_two_t  s, p, q, l, t;

    if (!(x > 0 && x < __builtin_inf())) {
        return (x == 0) ? __builtin_inf()
                        : (x > 0) ? x : (x != x) ? x + x : __builtin_nan("");
    }

    if (x > 16) {

        /* far beyond 2^50 the rest is lost, and x log(x) overflows later */

        if (x > 0x1p900) {
            l = mlops_log_two(x, 0);
            return (l.high + l.low - 1) * x;
        }

        s = mlops_gamma_stirling(x);

        return s.high + s.low;
    }

    if (x < 0x1p-56) {
        return -mlops_log(x);
    }

    /* p = the product that leads to t = x + n, 1.5 <= t <= 2.5 */

    p.high = 1;
    p.low = 0;
    t.high = x;
    t.low = 0;

    while (t.high > 2.5) {
        t.high -= 1;
        q = mlops_two_product(p.high, t.high);
        p.high = q.high;
        p.low = q.low + p.low * t.high;
    }

    while (t.high < 1.5) {
        q = mlops_two_product(p.high, t.high);
        p.low = q.low + (p.low * t.high + p.high * t.low);
        p.high = q.high;
        low = t.low;
        t = mlops_two_sum(t.high, 1);
        t.low += low;
    }

    p = mlops_two_fast(p.high, p.low);
    t = mlops_two_fast(t.high - 2, t.low);
    s = mlops_gamma_near_two(t.high, t.low);

    if (p.high == 1 && p.low == 0) {
        return s.high + s.low;
    }

    l = mlops_log_two(p.high, p.low);
    l = mlops_two_fast(l.high, l.low);

    if (x < 1.5) {
        l.high = -l.high;
        l.low = -l.low;
    }

    p = mlops_two_sum(s.high, l.high);

    return p.high + (p.low + (s.low + l.low));
}
