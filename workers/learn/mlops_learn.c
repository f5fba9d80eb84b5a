/*
 * A training run as a whole.
 */

#include "mlops_learn_run.h"
#include "mlops_learn_start.h"
#include "mlops_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


static uint64_t mlops_learn_peak(void);
static int mlops_learn_start(mlops_learn_run_t *run);
static int mlops_learn_judged(mlops_learn_run_t *run, int tune);
static int mlops_learn_prepare(mlops_learn_run_t *run);
static int mlops_learn_enough(mlops_learn_run_t *run);
static int mlops_learn_fit_all(mlops_learn_run_t *run);
static int mlops_learn_scores(mlops_learn_run_t *run,
    mlops_learn_chain_t *chain);
static void mlops_learn_run_free(mlops_learn_run_t *run);


static double
mlops_learn_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec * 1e-9;
}


int
mlops_learn(const mlops_learn_options_t *options, mlops_learned_t *learned,
    mlops_err_t *err)
{
    int                     rc;
    char                   *text, *folder;
    double                  start;
    mlops_arena_t           arena;
    mlops_learn_run_t      *run;
    mlops_learn_options_t   own;

    memset(learned, 0, sizeof(mlops_learned_t));

    start = mlops_learn_now();
    own = *options;
    text = NULL;
    folder = NULL;

    run = calloc(1, sizeof(mlops_learn_run_t));
    if (run == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    mlops_arena_init(&arena, NULL, NULL);

    run->options = &own;
    run->learned = learned;
    run->err = err;
    run->arena = &arena;

    rc = MLOPS_OK;

    if (own.text == NULL) {
        rc = mlops_import_read(own.recipe, &text, &own.text_len, err);

        if (rc == MLOPS_OK) {
            own.text = text;
            folder = mlops_learn_folder(own.recipe);
            own.folder = folder;

            if (folder == NULL) {
                rc = mlops_err_set(err, "out of memory");
            }
        }
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_start(run);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_prepare(run);
    }

    learned->read_s = mlops_learn_now() - start;

    if (rc == MLOPS_OK && !own.look) {
        rc = mlops_learn_fit_all(run);
    }

    learned->all_s = mlops_learn_now() - start;

    learned->peak_bytes = mlops_learn_peak();

    mlops_learn_run_free(run);
    mlops_arena_destroy(&arena);
    free(text);
    free(folder);

    if (rc != MLOPS_OK) {
        mlops_learned_free(learned);
    }

    return rc;
}


/* Of this program: getrusage would begin with what its parent held when it
 * forked. */

static uint64_t
mlops_learn_peak(void)
{
    char                line[128];
    FILE               *status;
    unsigned long long  kilobytes;

    kilobytes = 0;
    status = fopen("/proc/self/status", "re");

    if (status == NULL) {
        return 0;
    }

    while (fgets(line, sizeof(line), status) != NULL) {
        if (sscanf(line, "VmHWM: %llu kB", &kilobytes) == 1) {
            break;
        }
    }

    (void) fclose(status);

    return (uint64_t) kilobytes * 1024;
}


static int
mlops_learn_start(mlops_learn_run_t *run)
{
    int                           rc;
    uint64_t                      seed;
    unsigned                      flags;
    const mlops_learn_options_t  *options;

    options = run->options;
    seed = options->seed;
    flags = MLOPS_LEARN_CHECK;

    if (options->no_exec) {
        flags |= MLOPS_LEARN_NO_EXEC;
    }

    if (options->text_len > MLOPS_LEARN_RECIPE_MAX) {
        return mlops_err_set(run->err, "%s: expected a recipe of at most %u "
                             "bytes, got %zu",
                             options->recipe ? options->recipe : "recipe",
                             MLOPS_LEARN_RECIPE_MAX, options->text_len);
    }

    rc = mlops_learn_recipe_read(&run->recipe, options->text,
                                 options->text_len, options->folder,
                                 options->set, options->set_n,
                                 options->seeded ? &seed : NULL, flags,
                                 run->arena, run->err);

    if (rc == MLOPS_OK) {
        rc = mlops_learn_judged(run, run->recipe.rule.by == MLOPS_SPLIT_COLUMN
                                     || run->recipe.rule
                                            .fractions[MLOPS_PART_TUNE] > 0);
    }

    if (rc != MLOPS_OK) {

        if (options->recipe != NULL) {
            (void) mlops_err_prefix(run->err, "%s", options->recipe);
        }

        return rc;
    }

    run->aside = options->aside;

    if (mlops_learn_starts(run) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    run->work = mlops_folder_make(options->work, "mlops-train",
                                  &run->work_lock, run->err);

    if (run->work == NULL) {
        return MLOPS_ERROR;
    }

    run->env.folder = options->folder;
    run->env.work = run->work;
    run->env.threads = options->threads;
    run->env.stop = options->stop;
    run->env.ctx = options->ctx;

    return MLOPS_OK;
}


/* By which score would a choice between models be made?  There may be a part
 * "tune", as far as is known. */

static int
mlops_learn_judged(mlops_learn_run_t *run, int tune)
{
    run->learned->judge = tune ? mlops_part_names[MLOPS_PART_TUNE]
                          : run->recipe.folds ? "validate" : NULL;

    if (run->learned->judge == NULL && run->options->judged) {
        return mlops_err_set(run->err, "expected rows in the part \"tune\" of "
                             "train.split, or train.validate, by which "
                             "settings are judged, got neither");
    }

    return MLOPS_OK;
}


/* From the file to targets, weights and parts. */

static int
mlops_learn_prepare(mlops_learn_run_t *run)
{
    int  rc;

    mlops_learn_progress(run, "read", 0, 0, run->options->rows);

    rc = mlops_learn_rows(run, run->options->rows);

    if (rc == MLOPS_OK) {
        rc = mlops_learn_once(run);
    }

    if (rc == MLOPS_OK) {
        mlops_learn_progress(run, "split", 0, 0, "");

        rc = mlops_learn_targets(run);
    }

    if (rc != MLOPS_OK
        || mlops_learn_filter(run) != MLOPS_OK
        || mlops_learn_split(run) != MLOPS_OK
        || mlops_learn_filter_train(run) != MLOPS_OK
        || mlops_learn_folds_check(run) != MLOPS_OK
        || mlops_learn_classes(run) != MLOPS_OK
        || mlops_learn_values(run) != MLOPS_OK
        || mlops_learn_sample(run) != MLOPS_OK
        || mlops_learn_enough(run) != MLOPS_OK
        || mlops_learn_prediction(&run->recipe, run->classes, run->classes_n,
                                  &run->prediction, &run->prediction_n)
           != MLOPS_OK
        || mlops_learn_metrics(&run->recipe, run->classes_n, run->metrics,
                               &run->metrics_n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_learn_judged(run, run->parts[MLOPS_PART_TUNE].n != 0)
        != MLOPS_OK)
    {
        return run->options->recipe ? mlops_err_prefix(run->err, "%s",
                                                       run->options->recipe)
                                    : MLOPS_ERROR;
    }

    run->learned->classes_n = run->classes_n;
    run->learned->metrics_n = run->metrics_n;
    memcpy(run->learned->metrics, run->metrics, sizeof(run->metrics));

    run->learned->rows_n = run->frame.rows_n;
    run->learned->without_target_n = run->gone_target_n;
    run->learned->filtered_n = run->gone_filter_n;
    run->learned->purged_n = run->purged_n;
    run->learned->unused_n = run->unused_n;

    return MLOPS_OK;
}


/* Of one row anything can be said; but a model that goes on from another, or
 * that another goes on from, may learn it. */

static int
mlops_learn_enough(mlops_learn_run_t *run)
{
    uint32_t            i;
    uint64_t            n;
    const mlops_doc_t  *doc;

    n = run->fit[MLOPS_PART_TRAIN].n;

    for (i = 0; i < run->recipe.steps_n && n < 2; i++) {
        doc = run->recipe.steps[i].doc;

        if (run->recipe.steps[i].fitter != NULL
            && (mlops_doc_get(doc, "start") != NULL
                || mlops_doc_get(doc, "state") != NULL))
        {
            return MLOPS_OK;
        }
    }

    if (n >= 2) {
        return MLOPS_OK;
    }

    return mlops_err_set(run->err, "%s: expected at least 2 training rows, "
                         "got %llu of %llu: %llu have no target, %llu were "
                         "filtered, %llu purged, %llu are in no part, the "
                         "others in other parts or not sampled",
                         run->options->rows, (unsigned long long) n,
                         (unsigned long long) run->frame.rows_n,
                         (unsigned long long) run->gone_target_n,
                         (unsigned long long) run->gone_filter_n,
                         (unsigned long long) run->purged_n,
                         (unsigned long long) run->unused_n);
}


static int
mlops_learn_fit_all(mlops_learn_run_t *run)
{
    int                   rc;
    double                start;
    mlops_learn_chain_t   chain;
    mlops_learned_t      *learned;

    learned = run->learned;

    if (run->recipe.folds != 0) {

        if (mlops_learn_folds(run, &learned->scores[learned->scores_n])
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        learned->scores_n++;
    }

    memset(&chain, 0, sizeof(chain));

    chain.run = run;
    chain.parts[MLOPS_PART_TRAIN] = run->fit[MLOPS_PART_TRAIN];
    chain.parts[MLOPS_PART_TUNE] = run->fit[MLOPS_PART_TUNE];
    chain.parts[MLOPS_PART_CALIBRATE] = run->parts[MLOPS_PART_CALIBRATE];

    start = mlops_learn_now();
    rc = mlops_learn_chain(&chain);
    learned->fit_s = mlops_learn_now() - start;

    if (rc == MLOPS_OK) {
        rc = mlops_learn_scores(run, &chain);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_slices(run, &chain);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_learn_image(run, &chain);
    }

    if (rc == MLOPS_OK) {
        learned->work = run->work;
        learned->work_lock = run->work_lock;
        run->work = NULL;
    }

    mlops_learn_chain_free(&chain);

    return rc;
}


static int
mlops_learn_scores(mlops_learn_run_t *run, mlops_learn_chain_t *chain)
{
    uint32_t          i;
    mlops_learned_t  *learned;

    learned = run->learned;

    for (i = 0; i < MLOPS_PART_N; i++) {

        if (run->parts[i].n == 0) {
            continue;
        }

        mlops_learn_progress(run, "score", i, MLOPS_PART_N,
                             mlops_part_names[i]);

        if (mlops_learn_score(run, mlops_part_names[i], &run->parts[i],
                              chain->predicted,
                              &learned->scores[learned->scores_n])
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        learned->scores_n++;
    }

    return mlops_learn_note_constant(run, chain->predicted);
}


static void
mlops_learn_work_free(char *work, int lock)
{
    if (work != NULL) {
        mlops_folder_remove(work);
        (void) close(lock);
        free(work);
    }
}


static void
mlops_learn_run_free(mlops_learn_run_t *run)
{
    uint32_t  i;

    for (i = 0; i < 2; i++) {
        mlops_learn_part_free(&run->fit[i]);
    }

    for (i = 0; i < MLOPS_PART_N; i++) {
        mlops_learn_part_free(&run->parts[i]);
    }

    if (run->fit_weight != run->weight) {
        free(run->fit_weight);
    }

    free(run->weight);
    free(run->target);
    free(run->gone);

    mlops_columns_free(&run->columns);
    mlops_frame_free(&run->frame);
    mlops_learn_work_free(run->work, run->work_lock);
    free(run);
}


void
mlops_learned_free(mlops_learned_t *learned)
{
    uint32_t  i;

    for (i = 0; i < learned->parents_n; i++) {
        free(learned->parents[i].path);
    }

    for (i = 0; i < learned->states_n; i++) {
        mlops_learned_drop(&learned->states[i]);
    }

    for (i = 0; i < learned->slices_n; i++) {
        free(learned->slices[i].cell);
        free(learned->slices[i].value);
    }

    for (i = 0; i < learned->notes_n; i++) {
        free(learned->notes[i]);
    }

    free(learned->states);
    free(learned->parents);
    free(learned->slices);
    free(learned->image);
    free(learned->recipe);
    mlops_learn_work_free(learned->work, learned->work_lock);

    learned->image = NULL;
    learned->recipe = NULL;
    learned->work = NULL;
    learned->parents = NULL;
    learned->states = NULL;
    learned->states_n = 0;
    learned->slices = NULL;
    learned->slices_n = 0;
    learned->parents_n = 0;
    learned->notes_n = 0;
}


char *
mlops_learn_folder(const char *path)
{
    const char  *slash;

    slash = strrchr(path, '/');

    return slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
}
