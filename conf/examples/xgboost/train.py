#!/usr/bin/python3
"""Trains with XGBoost for a step {"kind": "model", "fit": "exec"}.

What is asked for comes in environment variables, rows in CSV files whose last
columns are the target and the weight; the model goes to MLOPS_MODEL.
docs/learning.md has the contract.
"""

import csv
import json
import os

import numpy as np
import xgboost as xgb


def read(path):
    with open(path, newline='') as f:
        rows = csv.reader(f)
        names = next(rows)
        data = np.array([[float(v) if v else np.nan for v in row]
                         for row in rows], dtype=np.float32)

    return xgb.DMatrix(data[:, :-2], label=data[:, -2], weight=data[:, -1],
                       feature_names=names[:-2])


env = os.environ
parameters = json.loads(env['MLOPS_PARAMETERS'])
rounds = parameters.pop('rounds', 100)
patience = parameters.pop('early_stopping_rounds', None)

parameters.update(objective=env['MLOPS_OBJECTIVE'] or 'reg:squarederror',
                  seed=int(env['MLOPS_SEED']),
                  nthread=int(env['MLOPS_THREADS']))

classes = json.loads(env['MLOPS_CLASSES'])

if len(classes) > 2:
    parameters['num_class'] = len(classes)

watch = []

if env['MLOPS_TUNE_ROWS']:
    watch = [(read(env['MLOPS_TUNE_ROWS']), 'tune')]

booster = xgb.train(parameters, read(env['MLOPS_ROWS']), rounds, evals=watch,
                    early_stopping_rounds=patience if watch else None,
                    verbose_eval=False)

if patience and watch:
    booster = booster[:booster.best_iteration + 1]

# the name's ending chooses the format

booster.save_model('model.json')
os.rename('model.json', env['MLOPS_MODEL'])
print('%d rounds' % booster.num_boosted_rounds())
