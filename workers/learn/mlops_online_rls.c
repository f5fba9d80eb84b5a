/*
 * Recursive least squares with forgetting, by Bierman's UD factors (G. J.
 * Bierman, "Factorization Methods for Discrete Sequential Estimation", 1977,
 * chapter V.3).
 *
 * The weights are those that minimise
 *
 *     Σ λ^(t − i) · h_i · (y_i − w·x_i)²  +  λ^t · ridge · |w|²
 *
 * after t examples; with λ = 1 that is ridge regression, at each step.  The
 * inverse P of the matrix of normal equations is kept as U·D·Uᵀ with U unit
 * upper triangular and D diagonal and positive, so that it can lose neither
 * its symmetry nor its sign by rounding.  An example with x, error e and
 * weight h does
 *
 *     f = Uᵀx,  D ← D/λ,  v = D·f,  a_0 = 1/h
 *     for j = 1 … p:
 *         a_j = a_(j−1) + f_j·v_j
 *         D_j ← D_j·a_(j−1)/a_j
 *         for i < j:  u = U_ij,  U_ij ← u − f_j/a_(j−1)·k_i,
 *                     k_i ← k_i + v_j·u
 *         k_j = v_j
 *     w ← w + k·(e/a_p)
 *
 * Numbers beyond 1e30 are refused: their squares times 1e12 are finite, and so
 * is what is made of them.
 *
 * Where λ is below 1 and some direction is never excited, D grows there
 * without end.  It stops at 1e12 times the prior variance 1/ridge, which
 * forgets no further what was learned of that direction.
 */

#include "mlops_online_inner.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_RLS_ROOM   1e12
#define MLOPS_RLS_LARGE  1e30


/* Two numbers at once, in any 16 bytes: what every x86-64 has, so that there
 * is one order of additions. */

typedef double  mlops_rls_two_t
    __attribute__((vector_size(16), aligned(8), may_alias));


/* Σ a·b in 4 sums, number i into sum i mod 4, added as (0 + 2) + (1 + 3);
 * what is left behind whole fours comes last. */

static inline double
mlops_rls_dot(const double *a, const double *b, uint32_t n)
{
    double           rest;
    uint32_t         i;
    mlops_rls_two_t  lo, hi;

    lo = (mlops_rls_two_t) { 0, 0 };
    hi = lo;

    for (i = 0; i + 4 <= n; i += 4) {
        lo += *(const mlops_rls_two_t *) (a + i)
              * *(const mlops_rls_two_t *) (b + i);
        hi += *(const mlops_rls_two_t *) (a + i + 2)
              * *(const mlops_rls_two_t *) (b + i + 2);
    }

    lo += hi;
    rest = lo[0] + lo[1];

    for (/* void */ ; i < n; i++) {
        rest += a[i] * b[i];
    }

    return rest;
}


/* u ← u − f·k and k ← k + v·u, with the u before. */

static inline void
mlops_rls_turn(double *u, double *k, double f, double v, uint32_t n)
{
    double            one;
    uint32_t          i;
    mlops_rls_two_t   two, *p, *q;

    for (i = 0; i + 2 <= n; i += 2) {
        p = (mlops_rls_two_t *) (u + i);
        q = (mlops_rls_two_t *) (k + i);

        two = *p;
        *p = two - f * *q;
        *q += v * two;
    }

    if (i < n) {
        one = u[i];
        u[i] = one - f * k[i];
        k[i] += v * one;
    }
}


/* U, by columns, without its diagonal. */

static inline double *
mlops_rls_column(const mlops_online_rls_t *rls, uint32_t j)
{
    return rls->u + (size_t) j * (j - (j > 0)) / 2;
}


int
mlops_online_rls_create(mlops_online_rls_t *rls, uint32_t p, double ridge)
{
    uint32_t  i;

    rls->w = calloc(mlops_online_rls_numbers(p) + 3 * (size_t) p,
                    sizeof(double));
    if (rls->w == NULL) {
        return MLOPS_ERROR;
    }

    rls->d = rls->w + p;
    rls->u = rls->d + p;
    rls->f = rls->w + mlops_online_rls_numbers(p);
    rls->v = rls->f + p;
    rls->k = rls->v + p;

    for (i = 0; i < p; i++) {
        rls->d[i] = 1.0 / ridge;
    }

    return MLOPS_OK;
}


void
mlops_online_rls_destroy(mlops_online_rls_t *rls)
{
    free(rls->w);
}


size_t
mlops_online_rls_numbers(uint32_t p)
{
    return (size_t) p * 2 + (size_t) p * (p - 1) / 2;
}


double
mlops_online_rls_margin(const mlops_online_rls_t *rls, uint32_t p,
    const double *x)
{
    return mlops_rls_dot(rls->w, x, p);
}


int
mlops_online_rls_update(mlops_online_rls_t *rls, uint32_t p, const double *x,
    double weight, double error, const mlops_online_conf_t *conf)
{
    double     a, before, f, v, top, *column;
    uint32_t   i, j;

    /* f, v and the last a are found first: after them nothing can fail */

    top = MLOPS_RLS_ROOM / conf->ridge;
    a = 1.0 / weight;

    if (!(weight >= 1 / MLOPS_RLS_LARGE && weight <= MLOPS_RLS_LARGE)) {
        return MLOPS_ERROR;
    }

    for (j = 0; j < p; j++) {
        column = mlops_rls_column(rls, j);
        f = x[j];

        if (!(fabs(f) <= MLOPS_RLS_LARGE)) {
            return MLOPS_ERROR;
        }

        f += mlops_rls_dot(column, x, j);
        v = rls->d[j] / conf->forgetting;
        v = f * (v < top ? v : top);
        a += f * v;

        rls->f[j] = f;
        rls->v[j] = v;
    }

    if (!isfinite(a) || !(fabs(error / a) <= MLOPS_RLS_LARGE)) {
        return MLOPS_ERROR;
    }

    a = 1.0 / weight;

    for (j = 0; j < p; j++) {
        column = mlops_rls_column(rls, j);
        f = rls->f[j];
        v = rls->v[j];

        before = a;
        a += f * v;

        rls->d[j] /= conf->forgetting;
        rls->d[j] = (rls->d[j] < top ? rls->d[j] : top) * (before / a);

        mlops_rls_turn(column, rls->k, f / before, v, j);
        rls->k[j] = v;
    }

    error /= a;

    for (i = 0; i < p; i++) {
        rls->w[i] += rls->k[i] * error;
    }

    return MLOPS_OK;
}
