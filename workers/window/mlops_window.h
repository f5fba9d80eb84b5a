/*
 * Windows: from the events of one entity to its feature values.
 *
 * A window program is compiled from a view once.  A state is state_bytes of
 * plain memory that belongs to the caller, holds no pointers, and may be
 * copied, written to a checkpoint and read back by the same definition.
 *
 * There is one function that computes values, mlops_window_value, for live
 * work, backfill and history; it is pure: the same state and the same q give
 * the same bits.  q is exclusive: every aggregation covers events with
 * ts < q.  Formulas, boundaries and the treatment of empty windows stand in
 * docs/features.md.
 *
 * Events may arrive in any order within a window; one that is older than all
 * that its window can still show changes nothing.  Ties in time are decided
 * by (partition, offset).  Callers keep q above the time of every event that
 * was applied and never let it go back.
 */

#ifndef MLOPS_WINDOW_H
#define MLOPS_WINDOW_H


#include "mlops_base.h"
#include "mlops_row.h"
#include "mlops_plan_view.h"


typedef struct mlops_window_s  mlops_window_t;


/* An event that has been accepted: cells of view->event. */

typedef struct {
    int64_t              ts_us;
    int64_t              offset;
    int32_t              partition;
    const mlops_cell_t  *cells;
    const uint64_t      *present;
    const char          *text;          /* of string cells */
} mlops_event_t;


/* The program refers to the view, which has to outlive it.  Memory is the
 * arena's.  It is used by one thread: it remembers on which tiles it was last,
 * since the next time is mostly on the same. */
mlops_window_t *mlops_window_create(const mlops_plan_view_t *view,
    mlops_arena_t *arena, mlops_err_t *err);

/* view->state_bytes bytes at state, 8-byte aligned, become those of an
 * entity without events. */
void mlops_window_reset(const mlops_window_t *window, void *state);

void mlops_window_apply(const mlops_window_t *window, void *state,
    const mlops_event_t *event);

/*
 * The values at q: view->row.n cells, presence bits, and strings in text,
 * which has room for mlops_window_text_size() bytes.  Doubles that do not
 * exist are NaN with their bit clear.
 */
void mlops_window_value(const mlops_window_t *window, const void *state,
    int64_t q, mlops_cell_t *cells, uint64_t *present, char *text);
size_t mlops_window_text_size(const mlops_window_t *window);

/* The first boundary above q at which a value may change without another
 * event; INT64_MAX where none will. */
int64_t mlops_window_next(const mlops_window_t *window, const void *state,
    int64_t q);

/* Both at once. */
int64_t mlops_window_value_next(const mlops_window_t *window,
    const void *state, int64_t q, mlops_cell_t *cells, uint64_t *present,
    char *text);

/* Takes over the features of from that have the same hash in window; the
 * others become as after a reset.  Column i of window's view has been taken
 * over where bit i of taken is set (may be NULL). */
void mlops_window_carry(const mlops_window_t *window, void *state,
    const mlops_window_t *from, const void *from_state, uint64_t *taken);

/* Does the event pass?  schema is view->event. */
int mlops_where_eval(const mlops_where_t *where,
    const mlops_schema_t *schema, const mlops_event_t *event);


#endif /* MLOPS_WINDOW_H */
