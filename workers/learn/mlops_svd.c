/*
 * Singular values by one-sided Jacobi rotations.
 */

#include "mlops_svd.h"
#include "mlops_lanes.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>


#define MLOPS_SVD_SWEEPS  60


static int mlops_svd_sweep(double *a, double *w, uint32_t p, size_t stride,
    const mlops_lanes_t *lanes);
static void mlops_svd_rotate(double *x, double *y, double c, double s,
    uint32_t n);
static void mlops_svd_order(const double *norms, uint32_t *order,
    uint32_t p);
static void mlops_svd_sign(double *v, uint32_t p);


int
mlops_svd(double *a, uint32_t p, size_t stride, double *s, double *v)
{
    int                   rc;
    double               *w, *norms;
    uint32_t              i, j, *order;
    const mlops_lanes_t  *lanes;

    lanes = mlops_lanes();
    w = mlops_lanes_alloc(p, stride);
    norms = malloc((p + 1) * sizeof(double));
    order = malloc((p + 1) * sizeof(uint32_t));
    rc = MLOPS_ERROR;

    if (w == NULL || norms == NULL || order == NULL) {
        goto done;
    }

    for (j = 0; j < p; j++) {
        w[j * stride + j] = 1;
    }

    /* it converges in ten; what a bound would cut off is rounding */

    for (i = 0; i < MLOPS_SVD_SWEEPS; i++) {
        if (!mlops_svd_sweep(a, w, p, stride, lanes)) {
            break;
        }
    }

    rc = MLOPS_OK;

    for (j = 0; j < p; j++) {
        norms[j] = sqrt(lanes->dot(a + j * stride, a + j * stride, stride));
        rc = isfinite(norms[j]) ? rc : MLOPS_AGAIN;
    }

    mlops_svd_order(norms, order, p);

    for (j = 0; j < p; j++) {
        s[j] = norms[order[j]];
        memcpy(v + (size_t) j * p, w + order[j] * stride,
               p * sizeof(double));
        mlops_svd_sign(v + (size_t) j * p, p);
    }

done:

    free(w);
    free(norms);
    free(order);

    return rc;
}


/* Rotates each pair of columns; were there any not orthogonal? */

static int
mlops_svd_sweep(double *a, double *w, uint32_t p, size_t stride,
    const mlops_lanes_t *lanes)
{
    int       moved;
    double    alpha, beta, gamma, zeta, limit, t, c, *x, *y;
    uint32_t  i, j;

    moved = 0;
    limit = sqrt((double) p) * DBL_EPSILON;

    for (i = 0; i + 1 < p; i++) {
        for (j = i + 1; j < p; j++) {
            x = a + i * stride;
            y = a + j * stride;

            alpha = lanes->dot(x, x, stride);
            beta = lanes->dot(y, y, stride);
            gamma = lanes->dot(x, y, stride);

            if (!(fabs(gamma) > limit * sqrt(alpha) * sqrt(beta))) {
                continue;
            }

            moved = 1;
            zeta = (beta - alpha) / (2 * gamma);
            t = 1 / (fabs(zeta) + sqrt(1 + zeta * zeta));
            t = zeta < 0 ? -t : t;
            c = 1 / sqrt(1 + t * t);

            mlops_svd_rotate(x, y, c, c * t, p);
            mlops_svd_rotate(w + i * stride, w + j * stride, c, c * t, p);
        }
    }

    return moved;
}


static void
mlops_svd_rotate(double *x, double *y, double c, double s, uint32_t n)
{
    double    t;
    uint32_t  i;

    for (i = 0; i < n; i++) {
        t = x[i];
        x[i] = c * t - s * y[i];
        y[i] = s * t + c * y[i];
    }
}


/* Descending, the first of equals first. */

static void
mlops_svd_order(const double *norms, uint32_t *order, uint32_t p)
{
    uint32_t  i, j;

    for (i = 0; i < p; i++) {

        for (j = i; j > 0 && norms[order[j - 1]] < norms[i]; j--) {
            order[j] = order[j - 1];
        }

        order[j] = i;
    }
}


static void
mlops_svd_sign(double *v, uint32_t p)
{
    uint32_t  i, most;

    for (i = 1, most = 0; i < p; i++) {
        if (fabs(v[i]) > fabs(v[most])) {
            most = i;
        }
    }

    for (i = 0; i < p && v[most] < 0; i++) {
        if (i != most) {
            v[i] = -v[i];
        }
    }

    v[most] = fabs(v[most]);
}
