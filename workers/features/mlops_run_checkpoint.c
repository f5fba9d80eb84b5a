/*
 * When checkpoints are taken, and what has to be safe before.
 */

#include "mlops_run_state.h"
#include "mlops_clock.h"
#include "mlops_file.h"
#include "mlops_worker_log.h"


#define MLOPS_RUN_ACKS_MS   100
#define MLOPS_RUN_AGAIN_US  200000
#define MLOPS_RUN_HELD      50              /* tries without a word */


static int mlops_run_checkpoint_begin(mlops_run_t *run, int timeout_ms,
    mlops_err_t *err);
static void mlops_run_checkpoint_lane(mlops_run_t *run, uint32_t lane);
static int mlops_run_checkpoint_busy(const mlops_run_t *run);
static void mlops_run_checkpoint_end(mlops_run_t *run);
static uint64_t mlops_run_checkpoint_sum(const mlops_run_t *run);


int
mlops_run_checkpoint_tick(mlops_run_t *run, mlops_err_t *err)
{
    int          rc;
    mlops_err_t  reason;

    if (run->state_dir == -1) {
        run->changed = 0;
        return MLOPS_OK;
    }

    if (run->checkpointing) {

        if (!mlops_run_checkpoint_busy(run)) {
            mlops_run_checkpoint_end(run);
        }

        return MLOPS_OK;
    }

    /* a wall clock that was set back must not stop them */

    if (!run->changed
        || (run->wall_us < run->checkpoint_us
            && run->checkpoint_us - run->wall_us
               <= run->conf.checkpoint_us + MLOPS_RUN_AGAIN_US))
    {
        return MLOPS_OK;
    }

    rc = mlops_run_checkpoint_begin(run, MLOPS_RUN_ACKS_MS, &reason);

    if (rc == MLOPS_ERROR) {
        *err = reason;
        return MLOPS_ERROR;
    }

    if (rc == MLOPS_AGAIN) {
        run->checkpoint_us = mlops_wall_us() + MLOPS_RUN_AGAIN_US;

        if (++run->held % MLOPS_RUN_HELD == 0) {
            mlops_say(MLOPS_LOG_WARN, "view \"%s\": no checkpoint for %u "
                      "seconds: %s", run->name,
                      (unsigned) (run->held * MLOPS_RUN_AGAIN_US / 1000000),
                      reason.text);
        }

    } else {
        run->held = 0;
    }

    return MLOPS_OK;
}


int
mlops_run_checkpoint_now(mlops_run_t *run, uint32_t timeout_ms,
    mlops_err_t *err)
{
    int       rc;
    uint32_t  i;
    uint64_t  before;

    for (i = 0; i < run->lanes_n; i++) {
        if (mlops_lane_settle(run->lanes[i], timeout_ms) != MLOPS_OK) {
            goto late;
        }
    }

    if (run->checkpointing) {
        mlops_run_checkpoint_end(run);
    }

    if (!run->changed) {
        return MLOPS_OK;
    }

    before = mlops_run_checkpoint_sum(run);
    rc = mlops_run_checkpoint_begin(run, (int) timeout_ms, err);

    if (rc != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < run->lanes_n; i++) {
        if (mlops_lane_settle(run->lanes[i], timeout_ms) != MLOPS_OK) {
            goto late;
        }
    }

    mlops_run_checkpoint_end(run);

    if (mlops_run_checkpoint_sum(run) - before < run->lanes_n) {
        return mlops_err_set(err, "it was given up, see above");
    }

    return MLOPS_OK;

late:

    return mlops_err_set(err, "it is not complete after %u ms",
                         (unsigned) timeout_ms);
}


/* MLOPS_AGAIN: not now. */

static int
mlops_run_checkpoint_begin(mlops_run_t *run, int timeout_ms, mlops_err_t *err)
{
    int       rc;
    uint32_t  i;

    rc = mlops_run_dead_wait(run, timeout_ms, err);

    if (rc != MLOPS_OK) {

        if (rc == MLOPS_AGAIN) {
            (void) mlops_err_set(err, "dead letters are not acknowledged "
                                 "after %d ms", timeout_ms);
        }

        return rc;
    }

    mlops_fault("features_dead_acked");

    if (run->log != NULL) {

        if (mlops_offline_flush(run->log, err) != MLOPS_OK) {
            (void) mlops_err_prefix(err, "the offline log");
            return MLOPS_AGAIN;
        }

        mlops_fault("features_log_flushed");
    }

    if (run->warming && mlops_run_begin_save(run, err) != MLOPS_OK) {
        return MLOPS_AGAIN;
    }

    run->checkpoints = mlops_run_checkpoint_sum(run);

    for (i = 0; i < run->lanes_n; i++) {
        mlops_run_checkpoint_lane(run, i);
    }

    run->checkpointing = 1;
    run->complete = !run->warming;
    run->changed = 0;
    run->checkpoint_us = mlops_wall_us() + run->conf.checkpoint_us;

    return MLOPS_OK;
}


/* Partitions that are loaded and not acquired yet are in the state, too. */

static void
mlops_run_checkpoint_lane(mlops_run_t *run, uint32_t lane)
{
    uint32_t          i, n;
    mlops_position_t  positions[MLOPS_PARTITIONS_MAX + 1];

    n = 0;

    for (i = 0; i <= MLOPS_PARTITIONS_MAX; i++) {

        if (run->parts[i].owned) {
            mlops_run_position(run, lane, (int32_t) i - 1, &positions[n]);

        } else {
            positions[n] = run->loaded[lane][i];
        }

        n += (positions[n].offset >= 0);
    }

    mlops_lane_checkpoint(run->lanes[lane], positions, n, run->cut_us);
}


static int
mlops_run_checkpoint_busy(const mlops_run_t *run)
{
    uint32_t  i;

    for (i = 0; i < run->lanes_n; i++) {
        if (mlops_lane_busy(run->lanes[i])) {
            return 1;
        }
    }

    return 0;
}


static uint64_t
mlops_run_checkpoint_sum(const mlops_run_t *run)
{
    uint32_t  i;
    uint64_t  sum;

    sum = 0;

    for (i = 0; i < run->lanes_n; i++) {
        sum += mlops_lane_checkpoints(run->lanes[i]);
    }

    return sum;
}


static void
mlops_run_checkpoint_end(mlops_run_t *run)
{
    uint32_t  i;

    run->checkpointing = 0;

    if (mlops_run_checkpoint_sum(run) - run->checkpoints < run->lanes_n) {
        run->changed = 1;               /* one was given up: again */
        return;
    }

    if (run->complete) {
        mlops_run_begin_forget(run);
    }

    if (run->view->group.len == 0 || run->consumer == NULL) {
        return;
    }

    for (i = 0; i < run->owned_n; i++) {
        if (run->parts[run->owned[i] + 1].at.offset >= 0) {
            mlops_consumer_commit(run->consumer, run->owned[i],
                                  run->parts[run->owned[i] + 1].at.offset
                                  + 1);
        }
    }
}
