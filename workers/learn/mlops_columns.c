/*
 * Columns by name: an open hash table over a list.
 */

#include "mlops_columns.h"
#include "mlops_hash.h"

#include <stdlib.h>


#define MLOPS_COLUMNS_LOOK  1000        /* names looked at to suggest one */


static int mlops_columns_grow(mlops_columns_t *columns);
static void mlops_columns_index(mlops_columns_t *columns, uint32_t number);


void
mlops_columns_init(mlops_columns_t *columns, mlops_arena_t *arena,
    uint64_t rows_n)
{
    memset(columns, 0, sizeof(mlops_columns_t));

    columns->arena = arena;
    columns->rows_n = rows_n;
}


void
mlops_columns_free(mlops_columns_t *columns)
{
    mlops_columns_cut(columns, 0);
}


mlops_columns_one_t *
mlops_columns_find(const mlops_columns_t *columns, const char *name,
    size_t len)
{
    uint32_t              slot;
    mlops_columns_one_t  *one;

    if (columns->slots == NULL) {
        return NULL;
    }

    slot = (uint32_t) mlops_hash(name, len, 0) & columns->mask;

    while (columns->slots[slot] != 0) {
        one = columns->list[columns->slots[slot] - 1];

        if (mlops_str_eq(&one->view.name, name, len)) {
            return one;
        }

        slot = (slot + 1) & columns->mask;
    }

    return NULL;
}


mlops_columns_one_t *
mlops_columns_add(mlops_columns_t *columns, const mlops_str_t *name)
{
    mlops_columns_one_t  *one;

    if (columns->n == columns->size
        && mlops_columns_grow(columns) != MLOPS_OK)
    {
        return NULL;
    }

    one = mlops_arena_calloc(columns->arena, 1, sizeof(mlops_columns_one_t));
    if (one == NULL) {
        return NULL;
    }

    one->view.name.data = mlops_arena_copy(columns->arena, name->data,
                                           name->len);
    one->view.name.len = name->len;

    if (one->view.name.data == NULL) {
        return NULL;
    }

    columns->list[columns->n] = one;
    mlops_columns_index(columns, columns->n);
    columns->n++;

    return one;
}


/* Twice as many, and a table of at most half full. */

static int
mlops_columns_grow(mlops_columns_t *columns)
{
    uint32_t               i, size, *slots;
    mlops_columns_one_t  **list;

    if (columns->size > UINT32_MAX / 8) {
        return MLOPS_ERROR;
    }

    size = columns->size ? columns->size * 2 : 64;

    list = mlops_arena_alloc(columns->arena,
                             size * sizeof(mlops_columns_one_t *));
    slots = mlops_arena_calloc(columns->arena, (size_t) size * 2,
                               sizeof(uint32_t));

    if (list == NULL || slots == NULL) {
        return MLOPS_ERROR;
    }

    if (columns->n != 0) {
        memcpy(list, columns->list,
               columns->n * sizeof(mlops_columns_one_t *));
    }

    columns->list = list;
    columns->size = size;
    columns->slots = slots;
    columns->mask = size * 2 - 1;

    for (i = 0; i < columns->n; i++) {
        mlops_columns_index(columns, i);
    }

    return MLOPS_OK;
}


static void
mlops_columns_index(mlops_columns_t *columns, uint32_t number)
{
    uint32_t            slot;
    const mlops_str_t  *name;

    name = &columns->list[number]->view.name;
    slot = (uint32_t) mlops_hash(name->data, name->len, 0) & columns->mask;

    while (columns->slots[slot] != 0) {
        slot = (slot + 1) & columns->mask;
    }

    columns->slots[slot] = number + 1;
}


double *
mlops_columns_room(mlops_columns_t *columns, mlops_columns_one_t *one)
{
    size_t  size;

    size = (size_t) columns->rows_n * sizeof(double);

    mlops_columns_drop(one);

    one->own = malloc(size ? size : 1);
    one->view.kind = MLOPS_MATRIX_DOUBLE;
    one->view.data = one->own;

    return one->own;
}


void
mlops_columns_drop(mlops_columns_one_t *one)
{
    free(one->own);

    one->own = NULL;
    one->view.data = NULL;
}


void
mlops_columns_cut(mlops_columns_t *columns, uint32_t n)
{
    uint32_t  i;

    for (i = n; i < columns->n; i++) {
        mlops_columns_drop(columns->list[i]);
    }

    if (n < columns->n) {
        columns->n = n;

        memset(columns->slots, 0,
               ((size_t) columns->mask + 1) * sizeof(uint32_t));

        for (i = 0; i < n; i++) {
            mlops_columns_index(columns, i);
        }
    }
}


mlops_columns_one_t *
mlops_columns_get(const mlops_columns_t *columns, mlops_field_t *field,
    const mlops_doc_t *name, const char *expected)
{
    uint32_t              i, n;
    mlops_str_t           names[MLOPS_COLUMNS_LOOK];
    mlops_columns_one_t  *one;

    if (name == NULL || name->type != MLOPS_DOC_STRING) {
        (void) mlops_field_fail(field, name, "%s", expected);
        return NULL;
    }

    one = mlops_columns_find(columns, name->v.text.data, name->v.text.len);

    if (one != NULL) {
        return one;
    }

    n = (columns->n < MLOPS_COLUMNS_LOOK) ? columns->n : MLOPS_COLUMNS_LOOK;

    for (i = 0; i < n; i++) {
        names[i] = columns->list[i]->view.name;
    }

    (void) mlops_field_suggest(field, &name->v.text, expected, names, n);

    return NULL;
}
