/*
 * Which rows are left out: filters of a training recipe.
 *
 *     missing  rows where one of the inputs is missing
 *     range    rows where one is below lo or above hi; a missing one is not
 *     sigma    one input after the other: rows further than limit sample
 *              standard deviations (n - 1) from the mean of the rows that
 *              are left; missing values count for neither and stay
 *
 * The first two say something of a row alone and hold for all rows; sigma is
 * for training rows, after the split, so that nothing held out has a word in
 * what is learned.
 */

#ifndef MLOPS_FILTER_H
#define MLOPS_FILTER_H


#include "mlops_field.h"
#include "mlops_matrix.h"


typedef enum {
    MLOPS_FILTER_MISSING = 0,
    MLOPS_FILTER_RANGE,
    MLOPS_FILTER_SIGMA
} mlops_filter_kind_t;


typedef struct {
    mlops_filter_kind_t   kind;
    const mlops_doc_t    *inputs;   /* an array of names, at least one */
    double                limit;
    double                lo;       /* -inf, inf where not given */
    double                hi;
} mlops_filter_t;


/* The filters of the array "filters", field being at its path, in the field's
 * arena; list NULL: none. */
int mlops_filters(mlops_field_t *field, const mlops_doc_t *list,
    mlops_filter_t **filters, uint32_t *n);

/* Applies one input of a filter to a list of row numbers: those that stay
 * move together, *n is how many.  A column of texts is an error but for
 * missing. */
int mlops_filter(const mlops_filter_t *filter,
    const mlops_matrix_column_t *column, uint32_t *rows, uint32_t *n,
    mlops_err_t *err);


#endif /* MLOPS_FILTER_H */
