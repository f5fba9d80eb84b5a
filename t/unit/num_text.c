/*
 * What is a number and what is none, integers at their limits, and the
 * table of powers by integer arithmetic of its own.
 */

#include "unit.h"
#include "mlops_num.h"
#include "mlops_num_table.h"

#include <inttypes.h>
#include <math.h>


#define LIMBS  17       /* 1088 bits: 5^342 has 795, times 128 */


/* Padded or not, a text takes another way through the parser. */

static const char *const  tails[] = {
    "", ",", "]}", " ,                                                  "
};


static void
check_accepted(const char *text, size_t len)
{
    char        *p, *copy;
    float        f;
    double       d, want;
    size_t       i, size;
    const char  *last;

    want = strtod(text, NULL);

    for (i = 0; i < mlops_nitems(tails); i++) {
        size = len + strlen(tails[i]);
        copy = malloc(size + 1);
        assert_non_null(copy);

        p = copy;
        memcpy(p, text, len);
        memcpy(p + len, tails[i], size - len);
        d = -77;
        f = -77;

        last = mlops_parse_double(p, p + size, &d);
        unit_ok(last == p + len && memcmp(&d, &want, sizeof(d)) == 0,
                "\"%s%s\": expected %g, got %g", text, tails[i], want, d);

        last = mlops_parse_float(p, p + size, &f);
        unit_ok(last == p + len && f == strtof(text, NULL),
                "\"%s%s\": expected %g, got %g", text, tails[i], want, f);

        free(copy);
    }
}


static void
check_refused(const char *text)
{
    char    *p;
    float    f;
    double   d;
    size_t   i, size;

    for (i = 0; i < mlops_nitems(tails); i++) {
        size = strlen(text) + strlen(tails[i]);
        p = malloc(size + 1);
        assert_non_null(p);
        sprintf(p, "%s%s", text, tails[i]);

        unit_ok(mlops_parse_double(p, p + size, &d) == NULL
                && mlops_parse_float(p, p + size, &f) == NULL,
                "\"%s\" was taken for a number", p);

        free(p);
    }
}


static void
test_grammar(void **unused)
{
    char    text[1200];
    size_t  i;

    static const char *const  accepted[] = {
        "0", "-0", "0.0", "-0.0", "1", "-1", "10", "1.0", "1.5", "0.001",
        "1e0", "1E0", "1e5", "1e+5", "1e-5", "1.25e2", "0e0", "0.0e-5",
        "1e0000000000000000000000005", "1e400", "-1e400", "1e-400", "0e400",
        "0e99999999999999999999999999", "1e99999999999999999999999999",
        "1e-99999999999999999999999999", "12345678", "123456789",
        "1234567812345678", "12345678123456789", "12345678.12345678",
        "1.12345678", "1.123456781", "1.1234567812345678",
        "1.12345678123456781", "0.000000000000000000000000000001",
        "9007199254740992", "9007199254740993", "18446744073709551615",
        "18446744073709551616", "100000000000000000000000000000",
        "3.4028235e38", "3.4028236e38", "1e39", "1e-46", "7e-46",
        "2.4703282292062327208e-324", "2.4703282292062328e-324",
        "1.7976931348623158e308", "1.7976931348623159e308"
    };

    static const char *const  refused[] = {
        "", "-", "+", "+1", "01", "-01", "00", "00.5", ".", ".5", "-.5", "1.",
        "-1.", "1.e5", "1e", "1E", "1e+", "1e-", "1.5e", "--1", "-+1", "e5",
        "-e5", "x", "NaN", "nan", "Infinity", "-Infinity", "inf", " 1",
        "\t1", "\"1\"", "0123456789", "012345678901234567890",
        "12345678.", "1234567812345678.", "123456781234567812345678.",
        "true", "null", "\xc2\xb2", "\xef\xbc\x91"
    };

    (void) unused;

    for (i = 0; i < mlops_nitems(accepted); i++) {
        check_accepted(accepted[i], strlen(accepted[i]));
    }

    for (i = 0; i < mlops_nitems(refused); i++) {
        check_refused(refused[i]);
    }

    /* a thousand digits on either side */

    memset(text, '0', sizeof(text));
    strcpy(text + 1000, "e-999");
    text[0] = '7';
    check_accepted(text, strlen(text));

    text[0] = '0';
    text[1] = '.';
    strcpy(text + 1000, "25e998");
    check_accepted(text, strlen(text));

    strcpy(text + 1000, "25e1000000000000000000000");
    check_accepted(text, strlen(text));
}


/* The number ends where its text does; the rest is the caller's. */

static void
test_ends(void **unused)
{
    double       d;
    size_t       i;
    const char  *p, *end;

    static const struct {
        const char  *text;
        int          len;
    } cases[] = {
        { "0x10", 1 }, { "1-2", 1 }, { "1+2", 1 }, { "1.5.5", 3 },
        { "1e5e5", 3 }, { "1e5.5", 3 }, { "12a", 2 }, { "1 2", 1 },
        { "1,2", 1 }, { "-1-", 2 }, { "1_000", 1 }, { "5f", 1 },
        { "0x1p3                                      ", 1 },
        { "1.5.5                                      ", 3 },
        { "0\0001                                     ", 1 }
    };

    (void) unused;

    for (i = 0; i < mlops_nitems(cases); i++) {
        p = cases[i].text;
        end = p + (i < mlops_nitems(cases) - 1 ? strlen(p) : 40);

        unit_ok(mlops_parse_double(p, end, &d) == p + cases[i].len,
                "\"%s\" has to end after %d bytes", p, cases[i].len);
    }
}


static void
test_lenient(void **unused)
{
    float        f;
    double       d;
    size_t       i;
    mlops_str_t  s;

    static const struct {
        const char  *text;
        double       value;
    } accepted[] = {
        { "1", 1 }, { "+1", 1 }, { "-1", -1 }, { ".5", 0.5 }, { "-.5", -0.5 },
        { "+.5", 0.5 }, { "1.", 1 }, { "-1.", -1 }, { "1.e3", 1000 },
        { ".25e2", 25 }, { "0.", 0 }, { ".0", 0 }, { "8.3252", 8.3252 },
        { "1e400", INFINITY }, { "inf", INFINITY }, { "Infinity", INFINITY },
        { "-inf", -INFINITY }, { "-Infinity", -INFINITY },
        { "12345678901234567890", 12345678901234567890.0 }
    };

    static const char *const  refused[] = {
        "", " ", " 1", "1 ", "+", "-", ".", "+.", "-.", "e5", ".e5", "1e",
        "01", "00", "-01", "1.5.5", "0x10", "1_000", "1,5", "INF", "Inf",
        "NAN", "-nan", "-NaN", "+inf", "infinity", "nans", "na", "++1",
        "+-1", "1f", "\"1\""
    };

    (void) unused;

    for (i = 0; i < mlops_nitems(accepted); i++) {
        s.data = accepted[i].text;
        s.len = strlen(s.data);

        unit_ok(mlops_number(&s, &d) == MLOPS_OK && d == accepted[i].value,
                "\"%s\": got %g", s.data, d);
        unit_ok(mlops_number_float(&s, &f) == MLOPS_OK
                && f == (float) accepted[i].value,
                "\"%s\": got %g", s.data, f);
    }

    for (i = 0; i < mlops_nitems(refused); i++) {
        s.data = refused[i];
        s.len = strlen(s.data);

        unit_ok(mlops_number(&s, &d) == MLOPS_ERROR
                && mlops_number_float(&s, &f) == MLOPS_ERROR,
                "\"%s\" was taken for a number", s.data);
    }

    s.data = "NaN nan";
    s.len = 3;
    assert_int_equal(mlops_number(&s, &d), MLOPS_OK);
    assert_true(isnan(d));

    s.data += 4;
    assert_int_equal(mlops_number_float(&s, &f), MLOPS_OK);
    assert_true(isnan(f));

    s.data = NULL;
    s.len = 0;
    assert_int_equal(mlops_number(&s, &d), MLOPS_ERROR);
    assert_int_equal(mlops_number_float(&s, &f), MLOPS_ERROR);
}


static void
test_integers(void **unused)
{
    int          overflow;
    size_t       i;
    int64_t      x;
    uint64_t     u;
    const char  *p, *end;

    static const struct {
        const char  *text;
        int          len;           /* 0: none */
        int          overflow;
        int64_t      value;
        int          uoverflow;
        uint64_t     uvalue;
    } cases[] = {
        { "0", 1, 0, 0, 0, 0 },
        { "-0", 2, 0, 0, 0, 0 },
        { "7", 1, 0, 7, 0, 7 },
        { "-7", 2, 0, -7, 1, 0 },
        { "9007199254740993", 16, 0, 9007199254740993, 0, 9007199254740993 },
        { "9223372036854775807", 19, 0, INT64_MAX, 0, INT64_MAX },
        { "9223372036854775808", 19, 1, INT64_MAX, 0, 1ull << 63 },
        { "-9223372036854775808", 20, 0, INT64_MIN, 1, 0 },
        { "-9223372036854775809", 20, 1, INT64_MIN, 1, 0 },
        { "9999999999999999999", 19, 1, INT64_MAX, 0, 9999999999999999999ull },
        { "18446744073709551615", 20, 1, INT64_MAX, 0, UINT64_MAX },
        { "18446744073709551616", 20, 1, INT64_MAX, 1, UINT64_MAX },
        { "18446744073709551620", 20, 1, INT64_MAX, 1, UINT64_MAX },
        { "99999999999999999999", 20, 1, INT64_MAX, 1, UINT64_MAX },
        { "100000000000000000000", 21, 1, INT64_MAX, 1, UINT64_MAX },
        { "340282366920938463463374607431768211456", 39, 1, INT64_MAX, 1,
          UINT64_MAX },
        { "12.5", 2, 0, 12, 0, 12 },
        { "1e3", 1, 0, 1, 0, 1 },
        { "12]", 2, 0, 12, 0, 12 },
        { "", 0, 0, 0, 0, 0 },
        { "-", 0, 0, 0, 0, 0 },
        { "--1", 0, 0, 0, 0, 0 },
        { "+1", 0, 0, 0, 0, 0 },
        { "01", 0, 0, 0, 0, 0 },
        { "-01", 0, 0, 0, 0, 0 },
        { "00", 0, 0, 0, 0, 0 },
        { "x", 0, 0, 0, 0, 0 },
        { " 1", 0, 0, 0, 0, 0 },
        { ".5", 0, 0, 0, 0, 0 }
    };

    (void) unused;

    for (i = 0; i < mlops_nitems(cases); i++) {
        p = cases[i].text;
        end = p + strlen(p);

        overflow = 7;
        x = 77;

        if (cases[i].len == 0) {
            assert_null(mlops_parse_int64(p, end, &x, &overflow));
            assert_null(mlops_parse_uint64(p, end, &u, &overflow));
            continue;
        }

        unit_ok(mlops_parse_int64(p, end, &x, &overflow) == p + cases[i].len
                && overflow == cases[i].overflow && x == cases[i].value,
                "\"%s\": got %" PRId64 ", overflow %d", p, x, overflow);

        overflow = 7;
        u = 77;

        unit_ok(mlops_parse_uint64(p, end, &u, &overflow) == p + cases[i].len
                && overflow == cases[i].uoverflow && u == cases[i].uvalue,
                "\"%s\": got %" PRIu64 ", overflow %d", p, u, overflow);
    }
}


/* 1 to 20 digits with each kind of bytes behind them, many or none, against
 * strtoull(). */

static void
test_integers_in_text(void **unused)
{
    int          overflow;
    char        *end, text[64];
    size_t       rest;
    uint32_t     i, j, n;
    uint64_t     seed, u, want;
    static const char  others[] = ",./:}e \x2f\x3a\xb0\xb9\xff";

    (void) unused;

    seed = 11;

    for (n = 1; n <= 20; n++) {
        for (i = 0; i < 500; i++) {
            memset(text, '1', sizeof(text));
            text[0] = (char) ('1' + (n == 20 ? 0 : unit_random(&seed) % 9));

            for (j = 1; j < n; j++) {
                text[j] = (char) ('0' + unit_random(&seed)
                                        % (n == 20 ? 8 : 10));
            }

            text[n] = others[i % (sizeof(others) - 1)];
            rest = unit_random(&seed) % 2 ? 0 : 1 + unit_random(&seed) % 20;
            want = strtoull(text, &end, 10);
            assert_ptr_equal(end, text + n);

            assert_ptr_equal(mlops_parse_uint64(text, text + n + rest, &u,
                                                &overflow), text + n);
            assert_int_equal(overflow, 0);
            assert_true(u == want);
        }
    }
}


static void
check_int(int64_t value)
{
    int       overflow;
    char      text[MLOPS_INT_LEN + 1], want[32], *end;
    int64_t   x;
    uint64_t  u;

    memset(text, '#', sizeof(text));
    end = mlops_print_int64(text, value);
    assert_int_equal(text[MLOPS_INT_LEN], '#');
    assert_ptr_equal(mlops_parse_int64(text, end, &x, &overflow), end);
    *end = '\0';
    sprintf(want, "%" PRId64, value);
    assert_string_equal(text, want);
    assert_true(x == value && !overflow);

    end = mlops_print_uint64(text, (uint64_t) value);
    assert_ptr_equal(mlops_parse_uint64(text, end, &u, &overflow), end);
    *end = '\0';
    sprintf(want, "%" PRIu64, (uint64_t) value);
    assert_string_equal(text, want);
    assert_true(u == (uint64_t) value && !overflow);
}


static void
test_integers_printed(void **unused)
{
    int       i, d;
    uint64_t  state, ten;

    (void) unused;

    check_int(INT64_MIN);
    check_int(INT64_MAX);
    check_int(-1);

    for (ten = 1, i = 0; i < 20; i++, ten *= 10) {
        for (d = -2; d <= 2; d++) {
            check_int((int64_t) (ten + (uint64_t) d));
            check_int(-(int64_t) (ten + (uint64_t) d));
        }
    }

    state = 5;

    for (i = 0; i < 300000; i++) {
        check_int((int64_t) (unit_random(&state) >> i % 64));
    }
}


static void
big_mul(uint64_t *big, uint64_t mul)
{
    int                i;
    unsigned __int128  x;

    for (x = 0, i = 0; i < LIMBS; i++) {
        x += (unsigned __int128) big[i] * mul;
        big[i] = (uint64_t) x;
        x >>= 64;
    }

    assert_true(x == 0);
}


static int
big_bits(const uint64_t *big)
{
    int  i;

    for (i = LIMBS - 1; i >= 0; i--) {
        if (big[i] != 0) {
            return 64 * i + 64 - __builtin_clzll(big[i]);
        }
    }

    return 0;
}


/* Bits of the number from one on: a word. */

static uint64_t
big_word(const uint64_t *big, int bit)
{
    int       i;
    uint64_t  x;

    for (x = 0, i = 0; i < 64; i++) {
        if (bit + i >= 0 && big[(bit + i) / 64] >> (bit + i) % 64 & 1) {
            x |= 1ull << i;
        }
    }

    return x;
}


/*
 * q >= 0: the first 128 bits of 5^q.  q < 0, with n = -q and b = 127 + the
 * bits of 5^n: the entry times 5^n is greater than 2^b, by 5^n at most.
 */

static void
test_table(void **unused)
{
    int                i, k, n;
    uint64_t           five[LIMBS], product[LIMBS], other[LIMBS], carry;
    const uint64_t    *t;
    unsigned __int128  x;

    (void) unused;

    memset(five, 0, sizeof(five));
    five[0] = 1;

    for (n = 0; n <= 342; n++, big_mul(five, 5)) {

        if (n <= MLOPS_POW10_MAX) {
            t = mlops_pow10_128[n - MLOPS_POW10_MIN];
            k = big_bits(five) - 128;

            unit_ok(t[1] == big_word(five, k)
                    && t[0] == big_word(five, k + 64), "10^%d", n);

            /* the printer relies on where they stop being exact */

            for (i = 0; i < k; i++) {
                if (five[i / 64] >> i % 64 & 1) {
                    break;
                }
            }

            assert_int_equal(i >= k, n <= MLOPS_POW10_EXACT);
            assert_true(t[1] != UINT64_MAX);
            assert_int_equal(mlops_log2_pow10(n), big_bits(five) - 1 + n);
        }

        if (n == 0) {
            continue;
        }

        t = mlops_pow10_128[-n - MLOPS_POW10_MIN];

        memcpy(product, five, sizeof(five));
        memcpy(other, five, sizeof(five));
        big_mul(product, t[1]);
        big_mul(other, t[0]);

        for (carry = 0, i = 1; i < LIMBS; i++) {
            x = (unsigned __int128) product[i] + other[i - 1] + carry;
            product[i] = (uint64_t) x;
            carry = (uint64_t) (x >> 64);
        }

        /* what is left without the bit b lies in 1 to 5^n */

        k = 127 + big_bits(five);
        assert_int_equal(big_bits(product), k + 1);
        product[k / 64] ^= 1ull << k % 64;
        assert_true(big_bits(product) > 0);

        for (i = LIMBS - 1; i > 0 && product[i] == five[i]; i--) {
            /* void */
        }

        unit_ok(product[i] <= five[i], "10^-%d", n);
        assert_int_equal(mlops_log2_pow10(-n), -big_bits(five) - n);
    }

    for (x = 1, i = 0; i < 20; i++, x *= 10) {
        assert_true(mlops_pow10_u64[i] == (uint64_t) x);
    }

    for (x = 1, i = 0; i < 23; i++, x *= 10) {
        assert_true((unsigned __int128) mlops_pow10_double[i] == x);
    }

    for (i = 0; i < 100; i++) {
        assert_int_equal(mlops_digit_pairs[2 * i], '0' + i / 10);
        assert_int_equal(mlops_digit_pairs[2 * i + 1], '0' + i % 10);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_integers_in_text),
        cmocka_unit_test(test_integers_printed),
        cmocka_unit_test(test_table)
    };

    return unit_run(tests);
}
