/*
 * CSV into columns: values against strtod and Python's float() and csv, the
 * grammar, types, dictionaries, and every refusal with its place.
 *
 * Each text is read in several ways (one thread or three, chunks of all sizes)
 * that have to agree; the program runs itself again with lower SIMD levels.
 */

#include "mlops_frame.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>


static const char  *self;


static const struct {
    uint32_t  threads;
    uint32_t  chunk_bytes;
} ways[] = { { 0, 0 }, { 1, 1 }, { 1, 7 }, { 3, 64 }, { 2, 1 }, { 4, 1000 } };


static void
check_same_column(const mlops_frame_t *a, const mlops_frame_t *b, uint32_t c)
{
    size_t                       size;
    uint32_t                     i;
    const mlops_frame_column_t  *x, *y;

    x = &a->columns[c];
    y = &b->columns[c];

    assert_int_equal(x->type, y->type);
    assert_int_equal(x->view.kind, y->view.kind);
    assert_int_equal(x->missing_n, y->missing_n);
    assert_true(mlops_str_eq(&x->view.name, y->view.name.data,
                             y->view.name.len));
    assert_int_equal(x->view.categories_n, y->view.categories_n);

    for (i = 0; i < x->view.categories_n; i++) {
        assert_true(mlops_str_eq(&x->view.categories[i],
                                 y->view.categories[i].data,
                                 y->view.categories[i].len));
    }

    size = (x->view.kind == MLOPS_MATRIX_DOUBLE) ? 8 : 4;

    for (i = 0; i < a->rows_n; i++) {
        unit_ok(memcmp((const char *) x->view.data + i * size,
                       (const char *) y->view.data + i * size, size) == 0,
                "column %u, row %u: %.17g, %.17g", c, i,
                mlops_matrix_value(&x->view, i),
                mlops_matrix_value(&y->view, i));
    }
}


static void
check_same(const mlops_frame_t *a, const mlops_frame_t *b)
{
    uint32_t  i;

    assert_int_equal(a->rows_n, b->rows_n);
    assert_int_equal(a->columns_n, b->columns_n);
    assert_int_equal(a->bytes, b->bytes);
    assert_memory_equal(a->sha256, b->sha256, sizeof(a->sha256));

    for (i = 0; i < a->columns_n; i++) {
        check_same_column(a, b, i);
    }

    for (i = 0; i < a->rows_n; i++) {
        assert_int_equal(mlops_frame_line(a, i), mlops_frame_line(b, i));
    }
}


/* Reads text in all ways, and keeps the first frame. */

static void
frame_of(mlops_frame_t *frame, const char *text, size_t len,
    const mlops_frame_options_t *options)
{
    size_t                  i;
    char                   *copy;
    mlops_err_t             err;
    mlops_frame_t           other;
    mlops_frame_options_t   o;

    if (options != NULL) {
        o = *options;

    } else {
        memset(&o, 0, sizeof(o));
    }

    /* of exactly this length, for AddressSanitizer to see reads beyond */

    copy = malloc(len + 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    copy = realloc(copy, len ? len : 1);

    for (i = 0; i < mlops_nitems(ways); i++) {
        o.threads = ways[i].threads;
        o.chunk_bytes = ways[i].chunk_bytes;

        unit_ok(mlops_frame_parse(i ? &other : frame, "rows.csv", copy, len,
                                  &o, &err) == MLOPS_OK, "%s", err.text);

        if (i != 0) {
            check_same(frame, &other);
            mlops_frame_free(&other);
        }
    }

    free(copy);
}


static void
refused(const char *text, size_t len, const mlops_frame_options_t *options,
    const char *expected)
{
    size_t                  i;
    mlops_err_t             err;
    mlops_frame_t           frame;
    mlops_frame_options_t   o;

    if (options != NULL) {
        o = *options;

    } else {
        memset(&o, 0, sizeof(o));
    }

    for (i = 0; i < mlops_nitems(ways); i++) {
        o.threads = ways[i].threads;
        o.chunk_bytes = ways[i].chunk_bytes;
        strcpy(err.text, "none");

        if (mlops_frame_parse(&frame, "rows.csv", text, len, &o, &err)
            != MLOPS_ERROR || strcmp(err.text, expected) != 0)
        {
            unit_note("%s\nexpected: %s", err.text, expected);
            fail();
        }

        assert_null(frame.own);
    }
}

#define refuse(text, options, expected)                                       \
    refused(text, sizeof(text) - 1, options, expected)


static double
value(const mlops_frame_t *frame, const char *name, uint64_t row)
{
    int          c;
    mlops_str_t  s;

    s.data = name;
    s.len = strlen(name);
    c = mlops_frame_find(frame, &s);
    unit_ok(c >= 0, "no column %s", name);

    return mlops_matrix_value(&frame->columns[c].view, row);
}


static void
check_text(const mlops_frame_t *frame, uint32_t column, uint64_t row,
    const char *text)
{
    uint32_t                      code;
    const mlops_matrix_column_t  *view;

    view = &frame->columns[column].view;
    assert_int_equal(view->kind, MLOPS_MATRIX_CODES);
    code = ((const uint32_t *) view->data)[row];

    if (text == NULL) {
        assert_int_equal(code, MLOPS_MATRIX_NONE);
        return;
    }

    assert_true(code < view->categories_n);
    unit_ok(mlops_str_eq(&view->categories[code], text, strlen(text)),
            "row %u: \"%.*s\", not \"%s\"", (unsigned) row,
            mlops_fmt(&view->categories[code]), text);
}


static void
test_quotes(void **state)
{
    mlops_frame_t  f;

    static const char  text[] =
        "\xef\xbb\xbf" "a,\"b \"\"c\"\"\",d\r\n"
        "1,\"x, y\",2\r\n"
        "\r\n"
        "\"3\",\"two\nlines\r\n\",4\n"
        "\n"
        " 5\t,\"\",\n"
        ",\"say \"\"\xc3\xa9\"\"\",-0\n"
        "7,,8";

    (void) state;

    frame_of(&f, text, sizeof(text) - 1, NULL);

    assert_int_equal(f.columns_n, 3);
    assert_int_equal(f.rows_n, 5);
    assert_true(mlops_str_is(&f.columns[1].view.name, "b \"c\""));

    assert_true(value(&f, "a", 0) == 1 && value(&f, "a", 1) == 3);
    assert_true(value(&f, "a", 2) == 5 && isnan(value(&f, "a", 3)));
    assert_true(value(&f, "d", 1) == 4 && isnan(value(&f, "d", 2)));
    assert_true(value(&f, "d", 3) == 0 && signbit(value(&f, "d", 3)));
    assert_true(value(&f, "a", 4) == 7 && value(&f, "d", 4) == 8);

    check_text(&f, 1, 0, "x, y");
    check_text(&f, 1, 1, "two\nlines\r\n");
    check_text(&f, 1, 2, "");
    check_text(&f, 1, 3, "say \"\xc3\xa9\"");
    check_text(&f, 1, 4, NULL);

    assert_int_equal(f.columns[0].missing_n, 1);
    assert_int_equal(f.columns[1].missing_n, 1);
    assert_int_equal(f.columns[2].missing_n, 1);

    assert_non_null(f.lines);
    assert_int_equal(mlops_frame_line(&f, 0), 2);
    assert_int_equal(mlops_frame_line(&f, 1), 4);
    assert_int_equal(mlops_frame_line(&f, 2), 8);
    assert_int_equal(mlops_frame_line(&f, 3), 9);
    assert_int_equal(mlops_frame_line(&f, 4), 10);
    mlops_frame_free(&f);
}


/* Ends of lines and of the file; lines are rows but for a header. */

static void
test_ends(void **state)
{
    size_t                  i;
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    static const char *const  texts[] = {
        "a,b\n1,2\n3,4\n",
        "a,b\n1,2\n3,4",
        "a,b\r\n1,2\r\n3,4\r\n",
        "a,b\r\n1,2\r\n3,4",
        "a,b\r\n1,2\r\n3,4\r",
        "a,b\n1,2\r\n3,4\n\n\n",
        "a,b\n1,2\n3,4\n\r\n\r\n\r",
        "\xef\xbb\xbf" "a,b\n1,2\n3,4\n\r",
        "\"a\",\"b\"\n\"1\",\"2\"\n\"3\",\"4\""
    };

    static const mlops_str_t  header[] = { mlops_str("a"), mlops_str("b") };

    (void) state;

    for (i = 0; i < mlops_nitems(texts); i++) {
        frame_of(&f, texts[i], strlen(texts[i]), NULL);
        unit_ok(f.rows_n == 2 && f.columns_n == 2, "text %zu: %u rows", i,
                (unsigned) f.rows_n);
        assert_true(value(&f, "a", 0) == 1 && value(&f, "b", 0) == 2);
        assert_true(value(&f, "a", 1) == 3 && value(&f, "b", 1) == 4);
        assert_null(f.lines);
        assert_int_equal(mlops_frame_line(&f, 1), 3);
        mlops_frame_free(&f);
    }

    memset(&o, 0, sizeof(o));
    o.header = header;
    o.header_n = 2;

    frame_of(&f, "1,2\n3,4\n", 8, &o);
    assert_int_equal(f.rows_n, 2);
    assert_true(value(&f, "b", 1) == 4);
    assert_null(f.lines);
    assert_int_equal(mlops_frame_line(&f, 1), 2);
    mlops_frame_free(&f);

    /* an empty line before the first one moves all */

    frame_of(&f, "\n1,2\n3,4\n", 9, &o);
    assert_int_equal(mlops_frame_line(&f, 1), 3);
    mlops_frame_free(&f);

    /* one column: an empty line is no row */

    o.header_n = 1;
    frame_of(&f, "1\n\n3\n", 5, &o);
    assert_int_equal(f.rows_n, 2);
    assert_int_equal(mlops_frame_line(&f, 1), 3);
    mlops_frame_free(&f);

    /* nor is a quoted empty one empty */

    frame_of(&f, "1\n\"\"\n3", 6, &o);
    assert_int_equal(f.rows_n, 3);
    assert_true(isnan(value(&f, "a", 1)));
    mlops_frame_free(&f);
}


static void
test_types(void **state)
{
    uint32_t                i;
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    static const mlops_frame_want_t  want[] = {
        { mlops_str("u8"), MLOPS_TYPE_UINT8, 0 },
        { mlops_str("i8"), MLOPS_TYPE_INT8, 0 },
        { mlops_str("i64"), MLOPS_TYPE_INT64, 0 },
        { mlops_str("u64"), MLOPS_TYPE_UINT64, 0 },
        { mlops_str("flag"), MLOPS_TYPE_BOOL, 0 },
        { mlops_str("f"), MLOPS_TYPE_FP32, 0 },
        { mlops_str("none"), MLOPS_TYPE_FP64, 1 },
        { mlops_str("d"), MLOPS_TYPE_FP64, 1 },
        { mlops_str("s"), MLOPS_TYPE_BYTES, 0 }
    };

    static const char  text[] =
        "d,s,skip,flag,i8,u8,i64,u64,f\n"
        "1e3,7,\"q\nr\",true,-128,0,-9223372036854775808,"
        "18446744073709551615,0.1\n"
        ".5,007,,False,127,255,9223372036854775807,0,1e-50\n"
        ",,\xc3\xa9,,,,,,\n"
        "NaN,NaN,x,TRUE, 5 ,6\t, 7,8 ,nan\n"
        "-1.,a b,x,FALSE,-0,\"9\",-1,1,+3.5\n";

    (void) state;

    memset(&o, 0, sizeof(o));
    o.want = want;
    o.want_n = mlops_nitems(want);

    frame_of(&f, text, sizeof(text) - 1, &o);
    assert_int_equal(f.columns_n, 8);
    assert_int_equal(f.rows_n, 5);

    for (i = 0; i < f.columns_n; i++) {
        assert_int_equal(f.columns[i].asked, want[i + (i > 5)].type);
    }

    assert_int_equal(f.columns[0].type, MLOPS_TYPE_FP32);
    assert_int_equal(f.columns[2].type, MLOPS_TYPE_FP64);
    assert_int_equal(f.columns[4].type, MLOPS_TYPE_FP32);
    assert_int_equal(f.columns[6].type, MLOPS_TYPE_FP64);
    assert_int_equal(f.columns[7].type, MLOPS_TYPE_BYTES);

    assert_true(value(&f, "u8", 1) == 255 && value(&f, "u8", 3) == 6);
    assert_true(value(&f, "u8", 4) == 9);
    assert_true(value(&f, "i8", 0) == -128 && value(&f, "i8", 1) == 127);
    assert_true(value(&f, "i8", 3) == 5 && isnan(value(&f, "i8", 2)));
    assert_true(value(&f, "i64", 0) == -0x1p63);
    assert_true(value(&f, "i64", 1) == 0x1p63);
    assert_true(value(&f, "u64", 0) == 0x1p64 && value(&f, "u64", 3) == 8);
    assert_true(value(&f, "flag", 0) == 1 && value(&f, "flag", 1) == 0);
    assert_true(value(&f, "flag", 3) == 1 && isnan(value(&f, "flag", 2)));
    assert_true(value(&f, "f", 0) == 0.1f && value(&f, "f", 1) == 0);
    assert_true(isnan(value(&f, "f", 2)) && isnan(value(&f, "f", 3)));
    assert_true(value(&f, "f", 4) == 3.5);
    assert_true(value(&f, "d", 0) == 1000 && value(&f, "d", 1) == 0.5);
    assert_true(isnan(value(&f, "d", 3)) && value(&f, "d", 4) == -1);

    check_text(&f, 7, 0, "7");
    check_text(&f, 7, 1, "007");
    check_text(&f, 7, 2, NULL);
    check_text(&f, 7, 3, "NaN");
    check_text(&f, 7, 4, "a b");

    assert_int_equal(f.columns[0].missing_n, 1);
    assert_int_equal(f.columns[5].missing_n, 2);
    assert_int_equal(f.columns[6].missing_n, 2);
    mlops_frame_free(&f);
}


/* Texts that mean a missing value; one that is a number means the number. */

static void
test_missing(void **state)
{
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    static const mlops_str_t  missing[] = {
        mlops_str("?"), mlops_str("-999"), mlops_str("n/a"), mlops_str("0.1")
    };

    static const mlops_frame_want_t  want[] = {
        { mlops_str("f"), MLOPS_TYPE_FP32, 0 },
        { mlops_str("d"), MLOPS_TYPE_NONE, 0 },
        { mlops_str("s"), MLOPS_TYPE_NONE, 0 },
        { mlops_str("i"), MLOPS_TYPE_INT16, 0 },
        { mlops_str("all"), MLOPS_TYPE_NONE, 0 }
    };

    static const char  text[] =
        "d,s,f,i,all\n"
        "1,x,2,3,\n"
        "?,?,?,?,?\n"
        "-999,-999,-999,-999,\n"
        "-999.0,-999.0,0.10,-998,n/a\n"
        " n/a,\"n/a\",n/a,n/a,?\n"
        "0.1,0.1,0.1000001,7,\"\"\n";

    (void) state;

    memset(&o, 0, sizeof(o));
    o.missing = missing;
    o.missing_n = mlops_nitems(missing);
    o.want = want;
    o.want_n = mlops_nitems(want);

    frame_of(&f, text, sizeof(text) - 1, &o);

    assert_int_equal(f.columns[1].missing_n, 5);
    assert_true(value(&f, "d", 0) == 1 && isnan(value(&f, "d", 3)));
    assert_int_equal(f.columns[0].missing_n, 4);
    assert_true(value(&f, "f", 5) == 0.1000001f);
    assert_int_equal(f.columns[3].missing_n, 3);
    assert_true(value(&f, "i", 3) == -998);

    assert_int_equal(f.columns[2].type, MLOPS_TYPE_BYTES);
    check_text(&f, 2, 0, "x");
    check_text(&f, 2, 1, NULL);
    check_text(&f, 2, 2, NULL);
    check_text(&f, 2, 3, "-999.0");
    check_text(&f, 2, 4, NULL);
    check_text(&f, 2, 5, NULL);

    /* nothing but missing values are numbers */

    assert_int_equal(f.columns[4].type, MLOPS_TYPE_FP64);
    assert_int_equal(f.columns[4].missing_n, 6);
    mlops_frame_free(&f);
}


static void
test_names(void **state)
{
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    static const mlops_frame_want_t  want[] = {
        { mlops_str("b"), MLOPS_TYPE_FP64, 0 },
        { mlops_str(" a"), MLOPS_TYPE_FP64, 0 },
        { mlops_str("c"), MLOPS_TYPE_FP64, 1 },
        { mlops_str("a"), MLOPS_TYPE_FP64, 1 }
    };

    static const mlops_frame_want_t  twice[] = {
        { mlops_str("a"), MLOPS_TYPE_FP64, 0 },
        { mlops_str("a"), MLOPS_TYPE_FP64, 0 }
    };

    (void) state;

    memset(&o, 0, sizeof(o));
    o.want = want;
    o.want_n = 4;

    /* blanks around a name are none of it where it is not quoted */

    frame_of(&f, "\ta,\" a\", b ,x,x\n1,2,3,4,5\n", 26, &o);
    assert_int_equal(f.columns_n, 3);
    assert_true(value(&f, "b", 0) == 3 && value(&f, " a", 0) == 2);
    assert_true(value(&f, "a", 0) == 1);
    mlops_frame_free(&f);

    refuse("a,b\n1,2\n", &o, "rows.csv: expected a column \" a\", got a, b");
    refuse("\" a\",b,b\n1,2,3\n", &o, "rows.csv: column \"b\" is there "
           "twice, as number 2 and 3");
    refuse("a,x,a\n1,2,3\n", NULL, "rows.csv: column \"a\" is there twice, "
           "as number 1 and 3");
    refuse("a,\xff\n1,2\n", NULL, "rows.csv line 1, name of column 2: "
           "expected UTF-8");
    refuse("a,b\r1,2\r", NULL, "rows.csv line 1, name of column 2: a CR "
           "without LF: expected lines that end with LF or CR LF");
    refuse("a,b\0\n1,2\n", NULL, "rows.csv line 1, name of column 2: "
           "expected a text, got a NUL byte in it");
    refuse("a,b\"\n1,2\n", NULL, "rows.csv line 1, name of column 2: a quote "
           "inside an unquoted cell");

    o.want = twice;
    o.want_n = 2;
    refuse("a,b\n1,2\n", &o, "rows.csv: column \"a\" is asked for twice");
}


static void
test_refused(void **state)
{
    mlops_frame_options_t   o;

    static const mlops_frame_want_t  want[] = {
        { mlops_str("i"), MLOPS_TYPE_INT8, 0 },
        { mlops_str("u"), MLOPS_TYPE_UINT16, 0 },
        { mlops_str("b"), MLOPS_TYPE_BOOL, 0 },
        { mlops_str("f"), MLOPS_TYPE_FP32, 0 },
        { mlops_str("d"), MLOPS_TYPE_FP64, 0 },
        { mlops_str("s"), MLOPS_TYPE_BYTES, 0 }
    };

    static const mlops_str_t  header[] = { mlops_str("a"), mlops_str("b") };

#define good  "1,2,true,3,4,x,y\n"
#define head  "i,u,b,f,d,s,skip\n" good good

    (void) state;

    memset(&o, 0, sizeof(o));
    o.want = want;
    o.want_n = mlops_nitems(want);

    refuse(head "1.0,2,true,3,4,x,y\n" good, &o, "rows.csv line 4, column "
           "\"i\": expected an integer, got \"1.0\"");
    refuse(head "128,2,true,3,4,x,y\n" good, &o, "rows.csv line 4, column "
           "\"i\": expected an integer from -128 to 127, got \"128\"");
    refuse(head "-129,2,true,3,4,x,y\n", &o, "rows.csv line 4, column \"i\": "
           "expected an integer from -128 to 127, got \"-129\"");
    refuse(head "1,-2,true,3,4,x,y\n", &o, "rows.csv line 4, column \"u\": "
           "expected an integer from 0 to 65535, got \"-2\"");
    refuse(head "1,65536,true,3,4,x,y\n", &o, "rows.csv line 4, column \"u\": "
           "expected an integer from 0 to 65535, got \"65536\"");
    refuse(head "1,99999999999999999999999,true,3,4,x,y\n", &o,
           "rows.csv line 4, column \"u\": expected an integer from 0 to "
           "65535, got \"99999999999999999999999\"");
    refuse(head "1,2,1,3,4,x,y\n", &o, "rows.csv line 4, column \"b\": "
           "expected true or false, got \"1\"");
    refuse(head "1,2,true,1e39,4,x,y\n", &o, "rows.csv line 4, column \"f\": "
           "expected a number that FP32 holds, got \"1e39\"");
    refuse(head "1,2,true,3,1e309,x,y\n", &o, "rows.csv line 4, column "
           "\"d\": expected a number that FP64 holds, got \"1e309\"");
    refuse(head "1,2,true,3,-inf,x,y\n", &o, "rows.csv line 4, column "
           "\"d\": expected a finite number, got \"-inf\"");
    refuse(head good "1,2,true,3,0x10,x,y\n", &o, "rows.csv line 5, column "
           "\"d\": expected a number, got \"0x10\"");
    refuse(head "1,2,true,3,01,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected a number, got \"01\"");
    refuse(head "1,2,true,3,1 2,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected a number, got \"1 2\"");
    refuse(head "1,2,true,3,.,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected a number, got \".\"");
    refuse(head "1,2,true,3,-,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected a number, got \"-\"");
    refuse(head "1,2,true,3,1e,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected a number, got \"1e\"");
    refuse(head "1,2,true,3,1.2.3,x,y\n", &o, "rows.csv line 4, column "
           "\"d\": expected a number, got \"1.2.3\"");
    refuse(head "1,2,true,3, ,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected a number, got \" \"");
    refuse(head "1,2,true,3,4,\xff,y\n", &o, "rows.csv line 4, column \"s\": "
           "expected UTF-8, got other bytes");
    refuse(head "1,2,true,3,4,x,\xc3\n", &o, "rows.csv line 4, column "
           "\"skip\": expected UTF-8, got other bytes");
    refuse(head "1,2,true,3,\xff,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected UTF-8, got other bytes");
    refuse(head "1,2,true,3,4,a\0b,y\n", &o, "rows.csv line 4, column "
           "\"s\": expected a text, got a NUL byte in it");
    refuse(head "1,2,true,3,4\0,x,y\n", &o, "rows.csv line 4, column \"d\": "
           "expected a number, got a NUL byte in it");
    refuse(head "1,2,true,3,4\r5,x,y\n", &o, "rows.csv line 4, column "
           "\"d\": expected a number, got a CR in it: lines end with LF or "
           "CR LF");
    refuse(head "1,2,true,3,4,x\n", &o, "rows.csv line 4: expected 7 cells, "
           "got 6");
    refuse(head "1,2,true,3,4,x\n" good, &o, "rows.csv line 4: expected 7 "
           "cells, got 6");
    refuse(head "1\n2\n3\n4\n5\n6\n7\n", &o, "rows.csv line 4: expected 7 "
           "cells, got 1");
    refuse(head "1,2,true,3,4,x,y,\n", &o, "rows.csv line 4: expected 7 "
           "cells, got 8");
    refuse(head "1,2,true,3,4,x,y,8,9\n" good, &o, "rows.csv line 4: "
           "expected 7 cells, got 9");
    refuse(head "1,2,true,3,4,\"x\"z,y\n", &o, "rows.csv line 4, column "
           "\"s\": expected a comma or the end of the line behind the "
           "quote");
    refuse(head "1,2,true,3,4,x\"z,y\n" good, &o, "rows.csv line 4, column "
           "\"s\": a quote inside an unquoted cell");
    refuse(head "1,2,true,3,4,x,\"y\n" good, &o, "rows.csv line 4, column "
           "\"skip\": the quote is not closed");
    refuse(head "1,2,true,3,4,\"\n\n\",\"\n\",\n", &o, "rows.csv line 4: "
           "expected 7 cells, got 8");

    /* two errors: the first one is told, whoever finds it */

    refuse(head good "1,2,true,3,4\n" good good good good "x\n", &o,
           "rows.csv line 5: expected 7 cells, got 5");

    refuse("", NULL, "rows.csv: expected a line of names, got an empty file");
    refuse("\n\r\n", NULL, "rows.csv: expected a line of names, got an empty "
           "file");
    refuse("\xef\xbb\xbf", NULL, "rows.csv: expected a line of names, got an "
           "empty file");
    refuse("a,b\n\n", NULL, "rows.csv: expected at least one row below the "
           "names, got none");

    memset(&o, 0, sizeof(o));
    o.header = header;
    o.header_n = 2;
    refuse("", &o, "rows.csv: expected rows, got an empty file");
    refuse("1,2,3\n", &o, "rows.csv line 1: expected 2 cells, got 3");
    o.rows_max = 2;
    refuse("1,2\n3,4\n5,6\n", &o, "rows.csv: expected at most 2 rows, got 3");
    o.header_n = 0;
    refuse("1,2,3\n", &o, "rows.csv: expected at least one name of a column, "
           "got none");
}


/* A column whose type is to be found: a text far behind the first rows. */

static void
test_late_text(void **state)
{
    char           *text, *p;
    uint32_t        i;
    mlops_frame_t   f;

    (void) state;

    text = malloc(2000 * 32);
    assert_non_null(text);
    p = text + sprintf(text, "a,b,c,d\n");

    for (i = 0; i < 2000; i++) {
        p += sprintf(p, "%u,%u,%s%u,%s\n", i, i % 7, i == 1500 ? "x" : "",
                     i % 5, (i == 0) ? "inf" : "1");
    }

    frame_of(&f, text, (size_t) (p - text), NULL);
    free(text);

    assert_int_equal(f.columns[0].type, MLOPS_TYPE_FP64);
    assert_int_equal(f.columns[1].type, MLOPS_TYPE_FP64);
    assert_int_equal(f.columns[2].type, MLOPS_TYPE_BYTES);
    assert_int_equal(f.columns[2].view.categories_n, 6);
    assert_int_equal(f.columns[3].type, MLOPS_TYPE_BYTES);
    check_text(&f, 3, 0, "inf");
    check_text(&f, 3, 1999, "1");

    for (i = 0; i < 2000; i++) {
        assert_true(value(&f, "a", i) == i && value(&f, "b", i) == i % 7);
        assert_int_equal(value(&f, "c", i), (i == 1500) ? 5 : i % 5);
    }

    check_text(&f, 2, 1500, "x0");
    mlops_frame_free(&f);
}


/* Codes count first appearances, whichever thread meets a text first. */

static void
test_codes(void **state)
{
    char           *text, *p;
    uint32_t        i, n, expected, known[5000];
    uint64_t        r;
    mlops_frame_t   f;

    (void) state;

    memset(known, 0xff, sizeof(known));
    r = 99;
    n = 0;
    text = malloc(8000 * 40);
    assert_non_null(text);
    p = text + sprintf(text, "k,s\n");

    for (i = 0; i < 8000; i++) {
        expected = (uint32_t) (unit_random(&r) >> 40) % 5000;
        p += sprintf(p, "%u,%s%u%s\n", expected,
                     (expected & 1) ? "\"the \"\"long\"\" " : "", expected,
                     (expected & 1) ? "\"" : "");
    }

    frame_of(&f, text, (size_t) (p - text), NULL);
    free(text);

    for (i = 0; i < 8000; i++) {
        expected = (uint32_t) value(&f, "k", i);

        if (known[expected] == UINT32_MAX) {
            known[expected] = n++;
        }

        assert_int_equal(value(&f, "s", i), known[expected]);
    }

    assert_int_equal(f.columns[1].view.categories_n, n);
    mlops_frame_free(&f);
}


/* Numbers of all lengths and forms against the C library. */

static void
test_numbers(void **state)
{
    char                   *text, *p, *end;
    float                  *single;
    double                 *exact, x;
    uint32_t                i, k, n;
    uint64_t                r, bits;
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    static const char *const  formats[] = {
        "%.17g", "%.6g", "%.9g", "%.18e", "%.3f", "%.0f", "%.20g", "%.40g",
        "%.1f", "%.12e"
    };

    static const mlops_frame_want_t  want[] = {
        { mlops_str("d"), MLOPS_TYPE_FP64, 0 },
        { mlops_str("f"), MLOPS_TYPE_FP32, 0 },
        { mlops_str("g"), MLOPS_TYPE_NONE, 0 }
    };

    (void) state;

    n = unit_quick() ? 4000 : 12000;
    text = malloc(n * 3 * 340 + 100);
    exact = malloc(n * sizeof(double));
    single = malloc(n * sizeof(float));
    assert_true(text != NULL && exact != NULL && single != NULL);

    p = text + sprintf(text, "d,f,g\n");
    r = 7;

    for (i = 0; i < n; i++) {
        k = (uint32_t) (unit_random(&r) >> 33) % mlops_nitems(formats);
        bits = unit_random(&r);
        memcpy(&x, &bits, sizeof(x));

        /* of every size, or like those that people write */

        if (!(fabs(x) < 3e38) || i % 4 != 0) {
            x = (double) ((int64_t) bits >> 11)
                * pow(10, -(int) (unit_random(&r) >> 60));
        }

        end = p + sprintf(p, formats[k], x);
        exact[i] = strtod(p, NULL);
        single[i] = strtof(p, NULL);

        memcpy(end + 1, p, (size_t) (end - p));
        *end = ',';
        memcpy(end + 1 + (end - p) + 1, p, (size_t) (end - p));
        end[1 + (end - p)] = ',';
        p = end + 1 + (end - p) + 1 + (end - p);
        *p++ = '\n';
    }

    memset(&o, 0, sizeof(o));
    o.want = want;
    o.want_n = 3;
    frame_of(&f, text, (size_t) (p - text), &o);

    for (i = 0; i < n; i++) {
        x = value(&f, "d", i);
        unit_ok(memcmp(&x, &exact[i], 8) == 0, "row %u: %.17g, not %.17g", i,
                x, exact[i]);
        x = value(&f, "g", i);
        assert_memory_equal(&x, &exact[i], 8);
        assert_true((float) value(&f, "f", i) == single[i]);
    }

    mlops_frame_free(&f);
    free(text);
    free(exact);
    free(single);
}


/* h = h * 1000003 + bits of each value that is there, modulo 2^64; of codes
 * the codes: by Python's csv and float(). */

static void
test_data(void **state)
{
    size_t                  i;
    char                    names[16][8];
    double                  x;
    uint32_t                c, row;
    uint64_t                sum, bits;
    const char             *path;
    mlops_err_t             err;
    mlops_str_t             header[16];
    mlops_frame_t           f;
    mlops_frame_options_t   o;
    const mlops_str_t       missing[] = { mlops_str("?") };

    static const struct {
        const char  *name;
        uint32_t     header;
        uint32_t     rows;
        uint32_t     columns;
        uint64_t     sums[14];
        const char  *sha256;        /* its first bytes */
    } v[] = {
        { "auto_mpg.csv", 0, 397, 9,
          { 0x8bd6b20c8d7cf7c7, 0xf90c000000000000, 0x69a3600000000000,
            0xd2d0000000000000, 0x951e700000000000, 0x9bf2b01b1effebe9,
            0x3ea6000000000000, 0x44d8000000000000, 0x5892eb466c1c6cb },
          "\x8d\xc3\x24\xac" },
        { "cal_housing.data", 9, 20640, 9,
          { 0x420bd838fd72b711, 0x26ea73a5f9303048, 0x4fc000000000000,
            0x7abf46a000000000, 0x2bc7ef0000000000, 0x37dcf34000000000,
            0xa375500000000000, 0xa57e1fc2102bddca, 0xcc0862400000000 },
          "\xd3\xd8\xa1\xa7" },
        { "elec2.csv", 0, 45312, 7,
          { 0xcaef2a1f38181bc0, 0xc714dad48d985e46, 0x231a9540a2abccff,
            0xd988665c12da136a, 0x9735e2ca73df998f, 0xfcd16da7c4377093,
            0xc250000000000000 },
          "\xcd\xf9\x01\x43" },
        { "wine.data", 0, 178, 14,
          { 0x5f10000000000000, 0x23e73725d454e48a, 0xaf993bb664e39d51,
            0x3b541fc5593a8946, 0xeefb111eeafbc65d, 0xced3400000000000,
            0xe06b3007feb1b75f, 0x51b787cbde40c67, 0xf4cf9eb98e5b4e33,
            0xc08d0a94d168ba75, 0x3ee8aebe5753c5fa, 0x4f7d6d6703501f4e,
            0xadb0b383a2179caa, 0x7105340000000000 },
          "\xff\x56\x70\x33" },
        { "btcusd_5min.csv", 7, 6476, 7,
          { 0xc205d70b39000000, 0x80ba0f2bcd15fc26, 0x2772ef3187c496e7,
            0x51cc62b3a4aeb9fd, 0xb200c59e487407b6, 0xb382f7f1e6f758a0,
            0xf453800000000000 },
          "\xa1\xad\xd5\x6a" }
    };

    (void) state;

    for (i = 0; i < 16; i++) {
        header[i].data = names[i];
        header[i].len = (size_t) sprintf(names[i], "c%zu", i);
    }

    for (i = 0; i < mlops_nitems(v) * 2; i++) {
        path = unit_data(v[i / 2].name);

        if (path == NULL) {
            unit_note("no %s", v[i / 2].name);
            continue;
        }

        memset(&o, 0, sizeof(o));
        o.missing = missing;
        o.missing_n = 1;
        o.threads = (i & 1) ? 3 : 1;
        o.chunk_bytes = (i & 1) ? 4096 : 0;

        if (v[i / 2].header) {
            o.header = header;
            o.header_n = v[i / 2].header;
        }

        unit_ok(mlops_frame_read(&f, path, &o, &err) == MLOPS_OK, "%s",
                err.text);
        assert_int_equal(f.rows_n, v[i / 2].rows);
        assert_int_equal(f.columns_n, v[i / 2].columns);
        assert_memory_equal(f.sha256, v[i / 2].sha256, 4);

        for (c = 0; c < f.columns_n; c++) {
            for (row = 0, sum = 0; row < f.rows_n; row++) {
                x = mlops_matrix_value(&f.columns[c].view, row);
                memcpy(&bits, &x, sizeof(bits));

                if (f.columns[c].type == MLOPS_TYPE_BYTES) {
                    bits = (uint64_t) x;
                }

                if (!isnan(x)) {
                    sum = sum * 1000003 + bits;
                }
            }

            unit_ok(sum == v[i / 2].sums[c], "%s, column %u", v[i / 2].name,
                    c);
        }

        mlops_frame_free(&f);
    }
}


static void
check_path(const char *path, const char *expected)
{
    mlops_err_t             err;
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    memset(&o, 0, sizeof(o));
    assert_int_equal(mlops_frame_read(&f, path, &o, &err), MLOPS_ERROR);
    unit_ok(strstr(err.text, expected) != NULL, "%s", err.text);
    unit_ok(strncmp(err.text, path, strlen(path)) == 0, "%s", err.text);
}


static void
test_files(void **state)
{
    int                     fd;
    char                    path[UNIT_PATH_SIZE];
    struct stat             st;
    const char             *lies;
    mlops_err_t             err;
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    /* sha256 by Python's hashlib */

    static const unsigned char  sha256[32] = {
        0x50, 0xd7, 0x95, 0x7a, 0x7a, 0x84, 0x24, 0x39,
        0x51, 0x64, 0x5a, 0x83, 0x10, 0xc5, 0x06, 0x1b,
        0xb5, 0x27, 0x77, 0x6e, 0x42, 0x3b, 0xeb, 0x56,
        0x2b, 0xa0, 0x56, 0x1c, 0xa9, 0x5a, 0x79, 0x81
    };

    static const char  text[] = "a,b\n1,x\n2,\"y, z\"\n";

    (void) state;

    snprintf(path, sizeof(path), "%s/rows.csv", unit_tmpdir());
    check_path(path, ": cannot open: No such file or directory");
    check_path("/", ": expected a regular file, got a directory");
    check_path("/dev/null", ": expected a regular file, got a device");

    unit_spew(path, text, sizeof(text) - 1);
    memset(&o, 0, sizeof(o));

    for (o.threads = 1; o.threads < 4; o.threads++) {
        o.chunk_bytes = o.threads;
        unit_ok(mlops_frame_read(&f, path, &o, &err) == MLOPS_OK, "%s",
                err.text);
        assert_memory_equal(f.sha256, sha256, 32);
        assert_int_equal(f.bytes, sizeof(text) - 1);
        check_text(&f, 1, 1, "y, z");
        mlops_frame_free(&f);
    }

    o.undigested = 1;
    unit_ok(mlops_frame_read(&f, path, &o, &err) == MLOPS_OK, "%s",
            err.text);
    assert_memory_equal(f.sha256, (char[32]) { 0 }, 32);
    mlops_frame_free(&f);

    unit_spew(path, "", 0);
    check_path(path, ": expected a line of names, got an empty file");
    assert_int_equal(unlink(path), 0);

    /* a file that has less than it says is as one that shrinks meanwhile */

    lies = "/sys/kernel/mm/transparent_hugepage/enabled";
    fd = open(lies, O_RDONLY);

    if (fd == -1 || fstat(fd, &st) == -1 || st.st_size < 1024) {
        unit_note("no %s", lies);

    } else {
        check_path(lies, " was changed while it was read");
    }

    if (fd != -1) {
        (void) close(fd);
    }
}


/* A child that opens the pipe and writes the text n times, piece by piece. */

static pid_t
pipe_writer(const char *path, const char *text, size_t len, size_t piece,
    uint64_t n)
{
    int     fd;
    pid_t   pid;
    size_t  done, some;

    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid != 0) {
        return pid;
    }

    (void) alarm(120);
    fd = open(path, O_WRONLY);

    for (/* void */ ; n != 0; n--) {

        for (done = 0; done < len; done += some) {
            some = (len - done < piece) ? len - done : piece;

            if (write(fd, text + done, some) != (ssize_t) some) {
                _exit(1);
            }
        }
    }

    _exit(0);
}


/* The same of n times a thousand lines. */

static pid_t
pipe_lines(const char *path, uint64_t n)
{
    uint32_t     i;
    static char  lines[7 * 1000];

    for (i = 0; i < sizeof(lines); i++) {
        lines[i] = "1.25,2\n"[i % 7];
    }

    return pipe_writer(path, lines, sizeof(lines), 4096, n);
}


static void
pipe_written(pid_t pid, int whole)
{
    int  status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    unit_ok(!whole || status == 0, "the writer's status is %d", status);
}


static int
pipe_stop(void *ctx)
{
    int  *left;

    left = ctx;

    return (*left)-- == 0;
}


/* A pipe gives what a file of its bytes does. */

static void
test_pipes(void **state)
{
    int                     left;
    char                    path[UNIT_PATH_SIZE];
    pid_t                   pid;
    mlops_err_t             err;
    mlops_frame_t           f, g;
    mlops_frame_options_t   o;

    static const char  text[] = "a,b\n1,x\n2,\"y, z\"\n,é\n4.5,x\n";

    (void) state;

    snprintf(path, sizeof(path), "%s/pipe", unit_tmpdir());
    assert_int_equal(mkfifo(path, 0600), 0);
    memset(&o, 0, sizeof(o));

    for (o.threads = 1; o.threads < 4; o.threads++) {
        o.chunk_bytes = o.threads;
        pid = pipe_writer(path, text, sizeof(text) - 1, o.threads, 1);

        unit_ok(mlops_frame_read(&f, path, &o, &err) == MLOPS_OK, "%s",
                err.text);
        pipe_written(pid, 1);
        unit_ok(mlops_frame_parse(&g, "rows.csv", text, sizeof(text) - 1, &o,
                                  &err)
                == MLOPS_OK, "%s", err.text);

        assert_int_equal(f.rows_n, 4);
        assert_int_equal(f.bytes, sizeof(text) - 1);
        assert_memory_equal(f.sha256, g.sha256, 32);
        check_text(&f, 1, 1, "y, z");
        check_same_column(&f, &g, 0);
        check_same_column(&f, &g, 1);
        mlops_frame_free(&f);
        mlops_frame_free(&g);
    }

    /* more than is mapped at first */

    o.threads = 1;
    o.chunk_bytes = 0;
    pid = pipe_lines(path, 700);
    unit_ok(mlops_frame_read(&f, path, &o, &err) == MLOPS_OK, "%s", err.text);
    pipe_written(pid, 1);
    assert_int_equal(f.rows_n, 699999);
    assert_int_equal(f.bytes, 4900000);
    assert_true(mlops_matrix_value(&f.columns[0].view, 699998) == 1.25);
    mlops_frame_free(&f);

    pid = pipe_writer(path, "", 0, 1, 1);
    check_path(path, ": expected a line of names, got an empty pipe");
    pipe_written(pid, 1);

    /* nobody writes */

    o.again = 1;
    assert_int_equal(mlops_frame_read(&f, path, &o, &err), MLOPS_ERROR);
    unit_ok(strstr(err.text, ": expected a regular file, got a pipe, which "
                   "can be read but once") != NULL, "%s", err.text);

    left = 2;
    o.again = 0;
    o.stop = pipe_stop;
    o.ctx = &left;
    assert_int_equal(mlops_frame_read(&f, path, &o, &err), MLOPS_ERROR);
    assert_string_equal(err.text, "stopped");
    assert_int_equal(left, -1);
}


static void
test_pipe_memory(void **state)
{
    int             n;
    char            path[UNIT_PATH_SIZE];
    FILE           *fp;
    pid_t           pid;
    unsigned long   pages;
    struct rlimit   limit, before;

    (void) state;

    if (getenv("MLOPS_QUICK") != NULL) {
        unit_skip("what checks memory takes addresses of its own");
    }

    fp = fopen("/proc/self/statm", "r");
    n = (fp != NULL) ? fscanf(fp, "%lu", &pages) : 0;

    if (fp != NULL) {
        (void) fclose(fp);
    }

    if (n != 1) {
        unit_skip("no /proc/self/statm");
    }

    snprintf(path, sizeof(path), "%s/large", unit_tmpdir());
    assert_int_equal(mkfifo(path, 0600), 0);
    pid = pipe_lines(path, 4000);

    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = pages * (rlim_t) sysconf(_SC_PAGESIZE) + (8u << 20);
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);

    check_path(path, ": out of memory for the pipe's bytes, of which ");

    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    pipe_written(pid, 0);
}


/* A quote that is never closed does not take the memory of the whole file. */

static void
test_long_row(void **state)
{
    char                   *text;
    size_t                  len;
    mlops_err_t             err;
    mlops_frame_t           f;
    mlops_frame_options_t   o;

    (void) state;

    if (getenv("MLOPS_SIMD") != NULL) {
        unit_skip("once is enough");
    }

    len = 70u << 20;
    text = malloc(len);
    assert_non_null(text);

    memset(&o, 0, sizeof(o));
    o.undigested = 1;

    memset(text, 'x', len);
    memcpy(text, "a,b\n1,2\n\"", 9);
    text[len - 1] = '\n';

    assert_int_equal(mlops_frame_parse(&f, "rows.csv", text, len, &o, &err),
                     MLOPS_ERROR);
    assert_string_equal(err.text, "rows.csv line 3, column \"a\": the quote "
                        "is not closed");

    text[8] = 'y';
    assert_int_equal(mlops_frame_parse(&f, "rows.csv", text, len, &o, &err),
                     MLOPS_ERROR);
    assert_string_equal(err.text, "rows.csv line 3, column \"a\": the line "
                        "is too long");
    free(text);
}


static void
test_levels(void **state)
{
    size_t  i;
    char    command[UNIT_PATH_SIZE];

    static const char *const  levels[] = { "portable", "avx2" };

    (void) state;

    if (getenv("MLOPS_SIMD") != NULL) {
        unit_skip("this is such a run");
    }

    for (i = 0; i < mlops_nitems(levels); i++) {
        (void) snprintf(command, sizeof(command),
                        "MLOPS_SIMD=%s MLOPS_QUICK=1 '%s' > /dev/null",
                        levels[i], self);
        unit_ok(system(command) == 0, "MLOPS_SIMD=%s", levels[i]);
    }
}


int
main(int argc, char **argv)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_missing),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_late_text),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_pipes),
        cmocka_unit_test(test_pipe_memory),
        cmocka_unit_test(test_long_row),
        cmocka_unit_test(test_levels)
    };

    (void) argc;

    self = argv[0];

    return unit_run(tests);
}
