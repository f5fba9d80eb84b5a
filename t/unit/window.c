/*
 * Windows: what they cover, to the tick, and what the functions of tiles
 * and records make of it.  Numbers were computed by hand.
 */

#include "windows.h"


/* Six events, asked at 14:27:00.000. */

static const struct {
    const char  *time;
    double       x;
} six[] = {
    { "13:22:00", 5 }, { "13:26:00", 7 }, { "13:59:59", 11 },
    { "14:24:59", 13 }, { "14:26:59.999", 19 }, { "14:27:00.000", 17 }
};

#define SIX  "feature sum_a sum(x) window=1h hop=5m;"                         \
             "feature count_a count() window=1h hop=5m;"                      \
             "feature last_a last(x) window=1h hop=5m;"                       \
             "feature first_a first(x) window=1h hop=5m;"                     \
             "feature sum_b sum(x) window=1h hop=1m;"                         \
             "feature count_b count() window=1h hop=1m;"                      \
             "feature sum_c sum(x) window=1h hop=5m kind=hopping;"            \
             "feature count_c count() window=1h hop=5m kind=hopping;"         \
             "feature last_c last(x) window=1h hop=5m kind=hopping;"          \
             "feature two_c last_k(x,2) window=1h hop=5m kind=hopping;"       \
             "feature sum_d sum(x) window=1h kind=tumbling;"                  \
             "feature count_d count() window=1h kind=tumbling;"               \
             "feature last_d last(x) window=1h kind=tumbling;"                \
             "feature first_d first(x) window=1h kind=tumbling;"              \
             "feature all sum(x); feature rate rate() window=1h;"


static void
check_six(test_window_t *w)
{
    int64_t  q;

    q = test_time("14:27:00.000");

    test_is(w, q, "sum_a", 50);
    test_is(w, q, "count_a", 4);
    test_is(w, q, "last_a", 19);
    test_is(w, q, "first_a", 7);
    test_is(w, q, "sum_b", 43);
    test_is(w, q, "count_b", 3);
    test_is(w, q, "sum_c", 31);
    test_is(w, q, "count_c", 3);
    test_is(w, q, "last_c", 13);
    test_is(w, q, "two_c_1", 13);
    test_is(w, q, "two_c_2", 11);
    test_is(w, q, "sum_d", 23);
    test_is(w, q, "count_d", 3);
    test_is(w, q, "last_d", 11);
    test_is(w, q, "first_d", 5);
    test_is(w, q, "all", 55);
    test_is(w, q, "rate", 4.0 / 3600);
}


static void
test_six(void **arg)
{
    size_t          i;
    test_window_t  *w;

    (void) arg;

    w = test_window(SIX);

    for (i = 0; i < 5; i++) {
        test_x(w, test_time(six[i].time), six[i].x);
    }

    check_six(w);

    /* the one at q itself: it is in none of them until q has passed */

    test_x(w, test_time(six[5].time), six[5].x);

    test_is(w, test_time(six[5].time) + 1, "sum_a", 67);
    test_is(w, test_time(six[5].time) + 1, "last_a", 17);
    test_is(w, test_time(six[5].time) + 1, "all", 72);

    test_window_free(w);
}


static void
test_six_in_any_order(void **arg)
{
    int             n, k, left, at[5];
    size_t          i, j, order[5];
    test_window_t  *w;

    (void) arg;

    w = test_window(SIX);

    for (n = 0; n < 120; n++) {

        left = n;

        for (i = 0; i < 5; i++) {
            at[i] = (int) i;
        }

        for (i = 0; i < 5; i++) {
            k = left % (int) (5 - i);
            left /= (int) (5 - i);
            order[i] = (size_t) at[k];

            for (j = (size_t) k; j + 1 < 5 - i; j++) {
                at[j] = at[j + 1];
            }
        }

        mlops_window_reset(w->window, w->state);

        for (i = 0; i < 5; i++) {
            test_x(w, test_time(six[order[i]].time), six[order[i]].x);
        }

        check_six(w);
    }

    test_window_free(w);
}


/* A window of 1 h by 5 min: 13 tiles are seen but for q on a boundary. */

static void
test_edges(void **arg)
{
    int64_t         t, leaves;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature n count() window=1h hop=5m;"
                    "feature h count() window=1h hop=5m kind=hopping;"
                    "feature t count() window=5m kind=tumbling;"
                    "feature l last(x) window=1h hop=5m;"
                    "feature f first(x) window=1h hop=5m;"
                    "feature lh last(x) window=1h hop=5m kind=hopping;");

    t = test_time("10:00:00");

    test_x(w, t, 3);

    /* sliding: seen at once, and until floor(q - 1h) passes 10:00 */

    leaves = test_time("11:05:00");

    test_is(w, t + 1, "n", 1);
    test_is(w, leaves - 1, "n", 1);
    test_is(w, leaves - 1, "l", 3);
    test_is(w, leaves - 1, "f", 3);
    test_is(w, leaves, "n", 0);
    test_none(w, leaves, "l");
    test_none(w, leaves, "f");

    /* closed: seen when the hop is over */

    test_is(w, t + 1, "h", 0);
    test_none(w, t + 1, "lh");
    test_is(w, test_time("10:05:00") - 1, "h", 0);
    test_is(w, test_time("10:05:00"), "h", 1);
    test_is(w, test_time("10:05:00"), "lh", 3);
    test_is(w, test_time("10:05:00"), "t", 1);
    test_is(w, test_time("10:10:00") - 1, "t", 1);
    test_is(w, test_time("10:10:00"), "t", 0);
    test_is(w, leaves - 1, "h", 1);
    test_is(w, leaves, "h", 0);
    test_none(w, leaves, "lh");

    /* one tick before the boundary is the tile before */

    mlops_window_reset(w->window, w->state);
    test_x(w, t - 1, 3);

    test_is(w, t, "n", 1);
    test_is(w, t, "t", 1);
    test_is(w, test_time("11:00:00") - 1, "n", 1);
    test_is(w, test_time("11:00:00"), "n", 0);

    test_window_free(w);
}


/* 65 tiles: two events that lie about a whole ring apart. */

static void
test_widest(void **arg)
{
    int             apart, seen;
    int64_t         t;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature n count() window=64s hop=1s;"
                    "feature s sum(x) window=64s hop=1s kind=hopping;"
                    "feature f first(x) window=64s hop=1s;");

    for (apart = 1; apart < 200; apart++) {
        mlops_window_reset(w->window, w->state);

        t = 1700000000 * TEST_SECOND;
        test_x(w, t, 1);
        test_x(w, t + apart * TEST_SECOND, 2);

        /* one tick later, and at the next boundary */

        seen = apart <= 64;
        t += apart * TEST_SECOND + 1;
        test_is(w, t, "n", 1 + seen);
        test_is(w, t, "s", seen);
        test_is(w, t, "f", 2 - seen);

        seen = apart <= 63;
        t += TEST_SECOND - 1;
        test_is(w, t, "n", 1 + seen);
        test_is(w, t, "s", 2 + seen);
        test_is(w, t, "f", 2 - seen);

        /* and one between them, late */

        test_x(w, t - 31 * TEST_SECOND, 4);
        test_is(w, t, "n", 2 + seen);
        test_is(w, t, "s", 6 + seen);
    }

    /* three: the first leaves a tile earlier than the second */

    for (apart = 1; apart < 200; apart++) {
        mlops_window_reset(w->window, w->state);

        t = 1700000000 * TEST_SECOND;
        test_x(w, t - TEST_SECOND, 1);
        test_x(w, t, 1);
        test_x(w, t + apart * TEST_SECOND, 1);
        test_is(w, t + apart * TEST_SECOND + 1, "n",
                1 + (apart <= 64) + (apart <= 63));
    }

    test_window_free(w);
}


/* Tiles are by floor before 1970, too. */

static void
test_before_1970(void **arg)
{
    test_window_t  *w;

    (void) arg;

    w = test_window("feature n count() window=60s hop=10s;"
                    "feature t sum(x) window=10s kind=tumbling;"
                    "feature c close(x) window=10s;"
                    "feature d decayed_sum(x,10s) hop=10s;");

    test_x(w, -15 * TEST_SECOND, 1);
    test_x(w, -10 * TEST_SECOND, 2);
    test_x(w, -1, 4);
    test_x(w, 0, 8);

    test_is(w, 1, "n", 4);
    test_is(w, 1, "t", 6);
    test_is(w, 1, "c", 4);

    /* b = 0: 1 is 1.5 half lives old, 2 one, 4 none (nearly), 8 whole */

    test_near(w, 1, "d", 8 + 4 * exp2(-1e-7) + 1 + exp2(-1.5), 1e-12);

    test_is(w, 50 * TEST_SECOND - 1, "n", 4 - 0);
    test_is(w, 50 * TEST_SECOND, "n", 3);
    test_is(w, 60 * TEST_SECOND, "n", 1);
    test_is(w, 70 * TEST_SECOND, "n", 0);

    test_window_free(w);
}


static void
test_empty(void **arg)
{
    size_t          i;
    test_window_t  *w;

    static const char *const  null[] = {
        "mean", "min", "max", "var", "std", "first", "last", "k_1", "k_2",
        "distinct", "q", "ratio", "open", "high", "low", "close", "ema",
        "sma", "macd", "rsi", "st"
    };

    (void) arg;

    w = test_window("feature count count() window=1h;"
                    "feature sum sum(x) window=1h;"
                    "feature isum sum(i) window=1h;"
                    "feature rate rate() window=1h;"
                    "feature d decayed_sum(x,1h);"
                    "feature dw decayed_sum(x,1h) window=2h;"
                    "feature mean mean(x) window=1h;"
                    "feature min min(x) window=1h;"
                    "feature max max(i) window=1h;"
                    "feature var variance(x) window=1h;"
                    "feature std std(x) window=1h;"
                    "feature first first(x) window=1h;"
                    "feature last last(x);"
                    "feature k last_k(i,2) window=1h;"
                    "feature distinct approx_distinct(s) window=1h;"
                    "feature q quantile(x,0.5) window=1h;"
                    "feature ratio ratio(sum,count);"
                    "feature open open(x) window=1h;"
                    "feature high high(x) window=1h;"
                    "feature low low(x) window=1h;"
                    "feature close close(x) window=1h;"
                    "feature ema ema(x,9) window=1h;"
                    "feature sma sma(x,9) window=1h;"
                    "feature macd macd(x,12,26) window=1h;"
                    "feature rsi rsi(x,14) window=1h;"
                    "feature st stochastic(x,14) window=1h;");

    for (i = 0; i < 2; i++) {
        test_is(w, 100 * TEST_HOUR, "count", 0);
        test_is(w, 100 * TEST_HOUR, "sum", 0);
        test_is(w, 100 * TEST_HOUR, "isum", 0);
        test_is(w, 100 * TEST_HOUR, "rate", 0);
        test_is(w, 100 * TEST_HOUR, "d", 0);
        test_is(w, 100 * TEST_HOUR, "dw", 0);

        for (size_t j = 0; j < mlops_nitems(null); j++) {
            test_none(w, 100 * TEST_HOUR, null[j]);
        }

        assert_int_equal(mlops_window_next(w->window, w->state,
                                           100 * TEST_HOUR), INT64_MAX);

        /* the second time with an event that has none of the fields, and
         * that has left every window: null is not a value */

        test_clear(w);
        test_send(w, TEST_HOUR, NULL);
    }

    test_window_free(w);
}


static void
test_numbers(void **arg)
{
    int             i;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature sum sum(x) window=1h;"
                    "feature mean mean(x) window=1h;"
                    "feature min min(x) window=1h;"
                    "feature max max(x) window=1h;"
                    "feature var variance(x) window=1h;"
                    "feature std std(x) window=1h;"
                    "feature n count() window=1h;"
                    "feature r ratio(sum,n);");

    /* Chan's: {10, 20, 30} in one tile, {100} in another */

    test_x(w, TEST_HOUR, 10);
    test_none(w, TEST_HOUR + 1, "var");
    test_none(w, TEST_HOUR + 1, "std");

    test_x(w, TEST_HOUR + 1, 20);
    test_x(w, TEST_HOUR + 2, 30);
    test_is(w, TEST_HOUR + 3, "var", 100);

    test_x(w, TEST_HOUR + 10 * TEST_MINUTE, 100);
    test_near(w, TEST_HOUR + 11 * TEST_MINUTE, "var", 5000.0 / 3, 1e-15);
    test_near(w, TEST_HOUR + 11 * TEST_MINUTE, "std", 40.824829046386306,
              1e-15);
    test_is(w, TEST_HOUR + 11 * TEST_MINUTE, "mean", 40);
    test_is(w, TEST_HOUR + 11 * TEST_MINUTE, "min", 10);
    test_is(w, TEST_HOUR + 11 * TEST_MINUTE, "max", 100);
    test_is(w, TEST_HOUR + 11 * TEST_MINUTE, "r", 40);

    /* large means lose no digits: 1e9 + {4, 7, 13, 16} has variance 30 */

    mlops_window_reset(w->window, w->state);

    for (i = 0; i < 4; i++) {
        test_x(w, TEST_HOUR + i * 6 * TEST_MINUTE,
               1e9 + (double[]) { 4, 7, 13, 16 }[i]);
    }

    test_near(w, TEST_HOUR + 30 * TEST_MINUTE, "var", 30, 1e-12);

    /* a sum rounds once: 1e16 + 1 + 1 ... and -1e16 in any order */

    mlops_window_reset(w->window, w->state);
    test_x(w, TEST_HOUR, 1e16);

    for (i = 0; i < 10; i++) {
        test_x(w, TEST_HOUR + i * 5 * TEST_MINUTE, 1);
    }

    test_x(w, TEST_HOUR + 48 * TEST_MINUTE, -1e16);
    test_is(w, TEST_HOUR + 50 * TEST_MINUTE, "sum", 10);
    test_is(w, TEST_HOUR + 50 * TEST_MINUTE, "mean", 10.0 / 12);

    /* beyond a double there is no sum; -0 is 0 */

    mlops_window_reset(w->window, w->state);
    test_x(w, TEST_HOUR, 1.7e308);
    test_x(w, TEST_HOUR, 1.7e308);
    test_none(w, TEST_HOUR + 1, "sum");
    test_none(w, TEST_HOUR + 1, "mean");
    test_is(w, TEST_HOUR + 1, "max", 1.7e308);

    mlops_window_reset(w->window, w->state);
    test_x(w, TEST_HOUR, -0.0);
    test_is(w, TEST_HOUR + 1, "min", 0);
    assert_false(signbit(test_number(w, TEST_HOUR + 1, "min")));

    /* what is not a number is no value */

    mlops_window_reset(w->window, w->state);
    test_x(w, TEST_HOUR, NAN);
    test_x(w, TEST_HOUR, INFINITY);
    test_is(w, TEST_HOUR + 1, "n", 2);
    test_is(w, TEST_HOUR + 1, "sum", 0);
    test_none(w, TEST_HOUR + 1, "mean");

    test_window_free(w);
}


/* int64 fields are exact, and a value beyond the type is none. */

static void
test_integers(void **arg)
{
    uint32_t        i;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature last last(i) window=1h type=int64;"
                    "feature max max(i) window=1h;"
                    "feature sum sum(i) window=1h;"
                    "feature mean mean(i) window=1h; feature n count(); ");

    i = test_column(w, "max");
    assert_int_equal(w->view->row.columns[i].type, MLOPS_TYPE_INT64);

    test_clear(w);
    test_set(w, "i", 0, NULL);
    w->cells[mlops_schema_find(&w->view->event, "i", 1, 0)].i = INT64_MAX;
    test_send(w, TEST_HOUR, NULL);
    test_send(w, TEST_HOUR, NULL);
    w->cells[mlops_schema_find(&w->view->event, "i", 1, 0)].i =
                                                             INT64_MAX - 1;
    test_send(w, TEST_HOUR + 10 * TEST_MINUTE, NULL);

    test_is(w, TEST_HOUR + 20 * TEST_MINUTE, "sum",
            3 * 9223372036854775807.0);

    test_number(w, TEST_HOUR + 20 * TEST_MINUTE, "max");
    assert_true(w->values[i].i == INT64_MAX);
    assert_true(w->values[test_column(w, "last")].i == INT64_MAX - 1);

    test_window_free(w);
}


static void
test_order(void **arg)
{
    int64_t         q;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature f first(x) window=1h;"
                    "feature l last(x) window=1h;"
                    "feature k last_k(x,3) window=1h;"
                    "feature kt last_k(x,3) window=5m kind=tumbling;"
                    "feature fa first(x); feature la last(x);"
                    "feature ka last_k(x,4);");

    /* ties by partition, then offset, whichever came first */

    q = test_time("10:00:01");

    w->partition = 1;
    w->offset = 5;
    test_x(w, q - 1, 15);
    w->offset = 7;
    test_x(w, q - 1, 17);
    w->offset = 6;
    test_x(w, q - 1, 16);
    w->partition = 0;
    w->offset = 99;
    test_x(w, q - 1, 99);

    test_is(w, q, "f", 99);
    test_is(w, q, "l", 17);
    test_is(w, q, "k_1", 17);
    test_is(w, q, "k_2", 16);
    test_is(w, q, "k_3", 15);
    test_is(w, q, "la", 17);
    test_is(w, q, "fa", 99);
    test_is(w, q, "ka_4", 99);
    test_none(w, q, "kt_1");

    /* closed: what the open tile has is not seen, and late ones are */

    test_x(w, test_time("10:06:00"), 1);
    test_x(w, test_time("10:07:00"), 2);
    q = test_time("10:07:00") + 1;

    test_is(w, q, "kt_1", 17);
    test_is(w, q, "kt_3", 15);
    test_is(w, q, "k_1", 2);
    test_is(w, q, "k_3", 17);

    test_x(w, test_time("10:03:00"), 3);

    test_is(w, q, "kt_1", 3);
    test_is(w, q, "kt_2", 17);
    test_is(w, q, "kt_3", 16);
    test_is(w, q, "ka_3", 3);
    test_is(w, test_time("10:10:00"), "kt_1", 2);
    test_is(w, test_time("10:10:00"), "kt_2", 1);
    test_none(w, test_time("10:10:00"), "kt_3");

    /* a full list takes a late one only where it belongs */

    test_x(w, test_time("09:59:00"), 4);
    test_is(w, q, "ka_4", 17);
    test_is(w, q, "fa", 4);

    test_window_free(w);
}


static void
test_strings(void **arg)
{
    int64_t         q;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature l last(s) window=1h type=string bytes=8;"
                    "feature f first(s) window=1h type=string bytes=5;"
                    "feature k last_k(s,3) window=1h type=string bytes=4;"
                    "feature t last(s) window=5m kind=tumbling type=string;");

    q = test_time("10:00:00");

    assert_string_equal(test_text(w, q, "l"), "(null)");

    test_s(w, q, "");
    test_s(w, q + 1, "abcdefgh");
    test_s(w, q + 2, "Zürich West");

    assert_string_equal(test_text(w, q + 3, "l"), "Zürich ");
    assert_string_equal(test_text(w, q + 3, "f"), "");
    assert_string_equal(test_text(w, q + 3, "k_1"), "Zür");
    assert_string_equal(test_text(w, q + 3, "k_2"), "abcd");
    assert_string_equal(test_text(w, q + 3, "k_3"), "");
    assert_string_equal(test_text(w, q + 3, "t"), "(null)");
    assert_string_equal(test_text(w, q + 5 * TEST_MINUTE, "t"),
                        "Zürich West");

    /* cut before a character that does not fit: 4 bytes of "abcü" */

    test_s(w, q + 4, "abc\xc3\xbc");
    assert_string_equal(test_text(w, q + 5, "k_1"), "abc");
    assert_string_equal(test_text(w, q + 5, "k_2"), "Zür");

    test_window_free(w);
}


/* An event older than all that can show changes nothing. */

static void
test_too_old(void **arg)
{
    int64_t         q;
    char           *before;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature n count() window=1h; feature s sum(x) window=1h;"
                    "feature f first(x) window=1h;"
                    "feature h count() window=1h hop=5m kind=hopping;"
                    "feature t sum(x) window=5m kind=tumbling;");

    q = test_time("10:00:00");
    test_x(w, q, 1);

    before = malloc(w->view->state_bytes);
    assert_non_null(before);
    memcpy(before, w->state, w->view->state_bytes);

    /* one tile older than the oldest of 13 */

    test_x(w, q - TEST_HOUR - 1, 2);
    assert_memory_equal(before, w->state, w->view->state_bytes);

    test_x(w, q - TEST_HOUR, 2);
    test_is(w, q + 1, "n", 2);
    test_is(w, q + 1, "h", 1);
    test_is(w, q + 5 * TEST_MINUTE, "n", 1);

    /* after a long silence, older or newer, rings begin anew */

    test_x(w, q + 1000 * TEST_HOUR, 5);
    test_is(w, q + 1000 * TEST_HOUR + 1, "s", 5);
    test_is(w, q + 1000 * TEST_HOUR + 1, "f", 5);

    free(before);
    test_window_free(w);
}


static void
test_next(void **arg)
{
    int64_t         q;
    test_window_t  *w;

    (void) arg;

    q = test_time("10:02:00");

    w = test_window("feature n count() window=1h hop=5m;");
    test_x(w, q, 1);
    test_x(w, test_time("10:31:00"), 1);
    q = test_time("10:31:00") + 1;
    assert_int_equal(mlops_window_next(w->window, w->state, q),
                     test_time("11:05:00"));
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       test_time("11:05:00") - 1),
                     test_time("11:05:00"));
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       test_time("11:05:00")),
                     test_time("11:35:00"));
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       test_time("11:35:00")), INT64_MAX);
    test_window_free(w);

    w = test_window("feature n count() window=1h hop=5m kind=hopping;");
    test_x(w, test_time("10:02:00"), 1);
    q = test_time("10:02:00") + 1;
    assert_int_equal(mlops_window_next(w->window, w->state, q),
                     test_time("10:05:00"));
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       test_time("10:05:00")),
                     test_time("11:05:00"));
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       test_time("11:05:00")), INT64_MAX);
    test_window_free(w);

    w = test_window("feature a count(); feature l last(x);"
                    "feature c close(x) window=5m;");
    test_x(w, test_time("10:02:00"), 1);
    assert_int_equal(mlops_window_next(w->window, w->state, q),
                     test_time("10:05:00"));
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       test_time("10:05:00")), INT64_MAX);
    test_window_free(w);

    /* a decayed sum changes at each hop, until it is gone: 64 half lives
     * after the end of the newest tile */

    w = test_window("feature d decayed_sum(x,10s);");
    test_x(w, 0, 1);
    assert_int_equal(mlops_window_next(w->window, w->state, 1), 833333);
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       600 * TEST_SECOND), 600833093);
    test_is(w, 642 * TEST_SECOND, "d", 0);
    assert_int_equal(mlops_window_next(w->window, w->state,
                                       642 * TEST_SECOND), INT64_MAX);
    test_window_free(w);
}


static void
test_decay(void **arg)
{
    test_window_t  *w;

    (void) arg;

    w = test_window("feature d decayed_sum(x,1h) hop=15m;"
                    "feature w decayed_sum(x,1h) window=2h hop=15m;"
                    "feature h decayed_sum(x,1h) window=2h hop=15m "
                    "kind=hopping;");

    test_x(w, 10 * TEST_HOUR, 8);

    /* it counts fully until its hop is over */

    test_is(w, 10 * TEST_HOUR + 1, "d", 8);
    test_is(w, 10 * TEST_HOUR + 15 * TEST_MINUTE - 1, "d", 8);
    test_is(w, 10 * TEST_HOUR + 15 * TEST_MINUTE - 1, "w", 8);
    test_is(w, 10 * TEST_HOUR + 15 * TEST_MINUTE - 1, "h", 0);
    test_near(w, 10 * TEST_HOUR + 15 * TEST_MINUTE, "d", 8 * exp2(-0.25),
              1e-15);
    test_near(w, 10 * TEST_HOUR + 15 * TEST_MINUTE, "h", 8 * exp2(-0.25),
              1e-15);
    test_near(w, 11 * TEST_HOUR, "d", 4, 1e-15);
    test_near(w, 11 * TEST_HOUR, "w", 4, 1e-15);

    /* late and newer ones */

    test_x(w, 11 * TEST_HOUR, 2);
    test_x(w, 9 * TEST_HOUR, 16);

    test_near(w, 11 * TEST_HOUR + 1, "d", 4 + 2 + 4, 1e-15);
    test_near(w, 11 * TEST_HOUR + 1, "w", 4 + 2 + 4, 1e-15);
    test_near(w, 11 * TEST_HOUR + 1, "h", 4 + 4, 1e-15);
    test_near(w, 12 * TEST_HOUR, "d", 5, 1e-15);
    test_near(w, 12 * TEST_HOUR, "w", 3, 1e-15);
    test_near(w, 13 * TEST_HOUR, "d", 2.5, 1e-15);

    test_window_free(w);
}


static void
test_end_of_time(void **arg)
{
    size_t          i;
    test_window_t  *w;

    static const int64_t  times[] = {
        INT64_MIN, INT64_MIN + 1, -((int64_t) 1 << 61), -1, 0, 1,
        (int64_t) 1 << 61, INT64_MAX - 1, INT64_MAX
    };

    (void) arg;

    w = test_window(SIX "feature k last_k(x,2) window=1h;"
                    "feature u count() window=60s hop=1s;"
                    "feature v last(x) window=60s hop=1s kind=hopping;"
                    "feature d decayed_sum(x,1s);"
                    "feature dw decayed_sum(x,1s) window=60s hop=1s;"
                    "feature e ema(x,3) window=1s;"
                    "feature o open(x) window=1s;");

    /* tiles as short as can be */

    for (i = 17; i < w->view->features_n; i++) {
        w->view->features[i].window_us /= TEST_SECOND;
        w->view->features[i].hop_us /= TEST_SECOND;
        w->view->features[i].half_life_us /= TEST_SECOND;
    }

    w->view->lateness_us = 5;
    assert_int_equal(mlops_view_layout(w->view, NULL), MLOPS_OK);
    w->window = mlops_window_create(w->view, &w->arena, NULL);
    assert_non_null(w->window);

    free(w->state);
    w->state = malloc(w->view->state_bytes);
    assert_non_null(w->state);
    mlops_window_reset(w->window, w->state);

    /* no value is expected here: nothing may overflow */

    for (i = 0; i < mlops_nitems(times); i++) {
        test_x(w, times[i], 1);
        test_number(w, times[i], "sum_a");
        mlops_window_next(w->window, w->state, times[i]);
    }

    for (i = mlops_nitems(times); i-- > 0; /* void */ ) {
        test_x(w, times[i], 1);
        test_number(w, times[i], "sum_a");
        mlops_window_next(w->window, w->state, times[i]);
    }

    assert_int_equal(mlops_window_next(w->window, w->state, INT64_MAX),
                     INT64_MAX);

    test_window_free(w);
}


/* As an empty state after events first to n - 1. */

static void
left_is(test_window_t *w, const int64_t *times, uint32_t first, uint32_t n)
{
    char      *long_one;
    uint32_t   i;

    long_one = malloc(w->view->state_bytes);
    assert_non_null(long_one);
    memcpy(long_one, w->state, w->view->state_bytes);

    mlops_window_reset(w->window, w->state);

    for (i = first; i < n; i++) {
        w->offset = i;
        test_x(w, times[i], 1 + i % 7);
    }

    assert_memory_equal(w->state, long_one, w->view->state_bytes);
    free(long_one);
}


/* What has left its ring leaves nothing: the state is that of an entity which
 * has only had the events of tiles that are still there.  All hops are 5 or 1
 * minutes, all rings 13 or 65 tiles. */

static void
test_left(void **arg)
{
    int64_t         ts, times[400];
    uint32_t        i, n, first, tiles, round;
    uint64_t        seed;
    test_window_t  *w;
    const char     *features[2] = {
        "feature n count() window=1h; feature s sum(x) window=1h;"
        "feature m mean(i) window=1h; feature v variance(x) window=1h;"
        "feature l min(x) window=1h; feature f first(x) window=1h;"
        "feature h sum(x) window=1h hop=5m kind=hopping;"
        "feature d approx_distinct(i) window=1h precision=4;",
        "feature n count() window=64m hop=1m;"
        "feature s sum(x) window=64m hop=1m;"
        "feature d approx_distinct(i) window=64m hop=1m precision=4;"
    };
    const int64_t   hops[2] = { 5 * TEST_MINUTE, TEST_MINUTE };

    (void) arg;

    seed = 3;

    for (round = 0; round < 60; round++) {
        w = test_window(features[round % 2]);
        tiles = (round % 2) ? 65 : 13;
        ts = test_time("00:00:00");
        n = 1 + (uint32_t) (unit_random(&seed) % mlops_nitems(times));

        for (i = 0; i < n; i++) {
            ts += (int64_t) (unit_random(&seed)
                             % (uint64_t) (hops[round % 2]
                                           * (i % 50 == 49 ? 100 : 3)));
            times[i] = ts;
        }

        for (i = 0; i < n; i++) {
            w->offset = i;
            test_x(w, times[i], 1 + i % 7);
        }

        first = n - 1;

        while (first > 0 && times[first - 1] / hops[round % 2]
                            > ts / hops[round % 2] - tiles)
        {
            first--;
        }

        left_is(w, times, first, n);
        test_window_free(w);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_six),
        cmocka_unit_test(test_six_in_any_order),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_widest),
        cmocka_unit_test(test_before_1970),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_too_old),
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_decay),
        cmocka_unit_test(test_end_of_time),
        cmocka_unit_test(test_left)
    };

    return unit_run(tests);
}
