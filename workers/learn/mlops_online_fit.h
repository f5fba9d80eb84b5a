/*
 * Fitted steps by online learning.  Internal to mlops_online_fit*.c; the
 * keys are in docs/learning.md.
 */

#ifndef MLOPS_ONLINE_FIT_H
#define MLOPS_ONLINE_FIT_H


#include "mlops_fit.h"
#include "mlops_online.h"
#include "mlops_online_rows.h"


typedef struct {
    mlops_fit_t           *fit;
    mlops_online_conf_t    conf;
    uint32_t               passes;
    int                    shuffle;
    mlops_str_t            state;       /* paths; empty: none */
    mlops_str_t            start;
    uint32_t               crosses_n;
    mlops_online_cross_t  *crosses;

    mlops_online_t        *online;
    mlops_online_rows_t    rows;        /* not of RLS */
    double                 loss;        /* progressive, of this run's first
                                           pass */
    uint64_t               refused;
    mlops_err_t            reason;      /* of the last one refused */
} mlops_online_fit_t;


/* Steps from inputs to outputs: of sparse features, of RLS. */
int mlops_online_steps(mlops_online_fit_t *of);
int mlops_online_steps_dense(mlops_online_fit_t *of);


#endif /* MLOPS_ONLINE_FIT_H */
