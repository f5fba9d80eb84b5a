/*
 * Bars and indicators.
 *
 * The expected numbers are those of pandas 3.1.1 (ewm(adjust=False).mean(),
 * rolling(5).mean()) and TA-Lib (RSI, STOCHF; its Python package 0.8.2) over
 * the same bars.
 */

#include "windows.h"


#define BARS  20


static const double  opens[BARS] = {
    44.28, 44.09, 44.21, 43.59, 44.37, 44.79, 45.12, 45.36, 45.84, 46.14,
    45.87, 46.07, 45.57, 46.3, 46.22, 46.0, 46.09, 46.39, 46.26, 45.6
};

static const double  highs[BARS] = {
    44.59, 44.41, 44.41, 43.94, 44.6, 45.17, 45.38, 45.77, 46.13, 46.44,
    46.19, 46.4, 45.92, 46.53, 46.6, 46.26, 46.36, 46.68, 46.56, 45.92
};

static const double  lows[BARS] = {
    44.03, 43.73, 43.74, 43.26, 43.93, 44.49, 44.71, 45.09, 45.46, 45.76,
    45.52, 45.72, 45.25, 45.87, 45.93, 45.6, 45.69, 46.02, 45.89, 45.26
};

static const double  closes[BARS] = {
    44.34, 44.09, 44.15, 43.61, 44.33, 44.83, 45.10, 45.42, 45.84, 46.08,
    45.89, 46.03, 45.61, 46.28, 46.28, 46.00, 46.03, 46.41, 46.22, 45.64
};

static const double  ema9[BARS] = {
    44.34, 44.290000000000006, 44.26200000000001, 44.131600000000006,
    44.17128, 44.30302400000001, 44.462419200000014, 44.65393536000001,
    44.89114828800001, 45.12891863040001, 45.28113490432001,
    45.43090792345601, 45.46672633876481, 45.62938107101185,
    45.75950485680948, 45.807603885447584, 45.85208310835807,
    45.96366648668646, 46.01493318934917, 45.93994655147934
};

static const double  com3[BARS] = {
    44.34, 44.2775, 44.245625000000004, 44.08671875, 44.1475390625,
    44.318154296874994, 44.51361572265625, 44.74021179199218,
    45.015158843994136, 45.28136913299561, 45.4335268497467,
    45.582645137310024, 45.589483852982525, 45.76211288973689,
    45.891584667302666, 45.918688500477, 45.94651637535775,
    46.06238728151831, 46.101790461138734, 45.986342845854054
};

static const double  sma5[BARS] = {
    NAN, NAN, NAN, NAN, 44.104, 44.202, 44.403999999999996, 44.658, 45.104,
    45.45399999999999, 45.666000000000004, 45.852000000000004, 45.89,
    45.977999999999994, 46.01800000000001, 46.04, 46.04, 46.2, 46.188,
    46.059999999999995
};

static const double  macd[BARS] = {
    0.0, -0.01994301994301395, -0.030554297448880163, -0.0815967023614661,
    -0.06322141615495269, -0.008218312532704886, 0.05650740469307891,
    0.132101543206808, 0.2233265629174852, 0.31139942379715535,
    0.3616969709388158, 0.40815006945791055, 0.40638939086793613,
    0.45382601714794646, 0.48581965862490506, 0.4830133132450385,
    0.4777033467708378, 0.4984125941569104, 0.49380117721828043,
    0.43829307360860525
};

static const double  rsi14[BARS] = {
    NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN,
    70.46413502109704, 66.24961855355505, 66.48094183471265,
    69.34685316290864, 66.29471265892623, 57.91502067008556
};

static const double  rsi3[BARS] = {
    NAN, NAN, NAN, 7.058823529411243, 59.06735751295326, 74.1407528641571,
    80.08194138039714, 85.85813381069593, 90.99779218004419,
    93.13603040999185, 72.64564019208689, 77.99616695059639,
    41.48285902940499, 72.4001493044589, 72.4001493044589,
    48.369863622355915, 50.984477666333326, 75.01990940043771,
    54.8482260656604, 24.582306067963607
};

static const double  st6[BARS] = {
    NAN, NAN, NAN, NAN, NAN, 82.19895287958101, 86.79245283018865,
    86.05577689243025, 89.89547038327531, 85.6573705179283,
    71.79487179487188, 76.30057803468223, 38.518518518518384,
    80.46875000000003, 76.29629629629629, 55.5555555555555,
    57.77777777777781, 81.11888111888089, 57.40740740740726,
    26.760563380281837
};


static const struct {
    const char    *name;
    const double  *values;
    double         error;
} expected[] = {
    { "open", opens, 0 }, { "high", highs, 0 }, { "low", lows, 0 },
    { "close", closes, 0 }, { "ema", ema9, 1e-14 }, { "com", com3, 1e-14 },
    { "sma", sma5, 1e-15 }, { "macd", macd, 1e-11 },
    { "rsi", rsi14, 1e-11 }, { "rsi3", rsi3, 1e-11 }, { "st", st6, 1e-11 }
};


#define ALL  "feature open open(x) window=5m; feature high high(x) window=5m;"\
             "feature low low(x) window=5m; feature close close(x) window=5m;"\
             "feature ema ema(x,9) window=5m;"                                \
             "feature com ema(x) window=5m com=3;"                            \
             "feature sma sma(x,5) window=5m;"                                \
             "feature macd macd(x,12,26) window=5m;"                          \
             "feature rsi rsi(x,14) window=5m;"                               \
             "feature rsi3 rsi(x,3) window=5m;"                               \
             "feature st stochastic(x,6) window=5m;"


static void
check_bar(test_window_t *w, int64_t q, int bar)
{
    size_t  i;
    double  want;

    for (i = 0; i < mlops_nitems(expected); i++) {
        want = bar < 0 ? NAN : expected[i].values[bar];

        if (isnan(want)) {
            test_none(w, q, expected[i].name);

        } else {
            test_near(w, q, expected[i].name, want, expected[i].error);
        }
    }
}


/* The window of a bar: some are empty in between. */

static int64_t
bar_start(int bar)
{
    return (5666666ll + bar + bar / 3 * 7 + (bar > 12 ? 1000 : 0))
           * 5 * TEST_MINUTE;
}


static void
check_in_order(const char *lateness)
{
    int             bar;
    char            head[128];
    int64_t         start, end;
    test_window_t  *w;

    snprintf(head, sizeof(head), "event_time ts unit=us %s; clock event;",
             lateness);

    w = test_window_with(head, ALL);
    check_bar(w, bar_start(0), -1);

    for (bar = 0; bar < BARS; bar++) {
        start = bar_start(bar);
        end = start + 5 * TEST_MINUTE;

        test_x(w, start, opens[bar]);
        check_bar(w, start + 1, bar - 1);
        test_x(w, start + TEST_MINUTE, lows[bar]);
        test_x(w, start + 2 * TEST_MINUTE, highs[bar]);
        test_x(w, end - 1, closes[bar]);

        /* to the tick: the bar closes at its end, not before */

        check_bar(w, end - 1, bar - 1);
        assert_int_equal(mlops_window_next(w->window, w->state, end - 1),
                         end);
        check_bar(w, end, bar);
        assert_int_equal(mlops_window_next(w->window, w->state, end),
                         INT64_MAX);
        check_bar(w, end + 100 * TEST_HOUR, bar);
    }

    test_window_free(w);
}


static void
test_bars(void **arg)
{
    (void) arg;

    check_in_order("");
    check_in_order("lateness=1m");
    check_in_order("lateness=5m");
    check_in_order("lateness=2h");
    check_in_order("lateness=10d");
}


/* Events of bars that are not folded yet may come in any order. */

static void
test_late(void **arg)
{
    int             bar;
    test_window_t  *w;

    (void) arg;

    w = test_window_with("event_time ts unit=us lateness=2d; clock event;",
                         ALL);

    /* bars from 13 on come 1,000 windows later, 3.5 days: beyond lateness,
     * so that the others are folded with what has come by then */

    for (bar = 12; bar >= 0; bar--) {
        test_x(w, bar_start(bar) + 1, highs[bar]);
        test_x(w, bar_start(bar) + 5 * TEST_MINUTE - 1, closes[bar]);
    }

    for (bar = 12; bar >= 0; bar--) {
        test_x(w, bar_start(bar) + 2, lows[bar]);
        test_x(w, bar_start(bar), opens[bar]);
    }

    check_bar(w, bar_start(12) + 5 * TEST_MINUTE, 12);

    for (bar = 13; bar < BARS; bar++) {
        test_x(w, bar_start(bar) + 5 * TEST_MINUTE - 1, closes[bar]);
        test_x(w, bar_start(bar) + 1, highs[bar]);
        test_x(w, bar_start(bar), opens[bar]);
        test_x(w, bar_start(bar) + 2, lows[bar]);
        check_bar(w, bar_start(bar) + 5 * TEST_MINUTE, bar);
    }

    /* what is older than all that is kept changes nothing */

    test_x(w, bar_start(3), 1000);
    check_bar(w, bar_start(BARS - 1) + 5 * TEST_MINUTE, BARS - 1);

    test_window_free(w);
}


/* Nothing is divided by 0. */

static void
test_flat(void **arg)
{
    int             bar;
    test_window_t  *w;

    (void) arg;

    w = test_window("feature r rsi(x,2) window=5m;"
                    "feature k stochastic(x,2) window=5m;"
                    "feature m macd(x,2,3) window=5m;");

    for (bar = 0; bar < 6; bar++) {
        test_x(w, bar_start(bar), 7);
    }

    test_none(w, bar_start(6), "r");
    test_none(w, bar_start(6), "k");
    test_is(w, bar_start(6), "m", 0);

    /* only gains is 100 */

    test_x(w, bar_start(6), 8);
    test_is(w, bar_start(7), "r", 100);
    test_is(w, bar_start(7), "k", 100);

    test_window_free(w);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_late),
        cmocka_unit_test(test_flat)
    };

    return unit_run(tests);
}
