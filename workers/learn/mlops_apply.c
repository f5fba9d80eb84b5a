/*
 * Evaluating one step of a recipe over columns.
 */

#include "mlops_apply.h"
#include "mlops_import_job.h"
#include "mlops_model.h"

#include <pthread.h>
#include <stdlib.h>


#define MLOPS_APPLY_CELLS    65536      /* of the inputs of a batch */
#define MLOPS_APPLY_ROWS     4096       /* of a batch, at most */
#define MLOPS_APPLY_THREADS  256


/* A step that is made ready. */

typedef struct {
    mlops_arena_t            arena;
    mlops_field_t            field;         /* a copy, with that arena */
    const mlops_apply_env_t *env;

    uint32_t                 in_n;
    mlops_columns_one_t    **in;
    mlops_column_t          *columns;       /* of the image */
    uint32_t                 out_n;
    mlops_columns_one_t    **out;           /* NULL: not wanted */

    void                    *image;
    mlops_model_t           *model;
    const mlops_signature_t *signature;
    char                    *text;          /* all strings of the columns */
    uint32_t               **offsets;       /* by input and code */
} mlops_apply_t;


/* What one thread does. */

typedef struct {
    mlops_apply_t  *apply;
    uint64_t        from;
    uint64_t        to;
    int             rc;
    mlops_err_t     err;
} mlops_apply_part_t;


static int mlops_apply_open(mlops_apply_t *apply, mlops_field_t *field,
    const mlops_doc_t *step, mlops_columns_t *columns,
    const mlops_apply_env_t *env);
static void mlops_apply_close(mlops_apply_t *apply);
static int mlops_apply_inputs(mlops_apply_t *apply, const mlops_doc_t *step,
    mlops_columns_t *columns);
static int mlops_apply_input(mlops_apply_t *apply, mlops_columns_one_t *one);
static int mlops_apply_outputs(mlops_apply_t *apply, const mlops_doc_t *step,
    mlops_columns_t *columns);
static int mlops_apply_output(mlops_apply_t *apply, const mlops_doc_t *doc,
    mlops_columns_t *columns);
static int mlops_apply_text(mlops_apply_t *apply);
static int mlops_apply_run(mlops_apply_t *apply, uint64_t rows_n);
static void *mlops_apply_thread(void *data);
static int mlops_apply_batch(mlops_apply_part_t *part, uint64_t at,
    uint32_t n);
static void mlops_apply_fill(const mlops_apply_t *apply, uint32_t column,
    uint64_t at, mlops_rows_t *rows);


int
mlops_apply_check(mlops_field_t *field, const mlops_doc_t *step,
    mlops_columns_t *columns, const mlops_apply_env_t *env)
{
    int            rc;
    mlops_apply_t  apply;

    rc = mlops_apply_open(&apply, field, step, columns, env);
    mlops_apply_close(&apply);

    return rc;
}


int
mlops_apply(mlops_field_t *field, const mlops_doc_t *step,
    mlops_columns_t *columns, const mlops_apply_env_t *env)
{
    int            rc;
    uint32_t       i;
    mlops_apply_t  apply;

    rc = mlops_apply_open(&apply, field, step, columns, env);

    for (i = 0; i < apply.in_n && rc == MLOPS_OK; i++) {
        if (apply.in[i]->view.data == NULL) {
            rc = mlops_field_error(field, "\"%.*s\" is read, and nobody gave "
                                   "or computed it",
                                   mlops_fmt(&apply.in[i]->view.name));
        }
    }

    for (i = 0; i < apply.out_n && rc == MLOPS_OK; i++) {

        if (apply.out[i] == NULL) {
            continue;
        }

        if (mlops_columns_room(columns, apply.out[i]) == NULL) {
            rc = mlops_field_error(field, "out of memory for %llu rows of "
                                   "\"%.*s\"",
                                   (unsigned long long) columns->rows_n,
                                   mlops_fmt(&apply.out[i]->view.name));
        }
    }

    if (rc == MLOPS_OK) {
        rc = mlops_apply_text(&apply);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_apply_run(&apply, columns->rows_n);
    }

    mlops_apply_close(&apply);

    return rc;
}


static int
mlops_apply_open(mlops_apply_t *apply, mlops_field_t *field,
    const mlops_doc_t *step, mlops_columns_t *columns,
    const mlops_apply_env_t *env)
{
    size_t                  len;
    mlops_import_options_t  options;

    memset(apply, 0, sizeof(mlops_apply_t));
    memset(&options, 0, sizeof(options));

    mlops_arena_init(&apply->arena, NULL, NULL);

    apply->field = *field;
    apply->field.arena = &apply->arena;
    apply->env = env;

    options.folder = env->folder;
    options.work = env->work;

    if (step->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(field, step, "an object");
    }

    if (mlops_apply_inputs(apply, step, columns) != MLOPS_OK
        || mlops_import_step(&apply->field, step, apply->columns, apply->in_n,
                             &options, &apply->image, &len)
           != MLOPS_OK
        || mlops_apply_outputs(apply, step, columns) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    apply->model = mlops_model_open(apply->image, len, field->err);

    if (apply->model == NULL) {
        return mlops_err_prefix(field->err, "%s", field->path);
    }

    apply->signature = &mlops_model_interface(apply->model)->signatures[0];

    return MLOPS_OK;
}


static void
mlops_apply_close(mlops_apply_t *apply)
{
    if (apply->model != NULL) {
        mlops_model_destroy(apply->model);
    }

    free(apply->image);
    mlops_arena_destroy(&apply->arena);
}


/* The columns that the step names, each once; all numbers where it names
 * none, as a model file's step may. */

static int
mlops_apply_inputs(mlops_apply_t *apply, const mlops_doc_t *step,
    mlops_columns_t *columns)
{
    int                   rc;
    size_t                old, here;
    uint32_t              i, n;
    mlops_field_t        *field;
    const mlops_doc_t    *list, *doc;
    mlops_columns_one_t  *one;

    field = &apply->field;

    if (mlops_field_find(field, step, "inputs", MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    n = list ? list->n : columns->n;

    apply->in = mlops_arena_alloc(&apply->arena,
                                  n * sizeof(mlops_columns_one_t *));
    apply->columns = mlops_arena_calloc(&apply->arena, n,
                                        sizeof(mlops_column_t));

    if (apply->in == NULL || apply->columns == NULL) {
        return mlops_field_memory(field);
    }

    for (i = 0; list == NULL && i < n; i++) {
        one = columns->list[i];

        if (one->view.data != NULL || one->computed) {
            (void) mlops_apply_input(apply, one);
        }
    }

    if (list == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(field, "inputs");

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(field, i);

        one = mlops_columns_get(columns, field, doc, "the name of an input "
                                "or of an earlier step's output");
        rc = one ? mlops_apply_input(apply, one) : MLOPS_ERROR;

        if (rc != MLOPS_OK) {
            return rc;
        }

        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_apply_input(mlops_apply_t *apply, mlops_columns_one_t *one)
{
    uint32_t         i;
    mlops_column_t  *column;

    for (i = 0; i < apply->in_n; i++) {
        if (apply->in[i] == one) {
            return MLOPS_OK;
        }
    }

    apply->in[apply->in_n] = one;
    column = &apply->columns[apply->in_n];
    apply->in_n++;

    column->name = one->view.name;
    column->type = (one->view.kind == MLOPS_MATRIX_CODES) ? MLOPS_TYPE_BYTES
                                                          : MLOPS_TYPE_FP64;
    column->kind = mlops_type_kind(column->type);

    if (one->input != NULL && column->type == MLOPS_TYPE_BYTES) {
        column->categories_n = one->input->categories_n;
        column->categories = one->input->categories;
    }

    return MLOPS_OK;
}


static int
mlops_apply_outputs(mlops_apply_t *apply, const mlops_doc_t *step,
    mlops_columns_t *columns)
{
    size_t                    k, old, here;
    uint32_t                  i, n;
    const mlops_doc_t        *list, *doc;
    static const char *const  keys[] = { "outputs", "margin" };

    for (k = 0, n = 0; k < 2; k++) {
        list = mlops_doc_get(step, keys[k]);
        n += list ? list->n : 0;
    }

    apply->out = mlops_arena_calloc(&apply->arena, n,
                                    sizeof(mlops_columns_one_t *));
    if (apply->out == NULL) {
        return mlops_field_memory(&apply->field);
    }

    for (k = 0; k < 2; k++) {
        list = mlops_doc_get(step, keys[k]);
        old = mlops_field_push(&apply->field, keys[k]);
        doc = list ? list->v.child : NULL;

        for (i = 0; doc != NULL; i++, doc = doc->next) {
            here = mlops_field_push_i(&apply->field, i);

            if (mlops_apply_output(apply, doc, columns) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            mlops_field_pop(&apply->field, here);
        }

        mlops_field_pop(&apply->field, old);
    }

    return MLOPS_OK;
}


/* What the file has already stays as it is. */

static int
mlops_apply_output(mlops_apply_t *apply, const mlops_doc_t *doc,
    mlops_columns_t *columns)
{
    mlops_columns_one_t  *one;

    one = mlops_columns_find(columns, doc->v.text.data, doc->v.text.len);

    if (one == NULL) {
        one = mlops_columns_add(columns, &doc->v.text);

        if (one == NULL) {
            return mlops_field_memory(&apply->field);
        }

        one->computed = 1;

    } else if (one->view.kind == MLOPS_MATRIX_CODES) {
        return mlops_field_fail(&apply->field, doc, "a new name, or that of "
                                "a numerical input that no other step "
                                "computes");

    } else if (one->view.data != NULL) {
        one = NULL;
    }

    apply->out[apply->out_n++] = one;

    return MLOPS_OK;
}


/* The strings of all columns of codes, one behind the other. */

static int
mlops_apply_text(mlops_apply_t *apply)
{
    size_t                        total;
    uint32_t                      i, k;
    const mlops_matrix_column_t  *view;

    apply->offsets = mlops_arena_calloc(&apply->arena, apply->in_n,
                                        sizeof(uint32_t *));
    if (apply->offsets == NULL) {
        return mlops_field_memory(&apply->field);
    }

    total = 0;

    for (i = 0; i < apply->in_n; i++) {
        view = &apply->in[i]->view;

        for (k = 0; view->kind == MLOPS_MATRIX_CODES
                    && k < view->categories_n; k++)
        {
            total += view->categories[k].len;
        }
    }

    apply->text = mlops_arena_alloc(&apply->arena, total + 1);

    if (apply->text == NULL || total > UINT32_MAX) {
        return mlops_field_error(&apply->field, "out of memory for %zu bytes "
                                 "of strings", total);
    }

    total = 0;

    for (i = 0; i < apply->in_n; i++) {
        view = &apply->in[i]->view;

        if (view->kind != MLOPS_MATRIX_CODES) {
            continue;
        }

        apply->offsets[i] = mlops_arena_alloc(&apply->arena,
                                              view->categories_n
                                              * sizeof(uint32_t));
        if (apply->offsets[i] == NULL) {
            return mlops_field_memory(&apply->field);
        }

        for (k = 0; k < view->categories_n; k++) {
            apply->offsets[i][k] = (uint32_t) total;

            memcpy(apply->text + total, view->categories[k].data,
                   view->categories[k].len);
            total += view->categories[k].len;
        }
    }

    return MLOPS_OK;
}


static int
mlops_apply_run(mlops_apply_t *apply, uint64_t rows_n)
{
    int                  rc;
    uint32_t             i, n, started;
    pthread_t           *threads;
    mlops_apply_part_t  *parts;

    n = apply->env->threads ? apply->env->threads : 1;
    n = (n < MLOPS_APPLY_THREADS) ? n : MLOPS_APPLY_THREADS;

    if (n > rows_n / MLOPS_APPLY_ROWS + 1) {
        n = (uint32_t) (rows_n / MLOPS_APPLY_ROWS) + 1;
    }

    parts = mlops_arena_calloc(&apply->arena, n, sizeof(mlops_apply_part_t));
    threads = mlops_arena_calloc(&apply->arena, n, sizeof(pthread_t));

    if (parts == NULL || threads == NULL) {
        return mlops_field_memory(&apply->field);
    }

    for (i = 0; i < n; i++) {
        parts[i].apply = apply;
        parts[i].from = rows_n * i / n;
        parts[i].to = rows_n * (i + 1) / n;
    }

    /* what no thread could be started for is done here */

    for (started = 1; started < n; started++) {
        if (pthread_create(&threads[started], NULL, mlops_apply_thread,
                           &parts[started])
            != 0)
        {
            break;
        }
    }

    (void) mlops_apply_thread(&parts[0]);

    for (i = started; i < n; i++) {
        (void) mlops_apply_thread(&parts[i]);
    }

    rc = parts[0].rc;

    for (i = 1; i < started; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    for (i = 0; i < n; i++) {

        if (parts[i].rc != MLOPS_OK) {
            rc = mlops_field_error(&apply->field, "%s", parts[i].err.text);
            break;
        }
    }

    return rc;
}


static void *
mlops_apply_thread(void *data)
{
    uint64_t                  at, left;
    uint32_t                  n;
    mlops_apply_part_t       *part;
    const mlops_apply_env_t  *env;

    part = data;
    env = part->apply->env;

    n = MLOPS_APPLY_CELLS / (part->apply->in_n + part->apply->out_n + 1);
    n = (n < 16) ? 16 : (n > MLOPS_APPLY_ROWS) ? MLOPS_APPLY_ROWS : n;

    for (at = part->from; at < part->to; at += n) {
        left = part->to - at;

        if (left < n) {
            n = (uint32_t) left;
        }

        if (env->stop != NULL && env->stop(env->ctx)) {
            part->rc = mlops_err_set(&part->err, "stopped");
            break;
        }

        part->rc = mlops_apply_batch(part, at, n);

        if (part->rc != MLOPS_OK) {
            break;
        }
    }

    return NULL;
}


static int
mlops_apply_batch(mlops_apply_part_t *part, uint64_t at, uint32_t n)
{
    int               rc;
    double           *to;
    uint32_t          i, k;
    mlops_rows_t      rows;
    mlops_arena_t     arena;
    mlops_apply_t    *apply;
    mlops_results_t   results;

    apply = part->apply;
    mlops_arena_init(&arena, NULL, NULL);

    rc = mlops_rows_alloc(&rows, &apply->signature->inputs, n, &arena,
                          &part->err);

    if (rc == MLOPS_OK) {
        rows.text = apply->text;

        for (i = 0; i < apply->in_n; i++) {
            mlops_apply_fill(apply, i, at, &rows);
        }

        rc = mlops_model_predict(apply->model, apply->signature, &rows,
                                 &results, &arena, &part->err);
    }

    for (k = 0; k < apply->out_n && rc == MLOPS_OK; k++) {

        if (apply->out[k] == NULL) {
            continue;
        }

        to = (double *) apply->out[k]->own + at;

        for (i = 0; i < n; i++) {
            to[i] = results.cells[(size_t) i * apply->out_n + k].f;
        }
    }

    mlops_arena_destroy(&arena);

    return rc;
}


static void
mlops_apply_fill(const mlops_apply_t *apply, uint32_t column, uint64_t at,
    mlops_rows_t *rows)
{
    double                        v;
    uint32_t                      i, code;
    mlops_cell_t                 *cell;
    const uint32_t               *codes;
    const mlops_matrix_column_t  *view;

    view = &apply->in[column]->view;
    cell = rows->cells + column;

    for (i = 0; i < rows->n; i++, cell += apply->in_n) {

        if (view->kind != MLOPS_MATRIX_CODES) {
            v = mlops_matrix_value(view, at + i);
            cell->f = v;

            if (v == v) {
                mlops_bit_set(rows->present + (size_t) i * rows->words,
                              column);
            }

            continue;
        }

        codes = view->data;
        code = codes[at + i];

        if (code != MLOPS_MATRIX_NONE) {
            cell->s.off = apply->offsets[column][code];
            cell->s.len = (uint32_t) view->categories[code].len;
            mlops_bit_set(rows->present + (size_t) i * rows->words, column);
        }
    }
}
