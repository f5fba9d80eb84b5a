/*
 * What a command left: a model file becomes a step of the fitted recipe.
 *
 * Features are bound by name where the file has names of its own, otherwise
 * by their order.  The file is imported here with the step's own inputs and
 * evaluated on training rows, so that what is wrong with it is said now, as
 * the command's fault.
 */

#include "mlops_exec.h"
#include "mlops_fit_key.h"
#include "mlops_import.h"
#include "mlops_model.h"
#include "mlops_xgboost.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>


#define MLOPS_EXEC_ROWS  1000           /* evaluated */


/* The names that a model wants, in its order. */

typedef struct {
    mlops_str_t  *names;
    uint32_t      n;
    unsigned      given:1;              /* by the file */
} mlops_exec_wants_t;


static int mlops_exec_take(mlops_exec_t *ex, char **file, mlops_err_t *err);
static int mlops_exec_wants(mlops_exec_t *ex, const mlops_doc_t *doc,
    mlops_exec_wants_t *wants, mlops_err_t *err);
static int mlops_exec_recipe_wants(mlops_exec_t *ex, const mlops_doc_t *doc,
    mlops_exec_wants_t *wants, mlops_err_t *err);
static int mlops_exec_bind(mlops_exec_t *ex, mlops_exec_wants_t *wants,
    mlops_err_t *err);
static int mlops_exec_map(mlops_exec_t *ex,
    const mlops_matrix_column_t *column, mlops_str_t *name);
static int mlops_exec_try(mlops_exec_t *ex, const char *steps, size_t len,
    mlops_err_t *err);
static int mlops_exec_eval(mlops_exec_t *ex, const mlops_model_t *model,
    mlops_err_t *err);
static int mlops_exec_row(mlops_exec_t *ex, uint64_t row,
    mlops_cell_t *cells, uint64_t *present, mlops_import_text_t *text);


int
mlops_exec_model(mlops_exec_t *ex)
{
    int                  rc;
    char                *data, *file;
    size_t               len, from;
    mlops_fit_t         *fit;
    mlops_err_t          err;
    struct stat          st;
    mlops_arena_t        arena;
    mlops_doc_t         *doc;
    mlops_exec_wants_t   wants;

    fit = ex->fit;

    if (lstat(ex->model, &st) == -1) {
        return mlops_field_error(fit->field, "command \"%.60s\": it ended "
                                 "well, but there is no file at MLOPS_MODEL "
                                 "(%s)", ex->argv[0], strerror(errno));
    }

    if (!S_ISREG(st.st_mode)) {
        return mlops_field_error(fit->field, "command \"%.60s\": expected a "
                                 "regular file at MLOPS_MODEL, got %s",
                                 ex->argv[0], S_ISDIR(st.st_mode)
                                              ? "a folder" : "another kind");
    }

    if (mlops_import_read(ex->model, &data, &len, &err) != MLOPS_OK) {
        return mlops_field_error(fit->field, "%s", err.text);
    }

    mlops_arena_init(&arena, NULL, NULL);
    memset(&wants, 0, sizeof(wants));

    rc = MLOPS_ERROR;
    doc = mlops_import_parse(data, len, &arena, &err);

    if (doc != NULL && mlops_exec_wants(ex, doc, &wants, &err) == MLOPS_OK) {
        from = fit->steps->len;
        rc = mlops_exec_bind(ex, &wants, &err);

        if (rc == MLOPS_OK) {
            rc = mlops_exec_take(ex, &file, &err);
        }

        if (rc == MLOPS_OK) {
            mlops_fit_step(fit, "model", wants.names, wants.n, fit->outputs,
                           fit->outputs_n);

            if (fit->margin_n > 0) {
                mlops_fit_put_names(fit->steps, "margin", fit->margin,
                                    fit->margin_n);
            }

            mlops_import_text(fit->steps, ",\"file\":\"%s\"", file);
            mlops_fit_end(fit);

            rc = mlops_exec_try(ex, fit->steps->data + from,
                                fit->steps->len - from, &err);
        }
    }

    if (rc == MLOPS_OK) {
        mlops_fit_report(fit, "exec_model");
        mlops_import_text(fit->report, "{");
        mlops_import_digest(fit->report, NULL, data, len);
        mlops_import_text(fit->report, "}");

    } else {
        (void) mlops_field_error(fit->field, "command \"%.60s\": its model: "
                                 "%s", ex->argv[0], err.text);
    }

    mlops_arena_destroy(&arena);
    free(data);

    return rc;
}


/* The model goes to the top of the run's folder, by which the recipe names
 * it; the rest, which may be large, goes away. */

static int
mlops_exec_take(mlops_exec_t *ex, char **file, mlops_err_t *err)
{
    char  *top;

    *file = mlops_exec_text(ex, "%s.model", ex->dir);
    top = *file ? mlops_exec_text(ex, "%s/../../%s", ex->out, *file) : NULL;

    if (top == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    if (rename(ex->model, top) == -1 || chmod(top, 0400) == -1) {
        return mlops_err_set(err, "%s: %s", top, strerror(errno));
    }

    mlops_exec_clean(ex);

    return MLOPS_OK;
}


static int
mlops_exec_wants(mlops_exec_t *ex, const mlops_doc_t *doc,
    mlops_exec_wants_t *wants, mlops_err_t *err)
{
    uint32_t            i, n;
    mlops_arena_t      *arena;
    const mlops_doc_t  *names, *one;

    arena = ex->fit->field->arena;
    n = ex->fit->train->columns_n;

    if (!mlops_xgboost_sniff(doc)) {

        if (mlops_doc_get(doc, "recipe") != NULL) {
            return mlops_exec_recipe_wants(ex, doc, wants, err);
        }

        return mlops_err_set(err, "expected an XGBoost model (JSON or UBJSON) "
                             "or a recipe, got %s without "
                             "learner.gradient_booster or recipe",
                             mlops_doc_type_name(doc));
    }

    names = mlops_doc_get(mlops_doc_get(doc, "learner"), "feature_names");
    wants->given = (names != NULL && names->type == MLOPS_DOC_ARRAY
                    && names->n > 0);
    wants->n = wants->given ? names->n : n;
    wants->names = mlops_arena_alloc(arena, ((size_t) wants->n + 1)
                                            * sizeof(mlops_str_t));
    if (wants->names == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    if (!wants->given) {

        for (i = 0; i < n; i++) {
            wants->names[i] = ex->fit->train->columns[i].name;
        }

        return MLOPS_OK;
    }

    for (i = 0, one = names->v.child; one != NULL; i++, one = one->next) {

        if (one->type != MLOPS_DOC_STRING) {
            return mlops_err_set(err, "learner.feature_names[%u]: expected a "
                                 "name, got %s", i,
                                 mlops_doc_type_name(one));
        }

        wants->names[i].data = mlops_arena_copy(arena, one->v.text.data,
                                                one->v.text.len);
        wants->names[i].len = one->v.text.len;

        if (wants->names[i].data == NULL) {
            return mlops_err_set(err, "out of memory");
        }
    }

    return MLOPS_OK;
}


/* The inputs of its first signature, by the names that clients would use. */

static int
mlops_exec_recipe_wants(mlops_exec_t *ex, const mlops_doc_t *doc,
    mlops_exec_wants_t *wants, mlops_err_t *err)
{
    uint32_t            i;
    mlops_arena_t      *arena;
    const mlops_doc_t  *inputs, *faces, *takes, *want, *one, *id, *name;

    arena = ex->fit->field->arena;
    inputs = mlops_doc_get(doc, "inputs");
    faces = mlops_doc_get(doc, "signatures");

    if (inputs == NULL || inputs->type != MLOPS_DOC_ARRAY || faces == NULL
        || faces->type != MLOPS_DOC_ARRAY || faces->n == 0)
    {
        return mlops_err_set(err, "expected a recipe with inputs and "
                             "signatures, got one without");
    }

    takes = mlops_doc_get(faces->v.child, "inputs");

    if (takes != NULL && takes->type != MLOPS_DOC_ARRAY) {
        return mlops_err_set(err, "signatures[0].inputs: expected a list of "
                             "names, got %s", mlops_doc_type_name(takes));
    }

    wants->given = 1;
    wants->n = takes ? takes->n : inputs->n;
    wants->names = mlops_arena_calloc(arena, (size_t) wants->n + 1,
                                      sizeof(mlops_str_t));
    if (wants->names == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    want = takes ? takes->v.child : inputs->v.child;

    for (i = 0; i < wants->n; i++, want = want->next) {
        name = NULL;

        for (one = inputs->v.child; one != NULL; one = one->next) {
            name = mlops_doc_get(one, "name");
            id = mlops_doc_get(one, "id");
            id = id ? id : name;

            if (takes == NULL ? one == want
                              : id != NULL && id->type == MLOPS_DOC_STRING
                                && want->type == MLOPS_DOC_STRING
                                && mlops_str_eq(&id->v.text,
                                                want->v.text.data,
                                                want->v.text.len))
            {
                break;
            }
        }

        if (one == NULL || name == NULL || name->type != MLOPS_DOC_STRING) {
            return mlops_err_set(err, "input %u of its first signature: "
                                 "expected one with a name, got none", i);
        }

        wants->names[i].data = mlops_arena_copy(arena, name->v.text.data,
                                                name->v.text.len);
        wants->names[i].len = name->v.text.len;

        if (wants->names[i].data == NULL) {
            return mlops_err_set(err, "out of memory");
        }
    }

    return MLOPS_OK;
}


/* Every name is an input of the step; of a column of codes that the command
 * saw as numbers, the number comes from a map in front. */

static int
mlops_exec_bind(mlops_exec_t *ex, mlops_exec_wants_t *wants,
    mlops_err_t *err)
{
    uint32_t               i, c;
    mlops_fit_t           *fit;
    const mlops_matrix_t  *train;

    fit = ex->fit;
    train = fit->train;

    for (i = 0; i < wants->n; i++) {

        for (c = 0; c < train->columns_n; c++) {
            if (mlops_str_eq(&train->columns[c].name, wants->names[i].data,
                             wants->names[i].len))
            {
                break;
            }
        }

        if (c == train->columns_n) {
            return mlops_err_set(err, "expected features that are inputs of "
                                 "the step, got \"%.*s\"",
                                 (int) (wants->names[i].len < 80
                                        ? wants->names[i].len : 80),
                                 wants->names[i].data);
        }

        wants->names[i] = train->columns[c].name;

        if (ex->codes && train->columns[c].kind == MLOPS_MATRIX_CODES
            && mlops_exec_map(ex, &train->columns[c], &wants->names[i])
               != MLOPS_OK)
        {
            return mlops_err_set(err, "out of memory");
        }
    }

    return MLOPS_OK;
}


static int
mlops_exec_map(mlops_exec_t *ex, const mlops_matrix_column_t *column,
    mlops_str_t *name)
{
    uint32_t             i;
    mlops_fit_t         *fit;
    mlops_str_t          cell;
    mlops_import_text_t *steps;

    fit = ex->fit;
    steps = fit->steps;

    cell = mlops_fit_name(fit, "%.*s:%.*s", mlops_fmt(&fit->outputs[0]),
                          mlops_fmt(name));
    if (cell.data == NULL) {
        return MLOPS_ERROR;
    }

    mlops_fit_step(fit, "map", name, 1, &cell, 1);
    mlops_import_text(steps, ",\"entries\":{");

    for (i = 0; i < column->categories_n; i++) {
        mlops_import_text(steps, i ? "," : "");
        mlops_import_quote(steps, column->categories[i].data,
                           column->categories[i].len);
        mlops_import_text(steps, ":%u", i);
    }

    /* a map has an entry */

    mlops_import_text(steps, column->categories_n ? "}" : "\"\":null}");
    mlops_fit_end(fit);

    *name = cell;

    return MLOPS_OK;
}


/* The new steps alone, over the step's inputs, as a recipe. */

static int
mlops_exec_try(mlops_exec_t *ex, const char *steps, size_t len,
    mlops_err_t *err)
{
    int                      rc;
    void                    *image;
    size_t                   image_len;
    uint32_t                 i;
    mlops_fit_t             *fit;
    mlops_model_t           *model;
    mlops_import_text_t      text;
    mlops_import_options_t   options;

    fit = ex->fit;

    while (len > 0 && (*steps == ',' || *steps == '\n')) {
        steps++;
        len--;
    }

    memset(&text, 0, sizeof(text));
    memset(&options, 0, sizeof(options));

    options.work = fit->env->work;
    options.folder = fit->env->work;

    mlops_import_text(&text, "{\"recipe\":1,\"inputs\":[");

    for (i = 0; i < fit->train->columns_n; i++) {
        mlops_import_text(&text, i ? ",{\"name\":" : "{\"name\":");
        mlops_import_quote(&text, fit->train->columns[i].name.data,
                           fit->train->columns[i].name.len);
        mlops_import_text(&text, fit->train->columns[i].kind
                                 == MLOPS_MATRIX_CODES
                                 ? ",\"type\":\"BYTES\"}" : "}");
    }

    mlops_import_text(&text, "],\"steps\":[");
    mlops_import_bytes(&text, steps, len);
    mlops_import_text(&text, "],\"signatures\":[{\"name\":\"s\",\"outputs\":"
                      "[");

    for (i = 0; i < fit->outputs_n; i++) {
        mlops_import_text(&text, i ? ",{\"name\":" : "{\"name\":");
        mlops_import_quote(&text, fit->outputs[i].data, fit->outputs[i].len);
        mlops_import_text(&text, "}");
    }

    mlops_import_text(&text, "]}]}");

    rc = (text.failed || fit->steps->failed)
         ? mlops_err_set(err, "out of memory")
         : mlops_import_data(text.data, text.len, NULL, &options, &image,
                             &image_len, NULL, err);
    free(text.data);

    if (rc != MLOPS_OK) {
        return rc;
    }

    model = mlops_model_open(image, image_len, err);
    rc = model ? mlops_exec_eval(ex, model, err) : MLOPS_ERROR;

    mlops_model_destroy(model);
    free(image);

    return rc;
}


static int
mlops_exec_eval(mlops_exec_t *ex, const mlops_model_t *model,
    mlops_err_t *err)
{
    int                     rc;
    void                   *scratch;
    uint32_t                i, n;
    uint64_t                row, r, *present;
    mlops_fit_t            *fit;
    mlops_cell_t           *cells, *out;
    mlops_import_text_t     text;

    fit = ex->fit;
    n = fit->train->columns_n;

    cells = mlops_arena_calloc(fit->field->arena, (size_t) n + 1,
                               sizeof(mlops_cell_t));
    present = mlops_arena_calloc(fit->field->arena, mlops_row_words(n) + 1,
                                 sizeof(uint64_t));
    out = mlops_arena_calloc(fit->field->arena, fit->outputs_n,
                             sizeof(mlops_cell_t));

    if (cells == NULL || present == NULL || out == NULL
        || posix_memalign(&scratch, 64, mlops_model_scratch_size(model) + 64)
           != 0)
    {
        return mlops_err_set(err, "out of memory");
    }

    memset(&text, 0, sizeof(text));
    rc = MLOPS_OK;

    for (r = 0; r < fit->train->n && r < MLOPS_EXEC_ROWS; r++) {
        row = mlops_matrix_row(fit->train, r);
        rc = mlops_exec_row(ex, row, cells, present, &text);

        if (rc != MLOPS_OK) {
            rc = mlops_err_set(err, "out of memory");
            break;
        }

        mlops_model_eval(model, 0, cells, present, text.data, scratch, out,
                         NULL);

        for (i = 0; i < fit->outputs_n; i++) {

            if (!isfinite(out[i].f)) {
                rc = mlops_err_set(err, "expected a number for each training "
                                   "row, got %s of row %llu as \"%.*s\"",
                                   isnan(out[i].f) ? "NaN" : "an infinity",
                                   (unsigned long long) row,
                                   mlops_fmt(&fit->outputs[i]));
                break;
            }
        }

        if (rc != MLOPS_OK) {
            break;
        }
    }

    free(text.data);
    free(scratch);

    return rc;
}


static int
mlops_exec_row(mlops_exec_t *ex, uint64_t row, mlops_cell_t *cells,
    uint64_t *present, mlops_import_text_t *text)
{
    uint32_t                      c, n, code;
    const mlops_str_t            *category;
    const mlops_matrix_column_t  *column;

    n = ex->fit->train->columns_n;
    text->len = 0;
    memset(present, 0, mlops_row_words(n) * sizeof(uint64_t));

    for (c = 0; c < n; c++) {
        column = &ex->fit->train->columns[c];

        if (column->kind != MLOPS_MATRIX_CODES) {
            cells[c].f = mlops_matrix_value(column, row);

            if (!isnan(cells[c].f)) {
                mlops_bit_set(present, c);
            }

            continue;
        }

        code = ((const uint32_t *) column->data)[row];
        cells[c].u = 0;

        if (code != MLOPS_MATRIX_NONE) {
            category = &column->categories[code];
            cells[c].s.off = (uint32_t) text->len;
            cells[c].s.len = (uint32_t) category->len;
            mlops_import_bytes(text, category->data, category->len);
            mlops_bit_set(present, c);
        }
    }

    return text->failed ? MLOPS_ERROR : MLOPS_OK;
}
