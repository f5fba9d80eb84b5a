#!/usr/bin/python3
"""Makes bitcoin-forecast.json, the model of this scenario, and golden rows.

    /usr/bin/python3 conf/scenarios/crypto/make_model.py [btcusd_5min.csv]

Needs Debian's python3-xgboost (1.7.4) and the public series of five-minute
bars (unix time, open, high, low, close, volume, trades), by default that of
$MLOPS_DATA or ../shared/data.

The BTC half of each row is real.  THE ETH HALF IS GENERATED: no public series
of the same minutes is at hand, so a ratio that wanders around 0.07 makes an
ETH bar of each BTC bar, always the same one for the same input.

As in the reference system the target is the close of the next row, and rows
are not always five minutes apart.  The model is small, so that it ships; it
shows the way of the data and is no forecast: the last line compares it with
saying that the price stays where it is.
"""

import csv
import math
import os
import random
import sys

import numpy as np
import xgboost as xgb

NAMES = [f"{bar}_{coin}" for coin in ("btc", "eth")
         for bar in ("open", "high", "low", "close")]
HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = 60


def eth(bars):
    """An ETH bar for each BTC bar: prices times a ratio that reverts to 0.07,
    in cents."""

    rng = random.Random(42)
    wander = 0.0
    before = 0.07
    made = []

    for open_, high, low, close in bars:
        wander = 0.999 * wander + 0.004 * rng.gauss(0, 1)
        ratio = 0.07 * math.exp(wander)
        ends = [round(open_ * before, 2), round(close * ratio, 2)]
        reach = [round(high * max(before, ratio), 2),
                 round(low * min(before, ratio), 2)]
        made.append([ends[0], max(ends + reach), min(ends + reach), ends[1]])
        before = ratio

    return made


def main():
    folder = os.environ.get("MLOPS_DATA",
                            os.path.join(HERE, "../../../../shared/data"))
    path = (sys.argv[1] if len(sys.argv) > 1
            else os.path.join(folder, "btcusd_5min.csv"))

    with open(path) as file:
        btc = [[float(cell) for cell in row[1:5]] for row in csv.reader(file)]

    x = np.array([b + e for b, e in zip(btc, eth(btc))], dtype=np.float32)
    y = np.array([bar[3] for bar in btc[1:]], dtype=np.float32)
    x = x[:-1]

    # Every fifth row is held out.

    held = np.arange(len(y)) % 5 == 4
    train = xgb.DMatrix(x[~held], label=y[~held], feature_names=NAMES)
    test = xgb.DMatrix(x[held], feature_names=NAMES)

    model = xgb.train(
        {"objective": "reg:squarederror", "max_depth": 4, "eta": 0.1,
         "gamma": 0.001, "tree_method": "exact", "nthread": 1, "seed": 42,
         "base_score": float(y[~held].mean())}, train, 60)

    path = os.path.join(HERE, "bitcoin-forecast.json")
    model.save_model(path)

    with open(path, "a") as out:
        out.write("\n")

    # Golden rows: spread over what was held out, with the library's answers.

    answers = model.predict(test)
    margins = model.predict(test, output_margin=True)
    rows = x[held]
    step = len(rows) // ROWS

    with open(os.path.join(HERE, "bitcoin-forecast.rows.csv"), "w") as out:
        out.write(",".join(NAMES + ["prediction", "margin"]) + "\n")

        for i in range(0, ROWS * step, step):
            cells = [*rows[i], answers[i], margins[i]]
            out.write(",".join(repr(float(c)) for c in cells) + "\n")

    def rmse(guess):
        return float(np.sqrt(np.mean((guess - y[held]) ** 2)))

    print(f"{len(y) - held.sum()} rows, {held.sum()} held out: RMSE"
          f" {rmse(answers):.2f}, of the last close {rmse(rows[:, 3]):.2f}")


if __name__ == "__main__":
    main()
