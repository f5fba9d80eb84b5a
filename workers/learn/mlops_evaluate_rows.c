/*
 * The rows of an evaluation as models read them, and what they say of those
 * that are judged.
 */

#include "mlops_evaluate_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_EVALUATE_BATCH  1024


static int mlops_evaluate_side(mlops_evaluate_run_t *run, uint32_t number);
static int mlops_evaluate_recipe(mlops_evaluate_run_t *run,
    mlops_evaluate_side_t *side);
static int mlops_evaluate_differs(mlops_evaluate_run_t *run);
static int mlops_evaluate_same_rows(mlops_evaluate_run_t *run);
static int mlops_evaluate_source(mlops_evaluate_run_t *run,
    mlops_evaluate_side_t *side, const char *output);
static int mlops_evaluate_output(mlops_evaluate_run_t *run,
    mlops_evaluate_side_t *side, const char *name);
static int mlops_evaluate_names(mlops_evaluate_run_t *run,
    mlops_evaluate_side_t *side);
static int mlops_evaluate_predict(mlops_evaluate_run_t *run,
    mlops_evaluate_side_t *side);
static int mlops_evaluate_batch(mlops_evaluate_run_t *run,
    mlops_evaluate_side_t *side, uint64_t at, uint32_t n, void *scratch);
static double mlops_evaluate_value(const mlops_evaluate_side_t *side,
    const mlops_cell_t *out, const uint64_t *missing, uint32_t k);


int
mlops_evaluate_open(mlops_evaluate_run_t *run)
{
    uint32_t                i, sides;
    mlops_evaluate_side_t  *side;

    sides = run->options->against ? 2 : 1;

    for (i = 0; i < sides; i++) {
        if (mlops_evaluate_side(run, i) != MLOPS_OK) {
            return i ? mlops_evaluate_differs(run) : MLOPS_ERROR;
        }
    }

    if (mlops_evaluate_same_rows(run) != MLOPS_OK
        || mlops_evaluate_judged(run) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < sides; i++) {
        side = &run->sides[i];

        if (mlops_evaluate_source(run, side,
                                  i ? run->options->against_output
                                    : run->options->output)
            != MLOPS_OK
            || mlops_evaluate_names(run, side) != MLOPS_OK
            || mlops_evaluate_predict(run, side) != MLOPS_OK)
        {
            (void) mlops_err_prefix(run->err, "%s", side->name);

            return i ? mlops_evaluate_differs(run) : MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


void
mlops_evaluate_close(mlops_evaluate_run_t *run)
{
    uint32_t            i, k;
    mlops_learn_run_t  *learn;

    for (i = 0; i < 2; i++) {
        learn = &run->sides[i].learn;

        for (k = 0; k < MLOPS_PART_N; k++) {
            mlops_learn_part_free(&learn->parts[k]);
        }

        free(learn->weight);
        free(learn->target);
        free(learn->gone);
        free(run->sides[i].predicted);

        mlops_columns_free(&learn->columns);
        mlops_frame_free(&learn->frame);
    }

    free(run->text);
}


/* An error of the other model says which of its inputs is none of the first
 * one's, if there is one: MLOPS_ERROR. */

static int
mlops_evaluate_differs(mlops_evaluate_run_t *run)
{
    uint32_t               i, k;
    mlops_err_t            why;
    const mlops_column_t  *column, *other;
    const mlops_schema_t  *inputs, *others;

    if (run->sides[1].model == NULL) {
        return MLOPS_ERROR;
    }

    inputs = &mlops_model_interface(run->sides[0].model)->signatures[0]
                                                              .inputs;
    others = &mlops_model_interface(run->sides[1].model)->signatures[0]
                                                              .inputs;

    for (i = 0; i < others->n; i++) {
        other = &others->columns[i];
        column = NULL;

        for (k = 0; k < inputs->n && column == NULL; k++) {
            if (mlops_str_eq(&inputs->columns[k].name, other->name.data,
                             other->name.len))
            {
                column = &inputs->columns[k];
            }
        }

        if (column != NULL && column->type == other->type) {
            continue;
        }

        why = *run->err;

        if (column == NULL) {
            return mlops_err_set(run->err, "the other model has the input "
                                 "\"%.*s\", the first one has not: %.300s",
                                 mlops_fmt(&other->name), why.text);
        }

        return mlops_err_set(run->err, "the input \"%.*s\" is %s in the first "
                             "model, and %s in the other: %.300s",
                             mlops_fmt(&other->name),
                             mlops_type_name(column->type),
                             mlops_type_name(other->type), why.text);
    }

    return MLOPS_ERROR;
}


/* The model's facts, and its rows where it has a recipe for them. */

static int
mlops_evaluate_side(mlops_evaluate_run_t *run, uint32_t number)
{
    int                     rc;
    mlops_evaluate_side_t  *side;

    side = &run->sides[number];
    side->name = number ? "the other model" : "the model";
    side->model = number ? run->options->against : run->options->model;

    rc = mlops_trained_read(&side->trained, side->model, &run->arena,
                            run->err);

    if (rc == MLOPS_ERROR) {
        return mlops_err_prefix(run->err, "%s", side->name);
    }

    side->has_facts = (rc == MLOPS_OK);

    if (number == 1 && !side->has_facts) {
        side->columns = &run->sides[0].learn.columns;
        return MLOPS_OK;
    }

    if (number == 0 && !side->has_facts && run->options->recipe == NULL) {
        return mlops_err_set(run->err, "the image was not made by training, "
                             "and does not say what its target is: --recipe "
                             "names a recipe that does");
    }

    return mlops_evaluate_recipe(run, side);
}


static int
mlops_evaluate_recipe(mlops_evaluate_run_t *run,
    mlops_evaluate_side_t *side)
{
    size_t              len;
    const char         *text;
    mlops_learn_run_t  *learn;

    learn = &side->learn;

    side->options.rows = run->options->rows;
    side->options.rows_again = (run->options->against != NULL);
    side->options.threads = run->options->threads;
    side->options.folder = run->options->folder;

    learn->options = &side->options;
    learn->err = run->err;
    learn->arena = &run->arena;
    learn->env.folder = side->options.folder;
    learn->env.threads = side->options.threads;

    side->own_set_n = side->trained.set_n;
    text = side->trained.recipe.data;
    len = side->trained.recipe.len;

    if (run->options->recipe != NULL && side == &run->sides[0]) {

        if (mlops_import_read(run->options->recipe, &run->text, &len,
                              run->err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        text = run->text;
        side->trained.set_n = 0;
    }

    if (mlops_learn_recipe_read(&learn->recipe, text, len,
                                side->options.folder, side->trained.set,
                                side->trained.set_n,
                                side->has_facts ? &side->trained.seed : NULL,
                                0, &run->arena, run->err)
        != MLOPS_OK)
    {
        return mlops_err_prefix(run->err, "the recipe of %s", side->name);
    }

    side->columns = &learn->columns;

    return mlops_learn_rows(learn, run->options->rows);
}


/* A row's number means the same line of the same file to both models. */

static int
mlops_evaluate_same_rows(mlops_evaluate_run_t *run)
{
    const mlops_frame_t  *one, *other;

    one = &run->sides[0].learn.frame;
    other = &run->sides[1].learn.frame;

    if (!run->sides[1].has_facts) {
        return MLOPS_OK;                /* it reads the columns of the first */
    }

    if (memcmp(one->sha256, other->sha256, sizeof(one->sha256)) != 0) {
        return mlops_err_set(run->err, "%s was changed while it was read",
                             run->options->rows);
    }

    if (one->rows_n != other->rows_n || one->first_line != other->first_line)
    {
        return mlops_err_set(run->err, "the two recipes read other rows of "
                             "%s: %llu from line %u on, and %llu from line "
                             "%u on; train.rows.header has the names of a "
                             "file without a line of them",
                             run->options->rows,
                             (unsigned long long) one->rows_n,
                             one->first_line,
                             (unsigned long long) other->rows_n,
                             other->first_line);
    }

    return MLOPS_OK;
}


/* Those of an image that does not say them are taken for the same. */

static int
mlops_evaluate_same_classes(const mlops_doc_t *one, const mlops_doc_t *two)
{
    double              a, b;
    const mlops_doc_t  *p, *q;

    if (one == NULL || two == NULL) {
        return 1;
    }

    if (one->n != two->n || one->type != two->type) {
        return 0;
    }

    p = one->v.child;
    q = two->v.child;

    for (/* void */ ; p != NULL && q != NULL; p = p->next, q = q->next) {

        if (p->type != q->type) {
            return 0;
        }

        if (p->type == MLOPS_DOC_NUMBER
            ? mlops_doc_double(p, &a) != MLOPS_OK
              || mlops_doc_double(q, &b) != MLOPS_OK || a != b
            : p->type != MLOPS_DOC_STRING
              || !mlops_str_eq(&p->v.text, q->v.text.data, q->v.text.len))
        {
            return 0;
        }
    }

    return 1;
}


/* The cell that training judged, or an output. */

static int
mlops_evaluate_source(mlops_evaluate_run_t *run, mlops_evaluate_side_t *side,
    const char *output)
{
    int64_t             cell;
    uint32_t            i, classes_n;
    const mlops_doc_t  *list, *doc;

    classes_n = run->sides[0].learn.classes_n;
    side->width = (classes_n > 2) ? classes_n : 1;
    list = side->trained.prediction;

    if (classes_n != 0
        && !mlops_evaluate_same_classes(run->sides[0].trained.classes,
                                        side->trained.classes))
    {
        return mlops_err_set(run->err, "expected the first model's classes in "
                             "the same order, got others");
    }

    if (output != NULL || list == NULL) {
        return mlops_evaluate_output(run, side, output);
    }

    if (list->n != side->width || list->type != MLOPS_DOC_ARRAY) {
        return mlops_err_set(run->err, "expected predictions of %u cells, got "
                             "%u", side->width, list->n);
    }

    side->cells = mlops_arena_alloc(&run->arena,
                                    list->n * sizeof(uint32_t));
    if (side->cells == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {

        if (mlops_doc_int(doc, &cell) != MLOPS_OK || cell < 0
            || cell >= MLOPS_IMAGE_MAX_CELLS
            || !mlops_learn_computes(side->model, (uint32_t) cell))
        {
            return mlops_err_set(run->err, "facts.metadata.training."
                                 "prediction: expected cells of the image");
        }

        side->cells[i] = (uint32_t) cell;
    }

    return MLOPS_OK;
}


static int
mlops_evaluate_output(mlops_evaluate_run_t *run, mlops_evaluate_side_t *side,
    const char *name)
{
    uint32_t                   i;
    const mlops_output_t      *output;
    const mlops_signature_t   *signature;

    signature = &mlops_model_interface(side->model)->signatures[0];

    for (i = 0; i < signature->outputs_n; i++) {

        if (mlops_str_eq(&signature->outputs[i].name,
                         name ? name : "prediction",
                         strlen(name ? name : "prediction")))
        {
            break;
        }
    }

    if (i == signature->outputs_n) {

        if (name != NULL) {
            return mlops_err_set(run->err, "there is no output \"%s\", the "
                                 "first is \"%.*s\"", name,
                                 mlops_fmt(&signature->outputs[0].name));
        }

        i = 0;
    }

    output = &signature->outputs[i];

    if (output->width != side->width || output->type == MLOPS_TYPE_BYTES) {
        return mlops_err_set(run->err, "expected an output of %u number%s for "
                             "each row, got \"%.*s\" of %u %s", side->width,
                             side->width == 1 ? "" : "s",
                             mlops_fmt(&output->name), output->width,
                             output->type == MLOPS_TYPE_BYTES ? "strings"
                                                              : "numbers");
    }

    side->first = output->first;
    side->kind = mlops_type_kind(output->type);

    return MLOPS_OK;
}


/* Inputs by the recipe's names, or, of an image without one, by theirs. */

static int
mlops_evaluate_names(mlops_evaluate_run_t *run, mlops_evaluate_side_t *side)
{
    uint32_t                     i, k;
    const mlops_schema_t        *inputs;
    const mlops_columns_one_t   *one;

    inputs = &mlops_model_interface(side->model)->signatures[0].inputs;

    if (side->has_facts && run->options->recipe == NULL) {
        side->names = mlops_learn_input_names(&side->learn.recipe, inputs->n,
                                              &run->arena, run->err);

        return side->names ? MLOPS_OK : MLOPS_ERROR;
    }

    side->names = mlops_arena_calloc(&run->arena, inputs->n,
                                     sizeof(mlops_str_t));
    if (side->names == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < inputs->n; i++) {
        one = mlops_columns_find(side->columns, inputs->columns[i].name.data,
                                 inputs->columns[i].name.len);

        for (k = 0; one == NULL && k < side->columns->n; k++) {

            if (side->columns->list[k]->input != NULL
                && mlops_str_eq(&side->columns->list[k]->input->name,
                                inputs->columns[i].name.data,
                                inputs->columns[i].name.len))
            {
                one = side->columns->list[k];
            }
        }

        if (one == NULL || one->view.data == NULL) {
            return mlops_err_set(run->err, "neither %s nor a step of "
                                 "train.rows has the input \"%.*s\"",
                                 run->options->rows,
                                 mlops_fmt(&inputs->columns[i].name));
        }

        side->names[i] = one->view.name;
    }

    return MLOPS_OK;
}


static int
mlops_evaluate_predict(mlops_evaluate_run_t *run, mlops_evaluate_side_t *side)
{
    int       rc;
    void     *scratch;
    uint64_t  at, left;
    uint32_t  n;

    side->predicted = malloc((size_t) (run->judged.n + 1) * side->width
                             * sizeof(double));
    scratch = aligned_alloc(64,
                            mlops_align(mlops_model_scratch_size(side->model),
                                        64));

    rc = MLOPS_OK;

    if (side->predicted == NULL || scratch == NULL) {
        rc = mlops_err_set(run->err, "out of memory");
    }

    for (at = 0; at < run->judged.n && rc == MLOPS_OK; at += n) {
        left = run->judged.n - at;
        n = (left < MLOPS_EVALUATE_BATCH) ? (uint32_t) left
                                          : MLOPS_EVALUATE_BATCH;

        rc = mlops_evaluate_batch(run, side, at, n, scratch);
    }

    free(scratch);

    return rc;
}


static int
mlops_evaluate_batch(mlops_evaluate_run_t *run, mlops_evaluate_side_t *side,
    uint64_t at, uint32_t n, void *scratch)
{
    int                       rc;
    double                   *p;
    uint32_t                  i, k;
    uint64_t                 *missing;
    mlops_cell_t             *out;
    mlops_rows_t              rows;
    mlops_arena_t             arena;
    mlops_err_t               why;
    mlops_notice_t            notice;
    const mlops_signature_t  *signature;

    mlops_arena_init(&arena, NULL, NULL);
    signature = &mlops_model_interface(side->model)->signatures[0];

    out = mlops_arena_calloc(&arena, signature->cells_n,
                             sizeof(mlops_cell_t));
    missing = mlops_arena_calloc(&arena, mlops_row_words(signature->cells_n),
                                 sizeof(uint64_t));

    rc = (out == NULL || missing == NULL)
         ? mlops_err_set(run->err, "out of memory")
         : mlops_rows_alloc(&rows, &signature->inputs, n, &arena, run->err);

    if (rc == MLOPS_OK) {
        rc = mlops_learn_cells_of(side->columns, side->names,
                                  run->judged.rows + at, n, &rows, &arena,
                                  run->err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_rows_complete(&rows, MLOPS_RANGE_FLAG, &notice, &arena,
                                 run->err);
    }

    for (i = 0; i < n && rc == MLOPS_OK; i++) {
        mlops_model_eval(side->model, 0,
                         rows.cells + (size_t) i * rows.schema->n,
                         rows.present + (size_t) i * rows.words, rows.text,
                         scratch, out, missing);

        p = side->predicted + (at + i) * side->width;

        for (k = 0; k < side->width; k++) {
            p[k] = side->cells ? mlops_model_cells(scratch)[side->cells[k]]
                               : mlops_evaluate_value(side, out, missing, k);
        }

        if (mlops_learn_predicts(&run->sides[0].learn, p, &k, &why)
            != MLOPS_OK)
        {
            rc = mlops_learn_row_error(&run->sides[0].learn,
                                       run->judged.rows[at + i],
                                       "prediction", "%s", why.text);
        }
    }

    mlops_arena_destroy(&arena);

    return rc;
}


static double
mlops_evaluate_value(const mlops_evaluate_side_t *side,
    const mlops_cell_t *out, const uint64_t *missing, uint32_t k)
{
    return mlops_cell_number(side->kind, out[side->first + k],
                             !mlops_bit(missing, side->first + k));
}


int
mlops_evaluate_gather(mlops_evaluate_run_t *run,
    const mlops_evaluate_side_t *side, const uint8_t *of, uint32_t wanted,
    mlops_scored_t *scored)
{
    double             *p, *target, *weight;
    uint64_t            i, n, row;
    mlops_learn_run_t  *learn;

    learn = &run->sides[0].learn;

    for (i = 0, n = 0; i < run->judged.n; i++) {
        n += (of == NULL || of[i] == wanted);
    }

    p = malloc((size_t) (n + 1) * (side->width + 2) * sizeof(double));
    if (p == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    target = p + n * side->width;
    weight = target + n;

    scored->n = n;
    scored->width = side->width;
    scored->classes_n = learn->classes_n;
    scored->predicted = p;
    scored->target = target;
    scored->weight = learn->weight ? weight : NULL;
    scored->parameter = learn->recipe.parameter;

    for (i = 0, n = 0; i < run->judged.n; i++) {

        if (of != NULL && of[i] != wanted) {
            continue;
        }

        row = run->judged.rows[i];

        memcpy(p + n * side->width, side->predicted + i * side->width,
               side->width * sizeof(double));
        target[n] = learn->target[row];
        weight[n] = learn->weight ? learn->weight[row] : 1;
        n++;
    }

    mlops_metric_weights(weight, n);

    return MLOPS_OK;
}
