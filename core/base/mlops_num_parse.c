/*
 * Floating-point numbers out of text.
 *
 * A number becomes w * 10^q with a 64-bit w.  Three ways lead on:
 *
 *     w <= 2^53, -22 <= q <= 0
 *                             one division of exact numbers (Clinger, "How
 *                             to read floating point numbers accurately",
 *                             1990)
 *     w exact                 128-bit product with a power from the table
 *                             (mlops_num_round.h)
 *     more than 19 digits     w and w + 1 bracket the number; where they
 *                             round apart, an exact comparison with the
 *                             middle decides
 *
 * Where a number ends is seen in 16 or 32 bytes at once, and eight digits are
 * converted in one register, so that nothing branches on the lengths, which
 * mispredict.  Whatever is rare (the last bytes of a buffer, more than 19
 * digits, the lenient forms) goes through one plain loop over bytes.
 */

#include "mlops_num.h"
#include "mlops_num_digits.h"
#include "mlops_num_exact.h"
#include "mlops_num_round.h"
#include "mlops_num_table.h"

#if defined(__SSE2__) && !defined(MLOPS_NUM_PORTABLE)
#include <emmintrin.h>
#endif


#define MLOPS_NUM_LENIENT  1

/* An exponent saturates here: far beyond what any length of text offsets. */

#define MLOPS_NUM_EXP_MAX  100000000000000000ll


/* (-1)^negative * w * 10^q, plus less than 10^q where truncated. */

typedef struct {
    uint64_t     w;
    int64_t      q;
    int          negative;
    int          truncated;
    const char  *first;     /* the first digit that is not 0, and */
    const char  *last;      /*   the end of the digits, */
    int64_t      last_q;    /*   the last of which weighs 10^last_q */
} mlops_decimal_t;


static const char *mlops_num_slow_double(const char *p, const char *end,
    int flags, double *value);
static const char *mlops_num_slow_float(const char *p, const char *end,
    int flags, float *value);
static const char *mlops_num_finish_double(const char *p, const char *end,
    uint64_t w, int64_t q, int negative, double *value);
static const char *mlops_num_finish_float(const char *p, const char *end,
    uint64_t w, int64_t q, int negative, float *value);
static const char *mlops_num_scan_bytes(const char *p, const char *end,
    int flags, mlops_decimal_t *d);
static const char *mlops_num_scan_exp(const char *p, const char *end,
    int64_t *exp);
static uint64_t mlops_num_round_any(const mlops_decimal_t *d,
    const mlops_binary_t *f);
static int mlops_num_word(const mlops_str_t *text, double *value);


/* gcc would not inline what has two callers, nor keep apart what is rare:
 * that costs a third of the time. */

#define mlops_always_inline  inline __attribute__((always_inline))
#define mlops_noinline       __attribute__((noinline))


#if !defined(__SSE2__) || defined(MLOPS_NUM_PORTABLE)

static inline uint32_t
mlops_other8(const char *p)
{
    return (uint32_t) (((mlops_other_bytes(p) >> 7) * 0x0102040810204080ull)
                       >> 56);
}

#endif


/* Bit i is set where byte i of 16 is no digit. */

static inline uint32_t
mlops_other16(const char *p)
{
#if defined(__SSE2__) && !defined(MLOPS_NUM_PORTABLE)

    __m128i  x;

    x = _mm_loadu_si128((const __m128i *) p);
    x = _mm_xor_si128(x, _mm_set1_epi8('0'));
    x = _mm_adds_epu8(x, _mm_set1_epi8(0x80 - 10));

    return (uint32_t) _mm_movemask_epi8(x);

#else

    return mlops_other8(p) | mlops_other8(p + 8) << 8;

#endif
}


/*
 * The common number: at most 8 digits before the point, 19 in all, and some
 * bytes behind it.  NULL says that it is not one of these.
 *
 * The place where it ends follows from one look, two where it is long; so
 * the next number can be begun before this one is converted.
 */

static mlops_always_inline const char *
mlops_num_scan(const char *p, const char *end, uint64_t *w, int64_t *q,
    int *negative)
{
    int          i, n, zeros;
    uint64_t     other;
    const char  *last;

    if (mlops_unlikely(end - p < 18)) {
        return NULL;
    }

    *negative = (*p == '-');

    /* the sign is no end */

    other = (mlops_other16(p) & ~(uint32_t) *negative) | 1u << 16;
    last = p + __builtin_ctzll(other);

    p += *negative;
    i = (int) (last - p);

    if (mlops_unlikely(i == 0 || i > 8 || (*p == '0' && i > 1))) {
        return NULL;
    }

    *w = mlops_digits_value(p, i);
    *q = 0;

    if (*last != '.') {
        return last;
    }

    other &= other - 1;

    if (mlops_unlikely(other == 1u << 16)) {

        if (end - p < 33) {
            return NULL;
        }

        p -= *negative;
        other = (uint64_t) mlops_other16(p + 16) << 16 | 1ull << 32;

    } else {
        p -= *negative;
    }

    p += __builtin_ctzll(other);
    n = (int) (p - last) - 1;

    if (mlops_unlikely(n == 0 || i + n > 19)) {

        /* zeros in front do not count: 0.0012345678901234567 */

        for (zeros = 0; zeros < n && last[1 + zeros] == '0'; zeros++) {
            /* void */
        }

        if (n == 0 || *w != 0 || n > 24 || n - zeros > 19) {
            return NULL;
        }
    }

    *q = -n;
    last++;

    /* the digits that are no full eight come first */

    if (n > 16) {
        n -= 8;
        *w = *w * mlops_pow10_u64[n - 8] + mlops_digits_value(last, n - 8);
        *w = *w * 100000000 + mlops_digits_value(last + n - 8, 8);
        last += n;
        n = 8;

    } else if (n > 8) {
        n -= 8;
        *w = *w * mlops_pow10_u64[n] + mlops_digits_value(last, n);
        last += n;
        n = 8;
    }

    *w = *w * mlops_pow10_u64[n] + mlops_digits_value(last, n);

    return p;
}


const char *
mlops_parse_double(const char *p, const char *end, double *value)
{
    int          negative;
    double       x;
    int64_t      q;
    uint64_t     w, bits;
    const char  *last;

    last = mlops_num_scan(p, end, &w, &q, &negative);

    if (mlops_unlikely(last == NULL)) {
        return mlops_num_slow_double(p, end, 0, value);
    }

    if (mlops_unlikely((*last | 0x20) == 'e')) {
        return mlops_num_finish_double(last, end, w, q, negative, value);
    }

    if (mlops_likely(w <= 1ull << 53 && q >= -22)) {
        x = (double) w / mlops_pow10_double[-q];
        *value = negative ? -x : x;

        return last;
    }

    bits = mlops_num_round(w, q, &mlops_binary64)
           | (uint64_t) negative << 63;
    memcpy(value, &bits, sizeof(bits));

    return last;
}


/*
 * The correctly rounded double lies on the same side of every middle
 * between two floats as the decimal does, unless it is that middle: only
 * then would its second rounding differ.
 */

const char *
mlops_parse_float(const char *p, const char *end, float *value)
{
    int          negative;
    double       x;
    int64_t      q;
    uint32_t     bits32;
    uint64_t     w, bits;
    const char  *last;

    last = mlops_num_scan(p, end, &w, &q, &negative);

    if (mlops_unlikely(last == NULL)) {
        return mlops_num_slow_float(p, end, 0, value);
    }

    if (mlops_unlikely((*last | 0x20) == 'e')) {
        return mlops_num_finish_float(last, end, w, q, negative, value);
    }

    if (mlops_likely(w <= 1ull << 53 && q >= -22)) {
        x = (double) w / mlops_pow10_double[-q];

        memcpy(&bits, &x, sizeof(bits));

        if (mlops_likely((bits & 0x1fffffff) != 0x10000000)) {
            *value = (float) (negative ? -x : x);

            return last;
        }
    }

    bits32 = (uint32_t) mlops_num_round(w, q, &mlops_binary32)
             | (uint32_t) negative << 31;
    memcpy(value, &bits32, sizeof(bits32));

    return last;
}


/* With an exponent, at p. */

static mlops_noinline const char *
mlops_num_finish_double(const char *p, const char *end, uint64_t w, int64_t q,
    int negative, double *value)
{
    int64_t   exp;
    uint64_t  bits;

    p = mlops_num_scan_exp(p + 1, end, &exp);

    bits = mlops_num_round(w, q + exp, &mlops_binary64)
           | (uint64_t) negative << 63;
    memcpy(value, &bits, sizeof(bits));

    return p;
}


static mlops_noinline const char *
mlops_num_finish_float(const char *p, const char *end, uint64_t w, int64_t q,
    int negative, float *value)
{
    int64_t   exp;
    uint32_t  bits;

    p = mlops_num_scan_exp(p + 1, end, &exp);

    bits = (uint32_t) mlops_num_round(w, q + exp, &mlops_binary32)
           | (uint32_t) negative << 31;
    memcpy(value, &bits, sizeof(bits));

    return p;
}


static mlops_noinline const char *
mlops_num_slow_double(const char *p, const char *end, int flags,
    double *value)
{
    uint64_t         bits;
    mlops_decimal_t  d;

    p = mlops_num_scan_bytes(p, end, flags, &d);

    if (p != NULL) {
        bits = mlops_num_round_any(&d, &mlops_binary64)
               | (uint64_t) d.negative << 63;
        memcpy(value, &bits, sizeof(bits));
    }

    return p;
}


static mlops_noinline const char *
mlops_num_slow_float(const char *p, const char *end, int flags, float *value)
{
    uint32_t         bits;
    mlops_decimal_t  d;

    p = mlops_num_scan_bytes(p, end, flags, &d);

    if (p != NULL) {
        bits = (uint32_t) mlops_num_round_any(&d, &mlops_binary32)
               | (uint32_t) d.negative << 31;
        memcpy(value, &bits, sizeof(bits));
    }

    return p;
}


/*
 * Leading zeros are no digits of w; neither are those behind the 19th, which
 * only say whether the number is more than w.
 */

static const char *
mlops_num_scan_bytes(const char *p, const char *end, int flags,
    mlops_decimal_t *d)
{
    int          c, n, point;
    int64_t      exp, dropped, after;
    const char  *start;

    d->negative = 0;

    if (p < end
        && (*p == '-' || ((flags & MLOPS_NUM_LENIENT) && *p == '+')))
    {
        d->negative = (*p == '-');
        p++;
    }

    start = p;
    point = 0;
    n = 0;
    dropped = 0;
    after = 0;

    d->w = 0;
    d->truncated = 0;
    d->first = NULL;

    for ( /* void */ ; p < end; p++) {
        c = *p;

        if (c == '.' && !point) {

            if (p == start && !(flags & MLOPS_NUM_LENIENT)) {
                return NULL;
            }

            point = 1;
            continue;
        }

        if (c < '0' || c > '9') {
            break;
        }

        if (p == start + 1 && start[0] == '0' && !point) {
            return NULL;
        }

        after += point;

        if (n == 0 && c == '0') {
            continue;
        }

        if (n == 0) {
            d->first = p;
        }

        if (n < 19) {
            d->w = d->w * 10 + (uint64_t) (c - '0');
            n++;
            continue;
        }

        dropped++;
        d->truncated |= (c != '0');
    }

    /* a digit is needed, and JSON wants one on either side of the point */

    if (p - start == point
        || (p[-1] == '.' && !(flags & MLOPS_NUM_LENIENT)))
    {
        return NULL;
    }

    d->last = p;
    d->last_q = -after;
    d->q = dropped - after;

    if (p < end && (*p | 0x20) == 'e') {
        p = mlops_num_scan_exp(p + 1, end, &exp);
        d->last_q += exp;
        d->q += exp;
    }

    return p;
}


static const char *
mlops_num_scan_exp(const char *p, const char *end, int64_t *exp)
{
    int          negative;
    int64_t      e;
    const char  *start;

    *exp = 0;
    negative = 0;
    e = 0;

    if (p < end && (*p == '-' || *p == '+')) {
        negative = (*p == '-');
        p++;
    }

    for (start = p; p < end && *p >= '0' && *p <= '9'; p++) {
        if (e < MLOPS_NUM_EXP_MAX) {
            e = e * 10 + (*p - '0');
        }
    }

    if (p == start) {
        return NULL;
    }

    *exp = negative ? -e : e;

    return p;
}


/*
 * Where truncated, w * 10^q < number < (w + 1) * 10^q.  The bracket is
 * narrower than the gap between neighbours, so that it rounds to one of two
 * at most.  Bits count up from one number to the next, infinity included.
 */

static uint64_t
mlops_num_round_any(const mlops_decimal_t *d, const mlops_binary_t *f)
{
    int       exp, order;
    uint64_t  m, below, above;

    below = mlops_num_round(d->w, d->q, f);

    if (!d->truncated) {
        return below;
    }

    above = mlops_num_round(d->w + 1, d->q, f);

    if (below == above) {
        return below;
    }

    m = below & ((1ull << f->bits) - 1);
    exp = (int) (below >> f->bits);

    if (exp == 0) {
        exp = 1;

    } else {
        m |= 1ull << f->bits;
    }

    order = mlops_num_compare(d->first, d->last, d->last_q, 2 * m + 1,
                              exp - f->bias - f->bits - 1);

    if (order == 0) {
        return (below & 1) ? above : below;
    }

    return (order < 0) ? below : above;
}


int
mlops_number(const mlops_str_t *text, double *value)
{
    const char  *end;

    if (text->len == 0) {
        return MLOPS_ERROR;
    }

    end = text->data + text->len;

    if (mlops_num_slow_double(text->data, end, MLOPS_NUM_LENIENT, value)
        == end)
    {
        return MLOPS_OK;
    }

    return mlops_num_word(text, value);
}


int
mlops_number_float(const mlops_str_t *text, float *value)
{
    double       wide;
    const char  *end;

    if (text->len == 0) {
        return MLOPS_ERROR;
    }

    end = text->data + text->len;

    if (mlops_num_slow_float(text->data, end, MLOPS_NUM_LENIENT, value)
        == end)
    {
        return MLOPS_OK;
    }

    if (mlops_num_word(text, &wide) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    *value = (float) wide;

    return MLOPS_OK;
}


static int
mlops_num_word(const mlops_str_t *text, double *value)
{
    if (mlops_str_is(text, "NaN") || mlops_str_is(text, "nan")) {
        *value = __builtin_nan("");
        return MLOPS_OK;
    }

    if (mlops_str_is(text, "Infinity") || mlops_str_is(text, "inf")) {
        *value = __builtin_inf();
        return MLOPS_OK;
    }

    if (mlops_str_is(text, "-Infinity") || mlops_str_is(text, "-inf")) {
        *value = -__builtin_inf();
        return MLOPS_OK;
    }

    return MLOPS_ERROR;
}
