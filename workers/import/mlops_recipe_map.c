/*
 * The steps map and one_hot of a recipe.
 */

#include "mlops_recipe.h"

#include <math.h>
#include <stdlib.h>


/* The table of a map: keys, strings or numbers, and a row of m each. */

typedef struct {
    uint32_t      n;
    uint32_t      m;
    mlops_str_t  *strings;      /* NULL: numbers */
    double       *numbers;
    double       *values;
} mlops_recipe_table_t;


static int mlops_recipe_table(mlops_recipe_t *recipe,
    const mlops_doc_t *entries, mlops_recipe_table_t *table);
static int mlops_recipe_entry(mlops_recipe_t *recipe,
    const mlops_doc_t *entry, uint32_t i, mlops_recipe_table_t *table);
static int mlops_recipe_unique(mlops_recipe_t *recipe, const double *numbers,
    uint32_t n);
static int mlops_recipe_else(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const char *key, uint32_t m, double **values);
static const mlops_column_t *mlops_recipe_source(mlops_recipe_t *recipe,
    const mlops_recipe_step_t *step);


int
mlops_recipe_map(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    size_t                 old;
    double                *other, *missing;
    const mlops_doc_t     *entries;
    mlops_recipe_table_t   table;

    memset(&table, 0, sizeof(table));
    table.m = step->out_n;
    entries = mlops_doc_get(step->doc, "entries");

    old = mlops_field_push(&recipe->field, "entries");

    if (mlops_recipe_table(recipe, entries, &table) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (table.numbers != NULL
        && mlops_recipe_unique(recipe, table.numbers, table.n) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_field_pop(&recipe->field, old);

    if (mlops_recipe_else(recipe, step->doc, "other", table.m, &other)
        != MLOPS_OK
        || mlops_recipe_else(recipe, step->doc, "missing", table.m, &missing)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *cell = mlops_builder_map(recipe->builder, step->in[0], step->out,
                              table.n, table.m, table.strings, table.numbers,
                              table.values, other, missing);

    return MLOPS_OK;
}


static int
mlops_recipe_table(mlops_recipe_t *recipe, const mlops_doc_t *entries,
    mlops_recipe_table_t *table)
{
    size_t              old;
    uint32_t            i;
    mlops_arena_t      *arena;
    mlops_field_t      *field;
    const mlops_doc_t  *entry, *row;

    field = &recipe->field;
    arena = field->arena;

    if (entries == NULL || entries->n == 0
        || (entries->type != MLOPS_DOC_OBJECT
            && entries->type != MLOPS_DOC_ARRAY))
    {
        return mlops_field_fail(field, entries, "an object from strings, or a "
                                "list of pairs");
    }

    table->n = entries->n;

    /* a row of several numbers is written out: no small file is a large
     * table */

    if (table->m > 1) {

        for (entry = entries->v.child; entry != NULL; entry = entry->next) {
            row = entry;

            if (entries->type == MLOPS_DOC_ARRAY) {
                row = (entry->type == MLOPS_DOC_ARRAY && entry->n == 2)
                      ? entry->v.child->next : NULL;
            }

            if (!mlops_field_is_array(row) || row->n != table->m) {
                return mlops_field_fail(field, row, "a list of %u numbers for "
                                        "each entry", table->m);
            }
        }
    }

    table->numbers = NULL;
    table->strings = NULL;
    table->values = mlops_arena_alloc(arena, (size_t) table->n * table->m
                                             * sizeof(double));

    if (entries->type == MLOPS_DOC_OBJECT) {
        table->strings = mlops_arena_alloc(arena, (size_t) table->n
                                                  * sizeof(mlops_str_t));

    } else {
        table->numbers = mlops_arena_alloc(arena, (size_t) table->n
                                                  * sizeof(double));
    }

    if (table->values == NULL || (table->numbers == NULL
                                  && table->strings == NULL))
    {
        return mlops_field_memory(field);
    }

    entry = entries->v.child;

    for (i = 0; entry != NULL; i++, entry = entry->next) {
        old = mlops_field_push_i(field, i);

        if (mlops_recipe_entry(recipe, entry, i, table) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, old);
    }

    return MLOPS_OK;
}


static int
mlops_recipe_entry(mlops_recipe_t *recipe, const mlops_doc_t *entry,
    uint32_t i, mlops_recipe_table_t *table)
{
    double  *values;

    values = table->values + (size_t) i * table->m;

    if (table->strings != NULL) {
        table->strings[i] = entry->key;

        return mlops_recipe_numbers_of(recipe, entry, table->m,
                                       MLOPS_RECIPE_MISSING, values);
    }

    if (entry->type != MLOPS_DOC_ARRAY || entry->n != 2
        || mlops_doc_double(entry->v.child, &table->numbers[i]) != MLOPS_OK
        || isnan(table->numbers[i]))
    {
        return mlops_field_fail(&recipe->field, entry, "a pair of a number "
                                "and what it becomes");
    }

    return mlops_recipe_numbers_of(recipe, entry->v.child->next, table->m,
                                   MLOPS_RECIPE_MISSING, values);
}


static int
mlops_recipe_number_cmp(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


/* Keys that are numbers stand there once (those that are strings are members
 * of an object, and unique by that). */

static int
mlops_recipe_unique(mlops_recipe_t *recipe, const double *numbers, uint32_t n)
{
    double    *sorted;
    uint32_t   i;

    sorted = mlops_arena_alloc(recipe->field.arena, n * sizeof(double));
    if (sorted == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    memcpy(sorted, numbers, n * sizeof(double));
    qsort(sorted, n, sizeof(double), mlops_recipe_number_cmp);

    for (i = 1; i < n; i++) {
        if (sorted[i] == sorted[i - 1]) {
            return mlops_field_error(&recipe->field, "expected each number "
                                     "once, got %.9g twice", sorted[i]);
        }
    }

    return MLOPS_OK;
}


/* Missing unless the recipe says otherwise. */

static int
mlops_recipe_else(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const char *key, uint32_t m, double **values)
{
    uint32_t  i;

    if (mlops_recipe_numbers(recipe, doc, key, m, MLOPS_RECIPE_MISSING,
                             values)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (*values != NULL) {
        return MLOPS_OK;
    }

    *values = mlops_arena_alloc(recipe->field.arena, m * sizeof(double));
    if (*values == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    for (i = 0; i < m; i++) {
        (*values)[i] = NAN;
    }

    return MLOPS_OK;
}


int
mlops_recipe_one_hot(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    double                *none;
    size_t                 old;
    uint32_t               i, n;
    const mlops_doc_t     *list, *doc;
    const mlops_column_t  *column;
    mlops_recipe_table_t   table;

    n = step->out_n;
    column = mlops_recipe_source(recipe, step);

    if (mlops_field_find(&recipe->field, step->doc, "categories",
                         MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&recipe->field, "categories");

    if (n > MLOPS_RECIPE_ONE_HOT
        || (list != NULL ? list->n != n
                         : column == NULL || column->categories_n != n))
    {
        return mlops_field_error(&recipe->field, "expected as many as outputs "
                                 "(%u, at most %u), here or in the input, got "
                                 "%u", n, MLOPS_RECIPE_ONE_HOT,
                                 list ? list->n : column
                                                  ? column->categories_n : 0);
    }

    table.strings = mlops_arena_alloc(recipe->field.arena,
                                      n * sizeof(mlops_str_t));
    table.numbers = mlops_arena_alloc(recipe->field.arena,
                                      n * sizeof(double));
    table.values = mlops_arena_calloc(recipe->field.arena,
                                      (size_t) n * n, sizeof(double));
    none = mlops_arena_calloc(recipe->field.arena, n, sizeof(double));

    if (table.strings == NULL || table.numbers == NULL || table.values == NULL
        || none == NULL)
    {
        return mlops_field_memory(&recipe->field);
    }

    doc = list ? list->v.child : NULL;

    for (i = 0; i < n; i++) {
        table.values[(size_t) i * n + i] = 1.0;

        if (list == NULL) {
            table.strings[i] = column->categories[i];
            continue;
        }

        if (column != NULL && column->type == MLOPS_TYPE_BYTES) {

            if (doc->type != MLOPS_DOC_STRING) {
                return mlops_field_fail(&recipe->field, doc, "strings");
            }

            table.strings[i] = doc->v.text;

        } else if (mlops_doc_double(doc, &table.numbers[i]) != MLOPS_OK
                   || isnan(table.numbers[i]))
        {
            return mlops_field_fail(&recipe->field, doc, "numbers");
        }

        doc = doc->next;
    }

    if (column == NULL || column->type != MLOPS_TYPE_BYTES) {
        table.strings = NULL;

        if (mlops_recipe_unique(recipe, table.numbers, n) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    mlops_field_pop(&recipe->field, old);

    *cell = mlops_builder_map(recipe->builder, step->in[0], step->out, n, n,
                              table.strings, table.numbers, table.values,
                              none, none);

    return MLOPS_OK;
}


/* The input that the step reads, or NULL. */

static const mlops_column_t *
mlops_recipe_source(mlops_recipe_t *recipe, const mlops_recipe_step_t *step)
{
    if (step->in[0] < recipe->columns_n) {
        return &recipe->columns[step->in[0]];
    }

    return NULL;
}
