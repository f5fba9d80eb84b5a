#!/usr/bin/python3

# Progressive log loss and accuracy of FTRL-proximal and AdaGrad on elec2.csv
# (45312 half hours of the Australian market, in order), from the algorithms'
# formulas in float64; with River installed, of its own models as well.  The
# numbers stand in t/unit/online_elec2.c.
#
#     online_elec2.py ../shared/data/elec2.csv

import csv
import math
import sys

NAMES = ['period', 'nswprice', 'nswdemand', 'vicprice', 'vicdemand',
         'transfer']

with open(sys.argv[1]) as f:
    rows = [([float(r[n]) for n in NAMES], int(r['class']))
            for r in csv.DictReader(f)]


def sigmoid(m):
    return 1 / (1 + math.exp(-m)) if m >= 0 \
        else math.exp(m) / (1 + math.exp(m))


def log_loss(m, y):
    return max(m, 0) - y * m + math.log1p(math.exp(-abs(m)))


def run(name, step, weight):
    z, n = [0.0] * 7, [0.0] * 7
    loss = right = 0
    for x, y in rows:
        x = x + [1.0]
        w = [weight(a, b) for a, b in zip(z, n)]
        m = sum(a * b for a, b in zip(w, x))
        loss += log_loss(m, y)
        right += (m > 0) == (y == 1)
        g = sigmoid(m) - y
        for i in range(7):
            z[i], n[i] = step(z[i], n[i], w[i], g * x[i])
    print('%-30s log loss %.10f, accuracy %.10f' % (name, loss / len(rows),
                                                   right / len(rows)))
    print('  weights', ' '.join('%.7g' % weight(a, b) for a, b in zip(z, n)))


def ftrl(alpha, beta, l1, l2):
    def weight(z, n):
        if abs(z) <= l1:
            return 0.0
        return -(z - math.copysign(l1, z)) / ((beta + math.sqrt(n)) / alpha
                                              + l2)

    def step(z, n, w, g):
        return (z + g - (math.sqrt(n + g * g) - math.sqrt(n)) / alpha * w,
                n + g * g)
    run('ftrl %g %g %g %g' % (alpha, beta, l1, l2), step, weight)


def adagrad(rate):
    def step(w, n, _, g):
        n += g * g
        return w - rate * g / math.sqrt(n + 1e-8), n
    run('adagrad %g' % rate, step, lambda w, n: w)


ftrl(0.1, 1, 0, 0)
ftrl(1.0, 1, 0, 0)
ftrl(1.0, 1, 1.0, 0.1)
adagrad(0.1)
adagrad(1.0)

try:
    import river
    from river import linear_model, optim
except ImportError:
    sys.exit()


def of_river(name, optimizer):
    """The intercept as a feature of value 1, as ours has it."""
    model = linear_model.LogisticRegression(optimizer=optimizer,
                                            intercept_lr=0)
    loss = right = 0
    for x, y in rows:
        x = dict(zip(NAMES, x), bias=1.0)
        p = model.predict_proba_one(x)[True]
        p = min(max(p, 1e-15), 1 - 1e-15)
        loss -= math.log(p if y else 1 - p)
        right += (p > 0.5) == (y == 1)
        model.learn_one(x, bool(y))
    print('River %s %-22s log loss %.10f, accuracy %.10f'
          % (river.__version__, name, loss / len(rows), right / len(rows)))


of_river('ftrl 0.1 1 0 0', optim.FTRLProximal(0.1, 1, 0, 0))
of_river('ftrl 1 1 0 0', optim.FTRLProximal(1.0, 1, 0, 0))
of_river('ftrl 1 1 1 0.1', optim.FTRLProximal(1.0, 1, 1.0, 0.1))
of_river('adagrad 0.1', optim.AdaGrad(0.1))
of_river('adagrad 1', optim.AdaGrad(1.0))
