/*
 * What others see of the process: metrics/<process>.prom,
 * status/<process>.json, a line at a terminal.  docs/metrics.md and
 * docs/status.md say what they mean.
 */

#include "mlops_worker.h"
#include "mlops_clock.h"
#include "mlops_num.h"
#include "mlops_worker_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


typedef struct {
    const char  *name;
    const char  *type;
    const char  *help;
    double     (*value)(const mlops_worker_view_t *view);
} mlops_worker_family_t;


static void mlops_worker_events(mlops_worker_t *worker, mlops_text_t *text);
static void mlops_worker_fresh(mlops_worker_t *worker, mlops_text_t *text);
static void mlops_worker_head(mlops_text_t *text, const char *name,
    const char *type, const char *help);
static void mlops_worker_number(mlops_text_t *text, double value);
static void mlops_worker_view_status(mlops_text_t *text,
    const mlops_worker_view_t *view);
static void mlops_worker_places(mlops_text_t *text,
    const mlops_run_stats_t *stats);
static void mlops_worker_time(mlops_text_t *text, int64_t us);
static void mlops_worker_publish(mlops_worker_t *worker, mlops_text_t *text,
    int dir, const char *name, unsigned bit);


#define mlops_worker_get(name, expression)                                    \
    static double                                                             \
    mlops_worker_get_ ## name(const mlops_worker_view_t *view)                \
    {                                                                         \
        return (double) (expression);                                         \
    }

#define STATS  (view->stats)
#define SHARD  (view->stats.lanes.shard)

mlops_worker_get(up, view->state == MLOPS_RUN_RUNNING
                     || view->state == MLOPS_RUN_DONE)
mlops_worker_get(caught_up, STATS.caught_up)
mlops_worker_get(records, STATS.records)
mlops_worker_get(duplicates, SHARD.duplicates)
mlops_worker_get(dead, STATS.dead)
mlops_worker_get(published, STATS.published)
mlops_worker_get(evicted, SHARD.evicted)
mlops_worker_get(expired, SHARD.expired)
mlops_worker_get(refreshed, SHARD.refreshed)
mlops_worker_get(unplaced, SHARD.unplaced)
mlops_worker_get(overflow, SHARD.dedupe_overflow)
mlops_worker_get(entities, SHARD.entities)
mlops_worker_get(lag, STATS.lag)
mlops_worker_get(checkpoints, SHARD.checkpoints)
mlops_worker_get(failures, STATS.lanes.checkpoint_failures)
mlops_worker_get(age, (SHARD.checkpoint_us == 0) ? NAN
                      : (double) (mlops_wall_us() - SHARD.checkpoint_us)
                        / 1e6)
mlops_worker_get(checkpoint, SHARD.checkpoint_bytes)
mlops_worker_get(state, SHARD.state_bytes)
mlops_worker_get(table, SHARD.table_bytes)
mlops_worker_get(log, STATS.log_bytes)
mlops_worker_get(errors, STATS.errors)


static const mlops_worker_family_t  mlops_worker_families[] = {
    { "mlops_features_up", "gauge",
      "1 where the view is at work, 0 where it has failed.",
      mlops_worker_get_up },
    { "mlops_features_caught_up", "gauge",
      "1 once the source has been read to its end as of the start.",
      mlops_worker_get_caught_up },
    { "mlops_features_records_total", "counter",
      "Records that were read from the source.", mlops_worker_get_records },
    { "mlops_features_duplicates_total", "counter",
      "Accepted events that dedupe had seen before.",
      mlops_worker_get_duplicates },
    { "mlops_features_dead_letters_total", "counter",
      "Dead letters that were sent.", mlops_worker_get_dead },
    { "mlops_features_published_total", "counter",
      "Rows that were sent to the topic of publish.",
      mlops_worker_get_published },
    { "mlops_features_evicted_total", "counter",
      "Entities that were given up for room.", mlops_worker_get_evicted },
    { "mlops_features_expired_total", "counter",
      "Entities that were dropped by their ttl.",
      mlops_worker_get_expired },
    { "mlops_features_refreshed_total", "counter",
      "Rows that were put because a boundary passed.",
      mlops_worker_get_refreshed },
    { "mlops_features_unplaced_total", "counter",
      "Puts of rows for which the store had no room.",
      mlops_worker_get_unplaced },
    { "mlops_features_dedupe_overflow_total", "counter",
      "Values that dedupe forgot too early for want of room.",
      mlops_worker_get_overflow },
    { "mlops_features_entities", "gauge", "Entities with a state.",
      mlops_worker_get_entities },
    { "mlops_features_lag_records", "gauge",
      "Records of the source that are still to be read.",
      mlops_worker_get_lag },
    { "mlops_features_checkpoints_total", "counter",
      "Checkpoints that are on disk.", mlops_worker_get_checkpoints },
    { "mlops_features_checkpoint_failures_total", "counter",
      "Checkpoints that were given up.", mlops_worker_get_failures },
    { "mlops_features_checkpoint_age_seconds", "gauge",
      "Time since the oldest of the shards' newest checkpoints.",
      mlops_worker_get_age },
    { "mlops_features_checkpoint_bytes", "gauge",
      "Size of the newest checkpoints.", mlops_worker_get_checkpoint },
    { "mlops_features_state_bytes", "gauge",
      "Memory of the windows.", mlops_worker_get_state },
    { "mlops_features_table_bytes", "gauge",
      "Size of the tables in the store.", mlops_worker_get_table },
    { "mlops_features_log_bytes_total", "counter",
      "Bytes written to the offline log.", mlops_worker_get_log },
    { "mlops_features_source_errors_total", "counter",
      "Errors of the source that passed.", mlops_worker_get_errors }
};


void
mlops_worker_look(mlops_worker_t *worker)
{
    uint32_t              i;
    uint64_t              now_ns, accepted;
    mlops_worker_view_t  *view;

    for (i = 0; i < worker->views_n; i++) {
        view = worker->views[i];

        if (view->run == NULL) {
            continue;
        }

        mlops_run_stats(view->run, &view->stats);

        now_ns = mlops_clock_ns();
        accepted = view->stats.verdicts[MLOPS_INTAKE_ACCEPTED];

        if (view->before_ns != 0 && now_ns > view->before_ns
            && accepted >= view->before)
        {
            view->rate = (double) (accepted - view->before) * 1e9
                         / (double) (now_ns - view->before_ns);
        }

        view->before = accepted;
        view->before_ns = now_ns;
    }

    mlops_worker_metrics(worker);
    mlops_worker_status(worker);
    mlops_worker_line(worker);
}


/* ---- metrics ---- */

void
mlops_worker_metrics(mlops_worker_t *worker)
{
    char                          name[MLOPS_WORKER_NAME_SIZE + 8];
    double                        value;
    size_t                        i;
    uint32_t                      j;
    mlops_text_t                  text;
    const mlops_worker_family_t  *family;

    if (worker->metrics == -1) {
        return;
    }

    memset(&text, 0, sizeof(text));

    for (i = 0; i < mlops_nitems(mlops_worker_families); i++) {
        family = &mlops_worker_families[i];

        mlops_worker_head(&text, family->name, family->type, family->help);

        for (j = 0; j < worker->views_n; j++) {
            value = family->value(worker->views[j]);

            if (isnan(value)) {
                continue;
            }

            mlops_text_add(&text, "%s{view=\"%s\"} ", family->name,
                           worker->views[j]->name);
            mlops_worker_number(&text, value);
            mlops_text_add(&text, "\n");
        }
    }

    mlops_worker_events(worker, &text);
    mlops_worker_fresh(worker, &text);

    (void) snprintf(name, sizeof(name), "%s.prom", worker->name);

    mlops_worker_publish(worker, &text, worker->metrics, name, 1);
}


static void
mlops_worker_events(mlops_worker_t *worker, mlops_text_t *text)
{
    uint32_t  i, j;

    mlops_worker_head(text, "mlops_features_events_total", "counter",
                      "Records by what they were found to be.");

    for (i = 0; i < worker->views_n; i++) {
        for (j = 0; j < MLOPS_INTAKE_N; j++) {
            mlops_text_add(text, "mlops_features_events_total{view=\"%s\","
                           "result=\"%s\"} %llu\n", worker->views[i]->name,
                           mlops_intake_verdict_name(j),
                           (unsigned long long)
                           worker->views[i]->stats.verdicts[j]);
        }
    }
}


static void
mlops_worker_fresh(mlops_worker_t *worker, mlops_text_t *text)
{
    uint32_t              i, j;
    uint64_t              sum;
    const char           *view;
    const mlops_fresh_t  *fresh;

    static const char  name[] = "mlops_features_freshness_seconds";

    mlops_worker_head(text, name, "histogram",
                      "From the timestamp of a record to its row, of a "
                      "sample of the records behind the first end.");

    for (i = 0; i < worker->views_n; i++) {
        view = worker->views[i]->name;
        fresh = &worker->views[i]->stats.lanes.fresh;
        sum = 0;

        for (j = 0; j < MLOPS_FRESH_BUCKETS; j++) {
            sum += fresh->buckets[j];
            mlops_text_add(text, "%s_bucket{view=\"%s\",le=\"", name, view);

            if (j == MLOPS_FRESH_BUCKETS - 1) {
                mlops_text_add(text, "+Inf");

            } else {
                mlops_worker_number(text, mlops_fresh_bounds[j]);
            }

            mlops_text_add(text, "\"} %llu\n", (unsigned long long) sum);
        }

        mlops_text_add(text, "%s_sum{view=\"%s\"} ", name, view);
        mlops_worker_number(text, fresh->sum);
        mlops_text_add(text, "\n%s_count{view=\"%s\"} %llu\n", name, view,
                       (unsigned long long) fresh->count);
    }
}


static void
mlops_worker_head(mlops_text_t *text, const char *name, const char *type,
    const char *help)
{
    mlops_text_add(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
                   type);
}


/* Whole numbers without a fraction. */

static void
mlops_worker_number(mlops_text_t *text, double value)
{
    char  number[MLOPS_DOUBLE_LEN + 8], *end;

    if (value == (double) (int64_t) value) {
        end = mlops_print_int64(number, (int64_t) value);

    } else {
        end = mlops_print_double(number, value);
    }

    mlops_text_add(text, "%.*s", (int) (end - number), number);
}


/* ---- status ---- */

void
mlops_worker_status(mlops_worker_t *worker)
{
    char          name[MLOPS_WORKER_NAME_SIZE + 8];
    uint32_t      i;
    mlops_text_t  text;

    if (worker->status == -1) {
        return;
    }

    memset(&text, 0, sizeof(text));

    mlops_text_add(&text, "{\"pid\":%d,\"started\":%lld,\"written\":%lld,"
                   "\"plan\":", (int) getpid(),
                   (long long) worker->started_us / 1000000,
                   (long long) mlops_wall_us() / 1000000);
    mlops_text_quoted(&text, worker->plan_file, strlen(worker->plan_file));
    mlops_text_add(&text, ",\"plan_error\":");

    if (worker->plan_err.text[0] != '\0') {
        mlops_text_quoted(&text, worker->plan_err.text,
                          strlen(worker->plan_err.text));

    } else {
        mlops_text_add(&text, "null");
    }

    mlops_text_add(&text, ",\"views\":[");

    for (i = 0; i < worker->views_n; i++) {
        mlops_text_add(&text, "%s", i ? "," : "");
        mlops_worker_view_status(&text, worker->views[i]);
    }

    mlops_text_add(&text, "]}\n");

    (void) snprintf(name, sizeof(name), "%s.json", worker->name);

    mlops_worker_publish(worker, &text, worker->status, name, 2);
}


/* A full store is told once. */

static void
mlops_worker_publish(mlops_worker_t *worker, mlops_text_t *text, int dir,
    const char *name, unsigned bit)
{
    mlops_err_t  err;

    if (mlops_text_publish(text, dir, name, &err) == MLOPS_OK) {
        worker->unpublished &= ~bit;
        return;
    }

    if (!(worker->unpublished & bit)) {
        mlops_say(MLOPS_LOG_ERROR, "\"%s\" is not written: %s", name,
                  err.text);
    }

    worker->unpublished |= bit;
}


static void
mlops_worker_view_status(mlops_text_t *text, const mlops_worker_view_t *view)
{
    uint32_t                  i;
    const char               *error;
    const mlops_run_stats_t  *stats;

    static const char *const  states[] = {
        "starting", "running", "done", "stopped", "failed"
    };

    stats = &view->stats;
    error = (view->err.text[0] != '\0') ? view->err.text : stats->err.text;

    mlops_text_add(text, "{\"view\":");
    mlops_text_quoted(text, view->name, strlen(view->name));
    mlops_text_add(text, ",\"state\":\"%s\",\"role\":\"%s\",\"caught_up\":%s,"
                   "\"definition\":",
                   states[view->state],
                   (view->role == MLOPS_ROLE_FOLLOW) ? "follow" : "compute",
                   stats->caught_up ? "true" : "false");

    if (view->view != NULL) {
        mlops_text_add(text, "\"%016llx\"",
                       (unsigned long long) view->view->hash);

    } else {
        mlops_text_add(text, "null");
    }

    mlops_text_add(text, ",\"error\":");

    if (error[0] != '\0') {
        mlops_text_quoted(text, error, strlen(error));

    } else {
        mlops_text_add(text, "null");
    }

    mlops_text_add(text, ",\"records\":%llu",
                   (unsigned long long) stats->records);

    for (i = 0; i < MLOPS_INTAKE_N; i++) {
        mlops_text_add(text, ",\"%s\":%llu", mlops_intake_verdict_name(i),
                       (unsigned long long) stats->verdicts[i]);
    }

    mlops_text_add(text, ",\"duplicates\":%llu,\"dead_letters\":%llu,"
                   "\"published\":%llu,\"entities\":%llu,\"evicted\":%llu,"
                   "\"expired\":%llu,\"unplaced\":%llu,\"lag\":%llu,"
                   "\"rate\":",
                   (unsigned long long) stats->lanes.shard.duplicates,
                   (unsigned long long) stats->dead,
                   (unsigned long long) stats->published,
                   (unsigned long long) stats->lanes.shard.entities,
                   (unsigned long long) stats->lanes.shard.evicted,
                   (unsigned long long) stats->lanes.shard.expired,
                   (unsigned long long) stats->lanes.shard.unplaced,
                   (unsigned long long) stats->lag);
    mlops_worker_number(text, rint(view->rate));
    mlops_text_add(text, ",\"state_bytes\":%llu,\"table_bytes\":%llu,"
                   "\"checkpoint\":{\"n\":%llu,\"failures\":%llu,"
                   "\"bytes\":%llu,\"time\":",
                   (unsigned long long) stats->lanes.shard.state_bytes,
                   (unsigned long long) stats->lanes.shard.table_bytes,
                   (unsigned long long) stats->lanes.shard.checkpoints,
                   (unsigned long long) stats->lanes.checkpoint_failures,
                   (unsigned long long) stats->lanes.shard.checkpoint_bytes);
    mlops_worker_time(text, stats->lanes.shard.checkpoint_us
                            ? stats->lanes.shard.checkpoint_us : INT64_MIN);
    mlops_text_add(text, "},\"partitions\":[");
    mlops_worker_places(text, stats);
    mlops_text_add(text, "]}");
}


static void
mlops_worker_places(mlops_text_t *text, const mlops_run_stats_t *stats)
{
    uint32_t                  i;
    const mlops_run_place_t  *place;

    for (i = 0; i < stats->places_n; i++) {
        place = &stats->places[i];

        mlops_text_add(text, "%s{\"partition\":%d,\"offset\":%lld,"
                       "\"high\":%lld,\"newest\":", i ? "," : "",
                       (int) place->partition, (long long) place->offset,
                       (long long) place->high);
        mlops_worker_time(text, place->max_ts_us);
        mlops_text_add(text, "}");
    }
}


/* In microseconds. */

static void
mlops_worker_time(mlops_text_t *text, int64_t us)
{
    if (us == INT64_MIN) {
        mlops_text_add(text, "null");

    } else {
        mlops_text_add(text, "%lld", (long long) us);
    }
}


/* ---- the line ---- */

void
mlops_worker_line(mlops_worker_t *worker)
{
    int                   n;
    char                  line[512];
    size_t                len;
    uint32_t              i;
    mlops_worker_view_t  *view;

    if (worker->quiet || !isatty(STDERR_FILENO)) {
        return;
    }

    line[0] = '\r';
    len = 1;

    for (i = 0; i < worker->views_n && len < sizeof(line) - 8; i++) {
        view = worker->views[i];

        n = snprintf(line + len, sizeof(line) - len, "%s%s: lag %llu, %.0f/s, "
                     "%llu entities%s", i ? " | " : "", view->name,
                     (unsigned long long) view->stats.lag, view->rate,
                     (unsigned long long) view->stats.lanes.shard.entities,
                     (view->state == MLOPS_RUN_FAILED) ? " FAILED" : "");
        len += (n > 0) ? (size_t) n : 0;
    }

    if (len > sizeof(line) - 4) {
        len = sizeof(line) - 4;
    }

    memcpy(line + len, "\033[K", 3);

    if (write(STDERR_FILENO, line, len + 3) != -1) {
        mlops_log_progress(1);
    }
}
