/*
 * Models of commands, as the plain recipe names them: after the recipe, so
 * that recipes of one folder keep models of their own.
 *
 * The image's facts have the names of the run, whatever the recipe is called.
 */

#include "mlops_learn_run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>


static uint32_t mlops_learn_beside_match(const char *p, const char *end);
static int mlops_learn_beside_move(mlops_learn_run_t *run, const char *name,
    size_t len, mlops_import_text_t *text);


char *
mlops_learn_beside(const char *plain, uint32_t k)
{
    int     len;
    char   *path;

    len = (int) strlen(plain);

    if (len > 5 && strcmp(plain + len - 5, ".json") == 0
        && plain[len - 6] != '/')
    {
        len -= 5;
    }

    return (asprintf(&path, "%.*s.exec-%u.model", len, plain, k) == -1)
           ? NULL : path;
}


/* The length of "exec-N.model" at p, or 0. */

static uint32_t
mlops_learn_beside_match(const char *p, const char *end)
{
    const char  *start, *digits;

    start = p;

    if (end - p < 5 || memcmp(p, "exec-", 5) != 0) {
        return 0;
    }

    for (p += 5, digits = p; p < end && *p >= '0' && *p <= '9'; p++) {
        /* void */
    }

    return (p != digits && end - p >= 6 && memcmp(p, ".model", 6) == 0)
           ? (uint32_t) (p + 6 - start) : 0;
}


int
mlops_learn_beside_taken(const mlops_str_t *file)
{
    const char  *p, *end;

    p = file->data;
    end = p + file->len;

    while (end - p > 2 && p[0] == '.' && p[1] == '/') {
        for (p++; p < end && *p == '/'; p++) {
            /* void */
        }
    }

    return p < end && mlops_learn_beside_match(p, end) == end - p;
}


/* In strings of JSON no quote is bare: what is found is a member. */

int
mlops_learn_beside_steps(mlops_learn_run_t *run, mlops_import_text_t *steps)
{
    int                   rc;
    size_t                len;
    const char           *p, *end, *from;
    mlops_import_text_t   text;
    static const char     key[] = "\"file\":\"";

    memset(&text, 0, sizeof(text));

    rc = MLOPS_OK;
    from = steps->data;
    end = from + steps->len;

    while (rc == MLOPS_OK && from < end) {
        p = memmem(from, (size_t) (end - from), key, sizeof(key) - 1);

        if (p == NULL) {
            break;
        }

        p += sizeof(key) - 1;
        len = mlops_learn_beside_match(p, end);
        len = (p + len < end && p[len] == '"') ? len : 0;
        mlops_import_bytes(&text, from, (size_t) (p - from) - (len != 0));
        from = p;

        if (len != 0) {
            rc = mlops_learn_beside_move(run, p, len, &text);
            from = p + len + 1;
        }
    }

    if (rc == MLOPS_OK && from < end) {
        mlops_import_bytes(&text, from, (size_t) (end - from));
    }

    if (rc == MLOPS_OK && text.failed) {
        rc = mlops_err_set(run->err, "out of memory");
    }

    if (rc == MLOPS_OK) {
        free(steps->data);
        *steps = text;

    } else {
        free(text.data);
    }

    return rc;
}


/* A file of that name which the run did not make is not its own. */

static int
mlops_learn_beside_move(mlops_learn_run_t *run, const char *name, size_t len,
    mlops_import_text_t *text)
{
    int          rc;
    char        *path, *from, *to;
    const char  *base, *slash;

    path = mlops_learn_beside(run->options->plain, run->learned->models_n);
    from = NULL;
    to = NULL;
    rc = MLOPS_ERROR;
    base = "";

    if (path != NULL) {
        slash = strrchr(path, '/');
        base = slash ? slash + 1 : path;
    }

    if (path == NULL
        || asprintf(&from, "%s/%.*s", run->work, (int) len, name) == -1
        || asprintf(&to, "%s/%s", run->work, base) == -1)
    {
        (void) mlops_err_set(run->err, "out of memory");

    } else if (rename(from, to) == 0) {
        mlops_import_quote(text, base, strlen(base));
        run->learned->models_n++;
        rc = MLOPS_OK;

    } else if (errno == ENOENT) {
        mlops_import_quote(text, name, len);
        rc = MLOPS_OK;

    } else {
        (void) mlops_err_set(run->err, "%s: %s", to, strerror(errno));
    }

    free(path);
    free(from);
    free(to);

    return rc;
}
