/*
 * What a loaded model is made of; private to core/model.
 *
 * A step of the image becomes an op: resolved pointers, the function that
 * runs it, its kernel.  A signature becomes a program: how its inputs get
 * into cells, which ops run, how cells become results.  Nothing is looked
 * up, checked or allocated when a row is evaluated.
 *
 * The working memory of an evaluation: one double a cell, padded by 16, then
 * a buffer that the ops use one after another.  A cell that holds a string
 * has the bits of its reference; a missing one is all ones.
 */

#ifndef MLOPS_PROGRAM_H
#define MLOPS_PROGRAM_H


#include "mlops_model.h"
#include "mlops_trees.h"
#include "mlops_dense.h"
#include "mlops_simd.h"


#define MLOPS_OP_SCATTERED  UINT32_MAX
#define MLOPS_CELL_NOTHING  UINT64_MAX      /* a missing string */


typedef struct mlops_op_s  mlops_op_t;

/* text: what the row's strings refer to; scratch: 64-byte aligned. */
typedef void (*mlops_op_run_pt)(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);


struct mlops_op_s {
    mlops_op_run_pt    run;
    mlops_op_run_pt    run_many;        /* row after row, where that differs */
    const uint32_t    *in;
    uint32_t           in_n;
    uint32_t           first;           /* in[] is first, first + 1, …; */
                                        /* or MLOPS_OP_SCATTERED */
    uint32_t           out;
    uint32_t           out_n;
    uint32_t           flags;
    uint16_t           kind;
    uint16_t           code;            /* op of the image's step */

    const char        *param;
    uint64_t           param_len;
    mlops_str_t        text;            /* the section TEXT */
    size_t             scratch_size;    /* of run */
    size_t             x_size;          /* of that: gathered inputs */

    union {
        mlops_trees_pt    trees;
        mlops_dense_pt    dense;
    } kernel;

    mlops_trees_pt     trees_many;      /* of run_many */
};


/*
 * What is known of a kind.
 *
 * size: the parameters' length, once the counts of inputs and outputs, flags
 * and op are seen to fit; MLOPS_OP_ANY_SIZE leaves the length to check.
 *
 * check: values of the parameters; *cursor starts at 0, about *budget bytes
 * a call, which is counted down.  MLOPS_OK, MLOPS_AGAIN or MLOPS_ERROR.
 *
 * bind: after check; sets run, kernel and scratch_size; run_many is 0.
 */

#define MLOPS_OP_ANY_SIZE  UINT64_MAX

typedef struct {
    const char  *name;
    uint32_t     flags;                 /* those that have a meaning */
    uint32_t     codes_n;               /* ops, 1 where it has none */
    int        (*size)(const mlops_op_t *op, uint64_t *len,
                       mlops_err_t *err);
    int        (*check)(const mlops_op_t *op, uint64_t *cursor,
                        size_t *budget, mlops_err_t *err);
    void       (*bind)(mlops_op_t *op, int simd);
} mlops_step_def_t;


/* Of a kind, or NULL. */
const mlops_step_def_t *mlops_step_def(uint32_t kind);

/* Does this op read a string?  (A MAP with string keys.) */
int mlops_op_reads_string(const mlops_op_t *op);

/* Do the last bits of this step depend on the C library? */
int mlops_step_uses_libm(uint32_t kind, uint32_t code);

/* The inputs as one run of doubles: the cells themselves, or gathered. */

static inline const double *
mlops_op_inputs(const mlops_op_t *op, const double *cells, char *scratch)
{
    double    *x;
    uint32_t   i;

    if (mlops_likely(op->first != MLOPS_OP_SCATTERED)) {
        return cells + op->first;
    }

    x = (double *) scratch;

    for (i = 0; i < op->in_n; i++) {
        x[i] = cells[op->in[i]];
    }

    return x;
}


/* Parts of the table, by file. */

int mlops_affine_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_affine_check(const mlops_op_t *op, uint64_t *cursor,
    size_t *budget, mlops_err_t *err);
void mlops_affine_bind(mlops_op_t *op, int simd);

int mlops_clip_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_clip_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err);
void mlops_clip_bind(mlops_op_t *op, int simd);

int mlops_impute_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_impute_check(const mlops_op_t *op, uint64_t *cursor,
    size_t *budget, mlops_err_t *err);
void mlops_impute_bind(mlops_op_t *op, int simd);

void mlops_unary_bind(mlops_op_t *op, int simd);

int mlops_binary_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_binary_check(const mlops_op_t *op, uint64_t *cursor,
    size_t *budget, mlops_err_t *err);
void mlops_binary_bind(mlops_op_t *op, int simd);

int mlops_map_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_map_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err);
void mlops_map_bind(mlops_op_t *op, int simd);

int mlops_piecewise_size(const mlops_op_t *op, uint64_t *len,
    mlops_err_t *err);
int mlops_piecewise_check(const mlops_op_t *op, uint64_t *cursor,
    size_t *budget, mlops_err_t *err);
void mlops_piecewise_bind(mlops_op_t *op, int simd);

int mlops_dense_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_dense_check(const mlops_op_t *op, uint64_t *cursor,
    size_t *budget, mlops_err_t *err);
void mlops_dense_bind(mlops_op_t *op, int simd);

int mlops_trees_step_size(const mlops_op_t *op, uint64_t *len,
    mlops_err_t *err);
int mlops_trees_step_check(const mlops_op_t *op, uint64_t *cursor,
    size_t *budget, mlops_err_t *err);
void mlops_trees_step_bind(mlops_op_t *op, int simd);

void mlops_softmax_bind(mlops_op_t *op, int simd);
void mlops_argmax_bind(mlops_op_t *op, int simd);
void mlops_cumulative_bind(mlops_op_t *op, int simd);

/* As many outputs as inputs, no parameters. */
int mlops_same_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_argmax_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err);
int mlops_cumulative_size(const mlops_op_t *op, uint64_t *len,
    mlops_err_t *err);

/* MLOPS_OK, or why the counts are refused. */
int mlops_same_counts(const mlops_op_t *op, mlops_err_t *err);

/* A check for parameters that are n doubles from first on, all of them
 * finite (or only no NaN).  Takes *cursor from first to first + n. */
int mlops_check_doubles(const mlops_op_t *op, const char *name,
    uint64_t first, uint64_t n, int finite, uint64_t *cursor, size_t *budget,
    mlops_err_t *err);


/* How a cell becomes a result. */

typedef enum {
    MLOPS_STORE_FP64 = 0,       /* the cell */
    MLOPS_STORE_FP32,           /* rounded */
    MLOPS_STORE_INT,            /* of a double: truncated, within limits */
    MLOPS_STORE_UINT,
    MLOPS_STORE_BOOL,
    MLOPS_STORE_INT_INT,        /* of an integer input: as it is, within */
    MLOPS_STORE_INT_UINT,       /* limits; from kind, to kind */
    MLOPS_STORE_INT_BOOL,
    MLOPS_STORE_UINT_INT,
    MLOPS_STORE_UINT_UINT,
    MLOPS_STORE_UINT_BOOL,
    MLOPS_STORE_STRING,         /* of a string input */
    MLOPS_STORE_LABEL
} mlops_store_kind_t;

typedef struct {
    uint32_t                   kind;        /* mlops_store_kind_t */
    uint32_t                   cell;
    uint32_t                   column;      /* of integer inputs */
    uint32_t                   labels_n;
    const mlops_image_text_t  *labels;
    int64_t                    lo;          /* the type's limits */
    uint64_t                   hi;
} mlops_store_t;


typedef struct {
    uint32_t          inputs_n;
    uint32_t          first;        /* all inputs are floating-point, in */
                                    /* cells first, first + 1, …; or */
                                    /* MLOPS_OP_SCATTERED */
    const uint32_t   *inputs;       /* cells */
    uint8_t          *kinds;        /* mlops_cell_kind_t of each */

    uint32_t          ops_n;
    const mlops_op_t **ops;

    uint32_t          stores_n;
    unsigned          floats:1;     /* all stores are FP64 or FP32 */
    unsigned          strings:1;    /* some are STRING or LABEL */
    mlops_store_t    *stores;
} mlops_program_t;


typedef struct {
    const char  *data;              /* NULL: not there */
    uint64_t     len;
    uint32_t     n;
} mlops_section_t;


struct mlops_model_s {
    const mlops_image_header_t  *image;
    mlops_section_t              sections[MLOPS_SECTION_N];
    mlops_str_t                 *strings;       /* of STRINGS */
    mlops_op_t                  *ops;           /* of STEPS */
    mlops_program_t             *programs;      /* of SIGNATURES */
    mlops_interface_t            face;
    size_t                       cells_size;    /* parts of the scratch, */
    size_t                       ops_size;      /* bytes */
    int                          simd;
    mlops_arena_t                arena;
};


/* The two ends of an evaluation, with the ops between them: inputs into
 * cells, cells into results. */
void mlops_eval_start(const mlops_program_t *program,
    const mlops_cell_t *inputs, const uint64_t *present, double *cells);
void mlops_eval_end(const mlops_program_t *program, const double *cells,
    const mlops_cell_t *inputs, const uint64_t *present, mlops_cell_t *out,
    uint64_t *missing);

/* As mlops_load_create, with a SIMD level of the caller's choice. */
mlops_load_t *mlops_load_create_simd(const void *base, size_t len, int simd,
    mlops_err_t *err);

/* The text that a reference names; checked before. */

static inline mlops_str_t
mlops_model_str(const mlops_model_t *model, const mlops_image_text_t *text)
{
    mlops_str_t  s;

    s.data = model->sections[MLOPS_SECTION_TEXT].data + text->off;
    s.len = text->len;

    return s;
}


#endif /* MLOPS_PROGRAM_H */
