#!/usr/bin/python3
"""Makes the models that the benchmarks serve, with XGBoost, in a folder.

    make_models.py DIR [NAME...]

    v2_8.json      100 trees of depth 6 on 8 features, and .rows.csv
    v2_10.json     the same on 10 features
    v2_8b.json     the same with other numbers: a version to swap with
    wide_50.json   100 trees of depth 6 on 50 features, and .rows.csv
    deep_28.json   500 trees of depth 6 on 28 features, and .rows.csv
    large.json     deep_28's trees many times over: an image of 50 MB
    large_b.json   the same, with other leaves
"""

import json
import os
import sys

import numpy as np
import xgboost as xgb


MODELS = {"v2_8": (8, 100, 1), "v2_8b": (8, 100, 2), "v2_10": (10, 100, 5),
          "wide_50": (50, 100, 3), "deep_28": (28, 500, 4)}
LARGE = {"large": 1.0, "large_b": 2.0}


def shortest(value):
    """A float32 as a client prints it: no digits that it does not have."""
    return np.format_float_positional(np.float32(value), trim="0")


def make(folder, name, features, trees, seed, n=40000):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features)).astype(np.float32)
    w = rng.normal(size=features)
    y = (np.sin(x @ w) + x[:, 0] * x[:, 1] + rng.normal(0, 0.5, n))
    names = ["f%d" % i for i in range(features)]
    model = xgb.train(
        {"max_depth": 6, "eta": 0.1, "tree_method": "hist", "gamma": 0,
         "min_child_weight": 0, "seed": seed},
        xgb.DMatrix(x, label=y, feature_names=names), trees)
    model.save_model(os.path.join(folder, name + ".json"))

    rows = rng.normal(size=(200, features)).astype(np.float32).round(4)
    pred = model.predict(xgb.DMatrix(rows, feature_names=names))

    with open(os.path.join(folder, name + ".rows.csv"), "w") as out:
        out.write(",".join(names + ["prediction"]) + "\n")
        for row, p in zip(rows, pred):
            out.write(",".join(shortest(c) for c in [*row, p]) + "\n")


def enlarge(folder, source, name, times, scale):
    with open(os.path.join(folder, source + ".json")) as file:
        doc = json.load(file)

    model = doc["learner"]["gradient_booster"]["model"]
    trees = []

    for k in range(times):
        for tree in model["trees"]:
            tree = dict(tree)
            tree["id"] = len(trees)
            tree["split_conditions"] = [
                round(c * scale / times, 6) if left == -1 else c
                for c, left in zip(tree["split_conditions"],
                                   tree["left_children"])]
            trees.append(tree)

    model["trees"] = trees
    model["tree_info"] = [0] * len(trees)
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    model.pop("iteration_indptr", None)

    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump(doc, file, separators=(",", ":"))


def main():
    folder = sys.argv[1]
    names = sys.argv[2:] or [*MODELS, *LARGE]
    os.makedirs(folder, exist_ok=True)

    for name, shape in MODELS.items():
        if name in names or (name == "deep_28" and LARGE.keys() & set(names)):
            make(folder, name, *shape)

    times = int(os.environ.get("LARGE_TIMES", "170"))

    for name, scale in LARGE.items():
        if name in names:
            enlarge(folder, "deep_28", name, times, scale)


if __name__ == "__main__":
    main()
