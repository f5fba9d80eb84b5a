/*
 * A text that grows, and becomes a file by rename.
 */

#include "mlops_worker.h"

#include "mlops_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_text_room(mlops_text_t *text, size_t n);


void
mlops_text_add(mlops_text_t *text, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (n < 0 || mlops_text_room(text, (size_t) n + 1) != MLOPS_OK) {
        text->failed = 1;
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text->data + text->len, (size_t) n + 1, fmt, args);
    va_end(args);

    text->len += (size_t) n;
}


void
mlops_text_quoted(mlops_text_t *text, const char *data, size_t len)
{
    char  *end;

    if (mlops_text_room(text, len * 6 + 2) != MLOPS_OK) {
        text->failed = 1;
        return;
    }

    end = mlops_json_quote(text->data + text->len, data, len);
    text->len = (size_t) (end - text->data);
}


int
mlops_text_publish(mlops_text_t *text, int dir, const char *name,
    mlops_err_t *err)
{
    int   rc;
    char  tmp[MLOPS_TMP_SIZE];

    if (text->failed) {
        rc = mlops_err_set(err, "out of memory for \"%s\"", name);

    } else {
        rc = mlops_file_write(dir, text->data, text->len, 0444, (uid_t) -1,
                              (gid_t) -1, 0, tmp, err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_file_commit(dir, tmp, name, 0, 0, err);
    }

    free(text->data);
    text->data = NULL;

    return rc;
}


static int
mlops_text_room(mlops_text_t *text, size_t n)
{
    char    *data;
    size_t   size;

    if (text->failed) {
        return MLOPS_ERROR;
    }

    if (text->size - text->len >= n) {
        return MLOPS_OK;
    }

    size = text->size * 2 + n + 4096;
    data = realloc(text->data, size);

    if (data == NULL) {
        return MLOPS_ERROR;
    }

    text->data = data;
    text->size = size;

    return MLOPS_OK;
}
