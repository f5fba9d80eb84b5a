/*
 * The bytes of a pipe, all of them: they come once, and cells of texts are
 * looked at twice.
 *
 * The pipe is not blocking.  One that nobody writes to yet is no end: Linux
 * says POLLHUP of a pipe only when a writer was there since it was opened.
 */

#include "mlops_frame_job.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>


#define MLOPS_FRAME_PIPE     (1u << 20)     /* bytes at first */
#define MLOPS_FRAME_TICK_MS  200


static int mlops_frame_pipe_grow(mlops_frame_pipe_t *pipe,
    const mlops_frame_job_t *job);
static int mlops_frame_pipe_wait(const mlops_frame_job_t *job);


int
mlops_frame_pipe_read(mlops_frame_pipe_t *pipe, mlops_frame_job_t *job)
{
    ssize_t  n;

    memset(pipe, 0, sizeof(*pipe));

    for ( ;; ) {

        if (pipe->len == pipe->room
            && mlops_frame_pipe_grow(pipe, job) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (mlops_frame_pipe_wait(job) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        n = read(job->fd, pipe->data + pipe->len, pipe->room - pipe->len);

        if (n > 0) {
            pipe->len += (size_t) n;
            continue;
        }

        if (n == 0) {
            break;
        }

        if (errno != EINTR && errno != EAGAIN) {
            return mlops_err_set(job->err, "%s: cannot read: %s", job->name,
                                 strerror(errno));
        }
    }

    job->data = pipe->data;
    job->len = pipe->len;
    job->piped = 1;

    return MLOPS_OK;
}


void
mlops_frame_pipe_free(mlops_frame_pipe_t *pipe)
{
    if (pipe->data != NULL) {
        (void) munmap(pipe->data, pipe->room);
    }

    memset(pipe, 0, sizeof(*pipe));
}


/* By a quarter, and pages are moved, not copied: what is mapped and not
 * filled takes no memory. */

static int
mlops_frame_pipe_grow(mlops_frame_pipe_t *pipe, const mlops_frame_job_t *job)
{
    void    *p;
    size_t   room;

    room = mlops_align(pipe->room + pipe->room / 4, MLOPS_FRAME_PIPE);
    room = room ? room : MLOPS_FRAME_PIPE;

    p = (pipe->data == NULL)
        ? mmap(NULL, room, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS,
               -1, 0)
        : mremap(pipe->data, pipe->room, room, MREMAP_MAYMOVE);

    if (p == MAP_FAILED) {
        return mlops_err_set(job->err, "%s: out of memory for the pipe's "
                             "bytes, of which %zu were read: write its rows "
                             "to a file first", job->name, pipe->len);
    }

    pipe->data = p;
    pipe->room = room;

    return MLOPS_OK;
}


/* Until there is something, or an end. */

static int
mlops_frame_pipe_wait(const mlops_frame_job_t *job)
{
    int                           rc;
    struct pollfd                 fds;
    const mlops_frame_options_t  *options;

    options = job->options;

    do {

        if (options->stop != NULL && options->stop(options->ctx)) {
            return mlops_err_set(job->err, "stopped");
        }

        memset(&fds, 0, sizeof(fds));
        fds.fd = job->fd;
        fds.events = POLLIN;

        rc = poll(&fds, 1, MLOPS_FRAME_TICK_MS);

        if (rc == -1 && errno != EINTR) {
            return mlops_err_set(job->err, "%s: cannot poll: %s", job->name,
                                 strerror(errno));
        }

    } while (rc <= 0);

    return MLOPS_OK;
}
