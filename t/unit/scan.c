/*
 * The byte scanner: strings, numbers, any value; against yajl and by hand.
 */

#include "unit.h"
#include "mlops_row.h"
#include "mlops_scan.h"

#include <yajl/yajl_parse.h>


#define ROUNDS  400000


/* A copy that ends where the text ends, for the sanitizer's sake. */

static char  *text_copy;


static const char *
exactly(const char *text, size_t len)
{
    free(text_copy);

    text_copy = malloc(len ? len : 1);
    memcpy(text_copy, text, len);

    return text_copy;
}


/* 1 where the whole text is one value. */

static int
is_value(const char *text, size_t len, uint32_t depth, unsigned flags)
{
    const char          *p, *end;
    mlops_scan_fault_t   fault;

    text = exactly(text, len);
    end = text + len;
    p = mlops_scan_value(text, end, depth, flags, &fault);

    if (p == NULL) {
        assert_true(fault.at >= text && fault.at <= end);
        return 0;
    }

    return mlops_scan_ws(p, end) == end;
}


static void
test_values(void **state)
{
    size_t  i;

    static const char  *good[] = {
        "0", "-0", "1", "10", "-1.5", "0.5e-10", "1E+5", "1e5", "\"\"", "[]",
        "{}", "[[]]", "[{}]", "{\"a\":{}}", "true", "false", "null",
        " [ 1 , 2 ] ", "\t\r\n{ \"a\" : 1 , \"a\" : 2 } ", "[1,[2,[3,{}]]]",
        "{\"\":\"\"}", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\"",
        "\"\\ud800\\udc00\"", "\"\\udbff\\udfff\"", "\"\x7f\"",
        "\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\"",
        "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
        "[\"1234567\",\"12345678\",\"123456789\"]",
        "[\"abcdefg\xc3\xa9\",\"abcdefgh\\n\",\"0123456\\\\\"]"
    };

    static const char  *bad[] = {
        "", " ", "[", "]", "{", "}", "[1", "[1,", "[1,]", "[,1]", "[1 2]",
        "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{,}", "{\"a\" 1}",
        "{\"a\":1 \"b\":2}", "[1}", "{\"a\":1]", "01", "-01", "+1", ".5",
        "1.", "1.e5", "1e", "1e+", "0x10", "--1", "-", "1a", "1 1", "tru",
        "truee", "True", "nul", "nulll", "fals", "NaN", "Infinity",
        "-Infinity", "\"", "\"a", "\"\\\"", "\"\\a\"", "\"\\u12\"",
        "\"\\u123g\"", "\"\\ud800\"", "\"\\ud800x\"", "\"\\ud800\\n\"",
        "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\udc00\\ud800\"",
        "\"\n\"", "\"\x1f\"", "\"\t\"", "\"\x80\"", "\"\xc0\x80\"",
        "\"\xe0\x9f\xbf\"", "\"\xed\xa0\x80\"", "\"\xf0\x8f\xbf\xbf\"",
        "\"\xf4\x90\x80\x80\"", "\"\xff\"", "\"\xc3\"", "\"1234567\xc3\"",
        "'a'", "[]]", "{}}", "[] []", "/**/1", "1//", "\0131", "\2401",
        "[1,,2]", "[\"a\":1]", "{\"a\":1:2}", "{{}}", "{[]}"
    };

    (void) state;

    for (i = 0; i < mlops_nitems(good); i++) {
        unit_ok(is_value(good[i], strlen(good[i]), 64, 0), "%s", good[i]);
    }

    for (i = 0; i < mlops_nitems(bad); i++) {
        unit_ok(!is_value(bad[i], strlen(bad[i]), 64, 0), "%s", bad[i]);
    }

    assert_false(is_value("\"a\0b\"", 5, 64, 0));
    assert_false(is_value("1\0", 2, 64, 0));
}


static void
test_tokens(void **state)
{
    (void) state;

    assert_true(is_value("[NaN,Infinity,-Infinity]", 24, 64,
                         MLOPS_SCAN_TOKENS));
    assert_true(is_value("{\"NaN\":NaN}", 11, 64, MLOPS_SCAN_TOKENS));
    assert_false(is_value("[nan]", 5, 64, MLOPS_SCAN_TOKENS));
    assert_false(is_value("[-NaN]", 6, 64, MLOPS_SCAN_TOKENS));
    assert_false(is_value("[NaN1]", 6, 64, MLOPS_SCAN_TOKENS));
    assert_false(is_value("[Infinit]", 9, 64, MLOPS_SCAN_TOKENS));
    assert_false(is_value("{NaN:1}", 7, 64, MLOPS_SCAN_TOKENS));
    assert_false(is_value("Na", 2, 64, MLOPS_SCAN_TOKENS));
    assert_false(is_value("-", 1, 64, MLOPS_SCAN_TOKENS));
}


static void
test_depth(void **state)
{
    char      text[2 * MLOPS_SCAN_DEPTH + 8];
    uint32_t  n;

    (void) state;

    for (n = 1; n <= MLOPS_SCAN_DEPTH; n += (n < 130) ? 1 : 127) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        assert_true(is_value(text, 2 * n, n, 0));
        assert_false(is_value(text, 2 * n, n - 1, 0));
        assert_false(is_value(text, 2 * n - 1, n, 0));

        /* one level closed by the other bracket */

        text[n + n / 2] = '}';
        assert_false(is_value(text, 2 * n, n, 0));
    }

    /* never more than there is room for */

    memset(text, '[', MLOPS_SCAN_DEPTH + 1);
    memset(text + MLOPS_SCAN_DEPTH + 1, ']', MLOPS_SCAN_DEPTH + 1);
    assert_false(is_value(text, 2 * MLOPS_SCAN_DEPTH + 2, UINT32_MAX, 0));

    assert_true(is_value("1", 1, 0, 0));
    assert_false(is_value("[]", 2, 0, 0));
}


static void
test_unescape(void **state)
{
    char    out[64], *end;
    size_t  i;

    static const struct {
        const char  *text;
        const char  *expected;
    } cases[] = {
        { "plain", "plain" },
        { "\\\"\\\\\\/", "\"\\/" },
        { "\\b\\f\\n\\r\\t", "\b\f\n\r\t" },
        { "\\u0041\\u007f\\u0080\\u07ff\\u0800\\uffff",
          "A\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf" },
        { "\\ud800\\udc00\\udbff\\uDFFF",
          "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
        { "\\u20AC\\u20ac", "\xe2\x82\xac\xe2\x82\xac" },
        { "\\\\u0041", "\\u0041" }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        end = mlops_scan_unescape(out, cases[i].text,
                                  cases[i].text + strlen(cases[i].text));
        *end = '\0';
        assert_string_equal(out, cases[i].expected);

        /* in its own place */

        (void) strcpy(out, cases[i].text);
        end = mlops_scan_unescape(out, out, out + strlen(out));
        *end = '\0';
        assert_string_equal(out, cases[i].expected);
    }
}


/* A special byte at every place of strings of every length. */

static void
test_string_places(void **state)
{
    int          escaped;
    char         text[48];
    size_t       len, at, i;
    const char  *p, *q, *fault;

    static const struct {
        char  byte;
        int   good;
    } bytes[] = {
        { '"', 1 }, { '\\', 0 }, { 0x00, 0 }, { 0x1f, 0 }, { 0x20, 1 },
        { 0x21, 1 }, { 0x23, 1 }, { 0x5b, 1 }, { 0x5d, 1 }, { 0x7f, 1 },
        { (char) 0x80, 0 }, { (char) 0xa2, 0 }, { (char) 0xdc, 0 },
        { (char) 0xff, 0 }
    };

    (void) state;

    for (len = 1; len < 40; len++) {
        for (at = 0; at < len; at++) {
            for (i = 0; i < mlops_nitems(bytes); i++) {
                memset(text, 'x', len);
                text[at] = bytes[i].byte;
                text[len] = '"';

                p = exactly(text, len + 1);
                q = mlops_scan_string(p, p + len + 1, &escaped, &fault);

                if (bytes[i].byte == '"') {
                    assert_ptr_equal(q, p + at);

                } else if (bytes[i].good) {
                    assert_ptr_equal(q, p + len);
                    assert_false(escaped);

                } else if (bytes[i].byte == '\\' && at == len - 1) {
                    /* it escapes the quote */
                    assert_null(q);
                    assert_ptr_equal(fault, p + len + 1);

                } else {
                    assert_null(q);
                    assert_ptr_equal(fault, p + at);
                }

                p = exactly(text, at);
                assert_null(mlops_scan_string(p, p + at, &escaped, &fault));
                assert_ptr_equal(fault, p + at);
            }
        }
    }
}


static void
test_got(void **state)
{
    char        buf[MLOPS_GOT_SIZE], text[200];
    size_t      i;
    const char  *got;

    static const struct {
        const char  *text;
        const char  *expected;
    } cases[] = {
        { "", "the end of the text" },
        { "{\"a\":1}", "an object" },
        { "[1]", "an array" },
        { "\"x\",1", "\"x\"" },
        { "\"a\\\"b\"]", "\"a\\\"b\"" },
        { "true]", "true" },
        { "null}", "null" },
        { "1.5e3,", "1.5e3" },
        { "-4 ", "-4" },
        { "]", "]" },
        { ",", "," },
        { "x", "x" },
        { "\"open", "\"open" },
        { "\"\\", "\"\\" }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        got = exactly(cases[i].text, strlen(cases[i].text));
        assert_string_equal(mlops_scan_got(buf, got, got
                                           + strlen(cases[i].text)),
                            cases[i].expected);
    }

    /* cut, and not in the middle of a character */

    for (i = 0; i < 8; i++) {
        memset(text, 'a', i);
        text[0] = '"';
        memset(text + i + !i, 0, 1);
        (void) strcpy(text + i + !i, "\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0"
                      "\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f"
                      "\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98"
                      "\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80\"");
        got = mlops_scan_got(buf, text, text + strlen(text));
        assert_true(strlen(got) <= 43);
        assert_true(mlops_utf8_valid(got, strlen(got)));
        assert_string_equal(got + strlen(got) - 3, "...");
    }
}


/* Random JSON, then some bytes of it spoilt: the verdict is yajl's. */

static const char *const  pieces[] = {
    "0", "-1", "12.5", "1e9", "-0.5E-3", "true", "false", "null", "\"\"",
    "\"ab\"", "\"a\\n\"", "\"\\u20ac\"", "\"long enough for a word\""
};


static char *
generate(char *p, uint64_t *seed, int depth)
{
    int  i, n, object;

    if (depth == 0 || unit_random(seed) % 3 == 0) {
        return stpcpy(p, pieces[unit_random(seed) % mlops_nitems(pieces)]);
    }

    object = unit_random(seed) % 2;
    n = (int) (unit_random(seed) % 4);
    *p++ = object ? '{' : '[';

    for (i = 0; i < n; i++) {

        if (i != 0) {
            *p++ = ',';
        }

        if (unit_random(seed) % 5 == 0) {
            *p++ = " \t\r\n"[unit_random(seed) % 4];
        }

        if (object) {
            p += sprintf(p, "\"k%d\"", i);

            if (unit_random(seed) % 5 == 0) {
                *p++ = ' ';
            }

            *p++ = ':';
        }

        p = generate(p, seed, depth - 1);
    }

    *p++ = object ? '}' : ']';

    return p;
}


static int
yajl_accepts_parts(const char **parts, const size_t *lens, int n)
{
    int          i, ok;
    yajl_handle  h;

    h = yajl_alloc(NULL, NULL, NULL);
    ok = 1;

    for (i = 0; i < n && ok; i++) {
        ok = (yajl_parse(h, (const unsigned char *) parts[i], lens[i])
              == yajl_status_ok);
    }

    ok = ok && yajl_complete_parse(h) == yajl_status_ok;
    yajl_free(h);

    return ok;
}


/* By itself yajl overlooks an open string behind the value, but not where the
 * value stands in an array. */

static int
yajl_accepts(const char *text, size_t len)
{
    const char  *parts[3];
    size_t       lens[3] = { 1, 0, 1 };

    parts[0] = "[";
    parts[1] = text;
    parts[2] = "]";
    lens[1] = len;

    return yajl_accepts_parts(parts + 1, lens + 1, 1)
           && yajl_accepts_parts(parts, lens, 3);
}


static void
test_against_yajl(void **state)
{
    int         accepted, expected, i, n, rounds;
    char       *text, *end;
    size_t      at;
    uint64_t    seed;
    uint32_t    good, bad;

    static const char  spoils[] = "{}[],:\"\\0123456789.eE+-truefalsn \n/u";

    (void) state;

    seed = 4711;
    good = 0;
    bad = 0;
    text = malloc(65536);
    rounds = unit_quick() ? ROUNDS / 20 : ROUNDS;

    for (i = 0; i < rounds; i++) {
        end = generate(text, &seed, 4);
        n = (int) (unit_random(&seed) % 4);

        while (n-- > 0 && end > text) {
            at = unit_random(&seed) % (size_t) (end - text);

            switch (unit_random(&seed) % 3) {

            case 0:
                text[at] = spoils[unit_random(&seed) % (sizeof(spoils) - 1)];
                break;

            case 1:
                memmove(text + at, text + at + 1,
                        (size_t) (end - text) - at - 1);
                end--;
                break;

            default:
                memmove(text + at + 1, text + at, (size_t) (end - text) - at);
                text[at] = spoils[unit_random(&seed) % (sizeof(spoils) - 1)];
                end++;
            }
        }

        *end = '\0';

        /* yajl lets a lone surrogate pass; "\ud" and "\uD" may come up */

        if (strstr(text, "\\ud") != NULL) {
            continue;
        }

        expected = yajl_accepts(text, (size_t) (end - text));
        accepted = is_value(text, (size_t) (end - text), 64, 0);

        unit_ok(accepted == expected, "%s\nyajl %d, we %d", text, expected,
                accepted);

        good += (uint32_t) expected;
        bad += !expected;
    }

    /* both kinds were met */

    assert_true(good > (uint32_t) rounds / 5 && bad > (uint32_t) rounds / 5);

    free(text);
    (void) exactly("", 0);
    free(text_copy);
    text_copy = NULL;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_string_places),
        cmocka_unit_test(test_got),
        cmocka_unit_test(test_against_yajl)
    };

    return unit_run(tests);
}
