/*
 * Parts of a recipe, read one by one: a list of inputs, a single step.
 */

#include "mlops_recipe.h"

#include <stdlib.h>


static int mlops_recipe_alone(mlops_recipe_t *recipe, const mlops_doc_t *step,
    const mlops_column_t *columns, uint32_t n);
static int mlops_recipe_alone_outputs(mlops_recipe_t *recipe,
    const mlops_doc_t *step, uint32_t *inputs, uint32_t n);


int
mlops_import_inputs(mlops_field_t *field, const mlops_doc_t *list,
    mlops_column_t **columns, mlops_str_t **names)
{
    int                 rc;
    size_t              here;
    uint32_t            i;
    mlops_recipe_t      recipe;
    const mlops_doc_t  *doc, *id;

    *columns = mlops_arena_calloc(field->arena, list->n,
                                  sizeof(mlops_column_t));
    *names = mlops_arena_calloc(field->arena, list->n, sizeof(mlops_str_t));

    if (*columns == NULL || *names == NULL) {
        return mlops_field_memory(field);
    }

    memset(&recipe, 0, sizeof(recipe));

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(field, i);

        if (doc->type != MLOPS_DOC_OBJECT) {
            return mlops_field_fail(field, doc, "an object");
        }

        recipe.field = *field;
        rc = mlops_recipe_column(&recipe, doc, &(*columns)[i]);

        if (rc != MLOPS_OK
            || mlops_field_find(field, doc, "id", MLOPS_DOC_STRING, &id)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        (*names)[i] = id ? id->v.text : (*columns)[i].name;

        if ((*names)[i].len == 0) {
            return mlops_field_error(field, "expected a name, got an empty "
                                     "string");
        }

        mlops_field_pop(field, here);
    }

    return MLOPS_OK;
}


int
mlops_import_step(mlops_field_t *field, const mlops_doc_t *step,
    const mlops_column_t *columns, uint32_t n,
    const mlops_import_options_t *options, void **image, size_t *len)
{
    int                    rc;
    mlops_recipe_t         recipe;
    mlops_import_job_t     job;
    mlops_import_report_t  report;

    memset(&recipe, 0, sizeof(recipe));
    memset(&job, 0, sizeof(job));
    memset(&report, 0, sizeof(report));

    job.options = options;
    job.report = &report;
    job.arena = field->arena;
    job.err = field->err;

    recipe.job = &job;
    recipe.field = *field;
    recipe.builder = mlops_builder_create();

    if (recipe.builder == NULL) {
        return mlops_field_memory(field);
    }

    rc = mlops_recipe_alone(&recipe, step, columns, n);

    if (rc == MLOPS_OK) {
        mlops_builder_facts(recipe.builder, "{}", 2);
        rc = mlops_builder_finish(recipe.builder, image, len, field->err);

        if (rc != MLOPS_OK) {
            (void) mlops_err_prefix(field->err, "%s", field->path);
        }
    }

    mlops_builder_destroy(recipe.builder);
    free(recipe.models.data);
    free(job.facts.data);

    return rc;
}


static int
mlops_recipe_alone(mlops_recipe_t *recipe, const mlops_doc_t *step,
    const mlops_column_t *columns, uint32_t n)
{
    uint32_t            i, cell, *inputs;
    const mlops_doc_t  *outputs, *margin;

    outputs = mlops_doc_get(step, "outputs");
    margin = mlops_doc_get(step, "margin");

    inputs = mlops_arena_alloc(recipe->field.arena, n * sizeof(uint32_t));
    if (inputs == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    if (mlops_recipe_room(recipe, (size_t) n + (outputs ? outputs->n : 0)
                                  + (margin ? margin->n : 0))
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    /* a one-hot looks its input up there */

    recipe->columns = (mlops_column_t *) columns;
    recipe->columns_n = n;

    for (i = 0; i < n; i++) {
        cell = mlops_builder_input(recipe->builder, &columns[i]);

        if (mlops_recipe_built(recipe, cell) != MLOPS_OK
            || mlops_recipe_add(recipe, &columns[i].name, cell, &columns[i])
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        inputs[i] = cell;
    }

    if (mlops_recipe_step(recipe, step) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_recipe_alone_outputs(recipe, step, inputs, n);
}


/* One output of all the cells: outputs, then margins. */

static int
mlops_recipe_alone_outputs(mlops_recipe_t *recipe, const mlops_doc_t *step,
    uint32_t *inputs, uint32_t n)
{
    size_t                    k;
    uint32_t                 *cells, width;
    const mlops_doc_t        *list, *doc;
    mlops_recipe_name_t      *name;
    mlops_builder_output_t    output;
    static const char *const  keys[] = { "outputs", "margin" };

    width = 0;

    for (k = 0; k < 2; k++) {
        list = mlops_doc_get(step, keys[k]);
        width += list ? list->n : 0;
    }

    cells = mlops_arena_alloc(recipe->field.arena, width * sizeof(uint32_t));
    if (cells == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    memset(&output, 0, sizeof(output));

    output.name.data = "y";
    output.name.len = 1;
    output.type = MLOPS_TYPE_FP64;
    output.cells = cells;

    for (k = 0; k < 2; k++) {
        list = mlops_doc_get(step, keys[k]);

        for (doc = list ? list->v.child : NULL; doc != NULL; doc = doc->next)
        {
            name = mlops_recipe_name(recipe, doc);

            if (name == NULL) {
                return MLOPS_ERROR;
            }

            if (!name->computed || name->column != NULL) {
                return mlops_field_fail(&recipe->field, doc, "outputs with "
                                        "other names than the inputs");
            }

            cells[output.width++] = name->cell;
        }
    }

    if (mlops_builder_signature(recipe->builder, "one", inputs, n, &output, 1)
        != MLOPS_OK)
    {
        return mlops_recipe_built(recipe, MLOPS_BUILDER_ERROR);
    }

    return MLOPS_OK;
}
