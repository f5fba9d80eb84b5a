/*
 * What is wrong for all trials of a tuning, told before the first one.
 *
 * The recipe is read as each trial will read it, and the rows, once, as the
 * first trial does whose recipe is good; nothing is fitted.  That tells by
 * which score and metric trials are judged, which has to be the same for all
 * of them.
 */

#include "mlops_tune.h"
#include "mlops_learn_start.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_TUNE_DEPTH  1024      /* of a recipe with settings, more than
                                       it has */


typedef struct {
    const mlops_tune_options_t  *options;
    const char                  *data;      /* of the recipe */
    size_t                       len;
    const char                  *folder;
    mlops_tuned_t               *tuned;
    const mlops_tune_trial_t    *first;     /* that has been looked at */
    mlops_metric_t               metric;
    int                          wants;     /* as of its recipe */
    uint32_t                     classes_n;
    double                       parameter; /* of its metrics */
    int                          drawn;     /* folds are, by the seed */
    mlops_err_t                 *err;
} mlops_tune_check_t;


static int mlops_tune_apart(const mlops_tune_check_t *check,
    const mlops_tune_space_t *space);
static int mlops_tune_hidden(const mlops_tune_check_t *check,
    const mlops_tune_space_t *space, const mlops_tune_trial_t *trial,
    mlops_arena_t *arena);
static int mlops_tune_within(const mlops_doc_t *node, const mlops_doc_t *doc,
    int depth);
static int mlops_tune_first(mlops_tune_check_t *check);
static int mlops_tune_seen(mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial, mlops_learn_recipe_t *recipe,
    mlops_err_t *err);
static int mlops_tune_recipe(mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial, mlops_learn_recipe_t *recipe,
    mlops_arena_t *arena, mlops_err_t *err);
static const char **mlops_tune_set(const mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial, uint32_t *n, mlops_arena_t *arena);
static int mlops_tune_state_key(const mlops_learn_recipe_t *recipe,
    mlops_err_t *err);
static int mlops_tune_look(mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial, mlops_err_t *err);
static int mlops_tune_metric(mlops_tune_check_t *check,
    const mlops_learned_t *learned, mlops_err_t *err);
static int mlops_tune_folds(const mlops_tune_check_t *check,
    const mlops_tune_space_t *space);
static int mlops_tune_alike(mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial, mlops_arena_t *arena);
static double mlops_tune_parameter(mlops_metric_t metric,
    const mlops_learn_recipe_t *recipe);
static const char *mlops_tune_other(const mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial);


int
mlops_tune_check(const mlops_tune_options_t *options, const char *data,
    size_t len, const mlops_tune_space_t *space, mlops_tuned_t *tuned,
    mlops_err_t *err)
{
    int                  rc;
    char                *folder;
    uint32_t             i;
    mlops_arena_t        arena;
    mlops_tune_check_t   check;

    folder = mlops_learn_folder(options->recipe);
    if (folder == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    memset(&check, 0, sizeof(check));

    check.options = options;
    check.data = data;
    check.len = len;
    check.folder = folder;
    check.tuned = tuned;
    check.err = err;

    rc = mlops_tune_apart(&check, space);

    if (rc == MLOPS_OK) {
        rc = mlops_tune_first(&check);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_tune_folds(&check, space);
    }

    for (i = 0; i < tuned->trials_n && rc == MLOPS_OK; i++) {
        mlops_arena_init(&arena, NULL, NULL);
        rc = mlops_tune_alike(&check, &tuned->trials[i], &arena);
        mlops_arena_destroy(&arena);
    }

    free(folder);

    return rc;
}


/* A setting of all trials that the space sets, too, would have no effect. */

static int
mlops_tune_apart(const mlops_tune_check_t *check,
    const mlops_tune_space_t *space)
{
    int             rc;
    uint32_t        i;
    mlops_arena_t   arena;

    rc = MLOPS_OK;

    if (check->options->set_n == 0) {
        return MLOPS_OK;
    }

    for (i = 0; i < check->tuned->trials_n && rc == MLOPS_OK; i++) {
        mlops_arena_init(&arena, NULL, NULL);
        rc = mlops_tune_hidden(check, space, &check->tuned->trials[i],
                               &arena);
        mlops_arena_destroy(&arena);
    }

    return rc;
}


/* Settings are told apart by what they replace in the recipe: names of it
 * have several spellings.  What is wrong with them is told elsewhere. */

static int
mlops_tune_hidden(const mlops_tune_check_t *check,
    const mlops_tune_space_t *space, const mlops_tune_trial_t *trial,
    mlops_arena_t *arena)
{
    uint32_t               i, k, n, all;
    mlops_err_t            unused;
    mlops_doc_t           *value;
    const char           **set;
    const mlops_doc_t    **at;
    mlops_learn_recipe_t   recipe;

    memset(&recipe, 0, sizeof(recipe));

    recipe.arena = arena;
    recipe.err = &unused;
    recipe.doc = mlops_doc_parse(check->data, check->len, 0, arena,
                                 check->err);

    if (recipe.doc == NULL) {
        return MLOPS_ERROR;
    }

    all = check->options->set_n;
    set = mlops_tune_set(check, trial, &n, arena);
    at = mlops_arena_alloc(arena, (size_t) n * sizeof(mlops_doc_t *));

    if (set == NULL || at == NULL) {
        return mlops_err_set(check->err, "out of memory");
    }

    for (i = 0; i < n; i++) {
        at[i] = mlops_learn_set_find(&recipe, set[i], &value);

        if (at[i] == NULL) {
            return MLOPS_OK;
        }

        for (k = 0; i >= all && k < all; k++) {

            if (mlops_tune_within(at[i], at[k], MLOPS_TUNE_DEPTH)
                || mlops_tune_within(at[k], at[i], MLOPS_TUNE_DEPTH))
            {
                return mlops_err_set(check->err, "setting \"%s\": \"%.*s\" "
                                     "is in the recipe's tune, which sets it "
                                     "for each trial", set[k],
                                     mlops_fmt(&space->axes[i - all].name));
            }
        }

        if (mlops_learn_set(&recipe, set[i]) != MLOPS_OK) {
            return MLOPS_OK;
        }
    }

    return MLOPS_OK;
}


/* Is a node this one, or below it? */

static int
mlops_tune_within(const mlops_doc_t *node, const mlops_doc_t *doc, int depth)
{
    const mlops_doc_t  *child;

    if (node == doc) {
        return 1;
    }

    if (depth == 0
        || (doc->type != MLOPS_DOC_ARRAY && doc->type != MLOPS_DOC_OBJECT))
    {
        return 0;
    }

    for (child = doc->v.child; child != NULL; child = child->next) {
        if (mlops_tune_within(node, child, depth - 1)) {
            return 1;
        }
    }

    return 0;
}


/* The first trial that could be trained.  Where none can, the first reason is
 * told; rows are read for no more trials than may fail. */

static int
mlops_tune_first(mlops_tune_check_t *check)
{
    int                    rc;
    uint32_t               i, looks;
    mlops_err_t            other;
    mlops_arena_t          arena;
    mlops_learn_recipe_t   recipe;

    rc = MLOPS_AGAIN;
    looks = 0;

    for (i = 0; i < check->tuned->trials_n && rc == MLOPS_AGAIN; i++) {
        mlops_arena_init(&arena, NULL, NULL);

        rc = mlops_tune_recipe(check, &check->tuned->trials[i], &recipe,
                               &arena, i ? &other : check->err);

        if (rc == MLOPS_OK) {
            rc = mlops_tune_seen(check, &check->tuned->trials[i], &recipe,
                                 &other);

            if (rc == MLOPS_ERROR || (rc == MLOPS_AGAIN && looks == 0)) {
                *check->err = other;
            }

            looks++;
        }

        mlops_arena_destroy(&arena);

        if (rc == MLOPS_AGAIN && looks > check->options->max_failed) {
            break;
        }
    }

    return (rc == MLOPS_OK) ? MLOPS_OK : MLOPS_ERROR;
}


/* A recipe that is good: what do the rows say? */

static int
mlops_tune_seen(mlops_tune_check_t *check, const mlops_tune_trial_t *trial,
    mlops_learn_recipe_t *recipe, mlops_err_t *err)
{
    int              rc;
    uint32_t         n;
    mlops_metric_t   metrics[MLOPS_LEARN_METRICS];

    recipe->err = err;

    if (mlops_tune_state_key(recipe, err) != MLOPS_OK
        || mlops_learn_apart(recipe, check->options->files,
                             check->options->files_n, NULL, 1)
           != MLOPS_OK)
    {
        return mlops_err_prefix(err, "%s", check->options->recipe);
    }

    rc = mlops_tune_look(check, trial, err);

    if (rc == MLOPS_OK) {
        (void) mlops_learn_metrics(recipe, check->classes_n, metrics, &n);

        check->wants = recipe->wants;
        check->drawn = (recipe->rule.by != MLOPS_SPLIT_TIME);
        check->parameter = mlops_tune_parameter(check->metric, recipe);
    }

    return rc;
}


/* MLOPS_AGAIN: this trial would fail, another one may not. */

static int
mlops_tune_recipe(mlops_tune_check_t *check, const mlops_tune_trial_t *trial,
    mlops_learn_recipe_t *recipe, mlops_arena_t *arena, mlops_err_t *err)
{
    uint32_t     n;
    const char **set;

    set = mlops_tune_set(check, trial, &n, arena);

    if (set == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    if (mlops_learn_recipe_read(recipe, check->data, check->len,
                                check->folder, set, n, NULL,
                                MLOPS_LEARN_CHECK, arena, err)
        != MLOPS_OK)
    {
        (void) mlops_err_prefix(err, "%s", check->options->recipe);
        return MLOPS_AGAIN;
    }

    return MLOPS_OK;
}


/* Those of all trials, then its own. */

static const char **
mlops_tune_set(const mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial, uint32_t *n, mlops_arena_t *arena)
{
    uint32_t                     i;
    const char                 **set;
    const mlops_tune_options_t  *options;

    options = check->options;
    *n = options->set_n + trial->settings_n;
    set = mlops_arena_alloc(arena, ((size_t) *n + 1) * sizeof(char *));

    for (i = 0; i < *n && set != NULL; i++) {
        set[i] = (i < options->set_n) ? options->set[i]
                                      : trial->settings[i - options->set_n];
    }

    return set;
}


static int
mlops_tune_state_key(const mlops_learn_recipe_t *recipe, mlops_err_t *err)
{
    uint32_t  i;

    for (i = 0; i < recipe->steps_n; i++) {

        if (recipe->steps[i].fitter != NULL
            && mlops_doc_get(recipe->steps[i].doc, "state") != NULL)
        {
            return mlops_err_set(err, "steps[%u].state: all trials would "
                                 "replace this file: tune without it, then "
                                 "train the best settings with it", i);
        }
    }

    return MLOPS_OK;
}


/* The rows, as this trial will read them; MLOPS_AGAIN as above. */

static int
mlops_tune_look(mlops_tune_check_t *check, const mlops_tune_trial_t *trial,
    mlops_err_t *err)
{
    int                     rc;
    mlops_arena_t           arena;
    mlops_learned_t         learned;
    mlops_learn_options_t   options;

    memset(&options, 0, sizeof(options));
    mlops_arena_init(&arena, NULL, NULL);

    options.recipe = check->options->recipe;
    options.text = check->data;
    options.text_len = check->len;
    options.folder = check->folder;
    options.rows = check->options->rows;
    options.rows_again = 1;
    options.set = mlops_tune_set(check, trial, &options.set_n, &arena);
    options.threads = check->options->threads;
    options.judged = 1;
    options.look = 1;
    options.stop = check->options->stop;
    options.ctx = check->options->ctx;

    if (options.set == NULL) {
        mlops_arena_destroy(&arena);
        return mlops_err_set(err, "out of memory");
    }

    rc = mlops_learn(&options, &learned, err);
    mlops_arena_destroy(&arena);

    if (rc != MLOPS_OK) {
        return MLOPS_AGAIN;
    }

    check->first = trial;
    rc = mlops_tune_metric(check, &learned, err);
    mlops_learned_free(&learned);

    return rc;
}


/* The one that is asked for, or the first. */

static int
mlops_tune_metric(mlops_tune_check_t *check, const mlops_learned_t *learned,
    mlops_err_t *err)
{
    int          n;
    char         names[256];
    uint32_t     i;
    const char  *want, *name;

    want = check->options->metric;
    names[0] = '\0';

    for (i = 0, n = 0; i < learned->metrics_n; i++) {
        name = mlops_metric_name(learned->metrics[i]);

        if (want == NULL || strcmp(name, want) == 0) {
            check->metric = learned->metrics[i];
            check->classes_n = learned->classes_n;
            check->tuned->judge = learned->judge;
            check->tuned->metric = name;

            return MLOPS_OK;
        }

        if (n < (int) sizeof(names)) {
            n += snprintf(names + n, sizeof(names) - (size_t) n, "%s%s",
                          i ? ", " : "", name);
        }
    }

    return mlops_err_set(err, "expected the metric %s among those of the "
                         "recipe (train.metrics), got %s", want, names);
}


/* Folds are drawn by the seed of the run, but for those of time. */

static int
mlops_tune_folds(const mlops_tune_check_t *check,
    const mlops_tune_space_t *space)
{
    uint32_t  a;

    for (a = 0; a < space->axes_n; a++) {

        if (check->drawn && strcmp(check->tuned->judge, "validate") == 0
            && mlops_str_is(&space->axes[a].name, "train.seed"))
        {
            return mlops_err_set(check->err, "%s: tune.train.seed: gives "
                                 "trials other folds of train.validate, by "
                                 "which they are judged, so that they could "
                                 "not be compared", check->options->recipe);
        }
    }

    return MLOPS_OK;
}


/* Would this trial be judged by the same metric?  One whose recipe is wrong
 * fails by itself. */

static int
mlops_tune_alike(mlops_tune_check_t *check, const mlops_tune_trial_t *trial,
    mlops_arena_t *arena)
{
    uint32_t               i, n;
    mlops_err_t            err;
    mlops_metric_t         metrics[MLOPS_LEARN_METRICS];
    mlops_learn_recipe_t   recipe;

    if (mlops_tune_recipe(check, trial, &recipe, arena, &err) != MLOPS_OK
        || recipe.wants != check->wants
        || mlops_learn_metrics(&recipe, check->classes_n, metrics, &n)
           != MLOPS_OK)
    {
        return MLOPS_OK;
    }

    for (i = 0; i < n && metrics[i] != check->metric; i++) {
        /* void */
    }

    if (i == n) {
        return mlops_err_set(check->err, "%s: setting \"%.100s\" of trial %u: "
                             "has no metric %s, by which trials are judged: "
                             "name the metrics in train.metrics",
                             check->options->recipe,
                             mlops_tune_other(check, trial), trial->number,
                             check->tuned->metric);
    }

    if (mlops_tune_parameter(check->metric, &recipe) != check->parameter) {
        return mlops_err_set(check->err, "%s: setting \"%.100s\" of trial %u: "
                             "changes the metric %s, by which trials are "
                             "judged, as well: take another one (--goal)",
                             check->options->recipe,
                             mlops_tune_other(check, trial), trial->number,
                             check->tuned->metric);
    }

    return MLOPS_OK;
}


/* What the metric takes from the learner, or its default. */

static double
mlops_tune_parameter(mlops_metric_t metric,
    const mlops_learn_recipe_t *recipe)
{
    if (metric == MLOPS_METRIC_PINBALL) {
        return isnan(recipe->parameter) ? 0.5 : recipe->parameter;
    }

    if (metric == MLOPS_METRIC_HUBER) {
        return isnan(recipe->parameter) ? 1 : recipe->parameter;
    }

    return 0;
}


/* The first setting that the one that was looked at has not. */

static const char *
mlops_tune_other(const mlops_tune_check_t *check,
    const mlops_tune_trial_t *trial)
{
    uint32_t  i;

    for (i = 0; i + 1 < trial->settings_n; i++) {
        if (strcmp(trial->settings[i], check->first->settings[i]) != 0) {
            break;
        }
    }

    return trial->settings[i];
}
