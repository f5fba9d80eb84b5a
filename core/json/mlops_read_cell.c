/*
 * One cell out of one JSON value, by the type of its column.
 */

#include "mlops_reader.h"


static const char *mlops_read_string(mlops_reader_t *r, const char *p,
    mlops_cell_t *cell, uint64_t *present, uint32_t i);
static const char *mlops_read_integer(mlops_reader_t *r, const char *p,
    mlops_cell_t *cell);
static const char *mlops_read_real(mlops_reader_t *r, const char *p,
    mlops_cell_t *cell);
static const char *mlops_read_token(const char *p, const char *end,
    double *value);


static const char *
mlops_read_wanted(const mlops_column_t *column)
{
    switch (column->kind) {

    case MLOPS_CELL_DOUBLE:
        return "a number";

    case MLOPS_CELL_STRING:
        return "a string";

    default:
        return (column->type == MLOPS_TYPE_BOOL) ? "true or false"
                                                 : "an integer";
    }
}


const char *
mlops_read_cell_slow(mlops_reader_t *r, const char *p, mlops_cell_t *cell,
    uint64_t *present, uint32_t i)
{
    size_t       left;
    const char  *next;

    left = (size_t) (r->end - p);

    if (left == 0) {
        return mlops_read_syntax(r, p, "a value");
    }

    switch (*p) {

    case '"':
        return mlops_read_string(r, p, cell, present, i);

    case 'n':
        if (left < 4 || memcmp(p, "null", 4) != 0) {
            return mlops_read_syntax(r, p, "a value");
        }

        mlops_bit_clear(present, i);

        if (r->column->kind == MLOPS_CELL_DOUBLE) {
            cell->f = NAN;

        } else {
            cell->u = 0;
        }

        return p + 4;

    case 't':
    case 'f':
        next = p + ((*p == 't') ? 4 : 5);

        if (left < (size_t) (next - p)
            || memcmp(p, (*p == 't') ? "true" : "false",
                      (size_t) (next - p)) != 0)
        {
            return mlops_read_syntax(r, p, "a value");
        }

        if (r->column->type != MLOPS_TYPE_BOOL) {
            return mlops_read_expected(r, p, mlops_read_wanted(r->column));
        }

        cell->u = (*p == 't');
        break;

    case '{':
    case '[':
        return mlops_read_expected(r, p, mlops_read_wanted(r->column));

    default:

        if (*p != '-' && (*p < '0' || *p > '9') && *p != 'N' && *p != 'I') {
            return mlops_read_syntax(r, p, "a value");
        }

        if (r->column->kind == MLOPS_CELL_DOUBLE) {
            next = mlops_read_real(r, p, cell);

        } else if (mlops_scan_number(p, r->end) == NULL) {
            return mlops_read_syntax(r, p, "a value");

        } else if (r->column->kind == MLOPS_CELL_STRING
                   || r->column->type == MLOPS_TYPE_BOOL)
        {
            return mlops_read_expected(r, p, mlops_read_wanted(r->column));

        } else {
            next = mlops_read_integer(r, p, cell);
        }
    }

    if (next != NULL) {
        mlops_bit_set(present, i);
    }

    return next;
}


static const char *
mlops_read_string(mlops_reader_t *r, const char *p, mlops_cell_t *cell,
    uint64_t *present, uint32_t i)
{
    char         *at, *text_end;
    double        value;
    const char   *next, *token;
    mlops_raw_t   raw;

    next = mlops_read_raw(r, p, &raw);

    if (next == NULL) {
        return NULL;
    }

    if (r->column->kind == MLOPS_CELL_DOUBLE && r->limits->nonfinite) {
        token = mlops_read_token(raw.p, raw.p + raw.len, &value);

        if (token == raw.p + raw.len) {
            cell->f = value;
            mlops_bit_set(present, i);
            return next;
        }
    }

    if (r->column->kind != MLOPS_CELL_STRING) {
        return mlops_read_expected(r, p, mlops_read_wanted(r->column));
    }

    cell->s.off = (uint32_t) (raw.p - r->body);
    cell->s.len = (uint32_t) raw.len;

    if (raw.escaped) {
        at = mlops_read_own_text(r);

        if (at == NULL) {
            return NULL;
        }

        at += cell->s.off;
        text_end = mlops_scan_unescape(at, raw.p, raw.p + raw.len);
        cell->s.len = (uint32_t) (text_end - at);
    }

    mlops_bit_set(present, i);

    return next;
}


char *
mlops_read_own_text(mlops_reader_t *r)
{
    size_t  len;

    if (r->text == NULL) {
        len = (size_t) (r->end - r->body);
        r->text = mlops_arena_alloc(r->arena, len);

        if (r->text == NULL) {
            (void) mlops_read_memory(r);
            return NULL;
        }

        memcpy(r->text, r->body, len);
    }

    return r->text;
}


static const char *
mlops_read_integer(mlops_reader_t *r, const char *p, mlops_cell_t *cell)
{
    int          overflow;
    int64_t      lo, i;
    uint64_t     hi, u;
    const char  *next;

    mlops_type_limits(r->column->type, &lo, &hi);

    overflow = 0;

    if (r->column->kind == MLOPS_CELL_INT) {
        next = mlops_parse_int64(p, r->end, &i, &overflow);

        if (next != NULL && !overflow
            && (i < lo || (i > 0 && (uint64_t) i > hi)))
        {
            overflow = 1;
        }

    } else {
        next = mlops_parse_uint64(p, r->end, &u, &overflow);

        if (next != NULL && !overflow && u > hi) {
            overflow = 1;
        }
    }

    if (next == NULL) {
        return mlops_read_expected(r, p, "an integer");
    }

    if (next < r->end && (*next == '.' || (*next | 0x20) == 'e')) {
        return mlops_read_expected(r, p, "an integer");
    }

    if (overflow) {
        return mlops_read_integer_range(r, p, r->end);
    }

    if (r->column->kind == MLOPS_CELL_INT) {
        cell->i = i;

    } else {
        cell->u = u;
    }

    return next;
}


const char *
mlops_read_integer_range(mlops_reader_t *r, const char *p, const char *end)
{
    char      got[MLOPS_GOT_SIZE];
    int64_t   lo;
    uint64_t  hi;

    mlops_type_limits(r->column->type, &lo, &hi);

    return mlops_read_error(r, "expected an integer from %lld to %llu, got "
                            "%s", (long long) lo, (unsigned long long) hi,
                            mlops_scan_got(got, p, end));
}


/* A number that the fast way did not take: one too large, or a token. */

static const char *
mlops_read_real(mlops_reader_t *r, const char *p, mlops_cell_t *cell)
{
    char         got[MLOPS_GOT_SIZE];
    float        f;
    double       d;
    const char  *next;

    if (r->column->type == MLOPS_TYPE_FP32) {
        next = mlops_parse_float(p, r->end, &f);
        d = f;

    } else {
        next = mlops_parse_double(p, r->end, &d);
    }

    if (next == NULL) {
        next = mlops_read_token(p, r->end, &d);

        if (next == NULL) {
            return mlops_read_syntax(r, p, "a value");
        }

        if (!r->limits->nonfinite) {
            return mlops_read_expected(r, p, "a finite number");
        }

        cell->f = d;
        return next;
    }

    if (isinf(d)) {
        return mlops_read_error(r, "expected a number that %s holds, got %s",
                                mlops_type_name(r->column->type),
                                mlops_scan_got(got, p, r->end));
    }

    cell->f = d;

    return next;
}


static const char *
mlops_read_token(const char *p, const char *end, double *value)
{
    size_t  left;

    left = (size_t) (end - p);

    if (left >= 3 && memcmp(p, "NaN", 3) == 0) {
        *value = NAN;
        return p + 3;
    }

    if (left >= 8 && memcmp(p, "Infinity", 8) == 0) {
        *value = INFINITY;
        return p + 8;
    }

    if (left >= 9 && memcmp(p, "-Infinity", 9) == 0) {
        *value = -INFINITY;
        return p + 9;
    }

    return NULL;
}
