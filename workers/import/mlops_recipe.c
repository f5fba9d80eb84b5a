/*
 * A recipe as a whole: its inputs, the order of its parts, its signatures.
 */

#include "mlops_recipe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_recipe_emit(mlops_import_job_t *job,
    mlops_builder_t *builder);
static int mlops_recipe_parts(mlops_recipe_t *recipe, const mlops_doc_t *doc);
static int mlops_recipe_columns(mlops_recipe_t *recipe,
    const mlops_doc_t *list);
static int mlops_recipe_range(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_column_t *column);
static int mlops_recipe_default(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, mlops_column_t *column);
static int mlops_recipe_type(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_type_t *type);
static int mlops_recipe_signatures(mlops_recipe_t *recipe,
    const mlops_doc_t *list);
static int mlops_recipe_signature(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, mlops_recipe_face_t *face);
static int mlops_recipe_face_inputs(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, mlops_recipe_face_t *face);
static int mlops_recipe_from(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_builder_output_t *output);
static int mlops_recipe_asked(mlops_recipe_t *recipe);
static int mlops_recipe_facts(mlops_recipe_t *recipe, const mlops_doc_t *doc);


int
mlops_import_recipe(mlops_import_job_t *job, const mlops_doc_t *doc)
{
    int64_t         version;
    mlops_field_t   field;

    mlops_field_init(&field, job->arena, job->err);

    if (mlops_field_int(&field, doc, "recipe", 1, 1, 0, &version)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (job->options->iterations != NULL || job->options->outputs != NULL
        || job->options->features != NULL || job->options->type != 0)
    {
        return mlops_err_set(job->err, "expected iterations, outputs, "
                             "features and types in the recipe, got them as "
                             "options");
    }

    job->kind = (void *) doc;
    job->emit = mlops_recipe_emit;
    job->tol_abs = 1e-9;
    job->tol_rel = 1e-9;

    return MLOPS_OK;
}


static int
mlops_recipe_emit(mlops_import_job_t *job, mlops_builder_t *builder)
{
    int             rc;
    mlops_recipe_t  recipe;

    memset(&recipe, 0, sizeof(recipe));

    recipe.job = job;
    recipe.builder = builder;
    mlops_field_init(&recipe.field, job->arena, job->err);

    rc = mlops_recipe_parts(&recipe, job->kind);

    free(recipe.models.data);

    return rc;
}


static int
mlops_recipe_parts(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    mlops_field_t            *field;
    const mlops_doc_t        *inputs, *steps;
    static const char *const  keys[] = {
        "recipe", "name", "inputs", "steps", "signatures", "golden",
        "tolerance", "metadata", NULL
    };

    field = &recipe->field;

    if (mlops_recipe_keys(recipe, doc, keys, NULL) != MLOPS_OK
        || mlops_field_find(field, doc, "steps", MLOPS_DOC_ARRAY, &steps)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    inputs = mlops_field_get(field, doc, "inputs", MLOPS_DOC_ARRAY);
    if (inputs == NULL) {
        return MLOPS_ERROR;
    }

    recipe->signatures = mlops_field_get(field, doc, "signatures",
                                         MLOPS_DOC_ARRAY);

    if (recipe->signatures == NULL
        || mlops_recipe_room(recipe, mlops_recipe_names(doc)) != MLOPS_OK
        || mlops_recipe_columns(recipe, inputs) != MLOPS_OK
        || (steps != NULL && mlops_recipe_steps(recipe, steps) != MLOPS_OK)
        || mlops_recipe_signatures(recipe, recipe->signatures) != MLOPS_OK
        || mlops_recipe_golden(recipe, doc) != MLOPS_OK
        || mlops_recipe_asked(recipe) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    (void) snprintf(recipe->job->report->what,
                    sizeof(recipe->job->report->what),
                    "recipe, %u inputs, %u steps, %u signatures",
                    recipe->columns_n, steps ? steps->n : 0,
                    recipe->faces_n);

    return mlops_recipe_facts(recipe, doc);
}


/* How many names the document can hold. */

size_t
mlops_recipe_names(const mlops_doc_t *doc)
{
    size_t              names_n;
    const mlops_doc_t  *list, *step;

    names_n = mlops_doc_get(doc, "inputs")->n;
    list = mlops_doc_get(doc, "steps");

    for (step = list ? list->v.child : NULL;
         step != NULL;
         step = step->next)
    {
        list = mlops_doc_get(step, "outputs");
        names_n += list ? list->n : 0;

        list = mlops_doc_get(step, "margin");
        names_n += list ? list->n : 0;
    }

    return names_n;
}


int
mlops_recipe_room(mlops_recipe_t *recipe, size_t names_n)
{
    size_t  slots_n;

    for (slots_n = 64; slots_n < names_n * 2; slots_n *= 2) {
        /* void */
    }

    if (slots_n > UINT32_MAX / 2) {
        return mlops_field_error(&recipe->field, "too many names");
    }

    recipe->mask = (uint32_t) slots_n - 1;
    recipe->slots = mlops_arena_calloc(recipe->field.arena, slots_n,
                                       sizeof(uint32_t));
    recipe->names = mlops_arena_alloc(recipe->field.arena,
                                      names_n * sizeof(mlops_recipe_name_t));

    if (recipe->slots == NULL || recipe->names == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    return MLOPS_OK;
}


static int
mlops_recipe_columns(mlops_recipe_t *recipe, const mlops_doc_t *list)
{
    size_t              old, here;
    uint32_t            i, cell;
    mlops_str_t         id;
    mlops_field_t      *field;
    const mlops_doc_t  *doc, *name;

    field = &recipe->field;
    old = mlops_field_push(field, "inputs");

    if (list->n == 0 || list->n > MLOPS_RECIPE_INPUTS) {
        return mlops_field_fail(field, list, "a list of 1 to %u objects",
                                MLOPS_RECIPE_INPUTS);
    }

    recipe->columns = mlops_arena_calloc(field->arena, list->n,
                                         sizeof(mlops_column_t));
    if (recipe->columns == NULL) {
        return mlops_field_memory(field);
    }

    recipe->columns_n = list->n;

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(field, i);

        if (doc->type != MLOPS_DOC_OBJECT) {
            return mlops_field_fail(field, doc, "an object");
        }

        if (mlops_recipe_column(recipe, doc, &recipe->columns[i])
            != MLOPS_OK
            || mlops_field_find(field, doc, "id", MLOPS_DOC_STRING, &name)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        id = name ? name->v.text : recipe->columns[i].name;
        cell = mlops_import_input(recipe->job, recipe->builder,
                                  &recipe->columns[i]);

        if (mlops_recipe_built(recipe, cell) != MLOPS_OK
            || mlops_recipe_add(recipe, &id, cell, &recipe->columns[i])
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


int
mlops_recipe_column(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_column_t *column)
{
    int                       required;
    const mlops_doc_t        *name;
    static const char *const  keys[] = {
        "name", "id", "type", "required", "default", "range", "categories",
        NULL
    };

    if (mlops_recipe_keys(recipe, doc, keys, NULL) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    name = mlops_field_get(&recipe->field, doc, "name", MLOPS_DOC_STRING);

    if (name == NULL
        || mlops_recipe_type(recipe, doc, &column->type) != MLOPS_OK
        || mlops_recipe_flag(recipe, doc, "required", &required) != MLOPS_OK
        || mlops_field_strings(&recipe->field, doc, "categories", 1,
                               &column->categories, &column->categories_n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    column->name = name->v.text;
    column->kind = mlops_type_kind(column->type);

    if (required) {
        column->flags |= MLOPS_COLUMN_REQUIRED;
    }

    if (column->categories_n != 0 && column->type != MLOPS_TYPE_BYTES) {
        return mlops_field_error(&recipe->field, "categories: expected for an "
                                 "input of type BYTES, got one of type %s",
                                 mlops_type_name(column->type));
    }

    if (mlops_recipe_default(recipe, doc, column) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_recipe_range(recipe, doc, column);
}


static int
mlops_recipe_default(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_column_t *column)
{
    int                 rc;
    size_t              old;
    const mlops_doc_t  *value;

    value = mlops_doc_get(doc, "default");

    if (value == NULL || value->type == MLOPS_DOC_NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(&recipe->field, "default");

    rc = mlops_recipe_value(recipe, value, column->type, &column->def,
                            &column->def_text);
    column->flags |= MLOPS_COLUMN_DEFAULT;

    if (rc == MLOPS_OK && (column->flags & MLOPS_COLUMN_REQUIRED)) {
        rc = mlops_field_error(&recipe->field, "expected a default or "
                               "required, got both");
    }

    if (rc == MLOPS_OK) {
        mlops_field_pop(&recipe->field, old);
    }

    return rc;
}


static int
mlops_recipe_range(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_column_t *column)
{
    double             *range;
    const mlops_doc_t  *list;

    if (mlops_field_find(&recipe->field, doc, "range", MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK
        || mlops_recipe_numbers(recipe, doc, "range", 2, 0, &range)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (range == NULL) {
        return MLOPS_OK;
    }

    if (list == NULL || range[0] > range[1]
        || column->type == MLOPS_TYPE_BYTES)
    {
        return mlops_field_error(&recipe->field, "range: expected the lowest "
                                 "and the highest number, got %g and %g%s",
                                 range[0], range[1],
                                 column->type == MLOPS_TYPE_BYTES
                                 ? " for strings" : "");
    }

    column->flags |= MLOPS_COLUMN_RANGE;
    column->lo = range[0];
    column->hi = range[1];

    return MLOPS_OK;
}


static int
mlops_recipe_type(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_type_t *type)
{
    uint32_t            i;
    const char         *list[MLOPS_TYPE_N];
    const mlops_doc_t  *name;

    *type = MLOPS_TYPE_FP64;

    if (mlops_field_find(&recipe->field, doc, "type", MLOPS_DOC_STRING, &name)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (name == NULL) {
        return MLOPS_OK;
    }

    *type = mlops_type_find(&name->v.text);

    if (*type != MLOPS_TYPE_NONE) {
        return MLOPS_OK;
    }

    for (i = 1; i < MLOPS_TYPE_N; i++) {
        list[i - 1] = mlops_type_name((mlops_type_t) i);
    }

    list[i - 1] = NULL;

    (void) mlops_field_push(&recipe->field, "type");

    return mlops_recipe_suggest(recipe, &name->v.text, "a type", list);
}


static int
mlops_recipe_signatures(mlops_recipe_t *recipe, const mlops_doc_t *list)
{
    size_t                old, here;
    uint32_t              i;
    mlops_field_t        *field;
    mlops_recipe_face_t  *faces;
    const mlops_doc_t    *doc;

    field = &recipe->field;
    old = mlops_field_push(field, "signatures");

    if (list->n == 0 || list->n > MLOPS_RECIPE_SIGNATURES) {
        return mlops_field_fail(field, list, "a list of 1 to %u objects",
                                MLOPS_RECIPE_SIGNATURES);
    }

    faces = mlops_arena_calloc(field->arena, list->n,
                               sizeof(mlops_recipe_face_t));
    if (faces == NULL) {
        return mlops_field_memory(field);
    }

    recipe->faces = faces;

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(field, i);

        if (doc->type != MLOPS_DOC_OBJECT) {
            return mlops_field_fail(field, doc, "an object");
        }

        if (mlops_recipe_signature(recipe, doc, &faces[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        recipe->faces_n++;
        mlops_field_pop(field, here);
    }

    recipe->job->cells = faces[0].inputs;
    recipe->job->names = faces[0].names;
    recipe->job->cells_n = faces[0].inputs_n;
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_recipe_signature(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_recipe_face_t *face)
{
    char                     *name;
    size_t                    old, here;
    uint32_t                  i;
    mlops_field_t            *field;
    const mlops_doc_t        *text, *list, *one;
    mlops_builder_output_t   *outputs;
    static const char *const  keys[] = { "name", "inputs", "outputs", NULL };

    field = &recipe->field;

    if (mlops_recipe_keys(recipe, doc, keys, NULL) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    text = mlops_field_get(field, doc, "name", MLOPS_DOC_STRING);
    list = text ? mlops_field_get(field, doc, "outputs", MLOPS_DOC_ARRAY)
                : NULL;

    if (list == NULL
        || mlops_recipe_face_inputs(recipe, doc, face) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    face->name = text->v.text;
    name = mlops_arena_copy(field->arena, face->name.data, face->name.len);
    outputs = mlops_arena_calloc(field->arena, list->n,
                                 sizeof(mlops_builder_output_t));

    if (name == NULL || outputs == NULL) {
        return mlops_field_memory(field);
    }

    old = mlops_field_push(field, "outputs");

    if (list->n == 0) {
        return mlops_field_fail(field, list, "a list of objects");
    }

    for (i = 0, one = list->v.child; one != NULL; i++, one = one->next) {
        here = mlops_field_push_i(field, i);

        if (one->type != MLOPS_DOC_OBJECT) {
            return mlops_field_fail(field, one, "an object");
        }

        if (mlops_recipe_output(recipe, one, &outputs[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    if (mlops_builder_signature(recipe->builder, name, face->inputs,
                                face->inputs_n, outputs, list->n)
        != MLOPS_OK)
    {
        return mlops_recipe_built(recipe, MLOPS_BUILDER_ERROR);
    }

    return MLOPS_OK;
}


static int
mlops_recipe_face_inputs(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_recipe_face_t *face)
{
    size_t                old, here;
    uint32_t              i;
    mlops_field_t        *field;
    const mlops_doc_t    *list, *one;
    mlops_recipe_name_t  *name;

    field = &recipe->field;

    if (mlops_field_find(field, doc, "inputs", MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "inputs");

    if (list != NULL && (list->n == 0 || list->n > recipe->columns_n)) {
        return mlops_field_fail(field, list, "a list of 1 to %u names of "
                                "inputs", recipe->columns_n);
    }

    face->inputs_n = list ? list->n : recipe->columns_n;
    face->inputs = mlops_arena_alloc(field->arena,
                                     face->inputs_n * sizeof(uint32_t));
    face->names = mlops_arena_alloc(field->arena,
                                    face->inputs_n * sizeof(mlops_str_t));

    if (face->inputs == NULL || face->names == NULL) {
        return mlops_field_memory(field);
    }

    one = list ? list->v.child : NULL;

    for (i = 0; i < face->inputs_n; i++) {

        if (list == NULL) {
            face->inputs[i] = i;
            face->names[i] = recipe->names[i].name;
            continue;
        }

        here = mlops_field_push_i(field, i);

        name = mlops_recipe_name(recipe, one);
        if (name == NULL) {
            return MLOPS_ERROR;
        }

        if (name->column == NULL) {
            return mlops_field_fail(field, one, "the name of an input");
        }

        face->inputs[i] = (uint32_t) (name->column - recipe->columns);
        face->names[i] = name->name;
        one = one->next;
        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


int
mlops_recipe_output(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_builder_output_t *output)
{
    mlops_str_t              *labels;
    const mlops_doc_t        *name;
    static const char *const  keys[] = {
        "name", "from", "type", "labels", NULL
    };

    if (mlops_recipe_keys(recipe, doc, keys, NULL) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    name = mlops_field_get(&recipe->field, doc, "name", MLOPS_DOC_STRING);

    if (name == NULL
        || mlops_recipe_type(recipe, doc, &output->type) != MLOPS_OK
        || mlops_field_strings(&recipe->field, doc, "labels", 1, &labels,
                               &output->labels_n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    output->name = name->v.text;
    output->labels = labels;

    return mlops_recipe_from(recipe, doc, output);
}


static int
mlops_recipe_from(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_builder_output_t *output)
{
    size_t                here;
    uint32_t              i, *cells;
    mlops_field_t        *field;
    const mlops_doc_t    *from, *one;
    mlops_recipe_name_t  *name;

    field = &recipe->field;
    from = mlops_doc_get(doc, "from");
    here = mlops_field_push(field, from ? "from" : "name");

    if (from == NULL) {
        from = mlops_doc_get(doc, "name");
    }

    if (from->type == MLOPS_DOC_ARRAY && from->n == 0) {
        return mlops_field_fail(field, from, "a name, or a list of names");
    }

    output->width = (from->type == MLOPS_DOC_ARRAY) ? from->n : 1;
    one = (from->type == MLOPS_DOC_ARRAY) ? from->v.child : from;

    cells = mlops_arena_alloc(field->arena, output->width * sizeof(uint32_t));
    if (cells == NULL) {
        return mlops_field_memory(field);
    }

    for (i = 0; i < output->width; i++, one = one->next) {

        name = mlops_recipe_name(recipe, one);
        if (name == NULL) {
            return MLOPS_ERROR;
        }

        cells[i] = name->cell;
    }

    output->cells = cells;
    mlops_field_pop(field, here);

    return MLOPS_OK;
}


/* The numbers of cells that the caller asked for. */

static int
mlops_recipe_asked(mlops_recipe_t *recipe)
{
    uint32_t                       i;
    mlops_recipe_name_t           *name;
    const mlops_import_options_t  *options;

    options = recipe->job->options;

    for (i = 0; i < options->cells_n; i++) {
        name = mlops_recipe_find(recipe, options->cells[i].data,
                                 options->cells[i].len);

        if (name == NULL) {
            return mlops_field_error(&recipe->field, "there is no cell "
                                     "\"%.*s\"",
                                     mlops_fmt(&options->cells[i]));
        }

        options->cell[i] = name->cell;
    }

    return MLOPS_OK;
}


static int
mlops_recipe_facts(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    mlops_import_job_t   *job;
    const mlops_doc_t    *name, *metadata;
    mlops_import_text_t  *facts;

    job = recipe->job;
    facts = &job->facts;

    if (mlops_field_find(&recipe->field, doc, "name", MLOPS_DOC_STRING, &name)
        != MLOPS_OK
        || mlops_field_find(&recipe->field, doc, "metadata", MLOPS_DOC_OBJECT,
                            &metadata)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (name != NULL && job->options->name == NULL) {
        mlops_import_text(facts, "\"name\":");
        mlops_import_quote(facts, name->v.text.data, name->v.text.len);
        mlops_import_text(facts, ",");
    }

    mlops_import_text(facts, "\"source\":{\"format\":\"recipe\",");
    mlops_import_digest(facts, job->path, job->data, job->len);

    if (recipe->models.len != 0) {
        mlops_import_text(facts, ",\"models\":[%s]", recipe->models.data);
    }

    mlops_import_text(facts, "}");

    if (metadata != NULL) {
        mlops_import_text(facts, ",\"metadata\":");
        mlops_import_doc(facts, metadata);
    }

    facts->failed |= recipe->models.failed;

    return MLOPS_OK;
}
