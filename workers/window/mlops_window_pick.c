/*
 * first, last and last_k: values picked by their place in the order of
 * events, (ts, partition, offset).
 *
 * first needs the first event of every tile.  last does not: q is above all
 * that was applied, so that the newest event is in every sliding window that
 * reaches as far back as it.  A closed window ends before the newest tile,
 * and needs the newest event before that tile, too.
 */

#include "mlops_window_part.h"


/* The k newest of the newest tile and, behind them, of all before it; where
 * the window is not closed all are in the first list. */

typedef struct {
    uint32_t  n[2];
} mlops_newest_t;


void
mlops_record_set(const mlops_window_op_t *op, mlops_record_head_t *record,
    const mlops_event_t *event, mlops_cell_t cell)
{
    size_t       len;
    const char  *text;

    record->ts_us = event->ts_us;
    record->offset = event->offset;
    record->partition = event->partition;
    record->used = 1;

    if (op->type != MLOPS_TYPE_BYTES) {
        memcpy(record + 1, &cell, sizeof(cell));
        return;
    }

    len = cell.s.len;
    text = event->text + cell.s.off;

    /* a longer text is cut at the end of a character */

    if (len > op->feature->bytes) {
        len = op->feature->bytes;

        while (len > 0 && ((unsigned char) text[len] & 0xc0) == 0x80) {
            len--;
        }
    }

    record->used += (uint32_t) len;

    if (len) {
        memcpy(record + 1, text, len);
    }
}


static void
mlops_record_out(const mlops_window_op_t *op,
    const mlops_record_head_t *record, uint32_t column,
    mlops_window_out_t *out)
{
    uint32_t      len;
    mlops_cell_t  cell;

    if (op->type != MLOPS_TYPE_BYTES) {
        memcpy(&cell, record + 1, sizeof(cell));
        mlops_out_cell(out, op, column, cell);
        return;
    }

    len = record->used - 1;

    if (len) {
        memcpy(out->text + out->text_len, record + 1, len);
    }

    out->cells[column].s.off = out->text_len;
    out->cells[column].s.len = len;
    out->text_len += len;

    mlops_bit_set(out->present, column);
}


static inline mlops_record_head_t *
mlops_record_at(const mlops_window_op_t *op, const void *list, uint32_t i)
{
    return (mlops_record_head_t *) ((char *) list + (size_t) i * op->record);
}


/* ---- first ---- */


static void
mlops_first_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int                   fresh;
    mlops_record_head_t  *record;

    record = mlops_tiles_touch(op, state, tick, &fresh);

    if (record && (fresh || mlops_record_before(event, record))) {
        mlops_record_set(op, record, event, cell);
    }
}


static void
mlops_first_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    int64_t   oldest;
    uint32_t  n, slots[MLOPS_TILES_MAX];

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);

    if (n == 0) {
        mlops_out_none(out, op, op->column);
        return;
    }

    mlops_record_out(op, (mlops_record_head_t *)
                         mlops_tiles_slot(op, state, slots[n - 1]),
                     op->column, out);
}


/* ---- last ---- */


static void
mlops_last_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    mlops_record_head_t  *newest, *before;

    newest = state;
    before = mlops_record_at(op, state, 1);

    if (newest->used == 0) {
        mlops_record_set(op, newest, event, cell);
        return;
    }

    if (!mlops_record_before(event, newest)) {

        if (mlops_span_closed(op->clock.span)
            && newest->ts_us < tick->start_us)
        {
            memcpy(before, newest, op->record);
        }

        mlops_record_set(op, newest, event, cell);
        return;
    }

    if (mlops_span_closed(op->clock.span)
        && newest->ts_us - tick->start_us >= op->clock.hop
        && (before->used == 0 || !mlops_record_before(event, before)))
    {
        mlops_record_set(op, before, event, cell);
    }
}


/* The record that shows, or NULL. */

static const mlops_record_head_t *
mlops_last_shown(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    const mlops_record_head_t  *record;

    record = state;

    if (record->used && record->ts_us >= reach->to_us
        && mlops_span_closed(op->clock.span))
    {
        record = mlops_record_at(op, state, 1);
    }

    return record->used && record->ts_us >= reach->from_us ? record : NULL;
}


static void
mlops_last_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    const mlops_record_head_t  *record;

    record = mlops_last_shown(op, state, reach);

    if (record == NULL) {
        mlops_out_none(out, op, op->column);
        return;
    }

    mlops_record_out(op, record, op->column, out);
}


/* When an event of that time leaves the window. */

static int64_t
mlops_pick_leaves(const mlops_window_op_t *op, int64_t ts_us)
{
    return mlops_clock_start(&op->clock,
                             mlops_floor_div(ts_us, op->clock.hop) + 1
                             + op->clock.hops);
}


static int64_t
mlops_pick_shows(const mlops_window_op_t *op, int64_t ts_us)
{
    return mlops_clock_start(&op->clock,
                             mlops_floor_div(ts_us, op->clock.hop) + 1);
}


static int64_t
mlops_last_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    int64_t                     next, shown;
    const mlops_record_head_t  *record, *newest;

    if (op->clock.hop == 0) {
        return INT64_MAX;
    }

    next = INT64_MAX;
    newest = state;
    record = mlops_last_shown(op, state, reach);

    if (record) {
        next = mlops_pick_leaves(op, record->ts_us);
    }

    if (newest->used && newest != record && newest->ts_us >= reach->to_us) {
        shown = mlops_pick_shows(op, newest->ts_us);
        next = shown < next ? shown : next;
    }

    return next;
}


/* ---- last_k ---- */


static void *
mlops_newest_list(const mlops_window_op_t *op, const void *state, int list)
{
    return (char *) state + sizeof(mlops_newest_t)
           + (size_t) list * op->k * op->record;
}


/* Puts the event where it belongs; the oldest of a full list goes. */

static void
mlops_newest_insert(const mlops_window_op_t *op, void *list, uint32_t *n,
    const mlops_event_t *event, mlops_cell_t cell)
{
    uint32_t  i;

    for (i = 0; i < *n; i++) {
        if (!mlops_record_before(event, mlops_record_at(op, list, i))) {
            break;
        }
    }

    if (i == op->k) {
        return;
    }

    if (*n < op->k) {
        (*n)++;
    }

    memmove(mlops_record_at(op, list, i + 1), mlops_record_at(op, list, i),
            (size_t) (*n - i - 1) * op->record);
    mlops_record_set(op, mlops_record_at(op, list, i), event, cell);
}


/* What was the newest tile's now stands before it. */

static void
mlops_newest_close(const mlops_window_op_t *op, mlops_newest_t *newest)
{
    uint32_t  keep;

    keep = op->k - newest->n[0];
    keep = newest->n[1] < keep ? newest->n[1] : keep;

    memmove(mlops_record_at(op, mlops_newest_list(op, newest, 1),
                            newest->n[0]),
            mlops_newest_list(op, newest, 1), (size_t) keep * op->record);
    memcpy(mlops_newest_list(op, newest, 1),
           mlops_newest_list(op, newest, 0),
           (size_t) newest->n[0] * op->record);

    newest->n[1] = newest->n[0] + keep;
    newest->n[0] = 0;
}


static void
mlops_newest_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int                         list;
    mlops_newest_t             *newest;
    const mlops_record_head_t  *record;

    list = 0;
    newest = state;

    if (mlops_span_closed(op->clock.span) && newest->n[0]) {
        record = mlops_newest_list(op, state, 0);

        if (record->ts_us < tick->start_us) {
            mlops_newest_close(op, newest);

        } else if (record->ts_us - tick->start_us >= op->clock.hop) {
            list = 1;
        }
    }

    mlops_newest_insert(op, mlops_newest_list(op, state, list),
                        &newest->n[list], event, cell);
}


/* Those that show, the newest first; returns their number. */

static uint32_t
mlops_newest_shown(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach,
    const mlops_record_head_t *shown[MLOPS_LAST_K_MAX])
{
    int                         list;
    uint32_t                    i, n;
    const mlops_newest_t       *newest;
    const mlops_record_head_t  *record;

    n = 0;
    newest = state;

    for (list = 0; list < 1 + mlops_span_closed(op->clock.span); list++) {
        for (i = 0; i < newest->n[list] && n < op->k; i++) {
            record = mlops_record_at(op, mlops_newest_list(op, state, list),
                                     i);

            if (record->ts_us < reach->from_us) {
                return n;
            }

            if (record->ts_us < reach->to_us) {
                shown[n++] = record;
            }
        }
    }

    return n;
}


static void
mlops_newest_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    uint32_t                    i, n;
    const mlops_record_head_t  *shown[MLOPS_LAST_K_MAX];

    n = mlops_newest_shown(op, state, reach, shown);

    for (i = 0; i < n; i++) {
        mlops_record_out(op, shown[i], op->column + i, out);
    }

    for (; i < op->width; i++) {
        mlops_out_none(out, op, op->column + i);
    }
}


static int64_t
mlops_newest_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach)
{
    int64_t                     next, at;
    uint32_t                    n;
    const mlops_newest_t       *newest;
    const mlops_record_head_t  *shown[MLOPS_LAST_K_MAX], *record;

    if (op->clock.hop == 0) {
        return INT64_MAX;
    }

    next = INT64_MAX;
    newest = state;
    n = mlops_newest_shown(op, state, reach, shown);

    if (n) {
        next = mlops_pick_leaves(op, shown[n - 1]->ts_us);
    }

    record = mlops_newest_list(op, state, 0);

    if (newest->n[0] && record->ts_us >= reach->to_us) {
        at = mlops_pick_shows(op, record->ts_us);
        next = at < next ? at : next;
    }

    return next;
}


/* Where the window is not closed the end of it is q, and no event is at or
 * behind it. */

static const mlops_window_kind_t  mlops_first_kind = {
    mlops_first_apply, mlops_first_value, mlops_tiles_next, mlops_tiles_reset
};

static const mlops_window_kind_t  mlops_last_kind = {
    mlops_last_apply, mlops_last_value, mlops_last_next, NULL
};

static const mlops_window_kind_t  mlops_newest_kind = {
    mlops_newest_apply, mlops_newest_value, mlops_newest_next, NULL
};


void
mlops_window_pick_kind(mlops_window_op_t *op)
{
    op->kind = op->feature->func == MLOPS_FUNC_FIRST ? mlops_first_kind
               : op->feature->func == MLOPS_FUNC_LAST ? mlops_last_kind
               : mlops_newest_kind;
}
