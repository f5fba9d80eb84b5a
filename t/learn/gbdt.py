#!/usr/bin/python3

# Writes t/unit/gbdt_vectors.h: boosted trees on a few rows, grown greedily by
# NumPy straight from the formulas, split by split over all rows, without
# histograms.  Margins and gradients are float32, sums float64.
#
#     gbdt.py > t/unit/gbdt_vectors.h
#
# Where XGBoost is installed (Debian: python3-xgboost), the trees of the cases
# that it can grow, too, are compared with its own exact ones by their
# predictions; the script fails where they differ.

import heapq
import sys

import numpy as np

from splitmix import SplitMix

F = np.float32
NONE = 4294967295


def shrink(g, l1):
    return np.sign(g) * max(abs(g) - l1, 0.0)


class Tree:
    """Leaf by leaf; numbers and gains are those of mlops_gbdt.h."""

    def __init__(self, x, codes, g, h, w, p):
        self.x, self.codes, self.p = x, codes, p
        self.g = g.astype(float)
        self.h = h.astype(float)
        self.nodes = [None]
        self.rows = {0: np.arange(len(g))}
        self.cuts = [self.cuts_of(x[:, j]) for j in range(x.shape[1])]
        self.bounds = {0: (-np.inf, np.inf)}
        self.l2 = {0: p['l2']}
        heap, leaves, depth = [], 1, {0: 0}
        self.offer(heap, 0, depth)

        while heap and leaves < p['leaves']:
            _, node, s = heapq.heappop(heap)
            rows = self.rows.pop(node)
            left, right = len(self.nodes), len(self.nodes) + 1
            self.nodes[node] = dict(s, left=left, right=right)
            self.nodes += [None, None]
            self.rows[left] = rows[~s['right_rows']]
            self.rows[right] = rows[s['right_rows']]
            depth[left] = depth[right] = depth[node] + 1
            self.l2[left] = self.l2[right] = s['l2']
            lo, hi = self.bounds[node]
            self.bounds[left] = self.bounds[right] = (lo, hi)
            sign = p['monotone'].get(s['feature'], 0)
            if sign and not s.get('alone'):
                a = self.weight(self.rows[left], s['l2'], lo, hi)
                b = self.weight(self.rows[right], s['l2'], lo, hi)
                mid = (a + b) / 2
                below, above = (lo, mid), (mid, hi)
                self.bounds[left] = below if sign > 0 else above
                self.bounds[right] = above if sign > 0 else below
            leaves += 1
            self.offer(heap, left, depth)
            self.offer(heap, right, depth)

        for node, rows in self.rows.items():
            v = self.weight(rows, self.l2[node], *self.bounds[node])
            self.nodes[node] = dict(leaf=F(v * p['learning_rate']),
                                    rows=rows)

    @staticmethod
    def cuts_of(v):
        v = np.unique(v[~np.isnan(v)].astype(F))
        cut = [F((float(a) + (float(b) - float(a)) / 2))
               for a, b in zip(v, v[1:])]
        return [c if c > a else b for c, a, b in zip(cut, v, v[1:])]

    def sums(self, rows):
        return self.g[rows].sum(), self.h[rows].sum()

    def weight(self, rows, l2, lo, hi):
        g, h = self.sums(rows)
        if h + l2 <= 0:
            return 0.0
        w = -shrink(g, self.p['l1']) / (h + l2)
        step = self.p['max_delta_step']
        if step:
            w = min(max(w, -step), step)
        return min(max(w, lo), hi)

    def gain(self, rows, l2, lo, hi):
        g, h = self.sums(rows)
        w = self.weight(rows, l2, lo, hi)
        return -(2 * g * w + (h + l2) * w * w + 2 * self.p['l1'] * abs(w))

    def offer(self, heap, node, depth):
        p, rows = self.p, self.rows[node]
        if p['depth'] and depth[node] >= p['depth']:
            return
        lo, hi = self.bounds[node]
        best = None
        for j in range(self.x.shape[1]):
            for s in (self.sets(rows, j) if j in self.codes
                      else self.numbers(rows, j)):
                l, r = rows[~s['right_rows']], rows[s['right_rows']]
                if len(l) < p['min_rows'] or len(r) < p['min_rows']:
                    continue
                if min(self.sums(l)[1], self.sums(r)[1]) < p['min_hessian']:
                    continue
                sign = p['monotone'].get(j, 0)
                if sign and not s.get('alone'):
                    a = self.weight(l, s['l2'], lo, hi)
                    b = self.weight(r, s['l2'], lo, hi)
                    if (sign > 0 and a > b) or (sign < 0 and a < b):
                        continue
                gain = (self.gain(l, s['l2'], lo, hi)
                        + self.gain(r, s['l2'], lo, hi))
                if best is None or gain > best['gain'] * (1 + 1e-12):
                    best = dict(s, gain=gain)
        if best is None:
            return
        best['gain'] -= self.gain(rows, p['l2'], lo, hi)
        if best['gain'] > max(p['min_gain'], 1e-9):
            heapq.heappush(heap, (-best['gain'], node, best))

    def numbers(self, rows, j):
        v = self.x[rows, j].astype(F)
        missing = np.isnan(v)
        for side in ((0, 1) if missing.any() else (0,)):
            for c in self.cuts[j] + ([F(np.finfo(F).max)] if side == 0
                                     and missing.any() else []):
                right = np.where(missing, side == 0, ~(v < c))
                if not right.any() or right.all():
                    continue
                default = side
                alone = c == np.finfo(F).max
                if (self.p['monotone'].get(j, 0) and not alone
                        and (right == missing).all() and side == 0):
                    continue
                if not missing.any():
                    hl, hr = (self.sums(rows[~right])[1],
                              self.sums(rows[right])[1])
                    default = int(hl >= hr)
                yield dict(feature=j, threshold=c, right_rows=right,
                           default_left=default, l2=self.p['l2'],
                           alone=alone)

    def sets(self, rows, j):
        p, v = self.p, self.x[rows, j]
        k = np.where(np.isnan(v), 255, v).astype(int)
        present = sorted(set(k))
        few = len(set(self.x[:, j][~np.isnan(self.x[:, j])]))
        if few <= p['cat_few']:
            for c in present:
                yield self.of_set(j, k, [c], p['l2'])
            return
        ratio = {}
        for c in present:
            g, h = self.sums(rows[k == c])
            if (k == c).sum() >= p['cat_smooth']:
                ratio[c] = g / (h + p['cat_smooth'])
        order = sorted(ratio, key=lambda c: (ratio[c], c))
        most = min((len(order) + 1) // 2, p['cat_max'])
        for turn in (order, order[::-1]):
            group = 0
            for i in range(most):
                chosen = turn[:i + 1]
                group += (k == turn[i]).sum()
                if len(k) - np.isin(k, chosen).sum() < p['cat_rows']:
                    break
                if group < p['cat_rows']:
                    continue
                s = self.of_set(j, k, chosen, p['l2'] + p['cat_l2'])
                l, r = rows[~s['right_rows']], rows[s['right_rows']]
                if (min(len(l), len(r)) < p['min_rows']
                        or min(self.sums(l)[1], self.sums(r)[1])
                        < p['min_hessian']):
                    continue
                group = 0
                yield s

    @staticmethod
    def of_set(j, k, chosen, l2):
        return dict(feature=j, set=sorted(c for c in chosen if c != 255),
                    right_rows=np.isin(k, chosen), l2=l2,
                    default_left=int(255 not in chosen))

    def flat(self, node=0):
        n = self.nodes[node]
        if 'leaf' in n:
            return [(-1, float(n['leaf']), 0, ())]
        return ([(n['feature'], float(n.get('threshold', 0)),
                  n['default_left'], tuple(n.get('set', ())))]
                + self.flat(n['left']) + self.flat(n['right']))


def gradients(objective, m, y, w, p):
    m = m.astype(float)
    y = y.astype(float)
    if objective == 'logistic':
        q = 1 / (1 + np.exp(-m))
        g, h = q - y, q * (1 - q)
    elif objective == 'poisson':
        g, h = np.exp(m) - y, np.exp(m + p['max_delta_step'])
    elif objective == 'quantile':
        g, h = np.where(m >= y, 1 - p['quantile'], -p['quantile']), 1 + 0 * m
    elif objective == 'huber':
        g, h = np.clip(m - y, -p['delta'], p['delta']), 1 + 0 * m
    else:
        g, h = m - y, 1 + 0 * m
    return (g * w).astype(F), (h * w).astype(F)


def base(objective, y, w, p):
    mean = (w * y).sum() / w.sum()
    if objective == 'logistic':
        return np.log(mean / (1 - mean))
    if objective == 'poisson':
        return np.log(mean)
    if objective == 'quantile':
        return np.quantile(y, p['quantile'])
    if objective == 'huber':
        return np.median(y)
    return mean


DEFAULTS = dict(trees=3, leaves=5, depth=0, learning_rate=0.3, l1=0.0, l2=1.0,
                min_gain=0.0, min_hessian=1.0, min_rows=1, max_delta_step=0.0,
                quantile=0.5, delta=1.0, cat_smooth=1.0, cat_l2=10.0,
                cat_max=32, cat_few=4, cat_rows=1, monotone={})


def rows(n, seed, missing, categories):
    r = SplitMix(seed)
    x = np.array([[r.unit() * 8 - 4, round(r.unit() * 10),
                   F(r.unit()) * F(1e9), int(r.unit() * categories)]
                  for _ in range(n)], float)
    x[:, 2] = x[:, 2].astype(F)
    for i in range(n):
        for j in range(4):
            if r.unit() < missing:
                x[i, j] = np.nan
    z = (np.nan_to_num(x[:, 0]) + 0.3 * np.nan_to_num(x[:, 1])
         + np.sin(3 * np.nan_to_num(x[:, 3], nan=2.5))
         + np.array([r.unit() for _ in range(n)]))
    w = np.array([0.25 + r.unit() * 2 for _ in range(n)]).astype(F)
    u = np.array([r.unit() for _ in range(n)])
    return x, z, w.astype(float), u


CASES = [
    ('squared', 60, 1, 0.0, 5, dict()),
    ('squared', 60, 2, 0.2, 5, dict(l1=0.7, l2=0.0, leaves=8)),
    ('squared', 60, 3, 0.1, 3, dict(codes=True, weight=True, depth=3,
                                    leaves=16)),
    ('squared', 120, 4, 0.1, 14, dict(codes=True, cat_l2=1.0, leaves=9)),
    ('squared', 120, 5, 0.0, 14, dict(monotone={0: 1, 1: -1}, leaves=12)),
    ('logistic', 80, 6, 0.1, 5, dict(min_hessian=0.5, leaves=6)),
    ('logistic', 80, 7, 0.1, 9, dict(codes=True, weight=True, min_rows=7,
                                     min_gain=0.05, cat_rows=4)),
    ('poisson', 80, 8, 0.1, 5, dict(max_delta_step=0.7, leaves=6)),
    ('quantile', 80, 9, 0.1, 5, dict(quantile=0.8, min_rows=5)),
    ('huber', 80, 10, 0.1, 5, dict(delta=0.5, min_rows=5)),
    ('squared', 120, 11, 0.3, 14, dict(monotone={0: 1, 1: -1}, leaves=14)),
]


def fit(objective, n, seed, missing, categories, extra):
    p = dict(DEFAULTS)
    p.update({k: v for k, v in extra.items() if k in p})
    x, z, w, u = rows(n, seed, missing, categories)
    if objective == 'logistic':
        y = (u < 1 / (1 + np.exp(1 - z))).astype(float)
    elif objective == 'poisson':
        y = np.floor(np.exp(z / 3) * 2 * u)
    else:
        y = z.astype(F).astype(float)
    if not extra.get('weight'):
        w = np.ones(n)
    b = F(base(objective, y, w, p))
    m = np.full(n, b, F)
    trees = []
    for _ in range(p['trees']):
        g, h = gradients(objective, m, y, w, p)
        t = Tree(x, {3} if extra.get('codes') else {}, g, h, w, p)
        for node in t.nodes:
            if 'leaf' in node:
                if objective == 'quantile':
                    r = (y.astype(F) - m)[node['rows']].astype(float)
                    node['leaf'] = F(np.quantile(r, p['quantile'])
                                     * p['learning_rate'])
        for node in t.nodes:
            if 'leaf' in node:
                m[node['rows']] += node['leaf']
        trees.append(t.flat())
    return x, y, w, b, trees, m, p


def check(objective, x, y, w, b, m, p):
    """XGBoost's exact trees, where it has the objective."""
    try:
        import xgboost
    except ImportError:
        return None
    name = {'squared': 'reg:squarederror',
            'logistic': 'binary:logistic'}.get(objective)
    if name is None:
        return None
    start = 1 / (1 + np.exp(-float(b))) if objective == 'logistic' else b
    params = dict(objective=name, tree_method='hist', max_bin=256,
                  grow_policy='lossguide', max_depth=p['depth'],
                  max_leaves=p['leaves'], eta=p['learning_rate'],
                  reg_lambda=p['l2'], alpha=p['l1'], gamma=p['min_gain'],
                  min_child_weight=p['min_hessian'], base_score=float(start))
    if p['monotone']:
        return None
    d = xgboost.DMatrix(x.astype(F), y, weight=w)
    got = xgboost.train(params, d, p['trees']).predict(d, output_margin=True)
    return np.abs(got - m).max()


def numbers(name, kind, values):
    text = ', '.join('NAN' if isinstance(v, float) and np.isnan(v) else
                     ('%d' % v if kind != 'double' else
                      ('%.17g' % v)) for v in values)
    out = 'static const %s  %s[] = {\n' % (kind, name)
    line = '   '
    for word in text.split(', '):
        if len(line) + len(word) + 2 > 78:
            out += line + '\n'
            line = '   '
        line += ' ' + word + ','
    return out + line.rstrip(',') + '\n};\n'


def main():
    print('/*\n * Written by t/learn/gbdt.py: do not edit.\n */\n')
    listed = []
    for i, (objective, n, seed, missing, categories, extra) in \
            enumerate(CASES):
        x, y, w, b, trees, m, p = fit(objective, n, seed, missing,
                                      categories, extra)
        if not extra.get('codes') and not extra.get('weight') \
                and p['min_rows'] == 1:
            worst = check(objective, x, y, w, b, m, p)
            if worst is not None:
                print('case %d: XGBoost is within %g' % (i, worst),
                      file=sys.stderr)
                if worst > 1e-4:
                    sys.exit('gbdt.py: XGBoost has other trees')
        nodes = [node for t in trees for node in t]
        codes = [c for node in nodes for c in node[3]]
        print('\n/* Case %d: %s. */\n' % (i, objective))
        print(numbers('vector_x%d' % i, 'double',
                      [float(v) for v in x.T.ravel()]))
        print(numbers('vector_y%d' % i, 'double', [float(v) for v in y]))
        print(numbers('vector_w%d' % i, 'double', [float(v) for v in w]))
        print(numbers('vector_feature%d' % i, 'int',
                      [node[0] for node in nodes]))
        print(numbers('vector_value%d' % i, 'double',
                      [node[1] for node in nodes]))
        print(numbers('vector_left%d' % i, 'int',
                      [node[2] for node in nodes]))
        print(numbers('vector_sets%d' % i, 'int',
                      [len(node[3]) for node in nodes]))
        print(numbers('vector_codes%d' % i, 'int', codes or [0]))
        print(numbers('vector_margin%d' % i, 'double',
                      [float(v) for v in m]))
        listed.append(
            '    { MLOPS_GBDT_%s, %d, %d, %d, %d, %s, %d,\n'
            '      %g, %g, %g, %g, %d, %g, %g, %g, %g, %d, %d, %d,\n'
            '      vector_x%d, vector_y%d, vector_w%d, vector_feature%d,\n'
            '      vector_value%d, vector_left%d, vector_sets%d,\n'
            '      vector_codes%d, vector_margin%d, %d, %.17g }'
            % ((objective.upper(), n, p['trees'], p['leaves'], p['depth'],
                '%g' % p['learning_rate'], bool(extra.get('weight')),
                p['l1'], p['l2'], p['min_gain'], p['min_hessian'],
                p['min_rows'], p['max_delta_step'], p['quantile'],
                p['delta'], p['cat_l2'], p['cat_rows'],
                bool(extra.get('codes')), bool(p['monotone']))
               + (i,) * 9 + (len(nodes), float(b))))
    print('\nstatic const vector_t  vectors[] = {')
    print(',\n'.join(listed))
    print('};')


main()
