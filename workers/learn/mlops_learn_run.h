/*
 * A training run under way.  Internal to workers/learn.
 *
 *     rows      the file becomes columns; rows.steps, missing targets,
 *               filters, split; targets and weights become doubles
 *     chain     the recipe's steps over those columns, fitted ones fitted
 *     score     predictions against targets, by part
 *     image     the plain recipe, the facts, the image
 *
 * Judging a model (mlops_evaluate.h) reads rows by the same functions.
 */

#ifndef MLOPS_LEARN_RUN_H
#define MLOPS_LEARN_RUN_H


#include "mlops_learn.h"
#include "mlops_learn_recipe.h"
#include "mlops_frame.h"


/* Rows by number, ascending. */

typedef struct {
    uint32_t  *rows;                /* malloc'ed, or another's */
    uint64_t   n;
    unsigned   shared:1;            /* rows are another's */
} mlops_learn_part_t;


typedef struct {
    const mlops_learn_options_t  *options;
    mlops_learned_t              *learned;
    mlops_err_t                  *err;
    mlops_arena_t                *arena;
    mlops_learn_recipe_t          recipe;
    mlops_apply_env_t             env;

    mlops_frame_t                 frame;
    mlops_columns_t               columns;      /* of the rows */
    uint8_t                      *gone;         /* of a row: left out */
    uint64_t                      gone_target_n;
    uint64_t                      gone_filter_n;
    uint64_t                      purged_n;     /* by the split */
    uint64_t                      unused_n;

    uint32_t                      classes_n;
    mlops_str_t                  *classes;      /* names */
    double                       *class_numbers;    /* NULL: strings */
    double                       *target;       /* by row number */
    double                       *weight;       /* or NULL */
    double                       *fit_weight;   /* with class weights; may be
                                                   weight */
    double                       *keep;         /* by class, or NULL */

    mlops_learn_part_t            parts[MLOPS_PART_N];
    mlops_learn_part_t            fit[2];       /* train and tune, sampled */

    mlops_str_t                  *prediction;
    uint32_t                      prediction_n;
    mlops_metric_t                metrics[MLOPS_LEARN_METRICS];
    uint32_t                      metrics_n;

    char                         *work;         /* folder of the run */
    int                           work_lock;
    unsigned                      aside:1;      /* as of the options; folds */
    uint32_t                      replaces;     /* 1 + the step that replaces
                                                   the state it goes on from;
                                                   0: none does */
} mlops_learn_run_t;


/* The steps of a recipe over the rows, once. */

typedef struct {
    mlops_learn_run_t    *run;
    mlops_arena_t         arena;
    mlops_columns_t       cells;        /* inputs, then what steps write */
    mlops_learn_part_t    parts[MLOPS_PART_N];  /* of fits; not owned */
    uint8_t              *needed;       /* of steps */
    mlops_import_text_t   steps;        /* the fitted ones, as JSON */
    mlops_import_text_t   reports;
    mlops_import_text_t   heads;        /* the same without what was found */
    const double         *predicted[MLOPS_LEARN_CLASSES];
    const char           *quiet;        /* progress says this instead */
} mlops_learn_chain_t;


/* Reads the file, evaluates rows.steps.  inputs says which of the recipe's
 * inputs have to be there: those of the default signature. */
int mlops_learn_rows(mlops_learn_run_t *run, const char *path);
/* Is it among the inputs of the default signature? */
int mlops_learn_is_asked(const mlops_learn_recipe_t *recipe, uint32_t input);

/* Marks rows without target as gone. */
int mlops_learn_targets(mlops_learn_run_t *run);
/* Filters that hold for all rows. */
int mlops_learn_filter(mlops_learn_run_t *run);
/* Divides the rows that are left; sets run->parts. */
int mlops_learn_split(mlops_learn_run_t *run);
/* The column of the split's rule, or NULL. */
int mlops_learn_split_column(mlops_learn_run_t *run,
    const mlops_matrix_column_t **column);
/* Filters of training rows. */
int mlops_learn_filter_train(mlops_learn_run_t *run);
/* Classes from the recipe or from the training rows. */
int mlops_learn_classes(mlops_learn_run_t *run);
/* Targets and weights by row number, of rows in any part. */
int mlops_learn_values(mlops_learn_run_t *run);
/* Class weights and sampling of the rows of fits. */
int mlops_learn_sample(mlops_learn_run_t *run);
/* Names before a correction, and the steps that correct, for a learner of
 * sampled rows; nothing for others. */
int mlops_learn_corrected_names(mlops_learn_run_t *run,
    const mlops_learn_step_t *step, mlops_fit_t *fit, mlops_arena_t *arena);
int mlops_learn_correct(mlops_learn_run_t *run,
    const mlops_learn_step_t *step, const mlops_fit_t *fit,
    mlops_import_text_t *text);
void mlops_learn_part_free(mlops_learn_part_t *part);

int mlops_learn_chain(mlops_learn_chain_t *chain);
void mlops_learn_chain_free(mlops_learn_chain_t *chain);

/* The metrics of rows; predicted by row number. */
int mlops_learn_score(mlops_learn_run_t *run, const char *name,
    const mlops_learn_part_t *part, const double *const *predicted,
    mlops_learn_score_t *score);
/* Are the predicted numbers of a row (one, or of more than two classes as
 * many) what metrics take: finite, and of classes probabilities?  Else why
 * says in which way not, and *k which. */
int mlops_learn_predicts(const mlops_learn_run_t *run, const double *p,
    uint32_t *k, mlops_err_t *why);
/* The same rows as metrics take them; room is to be freed. */
int mlops_learn_gather(mlops_learn_run_t *run,
    const mlops_learn_part_t *part, const double *const *predicted,
    mlops_scored_t *scored, double **room);
/* The gate's by the cells of train.slices. */
int mlops_learn_slices(mlops_learn_run_t *run, mlops_learn_chain_t *chain);
/* Repeated cross-validation: can there be folds; means over them. */
int mlops_learn_folds_check(mlops_learn_run_t *run);
int mlops_learn_folds(mlops_learn_run_t *run, mlops_learn_score_t *score);

int mlops_learn_image(mlops_learn_run_t *run, mlops_learn_chain_t *chain);

/* Is a file of that name taken for a model of the run's commands? */
int mlops_learn_beside_taken(const mlops_str_t *file);
/* Names them in the steps, and in the folder of the run, as beside the plain
 * recipe. */
int mlops_learn_beside_steps(mlops_learn_run_t *run,
    mlops_import_text_t *steps);

/* The folder of a recipe, with a slash behind it, or "."; malloc'ed. */
char *mlops_learn_folder(const char *path);
/* A note of the report; behind MLOPS_LEARN_NOTES of them there is no room.
 */
void mlops_learn_note(mlops_learn_run_t *run, const char *fmt, ...)
    mlops_printf(2, 3);
/* Notes a model that is a constant, or worse than one. */
int mlops_learn_note_constant(mlops_learn_run_t *run,
    const double *const *predicted);
/* Tells how far a stage is. */
void mlops_learn_progress(const mlops_learn_run_t *run, const char *stage,
    uint64_t done, uint64_t all, const char *text);
/* "file line 12" */
void mlops_learn_row_place(const mlops_learn_run_t *run, uint64_t row,
    char *buf, size_t size);
/* "file line 12, column \"x\"": an error of a row.  MLOPS_ERROR. */
int mlops_learn_row_error(mlops_learn_run_t *run, uint64_t row,
    const char *column, const char *fmt, ...) mlops_printf(4, 5);


#endif /* MLOPS_LEARN_RUN_H */
