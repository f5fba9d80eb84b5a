#!/usr/bin/python3

# Writes t/unit/online_vectors.h: FTRL-proximal, AdaGrad and recursive least
# squares, step by step, by NumPy from the formulas of their papers.
#
# The first two are computed twice.  In float32, each operation by itself and
# sums in eight lanes as workers/learn/mlops_online.h says: the bits of the
# tables.  And in float64, straight from the algorithms, to say how far float32
# is from them; the script fails where that is further than it ought to be.
# Recursive least squares is the closed form of weighted ridge regression,
# solved anew at each step.
#
#     online.py > t/unit/online_vectors.h

import textwrap

import numpy as np

from splitmix import SplitMix

F = np.float32
CLIP = F(2.0 ** 40)


def examples(seed, count, loss):
    """Of a table of 32 slots, so that slots are shared by features, and one
    index in five is there twice in one example."""
    rng = SplitMix(seed)
    made = []
    for _ in range(count):
        n = 1 + rng.next() % 19
        index = [int(rng.next() % 1000) for _ in range(n)]
        if n > 1 and rng.next() % 5 == 0:
            index[n - 1] = index[0]
        value = [F(round(4 * rng.unit() - 2, 3)) for _ in range(n)]
        u = rng.unit()
        if loss == 'logistic':
            label = float(u < 0.4)
        elif loss == 'poisson':
            label = float(int(4 * u))
        else:
            label = round(10 * u - 5, 2)
        weight = [1.0, 1.0, 0.5, 3.0, 0.0][rng.next() % 5]
        made.append((index, value, label, weight))
    return made


def slope(loss, margin, label, conf):
    if loss == 'logistic':
        e = np.exp(-abs(margin))
        return (1 if margin >= 0 else e) / (1 + e) - label
    if loss == 'poisson':
        return np.exp(min(margin, 30.0)) - label
    if loss == 'squared':
        return margin - label
    if loss == 'quantile':
        q = conf['quantile']
        return -q if label > margin else 1 - q if label < margin else 0.0
    if loss == 'huber':
        d = conf['delta']
        return float(np.clip(margin - label, -d, d))
    raise ValueError(loss)


def loss_of(loss, margin, label, conf):
    if loss == 'logistic':
        return np.logaddexp(0, margin) - label * margin
    if loss == 'poisson':
        mu = np.exp(min(margin, 30.0))
        return 2 * ((label * np.log(label / mu) if label > 0 else 0)
                    - (label - mu))
    if loss == 'squared':
        return (margin - label) ** 2
    if loss == 'quantile':
        q = conf['quantile']
        return q * (label - margin) if label > margin \
            else (1 - q) * (margin - label)
    if loss == 'huber':
        d, a = conf['delta'], abs(margin - label)
        return a * a / 2 if a <= d else d * (a - d / 2)
    raise ValueError(loss)


def fold(products):
    """Eight sums in float64."""
    s = [0.0] * 8
    for i, p in enumerate(products):
        s[i % 8] += p
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))


def weight32(kind, a, n, conf):
    if kind == 'adagrad':
        return a
    over = F(abs(a) - F(conf['l1']))
    if not over > 0:
        return F(0)
    under = F(F(F(conf['beta']) + np.sqrt(n)) * F(1 / conf['alpha']))
    under = F(under + F(conf['l2']))
    return F(-np.copysign(over, a) / under)


def learn32(kind, loss, conf, made):
    a = np.zeros(32, F)
    n = np.zeros(32, F)
    margins, total, weights = [], 0.0, 0.0
    for index, value, label, h in made:
        at = [i % 32 for i in index]
        old = [n[i] for i in at]
        w = [weight32(kind, a[i], n[i], conf) for i in at]
        m = fold([float(x) * float(y) for x, y in zip(w, value)])
        margins.append(m)
        total += h * loss_of(loss, m, label, conf)
        weights += h
        if h == 0:
            continue
        g = F(np.clip(slope(loss, m, label, conf) * h, -conf['clip'],
                      conf['clip']))
        for i, o, wi, x in zip(at, old, w, value):
            if kind == 'ftrl':
                step = np.clip(F(g * x), -CLIP, CLIP)
                sq = F(step * step)
                sigma = F(F(np.sqrt(F(o + sq)) - np.sqrt(o))
                          * F(1 / conf['alpha']))
                a[i] = F(a[i] + F(step - F(sigma * wi)))
            else:
                step = np.clip(F(F(g * x) + F(F(conf['l2']) * wi)), -CLIP,
                               CLIP)
                sq = F(step * step)
                root = np.sqrt(F(F(o + sq) + F(conf['epsilon'])))
                a[i] = F(a[i] - F(F(F(conf['rate']) * step) / root))
            n[i] = F(n[i] + sq)
    return a, n, margins, total / weights


def learn64(kind, loss, conf, made):
    """The algorithm as published, in float64: features that share a slot in
    one example each see the weight before it."""
    a = np.zeros(32)
    n = np.zeros(32)
    margins = []

    def weight(i):
        if kind == 'adagrad':
            return a[i]
        if abs(a[i]) <= conf['l1']:
            return 0.0
        return -(a[i] - np.sign(a[i]) * conf['l1']) \
            / ((conf['beta'] + np.sqrt(n[i])) / conf['alpha'] + conf['l2'])

    for index, value, label, h in made:
        at = np.array(index) % 32
        x = np.array(value, dtype=np.float64)
        w = np.array([weight(i) for i in at])
        m = float(w @ x)
        margins.append(m)
        if h == 0:
            continue
        g = np.clip(slope(loss, m, label, conf) * h, -conf['clip'],
                    conf['clip']) * x
        if kind == 'adagrad':
            g = g + conf['l2'] * w
        old = n[at]
        if kind == 'ftrl':
            sigma = (np.sqrt(old + g * g) - np.sqrt(old)) / conf['alpha']
            np.add.at(a, at, g - sigma * w)
        else:
            np.add.at(a, at, -conf['rate'] * g
                      / np.sqrt(old + g * g + conf['epsilon']))
        np.add.at(n, at, g * g)
    return margins


def c_array(kind, name, texts):
    print('static const %s  %s[] = {' % (kind, name))
    print(textwrap.fill(', '.join(texts), 79, initial_indent='    ',
                        subsequent_indent='    '))
    print('};\n')


def c_floats(name, values):
    c_array('float', name, ['%.9gf' % v if '.' in '%.9g' % v
                            or 'e' in '%.9g' % v else '%.9g' % v
                            for v in values])


def c_doubles(name, values):
    c_array('double', name, ['%.17g' % v if float('%.12g' % v) != v
                             else '%.12g' % v for v in values])


def c_ints(name, values):
    c_array('uint32_t', name, [str(v) for v in values])


CASES = [
    ('ftrl', 'logistic', dict(alpha=0.1, beta=1.0, l1=0.05, l2=0.25)),
    ('ftrl', 'squared', dict(alpha=0.5, beta=0.5, l1=0.0, l2=0.0)),
    ('ftrl', 'poisson', dict(alpha=0.05, beta=1.0, l1=0.1, l2=0.0, clip=4.0)),
    ('adagrad', 'logistic', dict(rate=0.1, l2=0.01)),
    ('adagrad', 'squared', dict(rate=0.3, l2=0.0)),
    ('adagrad', 'poisson', dict(rate=0.05, l2=0.0)),
    ('adagrad', 'quantile', dict(rate=0.2, l2=0.0, quantile=0.9)),
    ('adagrad', 'huber', dict(rate=0.2, l2=0.001, delta=1.5)),
]

DEFAULTS = dict(alpha=0.0, beta=0.0, l1=0.0, l2=0.0, rate=0.0, epsilon=1e-8,
                quantile=0.5, delta=1.0, clip=2.0 ** 40)


SETTINGS = ['alpha', 'beta', 'l1', 'l2', 'rate', 'epsilon', 'quantile',
            'delta', 'clip']
ARRAYS = ['count', 'index', 'value', 'label', 'weight', 'margin', 'a', 'n']


def sparse():
    rows = []
    for k, (kind, loss, given) in enumerate(CASES):
        conf = dict(DEFAULTS, **given)
        made = examples(100 + k, 60, loss)
        a, n, margins, mean = learn32(kind, loss, conf, made)
        far = np.max(np.abs(np.array(margins)
                            - learn64(kind, loss, conf, made)))
        assert far < 2e-4, (kind, loss, far)

        c_ints('count_%d' % k, [len(e[0]) for e in made])
        c_ints('index_%d' % k, [i for e in made for i in e[0]])
        c_floats('value_%d' % k, [v for e in made for v in e[1]])
        c_doubles('label_%d' % k, [e[2] for e in made])
        c_doubles('weight_%d' % k, [e[3] for e in made])
        c_doubles('margin_%d' % k, margins)
        c_floats('a_%d' % k, a)
        c_floats('n_%d' % k, n)
        rows.append(textwrap.fill('{ MLOPS_ONLINE_%s, MLOPS_ONLINE_%s, '
                                  % (kind.upper(), loss.upper())
                                  + ', '.join('%.17g' % conf[x]
                                              for x in SETTINGS)
                                  + ', %d, ' % len(made)
                                  + ', '.join('%s_%d' % (x, k)
                                              for x in ARRAYS)
                                  + ', %.17g }' % mean, 79,
                                  initial_indent='    ',
                                  subsequent_indent='      '))
    print('static const case_t  cases[] = {')
    print(',\n'.join(rows))
    print('};\n')


def rls():
    rng = SplitMix(7)
    p, count = 6, 40
    x, y, h = [], [], []
    for i in range(count):
        row = [round(2 * rng.unit() - 1, 4) * 10.0 ** (j - 2)
               for j in range(p - 1)] + [1.0]
        x.append(row)
        y.append(round(sum(row[j] * (j - 2) for j in range(p))
                       + rng.unit(), 4))
        h.append([1.0, 1.0, 2.5, 0.25, 0.0][rng.next() % 5])
    print('enum { RLS_P = %d, RLS_N = %d };\n' % (p, count))
    c_doubles('rls_x', [v for row in x for v in row])
    c_doubles('rls_y', y)
    c_doubles('rls_h', h)
    for name, lam, ridge in (('one', 1.0, 0.5), ('forget', 0.97, 0.01)):
        weights = []
        t = 0
        xs, ys, hs, ages = [], [], [], []
        for row, label, weight in zip(x, y, h):
            if weight > 0:
                t += 1
                xs.append(row)
                ys.append(label)
                hs.append(weight)
                ages.append(t)
            a = np.array(xs).reshape(-1, p)
            d = np.array(hs) * lam ** (t - np.array(ages, float))
            m = a.T @ (a * d[:, None]) + ridge * lam ** t * np.eye(p)
            weights += list(np.linalg.solve(m, a.T @ (d * np.array(ys))))
        c_doubles('rls_%s' % name, weights)


print('''/*
 * Made by t/learn/online.py: do not edit.
 */

#ifndef ONLINE_VECTORS_H
#define ONLINE_VECTORS_H


typedef struct {
    mlops_online_algorithm_t   algorithm;
    mlops_online_loss_t        loss;
    double                     alpha, beta, l1, l2, rate, epsilon, quantile;
    double                     delta, clip;
    uint32_t                   n;
    const uint32_t            *count, *index;
    const float               *value;
    const double              *label, *weight, *margin;
    const float               *a, *squares;
    double                     loss_mean;
} case_t;

''')
sparse()
rls()
print('\n#endif /* ONLINE_VECTORS_H */')
