/*
 * decayed_sum: values that lose half their weight every half_life.
 *
 * It is evaluated at hops, so that a row is good until the next one: with
 * b = floor(q, hop) and the events of ts < q that the window covers,
 *
 *     sum of x 2^-(max(b - ts, 0) / half_life)
 *
 * An event counts fully from the moment it comes until the hop in which it
 * lies has passed, and by its age at the last boundary after that.  hop is
 * half_life / 12 where the view names none.  Once b is 64 half lives behind
 * the end of the newest tile the sum is 0, and does not change any more.
 *
 * All time: the sum of everything before the newest tile, decayed to that
 * tile's start, and of the tile itself as it is and decayed to its end.  A
 * window: the latter two for each tile.
 */

#include "mlops_window_part.h"


#define MLOPS_HALF_LIVES  64


typedef struct {
    double  open;
    double  closed;
} mlops_decay_tile_t;


/* The weight of something that is us old, us at least 0. */

static inline double
mlops_decay_weight(const mlops_window_op_t *op, double us)
{
    return exp2(-us / (double) op->feature->half_life_us);
}


static inline double
mlops_decay_hops(const mlops_window_op_t *op, int64_t hops)
{
    return (double) hops * (double) op->clock.hop;
}


/* ---- all time ---- */


/* The sum at the start of tile pos, which is behind the newest one. */

static double
mlops_decay_at(const mlops_window_op_t *op, const mlops_decay_t *decay,
    int64_t pos)
{
    int64_t  hops;

    hops = pos - decay->newest;

    return decay->past * mlops_decay_weight(op, mlops_decay_hops(op, hops))
           + decay->closed
             * mlops_decay_weight(op, mlops_decay_hops(op, hops - 1));
}


static int
mlops_decay_gone(const mlops_window_op_t *op, const mlops_decay_t *decay,
    int64_t pos)
{
    return mlops_decay_hops(op, pos - decay->newest - 1)
           >= MLOPS_HALF_LIVES * (double) op->feature->half_life_us;
}


static void
mlops_decay_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    double          x, start;
    mlops_decay_t  *decay;

    decay = state;
    x = mlops_cell_number(op->cell_kind, cell, 1);

    if (tick->tile > decay->newest) {

        if (decay->newest != MLOPS_NO_TILE) {
            decay->past = mlops_decay_at(op, decay, tick->tile);
        }

        decay->newest = tick->tile;
        decay->open = 0;
        decay->closed = 0;
    }

    start = (double) (mlops_clock_start(&op->clock, decay->newest)
                      - event->ts_us);

    if (tick->tile == decay->newest) {
        decay->open += x;
        decay->closed += x * mlops_decay_weight(op, start
                                                 + (double) op->clock.hop);

    } else {
        decay->past += x * mlops_decay_weight(op, start);
    }
}


static void
mlops_decay_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    double                sum;
    const mlops_decay_t  *decay;

    decay = state;

    if (decay->newest == MLOPS_NO_TILE) {
        sum = 0;

    } else if (reach->pos <= decay->newest) {
        sum = decay->past + decay->open;

    } else if (mlops_decay_gone(op, decay, reach->pos)) {
        sum = 0;

    } else {
        sum = mlops_decay_at(op, decay, reach->pos);
    }

    mlops_out_double(out, op, op->column, sum);
}


static int64_t
mlops_decay_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    const mlops_decay_t  *decay;

    decay = state;

    if (decay->newest == MLOPS_NO_TILE
        || (decay->past == 0 && decay->open == 0 && decay->closed == 0)
        || mlops_decay_gone(op, decay, reach->pos))
    {
        return INT64_MAX;
    }

    return mlops_clock_start(&op->clock, reach->pos + 1);
}


static void
mlops_decay_reset(const mlops_window_op_t *op, void *state)
{
    (void) op;

    ((mlops_decay_t *) state)->newest = MLOPS_NO_TILE;
}


/* ---- a window ---- */


static void
mlops_decay_tile_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int                  fresh;
    double               x, age;
    mlops_decay_tile_t  *tile;

    tile = mlops_tiles_touch(op, state, tick, &fresh);

    if (tile == NULL) {
        return;
    }

    if (fresh) {
        memset(tile, 0, sizeof(mlops_decay_tile_t));
    }

    x = mlops_cell_number(op->cell_kind, cell, 1);
    age = (double) (tick->start_us - event->ts_us) + (double) op->clock.hop;

    tile->open += x;
    tile->closed += x * mlops_decay_weight(op, age);
}


/* The number of a tile follows from the oldest one's and the slots. */

static void
mlops_decay_tile_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    double               sum;
    int64_t              oldest, number, hops;
    uint32_t             i, n, slots[MLOPS_TILES_MAX];
    mlops_decay_tile_t  *tile;

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);
    sum = 0;

    for (i = 0; i < n; i++) {
        tile = (mlops_decay_tile_t *) mlops_tiles_slot(op, state, slots[i]);

        number = oldest + (slots[i] + op->clock.tiles - slots[n - 1])
                          % op->clock.tiles;
        hops = reach->pos - number;

        sum += hops <= 0 ? tile->open
               : tile->closed
                 * mlops_decay_weight(op, mlops_decay_hops(op, hops - 1));
    }

    mlops_out_double(out, op, op->column, sum);
}


static int64_t
mlops_decay_tile_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    int64_t  oldest;

    if (mlops_tiles_oldest(state, reach, &oldest)) {
        return mlops_clock_start(&op->clock, reach->pos + 1);
    }

    return mlops_tiles_next(op, state, reach);
}


void
mlops_window_decay_kind(mlops_window_op_t *op)
{
    const mlops_plan_feature_t  *feature;

    feature = op->feature;

    if (feature->span != MLOPS_SPAN_ALL) {
        op->kind.apply = mlops_decay_tile_apply;
        op->kind.value = mlops_decay_tile_value;
        op->kind.next = mlops_decay_tile_next;
        op->kind.reset = mlops_tiles_reset;
        return;
    }

    op->clock.hop = feature->hop_us > 0 ? feature->hop_us
                    : feature->half_life_us >= 12
                      ? feature->half_life_us / 12 : 1;

    op->kind.apply = mlops_decay_apply;
    op->kind.value = mlops_decay_value;
    op->kind.next = mlops_decay_next;
    op->kind.reset = mlops_decay_reset;
}
