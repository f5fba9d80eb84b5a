/*
 * The kinds of steps, and the layout of their parameters in WEIGHTS.
 *
 * A step reads in.n cells as numbers (x, a missing one is NaN; a string only
 * where the kind says so) and writes out_n doubles (y).  It computes in
 * double; with MLOPS_STEP_F32 it converts its inputs to float32 and rounds
 * after each operation, as float32 libraries do.  Sums run in the order of
 * the inputs, from the bias.
 *
 *     kind       reads, writes        parameters
 *     AFFINE     n -> m               double bias[m], double w[m][n]:
 *                                     y_j = bias_j + sum_i w_ji x_i; n may
 *                                     be 0: constants
 *                                     SKIP_MISSING leaves NaN inputs out
 *     CLIP       n -> n               double lo[n], hi[n]; NaN stays NaN
 *     IMPUTE     n -> n               double value[n]: for NaN
 *     MAP        1 -> m               mlops_map_t below; a string or number
 *                                     to m numbers (a one-hot row is m > 1)
 *     UNARY      n -> n               none; op elementwise
 *     BINARY     2n -> n              none: x_i op x_(n+i)
 *                1n -> n with CONST   double c[n]: x_i op c_i; REVERSED
 *                                     c_i op x_i
 *     PIECEWISE  1 -> 1               double x[k], y[k], x ascending;
 *                                     linear between, constant outside; k =
 *                                     param_len / 16, at least 1
 *     DENSE      n -> m               mlops_dense.h; op is the activation
 *     TREES      n -> m               mlops_trees.h; m is the groups
 *     SOFTMAX    n -> n               none; from the maximum; F32 sums the
 *                                     float exponentials in double
 *     ARGMAX     n -> 1               none; the first of equals; NaN if any
 *     CUMULATIVE n -> n               none; op SORT: ascending, NaN last, n
 *                                     at most MLOPS_SORT_MAX; op
 *                                     SOFTPLUS: y_0 = x_0, y_j = y_(j-1) +
 *                                     (1e-6 + softplus(x_j))
 *     LUA        n -> m               reserved; refused by this abi
 *
 * MAP: mlops_map_t, then n entries sorted by key (strings by bytes, numbers
 * ascending), then n rows of m doubles, then m doubles for a value without
 * entry, then m doubles for a missing one.
 *
 * Bounds, biases, weights, constants and knots are never NaN, and weights
 * and knots are finite: such an image is refused.  The values of a MAP may
 * be NaN: so it says "missing" to the steps behind it.
 */

#ifndef MLOPS_STEPS_H
#define MLOPS_STEPS_H


#include "mlops_image.h"


typedef enum {
    MLOPS_STEP_AFFINE = 1,
    MLOPS_STEP_CLIP = 2,
    MLOPS_STEP_IMPUTE = 3,
    MLOPS_STEP_MAP = 4,
    MLOPS_STEP_UNARY = 5,
    MLOPS_STEP_BINARY = 6,
    MLOPS_STEP_PIECEWISE = 7,
    MLOPS_STEP_DENSE = 8,
    MLOPS_STEP_TREES = 9,
    MLOPS_STEP_SOFTMAX = 10,
    MLOPS_STEP_ARGMAX = 11,
    MLOPS_STEP_CUMULATIVE = 12,
    MLOPS_STEP_LUA = 13,
    MLOPS_STEP_KIND_N = 14
} mlops_step_kind_t;


#define MLOPS_STEP_F32           0x01
#define MLOPS_STEP_SKIP_MISSING  0x02
#define MLOPS_STEP_CONST         0x04
#define MLOPS_STEP_REVERSED      0x08


typedef enum {
    MLOPS_UNARY_IDENTITY = 0,   /* conversion to double (or float) alone */
    MLOPS_UNARY_NEG,
    MLOPS_UNARY_ABS,
    MLOPS_UNARY_SQUARE,
    MLOPS_UNARY_SQRT,
    MLOPS_UNARY_EXP,
    MLOPS_UNARY_LOG,
    MLOPS_UNARY_LOG1P,
    MLOPS_UNARY_EXPM1,
    MLOPS_UNARY_RECIPROCAL,
    MLOPS_UNARY_SIGMOID,        /* 1 / (1 + exp(-x)) */
    MLOPS_UNARY_TANH,
    MLOPS_UNARY_RELU,
    MLOPS_UNARY_SIGN,
    MLOPS_UNARY_FLOOR,
    MLOPS_UNARY_CEIL,
    MLOPS_UNARY_ROUND,          /* half to even */
    MLOPS_UNARY_SIN,
    MLOPS_UNARY_COS,
    MLOPS_UNARY_STEP,           /* x > 0 ? 1 : 0; NaN stays NaN */
    MLOPS_UNARY_XGB_SIGMOID,    /* float32: 1 / (expf(min(-x, 88.7)) + 1 +
                                   1e-16) */
    MLOPS_UNARY_ISNAN,
    MLOPS_UNARY_N
} mlops_unary_t;


typedef enum {
    MLOPS_BINARY_ADD = 0,
    MLOPS_BINARY_SUB,
    MLOPS_BINARY_MUL,
    MLOPS_BINARY_DIV,
    MLOPS_BINARY_MIN,           /* NaN if either is */
    MLOPS_BINARY_MAX,
    MLOPS_BINARY_POW,
    MLOPS_BINARY_MOD,           /* x - floor(x / y) * y */
    MLOPS_BINARY_LT,            /* comparisons give 1 or 0, NaN if either */
    MLOPS_BINARY_LE,
    MLOPS_BINARY_EQ,
    MLOPS_BINARY_N
} mlops_binary_t;


#define MLOPS_SORT_MAX  4096

typedef enum {
    MLOPS_CUMULATIVE_SORT = 0,
    MLOPS_CUMULATIVE_SOFTPLUS = 1
} mlops_cumulative_t;


typedef struct {
    uint32_t  n;                /* entries */
    uint32_t  strings;          /* 1: mlops_image_text_t keys; 0: doubles */
} mlops_map_t;                  /* 8 bytes, then n * 8 bytes of keys */


#endif /* MLOPS_STEPS_H */
