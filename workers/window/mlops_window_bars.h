/*
 * Bars: closed tumbling windows with at least one event.
 *
 * A state has the newest ceil(lateness / bar) + 2 bars by number, each with
 * its events counted in, and what all older ones have been folded into.  A
 * bar is folded when a newer one needs its place: by then no event that is
 * in time can belong to it.  A value folds a copy on, over the bars that are
 * closed at q.
 */

#ifndef MLOPS_WINDOW_BARS_H
#define MLOPS_WINDOW_BARS_H


#include "mlops_window_part.h"


typedef struct {
    int64_t   newest;
} mlops_bars_t;


typedef struct {
    int64_t  number;            /* MLOPS_NO_TILE: never used */
} mlops_bar_t;


/* The last event of a bar and, of stochastic, its extremes. */

typedef struct {
    mlops_bar_t          bar;
    mlops_record_head_t  record;
    mlops_cell_t         close;
} mlops_bar_close_t;

typedef struct {
    mlops_bar_close_t  last;
    double             high;
    double             low;
} mlops_bar_range_t;

typedef struct {
    mlops_bar_t   bar;
    mlops_cell_t  extreme;
} mlops_bar_extreme_t;


/* The closed bars of a state that are not folded, the oldest first. */

typedef struct {
    const mlops_window_op_t  *op;
    const char               *state;
    int64_t                   number;
    int64_t                   end;
    uint32_t                  slot;
} mlops_bars_walk_t;


static inline void *
mlops_bars_slot(const mlops_window_op_t *op, const void *state, uint32_t slot)
{
    return (char *) state + sizeof(mlops_bars_t) + (size_t) slot * op->item;
}


static inline void *
mlops_bars_folded(const mlops_window_op_t *op, const void *state)
{
    return mlops_bars_slot(op, state, op->clock.tiles);
}


static inline double
mlops_bar_number(const mlops_window_op_t *op, const mlops_bar_close_t *bar)
{
    return mlops_cell_number(op->cell_kind, bar->close, 1);
}


void mlops_bars_walk(mlops_bars_walk_t *walk, const mlops_window_op_t *op,
    const void *state, const mlops_reach_t *reach);
/* NULL: the end. */
const void *mlops_bars_step(mlops_bars_walk_t *walk);

int64_t mlops_bars_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach);
void mlops_bars_reset(const mlops_window_op_t *op, void *state);


/* What a function of bars does with one that will not change any more; NULL
 * where there is nothing to do. */
typedef void (*mlops_bars_fold_pt)(const mlops_window_op_t *op, void *folded,
    const void *bar);

/* The place of the event's bar, *fresh where it is garbage; NULL: it is
 * older than all.  Bars that lose their place are folded. */
void *mlops_bars_touch(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, mlops_bars_fold_pt fold, int *fresh);

/* Counts the event into a close: 1 where it is the last one. */
void mlops_bar_close(const mlops_window_op_t *op, mlops_bar_close_t *bar,
    int fresh, const mlops_event_t *event, mlops_cell_t cell);

void mlops_window_indicator_kind(mlops_window_op_t *op);


#endif /* MLOPS_WINDOW_BARS_H */
