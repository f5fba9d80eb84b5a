/*
 * The builder's own state; private to core/model.
 *
 * Each section grows in a buffer of its own, in the order of the calls, so
 * that offsets are final at once and finish only lays the buffers out.
 */

#ifndef MLOPS_BUILDER_H
#define MLOPS_BUILDER_H


#include "mlops_build.h"
#include "mlops_program.h"


#define MLOPS_BUILDER_NOBODY  UINT32_MAX    /* writer of a cell */
#define MLOPS_PROBES_PER_CELL 12


typedef struct {
    char    *data;
    size_t   len;
    size_t   size;
} mlops_buffer_t;


/* A value near which an input cell makes a difference. */

typedef struct {
    uint32_t  cell;
    double    value;
} mlops_probe_t;


struct mlops_builder_s {
    mlops_err_t      err;
    unsigned         failed:1;
    unsigned         libm_f32:1;    /* some step calls exp, log, …, */
    unsigned         libm_f64:1;    /*   in float32 or in double */

    mlops_buffer_t   sections[MLOPS_SECTION_N];
    uint32_t         input_n;
    uint32_t         cell_n;
    uint32_t         step_n;
    uint32_t         signature_n;
    mlops_buffer_t   writers;       /* uint32: the step of each cell */

    mlops_buffer_t   slots;         /* uint32: interned texts, by hash: */
    uint32_t         texts_n;       /*   element of texts + 1 */
    mlops_buffer_t   texts;         /* mlops_image_text_t */

    mlops_buffer_t   histograms;    /* mlops_image_histogram_t; edges is */
    mlops_buffer_t   bins;          /*   the element of bins, of doubles */

    uint32_t         golden_n;
    mlops_buffer_t   golden_of;     /* uint64: signature of each row */
    mlops_buffer_t   golden_rows;
    double           tol_abs;
    double           tol_rel;

    mlops_buffer_t   probes;        /* mlops_probe_t */
    mlops_buffer_t   probes_n;      /* uint32: of each input cell */
};


/* The first error stays. Returns MLOPS_BUILDER_ERROR. */
uint32_t mlops_builder_fail(mlops_builder_t *builder, const char *fmt, ...)
    mlops_printf(2, 3);

/* len zeroed bytes at the end of a buffer; NULL after an error. */
void *mlops_builder_more(mlops_builder_t *builder, mlops_buffer_t *buffer,
    size_t len);

/* The reference to a text, written once however often it is used. */
mlops_image_text_t mlops_builder_text(mlops_builder_t *builder,
    const char *data, size_t len);

/* Remembers values of an input cell, as far as there is room. */
void mlops_builder_probe(mlops_builder_t *builder, uint32_t cell,
    double value);

/* Adds the builder's own golden rows, answered by the model that the bytes
 * make. */
int mlops_builder_own_golden(mlops_builder_t *builder,
    const mlops_model_t *model);

/* Room for a step's parameters, which are written before the next call; sets
 * param and param_len.  NULL after an error. */
void *mlops_builder_param(mlops_builder_t *builder, mlops_image_step_t *step,
    uint64_t len);

/* Adds a step, whose kind, op, flags and parameters are set. */
uint32_t mlops_builder_step(mlops_builder_t *builder,
    mlops_image_step_t *step, const uint32_t *in, uint32_t in_n,
    uint32_t out, uint32_t out_n);

/* Lays out what is there; golden rows too, if with_golden.  The memory is
 * the caller's. */
int mlops_builder_write(mlops_builder_t *builder, int with_golden,
    void **data, size_t *len);


#define mlops_builder_n(buffer, type)  ((uint32_t) ((buffer)->len            \
                                                    / sizeof(type)))


#endif /* MLOPS_BUILDER_H */
