/*
 * Cells of a frame: the second pass.
 *
 * The common cell, a number with the delimiter right behind it, is parsed
 * where it stands; whatever else there is goes through one slow function
 * that knows quotes, spaces, missing texts and errors.
 */

#include "mlops_frame_job.h"
#include "mlops_num.h"
#include "mlops_simd.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>


#define MLOPS_FRAME_QUOTE_MAX  48       /* bytes of a cell in an error */


static const char *mlops_frame_row(mlops_frame_worker_t *worker,
    const char *p, uint64_t row);
static const char *mlops_frame_field_end(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p);
static const char *mlops_frame_code(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, uint64_t row);
static int mlops_frame_value(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, mlops_csv_cell_t *cell, uint64_t row);
static int mlops_frame_is_text(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const mlops_csv_cell_t *cell,
    const char *data, size_t len);
static int mlops_frame_bool(const mlops_str_t *text, double *value);
static int mlops_frame_string(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const mlops_csv_cell_t *cell,
    uint64_t row);
static void mlops_frame_none(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, uint64_t row);
static int mlops_frame_expected(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const mlops_csv_cell_t *cell,
    const char *fmt, ...) mlops_printf(4, 5);


const char *
mlops_frame_blank(const char *p, const char *end, uint64_t *line)
{
    while (p < end) {

        if (*p == '\n') {
            p++;

        } else if (*p == '\r' && end - p > 1 && p[1] == '\n') {
            p += 2;

        } else {
            break;
        }

        (*line)++;
    }

    return p;
}


/* A row of names is passed over: its cells are known to be well-formed. */

static const char *
mlops_frame_pass(mlops_frame_worker_t *worker, const char *p)
{
    uint32_t           i;
    const char        *at;
    mlops_err_t        why;
    mlops_csv_cell_t   cell;

    for (i = 0; i < worker->job->fields_n; i++) {
        at = p;
        p = mlops_csv_cell(p, p, worker->stop, &cell, &why);

        if (p == NULL || p == worker->stop) {
            return NULL;
        }

        for (p++; at < p; at++) {
            worker->line += (*at == '\n');
        }
    }

    return p;
}


static int
mlops_frame_changed(mlops_frame_worker_t *worker)
{
    return mlops_err_set(&worker->err, "%s was changed while it was read",
                         worker->job->name);
}


int
mlops_frame_chunk(mlops_frame_worker_t *worker, uint32_t chunk)
{
    if (mlops_frame_load(worker, chunk, &worker->err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_frame_rows(worker, chunk);
}


int
mlops_frame_rows(mlops_frame_worker_t *worker, uint32_t chunk)
{
    uint64_t            row, last;
    const char         *p;
    mlops_frame_job_t  *job;

    job = worker->job;
    row = job->chunks[chunk].row;
    last = job->chunks[chunk + 1].row;
    worker->line = job->chunks[chunk].line;
    p = worker->buffer;

    if (row < job->names_n) {
        p = mlops_frame_blank(p, worker->stop, &worker->line);
        p = mlops_frame_pass(worker, p);
        row++;

        if (p == NULL) {
            return mlops_frame_changed(worker);
        }
    }

    row -= job->names_n;
    last -= job->names_n;

    if (worker->rows_max != 0 && last - row > worker->rows_max) {
        last = row + worker->rows_max;
    }

#if (__x86_64__)

    if (job->simd >= MLOPS_SIMD_AVX512
        && mlops_frame_rows_avx512(worker, &p, &row, last) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (job->simd >= MLOPS_SIMD_AVX2 && row < last
        && mlops_frame_rows_avx2(worker, &p, &row, last) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

#endif

    for ( /* void */ ; row < last; row++) {
        p = mlops_frame_blank(p, worker->stop, &worker->line);

        if (p == worker->stop) {
            return mlops_frame_changed(worker);
        }

        if (job->frame->lines != NULL) {
            job->frame->lines[row] = (worker->line < UINT32_MAX)
                                     ? (uint32_t) worker->line : UINT32_MAX;
        }

        worker->extra = 0;
        p = mlops_frame_row(worker, p, row);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        worker->line += 1 + worker->extra;
    }

    if (worker->rows_max == 0
        && mlops_frame_blank(p, worker->stop, &worker->line) != worker->stop)
    {
        return mlops_frame_changed(worker);
    }

    return MLOPS_OK;
}


/* Is x one of the numbers that mean a missing value?  In float32 as rounded to
 * it, but for those that are rounded to 0. */

static inline int
mlops_frame_is_value(const mlops_frame_job_t *job,
    const mlops_frame_field_t *field, double x)
{
    double    v;
    uint32_t  i;

    for (i = 0; i < job->values_n; i++) {
        v = job->values[i];

        if (field->kind == MLOPS_FRAME_FLOAT && (float) v != 0) {
            v = (float) v;
        }

        if (x == v) {
            return field->kind != MLOPS_FRAME_BOOL;
        }
    }

    return 0;
}


/* NaN and the infinities are not equal to themselves minus themselves. */

#define mlops_frame_finite(x)  ((x) - (x) == 0)


/* What ends the last field may be CR LF. */

static inline const char *
mlops_frame_after(const mlops_frame_field_t *field, const char *p)
{
    if (mlops_likely(*p == field->end)) {
        return p + 1;
    }

    if (*p == '\r' && field->end == '\n' && p[1] == '\n') {
        return p + 2;
    }

    return NULL;
}


static const char *
mlops_frame_row(mlops_frame_worker_t *worker, const char *p, uint64_t row)
{
    int                         overflow;
    float                       f;
    double                      d;
    int64_t                     i;
    const char                 *next, *end;
    mlops_frame_job_t          *job;
    const mlops_frame_field_t  *field, *last;

    job = worker->job;
    end = worker->end;
    last = job->fields + job->fields_n;

    for (field = job->fields; field < last; field++) {

        switch (field->kind) {

        case MLOPS_FRAME_DOUBLE:
        case MLOPS_FRAME_GUESS:
            next = mlops_parse_double(p, end, &d);

            if (mlops_unlikely(next == NULL)) {
                break;
            }

            next = mlops_frame_after(field, next);

            if (mlops_unlikely(next == NULL || !mlops_frame_finite(d))) {
                break;
            }

            if (mlops_unlikely(job->values_n != 0)
                && mlops_frame_is_value(job, field, d))
            {
                break;
            }

            ((double *) field->data)[row] = d;
            p = next;

            continue;

        case MLOPS_FRAME_FLOAT:
            next = mlops_parse_float(p, end, &f);

            if (mlops_unlikely(next == NULL)) {
                break;
            }

            next = mlops_frame_after(field, next);

            if (mlops_unlikely(next == NULL || !mlops_frame_finite(f)
                               || job->values_n != 0))
            {
                break;
            }

            ((float *) field->data)[row] = f;
            p = next;

            continue;

        case MLOPS_FRAME_INT:
            next = mlops_parse_int64(p, end, &i, &overflow);

            if (next == NULL || overflow || i < field->lo
                || (i > 0 && (uint64_t) i > field->hi) || job->values_n != 0)
            {
                break;
            }

            next = mlops_frame_after(field, next);

            if (next == NULL) {
                break;
            }

            if (field->wide) {
                ((double *) field->data)[row] = (double) i;

            } else {
                ((float *) field->data)[row] = (float) i;
            }

            p = next;

            continue;

        case MLOPS_FRAME_SKIP:
        case MLOPS_FRAME_CODES:
            next = (*p == '"') ? NULL : mlops_frame_code(worker, field, p,
                                                         row);

            if (next == NULL) {
                break;
            }

            p = next;

            continue;

        case MLOPS_FRAME_UINT:
        case MLOPS_FRAME_BOOL:
            break;
        }

        p = mlops_frame_cell(worker, field, p, row);

        if (p == NULL) {
            return NULL;
        }
    }

    return p;
}


/* The byte that ends an unquoted cell, or the first one that has to be looked
 * at. */

static inline const char *
mlops_frame_text_end(const char *p)
{
    while (*p != ',' && *p != '\n' && *p != '"' && *p != '\r'
           && (unsigned char) *p < 0x80)
    {
        p++;
    }

    return p;
}


/* A plain ASCII text whose code is known, or that nobody wants; NULL: it is
 * for the slow way. */

static const char *
mlops_frame_code(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, uint64_t row)
{
    size_t               len;
    uint32_t             code, hash;
    const char          *last, *next;
    mlops_frame_dict_t  *dict;

    last = mlops_frame_text_end(p);
    next = mlops_frame_after(field, last);

    if (next == NULL || last >= worker->stop) {
        return NULL;
    }

    if (field->kind == MLOPS_FRAME_SKIP) {
        return next;
    }

    len = (size_t) (last - p);

    if (len == 0) {
        return NULL;
    }

    dict = &worker->dicts[field - worker->job->fields];
    code = dict->last;

    if (code == MLOPS_MATRIX_NONE
        || !mlops_str_eq(&dict->texts[code], p, len))
    {
        code = mlops_frame_dict_find(dict, p, len, &hash);

        if (code == MLOPS_MATRIX_NONE) {
            return NULL;
        }

        dict->last = code;
    }

    ((uint32_t *) field->data)[row] = code;

    return next;
}


const char *
mlops_frame_cell(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, uint64_t row)
{
    uint64_t            lines;
    const char         *next;
    mlops_err_t         why;
    mlops_csv_cell_t    cell;

    next = mlops_csv_cell(p, p, worker->stop, &cell, &why);

    if (next == NULL || next == worker->stop) {
        (void) mlops_frame_expected(worker, field, NULL, "%s",
                                    next ? "the line is too long"
                                         : strchr(why.text, ':') + 2);
        return NULL;
    }

    lines = 0;

    if (cell.quoted) {
        for (p = cell.p; p < cell.p + cell.len; p++) {
            lines += (*p == '\n');
        }
    }

    if (mlops_frame_value(worker, field, &cell, row) != MLOPS_OK) {
        return NULL;
    }

    worker->extra += lines;

    return mlops_frame_field_end(worker, field, next);
}


/* p is the comma or line feed behind the cell. */

static const char *
mlops_frame_field_end(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p)
{
    uint32_t            n;
    mlops_err_t         why;
    mlops_csv_cell_t    cell;
    mlops_frame_job_t  *job;

    if (*p == field->end) {
        return p + 1;
    }

    job = worker->job;
    n = (uint32_t) (field - job->fields) + 1;

    while (p != NULL && p < worker->stop && *p == ',' && n < UINT32_MAX) {
        p = mlops_csv_cell(p, p + 1, worker->stop, &cell, &why);
        n++;
    }

    (void) mlops_err_set(&worker->err, "%s line %llu: expected %u cell%s, "
                         "got %u", job->name,
                         (unsigned long long) worker->line, job->fields_n,
                         (job->fields_n == 1) ? "" : "s", n);
    return NULL;
}


static int
mlops_frame_value(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, mlops_csv_cell_t *cell, uint64_t row)
{
    int           rc, overflow;
    float         f;
    double        d;
    int64_t       i;
    uint64_t      u;
    uint32_t      m;
    const char   *end, *next;
    mlops_str_t   text;

    if (field->kind == MLOPS_FRAME_SKIP || field->kind == MLOPS_FRAME_CODES) {
        return mlops_frame_string(worker, field, cell, row);
    }

    text = mlops_csv_trim(cell);

    for (m = 0; cell->len != 0 && m < worker->job->options->missing_n; m++) {
        if (mlops_str_eq(&worker->job->options->missing[m], text.data,
                         text.len))
        {
            break;
        }
    }

    if (cell->len == 0 || m < worker->job->options->missing_n) {
        mlops_frame_none(worker, field, row);
        return MLOPS_OK;
    }

    rc = MLOPS_OK;
    overflow = 0;
    end = text.data + text.len;
    d = 0;

    switch (field->kind) {

    case MLOPS_FRAME_FLOAT:
        rc = mlops_number_float(&text, &f);
        d = f;
        break;

    case MLOPS_FRAME_INT:
        next = mlops_parse_int64(text.data, end, &i, &overflow);
        rc = (next == end) ? MLOPS_OK : MLOPS_ERROR;
        d = (double) i;
        overflow |= (i < field->lo || (i > 0 && (uint64_t) i > field->hi));
        break;

    case MLOPS_FRAME_UINT:
        next = mlops_parse_uint64(text.data, end, &u, &overflow);
        rc = (next == end) ? MLOPS_OK : MLOPS_ERROR;
        d = (double) u;
        overflow |= (u > field->hi);
        break;

    case MLOPS_FRAME_BOOL:
        rc = mlops_frame_bool(&text, &d);
        break;

    default:
        rc = mlops_number(&text, &d);
    }

    if (field->kind == MLOPS_FRAME_GUESS && (rc != MLOPS_OK || isinf(d))) {
        worker->texts[field - worker->job->fields] = 1;
        ((double *) field->data)[row] = NAN;

        return mlops_frame_is_text(worker, field, cell, cell->p, cell->len);
    }

    if (rc != MLOPS_OK) {
        return mlops_frame_expected(worker, field, cell,
                                    (field->kind == MLOPS_FRAME_BOOL)
                                    ? "true or false"
                                    : (field->kind == MLOPS_FRAME_INT
                                       || field->kind == MLOPS_FRAME_UINT)
                                    ? "an integer" : "a number");
    }

    if (overflow) {
        return mlops_frame_expected(worker, field, cell, "an integer from "
                                    "%lld to %llu", (long long) field->lo,
                                    (unsigned long long) field->hi);
    }

    /* an infinity that is not called so is a number too large */

    if (isinf(d)) {
        return mlops_frame_expected(worker, field, cell,
                                    memchr(text.data, 'n', text.len)
                                    ? "a finite number"
                                    : "a number that %s holds",
                                    mlops_type_name(field->type));
    }

    if (isnan(d) || mlops_frame_is_value(worker->job, field, d)) {
        mlops_frame_none(worker, field, row);
        return MLOPS_OK;
    }

    if (field->wide) {
        ((double *) field->data)[row] = d;

    } else {
        ((float *) field->data)[row] = (float) d;
    }

    return MLOPS_OK;
}


/* Asked where a text turns up, whatever its column is taken for as yet: the
 * first error of a file is the same in any number of passes. */

static int
mlops_frame_is_text(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const mlops_csv_cell_t *cell,
    const char *data, size_t len)
{
    if (!mlops_utf8_valid(data, len)) {
        return mlops_frame_expected(worker, field, cell, "UTF-8");
    }

    if (memchr(data, '\0', len) != NULL) {
        return mlops_frame_expected(worker, field, cell, "a text");
    }

    return MLOPS_OK;
}


static int
mlops_frame_bool(const mlops_str_t *text, double *value)
{
    if (mlops_str_is(text, "true") || mlops_str_is(text, "True")
        || mlops_str_is(text, "TRUE"))
    {
        *value = 1;
        return MLOPS_OK;
    }

    if (mlops_str_is(text, "false") || mlops_str_is(text, "False")
        || mlops_str_is(text, "FALSE"))
    {
        *value = 0;
        return MLOPS_OK;
    }

    return MLOPS_ERROR;
}


static int
mlops_frame_string(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const mlops_csv_cell_t *cell,
    uint64_t row)
{
    char                *plain;
    size_t               len;
    uint32_t             m, code, hash;
    const char          *data;
    mlops_frame_dict_t  *dict;

    if (field->kind == MLOPS_FRAME_SKIP) {
        return mlops_utf8_valid(cell->p, cell->len)
               ? MLOPS_OK
               : mlops_frame_expected(worker, field, cell, "UTF-8");
    }

    if (cell->len == 0 && !cell->quoted) {
        mlops_frame_none(worker, field, row);
        return MLOPS_OK;
    }

    data = cell->p;
    len = cell->len;

    if (cell->doubled) {

        /* in place: this cell of the buffer is done with */

        plain = worker->buffer + (cell->p - worker->buffer);
        len = mlops_csv_unquote(plain, cell->p, cell->len);
    }

    dict = &worker->dicts[field - worker->job->fields];
    code = mlops_frame_dict_find(dict, data, len, &hash);

    if (code == MLOPS_MATRIX_NONE) {

        for (m = 0; m < worker->job->options->missing_n; m++) {
            if (mlops_str_eq(&worker->job->options->missing[m], data, len)) {
                mlops_frame_none(worker, field, row);
                return MLOPS_OK;
            }
        }

        if (mlops_frame_is_text(worker, field, cell, data, len) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        code = mlops_frame_dict_add(dict, data, len, hash, row);

        if (code == MLOPS_MATRIX_NONE) {
            return mlops_err_set(&worker->err, "%s line %llu: out of memory "
                                 "for the texts of column \"%.*s\"",
                                 worker->job->name,
                                 (unsigned long long) worker->line,
                                 mlops_fmt(&field->name));
        }
    }

    ((uint32_t *) field->data)[row] = code;

    return MLOPS_OK;
}


static void
mlops_frame_none(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, uint64_t row)
{
    worker->missing[field - worker->job->fields]++;

    if (field->kind == MLOPS_FRAME_CODES) {
        ((uint32_t *) field->data)[row] = MLOPS_MATRIX_NONE;

    } else if (field->wide) {
        ((double *) field->data)[row] = NAN;

    } else {
        ((float *) field->data)[row] = NAN;
    }
}


/* So many of the text's bytes that no character is broken. */

static int
mlops_frame_shown(const char *data, size_t len, size_t max)
{
    if (len > max) {
        for (len = max; len != 0 && (data[len] & 0xc0) == 0x80; len--) {
            /* void */
        }
    }

    return (int) len;
}


/* cell: what is there instead of what is expected; NULL: the text is all. */

static int
mlops_frame_expected(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const mlops_csv_cell_t *cell,
    const char *fmt, ...)
{
    char         text[128], where[192];
    va_list      args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    snprintf(where, sizeof(where), "line %llu, column \"%.*s\"",
             (unsigned long long) worker->line,
             mlops_frame_shown(field->name.data, field->name.len, 128),
             field->name.data);

    if (cell == NULL) {
        return mlops_err_set(&worker->err, "%s %s: %s", worker->job->name,
                             where, text);
    }

    if (!mlops_utf8_valid(cell->p, cell->len)) {
        return mlops_err_set(&worker->err, "%s %s: expected UTF-8, got other "
                             "bytes", worker->job->name, where);
    }

    if (memchr(cell->p, '\0', cell->len) != NULL) {
        return mlops_err_set(&worker->err, "%s %s: expected %s, got a NUL "
                             "byte in it", worker->job->name, where, text);
    }

    if (!cell->quoted && memchr(cell->p, '\r', cell->len) != NULL) {
        return mlops_err_set(&worker->err, "%s %s: expected %s, got a CR in "
                             "it: lines end with LF or CR LF",
                             worker->job->name, where, text);
    }

    return mlops_err_set(&worker->err, "%s %s: expected %s, got \"%.*s\"%s",
                         worker->job->name, where, text,
                         mlops_frame_shown(cell->p, cell->len,
                                           MLOPS_FRAME_QUOTE_MAX), cell->p,
                         (cell->len > MLOPS_FRAME_QUOTE_MAX) ? "…" : "");
}
