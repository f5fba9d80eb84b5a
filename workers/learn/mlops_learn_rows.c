/*
 * From the file to columns: inputs and further columns by name, defaults as
 * serving fills them in, and the steps of "rows".
 */

#include "mlops_learn_run.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_learn_read(mlops_learn_run_t *run, const char *path);
static int mlops_learn_want(const mlops_str_t *name, mlops_type_t type,
    mlops_frame_want_t *wants, uint32_t *n);
static int mlops_learn_bind(mlops_learn_run_t *run,
    const mlops_column_t *list, const mlops_str_t *names, uint32_t n);
static int mlops_learn_bind_one(mlops_learn_run_t *run,
    const mlops_column_t *column, const mlops_str_t *name);
static int mlops_learn_default(mlops_learn_run_t *run,
    mlops_columns_one_t *one);
static int mlops_learn_default_code(mlops_learn_run_t *run,
    mlops_columns_one_t *one);
static int mlops_learn_row_steps(mlops_learn_run_t *run);
static int mlops_learn_row_step(mlops_learn_run_t *run,
    const mlops_doc_t *step);
static int mlops_learn_there(mlops_learn_run_t *run);


int
mlops_learn_rows(mlops_learn_run_t *run, const char *path)
{
    mlops_learn_recipe_t  *recipe;

    recipe = &run->recipe;

    if (mlops_learn_read(run, path) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_columns_init(&run->columns, run->arena, run->frame.rows_n);

    if (mlops_learn_bind(run, recipe->inputs, recipe->names,
                         recipe->inputs_n)
        != MLOPS_OK
        || mlops_learn_bind(run, recipe->extra, recipe->extra_names,
                            recipe->extra_n)
           != MLOPS_OK
        || mlops_learn_row_steps(run) != MLOPS_OK
        || mlops_learn_there(run) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


/* All columns are optional here: rows.steps may compute them, and what is
 * missing is told by who reads it. */

static int
mlops_learn_read(mlops_learn_run_t *run, const char *path)
{
    uint32_t                i, n;
    mlops_frame_want_t     *wants;
    mlops_learn_recipe_t   *recipe;
    mlops_frame_options_t   options;

    recipe = &run->recipe;
    n = 0;

    wants = mlops_arena_calloc(run->arena, (size_t) recipe->inputs_n * 2
                                           + (size_t) recipe->extra_n * 2,
                               sizeof(mlops_frame_want_t));
    if (wants == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < recipe->inputs_n; i++) {

        if (mlops_learn_want(&recipe->names[i], recipe->inputs[i].type, wants,
                             &n)
            != MLOPS_OK
            || mlops_learn_want(&recipe->inputs[i].name,
                                recipe->inputs[i].type, wants, &n)
               != MLOPS_OK)
        {
            return mlops_err_set(run->err, "inputs[%u]: \"%.*s\" is there "
                                 "with another type, too", i,
                                 mlops_fmt(&recipe->inputs[i].name));
        }
    }

    for (i = 0; i < recipe->extra_n; i++) {

        if (mlops_learn_want(&recipe->extra_names[i], recipe->extra[i].type,
                             wants, &n)
            != MLOPS_OK
            || mlops_learn_want(&recipe->extra[i].name,
                                recipe->extra[i].type, wants, &n)
               != MLOPS_OK)
        {
            return mlops_err_set(run->err, "train.rows.columns[%u]: \"%.*s\" "
                                 "is there with another type, too", i,
                                 mlops_fmt(&recipe->extra[i].name));
        }
    }

    memset(&options, 0, sizeof(options));

    options.want = wants;
    options.want_n = n;
    options.header = recipe->header;
    options.header_n = recipe->header_n;
    options.missing = recipe->missing;
    options.missing_n = recipe->missing_n;
    options.threads = run->options->threads;
    options.again = run->options->rows_again;
    options.stop = run->options->stop;
    options.ctx = run->options->ctx;

    if (mlops_frame_read(&run->frame, path, &options, run->err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (run->frame.rows_n == 0) {
        return mlops_err_set(run->err, "%s: expected rows, got none", path);
    }

    return MLOPS_OK;
}


/* Each name once; MLOPS_ERROR: it is there with another type. */

static int
mlops_learn_want(const mlops_str_t *name, mlops_type_t type,
    mlops_frame_want_t *wants, uint32_t *n)
{
    uint32_t  i;

    for (i = 0; i < *n; i++) {
        if (mlops_str_eq(&wants[i].name, name->data, name->len)) {
            return (wants[i].type == type) ? MLOPS_OK : MLOPS_ERROR;
        }
    }

    wants[*n].name = *name;
    wants[*n].type = type;
    wants[*n].optional = 1;
    (*n)++;

    return MLOPS_OK;
}


static int
mlops_learn_bind(mlops_learn_run_t *run, const mlops_column_t *list,
    const mlops_str_t *names, uint32_t n)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (mlops_learn_bind_one(run, &list[i], &names[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


/* The file's column of the recipe's name, else of the clients'. */

static int
mlops_learn_bind_one(mlops_learn_run_t *run, const mlops_column_t *column,
    const mlops_str_t *name)
{
    int                          at;
    mlops_columns_one_t         *one;
    const mlops_frame_column_t  *found;

    if (mlops_columns_find(&run->columns, name->data, name->len) != NULL) {
        return mlops_err_set(run->err, "\"%.*s\" is an input, or a column, "
                             "twice", mlops_fmt(name));
    }

    one = mlops_columns_add(&run->columns, name);

    if (one == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    one->input = column;
    one->view.kind = (column->type == MLOPS_TYPE_BYTES) ? MLOPS_MATRIX_CODES
                                                        : MLOPS_MATRIX_DOUBLE;

    at = mlops_frame_find(&run->frame, name);

    if (at < 0) {
        at = mlops_frame_find(&run->frame, &column->name);
    }

    if (at < 0) {
        return MLOPS_OK;
    }

    found = &run->frame.columns[at];

    one->view.kind = found->view.kind;
    one->view.data = found->view.data;
    one->view.categories_n = found->view.categories_n;
    one->view.categories = found->view.categories;

    if (found->missing_n != 0 && (column->flags & MLOPS_COLUMN_DEFAULT)) {
        return mlops_learn_default(run, one);
    }

    return MLOPS_OK;
}


/* A missing value becomes the default, as when it serves. */

static int
mlops_learn_default(mlops_learn_run_t *run, mlops_columns_one_t *one)
{
    double                  v, def, *data;
    uint64_t                i;
    mlops_matrix_column_t   from;

    if (one->view.kind == MLOPS_MATRIX_CODES) {
        return mlops_learn_default_code(run, one);
    }

    from = one->view;
    def = mlops_cell_number(one->input->kind, one->input->def, 1);
    data = mlops_columns_room(&run->columns, one);

    if (data == NULL) {
        return mlops_err_set(run->err, "out of memory for %llu rows of "
                             "\"%.*s\"",
                             (unsigned long long) run->frame.rows_n,
                             mlops_fmt(&from.name));
    }

    for (i = 0; i < run->frame.rows_n; i++) {
        v = mlops_matrix_value(&from, i);
        data[i] = isnan(v) ? def : v;
    }

    return MLOPS_OK;
}


/* The code of the default's text, which may be a new category. */

static int
mlops_learn_default_code(mlops_learn_run_t *run, mlops_columns_one_t *one)
{
    uint32_t               *codes, code, k;
    uint64_t                i, n;
    mlops_str_t            *categories;
    const uint32_t         *from;
    mlops_matrix_column_t  *view;

    view = &one->view;
    from = view->data;
    n = run->frame.rows_n;

    for (code = 0; code < view->categories_n; code++) {
        if (mlops_str_eq(&view->categories[code], one->input->def_text.data,
                         one->input->def_text.len))
        {
            break;
        }
    }

    categories = mlops_arena_alloc(run->arena,
                                   ((size_t) view->categories_n + 1)
                                   * sizeof(mlops_str_t));
    codes = malloc((n ? n : 1) * sizeof(uint32_t));

    if (categories == NULL || codes == NULL) {
        free(codes);
        return mlops_err_set(run->err, "out of memory");
    }

    for (k = 0; k < view->categories_n; k++) {
        categories[k] = view->categories[k];
    }

    if (code == view->categories_n) {
        categories[code] = one->input->def_text;
        view->categories_n++;
    }

    for (i = 0; i < n; i++) {
        codes[i] = (from[i] == MLOPS_MATRIX_NONE) ? code : from[i];
    }

    view->categories = categories;
    view->data = codes;
    one->own = codes;

    return MLOPS_OK;
}


static int
mlops_learn_row_steps(mlops_learn_run_t *run)
{
    size_t              old, here;
    uint32_t            i;
    const mlops_doc_t  *list, *doc;

    list = run->recipe.row_steps;

    if (list == NULL || list->type != MLOPS_DOC_ARRAY) {
        return MLOPS_OK;
    }

    old = mlops_field_push(&run->recipe.field, "train.rows.steps");

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(&run->recipe.field, i);

        if (mlops_learn_row_step(run, doc) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&run->recipe.field, here);
    }

    mlops_field_pop(&run->recipe.field, old);

    return MLOPS_OK;
}


/* What the file has already is not computed again. */

static int
mlops_learn_row_step(mlops_learn_run_t *run, const mlops_doc_t *step)
{
    size_t                    k;
    uint32_t                  all, there;
    mlops_field_t            *field;
    const mlops_doc_t        *list, *doc;
    mlops_columns_one_t      *one, *had;
    static const char *const  keys[] = { "outputs", "margin" };

    field = &run->recipe.field;
    all = 0;
    there = 0;
    had = NULL;

    for (k = 0; k < 2; k++) {

        if (mlops_field_find(field, step, keys[k], MLOPS_DOC_ARRAY, &list)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        doc = (list != NULL && list->type == MLOPS_DOC_ARRAY)
              ? list->v.child : NULL;

        for (/* void */ ; doc != NULL; doc = doc->next) {
            all++;

            if (doc->type != MLOPS_DOC_STRING) {
                continue;
            }

            one = mlops_columns_find(&run->columns, doc->v.text.data,
                                     doc->v.text.len);

            if (one != NULL && one->view.data != NULL) {
                had = one;
                there++;
            }
        }
    }

    if (there == all && all != 0) {
        return MLOPS_OK;
    }

    if (there != 0) {
        return mlops_field_error(field, "outputs: the file has \"%.*s\", and "
                                 "%u of its %u outputs not",
                                 mlops_fmt(&had->view.name), all - there,
                                 all);
    }

    return mlops_apply(field, step, &run->columns, &run->env);
}


int
mlops_learn_is_asked(const mlops_learn_recipe_t *recipe, uint32_t input)
{
    const mlops_doc_t  *face;

    face = recipe->signatures->v.child;

    return mlops_doc_get(face, "inputs") == NULL
           || mlops_learn_listed(face, "inputs", &recipe->names[input]);
}


/* What the default signature takes has to be known of each row. */

static int
mlops_learn_there(mlops_learn_run_t *run)
{
    uint32_t                     i;
    const mlops_columns_one_t   *one;
    const mlops_learn_recipe_t  *recipe;

    recipe = &run->recipe;

    for (i = 0; i < recipe->inputs_n; i++) {
        one = mlops_columns_find(&run->columns, recipe->names[i].data,
                                 recipe->names[i].len);

        if (one->view.data == NULL && mlops_learn_is_asked(recipe, i)) {
            return mlops_err_set(run->err, "inputs[%u]: neither %s nor a step "
                                 "of train.rows has \"%.*s\"", i,
                                 run->options->rows,
                                 mlops_fmt(&recipe->names[i]));
        }
    }

    return MLOPS_OK;
}


int
mlops_learn_row_error(mlops_learn_run_t *run, uint64_t row,
    const char *column, const char *fmt, ...)
{
    char     text[MLOPS_ERR_SIZE], place[MLOPS_ERR_SIZE];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    mlops_learn_row_place(run, row, place, sizeof(place));

    return mlops_err_set(run->err, "%s, column \"%s\": %s", place, column,
                         text);
}


void
mlops_learn_row_place(const mlops_learn_run_t *run, uint64_t row, char *buf,
    size_t size)
{
    (void) snprintf(buf, size, "%s line %llu", run->options->rows,
                    (unsigned long long) mlops_frame_line(&run->frame, row));
}


void
mlops_learn_progress(const mlops_learn_run_t *run, const char *stage,
    uint64_t done, uint64_t all, const char *text)
{
    if (run->options->progress != NULL) {
        run->options->progress(run->options->ctx, stage, done, all, text);
    }
}
