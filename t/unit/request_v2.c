/*
 * Requests of the Open Inference Protocol.
 */

#include "request.h"


#define V2  MLOPS_DOOR_V2

#define TENSOR(shape, type, data)                                             \
    "{\"inputs\":[{\"name\":\"x\",\"shape\":" shape ",\"datatype\":\"" type   \
    "\",\"data\":" data "}]}"


static void
test_matrix(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 b:FP64 c:FP64 d:FP64", "y:FP64:1");

    request_numbers(&t, V2, TENSOR("[2,4]", "FP32", "[[6.8,2.8,4.8,1.4],"
                                   "[6.0,3.4,4.5,1.6]]"), 2,
                    6.8, 2.8, 4.8, 1.4, 6.0, 3.4, 4.5, 1.6);
    assert_int_equal(t.req.dialect, MLOPS_DIALECT_V2);
    assert_int_equal(t.req.id.len, 0);
    assert_null(t.req.wanted);

    request_numbers(&t, V2, TENSOR("[2,4]", "FP32", "[6.8,2.8,4.8,1.4,6.0,"
                                   "3.4,4.5,1.6]"), 2,
                    6.8, 2.8, 4.8, 1.4, 6.0, 3.4, 4.5, 1.6);

    request_numbers(&t, V2, " \t\r\n{ \"inputs\" : [ { \"name\" : \"x\" , "
                    "\"shape\" : [ 2 , 4 ] , \"datatype\" : \"FP64\" , "
                    "\"data\" : [ [ 1 , 2 , 3 , 4 ] , [ 5 , 6 , 7 , 8 ] ] } "
                    "] } \n", 2, 1, 2, 3, 4, 5, 6, 7, 8);

    /* data before what explains it; the keys with escapes */

    request_numbers(&t, V2, "{\"inputs\":[{\"data\":[[1,2,3,4]],\"datatype\":"
                    "\"FP32\",\"shape\":[1,4],\"name\":\"x\"}]}", 1,
                    1, 2, 3, 4);
    request_numbers(&t, V2, "{\"\\u0069nputs\":[{\"n\\u0061me\":\"x\","
                    "\"shape\":[1,4],\"datatype\":\"FP\\u00332\",\"data\":"
                    "[1,2,3,4]}]}", 1, 1, 2, 3, 4);

    request_close(&t);
}


/* Everything that is to be ignored, and what is not ours. */

static void
test_extra_keys(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP32", "y:FP32:1");

    request_numbers(&t, V2, "{\"model_name\":\"lin4\",\"foo\":[[1]],"
                    "\"parameters\":{\"test-str\":\"dummy\",\"test-bool\":"
                    "true,\"test-int\":100,\"test-float\":1.3},\"id\":null,"
                    "\"outputs\":null,\"inputs\":[{\"name\":\"x\",\"parameters"
                    "\":{\"content_type\":\"np\"},\"foo\":{\"a\":[{}]},"
                    "\"shape\":[2],\"datatype\":\"FP32\",\"data\":[1,2]}]}",
                    2, 1, 2);
    assert_int_equal(t.req.id.len, 0);

    request_numbers(&t, V2, "{\"id\":\"a\\\"\\u00e9\",\"parameters\":null,"
                    "\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":"
                    "\"FP32\",\"data\":[3]}]}", 1, 3);
    assert_true(mlops_str_is(&t.req.id, "\"a\\\"\\u00e9\""));

    request_close(&t);
}


static void
test_columns(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP32 b:INT64 c:BYTES d:BOOL", "y:FP32:1");

    (void) request_read(&t, V2, "{\"inputs\":["
        "{\"name\":\"d\",\"shape\":[2],\"datatype\":\"BOOL\",\"data\":[true,"
        "false]},"
        "{\"name\":\"b\",\"shape\":[2,1],\"datatype\":\"INT64\",\"data\":[[5]"
        ",[-6]]},"
        "{\"name\":\"c\",\"shape\":[2,1],\"datatype\":\"BYTES\",\"data\":["
        "\"\\u00e9\\n\",\"plain\"]},"
        "{\"name\":\"a\",\"shape\":[2],\"datatype\":\"FP64\",\"data\":[0.1,"
        "null]}]}");

    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);
    assert_int_equal(t.req.rows.n, 2);
    assert_true(t.req.rows.cells[0].f == (double) 0.1f);
    assert_true(t.req.rows.cells[1].i == 5);
    assert_string_equal(request_cell_text(&t, 0, 2), "\xc3\xa9\n");
    assert_true(t.req.rows.cells[3].u == 1);
    assert_true(isnan(t.req.rows.cells[4].f));
    assert_int_equal(t.req.rows.present[0], 0x0f);
    assert_int_equal(t.req.rows.present[1], 0x0e);
    assert_true(t.req.rows.cells[5].i == -6);
    assert_string_equal(request_cell_text(&t, 1, 2), "plain");
    assert_true(t.req.rows.cells[7].u == 0);

    /* the body is as it was */

    assert_non_null(strstr(t.body, "\\u00e9\\n"));

    request_close(&t);
}


static void
test_scalar(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "open:FP64 close:FP64", "y:FP64:1");

    request_numbers(&t, V2, "{\"inputs\":[{\"name\":\"open\",\"shape\":[1],"
                    "\"datatype\":\"FP64\",\"data\":19058.1},{\"name\":"
                    "\"close\",\"shape\":[1,1],\"datatype\":\"FP32\",\"data\":"
                    "[[19060.25]]}]}", 1, 19058.1, 19060.25);

    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"open\",\"shape\":[2],"
                    "\"datatype\":\"FP64\",\"data\":19058.1}]}",
                    "input \"open\": expected an array, got 19058.1");

    request_close(&t);
}


/* FP32 and FP64 stand for each other; a cell has the column's precision. */

static void
test_precision(void **state)
{
    double     d;
    request_t  t;

    (void) state;

    request_open(&t, "a:FP32 b:FP64", "y:FP64:1");

    request_numbers(&t, V2, TENSOR("[1,2]", "FP64", "[0.1,0.1]"), 1,
                    (double) 0.1f, 0.1);
    request_numbers(&t, V2, TENSOR("[1,2]", "FP32", "[0.1,0.1]"), 1,
                    (double) 0.1f, 0.1);

    /* where rounding twice gives another float: 1 + 2^-24 + 2^-60 */

    d = strtof("1.00000005960464477625798", NULL);
    request_numbers(&t, V2, TENSOR("[1,2]", "FP32",
                                   "[1.00000005960464477625798,1]"), 1, d, 1);

    request_numbers(&t, V2, TENSOR("[5,2]", "FP64", "[1,1.797693134862315"
                                   "7e308,2,5e-324,3,2.2250738585072014e-308"
                                   ",4,123456789012345678,5,-0.0]"), 5,
                    1, 1.7976931348623157e308, 2, 5e-324, 3,
                    2.2250738585072014e-308, 4, 123456789012345678.0, 5,
                    -0.0);
    assert_true(signbit(t.req.rows.cells[9].f));

    request_close(&t);
}


static void
test_number_forms(void **state)
{
    size_t     i;
    char       body[256];
    request_t  t;

    static const char  *bad[] = {
        "01", "+1", ".5", "1.", "0x10", "1e", "1e+", "--1", "-", "1..2",
        "1e5.5", "Nan", "nan", "inf", "1_000", "1,", "00", "-01", "1.e5",
        "tru", "nul", "'1'", "\357\273\2771", "1 2"
    };

    (void) state;

    request_open(&t, "a:FP32 b:FP32 c:FP32 d:FP32 e:FP32", "y:FP32:1");

    request_numbers(&t, V2, TENSOR("[1,5]", "FP32", "[1,1e0,1E+0,-0,0.1e1]"),
                    1, 1, 1, 1, 0, 1);
    request_close(&t);

    request_open(&t, "a:FP32", "y:FP32:1");

    for (i = 0; i < mlops_nitems(bad); i++) {
        (void) snprintf(body, sizeof(body), TENSOR("[1]", "FP32", "[%s]"),
                        bad[i]);
        request_refused(&t, V2, body, "");

        (void) snprintf(body, sizeof(body), TENSOR("[1]", "FP32", "%s"),
                        bad[i]);
        request_refused(&t, V2, body, "");
    }

    request_close(&t);

    request_open(&t, "a:INT64", "y:FP32:1");

    for (i = 0; i < mlops_nitems(bad); i++) {
        (void) snprintf(body, sizeof(body), TENSOR("[1]", "INT64", "[%s]"),
                        bad[i]);
        request_refused(&t, V2, body, "");
    }

    request_close(&t);
}


static void
integer_case(const char *type, const char *text, int64_t i, uint64_t u)
{
    char       body[256], column[32];
    request_t  t;

    (void) snprintf(column, sizeof(column), "a:%s", type);
    request_open(&t, column, "y:FP32:1");

    (void) snprintf(body, sizeof(body), TENSOR("[1]", "%s", "[%s]"), type,
                    text);
    (void) request_read(&t, V2, body);

    unit_ok(t.rc == MLOPS_OK, "%s %s: %s", type, text, t.err.text);

    if (t.req.rows.schema->columns[0].kind == MLOPS_CELL_INT) {
        assert_true(t.req.rows.cells[0].i == i);

    } else {
        assert_true(t.req.rows.cells[0].u == u);
    }

    request_close(&t);
}


static void
integer_refused(const char *type, const char *text, const char *error)
{
    char       body[256], column[32];
    request_t  t;

    (void) snprintf(column, sizeof(column), "a:%s", type);
    request_open(&t, column, "y:FP32:1");

    (void) snprintf(body, sizeof(body), TENSOR("[1]", "%s", "[%s]"), type,
                    text);
    request_refused(&t, V2, body, error);

    request_close(&t);
}


static void
test_integers(void **state)
{
    (void) state;

    integer_case("INT64", "9223372036854775807", INT64_MAX, 0);
    integer_case("INT64", "-9223372036854775808", INT64_MIN, 0);
    integer_case("INT64", "9007199254740993", 9007199254740993ll, 0);
    integer_case("INT64", "-0", 0, 0);
    integer_case("UINT64", "18446744073709551615", 0, UINT64_MAX);
    integer_case("UINT64", "0", 0, 0);
    integer_case("INT8", "-128", -128, 0);
    integer_case("INT8", "127", 127, 0);
    integer_case("UINT8", "255", 0, 255);
    integer_case("INT16", "-32768", -32768, 0);
    integer_case("INT32", "2147483647", 2147483647, 0);
    integer_case("UINT32", "4294967295", 0, UINT32_MAX);
    integer_case("UINT16", "65535", 0, 65535);
    integer_case("BOOL", "true", 0, 1);
    integer_case("BOOL", "false", 0, 0);

    integer_refused("INT64", "9223372036854775808", "expected an integer from "
                    "-9223372036854775808 to 9223372036854775807, got "
                    "9223372036854775808");
    integer_refused("INT64", "-9223372036854775809", "expected an integer "
                    "from");
    integer_refused("UINT64", "18446744073709551616", "expected an integer "
                    "from 0 to 18446744073709551615");
    integer_refused("UINT64", "99999999999999999999999999999", "got 9999");
    integer_refused("INT64", "1e3", "expected an integer, got 1e3");
    integer_refused("INT64", "1.0", "expected an integer, got 1.0");
    integer_refused("INT64", "1E0", "expected an integer, got 1E0");
    integer_refused("UINT32", "1.5", "expected an integer, got 1.5");
    integer_refused("UINT32", "-4", "from 0 to 4294967295, got -4");
    integer_refused("UINT32", "true", "expected an integer, got true");
    integer_refused("UINT32", "\"a\"", "expected an integer, got \"a\"");
    integer_refused("UINT8", "300", "from 0 to 255, got 300");
    integer_refused("UINT8", "256", "from 0 to 255, got 256");
    integer_refused("INT8", "128", "from -128 to 127, got 128");
    integer_refused("INT8", "-129", "from -128 to 127, got -129");
    integer_refused("BOOL", "0", "expected true or false, got 0");
    integer_refused("BOOL", "1", "expected true or false, got 1");
    integer_refused("BOOL", "\"true\"", "expected true or false");
    integer_refused("BYTES", "123", "expected a string, got 123");
    integer_refused("BYTES", "true", "expected a string, got true");
}


static void
test_float_overflow(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP32 b:FP64", "y:FP32:1");

    request_refused(&t, V2, TENSOR("[2,2]", "FP32", "[1,2,1e39,4]"),
                    "input \"x\", row 1, column \"a\": expected a number that "
                    "FP32 holds, got 1e39");
    request_refused(&t, V2, TENSOR("[1,2]", "FP64", "[1,1e309]"),
                    "input \"x\", column \"b\": expected a number that FP64 "
                    "holds, got 1e309");
    request_refused(&t, V2, TENSOR("[1,2]", "FP64", "[-3.4028236e38,1]"),
                    "got -3.4028236e38");
    request_numbers(&t, V2, TENSOR("[1,2]", "FP64", "[3.4028235e38,1e39]"),
                    1, 3.4028234663852886e38, 1e39);

    /* too small is 0, as rounding says */

    request_numbers(&t, V2, TENSOR("[1,2]", "FP64", "[1e-60,1e-400]"), 1, 0,
                    0);

    request_close(&t);
}


static void
test_nonfinite(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP32 b:FP64 c:INT8", "y:FP32:1");

    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"b\",\"shape\":[1],"
                    "\"datatype\":\"FP64\",\"data\":[NaN]}]}",
                    "input \"b\": expected a finite number, got NaN");
    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"b\",\"shape\":[1],"
                    "\"datatype\":\"FP64\",\"data\":[\"NaN\"]}]}",
                    "input \"b\": expected a number, got \"NaN\"");
    request_refused(&t, V2, "{\"foo\":NaN,\"inputs\":[]}", "malformed JSON");

    t.limits.nonfinite = 1;

    (void) request_read(&t, V2, "{\"foo\":[NaN,-Infinity],\"inputs\":["
        "{\"name\":\"a\",\"shape\":[3],\"datatype\":\"FP32\",\"data\":[NaN,"
        "\"-Infinity\",1]},"
        "{\"name\":\"b\",\"shape\":[3],\"datatype\":\"FP32\",\"data\":"
        "[-Infinity,Infinity,\"NaN\"]},"
        "{\"name\":\"c\",\"shape\":[3],\"datatype\":\"INT8\",\"data\":[1,2,3]"
        "}]}");

    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);
    assert_true(isnan(t.req.rows.cells[0].f));
    assert_true(t.req.rows.cells[3].f == -INFINITY);
    assert_true(t.req.rows.cells[1].f == -INFINITY);
    assert_true(t.req.rows.cells[4].f == INFINITY);
    assert_true(isnan(t.req.rows.cells[7].f));
    assert_int_equal(t.req.rows.present[0], 7);
    assert_int_equal(t.req.rows.present[2], 7);

    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"c\",\"shape\":[1],"
                    "\"datatype\":\"INT8\",\"data\":[NaN]}]}", "");
    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],"
                    "\"datatype\":\"FP32\",\"data\":[Nan]}]}", "");
    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],"
                    "\"datatype\":\"FP32\",\"data\":[-NaN]}]}", "");
    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],"
                    "\"datatype\":\"FP32\",\"data\":[1e39]}]}", "FP32 holds");

    request_close(&t);
}


static void
test_null(void **state)
{
    uint32_t   i;
    request_t  t;

    (void) state;

    request_open(&t, "a:FP32 b:INT64 c:BOOL d:BYTES", "y:FP32:1");

    (void) request_read(&t, V2, "{\"inputs\":["
        "{\"name\":\"a\",\"shape\":[1],\"datatype\":\"FP32\",\"data\":[null]}"
        ",{\"name\":\"b\",\"shape\":[1],\"datatype\":\"INT64\",\"data\":null}"
        ",{\"name\":\"c\",\"shape\":[1],\"datatype\":\"BOOL\",\"data\":[null]"
        "},{\"name\":\"d\",\"shape\":[1],\"datatype\":\"BYTES\",\"data\":"
        "[null]}]}");

    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);
    assert_int_equal(t.req.rows.present[0], 0);
    assert_true(isnan(t.req.rows.cells[0].f));

    for (i = 1; i < 4; i++) {
        assert_true(t.req.rows.cells[i].u == 0);
    }

    request_close(&t);
}


static void
test_outputs(void **state)
{
    request_t  t;

#define OUTPUTS(text)                                                         \
    "{\"outputs\":" text ",\"inputs\":[{\"name\":\"x\",\"shape\":[1],"        \
    "\"datatype\":\"FP32\",\"data\":[1]}]}"

    (void) state;

    request_open(&t, "x:FP32", "a:FP32:1 b:FP32:3");

    request_numbers(&t, V2, OUTPUTS("[{\"name\":\"b\"},{\"name\":\"a\","
                                    "\"parameters\":{\"binary_data\":false},"
                                    "\"foo\":[]}]"), 1, 1);
    assert_int_equal(t.req.wanted_n, 2);
    assert_int_equal(t.req.wanted[0], 1);
    assert_int_equal(t.req.wanted[1], 0);

    request_numbers(&t, V2, OUTPUTS("[]"), 1, 1);
    assert_null(t.req.wanted);

    request_refused(&t, V2, OUTPUTS("[{\"name\":\"b\"},{\"name\":\"b\"}]"),
                    "output \"b\": the name is there twice");
    request_refused(&t, V2, OUTPUTS("[{\"name\":\"z\"}]"),
                    "output \"z\": the model has no such output");
    request_refused(&t, V2, OUTPUTS("[{}]"), "outputs: expected \"name\"");
    request_refused(&t, V2, OUTPUTS("[{\"name\":1}]"),
                    "outputs: expected a string as name, got 1");
    request_refused(&t, V2, OUTPUTS("[\"a\"]"),
                    "outputs: expected an object, got \"a\"");
    request_refused(&t, V2, OUTPUTS("{}"),
                    "outputs: expected an array, got an object");
    request_refused(&t, V2, OUTPUTS("[{\"name\":\"a\",\"parameters\":{\"a\":"
                                    "[]}}]"), "parameters");
    request_refused(&t, V2, OUTPUTS("[],\"outputs\":[]"),
                    "\"outputs\" is there twice");

    request_close(&t);
}


/* Signatures: by the names sent, or by the width of the only tensor. */

static void
test_signatures(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "weight_kg:FP64 year:FP64", "y:FP64:1");
    request_signature(&t, "raw", "wght:FP64 yr:FP64 extra:FP64", "z:FP64:1");
    request_signature(&t, "one", "only:FP32", "z:FP64:1");

    request_numbers(&t, V2, TENSOR("[1,3]", "FP64", "[1,2,3]"), 1, 1, 2, 3);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);

    request_numbers(&t, V2, TENSOR("[2,2]", "FP64", "[[1,2],[3,4]]"), 2, 1,
                    2, 3, 4);
    assert_ptr_equal(t.req.signature, &t.signatures[0]);

    request_numbers(&t, V2, TENSOR("[2]", "FP64", "[3,4]"), 2, 3, 4);
    assert_ptr_equal(t.req.signature, &t.signatures[2]);

    request_numbers(&t, V2, "{\"inputs\":["
        "{\"name\":\"extra\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[3]"
        "},{\"name\":\"yr\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[2]}"
        ",{\"name\":\"wght\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[1]"
        "}]}", 1, 1, 2, 3);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);

    request_refused(&t, V2, "{\"inputs\":["
        "{\"name\":\"extra\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[3]"
        "},{\"name\":\"yr\",\"shape\":[1],\"datatype\":\"FP64\",\"data\":[2]}"
        "]}", "input \"wght\": missing");

    request_close(&t);
}


/* Outputs choose among signatures of the same inputs, whether it is known
 * beforehand that all are of that kind or not. */

static void
test_outputs_of_another(void **state)
{
    int        alike;
    request_t  t;

    (void) state;

    for (alike = 0; alike < 2; alike++) {
        request_open(&t, "x:FP32", "y:FP32:1 p:FP32:1");
        request_signature(&t, "margin", "x:FP32", "m:FP32:1");
        request_signature(&t, "all", "x:FP32", "q:FP32:1 m:FP32:1 y:FP32:1");

        if (!alike) {
            request_signature(&t, "int", "x:INT64", "z:FP32:1");
        }

        t.face.alike = alike;

        request_numbers(&t, V2, OUTPUTS("[{\"name\":\"y\"}]"), 1, 1);
        assert_ptr_equal(t.req.signature, &t.signatures[0]);

        request_numbers(&t, V2, OUTPUTS("[{\"name\":\"m\"}]"), 1, 1);
        assert_ptr_equal(t.req.signature, &t.signatures[1]);
        assert_ptr_equal(t.req.rows.schema, &t.signatures[1].inputs);
        assert_int_equal(t.req.wanted_n, 1);
        assert_int_equal(t.req.wanted[0], 0);

        request_numbers(&t, V2, OUTPUTS("[{\"name\":\"y\"},{\"name\":\"m\"},"
                                        "{\"name\":\"q\"}]"), 1, 1);
        assert_ptr_equal(t.req.signature, &t.signatures[2]);
        assert_int_equal(t.req.wanted_n, 3);
        assert_int_equal(t.req.wanted[0], 2);
        assert_int_equal(t.req.wanted[1], 1);
        assert_int_equal(t.req.wanted[2], 0);

        request_refused(&t, V2, OUTPUTS("[{\"name\":\"p\"},{\"name\":\"m\"}]"),
                        "output \"m\": the model does not give it together "
                        "with the outputs before");
        request_refused(&t, V2, OUTPUTS("[{\"name\":\"m\"},{\"name\":\"y\"},"
                                        "{\"name\":\"m\"}]"),
                        "output \"m\": the name is there twice");
        request_refused(&t, V2, OUTPUTS("[{\"name\":\"z\"}]"),
                        "output \"z\": the model has no such output");

        request_close(&t);
    }
}


static void
test_partial(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "id:INT64 a:FP64 b:FP64=3", "y:FP64:1");

    request_refused(&t, V2, "{\"inputs\":[{\"name\":\"id\",\"shape\":[1],"
                    "\"datatype\":\"INT64\",\"data\":[7]}]}",
                    "input \"a\": missing");

    t.partial = 1;

    request_numbers(&t, V2, "{\"inputs\":[{\"name\":\"id\",\"shape\":[1],"
                    "\"datatype\":\"INT64\",\"data\":[7]}]}", 1, 7, NAN,
                    NAN);

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
        { " \n", "empty body" },
        { "[]", "expected a JSON object, got an array" },
        { "\"x\"", "expected a JSON object, got \"x\"" },
        { "{}", "expected \"inputs\", got none" },
        { "{\"inputs\":{}}", "inputs: expected an array, got an object" },
        { "{\"inputs\":[]}", "inputs: expected at least one, got none" },
        { "{\"inputs\":[1]}", "inputs[0]: expected an object, got 1" },
        { "{\"inputs\":[{\"name\":\"x\"", "malformed JSON at byte 22" },
        { TENSOR("[1,2]", "FP32", "[1,2]") "x",
          "expected the end of the text, got x" },
        { TENSOR("[1,2]", "FP32", "[1,2]") "{}", "the end of the text" },
        { "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":"
          "\"FP32\",\"data\":[1,2]}],\"inputs\":[]}",
          "\"inputs\" is there twice" },
        { "{\"inputs\":[{\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":"
          "[1,2]}]}", "inputs[0]: expected \"name\", got none" },
        { "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"data\":"
          "[1,2]}]}", "input \"x\": expected \"shape\", got none" },
        { "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"data\":[1,2]}]}",
          "input \"x\": expected \"datatype\", got none" },
        { "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":"
          "\"FP32\"}]}", "input \"x\": expected \"data\", got none" },
        { "{\"inputs\":[{\"name\":5}]}", "inputs[0]: expected a string" },
        { "{\"inputs\":[{\"name\":\"x\",\"name\":\"x\"}]}",
          "input \"x\": \"name\" is there twice" },
        { TENSOR("[1,2]", "fp32", "[1,2]"),
          "expected a datatype such as FP32, got \"fp32\"" },
        { TENSOR("[1,2]", "FLOAT", "[1,2]"), "got \"FLOAT\"" },
        { TENSOR("[1,2]", "INT64", "[1,2]"),
          "input \"x\", column \"a\": expected datatype FP32, got INT64" },
        { TENSOR("[1,2]", "BYTES", "[1,2]"), "expected datatype FP32" },
        { TENSOR("[2,-5]", "FP32", "[1,2]"), "got -5" },
        { TENSOR("[2.0]", "FP32", "[1,2]"), "got 2.0" },
        { TENSOR("[-0.0]", "FP32", "[1,2]"), "got -0.0" },
        { TENSOR("[\"2\"]", "FP32", "[1,2]"), "got \"2\"" },
        { TENSOR("[1e1]", "FP32", "[1,2]"), "got 1e1" },
        { TENSOR("[01,2]", "FP32", "[1,2]"), "" },
        { TENSOR("[18446744073709551616]", "FP32", "[1,2]"),
          "got 18446744073709551616" },
        { TENSOR("[16,1152921504606846978]", "FP32", "[1,2]"),
          "got shape [16,1152921504606846978]" },
        { TENSOR("[4,1152921504606846978]", "FP32", "[1,2]"),
          "shape [-1,2] for all columns" },
        { TENSOR("{}", "FP32", "[1,2]"), "expected an array as shape" },
        { TENSOR("[]", "FP32", "[1,2]"), "got shape []" },
        { TENSOR("[2]", "FP32", "[1,2]"), "got shape [2]" },
        { TENSOR("[1,1,2]", "FP32", "[1,2]"), "got shape [1,1,2]" },
        { TENSOR("[1,2,3,4,5,6,7,8,9]", "FP32", "[1,2]"), "at most 8" },
        { TENSOR("[1,3]", "FP32", "[1,2,3]"), "got shape [1,3]" },
        { TENSOR("[0,2]", "FP32", "[]"), "at least one row" },
        { TENSOR("[1,2]", "FP32", "[1]"), "expected 2 values, got 1" },
        { TENSOR("[1,2]", "FP32", "[]"), "expected 2 values, got 0" },
        { TENSOR("[1,2]", "FP32", "[[]]"), "expected 2 values, got 0" },
        { TENSOR("[1,2]", "FP32", "[1,2,3]"), "got more" },
        { TENSOR("[1,2]", "FP32", "[[1,2,3]]"), "expected 2 values, got more"
        },
        { TENSOR("[1,2]", "FP32", "[[1,2],[3,4]]"), "got more" },
        { TENSOR("[2,2]", "FP32", "[[1,2]]"), "expected 2 rows as the shape "
          "says, got 1" },
        { TENSOR("[2,2]", "FP32", "[1,2,3]"), "row 1: expected 2 values" },
        { TENSOR("[2,2]", "FP32", "[1,2]"), "expected 2 rows" },
        { TENSOR("[2,2]", "FP32", "[30.9,[1.5,2.9,3.0]]"),
          "row 0, column \"b\": expected a number, got an array" },
        { TENSOR("[2,2]", "FP32", "[[1,2],3,4]"),
          "row 1: expected an array, got 3" },
        { TENSOR("[2,2]", "FP32", "[[1,2],[3]]"),
          "row 1: expected 2 values, got 1" },
        { TENSOR("[1,2]", "FP32", "[[[1,2]]]"),
          "expected a number, got an array" },
        { TENSOR("[1,2]", "FP32", "[1,{}]"),
          "expected a number, got an object" },
        { TENSOR("[1,2]", "FP32", "[true,1]"),
          "column \"a\": expected a number, got true" },
        { TENSOR("[1,2]", "FP32", "{\"a\":1}"), "expected an array" },
        { TENSOR("[1,2]", "FP32", "5"), "expected an array, got 5" },
        { TENSOR("[1000,2]", "FP32", "[[1,2]]"), "input \"x\": expected 1000 "
          "rows of 2 values as the shape says, got a body of 75 bytes" },
        { TENSOR("[1,2]", "FP32", "[1 2]"), "malformed JSON" },
        { TENSOR("[1,2]", "FP32", "[1,2"), "malformed JSON" },
        { TENSOR("[1,2]", "FP32", "[1,]"), "" },
        { TENSOR("[1,2]", "FP32", "[,1]"), "malformed JSON" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":\"FP32\","
          "\"data\":[1]}]}", "input \"b\": missing" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":\"FP32\","
          "\"data\":[1]},{\"name\":\"a\",\"shape\":[1],\"datatype\":\"FP32\","
          "\"data\":[1]}]}", "input \"a\": the name is there twice" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":\"FP32\","
          "\"data\":[1]},{\"name\":\"q\",\"shape\":[1],\"datatype\":\"FP32\","
          "\"data\":[1]}]}", "input \"q\": the model has no such input" },
        { "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":"
          "\"FP32\",\"data\":[1,2]},{\"name\":\"x\",\"shape\":[1,2],"
          "\"datatype\":\"FP32\",\"data\":[1,2]}]}",
          "input \"x\": the name is there twice" },
        { "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":"
          "\"FP32\",\"data\":[1,2]},{\"name\":\"a\",\"shape\":[1],"
          "\"datatype\":\"FP32\",\"data\":[1]}]}",
          "input \"a\": expected no other input beside \"x\"" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[2],\"datatype\":\"FP32\","
          "\"data\":[1,2]},{\"name\":\"b\",\"shape\":[3],\"datatype\":"
          "\"FP32\",\"data\":[1,2,3]}]}",
          "input \"b\": expected 2 rows as input \"a\" has, got 3" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[4,1],\"datatype\":"
          "\"FP32\",\"data\":[[1,2],[3,4]]}]}",
          "input \"a\", row 0: expected 1 value, got more" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[1,1],\"datatype\":"
          "\"FP32\",\"data\":[[]]}]}",
          "input \"a\": expected 1 value, got 0" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[1000],\"datatype\":"
          "\"FP32\",\"data\":[1]}]}", "input \"a\": expected 1000 rows of 2 "
          "values as the shape says, got a body of 69 bytes" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[2],\"datatype\":\"FP32\","
          "\"data\":[[1],[2]]}]}",
          "input \"a\", row 0: expected a number, got an array" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[2],\"datatype\":\"FP32\","
          "\"data\":[1,2,3]}]}", "input \"a\": expected 2 values as the shape "
          "says, got more" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[3],\"datatype\":\"FP32\","
          "\"data\":[1,2]}]}", "expected 3 values as the shape says, got 2" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[3,2],\"datatype\":"
          "\"FP32\",\"data\":[1,2]}]}",
          "expected shape [-1] or [-1,1], got [3,2]" },
        { "{\"inputs\":[{\"name\":\"a\",\"shape\":[5],\"datatype\":\"FP32\","
          "\"data\":[1,2,3,\"x\",5]}]}",
          "input \"a\", row 3: expected a number, got \"x\"" },
        { "{\"id\":5,\"inputs\":[]}", "id: expected a string, got 5" },
        { "{\"parameters\":{\"a\":{}},\"inputs\":[]}",
          "expected strings, numbers and booleans as parameters, got an "
          "object" },
        { "{\"parameters\":{\"a\":[1]},\"inputs\":[]}", "got an array" },
        { "{\"parameters\":[],\"inputs\":[]}", "object as parameters" },
        { "{\"x\":\"\\ud800\",\"inputs\":[]}", "malformed JSON at byte 6" },
        { "{\"x\":\"\\udc00\",\"inputs\":[]}", "malformed JSON" },
        { "{\"x\":\"\\ud800\\u0041\",\"inputs\":[]}", "malformed JSON" },
        { "{\"x\":\"\xff\",\"inputs\":[]}", "malformed JSON at byte 6" },
        { "{\"x\":\"\xc0\xaf\",\"inputs\":[]}", "malformed JSON at byte 6" },
        { "{\"x\":\"a\nb\",\"inputs\":[]}", "malformed JSON at byte 7" },
        { "{\"x\":\"\\x\",\"inputs\":[]}", "malformed JSON" },
        { "{\"x\":\"\\u12g4\",\"inputs\":[]}", "malformed JSON" },
        { "{\"x\" 1}", "expected ':', got 1" },
        { "{x:1}", "expected a string, got x" },
        { "{\"x\":1,}", "malformed JSON" },
        { "\xef\xbb\xbf{}", "" }
    };

    (void) state;

    request_open(&t, "a:FP32 b:FP32", "y:FP32:1");

    for (i = 0; i < mlops_nitems(cases); i++) {
        request_refused(&t, V2, cases[i].body, cases[i].error);
    }

    /* and after all of them */

    request_numbers(&t, V2, TENSOR("[1,2]", "FP32", "[1,2]"), 1, 1, 2);

    request_close(&t);
}


/* The least text that a shape can have: a digit and a comma a value. */

static void
test_dense(void **state)
{
    char       *body, *p;
    double      cells[2000];
    uint32_t    i;
    request_t   t;

    (void) state;

    request_open(&t, "a:FP32 b:FP32", "y:FP32:1");
    body = request_alloc(&t, 10000);

    p = stpcpy(body, "{\"inputs\":[{\"name\":\"x\",\"shape\":[1000,2],"
               "\"datatype\":\"FP32\",\"data\":[");

    for (i = 0; i < 2000; i++) {
        cells[i] = i % 10;
        p += sprintf(p, "%s%u", i ? "," : "", i % 10);
    }

    (void) stpcpy(p, "]}]}");
    request_expect(&t, V2, body, 1000, cells);

    p = stpcpy(body, "{\"inputs\":[{\"name\":\"a\",\"shape\":[1000],"
               "\"datatype\":\"FP32\",\"data\":[");

    for (i = 0; i < 1000; i++) {
        cells[2 * i] = i % 7;
        p += sprintf(p, "%s%u", i ? "," : "", i % 7);
    }

    p = stpcpy(p, "]},{\"name\":\"b\",\"shape\":[1000],\"datatype\":"
               "\"FP32\",\"data\":[");

    for (i = 0; i < 1000; i++) {
        cells[2 * i + 1] = i % 9;
        p += sprintf(p, "%s%u", i ? "," : "", i % 9);
    }

    (void) stpcpy(p, "]}]}");
    request_expect(&t, V2, body, 1000, cells);

    request_close(&t);
}


static void
test_depth(void **state)
{
    char       *body;
    size_t      i, len;
    request_t   t;

    (void) state;

    request_open(&t, "a:FP32 b:FP32", "y:FP32:1");

    body = request_alloc(&t, 1000100);

    /* {"x":[[[… 500,000 times */

    len = (size_t) sprintf(body, "{\"x\":");
    memset(body + len, '[', 500000);
    body[len + 500000] = '\0';
    request_refused(&t, V2, body, "JSON nested too deep at byte 68: expected "
                    "at most 64 levels");

    memset(body, '[', 500000);
    body[500000] = '\0';
    request_refused(&t, V2, body, "expected a JSON object");

    /* 120 levels of data */

    len = (size_t) sprintf(body, "{\"inputs\":[{\"name\":\"x\",\"shape\":"
                           "[1,2],\"datatype\":\"FP32\",\"data\":");
    memset(body + len, '[', 120);
    len += 120;
    body[len++] = '1';
    memset(body + len, ']', 120);
    (void) strcpy(body + len + 120, "}]}");
    request_refused(&t, V2, body, "");

    /* the last level that is allowed, and the first that is not */

    for (i = 63; i <= 64; i++) {
        len = (size_t) sprintf(body, "{\"x\":");
        memset(body + len, '[', i);
        memset(body + len + i, ']', i);
        (void) strcpy(body + len + 2 * i, ",\"inputs\":[{\"name\":\"x\","
                      "\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":"
                      "[1,2]}]}");

        if (i == 63) {
            request_numbers(&t, V2, body, 1, 1, 2);

        } else {
            request_refused(&t, V2, body, "nested too deep");
        }
    }

    request_close(&t);
}


static void
test_limits(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP32 b:FP32", "y:FP32:1");
    t.limits.rows = 2;

    request_numbers(&t, V2, TENSOR("[2,2]", "FP32", "[1,2,3,4]"), 2, 1, 2, 3,
                    4);
    request_over(&t, V2, TENSOR("[3,2]", "FP32", "[1,2,3,4,5,6]"),
                 "at most 2 rows, got 3");
    request_over(&t, V2, TENSOR("[18446744073709551615,2]", "FP32", "[1]"),
                 "at most 2 rows, got 18446744073709551615");

    t.limits.rows = 1000;
    t.limits.elements = 5;
    request_over(&t, V2, TENSOR("[3,2]", "FP32", "[1,2,3,4,5,6]"),
                 "at most 5 values");

    t.limits.elements = 1000;
    t.limits.inputs = 1;
    request_over(&t, V2, "{\"inputs\":["
                 "{\"name\":\"a\",\"shape\":[1],\"datatype\":\"FP32\","
                 "\"data\":[1]},{\"name\":\"b\",\"shape\":[1],\"datatype\":"
                 "\"FP32\",\"data\":[1]}]}", "at most 1 inputs");

    request_close(&t);
}


/* Names and texts of the user's are cut at whole characters. */

static void
test_error_quotes(void **state)
{
    char        body[1024], name[401];
    int         i;
    request_t   t;

    (void) state;

    for (i = 0; i < 200; i++) {
        memcpy(name + 2 * i, "\xc3\xa9", 2);
    }

    name[400] = '\0';

    request_open(&t, "a:FP32 b:FP32", "y:FP32:1");

    (void) snprintf(body, sizeof(body), "{\"inputs\":[{\"name\":\"q%s\","
                    "\"shape\":[1],\"datatype\":\"FP32\",\"data\":[1]}]}",
                    name);
    request_refused(&t, V2, body, "input \"q\xc3\xa9");
    assert_true(strlen(t.err.text) < 200);
    assert_true(mlops_utf8_valid(t.err.text, strlen(t.err.text)));

    (void) snprintf(body, sizeof(body), TENSOR("[1,2]", "FP32", "[1,\"%s\"]"),
                    name);
    request_refused(&t, V2, body, "expected a number, got \"\xc3\xa9");
    assert_true(strlen(t.err.text) < 200);
    assert_true(mlops_utf8_valid(t.err.text, strlen(t.err.text)));
    assert_non_null(strstr(t.err.text, "..."));

    request_close(&t);
}


/* Cut anywhere, a request is refused, and nothing behind it is read. */

static void
test_truncated(void **state)
{
    size_t      i;
    request_t   t;

    static const char  body[] =
        "{\"id\":\"\\u00e9\",\"inputs\":[{\"name\":\"b\",\"shape\":[2],"
        "\"datatype\":\"INT16\",\"data\":[-12,345]},{\"name\":\"a\",\"shape\""
        ":[2,1],\"datatype\":\"FP32\",\"data\":[[1.5e1],[null]]}],\"outputs\""
        ":[{\"name\":\"y\"}],\"foo\":[true,false,{\"a\":\"b\"}]}";

    (void) state;

    request_open(&t, "a:FP32 b:INT16", "y:FP32:1");

    for (i = 0; i < sizeof(body) - 1; i++) {
        unit_ok(request_read_len(&t, V2, body, i) == MLOPS_ERROR, "%zu", i);
        unit_ok(t.err.text[0] != '\0', "%zu", i);
    }

    request_numbers(&t, V2, body, 2, 15, -12, NAN, 345);

    request_close(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_extra_keys),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_scalar),
        cmocka_unit_test(test_precision),
        cmocka_unit_test(test_number_forms),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_float_overflow),
        cmocka_unit_test(test_nonfinite),
        cmocka_unit_test(test_null),
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_outputs_of_another),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_error_quotes),
        cmocka_unit_test(test_truncated)
    };

    return unit_run(tests);
}
