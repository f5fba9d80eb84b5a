/*
 * Cells of a frame with AVX-512: columns of numbers, eight rows at a time.
 *
 * The places of all commas and line ends are listed; a chunk that has exactly
 * its rows times its columns of them is a table, so that cell r of column c
 * is found without reading the others.  The last 16 bytes of eight cells of a
 * column are taken into two registers.  What each byte is comes as masks, 16
 * bits a cell, and arithmetic on those says where the number begins, what
 * stands before its point and has to move over it, and whether this is a
 * number of at most 15 digits after the point and 2^53 in all, without
 * exponent: then one exact division rounds it correctly (Clinger), as
 * core/base does.  Anything else goes through mlops_frame_cell_avx2.
 *
 * Some rows are done at a time, so that their text stays in the first cache
 * while each column looks at it.  An error is found again by the slow way,
 * which goes by rows and so tells the first one.
 */

#include "mlops_frame_job.h"

#if (__x86_64__)

#include "mlops_num_table.h"

#include <immintrin.h>


#define MLOPS_FRAME_ROWS_BYTES  (24u * 1024)
#define MLOPS_FRAME_ROWS_MAX    512

#define MLOPS_FRAME_TARGET                                                    \
    target("avx512f,avx512dq,avx512bw,avx512vl,avx2,bmi,bmi2,popcnt")

#define mlops_frame_target  __attribute__((MLOPS_FRAME_TARGET))
#define mlops_frame_inline                                                    \
    __attribute__((always_inline, MLOPS_FRAME_TARGET)) static inline


typedef struct {
    uint32_t  n;                    /* commas and line feeds */
    uint32_t  feeds;
    int       odd;                  /* quotes or bytes beyond ASCII */
    int       cr;
} mlops_frame_list_t;


/* at has room for n + 64. */

static mlops_frame_target void
mlops_frame_list(const char *p, uint32_t n, uint32_t *at,
    mlops_frame_list_t *list)
{
    uint32_t    i, j, k;
    __m512i     v, index;
    uint64_t    m, feed, valid, odd, cr;
    __mmask16   part;

    index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13,
                              14, 15);
    list->feeds = 0;
    odd = 0;
    cr = 0;
    k = 0;

    for (i = 0; i < n; i += 64) {
        v = _mm512_loadu_si512(p + i);
        valid = (n - i < 64) ? (1ull << (n - i)) - 1 : UINT64_MAX;

        feed = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\n')) & valid;
        m = (_mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8(',')) & valid) | feed;
        odd |= _mm512_movepi8_mask(v)
               | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"'));
        cr |= _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\r'));

        list->feeds += (uint32_t) _mm_popcnt_u64(feed);

        for (j = 0; j < 4; j++) {
            part = (__mmask16) (m >> 16 * j);
            _mm512_storeu_si512(at + k,
                    _mm512_maskz_compress_epi32(part,
                            _mm512_add_epi32(index,
                                    _mm512_set1_epi32((int) (i + 16 * j)))));
            k += (uint32_t) _mm_popcnt_u32(part);
        }
    }

    list->n = k;
    list->odd = (odd != 0);
    list->cr = (cr != 0);
}


/* Masks of bytes in two registers, rows 0 2 4 6 and 1 3 5 7, as 16 bits a
 * row, and back. */

mlops_frame_inline __m128i
mlops_frame_of_rows(uint64_t even, uint64_t odd)
{
    return _mm_unpacklo_epi16(_mm_cvtsi64_si128((long long) even),
                              _mm_cvtsi64_si128((long long) odd));
}


mlops_frame_inline __m128i
mlops_frame_to_halves(__m128i rows)
{
    return _mm_shuffle_epi8(rows, _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13,
                                                2, 3, 6, 7, 10, 11, 14, 15));
}


mlops_frame_inline __m512i
mlops_frame_four(const char *start, const uint32_t *ends)
{
    __m512i  v;

    v = _mm512_castsi128_si512(
            _mm_loadu_si128((const __m128i *) (start + ends[0] - 16)));
    v = _mm512_inserti32x4(v,
            _mm_loadu_si128((const __m128i *) (start + ends[2] - 16)), 1);
    v = _mm512_inserti32x4(v,
            _mm_loadu_si128((const __m128i *) (start + ends[4] - 16)), 2);

    return _mm512_inserti32x4(v,
            _mm_loadu_si128((const __m128i *) (start + ends[6] - 16)), 3);
}


/*
 * Eight cells that end at ends, their first bytes at starts, as doubles;
 * returns the mask of those that are something else.
 */

mlops_frame_inline __mmask8
mlops_frame_eight(const char *start, __m256i starts, __m256i ends,
    __m512d *result)
{
    __m128i    valid, digit, point, minus, zero, low, first, move, keep, bad;
    __m256i    length, places;
    __m512i    a, b, ta, tb, w;
    __m512d    x;
    uint32_t   at[8];
    __mmask8   has_point, wrong;

    const __m128i  one = _mm_set1_epi16(1);

    length = _mm256_sub_epi32(ends, starts);
    _mm256_storeu_si256((__m256i *) at, ends);

    a = mlops_frame_four(start, at);
    b = mlops_frame_four(start, at + 1);

    /* an empty cell has no valid byte, and one of more than 16 is wrong */

    wrong = _mm256_cmpgt_epu32_mask(length, _mm256_set1_epi32(16));
    valid = _mm256_cvtepi32_epi16(
                _mm256_sllv_epi32(_mm256_set1_epi32(0xffff),
                        _mm256_sub_epi32(_mm256_set1_epi32(16), length)));

    ta = _mm512_sub_epi8(a, _mm512_set1_epi8('0'));
    tb = _mm512_sub_epi8(b, _mm512_set1_epi8('0'));

    digit = mlops_frame_of_rows(
                _mm512_cmple_epu8_mask(ta, _mm512_set1_epi8(9)),
                _mm512_cmple_epu8_mask(tb, _mm512_set1_epi8(9)));
    point = mlops_frame_of_rows(
                _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8('.')),
                _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8('.')));
    minus = mlops_frame_of_rows(
                _mm512_cmpeq_epi8_mask(a, _mm512_set1_epi8('-')),
                _mm512_cmpeq_epi8_mask(b, _mm512_set1_epi8('-')));
    zero = mlops_frame_of_rows(
                _mm512_testn_epi8_mask(ta, ta),
                _mm512_testn_epi8_mask(tb, tb));

    digit = _mm_and_si128(digit, valid);
    point = _mm_and_si128(point, valid);

    /* the first byte, which may be a sign, and the first of the number */

    low = _mm_and_si128(valid, _mm_sub_epi16(_mm_setzero_si128(), valid));
    minus = _mm_and_si128(minus, low);
    first = _mm_add_epi16(low, minus);

    /* other bytes; a second point; a zero before a digit; no digit */

    bad = _mm_xor_si128(valid, _mm_or_si128(_mm_or_si128(digit, point),
                                            minus));
    bad = _mm_or_si128(bad, _mm_and_si128(point, _mm_sub_epi16(point, one)));
    zero = _mm_and_si128(first, zero);
    bad = _mm_or_si128(bad, _mm_and_si128(_mm_add_epi16(zero, zero), digit));

    wrong |= _mm_test_epi16_mask(bad, bad);
    wrong |= _mm_testn_epi16_mask(digit, digit);
    has_point = _mm_test_epi16_mask(point, point);

    /* bytes up to the point move by one, those before the number go */

    move = _mm_maskz_sub_epi16(has_point, _mm_add_epi16(point, point), one);
    first = _mm_mask_add_epi16(first, has_point, first, first);
    keep = _mm_sub_epi16(_mm_setzero_si128(), first);

    move = mlops_frame_to_halves(move);
    keep = mlops_frame_to_halves(keep);

    ta = _mm512_mask_mov_epi8(ta, (__mmask64) _mm_cvtsi128_si64(move),
                              _mm512_bslli_epi128(ta, 1));
    tb = _mm512_mask_mov_epi8(tb, (__mmask64) _mm_extract_epi64(move, 1),
                              _mm512_bslli_epi128(tb, 1));
    ta = _mm512_maskz_mov_epi8((__mmask64) _mm_cvtsi128_si64(keep), ta);
    tb = _mm512_maskz_mov_epi8((__mmask64) _mm_extract_epi64(keep, 1), tb);

    /* digits to pairs, fours, eights, sixteen */

    a = _mm512_madd_epi16(
            _mm512_maddubs_epi16(ta, _mm512_set1_epi16(10 | 1 << 8)),
            _mm512_set1_epi32(100 | 1 << 16));
    b = _mm512_madd_epi16(
            _mm512_maddubs_epi16(tb, _mm512_set1_epi16(10 | 1 << 8)),
            _mm512_set1_epi32(100 | 1 << 16));
    w = _mm512_madd_epi16(_mm512_packus_epi32(a, b),
                          _mm512_set1_epi32(10000 | 1 << 16));
    w = _mm512_add_epi64(
            _mm512_mul_epu32(w, _mm512_set1_epi64(100000000)),
            _mm512_srli_epi64(w, 32));

    wrong |= _mm512_cmpgt_epu64_mask(w, _mm512_set1_epi64(1ll << 53));

    /* the point's bit as a float has its place in the exponent */

    places = _mm256_srli_epi32(_mm256_castps_si256(
                     _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(point))), 23);
    places = _mm256_maskz_sub_epi32(has_point, _mm256_set1_epi32(127 + 15),
                                    places);

    x = _mm512_div_pd(_mm512_cvtepi64_pd(w),
            _mm512_permutex2var_pd(_mm512_loadu_pd(mlops_pow10_double),
                                   _mm512_cvtepu32_epi64(places),
                                   _mm512_loadu_pd(mlops_pow10_double + 8)));

    *result = _mm512_castsi512_pd(
            _mm512_mask_xor_epi64(_mm512_castpd_si512(x),
                                  _mm_test_epi16_mask(minus, minus),
                                  _mm512_castpd_si512(x),
                                  _mm512_set1_epi64(INT64_MIN)));

    return wrong;
}


/* n rows of one column of numbers; at is the end of the first cell, others
 * stand fields_n further on. */

mlops_frame_inline int
mlops_frame_numbers(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const uint32_t *at, uint32_t n,
    uint64_t row)
{
    double          *out;
    uint32_t         i, k, fields_n;
    __m256i          steps, starts, ends;
    __m512d          x;
    __m512i          rest;
    __mmask8         wrong, left, tail;
    const char      *start;
    const uint32_t  *end;

    fields_n = worker->job->fields_n;
    start = worker->buffer;
    steps = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7),
                               _mm256_set1_epi32((int) fields_n));

    wrong = 0;

    for (i = 0; i < n; i += 8, at += 8 * (size_t) fields_n) {
        tail = (n - i < 8) ? (__mmask8) ((1u << (n - i)) - 1) : 0xff;

        ends = _mm256_mmask_i32gather_epi32(_mm256_set1_epi32((int) at[0]),
                                            tail, steps, at, 4);
        starts = _mm256_mmask_i32gather_epi32(
                     _mm256_set1_epi32((int) at[-1]), tail, steps, at - 1, 4);
        starts = _mm256_sub_epi32(starts, _mm256_set1_epi32(-1));

        /* numbers that are all longer will be so */

        if (mlops_unlikely(wrong == 0xff)) {
            wrong = tail;
            goto slow;
        }

        wrong = mlops_frame_eight(start, starts, ends, &x) & tail;

        if (field->kind == MLOPS_FRAME_FLOAT) {

            /* halfway between two floats: a second rounding would differ */

            rest = _mm512_and_si512(_mm512_castpd_si512(x),
                                    _mm512_set1_epi64(0x1fffffff));
            wrong |= _mm512_cmpeq_epi64_mask(rest,
                                             _mm512_set1_epi64(0x10000000))
                     & tail;

            _mm256_mask_storeu_ps((float *) field->data + row + i, tail,
                                  _mm512_cvtpd_ps(x));

        } else {
            out = (double *) field->data + row + i;
            _mm512_mask_storeu_pd(out, tail, x);
        }

slow:

        for (left = wrong; mlops_unlikely(left != 0);
             left &= (__mmask8) (left - 1))
        {
            k = (uint32_t) __builtin_ctz(left);
            end = at + (size_t) k * fields_n;

            if (mlops_frame_cell_avx2(worker, field,
                                      start + (uint32_t) (end[-1] + 1),
                                      start + *end, row + i + k)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }
        }
    }

    return MLOPS_OK;
}


static mlops_frame_target int
mlops_frame_columns(mlops_frame_worker_t *worker, const uint32_t *at,
    uint32_t n, uint64_t row, int cr)
{
    int                         rc;
    uint32_t                    i, fields_n;
    const uint32_t             *end;
    const char                 *start;
    const mlops_frame_field_t  *field, *last;

    fields_n = worker->job->fields_n;
    start = worker->buffer;
    last = worker->job->fields + fields_n;

    for (field = worker->job->fields; field < last; field++, at++) {

        if (field->kind == MLOPS_FRAME_SKIP) {
            continue;
        }

        if ((field->kind == MLOPS_FRAME_DOUBLE
             || field->kind == MLOPS_FRAME_GUESS
             || field->kind == MLOPS_FRAME_FLOAT)
            && !(cr && field->end == '\n'))
        {
            rc = mlops_frame_numbers(worker, field, at, n, row);

            if (rc != MLOPS_OK) {
                return rc;
            }

            continue;
        }

        for (i = 0, end = at; i < n; i++, end += fields_n) {
            if (mlops_frame_cell_avx2(worker, field,
                                      start + (uint32_t) (end[-1] + 1),
                                      start + *end, row + i)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }
        }
    }

    return MLOPS_OK;
}


/* All rows of the chunk from *p on, if it is a table; else none. */

mlops_frame_target int
mlops_frame_rows_avx512(mlops_frame_worker_t *worker, const char **p,
    uint64_t *row, uint64_t last)
{
    size_t               len;
    uint32_t             i, k, n, rows, some, fields_n, *at;
    const char          *start;
    mlops_frame_job_t   *job;
    mlops_frame_list_t   list;

    job = worker->job;
    start = worker->buffer;
    len = (size_t) (worker->stop - start);
    fields_n = job->fields_n;

    if (job->values_n != 0 || last == *row || len > MLOPS_FRAME_INDEX_MAX
        || fields_n > INT32_MAX / 8
        || mlops_frame_index_room(worker, (uint32_t) len + 1) != MLOPS_OK)
    {
        return MLOPS_OK;
    }

    /* a cell begins behind the end of the one before it */

    at = worker->index + 1;
    at[-1] = UINT32_MAX;
    mlops_frame_list(start, (uint32_t) len, at, &list);

    if (list.odd) {
        return MLOPS_OK;
    }

    for (i = 0; i < list.n && start + at[i] < *p; i++) {
        list.feeds -= (start[at[i]] == '\n');
    }

    rows = (uint32_t) (last - *row);
    n = list.n - i;

    if (list.feeds != rows || n / fields_n != rows || n % fields_n != 0) {
        return MLOPS_OK;
    }

    for (k = 1; k <= rows; k++) {
        if (start[at[i + (size_t) k * fields_n - 1]] != '\n') {
            return MLOPS_OK;
        }
    }

    some = (uint32_t) (MLOPS_FRAME_ROWS_BYTES / (len / rows + 1));
    some = (some < 8) ? 8 : (some > MLOPS_FRAME_ROWS_MAX)
                            ? MLOPS_FRAME_ROWS_MAX : some & ~7u;

    for (k = 0; k < rows; k += some) {
        n = (rows - k < some) ? rows - k : some;

        if (mlops_frame_columns(worker, at + i + (size_t) k * fields_n, n,
                                *row, list.cr)
            != MLOPS_OK)
        {
            return MLOPS_OK;
        }

        if (job->frame->lines != NULL) {
            for (len = 0; len < n; len++) {
                job->frame->lines[*row + len] =
                        (worker->line + len < UINT32_MAX)
                        ? (uint32_t) (worker->line + len) : UINT32_MAX;
            }
        }

        *row += n;
        *p = start + at[i + (size_t) (k + n) * fields_n - 1] + 1;
        worker->line += n;
    }

    return MLOPS_OK;
}

#endif
