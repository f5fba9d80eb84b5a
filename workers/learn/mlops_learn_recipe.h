/*
 * A training recipe, read and checked as far as that goes without rows.
 * docs/learning.md has the format.  Internal to workers/learn.
 */

#ifndef MLOPS_LEARN_RECIPE_H
#define MLOPS_LEARN_RECIPE_H


#include "mlops_apply.h"
#include "mlops_columns.h"
#include "mlops_filter.h"
#include "mlops_fit.h"
#include "mlops_metric.h"
#include "mlops_split.h"


#define MLOPS_LEARN_INPUTS   32767
#define MLOPS_LEARN_CLASSES  1024
#define MLOPS_LEARN_FOLDS    1000
#define MLOPS_LEARN_REPEATS  1000

#define MLOPS_LEARN_CHECK    0x01   /* check steps, names and signatures */
#define MLOPS_LEARN_NO_EXEC  0x02   /* commands are refused by that check */


typedef struct {
    const mlops_doc_t     *doc;
    const mlops_fitter_t  *fitter;      /* NULL: an ordinary step */
    mlops_str_t            kind;
    mlops_str_t            fit;
} mlops_learn_step_t;


typedef struct {
    mlops_arena_t          *arena;
    mlops_err_t            *err;
    mlops_field_t           field;
    const char             *folder;     /* of files that it names, or NULL */
    mlops_doc_t            *doc;        /* settings are in it */

    mlops_column_t         *inputs;
    mlops_str_t            *names;      /* theirs in the recipe */
    uint32_t                inputs_n;
    const mlops_doc_t      *signatures;

    const mlops_doc_t      *train;
    const mlops_doc_t      *target;     /* a name */
    const mlops_doc_t      *weight;     /* a name, or NULL; so on: */
    const mlops_doc_t      *classes;
    const mlops_doc_t      *class_weight;
    const mlops_doc_t      *sample;
    mlops_split_rule_t      rule;       /* of the split */
    const mlops_doc_t      *slices;
    uint64_t                seed;
    uint32_t                folds;      /* 0: no cross-validation */
    uint32_t                repeats;
    int                     leak;       /* the target may be an input */
    int                     no_exec;    /* MLOPS_LEARN_NO_EXEC */

    const mlops_doc_t      *rows;       /* an object, or NULL */
    mlops_str_t            *header;     /* NULL: the file has a line */
    uint32_t                header_n;
    mlops_str_t            *missing;
    uint32_t                missing_n;
    mlops_column_t         *extra;      /* columns that are no inputs */
    mlops_str_t            *extra_names;
    uint32_t                extra_n;
    const mlops_doc_t      *row_steps;
    mlops_filter_t         *filters;
    uint32_t                filters_n;

    mlops_learn_step_t     *steps;
    uint32_t                steps_n;
    const mlops_learn_step_t *learner;  /* the last one, or NULL */
    int                     wants;      /* a target of 0 numbers, 1 classes,
                                           2 either */

    mlops_metric_t         *metrics;    /* those that are named */
    uint32_t                metrics_n;
    double                  parameter;  /* of pinball and huber */
} mlops_learn_recipe_t;


/*
 * Reads a recipe from text; settings are "name=value", seed replaces the
 * recipe's where it is not NULL.  Everything lives in the arena.  Without
 * MLOPS_LEARN_CHECK only what judging a model needs is read: a recipe without
 * fitted steps will do.  MLOPS_REFUSED: a step would run a command.
 */
int mlops_learn_recipe_read(mlops_learn_recipe_t *recipe, const char *text,
    size_t len, const char *folder, const char *const *set, uint32_t set_n,
    const uint64_t *seed, unsigned flags, mlops_arena_t *arena,
    mlops_err_t *err);

/* Checks steps, names and signatures, before rows are read. */
int mlops_learn_recipe_check(mlops_learn_recipe_t *recipe);

/* Of each column 1 where it tells the target, which is one of them, else 0.
 * The recipe's inputs are the first of them.  NULL: out of memory. */
uint8_t *mlops_learn_sources(const mlops_learn_recipe_t *recipe,
    const mlops_columns_t *columns);

/* Puts a setting into the document. */
int mlops_learn_set(mlops_learn_recipe_t *recipe, const char *setting);
/* The node that it replaces, made where it is missing; NULL: error. */
mlops_doc_t *mlops_learn_set_find(mlops_learn_recipe_t *recipe,
    const char *setting, mlops_doc_t **value);

/* The step with its wildcards replaced by the names of cells; NULL: error. */
const mlops_doc_t *mlops_learn_expand(mlops_field_t *field,
    const mlops_doc_t *step, const mlops_columns_t *cells,
    mlops_arena_t *arena);
/* Does a step read a cell of that name? */
int mlops_learn_reads(const mlops_doc_t *step, const mlops_str_t *name);
/* Is a name one of the list at key? */
int mlops_learn_listed(const mlops_doc_t *step, const char *key,
    const mlops_str_t *name);

/* What a fitted step is told of itself: outputs, margin, prefix. */
int mlops_learn_fit_names(mlops_learn_recipe_t *recipe,
    const mlops_learn_step_t *step, mlops_fit_t *fit);

/* The cells that are judged, of a target with these classes. */
int mlops_learn_prediction(mlops_learn_recipe_t *recipe,
    const mlops_str_t *classes, uint32_t classes_n, mlops_str_t **names,
    uint32_t *n);
/* The loss of rows that the objective is judged by. */
mlops_metric_t mlops_learn_loss(const mlops_learn_recipe_t *recipe,
    uint32_t classes_n);
/* The metrics, at most MLOPS_LEARN_METRICS; room for that many. */
int mlops_learn_metrics(mlops_learn_recipe_t *recipe, uint32_t classes_n,
    mlops_metric_t *metrics, uint32_t *n);


#endif /* MLOPS_LEARN_RECIPE_H */
