/*
 * What the readers of all dialects share: where a reading stands, how it
 * fails, single cells, rows of JSON values.  Internal to core/json.
 *
 * Every reading function takes the position and returns the next one, or
 * NULL after it has set rc and the error's text, so that the position lives
 * in a register.
 *
 * An error names its field by the members input, column and row, which a
 * reader sets before it reads a cell:
 *
 *     input "x", row 3, column "b": expected a number, got "y"     (V2)
 *     b, row 3: expected a number, got "y"                         (others)
 *
 * Rows are counted from 0, as the arrays that hold them; a request of one
 * row names none.
 */

#ifndef MLOPS_READER_H
#define MLOPS_READER_H


#include "mlops_num.h"
#include "mlops_request.h"
#include "mlops_scan.h"


#define MLOPS_NO_ROW  UINT32_MAX


/* Are all inputs of one floating-point type? */

typedef enum {
    MLOPS_BULK_UNKNOWN = 0,
    MLOPS_BULK_NONE,
    MLOPS_BULK_FP64,
    MLOPS_BULK_FP32
} mlops_bulk_t;

/* Fewer numbers than these are not worth the start. */

#define MLOPS_BULK_MIN  4


typedef struct {
    const char               *body;
    const char               *end;
    mlops_arena_t            *arena;
    mlops_err_t              *err;
    const mlops_limits_t     *limits;
    const mlops_interface_t  *face;
    mlops_request_t          *req;

    const mlops_schema_t     *schema;       /* of the chosen signature */
    uint32_t                  inputs_n;     /* of schema, without its keys */
    uint32_t                  width;        /* of bare rows; 0: inputs_n, or
                                             * all columns */
    uint32_t                  rows_max;     /* room in req->rows */
    mlops_bulk_t              bulk;         /* of schema */
    int                       partial;
    int                       rc;

    char                     *text;         /* the body's copy, once a string
                                             * had to be rewritten */
    uint64_t                 *seen;         /* columns of the row or request
                                             * at hand: */
    uint64_t                  seen_word;    /* here if they are few */

    uint32_t                  depth;        /* levels open around the value
                                             * at hand */

    mlops_str_t               input;        /* for error texts; data NULL: */
    int32_t                   tensor;       /* its number, or -1 */
    const mlops_column_t     *column;
    uint32_t                  row;
} mlops_reader_t;


/* A string as it stands in the text. */

typedef struct {
    const char  *p;                         /* behind the opening quote */
    size_t       len;
    int          escaped;
} mlops_raw_t;


int mlops_reader_init(mlops_reader_t *r, mlops_request_t *req,
    const mlops_interface_t *face, int partial, const mlops_limits_t *limits,
    const char *body, size_t len, mlops_arena_t *arena, mlops_err_t *err);

/* The dialects: each from the brace of the body's object to its end. */

const char *mlops_read_v2(mlops_reader_t *r, const char *p);
const char *mlops_read_v1(mlops_reader_t *r, const char *p);
const char *mlops_read_mlflow(mlops_reader_t *r, const char *p);

/* Errors; all return NULL.  "malformed JSON at byte N: expected …, got …",
 * and the same below a field. */
const char *mlops_read_syntax(mlops_reader_t *r, const char *p,
    const char *expected);
const char *mlops_read_expected(mlops_reader_t *r, const char *p,
    const char *expected);
const char *mlops_read_member(mlops_reader_t *r, const char *p,
    const char *member, const char *expected);
const char *mlops_read_error(mlops_reader_t *r, const char *fmt, ...)
    mlops_printf(2, 3);
const char *mlops_read_limit(mlops_reader_t *r, const char *fmt, ...)
    mlops_printf(2, 3);
const char *mlops_read_memory(mlops_reader_t *r);
/* How much of the user's text to quote: at most 40 bytes, whole characters. */
int mlops_read_cut(const mlops_str_t *s);

/* A string at its opening quote; *raw is its inside. */
const char *mlops_read_raw_slow(mlops_reader_t *r, const char *p,
    mlops_raw_t *raw);
int mlops_read_text_slow(mlops_reader_t *r, const mlops_raw_t *raw,
    mlops_str_t *text);
/* Skips a value with its nesting. */
const char *mlops_read_skip(mlops_reader_t *r, const char *p);
/* Skips an array and counts its elements. */
const char *mlops_read_count(mlops_reader_t *r, const char *p, uint32_t *n);
/* A member's name, its colon and the white space behind. */
const char *mlops_read_key(mlops_reader_t *r, const char *p,
    mlops_str_t *key);
const char *mlops_read_next_slow(mlops_reader_t *r, const char *p, char close,
    int *done);

/* Chooses the signature and what follows from it. */
int mlops_read_choose(mlops_reader_t *r, const mlops_signature_t *signature);
/* Another signature of the same inputs, in place of the one chosen. */
void mlops_read_switch(mlops_reader_t *r, const mlops_signature_t *signature);
const mlops_signature_t *mlops_read_by_width(mlops_reader_t *r,
    uint64_t width);

/*
 * The signature that a set of names fits best: one whose expected columns
 * all came before one that lacks some, then the one with most of its columns
 * named, then the first.
 */
const mlops_signature_t *mlops_read_by_names(mlops_reader_t *r,
    const mlops_str_t *names, uint32_t names_n);
/* The names of the object at p. */
int mlops_read_names(mlops_reader_t *r, const char *p, mlops_str_t **names,
    uint32_t *n);
/* The memory of n names is bounded by limits.elements: a body of commas must
 * not cost many times its size.  mlops_read_names_grow makes room for one
 * behind n. */
int mlops_read_names_check(mlops_reader_t *r, uint32_t n);
int mlops_read_names_grow(mlops_reader_t *r, mlops_str_t **names, uint32_t n,
    uint32_t *room);
/* Is it a name that the chosen signature, or any that could be chosen, has
 * for a column? */
int mlops_read_is_column(mlops_reader_t *r, const mlops_str_t *name);


/* Does a body have to bring this column? */

static inline int
mlops_read_is_expected(const mlops_column_t *column)
{
    return !(column->flags & (MLOPS_COLUMN_DEFAULT|MLOPS_COLUMN_JOINED));
}


/* The first column behind i - 1 that was not seen and has to be there, or
 * schema->n. */
uint32_t mlops_read_lacks(const mlops_reader_t *r, uint32_t i);


/* Checks n against the limits and takes room for that many rows. */
int mlops_read_rows_take(mlops_reader_t *r, uint64_t n);
/* Makes room for row i, whose text starts at p, of a list from start on. */
int mlops_read_rows_grow(mlops_reader_t *r, uint32_t i, const char *start,
    const char *p);

/* A value of r->column's type: fills the cell, sets or clears the bit. */
const char *mlops_read_cell_slow(mlops_reader_t *r, const char *p,
    mlops_cell_t *cell, uint64_t *present, uint32_t i);

/* The error of an integer that the column's type does not hold. */
const char *mlops_read_integer_range(mlops_reader_t *r, const char *p,
    const char *end);
/* Where strings are rewritten.  Text of cells stays in the body until one has
 * to change; then it moves to a copy of the body, where each string is
 * rewritten in its place, so that all offsets stay true. */
char *mlops_read_own_text(mlops_reader_t *r);

/* Reads up to n plain numbers with commas between into cells that lie step
 * apart, and returns how many it took: fewer where something else comes, *p
 * is at the text's first bytes, or the processor lacks the means.  *p moves to
 * the first value that is left (its cell may hold anything), or behind the
 * last one. */
uint32_t mlops_read_bulk(const mlops_reader_t *r, const char **p,
    mlops_cell_t *cells, size_t step, uint32_t n, int is_float);
mlops_bulk_t mlops_read_bulk_type(mlops_reader_t *r);

/* Rows of JSON values: a list of arrays (or bare values, where there is one
 * column) or objects; the members of one object; columns. */

typedef enum {
    MLOPS_ROWS_ARRAYS = 1,
    MLOPS_ROWS_OBJECTS = 2,
    MLOPS_ROWS_ANY = 3
} mlops_rows_form_t;

const char *mlops_read_list(mlops_reader_t *r, const char *p,
    mlops_rows_form_t form);
const char *mlops_read_array_row(mlops_reader_t *r, const char *p,
    uint32_t row, const int32_t *map, uint32_t n);
const char *mlops_read_object_row(mlops_reader_t *r, const char *p,
    uint32_t row);
const char *mlops_read_columns(mlops_reader_t *r, const char *p);
/* Exactly the schema's columns in order, with commas between; ends behind
 * the last. */
const char *mlops_read_values(mlops_reader_t *r, const char *p,
    uint32_t row);

/* All expected columns are in seen; otherwise the error names one that is
 * not, and the closest name in names (n of them; may be 0). */
int mlops_read_all_seen(mlops_reader_t *r, const mlops_str_t *names,
    uint32_t n);


static inline void
mlops_read_seen_reset(mlops_reader_t *r)
{
    memset(r->seen, 0, mlops_row_words(r->schema->n) * sizeof(uint64_t));
}


static inline const char *
mlops_read_raw(mlops_reader_t *r, const char *p, mlops_raw_t *raw)
{
    uint64_t     m;
    const char  *q;

    /* names are short: most end within eight or sixteen bytes */

    if (mlops_likely(r->end - p > 24 && *p == '"')) {
        q = p + 1;
        m = mlops_scan_special(mlops_scan_load(q));

        if (m == 0) {
            q += 8;
            m = mlops_scan_special(mlops_scan_load(q));
        }

        if (mlops_likely(m != 0)) {
            q += __builtin_ctzll(m) >> 3;

            if (mlops_likely(*q == '"')) {
                raw->p = p + 1;
                raw->len = (size_t) (q - p - 1);
                raw->escaped = 0;

                return q + 1;
            }
        }
    }

    return mlops_read_raw_slow(r, p, raw);
}


/* Its value: the place in the body, or a copy without escapes. */

static inline int
mlops_read_text(mlops_reader_t *r, const mlops_raw_t *raw, mlops_str_t *text)
{
    if (mlops_unlikely(raw->escaped)) {
        return mlops_read_text_slow(r, raw, text);
    }

    text->data = raw->p;
    text->len = raw->len;

    return MLOPS_OK;
}


static inline const char *
mlops_read_ws(const mlops_reader_t *r, const char *p)
{
    return mlops_scan_ws(p, r->end);
}


static inline int
mlops_read_is(const mlops_reader_t *r, const char *p, char c)
{
    return p < r->end && *p == c;
}


/* Behind a member or element: the next one, or with *done the place behind
 * the bracket that closes. */

static inline const char *
mlops_read_next(mlops_reader_t *r, const char *p, char close, int *done)
{
    if (mlops_likely(r->end - p >= 2)) {

        if (*p == close) {
            *done = 1;
            return p + 1;
        }

        if (*p == ',' && (unsigned char) p[1] > ' ') {
            *done = 0;
            return p + 1;
        }
    }

    return mlops_read_next_slow(r, p, close, done);
}


static inline const char *
mlops_read_cell(mlops_reader_t *r, const char *p, mlops_cell_t *cell,
    uint64_t *present, uint32_t i)
{
    float         f;
    double        d;
    const char   *next;
    mlops_type_t  type;

    type = r->column->type;

    if (mlops_likely(type == MLOPS_TYPE_FP64)) {
        next = mlops_parse_double(p, r->end, &d);

    } else if (mlops_likely(type == MLOPS_TYPE_FP32)) {
        next = mlops_parse_float(p, r->end, &f);
        d = f;

    } else {
        return mlops_read_cell_slow(r, p, cell, present, i);
    }

    if (mlops_unlikely(next == NULL || isinf(d))) {
        return mlops_read_cell_slow(r, p, cell, present, i);
    }

    cell->f = d;
    mlops_bit_set(present, i);

    return next;
}


#endif /* MLOPS_READER_H */
