/*
 * Rows out of JSON values: [v, …], {"name": v, …}, lists of those, and
 * columns {"name": [v, …], …}.
 */

#include "mlops_reader.h"


static int mlops_read_list_choose(mlops_reader_t *r, const char *p);
static int mlops_read_columns_take(mlops_reader_t *r, const char *p);
static const char *mlops_read_column(mlops_reader_t *r, const char *p,
    uint32_t c);
static const char *mlops_read_count_error(mlops_reader_t *r, uint32_t wanted,
    uint32_t got, int more);
static const char *mlops_read_width_error(mlops_reader_t *r, uint32_t got,
    int more);
static int mlops_read_missing(mlops_reader_t *r, const char *start);


mlops_bulk_t
mlops_read_bulk_type(mlops_reader_t *r)
{
    uint32_t      i;
    mlops_type_t  type;

    if (mlops_likely(r->bulk != MLOPS_BULK_UNKNOWN)) {
        return r->bulk;
    }

    type = r->schema->columns[0].type;

    r->bulk = (type == MLOPS_TYPE_FP64) ? MLOPS_BULK_FP64
              : (type == MLOPS_TYPE_FP32) ? MLOPS_BULK_FP32
              : MLOPS_BULK_NONE;

    for (i = 1; i < r->inputs_n && r->bulk != MLOPS_BULK_NONE; i++) {
        if (r->schema->columns[i].type != type) {
            r->bulk = MLOPS_BULK_NONE;
        }
    }

    return r->bulk;
}


/* Sets the first n bits. */

static inline void
mlops_read_mark(uint64_t *present, uint32_t n)
{
    while (n >= 64) {
        *present++ = UINT64_MAX;
        n -= 64;
    }

    if (n != 0) {
        *present |= ((uint64_t) 1 << n) - 1;
    }
}


/* Behind i values of a row: at the next one, or with *done at the bracket
 * that ends a row of least values. */

static inline const char *
mlops_read_value_next(mlops_reader_t *r, const char *p, uint32_t i,
    uint32_t least, int *done)
{
    p = mlops_read_ws(r, p);
    *done = 0;

    if (mlops_likely(mlops_read_is(r, p, ','))) {
        return mlops_read_ws(r, p + 1);
    }

    if (!mlops_read_is(r, p, ']')) {
        return mlops_read_syntax(r, p, "',' or ']'");
    }

    *done = 1;

    return (i == least) ? p : mlops_read_width_error(r, i, 0);
}


const char *
mlops_read_values(mlops_reader_t *r, const char *p, uint32_t row)
{
    int                    done;
    uint32_t               i, n, least;
    uint64_t              *present;
    mlops_cell_t          *cells;
    const mlops_column_t  *columns;

    n = r->schema->n;
    columns = r->schema->columns;
    cells = r->req->rows.cells + (size_t) row * n;
    present = r->req->rows.present + (size_t) row * r->req->rows.words;

    least = r->inputs_n;

    if (mlops_unlikely(r->width != 0)) {
        least = r->width;
        n = least;
    }

    i = 0;

    if (r->inputs_n >= MLOPS_BULK_MIN
        && mlops_read_bulk_type(r) != MLOPS_BULK_NONE)
    {
        i = mlops_read_bulk(r, &p, cells, 1, r->inputs_n,
                            r->bulk == MLOPS_BULK_FP32);
        mlops_read_mark(present, i);

        if (mlops_likely(i == n)) {
            return p;
        }

        if (i == r->inputs_n) {
            p = mlops_read_value_next(r, p, i, least, &done);

            if (p == NULL || done) {
                return p;
            }
        }
    }

    for ( ;; ) {

        if (mlops_unlikely(mlops_read_is(r, p, ']'))) {
            return mlops_read_width_error(r, i, 0);
        }

        r->column = &columns[i];
        p = mlops_read_cell(r, p, &cells[i], present, i);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        if (++i == n) {
            return p;
        }

        p = mlops_read_value_next(r, p, i, least, &done);

        if (mlops_unlikely(p == NULL || done)) {
            return p;
        }
    }
}


static const char *
mlops_read_width_error(mlops_reader_t *r, uint32_t got, int more)
{
    uint32_t  n;

    n = (r->width != 0) ? r->width : r->inputs_n;

    if (n == r->schema->n || r->width != 0) {
        return mlops_read_count_error(r, n, got, more);
    }

    r->column = NULL;

    if (more) {
        return mlops_read_error(r, "expected %u value%s, or %u with the keys "
                                "of joins, got more", n, (n == 1) ? "" : "s",
                                r->schema->n);
    }

    return mlops_read_error(r, "expected %u value%s, or %u with the keys of "
                            "joins, got %u", n, (n == 1) ? "" : "s",
                            r->schema->n, got);
}


static const char *
mlops_read_count_error(mlops_reader_t *r, uint32_t wanted, uint32_t got,
    int more)
{
    r->column = NULL;

    if (more) {
        return mlops_read_error(r, "expected %u value%s, got more", wanted,
                                (wanted == 1) ? "" : "s");
    }

    return mlops_read_error(r, "expected %u value%s, got %u", wanted,
                            (wanted == 1) ? "" : "s", got);
}


/* map, of n entries, gives the column of each value, or -1 to skip it; NULL
 * is the schema's own order. */

const char *
mlops_read_array_row(mlops_reader_t *r, const char *p, uint32_t row,
    const int32_t *map, uint32_t n)
{
    int            done;
    uint32_t       i;
    uint64_t      *present;
    mlops_cell_t  *cells;

    p = mlops_read_ws(r, p + 1);

    if (map == NULL) {
        p = mlops_read_values(r, p, row);

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_ws(r, p);

        if (mlops_likely(mlops_read_is(r, p, ']'))) {
            return p + 1;
        }

        if (mlops_read_is(r, p, ',')) {
            return mlops_read_width_error(r, 0, 1);
        }

        return mlops_read_syntax(r, p, "',' or ']'");
    }

    cells = r->req->rows.cells + (size_t) row * r->schema->n;
    present = r->req->rows.present + (size_t) row * r->req->rows.words;

    if (mlops_read_is(r, p, ']')) {
        return mlops_read_count_error(r, n, 0, 0);
    }

    for (i = 0; i < n; i++) {

        if (map[i] < 0) {
            p = mlops_read_skip(r, p);

        } else {
            r->column = &r->schema->columns[map[i]];
            p = mlops_read_cell(r, p, &cells[map[i]], present,
                                (uint32_t) map[i]);
        }

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_next(r, p, ']', &done);

        if (p == NULL) {
            return NULL;
        }

        if (done) {

            if (i + 1 == n) {
                return p;
            }

            return mlops_read_count_error(r, n, i + 1, 0);
        }
    }

    return mlops_read_count_error(r, n, 0, 1);
}


const char *
mlops_read_object_row(mlops_reader_t *r, const char *p, uint32_t row)
{
    int            done, c;
    uint32_t       guess, seen;
    uint64_t      *present;
    const char    *start;
    mlops_str_t    key;
    mlops_cell_t  *cells;

    cells = r->req->rows.cells + (size_t) row * r->schema->n;
    present = r->req->rows.present + (size_t) row * r->req->rows.words;

    mlops_read_seen_reset(r);

    start = p;
    guess = 0;
    seen = 0;
    p = mlops_read_ws(r, p + 1);
    done = mlops_read_is(r, p, '}');

    if (done) {
        p++;
    }

    while (!done) {
        p = mlops_read_key(r, p, &key);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        c = mlops_schema_find(r->schema, key.data, key.len, guess);

        if (c < 0) {
            p = mlops_read_skip(r, p);

        } else {
            r->column = &r->schema->columns[c];

            if (mlops_unlikely(mlops_bit(r->seen, (uint32_t) c))) {
                return mlops_read_error(r, "the name is there twice");
            }

            mlops_bit_set(r->seen, (uint32_t) c);
            seen++;
            guess = (uint32_t) c + 1;

            p = mlops_read_cell(r, p, &cells[c], present, (uint32_t) c);
        }

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }
    }

    if (seen != r->schema->n && !r->partial
        && mlops_read_missing(r, start) != MLOPS_OK)
    {
        return NULL;
    }

    return p;
}


/* The names that were there are read again only where one lacks. */

static int
mlops_read_missing(mlops_reader_t *r, const char *start)
{
    uint32_t      n;
    mlops_str_t  *names;

    if (mlops_likely(mlops_read_lacks(r, 0) == r->schema->n)) {
        return MLOPS_OK;
    }

    if (mlops_read_names(r, start, &names, &n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_read_all_seen(r, names, n);
}


/* A list of rows; each a value of its own where the schema has one column,
 * an array in the schema's order, or an object. */

const char *
mlops_read_list(mlops_reader_t *r, const char *p, mlops_rows_form_t form)
{
    int          done;
    uint32_t     i;
    const char  *start;

    if (!mlops_read_is(r, p, '[')) {
        return mlops_read_expected(r, p, "a list of rows");
    }

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, ']')) {
        return mlops_read_error(r, "expected at least one row, got none");
    }

    r->depth += 2;

    if (r->schema == NULL && mlops_read_list_choose(r, p) != MLOPS_OK) {
        return NULL;
    }

    start = p;
    done = 0;

    for (i = 0; !done; i++) {

        if (mlops_read_rows_grow(r, i, start, p) != MLOPS_OK) {
            return NULL;
        }

        r->row = i;

        if (mlops_read_is(r, p, '[') && form & MLOPS_ROWS_ARRAYS) {
            p = mlops_read_array_row(r, p, i, NULL, 0);

        } else if (mlops_read_is(r, p, '{') && form & MLOPS_ROWS_OBJECTS) {
            p = mlops_read_object_row(r, p, i);

        } else if (r->inputs_n == 1 && form & MLOPS_ROWS_ARRAYS) {
            r->width = 1;
            p = mlops_read_values(r, p, i);
            r->width = 0;

        } else {
            p = mlops_read_expected(r, p,
                                    (form == MLOPS_ROWS_ANY)
                                    ? "an array or an object"
                                    : (form == MLOPS_ROWS_ARRAYS)
                                    ? "an array" : "an object");
        }

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        r->column = NULL;
        p = mlops_read_next(r, p, ']', &done);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }
    }

    r->req->rows.n = i;
    r->row = MLOPS_NO_ROW;
    r->depth -= 2;

    return p;
}


/* By the first row: its names or its width. */

static int
mlops_read_list_choose(mlops_reader_t *r, const char *p)
{
    uint32_t      n;
    mlops_str_t  *names;

    n = 1;

    if (mlops_read_is(r, p, '{')) {

        if (mlops_read_names(r, p, &names, &n) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        return mlops_read_choose(r, mlops_read_by_names(r, names, n));
    }

    if (mlops_read_is(r, p, '[') && mlops_read_count(r, p, &n) == NULL) {
        return MLOPS_ERROR;
    }

    return mlops_read_choose(r, mlops_read_by_width(r, n));
}


/*
 * Columns: each member is an array with a value a row (or an array of one),
 * or a value where there is one row.  An object whose only name is no column
 * and whose value is an array holds rows: one input with all columns.
 */

const char *
mlops_read_columns(mlops_reader_t *r, const char *p)
{
    int           done, c;
    uint32_t      guess, names_n;
    const char   *start;
    mlops_str_t   key, *names;

    start = p;

    if (mlops_read_names(r, p, &names, &names_n) != MLOPS_OK) {
        return NULL;
    }

    p = mlops_read_ws(r, start + 1);

    if (names_n == 1 && !mlops_read_is_column(r, &names[0])) {
        p = mlops_read_key(r, p, &key);

        if (mlops_read_is(r, p, '[')) {
            r->depth++;
            p = mlops_read_list(r, p, MLOPS_ROWS_ARRAYS);
            r->depth--;

            return (p == NULL) ? NULL : mlops_read_next(r, p, '}', &done);
        }
    }

    if (r->schema == NULL
        && mlops_read_choose(r, mlops_read_by_names(r, names, names_n))
           != MLOPS_OK)
    {
        return NULL;
    }

    mlops_read_seen_reset(r);

    p = mlops_read_ws(r, start + 1);
    done = mlops_read_is(r, p, '}');

    if (done) {
        p++;
    }

    guess = 0;
    r->depth += 2;

    while (!done) {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return NULL;
        }

        c = mlops_schema_find(r->schema, key.data, key.len, guess);

        if (c < 0) {
            p = mlops_read_skip(r, p);

        } else {
            r->column = &r->schema->columns[c];

            if (mlops_bit(r->seen, (uint32_t) c)) {
                return mlops_read_error(r, "the name is there twice");
            }

            mlops_bit_set(r->seen, (uint32_t) c);
            guess = (uint32_t) c + 1;

            if (r->rows_max == 0 && mlops_read_columns_take(r, p) != MLOPS_OK)
            {
                return NULL;
            }

            p = mlops_read_column(r, p, (uint32_t) c);
        }

        if (p == NULL) {
            return NULL;
        }

        r->row = MLOPS_NO_ROW;
        r->column = NULL;
        p = mlops_read_next(r, p, '}', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    r->depth -= 2;

    if (mlops_read_all_seen(r, names, names_n) != MLOPS_OK) {
        return NULL;
    }

    if (r->rows_max == 0) {
        return mlops_read_error(r, "expected a column, got none");
    }

    return p;
}


/* The first column says how many rows there are. */

static int
mlops_read_columns_take(mlops_reader_t *r, const char *p)
{
    uint32_t  n;

    n = 1;

    if (mlops_read_is(r, p, '[') && mlops_read_count(r, p, &n) == NULL) {
        return MLOPS_ERROR;
    }

    if (n == 0) {
        (void) mlops_read_error(r, "expected at least one row, got none");
        return MLOPS_ERROR;
    }

    return mlops_read_rows_take(r, n);
}


static const char *
mlops_read_column(mlops_reader_t *r, const char *p, uint32_t c)
{
    int            done, nested;
    uint32_t       i, n;
    mlops_rows_t  *rows;

    rows = &r->req->rows;
    n = rows->n;

    if (!mlops_read_is(r, p, '[')) {

        if (n != 1) {
            return mlops_read_expected(r, p, "an array");
        }

        return mlops_read_cell(r, p, &rows->cells[c], rows->present, c);
    }

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, ']')) {
        r->row = MLOPS_NO_ROW;
        return mlops_read_error(r, "expected %u row%s as the columns before, "
                                "got 0", n, (n == 1) ? "" : "s");
    }

    done = 0;

    for (i = 0; !done; i++) {
        r->row = MLOPS_NO_ROW;

        if (i == n) {
            return mlops_read_error(r, "expected %u row%s as the columns "
                                    "before, got more", n,
                                    (n == 1) ? "" : "s");
        }

        if (n > 1) {
            r->row = i;
        }

        nested = mlops_read_is(r, p, '[');

        if (nested) {
            p = mlops_read_ws(r, p + 1);

            if (mlops_read_is(r, p, ']')) {
                return mlops_read_error(r, "expected 1 value, got 0");
            }
        }

        p = mlops_read_cell(r, p, &rows->cells[(size_t) i * r->schema->n + c],
                            rows->present + (size_t) i * rows->words, c);
        if (p == NULL) {
            return NULL;
        }

        if (nested) {
            p = mlops_read_ws(r, p);

            if (!mlops_read_is(r, p, ']')) {
                return mlops_read_is(r, p, ',')
                       ? mlops_read_error(r, "expected 1 value, got more")
                       : mlops_read_syntax(r, p, "',' or ']'");
            }

            p++;
        }

        p = mlops_read_next(r, p, ']', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    if (i != n) {
        r->row = MLOPS_NO_ROW;
        return mlops_read_error(r, "expected %u rows as the columns before, "
                                "got %u", n, i);
    }

    return p;
}
