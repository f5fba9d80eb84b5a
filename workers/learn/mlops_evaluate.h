/*
 * Judging models on rows.
 *
 * What the target is, which texts mean "missing", which steps compute target
 * and inputs, stands in the facts of a trained image, or in a recipe that is
 * given.  The prediction is the cell that training judged, or an output.
 */

#ifndef MLOPS_EVALUATE_H
#define MLOPS_EVALUATE_H


#include "mlops_learn.h"


#define MLOPS_EVALUATE_SLICES  1024
#define MLOPS_EVALUATE_NOTES   4


typedef struct {
    const mlops_model_t  *model;
    const mlops_model_t  *against;      /* or NULL */
    const char           *output;       /* NULL: the cell that was judged,
                                           else "prediction", else the first
                                           output */
    const char           *against_output;

    const char           *recipe;       /* path; NULL: that of the facts */
    const char           *folder;       /* of files that those name */
    const char           *rows;
    const char           *part;         /* of the split; NULL: all rows */
    const char *const    *slices;       /* NULL: the recipe's */
    uint32_t              slices_n;
    uint32_t              threads;
} mlops_evaluate_options_t;


/* Was a model made from rows that are judged? */

typedef enum {
    MLOPS_SEEN_NO = 0,
    MLOPS_SEEN_YES,
    MLOPS_SEEN_UNKNOWN
} mlops_seen_t;


/* A mean difference of losses of rows, the model's minus the other's. */

typedef struct {
    mlops_metric_t        metric;       /* whose losses */
    mlops_metric_value_t  value;
    double                relative;     /* to the other's mean loss */
} mlops_difference_t;


typedef struct {
    char                 *cell;         /* "" for all rows */
    char                 *value;
    mlops_learn_score_t   score;
    mlops_learn_score_t   other;
    mlops_difference_t    difference;
} mlops_evaluated_part_t;


typedef struct {
    uint64_t                 rows_n;    /* of the file */
    uint64_t                 judged_n;
    unsigned                 against:1;
    unsigned                 compared:1;    /* difference is set */
    unsigned                 part:1;    /* a part was chosen */
    unsigned                 fewer:1;   /* of which the other model has not
                                           all in its own */
    mlops_seen_t             seen[2];   /* by the model, by the other */
    uint32_t                 parts_n;   /* the first is all rows */
    mlops_evaluated_part_t  *parts;
} mlops_evaluated_t;


int mlops_evaluate(const mlops_evaluate_options_t *options,
    mlops_evaluated_t *evaluated, mlops_err_t *err);
void mlops_evaluated_free(mlops_evaluated_t *evaluated);

/* Sentences about which rows these are; their number, at most
 * MLOPS_EVALUATE_NOTES. */
uint32_t mlops_evaluate_notes(const mlops_evaluated_t *evaluated,
    const char **notes);

/* What is compared: "squared_error" of rmse and mse, … */
const char *mlops_evaluate_loss(mlops_metric_t metric);


#endif /* MLOPS_EVALUATE_H */
