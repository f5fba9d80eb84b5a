"""One fit of a peer library in a process of its own, so that its time and
peak memory are its own.

    learn_peers.py LIBRARY TASK TRAIN.npy TEST.npy PREDICTIONS.npy KEY=VALUE...

Matrices are float64, the last column is the target.  Prints JSON: seconds of
the fit (library's own matrix included, reading not), peak memory in bytes.
One thread throughout.
"""

import json
import sys
import time

import numpy as np


def options(words):
    return {k: float(v) for k, v in (w.split("=") for w in words)}


def xgboost(task, x, y, test, o):
    import xgboost as xgb

    params = {
        "objective": "binary:logistic" if task == "logistic"
        else "reg:squarederror",
        "tree_method": "hist", "grow_policy": "lossguide",
        "max_leaves": int(o["leaves"]), "max_depth": 0, "max_bin": 256,
        "eta": o["learning_rate"], "lambda": o["l2"],
        "min_child_weight": o["min_hessian"], "nthread": 1, "verbosity": 0,
        "subsample": o.get("row_fraction", 1),
        "seed": int(o["seed"]),
    }
    begin = time.perf_counter()
    data = xgb.DMatrix(x, label=y, nthread=1)
    model = xgb.train(params, data, int(o["trees"]))
    took = time.perf_counter() - begin

    return took, model.predict(xgb.DMatrix(test, nthread=1))


def lightgbm(task, x, y, test, o):
    import lightgbm as lgb

    params = {
        "objective": "binary" if task == "logistic" else "regression",
        "num_leaves": int(o["leaves"]), "max_bin": 255,
        "learning_rate": o["learning_rate"], "lambda_l2": o["l2"],
        "min_sum_hessian_in_leaf": o["min_hessian"],
        "min_data_in_leaf": int(o["min_rows"]), "num_threads": 1,
        "verbosity": -1, "seed": int(o["seed"]), "force_row_wise": True,
        "bagging_fraction": o.get("row_fraction", 1), "bagging_freq": 1,
    }
    begin = time.perf_counter()
    data = lgb.Dataset(x, label=y, params=params)
    model = lgb.train(params, data, int(o["trees"]))
    took = time.perf_counter() - begin

    return took, model.predict(test, num_threads=1)


def sklearn_trees(task, x, y, test, o):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.ensemble import HistGradientBoostingRegressor

    make = HistGradientBoostingClassifier if task == "logistic" \
        else HistGradientBoostingRegressor
    model = make(max_iter=int(o["trees"]), max_leaf_nodes=int(o["leaves"]),
                 learning_rate=o["learning_rate"], l2_regularization=o["l2"],
                 min_samples_leaf=int(o["min_rows"]), max_bins=255,
                 early_stopping=False, random_state=int(o["seed"]))
    begin = time.perf_counter()
    model.fit(x, y)
    took = time.perf_counter() - begin

    return took, (model.predict_proba(test)[:, 1] if task == "logistic"
                  else model.predict(test))


def sklearn_linear(task, x, y, test, o):
    from sklearn.linear_model import LinearRegression, LogisticRegression

    if task == "logistic":
        # our penalty is alpha / 2 on the mean loss: C = 1 / (alpha n)
        model = LogisticRegression(C=1 / (o["alpha"] * len(y)), tol=1e-10,
                                   max_iter=10000)
    else:
        model = LinearRegression()

    begin = time.perf_counter()
    model.fit(x, y)
    took = time.perf_counter() - begin

    return took, (model.predict_proba(test)[:, 1] if task == "logistic"
                  else model.predict(test))


def main():
    library, task, train, test, out = sys.argv[1:6]
    o = options(sys.argv[6:])
    train = np.load(train)
    test = np.load(test)
    took, predicted = globals()[library](
        task, train[:, :-1], train[:, -1], test[:, :-1], o)
    np.save(out, np.asarray(predicted, dtype=np.float64))
    # of this program alone: ru_maxrss would begin with the parent's

    with open("/proc/self/status") as f:
        peak = [int(line.split()[1]) * 1024 for line in f
                if line.startswith("VmHWM:")][0]

    print(json.dumps({"seconds": took, "peak": peak}))


if __name__ == "__main__":
    main()
