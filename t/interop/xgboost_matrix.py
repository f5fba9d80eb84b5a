#!/usr/bin/python3
"""Trains models with the XGBoost at hand, imports them, and compares answers.

    xgboost_matrix.py MLOPSCTL FOLDER [ROWS]

Boosters by objectives by missing values by categories by file formats, ROWS
(default 2000) rows each; then exports the image, and lets the library predict
with that.  Prints a line for each model with the worst difference of margins
and predictions in units of the last place of float32; ends with 1 unless all
margins are the same bits and predictions within 2.
"""

import csv
import os
import subprocess
import sys
import warnings

import numpy as np
import xgboost as xgb

warnings.filterwarnings('ignore')

FEATURES = 7
TRAINING = 1200
VERSION = tuple(int(v) for v in xgb.__version__.split('.')[:2])
ULPS = 2

MLOPSCTL, FOLDER = sys.argv[1], sys.argv[2]
ROWS = int(sys.argv[3]) if len(sys.argv) > 3 else 2000


def ulps(got, want):
    got = got.astype(np.float32)
    want = want.astype(np.float32)
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    step = np.spacing(np.maximum(np.abs(want), np.finfo(np.float32).tiny))

    with np.errstate(invalid='ignore'):
        d = np.abs(got.astype(np.float64) - want.astype(np.float64)) / step

    d = np.where(same, 0, np.where(np.isnan(d), np.inf, d))

    return float(d.max())


def make(rows, missing, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, FEATURES)).astype(np.float32)
    x[:, 1] = np.round(x[:, 1] * 8) / 8

    s = (x[:, 0] * 2 - x[:, 1] * x[:, 2] + np.abs(x[:, 3])
         + np.where(x[:, 4] > 0.5, x[:, 5], 0))

    if missing:
        x[rng.random(x.shape) < missing] = np.nan

    return rng, x, s


def label(objective, s, rng):
    noise = rng.normal(size=len(s)) * 0.1

    if objective in ('binary:logistic', 'binary:logitraw', 'binary:hinge',
                     'reg:logistic'):
        return (s + noise > 0.8).astype(float)

    if objective.startswith('multi:'):
        return (s > 0).astype(int) + (s > 1.5).astype(int) + (s > 3)

    if objective.startswith('rank:'):
        return (s + noise > 0.8).astype(int)

    if objective == 'count:poisson':
        return rng.poisson(np.exp(np.clip(s / 3, -2, 2)))

    if objective in ('reg:gamma', 'reg:tweedie', 'survival:cox',
                     'survival:aft', 'reg:squaredlogerror'):
        return np.exp(np.clip(s / 4 + noise, -2, 2))

    return s + noise


def matrix(x, types=None, **kw):
    if types is None:
        return xgb.DMatrix(x, **kw)

    return xgb.DMatrix(x, feature_types=types, enable_categorical=True, **kw)


def read(path, prefix):
    with open(path) as f:
        rows = csv.reader(f)
        names = next(rows)
        keep = [i for i, n in enumerate(names)
                if n == prefix or n.startswith(prefix + '_')]
        return np.array([[float(r[i]) if r[i] else np.nan for i in keep]
                         for r in rows])


def run(args, **kw):
    p = subprocess.run([MLOPSCTL] + args, stderr=subprocess.PIPE, text=True,
                       timeout=120, **kw)

    if p.returncode != 0:
        raise RuntimeError(' '.join(args) + ': ' + p.stderr.strip())


def answers(booster, suffix, rows):
    """Margins and predictions of a model file, by mlopsctl."""

    model = os.path.join(FOLDER, 'model.' + suffix)
    image = os.path.join(FOLDER, 'model.mlm')
    out = os.path.join(FOLDER, 'out.csv')

    booster.save_model(model)
    run(['import', model, '-o', image], stdout=subprocess.DEVNULL)
    result = []

    for signature, name in (('margin', 'margin'), ('default', 'prediction')):
        with open(rows) as src, open(out, 'w') as dst:
            run(['predict', image, '--signature', signature], stdin=src,
                stdout=dst)

        result.append(read(out, name))

    return result


def exported(d, expected):
    """Margins and predictions of the image as a file of the library."""

    image = os.path.join(FOLDER, 'model.mlm')
    back = os.path.join(FOLDER, 'xgboost.json')
    pred = None

    try:
        run(['export', image, '--to', back, '--signature', 'default'],
            stdout=subprocess.DEVNULL)

    except RuntimeError as e:

        # a link that the file cannot have without more: the margins alone

        if 'has only a link there' not in str(e):
            raise

        run(['export', image, '--to', back, '--signature', 'margin'],
            stdout=subprocess.DEVNULL)
        pred = expected

    b = xgb.Booster(model_file=back)
    margin = b.predict(d, output_margin=True).reshape(d.num_row(), -1)

    if pred is None:
        pred = b.predict(d).reshape(d.num_row(), -1)

    return margin, pred


def write_rows(path, names, columns):
    with open(path, 'w', newline='') as f:
        w = csv.writer(f)
        w.writerow(names)

        for row in zip(*columns):
            w.writerow(['' if v is None or v != v else
                        v if isinstance(v, str) else repr(float(v))
                        for v in row])


def compare(what, booster, d, rows):
    margin = booster.predict(d, output_margin=True).reshape(d.num_row(), -1)
    pred = booster.predict(d).reshape(d.num_row(), -1)
    good = True

    ways = ['json', 'ubj']

    if not what.startswith('gblinear'):
        ways.append('back')

    for suffix in ways:
        try:
            got_margin, got_pred = (exported(d, pred) if suffix == 'back'
                                    else answers(booster, suffix, rows))
            a = ulps(got_margin, margin)
            b = ulps(got_pred, pred)
            text = '%8g %8g' % (a, b)
            fine = (a == 0 and b <= ULPS)

        except (RuntimeError, ValueError, xgb.core.XGBoostError) as e:
            text = '       -        - ' + str(e)
            fine = False

        print('%-58s %-4s %s%s' % (what, suffix, text,
                                   '' if fine else '  FAILED'), flush=True)
        good = good and fine

    return good


def numerical(booster, objective, missing, extra, rounds=8):
    rng, x, s = make(TRAINING, missing, 11)
    y = label(objective, s, rng)
    p = {'booster': booster, 'objective': objective, 'max_depth': 4,
         'nthread': 2, 'verbosity': 0, 'seed': 3}

    if booster == 'dart':
        p.update(rate_drop=0.3, one_drop=1)

    if booster == 'gblinear':
        p.pop('max_depth')
        p.update(updater='coord_descent', feature_selector='cyclic')

    if objective.startswith('multi:'):
        p['num_class'] = 4

    p.update(extra)

    if extra.get('targets'):
        p.pop('targets')
        y = np.stack([y, 1 - y, y * 0.5], axis=1)

    kw = {}

    if objective.startswith('rank:'):
        kw['group'] = [60] * (TRAINING // 60)

    if objective == 'survival:aft':
        d = matrix(x)
        d.set_float_info('label_lower_bound', y)
        d.set_float_info('label_upper_bound', y * 1.3)
    else:
        d = matrix(x, label=y, **kw)

    model = xgb.train(p, d, rounds)
    _, z, _ = make(ROWS, missing, 12)
    rows = os.path.join(FOLDER, 'rows.csv')
    write_rows(rows, ['f%d' % i for i in range(FEATURES)], z.T)

    name = ' '.join([objective] + ['%s=%s' % kv for kv in extra.items()])

    return compare('%-8s %-40s %s' % (booster, name,
                                      'missing' if missing else ''),
                   model, matrix(z), rows)


def categorical(booster, objective, missing, codes):
    """Integer codes; new ones beyond those of training among the rows."""

    def data(rows, seed):
        rng, x, s = make(rows, missing, seed)
        c = rng.integers(0, codes + (3 if seed == 22 else 0), rows)
        x[:, 0] = np.where(np.isnan(x[:, 0]), np.nan, c)

        return rng, x, np.nan_to_num(s) + np.sin(c)

    types = ['c'] + ['q'] * (FEATURES - 1)
    rng, x, s = data(TRAINING, 21)
    p = {'booster': booster, 'objective': objective, 'max_depth': 5,
         'tree_method': 'hist', 'max_cat_to_onehot': 5, 'nthread': 2,
         'verbosity': 0}

    if objective.startswith('multi:'):
        p['num_class'] = 4

    model = xgb.train(p, matrix(x, types, label=label(objective, s, rng)), 8)
    _, z, _ = data(ROWS, 22)
    rows = os.path.join(FOLDER, 'rows.csv')
    write_rows(rows, ['f%d' % i for i in range(FEATURES)], z.T)

    return compare('%-8s %-40s %s' % (booster, '%s categories=%d' % (
        objective, codes), 'missing' if missing else ''), model,
        matrix(z, types), rows)


def strings(objective):
    """Categories by name, which files have since 3.1."""

    import pandas as pd

    words = ['red', 'green', 'blue', 'with, comma', 'a "b"', '7', ' ']

    # before 3.4 the library garbles names that are not ASCII

    if VERSION >= (3, 4):
        words.append('gr\u00fcn')

    codes = [3, -5, 1000, 70000]

    def data(rows, seed):
        rng, x, s = make(rows, 0.1, seed)
        w = rng.integers(0, len(words), rows)
        c = rng.integers(0, len(codes), rows)
        frame = pd.DataFrame({
            'word': pd.Categorical([words[i] if rng.random() > 0.1 else None
                                    for i in w], categories=words),
            'code': pd.Categorical([codes[i] for i in c], categories=codes),
            'x': x[:, 2], 'y': x[:, 3]})

        return rng, frame, np.nan_to_num(s) + np.cos(w) + c

    rng, frame, s = data(TRAINING, 31)
    d = xgb.DMatrix(frame, label=label(objective, s, rng),
                    enable_categorical=True)
    model = xgb.train({'objective': objective, 'max_depth': 5,
                       'tree_method': 'hist', 'max_cat_to_onehot': 3,
                       'nthread': 2, 'verbosity': 0}, d, 8)

    _, frame, _ = data(ROWS, 32)
    rows = os.path.join(FOLDER, 'rows.csv')
    frame.to_csv(rows, index=False)

    return compare('%-8s %-40s %s' % ('gbtree', objective + ' names', ''),
                   model, xgb.DMatrix(frame, enable_categorical=True), rows)


def cases():
    trees = ['reg:squarederror', 'reg:squaredlogerror', 'reg:logistic',
             'reg:pseudohubererror', 'binary:logistic', 'binary:logitraw',
             'binary:hinge', 'count:poisson', 'reg:gamma', 'reg:tweedie',
             'survival:cox', 'survival:aft', 'multi:softprob',
             'multi:softmax', 'rank:pairwise', 'rank:ndcg', 'rank:map']
    linear = ['reg:squarederror', 'binary:logistic', 'count:poisson',
              'reg:gamma', 'multi:softprob', 'multi:softmax']

    if VERSION >= (1, 7):
        trees.append('reg:absoluteerror')

    for missing in (0, 0.15):
        for o in trees:
            yield numerical, ('gbtree', o, missing, {})

        for o in ('reg:squarederror', 'binary:logistic', 'multi:softprob',
                  'count:poisson'):
            yield numerical, ('dart', o, missing, {})

        for o in linear:
            yield numerical, ('gblinear', o, missing, {})

        for o in ('reg:squarederror', 'multi:softprob'):
            yield numerical, ('gbtree', o, missing,
                              {'num_parallel_tree': 3, 'subsample': 0.6})
            yield numerical, ('gbtree', o, missing,
                              {'tree_method': 'hist',
                               'grow_policy': 'lossguide', 'max_depth': 0,
                               'max_leaves': 40})

        for o in ('reg:squarederror', 'binary:logistic'):
            yield numerical, ('gbtree', o, missing, {'targets': 3})

            if VERSION >= (2, 0):
                yield numerical, ('gbtree', o, missing,
                                  {'targets': 3, 'tree_method': 'hist',
                                   'multi_strategy': 'multi_output_tree'})

        yield numerical, ('gbtree', 'binary:logistic', missing,
                          {'base_score': 0.2})
        yield numerical, ('gbtree', 'reg:squarederror', missing,
                          {'tree_method': 'exact', 'gamma': 40,
                           'max_depth': 7})

        if VERSION >= (2, 0):
            yield numerical, ('gbtree', 'reg:quantileerror', missing,
                              {'quantile_alpha': [0.1, 0.5, 0.9]})

        for codes in (4, 60):
            for o in ('reg:squarederror', 'binary:logistic',
                      'multi:softprob'):
                yield categorical, ('gbtree', o, missing, codes)

            yield categorical, ('dart', 'reg:squarederror', missing, codes)

    if VERSION >= (3, 1):
        for o in ('reg:squarederror', 'binary:logistic'):
            yield strings, (o,)


def main():
    good = bad = 0

    print('%-58s %-4s %8s %8s' % ('xgboost ' + xgb.__version__, 'file',
                                  'margin', 'output'))

    for function, args in cases():
        if function(*args):
            good += 1
        else:
            bad += 1

    print('xgboost %s: %d models of %d rows and two files, %d failed'
          % (xgb.__version__, good + bad, ROWS, bad))

    return 1 if bad or not good else 0


if __name__ == '__main__':
    sys.exit(main())
