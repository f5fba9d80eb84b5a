/*
 * Reading a training recipe: its inputs, its steps, the object "train".
 */

#include "mlops_learn_recipe.h"

#include <stdio.h>
#include <stdlib.h>


static int mlops_learn_top(mlops_learn_recipe_t *recipe, int check);
static int mlops_learn_inputs(mlops_learn_recipe_t *recipe);
static int mlops_learn_steps(mlops_learn_recipe_t *recipe,
    const mlops_doc_t *list);
static int mlops_learn_step(mlops_learn_recipe_t *recipe,
    const mlops_doc_t *doc, mlops_learn_step_t *step);
static int mlops_learn_no_fitter(mlops_learn_recipe_t *recipe,
    const mlops_learn_step_t *step);
static int mlops_learn_train(mlops_learn_recipe_t *recipe,
    const uint64_t *seed);
static int mlops_learn_validate(mlops_learn_recipe_t *recipe);
static int mlops_learn_split_of(mlops_learn_recipe_t *recipe);
static int mlops_learn_rows_of(mlops_learn_recipe_t *recipe);
static int mlops_learn_named_metrics(mlops_learn_recipe_t *recipe);
static int mlops_learn_named_slices(mlops_learn_recipe_t *recipe);


int
mlops_learn_recipe_read(mlops_learn_recipe_t *recipe, const char *text,
    size_t len, const char *folder, const char *const *set, uint32_t set_n,
    const uint64_t *seed, unsigned flags, mlops_arena_t *arena,
    mlops_err_t *err)
{
    int       check;
    size_t    skip;
    uint32_t  i;

    memset(recipe, 0, sizeof(mlops_learn_recipe_t));

    check = (flags & MLOPS_LEARN_CHECK) != 0;

    recipe->arena = arena;
    recipe->err = err;
    recipe->folder = folder;
    recipe->no_exec = (flags & MLOPS_LEARN_NO_EXEC) != 0;
    mlops_field_init(&recipe->field, arena, err);

    skip = (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) ? 3 : 0;

    recipe->doc = mlops_doc_parse(text + skip, len - skip, 0, arena, err);

    if (recipe->doc == NULL) {
        return MLOPS_ERROR;
    }

    if (recipe->doc->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(&recipe->field, recipe->doc, "a recipe (an "
                                "object)");
    }

    for (i = 0; i < set_n; i++) {
        if (mlops_learn_set(recipe, set[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (mlops_learn_top(recipe, check) != MLOPS_OK
        || mlops_learn_train(recipe, seed) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return check ? mlops_learn_recipe_check(recipe) : MLOPS_OK;
}


static int
mlops_learn_top(mlops_learn_recipe_t *recipe, int check)
{
    int64_t                   version;
    uint32_t                  i;
    mlops_field_t            *field;
    const mlops_doc_t        *list, *name;
    static const char *const  keys[] = {
        "recipe", "name", "inputs", "train", "steps", "signatures", "tune",
        "golden", "tolerance", "metadata", NULL
    };

    field = &recipe->field;

    if (mlops_field_int(field, recipe->doc, "recipe", 1, 1, 0, &version)
        != MLOPS_OK
        || mlops_field_keys(field, recipe->doc, keys, NULL) != MLOPS_OK
        || mlops_field_find(field, recipe->doc, "name", MLOPS_DOC_STRING,
                            &name)
           != MLOPS_OK
        || mlops_learn_inputs(recipe) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    recipe->train = mlops_field_get(field, recipe->doc, "train",
                                    MLOPS_DOC_OBJECT);
    recipe->signatures = recipe->train
                         ? mlops_field_get(field, recipe->doc, "signatures",
                                           MLOPS_DOC_ARRAY) : NULL;

    if (recipe->signatures == NULL
        || mlops_field_find(field, recipe->doc, "steps", MLOPS_DOC_ARRAY,
                            &list)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_learn_steps(recipe, list) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < recipe->steps_n; i++) {
        if (recipe->steps[i].fitter != NULL) {
            return MLOPS_OK;
        }
    }

    if (!check) {
        return MLOPS_OK;
    }

    return mlops_field_error(field, "steps: expected at least one with the "
                             "key fit, got none: there is nothing to learn "
                             "(\"mlopsctl import\" takes a recipe that has "
                             "its numbers)");
}


static int
mlops_learn_inputs(mlops_learn_recipe_t *recipe)
{
    size_t              old;
    mlops_field_t      *field;
    const mlops_doc_t  *list;

    field = &recipe->field;

    list = mlops_field_get(field, recipe->doc, "inputs", MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "inputs");

    if (list->n == 0 || list->n > MLOPS_LEARN_INPUTS) {
        return mlops_field_fail(field, list, "a list of 1 to %u objects",
                                MLOPS_LEARN_INPUTS);
    }

    if (mlops_import_inputs(field, list, &recipe->inputs, &recipe->names)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    recipe->inputs_n = list->n;
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_learn_steps(mlops_learn_recipe_t *recipe, const mlops_doc_t *list)
{
    size_t               old, here;
    uint32_t             i;
    const mlops_doc_t   *doc;
    mlops_learn_step_t  *step;

    if (list == NULL) {
        return MLOPS_OK;
    }

    recipe->steps = mlops_arena_calloc(recipe->arena, list->n,
                                       sizeof(mlops_learn_step_t));
    if (recipe->steps == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    old = mlops_field_push(&recipe->field, "steps");
    doc = (list->type == MLOPS_DOC_ARRAY) ? list->v.child : NULL;

    for (i = 0; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(&recipe->field, i);
        step = &recipe->steps[i];

        if (mlops_learn_step(recipe, doc, step) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        recipe->steps_n++;

        if (step->fitter != NULL
            && (step->fitter->flags
                & (MLOPS_FIT_LEARNER|MLOPS_FIT_CALIBRATE)))
        {
            recipe->learner = step;
        }

        mlops_field_pop(&recipe->field, here);
    }

    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}


static int
mlops_learn_step(mlops_learn_recipe_t *recipe, const mlops_doc_t *doc,
    mlops_learn_step_t *step)
{
    uint32_t                  n;
    mlops_field_t            *field;
    const mlops_doc_t        *kind, *fit;
    const char               *keys[8];

    field = &recipe->field;
    step->doc = doc;

    if (doc->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(field, doc, "an object");
    }

    kind = mlops_field_get(field, doc, "kind", MLOPS_DOC_STRING);

    if (kind == NULL
        || mlops_field_find(field, doc, "fit", MLOPS_DOC_STRING, &fit)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    step->kind = kind->v.text;

    if (fit == NULL) {
        return MLOPS_OK;
    }

    step->fit = fit->v.text;
    step->fitter = mlops_fitter_find(&step->kind, &step->fit);

    if (step->fitter == NULL) {
        return mlops_learn_no_fitter(recipe, step);
    }

    n = 0;
    keys[n++] = "kind";
    keys[n++] = "fit";
    keys[n++] = "inputs";
    keys[n++] = "margin";

    if (step->fitter->flags & MLOPS_FIT_VARYING) {
        keys[n++] = "prefix";

    } else {
        keys[n++] = "outputs";
    }

    keys[n] = NULL;

    return mlops_field_keys(field, doc, keys, step->fitter->keys);
}


/* What else does this kind fit, or which kinds does something fit? */

static int
mlops_learn_no_fitter(mlops_learn_recipe_t *recipe,
    const mlops_learn_step_t *step)
{
    char                          text[240];
    size_t                        len;
    uint32_t                      i, n;
    mlops_str_t                   names[64];
    const mlops_fitter_t *const  *all;

    all = mlops_fitters();
    n = 0;
    len = 0;

    for (i = 0; all[i]->kind != NULL && n < mlops_nitems(names); i++) {

        if (mlops_str_eq(&step->kind, all[i]->kind, strlen(all[i]->kind))) {

            if (len < sizeof(text)) {
                len += (size_t) snprintf(text + len, sizeof(text) - len,
                                         "%s\"%s\"", n ? ", " : "one of ",
                                         all[i]->fit);
            }

            names[n].data = all[i]->fit;
            names[n].len = strlen(all[i]->fit);
            n++;
        }
    }

    if (n != 0) {
        (void) mlops_field_push(&recipe->field, "fit");

        if (n == 1) {
            return mlops_field_error(&recipe->field, "expected \"%.*s\", which"
                                     " is what a step of this kind fits, got "
                                     "\"%.*s\"", mlops_fmt(&names[0]),
                                     (int) (step->fit.len < 40
                                            ? step->fit.len : 40),
                                     step->fit.data);
        }

        return mlops_field_suggest(&recipe->field, &step->fit, text, names,
                                   n);
    }

    for (i = 0; all[i]->kind != NULL && n < mlops_nitems(names); i++) {
        names[n].data = all[i]->kind;
        names[n].len = strlen(all[i]->kind);
        n++;
    }

    (void) mlops_field_push(&recipe->field, "kind");

    return mlops_field_suggest(&recipe->field, &step->kind, "a kind of step "
                               "that can be fitted", names, n);
}


static int
mlops_learn_train(mlops_learn_recipe_t *recipe, const uint64_t *seed)
{
    size_t                    old;
    int64_t                   given;
    mlops_field_t            *field;
    const mlops_doc_t        *train;
    static const char *const  keys[] = {
        "rows", "target", "classes", "weight", "class_weight", "sample",
        "seed", "split", "validate", "metrics", "prediction", "slices",
        "leak", NULL
    };

    field = &recipe->field;
    train = recipe->train;
    old = mlops_field_push(field, "train");

    if (mlops_field_keys(field, train, keys, NULL) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    recipe->target = mlops_field_get(field, train, "target",
                                     MLOPS_DOC_STRING);

    if (recipe->target == NULL
        || mlops_field_find(field, train, "weight", MLOPS_DOC_STRING,
                            &recipe->weight)
           != MLOPS_OK
        || mlops_field_find(field, train, "classes", MLOPS_DOC_ARRAY,
                            &recipe->classes)
           != MLOPS_OK
        || mlops_field_find(field, train, "sample", MLOPS_DOC_OBJECT,
                            &recipe->sample)
           != MLOPS_OK
        || mlops_learn_split_of(recipe) != MLOPS_OK
        || mlops_learn_named_slices(recipe) != MLOPS_OK
        || mlops_field_find(field, train, "rows", MLOPS_DOC_OBJECT,
                            &recipe->rows)
           != MLOPS_OK
        || mlops_field_int(field, train, "seed", 0, INT64_MAX, 1, &given)
           != MLOPS_OK
        || mlops_field_flag(field, train, "leak", &recipe->leak) != MLOPS_OK
        || mlops_learn_validate(recipe) != MLOPS_OK
        || mlops_learn_named_metrics(recipe) != MLOPS_OK
        || mlops_learn_rows_of(recipe) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    recipe->seed = seed ? *seed : (uint64_t) given;
    recipe->class_weight = mlops_doc_get(train, "class_weight");

    if (recipe->class_weight != NULL
        && recipe->class_weight->type != MLOPS_DOC_OBJECT
        && (recipe->class_weight->type != MLOPS_DOC_STRING
            || !mlops_str_is(&recipe->class_weight->v.text, "balanced")))
    {
        (void) mlops_field_push(field, "class_weight");
        return mlops_field_fail(field, recipe->class_weight, "\"balanced\", "
                                "or an object from class to weight");
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_learn_validate(mlops_learn_recipe_t *recipe)
{
    size_t                    old;
    int64_t                   folds, repeats;
    mlops_field_t            *field;
    const mlops_doc_t        *doc;
    static const char *const  keys[] = { "folds", "repeats", NULL };

    field = &recipe->field;

    if (mlops_field_find(field, recipe->train, "validate", MLOPS_DOC_OBJECT,
                         &doc)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (doc == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(field, "validate");

    if (mlops_field_keys(field, doc, keys, NULL) != MLOPS_OK
        || mlops_field_int(field, doc, "folds", 2, MLOPS_LEARN_FOLDS, 5,
                           &folds)
           != MLOPS_OK
        || mlops_field_int(field, doc, "repeats", 1, MLOPS_LEARN_REPEATS, 1,
                           &repeats)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (repeats != 1 && recipe->rule.by == MLOPS_SPLIT_TIME) {
        (void) mlops_field_push(field, "repeats");
        return mlops_field_error(field, "expected 1 with a split by time, by "
                                 "which folds are cut without chance, got "
                                 "%lld", (long long) repeats);
    }

    recipe->folds = (uint32_t) folds;
    recipe->repeats = (uint32_t) repeats;
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_learn_split_of(mlops_learn_recipe_t *recipe)
{
    size_t              old;
    const mlops_doc_t  *split;

    if (mlops_field_find(&recipe->field, recipe->train, "split",
                         MLOPS_DOC_OBJECT, &split)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&recipe->field, "split");

    if (mlops_split_rule(&recipe->field, split, &recipe->rule) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}


static int
mlops_learn_rows_of(mlops_learn_recipe_t *recipe)
{
    size_t                    old, here;
    mlops_field_t            *field;
    const mlops_doc_t        *list, *filters;
    static const char *const  keys[] = {
        "header", "missing", "columns", "steps", "filters", NULL
    };

    if (recipe->rows == NULL) {
        return MLOPS_OK;
    }

    field = &recipe->field;
    old = mlops_field_push(field, "rows");

    if (mlops_field_keys(field, recipe->rows, keys, NULL) != MLOPS_OK
        || mlops_field_strings(field, recipe->rows, "header", 0,
                               &recipe->header, &recipe->header_n)
           != MLOPS_OK
        || mlops_field_strings(field, recipe->rows, "missing", 0,
                               &recipe->missing, &recipe->missing_n)
           != MLOPS_OK
        || mlops_field_find(field, recipe->rows, "steps", MLOPS_DOC_ARRAY,
                            &recipe->row_steps)
           != MLOPS_OK
        || mlops_field_find(field, recipe->rows, "filters", MLOPS_DOC_ARRAY,
                            &filters)
           != MLOPS_OK
        || mlops_field_find(field, recipe->rows, "columns", MLOPS_DOC_ARRAY,
                            &list)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (list != NULL && list->type == MLOPS_DOC_ARRAY) {
        here = mlops_field_push(field, "columns");

        if (mlops_import_inputs(field, list, &recipe->extra,
                                &recipe->extra_names)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        recipe->extra_n = list->n;
        mlops_field_pop(field, here);
    }

    here = mlops_field_push(field, "filters");

    if (mlops_filters(field, filters, &recipe->filters, &recipe->filters_n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_field_pop(field, here);
    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_learn_named_metrics(mlops_learn_recipe_t *recipe)
{
    int           found;
    size_t        old, here;
    uint32_t      i, k, n;
    mlops_str_t  *list, names[MLOPS_METRIC_N];

    if (mlops_field_strings(&recipe->field, recipe->train, "metrics", 0,
                            &list, &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_doc_get(recipe->train, "metrics") == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(&recipe->field, "metrics");

    if (n == 0 || n > MLOPS_METRIC_N) {
        return mlops_field_error(&recipe->field, "expected 1 to %d names, got "
                                 "%u", MLOPS_METRIC_N, n);
    }

    recipe->metrics = mlops_arena_alloc(recipe->arena,
                                        n * sizeof(mlops_metric_t));
    if (recipe->metrics == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    for (i = 0; i < n; i++) {
        here = mlops_field_push_i(&recipe->field, i);
        found = mlops_metric_find(&list[i]);

        if (found < 0) {

            for (k = 0; k < MLOPS_METRIC_N; k++) {
                names[k].data = mlops_metric_name((mlops_metric_t) k);
                names[k].len = strlen(names[k].data);
            }

            return mlops_field_suggest(&recipe->field, &list[i], "the name of "
                                       "a metric", names, MLOPS_METRIC_N);
        }

        for (k = 0; k < i; k++) {
            if (recipe->metrics[k] == (mlops_metric_t) found) {
                return mlops_field_error(&recipe->field, "expected each "
                                         "metric once, got \"%.*s\" again",
                                         mlops_fmt(&list[i]));
            }
        }

        recipe->metrics[i] = (mlops_metric_t) found;
        mlops_field_pop(&recipe->field, here);
    }

    recipe->metrics_n = n;
    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}


/* That they are names, and of what, is seen where cells are known. */

static int
mlops_learn_named_slices(mlops_learn_recipe_t *recipe)
{
    size_t              old;
    uint32_t            i;
    const mlops_doc_t  *first, *doc, *other;

    if (mlops_field_find(&recipe->field, recipe->train, "slices",
                         MLOPS_DOC_ARRAY, &recipe->slices)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (recipe->slices == NULL || recipe->slices->type != MLOPS_DOC_ARRAY) {
        return MLOPS_OK;
    }

    old = mlops_field_push(&recipe->field, "slices");
    first = recipe->slices->v.child;

    for (i = 0, doc = first; doc != NULL; i++, doc = doc->next) {

        for (other = first; other != doc; other = other->next) {

            if (doc->type == MLOPS_DOC_STRING
                && other->type == MLOPS_DOC_STRING
                && mlops_str_eq(&doc->v.text, other->v.text.data,
                                other->v.text.len))
            {
                (void) mlops_field_push_i(&recipe->field, i);
                return mlops_field_error(&recipe->field, "expected each cell "
                                         "once, got \"%.*s\" again",
                                         mlops_fmt(&doc->v.text));
            }
        }
    }

    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}
