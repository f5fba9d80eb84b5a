/*
 * exp, log and their kin: against values of many bits (mpmath) in units of
 * the last place, against the C library's long double functions, and the
 * special values of C's Annex F.
 */

#include "mlops_base.h"
#include "mlops_math.h"
#include "unit.h"
#include "math_vectors.h"

#include <float.h>
#include <math.h>


#define N  20000


typedef double (*unit_math_pt)(double x);


/* |got - (high + low)| in units of high's last place. */

static double
ulps(double got, double high, double low)
{
    int     exp;
    double  unit;

    if (got == high && (isinf(high) || isnan(high))) {
        return 0;
    }

    if (!isfinite(got)) {
        return INFINITY;
    }

    (void) frexp(high, &exp);
    unit = ldexp(1, (exp < -1021) ? -1074 : exp - 53);

    return fabs(((got - high) - low) / unit);
}


static double
power(double x, double y)
{
    return mlops_pow(x, y);
}


static void
check_vectors(const char *name, unit_math_pt f, const unit_math_vector_t *v,
    size_t n, double limit)
{
    size_t  i;
    double  got, e, worst;

    worst = 0;

    for (i = 0; i < n; i++) {
        got = f ? f(v[i].x) : power(v[i].x, v[i].y);
        e = ulps(got, v[i].high, v[i].low);

        unit_ok(e <= limit, "%s(%a, %a): %.3f ulp, got %a, expected %a", name,
                v[i].x, v[i].y, e, got, v[i].high);

        worst = (e > worst) ? e : worst;
    }

    unit_note("%s: at most %.3f ulp", name, worst);
}

#define check_function(name, limit)                                           \
    check_vectors(#name, mlops_##name, unit_math_##name,                      \
                  mlops_nitems(unit_math_##name), limit)


static void
test_vectors(void **state)
{
    (void) state;

    check_function(exp, 0.52);
    check_function(expm1, 0.52);
    check_function(log, 0.52);
    check_function(log1p, 0.52);
    check_vectors("pow", NULL, unit_math_pow, mlops_nitems(unit_math_pow),
                  0.55);
    check_function(tanh, 0.55);
    check_function(sin, 0.8);
    check_function(cos, 0.8);
    check_function(lgamma, 0.8);
    check_function(sigmoid, 0.55);
    check_function(softplus, 0.55);
}


static long double
sigmoidl(long double x)
{
    return 1 / (1 + expl(-x));
}


static long double
softplusl(long double x)
{
    return (x > 0) ? x + log1pl(expl(-x)) : log1pl(expl(x));
}


/* Where long double has more bits than double, its functions err by less than
 * is looked for here. */

static void
check_random(const char *name, unit_math_pt f, long double (*ref)(long double),
    double lo, double hi, double limit)
{
    int          i, n;
    double       x, e;
    uint64_t     r;
    long double  want;

    r = 0x9e3779b97f4a7c15ull;
    n = unit_quick() ? N / 10 : N;

    for (i = 0; i < n; i++) {
        x = lo + (hi - lo) * ((double) (unit_random(&r) >> 11) * 0x1p-53);
        want = ref(x);
        e = ulps(f(x), (double) want, (double) (want - (double) want));

        unit_ok(e <= limit, "%s(%a): %.3f ulp from the long double one", name,
                x, e);
    }
}


static void
test_random(void **state)
{
    (void) state;

    if (LDBL_MANT_DIG < 64) {
        unit_skip("long double is double here");
    }

    check_random("exp", mlops_exp, expl, -745, 709.7, 0.53);
    check_random("exp", mlops_exp, expl, -1, 1, 0.53);
    check_random("expm1", mlops_expm1, expm1l, -40, 700, 0.53);
    check_random("expm1", mlops_expm1, expm1l, -0.7, 0.7, 0.53);
    check_random("log", mlops_log, logl, 1e-300, 3, 0.53);
    check_random("log", mlops_log, logl, 0.9, 1.1, 0.53);
    check_random("log", mlops_log, logl, 3, 1e300, 0.53);
    check_random("log1p", mlops_log1p, log1pl, -1, 1, 0.53);
    check_random("log1p", mlops_log1p, log1pl, 1, 1e18, 0.53);
    check_random("tanh", mlops_tanh, tanhl, -20, 20, 0.56);
    check_random("tanh", mlops_tanh, tanhl, -1, 1, 0.56);
    check_random("sin", mlops_sin, sinl, -20, 20, 0.8);
    check_random("cos", mlops_cos, cosl, -20, 20, 0.8);
    check_random("sin", mlops_sin, sinl, -1e8, 1e8, 0.8);
    check_random("cos", mlops_cos, cosl, -1e8, 1e8, 0.8);
    check_random("lgamma", mlops_lgamma, lgammal, 2.5, 1e6, 0.8);
    check_random("lgamma", mlops_lgamma, lgammal, 0, 0.9, 0.8);
    check_random("sigmoid", mlops_sigmoid, sigmoidl, -45, 45, 0.56);
    check_random("softplus", mlops_softplus, softplusl, -40, 45, 0.56);
}


/* Beyond Annex F: the functions rise where they should, also from one entry
 * of a table to the next. */

static void
test_monotone(void **state)
{
    int     i;
    double  x, e, l;

    (void) state;

    e = 0;
    l = -INFINITY;

    for (i = 1; i < 300000; i++) {
        x = i / 65536.0;
        assert_true(mlops_exp(x) > e);
        assert_true(mlops_log(x) > l);
        e = mlops_exp(x);
        l = mlops_log(x);
    }
}


/* The same value and the same sign. */

static int
same(double a, double b)
{
    return isnan(b) ? isnan(a) : (a == b && !signbit(a) == !signbit(b));
}

#define is(call, value)                                                       \
    unit_ok(same(call, value), "%s is %a, not %a", #call, call,               \
            (double) (value))


static void
test_special(void **state)
{
    (void) state;

    is(mlops_exp(0.0), 1);
    is(mlops_exp(-0.0), 1);
    is(mlops_exp(-INFINITY), 0);
    is(mlops_exp(INFINITY), INFINITY);
    is(mlops_exp(NAN), NAN);
    is(mlops_exp(709.79), INFINITY);
    is(mlops_exp(1e300), INFINITY);
    is(mlops_exp(-745.14), 0);
    is(mlops_exp(-1e300), 0);
    is(mlops_exp(5e-324), 1);

    is(mlops_expm1(0.0), 0.0);
    is(mlops_expm1(-0.0), -0.0);
    is(mlops_expm1(-INFINITY), -1);
    is(mlops_expm1(INFINITY), INFINITY);
    is(mlops_expm1(NAN), NAN);
    is(mlops_expm1(-5e-324), -5e-324);
    is(mlops_expm1(710.0), INFINITY);

    is(mlops_log(0.0), -INFINITY);
    is(mlops_log(-0.0), -INFINITY);
    is(mlops_log(1.0), 0.0);
    is(mlops_log(-1.0), NAN);
    is(mlops_log(-INFINITY), NAN);
    is(mlops_log(INFINITY), INFINITY);
    is(mlops_log(NAN), NAN);

    is(mlops_log1p(0.0), 0.0);
    is(mlops_log1p(-0.0), -0.0);
    is(mlops_log1p(-1.0), -INFINITY);
    is(mlops_log1p(-1.5), NAN);
    is(mlops_log1p(INFINITY), INFINITY);
    is(mlops_log1p(-INFINITY), NAN);
    is(mlops_log1p(NAN), NAN);
    is(mlops_log1p(5e-324), 5e-324);

    is(mlops_tanh(0.0), 0.0);
    is(mlops_tanh(-0.0), -0.0);
    is(mlops_tanh(INFINITY), 1);
    is(mlops_tanh(-INFINITY), -1);
    is(mlops_tanh(NAN), NAN);
    is(mlops_tanh(5e-324), 5e-324);

    is(mlops_sin(0.0), 0.0);
    is(mlops_sin(-0.0), -0.0);
    is(mlops_sin(INFINITY), NAN);
    is(mlops_sin(NAN), NAN);
    is(mlops_cos(0.0), 1);
    is(mlops_cos(-INFINITY), NAN);
    is(mlops_cos(NAN), NAN);

    is(mlops_lgamma(1.0), 0.0);
    is(mlops_lgamma(2.0), 0.0);
    is(mlops_lgamma(0.0), INFINITY);
    is(mlops_lgamma(INFINITY), INFINITY);
    is(mlops_lgamma(1.7e308), INFINITY);
    is(mlops_lgamma(-0.5), NAN);
    is(mlops_lgamma(NAN), NAN);

    is(mlops_sigmoid(0.0), 0.5);
    is(mlops_sigmoid(INFINITY), 1);
    is(mlops_sigmoid(-INFINITY), 0);
    is(mlops_sigmoid(NAN), NAN);
    is(mlops_softplus(INFINITY), INFINITY);
    is(mlops_softplus(-INFINITY), 0);
    is(mlops_softplus(NAN), NAN);
}


/* C11, F.10.4.4. */

static void
test_pow_special(void **state)
{
    (void) state;

    is(mlops_pow(0.0, -3.0), INFINITY);
    is(mlops_pow(-0.0, -3.0), -INFINITY);
    is(mlops_pow(-0.0, -2.0), INFINITY);
    is(mlops_pow(-0.0, -2.5), INFINITY);
    is(mlops_pow(0.0, -INFINITY), INFINITY);
    is(mlops_pow(-0.0, 3.0), -0.0);
    is(mlops_pow(0.0, 3.0), 0.0);
    is(mlops_pow(-0.0, 2.0), 0.0);
    is(mlops_pow(-0.0, 0.5), 0.0);
    is(mlops_pow(-1.0, INFINITY), 1);
    is(mlops_pow(-1.0, -INFINITY), 1);
    is(mlops_pow(1.0, NAN), 1);
    is(mlops_pow(1.0, INFINITY), 1);
    is(mlops_pow(NAN, 0.0), 1);
    is(mlops_pow(NAN, -0.0), 1);
    is(mlops_pow(-8.0, 1.0 / 3), NAN);
    is(mlops_pow(0.5, -INFINITY), INFINITY);
    is(mlops_pow(-0.5, INFINITY), 0.0);
    is(mlops_pow(2.0, -INFINITY), 0.0);
    is(mlops_pow(-2.0, INFINITY), INFINITY);
    is(mlops_pow(-INFINITY, -3.0), -0.0);
    is(mlops_pow(-INFINITY, -2.0), 0.0);
    is(mlops_pow(-INFINITY, 3.0), -INFINITY);
    is(mlops_pow(-INFINITY, 2.0), INFINITY);
    is(mlops_pow(INFINITY, -0.5), 0.0);
    is(mlops_pow(INFINITY, 0.5), INFINITY);
    is(mlops_pow(NAN, 1.0), NAN);
    is(mlops_pow(2.0, NAN), NAN);

    is(mlops_pow(-1.0, 9007199254740991.0), -1);
    is(mlops_pow(-1.0, 9007199254740992.0), 1);
    is(mlops_pow(-2.0, 1.0), -2);
    is(mlops_pow(-10.0, 309.0), -INFINITY);
    is(mlops_pow(-10.0, -325.0), -0.0);
    is(mlops_pow(10.0, 1e300), INFINITY);
    is(mlops_pow(0.5, 1e300), 0.0);
    is(mlops_pow(0.5, -1e300), INFINITY);
    is(mlops_pow(5e-324, 1.0), 5e-324);
    is(mlops_pow(2.0, 1023.0), 0x1p1023);
    is(mlops_pow(2.0, -1074.0), 0x1p-1074);
    is(mlops_pow(2.0, -1076.0), 0.0);
    is(mlops_pow(2.0, 1024.0), INFINITY);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_special),
        cmocka_unit_test(test_pow_special)
    };

    return unit_run(tests);
}
