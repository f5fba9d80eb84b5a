/*
 * Dividing the rows of a leaf among its children, in order.
 *
 * One thread moves those that go left down and copies those that go right
 * aside.  Several take a stretch each: they sort it aside, left ones from
 * its start, right ones from its end, and then copy both to where they
 * belong; the order is the same.
 */

#include "mlops_gbdt_run.h"


#define MLOPS_GBDT_SHARED  65536        /* rows that are worth a thread */
#define MLOPS_GBDT_PARTS   64


typedef struct {
    mlops_gbdt_run_t   *run;
    const uint8_t      *column;
    const uint8_t      *right;          /* by bin */
    uint32_t           *order;          /* of the leaf */
    uint32_t           *spare;
    uint64_t            n;
    uint64_t            each;
    uint64_t            parts;
    uint64_t            left[MLOPS_GBDT_PARTS];
    uint64_t            to_left[MLOPS_GBDT_PARTS];
    uint64_t            to_right[MLOPS_GBDT_PARTS];
} mlops_gbdt_divide_t;


static uint64_t mlops_gbdt_divide(uint32_t *order, uint32_t *spare,
    uint64_t n, const uint8_t *column, const uint8_t *right);
static void mlops_gbdt_divide_part(void *ctx, uint64_t part,
    uint32_t worker);
static void mlops_gbdt_place_part(void *ctx, uint64_t part, uint32_t worker);


uint64_t
mlops_gbdt_partition(mlops_gbdt_run_t *run, const mlops_gbdt_leaf_t *leaf,
    const mlops_gbdt_split_t *split)
{
    uint8_t              right[MLOPS_GBDT_STRIDE];
    uint32_t             b;
    uint64_t             i, left, at;
    mlops_gbdt_divide_t  d;

    for (b = 0; b < MLOPS_GBDT_STRIDE; b++) {
        right[b] = (uint8_t) mlops_gbdt_in(split->set, b);
    }

    d.run = run;
    d.column = run->train.bins.columns
               + run->train.bins.n * split->feature;
    d.right = right;
    d.order = run->order + leaf->first;
    d.spare = run->spare + leaf->first;
    d.n = leaf->n;

    d.parts = leaf->n / MLOPS_GBDT_SHARED + 1;

    if (d.parts > mlops_gbdt_team_size(run->team)) {
        d.parts = mlops_gbdt_team_size(run->team);
    }

    if (d.parts > MLOPS_GBDT_PARTS) {
        d.parts = MLOPS_GBDT_PARTS;
    }

    if (d.parts == 1) {
        return mlops_gbdt_divide(d.order, d.spare, d.n, d.column, right);
    }

    d.each = d.n / d.parts + 1;

    mlops_gbdt_team_run(run->team, mlops_gbdt_divide_part, &d, d.parts);

    left = 0;

    for (i = 0; i < d.parts; i++) {
        d.to_left[i] = left;
        left += d.left[i];
    }

    at = left;

    for (i = 0; i < d.parts; i++) {
        d.to_right[i] = at;
        at += (d.n - i * d.each < d.each ? d.n - i * d.each : d.each)
              - d.left[i];
    }

    mlops_gbdt_team_run(run->team, mlops_gbdt_place_part, &d, d.parts);

    return left;
}


/* Both places are written, one is kept. */

static uint64_t
mlops_gbdt_divide(uint32_t *order, uint32_t *spare, uint64_t n,
    const uint8_t *column, const uint8_t *right)
{
    uint32_t  row;
    uint64_t  i, l, r;

    l = 0;
    r = 0;

    for (i = 0; i < n; i++) {
        row = order[i];

        order[l] = row;
        spare[r] = row;

        r += right[column[row]];
        l = i + 1 - r;
    }

    memcpy(order + l, spare, r * sizeof(*order));

    return l;
}


static void
mlops_gbdt_divide_part(void *ctx, uint64_t part, uint32_t worker)
{
    uint32_t              row, *spare;
    uint64_t              i, first, n, l, r;
    mlops_gbdt_divide_t  *d;

    (void) worker;

    d = ctx;
    first = part * d->each;
    n = d->n - first < d->each ? d->n - first : d->each;
    spare = d->spare + first;
    l = 0;
    r = 0;

    for (i = 0; i < n; i++) {
        row = d->order[first + i];

        if (d->right[d->column[row]]) {
            spare[n - ++r] = row;

        } else {
            spare[l++] = row;
        }
    }

    d->left[part] = l;
}


static void
mlops_gbdt_place_part(void *ctx, uint64_t part, uint32_t worker)
{
    uint32_t              *to;
    uint64_t               i, first, n, l;
    const uint32_t        *spare;
    mlops_gbdt_divide_t   *d;

    (void) worker;

    d = ctx;
    first = part * d->each;
    n = d->n - first < d->each ? d->n - first : d->each;
    spare = d->spare + first;
    l = d->left[part];

    memcpy(d->order + d->to_left[part], spare, l * sizeof(*spare));

    to = d->order + d->to_right[part];

    for (i = 0; i < n - l; i++) {
        to[i] = spare[n - 1 - i];
    }
}
