/*
 * Random events against a recomputation over the list of all of them, after
 * every event and at every boundary; and that nothing changes between two
 * boundaries.
 */

#include "windows.h"


#define EVENTS_MAX  400


typedef struct {
    int64_t  ts;
    double   x;
    int64_t  order;                     /* partition and offset are equal */
} seen_t;


/* One shape of window with all that a tile can hold. */

typedef struct {
    const char    *window;
    mlops_span_t   span;
    int64_t        width;
    int64_t        hop;
} shape_t;


#define FUNCS(w)                                                              \
    "feature count count() " w "; feature sum sum(x) " w ";"                  \
    "feature min min(x) " w "; feature max max(x) " w ";"                     \
    "feature first first(x) " w "; feature last last(x) " w ";"               \
    "feature mean mean(x) " w "; feature var variance(x) " w ";"              \
    "feature k last_k(x,3) " w "; feature kk last_k(x,40) " w ";"

static const shape_t  shapes[] = {
    { FUNCS("window=60s hop=5s"), MLOPS_SPAN_SLIDING, 60, 5 },
    { FUNCS("window=64s hop=1s"), MLOPS_SPAN_SLIDING, 64, 1 },
    { FUNCS("window=63s hop=1s kind=hopping"), MLOPS_SPAN_HOPPING, 63, 1 },
    { FUNCS("window=64s hop=1s kind=hopping"), MLOPS_SPAN_HOPPING, 64, 1 },
    { FUNCS("window=7s hop=7s"), MLOPS_SPAN_SLIDING, 7, 7 },
    { FUNCS("window=14s hop=7s kind=hopping"), MLOPS_SPAN_HOPPING, 14, 7 },
    { FUNCS("window=30s kind=tumbling"), MLOPS_SPAN_TUMBLING, 30, 30 },
    { FUNCS(""), MLOPS_SPAN_ALL, 0, 0 }
};


static int64_t
floor_to(int64_t t, int64_t hop)
{
    int64_t  r;

    r = t % hop;

    return t - (r < 0 ? r + hop : r);
}


static int
compare(const void *a, const void *b)
{
    const seen_t  *x, *y;

    x = a;
    y = b;

    if (x->ts != y->ts) {
        return x->ts < y->ts ? -1 : 1;
    }

    return (x->order > y->order) - (x->order < y->order);
}


/* The events of the window, in order. */

static uint32_t
cover(const shape_t *shape, const seen_t *seen, uint32_t n, int64_t q,
    seen_t *in)
{
    int64_t   from, to, hop, width;
    uint32_t  i, m;

    hop = shape->hop * TEST_SECOND;
    width = shape->width * TEST_SECOND;
    from = INT64_MIN;
    to = q;

    if (shape->span == MLOPS_SPAN_SLIDING) {
        from = floor_to(q - width, hop);

    } else if (shape->span != MLOPS_SPAN_ALL) {
        to = floor_to(q, hop);
        from = to - width;
    }

    for (i = 0, m = 0; i < n; i++) {
        if (seen[i].ts >= from && seen[i].ts < to) {
            in[m++] = seen[i];
        }
    }

    qsort(in, m, sizeof(seen_t), compare);

    return m;
}


static void
check(test_window_t *w, const shape_t *shape, const seen_t *seen, uint32_t n,
    int64_t q)
{
    char         name[16];
    double       lo, hi, mean, m2;
    seen_t       in[EVENTS_MAX];
    uint32_t     i, m;
    long double  sum;

    m = cover(shape, seen, n, q, in);
    sum = 0;
    lo = INFINITY;
    hi = -INFINITY;
    mean = 0;
    m2 = 0;

    for (i = 0; i < m; i++) {
        sum += in[i].x;
        lo = in[i].x < lo ? in[i].x : lo;
        hi = in[i].x > hi ? in[i].x : hi;
    }

    for (i = 0; i < m; i++) {
        mean = (double) (sum / m);
        m2 += (in[i].x - mean) * (in[i].x - mean);
    }

    test_is(w, q, "count", m);
    test_is(w, q, "sum", (double) sum);

    for (i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "k_%u", i + 1);

        if (i < m) {
            test_is(w, q, name, in[m - 1 - i].x);

        } else {
            test_none(w, q, name);
        }
    }

    if (m >= 40) {
        test_is(w, q, "kk_40", in[m - 40].x);

    } else {
        test_none(w, q, "kk_40");
    }

    if (m == 0) {
        test_none(w, q, "min");
        test_none(w, q, "max");
        test_none(w, q, "first");
        test_none(w, q, "last");
        test_none(w, q, "mean");
        test_none(w, q, "var");
        return;
    }

    test_is(w, q, "min", lo);
    test_is(w, q, "max", hi);
    test_is(w, q, "first", in[0].x);
    test_is(w, q, "last", in[m - 1].x);
    test_near(w, q, "mean", mean, 1e-15);

    if (m > 1) {
        test_near(w, q, "var", m2 / (m - 1), 1e-9);

    } else {
        test_none(w, q, "var");
    }
}


/* Steps of a tick, of hops, and of more than a window; now and then back. */

static int64_t
step(uint64_t *state, const shape_t *shape)
{
    uint32_t  r;
    int64_t   hop;

    r = (uint32_t) (unit_random(state) >> 40);
    hop = (shape->hop ? shape->hop : 5) * TEST_SECOND;

    switch (r % 16) {

    case 0:
        return 0;

    case 1:
        return 1;

    case 2:
        return hop;

    case 3:
        return r % 5 == 0 ? hop * 70 : hop * 13;

    case 4:
    case 5:
        return -(int64_t) (r % (70 * hop));

    default:
        return r % (hop / 3 + 1);
    }
}


static void
run(const shape_t *shape, int64_t start, uint64_t seed)
{
    int             boundary;
    int64_t         ts, newest, q;
    seen_t          seen[EVENTS_MAX];
    uint32_t        n;
    uint64_t        state;
    test_window_t  *w;

    w = test_window(shape->window);
    state = seed;
    newest = ts = start;

    for (n = 0; n < EVENTS_MAX; n++) {
        ts = newest + step(&state, shape);

        if (unit_random(&state) % 8 == 0 && shape->hop) {
            ts = floor_to(ts, shape->hop * TEST_SECOND);
        }

        newest = ts > newest ? ts : newest;

        seen[n].ts = ts;
        seen[n].order = n;
        seen[n].x = (double) (int64_t) (unit_random(&state) % 20001) / 64
                    - 150;
        test_x(w, ts, seen[n].x);

        q = newest + 1;
        check(w, shape, seen, n + 1, q);

        /* the boundaries of the time without events */

        for (boundary = 0; n % 20 == 0 && boundary < 200; boundary++) {
            q = mlops_window_next(w->window, w->state, q);

            if (q == INT64_MAX) {
                break;
            }

            check(w, shape, seen, n + 1, q - 1);
            check(w, shape, seen, n + 1, q);
        }
    }

    test_window_free(w);
}


static void
test_against_all_events(void **arg)
{
    size_t    i;
    uint64_t  seed;

    (void) arg;

    for (seed = 1; seed <= (unit_quick() ? 1 : 4); seed++) {
        for (i = 0; i < mlops_nitems(shapes); i++) {
            run(&shapes[i], 1700000000 * TEST_SECOND + 17, seed);
            run(&shapes[i], -500 * TEST_SECOND, seed + 100);
        }
    }
}


/* Every value at every microsecond between two boundaries would take long:
 * some, for a view of everything. */

static void
test_constant_between(void **arg)
{
    int             i, j, changes;
    size_t          size, words;
    int64_t         q, ts, next, at;
    uint64_t        state;
    mlops_cell_t   *cells;
    uint64_t       *has;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature a count() window=60s hop=5s;"
                    "feature b last(x) window=45s hop=9s kind=hopping;"
                    "feature c first(x) window=50s hop=10s;"
                    "feature d last_k(x,3) window=20s hop=10s kind=hopping;"
                    "feature e approx_distinct(x) type=double window=35s "
                    "hop=7s;"
                    "feature f quantile(x,0.5) window=33s hop=11s;"
                    "feature g decayed_sum(x,3s);"
                    "feature h decayed_sum(x,3s) window=26s hop=13s;"
                    "feature i ema(x,3) window=8s;"
                    "feature j stochastic(x,2) window=6s;"
                    "feature k sum(x); feature l rate() window=60s;"
                    "feature m ratio(k,a); feature n std(x) window=60s;"
                    "feature o decayed_sum(x,3s) window=26s hop=13s "
                    "kind=hopping;");

    state = 5;
    ts = 1700000000 * TEST_SECOND;
    size = w->view->row.n * sizeof(mlops_cell_t);
    words = mlops_row_words(w->view->row.n) * 8;
    cells = malloc(size);
    has = malloc(words);
    changes = 0;

    assert_non_null(cells);
    assert_non_null(has);

    for (i = 0; i < 60; i++) {
        ts += (int64_t) (unit_random(&state) % 3000000);
        test_x(w, ts, (double) (unit_random(&state) % 100));
        q = ts + 1;

        for (j = 0; j < (i % 10 == 9 ? 2000 : 12); j++) {
            test_number(w, q, "a");
            memcpy(cells, w->values, size);
            memcpy(has, w->has, words);

            next = mlops_window_next(w->window, w->state, q);
            assert_true(next > q);

            at = next == INT64_MAX ? q + 1000 * TEST_HOUR : next - 1;
            test_number(w, at, "a");
            assert_memory_equal(cells, w->values, size);
            assert_memory_equal(has, w->has, words);

            test_number(w, q + (at - q) / 2, "a");
            assert_memory_equal(cells, w->values, size);
            assert_memory_equal(has, w->has, words);

            if (next == INT64_MAX) {
                break;
            }

            test_number(w, next, "a");
            changes += memcmp(cells, w->values, size) != 0
                       || memcmp(has, w->has, words) != 0;
            q = next;
        }

        ts = q > ts ? q : ts;
    }

    /* and a boundary is not cried at each tick */

    assert_true(changes > 1000);

    free(cells);
    free(has);
    test_window_free(w);
}


/* ---- another definition ---- */


static void
test_carry(void **arg)
{
    int             i;
    int64_t         q;
    uint64_t        taken[1], *state;
    test_window_t  *a, *b;

    (void) arg;

    a = test_window("feature n count() window=1h;"
                    "feature s sum(x) window=1h;"
                    "feature r ratio(s,n);"
                    "feature l last_k(x,2);"
                    "feature e ema(x,3) window=5m;"
                    "feature t last(s) type=string window=1h;"
                    "feature q quantile(x,0.5) window=1h;");
    b = test_window("feature mean mean(x) window=1h;"
                    "feature ema ema(x,3) window=5m;"
                    "feature shorter sum(x) window=30m;"
                    "feature two last_k(x,2);"
                    "feature where count() window=1h \"where=x > 1\";"
                    "feature count count() window=1h;"
                    "feature sum sum(x) window=1h;"
                    "feature ratio ratio(sum,count);"
                    "feature text last(s) type=string window=1h;"
                    "feature half ratio(sum,where);");

    q = test_time("10:00:00");

    for (i = 0; i < 40; i++) {
        test_clear(a);
        test_set(a, "x", i * 1.25, NULL);
        test_set(a, "s", 0, i % 2 ? "odd" : "even");
        test_send(a, q + i * TEST_MINUTE, i % 2 ? "odd" : "even");
    }

    q += 40 * TEST_MINUTE;
    memset(b->state, 0x55, b->view->state_bytes);
    mlops_window_carry(b->window, b->state, a->window, a->state, taken);

    test_is(b, q, "count", test_number(a, q, "n"));
    test_is(b, q, "sum", test_number(a, q, "s"));
    test_is(b, q, "ratio", test_number(a, q, "r"));
    test_is(b, q, "two_2", test_number(a, q, "l_2"));
    test_is(b, q, "ema", test_number(a, q, "e"));
    assert_string_equal(test_text(b, q, "text"), "odd");
    test_is(b, q, "count", 40);
    test_is(b, q, "two_1", 39 * 1.25);

    test_none(b, q, "mean");
    test_is(b, q, "shorter", 0);
    test_is(b, q, "where", 0);
    test_none(b, q, "half");

    /* mean ema shorter two_1 two_2 where count sum ratio text half */

    assert_int_equal(taken[0], 0x3da);

    /* what was not taken is as after a reset, and all goes on */

    state = malloc(b->view->state_bytes);
    assert_non_null(state);
    mlops_window_reset(b->window, state);
    assert_memory_equal(state, b->state, b->view->features[0].state_bytes);
    free(state);

    test_x(b, q, 100);
    test_is(b, q + 1, "sum", test_number(a, q, "s") + 100);
    test_is(b, q + 1, "shorter", 100);

    /* there and back again, without taken */

    mlops_window_carry(a->window, a->state, b->window, b->state, NULL);
    test_is(a, q + 1, "n", 41);
    test_none(a, q + 1, "q");

    test_window_free(a);
    test_window_free(b);
}


/* ---- filters ---- */


static void
test_where(void **arg)
{
    size_t          i;
    char            features[512];
    test_window_t  *w;

    static const struct {
        const char  *where;
        const char  *passes;            /* by event, see below */
    } cases[] = {
        { "x > 3", "0100" },
        { "x >= 3", "1100" },
        { "x < 3", "0010" },
        { "x <= 3", "1010" },
        { "x == 3", "1000" },
        { "x != 3", "0110" },
        { "not x != 3", "1001" },
        { "x == null", "0001" },
        { "x != null", "1110" },
        { "s == 'paid'", "1000" },
        { "s != 'paid'", "0101" },
        { "s < 'paid'", "0100" },
        { "s > 'paid'", "0001" },
        { "s >= 'pai'", "1101" },
        { "s == null or s != 'paid'", "0111" },
        { "s == 'paid' and x == 3", "1000" },
        { "s == 'paid' and x > 3", "0000" },
        { "x > 3 or s == 'paid' and x == 3", "1100" },
        { "(x > 3 or s == 'paid') and x == 3", "1000" },
        { "not (x > 3 or s == 'paid')", "0011" },
        { "not x > 3 and not s == 'paid'", "0011" },
        { "not not x > 3", "0100" },
        { "i == 2 and (x == 3 or (x < 3 or not x > 0) and s == null)",
          "1010" },
        { "i > 1 or i == 1 or i < 1", "1110" }
    };

    (void) arg;

    for (i = 0; i < mlops_nitems(cases); i++) {

        snprintf(features, sizeof(features), "feature l last_k(n,4) "
                 "\"where=%s\" type=int64; feature a count() \"where=%s\"; "
                 "feature x sum(x); feature i last(i) type=int64;"
                 "feature s last(s) type=string;", cases[i].where,
                 cases[i].where);
        w = test_window(features);

        test_clear(w);
        test_set(w, "n", 0, NULL);
        test_set(w, "x", 3, NULL);
        test_set(w, "i", 2, NULL);
        test_set(w, "s", 0, "paid");
        test_send(w, 1, "paid");

        test_clear(w);
        test_set(w, "n", 1, NULL);
        test_set(w, "x", 3.5, NULL);
        test_set(w, "i", 2, NULL);
        test_set(w, "s", 0, "pai");
        test_send(w, 2, "pai");

        test_clear(w);
        test_set(w, "n", 2, NULL);
        test_set(w, "x", -1, NULL);
        test_set(w, "i", 2, NULL);
        test_send(w, 3, NULL);

        test_clear(w);
        test_set(w, "n", 3, NULL);
        test_set(w, "s", 0, "paid!");
        test_send(w, 4, "paid!");

        for (int e = 3, k = 1; e >= 0; e--) {
            char  name[16];

            if (cases[i].passes[e] == '1') {
                snprintf(name, sizeof(name), "l_%d", k++);
                unit_ok(test_number(w, 5, name) == e, "%s: event %d",
                        cases[i].where, e);
            }
        }

        unit_ok(test_number(w, 5, "a")
                == (cases[i].passes[0] == '1') + (cases[i].passes[1] == '1')
                   + (cases[i].passes[2] == '1')
                   + (cases[i].passes[3] == '1'),
                "%s passes %g events", cases[i].where,
                test_number(w, 5, "a"));

        test_window_free(w);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_against_all_events),
        cmocka_unit_test(test_constant_between),
        cmocka_unit_test(test_carry),
        cmocka_unit_test(test_where)
    };

    return unit_run(tests);
}
