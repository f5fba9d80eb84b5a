/*
 * Rows of a matrix as hashed examples.
 *
 * A column of numbers is one feature, whose value is the number; a missing
 * one is no feature.  A column of codes is one feature of value 1, whose
 * slot is that of its category, or of "missing".  A cross of two columns is
 * one more, with the product of their values; where one of the two is
 * missing it is left out.  The bias is the last one, of value 1.
 */

#ifndef MLOPS_ONLINE_ROWS_H
#define MLOPS_ONLINE_ROWS_H


#include "mlops_base.h"
#include "mlops_matrix.h"


typedef struct {
    uint32_t  a;                    /* columns */
    uint32_t  b;
} mlops_online_cross_t;


typedef struct {
    const mlops_matrix_t        *matrix;
    uint32_t                     crosses_n;
    const mlops_online_cross_t  *crosses;
    uint64_t                   **codes;     /* by column: of each category,
                                               then of a missing one; NULL:
                                               numbers */
    uint64_t                    *hashes;    /* by column, of numbers */
    uint64_t                     bias;
    uint32_t                     features_max;  /* of a row */
} mlops_online_rows_t;


/* crosses and matrix are kept; what is made lives in the arena. */
int mlops_online_rows_init(mlops_online_rows_t *rows,
    const mlops_matrix_t *matrix, const mlops_online_cross_t *crosses,
    uint32_t crosses_n, mlops_arena_t *arena, mlops_err_t *err);

/* Row number row as at most features_max pairs; returns how many. */
uint32_t mlops_online_row(const mlops_online_rows_t *rows, uint64_t row,
    uint32_t *index, float *value);

/* The hash of a cross of two columns, for a category of each; of a column of
 * numbers the category is not looked at. */
uint64_t mlops_online_cross_hash(const mlops_online_rows_t *rows,
    const mlops_online_cross_t *cross, uint32_t a, uint32_t b);


#endif /* MLOPS_ONLINE_ROWS_H */
