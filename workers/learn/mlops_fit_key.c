/*
 * Keys of fitted steps, and the steps they become.
 */

#include "mlops_fit_key.h"
#include "mlops_fit_labels.h"
#include "mlops_num.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>


int
mlops_fit_flag(mlops_fit_t *fit, const char *key, int dflt, int *value)
{
    const mlops_doc_t  *doc;

    if (mlops_field_find(fit->field, fit->step, key, MLOPS_DOC_BOOL, &doc)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *value = doc ? doc->v.boolean : dflt;

    return MLOPS_OK;
}


int
mlops_fit_path(mlops_fit_t *fit, const char *key, mlops_str_t *path)
{
    size_t              old, len;
    const char         *p, *end, *slash;
    const mlops_doc_t  *doc;

    if (mlops_field_find(fit->field, fit->step, key, MLOPS_DOC_STRING, &doc)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (doc == NULL) {
        return MLOPS_OK;
    }

    *path = doc->v.text;
    p = path->data;
    end = p + path->len;

    if (path->len == 0 || path->len >= PATH_MAX
        || memchr(p, '\0', path->len) != NULL)
    {
        goto failed;
    }

    for (/* void */ ; p <= end; p = slash + 1) {
        slash = memchr(p, '/', (size_t) (end - p));
        slash = slash ? slash : end;
        len = (size_t) (slash - p);

        if (len == 0 || (len == 2 && p[0] == '.' && p[1] == '.')
            || (len == 1 && p[0] == '.'))
        {
            goto failed;
        }
    }

    return MLOPS_OK;

failed:

    old = mlops_field_push(fit->field, key);
    (void) mlops_field_fail(fit->field, doc, "a path below the recipe's "
                            "folder");
    mlops_field_pop(fit->field, old);

    return MLOPS_ERROR;
}


int
mlops_fit_place(mlops_fit_t *fit, const mlops_str_t *path,
    char name[PATH_MAX])
{
    int          dir, next;
    char        *p, *slash;
    const char  *folder;

    folder = (fit->env && fit->env->folder) ? fit->env->folder : ".";
    dir = open(folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        (void) mlops_field_error(fit->field, "%s: %s", folder,
                                 strerror(errno));
        return -1;
    }

    memcpy(name, path->data, path->len);
    name[path->len] = '\0';

    for (p = name; (slash = strchr(p, '/')) != NULL; p = slash + 1) {
        *slash = '\0';

        next = openat(dir, p, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

        (void) close(dir);
        dir = next;

        if (dir == -1) {
            (void) mlops_field_error(fit->field, "%.*s: the folder "
                                     "\"%.80s\" of it: %s", mlops_fmt(path),
                                     p, strerror(errno));
            return -1;
        }
    }

    memmove(name, p, strlen(p) + 1);

    return dir;
}


void
mlops_fit_parent(mlops_fit_t *fit, const mlops_str_t *path, uint64_t digest)
{
    fit->parent = *path;

    mlops_fit_digest(fit->parent_digest, digest);
}


void
mlops_fit_digest(char digest[MLOPS_FIT_DIGEST], uint64_t checksum)
{
    (void) snprintf(digest, MLOPS_FIT_DIGEST, "xxh3:%016llx",
                    (unsigned long long) checksum);
}


int
mlops_fit_outputs(mlops_fit_t *fit, mlops_fit_target_t target)
{
    char      told[MLOPS_LABELS_SIZE];
    uint32_t  margins;

    margins = 1;

    switch (target) {

    case MLOPS_FIT_OF_ONE:

        if (fit->outputs_n != 1) {
            return mlops_field_error(fit->field, "outputs: expected 1, got "
                                     "%u", fit->outputs_n);
        }

        break;

    case MLOPS_FIT_OF_TWO:

        if (fit->outputs_n != 1 && fit->outputs_n != 2) {
            return mlops_field_error(fit->field, "outputs: expected 1, the "
                                     "probability of the second class, or 2, "
                                     "got %u", fit->outputs_n);
        }

        break;

    case MLOPS_FIT_OF_CLASSES:
        margins = fit->classes_n ? fit->classes_n : fit->outputs_n;

        if (margins < 2) {
            return mlops_field_error(fit->field, "outputs: expected a name "
                                     "for each of at least two classes, got "
                                     "1");
        }

        if (fit->outputs_n != margins) {
            return mlops_field_error(fit->field, "outputs: expected a name "
                                     "for each of %u classes%s%s%s, got %u",
                                     margins, fit->classes_n ? " (" : "",
                                     mlops_fit_labels_list(fit->classes,
                                                           fit->classes_n,
                                                           told),
                                     fit->classes_n ? ")" : "",
                                     fit->outputs_n);
        }

        break;
    }

    if (fit->margin_n != 0 && fit->margin_n != margins) {
        return mlops_field_error(fit->field, "margin: expected %u, got %u",
                                 margins, fit->margin_n);
    }

    return MLOPS_OK;
}


void
mlops_fit_step(mlops_fit_t *fit, const char *kind, const mlops_str_t *inputs,
    uint32_t inputs_n, const mlops_str_t *outputs, uint32_t outputs_n)
{
    mlops_import_text(fit->steps, "%s{\"kind\":\"%s\"",
                      fit->steps->len ? "," : "", kind);
    mlops_fit_put_names(fit->steps, "inputs", inputs, inputs_n);
    mlops_fit_put_names(fit->steps, "outputs", outputs, outputs_n);
}


void
mlops_fit_end(mlops_fit_t *fit)
{
    mlops_import_text(fit->steps, "}");
}


void
mlops_fit_put_text(mlops_import_text_t *text, const char *key,
    const char *value)
{
    mlops_import_text(text, ",\"%s\":\"%s\"", key, value);
}


void
mlops_fit_put_number(mlops_import_text_t *text, const char *key,
    double value)
{
    mlops_import_text(text, ",\"%s\":", key);
    mlops_fit_write_number(text, value);
}


void
mlops_fit_put_numbers(mlops_import_text_t *text, const char *key,
    const double *values, size_t n)
{
    mlops_import_text(text, ",\"%s\":", key);
    mlops_fit_write_numbers(text, values, n);
}


void
mlops_fit_put_names(mlops_import_text_t *text, const char *key,
    const mlops_str_t *names, size_t n)
{
    mlops_import_text(text, ",\"%s\":", key);
    mlops_fit_write_names(text, names, n);
}


/* A number that is not finite would make the step invalid: it fails here. */

void
mlops_fit_write_number(mlops_import_text_t *text, double value)
{
    char  buf[MLOPS_DOUBLE_LEN];

    if (!isfinite(value)) {
        text->failed = 1;
        return;
    }

    mlops_import_bytes(text, buf,
                       (size_t) (mlops_doc_print(buf, value) - buf));
}


void
mlops_fit_write_numbers(mlops_import_text_t *text, const double *values,
    size_t n)
{
    size_t  i;

    mlops_import_bytes(text, "[", 1);

    for (i = 0; i < n; i++) {
        if (i > 0) {
            mlops_import_bytes(text, ",", 1);
        }

        mlops_fit_write_number(text, values[i]);
    }

    mlops_import_bytes(text, "]", 1);
}


void
mlops_fit_write_names(mlops_import_text_t *text, const mlops_str_t *names,
    size_t n)
{
    size_t  i;

    mlops_import_bytes(text, "[", 1);

    for (i = 0; i < n; i++) {
        if (i > 0) {
            mlops_import_bytes(text, ",", 1);
        }

        mlops_import_quote(text, names[i].data, names[i].len);
    }

    mlops_import_bytes(text, "]", 1);
}


void
mlops_fit_report(mlops_fit_t *fit, const char *key)
{
    mlops_import_text(fit->report, "%s\"%s\":",
                      fit->report->len ? "," : "", key);
}


mlops_str_t *
mlops_fit_inputs(mlops_fit_t *fit)
{
    uint32_t      j;
    mlops_str_t  *names;

    names = mlops_arena_alloc(fit->field->arena,
                              fit->train->columns_n * sizeof(mlops_str_t));

    for (j = 0; names != NULL && j < fit->train->columns_n; j++) {
        names[j] = fit->train->columns[j].name;
    }

    if (names == NULL) {
        (void) mlops_field_memory(fit->field);
    }

    return names;
}


char *
mlops_fit_vtext(mlops_fit_t *fit, const char *fmt, va_list args)
{
    int       n;
    char     *text;
    va_list   again;

    va_copy(again, args);

    n = vsnprintf(NULL, 0, fmt, args);
    text = (n < 0) ? NULL : mlops_arena_alloc(fit->field->arena,
                                              (size_t) n + 1);

    if (text != NULL) {
        (void) vsnprintf(text, (size_t) n + 1, fmt, again);

    } else {
        (void) mlops_field_memory(fit->field);
    }

    va_end(again);

    return text;
}


mlops_str_t
mlops_fit_name(mlops_fit_t *fit, const char *fmt, ...)
{
    char         *text;
    va_list       args;
    mlops_str_t   name;

    va_start(args, fmt);
    text = mlops_fit_vtext(fit, fmt, args);
    va_end(args);

    name.data = text;
    name.len = text ? strlen(text) : 0;

    return name;
}


mlops_str_t
mlops_fit_number_name(mlops_fit_t *fit, double value)
{
    char  buf[MLOPS_DOUBLE_LEN];

    return mlops_fit_name(fit, "%.*s",
                          (int) (mlops_doc_print(buf, value) - buf), buf);
}


const char *
mlops_fit_row(const mlops_fit_env_t *env, uint64_t row,
    const mlops_str_t *column, char buf[MLOPS_FIT_PLACE])
{
    size_t  len;

    if (env != NULL && env->place != NULL) {
        env->place(env->ctx, row, buf, MLOPS_FIT_PLACE);

    } else {
        (void) snprintf(buf, MLOPS_FIT_PLACE, "row %llu",
                        (unsigned long long) row + 1);
    }

    if (column != NULL && column->len != 0) {
        len = strlen(buf);

        (void) snprintf(buf + len, MLOPS_FIT_PLACE - len,
                        ", column \"%.*s\"",
                        (int) (column->len < 64 ? column->len : 64),
                        column->data);
    }

    return buf;
}


const mlops_str_t *
mlops_fit_target(const mlops_fit_env_t *env)
{
    return (env != NULL && env->target.len != 0) ? &env->target : NULL;
}


const mlops_str_t *
mlops_fit_weight(const mlops_fit_env_t *env)
{
    return (env != NULL && env->weight.len != 0) ? &env->weight : NULL;
}


int
mlops_fit_stopped(mlops_fit_t *fit)
{
    const mlops_fit_env_t  *env;

    env = fit->env;

    if (env == NULL || env->stop == NULL || !env->stop(env->ctx)) {
        return 0;
    }

    (void) mlops_field_error(fit->field, "stopped");

    return 1;
}


void
mlops_fit_progress(mlops_fit_t *fit, uint64_t done, uint64_t all,
    const char *fmt, ...)
{
    char                    text[80];
    va_list                 args;
    const mlops_fit_env_t  *env;

    env = fit->env;

    if (env == NULL || env->progress == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    env->progress(env->ctx, done, all, text);
}
