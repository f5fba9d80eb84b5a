/*
 * V1 requests: KServe's and TensorFlow Serving's forms.
 */

#include "request.h"


#define V1  MLOPS_DOOR_V1


static void
test_instances(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");

    request_numbers(&t, V1, "{\"instances\":[[1.0,2.0],[3.0,4.0]]}", 2, 1, 2,
                    3, 4);
    assert_int_equal(t.req.dialect, MLOPS_DIALECT_V1_ROWS);

    request_numbers(&t, V1, "{\"instances\":[{\"b\":2,\"a\":1,\"c\":[{}]},"
                    "{\"a\":null,\"b\":4}]}", 2, 1, 2, NAN, 4);
    request_numbers(&t, V1, "{\"instances\":[[1,2],{\"b\":4,\"a\":3}]}", 2, 1,
                    2, 3, 4);
    request_numbers(&t, V1, " { \"instances\" : [ [ 5 , 6 ] ] , \"x\" : 1 } ",
                    1, 5, 6);

    request_close(&t);

    request_open(&t, "x:INT32", "y:FP64:1");

    request_numbers(&t, V1, "{\"instances\":[3,4,-5]}", 3, 3, 4, -5);
    request_numbers(&t, V1, "{\"instances\":[[3],4,{\"x\":5}]}", 3, 3, 4, 5);

    request_close(&t);
}


static void
test_inputs(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "x:FP64", "y:FP64:1");

    request_numbers(&t, V1, "{\"signature_name\":\"serving_default\","
                    "\"inputs\":[3.0,4.0]}", 2, 3, 4);
    assert_int_equal(t.req.dialect, MLOPS_DIALECT_V1_COLUMNS);

    request_numbers(&t, V1, "{\"inputs\":{\"x\":[3,4]}}", 2, 3, 4);
    request_numbers(&t, V1, "{\"inputs\":{\"x\":3}}", 1, 3);
    request_numbers(&t, V1, "{\"inputs\":{\"tensor\":[3,4]}}", 2, 3, 4);

    request_close(&t);

    request_open(&t, "a:FP64 b:INT64 s:BYTES=q", "y:FP64:1");

    request_numbers(&t, V1, "{\"inputs\":{\"b\":[1,2],\"z\":[[]],\"a\":[[3],"
                    "[null]]}}", 2, 3, 1, NAN, NAN, 2, NAN);
    request_numbers(&t, V1, "{\"inputs\":{\"b\":7,\"a\":[3]}}", 1, 3, 7,
                    NAN);

    request_close(&t);

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");

    request_numbers(&t, V1, "{\"inputs\":[[1,2],[3,4]]}", 2, 1, 2, 3, 4);
    request_numbers(&t, V1, "{\"inputs\":{\"x\":[[1,2],[3,4]]}}", 2, 1, 2, 3,
                    4);

    request_close(&t);
}


static void
test_strings(void **state)
{
    uint32_t   i;
    request_t  t;

    (void) state;

    request_open(&t, "s:BYTES", "y:FP64:1");

    (void) request_read(&t, V1, "{\"instances\":[\"first\",\"\","
                        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u20ac\\ud83d\\ude00\","
                        "\"last \xf0\x9f\x98\x80\",null,\"first\"]}");
    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);

    assert_int_equal(t.req.rows.n, 6);
    assert_string_equal(request_cell_text(&t, 0, 0), "first");
    assert_string_equal(request_cell_text(&t, 1, 0), "");
    assert_string_equal(request_cell_text(&t, 2, 0),
                        "\"\\/\b\f\n\r\t\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(request_cell_text(&t, 3, 0),
                        "last \xf0\x9f\x98\x80");
    assert_string_equal(request_cell_text(&t, 5, 0), "first");

    for (i = 0; i < 6; i++) {
        assert_int_equal(t.req.rows.present[i], i != 4);
    }

    /* without an escape the text is the body itself */

    (void) request_read(&t, V1, "{\"instances\":[\"first\"]}");
    assert_ptr_equal(t.req.rows.text, t.body);
    assert_string_equal(request_cell_text(&t, 0, 0), "first");

    request_close(&t);
}


static void
test_signatures(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "weight_kg:FP64 year:FP64", "y:FP64:1");
    request_signature(&t, "raw", "wght:FP64 yr:FP64", "z:FP64:1");
    request_signature(&t, "expanded", "one:FP64 w:FP64 y:FP64 ww:FP64 "
                      "wy:FP64 yy:FP64", "z:FP64:1");

    request_numbers(&t, V1, "{\"instances\":[[1.0,2381.4,71.0,5671065.96,"
                    "169079.4,5041.0]]}", 1, 1.0, 2381.4, 71.0, 5671065.96,
                    169079.4, 5041.0);
    assert_ptr_equal(t.req.signature, &t.signatures[2]);

    request_numbers(&t, V1, "{\"instances\":[[2381.4,71]]}", 1, 2381.4, 71);
    assert_ptr_equal(t.req.signature, &t.signatures[0]);

    request_numbers(&t, V1, "{\"instances\":[[2381.4,71]],"
                    "\"signature_name\":\"raw\"}", 1, 2381.4, 71);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);

    request_numbers(&t, V1, "{\"signature_name\":\"serving_default\","
                    "\"instances\":[{\"yr\":71,\"wght\":2381.4}]}", 1, 2381.4,
                    71);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);

    request_numbers(&t, V1, "{\"inputs\":{\"year\":[71],\"weight_kg\":[1]}}",
                    1, 1, 71);
    assert_ptr_equal(t.req.signature, &t.signatures[0]);

    request_numbers(&t, V1, "{\"inputs\":{\"any\":[[1,2,3,4,5,6]]}}", 1, 1, 2,
                    3, 4, 5, 6);
    assert_ptr_equal(t.req.signature, &t.signatures[2]);

    request_refused(&t, V1, "{\"instances\":[[1,2]],\"signature_name\":"
                    "\"nope\"}", "the model has no signature \"nope\"");
    request_refused(&t, V1, "{\"instances\":[[1,2,3]]}",
                    "row 0: expected 2 values, got more");
    request_refused(&t, V1, "{\"instances\":[[1,2]],\"signature_name\":"
                    "\"expanded\"}", "row 0: expected 6 values, got 2");

    request_close(&t);
}


/* Many rows, so that the room for them grows more than once. */

static void
test_growth(void **state)
{
    char       *body, *p;
    double      d;
    uint32_t    i, n;
    request_t   t;

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");

    n = 5000;
    t.limits.rows = n;
    body = request_alloc(&t, n * 40 + 100);

    /* a long first row spoils the guess */

    p = body + sprintf(body, "{\"instances\":[[%060d.5,                     "
                       "                                            -0]", 0);
    p = strstr(body, "000");
    memset(p, '1', 60);
    p = body + strlen(body);

    for (i = 1; i < n; i++) {
        p += sprintf(p, ",[%u,%u.5]", i, i * 3);
    }

    (void) strcpy(p, "]}");

    (void) request_read(&t, V1, body);
    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);
    assert_int_equal(t.req.rows.n, n);

    d = strtod("111111111111111111111111111111111111111111111111111111111111"
               ".5", NULL);
    assert_true(t.req.rows.cells[0].f == d);

    for (i = 1; i < n; i++) {
        assert_true(t.req.rows.cells[2 * i].f == i);
        assert_true(t.req.rows.cells[2 * i + 1].f == i * 3 + 0.5);
        assert_int_equal(t.req.rows.present[i], 3);
    }

    t.limits.rows = n - 1;
    request_over(&t, V1, body, "at most 4999 rows, got at least 5000");

    t.limits.rows = n;
    t.limits.elements = 2 * n - 1;
    request_over(&t, V1, body, "at most 9999 values");

    request_close(&t);
}


static void
test_refused(void **state)
{
    size_t     i;
    request_t  t;

    static const struct {
        const char  *body;
        const char  *error;
    } cases[] = {
        { "", "empty body" },
        { "[]", "expected a JSON object, got an array" },
        { "\"x\"", "expected a JSON object" },
        { "{}", "expected \"instances\" or \"inputs\", got none" },
        { "{\"not\":\"a dataframe\"}", "expected \"instances\"" },
        { "{\"instances\":[]}", "at least one row" },
        { "{\"instances\":{}}", "instances: expected a list of rows, got an "
          "object" },
        { "{\"instances\":5}", "instances: expected a list of rows, got 5" },
        { "{\"inputs\":5}", "inputs: expected a list or an object, got 5" },
        { "{\"inputs\":[]}", "at least one row" },
        { "{\"inputs\":{}}", "a: missing" },
        { "{\"inputs\":{\"a\":[],\"b\":[]}}", "a: expected at least one row" },
        { "{\"inputs\":{\"a\":[1],\"b\":[]}}",
          "b: expected 1 row as the columns before, got 0" },
        { "{\"inputs\":{\"a\":[1,2],\"b\":[1,2,3]}}",
          "b: expected 2 rows as the columns before, got more" },
        { "{\"inputs\":{\"a\":[1,2,3],\"b\":[1,2]}}",
          "b: expected 3 rows as the columns before, got 2" },
        { "{\"inputs\":{\"a\":[1,2],\"b\":3}}", "b: expected an array, got 3"
        },
        { "{\"inputs\":{\"a\":[1,\"x\"],\"b\":[1,2]}}",
          "a, row 1: expected a number, got \"x\"" },
        { "{\"inputs\":{\"a\":[[1,2]],\"b\":[1]}}",
          "a: expected 1 value, got more" },
        { "{\"inputs\":{\"a\":[[]],\"b\":[1]}}",
          "a: expected 1 value, got 0" },
        { "{\"inputs\":{\"a\":[1],\"a\":[1]}}", "a: the name is there twice"
        },
        { "{\"inputs\":{\"a\":[1],\"q\":[1]}}", "b: missing" },
        { "{\"instances\":[[1,2]],\"inputs\":[[1,2]]}", "got another" },
        { "{\"instances\":[[1,2]],\"instances\":[[1,2]]}", "got another" },
        { "{\"signature_name\":100,\"instances\":[[1,2]]}",
          "signature_name: expected a string, got 100" },
        { "{\"signature_name\":\"x\",\"instances\":[[1,2]]}",
          "no signature \"x\"" },
        { "{\"signature_name\":\"default\",\"signature_name\":\"default\"}",
          "is there twice" },
        { "{\"instances\":[1,2]}", "row 0: expected an array or an object, "
          "got 1" },
        { "{\"instances\":[[1,2],[3]]}", "row 1: expected 2 values, got 1" },
        { "{\"instances\":[[1,2],[]]}", "row 1: expected 2 values, got 0" },
        { "{\"instances\":[[1,2],[3,4,5]]}",
          "row 1: expected 2 values, got more" },
        { "{\"instances\":[[1,2],[3,\"x\"]]}",
          "b, row 1: expected a number, got \"x\"" },
        { "{\"instances\":[[1,2],[3,[4]]]}",
          "b, row 1: expected a number, got an array" },
        { "{\"instances\":[{\"a\":1,\"b\":2},{\"a\":1}]}",
          "b, row 1: missing" },
        { "{\"instances\":[{\"a\":1,\"a\":2}]}",
          "a, row 0: the name is there twice" },
        { "{\"instances\":[{\"a\":1,\"b\":true}]}",
          "b, row 0: expected a number, got true" },
        { "{\"instances\":[{\"a\":1,\"B\":2}]}",
          "b, row 0: missing; the unknown name \"B\" comes close" },
        { "{\"instances\":[[1,2]", "malformed JSON" },
        { "{\"instances\":[[1,2]]", "malformed JSON" },
        { "{\"instances\":[[1,2],]}", "" },
        { "{\"instances\":[[1,2]]}x", "the end of the text, got x" },
        { "{\"instances\":[[1,2]],}", "malformed JSON" },
        { "{\"instances\":[[1,2]]]}", "malformed JSON" }
    };

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");

    for (i = 0; i < mlops_nitems(cases); i++) {
        request_refused(&t, V1, cases[i].body, cases[i].error);
    }

    request_numbers(&t, V1, "{\"instances\":[[1,2]]}", 1, 1, 2);

    request_close(&t);
}


static void
test_truncated(void **state)
{
    size_t      i;
    request_t   t;

    static const char  rows[] =
        "{\"signature_name\":\"default\",\"instances\":[[1,\"\\u00e9\"],{"
        "\"b\":\"x\",\"a\":null}]}";
    static const char  columns[] =
        "{\"inputs\":{\"b\":[\"x\",\"yy\"],\"a\":[[1],[2e1]]}}";

    (void) state;

    request_open(&t, "a:FP64 b:BYTES", "y:FP64:1");

    for (i = 0; i < sizeof(rows) - 1; i++) {
        assert_int_equal(request_read_len(&t, V1, rows, i), MLOPS_ERROR);
    }

    for (i = 0; i < sizeof(columns) - 1; i++) {
        assert_int_equal(request_read_len(&t, V1, columns, i), MLOPS_ERROR);
    }

    assert_int_equal(request_read(&t, V1, rows), MLOPS_OK);
    assert_int_equal(request_read(&t, V1, columns), MLOPS_OK);

    request_close(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_instances),
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated)
    };

    return unit_run(tests);
}
