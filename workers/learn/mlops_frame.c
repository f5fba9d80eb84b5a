/*
 * Reading a frame: the order of the passes, memory, threads.
 */

#include "mlops_frame_job.h"
#include "mlops_num.h"
#include "mlops_simd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_FRAME_THREADS  256
#define MLOPS_FRAME_HUGE     (4u << 20)     /* columns from here on ask for
                                               huge pages */


typedef struct {
    mlops_arena_t   arena;
    void           *cells;          /* mapped: all columns */
    size_t          cells_len;
    void           *lines;          /* mapped, or NULL */
    size_t          lines_len;
} mlops_frame_own_t;


static int mlops_frame_run(mlops_frame_job_t *job);
static int mlops_frame_values(mlops_frame_job_t *job);
static int mlops_frame_count(mlops_frame_job_t *job);
static int mlops_frame_once(mlops_frame_job_t *job);
static int mlops_frame_twice_over(mlops_frame_job_t *job);
static void mlops_frame_give_back(mlops_frame_job_t *job);
static int mlops_frame_pass_all(mlops_frame_job_t *job);
static int mlops_frame_workers(mlops_frame_job_t *job,
    mlops_frame_worker_t *workers, uint32_t n);
static int mlops_frame_settle(mlops_frame_job_t *job,
    mlops_frame_worker_t *workers, uint32_t n, uint32_t *texts);
static void mlops_frame_views(mlops_frame_job_t *job);


int
mlops_frame_read(mlops_frame_t *frame, const char *path,
    const mlops_frame_options_t *options, mlops_err_t *err)
{
    int                  rc;
    struct stat          st, now;
    mlops_frame_job_t    job;
    mlops_frame_pipe_t   pipe;

    memset(frame, 0, sizeof(*frame));
    memset(&job, 0, sizeof(job));
    memset(&pipe, 0, sizeof(pipe));

    job.frame = frame;
    job.options = options;
    job.name = path;
    job.err = err;
    job.fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK);

    if (job.fd == -1) {
        return mlops_err_set(err, "%s: cannot open: %s", path,
                             strerror(errno));
    }

    if (fstat(job.fd, &st) == -1) {
        rc = mlops_err_set(err, "%s: cannot stat: %s", path, strerror(errno));
        goto done;
    }

    if (S_ISFIFO(st.st_mode) && !options->again) {
        rc = mlops_frame_pipe_read(&pipe, &job);

        if (rc == MLOPS_OK) {
            rc = mlops_frame_run(&job);
        }

        goto done;
    }

    if (!S_ISREG(st.st_mode)) {
        rc = mlops_frame_no_file(path, st.st_mode, err);
        goto done;
    }

    job.len = (uint64_t) st.st_size;
    (void) posix_fadvise(job.fd, 0, 0, POSIX_FADV_SEQUENTIAL);

    rc = mlops_frame_run(&job);

    if (rc == MLOPS_OK
        && (fstat(job.fd, &now) == -1 || now.st_size != st.st_size
            || now.st_mtim.tv_sec != st.st_mtim.tv_sec
            || now.st_mtim.tv_nsec != st.st_mtim.tv_nsec))
    {
        rc = mlops_err_set(err, "%s was changed while it was read", path);
    }

done:

    mlops_frame_pipe_free(&pipe);
    (void) close(job.fd);

    if (rc != MLOPS_OK) {
        mlops_frame_free(frame);
    }

    return rc;
}


int
mlops_frame_no_file(const char *path, mode_t mode, mlops_err_t *err)
{
    return mlops_err_set(err, "%s: expected a regular file, got %s", path,
                         S_ISDIR(mode) ? "a directory"
                         : S_ISFIFO(mode)
                         ? "a pipe, which can be read but once: write its "
                           "rows to a file first"
                         : S_ISCHR(mode) ? "a device" : "something else");
}


int
mlops_frame_parse(mlops_frame_t *frame, const char *name, const char *data,
    size_t len, const mlops_frame_options_t *options, mlops_err_t *err)
{
    mlops_frame_job_t  job;

    memset(frame, 0, sizeof(*frame));
    memset(&job, 0, sizeof(job));

    job.frame = frame;
    job.options = options;
    job.name = name;
    job.err = err;
    job.fd = -1;
    job.data = data;
    job.len = len;

    if (mlops_frame_run(&job) != MLOPS_OK) {
        mlops_frame_free(frame);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


void
mlops_frame_free(mlops_frame_t *frame)
{
    mlops_frame_own_t  *own;

    own = frame->own;

    if (own != NULL) {

        if (own->cells != NULL) {
            (void) munmap(own->cells, own->cells_len);
        }

        if (own->lines != NULL) {
            (void) munmap(own->lines, own->lines_len);
        }

        mlops_arena_destroy(&own->arena);
        free(own);
    }

    memset(frame, 0, sizeof(*frame));
}


int
mlops_frame_find(const mlops_frame_t *frame, const mlops_str_t *name)
{
    uint32_t  i;

    for (i = 0; i < frame->columns_n; i++) {
        if (mlops_str_eq(&frame->columns[i].view.name, name->data,
                         name->len))
        {
            return (int) i;
        }
    }

    return -1;
}


uint64_t
mlops_frame_line(const mlops_frame_t *frame, uint64_t row)
{
    return (frame->lines != NULL) ? frame->lines[row]
                                  : row + frame->first_line;
}


static int
mlops_frame_run(mlops_frame_job_t *job)
{
    int                 rc;
    mlops_frame_own_t  *own;

    own = calloc(1, sizeof(*own));

    if (own == NULL) {
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    mlops_arena_init(&own->arena, NULL, NULL);
    job->arena = &own->arena;
    job->frame->own = own;
    job->frame->bytes = job->len;
    job->simd = mlops_simd_level();
    job->target = job->options->chunk_bytes ? job->options->chunk_bytes
                                            : MLOPS_FRAME_CHUNK;

    rc = MLOPS_ERROR;

    if (mlops_frame_values(job) != MLOPS_OK) {
        goto done;
    }

    if (job->options->threads <= 1 && job->options->rows_max == 0) {
        rc = mlops_frame_once(job);

    } else {
        rc = MLOPS_AGAIN;
    }

    if (rc == MLOPS_AGAIN) {
        rc = mlops_frame_twice_over(job);
    }

    if (rc == MLOPS_OK) {
        mlops_frame_views(job);
    }

done:

    free(job->chunks);
    free(job->owners);

    return rc;
}


/* The cells once, and columns that turn out to be texts once more. */

static int
mlops_frame_once(mlops_frame_job_t *job)
{
    int                    rc;
    uint32_t               texts;
    mlops_frame_worker_t   worker;

    memset(&worker, 0, sizeof(worker));
    worker.job = job;
    texts = 0;

    rc = mlops_frame_stream(job, &worker);

    if (rc == MLOPS_OK) {
        rc = mlops_frame_count(job);
    }

    if (rc == MLOPS_OK) {
        mlops_frame_give_back(job);
        rc = mlops_frame_settle(job, &worker, 1, &texts);
    }

    mlops_frame_worker_free(&worker);

    return (rc == MLOPS_OK && texts != 0) ? mlops_frame_pass_all(job) : rc;
}


/* Where rows end, then the cells. */

static int
mlops_frame_twice_over(mlops_frame_job_t *job)
{
    job->frame->columns_n = 0;

    if (mlops_frame_look(job) != MLOPS_OK
        || mlops_frame_some(job) != MLOPS_OK
        || mlops_frame_names(job) != MLOPS_OK
        || mlops_frame_count(job) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    job->rows_room = job->frame->rows_n;

    if (mlops_frame_room(job, 0) != MLOPS_OK
        || (job->uneven && mlops_frame_lines(job, 0) != MLOPS_OK)
        || mlops_frame_sniff(job) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_frame_pass_all(job);
}


/* Texts for "missing" that are numbers mean those numbers. */

static int
mlops_frame_values(mlops_frame_job_t *job)
{
    double    x;
    uint32_t  i;

    job->values = mlops_arena_alloc(job->arena, job->options->missing_n
                                                * sizeof(double));

    if (job->values == NULL) {
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    for (i = 0; i < job->options->missing_n; i++) {
        if (mlops_number(&job->options->missing[i], &x) == MLOPS_OK
            && x == x)
        {
            job->values[job->values_n++] = x;
        }
    }

    return MLOPS_OK;
}


int
mlops_frame_some(mlops_frame_job_t *job)
{
    if (job->chunks_n == 0 || job->chunks[job->chunks_n].row == 0) {
        return mlops_err_set(job->err, "%s: expected %s, got an empty %s",
                             job->name, (job->options->header == NULL)
                                        ? "a line of names" : "rows",
                             job->piped ? "pipe" : "file");
    }

    return MLOPS_OK;
}


/* The names are read before: a stray quote among them counts as no row. */

static int
mlops_frame_count(mlops_frame_job_t *job)
{
    uint64_t  rows, names, max;

    names = job->names_n;
    rows = job->chunks[job->chunks_n].row;
    max = job->options->rows_max;

    if (max == 0 || max > UINT32_MAX - 1) {
        max = UINT32_MAX - 1;
    }

    if (rows == names) {
        return mlops_err_set(job->err, "%s: expected at least one row below "
                             "the names, got none", job->name);
    }

    job->frame->rows_n = rows - names;

    if (job->frame->rows_n > max) {
        return mlops_err_set(job->err, "%s: expected at most %llu rows, got "
                             "%llu", job->name, (unsigned long long) max,
                             (unsigned long long) job->frame->rows_n);
    }

    return MLOPS_OK;
}


static size_t
mlops_frame_size(const mlops_frame_field_t *field)
{
    return (field->wide && field->kind != MLOPS_FRAME_CODES) ? 8 : 4;
}


/* Columns of equal size would begin at the same place of their pages, and all
 * cells of a row would fight for one set of the first cache. */

int
mlops_frame_room(mlops_frame_job_t *job, int spare)
{
    char                 *p;
    size_t                len;
    uint32_t              i;
    uint64_t              rows;
    mlops_frame_own_t    *own;
    mlops_frame_field_t  *field;

    own = job->frame->own;
    rows = job->rows_room;
    len = 64;

    for (i = 0; i < job->fields_n; i++) {
        field = &job->fields[i];

        if (field->kind != MLOPS_FRAME_SKIP) {
            len += mlops_align(rows * mlops_frame_size(field), 64) + 64;
        }
    }

    own->cells_len = len;
    own->cells = mmap(NULL, len, PROT_READ|PROT_WRITE,
                      MAP_PRIVATE|MAP_ANONYMOUS|(spare ? MAP_NORESERVE : 0),
                      -1, 0);

    if (own->cells == MAP_FAILED) {
        own->cells = NULL;

        return spare ? MLOPS_AGAIN
                     : mlops_err_set(job->err, "%s: out of memory: %llu rows "
                                     "of %u columns need %zu bytes",
                                     job->name, (unsigned long long) rows,
                                     job->frame->columns_n, len);
    }

    if (spare) {
        rows = (job->len - job->start)
               / ((job->chunks[1].off - job->chunks[0].off)
                  / (job->chunks[1].row + 1) + 1);
    }

    if (rows * sizeof(double) >= MLOPS_FRAME_HUGE) {
        (void) madvise(own->cells, own->cells_len, MADV_HUGEPAGE);
    }

    p = own->cells;

    for (i = 0; i < job->fields_n; i++) {
        field = &job->fields[i];

        if (field->kind != MLOPS_FRAME_SKIP) {
            field->data = p;
            p += mlops_align(job->rows_room * mlops_frame_size(field), 64)
                 + 64;
        }
    }

    return MLOPS_OK;
}


int
mlops_frame_lines(mlops_frame_job_t *job, uint64_t before)
{
    uint64_t            i;
    mlops_frame_own_t  *own;

    own = job->frame->own;
    own->lines_len = (job->rows_room + 1) * sizeof(uint32_t);
    own->lines = mmap(NULL, own->lines_len, PROT_READ|PROT_WRITE,
                      MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (own->lines == MAP_FAILED) {
        own->lines = NULL;
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    job->frame->lines = own->lines;

    for (i = 0; i + job->names_n < before; i++) {
        job->frame->lines[i] = (uint32_t) (i + job->names_n + 1);
    }

    return MLOPS_OK;
}


/* Huge pages may reach beyond the rows of a column. */

static void
mlops_frame_give_back(mlops_frame_job_t *job)
{
    char                       *from, *to;
    size_t                      page;
    uint32_t                    i;
    const mlops_frame_field_t  *field;

    page = (size_t) sysconf(_SC_PAGESIZE);

    for (i = 0; i < job->fields_n; i++) {
        field = &job->fields[i];

        if (field->kind == MLOPS_FRAME_SKIP) {
            continue;
        }

        from = (char *) field->data
               + job->frame->rows_n * mlops_frame_size(field);
        to = (char *) field->data + job->rows_room * mlops_frame_size(field);

        from = (char *) (((uintptr_t) from + page - 1)
                         & ~(uintptr_t) (page - 1));
        to = (char *) ((uintptr_t) to & ~(uintptr_t) (page - 1));

        if (from < to) {
            (void) madvise(from, (size_t) (to - from), MADV_DONTNEED);
        }
    }
}


/* What the first rows say of columns whose type is to be found: a text among
 * them is final. */

int
mlops_frame_sniff(mlops_frame_job_t *job)
{
    uint32_t               i, texts;
    mlops_frame_worker_t   worker;

    for (i = 0; i < job->fields_n; i++) {
        if (job->fields[i].kind == MLOPS_FRAME_GUESS) {
            break;
        }
    }

    if (i == job->fields_n) {
        return MLOPS_OK;
    }

    if (mlops_frame_worker_init(&worker, job, 0) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    /* an error will be met again */

    worker.rows_max = MLOPS_FRAME_SNIFF;
    (void) mlops_frame_chunk(&worker, 0);

    texts = 0;

    for (i = 0; i < job->fields_n; i++) {
        if (worker.texts[i]) {
            job->fields[i].kind = MLOPS_FRAME_CODES;
            texts++;
        }
    }

    mlops_frame_worker_free(&worker);

    return MLOPS_OK;
}


/* One pass over all columns, and where numbers turned out to be texts another
 * one over those. */

static int
mlops_frame_pass_all(mlops_frame_job_t *job)
{
    int                    rc;
    uint32_t               i, n, done, texts;
    mlops_frame_worker_t  *workers;

    n = job->options->threads;

    if (n == 0) {
        n = 1;
    }

    if (n > MLOPS_FRAME_THREADS) {
        n = MLOPS_FRAME_THREADS;
    }

    if (n > job->chunks_n) {
        n = job->chunks_n;
    }

    workers = calloc(n, sizeof(*workers));
    job->owners = calloc(job->chunks_n, sizeof(uint32_t));

    if (workers == NULL || job->owners == NULL) {
        free(workers);
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    do {
        texts = 0;
        rc = MLOPS_OK;

        for (done = 0; done < n && rc == MLOPS_OK; done++) {
            rc = mlops_frame_worker_init(&workers[done], job, done);
        }

        if (rc == MLOPS_OK) {
            rc = mlops_frame_workers(job, workers, n);
        }

        if (rc == MLOPS_OK) {
            rc = mlops_frame_settle(job, workers, n, &texts);
        }

        for (i = 0; i < done; i++) {
            mlops_frame_worker_free(&workers[i]);
        }

    } while (rc == MLOPS_OK && texts != 0);

    free(workers);

    return rc;
}


/* Chunks are taken in the order of the file, until one fails. */

static void *
mlops_frame_work(void *data)
{
    uint32_t               chunk, stop;
    mlops_frame_job_t     *job;
    mlops_frame_worker_t  *worker;

    worker = data;
    job = worker->job;

    for ( ;; ) {

        /* relaxed: only numbers are handed out; the results are passed on by
         * pthread_join */

        chunk = atomic_fetch_add_explicit(&job->next, 1,
                                          memory_order_relaxed);

        if (chunk >= atomic_load_explicit(&job->stop, memory_order_relaxed)) {
            return NULL;
        }

        job->owners[chunk] = worker->number;

        if (mlops_frame_chunk(worker, chunk) != MLOPS_OK) {
            worker->rc = MLOPS_ERROR;
            worker->chunk = chunk;

            stop = atomic_load_explicit(&job->stop, memory_order_relaxed);

            while (chunk < stop
                   && !atomic_compare_exchange_weak_explicit(&job->stop,
                              &stop, chunk, memory_order_relaxed,
                              memory_order_relaxed))
            {
                /* void */
            }

            return NULL;
        }
    }
}


/* The last of several threads takes the digest before it helps. */

static void *
mlops_frame_work_digest(void *data)
{
    mlops_frame_worker_t  *worker;

    worker = data;

    if (mlops_frame_digest(worker->job, &worker->err) != MLOPS_OK) {
        worker->rc = MLOPS_ERROR;
        worker->chunk = UINT32_MAX;
        return NULL;
    }

    return mlops_frame_work(worker);
}


static int
mlops_frame_workers(mlops_frame_job_t *job, mlops_frame_worker_t *workers,
    uint32_t n)
{
    int                          digest;
    uint32_t                     i, started;
    pthread_t                    threads[MLOPS_FRAME_THREADS];
    const mlops_frame_worker_t  *failed;

    atomic_store_explicit(&job->next, 0, memory_order_relaxed);
    atomic_store_explicit(&job->stop, job->chunks_n, memory_order_relaxed);

    digest = !job->digested && !job->options->undigested;
    job->digested = 1;

    for (started = 1; started < n; started++) {
        if (pthread_create(&threads[started], NULL,
                           (digest && started == n - 1)
                           ? mlops_frame_work_digest : mlops_frame_work,
                           &workers[started])
            != 0)
        {
            break;
        }
    }

    /* fewer threads are slower, no error */

    (void) ((digest && started < n) || (digest && n == 1)
            ? mlops_frame_work_digest(&workers[0])
            : mlops_frame_work(&workers[0]));

    for (i = 1; i < started; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    failed = NULL;

    for (i = 0; i < n; i++) {
        if (workers[i].rc != MLOPS_OK
            && (failed == NULL || workers[i].chunk < failed->chunk))
        {
            failed = &workers[i];
        }
    }

    if (failed != NULL) {
        return mlops_err_set(job->err, "%s", failed->err.text);
    }

    return MLOPS_OK;
}


int
mlops_frame_worker_init(mlops_frame_worker_t *worker, mlops_frame_job_t *job,
    uint32_t number)
{
    uint32_t  i;

    memset(worker, 0, sizeof(*worker));

    worker->job = job;
    worker->number = number;
    worker->dicts = calloc(job->fields_n, sizeof(mlops_frame_dict_t));
    worker->missing = calloc(job->fields_n, sizeof(uint64_t));
    worker->texts = calloc(job->fields_n, 1);

    if (worker->dicts == NULL || worker->missing == NULL
        || worker->texts == NULL)
    {
        mlops_frame_worker_free(worker);
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    for (i = 0; i < job->fields_n; i++) {
        mlops_frame_dict_init(&worker->dicts[i]);
    }

    return MLOPS_OK;
}


void
mlops_frame_worker_free(mlops_frame_worker_t *worker)
{
    uint32_t  i;

    for (i = 0; worker->dicts != NULL && i < worker->job->fields_n; i++) {
        mlops_frame_dict_free(&worker->dicts[i]);
    }

    free(worker->dicts);
    free(worker->missing);
    free(worker->texts);
    free(worker->index);
    mlops_frame_unload(worker);
    memset(worker, 0, sizeof(*worker));
}


/* Columns that are complete are passed over in a further pass. */

static int
mlops_frame_settle(mlops_frame_job_t *job, mlops_frame_worker_t *workers,
    uint32_t n, uint32_t *texts)
{
    uint32_t               f, i, seen;
    uint64_t               missing;
    mlops_frame_field_t   *field;
    mlops_frame_column_t  *column;

    for (f = 0; f < job->fields_n; f++) {
        field = &job->fields[f];

        if (field->kind == MLOPS_FRAME_SKIP) {
            continue;
        }

        for (i = 0, seen = 0, missing = 0; i < n; i++) {
            seen |= workers[i].texts[f];
            missing += workers[i].missing[f];
        }

        if (seen) {
            field->kind = MLOPS_FRAME_CODES;
            (*texts)++;
            continue;
        }

        column = &job->frame->columns[field->column];
        column->missing_n = missing;
        column->view.data = field->data;

        if (field->kind == MLOPS_FRAME_CODES) {

            if (mlops_frame_codes(job, workers, n, f) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            column->view.kind = MLOPS_MATRIX_CODES;
            column->type = MLOPS_TYPE_BYTES;

        } else if (field->wide) {
            column->view.kind = MLOPS_MATRIX_DOUBLE;
            column->type = MLOPS_TYPE_FP64;

        } else {
            column->view.kind = MLOPS_MATRIX_FLOAT;
            column->type = MLOPS_TYPE_FP32;
        }

        field->kind = MLOPS_FRAME_SKIP;
    }

    return MLOPS_OK;
}


static void
mlops_frame_views(mlops_frame_job_t *job)
{
    uint32_t           i, j;
    mlops_frame_t     *frame;

    frame = job->frame;
    frame->first_line = job->names_n + 1;
    frame->memory = frame->lines ? frame->rows_n * sizeof(uint32_t) : 0;

    for (i = 0; i < frame->columns_n; i++) {
        frame->memory += frame->rows_n
                         * (frame->columns[i].type == MLOPS_TYPE_FP64 ? 8 : 4)
                         + frame->columns[i].view.categories_n
                           * sizeof(mlops_str_t);

        for (j = 0; j < frame->columns[i].view.categories_n; j++) {
            frame->memory += frame->columns[i].view.categories[j].len;
        }
    }
}
