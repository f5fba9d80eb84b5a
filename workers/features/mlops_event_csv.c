/*
 * An event out of one row of a CSV file (RFC 4180), by the rules of CSV
 * requests: an empty cell is missing (a quoted empty one is a string of no
 * bytes), spaces and tabs around numbers do not count, columns of other
 * names are skipped.
 */

#include "mlops_intake_event.h"


typedef struct {
    const char  *p;
    size_t       len;
    unsigned     quoted:1;
    unsigned     doubled:1;     /* holds a "" */
} mlops_event_csv_t;


static const char *mlops_event_csv_cell(const char *data, const char *p,
    const char *end, mlops_event_csv_t *cell, mlops_err_t *err);
static const char *mlops_event_csv_quoted(const char *data, const char *p,
    const char *end, mlops_event_csv_t *cell, mlops_err_t *err);
static int mlops_event_csv_value(mlops_intake_event_t *event, uint32_t column,
    const char *data, size_t len, const mlops_event_csv_t *in,
    mlops_err_t *err);
static int mlops_event_csv_number(mlops_intake_event_t *event,
    uint32_t column, const mlops_event_csv_t *in, mlops_err_t *err);
static int mlops_event_csv_expected(const mlops_column_t *column,
    const char *expected, const mlops_str_t *got, mlops_err_t *err);
static size_t mlops_event_csv_unquote(char *out, const char *p, size_t len);


/* Without the line's end. */

static const char *
mlops_event_csv_end(const char *data, size_t len)
{
    if (len != 0 && data[len - 1] == '\n') {
        len--;
    }

    if (len != 0 && data[len - 1] == '\r') {
        len--;
    }

    return data + len;
}


int
mlops_event_csv_header(mlops_intake_event_t *event, const char *data,
    size_t len, mlops_err_t *err)
{
    int                 c;
    char               *name;
    uint32_t            max;
    const char         *p, *end;
    mlops_event_csv_t   cell;

    if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        len -= 3;
    }

    end = mlops_event_csv_end(data, len);

    for (max = 1, p = data; p < end; p++) {
        max += (*p == ',');
    }

    event->map_n = 0;
    event->map = mlops_arena_alloc(event->arena, max * sizeof(int32_t));
    name = mlops_arena_alloc(event->arena, len);

    if (event->map == NULL || name == NULL) {
        return mlops_err_set(err, "out of memory for a header of %u columns",
                             (unsigned) max);
    }

    memset(event->seen, 0, event->words * sizeof(uint64_t));
    p = data;

    for ( ;; ) {
        p = mlops_event_csv_cell(data, p, end, &cell, err);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        cell.len = mlops_event_csv_unquote(name, cell.p, cell.len);
        c = mlops_schema_find(event->schema, name, cell.len, event->map_n);
        event->map[event->map_n++] = c;

        if (c >= 0) {

            if (mlops_bit(event->seen, (uint32_t) c)) {
                return mlops_err_set(err, "column \"%.*s\": expected it "
                                     "once, got it twice", (int) cell.len,
                                     name);
            }

            mlops_bit_set(event->seen, (uint32_t) c);
        }

        if (p == end) {
            return MLOPS_OK;
        }

        p++;
    }
}


int
mlops_event_csv(mlops_intake_event_t *event, const char *data, size_t len,
    mlops_err_t *err)
{
    int                 c;
    uint32_t            i;
    const char         *p, *end;
    mlops_event_csv_t   cell;

    mlops_event_start(event, data);

    end = mlops_event_csv_end(data, len);
    p = data;

    for (i = 0; i < event->map_n; i++) {
        p = mlops_event_csv_cell(data, p, end, &cell, err);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        c = event->map[i];

        if (c >= 0 && (cell.len != 0 || cell.quoted)
            && mlops_event_csv_value(event, (uint32_t) c, data,
                                     (size_t) (end - data), &cell, err)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (p == end) {
            i++;
            break;
        }

        p++;
    }

    if (i != event->map_n || p != end) {
        return mlops_err_set(err, "expected %u cells as in the header, got "
                             "%s", (unsigned) event->map_n,
                             (i != event->map_n) ? "fewer" : "more");
    }

    return MLOPS_OK;
}


/* At the start of a cell; returns the comma or the end behind it. */

static const char *
mlops_event_csv_cell(const char *data, const char *p, const char *end,
    mlops_event_csv_t *cell, mlops_err_t *err)
{
    cell->quoted = 0;
    cell->doubled = 0;

    if (p < end && *p == '"') {
        return mlops_event_csv_quoted(data, p, end, cell, err);
    }

    cell->p = p;

    while (p < end && *p != ',' && *p != '"') {
        p++;
    }

    if (p < end && *p == '"') {
        (void) mlops_err_set(err, "malformed CSV at byte %zu: a quote inside "
                             "an unquoted cell", (size_t) (p - data));
        return NULL;
    }

    cell->len = (size_t) (p - cell->p);

    return p;
}


static const char *
mlops_event_csv_quoted(const char *data, const char *p, const char *end,
    mlops_event_csv_t *cell, mlops_err_t *err)
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

    if (p < end && *p != ',') {
        (void) mlops_err_set(err, "malformed CSV at byte %zu: expected a "
                             "comma or the end of the line behind the quote",
                             (size_t) (p - data));
        return NULL;
    }

    return p;
}


static int
mlops_event_csv_value(mlops_intake_event_t *event, uint32_t column,
    const char *data, size_t len, const mlops_event_csv_t *in,
    mlops_err_t *err)
{
    char                  *room;
    mlops_cell_t          *cell;
    const mlops_column_t  *c;

    c = &event->schema->columns[column];

    if (c->kind != MLOPS_CELL_STRING) {
        return (in->len == 0) ? MLOPS_OK
                              : mlops_event_csv_number(event, column, in,
                                                       err);
    }

    if (!mlops_utf8_valid(in->p, in->len)) {
        return mlops_err_set(err, "field \"%.*s\": expected UTF-8, got other "
                             "bytes", mlops_fmt(&c->name));
    }

    cell = &event->cells[column];
    cell->s.off = (uint32_t) (in->p - data);
    cell->s.len = (uint32_t) in->len;
    mlops_bit_set(event->present, column);

    if (!in->doubled) {
        return MLOPS_OK;
    }

    if (event->text != event->room) {
        room = mlops_event_room(event, len, err);

        if (room == NULL) {
            return MLOPS_ERROR;
        }

        memcpy(room, data, len);
        event->text = room;
    }

    cell->s.len = (uint32_t) mlops_event_csv_unquote(event->room
                                                     + cell->s.off,
                                                     in->p, in->len);

    return MLOPS_OK;
}


static int
mlops_event_csv_number(mlops_intake_event_t *event, uint32_t column,
    const mlops_event_csv_t *in, mlops_err_t *err)
{
    int                    overflow;
    double                 f;
    int64_t                i;
    const char            *next;
    mlops_str_t            text;
    const mlops_column_t  *c;

    c = &event->schema->columns[column];
    text.data = in->p;
    text.len = in->len;

    while (text.len != 0 && (*text.data == ' ' || *text.data == '\t')) {
        text.data++;
        text.len--;
    }

    while (text.len != 0 && (text.data[text.len - 1] == ' '
                             || text.data[text.len - 1] == '\t'))
    {
        text.len--;
    }

    if (c->kind == MLOPS_CELL_DOUBLE) {

        if (mlops_number(&text, &f) != MLOPS_OK || !isfinite(f)) {
            return mlops_event_csv_expected(c, "a finite number", &text, err);
        }

        event->cells[column].f = f;

    } else {
        overflow = 0;
        next = mlops_parse_int64(text.data, text.data + text.len, &i,
                                 &overflow);

        if (next == NULL || next != text.data + text.len || overflow) {
            return mlops_event_csv_expected(c, "an integer of 64 bits", &text,
                                            err);
        }

        event->cells[column].i = i;
    }

    mlops_bit_set(event->present, column);

    return MLOPS_OK;
}


static int
mlops_event_csv_expected(const mlops_column_t *column, const char *expected,
    const mlops_str_t *got, mlops_err_t *err)
{
    size_t  len;

    for (len = (got->len > 40) ? 40 : got->len;
         len != 0 && len < got->len
         && ((unsigned char) got->data[len] & 0xc0) == 0x80;
         len--)
    {
        /* void */
    }

    return mlops_err_set(err, "field \"%.*s\": expected %s, got \"%.*s\"",
                         mlops_fmt(&column->name), expected, (int) len,
                         got->data);
}


/* out may be p's own place in a copy. */

static size_t
mlops_event_csv_unquote(char *out, const char *p, size_t len)
{
    char        *start;
    const char  *end;

    start = out;
    end = p + len;

    while (p < end) {

        if (*p == '"') {
            p++;
        }

        *out++ = *p++;
    }

    return (size_t) (out - start);
}
