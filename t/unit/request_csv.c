/*
 * CSV requests.
 */

#include "request.h"


#define CSV  -1


static void
test_forms(void **state)
{
    size_t     i;
    request_t  t;

    static const char  *bodies[] = {
        "a,b,c,d\n6.8,2.8,4.8,1.4\n",
        "a,b,c,d\n6.8,2.8,4.8,1.4",
        "a,b,c,d\r\n6.8,2.8,4.8,1.4\r\n",
        "a,b,c,d\r\n\r\n6.8,2.8,4.8,1.4\r\n\r\n",
        "\n\na,b,c,d\n\n\n6.8,2.8,4.8,1.4\n\n",
        "\357\273\277a,b,c,d\n6.8,2.8,4.8,1.4\n",
        "d,x,b,a,c\n1.4,\"any, \"\"thing\"\"\n\",2.8,6.8,4.8\n",
        "\"a\",\"b\",\"c\",\"d\"\n\"6.8\",\"2.8\",\"4.8\",\"1.4\"\n",
        "\"a\",\"b\",\"c\",\"d\"\r\n\"6.8\",\"2.8\",\"4.8\",\"1.4\"\r\n",
        "a,b,c,d\n 6.8,\t2.8 ,+4.8,14e-1\n",
        "a,b,c,d\n6.80,2.8e0,.48E1,1.4\n"
    };

    (void) state;

    request_open(&t, "a:FP64 b:FP64 c:FP64 d:FP64", "y:FP64:1");

    for (i = 0; i < mlops_nitems(bodies); i++) {
        request_numbers(&t, CSV, bodies[i], 1, 6.8, 2.8, 4.8, 1.4);
        assert_int_equal(t.req.dialect, MLOPS_DIALECT_CSV);
    }

    request_numbers(&t, CSV, "d,c,b,a\n1,2,3,4\n5,,7,\n,\"\",,\n", 3, 4, 3, 2,
                    1, NAN, 7, NAN, 5, NAN, NAN, NAN, NAN);

    request_close(&t);
}


static void
test_types(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "i:INT64 u:UINT64 b:BOOL s:BYTES f:FP32", "y:FP64:1");

    (void) request_read(&t, CSV, "i,u,b,s,f\n"
                        "-9223372036854775808,18446744073709551615,True,"
                        "plain text ,0.1\n"
                        "7,8,false,\"a \"\"quoted\"\", line\n\",1e38\n"
                        ",,,,\n"
                        ",,TRUE,\"\",\n");
    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);

    assert_int_equal(t.req.rows.n, 4);
    assert_true(t.req.rows.cells[0].i == INT64_MIN);
    assert_true(t.req.rows.cells[1].u == UINT64_MAX);
    assert_true(t.req.rows.cells[2].u == 1);
    assert_string_equal(request_cell_text(&t, 0, 3), "plain text ");
    assert_true(t.req.rows.cells[4].f == (double) 0.1f);
    assert_true(t.req.rows.cells[7].u == 0);
    assert_string_equal(request_cell_text(&t, 1, 3), "a \"quoted\", line\n");
    assert_int_equal(t.req.rows.present[1], 0x1f);
    assert_int_equal(t.req.rows.present[2], 0);
    assert_int_equal(t.req.rows.present[3], 0x0c);
    assert_string_equal(request_cell_text(&t, 3, 3), "");

    request_close(&t);
}


static void
test_nonfinite(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64", "y:FP64:1");

    request_refused(&t, CSV, "a\nNaN\n", "a, row 0: expected a finite number, "
                    "got \"NaN\"");
    request_refused(&t, CSV, "a\n-inf\n", "expected a finite number");

    t.limits.nonfinite = 1;

    request_numbers(&t, CSV, "a\nNaN\n-inf\nInfinity\n1\n", 4, NAN, -INFINITY,
                    INFINITY, 1);
    assert_int_equal(t.req.rows.present[0], 1);
    request_refused(&t, CSV, "a\n1e999\n", "a number that FP64 holds, got "
                    "\"1e999\"");

    request_close(&t);
}


static void
test_signatures(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "weight_kg:FP64 year:FP64", "y:FP64:1");
    request_signature(&t, "raw", "wght:FP64 yr:FP64=70", "z:FP64:1");

    request_numbers(&t, CSV, "wght\n5\n", 1, 5, NAN);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);
    request_numbers(&t, CSV, "year,weight_kg\n5,6\n", 1, 6, 5);
    assert_ptr_equal(t.req.signature, &t.signatures[0]);

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
        { "\n\n", "empty body" },
        { "a,b", "at least one row below the header" },
        { "a,b\n\n", "at least one row below the header" },
        { "a\n1\n", "b: missing" },
        { "a,bb\n1,2\n", "b: missing; the unknown name \"bb\" comes close" },
        { "a,b,a\n1,2,3\n", "a: the name is there twice" },
        { "1,2\n3,4\n", "a: missing" },
        { "a,b\n1\n", "row 0: expected 2 cells, got 1" },
        { "a,b\n1,2\n1,2,3\n", "row 1: expected 2 cells, got more" },
        { "a,b\n1,2\n3,x\n", "b, row 1: expected an integer, got \"x\"" },
        { "a,b\nx y,2\n", "a, row 0: expected a number, got \"x y\"" },
        { "a,b\n1 2,2\n", "a, row 0: expected a number, got \"1 2\"" },
        { "a,b\n1,2.0\n", "b, row 0: expected an integer, got \"2.0\"" },
        { "a,b\n1,1e3\n", "b, row 0: expected an integer, got \"1e3\"" },
        { "a,b\n1,128\n", "b, row 0: expected an integer from -128 to 127, "
          "got 128" },
        { "a,b\n1,-129\n", "got -129" },
        { "a,b\n1,\"2\n", "malformed CSV at byte 6: the quote is not closed"
        },
        { "a,b\n1,\"2\"x\n", "malformed CSV at byte 9" },
        { "a,b\n1,2\"3\"\n", "a quote inside an unquoted cell" },
        { "a,b\n\"1\"\"\",2\n", "expected a number" }
    };

    (void) state;

    request_open(&t, "a:FP64 b:INT8", "y:FP64:1");

    for (i = 0; i < mlops_nitems(cases); i++) {
        request_refused(&t, CSV, cases[i].body, cases[i].error);
    }

    request_close(&t);

    request_open(&t, "a:FP32 s:BYTES", "y:FP64:1");

    request_refused(&t, CSV, "a,s\n1e39,x\n", "a number that FP32 holds");
    request_refused(&t, CSV, "a,s\n1,\xff\n", "s, row 0: expected UTF-8");

    t.limits.rows = 2;
    request_over(&t, CSV, "a,s\n1,x\n2,x\n3,x\n", "at most 2 rows");

    t.limits.elements = 4;
    request_over(&t, CSV, "a,s,c,d,e\n1,x,,,\n", "at most 4 names");

    request_close(&t);
}


static void
test_truncated(void **state)
{
    size_t      i;
    request_t   t;

    static const char  body[] =
        "a,\"s\",x\r\n1.5,\"q\"\"\r\n\",\r\n2,,\"z\"\r\n";

    (void) state;

    request_open(&t, "a:FP64 s:BYTES", "y:FP64:1");

    for (i = 0; i < sizeof(body) - 1; i++) {
        (void) request_read_len(&t, CSV, body, i);
    }

    assert_int_equal(request_read(&t, CSV, body), MLOPS_OK);
    assert_int_equal(t.req.rows.n, 2);
    assert_string_equal(request_cell_text(&t, 0, 1), "q\"\r\n");

    request_close(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_nonfinite),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_truncated)
    };

    return unit_run(tests);
}
