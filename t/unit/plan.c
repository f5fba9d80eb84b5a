/*
 * The plan: its grammar with every misuse, values, plan.json, sources.
 */

#include "unit.h"

#include "mlops_doc.h"
#include "mlops_plan.h"
#include "mlops_request.h"


/* Directives as a test writes them: words separated by blanks, "{" opens a
 * block whose directives end with ";", '_' in a word stands for a blank. */

typedef struct {
    mlops_arena_t        arena;
    mlops_plan_t         plan;
    mlops_plan_where_t   where;
    mlops_err_t          err;
    uint32_t             line;
} plan_t;


static mlops_str_t
str(const char *text)
{
    mlops_str_t  s;

    s.data = text;
    s.len = strlen(text);

    return s;
}


static void
plan_start(plan_t *p)
{
    memset(p, 0, sizeof(*p));

    mlops_arena_init(&p->arena, NULL, NULL);
    mlops_plan_init(&p->plan, &p->arena);
}


static mlops_plan_node_t *
plan_words(plan_t *p, char **text)
{
    char               *s, *word;
    mlops_plan_node_t  *node;

    node = mlops_arena_calloc(&p->arena, 1, sizeof(*node));
    node->args = mlops_arena_calloc(&p->arena, 16, sizeof(mlops_str_t));
    node->file = str("nginx.conf");
    node->line = ++p->line;

    s = *text;

    for ( ;; ) {

        while (*s == ' ') {
            s++;
        }

        if (*s == ';' || *s == '{' || *s == '}' || *s == '\0') {
            break;
        }

        word = s;

        while (*s != '\0' && strchr(" ;{}", *s) == NULL) {

            if (*s == '_' && s > word && s[-1] == '=') {
                *s = ' ';
            }

            s++;
        }

        node->args[node->args_n].data = word;
        node->args[node->args_n].len = s - word;
        node->args_n++;
    }

    *text = s;

    return node;
}


/* Adds one top-level directive; each directive is a line of its own. */

static int
plan_add(plan_t *p, const char *source)
{
    char               *text;
    mlops_plan_node_t  *node, **last;

    text = mlops_arena_copy(&p->arena, source, strlen(source));
    node = plan_words(p, &text);

    if (*text == '{') {
        node->block = 1;
        last = &node->children;

        for (text++; text[strspn(text, " ")] != '}'; text++) {
            *last = plan_words(p, &text);
            last = &(*last)->next;
        }
    }

    return mlops_plan_add(&p->plan, node, &p->where, &p->err);
}


static void
test_store(void **state)
{
    plan_t  p;

    (void) state;

    plan_start(&p);

    assert_int_equal(plan_add(&p, "mlops_store /run/mlops/ size=64m "
                              "user=mlops"), MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_registry /var/lib/r"), MLOPS_OK);
    assert_int_equal(mlops_plan_finish(&p.plan, &p.where, &p.err), MLOPS_OK);

    assert_true(mlops_str_is(&p.plan.store, "/run/mlops"));
    assert_true(p.plan.store_size == 64 * 1024 * 1024);
    assert_true(mlops_str_is(&p.plan.store_user, "mlops"));
    assert_true(mlops_str_is(&p.plan.registry, "/var/lib/r"));

    mlops_arena_destroy(&p.arena);
}


static void
test_model(void **state)
{
    plan_t                     p;
    const mlops_plan_model_t  *m;

    (void) state;

    plan_start(&p);

    assert_int_equal(plan_add(&p, "mlops_store /run/mlops"), MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_model a { }"), MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_model b-1.x { range clip; nonfinite "
                              "output=token input=accept; }"), MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_model c { nonfinite output=string; "
                              "range refuse; }"), MLOPS_OK);
    assert_int_equal(mlops_plan_finish(&p.plan, &p.where, &p.err), MLOPS_OK);

    m = mlops_plan_model(&p.plan, "a", 1);
    assert_non_null(m);
    assert_int_equal(m->range, MLOPS_RANGE_FLAG);
    assert_int_equal(m->nonfinite_in, 0);
    assert_int_equal(m->nonfinite_out, MLOPS_NONFINITE_NULL);

    m = mlops_plan_model(&p.plan, "b-1.x", 5);
    assert_non_null(m);
    assert_int_equal(m->range, MLOPS_RANGE_CLIP);
    assert_int_equal(m->nonfinite_in, 1);
    assert_int_equal(m->nonfinite_out, MLOPS_NONFINITE_TOKEN);

    m = mlops_plan_model(&p.plan, "c", 1);
    assert_non_null(m);
    assert_int_equal(m->range, MLOPS_RANGE_REFUSE);
    assert_int_equal(m->nonfinite_in, 0);
    assert_int_equal(m->nonfinite_out, MLOPS_NONFINITE_STRING);

    assert_null(mlops_plan_model(&p.plan, "b", 1));

    mlops_arena_destroy(&p.arena);
}


/* More models than the first room has place for. */

static void
test_many_models(void **state)
{
    int     i;
    char    text[64];
    plan_t  p;

    (void) state;

    plan_start(&p);

    for (i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "mlops_model m%d { %s; }", i,
                 (i % 3 == 2) ? "range clip" : "range flag");
        assert_int_equal(plan_add(&p, text), MLOPS_OK);
    }

    assert_int_equal(p.plan.models_n, 100);

    for (i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "m%d", i);
        assert_int_equal(mlops_plan_model(&p.plan, text, strlen(text))->range,
                         (i % 3 == 2) ? MLOPS_RANGE_CLIP : MLOPS_RANGE_FLAG);
    }

    mlops_arena_destroy(&p.arena);
}


/* Every misuse: what is added before it, the wrong directive, the text, and
 * the line of the wrong directive, which is counted from 1. */

static void
test_misuse(void **state)
{
    int     rc;
    size_t  i, j;
    plan_t  p;

    static const struct {
        const char  *before[2];
        const char  *wrong;
        const char  *text;
        uint32_t     line;
    } cases[] = {

        { { NULL }, "mlops_stor /x",
          "unknown directive \"mlops_stor\": did you mean \"mlops_store\"?",
          1 },

        { { NULL }, "location",
          "unknown directive \"location\": expected \"mlops_store\", "
          "\"mlops_registry\", \"mlops_state\", \"mlops_kafka\", "
          "\"mlops_view\" or \"mlops_model\"", 1 },

        { { NULL }, "mlops_store",
          "invalid number of arguments in \"mlops_store\": expected 1 to 3 "
          "arguments, got 0: \"mlops_store path [size=size] [user=name];\"",
          1 },

        { { NULL }, "mlops_store /a b c d",
          "invalid number of arguments in \"mlops_store\": expected 1 to 3 "
          "arguments, got 4: \"mlops_store path [size=size] [user=name];\"",
          1 },

        { { "mlops_registry /r", "mlops_store /a" }, "mlops_store /b",
          "\"mlops_store\" is duplicate: it is in nginx.conf:2 already", 3 },

        { { "mlops_registry /r" }, "mlops_registry /b",
          "\"mlops_registry\" is duplicate: it is in nginx.conf:1 already",
          2 },

        { { NULL }, "mlops_store relative",
          "invalid path \"relative\" in \"mlops_store\": expected a directory"
          " below \"/\"", 1 },

        { { NULL }, "mlops_store ///",
          "invalid path \"///\" in \"mlops_store\": expected a directory"
          " below \"/\"", 1 },

        { { NULL }, "mlops_store /a size=1x",
          "invalid value \"1x\" of \"size=\" in \"mlops_store\": expected a "
          "size such as 64m or 1g", 1 },

        { { NULL }, "mlops_store /a size=0",
          "invalid value \"0\" of \"size=\" in \"mlops_store\": expected a "
          "size such as 64m or 1g", 1 },

        { { NULL }, "mlops_store /a sise=1m",
          "unknown parameter \"sise=1m\" in \"mlops_store\": did you mean "
          "\"size=\"?", 1 },

        { { NULL }, "mlops_store /a what",
          "unknown parameter \"what\" in \"mlops_store\": expected \"size=\""
          " or \"user=\"", 1 },

        { { NULL }, "mlops_store /a size=1m size=2m",
          "\"size=\" is duplicate in \"mlops_store\"", 1 },

        { { NULL }, "mlops_store /a user=",
          "\"user=\" in \"mlops_store\" is empty: expected the name of an "
          "account", 1 },

        { { NULL }, "mlops_store /a { }",
          "\"mlops_store\" takes no block: expected \"mlops_store path "
          "[size=size] [user=name];\"", 1 },

        { { NULL }, "mlops_model a",
          "\"mlops_model\" has no block: expected \"mlops_model name { ... "
          "}\"", 1 },

        { { NULL }, "mlops_model .a { }",
          "invalid model name \".a\": expected 1 to 64 letters, digits, "
          "\"_\", \"-\" and \".\", the first not a dot", 1 },

        { { NULL }, "mlops_model a b { }",
          "invalid number of arguments in \"mlops_model\": expected 1 "
          "argument, got 2: \"mlops_model name { ... }\"", 1 },

        { { "mlops_registry /r", "mlops_model a { }" }, "mlops_model a { }",
          "model \"a\" is duplicate: it is in nginx.conf:2 already", 3 },

        { { NULL }, "mlops_model a { rnage clip; }",
          "unknown directive \"rnage\" in mlops_model \"a\": did you mean "
          "\"range\"?", 2 },

        { { NULL }, "mlops_model a { proxy x; }",
          "unknown directive \"proxy\" in mlops_model \"a\": expected "
          "\"nonfinite\", \"range\" or \"join\"", 2 },

        { { NULL }, "mlops_model a { range flag; range clip; }",
          "\"range\" is duplicate in mlops_model \"a\": it is in nginx.conf:2"
          " already", 3 },

        { { NULL }, "mlops_model a { range; }",
          "invalid number of arguments in \"range\" in mlops_model \"a\": "
          "expected 1 argument, got 0: \"range flag|refuse|clip;\"", 2 },

        { { NULL }, "mlops_model a { range clipp; }",
          "invalid value \"clipp\" in \"range\" in mlops_model \"a\": "
          "expected \"flag\", \"refuse\" or \"clip\"; did you mean \"clip\"?",
          2 },

        { { NULL }, "mlops_model a { range 7; }",
          "invalid value \"7\" in \"range\" in mlops_model \"a\": expected "
          "\"flag\", \"refuse\" or \"clip\"", 2 },

        { { NULL }, "mlops_model a { nonfinite output=nul; }",
          "invalid value \"nul\" in \"nonfinite\" in mlops_model \"a\": "
          "expected \"null\", \"string\" or \"token\"; did you mean "
          "\"null\"?", 2 },

        { { NULL }, "mlops_model a { nonfinite input=; }",
          "invalid value \"\" in \"nonfinite\" in mlops_model \"a\": expected"
          " \"refuse\" or \"accept\"", 2 },

        { { NULL }, "mlops_model a { nonfinite ouput=null; }",
          "unknown parameter \"ouput=null\" in \"nonfinite\" in mlops_model "
          "\"a\": did you mean \"output=\"?", 2 },

        { { NULL }, "mlops_model a { nonfinite input=accept input=refuse; }",
          "\"input=\" is duplicate in \"nonfinite\" in mlops_model \"a\"", 2 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        plan_start(&p);

        for (j = 0; j < 2 && cases[i].before[j] != NULL; j++) {
            assert_int_equal(plan_add(&p, cases[i].before[j]), MLOPS_OK);
        }

        rc = plan_add(&p, cases[i].wrong);

        unit_ok(rc == MLOPS_ERROR, "%s: accepted", cases[i].wrong);
        unit_ok(strcmp(p.err.text, cases[i].text) == 0,
                "%s:\n  got      %s\n  expected %s", cases[i].wrong,
                p.err.text, cases[i].text);
        unit_ok(p.where.line == cases[i].line, "%s: line %u",
                cases[i].wrong, p.where.line);

        mlops_arena_destroy(&p.arena);
    }
}


static void
test_finish(void **state)
{
    plan_t  p;

    (void) state;

    plan_start(&p);
    assert_int_equal(mlops_plan_finish(&p.plan, &p.where, &p.err), MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_registry /r"), MLOPS_OK);
    assert_int_equal(mlops_plan_finish(&p.plan, &p.where, &p.err),
                     MLOPS_ERROR);
    assert_string_equal(p.err.text, "\"mlops_registry\" needs a store: "
                        "expected \"mlops_store path;\" beside it");
    assert_int_equal(p.where.line, 1);
    mlops_arena_destroy(&p.arena);

    plan_start(&p);
    assert_int_equal(plan_add(&p, "mlops_model a { }"), MLOPS_OK);
    assert_int_equal(mlops_plan_finish(&p.plan, &p.where, &p.err),
                     MLOPS_ERROR);
    assert_string_equal(p.err.text, "\"mlops_model\" needs a store: "
                        "expected \"mlops_store path;\" beside it");
    mlops_arena_destroy(&p.arena);

    plan_start(&p);
    assert_int_equal(plan_add(&p, "mlops_store /a"), MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_registry /a/"), MLOPS_OK);
    assert_int_equal(mlops_plan_finish(&p.plan, &p.where, &p.err),
                     MLOPS_ERROR);
    assert_string_equal(p.err.text, "\"mlops_registry\" is the directory of "
                        "\"mlops_store\", /a: expected another one");
    assert_int_equal(p.where.line, 2);
    mlops_arena_destroy(&p.arena);
}


static void
test_size(void **state)
{
    size_t       i;
    uint64_t     n;
    mlops_str_t  s;

    static const struct {
        const char  *text;
        uint64_t     bytes;
    } good[] = {
        { "0", 0 }, { "512", 512 }, { "1k", 1024 }, { "8K", 8192 },
        { "64m", 67108864 }, { "3M", 3145728 }, { "1g", 1073741824 },
        { "2G", 2147483648 }, { "8589934591g", 9223372035781033984 },
        { "007", 7 }
    };

    static const char *const  bad[] = {
        "", "k", "-1", "1 k", "1kb", "1t", "1.5g", "0x10", "8589934592g",
        "9223372036854775808", "99999999999999999999", " 1", "1 "
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = str(good[i].text);
        unit_ok(mlops_plan_size(&s, &n) == MLOPS_OK, "%s", good[i].text);
        unit_ok(n == good[i].bytes, "%s: %llu", good[i].text,
                (unsigned long long) n);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        unit_ok(mlops_plan_size(&s, &n) == MLOPS_ERROR, "\"%s\"", bad[i]);
    }
}


static void
test_time(void **state)
{
    size_t       i;
    uint64_t     n;
    mlops_str_t  s;

    static const struct {
        const char  *text;
        uint64_t     ms;
    } good[] = {
        { "0", 0 }, { "10", 10000 }, { "10s", 10000 }, { "300ms", 300 },
        { "5m", 300000 }, { "1h30m", 5400000 }, { "1h 30m", 5400000 },
        { "1d2h", 93600000 }, { "1w", 604800000 }, { "1M", 2592000000 },
        { "1y", 31536000000 }, { "1m 30s 5ms", 90005 }, { "1m 30", 90000 },
        { "1s5ms", 1005 }
    };

    static const char *const  bad[] = {
        "", "s", "-1s", "1x", "2h1d", "1s1s", "1ms1s", "10 20", "1.5s",
        "30 5m", "5ms 1", "1s 1", "99999999999999999999", "300000000y",
        " 1s", "1sm"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = str(good[i].text);
        unit_ok(mlops_plan_time(&s, &n) == MLOPS_OK, "%s", good[i].text);
        unit_ok(n == good[i].ms, "%s: %llu", good[i].text,
                (unsigned long long) n);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        unit_ok(mlops_plan_time(&s, &n) == MLOPS_ERROR, "\"%s\"", bad[i]);
    }
}


static void
test_json(void **state)
{
    char         *json, *again;
    size_t        len, len2;
    plan_t        p, q;
    mlops_doc_t  *doc;

    static const char  expected[] =
        "{\"abi\":1,\"time\":\"2026-01-31T12:00:00Z\",\"nodes\":["
        "[\"nginx.conf\",1,\"mlops_store\",\"/run/a\\\"b\xc3\xa9\","
        "\"size=1g\"],"
        "[\"nginx.conf\",2,\"mlops_model\",\"a\",["
        "[\"nginx.conf\",3,\"range\",\"clip\"],"
        "[\"nginx.conf\",4,\"nonfinite\",\"input=accept\"]]],"
        "[\"nginx.conf\",5,\"mlops_model\",\"b\",[]]]}\n";

    (void) state;

    plan_start(&p);

    assert_int_equal(plan_add(&p, "mlops_store /run/a\"b\xc3\xa9 size=1g"),
                     MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_model a { range clip; nonfinite "
                              "input=accept; }"), MLOPS_OK);
    assert_int_equal(plan_add(&p, "mlops_model b { }"), MLOPS_OK);
    assert_int_equal(mlops_plan_write(&p.plan, "2026-01-31T12:00:00Z", &json,
                                      &len, &p.err), MLOPS_OK);

    /* written out by hand from the format */

    assert_int_equal(len, strlen(expected));
    assert_memory_equal(json, expected, len);

    plan_start(&q);

    doc = mlops_doc_parse(json, len, 0, &q.arena, &q.err);
    unit_ok(doc != NULL, "%s", q.err.text);

    assert_int_equal(mlops_plan_read(&q.plan, json, len, &q.where, &q.err),
                     MLOPS_OK);
    assert_int_equal(mlops_plan_write(&q.plan, "2026-01-31T12:00:00Z", &again,
                                      &len2, &q.err), MLOPS_OK);

    assert_int_equal(len, len2);
    assert_memory_equal(json, again, len);

    assert_true(q.plan.store_size == 1073741824);
    assert_int_equal(mlops_plan_model(&q.plan, "a", 1)->range,
                     MLOPS_RANGE_CLIP);
    assert_int_equal(mlops_plan_model(&q.plan, "b", 1)->node->line, 5);

    free(json);
    free(again);
    mlops_arena_destroy(&p.arena);
    mlops_arena_destroy(&q.arena);
}


static void
test_json_misuse(void **state)
{
    int     rc;
    size_t  i;
    plan_t  p;

    static const struct {
        const char  *json;
        const char  *text;
        uint32_t     line;
    } cases[] = {

        { "[]", "expected an object, got an array", 0 },
        { "{\"nodes\":[]}", "abi: expected a whole number", 0 },
        { "{\"abi\":2,\"nodes\":[]}",
          "abi: expected 1, got 2: nginx and this program are of different "
          "releases", 0 },
        { "{\"abi\":1}", "nodes: expected an array", 0 },
        { "{\"abi\":1,\"nodes\":[7]}",
          "nodes: [0]: expected [\"file\", line, \"name\", ...]", 0 },
        { "{\"abi\":1,\"nodes\":[[\"f\",1]]}",
          "nodes: [0]: expected [\"file\", line, \"name\", ...]", 0 },
        { "{\"abi\":1,\"nodes\":[[1,1,\"a\"]]}",
          "nodes: [0]: [0]: expected a file name, got a number", 0 },
        { "{\"abi\":1,\"nodes\":[[\"f\",-1,\"a\"]]}",
          "nodes: [0]: [1]: expected a line number", 0 },
        { "{\"abi\":1,\"nodes\":[[\"f\",1.5,\"a\"]]}",
          "nodes: [0]: [1]: expected a line number", 0 },
        { "{\"abi\":1,\"nodes\":[[\"f\",1,[]]]}",
          "nodes: [0]: [2]: expected a string, got an array", 0 },
        { "{\"abi\":1,\"nodes\":[[\"f\",1,\"a\",[],\"b\"]]}",
          "nodes: [0]: [3]: expected a string, got an array", 0 },
        { "{\"abi\":1,\"nodes\":[[\"f\",1,\"a\",[[\"f\",2,\"b\",3]]]]}",
          "nodes: [0]: [0]: [3]: expected a string, got a number", 0 },
        { "{\"abi\":1,\"nodes\":[[\"f\",9,\"mlops_store\",\"/a\",\"x=1\"]]}",
          "unknown parameter \"x=1\" in \"mlops_store\": expected \"size=\" "
          "or \"user=\"", 9 },
        { "{\"abi\":1,\"nodes\":[[\"f\",9,\"mlops_registry\",\"/a\"]]}",
          "\"mlops_registry\" needs a store: expected \"mlops_store path;\" "
          "beside it", 9 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        plan_start(&p);

        rc = mlops_plan_read(&p.plan, cases[i].json, strlen(cases[i].json),
                             &p.where, &p.err);

        unit_ok(rc == MLOPS_ERROR, "%s: accepted", cases[i].json);
        unit_ok(strcmp(p.err.text, cases[i].text) == 0,
                "%s:\n  got      %s\n  expected %s", cases[i].json,
                p.err.text, cases[i].text);
        unit_ok(p.where.line == cases[i].line, "%s: line %u", cases[i].json,
                p.where.line);

        mlops_arena_destroy(&p.arena);
    }
}


/* Blocks in blocks, deeper than anybody needs. */

static void
test_json_deep(void **state)
{
    int     i;
    char    json[1024];
    plan_t  p;

    (void) state;

    strcpy(json, "{\"abi\":1,\"nodes\":[");

    for (i = 0; i < 30; i++) {
        strcat(json, "[\"f\",1,\"a\",[");
    }

    for (i = 0; i < 30; i++) {
        strcat(json, "]]");
    }

    strcat(json, "]}");

    plan_start(&p);

    assert_int_equal(mlops_plan_read(&p.plan, json, strlen(json), &p.where,
                                     &p.err), MLOPS_ERROR);
    assert_non_null(strstr(p.err.text, "expected at most 8 blocks in blocks"));

    mlops_arena_destroy(&p.arena);
}


static void
test_words(void **state)
{
    size_t       i;
    uint32_t     lines[4], wrong;
    mlops_err_t  err;

    static const struct {
        const char  *text;
        uint32_t     line;          /* of its end */
        uint32_t     expected[4];
    } good[] = {
        { " range clip", 7, { 7, 7, 7, 7 } },
        { "\n  range\n    clip\n", 9, { 7, 8, 9, 9 } },
        { " # it's a comment\n a b # 'x\n c", 3, { 2, 2, 3, 3 } },
        { " \"where=status == 'paid'\" b", 5, { 5, 5, 5, 5 } },
        { " 'a \\' b'\n\"c \\\" d\"\n e", 12, { 10, 11, 12, 12 } },
        { " a\\'b\\\"c d", 1, { 1, 1, 1, 1 } },
        { " \"a\nb\" c", 2, { 1, 2, 2, 2 } },
        { " a \"\" ''", 1, { 1, 1, 1, 1 } }
    };

    static const struct {
        const char  *text;
        uint32_t     line;
        uint32_t     wrong;
        const char  *word;
    } bad[] = {
        { " feature x where=status=='paid'", 4, 4, "where=status=='paid'" },
        { " a\n key='ETH/USD'\n b", 6, 5, "key='ETH/USD'" },
        { " it's", 1, 1, "it's" },
        { " \"a\" b\"c", 1, 1, "b\"c" }
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        unit_ok(mlops_plan_words(good[i].text, strlen(good[i].text),
                                 good[i].line, lines, 4, &wrong, &err)
                == MLOPS_OK, "%s: %s", good[i].text, err.text);
        unit_ok(memcmp(lines, good[i].expected, sizeof(lines)) == 0,
                "%s: %u %u %u %u", good[i].text, lines[0], lines[1], lines[2],
                lines[3]);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        unit_ok(mlops_plan_words(bad[i].text, strlen(bad[i].text),
                                 bad[i].line, lines, 4, &wrong, &err)
                == MLOPS_ERROR, "%s: accepted", bad[i].text);
        unit_ok(wrong == bad[i].wrong, "%s: line %u", bad[i].text, wrong);
        unit_ok(strstr(err.text, bad[i].word) != NULL, "%s: %s", bad[i].text,
                err.text);
    }
}


/* An argument on a line of its own: the error has that line. */

static void
test_lines(void **state)
{
    plan_t               p;
    mlops_str_t          args[] = { mlops_str("mlops_store"),
                                    mlops_str("/a"), mlops_str("sise=1") };
    mlops_plan_node_t    node;
    static const uint32_t  lines[] = { 3, 4, 5 };

    (void) state;

    plan_start(&p);

    memset(&node, 0, sizeof(node));
    node.file = str("f");
    node.line = 3;
    node.args = args;
    node.args_n = 3;
    node.lines = lines;

    assert_int_equal(mlops_plan_add(&p.plan, &node, &p.where, &p.err),
                     MLOPS_ERROR);
    assert_int_equal(p.where.line, 5);

    mlops_arena_destroy(&p.arena);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_many_models),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_finish),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_misuse),
        cmocka_unit_test(test_json_deep),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lines)
    };

    return unit_run(tests);
}
