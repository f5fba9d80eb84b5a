/*
 * Keys of entities, by name.
 */

#include "unit.h"

#include "mlops_keys.h"


typedef struct {
    mlops_arena_t       arena;
    mlops_err_t         err;
    mlops_keys_list_t   list;
    char               *body;       /* exactly as long as the text */
} keys_t;


static int
keys_read(keys_t *k, uint32_t names, uint32_t values, const char *body)
{
    size_t  len;

    memset(k, 0, sizeof(*k));
    mlops_arena_init(&k->arena, NULL, NULL);
    mlops_keys_init(&k->list, names, values);

    len = strlen(body);
    k->body = malloc(len ? len : 1);
    assert_non_null(k->body);
    memcpy(k->body, body, len);

    return mlops_keys_parse(&k->list, k->body, len, &k->arena, &k->err);
}


static void
keys_end(keys_t *k)
{
    free(k->body);
    mlops_arena_destroy(&k->arena);
}


/* "name=value,value;name=value" */

static void
keys_good(const char *body, const char *expected)
{
    char      text[4096], *p;
    keys_t    k;
    uint32_t  i, j;

    unit_ok(keys_read(&k, 8, 100, body) == MLOPS_OK, "%s\n%s", body,
            k.err.text);

    p = text;
    *p = '\0';

    for (i = 0; i < k.list.n; i++) {
        p += sprintf(p, "%s%.*s=", i ? ";" : "",
                     mlops_fmt(&k.list.names[i].name));

        for (j = 0; j < k.list.names[i].n; j++) {
            p += sprintf(p, "%s%.*s", j ? "," : "",
                         mlops_fmt(&k.list.names[i].values[j]));
        }
    }

    assert_string_equal(text, expected);
    keys_end(&k);
}


static void
keys_bad(int rc, const char *body, const char *error)
{
    keys_t  k;

    unit_ok(keys_read(&k, 2, 3, body) == rc, "%s", body);
    unit_ok(strcmp(k.err.text, error) == 0, "%s\n%s\nexpected %s", body,
            k.err.text, error);
    keys_end(&k);
}


static void
test_good(void **state)
{
    char      body[2048], expected[2048], *p, *q;
    uint32_t  i;

    (void) state;

    keys_good("{}", "");
    keys_good(" { \"a\" : 1 } \n", "a=1");
    keys_good("{\"a\":[1,\"2\",-3],\"b\":\"x\\u0041\\n\",\"c\":[]}",
              "a=1,2,-3;b=xA\n;c=");
    keys_good("{\"\\u0061\":[ 18446744073709551616 , \"\" ]}",
              "a=18446744073709551616,");

    p = body;
    q = expected;
    p += sprintf(p, "{\"k\":[0");
    q += sprintf(q, "k=0");

    for (i = 1; i < 100; i++) {
        p += sprintf(p, ",%u", i);
        q += sprintf(q, ",%u", i);
    }

    (void) sprintf(p, "]}");
    keys_good(body, expected);

    keys_good("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6}",
              "a=1;b=2;c=3;d=4;e=5;f=6");
}


static void
test_bad(void **state)
{
    (void) state;

    keys_bad(MLOPS_ERROR, "", "expected a JSON object of keys, got an empty "
             "body");
    keys_bad(MLOPS_ERROR, "  ", "expected a JSON object of keys, got an empty"
             " body");
    keys_bad(MLOPS_ERROR, "[1]", "expected a JSON object of keys, got an "
             "array");
    keys_bad(MLOPS_ERROR, "{\"a\":{}}", "a: expected a string or an integer, "
             "got an object");
    keys_bad(MLOPS_ERROR, "{\"a\":1e3}", "a: expected a string or an integer,"
             " got 1e3");
    keys_bad(MLOPS_ERROR, "{\"a\":null}", "a: expected a string or an "
             "integer, got null");
    keys_bad(MLOPS_ERROR, "{\"a\":[1,]}", "malformed JSON at byte 8: expected"
             " a value, got ]");
    keys_bad(MLOPS_ERROR, "{\"a\":01}", "malformed JSON at byte 5: expected "
             "a value, got 01");
    keys_bad(MLOPS_ERROR, "{\"a\" 1}", "malformed JSON at byte 5: expected "
             "':', got 1");
    keys_bad(MLOPS_ERROR, "{a:1}", "malformed JSON at byte 1: expected a "
             "string, got a");
    keys_bad(MLOPS_ERROR, "{\"a\":1,\"a\":2}", "a: the name is there twice");
    keys_bad(MLOPS_ERROR, "{\"a", "malformed JSON at byte 3: expected '\"', "
             "got the end of the text");
    keys_bad(MLOPS_ERROR, "{\"a\":1", "malformed JSON at byte 6: expected "
             "',' or '}', got the end of the text");
    keys_bad(MLOPS_ERROR, "{\"a\":", "malformed JSON at byte 5: expected a "
             "value, got the end of the text");
    keys_bad(MLOPS_ERROR, "{\"a\":1}x", "malformed JSON at byte 7: expected "
             "the end of the text, got x");
    keys_bad(MLOPS_LIMIT, "{\"a\":[1,2,3,4]}", "a: expected at most 3 keys, "
             "got more");
    keys_bad(MLOPS_LIMIT, "{\"a\":1,\"b\":1,\"c\":1}", "expected at most 2 "
             "names, got more");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad)
    };

    return unit_run(tests);
}
