/*
 * Error texts of the readers: the field, what was expected, what came.
 */

#include "mlops_reader.h"

#include <stdarg.h>
#include <stdio.h>


#define MLOPS_QUOTE_MAX  40     /* bytes of the user's text in an error */
#define MLOPS_CLOSE_MAX  32     /* names looked at for a suggestion */


static void mlops_read_field(const mlops_reader_t *r, char *p, char *end);
static uint32_t mlops_name_distance(const mlops_str_t *a,
    const mlops_str_t *b);


int
mlops_read_cut(const mlops_str_t *s)
{
    size_t  n;

    n = s->len;

    if (n > MLOPS_QUOTE_MAX) {
        n = MLOPS_QUOTE_MAX;

        while (n > 0 && ((unsigned char) s->data[n] & 0xc0) == 0x80) {
            n--;
        }
    }

    return (int) n;
}


const char *
mlops_read_syntax(mlops_reader_t *r, const char *p, const char *expected)
{
    char  buf[MLOPS_GOT_SIZE];

    r->rc = mlops_err_set(r->err, "malformed JSON at byte %zu: expected %s, "
                          "got %s", (size_t) (p - r->body), expected,
                          mlops_scan_got(buf, p, r->end));
    return NULL;
}


const char *
mlops_read_expected(mlops_reader_t *r, const char *p, const char *expected)
{
    char  buf[MLOPS_GOT_SIZE];

    if (p == r->end) {
        return mlops_read_syntax(r, p, expected);
    }

    return mlops_read_error(r, "expected %s, got %s", expected,
                            mlops_scan_got(buf, p, r->end));
}


const char *
mlops_read_member(mlops_reader_t *r, const char *p, const char *member,
    const char *expected)
{
    char  buf[MLOPS_GOT_SIZE];

    if (p == r->end) {
        return mlops_read_syntax(r, p, expected);
    }

    return mlops_read_error(r, "%s: expected %s, got %s", member, expected,
                            mlops_scan_got(buf, p, r->end));
}


const char *
mlops_read_error(mlops_reader_t *r, const char *fmt, ...)
{
    char     text[MLOPS_ERR_SIZE], field[MLOPS_ERR_SIZE / 2];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    mlops_read_field(r, field, field + sizeof(field));

    r->req->field = (r->column != NULL && r->input.data == NULL
                     && r->tensor < 0);

    r->rc = (field[0] == '\0') ? mlops_err_set(r->err, "%s", text)
                               : mlops_err_set(r->err, "%s: %s", field, text);
    return NULL;
}


const char *
mlops_read_limit(mlops_reader_t *r, const char *fmt, ...)
{
    char     text[MLOPS_ERR_SIZE];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    (void) mlops_err_set(r->err, "%s", text);
    r->rc = MLOPS_LIMIT;

    return NULL;
}


const char *
mlops_read_memory(mlops_reader_t *r)
{
    r->rc = mlops_err_set(r->err, "out of memory for a body of %zu bytes",
                          (size_t) (r->end - r->body));
    return NULL;
}


static void
mlops_read_field(const mlops_reader_t *r, char *p, char *end)
{
    int          v2;
    const char  *comma;

    *p = '\0';
    comma = "";
    v2 = 0;

    if (r->input.data != NULL) {
        p += snprintf(p, (size_t) (end - p), "input \"%.*s\"",
                      mlops_read_cut(&r->input), r->input.data);
        v2 = 1;

    } else if (r->tensor >= 0) {
        p += snprintf(p, (size_t) (end - p), "inputs[%d]", r->tensor);
        v2 = 1;

    } else if (r->column != NULL) {
        p += snprintf(p, (size_t) (end - p), "%.*s",
                      mlops_fmt(&r->column->name));
    }

    if (v2 || r->column != NULL) {
        comma = ", ";
    }

    if (r->row != MLOPS_NO_ROW) {
        p += snprintf(p, (size_t) (end - p), "%srow %u", comma, r->row);
    }

    /* an input that is one column has said so */

    if (v2 && r->column != NULL
        && !(r->input.data != NULL
             && mlops_str_eq(&r->input, r->column->name.data,
                             r->column->name.len)))
    {
        (void) snprintf(p, (size_t) (end - p), ", column \"%.*s\"",
                        mlops_fmt(&r->column->name));
    }
}


int
mlops_read_all_seen(mlops_reader_t *r, const mlops_str_t *names, uint32_t n)
{
    uint32_t               i, j, d, limit, closest;
    const mlops_str_t     *close;
    const mlops_column_t  *column;

    i = r->partial ? r->schema->n : mlops_read_lacks(r, 0);

    if (i == r->schema->n) {
        return MLOPS_OK;
    }

    column = &r->schema->columns[i];
    r->column = column;
    close = NULL;

    /* a third of the name may differ */

    limit = (uint32_t) column->name.len / 3 + 1;
    closest = limit + 1;

    for (j = 0; j < n && j < MLOPS_CLOSE_MAX; j++) {

        if (mlops_schema_find(r->schema, names[j].data, names[j].len, j) >= 0)
        {
            continue;
        }

        d = mlops_name_distance(&names[j], &column->name);

        if (d < closest) {
            closest = d;
            close = &names[j];
        }
    }

    if (close == NULL) {
        (void) mlops_read_error(r, "missing");

    } else {
        (void) mlops_read_error(r, "missing; the unknown name \"%.*s\" comes "
                                "close", mlops_read_cut(close), close->data);
    }

    return MLOPS_ERROR;
}


/* Levenshtein's distance; long names are far from everything. */

static uint32_t
mlops_name_distance(const mlops_str_t *a, const mlops_str_t *b)
{
    size_t    i, j;
    uint32_t  row[MLOPS_QUOTE_MAX + 1], diagonal, up, best;

    if (a->len > MLOPS_QUOTE_MAX || b->len > MLOPS_QUOTE_MAX) {
        return UINT32_MAX;
    }

    for (j = 0; j <= b->len; j++) {
        row[j] = (uint32_t) j;
    }

    for (i = 1; i <= a->len; i++) {
        diagonal = row[0];
        row[0] = (uint32_t) i;

        for (j = 1; j <= b->len; j++) {
            up = row[j];
            best = diagonal + (a->data[i - 1] != b->data[j - 1]);

            if (up + 1 < best) {
                best = up + 1;
            }

            if (row[j - 1] + 1 < best) {
                best = row[j - 1] + 1;
            }

            row[j] = best;
            diagonal = up;
        }
    }

    return row[b->len];
}
