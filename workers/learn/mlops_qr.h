/*
 * QR of tall matrices: rows come in blocks, the triangle stays.
 *
 * Each block is put below the triangle R and reduced by Householder
 * reflections, column by column, four of them applied to the columns behind
 * at a time (sequential TSQR: Demmel, Grigori, Hoemmen and Langou,
 * "Communication-optimal parallel and sequential QR and LU factorizations",
 * 2012; reflections as LAPACK's dtpqrt).  R is upper triangular, so that of
 * the rows above only number j takes part in reflection j.  Memory is n^2
 * and one block, however many rows there are.
 *
 * The block's height depends on n alone, sums are those of mlops_lanes.h:
 * the same rows in the same blocks give the same bits everywhere.  The
 * caller scales columns: squares of what it adds have to be finite.
 */

#ifndef MLOPS_QR_H
#define MLOPS_QR_H


#include "mlops_base.h"
#include "mlops_lanes.h"


#define MLOPS_QR_COLUMNS  8192      /* at most: R has 512 MB then */

/* A column whose distance from the span of those before it is this part of
 * its length is taken for a combination of them. */
#define MLOPS_QR_RANK     1e-10


typedef struct {
    uint32_t              n;        /* columns, right-hand side included */
    uint32_t              height;   /* rows of a block at most */
    size_t                stride;   /* of R's rows */
    double               *r;        /* row by row, upper triangle */
    double               *block;    /* column by column, height each */
    const mlops_lanes_t  *lanes;
} mlops_qr_t;


/* MLOPS_ERROR when memory is out. */
int mlops_qr_init(mlops_qr_t *qr, uint32_t n);
void mlops_qr_free(mlops_qr_t *qr);
/* Starts again with no rows. */
void mlops_qr_reset(mlops_qr_t *qr);

/* Takes the first rows of qr->block, which it overwrites. */
void mlops_qr_add(mlops_qr_t *qr, uint32_t rows);

/* Adds a row √d[j] in column k, and -√d[j] x[j] in the last one, for each
 * k < n with j = columns[k] (NULL: k; x NULL: 0): what a penalty
 * ½ Σ d (b + x)^2 is to least squares of b. */
void mlops_qr_diagonal(mlops_qr_t *qr, const uint32_t *columns, uint32_t n,
    const double *d, const double *x);

/*
 * Least squares: the first p columns against the last one, column number p
 * (n is p + 1).  A column that depends on those before it (MLOPS_QR_RANK)
 * gets 0 and is marked in dropped[p]; the rank is returned.  qr->r is
 * changed.
 */
uint32_t mlops_qr_solve(mlops_qr_t *qr, double *x, uint8_t *dropped);


#endif /* MLOPS_QR_H */
