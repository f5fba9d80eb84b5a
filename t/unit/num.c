/*
 * Random numbers and texts against printf, strtod and strtof of the C
 * library, which are exact.
 *
 * MLOPS_NUM_N sets how many doubles and floats are tried (default 10^7
 * each); MLOPS_NUM_EXHAUSTIVE=1 adds the round trip of all floats, which
 * takes minutes.
 */

#include "unit.h"
#include "mlops_num.h"

#include <math.h>
#include <sys/mman.h>


#ifndef NUM_N
#define NUM_N  10000000
#endif

#define PAGE   4096


typedef struct {
    char  digits[32];           /* without zeros at either end */
    int   n;
    int   exp;                  /* the weight of the first: 10^exp */
    int   negative;
} decimal_t;


static char  *guard;            /* what is behind it cannot be read */


static long
num_n(void)
{
    char  *value;

    value = getenv("MLOPS_NUM_N");

    if (value != NULL && value[0] != '\0') {
        return atol(value);
    }

    return unit_quick() ? NUM_N / 50 : NUM_N;
}


static uint64_t
double_bits(double x)
{
    uint64_t  bits;

    memcpy(&bits, &x, sizeof(bits));

    return bits;
}


static uint32_t
float_bits(float x)
{
    uint32_t  bits;

    memcpy(&bits, &x, sizeof(bits));

    return bits;
}


static double
double_of(uint64_t bits)
{
    double  x;

    memcpy(&x, &bits, sizeof(x));

    return x;
}


static float
float_of(uint32_t bits)
{
    float  x;

    memcpy(&x, &bits, sizeof(x));

    return x;
}


/* Any finite double; every second one of a magnitude people use. */

static double
random_double(uint64_t *state)
{
    uint64_t  bits;

    do {
        bits = unit_random(state);

        if (bits & 1ull << 33) {
            bits = (bits & ~(0x7ffull << 52))
                   | (1023 - 40 + (unit_random(state) >> 32) % 100) << 52;
        }

        if ((bits & 7ull << 34) == 0) {
            bits &= ~0ull << (unit_random(state) >> 32) % 53;
        }

    } while ((bits >> 52 & 0x7ff) == 0x7ff);

    return double_of(bits);
}


static float
random_float(uint64_t *state)
{
    uint32_t  bits;
    uint64_t  x;

    do {
        x = unit_random(state);
        bits = (uint32_t) (x >> 32);

        if (x & 1ull << 20) {
            bits = (bits & ~(0xffu << 23))
                   | (uint32_t) (127 - 30 + (x >> 21 & 0x3f)) << 23;
        }

        if ((x & 7ull << 28) == 0) {
            bits &= ~0u << (x >> 8 & 0xff) % 24;
        }

    } while ((bits >> 23 & 0xff) == 0xff);

    return float_of(bits);
}


/* Puts text before memory that cannot be read. */

static char *
at_guard(const char *text, size_t len)
{
    assert_true(len <= PAGE);

    return memcpy(guard - len, text, len);
}


/* The text alone at the end of memory, and with others behind it: these are
 * different ways through the parser. */

static void
check_text(const char *text, size_t len)
{
    char        *p, more[PAGE];
    float        f, want_float;
    double       d, want;
    unsigned     i;
    const char  *last;

    static unsigned           turn;
    static const char *const  behind[] = {
        ",", "]", "}  ", " 1", ",12345678901234567890.123456789012345678",
        ",\"a.b\",.......................................................",
        "\n-17.5e3,00000000000000000000000000000000000000000000000000000",
        "\xe9\xb0\xb1:/.................................................."
    };

    want = strtod(text, NULL);
    want_float = strtof(text, NULL);

    p = at_guard(text, len);
    d = f = -77;

    last = mlops_parse_double(p, guard, &d);

    unit_ok(last == guard && double_bits(d) == double_bits(want),
            "double \"%s\": expected %a, got %a, %d of %d bytes",
            text, want, d, (int) (last ? last - p : -1), (int) len);

    last = mlops_parse_float(p, guard, &f);

    unit_ok(last == guard && float_bits(f) == float_bits(want_float),
            "float \"%s\": expected %a, got %a, %d of %d bytes",
            text, want_float, f, (int) (last ? last - p : -1), (int) len);

    i = turn++ % mlops_nitems(behind);

    assert_true(len + strlen(behind[i]) < sizeof(more));

    memcpy(more, text, len);
    strcpy(more + len, behind[i]);
    p = at_guard(more, len + strlen(behind[i]));

    last = mlops_parse_double(p, guard, &d);

    unit_ok(last == p + len && double_bits(d) == double_bits(want),
            "double \"%s\" before \"%s\": expected %a, got %a",
            text, behind[i], want, d);

    last = mlops_parse_float(p, guard, &f);

    unit_ok(last == p + len && float_bits(f) == float_bits(want_float),
            "float \"%s\" before \"%s\": expected %a, got %a",
            text, behind[i], want_float, f);
}


static void
split_decimal(const char *text, decimal_t *d)
{
    int          point, lead;
    const char  *p;

    memset(d, 0, sizeof(*d));

    p = text;
    d->negative = (*p == '-');
    p += d->negative;
    point = -1;
    lead = 0;

    for ( /* void */ ; *p != '\0' && *p != 'e'; p++) {

        if (*p == '.') {
            point = d->n + lead;
            continue;
        }

        if (d->n == 0 && *p == '0') {
            lead++;
            continue;
        }

        d->digits[d->n++] = *p;
    }

    if (point < 0) {
        point = d->n + lead;
    }

    d->exp = point - lead - 1 + (*p == 'e' ? atoi(p + 1) : 0);

    while (d->n > 1 && d->digits[d->n - 1] == '0') {
        d->digits[--d->n] = '\0';
    }
}


/* The text as the header promises it. */

static void
form_decimal(const decimal_t *d, int exp_max, char *out)
{
    int  i;

    if (d->negative) {
        *out++ = '-';
    }

    if (d->exp < -4 || d->exp >= exp_max) {
        sprintf(out, "%c%s%s%s%c%02d", d->digits[0], d->n > 1 ? "." : "",
                d->digits + 1, "e", d->exp < 0 ? '-' : '+', abs(d->exp));
        return;
    }

    if (d->exp < 0) {
        out += sprintf(out, "0.");

        for (i = -1; i > d->exp; i--) {
            *out++ = '0';
        }

        strcpy(out, d->digits);
        return;
    }

    for (i = 0; i <= d->exp; i++) {
        *out++ = (i < d->n) ? d->digits[i] : '0';
    }

    *out++ = '.';
    strcpy(out, d->n > i ? d->digits + i : "0");
}


static int
comes_back(const char *text, double value, int is_float)
{
    if (is_float) {
        return float_bits(strtof(text, NULL)) == float_bits((float) value);
    }

    return double_bits(strtod(text, NULL)) == double_bits(value);
}


/*
 * No text of one digit less comes back: neither the closest one nor, where
 * the gap below is narrower than the one above, its neighbours.  The closest
 * text of as many digits is ours, if that one comes back.
 */

static void
check_shortest(const char *text, double value, int is_float)
{
    int        i, n, exp;
    char       want[64], other[64], *p;
    int64_t    digits;
    decimal_t  d, c;

    if (value == 0) {
        return;
    }

    split_decimal(text, &d);
    form_decimal(&d, is_float ? 9 : 16, want);

    unit_ok(strcmp(text, want) == 0, "expected the form %s, got %s", want,
            text);

    snprintf(other, sizeof(other), "%.*e", d.n - 1, value);

    if (comes_back(other, value, is_float)) {
        split_decimal(other, &c);
        form_decimal(&c, is_float ? 9 : 16, want);

        unit_ok(strcmp(text, want) == 0, "%a: expected %s, got %s", value,
                want, text);
    }

    if (d.n == 1) {
        return;
    }

    n = d.n - 1;
    snprintf(other, sizeof(other), "%.*e", n - 1, value);

    unit_ok(!comes_back(other, value, is_float),
            "%a: got %s, but %s is shorter", value, text, other);

    if (double_bits(value) & 0xfffffffffffffull) {
        return;
    }

    exp = atoi(strchr(other, 'e') + 1);
    digits = 0;

    for (p = other; *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9') {
            digits = digits * 10 + (*p - '0');
        }
    }

    for (i = -1; i <= 1; i += 2) {
        snprintf(other, sizeof(other), "%s%llde%d", d.negative ? "-" : "",
                 (long long) digits + i, exp - n + 1);

        unit_ok(!comes_back(other, value, is_float),
                "%a: got %s, but %s is shorter", value, text, other);
    }
}


static void
check_double(double value, int shortest)
{
    char    text[MLOPS_DOUBLE_LEN + 64], *end;
    double  back;

    memset(text, '#', sizeof(text));
    end = mlops_print_double(text, value);

    assert_in_range(end - text, 3, 24);
    assert_int_equal(text[MLOPS_DOUBLE_LEN], '#');

    back = -77;
    *end = ',';
    assert_ptr_equal(mlops_parse_double(text, text + sizeof(text), &back),
                     end);
    *end = '\0';

    unit_ok(double_bits(back) == double_bits(value)
            && comes_back(text, value, 0),
            "%a prints as %s, which is %a", value, text, back);

    if (shortest) {
        check_shortest(text, value, 0);
    }

    end = text + snprintf(text, sizeof(text), "%.17g", value);
    memset(end, ',', 40);
    back = -77;

    unit_ok(mlops_parse_double(text, end + 40, &back) == end
            && double_bits(back) == double_bits(value),
            "%.17g: expected %a, got %a", value, value, back);
}


static void
check_float(float value, int shortest)
{
    char   text[MLOPS_FLOAT_LEN + 64], *end;
    float  back;

    memset(text, '#', sizeof(text));
    end = mlops_print_float(text, value);

    assert_in_range(end - text, 3, 15);
    assert_int_equal(text[MLOPS_FLOAT_LEN], '#');

    back = -77;
    *end = ',';
    assert_ptr_equal(mlops_parse_float(text, text + sizeof(text), &back),
                     end);
    *end = '\0';

    unit_ok(float_bits(back) == float_bits(value)
            && comes_back(text, value, 1),
            "%a prints as %s, which is %a", value, text, back);

    if (shortest) {
        check_shortest(text, value, 1);
    }

    end = text + snprintf(text, sizeof(text), "%.9g", value);
    memset(end, ',', 40);
    back = -77;

    unit_ok(mlops_parse_float(text, end + 40, &back) == end
            && float_bits(back) == float_bits(value),
            "%.9g: expected %a, got %a", value, value, back);
}


static void
test_random_doubles(void **unused)
{
    long      i, n;
    uint64_t  state;

    (void) unused;

    state = 20240601;
    n = num_n();

    for (i = 0; i < n; i++) {
        check_double(random_double(&state), i % 8 == 0);
    }

    unit_note("%ld doubles", n);
}


static void
test_random_floats(void **unused)
{
    long      i, n;
    uint64_t  state;

    (void) unused;

    state = 20240602;
    n = num_n();

    for (i = 0; i < n; i++) {
        check_float(random_float(&state), i % 8 == 0);
    }

    unit_note("%ld floats", n);
}


/* Powers of two, their neighbours, the first and last numbers of all kinds
 * and integers of every size. */

static void
test_boundary_numbers(void **unused)
{
    int       d, i;
    double    ten;
    uint64_t  bits;

    (void) unused;

    for (i = 0; i < 2047; i++) {
        for (d = -2; d <= 2; d++) {
            bits = ((uint64_t) i << 52) + (uint64_t) d;

            if ((int64_t) bits >= 0 && bits < 0x7ffull << 52) {
                check_double(double_of(bits), 1);
                check_double(-double_of(bits), 1);
            }
        }
    }

    for (i = 0; i < 255; i++) {
        for (d = -2; d <= 2; d++) {
            bits = ((uint64_t) i << 23) + (uint64_t) d;

            if ((int64_t) bits >= 0 && bits < 0xffull << 23) {
                check_float(float_of((uint32_t) bits), 1);
                check_float(-float_of((uint32_t) bits), 1);
            }
        }
    }

    for (i = 0; i < 52; i++) {
        check_double(double_of(1ull << i), 1);
        check_double(double_of((1ull << i) - 1), 1);
    }

    for (i = 0, ten = 1; i < 23; i++, ten *= 10) {
        for (d = -3; d <= 3; d++) {
            check_double(ten + d, 1);
            check_float((float) (ten + d), 1);
            check_double(1 / ten + d, 1);
        }
    }
}


/* Up to 25 digits, zeros before and behind, with and without exponent. */

static size_t
random_text(uint64_t *state, char *text)
{
    int       digits, i, point;
    char     *p;
    uint64_t  r;

    r = unit_random(state);
    p = text;

    if (r & 1) {
        *p++ = '-';
    }

    digits = 1 + (int) ((r >> 8) % 25);
    point = (r & 2) ? (int) ((r >> 16) % 25) : 1;

    if (point >= digits || (r & 12) == 12) {
        point = digits;
    }

    if (point == 0) {
        *p++ = '0';
    }

    for (i = 0; i < digits; i++) {

        if (i == point) {
            *p++ = '.';

            if ((r >> 24 & 3) == 0) {
                p += sprintf(p, "%.*s", (int) ((r >> 26) % 20),
                             "00000000000000000000");
            }
        }

        *p = (char) ('0' + (unit_random(state) >> 40) % 10);

        if ((r >> 32 & 15) == 0 && i > 4) {
            *p = '0';
        }

        if (i == 0 && *p == '0' && point > 1) {
            *p = '7';
        }

        p++;
    }

    if ((r >> 40 & 3) == 0) {
        *p++ = (r >> 42 & 1) ? 'e' : 'E';

        p += (r >> 43 & 1)
                 ? sprintf(p, "%+d", (int) ((r >> 44) % 60) - 30)
                 : sprintf(p, "%d", (int) ((r >> 44) % 720) - 370);
    }

    *p = '\0';

    return (size_t) (p - text);
}


static void
test_random_texts(void **unused)
{
    long      i, n;
    char      text[128];
    size_t    len;
    uint64_t  state;

    (void) unused;

    state = 20240603;
    n = num_n() / 5;

    for (i = 0; i < n; i++) {
        len = random_text(&state, text);
        check_text(text, len);
    }

    unit_note("%ld texts", n);
}


static void
check_with(const char *digits, size_t len, const char *more, const char *exp)
{
    char  text[3 * PAGE / 4];

    assert_true(len + strlen(more) + strlen(exp) < sizeof(text));

    memcpy(text, digits, len);
    strcpy(text + len, more);
    strcat(text + len, exp);

    check_text(text, strlen(text));
}


/* The text itself, and a little to either side of it, far beyond the digits
 * that matter too. */

static void
check_around(char *text)
{
    char    *exp, *last, zeros[256], nines[256];
    size_t   len;

    check_text(text, strlen(text));

    exp = strchr(text, 'e');
    assert_non_null(exp);

    len = (size_t) (exp - text);
    last = exp - 1;

    memset(zeros, '0', sizeof(zeros));
    strcpy(zeros + 250, "1");
    memset(nines, '9', sizeof(nines));
    nines[250] = '\0';

    check_with(text, len, "00000000000000000000", exp);
    check_with(text, len, "00000000000000000001", exp);
    check_with(text, len, zeros, exp);

    if (*last >= '1' && *last <= '9') {
        (*last)--;
        check_with(text, len, "99999", exp);
        check_with(text, len, nines, exp);
    }
}


/*
 * Middles between neighbours, exactly and cut to few digits.  A long double
 * of 64 bits holds those between doubles, a double those between floats.
 */

static void
test_halfway(void **unused)
{
    int          digits;
    long         i, n;
    char         text[PAGE / 2];
    float        f;
    double       d;
    uint64_t     state;
    long double  middle;

    (void) unused;

    state = 20240604;
    n = num_n() / 500;

    for (i = 0; i < n; i++) {

        d = fabs(random_double(&state));
        f = fabsf(random_float(&state));

        if (i % 8 == 0) {
            d = double_of(double_bits(d) & 0xfffffffffffffull);
            f = float_of(float_bits(f) & 0x7fffff);
        }

        digits = (i % 4 == 0) ? 800 : 15 + (int) (i % 11);

#if __LDBL_MANT_DIG__ >= 64
        middle = ((long double) d
                  + (long double) double_of(double_bits(d) + 1)) / 2;

        if (isfinite(double_of(double_bits(d) + 1))) {
            snprintf(text, sizeof(text), "%.*Le", digits, middle);
            check_around(text);
        }
#endif

        if (isfinite(float_of(float_bits(f) + 1))) {
            middle = ((double) f + (double) float_of(float_bits(f) + 1)) / 2;
            snprintf(text, sizeof(text), "%.*Le", (i % 4) ? digits : 160,
                     middle);
            check_around(text);
        }
    }

    /* the middle between the largest number and the first too large */

    snprintf(text, sizeof(text), "%.*Le", 320, 0x1.fffffffffffff8p1023L);
    check_around(text);
    snprintf(text, sizeof(text), "%.*Le", 60, 0x1.ffffffp127L);
    check_around(text);
    snprintf(text, sizeof(text), "%.*Le", 770, 0x1p-1075L);
    check_around(text);
    snprintf(text, sizeof(text), "%.*Le", 120, 0x1p-150L);
    check_around(text);
}


/*
 * Short decimals that lie exactly between two numbers: w * 10^q with q > 0
 * where w * 5^q is odd and one bit longer than a fraction, with q < 0 where
 * w is such a number times 5^-q.  The numbers to either side have such a
 * decimal at the edge of what parses to them.
 */

static void
check_ties(uint64_t *state, int bits, int q, uint64_t five)
{
    int       i;
    char      text[64];
    float     f;
    double    d;
    uint64_t  w, low;

    low = 1ull << (bits - 1);

    for (i = 0; i < 50; i++) {

        w = low + unit_random(state) % low;

        if (q >= 0) {
            w = (w / five) | 1;

            if (w * five < low || w * five >= 2 * low) {
                continue;
            }

        } else {
            w = (w | 1) * five;
        }

        snprintf(text, sizeof(text), "%llue%d", (unsigned long long) w, q);
        check_text(text, strlen(text));

        d = strtod(text, NULL);
        f = strtof(text, NULL);

        check_double(d, 1);
        check_double(double_of(double_bits(d) + 1), 1);
        check_double(double_of(double_bits(d) - 1), 1);
        check_float(f, 1);
        check_float(float_of(float_bits(f) + 1), 1);
        check_float(float_of(float_bits(f) - 1), 1);
    }
}


static void
test_ties(void **unused)
{
    int       q;
    uint64_t  state, five;

    (void) unused;

    state = 20240605;

    for (q = 0, five = 1; q <= 23; q++, five *= 5) {

        check_ties(&state, 54, q, five);

        if (q <= 4) {
            check_ties(&state, 54, -q, five);
        }

        if (q <= 10) {
            check_ties(&state, 25, q, five);
        }

        if (q <= 16) {
            check_ties(&state, 25, -q, five);
        }
    }
}


/*
 * Decimals without an exponent, so close to the middle of two floats that
 * the nearest double is that middle: a float must not be rounded twice.
 */

static void
test_float_middles(void **unused)
{
    int       digits, i, n;
    char      text[64];
    float     f;
    double    middle;
    uint64_t  state;

    (void) unused;

    state = 20240606;
    n = 0;

    for (i = 0; i < 100000; i++) {
        f = fabsf(random_float(&state));

        if (f < 1e-5f || f > 1e7f) {
            continue;
        }

        middle = ((double) f + (double) float_of(float_bits(f) + 1)) / 2;

        for (digits = 13; digits <= 18; digits++) {
            snprintf(text, sizeof(text), "%.*f",
                     digits - 1 - (int) floor(log10(middle)), middle);
            check_text(text, strlen(text));

            n += (strtof(text, NULL) != (float) strtod(text, NULL));
        }
    }

    unit_note("%d texts would be wrong if rounded twice", n);
    assert_true(n > 1000);
}


/* From Python's repr; the floats from the shortest of printf's %.Ng. */

static void
test_printed_forms(void **unused)
{
    char    text[MLOPS_DOUBLE_LEN + 1], *end;
    size_t  i;

    static const struct {
        double       value;
        const char  *text;
    } doubles[] = {
        { 0, "0.0" },
        { -0.0, "-0.0" },
        { 1, "1.0" },
        { 0.1, "0.1" },
        { 1.5, "1.5" },
        { 100, "100.0" },
        { 123456.789, "123456.789" },
        { 0.0001, "0.0001" },
        { 0.00001, "1e-05" },
        { 0.00012345678901234567, "0.00012345678901234567" },
        { 1e-7, "1e-07" },
        { 1e15, "1000000000000000.0" },
        { 9999999999999998, "9999999999999998.0" },
        { 1e16, "1e+16" },
        { 1.5e16, "1.5e+16" },
        { 123456789012345680, "1.2345678901234568e+17" },
        { 1e22, "1e+22" },
        { 1e23, "1e+23" },
        { 9007199254740993.0, "9007199254740992.0" },
        { 562949953421312.25, "562949953421312.2" },
        { 2e-44, "2e-44" },
        { 5e-324, "5e-324" },
        { 2.2250738585072014e-308, "2.2250738585072014e-308" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" },
        { -1.7976931348623157e308, "-1.7976931348623157e+308" },
        { 1.0 / 3, "0.3333333333333333" },
        { 6.8, "6.8" }
    };

    static const struct {
        float        value;
        const char  *text;
    } floats[] = {
        { 0, "0.0" },
        { -0.0f, "-0.0" },
        { 1, "1.0" },
        { 0.1f, "0.1" },
        { 16777216, "16777216.0" },
        { 123456789.0f, "123456790.0" },
        { 999999936, "999999940.0" },
        { 1e9f, "1e+09" },
        { 1.5e9f, "1.5e+09" },
        { 0.0001f, "0.0001" },
        { 0.00012345678f, "0.00012345678" },
        { 0.00001f, "1e-05" },
        { 3.4028235e38f, "3.4028235e+38" },
        { -1.17549435e-38f, "-1.1754944e-38" },
        { 1e-45f, "1e-45" },
        { 8.3252f, "8.3252" },
        { 1.0f / 3, "0.33333334" }
    };

    (void) unused;

    for (i = 0; i < mlops_nitems(doubles); i++) {
        end = mlops_print_double(text, doubles[i].value);
        *end = '\0';
        assert_string_equal(text, doubles[i].text);
    }

    for (i = 0; i < mlops_nitems(floats); i++) {
        end = mlops_print_float(text, floats[i].value);
        *end = '\0';
        assert_string_equal(text, floats[i].text);
    }

    *mlops_print_double(text, INFINITY) = '\0';
    assert_string_equal(text, "null");
    *mlops_print_double(text, NAN) = '\0';
    assert_string_equal(text + (text[0] == '-'), "null");
}


static void
test_all_floats(void **unused)
{
    char      text[MLOPS_FLOAT_LEN + 1], *end;
    float     value, back;
    uint32_t  bits;

    (void) unused;

    if (getenv("MLOPS_NUM_EXHAUSTIVE") == NULL) {
        unit_skip("set MLOPS_NUM_EXHAUSTIVE=1 for all floats");
    }

    for (bits = 0; bits < 0xffu << 23; bits++) {
        value = float_of(bits);
        end = mlops_print_float(text, value);

        if (mlops_parse_float(text, end, &back) != end
            || float_bits(back) != bits)
        {
            unit_ok(0, "%a prints as %.*s, which is %a", value,
                    (int) (end - text), text, back);
        }

        if (bits % 16 == 5) {
            *end = '\0';
            assert_true(comes_back(text, value, 1));
            check_shortest(text, value, 1);
        }
    }
}


int
main(void)
{
    char  *pages;

    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_printed_forms),
        cmocka_unit_test(test_boundary_numbers),
        cmocka_unit_test(test_random_doubles),
        cmocka_unit_test(test_random_floats),
        cmocka_unit_test(test_random_texts),
        cmocka_unit_test(test_halfway),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_float_middles),
        cmocka_unit_test(test_all_floats)
    };

    pages = mmap(NULL, 2 * PAGE, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED || mprotect(pages + PAGE, PAGE, PROT_NONE) != 0) {
        return 1;
    }

    guard = pages + PAGE;

    return unit_run(tests);
}
