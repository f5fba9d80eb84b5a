/*
 * Quantiles by selection: a three-way partition around the median of three
 * (Hoare's quickselect), which goes on with the part that has the answer.
 */

#include "mlops_gbdt_quantile.h"

#include <stddef.h>


typedef struct {
    float     *v;
    float     *w;               /* or NULL */
    uint64_t   lo;              /* [lo, hi) is under way */
    uint64_t   hi;
    uint64_t   less;            /* of it: [lo, less) below the pivot, */
    uint64_t   more;            /* [more, hi) above it */
} mlops_gbdt_select_t;


static void mlops_gbdt_split_at(mlops_gbdt_select_t *s);
static float mlops_gbdt_nth(float *values, uint64_t n, uint64_t nth);
static double mlops_gbdt_weighted(float *values, float *weights, uint64_t n,
    double q);


double
mlops_gbdt_quantile(float *values, float *weights, uint64_t n, double q)
{
    float     a, b;
    double    at;
    uint64_t  i, below;

    if (weights != NULL) {
        return mlops_gbdt_weighted(values, weights, n, q);
    }

    at = (double) (n - 1) * q;
    below = (uint64_t) at;
    a = mlops_gbdt_nth(values, n, below);

    if (below + 1 >= n || at == (double) below) {
        return (double) a;
    }

    /* those behind it are not below it */

    b = values[below + 1];

    for (i = below + 2; i < n; i++) {
        b = values[i] < b ? values[i] : b;
    }

    return (double) a + (at - (double) below) * ((double) b - (double) a);
}


static float
mlops_gbdt_nth(float *values, uint64_t n, uint64_t nth)
{
    mlops_gbdt_select_t  s;

    s.v = values;
    s.w = NULL;
    s.lo = 0;
    s.hi = n;

    while (s.hi - s.lo > 1) {
        mlops_gbdt_split_at(&s);

        if (nth < s.less) {
            s.hi = s.less;

        } else if (nth >= s.more) {
            s.lo = s.more;

        } else {
            break;
        }
    }

    return values[nth];
}


/* Weights are added up part by part, in the order they are in. */

static double
mlops_gbdt_weighted(float *values, float *weights, uint64_t n, double q)
{
    double               all, below, part, middle;
    uint64_t             i;
    mlops_gbdt_select_t  s;

    all = 0;

    for (i = 0; i < n; i++) {
        all += (double) weights[i];
    }

    s.v = values;
    s.w = weights;
    s.lo = 0;
    s.hi = n;
    below = 0;

    while (s.hi - s.lo > 1) {
        mlops_gbdt_split_at(&s);

        part = below;
        middle = 0;

        for (i = s.lo; i < s.less; i++) {
            part += (double) weights[i];
        }

        for (i = s.less; i < s.more; i++) {
            middle += (double) weights[i];
        }

        if (s.less > s.lo && part >= q * all) {
            s.hi = s.less;

        } else if (s.more == s.hi || part + middle >= q * all) {
            return (double) values[s.less];

        } else {
            below = part + middle;
            s.lo = s.more;
        }
    }

    return (double) values[s.lo];
}


static void
mlops_gbdt_swap(mlops_gbdt_select_t *s, uint64_t a, uint64_t b)
{
    float  x;

    x = s->v[a];
    s->v[a] = s->v[b];
    s->v[b] = x;

    if (s->w != NULL) {
        x = s->w[a];
        s->w[a] = s->w[b];
        s->w[b] = x;
    }
}


static void
mlops_gbdt_split_at(mlops_gbdt_select_t *s)
{
    float     a, b, c, pivot;
    uint64_t  i;

    a = s->v[s->lo];
    b = s->v[s->lo + (s->hi - s->lo) / 2];
    c = s->v[s->hi - 1];

    pivot = a < b ? (b < c ? b : a < c ? c : a)
                  : (a < c ? a : b < c ? c : b);

    s->less = s->lo;
    s->more = s->hi;
    i = s->lo;

    while (i < s->more) {

        if (s->v[i] < pivot) {
            mlops_gbdt_swap(s, s->less++, i++);

        } else if (s->v[i] > pivot) {
            mlops_gbdt_swap(s, i, --s->more);

        } else {
            i++;
        }
    }
}
