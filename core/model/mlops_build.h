/*
 * The builder: how importers, recipes and learners make an image.
 *
 * Inputs and steps are added first, then signatures, then facts and golden
 * rows; mlops_builder_finish writes the bytes and loads them again with the
 * production loader, so that what it returns is known to serve.  The same
 * calls give the same bytes.
 *
 * Functions return a cell number, or MLOPS_BUILDER_ERROR; the first error
 * sticks, is told by finish, and makes later calls no-ops, so that callers
 * need not check each one.  All arguments are copied.
 */

#ifndef MLOPS_BUILD_H
#define MLOPS_BUILD_H


#include "mlops_base.h"
#include "mlops_row.h"
#include "mlops_steps.h"
#include "mlops_trees.h"


#define MLOPS_BUILDER_ERROR  UINT32_MAX
#define MLOPS_BUILDER_NEW    UINT32_MAX     /* out: cells of their own */


typedef struct mlops_builder_s  mlops_builder_t;


mlops_builder_t *mlops_builder_create(void);
void mlops_builder_destroy(mlops_builder_t *builder);

/* An input cell; inputs come before all steps. */
uint32_t mlops_builder_input(mlops_builder_t *builder,
    const mlops_column_t *column);

/*
 * Steps: they read in[in_n] and write out_n cells from out on, where out is
 * MLOPS_BUILDER_NEW or an existing input cell (which that step computes for
 * signatures that do not take it).  The first cell written is returned.
 */
uint32_t mlops_builder_affine(mlops_builder_t *builder, uint32_t flags,
    const uint32_t *in, uint32_t in_n, uint32_t out, uint32_t out_n,
    const double *bias, const double *w);
uint32_t mlops_builder_clip(mlops_builder_t *builder, const uint32_t *in,
    uint32_t n, uint32_t out, const double *lo, const double *hi);
uint32_t mlops_builder_impute(mlops_builder_t *builder, const uint32_t *in,
    uint32_t n, uint32_t out, const double *value);
/* keys[n] strings, or numbers where keys is NULL; values n x m, then other m
 * and missing m. */
uint32_t mlops_builder_map(mlops_builder_t *builder, uint32_t in,
    uint32_t out, uint32_t n, uint32_t m, const mlops_str_t *keys,
    const double *numbers, const double *values, const double *other,
    const double *missing);
uint32_t mlops_builder_unary(mlops_builder_t *builder, mlops_unary_t op,
    uint32_t flags, const uint32_t *in, uint32_t n, uint32_t out);
/* b NULL: constants c. */
uint32_t mlops_builder_binary(mlops_builder_t *builder, mlops_binary_t op,
    uint32_t flags, const uint32_t *a, const uint32_t *b, const double *c,
    uint32_t n, uint32_t out);
uint32_t mlops_builder_piecewise(mlops_builder_t *builder, uint32_t in,
    uint32_t out, uint32_t k, const double *x, const double *y);
/* w[K][M] input-major, not padded. */
uint32_t mlops_builder_dense(mlops_builder_t *builder, mlops_unary_t act,
    const uint32_t *in, uint32_t k, uint32_t out, uint32_t m,
    const float *bias, const float *w);
uint32_t mlops_builder_trees(mlops_builder_t *builder, const uint32_t *in,
    uint32_t out, const mlops_forest_t *forest);
uint32_t mlops_builder_softmax(mlops_builder_t *builder, uint32_t flags,
    const uint32_t *in, uint32_t n, uint32_t out);
uint32_t mlops_builder_argmax(mlops_builder_t *builder, const uint32_t *in,
    uint32_t n, uint32_t out);
uint32_t mlops_builder_cumulative(mlops_builder_t *builder,
    mlops_cumulative_t op, uint32_t flags, const uint32_t *in, uint32_t n,
    uint32_t out);

/* A result: cells[width]; labels NULL or width (for BYTES of a computed
 * cell: labels_n class names). */

typedef struct {
    mlops_str_t         name;
    mlops_type_t        type;
    uint32_t            width;
    const uint32_t     *cells;
    uint32_t            labels_n;
    const mlops_str_t  *labels;
} mlops_builder_output_t;

/*
 * Adds a signature.  The steps it needs are found from its outputs: a cell
 * that is an input of it is taken, any other is computed by the step that
 * writes it.  A cell that nobody provides is an error that names it.
 */
int mlops_builder_signature(mlops_builder_t *builder, const char *name,
    const uint32_t *inputs, uint32_t inputs_n,
    const mlops_builder_output_t *outputs, uint32_t outputs_n);

/* One JSON object, as text. */
void mlops_builder_facts(mlops_builder_t *builder, const char *json,
    size_t len);

void mlops_builder_histogram(mlops_builder_t *builder, uint32_t cell,
    uint32_t bins_n, const double *edges, const double *counts,
    double missing, double rows);

/*
 * A golden row with its answer from an independent source: inputs by the
 * signature's order.  Beside these, finish adds rows of its own that touch
 * every category, missing values, thresholds +- 1 ulp and out-of-range
 * values, with the answers of the portable kernels.
 */
void mlops_builder_golden(mlops_builder_t *builder, uint32_t signature,
    const mlops_cell_t *inputs, const uint64_t *present, const char *text,
    const mlops_cell_t *results, const char *results_text);
/*
 * Default 0, 0 (the same bits).  Where a program calls exp, log, tanh, …,
 * finish raises them to at least 1e-6 where it computes in float32, whose
 * functions are the C library's and depend on the processor, and to 1e-9 in
 * double: those are our own (mlops_math.h) and the same everywhere, but the
 * rows may come from somebody else's.
 */
void mlops_builder_tolerance(mlops_builder_t *builder, double tol_abs,
    double tol_rel);

/* The image in malloc'ed memory aligned to 64; the caller frees it. */
int mlops_builder_finish(mlops_builder_t *builder, void **data, size_t *len,
    mlops_err_t *err);


#endif /* MLOPS_BUILD_H */
