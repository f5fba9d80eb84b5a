/*
 * Values in a recipe: numbers for all or for each, flags, cells of a type.
 */

#include "mlops_recipe.h"
#include "mlops_num.h"

#include <math.h>


static int mlops_recipe_number(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    unsigned flags, double *value);


int
mlops_recipe_numbers(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, uint32_t n, unsigned flags, double **values)
{
    int                 rc;
    size_t              old;
    const mlops_doc_t  *doc;

    *values = NULL;
    doc = mlops_doc_get(object, key);

    if (doc == NULL && !(flags & MLOPS_RECIPE_REQUIRED)) {
        return MLOPS_OK;
    }

    old = mlops_field_push(&recipe->field, key);

    if (doc == NULL) {
        return mlops_field_fail(&recipe->field, doc, "a number, or a list of "
                                "%u", n);
    }

    *values = mlops_arena_alloc(recipe->field.arena, n * sizeof(double));
    if (*values == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    rc = mlops_recipe_numbers_of(recipe, doc, n, flags, *values);

    if (rc == MLOPS_OK) {
        mlops_field_pop(&recipe->field, old);
    }

    return rc;
}


int
mlops_recipe_numbers_of(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    uint32_t n, unsigned flags, double *values)
{
    double              v;
    size_t              old;
    uint32_t            i;
    const mlops_doc_t  *child;

    if (!mlops_field_is_array(doc)) {

        if (mlops_recipe_number(recipe, doc, flags, &v) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        for (i = 0; i < n; i++) {
            values[i] = v;
        }

        return MLOPS_OK;
    }

    if (doc->n != n) {
        return mlops_field_fail(&recipe->field, doc, "a number, or a list of "
                                "%u", n);
    }

    for (i = 0, child = doc->v.child; child != NULL; child = child->next) {
        old = mlops_field_push_i(&recipe->field, i);

        if (mlops_recipe_number(recipe, child, flags, &values[i++])
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&recipe->field, old);
    }

    return MLOPS_OK;
}


static int
mlops_recipe_number(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    unsigned flags, double *value)
{
    if (doc->type == MLOPS_DOC_NULL && (flags & MLOPS_RECIPE_MISSING)) {
        *value = NAN;
        return MLOPS_OK;
    }

    if (mlops_doc_double(doc, value) != MLOPS_OK || !isfinite(*value)) {
        return mlops_field_fail(&recipe->field, doc, "a number");
    }

    return MLOPS_OK;
}


int
mlops_recipe_flag(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, int *flag)
{
    const mlops_doc_t  *doc;

    if (mlops_field_find(&recipe->field, object, key, MLOPS_DOC_BOOL, &doc)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *flag = (doc != NULL && doc->v.boolean);

    return MLOPS_OK;
}


int
mlops_recipe_value(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_type_t type, mlops_cell_t *cell, mlops_str_t *text)
{
    int          overflow;
    float        f;
    int64_t      lo;
    uint64_t     hi;
    const char  *end;

    cell->u = 0;

    if (type == MLOPS_TYPE_BYTES) {

        if (doc->type != MLOPS_DOC_STRING) {
            return mlops_field_fail(&recipe->field, doc, "a string");
        }

        *text = doc->v.text;
        return MLOPS_OK;
    }

    if (type == MLOPS_TYPE_FP32) {

        if (mlops_doc_float(doc, &f) != MLOPS_OK || !isfinite(f)) {
            return mlops_field_fail(&recipe->field, doc, "a number");
        }

        cell->f = (double) f;
        return MLOPS_OK;
    }

    if (type == MLOPS_TYPE_FP64) {
        return mlops_recipe_number(recipe, doc, 0, &cell->f);
    }

    if (type == MLOPS_TYPE_BOOL) {

        if (doc->type != MLOPS_DOC_BOOL) {
            return mlops_field_fail(&recipe->field, doc, "true or false");
        }

        cell->u = (doc->v.boolean != 0);
        return MLOPS_OK;
    }

    mlops_type_limits(type, &lo, &hi);

    if (doc->type == MLOPS_DOC_NUMBER) {
        end = doc->v.text.data + doc->v.text.len;
        overflow = 0;

        if (mlops_type_kind(type) == MLOPS_CELL_INT) {

            if (mlops_parse_int64(doc->v.text.data, end, &cell->i, &overflow)
                == end && !overflow && cell->i >= lo
                && (cell->i < 0 || (uint64_t) cell->i <= hi))
            {
                return MLOPS_OK;
            }

        } else if (mlops_parse_uint64(doc->v.text.data, end, &cell->u,
                                      &overflow)
                   == end && !overflow && cell->u <= hi)
        {
            return MLOPS_OK;
        }
    }

    return mlops_field_fail(&recipe->field, doc, "a whole number that %s "
                            "holds", mlops_type_name(type));
}
