/*
 * Files that a recipe's steps name, against what images say of them.
 */

#include "mlops_learn_start.h"
#include "mlops_file.h"
#include "mlops_fit_key.h"
#include "mlops_trained.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_LEARN_START_FILES  4          /* of a step */


/* The image in the place that the run's will take. */

typedef struct {
    mlops_map_file_t   map;
    mlops_model_t     *model;
    mlops_trained_t    trained;
} mlops_learn_place_t;


static int mlops_learn_apart_step(mlops_learn_recipe_t *recipe, uint32_t i,
    int aside, mlops_apart_t *files, uint32_t *n);
static int mlops_learn_apart_model(mlops_learn_recipe_t *recipe, uint32_t i,
    const char *plain, uint32_t k, mlops_apart_t *file);
static int mlops_learn_apart_taken(const mlops_learn_recipe_t *recipe);
static int mlops_learn_starts_step(mlops_learn_run_t *run, uint32_t i);
static int mlops_learn_start_one(mlops_learn_run_t *run, uint32_t i);
static int mlops_learn_start_made(mlops_learn_run_t *run, uint32_t i,
    const mlops_str_t *path);
static int mlops_learn_start_state(mlops_learn_run_t *run,
    const mlops_str_t *path);
static int mlops_learn_once_step(mlops_learn_run_t *run, uint32_t i,
    const mlops_learn_place_t *place);
static int mlops_learn_once_said(mlops_learn_run_t *run,
    const mlops_str_t *start, const char *digest,
    const mlops_learn_place_t *place, const mlops_doc_t *step);
static int mlops_learn_place_open(mlops_learn_place_t *place,
    mlops_learn_run_t *run);
static void mlops_learn_place_close(mlops_learn_place_t *place);
static int mlops_learn_same_rows(const mlops_learn_run_t *run,
    const mlops_str_t *sha256);
static int mlops_learn_dir(mlops_learn_run_t *run, const mlops_str_t *path,
    char name[PATH_MAX]);
static int mlops_learn_digest(mlops_learn_run_t *run,
    const mlops_str_t *path, char digest[MLOPS_FIT_DIGEST]);


/* A path as a step has it; NULL: none. */

static const mlops_str_t *
mlops_learn_path(const mlops_learn_recipe_t *recipe, uint32_t i,
    const char *key)
{
    const mlops_doc_t  *doc;

    if (recipe->steps[i].fitter == NULL && strcmp(key, "file") != 0) {
        return NULL;
    }

    doc = mlops_doc_get(recipe->steps[i].doc, key);

    return (doc != NULL && doc->type == MLOPS_DOC_STRING) ? &doc->v.text
                                                          : NULL;
}


/* The same as the program opens it. */

static char *
mlops_learn_full(const mlops_learn_recipe_t *recipe, const mlops_str_t *path)
{
    char        *full;
    size_t       len;
    const char  *folder;

    folder = recipe->folder;

    if (folder == NULL || strcmp(folder, ".") == 0) {
        folder = "";
    }

    len = strlen(folder);
    full = mlops_arena_alloc(recipe->arena, len + path->len + 2);

    if (full != NULL) {
        (void) snprintf(full, len + path->len + 2, "%s%s%.*s", folder,
                        (len != 0 && folder[len - 1] != '/') ? "/" : "",
                        mlops_fmt(path));
    }

    return full;
}


int
mlops_learn_apart(mlops_learn_recipe_t *recipe, const mlops_apart_t *files,
    uint32_t files_n, const char *plain, int aside)
{
    uint32_t        i, n, models;
    mlops_apart_t  *all;

    n = files_n;
    all = mlops_arena_calloc(recipe->arena,
                             (size_t) n + (size_t) recipe->steps_n
                                          * MLOPS_LEARN_START_FILES + 1,
                             sizeof(mlops_apart_t));
    if (all == NULL) {
        return mlops_err_set(recipe->err, "out of memory");
    }

    if (n != 0) {
        memcpy(all, files, n * sizeof(mlops_apart_t));
    }

    for (i = 0, models = 0; i < recipe->steps_n; i++) {
        if (mlops_learn_apart_step(recipe, i, aside, all, &n) != MLOPS_OK) {
            return mlops_err_set(recipe->err, "out of memory");
        }

        if (!mlops_str_is(&recipe->steps[i].fit, "exec")) {
            continue;
        }

        if (plain != NULL
            && mlops_learn_apart_model(recipe, i, plain, models, &all[n++])
               != MLOPS_OK)
        {
            return mlops_err_set(recipe->err, "out of memory");
        }

        models++;
    }

    if (models != 0 && mlops_learn_apart_taken(recipe) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_apart_check(all, n, recipe->err);
}


/* The model of a command, beside the plain recipe. */

static int
mlops_learn_apart_model(mlops_learn_recipe_t *recipe, uint32_t i,
    const char *plain, uint32_t k, mlops_apart_t *file)
{
    char  *path, *what;

    path = mlops_learn_beside(plain, k);

    if (path == NULL) {
        return MLOPS_ERROR;
    }

    what = mlops_arena_alloc(recipe->arena, 80);
    file->path = mlops_arena_copy(recipe->arena, path, strlen(path));
    file->what = what;
    file->written = 1;

    free(path);

    if (what == NULL || file->path == NULL) {
        return MLOPS_ERROR;
    }

    (void) snprintf(what, 80, "the model of steps[%u] beside --recipe-out",
                    i);

    return MLOPS_OK;
}


/* While it trains, models of commands have names of the run. */

static int
mlops_learn_apart_taken(const mlops_learn_recipe_t *recipe)
{
    uint32_t            i;
    const mlops_str_t  *file;

    for (i = 0; i < recipe->steps_n; i++) {

        if (recipe->steps[i].fitter != NULL) {
            continue;
        }

        file = mlops_learn_path(recipe, i, "file");

        if (file != NULL && mlops_learn_beside_taken(file)) {
            return mlops_err_set(recipe->err, "steps[%u].file: expected "
                                 "another name than exec-N.model, which "
                                 "models of the recipe's commands have, got "
                                 "\"%.*s\"", i, mlops_fmt(file));
        }
    }

    return MLOPS_OK;
}


static int
mlops_learn_apart_step(mlops_learn_recipe_t *recipe, uint32_t i, int aside,
    mlops_apart_t *files, uint32_t *n)
{
    char                     *what;
    size_t                    k;
    mlops_apart_t            *file;
    const mlops_str_t        *path;
    static const char *const  keys[] = {
        "file", "start", "state"
    };

    for (k = 0; k < mlops_nitems(keys); k++) {
        path = mlops_learn_path(recipe, i, keys[k]);

        if (path == NULL || (k == 2 && aside)) {
            continue;
        }

        what = mlops_arena_alloc(recipe->arena, 32);
        file = &files[(*n)++];
        file->path = mlops_learn_full(recipe, path);
        file->what = what;
        file->written = (k == 2);
        file->pair = i + 1;

        if (what == NULL || file->path == NULL) {
            return MLOPS_ERROR;
        }

        (void) snprintf(what, 32, "steps[%u].%s", i, keys[k]);
    }

    return MLOPS_OK;
}


int
mlops_learn_starts(mlops_learn_run_t *run)
{
    size_t    old, here;
    uint32_t  i;

    if (mlops_learn_apart(&run->recipe, run->options->files,
                          run->options->files_n, run->options->plain,
                          run->aside)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&run->recipe.field, "steps");

    for (i = 0; i < run->recipe.steps_n; i++) {
        here = mlops_field_push_i(&run->recipe.field, i);

        if (mlops_learn_starts_step(run, i) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&run->recipe.field, here);
    }

    mlops_field_pop(&run->recipe.field, old);

    return MLOPS_OK;
}


static int
mlops_learn_starts_step(mlops_learn_run_t *run, uint32_t i)
{
    int                 rc;
    size_t              old;
    const mlops_str_t  *path;

    rc = MLOPS_OK;
    path = mlops_learn_path(&run->recipe, i, "start");

    if (path != NULL && run->options->training != NULL) {
        old = mlops_field_push(&run->recipe.field, "start");
        rc = mlops_learn_start_made(run, i, path);
        mlops_field_pop(&run->recipe.field, old);
    }

    path = mlops_learn_path(&run->recipe, i, "state");

    if (rc == MLOPS_OK && path != NULL && !run->aside) {
        old = mlops_field_push(&run->recipe.field, "state");
        rc = mlops_learn_start_state(run, path);

        if (rc == MLOPS_OK) {
            rc = mlops_learn_start_one(run, i);
        }

        mlops_field_pop(&run->recipe.field, old);
    }

    return rc;
}


/* Is the state that a step leaves the one that it goes on from?  -1: out of
 * memory. */

static int
mlops_learn_replaces(const mlops_learn_recipe_t *recipe, uint32_t i)
{
    char               *one, *two;
    const mlops_str_t  *start, *state;

    start = mlops_learn_path(recipe, i, "start");
    state = mlops_learn_path(recipe, i, "state");

    if (start == NULL || state == NULL) {
        return 0;
    }

    one = mlops_learn_full(recipe, start);
    two = mlops_learn_full(recipe, state);

    return (one != NULL && two != NULL) ? mlops_apart_same(one, two) : -1;
}


/* They cannot be replaced at once. */

static int
mlops_learn_start_one(mlops_learn_run_t *run, uint32_t i)
{
    int  same;

    same = mlops_learn_replaces(&run->recipe, i);

    if (same == -1) {
        return mlops_field_memory(&run->recipe.field);
    }

    if (same && run->replaces != 0) {
        return mlops_field_error(&run->recipe.field, "expected at most one "
                                 "step that replaces the state it starts "
                                 "from, got steps[%u] and steps[%u]: files "
                                 "are not replaced at once; give one of them "
                                 "a state of another name than its start",
                                 (unsigned) run->replaces - 1, (unsigned) i);
    }

    if (same) {
        run->replaces = i + 1;
    }

    return MLOPS_OK;
}


/* What facts say of a step: "parent" or "state", its member "digest" or
 * "path". */

static const mlops_str_t *
mlops_learn_said(const mlops_doc_t *step, const char *key, const char *member)
{
    const mlops_doc_t  *doc;

    doc = mlops_doc_get(step, key);
    doc = doc ? mlops_doc_get(doc, member) : NULL;

    return (doc != NULL && doc->type == MLOPS_DOC_STRING) ? &doc->v.text
                                                          : NULL;
}


/* The first of the steps that facts tell of; NULL: none. */

static const mlops_doc_t *
mlops_learn_said_steps(const mlops_doc_t *training)
{
    const mlops_doc_t  *list;

    list = mlops_doc_get(training, "steps");

    return (list != NULL && list->type == MLOPS_DOC_ARRAY) ? list->v.child
                                                           : NULL;
}


static int
mlops_learn_start_made(mlops_learn_run_t *run, uint32_t i,
    const mlops_str_t *path)
{
    char                digest[MLOPS_FIT_DIGEST];
    int64_t             number;
    const mlops_doc_t  *step, *doc;
    const mlops_str_t  *said;

    said = NULL;
    step = mlops_learn_said_steps(run->options->training);

    for (/* void */ ; step != NULL; step = step->next) {
        doc = mlops_doc_get(step, "step");

        if (doc != NULL && mlops_doc_int(doc, &number) == MLOPS_OK
            && number == (int64_t) i)
        {
            said = mlops_learn_said(step, "parent", "digest");
        }
    }

    if (said == NULL) {
        return MLOPS_OK;
    }

    if (mlops_learn_digest(run, path, digest) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (mlops_str_eq(said, digest, strlen(digest))) {
        return MLOPS_OK;
    }

    return mlops_field_error(&run->recipe.field, "%.*s has the digest %s, "
                             "the image was made from %.*s", mlops_fmt(path),
                             digest, mlops_fmt(said));
}


/* What stands there is replaced by rename(2), when the image is there
 * already: a folder would stay. */

static int
mlops_learn_start_state(mlops_learn_run_t *run, const mlops_str_t *path)
{
    int          dir, rc;
    char         name[PATH_MAX];
    struct stat  st;

    dir = mlops_learn_dir(run, path, name);

    if (dir == -1) {
        return MLOPS_ERROR;
    }

    rc = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
    (void) close(dir);

    if (strlen(name) > NAME_MAX - strlen(MLOPS_LEARN_LOCK)) {
        return mlops_field_error(&run->recipe.field, "expected a name of at "
                                 "most %zu bytes, got %zu",
                                 NAME_MAX - strlen(MLOPS_LEARN_LOCK),
                                 strlen(name));
    }

    if (rc == 0 && !S_ISREG(st.st_mode)) {
        return mlops_field_error(&run->recipe.field, "expected a file, got "
                                 "\"%.*s\"", mlops_fmt(path));
    }

    return MLOPS_OK;
}


int
mlops_learn_once(mlops_learn_run_t *run)
{
    int                   rc;
    mlops_learn_place_t   place;

    if (run->options->image == NULL || run->aside) {
        return MLOPS_OK;
    }

    if (run->replaces == 0
        || mlops_learn_place_open(&place, run) != MLOPS_OK)
    {
        return MLOPS_OK;
    }

    rc = mlops_learn_once_step(run, run->replaces - 1, &place);

    mlops_learn_place_close(&place);

    return rc;
}


static int
mlops_learn_once_step(mlops_learn_run_t *run, uint32_t i,
    const mlops_learn_place_t *place)
{
    char                digest[MLOPS_FIT_DIGEST];
    size_t              old, here;
    mlops_field_t      *field;
    const mlops_doc_t  *step;
    const mlops_str_t  *start;

    field = &run->recipe.field;
    start = mlops_learn_path(&run->recipe, i, "start");

    old = mlops_field_push(field, "steps");
    here = mlops_field_push_i(field, i);
    (void) mlops_field_push(field, "start");

    if (mlops_learn_digest(run, start, digest) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (step = mlops_learn_said_steps(place->trained.training);
         step != NULL;
         step = step->next)
    {
        if (mlops_learn_once_said(run, start, digest, place, step)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    mlops_field_pop(field, here);
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


/* One step of the image in place, against a start that is to be replaced. */

static int
mlops_learn_once_said(mlops_learn_run_t *run, const mlops_str_t *start,
    const char *digest, const mlops_learn_place_t *place,
    const mlops_doc_t *step)
{
    int                 same;
    size_t              len;
    const mlops_str_t  *from, *left, *of, *to;

    len = strlen(digest);
    same = mlops_learn_same_rows(run, &place->trained.rows_sha256);

    from = mlops_learn_said(step, "parent", "digest");
    left = mlops_learn_said(step, "state", "digest");
    of = mlops_learn_said(step, "parent", "path");
    to = mlops_learn_said(step, "state", "path");

    if (same && left != NULL && mlops_str_eq(left, digest, len)) {
        return mlops_field_error(&run->recipe.field, "%.*s is the state that "
                                 "%s left, which learned the rows of %s: "
                                 "they would be learned twice; if they are "
                                 "to be, write another image",
                                 mlops_fmt(start), run->options->image,
                                 run->options->rows);
    }

    /* of one file, which its run would have replaced */

    if (!same && left != NULL && !mlops_str_eq(left, digest, len)
        && from != NULL && mlops_str_eq(from, digest, len)
        && of != NULL && to != NULL && mlops_str_eq(of, to->data, to->len))
    {
        return mlops_field_error(&run->recipe.field, "%.*s is not the state "
                                 "that %s left, but the one before: its run "
                                 "did not come to its end; do that one "
                                 "again, or write another image",
                                 mlops_fmt(start), run->options->image);
    }

    return MLOPS_OK;
}


static int
mlops_learn_same_rows(const mlops_learn_run_t *run, const mlops_str_t *sha256)
{
    char    hex[2 * sizeof(run->frame.sha256) + 1];
    size_t  i;

    for (i = 0; i < sizeof(run->frame.sha256); i++) {
        (void) snprintf(hex + 2 * i, 3, "%02x", run->frame.sha256[i]);
    }

    return mlops_str_eq(sha256, hex, sizeof(hex) - 1);
}


/* What is there may be anything: only an image that was trained here says
 * something. */

static int
mlops_learn_place_open(mlops_learn_place_t *place, mlops_learn_run_t *run)
{
    char         real[PATH_MAX];
    mlops_err_t  err;

    memset(place, 0, sizeof(*place));

    if (realpath(run->options->image, real) == NULL
        || mlops_file_map(&place->map, AT_FDCWD, real, MLOPS_IMAGE_MAX, 0,
                          (uid_t) -1, &err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    place->model = mlops_model_open(place->map.data, place->map.len, &err);

    if (place->model != NULL
        && mlops_trained_read(&place->trained, place->model, run->arena,
                              &err)
           == MLOPS_OK)
    {
        return MLOPS_OK;
    }

    mlops_learn_place_close(place);

    return MLOPS_ERROR;
}


static void
mlops_learn_place_close(mlops_learn_place_t *place)
{
    if (place->model != NULL) {
        mlops_model_destroy(place->model);
    }

    mlops_file_unmap(&place->map);
}


/* As mlops_fit_place(). */

static int
mlops_learn_dir(mlops_learn_run_t *run, const mlops_str_t *path,
    char name[PATH_MAX])
{
    mlops_fit_t      fit;
    mlops_fit_env_t  env;

    memset(&fit, 0, sizeof(fit));
    memset(&env, 0, sizeof(env));

    env.folder = run->recipe.folder;
    fit.env = &env;
    fit.field = &run->recipe.field;

    return mlops_fit_place(&fit, path, name);
}


static int
mlops_learn_digest(mlops_learn_run_t *run, const mlops_str_t *path,
    char digest[MLOPS_FIT_DIGEST])
{
    int          dir, rc;
    char         name[PATH_MAX];
    mlops_err_t  err;

    dir = mlops_learn_dir(run, path, name);

    if (dir == -1) {
        return MLOPS_ERROR;
    }

    rc = mlops_learn_file_digest(dir, name, digest, &err);
    (void) close(dir);

    return (rc == MLOPS_OK) ? rc : mlops_field_error(&run->recipe.field, "%s",
                                                     err.text);
}


int
mlops_learn_file_digest(int dir, const char *name,
    char digest[MLOPS_FIT_DIGEST], mlops_err_t *err)
{
    int                fd;
    size_t             len;
    ssize_t            n;
    mlops_file_head_t  head;

    fd = mlops_file_open(dir, name, SIZE_MAX, 0, (uid_t) -1, &len, err);

    if (fd == -1) {
        return MLOPS_ERROR;
    }

    n = pread(fd, &head, sizeof(head), 0);
    (void) close(fd);

    if (n != (ssize_t) sizeof(head)) {
        return mlops_err_set(err, "%s: expected %zu bytes or more, got %zu",
                             name, sizeof(head), len);
    }

    mlops_fit_digest(digest, head.checksum);

    return MLOPS_OK;
}
