/*
 * An event out of one row of a CSV file (RFC 4180), by the rules of CSV
 * requests: an empty cell is missing (a quoted empty one is a string of no
 * bytes), spaces and tabs around numbers do not count, columns of other
 * names are skipped.
 */

#include "mlops_intake_event.h"

#include "mlops_csv.h"


static int mlops_event_csv_value(mlops_intake_event_t *event, uint32_t column,
    const char *data, size_t len, const mlops_csv_cell_t *in,
    mlops_err_t *err);
static int mlops_event_csv_number(mlops_intake_event_t *event,
    uint32_t column, const mlops_csv_cell_t *in, mlops_err_t *err);
static int mlops_event_csv_expected(const mlops_column_t *column,
    const char *expected, const mlops_str_t *got, mlops_err_t *err);


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
    const char         *p, *start, *end;
    mlops_csv_cell_t    cell;

    end = mlops_event_csv_end(data, len);
    start = mlops_csv_start(data, end);

    for (max = 1, p = start; p < end; p++) {
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
    p = start;

    for ( ;; ) {
        p = mlops_csv_cell(data, p, end, &cell, err);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        cell.len = mlops_csv_unquote(name, cell.p, cell.len);
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

        if (*p != ',') {
            return mlops_err_set(err, "expected a header of one line");
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
    mlops_csv_cell_t    cell;

    mlops_event_start(event, data);

    end = mlops_event_csv_end(data, len);
    p = data;

    for (i = 0; i < event->map_n; i++) {
        p = mlops_csv_cell(data, p, end, &cell, err);

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

        if (p == end || *p != ',') {
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


static int
mlops_event_csv_value(mlops_intake_event_t *event, uint32_t column,
    const char *data, size_t len, const mlops_csv_cell_t *in,
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

    cell->s.len = (uint32_t) mlops_csv_unquote(event->room + cell->s.off,
                                               in->p, in->len);

    return MLOPS_OK;
}


static int
mlops_event_csv_number(mlops_intake_event_t *event, uint32_t column,
    const mlops_csv_cell_t *in, mlops_err_t *err)
{
    int                    overflow;
    double                 f;
    int64_t                i;
    const char            *next;
    mlops_str_t            text;
    const mlops_column_t  *c;

    c = &event->schema->columns[column];
    text = mlops_csv_trim(in);

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
