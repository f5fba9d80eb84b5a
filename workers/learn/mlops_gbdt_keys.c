/*
 * The keys of a step {"kind": "model", "fit": "gbdt"}.
 */

#include "mlops_gbdt_fit.h"

#include <math.h>


static int mlops_gbdt_numbers(mlops_fit_t *fit, mlops_gbdt_options_t *o);
static int mlops_gbdt_objective(mlops_fit_t *fit, mlops_gbdt_keys_t *keys);
static int mlops_gbdt_of_objective(mlops_fit_t *fit, mlops_gbdt_keys_t *keys);
static int mlops_gbdt_monotone(mlops_fit_t *fit, mlops_gbdt_options_t *o);
static int mlops_gbdt_categorical(mlops_fit_t *fit, mlops_gbdt_options_t *o);
static int mlops_gbdt_column(mlops_fit_t *fit, const mlops_str_t *name,
    uint32_t *column);


const char *const  mlops_gbdt_key_names[] = {
    "objective", "trees", "leaves", "depth", "bins", "sample",
    "learning_rate", "l1", "l2", "min_gain", "min_hessian", "min_rows",
    "max_delta_step", "alpha", "delta", "row_fraction", "column_fraction",
    "node_fraction", "monotone", "categorical", "cat_smooth", "cat_l2",
    "cat_max", "cat_few", "cat_rows", "early_stopping", "seed", "start",
    "max_trees", NULL
};

static const char *const  mlops_gbdt_objective_words[] = {
    "squared", "logistic", "softmax", "poisson", "quantile", "huber", NULL
};


int
mlops_gbdt_keys(mlops_fit_t *fit, mlops_gbdt_keys_t *keys)
{
    int64_t                 value;
    mlops_gbdt_options_t   *o;

    memset(keys, 0, sizeof(*keys));

    o = &keys->options;
    mlops_gbdt_defaults(o);

    if (mlops_gbdt_objective(fit, keys) != MLOPS_OK
        || mlops_gbdt_numbers(fit, o) != MLOPS_OK
        || mlops_gbdt_of_objective(fit, keys) != MLOPS_OK
        || mlops_gbdt_monotone(fit, o) != MLOPS_OK
        || mlops_gbdt_categorical(fit, o) != MLOPS_OK
        || mlops_fit_path(fit, "start", &keys->start) != MLOPS_OK
        || mlops_field_int(fit->field, fit->step, "max_trees", 1,
                           MLOPS_GBDT_TREES, MLOPS_GBDT_TREES, &value)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    keys->max_trees = (uint32_t) value;

    if (fit->env != NULL) {
        o->seed = fit->env->seed;
        o->threads = fit->env->threads;
        o->env = fit->env;
    }

    if (mlops_field_int(fit->field, fit->step, "seed", 0, INT64_MAX,
                        (int64_t) (o->seed & INT64_MAX), &value)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    o->seed = mlops_doc_get(fit->step, "seed") ? (uint64_t) value : o->seed;

    return MLOPS_OK;
}


static int
mlops_gbdt_numbers(mlops_fit_t *fit, mlops_gbdt_options_t *o)
{
    size_t   i;
    int64_t  rows, value;

    const struct {
        const char  *key;
        int64_t      lo;
        int64_t      hi;
        uint32_t    *to;
    } wholes[] = {
        { "trees", 1, MLOPS_GBDT_TREES, &o->trees },
        { "leaves", 2, MLOPS_GBDT_LEAVES, &o->leaves },
        { "depth", 1, MLOPS_GBDT_DEPTH, &o->depth },
        { "bins", 2, MLOPS_GBDT_BINS, &o->bins },
        { "sample", 1000, INT32_MAX, &o->sample },
        { "cat_max", 1, MLOPS_GBDT_BINS, &o->cat_max },
        { "cat_few", 1, MLOPS_GBDT_BINS, &o->cat_few },
        { "cat_rows", 1, INT32_MAX, &o->cat_rows },
        { "early_stopping", 1, MLOPS_GBDT_TREES, &o->early_stopping }
    };

    const struct {
        const char  *key;
        double       lo;
        double       hi;
        double      *to;
    } numbers[] = {
        { "learning_rate", 1e-6, 1, &o->learning_rate },
        { "l1", 0, 1e12, &o->l1 },
        { "l2", 0, 1e12, &o->l2 },
        { "min_gain", 0, 1e300, &o->min_gain },
        { "min_hessian", 0, 1e300, &o->min_hessian },
        { "row_fraction", 1e-6, 1, &o->row_fraction },
        { "column_fraction", 1e-6, 1, &o->column_fraction },
        { "node_fraction", 1e-6, 1, &o->node_fraction },
        { "cat_smooth", 0, 1e12, &o->cat_smooth },
        { "cat_l2", 0, 1e12, &o->cat_l2 }
    };

    for (i = 0; i < mlops_nitems(wholes); i++) {

        if (mlops_field_int(fit->field, fit->step, wholes[i].key,
                            wholes[i].lo, wholes[i].hi,
                            *wholes[i].to ? *wholes[i].to : wholes[i].lo,
                            &value)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (mlops_doc_get(fit->step, wholes[i].key) != NULL) {
            *wholes[i].to = (uint32_t) value;
        }
    }

    for (i = 0; i < mlops_nitems(numbers); i++) {

        if (mlops_field_number(fit->field, fit->step, numbers[i].key,
                               numbers[i].lo, numbers[i].hi, *numbers[i].to,
                               numbers[i].to)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    if (mlops_field_int(fit->field, fit->step, "min_rows", 1, UINT32_MAX,
                        (int64_t) o->min_rows, &rows)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    o->min_rows = (uint64_t) rows;

    return MLOPS_OK;
}


static int
mlops_gbdt_objective(mlops_fit_t *fit, mlops_gbdt_keys_t *keys)
{
    mlops_gbdt_options_t  *o;

    o = &keys->options;
    keys->objective = -1;

    if (mlops_doc_get(fit->step, "objective") != NULL
        && mlops_field_word(fit->field, fit->step, "objective",
                            mlops_gbdt_objective_words, -1, &keys->objective)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    o->objective = keys->objective >= 0
                   ? (mlops_gbdt_objective_t) keys->objective
                   : fit->classes_n == 0 ? MLOPS_GBDT_SQUARED
                     : fit->classes_n == 2 ? MLOPS_GBDT_LOGISTIC
                                           : MLOPS_GBDT_SOFTMAX;
    o->classes_n = fit->classes_n;

    if (fit->train == NULL) {
        return MLOPS_OK;
    }

    if (o->objective == MLOPS_GBDT_LOGISTIC && fit->classes_n != 2) {
        return mlops_field_error(fit->field, "objective: expected two classes "
                                 "for logistic, got %u%s", fit->classes_n,
                                 fit->classes_n > 2
                                 ? "; softmax takes more" : "");
    }

    if (o->objective == MLOPS_GBDT_SOFTMAX && fit->classes_n < 2) {
        return mlops_field_error(fit->field, "objective: expected at least "
                                 "two classes for softmax, got %u",
                                 fit->classes_n);
    }

    return MLOPS_OK;
}


/* Keys that only some objectives have. */

static int
mlops_gbdt_of_objective(mlops_fit_t *fit, mlops_gbdt_keys_t *keys)
{
    size_t                  i;
    mlops_gbdt_options_t   *o;

    o = &keys->options;

    const struct {
        const char              *key;
        mlops_gbdt_objective_t   objective;
        double                   lo;
        double                   hi;
        double                   dflt;
        double                  *to;
    } of[] = {
        { "alpha", MLOPS_GBDT_QUANTILE, 1e-6, 1 - 1e-6, 0.5, &o->quantile },
        { "delta", MLOPS_GBDT_HUBER, 1e-30, 1e30, 1, &o->delta },
        { "max_delta_step", MLOPS_GBDT_OBJECTIVES, 0, 1e30,
          o->objective == MLOPS_GBDT_POISSON ? 0.7 : 0, &o->max_delta_step }
    };

    for (i = 0; i < mlops_nitems(of); i++) {

        if (mlops_field_number(fit->field, fit->step, of[i].key, of[i].lo,
                               of[i].hi, of[i].dflt, of[i].to)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (of[i].objective != MLOPS_GBDT_OBJECTIVES
            && of[i].objective != o->objective
            && mlops_doc_get(fit->step, of[i].key) != NULL)
        {
            return mlops_field_error(fit->field, "%s: expected only with the "
                                     "objective %s, got %s", of[i].key,
                                     mlops_gbdt_objective_name(
                                                         of[i].objective),
                                     mlops_gbdt_objective_name(o->objective));
        }
    }

    return MLOPS_OK;
}


/* {"name": 1, "other": -1} */

static int
mlops_gbdt_monotone(mlops_fit_t *fit, mlops_gbdt_options_t *o)
{
    size_t              old;
    int8_t             *signs;
    int64_t             sign;
    uint32_t            column;
    const mlops_doc_t  *doc, *entry;

    if (mlops_field_find(fit->field, fit->step, "monotone", MLOPS_DOC_OBJECT,
                         &doc)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (doc == NULL) {
        return MLOPS_OK;
    }

    if (o->objective == MLOPS_GBDT_QUANTILE) {
        return mlops_field_error(fit->field, "monotone: expected none with "
                                 "the objective quantile, whose leaves are "
                                 "quantiles of their rows");
    }

    old = mlops_field_push(fit->field, "monotone");
    signs = NULL;

    if (fit->train != NULL) {
        signs = mlops_arena_calloc(fit->field->arena,
                                   fit->train->columns_n, sizeof(*signs));
        if (signs == NULL) {
            return mlops_field_memory(fit->field);
        }
    }

    for (entry = doc->v.child; entry != NULL; entry = entry->next) {

        if (entry->type != MLOPS_DOC_NUMBER
            || mlops_doc_int(entry, &sign) != MLOPS_OK
            || sign < -1 || sign > 1)
        {
            (void) mlops_field_push(fit->field,
                                    mlops_fit_name(fit, "%.*s",
                                              mlops_fmt(&entry->key)).data);
            return mlops_field_fail(fit->field, entry, "1, 0 or -1");
        }

        if (fit->train == NULL) {
            continue;
        }

        if (mlops_gbdt_column(fit, &entry->key, &column) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (fit->train->columns[column].kind == MLOPS_MATRIX_CODES) {
            return mlops_field_error(fit->field, "expected inputs of "
                                     "numbers, got the categories of "
                                     "\"%.*s\"", mlops_fmt(&entry->key));
        }

        signs[column] = (int8_t) sign;
    }

    mlops_field_pop(fit->field, old);
    o->monotone = signs;

    return MLOPS_OK;
}


/* ["name", …] */

static int
mlops_gbdt_categorical(mlops_fit_t *fit, mlops_gbdt_options_t *o)
{
    size_t              old;
    uint8_t            *marks;
    uint32_t            column;
    const mlops_doc_t  *doc, *entry;

    if (mlops_field_find(fit->field, fit->step, "categorical",
                         MLOPS_DOC_ARRAY, &doc)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (doc == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(fit->field, "categorical");
    marks = NULL;

    if (fit->train != NULL) {
        marks = mlops_arena_calloc(fit->field->arena,
                                   fit->train->columns_n, sizeof(*marks));
        if (marks == NULL) {
            return mlops_field_memory(fit->field);
        }
    }

    for (entry = doc->v.child; entry != NULL; entry = entry->next) {

        if (entry->type != MLOPS_DOC_STRING) {
            return mlops_field_fail(fit->field, entry, "names of inputs");
        }

        if (fit->train == NULL) {
            continue;
        }

        if (mlops_gbdt_column(fit, &entry->v.text, &column) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (o->monotone != NULL && o->monotone[column] != 0) {
            return mlops_field_error(fit->field, "expected inputs that are "
                                     "not in monotone, got \"%.*s\"",
                                     mlops_fmt(&entry->v.text));
        }

        marks[column] = 1;
    }

    mlops_field_pop(fit->field, old);
    o->categorical = marks;

    return MLOPS_OK;
}


static int
mlops_gbdt_column(mlops_fit_t *fit, const mlops_str_t *name, uint32_t *column)
{
    uint32_t      c;
    mlops_str_t  *names;

    for (c = 0; c < fit->train->columns_n; c++) {

        if (mlops_str_eq(&fit->train->columns[c].name, name->data,
                         name->len))
        {
            *column = c;
            return MLOPS_OK;
        }
    }

    names = mlops_fit_inputs(fit);

    if (names == NULL) {
        return MLOPS_ERROR;
    }

    return mlops_field_suggest(fit->field, name, "one of the step's inputs",
                               names, fit->train->columns_n);
}


int
mlops_gbdt_target(const mlops_doc_t *step)
{
    const mlops_doc_t  *doc;

    doc = mlops_doc_get(step, "objective");

    if (doc == NULL || doc->type != MLOPS_DOC_STRING) {
        return 2;
    }

    return mlops_str_is(&doc->v.text, "logistic")
           || mlops_str_is(&doc->v.text, "softmax");
}
