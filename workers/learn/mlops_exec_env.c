/*
 * What a command is told: its arguments and its environment.
 *
 * An argument that begins with "./" is a file beside the recipe.  Nothing of
 * our environment is handed on but what the step names: "env:NAME" as the
 * value of a variable is the one of ours.
 */

#include "mlops_exec.h"
#include "mlops_fit_key.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


static char *mlops_exec_beside(mlops_exec_t *ex, const mlops_str_t *arg);
static char *mlops_exec_base(mlops_exec_t *ex);
static int mlops_exec_asked(mlops_exec_t *ex);
static int mlops_exec_names(mlops_exec_t *ex, const char *var,
    const mlops_str_t *names, uint32_t n);
static int mlops_exec_own(mlops_exec_t *ex, const mlops_doc_t *doc);
static int mlops_exec_set(mlops_exec_t *ex, const char *fmt, ...)
    mlops_printf(2, 3);
static int mlops_exec_append(mlops_exec_t *ex, char *text);


int
mlops_exec_command(mlops_exec_t *ex)
{
    size_t              old, here;
    uint32_t            i;
    mlops_field_t      *field;
    const mlops_doc_t  *list, *doc;

    field = ex->fit->field;

    list = mlops_field_get(field, ex->fit->step, "command", MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "command");

    if (list->n == 0 || list->n > MLOPS_EXEC_ARGS) {
        return mlops_field_fail(field, list, "a list of 1 to %u strings",
                                MLOPS_EXEC_ARGS);
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(field, i);

        if (doc->type != MLOPS_DOC_STRING
            || memchr(doc->v.text.data, '\0', doc->v.text.len) != NULL
            || (i == 0 && doc->v.text.len == 0))
        {
            return mlops_field_fail(field, doc, "a string");
        }

        ex->argv[i] = mlops_exec_beside(ex, &doc->v.text);

        if (ex->argv[i] == NULL) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, here);
    }

    ex->argv[i] = NULL;
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static char *
mlops_exec_beside(mlops_exec_t *ex, const mlops_str_t *arg)
{
    char  *folder;

    if (arg->len < 2 || arg->data[0] != '.' || arg->data[1] != '/') {
        return mlops_exec_text(ex, "%.*s", mlops_fmt(arg));
    }

    folder = mlops_exec_base(ex);

    if (folder == NULL) {
        return NULL;
    }

    return mlops_exec_text(ex, "%s/%.*s", folder, (int) arg->len - 2,
                           arg->data + 2);
}


/* The recipe's folder as the command finds it, which runs in another. */

static char *
mlops_exec_base(mlops_exec_t *ex)
{
    char        *whole, *text;
    const char  *base;

    base = (ex->fit->env && ex->fit->env->folder) ? ex->fit->env->folder
                                                  : ".";
    whole = realpath(base, NULL);

    if (whole == NULL) {
        (void) mlops_field_error(ex->fit->field, "%s: %s", base,
                                 strerror(errno));
        return NULL;
    }

    text = mlops_exec_text(ex, "%s", whole);
    free(whole);

    return text;
}


int
mlops_exec_environment(mlops_exec_t *ex)
{
    size_t              old;
    mlops_field_t      *field;
    const mlops_doc_t  *own, *doc;

    field = ex->fit->field;
    ex->envp_n = 0;

    if (mlops_exec_set(ex, "PATH=/usr/local/bin:/usr/bin:/bin") != MLOPS_OK
        || mlops_exec_set(ex, "HOME=%s", ex->out ? ex->out : "/") != MLOPS_OK
        || mlops_exec_set(ex, "TMPDIR=%s", ex->out ? ex->out : "/")
           != MLOPS_OK
        || mlops_exec_set(ex, "LANG=C.UTF-8") != MLOPS_OK
        || mlops_exec_set(ex, "PYTHONHASHSEED=0") != MLOPS_OK
        || mlops_exec_set(ex, "PYTHONDONTWRITEBYTECODE=1") != MLOPS_OK
        || mlops_exec_set(ex, "PYTHONUNBUFFERED=1") != MLOPS_OK
        || mlops_exec_asked(ex) != MLOPS_OK
        || mlops_field_find(field, ex->fit->step, "environment",
                            MLOPS_DOC_OBJECT, &own)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "environment");

    for (doc = own ? own->v.child : NULL; doc != NULL; doc = doc->next) {
        if (mlops_exec_own(ex, doc) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_exec_asked(mlops_exec_t *ex)
{
    int                      rc;
    char                    *folder;
    uint32_t                 i, n, threads;
    mlops_fit_t             *fit;
    mlops_str_t             *inputs;
    const mlops_doc_t       *doc;
    mlops_import_text_t      text;
    const mlops_fit_env_t   *env;
    static const mlops_str_t  none = mlops_str("");

    fit = ex->fit;
    env = fit->env;
    threads = (env && env->threads) ? env->threads : 1;
    doc = mlops_doc_get(fit->step, "objective");

    folder = mlops_exec_base(ex);

    if (folder == NULL) {
        return MLOPS_ERROR;
    }

    n = fit->train ? fit->train->columns_n : 0;
    inputs = mlops_arena_alloc(fit->field->arena, ((size_t) n + 1)
                                                  * sizeof(mlops_str_t));
    if (inputs == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (i = 0; i < n; i++) {
        inputs[i] = fit->train->columns[i].name;
    }

    if (mlops_exec_set(ex, "MLOPS_ROWS=%s", ex->rows ? ex->rows : "")
        != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_TUNE_ROWS=%s", ex->tune ? ex->tune : "")
           != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_MODEL=%s", ex->model ? ex->model : "")
           != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_SEED=%llu", env ? (unsigned long long)
                                                       env->seed : 1)
           != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_THREADS=%u", threads) != MLOPS_OK
        || mlops_exec_set(ex, "OMP_NUM_THREADS=%u", threads) != MLOPS_OK
        || mlops_exec_set(ex, "OPENBLAS_NUM_THREADS=%u", threads) != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_OBJECTIVE=%.*s",
                          mlops_fmt(doc ? &doc->v.text : &none))
           != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_TARGET=%s", ex->target ? ex->target : "")
           != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_WEIGHT=%s", ex->weight ? ex->weight : "")
           != MLOPS_OK
        || mlops_exec_set(ex, "MLOPS_FOLDER=%s", folder) != MLOPS_OK
        || mlops_exec_names(ex, "MLOPS_INPUTS", inputs, n) != MLOPS_OK
        || mlops_exec_names(ex, "MLOPS_CLASSES", fit->classes,
                            fit->classes_n)
           != MLOPS_OK
        || mlops_exec_names(ex, "MLOPS_OUTPUTS", fit->outputs, fit->outputs_n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    memset(&text, 0, sizeof(text));
    doc = mlops_doc_get(fit->step, "parameters");

    if (doc != NULL) {
        mlops_import_doc(&text, doc);

    } else {
        mlops_import_text(&text, "{}");
    }

    rc = text.failed ? mlops_field_memory(fit->field)
                     : mlops_exec_set(ex, "MLOPS_PARAMETERS=%.*s",
                                      (int) text.len, text.data);
    free(text.data);

    return rc;
}


/* A JSON list. */

static int
mlops_exec_names(mlops_exec_t *ex, const char *var, const mlops_str_t *names,
    uint32_t n)
{
    int                   rc;
    mlops_import_text_t   text;

    memset(&text, 0, sizeof(text));
    mlops_fit_write_names(&text, names, n);

    rc = text.failed ? mlops_field_memory(ex->fit->field)
                     : mlops_exec_set(ex, "%s=%.*s", var, (int) text.len,
                                      text.data);
    free(text.data);

    return rc;
}


/* A variable of the step's own: it goes before ours of the same name. */

static int
mlops_exec_own(mlops_exec_t *ex, const mlops_doc_t *doc)
{
    char               *text, *name;
    size_t              len;
    const char         *value;
    mlops_field_t      *field;

    field = ex->fit->field;

    if (doc->type != MLOPS_DOC_STRING || doc->key.len == 0
        || memchr(doc->key.data, '=', doc->key.len) != NULL
        || memchr(doc->key.data, '\0', doc->key.len) != NULL
        || memchr(doc->v.text.data, '\0', doc->v.text.len) != NULL)
    {
        return mlops_field_fail(field, doc, "names without '=' and strings");
    }

    len = 4;

    if (doc->v.text.len > len && memcmp(doc->v.text.data, "env:", len) == 0) {
        name = mlops_exec_text(ex, "%.*s", (int) (doc->v.text.len - len),
                               doc->v.text.data + len);
        value = name ? getenv(name) : NULL;

        if (value == NULL) {
            return mlops_field_error(field, "%.*s: there is no variable %s "
                                     "here to hand on", mlops_fmt(&doc->key),
                                     name ? name : "");
        }

        text = mlops_exec_text(ex, "%.*s=%s", mlops_fmt(&doc->key), value);

    } else {
        text = mlops_exec_text(ex, "%.*s=%.*s", mlops_fmt(&doc->key),
                               mlops_fmt(&doc->v.text));
    }

    return mlops_exec_append(ex, text);
}


/* "NAME=" and text as printf has it. */

static int
mlops_exec_set(mlops_exec_t *ex, const char *fmt, ...)
{
    char     *text;
    va_list   args;

    va_start(args, fmt);
    text = mlops_fit_vtext(ex->fit, fmt, args);
    va_end(args);

    return mlops_exec_append(ex, text);
}


static int
mlops_exec_append(mlops_exec_t *ex, char *text)
{
    size_t    len;
    uint32_t  i;

    if (text == NULL) {
        return MLOPS_ERROR;
    }

    len = (size_t) (strchr(text, '=') - text) + 1;

    for (i = 0; i < ex->envp_n; i++) {
        if (strncmp(ex->envp[i], text, len) == 0) {
            ex->envp[i] = text;
            return MLOPS_OK;
        }
    }

    if (ex->envp_n == MLOPS_EXEC_VARS) {
        return mlops_field_error(ex->fit->field, "expected at most %u "
                                 "variables", MLOPS_EXEC_VARS);
    }

    ex->envp[ex->envp_n++] = text;
    ex->envp[ex->envp_n] = NULL;

    return MLOPS_OK;
}
