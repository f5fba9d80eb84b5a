/*
 * Many plain numbers at once: what rows of floating-point columns mostly are.
 *
 * A scanner that goes from number to number waits for the length of each
 * before it can look at the next.  Here 64 bytes at a time are turned into
 * two masks, one of the bytes that end a token and one of the bytes that are
 * no digits.  The length of a token then takes a count, so that the processor
 * converts several numbers at the same time.
 *
 * A number of at most 8 digits before the point and 7 behind it is one exact
 * division (Clinger, 1990), for 10^15 < 2^53; any other goes to the number
 * parser.  What is no number, or has another separator than a comma and white
 * space behind it, is left to the caller.
 *
 * Nothing outside of the text is loaded: digits are loaded with what stands in
 * front of them, and the last block is the last 64 bytes of the text.  SSE2 is
 * part of every x86-64; elsewhere the caller reads all by itself.
 */

#include "mlops_reader.h"
#include "mlops_simd.h"

#if defined(__SSE2__) && (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#include <immintrin.h>


#define MLOPS_BULK_BLOCK  64

/* A digit and what ends it, loaded with 16 bytes. */

#define MLOPS_BULK_FRONT  14

#define MLOPS_BULK_AVX2   target("avx2,bmi,bmi2")


/* 10^k, then -10^k: the sign of a zero comes out right as well. */

static const double  mlops_bulk_pow10[16] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
    -1e0, -1e1, -1e2, -1e3, -1e4, -1e5, -1e6, -1e7
};

static const uint32_t  mlops_bulk_pow10_int[8] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000
};

/* From byte k on: 16 - k times all ones, then k times 0. */

static const uint8_t  mlops_bulk_front[32] = {
    255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255
};

static const uint8_t  mlops_bulk_lanes[16] __attribute__((aligned(16))) = {
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};

static const uint8_t  mlops_bulk_zeros[16] __attribute__((aligned(16))) = {
    '0', '0', '0', '0', '0', '0', '0', '0',
    '0', '0', '0', '0', '0', '0', '0', '0'
};


/* ends: ',', ']' and everything up to a space; others: all but digits. */

static inline __attribute__((always_inline)) uint64_t
mlops_bulk_ends16(const char *p, uint64_t *others)
{
    __m128i  x, y;

    x = _mm_loadu_si128((const __m128i *) p);

    y = _mm_xor_si128(x, _mm_set1_epi8('0'));
    y = _mm_adds_epu8(y, _mm_set1_epi8(0x80 - 10));
    *others = (uint16_t) _mm_movemask_epi8(y);

    y = _mm_cmpeq_epi8(_mm_min_epu8(x, _mm_set1_epi8(' ')), x);
    y = _mm_or_si128(y, _mm_cmpeq_epi8(x, _mm_set1_epi8(',')));
    y = _mm_or_si128(y, _mm_cmpeq_epi8(x, _mm_set1_epi8(']')));

    return (uint16_t) _mm_movemask_epi8(y);
}


static inline __attribute__((always_inline)) void
mlops_bulk_masks(const char *p, uint64_t *ends, uint64_t *others)
{
    uint64_t  a, b, c, d;

    *ends = mlops_bulk_ends16(p, &a)
            | mlops_bulk_ends16(p + 16, &b) << 16
            | mlops_bulk_ends16(p + 32, &c) << 32
            | mlops_bulk_ends16(p + 48, &d) << 48;

    *others = a | b << 16 | c << 32 | d << 48;
}


static inline __attribute__((always_inline, MLOPS_BULK_AVX2)) uint64_t
mlops_bulk_ends32(const char *p, uint64_t *others)
{
    __m256i  x, y;

    x = _mm256_loadu_si256((const __m256i *) p);

    y = _mm256_xor_si256(x, _mm256_set1_epi8('0'));
    y = _mm256_adds_epu8(y, _mm256_set1_epi8(0x80 - 10));
    *others = (uint32_t) _mm256_movemask_epi8(y);

    y = _mm256_cmpeq_epi8(_mm256_min_epu8(x, _mm256_set1_epi8(' ')), x);
    y = _mm256_or_si256(y, _mm256_cmpeq_epi8(x, _mm256_set1_epi8(',')));
    y = _mm256_or_si256(y, _mm256_cmpeq_epi8(x, _mm256_set1_epi8(']')));

    return (uint32_t) _mm256_movemask_epi8(y);
}


static inline __attribute__((always_inline, MLOPS_BULK_AVX2)) void
mlops_bulk_masks_avx2(const char *p, uint64_t *ends, uint64_t *others)
{
    uint64_t  a, b;

    *ends = mlops_bulk_ends32(p, &a) | mlops_bulk_ends32(p + 32, &b) << 32;
    *others = a | b << 32;
}


/* The n digits in front of last, 0 <= n <= 8: pairs, fours, eights. */

static inline uint64_t
mlops_bulk_digits(const char *last, uint32_t n)
{
    uint64_t  x;

    memcpy(&x, last - 8, 8);

    x ^= 0x3030303030303030ull;
    x = (n != 0) ? x >> (64 - 8 * n) << (64 - 8 * n) : 0;
    x = x * 10 + (x >> 8);

    return ((x & 0x000000ff000000ffull) * (100 + (1000000ull << 32))
            + ((x >> 16) & 0x000000ff000000ffull) * (1 + (10000ull << 32)))
           >> 32;
}


static inline uint64_t
mlops_bulk_value(const char *last, uint32_t before, uint32_t behind)
{
    return mlops_bulk_digits(last - behind - 1, before)
           * mlops_bulk_pow10_int[behind]
           + mlops_bulk_digits(last, behind);
}


/*
 * The same with shuffles: of the sixteen bytes in front of last, the digits
 * before the point move one place towards it, what is in front of them
 * becomes 0, and all are added up as pairs, fours and eights.
 */

static inline __attribute__((always_inline, MLOPS_BULK_AVX2)) uint64_t
mlops_bulk_value_avx2(const char *last, uint32_t before, uint32_t behind)
{
    __m128i        x, places;
    uint64_t       eights;
    const __m128i  tens = _mm_set1_epi16(1 << 8 | 10);
    const __m128i  hundreds = _mm_set1_epi32(1 << 16 | 100);
    const __m128i  thousands = _mm_set1_epi32(1 << 16 | 10000);

    x = _mm_loadu_si128((const __m128i *) (last - 16));
    x = _mm_sub_epi8(x, _mm_load_si128((const __m128i *) mlops_bulk_zeros));

    places = _mm_load_si128((const __m128i *) mlops_bulk_lanes);
    places = _mm_add_epi8(places,
                          _mm_loadu_si128((const __m128i *)
                                          (mlops_bulk_front + behind)));
    places = _mm_or_si128(places,
                          _mm_loadu_si128((const __m128i *)
                                          (mlops_bulk_front + before
                                           + behind)));

    x = _mm_shuffle_epi8(x, places);
    x = _mm_maddubs_epi16(x, tens);
    x = _mm_madd_epi16(x, hundreds);
    x = _mm_packus_epi32(x, x);
    x = _mm_madd_epi16(x, thousands);

    eights = (uint64_t) _mm_cvtsi128_si64(x);

    return (eights & UINT32_MAX) * 100000000 + (eights >> 32);
}


/* What the fast way does not take: the number has to end at next. */

static __attribute__((noinline)) int
mlops_bulk_number(const char *p, const char *next, const char *end,
    int is_float, double *value)
{
    float  f;

    if (!is_float) {
        return mlops_parse_double(p, end, value) == next && !isinf(*value);
    }

    if (mlops_parse_float(p, end, &f) != next || isinf(f)) {
        return 0;
    }

    *value = f;

    return 1;
}


#define MLOPS_BULK_RUN     mlops_bulk_run
#define MLOPS_BULK_TARGET  __attribute__((always_inline))
#define MLOPS_BULK_MASKS   mlops_bulk_masks
#define MLOPS_BULK_VALUE   mlops_bulk_value
#include "mlops_read_bulk_run.h"

#define MLOPS_BULK_RUN     mlops_bulk_run_avx2
#define MLOPS_BULK_TARGET  __attribute__((always_inline, MLOPS_BULK_AVX2))
#define MLOPS_BULK_MASKS   mlops_bulk_masks_avx2
#define MLOPS_BULK_VALUE   mlops_bulk_value_avx2
#include "mlops_read_bulk_run.h"


static __attribute__((noinline)) uint32_t
mlops_bulk_any(const char **p, const char *end, mlops_cell_t *cells,
    size_t step, uint32_t n, int is_float)
{
    return is_float ? mlops_bulk_run(p, end, cells, step, n, 1)
                    : mlops_bulk_run(p, end, cells, step, n, 0);
}


static __attribute__((noinline, MLOPS_BULK_AVX2)) uint32_t
mlops_bulk_avx2(const char **p, const char *end, mlops_cell_t *cells,
    size_t step, uint32_t n, int is_float)
{
    return is_float ? mlops_bulk_run_avx2(p, end, cells, step, n, 1)
                    : mlops_bulk_run_avx2(p, end, cells, step, n, 0);
}


uint32_t
mlops_read_bulk(const mlops_reader_t *r, const char **p, mlops_cell_t *cells,
    size_t step, uint32_t n, int is_float)
{
    if (*p - r->body < MLOPS_BULK_FRONT
        || r->end - r->body < MLOPS_BULK_BLOCK)
    {
        return 0;
    }

    return (mlops_simd_level() >= MLOPS_SIMD_AVX2)
           ? mlops_bulk_avx2(p, r->end, cells, step, n, is_float)
           : mlops_bulk_any(p, r->end, cells, step, n, is_float);
}

#else

uint32_t
mlops_read_bulk(const mlops_reader_t *r, const char **p, mlops_cell_t *cells,
    size_t step, uint32_t n, int is_float)
{
    (void) r;
    (void) p;
    (void) cells;
    (void) step;
    (void) n;
    (void) is_float;

    return 0;
}

#endif
