/*
 * Notes of a fit: what a user should know of one that went well all the same,
 * a line of the report each.
 */

#ifndef MLOPS_FIT_NOTE_H
#define MLOPS_FIT_NOTE_H


#include "mlops_fit.h"


/* Names in a note: the first ones, in quotes, and how many there are more.
 * Zero to begin with. */

typedef struct {
    uint32_t   n;
    uint32_t   shown;
    size_t     len;
    char       text[256];
} mlops_fit_named_t;


void mlops_fit_note(mlops_fit_t *fit, const char *fmt, ...)
    mlops_printf(2, 3);

/* One name more; behind follows it. */
void mlops_fit_named(mlops_fit_named_t *named, const mlops_str_t *name,
    const char *behind);
const char *mlops_fit_named_text(mlops_fit_named_t *named);

/* For learners that take inputs as float32: notes those of which it tells
 * apart fewer than nine in ten of the values that are in up to 4096 of the
 * training rows. */
void mlops_fit_note_float(mlops_fit_t *fit);
/* For those that take the target so: an error where it is rounded by more
 * than a hundredth of its deviation, of which sums of trees would leave
 * nothing. */
int mlops_fit_target_float(mlops_fit_t *fit);


#endif /* MLOPS_FIT_NOTE_H */
