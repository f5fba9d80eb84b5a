/*
 * Rows of a matrix as hashed examples.
 */

#include "mlops_online_rows.h"
#include "mlops_online.h"

#include <math.h>


static uint64_t *mlops_online_codes(const mlops_matrix_column_t *column,
    mlops_arena_t *arena);
static uint64_t mlops_online_feature(const mlops_online_rows_t *rows,
    uint32_t column, uint64_t row, double *value);


int
mlops_online_rows_init(mlops_online_rows_t *rows,
    const mlops_matrix_t *matrix, const mlops_online_cross_t *crosses,
    uint32_t crosses_n, mlops_arena_t *arena, mlops_err_t *err)
{
    uint32_t                      i, n;
    const mlops_matrix_column_t  *column;

    n = matrix->columns_n;

    rows->matrix = matrix;
    rows->crosses = crosses;
    rows->crosses_n = crosses_n;
    rows->bias = mlops_online_hash_bias();
    rows->features_max = n + crosses_n + 1;
    rows->codes = mlops_arena_calloc(arena, n, sizeof(uint64_t *));
    rows->hashes = mlops_arena_calloc(arena, n, sizeof(uint64_t));

    if (rows->codes == NULL || rows->hashes == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    for (i = 0; i < n; i++) {
        column = &matrix->columns[i];

        if (column->kind != MLOPS_MATRIX_CODES) {
            rows->hashes[i] = mlops_online_hash_number(&column->name);
            continue;
        }

        rows->codes[i] = mlops_online_codes(column, arena);

        if (rows->codes[i] == NULL) {
            return mlops_err_set(err, "out of memory: %u categories",
                                 (unsigned) column->categories_n);
        }
    }

    return MLOPS_OK;
}


static uint64_t *
mlops_online_codes(const mlops_matrix_column_t *column, mlops_arena_t *arena)
{
    uint32_t   i, n;
    uint64_t  *codes;

    n = column->categories_n;

    codes = mlops_arena_alloc(arena, ((size_t) n + 1) * sizeof(uint64_t));
    if (codes == NULL) {
        return NULL;
    }

    for (i = 0; i < n; i++) {
        codes[i] = mlops_online_hash_category(&column->name,
                                              &column->categories[i]);
    }

    codes[n] = mlops_online_hash_missing(&column->name);

    return codes;
}


/* The hash and value of one column; NaN: missing. */

static uint64_t
mlops_online_feature(const mlops_online_rows_t *rows, uint32_t column,
    uint64_t row, double *value)
{
    uint32_t                      code;
    const mlops_matrix_column_t  *c;

    c = &rows->matrix->columns[column];

    if (c->kind != MLOPS_MATRIX_CODES) {
        *value = mlops_matrix_value(c, row);
        return rows->hashes[column];
    }

    code = ((const uint32_t *) c->data)[row];

    if (code == MLOPS_MATRIX_NONE) {
        *value = NAN;
        return rows->codes[column][c->categories_n];
    }

    *value = 1.0;

    return rows->codes[column][code];
}


uint32_t
mlops_online_row(const mlops_online_rows_t *rows, uint64_t row,
    uint32_t *index, float *value)
{
    double    a, b;
    uint32_t  i, n;
    uint64_t  hash, other;

    n = 0;

    for (i = 0; i < rows->matrix->columns_n; i++) {
        hash = mlops_online_feature(rows, i, row, &a);

        if (isnan(a)) {

            if (rows->codes[i] == NULL) {
                continue;
            }

            a = 1.0;
        }

        index[n] = (uint32_t) hash;
        value[n++] = (float) a;
    }

    for (i = 0; i < rows->crosses_n; i++) {
        hash = mlops_online_feature(rows, rows->crosses[i].a, row, &a);
        other = mlops_online_feature(rows, rows->crosses[i].b, row, &b);

        if (!isnan(a) && !isnan(b)) {
            index[n] = (uint32_t) mlops_online_hash_cross(hash, other);
            value[n++] = (float) (a * b);
        }
    }

    index[n] = (uint32_t) rows->bias;
    value[n++] = 1.0f;

    return n;
}


uint64_t
mlops_online_cross_hash(const mlops_online_rows_t *rows,
    const mlops_online_cross_t *cross, uint32_t a, uint32_t b)
{
    uint64_t  one, two;

    one = rows->codes[cross->a] ? rows->codes[cross->a][a]
                                : rows->hashes[cross->a];
    two = rows->codes[cross->b] ? rows->codes[cross->b][b]
                                : rows->hashes[cross->b];

    return mlops_online_hash_cross(one, two);
}
