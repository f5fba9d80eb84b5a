#!/usr/bin/python3
"""Makes housing.json and housing.rows.csv: a model for where no real data is.

The rows come from a generator with the columns and roughly the ranges of the
California census file; the price follows income, position and occupancy with
noise.  The model and the answers ("prediction" and "margin") are XGBoost's.
"""

import os

import numpy as np
import xgboost as xgb

NAMES = [
    "median_income_in_block", "median_house_age_in_block", "average_rooms",
    "average_bedrooms", "population_per_block", "average_house_occupancy",
    "block_latitude", "block_longitude",
]


def rows(n, rng):
    income = np.clip(rng.gamma(4.0, 0.95, n), 0.5, 15.0)
    age = rng.integers(1, 53, n).astype(float)
    rooms = np.clip(rng.normal(5.4, 1.3, n), 1.0, 40.0)
    bedrooms = np.clip(rng.normal(1.07, 0.08, n), 0.4, 5.0)
    population = np.clip(rng.lognormal(7.1, 0.6, n), 3, 35000).round()
    occupancy = np.clip(rng.normal(2.9, 0.6, n), 0.7, 20.0)
    t = rng.random(n)
    latitude = 32.6 + 9.3 * t + rng.normal(0, 0.3, n)
    longitude = -117.1 - 6.9 * t + rng.normal(0, 0.5, n)
    x = np.stack([income, age, rooms, bedrooms, population, occupancy,
                  latitude, longitude], axis=1)
    price = (0.42 * income + 0.008 * age - 0.3 * (occupancy - 3)
             - 0.25 * np.abs(latitude - 34.0) - 0.2 * np.abs(longitude + 122)
             + 0.06 * income * (income > 6) + 1.4)
    price = np.clip(price + rng.normal(0, 0.3, n), 0.15, 5.0)
    return np.round(x, 4).astype(np.float32), price.astype(np.float32)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    rng = np.random.default_rng(20)
    x, y = rows(6000, rng)
    model = xgb.train(
        {"objective": "reg:squarederror", "max_depth": 5, "eta": 0.15,
         "tree_method": "hist", "nthread": 1, "seed": 1},
        xgb.DMatrix(x, label=y, feature_names=NAMES), 100)
    model.save_model(os.path.join(here, "housing.json"))

    x, _ = rows(300, rng)
    data = xgb.DMatrix(x, feature_names=NAMES)
    answers = [model.predict(data), model.predict(data, output_margin=True)]

    with open(os.path.join(here, "housing.rows.csv"), "w") as out:
        out.write(",".join(NAMES + ["prediction", "margin"]) + "\n")
        for i, row in enumerate(x):
            cells = [*row, answers[0][i], answers[1][i]]
            out.write(",".join(repr(float(c)) for c in cells) + "\n")


if __name__ == "__main__":
    main()
