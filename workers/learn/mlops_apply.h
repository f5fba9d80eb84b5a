/*
 * Evaluating one step of a recipe over columns.
 *
 * The step becomes an image of its own, which is evaluated by the kernels
 * that answer requests, in batches of rows: what training sees of a step is
 * bit by bit what serving computes.  Numbers pass as doubles, codes of
 * categories as their strings.
 */

#ifndef MLOPS_APPLY_H
#define MLOPS_APPLY_H


#include "mlops_columns.h"
#include "mlops_fit.h"


typedef struct {
    const char          *folder;        /* of files that steps name */
    const char          *work;          /* looked for there first */
    uint32_t             threads;       /* 0: 1 */
    int                (*stop)(void *ctx);
    void                *ctx;
} mlops_apply_env_t;


/*
 * Can the step be evaluated?  Inputs are known columns (data need not be
 * there), keys, counts and parameters are right; its outputs and margins are
 * added to the columns, without data, where they are no inputs that are known
 * there.  The step has no wildcards left.  The error has the field's path.
 */
int mlops_apply_check(mlops_field_t *field, const mlops_doc_t *step,
    mlops_columns_t *columns, const mlops_apply_env_t *env);

/* Evaluates it: the data of its inputs are there, those of its outputs are
 * then, too, in memory of their own. */
int mlops_apply(mlops_field_t *field, const mlops_doc_t *step,
    mlops_columns_t *columns, const mlops_apply_env_t *env);


#endif /* MLOPS_APPLY_H */
