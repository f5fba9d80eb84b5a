/*
 * Backfill: the state of a view as of a cut, from events before it.
 *
 * Events with ts < cut of a file or of the view's topic go through the same
 * intake and the same shards as live ones; those from the cut on are passed
 * over.  Then tables and checkpoints are written, the latter with the cut, and
 * the worker that begins with them takes events from the cut on: together
 * they count each event once.
 *
 * From a topic the worker goes on at the first record that was passed over,
 * partition by partition; after files it reads the topic from its beginning.
 * Both locks of the view are held, so no worker is at work on it.
 */

#ifndef MLOPS_BACKFILL_H
#define MLOPS_BACKFILL_H


#include "mlops_intake.h"
#include "mlops_shard.h"


typedef struct mlops_backfill_s  mlops_backfill_t;

typedef struct {
    uint64_t  verdicts[MLOPS_INTAKE_N];
    uint64_t  entities;
    uint64_t  checkpoint_bytes;
} mlops_backfill_stats_t;


/* features is the store's directory, or -1: no tables; state the path of
 * mlops_state.  The view outlives it. */
mlops_backfill_t *mlops_backfill_create(const mlops_plan_view_t *view,
    int features, const char *state, int64_t cut_us, mlops_err_t *err);
/* Without mlops_backfill_finish nothing has changed but tables. */
void mlops_backfill_destroy(mlops_backfill_t *backfill);

/* Records are those of a file: rows of CSV below this header, or plain JSON
 * objects where it is empty. */
int mlops_backfill_header(mlops_backfill_t *backfill,
    const mlops_str_t *header, mlops_err_t *err);

/* One record; *verdict is what it was, reason says why it was refused. */
int mlops_backfill_record(mlops_backfill_t *backfill,
    const mlops_record_t *record, mlops_intake_verdict_t *verdict,
    mlops_err_t *reason, mlops_err_t *err);

/* Tables as of the cut, and the checkpoints. */
int mlops_backfill_finish(mlops_backfill_t *backfill, mlops_err_t *err);

void mlops_backfill_stats(const mlops_backfill_t *backfill,
    mlops_backfill_stats_t *stats);


#endif /* MLOPS_BACKFILL_H */
