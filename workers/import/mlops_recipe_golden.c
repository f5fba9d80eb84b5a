/*
 * The golden rows of a recipe.
 */

#include "mlops_recipe.h"

#include <math.h>
#include <stdlib.h>


static int mlops_recipe_golden_row(mlops_recipe_t *recipe,
    const mlops_doc_t *doc);
static int mlops_recipe_golden_inputs(mlops_recipe_t *recipe,
    const mlops_recipe_face_t *face, const mlops_doc_t *doc,
    mlops_cell_t *cells, uint64_t *present, mlops_import_text_t *text);
static int mlops_recipe_golden_values(mlops_recipe_t *recipe,
    const mlops_schema_t *schema, const mlops_doc_t *doc,
    mlops_cell_t *cells, uint64_t *present, mlops_import_text_t *text);
static int mlops_recipe_golden_outputs(mlops_recipe_t *recipe,
    const mlops_doc_t *signature, const mlops_doc_t *doc,
    mlops_cell_t **results, mlops_import_text_t *text);
static int mlops_recipe_result(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, mlops_type_t type, mlops_cell_t *cell,
    mlops_import_text_t *text);
static void mlops_recipe_text(mlops_import_text_t *text, mlops_cell_t *cell,
    const mlops_str_t *value);


int
mlops_recipe_golden(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    size_t                    old, here;
    uint32_t                  i;
    uint64_t                  cells;
    const mlops_doc_t        *tolerance, *golden, *row;
    double                   *absolute, *relative;
    static const char *const  keys[] = { "absolute", "relative", NULL };

    if (mlops_field_find(&recipe->field, doc, "tolerance", MLOPS_DOC_OBJECT,
                         &tolerance)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (tolerance != NULL) {
        old = mlops_field_push(&recipe->field, "tolerance");

        if (mlops_recipe_keys(recipe, tolerance, keys, NULL) != MLOPS_OK
            || mlops_recipe_numbers(recipe, tolerance, keys[0], 1, 0,
                                    &absolute)
               != MLOPS_OK
            || mlops_recipe_numbers(recipe, tolerance, keys[1], 1, 0,
                                    &relative)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        recipe->job->tol_abs = absolute ? *absolute : 0;
        recipe->job->tol_rel = relative ? *relative : 0;

        if (recipe->job->tol_abs < 0 || recipe->job->tol_rel < 0) {
            return mlops_field_error(&recipe->field, "expected numbers from 0 "
                                     "on, got one below");
        }

        mlops_builder_tolerance(recipe->builder, recipe->job->tol_abs,
                                recipe->job->tol_rel);
        mlops_field_pop(&recipe->field, old);
    }

    if (mlops_field_find(&recipe->field, doc, "golden", MLOPS_DOC_ARRAY,
                         &golden)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (golden == NULL || golden->n == 0) {
        return MLOPS_OK;
    }

    old = mlops_field_push(&recipe->field, "golden");

    cells = (uint64_t) recipe->columns_n * golden->n;

    if (cells > MLOPS_RECIPE_GOLDEN) {
        return mlops_field_fail(&recipe->field, golden, "a list of objects, "
                                "with the inputs at most %u cells",
                                MLOPS_RECIPE_GOLDEN);
    }

    for (i = 0, row = golden->v.child; row != NULL; i++, row = row->next) {
        here = mlops_field_push_i(&recipe->field, i);

        if (mlops_recipe_golden_row(recipe, row) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&recipe->field, here);
    }

    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}


static int
mlops_recipe_golden_row(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    int                         rc;
    size_t                      old;
    uint32_t                    i;
    uint64_t                   *present;
    mlops_cell_t               *cells, *results;
    mlops_field_t              *field;
    mlops_import_text_t         text[2];
    const mlops_doc_t          *name, *inputs, *outputs, *signature;
    const mlops_recipe_face_t  *face;
    static const char *const    keys[] = {
        "signature", "inputs", "outputs", NULL
    };

    field = &recipe->field;

    if (doc->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(field, doc, "an object");
    }

    if (mlops_recipe_keys(recipe, doc, keys, NULL) != MLOPS_OK
        || mlops_field_find(field, doc, "signature", MLOPS_DOC_STRING, &name)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    inputs = mlops_field_get(field, doc, "inputs", MLOPS_DOC_OBJECT);
    outputs = inputs ? mlops_field_get(field, doc, "outputs",
                                       MLOPS_DOC_OBJECT) : NULL;
    if (outputs == NULL) {
        return MLOPS_ERROR;
    }

    signature = recipe->signatures->v.child;

    for (i = 0; name != NULL && i < recipe->faces_n; i++) {

        if (mlops_str_eq(&recipe->faces[i].name, name->v.text.data,
                         name->v.text.len))
        {
            break;
        }

        signature = signature->next;
    }

    if (i == recipe->faces_n) {
        (void) mlops_field_push(field, "signature");
        return mlops_field_fail(field, name, "the name of a signature");
    }

    face = &recipe->faces[i];

    cells = mlops_arena_calloc(field->arena, face->inputs_n,
                               sizeof(mlops_cell_t));
    present = mlops_arena_calloc(field->arena,
                                 mlops_row_words(face->inputs_n),
                                 sizeof(uint64_t));

    if (cells == NULL || present == NULL) {
        return mlops_field_memory(field);
    }

    results = NULL;
    memset(text, 0, sizeof(text));

    old = mlops_field_push(field, "inputs");
    rc = mlops_recipe_golden_inputs(recipe, face, inputs, cells, present,
                                    &text[0]);

    if (rc == MLOPS_OK) {
        mlops_field_pop(field, old);
        (void) mlops_field_push(field, "outputs");

        rc = mlops_recipe_golden_outputs(recipe, signature, outputs, &results,
                                         &text[1]);
    }

    if (rc == MLOPS_OK && (text[0].failed || text[1].failed)) {
        rc = mlops_field_memory(field);
    }

    if (rc == MLOPS_OK) {
        mlops_field_pop(field, old);
        mlops_builder_golden(recipe->builder, i, cells, present, text[0].data,
                             results, text[1].data);
    }

    free(text[0].data);
    free(text[1].data);

    return rc;
}


/* A value left out is missing, or the default. */

static int
mlops_recipe_golden_inputs(mlops_recipe_t *recipe,
    const mlops_recipe_face_t *face, const mlops_doc_t *doc,
    mlops_cell_t *cells, uint64_t *present, mlops_import_text_t *text)
{
    int                    rc;
    uint32_t               i;
    mlops_arena_t          arena;
    mlops_schema_t         schema;
    const mlops_column_t  *column;

    mlops_arena_init(&arena, NULL, NULL);

    memset(&schema, 0, sizeof(schema));
    schema.n = face->inputs_n;
    schema.columns = mlops_arena_alloc(&arena, face->inputs_n
                                               * sizeof(mlops_column_t));

    rc = MLOPS_ERROR;

    if (schema.columns == NULL) {
        (void) mlops_field_memory(&recipe->field);
        goto done;
    }

    for (i = 0; i < face->inputs_n; i++) {
        column = &recipe->columns[face->inputs[i]];
        schema.columns[i] = *column;

        if (column->flags & MLOPS_COLUMN_DEFAULT) {
            cells[i] = column->def;
            mlops_bit_set(present, i);

            if (column->type == MLOPS_TYPE_BYTES) {
                mlops_recipe_text(text, &cells[i], &column->def_text);
            }

        } else if (column->kind == MLOPS_CELL_DOUBLE) {
            cells[i].f = NAN;
        }
    }

    rc = mlops_schema_index(&schema, &arena, recipe->field.err);

    if (rc == MLOPS_OK) {
        rc = mlops_recipe_golden_values(recipe, &schema, doc, cells, present,
                                        text);
    }

done:

    mlops_arena_destroy(&arena);

    return rc;
}


static int
mlops_recipe_golden_values(mlops_recipe_t *recipe,
    const mlops_schema_t *schema, const mlops_doc_t *doc,
    mlops_cell_t *cells, uint64_t *present, mlops_import_text_t *text)
{
    int                    i;
    uint32_t               guess;
    mlops_str_t            string;
    const mlops_doc_t     *value;
    const mlops_column_t  *column;

    guess = 0;

    for (value = doc->v.child; value != NULL; value = value->next) {
        i = mlops_schema_find(schema, value->key.data, value->key.len,
                              guess);

        if (i < 0) {
            return mlops_field_error(&recipe->field, "expected inputs of the "
                                     "signature, got \"%.*s\"",
                                     (int) (value->key.len < 40
                                            ? value->key.len : 40),
                                     value->key.data);
        }

        guess = (uint32_t) i + 1;
        column = &schema->columns[i];

        if (value->type == MLOPS_DOC_NULL) {
            continue;
        }

        if (mlops_recipe_value(recipe, value, column->type, &cells[i],
                               &string)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (column->type == MLOPS_TYPE_BYTES) {
            mlops_recipe_text(text, &cells[i], &string);
        }

        mlops_bit_set(present, (uint32_t) i);
    }

    return MLOPS_OK;
}


static int
mlops_recipe_golden_outputs(mlops_recipe_t *recipe,
    const mlops_doc_t *signature, const mlops_doc_t *doc,
    mlops_cell_t **results, mlops_import_text_t *text)
{
    uint32_t            i, n, width;
    mlops_str_t         name;
    mlops_type_t        type;
    mlops_cell_t       *cell;
    const mlops_doc_t  *outputs, *output, *from, *value, *one;

    outputs = mlops_doc_get(signature, "outputs");
    n = 0;

    for (output = outputs->v.child; output != NULL; output = output->next) {
        from = mlops_doc_get(output, "from");
        n += mlops_field_is_array(from) ? from->n : 1;
    }

    cell = mlops_arena_calloc(recipe->field.arena, n, sizeof(mlops_cell_t));
    if (cell == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    *results = cell;

    if (doc->n != outputs->n) {
        return mlops_field_error(&recipe->field, "expected all %u outputs of "
                                 "the signature, got %u", outputs->n, doc->n);
    }

    for (output = outputs->v.child; output != NULL; output = output->next) {
        name = mlops_doc_get(output, "name")->v.text;
        from = mlops_doc_get(output, "type");
        type = from ? mlops_type_find(&from->v.text) : MLOPS_TYPE_FP64;
        from = mlops_doc_get(output, "from");
        width = mlops_field_is_array(from) ? from->n : 1;

        for (value = doc->v.child; value != NULL; value = value->next) {
            if (mlops_str_eq(&value->key, name.data, name.len)) {
                break;
            }
        }

        if (value == NULL
            || (value->type == MLOPS_DOC_ARRAY ? value->n != width
                                               : width != 1))
        {
            return mlops_field_error(&recipe->field, "expected %u values for "
                                     "\"%.*s\", got %s", width,
                                     mlops_fmt(&name),
                                     value ? "another number" : "none");
        }

        one = (value->type == MLOPS_DOC_ARRAY) ? value->v.child : value;

        for (i = 0; i < width; i++, cell++) {

            if (mlops_recipe_result(recipe, one, type, cell, text)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            one = one->next;
        }
    }

    return MLOPS_OK;
}


static int
mlops_recipe_result(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_type_t type, mlops_cell_t *cell, mlops_import_text_t *text)
{
    mlops_str_t  string;

    if (doc->type == MLOPS_DOC_NULL
        && mlops_type_kind(type) == MLOPS_CELL_DOUBLE)
    {
        cell->f = NAN;
        return MLOPS_OK;
    }

    if (mlops_recipe_value(recipe, doc, type, cell, &string) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (type == MLOPS_TYPE_BYTES) {
        mlops_recipe_text(text, cell, &string);
    }

    return MLOPS_OK;
}


static void
mlops_recipe_text(mlops_import_text_t *text, mlops_cell_t *cell,
    const mlops_str_t *value)
{
    cell->s.off = (uint32_t) text->len;
    cell->s.len = (uint32_t) value->len;

    mlops_import_bytes(text, value->data, value->len);
}
