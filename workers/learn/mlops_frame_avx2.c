/*
 * Cells of a frame with AVX2: the second pass over chunks without quotes.
 *
 * The places of all commas and line ends are listed first, so that cells are
 * known before they are read and nothing waits for the number before it.
 * Whatever is not plain (a cell that is missing, a text among numbers, an
 * error) is read by mlops_frame_cell.
 */

#include "mlops_frame_job.h"

#include <stdlib.h>


#if (__x86_64__)

#include "mlops_frame_number.h"


#define mlops_frame_target  __attribute__((target("avx2,bmi,bmi2,popcnt")))


mlops_frame_inline uint64_t
mlops_frame_mask(__m256i a, __m256i b)
{
    return (uint64_t) (uint32_t) _mm256_movemask_epi8(a)
           | (uint64_t) (uint32_t) _mm256_movemask_epi8(b) << 32;
}


/*
 * Lists the commas and line feeds of n bytes at p; at has room for n + 64.
 * Returns how many, or UINT32_MAX where there is a quote or a byte beyond
 * ASCII.  Eight are written at a time, right or not.
 */

static mlops_frame_target uint32_t
mlops_frame_list(const char *p, uint32_t n, uint32_t *at)
{
    uint32_t   i, j, k, found;
    __m256i    a, b, odd, comma, feed, quote;
    uint64_t   m;

    comma = _mm256_set1_epi8(',');
    feed = _mm256_set1_epi8('\n');
    quote = _mm256_set1_epi8('"');
    odd = _mm256_setzero_si256();
    k = 0;

    for (i = 0; i < n; i += 64) {
        a = _mm256_loadu_si256((const __m256i *) (p + i));
        b = _mm256_loadu_si256((const __m256i *) (p + i + 32));

        /* the highest bit of a byte: not ASCII, or a quote */

        odd = _mm256_or_si256(odd, _mm256_or_si256(a, b));
        odd = _mm256_or_si256(odd, _mm256_cmpeq_epi8(a, quote));
        odd = _mm256_or_si256(odd, _mm256_cmpeq_epi8(b, quote));

        m = mlops_frame_mask(_mm256_or_si256(_mm256_cmpeq_epi8(a, comma),
                                             _mm256_cmpeq_epi8(a, feed)),
                             _mm256_or_si256(_mm256_cmpeq_epi8(b, comma),
                                             _mm256_cmpeq_epi8(b, feed)));

        if (n - i < 64) {
            m &= (1ull << (n - i)) - 1;
        }

        found = (uint32_t) __builtin_popcountll(m);

        for (j = 0; j < found; j += 8) {
            at[k + j] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
            at[k + j + 1] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
            at[k + j + 2] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
            at[k + j + 3] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
            at[k + j + 4] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
            at[k + j + 5] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
            at[k + j + 6] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
            at[k + j + 7] = i + (uint32_t) _tzcnt_u64(m);
            m = _blsr_u64(m);
        }

        k += found;
    }

    return _mm256_movemask_epi8(odd) ? UINT32_MAX : k;
}


static int
mlops_frame_known(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, const char *end,
    uint64_t row)
{
    uint32_t             code, hash;
    mlops_frame_dict_t  *dict;

    if (p == end) {
        return 0;
    }

    dict = &worker->dicts[field - worker->job->fields];
    code = dict->last;

    if (code == MLOPS_MATRIX_NONE
        || !mlops_str_eq(&dict->texts[code], p, (size_t) (end - p)))
    {
        code = mlops_frame_dict_find(dict, p, (size_t) (end - p), &hash);

        if (code == MLOPS_MATRIX_NONE) {
            return 0;
        }

        dict->last = code;
    }

    ((uint32_t *) field->data)[row] = code;

    return 1;
}


/* The cell [p, end), which a comma or a line end follows: 0: it is for the
 * slow way. */

mlops_frame_inline int
mlops_frame_plain(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, const char *end,
    uint64_t row)
{
    switch (field->kind) {

    case MLOPS_FRAME_DOUBLE:
    case MLOPS_FRAME_GUESS:
        return mlops_frame_double(p, end, (double *) field->data + row);

    case MLOPS_FRAME_FLOAT:
        return mlops_frame_float(p, end, (float *) field->data + row);

    case MLOPS_FRAME_INT:
    case MLOPS_FRAME_UINT:
        return mlops_frame_integer(field, p, end, row);

    case MLOPS_FRAME_CODES:
        return mlops_frame_known(worker, field, p, end, row);

    case MLOPS_FRAME_SKIP:
        return 1;

    default:
        return 0;
    }
}


mlops_frame_target int
mlops_frame_cell_avx2(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, const char *end,
    uint64_t row)
{
    /* CR LF */

    if (field->end == '\n') {
        end -= (end > p && end[-1] == '\r');
    }

    if (mlops_frame_plain(worker, field, p, end, row)) {
        return MLOPS_OK;
    }

    return (mlops_frame_cell(worker, field, p, row) != NULL) ? MLOPS_OK
                                                             : MLOPS_ERROR;
}


/* One row whose cells end at at[0], at[1] …; a line with fewer cells has one
 * that ends with a line feed. */

mlops_frame_inline int
mlops_frame_row_listed(mlops_frame_worker_t *worker, const char *p,
    const uint32_t *at, uint64_t row)
{
    const char                 *start, *end;
    mlops_frame_job_t          *job;
    const mlops_frame_field_t  *field, *last;

    job = worker->job;
    start = worker->buffer;
    last = job->fields + job->fields_n;

    for (field = job->fields; field < last; field++, at++) {
        end = start + *at;

        if (field->end == '\n') {
            end -= (end > p && end[-1] == '\r');
        }

        if (mlops_unlikely(!mlops_frame_plain(worker, field, p, end, row)
                           || start[*at] != field->end)
            && mlops_frame_cell(worker, field, p, row) == NULL)
        {
            return MLOPS_ERROR;
        }

        p = start + *at + 1;
    }

    return MLOPS_OK;
}


int
mlops_frame_index_room(mlops_frame_worker_t *worker, uint32_t len)
{
    if (len + 64 > worker->index_room) {
        free(worker->index);
        worker->index_room = len + 64;
        worker->index = malloc(worker->index_room * sizeof(uint32_t));

        if (worker->index == NULL) {
            worker->index_room = 0;
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


/*
 * Rows of the chunk from *p on, as many as are whole and plain; *p and *row
 * move on, and the rest is for the slow way.
 */

mlops_frame_target int
mlops_frame_rows_avx2(mlops_frame_worker_t *worker, const char **p,
    uint64_t *row, uint64_t last)
{
    uint32_t            i, n, len, fields_n;
    const char         *start;
    mlops_frame_job_t  *job;

    job = worker->job;
    start = worker->buffer;

    if (job->values_n != 0
        || worker->stop - start > MLOPS_FRAME_INDEX_MAX)
    {
        return MLOPS_OK;
    }

    len = (uint32_t) (worker->stop - start);

    if (mlops_frame_index_room(worker, len) != MLOPS_OK) {
        return MLOPS_OK;
    }

    n = mlops_frame_list(start, len, worker->index);

    if (n == UINT32_MAX) {
        return MLOPS_OK;
    }

    fields_n = job->fields_n;

    for (i = 0; i < n && start + worker->index[i] < *p; i++) {
        /* a line of names */
    }

    while (*row < last) {

        while (i < n && (**p == '\n' || (**p == '\r' && (*p)[1] == '\n'))) {
            *p = start + worker->index[i++] + 1;
            worker->line++;
        }

        if (n - i < fields_n
            || start[worker->index[i + fields_n - 1]] != '\n')
        {
            return MLOPS_OK;
        }

        if (job->frame->lines != NULL) {
            job->frame->lines[*row] = (worker->line < UINT32_MAX)
                                      ? (uint32_t) worker->line : UINT32_MAX;
        }

        if (mlops_frame_row_listed(worker, *p, worker->index + i, *row)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        i += fields_n;
        *p = start + worker->index[i - 1] + 1;
        (*row)++;
        worker->line++;
    }

    return MLOPS_OK;
}

#endif
