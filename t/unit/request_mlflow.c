/*
 * MLflow's requests.
 */

#include "request.h"


#define MLFLOW  MLOPS_DOOR_MLFLOW


static void
test_forms(void **state)
{
    size_t     i;
    request_t  t;

    static const char  *bodies[] = {
        "{\"dataframe_split\":{\"columns\":[\"a\",\"b\",\"c\",\"d\"],"
        "\"data\":[[6.8,2.8,4.8,1.4]]}}",
        "{\"dataframe_split\":{\"columns\":[\"d\",\"b\",\"zz\",\"a\",\"c\"],"
        "\"index\":[0],\"data\":[[1.4,2.8,{\"x\":[]},6.8,4.8]]}}",
        "{\"dataframe_split\":{\"data\":[[1.4,2.8,6.8,4.8]],"
        "\"columns\":[\"d\",\"b\",\"a\",\"c\"]}}",
        "{\"dataframe_split\":{\"data\":[[6.8,2.8,4.8,1.4]]}}",
        "{\"dataframe_split\":{\"columns\":null,\"index\":null,"
        "\"data\":[[6.8,2.8,4.8,1.4]]}}",
        "{\"dataframe_records\":[{\"a\":6.8,\"b\":2.8,\"c\":4.8,\"d\":1.4}]}",
        "{\"dataframe_records\":[{\"d\":1.4,\"x\":null,\"b\":2.8,\"c\":4.8,"
        "\"a\":6.8}]}",
        "{\"instances\":[[6.8,2.8,4.8,1.4]]}",
        "{\"instances\":[{\"a\":6.8,\"b\":2.8,\"c\":4.8,\"d\":1.4}]}",
        "{\"inputs\":[[6.8,2.8,4.8,1.4]]}",
        "{\"inputs\":{\"d\":[1.4],\"b\":[2.8],\"c\":[4.8],\"a\":[6.8]}}",
        "{\"params\":{\"unknown\":[1]},\"inputs\":[[6.8,2.8,4.8,1.4]]}",
        "{\"inputs\":[[6.8,2.8,4.8,1.4]],\"params\":null,\"foo\":1}"
    };

    (void) state;

    request_open(&t, "a:FP64 b:FP64 c:FP64 d:FP64", "y:FP64:1");

    for (i = 0; i < mlops_nitems(bodies); i++) {
        request_numbers(&t, MLFLOW, bodies[i], 1, 6.8, 2.8, 4.8, 1.4);
        assert_int_equal(t.req.dialect, MLOPS_DIALECT_MLFLOW);
    }

    request_numbers(&t, MLFLOW, "{\"dataframe_split\":{\"columns\":[\"d\","
                    "\"c\",\"b\",\"a\"],\"data\":[[1,2,3,4],[5,6,7,8],[null,1"
                    ",1,1]]}}", 3, 4, 3, 2, 1, 8, 7, 6, 5, 1, 1, 1, NAN);

    request_close(&t);

    request_open(&t, "x:FP32", "y:FP32:1");

    request_numbers(&t, MLFLOW, "{\"inputs\":[1,2,3]}", 3, 1, 2, 3);
    request_numbers(&t, MLFLOW, "{\"instances\":[1,[2],3]}", 3, 1, 2, 3);
    request_numbers(&t, MLFLOW, "{\"dataframe_split\":{\"columns\":[\"x\"],"
                    "\"data\":[1,[2]]}}", 2, 1, 2);

    request_close(&t);
}


static void
test_signatures(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");
    request_signature(&t, "wide", "x:FP64 y:FP64 z:FP64=1", "z:FP64:1");

    request_numbers(&t, MLFLOW, "{\"dataframe_split\":{\"columns\":[\"y\","
                    "\"x\"],\"data\":[[1,2]]}}", 1, 2, 1, NAN);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);

    request_numbers(&t, MLFLOW, "{\"dataframe_split\":{\"data\":[[1,2,3]]}}",
                    1, 1, 2, 3);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);

    request_numbers(&t, MLFLOW, "{\"dataframe_records\":[{\"b\":1,\"a\":2}]}",
                    1, 2, 1);
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
        { "[]", "expected a JSON object" },
        { "\"x\"", "expected a JSON object" },
        { "{}", "expected \"dataframe_split\"" },
        { "{\"not\":\"a dataframe\"}", "expected \"dataframe_split\"" },
        { "{\"dataframe_records\":[],\"dataframe_split\":{\"data\":[]}}",
          "at least one row" },
        { "{\"dataframe_records\":[{\"a\":1,\"b\":2}],\"dataframe_split\":"
          "{\"data\":[]}}", "exactly one of" },
        { "{\"inputs\":[[1,2]],\"instances\":[[1,2]]}", "exactly one of" },
        { "{\"inputs\":[[1,2]],\"inputs\":[[1,2]]}", "exactly one of" },
        { "{\"dataframe_split\":[]}", "dataframe_split: expected an object" },
        { "{\"dataframe_split\":{}}", "expected \"data\", got none" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"]}}",
          "expected \"data\"" },
        { "{\"dataframe_split\":{\"data\":{}}}",
          "dataframe_split: data: expected a list of rows, got an object" },
        { "{\"dataframe_split\":{\"data\":[]}}", "at least one row" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[]}}",
          "at least one row" },
        { "{\"dataframe_split\":{\"columns\":[],\"data\":[[1,2]]}}",
          "columns: expected at least one" },
        { "{\"dataframe_split\":{\"columns\":[1,2],\"data\":[[1,2]]}}",
          "columns: expected names, got 1" },
        { "{\"dataframe_split\":{\"columns\":{},\"data\":[[1,2]]}}",
          "columns: expected a list of names, got an object" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"a\"],\"data\":[[1,2]]}"
          "}", "a: the name is there twice" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"c\"],\"data\":[[1,2]]}"
          "}", "b: missing" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[[1]]}}",
          "row 0: expected 2 values, got 1" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[[1,2,3]"
          "]}}", "row 0: expected 2 values, got more" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[[]]}}",
          "row 0: expected 2 values, got 0" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[[1,2],"
          "[3,\"x\"]]}}", "b, row 1: expected a number, got \"x\"" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"data\":[1,2]}}",
          "row 0: expected an array, got 1" },
        { "{\"dataframe_split\":{\"data\":[{\"a\":1,\"b\":2}]}}",
          "row 0: expected an array, got an object" },
        { "{\"dataframe_split\":{\"columns\":[\"a\",\"b\"],\"columns\":[]}}",
          "\"columns\" is there twice" },
        { "{\"dataframe_split\":{\"data\":[[1,2]],\"data\":[]}}",
          "\"data\" is there twice" },
        { "{\"dataframe_records\":{}}",
          "dataframe_records: expected a list of objects, got an object" },
        { "{\"dataframe_records\":[]}", "at least one row" },
        { "{\"dataframe_records\":[[1,2]]}",
          "row 0: expected an object, got an array" },
        { "{\"dataframe_records\":[{\"a\":1,\"b\":2},{\"a\":1,\"bb\":2}]}",
          "b, row 1: missing; the unknown name \"bb\" comes close" },
        { "{\"params\":5,\"inputs\":[[1,2]]}",
          "params: expected an object, got 5" },
        { "{\"params\":[],\"inputs\":[[1,2]]}",
          "params: expected an object, got an array" },
        { "{\"params\":{},\"params\":{},\"inputs\":[[1,2]]}",
          "\"params\" is there twice" },
        { "{\"inputs\":[[1,2]]} x", "the end of the text" }
    };

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");

    for (i = 0; i < mlops_nitems(cases); i++) {
        request_refused(&t, MLFLOW, cases[i].body, cases[i].error);
    }

    request_close(&t);
}


/* An integer column keeps what pandas would have made 32 bits of. */

static void
test_integers(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:INT64 b:UINT64", "y:FP64:1");

    (void) request_read(&t, MLFLOW, "{\"dataframe_split\":{\"columns\":"
                        "[\"b\",\"a\"],\"data\":[[18446744073709551615,"
                        "9007199254740993]]}}");
    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);
    assert_true(t.req.rows.cells[0].i == 9007199254740993ll);
    assert_true(t.req.rows.cells[1].u == UINT64_MAX);

    request_close(&t);
}


static void
test_truncated(void **state)
{
    size_t      i, j;
    request_t   t;

    static const char  *bodies[] = {
        "{\"dataframe_split\":{\"data\":[[1,\"\\u00e9\",3]],\"columns\":["
        "\"b\",\"c\",\"a\"]}}",
        "{\"dataframe_split\":{\"columns\":[\"b\",\"c\",\"a\"],\"data\":[[1,"
        "\"\\u00e9\",3],[1,2,3]]}}",
        "{\"params\":{\"x\":1},\"dataframe_records\":[{\"a\":1,\"b\":2}]}"
    };

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");

    for (j = 0; j < mlops_nitems(bodies); j++) {
        for (i = 0; i < strlen(bodies[j]); i++) {
            assert_int_equal(request_read_len(&t, MLFLOW, bodies[j], i),
                             MLOPS_ERROR);
        }

        assert_int_equal(request_read(&t, MLFLOW, bodies[j]), MLOPS_OK);
    }

    request_close(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_truncated)
    };

    return unit_run(tests);
}
