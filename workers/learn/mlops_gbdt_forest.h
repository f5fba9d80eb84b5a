/*
 * The forest that grows.  Internal to workers/learn/mlops_gbdt*.
 */

#ifndef MLOPS_GBDT_FOREST_H
#define MLOPS_GBDT_FOREST_H


#include "mlops_gbdt_run.h"


/* The tree of run->nodes, for a group. */
int mlops_gbdt_append(mlops_gbdt_run_t *run, uint32_t group);
/* The trees to go on from. */
int mlops_gbdt_append_start(mlops_gbdt_run_t *run);
/* Keeps the first trees_n. */
void mlops_gbdt_cut_forest(mlops_gbdt_run_t *run, uint32_t trees_n);


#endif /* MLOPS_GBDT_FOREST_H */
