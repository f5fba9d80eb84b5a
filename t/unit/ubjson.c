/*
 * The UBJSON reader: bytes written by hand, and every way to end too early.
 */

#include "unit.h"
#include "mlops_ubjson.h"

#include <math.h>


static mlops_arena_t  arena;
static mlops_err_t    err;


#define parse(bytes)                                                          \
    mlops_ubjson_parse(bytes, sizeof(bytes) - 1, &arena, &err)


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
expect_number(const mlops_doc_t *doc, const char *text)
{
    unit_ok(doc != NULL, "%s", doc ? "" : err.text);
    assert_int_equal(doc->type, MLOPS_DOC_NUMBER);
    unit_ok(mlops_str_eq(&doc->v.text, text, strlen(text)),
            "expected %s, got %.*s", text, mlops_fmt(&doc->v.text));
}


#define refused(bytes, reason)                                                \
    do {                                                                      \
        assert_null(parse(bytes));                                            \
        unit_ok(strstr(err.text, reason) != NULL, "expected: %s\ngot: %s",    \
                reason, err.text);                                            \
    } while (0)


static void
test_scalars(void **state)
{
    mlops_doc_t  *doc;

    (void) state;

    assert_int_equal(parse("Z")->type, MLOPS_DOC_NULL);

    doc = parse("T");
    assert_true(doc->type == MLOPS_DOC_BOOL && doc->v.boolean == 1);
    doc = parse("F");
    assert_true(doc->type == MLOPS_DOC_BOOL && doc->v.boolean == 0);

    expect_number(parse("i\xff"), "-1");
    expect_number(parse("U\xff"), "255");
    expect_number(parse("I\x80\x00"), "-32768");
    expect_number(parse("l\x7f\xff\xff\xff"), "2147483647");
    expect_number(parse("L\x80\x00\x00\x00\x00\x00\x00\x00"),
                  "-9223372036854775808");

    /* 0x3dcccccd is 0.1f, 0x3fb999999999999a is 0.1 */

    expect_number(parse("d\x3d\xcc\xcc\xcd"), "0.1");
    expect_number(parse("D\x3f\xb9\x99\x99\x99\x99\x99\x9a"), "0.1");
    expect_number(parse("d\x7f\xc0\x00\x00"), "NaN");
    expect_number(parse("d\xff\x80\x00\x00"), "-Infinity");
    expect_number(parse("D\x7f\xf0\x00\x00\x00\x00\x00\x00"), "Infinity");
    expect_number(parse("HU\x05" "1e+30"), "1e+30");

    doc = parse("SU\x02hi");
    assert_true(doc->type == MLOPS_DOC_STRING
                && mlops_str_is(&doc->v.text, "hi"));
    doc = parse("SL\0\0\0\0\0\0\0\0");
    assert_true(doc->type == MLOPS_DOC_STRING && doc->v.text.len == 0);
    doc = parse("Cx");
    assert_true(doc->type == MLOPS_DOC_STRING
                && mlops_str_is(&doc->v.text, "x"));
}


static void
test_containers(void **state)
{
    mlops_doc_t  *doc, *child;

    (void) state;

    doc = parse("{U\x01" "aT" "I\x00\x01" "b[U\x05" "NZ]}");
    unit_ok(doc != NULL, "%s", err.text);
    assert_true(doc->type == MLOPS_DOC_OBJECT && doc->n == 2);
    assert_int_equal(mlops_doc_get(doc, "a")->v.boolean, 1);

    child = mlops_doc_get(doc, "b");
    assert_true(child->type == MLOPS_DOC_ARRAY && child->n == 2);
    expect_number(child->v.child, "5");
    assert_int_equal(child->v.child->next->type, MLOPS_DOC_NULL);
    assert_null(child->v.child->next->next);

    /* counted: no closing byte */

    doc = parse("[[#U\x02TF[#i\x00]");
    unit_ok(doc != NULL, "%s", err.text);
    assert_true(doc->n == 2 && doc->v.child->n == 2
                && doc->v.child->next->n == 0);

    doc = parse("{#i\x01U\x01kT");
    unit_ok(doc != NULL, "%s", err.text);
    assert_int_equal(mlops_doc_get(doc, "k")->v.boolean, 1);

    assert_int_equal(parse("{}")->n, 0);
    assert_int_equal(parse("[]")->n, 0);
}


static void
test_packed(void **state)
{
    mlops_doc_t  *doc;

    (void) state;

    doc = parse("[$d#L\0\0\0\0\0\0\0\x02\x3f\x80\x00\x00\xff\x80\x00\x00");
    unit_ok(doc != NULL, "%s", err.text);
    assert_true(doc->type == MLOPS_DOC_FLOATS && doc->n == 2);
    assert_true(doc->v.floats[0] == 1 && doc->v.floats[1] == -INFINITY);

    doc = parse("[$D#U\x01\x3f\xb9\x99\x99\x99\x99\x99\x9a");
    assert_true(doc->n == 1 && doc->v.floats[0] == 0.1);

    doc = parse("[$i#U\x02\x80\x7f");
    assert_true(doc->type == MLOPS_DOC_INTS && doc->v.ints[0] == -128
                && doc->v.ints[1] == 127);
    doc = parse("[$U#U\x01\x80");
    assert_true(doc->v.ints[0] == 128);
    doc = parse("[$I#U\x01\xff\xfe");
    assert_true(doc->v.ints[0] == -2);
    doc = parse("[$l#U\x01\xff\xff\xff\xfd");
    assert_true(doc->v.ints[0] == -3);
    doc = parse("[$L#U\x01\xff\xff\xff\xff\xff\xff\xff\xfc");
    assert_true(doc->v.ints[0] == -4);

    /* inside others it ends where its payload ends */

    doc = parse("[[$U#U\x01\x07[$l#i\x00T]");
    unit_ok(doc != NULL, "%s", err.text);
    assert_int_equal(doc->n, 3);
}


static void
test_refused(void **state)
{
    (void) state;

    refused("", "byte 0: expected a value, got the end");
    refused("Q", "byte 0: expected a value, got 'Q'");
    refused("\x01", "got byte 0x01");
    refused("TT", "byte 1: expected the end of the file, got 'T'");
    refused("U", "expected the bytes of a number");
    refused("l\0\0\0", "expected the bytes of a number");
    refused("SU\x05hi", "expected a string that ends in the file");
    refused("SL\x7f\xff\xff\xff\xff\xff\xff\xff" "a", "ends in the file");
    refused("Si\xff", "expected a length, got a negative number");
    refused("Sd\0\0\0\0", "an integer marker of a length, got 'd'");
    refused("SU\x01\xff", "expected UTF-8");
    refused("C\xff", "expected an ASCII character");
    refused("HU\x03" "abc", "expected a number as text");
    refused("[", "expected a value or ']', got the end");
    refused("[T", "expected a value or ']', got the end");
    refused("{", "expected a key or '}'");
    refused("{U\x01" "a", "expected a value, got the end");
    refused("{U\x01" "aTU\x01" "aT}", "unique keys, got \"a\" twice");
    refused("[#L\x00\x00\x00\x00\xff\xff\xff\xff", "fit in the file");
    refused("[#U\x02T", "as many members as fit in the file");
    refused("[#U\x02TU", "expected the bytes of a number, got the end");
    refused("[$Z#L\x00\x00\x00\x00\xff\xff\xff\xff", "type of an array");
    refused("[$S#U\x01", "as the type of an array, got 'S'");
    refused("[$[#U\x01", "as the type of an array, got '['");
    refused("[$d#L\x00\x00\x00\x00\x00\x00\x00\x02\x3f\x80\x00\x00",
            "expected an array that ends in the file");
    refused("[$dL", "expected '#'");
    refused("{$d#U\x01", "an integer marker of a length, got '$'");
}


/* Twenty keys with one twice take the other way to find it. */

static void
test_many_keys(void **state)
{
    char       data[256], *p;
    unsigned   i, twice;

    (void) state;

    for (twice = 0; twice < 2; twice++) {
        p = data;
        *p++ = '{';

        for (i = 0; i < 20; i++) {
            p += sprintf(p, "U\x02%c%cT", 'a' + (i * 7) % 20,
                         twice && i == 13 ? 'a' : 'x');
        }

        *p++ = 'U';
        *p++ = '\x02';
        *p++ = 'a' + 11;
        *p++ = 'a';
        *p++ = 'T';
        *p++ = '}';

        if (twice) {
            assert_null(mlops_ubjson_parse(data, (size_t) (p - data), &arena,
                                           &err));
            assert_non_null(strstr(err.text, "\"la\" twice"));

        } else {
            assert_non_null(mlops_ubjson_parse(data, (size_t) (p - data),
                                               &arena, &err));
        }
    }
}


static void
test_depth(void **state)
{
    char  data[2 * MLOPS_UBJSON_DEPTH + 2];

    (void) state;

    memset(data, '[', MLOPS_UBJSON_DEPTH);
    memset(data + MLOPS_UBJSON_DEPTH, ']', MLOPS_UBJSON_DEPTH);
    assert_non_null(mlops_ubjson_parse(data, 2 * MLOPS_UBJSON_DEPTH, &arena,
                                       &err));

    memset(data, '[', MLOPS_UBJSON_DEPTH + 1);
    memset(data + MLOPS_UBJSON_DEPTH + 1, ']', MLOPS_UBJSON_DEPTH + 1);
    assert_null(mlops_ubjson_parse(data, sizeof(data), &arena, &err));
    assert_non_null(strstr(err.text, "a depth of at most 512"));
}


/* No prefix of a document is a document. */

static void
test_truncated(void **state)
{
    size_t             i;
    static const char  whole[] =
        "{U\x01" "a[$d#L\0\0\0\0\0\0\0\x01\x3f\x80\x00\x00" "U\x01" "b"
        "[#U\x02SU\x01xL\0\0\0\0\0\0\0\x01" "U\x01" "c{U\x01" "dHU\x01" "1}}";

    (void) state;

    unit_ok(parse(whole) != NULL, "%s", err.text);

    for (i = 0; i < sizeof(whole) - 1; i++) {
        assert_null(mlops_ubjson_parse(whole, i, &arena, &err));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(test_scalars, setup, teardown),
        cmocka_unit_test_setup_teardown(test_containers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_packed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(test_depth, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated, setup, teardown)
    };

    return unit_run(tests);
}
