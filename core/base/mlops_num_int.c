/*
 * Integers out of text and into text.
 */

#include "mlops_num.h"
#include "mlops_num_digits.h"
#include "mlops_num_table.h"


static const char *mlops_num_scan_int(const char *p, const char *end,
    uint64_t *value, int *overflow);


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
    int          c, n;
    uint64_t     other, x;
    const char  *start;

    static const uint64_t  tens[8] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000
    };

    *overflow = 0;
    x = 0;
    start = p;

    /* at most 16 digits by the word, where there are bytes behind them */

    while (end - p >= 8 && p - start < 16) {
        other = mlops_other_bytes(p);

        if (other == 0) {
            x = x * 100000000 + mlops_digits_value(p, 8);
            p += 8;
            continue;
        }

        n = __builtin_ctzll(other) >> 3;

        if (n != 0) {
            x = x * tens[n] + mlops_digits_value(p, n);
            p += n;
        }

        goto done;
    }

    for ( /* void */ ; p < end; p++) {
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

done:

    if (p == start || (*start == '0' && p - start > 1)) {
        return NULL;
    }

    *value = *overflow ? UINT64_MAX : x;

    return p;
}


char *
mlops_print_int64(char *p, int64_t value)
{
    uint64_t  x;

    x = (uint64_t) value;

    if (value < 0) {
        *p++ = '-';
        x = 0 - x;
    }

    return mlops_print_uint64(p, x);
}


char *
mlops_print_uint64(char *p, uint64_t value)
{
    char      *end, *q;
    unsigned   pair;

    end = p + mlops_decimal_len(value | 1);

    for (q = end; value >= 100; value /= 100) {
        pair = (unsigned) (value % 100);
        q -= 2;
        memcpy(q, &mlops_digit_pairs[2 * pair], 2);
    }

    if (value >= 10) {
        memcpy(q - 2, &mlops_digit_pairs[2 * value], 2);

    } else {
        q[-1] = (char) ('0' + value);
    }

    return end;
}
