/*
 * Exponentials and gradients that need them, by the processor's vectors; the
 * bits do not depend on which.  n is a multiple of 8.
 */

#ifndef MLOPS_GBDT_LANES_H
#define MLOPS_GBDT_LANES_H


#include <stdint.h>


typedef struct {
    /* out = exp(x), x held within [-700, 700]; relative error 1e-11 */
    void     (*exp)(const double *x, double *out, uint32_t n);
    /* g = w (p - y), h = w max(p (1 - p), 1e-16), p = 1 / (1 + exp(-m)) */
    void     (*logistic)(const float *margin, const float *target,
        const float *weight, float *pairs, uint32_t n);
} mlops_gbdt_lanes_t;


const mlops_gbdt_lanes_t *mlops_gbdt_lanes(void);


#endif /* MLOPS_GBDT_LANES_H */
