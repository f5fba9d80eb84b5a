/*
 * Sketches keep their stated errors, whatever the order of events and
 * however they are spread over tiles.
 */

#include "windows.h"


#define START  (472222ll * TEST_HOUR)


static int
compare(const void *a, const void *b)
{
    double  x, y;

    x = *(const double *) a;
    y = *(const double *) b;

    return (x > y) - (x < y);
}


/* ---- approx_distinct ---- */


static void
test_distinct(void **arg)
{
    char            features[256], text[32];
    double          n, got, error, squares;
    uint32_t        p, size, i, round, rounds;
    test_window_t  *w;

    static const uint32_t  sizes[] = { 1, 5, 40, 700, 2500, 6000, 60000 };

    (void) arg;

    for (p = 8; p <= 14; p += 3) {

        snprintf(features, sizeof(features), "feature i approx_distinct(i) "
                 "type=int64 window=1h precision=%u;"
                 "feature s approx_distinct(s) window=1h precision=%u;"
                 "feature x approx_distinct(x) type=double precision=%u;",
                 p, p, p);
        w = test_window(features);

        for (size = 0; size < mlops_nitems(sizes); size++) {

            squares = 0;
            n = sizes[size];
            error = 1.04 / sqrt((double) (1u << p));
            rounds = unit_quick() ? 2 : n > 10000 ? 3 : 12;

            for (round = 0; round < rounds; round++) {
                mlops_window_reset(w->window, w->state);

                /* each twice, over all tiles */

                for (i = 0; i < 2 * sizes[size]; i++) {
                    snprintf(text, sizeof(text), "key-%u-%u", round,
                             i % sizes[size]);
                    test_clear(w);
                    test_set(w, "s", 0, text);
                    test_set(w, "i", round * 1000000.0 + i % sizes[size],
                             NULL);
                    test_set(w, "x", round + 1 / (1.0 + i % sizes[size]),
                             NULL);
                    test_send(w, START + (i * 7919ll % 3600) * TEST_SECOND,
                              text);
                }

                for (i = 0; i < 3; i++) {
                    got = test_number(w, START + TEST_HOUR,
                                      (const char *[]) { "i", "s", "x" }[i]);

                    unit_ok(fabs(got - n) <= 0.5 + 6 * error * n,
                            "precision %u: %.0f of %.0f", p, got, n);
                    squares += (got - n) * (got - n) / (n * n);
                }
            }

            /* and not only within six standard errors: the root of the mean
             * square is about one */

            if (rounds > 2) {
                unit_ok(sqrt(squares / (3 * rounds))
                        <= 1.8 * error + 0.6 / n,
                        "precision %u, n %.0f: error %f, expected %f", p, n,
                        sqrt(squares / (3 * rounds)), error);
            }
        }

        test_window_free(w);
    }
}


/* The same value is one; tiles leave with what they alone have seen. */

static void
test_distinct_window(void **arg)
{
    int             i;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature d approx_distinct(x) type=double window=1h "
                    "precision=14;"
                    "feature s approx_distinct(s) window=1h precision=14;");

    test_x(w, START, 0.0);
    test_x(w, START, -0.0);
    test_x(w, START + 1, 0.0);
    test_is(w, START + 2, "d", 1);

    for (i = 0; i < 10; i++) {
        test_x(w, START + 30 * TEST_MINUTE, i);
    }

    test_is(w, START + 30 * TEST_MINUTE + 1, "d", 10);
    test_is(w, START + 70 * TEST_MINUTE, "d", 10);
    test_is(w, START + 95 * TEST_MINUTE - 1, "d", 10);
    test_none(w, START + 95 * TEST_MINUTE, "d");

    test_s(w, START, "");
    test_s(w, START, "a");
    test_s(w, START, "");
    test_is(w, START + 2, "s", 2);

    test_window_free(w);
}


/* ---- quantile ---- */


static const char *const  names[] = {
    "p0", "p10", "p50", "p90", "p99", "p100"
};

static const double  ps[] = { 0, 0.1, 0.5, 0.9, 0.99, 1 };


static test_window_t *
quantiles(uint32_t bins, const char *window)
{
    char    features[1024], *p;
    size_t  i;

    p = features;

    for (i = 0; i < mlops_nitems(names); i++) {
        p += sprintf(p, "feature %s quantile(x,%g) bins=%u %s;", names[i],
                     ps[i], bins, window);
    }

    return test_window(features);
}


/* The lower quantile of the sorted values. */

static double
quantile(const double *values, uint32_t n, double p)
{
    return values[(uint32_t) floor(p * (n - 1))];
}


static double
draw(uint64_t *state)
{
    return (double) (unit_random(state) >> 11) * 0x1p-53;
}


static double
value(int kind, uint64_t *state)
{
    double  u;

    u = draw(state);

    switch (kind) {

    case 0:
        return u * 100 + 1;

    case 1:
        return -u * 100 - 1;

    case 2:                                         /* Pareto's */
        return 1 / pow(1 - u, 1.5);

    case 3:                                         /* both signs, zeros */
        return u < 0.2 ? 0 : (u - 0.5) * 1000 + (u < 0.5 ? -20 : 20);

    case 4:
        return floor(u * 10);

    default:
        return 1e-300 * (1 + u);
    }
}


static void
test_quantile(void **arg)
{
    int             kind;
    size_t          j;
    double          values[3000], got, want;
    uint32_t        n, i, size;
    uint64_t        state;
    test_window_t  *w, *whole;

    static const uint32_t  sizes[] = { 1, 2, 3, 100, 3000 };

    (void) arg;

    state = 17;
    w = quantiles(1024, "window=1h");
    whole = quantiles(1024, "");

    for (kind = 0; kind < 6; kind++) {
        for (size = 0; size < mlops_nitems(sizes); size++) {

            n = sizes[size];
            mlops_window_reset(w->window, w->state);
            mlops_window_reset(whole->window, whole->state);

            for (i = 0; i < n; i++) {
                values[i] = value(kind, &state);
                test_x(w, START + (i * 7919ll % 3600) * TEST_SECOND,
                       values[i]);
            }

            /* one tile, another order */

            for (i = n; i-- > 0; /* void */ ) {
                test_x(whole, START, values[i]);
            }

            qsort(values, n, sizeof(values[0]), compare);

            for (j = 0; j < mlops_nitems(ps); j++) {
                want = quantile(values, n, ps[j]);
                got = test_number(w, START + TEST_HOUR, names[j]);

                unit_ok(fabs(got - want) <= 0.0100001 * fabs(want),
                        "kind %d, n %u, %s: %.17g, expected %.17g", kind, n,
                        names[j], got, want);

                /* merged from 12 tiles, bit by bit that of one */

                assert_true(got == test_number(whole, START + TEST_HOUR,
                                               names[j]));
            }
        }
    }

    test_window_free(w);
    test_window_free(whole);
}


/*
 * Where room is short the lowest magnitudes are collapsed: the highest stay
 * within 1 %, and neither order nor tiles change the sketch.
 */

static void
test_collapse(void **arg)
{
    int             order;
    size_t          j;
    double          values[2000], before[6], want;
    uint32_t        i, k;
    uint64_t        state;
    test_window_t  *w;

    (void) arg;

    state = 23;
    w = quantiles(128, "window=1h");        /* a ratio of 12.9, or 3.6 for
                                               each of two signs */

    for (i = 0; i < 2000; i++) {
        values[i] = pow(10, draw(&state) * 12 - 6) * (i % 3 ? 1 : -1);
    }

    for (order = 0; order < 4; order++) {
        mlops_window_reset(w->window, w->state);

        for (i = 0; i < 2000; i++) {
            k = order == 0 ? i : order == 1 ? 1999 - i
                : i * 7919u % 2000;
            test_x(w, START + (order == 3 ? k % 12 * 5 * TEST_MINUTE : 0),
                   values[k]);
        }

        for (j = 0; j < mlops_nitems(ps); j++) {
            if (order == 0) {
                before[j] = test_number(w, START + TEST_HOUR, names[j]);
            }

            assert_true(test_number(w, START + TEST_HOUR, names[j])
                        == before[j]);
        }
    }

    qsort(values, 2000, sizeof(values[0]), compare);

    for (j = 0; j < mlops_nitems(ps); j++) {
        want = quantile(values, 2000, ps[j]);

        if (fabs(want) * 3.5 > values[1999] || j == 0) {
            unit_ok(fabs(before[j] - want) <= 0.0100001 * fabs(want),
                    "%s: %.17g, expected %.17g", names[j], before[j], want);

        } else {
            /* collapsed: of its sign, and no greater than the lowest
             * bucket that is kept */

            unit_ok(before[j] * want > 0
                    && fabs(before[j]) < values[1999] / 3.3,
                    "%s: %.17g, expected about %.17g", names[j], before[j],
                    want);
        }
    }

    test_window_free(w);
}


static void
test_extremes(void **arg)
{
    size_t          i;
    test_window_t  *w;

    static const double  values[] = {
        0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308,
        -1.7976931348623157e308, 1, -1
    };

    (void) arg;

    w = quantiles(16, "");

    for (i = 0; i < mlops_nitems(values); i++) {
        test_x(w, START, values[i]);
        test_number(w, START + 1, "p50");
    }

    test_near(w, START + 1, "p0", -1.7976931348623157e308, 0.0100001);

    test_near(w, START + 1, "p100", 1.7976931348623157e308, 0.0100001);

    test_window_free(w);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_distinct_window),
        cmocka_unit_test(test_quantile),
        cmocka_unit_test(test_collapse),
        cmocka_unit_test(test_extremes)
    };

    return unit_run(tests);
}
