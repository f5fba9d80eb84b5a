/*
 * Losses of online learning.  Internal to mlops_online*.c; mlops_online.h
 * has the formulas.
 */

#ifndef MLOPS_ONLINE_LOSS_H
#define MLOPS_ONLINE_LOSS_H


#include "mlops_online.h"


typedef struct {
    double  value;                  /* behind the link */
    double  slope;                  /* of the loss by the margin */
    double  loss;                   /* >= 0 */
} mlops_online_score_t;


/* A label of NaN leaves slope and loss NaN. */
void mlops_online_score(const mlops_online_conf_t *conf, double margin,
    double label, mlops_online_score_t *score);


#endif /* MLOPS_ONLINE_LOSS_H */
