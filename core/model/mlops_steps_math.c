/*
 * Elementwise steps: unary functions, binary operators.
 *
 * The switch stands outside the loops, which differ in the expression alone.
 * The forms in double are the same on every machine; the float32 forms call
 * the C library's float functions, as the libraries that compute in float32
 * do.
 */

#include "mlops_math.h"
#include "mlops_program.h"

#include <math.h>


static void mlops_unary_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_unary_run_f32(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_binary_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_binary_run_f32(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);


/* Every y_i from v = x_i. */

#define mlops_unary_each(type, expr)                                          \
    for (i = 0; i < n; i++) {                                                 \
        type  v = (type) x[i];                                                \
        y[i] = (expr);                                                        \
    }                                                                         \
    break

/* Every y_i from a = a_i and b = b_i. */

#define mlops_binary_each(type, expr)                                         \
    for (i = 0; i < n; i++) {                                                 \
        type  a = (type) p[i];                                                \
        type  b = (type) q[i];                                                \
        y[i] = (expr);                                                        \
    }                                                                         \
    break

#define mlops_unordered(a, b)  __builtin_isunordered(a, b)


void
mlops_unary_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    if ((op->flags & MLOPS_STEP_F32) || op->code == MLOPS_UNARY_XGB_SIGMOID) {
        op->run = mlops_unary_run_f32;

    } else {
        op->run = mlops_unary_run;
    }
}


static void
mlops_unary_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double        *y;
    uint32_t       i, n;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    n = op->in_n;

    switch ((mlops_unary_t) op->code) {

    case MLOPS_UNARY_IDENTITY:
        mlops_unary_each(double, v);

    case MLOPS_UNARY_NEG:
        mlops_unary_each(double, -v);

    case MLOPS_UNARY_ABS:
        mlops_unary_each(double, fabs(v));

    case MLOPS_UNARY_SQUARE:
        mlops_unary_each(double, v * v);

    case MLOPS_UNARY_SQRT:
        mlops_unary_each(double, sqrt(v));

    case MLOPS_UNARY_EXP:
        mlops_unary_each(double, mlops_exp(v));

    case MLOPS_UNARY_LOG:
        mlops_unary_each(double, mlops_log(v));

    case MLOPS_UNARY_LOG1P:
        mlops_unary_each(double, mlops_log1p(v));

    case MLOPS_UNARY_EXPM1:
        mlops_unary_each(double, mlops_expm1(v));

    case MLOPS_UNARY_RECIPROCAL:
        mlops_unary_each(double, 1.0 / v);

    case MLOPS_UNARY_SIGMOID:
        mlops_unary_each(double, mlops_sigmoid(v));

    case MLOPS_UNARY_TANH:
        mlops_unary_each(double, mlops_tanh(v));

    case MLOPS_UNARY_RELU:
        mlops_unary_each(double, v < 0 ? 0 : v);

    case MLOPS_UNARY_SIGN:
        mlops_unary_each(double, v > 0 ? 1 : v < 0 ? -1 : v);

    case MLOPS_UNARY_FLOOR:
        mlops_unary_each(double, floor(v));

    case MLOPS_UNARY_CEIL:
        mlops_unary_each(double, ceil(v));

    case MLOPS_UNARY_ROUND:
        mlops_unary_each(double, rint(v));

    case MLOPS_UNARY_SIN:
        mlops_unary_each(double, mlops_sin(v));

    case MLOPS_UNARY_COS:
        mlops_unary_each(double, mlops_cos(v));

    case MLOPS_UNARY_STEP:
        mlops_unary_each(double, isnan(v) ? v : v > 0);

    case MLOPS_UNARY_ISNAN:
        mlops_unary_each(double, isnan(v) != 0);

    case MLOPS_UNARY_XGB_SIGMOID:
    case MLOPS_UNARY_N:
        break;
    }
}


static void
mlops_unary_run_f32(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double        *y;
    uint32_t       i, n;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    n = op->in_n;

    switch ((mlops_unary_t) op->code) {

    case MLOPS_UNARY_IDENTITY:
        mlops_unary_each(float, v);

    case MLOPS_UNARY_NEG:
        mlops_unary_each(float, -v);

    case MLOPS_UNARY_ABS:
        mlops_unary_each(float, fabsf(v));

    case MLOPS_UNARY_SQUARE:
        mlops_unary_each(float, v * v);

    case MLOPS_UNARY_SQRT:
        mlops_unary_each(float, sqrtf(v));

    case MLOPS_UNARY_EXP:
        mlops_unary_each(float, expf(v));

    case MLOPS_UNARY_LOG:
        mlops_unary_each(float, logf(v));

    case MLOPS_UNARY_LOG1P:
        mlops_unary_each(float, log1pf(v));

    case MLOPS_UNARY_EXPM1:
        mlops_unary_each(float, expm1f(v));

    case MLOPS_UNARY_RECIPROCAL:
        mlops_unary_each(float, 1.0f / v);

    case MLOPS_UNARY_SIGMOID:
        mlops_unary_each(float, 1.0f / (1.0f + expf(-v)));

    case MLOPS_UNARY_TANH:
        mlops_unary_each(float, tanhf(v));

    case MLOPS_UNARY_RELU:
        mlops_unary_each(float, v < 0 ? 0 : v);

    case MLOPS_UNARY_SIGN:
        mlops_unary_each(float, v > 0 ? 1 : v < 0 ? -1 : v);

    case MLOPS_UNARY_FLOOR:
        mlops_unary_each(float, floorf(v));

    case MLOPS_UNARY_CEIL:
        mlops_unary_each(float, ceilf(v));

    case MLOPS_UNARY_ROUND:
        mlops_unary_each(float, rintf(v));

    case MLOPS_UNARY_SIN:
        mlops_unary_each(float, sinf(v));

    case MLOPS_UNARY_COS:
        mlops_unary_each(float, cosf(v));

    case MLOPS_UNARY_STEP:
        mlops_unary_each(float, isnan(v) ? v : v > 0);

    case MLOPS_UNARY_XGB_SIGMOID:
        mlops_unary_each(float, 1.0f / (expf(-v > 88.7f ? 88.7f : -v) + 1.0f
                                        + 1e-16f));

    case MLOPS_UNARY_ISNAN:
        mlops_unary_each(float, isnan(v) != 0);

    case MLOPS_UNARY_N:
        break;
    }
}


int
mlops_binary_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    if (op->flags & MLOPS_STEP_CONST) {
        *len = (uint64_t) op->in_n * sizeof(double);
        return mlops_same_counts(op, err);
    }

    if (op->flags & MLOPS_STEP_REVERSED) {
        return mlops_err_set(err, "the flag for reversed operands needs "
                             "constants");
    }

    *len = 0;

    if (op->in_n != (uint64_t) op->out_n * 2) {
        return mlops_err_set(err, "expected two inputs for each output, got "
                             "%u inputs and %u outputs", op->in_n,
                             op->out_n);
    }

    return MLOPS_OK;
}


int
mlops_binary_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    return mlops_check_doubles(op, "constant", 0,
                               op->param_len / sizeof(double), 0, cursor,
                               budget, err);
}


void
mlops_binary_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    op->run = (op->flags & MLOPS_STEP_F32) ? mlops_binary_run_f32
                                           : mlops_binary_run;
}


/* The operands, in their order. */

static void
mlops_binary_operands(const mlops_op_t *op, const double *cells,
    char *scratch, const double **p, const double **q)
{
    const double  *x, *c;

    x = mlops_op_inputs(op, cells, scratch);

    if ((op->flags & MLOPS_STEP_CONST) == 0) {
        *p = x;
        *q = x + op->out_n;
        return;
    }

    c = (const double *) op->param;

    if (op->flags & MLOPS_STEP_REVERSED) {
        *p = c;
        *q = x;

    } else {
        *p = x;
        *q = c;
    }
}


static void
mlops_binary_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double        *y;
    uint32_t       i, n;
    const double  *p, *q;

    (void) text;

    mlops_binary_operands(op, cells, scratch, &p, &q);
    y = cells + op->out;
    n = op->out_n;

    switch ((mlops_binary_t) op->code) {

    case MLOPS_BINARY_ADD:
        mlops_binary_each(double, a + b);

    case MLOPS_BINARY_SUB:
        mlops_binary_each(double, a - b);

    case MLOPS_BINARY_MUL:
        mlops_binary_each(double, a * b);

    case MLOPS_BINARY_DIV:
        mlops_binary_each(double, a / b);

    case MLOPS_BINARY_MIN:
        mlops_binary_each(double, mlops_unordered(a, b) ? a + b
                                                        : b < a ? b : a);

    case MLOPS_BINARY_MAX:
        mlops_binary_each(double, mlops_unordered(a, b) ? a + b
                                                        : b > a ? b : a);

    case MLOPS_BINARY_POW:
        mlops_binary_each(double, mlops_pow(a, b));

    case MLOPS_BINARY_MOD:
        mlops_binary_each(double, a - floor(a / b) * b);

    case MLOPS_BINARY_LT:
        mlops_binary_each(double, mlops_unordered(a, b) ? a + b : a < b);

    case MLOPS_BINARY_LE:
        mlops_binary_each(double, mlops_unordered(a, b) ? a + b : a <= b);

    case MLOPS_BINARY_EQ:
        mlops_binary_each(double, mlops_unordered(a, b) ? a + b : a == b);

    case MLOPS_BINARY_N:
        break;
    }
}


static void
mlops_binary_run_f32(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double        *y;
    uint32_t       i, n;
    const double  *p, *q;

    (void) text;

    mlops_binary_operands(op, cells, scratch, &p, &q);
    y = cells + op->out;
    n = op->out_n;

    switch ((mlops_binary_t) op->code) {

    case MLOPS_BINARY_ADD:
        mlops_binary_each(float, a + b);

    case MLOPS_BINARY_SUB:
        mlops_binary_each(float, a - b);

    case MLOPS_BINARY_MUL:
        mlops_binary_each(float, a * b);

    case MLOPS_BINARY_DIV:
        mlops_binary_each(float, a / b);

    case MLOPS_BINARY_MIN:
        mlops_binary_each(float, mlops_unordered(a, b) ? a + b
                                                       : b < a ? b : a);

    case MLOPS_BINARY_MAX:
        mlops_binary_each(float, mlops_unordered(a, b) ? a + b
                                                       : b > a ? b : a);

    case MLOPS_BINARY_POW:
        mlops_binary_each(float, powf(a, b));

    case MLOPS_BINARY_MOD:
        mlops_binary_each(float, a - floorf(a / b) * b);

    case MLOPS_BINARY_LT:
        mlops_binary_each(float, mlops_unordered(a, b) ? a + b : a < b);

    case MLOPS_BINARY_LE:
        mlops_binary_each(float, mlops_unordered(a, b) ? a + b : a <= b);

    case MLOPS_BINARY_EQ:
        mlops_binary_each(float, mlops_unordered(a, b) ? a + b : a == b);

    case MLOPS_BINARY_N:
        break;
    }
}
