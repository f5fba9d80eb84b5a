/*
 * The fitted steps ftrl, adagrad and rls: passes over the rows, state, report.
 */

#include "mlops_online_fit.h"
#include "mlops_fit_key.h"
#include "mlops_fit_labels.h"
#include "mlops_fit_note.h"
#include "mlops_fitters.h"
#include "mlops_hash.h"
#include "mlops_random.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define MLOPS_ONLINE_BATCH   64         /* examples that are put together */
#define MLOPS_ONLINE_REPORT  65536      /* and between two reports */


static int mlops_online_check_ftrl(mlops_fit_t *fit);
static int mlops_online_check_adagrad(mlops_fit_t *fit);
static int mlops_online_check_rls(mlops_fit_t *fit);
static int mlops_online_fit_ftrl(mlops_fit_t *fit);
static int mlops_online_fit_adagrad(mlops_fit_t *fit);
static int mlops_online_fit_rls(mlops_fit_t *fit);
static int mlops_online_target(const mlops_doc_t *step);
static int mlops_online_target_rls(const mlops_doc_t *step);
static int mlops_online_run(mlops_fit_t *fit,
    mlops_online_algorithm_t algorithm);
static int mlops_online_begin(mlops_online_fit_t *of);
static int mlops_online_inputs(mlops_online_fit_t *of);
static int mlops_online_meaning(mlops_online_fit_t *of);
static uint64_t mlops_online_tag(const mlops_matrix_t *matrix);
static int mlops_online_passes(mlops_online_fit_t *of);
static int mlops_online_pass(mlops_online_fit_t *of, uint32_t pass,
    uint32_t *order);
static void mlops_online_batch(mlops_online_fit_t *of, const uint32_t *order,
    uint64_t at, uint32_t n, mlops_example_t *examples);
static int mlops_online_tell(mlops_online_fit_t *of, uint64_t done);
static int mlops_online_keep(mlops_online_fit_t *of);
static void mlops_online_report(mlops_online_fit_t *of);


static const char *const  mlops_online_keys_ftrl[] = {
    "loss", "bits", "passes", "shuffle", "alpha", "beta", "l1", "l2", "clip",
    "crosses", "window", "state", "start", NULL
};

static const char *const  mlops_online_keys_adagrad[] = {
    "loss", "bits", "passes", "shuffle", "rate", "epsilon", "l2", "quantile",
    "delta", "clip", "crosses", "window", "state", "start", NULL
};

static const char *const  mlops_online_keys_rls[] = {
    "forgetting", "ridge", "window", "state", "start", NULL
};


const mlops_fitter_t  mlops_fit_ftrl = {
    "model", "ftrl", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER|MLOPS_FIT_CODES,
    mlops_online_keys_ftrl, mlops_online_check_ftrl, mlops_online_fit_ftrl,
    mlops_online_target
};

const mlops_fitter_t  mlops_fit_adagrad = {
    "model", "adagrad", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER|MLOPS_FIT_CODES,
    mlops_online_keys_adagrad, mlops_online_check_adagrad,
    mlops_online_fit_adagrad, mlops_online_target
};

const mlops_fitter_t  mlops_fit_rls = {
    "model", "rls", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER,
    mlops_online_keys_rls, mlops_online_check_rls, mlops_online_fit_rls,
    mlops_online_target_rls
};


static int
mlops_online_check_ftrl(mlops_fit_t *fit)
{
    mlops_online_fit_t  of;

    return mlops_online_keys(&of, fit, MLOPS_ONLINE_FTRL);
}


static int
mlops_online_check_adagrad(mlops_fit_t *fit)
{
    mlops_online_fit_t  of;

    return mlops_online_keys(&of, fit, MLOPS_ONLINE_ADAGRAD);
}


static int
mlops_online_check_rls(mlops_fit_t *fit)
{
    mlops_online_fit_t  of;

    return mlops_online_keys(&of, fit, MLOPS_ONLINE_RLS);
}


static int
mlops_online_fit_ftrl(mlops_fit_t *fit)
{
    return mlops_online_run(fit, MLOPS_ONLINE_FTRL);
}


static int
mlops_online_fit_adagrad(mlops_fit_t *fit)
{
    return mlops_online_run(fit, MLOPS_ONLINE_ADAGRAD);
}


static int
mlops_online_fit_rls(mlops_fit_t *fit)
{
    return mlops_online_run(fit, MLOPS_ONLINE_RLS);
}


/* Logistic, which is the default, wants classes. */

static int
mlops_online_target(const mlops_doc_t *step)
{
    const mlops_doc_t  *loss;

    loss = mlops_doc_get(step, "loss");

    return loss == NULL || loss->type != MLOPS_DOC_STRING
           || mlops_str_is(&loss->v.text, "logistic");
}


static int
mlops_online_target_rls(const mlops_doc_t *step)
{
    (void) step;

    return 0;
}


static int
mlops_online_run(mlops_fit_t *fit, mlops_online_algorithm_t algorithm)
{
    int                 rc;
    mlops_online_fit_t  of;

    if (mlops_online_keys(&of, fit, algorithm) != MLOPS_OK
        || mlops_online_inputs(&of) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_online_begin(&of) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlops_online_passes(&of);

    if (rc == MLOPS_OK) {
        rc = mlops_online_steps(&of);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_online_keep(&of);
    }

    if (rc == MLOPS_OK) {
        mlops_online_report(&of);
    }

    mlops_online_destroy(of.online);

    return rc;
}


/* Whether the rows and names are such that this can learn from them. */

static int
mlops_online_inputs(mlops_online_fit_t *of)
{
    uint32_t               i;
    mlops_fit_t           *fit;
    const mlops_matrix_t  *train;

    fit = of->fit;
    train = fit->train;

    if (train->n == 0) {
        return mlops_field_error(fit->field, "no rows to learn from");
    }

    if (of->conf.loss == MLOPS_ONLINE_LOGISTIC ? fit->classes_n != 2
                                               : fit->classes_n != 0)
    {
        if (fit->classes_n == 0) {
            return mlops_field_error(fit->field, "loss \"logistic\": expected "
                                     "a target of two classes, got numbers");
        }

        return mlops_field_error(fit->field, "loss \"%s\": expected a target "
                                 "of %s, got one of %u classes",
                                 mlops_online_loss_name(of->conf.loss),
                                 of->conf.loss == MLOPS_ONLINE_LOGISTIC
                                 ? "two classes" : "numbers",
                                 (unsigned) fit->classes_n);
    }

    if (fit->outputs_n != 1 || fit->margin_n > 1) {
        return mlops_field_error(fit->field, "expected one output and at most "
                                 "one margin, got %u and %u",
                                 (unsigned) fit->outputs_n,
                                 (unsigned) fit->margin_n);
    }

    if (of->conf.algorithm != MLOPS_ONLINE_RLS) {
        return mlops_online_crosses(of);
    }

    if (train->columns_n >= MLOPS_ONLINE_DENSE_MAX) {
        return mlops_field_error(fit->field, "expected at most %d inputs, got "
                                 "%u", MLOPS_ONLINE_DENSE_MAX - 1,
                                 (unsigned) train->columns_n);
    }

    for (i = 0; i < train->columns_n; i++) {
        if (train->columns[i].kind == MLOPS_MATRIX_CODES) {
            return mlops_field_error(fit->field, "expected numbers, got the "
                                     "strings of \"%.*s\": put a step one_hot "
                                     "before",
                                     mlops_fmt(&train->columns[i].name));
        }
    }

    return MLOPS_OK;
}


static int
mlops_online_begin(mlops_online_fit_t *of)
{
    int             dir;
    char            name[PATH_MAX];
    mlops_err_t     err;
    mlops_fit_t    *fit;

    fit = of->fit;

    if (of->conf.algorithm == MLOPS_ONLINE_RLS) {
        of->conf.dense = fit->train->columns_n + 1;
        of->conf.tag = mlops_online_tag(fit->train);

    } else {

        if (mlops_online_rows_init(&of->rows, fit->train, of->crosses,
                                   of->crosses_n, fit->field->arena, &err)
            != MLOPS_OK)
        {
            return mlops_field_error(fit->field, "%s", err.text);
        }

        mlops_fit_note_float(fit);
    }

    if (of->start.len == 0) {
        of->online = mlops_online_create(&of->conf, &err);

    } else {
        dir = mlops_fit_place(fit, &of->start, name);

        if (dir == -1) {
            return MLOPS_ERROR;
        }

        of->online = mlops_online_load(dir, name, &of->conf, &err);
        (void) close(dir);

        if (of->online != NULL) {
            mlops_fit_parent(fit, &of->start,
                             mlops_online_origin(of->online));
        }
    }

    if (of->online == NULL) {
        return mlops_field_error(fit->field, "%s%s",
                                 of->start.len ? "start: " : "", err.text);
    }

    if (mlops_online_meaning(of) != MLOPS_OK) {
        mlops_online_destroy(of->online);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


/* The labels of the state, if it tells, are to be the fit's, which it tells
 * from then on. */

static int
mlops_online_meaning(mlops_online_fit_t *of)
{
    int                   rc;
    char                  whose[128];
    size_t                old;
    mlops_err_t           err;
    mlops_fit_t          *fit;
    mlops_str_t           text;
    const mlops_doc_t    *doc, *target, *classes;
    mlops_import_text_t   labels;

    fit = of->fit;
    text = mlops_online_get_labels(of->online);

    if (text.len != 0) {
        old = mlops_field_push(fit->field, "start");
        doc = mlops_doc_parse(text.data, text.len, 0, fit->field->arena,
                              &err);
        if (doc == NULL) {
            return mlops_field_error(fit->field, "labels: %s", err.text);
        }

        if (mlops_field_find(fit->field, doc, "target", MLOPS_DOC_STRING,
                             &target)
            != MLOPS_OK
            || mlops_field_find(fit->field, doc, "classes", MLOPS_DOC_ARRAY,
                                &classes)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        (void) snprintf(whose, sizeof(whose), "the state \"%.*s\"",
                        (int) (of->start.len < 80 ? of->start.len : 80),
                        of->start.data);

        if (mlops_fit_labels_check(fit, whose,
                                   target ? &target->v.text : NULL, classes)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(fit->field, old);
    }

    memset(&labels, 0, sizeof(labels));
    mlops_fit_labels_write(fit, &labels);

    rc = labels.failed ? mlops_err_set(&err, "out of memory")
                       : mlops_online_set_labels(of->online, labels.data,
                                                 labels.len, &err);
    free(labels.data);

    return rc == MLOPS_OK ? MLOPS_OK
                          : mlops_field_error(fit->field, "%s", err.text);
}


/* Weights of RLS go by place: the names have to be the same. */

static uint64_t
mlops_online_tag(const mlops_matrix_t *matrix)
{
    uint32_t      i;
    mlops_hash_t  hash;

    mlops_hash_init(&hash, 0);

    for (i = 0; i < matrix->columns_n; i++) {
        mlops_hash_update(&hash, matrix->columns[i].name.data,
                          matrix->columns[i].name.len);
        mlops_hash_update(&hash, "", 1);
    }

    return mlops_hash_value(&hash);
}


static int
mlops_online_passes(mlops_online_fit_t *of)
{
    int                       rc;
    uint32_t                  pass, *order;
    uint64_t                  i, n;
    mlops_online_progress_t   before, after;

    rc = MLOPS_OK;
    n = of->fit->train->n;
    rc = MLOPS_OK;
    order = NULL;

    if (of->shuffle) {
        order = malloc(n * sizeof(uint32_t));

        if (order == NULL) {
            return mlops_field_memory(of->fit->field);
        }

        for (i = 0; i < n; i++) {
            order[i] = (uint32_t) i;
        }
    }

    mlops_online_progress(of->online, 1, &before);

    for (pass = 0; pass < of->passes; pass++) {
        rc = mlops_online_pass(of, pass, order);

        if (rc != MLOPS_OK) {
            break;
        }

        if (pass == 0) {
            mlops_online_progress(of->online, 1, &after);

            of->loss = after.since_loss;

            if (after.refused - before.refused == n) {
                rc = mlops_field_error(of->fit->field, "all %llu rows are "
                                       "refused: %s", (unsigned long long) n,
                                       of->reason.text);
                break;
            }
        }
    }

    free(order);

    return rc;
}


/* The order of a pass is that of Fisher and Yates, with numbers of the seed
 * and the pass; examples are put together in batches, which share the arena's
 * room. */

static int
mlops_online_pass(mlops_online_fit_t *of, uint32_t pass, uint32_t *order)
{
    float            *values;
    double           *dense;
    uint32_t          i, j, k, t, width, *indices;
    uint64_t          at, n, seed;
    mlops_arena_t     arena;
    mlops_example_t   examples[MLOPS_ONLINE_BATCH];

    n = of->fit->train->n;
    seed = of->fit->env ? of->fit->env->seed : 1;

    for (i = (uint32_t) n; order != NULL && i > 1; i--) {
        j = (uint32_t) ((mlops_random_at(seed, pass, i) >> 32) * i >> 32);
        t = order[i - 1];
        order[i - 1] = order[j];
        order[j] = t;
    }

    width = of->conf.dense ? of->fit->train->columns_n + 1
                           : of->rows.features_max;

    mlops_arena_init(&arena, NULL, NULL);

    indices = mlops_arena_alloc(&arena, (size_t) width * MLOPS_ONLINE_BATCH
                                        * sizeof(uint32_t));
    values = mlops_arena_alloc(&arena, (size_t) width * MLOPS_ONLINE_BATCH
                                       * sizeof(float));
    dense = mlops_arena_alloc(&arena, (size_t) width * MLOPS_ONLINE_BATCH
                                      * sizeof(double));

    if (indices == NULL || values == NULL || dense == NULL) {
        mlops_arena_destroy(&arena);
        return mlops_field_memory(of->fit->field);
    }

    for (i = 0; i < MLOPS_ONLINE_BATCH; i++) {
        examples[i].index = indices + (size_t) i * width;
        examples[i].value = values + (size_t) i * width;
        examples[i].dense = dense + (size_t) i * width;
    }

    for (at = 0; at < n; at += k) {
        k = (n - at < MLOPS_ONLINE_BATCH) ? (uint32_t) (n - at)
                                          : MLOPS_ONLINE_BATCH;

        mlops_online_batch(of, order, at, k, examples);

        of->refused += mlops_online_learn_many(of->online, examples, k,
                                               &of->reason);

        if ((at + k) % MLOPS_ONLINE_REPORT == 0 || at + k == n) {
            if (mlops_online_tell(of, n * pass + at + k) != MLOPS_OK) {
                mlops_arena_destroy(&arena);
                return MLOPS_ERROR;
            }
        }
    }

    mlops_arena_destroy(&arena);

    return MLOPS_OK;
}


/* examples have room; what they point to is that room. */

static void
mlops_online_batch(mlops_online_fit_t *of, const uint32_t *order, uint64_t at,
    uint32_t n, mlops_example_t *examples)
{
    double                *dense;
    uint32_t               i, j;
    uint64_t               row;
    mlops_example_t       *e;
    const mlops_matrix_t  *train;

    train = of->fit->train;

    for (i = 0; i < n; i++) {
        e = &examples[i];
        row = mlops_matrix_row(train, order ? order[at + i] : at + i);

        e->label = train->target[row];
        e->weight = mlops_matrix_weight(train, row);

        if (of->conf.algorithm != MLOPS_ONLINE_RLS) {
            e->n = mlops_online_row(&of->rows, row, (uint32_t *) e->index,
                                    (float *) e->value);
            continue;
        }

        dense = (double *) e->dense;
        e->n = train->columns_n + 1;

        for (j = 0; j < train->columns_n; j++) {
            dense[j] = mlops_matrix_value(&train->columns[j], row);
        }

        dense[j] = 1.0;
    }
}


static int
mlops_online_tell(mlops_online_fit_t *of, uint64_t done)
{
    mlops_online_progress_t  progress;

    if (mlops_fit_stopped(of->fit)) {
        return MLOPS_ERROR;
    }

    mlops_online_progress(of->online, 0, &progress);
    mlops_fit_progress(of->fit, done, of->fit->train->n * of->passes,
                       "%s %.6g", mlops_online_loss_measure(of->conf.loss),
                       progress.window_n ? progress.window_loss
                                         : progress.loss);

    return MLOPS_OK;
}


static int
mlops_online_keep(mlops_online_fit_t *of)
{
    char                name[PATH_MAX];
    mlops_err_t         err;
    mlops_fit_state_t  *state;

    if (of->state.len == 0) {
        return MLOPS_OK;
    }

    state = &of->fit->state;
    state->path = of->state;
    mlops_fit_digest(state->digest, mlops_online_digest(of->online));

    if (of->fit->env && of->fit->env->aside) {
        return MLOPS_OK;
    }

    state->dir = mlops_fit_place(of->fit, &of->state, name);

    if (state->dir == -1) {
        return MLOPS_ERROR;
    }

    if (mlops_online_save(of->online, state->dir, name, 1, state->tmp, &err)
        == MLOPS_OK)
    {
        return MLOPS_OK;
    }

    (void) close(state->dir);
    state->tmp[0] = '\0';

    return mlops_field_error(of->fit->field, "state: %s", err.text);
}


static void
mlops_online_member(mlops_online_fit_t *of, const char *name, double value)
{
    if (isfinite(value)) {
        mlops_fit_put_number(of->fit->report, name, value);
    }
}


static void
mlops_online_report(mlops_online_fit_t *of)
{
    uint64_t                  all, nonzero;
    mlops_import_text_t      *text;
    mlops_online_progress_t   progress;

    text = of->fit->report;

    mlops_online_progress(of->online, 0, &progress);
    nonzero = mlops_online_nonzero(of->online, &all);

    mlops_fit_report(of->fit, "measure");
    mlops_import_text(text, "\"%s\"",
                      mlops_online_loss_measure(of->conf.loss));

    mlops_online_member(of, "progressive_loss", of->loss);
    mlops_online_member(of, "progressive_loss_total", progress.loss);
    mlops_online_member(of, "accuracy_total", progress.accuracy);
    mlops_online_member(of, "window_loss", progress.window_loss);
    mlops_online_member(of, "window_accuracy", progress.window_accuracy);

    mlops_import_text(text, ",\"examples\":%llu,\"refused\":%llu,"
                      "\"%s\":%llu,\"nonzero\":%llu",
                      (unsigned long long) progress.examples,
                      (unsigned long long) of->refused,
                      of->conf.dense ? "coordinates" : "slots",
                      (unsigned long long) all, (unsigned long long) nonzero);

    if (of->refused > 0) {
        mlops_import_text(text, ",\"refused_because\":");
        mlops_import_quote(text, of->reason.text, strlen(of->reason.text));

        mlops_fit_note(of->fit, "%llu of %llu rows are refused, the last as "
                       "%.200s", (unsigned long long) of->refused,
                       (unsigned long long) of->fit->train->n * of->passes,
                       of->reason.text);
    }

    if (mlops_online_origin(of->online) != 0) {
        mlops_import_text(text, ",\"start\":\"%016llx\"",
                          (unsigned long long)
                          mlops_online_origin(of->online));
    }
}
