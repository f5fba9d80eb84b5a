/*
 * The loop of a run: records of the source into events of lanes.
 */

#include "mlops_run_state.h"
#include "mlops_clock.h"
#include "mlops_file.h"
#include "mlops_worker_log.h"

#include <time.h>


#define MLOPS_RUN_SAMPLE   8            /* freshness of each eighth record,
                                           and of the first one of a burst */
#define MLOPS_RUN_RETRY_S  1
#define MLOPS_RUN_SEE_US   200000


static int mlops_run_tick(mlops_run_t *run, int *again, mlops_err_t *err);
static int mlops_run_failed(mlops_run_t *run, mlops_err_t *err);
static int mlops_run_take_definition(mlops_run_t *run, mlops_err_t *err);
static int mlops_run_append(mlops_run_t *run, const mlops_record_t *record,
    mlops_err_t *err);
static int mlops_run_pause(const mlops_run_t *run);
static int mlops_run_timeout(const mlops_run_t *run);


int
mlops_run_source(mlops_run_t *run, mlops_err_t *err)
{
    int             rc, again, timeout, fresh;
    uint32_t        n;
    mlops_record_t  record;

    n = 0;
    timeout = 0;
    fresh = 1;
    run->wall_us = mlops_wall_us();

    while (!mlops_run_asked_to_stop(run)) {
        rc = mlops_consumer_poll(run->consumer, timeout, &record, err);

        if (mlops_likely(rc == MLOPS_OK)) {

            if (timeout != 0) {
                run->wall_us = mlops_wall_us();
            }

            if (mlops_run_record(run, &record,
                                 fresh || n % MLOPS_RUN_SAMPLE == 0, err)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            fresh = 0;
            timeout = 0;

            if (++n % MLOPS_RUN_BATCH != 0) {
                continue;
            }

            run->wall_us = mlops_wall_us();

            if (run->wall_us - run->ticked_us < MLOPS_RUN_TICK_US
                && run->wall_us >= run->ticked_us)
            {
                continue;
            }

            if (mlops_run_tick(run, &again, err) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            continue;
        }

        if (rc == MLOPS_ERROR) {

            if (run->wrong) {
                *err = run->err;
            }

            return MLOPS_ERROR;
        }

        /* nothing is there: what time asks for, then wait */

        run->wall_us = mlops_wall_us();

        fresh = 1;

        if (mlops_run_tick(run, &again, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (run->conf.once && run->caught_up) {
            return MLOPS_OK;
        }

        timeout = again ? 0 : mlops_run_timeout(run);
    }

    return mlops_run_failed(run, err);
}


int
mlops_run_record(mlops_run_t *run, mlops_record_t *record, int measured,
    mlops_err_t *err)
{
    int64_t                   q, max_ts_us;
    uint64_t                  hash;
    mlops_err_t               reason;
    mlops_key_t               key;
    mlops_event_t             event;
    mlops_run_part_t         *part;
    mlops_intake_verdict_t    verdict;
    const mlops_plan_view_t  *view;

    view = run->view;
    part = &run->parts[record->partition + 1];

    if (mlops_unlikely(!part->owned || record->offset <= part->at.offset)) {
        return MLOPS_OK;
    }

    mlops_fault("features_record");
    mlops_run_add(&run->records, 1);

    if (view->role == MLOPS_ROLE_FOLLOW) {

        if (mlops_run_follow(run, record, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        goto done;
    }

    reason.text[0] = '\0';
    verdict = mlops_intake_read(run->intake, record, &event, &key, &hash,
                                &reason);
    max_ts_us = mlops_intake_clock(run->intake, record->partition);

    mlops_run_add(&run->verdicts[verdict], 1);

    if (mlops_likely(verdict == MLOPS_INTAKE_ACCEPTED)) {

        if (run->log != NULL
            && mlops_run_append(run, record, err) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (event.ts_us < part->first_ts_us) {
            part->first_ts_us = event.ts_us;
        }

        q = max_ts_us + view->tick_us;

        if (view->clock == MLOPS_CLOCK_WALL && run->wall_us > q) {
            q = run->wall_us;
        }

        mlops_lane_event(run->lanes[mlops_key_shard(hash, run->lanes_n)],
                         &key, hash, &event, max_ts_us, q,
                         (measured && run->caught_up) ? record->timestamp_us
                                                      : -1);

    } else if (verdict >= MLOPS_INTAKE_LATE) {

        if (mlops_run_dead(run, record, verdict, &reason, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    part->at.max_ts_us = max_ts_us;

done:

    part->at.offset = record->offset;
    part->changed = 1;
    run->changed = 1;

    return MLOPS_OK;
}


/* A full disk is waited for: an event that is not in the log is not
 * counted. */

static int
mlops_run_append(mlops_run_t *run, const mlops_record_t *record,
    mlops_err_t *err)
{
    mlops_fault("features_log_append");

    if (mlops_likely(mlops_offline_append(run->log, record, err)
                     == MLOPS_OK))
    {
        return MLOPS_OK;
    }

    mlops_say(MLOPS_LOG_ERROR, "view \"%s\": the offline log: %s: waiting",
              run->name, err->text);

    do {

        if (mlops_run_pause(run) != MLOPS_OK) {
            return mlops_err_prefix(err, "the offline log");
        }

    } while (mlops_offline_append(run->log, record, err) != MLOPS_OK);

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": the offline log goes on",
              run->name);

    return MLOPS_OK;
}


/* MLOPS_ERROR: it was asked to stop. */

static int
mlops_run_pause(const mlops_run_t *run)
{
    int              i;
    struct timespec  ts;

    for (i = 0; i < 20; i++) {

        if (mlops_run_asked_to_stop(run)) {
            return MLOPS_ERROR;
        }

        ts.tv_sec = 0;
        ts.tv_nsec = MLOPS_RUN_RETRY_S * 1000000000L / 20;
        (void) nanosleep(&ts, NULL);
    }

    return MLOPS_OK;
}


static int
mlops_run_tick(mlops_run_t *run, int *again, mlops_err_t *err)
{
    uint32_t  i;

    *again = 0;
    run->ticked_us = run->wall_us;

    if (mlops_unlikely(atomic_load_explicit(&run->next,
                                            memory_order_relaxed)
                       != NULL)
        && mlops_run_take_definition(run, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_run_show(run);

    for (i = 0; i < run->lanes_n; i++) {
        mlops_lane_drain(run->lanes[i], 1);
        *again |= (mlops_lane_work(run->lanes[i], run->wall_us)
                   == MLOPS_AGAIN);
    }

    if (mlops_run_failed(run, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (!run->caught_up) {
        mlops_run_reach(run);
    }

    if (run->wall_us - run->counted_us >= MLOPS_RUN_SEE_US
        || run->wall_us < run->counted_us)
    {
        mlops_run_strangers(run);
        mlops_run_see(run);
    }

    return mlops_run_checkpoint_tick(run, err);
}


static int
mlops_run_failed(mlops_run_t *run, mlops_err_t *err)
{
    uint32_t  i;

    if (mlops_unlikely(run->wrong)) {
        *err = run->err;
        return MLOPS_ERROR;
    }

    for (i = 0; i < run->lanes_n; i++) {
        if (mlops_unlikely(mlops_lane_failed(run->lanes[i], err)
                           != MLOPS_OK))
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


/* Events are read by the new definition from here on; in each lane they come
 * behind the message that says so. */

static int
mlops_run_take_definition(mlops_run_t *run, mlops_err_t *err)
{
    uint32_t                  i;
    mlops_intake_t           *intake;
    const mlops_plan_view_t  *view;

    /* its partner is in mlops_run_redefine */

    view = atomic_load_explicit(&run->next, memory_order_acquire);
    intake = mlops_intake_create(view, err);

    if (intake == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < run->owned_n; i++) {
        mlops_intake_set_clock(intake, run->owned[i],
                               run->parts[run->owned[i] + 1].at.max_ts_us);
    }

    if (run->cut_us != INT64_MIN) {
        mlops_intake_cut(intake, run->cut_us, 0);
    }

    mlops_intake_destroy(run->intake);
    run->intake = intake;
    run->view = view;

    for (i = 0; i < run->lanes_n; i++) {
        mlops_lane_redefine(run->lanes[i], view);
    }

    /* a checkpoint of the new definition soon */

    run->checkpoint_us = 0;
    run->changed = 1;

    atomic_store_explicit(&run->next, NULL, memory_order_release);

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": definition %016llx taken",
              run->name, (unsigned long long) view->hash);

    return MLOPS_OK;
}


void
mlops_run_see(mlops_run_t *run)
{
    int64_t             high, next;
    uint32_t            i;
    uint64_t            lag;
    const char         *text;
    mlops_run_part_t   *part;
    mlops_run_place_t  *place;

    run->counted_us = run->wall_us;
    lag = 0;

    (void) pthread_mutex_lock(&run->mutex);

    for (i = 0; i < run->owned_n; i++) {
        part = &run->parts[run->owned[i] + 1];
        place = &run->seen.places[i];
        high = mlops_consumer_high(run->consumer, run->owned[i]);

        next = mlops_consumer_next(run->consumer, run->owned[i]);

        if (high > next) {
            lag += (uint64_t) (high - next);
        }

        place->partition = run->owned[i];
        place->offset = part->at.offset;
        place->high = high;
        place->max_ts_us = part->at.max_ts_us;
    }

    run->seen.places_n = run->owned_n;
    run->seen.lag = lag;
    run->seen.caught_up = run->caught_up;
    run->seen.errors = mlops_consumer_errors(run->consumer);
    run->seen.log_bytes = (run->log != NULL) ? mlops_offline_bytes(run->log)
                                             : 0;

    text = mlops_consumer_last_error(run->consumer);

    if (strcmp(text, run->seen.err.text) != 0) {
        (void) mlops_err_set(&run->seen.err, "%s", text);
    }

    (void) pthread_mutex_unlock(&run->mutex);
}


/* Until the next boundary, and not too long: a run looks at its orders. */

static int
mlops_run_timeout(const mlops_run_t *run)
{
    int64_t   next, ms;
    uint32_t  i;

    ms = MLOPS_RUN_SLEEP_MS;

    for (i = 0; i < run->lanes_n; i++) {
        next = mlops_lane_next(run->lanes[i]);

        if (next != INT64_MAX && (next - run->wall_us) / 1000 < ms) {
            ms = (next - run->wall_us) / 1000;
        }
    }

    return (ms < 1) ? 1 : (int) ms;
}
