/*
 * Tuning: many trainings of one recipe with different settings, the best of
 * which is kept.
 *
 * The recipe's object "tune" is the space: from the name of a setting (as
 * --set takes it) to a list of values, or to a range.  Each trial is a
 * process of its own ("mlopsctl train"), so that one that fails or is killed
 * costs a trial and nothing else.  It is judged by a metric of the part
 * "tune" of the rows, or without one by the mean over the folds of
 * train.validate; the gate is not looked at.
 *
 * The state is a folder:
 *
 *     tune.json       what is tuned: digests of recipe and rows, settings,
 *                     search, seed; another run is refused
 *     trial-N.mlm     the image of a trial that was done, renamed into place;
 *                     its facts have settings and metrics
 *     trial-N.failed  why a trial gave no image
 *     lock, work/     held and used while a run is at it
 *
 * So whatever is killed when, a run that starts again does the trials that
 * are neither done nor failed, with the settings they would have had: those
 * of trial N depend on the space, the search and the seed alone.
 */

#ifndef MLOPS_TUNE_H
#define MLOPS_TUNE_H


#include "mlops_apart.h"
#include "mlops_base.h"
#include "mlops_doc.h"
#include "mlops_metric.h"


#define MLOPS_TUNE_WORK      "work"      /* a folder in that of the state */
#define MLOPS_TUNE_TRIALS    10000
#define MLOPS_TUNE_PARALLEL  32
#define MLOPS_TUNE_NAMES     64


typedef enum {
    MLOPS_TUNE_RANDOM = 0,
    MLOPS_TUNE_GRID
} mlops_tune_search_t;


/* One name of the space. */

typedef struct {
    mlops_str_t          name;
    const mlops_doc_t   *values;    /* a list; or NULL */
    double               lo;
    double               hi;
    unsigned             log:1;
    unsigned             integer:1;
    uint32_t             n;         /* values, or steps of a grid; 0: none */
} mlops_tune_axis_t;


typedef struct {
    mlops_tune_axis_t    axes[MLOPS_TUNE_NAMES];
    uint32_t             axes_n;
    uint64_t             points;    /* of the grid; 0: there is none */
    unsigned             finite:1;  /* lists alone */
} mlops_tune_space_t;


/* The state of a trial. */

typedef struct {
    uint32_t             number;
    unsigned             done:1;
    unsigned             failed:1;
    unsigned             resumed:1; /* found, not run */
    char               **settings;  /* "name=value" */
    uint32_t             settings_n;
    double               value;     /* of the metric */
    char                *why;       /* it failed */
} mlops_tune_trial_t;


typedef struct {
    const char          *recipe;
    const char          *rows;
    const char *const   *set;       /* of all trials */
    uint32_t             set_n;
    uint32_t             trials;
    uint32_t             parallel;
    uint32_t             max_failed;
    uint32_t             threads;   /* of a trial */
    mlops_tune_search_t  search;
    uint64_t             seed;
    const char          *metric;    /* NULL: the first of the recipe's */
    double               goal;
    unsigned             has_goal:1;
    const mlops_apart_t *files;     /* of the command: the recipe's have to be
                                       others */
    uint32_t             files_n;
    const char          *state;     /* a folder, made where it is missing */
    const char          *program;   /* mlopsctl */
    uint64_t             timeout_ms;    /* of a trial; 0: none */
    uint64_t             memory;        /* bytes, likewise */

    void               (*report)(void *ctx, const mlops_tune_trial_t *trial,
                                 const char *metric);
    int                (*stop)(void *ctx);
    void                *ctx;
} mlops_tune_options_t;


typedef struct {
    uint32_t             trials_n;      /* that the search has */
    mlops_tune_trial_t  *trials;
    uint32_t             done_n;
    uint32_t             failed_n;
    int                  best;          /* a trial, or -1 */
    unsigned             reached:1;     /* the goal */
    const char          *judge;         /* "tune" or "validate" */
    const char          *metric;
    char                *image;         /* path of the best trial's */
    mlops_arena_t        arena;
} mlops_tuned_t;


/* MLOPS_ERROR with a sentence where nothing can be tuned, too many trials
 * failed, or the run was stopped; tuned is to be freed in any case. */
int mlops_tune(const mlops_tune_options_t *options, mlops_tuned_t *tuned,
    mlops_err_t *err);
void mlops_tuned_free(mlops_tuned_t *tuned);


/* Parts, in mlops_tune_space.c.  The space of a recipe; the settings of the
 * first n trials of a search, of which there may be fewer. */
int mlops_tune_space(mlops_tune_space_t *space, const mlops_doc_t *recipe,
    mlops_arena_t *arena, mlops_err_t *err);
int mlops_tune_plan(const mlops_tune_space_t *space,
    mlops_tune_search_t search, uint64_t seed, mlops_tuned_t *tuned,
    uint32_t n, mlops_err_t *err);

/* In mlops_tune_check.c.  What is wrong for all trials is told before the
 * first one; sets judge and metric. */
int mlops_tune_check(const mlops_tune_options_t *options, const char *data,
    size_t len, const mlops_tune_space_t *space, mlops_tuned_t *tuned,
    mlops_err_t *err);

/* In mlops_tune_state.c.  The folder; what is known of a trial; why it
 * failed. */
int mlops_tune_open(const mlops_tune_options_t *options, const char *data,
    size_t len, int *lock, mlops_err_t *err);
int mlops_tune_known(const mlops_tune_options_t *options,
    mlops_tuned_t *tuned, mlops_tune_trial_t *trial, mlops_err_t *err);
int mlops_tune_failed(const mlops_tune_options_t *options,
    mlops_tuned_t *tuned, mlops_tune_trial_t *trial, const char *why,
    mlops_err_t *err);
/* state/trial-N.ending, in the arena. */
char *mlops_tune_path(const mlops_tune_options_t *options,
    mlops_tuned_t *tuned, uint32_t number, const char *ending);


#endif /* MLOPS_TUNE_H */
