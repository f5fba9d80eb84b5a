/*
 * The import of a file: reading, telling the kind, the two passes.
 */

#include "mlops_import_job.h"
#include "mlops_xgboost.h"
#include "mlops_ubjson.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static int mlops_import_kind(mlops_import_job_t *job);
static int mlops_import_passes(mlops_import_job_t *job, void **image,
    size_t *len);
static int mlops_import_pass(mlops_import_job_t *job, int last, void **image,
    size_t *len);
static const mlops_import_stat_t *mlops_import_stat_of(
    const mlops_import_job_t *job, uint32_t cell);


int
mlops_import_file(const char *path, const mlops_import_options_t *options,
    void **image, size_t *len, mlops_import_report_t *report,
    mlops_err_t *err)
{
    int      rc;
    char    *data;
    size_t   data_len;

    if (mlops_import_read(path, &data, &data_len, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlops_import_data(data, data_len, path, options, image, len, report,
                           err);
    free(data);

    return rc;
}


int
mlops_import_data(const char *data, size_t data_len, const char *path,
    const mlops_import_options_t *options, void **image, size_t *len,
    mlops_import_report_t *report, mlops_err_t *err)
{
    int                      rc;
    mlops_arena_t            arena;
    mlops_import_job_t       job;
    mlops_import_report_t    unread;
    mlops_import_options_t   none;

    memset(&none, 0, sizeof(none));
    memset(&job, 0, sizeof(job));

    mlops_arena_init(&arena, NULL, NULL);

    job.options = options ? options : &none;
    job.report = report ? report : &unread;
    job.arena = &arena;
    job.err = err;
    job.path = path;
    job.data = data;
    job.len = data_len;

    memset(job.report, 0, sizeof(*job.report));
    *image = NULL;

    rc = mlops_import_kind(&job);

    if (rc != MLOPS_OK && path != NULL) {
        (void) mlops_err_prefix(err, "%s", path);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_import_passes(&job, image, len);
    }

    if (rc != MLOPS_OK) {
        *image = NULL;
    }

    free(job.facts.data);
    mlops_arena_destroy(&arena);

    return rc;
}


int
mlops_import_read(const char *path, char **data, size_t *len,
    mlops_err_t *err)
{
    int          fd;
    char        *p;
    size_t       size, done;
    ssize_t      n;
    struct stat  st;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK);

    if (fd == -1) {
        return mlops_err_set(err, "%s: %s", path, strerror(errno));
    }

    p = NULL;

    if (fstat(fd, &st) == -1) {
        (void) mlops_err_set(err, "%s: %s", path, strerror(errno));
        goto failed;
    }

    if (!S_ISREG(st.st_mode) || (uint64_t) st.st_size > MLOPS_IMPORT_FILE_MAX)
    {
        (void) mlops_err_set(err, "%s: expected a regular file of at most %llu"
                             " bytes, got %s", path, MLOPS_IMPORT_FILE_MAX,
                             S_ISDIR(st.st_mode) ? "a folder"
                             : S_ISREG(st.st_mode) ? "a larger one"
                                                   : "another kind");
        goto failed;
    }

    size = (size_t) st.st_size;

    p = malloc(size + 1);
    if (p == NULL) {
        (void) mlops_err_set(err, "%s: no memory for %zu bytes", path, size);
        goto failed;
    }

    for (done = 0; done < size; done += (size_t) n) {
        n = read(fd, p + done, size - done);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            (void) mlops_err_set(err, "%s: %s", path,
                                 n ? strerror(errno)
                                   : "the file shrank while it was read");
            goto failed;
        }
    }

    (void) close(fd);

    p[size] = '\0';
    *data = p;
    *len = size;

    return MLOPS_OK;

failed:

    free(p);
    (void) close(fd);

    return MLOPS_ERROR;
}


/* An object of JSON goes on with white space, a quote or a brace; one of
 * UBJSON with the marker of a length, a count, or nothing at all. */

mlops_doc_t *
mlops_import_parse(const char *data, size_t len, mlops_arena_t *arena,
    mlops_err_t *err)
{
    size_t  i;

    i = (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) ? 3 : 0;

    if (len == 0) {
        (void) mlops_err_set(err, "expected a model file, got an empty one");
        return NULL;
    }

    if (len >= 4 && memcmp(data, "binf", 4) == 0) {
        (void) mlops_err_set(err, "expected XGBoost's JSON or UBJSON, got its "
                             "old binary format: load it with that library "
                             "and save_model(\"model.json\")");
        return NULL;
    }

    if (data[0] == (char) 0x80) {
        (void) mlops_err_set(err, "expected a model file, got a pickle, which "
                             "is a program: load it with the library that "
                             "made it and save_model(\"model.json\")");
        return NULL;
    }

    if (len >= 2 && data[0] == '{' && memchr("LlIiU#N", data[1], 7) != NULL) {
        return mlops_ubjson_parse(data, len, arena, err);
    }

    return mlops_doc_parse(data + i, len - i,
                           MLOPS_DOC_TOKENS|MLOPS_DOC_PACK, arena, err);
}


static int
mlops_import_kind(mlops_import_job_t *job)
{
    mlops_doc_t  *doc;

    doc = mlops_import_parse(job->data, job->len, job->arena, job->err);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    if (mlops_xgboost_sniff(doc)) {
        return mlops_import_xgboost(job, doc);
    }

    if (mlops_doc_get(doc, "recipe") != NULL) {

        if (mlops_doc_unpack(doc, job->arena, job->err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        return mlops_import_recipe(job, doc);
    }

    return mlops_err_set(job->err, "expected an XGBoost model (an object with "
                         "learner.gradient_booster) or a recipe (an object "
                         "with the key recipe), got %s without either",
                         mlops_doc_type_name(doc));
}


static int
mlops_import_passes(mlops_import_job_t *job, void **image, size_t *len)
{
    int             rc;
    mlops_model_t  *model;

    if (job->options->rows == NULL && job->options->reference == NULL
        && job->options->held == NULL)
    {
        return mlops_import_pass(job, 1, image, len);
    }

    if (mlops_import_pass(job, 0, image, len) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = MLOPS_ERROR;
    model = mlops_model_open(*image, *len, job->err);

    if (model != NULL) {
        rc = MLOPS_OK;

        if (job->options->rows != NULL) {
            rc = mlops_import_rows(job, model);
        }

        if (rc == MLOPS_OK && job->options->reference != NULL) {
            rc = mlops_import_reference(job, model);
        }

        if (rc == MLOPS_OK && job->options->held != NULL) {
            rc = mlops_import_held(job, model);
        }

        mlops_model_destroy(model);
    }

    free(*image);
    *image = NULL;

    return (rc == MLOPS_OK) ? mlops_import_pass(job, 1, image, len) : rc;
}


static int
mlops_import_pass(mlops_import_job_t *job, int last, void **image,
    size_t *len)
{
    int                         rc;
    uint32_t                    i;
    mlops_builder_t            *builder;
    const mlops_import_stat_t  *stat;

    builder = mlops_builder_create();
    if (builder == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    job->inputs_n = 0;
    job->facts.len = 0;

    mlops_import_text(&job->facts, "{");

    if (job->options->name != NULL) {
        mlops_import_text(&job->facts, "\"name\":");
        mlops_import_quote(&job->facts, job->options->name,
                           strlen(job->options->name));
        mlops_import_text(&job->facts, ",");
    }

    rc = job->emit(job, builder);

    if (rc == MLOPS_OK && last) {

        for (i = 0; job->stats != NULL && i < job->inputs_n; i++) {
            stat = mlops_import_stat_of(job, i);

            if (stat != NULL && stat->bins_n != 0) {
                mlops_builder_histogram(builder, i, stat->bins_n, stat->edges,
                                        stat->counts, stat->missing,
                                        stat->rows);
            }
        }

        for (i = 0; i < job->golden_n; i++) {
            mlops_builder_golden(builder, job->golden[i].signature,
                                 job->golden[i].cells, job->golden[i].present,
                                 job->golden[i].text, job->golden[i].results,
                                 job->golden[i].results_text);
        }

        if (job->golden_loose) {
            mlops_builder_tolerance(builder, job->tol_abs, job->tol_rel);
        }
    }

    mlops_import_text(&job->facts, "}");

    if (rc == MLOPS_OK && job->facts.failed) {
        rc = mlops_err_set(job->err, "out of memory");
    }

    if (rc == MLOPS_OK) {
        mlops_builder_facts(builder, job->facts.data, job->facts.len);
        rc = mlops_builder_finish(builder, image, len, job->err);
    }

    if (rc != MLOPS_OK && job->path != NULL) {
        (void) mlops_err_prefix(job->err, "%s", job->path);
    }

    mlops_builder_destroy(builder);

    return rc;
}


uint32_t
mlops_import_input(mlops_import_job_t *job, mlops_builder_t *builder,
    const mlops_column_t *column)
{
    mlops_column_t              known;
    const mlops_import_stat_t  *stat;

    known = *column;
    stat = job->stats ? mlops_import_stat_of(job, job->inputs_n) : NULL;

    if (stat != NULL && stat->lo <= stat->hi
        && !(known.flags & MLOPS_COLUMN_RANGE))
    {
        known.flags |= MLOPS_COLUMN_RANGE;
        known.lo = stat->lo;
        known.hi = stat->hi;
    }

    job->inputs_n++;

    return mlops_builder_input(builder, &known);
}


/* Mostly the default signature takes all inputs in order. */

static const mlops_import_stat_t *
mlops_import_stat_of(const mlops_import_job_t *job, uint32_t cell)
{
    uint32_t  i;

    if (cell < job->cells_n && job->cells[cell] == cell) {
        return &job->stats[cell];
    }

    for (i = 0; i < job->cells_n; i++) {
        if (job->cells[i] == cell) {
            return &job->stats[i];
        }
    }

    return NULL;
}
