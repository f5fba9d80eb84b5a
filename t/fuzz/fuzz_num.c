/*
 * Numbers: any text against a grammar check and the C library, any 8 bytes
 * as numbers that are printed and read again.
 */

#include "fuzz.h"

#include "mlops_num.h"

#include <ctype.h>
#include <errno.h>


static size_t
digits(const char *p)
{
    size_t  n;

    for (n = 0; isdigit((unsigned char) p[n]); n++) { /* void */ }

    return n;
}


/* The length of the number of RFC 8259 at p; 0 where there is none or where
 * what begins like one is none: "1.", "1e", "01". */

static size_t
json_number(const char *p)
{
    size_t  n, k;

    n = (p[0] == '-');
    k = digits(p + n);

    if (k == 0 || (p[n] == '0' && k > 1)) {
        return 0;
    }

    n += k;

    if (p[n] == '.') {
        k = digits(p + n + 1);

        if (k == 0) {
            return 0;
        }

        n += 1 + k;
    }

    if (p[n] == 'e' || p[n] == 'E') {
        n++;
        n += (p[n] == '+' || p[n] == '-');
        k = digits(p + n);

        if (k == 0) {
            return 0;
        }

        n += k;
    }

    return n;
}


/* As the header says it of configuration and CSV. */

static int
lenient_number(const char *p, size_t len)
{
    size_t  a, b, n;

    if (strlen(p) != len) {
        return 0;
    }

    if (strcmp(p, "NaN") == 0 || strcmp(p, "nan") == 0
        || strcmp(p, "Infinity") == 0 || strcmp(p, "-Infinity") == 0
        || strcmp(p, "inf") == 0 || strcmp(p, "-inf") == 0)
    {
        return 1;
    }

    n = (p[0] == '-' || p[0] == '+');
    a = digits(p + n);

    if (a > 1 && p[n] == '0') {
        return 0;
    }

    n += a;
    b = 0;

    if (p[n] == '.') {
        b = digits(p + n + 1);
        n += 1 + b;
    }

    if (a + b == 0) {
        return 0;
    }

    if (p[n] == 'e' || p[n] == 'E') {
        n++;
        n += (p[n] == '+' || p[n] == '-');
        a = digits(p + n);

        if (a == 0) {
            return 0;
        }

        n += a;
    }

    return n == len;
}


static void
fuzz_json(const char *text, const char *end, size_t size)
{
    char        *copy;
    float        f, want_float;
    double       d, want;
    size_t       len;
    const char  *last;

    len = json_number(text);

    d = 0;
    last = mlops_parse_double(text, end, &d);
    check(last == ((len == 0) ? NULL : text + len));

    f = 0;
    check(mlops_parse_float(text, end, &f) == last);

    if (len == 0) {
        return;
    }

    copy = malloc(size + 1);

    if (copy == NULL) {
        return;
    }

    memcpy(copy, text, len);
    copy[len] = '\0';

    want = strtod(copy, NULL);
    want_float = strtof(copy, NULL);

    free(copy);

    check(memcmp(&d, &want, sizeof(d)) == 0);
    check(memcmp(&f, &want_float, sizeof(f)) == 0);
}


static void
fuzz_lenient(const char *text, size_t size)
{
    int          ok;
    float        f, want_float;
    double       d, want;
    mlops_str_t  s;

    s.data = text;
    s.len = size;

    ok = lenient_number(text, size);

    check((mlops_number(&s, &d) == MLOPS_OK) == ok);
    check((mlops_number_float(&s, &f) == MLOPS_OK) == ok);

    if (!ok) {
        return;
    }

    want = strtod(text, NULL);
    want_float = strtof(text, NULL);

    if (want != want) {
        check(d != d && f != f);
        return;
    }

    check(memcmp(&d, &want, sizeof(d)) == 0);
    check(memcmp(&f, &want_float, sizeof(f)) == 0);
}


static void
fuzz_int(const char *text, const char *end)
{
    int                  overflow;
    size_t               n, sign;
    int64_t              i;
    uint64_t             u;
    const char          *last;
    long long            want;
    unsigned long long   uwant;

    sign = (text[0] == '-');
    n = digits(text + sign);

    if (n > 1 && text[sign] == '0') {
        n = 0;
    }

    last = mlops_parse_int64(text, end, &i, &overflow);
    check(last == ((n == 0) ? NULL : text + sign + n));

    if (last != NULL) {
        errno = 0;
        want = strtoll(text, NULL, 10);
        check(i == want && overflow == (errno == ERANGE));
    }

    last = mlops_parse_uint64(text, end, &u, &overflow);
    check(last == ((n == 0) ? NULL : text + sign + n));

    if (last != NULL) {
        errno = 0;
        uwant = strtoull(text + sign, NULL, 10);

        if (sign && uwant != 0) {
            check(overflow == 1);

        } else {
            check(u == uwant && overflow == (errno == ERANGE));
        }
    }
}


static void
fuzz_print(const uint8_t *data)
{
    char         text[64], want[64];
    float        f, fback;
    double       d, back;
    int64_t      i;
    uint32_t     half;
    const char  *end;

    memcpy(&d, data, sizeof(d));
    memcpy(&f, data, sizeof(f));
    memcpy(&i, data, sizeof(i));
    memcpy(&half, data, sizeof(half));

    if (d - d == 0) {
        end = mlops_print_double(text, d);
        check(end - text <= 24);
        check(mlops_parse_double(text, end, &back) == end);
        check(memcmp(&d, &back, sizeof(d)) == 0);
        text[end - text] = '\0';
        back = strtod(text, NULL);
        check(memcmp(&d, &back, sizeof(d)) == 0);
    }

    if (f - f == 0) {
        end = mlops_print_float(text, f);
        check(end - text <= 15);
        check(mlops_parse_float(text, end, &fback) == end);
        check(memcmp(&f, &fback, sizeof(f)) == 0);
        text[end - text] = '\0';
        fback = strtof(text, NULL);
        check(memcmp(&f, &fback, sizeof(f)) == 0);
    }

    *mlops_print_int64(text, i) = '\0';
    sprintf(want, "%lld", (long long) i);
    check(strcmp(text, want) == 0);

    *mlops_print_uint64(text, (uint64_t) i) = '\0';
    sprintf(want, "%llu", (unsigned long long) i);
    check(strcmp(text, want) == 0);

    *mlops_print_uint64(text, half) = '\0';
    sprintf(want, "%u", half);
    check(strcmp(text, want) == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int       overflow;
    char     *text, *exact;
    float     f;
    double    d;
    int64_t   i;

    /* the library wants a NUL, the parsers must not look behind the end */

    text = malloc(size + 1);
    exact = fuzz_copy(data, size);
    check(text != NULL);

    memcpy(text, exact, size);
    text[size] = '\0';

    fuzz_json(text, text + size, size);
    fuzz_lenient(text, size);

    if (size != 0 && !isspace((unsigned char) text[0])) {
        fuzz_int(text, text + size);
    }

    free(text);

    (void) mlops_parse_double(exact, exact + size, &d);
    (void) mlops_parse_float(exact, exact + size, &f);
    (void) mlops_parse_int64(exact, exact + size, &i, &overflow);

    free(exact);

    if (size >= 8) {
        fuzz_print(data);
    }

    return 0;
}
