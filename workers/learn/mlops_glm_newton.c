/*
 * One step of Newton's method for generalised linear models.
 */

#include "mlops_glm.h"
#include "mlops_elastic.h"

#include <math.h>
#include <stdlib.h>


/* Part of the mean curvature that every row is said to have: rows whose
 * probability is 0 or 1 would divide by nothing. */
#define MLOPS_GLM_CURVE      1e-12

/* Pivots below this part of the diagonal are rounding; with a penalty the
 * least is this part of the rows. */
#define MLOPS_GLM_PIVOT      1e-12
#define MLOPS_GLM_LEAST      1e-13

#define MLOPS_GLM_SWEEPS     2000
#define MLOPS_GLM_TOLERANCE  1e-16


static void mlops_glm_quadratic_one(mlops_glm_t *glm);
static void mlops_glm_quadratic_many(mlops_glm_t *glm);
static void mlops_glm_hessian(mlops_glm_t *glm, uint32_t k, uint32_t l,
    const double *w, uint32_t n);
static void mlops_glm_gradient(mlops_glm_t *glm, uint32_t k, const double *w,
    const double *y, uint32_t n);
static uint32_t mlops_glm_place(const mlops_glm_t *glm, uint32_t k,
    uint32_t column);
static void mlops_glm_cholesky(mlops_glm_t *glm);
static int mlops_glm_sparse(mlops_glm_t *glm);


void
mlops_glm_quadratic(mlops_glm_t *glm)
{
    mlops_qr_reset(&glm->qr);

    if (glm->margins == 1) {
        mlops_glm_quadratic_one(glm);

    } else {
        mlops_glm_quadratic_many(glm);
    }
}


/* Rows √c (1, x) and slope / √c: their product is the gradient. */

static void
mlops_glm_quadratic_one(mlops_glm_t *glm)
{
    double       least, *column;
    double       slope[MLOPS_DESIGN_CHUNK], curve[MLOPS_DESIGN_CHUNK];
    uint32_t     i, j, n;
    uint64_t     first;
    mlops_qr_t  *qr;

    qr = &glm->qr;

    for (first = 0; first < glm->design.n; first += n) {
        n = glm->design.n - first < qr->height
            ? (uint32_t) (glm->design.n - first) : qr->height;

        mlops_glm_rows(glm, first, n, slope, curve);
        mlops_design_block(&glm->design, first, n, qr->block
                           + (size_t) glm->free_n * qr->height, qr->height);

        column = qr->block + (size_t) glm->n * qr->height;

        for (i = 0; i < n; i++) {
            least = MLOPS_GLM_CURVE * fabs(slope[i]);
            curve[i] = curve[i] > least ? curve[i] : least;
            curve[i] = sqrt(curve[i]);
            column[i] = curve[i] > 0 ? slope[i] / curve[i] : 0;
        }

        if (glm->free_n > 0) {
            memcpy(qr->block, curve, n * sizeof(double));
        }

        for (j = glm->free_n; j < glm->n; j++) {
            column = qr->block + (size_t) j * qr->height;

            for (i = 0; i < n; i++) {
                column[i] *= curve[i];
            }
        }

        mlops_qr_add(qr, n);
    }
}


/* The Hessian's blocks, p_k (d_kl - p_l) x x', and the negative gradient
 * behind them; then its factor. */

static void
mlops_glm_quadratic_many(mlops_glm_t *glm)
{
    double    *p, *u, *w, *y;
    size_t     padded;
    uint32_t   i, k, l, n;
    uint64_t   first;

    p = glm->chunk;
    u = p + glm->margins * MLOPS_DESIGN_CHUNK;
    w = u + MLOPS_DESIGN_CHUNK;
    y = w + MLOPS_DESIGN_CHUNK;

    for (first = 0; first < glm->design.n; first += n) {
        n = mlops_design_chunk(&glm->design, first);
        padded = mlops_lanes_pad(n);

        mlops_glm_softmax(glm, first, n, p);
        mlops_design_weight(&glm->design, first, n, w);
        mlops_design_raw(&glm->design, glm->design.p, first, n, y);
        mlops_design_block(&glm->design, first, n, glm->block
                           + MLOPS_DESIGN_CHUNK, MLOPS_DESIGN_CHUNK);

        for (i = 0; i < padded; i++) {
            glm->block[i] = (i < n);
        }

        for (k = 0; k <= glm->p; k++) {
            for (i = n; i < padded; i++) {
                glm->block[k * MLOPS_DESIGN_CHUNK + i] = 0;
            }
        }

        for (k = 0; k < glm->margins; k++) {

            for (i = 0; i < padded; i++) {
                u[i] = (i < n) ? w[i] * ((y[i] == k)
                                         - p[k * MLOPS_DESIGN_CHUNK + i]) : 0;
            }

            mlops_glm_gradient(glm, k, u, y, (uint32_t) padded);

            for (l = k; l < glm->margins; l++) {

                for (i = 0; i < padded; i++) {
                    u[i] = (i < n) ? w[i] * p[k * MLOPS_DESIGN_CHUNK + i]
                                     * ((k == l)
                                        - p[l * MLOPS_DESIGN_CHUNK + i]) : 0;
                }

                mlops_glm_hessian(glm, k, l, u, (uint32_t) padded);
            }
        }
    }

    mlops_glm_cholesky(glm);
}


static void
mlops_glm_gradient(mlops_glm_t *glm, uint32_t k, const double *w,
    const double *y, uint32_t n)
{
    uint32_t  j;

    (void) y;

    for (j = !glm->free_n; j <= glm->p; j++) {
        glm->qr.r[mlops_glm_place(glm, k, j) * glm->qr.stride + glm->n] +=
            glm->qr.lanes->dot(glm->block + j * MLOPS_DESIGN_CHUNK, w, n);
    }
}


/* Adds Σ w x_i x_j, symmetric in i and j, to the block (k, l) of the upper
 * triangle. */

static void
mlops_glm_hessian(mlops_glm_t *glm, uint32_t k, uint32_t l, const double *w,
    uint32_t n)
{
    double    c[MLOPS_DESIGN_CHUNK] __attribute__((aligned(64)));
    double    out[4], *r;
    size_t    s;
    uint32_t  a, b, i, j, g;

    r = glm->qr.r;
    s = glm->qr.stride;

    for (i = !glm->free_n; i <= glm->p; i++) {

        glm->qr.lanes->mul(c, w, glm->block + i * MLOPS_DESIGN_CHUNK, n);

        for (j = i; j <= glm->p; j += 4) {
            glm->qr.lanes->dot4(out, glm->block + j * MLOPS_DESIGN_CHUNK,
                                MLOPS_DESIGN_CHUNK, c, n);

            for (g = 0; g < 4 && j + g <= glm->p; g++) {
                a = mlops_glm_place(glm, k, i);
                b = mlops_glm_place(glm, l, j + g);
                r[(a < b ? a : b) * s + (a < b ? b : a)] += out[g];

                if (k != l && i != j + g) {
                    a = mlops_glm_place(glm, k, j + g);
                    b = mlops_glm_place(glm, l, i);
                    r[(a < b ? a : b) * s + (a < b ? b : a)] += out[g];
                }
            }
        }
    }
}


/* Number of a coefficient: intercepts first. */

static uint32_t
mlops_glm_place(const mlops_glm_t *glm, uint32_t k, uint32_t column)
{
    return column == 0 ? k : glm->free_n + k * glm->p + column - 1;
}


/*
 * R of R'R = H in place, and q of R'q = -gradient in the last column.  A
 * pivot that is rounding makes a row of 0 where nothing is penalised: the
 * column depends on those before it, and stays where it is.  Else a least
 * curvature of its own keeps the gradient of that direction, which the
 * penalty needs.
 */

static void
mlops_glm_cholesky(mlops_glm_t *glm)
{
    int       keep;
    double    least, pivot, *row;
    size_t    s;
    uint32_t  i, j, from;

    s = glm->qr.stride;

    for (i = 0; i < glm->n; i++) {
        glm->step[i] = glm->qr.r[i * s + i];
    }

    for (i = 0; i < glm->n; i++) {
        row = glm->qr.r + i * s;
        pivot = row[i];

        keep = (glm->keys.alpha > 0 && i >= glm->free_n);
        least = keep ? MLOPS_GLM_LEAST * (double) glm->design.n
                     : MLOPS_GLM_PIVOT * glm->step[i];

        if (!(pivot > least)) {

            if (!keep) {
                memset(row, 0, s * sizeof(double));
                continue;
            }

            for (j = i + 1; j < glm->n; j++) {
                row[j] = 0;
            }

            row[i] = least;
            pivot = least;
        }

        pivot = 1 / sqrt(pivot);

        for (j = i; j <= glm->n; j++) {
            row[j] *= pivot;
        }

        for (j = i + 1; j < glm->n; j++) {
            from = j & ~(uint32_t) (MLOPS_LANES - 1);
            glm->qr.lanes->axpy(glm->qr.r + j * s + from, -row[j],
                                row + from, s - from);
        }
    }
}


int
mlops_glm_minimum(mlops_glm_t *glm)
{
    if (glm->keys.alpha * glm->keys.l1_ratio > 0 && glm->p > 0) {
        return mlops_glm_sparse(glm);
    }

    if (glm->keys.alpha > 0) {
        mlops_qr_diagonal(&glm->qr, NULL, glm->n, glm->l2, glm->b);
    }

    glm->rank = mlops_qr_solve(&glm->qr, glm->step, glm->dropped);

    return MLOPS_OK;
}


/*
 * Of v = b + d: ½ |R v - (q + R b)|^2 + Σ l1 |v| + ½ Σ l2 v^2.  The rows of
 * the intercepts are met whatever the others are: those below decide.
 */

static int
mlops_glm_sparse(mlops_glm_t *glm)
{
    int               rc;
    double           *a, *y, *l1, q, *r;
    size_t            s;
    uint32_t          i, j, f, n;
    mlops_elastic_t   e;

    f = glm->free_n;
    n = glm->n - f;
    r = glm->qr.r;
    s = glm->qr.stride;

    e.p = n;
    e.m = n;
    e.stride = mlops_lanes_pad(n);
    e.tolerance = MLOPS_GLM_TOLERANCE;
    e.sweeps_max = MLOPS_GLM_SWEEPS;

    a = mlops_lanes_alloc(n + 2, e.stride);
    if (a == NULL) {
        return MLOPS_ERROR;
    }

    y = a + n * e.stride;
    l1 = y + e.stride;

    for (j = 0; j < n; j++) {
        l1[j] = glm->l1[j % glm->p];

        for (i = 0; i <= j; i++) {
            a[j * e.stride + i] = r[(f + i) * s + f + j];
            y[i] += r[(f + i) * s + f + j] * glm->b[f + j];
        }
    }

    for (i = 0; i < n; i++) {
        y[i] += r[(f + i) * s + glm->n];
    }

    memcpy(glm->step, glm->b, glm->n * sizeof(double));

    e.a = a;
    e.y = y;
    e.l1 = l1;
    e.l2 = glm->l2 + f;
    e.x = glm->step + f;

    rc = mlops_elastic(&e);
    free(a);

    for (j = f; j < glm->n; j++) {
        glm->step[j] -= glm->b[j];
    }

    for (i = f; i-- > 0; /* void */) {
        q = r[i * s + glm->n];

        for (j = i + 1; j < glm->n; j++) {
            q -= r[i * s + j] * glm->step[j];
        }

        glm->step[i] = r[i * s + i] != 0 ? q / r[i * s + i] : 0;
    }

    return rc;
}


void
mlops_glm_margins(const mlops_glm_t *glm, const double *b, double *z)
{
    double     sum[MLOPS_DESIGN_CHUNK] __attribute__((aligned(64)));
    size_t     padded;
    uint32_t   i, k, n;
    uint64_t   first;

    for (first = 0; first < glm->design.n; first += n) {
        n = mlops_design_chunk(&glm->design, first);
        padded = mlops_lanes_pad(n);

        mlops_design_block(&glm->design, first, n, glm->block,
                           MLOPS_DESIGN_CHUNK);

        for (k = 0; k < glm->margins; k++) {

            for (i = 0; i < padded; i++) {
                sum[i] = glm->free_n > 0 ? b[k] : 0;
            }

            glm->qr.lanes->gemv(sum, b + glm->free_n + k * glm->p,
                                glm->block, MLOPS_DESIGN_CHUNK, glm->p,
                                padded);

            memcpy(z + k * glm->design.n + first, sum, n * sizeof(double));
        }
    }
}
