/*
 * The bytes of a frame's file: reading them, and their sha256.
 */

#include "mlops_frame_job.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>


#define MLOPS_FRAME_BLOCK  (256u * 1024)


int
mlops_frame_fetch(const mlops_frame_job_t *job, char *to, uint64_t off,
    size_t n, mlops_err_t *err)
{
    ssize_t  got;

    if (job->data != NULL) {
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
mlops_frame_hash_start(mlops_frame_job_t *job, mlops_err_t *err)
{
    job->md = EVP_MD_CTX_new();

    if (job->md == NULL
        || EVP_DigestInit_ex(job->md, EVP_sha256(), NULL) != 1)
    {
        return mlops_err_set(err, "%s: out of memory", job->name);
    }

    return MLOPS_OK;
}


int
mlops_frame_hash_more(mlops_frame_job_t *job, const char *p, size_t n,
    mlops_err_t *err)
{
    if (job->md != NULL && EVP_DigestUpdate(job->md, p, n) != 1) {
        return mlops_err_set(err, "%s: sha256 failed", job->name);
    }

    return MLOPS_OK;
}


int
mlops_frame_hash_end(mlops_frame_job_t *job, mlops_err_t *err)
{
    if (job->md == NULL) {
        return MLOPS_OK;
    }

    if (EVP_DigestFinal_ex(job->md, job->frame->sha256, NULL) != 1) {
        return mlops_err_set(err, "%s: sha256 failed", job->name);
    }

    return MLOPS_OK;
}


void
mlops_frame_hash_free(mlops_frame_job_t *job)
{
    EVP_MD_CTX_free(job->md);
    job->md = NULL;
}


int
mlops_frame_digest(mlops_frame_job_t *job, mlops_err_t *err)
{
    int        rc;
    char      *buffer;
    size_t     n;
    uint64_t   off;

    buffer = malloc(MLOPS_FRAME_BLOCK);

    if (buffer == NULL) {
        return mlops_err_set(err, "%s: out of memory", job->name);
    }

    rc = mlops_frame_hash_start(job, err);

    for (off = 0; off < job->len && rc == MLOPS_OK; off += n) {
        n = MLOPS_FRAME_BLOCK;

        if (n > job->len - off) {
            n = (size_t) (job->len - off);
        }

        rc = mlops_frame_fetch(job, buffer, off, n, err);

        if (rc == MLOPS_OK) {
            rc = mlops_frame_hash_more(job, buffer, n, err);
        }
    }

    if (rc == MLOPS_OK) {
        rc = mlops_frame_hash_end(job, err);
    }

    mlops_frame_hash_free(job);
    free(buffer);

    return rc;
}
