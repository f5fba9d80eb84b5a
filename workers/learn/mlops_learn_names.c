/*
 * Names in a training recipe: wildcards, who reads what, which cells are
 * judged and how.
 */

#include "mlops_learn_recipe.h"
#include "mlops_fit_labels.h"
#include "mlops_learn.h"

#include <math.h>


static int mlops_learn_expand_one(mlops_doc_t *list,
    const mlops_doc_t *pattern, const mlops_columns_t *cells,
    mlops_doc_t ***last, mlops_arena_t *arena);
static uint32_t mlops_learn_default_metrics(
    const mlops_learn_recipe_t *recipe, uint32_t classes_n,
    mlops_metric_t *metrics);


static inline int
mlops_learn_is_wild(const mlops_doc_t *doc)
{
    return doc->type == MLOPS_DOC_STRING && doc->v.text.len != 0
           && doc->v.text.data[doc->v.text.len - 1] == '*';
}


static inline int
mlops_learn_matches(const mlops_doc_t *pattern, const mlops_str_t *name)
{
    size_t  len;

    len = pattern->v.text.len - 1;

    return name->len >= len
           && memcmp(pattern->v.text.data, name->data, len) == 0;
}


const mlops_doc_t *
mlops_learn_expand(mlops_field_t *field, const mlops_doc_t *step,
    const mlops_columns_t *cells, mlops_arena_t *arena)
{
    size_t              old;
    uint32_t            i, before;
    mlops_doc_t        *copy, *list, *one, **last, **members;
    const mlops_doc_t  *inputs, *doc;

    inputs = mlops_doc_get(step, "inputs");

    if (inputs == NULL || inputs->type != MLOPS_DOC_ARRAY) {
        return step;
    }

    for (doc = inputs->v.child; doc != NULL; doc = doc->next) {
        if (mlops_learn_is_wild(doc)) {
            break;
        }
    }

    if (doc == NULL) {
        return step;
    }

    copy = mlops_arena_alloc(arena, sizeof(mlops_doc_t));
    list = mlops_arena_alloc(arena, sizeof(mlops_doc_t));

    if (copy == NULL || list == NULL) {
        (void) mlops_field_memory(field);
        return NULL;
    }

    *copy = *step;
    *list = *inputs;
    list->n = 0;
    list->v.child = NULL;
    last = &list->v.child;

    for (i = 0, doc = inputs->v.child; doc != NULL; i++, doc = doc->next) {
        before = list->n;

        if (mlops_learn_expand_one(list, doc, cells, &last, arena)
            != MLOPS_OK)
        {
            (void) mlops_field_memory(field);
            return NULL;
        }

        if (list->n == before) {
            old = mlops_field_push(field, "inputs");
            (void) mlops_field_push_i(field, i);
            (void) mlops_field_fail(field, doc, "the beginning of the name "
                                    "of a cell before");
            mlops_field_pop(field, old);

            return NULL;
        }
    }

    /* the members of the copy, with the new list in place of the old */

    members = &copy->v.child;

    for (doc = step->v.child; doc != NULL; doc = doc->next) {
        one = mlops_arena_alloc(arena, sizeof(mlops_doc_t));

        if (one == NULL) {
            (void) mlops_field_memory(field);
            return NULL;
        }

        *one = (doc == inputs) ? *list : *doc;
        *members = one;
        members = &one->next;
    }

    *members = NULL;

    return copy;
}


static int
mlops_learn_expand_one(mlops_doc_t *list, const mlops_doc_t *pattern,
    const mlops_columns_t *cells, mlops_doc_t ***last, mlops_arena_t *arena)
{
    uint32_t      i, n;
    mlops_doc_t  *one;

    n = mlops_learn_is_wild(pattern) ? cells->n : 1;

    for (i = 0; i < n; i++) {

        if (mlops_learn_is_wild(pattern)
            && (cells->list[i]->hidden
                || !mlops_learn_matches(pattern,
                                        &cells->list[i]->view.name)))
        {
            continue;
        }

        one = mlops_arena_alloc(arena, sizeof(mlops_doc_t));
        if (one == NULL) {
            return MLOPS_ERROR;
        }

        *one = *pattern;
        one->next = NULL;

        if (mlops_learn_is_wild(pattern)) {
            one->v.text = cells->list[i]->view.name;
        }

        **last = one;
        *last = &one->next;
        list->n++;
    }

    return MLOPS_OK;
}


int
mlops_learn_reads(const mlops_doc_t *step, const mlops_str_t *name)
{
    const mlops_doc_t  *inputs, *doc;

    inputs = mlops_doc_get(step, "inputs");

    if (inputs == NULL || inputs->type != MLOPS_DOC_ARRAY) {
        return 1;
    }

    for (doc = inputs->v.child; doc != NULL; doc = doc->next) {

        if (doc->type != MLOPS_DOC_STRING) {
            continue;
        }

        if (mlops_str_eq(&doc->v.text, name->data, name->len)
            || (mlops_learn_is_wild(doc) && mlops_learn_matches(doc, name)))
        {
            return 1;
        }
    }

    return 0;
}


int
mlops_learn_listed(const mlops_doc_t *step, const char *key,
    const mlops_str_t *name)
{
    const mlops_doc_t  *list, *doc;

    list = mlops_doc_get(step, key);

    if (list == NULL || list->type != MLOPS_DOC_ARRAY) {
        return 0;
    }

    for (doc = list->v.child; doc != NULL; doc = doc->next) {
        if (doc->type == MLOPS_DOC_STRING
            && mlops_str_eq(&doc->v.text, name->data, name->len))
        {
            return 1;
        }
    }

    return 0;
}


/* Of more than two classes all the outputs of the learner; of two the
 * probability of the second, where it gives both; else the first. */

int
mlops_learn_prediction(mlops_learn_recipe_t *recipe,
    const mlops_str_t *classes, uint32_t classes_n, mlops_str_t **names,
    uint32_t *n)
{
    char                told[MLOPS_LABELS_SIZE];
    size_t              old;
    uint32_t            i, want;
    mlops_field_t      *field;
    const mlops_doc_t  *doc, *one;

    field = &recipe->field;
    want = (classes_n > 2) ? classes_n : 1;
    doc = mlops_doc_get(recipe->train, "prediction");

    if (doc == NULL && recipe->learner == NULL) {
        return mlops_field_error(field, "train.prediction: expected the name "
                                 "of the cell that is judged, as no step is "
                                 "a learner, got nothing");
    }

    old = mlops_field_push(field, doc ? "train.prediction" : "steps");

    if (doc == NULL) {
        (void) mlops_field_push_i(field, (uint64_t) (recipe->learner
                                                     - recipe->steps));
        (void) mlops_field_push(field, "outputs");
        doc = mlops_doc_get(recipe->learner->doc, "outputs");

        if (doc == NULL || doc->type != MLOPS_DOC_ARRAY || doc->n < want) {
            return want == 1
                   ? mlops_field_fail(field, doc, "a list of names")
                   : mlops_field_fail(field, doc, "a list of %u names, one "
                                      "for each class of the target \"%.*s\""
                                      " (%s)", want,
                                      mlops_fmt(&recipe->target->v.text),
                                      mlops_fit_labels_list(classes,
                                                            classes_n, told));
        }

    } else if (doc->type == MLOPS_DOC_ARRAY ? doc->n != want
                                            : doc->type != MLOPS_DOC_STRING
                                              || want != 1)
    {
        if (want == 1) {
            return mlops_field_fail(field, doc, "the name of a cell");
        }

        return mlops_field_fail(field, doc, "a list of %u names of cells, one "
                                "for each class of the target \"%.*s\" (%s)",
                                want, mlops_fmt(&recipe->target->v.text),
                                mlops_fit_labels_list(classes, classes_n,
                                                      told));
    }

    *names = mlops_arena_alloc(recipe->arena, want * sizeof(mlops_str_t));
    if (*names == NULL) {
        return mlops_field_memory(field);
    }

    one = (doc->type == MLOPS_DOC_ARRAY) ? doc->v.child : doc;

    if (classes_n == 2 && doc->type == MLOPS_DOC_ARRAY && doc->n == 2) {
        one = one->next;
    }

    for (i = 0; i < want; i++, one = one->next) {

        if (one->type != MLOPS_DOC_STRING) {
            return mlops_field_fail(field, one, "the name of a cell");
        }

        (*names)[i] = one->v.text;
    }

    *n = want;
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


/* What the learner minimises, by its word: its objective, else its name. */

static mlops_str_t
mlops_learn_objective(const mlops_learn_recipe_t *recipe)
{
    mlops_str_t         none = mlops_null_str;
    const mlops_doc_t  *doc;

    if (recipe->learner == NULL) {
        return none;
    }

    doc = mlops_doc_get(recipe->learner->doc, "objective");

    return (doc != NULL && doc->type == MLOPS_DOC_STRING)
           ? doc->v.text : recipe->learner->fit;
}


int
mlops_learn_metrics(mlops_learn_recipe_t *recipe, uint32_t classes_n,
    mlops_metric_t *metrics, uint32_t *n)
{
    uint32_t            i;
    double              value;
    mlops_str_t         name;
    const mlops_doc_t  *doc;

    /* the quantile of pinball, the delta of huber */

    recipe->parameter = NAN;
    name = mlops_learn_objective(recipe);

    doc = !mlops_str_is(&name, "quantile") && !mlops_str_is(&name, "huber")
          ? NULL
          : mlops_doc_get(recipe->learner->doc,
                          mlops_str_is(&name, "huber") ? "delta" : "alpha");

    if (doc != NULL && mlops_doc_double(doc, &value) == MLOPS_OK) {
        recipe->parameter = value;
    }

    if (recipe->metrics_n == 0) {
        *n = mlops_learn_default_metrics(recipe, classes_n, metrics);
        return MLOPS_OK;
    }

    for (i = 0; i < recipe->metrics_n; i++) {

        if (!mlops_metric_fits(recipe->metrics[i], classes_n)) {
            return mlops_field_error(&recipe->field, "train.metrics[%u]: "
                                     "\"%s\" is not for %s", i,
                                     mlops_metric_name(recipe->metrics[i]),
                                     classes_n == 0 ? "a target that is a "
                                                      "number"
                                     : classes_n > 2 ? "more than two classes"
                                                     : "classes");
        }

        metrics[i] = recipe->metrics[i];
    }

    *n = recipe->metrics_n;

    return MLOPS_OK;
}


mlops_metric_t
mlops_learn_loss(const mlops_learn_recipe_t *recipe, uint32_t classes_n)
{
    mlops_metric_t  metrics[MLOPS_LEARN_METRICS];

    (void) mlops_learn_default_metrics(recipe, classes_n, metrics);

    return (metrics[0] == MLOPS_METRIC_RMSE) ? MLOPS_METRIC_MSE : metrics[0];
}


static uint32_t
mlops_learn_default_metrics(const mlops_learn_recipe_t *recipe,
    uint32_t classes_n, mlops_metric_t *metrics)
{
    uint32_t     n;
    mlops_str_t  name;

    name = mlops_learn_objective(recipe);
    n = 0;

    if (classes_n > 2) {
        metrics[n++] = MLOPS_METRIC_LOG_LOSS;
        metrics[n++] = MLOPS_METRIC_ACCURACY;
        metrics[n++] = MLOPS_METRIC_F1;

    } else if (classes_n != 0) {
        metrics[n++] = MLOPS_METRIC_LOG_LOSS;
        metrics[n++] = MLOPS_METRIC_AUC;
        metrics[n++] = MLOPS_METRIC_ACCURACY;
        metrics[n++] = MLOPS_METRIC_ECE;

    } else {

        if (mlops_str_is(&name, "poisson")) {
            metrics[n++] = MLOPS_METRIC_DEVIANCE;

        } else if (mlops_str_is(&name, "quantile")) {
            metrics[n++] = MLOPS_METRIC_PINBALL;

        } else if (mlops_str_is(&name, "huber")) {
            metrics[n++] = MLOPS_METRIC_HUBER;
        }

        metrics[n++] = MLOPS_METRIC_RMSE;
        metrics[n++] = MLOPS_METRIC_MAE;
        metrics[n++] = MLOPS_METRIC_R2;
    }

    return n;
}
