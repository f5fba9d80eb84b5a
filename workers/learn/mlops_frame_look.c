/*
 * Where rows end: the first look at the bytes of a frame's file.
 *
 * Of 64 bytes, one bit each says: a line feed, a quote, a carriage return.
 * Whether a byte is within quotes is the parity of the quotes before it
 * (Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019), which
 * holds for every file without a stray quote; one with a stray quote is
 * refused when cells are read, where it is, whatever was counted here.
 */

#include "mlops_frame_job.h"
#include "mlops_simd.h"

#include <stdlib.h>

#if (__x86_64__)
#include <immintrin.h>
#endif


#define MLOPS_FRAME_BLOCK  (256u * 1024)    /* a multiple of 64 */

#define mlops_frame_inline  inline __attribute__((always_inline))
#define mlops_frame_target  __attribute__((target("avx2,bmi,popcnt")))


typedef struct {
    uint64_t  feed;
    uint64_t  cr;
    uint64_t  quote;
} mlops_frame_bits_t;


static int mlops_frame_look_cut(mlops_frame_job_t *job,
    mlops_frame_look_t *look, uint64_t ends, uint64_t feeds);


int
mlops_frame_look(mlops_frame_job_t *job)
{
    int                  rc;
    char                *p;
    size_t               n;
    uint64_t             off;
    mlops_frame_look_t   look;

    p = malloc(MLOPS_FRAME_BLOCK);

    if (p == NULL) {
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    rc = mlops_frame_look_start(job, &look);
    look.next = job->target;

    for (off = 0; off < job->len && rc == MLOPS_OK && !job->cut; off += n) {
        n = MLOPS_FRAME_BLOCK;

        if (n > job->len - off) {
            n = (size_t) (job->len - off);
        }

        rc = mlops_frame_fetch(job, p, off, n, job->err);

        if (rc == MLOPS_OK) {
            memset(p + n, 0, mlops_align(n, 64) - n);
            rc = mlops_frame_look_more(job, &look, p, n);
        }
    }

    free(p);

    return (rc == MLOPS_OK) ? mlops_frame_look_end(job, &look) : rc;
}


int
mlops_frame_look_start(mlops_frame_job_t *job, mlops_frame_look_t *look)
{
    char  mark[3];

    memset(look, 0, sizeof(*look));
    look->line = 1;
    look->ended = 1;
    look->next = UINT64_MAX;

    job->chunks_n = 0;
    job->start = 0;
    job->cut = 0;
    job->uneven = 0;

    if (job->len >= 3) {

        if (mlops_frame_fetch(job, mark, 0, 3, job->err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        job->start = (memcmp(mark, "\xef\xbb\xbf", 3) == 0) ? 3 : 0;
    }

    look->last = job->start;

    return mlops_frame_push(job, job->start, 0, 1);
}


/* The row that no line end ends (a CR alone is none), and the end of the last
 * chunk. */

int
mlops_frame_look_end(mlops_frame_job_t *job, mlops_frame_look_t *look)
{
    if (!job->cut && ((!look->ended && !look->started) || look->inside)) {
        look->row++;
        job->uneven |= look->blank;
    }

    if (job->cut) {
        look->row++;

    } else {
        look->at = job->len;
    }

    if (job->chunks_n > 1
        && job->chunks[job->chunks_n - 1].off == look->at)
    {
        job->chunks_n--;
    }

    if (mlops_frame_push(job, look->at, look->row, look->line) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    job->chunks_n--;

    return MLOPS_OK;
}


/* Rows, lines and chunks from the bits of 64 bytes, of which valid ones
 * count. */

static mlops_frame_inline int
mlops_frame_look_bits(mlops_frame_job_t *job, mlops_frame_look_t *look,
    mlops_frame_bits_t bits, uint64_t valid)
{
    int       top;
    uint64_t  inside, out, before, starts, blank, ends;

    if (mlops_unlikely(valid == 0)) {
        return MLOPS_OK;
    }

    bits.feed &= valid;
    bits.cr &= valid;
    bits.quote &= valid;

    inside = look->inside;

    if (bits.quote != 0) {
        inside = bits.quote;
        inside ^= inside << 1;
        inside ^= inside << 2;
        inside ^= inside << 4;
        inside ^= inside << 8;
        inside ^= inside << 16;
        inside ^= inside << 32;
        inside ^= look->inside;
        look->inside = (uint64_t) ((int64_t) inside >> 63);
    }

    out = bits.feed & ~inside;
    job->uneven |= (out != bits.feed);

    /* first bytes of lines; empty lines are LF alone or CR LF */

    top = 63 - __builtin_clzll(valid);
    before = out << 1 | look->ended << __builtin_ctzll(valid);
    starts = bits.cr & ~inside & before;
    blank = out & (before | starts << 1
                   | look->started << __builtin_ctzll(valid));
    ends = out & ~blank;

    look->ended = (out >> top) & 1;
    look->started = (starts >> top) & 1;

    if (blank != 0 || look->blank) {
        job->uneven |= (look->blank && ends != 0)
                       || (ends & ~(blank ^ (blank - 1))) != 0;
        look->blank |= (blank != 0);
    }

    if (mlops_unlikely(look->at + 64 > look->next)
        && mlops_frame_look_cut(job, look, ends, bits.feed) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (ends != 0) {
        look->last = look->at + 64 - (uint64_t) __builtin_clzll(ends);
    }

    look->row += (uint64_t) __builtin_popcountll(ends);
    look->line += (uint64_t) __builtin_popcountll(bits.feed);

    return MLOPS_OK;
}


/* The chunk ends with the first row that ends at look->next or later. */

static int
mlops_frame_look_cut(mlops_frame_job_t *job, mlops_frame_look_t *look,
    uint64_t ends, uint64_t feeds)
{
    uint64_t  cut, end;

    cut = ends;

    if (look->next > look->at) {
        cut &= UINT64_MAX << (look->next - look->at);
    }

    if (cut == 0) {
        job->cut = (look->at > look->next
                    && look->at - look->next > MLOPS_FRAME_ROW_MAX);
        return MLOPS_OK;
    }

    end = look->at + (uint64_t) __builtin_ctzll(cut) + 1;
    cut ^= cut - 1;
    look->next = end + job->target;

    return mlops_frame_push(job, end,
                   look->row + (uint64_t) __builtin_popcountll(ends & cut),
                   look->line + (uint64_t) __builtin_popcountll(feeds & cut));
}


/* Not those of a byte order mark, nor those behind the end. */

static mlops_frame_inline uint64_t
mlops_frame_valid(const mlops_frame_job_t *job, const mlops_frame_look_t *look,
    size_t left)
{
    uint64_t  valid;

    valid = (left < 64) ? (1ull << left) - 1 : UINT64_MAX;

    return (look->at == 0) ? valid & UINT64_MAX << job->start : valid;
}


#if (__x86_64__)

static mlops_frame_inline mlops_frame_target uint64_t
mlops_frame_equal(__m256i a, __m256i b, char c)
{
    __m256i  x;

    x = _mm256_set1_epi8(c);

    return (uint64_t) (uint32_t) _mm256_movemask_epi8(_mm256_cmpeq_epi8(a, x))
           | (uint64_t) (uint32_t)
             _mm256_movemask_epi8(_mm256_cmpeq_epi8(b, x)) << 32;
}


static mlops_frame_target int
mlops_frame_look_avx2(mlops_frame_job_t *job, mlops_frame_look_t *look,
    const char *p, size_t n)
{
    size_t               i;
    __m256i              a, b;
    mlops_frame_bits_t   bits;

    for (i = 0; i < n && !job->cut; i += 64, look->at += 64) {
        a = _mm256_loadu_si256((const __m256i *) (p + i));
        b = _mm256_loadu_si256((const __m256i *) (p + i + 32));

        bits.feed = mlops_frame_equal(a, b, '\n');
        bits.cr = mlops_frame_equal(a, b, '\r');
        bits.quote = mlops_frame_equal(a, b, '"');

        if (mlops_frame_look_bits(job, look, bits,
                                  mlops_frame_valid(job, look, n - i))
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}

#endif


static int
mlops_frame_look_plain(mlops_frame_job_t *job, mlops_frame_look_t *look,
    const char *p, size_t n)
{
    int                  k;
    size_t               i;
    mlops_frame_bits_t   bits;

    for (i = 0; i < n && !job->cut; i += 64, look->at += 64) {

#if defined(__SSE2__)

        __m128i  v;

        memset(&bits, 0, sizeof(bits));

        for (k = 0; k < 64; k += 16) {
            v = _mm_loadu_si128((const __m128i *) (p + i + k));

            bits.feed |= (uint64_t) (uint32_t) _mm_movemask_epi8(
                _mm_cmpeq_epi8(v, _mm_set1_epi8('\n'))) << k;
            bits.cr |= (uint64_t) (uint32_t) _mm_movemask_epi8(
                _mm_cmpeq_epi8(v, _mm_set1_epi8('\r'))) << k;
            bits.quote |= (uint64_t) (uint32_t) _mm_movemask_epi8(
                _mm_cmpeq_epi8(v, _mm_set1_epi8('"'))) << k;
        }

#else

        memset(&bits, 0, sizeof(bits));

        for (k = 0; k < 64; k++) {
            bits.feed |= (uint64_t) (p[i + k] == '\n') << k;
            bits.cr |= (uint64_t) (p[i + k] == '\r') << k;
            bits.quote |= (uint64_t) (p[i + k] == '"') << k;
        }

#endif

        if (mlops_frame_look_bits(job, look, bits,
                                  mlops_frame_valid(job, look, n - i))
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


int
mlops_frame_look_more(mlops_frame_job_t *job, mlops_frame_look_t *look,
    const char *p, size_t n)
{
    int       rc;
    uint64_t  end;

    end = look->at + n;

#if (__x86_64__)

    if (job->simd >= MLOPS_SIMD_AVX2) {
        rc = mlops_frame_look_avx2(job, look, p, n);

    } else

#endif
    {
        rc = mlops_frame_look_plain(job, look, p, n);
    }

    if (!job->cut) {
        look->at = end;
    }

    return rc;
}


int
mlops_frame_push(mlops_frame_job_t *job, uint64_t off, uint64_t row,
    uint64_t line)
{
    uint32_t              room;
    mlops_frame_chunk_t  *grown;

    if (job->chunks_n == job->chunks_room) {
        room = job->chunks_room ? job->chunks_room * 2 : 64;
        grown = (room > job->chunks_room)
                ? realloc(job->chunks, room * sizeof(mlops_frame_chunk_t))
                : NULL;

        if (grown == NULL) {
            return mlops_err_set(job->err, "%s: out of memory", job->name);
        }

        job->chunks = grown;
        job->chunks_room = room;
    }

    job->chunks[job->chunks_n].off = off;
    job->chunks[job->chunks_n].row = row;
    job->chunks[job->chunks_n].line = line;
    job->chunks_n++;

    return MLOPS_OK;
}
