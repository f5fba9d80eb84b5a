/*
 * Many plain numbers at once: what rows of floating-point columns mostly are.
 *
 * A scanner that goes from number to number waits for the length of each
 * before it can look at the next.  Here 64 bytes at a time are turned into
 * two masks, one of the bytes that end a token and one of the bytes that are
 * no digits.  The length of a token then takes a shift and a count, so that
 * the processor converts several numbers at the same time.
 *
 * A number of at most 8 digits before the point and 7 behind it is one exact
 * division (Clinger, 1990), for 10^15 < 2^53; any other goes to the number
 * parser.  What is no number, or has another separator
 * than a comma and white space behind it, is left to the caller.
 *
 * The last bytes of the text are copied to where more may be loaded behind
 * them.  SSE2 is part of every x86-64; elsewhere the caller reads all by
 * itself.
 */

#include "mlops_reader.h"
#include "mlops_simd.h"

#if defined(__SSE2__) && (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

#include <immintrin.h>


/* A block, and what is loaded behind the start of its last token. */

#define MLOPS_BULK_BLOCK   64
#define MLOPS_BULK_MARGIN  88

#define MLOPS_BULK_AVX2    target("avx2,bmi,bmi2")


/* 10^k, then -10^k: the sign of a zero comes out right as well. */

static const double  mlops_bulk_pow10[16] = {
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7,
    -1e0, -1e1, -1e2, -1e3, -1e4, -1e5, -1e6, -1e7
};

static const uint32_t  mlops_bulk_pow10_int[8] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000
};

/* From byte k on: 16 - k times "nothing", then 0 to k - 1. */

static const uint8_t  mlops_bulk_places[32] = {
    128, 128, 128, 128, 128, 128, 128, 128,
    128, 128, 128, 128, 128, 128, 128, 128,
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
};


/* ends: ',', ']' and everything up to a space; others: all but digits. */

static inline __attribute__((always_inline)) void
mlops_bulk_masks(const char *p, uint64_t *ends, uint64_t *others)
{
    int            i;
    __m128i        x, y, e;
    uint64_t       m;
    const __m128i  zero = _mm_set1_epi8('0'), nine = _mm_set1_epi8(9);
    const __m128i  comma = _mm_set1_epi8(','), close = _mm_set1_epi8(']');
    const __m128i  space = _mm_set1_epi8(' ');

    *ends = 0;
    *others = 0;

    for (i = 0; i < MLOPS_BULK_BLOCK; i += 16) {
        x = _mm_loadu_si128((const __m128i *) (p + i));

        y = _mm_sub_epi8(x, zero);
        m = (uint16_t) _mm_movemask_epi8(
                           _mm_cmpeq_epi8(_mm_min_epu8(y, nine), y));
        *others |= (m ^ 0xffff) << i;

        e = _mm_or_si128(_mm_cmpeq_epi8(x, comma), _mm_cmpeq_epi8(x, close));
        e = _mm_or_si128(e, _mm_cmpeq_epi8(_mm_min_epu8(x, space), x));
        m = (uint16_t) _mm_movemask_epi8(e);
        *ends |= m << i;
    }
}


static inline __attribute__((always_inline, MLOPS_BULK_AVX2)) void
mlops_bulk_masks_avx2(const char *p, uint64_t *ends, uint64_t *others)
{
    int            i;
    __m256i        x, y, e;
    uint64_t       m;
    const __m256i  zero = _mm256_set1_epi8('0');
    const __m256i  nine = _mm256_set1_epi8(9);
    const __m256i  comma = _mm256_set1_epi8(',');
    const __m256i  close = _mm256_set1_epi8(']');
    const __m256i  space = _mm256_set1_epi8(' ');

    *ends = 0;
    *others = 0;

    for (i = 0; i < MLOPS_BULK_BLOCK; i += 32) {
        x = _mm256_loadu_si256((const __m256i *) (p + i));

        y = _mm256_sub_epi8(x, zero);
        m = (uint32_t) _mm256_movemask_epi8(
                           _mm256_cmpeq_epi8(_mm256_min_epu8(y, nine), y));
        *others |= (m ^ UINT32_MAX) << i;

        e = _mm256_or_si256(_mm256_cmpeq_epi8(x, comma),
                            _mm256_cmpeq_epi8(x, close));
        e = _mm256_or_si256(e, _mm256_cmpeq_epi8(_mm256_min_epu8(x, space),
                                                 x));
        m = (uint32_t) _mm256_movemask_epi8(e);
        *ends |= m << i;
    }
}


/* n digits, 0 <= n <= 8, at p: pairs, fours, eights. */

static inline uint64_t
mlops_bulk_digits(const char *p, uint32_t n)
{
    uint64_t  x;

    memcpy(&x, p, 8);

    x -= 0x3030303030303030ull;
    x = (n != 0) ? x << (64 - 8 * n) : 0;
    x = x * 10 + (x >> 8);

    return ((x & 0x000000ff000000ffull) * (100 + (1000000ull << 32))
            + ((x >> 16) & 0x000000ff000000ffull) * (1 + (10000ull << 32)))
           >> 32;
}


static inline uint64_t
mlops_bulk_value(const char *p, uint32_t before, uint32_t behind)
{
    return mlops_bulk_digits(p, before) * mlops_bulk_pow10_int[behind]
           + mlops_bulk_digits(p + before + 1, behind);
}


/*
 * The same with shuffles: the digits move to the end of sixteen bytes, those
 * behind the point one place further than those before, and are added up as
 * pairs, fours and eights.
 */

static inline __attribute__((MLOPS_BULK_AVX2)) uint64_t
mlops_bulk_value_avx2(const char *p, uint32_t before, uint32_t behind)
{
    __m128i        x, places;
    uint64_t       eights;
    const __m128i  tens = _mm_set1_epi16(1 << 8 | 10);
    const __m128i  hundreds = _mm_set1_epi32(1 << 16 | 100);
    const __m128i  thousands = _mm_set1_epi32(1 << 16 | 10000);

    x = _mm_loadu_si128((const __m128i *) p);
    x = _mm_sub_epi8(x, _mm_set1_epi8('0'));

    places = _mm_loadu_si128((const __m128i *) (mlops_bulk_places + before
                                                + behind));
    places = _mm_sub_epi8(places,
                          _mm_cmpgt_epi8(places,
                                         _mm_set1_epi8((char) (before - 1))));
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
mlops_bulk_any(const char **start, const char *end, const char *room,
    mlops_cell_t *cells, size_t step, uint32_t n, int is_float)
{
    return is_float
           ? mlops_bulk_run(start, end, room, cells, step, n, 1)
           : mlops_bulk_run(start, end, room, cells, step, n, 0);
}


static __attribute__((noinline, MLOPS_BULK_AVX2)) uint32_t
mlops_bulk_avx2(const char **start, const char *end, const char *room,
    mlops_cell_t *cells, size_t step, uint32_t n, int is_float)
{
    return is_float
           ? mlops_bulk_run_avx2(start, end, room, cells, step, n, 1)
           : mlops_bulk_run_avx2(start, end, room, cells, step, n, 0);
}


uint32_t
mlops_read_bulk(const char **start, const char *end, mlops_cell_t *cells,
    size_t step, uint32_t n, int is_float)
{
    int          avx2;
    char         tail[2 * MLOPS_BULK_MARGIN];
    size_t       left;
    uint32_t     i;
    const char  *p;

    avx2 = (mlops_simd_level() >= MLOPS_SIMD_AVX2);
    i = 0;

    if (end - *start >= MLOPS_BULK_MARGIN) {
        i = avx2 ? mlops_bulk_avx2(start, end, end, cells, step, n, is_float)
                 : mlops_bulk_any(start, end, end, cells, step, n, is_float);
    }

    left = (size_t) (end - *start);

    if (i == n || left >= MLOPS_BULK_MARGIN) {
        return i;
    }

    memcpy(tail, *start, left);
    memset(tail + left, 0, sizeof(tail) - left);

    p = tail;
    cells += step * i;
    n -= i;

    i += avx2 ? mlops_bulk_avx2(&p, tail + left, tail + sizeof(tail), cells,
                                step, n, is_float)
              : mlops_bulk_any(&p, tail + left, tail + sizeof(tail), cells,
                               step, n, is_float);

    *start += p - tail;

    return i;
}

#else

uint32_t
mlops_read_bulk(const char **start, const char *end, mlops_cell_t *cells,
    size_t step, uint32_t n, int is_float)
{
    (void) start;
    (void) end;
    (void) cells;
    (void) step;
    (void) n;
    (void) is_float;

    return 0;
}

#endif
