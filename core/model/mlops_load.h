/*
 * A load under way; private to the files that check an image.
 *
 * A load goes through phases, each a function that is called until it says
 * MLOPS_OK.  It counts *budget down by the bytes it looked at and returns
 * MLOPS_AGAIN when none is left; *budget is at least 1 at the first phase of
 * a call, so that every call gets on.
 *
 * No loop is as long as an image wants it to be: each looks at its budget.
 * Whatever sends the reader to another place of the file, which may be in no
 * cache, costs MLOPS_LOAD_JUMP bytes.
 */

#ifndef MLOPS_LOAD_H
#define MLOPS_LOAD_H


#include "mlops_program.h"
#include "mlops_hash.h"


#define MLOPS_LOAD_JUMP  256


/* What a signature is at: the stages of mlops_load_programs(). */

typedef enum {
    MLOPS_LOAD_ORIGINS = 0,
    MLOPS_LOAD_PROOF,
    MLOPS_LOAD_OUTPUTS,
    MLOPS_LOAD_STORES
} mlops_load_stage_t;


typedef struct {
    uint64_t       off;             /* of the row, in the section */
    mlops_cell_t  *out;
    uint64_t      *missing;
    void          *memory;          /* malloc'ed */
    void          *scratch;
} mlops_load_golden_t;


#define MLOPS_ORIGIN_NONE      0
#define MLOPS_ORIGIN_COMPUTED  UINT32_MAX


struct mlops_load_s {
    mlops_model_t        *model;
    uint32_t              phase;
    uint64_t              cursor;   /* these are 0 when a phase begins */
    uint64_t              inner;
    uint64_t              part;
    mlops_load_stage_t    stage;
    uint64_t              listed;   /* elements of LISTS in runs so far, */
    uint64_t              stringed; /* and of STRINGS */
    uint64_t              weighed;  /* bytes of WEIGHTS given to steps */
    uint32_t              outputs;  /* elements of OUTPUTS given away */
    uint32_t             *origins;  /* of the cells of a signature: its */
                                    /* column + 1, or one of these */
    mlops_hash_t          hash;
    mlops_load_golden_t   golden;
};


typedef int (*mlops_load_pt)(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);


int mlops_load_cells(mlops_load_t *load, size_t *budget, mlops_err_t *err);
int mlops_load_steps(mlops_load_t *load, size_t *budget, mlops_err_t *err);
int mlops_load_weights(mlops_load_t *load, size_t *budget, mlops_err_t *err);
int mlops_load_signatures(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
int mlops_load_programs(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
int mlops_load_histograms(mlops_load_t *load, size_t *budget,
    mlops_err_t *err);
int mlops_load_golden(mlops_load_t *load, size_t *budget, mlops_err_t *err);

/* Is this text within TEXT, cut at whole characters, and at most max bytes
 * long?  what names it in the error. */
int mlops_load_text(mlops_load_t *load, const mlops_image_text_t *text,
    uint32_t max, const char *what, mlops_err_t *err);

/* Is this run within LISTS, and not more than LISTS holds altogether? */
int mlops_load_run(mlops_load_t *load, const mlops_image_run_t *run,
    const char *what, mlops_err_t *err);

/* The same of STRINGS. */
int mlops_load_strings_run(mlops_load_t *load, const mlops_image_run_t *run,
    const char *what, mlops_err_t *err);

/* The outputs of a signature, then how their cells are stored, once its
 * origins are known; each goes on with load->inner and load->part from 0.
 * Last, whether the signatures own all of OUTPUTS. */
int mlops_load_outputs(mlops_load_t *load, uint32_t signature,
    size_t *budget, mlops_err_t *err);
int mlops_load_stores(mlops_load_t *load, uint32_t signature,
    size_t *budget, mlops_err_t *err);
int mlops_load_outputs_end(mlops_load_t *load, mlops_err_t *err);

int mlops_load_no_memory(mlops_err_t *err);


#define mlops_load_list(load, run)                                            \
    ((const uint32_t *) (load)->model->sections[MLOPS_SECTION_LISTS].data     \
     + (run)->first)

#define mlops_load_spend(budget, bytes)                                       \
    (*(budget) -= ((bytes) < *(budget)) ? (bytes) : *(budget))


#endif /* MLOPS_LOAD_H */
