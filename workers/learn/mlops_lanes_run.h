/*
 * The bodies of the sums of mlops_lanes.h for one level.  Included by a file
 * that defines
 *
 *     MLOPS_LANES_WIDTH    doubles in a register: 2, 4, 8
 *     MLOPS_LANES_TARGET   the attribute of its functions, or nothing
 *     MLOPS_LANES_TABLE    the name of the table
 */

#include "mlops_lanes.h"


#define MLOPS_LANES_PARTS  (MLOPS_LANES / MLOPS_LANES_WIDTH)

#define mlops_lanes_unroll  _Pragma("GCC unroll 4")


typedef double  mlops_lanes_v
    __attribute__((vector_size(8 * MLOPS_LANES_WIDTH), may_alias));


static MLOPS_LANES_TARGET double
mlops_lanes_reduce(const mlops_lanes_v *acc)
{
    int     k;
    double  s[MLOPS_LANES];

    for (k = 0; k < MLOPS_LANES; k++) {
        s[k] = acc[k / MLOPS_LANES_WIDTH][k % MLOPS_LANES_WIDTH];
    }

    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}


static MLOPS_LANES_TARGET double
mlops_lanes_dot(const double *a, const double *b, size_t n)
{
    int                   k;
    size_t                i;
    mlops_lanes_v         acc[MLOPS_LANES_PARTS];
    const mlops_lanes_v  *x, *y;

    mlops_lanes_unroll
    for (k = 0; k < MLOPS_LANES_PARTS; k++) {
        acc[k] = (mlops_lanes_v) { 0 };
    }

    for (i = 0; i < n; i += MLOPS_LANES) {
        x = (const mlops_lanes_v *) (a + i);
        y = (const mlops_lanes_v *) (b + i);

        mlops_lanes_unroll
        for (k = 0; k < MLOPS_LANES_PARTS; k++) {
            acc[k] += x[k] * y[k];
        }
    }

    return mlops_lanes_reduce(acc);
}


static MLOPS_LANES_TARGET void
mlops_lanes_axpy(double *y, double a, const double *x, size_t n)
{
    int                   k;
    size_t                i;
    mlops_lanes_v        *to;
    const mlops_lanes_v  *from;

    for (i = 0; i < n; i += MLOPS_LANES) {
        to = (mlops_lanes_v *) (y + i);
        from = (const mlops_lanes_v *) (x + i);

        mlops_lanes_unroll
        for (k = 0; k < MLOPS_LANES_PARTS; k++) {
            to[k] += a * from[k];
        }
    }
}


static MLOPS_LANES_TARGET void
mlops_lanes_mul(double *y, const double *a, const double *b, size_t n)
{
    int                   k;
    size_t                i;
    mlops_lanes_v        *to;
    const mlops_lanes_v  *x, *z;

    for (i = 0; i < n; i += MLOPS_LANES) {
        to = (mlops_lanes_v *) (y + i);
        x = (const mlops_lanes_v *) (a + i);
        z = (const mlops_lanes_v *) (b + i);

        mlops_lanes_unroll
        for (k = 0; k < MLOPS_LANES_PARTS; k++) {
            to[k] = x[k] * z[k];
        }
    }
}


static MLOPS_LANES_TARGET void
mlops_lanes_dot4(double *out, const double *v, size_t stride,
    const double *c, size_t n)
{
    int                   k;
    size_t                i;
    mlops_lanes_v         x, acc[4][MLOPS_LANES_PARTS];
    const mlops_lanes_v  *v0, *v1, *v2, *v3, *from;

    mlops_lanes_unroll
    for (k = 0; k < MLOPS_LANES_PARTS; k++) {
        acc[0][k] = (mlops_lanes_v) { 0 };
        acc[1][k] = (mlops_lanes_v) { 0 };
        acc[2][k] = (mlops_lanes_v) { 0 };
        acc[3][k] = (mlops_lanes_v) { 0 };
    }

    for (i = 0; i < n; i += MLOPS_LANES) {
        from = (const mlops_lanes_v *) (c + i);
        v0 = (const mlops_lanes_v *) (v + i);
        v1 = (const mlops_lanes_v *) (v + stride + i);
        v2 = (const mlops_lanes_v *) (v + 2 * stride + i);
        v3 = (const mlops_lanes_v *) (v + 3 * stride + i);

        mlops_lanes_unroll
        for (k = 0; k < MLOPS_LANES_PARTS; k++) {
            x = from[k];
            acc[0][k] += v0[k] * x;
            acc[1][k] += v1[k] * x;
            acc[2][k] += v2[k] * x;
            acc[3][k] += v3[k] * x;
        }
    }

    out[0] = mlops_lanes_reduce(acc[0]);
    out[1] = mlops_lanes_reduce(acc[1]);
    out[2] = mlops_lanes_reduce(acc[2]);
    out[3] = mlops_lanes_reduce(acc[3]);
}


static MLOPS_LANES_TARGET void
mlops_lanes_sub4(double *c, const double *w, const double *v, size_t stride,
    size_t n)
{
    int                   k;
    size_t                i;
    double                w0, w1, w2, w3;
    mlops_lanes_v         x, *to;
    const mlops_lanes_v  *v0, *v1, *v2, *v3;

    w0 = w[0];
    w1 = w[1];
    w2 = w[2];
    w3 = w[3];

    for (i = 0; i < n; i += MLOPS_LANES) {
        to = (mlops_lanes_v *) (c + i);
        v0 = (const mlops_lanes_v *) (v + i);
        v1 = (const mlops_lanes_v *) (v + stride + i);
        v2 = (const mlops_lanes_v *) (v + 2 * stride + i);
        v3 = (const mlops_lanes_v *) (v + 3 * stride + i);

        mlops_lanes_unroll
        for (k = 0; k < MLOPS_LANES_PARTS; k++) {
            x = to[k];
            x -= w0 * v0[k];
            x -= w1 * v1[k];
            x -= w2 * v2[k];
            x -= w3 * v3[k];
            to[k] = x;
        }
    }
}


static MLOPS_LANES_TARGET void
mlops_lanes_gemv(double *y, const double *a, const double *x, size_t stride,
    size_t p, size_t n)
{
    size_t  j;

    for (j = 0; j < p; j++) {
        if (a[j] != 0) {
            mlops_lanes_axpy(y, a[j], x + j * stride, n);
        }
    }
}


const mlops_lanes_t  MLOPS_LANES_TABLE = {
    mlops_lanes_dot,
    mlops_lanes_axpy,
    mlops_lanes_mul,
    mlops_lanes_dot4,
    mlops_lanes_sub4,
    mlops_lanes_gemv
};
