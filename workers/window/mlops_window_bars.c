/*
 * Bars, and open, high, low and close of the last one that is closed.
 */

#include "mlops_window_bars.h"


typedef struct {
    uint64_t      n;
    mlops_cell_t  cell;
} mlops_folded_cell_t;


void
mlops_bars_reset(const mlops_window_op_t *op, void *state)
{
    uint32_t  i;

    ((mlops_bars_t *) state)->newest = MLOPS_NO_TILE;

    for (i = 0; i < op->clock.tiles; i++) {
        ((mlops_bar_t *) mlops_bars_slot(op, state, i))->number =
                                                              MLOPS_NO_TILE;
    }
}


/* Bars from the oldest that has a place on, numbers below end. */

static void
mlops_bars_range(mlops_bars_walk_t *walk, const mlops_window_op_t *op,
    const void *state, int64_t end)
{
    const mlops_bars_t  *bars;

    bars = state;

    walk->op = op;
    walk->state = state;
    walk->slot = 0;
    walk->end = MLOPS_NO_TILE;
    walk->number = 0;

    if (bars->newest == MLOPS_NO_TILE) {
        return;
    }

    walk->number = bars->newest - op->clock.tiles + 1;
    walk->end = end > bars->newest ? bars->newest + 1 : end;
    walk->slot = (uint32_t) mlops_floor_mod(walk->number, op->clock.tiles);
}


void
mlops_bars_walk(mlops_bars_walk_t *walk, const mlops_window_op_t *op,
    const void *state, const mlops_reach_t *reach)
{
    mlops_bars_range(walk, op, state, reach->pos);
}


const void *
mlops_bars_step(mlops_bars_walk_t *walk)
{
    int64_t             number;
    const mlops_bar_t  *bar;

    while (walk->number < walk->end) {
        number = walk->number++;
        bar = mlops_bars_slot(walk->op, walk->state, walk->slot);

        if (++walk->slot == walk->op->clock.tiles) {
            walk->slot = 0;
        }

        if (bar->number == number) {
            return bar;
        }
    }

    return NULL;
}


void *
mlops_bars_touch(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, mlops_bars_fold_pt fold, int *fresh)
{
    const void         *old;
    mlops_bar_t        *bar;
    mlops_bars_t       *bars;
    mlops_bars_walk_t   walk;

    bars = state;

    if (bars->newest == MLOPS_NO_TILE) {
        bars->newest = tick->tile;

    } else if (tick->tile > bars->newest) {

        mlops_bars_range(&walk, op, state, tick->tile - op->clock.tiles + 1);

        while ((old = mlops_bars_step(&walk)) != NULL) {
            fold(op, mlops_bars_folded(op, state), old);
        }

        bars->newest = tick->tile;

    } else if (bars->newest - tick->tile >= op->clock.tiles) {
        return NULL;
    }

    bar = mlops_bars_slot(op, state, tick->slot);

    *fresh = bar->number != tick->tile;
    bar->number = tick->tile;

    return bar;
}


/* The open bar closes at its end. */

int64_t
mlops_bars_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    const mlops_bars_t  *bars;

    bars = state;

    if (bars->newest == MLOPS_NO_TILE || bars->newest < reach->pos) {
        return INT64_MAX;
    }

    return mlops_clock_start(&op->clock, bars->newest + 1);
}


void
mlops_bar_close(const mlops_window_op_t *op, mlops_bar_close_t *bar,
    int fresh, const mlops_event_t *event, mlops_cell_t cell)
{
    if (fresh || !mlops_record_before(event, &bar->record)) {
        mlops_record_set(op, &bar->record, event, cell);
    }
}


/* ---- open, close ---- */


static void
mlops_bars_fold_close(const mlops_window_op_t *op, void *folded,
    const void *bar)
{
    mlops_folded_cell_t  *cell;

    (void) op;

    cell = folded;
    cell->n++;
    cell->cell = ((const mlops_bar_close_t *) bar)->close;
}


static void
mlops_bars_open_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int                 fresh;
    mlops_bar_close_t  *bar;

    bar = mlops_bars_touch(op, state, tick, mlops_bars_fold_close, &fresh);

    if (bar && (fresh || mlops_record_before(event, &bar->record))) {
        mlops_record_set(op, &bar->record, event, cell);
    }
}


static void
mlops_bars_close_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int                 fresh;
    mlops_bar_close_t  *bar;

    bar = mlops_bars_touch(op, state, tick, mlops_bars_fold_close, &fresh);

    if (bar) {
        mlops_bar_close(op, bar, fresh, event, cell);
    }
}


/* ---- high, low; -0 counts as 0 ---- */


static void
mlops_bars_fold_extreme(const mlops_window_op_t *op, void *folded,
    const void *bar)
{
    mlops_folded_cell_t  *cell;

    (void) op;

    cell = folded;
    cell->n++;
    cell->cell = ((const mlops_bar_extreme_t *) bar)->extreme;
}


static void
mlops_bars_extreme_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int                   fresh, more;
    mlops_bar_extreme_t  *bar;

    (void) event;

    bar = mlops_bars_touch(op, state, tick, mlops_bars_fold_extreme, &fresh);

    if (bar == NULL) {
        return;
    }

    if (op->cell_kind == MLOPS_CELL_INT) {
        more = (cell.i > bar->extreme.i) - (cell.i < bar->extreme.i);

    } else {
        cell.f += 0.0;
        more = (cell.f > bar->extreme.f) - (cell.f < bar->extreme.f);
    }

    if (fresh
        || (op->feature->func == MLOPS_FUNC_HIGH ? more > 0 : more < 0))
    {
        bar->extreme = cell;
    }
}


/* ---- the value of all four ---- */


static void
mlops_bars_cell_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    const void           *bar;
    mlops_bars_fold_pt    fold;
    mlops_bars_walk_t     walk;
    mlops_folded_cell_t   folded;

    memcpy(&folded, mlops_bars_folded(op, state), sizeof(folded));

    fold = op->feature->func == MLOPS_FUNC_OPEN
           || op->feature->func == MLOPS_FUNC_CLOSE ? mlops_bars_fold_close
                                                    : mlops_bars_fold_extreme;

    mlops_bars_walk(&walk, op, state, reach);

    while ((bar = mlops_bars_step(&walk)) != NULL) {
        fold(op, &folded, bar);
    }

    if (folded.n == 0) {
        mlops_out_none(out, op, op->column);
        return;
    }

    mlops_out_cell(out, op, op->column, folded.cell);
}


void
mlops_window_bar_kind(mlops_window_op_t *op)
{
    op->kind.value = mlops_bars_cell_value;
    op->kind.next = mlops_bars_next;
    op->kind.reset = mlops_bars_reset;

    switch (op->feature->func) {

    case MLOPS_FUNC_OPEN:
        op->kind.apply = mlops_bars_open_apply;
        break;

    case MLOPS_FUNC_CLOSE:
        op->kind.apply = mlops_bars_close_apply;
        break;

    case MLOPS_FUNC_HIGH:
    case MLOPS_FUNC_LOW:
        op->kind.apply = mlops_bars_extreme_apply;
        break;

    default:
        mlops_window_indicator_kind(op);
    }
}
