/*
 * exp and log of the C library, until core/base/mlops_math.h has its own.
 */

#ifndef MLOPS_MATH_NOW_H
#define MLOPS_MATH_NOW_H


#include <math.h>


#define mlops_exp  exp
#define mlops_log  log


static inline double
mlops_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}


static inline double
mlops_softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}


#endif /* MLOPS_MATH_NOW_H */
