/*
 * Rows taken over from a matrix.  Internal to workers/learn/mlops_gbdt*.
 */

#ifndef MLOPS_GBDT_ROWS_H
#define MLOPS_GBDT_ROWS_H


#include "mlops_gbdt_run.h"


/* what: "training", "tuning".  Is to be freed whatever is returned. */
int mlops_gbdt_rows(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows,
    const mlops_matrix_t *matrix, const char *what);
void mlops_gbdt_rows_free(mlops_gbdt_rows_t *rows);


#endif /* MLOPS_GBDT_ROWS_H */
