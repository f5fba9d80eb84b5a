/*
 * The folder of a tuning: whose it is, and what it knows of trials.
 */

#include "mlops_tune.h"
#include "mlops_file.h"
#include "mlops_frame.h"
#include "mlops_folder.h"
#include "mlops_import_job.h"
#include "mlops_model.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static int mlops_tune_folder(const mlops_tune_options_t *options, int *dir,
    int *lock, mlops_err_t *err);
static int mlops_tune_work(const mlops_tune_options_t *options, int dir,
    mlops_err_t *err);
static int mlops_tune_same(const mlops_tune_options_t *options, int dir,
    const char *data, size_t len, mlops_err_t *err);
static int mlops_tune_rows(const char *path, mlops_err_t *err);
static int mlops_tune_digest(const char *path, mlops_import_text_t *text,
    mlops_err_t *err);
static int mlops_tune_write(int dir, const char *name, const char *data,
    size_t len, mlops_err_t *err);
static int mlops_tune_score(mlops_tuned_t *tuned, mlops_tune_trial_t *trial,
    const mlops_model_t *model, mlops_err_t *err);


int
mlops_tune_open(const mlops_tune_options_t *options, const char *data,
    size_t len, int *lock, mlops_err_t *err)
{
    int  rc, dir;

    dir = -1;

    if (mlops_tune_folder(options, &dir, lock, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlops_tune_same(options, dir, data, len, err);

    if (rc == MLOPS_OK) {
        rc = mlops_tune_work(options, dir, err);
    }

    (void) close(dir);

    if (rc != MLOPS_OK) {
        (void) close(*lock);
        *lock = -1;
    }

    return rc;
}


static int
mlops_tune_folder(const mlops_tune_options_t *options, int *dir, int *lock,
    mlops_err_t *err)
{
    if (mkdir(options->state, 0700) == -1 && errno != EEXIST) {
        return mlops_err_set(err, "%s: %s", options->state, strerror(errno));
    }

    *dir = open(options->state, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (*dir == -1) {
        return mlops_err_set(err, "%s: %s", options->state, strerror(errno));
    }

    *lock = mlops_file_lock(*dir, "lock", 0, err);

    if (*lock == -1) {
        (void) close(*dir);

        return mlops_err_prefix(err, "%s: is another run at work there?",
                                options->state);
    }

    return MLOPS_OK;
}


/* The folder of trials' own files, empty.  Only of a tuning that is known to
 * be this one: what the dead have left is removed. */

static int
mlops_tune_work(const mlops_tune_options_t *options, int dir,
    mlops_err_t *err)
{
    int    rc;
    char  *work;

    (void) mlops_file_sweep(dir);

    if (asprintf(&work, "%s/" MLOPS_TUNE_WORK, options->state) == -1) {
        return mlops_err_set(err, "out of memory");
    }

    mlops_folder_remove(work);

    rc = (mkdir(work, 0700) == -1)
         ? mlops_err_set(err, "%s: %s", work, strerror(errno)) : MLOPS_OK;

    free(work);

    return rc;
}


/* Writes tune.json, or compares it with the one that is there.  A folder that
 * has none, but what a tuning would take for its own, is somebody else's. */

static int
mlops_tune_same(const mlops_tune_options_t *options, int dir,
    const char *data, size_t len, mlops_err_t *err)
{
    int                   rc, fd;
    char                 *path, *old;
    size_t                old_len;
    uint32_t              i;
    mlops_import_text_t   text;

    memset(&text, 0, sizeof(text));

    mlops_import_text(&text, "{\"recipe\":{");
    mlops_import_digest(&text, NULL, data, len);
    mlops_import_text(&text, "},\"rows\":{");

    if (mlops_tune_digest(options->rows, &text, err) != MLOPS_OK) {
        free(text.data);
        return MLOPS_ERROR;
    }

    mlops_import_text(&text, "},\"set\":[");

    for (i = 0; i < options->set_n; i++) {
        mlops_import_text(&text, i ? "," : "");
        mlops_import_quote(&text, options->set[i], strlen(options->set[i]));
    }

    mlops_import_text(&text, "],\"search\":%d,\"seed\":%llu}\n",
                      (int) options->search,
                      (unsigned long long) options->seed);

    path = NULL;

    if (text.failed
        || asprintf(&path, "%s/tune.json", options->state) == -1)
    {
        free(text.data);
        return mlops_err_set(err, "out of memory");
    }

    fd = openat(dir, "tune.json", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        rc = (faccessat(dir, MLOPS_TUNE_WORK, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
             ? mlops_err_set(err, "%s: expected a folder of a tuning or a new "
                             "one, got one that has \"" MLOPS_TUNE_WORK
                             "\" but no tune.json", options->state)
             : mlops_tune_write(dir, "tune.json", text.data, text.len, err);

    } else {
        (void) close(fd);
        rc = mlops_import_read(path, &old, &old_len, err);

        if (rc == MLOPS_OK) {

            if (old_len != text.len || memcmp(old, text.data, old_len) != 0) {
                rc = mlops_err_set(err, "%s: expected the same recipe, rows, "
                                   "settings, search and seed as in the run "
                                   "that left this folder, got others; take "
                                   "another --state, or remove this one",
                                   options->state);
            }

            free(old);
        }
    }

    free(path);
    free(text.data);

    return rc;
}


/* The file, or -1.  What can be read once alone is no use to many trials. */

static int
mlops_tune_rows(const char *path, mlops_err_t *err)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK);

    if (fd == -1) {
        (void) mlops_err_set(err, "%s: %s", path, strerror(errno));
        return -1;
    }

    if (fstat(fd, &st) == -1) {
        (void) mlops_err_set(err, "%s: %s", path, strerror(errno));

    } else if (!S_ISREG(st.st_mode)) {
        (void) mlops_frame_no_file(path, st.st_mode, err);

    } else {
        return fd;
    }

    (void) close(fd);

    return -1;
}


/* The file is read piece by piece: it may be larger than memory. */

static int
mlops_tune_digest(const char *path, mlops_import_text_t *text,
    mlops_err_t *err)
{
    int              fd, good;
    char            *buf;
    ssize_t          n;
    uint64_t         all;
    EVP_MD_CTX      *ctx;
    unsigned int     i, md_len;
    unsigned char    md[EVP_MAX_MD_SIZE];

    fd = mlops_tune_rows(path, err);

    if (fd == -1) {
        return MLOPS_ERROR;
    }

    buf = malloc(1 << 20);
    ctx = EVP_MD_CTX_new();
    all = 0;
    n = 0;
    md_len = 0;

    good = (buf != NULL && ctx != NULL
            && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1);

    while (good) {
        n = read(fd, buf, 1 << 20);

        if (n <= 0) {
            break;
        }

        all += (uint64_t) n;
        good = (EVP_DigestUpdate(ctx, buf, (size_t) n) == 1);
    }

    good = good && n == 0 && EVP_DigestFinal_ex(ctx, md, &md_len) == 1;

    if (!good) {
        (void) mlops_err_set(err, "%s: %s", path, n < 0 ? strerror(errno)
                                                        : "no digest");
    }

    EVP_MD_CTX_free(ctx);
    free(buf);
    (void) close(fd);

    mlops_import_text(text, "\"bytes\":%llu,\"sha256\":\"",
                      (unsigned long long) all);

    for (i = 0; i < md_len; i++) {
        mlops_import_text(text, "%02x", md[i]);
    }

    mlops_import_text(text, "\"");

    return good ? MLOPS_OK : MLOPS_ERROR;
}


static int
mlops_tune_write(int dir, const char *name, const char *data, size_t len,
    mlops_err_t *err)
{
    char  tmp[MLOPS_TMP_SIZE];

    if (mlops_file_write(dir, data, len, 0644, (uid_t) -1, (gid_t) -1, 1, tmp,
                         err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_fault("tune.commit");

    return mlops_file_commit(dir, tmp, name, 0, 1, err);
}


char *
mlops_tune_path(const mlops_tune_options_t *options, mlops_tuned_t *tuned,
    uint32_t number, const char *ending)
{
    char  *text, *copy;

    if (asprintf(&text, "%s/trial-%u.%s", options->state, number, ending)
        == -1)
    {
        return NULL;
    }

    copy = mlops_arena_copy(&tuned->arena, text, strlen(text));
    free(text);

    return copy;
}


/* MLOPS_AGAIN: nothing yet. */

int
mlops_tune_known(const mlops_tune_options_t *options, mlops_tuned_t *tuned,
    mlops_tune_trial_t *trial, mlops_err_t *err)
{
    int               rc;
    char             *path, *why;
    size_t            len;
    mlops_model_t    *model;
    mlops_map_file_t  map;

    path = mlops_tune_path(options, tuned, trial->number, "failed");

    if (path == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    if (access(path, F_OK) == 0) {

        if (mlops_import_read(path, &why, &len, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        trial->failed = 1;
        trial->why = mlops_arena_copy(&tuned->arena, why, len);
        free(why);

        return trial->why ? MLOPS_OK : mlops_err_set(err, "out of memory");
    }

    path = mlops_tune_path(options, tuned, trial->number, "mlm");

    if (path == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    if (access(path, F_OK) == -1) {
        return MLOPS_AGAIN;
    }

    if (mlops_file_map(&map, AT_FDCWD, path, MLOPS_IMAGE_MAX, 0, (uid_t) -1,
                       err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    model = mlops_model_open(map.data, map.len, err);
    rc = MLOPS_ERROR;

    if (model != NULL) {
        rc = mlops_tune_score(tuned, trial, model, err);
        mlops_model_destroy(model);
    }

    mlops_file_unmap(&map);

    return (rc == MLOPS_OK) ? rc : mlops_err_prefix(err, "%s", path);
}


/* The metric, as training wrote it into the facts.  One that is not there, or
 * not defined, is this trial's failure; no file tells of it, since by another
 * metric the image may be judged. */

static int
mlops_tune_score(mlops_tuned_t *tuned, mlops_tune_trial_t *trial,
    const mlops_model_t *model, mlops_err_t *err)
{
    char                why[128];
    mlops_doc_t        *facts;
    mlops_str_t         text;
    mlops_arena_t       arena;
    const mlops_doc_t  *part, *value;

    mlops_arena_init(&arena, NULL, NULL);
    text = mlops_model_facts(model);
    facts = mlops_doc_parse(text.data, text.len, MLOPS_DOC_TOKENS, &arena,
                            err);

    if (facts == NULL) {
        mlops_arena_destroy(&arena);
        return MLOPS_ERROR;
    }

    part = mlops_doc_get(mlops_doc_get(mlops_doc_get(facts, "metadata"),
                                       "training"), "metrics");
    value = mlops_doc_get(mlops_doc_get(mlops_doc_get(part, tuned->judge),
                                        tuned->metric), "value");

    if (value != NULL && value->type != MLOPS_DOC_NULL
        && mlops_doc_double(value, &trial->value) == MLOPS_OK)
    {
        trial->done = 1;

    } else {
        (void) snprintf(why, sizeof(why), "trial %u: %s is not defined, or "
                        "not finite, over its rows of \"%s\"",
                        trial->number, tuned->metric, tuned->judge);

        trial->failed = 1;
        trial->why = mlops_arena_copy(&tuned->arena, why, strlen(why));
    }

    mlops_arena_destroy(&arena);

    return (trial->done || trial->why) ? MLOPS_OK
                                       : mlops_err_set(err, "out of memory");
}


int
mlops_tune_failed(const mlops_tune_options_t *options, mlops_tuned_t *tuned,
    mlops_tune_trial_t *trial, const char *why, mlops_err_t *err)
{
    int   rc, dir;
    char  name[32];

    trial->failed = 1;
    trial->why = mlops_arena_copy(&tuned->arena, why, strlen(why));

    if (trial->why == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    dir = open(options->state, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        return mlops_err_set(err, "%s: %s", options->state, strerror(errno));
    }

    (void) snprintf(name, sizeof(name), "trial-%u.failed", trial->number);
    rc = mlops_tune_write(dir, name, why, strlen(why), err);
    (void) close(dir);

    return rc;
}
