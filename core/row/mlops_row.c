/*
 * Types, the name index of a schema, and the memory of rows.
 *
 * The index is an open hash table with linear probing, at most a quarter
 * full.  A name stands among the first MLOPS_NAME_PROBES places from its own.
 * Chance does not fill them all; names that were chosen to collide are
 * refused, instead of making every look-up slow.
 */

#include "mlops_hash.h"
#include "mlops_row.h"


#define MLOPS_NAME_MAX     128
#define MLOPS_NAME_PROBES  64


static const char  *mlops_type_names[MLOPS_TYPE_N] = {
    "NONE", "BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16",
    "UINT32", "UINT64", "FP32", "FP64", "BYTES"
};


const char *
mlops_type_name(mlops_type_t type)
{
    return ((unsigned) type < MLOPS_TYPE_N) ? mlops_type_names[type] : "NONE";
}


mlops_type_t
mlops_type_find(const mlops_str_t *name)
{
    unsigned     i;
    const char  *s;

    for (i = MLOPS_TYPE_BOOL; i < MLOPS_TYPE_N; i++) {
        s = mlops_type_names[i];

        if (mlops_str_eq(name, s, strlen(s))) {
            return (mlops_type_t) i;
        }
    }

    return MLOPS_TYPE_NONE;
}


void
mlops_type_limits(mlops_type_t type, int64_t *lo, uint64_t *hi)
{
    unsigned  bits;

    switch (mlops_type_kind(type)) {

    case MLOPS_CELL_INT:
        bits = 8u << (type - MLOPS_TYPE_INT8);
        *hi = ((uint64_t) 1 << (bits - 1)) - 1;
        *lo = -(int64_t) *hi - 1;
        return;

    case MLOPS_CELL_UINT:
        *lo = 0;

        if (type == MLOPS_TYPE_BOOL) {
            *hi = 1;
            return;
        }

        bits = 8u << (type - MLOPS_TYPE_UINT8);
        *hi = UINT64_MAX >> (64 - bits);
        return;

    default:
        *lo = 0;
        *hi = 0;
        return;
    }
}


static inline uint32_t
mlops_name_slot(const mlops_schema_t *schema, const char *name, size_t len)
{
    return (uint32_t) mlops_hash_name(name, len, 0) & schema->mask;
}


/* Names are short and mostly equal where this is asked. */

static inline int
mlops_name_eq(const char *a, const char *b, size_t len)
{
    size_t    i;
    uint64_t  u, v;

    if (len >= 8) {

        for (i = 0; i + 8 <= len; i += 8) {
            memcpy(&u, a + i, 8);
            memcpy(&v, b + i, 8);

            if (u != v) {
                return 0;
            }
        }

        memcpy(&u, a + len - 8, 8);
        memcpy(&v, b + len - 8, 8);

        return u == v;
    }

    for (i = 0; i < len; i++) {
        if (a[i] != b[i]) {
            return 0;
        }
    }

    return 1;
}


int
mlops_schema_index(mlops_schema_t *schema, mlops_arena_t *arena,
    mlops_err_t *err)
{
    uint32_t  i;

    if (mlops_schema_index_start(schema, arena, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < schema->n; i++) {
        if (mlops_schema_index_add(schema, i, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


int
mlops_schema_index_start(mlops_schema_t *schema, mlops_arena_t *arena,
    mlops_err_t *err)
{
    uint32_t  size;

    if (schema->n > UINT32_MAX / 8) {
        return mlops_err_set(err, "schema: %u columns are too many",
                             schema->n);
    }

    for (size = 4; size < schema->n * 4; size *= 2) { /* void */ }

    schema->mask = size - 1;
    schema->slots = mlops_arena_calloc(arena, size, sizeof(uint32_t));

    if (schema->slots == NULL) {
        return mlops_err_set(err, "schema: out of memory");
    }

    return MLOPS_OK;
}


int
mlops_schema_index_add(mlops_schema_t *schema, uint32_t number,
    mlops_err_t *err)
{
    uint32_t         i, slot, other;
    mlops_column_t  *column;

    column = &schema->columns[number];

    if (column->name.len == 0) {
        return mlops_err_set(err, "schema: column %u has an empty name",
                             number);
    }

    if (column->name.len > MLOPS_NAME_MAX) {
        return mlops_err_set(err, "schema: the name of column %u has %zu "
                             "bytes, expected at most %d", number,
                             column->name.len, MLOPS_NAME_MAX);
    }

    if (!mlops_utf8_valid(column->name.data, column->name.len)) {
        return mlops_err_set(err, "schema: the name of column %u is not "
                             "UTF-8", number);
    }

    if (column->type <= MLOPS_TYPE_NONE || column->type >= MLOPS_TYPE_N) {
        return mlops_err_set(err, "schema: column \"%.*s\" has no type",
                             mlops_fmt(&column->name));
    }

    column->kind = mlops_type_kind(column->type);

    slot = mlops_name_slot(schema, column->name.data, column->name.len);

    for (i = 0; i < MLOPS_NAME_PROBES; i++) {

        if (schema->slots[slot] == 0) {
            schema->slots[slot] = number + 1;
            return MLOPS_OK;
        }

        other = schema->slots[slot] - 1;

        if (mlops_str_eq(&schema->columns[other].name, column->name.data,
                         column->name.len))
        {
            return mlops_err_set(err, "schema: columns %u and %u have the "
                                 "same name \"%.*s\"", other, number,
                                 mlops_fmt(&column->name));
        }

        slot = (slot + 1) & schema->mask;
    }

    return mlops_err_set(err, "schema: column \"%.*s\": more than %d names "
                         "were made to collide with it",
                         mlops_fmt(&column->name), MLOPS_NAME_PROBES);
}


int
mlops_schema_alike(const mlops_schema_t *a, const mlops_schema_t *b)
{
    uint32_t               i;
    const mlops_column_t  *x, *y;

    if (a->n != b->n) {
        return 0;
    }

    for (i = 0; i < a->n; i++) {
        x = &a->columns[i];
        y = &b->columns[i];

        if (x->type != y->type || x->flags != y->flags
            || !mlops_str_eq(&x->name, y->name.data, y->name.len))
        {
            return 0;
        }
    }

    return 1;
}


int
mlops_schema_find(const mlops_schema_t *schema, const char *name, size_t len,
    uint32_t guess)
{
    uint32_t               slot, i, probes;
    const mlops_column_t  *column;

    if (guess < schema->n) {
        column = &schema->columns[guess];

        if (column->name.len == len
            && mlops_name_eq(column->name.data, name, len))
        {
            return (int) guess;
        }
    }

    if (len > MLOPS_NAME_MAX) {
        return -1;
    }

    slot = mlops_name_slot(schema, name, len);

    for (probes = 0; probes < MLOPS_NAME_PROBES; probes++) {

        if (schema->slots[slot] == 0) {
            break;
        }

        i = schema->slots[slot] - 1;
        column = &schema->columns[i];

        if (column->name.len == len
            && mlops_name_eq(column->name.data, name, len))
        {
            return (int) i;
        }

        slot = (slot + 1) & schema->mask;
    }

    return -1;
}


int
mlops_rows_alloc(mlops_rows_t *rows, const mlops_schema_t *schema, uint32_t n,
    mlops_arena_t *arena, mlops_err_t *err)
{
    size_t         cells_n, words_n, i;
    uint32_t       c, words;
    mlops_cell_t  *cells;

    words = mlops_row_words(schema->n);

    if (__builtin_mul_overflow((size_t) n, schema->n, &cells_n)
        || cells_n > PTRDIFF_MAX / sizeof(mlops_cell_t)
        || __builtin_mul_overflow((size_t) n, words, &words_n)
        || words_n > PTRDIFF_MAX / sizeof(uint64_t))
    {
        return mlops_err_set(err, "rows: %u rows of %u columns are too many",
                             n, schema->n);
    }

    cells = mlops_arena_alloc(arena, cells_n * sizeof(mlops_cell_t));
    rows->present = mlops_arena_calloc(arena, words_n, sizeof(uint64_t));

    if (cells == NULL || rows->present == NULL) {
        return mlops_err_set(err, "rows: out of memory for %u rows of %u "
                             "columns", n, schema->n);
    }

    rows->schema = schema;
    rows->n = n;
    rows->words = words;
    rows->cells = cells;
    rows->text = NULL;

    if (n == 0) {
        return MLOPS_OK;
    }

    for (c = 0; c < schema->n; c++) {
        if (schema->columns[c].kind == MLOPS_CELL_DOUBLE) {
            cells[c].f = NAN;

        } else {
            cells[c].u = 0;
        }
    }

    /* the other rows are copies of the first, in doubling steps */

    for (i = schema->n; i < cells_n; i += c) {
        c = (uint32_t) ((cells_n - i < i) ? cells_n - i : i);
        memcpy(cells + i, cells, c * sizeof(mlops_cell_t));
    }

    return MLOPS_OK;
}
