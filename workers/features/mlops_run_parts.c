/*
 * The partitions of a run: where reading begins, what is shown of how far it
 * has come, and what becomes of one that goes.
 */

#include "mlops_run_state.h"
#include "mlops_file.h"
#include "mlops_worker_log.h"


#define MLOPS_RUN_RELEASE_MS  20000
#define MLOPS_RUN_STRANGE_US  60000000
#define MLOPS_RUN_SHOW_US     50000     /* the age of positions at which */
#define MLOPS_RUN_WAIT_US     100000    /* now and then dead letters */
#define MLOPS_RUN_WAIT_MS     10        /* are waited for so long */


static void mlops_run_wrong(mlops_run_t *run);
static void mlops_run_show_files(mlops_run_t *run);


int64_t
mlops_run_acquire(void *ctx, int32_t partition, int64_t low, int64_t high)
{
    int64_t            begin;
    uint32_t           i;
    mlops_run_t       *run;
    mlops_position_t   position;
    mlops_run_part_t  *part;

    run = ctx;

    if (partition < 0 || partition >= MLOPS_PARTITIONS_MAX) {
        (void) mlops_err_set(&run->err, "partition %d: expected at most %d "
                             "partitions", (int) partition,
                             MLOPS_PARTITIONS_MAX);
        mlops_run_wrong(run);
        return MLOPS_OFFSET_END;
    }

    part = &run->parts[partition + 1];

    if (!part->owned) {
        run->owned[run->owned_n++] = partition;
    }

    part->owned = 1;
    part->reached = 0;
    part->changed = 0;
    part->end = high;
    part->from_zero = part->begun ? part->zero : (low <= 0);
    run->caught_up = 0;

    if (part->loaded) {
        begin = part->at.offset + 1;

        if (begin < low) {
            (void) mlops_err_set(&run->err, "partition %d: the records from "
                                 "offset %lld to %lld are gone (retention) "
                                 "and have not been counted; begin anew "
                                 "without the checkpoints of the view, or "
                                 "with a backfill", (int) partition,
                                 (long long) begin, (long long) low - 1);
            mlops_run_wrong(run);

        } else if (begin > high) {
            (void) mlops_err_set(&run->err, "partition %d: the checkpoint "
                                 "has come to offset %lld, but the topic "
                                 "ends at %lld: it is another topic; begin "
                                 "anew without the checkpoints of the view",
                                 (int) partition, (long long) begin - 1,
                                 (long long) high - 1);
            mlops_run_wrong(run);
        }

    } else if (run->conf.from_end) {
        begin = MLOPS_OFFSET_END;
        part->from_zero = 0;
        part->at.offset = high - 1;

    } else {
        begin = MLOPS_OFFSET_BEGINNING;
        part->at.offset = low - 1;
    }

    /* a partition that has come before is complete unless it is begun */

    if (part->loaded && !part->begun) {
        part->from_zero = 1;
    }

    if (!part->loaded && run->view->role != MLOPS_ROLE_FOLLOW
        && run->cut_us == INT64_MIN)
    {
        run->warming = 1;
    }

    mlops_intake_set_clock(run->intake, partition, part->at.max_ts_us);

    for (i = 0; i < run->lanes_n; i++) {

        if (run->warming) {
            mlops_lane_cold(run->lanes[i], 1);
        }

        mlops_lane_acquire(run->lanes[i], partition,
                           run->loaded[i][partition + 1].offset);

        if (part->at.offset >= 0) {
            mlops_run_position(run, i, partition, &position);
            mlops_lane_position(run->lanes[i], &position);
        }
    }

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": partition %d from offset %lld, "
              "the log is from %lld to %lld", run->name, (int) partition,
              (long long) part->at.offset + 1, (long long) low,
              (long long) high);

    return begin;
}


/* From here on the partition is another node's: what there is of it goes to
 * disk, then out of the state and the tables. */

void
mlops_run_release(void *ctx, int32_t partition, int lost)
{
    uint32_t           i;
    mlops_err_t        err;
    mlops_run_t       *run;
    mlops_run_part_t  *part;

    run = ctx;

    if (run->closing || partition < 0 || partition >= MLOPS_PARTITIONS_MAX) {
        return;
    }

    part = &run->parts[partition + 1];

    if (!part->owned) {
        return;
    }

    mlops_fault("features_release");

    if (!lost && run->state_dir != -1
        && mlops_run_checkpoint_now(run, MLOPS_RUN_RELEASE_MS, &err)
           != MLOPS_OK)
    {
        mlops_say(MLOPS_LOG_WARN, "view \"%s\": no checkpoint before "
                  "partition %d goes: %s", run->name, (int) partition,
                  err.text);
    }

    for (i = 0; i < run->owned_n; i++) {
        if (run->owned[i] == partition) {
            run->owned[i] = run->owned[--run->owned_n];
            break;
        }
    }

    for (i = 0; i < run->lanes_n; i++) {
        run->loaded[i][partition + 1].offset = -1;
        run->loaded[i][partition + 1].max_ts_us = INT64_MIN;
        mlops_lane_release(run->lanes[i], partition, 0);
    }

    part->owned = 0;
    part->loaded = 0;
    part->begun = 0;
    part->at.offset = -1;
    part->at.max_ts_us = INT64_MIN;
    part->first_ts_us = INT64_MAX;

    run->changed = 1;
    run->checkpoint_us = 0;             /* soon one without it */

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": partition %d %s", run->name,
              (int) partition, lost ? "lost" : "released");
}


/*
 * A checkpoint may have partitions that the group has given to others since.
 * They may come back within a moment; what does not goes as one that was
 * released, so that no row stands here which nobody brings up to date.
 */

void
mlops_run_strangers(mlops_run_t *run)
{
    uint32_t           i, j;
    mlops_run_part_t  *part;

    if (run->view->group.len == 0 || run->conf.once || run->owned_n == 0
        || run->strangers)
    {
        return;
    }

    if (run->met_us == 0) {
        run->met_us = run->wall_us;
    }

    if (run->wall_us - run->met_us < MLOPS_RUN_STRANGE_US) {
        return;
    }

    run->strangers = 1;

    for (i = 1; i <= MLOPS_PARTITIONS_MAX; i++) {
        part = &run->parts[i];

        if (!part->loaded || part->owned) {
            continue;
        }

        part->loaded = 0;
        part->begun = 0;
        part->at.offset = -1;
        part->at.max_ts_us = INT64_MIN;
        run->changed = 1;

        for (j = 0; j < run->lanes_n; j++) {
            run->loaded[j][i].offset = -1;
            run->loaded[j][i].max_ts_us = INT64_MIN;
            mlops_lane_release(run->lanes[j], (int32_t) i - 1, 0);
        }

        mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": partition %d has gone to "
                  "another member of the group", run->name, (int) i - 1);
    }
}


static void
mlops_run_wrong(mlops_run_t *run)
{
    run->wrong = 1;
}


/* What a lane has of a partition: at least what its checkpoint had. */

void
mlops_run_position(const mlops_run_t *run, uint32_t lane, int32_t partition,
    mlops_position_t *position)
{
    const mlops_position_t  *loaded;

    *position = run->parts[partition + 1].at;
    loaded = &run->loaded[lane][partition + 1];

    if (loaded->offset > position->offset) {
        *position = *loaded;
    }
}


/* Tells lanes, and by them readers, how far the log has been read.  A dead
 * letter that is not acknowledged holds it back. */

void
mlops_run_show(mlops_run_t *run)
{
    int                wait_ms;
    uint32_t           i, j;
    mlops_err_t        err;
    mlops_position_t   position;
    mlops_run_part_t  *part;

    if (run->unacked) {

        /* a stream of dead letters must not hold positions back for ever,
         * nor records wait for a broker that is slow */

        wait_ms = 0;

        if (run->wall_us - run->shown_us >= MLOPS_RUN_SHOW_US
            && run->wall_us - run->waited_us >= MLOPS_RUN_WAIT_US)
        {
            wait_ms = MLOPS_RUN_WAIT_MS;
            run->waited_us = run->wall_us;
        }

        if (mlops_run_dead_wait(run, wait_ms, &err) != MLOPS_OK) {
            return;
        }
    }

    run->shown_us = run->wall_us;

    for (i = 0; i < run->owned_n; i++) {
        part = &run->parts[run->owned[i] + 1];

        if (!part->changed) {
            continue;
        }

        part->changed = 0;

        for (j = 0; j < run->lanes_n; j++) {
            mlops_run_position(run, j, run->owned[i], &position);
            mlops_lane_position(run->lanes[j], &position);
        }
    }

    if (run->cut_us != INT64_MIN) {
        mlops_run_show_files(run);
    }
}


/* Entities that a backfill had from files belong to no partition before they
 * have an event of one: their clock is that of the slowest. */

static void
mlops_run_show_files(mlops_run_t *run)
{
    int64_t            slowest;
    uint32_t           i;
    mlops_position_t   position;
    mlops_run_part_t  *part;

    slowest = INT64_MAX;

    for (i = 0; i < run->owned_n; i++) {
        part = &run->parts[run->owned[i] + 1];

        if (part->at.max_ts_us != INT64_MIN && part->at.max_ts_us < slowest) {
            slowest = part->at.max_ts_us;
        }
    }

    part = &run->parts[0];

    if (slowest == INT64_MAX || slowest <= part->at.max_ts_us) {
        return;
    }

    part->at.max_ts_us = slowest;

    for (i = 0; i < run->lanes_n; i++) {
        run->loaded[i][0].max_ts_us = slowest;
        position = run->loaded[i][0];
        mlops_lane_position(run->lanes[i], &position);
    }
}
