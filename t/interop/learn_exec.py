#!/usr/bin/python3
"""The example of a command that trains with XGBoost, trained and tuned.

    learn_exec.py MLOPSCTL SOURCE FOLDER

TAP on stdout.  The library trains with the same rows here, too: the image has
to predict what it does.
"""

import csv
import os
import shutil
import subprocess
import sys
import warnings

import numpy as np
import xgboost as xgb

warnings.filterwarnings('ignore')

MLOPSCTL, SOURCE, FOLDER = sys.argv[1:4]
ROWS = 800
REGIONS = ['east', 'north', 'south']


def run(args, **kw):
    return subprocess.run([MLOPSCTL] + args, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=True, **kw).stdout


def main():
    rng = np.random.default_rng(8)
    a, b = rng.normal(size=(2, ROWS)).round(4)
    region = rng.integers(0, 3, ROWS)
    y = (2 * a - b * b + region + rng.normal(size=ROWS) * 0.2).round(4)
    rows = os.path.join(FOLDER, 'rows.csv')

    with open(rows, 'w', newline='') as f:
        w = csv.writer(f)
        w.writerow(['a', 'b', 'region', 'y'])

        for i in range(ROWS):
            w.writerow([a[i], b[i], REGIONS[region[i]], y[i]])

    # the interpreter that runs this one

    for name in ('recipe.json', 'train.py'):
        shutil.copy(os.path.join(SOURCE, 'conf/examples/xgboost', name),
                    FOLDER)

    recipe = os.path.join(FOLDER, 'recipe.json')

    with open(recipe) as f:
        text = f.read().replace('/usr/bin/python3', sys.executable)

    with open(recipe, 'w') as f:
        f.write(text)

    image = os.path.join(FOLDER, 'm.mlm')
    run(['train', recipe, rows, '-o', image, '--seed', '4'])

    # the same training: the split of RandomState(1) by ceil(n * share)

    order = np.random.RandomState(1).permutation(ROWS)
    gate = int(np.ceil(ROWS * 0.2))
    tune, train = order[gate:2 * gate], order[2 * gate:]
    x = np.column_stack([a, b] + [(region == k) * 1.0 for k in range(3)])
    x = x.astype(np.float32)

    def matrix(part):
        part = np.sort(part)
        return xgb.DMatrix(x[part], label=y[part].astype(np.float32))

    booster = xgb.train({'eta': 0.2, 'max_depth': 4, 'seed': 4,
                         'objective': 'reg:squarederror', 'nthread': 1},
                        matrix(train), 200, evals=[(matrix(tune), 'tune')],
                        early_stopping_rounds=10, verbose_eval=False)
    want = booster.predict(xgb.DMatrix(x), iteration_range=(
        0, booster.best_iteration + 1))

    with open(rows) as f:
        out = run(['predict', image, '--signature', 'margin'], stdin=f)

    got = np.array([float(v) for v in out.split()[1:]])
    worst = float(np.max(np.abs(got - want)))
    good = worst == 0
    print('1..2')
    print('%sok 1 - the example predicts as xgboost %s does (%g apart)'
          % ('' if good else 'not ', xgb.__version__, worst))

    out = run(['tune', recipe, rows, '-o', image, '--search', 'grid',
               '--parallel', '2'])
    tuned = out.count('trial ') >= 2 and '\nrmse=' in out
    print('%sok 2 - it is tuned' % ('' if tuned else 'not '))

    return not (good and tuned)


sys.exit(main())
