/*
 * Running a command: our side of the pipes, its deadline, what it prints.
 */

#include "mlops_child_keeper.h"
#include "mlops_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>


#define MLOPS_CHILD_TICK_MS   100
#define MLOPS_CHILD_LOOK_MS   500       /* from one look at the folder */
#define MLOPS_CHILD_LOST_MS   30000     /* a keeper that says nothing */
#define MLOPS_CHILD_LEVELS    16        /* of folders looked into */
#define MLOPS_CHILD_LINE      160       /* of the last line, in a sentence */


struct mlops_child_job_s {
    mlops_child_options_t   options;
    pid_t                   keeper;
    int                     out;
    int                     record;
    uint64_t                deadline;
    uint64_t                looked;
    uint64_t                asked;      /* when it was to end, or 0 */
    int                     recorded;
    mlops_child_record_t    how;
    mlops_child_t           child;
};


static void mlops_child_read(mlops_child_job_t *job);
static void mlops_child_print(mlops_child_job_t *job, const char *text,
    size_t len);
static int mlops_child_record(mlops_child_job_t *job);
static void mlops_child_ask(mlops_child_job_t *job, mlops_child_end_t why);
static void mlops_child_check(mlops_child_job_t *job);
static uint64_t mlops_child_folder(int at, const char *name,
    uint32_t levels);
static void mlops_child_tail(mlops_child_t *child, const char *text,
    size_t len);
static void mlops_child_free(mlops_child_job_t *job);
static size_t mlops_child_line(const mlops_child_t *child, char *line);


static uint64_t
mlops_child_ms(void)
{
    return mlops_clock_ns() / 1000000;
}


int
mlops_child_run(const mlops_child_options_t *options, mlops_child_t *child,
    mlops_err_t *err)
{
    mlops_child_job_t  *job;

    job = mlops_child_start(options, err);

    if (job == NULL) {
        return MLOPS_ERROR;
    }

    while (mlops_child_look(job, child) == MLOPS_AGAIN) {
        mlops_child_wait(&job, 1, MLOPS_CHILD_TICK_MS);
    }

    return MLOPS_OK;
}


mlops_child_job_t *
mlops_child_start(const mlops_child_options_t *options, mlops_err_t *err)
{
    int                 out[2], record[2], parent;
    sigset_t            all, before;
    mlops_child_job_t  *job;

    job = calloc(1, sizeof(*job));

    if (job == NULL) {
        (void) mlops_err_set(err, "out of memory");
        return NULL;
    }

    job->options = *options;
    job->out = -1;
    job->record = -1;

    if (pipe2(out, O_CLOEXEC) == -1) {
        (void) mlops_err_set(err, "pipe: %s", strerror(errno));
        mlops_child_free(job);
        return NULL;
    }

    if (pipe2(record, O_CLOEXEC) == -1) {
        (void) mlops_err_set(err, "pipe: %s", strerror(errno));
        (void) close(out[0]);
        (void) close(out[1]);
        mlops_child_free(job);
        return NULL;
    }

    job->out = out[0];
    job->record = record[0];

    (void) fcntl(job->out, F_SETFL, O_NONBLOCK);
    (void) fcntl(job->record, F_SETFL, O_NONBLOCK);

    /* a keeper that is asked to end at once would do what we do on the
     * signal: it waits for it instead */

    (void) fflush(NULL);
    parent = getpid();

    sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);

    job->keeper = fork();

    if (job->keeper == 0) {
        mlops_child_keep(options, parent, out[1], record[1]);
    }

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    (void) close(out[1]);
    (void) close(record[1]);

    if (job->keeper == -1) {
        (void) mlops_err_set(err, "fork: %s", strerror(errno));
        mlops_child_free(job);
        return NULL;
    }

    if (options->timeout_ms != 0) {
        job->deadline = mlops_child_ms() + options->timeout_ms;
    }

    return job;
}


void
mlops_child_wait(mlops_child_job_t *const *jobs, uint32_t n, uint64_t ms)
{
    uint32_t       i;
    struct pollfd  fds[64];

    if (n > mlops_nitems(fds) / 2) {
        n = mlops_nitems(fds) / 2;
    }

    for (i = 0; i < n; i++) {
        fds[2 * i].fd = jobs[i]->out;
        fds[2 * i].events = POLLIN;
        fds[2 * i + 1].fd = jobs[i]->record;
        fds[2 * i + 1].events = POLLIN;
    }

    (void) poll(fds, 2 * n, (int) (ms < 1000 ? ms : 1000));
}


int
mlops_child_look(mlops_child_job_t *job, mlops_child_t *child)
{
    mlops_child_read(job);

    if (!mlops_child_record(job)) {
        mlops_child_check(job);
        return MLOPS_AGAIN;
    }

    /* the keeper has ended, and with it all that could print */

    mlops_child_read(job);

    while (waitpid(job->keeper, NULL, 0) == -1 && errno == EINTR) {
        /* void */
    }

    *child = job->child;

    if (!job->recorded) {
        child->end = child->end ? child->end : MLOPS_CHILD_SIGNALLED;
        child->status = SIGKILL;

    } else if (job->how.failed) {
        child->end = MLOPS_CHILD_NOT_FOUND;
        child->status = job->how.failed;

    } else if (child->end == MLOPS_CHILD_EXITED) {
        child->end = WIFSIGNALED(job->how.status) ? MLOPS_CHILD_SIGNALLED
                                                  : MLOPS_CHILD_EXITED;
        child->status = WIFSIGNALED(job->how.status)
                        ? WTERMSIG(job->how.status)
                        : WEXITSTATUS(job->how.status);
    }

    child->left_n = job->how.left_n;
    child->cpu_ms = job->how.cpu_ms;
    child->peak_bytes = job->how.peak_bytes;

    mlops_child_free(job);

    return MLOPS_OK;
}


void
mlops_child_end(mlops_child_job_t *job)
{
    mlops_child_ask(job, MLOPS_CHILD_STOPPED);
}


/* Takes what there is, but no more than a turn's worth of a flood. */

static void
mlops_child_read(mlops_child_job_t *job)
{
    char      buf[65536];
    ssize_t   n;
    uint32_t  turns;

    for (turns = 0; job->out != -1 && turns < 64; turns++) {
        n = read(job->out, buf, sizeof(buf));

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1 && errno == EAGAIN) {
            return;
        }

        if (n <= 0) {
            (void) close(job->out);
            job->out = -1;
            return;
        }

        mlops_child_print(job, buf, (size_t) n);
        job->child.printed += (uint64_t) n;
        mlops_child_tail(&job->child, buf, (size_t) n);

        if (job->options.output != 0
            && job->child.printed > job->options.output)
        {
            mlops_child_ask(job, MLOPS_CHILD_FLOOD);
        }
    }
}


/* No more than what may be printed: a flood goes on until it is ended. */

static void
mlops_child_print(mlops_child_job_t *job, const char *text, size_t len)
{
    uint64_t                      left;
    const mlops_child_options_t  *options;

    options = &job->options;

    if (options->output != 0) {
        left = (job->child.printed < options->output)
               ? options->output - job->child.printed : 0;
        len = (len < left) ? len : (size_t) left;
    }

    if (options->print != NULL && len != 0) {
        options->print(options->ctx, text, len);
    }
}


static void
mlops_child_tail(mlops_child_t *child, const char *text, size_t len)
{
    size_t  keep;

    if (len >= MLOPS_CHILD_TAIL) {
        memcpy(child->tail, text + len - MLOPS_CHILD_TAIL, MLOPS_CHILD_TAIL);
        child->tail_len = MLOPS_CHILD_TAIL;
        return;
    }

    keep = MLOPS_CHILD_TAIL - len;
    keep = (child->tail_len < keep) ? child->tail_len : keep;

    memmove(child->tail, child->tail + child->tail_len - keep, keep);
    memcpy(child->tail + keep, text, len);
    child->tail_len = keep + len;
}


/* True once the keeper has closed its end.  A failed exec writes before it
 * does. */

static int
mlops_child_record(mlops_child_job_t *job)
{
    ssize_t               n;
    mlops_child_record_t  how;

    for ( ;; ) {
        n = read(job->record, &how, sizeof(how));

        if (n == (ssize_t) sizeof(how)) {

            if (job->how.failed) {
                how.failed = job->how.failed;
            }

            job->how = how;
            job->recorded = 1;
            continue;
        }

        if (n == -1 && errno == EINTR) {
            continue;
        }

        return !(n == -1 && errno == EAGAIN);
    }
}


static void
mlops_child_ask(mlops_child_job_t *job, mlops_child_end_t why)
{
    if (job->asked == 0) {
        job->asked = mlops_child_ms();
        job->child.end = why;
        (void) kill(job->keeper, SIGTERM);
    }
}


static void
mlops_child_check(mlops_child_job_t *job)
{
    uint64_t                      now;
    const mlops_child_options_t  *options;

    now = mlops_child_ms();
    options = &job->options;

    if (job->asked != 0) {

        if (now - job->asked > options->grace_ms + MLOPS_CHILD_LOST_MS) {
            (void) kill(job->keeper, SIGKILL);
        }

        return;
    }

    if (job->deadline != 0 && now >= job->deadline) {
        mlops_child_ask(job, MLOPS_CHILD_TIMEOUT);

    } else if (options->stop != NULL && options->stop(options->ctx)) {
        mlops_child_ask(job, MLOPS_CHILD_STOPPED);

    } else if (options->watched != NULL
               && now - job->looked >= MLOPS_CHILD_LOOK_MS)
    {
        job->looked = now;

        if (mlops_child_folder(AT_FDCWD, options->watched,
                               MLOPS_CHILD_LEVELS)
            > options->watched_max)
        {
            mlops_child_ask(job, MLOPS_CHILD_FULL);
        }
    }
}


/* Bytes of the files below a folder, by what they take on disk. */

static uint64_t
mlops_child_folder(int at, const char *name, uint32_t levels)
{
    int             fd;
    DIR            *dir;
    uint64_t        sum;
    struct stat     st;
    struct dirent  *entry;

    fd = openat(at, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    dir = (fd == -1) ? NULL : fdopendir(fd);

    if (dir == NULL) {

        if (fd != -1) {
            (void) close(fd);
        }

        return 0;
    }

    sum = 0;

    while ((entry = readdir(dir)) != NULL) {

        if (strcmp(entry->d_name, ".") == 0
            || strcmp(entry->d_name, "..") == 0
            || fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            continue;
        }

        if (S_ISDIR(st.st_mode)) {
            sum += levels ? mlops_child_folder(fd, entry->d_name, levels - 1)
                          : 0;

        } else if (S_ISREG(st.st_mode)) {
            sum += (uint64_t) st.st_blocks * 512;
        }
    }

    (void) closedir(dir);

    return sum;
}


static void
mlops_child_free(mlops_child_job_t *job)
{
    if (job->out != -1) {
        (void) close(job->out);
    }

    if (job->record != -1) {
        (void) close(job->record);
    }

    free(job);
}


int
mlops_child_told(const mlops_child_t *child,
    const mlops_child_options_t *options, const char *name, mlops_err_t *err)
{
    char         line[MLOPS_CHILD_LINE + 32], said[sizeof(line) + 32];
    const char  *why;

    said[0] = '\0';

    if (mlops_child_line(child, line) != 0) {
        (void) snprintf(said, sizeof(said), "; it said last: %s", line);
    }

    switch (child->end) {

    case MLOPS_CHILD_EXITED:

        if (child->status == 0) {
            return MLOPS_OK;
        }

        return mlops_err_set(err, "%s: expected exit code 0, got %d%s", name,
                             child->status, said);

    case MLOPS_CHILD_SIGNALLED:
        why = (child->status == SIGXFSZ) ? ": a file passed its limit"
              : (child->status == SIGXCPU) ? ": its CPU time passed the limit"
              : (child->status == SIGKILL) ? ", not by us: perhaps memory was "
                                             "out" : "";

        return mlops_err_set(err, "%s: was ended by signal %d (%s)%s%s", name,
                             child->status, strsignal(child->status), why,
                             said);

    case MLOPS_CHILD_TIMEOUT:
        return mlops_err_set(err, "%s: was ended after %.10g s, its timeout%s",
                             name, (double) options->timeout_ms / 1000, said);

    case MLOPS_CHILD_STOPPED:
        return mlops_err_set(err, "%s: was ended because the run was", name);

    case MLOPS_CHILD_FLOOD:
        return mlops_err_set(err, "%s: was ended because it printed more than "
                             "%llu bytes%s", name,
                             (unsigned long long) options->output, said);

    case MLOPS_CHILD_FULL:
        return mlops_err_set(err, "%s: was ended because its files took more "
                             "than %llu bytes%s", name,
                             (unsigned long long) options->watched_max, said);

    default:
        return mlops_err_set(err, "%s: cannot be run: %s", name,
                             strerror(child->status));
    }
}


/* The last line that is not empty, quoted. */

static size_t
mlops_child_line(const mlops_child_t *child, char *line)
{
    size_t       len;
    const char  *start, *end;

    end = child->tail + child->tail_len;

    while (end > child->tail && (end[-1] == '\n' || end[-1] == '\r'
                                 || end[-1] == ' '))
    {
        end--;
    }

    for (start = end; start > child->tail && start[-1] != '\n'; start--) {
        /* void */
    }

    len = (size_t) (end - start);

    if (len == 0) {
        return 0;
    }

    len = (len < MLOPS_CHILD_LINE) ? len : MLOPS_CHILD_LINE;

    return (size_t) snprintf(line, MLOPS_CHILD_LINE + 32, "\"%.*s\"",
                             (int) len, start);
}
