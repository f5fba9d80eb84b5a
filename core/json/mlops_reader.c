/*
 * Names, signatures, and room for rows.
 */

#include "mlops_reader.h"


const char *
mlops_read_raw_slow(mlops_reader_t *r, const char *p, mlops_raw_t *raw)
{
    const char  *q, *fault;

    if (!mlops_read_is(r, p, '"')) {
        return mlops_read_syntax(r, p, "a string");
    }

    q = mlops_scan_string(p + 1, r->end, &raw->escaped, &fault);

    if (q == NULL) {
        return mlops_read_syntax(r, fault,
                                 (fault == r->end) ? "'\"'"
                                 : "a character of a well-formed string");
    }

    raw->p = p + 1;
    raw->len = (size_t) (q - p - 1);

    return q + 1;
}


int
mlops_read_text_slow(mlops_reader_t *r, const mlops_raw_t *raw,
    mlops_str_t *text)
{
    char  *copy;

    copy = mlops_arena_alloc(r->arena, raw->len);

    if (copy == NULL) {
        (void) mlops_read_memory(r);
        return MLOPS_ERROR;
    }

    text->data = copy;
    text->len = (size_t) (mlops_scan_unescape(copy, raw->p,
                                              raw->p + raw->len) - copy);
    return MLOPS_OK;
}


const char *
mlops_read_skip(mlops_reader_t *r, const char *p)
{
    uint32_t             depth;
    const char          *next;
    mlops_scan_fault_t   fault;

    depth = r->limits->depth;
    depth = (depth > r->depth) ? depth - r->depth : 0;

    next = mlops_scan_value(p, r->end, depth,
                            r->limits->nonfinite ? MLOPS_SCAN_TOKENS : 0,
                            &fault);

    if (mlops_likely(next != NULL)) {
        return next;
    }

    if (fault.expected != NULL) {
        return mlops_read_syntax(r, fault.at, fault.expected);
    }

    r->rc = mlops_err_set(r->err, "JSON nested too deep at byte %zu: expected "
                          "at most %u levels", (size_t) (fault.at - r->body),
                          r->limits->depth);
    return NULL;
}


const char *
mlops_read_count(mlops_reader_t *r, const char *p, uint32_t *n)
{
    int  done;

    *n = 0;
    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, ']')) {
        return p + 1;
    }

    r->depth++;

    do {
        p = mlops_read_skip(r, p);

        if (p == NULL) {
            return NULL;
        }

        *n += 1;
        p = mlops_read_next(r, p, ']', &done);

    } while (p != NULL && !done);

    r->depth--;

    return p;
}


const char *
mlops_read_next_slow(mlops_reader_t *r, const char *p, char close, int *done)
{
    p = mlops_read_ws(r, p);
    *done = 0;

    if (mlops_read_is(r, p, ',')) {
        return mlops_read_ws(r, p + 1);
    }

    if (mlops_likely(mlops_read_is(r, p, close))) {
        *done = 1;
        return p + 1;
    }

    return mlops_read_syntax(r, p, (close == ']') ? "',' or ']'"
                                                  : "',' or '}'");
}


const char *
mlops_read_key(mlops_reader_t *r, const char *p, mlops_str_t *key)
{
    mlops_raw_t  raw;

    p = mlops_read_raw(r, p, &raw);

    if (p == NULL || mlops_read_text(r, &raw, key) != MLOPS_OK) {
        return NULL;
    }

    p = mlops_read_ws(r, p);

    if (!mlops_read_is(r, p, ':')) {
        return mlops_read_syntax(r, p, "':'");
    }

    return mlops_read_ws(r, p + 1);
}


int
mlops_read_choose(mlops_reader_t *r, const mlops_signature_t *signature)
{
    if (signature->inputs.n == 0) {
        (void) mlops_read_error(r, "expected a model with inputs, got one "
                                "without");
        return MLOPS_ERROR;
    }

    r->req->signature = signature;
    r->schema = &signature->inputs;
    r->inputs_n = r->schema->n - signature->keys_n;

    if (mlops_likely(r->schema->n <= 64)) {
        r->seen = &r->seen_word;
        r->seen_word = 0;

        return MLOPS_OK;
    }

    r->seen = mlops_arena_calloc(r->arena, mlops_row_words(r->schema->n),
                                 sizeof(uint64_t));
    if (r->seen == NULL) {
        (void) mlops_read_memory(r);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


void
mlops_read_switch(mlops_reader_t *r, const mlops_signature_t *signature)
{
    r->req->signature = signature;
    r->schema = &signature->inputs;

    if (r->req->rows.schema != NULL) {
        r->req->rows.schema = r->schema;
    }
}


const mlops_signature_t *
mlops_read_by_width(mlops_reader_t *r, uint64_t width)
{
    uint32_t                  i;
    const mlops_signature_t  *s;

    for (i = 0; i < r->face->n; i++) {
        s = &r->face->signatures[i];

        if (s->inputs.n == width || s->inputs.n - s->keys_n == width) {
            return s;
        }
    }

    return &r->face->signatures[0];
}


const mlops_signature_t *
mlops_read_by_names(mlops_reader_t *r, const mlops_str_t *names,
    uint32_t names_n)
{
    int                       column, complete, best_complete;
    uint32_t                  i, j, matched, expected, best_matched;
    const mlops_schema_t     *schema;
    const mlops_signature_t  *best;

    best = &r->face->signatures[0];
    best_complete = 0;
    best_matched = 0;

    for (i = 0; i < r->face->n; i++) {
        schema = &r->face->signatures[i].inputs;
        matched = 0;
        expected = 0;

        for (j = 0; j < schema->n; j++) {
            expected += mlops_read_is_expected(&schema->columns[j]);
        }

        for (j = 0; j < names_n; j++) {
            column = mlops_schema_find(schema, names[j].data, names[j].len,
                                       j);

            if (column >= 0) {
                matched++;
                expected -= mlops_read_is_expected(&schema->columns[column]);
            }
        }

        complete = (expected == 0);

        if (complete > best_complete
            || (complete == best_complete && matched > best_matched))
        {
            best = &r->face->signatures[i];
            best_complete = complete;
            best_matched = matched;
        }
    }

    return best;
}


uint32_t
mlops_read_lacks(const mlops_reader_t *r, uint32_t i)
{
    uint32_t               j;
    const mlops_column_t  *column;

    for ( /* void */ ; i < r->schema->n; i++) {
        column = &r->schema->columns[i];

        if (mlops_bit(r->seen, i) || !mlops_read_is_expected(column)) {
            continue;
        }

        if (!(column->flags & MLOPS_COLUMN_KEY)) {
            break;
        }

        for (j = 0; j < r->inputs_n && mlops_bit(r->seen, j); j++) {
            /* void */
        }

        if (j < r->inputs_n) {
            break;
        }
    }

    return i;
}


int
mlops_read_names_check(mlops_reader_t *r, uint32_t n)
{
    if (mlops_likely(n <= r->limits->elements)) {
        return MLOPS_OK;
    }

    (void) mlops_read_limit(r, "expected at most %u names, got more",
                            r->limits->elements);
    return MLOPS_ERROR;
}


int
mlops_read_names_grow(mlops_reader_t *r, mlops_str_t **names, uint32_t n,
    uint32_t *room)
{
    mlops_str_t  *more;

    if (n < *room) {
        return MLOPS_OK;
    }

    if (mlops_read_names_check(r, n + 1) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    *room = n ? n * 2 : 16;

    if (*room > r->limits->elements) {
        *room = r->limits->elements;
    }

    more = mlops_arena_alloc(r->arena, *room * sizeof(mlops_str_t));

    if (more == NULL) {
        (void) mlops_read_memory(r);
        return MLOPS_ERROR;
    }

    if (n != 0) {
        memcpy(more, *names, n * sizeof(mlops_str_t));
    }

    *names = more;

    return MLOPS_OK;
}


/* A second pass over an object that is no part of the usual way: to choose
 * among signatures, to find a misspelled name. */

int
mlops_read_names(mlops_reader_t *r, const char *p, mlops_str_t **names,
    uint32_t *n)
{
    int       done;
    uint32_t  room;

    *names = NULL;
    *n = 0;
    room = 0;
    p = mlops_read_ws(r, p + 1);

    if (mlops_read_is(r, p, '}')) {
        return MLOPS_OK;
    }

    do {

        if (mlops_read_names_grow(r, names, *n, &room) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        p = mlops_read_key(r, p, &(*names)[*n]);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        *n += 1;
        p = mlops_read_skip(r, p);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        p = mlops_read_next(r, p, '}', &done);

        if (p == NULL) {
            return MLOPS_ERROR;
        }

    } while (!done);

    return MLOPS_OK;
}


int
mlops_read_is_column(mlops_reader_t *r, const mlops_str_t *name)
{
    uint32_t  i;

    if (r->schema != NULL) {
        return mlops_schema_find(r->schema, name->data, name->len, 0) >= 0;
    }

    for (i = 0; i < r->face->n; i++) {
        if (mlops_schema_find(&r->face->signatures[i].inputs, name->data,
                              name->len, 0) >= 0)
        {
            return 1;
        }
    }

    return 0;
}


static int
mlops_read_rows_check(mlops_reader_t *r, uint64_t n)
{
    if (n > r->limits->rows) {
        (void) mlops_read_limit(r, "expected at most %u rows, got %s%llu",
                                r->limits->rows,
                                (r->rows_max != 0) ? "at least " : "",
                                (unsigned long long) n);
        return MLOPS_ERROR;
    }

    if (n * r->schema->n > r->limits->elements) {
        (void) mlops_read_limit(r, "expected at most %u values, got %llu "
                                "rows of %u", r->limits->elements,
                                (unsigned long long) n, r->schema->n);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


int
mlops_read_rows_take(mlops_reader_t *r, uint64_t n)
{
    if (mlops_read_rows_check(r, n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (mlops_rows_alloc(&r->req->rows, r->schema, (uint32_t) n, r->arena,
                         r->err) != MLOPS_OK)
    {
        r->rc = MLOPS_ERROR;
        return MLOPS_ERROR;
    }

    r->rows_max = (uint32_t) n;

    return MLOPS_OK;
}


/* The second row knows how long the first one was, and what is left. */

int
mlops_read_rows_grow(mlops_reader_t *r, uint32_t i, const char *start,
    const char *p)
{
    uint32_t      limit;
    uint64_t      room;
    mlops_rows_t  old;

    if (mlops_likely(i < r->rows_max)) {
        return MLOPS_OK;
    }

    if (i == 0) {
        return mlops_read_rows_take(r, 1);
    }

    if (mlops_read_rows_check(r, (uint64_t) i + 1) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    room = (i == 1) ? (uint64_t) (r->end - p) / (uint64_t) (p - start) + 2
                    : (uint64_t) i * 2;

    limit = r->limits->rows;

    if (r->schema->n != 0 && limit > r->limits->elements / r->schema->n) {
        limit = r->limits->elements / r->schema->n;
    }

    if (room > limit) {
        room = limit;
    }

    if (room < (uint64_t) i + 1) {
        room = (uint64_t) i + 1;
    }

    old = r->req->rows;

    if (mlops_read_rows_take(r, room) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    memcpy(r->req->rows.cells, old.cells,
           (size_t) i * r->schema->n * sizeof(mlops_cell_t));
    memcpy(r->req->rows.present, old.present,
           (size_t) i * old.words * sizeof(uint64_t));

    return MLOPS_OK;
}
