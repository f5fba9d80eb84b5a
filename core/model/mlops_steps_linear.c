/*
 * Steps whose parameters are doubles, one or a few an input: affine, clip,
 * impute, piecewise.
 */

#include "mlops_program.h"

#include <math.h>


static void mlops_affine_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_affine_run_skip(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_affine_run_f32(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_clip_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_impute_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_piecewise_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);


int
mlops_affine_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    (void) err;

    *len = ((uint64_t) op->in_n + 1) * op->out_n * sizeof(double);

    return MLOPS_OK;
}


int
mlops_affine_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    int  rc;

    rc = mlops_check_doubles(op, "bias", 0, op->out_n, 1, cursor, budget,
                             err);

    if (rc != MLOPS_OK) {
        return rc;
    }

    return mlops_check_doubles(op, "weight", op->out_n,
                               (uint64_t) op->in_n * op->out_n, 1, cursor,
                               budget, err);
}


void
mlops_affine_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    if (op->flags & MLOPS_STEP_F32) {
        op->run = mlops_affine_run_f32;

    } else if (op->flags & MLOPS_STEP_SKIP_MISSING) {
        op->run = mlops_affine_run_skip;

    } else {
        op->run = mlops_affine_run;
    }
}


/* Four sums at a time: each keeps its order, and none waits for another. */

static void
mlops_affine_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double        *y, s0, s1, s2, s3;
    uint32_t       i, j, n, m;
    const double  *x, *w, *bias;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    n = op->in_n;
    m = op->out_n;
    bias = (const double *) op->param;
    w = bias + m;

    for (j = 0; j + 4 <= m; j += 4) {
        s0 = bias[j];
        s1 = bias[j + 1];
        s2 = bias[j + 2];
        s3 = bias[j + 3];

        for (i = 0; i < n; i++) {
            s0 += w[i] * x[i];
            s1 += w[(size_t) n + i] * x[i];
            s2 += w[(size_t) n * 2 + i] * x[i];
            s3 += w[(size_t) n * 3 + i] * x[i];
        }

        y[j] = s0;
        y[j + 1] = s1;
        y[j + 2] = s2;
        y[j + 3] = s3;

        w += (size_t) n * 4;
    }

    for ( /* void */ ; j < m; j++) {
        s0 = bias[j];

        for (i = 0; i < n; i++) {
            s0 += w[i] * x[i];
        }

        y[j] = s0;
        w += n;
    }
}


static void
mlops_affine_run_skip(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double         s;
    uint32_t       i, j;
    const double  *x, *w, *bias;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    bias = (const double *) op->param;
    w = bias + op->out_n;

    for (j = 0; j < op->out_n; j++) {
        s = bias[j];

        for (i = 0; i < op->in_n; i++) {
            if (!isnan(x[i])) {
                s += w[i] * x[i];
            }
        }

        cells[op->out + j] = s;
        w += op->in_n;
    }
}


static void
mlops_affine_run_f32(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    int            skip;
    float          s, v;
    uint32_t       i, j;
    const double  *x, *w, *bias;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    bias = (const double *) op->param;
    w = bias + op->out_n;
    skip = op->flags & MLOPS_STEP_SKIP_MISSING;

    for (j = 0; j < op->out_n; j++) {
        s = (float) bias[j];

        for (i = 0; i < op->in_n; i++) {
            v = (float) x[i];

            if (skip && isnan(v)) {
                continue;
            }

            s += (float) w[i] * v;
        }

        cells[op->out + j] = s;
        w += op->in_n;
    }
}


int
mlops_clip_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    *len = (uint64_t) op->in_n * 2 * sizeof(double);

    return mlops_same_counts(op, err);
}


int
mlops_clip_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    uint64_t       i, n, from;
    const double  *x;

    from = *cursor;
    n = op->in_n;

    if (mlops_check_doubles(op, "bound", 0, n * 2, 0, cursor, budget, err)
        == MLOPS_ERROR)
    {
        return MLOPS_ERROR;
    }

    x = (const double *) op->param;

    for (i = (from > n) ? from : n; i < *cursor; i++) {
        if (x[i - n] > x[i]) {
            return mlops_err_set(err, "bounds %llu: expected a lower one of "
                                 "at most %g, got %g",
                                 (unsigned long long) (i - n), x[i],
                                 x[i - n]);
        }
    }

    return (*cursor == n * 2) ? MLOPS_OK : MLOPS_AGAIN;
}


void
mlops_clip_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    op->run = mlops_clip_run;
}


static void
mlops_clip_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double         v, *y;
    uint32_t       i;
    const double  *x, *lo, *hi;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    lo = (const double *) op->param;
    hi = lo + op->in_n;

    for (i = 0; i < op->in_n; i++) {
        v = x[i];
        v = (v < lo[i]) ? lo[i] : v;
        y[i] = (v > hi[i]) ? hi[i] : v;
    }
}


int
mlops_impute_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    *len = (uint64_t) op->in_n * sizeof(double);

    return mlops_same_counts(op, err);
}


int
mlops_impute_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    return mlops_check_doubles(op, "value", 0, op->in_n, 0, cursor, budget,
                               err);
}


void
mlops_impute_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    op->run = mlops_impute_run;
}


static void
mlops_impute_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double        *y;
    uint32_t       i;
    const double  *x, *value;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    value = (const double *) op->param;

    for (i = 0; i < op->in_n; i++) {
        y[i] = isnan(x[i]) ? value[i] : x[i];
    }
}


int
mlops_piecewise_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    if (op->in_n != 1 || op->out_n != 1) {
        return mlops_err_set(err, "expected 1 input and 1 output, got %u and "
                             "%u", op->in_n, op->out_n);
    }

    if (op->param_len == 0 || op->param_len % (2 * sizeof(double)) != 0) {
        return mlops_err_set(err, "expected knots of 16 bytes, got %llu "
                             "bytes", (unsigned long long) op->param_len);
    }

    *len = op->param_len;

    return MLOPS_OK;
}


int
mlops_piecewise_check(const mlops_op_t *op, uint64_t *cursor, size_t *budget,
    mlops_err_t *err)
{
    uint64_t       i, k, from;
    const double  *x;

    from = *cursor;
    k = op->param_len / (2 * sizeof(double));

    if (mlops_check_doubles(op, "knot", 0, 2 * k, 1, cursor, budget, err)
        == MLOPS_ERROR)
    {
        return MLOPS_ERROR;
    }

    x = (const double *) op->param;

    for (i = (from > 1) ? from : 1; i < k && i < *cursor; i++) {
        if (!(x[i] > x[i - 1])) {
            return mlops_err_set(err, "knot %llu: expected more than %g, got "
                                 "%g", (unsigned long long) i, x[i - 1],
                                 x[i]);
        }
    }

    return (*cursor == 2 * k) ? MLOPS_OK : MLOPS_AGAIN;
}


void
mlops_piecewise_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    op->run = mlops_piecewise_run;
}


static void
mlops_piecewise_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double         v, t;
    size_t         lo, hi, mid, k;
    const double  *x, *y;

    (void) text;
    (void) scratch;

    k = op->param_len / (2 * sizeof(double));
    x = (const double *) op->param;
    y = x + k;
    v = cells[op->in[0]];

    if (isnan(v)) {
        cells[op->out] = v;
        return;
    }

    if (v <= x[0]) {
        cells[op->out] = y[0];
        return;
    }

    if (v >= x[k - 1]) {
        cells[op->out] = y[k - 1];
        return;
    }

    /* x[lo] <= v < x[hi] */

    lo = 0;
    hi = k - 1;

    while (hi - lo > 1) {
        mid = lo + (hi - lo) / 2;

        if (x[mid] <= v) {
            lo = mid;

        } else {
            hi = mid;
        }
    }

    t = (v - x[lo]) / (x[hi] - x[lo]);
    cells[op->out] = y[lo] + (y[hi] - y[lo]) * t;
}
