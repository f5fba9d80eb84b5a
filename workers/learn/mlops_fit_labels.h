/*
 * What labels mean: the target's name and its classes, in order.  Weights
 * and trees that were learned for others are not gone on from.
 */

#ifndef MLOPS_FIT_LABELS_H
#define MLOPS_FIT_LABELS_H


#include "mlops_fit.h"


/* {"target":"churned","classes":["no","yes"]}; without classes where the
 * target is a number. */
void mlops_fit_labels_write(const mlops_fit_t *fit,
    mlops_import_text_t *text);

/* Is what a fit goes on from of the fit's target and classes?  target, and
 * classes, a list of strings or numbers, may be NULL: not known, and not
 * compared.  whose names it: "the trees of \"a.mlm\"". */
int mlops_fit_labels_check(mlops_fit_t *fit, const char *whose,
    const mlops_str_t *target, const mlops_doc_t *classes);


/* Classes for an error: "low", "mid", "tall"; of many the first, and each
 * only so far. */
#define MLOPS_LABELS_TOLD  6
#define MLOPS_LABELS_TEXT  24
#define MLOPS_LABELS_SIZE  (MLOPS_LABELS_TOLD * (MLOPS_LABELS_TEXT + 4) + 8)

const char *mlops_fit_labels_list(const mlops_str_t *classes, uint32_t n,
    char buf[MLOPS_LABELS_SIZE]);


#endif /* MLOPS_FIT_LABELS_H */
