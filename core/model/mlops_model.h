/*
 * A model: an image that was checked, ready to evaluate.
 *
 * Loading checks everything that evaluation relies on: magic, abi, length,
 * checksum, every offset and count, the order of the program, the layout of
 * every step's parameters; then it replays the golden rows.  It can be done
 * in slices, so that an event loop keeps turning while 50 MB are read.
 *
 * The bytes of the image belong to the caller and outlive the model.  A
 * model is read-only after loading and may be shared by threads, each with a
 * scratch of its own.
 */

#ifndef MLOPS_MODEL_H
#define MLOPS_MODEL_H


#include "mlops_base.h"
#include "mlops_row.h"
#include "mlops_image.h"
#include "mlops_steps.h"


typedef struct mlops_model_s  mlops_model_t;
typedef struct mlops_load_s  mlops_load_t;


/* Begins a load of [base, base + len), base 64-byte aligned: looks at the
 * header only.  NULL with err where that is wrong already. */
mlops_load_t *mlops_load_create(const void *base, size_t len,
    mlops_err_t *err);

/*
 * Goes on for about budget bytes of image (or that many nanoseconds of
 * golden rows, whichever it is at; one step of a row is not divided).
 *
 *     MLOPS_OK      done: *model is the caller's, the load is gone
 *     MLOPS_AGAIN   call again
 *     MLOPS_ERROR   refused, the load is gone; err has the reason
 */
int mlops_load_step(mlops_load_t *load, size_t budget, mlops_model_t **model,
    mlops_err_t *err);

/* Gives up a load that is under way. */
void mlops_load_destroy(mlops_load_t *load);

/* All of the above at once. */
mlops_model_t *mlops_model_open(const void *base, size_t len,
    mlops_err_t *err);

void mlops_model_destroy(mlops_model_t *model);


/* How to call it; the memory is the model's. */
const mlops_interface_t *mlops_model_interface(const mlops_model_t *model);

/* The FACTS section: a JSON object. */
mlops_str_t mlops_model_facts(const mlops_model_t *model);

/* A short word for the kind: "trees", "linear", "dense", "pipeline". */
const char *mlops_model_platform(const mlops_model_t *model);

const mlops_image_header_t *mlops_model_image(const mlops_model_t *model);

/* The elements of a section and how many; NULL and 0 where there is none. */
const void *mlops_model_section(const mlops_model_t *model,
    mlops_image_kind_t kind, uint32_t *n);

/* "affine", "trees" and so on; NULL where there is no such kind or op. */
const char *mlops_step_name(uint32_t kind);
const char *mlops_unary_name(uint32_t op);
const char *mlops_binary_name(uint32_t op);


/* Bytes of working memory, 64-byte aligned, for one evaluation at a time. */
size_t mlops_model_scratch_size(const mlops_model_t *model);

/*
 * Evaluates one completed row: inputs and presence as in mlops_rows_t for
 * the signature of that number, text is what its string cells refer to; out
 * has signature->cells_n cells.  missing, unless NULL, has
 * mlops_row_words(cells_n) words and receives the bits of integer and string
 * results that do not exist (their cells are 0).  Cannot fail.
 *
 * A string result refers to mlops_model_text() of its output.
 */
void mlops_model_eval(const mlops_model_t *model, uint32_t signature,
    const mlops_cell_t *inputs, const uint64_t *present, const char *text,
    void *scratch, mlops_cell_t *out, uint64_t *missing);

/* The cells after an evaluation with that scratch: those that a step of the
 * signature wrote are numbers, others mean nothing. */
const double *mlops_model_cells(const void *scratch);

/* What the string cells of an output refer to: the row's own text where it
 * passes an input through, labels in the image otherwise. */
const char *mlops_model_text(const mlops_model_t *model, uint32_t signature,
    uint32_t output, const char *text);

/*
 * Evaluates all rows: a loop around mlops_model_eval.  Results, scratch and
 * string results (copied) come from the arena.
 */
int mlops_model_predict(const mlops_model_t *model,
    const mlops_signature_t *signature, const mlops_rows_t *rows,
    mlops_results_t *results, mlops_arena_t *arena, mlops_err_t *err);


/* What an image says of one input's distribution; edges is NULL for BYTES,
 * whose counts are those of the categories and, last, of all others. */

typedef struct {
    uint32_t       bins_n;
    const double  *edges;
    const double  *counts;
    double         missing;
    double         rows;
} mlops_histogram_t;

/* MLOPS_OK, or MLOPS_ERROR where there is none. */
int mlops_model_histogram(const mlops_model_t *model, uint32_t signature,
    uint32_t column, mlops_histogram_t *histogram);


#endif /* MLOPS_MODEL_H */
