/*
 * A row of features.<view> as JSON, there and back.
 */

#include "mlops_sink.h"
#include "mlops_num.h"
#include "mlops_request.h"
#include "mlops_scan.h"


typedef struct {
    const mlops_plan_view_t  *view;
    const char               *data;
    const char               *end;
    mlops_table_row_t        *row;
    char                     *text;
    uint32_t                  text_len;
    unsigned                  values:1;
    unsigned                  next:1;
    unsigned                  offset:1;
    unsigned                  partition:1;
    unsigned                  event_us:1;
    mlops_err_t              *err;
} mlops_row_read_t;


static char *mlops_row_time(char *p, int64_t us);
static char *mlops_row_set(char *p, const mlops_plan_view_t *view,
    const mlops_table_row_t *row, uint32_t set);
static const char *mlops_row_key(mlops_row_read_t *r, const char *p,
    mlops_str_t *name, char *room, size_t size);
static const char *mlops_row_member(mlops_row_read_t *r,
    const mlops_str_t *name, const char *p);
static const char *mlops_row_int(mlops_row_read_t *r,
    const mlops_str_t *name, const char *p, int64_t none, int64_t *value);
static const char *mlops_row_values(mlops_row_read_t *r, const char *p,
    uint32_t set);
static const char *mlops_row_value(mlops_row_read_t *r, const char *p,
    uint32_t set, uint32_t column);
static const char *mlops_row_skip(mlops_row_read_t *r, const char *p);
static const char *mlops_row_wrong(mlops_row_read_t *r, const char *p,
    const char *expected);


static inline char *
mlops_row_put(char *p, const char *text, size_t len)
{
    memcpy(p, text, len);

    return p + len;
}

#define mlops_row_lit(p, literal)                                             \
    mlops_row_put(p, literal, sizeof(literal) - 1)


/* ---- there ---- */

size_t
mlops_row_json_bound(const mlops_plan_view_t *view, const mlops_key_t *key)
{
    size_t    bound;
    uint32_t  i, j;

    /* six bytes for an escaped one at worst */

    bound = 512 + 6 * (view->name.len + key->text.len);

    for (i = 0; i < view->features_n; i++) {
        for (j = 0; j < view->features[i].width; j++) {
            bound += 2 * (6 * view->row.columns[view->features[i].first + j]
                              .name.len + MLOPS_DOUBLE_LEN + 8);

            if (view->features[i].type == MLOPS_TYPE_BYTES) {
                bound += 2 * 6 * (size_t) view->features[i].bytes;
            }
        }
    }

    return bound;
}


char *
mlops_row_json_write(char *p, const mlops_plan_view_t *view,
    const mlops_key_t *key, const mlops_table_row_t *row)
{
    int  shift;

    p = mlops_row_lit(p, "{\"view\":");
    p = mlops_json_quote(p, view->name.data, view->name.len);
    p = mlops_row_lit(p, ",\"definition\":\"");

    for (shift = 60; shift >= 0; shift -= 4) {
        *p++ = "0123456789abcdef"[view->hash >> shift & 15];
    }

    p = mlops_row_lit(p, "\",\"entity\":");

    if (view->entity_type == MLOPS_TYPE_INT64) {
        p = mlops_print_int64(p, key->number);

    } else {
        p = mlops_json_quote(p, key->text.data, key->text.len);
    }

    p = mlops_row_lit(p, ",\"partition\":");
    p = mlops_print_int64(p, row->partition);
    p = mlops_row_lit(p, ",\"offset\":");
    p = mlops_print_int64(p, row->offset);
    p = mlops_row_lit(p, ",\"event_time\":");
    p = mlops_print_int64(p, row->event_us);
    p = mlops_row_lit(p, ",\"switch\":");
    p = mlops_row_time(p, (view->sets == 2) ? row->switch_us : INT64_MAX);
    p = mlops_row_lit(p, ",\"valid\":");
    p = mlops_row_time(p, row->valid_us);
    p = mlops_row_lit(p, ",\"values\":");
    p = mlops_row_set(p, view, row, 0);
    p = mlops_row_lit(p, ",\"next\":");

    if (view->sets == 2) {
        p = mlops_row_set(p, view, row, 1);

    } else {
        p = mlops_row_lit(p, "null");
    }

    *p++ = '}';

    return p;
}


static char *
mlops_row_time(char *p, int64_t us)
{
    return (us == INT64_MAX) ? mlops_row_lit(p, "null")
                             : mlops_print_int64(p, us);
}


static char *
mlops_row_set(char *p, const mlops_plan_view_t *view,
    const mlops_table_row_t *row, uint32_t set)
{
    uint32_t               i, n;
    const uint64_t        *present;
    const mlops_cell_t    *cell;
    const mlops_column_t  *column;

    n = view->row.n;
    present = row->present + set * mlops_row_words(n);
    *p++ = '{';

    for (i = 0; i < n; i++) {
        column = &view->row.columns[i];
        cell = &row->cells[set * n + i];

        if (i != 0) {
            *p++ = ',';
        }

        p = mlops_json_quote(p, column->name.data, column->name.len);
        *p++ = ':';

        if (!mlops_bit(present, i)
            || (column->kind == MLOPS_CELL_DOUBLE && !isfinite(cell->f)))
        {
            p = mlops_row_lit(p, "null");
            continue;
        }

        switch (column->kind) {

        case MLOPS_CELL_DOUBLE:
            p = mlops_print_double(p, cell->f);
            break;

        case MLOPS_CELL_STRING:
            p = mlops_json_quote(p, row->text + cell->s.off, cell->s.len);
            break;

        default:
            p = mlops_print_int64(p, cell->i);
        }
    }

    *p++ = '}';

    return p;
}


/* ---- and back ---- */

int
mlops_row_json_read(const mlops_plan_view_t *view, const char *data,
    size_t len, mlops_table_row_t *row, char *text, mlops_err_t *err)
{
    char              name_room[1024];
    size_t            words;
    uint32_t          i, n;
    const char       *p;
    mlops_str_t       name;
    mlops_row_read_t  r;

    memset(&r, 0, sizeof(r));

    r.view = view;
    r.data = data;
    r.end = data + len;
    r.row = row;
    r.text = text;
    r.err = err;

    n = view->row.n;
    words = mlops_row_words(n);

    memset(row->present, 0, view->sets * words * sizeof(uint64_t));

    for (i = 0; i < view->sets * n; i++) {
        row->cells[i].u = 0;

        if (view->row.columns[i % n].kind == MLOPS_CELL_DOUBLE) {
            row->cells[i].f = NAN;
        }
    }

    row->switch_us = INT64_MAX;
    row->valid_us = INT64_MAX;
    row->text = text;

    p = mlops_scan_ws(data, r.end);

    if (p == r.end || *p != '{') {
        (void) mlops_row_wrong(&r, p, "an object");
        return MLOPS_ERROR;
    }

    p = mlops_scan_ws(p + 1, r.end);

    for ( ;; ) {
        p = mlops_row_key(&r, p, &name, name_room, sizeof(name_room));
        p = (p == NULL) ? NULL : mlops_row_member(&r, &name, p);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        p = mlops_scan_ws(p, r.end);

        if (p < r.end && *p == ',') {
            p = mlops_scan_ws(p + 1, r.end);
            continue;
        }

        break;
    }

    if (p == r.end || *p != '}' || mlops_scan_ws(p + 1, r.end) != r.end) {
        (void) mlops_row_wrong(&r, p, "',' or '}'");
        return MLOPS_ERROR;
    }

    if (!r.values || !r.offset || !r.partition || !r.event_us) {
        return mlops_err_set(err, "expected the members \"partition\", "
                             "\"offset\", \"event_time\" and \"values\", got "
                             "no \"%s\"",
                             !r.partition ? "partition"
                             : !r.offset ? "offset"
                             : !r.event_us ? "event_time" : "values");
    }

    if (view->sets == 2 && !r.next) {
        memcpy(row->cells + n, row->cells, n * sizeof(mlops_cell_t));
        memcpy(row->present + words, row->present, words * sizeof(uint64_t));
        row->switch_us = INT64_MAX;
    }

    return MLOPS_OK;
}


static const char *
mlops_row_key(mlops_row_read_t *r, const char *p, mlops_str_t *name,
    char *room, size_t size)
{
    int          escaped;
    const char  *start, *fault;

    if (p == r->end || *p != '"') {
        return mlops_row_wrong(r, p, "a name in quotes");
    }

    start = p + 1;
    fault = start;
    p = mlops_scan_string(start, r->end, &escaped, &fault);

    if (p == NULL) {
        return mlops_row_wrong(r, fault, "a well-formed string");
    }

    name->data = start;
    name->len = (size_t) (p - start);

    if (escaped) {
        name->len = (name->len <= size)
                    ? (size_t) (mlops_scan_unescape(room, start, p) - room)
                    : 0;
        name->data = room;
    }

    p = mlops_scan_ws(p + 1, r->end);

    if (p == r->end || *p != ':') {
        return mlops_row_wrong(r, p, "':'");
    }

    return mlops_scan_ws(p + 1, r->end);
}


static const char *
mlops_row_member(mlops_row_read_t *r, const mlops_str_t *name, const char *p)
{
    int64_t  value;

    if (mlops_str_is(name, "values")) {
        r->values = 1;
        return mlops_row_values(r, p, 0);
    }

    if (mlops_str_is(name, "next") && r->view->sets == 2
        && p < r->end && *p == '{')
    {
        r->next = 1;
        return mlops_row_values(r, p, 1);
    }

    if (mlops_str_is(name, "partition")) {
        r->partition = 1;
        p = mlops_row_int(r, name, p, -1, &value);

        if (p != NULL && (value < 0 || value >= MLOPS_PARTITIONS_MAX)) {
            (void) mlops_err_set(r->err, "member \"partition\": expected 0 "
                                 "to %d, got %lld", MLOPS_PARTITIONS_MAX - 1,
                                 (long long) value);
            return NULL;
        }

        r->row->partition = (int32_t) (p ? value : 0);

        return p;
    }

    if (mlops_str_is(name, "offset")) {
        r->offset = 1;
        return mlops_row_int(r, name, p, -1, &r->row->offset);
    }

    if (mlops_str_is(name, "event_time")) {
        r->event_us = 1;
        return mlops_row_int(r, name, p, 0, &r->row->event_us);
    }

    if (mlops_str_is(name, "switch")) {
        return mlops_row_int(r, name, p, INT64_MAX, &r->row->switch_us);
    }

    if (mlops_str_is(name, "valid")) {
        return mlops_row_int(r, name, p, INT64_MAX, &r->row->valid_us);
    }

    return mlops_row_skip(r, p);
}


static const char *
mlops_row_int(mlops_row_read_t *r, const mlops_str_t *name, const char *p,
    int64_t none, int64_t *value)
{
    int          overflow;
    char         got[MLOPS_GOT_SIZE];
    const char  *next;

    if (r->end - p >= 4 && memcmp(p, "null", 4) == 0) {
        *value = none;
        return p + 4;
    }

    overflow = 0;
    next = mlops_parse_int64(p, r->end, value, &overflow);

    if (next == NULL || overflow) {
        (void) mlops_err_set(r->err, "member \"%.*s\": expected an integer, "
                             "got %s", mlops_fmt(name),
                             mlops_scan_got(got, p, r->end));
        return NULL;
    }

    return next;
}


static const char *
mlops_row_values(mlops_row_read_t *r, const char *p, uint32_t set)
{
    int          c;
    char         room[1024];
    uint32_t     guess;
    mlops_str_t  name;

    if (p == r->end || *p != '{') {
        return mlops_row_wrong(r, p, "an object");
    }

    guess = 0;
    p = mlops_scan_ws(p + 1, r->end);

    if (p < r->end && *p == '}') {
        return p + 1;
    }

    for ( ;; ) {
        p = mlops_row_key(r, p, &name, room, sizeof(room));

        if (p == NULL) {
            return NULL;
        }

        c = mlops_schema_find(&r->view->row, name.data, name.len, guess);

        if (c < 0) {
            p = mlops_row_skip(r, p);

        } else {
            guess = (uint32_t) c + 1;
            p = mlops_row_value(r, p, set, (uint32_t) c);
        }

        if (p == NULL) {
            return NULL;
        }

        p = mlops_scan_ws(p, r->end);

        if (p < r->end && *p == ',') {
            p = mlops_scan_ws(p + 1, r->end);
            continue;
        }

        if (p < r->end && *p == '}') {
            return p + 1;
        }

        return mlops_row_wrong(r, p, "',' or '}'");
    }
}


static const char *
mlops_row_value(mlops_row_read_t *r, const char *p, uint32_t set,
    uint32_t column)
{
    int                    escaped, overflow;
    char                  *to;
    const char            *next, *fault;
    mlops_cell_t          *cell;
    const mlops_column_t  *c;

    if (r->end - p >= 4 && memcmp(p, "null", 4) == 0) {
        return p + 4;
    }

    c = &r->view->row.columns[column];
    cell = &r->row->cells[set * r->view->row.n + column];
    overflow = 0;

    switch (c->kind) {

    case MLOPS_CELL_DOUBLE:
        next = mlops_parse_double(p, r->end, &cell->f);
        break;

    case MLOPS_CELL_STRING:

        if (p == r->end || *p != '"') {
            next = NULL;
            break;
        }

        fault = p;
        next = mlops_scan_string(p + 1, r->end, &escaped, &fault);

        if (next != NULL) {
            to = mlops_scan_unescape(r->text + r->text_len, p + 1, next);
            cell->s.off = r->text_len;
            cell->s.len = (uint32_t) (to - (r->text + r->text_len));
            r->text_len += cell->s.len;
            next++;
        }

        break;

    default:
        next = mlops_parse_int64(p, r->end, &cell->i, &overflow);
    }

    if (next == NULL || overflow) {
        return mlops_row_wrong(r, p, "a value of the column's type");
    }

    mlops_bit_set(r->row->present + set * mlops_row_words(r->view->row.n),
                  column);

    return next;
}


static const char *
mlops_row_skip(mlops_row_read_t *r, const char *p)
{
    const char          *next;
    mlops_scan_fault_t   fault;

    next = mlops_scan_value(p, r->end, 64, 0, &fault);

    if (next == NULL) {
        return mlops_row_wrong(r, fault.at, fault.expected ? fault.expected
                                                           : "less nesting");
    }

    return next;
}


static const char *
mlops_row_wrong(mlops_row_read_t *r, const char *p, const char *expected)
{
    char  got[MLOPS_GOT_SIZE];

    (void) mlops_err_set(r->err, "malformed row at byte %zu: expected %s, got "
                         "%s", (size_t) (p - r->data), expected,
                         mlops_scan_got(got, p, r->end));

    return NULL;
}
