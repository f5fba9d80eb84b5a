/*
 * The parts of the byte scanner that are too long to stand inline.
 */

#include "mlops_scan.h"


#define MLOPS_GOT_TEXT  40


static const char *mlops_scan_escape(const char *p, const char *end);
static const char *mlops_scan_utf8(const char *p, const char *end);
static const char *mlops_scan_scalar(const char *p, const char *end,
    unsigned flags, mlops_scan_fault_t *fault);


static inline int
mlops_scan_hex(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* Four hexadecimal digits, or -1. */

static inline int
mlops_scan_hex4(const char *p, const char *end)
{
    int  i, n, digit;

    if (end - p < 4) {
        return -1;
    }

    n = 0;

    for (i = 0; i < 4; i++) {
        digit = mlops_scan_hex(p[i]);

        if (digit < 0) {
            return -1;
        }

        n = n * 16 + digit;
    }

    return n;
}


const char *
mlops_scan_string_slow(const char *p, const char *end, int *escaped,
    const char **fault)
{
    const char     *next;
    unsigned char   c;

    while (p < end) {
        c = (unsigned char) *p;

        if (c == '"') {
            return p;
        }

        if (c == '\\') {
            *escaped = 1;
            next = mlops_scan_escape(p, end);

        } else if (c >= 0x80) {
            next = mlops_scan_utf8(p, end);

        } else {
            next = (c < 0x20) ? NULL : p + 1;
        }

        if (next == NULL) {
            *fault = p;
            return NULL;
        }

        p = next;
    }

    *fault = end;

    return NULL;
}


/* At the backslash; a pair of surrogates is one escape. */

static const char *
mlops_scan_escape(const char *p, const char *end)
{
    int  n;

    if (end - p < 2) {
        return NULL;
    }

    switch (p[1]) {

    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return p + 2;

    case 'u':
        break;

    default:
        return NULL;
    }

    n = mlops_scan_hex4(p + 2, end);

    if (n < 0 || (n & 0xfc00) == 0xdc00) {
        return NULL;
    }

    p += 6;

    if ((n & 0xfc00) != 0xd800) {
        return p;
    }

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u'
        || (mlops_scan_hex4(p + 2, end) & ~0x3ff) != 0xdc00)
    {
        return NULL;
    }

    return p + 6;
}


/* One character of two to four bytes (the Unicode standard, table 3-7). */

static const char *
mlops_scan_utf8(const char *p, const char *end)
{
    int            i, n;
    unsigned char  c, lo, hi;

    c = (unsigned char) *p;
    lo = 0x80;
    hi = 0xbf;

    if (c < 0xc2 || c > 0xf4) {
        return NULL;
    }

    if (c < 0xe0) {
        n = 2;

    } else if (c < 0xf0) {
        n = 3;
        lo = (c == 0xe0) ? 0xa0 : 0x80;
        hi = (c == 0xed) ? 0x9f : 0xbf;

    } else {
        n = 4;
        lo = (c == 0xf0) ? 0x90 : 0x80;
        hi = (c == 0xf4) ? 0x8f : 0xbf;
    }

    if (end - p < n) {
        return NULL;
    }

    for (i = 1; i < n; i++) {
        c = (unsigned char) p[i];

        if (c < lo || c > hi) {
            return NULL;
        }

        lo = 0x80;
        hi = 0xbf;
    }

    return p + n;
}


char *
mlops_scan_unescape(char *out, const char *p, const char *end)
{
    uint32_t  n;

    while (p < end) {

        if (*p != '\\') {
            *out++ = *p++;
            continue;
        }

        p += 2;

        switch (p[-1]) {

        case 'b':
            *out++ = '\b';
            continue;

        case 'f':
            *out++ = '\f';
            continue;

        case 'n':
            *out++ = '\n';
            continue;

        case 'r':
            *out++ = '\r';
            continue;

        case 't':
            *out++ = '\t';
            continue;

        case 'u':
            break;

        default:
            *out++ = p[-1];
            continue;
        }

        n = (uint32_t) mlops_scan_hex4(p, end);
        p += 4;

        if ((n & 0xfc00) == 0xd800) {
            n = 0x10000 + ((n & 0x3ff) << 10)
                + ((uint32_t) mlops_scan_hex4(p + 2, end) & 0x3ff);
            p += 6;
        }

        if (n < 0x80) {
            *out++ = (char) n;

        } else if (n < 0x800) {
            *out++ = (char) (0xc0 | n >> 6);
            *out++ = (char) (0x80 | (n & 0x3f));

        } else if (n < 0x10000) {
            *out++ = (char) (0xe0 | n >> 12);
            *out++ = (char) (0x80 | (n >> 6 & 0x3f));
            *out++ = (char) (0x80 | (n & 0x3f));

        } else {
            *out++ = (char) (0xf0 | n >> 18);
            *out++ = (char) (0x80 | (n >> 12 & 0x3f));
            *out++ = (char) (0x80 | (n >> 6 & 0x3f));
            *out++ = (char) (0x80 | (n & 0x3f));
        }
    }

    return out;
}


static inline int
mlops_scan_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}


const char *
mlops_scan_number(const char *p, const char *end)
{
    if (p < end && *p == '-') {
        p++;
    }

    if (!mlops_scan_digit(p, end)) {
        return NULL;
    }

    if (*p == '0') {
        p++;

        if (mlops_scan_digit(p, end)) {
            return NULL;
        }

    } else {
        while (mlops_scan_digit(p, end)) {
            p++;
        }
    }

    if (p < end && *p == '.') {
        p++;

        if (!mlops_scan_digit(p, end)) {
            return NULL;
        }

        while (mlops_scan_digit(p, end)) {
            p++;
        }
    }

    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;

        if (p < end && (*p == '+' || *p == '-')) {
            p++;
        }

        if (!mlops_scan_digit(p, end)) {
            return NULL;
        }

        while (mlops_scan_digit(p, end)) {
            p++;
        }
    }

    return p;
}


/*
 * Without recursion: a bit for each open level says whether it is an object.
 * The labels are the states of RFC 8259's grammar.
 */

const char *
mlops_scan_value(const char *p, const char *end, uint32_t max_depth,
    unsigned flags, mlops_scan_fault_t *fault)
{
    int          escaped;
    uint32_t     depth;
    uint64_t     objects[MLOPS_SCAN_DEPTH / 64], bit;
    const char  *next;

    depth = 0;

    if (max_depth > MLOPS_SCAN_DEPTH) {
        max_depth = MLOPS_SCAN_DEPTH;
    }

value:

    p = mlops_scan_ws(p, end);

    if (p == end) {
        fault->expected = "a value";
        goto failed;
    }

    if (*p == '{' || *p == '[') {

        if (depth == max_depth) {
            fault->expected = NULL;
            goto failed;
        }

        bit = (uint64_t) 1 << (depth % 64);

        if (*p == '{') {
            objects[depth / 64] = (depth % 64)
                                  ? objects[depth / 64] | bit : bit;
            depth++;
            p = mlops_scan_ws(p + 1, end);

            if (p < end && *p == '}') {
                goto close;
            }

            goto key;
        }

        objects[depth / 64] = (depth % 64) ? objects[depth / 64] & ~bit : 0;
        depth++;
        p = mlops_scan_ws(p + 1, end);

        if (p < end && *p == ']') {
            goto close;
        }

        goto value;
    }

    next = mlops_scan_scalar(p, end, flags, fault);

    if (next == NULL) {
        return NULL;
    }

    p = next;

after:

    if (depth == 0) {
        return p;
    }

    p = mlops_scan_ws(p, end);

    if (objects[(depth - 1) / 64] >> ((depth - 1) % 64) & 1) {

        if (p < end && *p == ',') {
            p = mlops_scan_ws(p + 1, end);
            goto key;
        }

        if (p < end && *p == '}') {
            goto close;
        }

        fault->expected = "',' or '}'";
        goto failed;
    }

    if (p < end && *p == ',') {
        p++;
        goto value;
    }

    if (p < end && *p == ']') {
        goto close;
    }

    fault->expected = "',' or ']'";
    goto failed;

key:

    if (p == end || *p != '"') {
        fault->expected = "a key";
        goto failed;
    }

    next = mlops_scan_string(p + 1, end, &escaped, &fault->at);

    if (next == NULL) {
        fault->expected = "a well-formed string";
        return NULL;
    }

    p = mlops_scan_ws(next + 1, end);

    if (p == end || *p != ':') {
        fault->expected = "':'";
        goto failed;
    }

    p++;
    goto value;

close:

    p++;
    depth--;
    goto after;

failed:

    fault->at = p;

    return NULL;
}


static const char *
mlops_scan_scalar(const char *p, const char *end, unsigned flags,
    mlops_scan_fault_t *fault)
{
    int          escaped;
    size_t       left;
    const char  *next;

    left = (size_t) (end - p);

    switch (*p) {

    case '"':
        next = mlops_scan_string(p + 1, end, &escaped, &fault->at);

        if (next == NULL) {
            fault->expected = "a well-formed string";
            return NULL;
        }

        return next + 1;

    case 't':
        next = (left >= 4 && memcmp(p, "true", 4) == 0) ? p + 4 : NULL;
        break;

    case 'f':
        next = (left >= 5 && memcmp(p, "false", 5) == 0) ? p + 5 : NULL;
        break;

    case 'n':
        next = (left >= 4 && memcmp(p, "null", 4) == 0) ? p + 4 : NULL;
        break;

    default:
        next = mlops_scan_number(p, end);

        if (next != NULL || !(flags & MLOPS_SCAN_TOKENS)) {
            break;
        }

        if (left >= 3 && memcmp(p, "NaN", 3) == 0) {
            next = p + 3;

        } else if (left >= 8 && memcmp(p, "Infinity", 8) == 0) {
            next = p + 8;

        } else if (left >= 9 && memcmp(p, "-Infinity", 9) == 0) {
            next = p + 9;
        }
    }

    if (next == NULL) {
        fault->at = p;
        fault->expected = "a value";
    }

    return next;
}


const char *
mlops_scan_got(char *buf, const char *p, const char *end)
{
    char    *out;
    size_t   n, max;

    if (p >= end) {
        return "the end of the text";
    }

    max = (size_t) (end - p);
    n = 0;

    switch (*p) {

    case '{':
        return "an object";

    case '[':
        return "an array";

    case '"':
        for (n = 1; n < max && p[n] != '"'; n++) {
            if (p[n] == '\\' && n + 1 < max) {
                n++;
            }
        }

        if (n < max) {
            n++;
        }

        break;

    default:
        while (n < max && !mlops_scan_is_ws(p[n]) && p[n] != ','
               && p[n] != ']' && p[n] != '}' && p[n] != ':' && p[n] != '"')
        {
            n++;
        }

        if (n == 0) {
            n = 1;
        }
    }

    if (n <= MLOPS_GOT_TEXT) {
        memcpy(buf, p, n);
        buf[n] = '\0';
        return buf;
    }

    n = MLOPS_GOT_TEXT;

    while (n > 1 && ((unsigned char) p[n] & 0xc0) == 0x80) {
        n--;
    }

    memcpy(buf, p, n);
    out = buf + n;
    memcpy(out, "...", 4);

    return buf;
}
