/*
 * The facts of a trained image, read back.
 */

#ifndef MLOPS_TRAINED_H
#define MLOPS_TRAINED_H


#include "mlops_doc.h"
#include "mlops_model.h"


typedef struct {
    mlops_str_t           recipe;       /* its text */
    const char          **set;          /* settings */
    uint32_t              set_n;
    uint64_t              seed;
    mlops_str_t           rows_sha256;  /* hex */
    uint64_t              rows_n;
    const mlops_doc_t    *classes;      /* a list, or NULL */
    const mlops_doc_t    *prediction;   /* a list of cells, or NULL */
    const mlops_doc_t    *training;     /* all of it */
} mlops_trained_t;


/* MLOPS_AGAIN: the image was not trained here.  Everything lives in the
 * arena. */
int mlops_trained_read(mlops_trained_t *trained, const mlops_model_t *model,
    mlops_arena_t *arena, mlops_err_t *err);


#endif /* MLOPS_TRAINED_H */
