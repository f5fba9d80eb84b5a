/*
 * The elastic net by cyclic coordinate descent.
 */

#include "mlops_elastic.h"
#include "mlops_qr.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_ELASTIC_SWEEPS  200       /* of the active set in one go */
#define MLOPS_ELASTIC_STILL   1e-14     /* of |y|^2: nothing moved */
#define MLOPS_ELASTIC_SLACK   1e-9      /* of l1, for columns without */


typedef struct {
    mlops_elastic_t      *e;
    const mlops_lanes_t  *lanes;
    double                yy;           /* |y|^2 */
    double               *squares;      /* p: |a_j|^2 */
    double               *rest;         /* y - A x */
    double               *try;          /* p */
    uint32_t             *active;       /* columns of weight */
    uint32_t              active_n;
} mlops_elastic_run_t;


static double mlops_elastic_sweep(mlops_elastic_run_t *run, int all);
static double mlops_elastic_gap(const mlops_elastic_run_t *run);
static void mlops_elastic_rest(mlops_elastic_run_t *run);
static int mlops_elastic_exact(mlops_elastic_run_t *run);
static double mlops_elastic_way(const mlops_elastic_run_t *run,
    uint32_t *first);
static int mlops_elastic_solve(mlops_elastic_run_t *run);
static void mlops_elastic_triangle(mlops_elastic_run_t *run, mlops_qr_t *qr);
static void mlops_elastic_back(mlops_elastic_run_t *run,
    const mlops_qr_t *qr);
static void mlops_elastic_slide(mlops_elastic_run_t *run,
    const mlops_qr_t *qr, uint32_t k);
static int mlops_elastic_fits(mlops_elastic_run_t *run);


int
mlops_elastic(mlops_elastic_t *e)
{
    int                   rc;
    uint32_t              i, j;
    mlops_elastic_run_t   run;

    run.e = e;
    run.lanes = mlops_lanes();
    run.yy = run.lanes->dot(e->y, e->y, e->stride);
    run.squares = malloc((e->p + 1) * sizeof(double));
    run.try = malloc((e->p + 1) * sizeof(double));
    run.active = malloc((e->p + 1) * sizeof(uint32_t));
    run.rest = mlops_lanes_alloc(1, e->stride);
    run.active_n = 0;

    e->sweeps = 0;
    e->gap = 0;
    e->converged = 0;
    e->exact = 0;

    rc = MLOPS_ERROR;

    if (run.squares == NULL || run.try == NULL || run.active == NULL
        || run.rest == NULL)
    {
        goto done;
    }

    for (j = 0; j < e->p; j++) {
        run.squares[j] = run.lanes->dot(e->a + j * e->stride,
                                        e->a + j * e->stride, e->stride);
    }

    mlops_elastic_rest(&run);

    while (e->sweeps < e->sweeps_max) {
        (void) mlops_elastic_sweep(&run, 1);

        for (i = 0; i < MLOPS_ELASTIC_SWEEPS; i++) {
            if (e->sweeps >= e->sweeps_max
                || mlops_elastic_sweep(&run, 0)
                   <= MLOPS_ELASTIC_STILL * run.yy)
            {
                break;
            }
        }

        rc = mlops_elastic_exact(&run);

        if (rc == MLOPS_ERROR) {
            goto done;
        }

        e->exact = (rc == MLOPS_OK);
        e->gap = mlops_elastic_gap(&run);
        e->converged = e->exact || e->gap <= e->tolerance;

        if (e->converged) {
            break;
        }
    }

    rc = MLOPS_OK;

done:

    free(run.squares);
    free(run.try);
    free(run.active);
    free(run.rest);

    return rc;
}


/* One pass over all columns, or over those that have a weight; the largest
 * change of A x, squared. */

static double
mlops_elastic_sweep(mlops_elastic_run_t *run, int all)
{
    double            g, x, moved, most;
    uint32_t          i, j, n;
    const double     *a;
    mlops_elastic_t  *e;

    e = run->e;
    n = all ? e->p : run->active_n;
    most = 0;

    for (i = 0; i < n; i++) {
        j = all ? i : run->active[i];

        if (run->squares[j] + e->l2[j] <= 0) {
            continue;
        }

        a = e->a + j * e->stride;
        g = run->lanes->dot(a, run->rest, e->stride)
            + run->squares[j] * e->x[j];

        if (g > e->l1[j]) {
            x = (g - e->l1[j]) / (run->squares[j] + e->l2[j]);

        } else if (g < -e->l1[j]) {
            x = (g + e->l1[j]) / (run->squares[j] + e->l2[j]);

        } else {
            x = 0;
        }

        moved = x - e->x[j];

        if (moved != 0) {
            run->lanes->axpy(run->rest, -moved, a, e->stride);
            e->x[j] = x;
            moved = moved * moved * run->squares[j];
            most = moved > most ? moved : most;
        }
    }

    for (j = 0, n = 0; all && j < e->p; j++) {
        if (e->x[j] != 0) {
            run->active[n++] = j;
        }
    }

    run->active_n = all ? n : run->active_n;
    e->sweeps++;

    return most;
}


/*
 * With rows √l2 below A it is a lasso; its dual at the residual, shrunk so
 * far that it is feasible (Kim, Koh, Lustig, Boyd and Gorinevsky, 2007):
 *
 *     primal  ½ |r|^2 + ½ Σ l2 x^2 + Σ l1 |x|
 *     dual    s (r · y) - ½ s^2 (|r|^2 + Σ l2 x^2)
 */

static double
mlops_elastic_gap(const mlops_elastic_run_t *run)
{
    double                  s, g, rr, ry, one, two;
    uint32_t                j;
    const mlops_elastic_t  *e;

    e = run->e;

    if (run->yy == 0) {
        return 0;
    }

    rr = run->lanes->dot(run->rest, run->rest, e->stride);
    ry = run->lanes->dot(run->rest, e->y, e->stride);
    one = 0;
    two = 0;
    s = 1;

    for (j = 0; j < e->p; j++) {
        one += e->l1[j] * fabs(e->x[j]);
        two += e->l2[j] * e->x[j] * e->x[j];

        g = fabs(run->lanes->dot(e->a + j * e->stride, run->rest, e->stride)
                 - e->l2[j] * e->x[j]);

        if (g > e->l1[j] && g * s > e->l1[j]) {
            s = e->l1[j] / g;
        }
    }

    return (0.5 * (rr + two) + one - s * ry + 0.5 * s * s * (rr + two))
           / (0.5 * run->yy);
}


static void
mlops_elastic_rest(mlops_elastic_run_t *run)
{
    uint32_t          j;
    mlops_elastic_t  *e;

    e = run->e;

    memcpy(run->rest, e->y, e->stride * sizeof(double));

    for (j = 0; j < e->p; j++) {
        if (e->x[j] != 0) {
            run->lanes->axpy(run->rest, -e->x[j], e->a + j * e->stride,
                             e->stride);
        }
    }
}


/*
 * The exact solution for the signs there are; where a weight would change
 * its sign on the way, the way ends there, it is 0 and leaves, and so on (the
 * feature-sign search of Lee, Battle, Raina and Ng, 2007): the objective
 * falls with every step.  MLOPS_OK where the end is the minimum, MLOPS_AGAIN
 * where another column wants in.
 */

static int
mlops_elastic_exact(mlops_elastic_run_t *run)
{
    double            t;
    uint32_t          i, j, first;
    mlops_elastic_t  *e;

    e = run->e;
    first = 0;

    for (i = 0; i <= e->p; i++) {
        if (mlops_elastic_solve(run) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        t = mlops_elastic_way(run, &first);

        for (j = 0; j < e->p && t < 1; j++) {
            run->try[j] = e->x[j] + t * (run->try[j] - e->x[j]);
        }

        if (t < 1) {
            run->try[first] = 0;
        }

        for (j = 0; j < e->p; j++) {
            e->x[j] = run->try[j] * e->x[j] > 0 ? run->try[j] : 0;
        }

        if (t >= 1) {
            break;
        }
    }

    mlops_elastic_rest(run);

    return (i <= e->p && mlops_elastic_fits(run)) ? MLOPS_OK : MLOPS_AGAIN;
}


/* How far from x to try no sign changes, and the column that is first to: 1
 * is all the way. */

static double
mlops_elastic_way(const mlops_elastic_run_t *run, uint32_t *first)
{
    double                  t, least;
    uint32_t                j, k;
    const mlops_elastic_t  *e;

    e = run->e;
    least = 1;

    for (k = 0; k < run->active_n; k++) {
        j = run->active[k];

        if (run->try[j] * e->x[j] > 0) {
            continue;
        }

        t = e->x[j] / (e->x[j] - run->try[j]);

        if (t < least) {
            least = t;
            *first = j;
        }
    }

    return least;
}


/*
 * (A'A + L2) x = A'y - l1 sign, over the active columns: with the triangle R
 * of [A; √L2] and the right-hand side q that went with it, R'u = l1 sign and
 * R x = q - u.
 */

static int
mlops_elastic_solve(mlops_elastic_run_t *run)
{
    uint32_t          j;
    mlops_qr_t        qr;
    mlops_elastic_t  *e;

    e = run->e;
    run->active_n = 0;

    for (j = 0; j < e->p; j++) {
        run->try[j] = 0;

        if (e->x[j] != 0) {
            run->active[run->active_n++] = j;
        }
    }

    if (mlops_qr_init(&qr, run->active_n + 1) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_elastic_triangle(run, &qr);

    mlops_elastic_back(run, &qr);

    mlops_qr_free(&qr);

    return MLOPS_OK;
}


static void
mlops_elastic_triangle(mlops_elastic_run_t *run, mlops_qr_t *qr)
{
    uint32_t          k, n, rows, at;
    mlops_elastic_t  *e;

    e = run->e;
    n = run->active_n;

    for (at = 0; at < e->m; at += rows) {
        rows = e->m - at < qr->height ? e->m - at : qr->height;

        for (k = 0; k < n; k++) {
            memcpy(qr->block + (size_t) k * qr->height,
                   e->a + run->active[k] * e->stride + at,
                   rows * sizeof(double));
        }

        memcpy(qr->block + (size_t) n * qr->height, e->y + at,
               rows * sizeof(double));

        mlops_qr_add(qr, rows);
    }

    mlops_qr_diagonal(qr, run->active, n, e->l2, NULL);
}


static void
mlops_elastic_back(mlops_elastic_run_t *run, const mlops_qr_t *qr)
{
    double            u, *r, *q;
    size_t            s;
    uint32_t          i, j, k, n;
    mlops_elastic_t  *e;

    e = run->e;
    n = run->active_n;
    s = qr->stride;
    r = qr->r;

    for (k = 0; k < n; k++) {
        j = run->active[k];

        if (!(fabs(r[k * s + k]) > MLOPS_QR_RANK
                                   * sqrt(run->squares[j] + e->l2[j])))
        {
            mlops_elastic_slide(run, qr, k);
            return;
        }

        u = e->x[j] > 0 ? e->l1[j] : -e->l1[j];

        for (i = 0; i < k; i++) {
            u -= r[i * s + k] * run->try[run->active[i]];
        }

        run->try[j] = u / r[k * s + k];
    }

    q = r + n;

    for (k = n; k-- > 0; /* void */) {
        j = run->active[k];
        u = q[k * s] - run->try[j];

        for (i = k + 1; i < n; i++) {
            u -= r[k * s + i] * run->try[run->active[i]];
        }

        run->try[j] = u / r[k * s + k];
    }
}


/*
 * Active column number k depends on those before it: along what they share
 * A x stays, and Σ l1 |x| falls or stays until a weight is 0.  Twice as far,
 * so that its sign has changed.
 */

static void
mlops_elastic_slide(mlops_elastic_run_t *run, const mlops_qr_t *qr,
    uint32_t k)
{
    double            u, slope, t, least, *r, *d;
    size_t            s;
    uint32_t          h, i, j;
    mlops_elastic_t  *e;

    e = run->e;
    s = qr->stride;
    r = qr->r;
    d = run->try;

    for (j = 0; j < e->p; j++) {
        d[j] = 0;
    }

    d[run->active[k]] = 1;

    for (h = k; h-- > 0; /* void */) {
        u = -r[h * s + k];

        for (i = h + 1; i < k; i++) {
            u -= r[h * s + i] * d[run->active[i]];
        }

        d[run->active[h]] = u / r[h * s + h];
    }

    for (i = 0, slope = 0; i <= k; i++) {
        j = run->active[i];
        slope += e->x[j] > 0 ? e->l1[j] * d[j] : -e->l1[j] * d[j];
    }

    for (i = 0, least = INFINITY; i <= k; i++) {
        j = run->active[i];
        d[j] = slope > 0 ? -d[j] : d[j];
        t = -e->x[j] / d[j];
        least = (t > 0 && t < least) ? t : least;
    }

    least = isfinite(least) ? least : 0;

    for (j = 0; j < e->p; j++) {
        d[j] = e->x[j] + 2 * least * d[j];
    }
}


static int
mlops_elastic_fits(mlops_elastic_run_t *run)
{
    double            g;
    uint32_t          j;
    mlops_elastic_t  *e;

    e = run->e;

    for (j = 0; j < e->p; j++) {

        if (e->x[j] != 0 || run->squares[j] <= 0) {
            continue;
        }

        g = run->lanes->dot(e->a + j * e->stride, run->rest, e->stride);

        if (!(fabs(g) <= e->l1[j] * (1 + MLOPS_ELASTIC_SLACK))) {
            return 0;
        }
    }

    return 1;
}
