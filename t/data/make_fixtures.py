#!/usr/bin/python3
"""Trains the small XGBoost models of t/data/xgboost, with that library's
answers.

    /usr/bin/python3 t/data/make_fixtures.py [FOLDER]

Needs python3-xgboost (Debian's 1.7.4 made what is committed) and numpy.  For
each NAME it writes NAME.json, for some NAME.ubj, and NAME.csv: the features
(an empty cell is missing), then predK (Booster.predict) and marginK (the
same with output_margin), as the shortest decimals of the doubles that the
float32 numbers are.
"""

import os
import sys

import numpy as np
import xgboost as xgb

ROWS = 60


def data(rows, features, missing, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, features)).astype(np.float32)
    x[:, 0] = np.round(x[:, 0] * 4) / 4

    if missing:
        x[rng.random(x.shape) < missing] = np.nan

    return rng, x


def signal(x):
    z = np.nan_to_num(x, nan=0.3)

    return z[:, 0] * 2 - z[:, 1] * z[:, 2] + np.abs(z[:, 3])


def cell(v):
    return '' if np.isnan(v) else repr(float(v))


def write(folder, name, booster, x, types=None, ubj=False, rounds=(0, 0)):
    d = xgb.DMatrix(x, feature_types=types,
                    enable_categorical=types is not None)
    pred = booster.predict(d, iteration_range=rounds)
    margin = booster.predict(d, output_margin=True, iteration_range=rounds)
    pred = pred.reshape(len(x), -1)
    margin = margin.reshape(len(x), -1)

    booster.save_model(os.path.join(folder, name + '.json'))

    if ubj:
        booster.save_model(os.path.join(folder, name + '.ubj'))

    names = booster.feature_names
    names = names or ['f%d' % i for i in range(x.shape[1])]

    with open(os.path.join(folder, name + '.csv'), 'w') as f:
        f.write(','.join(list(names)
                         + ['pred%d' % i for i in range(pred.shape[1])]
                         + ['margin%d' % i for i in range(margin.shape[1])])
                + '\n')

        for row in np.hstack([x, pred, margin]):
            f.write(','.join(cell(v) for v in row) + '\n')


def train(name, folder, params, y, features=6, missing=0.0, rounds=8, seed=1,
          ubj=False, used=None, **kw):
    rng, x = data(ROWS * 4, features, missing, seed)
    label = y(x, rng)
    p = {'max_depth': 3, 'nthread': 1, 'seed': seed, 'verbosity': 0}
    p.update(params)
    d = xgb.DMatrix(x, label=label)

    if 'survival:aft' == params.get('objective'):
        d = xgb.DMatrix(x)
        d.set_float_info('label_lower_bound', label)
        d.set_float_info('label_upper_bound', label * 1.5)

    booster = xgb.train(p, d, rounds, **kw)

    if used is None:
        write(folder, name, booster, x[:ROWS], ubj=ubj)
        return

    # as scikit-learn's wrapper saves a model that stopped early
    booster.set_attr(scikit_learn='{}', best_iteration=str(used - 1))
    write(folder, name, booster, x[:ROWS], ubj=ubj, rounds=(0, used))


def real(x, rng):
    return signal(x) + rng.normal(size=len(x)) * 0.1


def binary(x, rng):
    return (signal(x) > 0.5).astype(float)


def count(x, rng):
    return rng.poisson(np.exp(np.clip(signal(x) / 3, -2, 2)))


def positive(x, rng):
    return np.exp(np.clip(signal(x) / 4, -2, 2)) + 0.01


def classes(x, rng):
    s = signal(x)

    return (s > 0).astype(int) + (s > 1.5).astype(int)


def two(x, rng):
    return np.stack([signal(x), signal(x) * -0.5 + 1], axis=1)


def categorical(folder):
    """One column of 3 categories (one-hot splits), one of 40 (sets)."""

    rng = np.random.default_rng(7)
    rows = ROWS * 6
    x = np.empty((rows, 3), dtype=np.float32)
    x[:, 0] = rng.integers(0, 3, rows)
    x[:, 1] = rng.integers(0, 40, rows)
    x[:, 2] = rng.normal(size=rows)

    effect = rng.normal(size=40)
    y = (np.array([0.0, 2.0, -1.0])[x[:, 0].astype(int)]
         + effect[x[:, 1].astype(int)] + x[:, 2])

    x[rng.random(x.shape) < 0.05] = np.nan
    types = ['c', 'c', 'q']
    d = xgb.DMatrix(x, label=y, feature_types=types, enable_categorical=True)
    booster = xgb.train({'max_depth': 4, 'tree_method': 'hist', 'nthread': 1,
                         'max_cat_to_onehot': 4, 'verbosity': 0}, d, 8)

    # codes that training never saw, beyond every set
    x[0, 1] = 39
    x[1, 1] = 40
    x[2, 1] = 5000
    x[3, 0] = 3
    write(folder, 'categorical', booster, x[:ROWS], types=types, ubj=True)


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(
        os.path.dirname(os.path.abspath(__file__)), 'xgboost')
    os.makedirs(folder, exist_ok=True)

    def t(name, params, y, **kw):
        train(name, folder, params, y, **kw)

    t('squarederror', {'objective': 'reg:squarederror'}, real, ubj=True)
    t('logistic_missing', {'objective': 'binary:logistic',
                           'base_score': 0.3}, binary, missing=0.2)
    t('hinge', {'objective': 'binary:hinge'}, binary, rounds=4)
    t('logitraw', {'objective': 'binary:logitraw'}, binary, rounds=3)
    t('softprob', {'objective': 'multi:softprob', 'num_class': 3}, classes,
      missing=0.1, ubj=True)
    t('softmax', {'objective': 'multi:softmax', 'num_class': 3}, classes,
      rounds=4)
    t('poisson', {'objective': 'count:poisson'}, count)
    t('gamma', {'objective': 'reg:gamma', 'base_score': 0.7}, positive)
    t('tweedie', {'objective': 'reg:tweedie'}, positive, rounds=4)
    t('cox', {'objective': 'survival:cox'}, positive, rounds=4)
    t('aft', {'objective': 'survival:aft',
              'aft_loss_distribution': 'normal'}, positive, rounds=4)
    t('dart', {'booster': 'dart', 'rate_drop': 0.4, 'one_drop': 1,
               'objective': 'reg:squarederror'}, real, rounds=12)
    t('dart_softprob', {'booster': 'dart', 'rate_drop': 0.4, 'one_drop': 1,
                        'objective': 'multi:softprob', 'num_class': 3},
      classes)
    t('gblinear', {'booster': 'gblinear', 'updater': 'coord_descent',
                   'feature_selector': 'cyclic',
                   'objective': 'reg:squarederror'}, real, missing=0.1,
      ubj=True)
    t('gblinear_softprob', {'booster': 'gblinear',
                            'updater': 'coord_descent',
                            'objective': 'multi:softprob', 'num_class': 3},
      classes)
    t('forest', {'objective': 'reg:squarederror', 'num_parallel_tree': 4,
                 'subsample': 0.5, 'colsample_bynode': 0.6,
                 'learning_rate': 1}, real, rounds=2)
    t('stopped', {'objective': 'reg:squarederror', 'num_parallel_tree': 2,
                  'subsample': 0.5}, real, rounds=6, used=4)
    t('stopped_softprob', {'objective': 'multi:softprob', 'num_class': 3},
      classes, rounds=6, used=2)
    t('two_targets', {'objective': 'reg:squarederror'}, two, rounds=5)
    t('leafwise', {'objective': 'reg:squarederror', 'tree_method': 'hist',
                   'grow_policy': 'lossguide', 'max_depth': 0,
                   'max_leaves': 24}, real, rounds=6)
    t('pruned', {'objective': 'reg:squarederror', 'tree_method': 'exact',
                 'gamma': 60, 'max_depth': 6}, real, rounds=6)
    categorical(folder)


if __name__ == '__main__':
    main()
