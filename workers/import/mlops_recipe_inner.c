/*
 * A recipe in a recipe: the step model whose file is a recipe.
 *
 * The steps of the inner one are added as they stand, with names of their
 * own.  The inputs of its first signature are cells of the outer recipe, by
 * the step's list or by their names; what an input says of its type (float32)
 * and of missing values (a default) is done to the cell first.  The results
 * are all values of that signature's outputs, in order.
 */

#include "mlops_recipe.h"


static int mlops_recipe_inner_read(mlops_recipe_t *inner,
    mlops_recipe_t *outer, const mlops_doc_t *step, const mlops_doc_t *doc);
static int mlops_recipe_inner_inputs(mlops_recipe_t *inner,
    mlops_recipe_t *outer, const mlops_doc_t *step, const mlops_doc_t *doc,
    const mlops_doc_t *face);
static int mlops_recipe_inner_named(mlops_recipe_t *inner,
    const mlops_doc_t *inputs, const mlops_doc_t *face, uint32_t i,
    const mlops_doc_t **input, mlops_str_t *id);
static int mlops_recipe_inner_input(mlops_recipe_t *inner,
    const mlops_recipe_name_t *from, const mlops_doc_t *input,
    const mlops_str_t *id);
static int mlops_recipe_inner_outputs(mlops_recipe_t *inner,
    mlops_recipe_t *outer, const mlops_doc_t *step, const mlops_doc_t *face);


int
mlops_recipe_inner(mlops_recipe_t *recipe, const mlops_doc_t *step,
    const mlops_doc_t *doc, const char *where)
{
    int              rc;
    mlops_str_t      file;
    mlops_recipe_t   inner;

    file = mlops_doc_get(step, "file")->v.text;

    if (recipe->nested == MLOPS_RECIPE_NESTED) {
        return mlops_field_error(&recipe->field, "file: expected at most %u "
                                 "recipes in one another, got more",
                                 MLOPS_RECIPE_NESTED);
    }

    memset(&inner, 0, sizeof(inner));

    inner.job = recipe->job;
    inner.builder = recipe->builder;
    inner.columns = recipe->columns;
    inner.columns_n = recipe->columns_n;
    inner.nested = recipe->nested + 1;
    mlops_field_init(&inner.field, recipe->field.arena, recipe->field.err);

    inner.where = where;
    inner.models = recipe->models;

    rc = mlops_recipe_inner_read(&inner, recipe, step, doc);

    recipe->models = inner.models;

    if (rc != MLOPS_OK) {
        return mlops_err_prefix(recipe->field.err, "%s: %.*s",
                                recipe->field.path, mlops_fmt(&file));
    }

    return rc;
}


static int
mlops_recipe_inner_read(mlops_recipe_t *inner, mlops_recipe_t *outer,
    const mlops_doc_t *step, const mlops_doc_t *doc)
{
    int64_t                   version;
    mlops_field_t            *field;
    const mlops_doc_t        *steps, *faces;
    static const char *const  keys[] = {
        "recipe", "name", "inputs", "steps", "signatures", "golden",
        "tolerance", "metadata", NULL
    };

    field = &inner->field;

    if (mlops_field_int(field, doc, "recipe", 1, 1, 0, &version) != MLOPS_OK
        || mlops_recipe_keys(inner, doc, keys, NULL) != MLOPS_OK
        || mlops_field_find(field, doc, "steps", MLOPS_DOC_ARRAY, &steps)
           != MLOPS_OK
        || mlops_field_get(field, doc, "inputs", MLOPS_DOC_ARRAY) == NULL)
    {
        return MLOPS_ERROR;
    }

    faces = mlops_field_get(field, doc, "signatures", MLOPS_DOC_ARRAY);
    if (faces == NULL) {
        return MLOPS_ERROR;
    }

    if (faces->n == 0 || faces->v.child->type != MLOPS_DOC_OBJECT) {
        (void) mlops_field_push(field, "signatures");
        return mlops_field_fail(field, faces, "a list of objects");
    }

    if (mlops_recipe_room(inner, mlops_recipe_names(doc)) != MLOPS_OK
        || mlops_recipe_inner_inputs(inner, outer, step, doc,
                                     faces->v.child)
           != MLOPS_OK
        || (steps != NULL && mlops_recipe_steps(inner, steps) != MLOPS_OK))
    {
        return MLOPS_ERROR;
    }

    return mlops_recipe_inner_outputs(inner, outer, step, faces->v.child);
}


static int
mlops_recipe_inner_inputs(mlops_recipe_t *inner, mlops_recipe_t *outer,
    const mlops_doc_t *step, const mlops_doc_t *doc, const mlops_doc_t *face)
{
    size_t                      old;
    uint32_t                    i, n;
    mlops_str_t                 id;
    mlops_doc_t                 named;
    const mlops_doc_t          *inputs, *takes, *list, *cell, *input;
    const mlops_recipe_name_t  *from;

    inputs = mlops_doc_get(doc, "inputs");

    if (mlops_field_find(&inner->field, face, "inputs", MLOPS_DOC_ARRAY,
                         &takes)
        != MLOPS_OK
        || mlops_field_find(&outer->field, step, "inputs", MLOPS_DOC_ARRAY,
                            &list)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (inputs->n > MLOPS_RECIPE_INPUTS) {
        (void) mlops_field_push(&inner->field, "inputs");
        return mlops_field_fail(&inner->field, inputs, "a list of at most %u "
                                "objects", MLOPS_RECIPE_INPUTS);
    }

    n = takes ? takes->n : inputs->n;
    input = NULL;

    if (list != NULL && list->n != n) {
        (void) mlops_err_set(outer->field.err, "inputs: expected a list of "
                             "%u names, got %u", n, list->n);
        return MLOPS_ERROR;
    }

    memset(&named, 0, sizeof(named));
    named.type = MLOPS_DOC_STRING;
    cell = list ? list->v.child : &named;

    for (i = 0; i < n; i++) {

        if (mlops_recipe_inner_named(inner, inputs, takes, i, &input, &id)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        named.v.text = mlops_doc_get(input, "name")->v.text;
        old = mlops_field_push(&outer->field, "inputs");
        (void) mlops_field_push_i(&outer->field, i);

        from = mlops_recipe_name(outer, cell);
        if (from == NULL) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&outer->field, old);

        old = mlops_field_push(&inner->field, "inputs");

        if (mlops_recipe_inner_input(inner, from, input, &id) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&inner->field, old);
        cell = list ? cell->next : cell;
    }

    return MLOPS_OK;
}


/* Input i of the signature, and what the recipe calls it. */

static int
mlops_recipe_inner_named(mlops_recipe_t *inner, const mlops_doc_t *inputs,
    const mlops_doc_t *takes, uint32_t i, const mlops_doc_t **input,
    mlops_str_t *id)
{
    uint32_t            k;
    const mlops_doc_t  *one, *text, *want;

    want = takes ? takes->v.child : NULL;

    for (k = 0; want != NULL && k < i; k++) {
        want = want->next;
    }

    one = inputs->v.child;

    for (k = 0; one != NULL; k++, one = one->next) {
        text = mlops_doc_get(one, "id");
        text = text ? text : mlops_doc_get(one, "name");

        if (text == NULL || text->type != MLOPS_DOC_STRING) {
            (void) mlops_field_push(&inner->field, "inputs");
            (void) mlops_field_push_i(&inner->field, k);

            return mlops_field_fail(&inner->field, one, "an object with a "
                                    "name");
        }

        if (want == NULL ? k == i
                         : want->type == MLOPS_DOC_STRING
                           && mlops_str_eq(&want->v.text, text->v.text.data,
                                           text->v.text.len))
        {
            break;
        }
    }

    if (one == NULL) {
        (void) mlops_field_push(&inner->field, "signatures[0].inputs");
        (void) mlops_field_push_i(&inner->field, i);

        return mlops_field_fail(&inner->field, want, "the name of an input");
    }

    *id = text->v.text;
    *input = one;

    text = mlops_doc_get(one, "name");

    if (text == NULL || text->type != MLOPS_DOC_STRING) {
        return mlops_field_fail(&inner->field, one, "an object with a name");
    }

    return MLOPS_OK;
}


static int
mlops_recipe_inner_input(mlops_recipe_t *inner,
    const mlops_recipe_name_t *from, const mlops_doc_t *input,
    const mlops_str_t *id)
{
    int                   string;
    double                value;
    uint32_t              cell;
    mlops_column_t        column;
    mlops_recipe_name_t  *name;

    memset(&column, 0, sizeof(column));

    if (mlops_recipe_column(inner, input, &column) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    string = (from->column != NULL
              && from->column->type == MLOPS_TYPE_BYTES);

    if (string != (column.type == MLOPS_TYPE_BYTES)) {
        return mlops_field_error(&inner->field, "\"%.*s\": expected %s, got a "
                                 "cell of %s", mlops_fmt(id),
                                 string ? "numbers" : "strings",
                                 string ? "strings" : "numbers");
    }

    cell = from->cell;

    if (column.flags & MLOPS_COLUMN_DEFAULT) {

        if (string) {
            return mlops_field_error(&inner->field, "\"%.*s\": expected no "
                                     "default for strings of a recipe in a "
                                     "recipe, got one", mlops_fmt(id));
        }

        value = (column.kind == MLOPS_CELL_INT) ? (double) column.def.i
                : (column.kind == MLOPS_CELL_UINT) ? (double) column.def.u
                                                   : column.def.f;

        cell = mlops_builder_impute(inner->builder, &cell, 1,
                                    MLOPS_BUILDER_NEW, &value);
    }

    if (column.type == MLOPS_TYPE_FP32) {
        cell = mlops_builder_unary(inner->builder, MLOPS_UNARY_IDENTITY,
                                   MLOPS_STEP_F32, &cell, 1,
                                   MLOPS_BUILDER_NEW);
    }

    if (mlops_recipe_built(inner, cell) != MLOPS_OK
        || mlops_recipe_add(inner, id, cell, string ? from->column : NULL)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    /* no step of it may compute what is given */

    name = mlops_recipe_find(inner, id->data, id->len);
    name->computed = 1;

    return MLOPS_OK;
}


static int
mlops_recipe_inner_outputs(mlops_recipe_t *inner, mlops_recipe_t *outer,
    const mlops_doc_t *step, const mlops_doc_t *face)
{
    uint32_t                 i, j, n, cell, *cells, *wider;
    const mlops_doc_t       *list, *one;
    mlops_builder_output_t   output;

    list = mlops_field_get(&inner->field, face, "outputs", MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    if (mlops_doc_get(step, "margin") != NULL) {
        return mlops_err_set(outer->field.err, "margin: expected for an "
                             "XGBoost model, got it for a recipe");
    }

    cells = NULL;
    n = 0;

    for (i = 0, one = list->v.child; one != NULL; i++, one = one->next) {
        memset(&output, 0, sizeof(output));

        if (mlops_recipe_output(inner, one, &output) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (mlops_type_kind(output.type) != MLOPS_CELL_DOUBLE) {
            return mlops_field_error(&inner->field, "signatures[0].outputs[%u]"
                                     ".type: expected FP64 or FP32 of a "
                                     "recipe in a recipe, got %s", i,
                                     mlops_type_name(output.type));
        }

        wider = mlops_arena_alloc(inner->field.arena,
                                  ((size_t) n + output.width)
                                  * sizeof(uint32_t));
        if (wider == NULL) {
            return mlops_field_memory(&inner->field);
        }

        if (n != 0) {
            memcpy(wider, cells, n * sizeof(uint32_t));
        }

        cells = wider;

        cell = mlops_builder_unary(inner->builder, MLOPS_UNARY_IDENTITY,
                                   output.type == MLOPS_TYPE_FP32
                                   ? MLOPS_STEP_F32 : 0, output.cells,
                                   output.width, MLOPS_BUILDER_NEW);

        if (mlops_recipe_built(inner, cell) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        for (j = 0; j < output.width; j++) {
            cells[n++] = cell + j;
        }
    }

    if (n == 0) {
        return mlops_field_fail(&inner->field, list, "a list of objects");
    }

    cell = cells[0];

    if (list->n > 1) {
        cell = mlops_builder_unary(inner->builder, MLOPS_UNARY_IDENTITY, 0,
                                   cells, n, MLOPS_BUILDER_NEW);
    }

    if (mlops_recipe_built(inner, cell) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_recipe_outputs(outer, step, "outputs", cell, n);
}
