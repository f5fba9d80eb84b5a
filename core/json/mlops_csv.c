/*
 * Cells of CSV.
 */

#include "mlops_csv.h"


static const char *mlops_csv_quoted(const char *data, const char *p,
    const char *end, mlops_csv_cell_t *cell, mlops_err_t *err);


const char *
mlops_csv_start(const char *data, const char *end)
{
    return (end - data >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0)
           ? data + 3 : data;
}


const char *
mlops_csv_cell(const char *data, const char *p, const char *end,
    mlops_csv_cell_t *cell, mlops_err_t *err)
{
    cell->quoted = 0;
    cell->doubled = 0;

    if (p < end && *p == '"') {
        return mlops_csv_quoted(data, p, end, cell, err);
    }

    cell->p = p;

    while (p < end && *p != ',' && *p != '\n' && *p != '"') {
        p++;
    }

    if (p < end && *p == '"') {
        (void) mlops_err_set(err, "malformed CSV at byte %zu: a quote inside "
                             "an unquoted cell", (size_t) (p - data));
        return NULL;
    }

    cell->len = (size_t) (p - cell->p);

    if (cell->len != 0 && p[-1] == '\r' && p < end && *p == '\n') {
        cell->len--;
    }

    return p;
}


static const char *
mlops_csv_quoted(const char *data, const char *p, const char *end,
    mlops_csv_cell_t *cell, mlops_err_t *err)
{
    const char  *start;

    start = p;
    cell->quoted = 1;
    cell->p = ++p;

    for ( ;; ) {
        p = (p < end) ? memchr(p, '"', (size_t) (end - p)) : NULL;

        if (p == NULL) {
            (void) mlops_err_set(err, "malformed CSV at byte %zu: the quote "
                                 "is not closed", (size_t) (start - data));
            return NULL;
        }

        if (p + 1 == end || p[1] != '"') {
            break;
        }

        cell->doubled = 1;
        p += 2;
    }

    cell->len = (size_t) (p - cell->p);
    p++;

    if (end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
        p++;
    }

    if (p < end && *p != ',' && *p != '\n') {
        (void) mlops_err_set(err, "malformed CSV at byte %zu: expected a "
                             "comma or the end of the line behind the quote",
                             (size_t) (p - data));
        return NULL;
    }

    return p;
}


size_t
mlops_csv_unquote(char *out, const char *p, size_t len)
{
    char        *start;
    const char  *end;

    start = out;
    end = p + len;

    while (p < end) {
        p += (*p == '"');
        *out++ = *p++;
    }

    return (size_t) (out - start);
}
