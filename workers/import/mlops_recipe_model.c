/*
 * The step model of a recipe: a model file beside it.
 *
 * The path is relative and stays in the recipe's folder: no "..", not
 * absolute, and no symbolic link that leads out.
 */

#include "mlops_apart.h"
#include "mlops_recipe.h"
#include "mlops_xgboost.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_recipe_open(mlops_recipe_t *recipe, const mlops_str_t *file,
    char **data, size_t *len, char **where);
static int mlops_recipe_locate(mlops_recipe_t *recipe, const char *folder,
    const mlops_str_t *file, char *full, int quiet);
static int mlops_recipe_any(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const char *data, size_t len, const char *where);
static int mlops_recipe_xgboost(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, const mlops_doc_t *tree, const char *data,
    size_t len);
static int mlops_recipe_is_local(const mlops_str_t *file);
static int mlops_recipe_load(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const mlops_doc_t *tree, size_t len, mlops_xgboost_t *model);
static int mlops_recipe_model_cells(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, const mlops_xgboost_t *model, uint32_t *cells);
static int mlops_recipe_model_outputs(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, const mlops_xgboost_t *model,
    const uint32_t *cells);
static void mlops_recipe_model_facts(mlops_recipe_t *recipe,
    const mlops_str_t *file, const mlops_xgboost_t *model, const char *data,
    size_t len);


int
mlops_recipe_model(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    int                 rc;
    char               *data, *where;
    size_t              len, old;
    const mlops_doc_t  *file;

    file = mlops_field_get(&recipe->field, doc, "file", MLOPS_DOC_STRING);
    if (file == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&recipe->field, "file");

    if (mlops_recipe_open(recipe, &file->v.text, &data, &len, &where)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_field_pop(&recipe->field, old);

    rc = mlops_recipe_any(recipe, doc, data, len, where);

    free(data);

    return rc;
}


/* The kind is told from the bytes, as that of a file to import is. */

static int
mlops_recipe_any(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const char *data, size_t len, const char *where)
{
    int                   rc;
    mlops_doc_t          *tree;
    mlops_str_t           file;
    mlops_import_text_t  *facts;

    file = mlops_doc_get(doc, "file")->v.text;
    tree = mlops_import_parse(data, len, recipe->field.arena,
                              recipe->field.err);

    if (tree != NULL && mlops_xgboost_sniff(tree)) {
        return mlops_recipe_xgboost(recipe, doc, tree, data, len);
    }

    if (tree == NULL || mlops_doc_get(tree, "recipe") == NULL) {

        if (tree != NULL) {
            (void) mlops_err_set(recipe->field.err, "expected an XGBoost "
                                 "model or a recipe, got %s without "
                                 "learner.gradient_booster or recipe",
                                 mlops_doc_type_name(tree));
        }

        return mlops_err_prefix(recipe->field.err, "%s: %.*s",
                                recipe->field.path, mlops_fmt(&file));
    }

    rc = mlops_doc_unpack(tree, recipe->field.arena, recipe->field.err);

    if (rc == MLOPS_OK) {
        rc = mlops_recipe_inner(recipe, doc, tree, where);
    }

    if (rc == MLOPS_OK) {
        facts = &recipe->models;

        mlops_import_text(facts, "%s{\"format\":\"recipe\",\"file\":",
                          facts->len ? "," : "");
        mlops_import_quote(facts, file.data, file.len);
        mlops_import_text(facts, ",");
        mlops_import_digest(facts, NULL, data, len);
        mlops_import_text(facts, "}");
    }

    return rc;
}


static int
mlops_recipe_xgboost(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const mlops_doc_t *tree, const char *data, size_t len)
{
    uint32_t           *cells;
    mlops_xgboost_t     model;

    if (mlops_recipe_load(recipe, doc, tree, len, &model) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    cells = mlops_arena_alloc(recipe->field.arena,
                              model.features_n * sizeof(uint32_t));
    if (cells == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    if (mlops_recipe_model_cells(recipe, doc, &model, cells) != MLOPS_OK
        || mlops_recipe_model_outputs(recipe, doc, &model, cells)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_recipe_model_facts(recipe, &mlops_doc_get(doc, "file")->v.text,
                             &model, data, len);

    return MLOPS_OK;
}


static int
mlops_recipe_is_local(const mlops_str_t *file)
{
    size_t       len;
    const char  *p, *end, *slash;

    p = file->data;
    end = p + file->len;

    if (file->len == 0 || *p == '/' || memchr(p, '\0', file->len) != NULL) {
        return 0;
    }

    for (/* void */ ; p < end; p = slash + 1) {
        slash = memchr(p, '/', (size_t) (end - p));
        slash = slash ? slash : end;
        len = (size_t) (slash - p);

        if (len == 2 && p[0] == '.' && p[1] == '.') {
            return 0;
        }
    }

    return 1;
}


/* In the folder of the run that is under way, else in the recipe's. */

static int
mlops_recipe_open(mlops_recipe_t *recipe, const mlops_str_t *file,
    char **data, size_t *len, char **where)
{
    int          rc;
    char         folder[PATH_MAX], full[PATH_MAX];
    const char  *slash, *from;

    if (!mlops_recipe_is_local(file)) {
        return mlops_field_error(&recipe->field, "expected a path below the "
                                 "recipe's folder, got \"%.*s\"",
                                 (int) (file->len < 80 ? file->len : 80),
                                 file->data);
    }

    from = recipe->where ? NULL : recipe->job->options->work;

    if (from != NULL
        && mlops_recipe_locate(recipe, from, file, full, 1) == MLOPS_OK)
    {
        goto found;
    }

    from = recipe->where ? NULL : recipe->job->options->folder;

    if (from == NULL && (recipe->where || recipe->job->path)) {
        from = recipe->where ? recipe->where : recipe->job->path;
        slash = strrchr(from, '/');

        if ((size_t) snprintf(folder, sizeof(folder), "%.*s",
                              slash ? (int) (slash - from) + 1 : 2,
                              slash ? from : "./")
            >= sizeof(folder))
        {
            return mlops_field_error(&recipe->field, "the path is too long");
        }

        from = folder;
    }

    if (from == NULL) {
        return mlops_field_error(&recipe->field, "expected a recipe in a "
                                 "folder of files, got one without");
    }

    if (mlops_recipe_locate(recipe, from, file, full, 0) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

found:

    if (recipe->job->options->image != NULL
        && mlops_apart_same(full, recipe->job->options->image))
    {
        return mlops_field_error(&recipe->field, "%.*s is the same file as "
                                 "the image to write, %s", mlops_fmt(file),
                                 recipe->job->options->image);
    }

    *where = mlops_arena_copy(recipe->field.arena, full, strlen(full));
    if (*where == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    rc = mlops_import_read(full, data, len, recipe->field.err);

    if (rc != MLOPS_OK) {
        return mlops_err_prefix(recipe->field.err, "%s", recipe->field.path);
    }

    return MLOPS_OK;
}


/* The file's path without links, which stays below the folder. */

static int
mlops_recipe_locate(mlops_recipe_t *recipe, const char *folder,
    const mlops_str_t *file, char *full, int quiet)
{
    char    dir[PATH_MAX], path[PATH_MAX];
    size_t  dir_len;

    if ((size_t) snprintf(path, sizeof(path), "%s/%.*s", folder,
                          mlops_fmt(file))
        >= sizeof(path))
    {
        return mlops_field_error(&recipe->field, "the path is too long");
    }

    if (realpath(folder, dir) == NULL) {
        return mlops_field_error(&recipe->field, "%s: %s", folder,
                                 strerror(errno));
    }

    if (realpath(path, full) == NULL) {
        return quiet ? MLOPS_ERROR
                     : mlops_field_error(&recipe->field, "%s: %s", path,
                                         strerror(errno));
    }

    dir_len = strlen(dir);

    if (strncmp(full, dir, dir_len) != 0
        || (full[dir_len] != '/' && dir_len > 1))
    {
        return mlops_field_error(&recipe->field, "expected a path below the "
                                 "recipe's folder, got a link that leads out");
    }

    return MLOPS_OK;
}


/* What the model keeps points into the arena, but for names and texts: those
 * of JSON are in the arena too, those of UBJSON in data. */

static int
mlops_recipe_load(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const mlops_doc_t *tree, size_t len, mlops_xgboost_t *model)
{
    const char         *iterations;
    mlops_field_t       field;
    const mlops_doc_t  *file, *text;

    file = mlops_doc_get(doc, "file");
    iterations = NULL;

    if (mlops_field_find(&recipe->field, doc, "iterations", MLOPS_DOC_STRING,
                         &text)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (text != NULL) {
        iterations = mlops_arena_copy(recipe->field.arena, text->v.text.data,
                                      text->v.text.len);
        if (iterations == NULL) {
            return mlops_field_memory(&recipe->field);
        }
    }

    mlops_field_init(&field, recipe->field.arena, recipe->field.err);

    if (mlops_xgboost_read(model, tree, iterations, len, &field) != MLOPS_OK)
    {
        return mlops_err_prefix(recipe->field.err, "%s: %.*s",
                                recipe->field.path,
                                mlops_fmt(&file->v.text));
    }

    return MLOPS_OK;
}


/* The step's inputs, or the cells of the features' names. */

static int
mlops_recipe_model_cells(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const mlops_xgboost_t *model, uint32_t *cells)
{
    size_t                old, here;
    uint32_t              i;
    mlops_doc_t           feature;
    mlops_field_t        *field;
    const mlops_doc_t    *list, *input;
    mlops_recipe_name_t  *name;

    field = &recipe->field;

    if (mlops_field_find(field, doc, "inputs", MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "inputs");

    if (list != NULL && list->n != model->features_n) {
        return mlops_field_fail(field, list, "a list of %u names",
                                model->features_n);
    }

    memset(&feature, 0, sizeof(feature));
    feature.type = MLOPS_DOC_STRING;
    input = list ? list->v.child : &feature;

    for (i = 0; i < model->features_n; i++) {
        feature.v.text = model->features[i].name;
        here = mlops_field_push_i(field, i);

        name = mlops_recipe_name(recipe, input);
        if (name == NULL) {
            return MLOPS_ERROR;
        }

        if (model->features[i].strings != NULL
            && (name->column == NULL
                || name->column->type != MLOPS_TYPE_BYTES))
        {
            return mlops_field_fail(field, input, "an input of type BYTES for "
                                    "a feature with names as categories");
        }

        cells[i] = name->cell;
        input = list ? input->next : input;
        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_recipe_model_outputs(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const mlops_xgboost_t *model, const uint32_t *cells)
{
    int       with_link, with_margin;
    uint32_t  margin, prediction;

    with_link = (mlops_doc_get(doc, "outputs") != NULL);
    with_margin = (mlops_doc_get(doc, "margin") != NULL);

    if (!with_link && !with_margin) {
        return mlops_field_error(&recipe->field, "expected outputs, margin or "
                                 "both, got neither");
    }

    if (with_link && !model->link_known) {
        return mlops_field_error(&recipe->field, "outputs: expected an "
                                 "objective known here, got \"%.*s\"; its "
                                 "margin alone can be had",
                                 (int) (model->objective.len < 40
                                        ? model->objective.len : 40),
                                 model->objective.data);
    }

    prediction = 0;
    mlops_xgboost_steps(model, recipe->builder, cells, &margin,
                        with_link ? &prediction : NULL);

    if (mlops_recipe_built(recipe, with_link ? prediction : margin)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (with_link
        && mlops_recipe_outputs(recipe, doc, "outputs", prediction,
                                mlops_xgboost_width(model))
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (with_margin) {
        return mlops_recipe_outputs(recipe, doc, "margin", margin,
                                    model->groups_n);
    }

    return MLOPS_OK;
}


static void
mlops_recipe_model_facts(mlops_recipe_t *recipe, const mlops_str_t *file,
    const mlops_xgboost_t *model, const char *data, size_t len)
{
    mlops_import_text_t  *facts;

    facts = &recipe->models;

    mlops_import_text(facts, "%s{\"format\":\"xgboost\",\"file\":",
                      facts->len ? "," : "");
    mlops_import_quote(facts, file->data, file->len);
    mlops_import_text(facts, ",");
    mlops_import_digest(facts, NULL, data, len);
    mlops_import_text(facts, ",\"version\":\"%d.%d.%d\",\"booster\":\"%s\","
                      "\"objective\":", model->version[0], model->version[1],
                      model->version[2], model->booster);
    mlops_import_quote(facts, model->objective.data, model->objective.len);
    mlops_import_text(facts, "}");
}
