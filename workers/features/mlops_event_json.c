/*
 * An event out of one JSON object (RFC 8259), directed by the view's fields.
 *
 * A member of another name is skipped, its syntax checked; a field that is
 * there twice, or has another type, is refused; null is a missing value.  An
 * integer is exact and written without fraction and exponent; a double is
 * correctly rounded, and one that no double holds refused.  true and false
 * are 1 and 0 for fields of numbers, but no entity and no time.
 */

#include "mlops_intake_event.h"


#define MLOPS_EVENT_NAME   1024     /* of a name with escapes */
#define MLOPS_EVENT_EXACT  ((int64_t) 1 << 53)  /* doubles hold all whole
                                                   numbers up to it */


static const char *mlops_event_name(const char *data, const char *p,
    const char *end, char *room, mlops_str_t *name, mlops_err_t *err);
static const char *mlops_event_field(mlops_intake_event_t *event,
    uint32_t column, const char *data, const char *p, const char *end,
    mlops_err_t *err);
static const char *mlops_event_string(mlops_intake_event_t *event,
    uint32_t column, const char *data, const char *p, const char *end,
    mlops_err_t *err);
static const char *mlops_event_other(mlops_intake_event_t *event,
    uint32_t column, const char *p, const char *end, mlops_err_t *err);
static const char *mlops_event_skip(const char *data, const char *p,
    const char *end, mlops_err_t *err);


int
mlops_event_json(mlops_intake_event_t *event, const char *data, size_t len,
    mlops_err_t *err)
{
    int           c;
    char          room[MLOPS_EVENT_NAME];
    uint32_t      guess;
    const char   *p, *end;
    mlops_str_t   name;

    mlops_event_start(event, data);

    end = data + len;
    guess = 0;
    p = mlops_scan_ws(data, end);

    if (p == end || *p != '{') {
        return mlops_event_syntax(data, p, end, "an object", err);
    }

    p = mlops_scan_ws(p + 1, end);

    if (p < end && *p == '}') {
        goto done;
    }

    for ( ;; ) {
        p = mlops_event_name(data, p, end, room, &name, err);

        if (mlops_unlikely(p == NULL)) {
            return MLOPS_ERROR;
        }

        c = mlops_schema_find(event->schema, name.data, name.len, guess);

        if (c < 0) {
            p = mlops_event_skip(data, p, end, err);

        } else {

            if (mlops_unlikely(mlops_bit(event->seen, (uint32_t) c))) {
                return mlops_err_set(err, "field \"%.*s\": expected it once, "
                                     "got it twice", mlops_fmt(&name));
            }

            mlops_bit_set(event->seen, (uint32_t) c);
            guess = (uint32_t) c + 1;

            p = mlops_event_field(event, (uint32_t) c, data, p, end, err);
        }

        if (mlops_unlikely(p == NULL)) {
            return MLOPS_ERROR;
        }

        p = mlops_scan_ws(p, end);

        if (p < end && *p == ',') {
            p = mlops_scan_ws(p + 1, end);
            continue;
        }

        if (mlops_likely(p < end && *p == '}')) {
            break;
        }

        return mlops_event_syntax(data, p, end, "',' or '}'", err);
    }

done:

    p = mlops_scan_ws(p + 1, end);

    if (mlops_unlikely(p != end)) {
        return mlops_event_syntax(data, p, end, "the end", err);
    }

    return MLOPS_OK;
}


/* A member's name, its colon and the white space behind it.  A name that is
 * longer than room with its escapes is none of ours. */

static const char *
mlops_event_name(const char *data, const char *p, const char *end,
    char *room, mlops_str_t *name, mlops_err_t *err)
{
    int          escaped;
    const char  *start, *fault;

    if (mlops_unlikely(p == end || *p != '"')) {
        (void) mlops_event_syntax(data, p, end, "a name in quotes", err);
        return NULL;
    }

    start = p + 1;
    p = mlops_scan_string(start, end, &escaped, &fault);

    if (mlops_unlikely(p == NULL)) {
        (void) mlops_event_syntax(data, fault, end, "a well-formed string",
                                  err);
        return NULL;
    }

    name->data = start;
    name->len = (size_t) (p - start);

    if (mlops_unlikely(escaped)) {

        if (name->len <= MLOPS_EVENT_NAME) {
            name->data = room;
            name->len = (size_t) (mlops_scan_unescape(room, start, p) - room);

        } else {
            name->len = 0;
        }
    }

    p = mlops_scan_ws(p + 1, end);

    if (mlops_unlikely(p == end || *p != ':')) {
        (void) mlops_event_syntax(data, p, end, "':'", err);
        return NULL;
    }

    return mlops_scan_ws(p + 1, end);
}


static const char *
mlops_event_field(mlops_intake_event_t *event, uint32_t column,
    const char *data, const char *p, const char *end, mlops_err_t *err)
{
    int                    overflow;
    double                 f;
    int64_t                i;
    const char            *next;
    const mlops_column_t  *c;

    c = &event->schema->columns[column];

    switch (c->kind) {

    case MLOPS_CELL_DOUBLE:

        /* times are long, and mostly whole */

        if (column == event->view->time) {
            next = mlops_parse_int64(p, end, &i, &overflow);

            if (mlops_likely(next != NULL && !overflow && i > 0
                             && i < MLOPS_EVENT_EXACT
                             && (next == end
                                 || (*next != '.' && *next != 'e'
                                     && *next != 'E'))))
            {
                event->cells[column].f = (double) i;
                mlops_bit_set(event->present, column);

                return next;
            }
        }

        next = mlops_parse_double(p, end, &f);

        if (mlops_unlikely(next == NULL || isinf(f))) {
            break;
        }

        event->cells[column].f = f;
        mlops_bit_set(event->present, column);

        return next;

    case MLOPS_CELL_INT:
        next = mlops_parse_int64(p, end, &i, &overflow);

        if (mlops_unlikely(next == NULL || overflow
                           || (next < end && (*next == '.' || *next == 'e'
                                              || *next == 'E'))))
        {
            break;
        }

        event->cells[column].i = i;
        mlops_bit_set(event->present, column);

        return next;

    default:

        if (mlops_likely(p < end && *p == '"')) {
            return mlops_event_string(event, column, data, p, end, err);
        }
    }

    return mlops_event_other(event, column, p, end, err);
}


static const char *
mlops_event_string(mlops_intake_event_t *event, uint32_t column,
    const char *data, const char *p, const char *end, mlops_err_t *err)
{
    int            escaped;
    char          *room;
    const char    *start, *fault;
    mlops_cell_t  *cell;

    start = p + 1;
    p = mlops_scan_string(start, end, &escaped, &fault);

    if (mlops_unlikely(p == NULL)) {
        (void) mlops_event_syntax(data, fault, end, "a well-formed string",
                                  err);
        return NULL;
    }

    cell = &event->cells[column];
    cell->s.off = (uint32_t) (start - data);
    cell->s.len = (uint32_t) (p - start);

    mlops_bit_set(event->present, column);

    if (mlops_likely(!escaped)) {
        return p + 1;
    }

    if (data != event->room) {
        room = event->room;

        if (event->text != room) {
            room = mlops_event_room(event, (size_t) (end - data), err);

            if (room == NULL) {
                return NULL;
            }

            memcpy(room, data, (size_t) (end - data));
            event->text = room;
        }

    } else {
        room = event->room;
    }

    cell->s.len = (uint32_t) (mlops_scan_unescape(room + cell->s.off, start,
                                                  p)
                              - (room + cell->s.off));

    return p + 1;
}


/* true and false are numbers, as they are in filters. */

static const char *
mlops_event_flag(mlops_intake_event_t *event, uint32_t column, int flag,
    const char *next)
{
    if (event->schema->columns[column].kind == MLOPS_CELL_DOUBLE) {
        event->cells[column].f = flag;

    } else {
        event->cells[column].i = flag;
    }

    mlops_bit_set(event->present, column);

    return next;
}


/* null, a flag, or what the column does not take. */

static const char *
mlops_event_other(mlops_intake_event_t *event, uint32_t column,
    const char *p, const char *end, mlops_err_t *err)
{
    int                    overflow;
    double                 f;
    int64_t                i;
    const char            *expected;
    const mlops_column_t  *c;

    if (end - p >= 4 && memcmp(p, "null", 4) == 0) {
        return p + 4;
    }

    c = &event->schema->columns[column];

    if (c->kind != MLOPS_CELL_STRING && column != event->view->entity
        && column != event->view->time)
    {
        if (end - p >= 4 && memcmp(p, "true", 4) == 0) {
            return mlops_event_flag(event, column, 1, p + 4);
        }

        if (end - p >= 5 && memcmp(p, "false", 5) == 0) {
            return mlops_event_flag(event, column, 0, p + 5);
        }
    }

    switch (c->kind) {

    case MLOPS_CELL_DOUBLE:
        expected = (mlops_parse_double(p, end, &f) != NULL)
                   ? "a number that a double holds" : "a number";
        break;

    case MLOPS_CELL_INT:
        overflow = 0;
        expected = (mlops_parse_int64(p, end, &i, &overflow) != NULL
                    && overflow)
                   ? "an integer of 64 bits" : "an integer";
        break;

    default:
        expected = "a string";
    }

    (void) mlops_event_expected(c, expected, p, end, err);

    return NULL;
}


static const char *
mlops_event_skip(const char *data, const char *p, const char *end,
    mlops_err_t *err)
{
    const char          *next;
    mlops_scan_fault_t   fault;

    next = mlops_scan_value(p, end, MLOPS_EVENT_DEPTH, 0, &fault);

    if (mlops_likely(next != NULL)) {
        return next;
    }

    if (fault.expected == NULL) {
        (void) mlops_err_set(err, "expected JSON of at most %d levels, got "
                             "more at byte %zu", MLOPS_EVENT_DEPTH,
                             (size_t) (fault.at - data));

    } else {
        (void) mlops_event_syntax(data, fault.at, end, fault.expected, err);
    }

    return NULL;
}


int
mlops_event_expected(const mlops_column_t *column, const char *expected,
    const char *p, const char *end, mlops_err_t *err)
{
    char  got[MLOPS_GOT_SIZE];

    return mlops_err_set(err, "field \"%.*s\": expected %s, got %s",
                         mlops_fmt(&column->name), expected,
                         mlops_scan_got(got, p, end));
}


int
mlops_event_syntax(const char *data, const char *p, const char *end,
    const char *expected, mlops_err_t *err)
{
    char  got[MLOPS_GOT_SIZE];

    return mlops_err_set(err, "malformed JSON at byte %zu: expected %s, got "
                         "%s", (size_t) (p - data), expected,
                         mlops_scan_got(got, p, end));
}
