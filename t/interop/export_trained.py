#!/usr/bin/python3
"""Trains trees here, exports them, and lets XGBoost predict with the file.

    export_trained.py MLOPSCTL FOLDER

TAP on stdout.  For each objective of the learner: numbers with and without
missing values, categories by name and by number; all rows, margins the same
bits of float32, predictions within two units in the last place of float32 or
1e-7 (the library's link is float32, ours may be double).
"""

import csv
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import xgboost as xgb

warnings.filterwarnings('ignore')

MLOPSCTL, FOLDER = sys.argv[1], sys.argv[2]
ROWS = 1500
REGIONS = ['north', 'south', 'east', 'x,y', 'west']

OBJECTIVES = {
    'squared': {}, 'huber': {}, 'quantile': {'alpha': 0.8},
    'poisson': {}, 'logistic': {}, 'softmax': {}
}


def run(args, **kw):
    p = subprocess.run([MLOPSCTL] + args, stderr=subprocess.PIPE, text=True,
                       timeout=300, **kw)

    if p.returncode != 0:
        raise RuntimeError(' '.join(args) + ': ' + p.stderr.strip())


def rows(missing):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(ROWS, 4)).astype(np.float32)
    region = rng.integers(0, len(REGIONS), ROWS)
    s = x[:, 0] * 2 - x[:, 1] * x[:, 2] + np.sin(region) + x[:, 3] ** 2

    if missing:
        x[rng.random(x.shape) < 0.15] = np.nan

    y = {
        'poisson': rng.poisson(np.exp(np.clip(s / 3, -2, 2))),
        'logistic': (s > 1).astype(int),
        'softmax': (s > 0).astype(int) + (s > 2) * 1
    }

    return x, region, s, y


def train(objective, keys, missing):
    x, region, s, y = rows(missing)
    target = y.get(objective, s + 100)

    with open(os.path.join(FOLDER, 'rows.csv'), 'w', newline='') as f:
        w = csv.writer(f)
        w.writerow(['a', 'b', 'c', 'd', 'region', 'y'])

        for i in range(ROWS):
            w.writerow(['' if np.isnan(v) else repr(float(v)) for v in x[i]]
                       + ['' if missing and i % 7 == 0
                          else REGIONS[region[i]], target[i]])

    outputs = ['p0', 'p1', 'p2'] if objective == 'softmax' else ['p']
    margins = ['m0', 'm1', 'm2'] if objective == 'softmax' else ['m']
    recipe = {
        'recipe': 1,
        'inputs': [{'name': n, 'type': 'FP32'} for n in 'abcd']
                  + [{'name': 'region', 'type': 'BYTES'}],
        'train': {'rows': {'columns': [{'name': 'y'}]}, 'target': 'y',
                  'split': {'by': 'random', 'seed': 1, 'train': 0.8,
                            'gate': 0.2}},
        'steps': [dict({'kind': 'model', 'fit': 'gbdt', 'trees': 40,
                        'leaves': 15, 'objective': objective,
                        'inputs': list('abcd') + ['region'],
                        'outputs': outputs, 'margin': margins}, **keys)],
        'signatures': [
            {'name': 'default', 'outputs': [{'name': 'p', 'from': outputs}]},
            {'name': 'margin', 'outputs': [{'name': 'm', 'from': margins,
                                            'type': 'FP32'}]}]
    }

    with open(os.path.join(FOLDER, 'recipe.json'), 'w') as f:
        json.dump(recipe, f)

    run(['train', os.path.join(FOLDER, 'recipe.json'),
         os.path.join(FOLDER, 'rows.csv'), '-o',
         os.path.join(FOLDER, 'm.mlm')], stdout=subprocess.DEVNULL)

    return x, region, missing


def predict(signature):
    out = os.path.join(FOLDER, 'out.csv')

    with open(os.path.join(FOLDER, 'rows.csv')) as src, open(out, 'w') as dst:
        run(['predict', os.path.join(FOLDER, 'm.mlm'), '--signature',
             signature], stdin=src, stdout=dst)

    with open(out, newline='') as f:
        lines = csv.reader(f)
        next(lines)
        return np.array([[float(v) for v in line] for line in lines])


def matrix(booster, x, region, missing):
    """Codes as the model numbers its categories."""

    codes = json.loads(booster.attr('categories') or '{}').get('region', [])
    data = np.concatenate([x, np.full((ROWS, 1), np.nan, np.float32)], axis=1)

    for i in range(ROWS):
        name = REGIONS[region[i]]

        if not (missing and i % 7 == 0) and name in codes:
            data[i, 4] = codes.index(name)

    return xgb.DMatrix(data, feature_names=booster.feature_names,
                       feature_types=booster.feature_types,
                       enable_categorical=True)


def case(objective, keys, missing):
    x, region, missing = train(objective, keys, missing)
    path = os.path.join(FOLDER, 'xgboost.json')
    run(['export', os.path.join(FOLDER, 'm.mlm'), '--to', path],
        stdout=subprocess.DEVNULL)

    b = xgb.Booster(model_file=path)
    d = matrix(b, x, region, missing)
    margin = b.predict(d, output_margin=True).reshape(ROWS, -1)
    pred = b.predict(d).reshape(ROWS, -1)
    want_margin = predict('margin')
    want = predict('default')

    assert margin.shape == want_margin.shape, (margin.shape,
                                               want_margin.shape)
    differ = int((margin.astype(np.float32).view(np.uint32)
                  != want_margin.astype(np.float32).view(np.uint32)).sum())
    far = float(np.max(np.abs(pred - want)
                       / (1e-7 + 2.4e-7 * np.abs(want))))

    assert len(set(margin[:, 0])) > 20, 'a model of hardly any leaves'
    assert differ == 0, '%d margins differ' % differ
    assert far <= 1, 'predictions are %g times as far as they may be' % far


def main():
    n = 0
    bad = 0
    print('1..%d' % (2 * len(OBJECTIVES)))

    for objective, keys in OBJECTIVES.items():
        for missing in (False, True):
            n += 1
            name = '%s%s to xgboost %s' % (objective, ' with missing values'
                                           if missing else '',
                                           xgb.__version__)

            try:
                case(objective, keys, missing)
                print('ok %d - %s' % (n, name), flush=True)

            except (AssertionError, RuntimeError,
                    xgb.core.XGBoostError) as e:
                bad = 1
                print('not ok %d - %s' % (n, name), flush=True)
                print('# ' + str(e).replace('\n', '\n# ')[:800], flush=True)

    return bad


sys.exit(main())
