/*
 * The life of a run.
 */

#include "mlops_run_state.h"
#include "mlops_clock.h"
#include "mlops_file.h"
#include "mlops_view_lock.h"
#include "mlops_worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_RUN_FINISH_MS  30000
#define MLOPS_RUN_ACKS_MS    10000


static void mlops_run_stats_lanes(mlops_run_t *run,
    mlops_lane_stats_t *sum);
static void *mlops_run_thread(void *data);
static int mlops_run_open(mlops_run_t *run, mlops_err_t *err);
static int mlops_run_state_open(mlops_run_t *run, mlops_err_t *err);
static int mlops_run_sinks_open(mlops_run_t *run, mlops_err_t *err);
static int mlops_run_lanes_open(mlops_run_t *run, mlops_err_t *err);
static int mlops_run_lane_open(mlops_run_t *run, uint32_t i, int *found,
    mlops_err_t *err);
static void mlops_run_meet(mlops_run_t *run);
static int mlops_run_row_open(mlops_run_t *run, mlops_err_t *err);
static void mlops_run_finish(mlops_run_t *run, int ok);
static void mlops_run_close(mlops_run_t *run);


mlops_run_t *
mlops_run_create(const mlops_plan_view_t *view, const mlops_run_conf_t *conf,
    mlops_err_t *err)
{
    int           rc;
    mlops_run_t  *run;

    run = calloc(1, sizeof(mlops_run_t));

    if (run == NULL) {
        (void) mlops_err_set(err, "out of memory for view \"%.*s\"",
                             mlops_fmt(&view->name));
        return NULL;
    }

    run->conf = *conf;
    run->view = view;
    run->state_dir = -1;
    run->locks[0] = -1;
    run->locks[1] = -1;
    run->cut_us = INT64_MIN;

    (void) snprintf(run->name, sizeof(run->name), "%.*s",
                    mlops_fmt(&view->name));
    (void) snprintf(run->state_path, sizeof(run->state_path), "%s",
                    conf->state);
    run->conf.state = run->state_path;
    (void) pthread_mutex_init(&run->mutex, NULL);

    rc = pthread_create(&run->thread, NULL, mlops_run_thread, run);

    if (rc != 0) {
        (void) mlops_err_set(err, "cannot start the thread of view \"%s\": "
                             "%s", run->name, strerror(rc));
        (void) pthread_mutex_destroy(&run->mutex);
        free(run);
        return NULL;
    }

    return run;
}


mlops_run_state_t
mlops_run_state(const mlops_run_t *run)
{
    return (mlops_run_state_t) atomic_load_explicit(&run->state,
                                                    memory_order_acquire);
}


void
mlops_run_stop(mlops_run_t *run)
{
    atomic_store_explicit(&run->stop, 1, memory_order_relaxed);
}


void
mlops_run_destroy(mlops_run_t *run)
{
    if (run == NULL) {
        return;
    }

    mlops_run_stop(run);
    (void) pthread_join(run->thread, NULL);
    (void) pthread_mutex_destroy(&run->mutex);
    free(run);
}


int
mlops_run_redefine(mlops_run_t *run, const mlops_plan_view_t *view)
{
    const mlops_plan_view_t  *none;

    none = NULL;

    if (!atomic_compare_exchange_strong_explicit(&run->next, &none, view,
                                                 memory_order_release,
                                                 memory_order_relaxed))
    {
        return MLOPS_AGAIN;
    }

    (void) atomic_fetch_add_explicit(&run->redefined, 1,
                                     memory_order_relaxed);

    return MLOPS_OK;
}


int
mlops_run_olds(mlops_run_t *run)
{
    int       olds;
    uint32_t  i;
    uint64_t  n;

    if (atomic_load_explicit(&run->next, memory_order_relaxed) != NULL) {
        return 1;
    }

    n = atomic_load_explicit(&run->redefined, memory_order_relaxed);
    olds = 0;

    (void) pthread_mutex_lock(&run->mutex);

    for (i = 0; i < run->ready; i++) {
        olds |= mlops_lane_olds(run->lanes[i], n);
    }

    (void) pthread_mutex_unlock(&run->mutex);

    return olds;
}


void
mlops_run_stats(mlops_run_t *run, mlops_run_stats_t *stats)
{
    uint32_t  i;

    (void) pthread_mutex_lock(&run->mutex);

    *stats = run->seen;
    mlops_run_stats_lanes(run, &stats->lanes);

    (void) pthread_mutex_unlock(&run->mutex);

    stats->state = mlops_run_state(run);
    stats->records = atomic_load_explicit(&run->records,
                                          memory_order_relaxed);
    stats->dead = atomic_load_explicit(&run->dead_n, memory_order_relaxed);
    stats->published = atomic_load_explicit(&run->sink.sent,
                                            memory_order_relaxed);

    for (i = 0; i < MLOPS_INTAKE_N; i++) {
        stats->verdicts[i] = atomic_load_explicit(&run->verdicts[i],
                                                  memory_order_relaxed);
    }
}


/* With the mutex: lanes as far as they are there; what they were at the end
 * stays in seen. */

static void
mlops_run_stats_lanes(mlops_run_t *run, mlops_lane_stats_t *sum)
{
    uint32_t             i, j;
    mlops_lane_stats_t   lane;

    for (i = 0; i < run->ready; i++) {
        mlops_lane_stats(run->lanes[i], &lane);

        if (i == 0) {
            *sum = lane;
            continue;
        }

        sum->shard.entities += lane.shard.entities;
        sum->shard.events += lane.shard.events;
        sum->shard.duplicates += lane.shard.duplicates;
        sum->shard.evicted += lane.shard.evicted;
        sum->shard.expired += lane.shard.expired;
        sum->shard.refreshed += lane.shard.refreshed;
        sum->shard.unplaced += lane.shard.unplaced;
        sum->shard.checkpoints += lane.shard.checkpoints;
        sum->shard.checkpoint_bytes += lane.shard.checkpoint_bytes;
        sum->shard.dedupe_overflow += lane.shard.dedupe_overflow;
        sum->shard.table_bytes += lane.shard.table_bytes;
        sum->shard.state_bytes += lane.shard.state_bytes;

        if (lane.shard.checkpoint_us < sum->shard.checkpoint_us) {
            sum->shard.checkpoint_us = lane.shard.checkpoint_us;
        }

        sum->checkpoint_failures += lane.checkpoint_failures;
        sum->stalls += lane.stalls;
        sum->fresh.count += lane.fresh.count;
        sum->fresh.sum += lane.fresh.sum;

        for (j = 0; j < MLOPS_FRESH_BUCKETS; j++) {
            sum->fresh.buckets[j] += lane.fresh.buckets[j];
        }
    }
}


/* ---- the run's thread ---- */

static void *
mlops_run_thread(void *data)
{
    int                rc;
    mlops_err_t        err;
    mlops_run_t       *run;
    mlops_run_state_t  state;

    run = data;
    run->started_ns = mlops_clock_ns();

    rc = mlops_run_open(run, &err);

    if (rc == MLOPS_OK) {
        (void) pthread_mutex_lock(&run->mutex);
        run->ready = run->lanes_n;
        (void) pthread_mutex_unlock(&run->mutex);

        atomic_store_explicit(&run->state, MLOPS_RUN_RUNNING,
                              memory_order_release);

        rc = (run->view->kafka == NULL) ? mlops_run_batch(run, &err)
                                        : mlops_run_source(run, &err);

        mlops_run_finish(run, rc == MLOPS_OK);
    }

    (void) pthread_mutex_lock(&run->mutex);

    mlops_run_stats_lanes(run, &run->seen.lanes);
    run->ready = 0;

    if (rc != MLOPS_OK) {
        run->seen.err = err;
    }

    (void) pthread_mutex_unlock(&run->mutex);

    mlops_run_close(run);

    if (rc != MLOPS_OK) {
        state = MLOPS_RUN_FAILED;
        mlops_say(MLOPS_LOG_ERROR, "view \"%s\": stopped: %s", run->name,
                  err.text);

    } else if (mlops_run_asked_to_stop(run)) {
        state = MLOPS_RUN_STOPPED;
        mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": stopped", run->name);

    } else {
        state = MLOPS_RUN_DONE;
        mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": done", run->name);
    }

    atomic_store_explicit(&run->state, state, memory_order_release);

    return NULL;
}


static int
mlops_run_open(mlops_run_t *run, mlops_err_t *err)
{
    uint32_t                    i;
    const mlops_str_t          *topic;
    const mlops_plan_view_t    *view;
    mlops_consumer_calls_t      calls;

    static const mlops_str_t    none = mlops_null_str;

    view = run->view;

    if (run->conf.features != -1) {
        run->locks[0] = mlops_view_lock_store(run->conf.features, run->name,
                                              err);
        if (run->locks[0] == -1) {
            return MLOPS_ERROR;
        }
    }

    if (view->kafka == NULL) {
        return MLOPS_OK;
    }

    if (mlops_run_state_open(run, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    run->parts = calloc(MLOPS_PARTITIONS_MAX + 1, sizeof(mlops_run_part_t));
    run->owned = calloc(MLOPS_PARTITIONS_MAX + 1, sizeof(int32_t));

    if (run->parts == NULL || run->owned == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    for (i = 0; i <= MLOPS_PARTITIONS_MAX; i++) {
        run->parts[i].at.partition = (int32_t) i - 1;
        run->parts[i].at.offset = -1;
        run->parts[i].at.max_ts_us = INT64_MIN;
        run->parts[i].first_ts_us = INT64_MAX;
    }

    run->intake = mlops_intake_create(view, err);

    if (run->intake == NULL
        || mlops_run_sinks_open(run, err) != MLOPS_OK
        || mlops_run_lanes_open(run, err) != MLOPS_OK
        || mlops_run_row_open(run, err) != MLOPS_OK
        || mlops_run_begin_load(run, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (run->cut_us != INT64_MIN) {
        mlops_intake_cut(run->intake, run->cut_us, 0);
    }

    topic = (view->role == MLOPS_ROLE_FOLLOW) ? &view->publish : &view->topic;

    calls.acquire = mlops_run_acquire;
    calls.release = mlops_run_release;
    calls.ctx = run;

    run->consumer = mlops_consumer_create(view->kafka, topic,
                                          run->conf.once ? &none
                                                         : &view->group,
                                          &calls, err);

    if (run->consumer == NULL) {
        return MLOPS_ERROR;
    }

    /* a dead letter asks for them */

    mlops_consumer_set_headers(run->consumer,
                               view->format == MLOPS_FORMAT_CLOUDEVENTS
                               || run->log != NULL);

    return MLOPS_OK;
}


static int
mlops_run_state_open(mlops_run_t *run, mlops_err_t *err)
{
    if (run->view->role == MLOPS_ROLE_FOLLOW) {
        return MLOPS_OK;
    }

    if (run->conf.state[0] == '\0') {
        mlops_say(MLOPS_LOG_WARN, "view \"%s\": there is no \"mlops_state "
                  "path;\": without checkpoints every start reads the topic "
                  "from its beginning", run->name);
        return MLOPS_OK;
    }

    run->state_dir = mlops_view_state(run->conf.state, run->name, err);

    if (run->state_dir == -1) {
        return MLOPS_ERROR;
    }

    run->locks[1] = mlops_view_lock_state(run->state_dir, run->conf.state,
                                          run->name, err);
    if (run->locks[1] == -1) {
        return MLOPS_ERROR;
    }

    (void) mlops_file_sweep(run->state_dir);

    return MLOPS_OK;
}


static int
mlops_run_sinks_open(mlops_run_t *run, mlops_err_t *err)
{
    int                       dir;
    const mlops_plan_view_t  *view;

    view = run->view;

    if (view->role == MLOPS_ROLE_FOLLOW) {
        return MLOPS_OK;
    }

    if (view->dead.len != 0) {
        run->dead = mlops_producer_create(view->kafka, err);

        if (run->dead == NULL) {
            return MLOPS_ERROR;
        }
    }

    if (view->publish.len != 0) {

        if (mlops_sink_topic(&run->sink, &view->publish, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        run->sink.producer = mlops_producer_create(view->kafka, err);

        if (run->sink.producer == NULL) {
            return MLOPS_ERROR;
        }
    }

    if (!view->log) {
        return MLOPS_OK;
    }

    if (run->state_dir == -1) {
        return mlops_err_set(err, "\"log\" needs \"mlops_state path;\"");
    }

    if (mlops_file_mkdir(run->state_dir, "log", 0750, (uid_t) -1, (gid_t) -1,
                         1, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    dir = openat(run->state_dir, "log",
                 O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (dir == -1) {
        return mlops_file_fail(err, "open()", run->state_dir, "log");
    }

    run->log = mlops_offline_open(dir, view->base_hash, 0, err);

    if (run->log == NULL) {
        (void) close(dir);
        return mlops_err_prefix(err, "the offline log");
    }

    run->log_dir = dir;

    return MLOPS_OK;
}


static int
mlops_run_lanes_open(mlops_run_t *run, mlops_err_t *err)
{
    int       found;
    uint32_t  i, n;

    n = run->view->shards;
    run->shards = n;

    run->lanes = calloc(n, sizeof(mlops_lane_t *));
    run->loaded = calloc(n, sizeof(mlops_position_t *));

    if (run->lanes == NULL || run->loaded == NULL) {
        free(run->loaded);
        run->loaded = NULL;
        return mlops_err_set(err, "out of memory for %u shards",
                             (unsigned) n);
    }

    found = 0;

    for (i = 0; i < n; i++) {
        if (mlops_run_lane_open(run, i, &found, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (found) {
        mlops_run_meet(run);
    }

    for (i = 0; i < n; i++) {

        if (mlops_lane_start(run->lanes[i], err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        /* entities of files, until their partition is known */

        if (run->cut_us != INT64_MIN) {
            mlops_lane_acquire(run->lanes[i], -1, INT64_MAX);
        }
    }

    return MLOPS_OK;
}


static int
mlops_run_lane_open(mlops_run_t *run, uint32_t i, int *found,
    mlops_err_t *err)
{
    int                one;
    int64_t            cut_us;
    uint32_t           j, n;
    mlops_lane_conf_t  conf;
    mlops_position_t  *loaded, *list;

    loaded = calloc(2 * (MLOPS_PARTITIONS_MAX + 1), sizeof(*loaded));

    if (loaded == NULL) {
        return mlops_err_set(err, "out of memory for shard %u",
                             (unsigned) i);
    }

    run->loaded[i] = loaded;
    list = loaded + MLOPS_PARTITIONS_MAX + 1;

    for (j = 0; j <= MLOPS_PARTITIONS_MAX; j++) {
        loaded[j].partition = (int32_t) j - 1;
        loaded[j].offset = -1;
        loaded[j].max_ts_us = INT64_MIN;
    }

    memset(&conf, 0, sizeof(conf));

    conf.view = run->view;
    conf.name = run->name;
    conf.sink = (run->sink.producer != NULL) ? &run->sink : NULL;
    conf.threaded = (run->view->shards > 1);
    conf.shard.features = run->conf.features;
    conf.shard.state = run->state_dir;
    conf.shard.uid = run->conf.uid;
    conf.shard.gid = run->conf.gid;
    conf.shard.number = i;
    conf.shard.cold = (mlops_run_begun(run->state_dir) != 0);

    run->lanes[i] = mlops_lane_create(&conf, &one, list, &n, &cut_us, err);

    if (run->lanes[i] == NULL) {
        return mlops_err_prefix(err, "shard %u", (unsigned) i);
    }

    run->lanes_n = i + 1;

    for (j = 0; j < n; j++) {
        loaded[list[j].partition + 1] = list[j];
    }

    if (one) {
        *found = 1;

        if (cut_us > run->cut_us) {
            run->cut_us = cut_us;
        }
    }

    return MLOPS_OK;
}


/* Shards may have been checkpointed at different offsets: reading begins at
 * the lowest, and who is ahead passes over what it has. */

static void
mlops_run_meet(mlops_run_t *run)
{
    uint32_t            i, j;
    mlops_run_part_t   *part;
    mlops_position_t   *low;

    for (j = 1; j <= MLOPS_PARTITIONS_MAX; j++) {
        part = &run->parts[j];
        low = &run->loaded[0][j];

        for (i = 1; i < run->lanes_n; i++) {
            if (run->loaded[i][j].offset < low->offset) {
                low = &run->loaded[i][j];
            }
        }

        if (low->offset >= 0) {
            part->at = *low;
            part->loaded = 1;
        }
    }
}


static int
mlops_run_row_open(mlops_run_t *run, mlops_err_t *err)
{
    uint32_t  n;

    if (run->view->role != MLOPS_ROLE_FOLLOW) {
        return MLOPS_OK;
    }

    n = run->view->row.n;

    run->row.cells = calloc(run->view->sets * (size_t) n,
                            sizeof(mlops_cell_t));
    run->row.present = calloc(run->view->sets * (size_t) mlops_row_words(n),
                              sizeof(uint64_t));

    if (run->row.cells == NULL || run->row.present == NULL) {
        return mlops_err_set(err, "out of memory for a row");
    }

    return MLOPS_OK;
}


/* What was applied is put on disk, also where an error ended it, unless that
 * was a shard's own. */

static void
mlops_run_finish(mlops_run_t *run, int ok)
{
    uint32_t     i;
    mlops_err_t  err;

    if (run->lanes == NULL) {
        return;
    }

    mlops_fault("features_stop");
    mlops_run_see(run);

    for (i = 0; i < run->lanes_n; i++) {
        if (mlops_lane_failed(run->lanes[i], &err) != MLOPS_OK) {
            run->closing = 1;
            return;
        }
    }

    mlops_run_show(run);

    if (run->state_dir != -1
        && mlops_run_checkpoint_now(run, MLOPS_RUN_FINISH_MS, &err)
           != MLOPS_OK)
    {
        mlops_say(ok ? MLOPS_LOG_ERROR : MLOPS_LOG_WARN, "view \"%s\": no "
                  "checkpoint at the end: %s", run->name, err.text);
    }

    for (i = 0; i < run->lanes_n; i++) {
        (void) mlops_lane_settle(run->lanes[i], MLOPS_RUN_FINISH_MS);
    }

    run->closing = 1;
}


static void
mlops_run_close(mlops_run_t *run)
{
    uint32_t  i;

    run->closing = 1;

    if (run->consumer != NULL) {
        mlops_consumer_destroy(run->consumer);
    }

    for (i = 0; run->loaded != NULL && i < run->shards; i++) {
        mlops_lane_destroy(run->lanes[i]);
        free(run->loaded[i]);
    }

    if (run->dead != NULL
        && mlops_producer_destroy(run->dead, MLOPS_RUN_ACKS_MS) != MLOPS_OK)
    {
        mlops_say(MLOPS_LOG_WARN, "view \"%s\": some dead letters were not "
                  "acknowledged; they are sent again", run->name);
    }

    if (run->sink.producer != NULL
        && mlops_producer_destroy(run->sink.producer, MLOPS_RUN_ACKS_MS)
           != MLOPS_OK)
    {
        mlops_say(MLOPS_LOG_WARN, "view \"%s\": some rows were not "
                  "acknowledged; they are sent again", run->name);
    }

    if (run->log != NULL) {
        mlops_offline_close(run->log);
        (void) close(run->log_dir);
    }

    if (run->state_dir != -1) {
        (void) close(run->state_dir);
    }

    for (i = 0; i < 2; i++) {
        if (run->locks[i] != -1) {
            (void) close(run->locks[i]);
        }
    }

    mlops_intake_destroy(run->intake);

    free(run->row.cells);
    free(run->row.present);
    free(run->text);
    free(run->headers);
    free(run->lanes);
    free(run->loaded);
    free(run->owned);
    free(run->parts);
}
