/*
 * Names of a frame's columns: what the file's lines hold, and which fields
 * fill which columns.
 */

#include "mlops_frame_job.h"

#include <stdio.h>
#include <stdlib.h>


static int mlops_frame_names_read(mlops_frame_job_t *job);
static int mlops_frame_names_given(mlops_frame_job_t *job);
static int mlops_frame_all(mlops_frame_job_t *job);
static int mlops_frame_wanted(mlops_frame_job_t *job);
static int mlops_frame_lacks(mlops_frame_job_t *job, const mlops_str_t *name);
static int mlops_frame_field(mlops_frame_job_t *job, uint32_t field,
    const mlops_str_t *name, mlops_type_t type);


int
mlops_frame_names(mlops_frame_job_t *job)
{
    int       rc;
    uint32_t  i, n;

    job->names_n = (job->options->header == NULL);

    rc = job->names_n ? mlops_frame_names_read(job)
                      : mlops_frame_names_given(job);

    if (rc != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < job->fields_n; i++) {
        job->fields[i].end = (i + 1 < job->fields_n) ? ',' : '\n';
    }

    n = (job->options->want == NULL) ? job->fields_n : job->options->want_n;

    job->frame->columns = mlops_arena_calloc(job->arena, n,
                                             sizeof(mlops_frame_column_t));

    if (job->frame->columns == NULL) {
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    return (job->options->want == NULL) ? mlops_frame_all(job)
                                        : mlops_frame_wanted(job);
}


static int
mlops_frame_fields(mlops_frame_job_t *job, uint32_t n)
{
    job->fields_n = n;
    job->fields = mlops_arena_calloc(job->arena, n,
                                     sizeof(mlops_frame_field_t));

    if (job->fields == NULL) {
        return mlops_err_set(job->err, "%s: out of memory for %u columns",
                             job->name, n);
    }

    return MLOPS_OK;
}


static int
mlops_frame_name_check(mlops_frame_job_t *job, const mlops_csv_cell_t *cell,
    uint64_t line, uint32_t i)
{
    if (!cell->quoted && memchr(cell->p, '\r', cell->len) != NULL) {
        return mlops_err_set(job->err, "%s line %llu, name of column %u: a CR "
                             "without LF: expected lines that end with LF or "
                             "CR LF", job->name, (unsigned long long) line,
                             i + 1);
    }

    if (memchr(cell->p, '\0', cell->len) != NULL) {
        return mlops_err_set(job->err, "%s line %llu, name of column %u: "
                             "expected a text, got a NUL byte in it",
                             job->name, (unsigned long long) line, i + 1);
    }

    if (!mlops_utf8_valid(cell->p, cell->len)) {
        return mlops_err_set(job->err, "%s line %llu, name of column %u: "
                             "expected UTF-8", job->name,
                             (unsigned long long) line, i + 1);
    }

    return MLOPS_OK;
}


/* The first row of the first chunk: once to count, once to keep. */

static int
mlops_frame_names_read(mlops_frame_job_t *job)
{
    int                     rc;
    char                   *to;
    uint32_t                i, n;
    uint64_t                line;
    const char             *p, *start;
    mlops_err_t             why;
    mlops_str_t            *name, text;
    mlops_csv_cell_t        cell;
    mlops_frame_worker_t    worker;

    memset(&worker, 0, sizeof(worker));
    worker.job = job;

    rc = mlops_frame_load(&worker, 0, job->err);

    if (rc != MLOPS_OK) {
        goto done;
    }

    line = 1;
    start = mlops_frame_blank(worker.buffer, worker.stop, &line);
    n = 0;
    p = start;

    do {
        p = mlops_csv_cell(start, p + (n != 0), worker.stop, &cell, &why);
        n++;

        if (p == NULL || p == worker.stop) {
            rc = mlops_err_set(job->err, "%s line %llu, name of column %u: "
                               "%s", job->name, (unsigned long long) line, n,
                               p ? "the line is too long"
                                 : strchr(why.text, ':') + 2);
            goto done;
        }

    } while (*p == ',' && n < UINT32_MAX - 1);

    rc = mlops_frame_fields(job, n);

    if (rc != MLOPS_OK) {
        goto done;
    }

    to = mlops_arena_alloc(job->arena, (size_t) (p - start) + 1);

    if (to == NULL) {
        rc = mlops_err_set(job->err, "%s: out of memory", job->name);
        goto done;
    }

    for (i = 0, p = start; i < n; i++) {
        p = mlops_csv_cell(start, p + (i != 0), worker.stop, &cell, &why);

        rc = mlops_frame_name_check(job, &cell, line, i);

        if (rc != MLOPS_OK) {
            goto done;
        }

        name = &job->fields[i].name;
        name->data = to;

        if (cell.quoted) {
            name->len = mlops_csv_unquote(to, cell.p, cell.len);

        } else {
            /* "a, b" names b, not " b"; who means blanks quotes them */

            text = mlops_csv_trim(&cell);
            memcpy(to, text.data, text.len);
            name->len = text.len;
        }

        to += name->len;
    }

done:

    mlops_frame_unload(&worker);

    return rc;
}


static int
mlops_frame_names_given(mlops_frame_job_t *job)
{
    uint32_t            i;
    const mlops_str_t  *name;

    if (job->options->header_n == 0) {
        return mlops_err_set(job->err, "%s: expected at least one name of a "
                             "column, got none", job->name);
    }

    if (mlops_frame_fields(job, job->options->header_n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < job->fields_n; i++) {
        name = &job->options->header[i];

        job->fields[i].name.len = name->len;
        job->fields[i].name.data = mlops_arena_copy(job->arena, name->data,
                                                    name->len);

        if (job->fields[i].name.data == NULL) {
            return mlops_err_set(job->err, "%s: out of memory", job->name);
        }
    }

    return MLOPS_OK;
}


/* By name, then by place. */

static int
mlops_frame_compare(const void *a, const void *b, void *ctx)
{
    int                         rc;
    size_t                      n;
    uint32_t                    i, j;
    const mlops_frame_field_t  *fields;

    fields = ctx;
    i = *(const uint32_t *) a;
    j = *(const uint32_t *) b;

    n = fields[i].name.len;

    if (n > fields[j].name.len) {
        n = fields[j].name.len;
    }

    rc = n ? memcmp(fields[i].name.data, fields[j].name.data, n) : 0;

    if (rc != 0) {
        return rc;
    }

    if (fields[i].name.len != fields[j].name.len) {
        return (fields[i].name.len > fields[j].name.len) ? 1 : -1;
    }

    return (i > j) - (i < j);
}


static uint32_t *
mlops_frame_sorted(mlops_frame_job_t *job)
{
    uint32_t  i, *order;

    order = mlops_arena_alloc(job->arena,
                              (size_t) job->fields_n * sizeof(uint32_t));

    if (order == NULL) {
        (void) mlops_err_set(job->err, "%s: out of memory", job->name);
        return NULL;
    }

    for (i = 0; i < job->fields_n; i++) {
        order[i] = i;
    }

    qsort_r(order, job->fields_n, sizeof(uint32_t), mlops_frame_compare,
            job->fields);

    return order;
}


static int
mlops_frame_same(const mlops_frame_job_t *job, uint32_t i, uint32_t j)
{
    return mlops_str_eq(&job->fields[i].name, job->fields[j].name.data,
                        job->fields[j].name.len);
}


static int
mlops_frame_twice(mlops_frame_job_t *job, uint32_t i, uint32_t j)
{
    return mlops_err_set(job->err, "%s: column \"%.*s\" is there twice, as "
                         "number %u and %u", job->name,
                         mlops_fmt(&job->fields[i].name), i + 1, j + 1);
}


static int
mlops_frame_all(mlops_frame_job_t *job)
{
    uint32_t  i, *order;

    order = mlops_frame_sorted(job);

    if (order == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 1; i < job->fields_n; i++) {
        if (mlops_frame_same(job, order[i - 1], order[i])) {
            return mlops_frame_twice(job, order[i - 1], order[i]);
        }
    }

    for (i = 0; i < job->fields_n; i++) {
        if (mlops_frame_field(job, i, &job->fields[i].name, MLOPS_TYPE_NONE)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


/* The place among the sorted of the first name that is not below. */

static uint32_t
mlops_frame_search(const mlops_frame_job_t *job, const uint32_t *order,
    const mlops_str_t *name)
{
    int                  rc;
    size_t               n;
    uint32_t             lo, hi, mid;
    const mlops_str_t   *s;

    lo = 0;
    hi = job->fields_n;

    while (lo < hi) {
        mid = lo + (hi - lo) / 2;
        s = &job->fields[order[mid]].name;

        n = (s->len < name->len) ? s->len : name->len;
        rc = n ? memcmp(s->data, name->data, n) : 0;

        if (rc < 0 || (rc == 0 && s->len < name->len)) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    return lo;
}


static int
mlops_frame_wanted(mlops_frame_job_t *job)
{
    uint32_t                   i, at, field, *order;
    const mlops_frame_want_t  *want;

    order = mlops_frame_sorted(job);

    if (order == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < job->options->want_n; i++) {
        want = &job->options->want[i];

        if ((unsigned) want->type >= MLOPS_TYPE_N) {
            return mlops_err_set(job->err, "%s: column \"%.*s\" is asked for "
                                 "with a type that does not exist",
                                 job->name, mlops_fmt(&want->name));
        }

        at = mlops_frame_search(job, order, &want->name);

        if (at < job->fields_n
            && mlops_str_eq(&job->fields[order[at]].name, want->name.data,
                            want->name.len))
        {
            field = order[at];

            if (at + 1 < job->fields_n
                && mlops_frame_same(job, field, order[at + 1]))
            {
                return mlops_frame_twice(job, field, order[at + 1]);
            }

        } else if (want->optional) {
            continue;

        } else {
            return mlops_frame_lacks(job, &want->name);
        }

        if (job->fields[field].kind != MLOPS_FRAME_SKIP) {
            return mlops_err_set(job->err, "%s: column \"%.*s\" is asked for "
                                 "twice", job->name,
                                 mlops_fmt(&job->fields[field].name));
        }

        if (mlops_frame_field(job, field, &want->name, want->type)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_frame_lacks(mlops_frame_job_t *job, const mlops_str_t *name)
{
    char      list[256], *p;
    size_t    left;
    uint32_t  i;

    p = list;

    for (i = 0; i < job->fields_n; i++) {
        left = (size_t) (list + sizeof(list) - p);

        if (job->fields[i].name.len + 8 > left) {
            memcpy(p, ", …", sizeof(", …") - 1);
            p += sizeof(", …") - 1;
            break;
        }

        p += sprintf(p, "%s%.*s", i ? ", " : "",
                     mlops_fmt(&job->fields[i].name));
    }

    return mlops_err_set(job->err, "%s: expected a column \"%.*s\", got %.*s",
                         job->name, mlops_fmt(name), (int) (p - list), list);
}


/* Field number i becomes the next column. */

static int
mlops_frame_field(mlops_frame_job_t *job, uint32_t i, const mlops_str_t *name,
    mlops_type_t type)
{
    mlops_frame_field_t   *field;
    mlops_frame_column_t  *column;

    field = &job->fields[i];
    field->column = job->frame->columns_n++;
    field->type = type;
    field->wide = 1;

    column = &job->frame->columns[field->column];
    column->asked = type;
    column->view.name.len = name->len;
    column->view.name.data = mlops_arena_copy(job->arena, name->data,
                                              name->len);

    if (column->view.name.data == NULL) {
        return mlops_err_set(job->err, "%s: out of memory", job->name);
    }

    switch (type) {

    case MLOPS_TYPE_NONE:
        field->kind = MLOPS_FRAME_GUESS;
        break;

    case MLOPS_TYPE_FP32:
        field->kind = MLOPS_FRAME_FLOAT;
        field->wide = 0;
        break;

    case MLOPS_TYPE_BOOL:
        field->kind = MLOPS_FRAME_BOOL;
        field->wide = 0;
        break;

    case MLOPS_TYPE_INT8:
    case MLOPS_TYPE_INT16:
    case MLOPS_TYPE_UINT8:
    case MLOPS_TYPE_UINT16:
        field->wide = 0;

        /* fall through */

    case MLOPS_TYPE_INT32:
    case MLOPS_TYPE_INT64:
    case MLOPS_TYPE_UINT32:
    case MLOPS_TYPE_UINT64:
        field->kind = (mlops_type_kind(type) == MLOPS_CELL_INT)
                      ? MLOPS_FRAME_INT : MLOPS_FRAME_UINT;
        mlops_type_limits(type, &field->lo, &field->hi);
        break;

    case MLOPS_TYPE_BYTES:
        field->kind = MLOPS_FRAME_CODES;
        break;

    default:
        field->kind = MLOPS_FRAME_DOUBLE;
    }

    return MLOPS_OK;
}
