/*
 * Singular values and right singular vectors of a triangle.
 *
 * One-sided Jacobi (Hestenes, 1958; Demmel and Veselic, "Jacobi's method is
 * more accurate than QR", 1992): columns are rotated until any two are
 * orthogonal.  Cyclic by rows, in sums of mlops_lanes.h, and so the same
 * everywhere.
 */

#ifndef MLOPS_SVD_H
#define MLOPS_SVD_H


#include "mlops_base.h"


/*
 * a: p columns of stride doubles (padded with 0, aligned), p rows used; it
 * is overwritten.  s[p]: singular values, descending; v: p vectors of p
 * numbers, row k belonging to s[k], whose entry of the largest magnitude
 * (the first of several) is positive.  MLOPS_AGAIN where they are not finite,
 * MLOPS_ERROR when memory is out.
 */
int mlops_svd(double *a, uint32_t p, size_t stride, double *s, double *v);


#endif /* MLOPS_SVD_H */
