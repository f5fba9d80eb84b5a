/*
 * What happens to rows between the scanner and a model: required values,
 * defaults, training ranges.
 *
 * Almost all rows are complete and in range, so that each row first gets a
 * test without branches; only a row that fails it is looked at column by
 * column.
 */

#include "mlops_row.h"
#include "mlops_num.h"

#include <stdio.h>


typedef struct {
    mlops_rows_t    *rows;
    mlops_range_t    range;
    mlops_notice_t  *notice;
    mlops_arena_t   *arena;
    mlops_err_t     *err;
    double          *lo;        /* a column each, -inf where there is none */
    double          *hi;
    unsigned         text:1;    /* a string default is to be filled in */
} mlops_complete_t;


static int mlops_complete_limits(mlops_complete_t *c);
static int mlops_complete_missing(mlops_complete_t *c, uint32_t row);
static int mlops_complete_range(mlops_complete_t *c, uint32_t row);
static int mlops_complete_refuse(mlops_complete_t *c, uint32_t row,
    const mlops_column_t *column, double value);
static int mlops_complete_text(mlops_complete_t *c);
static int mlops_complete_note(mlops_complete_t *c, uint64_t **bits,
    uint32_t column);


int
mlops_rows_complete(mlops_rows_t *rows, mlops_range_t range,
    mlops_notice_t *notice, mlops_arena_t *arena, mlops_err_t *err)
{
    int                    bad;
    double                 v;
    uint32_t               i, j, n, flags;
    uint64_t               full, *present;
    mlops_cell_t          *cells;
    mlops_complete_t       c;
    const mlops_column_t  *columns;

    memset(notice, 0, sizeof(*notice));

    c.rows = rows;
    c.range = range;
    c.notice = notice;
    c.arena = arena;
    c.err = err;
    c.text = 0;

    n = rows->schema->n;
    columns = rows->schema->columns;
    flags = 0;

    for (j = 0; j < n; j++) {
        flags |= columns[j].flags;
    }

    flags &= MLOPS_COLUMN_REQUIRED|MLOPS_COLUMN_DEFAULT|MLOPS_COLUMN_RANGE;

    if (flags == 0) {
        return MLOPS_OK;
    }

    c.lo = NULL;

    if (flags & MLOPS_COLUMN_RANGE && mlops_complete_limits(&c) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < rows->n; i++) {
        cells = rows->cells + (size_t) i * n;
        present = rows->present + (size_t) i * rows->words;

        if (flags & (MLOPS_COLUMN_REQUIRED|MLOPS_COLUMN_DEFAULT)) {
            bad = 0;

            for (j = 0; j < rows->words; j++) {
                full = (n - j * 64 < 64) ? ((uint64_t) 1 << (n - j * 64)) - 1
                                         : UINT64_MAX;
                bad |= (present[j] != full);
            }

            if (bad && mlops_complete_missing(&c, i) != MLOPS_OK) {
                return MLOPS_ERROR;
            }
        }

        if (c.lo == NULL) {
            continue;
        }

        /* cells that are no double have limits that nothing passes here,
         * and NaN passes none */

        bad = 0;

        for (j = 0; j < n; j++) {
            v = cells[j].f;
            bad |= (v < c.lo[j]) | (v > c.hi[j]);
        }

        if ((bad || c.hi[n] != 0) && mlops_complete_range(&c, i) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    if (c.text) {
        return mlops_complete_text(&c);
    }

    return MLOPS_OK;
}


/*
 * The limits side by side.  hi has one element more: not 0 where an integer
 * column has a range, which only the slow way tests.
 * A float cell is compared with the limit rounded as the float was, so that
 * the limit itself stays inside.
 */

static int
mlops_complete_limits(mlops_complete_t *c)
{
    uint32_t               j, n;
    const mlops_column_t  *column;

    n = c->rows->schema->n;

    c->lo = mlops_arena_alloc(c->arena, ((size_t) n * 2 + 1)
                                        * sizeof(double));
    if (c->lo == NULL) {
        return mlops_err_set(c->err, "rows: out of memory");
    }

    c->hi = c->lo + n;
    c->hi[n] = 0;

    for (j = 0; j < n; j++) {
        column = &c->rows->schema->columns[j];

        c->lo[j] = -INFINITY;
        c->hi[j] = INFINITY;

        if (!(column->flags & MLOPS_COLUMN_RANGE)) {
            continue;
        }

        if (column->kind == MLOPS_CELL_DOUBLE) {
            c->lo[j] = column->lo;
            c->hi[j] = column->hi;

            if (column->type == MLOPS_TYPE_FP32) {
                c->lo[j] = (float) column->lo;
                c->hi[j] = (float) column->hi;
            }

        } else if (column->kind != MLOPS_CELL_STRING) {
            c->hi[n] = 1;
        }
    }

    return MLOPS_OK;
}


static int
mlops_complete_missing(mlops_complete_t *c, uint32_t row)
{
    int                    noted;
    uint32_t               j, n;
    uint64_t              *present;
    mlops_cell_t          *cells;
    const mlops_column_t  *column;

    n = c->rows->schema->n;
    cells = c->rows->cells + (size_t) row * n;
    present = c->rows->present + (size_t) row * c->rows->words;
    noted = 0;

    for (j = 0; j < n; j++) {

        if (mlops_bit(present, j)) {
            continue;
        }

        column = &c->rows->schema->columns[j];

        if (column->flags & MLOPS_COLUMN_DEFAULT) {

            if (column->kind == MLOPS_CELL_STRING) {
                /* placed by mlops_complete_text() */
                cells[j].s.off = UINT32_MAX;
                cells[j].s.len = (uint32_t) column->def_text.len;
                c->text = 1;

            } else {
                cells[j] = column->def;
            }

            mlops_bit_set(present, j);

            if (mlops_complete_note(c, &c->notice->default_columns, j)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            noted = 1;
            continue;
        }

        if (column->flags & MLOPS_COLUMN_REQUIRED) {

            if (c->rows->n == 1) {
                return mlops_err_set(c->err, "%.*s: expected a value, got "
                                     "none", mlops_fmt(&column->name));
            }

            return mlops_err_set(c->err, "%.*s, row %u: expected a value, "
                                 "got none", mlops_fmt(&column->name), row);
        }
    }

    c->notice->default_rows += noted;

    return MLOPS_OK;
}


/* The integer that a limit stands for: 2^63 and 2^64 have none. */

static inline int64_t
mlops_complete_int(double v)
{
    return (v >= 0x1p63) ? INT64_MAX : (v <= -0x1p63) ? INT64_MIN
                                                      : (int64_t) v;
}


static inline uint64_t
mlops_complete_uint(double v)
{
    return (v >= 0x1p64) ? UINT64_MAX : (v <= 0) ? 0 : (uint64_t) v;
}


static int
mlops_complete_range(mlops_complete_t *c, uint32_t row)
{
    int                    noted;
    double                 v, lo, hi;
    uint32_t               j, n;
    uint64_t              *present;
    mlops_cell_t          *cells;
    const mlops_column_t  *column;

    n = c->rows->schema->n;
    cells = c->rows->cells + (size_t) row * n;
    present = c->rows->present + (size_t) row * c->rows->words;
    noted = 0;

    for (j = 0; j < n; j++) {
        column = &c->rows->schema->columns[j];

        if (!(column->flags & MLOPS_COLUMN_RANGE)
            || column->kind == MLOPS_CELL_STRING
            || !mlops_bit(present, j))
        {
            continue;
        }

        if (column->kind == MLOPS_CELL_DOUBLE) {
            lo = c->lo[j];
            hi = c->hi[j];

        } else {
            lo = ceil(column->lo);
            hi = floor(column->hi);
        }

        v = mlops_cell_number(column->kind, cells[j], 1);

        if (!(v < lo) && !(v > hi)) {
            continue;
        }

        if (c->range == MLOPS_RANGE_REFUSE) {
            return mlops_complete_refuse(c, row, column, v);
        }

        if (c->range == MLOPS_RANGE_CLIP) {
            v = (v < lo) ? lo : hi;

            if (column->kind == MLOPS_CELL_DOUBLE) {
                cells[j].f = v;

            } else if (column->kind == MLOPS_CELL_INT) {
                cells[j].i = mlops_complete_int(v);

            } else {
                cells[j].u = mlops_complete_uint(v);
            }
        }

        if (mlops_complete_note(c, &c->notice->range_columns, j) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        noted = 1;
    }

    c->notice->range_rows += noted;

    return MLOPS_OK;
}


static char *
mlops_complete_print(char *p, const mlops_column_t *column, double value)
{
    if (isinf(value)) {
        p = stpcpy(p, (value < 0) ? "-Infinity" : "Infinity");

    } else if (column->kind != MLOPS_CELL_DOUBLE && fabs(value) < 9e15
               && value == floor(value))
    {
        p = mlops_print_int64(p, (int64_t) value);

    } else if (column->type == MLOPS_TYPE_FP32) {
        p = mlops_print_float(p, (float) value);

    } else {
        p = mlops_print_double(p, value);
    }

    *p = '\0';

    return p;
}


static int
mlops_complete_refuse(mlops_complete_t *c, uint32_t row,
    const mlops_column_t *column, double value)
{
    char  at[32], lo[MLOPS_DOUBLE_LEN + 1], hi[MLOPS_DOUBLE_LEN + 1],
          got[MLOPS_DOUBLE_LEN + 1];

    at[0] = '\0';

    if (c->rows->n > 1) {
        (void) sprintf(at, ", row %u", row);
    }

    (void) mlops_complete_print(got, column, value);
    (void) mlops_complete_print(lo, column, column->lo);
    (void) mlops_complete_print(hi, column, column->hi);

    return mlops_err_set(c->err, "%.*s%s: expected a value in the training "
                         "range %s to %s, got %s", mlops_fmt(&column->name),
                         at, lo, hi, got);
}


/* String defaults need a text that holds them too: a new one is made of all
 * strings of the rows and each default once. */

static int
mlops_complete_text(mlops_complete_t *c)
{
    char                  *text, *p;
    size_t                 size, i, cells_n;
    uint32_t               j, n, off;
    mlops_rows_t          *rows;
    mlops_cell_t          *cell;
    const mlops_column_t  *column;

    rows = c->rows;
    n = rows->schema->n;
    cells_n = (size_t) rows->n * n;
    size = 0;

    for (j = 0; j < n; j++) {
        column = &rows->schema->columns[j];

        if (column->kind != MLOPS_CELL_STRING) {
            continue;
        }

        size += column->def_text.len;

        for (i = j; i < cells_n; i += n) {
            if (rows->cells[i].s.off != UINT32_MAX) {
                size += rows->cells[i].s.len;
            }
        }
    }

    if (size >= UINT32_MAX) {
        return mlops_err_set(c->err, "rows: more than 4 GiB of strings");
    }

    text = mlops_arena_alloc(c->arena, size + 1);

    if (text == NULL) {
        return mlops_err_set(c->err, "rows: out of memory for %zu bytes of "
                             "strings", size);
    }

    p = text;

    for (j = 0; j < n; j++) {
        column = &rows->schema->columns[j];

        if (column->kind != MLOPS_CELL_STRING) {
            continue;
        }

        off = (uint32_t) (p - text);

        if (column->def_text.len != 0) {
            memcpy(p, column->def_text.data, column->def_text.len);
            p += column->def_text.len;
        }

        for (i = j; i < cells_n; i += n) {
            cell = &rows->cells[i];

            if (cell->s.off == UINT32_MAX) {
                cell->s.off = off;
                continue;
            }

            if (cell->s.len != 0) {
                memcpy(p, rows->text + cell->s.off, cell->s.len);
            }

            cell->s.off = (uint32_t) (p - text);
            p += cell->s.len;
        }
    }

    rows->text = text;

    return MLOPS_OK;
}


static int
mlops_complete_note(mlops_complete_t *c, uint64_t **bits, uint32_t column)
{
    if (*bits == NULL) {
        *bits = mlops_arena_calloc(c->arena, c->rows->words,
                                   sizeof(uint64_t));
        if (*bits == NULL) {
            return mlops_err_set(c->err, "rows: out of memory");
        }
    }

    mlops_bit_set(*bits, column);

    return MLOPS_OK;
}
