/*
 * The row: what everything passes.
 *
 * A schema names columns.  A row is one cell of 8 bytes a column and one
 * presence bit a column.  The scanner fills rows, the feature join completes
 * them, a model reads them; names become column numbers once, at load.
 *
 * A cell holds a double, an int64, a uint64 or a reference to a string in
 * the text of its rows; the column's type says which.  A missing value has
 * its presence bit clear; the cell of a missing number of a double column is
 * NaN besides, so that arithmetic needs no bits.  A float32 column's cell is
 * the float, correctly rounded from the decimal and widened.
 */

#ifndef MLOPS_ROW_H
#define MLOPS_ROW_H


#include "mlops_base.h"

#include <math.h>


/* Column types; the numbers are written in model images.  The names are the
 * datatypes of the Open Inference Protocol. */

typedef enum {
    MLOPS_TYPE_NONE = 0,
    MLOPS_TYPE_BOOL = 1,
    MLOPS_TYPE_INT8 = 2,
    MLOPS_TYPE_INT16 = 3,
    MLOPS_TYPE_INT32 = 4,
    MLOPS_TYPE_INT64 = 5,
    MLOPS_TYPE_UINT8 = 6,
    MLOPS_TYPE_UINT16 = 7,
    MLOPS_TYPE_UINT32 = 8,
    MLOPS_TYPE_UINT64 = 9,
    MLOPS_TYPE_FP32 = 10,
    MLOPS_TYPE_FP64 = 11,
    MLOPS_TYPE_BYTES = 12,
    MLOPS_TYPE_N = 13
} mlops_type_t;


typedef enum {
    MLOPS_CELL_DOUBLE = 0,      /* FP32, FP64 */
    MLOPS_CELL_INT = 1,         /* INT8 .. INT64 */
    MLOPS_CELL_UINT = 2,        /* UINT8 .. UINT64, BOOL (0 or 1) */
    MLOPS_CELL_STRING = 3       /* BYTES */
} mlops_cell_kind_t;


typedef union {
    double    f;
    int64_t   i;
    uint64_t  u;

    struct {
        uint32_t  off;          /* from the rows' text */
        uint32_t  len;
    } s;
} mlops_cell_t;


#define MLOPS_COLUMN_REQUIRED   0x01    /* a missing value is an error */
#define MLOPS_COLUMN_DEFAULT    0x02    /* a missing value becomes def */
#define MLOPS_COLUMN_RANGE      0x04    /* lo and hi are the training range */
#define MLOPS_COLUMN_JOINED     0x08    /* a join fills it: a body may do */
                                        /* without */
#define MLOPS_COLUMN_KEY        0x10    /* a join's key that no model reads */

typedef struct {
    mlops_str_t         name;
    mlops_type_t        type;
    mlops_cell_kind_t   kind;           /* of type */
    uint32_t            flags;
    uint32_t            categories_n;
    mlops_str_t        *categories;     /* known values of a BYTES column, */
                                        /* or NULL */
    mlops_cell_t        def;            /* number; a string default is */
    mlops_str_t         def_text;       /* def_text */
    double              lo;
    double              hi;
} mlops_column_t;


typedef struct {
    uint32_t         n;
    uint32_t         mask;              /* hash slots - 1, a power of two */
    mlops_column_t  *columns;
    uint32_t        *slots;             /* column number + 1, 0 is empty */
} mlops_schema_t;


/* One named result: width values a row. */

typedef struct {
    mlops_str_t    name;
    mlops_type_t   type;
    uint32_t       width;
    mlops_str_t   *labels;              /* width class names, or NULL */
    uint32_t       first;               /* its first cell in a result row */
} mlops_output_t;


/* One way to call a model: the inputs it takes, the outputs it gives. */

typedef struct {
    mlops_str_t      name;
    mlops_schema_t   inputs;
    uint32_t         outputs_n;
    uint32_t         cells_n;           /* cells of a result row */
    mlops_output_t  *outputs;
    uint32_t         keys_n;            /* so many of inputs, the last ones,
                                           are keys of joins */
} mlops_signature_t;


/* All ways to call it; at least one, the first is the default. */

typedef struct {
    uint32_t            n;
    mlops_signature_t  *signatures;
    unsigned            alike:1;        /* all take the first one's inputs */
} mlops_interface_t;


/* n rows of one schema: row i starts at cells + i * schema->n and at
 * present + i * words, where words is mlops_row_words(schema->n). */

typedef struct {
    const mlops_schema_t  *schema;
    uint32_t               n;
    uint32_t               words;
    mlops_cell_t          *cells;
    uint64_t              *present;
    const char            *text;        /* where string cells point into */
} mlops_rows_t;


/* n result rows: the cells are those of the signature's outputs in order.
 * Floating-point results that do not exist are NaN; an integer or a string
 * that does not exist has its bit set in missing, where row i starts at
 * i * mlops_row_words(signature->cells_n).  NULL: all of them exist. */

typedef struct {
    const mlops_signature_t  *signature;
    uint32_t                  n;
    mlops_cell_t             *cells;    /* signature->cells_n a row */
    const char               *text;
    uint64_t                 *missing;
} mlops_results_t;


/* What to do with a value outside the training range. */

typedef enum {
    MLOPS_RANGE_FLAG = 0,
    MLOPS_RANGE_REFUSE,
    MLOPS_RANGE_CLIP
} mlops_range_t;


/* What was noticed in a batch; a column's bit is set once, a row counts
 * once for each kind. */

typedef struct {
    uint32_t   range_rows;              /* rows with a value out of range */
    uint32_t   default_rows;            /* rows with a default filled in */
    uint64_t  *range_columns;           /* words of bits, owned by caller's */
    uint64_t  *default_columns;         /* arena */
} mlops_notice_t;


static inline uint32_t
mlops_row_words(uint32_t columns_n)
{
    return (columns_n + 63) / 64;
}


static inline int
mlops_bit(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> (i % 64)) & 1;
}


static inline void
mlops_bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= (uint64_t) 1 << (i % 64);
}


static inline void
mlops_bit_clear(uint64_t *bits, uint32_t i)
{
    bits[i / 64] &= ~((uint64_t) 1 << (i % 64));
}


static inline mlops_cell_kind_t
mlops_type_kind(mlops_type_t type)
{
    if (type >= MLOPS_TYPE_FP32 && type <= MLOPS_TYPE_FP64) {
        return MLOPS_CELL_DOUBLE;
    }

    if (type >= MLOPS_TYPE_INT8 && type <= MLOPS_TYPE_INT64) {
        return MLOPS_CELL_INT;
    }

    return (type == MLOPS_TYPE_BYTES) ? MLOPS_CELL_STRING : MLOPS_CELL_UINT;
}


/* A cell as the number a model computes with; NaN where it is missing.
 * Integers beyond 2^53 lose bits here, as they would in any library. */

static inline double
mlops_cell_number(mlops_cell_kind_t kind, mlops_cell_t cell, int present)
{
    if (!present) {
        return NAN;
    }

    switch (kind) {

    case MLOPS_CELL_DOUBLE:
        return cell.f;

    case MLOPS_CELL_INT:
        return (double) cell.i;

    case MLOPS_CELL_UINT:
        return (double) cell.u;

    default:
        return NAN;
    }
}


/* "FP32" and so on; type names are case-sensitive.  MLOPS_TYPE_NONE where
 * there is no such name. */
const char *mlops_type_name(mlops_type_t type);
mlops_type_t mlops_type_find(const mlops_str_t *name);
/* Inclusive limits of an integer type as int64 (lo) and uint64 (hi). */
void mlops_type_limits(mlops_type_t type, int64_t *lo, uint64_t *hi);

/* Builds the name index of a schema whose n and columns are set.  Refuses an
 * empty, duplicate, too long (128 bytes) or not UTF-8 name. */
int mlops_schema_index(mlops_schema_t *schema, mlops_arena_t *arena,
    mlops_err_t *err);
/* The same in parts: the empty index, then each column in order of their
 * numbers; columns behind it need not be set yet. */
int mlops_schema_index_start(mlops_schema_t *schema, mlops_arena_t *arena,
    mlops_err_t *err);
int mlops_schema_index_add(mlops_schema_t *schema, uint32_t number,
    mlops_err_t *err);
/* Is a row of one a row of the other: the same names, types and flags? */
int mlops_schema_alike(const mlops_schema_t *a, const mlops_schema_t *b);
/* The column's number, or -1.  guess is tried first: rows mostly bring their
 * columns in schema order. */
int mlops_schema_find(const mlops_schema_t *schema, const char *name,
    size_t len, uint32_t guess);

/* Takes n rows from the arena: cells NaN or 0, all missing.  The sizes are
 * checked against overflow. */
int mlops_rows_alloc(mlops_rows_t *rows, const mlops_schema_t *schema,
    uint32_t n, mlops_arena_t *arena, mlops_err_t *err);

/*
 * Completes rows before a model reads them: missing required values are
 * refused, defaults filled in and noted, values outside the training range
 * noted, refused or clipped.  The error names row and column.
 * *notice is set up from the arena; a batch without remarks costs no memory
 * (both bit sets stay NULL).
 */
int mlops_rows_complete(mlops_rows_t *rows, mlops_range_t range,
    mlops_notice_t *notice, mlops_arena_t *arena, mlops_err_t *err);

/* Does [data, data + len) hold well-formed UTF-8 (no surrogates, no
 * overlong forms, at most U+10FFFF)? */
int mlops_utf8_valid(const char *data, size_t len);


#endif /* MLOPS_ROW_H */
