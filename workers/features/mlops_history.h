/*
 * History: the values that features had at moments of the past, from the
 * events of the log, by the same window programs as live work.
 *
 * A question is an entity and a time T; the answer covers the events with
 * ts < T, as mlops_window_value(state, T) does.  Events that were late but
 * accepted count; what was not accepted does not.  An entity that was without
 * an event for the view's ttl begins anew, as it does live.  What a full table
 * gave up is not given up here.
 *
 * Questions first, then all events in the order of the log, then run.  Only
 * events of entities that are asked for are kept: memory is theirs, and one
 * row of values a question.
 */

#ifndef MLOPS_HISTORY_H
#define MLOPS_HISTORY_H


#include "mlops_table.h"
#include "mlops_window.h"


typedef struct mlops_history_s  mlops_history_t;


/* The view outlives it. */
mlops_history_t *mlops_history_create(const mlops_plan_view_t *view,
    mlops_err_t *err);
void mlops_history_destroy(mlops_history_t *history);

/* Questions are numbered from 0 in the order they are asked. */
int mlops_history_ask(mlops_history_t *history, const mlops_key_t *key,
    int64_t at_us, mlops_err_t *err);

/* How many have been asked. */
uint32_t mlops_history_questions(const mlops_history_t *history);

/* An event that intake has accepted; its texts are copied. */
int mlops_history_event(mlops_history_t *history, const mlops_key_t *key,
    uint64_t hash, const mlops_event_t *event, mlops_err_t *err);

int mlops_history_run(mlops_history_t *history, mlops_err_t *err);


typedef struct {
    int64_t              event_us;      /* of its newest event before T */
    const mlops_cell_t  *cells;         /* view->row.n */
    const uint64_t      *present;
    const char          *text;
} mlops_history_row_t;

/* After run.  MLOPS_OK, or MLOPS_AGAIN: the entity had no event before T, or
 * none for the ttl. */
int mlops_history_answer(const mlops_history_t *history, uint32_t question,
    mlops_history_row_t *row);


#endif /* MLOPS_HISTORY_H */
