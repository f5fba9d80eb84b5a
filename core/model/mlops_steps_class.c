/*
 * Steps over all their inputs together: softmax, argmax, cumulative.
 */

#include "mlops_math.h"
#include "mlops_program.h"

#include <math.h>


static void mlops_softmax_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_softmax_run_f32(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_argmax_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_sort_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_softplus_run(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);
static void mlops_softplus_run_f32(const mlops_op_t *op, double *cells,
    const char *text, char *scratch);


void
mlops_softmax_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    op->run = (op->flags & MLOPS_STEP_F32) ? mlops_softmax_run_f32
                                           : mlops_softmax_run;
}


static void
mlops_softmax_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double         max, sum, *y;
    uint32_t       i;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    max = x[0];
    sum = 0;

    for (i = 1; i < op->in_n; i++) {
        max = (x[i] > max) ? x[i] : max;
    }

    for (i = 0; i < op->in_n; i++) {
        y[i] = mlops_exp(x[i] - max);
        sum += y[i];
    }

    for (i = 0; i < op->in_n; i++) {
        y[i] /= sum;
    }
}


/* float32 exponentials, a double sum, a float32 quotient: XGBoost's. */

static void
mlops_softmax_run_f32(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    float          max, e;
    double         sum, *y;
    uint32_t       i;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    max = (float) x[0];
    sum = 0;

    for (i = 1; i < op->in_n; i++) {
        max = ((float) x[i] > max) ? (float) x[i] : max;
    }

    for (i = 0; i < op->in_n; i++) {
        e = expf((float) x[i] - max);
        y[i] = e;
        sum += e;
    }

    for (i = 0; i < op->in_n; i++) {
        y[i] = (float) y[i] / (float) sum;
    }
}


void
mlops_argmax_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    op->run = mlops_argmax_run;
}


static void
mlops_argmax_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    uint32_t       i, best;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    best = 0;

    for (i = 0; i < op->in_n; i++) {

        if (isnan(x[i])) {
            cells[op->out] = NAN;
            return;
        }

        if (x[i] > x[best]) {
            best = i;
        }
    }

    cells[op->out] = best;
}


int
mlops_cumulative_size(const mlops_op_t *op, uint64_t *len, mlops_err_t *err)
{
    if (op->code == MLOPS_CUMULATIVE_SORT && op->in_n > MLOPS_SORT_MAX) {
        return mlops_err_set(err, "expected at most %d inputs to sort, got "
                             "%u", MLOPS_SORT_MAX, op->in_n);
    }

    return mlops_same_size(op, len, err);
}


void
mlops_cumulative_bind(mlops_op_t *op, int simd)
{
    (void) simd;

    if (op->code == MLOPS_CUMULATIVE_SORT) {
        op->run = mlops_sort_run;

    } else if (op->flags & MLOPS_STEP_F32) {
        op->run = mlops_softplus_run_f32;

    } else {
        op->run = mlops_softplus_run;
    }
}


/* Does a stand behind b?  NaN stands behind every number. */

static int
mlops_sort_behind(double a, double b)
{
    return isnan(a) ? !isnan(b) : a > b;
}


/* Shell's sort with Knuth's gaps (3^k - 1) / 2: no memory, no recursion, at
 * most of the order of n^1.5 comparisons, which MLOPS_SORT_MAX keeps below
 * a millisecond. */

static void
mlops_sort_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double         v, *y;
    uint32_t       i, j, n, gap;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    n = op->in_n;

    for (i = 0; i < n; i++) {
        y[i] = (op->flags & MLOPS_STEP_F32) ? (double) (float) x[i] : x[i];
    }

    for (gap = 1; gap < n / 3; gap = gap * 3 + 1) { /* void */ }

    for ( /* void */ ; gap > 0; gap /= 3) {

        for (i = gap; i < n; i++) {
            v = y[i];

            for (j = i; j >= gap && mlops_sort_behind(y[j - gap], v);
                 j -= gap)
            {
                y[j] = y[j - gap];
            }

            y[j] = v;
        }
    }
}


static void
mlops_softplus_run(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    double        *y;
    uint32_t       i;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    y[0] = x[0];

    for (i = 1; i < op->in_n; i++) {
        y[i] = y[i - 1] + (1e-6 + mlops_softplus(x[i]));
    }
}


static void
mlops_softplus_run_f32(const mlops_op_t *op, double *cells, const char *text,
    char *scratch)
{
    float          v, s;
    double        *y;
    uint32_t       i;
    const double  *x;

    (void) text;

    x = mlops_op_inputs(op, cells, scratch);
    y = cells + op->out;
    s = (float) x[0];
    y[0] = s;

    for (i = 1; i < op->in_n; i++) {
        v = (float) x[i];
        v = (v > 0) ? v + log1pf(expf(-v)) : log1pf(expf(v));
        s += 1e-6f + v;
        y[i] = s;
    }
}
