/*
 * Functions whose tile is a few numbers: count, rate, sum, mean, min, max,
 * variance, std; and what all rings have in common.
 *
 * Sums of doubles are double-doubles: high + low, where low is what rounding
 * took from high (Knuth's two-sum; Hida, Li and Bailey, "Library for
 * double-double and quad-double arithmetic", 2007).  Tiles are added up with
 * the errors aside and rounded once at the end (Sum2 of Ogita, Rump and
 * Oishi, "Accurate sum and dot product", 2005): as exact, and three times as
 * fast as normalizing after each.  Sums of int64 fields are 128-bit integers
 * and exact.
 *
 * Variance is kept as n, mean and M2, the sum of squared distances from the
 * mean: Welford's update for an event, and for two tiles Chan, Golub and
 * LeVeque, "Updating formulae and a pairwise algorithm for computing sample
 * variances", 1979:
 *
 *     d = mean_b - mean_a                  n = n_a + n_b
 *     mean = mean_a + d n_b / n            M2 = M2_a + M2_b + d^2 n_a n_b / n
 */

#include "mlops_window_part.h"


typedef struct {
    double  high;
    double  low;
} mlops_sum_t;


typedef struct {
    uint64_t     n;
    mlops_sum_t  sum;           /* or the bytes of a 128-bit integer */
} mlops_mean_t;


typedef struct {
    uint64_t  n;
    double    mean;
    double    m2;
} mlops_moments_t;


/* ---- rings ---- */


void
mlops_tiles_reset(const mlops_window_op_t *op, void *state)
{
    (void) op;

    ((mlops_tiles_t *) state)->newest = MLOPS_NO_TILE;
}


int64_t
mlops_tiles_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    int64_t               next, oldest, shown;
    const mlops_tiles_t  *ring;

    ring = state;

    if (op->clock.hop == 0 || ring->newest == MLOPS_NO_TILE) {
        return INT64_MAX;
    }

    next = INT64_MAX;

    if (mlops_tiles_oldest(ring, reach, &oldest)) {
        next = mlops_clock_start(&op->clock, oldest + 1 + op->clock.hops);
    }

    if (ring->newest > reach->hi) {
        shown = mlops_clock_start(&op->clock, ring->newest + 1);
        next = shown < next ? shown : next;
    }

    return next;
}


/* ---- double-doubles ---- */


static inline void
mlops_sum_add(mlops_sum_t *sum, double x)
{
    double  s, b, e;

    s = sum->high + x;
    b = s - sum->high;
    e = (sum->high - (s - b)) + (x - b) + sum->low;

    sum->high = s + e;
    sum->low = e - (sum->high - s);
}


/* Adds a cell, whatever it is a sum of. */

static inline void
mlops_total_add(const mlops_window_op_t *op, mlops_sum_t *sum,
    mlops_cell_t cell)
{
    __int128  total;

    if (op->cell_kind != MLOPS_CELL_INT) {
        mlops_sum_add(sum, cell.f);
        return;
    }

    memcpy(&total, sum, sizeof(total));
    total += cell.i;
    memcpy(sum, &total, sizeof(total));
}


/* The sums of some tiles, which stand off bytes behind their start. */

static double
mlops_total_double(const mlops_window_op_t *op, const void *state,
    const uint32_t *slots, uint32_t n, size_t off)
{
    double              high, low, s, b;
    uint32_t            i;
    const mlops_sum_t  *sum;

    high = 0;
    low = 0;

    for (i = 0; i < n; i++) {
        sum = (mlops_sum_t *) (mlops_tiles_slot(op, state, slots[i]) + off);

        s = high + sum->high;
        b = s - high;
        low += ((high - (s - b)) + (sum->high - b)) + sum->low;
        high = s;
    }

    return high + low;
}


static __int128
mlops_total_int(const mlops_window_op_t *op, const void *state,
    const uint32_t *slots, uint32_t n, size_t off)
{
    __int128  total, sum;
    uint32_t  i;

    total = 0;

    for (i = 0; i < n; i++) {
        memcpy(&sum, mlops_tiles_slot(op, state, slots[i]) + off,
               sizeof(sum));
        total += sum;
    }

    return total;
}


/* ---- count, rate ---- */


static void
mlops_count_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int        fresh;
    uint64_t  *n;

    (void) event;
    (void) cell;

    n = mlops_tiles_touch(op, state, tick, &fresh);

    if (n) {
        *n = fresh ? 1 : *n + 1;
    }
}


static uint64_t
mlops_count_total(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    int64_t   oldest;
    uint32_t  i, n, slots[MLOPS_TILES_MAX];
    uint64_t  total;

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);
    total = 0;

    for (i = 0; i < n; i++) {
        total += *(uint64_t *) mlops_tiles_slot(op, state, slots[i]);
    }

    return total;
}


static void
mlops_count_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    mlops_out_int(out, op, op->column, mlops_count_total(op, state, reach));
}


static void
mlops_rate_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    mlops_out_double(out, op, op->column,
                     (double) mlops_count_total(op, state, reach)
                     / op->seconds);
}


/* ---- sum ---- */


static void
mlops_sum_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int           fresh;
    mlops_sum_t  *sum;

    (void) event;

    sum = mlops_tiles_touch(op, state, tick, &fresh);

    if (sum == NULL) {
        return;
    }

    if (fresh) {
        memset(sum, 0, sizeof(mlops_sum_t));
    }

    mlops_total_add(op, sum, cell);
}


static void
mlops_sum_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    int64_t   oldest;
    uint32_t  n, slots[MLOPS_TILES_MAX];

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);

    if (op->cell_kind == MLOPS_CELL_INT) {
        mlops_out_int(out, op, op->column,
                      mlops_total_int(op, state, slots, n, 0));

    } else {
        mlops_out_double(out, op, op->column,
                         mlops_total_double(op, state, slots, n, 0));
    }
}


/* ---- mean ---- */


static void
mlops_mean_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int            fresh;
    mlops_mean_t  *mean;

    (void) event;

    mean = mlops_tiles_touch(op, state, tick, &fresh);

    if (mean == NULL) {
        return;
    }

    if (fresh) {
        memset(mean, 0, sizeof(mlops_mean_t));
    }

    mean->n++;
    mlops_total_add(op, &mean->sum, cell);
}


static void
mlops_mean_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    double         sum;
    size_t         off;
    int64_t        oldest;
    uint32_t       i, n, slots[MLOPS_TILES_MAX];
    uint64_t       values;

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);

    if (n == 0) {
        mlops_out_none(out, op, op->column);
        return;
    }

    values = 0;
    off = offsetof(mlops_mean_t, sum);

    for (i = 0; i < n; i++) {
        values += ((mlops_mean_t *) mlops_tiles_slot(op, state, slots[i]))->n;
    }

    sum = op->cell_kind == MLOPS_CELL_INT
          ? (double) mlops_total_int(op, state, slots, n, off)
          : mlops_total_double(op, state, slots, n, off);

    mlops_out_double(out, op, op->column, sum / (double) values);
}


/* ---- min, max; -0 counts as 0 ---- */


static inline int
mlops_extreme_better(const mlops_window_op_t *op, mlops_cell_t a,
    mlops_cell_t b)
{
    int  less;

    if (op->cell_kind == MLOPS_CELL_INT) {
        less = a.i < b.i ? 1 : (a.i > b.i ? -1 : 0);

    } else {
        less = a.f < b.f ? 1 : (a.f > b.f ? -1 : 0);
    }

    return op->feature->func == MLOPS_FUNC_MIN ? less > 0 : less < 0;
}


static void
mlops_extreme_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int            fresh;
    mlops_cell_t  *best;

    (void) event;

    best = mlops_tiles_touch(op, state, tick, &fresh);

    if (best == NULL) {
        return;
    }

    if (op->cell_kind == MLOPS_CELL_DOUBLE) {
        cell.f += 0.0;
    }

    if (fresh || mlops_extreme_better(op, cell, *best)) {
        *best = cell;
    }
}


static void
mlops_extreme_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    int64_t        oldest;
    uint32_t       i, n, slots[MLOPS_TILES_MAX];
    mlops_cell_t   best, *cell;

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);

    if (n == 0) {
        mlops_out_none(out, op, op->column);
        return;
    }

    best = *(mlops_cell_t *) mlops_tiles_slot(op, state, slots[0]);

    for (i = 1; i < n; i++) {
        cell = (mlops_cell_t *) mlops_tiles_slot(op, state, slots[i]);

        if (mlops_extreme_better(op, *cell, best)) {
            best = *cell;
        }
    }

    mlops_out_cell(out, op, op->column, best);
}


/* ---- variance, std ---- */


static void
mlops_moments_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int               fresh;
    double            x, d;
    mlops_moments_t  *m;

    (void) event;

    m = mlops_tiles_touch(op, state, tick, &fresh);

    if (m == NULL) {
        return;
    }

    if (fresh) {
        memset(m, 0, sizeof(mlops_moments_t));
    }

    x = mlops_cell_number(op->cell_kind, cell, 1);
    d = x - m->mean;

    m->n++;
    m->mean += d / (double) m->n;
    m->m2 += d * (x - m->mean);
}


static void
mlops_moments_merge(mlops_moments_t *a, const mlops_moments_t *b)
{
    double    d;
    uint64_t  n;

    n = a->n + b->n;
    d = b->mean - a->mean;

    a->mean += d * ((double) b->n / (double) n);
    a->m2 += b->m2 + d * d * ((double) a->n * (double) b->n / (double) n);
    a->n = n;
}


static void
mlops_moments_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    double           variance;
    int64_t          oldest;
    uint32_t         i, n, slots[MLOPS_TILES_MAX];
    mlops_moments_t  total;

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);
    memset(&total, 0, sizeof(total));

    for (i = 0; i < n; i++) {
        mlops_moments_merge(&total, (mlops_moments_t *)
                                    mlops_tiles_slot(op, state, slots[i]));
    }

    if (total.n < 2) {
        mlops_out_none(out, op, op->column);
        return;
    }

    variance = total.m2 / (double) (total.n - 1);

    mlops_out_double(out, op, op->column,
                     op->feature->func == MLOPS_FUNC_STD ? sqrt(variance)
                                                         : variance);
}


/* ---- the list ---- */


static const mlops_window_kind_t  mlops_tile_kinds[] = {

    [MLOPS_FUNC_COUNT] = { mlops_count_apply, mlops_count_value,
                           mlops_tiles_next, mlops_tiles_reset },
    [MLOPS_FUNC_SUM] = { mlops_sum_apply, mlops_sum_value,
                         mlops_tiles_next, mlops_tiles_reset },
    [MLOPS_FUNC_MEAN] = { mlops_mean_apply, mlops_mean_value,
                          mlops_tiles_next, mlops_tiles_reset },
    [MLOPS_FUNC_MIN] = { mlops_extreme_apply, mlops_extreme_value,
                         mlops_tiles_next, mlops_tiles_reset },
    [MLOPS_FUNC_MAX] = { mlops_extreme_apply, mlops_extreme_value,
                         mlops_tiles_next, mlops_tiles_reset },
    [MLOPS_FUNC_VARIANCE] = { mlops_moments_apply, mlops_moments_value,
                              mlops_tiles_next, mlops_tiles_reset },
    [MLOPS_FUNC_STD] = { mlops_moments_apply, mlops_moments_value,
                         mlops_tiles_next, mlops_tiles_reset },
    [MLOPS_FUNC_RATE] = { mlops_count_apply, mlops_rate_value,
                          mlops_tiles_next, mlops_tiles_reset }
};


void
mlops_window_tile_kind(mlops_window_op_t *op)
{
    op->kind = mlops_tile_kinds[op->feature->func];
}
