/*
 * One number of a frame with AVX2: text of at most 32 bytes whose end is
 * known.  Internal to mlops_frame_avx2.c and mlops_frame_avx512.c.
 *
 * The last 32 bytes are taken at once; what stands before the point is taken
 * again from one byte further left, which closes the gap, and 32 digits
 * become four numbers of eight by three multiplications (Muła and Lemire).
 * No branch depends on lengths, which mispredict.  Up to 19 digits, then, are
 * rounded as core/base rounds them, so the result is the same to the bit.
 */

#ifndef MLOPS_FRAME_NUMBER_H
#define MLOPS_FRAME_NUMBER_H


#include "mlops_frame_job.h"
#include "mlops_num_round.h"
#include "mlops_num_table.h"

#include <immintrin.h>


#define mlops_frame_inline                                                    \
    __attribute__((always_inline, target("avx2,bmi,bmi2,popcnt")))            \
    static inline


/* (-1)^negative * w * 10^q, w < 10^19. */

typedef struct {
    uint64_t  w;
    int       q;
    int       negative;
    int       plain;                /* digits alone */
} mlops_frame_decimal_t;


/* Digits of an exponent: p < end.  0: it is none, or a long one. */

mlops_frame_inline int
mlops_frame_exponent(const char *p, const char *end, int *exp)
{
    int  negative, e;

    negative = (*p == '-');
    p += (negative || *p == '+');

    if (end - p < 1 || end - p > 4) {
        return 0;
    }

    for (e = 0; p < end; p++) {

        if (*p < '0' || *p > '9') {
            return 0;
        }

        e = e * 10 + (*p - '0');
    }

    *exp = negative ? -e : e;

    return 1;
}


/*
 * The number that is all of [p, end), of which 33 bytes before the end may be
 * read.  0: it is none, or one for the slow way.  What core/base takes from
 * configuration is taken here, but for words and a leading '+'.
 */

mlops_frame_inline int
mlops_frame_decimal(const char *p, const char *end, mlops_frame_decimal_t *d)
{
    int         len, negative, point, whole, exp;
    __m256i     v, w, index, digits;
    uint32_t    other, rest;
    uint64_t    lo, hi;

    static const char  places[32] = {
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
        16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    };

    len = (int) (end - p);

    if (mlops_unlikely((unsigned) (len - 1) > 31)) {
        return 0;
    }

    v = _mm256_loadu_si256((const __m256i *) (end - 32));
    digits = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));
    w = _mm256_cmpeq_epi8(_mm256_min_epu8(digits, _mm256_set1_epi8(9)),
                          digits);

    negative = (*p == '-');
    other = ~(uint32_t) _mm256_movemask_epi8(w);
    other = (other >> (32 - len)) & ~(uint32_t) negative;

    exp = 0;
    point = len;
    d->plain = (other == 0);

    if (mlops_likely(other != 0)) {
        point = (int) _tzcnt_u32(other);
        rest = _blsr_u32(other);

        if (mlops_unlikely(rest != 0 || p[point] != '.')) {

            if (p[point] == '.') {
                len = (int) _tzcnt_u32(rest);

            } else {
                len = point;
            }

            if ((p[len] | 0x20) != 'e'
                || end - p == len + 1
                || !mlops_frame_exponent(p + len + 1, end, &exp))
            {
                return 0;
            }

            end = p + len;

            if (len == 0) {
                return 0;
            }
        }
    }

    /* at least one digit, and no zero before another digit */

    whole = point - negative;

    if (mlops_unlikely(len - negative - (point < len) < 1
                       || (whole > 1 && p[negative] == '0')))
    {
        return 0;
    }

    v = _mm256_loadu_si256((const __m256i *) (end - 32));
    w = _mm256_loadu_si256((const __m256i *) (end - 33));
    index = _mm256_loadu_si256((const __m256i *) places);

    /* without a point nothing moves */

    v = _mm256_blendv_epi8(v, w,
            _mm256_cmpgt_epi8(_mm256_set1_epi8((char) ((point < len)
                                               ? 32 - len + point + 1 : 0)),
                              index));

    digits = _mm256_sub_epi8(v, _mm256_set1_epi8('0'));
    digits = _mm256_and_si256(digits,
            _mm256_cmpgt_epi8(index,
                              _mm256_set1_epi8((char) (31 - len + negative
                                                       + (point < len)))));

    v = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(10 | 1 << 8));
    v = _mm256_madd_epi16(v, _mm256_set1_epi32(100 | 1 << 16));
    v = _mm256_packus_epi32(v, v);
    v = _mm256_madd_epi16(v, _mm256_set1_epi32(10000 | 1 << 16));

    hi = (uint64_t) _mm256_extract_epi64(v, 0);
    lo = (uint64_t) _mm256_extract_epi64(v, 2);
    hi = (hi & UINT32_MAX) * 100000000 + (hi >> 32);
    lo = (lo & UINT32_MAX) * 100000000 + (lo >> 32);

    d->w = hi * 10000000000000000ull + lo;
    d->q = exp - ((point < len) ? len - 1 - point : 0);
    d->negative = negative;

    return hi < 1000;
}


mlops_frame_inline int
mlops_frame_double(const char *p, const char *end, double *value)
{
    double                  x;
    uint64_t                bits;
    mlops_frame_decimal_t   d;

    if (mlops_unlikely(!mlops_frame_decimal(p, end, &d))) {
        return 0;
    }

    if (mlops_likely(d.w <= 1ull << 53 && d.q <= 0 && d.q >= -22)) {
        x = (double) (int64_t) d.w / mlops_pow10_double[-d.q];
        memcpy(&bits, &x, sizeof(bits));

    } else {
        bits = mlops_num_round(d.w, d.q, &mlops_binary64);
    }

    bits |= (uint64_t) d.negative << 63;
    memcpy(value, &bits, sizeof(bits));

    return bits << 1 < 0x7ffull << 53;
}


/* As mlops_parse_float does it. */

mlops_frame_inline int
mlops_frame_float(const char *p, const char *end, float *value)
{
    double                  x;
    uint32_t                bits32;
    uint64_t                bits;
    mlops_frame_decimal_t   d;

    if (mlops_unlikely(!mlops_frame_decimal(p, end, &d))) {
        return 0;
    }

    if (mlops_likely(d.w <= 1ull << 53 && d.q <= 0 && d.q >= -22)) {
        x = (double) (int64_t) d.w / mlops_pow10_double[-d.q];
        memcpy(&bits, &x, sizeof(bits));

        if (mlops_likely((bits & 0x1fffffff) != 0x10000000)) {
            *value = (float) (d.negative ? -x : x);
            return 1;
        }
    }

    bits32 = (uint32_t) mlops_num_round(d.w, d.q, &mlops_binary32);
    bits32 |= (uint32_t) d.negative << 31;
    memcpy(value, &bits32, sizeof(bits32));

    return bits32 << 1 < 0xffu << 24;
}


/* Integers of up to 18 digits. */

mlops_frame_inline int
mlops_frame_integer(const mlops_frame_field_t *field, const char *p,
    const char *end, uint64_t row)
{
    int64_t                 i;
    mlops_frame_decimal_t   d;

    if (!mlops_frame_decimal(p, end, &d) || !d.plain
        || d.w >= 1000000000000000000ull)
    {
        return 0;
    }

    i = d.negative ? -(int64_t) d.w : (int64_t) d.w;

    if (field->kind == MLOPS_FRAME_UINT ? d.negative : i < field->lo) {
        return 0;
    }

    if (i > 0 && (uint64_t) i > field->hi) {
        return 0;
    }

    if (field->wide) {
        ((double *) field->data)[row] = (double) i;

    } else {
        ((float *) field->data)[row] = (float) i;
    }

    return 1;
}


#endif /* MLOPS_FRAME_NUMBER_H */
