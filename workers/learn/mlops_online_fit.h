/*
 * Fitted steps by online learning.  Internal to mlops_online_fit*.c; the
 * keys are in docs/learning.md.
 */

#ifndef MLOPS_ONLINE_FIT_H
#define MLOPS_ONLINE_FIT_H


#include "mlops_fit_key.h"
#include "mlops_online.h"
#include "mlops_online_rows.h"


/* The affine step that adds all up: cells and their weights. */

typedef struct {
    mlops_str_t  *names;
    double       *weights;
    uint32_t      n;
} mlops_online_sum_t;


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
    mlops_online_sum_t     sum;
} mlops_online_fit_t;


/* Reads the keys; the crosses once there are columns. */
int mlops_online_keys(mlops_online_fit_t *of, mlops_fit_t *fit,
    mlops_online_algorithm_t algorithm);
int mlops_online_crosses(mlops_online_fit_t *of);

/* Steps from inputs to outputs. */
int mlops_online_steps(mlops_online_fit_t *of);

/* Steps of one cross, added to the sum. */
int mlops_online_cross(mlops_online_fit_t *of, uint32_t i);

/* Another cell of the sum: there is room for columns and crosses. */
int mlops_online_input(mlops_online_fit_t *of, mlops_str_t name,
    double weight);
/* The weight of a slot. */
double mlops_online_slot(const mlops_online_fit_t *of, uint64_t hash);
/* By category of a column whether it counts; free() it.  NULL: an error. */
unsigned char *mlops_online_seen(mlops_online_fit_t *of, uint32_t column);

/* A map from the categories of a column: begun, then one entry after the
 * other (n counts them), then ended.  Without an entry it is not begun. */
void mlops_online_entry(mlops_online_fit_t *of, uint32_t column,
    const mlops_str_t *output, uint32_t *n, const mlops_str_t *category,
    double value);
void mlops_online_entries_end(mlops_online_fit_t *of, const double *other,
    const double *missing);


#endif /* MLOPS_ONLINE_FIT_H */
