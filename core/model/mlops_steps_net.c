/*
 * The steps with kernels: trees and dense layers.  Cells are doubles; these
 * two convert to float32 at their door where the kernel computes in it.
 */

#include "mlops_program.h"

#include <math.h>


/* The least that a look at trees is asked for: it goes block by block. */

#define MLOPS_TREES_PART  65536


typedef double  mlops_double4_t __attribute__((vector_size(32), aligned(8)));
typedef float   mlops_float4_t __attribute__((vector_size(16), aligned(4)));
typedef int32_t mlops_mask4_t __attribute__((vector_size(16), aligned(4)));


static void mlops_dense_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_trees_run_f32(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_trees_run_f32_many(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static inline void mlops_trees_with(const mlops_op_t *op,
    mlops_trees_pt kernel, double *cells, char *scratch);
static void mlops_trees_run_f64(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);


/* n numbers, then zeros up to a multiple of 16. */

static inline void
mlops_to_floats(float *f, const double *x, uint32_t n)
{
    uint32_t         i;
    mlops_float4_t   to;
    mlops_double4_t  from;

    for (i = 0; i + 4 <= n; i += 4) {
        memcpy(&from, x + i, sizeof(from));
        to = __builtin_convertvector(from, mlops_float4_t);
        memcpy(f + i, &to, sizeof(to));
    }

    for ( /* void */ ; i < n; i++) {
        f[i] = (float) x[i];
    }

    for ( /* void */ ; i & 15; i++) {
        f[i] = 0;
    }
}


/* The way back; f has room up to a multiple of 16.  With relu what is below
 * 0 becomes 0, by a mask: its sign is not to be guessed by a branch. */

static inline void
mlops_from_floats(double *x, const float *f, uint32_t n, const int relu)
{
    uint32_t         i, part;
    mlops_mask4_t    bits;
    mlops_float4_t   from;
    mlops_double4_t  to;

    for (i = 0; i < n; i += 4) {
        memcpy(&from, f + i, sizeof(from));

        if (relu) {
            bits = (mlops_mask4_t) from & ~(mlops_mask4_t) (from < 0);
            from = (mlops_float4_t) bits;
        }

        to = __builtin_convertvector(from, mlops_double4_t);
        part = (n - i < 4) ? n - i : 4;

        if (mlops_likely(part == 4)) {
            memcpy(x + i, &to, sizeof(to));

        } else {
            memcpy(x + i, &to, part * sizeof(double));
        }
    }
}


int
mlops_dense_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    switch (op->code) {

    case MLOPS_UNARY_IDENTITY:
    case MLOPS_UNARY_RELU:
    case MLOPS_UNARY_SIGMOID:
    case MLOPS_UNARY_TANH:
        break;

    default:
        return mlops_err_set(err, "activation: expected identity, relu, "
                             "sigmoid or tanh, got %s",
                             mlops_unary_name(op->code));
    }

    *len = ((uint64_t) op->in_n + 1)
           * mlops_align((uint64_t) op->out_n, 16) * sizeof(float);

    return MLOPS_OK;
}


int
mlops_dense_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    uint64_t      i, n, end, m;
    const float  *w;

    w = (const float *) op->param;
    n = op->param_len / sizeof(float);
    m = mlops_align((uint64_t) op->out_n, 16);
    i = *cursor;
    end = n;

    if (end - i > *budget / sizeof(float)) {
        end = i + *budget / sizeof(float) + 1;
    }

    for ( /* void */ ; i < end; i++) {
        if (mlops_unlikely(!isfinite(w[i]))) {
            return mlops_err_set(err, "%s[%llu]: expected a finite number, "
                                 "got %g", i < m ? "bias" : "weight",
                                 (unsigned long long) (i < m ? i : i - m),
                                 w[i]);
        }
    }

    end = (i - *cursor) * sizeof(float);
    *budget -= (end < *budget) ? end : *budget;
    *cursor = i;

    return (i == n) ? MLOPS_OK : MLOPS_AGAIN;
}


void
mlops_dense_bind(mlops_op_t *op, int simd)
{
    op->run = mlops_dense_run;
    op->kernel.dense = mlops_dense_kernel(simd);
    op->scratch_size = mlops_align((size_t) op->in_n * sizeof(float), 64)
                       + mlops_dense_padded((size_t) op->out_n)
                         * sizeof(float);
}


static void
mlops_dense_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    float         *x, *s;
    double        *y;
    uint32_t       i, m;
    const float   *bias;

    (void) text;

    m = (uint32_t) mlops_dense_padded(op->out_n);
    bias = (const float *) op->param;
    x = (float *) (scratch + op->x_size);
    s = x + mlops_align(op->in_n, 16);
    y = cells + op->out;

    mlops_to_floats(x, mlops_op_inputs(op, cells, scratch), op->in_n);

    op->kernel.dense(bias, bias + m, x, s, op->in_n, m);

    switch ((mlops_unary_t) op->code) {

    case MLOPS_UNARY_RELU:
        mlops_from_floats(y, s, op->out_n, 1);
        break;

    case MLOPS_UNARY_SIGMOID:

        for (i = 0; i < op->out_n; i++) {
            y[i] = 1.0f / (1.0f + expf(-s[i]));
        }

        break;

    case MLOPS_UNARY_TANH:

        for (i = 0; i < op->out_n; i++) {
            y[i] = tanhf(s[i]);
        }

        break;

    default:
        mlops_from_floats(y, s, op->out_n, 0);
    }
}


int
mlops_trees_step_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    (void) op;
    (void) err;

    *len = MLOPS_OP_ANY_SIZE;

    return MLOPS_OK;
}


int
mlops_trees_step_check(const mlops_op_t *op, uint64_t *cursor,
    size_t *budget, mlops_err_t *err)
{
    int     rc;
    size_t  part;

    part = (*budget > MLOPS_TREES_PART) ? *budget : MLOPS_TREES_PART;

    rc = mlops_trees_check(op->param, op->param_len, op->in_n, op->out_n,
                           cursor, part, err);

    if (rc == MLOPS_AGAIN || op->param_len > *budget) {
        *budget = 0;

    } else {
        *budget -= op->param_len;
    }

    return rc;
}


void
mlops_trees_step_bind(mlops_op_t *op, int simd)
{
    size_t  width;

    if (mlops_trees_f32(op->param)) {
        op->run = mlops_trees_run_f32;
        width = sizeof(float);

    } else {
        op->run = mlops_trees_run_f64;
        width = sizeof(double);
    }

    op->kernel.trees = mlops_trees_kernel_single(op->param, simd);
    op->trees_many = mlops_trees_kernel(op->param, simd);

    if (op->trees_many != op->kernel.trees) {
        op->run_many = mlops_trees_run_f32_many;    /* doubles have but one */
    }

    op->scratch_size = mlops_align((size_t) op->in_n, 16) * width
                       + mlops_align((size_t) op->out_n, 16) * width
                       + mlops_align(mlops_trees_scratch(op->param), 64);
}


static void
mlops_trees_run_f32(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    (void) text;

    mlops_trees_with(op, op->kernel.trees, cells, scratch);
}


static void
mlops_trees_run_f32_many(const mlops_op_t *op, double *cells,
    const char *text, char *scratch)
{
    (void) text;

    mlops_trees_with(op, op->trees_many, cells, scratch);
}


static inline void
mlops_trees_with(const mlops_op_t *op, mlops_trees_pt kernel, double *cells,
    char *scratch)
{
    float     *x, *sums;
    double    *y;
    uint32_t   i;

    x = (float *) (scratch + op->x_size);
    sums = x + mlops_align(op->in_n, 16);
    y = cells + op->out;

    mlops_to_floats(x, mlops_op_inputs(op, cells, scratch), op->in_n);

    kernel(op->param, x, sums, sums + mlops_align(op->out_n, 16));

    for (i = 0; i < op->out_n; i++) {
        y[i] = sums[i];
    }
}


static void
mlops_trees_run_f64(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double    *x, *sums;
    uint32_t   i;

    (void) text;

    x = (double *) (scratch + op->x_size);
    sums = x + mlops_align(op->in_n, 16);

    memcpy(x, mlops_op_inputs(op, cells, scratch),
           op->in_n * sizeof(double));

    for (i = op->in_n; i & 15; i++) {
        x[i] = 0;
    }

    op->kernel.trees(op->param, x, sums,
                     sums + mlops_align(op->out_n, 16));

    memcpy(cells + op->out, sums, op->out_n * sizeof(double));
}
