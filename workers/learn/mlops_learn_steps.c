/*
 * The chain of steps: ordinary ones are evaluated over the columns, fitted
 * ones are fitted on the training rows and become ordinary ones, which are
 * then evaluated likewise.  What no later step reads is given back.
 */

#include "mlops_learn_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/* A fitted step under way. */

typedef struct {
    mlops_learn_chain_t       *chain;
    const mlops_learn_step_t  *step;
    uint32_t                   number;
    const mlops_doc_t         *doc;         /* without wildcards */
    mlops_arena_t              arena;       /* of this fit */
    mlops_fit_t                fit;
    mlops_fit_env_t            env;
    mlops_matrix_t             matrices[2];
    mlops_matrix_column_t     *columns;
    mlops_import_text_t        text;        /* of the steps it made */
    mlops_import_text_t        report;
    char                       stage[96];
} mlops_learn_fit_t;


static int mlops_learn_cells(mlops_learn_chain_t *chain);
static int mlops_learn_needed(mlops_learn_chain_t *chain);
static int mlops_learn_is_needed(mlops_learn_chain_t *chain, uint32_t i);
static int mlops_learn_run_step(mlops_learn_chain_t *chain, uint32_t i);
static int mlops_learn_ordinary(mlops_learn_chain_t *chain,
    const mlops_doc_t *doc, uint32_t i);
static int mlops_learn_fitted(mlops_learn_chain_t *chain,
    const mlops_doc_t *doc, uint32_t i);
static int mlops_learn_fit(mlops_learn_fit_t *it);
static int mlops_learn_fit_matrix(mlops_learn_fit_t *it);
static int mlops_learn_fit_columns(mlops_learn_fit_t *it);
static int mlops_learn_fit_texts(mlops_learn_fit_t *it,
    const mlops_columns_one_t *one);
static void mlops_learn_fit_place(void *ctx, uint64_t row, char *buf,
    size_t size);
static void mlops_learn_fit_progress(void *ctx, uint64_t done, uint64_t all,
    const char *text);
static int mlops_learn_fit_stop(void *ctx);
static void mlops_learn_fit_note(void *ctx, const char *text);
static void mlops_learn_fit_print(void *ctx, const char *text, size_t len);
static int mlops_learn_fit_apply(mlops_learn_fit_t *it);
static void mlops_learn_fit_hide(mlops_learn_fit_t *it,
    const mlops_doc_t *list);
static int mlops_learn_fit_between(mlops_learn_fit_t *it,
    const mlops_doc_t *list, const mlops_str_t *name);
static int mlops_learn_fit_parent(mlops_learn_fit_t *it);
static int mlops_learn_fit_state(mlops_learn_fit_t *it);
static int mlops_learn_fit_report(mlops_learn_fit_t *it);
static void mlops_learn_fit_head(mlops_learn_fit_t *it,
    mlops_import_text_t *to);
static void mlops_learn_drop(mlops_learn_chain_t *chain, uint32_t i);
static int mlops_learn_predicted(mlops_learn_chain_t *chain);


int
mlops_learn_chain(mlops_learn_chain_t *chain)
{
    size_t               old, here;
    uint32_t             i;
    mlops_learn_run_t   *run;

    run = chain->run;

    mlops_arena_init(&chain->arena, NULL, NULL);
    mlops_columns_init(&chain->cells, &chain->arena, run->frame.rows_n);

    if (mlops_learn_cells(chain) != MLOPS_OK
        || mlops_learn_needed(chain) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&run->recipe.field, "steps");

    for (i = 0; i < run->recipe.steps_n; i++) {
        here = mlops_field_push_i(&run->recipe.field, i);

        if (mlops_learn_run_step(chain, i) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_learn_drop(chain, i);
        mlops_field_pop(&run->recipe.field, here);
    }

    mlops_field_pop(&run->recipe.field, old);

    if (chain->steps.failed || chain->reports.failed || chain->heads.failed) {
        return mlops_err_set(run->err, "out of memory");
    }

    return mlops_learn_predicted(chain);
}


void
mlops_learn_chain_free(mlops_learn_chain_t *chain)
{
    mlops_columns_free(&chain->cells);
    mlops_arena_destroy(&chain->arena);

    free(chain->steps.data);
    free(chain->reports.data);
    free(chain->heads.data);
}


/* Inputs are the columns of the rows. */

static int
mlops_learn_cells(mlops_learn_chain_t *chain)
{
    uint32_t               i;
    mlops_learn_run_t     *run;
    mlops_columns_one_t   *from, *to;
    mlops_learn_recipe_t  *recipe;

    run = chain->run;
    recipe = &run->recipe;

    for (i = 0; i < recipe->inputs_n; i++) {
        from = mlops_columns_find(&run->columns, recipe->names[i].data,
                                  recipe->names[i].len);
        to = mlops_columns_add(&chain->cells, &recipe->names[i]);

        if (from == NULL || to == NULL) {
            return mlops_err_set(run->err, "out of memory");
        }

        to->view = from->view;
        to->input = from->input;
        to->computed = (from->view.data != NULL);
    }

    return MLOPS_OK;
}


/* Which steps does training need?  Those that are fitted, and what those and
 * the prediction read. */

static int
mlops_learn_needed(mlops_learn_chain_t *chain)
{
    uint32_t               i;
    mlops_learn_recipe_t  *recipe;

    recipe = &chain->run->recipe;

    chain->needed = mlops_arena_calloc(&chain->arena, recipe->steps_n, 1);
    if (chain->needed == NULL) {
        return mlops_err_set(chain->run->err, "out of memory");
    }

    for (i = recipe->steps_n; i-- > 0; /* void */ ) {
        chain->needed[i] = (recipe->steps[i].fitter != NULL
                            || mlops_learn_is_needed(chain, i));
    }

    return MLOPS_OK;
}


/* Does a later step that is needed read this one's outputs, and the file not
 * have them? */

static int
mlops_learn_is_needed(mlops_learn_chain_t *chain, uint32_t i)
{
    size_t                      k;
    uint32_t                    j;
    const mlops_doc_t          *list, *doc;
    mlops_learn_run_t          *run;
    const mlops_columns_one_t  *one;
    static const char *const    keys[] = { "outputs", "margin", "indicator" };

    run = chain->run;

    for (k = 0; k < sizeof(keys) / sizeof(keys[0]); k++) {
        list = mlops_doc_get(run->recipe.steps[i].doc, keys[k]);
        doc = (list != NULL && list->type == MLOPS_DOC_ARRAY) ? list->v.child
                                                              : NULL;

        for (/* void */ ; doc != NULL; doc = doc->next) {

            if (doc->type != MLOPS_DOC_STRING) {
                continue;
            }

            one = mlops_columns_find(&chain->cells, doc->v.text.data,
                                     doc->v.text.len);

            if (one != NULL && one->view.data != NULL) {
                continue;
            }

            for (j = 0; j < run->prediction_n; j++) {
                if (mlops_str_eq(&run->prediction[j], doc->v.text.data,
                                 doc->v.text.len))
                {
                    return 1;
                }
            }

            for (j = i + 1; j < run->recipe.steps_n; j++) {
                if (chain->needed[j]
                    && mlops_learn_reads(run->recipe.steps[j].doc,
                                         &doc->v.text))
                {
                    return 1;
                }
            }
        }
    }

    return 0;
}


static int
mlops_learn_run_step(mlops_learn_chain_t *chain, uint32_t i)
{
    mlops_learn_run_t         *run;
    const mlops_doc_t         *doc;
    const mlops_learn_step_t  *step;

    run = chain->run;
    step = &run->recipe.steps[i];

    if (run->options->stop != NULL && run->options->stop(run->options->ctx)) {
        return mlops_err_set(run->err, "stopped");
    }

    doc = mlops_learn_expand(&run->recipe.field, step->doc, &chain->cells,
                             &chain->arena);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    if (step->fitter != NULL) {
        return mlops_learn_fitted(chain, doc, i);
    }

    return mlops_learn_ordinary(chain, doc, i);
}


static int
mlops_learn_ordinary(mlops_learn_chain_t *chain, const mlops_doc_t *doc,
    uint32_t i)
{
    if (chain->steps.len != 0) {
        mlops_import_text(&chain->steps, ",\n");
    }

    mlops_import_doc(&chain->steps, doc);

    if (!chain->needed[i]) {
        return mlops_apply_check(&chain->run->recipe.field, doc,
                                 &chain->cells, &chain->run->env);
    }

    return mlops_apply(&chain->run->recipe.field, doc, &chain->cells,
                       &chain->run->env);
}


static int
mlops_learn_fitted(mlops_learn_chain_t *chain, const mlops_doc_t *doc,
    uint32_t i)
{
    int                rc;
    mlops_learn_fit_t  it;

    memset(&it, 0, sizeof(it));

    it.chain = chain;
    it.step = &chain->run->recipe.steps[i];
    it.number = i;
    it.doc = doc;

    mlops_arena_init(&it.arena, NULL, NULL);

    (void) snprintf(it.stage, sizeof(it.stage), "fit steps[%u] %.*s", i,
                    mlops_fmt(&it.step->fit));

    rc = mlops_learn_fit(&it);

    if (rc == MLOPS_OK) {
        rc = mlops_learn_fit_apply(&it);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_fit_report(&it);
    }

    mlops_arena_destroy(&it.arena);
    free(it.text.data);
    free(it.report.data);

    return rc;
}


static int
mlops_learn_fit(mlops_learn_fit_t *it)
{
    int                 rc;
    size_t              path;
    mlops_fit_t        *fit;
    mlops_learn_run_t  *run;

    run = it->chain->run;
    fit = &it->fit;

    it->env.seed = run->recipe.seed;
    it->env.threads = run->options->threads;
    it->env.no_exec = run->options->no_exec;
    it->env.progress = mlops_learn_fit_progress;
    it->env.stop = mlops_learn_fit_stop;
    it->env.note = mlops_learn_fit_note;
    it->env.place = mlops_learn_fit_place;
    it->env.target = run->recipe.target->v.text;
    it->env.print = mlops_learn_fit_print;
    it->env.folder = run->recipe.folder;
    it->env.work = run->work;
    it->env.aside = run->aside;
    it->env.ctx = it;

    if (run->recipe.weight != NULL) {
        it->env.weight = run->recipe.weight->v.text;
    }

    fit->env = &it->env;
    fit->field = &run->recipe.field;
    fit->step = it->doc;
    fit->steps = &it->text;
    fit->report = &it->report;
    fit->classes_n = run->classes_n;
    fit->classes = run->classes;

    path = run->recipe.field.path_len;

    if (mlops_learn_fit_names(&run->recipe, it->step, fit) != MLOPS_OK
        || mlops_learn_corrected_names(run, it->step, fit, &it->arena)
           != MLOPS_OK
        || mlops_learn_fit_matrix(it) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_learn_fit_progress(it, 0, 0, "");

    rc = it->step->fitter->run(fit);
    mlops_field_pop(&run->recipe.field, path);

    if (rc != MLOPS_OK || mlops_learn_fit_state(it) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_learn_correct(run, it->step, fit, &it->text);
}


static int
mlops_learn_fit_matrix(mlops_learn_fit_t *it)
{
    uint32_t                   i, flags, numbers[2];
    mlops_matrix_t            *matrix;
    mlops_learn_run_t         *run;
    const mlops_learn_part_t  *part;

    run = it->chain->run;
    flags = it->step->fitter->flags;

    if (mlops_learn_fit_columns(it) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    numbers[0] = (flags & MLOPS_FIT_CALIBRATE) ? MLOPS_PART_CALIBRATE
                                               : MLOPS_PART_TRAIN;
    numbers[1] = MLOPS_PART_TUNE;

    for (i = 0; i < 2; i++) {
        matrix = &it->matrices[i];
        part = &it->chain->parts[numbers[i]];

        matrix->n = part->n;
        matrix->rows = part->rows;
        matrix->columns_n = it->matrices[0].columns_n;
        matrix->columns = it->columns;

        if (flags & MLOPS_FIT_TARGET) {
            matrix->target = run->target;
            matrix->weight = (flags & MLOPS_FIT_CALIBRATE) ? run->weight
                                                           : run->fit_weight;
        }
    }

    if (it->matrices[0].n == 0 && !(flags & MLOPS_FIT_STATELESS)) {
        return mlops_field_error(&run->recipe.field, "expected rows of "
                                 "train.split.%s to fit on, got none",
                                 mlops_part_names[numbers[0]]);
    }

    it->fit.train = &it->matrices[0];
    it->fit.tune = it->matrices[1].n ? &it->matrices[1] : NULL;

    return MLOPS_OK;
}


/* A category becomes a text of the image, which has a limit. */

static int
mlops_learn_fit_texts(mlops_learn_fit_t *it, const mlops_columns_one_t *one)
{
    char                 name[MLOPS_IMAGE_MAX_NAME + 1];
    uint64_t             row;
    uint32_t             code;
    const uint32_t      *codes;
    mlops_learn_run_t   *run;

    run = it->chain->run;

    if (one->view.kind != MLOPS_MATRIX_CODES) {
        return MLOPS_OK;
    }

    for (code = 0; code < one->view.categories_n; code++) {
        if (one->view.categories[code].len > MLOPS_IMAGE_MAX_KEY) {
            break;
        }
    }

    if (code == one->view.categories_n) {
        return MLOPS_OK;
    }

    codes = one->view.data;

    for (row = 0; row + 1 < run->frame.rows_n && codes[row] != code; row++) {
        /* void */
    }

    (void) snprintf(name, sizeof(name), "%.*s", mlops_fmt(&one->view.name));

    return mlops_learn_row_error(run, row, name, "expected a category of at "
                                 "most %d bytes, got %zu",
                                 MLOPS_IMAGE_MAX_KEY,
                                 one->view.categories[code].len);
}


static int
mlops_learn_fit_columns(mlops_learn_fit_t *it)
{
    size_t                old, here;
    uint32_t              i;
    mlops_field_t        *field;
    const mlops_doc_t    *list, *doc;
    mlops_columns_one_t  *one;

    field = &it->chain->run->recipe.field;

    list = mlops_field_get(field, it->doc, "inputs", MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    it->columns = mlops_arena_calloc(&it->arena, list->n,
                                     sizeof(mlops_matrix_column_t));
    if (it->columns == NULL) {
        return mlops_field_memory(field);
    }

    old = mlops_field_push(field, "inputs");

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(field, i);

        one = mlops_columns_get(&it->chain->cells, field, doc, "the name of "
                                "an input or of an earlier step's output");
        if (one == NULL) {
            return MLOPS_ERROR;
        }

        if (one->view.data == NULL) {
            return mlops_field_error(field, "neither %s nor a step has "
                                     "\"%.*s\"",
                                     it->chain->run->options->rows,
                                     mlops_fmt(&one->view.name));
        }

        if (one->view.kind == MLOPS_MATRIX_CODES
            && !(it->step->fitter->flags & MLOPS_FIT_CODES))
        {
            return mlops_field_error(field, "%.*s reads numbers, got \"%.*s\","
                                     " a column of strings: a step one_hot or "
                                     "map makes numbers of it",
                                     mlops_fmt(&it->step->fit),
                                     mlops_fmt(&one->view.name));
        }

        if (mlops_learn_fit_texts(it, one) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        it->columns[i] = one->view;
        mlops_field_pop(field, here);
    }

    it->matrices[0].columns_n = list->n;
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static void
mlops_learn_fit_place(void *ctx, uint64_t row, char *buf, size_t size)
{
    mlops_learn_fit_t  *it;

    it = ctx;

    mlops_learn_row_place(it->chain->run, row, buf, size);
}


static void
mlops_learn_fit_progress(void *ctx, uint64_t done, uint64_t all,
    const char *text)
{
    mlops_learn_fit_t  *it;

    it = ctx;

    if (it->chain->quiet == NULL) {
        mlops_learn_progress(it->chain->run, it->stage, done, all, text);
    }
}


static int
mlops_learn_fit_stop(void *ctx)
{
    mlops_learn_fit_t              *it;
    const mlops_learn_options_t    *options;

    it = ctx;
    options = it->chain->run->options;

    return options->stop != NULL && options->stop(options->ctx);
}


/* Of the model, not of those of folds. */

static void
mlops_learn_fit_note(void *ctx, const char *text)
{
    mlops_learn_fit_t  *it;

    it = ctx;

    if (it->chain->quiet == NULL) {
        mlops_learn_note(it->chain->run, "steps[%u] %.*s: %s", it->number,
                         mlops_fmt(&it->step->fit), text);
    }
}


static void
mlops_learn_fit_print(void *ctx, const char *text, size_t len)
{
    mlops_learn_fit_t              *it;
    const mlops_learn_options_t    *options;

    it = ctx;
    options = it->chain->run->options;

    if (options->print != NULL) {
        options->print(options->ctx, text, len);
    }
}


/* The fitter's steps as a list, each evaluated.  A number that is not finite
 * has no JSON: such a fit ends here. */

static int
mlops_learn_fit_apply(mlops_learn_fit_t *it)
{
    mlops_err_t           err;
    mlops_doc_t          *list;
    mlops_field_t        *field;
    const mlops_doc_t    *doc;
    mlops_learn_run_t    *run;
    mlops_import_text_t   text;

    run = it->chain->run;
    field = &run->recipe.field;

    if (it->text.failed || it->report.failed) {
        return mlops_field_memory(field);
    }

    memset(&text, 0, sizeof(text));
    mlops_import_text(&text, "[");
    mlops_import_bytes(&text, it->text.data, it->text.len);
    mlops_import_text(&text, "]");

    if (text.failed) {
        free(text.data);
        return mlops_field_memory(field);
    }

    list = mlops_doc_parse(text.data, text.len, 0, &it->arena, &err);
    free(text.data);

    if (list == NULL || list->n == 0) {
        return mlops_field_error(field, "%.*s: the fit gave no finite "
                                 "numbers (%s)", mlops_fmt(&it->step->fit),
                                 list ? "nothing" : err.text);
    }

    for (doc = list->v.child; doc != NULL; doc = doc->next) {
        if (mlops_apply(field, doc, &it->chain->cells, &run->env)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    mlops_learn_fit_hide(it, list);

    if (it->chain->steps.len != 0) {
        mlops_import_text(&it->chain->steps, ",\n");
    }

    mlops_import_bytes(&it->chain->steps, it->text.data, it->text.len);

    return MLOPS_OK;
}


/* Cells in between are no outputs: those that are not named, or, of outputs
 * by prefix, have the name of another, a colon, and a reader in the fit. */

static void
mlops_learn_fit_hide(mlops_learn_fit_t *it, const mlops_doc_t *list)
{
    const mlops_doc_t    *step, *outputs, *doc;
    mlops_columns_one_t  *one;

    for (step = list->v.child; step != NULL; step = step->next) {
        outputs = mlops_doc_get(step, "outputs");
        doc = (outputs != NULL && outputs->type == MLOPS_DOC_ARRAY)
              ? outputs->v.child : NULL;

        for (/* void */ ; doc != NULL; doc = doc->next) {
            one = mlops_columns_find(&it->chain->cells, doc->v.text.data,
                                     doc->v.text.len);

            if (one == NULL || one->input != NULL) {
                continue;
            }

            if (it->step->fitter->flags & MLOPS_FIT_VARYING) {
                one->hidden = mlops_learn_fit_between(it, list,
                                                      &one->view.name);

            } else {
                one->hidden = !mlops_learn_listed(it->doc, "outputs",
                                                  &one->view.name)
                              && !mlops_learn_listed(it->doc, "margin",
                                                     &one->view.name)
                              && !mlops_learn_listed(it->doc, "indicator",
                                                     &one->view.name);
            }
        }
    }
}


static int
mlops_learn_fit_between(mlops_learn_fit_t *it, const mlops_doc_t *list,
    const mlops_str_t *name)
{
    size_t              i;
    const mlops_doc_t  *step;

    for (i = name->len; i > 0; i--) {

        if (name->data[i - 1] == ':'
            && mlops_columns_find(&it->chain->cells, name->data, i - 1)
               != NULL)
        {
            break;
        }
    }

    for (step = list->v.child; i > 0 && step != NULL; step = step->next) {
        if (mlops_learn_reads(step, name)) {
            return 1;
        }
    }

    return 0;
}


static int
mlops_learn_fit_parent(mlops_learn_fit_t *it)
{
    mlops_learned_t       *learned;
    mlops_learn_parent_t  *grown;

    learned = it->chain->run->learned;
    grown = realloc(learned->parents, ((size_t) learned->parents_n + 1)
                                      * sizeof(mlops_learn_parent_t));
    if (grown == NULL) {
        return mlops_err_set(it->chain->run->err, "out of memory");
    }

    learned->parents = grown;
    grown += learned->parents_n;

    grown->step = it->number;
    memcpy(grown->digest, it->fit.parent_digest, sizeof(grown->digest));
    grown->path = strndup(it->fit.parent.data, it->fit.parent.len);

    if (grown->path == NULL) {
        return mlops_err_set(it->chain->run->err, "out of memory");
    }

    learned->parents_n++;

    return MLOPS_OK;
}


/* From now on the run has the state, also where it fails. */

static int
mlops_learn_fit_state(mlops_learn_fit_t *it)
{
    mlops_learned_t      *learned;
    mlops_fit_state_t    *state;
    mlops_learn_state_t  *grown;

    state = &it->fit.state;

    if (state->tmp[0] == '\0') {
        return MLOPS_OK;
    }

    learned = it->chain->run->learned;
    grown = realloc(learned->states, ((size_t) learned->states_n + 1)
                                     * sizeof(mlops_learn_state_t));
    if (grown == NULL) {
        (void) unlinkat(state->dir, state->tmp, 0);
        (void) close(state->dir);
        return mlops_err_set(it->chain->run->err, "out of memory");
    }

    learned->states = grown;
    grown += learned->states_n++;

    grown->step = it->number;
    grown->dir = state->dir;
    grown->lock = -1;
    grown->from[0] = '\0';
    memcpy(grown->digest, state->digest, sizeof(grown->digest));
    memcpy(grown->tmp, state->tmp, sizeof(grown->tmp));
    grown->path = strndup(state->path.data, state->path.len);

    if (grown->path == NULL) {
        return mlops_err_set(it->chain->run->err, "out of memory");
    }

    if (it->chain->run->replaces == it->number + 1) {
        memcpy(grown->from, it->fit.parent_digest, sizeof(grown->from));
    }

    return MLOPS_OK;
}


static void
mlops_learn_fit_file(mlops_import_text_t *to, const char *key,
    const mlops_str_t *path, const char *digest)
{
    if (path->len != 0) {
        mlops_import_text(to, ",\"%s\":{\"path\":", key);
        mlops_import_quote(to, path->data, path->len);
        mlops_import_text(to, ",\"digest\":\"%s\"}", digest);
    }
}


static int
mlops_learn_fit_report(mlops_learn_fit_t *it)
{
    if (it->fit.parent.len != 0 && it->chain->quiet == NULL
        && mlops_learn_fit_parent(it) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_learn_fit_head(it, &it->chain->heads);
    mlops_import_text(&it->chain->heads, "}");
    mlops_learn_fit_head(it, &it->chain->reports);

    if (it->report.len != 0) {
        mlops_import_text(&it->chain->reports, ",\"report\":{");
        mlops_import_bytes(&it->chain->reports, it->report.data,
                           it->report.len);
        mlops_import_text(&it->chain->reports, "}");
    }

    mlops_import_text(&it->chain->reports, "}");

    return MLOPS_OK;
}


/* Its object, not yet closed. */

static void
mlops_learn_fit_head(mlops_learn_fit_t *it, mlops_import_text_t *to)
{
    if (to->len != 0) {
        mlops_import_text(to, ",");
    }

    mlops_import_text(to, "{\"step\":%u,\"kind\":", it->number);
    mlops_import_quote(to, it->step->kind.data, it->step->kind.len);
    mlops_import_text(to, ",\"fit\":");
    mlops_import_quote(to, it->step->fit.data, it->step->fit.len);

    mlops_learn_fit_file(to, "parent", &it->fit.parent,
                         it->fit.parent_digest);
    mlops_learn_fit_file(to, "state", &it->fit.state.path,
                         it->fit.state.digest);
}


/* Gives back what no step behind number i reads. */

static void
mlops_learn_drop(mlops_learn_chain_t *chain, uint32_t i)
{
    uint32_t              k, j;
    mlops_learn_run_t    *run;
    mlops_columns_one_t  *one;

    run = chain->run;

    for (k = 0; k < chain->cells.n; k++) {
        one = chain->cells.list[k];

        if (one->own == NULL || one->kept) {
            continue;
        }

        for (j = 0; j < run->prediction_n; j++) {
            if (mlops_str_eq(&run->prediction[j], one->view.name.data,
                             one->view.name.len))
            {
                one->kept = 1;
            }
        }

        for (j = i + 1; !one->kept && j < run->recipe.steps_n; j++) {
            if (chain->needed[j]
                && mlops_learn_reads(run->recipe.steps[j].doc,
                                     &one->view.name))
            {
                break;
            }
        }

        if (!one->kept && j >= run->recipe.steps_n) {
            mlops_columns_drop(one);
        }
    }
}


static int
mlops_learn_predicted(mlops_learn_chain_t *chain)
{
    uint32_t              i;
    mlops_learn_run_t    *run;
    mlops_columns_one_t  *one;

    run = chain->run;

    for (i = 0; i < run->prediction_n; i++) {
        one = mlops_columns_find(&chain->cells, run->prediction[i].data,
                                 run->prediction[i].len);

        if (one == NULL || one->view.data == NULL
            || one->view.kind != MLOPS_MATRIX_DOUBLE)
        {
            return mlops_err_set(run->err, "train.prediction: expected the "
                                 "name of a cell that a step computes, got "
                                 "\"%.*s\"",
                                 mlops_fmt(&run->prediction[i]));
        }

        chain->predicted[i] = one->view.data;
    }

    return MLOPS_OK;
}
