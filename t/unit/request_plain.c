/*
 * Plain objects of named features, and which dialect a body speaks.
 */

#include "request.h"


#define ANY  MLOPS_DOOR_ANY

#define HOUSING                                                               \
    "median_income_in_block:FP64! median_house_age_in_block:FP64! "           \
    "average_rooms:FP64! average_bedrooms:FP64! population_per_block:FP64! "  \
    "average_house_occupancy:FP64! block_latitude:FP64! "                     \
    "block_longitude:FP64!"


/* The body that the reference system's README sends: integers too. */

static void
test_housing(void **state)
{
    request_t  t;

    static const char  body[] =
        "{\n  \"median_income_in_block\": 8.3252,\n"
        "  \"median_house_age_in_block\": 41,\n  \"average_rooms\": 6,\n"
        "  \"average_bedrooms\": 1,\n  \"population_per_block\": 322,\n"
        "  \"average_house_occupancy\": 2.55,\n"
        "  \"block_latitude\": 37.88,\n  \"block_longitude\": -122.23\n}\n";

    (void) state;

    request_open(&t, HOUSING, "median_house_value:FP64:1");

    request_numbers(&t, ANY, body, 1, 8.3252, 41, 6, 1, 322, 2.55, 37.88,
                    -122.23);
    assert_int_equal(t.req.dialect, MLOPS_DIALECT_PLAIN);

    request_refused(&t, ANY, "{\"median_income_in_block\":8.3252,"
                    "\"median_house_age_in_block\":41,\"average_rooms\":"
                    "\"x\"}",
                    "average_rooms: expected a number, got \"x\"");
    request_refused(&t, ANY, "{\"median_income_in_block\":8.3252,"
                    "\"median_house_age_in_block\":41,\"avrage_rooms\":6}",
                    "average_rooms: missing; the unknown name "
                    "\"avrage_rooms\" comes close");
    request_refused(&t, ANY, "{}", "median_income_in_block: missing");
    request_refused(&t, ANY, "{\"block_latitude\":1,\"block_latitude\":2}",
                    "block_latitude: the name is there twice");

    request_close(&t);
}


static void
test_mpg(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "weight_kg:FP64! year:FP64!", "y:FP64:1");
    request_signature(&t, "raw", "wght:FP64! yr:FP64!", "y:FP64:1");

    request_numbers(&t, ANY, "{\"weight_kg\":1080,\"year\":1971}", 1, 1080,
                    1971);
    assert_ptr_equal(t.req.signature, &t.signatures[0]);
    request_numbers(&t, ANY, "{\"yr\":71,\"wght\":1595}", 1, 1595, 71);
    assert_ptr_equal(t.req.signature, &t.signatures[1]);
    request_refused(&t, ANY, "{\"yr\":71}", "wght: missing");
    request_refused(&t, ANY, "{}", "weight_kg: missing");

    request_close(&t);
}


static void
test_list(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 b:INT64=5", "y:FP64:1");

    request_numbers(&t, ANY, "[{\"a\":1,\"b\":2},{\"b\":3,\"a\":4},{\"a\":"
                    "null}]", 3, 1, 2, 4, 3, NAN, NAN);
    assert_int_equal(t.req.dialect, MLOPS_DIALECT_PLAIN_LIST);

    request_numbers(&t, ANY, " [ { \"a\" : 1 } ] ", 1, 1, NAN);

    request_refused(&t, ANY, "[]", "at least one row");
    request_refused(&t, ANY, "[1]", "row 0: expected an object, got 1");
    request_refused(&t, ANY, "[[1,2]]", "row 0: expected an object");
    request_refused(&t, ANY, "[{\"a\":1},{\"a\":\"x\"}]",
                    "a, row 1: expected a number, got \"x\"");
    request_refused(&t, ANY, "[{\"a\":1},{}]", "a, row 1: missing");
    request_refused(&t, ANY, "[{\"a\":1}", "malformed JSON");
    request_refused(&t, ANY, "[{\"a\":1}]]", "the end of the text, got ]");

    request_close(&t);
}


static void
test_unknown_keys(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:1");

    request_numbers(&t, ANY, "{\"x\":{\"a\":[1,{}]},\"b\":2,\"a\":1,"
                    "\"id\":\"7\"}", 1, 1, 2);
    request_refused(&t, ANY, "{\"a\":1,\"b\":2,\"x\":[1,}",
                    "malformed JSON");
    request_refused(&t, ANY, "{\"a\":1,\"zebra\":2}", "b: missing");
    assert_null(strstr(t.err.text, "zebra"));

    request_close(&t);
}


static void
test_partial(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "id:INT64! a:FP64 b:FP64", "y:FP64:1");
    t.partial = 1;

    request_numbers(&t, ANY, "{\"id\":77}", 1, 77, NAN, NAN);
    request_numbers(&t, ANY, "[{\"id\":77},{\"id\":78,\"b\":1}]", 2, 77, NAN,
                    NAN, 78, NAN, 1);
    request_numbers(&t, ANY, "{\"instances\":[{\"id\":77}]}", 1, 77, NAN,
                    NAN);
    request_numbers(&t, ANY, "{\"dataframe_split\":{\"columns\":[\"id\"],"
                    "\"data\":[[77],[78]]}}", 2, 77, NAN, NAN, 78, NAN, NAN);
    request_numbers(&t, ANY, "{\"inputs\":{\"id\":[77,78]}}", 2, 77, NAN,
                    NAN, 78, NAN, NAN);

    request_close(&t);
}


static void
dialect(request_t *t, const char *body, mlops_dialect_t expected)
{
    (void) request_read(t, ANY, body);

    unit_ok(t->rc == MLOPS_OK, "%s\n%s", body, t->err.text);
    unit_ok(t->req.dialect == expected, "%s\n%d", body, t->req.dialect);
}


static void
test_dialects(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 id:FP64=1", "y:FP64:1");

    dialect(&t, "{\"inputs\":[{\"name\":\"a\",\"shape\":[1],\"datatype\":"
            "\"FP64\",\"data\":[1]}]}", MLOPS_DIALECT_V2);
    dialect(&t, "{\"id\":\"x\",\"parameters\":{},\"outputs\":[],\"inputs\":"
            "[{\"datatype\":\"FP64\",\"data\":[1],\"shape\":[1],\"name\":"
            "\"a\"}]}", MLOPS_DIALECT_V2);
    dialect(&t, "{\"model_name\":\"m\",\"inputs\":[{\"name\":\"a\",\"shape\":"
            "[1],\"datatype\":\"FP64\",\"data\":[1]}]}", MLOPS_DIALECT_V2);
    dialect(&t, "{\"instances\":[[1,2]]}", MLOPS_DIALECT_V1_ROWS);
    dialect(&t, "{\"inputs\":[[1,2]]}", MLOPS_DIALECT_V1_COLUMNS);
    dialect(&t, "{\"inputs\":{\"a\":[1]}}", MLOPS_DIALECT_V1_COLUMNS);
    dialect(&t, "{\"inputs\":[{\"a\":1}]}", MLOPS_DIALECT_V1_COLUMNS);
    dialect(&t, "{\"signature_name\":\"default\",\"instances\":[{\"a\":1}]}",
            MLOPS_DIALECT_V1_ROWS);
    dialect(&t, "{\"dataframe_split\":{\"data\":[[1,2]]}}",
            MLOPS_DIALECT_MLFLOW);
    dialect(&t, "{\"params\":{},\"dataframe_records\":[{\"a\":2}]}",
            MLOPS_DIALECT_MLFLOW);
    dialect(&t, "{\"a\":1}", MLOPS_DIALECT_PLAIN);
    dialect(&t, "{\"id\":5,\"a\":1}", MLOPS_DIALECT_PLAIN);
    dialect(&t, "{\"zz\":[],\"a\":1,\"inputs\":[]}", MLOPS_DIALECT_PLAIN);
    dialect(&t, "[{\"a\":1}]", MLOPS_DIALECT_PLAIN_LIST);

    request_refused(&t, ANY, "", "empty body");
    request_refused(&t, ANY, "\"x\"", "expected a JSON object or a list");
    request_refused(&t, ANY, "5", "expected a JSON object or a list");
    request_refused(&t, ANY, "{\"inputs\":[]}", "at least one row");
    request_refused(&t, ANY, "{\"inputs\":5}", "inputs: expected a list");
    request_refused(&t, ANY, "{\"not\":\"a dataframe\"}", "a: missing");
    request_refused(&t, ANY, "{", "malformed JSON");

    request_close(&t);

    /* features that are called as a protocol's keys */

    request_open(&t, "inputs:FP64 instances:FP64", "y:FP64:1");

    request_numbers(&t, ANY, "{\"inputs\":1,\"instances\":2}", 1, 1, 2);
    assert_int_equal(t.req.dialect, MLOPS_DIALECT_PLAIN);
    request_numbers(&t, ANY, "{\"instances\":[[1,2]]}", 1, 1, 2);
    assert_int_equal(t.req.dialect, MLOPS_DIALECT_V1_ROWS);

    request_close(&t);
}


static void
test_truncated(void **state)
{
    size_t      i;
    request_t   t;

    static const char  body[] =
        "[{\"a\":1e5,\"\\u0073\":\"x\\ny\",\"z\":[[{}],false,null]},{\"s\":"
        "\"\xc3\xa9\",\"a\":-0.25}]";

    (void) state;

    request_open(&t, "a:FP64 s:BYTES", "y:FP64:1");

    for (i = 0; i < sizeof(body) - 1; i++) {
        assert_int_equal(request_read_len(&t, ANY, body, i), MLOPS_ERROR);
    }

    assert_int_equal(request_read(&t, ANY, body), MLOPS_OK);
    assert_string_equal(request_cell_text(&t, 0, 1), "x\ny");
    assert_string_equal(request_cell_text(&t, 1, 1), "\xc3\xa9");

    request_close(&t);
}


/* Every single byte changed to every other: no crash, and an error has a
 * text. */

static void
test_mutations(void **state)
{
    int         c;
    char       *body;
    size_t      i, len;
    request_t   t;

    static const char  source[] =
        "{\"a\":1e5,\"s\":\"x\\ny\",\"z\":[[{}],true]}";

    (void) state;

    request_open(&t, "a:FP64 s:BYTES", "y:FP64:1");

    len = sizeof(source) - 1;
    body = malloc(len);

    for (i = 0; i < len; i++) {
        memcpy(body, source, len);

        for (c = 0; c < 256; c++) {
            body[i] = (char) c;

            if (request_read_len(&t, ANY, body, len) != MLOPS_OK) {
                assert_true(t.err.text[0] != '\0');
            }
        }

        /* keeps the memory of the test small */

        mlops_arena_destroy(&t.arena);
        t.face.n = 0;
        request_signature(&t, "default", "a:FP64 s:BYTES", "y:FP64:1");
    }

    free(body);
    request_close(&t);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_housing),
        cmocka_unit_test(test_mpg),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_unknown_keys),
        cmocka_unit_test(test_partial),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_mutations)
    };

    return unit_run(tests);
}
