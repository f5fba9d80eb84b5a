/*
 * The state of a view as of a cut.
 */

#include "mlops_backfill.h"
#include "mlops_clock.h"
#include "mlops_file.h"
#include "mlops_view_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_BACKFILL_ROWS   4096          /* of a slice */
#define MLOPS_BACKFILL_EACH   1024          /* records between slices */
#define MLOPS_BACKFILL_BYTES  (1024 * 1024)


typedef struct {
    mlops_position_t   at;                  /* of all records */
    mlops_position_t   cut;                 /* before the first that was
                                               passed over */
    unsigned           seen:1;
    unsigned           passed:1;
} mlops_backfill_part_t;


struct mlops_backfill_s {
    const mlops_plan_view_t   *view;
    int                        features;
    int                        state;
    int                        locks[2];
    int64_t                    cut_us;
    mlops_intake_t            *intake;
    uint32_t                   shards_n;
    mlops_shard_t            **shards;
    mlops_backfill_part_t     *parts;       /* by partition + 1 */
    uint64_t                   records;
    mlops_backfill_stats_t     stats;
};


static int mlops_backfill_shards(mlops_backfill_t *backfill,
    mlops_err_t *err);
static int mlops_backfill_event(mlops_backfill_t *backfill,
    const mlops_key_t *key, uint64_t hash, const mlops_event_t *event,
    mlops_err_t *err);
static void mlops_backfill_slice(mlops_backfill_t *backfill);
static int mlops_backfill_shard(mlops_backfill_t *backfill, uint32_t i,
    mlops_err_t *err);
static uint32_t mlops_backfill_positions(mlops_backfill_t *backfill,
    mlops_position_t *positions);
static int64_t mlops_backfill_q(const mlops_backfill_t *backfill,
    const mlops_position_t *at);


mlops_backfill_t *
mlops_backfill_create(const mlops_plan_view_t *view, int features,
    const char *state, int64_t cut_us, mlops_err_t *err)
{
    char               name[65];
    uint32_t           i;
    mlops_backfill_t  *backfill;

    backfill = calloc(1, sizeof(mlops_backfill_t));

    if (backfill == NULL) {
        (void) mlops_err_set(err, "out of memory");
        return NULL;
    }

    (void) snprintf(name, sizeof(name), "%.*s", mlops_fmt(&view->name));

    backfill->view = view;
    backfill->features = features;
    backfill->state = -1;
    backfill->locks[0] = -1;
    backfill->locks[1] = -1;
    backfill->cut_us = cut_us;

    if (features != -1) {
        backfill->locks[0] = mlops_view_lock_store(features, name, err);

        if (backfill->locks[0] == -1) {
            goto failed;
        }
    }

    backfill->state = mlops_view_state(state, name, err);

    if (backfill->state == -1) {
        goto failed;
    }

    backfill->locks[1] = mlops_view_lock_state(backfill->state, state, name,
                                               err);
    if (backfill->locks[1] == -1) {
        goto failed;
    }

    (void) mlops_file_sweep(backfill->state);

    backfill->parts = calloc(MLOPS_PARTITIONS_MAX + 1,
                             sizeof(mlops_backfill_part_t));
    backfill->intake = mlops_intake_create(view, err);

    if (backfill->intake == NULL) {
        goto failed;
    }

    if (backfill->parts == NULL) {
        (void) mlops_err_set(err, "out of memory");
        goto failed;
    }

    for (i = 0; i <= MLOPS_PARTITIONS_MAX; i++) {
        backfill->parts[i].at.partition = (int32_t) i - 1;
        backfill->parts[i].at.offset = -1;
        backfill->parts[i].at.max_ts_us = INT64_MIN;
    }

    mlops_intake_cut(backfill->intake, cut_us, 1);

    if (mlops_backfill_shards(backfill, err) != MLOPS_OK) {
        goto failed;
    }

    return backfill;

failed:

    mlops_backfill_destroy(backfill);

    return NULL;
}


static int
mlops_backfill_shards(mlops_backfill_t *backfill, mlops_err_t *err)
{
    uint32_t            i, n;
    struct stat         st;
    mlops_shard_conf_t  conf;

    n = backfill->view->shards;
    backfill->shards = calloc(n, sizeof(mlops_shard_t *));

    if (backfill->shards == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    memset(&conf, 0, sizeof(conf));

    conf.features = backfill->features;
    conf.state = backfill->state;
    conf.uid = (uid_t) -1;
    conf.gid = (gid_t) -1;

    if (geteuid() == 0 && conf.features != -1 && fstat(conf.features, &st) == 0
        && st.st_uid != 0)
    {
        conf.uid = st.st_uid;
        conf.gid = st.st_gid;
    }

    for (i = 0; i < n; i++) {
        conf.number = i;
        backfill->shards[i] = mlops_shard_create(backfill->view, &conf, err);

        if (backfill->shards[i] == NULL) {
            return MLOPS_ERROR;
        }

        backfill->shards_n = i + 1;
    }

    return MLOPS_OK;
}


void
mlops_backfill_destroy(mlops_backfill_t *backfill)
{
    uint32_t  i;

    if (backfill == NULL) {
        return;
    }

    for (i = 0; i < backfill->shards_n; i++) {
        mlops_shard_destroy(backfill->shards[i]);
    }

    for (i = 0; i < 2; i++) {
        if (backfill->locks[i] != -1) {
            (void) close(backfill->locks[i]);
        }
    }

    if (backfill->state != -1) {
        (void) close(backfill->state);
    }

    mlops_intake_destroy(backfill->intake);

    free(backfill->shards);
    free(backfill->parts);
    free(backfill);
}


int
mlops_backfill_header(mlops_backfill_t *backfill, const mlops_str_t *header,
    mlops_err_t *err)
{
    if (header->len == 0) {
        mlops_intake_json(backfill->intake);
        return MLOPS_OK;
    }

    return mlops_intake_csv(backfill->intake, header, err);
}


int
mlops_backfill_record(mlops_backfill_t *backfill,
    const mlops_record_t *record, mlops_intake_verdict_t *verdict,
    mlops_err_t *reason, mlops_err_t *err)
{
    int                     rc;
    uint64_t                hash;
    mlops_key_t             key;
    mlops_event_t           event;
    mlops_backfill_part_t  *part;

    *verdict = mlops_intake_read(backfill->intake, record, &event, &key,
                                 &hash, reason);
    backfill->stats.verdicts[*verdict]++;

    if (record->partition < -1 || record->partition >= MLOPS_PARTITIONS_MAX) {
        return mlops_err_set(err, "partition %d: expected at most %d "
                             "partitions", (int) record->partition,
                             MLOPS_PARTITIONS_MAX);
    }

    part = &backfill->parts[record->partition + 1];

    if (*verdict == MLOPS_INTAKE_CUT && !part->passed) {
        part->passed = 1;
        part->cut = part->at;
    }

    rc = MLOPS_OK;

    if (*verdict == MLOPS_INTAKE_ACCEPTED) {
        rc = mlops_backfill_event(backfill, &key, hash, &event, err);
    }

    part->seen = 1;
    part->at.offset = record->offset;
    part->at.max_ts_us = mlops_intake_clock(backfill->intake,
                                            record->partition);

    if (++backfill->records % MLOPS_BACKFILL_EACH == 0) {
        mlops_backfill_slice(backfill);
    }

    return rc;
}


/* q is the log's own time. */

static int
mlops_backfill_event(mlops_backfill_t *backfill, const mlops_key_t *key,
    uint64_t hash, const mlops_event_t *event, mlops_err_t *err)
{
    int64_t         q, max_ts_us;
    mlops_shard_t  *shard;

    shard = backfill->shards[mlops_key_shard(hash, backfill->shards_n)];
    max_ts_us = mlops_intake_clock(backfill->intake, event->partition);
    q = max_ts_us + backfill->view->tick_us;

    while (mlops_shard_next(shard, event->partition) <= q
           && mlops_shard_clock(shard, event->partition, q,
                                MLOPS_BACKFILL_ROWS)
              == MLOPS_AGAIN)
    {
        /* void */
    }

    return mlops_shard_event(shard, key, hash, event, max_ts_us, q, err);
}


static void
mlops_backfill_slice(mlops_backfill_t *backfill)
{
    int64_t   wall_us;
    uint32_t  i;

    wall_us = mlops_wall_us();

    for (i = 0; i < backfill->shards_n; i++) {
        (void) mlops_shard_tend(backfill->shards[i], wall_us,
                                MLOPS_BACKFILL_ROWS);
    }
}


int
mlops_backfill_finish(mlops_backfill_t *backfill, mlops_err_t *err)
{
    uint32_t             i;
    mlops_shard_stats_t  stats;

    for (i = 0; i < backfill->shards_n; i++) {

        if (mlops_backfill_shard(backfill, i, err) != MLOPS_OK) {
            return mlops_err_prefix(err, "shard %u", (unsigned) i);
        }

        mlops_shard_stats(backfill->shards[i], &stats);
        backfill->stats.entities += stats.entities;
        backfill->stats.checkpoint_bytes += stats.checkpoint_bytes;
    }

    /* what an earlier cold start had left to do is done */

    (void) unlinkat(backfill->state, "begin", 0);

    return MLOPS_OK;
}


static int
mlops_backfill_shard(mlops_backfill_t *backfill, uint32_t i, mlops_err_t *err)
{
    int                      rc;
    int64_t                  q;
    uint32_t                 j, n;
    mlops_shard_t           *shard;
    mlops_position_t         positions[MLOPS_PARTITIONS_MAX + 1];
    mlops_backfill_part_t   *part;

    shard = backfill->shards[i];

    for (j = 0; j <= MLOPS_PARTITIONS_MAX; j++) {
        part = &backfill->parts[j];

        if (!part->seen) {
            continue;
        }

        q = mlops_backfill_q(backfill, &part->at);

        while (q != INT64_MIN
               && mlops_shard_clock(shard, part->at.partition, q,
                                    MLOPS_BACKFILL_ROWS)
                  == MLOPS_AGAIN)
        {
            /* void */
        }
    }

    while (mlops_shard_tend(shard, mlops_wall_us(), MLOPS_BACKFILL_ROWS)
           == MLOPS_AGAIN)
    {
        /* void */
    }

    mlops_shard_caught_up(shard);

    n = mlops_backfill_positions(backfill, positions);

    mlops_fault("features_backfill_checkpoint");

    if (mlops_shard_checkpoint(shard, positions, n, backfill->cut_us, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    do {
        rc = mlops_shard_checkpoint_step(shard, MLOPS_BACKFILL_BYTES, err);
    } while (rc == MLOPS_AGAIN);

    if (rc != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (j = 0; j < n; j++) {
        q = mlops_backfill_q(backfill, &positions[j]);

        if (q != INT64_MIN) {
            mlops_shard_position(shard, &positions[j], q);
        }
    }

    return MLOPS_OK;
}


/* A partition without a record before the cut is read from its beginning. */

static uint32_t
mlops_backfill_positions(mlops_backfill_t *backfill,
    mlops_position_t *positions)
{
    uint32_t                i, n;
    mlops_backfill_part_t  *part;

    n = 0;

    for (i = 0; i <= MLOPS_PARTITIONS_MAX; i++) {
        part = &backfill->parts[i];

        if (!part->seen) {
            continue;
        }

        positions[n] = part->passed ? part->cut : part->at;
        n += (positions[n].offset >= 0);
    }

    return n;
}


/* Rows by the wall's clock are as of the cut, those by the log's as of its
 * newest event. */

static int64_t
mlops_backfill_q(const mlops_backfill_t *backfill,
    const mlops_position_t *at)
{
    int64_t  q, wall_us;

    q = (at->max_ts_us == INT64_MIN)
        ? INT64_MIN : at->max_ts_us + backfill->view->tick_us;

    if (backfill->view->clock == MLOPS_CLOCK_EVENT) {
        return q;
    }

    wall_us = mlops_wall_us();
    wall_us = (backfill->cut_us < wall_us) ? backfill->cut_us : wall_us;

    return (wall_us > q) ? wall_us : q;
}


void
mlops_backfill_stats(const mlops_backfill_t *backfill,
    mlops_backfill_stats_t *stats)
{
    *stats = backfill->stats;
}
