/*
 * The design of a linear model: the training rows of a matrix, whose columns
 * are centred and scaled while they are copied, block by block.
 *
 * A column x becomes (x - mean) / scale, where scale is its standard
 * deviation (Σ w (x - mean)^2 / Σ w, no n - 1); without an intercept mean is
 * 0.  So columns of 1e9 and of 1e-9 are the same to what follows.  A column
 * that has one value in all rows is constant: it has no weight to be found,
 * and is not part of a block.  Rows of weight 0 are left out, and so are, if
 * asked, rows in which a value is missing; else such a value is an error.
 */

#ifndef MLOPS_DESIGN_H
#define MLOPS_DESIGN_H


#include "mlops_fit.h"
#include "mlops_lanes.h"

#include <float.h>


#define MLOPS_DESIGN_CENTRE  0x01   /* there is an intercept */
#define MLOPS_DESIGN_SKIP    0x02   /* leave out rows with missing values */
#define MLOPS_DESIGN_TARGET  0x04   /* moments of the target as well */

#define MLOPS_DESIGN_CHUNK   512    /* rows of a sum: part of its order */

/* A deviation below this part of the mean is rounding. */
#define MLOPS_DESIGN_ROUNDING  (4 * DBL_EPSILON)


typedef struct {
    uint64_t                n;          /* rows */
    const uint32_t         *rows;       /* NULL: 0 to n - 1 */
    const mlops_matrix_t   *matrix;
    uint32_t                p;          /* columns of the matrix */
    uint32_t                active_n;
    uint32_t               *active;     /* those that are not constant */
    double                 *mean;       /* p, and the target's */
    double                 *scale;      /* never 0 */
    double                  weight_sum;
    double                  unit;       /* n / Σ w */
    uint64_t                missing_n;  /* rows left out */
    uint64_t                zero_n;     /* rows of weight 0 left out */
    const mlops_lanes_t    *lanes;
    uint32_t               *own;
} mlops_design_t;


/* Rows of the chunk that begins at first. */

static inline uint32_t
mlops_design_chunk(const mlops_design_t *design, uint64_t first)
{
    return design->n - first < MLOPS_DESIGN_CHUNK
           ? (uint32_t) (design->n - first) : MLOPS_DESIGN_CHUNK;
}


/* Errors name the column. */
int mlops_design_init(mlops_design_t *design, mlops_fit_t *fit,
    unsigned flags);
void mlops_design_free(mlops_design_t *design);

/* Rows first to first + n - 1 of the active columns, stride doubles apart. */
void mlops_design_block(const mlops_design_t *design, uint64_t first,
    uint32_t n, double *block, size_t stride);
/* The target, less its mean over its scale where there are moments of it;
 * weights times n / Σ w. */
void mlops_design_target(const mlops_design_t *design, uint64_t first,
    uint32_t n, double *out);
void mlops_design_weight(const mlops_design_t *design, uint64_t first,
    uint32_t n, double *out);
/* Raw values of a column. */
void mlops_design_raw(const mlops_design_t *design, uint32_t column,
    uint64_t first, uint32_t n, double *out);

/* Weights b of the active columns as weights of the inputs; the intercept of
 * the blocks, b0, as that of the inputs. */
double mlops_design_unscale(const mlops_design_t *design, double b0,
    const double *b, double *weights);

/* "constant":["a"] in the fit's report where there are any; "missing_rows".
 */
void mlops_design_report(const mlops_design_t *design, mlops_fit_t *fit);


#endif /* MLOPS_DESIGN_H */
