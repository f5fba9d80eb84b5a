#!/usr/bin/env python3
"""
The features of a view, recomputed from the log in the plainest way: all
events of an entity are kept, and every value is computed anew from them.
It shares no code with the worker and imports nothing but the library.

    oracle.py --conf nginx.conf --view NAME [--as-of US] LOG...
    oracle.py ... --compare DUMP        exit 1 where the dump differs
    oracle.py ... --plant off-by-one    a wrong boundary, to see it fail
    oracle.py ... --verdicts            counts of records on stderr

LOG has JSON lines in the order of the log ("-" is stdin):

    {"partition": 0, "offset": 12, "timestamp": MS, "key": ...,
     "value": TEXT or OBJECT, "headers": {...}}

timestamp, key and headers may be missing; value null is a tombstone.

Without --as-of every entity is shown at the event clock of its partition
(newest ts + one tick).  With it, events of ts < US alone count, and q is US.

The canonical dump, as `mlopsctl table dump VIEW --canonical` prints it: one
line an entity, ended by LF, sorted by key (int64 by number, strings by their
bytes); nothing at all where there is none:

    KEY TAB NAME=VALUE TAB ... TAB PARTITION TAB OFFSET TAB EVENT_US

KEY is a decimal or a JSON string.  NAME=VALUE stands for every column in the
order of the view (last_k: NAME_1 ...); NAME is escaped as in a JSON string,
without quotes.  VALUE is null, a decimal int64, a double in its shortest
form (Python's repr), or a JSON string.  JSON strings escape '"', '\\' and
bytes below 0x20 (\\b \\f \\n \\r \\t, others \\u00xx) and nothing else.
PARTITION and OFFSET are those of the last event that was applied, EVENT_US is
the newest event time.  An entity is not shown where it has had no event for
the view's ttl: EVENT_US < q - ttl.

An entity begins anew with an event at whose clock it had none for the ttl.

What is compared exactly, and what within an error: see compare() below.
"""

import argparse
import collections
import json
import math
import re
import sys


# ------------------------------------------------------------ configuration

def tokens(text):
    """nginx's words; ('{', '}' and ';' are themselves, words are tuples)."""

    i, n = 0, len(text)

    while i < n:
        c = text[i]

        if c in ' \t\r\n':
            i += 1

        elif c == '#':
            while i < n and text[i] != '\n':
                i += 1

        elif c in '{};':
            yield c
            i += 1

        elif c in '"\'':
            word, i = '', i + 1

            while text[i] != c:
                if text[i] == '\\' and text[i + 1] in '"\'\\':
                    i += 1
                word += text[i]
                i += 1

            yield (word,)
            i += 1

        else:
            word = ''

            while i < n and text[i] not in ' \t\r\n;{}':
                word += text[i]
                i += 1

            yield (word,)


def blocks(text):
    """Directives as (args, children or None)."""

    stack, args = [[]], []

    for t in tokens(text):
        if t == ';':
            stack[-1].append((args, None))
            args = []
        elif t == '{':
            children = []
            stack[-1].append((args, children))
            stack.append(children)
            args = []
        elif t == '}':
            stack.pop()
        else:
            args.append(t[0])

    return stack[0]


def find_view(nodes, name):
    for args, children in nodes:
        if args[0] == 'mlops_view' and (name is None or args[1] == name):
            return children

        if children is not None:
            found = find_view(children, name)
            if found is not None:
                return found

    return None


UNITS = {'ms': 1000, 's': 10**6, '': 10**6, 'm': 60 * 10**6,
         'h': 3600 * 10**6, 'd': 86400 * 10**6, 'w': 7 * 86400 * 10**6,
         'M': 30 * 86400 * 10**6, 'y': 365 * 86400 * 10**6}


def span(text):
    us = 0

    for number, unit in re.findall(r'(\d+)(ms|[smhdwMy]?)', text):
        us += int(number) * UNITS[unit]

    return us


def params(words):
    return dict(w.split('=', 1) for w in words if '=' in w)


PICKS = ('first', 'last', 'last_k', 'min', 'max')
BARS = ('open', 'high', 'low', 'close', 'ema', 'sma', 'macd', 'rsi',
        'stochastic')


class Feature:
    def __init__(self, words, view):
        self.name = words[0]
        match = re.fullmatch(r'\s*(\w+)\s*\((.*)\)\s*', words[1])
        self.func = match.group(1)
        self.args = [a.strip() for a in match.group(2).split(',')
                     if a.strip()]
        self.p = params(words[2:])
        self.field = None
        self.columns = [self.name]
        self.where = None

        if self.func not in ('count', 'rate', 'ratio'):
            self.field = self.args[0]

        if self.func == 'last_k':
            self.columns = ['%s_%d' % (self.name, i + 1)
                            for i in range(int(self.args[1]))]

        self.window = span(self.p.get('window', '0'))
        self.kind = self.p.get('kind', 'sliding' if self.window else 'all')

        if self.func in BARS:
            self.kind = 'tumbling'

        if self.kind == 'tumbling':
            self.hop = self.window
        elif 'hop' in self.p:
            self.hop = span(self.p['hop'])
        else:
            self.hop = self.window // 12

        if self.func == 'decayed_sum':
            self.half_life = span(self.args[1])

            if self.kind == 'all' and 'hop' not in self.p:
                self.hop = max(self.half_life // 12, 1)

        exact = self.p.get('type')

        if self.field is None:
            pass
        elif self.func in PICKS or self.func == 'approx_distinct':
            if exact:
                view.use_exact(self.field, exact)
            elif self.func in ('min', 'max'):
                view.use_number(self.field)
            else:
                view.use_any(self.field, 'string' if self.func ==
                             'approx_distinct' else 'double')
        else:
            view.use_number(self.field)

        if 'where' in self.p:
            self.where = Where(self.p['where'], view)

    def type(self, view):
        if self.func in ('count', 'approx_distinct'):
            return 'int64'

        return view.type(self.field) if self.func in PICKS else 'double'


class View:
    def __init__(self, nodes):
        self.exact, self.number, self.any = {}, set(), {}
        self.features = []
        self.dedupe = None
        self.ttl = 0
        self.max_entities = 1000000
        self.shards = 1
        self.format = 'json'
        self.event_type = ''
        self.time = None
        self.unit, self.lateness, self.skew = 'ms', 0, 60 * 10**6

        for args, _ in nodes:
            handler = getattr(self, 'set_' + args[0], None)

            if handler:
                handler(args[1:])

    def set_source(self, words):
        p = params(words)
        self.format = p.get('format', 'json')
        self.event_type = p.get('type', '')

    def set_entity(self, words):
        self.entity, self.entity_type = words[0], words[1]
        self.entity_bytes = int(params(words).get('bytes', '64'))
        self.use_exact(self.entity, self.entity_type)

    def set_event_time(self, words):
        p = params(words)
        self.time = words[0]
        self.unit = p.get('unit', 'ms')
        self.lateness = span(p.get('lateness', '0'))
        self.skew = span(p.get('skew', '1m'))
        self.use_exact(self.time, {'s': 'double', 'ms': 'double',
                                   'us': 'int64', 'ns': 'int64',
                                   'iso': 'string'}[self.unit])

    def set_dedupe(self, words):
        p = params(words)
        self.dedupe, self.within = words[0], span(p['within'])

        if 'type' in p:
            self.use_exact(self.dedupe, p['type'])
        else:
            self.use_any(self.dedupe, 'string')

    def set_feature(self, words):
        self.features.append(Feature(words, self))

    def set_ttl(self, words):
        self.ttl = span(words[0])

    def set_max_entities(self, words):
        self.max_entities = int(words[0])

    def set_shards(self, words):
        self.shards = int(words[0])

    def use_exact(self, field, type):
        self.exact.setdefault(field, type)

    def use_number(self, field):
        self.number.add(field)

    def use_any(self, field, type):
        self.any.setdefault(field, type)

    def fields(self):
        return set(self.exact) | self.number | set(self.any)

    def type(self, field):
        if field in self.exact:
            return self.exact[field]

        return 'double' if field in self.number else self.any[field]

    @property
    def tick(self):
        return {'s': 10**6, 'ms': 1000}.get(self.unit, 1)


class Where:
    """or, and, not, (), FIELD OP LITERAL, FIELD is [not] null."""

    TOKEN = re.compile(r"""\s*(?:('(?:[^']|'')*')|(`[^`]+`)
                           |(==|!=|<=|>=|<|>|\(|\)|&&|\|\||!)
                           |([^\s()<>=!&|'`]+))""", re.X)

    def __init__(self, text, view):
        self.words, self.i, self.view = [], 0, view
        pos, text = 0, text.strip()

        while pos < len(text):
            m = self.TOKEN.match(text, pos)
            self.words.append(m.group(1) or m.group(2) or m.group(3)
                              or m.group(4))
            pos = m.end()

        self.test = self.parse_or()

    def peek(self):
        return self.words[self.i] if self.i < len(self.words) else None

    def take(self, *words):
        if self.peek() in words:
            self.i += 1
            return True

        return False

    def parse_or(self):
        terms = [self.parse_and()]

        while self.take('or', '||'):
            terms.append(self.parse_and())

        return lambda e: any([t(e) for t in terms])

    def parse_and(self):
        terms = [self.parse_not()]

        while self.take('and', '&&'):
            terms.append(self.parse_not())

        return lambda e: all([t(e) for t in terms])

    def parse_not(self):
        if self.take('not', '!'):
            term = self.parse_not()
            return lambda e: not term(e)

        if self.take('('):
            term = self.parse_or()
            self.take(')')
            return term

        return self.parse_term()

    def parse_term(self):
        field = self.words[self.i].strip('`')
        self.i += 1

        if self.take('is'):
            negate = self.take('not')
            self.take('null')
            return self.null(field, negate)

        if self.take('not'):
            self.take('null')
            return self.null(field, True)

        op, literal = self.words[self.i], self.words[self.i + 1]
        self.i += 2

        if literal == 'null':
            return self.null(field, op == '!=')

        if literal[0] == "'":
            self.view.use_exact(field, 'string')
            value = literal[1:-1].replace("''", "'").encode()
        else:
            self.view.use_number(field)
            value = {'true': 1, 'false': 0}.get(literal)

            if value is None:
                value = int(literal) if re.fullmatch(r'[+-]?\d+', literal) \
                    else float(literal)

        return lambda e: self.compare(e.get(field), op, value)

    def null(self, field, negate):
        self.view.use_any(field, 'string')
        return lambda e: (e.get(field) is None) != negate

    @staticmethod
    def compare(x, op, y):
        if x is None:
            return False

        if isinstance(x, str):
            x = x.encode()

        return {'==': x == y, '!=': x != y, '<': x < y, '<=': x <= y,
                '>': x > y, '>=': x >= y}[op]


# ------------------------------------------------------------------- intake

class Malformed(Exception):
    pass


class Number(str):
    """A number of the JSON text, as it stands there."""


def read_object(text, fields):
    def pairs(items):
        return items

    def refuse(_):
        raise Malformed('not JSON')

    try:
        text.encode()
        items = json.loads(text, object_pairs_hook=pairs, parse_int=Number,
                           parse_float=Number, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Malformed('not JSON')

    if not isinstance(items, list) or not text.lstrip().startswith('{'):
        raise Malformed('not an object')

    seen = {}

    for name, value in items:
        if name in fields:
            if name in seen:
                raise Malformed('a field twice')
            seen[name] = value

    return seen


def to_type(value, type, flags):
    """A field of the JSON text as a value of that type; null is None."""

    if value is None:
        return None

    if type == 'string':
        if isinstance(value, Number) or not isinstance(value, str):
            raise Malformed('not a string')

        try:
            value.encode()
        except UnicodeEncodeError:
            raise Malformed('not text')

        return value

    if isinstance(value, bool) and flags:
        return float(value) if type == 'double' else int(value)

    if not isinstance(value, Number):
        raise Malformed('not a number')

    if type == 'double':
        x = float(value)

        if math.isinf(x):
            raise Malformed('too large')
        return x

    if not re.fullmatch(r'-?\d+', value) or not -2**63 <= int(value) < 2**63:
        raise Malformed('not an int64')

    return int(value)


def days(y, m, d):
    y -= m <= 2
    era = y // 400
    of_year = (153 * (m + (-3 if m > 2 else 9)) + 2) // 5 + d - 1
    of_era = (y % 400) * 365 + (y % 400) // 4 - (y % 400) // 100 + of_year
    return era * 146097 + of_era - 719468


def rfc3339(text):
    m = re.fullmatch(r'(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)'
                     r'(?:\.(\d{1,9}))?(?:([Zz])|([+-])(\d\d):(\d\d))', text,
                     re.A)

    if m is None:
        raise Malformed('not a time')

    y, mo, d, h, mi, s = (int(m.group(i)) for i in range(1, 7))
    leap = y % 4 == 0 and (y % 100 != 0 or y % 400 == 0)
    length = [31, 28 + leap, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

    if not 1 <= mo <= 12 or not 1 <= d <= length[mo - 1] or h > 23 \
            or mi > 59 or s > 60:
        raise Malformed('not a time')

    us = (days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s) * 10**6
    us += int(((m.group(7) or '') + '000000')[:6])

    if m.group(9):
        if int(m.group(10)) > 23 or int(m.group(11)) > 59:
            raise Malformed('not a time')

        offset = (int(m.group(10)) * 60 + int(m.group(11))) * 60 * 10**6
        us -= offset if m.group(9) == '+' else -offset

    return us


def event_time(view, value):
    if value is None:
        raise Malformed('no time')

    if view.unit in ('s', 'ms'):
        us = value * (1e6 if view.unit == 's' else 1000.0)

        if not math.isfinite(us):
            raise Malformed('not a time')
        us = round(us)
    elif view.unit == 'us':
        us = value
    elif view.unit == 'ns':
        us = value // 1000
    else:
        us = rfc3339(value)

    if not 0 <= us <= 9223372036854775:
        raise Malformed('a time beyond 2262')

    return us


def cloud_event(view, record):
    """The text of the event; None: of another type."""

    headers = {k.lower(): v for k, v in (record.get('headers') or {}).items()}
    text = record['value']

    if headers.get('content-type', '').lower().startswith(
            'application/cloudevents'):
        try:
            envelope = json.loads(text)
        except ValueError:
            raise Malformed('not JSON')

        if not isinstance(envelope, dict) or 'data' not in envelope:
            raise Malformed('no data')

        if view.event_type and envelope.get('type') != view.event_type:
            return None

        return json.dumps(envelope['data'])

    if 'ce_type' not in headers:
        raise Malformed('not a CloudEvent')

    if view.event_type and headers['ce_type'] != view.event_type:
        return None

    return text


Event = collections.namedtuple('Event', 'ts partition offset fields')


class Entity:
    def __init__(self):
        self.events = []
        self.newest = None


class Oracle:
    def __init__(self, view, as_of=None, plant=None):
        self.view, self.as_of, self.plant = view, as_of, plant
        self.clocks = {}                # partition -> newest ts
        self.entities = collections.OrderedDict()   # by last use
        self.accepted = {}              # (key, value) -> times
        self.verdicts = collections.Counter()

    def q(self, partition):
        """The event clock, not beyond the moment that is asked for."""

        q = self.clocks[partition] + self.view.tick
        return q if self.as_of is None else min(q, self.as_of)

    def read(self, record):
        try:
            verdict = self.judge(record)
        except Malformed:
            verdict = 'malformed'

        self.verdicts[verdict] += 1

    def judge(self, record):
        view = self.view
        text = record['value']

        if text is None:
            return 'tombstone'

        if not isinstance(text, str):
            text = json.dumps(text)

        if view.format == 'cloudevents':
            text = cloud_event(view, dict(record, value=text))

            if text is None:
                return 'other'

        fields = view.fields()
        raw = read_object(text, fields)
        event = {}

        for name in fields:
            flags = name not in (view.entity, view.time)
            event[name] = to_type(raw.get(name), view.type(name), flags)

        key = event[view.entity]

        if key is None or (view.entity_type == 'string' and not
                           1 <= len(key.encode()) <= view.entity_bytes):
            raise Malformed('no entity')

        ts = event_time(view, event[view.time])
        partition = record['partition']
        timestamp = record.get('timestamp')

        if timestamp is not None and timestamp >= 0 \
                and ts > timestamp * 1000 + view.skew:
            return 'future'

        newest = self.clocks.get(partition)

        if newest is not None and ts < newest - view.lateness:
            return 'late'

        if newest is None or ts > newest:
            self.clocks[partition] = ts

        if view.dedupe and event[view.dedupe] is not None:
            times = self.accepted.setdefault((key, event[view.dedupe]), [])

            if any(abs(ts - t) <= view.within for t in times):
                return 'duplicate'

            times.append(ts)

        if self.as_of is None or ts < self.as_of:
            self.apply(key, Event(ts, partition, record['offset'], event))

        return 'accepted'

    def apply(self, key, event):
        view = self.view
        entity = self.entities.pop(key, None)

        if entity and view.ttl \
                and entity.newest < self.q(event.partition) - view.ttl:
            entity = None

        if entity is None:
            entity = Entity()

            if view.shards == 1 and len(self.entities) >= view.max_entities:
                self.make_room()

        entity.events.append(event)
        entity.newest = event.ts if entity.newest is None \
            else max(entity.newest, event.ts)
        self.entities[key] = entity

    def make_room(self):
        """Those that have expired go first, then the one whose last event
        was applied longest ago."""

        for key, entity in list(self.entities.items()):
            q = self.q(entity.events[-1].partition)

            if self.view.ttl and entity.newest < q - self.view.ttl:
                del self.entities[key]

        if len(self.entities) >= self.view.max_entities:
            self.entities.popitem(last=False)

    # ---------------------------------------------------------------- rows

    def rows(self):
        """(key, [(name, value, tolerance)], partition, offset, ts)"""

        def order(key):
            return key if isinstance(key, int) else key.encode()

        for key in sorted(self.entities, key=order):
            entity = self.entities[key]
            last = entity.events[-1]
            q = self.as_of if self.as_of is not None \
                else self.q(last.partition)

            if self.view.ttl and entity.newest < q - self.view.ttl:
                continue

            yield (key, self.row(entity.events, q), last.partition,
                   last.offset, entity.newest)

    def row(self, events, q):
        ordered = sorted(events, key=lambda e: e[:3])
        columns, finished = [], {}

        for f in self.view.features:
            if f.func == 'ratio':
                a, b = finished[f.args[0]][0], finished[f.args[1]][0]
                found = [(None if a is None or b is None or b == 0
                          else finite(a / b),
                          ratio_error(finished[f.args[0]],
                                      finished[f.args[1]]))]
            else:
                found = self.feature(f, ordered, q)

            finished[f.name] = found[0]

            for name, (value, error) in zip(f.columns, found):
                columns.append((name, value, error))

        return columns

    def feature(self, f, events, q):
        """[(value, allowed error)] for each column."""

        events = [e for e in events if e.ts < q
                  and (f.where is None or f.where.test(e.fields))
                  and (f.field is None or e.fields[f.field] is not None)]

        if f.func in BARS:
            return [self.bars(f, events, q)]

        first, end = None, q

        if f.kind == 'sliding':
            first = floor(q - f.window, f.hop)
        elif f.kind in ('hopping', 'tumbling'):
            end = floor(q, f.hop)
            first = end - f.window

        if first is not None:
            if self.plant == 'off-by-one':
                first += f.hop

            events = [e for e in events if first <= e.ts < end]

        values = [e.fields[f.field] for e in events] if f.field else []
        function = getattr(self, 'f_' + f.func)

        return function(f, events, values, q)

    def f_count(self, f, events, values, q):
        return [(len(events), 0)]

    def f_rate(self, f, events, values, q):
        return [(len(events) / (f.window / 1e6), 0)]

    def f_sum(self, f, events, values, q):
        return [(total(values), sum_error(values))]

    def f_mean(self, f, events, values, q):
        if not values:
            return [(None, 0)]

        s = total(values)
        return [(None if s is None else s / len(values), sum_error(values))]

    def f_min(self, f, events, values, q):
        return [(min(values) + 0 if values else None, 0)]

    def f_max(self, f, events, values, q):
        return [(max(values) + 0 if values else None, 0)]

    def f_variance(self, f, events, values, q):
        n = len(values)

        if n < 2:
            return [(None, 0)]

        xs = [float(x) for x in values]
        mean = math.fsum(xs) / n
        v = math.fsum((x - mean) ** 2 for x in xs) / (n - 1)
        worst = max(abs(x) for x in xs)
        return [(v, 1e-9 * v + 1e-13 * worst * worst)]

    def f_std(self, f, events, values, q):
        (v, error), = self.f_variance(f, events, values, q)

        if v is None:
            return [(None, 0)]

        std = math.sqrt(v)
        return [(std, min(error / std, math.sqrt(error)) if std
                 else math.sqrt(error))]

    def f_first(self, f, events, values, q):
        return [(cut(f, values[0]) if values else None, 0)]

    def f_last(self, f, events, values, q):
        return [(cut(f, values[-1]) if values else None, 0)]

    def f_last_k(self, f, events, values, q):
        k = len(f.columns)
        newest = [cut(f, x) for x in values[-k:][::-1]]
        return [(x, 0) for x in newest + [None] * (k - len(newest))]

    def f_decayed_sum(self, f, events, values, q):
        if not values:
            return [(0.0, 0)]

        boundary = floor(q, f.hop)

        if f.kind == 'all':
            end = floor(max(e.ts for e in events), f.hop) + f.hop

            if boundary - end >= 64 * f.half_life:
                return [(0.0, 0)]

        terms = [x * 2.0 ** (-max(boundary - e.ts, 0) / f.half_life)
                 for x, e in zip(values, events)]
        return [(math.fsum(terms), 1e-9 * math.fsum(map(abs, terms)))]

    def f_approx_distinct(self, f, events, values, q):
        """Five standard errors."""

        n = len(set(values))

        if not values:
            return [(None, 0)]

        m = 2 ** int(f.p.get('precision', '10'))
        return [(n, 1 + 5 * 1.04 / math.sqrt(m) * n)]

    def f_quantile(self, f, events, values, q):
        """1 % of the lower quantile; what may have been collapsed is only
        known to be no greater than the largest collapsed bucket."""

        if not values:
            return [(None, 0)]

        xs = sorted(float(x) for x in values)
        x = xs[math.floor(float(f.args[1]) * (len(xs) - 1))]
        error = 0.0100001 * abs(x)

        if x != 0:
            bins = int(f.p.get('bins', '512'))
            tops = [bucket(y) for y in (max(xs), min(xs))
                    if y != 0]
            positive = [bucket(y) for y in xs if y > 0]
            negative = [bucket(y) for y in xs if y < 0]

            if positive and negative:
                bins //= 2

            low = max(tops) - bins + 2

            if bucket(x) <= low:
                error += 1.0303 ** 1 * math.exp(low * 0.020000666706669435)

        return [(x, error)]

    # ---------------------------------------------------------------- bars

    def bars(self, f, events, q):
        bars = collections.OrderedDict()

        for e in events:
            bars.setdefault(e.ts // f.window, []).append(
                float(e.fields[f.field]))

        late = 1 if self.plant == 'off-by-one' else 0
        closed = [xs for i, xs in sorted(bars.items())
                  if (i + 1 + late) * f.window <= q]

        if not closed:
            return (None, 0)

        closes = [xs[-1] for xs in closed]

        if f.func == 'open':
            return (closed[-1][0], 0)

        if f.func == 'high':
            return (max(closed[-1]) + 0.0, 0)

        if f.func == 'low':
            return (min(closed[-1]) + 0.0, 0)

        if f.func == 'close':
            return (closes[-1], 0)

        value = getattr(self, 'b_' + f.func)(f, closed, closes)
        worst = max(abs(x) for x in closes)

        return (None if value is None else finite(value),
                1e-9 * worst if f.func in ('ema', 'sma', 'macd') else 1e-6)

    @staticmethod
    def ema(alpha, xs):
        y = xs[0]

        for x in xs[1:]:
            y = alpha * x + (1 - alpha) * y

        return y

    def b_ema(self, f, bars, closes):
        if 'com' in f.p:
            alpha = 1 / (1 + float(f.p['com']))
        else:
            alpha = 2 / (int(f.args[1]) + 1)

        return self.ema(alpha, closes)

    def b_macd(self, f, bars, closes):
        return self.ema(2 / (int(f.args[1]) + 1), closes) \
            - self.ema(2 / (int(f.args[2]) + 1), closes)

    def b_sma(self, f, bars, closes):
        k = int(f.args[1])
        return math.fsum(closes[-k:]) / k if len(closes) >= k else None

    def b_rsi(self, f, bars, closes):
        k = int(f.args[1])
        moves = [b - a for a, b in zip(closes, closes[1:])]

        if len(moves) < k:
            return None

        gain = sum(max(m, 0.0) for m in moves[:k]) / k
        loss = sum(max(-m, 0.0) for m in moves[:k]) / k

        for m in moves[k:]:
            gain = (gain * (k - 1) + max(m, 0.0)) / k
            loss = (loss * (k - 1) + max(-m, 0.0)) / k

        return 100 * gain / (gain + loss) if gain + loss else None

    def b_stochastic(self, f, bars, closes):
        k = int(f.args[1])

        if len(bars) < k:
            return None

        high = max(max(b) for b in bars[-k:])
        low = min(min(b) for b in bars[-k:])
        return 100 * (closes[-1] - low) / (high - low) if high > low else None


def floor(t, hop):
    return t // hop * hop


def finite(x):
    return x if math.isfinite(x) else None


def total(values):
    """The exact sum, rounded once; of integers as a double, too."""

    try:
        if values and isinstance(values[0], int):
            return float(sum(values))

        return math.fsum(values) + 0.0
    except OverflowError:
        return None


def sum_error(values):
    """A double-double keeps 104 bits: it shows where terms cancel."""

    if values and isinstance(values[0], int):
        return 0

    return 2.0 ** -90 * math.fsum(abs(x) for x in values)


def ratio_error(a, b):
    if not a[1] and not b[1]:
        return 0

    if not a[0] or not b[0]:
        return math.inf

    return abs(a[0] / b[0]) * 2 * (a[1] / abs(a[0]) + b[1] / abs(b[0]))


def bucket(x):
    return math.ceil(math.log(abs(x)) / math.log(1.01 / 0.99))


def cut(f, x):
    if not isinstance(x, str):
        return x

    return x.encode()[:int(f.p.get('bytes', '32'))].decode('utf-8', 'ignore')


# -------------------------------------------------------------------- text

ESCAPES = {'"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n',
           '\r': '\\r', '\t': '\\t'}


def escape(text):
    return ''.join(ESCAPES.get(c) or ('\\u%04x' % ord(c) if c < ' ' else c)
                   for c in text)


def show(value):
    if value is None:
        return 'null'

    return '"%s"' % escape(value) if isinstance(value, str) else repr(value)


def typed(view, columns):
    """Values in the types of their columns."""

    types = []

    for f in view.features:
        types += [f.type(view)] * len(f.columns)

    for (name, value, error), type in zip(columns, types):
        if value is not None and type == 'double':
            value = float(value)
        yield name, value, error


def line(view, row):
    key, columns, partition, offset, ts = row
    parts = [show(key)]
    parts += ['%s=%s' % (escape(name), show(value))
              for name, value, _ in typed(view, columns)]
    parts += [str(partition), str(offset), str(ts)]
    return '\t'.join(parts)


def close(want, got, error):
    """Is the text got the value want, as near as error?  An error of 0 asks
    for the same text; otherwise two ulps are always allowed."""

    if got == show(want):
        return True

    if want is None or got == 'null' or isinstance(want, str):
        return False

    if error == 0:
        return False

    try:
        x = float(got)
    except ValueError:
        return False

    return abs(x - want) <= error + 2.0 ** -51 * abs(want)


def compare(view, rows, dump):
    """
    Exact: keys, partition, offset, event time; count, rate, min, max, first,
    last, last_k, open, high, low, close.  Two ulps: sum, mean.  1e-9:
    variance, std (and 1e-13 of the squares of the values), decayed_sum, ema,
    sma, macd (of the largest close); 1e-6: rsi, stochastic.  Stated errors:
    quantile, approx_distinct.  Returns the number of differences.
    """

    got = {}

    for text in dump.split('\n')[:-1]:
        parts = text.split('\t')
        got[parts[0]] = parts

    wrong = 0

    def report(text):
        nonlocal wrong
        wrong += 1

        if wrong <= 20:
            print('oracle: ' + text)

    for row in rows:
        key, columns, *place = row
        parts = got.pop(show(key), None)

        if parts is None:
            report('%s is missing' % show(key))
            continue

        if len(parts) != len(columns) + 4:
            report('%s has %d parts, expected %d' % (show(key), len(parts),
                                                     len(columns) + 4))
            continue

        for part, (name, value, error) in zip(parts[1:],
                                              typed(view, columns)):
            start = escape(name) + '='

            if not part.startswith(start):
                report('%s: %s, expected column %s' % (show(key), part, name))
            elif not close(value, part[len(start):], error):
                report('%s: %s, expected %s within %g'
                       % (show(key), part, show(value), error))

        if parts[-3:] != [str(x) for x in place]:
            report('%s: at %s, expected %s' % (show(key), parts[-3:], place))

    for key in got:
        report('%s should not be there' % key)

    if wrong > 20:
        print('oracle: %d more differences' % (wrong - 20))

    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--conf', required=True)
    parser.add_argument('--view')
    parser.add_argument('--as-of', type=int)
    parser.add_argument('--compare')
    parser.add_argument('--plant', choices=['off-by-one'])
    parser.add_argument('--verdicts', action='store_true')
    parser.add_argument('log', nargs='+')
    args = parser.parse_args()

    with open(args.conf, encoding='utf-8') as f:
        nodes = find_view(blocks(f.read()), args.view)

    if nodes is None:
        sys.exit('oracle: no view "%s" in %s' % (args.view, args.conf))

    oracle = Oracle(View(nodes), args.as_of, args.plant)

    for name in args.log:
        f = sys.stdin if name == '-' else open(
            name, encoding='utf-8', errors='surrogateescape', newline='\n')

        for text in f:
            if text.strip():
                oracle.read(json.loads(text))

    if args.verdicts:
        for verdict in sorted(oracle.verdicts):
            print('%s %d' % (verdict, oracle.verdicts[verdict]),
                  file=sys.stderr)

    if args.compare is None:
        for row in oracle.rows():
            print(line(oracle.view, row))
        return 0

    with open(args.compare, encoding='utf-8', newline='\n') as f:
        wrong = compare(oracle.view, oracle.rows(), f.read())

    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
