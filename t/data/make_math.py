#!/usr/bin/env python3
"""Print t/unit/math_vectors.h: values of exp, log and their kin to more bits
than a double has, by mpmath with 50 digits.

usage: make_math.py > t/unit/math_vectors.h
"""

import math
import random

from mpmath import mp, mpf
import mpmath

mp.prec = 200

HEAD = """\
/*
 * Values of exp, log and their kin; printed by t/data/make_math.py (mpmath,
 * 200 bits), not to be edited.  The value is high + low.
 */

#ifndef MLOPS_UNIT_MATH_VECTORS_H
#define MLOPS_UNIT_MATH_VECTORS_H


typedef struct {
    double  x;
    double  y;
    double  high;
    double  low;
} unit_math_vector_t;


"""

rnd = random.Random(20240229)


def any_of(low, high):
    """A number of any size from 2^low to 2^high."""

    return math.ldexp(rnd.uniform(1, 2), rnd.randint(low, high - 1))


def signed(low, high):
    return any_of(low, high) * rnd.choice((1, -1))


def many(n, draw):
    return [draw() for _ in range(n)]


def exp_xs():
    return ([1.0, -1.0, 709.782712893384, -708.3964185322641, -745.1332191019411,
             -708.0, -720.5, -744.4400719213812, 2.0 ** -54, -2.0 ** -60, 660.0,
             -660.0]
            + many(20, lambda: rnd.uniform(-745, 709.7))
            + many(12, lambda: rnd.uniform(-1, 1)) + many(8, lambda: signed(-54, 0)))


def log_xs():
    return ([2.0, 0.5, 5e-324, 2.2250738585072014e-308, 1e-310,
             1.7976931348623157e308, 1 + 2 ** -52, 1 - 2 ** -53, 10.0, 0.75,
             1.375, 0.6875, 1.00390625, 0.998046875, 1.0039062500000002]
            + many(14, lambda: any_of(-1074, 1023))
            + many(12, lambda: rnd.uniform(0.6, 1.5))
            + many(10, lambda: 1 + signed(-50, -6)))


def log1p_xs():
    return ([1.0, -0.5, 2.0 ** -54, -2.0 ** -54, 2.0 ** -53, 1e300, -1 + 2 ** -53, 1e16,
             9007199254740993.0]
            + many(12, lambda: any_of(-60, 1000)) + many(12, lambda: signed(-60, -4))
            + many(10, lambda: rnd.uniform(-0.999, 3)))


def expm1_xs():
    return ([1.0, -1.0, 2.0 ** -55, 709.0, -36.0, -40.0, 50.0, 49.9, 0.0027, -0.0028]
            + many(12, lambda: rnd.uniform(-40, 100))
            + many(16, lambda: rnd.uniform(-0.02, 0.02)) + many(8, lambda: signed(-54, 0)))


def tanh_xs():
    return ([2.0 ** -28, 0.35, 0.3499999999999999, 19.0, -19.9, 20.0, 1e-300]
            + many(15, lambda: rnd.uniform(-20, 20))
            + many(15, lambda: rnd.uniform(-1, 1)) + many(8, lambda: signed(-40, 0)))


def trig_xs():
    return ([math.pi / 2, math.pi, 3 * math.pi / 2, 22.0, 0.785, 0.7851, 1e22,
             6381956970095103.0 * 2.0 ** 797, 5.319372648326541e255, 2.0 ** 20,
             1048577.0, 355.0, 2.0 ** -27, 2.0 ** 1023, 1.7976931348623157e308]
            + many(14, lambda: rnd.uniform(-20, 20))
            + many(8, lambda: rnd.uniform(-1e6, 1e6)) + many(12, lambda: signed(20, 1023)))


def lgamma_xs():
    return ([0.5, 1.5, 3.0, 16.0, 16.000001, 100.0, 1e10, 1e16, 1e300, 1e-10,
             1e-300, 1.4616321449683622, 1 + 2 ** -52, 1 - 2 ** -53, 2 + 2 ** -51,
             2 - 2 ** -52, 2.5, 2.5000000000000004, 2.0 ** 900, 2.0 ** 901]
            + many(16, lambda: rnd.uniform(0, 20)) + many(8, lambda: 1 + signed(-40, -2))
            + many(8, lambda: 2 + signed(-40, -2)) + many(6, lambda: any_of(-40, 100)))


def sigmoid_xs():
    return ([2.0 ** -60, 1.0, -1.0, 39.9, -39.9, 40.0, -40.1, -700.0, -745.0]
            + many(15, lambda: rnd.uniform(-45, 45))
            + many(15, lambda: rnd.uniform(-2, 2)) + many(6, lambda: signed(-50, 3)))


def softplus_xs():
    return sigmoid_xs() + [-20.0, -19.99, -36.8536695780829, 30.0]


def pow_xs():
    return ([(2.0, 0.5), (10.0, -5.0), (10.0, 22.0), (-2.0, 3.0), (-2.0, -2.0),
             (-1.5, 101.0), (1 + 2 ** -52, 1e17), (1 - 2 ** -53, -1e17), (5e-324, 0.5),
             (1e-310, -0.25), (2.0, -1074.0), (2.0, -1073.5), (3.0, -675.0),
             (1.7976931348623157e308, 0.999), (0.1, 2.0 ** -70), (7.0, 1.0),
             (1.0000000000000002, 2.0 ** 60)]
            + [(any_of(-1000, 1000), rnd.uniform(-0.7, 0.7)) for _ in range(12)]
            + [(rnd.uniform(0.5, 2), rnd.uniform(-700, 700)) for _ in range(10)]
            + [(1 + signed(-40, -8), signed(10, 35)) for _ in range(8)]
            + [(rnd.uniform(0, 100), rnd.choice((2.0, 3.0, 0.5, -1.0, -0.5)))
               for _ in range(8)])


def split(value):
    high = float(value)
    return high, float(value - mpf(high))


def vectors(name, xs, function):
    print("static const unit_math_vector_t  unit_math_%s[] = {" % name)
    rows = []

    for x in xs:
        args = x if isinstance(x, tuple) else (x,)
        high, low = split(mpmath.re(function(*[mpf(a) for a in args])))
        y = args[1] if len(args) > 1 else 0.0
        rows.append("    { %s, %s,\n      %s, %s }"
                    % (args[0].hex(), y.hex(), high.hex(), low.hex()))

    print(",\n".join(rows))
    print("};\n\n")


def big(function):
    """With enough bits for arguments like 2^1023."""

    def inner(x):
        with mpmath.workprec(1400):
            return function(x)

    return inner


print(HEAD, end="")
vectors("exp", exp_xs(), mpmath.exp)
vectors("expm1", expm1_xs(), big(mpmath.expm1))
vectors("log", log_xs(), mpmath.log)
vectors("log1p", log1p_xs(), big(lambda x: mpmath.log(1 + x)))
vectors("pow", pow_xs(), lambda x, y: x ** y)
vectors("tanh", tanh_xs(), big(mpmath.tanh))
vectors("sin", trig_xs(), big(mpmath.sin))
vectors("cos", trig_xs(), big(mpmath.cos))
vectors("lgamma", lgamma_xs(), big(mpmath.loggamma))
vectors("sigmoid", sigmoid_xs(), big(lambda x: 1 / (1 + mpmath.exp(-x))))
vectors("softplus", softplus_xs(), big(lambda x: mpmath.log1p(mpmath.exp(x))))
print("#endif /* MLOPS_UNIT_MATH_VECTORS_H */")
