/*
 * The fitter "exec": its keys, its folder, the run of the command.
 */

#include "mlops_exec.h"
#include "mlops_fit_key.h"
#include "mlops_fit_note.h"
#include "mlops_fitters.h"
#include "mlops_folder.h"
#include "mlops_plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>


#define MLOPS_EXEC_TIMEOUT  (10ull * 60 * 1000)
#define MLOPS_EXEC_OUTPUT   (100ull * 1024 * 1024)
#define MLOPS_EXEC_STEPS    1000
#define MLOPS_EXEC_SHOWN    256         /* of a command that is refused */


static int mlops_exec_check(mlops_fit_t *fit);
static int mlops_exec_run(mlops_fit_t *fit);
static int mlops_exec_target(const mlops_doc_t *step);
static int mlops_exec_allowed(mlops_exec_t *ex);
static int mlops_exec_keys(mlops_exec_t *ex);
static int mlops_exec_amount(mlops_exec_t *ex, const char *key, int time,
    uint64_t dflt, uint64_t *value);
static int mlops_exec_folder(mlops_exec_t *ex);
static int mlops_exec_files(mlops_exec_t *ex);
static int mlops_exec_child(mlops_exec_t *ex);
static int mlops_exec_stop(void *ctx);
static void mlops_exec_print(void *ctx, const char *text, size_t len);


static const char *const  mlops_exec_words[] = {
    "command", "timeout", "cpu", "memory", "output", "environment",
    "objective", "parameters", "codes", NULL
};


const mlops_fitter_t  mlops_fit_exec = {
    "model", "exec", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER|MLOPS_FIT_CODES,
    mlops_exec_words, mlops_exec_check, mlops_exec_run, mlops_exec_target
};


/* By the objective's name, as XGBoost has them: classes for binary:… and
 * multi:…, and for the words of our own learners. */

static int
mlops_exec_target(const mlops_doc_t *step)
{
    const mlops_str_t  *name;
    const mlops_doc_t  *objective;

    objective = mlops_doc_get(step, "objective");

    if (objective == NULL || objective->type != MLOPS_DOC_STRING) {
        return 2;
    }

    name = &objective->v.text;

    return (name->len >= 7 && memcmp(name->data, "binary:", 7) == 0)
           || (name->len >= 6 && memcmp(name->data, "multi:", 6) == 0)
           || mlops_str_is(name, "logistic") || mlops_str_is(name, "softmax");
}


static int
mlops_exec_check(mlops_fit_t *fit)
{
    int           rc;
    mlops_exec_t  ex;

    memset(&ex, 0, sizeof(ex));
    ex.fit = fit;

    if (fit->outputs_n == 0) {
        return mlops_field_error(fit->field, "outputs: expected at least one "
                                 "name, got none");
    }

    if (mlops_exec_keys(&ex) != MLOPS_OK
        || mlops_exec_command(&ex) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    rc = mlops_exec_allowed(&ex);

    return (rc == MLOPS_OK) ? mlops_exec_environment(&ex) : rc;
}


static int
mlops_exec_run(mlops_fit_t *fit)
{
    int           rc;
    mlops_exec_t  ex;

    memset(&ex, 0, sizeof(ex));
    ex.fit = fit;

    if (fit->env == NULL || fit->env->work == NULL) {
        return mlops_field_error(fit->field, "expected a folder for the "
                                 "command's files, got none");
    }

    if (mlops_exec_keys(&ex) != MLOPS_OK
        || mlops_exec_command(&ex) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    rc = mlops_exec_allowed(&ex);

    if (rc != MLOPS_OK) {
        return rc;
    }

    if (mlops_exec_folder(&ex) != MLOPS_OK
        || mlops_exec_files(&ex) != MLOPS_OK
        || mlops_exec_environment(&ex) != MLOPS_OK
        || mlops_exec_child(&ex) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_exec_model(&ex);
}


/* Who trains runs commands of a recipe of his own.  One that came in an image
 * may be anybody's: it is shown, and run when asked for.  The check refuses
 * it; a run that nobody checked does so again. */

static int
mlops_exec_allowed(mlops_exec_t *ex)
{
    int                     n;
    char                    text[MLOPS_EXEC_SHOWN];
    uint32_t                i;
    const mlops_fit_env_t  *env;

    env = ex->fit->env;

    if (env == NULL || !env->no_exec) {
        return MLOPS_OK;
    }

    for (i = 0, n = 0; ex->argv[i] != NULL && n < (int) sizeof(text); i++) {
        n += snprintf(text + n, sizeof(text) - (size_t) n, "%s%s",
                      i ? " " : "", ex->argv[i]);
    }

    (void) mlops_field_push(ex->fit->field, "command");
    (void) mlops_field_error(ex->fit->field, "the step runs \"%s%s\", and "
                             "commands of this recipe are not allowed", text,
                             n < (int) sizeof(text) ? "" : "...");

    return MLOPS_REFUSED;
}


static int
mlops_exec_keys(mlops_exec_t *ex)
{
    int                 codes;
    uint64_t            cpu_ms;
    mlops_fit_t        *fit;
    const mlops_doc_t  *doc;

    fit = ex->fit;

    if (mlops_exec_amount(ex, "timeout", 1, MLOPS_EXEC_TIMEOUT,
                          &ex->limits.timeout_ms)
        != MLOPS_OK
        || mlops_exec_amount(ex, "cpu", 1, 0, &cpu_ms) != MLOPS_OK
        || mlops_exec_amount(ex, "memory", 0, 0, &ex->limits.memory)
           != MLOPS_OK
        || mlops_exec_amount(ex, "output", 0, MLOPS_EXEC_OUTPUT,
                             &ex->limits.output)
           != MLOPS_OK
        || mlops_field_flag(fit->field, fit->step, "codes", &codes)
           != MLOPS_OK
        || mlops_field_find(fit->field, fit->step, "objective",
                            MLOPS_DOC_STRING, &doc)
           != MLOPS_OK
        || mlops_field_find(fit->field, fit->step, "parameters",
                            MLOPS_DOC_OBJECT, &doc)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    ex->codes = (codes != 0);
    ex->limits.cpu_s = (cpu_ms + 999) / 1000;
    ex->limits.file = ex->limits.output;
    ex->limits.watched_max = ex->limits.output;

    return MLOPS_OK;
}


/* "10m", "2g"; a number is seconds, or bytes. */

static int
mlops_exec_amount(mlops_exec_t *ex, const char *key, int time, uint64_t dflt,
    uint64_t *value)
{
    int                 good;
    double              number;
    size_t              old;
    mlops_field_t      *field;
    const mlops_doc_t  *doc;

    field = ex->fit->field;
    doc = mlops_doc_get(ex->fit->step, key);
    *value = dflt;

    if (doc == NULL) {
        return MLOPS_OK;
    }

    good = 0;

    if (doc->type == MLOPS_DOC_STRING) {
        good = (time ? mlops_plan_time(&doc->v.text, value)
                     : mlops_plan_size(&doc->v.text, value))
               == MLOPS_OK;

    } else if (mlops_doc_double(doc, &number) == MLOPS_OK
               && number > 0 && number < 1e12)
    {
        *value = (uint64_t) (time ? number * 1000 : number);
        good = 1;
    }

    if (good && *value > 0) {
        return MLOPS_OK;
    }

    old = mlops_field_push(field, key);
    (void) mlops_field_fail(field, doc, time ? "a time above 0 as \"10m\", or "
                                               "seconds"
                                             : "a size above 0 as \"2g\", or "
                                               "bytes");
    mlops_field_pop(field, old);

    return MLOPS_ERROR;
}


static int
mlops_exec_folder(mlops_exec_t *ex)
{
    uint32_t      i;
    char         *path, *work;
    mlops_fit_t  *fit;

    fit = ex->fit;

    work = realpath(fit->env->work, NULL);

    if (work == NULL) {
        return mlops_field_error(fit->field, "%s: %s", fit->env->work,
                                 strerror(errno));
    }

    path = NULL;

    for (i = 0; i < MLOPS_EXEC_STEPS; i++) {
        ex->dir = mlops_exec_text(ex, "exec-%u", i);
        path = ex->dir ? mlops_exec_text(ex, "%s/%s", work, ex->dir) : NULL;

        if (path == NULL || mkdir(path, 0700) == 0 || errno != EEXIST) {
            break;
        }
    }

    free(work);

    if (path == NULL) {
        return MLOPS_ERROR;
    }

    ex->in = mlops_exec_text(ex, "%s/in", path);
    ex->out = mlops_exec_text(ex, "%s/out", path);

    if (ex->in == NULL || ex->out == NULL) {
        return MLOPS_ERROR;
    }

    if (mkdir(ex->in, 0700) == -1 || mkdir(ex->out, 0700) == -1) {
        return mlops_field_error(fit->field, "mkdir %s: %s", path,
                                 strerror(errno));
    }

    ex->rows = mlops_exec_text(ex, "%s/rows.csv", ex->in);
    ex->model = mlops_exec_text(ex, "%s/model", ex->out);

    return (ex->rows == NULL || ex->model == NULL) ? MLOPS_ERROR : MLOPS_OK;
}


static int
mlops_exec_files(mlops_exec_t *ex)
{
    mlops_fit_t  *fit;

    fit = ex->fit;

    if (mlops_exec_rows(ex, fit->train, ex->rows) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (fit->tune == NULL || fit->tune->n == 0) {
        return MLOPS_OK;
    }

    ex->tune = mlops_exec_text(ex, "%s/tune.csv", ex->in);

    if (ex->tune == NULL) {
        return MLOPS_ERROR;
    }

    return mlops_exec_rows(ex, fit->tune, ex->tune);
}


static int
mlops_exec_child(mlops_exec_t *ex)
{
    char           name[96];
    mlops_err_t    err;
    mlops_fit_t   *fit;
    mlops_child_t  child;

    fit = ex->fit;

    ex->limits.argv = ex->argv;
    ex->limits.envp = ex->envp;
    ex->limits.folder = ex->out;
    ex->limits.watched = ex->out;
    ex->limits.stop = mlops_exec_stop;
    ex->limits.print = mlops_exec_print;
    ex->limits.ctx = ex;

    (void) snprintf(name, sizeof(name), "command \"%.60s\"", ex->argv[0]);

    if (mlops_child_run(&ex->limits, &child, &err) != MLOPS_OK) {
        return mlops_field_error(fit->field, "%s: %s", name, err.text);
    }

    if (child.tail_len != 0 && child.tail[child.tail_len - 1] != '\n') {
        mlops_exec_print(ex, "\n", 1);
    }

    if (mlops_child_told(&child, &ex->limits, name, &err) != MLOPS_OK) {
        return mlops_field_error(fit->field, "%s", err.text);
    }

    if (child.left_n != 0) {
        mlops_fit_report(fit, "exec_left");
        mlops_import_text(fit->report, "%u", child.left_n);
        mlops_fit_note(fit, "%s left %u process%s, which %s ended", name,
                       child.left_n, child.left_n == 1 ? "" : "es",
                       child.left_n == 1 ? "was" : "were");
    }

    return MLOPS_OK;
}


static int
mlops_exec_stop(void *ctx)
{
    mlops_exec_t           *ex;
    const mlops_fit_env_t  *env;

    ex = ctx;
    env = ex->fit->env;

    return env->stop != NULL && env->stop(env->ctx);
}


static void
mlops_exec_print(void *ctx, const char *text, size_t len)
{
    mlops_exec_t           *ex;
    const mlops_fit_env_t  *env;

    ex = ctx;
    env = ex->fit->env;

    if (env->print != NULL) {
        env->print(env->ctx, text, len);
    }
}


/* The folder itself stays: its name is taken. */

void
mlops_exec_clean(mlops_exec_t *ex)
{
    mlops_folder_remove(ex->in);
    mlops_folder_remove(ex->out);
}


char *
mlops_exec_text(mlops_exec_t *ex, const char *fmt, ...)
{
    char     *text;
    va_list   args;

    va_start(args, fmt);
    text = mlops_fit_vtext(ex->fit, fmt, args);
    va_end(args);

    return text;
}
