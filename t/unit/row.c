/*
 * Types, schemas, rows, completion, UTF-8.
 */

#include "request.h"
#include "mlops_hash.h"


static void
test_types(void **state)
{
    size_t        i;
    int64_t       lo;
    uint64_t      hi;
    mlops_str_t   name;

    static const struct {
        const char         *name;
        mlops_type_t        type;
        mlops_cell_kind_t   kind;
        int64_t             lo;
        uint64_t            hi;
    } types[] = {
        { "BOOL", MLOPS_TYPE_BOOL, MLOPS_CELL_UINT, 0, 1 },
        { "INT8", MLOPS_TYPE_INT8, MLOPS_CELL_INT, -128, 127 },
        { "INT16", MLOPS_TYPE_INT16, MLOPS_CELL_INT, -32768, 32767 },
        { "INT32", MLOPS_TYPE_INT32, MLOPS_CELL_INT, INT32_MIN, INT32_MAX },
        { "INT64", MLOPS_TYPE_INT64, MLOPS_CELL_INT, INT64_MIN, INT64_MAX },
        { "UINT8", MLOPS_TYPE_UINT8, MLOPS_CELL_UINT, 0, 255 },
        { "UINT16", MLOPS_TYPE_UINT16, MLOPS_CELL_UINT, 0, 65535 },
        { "UINT32", MLOPS_TYPE_UINT32, MLOPS_CELL_UINT, 0, UINT32_MAX },
        { "UINT64", MLOPS_TYPE_UINT64, MLOPS_CELL_UINT, 0, UINT64_MAX },
        { "FP32", MLOPS_TYPE_FP32, MLOPS_CELL_DOUBLE, 0, 0 },
        { "FP64", MLOPS_TYPE_FP64, MLOPS_CELL_DOUBLE, 0, 0 },
        { "BYTES", MLOPS_TYPE_BYTES, MLOPS_CELL_STRING, 0, 0 }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(types); i++) {
        name.data = types[i].name;
        name.len = strlen(types[i].name);

        assert_int_equal(mlops_type_find(&name), types[i].type);
        assert_string_equal(mlops_type_name(types[i].type), types[i].name);
        assert_int_equal(mlops_type_kind(types[i].type), types[i].kind);

        mlops_type_limits(types[i].type, &lo, &hi);
        assert_true(lo == types[i].lo && hi == types[i].hi);
    }

    name.data = "fp32";
    name.len = 4;
    assert_int_equal(mlops_type_find(&name), MLOPS_TYPE_NONE);

    name.data = "FLOAT";
    name.len = 5;
    assert_int_equal(mlops_type_find(&name), MLOPS_TYPE_NONE);
}


static void
test_schema_find(void **state)
{
    char             name[160];
    uint32_t         i, n;
    mlops_err_t      err;
    mlops_arena_t    arena;
    mlops_schema_t   schema;

    (void) state;

    mlops_arena_init(&arena, NULL, NULL);

    n = 1000;
    schema.n = n;
    schema.columns = mlops_arena_calloc(&arena, n, sizeof(mlops_column_t));

    for (i = 0; i < n; i++) {
        /* of every length, so that each tail of the comparison is met */
        memset(name, 'x', sizeof(name));
        (void) snprintf(name, sizeof(name), "%u", i);
        name[strlen(name)] = '_';

        schema.columns[i].name.len = 4 + i % 100;
        schema.columns[i].name.data = mlops_arena_copy(&arena, name,
                                                       4 + i % 100);
        schema.columns[i].type = MLOPS_TYPE_FP64;
    }

    assert_int_equal(mlops_schema_index(&schema, &arena, &err), MLOPS_OK);

    for (i = 0; i < n; i++) {
        memcpy(name, schema.columns[i].name.data, schema.columns[i].name.len);

        assert_int_equal(mlops_schema_find(&schema, name,
                                           schema.columns[i].name.len, i),
                         i);
        assert_int_equal(mlops_schema_find(&schema, name,
                                           schema.columns[i].name.len, 0),
                         i);
        assert_int_equal(mlops_schema_find(&schema, name,
                                           schema.columns[i].name.len,
                                           UINT32_MAX), i);

        /* another last byte, and one byte less */

        name[schema.columns[i].name.len - 1] ^= 1;
        assert_int_equal(mlops_schema_find(&schema, name,
                                           schema.columns[i].name.len, i),
                         -1);
    }

    assert_int_equal(mlops_schema_find(&schema, "", 0, 0), -1);
    assert_int_equal(mlops_schema_find(&schema, name, sizeof(name), 0), -1);

    mlops_arena_destroy(&arena);
}


static void
schema_refused(const char *a, size_t a_len, const char *b, const char *text)
{
    mlops_err_t      err;
    mlops_arena_t    arena;
    mlops_schema_t   schema;

    mlops_arena_init(&arena, NULL, NULL);

    schema.n = 2;
    schema.columns = mlops_arena_calloc(&arena, 2, sizeof(mlops_column_t));
    schema.columns[0].name.data = a;
    schema.columns[0].name.len = a_len;
    schema.columns[0].type = MLOPS_TYPE_FP32;
    schema.columns[1].name.data = b;
    schema.columns[1].name.len = strlen(b);
    schema.columns[1].type = MLOPS_TYPE_BYTES;

    assert_int_equal(mlops_schema_index(&schema, &arena, &err), MLOPS_ERROR);
    unit_ok(strstr(err.text, text) != NULL, "%s", err.text);

    mlops_arena_destroy(&arena);
}


static void
test_schema_refused(void **state)
{
    char  name[129];

    (void) state;

    memset(name, 'n', sizeof(name));

    schema_refused("", 0, "b", "empty name");
    schema_refused("same", 4, "same", "same name \"same\"");
    schema_refused(name, 129, "b", "129 bytes");
    schema_refused("\xc3\x28", 2, "b", "not UTF-8");
}


/* Names that all hash to one place of the index, found by trying: they are
 * refused, and before that no look-up goes far. */

static void
test_schema_collisions(void **state)
{
    char             name[16];
    uint32_t         i, n, mask;
    mlops_err_t      err;
    mlops_arena_t    arena;
    mlops_schema_t   schema;

    (void) state;

    mlops_arena_init(&arena, NULL, NULL);

    schema.n = 100;
    schema.columns = mlops_arena_calloc(&arena, 100, sizeof(mlops_column_t));
    assert_int_equal(mlops_schema_index_start(&schema, &arena, &err),
                     MLOPS_OK);
    mask = schema.mask;
    assert_true(mask >= 4 * 100 - 1);

    for (i = 0, n = 0; n < 100; i++) {
        (void) snprintf(name, sizeof(name), "column%u", i);

        if ((mlops_hash_name(name, strlen(name), 0) & mask) == mask) {
            schema.columns[n].name.len = strlen(name);
            schema.columns[n].name.data = mlops_arena_copy(&arena, name,
                                                           strlen(name));
            schema.columns[n].type = MLOPS_TYPE_FP64;
            n++;
        }
    }

    for (n = 0; n < 100; n++) {
        if (mlops_schema_index_add(&schema, n, &err) != MLOPS_OK) {
            break;
        }
    }

    assert_int_equal(n, 64);
    assert_non_null(strstr(err.text, "were made to collide"));

    for (i = 0; i < 100; i++) {
        assert_int_equal(mlops_schema_find(&schema,
                                           schema.columns[i].name.data,
                                           schema.columns[i].name.len,
                                           UINT32_MAX),
                         i < 64 ? (int) i : -1);
    }

    /* by chance as many names as a model may have find their places */

    schema.n = 32768;
    schema.columns = mlops_arena_calloc(&arena, schema.n,
                                        sizeof(mlops_column_t));

    for (i = 0; i < schema.n; i++) {
        (void) snprintf(name, sizeof(name), "f%u", i);
        schema.columns[i].name.len = strlen(name);
        schema.columns[i].name.data = mlops_arena_copy(&arena, name,
                                                       strlen(name));
        schema.columns[i].type = MLOPS_TYPE_FP32;
    }

    unit_ok(mlops_schema_index(&schema, &arena, &err) == MLOPS_OK, "%s",
            err.text);

    mlops_arena_destroy(&arena);
}


static void
test_rows_alloc(void **state)
{
    uint32_t       i, j;
    request_t      t;
    mlops_rows_t   rows;

    (void) state;

    request_open(&t, "a:FP64 b:INT64 c:FP32 d:BYTES", "y:FP64:1");

    assert_int_equal(mlops_rows_alloc(&rows, &t.signatures[0].inputs, 7,
                                      &t.arena, &t.err), MLOPS_OK);
    assert_int_equal(rows.n, 7);
    assert_int_equal(rows.words, 1);

    for (i = 0; i < 7; i++) {
        assert_int_equal(rows.present[i], 0);

        for (j = 0; j < 4; j++) {
            if (j == 0 || j == 2) {
                assert_true(isnan(rows.cells[i * 4 + j].f));

            } else {
                assert_true(rows.cells[i * 4 + j].u == 0);
            }
        }
    }

    assert_int_equal(mlops_rows_alloc(&rows, &t.signatures[0].inputs, 0,
                                      &t.arena, &t.err), MLOPS_OK);

    /* sizes that no memory has */

    t.signatures[0].inputs.n = UINT32_MAX;
    assert_int_equal(mlops_rows_alloc(&rows, &t.signatures[0].inputs,
                                      UINT32_MAX, &t.arena, &t.err),
                     MLOPS_ERROR);

    request_close(&t);
}


static void
test_bits(void **state)
{
    uint64_t  bits[3] = { 0, 0, 0 };

    (void) state;

    assert_int_equal(mlops_row_words(0), 0);
    assert_int_equal(mlops_row_words(1), 1);
    assert_int_equal(mlops_row_words(64), 1);
    assert_int_equal(mlops_row_words(65), 2);

    mlops_bit_set(bits, 0);
    mlops_bit_set(bits, 63);
    mlops_bit_set(bits, 64);
    mlops_bit_set(bits, 130);

    assert_true(bits[0] == 0x8000000000000001ull && bits[1] == 1
                && bits[2] == 4);
    assert_true(mlops_bit(bits, 130) && !mlops_bit(bits, 129));

    mlops_bit_clear(bits, 63);
    assert_true(bits[0] == 1);
}


static int
complete(request_t *t, mlops_range_t range, mlops_notice_t *notice)
{
    t->err.text[0] = '\0';

    return mlops_rows_complete(&t->req.rows, range, notice, &t->arena,
                               &t->err);
}


static void
test_complete_quiet(void **state)
{
    request_t        t;
    mlops_notice_t   notice;

    (void) state;

    request_open(&t, "a:FP64[0,10] b:INT64=7[0,9] c:FP32!", "y:FP64:1");

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "{\"a\":10,\"b\":0,\"c\":1}"), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_FLAG, &notice), MLOPS_OK);
    assert_int_equal(notice.range_rows, 0);
    assert_int_equal(notice.default_rows, 0);
    assert_null(notice.range_columns);
    assert_null(notice.default_columns);

    request_close(&t);
}


static void
test_complete_defaults(void **state)
{
    request_t        t;
    mlops_notice_t   notice;

    (void) state;

    request_open(&t, "a:FP64=1.5 b:INT64=-7 s:BYTES=none u:UINT8=9 c:FP32",
                 "y:FP64:1");

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "[{\"c\":1},{\"a\":2,\"b\":3,"
                                  "\"s\":\"x\\u00e9\",\"u\":4,\"c\":null},"
                                  "{\"s\":\"\",\"u\":null,\"c\":5}]"),
                     MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_FLAG, &notice), MLOPS_OK);

    assert_true(t.req.rows.cells[0].f == 1.5);
    assert_true(t.req.rows.cells[1].i == -7);
    assert_string_equal(request_cell_text(&t, 0, 2), "none");
    assert_true(t.req.rows.cells[3].u == 9);

    assert_true(t.req.rows.cells[5].f == 2);
    assert_string_equal(request_cell_text(&t, 1, 2), "x\xc3\xa9");
    assert_true(isnan(t.req.rows.cells[9].f));
    assert_false(mlops_bit(t.req.rows.present + 1, 4));

    assert_string_equal(request_cell_text(&t, 2, 2), "");
    assert_true(t.req.rows.cells[13].u == 9);

    assert_int_equal(notice.default_rows, 2);
    assert_int_equal(notice.default_columns[0], 0x0f);

    request_close(&t);
}


static void
test_complete_required(void **state)
{
    request_t        t;
    mlops_notice_t   notice;

    (void) state;

    request_open(&t, "a:FP64! b:FP64", "y:FP64:1");

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "[{\"a\":1,\"b\":null},"
                                  "{\"a\":null,\"b\":2}]"), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_FLAG, &notice), MLOPS_ERROR);
    assert_string_equal(t.err.text, "a, row 1: expected a value, got none");

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "{\"a\":null,\"b\":2}"), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_FLAG, &notice), MLOPS_ERROR);
    assert_string_equal(t.err.text, "a: expected a value, got none");

    request_close(&t);
}


static void
test_complete_range(void **state)
{
    request_t        t;
    mlops_notice_t   notice;

    static const char  body[] =
        "{\"instances\":[[0.5,1,3],[null,1,200],[11,-5,3],[10,4.5,-9]]}";

    (void) state;

    request_open(&t, "a:FP64[0.5,10] b:FP64 c:INT64[-8.5,100]", "y:FP64:1");

    assert_int_equal(request_read(&t, MLOPS_DOOR_V1, body), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_FLAG, &notice), MLOPS_OK);
    assert_int_equal(notice.range_rows, 3);
    assert_int_equal(notice.range_columns[0], 0x05);
    assert_true(t.req.rows.cells[6].f == 11);

    assert_int_equal(request_read(&t, MLOPS_DOOR_V1, body), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_CLIP, &notice), MLOPS_OK);
    assert_int_equal(notice.range_rows, 3);
    assert_true(isnan(t.req.rows.cells[3].f));
    assert_true(t.req.rows.cells[5].i == 100);
    assert_true(t.req.rows.cells[6].f == 10);
    assert_true(t.req.rows.cells[11].i == -8);

    assert_int_equal(request_read(&t, MLOPS_DOOR_V1, body), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_REFUSE, &notice), MLOPS_ERROR);
    assert_string_equal(t.err.text, "c, row 1: expected a value in the "
                        "training range -8.5 to 100, got 200");

    request_close(&t);
}


/* 8.3252 as a float is more than 8.3252: the limit itself is inside. */

static void
test_complete_float_limit(void **state)
{
    request_t        t;
    mlops_notice_t   notice;

    (void) state;

    request_open(&t, "a:FP32[0.1,8.3252] b:FP32[0.7,0.9]", "y:FP32:1");

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "[{\"a\":8.3252,\"b\":0.7},"
                                  "{\"a\":0.1,\"b\":0.9}]"), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_FLAG, &notice), MLOPS_OK);
    assert_int_equal(notice.range_rows, 0);

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "{\"a\":8.3253,\"b\":0.8}"), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_FLAG, &notice), MLOPS_OK);
    assert_int_equal(notice.range_rows, 1);
    assert_int_equal(notice.range_columns[0], 1);

    request_close(&t);
}


/* Limits beyond the precision of a double's integers, and the type's own:
 * what is clipped becomes the limit, not something near it. */

static void
test_clip_large(void **state)
{
    request_t        t;
    mlops_notice_t   notice;

    (void) state;

    request_open(&t, "i:INT64[-9.22e18,9.22e18] "
                 "u:UINT64[0,18446744073709549568]", "y:FP64:1");

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "{\"i\":9223372036854775807,"
                                  "\"u\":18446744073709551615}"), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_CLIP, &notice), MLOPS_OK);
    assert_int_equal(notice.range_columns[0], 3);
    assert_true(t.req.rows.cells[0].i == 9220000000000000000);
    assert_true(t.req.rows.cells[1].u == 18446744073709549568ull);

    assert_int_equal(request_read(&t, MLOPS_DOOR_ANY,
                                  "{\"i\":-9223372036854775808,"
                                  "\"u\":1}"), MLOPS_OK);
    assert_int_equal(complete(&t, MLOPS_RANGE_CLIP, &notice), MLOPS_OK);
    assert_true(t.req.rows.cells[0].i == -9220000000000000000);
    assert_true(t.req.rows.cells[1].u == 1);

    request_close(&t);
}


/* More than 64 columns: several words of presence bits a row. */

static void
test_complete_wide(void **state)
{
    uint32_t         i;
    request_t        t;
    mlops_rows_t     rows;
    mlops_notice_t   notice;
    mlops_schema_t   wide;

    (void) state;

    request_open(&t, "a:FP64=4", "y:FP64:1");

    wide.n = 130;
    wide.columns = request_alloc(&t, 130 * sizeof(mlops_column_t));

    for (i = 0; i < 130; i++) {
        wide.columns[i] = t.signatures[0].inputs.columns[0];
        wide.columns[i].def.f = i;
    }

    assert_int_equal(mlops_rows_alloc(&rows, &wide, 2, &t.arena, &t.err),
                     MLOPS_OK);
    assert_int_equal(rows.words, 3);

    for (i = 0; i < 130; i++) {
        mlops_bit_set(rows.present, i);

        if (i != 64 && i != 129) {
            mlops_bit_set(rows.present + 3, i);
        }
    }

    assert_int_equal(mlops_rows_complete(&rows, MLOPS_RANGE_FLAG, &notice,
                                         &t.arena, &t.err), MLOPS_OK);
    assert_int_equal(notice.default_rows, 1);
    assert_true(notice.default_columns[0] == 0
                && notice.default_columns[1] == 1
                && notice.default_columns[2] == 2);
    assert_true(rows.cells[130 + 64].f == 64);
    assert_true(rows.cells[130 + 129].f == 129);

    request_close(&t);
}


/* A checker of another build: decode, then look at value and length. */

static int
utf8_decodes(const unsigned char *p, size_t len)
{
    size_t    i, n;
    uint32_t  value;

    while (len != 0) {
        n = (p[0] < 0x80) ? 1 : (p[0] >> 5 == 6) ? 2 : (p[0] >> 4 == 14) ? 3
            : (p[0] >> 3 == 30) ? 4 : 0;

        if (n == 0 || n > len) {
            return 0;
        }

        value = (n == 1) ? p[0] : p[0] & (0xffu >> (n + 1));

        for (i = 1; i < n; i++) {
            if (p[i] >> 6 != 2) {
                return 0;
            }

            value = value << 6 | (p[i] & 0x3f);
        }

        if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)
            || n != (value < 0x80 ? 1u : value < 0x800 ? 2u
                     : value < 0x10000 ? 3u : 4u))
        {
            return 0;
        }

        p += n;
        len -= n;
    }

    return 1;
}


static void
test_utf8(void **state)
{
    uint64_t       seed;
    uint32_t       i, j;
    unsigned char  text[24];

    static const unsigned char  bytes[] = {
        0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1,
        0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3,
        0xf4, 0xf5, 0xf8, 0xff
    };

    (void) state;

    assert_true(mlops_utf8_valid("", 0));

    /* all pairs, and each followed by good text */

    for (i = 0; i < 0x10000; i++) {
        text[0] = (unsigned char) (i >> 8);
        text[1] = (unsigned char) i;
        memcpy(text + 2, "\x80\x80 plain text", 13);

        for (j = 1; j < 5; j++) {
            unit_ok(mlops_utf8_valid((char *) text, j)
                    == utf8_decodes(text, j), "%04x %u", i, j);
        }

        assert_int_equal(mlops_utf8_valid((char *) text, 15),
                         utf8_decodes(text, 15));
    }

    /* the bytes where the rules change, at every place of a word */

    seed = 88;

    for (i = 0; i < 2000000; i++) {
        for (j = 0; j < sizeof(text); j++) {
            text[j] = (unit_random(&seed) % 6) ? 'a'
                      : bytes[unit_random(&seed) % sizeof(bytes)];
        }

        j = (uint32_t) (unit_random(&seed) % sizeof(text));
        assert_int_equal(mlops_utf8_valid((char *) text, j),
                         utf8_decodes(text, j));

        if (unit_quick() && i == 100000) {
            break;
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_schema_find),
        cmocka_unit_test(test_schema_refused),
        cmocka_unit_test(test_schema_collisions),
        cmocka_unit_test(test_rows_alloc),
        cmocka_unit_test(test_bits),
        cmocka_unit_test(test_complete_quiet),
        cmocka_unit_test(test_complete_defaults),
        cmocka_unit_test(test_complete_required),
        cmocka_unit_test(test_complete_range),
        cmocka_unit_test(test_complete_float_limit),
        cmocka_unit_test(test_clip_large),
        cmocka_unit_test(test_complete_wide),
        cmocka_unit_test(test_utf8)
    };

    return unit_run(tests);
}
