/*
 * What the tests of requests and answers share: interfaces from a few words,
 * and the cells that came out.
 *
 * A column is "name:TYPE" with "!" behind it where it is required, "=5" for
 * a default and "[1,9]" for a range; an output is "name:TYPE:width".
 */

#ifndef MLOPS_UNIT_REQUEST_H
#define MLOPS_UNIT_REQUEST_H


#include "unit.h"
#include "mlops_request.h"


typedef struct {
    mlops_arena_t      arena;
    mlops_err_t        err;
    mlops_interface_t  face;
    mlops_signature_t  signatures[4];
    mlops_limits_t     limits;
    mlops_request_t    req;
    mlops_results_t    results;
    int                partial;
    int                rc;
    char              *body;        /* exactly as long as the text */
} request_t;


static inline void *
request_alloc(request_t *t, size_t size)
{
    void  *p;

    p = mlops_arena_calloc(&t->arena, 1, size);

    if (p == NULL) {
        unit_note("out of memory");
        abort();
    }

    return p;
}


static inline mlops_str_t
request_str(request_t *t, const char *text, size_t len)
{
    mlops_str_t  s;

    s.data = mlops_arena_copy(&t->arena, text, len);
    s.len = len;

    return s;
}


static inline void
request_column(request_t *t, mlops_column_t *column, const char *p,
    const char *end)
{
    char         *next;
    const char   *q;
    mlops_str_t   type;

    q = memchr(p, ':', (size_t) (end - p));
    assert_non_null(q);

    column->name = request_str(t, p, (size_t) (q - p));
    p = q + 1;

    for (q = p; q < end && *q != '!' && *q != '=' && *q != '['; q++) {
        /* void */
    }

    type = request_str(t, p, (size_t) (q - p));
    column->type = mlops_type_find(&type);
    assert_int_not_equal(column->type, MLOPS_TYPE_NONE);
    column->kind = mlops_type_kind(column->type);

    while (q < end) {

        switch (*q++) {

        case '!':
            column->flags |= MLOPS_COLUMN_REQUIRED;
            break;

        case '=':
            column->flags |= MLOPS_COLUMN_DEFAULT;

            if (column->kind == MLOPS_CELL_STRING) {
                column->def_text = request_str(t, q, (size_t) (end - q));
                return;
            }

            if (column->kind == MLOPS_CELL_DOUBLE) {
                column->def.f = strtod(q, &next);

            } else {
                column->def.i = strtoll(q, &next, 10);
            }

            q = next;
            break;

        case '[':
            column->flags |= MLOPS_COLUMN_RANGE;
            column->lo = strtod(q, &next);
            column->hi = strtod(next + 1, &next);
            q = next + 1;
            break;

        default:
            fail();
        }
    }
}


/* Splits at spaces; returns how many words there are. */

static inline uint32_t
request_words(const char *text, const char **starts, const char **ends)
{
    uint32_t  n;

    for (n = 0; *text != '\0'; n++) {
        assert_true(n < 64);
        starts[n] = text;
        text += strcspn(text, " ");
        ends[n] = text;
        text += strspn(text, " ");
    }

    return n;
}


static inline void
request_signature(request_t *t, const char *name, const char *inputs,
    const char *outputs)
{
    uint32_t            i, n;
    const char         *starts[64], *ends[64], *p;
    mlops_output_t     *output;
    mlops_str_t         type;
    mlops_signature_t  *s;

    s = &t->signatures[t->face.n++];
    memset(s, 0, sizeof(*s));

    t->face.signatures = t->signatures;
    s->name = request_str(t, name, strlen(name));

    n = request_words(inputs, starts, ends);
    s->inputs.n = n;
    s->inputs.columns = request_alloc(t, n * sizeof(mlops_column_t));

    for (i = 0; i < n; i++) {
        request_column(t, &s->inputs.columns[i], starts[i], ends[i]);
    }

    assert_int_equal(mlops_schema_index(&s->inputs, &t->arena, &t->err),
                     MLOPS_OK);

    n = request_words(outputs, starts, ends);
    s->outputs_n = n;
    s->outputs = request_alloc(t, n * sizeof(mlops_output_t));

    for (i = 0; i < n; i++) {
        output = &s->outputs[i];

        p = strchr(starts[i], ':');
        output->name = request_str(t, starts[i], (size_t) (p - starts[i]));
        p++;

        type = request_str(t, p, strcspn(p, ":"));
        output->type = mlops_type_find(&type);
        output->width = (uint32_t) atoi(p + type.len + 1);
        output->first = s->cells_n;

        s->cells_n += output->width;
    }
}


static inline void
request_open(request_t *t, const char *inputs, const char *outputs)
{
    const mlops_limits_t  limits = MLOPS_LIMITS_DEFAULT;

    memset(t, 0, sizeof(*t));
    mlops_arena_init(&t->arena, NULL, NULL);

    t->limits = limits;

    request_signature(t, "default", inputs, outputs);
}


static inline void
request_close(request_t *t)
{
    mlops_arena_destroy(&t->arena);
    free(t->body);
}


/* The body is in memory of exactly its size, so that a sanitizer sees a read
 * behind it.  door -1 is CSV. */

static inline int
request_read_len(request_t *t, int door, const char *body, size_t len)
{
    free(t->body);

    t->body = malloc(len ? len : 1);
    memcpy(t->body, body, len);
    t->err.text[0] = '\0';

    if (door < 0) {
        t->rc = mlops_request_csv(&t->req, &t->face, t->partial, &t->limits,
                                  t->body, len, &t->arena, &t->err);

    } else {
        t->rc = mlops_request_parse(&t->req, &t->face, (mlops_door_t) door,
                                    t->partial, &t->limits, t->body, len,
                                    &t->arena, &t->err);
    }

    return t->rc;
}


static inline int
request_read(request_t *t, int door, const char *body)
{
    return request_read_len(t, door, body, strlen(body));
}


/* What came is as it should: n rows of numbers, row by row, NAN for what is
 * missing. */

static inline void
request_expect(request_t *t, int door, const char *body, uint32_t n,
    const double *cells)
{
    int                    present;
    double                 got;
    uint32_t               i, j, width;
    const mlops_schema_t  *schema;

    (void) request_read(t, door, body);

    unit_ok(t->rc == MLOPS_OK, "%s\n%s", body, t->err.text);
    unit_ok(t->req.rows.n == n, "%s\n%u rows", body, t->req.rows.n);

    schema = t->req.rows.schema;
    assert_ptr_equal(schema, &t->req.signature->inputs);
    width = schema->n;

    for (i = 0; i < n; i++) {
        for (j = 0; j < width; j++) {
            present = mlops_bit(t->req.rows.present
                                + (size_t) i * t->req.rows.words, j);
            got = mlops_cell_number(schema->columns[j].kind,
                                    t->req.rows.cells[i * width + j],
                                    present);

            unit_ok(isnan(cells[i * width + j])
                    ? isnan(got) : got == cells[i * width + j],
                    "%s\nrow %u column %u: %.17g, expected %.17g", body, i, j,
                    got, cells[i * width + j]);
        }
    }
}

#define request_numbers(t, door, body, n, ...)                                \
    request_expect(t, door, body, n, (const double []) { __VA_ARGS__ })


/* Refused, with this text in the error. */

static inline void
request_refused(request_t *t, int door, const char *body, const char *text)
{
    (void) request_read(t, door, body);

    unit_ok(t->rc == MLOPS_ERROR, "%.200s\ncode %d %s", body, t->rc,
            t->err.text);
    unit_ok(strstr(t->err.text, text) != NULL, "%.200s\n%s\nexpected %s",
            body, t->err.text, text);
}


static inline void
request_over(request_t *t, int door, const char *body, const char *text)
{
    (void) request_read(t, door, body);

    unit_ok(t->rc == MLOPS_LIMIT, "%.200s\ncode %d %s", body, t->rc,
            t->err.text);
    unit_ok(strstr(t->err.text, text) != NULL, "%.200s\n%s\nexpected %s",
            body, t->err.text, text);
}


/* A string cell as text that ends with NUL. */

static inline const char *
request_cell_text(request_t *t, uint32_t row, uint32_t column)
{
    mlops_cell_t  cell;

    cell = t->req.rows.cells[row * t->req.rows.schema->n + column];

    return mlops_arena_copy(&t->arena, t->req.rows.text + cell.s.off,
                            cell.s.len);
}


/* The answer of a model that gives its first inputs back. */

static inline const char *
request_echo(request_t *t, const char *model, const char *version,
    mlops_nonfinite_t nonfinite)
{
    char                     *p, *end;
    size_t                    bound;
    uint32_t                  i, width;
    mlops_str_t               m, v;
    const mlops_signature_t  *s;

    s = t->req.signature;
    width = s->inputs.n;

    t->results.signature = s;
    t->results.n = t->req.rows.n;
    t->results.text = t->req.rows.text;
    t->results.cells = request_alloc(t, t->req.rows.n * s->cells_n
                                        * sizeof(mlops_cell_t));

    for (i = 0; i < t->req.rows.n; i++) {
        memcpy(t->results.cells + i * s->cells_n,
               t->req.rows.cells + i * width,
               (s->cells_n < width ? s->cells_n : width)
               * sizeof(mlops_cell_t));
    }

    m = request_str(t, model, strlen(model));
    v = request_str(t, version, strlen(version));

    bound = mlops_answer_bound(&t->req, &t->results, &m, &v);

    p = malloc(bound);
    assert_non_null(p);

    end = mlops_answer_write(p, &t->req, &t->results, &m, &v, nonfinite);
    assert_true((size_t) (end - p) <= bound);

    m = request_str(t, p, (size_t) (end - p));
    free(p);

    return m.data;
}


#endif /* MLOPS_UNIT_REQUEST_H */
