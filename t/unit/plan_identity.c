/*
 * Hashes of definitions: the canonical texts, written out by hand from the
 * format in core/plan/mlops_plan_identity.c, and what changes them.
 */

#include "views.h"

#include "mlops_hash.h"
#include "mlops_plan_layout.h"

#include <inttypes.h>


#define TEXT_OF(x)  #x
#define TEXT(x)     TEXT_OF(x)
#define ABI         TEXT(MLOPS_STATE_ABI)


static uint64_t
hash_of(const char *text)
{
    return mlops_hash(text, strlen(text), 0);
}


static void
test_texts(void **state)
{
    char                text[1024];
    uint64_t            base, sum, count;
    mlops_plan_view_t  *v;

    (void) state;

    v = test_view("mlops_view rides {\n"
                  "    source kafka=main topic=rides format=cloudevents\n"
                  "           type=shop.ride group=g;\n"
                  "    entity driver string bytes=20;\n"
                  "    event_time ts unit=s lateness=30s skew=2m;\n"
                  "    clock event;\n"
                  "    dedupe ride within=10m max=5000;\n"
                  "    feature paid sum(fare) window=1h\n"
                  "        \"where=status == 'paid' and not tip >= 0.5\";\n"
                  "    feature n count() window=5m kind=tumbling;\n"
                  "    feature share ratio(paid,n);\n"
                  "    ttl 24h;\n"
                  "    shards 3;\n"
                  "}");

    base = hash_of("base 1\n"
                   "kafka 4:main\n"
                   "topic 5:rides\n"
                   "format cloudevents\n"
                   "type 9:shop.ride\n"
                   "entity 6:driver string 20\n"
                   "time 2:ts 1000000000 1000000 30000000 120000000 event\n"
                   "dedupe 4:ride string 600000000 5000\n"
                   "shards 3\n");

    assert_true(v->base_hash == base);

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\n"
             "base %016" PRIx64 "\n"
             "func sum\n"
             "field 4:fare double\n"
             "of -\n"
             "span sliding 3600000000 300000000\n"
             "p 0000000000000000\n"
             "half_life 0\n"
             "k 0 0\n"
             "bins 0\n"
             "precision 0\n"
             "column double 1 0\n"
             "where 4\n"
             "eq 6:status string 4:paid\n"
             "ge 3:tip double 3fe0000000000000\n"
             "not\n"
             "and\n", base);

    sum = hash_of(text);
    assert_true(v->features[0].hash == sum);

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\n"
             "base %016" PRIx64 "\n"
             "func count\n"
             "field -\n"
             "of -\n"
             "span tumbling 300000000 300000000\n"
             "p 0000000000000000\n"
             "half_life 0\n"
             "k 0 0\n"
             "bins 0\n"
             "precision 0\n"
             "column int64 1 0\n"
             "where 0\n", base);

    count = hash_of(text);
    assert_true(v->features[1].hash == count);

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\n"
             "base %016" PRIx64 "\n"
             "func ratio\n"
             "field -\n"
             "of %016" PRIx64 " %016" PRIx64 "\n"
             "span all 0 0\n"
             "p 0000000000000000\n"
             "half_life 0\n"
             "k 0 0\n"
             "bins 0\n"
             "precision 0\n"
             "column double 1 0\n"
             "where 0\n", base, sum, count);

    assert_true(v->features[2].hash == hash_of(text));

    snprintf(text, sizeof(text),
             "view 1\n"
             "base %016" PRIx64 "\n"
             "ttl 86400000000\n"
             "feature 4:paid %016" PRIx64 "\n"
             "feature 1:n %016" PRIx64 "\n"
             "feature 5:share %016" PRIx64 "\n",
             base, sum, count, v->features[2].hash);

    assert_true(v->hash == hash_of(text));
}


/* The other forms of lines. */

static void
test_forms(void **state)
{
    char                text[1024];
    uint64_t            base;
    mlops_plan_view_t  *v;

    (void) state;

    v = test_view("mlops_view b {\n"
                  "    source file=/data/b.csv;\n"
                  "    entity id int64;\n"
                  "    feature a last_k(x,3) type=string bytes=10\n"
                  "        \"where=id != 3 and y == null or z != null\";\n"
                  "    feature d approx_distinct(id);\n"
                  "}");

    base = hash_of("base 1\n"
                   "file 11:/data/b.csv\n"
                   "topic 0:\n"
                   "format csv\n"
                   "type 0:\n"
                   "entity 2:id int64 8\n"
                   "time - wall\n"
                   "dedupe -\n"
                   "shards 1\n");

    assert_true(v->base_hash == base);

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\n"
             "base %016" PRIx64 "\n"
             "func last_k\n"
             "field 1:x string\n"
             "of -\n"
             "span all 0 0\n"
             "p 0000000000000000\n"
             "half_life 0\n"
             "k 3 0\n"
             "bins 0\n"
             "precision 0\n"
             "column string 3 10\n"
             "where 5\n"
             "ne 2:id int64 3\n"
             "null 1:y\n"
             "and\n"
             "not_null 1:z\n"
             "or\n", base);

    assert_true(v->features[0].hash == hash_of(text));

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\n"
             "base %016" PRIx64 "\n"
             "func approx_distinct\n"
             "field 2:id int64\n"
             "of -\n"
             "span all 0 0\n"
             "p 0000000000000000\n"
             "half_life 0\n"
             "k 0 0\n"
             "bins 0\n"
             "precision 10\n"
             "column int64 1 0\n"
             "where 0\n", base);

    assert_true(v->features[1].hash == hash_of(text));

    v = test_view("mlops_view t {\n"
                  "    source kafka=main topic=t;\n"
                  "    entity id int64;\n"
                  "    event_time ts unit=iso;\n"
                  "    feature e ema(x,3) window=5m;\n"
                  "    feature q quantile(x,0.5);\n"
                  "    feature d decayed_sum(x,10s);\n"
                  "}");

    base = hash_of("base 1\n"
                   "kafka 4:main\n"
                   "topic 1:t\n"
                   "format json\n"
                   "type 0:\n"
                   "entity 2:id int64 8\n"
                   "time 2:ts 0 1 0 60000000 wall\n"
                   "dedupe -\n"
                   "shards 1\n");

    assert_true(v->base_hash == base);

    /* alpha = 2 / (3 + 1) */

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\nbase %016" PRIx64 "\nfunc ema\n"
             "field 1:x double\nof -\n"
             "span tumbling 300000000 300000000\np 3fe0000000000000\n"
             "half_life 0\nk 3 0\nbins 0\nprecision 0\ncolumn double 1 0\n"
             "where 0\n", base);
    assert_true(v->features[0].hash == hash_of(text));

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\nbase %016" PRIx64 "\nfunc quantile\n"
             "field 1:x double\nof -\nspan all 0 0\np 3fe0000000000000\n"
             "half_life 0\nk 0 0\nbins 512\nprecision 0\n"
             "column double 1 0\nwhere 0\n", base);
    assert_true(v->features[1].hash == hash_of(text));

    snprintf(text, sizeof(text),
             "feature 1 " ABI "\nbase %016" PRIx64 "\nfunc decayed_sum\n"
             "field 1:x double\nof -\nspan all 0 833333\n"
             "p 0000000000000000\nhalf_life 10000000\nk 0 0\nbins 0\n"
             "precision 0\ncolumn double 1 0\nwhere 0\n", base);
    assert_true(v->features[2].hash == hash_of(text));
}


/* A view in parts that a test changes one at a time. */

typedef struct {
    const char  *source;
    const char  *entity;
    const char  *time;
    const char  *feature;
    const char  *rest;
} parts_t;

static const parts_t  plain = {
    "source kafka=main topic=t;",
    "entity id int64;",
    "event_time ts;",
    "feature f sum(a) window=1h \"where=b == 1\";",
    ""
};


static mlops_plan_view_t *
parts_view(const parts_t *parts)
{
    char  text[2048];

    snprintf(text, sizeof(text),
             "mlops_kafka main { bootstrap.servers a:1; }\n"
             "mlops_kafka main2 { bootstrap.servers a:1; }\n"
             "mlops_state /s;\n"
             "mlops_view v {\n    %s\n    %s\n    %s\n    %s\n    %s\n}\n",
             parts->source, parts->entity, parts->time, parts->feature,
             parts->rest);

    return test_view(text);
}


/* All of these are another view, with other features. */

static void
test_base_changes(void **state)
{
    size_t              i, k;
    parts_t             p;
    mlops_plan_view_t  *views[32];

    static const struct {
        const char  *source;
        const char  *entity;
        const char  *time;
        const char  *rest;
    } cases[] = {
        { NULL, NULL, NULL, NULL },
        { "source kafka=main2 topic=t;", NULL, NULL, NULL },
        { "source kafka=main topic=t2;", NULL, NULL, NULL },
        { "source kafka=main topic=t format=cloudevents;", NULL, NULL, NULL },
        { "source kafka=main topic=t format=cloudevents type=x;", NULL, NULL,
          NULL },
        { "source file=/t;", NULL, NULL, NULL },
        { NULL, "entity di int64;", NULL, NULL },
        { NULL, "entity id string;", NULL, NULL },
        { NULL, "entity id string bytes=63;", NULL, NULL },
        { NULL, NULL, "event_time st;", NULL },
        { NULL, NULL, "event_time ts unit=s;", NULL },
        { NULL, NULL, "event_time ts unit=us;", NULL },
        { NULL, NULL, "event_time ts unit=ns;", NULL },
        { NULL, NULL, "event_time ts unit=iso;", NULL },
        { NULL, NULL, "event_time ts lateness=1ms;", NULL },
        { NULL, NULL, "event_time ts skew=0;", NULL },
        { NULL, NULL, NULL, "clock event;" },
        { NULL, NULL, NULL, "dedupe a within=1m;" },
        { NULL, NULL, NULL, "dedupe b within=1m;" },
        { NULL, NULL, NULL, "dedupe c within=1m;" },
        { NULL, NULL, NULL, "dedupe c within=1m type=int64;" },
        { NULL, NULL, NULL, "dedupe c within=2m;" },
        { NULL, NULL, NULL, "dedupe c within=1m max=10;" },
        { NULL, NULL, NULL, "shards 2;" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = plain;

        p.source = cases[i].source ? cases[i].source : p.source;
        p.entity = cases[i].entity ? cases[i].entity : p.entity;
        p.time = cases[i].time ? cases[i].time : p.time;
        p.rest = cases[i].rest ? cases[i].rest : p.rest;

        views[i] = parts_view(&p);

        for (k = 0; k < i; k++) {
            unit_ok(views[k]->base_hash != views[i]->base_hash,
                    "cases %zu and %zu have one base", k, i);
            unit_ok(views[k]->hash != views[i]->hash,
                    "cases %zu and %zu have one hash", k, i);
            unit_ok(views[k]->features[0].hash != views[i]->features[0].hash,
                    "cases %zu and %zu have one feature", k, i);
        }
    }
}


/* All of these are other features of the same base. */

static void
test_feature_changes(void **state)
{
    size_t              i, k;
    parts_t             p;
    mlops_plan_view_t  *views[64];

    static const char *const  features[] = {
        "feature f sum(a) window=1h \"where=b == 1\";",
        "feature f sum(a) window=1h;",
        "feature f sum(a) window=1h \"where=b == 2\";",
        "feature f sum(a) window=1h \"where=b != 1\";",
        "feature f sum(a) window=1h \"where=c == 1\";",
        "feature f sum(a) window=1h \"where=not b == 1\";",
        "feature f sum(a) window=1h \"where=b == '1'\";",
        "feature f sum(a) window=1h \"where=b == 1 and c == 2\";",
        "feature f sum(a) window=1h \"where=b == 1 or c == 2\";",
        "feature f sum(b) window=1h;",
        "feature f mean(a) window=1h;",
        "feature f sum(a);",
        "feature f sum(a) window=2h;",
        "feature f sum(a) window=1h hop=10m;",
        "feature f sum(a) window=1h kind=hopping;",
        "feature f sum(a) window=1h kind=tumbling;",
        "feature f max(a);",
        "feature f max(a) type=int64;",
        "feature f last(a);",
        "feature f last(a) type=int64;",
        "feature f last(a) type=string;",
        "feature f last(a) type=string bytes=33;",
        "feature f last_k(a,1);",
        "feature f last_k(a,2);",
        "feature f quantile(a,0.5);",
        "feature f quantile(a,0.25);",
        "feature f quantile(a,0.5) bins=256;",
        "feature f approx_distinct(a);",
        "feature f approx_distinct(a) precision=11;",
        "feature f approx_distinct(a) type=int64;",
        "feature f decayed_sum(a,1m);",
        "feature f decayed_sum(a,2m);",
        "feature f decayed_sum(a,1m) hop=1s;",
        "feature f ema(a,3) window=1m;",
        "feature f ema(a,4) window=1m;",
        "feature f ema(a) com=4 window=1m;",
        "feature f sma(a,3) window=1m;",
        "feature f macd(a,3,4) window=1m;",
        "feature f macd(a,3,5) window=1m;",
        "feature f rsi(a,3) window=1m;",
        "feature f count();"
    };

    (void) state;

    for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        p = plain;
        p.feature = features[i];

        views[i] = parts_view(&p);

        for (k = 0; k < i; k++) {
            assert_true(views[k]->base_hash == views[i]->base_hash);
            unit_ok(views[k]->hash != views[i]->hash,
                    "%s and %s have one hash", features[k], features[i]);
            unit_ok(views[k]->features[0].hash != views[i]->features[0].hash,
                    "%s and %s have one hash", features[k], features[i]);
        }
    }
}


/* None of these changes a value. */

static void
test_same(void **state)
{
    size_t              i;
    parts_t             p;
    mlops_plan_view_t  *view, *other;

    static const struct {
        const char  *feature;
        const char  *rest;
        int          view;          /* the view's hash is the same, too */
    } cases[] = {
        { "feature f sum(a) window=60m \"where=b == 1\";", "", 1 },
        { "feature f \"sum( a )\" \"where= (b==1.0) \" hop=5m window=3600;",
          "", 1 },
        { "feature f sum(a) kind=sliding window=1h \"where=b == true\";", "",
          1 },
        { NULL, "max_entities 10; publish; dead_letters off; log;", 1 },
        { NULL, "role follow; publish topic=x; store shm;", 1 },
        { "feature g sum(a) window=1h \"where=b == 1\";", "", 0 },
        { NULL, "ttl 1h;", 0 },
        { NULL, "feature g count();", 0 }
    };

    (void) state;

    view = parts_view(&plain);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        p = plain;
        p.feature = cases[i].feature ? cases[i].feature : p.feature;
        p.rest = cases[i].rest;

        other = parts_view(&p);

        assert_true(view->base_hash == other->base_hash);
        unit_ok(view->features[0].hash == other->features[0].hash,
                "case %zu: another feature", i);
        unit_ok((view->hash == other->hash) == cases[i].view,
                "case %zu: the view's hash", i);
    }

    /* nor the group, the order of directives and the cluster's properties */

    other = test_view("mlops_kafka main { client.id x;\n"
                      "    bootstrap.servers b:2; }\n"
                      "mlops_view w { feature f sum(a) window=1h\n"
                      "    'where=b == 1'; event_time ts; entity id int64;\n"
                      "    source group=g topic=t kafka=main; }");

    assert_true(view->base_hash == other->base_hash);
    assert_true(view->hash == other->hash);
}


/* The plan that a worker reads has the same hashes. */

static void
test_plan_json(void **state)
{
    char                     *json;
    size_t                    len;
    uint32_t                  i, k;
    mlops_err_t               err;
    mlops_plan_t             *plan, again;
    mlops_arena_t             arena;
    mlops_plan_where_t        where;
    const mlops_plan_view_t  *a, *b;

    (void) state;

    plan = test_plan_good(
        "mlops_state /s;\n"
        "mlops_kafka main { bootstrap.servers a:1;\n"
        "    sasl.password env:KAFKA_PASSWORD; }\n"
        "mlops_view v {\n"
        "    source kafka=main topic=t; entity id string; event_time ts;\n"
        "    feature f sum(a) window=1h \"where=b == 'it''s \\\"x\\\"'\";\n"
        "    feature g last_k(c,3); feature h mean(a); feature i ratio(f,h);\n"
        "    ttl 1h; log; publish;\n"
        "}\n"
        "mlops_view w {\n"
        "    source file=/w.csv; entity id int64; feature x last(x);\n"
        "}\n"
        "mlops_model m {\n"
        "    join v key=$http_id prefix=v_ override=v_f,v_g_2 max_age=1h;\n"
        "    join w \"key='7'\" missing=refuse timeout=5ms;\n"
        "}\n");

    assert_int_equal(mlops_plan_write(plan, "now", &json, &len, &err),
                     MLOPS_OK);

    mlops_arena_init(&arena, NULL, NULL);
    mlops_plan_init(&again, &arena);

    unit_ok(mlops_plan_read(&again, json, len, &where, &err) == MLOPS_OK,
            "%s", err.text);

    assert_int_equal(again.views_n, 2);
    assert_int_equal(again.kafkas_n, 1);
    assert_true(mlops_str_is(&again.state, "/s"));

    for (i = 0; i < 2; i++) {
        a = &plan->views[i];
        b = &again.views[i];

        assert_true(a->base_hash == b->base_hash);
        assert_true(a->hash == b->hash);
        assert_int_equal(a->row_bytes, b->row_bytes);
        assert_int_equal(a->state_bytes, b->state_bytes);
        assert_int_equal(a->features_n, b->features_n);
        assert_true(mlops_schema_alike(&a->row, &b->row));
        assert_true(mlops_schema_alike(&a->event, &b->event));

        for (k = 0; k < a->features_n; k++) {
            assert_true(a->features[k].hash == b->features[k].hash);
        }
    }

    assert_ptr_equal(again.views[0].kafka, &again.kafkas[0]);
    assert_null(again.views[1].kafka);
    assert_ptr_equal(again.models[0].joins[0].view, &again.views[0]);
    assert_ptr_equal(again.models[0].joins[1].view, &again.views[1]);

    free(json);
    mlops_arena_destroy(&arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_base_changes),
        cmocka_unit_test(test_feature_changes),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_plan_json)
    };

    return unit_run(tests);
}
