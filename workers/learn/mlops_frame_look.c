/*
 * Where rows end: the first pass over the bytes of a frame's file.
 *
 * Of 64 bytes, one bit each says: a line feed, a quote, a carriage return.
 * Whether a byte is within quotes is the parity of the quotes before it
 * (Langdale and Lemire, "Parsing gigabytes of JSON per second", 2019), which
 * holds for every file without a stray quote; one with a stray quote is
 * refused in the next pass, where it is, whatever was counted here.
 */

#include "mlops_frame_job.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif


#define MLOPS_FRAME_BLOCK  (256u * 1024)    /* a multiple of 64 */


typedef struct {
    uint64_t  feed;
    uint64_t  cr;
    uint64_t  quote;
} mlops_frame_bits_t;


/* What is known at the start of 64 bytes. */

typedef struct {
    uint64_t  at;                   /* their place in the file */
    uint64_t  row;
    uint64_t  line;
    uint64_t  next;                 /* cut behind the first row that ends
                                       here or later */
    uint64_t  inside;               /* all ones: within quotes */
    uint64_t  ended;                /* 1: the byte before ends a line */
    uint64_t  started;              /* 1: it is a CR that begins one */
    unsigned  blank:1;              /* an empty line was seen */
} mlops_frame_look_t;


static int mlops_frame_look_blocks(mlops_frame_job_t *job,
    mlops_frame_look_t *look, EVP_MD_CTX *md);
static int mlops_frame_look_end(mlops_frame_job_t *job,
    mlops_frame_look_t *look);
static int mlops_frame_look_bits(mlops_frame_job_t *job,
    mlops_frame_look_t *look, const char *p, uint64_t valid);
static int mlops_frame_push(mlops_frame_job_t *job, uint64_t off,
    uint64_t row, uint64_t line);


int
mlops_frame_fetch(const mlops_frame_job_t *job, char *to, uint64_t off,
    size_t n, mlops_err_t *err)
{
    ssize_t  got;

    if (job->fd == -1) {
        memcpy(to, job->data + off, n);
        return MLOPS_OK;
    }

    while (n != 0) {
        got = pread(job->fd, to, n, (off_t) off);

        if (got == 0) {
            return mlops_err_set(err, "%s was changed while it was read: "
                                 "expected %llu bytes, got %llu", job->name,
                                 (unsigned long long) job->len,
                                 (unsigned long long) off);
        }

        if (got < 0) {

            if (errno == EINTR) {
                continue;
            }

            return mlops_err_set(err, "%s: cannot read: %s", job->name,
                                 strerror(errno));
        }

        to += got;
        off += (uint64_t) got;
        n -= (size_t) got;
    }

    return MLOPS_OK;
}


void
mlops_frame_unload(mlops_frame_worker_t *worker)
{
    if (worker->buffer != NULL) {
        free(worker->buffer - MLOPS_FRAME_PAD);
        worker->buffer = NULL;
    }
}


int
mlops_frame_load(mlops_frame_worker_t *worker, uint32_t chunk,
    mlops_err_t *err)
{
    char               *grown;
    size_t              n, room;
    mlops_frame_job_t  *job;

    job = worker->job;
    n = (size_t) (job->chunks[chunk + 1].off - job->chunks[chunk].off);
    room = MLOPS_FRAME_PAD + n + 1 + MLOPS_FRAME_PAD;

    if (room > worker->room) {
        grown = malloc(room);

        if (grown == NULL) {
            return mlops_err_set(err, "%s: out of memory for a row of %zu "
                                 "bytes", job->name, n);
        }

        memset(grown, 0, MLOPS_FRAME_PAD);
        mlops_frame_unload(worker);
        worker->buffer = grown + MLOPS_FRAME_PAD;
        worker->room = room;
    }

    if (mlops_frame_fetch(job, worker->buffer, job->chunks[chunk].off, n, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    memset(worker->buffer + n, '\n', 1 + MLOPS_FRAME_PAD);

    /* the line end that the last line may lack */

    worker->stop = worker->buffer + n
                   + (chunk + 1 == job->chunks_n && !job->cut);
    worker->end = worker->buffer + n + 1 + MLOPS_FRAME_PAD;

    return MLOPS_OK;
}


int
mlops_frame_digest(mlops_frame_job_t *job, mlops_err_t *err)
{
    int          rc;
    char        *buffer;
    size_t       n;
    uint64_t     off;
    EVP_MD_CTX  *md;

    buffer = malloc(MLOPS_FRAME_BLOCK);
    md = EVP_MD_CTX_new();
    rc = MLOPS_ERROR;

    if (buffer == NULL || md == NULL
        || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
    {
        (void) mlops_err_set(err, "%s: out of memory", job->name);
        goto done;
    }

    for (off = 0; off < job->len; off += n) {
        n = MLOPS_FRAME_BLOCK;

        if (n > job->len - off) {
            n = (size_t) (job->len - off);
        }

        if (mlops_frame_fetch(job, buffer, off, n, err) != MLOPS_OK) {
            goto done;
        }

        if (EVP_DigestUpdate(md, buffer, n) != 1) {
            (void) mlops_err_set(err, "%s: sha256 failed", job->name);
            goto done;
        }
    }

    if (EVP_DigestFinal_ex(md, job->frame->sha256, NULL) != 1) {
        (void) mlops_err_set(err, "%s: sha256 failed", job->name);
        goto done;
    }

    rc = MLOPS_OK;

done:

    EVP_MD_CTX_free(md);
    free(buffer);

    return rc;
}


/* With one thread the digest is taken here, of bytes that are in the cache;
 * several take it beside the cells. */

int
mlops_frame_look(mlops_frame_job_t *job)
{
    int                  rc;
    EVP_MD_CTX          *md;
    mlops_frame_look_t   look;

    memset(&look, 0, sizeof(look));
    look.line = 1;
    look.ended = 1;

    md = NULL;

    if (job->options->threads <= 1 && !job->options->undigested) {
        md = EVP_MD_CTX_new();

        if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
            EVP_MD_CTX_free(md);
            return mlops_err_set(job->err, "%s: out of memory", job->name);
        }
    }

    rc = mlops_frame_look_blocks(job, &look, md);

    if (rc == MLOPS_OK && md != NULL && !job->cut) {
        job->digested = 1;

        if (EVP_DigestFinal_ex(md, job->frame->sha256, NULL) != 1) {
            rc = mlops_err_set(job->err, "%s: sha256 failed", job->name);
        }
    }

    EVP_MD_CTX_free(md);

    return (rc == MLOPS_OK) ? mlops_frame_look_end(job, &look) : rc;
}


static int
mlops_frame_look_blocks(mlops_frame_job_t *job, mlops_frame_look_t *look,
    EVP_MD_CTX *md)
{
    int       rc;
    char     *p;
    size_t    i, n, skip;
    uint64_t  off;

    static const char  mark[] = "\xef\xbb\xbf";

    p = malloc(MLOPS_FRAME_BLOCK);

    if (p == NULL) {
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    rc = MLOPS_OK;

    for (off = 0; off < job->len && rc == MLOPS_OK && !job->cut; off += n) {
        n = MLOPS_FRAME_BLOCK;

        if (n > job->len - off) {
            n = (size_t) (job->len - off);
            memset(p + n, 0, mlops_align(n, 64) - n);
        }

        if (mlops_frame_fetch(job, p, off, n, job->err) != MLOPS_OK) {
            rc = MLOPS_ERROR;
            break;
        }

        if (md != NULL && EVP_DigestUpdate(md, p, n) != 1) {
            rc = mlops_err_set(job->err, "%s: sha256 failed", job->name);
            break;
        }

        skip = 0;

        if (off == 0) {

            if (n >= 3 && memcmp(p, mark, 3) == 0) {
                skip = 3;
            }

            job->start = skip;
            look->next = job->target;
            rc = mlops_frame_push(job, skip, 0, 1);
        }

        for (i = 0; i < n && rc == MLOPS_OK && !job->cut; i += 64) {
            look->at = off + i;
            rc = mlops_frame_look_bits(job, look, p + i,
                                       (n - i < 64 ? (1ull << (n - i)) - 1
                                                   : UINT64_MAX)
                                       & (UINT64_MAX << skip));
            skip = 0;
        }
    }

    free(p);

    return rc;
}


/* The row that no line end ends (a CR alone is none), and the end of the last
 * chunk. */

static int
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


#if defined(__SSE2__)

static inline uint64_t
mlops_frame_equal(const __m128i v[4], char c)
{
    __m128i  x;

    x = _mm_set1_epi8(c);

    return (uint64_t) (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(v[0], x))
           | (uint64_t) (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(v[1], x))
             << 16
           | (uint64_t) (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(v[2], x))
             << 32
           | (uint64_t) (uint32_t) _mm_movemask_epi8(_mm_cmpeq_epi8(v[3], x))
             << 48;
}


static inline void
mlops_frame_bits(const char *p, mlops_frame_bits_t *bits)
{
    int      i;
    __m128i  v[4];

    for (i = 0; i < 4; i++) {
        v[i] = _mm_loadu_si128((const __m128i *) (p + 16 * i));
    }

    bits->feed = mlops_frame_equal(v, '\n');
    bits->cr = mlops_frame_equal(v, '\r');
    bits->quote = mlops_frame_equal(v, '"');
}

#else

static inline void
mlops_frame_bits(const char *p, mlops_frame_bits_t *bits)
{
    int  i;

    bits->feed = 0;
    bits->cr = 0;
    bits->quote = 0;

    for (i = 0; i < 64; i++) {
        bits->feed |= (uint64_t) (p[i] == '\n') << i;
        bits->cr |= (uint64_t) (p[i] == '\r') << i;
        bits->quote |= (uint64_t) (p[i] == '"') << i;
    }
}

#endif


/* 64 bytes at p, of which valid ones count; at most those at the very start
 * and end of the file are not. */

static int
mlops_frame_look_bits(mlops_frame_job_t *job, mlops_frame_look_t *look,
    const char *p, uint64_t valid)
{
    int                  bit, top;
    uint64_t             inside, out, before, starts, blank, ends, cut;
    mlops_frame_bits_t   bits;

    mlops_frame_bits(p, &bits);
    bits.feed &= valid;
    bits.cr &= valid;
    bits.quote &= valid;

    if (mlops_unlikely(valid == 0)) {
        return MLOPS_OK;
    }

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

    if (look->at + 64 > look->next) {
        cut = ends;

        if (look->next > look->at) {
            cut &= UINT64_MAX << (look->next - look->at);
        }

        if (cut != 0) {
            bit = __builtin_ctzll(cut);
            cut ^= cut - 1;
            look->next = look->at + (uint64_t) bit + 1 + job->target;

            if (mlops_frame_push(job, look->at + (uint64_t) bit + 1,
                     look->row + (uint64_t) __builtin_popcountll(ends & cut),
                     look->line
                     + (uint64_t) __builtin_popcountll(bits.feed & cut))
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

        } else if (look->at - look->next > MLOPS_FRAME_ROW_MAX
                   && look->at > look->next)
        {
            job->cut = 1;
            return MLOPS_OK;
        }
    }

    look->row += (uint64_t) __builtin_popcountll(ends);
    look->line += (uint64_t) __builtin_popcountll(bits.feed);

    return MLOPS_OK;
}


static int
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
