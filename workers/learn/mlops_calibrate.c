/*
 * Calibration.
 */

#include "mlops_calibrate.h"
#include "mlops_math.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>


#define MLOPS_PLATT_STEPS   100
#define MLOPS_PLATT_HALVES  40


typedef struct {
    double    x;
    double    y;            /* sums of w y, then their means */
    double    w;
    uint64_t  row;
} mlops_calibrate_point_t;


typedef struct {
    const double  *score;
    const double  *target;
    const double  *weight;
    uint64_t       n;
    double         mean;
    double         scale;
    double         high;    /* smoothed targets */
    double         low;
} mlops_platt_t;


static int mlops_isotonic_compare(const void *one, const void *two);
static uint64_t mlops_isotonic_equal(mlops_calibrate_point_t *points,
    uint64_t n);
static void mlops_isotonic_pool(mlops_calibrate_point_t *points, uint64_t n,
    uint64_t *starts);
static int mlops_platt_prepare(mlops_platt_t *p);
static double mlops_platt_loss(const mlops_platt_t *p, double a, double b);
static void mlops_platt_step(const mlops_platt_t *p, double a, double b,
    double *da, double *db);


int
mlops_isotonic(const double *score, const double *target,
    const double *weight, uint64_t n, int descending, double **x, double **y,
    uint32_t *points)
{
    double                    sign;
    uint64_t                  i, k, *starts;
    mlops_calibrate_point_t  *p;

    *x = malloc(n * sizeof(double));
    *y = malloc(n * sizeof(double));
    p = malloc(n * sizeof(mlops_calibrate_point_t));
    starts = malloc((n + 1) * sizeof(uint64_t));

    if (*x == NULL || *y == NULL || p == NULL || starts == NULL) {
        free(*x);
        free(*y);
        free(p);
        free(starts);
        *x = NULL;
        *y = NULL;
        return MLOPS_ERROR;
    }

    sign = descending ? -1 : 1;

    for (i = 0, k = 0; i < n; i++) {
        if (weight == NULL || weight[i] > 0) {
            p[k].x = score[i] + 0.0;            /* -0 is 0 */
            p[k].y = sign * target[i];
            p[k].w = weight ? weight[i] : 1;
            p[k++].row = i;
        }
    }

    qsort(p, k, sizeof(*p), mlops_isotonic_compare);

    n = mlops_isotonic_equal(p, k);
    mlops_isotonic_pool(p, n, starts);

    for (i = 0, k = 0; i < n; i++) {
        if (i == 0 || i == n - 1 || p[i].y != p[i - 1].y
            || p[i].y != p[i + 1].y)
        {
            (*x)[k] = p[i].x;
            (*y)[k++] = sign * p[i].y;
        }
    }

    *points = (uint32_t) k;

    free(p);
    free(starts);

    return MLOPS_OK;
}


static int
mlops_isotonic_compare(const void *one, const void *two)
{
    const mlops_calibrate_point_t  *a, *b;

    a = one;
    b = two;

    if (a->x != b->x) {
        return a->x > b->x ? 1 : -1;
    }

    return a->row > b->row ? 1 : -1;
}


/* Points of one score become one. */

static uint64_t
mlops_isotonic_equal(mlops_calibrate_point_t *points, uint64_t n)
{
    double    sum;
    uint64_t  i, j, k;

    for (i = 0, k = 0; i < n; i = j, k++) {
        sum = 0;
        points[k].x = points[i].x;

        for (j = i; j < n && points[j].x == points[k].x; j++) {
            sum += points[j].w * points[j].y;

            if (j > i) {
                points[i].w += points[j].w;
            }
        }

        points[k].w = points[i].w;
        points[k].y = sum / points[k].w;
    }

    return k;
}


/* Blocks of one mean are a stack of where they start. */

static void
mlops_isotonic_pool(mlops_calibrate_point_t *points, uint64_t n,
    uint64_t *starts)
{
    double    w, sum;
    uint64_t  i, j, k, blocks;

    for (i = 0, blocks = 0; i < n; i++) {
        starts[blocks++] = i;

        while (blocks > 1
               && points[starts[blocks - 2]].y >= points[starts[blocks - 1]].y)
        {
            j = starts[blocks - 2];
            k = starts[blocks - 1];
            w = points[j].w + points[k].w;
            sum = points[j].w * points[j].y + points[k].w * points[k].y;
            points[j].y = sum / w;
            points[j].w = w;
            blocks--;
        }
    }

    starts[blocks] = n;

    for (i = 0; i < blocks; i++) {
        for (j = starts[i] + 1; j < starts[i + 1]; j++) {
            points[j].y = points[starts[i]].y;
        }
    }
}


/* Newton's method in two dimensions, of scores in standard deviations. */

void
mlops_platt(const double *score, const double *target, const double *weight,
    uint64_t n, double *slope, double *offset)
{
    int            flat;
    double         a, b, da, db, t, loss, next;
    uint32_t       i, half;
    mlops_platt_t  p;

    p.score = score;
    p.target = target;
    p.weight = weight;
    p.n = n;

    flat = mlops_platt_prepare(&p);

    a = 0;
    b = 0;
    loss = mlops_platt_loss(&p, a, b);

    for (i = 0; i < MLOPS_PLATT_STEPS; i++) {
        mlops_platt_step(&p, a, b, &da, &db);

        if (flat) {
            da = 0;
        }

        for (half = 0, t = 1; half < MLOPS_PLATT_HALVES; half++, t /= 2) {
            next = mlops_platt_loss(&p, a + t * da, b + t * db);

            if (next <= loss + 1e-15 * loss) {
                break;
            }
        }

        if (half == MLOPS_PLATT_HALVES) {
            break;
        }

        a += t * da;
        b += t * db;
        loss = next;

        if (fabs(da) + fabs(db) <= 1e-9 * (1 + fabs(a) + fabs(b))) {
            break;
        }
    }

    *slope = a / p.scale;
    *offset = b - a * (p.mean / p.scale);
}


/* Moments of the scores, and the smoothed targets; are scores all equal? */

static int
mlops_platt_prepare(mlops_platt_t *p)
{
    double    w, all, one, zero, sum, square;
    uint64_t  i;

    p->mean = 0;
    p->scale = 1;
    one = 0;
    zero = 0;

    for (i = 0, sum = 0; i < p->n; i++) {
        w = p->weight ? p->weight[i] : 1;
        one += p->target[i] > 0 ? w : 0;
        zero += p->target[i] > 0 ? 0 : w;
        sum += w * p->score[i];
    }

    all = one + zero;
    p->mean = sum / all;

    for (i = 0, sum = 0, square = 0; i < p->n; i++) {
        w = p->weight ? p->weight[i] : 1;
        sum += w * (p->score[i] - p->mean);
        square += w * (p->score[i] - p->mean) * (p->score[i] - p->mean);
    }

    p->mean += sum / all;
    p->high = (one + 1) / (one + 2);
    p->low = 1 / (zero + 2);

    square = sqrt(square / all);

    if (!(square > 4 * DBL_EPSILON * fabs(p->mean)) || !isfinite(square)) {
        return 1;
    }

    p->scale = square;

    return 0;
}


static double
mlops_platt_loss(const mlops_platt_t *p, double a, double b)
{
    double    z, t, loss;
    uint64_t  i;

    for (i = 0, loss = 0; i < p->n; i++) {
        z = a * ((p->score[i] - p->mean) / p->scale) + b;
        t = p->target[i] > 0 ? p->high : p->low;
        loss += (p->weight ? p->weight[i] : 1)
                * (mlops_softplus(z) - t * z);
    }

    return loss;
}


static void
mlops_platt_step(const mlops_platt_t *p, double a, double b, double *da,
    double *db)
{
    double    x, t, q, w, ga, gb, aa, ab, bb, det;
    uint64_t  i;

    ga = 0;
    gb = 0;
    aa = 0;
    ab = 0;
    bb = 0;

    for (i = 0; i < p->n; i++) {
        x = (p->score[i] - p->mean) / p->scale;
        t = p->target[i] > 0 ? p->high : p->low;
        q = mlops_sigmoid(a * x + b);
        w = p->weight ? p->weight[i] : 1;

        ga += w * (t - q) * x;
        gb += w * (t - q);
        w *= q * (1 - q);
        aa += w * x * x;
        ab += w * x;
        bb += w;
    }

    det = aa * bb - ab * ab;

    if (det > 0) {
        *da = (bb * ga - ab * gb) / det;
        *db = (aa * gb - ab * ga) / det;

    } else {
        *da = 0;
        *db = bb > 0 ? gb / bb : 0;
    }
}
