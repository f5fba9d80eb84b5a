"""Our learners against XGBoost, LightGBM, scikit-learn and River: the same
rows, the same splits, the same budget of trees, one thread.  TAP on stdout;
the tables of docs/learning.md in WORK/tables.md.

    learn_quality.py MLOPSCTL DATA WORK

For each pair of learners the relative difference of the held-out loss is
taken for 20 seeds; a comparison passes where the upper end of its 95 %
interval is at most 1 %.  Where the seed splits the rows, the interval is that
of the corrected resampled t (Nadeau and Bengio, 2003): splits share training
rows, so the variance is (1/J + n_test/n_train) s2.  Where rows are cut by
time, the seed is that of the learners' sampling of rows, a loss is the mean
over all cuts, and the variance s2 / J.  Small sets are reported only.

MLOPS_SPLITS=N takes fewer seeds, MLOPS_ROWS=N fewer rows of the large set.

The whole takes an hour or two: what one seed gave is told and kept at once,
and a run that was ended goes on behind it (learn_kept.py).
"""

import io
import json
import math
import os
import re
import subprocess
import sys
import time

from importlib.metadata import version

import numpy as np
import pandas as pd

from learn_kept import Kept

MLOPSCTL, DATA, WORK = sys.argv[1:4]
HERE = os.path.dirname(os.path.abspath(__file__))
SPLITS = int(os.environ.get("MLOPS_SPLITS", "20"))
ROWS = int(os.environ.get("MLOPS_ROWS", "1000000"))
LIMIT = 0.01
KEPT = Kept(WORK, [MLOPSCTL, __file__, f"{HERE}/learn_peers.py"],
            f"{ROWS} rows")

# two-sided 95 % of Student's t, by degrees of freedom
T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 9: 2.262, 19: 2.093}

LIBRARIES = {key: f"{name} {version(name)}" for key, name in (
    ("xgboost", "xgboost"), ("lightgbm", "lightgbm"),
    ("sklearn_trees", "scikit-learn"), ("sklearn_linear", "scikit-learn"),
    ("river", "river"))}

results = []
count = 0
failed = 0


def tell(ok, what, note=""):
    global count, failed

    count += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {what}", flush=True)

    for line in note.splitlines():
        print(f"# {line}", flush=True)


def note(text):
    print(f"# {text}", flush=True)


# ------------------------------------------------------------------- rows

def housing():
    names = ["longitude", "latitude", "age", "rooms", "bedrooms",
             "population", "households", "income", "value"]
    x = pd.read_csv(f"{DATA}/cal_housing.data", header=None, names=names)
    h = x["households"]

    return pd.DataFrame({
        "income": x["income"], "age": x["age"], "rooms": x["rooms"] / h,
        "bedrooms": x["bedrooms"] / h, "population": x["population"],
        "occupancy": x["population"] / h, "latitude": x["latitude"],
        "longitude": x["longitude"], "target": x["value"] / 100000})


def elec2():
    x = pd.read_csv(f"{DATA}/elec2.csv")

    return x.rename(columns={"class": "target"})


def synthetic(n):
    """28 features, a logistic target with interactions, steps and noise."""
    r = np.random.RandomState(7)
    x = r.standard_normal((n, 28)).astype(np.float32)
    score = (1.2 * x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2])
             + 0.8 * (x[:, 3] > 0.5) * x[:, 4] + 0.5 * x[:, 5] ** 2
             - 0.7 * np.abs(x[:, 6]) + 0.4 * x[:, 7:12].sum(axis=1)
             + 0.3 * x[:, 12] * x[:, 13] * x[:, 14])
    y = r.random_sample(n) < 1 / (1 + np.exp(-score))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(28)])
    frame["target"] = y.astype(int)

    return frame


def auto_mpg():
    x = pd.read_csv(f"{DATA}/auto_mpg.csv", na_values="?")

    return x.drop(columns=["name"]).rename(
        columns={"mpg": "target"})[["cyl", "dpl", "hp", "wght", "acc",
                                    "year", "org", "target"]]


def wine():
    x = pd.read_csv(f"{DATA}/wine.data", skipinitialspace=True)
    x.columns = [f"c{i}" for i in range(len(x.columns))]
    x["target"] = (x.pop("c0") == 2).astype(int)

    return x


# ----------------------------------------------------------------- splits

def random_splits(n, seed):
    """scikit-learn's train_test_split(test_size=0.2, random_state=seed)."""
    p = np.random.RandomState(seed).permutation(n)
    k = math.ceil(n * 0.2)

    return [(np.sort(p[k:]), np.sort(p[:k]))]


def time_splits(n, seed):
    """Train on what is before a cut, test on the tenth behind it."""
    return [(np.arange(n * c // 10), np.arange(n * c // 10, n * (c + 1) // 10))
            for c in (6, 7, 8, 9)]


SPLIT = {"random": random_splits, "time": time_splits}


# ----------------------------------------------------------------- losses

def loss(task, y, predicted):
    if task == "logistic":
        p = np.clip(predicted, 1e-15, 1 - 1e-15)
        return float(np.mean(-(y * np.log(p) + (1 - y) * np.log1p(-p))))

    return float(np.sqrt(np.mean((predicted - y) ** 2)))


def interval(differences, shared):
    """Mean and half the 95 % interval of it; `shared` is n_test/n_train of
    splits that share training rows, 0 of others."""
    d = np.asarray(differences)
    mean = float(d.mean())

    if len(d) < 2:
        return mean, float("inf")

    s2 = float(d.var(ddof=1))
    t = T95.get(len(d) - 1, 2.1)

    return mean, t * math.sqrt((1 / len(d) + shared) * s2)


# ------------------------------------------------------------------- ours

def recipe(columns, fit, split, missing=None):
    return {
        "recipe": 1, "name": "quality",
        "inputs": [{"name": c, "type": "FP32" if fit["fit"] == "gbdt"
                    else "FP64"} for c in columns],
        "train": {
            "rows": {"columns": [{"name": "target"}]
                     + ([{"name": "part", "type": "BYTES"}]
                        if split["by"] == "column" else [])},
            "target": "target", "split": split,
            "metrics": ["log_loss"] if fit.get("objective") == "logistic"
            or fit["fit"] == "logistic" else ["rmse"]},
        "steps": [dict(fit, kind="model", inputs=list(columns),
                       outputs=["p"], margin=["m"])],
        "signatures": [
            {"name": "default", "outputs": [{"name": "p"}]},
            {"name": "margin", "outputs": [{"name": "m"}]}],
    }


def train(name, text, rows, seed=0):
    path = f"{WORK}/{name}.json"
    image = f"{WORK}/{name}.mlm"

    with open(path, "w") as f:
        json.dump(text, f)

    out = subprocess.run([MLOPSCTL, "train", path, rows, "-o", image,
                          "--seed", str(seed + 1)],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    fit = re.search(r"fit ([\d.]+) s; memory (\d+) MB", out)
    facts = json.loads(subprocess.run(
        [MLOPSCTL, "inspect", image, "--json"], check=True,
        capture_output=True, text=True).stdout)["facts"]

    return {"image": image, "seconds": float(fit.group(1)),
            "peak": int(fit.group(2)) * 1000000,
            "training": facts["metadata"]["training"]}


def predict(image, frame, signature="default"):
    out = subprocess.run([MLOPSCTL, "predict", image, "--signature",
                          signature], check=True,
                         input=frame.to_csv(index=False).encode(),
                         capture_output=True).stdout
    return pd.read_csv(io.BytesIO(out)).to_numpy()[:, 0]


def metric(run, part, name):
    return run["training"]["metrics"][part][name]["value"]


# ------------------------------------------------------------------ peers

def peer(library, task, train_rows, test_rows, options):
    out = subprocess.run(
        [sys.executable, f"{HERE}/learn_peers.py", library, task,
         train_rows, test_rows, f"{WORK}/predicted.npy",
         *(f"{k}={v}" for k, v in options.items())],
        check=True, capture_output=True, text=True,
        env=dict(os.environ, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    ).stdout
    report = json.loads(out.splitlines()[-1])
    report["predicted"] = np.load(f"{WORK}/predicted.npy")

    return report


# ------------------------------------------------------------ comparisons

def parts_of(frame, by, seed, a, b, written):
    """The rows of ours, in a file, and how the recipe splits them.  Files in
    `written` are there already."""
    rows = f"{WORK}/{'rows' if by == 'random' else f'cut-{len(a)}'}.csv"

    if by == "random":
        kept = frame
        parts = {"by": "random", "seed": seed, "train": 0.8, "gate": 0.2}

    else:
        kept = frame.iloc[:len(a) + len(b)]
        kept = kept.assign(part=["train"] * len(a) + ["gate"] * len(b))
        parts = {"by": "column", "column": "part"}

    if rows not in written:
        kept.to_csv(rows, index=False)
        written.add(rows)

    return rows, parts


def mean_of(runs):
    return {"loss": float(np.mean([r["loss"] for r in runs])),
            "seconds": float(np.mean([r["seconds"] for r in runs])),
            "peak": max(r["peak"] for r in runs)}


def row_of(name, who, what, runs):
    """A row of the table: the mean loss of seeds, their median time."""
    return {"set": name, "who": who, "what": what,
            "loss": float(np.mean([r["loss"] for r in runs])),
            "seconds": float(np.median([r["seconds"] for r in runs])),
            "peak": max(r["peak"] for r in runs)}


def loss_of_image(task, image, test):
    """The loss of the predictions that the image itself makes."""
    columns = [c for c in test.columns if c != "target"]

    return loss(task, test["target"].to_numpy(),
                predict(image, test[columns]))


def one_seed(name, frame, task, fit, options, peers, by, seed, written):
    """Ours and every peer on the splits of one seed: a loss, a time and a
    peak of each, means over the splits; and, for seed 0, the loss that our
    first image tells beside that of its predictions."""
    columns = [c for c in frame.columns if c != "target"]
    values = frame.to_numpy(dtype=np.float64)
    what = "log_loss" if task == "logistic" else "rmse"
    runs = {who: [] for who in ["ours", *peers]}
    told = None

    for a, b in SPLIT[by](len(frame), seed):
        np.save(f"{WORK}/train.npy", values[a])
        np.save(f"{WORK}/test.npy", values[b])
        rows, parts = parts_of(frame, by, seed, a, b, written)

        run = train(name, recipe(columns, fit, parts), rows, seed)
        run["loss"] = metric(run, "gate", what)

        if seed == 0 and not told:
            told = [run["loss"],
                    loss_of_image(task, run["image"], frame.iloc[b])]

        runs["ours"].append(run)

        for p in peers:
            report = peer(p, task, f"{WORK}/train.npy", f"{WORK}/test.npy",
                          dict(options, seed=seed))
            report["loss"] = loss(task, values[b, -1], report["predicted"])
            runs[p].append(report)

    return {who: mean_of(of) for who, of in runs.items()}, told


def compare(name, frame, task, fit, options, peers, by="random",
            judged=True):
    what = "log_loss" if task == "logistic" else "rmse"
    seeds, written = [], set()

    for seed in range(SPLITS):
        key = f"{name} {seed}"

        if key not in KEPT:
            KEPT[key] = one_seed(name, frame, task, fit, options, peers, by,
                                 seed, written)

        fits, told = KEPT[key]

        if seed == 0:
            tell(abs(told[1] - told[0]) < 1e-6 * told[1],
                 f"{name}: the loss in the image is that of its predictions",
                 f"{told[0]:.9g} told, {told[1]:.9g} computed")

        seeds.append(fits)
        note(f"{name}, seed {seed}: " + ", ".join(
            f"{who} {r['loss']:.6f} in {r['seconds']:.2f} s"
            for who, r in fits.items()))

    # rows of test for each of training: what splits by seed share

    a, b = SPLIT[by](len(frame), 0)[0]
    shared = len(b) / len(a) if by == "random" else 0

    ours = [s["ours"] for s in seeds]
    mine = row_of(f"{name}, {SPLITS} random splits" if by == "random" else
                  f"{name}, {len(SPLIT[by](len(frame), 0))} cuts in time, "
                  f"{SPLITS} seeds", f"`{fit['fit']}`", what, ours)
    results.append(mine)

    for p in peers:
        theirs = [s[p] for s in seeds]
        mean, half = interval([o["loss"] / t["loss"] - 1
                               for o, t in zip(ours, theirs)], shared)
        r = row_of(name, LIBRARIES[p], what, theirs)
        r.update(mean=mean, upper=mean + half)
        results.append(r)
        text = (f"{what} {mine['loss']:.6f} against {r['loss']:.6f}: "
                f"{100 * mean:+.3f} %, at most {100 * (mean + half):+.3f} %; "
                f"fit {mine['seconds']:.2f} s against {r['seconds']:.2f} s")

        if judged:
            tell(mean + half <= LIMIT, f"{name}: as good as {p}", text)

        else:
            note(f"{name}, {p}: {text}")


def river_of(fit, o):
    """River's learner with the same settings, and how it predicts a row."""
    from river import linear_model, optim

    if fit == "rls":
        model = linear_model.BayesianLinearRegression(alpha=o["ridge"],
                                                      beta=1)
        return model, model.predict_one

    optimizer = optim.AdaGrad(o["rate"], eps=o["epsilon"]) \
        if fit == "adagrad" \
        else optim.FTRLProximal(alpha=o["alpha"], beta=o["beta"], l1=o["l1"],
                                l2=o["l2"])
    model = linear_model.LogisticRegression(optimizer=optimizer,
                                            intercept_lr=0.0)

    return model, lambda row: model.predict_proba_one(row)[True]


def progressive(model, predict_one, task, frame):
    """The mean loss of rows that are predicted, then learned."""
    total = 0.0

    for row in frame.to_dict("records"):
        y = row.pop("target")
        row["bias"] = 1.0
        p = predict_one(row)

        if task == "logistic":
            p = min(max(p, 1e-15), 1 - 1e-15)
            total -= math.log(p if y else 1 - p)
            y = bool(y)

        else:
            total += (p - y) ** 2

        model.learn_one(row, y)

    return total / len(frame)


def prequential(name, frame, task, fit, o, splits):
    """An online learner, one example after the other: our progressive loss
    against River's, on disjoint stretches of the stream."""
    columns = [c for c in frame.columns if c != "target"]
    what = "log_loss" if task == "logistic" else "mse"
    step = len(frame) // splits
    ours, theirs = [], []
    loss_of = {"loss": "logistic"} if task == "logistic" else {}
    text = {
        "recipe": 1, "name": "quality",
        "inputs": [{"name": c, "type": "FP64"} for c in columns],
        "train": {"rows": {"columns": [{"name": "target"}]},
                  "target": "target",
                  "metrics": ["log_loss" if task == "logistic" else "rmse"]},
        "steps": [dict(o, **loss_of, kind="model", fit=fit, inputs=columns,
                       outputs=["p"])],
        "signatures": [{"name": "default", "outputs": [{"name": "p"}]}],
    }

    for i in range(splits):
        part = frame.iloc[i * step:(i + 1) * step]
        part.to_csv(f"{WORK}/stream.csv", index=False)
        run = train("stream", text, f"{WORK}/stream.csv")
        report = run["training"]["steps"][0]["report"]
        ours.append({"loss": report["progressive_loss_total"],
                     "seconds": run["seconds"], "peak": run["peak"]})

        begin = time.perf_counter()
        their = progressive(*river_of(fit, o), task, part)
        theirs.append({"loss": their, "seconds": time.perf_counter() - begin,
                       "peak": 0})

    mean, half = interval([o["loss"] / t["loss"] - 1
                           for o, t in zip(ours, theirs)], 0)
    mine = row_of(f"{name}, progressive, {splits} stretches", f"`{fit}`",
                  what, ours)
    other = row_of(name, LIBRARIES["river"], what, theirs)
    other.update(mean=mean, upper=mean + half)
    results.extend([mine, other])
    tell(mean + half <= LIMIT, f"{name}, progressive, {fit}: as good as "
         "River", f"{what} {mine['loss']:.6f} against {other['loss']:.6f}: "
         f"{100 * mean:+.3f} %, at most {100 * (mean + half):+.3f} %")


def exported(name, frame):
    """What we trained, in XGBoost's hands: all rows, the same margins."""
    import xgboost as xgb

    columns = [c for c in frame.columns if c != "target"]
    subprocess.run([MLOPSCTL, "export", f"{WORK}/{name}.mlm", "--to",
                    f"{WORK}/{name}.xgboost.json"], check=True,
                   stdout=subprocess.DEVNULL)
    model = xgb.Booster(model_file=f"{WORK}/{name}.xgboost.json")
    rows = xgb.DMatrix(frame[columns].to_numpy(dtype=np.float32),
                       feature_names=columns)
    theirs = model.predict(rows, output_margin=True)
    ours = predict(f"{WORK}/{name}.mlm", frame[columns],
                   "margin").astype(np.float32)
    tell(np.array_equal(theirs, ours), f"{name}: exported, XGBoost "
         f"{xgb.__version__} has the same margins for {len(frame)} rows")

    # the link is theirs in float32 and ours in double
    theirs = model.predict(rows)
    ours = predict(f"{WORK}/{name}.mlm", frame[columns])
    worst = float(np.max(np.abs(theirs - ours) / np.abs(ours)))
    tell(worst <= 1e-6, f"{name}: and the same predictions",
         f"at most {worst:.1e} of a prediction apart")


def tables():
    """The tables of docs/learning.md: a learner of ours, and below it the
    libraries it was compared with."""
    with open(f"{WORK}/tables.md", "w") as f:
        f.write("| rows | learner | held-out loss | ours, relative "
                "| at most | fit, s | peak memory, MB |\n"
                "|---|---|---|---|---|---|---|\n")

        for r in results:
            theirs = "mean" in r
            mean = f"{100 * r['mean']:+.2f} %" if theirs else ""
            upper = f"{100 * r['upper']:+.2f} %" if theirs else ""
            peak = f"{r['peak'] / 1e6:.0f}" if r["peak"] else ""
            f.write(f"| {'' if theirs else r['set']} | {r['who']} "
                    f"| {r['what']} {r['loss']:.5f} | {mean} | {upper} "
                    f"| {r['seconds']:.2f} | {peak} |\n")

    with open(f"{WORK}/tables.md") as f:
        for line in f:
            note(line.rstrip())


def main():
    trees = {"trees": 100, "leaves": 31, "learning_rate": 0.1, "l2": 1.0,
             "min_hessian": 1.0, "min_rows": 1}
    boosters = ["xgboost", "lightgbm", "sklearn_trees"]

    h, e = housing(), elec2()

    compare("housing", h, "squared",
            dict(trees, fit="gbdt", objective="squared"), trees, boosters)
    exported("housing", h)
    compare("housing-linear", h, "squared", {"fit": "linear"}, {},
            ["sklearn_linear"])

    # scikit-learn's trees take all rows always: no seed to repeat them by

    some = dict(trees, row_fraction=0.8)
    compare("elec2", e, "logistic",
            dict(some, fit="gbdt", objective="logistic"), some,
            ["xgboost", "lightgbm"], by="time")
    exported("elec2", e)
    compare("elec2-linear", e, "logistic",
            {"fit": "logistic", "alpha": 1e-4}, {"alpha": 1e-4},
            ["sklearn_linear"], by="time")
    prequential("elec2", e, "logistic", "ftrl",
                {"alpha": 0.5, "beta": 1.0, "l1": 0.0, "l2": 0.0}, SPLITS)
    prequential("elec2", e, "logistic", "adagrad",
                {"rate": 0.1, "epsilon": 1e-8}, SPLITS)
    prequential("housing", h, "squared", "rls", {"ridge": 1.0}, SPLITS)

    big = synthetic(ROWS)
    compare("synthetic", big, "logistic",
            dict(trees, fit="gbdt", objective="logistic"), trees,
            ["xgboost", "lightgbm"])
    exported("synthetic", big)
    del big

    compare("auto-mpg", auto_mpg(), "squared",
            dict(trees, fit="gbdt", objective="squared"), trees, boosters,
            judged=False)
    compare("wine", wine(), "logistic",
            dict(trees, fit="gbdt", objective="logistic"), trees, boosters,
            judged=False)

    tables()
    print(f"1..{count}", flush=True)
    sys.exit(failed != 0)


main()
