/*
 * The end of a run: the plain recipe, the facts of training, the image.
 */

#include "mlops_learn_run.h"
#include "mlops_learn_facts.h"
#include "mlops_import.h"
#include "mlops_model.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_LEARN_GOLDEN      8           /* held-out rows kept */
#define MLOPS_LEARN_REFERENCE   100000      /* rows of histograms, at most */
#define MLOPS_LEARN_CATEGORIES  64          /* told of an input of strings */
#define MLOPS_LEARN_FACTS       (448 * 1024)    /* bytes with reports */


typedef struct {
    mlops_learn_run_t    *run;
    mlops_learn_chain_t  *chain;
    mlops_learn_part_t    held;         /* rows of reference */
    uint64_t              step;         /* each step-th of them */
    uint32_t             *cell;         /* of the prediction */
    uint32_t              golden[MLOPS_LEARN_GOLDEN];
    uint32_t              golden_n;
} mlops_learn_image_t;


static void mlops_learn_held(mlops_learn_image_t *it);
static int mlops_learn_text(mlops_learn_image_t *it,
    const mlops_import_text_t *training, mlops_import_text_t *text);
static int mlops_learn_text_inputs(mlops_learn_image_t *it,
    const mlops_doc_t *list, mlops_import_text_t *text);
static int mlops_learn_text_categories(mlops_learn_image_t *it, uint32_t i,
    mlops_import_text_t *text);
static void mlops_learn_text_metadata(const mlops_doc_t *metadata,
    const mlops_import_text_t *training, mlops_import_text_t *text);
static int mlops_learn_build(mlops_learn_image_t *it,
    const mlops_import_text_t *text, int last, void **image, size_t *len);
static int mlops_learn_numbers(void *ctx, const mlops_str_t *name,
    double *values, uint64_t *n, mlops_err_t *err);
static int mlops_learn_counts(void *ctx, const mlops_str_t *name,
    const mlops_column_t *column, double *counts, double *missing,
    mlops_err_t *err);
static int mlops_learn_range(void *ctx, const mlops_str_t *name, double *lo,
    double *hi, mlops_err_t *err);
static int mlops_learn_golden(void *ctx, const mlops_str_t *names,
    mlops_rows_t *rows, mlops_arena_t *arena, mlops_err_t *err);
static int mlops_learn_check_image(mlops_learn_image_t *it, void *image,
    size_t len);
static int mlops_learn_check_row(mlops_learn_image_t *it,
    const mlops_model_t *model, const mlops_rows_t *rows, uint32_t i,
    void *scratch, mlops_cell_t *out);


int
mlops_learn_image(mlops_learn_run_t *run, mlops_learn_chain_t *chain)
{
    int                  rc;
    void                *image;
    size_t               len;
    mlops_learn_image_t  it;
    mlops_import_text_t  training, text;

    memset(&it, 0, sizeof(it));
    memset(&training, 0, sizeof(training));
    memset(&text, 0, sizeof(text));

    it.run = run;
    it.chain = chain;
    it.cell = mlops_arena_calloc(run->arena, run->prediction_n,
                                 sizeof(uint32_t));
    if (it.cell == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    mlops_learn_held(&it);
    mlops_learn_progress(run, "image", 0, 2, "");

    /* once to learn where the prediction is, once with all facts */

    image = NULL;
    rc = mlops_learn_text(&it, NULL, &text);

    if (rc == MLOPS_OK) {
        rc = mlops_learn_build(&it, &text, 0, &image, &len);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_check_image(&it, image, len);
        free(image);
        image = NULL;
    }

    if (rc == MLOPS_OK) {
        mlops_learn_progress(run, "image", 1, 2, "");

        text.len = 0;
        rc = mlops_learn_facts(run, &chain->reports, it.cell, &training);

        if (rc == MLOPS_OK && training.len > MLOPS_LEARN_FACTS) {
            training.len = 0;
            rc = mlops_learn_facts(run, &chain->heads, it.cell, &training);
        }

        if (rc == MLOPS_OK && training.len > MLOPS_LEARN_FACTS) {
            training.len = 0;
            rc = mlops_learn_facts(run, NULL, it.cell, &training);
        }
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_text(&it, &training, &text);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_build(&it, &text, 1, &image, &len);
    }

    if (rc == MLOPS_OK && run->options->plain != NULL) {
        text.len = 0;
        rc = mlops_learn_beside_steps(run, &chain->steps);

        if (rc == MLOPS_OK) {
            rc = mlops_learn_text(&it, &training, &text);
        }

        if (rc != MLOPS_OK) {
            free(image);
        }
    }

    if (rc == MLOPS_OK) {
        run->learned->image = image;
        run->learned->image_len = len;
        run->learned->recipe = text.data;
        run->learned->recipe_len = text.len;
        text.data = NULL;
    }

    free(training.data);
    free(text.data);

    return rc;
}


/* Rows for reference and golden rows: the gate's, else the training rows. */

static void
mlops_learn_held(mlops_learn_image_t *it)
{
    uint64_t             n;
    uint32_t             i;
    mlops_learn_part_t  *part;

    part = &it->run->parts[MLOPS_PART_GATE];

    if (part->n == 0) {
        part = &it->run->parts[MLOPS_PART_TRAIN];
    }

    it->held = *part;
    it->step = (part->n + MLOPS_LEARN_REFERENCE - 1) / MLOPS_LEARN_REFERENCE;
    it->step = it->step ? it->step : 1;

    n = (part->n < MLOPS_LEARN_GOLDEN) ? part->n : MLOPS_LEARN_GOLDEN;

    for (i = 0; i < n; i++) {
        it->golden[it->golden_n++] = part->rows[i * part->n / n];
    }
}


/* The recipe as it was, with fitted steps in place, without "train". */

static int
mlops_learn_text(mlops_learn_image_t *it,
    const mlops_import_text_t *training, mlops_import_text_t *text)
{
    int                 comma;
    const mlops_doc_t  *doc, *metadata;

    comma = 0;
    metadata = NULL;
    mlops_import_text(text, "{");

    for (doc = it->run->recipe.doc->v.child; doc != NULL; doc = doc->next) {

        if (mlops_str_is(&doc->key, "train")
            || mlops_str_is(&doc->key, "tune"))
        {
            continue;
        }

        if (mlops_str_is(&doc->key, "metadata")) {
            metadata = doc;
            continue;
        }

        mlops_import_text(text, comma ? ",\n" : "");
        comma = 1;
        mlops_import_quote(text, doc->key.data, doc->key.len);
        mlops_import_text(text, ":");

        if (mlops_str_is(&doc->key, "steps")) {
            mlops_import_text(text, "[");
            mlops_import_bytes(text, it->chain->steps.data,
                               it->chain->steps.len);
            mlops_import_text(text, "]");

        } else if (mlops_str_is(&doc->key, "inputs")) {

            if (mlops_learn_text_inputs(it, doc, text) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

        } else {
            mlops_import_doc(text, doc);
        }
    }

    mlops_learn_text_metadata(metadata, training, text);
    mlops_import_text(text, "}\n");

    return text->failed ? mlops_err_set(it->run->err, "out of memory")
                        : MLOPS_OK;
}


/* An input of strings is told the categories of the training rows. */

static int
mlops_learn_text_inputs(mlops_learn_image_t *it, const mlops_doc_t *list,
    mlops_import_text_t *text)
{
    uint32_t            i;
    const mlops_doc_t  *input, *doc;

    mlops_import_text(text, "[");

    for (i = 0, input = list->v.child; input != NULL;
         i++, input = input->next)
    {
        mlops_import_text(text, i ? ",\n{" : "{");

        for (doc = input->v.child; doc != NULL; doc = doc->next) {
            mlops_import_text(text, doc == input->v.child ? "" : ",");
            mlops_import_quote(text, doc->key.data, doc->key.len);
            mlops_import_text(text, ":");
            mlops_import_doc(text, doc);
        }

        if (mlops_learn_text_categories(it, i, text) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_import_text(text, "}");
    }

    mlops_import_text(text, "]");

    return MLOPS_OK;
}


static int
mlops_learn_text_categories(mlops_learn_image_t *it, uint32_t i,
    mlops_import_text_t *text)
{
    uint8_t                      *seen;
    uint64_t                      r;
    uint32_t                      k, n, code;
    const uint32_t               *codes;
    mlops_learn_run_t            *run;
    const mlops_learn_part_t     *train;
    const mlops_columns_one_t    *one;

    run = it->run;

    one = mlops_columns_find(&run->columns, run->recipe.names[i].data,
                             run->recipe.names[i].len);

    if (run->recipe.inputs[i].type != MLOPS_TYPE_BYTES
        || run->recipe.inputs[i].categories_n != 0 || one->view.data == NULL)
    {
        return MLOPS_OK;
    }

    seen = calloc((size_t) one->view.categories_n + 1, 1);
    if (seen == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    codes = one->view.data;
    train = &run->parts[MLOPS_PART_TRAIN];

    for (r = 0, n = 0; r < train->n && n <= MLOPS_LEARN_CATEGORIES; r++) {
        code = codes[train->rows[r]];

        if (code != MLOPS_MATRIX_NONE && !seen[code]
            && one->view.categories[code].len != 0)
        {
            seen[code] = 1;
            n++;
        }
    }

    if (n != 0 && n <= MLOPS_LEARN_CATEGORIES) {
        mlops_import_text(text, ",\"categories\":[");

        for (k = 0, n = 0; k < one->view.categories_n; k++) {

            if (seen[k]) {
                mlops_import_text(text, n++ ? "," : "");
                mlops_import_quote(text, one->view.categories[k].data,
                                   one->view.categories[k].len);
            }
        }

        mlops_import_text(text, "]");
    }

    free(seen);

    return MLOPS_OK;
}


static void
mlops_learn_text_metadata(const mlops_doc_t *metadata,
    const mlops_import_text_t *training, mlops_import_text_t *text)
{
    int                 comma;
    const mlops_doc_t  *doc;

    comma = 0;
    mlops_import_text(text, ",\n\"metadata\":{");

    for (doc = metadata ? metadata->v.child : NULL; doc != NULL;
         doc = doc->next)
    {
        if (mlops_str_is(&doc->key, "training")) {
            continue;
        }

        mlops_import_text(text, comma ? "," : "");
        mlops_import_quote(text, doc->key.data, doc->key.len);
        mlops_import_text(text, ":");
        mlops_import_doc(text, doc);
        comma = 1;
    }

    if (training != NULL) {
        mlops_import_text(text, "%s\n\"training\":", comma ? "," : "");
        mlops_import_bytes(text, training->data, training->len);
    }

    mlops_import_text(text, "}");
}


static int
mlops_learn_build(mlops_learn_image_t *it, const mlops_import_text_t *text,
    int last, void **image, size_t *len)
{
    mlops_import_held_t     held;
    mlops_import_report_t   report;
    mlops_import_options_t  options;

    memset(&options, 0, sizeof(options));
    memset(&held, 0, sizeof(held));

    options.folder = it->run->recipe.folder;
    options.work = it->run->work;
    options.cells = it->run->prediction;
    options.cells_n = it->run->prediction_n;
    options.cell = it->cell;

    if (last) {
        held.rows_n = (it->held.n + it->step - 1) / it->step;
        held.numbers = mlops_learn_numbers;
        held.counts = mlops_learn_counts;
        held.range = mlops_learn_range;
        held.golden_n = it->golden_n;
        held.golden = mlops_learn_golden;
        held.ctx = it;

        options.held = &held;
    }

    return mlops_import_data(text->data, text->len, NULL, &options, image,
                             len, &report, it->run->err);
}


static const mlops_columns_one_t *
mlops_learn_input(mlops_learn_image_t *it, const mlops_str_t *name)
{
    return mlops_columns_find(&it->run->columns, name->data, name->len);
}


static int
mlops_learn_numbers(void *ctx, const mlops_str_t *name, double *values,
    uint64_t *n, mlops_err_t *err)
{
    double                       v;
    uint64_t                     i;
    mlops_learn_image_t         *it;
    const mlops_columns_one_t   *one;

    (void) err;

    it = ctx;
    one = mlops_learn_input(it, name);
    *n = 0;

    for (i = 0; one->view.data != NULL && i < it->held.n; i += it->step) {
        v = mlops_columns_value(one, it->held.rows[i]);

        if (isfinite(v)) {
            values[(*n)++] = v;
        }
    }

    return MLOPS_OK;
}


static int
mlops_learn_counts(void *ctx, const mlops_str_t *name,
    const mlops_column_t *column, double *counts, double *missing,
    mlops_err_t *err)
{
    uint64_t                     i;
    uint32_t                     k, *place;
    const uint32_t              *codes;
    mlops_learn_image_t         *it;
    const mlops_str_t           *text;
    const mlops_columns_one_t   *one;

    it = ctx;
    one = mlops_learn_input(it, name);

    if (one->view.data == NULL) {
        *missing = (double) ((it->held.n + it->step - 1) / it->step);
        return MLOPS_OK;
    }

    place = malloc(((size_t) one->view.categories_n + 1) * sizeof(uint32_t));
    if (place == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    for (i = 0; i < one->view.categories_n; i++) {
        text = &one->view.categories[i];

        for (k = 0; k < column->categories_n; k++) {
            if (mlops_str_eq(&column->categories[k], text->data, text->len)) {
                break;
            }
        }

        place[i] = k;
    }

    codes = one->view.data;

    for (i = 0; i < it->held.n; i += it->step) {
        k = codes[it->held.rows[i]];

        if (k == MLOPS_MATRIX_NONE) {
            (*missing)++;

        } else {
            counts[place[k]]++;
        }
    }

    free(place);

    return MLOPS_OK;
}


/* The training range is that of the training rows. */

static int
mlops_learn_range(void *ctx, const mlops_str_t *name, double *lo, double *hi,
    mlops_err_t *err)
{
    double                       v;
    uint64_t                     i;
    mlops_learn_image_t         *it;
    const mlops_learn_part_t    *train;
    const mlops_columns_one_t   *one;

    (void) err;

    it = ctx;
    one = mlops_learn_input(it, name);
    train = &it->run->parts[MLOPS_PART_TRAIN];

    *lo = INFINITY;
    *hi = -INFINITY;

    for (i = 0; one->view.data != NULL && i < train->n; i++) {
        v = mlops_columns_value(one, train->rows[i]);

        if (isfinite(v)) {
            *lo = (v < *lo) ? v : *lo;
            *hi = (v > *hi) ? v : *hi;
        }
    }

    return MLOPS_OK;
}


static int
mlops_learn_golden(void *ctx, const mlops_str_t *names, mlops_rows_t *rows,
    mlops_arena_t *arena, mlops_err_t *err)
{
    mlops_learn_image_t  *it;

    it = ctx;

    return mlops_learn_cells_of(&it->run->columns, names, it->golden,
                                it->golden_n, rows, arena, err);
}


/* Does the image as a whole predict what its steps did one by one? */

static int
mlops_learn_check_image(mlops_learn_image_t *it, void *image, size_t len)
{
    int                       rc;
    void                     *scratch;
    uint32_t                  i;
    mlops_str_t              *names;
    mlops_cell_t             *out;
    mlops_rows_t              rows;
    mlops_arena_t             arena;
    mlops_model_t            *model;
    mlops_notice_t            notice;
    const mlops_signature_t  *signature;

    model = mlops_model_open(image, len, it->run->err);
    if (model == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < it->run->prediction_n; i++) {

        if (!mlops_learn_computes(model, it->cell[i])) {
            mlops_model_destroy(model);
            it->cell[0] = MLOPS_LEARN_NO_CELL;

            return MLOPS_OK;
        }
    }

    mlops_arena_init(&arena, NULL, NULL);

    signature = &mlops_model_interface(model)->signatures[0];
    names = mlops_learn_input_names(&it->run->recipe, signature->inputs.n,
                                    &arena, it->run->err);
    scratch = aligned_alloc(64, mlops_align(mlops_model_scratch_size(model),
                                            64));
    out = mlops_arena_calloc(&arena, signature->cells_n,
                             sizeof(mlops_cell_t));

    if (names == NULL) {
        rc = MLOPS_ERROR;

    } else if (scratch == NULL || out == NULL) {
        rc = mlops_err_set(it->run->err, "out of memory");

    } else {
        rc = mlops_rows_alloc(&rows, &signature->inputs, it->golden_n, &arena,
                              it->run->err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_golden(it, names, &rows, &arena, it->run->err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_rows_complete(&rows, MLOPS_RANGE_FLAG, &notice, &arena,
                                 it->run->err);
    }

    for (i = 0; i < it->golden_n && rc == MLOPS_OK; i++) {
        rc = mlops_learn_check_row(it, model, &rows, i, scratch, out);
    }

    free(scratch);
    mlops_arena_destroy(&arena);
    mlops_model_destroy(model);

    return rc;
}


/* Where the file had what a step computes, the step may round another way. */

static int
mlops_learn_check_row(mlops_learn_image_t *it, const mlops_model_t *model,
    const mlops_rows_t *rows, uint32_t i, void *scratch, mlops_cell_t *out)
{
    double         got, want;
    uint32_t       k;
    const double  *cells;

    mlops_model_eval(model, 0, rows->cells + (size_t) i * rows->schema->n,
                     rows->present + (size_t) i * rows->words, rows->text,
                     scratch, out, NULL);

    cells = mlops_model_cells(scratch);

    for (k = 0; k < it->run->prediction_n; k++) {
        got = cells[it->cell[k]];
        want = it->chain->predicted[k][it->golden[i]];

        if (got == want || (isnan(got) && isnan(want))
            || fabs(got - want) <= 1e-6 * fabs(want))
        {
            continue;
        }

        return mlops_err_set(it->run->err, "the image predicts %.17g for line "
                             "%llu, where training saw %.17g", got,
                             (unsigned long long)
                             mlops_frame_line(&it->run->frame, it->golden[i]),
                             want);
    }

    return MLOPS_OK;
}
