/*
 * QR of tall matrices.
 */

#include "mlops_qr.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_QR_PANEL   4
#define MLOPS_QR_BLOCK   32768      /* doubles of a block: 256 KB, in L2 */
#define MLOPS_QR_HIGH    512
#define MLOPS_QR_LOW     64


static void mlops_qr_panel(mlops_qr_t *qr, uint32_t j, uint32_t n,
    size_t rows, double *tau);
static void mlops_qr_behind(mlops_qr_t *qr, uint32_t j, size_t rows,
    const double *tau);
static double mlops_qr_reflect(double *column, size_t stride, uint32_t n,
    double norm);


int
mlops_qr_init(mlops_qr_t *qr, uint32_t n)
{
    uint32_t  height;

    height = MLOPS_QR_BLOCK / (n ? n : 1) & ~(uint32_t) (MLOPS_LANES - 1);
    height = height > MLOPS_QR_HIGH ? MLOPS_QR_HIGH : height;
    height = height < MLOPS_QR_LOW ? MLOPS_QR_LOW : height;

    qr->n = n;
    qr->height = height;
    qr->stride = mlops_lanes_pad(n);
    qr->lanes = mlops_lanes();
    qr->r = mlops_lanes_alloc(n, qr->stride);
    qr->block = mlops_lanes_alloc(n, height);

    if (qr->r == NULL || qr->block == NULL) {
        mlops_qr_free(qr);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


void
mlops_qr_free(mlops_qr_t *qr)
{
    free(qr->r);
    free(qr->block);

    qr->r = NULL;
    qr->block = NULL;
}


void
mlops_qr_reset(mlops_qr_t *qr)
{
    memset(qr->r, 0, qr->n * qr->stride * sizeof(double));
}


void
mlops_qr_add(mlops_qr_t *qr, uint32_t rows)
{
    double    tau[MLOPS_QR_PANEL];
    size_t    padded;
    uint32_t  j, n;

    if (rows == 0) {
        return;
    }

    padded = mlops_lanes_pad(rows);

    for (j = 0; j < qr->n && rows < padded; j++) {
        memset(qr->block + (size_t) j * qr->height + rows, 0,
               (padded - rows) * sizeof(double));
    }

    for (j = 0; j < qr->n; j += n) {
        n = qr->n - j < MLOPS_QR_PANEL ? qr->n - j : MLOPS_QR_PANEL;

        mlops_qr_panel(qr, j, n, padded, tau);

        if (j + n < qr->n) {
            mlops_qr_behind(qr, j, padded, tau);
        }
    }
}


/* Reflections of columns j to j + n - 1 of the block, which then hold their
 * vectors; the vector's part in R is 1 in row j. */

static void
mlops_qr_panel(mlops_qr_t *qr, uint32_t j, uint32_t n, size_t rows,
    double *tau)
{
    double                w, alpha, beta, sigma, scale, *v, *c, *r;
    size_t                i;
    uint32_t              a, b;
    const mlops_lanes_t  *lanes;

    lanes = qr->lanes;

    for (a = 0; a < n; a++) {
        v = qr->block + (size_t) (j + a) * qr->height;
        r = qr->r + (j + a) * qr->stride + j;
        sigma = lanes->dot(v, v, rows);
        tau[a] = 0;

        if (sigma == 0) {

            /* so small that the square is 0, or nothing */

            memset(v, 0, rows * sizeof(double));
            continue;
        }

        alpha = r[a];
        beta = sqrt(alpha * alpha + sigma);
        beta = alpha > 0 ? -beta : beta;
        tau[a] = (beta - alpha) / beta;
        scale = 1 / (alpha - beta);
        r[a] = beta;

        for (i = 0; i < rows; i++) {
            v[i] *= scale;
        }

        for (b = a + 1; b < n; b++) {
            c = qr->block + (size_t) (j + b) * qr->height;
            w = tau[a] * (r[b] + lanes->dot(v, c, rows));
            r[b] -= w;
            lanes->axpy(c, -w, v, rows);
        }
    }
}


/*
 * Four reflections on each column behind them: w = V'c at once; that each
 * sees what those before it did is made up for by the products of their
 * vectors.
 */

static void
mlops_qr_behind(mlops_qr_t *qr, uint32_t j, size_t rows, const double *tau)
{
    double                w[4], g10, g20, g21, g30, g31, g32, *v, *c, *r;
    size_t                high;
    uint32_t              k;
    const mlops_lanes_t  *lanes;

    lanes = qr->lanes;
    high = qr->height;
    v = qr->block + j * high;

    g10 = lanes->dot(v, v + high, rows);
    g20 = lanes->dot(v, v + 2 * high, rows);
    g21 = lanes->dot(v + high, v + 2 * high, rows);
    g30 = lanes->dot(v, v + 3 * high, rows);
    g31 = lanes->dot(v + high, v + 3 * high, rows);
    g32 = lanes->dot(v + 2 * high, v + 3 * high, rows);

    for (k = j + MLOPS_QR_PANEL; k < qr->n; k++) {
        c = qr->block + k * high;
        r = qr->r + j * qr->stride + k;

        lanes->dot4(w, v, high, c, rows);

        w[0] = tau[0] * (r[0] + w[0]);
        w[1] = tau[1] * (r[qr->stride] + w[1] - g10 * w[0]);
        w[2] = tau[2] * (r[2 * qr->stride] + w[2] - g20 * w[0]
                         - g21 * w[1]);
        w[3] = tau[3] * (r[3 * qr->stride] + w[3] - g30 * w[0]
                         - g31 * w[1] - g32 * w[2]);

        r[0] -= w[0];
        r[qr->stride] -= w[1];
        r[2 * qr->stride] -= w[2];
        r[3 * qr->stride] -= w[3];

        lanes->sub4(c, w, v, high, rows);
    }
}


void
mlops_qr_diagonal(mlops_qr_t *qr, const uint32_t *columns, uint32_t n,
    const double *d, const double *x)
{
    double    root;
    uint32_t  j, k, rows;

    for (k = 0, rows = 0; k < n; k++) {
        j = columns ? columns[k] : k;
        root = sqrt(d[j]);

        if (rows == 0) {
            memset(qr->block, 0, (size_t) qr->n * qr->height
                                 * sizeof(double));
        }

        qr->block[(size_t) k * qr->height + rows] = root;

        if (x != NULL) {
            qr->block[(size_t) (qr->n - 1) * qr->height + rows] =
                -root * x[j];
        }

        rows++;

        if (rows == qr->height || k == n - 1) {
            mlops_qr_add(qr, rows);
            rows = 0;
        }
    }
}


/*
 * Columns are taken in order.  As long as none was dropped R is what it is;
 * behind a dropped one a column has one entry too many below its row, and a
 * reflection takes it away.  (R's dqrdc2 treats such columns alike, but in
 * the end.)
 */

uint32_t
mlops_qr_solve(mlops_qr_t *qr, double *x, uint8_t *dropped)
{
    double    w, tau, norm, all, *c, *d;
    size_t    s;
    uint32_t  i, j, k, p, rank;

    p = qr->n - 1;
    s = qr->stride;
    rank = 0;

    for (j = 0; j < p; j++) {
        c = qr->r + j;
        all = 0;
        norm = 0;

        for (i = 0; i <= j; i++) {
            all += c[i * s] * c[i * s];
            norm = (i == rank) ? 0 : norm;
            norm += c[i * s] * c[i * s];
        }

        dropped[j] = !(sqrt(norm) > MLOPS_QR_RANK * sqrt(all));

        if (dropped[j]) {
            continue;
        }

        if (rank < j) {
            tau = mlops_qr_reflect(c + rank * s, s, j + 1 - rank, norm);

            for (k = j + 1; k <= p; k++) {
                d = qr->r + rank * s + k;
                w = d[0];

                for (i = 1; i <= j - rank; i++) {
                    w += d[i * s] * c[(rank + i) * s];
                }

                w *= tau;
                d[0] -= w;

                for (i = 1; i <= j - rank; i++) {
                    d[i * s] -= w * c[(rank + i) * s];
                }
            }
        }

        rank++;
    }

    for (j = p, k = rank; j-- > 0; /* void */) {
        x[j] = 0;

        if (dropped[j]) {
            continue;
        }

        k--;
        w = qr->r[k * s + p];

        for (i = j + 1; i < p; i++) {
            w -= qr->r[k * s + i] * x[i];
        }

        x[j] = w / qr->r[k * s + j];
    }

    return rank;
}


/* Makes column[0] all of its length; the vector's other entries replace
 * those below.  norm is the square of the length, not 0. */

static double
mlops_qr_reflect(double *column, size_t stride, uint32_t n, double norm)
{
    double    alpha, beta, scale;
    uint32_t  i;

    alpha = column[0];
    beta = sqrt(norm);
    beta = alpha > 0 ? -beta : beta;
    scale = 1 / (alpha - beta);
    column[0] = beta;

    for (i = 1; i < n; i++) {
        column[i * stride] *= scale;
    }

    return (beta - alpha) / beta;
}
