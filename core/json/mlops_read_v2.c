/*
 * The Open Inference Protocol's request body.
 *
 * A tensor is one column by its name, of shape [n] or [n,1]; or, under a name
 * that is no column, all columns in schema order, of shape [n,F] ([n] too
 * where F is 1), and then it is the only one.  Its data is flat, or nested
 * exactly as its shape; a bare value where the shape has one element.
 * FP32 and FP64 stand for each other: a cell is read at the column's own
 * precision, whatever the request calls it.
 *
 * With one signature, or several that take the same inputs, a tensor's data is
 * read where it stands, provided that name, shape and datatype came before;
 * otherwise it is skipped and read when all is known.  Last come the outputs
 * that are asked for, which choose among signatures of the same inputs.
 */

#include "mlops_reader.h"


#define MLOPS_V2_RANK      8

#define MLOPS_V2_NAME      0x01
#define MLOPS_V2_SHAPE     0x02
#define MLOPS_V2_DATATYPE  0x04
#define MLOPS_V2_DATA      0x08
#define MLOPS_V2_PARAMS    0x10
#define MLOPS_V2_KNOWN     (MLOPS_V2_NAME|MLOPS_V2_SHAPE|MLOPS_V2_DATATYPE)

#define MLOPS_V2_INPUTS    0x01
#define MLOPS_V2_OUTPUTS   0x02
#define MLOPS_V2_ID        0x04


typedef struct {
    mlops_str_t    name;
    mlops_type_t   type;
    unsigned       has;
    uint32_t       rank;
    uint64_t       dims[MLOPS_V2_RANK];
    const char    *data;        /* where it stands; NULL once it is read */
} mlops_tensor_t;


/* What the tensors of one request have in common. */

typedef struct {
    mlops_tensor_t  *tensors;   /* only those that were put off */
    uint32_t         n;
    uint32_t         room;
    uint32_t         read;      /* how many have been read */
    uint32_t         guess;
    unsigned         matrix:1;  /* one held all columns */
    mlops_str_t      first;     /* the name of the first that was read */
} mlops_v2_t;


static const char *mlops_v2_inputs(mlops_reader_t *r, mlops_v2_t *v,
    const char *p);
static const char *mlops_v2_tensor(mlops_reader_t *r, mlops_v2_t *v,
    mlops_tensor_t *t, const char *p);
static const char *mlops_v2_member(mlops_reader_t *r, mlops_v2_t *v,
    mlops_tensor_t *t, const mlops_str_t *key, const char *p);
static const char *mlops_v2_shape(mlops_reader_t *r, mlops_tensor_t *t,
    const char *p);
static const char *mlops_v2_params(mlops_reader_t *r, const char *p);
static int mlops_v2_put_off(mlops_reader_t *r, mlops_v2_t *v,
    const mlops_tensor_t *t);
static int mlops_v2_choose(mlops_reader_t *r, mlops_v2_t *v);
static int mlops_v2_missing(mlops_reader_t *r);
static const char *mlops_v2_bind(mlops_reader_t *r, mlops_v2_t *v,
    mlops_tensor_t *t, const char *p);
static int mlops_v2_type(mlops_reader_t *r, const mlops_tensor_t *t,
    const mlops_column_t *column);
static const char *mlops_v2_column(mlops_reader_t *r, mlops_v2_t *v,
    mlops_tensor_t *t, uint32_t c, const char *p);
static const char *mlops_v2_matrix(mlops_reader_t *r, mlops_v2_t *v,
    mlops_tensor_t *t, const char *p);
static int mlops_v2_rows(mlops_reader_t *r, mlops_v2_t *v,
    const mlops_tensor_t *t, uint32_t columns);
static const char *mlops_v2_shape_error(mlops_reader_t *r,
    const mlops_tensor_t *t);
static int mlops_v2_outputs(mlops_reader_t *r, const char *p);
static const char *mlops_v2_output(mlops_reader_t *r, const char *p,
    mlops_str_t *name);
static int mlops_v2_want(mlops_reader_t *r, const mlops_str_t *name);
static int32_t mlops_v2_find(const mlops_signature_t *s,
    const mlops_str_t *output);
static size_t mlops_v2_most_outputs(const mlops_reader_t *r);
static const mlops_signature_t *mlops_v2_other(mlops_reader_t *r,
    const mlops_str_t *name);


static inline int
mlops_v2_is_null(const mlops_reader_t *r, const char *p)
{
    return r->end - p >= 4 && memcmp(p, "null", 4) == 0;
}


const char *
mlops_read_v2(mlops_reader_t *r, const char *p)
{
    int           done;
    unsigned      has, bit;
    const char   *outputs, *start;
    mlops_v2_t    v;
    mlops_str_t   key;
    mlops_raw_t   raw;

    memset(&v, 0, sizeof(v));

    has = 0;
    outputs = NULL;
    r->depth = 1;

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

        bit = mlops_str_is(&key, "inputs") ? MLOPS_V2_INPUTS
              : mlops_str_is(&key, "outputs") ? MLOPS_V2_OUTPUTS
              : mlops_str_is(&key, "id") ? MLOPS_V2_ID
              : 0;

        if (has & bit) {
            return mlops_read_error(r, "\"%.*s\" is there twice",
                                    mlops_fmt(&key));
        }

        has |= bit;

        if (bit == MLOPS_V2_INPUTS) {
            p = mlops_v2_inputs(r, &v, p);

        } else if (bit == MLOPS_V2_ID && !mlops_v2_is_null(r, p)) {
            start = p;

            if (!mlops_read_is(r, p, '"')) {
                return mlops_read_member(r, p, "id", "a string");
            }

            p = mlops_read_raw(r, p, &raw);

            if (p != NULL) {
                r->req->id.data = start;
                r->req->id.len = (size_t) (p - start);
            }

        } else if (mlops_str_is(&key, "parameters")) {
            p = mlops_v2_params(r, p);

        } else {

            if (bit == MLOPS_V2_OUTPUTS) {
                outputs = p;
            }

            p = mlops_read_skip(r, p);
        }

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }
    }

    if (!(has & MLOPS_V2_INPUTS)) {
        return mlops_read_error(r, "expected \"inputs\", got none");
    }

    if (mlops_v2_choose(r, &v) != MLOPS_OK) {
        return NULL;
    }

    if (!v.matrix && mlops_v2_missing(r) != MLOPS_OK) {
        return NULL;
    }

    if (outputs != NULL && mlops_v2_outputs(r, outputs) != MLOPS_OK) {
        return NULL;
    }

    return p;
}


static const char *
mlops_v2_inputs(mlops_reader_t *r, mlops_v2_t *v, const char *p)
{
    int             done;
    uint32_t        n;
    mlops_tensor_t  t;

    if (!mlops_read_is(r, p, '[')) {
        return mlops_read_member(r, p, "inputs", "an array");
    }

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, ']')) {
        return mlops_read_error(r, "inputs: expected at least one, got none");
    }

    n = 0;

    do {

        if (n == r->limits->inputs) {
            return mlops_read_limit(r, "expected at most %u inputs, got more",
                                    n);
        }

        r->tensor = (int32_t) n;

        if (!mlops_read_is(r, p, '{')) {
            return mlops_read_expected(r, p, "an object");
        }

        r->depth = 3;
        p = mlops_v2_tensor(r, v, &t, p);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        r->depth = 1;
        r->input.data = NULL;
        r->column = NULL;
        r->row = MLOPS_NO_ROW;

        n++;
        p = mlops_read_next(r, p, ']', &done);

    } while (p != NULL && !done);

    r->tensor = -1;

    return p;
}


static const char *
mlops_v2_tensor(mlops_reader_t *r, mlops_v2_t *v, mlops_tensor_t *t,
    const char *p)
{
    int           done;
    mlops_str_t   key;

    t->has = 0;
    t->rank = 0;
    t->data = NULL;

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

        p = mlops_v2_member(r, v, t, &key, p);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }
    }

    if (mlops_unlikely((t->has & (MLOPS_V2_KNOWN|MLOPS_V2_DATA))
                       != (MLOPS_V2_KNOWN|MLOPS_V2_DATA)))
    {
        return mlops_read_error(r, "expected \"%s\", got none",
                                !(t->has & MLOPS_V2_NAME) ? "name"
                                : !(t->has & MLOPS_V2_SHAPE) ? "shape"
                                : !(t->has & MLOPS_V2_DATATYPE) ? "datatype"
                                : "data");
    }

    if (mlops_likely(t->data == NULL)) {
        return p;
    }

    if (r->schema == NULL) {
        return (mlops_v2_put_off(r, v, t) == MLOPS_OK) ? p : NULL;
    }

    return (mlops_v2_bind(r, v, t, t->data) != NULL) ? p : NULL;
}


static const char *
mlops_v2_member(mlops_reader_t *r, mlops_v2_t *v, mlops_tensor_t *t,
    const mlops_str_t *key, const char *p)
{
    unsigned      bit;
    const char   *next;
    mlops_str_t   text;
    mlops_raw_t   raw;

    bit = 0;

    switch (key->len) {

    case 4:
        bit = (memcmp(key->data, "name", 4) == 0) ? MLOPS_V2_NAME
              : (memcmp(key->data, "data", 4) == 0) ? MLOPS_V2_DATA : 0;
        break;

    case 5:
        bit = (memcmp(key->data, "shape", 5) == 0) ? MLOPS_V2_SHAPE : 0;
        break;

    case 8:
        bit = (memcmp(key->data, "datatype", 8) == 0) ? MLOPS_V2_DATATYPE : 0;
        break;

    case 10:
        bit = (memcmp(key->data, "parameters", 10) == 0) ? MLOPS_V2_PARAMS
                                                         : 0;
        break;
    }

    if (mlops_unlikely(t->has & bit)) {
        return mlops_read_error(r, "\"%.*s\" is there twice", mlops_fmt(key));
    }

    t->has |= bit;

    switch (bit) {

    case MLOPS_V2_NAME:

        if (!mlops_read_is(r, p, '"')) {
            return mlops_read_expected(r, p, "a string as name");
        }

        p = mlops_read_raw(r, p, &raw);

        if (p == NULL || mlops_read_text(r, &raw, &t->name) != MLOPS_OK) {
            return NULL;
        }

        r->input = t->name;

        return p;

    case MLOPS_V2_SHAPE:
        return mlops_v2_shape(r, t, p);

    case MLOPS_V2_DATATYPE:

        if (!mlops_read_is(r, p, '"')) {
            return mlops_read_expected(r, p, "a string as datatype");
        }

        next = mlops_read_raw(r, p, &raw);

        if (next == NULL || mlops_read_text(r, &raw, &text) != MLOPS_OK) {
            return NULL;
        }

        t->type = mlops_str_is(&text, "FP32") ? MLOPS_TYPE_FP32
                  : mlops_str_is(&text, "FP64") ? MLOPS_TYPE_FP64
                  : mlops_type_find(&text);

        if (t->type == MLOPS_TYPE_NONE) {
            return mlops_read_expected(r, p, "a datatype such as FP32");
        }

        return next;

    case MLOPS_V2_DATA:

        if (mlops_likely(r->schema != NULL
                         && (t->has & MLOPS_V2_KNOWN) == MLOPS_V2_KNOWN))
        {
            return mlops_v2_bind(r, v, t, p);
        }

        t->data = p;
        return mlops_read_skip(r, p);

    case MLOPS_V2_PARAMS:
        return mlops_v2_params(r, p);

    default:
        return mlops_read_skip(r, p);
    }
}


static const char *
mlops_v2_shape(mlops_reader_t *r, mlops_tensor_t *t, const char *p)
{
    int          done, overflow;
    const char  *next;

    if (!mlops_read_is(r, p, '[')) {
        return mlops_read_expected(r, p, "an array as shape");
    }

    p = mlops_read_ws(r, p + 1);
    done = mlops_read_is(r, p, ']');

    if (done) {
        p++;
    }

    while (!done) {

        if (t->rank == MLOPS_V2_RANK) {
            return mlops_read_error(r, "expected a shape of at most %d "
                                    "dimensions, got more", MLOPS_V2_RANK);
        }

        overflow = 0;
        next = NULL;

        if (p < r->end && *p >= '0' && *p <= '9') {
            next = mlops_parse_uint64(p, r->end, &t->dims[t->rank],
                                      &overflow);
        }

        if (next == NULL || overflow
            || (next < r->end && (*next == '.' || (*next | 0x20) == 'e')))
        {
            return mlops_read_expected(r, p, "a shape of integers from 0 "
                                               "to 18446744073709551615");
        }

        t->rank++;
        p = mlops_read_next(r, next, ']', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    return p;
}


/* Ours to check, not to use: their values are plain. */

static const char *
mlops_v2_params(mlops_reader_t *r, const char *p)
{
    int           done;
    mlops_str_t   key;

    if (mlops_v2_is_null(r, p)) {
        return p + 4;
    }

    if (!mlops_read_is(r, p, '{')) {
        return mlops_read_expected(r, p, "an object as parameters");
    }

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, '}')) {
        return p + 1;
    }

    do {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return NULL;
        }

        if (mlops_read_is(r, p, '{') || mlops_read_is(r, p, '[')) {
            return mlops_read_expected(r, p, "strings, numbers and booleans "
                                             "as parameters");
        }

        p = mlops_read_skip(r, p);

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

    } while (p != NULL && !done);

    return p;
}


static int
mlops_v2_put_off(mlops_reader_t *r, mlops_v2_t *v, const mlops_tensor_t *t)
{
    mlops_tensor_t  *more;

    if (v->n == v->room) {
        v->room = v->room ? v->room * 2 : 8;
        more = mlops_arena_alloc(r->arena, v->room * sizeof(mlops_tensor_t));

        if (more == NULL) {
            (void) mlops_read_memory(r);
            return MLOPS_ERROR;
        }

        if (v->n != 0) {
            memcpy(more, v->tensors, v->n * sizeof(mlops_tensor_t));
        }

        v->tensors = more;
    }

    v->tensors[v->n++] = *t;

    return MLOPS_OK;
}


/* Several signatures: the names sent decide, or the width of the only one. */

static int
mlops_v2_choose(mlops_reader_t *r, mlops_v2_t *v)
{
    int                       known;
    uint32_t                  i;
    mlops_str_t              *names;
    mlops_tensor_t           *t;
    const mlops_signature_t  *signature;

    if (v->n == 0) {
        return MLOPS_OK;
    }

    names = mlops_arena_alloc(r->arena, v->n * sizeof(mlops_str_t));

    if (names == NULL) {
        (void) mlops_read_memory(r);
        return MLOPS_ERROR;
    }

    known = 0;

    for (i = 0; i < v->n; i++) {
        names[i] = v->tensors[i].name;
    }

    for (i = 0; i < r->face->n; i++) {
        known |= (mlops_schema_find(&r->face->signatures[i].inputs,
                                    names[0].data, names[0].len, 0) >= 0);
    }

    t = &v->tensors[0];

    signature = (v->n > 1 || known)
                ? mlops_read_by_names(r, names, v->n)
                : mlops_read_by_width(r, (t->rank == 2) ? t->dims[1] : 1);

    if (mlops_read_choose(r, signature) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < v->n; i++) {
        t = &v->tensors[i];
        r->input = t->name;
        r->tensor = (int32_t) i;
        r->depth = 3;

        if (mlops_v2_bind(r, v, t, t->data) == NULL) {
            return MLOPS_ERROR;
        }

        r->column = NULL;
        r->row = MLOPS_NO_ROW;
    }

    r->input.data = NULL;
    r->tensor = -1;
    r->depth = 1;

    return MLOPS_OK;
}


static int
mlops_v2_missing(mlops_reader_t *r)
{
    uint32_t  i;

    i = r->partial ? r->schema->n : mlops_read_lacks(r, 0);

    if (i == r->schema->n) {
        return MLOPS_OK;
    }

    r->input = r->schema->columns[i].name;
    (void) mlops_read_error(r, "missing");

    return MLOPS_ERROR;
}


static const char *
mlops_v2_bind(mlops_reader_t *r, mlops_v2_t *v, mlops_tensor_t *t,
    const char *p)
{
    int  c;

    if (v->matrix) {
        return mlops_str_eq(&v->first, t->name.data, t->name.len)
               ? mlops_read_error(r, "the name is there twice")
               : mlops_read_error(r, "expected no other input beside \"%.*s\""
                                  ", which has all columns",
                                  mlops_read_cut(&v->first), v->first.data);
    }

    c = mlops_schema_find(r->schema, t->name.data, t->name.len, v->guess);

    if (c < 0) {

        if (v->read != 0) {
            return mlops_read_error(r, "the model has no such input");
        }

        return mlops_v2_matrix(r, v, t, p);
    }

    v->guess = (uint32_t) c + 1;

    if (mlops_bit(r->seen, (uint32_t) c)) {
        return mlops_read_error(r, "the name is there twice");
    }

    mlops_bit_set(r->seen, (uint32_t) c);

    return mlops_v2_column(r, v, t, (uint32_t) c, p);
}


static int
mlops_v2_type(mlops_reader_t *r, const mlops_tensor_t *t,
    const mlops_column_t *column)
{
    if (mlops_likely(t->type == column->type
                     || (column->kind == MLOPS_CELL_DOUBLE
                         && mlops_type_kind(t->type) == MLOPS_CELL_DOUBLE)))
    {
        return MLOPS_OK;
    }

    r->column = column;

    (void) mlops_read_error(r, "expected datatype %s, got %s",
                            mlops_type_name(column->type),
                            mlops_type_name(t->type));
    return MLOPS_ERROR;
}


/* A value takes a digit and a comma at least: a shape that the body cannot
 * fill gets no memory. */

static int
mlops_v2_fits(mlops_reader_t *r, uint64_t rows, uint32_t columns)
{
    size_t  len;

    len = (size_t) (r->end - r->body);

    if (rows <= 1 || rows > r->limits->rows || rows * columns <= len / 2) {
        return MLOPS_OK;
    }

    (void) mlops_read_error(r, "expected %llu rows of %u value%s as the shape "
                            "says, got a body of %zu bytes",
                            (unsigned long long) rows, columns,
                            (columns == 1) ? "" : "s", len);
    return MLOPS_ERROR;
}


/* Of each row the body brings the values of columns columns at least. */

static int
mlops_v2_rows(mlops_reader_t *r, mlops_v2_t *v, const mlops_tensor_t *t,
    uint32_t columns)
{
    if (v->read++ == 0) {
        v->first = t->name;

        if (t->dims[0] == 0) {
            (void) mlops_read_error(r, "expected at least one row, got "
                                    "none");
            return MLOPS_ERROR;
        }

        if (mlops_v2_fits(r, t->dims[0], columns) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        return mlops_read_rows_take(r, t->dims[0]);
    }

    if (t->dims[0] != r->req->rows.n) {
        (void) mlops_read_error(r, "expected %u row%s as input \"%.*s\" has, "
                                "got %llu", r->req->rows.n,
                                (r->req->rows.n == 1) ? "" : "s",
                                mlops_read_cut(&v->first), v->first.data,
                                (unsigned long long) t->dims[0]);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


/* How many columns the tensors have to bring together. */

static uint32_t
mlops_v2_expected(const mlops_reader_t *r)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < r->schema->n && !r->partial; i++) {
        n += mlops_read_is_expected(&r->schema->columns[i]);
    }

    return n ? n : 1;
}


/* One column: its cells lie a row apart. */

static const char *
mlops_v2_column(mlops_reader_t *r, mlops_v2_t *v, mlops_tensor_t *t,
    uint32_t c, const char *p)
{
    int            done, nested;
    uint32_t       i, k, n;
    uint64_t      *present;
    mlops_cell_t  *cell;
    mlops_rows_t  *rows;

    rows = &r->req->rows;

    if (mlops_v2_type(r, t, &r->schema->columns[c]) != MLOPS_OK) {
        return NULL;
    }

    if (t->rank == 0 || t->rank > 2 || (t->rank == 2 && t->dims[1] != 1)) {
        return mlops_v2_shape_error(r, t);
    }

    if (mlops_v2_rows(r, v, t, mlops_v2_expected(r)) != MLOPS_OK) {
        return NULL;
    }

    n = rows->n;
    cell = rows->cells + c;
    present = rows->present;
    r->column = &r->schema->columns[c];

    if (!mlops_read_is(r, p, '[')) {

        if (n != 1) {
            return mlops_read_expected(r, p, "an array");
        }

        return mlops_read_cell(r, p, cell, present, c);
    }

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, ']')) {
        return mlops_read_error(r, "expected %u value%s as the shape says, "
                                "got 0", n, (n == 1) ? "" : "s");
    }

    nested = (t->rank == 2 && mlops_read_is(r, p, '['));
    done = 0;
    i = 0;

    if (n >= MLOPS_BULK_MIN && !nested
        && r->column->kind == MLOPS_CELL_DOUBLE)
    {
        i = mlops_read_bulk(r, &p, cell, r->schema->n, n,
                            r->column->type == MLOPS_TYPE_FP32);
        cell += (size_t) i * r->schema->n;

        for (k = 0; k < i; k++) {
            mlops_bit_set(present, c);
            present += rows->words;
        }

        if (i == n) {
            p = mlops_read_next(r, p, ']', &done);

            if (p == NULL) {
                return NULL;
            }
        }
    }

    for ( /* void */ ; !done; i++) {

        if (i == n) {
            r->row = MLOPS_NO_ROW;
            return mlops_read_error(r, "expected %u value%s as the shape "
                                    "says, got more", n,
                                    (n == 1) ? "" : "s");
        }

        if (n > 1) {
            r->row = i;
        }

        if (nested) {

            if (!mlops_read_is(r, p, '[')) {
                return mlops_read_expected(r, p, "an array");
            }

            p = mlops_read_ws(r, p + 1);

            if (mlops_read_is(r, p, ']')) {
                return mlops_read_error(r, "expected 1 value, got 0");
            }
        }

        p = mlops_read_cell(r, p, cell, present, c);

        if (mlops_unlikely(p == NULL)) {
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

        cell += r->schema->n;
        present += rows->words;
        p = mlops_read_next(r, p, ']', &done);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }
    }

    if (i != n) {
        r->row = MLOPS_NO_ROW;
        return mlops_read_error(r, "expected %u values as the shape says, "
                                "got %u", n, i);
    }

    return p;
}


/* All columns: cells in the order of the text. */

static const char *
mlops_v2_matrix(mlops_reader_t *r, mlops_v2_t *v, mlops_tensor_t *t,
    const char *p)
{
    int       done, nested;
    uint32_t  i, j, n, width;

    width = r->inputs_n;

    if (t->rank == 2 && t->dims[1] == r->schema->n) {
        width = r->schema->n;
    }

    if (!(t->rank == 2 && t->dims[1] == width)
        && !(t->rank == 1 && width == 1))
    {
        return mlops_v2_shape_error(r, t);
    }

    for (j = 0; j < width; j++) {
        if (mlops_v2_type(r, t, &r->schema->columns[j]) != MLOPS_OK) {
            return NULL;
        }
    }

    if (mlops_v2_rows(r, v, t, width) != MLOPS_OK) {
        return NULL;
    }

    v->matrix = 1;
    r->width = width;
    n = r->req->rows.n;

    if (!mlops_read_is(r, p, '[')) {

        if (n != 1 || width != 1) {
            return mlops_read_expected(r, p, "an array");
        }

        return mlops_read_values(r, p, 0);
    }

    p = mlops_read_ws(r, p + 1);
    nested = (t->rank == 2 && mlops_read_is(r, p, '['));

    for (i = 0; i < n; i++) {

        if (n > 1) {
            r->row = i;
        }

        if (!nested) {

            /* flat: a row's values end where the next row's begin */

            p = mlops_read_values(r, p, i);

        } else if (mlops_read_is(r, p, '[')) {
            p = mlops_read_array_row(r, p, i, NULL, 0);

        } else {
            r->column = NULL;
            return mlops_read_expected(r, p, "an array");
        }

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        p = mlops_read_next(r, p, ']', &done);

        if (mlops_unlikely(p == NULL)) {
            return NULL;
        }

        if (done != (i + 1 == n)) {
            r->row = MLOPS_NO_ROW;
            r->column = NULL;

            return done
                   ? mlops_read_error(r, "expected %u rows as the shape says"
                                      ", got %u", n, i + 1)
                   : mlops_read_error(r, "expected %u row%s as the shape "
                                      "says, got more", n,
                                      (n == 1) ? "" : "s");
        }
    }

    return p;
}


static const char *
mlops_v2_shape_error(mlops_reader_t *r, const mlops_tensor_t *t)
{
    char      shape[MLOPS_V2_RANK * (MLOPS_INT_LEN + 1) + 2], *p;
    uint32_t  i;

    p = shape;
    *p++ = '[';

    for (i = 0; i < t->rank; i++) {

        if (i != 0) {
            *p++ = ',';
        }

        p = mlops_print_uint64(p, t->dims[i]);
    }

    *p++ = ']';
    *p = '\0';

    if (mlops_schema_find(r->schema, t->name.data, t->name.len, 0) >= 0) {
        return mlops_read_error(r, "expected shape [-1] or [-1,1], got %s",
                                shape);
    }

    return mlops_read_error(r, "expected the name of an input, or shape "
                            "[-1,%u] for all columns, got shape %s",
                            r->inputs_n, shape);
}


/* The requested outputs; an empty list asks for all. */

static int
mlops_v2_outputs(mlops_reader_t *r, const char *p)
{
    int           done;
    mlops_str_t   name;

    if (mlops_v2_is_null(r, p)) {
        return MLOPS_OK;
    }

    if (!mlops_read_is(r, p, '[')) {
        (void) mlops_read_member(r, p, "outputs", "an array");
        return MLOPS_ERROR;
    }

    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, ']')) {
        return MLOPS_OK;
    }

    do {
        p = mlops_v2_output(r, p, &name);

        if (p == NULL || mlops_v2_want(r, &name) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        p = mlops_read_next(r, p, ']', &done);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

    } while (!done);

    return MLOPS_OK;
}


static const char *
mlops_v2_output(mlops_reader_t *r, const char *p, mlops_str_t *name)
{
    int           done;
    mlops_str_t   key;
    mlops_raw_t   raw;

    if (!mlops_read_is(r, p, '{')) {
        return mlops_read_member(r, p, "outputs", "an object");
    }

    name->data = NULL;
    p = mlops_read_ws(r, p + 1);
    done = mlops_read_is(r, p, '}');

    if (done) {
        p++;
    }

    while (!done) {
        p = mlops_read_key(r, p, &key);

        if (p == NULL) {
            return NULL;
        }

        if (mlops_str_is(&key, "name")) {

            if (name->data != NULL) {
                return mlops_read_error(r, "outputs: \"name\" is there "
                                        "twice");
            }

            if (!mlops_read_is(r, p, '"')) {
                return mlops_read_member(r, p, "outputs",
                                         "a string as name");
            }

            p = mlops_read_raw(r, p, &raw);

            if (p == NULL || mlops_read_text(r, &raw, name) != MLOPS_OK) {
                return NULL;
            }

        } else if (mlops_str_is(&key, "parameters")) {
            p = mlops_v2_params(r, p);

        } else {
            p = mlops_read_skip(r, p);
        }

        if (p == NULL) {
            return NULL;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (p == NULL) {
            return NULL;
        }
    }

    if (name->data == NULL) {
        return mlops_read_error(r, "outputs: expected \"name\", got none");
    }

    return p;
}


/* An output that the chosen signature does not have brings another one. */

static int
mlops_v2_want(mlops_reader_t *r, const mlops_str_t *name)
{
    int32_t                   i;
    uint32_t                  j;
    mlops_request_t          *req;
    const mlops_signature_t  *s;

    req = r->req;
    i = mlops_v2_find(req->signature, name);

    if (i < 0) {
        s = mlops_v2_other(r, name);

        if (s == NULL) {
            return MLOPS_ERROR;
        }

        for (j = 0; j < req->wanted_n; j++) {
            req->wanted[j] = (uint32_t) mlops_v2_find(s,
                             &req->signature->outputs[req->wanted[j]].name);
        }

        mlops_read_switch(r, s);
        i = mlops_v2_find(s, name);
    }

    for (j = 0; j < req->wanted_n; j++) {
        if (req->wanted[j] == (uint32_t) i) {
            (void) mlops_read_error(r, "output \"%.*s\": the name is there "
                                    "twice", mlops_read_cut(name),
                                    name->data);
            return MLOPS_ERROR;
        }
    }

    if (req->wanted == NULL) {
        req->wanted = mlops_arena_alloc(r->arena, mlops_v2_most_outputs(r)
                                                  * sizeof(uint32_t));
        if (req->wanted == NULL) {
            (void) mlops_read_memory(r);
            return MLOPS_ERROR;
        }
    }

    req->wanted[req->wanted_n++] = (uint32_t) i;

    return MLOPS_OK;
}


static int32_t
mlops_v2_find(const mlops_signature_t *s, const mlops_str_t *output)
{
    uint32_t  i;

    for (i = 0; i < s->outputs_n; i++) {
        if (mlops_str_eq(output, s->outputs[i].name.data,
                         s->outputs[i].name.len))
        {
            return (int32_t) i;
        }
    }

    return -1;
}


static size_t
mlops_v2_most_outputs(const mlops_reader_t *r)
{
    size_t    n;
    uint32_t  i;

    for (i = 0, n = 0; i < r->face->n; i++) {
        if (r->face->signatures[i].outputs_n > n) {
            n = r->face->signatures[i].outputs_n;
        }
    }

    return n;
}


/* A signature that takes the same inputs, has this output and all that are
 * wanted already. */

static const mlops_signature_t *
mlops_v2_other(mlops_reader_t *r, const mlops_str_t *name)
{
    int                       apart;
    uint32_t                  i, j;
    mlops_request_t          *req;
    const mlops_signature_t  *s;

    req = r->req;
    apart = 0;

    for (i = 0; i < r->face->n; i++) {
        s = &r->face->signatures[i];

        if (mlops_v2_find(s, name) < 0
            || !mlops_schema_alike(&s->inputs, r->schema))
        {
            continue;
        }

        for (j = 0; j < req->wanted_n; j++) {
            if (mlops_v2_find(s,
                              &req->signature->outputs[req->wanted[j]].name)
                < 0)
            {
                break;
            }
        }

        if (j == req->wanted_n) {
            return s;
        }

        apart = 1;
    }

    (void) mlops_read_error(r, "output \"%.*s\": %s", mlops_read_cut(name),
                            name->data,
                            apart ? "the model does not give it together with "
                                    "the outputs before"
                                  : "the model has no such output");
    return NULL;
}
