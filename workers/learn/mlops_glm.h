/*
 * Generalised linear models: logistic, Poisson, multinomial.
 *
 *     logistic     loss  log(1 + exp(-z)) of class 1, log(1 + exp(z)) of 0
 *     Poisson      loss  exp(z) - y z
 *     multinomial  loss  log Σ exp(z_k) - z_y
 *
 * minimised with the penalty of mlops_linear.h by Newton's method: of one
 * margin z by iteratively reweighted least squares, rows reduced by QR; of
 * several by the Cholesky factor of the Hessian, in which columns that depend
 * on those before are left out.  With l1 each quadratic is minimised by
 * mlops_elastic.h (the proximal Newton method of glmnet: Friedman, Hastie and
 * Tibshirani, 2010).  Steps are halved until the objective falls.
 *
 * Multinomial margins are symmetric, one for each class: what the loss does
 * not decide (a constant added to all) is chosen so that intercepts, and
 * without a penalty weights, sum to 0 over the classes.
 *
 * Classes that a hyperplane separates (and counts of 0 that one cuts off)
 * have no finite optimum without a penalty: the fit ends when the mean loss
 * is below MLOPS_GLM_SEPARABLE, when steps bring nothing, or after
 * "iterations" of them, and the report says "separable": true.
 */

#ifndef MLOPS_GLM_H
#define MLOPS_GLM_H


#include "mlops_linear.h"


#define MLOPS_GLM_SEPARABLE   1e-8      /* mean loss that is 0 */
#define MLOPS_GLM_ITERATIONS  100
#define MLOPS_GLM_MARGIN      20        /* of a probability of 2e-9 */


typedef enum {
    MLOPS_GLM_LOGISTIC = 0,
    MLOPS_GLM_POISSON,
    MLOPS_GLM_MULTINOMIAL
} mlops_glm_kind_t;


typedef struct {
    mlops_glm_kind_t       kind;
    mlops_linear_keys_t    keys;
    int64_t                iterations;

    mlops_design_t         design;
    uint32_t               margins;     /* K */
    uint32_t               p;           /* active columns */
    uint32_t               free_n;      /* intercepts: 0, or K: the first */
    uint32_t               n;           /* coefficients: free_n + K p */
    double                *b;           /* those, of blocks */
    double                *step;
    double                *l1;          /* p */
    double                *l2;          /* n: 0 of intercepts */
    double                *z;           /* K times rows: margins */
    double                *dz;          /* what the step does to them */
    mlops_qr_t             qr;          /* n columns and a right-hand side */
    double                *block;       /* ones, active columns; padded to 4 */
    double                *chunk;       /* K + 2 columns: probabilities, … */

    double                 loss;        /* mean, without penalty */
    uint32_t               steps;
    uint32_t               rank;
    uint8_t               *dropped;     /* n */
    unsigned               converged:1;
    unsigned               separable:1;
} mlops_glm_t;


/* design, kind, margins, keys and iterations are set; the fit's error has
 * the reason otherwise. */
int mlops_glm(mlops_fit_t *fit, mlops_glm_t *glm);
void mlops_glm_free(mlops_glm_t *glm);


/* The parts: mlops_glm_loss.c.  The mean penalised loss at b + t step, whose
 * margins are z + t dz; *bare without the penalty. */
double mlops_glm_objective(const mlops_glm_t *glm, double t, double *bare);
/* Rows first to first + n - 1: of a row the derivative of its loss by its
 * margin (negative: y - mean) and the second, weights included. */
void mlops_glm_rows(const mlops_glm_t *glm, uint64_t first, uint32_t n,
    double *slope, double *curve);
/* Their probabilities, K columns of MLOPS_DESIGN_CHUNK. */
void mlops_glm_softmax(const mlops_glm_t *glm, uint64_t first, uint32_t n,
    double *out);

/* The quadratic of a step: ½ |R d - q|^2, R and q in glm->qr:
 * mlops_glm_newton.c. */
void mlops_glm_quadratic(mlops_glm_t *glm);
/* Its minimum with the penalty: glm->step. */
int mlops_glm_minimum(mlops_glm_t *glm);
/* Margins of coefficients. */
void mlops_glm_margins(const mlops_glm_t *glm, const double *b, double *z);


#endif /* MLOPS_GLM_H */
