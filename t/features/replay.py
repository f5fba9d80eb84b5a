#!/usr/bin/python3
"""Computes a view from its log once more, plainly, and compares a dump.

    replay.py [--as-of US] [--plant head|tail|late|dedupe|order]
              [--history] VIEW LOG DUMP

VIEW is a file with one mlops_view block as it stands in nginx.conf, LOG what
was put into the topic, one record a line in the order of each partition,

    partition  timestamp in ms  key  value  [header=value]...

between tabs, and DUMP what `mlopsctl table dump --canonical` printed, or,
with --history, the CSV of `mlopsctl history`: then each row is computed at
its own time.

Nothing here knows how the worker does it: every value is computed from all
events of the entity, by the sentences of docs/features.md.  Counts, sums,
extremes and picked values have to be the same, what is rounded on the way
(means, deviations, decayed sums, indicators) within 1e-9, sketches within
their stated error.

--plant makes one deliberate mistake, so that a test can see the comparison
fail: an event at q counts (head), a window is a hop longer (tail), lateness
is 1 s longer (late), duplicates count (dedupe), the older of two events
with one time wins (order).
"""

import argparse
import csv
import json
import math
import re
import sys

MS = 1000
UNITS = {"us": 1, "ms": MS, "s": 1000 * MS, "m": 60000 * MS,
         "h": 3600000 * MS, "d": 86400000 * MS}
SPANS = re.compile(r"(\d+)(us|ms|s|m|h|d|)")


class Malformed(Exception):
    pass


# ------------------------------------------------------------ the definition

def words(text):
    """Directives of a block as lists of words."""

    text = re.sub(r"(?m)^\s*#.*$", "", text)
    found, line = [], []

    for quoted, bare, end in re.findall(r'"((?:[^"\\]|\\.)*)"|([^\s;"]+)|(;)',
                                        text):
        if end:
            found.append(line)
            line = []
        else:
            line.append(quoted or bare)

    return found


def span(text):
    """5m, 1h30m, 90s in microseconds."""

    return sum(int(n) * UNITS[unit or "s"] for n, unit in SPANS.findall(text))


class Feature:
    def __init__(self, args):
        self.name = args[0]
        self.func, inner = re.fullmatch(r"(\w+)\((.*)\)", args[1]).groups()
        self.args = inner.split(",") if inner else []
        option = dict(a.split("=", 1) for a in args[2:])
        self.bar = self.func in ("open", "high", "low", "close", "ema", "sma",
                                 "macd", "rsi", "stochastic")
        self.window = span(option["window"]) if "window" in option else 0
        self.kind = option.get("kind", "sliding")

        if self.kind == "tumbling" or self.bar:
            self.kind, self.hop = "hopping", self.window
        else:
            self.hop = span(option["hop"]) if "hop" in option \
                else self.window // 12

        if self.func == "decayed_sum":
            self.half_life = span(self.args[1])

            if not self.hop:
                self.hop = self.half_life // 20

        self.com = float(option["com"]) if "com" in option else None
        self.type = option.get("type")
        self.where = where(option["where"]) if "where" in option else None

    def range(self, q, plant):
        """[from, to) of the times that are covered at q."""

        if not self.window:
            return -math.inf, q + (1 if plant == "head" else 0)

        if self.kind == "hopping":
            end = q // self.hop * self.hop
            return end - self.window, end

        begin = (q - self.window) // self.hop * self.hop

        if plant == "tail":
            begin -= self.hop

        return begin, q + (1 if plant == "head" else 0)


class View:
    def __init__(self, text):
        body = text[text.index("{") + 1:text.rindex("}")]
        self.features, self.ttl, self.dedupe = [], 0, None
        self.lateness, self.skew, self.max = 0, 60000 * MS, 1000000
        self.clock, self.shards, self.numeric = "wall", 1, set()

        for name, *args in words(body):
            option = dict(a.split("=", 1) for a in args[1:] if "=" in a)

            if name == "entity":
                self.entity, self.entity_type = args[0], args[1]
            elif name == "event_time":
                self.time = args[0]
                self.unit = option.get("unit", "s")
                self.lateness = span(option.get("lateness", "0"))
                self.skew = span(option.get("skew", "1m"))
            elif name == "dedupe":
                self.dedupe, self.within = args[0], span(option["within"])
            elif name == "feature":
                self.features.append(Feature(args))
            elif name == "ttl":
                self.ttl = span(args[0])
            elif name == "max_entities":
                self.max = int(args[0])
            elif name == "shards":
                self.shards = int(args[0])
            elif name == "clock":
                self.clock = args[0]

        for f in self.features:
            if f.args and f.func not in ("ratio", "approx_distinct") \
                    and f.type != "string":
                self.numeric.add(f.args[0])

        self.tick = {"s": 1000 * MS, "ms": MS}.get(self.unit, 1)


def where(text):
    """A filter as a function of an event's fields."""

    tokens = re.findall(r"'(?:[^']|'')*'|==|!=|<=|>=|<|>|\(|\)|[^\s()=!<>]+",
                        text)
    at = 0

    def peek():
        return tokens[at] if at < len(tokens) else None

    def take():
        nonlocal at
        at += 1
        return tokens[at - 1]

    def either():
        parts = [both()]
        while peek() == "or":
            take()
            parts.append(both())
        return lambda e: any([p(e) for p in parts])

    def both():
        parts = [negated()]
        while peek() == "and":
            take()
            parts.append(negated())
        return lambda e: all([p(e) for p in parts])

    def negated():
        if peek() == "not":
            take()
            inner = negated()
            return lambda e: not inner(e)
        if peek() == "(":
            take()
            inner = either()
            take()
            return inner
        return compare()

    def compare():
        field, sign, literal = take(), take(), take()

        if literal == "null":
            return lambda e: (e.get(field) is None) == (sign == "==")

        value = (literal[1:-1].replace("''", "'") if literal[0] == "'"
                 else {"true": 1, "false": 0}.get(literal) if literal
                 in ("true", "false") else float(literal))
        compare = {"==": lambda x: x == value, "!=": lambda x: x != value,
                   "<": lambda x: x < value, "<=": lambda x: x <= value,
                   ">": lambda x: x > value, ">=": lambda x: x >= value}[sign]
        return lambda e: e.get(field) is not None and compare(e[field])

    return either()


# ------------------------------------------------------------------ the log

def event(view, value):
    """The fields of an event, checked."""

    if value == "\\N":
        return None

    try:
        fields = json.loads(value)
    except ValueError as error:
        raise Malformed("not JSON") from error

    if not isinstance(fields, dict):
        raise Malformed("no object")

    key, time = fields.get(view.entity), fields.get(view.time)

    if view.entity_type == "int64":
        if not isinstance(key, int) or isinstance(key, bool):
            raise Malformed("entity")
    elif not isinstance(key, str) or not key:
        raise Malformed("entity")

    if not isinstance(time, (int, float)) or isinstance(time, bool):
        raise Malformed("time")

    for name in view.numeric:
        if isinstance(fields.get(name), (str, list, dict)):
            raise Malformed(name)

    return fields


class Log:
    """Accepted events by entity, clocks by partition, and what was not
    accepted."""

    def __init__(self, view, lines, plant):
        self.view, self.plant = view, plant
        self.max_ts, self.next_offset = {}, {}
        self.entities, self.seen, self.everything = {}, {}, {}
        self.counts = dict.fromkeys(("accepted", "late", "future", "malformed",
                                     "tombstone", "duplicate", "evicted"), 0)
        for line in lines:
            self.record(line.rstrip("\n").split("\t"))

    def record(self, parts):
        view = self.view
        partition, stamp, value = int(parts[0]), int(parts[1]), parts[3]
        offset = self.next_offset.get(partition, 0)
        self.next_offset[partition] = offset + 1

        try:
            fields = event(view, value)
        except Malformed:
            self.counts["malformed"] += 1
            return

        if fields is None:
            self.counts["tombstone"] += 1
            return

        scale = {"s": 1000 * MS, "ms": MS, "us": 1, "ns": 0.001}[view.unit]
        ts = math.floor(fields[view.time] * scale)

        if ts > stamp * MS + view.skew:
            self.counts["future"] += 1
            return

        newest = self.max_ts.get(partition)
        lateness = view.lateness + (1000 * MS if self.plant == "late" else 0)

        if newest is not None and ts < newest - lateness:
            self.counts["late"] += 1
            return

        if newest is None or ts > newest:
            self.max_ts[partition] = ts

        self.accept(fields[view.entity], partition, offset, ts, fields)

    def accept(self, key, partition, offset, ts, fields):
        view = self.view

        if view.dedupe and fields.get(view.dedupe) is not None \
                and self.plant != "dedupe":
            seen = self.seen.setdefault((key, fields[view.dedupe]), [])

            if any(abs(ts - t) <= view.within for t in seen):
                self.counts["duplicate"] += 1
                return

            seen.append(ts)

        self.counts["accepted"] += 1
        clock = self.max_ts[partition] + view.tick
        known = self.entities.get(key)

        if known and view.ttl \
                and clock > max(e[0] for e in known) + view.ttl:
            known = None
            del self.entities[key]

        # The one whose last event was applied longest ago goes: a dict keeps
        # the order in which keys came, and a key that is used moves to the
        # end.

        if known is None:
            known = []

            if len(self.entities) >= view.max:
                del self.entities[next(iter(self.entities))]
                self.counts["evicted"] += 1
        else:
            del self.entities[key]

        self.entities[key] = known
        known.append((ts, partition, offset, fields))
        self.everything.setdefault(key, []).append(known[-1])


# --------------------------------------------------------------- the values

def number(x):
    return float(x) if isinstance(x, bool) else x


def picked(f, events, q, plant):
    """Values of the field in the window, in the order of events."""

    begin, end = f.range(q, plant)
    chosen = []

    for e in events:
        ts, partition, offset, fields = e

        if begin <= ts < end and (f.where is None or f.where(fields)):
            chosen.append(e)

    sign = -1 if plant == "order" else 1
    chosen.sort(key=lambda e: (e[0], sign * e[1], sign * e[2]))
    return chosen


def bars(f, events, q):
    """[open, high, low, close] of the closed bars with an event."""

    closed = q // f.window
    made = {}

    for ts, _, _, fields in sorted(events, key=lambda e: e[:3]):
        x = fields.get(f.args[0])

        if x is None or ts // f.window >= closed \
                or (f.where and not f.where(fields)):
            continue

        bar = made.setdefault(ts // f.window, [x, x, x, x])
        bar[1], bar[2], bar[3] = max(bar[1], x), min(bar[2], x), x

    return [made[i] for i in sorted(made)]


def ema(x, alpha):
    e = x[0]

    for c in x[1:]:
        e = alpha * c + (1 - alpha) * e

    return e


def indicator(f, events, q):
    made = bars(f, events, q)

    if not made:
        return None

    close = [float(b[3]) for b in made]
    n = [int(a) for a in f.args[1:]]

    if f.func in ("open", "high", "low", "close"):
        return made[-1][["open", "high", "low", "close"].index(f.func)]

    if f.func == "ema":
        return ema(close, 1 / (1 + f.com) if f.com is not None
                   else 2 / (n[0] + 1))

    if f.func == "macd":
        return ema(close, 2 / (n[0] + 1)) - ema(close, 2 / (n[1] + 1))

    if f.func == "sma":
        return math.fsum(close[-n[0]:]) / n[0] if len(close) >= n[0] else None

    if f.func == "stochastic":
        if len(close) < n[0]:
            return None
        high = max(b[1] for b in made[-n[0]:])
        low = min(b[2] for b in made[-n[0]:])
        return 100 * (close[-1] - low) / (high - low) if high > low else None

    k, moves = n[0], [b - a for a, b in zip(close, close[1:])]

    if len(moves) < k:
        return None

    gain = sum(max(m, 0) for m in moves[:k]) / k
    loss = sum(max(-m, 0) for m in moves[:k]) / k

    for m in moves[k:]:
        gain = (gain * (k - 1) + max(m, 0)) / k
        loss = (loss * (k - 1) + max(-m, 0)) / k

    return 100 * gain / (gain + loss) if gain + loss else None


def value(f, events, q, row, plant):
    """The value of a feature at q; a list for last_k."""

    if f.bar:
        return indicator(f, events, q)

    if f.func == "ratio":
        a, b = (row[name] for name in f.args)
        return a / b if a is not None and b else None

    chosen = picked(f, events, q, plant)

    if f.func == "count":
        return len(chosen)

    if f.func == "rate":
        return len(chosen) / (f.window / 1e6)

    field = f.args[0]
    chosen = [e for e in chosen if e[3].get(field) is not None]
    x = [number(e[3][field]) for e in chosen]
    n = len(x)

    if f.func == "sum":
        return math.fsum(x)

    if f.func == "decayed_sum":
        end = q // f.hop * f.hop
        return math.fsum(v * 2 ** (-max(end - e[0], 0) / f.half_life)
                         for v, e in zip(x, chosen))

    if f.func == "last_k":
        k = int(f.args[1])
        return x[::-1][:k] + [None] * (k - n)

    if n == 0:
        return None

    if f.func in ("variance", "std"):
        if n < 2:
            return None
        mean = math.fsum(x) / n
        variance = math.fsum((v - mean) ** 2 for v in x) / (n - 1)
        return variance if f.func == "variance" else math.sqrt(variance)

    return {
        "mean": lambda: math.fsum(x) / n,
        "min": lambda: min(x),
        "max": lambda: max(x),
        "first": lambda: x[0],
        "last": lambda: x[-1],
        "approx_distinct": lambda: len(set(x)),
        "quantile": lambda: sorted(x)[int(float(f.args[1]) * (n - 1))],
    }[f.func]()


# ----------------------------------------------------------- the comparison

EXACT = {"count", "min", "max", "first", "last", "last_k", "open", "high",
         "low", "close", "sum"}


def same(f, want, got):
    if want is None or got is None:
        return want is got

    if f.func in EXACT or isinstance(want, str) or isinstance(got, str):
        return want == got

    if f.func == "approx_distinct":
        return abs(got - want) <= max(1, 0.15 * want)

    if f.func == "quantile":
        return abs(got - want) <= 0.0101 * abs(want) + 1e-12

    return abs(got - want) <= 1e-9 * max(1, abs(want), abs(got))


def dump_rows(lines):
    rows = {}

    for line in lines:
        if line.startswith("#") or not line.strip():
            continue

        key, *cells = line.rstrip("\n").split("\t")
        place = [int(c) for c in cells[-3:]]
        rows[json.loads(key)] = (
            {name: json.loads(text) for name, text in
             (c.rsplit("=", 1) if not c.endswith('"') else c.split("=", 1)
              for c in cells[:-3])}, place)

    return rows


def history_rows(view, log, file):
    """(name of the row, events, q, cells) of a history."""

    scale = {"s": 1000 * MS, "ms": MS, "us": 1}[view.unit]

    for i, line in enumerate(csv.DictReader(file)):
        key = int(line[view.entity]) if view.entity_type == "int64" \
            else line[view.entity]
        cells = {}

        for name, text in line.items():
            try:
                cells[name] = None if text == "" else json.loads(text)
            except ValueError:
                cells[name] = text

        q = math.floor(float(line[view.time]) * scale)
        events = [e for e in log.everything.get(key, [])
                  if e[0] < q + (log.plant == "head")]

        if view.ttl and events \
                and q > max(e[0] for e in events) + view.ttl:
            events = []

        yield f"row {i + 1}, {key}", events, q, cells


def compare(view, name, events, q, got, plant, wrong):
    """Compares all features at q; how many values that were."""

    row, compared = {}, 0

    for f in view.features:
        want = row[f.name] = value(f, events, q, row, plant)

        if not events:                  # no row at all
            want = [None] * int(f.args[1]) if f.func == "last_k" else None

        names = [f.name] if f.func != "last_k" \
            else [f"{f.name}_{i + 1}" for i in range(len(want))]

        for i, column in enumerate(names):
            w = want[i] if f.func == "last_k" else want
            compared += 1

            if column not in got or not same(f, w, got[column]):
                wrong.append(f"{name}: {column} is {got.get(column)},"
                             f" expected {w} at {q}")

    return compared


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--as-of", type=int)
    parser.add_argument("--plant", choices=["head", "tail", "late", "dedupe",
                                            "order"])
    parser.add_argument("--history", action="store_true")
    parser.add_argument("view")
    parser.add_argument("log")
    parser.add_argument("dump")
    args = parser.parse_args()

    with open(args.view) as file:
        view = View(file.read())

    with open(args.log) as file:
        log = Log(view, file, args.plant)

    wrong, compared = [], 0
    expected = {}

    with open(args.dump) as file:
        if args.history:
            for row in history_rows(view, log, file):
                expected[row[0]] = 1
                compared += compare(view, *row, args.plant, wrong)
            return report(log, expected, compared, wrong)

        dump = dump_rows(file)

    for key, events in log.entities.items():
        newest = max(e[0] for e in events)
        partition = events[-1][1]
        q = args.as_of if args.as_of is not None \
            else log.max_ts[partition] + view.tick

        if view.ttl and q > newest + view.ttl:
            continue

        expected[key] = (events, q)

    for key in sorted(expected.keys() - dump.keys(), key=str):
        wrong.append(f"{key}: missing")

    for key in sorted(dump.keys() - expected.keys(), key=str):
        wrong.append(f"{key}: not expected")

    for key in sorted(expected.keys() & dump.keys(), key=str):
        events, q = expected[key]
        got, place = dump[key]
        want_place = [events[-1][1], events[-1][2], max(e[0] for e in events)]

        if place != want_place:
            wrong.append(f"{key}: place {place}, expected {want_place}")

        compared += compare(view, key, events, q, got, args.plant, wrong)

    return report(log, expected, compared, wrong)


def report(log, rows, compared, wrong):
    print(f"rows={len(rows)} values={compared} wrong={len(wrong)} "
          + " ".join(f"{k}={v}" for k, v in log.counts.items()))

    for line in wrong[:20]:
        print(line)

    return 1 if wrong or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
