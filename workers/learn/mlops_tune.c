/*
 * Tuning: which trial runs when, and which is the best.
 */

#include "mlops_tune.h"
#include "mlops_child.h"
#include "mlops_file.h"
#include "mlops_import_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define MLOPS_TUNE_TICK_MS  200


extern char  **environ;


/* A trial that runs. */

typedef struct {
    mlops_child_job_t     *job;
    mlops_tune_trial_t    *trial;
    mlops_child_options_t  child;
} mlops_tune_slot_t;


typedef struct {
    const mlops_tune_options_t  *options;
    mlops_tuned_t               *tuned;
    mlops_err_t                 *err;
    char                       **envp;
    uint32_t                     next;
    uint32_t                     slots_n;
    mlops_tune_slot_t            slots[MLOPS_TUNE_PARALLEL];
} mlops_tune_run_t;


static int mlops_tune_trials(mlops_tune_run_t *run);
static int mlops_tune_next(mlops_tune_run_t *run);
static int mlops_tune_start(mlops_tune_run_t *run,
    mlops_tune_trial_t *trial);
static int mlops_tune_argv(mlops_tune_run_t *run, mlops_tune_trial_t *trial,
    char ***argv);
static int mlops_tune_environment(mlops_tune_run_t *run);
static int mlops_tune_look(mlops_tune_run_t *run);
static int mlops_tune_ended(mlops_tune_run_t *run, mlops_tune_slot_t *slot,
    const mlops_child_t *child);
static int mlops_tune_count(mlops_tune_run_t *run, mlops_tune_trial_t *trial);
static void mlops_tune_end_all(mlops_tune_run_t *run);
static int mlops_tune_better(const mlops_tuned_t *tuned, double a, double b);


int
mlops_tune(const mlops_tune_options_t *options, mlops_tuned_t *tuned,
    mlops_err_t *err)
{
    int                  rc, lock;
    char                *data;
    size_t               len;
    mlops_doc_t         *doc;
    mlops_tune_run_t     run;
    mlops_tune_space_t   space;

    memset(tuned, 0, sizeof(*tuned));
    memset(&run, 0, sizeof(run));

    mlops_arena_init(&tuned->arena, NULL, NULL);
    tuned->best = -1;

    run.options = options;
    run.tuned = tuned;
    run.err = err;

    if (mlops_import_read(options->recipe, &data, &len, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    doc = mlops_doc_parse(data, len, 0, &tuned->arena, err);

    if (doc == NULL
        || mlops_tune_space(&space, doc, &tuned->arena, err) != MLOPS_OK)
    {
        free(data);
        return mlops_err_prefix(err, "%s", options->recipe);
    }

    rc = mlops_tune_plan(&space, options->search, options->seed, tuned,
                         options->trials, err);

    if (rc == MLOPS_OK) {
        rc = mlops_tune_check(options, data, len, &space, tuned, err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_tune_open(options, data, len, &lock, err);
    }

    free(data);

    if (rc != MLOPS_OK) {
        return rc;
    }

    rc = mlops_tune_environment(&run);

    if (rc == MLOPS_OK) {
        rc = mlops_tune_trials(&run);
    }

    mlops_tune_end_all(&run);
    (void) close(lock);

    if (rc == MLOPS_OK && tuned->best < 0) {
        rc = mlops_err_set(err, "no trial gave a model: %s",
                           tuned->failed_n ? tuned->trials[0].why : "none");
    }

    if (rc == MLOPS_OK) {
        tuned->image = mlops_tune_path(options, tuned,
                                       (uint32_t) tuned->best, "mlm");
        rc = tuned->image ? MLOPS_OK : mlops_err_set(err, "out of memory");
    }

    return rc;
}


void
mlops_tuned_free(mlops_tuned_t *tuned)
{
    mlops_arena_destroy(&tuned->arena);
}


/* What is known already counts first, in its order. */

static int
mlops_tune_trials(mlops_tune_run_t *run)
{
    int                  rc;
    uint32_t             i;
    mlops_tuned_t       *tuned;
    mlops_tune_trial_t  *trial;

    tuned = run->tuned;

    for (i = 0; i < tuned->trials_n; i++) {
        trial = &tuned->trials[i];
        rc = mlops_tune_known(run->options, tuned, trial, run->err);

        if (rc == MLOPS_ERROR) {
            return MLOPS_ERROR;
        }

        if (rc == MLOPS_OK) {
            trial->resumed = 1;

            if (mlops_tune_count(run, trial) != MLOPS_OK) {
                return MLOPS_ERROR;
            }
        }
    }

    for ( ;; ) {

        if (run->options->stop != NULL
            && run->options->stop(run->options->ctx))
        {
            return mlops_err_set(run->err, "stopped with %u trials done; the "
                                 "same command with the same --state goes on",
                                 tuned->done_n);
        }

        if (!tuned->reached && mlops_tune_next(run) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (tuned->reached || run->slots_n == 0) {
            return MLOPS_OK;
        }

        if (mlops_tune_look(run) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }
}


/* Starts what may start. */

static int
mlops_tune_next(mlops_tune_run_t *run)
{
    mlops_tune_trial_t  *trial;

    while (run->slots_n < run->options->parallel
           && run->next < run->tuned->trials_n)
    {
        trial = &run->tuned->trials[run->next++];

        if (trial->done || trial->failed) {
            continue;
        }

        if (mlops_tune_start(run, trial) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_tune_start(mlops_tune_run_t *run, mlops_tune_trial_t *trial)
{
    char               **argv;
    mlops_tune_slot_t   *slot;

    argv = NULL;

    if (mlops_tune_argv(run, trial, &argv) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    slot = &run->slots[run->slots_n];
    memset(slot, 0, sizeof(*slot));

    slot->trial = trial;
    slot->child.argv = argv;
    slot->child.envp = run->envp;
    slot->child.timeout_ms = run->options->timeout_ms;
    slot->child.memory = run->options->memory;
    slot->child.output = 64 * 1024 * 1024;

    slot->job = mlops_child_start(&slot->child, run->err);

    if (slot->job == NULL) {
        return MLOPS_ERROR;
    }

    run->slots_n++;

    return MLOPS_OK;
}


static int
mlops_tune_argv(mlops_tune_run_t *run, mlops_tune_trial_t *trial,
    char ***argv)
{
    char                        *path, threads[16], **a;
    uint32_t                     i, n;
    const mlops_tune_options_t  *options;

    options = run->options;

    a = mlops_arena_calloc(&run->tuned->arena,
                           12 + 2 * ((size_t) options->set_n
                                     + trial->settings_n), sizeof(char *));
    path = mlops_tune_path(options, run->tuned, trial->number, "mlm");

    if (a == NULL || path == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    (void) snprintf(threads, sizeof(threads), "%u",
                    options->threads ? options->threads : 1);

    n = 0;
    a[n++] = (char *) options->program;
    a[n++] = "train";
    a[n++] = (char *) options->recipe;
    a[n++] = (char *) options->rows;
    a[n++] = "-o";
    a[n++] = path;
    a[n++] = "--threads";
    a[n++] = mlops_arena_copy(&run->tuned->arena, threads, strlen(threads));

    for (i = 0; i < options->set_n; i++) {
        a[n++] = "--set";
        a[n++] = (char *) options->set[i];
    }

    for (i = 0; i < trial->settings_n; i++) {
        a[n++] = "--set";
        a[n++] = trial->settings[i];
    }

    *argv = a;

    return a[7] ? MLOPS_OK : mlops_err_set(run->err, "out of memory");
}


/* Ours, but for the place of temporary files, which is ours to empty. */

static int
mlops_tune_environment(mlops_tune_run_t *run)
{
    char      *work, *tmpdir;
    uint32_t   i, n;

    for (n = 0; environ[n] != NULL; n++) {
        /* void */
    }

    run->envp = mlops_arena_calloc(&run->tuned->arena, (size_t) n + 2,
                                   sizeof(char *));

    if (run->envp == NULL
        || asprintf(&work, "TMPDIR=%s/" MLOPS_TUNE_WORK,
                    run->options->state)
           == -1)
    {
        return mlops_err_set(run->err, "out of memory");
    }

    tmpdir = mlops_arena_copy(&run->tuned->arena, work, strlen(work));
    free(work);

    if (tmpdir == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0, n = 0; environ[i] != NULL; i++) {
        if (strncmp(environ[i], "TMPDIR=", 7) != 0) {
            run->envp[n++] = environ[i];
        }
    }

    run->envp[n] = tmpdir;

    return MLOPS_OK;
}


static int
mlops_tune_look(mlops_tune_run_t *run)
{
    uint32_t            i;
    mlops_child_t       child;
    mlops_tune_slot_t   slot;
    mlops_child_job_t  *jobs[MLOPS_TUNE_PARALLEL];

    for (i = 0; i < run->slots_n; i++) {
        jobs[i] = run->slots[i].job;
    }

    mlops_child_wait(jobs, run->slots_n, MLOPS_TUNE_TICK_MS);

    for (i = 0; i < run->slots_n; /* void */ ) {

        if (mlops_child_look(run->slots[i].job, &child) == MLOPS_AGAIN) {
            i++;
            continue;
        }

        slot = run->slots[i];
        run->slots[i] = run->slots[--run->slots_n];

        if (mlops_tune_ended(run, &slot, &child) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_tune_ended(mlops_tune_run_t *run, mlops_tune_slot_t *slot,
    const mlops_child_t *child)
{
    int          rc;
    char         name[32];
    mlops_err_t  err;

    mlops_fault("tune.ended");

    (void) snprintf(name, sizeof(name), "trial %u", slot->trial->number);

    /* an image that is there was renamed into place, whatever came after */

    rc = mlops_tune_known(run->options, run->tuned, slot->trial, &err);

    if (rc == MLOPS_ERROR) {
        return mlops_err_set(run->err, "%s", err.text);
    }

    if (rc == MLOPS_AGAIN) {

        if (mlops_child_told(child, &slot->child, name, &err) == MLOPS_OK) {
            (void) mlops_err_set(&err, "%s: it ended well, but left no image",
                                 name);
        }

        if (mlops_tune_failed(run->options, run->tuned, slot->trial, err.text,
                              run->err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return mlops_tune_count(run, slot->trial);
}


static int
mlops_tune_count(mlops_tune_run_t *run, mlops_tune_trial_t *trial)
{
    int                          best;
    mlops_tuned_t               *tuned;
    const mlops_tune_options_t  *options;

    tuned = run->tuned;
    options = run->options;

    if (trial->failed) {
        tuned->failed_n++;

    } else {
        tuned->done_n++;
        best = tuned->best;

        if (best < 0
            || mlops_tune_better(tuned, trial->value,
                                 tuned->trials[best].value)
            || (trial->value == tuned->trials[best].value
                && (int) trial->number < best))
        {
            tuned->best = (int) trial->number;
        }

        if (options->has_goal
            && !mlops_tune_better(tuned, options->goal, trial->value))
        {
            tuned->reached = 1;
        }
    }

    if (options->report != NULL) {
        options->report(options->ctx, trial, tuned->metric);
    }

    if (tuned->failed_n > options->max_failed) {
        return mlops_err_set(run->err, "%u trials failed, of which %u may; "
                             "the last: %s", tuned->failed_n,
                             options->max_failed, trial->why);
    }

    return MLOPS_OK;
}


static int
mlops_tune_better(const mlops_tuned_t *tuned, double a, double b)
{
    mlops_str_t  name;

    name.data = tuned->metric;
    name.len = strlen(tuned->metric);

    return mlops_metric_lower((mlops_metric_t) mlops_metric_find(&name))
           ? a < b : a > b;
}


/* Trials that are not needed, or not wanted, any more: they are as if they
 * had not been started. */

static void
mlops_tune_end_all(mlops_tune_run_t *run)
{
    uint32_t       i;
    mlops_child_t  child;

    for (i = 0; i < run->slots_n; i++) {
        mlops_child_end(run->slots[i].job);
    }

    for (i = 0; i < run->slots_n; i++) {
        while (mlops_child_look(run->slots[i].job, &child) == MLOPS_AGAIN) {
            mlops_child_wait(&run->slots[i].job, 1, MLOPS_TUNE_TICK_MS);
        }
    }

    run->slots_n = 0;
}
