/*
 * Answers: each dialect's form, the text of numbers, quoting.
 */

#include "request.h"
#include "mlops_num.h"

#include <yajl/yajl_parse.h>
#include <yajl/yajl_tree.h>


#define NULLS    MLOPS_NONFINITE_NULL
#define STRINGS  MLOPS_NONFINITE_STRING
#define TOKENS   MLOPS_NONFINITE_TOKEN


static void
is_json(const char *text)
{
    char       why[256];
    yajl_val   tree;

    tree = yajl_tree_parse(text, why, sizeof(why));
    unit_ok(tree != NULL, "%s\n%s", text, why);
    yajl_tree_free(tree);
}


static void
answers(request_t *t, int door, const char *body, const char *expected)
{
    const char  *got;

    (void) request_read(t, door, body);
    unit_ok(t->rc == MLOPS_OK, "%s\n%s", body, t->err.text);

    got = request_echo(t, "m", "3", NULLS);
    assert_string_equal(got, expected);

    if (door >= 0) {
        is_json(got);
    }
}


static void
test_v2_forms(void **state)
{
    request_t    t;
    const char  *got;

    static const char  two[] =
        "{\"inputs\":[{\"name\":\"p\",\"shape\":[2,3],\"datatype\":\"FP64\","
        "\"data\":[1,0.25,-3,4,5e300,6]}]}";

    (void) state;

    request_open(&t, "x:FP32", "y:FP32:1");

    answers(&t, MLOPS_DOOR_V2, "{\"id\":\"123\",\"inputs\":[{\"name\":\"x\","
            "\"shape\":[2,1],\"datatype\":\"FP32\",\"data\":[6.8,null]}]}",
            "{\"model_name\":\"m\",\"model_version\":\"3\",\"id\":\"123\","
            "\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":"
            "[2,1],\"data\":[6.8,null]}]}");

    /* S10 of the protocol's vectors: the text is the float 0x40d9999a */

    assert_true((double) strtof("6.8", NULL) == t.req.rows.cells[0].f);

    got = request_echo(&t, "\"q\"\n", "", STRINGS);
    assert_string_equal(got, "{\"model_name\":\"\\\"q\\\"\\n\",\"id\":\"123\""
                        ",\"outputs\":[{\"name\":\"y\",\"datatype\":\"FP32\","
                        "\"shape\":[2,1],\"data\":[6.8,\"NaN\"]}]}");
    is_json(got);

    request_close(&t);

    request_open(&t, "a:FP64 b:FP64 c:FP64", "y:FP64:2 z:FP64:1");

    answers(&t, MLOPS_DOOR_V2, two,
            "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":["
            "{\"name\":\"y\",\"datatype\":\"FP64\",\"shape\":[2,2],\"data\":"
            "[1.0,0.25,4.0,5e+300]},{\"name\":\"z\",\"datatype\":\"FP64\","
            "\"shape\":[2,1],\"data\":[-3.0,6.0]}]}");

    /* in the order asked for, and only those */

    answers(&t, MLOPS_DOOR_V2, "{\"outputs\":[{\"name\":\"z\"},{\"name\":"
            "\"y\"}],\"inputs\":[{\"name\":\"p\",\"shape\":[1,3],"
            "\"datatype\":\"FP64\",\"data\":[1,2,3]}]}",
            "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":["
            "{\"name\":\"z\",\"datatype\":\"FP64\",\"shape\":[1,1],\"data\":"
            "[3.0]},{\"name\":\"y\",\"datatype\":\"FP64\",\"shape\":[1,2],"
            "\"data\":[1.0,2.0]}]}");
    answers(&t, MLOPS_DOOR_V2, "{\"outputs\":[{\"name\":\"z\"}],\"inputs\":["
            "{\"name\":\"p\",\"shape\":[1,3],\"datatype\":\"FP64\",\"data\":"
            "[1,2,3]}]}",
            "{\"model_name\":\"m\",\"model_version\":\"3\",\"outputs\":["
            "{\"name\":\"z\",\"datatype\":\"FP64\",\"shape\":[1,1],\"data\":"
            "[3.0]}]}");

    request_close(&t);
}


/* S8: digit for digit. */

static void
test_types(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "i:INT64 u:UINT64 b:BOOL s:BYTES c:INT8",
                 "i:INT64:1 u:UINT64:1 b:BOOL:1 s:BYTES:1 c:INT8:1");

    answers(&t, MLOPS_DOOR_V1, "{\"instances\":[[9223372036854775807,"
            "18446744073709551615,true,\"a\\\"\\u0001\\u20ac\",-128],"
            "[-9223372036854775808,9007199254740993,false,\"\",0]]}",
            "{\"predictions\":[{\"i\":9223372036854775807,\"u\":"
            "18446744073709551615,\"b\":true,\"s\":\"a\\\"\\u0001\xe2\x82\xac"
            "\",\"c\":-128},{\"i\":-9223372036854775808,\"u\":"
            "9007199254740993,\"b\":false,\"s\":\"\",\"c\":0}]}");

    request_close(&t);
}


static void
test_v1(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 b:FP64", "y:FP64:2");

    answers(&t, MLOPS_DOOR_V1, "{\"instances\":[[2.5,3],[3.5,4]]}",
            "{\"predictions\":[[2.5,3.0],[3.5,4.0]]}");
    answers(&t, MLOPS_DOOR_V1, "{\"inputs\":[[2.5,3],[3.5,4]]}",
            "{\"outputs\":[[2.5,3.0],[3.5,4.0]]}");
    answers(&t, MLOPS_DOOR_MLFLOW, "{\"inputs\":[[2.5,null]]}",
            "{\"predictions\":[[2.5,null]]}");

    request_close(&t);

    request_open(&t, "a:FP64", "y:FP64:1");

    answers(&t, MLOPS_DOOR_V1, "{\"signature_name\":\"serving_default\","
            "\"inputs\":[3.5,4.0]}", "{\"outputs\":[3.5,4.0]}");
    answers(&t, MLOPS_DOOR_V1, "{\"instances\":[32.9]}",
            "{\"predictions\":[32.9]}");
    answers(&t, MLOPS_DOOR_MLFLOW, "{\"dataframe_split\":{\"columns\":"
            "[\"a\"],\"data\":[[32.9],[33.2]]}}",
            "{\"predictions\":[32.9,33.2]}");

    request_close(&t);

    request_open(&t, "a:FP64 b:FP64 c:FP64", "y:FP64:2 z:FP64:1");

    answers(&t, MLOPS_DOOR_V1, "{\"instances\":[[1,2,3],[4,5,6]]}",
            "{\"predictions\":[{\"y\":[1.0,2.0],\"z\":3.0},{\"y\":[4.0,5.0],"
            "\"z\":6.0}]}");
    answers(&t, MLOPS_DOOR_V1, "{\"inputs\":{\"a\":[1,4],\"b\":[2,5],\"c\":"
            "[3,6]}}", "{\"outputs\":{\"y\":[[1.0,2.0],[4.0,5.0]],\"z\":"
            "[3.0,6.0]}}");
    answers(&t, MLOPS_DOOR_MLFLOW, "{\"inputs\":[[1,2,3]]}",
            "{\"predictions\":[{\"y\":[1.0,2.0],\"z\":3.0}]}");

    request_close(&t);
}


static void
test_plain(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "v:FP64", "median_house_value:FP64:1");

    answers(&t, MLOPS_DOOR_ANY, "{\"v\":421779.232}",
            "{\"median_house_value\":421779.232}");
    answers(&t, MLOPS_DOOR_ANY, "[{\"v\":1},{\"v\":null}]",
            "[{\"median_house_value\":1.0},{\"median_house_value\":null}]");

    request_close(&t);

    request_open(&t, "a:FP64 b:FP64 c:FP64", "\"y\":FP64:2 z:FP64:1");

    answers(&t, MLOPS_DOOR_ANY, "{\"a\":1,\"b\":2,\"c\":3}",
            "{\"\\\"y\\\"\":[1.0,2.0],\"z\":3.0}");

    request_close(&t);
}


static void
test_csv(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64", "prediction:FP64:1");
    answers(&t, -1, "a\n1.5\n\"\"\n", "prediction\n1.5\n\n");
    assert_string_equal(request_echo(&t, "m", "", TOKENS),
                        "prediction\n1.5\nNaN\n");
    assert_string_equal(request_echo(&t, "m", "", STRINGS),
                        "prediction\n1.5\nNaN\n");
    request_close(&t);

    request_open(&t, "a:FP32 b:FP32 s:BYTES",
                 "prediction:FP32:2 a,\"b:BYTES:1");
    answers(&t, -1, "s,a,b\n\"x, \"\"y\"\"\n\",1,0.1\nplain,2,3\n\"\",4,\n",
            "prediction_0,prediction_1,\"a,\"\"b\"\n"
            "1.0,0.1,\"x, \"\"y\"\"\n\"\n2.0,3.0,plain\n4.0,,\"\"\n");
    request_close(&t);

    request_open(&t, "a:FP32 b:FP32", "a,b:FP32:2");
    answers(&t, -1, "a,b\n1,2\n", "\"a,b_0\",\"a,b_1\"\n1.0,2.0\n");
    request_close(&t);
}


static void
test_nonfinite(void **state)
{
    request_t  t;

    (void) state;

    request_open(&t, "a:FP64 b:FP32 c:FP64", "y:FP64:1 z:FP32:1 w:FP64:1");
    t.limits.nonfinite = 1;

    (void) request_read(&t, MLOPS_DOOR_V1,
                        "{\"instances\":[[NaN,Infinity,-Infinity]]}");
    unit_ok(t.rc == MLOPS_OK, "%s", t.err.text);

    assert_string_equal(request_echo(&t, "m", "", NULLS),
                        "{\"predictions\":[{\"y\":null,\"z\":null,\"w\":null}"
                        "]}");
    assert_string_equal(request_echo(&t, "m", "", STRINGS),
                        "{\"predictions\":[{\"y\":\"NaN\",\"z\":\"Infinity\","
                        "\"w\":\"-Infinity\"}]}");
    assert_string_equal(request_echo(&t, "m", "", TOKENS),
                        "{\"predictions\":[{\"y\":NaN,\"z\":Infinity,\"w\":"
                        "-Infinity}]}");

    request_close(&t);
}


/* Random bits out and in again, in every dialect, within the bound that was
 * promised (request_echo checks it). */

static void
test_round_trip(void **state)
{
    char         *end;
    float         f;
    double        d;
    size_t        i, j, rows;
    uint32_t      bits;
    uint64_t      seed, x;
    request_t     t;
    const char   *got, *p;

    (void) state;

    seed = 99;
    rows = unit_quick() ? 500 : 4000;

    request_open(&t, "a:FP64 b:FP32", "y:FP64:1 z:FP32:1");

    assert_int_equal(mlops_rows_alloc(&t.req.rows, &t.signatures[0].inputs,
                                      (uint32_t) rows, &t.arena, &t.err),
                     MLOPS_OK);
    t.req.signature = &t.signatures[0];

    for (i = 0; i < rows; i++) {

        do {
            x = unit_random(&seed);
            memcpy(&d, &x, 8);
        } while (!isfinite(d));

        do {
            bits = (uint32_t) unit_random(&seed);
            memcpy(&f, &bits, 4);
        } while (!isfinite(f));

        t.req.rows.cells[2 * i].f = d;
        t.req.rows.cells[2 * i + 1].f = f;
    }

    for (j = 0; j <= MLOPS_DIALECT_CSV; j++) {
        t.req.dialect = (mlops_dialect_t) j;
        got = request_echo(&t, "model", "17", NULLS);

        if (j != MLOPS_DIALECT_CSV) {
            is_json(got);
        }

        if (j != MLOPS_DIALECT_MLFLOW) {
            continue;
        }

        p = got;

        for (i = 0; i < rows; i++) {
            p = strstr(p, "\"y\":") + 4;
            assert_true(strtod(p, &end) == t.req.rows.cells[2 * i].f);
            p = strstr(p, "\"z\":") + 4;
            assert_true((double) strtof(p, &end)
                        == t.req.rows.cells[2 * i + 1].f);
        }
    }

    request_close(&t);
}


static int
take_string(void *ctx, const unsigned char *text, size_t len)
{
    mlops_str_t  *out;

    out = ctx;
    out->data = memcpy(malloc(len + 1), text, len);
    out->len = len;

    return 1;
}


/* What yajl makes of the quoted text is the text. */

static void
test_quote(void **state)
{
    int           i, rounds;
    char          text[64], out[6 * sizeof(text) + 2], *end;
    size_t        len;
    uint32_t      c;
    uint64_t      seed;
    mlops_str_t   back;
    yajl_handle   h;

    static const yajl_callbacks  callbacks = { .yajl_string = take_string };

    (void) state;

    seed = 5;
    rounds = unit_quick() ? 5000 : 50000;

    for (i = 0; i < rounds; i++) {
        len = 0;

        while (len < sizeof(text) - 4 && unit_random(&seed) % 24) {
            c = (uint32_t) unit_random(&seed);

            switch (c >> 24 & 7) {

            case 0:
                text[len++] = (char) (c & 0x1f);
                break;

            case 1:
                text[len++] = "\"\\/\x7f"[c & 3];
                break;

            case 2:
                text[len++] = (char) (0xc2 + (c & 7));
                text[len++] = (char) (0x80 | (c >> 8 & 0x3f));
                break;

            case 3:
                memcpy(text + len, "\xf0\x9f\x98\x80", 4);
                len += 4;
                break;

            default:
                text[len++] = (char) ('a' + c % 26);
            }
        }

        end = mlops_json_quote(out, text, len);
        assert_true((size_t) (end - out) <= 6 * len + 2);

        back.data = NULL;
        h = yajl_alloc(&callbacks, NULL, &back);
        assert_int_equal(yajl_parse(h, (unsigned char *) out,
                                    (size_t) (end - out)), yajl_status_ok);
        assert_int_equal(yajl_complete_parse(h), yajl_status_ok);
        yajl_free(h);

        assert_true(mlops_str_eq(&back, text, len));
        free((char *) back.data);
    }

    /* what is no UTF-8 */

    end = mlops_json_quote(out, "a\xff\xc3(\xe2\x82", 6);
    *end = '\0';
    assert_string_equal(out, "\"a\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xef"
                        "\xbf\xbd\"");

    end = mlops_json_quote(out, "", 0);
    *end = '\0';
    assert_string_equal(out, "\"\"");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_v2_forms),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_v1),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_nonfinite),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_quote)
    };

    return unit_run(tests);
}
