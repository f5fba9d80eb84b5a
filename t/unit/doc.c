/*
 * JSON documents as trees.
 */

#include "unit.h"
#include "mlops_doc.h"

#include <math.h>


static mlops_arena_t  arena;
static mlops_err_t    err;


static mlops_doc_t *
parse(const char *text, uint32_t flags)
{
    char         *copy;
    size_t        len;
    mlops_doc_t  *doc;

    len = strlen(text);
    copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    err.text[0] = '\0';

    doc = mlops_doc_parse(copy, len, flags, &arena, &err);

    /* the tree does not need the text */

    memset(copy, 'X', len);
    free(copy);

    return doc;
}


static int
setup(void **state)
{
    (void) state;

    mlops_arena_init(&arena, NULL, NULL);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    mlops_arena_destroy(&arena);

    return 0;
}


static void
test_tree(void **state)
{
    int64_t       i;
    double        d;
    float         f;
    mlops_doc_t  *doc, *list, *e;

    (void) state;

    doc = parse(" {\"a\":[1,-2.5,\"x\\u00e9\",true,false,null,{},[]],"
                "\"b\\n\":{\"c\":12345678901234567890},\"\":\"\"} ", 0);
    unit_ok(doc != NULL, "%s", err.text);

    assert_int_equal(doc->type, MLOPS_DOC_OBJECT);
    assert_int_equal(doc->n, 3);
    assert_null(doc->next);

    list = mlops_doc_get(doc, "a");
    assert_non_null(list);
    assert_int_equal(list->type, MLOPS_DOC_ARRAY);
    assert_int_equal(list->n, 8);

    e = list->v.child;
    assert_int_equal(e->type, MLOPS_DOC_NUMBER);
    assert_int_equal(mlops_doc_int(e, &i), MLOPS_OK);
    assert_true(i == 1);

    e = e->next;
    assert_true(mlops_str_is(&e->v.text, "-2.5"));
    assert_int_equal(mlops_doc_int(e, &i), MLOPS_ERROR);
    assert_int_equal(mlops_doc_double(e, &d), MLOPS_OK);
    assert_true(d == -2.5);
    assert_int_equal(mlops_doc_float(e, &f), MLOPS_OK);
    assert_true(f == -2.5f);

    e = e->next;
    assert_int_equal(e->type, MLOPS_DOC_STRING);
    assert_true(mlops_str_is(&e->v.text, "x\xc3\xa9"));
    assert_int_equal(mlops_doc_double(e, &d), MLOPS_ERROR);

    e = e->next;
    assert_int_equal(e->type, MLOPS_DOC_BOOL);
    assert_int_equal(e->v.boolean, 1);

    e = e->next;
    assert_int_equal(e->v.boolean, 0);

    e = e->next;
    assert_int_equal(e->type, MLOPS_DOC_NULL);

    e = e->next;
    assert_int_equal(e->type, MLOPS_DOC_OBJECT);
    assert_int_equal(e->n, 0);
    assert_null(e->v.child);

    e = e->next;
    assert_int_equal(e->type, MLOPS_DOC_ARRAY);
    assert_null(e->next);

    e = mlops_doc_get(mlops_doc_get(doc, "b\n"), "c");
    assert_non_null(e);
    assert_true(mlops_str_is(&e->v.text, "12345678901234567890"));
    assert_int_equal(mlops_doc_int(e, &i), MLOPS_ERROR);
    assert_int_equal(mlops_doc_double(e, &d), MLOPS_OK);
    assert_true(d == 12345678901234567890.0);

    assert_non_null(mlops_doc_get(doc, ""));
    assert_null(mlops_doc_get(doc, "none"));
    assert_null(mlops_doc_get(NULL, "a"));
    assert_null(mlops_doc_get(list, "a"));
}


static void
test_scalars(void **state)
{
    double        d;
    float         f;
    int64_t       i;
    mlops_doc_t  *doc;

    (void) state;

    doc = parse("5", 0);
    assert_int_equal(mlops_doc_int(doc, &i), MLOPS_OK);
    assert_true(i == 5);

    doc = parse("-9223372036854775808", 0);
    assert_int_equal(mlops_doc_int(doc, &i), MLOPS_OK);
    assert_true(i == INT64_MIN);

    doc = parse("9223372036854775808", 0);
    assert_int_equal(mlops_doc_int(doc, &i), MLOPS_ERROR);

    doc = parse("1e3", 0);
    assert_int_equal(mlops_doc_int(doc, &i), MLOPS_ERROR);

    doc = parse("1e39", 0);
    assert_int_equal(mlops_doc_float(doc, &f), MLOPS_ERROR);
    assert_int_equal(mlops_doc_double(doc, &d), MLOPS_OK);
    assert_true(d == 1e39);

    doc = parse("1e400", 0);
    assert_int_equal(mlops_doc_double(doc, &d), MLOPS_ERROR);

    /* once rounded, not twice */

    doc = parse("1.00000005960464477625798", 0);
    assert_int_equal(mlops_doc_float(doc, &f), MLOPS_OK);
    assert_true(f == strtof("1.00000005960464477625798", NULL));

    assert_int_equal(parse("true", 0)->type, MLOPS_DOC_BOOL);
    assert_string_equal(mlops_doc_type_name(NULL), "nothing");
    assert_string_equal(mlops_doc_type_name(parse("{}", 0)), "an object");
    assert_string_equal(mlops_doc_type_name(parse("\"\"", 0)), "a string");
}


static void
test_tokens(void **state)
{
    double        d;
    float         f;
    size_t        i;
    mlops_doc_t  *doc, *e;

    static const char  *bad[] = {
        "[1NaN]", "[NaN1]", "[NaNNaN]", "[-NaN]", "{NaN:1}", "[nulNaN]",
        "[NaN,]", "[Infinit]", "[--Infinity]", "[1-Infinity]", "NaN NaN",
        "[trueNaN]", "NaN\"",
        "NaN \"x", "[nan]", "\"NaN", "[Infinity", "[N]", "[In]", "[NaN}"
    };

    (void) state;

    doc = parse("{\"NaN\":NaN,\"x\":[Infinity , -Infinity,\n\"Infinity\","
                "\"\\\"NaN\",null,-1],\"Infinity\":\"-Infinity\"}",
                MLOPS_DOC_TOKENS);
    unit_ok(doc != NULL, "%s", err.text);

    e = mlops_doc_get(doc, "NaN");
    assert_int_equal(e->type, MLOPS_DOC_NUMBER);
    assert_true(mlops_str_is(&e->v.text, "NaN"));
    assert_int_equal(mlops_doc_double(e, &d), MLOPS_OK);
    assert_true(isnan(d));
    assert_int_equal(mlops_doc_float(e, &f), MLOPS_OK);
    assert_true(isnan(f));

    e = mlops_doc_get(doc, "x")->v.child;
    assert_int_equal(mlops_doc_double(e, &d), MLOPS_OK);
    assert_true(d == INFINITY);
    e = e->next;
    assert_int_equal(mlops_doc_float(e, &f), MLOPS_OK);
    assert_true(f == -INFINITY);
    e = e->next;
    assert_int_equal(e->type, MLOPS_DOC_STRING);
    e = e->next;
    assert_true(mlops_str_is(&e->v.text, "\"NaN"));
    e = e->next;
    assert_int_equal(e->type, MLOPS_DOC_NULL);
    e = e->next;
    assert_true(mlops_str_is(&e->v.text, "-1"));

    assert_int_equal(mlops_doc_get(doc, "Infinity")->type, MLOPS_DOC_STRING);

    assert_int_equal(parse("NaN", MLOPS_DOC_TOKENS)->type, MLOPS_DOC_NUMBER);
    assert_int_equal(parse(" -Infinity ", MLOPS_DOC_TOKENS)->v.text.len, 9);

    for (i = 0; i < mlops_nitems(bad); i++) {
        unit_ok(parse(bad[i], MLOPS_DOC_TOKENS) == NULL, "%s", bad[i]);
        assert_true(err.text[0] != '\0');
    }

    assert_null(parse("[NaN]", 0));
    assert_null(parse("[Infinity]", 0));
    assert_null(parse("[-Infinity]", 0));
}


static void
refused(const char *text, const char *expected)
{
    unit_ok(parse(text, 0) == NULL, "%s", text);
    unit_ok(strstr(err.text, expected) != NULL, "%s\n%s\nexpected %s", text,
            err.text, expected);

    assert_null(parse(text, MLOPS_DOC_TOKENS));
}


static void
test_refused(void **state)
{
    (void) state;

    refused("", "line 1, column 1: expected a value, got the end of the text");
    refused("  ", "line 1, column 3: expected a value");
    refused("{", "line 1, column 2: expected a key, got the end of the text");
    refused("[1,2", "line 1, column 5: expected ',' or ']'");
    refused("{} {}", "line 1, column 4: expected the end of the text, got an "
            "object");
    refused("{}x", "line 1, column 3: expected the end of the text, got x");
    refused("{}\n \"x", "line 2, column 2: expected the end of the text");
    refused("[1] \"", "line 1, column 5: expected the end of the text");
    refused("1 \"x", "line 1, column 3: expected the end of the text");
    refused("null\"", "line 1, column 5: expected the end of the text");
    refused("[1,]", "line 1, column 4: expected a value, got ]");
    refused("[01]", "line 1, column 2: expected a value, got 01");
    refused("{\"a\":1,\n \"b\":2,\n \"c\" 3}", "line 3, column 6: expected "
            "':', got 3");
    refused("{\"\xc3\xa9\":1,\n\"b\":{\"x\":1,\n  \"y\":2,\n\"x\":3}}",
            "line 4, column 6: the key \"x\" is there twice");
    refused("[\"\xc3\xa9\xff\"]", "line 1, column 4: expected a well-formed "
            "string");
    refused("[\"\xed\xa0\x80\"]", "well-formed string");
    refused("{\"\xed\xa0\x80\":1}", "well-formed string");
    refused("[\"\\ud800\"]", "well-formed string");
    refused("[\"a\nb\"]", "line 1, column 4: expected a well-formed string");
    refused("// comment\n1", "line 1, column 1: expected a value");
    refused("[1,\v2]", "line 1, column 4: expected a value");

    assert_null(mlops_doc_parse(NULL, 0, 0, &arena, &err));
}


/* Packed arrays keep every text as it is: the fifth is another float32 by way
 * of a double. */

static void
test_packed(void **state)
{
    float                f, g;
    double               d;
    uint32_t             i, n;
    mlops_doc_t         *doc, *a, *e, room;
    const mlops_doc_t   *p;
    static const char    text[] =
        "{\"[1,2]\":\"[1,2]\", \"a\" : [ 1 ,\n-2.5e3,NaN,-Infinity,"
        "1.00000017881393432617187499,18446744073709551615 ]\t,"
        "\"m\":[1,\"x\"],\"e\":[],"
        "\"o\":[[1],[2,3],{\"k\":[4]},[true],[null]],\"n\":NaN}";
    static const char   *values[] = {
        "1", "-2.5e3", "NaN", "-Infinity", "1.00000017881393432617187499",
        "18446744073709551615"
    };

    (void) state;

    doc = mlops_doc_parse(text, sizeof(text) - 1,
                          MLOPS_DOC_TOKENS|MLOPS_DOC_PACK, &arena, &err);
    unit_ok(doc != NULL, "%s", err.text);

    assert_int_equal(doc->n, 6);
    assert_true(mlops_str_is(&mlops_doc_get(doc, "[1,2]")->v.text, "[1,2]"));
    assert_int_equal(mlops_doc_get(doc, "n")->type, MLOPS_DOC_NUMBER);

    a = mlops_doc_get(doc, "a");
    assert_int_equal(a->type, MLOPS_DOC_NUMBERS);
    assert_int_equal(a->n, mlops_nitems(values));
    assert_true(a->v.text.data >= text
                && a->v.text.data < text + sizeof(text));

    p = NULL;

    for (i = 0; i < a->n; i++) {
        p = mlops_doc_next(a, p, &room);
        assert_non_null(p);
        assert_int_equal(p->type, MLOPS_DOC_NUMBER);
        assert_true(mlops_str_eq(&p->v.text, values[i], strlen(values[i])));

        assert_int_equal(mlops_doc_float(p, &f), MLOPS_OK);
        g = strtof(values[i], NULL);
        assert_true(isnan(f) ? isnan(g) : f == g);
    }

    assert_null(mlops_doc_next(a, p, &room));

    e = mlops_doc_get(doc, "m");
    assert_int_equal(e->type, MLOPS_DOC_ARRAY);
    assert_true(mlops_str_is(&mlops_doc_next(e, NULL, &room)->v.text, "1"));

    e = mlops_doc_get(doc, "e");
    assert_int_equal(e->type, MLOPS_DOC_ARRAY);
    assert_null(mlops_doc_next(e, NULL, &room));

    e = mlops_doc_get(doc, "o");
    assert_int_equal(e->type, MLOPS_DOC_ARRAY);
    assert_int_equal(e->n, 5);
    assert_int_equal(e->v.child->type, MLOPS_DOC_NUMBERS);
    assert_int_equal(e->v.child->next->n, 2);
    e = e->v.child->next->next;
    assert_int_equal(mlops_doc_get(e, "k")->type, MLOPS_DOC_NUMBERS);
    assert_int_equal(e->next->type, MLOPS_DOC_ARRAY);
    assert_int_equal(e->next->next->type, MLOPS_DOC_ARRAY);

    /* and back */

    assert_int_equal(mlops_doc_unpack(doc, &arena, &err), MLOPS_OK);
    assert_int_equal(a->type, MLOPS_DOC_ARRAY);

    for (n = 0, e = a->v.child; e != NULL; e = e->next, n++) {
        assert_int_equal(e->type, MLOPS_DOC_NUMBER);
        assert_true(mlops_str_eq(&e->v.text, values[n], strlen(values[n])));
    }

    assert_int_equal(n, a->n);
    assert_int_equal(mlops_doc_double(a->v.child->next, &d), MLOPS_OK);
    assert_true(d == -2500);

    /* without tokens, and of errors the same text */

    doc = mlops_doc_parse("[1,2]", 5, MLOPS_DOC_PACK, &arena, &err);
    assert_int_equal(doc->type, MLOPS_DOC_NUMBERS);
    assert_null(mlops_doc_parse("[NaN]", 5, MLOPS_DOC_PACK, &arena, &err));
    assert_null(mlops_doc_parse("[1,]", 4, MLOPS_DOC_PACK, &arena, &err));
    assert_null(mlops_doc_parse("[1,2", 4, MLOPS_DOC_PACK, &arena, &err));
    assert_non_null(strstr(err.text, "line 1, column 5: expected ',' or "
                           "']'"));
    assert_null(mlops_doc_parse("{\"a\":[1,2],\n\"b\":[3],\"a\":[1]}", 28,
                                MLOPS_DOC_PACK, &arena, &err));
    unit_ok(strstr(err.text, "line 2, column 16: the key \"a\" is there "
                   "twice") != NULL, "%s", err.text);
}


/* A packed array takes no memory but its node. */

static void
test_packed_memory(void **state)
{
    char         *text;
    size_t        before;
    uint32_t      i, n;
    mlops_doc_t  *doc;

    (void) state;

    n = 200000;
    text = malloc(n * 4 + 2);

    for (i = 0; i < n; i++) {
        memcpy(text + i * 4, i ? ",1.5" : "[1.5", 4);
    }

    text[n * 4] = ']';

    before = arena.total_bytes;
    doc = mlops_doc_parse(text, n * 4 + 1, MLOPS_DOC_PACK, &arena, &err);

    assert_true(doc != NULL && doc->n == n);
    assert_true(arena.total_bytes - before < 64 * 1024);

    free(text);
}


/* Enough keys that they are sorted rather than compared with each other. */

static void
test_many_keys(void **state)
{
    int     i, n;
    char   *text, *p;

    (void) state;

    n = 20000;
    text = malloc((size_t) n * 16 + 64);
    p = text;
    *p++ = '{';

    for (i = 0; i < n; i++) {
        p += sprintf(p, "%s\"%d\":%d", i ? "," : "", i, i);
    }

    (void) strcpy(p, "}");
    assert_non_null(parse(text, 0));
    assert_int_equal(parse(text, 0)->n, n);

    (void) strcpy(p, ",\"777\":1}");
    refused(text, "the key \"777\" is there twice");

    free(text);
}


static void
test_depth(void **state)
{
    char  text[1400];

    (void) state;

    memset(text, '[', 512);
    memset(text + 512, ']', 512);
    text[1024] = '\0';
    assert_non_null(parse(text, 0));

    memset(text, '[', 513);
    memset(text + 513, ']', 513);
    text[1026] = '\0';
    refused(text, "column 513: nested deeper than 512 levels");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_tree, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scalars, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_packed_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup, teardown)
    };

    return unit_run(tests);
}
