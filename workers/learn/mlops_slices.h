/*
 * Slices: rows apart by the value of a cell.
 *
 * Strings and up to MLOPS_SLICES_NUMBERS different numbers are a slice each
 * (the most frequent MLOPS_SLICES_MAX, all others together); more numbers are
 * cut at their quartiles.  Missing values are one more, the last.  A name is
 * the whole string, or the shortest text of the number, so that no two are
 * the same; a string "(missing)" or "(N others)", in quotes or not, is put in
 * quotes.
 */

#ifndef MLOPS_SLICES_H
#define MLOPS_SLICES_H


#include "mlops_columns.h"


#define MLOPS_SLICES_MAX      20
#define MLOPS_SLICES_NUMBERS  12


typedef struct {
    uint32_t   n;
    char      *names[MLOPS_SLICES_MAX + 2];     /* malloc'ed, as is: */
    uint8_t   *of;                      /* of each row */
} mlops_slices_t;


/* Free them after an error, too. */
int mlops_slices_make(mlops_slices_t *slices, const mlops_columns_one_t *one,
    const uint32_t *rows, uint64_t n, mlops_err_t *err);
void mlops_slices_free(mlops_slices_t *slices);


#endif /* MLOPS_SLICES_H */
