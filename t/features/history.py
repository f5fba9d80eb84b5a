#!/usr/bin/python3
"""Compares the CSV of `mlopsctl history` with the oracle's recomputation.

    history.py --conf nginx.conf --view NAME [--plant off-by-one] CSV LOG

Each row of the CSV is computed at its own time: from the accepted events of
its entity before that time, an entity that had none for the view's ttl having
begun anew.  LOG as for oracle.py.
"""

import argparse
import csv
import json
import sys

import oracle


class History(oracle.Oracle):
    """Keeps what was accepted, by entity, with the clock of that moment."""

    def __init__(self, view, plant):
        super().__init__(view, plant=plant)
        self.log = {}

    def apply(self, key, event):
        clock = self.clocks[event.partition] + self.view.tick
        self.log.setdefault(key, []).append((event, clock))

    def at(self, key, q):
        """Events of the entity's present life at q, or nothing."""

        ttl, events, newest = self.view.ttl, [], None

        for event, clock in self.log.get(key, []):
            if event.ts >= q:
                continue

            if newest is not None and ttl and newest < min(clock, q) - ttl:
                events, newest = [], None

            events.append(event)
            newest = event.ts if newest is None else max(newest, event.ts)

        if newest is None or ttl and newest < q - ttl:
            return None

        return events


def wrong_cells(history, row, number):
    view = history.view
    key = int(row[view.entity]) if view.entity_type == "int64" \
        else row[view.entity]
    q = oracle.event_time(view, float(row[view.time]) if "." in row[view.time]
                          else int(row[view.time]))
    events = history.at(key, q)
    columns = history.row(events or [], q)

    for name, value, error in oracle.typed(view, columns):
        if events is None:
            value = None

        got = row[name]
        same = got == value if isinstance(value, str) \
            else oracle.close(value, got or "null", error)

        yield (None if same
               else f"row {number}, {key}: {name} is {got or 'null'},"
                    f" expected {value} at {q}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--conf", required=True)
    parser.add_argument("--view", required=True)
    parser.add_argument("--plant", choices=["off-by-one"])
    parser.add_argument("csv")
    parser.add_argument("log")
    args = parser.parse_args()

    with open(args.conf, encoding="utf-8") as file:
        nodes = oracle.find_view(oracle.blocks(file.read()), args.view)

    history = History(oracle.View(nodes), args.plant)

    with open(args.log, encoding="utf-8") as file:
        for line in file:
            history.read(json.loads(line))

    with open(args.csv, encoding="utf-8", newline="") as file:
        cells = [wrong for i, row in enumerate(csv.DictReader(file))
                 for wrong in wrong_cells(history, row, i + 1)]

    wrong = [text for text in cells if text]

    print(f"values={len(cells)} wrong={len(wrong)} "
          + " ".join(f"{k}={v}" for k, v in sorted(history.verdicts.items())))

    for text in wrong[:20]:
        print(text)

    return 1 if wrong or not cells else 0


if __name__ == "__main__":
    sys.exit(main())
