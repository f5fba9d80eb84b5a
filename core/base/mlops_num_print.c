/*
 * Floating-point numbers into text: the shortest decimal that parses to the
 * same number.
 *
 * A number c * 2^q stands for everything between the middles to its
 * neighbours.  Scaled by the power of ten for which that interval holds at
 * least one integer and less than ten of them, the answer is the multiple of
 * ten in it, or else the integer closest to the number.  Three products with
 * 128 bits of the power tell on which side of an integer or a half each
 * bound lies, if the bits cut off are kept as one sticky bit: Giulietti,
 * "The Schubfach way to render doubles", 2020.
 *
 * Digits are made eight at a time in one register; so the zeros at the end
 * are counted without dividing.
 */

#include "mlops_num.h"
#include "mlops_num_table.h"


/* digits * 10^exp */

typedef struct {
    uint64_t  digits;
    int       exp;
} mlops_shortest_t;


static inline mlops_shortest_t mlops_num_shortest_double(uint64_t c, int q,
    int closer);
static inline mlops_shortest_t mlops_num_shortest_float(uint32_t c, int q,
    int closer);
static inline char *mlops_num_form(char *p, const char *text, int n, int exp,
    int size, int exp_max);
static char *mlops_num_form_exp(char *p, const char *text, int n, int exp);


/* floor(log10(2^q)) and floor(log10(3/4 * 2^q)), |q| <= 1100. */

static inline int
mlops_log10_pow2(int q, int closer)
{
    return (q * 1262611 - (closer ? 524031 : 0)) >> 22;
}


/* Eight digits, the first in the lowest byte: eights, fours, pairs. */

static inline uint64_t
mlops_digits8_make(uint32_t x)
{
    uint64_t  a, b;

    a = x / 10000;
    a |= (uint64_t) (x - (uint32_t) a * 10000) << 32;

    b = ((a * 10486) >> 20) & 0x0000007f0000007full;
    a = b | (a - b * 100) << 16;

    b = ((a * 103) >> 10) & 0x000f000f000f000full;

    return b | (a - b * 10) << 8;
}


static inline void
mlops_store64(char *p, uint64_t x)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    x = __builtin_bswap64(x);
#endif

    memcpy(p, &x, sizeof(x));
}


char *
mlops_print_double(char *p, double value)
{
    int               n, len, exp, biased;
    char              text[32];
    uint64_t          bits, c, high, low;
    uint32_t          top;
    mlops_shortest_t  s;

    memcpy(&bits, &value, sizeof(bits));

    biased = (int) (bits >> 52) & 0x7ff;
    c = bits & ((1ull << 52) - 1);

    *p = '-';
    p += bits >> 63;

    if (mlops_unlikely(biased == 0x7ff)) {
        memcpy(p, "null", 4);
        return p + 4;
    }

    if (mlops_unlikely((bits << 1) == 0)) {
        memcpy(p, "0.0", 3);
        return p + 3;
    }

    exp = biased - 1075;

    if (biased == 0) {
        s = mlops_num_shortest_double(c, -1074, 0);

    } else if (exp <= 0 && exp > -53
               && (c & ((1ull << -exp) - 1)) == 0)
    {
        s.digits = (c | 1ull << 52) >> -exp;
        s.exp = 0;

    } else {
        s = mlops_num_shortest_double(c | 1ull << 52, exp,
                                      c == 0 && biased > 1);
    }

    /* seventeen digits, zeros behind */

    len = mlops_decimal_len(s.digits);
    exp = s.exp + len - 1;
    s.digits *= mlops_pow10_u64[17 - len];

    high = s.digits / 100000000;
    top = (uint32_t) (high / 100000000);
    low = mlops_digits8_make((uint32_t) (s.digits - high * 100000000));
    high = mlops_digits8_make((uint32_t) (high - top * 100000000ull));

    n = (low != 0) ? 17 - (__builtin_clzll(low) >> 3)
        : (high != 0) ? 9 - (__builtin_clzll(high) >> 3) : 1;

    text[0] = (char) ('0' + top);
    mlops_store64(text + 1, high | 0x3030303030303030ull);
    mlops_store64(text + 9, low | 0x3030303030303030ull);

    return mlops_num_form(p, text, n, exp, 17, 16);
}


char *
mlops_print_float(char *p, float value)
{
    int               n, len, exp, biased;
    char              text[24];
    uint32_t          bits, c, top, digits;
    uint64_t          low;
    mlops_shortest_t  s;

    memcpy(&bits, &value, sizeof(bits));

    biased = (int) (bits >> 23) & 0xff;
    c = bits & ((1u << 23) - 1);

    *p = '-';
    p += bits >> 31;

    if (mlops_unlikely(biased == 0xff)) {
        memcpy(p, "null", 4);
        return p + 4;
    }

    if (mlops_unlikely((bits << 1) == 0)) {
        memcpy(p, "0.0", 3);
        return p + 3;
    }

    exp = biased - 150;

    if (biased == 0) {
        s = mlops_num_shortest_float(c, -149, 0);

    } else if (exp <= 0 && exp > -24 && (c & ((1u << -exp) - 1)) == 0) {
        s.digits = (c | 1u << 23) >> -exp;
        s.exp = 0;

    } else {
        s = mlops_num_shortest_float(c | 1u << 23, exp,
                                     c == 0 && biased > 1);
    }

    /* nine digits, zeros behind */

    len = mlops_decimal_len(s.digits);
    exp = s.exp + len - 1;
    digits = (uint32_t) (s.digits * mlops_pow10_u64[9 - len]);

    top = digits / 100000000;
    low = mlops_digits8_make(digits - top * 100000000);

    n = (low != 0) ? 9 - (__builtin_clzll(low) >> 3) : 1;

    text[0] = (char) ('0' + top);
    mlops_store64(text + 1, low | 0x3030303030303030ull);
    mlops_store64(text + 9, 0x3030303030303030ull);

    return mlops_num_form(p, text, n, exp, 9, 9);
}


/* The power's 128 bits rounded up: 10^k <= high:low * 2^(... - 127). */

static inline void
mlops_pow10_up(int k, uint64_t *high, uint64_t *low)
{
    const uint64_t  *t;

    t = mlops_pow10_128[k - MLOPS_POW10_MIN];

    *high = t[0];
    *low = t[1] + (k > MLOPS_POW10_EXACT);
}


/* high:low * c / 2^128, the lowest bit set where anything was cut off.  The
 * power is a little too large: one unit of what is cut off is nothing. */

static inline uint64_t
mlops_mul_odd(uint64_t high, uint64_t low, uint64_t c)
{
    unsigned __int128  x, y;

    x = (unsigned __int128) low * c;
    y = (unsigned __int128) high * c + (uint64_t) (x >> 64);

    return (uint64_t) (y >> 64) | ((uint64_t) y > 1);
}


static inline uint64_t
mlops_mul_odd32(uint64_t power, uint32_t c)
{
    unsigned __int128  x;

    x = (unsigned __int128) power * c;

    return (uint64_t) (x >> 64) | ((uint32_t) (x >> 32) > 1);
}


/*
 * Bounds and number in quarters of 10^k: below, at, above.  The bounds
 * themselves parse to the number only where it is even.  A multiple of ten
 * has the shorter text; at most one is inside, else an integer decides.
 */

static inline mlops_shortest_t
mlops_num_shortest(uint64_t below, uint64_t at, uint64_t above, int k,
    int odd)
{
    int               down_in, up_in;
    uint64_t          s, t;
    mlops_shortest_t  r;

    below += (uint64_t) odd;
    above -= (uint64_t) odd;

    s = at >> 2;

    if (s >= 10) {
        t = s / 10;

        down_in = below <= 40 * t;
        up_in = 40 * t + 40 <= above;

        if (down_in != up_in) {
            r.digits = t + (uint64_t) up_in;
            r.exp = k + 1;

            return r;
        }
    }

    down_in = below <= 4 * s;
    up_in = 4 * s + 4 <= above;

    if (down_in == up_in) {

        /* both or none inside: the closer one, at a tie the even one */

        up_in = at > 4 * s + 2 || (at == 4 * s + 2 && (s & 1));
    }

    r.digits = s + (uint64_t) up_in;
    r.exp = k;

    return r;
}


/* "closer": the number below is only half as far as the one above. */

static inline mlops_shortest_t
mlops_num_shortest_double(uint64_t c, int q, int closer)
{
    int       k, h;
    uint64_t  high, low;

    k = mlops_log10_pow2(q, closer);
    h = q + mlops_log2_pow10(-k) + 1;

    mlops_pow10_up(-k, &high, &low);

    return mlops_num_shortest(
               mlops_mul_odd(high, low, (4 * c - 2 + closer) << h),
               mlops_mul_odd(high, low, (4 * c) << h),
               mlops_mul_odd(high, low, (4 * c + 2) << h), k, c & 1);
}


static inline mlops_shortest_t
mlops_num_shortest_float(uint32_t c, int q, int closer)
{
    int       k, h;
    uint64_t  high, low;

    k = mlops_log10_pow2(q, closer);
    h = q + mlops_log2_pow10(-k) + 1;

    mlops_pow10_up(-k, &high, &low);
    high += (low != 0);

    return mlops_num_shortest(
               mlops_mul_odd32(high, (4 * c - 2 + (uint32_t) closer) << h),
               mlops_mul_odd32(high, (4 * c) << h),
               mlops_mul_odd32(high, (4 * c + 2) << h), k, c & 1);
}


/*
 * n digits, the first of weight 10^exp, as text; size digits are there.
 * Whole words are copied: up to eight bytes behind the end are written.
 */

static inline char *
mlops_num_form(char *p, const char *text, int n, int exp, int size,
    int exp_max)
{
    if (mlops_unlikely(exp < -4 || exp >= exp_max)) {
        return mlops_num_form_exp(p, text, n, exp);
    }

    if (exp < 0) {
        memcpy(p, "0.000", 5);
        memcpy(p + 1 - exp, text, (size_t) size);

        return p + 1 - exp + n;
    }

    memcpy(p, text, (size_t) exp_max);
    p[exp + 1] = '.';

    if (size > 9 && exp < 8) {
        memcpy(p + exp + 2, text + exp + 1, 16);

    } else {
        memcpy(p + exp + 2, text + exp + 1, 8);
    }

    return p + ((n > exp + 1) ? n + 1 : exp + 3);
}


static char *
mlops_num_form_exp(char *p, const char *text, int n, int exp)
{
    *p++ = text[0];

    if (n > 1) {
        *p++ = '.';
        memcpy(p, text + 1, (size_t) (n - 1));
        p += n - 1;
    }

    *p++ = 'e';
    *p++ = (exp < 0) ? '-' : '+';

    exp = (exp < 0) ? -exp : exp;

    if (exp >= 100) {
        *p++ = (char) ('0' + exp / 100);
        exp %= 100;
    }

    memcpy(p, &mlops_digit_pairs[2 * exp], 2);

    return p + 2;
}
