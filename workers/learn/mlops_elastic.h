/*
 * The elastic net by cyclic coordinate descent.
 *
 *     minimise  ½ |y - A x|^2 + Σ l1_j |x_j| + ½ Σ l2_j x_j^2
 *
 * Friedman, Hastie and Tibshirani, "Regularization paths for generalized
 * linear models via coordinate descent", 2010: sweeps over the active set,
 * then over all.  The caller hands over the triangle of a QR in place of
 * tall rows, which has the same solution: so a sweep costs p^2 however many
 * rows there are (what "covariance updates" are for), without squaring the
 * condition of A.
 *
 * It stops where the duality gap is small; then the optimality conditions
 * are solved exactly for the columns and signs that were found, and where
 * that solution has the same signs and no other column wants in, it is
 * taken: it is the minimum to rounding.
 */

#ifndef MLOPS_ELASTIC_H
#define MLOPS_ELASTIC_H


#include "mlops_base.h"


typedef struct {
    uint32_t       p;               /* columns */
    uint32_t       m;               /* rows */
    size_t         stride;          /* of columns; padded with 0, aligned */
    const double  *a;               /* column by column */
    const double  *y;               /* stride of them */
    const double  *l1;              /* p each, >= 0 */
    const double  *l2;
    double         tolerance;       /* gap <= tolerance ½ |y|^2 */
    uint32_t       sweeps_max;
    double        *x;               /* p: where to start, and the result */

    uint32_t       sweeps;          /* what it took */
    double         gap;             /* of ½ |y|^2 */
    unsigned       converged:1;
    unsigned       exact:1;         /* the conditions were solved */
} mlops_elastic_t;


/* MLOPS_ERROR when memory is out. */
int mlops_elastic(mlops_elastic_t *elastic);


#endif /* MLOPS_ELASTIC_H */
