/*
 * Quantiles of values in any order.
 */

#ifndef MLOPS_GBDT_QUANTILE_H
#define MLOPS_GBDT_QUANTILE_H


#include <stdint.h>


/*
 * Without weights: linear between the order statistics around (n - 1) q
 * (NumPy's default).  With weights: the least value whose rows, and those
 * below, weigh at least q of all.  n is at least 1; both arrays are
 * reordered.
 */
double mlops_gbdt_quantile(float *values, float *weights, uint64_t n,
    double q);


#endif /* MLOPS_GBDT_QUANTILE_H */
