/*
 * A frame by one thread: each chunk is looked at and parsed while its bytes
 * are in the cache, so that the file is read once.
 *
 * How many rows there are is not known then.  Columns get addresses for as
 * many as the file's length allows (a row has at least one byte a field),
 * memory for what is written alone.  Where addresses are short, the way of
 * several threads is gone, which counts first: MLOPS_AGAIN.
 */

#include "mlops_frame_job.h"

#include <stdlib.h>


typedef struct {
    mlops_frame_job_t     *job;
    mlops_frame_worker_t  *worker;
    mlops_frame_look_t     look;
    char                  *buffer;      /* behind MLOPS_FRAME_PAD bytes */
    size_t                 room;        /* of it, and as many behind */
    size_t                 have;
    uint64_t               from;        /* place of its first byte */
    uint32_t               done;        /* chunks */
} mlops_frame_stream_t;


static int mlops_frame_stream_blocks(mlops_frame_stream_t *stream);
static int mlops_frame_stream_more(mlops_frame_stream_t *stream, size_t n);
static int mlops_frame_stream_chunk(mlops_frame_stream_t *stream);
static int mlops_frame_stream_begin(mlops_frame_stream_t *stream);


int
mlops_frame_stream(mlops_frame_job_t *job, mlops_frame_worker_t *worker)
{
    int                    rc;
    mlops_frame_stream_t   stream;

    memset(&stream, 0, sizeof(stream));
    stream.job = job;
    stream.worker = worker;

    rc = mlops_frame_look_start(job, &stream.look);

    if (rc == MLOPS_OK && !job->options->undigested) {
        rc = mlops_frame_hash_start(job, job->err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_frame_stream_blocks(&stream);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_frame_hash_end(job, job->err);
        job->digested = 1;
    }

    mlops_frame_hash_free(job);

    if (stream.buffer != NULL) {
        free(stream.buffer - MLOPS_FRAME_PAD);
    }

    /* it was the stream's */

    worker->buffer = NULL;

    return rc;
}


static int
mlops_frame_stream_blocks(mlops_frame_stream_t *stream)
{
    int                  rc;
    size_t               n, rest;
    uint64_t             off, lines;
    const char          *p;
    mlops_frame_job_t   *job;

    job = stream->job;

    for (off = 0; off < job->len && !job->cut; off += n) {
        n = mlops_align(job->target, 64);

        if (n > job->len - off) {
            n = (size_t) (job->len - off);
        }

        if (mlops_frame_stream_more(stream, n) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (off + n == job->len) {
            break;
        }

        if (stream->look.last <= job->chunks[stream->done].off) {

            if (stream->have > MLOPS_FRAME_ROW_MAX) {
                job->cut = 1;
            }

            continue;
        }

        /* line ends behind the last row are those of the next one */

        rest = stream->have - (size_t) (stream->look.last - stream->from);
        lines = 0;

        for (p = stream->buffer + stream->have - rest;
             p < stream->buffer + stream->have; p++)
        {
            lines += (*p == '\n');
        }

        if (mlops_frame_push(job, stream->look.last, stream->look.row,
                             stream->look.line - lines)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        /* the chunk that begins there is not complete */

        job->chunks_n--;
        rc = mlops_frame_stream_chunk(stream);
        job->chunks_n++;

        if (rc != MLOPS_OK) {
            return rc;
        }

        memmove(stream->buffer, stream->buffer + stream->have - rest, rest);
        stream->have = rest;
        stream->from = stream->look.last;
    }

    if (mlops_frame_look_end(job, &stream->look) != MLOPS_OK
        || mlops_frame_some(job) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return (stream->done < job->chunks_n) ? mlops_frame_stream_chunk(stream)
                                          : MLOPS_OK;
}


/* The next n bytes. */

static int
mlops_frame_stream_more(mlops_frame_stream_t *stream, size_t n)
{
    char                *grown;
    size_t               room;
    mlops_frame_job_t   *job;

    job = stream->job;

    if (stream->have + n + 64 > stream->room) {
        room = (stream->have + n + 64) * 2;
        grown = malloc(MLOPS_FRAME_PAD + room + MLOPS_FRAME_PAD);

        if (grown == NULL) {
            return mlops_err_set(job->err, "%s: out of memory for a row of "
                                 "%zu bytes", job->name, stream->have + n);
        }

        memset(grown, 0, MLOPS_FRAME_PAD);

        if (stream->buffer != NULL) {
            memcpy(grown + MLOPS_FRAME_PAD, stream->buffer, stream->have);
            free(stream->buffer - MLOPS_FRAME_PAD);
        }

        stream->buffer = grown + MLOPS_FRAME_PAD;
        stream->room = room;
    }

    grown = stream->buffer + stream->have;

    if (mlops_frame_fetch(job, grown, stream->look.at, n, job->err)
        != MLOPS_OK
        || mlops_frame_hash_more(job, grown, n, job->err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    /* what a vector or a number reads beyond the end */

    memset(grown + n, '\n', 1 + MLOPS_FRAME_PAD);
    stream->have += n;

    return mlops_frame_look_more(job, &stream->look, grown, n);
}


/* Parses the chunk that is next, from the buffer. */

static int
mlops_frame_stream_chunk(mlops_frame_stream_t *stream)
{
    int                          rc;
    size_t                       n;
    mlops_frame_job_t           *job;
    mlops_frame_worker_t        *worker;
    const mlops_frame_chunk_t   *chunk;

    job = stream->job;
    worker = stream->worker;
    chunk = &job->chunks[stream->done];

    if (stream->done == 0) {
        rc = mlops_frame_stream_begin(stream);

        if (rc != MLOPS_OK) {
            return rc;
        }

        chunk = &job->chunks[0];
    }

    if (job->uneven && job->frame->lines == NULL
        && mlops_frame_lines(job, chunk->row) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    n = (size_t) (chunk[1].off - chunk->off);
    worker->buffer = stream->buffer + (chunk->off - stream->from);
    worker->stop = worker->buffer + n
                   + (chunk[1].off == job->len && !job->cut);
    worker->end = worker->buffer + n + 1 + MLOPS_FRAME_PAD;

    if (mlops_frame_rows(worker, stream->done) != MLOPS_OK) {
        return mlops_err_set(job->err, "%s", worker->err.text);
    }

    stream->done++;

    return MLOPS_OK;
}


/* Names and columns, when the first chunk is there. */

static int
mlops_frame_stream_begin(mlops_frame_stream_t *stream)
{
    int                  rc;
    mlops_frame_job_t   *job;

    job = stream->job;

    if (mlops_frame_names(job) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    job->rows_room = (job->len - job->start) / job->fields_n + 2;

    rc = mlops_frame_room(job, 1);

    if (rc == MLOPS_OK) {
        rc = mlops_frame_sniff(job);
    }

    return (rc == MLOPS_OK) ? mlops_frame_worker_init(stream->worker, job, 0)
                            : rc;
}
