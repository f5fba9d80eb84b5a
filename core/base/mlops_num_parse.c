/*
 * Numbers out of text.
 *
 * A number becomes w * 10^q with a 64-bit w.  Three ways lead on:
 *
 *     w <= 2^53, |q| <= 22    one exact multiplication or division
 *                             (Clinger, "How to read floating point numbers
 *                             accurately", 1990)
 *     w exact                 128-bit product with a power from the table
 *                             (Lemire 2021; that it never is ambiguous for
 *                             64-bit w: Mushtak and Lemire, "Fast number
 *                             parsing without fallback", 2023)
 *     more than 19 digits     w and w + 1 bracket the number; where they
 *                             round apart, an exact comparison with the
 *                             middle decides
 *
 * The text is read eight digits at a time while eight bytes are left, which
 * takes the branches out that short numbers of differing length mispredict.
 * Whatever is rare (the last bytes of a buffer, more than 19 digits, the
 * lenient forms) goes through one plain loop over bytes.
 */

#include "mlops_num.h"
#include "mlops_num_exact.h"
#include "mlops_num_table.h"


#define MLOPS_NUM_LENIENT  1

/* An exponent saturates here: far beyond what any length of text offsets. */

#define MLOPS_NUM_EXP_MAX  100000000000000000ll


/* A binary format, by the widths and limits its rounding needs. */

typedef struct {
    int  bits;              /* of the fraction */
    int  bias;
    int  exp_inf;           /* the biased exponent of an infinity */
    int  q_min;             /* 19 digits * 10^q below it round to 0 */
    int  q_max;             /* 1 * 10^q above it is infinite */
    int  tie_min;           /* only within these can 64 bits * 10^q lie */
    int  tie_max;           /*   exactly between two numbers */
} mlops_binary_t;


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


static const mlops_binary_t  mlops_binary64 = {
    52, 1023, 2047, -342, 308, -4, 23
};

static const mlops_binary_t  mlops_binary32 = {
    23, 127, 255, -65, 38, -17, 10
};


static inline const char *mlops_num_scan(const char *p, const char *end,
    mlops_decimal_t *d);
static const char *mlops_num_scan_bytes(const char *p, const char *end,
    int flags, mlops_decimal_t *d);
static const char *mlops_num_scan_exp(const char *p, const char *end,
    int64_t *exp);
static double mlops_num_double(const mlops_decimal_t *d);
static float mlops_num_float(const mlops_decimal_t *d);
static uint64_t mlops_num_round_long(const mlops_decimal_t *d,
    const mlops_binary_t *f);
static const char *mlops_num_scan_int(const char *p, const char *end,
    uint64_t *value, int *overflow);
static int mlops_num_word(const mlops_str_t *text, double *value);


static inline uint64_t
mlops_load64(const char *p)
{
    uint64_t  x;

    memcpy(&x, p, sizeof(x));

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif

    return x;
}


/*
 * Eight bytes as digits: their values in *x, the first in the lowest byte.
 * Returns how many there are before the first byte that is none.  A carry
 * out of a byte that is no digit only reaches bytes behind it.
 */

static inline int
mlops_digits8(const char *p, uint64_t *x)
{
    uint64_t  t, other;

    t = mlops_load64(p) ^ 0x3030303030303030ull;
    other = ((t + 0x7676767676767676ull) | t) & 0x8080808080808080ull;

    *x = t;

    return (other == 0) ? 8 : __builtin_ctzll(other) >> 3;
}


/* The value of the first n of them, 1 <= n <= 8: pairs, fours, eights. */

static inline uint64_t
mlops_digits8_value(uint64_t x, int n)
{
    x <<= 64 - 8 * n;
    x = x * 10 + (x >> 8);

    return ((x & 0x000000ff000000ffull) * (100 + (1000000ull << 32))
            + ((x >> 16) & 0x000000ff000000ffull) * (1 + (10000ull << 32)))
           >> 32;
}


const char *
mlops_parse_double(const char *p, const char *end, double *value)
{
    mlops_decimal_t  d;

    p = mlops_num_scan(p, end, &d);

    if (mlops_unlikely(p == NULL)) {
        return NULL;
    }

    *value = mlops_num_double(&d);

    return p;
}


const char *
mlops_parse_float(const char *p, const char *end, float *value)
{
    mlops_decimal_t  d;

    p = mlops_num_scan(p, end, &d);

    if (mlops_unlikely(p == NULL)) {
        return NULL;
    }

    *value = mlops_num_float(&d);

    return p;
}


static inline const char *
mlops_num_scan(const char *start, const char *end, mlops_decimal_t *d)
{
    int          n, total, zeros;
    int64_t      exp;
    uint64_t     w, x;
    const char  *p, *fraction;

    p = start;

    if (mlops_unlikely(end - p < 9)) {
        return mlops_num_scan_bytes(start, end, 0, d);
    }

    d->negative = (*p == '-');
    p += d->negative;

    n = mlops_digits8(p, &x);

    if (mlops_unlikely(n == 0 || ((x & 0xff) == 0 && n > 1))) {
        return NULL;
    }

    w = mlops_digits8_value(x, n);
    total = (w == 0) ? 0 : n;
    p += n;

    if (mlops_unlikely(n == 8)) {

        if (end - p < 8) {
            return mlops_num_scan_bytes(start, end, 0, d);
        }

        n = mlops_digits8(p, &x);

        if (n == 8) {
            return mlops_num_scan_bytes(start, end, 0, d);
        }

        if (n != 0) {
            w = w * mlops_pow10_u64[n] + mlops_digits8_value(x, n);
            total += n;
            p += n;
        }
    }

    d->q = 0;

    if (p < end && *p == '.') {
        fraction = ++p;
        zeros = 0;

        for ( ;; ) {
            if (mlops_unlikely(end - p < 8 || p - fraction >= 32)) {
                return mlops_num_scan_bytes(start, end, 0, d);
            }

            n = mlops_digits8(p, &x);

            if (n == 0) {
                break;
            }

            if (w == 0) {
                zeros += (x == 0) ? 8 : __builtin_ctzll(x) >> 3;
            }

            w = w * mlops_pow10_u64[n] + mlops_digits8_value(x, n);
            p += n;

            if (n < 8) {
                break;
            }
        }

        d->q = fraction - p;

        if (mlops_unlikely(d->q == 0)) {
            return NULL;
        }

        total += (int) -d->q - zeros;

        if (mlops_unlikely(total > 19)) {
            return mlops_num_scan_bytes(start, end, 0, d);
        }
    }

    d->w = w;
    d->truncated = 0;

    if (p < end && mlops_unlikely((*p | 0x20) == 'e')) {
        p = mlops_num_scan_exp(p + 1, end, &exp);
        d->q += exp;
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
 * w * 10^q rounded to the nearest, at a tie to the even one, as the bits of
 * the format without the sign.
 *
 * With w shifted up to its highest bit and the power's 128 bits T, the
 * product w * T has 191 or 192 bits, of which high:low are the first 128.
 * bits + 2 of them are kept (one to round by, one that the shift below may
 * lack); the second half of T matters only where the rest of high is all
 * ones and its carry could come through.
 */

static inline uint64_t
mlops_num_round(uint64_t w, int64_t q, const mlops_binary_t *f)
{
    int                lz, upper, shift, exp;
    uint64_t           high, low, carry, m;
    const uint64_t    *t;
    unsigned __int128  x;

    if (w == 0 || q < f->q_min) {
        return 0;
    }

    if (q > f->q_max) {
        return (uint64_t) f->exp_inf << f->bits;
    }

    lz = __builtin_clzll(w);
    w <<= lz;

    t = mlops_pow10_128[q - MLOPS_POW10_MIN];

    x = (unsigned __int128) w * t[0];
    high = (uint64_t) (x >> 64);
    low = (uint64_t) x;

    if (mlops_unlikely((~high & (UINT64_MAX >> (f->bits + 3))) == 0)) {
        x = (unsigned __int128) w * t[1];
        carry = (uint64_t) (x >> 64);
        low += carry;
        high += (low < carry);
    }

    upper = (int) (high >> 63);
    shift = upper + 64 - f->bits - 3;
    m = high >> shift;

    exp = mlops_log2_pow10((int) q) + 63 + upper - lz + f->bias;

    if (mlops_unlikely(exp <= 0)) {

        /* subnormal; no tie is possible this far down */

        if (1 - exp >= 64) {
            return 0;
        }

        m >>= 1 - exp;
        m = (m + (m & 1)) >> 1;

        return m;       /* a carry makes it the smallest normal number */
    }

    /* a tie above an even number must not be rounded up */

    if (mlops_unlikely(low <= 1 && (m & 3) == 1
                       && q >= f->tie_min && q <= f->tie_max
                       && (m << shift) == high))
    {
        m &= ~1ull;
    }

    m = (m + (m & 1)) >> 1;

    /* the hidden bit adds 1 to the exponent, and a carry out of m one more */

    m += (uint64_t) (exp - 1) << f->bits;

    if (mlops_unlikely(m >= (uint64_t) f->exp_inf << f->bits)) {
        m = (uint64_t) f->exp_inf << f->bits;
    }

    return m;
}


static double
mlops_num_double(const mlops_decimal_t *d)
{
    double    value;
    uint64_t  bits;

    if (mlops_likely(d->w <= 1ull << 53 && d->q >= -22 && d->q <= 22
                     && !d->truncated))
    {
        value = (double) d->w;
        value = (d->q < 0) ? value / mlops_pow10_double[-d->q]
                           : value * mlops_pow10_double[d->q];

        return d->negative ? -value : value;
    }

    bits = mlops_unlikely(d->truncated)
               ? mlops_num_round_long(d, &mlops_binary64)
               : mlops_num_round(d->w, d->q, &mlops_binary64);

    bits |= (uint64_t) d->negative << 63;
    memcpy(&value, &bits, sizeof(value));

    return value;
}


/*
 * The correctly rounded double lies on the same side of every middle
 * between two floats as the decimal does, unless it is that middle: only
 * then would its second rounding differ.
 */

static float
mlops_num_float(const mlops_decimal_t *d)
{
    float     value;
    double    wide;
    uint32_t  bits32;
    uint64_t  bits;

    if (mlops_likely(d->w <= 1ull << 53 && d->q >= -22 && d->q <= 22
                     && !d->truncated))
    {
        wide = (double) d->w;
        wide = (d->q < 0) ? wide / mlops_pow10_double[-d->q]
                          : wide * mlops_pow10_double[d->q];

        memcpy(&bits, &wide, sizeof(bits));

        if (mlops_likely((bits & 0x1fffffff) != 0x10000000)) {
            return d->negative ? (float) -wide : (float) wide;
        }
    }

    bits = mlops_unlikely(d->truncated)
               ? mlops_num_round_long(d, &mlops_binary32)
               : mlops_num_round(d->w, d->q, &mlops_binary32);

    bits32 = (uint32_t) bits | (uint32_t) d->negative << 31;
    memcpy(&value, &bits32, sizeof(value));

    return value;
}


/*
 * w * 10^q < number < (w + 1) * 10^q.  The bracket is narrower than the gap
 * between neighbours, so that it rounds to one of two at most.  Bits count
 * up from one number to the next, infinity included.
 */

static uint64_t
mlops_num_round_long(const mlops_decimal_t *d, const mlops_binary_t *f)
{
    int       exp, order;
    uint64_t  m, below, above;

    below = mlops_num_round(d->w, d->q, f);
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


const char *
mlops_parse_int64(const char *p, const char *end, int64_t *value,
    int *overflow)
{
    int       negative;
    uint64_t  x, limit;

    negative = (p < end && *p == '-');

    p = mlops_num_scan_int(p + negative, end, &x, overflow);

    if (p == NULL) {
        return NULL;
    }

    limit = (uint64_t) INT64_MAX + (uint64_t) negative;

    if (x > limit) {
        *overflow = 1;
        x = limit;
    }

    *value = (int64_t) (negative ? 0 - x : x);

    return p;
}


const char *
mlops_parse_uint64(const char *p, const char *end, uint64_t *value,
    int *overflow)
{
    int       negative;
    uint64_t  x;

    negative = (p < end && *p == '-');

    p = mlops_num_scan_int(p + negative, end, &x, overflow);

    if (p == NULL) {
        return NULL;
    }

    if (negative && x != 0) {
        *overflow = 1;
        x = 0;
    }

    *value = x;

    return p;
}


static const char *
mlops_num_scan_int(const char *p, const char *end, uint64_t *value,
    int *overflow)
{
    int          c;
    uint64_t     x;
    const char  *start;

    *overflow = 0;
    x = 0;

    for (start = p; p < end; p++) {
        c = *p - '0';

        if (c < 0 || c > 9) {
            break;
        }

        if (p - start < 19) {
            x = x * 10 + (unsigned) c;

        } else if (__builtin_mul_overflow(x, 10, &x)
                   || __builtin_add_overflow(x, (unsigned) c, &x))
        {
            *overflow = 1;
        }
    }

    if (p == start || (*start == '0' && p - start > 1)) {
        return NULL;
    }

    *value = *overflow ? UINT64_MAX : x;

    return p;
}


int
mlops_number(const mlops_str_t *text, double *value)
{
    const char       *p, *end;
    mlops_decimal_t   d;

    if (text->len == 0) {
        return MLOPS_ERROR;
    }

    end = text->data + text->len;

    p = mlops_num_scan_bytes(text->data, end, MLOPS_NUM_LENIENT, &d);

    if (p != end) {
        return mlops_num_word(text, value);
    }

    *value = mlops_num_double(&d);

    return MLOPS_OK;
}


int
mlops_number_float(const mlops_str_t *text, float *value)
{
    double            wide;
    const char       *p, *end;
    mlops_decimal_t   d;

    if (text->len == 0) {
        return MLOPS_ERROR;
    }

    end = text->data + text->len;

    p = mlops_num_scan_bytes(text->data, end, MLOPS_NUM_LENIENT, &d);

    if (p != end) {

        if (mlops_num_word(text, &wide) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        *value = (float) wide;

        return MLOPS_OK;
    }

    *value = mlops_num_float(&d);

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
