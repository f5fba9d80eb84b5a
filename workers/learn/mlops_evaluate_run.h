/*
 * An evaluation under way.  Internal to workers/learn.
 *
 * Each model reads the file by its own recipe, if it has one: another
 * recipe's steps may compute other inputs.  Rows are the same, and what is
 * judged (target, weights, which rows) is the first model's; of a part only
 * what is in that part of the other one, too.
 */

#ifndef MLOPS_EVALUATE_RUN_H
#define MLOPS_EVALUATE_RUN_H


#include "mlops_evaluate.h"
#include "mlops_learn_facts.h"
#include "mlops_slices.h"
#include "mlops_trained.h"


typedef struct {
    const char               *name;         /* in errors */
    const mlops_model_t      *model;
    mlops_trained_t           trained;
    uint32_t                  own_set_n;    /* settings of the facts */
    unsigned                  has_facts:1;
    mlops_learn_options_t     options;
    mlops_learn_run_t         learn;        /* its rows */
    const mlops_columns_t    *columns;      /* inputs come from these */
    mlops_str_t              *names;        /* of its inputs there */
    uint32_t                 *cells;        /* of the prediction, or NULL: */
    uint32_t                  first;        /* result cells of an output */
    uint32_t                  width;
    mlops_cell_kind_t         kind;
    double                   *predicted;    /* judged rows x width */
} mlops_evaluate_side_t;


typedef struct {
    const mlops_evaluate_options_t  *options;
    mlops_evaluated_t               *evaluated;
    mlops_err_t                     *err;
    mlops_arena_t                    arena;
    mlops_evaluate_side_t            sides[2];
    char                            *text;      /* of a recipe's file */
    mlops_learn_part_t               judged;    /* rows; not owned */
    mlops_metric_t                   loss;
} mlops_evaluate_run_t;


/* Reads rows, evaluates the models over them. */
int mlops_evaluate_open(mlops_evaluate_run_t *run);
void mlops_evaluate_close(mlops_evaluate_run_t *run);

/* Which rows are judged, their targets and weights; what models have seen of
 * them.  An error where they do not predict the same. */
int mlops_evaluate_judged(mlops_evaluate_run_t *run);

/* MLOPS_ERROR: the other model predicts something else. */
int mlops_evaluate_same_target(mlops_evaluate_run_t *run);
/* MLOPS_ERROR: the recipe of --recipe does not divide rows as the model's
 * training did. */
int mlops_evaluate_same_split(mlops_evaluate_run_t *run);

/* Judged rows of a slice (of NULL: all) as predictions and targets; memory
 * begins at scored->predicted. */
int mlops_evaluate_gather(mlops_evaluate_run_t *run,
    const mlops_evaluate_side_t *side, const uint8_t *of, uint32_t wanted,
    mlops_scored_t *scored);


#endif /* MLOPS_EVALUATE_RUN_H */
