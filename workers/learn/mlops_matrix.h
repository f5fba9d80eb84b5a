/*
 * What a learner reads: columns of numbers or of category codes, a target, a
 * weight, and which rows of them to take.
 *
 * Nothing is copied: columns are those of a frame (mlops_frame.h) or what a
 * step computed, all of the same length, and a split is a list of row
 * numbers into them.  So the training, tuning and held-out rows of one frame
 * are three matrices over the same memory.
 */

#ifndef MLOPS_MATRIX_H
#define MLOPS_MATRIX_H


#include "mlops_base.h"


typedef enum {
    MLOPS_MATRIX_DOUBLE = 0,        /* double[], NaN is missing */
    MLOPS_MATRIX_FLOAT,             /* float[], NaN is missing */
    MLOPS_MATRIX_CODES              /* uint32_t[], MLOPS_MATRIX_NONE is
                                       missing */
} mlops_matrix_kind_t;

#define MLOPS_MATRIX_NONE  UINT32_MAX


typedef struct {
    mlops_str_t           name;
    mlops_matrix_kind_t   kind;
    const void           *data;
    uint32_t              categories_n;     /* CODES: below it */
    const mlops_str_t    *categories;       /* their texts */
} mlops_matrix_column_t;


typedef struct {
    uint64_t                      n;        /* rows taken */
    const uint32_t               *rows;     /* their numbers, ascending where
                                               nothing else is said; NULL: 0
                                               to n - 1 */
    uint32_t                      columns_n;
    const mlops_matrix_column_t  *columns;
    const double                 *target;   /* by row number, never NaN; of a
                                               classifier the class, 0 to
                                               K - 1 */
    const double                 *weight;   /* by row number, finite, >= 0;
                                               NULL: 1 each */
} mlops_matrix_t;


static inline uint64_t
mlops_matrix_row(const mlops_matrix_t *matrix, uint64_t i)
{
    return matrix->rows ? matrix->rows[i] : i;
}


/* The value as a number; of CODES its code, or NaN. */

static inline double
mlops_matrix_value(const mlops_matrix_column_t *column, uint64_t row)
{
    uint32_t  code;

    switch (column->kind) {

    case MLOPS_MATRIX_DOUBLE:
        return ((const double *) column->data)[row];

    case MLOPS_MATRIX_FLOAT:
        return ((const float *) column->data)[row];

    default:
        code = ((const uint32_t *) column->data)[row];
        return (code == MLOPS_MATRIX_NONE) ? __builtin_nan("") : code;
    }
}


static inline double
mlops_matrix_weight(const mlops_matrix_t *matrix, uint64_t row)
{
    return matrix->weight ? matrix->weight[row] : 1;
}


#endif /* MLOPS_MATRIX_H */
