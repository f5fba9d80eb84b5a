/*
 * Views: all that is read, defaults, types of fields, and every misuse with
 * its text and line.
 */

#include "views.h"


static void
test_all(void **state)
{
    mlops_plan_t                *plan;
    const mlops_plan_view_t     *v;
    const mlops_plan_feature_t  *f;

    (void) state;

    plan = test_plan_good(
        "mlops_view rides {\n"
        "    feature      rides_1h  count() window=1h;\n"
        "    feature      paid_1h   sum(fare) window=1h hop=10m\n"
        "                 \"where=status == 'paid'\";\n"
        "    feature      last_fare last(fare);\n"
        "    feature      zones     last_k(zone,3) type=string bytes=7;\n"
        "    feature      users     approx_distinct(user) window=1d\n"
        "                 kind=hopping hop=1h precision=12;\n"
        "    feature      p90       quantile(fare,0.9) bins=256;\n"
        "    feature      share     ratio(paid_1h,rides_1h);\n"
        "    feature      ema9      ema(fare,9) window=5m;\n"
        "    feature      ema_com   ema(fare) com=9 window=5m;\n"
        "    feature      macd      macd( fare, 12, 26 ) window=5m;\n"
        "    feature      decayed   decayed_sum(fare,1h);\n"
        "    feature      top       max(seats) type=int64 window=1h\n"
        "                 kind=tumbling;\n"
        "    store        shm;\n"
        "    log;\n"
        "    dead_letters bad.rides;\n"
        "    publish      topic=rides.rows;\n"
        "    role         follow;\n"
        "    shards       4;\n"
        "    max_entities 500;\n"
        "    ttl          1d;\n"
        "    dedupe       ride_id within=10m max=77;\n"
        "    clock        event;\n"
        "    event_time   ts unit=us lateness=30s skew=0;\n"
        "    entity       driver string bytes=16;\n"
        "    source       kafka=main topic=rides format=cloudevents\n"
        "                 type=shop.ride group=g1;\n"
        "}\n"
        "mlops_state /var/lib/mlops/;\n");

    assert_true(mlops_str_is(&plan->state, "/var/lib/mlops"));

    v = mlops_plan_view(plan, "rides", 5);

    assert_non_null(v);
    assert_null(mlops_plan_view(plan, "ride", 4));
    assert_ptr_equal(v->kafka, mlops_plan_kafka(plan, "main", 4));
    assert_true(mlops_str_is(&v->topic, "rides"));
    assert_true(mlops_str_is(&v->group, "g1"));
    assert_true(mlops_str_is(&v->event_type, "shop.ride"));
    assert_int_equal(v->format, MLOPS_FORMAT_CLOUDEVENTS);
    assert_int_equal(v->file.len, 0);

    assert_true(mlops_str_is(&v->event.columns[v->entity].name, "driver"));
    assert_int_equal(v->entity_type, MLOPS_TYPE_BYTES);
    assert_int_equal(v->entity_bytes, 16);

    assert_true(mlops_str_is(&v->event.columns[v->time].name, "ts"));
    assert_int_equal(v->event.columns[v->time].type, MLOPS_TYPE_INT64);
    assert_true(v->unit_us == 1);
    assert_true(v->tick_us == 1);
    assert_true(v->lateness_us == 30000000);
    assert_true(v->skew_us == 0);
    assert_int_equal(v->clock, MLOPS_CLOCK_EVENT);

    assert_true(mlops_str_is(&v->event.columns[v->dedupe].name, "ride_id"));
    assert_true(v->within_us == 600000000);
    assert_int_equal(v->dedupe_max, 77);

    assert_true(v->ttl_us == 86400000000);
    assert_int_equal(v->max_entities, 500);
    assert_int_equal(v->shards, 4);
    assert_int_equal(v->role, MLOPS_ROLE_FOLLOW);
    assert_true(mlops_str_is(&v->publish, "rides.rows"));
    assert_true(mlops_str_is(&v->dead, "bad.rides"));
    assert_int_equal(v->log, 1);
    assert_int_equal(v->sets, 2);

    /* fare, status, zone, user, seats, and the three above */

    assert_int_equal(v->event.n, 8);
    assert_int_equal(v->features_n, 12);
    assert_int_equal(v->row.n, 14);

    f = &v->features[0];
    assert_int_equal(f->func, MLOPS_FUNC_COUNT);
    assert_int_equal(f->field, MLOPS_NO_FIELD);
    assert_int_equal(f->type, MLOPS_TYPE_INT64);
    assert_int_equal(f->span, MLOPS_SPAN_SLIDING);
    assert_true(f->window_us == 3600000000);
    assert_true(f->hop_us == 300000000);
    assert_null(f->where);

    f = &v->features[1];
    assert_true(mlops_str_is(&f->name, "paid_1h"));
    assert_int_equal(f->func, MLOPS_FUNC_SUM);
    assert_int_equal(f->type, MLOPS_TYPE_FP64);
    assert_true(f->hop_us == 600000000);
    assert_non_null(f->where);
    assert_int_equal(f->where->n, 1);
    assert_true(mlops_str_is(&f->where->text, "status == 'paid'"));
    assert_true(mlops_str_is(&f->where->ops[0].text, "paid"));

    f = &v->features[2];
    assert_int_equal(f->span, MLOPS_SPAN_ALL);
    assert_true(f->window_us == 0);
    assert_true(f->hop_us == 0);
    assert_int_equal(f->field, v->features[1].field);
    assert_int_equal(f->bytes, 0);

    f = &v->features[3];
    assert_int_equal(f->first, 3);
    assert_int_equal(f->width, 3);
    assert_int_equal(f->k[0], 3);
    assert_int_equal(f->bytes, 7);
    assert_int_equal(f->type, MLOPS_TYPE_BYTES);
    assert_true(mlops_str_is(&v->row.columns[3].name, "zones_1"));
    assert_true(mlops_str_is(&v->row.columns[5].name, "zones_3"));
    assert_int_equal(v->row.columns[5].type, MLOPS_TYPE_BYTES);
    assert_int_equal(v->row.columns[5].kind, MLOPS_CELL_STRING);

    f = &v->features[4];
    assert_int_equal(f->first, 6);
    assert_int_equal(f->span, MLOPS_SPAN_HOPPING);
    assert_true(f->window_us == 86400000000);
    assert_true(f->hop_us == 3600000000);
    assert_int_equal(f->precision, 12);
    assert_int_equal(f->type, MLOPS_TYPE_INT64);
    assert_int_equal(v->event.columns[f->field].type, MLOPS_TYPE_BYTES);

    f = &v->features[5];
    assert_true(f->p == 0.9);
    assert_int_equal(f->bins, 256);

    f = &v->features[6];
    assert_int_equal(f->of[0], 1);
    assert_int_equal(f->of[1], 0);

    f = &v->features[7];
    assert_true(f->p == 0.2);
    assert_int_equal(f->k[0], 9);
    assert_int_equal(f->span, MLOPS_SPAN_TUMBLING);
    assert_true(f->hop_us == 300000000);

    assert_true(v->features[8].p == 0.1);

    f = &v->features[9];
    assert_int_equal(f->k[0], 12);
    assert_int_equal(f->k[1], 26);

    f = &v->features[10];
    assert_true(f->half_life_us == 3600000000);
    assert_true(f->hop_us == 300000000);
    assert_int_equal(f->span, MLOPS_SPAN_ALL);

    f = &v->features[11];
    assert_int_equal(f->type, MLOPS_TYPE_INT64);
    assert_int_equal(f->span, MLOPS_SPAN_TUMBLING);
    assert_int_equal(v->row.columns[13].kind, MLOPS_CELL_INT);

    assert_true(v->state_bytes > 0);
    assert_int_equal(v->state_bytes % 8, 0);
    assert_true(v->row_bytes > 0);
}


static void
test_defaults(void **state)
{
    const mlops_plan_view_t  *v;

    (void) state;

    v = test_view("mlops_view v {\n"
                  "    source kafka=main topic=t;\n"
                  "    entity id int64;\n"
                  "    event_time ts;\n"
                  "    feature q quantile(a,1);\n"
                  "    feature d approx_distinct(b);\n"
                  "    feature l last(c) type=string;\n"
                  "    publish;\n"
                  "}");

    assert_int_equal(v->format, MLOPS_FORMAT_JSON);
    assert_int_equal(v->group.len, 0);
    assert_int_equal(v->event_type.len, 0);
    assert_int_equal(v->entity_type, MLOPS_TYPE_INT64);
    assert_int_equal(v->entity_bytes, 8);
    assert_true(v->unit_us == 1000);
    assert_true(v->tick_us == 1000);
    assert_int_equal(v->event.columns[v->time].type, MLOPS_TYPE_FP64);
    assert_true(v->lateness_us == 0);
    assert_true(v->skew_us == 60000000);
    assert_int_equal(v->clock, MLOPS_CLOCK_WALL);
    assert_int_equal(v->dedupe, MLOPS_NO_FIELD);
    assert_true(v->ttl_us == 0);
    assert_int_equal(v->max_entities, 1000000);
    assert_int_equal(v->shards, 1);
    assert_int_equal(v->role, MLOPS_ROLE_COMPUTE);
    assert_true(mlops_str_is(&v->publish, "features.v"));
    assert_true(mlops_str_is(&v->dead, "t.dlq"));
    assert_int_equal(v->log, 0);
    assert_int_equal(v->sets, 1);
    assert_true(v->features[0].p == 1);
    assert_int_equal(v->features[0].bins, 512);
    assert_int_equal(v->features[1].precision, 10);
    assert_int_equal(v->features[2].bytes, 32);

    v = test_view("mlops_view v {\n"
                  "    source kafka=main topic=t; entity id string;\n"
                  "    event_time ts; feature n count(); dead_letters off;\n"
                  "    dedupe x within=1m;\n"
                  "}");

    assert_int_equal(v->entity_bytes, 64);
    assert_int_equal(v->dead.len, 0);
    assert_int_equal(v->publish.len, 0);
    assert_int_equal(v->dedupe_max, 1000000);
    assert_int_equal(v->event.columns[v->dedupe].type, MLOPS_TYPE_BYTES);

    v = test_view("mlops_view v { source file=/d/x.csv; entity id int64;\n"
                  "    feature a last(a); feature b max(b); }");

    assert_true(mlops_str_is(&v->file, "/d/x.csv"));
    assert_int_equal(v->format, MLOPS_FORMAT_CSV);
    assert_int_equal(v->time, MLOPS_NO_FIELD);
    assert_int_equal(v->dead.len, 0);
    assert_null(v->kafka);
}


static void
test_units(void **state)
{
    char                      text[512];
    size_t                    i;
    const mlops_plan_view_t  *v;

    static const struct {
        const char    *unit;
        double         unit_us;
        int64_t        tick_us;
        mlops_type_t   type;
    } cases[] = {
        { "s", 1e6, 1000000, MLOPS_TYPE_FP64 },
        { "ms", 1000, 1000, MLOPS_TYPE_FP64 },
        { "us", 1, 1, MLOPS_TYPE_INT64 },
        { "ns", 0.001, 1, MLOPS_TYPE_INT64 },
        { "iso", 0, 1, MLOPS_TYPE_BYTES }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "mlops_view v { entity id int64; "
                 "event_time ts unit=%s; feature n count(); "
                 "source kafka=main topic=t; }", cases[i].unit);

        v = test_view(text);

        assert_true(v->unit_us == cases[i].unit_us);
        assert_true(v->tick_us == cases[i].tick_us);
        assert_int_equal(v->event.columns[v->time].type, cases[i].type);
    }
}


/* A field's type is what its uses say, in whatever order. */

static void
test_types(void **state)
{
    char                      text[1024];
    int                       c;
    size_t                    i;
    const mlops_plan_view_t  *v;

    static const struct {
        const char    *features;
        mlops_type_t   x;           /* of the field x */
        mlops_type_t   row;         /* of the first feature */
    } cases[] = {
        { "feature a sum(x);", MLOPS_TYPE_FP64, MLOPS_TYPE_FP64 },
        { "feature a last(x);", MLOPS_TYPE_FP64, MLOPS_TYPE_FP64 },
        { "feature a last(x); feature b approx_distinct(x);",
          MLOPS_TYPE_FP64, MLOPS_TYPE_FP64 },
        { "feature a approx_distinct(x); feature b sum(x);",
          MLOPS_TYPE_FP64, MLOPS_TYPE_INT64 },
        { "feature a approx_distinct(x);", MLOPS_TYPE_BYTES,
          MLOPS_TYPE_INT64 },
        { "feature a approx_distinct(x) type=int64;", MLOPS_TYPE_INT64,
          MLOPS_TYPE_INT64 },
        { "feature a last(x); feature b first(x) type=string;",
          MLOPS_TYPE_BYTES, MLOPS_TYPE_BYTES },
        { "feature a last(x); feature b count() \"where=x == 'y'\";",
          MLOPS_TYPE_BYTES, MLOPS_TYPE_BYTES },
        { "feature a max(x); feature b last(x) type=int64;",
          MLOPS_TYPE_INT64, MLOPS_TYPE_INT64 },
        { "feature a sum(x); feature b last(x) type=int64;",
          MLOPS_TYPE_INT64, MLOPS_TYPE_FP64 },
        { "feature a min(x) type=double;", MLOPS_TYPE_FP64,
          MLOPS_TYPE_FP64 },
        { "feature a count() \"where=x > 3\";", MLOPS_TYPE_FP64,
          MLOPS_TYPE_INT64 },
        { "feature a last(x); entity x int64;", MLOPS_TYPE_INT64,
          MLOPS_TYPE_INT64 },
        { "feature a rate() window=1h; feature b high(x) window=1h;",
          MLOPS_TYPE_FP64, MLOPS_TYPE_FP64 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text), "mlops_view v { %s event_time ts; %s "
                 "source kafka=main topic=t; }", cases[i].features,
                 strstr(cases[i].features, "entity") ? "" :
                 "entity id string;");

        v = test_view(text);
        c = mlops_schema_find(&v->event, "x", 1, 0);

        assert_true(c >= 0);
        unit_ok(v->event.columns[c].type == cases[i].x, "%s: %s",
                cases[i].features, mlops_type_name(v->event.columns[c].type));
        unit_ok(v->features[0].type == cases[i].row, "%s: %s",
                cases[i].features, mlops_type_name(v->features[0].type));
        assert_int_equal(v->row.columns[0].type, cases[i].row);
        assert_int_equal(v->row.columns[0].kind,
                         mlops_type_kind(cases[i].row));
    }
}


/* Directives that are wrong in a view that is good. */

static void
test_misuse(void **state)
{
    char    text[2048];
    size_t  i;

    static const struct {
        const char  *directives;
        const char  *text;
    } cases[] = {

        { "feature x coutn();",
          "unknown function \"coutn\" in \"feature\"@: did you mean "
          "\"count\"?" },

        { "feature x foo();",
          "unknown function \"foo\" in \"feature\"@: expected \"count\", "
          "\"sum\", \"mean\", \"min\", \"max\", \"variance\", \"std\", "
          "\"first\", \"last\", \"last_k\", \"rate\", \"decayed_sum\", "
          "\"approx_distinct\", \"quantile\", \"ratio\", \"open\", "
          "\"high\", \"low\", \"close\", \"ema\", \"sma\", \"macd\", "
          "\"rsi\" or \"stochastic\"" },

        { "feature x sum();",
          "invalid number of arguments of sum() in feature \"x\"@: expected "
          "\"sum(field)\", got \"sum()\"" },

        { "feature x count(a);",
          "invalid number of arguments of count() in feature \"x\"@: "
          "expected \"count()\", got \"count(a)\"" },

        { "feature x sum(a,b);",
          "invalid number of arguments of sum() in feature \"x\"@: expected "
          "\"sum(field)\", got \"sum(a,b)\"" },

        { "feature x last_k(a,0);",
          "invalid value \"0\" of \"k\" in \"feature\"@: expected a whole "
          "number from 1 to 1024" },

        { "feature x last_k(a,x);",
          "invalid value \"x\" of \"k\" in \"feature\"@: expected a whole "
          "number from 1 to 1024" },

        { "feature x sum( );",
          "argument 1 of sum() is empty in feature \"x\"@: expected "
          "\"sum(field)\"" },

        { "feature x sum;",
          "invalid function \"sum\" of feature \"x\"@: expected a name and "
          "its arguments in parentheses, such as last_k(fare,3)" },

        { "feature x sum(a window=1h \"where=(b == 1)\";",
          "invalid function \"sum(a\" of feature \"x\"@: expected a name and "
          "its arguments in parentheses, such as last_k(fare,3)" },

        { "feature x last_k(a, 3) hop=1m;",
          "\"hop=\" without a window in feature \"x\"@: expected \"window=\" "
          "beside it" },

        { "feature x last_k(,3);",
          "argument 1 of last_k() is empty in feature \"x\"@: expected "
          "\"last_k(field,k)\"" },

        { "feature x sum(a) window=1h hop=7m;",
          "\"window=1h\" is not a multiple of \"hop=7m\" in feature \"x\"@" },

        { "feature x sum(a) window=1h hop=30s;",
          "\"window=1h\" has 120 hops of \"hop=30s\" in feature \"x\"@: "
          "expected at most 64" },

        { "feature x sum(a) window=1s;",
          "a twelfth of \"window=1s\" is no whole number of microseconds in "
          "feature \"x\"@: expected \"hop=\" beside it" },

        { "feature x sum(a) window=0;",
          "invalid value \"0\" of \"window=\" in \"feature\"@: expected a "
          "time above zero such as 30s, 5m or 1h, at most 100y" },

        { "feature x sum(a) window=-5s;",
          "invalid value \"-5s\" of \"window=\" in \"feature\"@: expected a "
          "time above zero such as 30s, 5m or 1h, at most 100y" },

        { "feature x sum(a) window=5x;",
          "invalid value \"5x\" of \"window=\" in \"feature\"@: expected a "
          "time above zero such as 30s, 5m or 1h, at most 100y" },

        { "feature x sum(a) window=200y;",
          "invalid value \"200y\" of \"window=\" in \"feature\"@: expected "
          "a time above zero such as 30s, 5m or 1h, at most 100y" },

        { "feature x sum(a) hop=5m;",
          "\"hop=\" without a window in feature \"x\"@: expected "
          "\"window=\" beside it" },

        { "feature x sum(a) kind=hopping;",
          "\"kind=hopping\" without a window in feature \"x\"@: expected "
          "\"window=\" beside it" },

        { "feature x sum(a) kind=sessions window=1h;",
          "invalid value \"sessions\" in \"feature\"@: expected "
          "\"sliding\", \"hopping\" or \"tumbling\"" },

        { "feature x sum(a) kind=tumblin window=1h;",
          "invalid value \"tumblin\" in \"feature\"@: expected \"sliding\", "
          "\"hopping\" or \"tumbling\"; did you mean \"tumbling\"?" },

        { "feature x sum(a) window=1h kind=tumbling hop=5m;",
          "\"hop=\" of a tumbling window in feature \"x\"@: expected none, "
          "or the window's length" },

        { "feature x rate();",
          "rate() has no window in feature \"x\"@: expected \"window=\", "
          "the time it is of, such as window=5m" },

        { "feature x ema(a,9);",
          "ema() has no window in feature \"x\"@: expected \"window=\", the "
          "length of a bar, such as window=5m" },

        { "feature x ema(a) window=5m;",
          "ema() in feature \"x\"@ has neither a span nor \"com=\": "
          "expected either ema(field,span) or ema(field) com=n" },

        { "feature x ema(a,9) com=3 window=5m;",
          "ema() in feature \"x\"@ has a span and \"com=\": expected either "
          "ema(field,span) or ema(field) com=n" },

        { "feature x ema(a) com=-1 window=5m;",
          "invalid value \"-1\" of \"com=\" in \"feature\"@: expected a "
          "number from 0 to 4096" },

        { "feature x macd(a,26,12) window=5m;",
          "the spans 26 and 12 of macd() in feature \"x\"@: expected the "
          "fast one, which is shorter, first" },

        { "feature x rsi(a,0) window=5m;",
          "invalid value \"0\" of \"bars\" in \"feature\"@: expected a "
          "whole number from 1 to 4096" },

        { "feature x ema(a,9) window=5m kind=sliding;",
          "ema() is of bars, which are tumbling, in feature \"x\"@: "
          "expected no \"kind=\"" },

        { "feature x quantile(a,1.5);",
          "invalid value \"1.5\" of \"p\" in \"feature\"@: expected a "
          "number from 0 to 1" },

        { "feature x quantile(a,q);",
          "invalid value \"q\" of \"p\" in \"feature\"@: expected a number "
          "from 0 to 1" },

        { "feature x quantile(a,0.5) bins=5;",
          "invalid value \"5\" of \"bins=\" in \"feature\"@: expected a "
          "whole number from 16 to 4096" },

        { "feature x sum(a) bins=512;",
          "\"bins=\" is of quantile(): feature \"x\"@ is sum()" },

        { "feature x approx_distinct(a) precision=20;",
          "invalid value \"20\" of \"precision=\" in \"feature\"@: expected "
          "a whole number from 4 to 14" },

        { "feature x sum(a) precision=10;",
          "\"precision=\" is of approx_distinct(): feature \"x\"@ is sum()" },

        { "feature x sum(a) com=9;",
          "\"com=\" is of ema(): feature \"x\"@ is sum()" },

        { "feature x sum(a) bytes=9;",
          "\"bytes=\" is of strings: feature \"x\"@ is double" },

        { "feature x last(a) bytes=9;",
          "\"bytes=\" is of strings: feature \"x\"@ is double" },

        { "feature x last(a) type=string bytes=0;",
          "invalid value \"0\" of \"bytes=\" in \"feature\"@: expected a "
          "whole number from 1 to 512" },

        { "feature x last(a) type=strng;",
          "invalid value \"strng\" in \"feature\"@: expected \"int64\", "
          "\"double\" or \"string\"; did you mean \"string\"?" },

        { "feature x sum(a) type=int64;",
          "sum() takes no \"type=\" in feature \"x\"@: its value is a "
          "double" },

        { "feature x count() type=int64;",
          "count() takes no \"type=\" in feature \"x\"@: its value is an "
          "int64" },

        { "feature x max(a) type=string;",
          "invalid value \"string\" in \"feature\"@: expected \"int64\" or "
          "\"double\"" },

        { "feature x ratio(n,m);",
          "unknown feature \"m\" in ratio() of feature \"x\"@: expected the "
          "names of two features that stand before it" },

        { "feature x ratio(n,n) window=1h;",
          "ratio() takes no window in feature \"x\"@: its features have "
          "theirs" },

        { "feature x ratio(n,n) \"where=a > 1\";",
          "ratio() takes no \"where=\" in feature \"x\"@: its features have "
          "theirs" },

        { "feature n sum(a);",
          "feature \"n\" is duplicate@: it is in nginx.conf:5 already" },

        { "feature l last_k(a,2); feature l_2 sum(a);",
          "feature \"l_2\" is duplicate@: it is in nginx.conf:6 already" },

        { "feature l_2 sum(a); feature l last_k(a,3);",
          "feature \"l_2\" is duplicate@: it is in nginx.conf:6 already" },

        { "feature '' sum(a);",
          "the feature in \"feature\"@ is empty: expected a name" },

        { "feature x sum(a) wher=1;",
          "unknown parameter \"wher=1\" in \"feature\"@: did you mean "
          "\"where=\"?" },

        { "feature x sum(a) window=1h window=2h;",
          "\"window=\" is duplicate in \"feature\"@" },

        { "feature x decayed_sum(a,0);",
          "invalid value \"0\" of \"half_life\" in \"feature\"@: expected a "
          "time above zero such as 30s, 5m or 1h, at most 100y" },

        { "feature x sum(id) \"where=ts == 'x'\";",
          "field \"ts\"@ has two types: double by \"event_time\" in "
          "nginx.conf:4, and string by feature \"x\"" },

        { "feature x sum(a) \"where=a == 'x'\";",
          "field \"a\"@ has two types: a number by feature \"x\" in "
          "nginx.conf:6, and string by feature \"x\"" },

        { "feature x last(a) type=string; feature y sum(a);",
          "field \"a\"@ has two types: string by feature \"x\" in "
          "nginx.conf:6, and a number by feature \"y\"" },

        { "feature y max(id) type=double;",
          "field \"id\"@ has two types: int64 by \"entity\" in "
          "nginx.conf:3, and double by feature \"y\"" },

        { "entity x int64;",
          "\"entity\" is duplicate@: it is in nginx.conf:3 already" },

        { "clock walll;",
          "invalid value \"walll\" in \"clock\"@: expected \"wall\" or "
          "\"event\"; did you mean \"wall\"?" },

        { "ttl 0;",
          "invalid value \"0\" in \"ttl\"@: expected a time above zero such "
          "as 30s, 5m or 1h, at most 100y" },

        { "ttl -1;",
          "invalid value \"-1\" in \"ttl\"@: expected a time above zero "
          "such as 30s, 5m or 1h, at most 100y" },

        { "max_entities 0;",
          "invalid value \"0\" in \"max_entities\"@: expected a whole "
          "number from 1 to 1000000000" },

        { "shards 65;",
          "invalid value \"65\" in \"shards\"@: expected a whole number "
          "from 1 to 64" },

        { "max_entities 2; shards 3;",
          "3 shards of 2 entities@: expected at least one entity a shard" },

        { "role leader;",
          "invalid value \"leader\" in \"role\"@: expected \"compute\" or "
          "\"follow\"" },

        { "role follow;",
          "\"role follow\"@ has no topic to follow: expected \"publish "
          "[topic=name];\", as where it is computed" },

        { "publish tpoic=x;",
          "unknown parameter \"tpoic=x\" in \"publish\"@: did you mean "
          "\"topic=\"?" },

        { "publish topic=;",
          "invalid topic \"\" in \"publish\"@: expected 1 to 249 letters, "
          "digits, \"_\", \"-\" and \".\"" },

        { "publish topic=t;",
          "rows are published to a topic that has other records, t,@: "
          "expected another one" },

        { "dead_letters t;",
          "dead letters go to the topic of \"source\", t,@: expected "
          "another one" },

        { "dead_letters a/b;",
          "invalid topic \"a/b\" in \"dead_letters\"@: expected 1 to 249 "
          "letters, digits, \"_\", \"-\" and \".\"" },

        { "log;",
          "\"log\"@ needs a place: expected \"mlops_state path;\" in the "
          "http block" },

        { "store redis=1;",
          "invalid value \"redis=1\" in \"store\"@: expected \"shm\"" },

        { "dedupe id;",
          "\"dedupe\"@ has no \"within=\": expected how long a value is "
          "remembered, such as within=10m" },

        { "dedupe x within=0;",
          "invalid value \"0\" of \"within=\" in \"dedupe\"@: expected a "
          "time above zero such as 30s, 5m or 1h, at most 100y" },

        { "dedupe x within=1m max=0;",
          "invalid value \"0\" of \"max=\" in \"dedupe\"@: expected a whole "
          "number from 1 to 100000000" },

        { "foo bar;",
          "unknown directive \"foo\"@: expected \"source\", \"entity\", "
          "\"event_time\", \"clock\", \"dedupe\", \"feature\", \"ttl\", "
          "\"max_entities\", \"shards\", \"role\", \"publish\", "
          "\"dead_letters\", \"log\" or \"store\"" },

        { "feature x sum(a) window=1h lateness=3;",
          "unknown parameter \"lateness=3\" in \"feature\"@: expected "
          "\"window=\", \"hop=\", \"kind=\", \"where=\", \"type=\", "
          "\"bytes=\", \"bins=\", \"precision=\" or \"com=\"" },

        { "publish; dead_letters features.v;",
          "rows are published to a topic that has other records, "
          "features.v,@: expected another one" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text),
                 "mlops_view v {\n"
                 "    source kafka=main topic=t;\n"
                 "    entity id int64;\n"
                 "    event_time ts unit=ms;\n"
                 "    feature n count() window=1h;\n"
                 "    %s\n"
                 "}", cases[i].directives);

        test_plan_refused(test_plan(text), cases[i].directives,
                          " in mlops_view \"v\"", cases[i].text, 6);
    }
}


/* Views that are wrong as a whole. */

static void
test_wrong_views(void **state)
{
    size_t  i;

    static const struct {
        const char  *source;
        uint32_t     line;
        const char  *text;
    } cases[] = {

        { "mlops_view v { entity id int64;\n event_time ts;\n feature n "
          "count(); }",
          1, "no source@: expected \"source kafka=name topic=name;\" or "
          "\"source file=path;\"" },

        { "mlops_view v { source kafka=main;\n entity id int64;\n "
          "event_time ts;\n feature n count(); }",
          1, "\"source\"@ has no \"topic=\": expected \"source kafka=name "
          "topic=name;\" or \"source file=path;\"" },

        { "mlops_view v { source kafka=main topic=t;\n event_time ts;\n "
          "feature n count(); }",
          1, "no entity@: expected \"entity field int64|string;\"" },

        { "mlops_view v { source kafka=main topic=t;\n entity id int64;\n "
          "feature n count(); }",
          1, "no event time@: expected \"event_time field [unit=...];\"" },

        { "mlops_view v { source kafka=main topic=t;\n entity id int64;\n "
          "event_time ts; }",
          1, "no feature@: expected \"feature name function(...);\"" },

        { "mlops_view .v { source kafka=main topic=t;\n entity id int64;\n "
          "event_time ts; }",
          1, "invalid view name \".v\": expected 1 to 64 letters, digits, "
          "\"_\", \"-\" and \".\", the first not a dot" },

        { "mlops_view v { source kafka=mian topic=t;\n entity id int64;\n "
          "event_time ts; feature n count(); }",
          1, "unknown cluster \"mian\" in \"source\"@: did you mean "
          "\"main\"?" },

        { "mlops_view v { source kafka=x topic=t;\n entity id int64;\n "
          "event_time ts; feature n count(); }",
          1, "unknown cluster \"x\" in \"source\"@: expected \"main\"" },

        { "mlops_view v { source kafka=main topic=t type=a; entity id "
          "int64; event_time ts; feature n count(); }",
          1, "\"type=\" in \"source\"@ is of CloudEvents: expected "
          "\"format=cloudevents\" beside it" },

        { "mlops_view v { source file=x.csv; entity id int64; feature n "
          "last(a); }",
          1, "invalid path \"x.csv\" of \"file=\" in \"source\"@: expected "
          "an absolute path of less than 900 bytes" },

        { "mlops_view v { source file=/x.csv topic=t; entity id int64; "
          "feature n last(a); }",
          1, "\"file=\" in \"source\"@ stands alone: it is a CSV file, and "
          "no topic" },

        { "mlops_view v { source file=/x.csv; entity id int64; feature n "
          "sum(a)\n window=1h; }",
          1, "sum() of feature \"n\"@ needs a time: expected \"event_time "
          "field;\" beside it" },

        { "mlops_view v { source file=/x.csv; entity id int64; feature n "
          "sum(a);\n publish; }",
          2, "\"publish\"@ is of topics: the source is a file" },

        { "mlops_view v { source kafka=main topic=t; entity id int64 "
          "bytes=8; event_time ts; feature n count(); }",
          1, "\"bytes=\" in \"entity\"@ is of strings: an int64 has 8" },

        { "mlops_view v { source kafka=main topic=t; entity id string "
          "bytes=513; event_time ts; feature n count(); }",
          1, "invalid value \"513\" of \"bytes=\" in \"entity\"@: expected "
          "a whole number from 1 to 512" },

        { "mlops_view v { source kafka=main topic=t; entity id int46; "
          "event_time ts; feature n count(); }",
          1, "invalid value \"int46\" in \"entity\"@: expected \"int64\" "
          "or \"string\"; did you mean \"int64\"?" },

        { "mlops_view v { source kafka=main topic=t; entity id int64; "
          "event_time ts unit=minutes; feature n count(); }",
          1, "invalid value \"minutes\" in \"event_time\"@: expected "
          "\"s\", \"ms\", \"us\", \"ns\" or \"iso\"" },

        { "mlops_view v { source kafka=main topic=t; entity id int64; "
          "event_time ts lateness=x; feature n count(); }",
          1, "invalid value \"x\" of \"lateness=\" in \"event_time\"@: "
          "expected a time such as 0, 30s, 5m or 1h, at most 100y" },

        { "mlops_view v { source kafka=main topic=t; entity id int64; "
          "event_time ts lateness=10d; \nfeature n ema(a,3) window=1s; }",
          2, "mlops_view \"v\": feature \"n\": a lateness of 864000000000 "
          "us spans more than 4093 bars of 1000000 us" },

        { "mlops_view v { source kafka=main topic=t; entity id int64; "
          "event_time ts unit=iso; \nfeature n sum(ts) window=1h; }",
          2, "field \"ts\"@ has two types: string by \"event_time\" in "
          "nginx.conf:1, and a number by feature \"n\"" },

        { "mlops_view v { source kafka=main topic=t; entity id int64; "
          "event_time ts; feature n count();publish; } mlops_view w { "
          "source kafka=main topic=t; entity id int64; event_time ts; "
          "feature n count();\npublish topic=features.v;}",
          2, "topic \"features.v\" of \"publish\" in mlops_view \"w\" is "
          "that of view \"v\" already: expected another one" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_plan_refused(test_plan(cases[i].source), cases[i].source,
                          " in mlops_view \"v\"", cases[i].text,
                          cases[i].line);
    }
}


/* The line is that of the wrong word. */

static void
test_lines(void **state)
{
    test_plan_t  *p;

    (void) state;

    p = test_plan("mlops_view v {\n"
                  "    source\n"
                  "        kafka=main\n"
                  "        topic=t\n"
                  "        from=x;\n"
                  "}");
    assert_int_equal(p->rc, MLOPS_ERROR);
    assert_int_equal(p->where.line, 5);

    p = test_plan("mlops_view v {\n"
                  "    source kafka=main topic=t; entity id int64;\n"
                  "    event_time ts;\n"
                  "    feature n\n"
                  "        sum(a)\n"
                  "        window=1h\n"
                  "        hop=7m;\n"
                  "}");
    assert_int_equal(p->rc, MLOPS_ERROR);
    assert_int_equal(p->where.line, 7);

    p = test_plan("mlops_view v {\n"
                  "    source\n"
                  "        topic=t\n"
                  "        kafka=mian; entity id int64;\n"
                  "    event_time ts; feature n sum(a);\n"
                  "}");
    assert_int_equal(p->rc, MLOPS_ERROR);
    assert_int_equal(p->where.line, 4);
}


/* Tables that the store cannot hold. */

static void
test_store_size(void **state)
{
    char          text[1024];
    uint32_t      bytes;
    test_plan_t  *p;

    static const char  view[] =
        "mlops_store /run/m size=%llu;\n"
        "mlops_view v {\n"
        "    source kafka=main topic=t; entity id int64; event_time ts;\n"
        "    feature n count();\n"
        "    max_entities 1000;\n"
        "}\n"
        "mlops_view w {\n"
        "    source kafka=main topic=t; entity id int64; event_time ts;\n"
        "    feature n count();\n"
        "    max_entities 500;\n"
        "}\n";

    (void) state;

    snprintf(text, sizeof(text), view, 1ull << 30);
    bytes = test_view(text)->row_bytes;

    snprintf(text, sizeof(text), view, bytes * 1500ull);
    assert_int_equal(test_plan(text)->rc, MLOPS_OK);

    snprintf(text, sizeof(text), view, bytes * 1500ull - 1);
    p = test_plan(text);
    assert_int_equal(p->rc, MLOPS_ERROR);
    assert_int_equal(p->where.line, 10);

    snprintf(text, sizeof(text), "the table of view \"w\" may need %u bytes,"
             " %u for each of 500 entities, and of \"mlops_store\" size=%u "
             "%u are left: expected fewer \"max_entities\" or a larger "
             "store", bytes * 500, bytes, bytes * 1500 - 1, bytes * 500 - 1);
    assert_string_equal(p->err.text, text);

    snprintf(text, sizeof(text), view, bytes * 1000ull - 1);
    p = test_plan(text);
    assert_int_equal(p->rc, MLOPS_ERROR);
    assert_int_equal(p->where.line, 5);
}


/* Names and counts at their limits. */

static void
test_limits(void **state)
{
    int           i;
    char          text[65536], *p;
    test_plan_t  *plan;

    static const char  head[] =
        "mlops_view v { source kafka=main topic=t; entity id int64; "
        "event_time ts;\n";

    (void) state;

    for (i = 128; i <= 129; i++) {
        p = stpcpy(text, head);
        p = stpcpy(p, "feature ");
        memset(p, 'x', i);
        strcpy(p + i, " count(); }");

        plan = test_plan(text);
        assert_int_equal(plan->rc, (i == 128) ? MLOPS_OK : MLOPS_ERROR);
    }

    assert_string_equal(plan->err.text, "the feature \"xxxxxxxxxxxxxxxx...\" "
                        "in \"feature\" in mlops_view \"v\" is too long: "
                        "expected at most 128 bytes, got 129");

    /* the longest name that still has a "_1" */

    for (i = 126; i <= 127; i++) {
        p = stpcpy(text, head);
        p = stpcpy(p, "feature ");
        memset(p, 'x', i);
        strcpy(p + i, " last_k(a,1); }");

        plan = test_plan(text);
        assert_int_equal(plan->rc, (i == 126) ? MLOPS_OK : MLOPS_ERROR);
    }

    for (i = 1024; i <= 1025; i++) {
        p = stpcpy(text, head);
        p += sprintf(p, "feature a last_k(a,%d); feature b last_k(a,24); }",
                     i - 24);

        plan = test_plan(text);
        assert_int_equal(plan->rc, (i == 1024) ? MLOPS_OK : MLOPS_ERROR);
    }

    assert_string_equal(plan->err.text, "too many columns in mlops_view "
                        "\"v\": expected at most 1024");

    p = stpcpy(text, head);

    for (i = 0; i < 900; i++) {
        p += sprintf(p, "feature f%d sum(a%d);\n", i, i % 300);
    }

    strcpy(p, "}");

    assert_int_equal(test_plan(text)->plan.views->features_n, 900);
    assert_int_equal(test_plan(text)->plan.views->event.n, 302);

    /* a topic with and without room for its dead letters */

    for (i = 245; i <= 246; i++) {
        p = stpcpy(text, "mlops_view v { entity id int64; event_time ts; "
                   "feature n count(); source kafka=main topic=");
        memset(p, 't', i);
        strcpy(p + i, "; }");

        assert_int_equal(test_plan(text)->rc,
                         (i == 245) ? MLOPS_OK : MLOPS_ERROR);

        strcpy(p + i, "; dead_letters off; }");
        assert_int_equal(test_plan(text)->rc, MLOPS_OK);
    }
}


/* More views than the first room has place for. */

static void
test_many(void **state)
{
    int            i;
    char           text[16384], name[16], *p;
    mlops_plan_t  *plan;

    (void) state;

    p = text;

    for (i = 0; i < 40; i++) {
        p += sprintf(p, "mlops_kafka k%d { bootstrap.servers a:%d; }\n"
                     "mlops_view v%d { source kafka=k%d topic=t; entity id "
                     "int64; event_time ts; feature n count(); "
                     "max_entities %d; }\n", i, i + 1, i, 39 - i, i + 1);
    }

    plan = test_plan_good(text);

    assert_int_equal(plan->views_n, 40);

    for (i = 0; i < 40; i++) {
        sprintf(name, "v%d", i);
        assert_int_equal(mlops_plan_view(plan, name, strlen(name))
                         ->max_entities, i + 1);

        sprintf(name, "k%d", 39 - i);
        assert_ptr_equal(plan->views[i].kafka,
                         mlops_plan_kafka(plan, name, strlen(name)));
        assert_true(mlops_str_is(&plan->views[i].kafka->keys[0],
                                 "bootstrap.servers"));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_units),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_wrong_views),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_store_size),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_many)
    };

    return unit_run(tests);
}
