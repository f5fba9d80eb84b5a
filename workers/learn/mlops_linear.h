/*
 * Linear models: what least squares, the elastic net and the generalised
 * ones share.
 *
 * Penalties are those of scikit-learn's ElasticNet and of glmnet:
 *
 *     minimise  1/Σw Σ w loss + alpha (l1_ratio |β|_1
 *                                      + (1 - l1_ratio)/2 |β|_2^2)
 *
 * with loss ½ (y - ŷ)^2 of a number, where β are weights of the inputs as
 * they are, or, with "standardize", of inputs in standard deviations.  The
 * intercept is never penalised.
 */

#ifndef MLOPS_LINEAR_H
#define MLOPS_LINEAR_H


#include "mlops_design.h"
#include "mlops_fit_key.h"
#include "mlops_qr.h"


/* The keys of all of them, to begin a fitter's list with. */
#define MLOPS_LINEAR_KEYS  "alpha", "intercept", "standardize", "missing"


typedef struct {
    double     alpha;
    double     l1_ratio;
    int        intercept;
    int        standardize;
    unsigned   flags;               /* of the design */
} mlops_linear_keys_t;


typedef enum {
    MLOPS_LINEAR_IDENTITY = 0,
    MLOPS_LINEAR_SIGMOID,           /* 1 output, or 2 classes */
    MLOPS_LINEAR_SOFTMAX,
    MLOPS_LINEAR_EXP
} mlops_linear_link_t;


/* Reads MLOPS_LINEAR_KEYS and, where it is a key of the fitter, l1_ratio
 * (else it is l1_ratio). */
int mlops_linear_keys(mlops_fit_t *fit, double alpha, double l1_ratio,
    mlops_linear_keys_t *keys);

/* Is the number of inputs, outputs and margins right for the link? */
int mlops_linear_check(mlops_fit_t *fit, mlops_linear_link_t link);

/* The penalties of the design's active columns times the number of rows: of
 * their weights in blocks, per unit of the scaled target. */
void mlops_linear_penalty(const mlops_design_t *design,
    const mlops_linear_keys_t *keys, double *l1, double *l2);

/* The steps: m affine outputs (weights m x inputs) and the link. */
int mlops_linear_write(mlops_fit_t *fit, mlops_linear_link_t link,
    uint32_t m, const double *weights, const double *bias);

/* Adds all rows to a triangle: √w times active columns, then target. */
void mlops_linear_triangle(const mlops_design_t *design, mlops_qr_t *qr);

/* "dropped":["a"] in the report: columns that depend on those before them. */
void mlops_linear_dropped(mlops_fit_t *fit, const mlops_design_t *design,
    const uint8_t *dropped);


#endif /* MLOPS_LINEAR_H */
