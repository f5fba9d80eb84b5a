/*
 * quantile: DDSketch, a sketch for each tile (Masson, Rim and Lee, "DDSketch:
 * a fast and fully-mergeable quantile sketch with relative-error guarantees",
 * PVLDB 12, 2019).
 *
 * With a = 0.01 and g = (1 + a) / (1 - a), the value x > 0 falls into bucket
 * i = ceil(log_g x), (g^(i-1), g^i], which stands for 2 g^i / (g + 1): at
 * most 1 % of x away.  Negative values have buckets by their magnitude,
 * zeros a counter of their own.
 *
 * A tile has room for `bins` buckets of both signs together.  Where more
 * would be needed those of the lowest magnitude are collapsed: everything
 * below bucket `low` counts in bucket `low` of its sign.  low is the least
 * number at which all buckets fit; it depends on the greatest magnitude of
 * each sign alone, so that neither the order of values nor that of merges
 * changes a sketch.  512 bins of one sign span g^512, a ratio of 28,000;
 * what is smaller than the greatest value by more than that is not within
 * 1 %.
 *
 * Buckets of positive values are at [i - low], those of negative ones at
 * [bins - 1 - (i - low)].
 *
 * The p-quantile of n values is the one of rank floor(p (n - 1)), from 0, in
 * order: as in the paper, the lower quantile.
 */

#include "mlops_window_part.h"

#include <float.h>


#define MLOPS_QUANTILE_LN     0.020000666706669435      /* of g */
#define MLOPS_QUANTILE_HALF   0.010050335853501440      /* of (g + 1) / 2 */

#define MLOPS_NO_BUCKET       INT32_MIN


typedef struct {
    uint64_t  zeros;
    int32_t   top[2];           /* of positive values, of negative ones */
} mlops_sketch_t;


static inline uint32_t *
mlops_sketch_bins(const mlops_sketch_t *sketch)
{
    return (uint32_t *) (sketch + 1);
}


static int32_t
mlops_sketch_low(const int32_t top[2], int32_t bins)
{
    int32_t  less, more, low;

    if (top[0] == MLOPS_NO_BUCKET || top[1] == MLOPS_NO_BUCKET) {
        return (top[0] > top[1] ? top[0] : top[1]) - bins + 1;
    }

    more = top[0] > top[1] ? top[0] : top[1];
    less = top[0] > top[1] ? top[1] : top[0];

    /* one bucket for the lesser sign, or as many for both */

    low = more - bins + 2;

    if (low < less) {
        low = (more + less + 3 - bins) >> 1;
    }

    return low;
}


/* The place of a bucket. */

static inline int32_t
mlops_sketch_place(int sign, int32_t i, int32_t low, int32_t bins)
{
    i = i > low ? i - low : 0;

    return sign ? bins - 1 - i : i;
}


static inline uint32_t
mlops_sketch_plus(uint32_t a, uint64_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + (uint32_t) b;
}


/* low rises by d: buckets of the sign move down and the lowest are added. */

static void
mlops_sketch_rise(mlops_sketch_t *sketch, int sign, int32_t low, int64_t d,
    int32_t bins)
{
    int32_t    i, n, from, to;
    uint32_t  *bin, count;

    if (d <= 0 || sketch->top[sign] == MLOPS_NO_BUCKET) {
        return;
    }

    bin = mlops_sketch_bins(sketch);
    n = sketch->top[sign] > low ? sketch->top[sign] - low : 0;

    for (i = 1; i <= n; i++) {
        from = mlops_sketch_place(sign, i, 0, bins);
        to = mlops_sketch_place(sign, i > d ? (int32_t) (i - d) : 0, 0, bins);

        count = bin[from];
        bin[from] = 0;
        bin[to] = mlops_sketch_plus(bin[to], count);
    }
}


static void
mlops_sketch_add(mlops_sketch_t *sketch, int32_t bins, double x)
{
    int        sign;
    int32_t    i, low, was, top[2];
    uint32_t  *bin;

    if (x == 0) {
        sketch->zeros++;
        return;
    }

    sign = x < 0;
    i = (int32_t) ceil(log(fabs(x)) / MLOPS_QUANTILE_LN);

    if (i > sketch->top[sign]) {
        top[sign] = i;
        top[!sign] = sketch->top[!sign];

        if (sketch->top[0] != MLOPS_NO_BUCKET
            || sketch->top[1] != MLOPS_NO_BUCKET)
        {
            was = mlops_sketch_low(sketch->top, bins);
            low = mlops_sketch_low(top, bins);

            mlops_sketch_rise(sketch, 0, was, (int64_t) low - was, bins);
            mlops_sketch_rise(sketch, 1, was, (int64_t) low - was, bins);
        }

        sketch->top[sign] = i;
    }

    low = mlops_sketch_low(sketch->top, bins);
    bin = &mlops_sketch_bins(sketch)[mlops_sketch_place(sign, i, low, bins)];

    *bin = mlops_sketch_plus(*bin, 1);
}


static void
mlops_quantile_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int              fresh;
    mlops_sketch_t  *sketch;

    (void) event;

    sketch = mlops_tiles_touch(op, state, tick, &fresh);

    if (sketch == NULL) {
        return;
    }

    if (fresh) {
        memset(sketch, 0, op->item);
        sketch->top[0] = MLOPS_NO_BUCKET;
        sketch->top[1] = MLOPS_NO_BUCKET;
    }

    mlops_sketch_add(sketch, (int32_t) op->feature->bins,
                     mlops_cell_number(op->cell_kind, cell, 1));
}


/* ---- values ---- */


/* Several sketches as one. */

typedef struct {
    uint64_t  n;
    uint64_t  zeros;
    int32_t   top[2];
    int32_t   low;
    int32_t   bins;
    uint64_t  bin[MLOPS_BINS_MAX];
} mlops_union_t;


static void
mlops_union_add(mlops_union_t *all, const mlops_sketch_t *sketch)
{
    int        sign;
    int32_t    i, low, place;
    uint32_t   count;

    all->zeros += sketch->zeros;
    all->n += sketch->zeros;

    if (sketch->top[0] == MLOPS_NO_BUCKET
        && sketch->top[1] == MLOPS_NO_BUCKET)
    {
        return;
    }

    low = mlops_sketch_low(sketch->top, all->bins);

    for (sign = 0; sign < 2; sign++) {
        if (sketch->top[sign] == MLOPS_NO_BUCKET) {
            continue;
        }

        i = sketch->top[sign] > low ? sketch->top[sign] : low;

        for ( /* void */ ; i >= low; i--) {
            place = mlops_sketch_place(sign, i, low, all->bins);
            count = mlops_sketch_bins(sketch)[place];

            place = mlops_sketch_place(sign, i, all->low, all->bins);
            all->bin[place] += count;
            all->n += count;
        }
    }
}


/* What a bucket stands for; that of the greatest numbers would be beyond a
 * double. */

static double
mlops_bucket_value(int32_t i)
{
    double  x;

    x = exp(i * MLOPS_QUANTILE_LN - MLOPS_QUANTILE_HALF);

    return isinf(x) ? DBL_MAX : x;
}


static double
mlops_union_rank(const mlops_union_t *all, uint64_t rank)
{
    int32_t   i, top;
    uint64_t  seen;

    seen = 0;

    /* the greatest magnitude is the least value */

    if (all->top[1] != MLOPS_NO_BUCKET) {
        i = all->top[1] > all->low ? all->top[1] : all->low;

        for ( /* void */ ; i >= all->low; i--) {
            seen += all->bin[mlops_sketch_place(1, i, all->low, all->bins)];

            if (seen > rank) {
                return -mlops_bucket_value(i);
            }
        }
    }

    seen += all->zeros;

    if (seen > rank) {
        return 0;
    }

    top = all->top[0] > all->low ? all->top[0] : all->low;

    for (i = all->low; i < top; i++) {
        seen += all->bin[mlops_sketch_place(0, i, all->low, all->bins)];

        if (seen > rank) {
            break;
        }
    }

    return mlops_bucket_value(i);
}


static void
mlops_quantile_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    int              sign;
    int64_t          oldest;
    uint32_t         i, n, slots[MLOPS_TILES_MAX];
    mlops_union_t    all;
    mlops_sketch_t  *sketch;

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);

    if (n == 0) {
        mlops_out_none(out, op, op->column);
        return;
    }

    all.n = 0;
    all.zeros = 0;
    all.low = 0;
    all.bins = (int32_t) op->feature->bins;
    all.top[0] = MLOPS_NO_BUCKET;
    all.top[1] = MLOPS_NO_BUCKET;
    memset(all.bin, 0, all.bins * sizeof(all.bin[0]));

    for (i = 0; i < n; i++) {
        sketch = (mlops_sketch_t *) mlops_tiles_slot(op, state, slots[i]);

        for (sign = 0; sign < 2; sign++) {
            if (sketch->top[sign] > all.top[sign]) {
                all.top[sign] = sketch->top[sign];
            }
        }
    }

    if (all.top[0] != MLOPS_NO_BUCKET || all.top[1] != MLOPS_NO_BUCKET) {
        all.low = mlops_sketch_low(all.top, all.bins);
    }

    for (i = 0; i < n; i++) {
        mlops_union_add(&all, (mlops_sketch_t *)
                              mlops_tiles_slot(op, state, slots[i]));
    }

    mlops_out_double(out, op, op->column,
                     mlops_union_rank(&all, (uint64_t)
                         floor(op->feature->p * (double) (all.n - 1))));
}


void
mlops_window_quantile_kind(mlops_window_op_t *op)
{
    op->kind.apply = mlops_quantile_apply;
    op->kind.value = mlops_quantile_value;
    op->kind.next = mlops_tiles_next;
    op->kind.reset = mlops_tiles_reset;
}
