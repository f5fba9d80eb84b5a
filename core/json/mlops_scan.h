/*
 * JSON (RFC 8259) at the level of bytes: white space, strings, values to be
 * skipped.
 *
 * Every function reads [p, end) and nothing behind it, and returns where the
 * thing it read ends, or NULL where the text is not JSON.  Nothing here
 * converts a number or knows a column.
 */

#ifndef MLOPS_SCAN_H
#define MLOPS_SCAN_H


#include "mlops_base.h"


#define MLOPS_SCAN_DEPTH   1024     /* the most that mlops_scan_value can */

#define MLOPS_SCAN_TOKENS  0x01     /* NaN, Infinity, -Infinity are values */

#define MLOPS_GOT_SIZE     64


/* Why mlops_scan_value stopped. */

typedef struct {
    const char  *at;
    const char  *expected;      /* NULL: nested deeper than allowed */
} mlops_scan_fault_t;


/* Behind the opening quote: returns the closing quote.  *escaped is set
 * where the string holds a backslash.  Refuses control bytes, bad escapes,
 * lone surrogates and what is not UTF-8. */
const char *mlops_scan_string_slow(const char *p, const char *end,
    int *escaped, const char **fault);

/* Writes the text of a checked string with its escapes resolved; out may be
 * the string's own place.  Returns the end of what was written, which is
 * never longer than the source. */
char *mlops_scan_unescape(char *out, const char *p, const char *end);

/* A number's grammar alone. */
const char *mlops_scan_number(const char *p, const char *end);

/* Any value, with max_depth levels of nesting (at most MLOPS_SCAN_DEPTH). */
const char *mlops_scan_value(const char *p, const char *end,
    uint32_t max_depth, unsigned flags, mlops_scan_fault_t *fault);

/* What stands at p, for an error text: a string or number itself (cut to 40
 * bytes at a whole character), or a word for it.  buf has MLOPS_GOT_SIZE. */
const char *mlops_scan_got(char *buf, const char *p, const char *end);


/* Space, tab, line feed, carriage return. */

static inline int
mlops_scan_is_ws(char c)
{
    return (unsigned char) c <= ' '
           && (((uint64_t) 1 << ' ' | 1 << '\t' | 1 << '\n' | 1 << '\r')
               >> (unsigned char) c & 1);
}


static inline const char *
mlops_scan_ws(const char *p, const char *end)
{
    while (p < end && mlops_unlikely(mlops_scan_is_ws(*p))) {
        p++;
    }

    return p;
}


/* Eight bytes, the first of them lowest, so that counting trailing zeros
 * finds the first match. */

static inline uint64_t
mlops_scan_load(const char *p)
{
    uint64_t  w;

    memcpy(&w, p, 8);

#if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
    w = __builtin_bswap64(w);
#endif

    return w;
}


/* The high bit of each byte that is no plain character of a string: a quote,
 * a backslash, a control or a byte of a longer UTF-8 sequence.  Bits above
 * the lowest that is set may be false. */

static inline uint64_t
mlops_scan_special(uint64_t w)
{
    uint64_t  q, b;

    q = w ^ 0x2222222222222222ull;
    b = w ^ 0x5c5c5c5c5c5c5c5cull;

    return (w
            | ((w - 0x2020202020202020ull) & ~w)
            | ((q - 0x0101010101010101ull) & ~q)
            | ((b - 0x0101010101010101ull) & ~b))
           & 0x8080808080808080ull;
}


static inline const char *
mlops_scan_string(const char *p, const char *end, int *escaped,
    const char **fault)
{
    uint64_t  m;

    *escaped = 0;

    while (end - p >= 8) {
        m = mlops_scan_special(mlops_scan_load(p));

        if (m == 0) {
            p += 8;
            continue;
        }

        p += __builtin_ctzll(m) >> 3;

        if (mlops_likely(*p == '"')) {
            return p;
        }

        break;
    }

    return mlops_scan_string_slow(p, end, escaped, fault);
}


#endif /* MLOPS_SCAN_H */
