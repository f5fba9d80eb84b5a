/*
 * A CSV body (RFC 4180): a header row of names, then rows of cells.
 *
 *     line ends      LF or CRLF; the last may lack; empty lines are skipped
 *     quoted cells   start and end with '"', hold '""' for '"', commas, line
 *                    ends; a quote inside an unquoted cell is an error
 *     empty cell     missing; a quoted empty cell of a BYTES column is a
 *                    string of no bytes
 *     numbers        as JSON's, and "+1", ".5", "1."; spaces and tabs around
 *                    them do not count; with nonfinite set also "nan" and
 *                    "inf"
 *     booleans       true, True, TRUE, false, False, FALSE
 *
 * A column of an unknown name is skipped.  A byte order mark at the start is
 * skipped.  Error texts have the form of plain requests.
 */

#include "mlops_reader.h"

#include "mlops_csv.h"


static const char *mlops_csv_header(mlops_reader_t *r, const char *p,
    int32_t **map, uint32_t *n);
static const char *mlops_csv_next(mlops_reader_t *r, const char *p,
    mlops_csv_cell_t *cell);
static const char *mlops_csv_row(mlops_reader_t *r, const char *p,
    uint32_t row, const int32_t *map, uint32_t n);
static int mlops_csv_value(mlops_reader_t *r, mlops_csv_cell_t *in,
    mlops_cell_t *cell);
static int mlops_csv_string(mlops_reader_t *r, mlops_csv_cell_t *in,
    mlops_cell_t *cell);
static int mlops_csv_error(mlops_reader_t *r, const mlops_csv_cell_t *in,
    const char *expected);


/* Skips line ends. */

static const char *
mlops_csv_lines(const mlops_reader_t *r, const char *p)
{
    while (p < r->end
           && (*p == '\n'
               || (*p == '\r' && p + 1 < r->end && p[1] == '\n')))
    {
        p++;
    }

    return p;
}


int
mlops_request_csv(mlops_request_t *req, const mlops_interface_t *face,
    int partial, const mlops_limits_t *limits, const char *body, size_t len,
    mlops_arena_t *arena, mlops_err_t *err)
{
    int32_t         *map;
    uint32_t         i, n;
    const char      *p, *start;
    mlops_reader_t   r;

    if (mlops_reader_init(&r, req, face, partial, limits, body, len, arena,
                          err) != MLOPS_OK)
    {
        return r.rc;
    }

    req->dialect = MLOPS_DIALECT_CSV;
    map = NULL;
    n = 0;
    p = mlops_csv_lines(&r, mlops_csv_start(body, r.end));

    if (p == r.end) {
        return mlops_err_set(err, "expected CSV with a header of names, got "
                             "an empty body");
    }

    p = mlops_csv_header(&r, p, &map, &n);

    if (p == NULL) {
        return r.rc;
    }

    p = mlops_csv_lines(&r, p);
    start = p;

    for (i = 0; p < r.end; i++) {

        if (mlops_read_rows_grow(&r, i, start, p) != MLOPS_OK) {
            return r.rc;
        }

        r.row = i;
        p = mlops_csv_row(&r, p, i, map, n);

        if (p == NULL) {
            return r.rc;
        }

        p = mlops_csv_lines(&r, p);
    }

    if (i == 0) {
        return mlops_err_set(err, "expected at least one row below the "
                             "header, got none");
    }

    req->rows.n = i;
    req->rows.text = (r.text != NULL) ? r.text : body;

    return MLOPS_OK;
}


static const char *
mlops_csv_next(mlops_reader_t *r, const char *p, mlops_csv_cell_t *cell)
{
    mlops_err_t  why;

    p = mlops_csv_cell(r->body, p, r->end, cell, &why);

    return (p != NULL) ? p : mlops_read_error(r, "%s", why.text);
}


static const char *
mlops_csv_header(mlops_reader_t *r, const char *p, int32_t **map, uint32_t *n)
{
    int                c;
    char              *copy;
    uint32_t           i, room;
    mlops_str_t       *names;
    mlops_csv_cell_t   cell;

    names = NULL;
    room = 0;

    for (i = 0; /* void */ ; i++) {
        p = mlops_csv_next(r, p, &cell);

        if (p == NULL) {
            return NULL;
        }

        if (mlops_read_names_grow(r, &names, i, &room) != MLOPS_OK) {
            return NULL;
        }

        names[i].data = cell.p;
        names[i].len = cell.len;

        if (cell.doubled) {
            copy = mlops_arena_alloc(r->arena, cell.len);

            if (copy == NULL) {
                return mlops_read_memory(r);
            }

            names[i].data = copy;
            names[i].len = mlops_csv_unquote(copy, cell.p, cell.len);
        }

        if (!mlops_read_is(r, p, ',')) {
            break;
        }

        p++;
    }

    *n = i + 1;
    *map = mlops_arena_alloc(r->arena, *n * sizeof(int32_t));

    if (*map == NULL) {
        return mlops_read_memory(r);
    }

    if (r->schema == NULL
        && mlops_read_choose(r, mlops_read_by_names(r, names, *n))
           != MLOPS_OK)
    {
        return NULL;
    }

    for (i = 0; i < *n; i++) {
        c = mlops_schema_find(r->schema, names[i].data, names[i].len, i);
        (*map)[i] = c;

        if (c < 0) {
            continue;
        }

        if (mlops_bit(r->seen, (uint32_t) c)) {
            r->column = &r->schema->columns[c];
            return mlops_read_error(r, "the name is there twice");
        }

        mlops_bit_set(r->seen, (uint32_t) c);
    }

    return (mlops_read_all_seen(r, names, *n) == MLOPS_OK) ? p : NULL;
}


static const char *
mlops_csv_row(mlops_reader_t *r, const char *p, uint32_t row,
    const int32_t *map, uint32_t n)
{
    int                more;
    uint32_t           i;
    uint64_t          *present;
    mlops_cell_t      *cells;
    mlops_csv_cell_t   in;

    cells = r->req->rows.cells + (size_t) row * r->schema->n;
    present = r->req->rows.present + (size_t) row * r->req->rows.words;

    for (i = 0; i < n; i++) {
        r->column = NULL;
        p = mlops_csv_next(r, p, &in);

        if (p == NULL) {
            return NULL;
        }

        if (map[i] >= 0 && (in.len != 0 || in.quoted)) {
            r->column = &r->schema->columns[map[i]];

            if (in.len != 0 || r->column->kind == MLOPS_CELL_STRING) {

                if (mlops_csv_value(r, &in, &cells[map[i]]) != MLOPS_OK) {
                    return NULL;
                }

                mlops_bit_set(present, (uint32_t) map[i]);
            }
        }

        more = mlops_read_is(r, p, ',');

        if (more != (i + 1 < n)) {
            r->column = NULL;

            return more ? mlops_read_error(r, "expected %u cell%s, got more",
                                           n, (n == 1) ? "" : "s")
                        : mlops_read_error(r, "expected %u cells, got %u", n,
                                           i + 1);
        }

        p += more;
    }

    return p;
}


static int
mlops_csv_value(mlops_reader_t *r, mlops_csv_cell_t *in, mlops_cell_t *cell)
{
    int           overflow;
    float         f;
    double        d;
    int64_t       lo;
    uint64_t      hi;
    const char   *end, *next;
    mlops_str_t   text;

    if (r->column->kind == MLOPS_CELL_STRING) {
        return mlops_csv_string(r, in, cell);
    }

    text = mlops_csv_trim(in);
    in->p = text.data;
    in->len = text.len;

    if (r->column->type == MLOPS_TYPE_BOOL) {

        if (mlops_str_is(&text, "true") || mlops_str_is(&text, "True")
            || mlops_str_is(&text, "TRUE"))
        {
            cell->u = 1;

        } else if (mlops_str_is(&text, "false")
                   || mlops_str_is(&text, "False")
                   || mlops_str_is(&text, "FALSE"))
        {
            cell->u = 0;

        } else {
            return mlops_csv_error(r, in, "true or false");
        }

        return MLOPS_OK;
    }

    if (r->column->kind == MLOPS_CELL_DOUBLE) {

        if (r->column->type == MLOPS_TYPE_FP32) {
            overflow = mlops_number_float(&text, &f);
            d = f;

        } else {
            overflow = mlops_number(&text, &d);
        }

        if (overflow != MLOPS_OK) {
            return mlops_csv_error(r, in, "a number");
        }

        /* an infinity that is not called so is a number too large */

        if (isinf(d) && memchr(in->p, 'n', in->len) == NULL) {
            return mlops_csv_error(r, in,
                                   (r->column->type == MLOPS_TYPE_FP32)
                                   ? "a number that FP32 holds"
                                   : "a number that FP64 holds");
        }

        if (!isfinite(d) && !r->limits->nonfinite) {
            return mlops_csv_error(r, in, "a finite number");
        }

        cell->f = d;

        return MLOPS_OK;
    }

    end = in->p + in->len;
    overflow = 0;
    mlops_type_limits(r->column->type, &lo, &hi);

    if (r->column->kind == MLOPS_CELL_INT) {
        next = mlops_parse_int64(in->p, end, &cell->i, &overflow);
        overflow |= (next == end && !overflow
                     && (cell->i < lo
                         || (cell->i > 0 && (uint64_t) cell->i > hi)));

    } else {
        next = mlops_parse_uint64(in->p, end, &cell->u, &overflow);
        overflow |= (next == end && !overflow && cell->u > hi);
    }

    if (next != end) {
        return mlops_csv_error(r, in, "an integer");
    }

    if (overflow) {
        (void) mlops_read_integer_range(r, in->p, end);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static int
mlops_csv_string(mlops_reader_t *r, mlops_csv_cell_t *in, mlops_cell_t *cell)
{
    char  *text;

    if (!mlops_utf8_valid(in->p, in->len)) {
        (void) mlops_read_error(r, "expected UTF-8");
        return MLOPS_ERROR;
    }

    cell->s.off = (uint32_t) (in->p - r->body);
    cell->s.len = (uint32_t) in->len;

    if (in->doubled) {
        text = mlops_read_own_text(r);

        if (text == NULL) {
            return MLOPS_ERROR;
        }

        cell->s.len = (uint32_t) mlops_csv_unquote(text + cell->s.off, in->p,
                                                   in->len);
    }

    return MLOPS_OK;
}


static int
mlops_csv_error(mlops_reader_t *r, const mlops_csv_cell_t *in,
    const char *expected)
{
    mlops_str_t  got;

    got.data = in->p;
    got.len = in->len;

    (void) mlops_read_error(r, "expected %s, got \"%.*s\"", expected,
                            mlops_read_cut(&got), got.data);
    return MLOPS_ERROR;
}
