/*
 * Shards: rows, eviction, expiry, duplicates, growth, definitions, a full
 * store, followers; compared with a recomputation from the log (shards.h).
 */

#include "shards.h"
#include "mlops_clock.h"

#include <sys/resource.h>


static const char  view_full[] =
    "mlops_view v {"
    SHARDS_FEATURES
    "    ttl 20m;"
    "    max_entities 60;"
    "}";


static const char  view_text[] =
    "mlops_view v.w {"
    "    source kafka=main topic=t;"
    "    entity id string bytes=20;"
    "    event_time ts unit=us lateness=10s;"
    "    clock event;"
    "    feature n count() window=1h;"
    "    feature s sum(v) window=5m hop=1m;"
    "    max_entities 5000;"
    "}";


static void
compare(const char *text, uint64_t seed, uint32_t n, uint32_t partitions,
    uint32_t keys)
{
    char                 *got, *expected;
    shards_log_t          log;
    shards_counts_t       counts;
    shards_worker_t       w;
    mlops_shard_stats_t   stats;

    shards_log(&log, test_view(text), seed, n, partitions, keys);
    shards_worker(&w, &log, seed + 1);
    shards_start(&w);
    shards_run(&w, log.n);
    shards_settle(&w);

    expected = shards_expect(&log, log.view->max_entities, &counts);
    got = shards_dump(w.features, log.view);

    shards_equal("live", got, expected);

    mlops_shard_stats(w.shard, &stats);

    assert_int_equal(stats.entities, counts.alive);
    assert_int_equal(stats.duplicates, counts.duplicates);
    assert_int_equal(stats.evicted, counts.evicted);
    assert_int_equal(stats.expired, counts.expired);
    assert_int_equal(stats.unplaced, 0);
    assert_int_equal(stats.dedupe_overflow, 0);

    mlops_shard_destroy(w.shard);

    free(got);
    free(expected);
    free(log.records);
}


static void
test_recomputed(void **state)
{
    (void) state;

    compare(view_full, 11, 3000, 1, 100);
    compare(view_full, 12, 3000, 3, 200);
    compare(view_full, 13, 2000, 2, 40);
    compare(view_text, 14, 4000, 4, 3000);
}


/* ---- one step after the other ---- */

typedef struct {
    const mlops_plan_view_t  *view;
    mlops_shard_t            *shard;
    mlops_shard_conf_t        conf;
    int64_t                   offset;
    char                      notice[MLOPS_ERR_SIZE];
    uint32_t                  notices;
    uint32_t                  published;
    uint32_t                  gone;
    int64_t                   last_key;
    int64_t                   last_offset;
} steps_t;


static void
published(void *ctx, const mlops_plan_view_t *view, const mlops_key_t *key,
    uint64_t hash, const mlops_table_row_t *row, int gone)
{
    steps_t  *t;

    t = ctx;

    assert_true(view == t->view);
    assert_true(hash == mlops_key_hash(view->entity_type, key));

    t->published += !gone;
    t->gone += gone;
    t->last_key = key->number;
    t->last_offset = row->offset;
}


static void
notice(void *ctx, const mlops_err_t *err)
{
    steps_t  *t;

    t = ctx;
    t->notices++;
    memcpy(t->notice, err->text, sizeof(t->notice));
}


static void
steps(steps_t *t, const char *text)
{
    mlops_err_t  err;

    memset(t, 0, sizeof(*t));

    t->view = test_view(text);
    t->conf.features = shards_dir();
    t->conf.state = shards_dir();
    t->conf.uid = (uid_t) -1;
    t->conf.gid = (gid_t) -1;
    t->conf.published = published;
    t->conf.notice = notice;
    t->conf.ctx = t;

    err.text[0] = '\0';
    t->shard = mlops_shard_create(t->view, &t->conf, &err);
    unit_ok(t->shard != NULL, "%s", err.text);
    mlops_shard_caught_up(t->shard);
}


static void
make_event(steps_t *t, shards_event_t *e, int32_t partition, int64_t id,
    int64_t ts, double v)
{
    shards_record_t  r;

    memset(&r, 0, sizeof(r));

    r.partition = partition;
    r.offset = t->offset++;
    r.id = id;
    r.eid = r.offset;
    r.ts = ts;
    r.v = v;

    shards_event(e, t->view, &r);
}


static void
put(steps_t *t, int32_t partition, int64_t id, int64_t ts, int64_t q,
    double v)
{
    mlops_err_t     err;
    shards_event_t  e;

    make_event(t, &e, partition, id, ts, v);
    err.text[0] = '\0';
    unit_ok(mlops_shard_event(t->shard, &e.key, e.hash, &e.event, ts, q,
                              &err) == MLOPS_OK, "%s", err.text);
}


/* Column 0 of a key in the view's table at as_of: the number, -1 where there
 * is no row, -2 where it is null. */

static double
value_of(int features, const mlops_plan_view_t *view, int64_t id,
    int64_t as_of, uint32_t column, mlops_status_t *status)
{
    int                   rc;
    char                  name[MLOPS_TABLE_NAME_SIZE], text[1024];
    uint64_t              present[2];
    mlops_err_t           err;
    mlops_key_t           key;
    mlops_cell_t          cells[SHARDS_COLUMNS];
    mlops_table_t        *table;
    mlops_table_found_t   found;

    memset(&key, 0, sizeof(key));
    key.number = id;

    mlops_table_name(view, 0, name);
    table = mlops_table_open(features, name, (uid_t) -1, &err);

    if (table == NULL) {
        return -3;
    }

    rc = mlops_table_get(table, &key,
                         mlops_key_hash(MLOPS_TYPE_INT64, &key), as_of,
                         as_of, cells, present, text, &found);

    if (rc == MLOPS_OK && status != NULL) {
        *status = mlops_table_status(table, &found, present, column, 0);
    }

    mlops_table_close(table);

    if (rc != MLOPS_OK) {
        return -1;
    }

    if (!mlops_bit(present, column)) {
        return -2;
    }

    return (view->row.columns[column].kind == MLOPS_CELL_DOUBLE)
           ? cells[column].f : (double) cells[column].i;
}


#define MINUTE  60000000ll
#define T0      (28333333ll * MINUTE)       /* a whole minute */


static const char  view_wall[] =
    "mlops_view w {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock wall;"
    "    feature n count() window=5m hop=1m;"
    "    feature c close(v) window=1m;"
    "    max_entities 100000;"
    "}";


/* Windows empty as the wall passes boundaries; rows hold both sets. */

static void
test_clock(void **arg)
{
    steps_t              t;
    mlops_status_t       status;
    mlops_shard_stats_t  stats;

    (void) arg;

    steps(&t, view_wall);
    assert_int_equal(t.view->sets, 2);
    assert_true(mlops_shard_next(t.shard, 0) == INT64_MAX);

    put(&t, 0, 7, T0 + 10, T0 + 1000, 3.5);
    put(&t, 0, 7, T0 + 20, T0 + 2000, 4.5);

    assert_int_equal(t.published, 2);

    /* the bar is open until the next minute */

    assert_true(value_of(t.conf.features, t.view, 7, T0 + 2000, 0, NULL)
                == 2);
    assert_true(value_of(t.conf.features, t.view, 7, T0 + 2000, 1, NULL)
                == -2);
    assert_true(value_of(t.conf.features, t.view, 7, T0 + MINUTE - 1, 1,
                         &status) == -2);
    assert_int_equal(status, MLOPS_STATUS_NULL_VALUE);
    assert_true(value_of(t.conf.features, t.view, 7, T0 + MINUTE, 1, &status)
                == 4.5);
    assert_int_equal(status, MLOPS_STATUS_PRESENT);

    assert_true(mlops_shard_next(t.shard, 0) == T0 + MINUTE);
    assert_int_equal(mlops_shard_clock(t.shard, 0, T0 + MINUTE - 1, 10),
                     MLOPS_OK);
    mlops_shard_stats(t.shard, &stats);
    assert_int_equal(stats.refreshed, 0);

    assert_int_equal(mlops_shard_clock(t.shard, 0, T0 + MINUTE, 10),
                     MLOPS_OK);
    mlops_shard_stats(t.shard, &stats);
    assert_int_equal(stats.refreshed, 1);
    assert_int_equal(t.published, 3);

    /* the tail of the 5 minutes leaves the minute of the events at T0 + 6 */

    (void) mlops_shard_clock(t.shard, 0, T0 + 5 * MINUTE, 10);
    assert_true(value_of(t.conf.features, t.view, 7, T0 + 5 * MINUTE, 0,
                         NULL) == 2);
    (void) mlops_shard_clock(t.shard, 0, T0 + 6 * MINUTE, 10);
    assert_true(value_of(t.conf.features, t.view, 7, T0 + 6 * MINUTE, 0,
                         &status) == 0);
    assert_int_equal(status, MLOPS_STATUS_PRESENT);
    assert_true(value_of(t.conf.features, t.view, 7, T0 + 6 * MINUTE, 1,
                         NULL) == 4.5);

    /* nothing will change any more; a clock that goes back is ignored */

    assert_true(mlops_shard_next(t.shard, 0) == INT64_MAX);
    (void) mlops_shard_clock(t.shard, 0, T0, 10);
    put(&t, 0, 8, T0 + 30, T0 + 100, 1.5);
    assert_true(value_of(t.conf.features, t.view, 8, T0 + 6 * MINUTE, 0,
                         NULL) == 0);

    mlops_shard_destroy(t.shard);
}


/* Many rows that are due are put in slices. */

static void
test_budget(void **arg)
{
    uint32_t             i;
    steps_t              t;
    mlops_shard_stats_t  stats;

    (void) arg;

    steps(&t, view_wall);

    for (i = 0; i < 1000; i++) {
        put(&t, 0, i, T0 + i, T0 + i + 1, 1);
    }

    for (i = 0; mlops_shard_clock(t.shard, 0, T0 + MINUTE, 100)
                == MLOPS_AGAIN; i++)
    {
        mlops_shard_stats(t.shard, &stats);
        assert_true(stats.refreshed <= 100 * (i + 1));
    }

    mlops_shard_stats(t.shard, &stats);
    assert_int_equal(stats.refreshed, 1000);
    assert_true(i >= 9 && i <= 30);

    mlops_shard_destroy(t.shard);
}


static void
test_conflict(void **arg)
{
    steps_t         t;
    mlops_err_t     err;
    shards_event_t  e;

    (void) arg;

    steps(&t, view_wall);

    put(&t, 3, 17, T0, T0 + 1, 1);
    make_event(&t, &e, 5, 17, T0 + 1, 1);

    assert_int_equal(mlops_shard_event(t.shard, &e.key, e.hash, &e.event,
                                       T0 + 1, T0 + 2, &err), MLOPS_ERROR);
    unit_ok(strstr(err.text, "entity 17 belongs to partition 3, but "
                   "partition 5 has an event of it at offset 1") != NULL
            && strstr(err.text, "the record key has to be the entity")
               != NULL
            && strstr(err.text, "key = id into a new topic") != NULL,
            "%s", err.text);

    /* what a backfill from files has left goes to whom it belongs */

    put(&t, -1, 18, T0, T0 + 1, 1);
    put(&t, 5, 18, T0 + 5, T0 + 6, 1);
    assert_true(value_of(t.conf.features, t.view, 18, T0 + 6, 0, NULL) == 2);

    make_event(&t, &e, 4, 18, T0 + 1, 1);
    assert_int_equal(mlops_shard_event(t.shard, &e.key, e.hash, &e.event,
                                       T0 + 1, T0 + 2, &err), MLOPS_ERROR);

    /* its boundaries are those of the new partition */

    assert_true(mlops_shard_next(t.shard, -1) == INT64_MAX);
    assert_true(mlops_shard_next(t.shard, 5) == T0 + MINUTE);

    e.event.partition = MLOPS_PARTITIONS_MAX;
    assert_int_equal(mlops_shard_event(t.shard, &e.key, e.hash, &e.event,
                                       T0 + 1, T0 + 2, &err), MLOPS_ERROR);

    mlops_shard_destroy(t.shard);
}


/* A reader that holds the first table sees rows in it as long as it does,
 * and finds the new one by the word in the header. */

static void
test_growth(void **arg)
{
    char                  name[MLOPS_TABLE_NAME_SIZE], text[1024];
    uint32_t              i, seen;
    uint64_t              present[2];
    steps_t               t;
    mlops_key_t           key;
    mlops_err_t           err;
    mlops_cell_t          cells[SHARDS_COLUMNS];
    mlops_table_t        *held;
    mlops_table_found_t   found;
    mlops_shard_stats_t   stats, later;

    (void) arg;

    steps(&t, view_wall);
    mlops_table_name(t.view, 0, name);
    held = mlops_table_open(t.conf.features, name, (uid_t) -1, &err);
    assert_non_null(held);
    assert_int_equal(mlops_table_header(held)->capacity, 1024);

    for (i = 0; i < 5000; i++) {
        put(&t, 0, i, T0 + i, T0 + i + 1, 1);
    }

    assert_true(mlops_table_superseded(mlops_table_header(held)));
    mlops_shard_stats(t.shard, &stats);
    assert_int_equal(stats.unplaced, 0);
    assert_int_equal(stats.entities, 5000);

    for (seen = 0, i = 0; i < 5000; i++) {
        seen += value_of(t.conf.features, t.view, i, T0 + 5000, 0, NULL)
                == 1;
    }

    assert_int_equal(seen, 5000);

    /* still fed, then given up */

    (void) mlops_shard_tend(t.shard, 10000000, 1000);
    put(&t, 0, 5, T0 + 6000, T0 + 6001, 1);

    memset(&key, 0, sizeof(key));
    key.number = 5;
    assert_int_equal(mlops_table_get(held, &key,
                                     mlops_key_hash(MLOPS_TYPE_INT64, &key),
                                     T0 + 6001, INT64_MIN, cells, present,
                                     text, &found), MLOPS_OK);
    assert_int_equal(cells[0].i, 2);

    mlops_shard_stats(t.shard, &stats);
    mlops_table_close(held);
    (void) mlops_shard_tend(t.shard, 20000000, 1000);
    mlops_shard_stats(t.shard, &later);
    assert_true(later.table_bytes < stats.table_bytes);

    mlops_shard_destroy(t.shard);

    /* the next writer finds it */

    t.shard = mlops_shard_create(t.view, &t.conf, &err);
    assert_non_null(t.shard);
    assert_true(value_of(t.conf.features, t.view, 5, T0 + 6001, 0, NULL)
                == 2);
    mlops_shard_destroy(t.shard);
}


/* A store without room: told once, counted, tried again; the old table and
 * its readers go on. */

static void
full(void)
{
    uint32_t              i;
    steps_t               t;
    struct rlimit         limit, before;
    mlops_shard_stats_t   stats;

    steps(&t, view_wall);
    (void) mlops_shard_tend(t.shard, 1000000, 1000);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = mlops_table_file_bytes(t.view, 1500);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

    for (i = 0; i < 1100; i++) {
        put(&t, 0, i, T0 + i, T0 + i + 1, 1);
        put(&t, 0, i, T0 + i, T0 + i + 1, 1);
    }

    assert_int_equal(t.notices, 1);
    unit_ok(strstr(t.notice, "a table of 2048 entities") != NULL, "%s",
            t.notice);

    mlops_shard_stats(t.shard, &stats);
    assert_int_equal(stats.unplaced, 2 * (1100 - 1024));
    assert_int_equal(stats.entities, 1100);
    assert_true(value_of(t.conf.features, t.view, 3, T0 + 1100, 0, NULL)
                == 2);
    assert_true(value_of(t.conf.features, t.view, 1099, T0 + 1100, 0, NULL)
                == -1);

    /* there is still none: not told again */

    (void) mlops_shard_tend(t.shard, 20000000, 100000);
    assert_int_equal(t.notices, 1);

    /* there is room again, and a while has passed */

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void) mlops_shard_tend(t.shard, 21000000, 100000);
    assert_true(value_of(t.conf.features, t.view, 1099, T0 + 1100, 0, NULL)
                == -1);

    while (mlops_shard_tend(t.shard, 30000000, 100000) == MLOPS_AGAIN) {
        usleep(100);
    }

    assert_true(value_of(t.conf.features, t.view, 1099, T0 + 1100, 0, NULL)
                == 2);

    for (i = 1100; i < 1400; i++) {
        put(&t, 0, i, T0 + i, T0 + i + 1, 1);
    }

    mlops_shard_stats(t.shard, &stats);
    assert_int_equal(stats.unplaced, 2 * (1100 - 1024));

    mlops_shard_destroy(t.shard);
}


/* From the beginning there is no table at all. */

static void
full_at_once(void)
{
    steps_t              t;
    mlops_err_t          err;
    struct rlimit        limit, before;
    mlops_shard_stats_t  stats;

    steps(&t, view_wall);
    mlops_shard_destroy(t.shard);
    t.conf.features = shards_dir();

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);

    err.text[0] = '\0';
    t.shard = mlops_shard_create(t.view, &t.conf, &err);
    unit_ok(t.shard != NULL, "%s", err.text);
    mlops_shard_caught_up(t.shard);
    assert_int_equal(t.notices, 1);

    put(&t, 0, 1, T0, T0 + 1, 1);
    mlops_shard_stats(t.shard, &stats);
    assert_int_equal(stats.unplaced, 1);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    /* a wall clock that is set back does not put it off */

    while (mlops_shard_tend(t.shard, mlops_wall_us() - 3600000000, 1000)
           == MLOPS_AGAIN)
    {
        usleep(100);
    }

    assert_true(value_of(t.conf.features, t.view, 1, T0 + 1, 0, NULL) == 1);
    mlops_shard_destroy(t.shard);
}


/* In children: the limit is the process's. */

static void
test_full(void **arg)
{
    int    i, status;
    pid_t  pid;

    (void) arg;

    for (i = 0; i < 2; i++) {
        fflush(stdout);
        pid = fork();
        assert_true(pid != -1);

        if (pid == 0) {
            unit_ndirs = 0;                 /* the others are the parent's */
            signal(SIGXFSZ, SIG_IGN);
            i == 0 ? full() : full_at_once();
            fflush(stdout);
            unit_cleanup();
            _exit(0);
        }

        assert_int_equal(waitpid(pid, &status, 0), pid);
        unit_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                "part %d ended with %x", i, status);
    }
}


/* ---- a table that is ahead ---- */

static const char  view_two[] =
    "mlops_view two {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock event;"
    "    feature n count() window=5m hop=1m;"
    "    max_entities 2;"
    "}";


/* What was given up later in the log does not come back while the log is read
 * again, nor does what was there vanish. */

static void
test_ahead(void **arg)
{
    int                 rc;
    int64_t             cut;
    uint32_t            n;
    steps_t             t;
    mlops_err_t         err;
    mlops_position_t    position, positions[MLOPS_PARTITIONS_MAX + 1];

    (void) arg;

    steps(&t, view_two);

    put(&t, 0, 1, T0, T0 + 1, 1);
    put(&t, 0, 2, T0 + 1, T0 + 2, 1);

    memset(&position, 0, sizeof(position));
    position.offset = 1;
    position.max_ts_us = T0 + 1;

    assert_int_equal(mlops_shard_checkpoint(t.shard, &position, 1, INT64_MIN,
                                            &err), MLOPS_OK);

    while ((rc = mlops_shard_checkpoint_step(t.shard, 10000, &err))
           == MLOPS_AGAIN)
    {
        usleep(100);
    }

    assert_int_equal(rc, MLOPS_OK);

    put(&t, 0, 1, T0 + 2, T0 + 3, 1);
    put(&t, 0, 2, T0 + 3, T0 + 4, 1);
    put(&t, 0, 3, T0 + 4, T0 + 5, 1);       /* 1 goes */
    put(&t, 0, 2, T0 + 5, T0 + 6, 1);
    put(&t, 0, 3, T0 + 6, T0 + 7, 1);
    put(&t, 0, 4, T0 + 7, T0 + 8, 1);       /* 2 goes */
    put(&t, 0, 1, T0 + 8, T0 + 9, 1);       /* 3 goes, 1 begins anew */

    position.offset = 8;
    position.max_ts_us = T0 + 8;
    mlops_shard_position(t.shard, &position, T0 + 9);
    mlops_shard_destroy(t.shard);

    t.shard = mlops_shard_create(t.view, &t.conf, &err);
    assert_non_null(t.shard);
    assert_int_equal(mlops_shard_load(t.shard, positions, &n, &cut, &err),
                     MLOPS_OK);
    assert_int_equal(positions[0].offset, 1);
    assert_true(mlops_shard_behind(t.shard));

    for (t.offset = 2; t.offset < 8; /* void */ ) {
        static const int64_t  ids[] = { 1, 2, 3, 2, 3, 4 };

        n = (uint32_t) t.offset - 2;
        put(&t, 0, ids[n], T0 + n + 2, T0 + n + 3, 1);

        assert_true(mlops_shard_behind(t.shard));
        assert_true(value_of(t.conf.features, t.view, 1, T0 + 9, 0, NULL)
                    == 1);
        assert_true(value_of(t.conf.features, t.view, 2, T0 + 9, 0, NULL)
                    == -1);
        assert_true(value_of(t.conf.features, t.view, 3, T0 + 9, 0, NULL)
                    == -1);
        assert_true(value_of(t.conf.features, t.view, 4, T0 + 9, 0, NULL)
                    == 1);
    }

    put(&t, 0, 1, T0 + 8, T0 + 9, 1);
    assert_false(mlops_shard_behind(t.shard));
    mlops_shard_caught_up(t.shard);

    assert_true(value_of(t.conf.features, t.view, 1, T0 + 9, 0, NULL) == 1);
    assert_true(value_of(t.conf.features, t.view, 4, T0 + 9, 0, NULL) == 1);
    assert_true(value_of(t.conf.features, t.view, 2, T0 + 9, 0, NULL) == -1);

    mlops_shard_destroy(t.shard);
}


/* ---- another definition ---- */

static const char  view_first[] =
    "mlops_view r {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock event;"
    "    feature n count() window=5m hop=1m;"
    "    feature s sum(v) window=5m hop=1m;"
    "    feature g last(eid) type=int64;"
    "}";

static const char  view_later[] =
    "mlops_view r {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock event;"
    "    feature x max(v) window=10m hop=1m;"
    "    feature count_again count() window=5m hop=1m;"
    "    feature b last(v);"
    "    feature q ratio(x, count_again);"
    "}";


static void
test_redefine(void **arg)
{
    char                      name[MLOPS_TABLE_NAME_SIZE], text[1024];
    int64_t                   ts;
    uint32_t                  i;
    uint64_t                  present[2];
    steps_t                   t;
    mlops_key_t               key;
    mlops_err_t               err;
    mlops_cell_t              cells[SHARDS_COLUMNS];
    mlops_table_t            *held;
    mlops_status_t            status;
    mlops_table_found_t       found;
    mlops_position_t          position;
    const mlops_plan_view_t  *first, *later;

    (void) arg;

    steps(&t, view_first);
    first = t.view;
    later = test_view(view_later);
    assert_true(first->base_hash == later->base_hash);
    assert_true(first->hash != later->hash);

    for (i = 0; i < 3000; i++) {
        put(&t, 0, i % 1000, T0 + i, T0 + i + 1, i);
    }

    mlops_table_name(first, 0, name);
    held = mlops_table_open(t.conf.features, name, (uid_t) -1, &err);
    assert_non_null(held);

    /* taken over in slices, and by events */

    assert_int_equal(mlops_shard_redefine(t.shard, later, &err), MLOPS_OK);
    t.view = later;
    assert_true(mlops_shard_uses(t.shard, first));
    assert_true(mlops_shard_uses(t.shard, later));

    put(&t, 0, 999, T0 + 3000, T0 + 3001, 7);
    put(&t, 0, 5000, T0 + 3001, T0 + 3002, 8);

    ts = 1000000;

    while (mlops_shard_tend(t.shard, ts, 100) == MLOPS_AGAIN) {
        ts += 1000;
        usleep(100);
    }

    memset(&position, 0, sizeof(position));
    position.offset = t.offset - 1;
    position.max_ts_us = T0 + 3001;
    mlops_shard_position(t.shard, &position, T0 + 3002);

    /* what has the same definition under another name is complete */

    assert_true(value_of(t.conf.features, later, 3, INT64_MIN, 1, &status)
                == 3);
    assert_int_equal(status, MLOPS_STATUS_PRESENT);
    assert_true(value_of(t.conf.features, later, 999, INT64_MIN, 1, &status)
                == 4);
    assert_true(value_of(t.conf.features, later, 5000, INT64_MIN, 1, &status)
                == 1);

    /* the new ones begin: the maximum until its window has passed */

    assert_true(value_of(t.conf.features, later, 3, INT64_MIN, 0, &status)
                == -2);
    assert_int_equal(status, MLOPS_STATUS_WARMING);
    assert_true(value_of(t.conf.features, later, 999, INT64_MIN, 0, &status)
                == 7);
    assert_int_equal(status, MLOPS_STATUS_WARMING);
    (void) value_of(t.conf.features, later, 999, T0 + 11 * MINUTE - 1, 0,
                    &status);
    assert_int_equal(status, MLOPS_STATUS_WARMING);
    (void) value_of(t.conf.features, later, 999, T0 + 11 * MINUTE, 0,
                    &status);
    assert_int_equal(status, MLOPS_STATUS_STALE);
    (void) value_of(t.conf.features, later, 999, T0 + 1000 * MINUTE, 2,
                    &status);
    assert_int_equal(status, MLOPS_STATUS_WARMING);
    (void) value_of(t.conf.features, later, 999, T0 + 11 * MINUTE - 1, 3,
                    &status);
    assert_int_equal(status, MLOPS_STATUS_WARMING);

    /* the old table is fed with what events still say */

    memset(&key, 0, sizeof(key));
    key.number = 999;
    assert_int_equal(mlops_table_get(held, &key,
                                     mlops_key_hash(MLOPS_TYPE_INT64, &key),
                                     0, INT64_MIN, cells, present, text,
                                     &found), MLOPS_OK);
    assert_int_equal(cells[0].i, 4);
    assert_true(cells[1].f == 999 + 1999 + 2999 + 7);
    assert_int_equal(mlops_table_status(held, &found, present, 1, 0),
                     MLOPS_STATUS_PRESENT);
    assert_int_equal(mlops_table_status(held, &found, present, 2, 0),
                     MLOPS_STATUS_WARMING);

    /* until nobody reads it */

    (void) mlops_shard_tend(t.shard, ts + 1000000, 100);
    assert_true(mlops_shard_uses(t.shard, first));
    mlops_table_close(held);
    (void) mlops_shard_tend(t.shard, ts + 2000000, 100);
    assert_false(mlops_shard_uses(t.shard, first));
    assert_true(value_of(t.conf.features, first, 999, INT64_MIN, 0, NULL)
                == -3);

    /* and back again: what both have, that is the count, was kept */

    assert_int_equal(mlops_shard_redefine(t.shard, first, &err), MLOPS_OK);
    t.view = first;
    put(&t, 0, 999, T0 + 4000, T0 + 4001, 1);

    while (mlops_shard_tend(t.shard, ts, 100) == MLOPS_AGAIN) {
        usleep(100);
    }

    assert_true(value_of(t.conf.features, first, 999, T0 + 4001, 0, &status)
                == 5);
    assert_int_equal(status, MLOPS_STATUS_PRESENT);
    assert_true(value_of(t.conf.features, first, 999, T0 + 4001, 1, &status)
                == 1);
    assert_int_equal(status, MLOPS_STATUS_WARMING);

    /* another source is another view */

    assert_int_equal(mlops_shard_redefine(t.shard, test_view(view_wall),
                                          &err), MLOPS_ERROR);

    mlops_shard_destroy(t.shard);
}


/* ---- followers ---- */

static const char  view_leader[] =
    "mlops_view f {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock event;"
    "    feature n count() window=5m hop=1m;"
    "    feature t last(tag) type=string bytes=6;"
    "    feature c close(v) window=1m;"
    "    feature w first(tag) type=string bytes=2;"
    "    max_entities 1000;"
    "}";

static const char  view_follower[] =
    "mlops_view f {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock event;"
    "    role follow;"
    "    publish;"
    "    feature n count() window=5m hop=1m;"
    "    feature t last(tag) type=string bytes=6;"
    "    feature c close(v) window=1m;"
    "    feature w first(tag) type=string bytes=2;"
    "    max_entities 1000;"
    "}";


typedef struct {
    mlops_shard_t  *follower;
    uint64_t        seed;
    uint32_t        sent;
} follow_t;


/* Some rows come twice. */

static void
follow(void *ctx, const mlops_plan_view_t *view, const mlops_key_t *key,
    uint64_t hash, const mlops_table_row_t *row, int gone)
{
    follow_t     *f;
    mlops_err_t   err;

    (void) view;

    f = ctx;
    f->sent++;

    do {
        err.text[0] = '\0';
        unit_ok(mlops_shard_follow(f->follower, key, hash, row, gone, &err)
                == MLOPS_OK, "%s", err.text);
    } while (unit_random(&f->seed) % 4 == 0);
}


/* The follower's table is the leader's. */

static void
follow_equal(const char *what, int features, const mlops_plan_view_t *view,
    const char *expected)
{
    char  *got;

    got = shards_dump(features, view);
    shards_equal(what, got, expected);
    free(got);
}


/* An entity that has expired may come back in another partition, and does so
 * again when rows are sent twice: a follower takes what is decided. */

static void
test_follow_partitions(void **arg)
{
    uint32_t              i, n;
    steps_t               t;
    uint64_t              hash, present[2];
    mlops_err_t           err;
    mlops_key_t           key;
    mlops_cell_t          cells[SHARDS_COLUMNS];
    mlops_table_row_t     row;

    static const int32_t  partitions[] = { 1, 3, 1, 3 };

    (void) arg;

    steps(&t, view_follower);
    n = t.view->row.n;
    assert_true(n * t.view->sets <= SHARDS_COLUMNS && t.view->sets == 2);

    memset(&key, 0, sizeof(key));
    memset(cells, 0, sizeof(cells));
    memset(&row, 0, sizeof(row));

    key.number = 7;
    hash = mlops_key_hash(MLOPS_TYPE_INT64, &key);

    for (i = 0; i < 4; i++) {
        present[0] = 1;
        present[1] = 1;
        row.event_us = T0 + i;
        row.offset = 100 - i;
        row.partition = partitions[i];
        row.switch_us = INT64_MAX;
        row.valid_us = INT64_MAX;
        row.cells = cells;
        row.present = present;
        cells[0].i = 10 + i;
        cells[n].i = 10 + i;

        err.text[0] = '\0';
        unit_ok(mlops_shard_follow(t.shard, &key, hash, &row, 0, &err)
                == MLOPS_OK, "%s", err.text);
        assert_true(value_of(t.conf.features, t.view, 7, T0, 0, NULL)
                    == 10 + i);
    }

    mlops_shard_destroy(t.shard);
}


static void
test_follow(void **arg)
{
    int                        rc;
    char                      *expected;
    int64_t                    cut;
    uint32_t                   n, p;
    uint64_t                   present[2];
    follow_t                   f;
    mlops_err_t                err;
    mlops_key_t                key;
    mlops_cell_t               cells[SHARDS_COLUMNS];
    shards_log_t               log;
    shards_worker_t            w, x;
    mlops_position_t           positions[MLOPS_PARTITIONS_MAX + 1];
    mlops_table_row_t          row;
    mlops_shard_conf_t         conf;
    mlops_shard_stats_t        stats;
    const mlops_plan_view_t   *view;

    (void) arg;

    shards_log(&log, test_view(view_leader), 31, 6000, 2, 2000);
    view = test_view(view_follower);

    shards_worker(&w, &log, 5);
    shards_worker(&x, &log, 6);
    f.seed = 77;
    f.sent = 0;

    shards_conf(&x, &conf);
    f.follower = mlops_shard_create(view, &conf, &err);
    assert_non_null(f.follower);

    shards_conf(&w, &conf);
    conf.published = follow;
    conf.ctx = &f;
    w.shard = mlops_shard_create(log.view, &conf, &err);
    assert_non_null(w.shard);

    for (p = 0; p < SHARDS_PARTITIONS; p++) {
        w.positions[p].partition = (int32_t) p;
        w.positions[p].offset = -1;
        w.positions[p].max_ts_us = INT64_MIN;
    }

    shards_run(&w, log.n);
    shards_settle(&w);

    for (p = 0; p < 2; p++) {
        mlops_shard_position(f.follower, &w.positions[p],
                             shards_q(&w, (int32_t) p));
    }

    mlops_shard_stats(w.shard, &stats);
    assert_int_equal(stats.entities, 1000);
    assert_true(stats.evicted > 100);
    assert_true(f.sent > 6000);

    expected = shards_dump(w.features, log.view);
    mlops_shard_destroy(w.shard);

    follow_equal("followed", x.features, view, expected);

    /* what is old is not taken, nor is what is new removed by it */

    memset(&key, 0, sizeof(key));
    memset(&row, 0, sizeof(row));
    key.number = log.records[log.n - 1].id;
    row.partition = log.records[log.n - 1].partition;
    row.offset = 1;
    assert_int_equal(mlops_shard_follow(f.follower, &key,
                         mlops_key_hash(MLOPS_TYPE_INT64, &key), &row, 1,
                         &err), MLOPS_OK);
    assert_int_equal(mlops_shard_follow(f.follower, &key,
                         mlops_key_hash(MLOPS_TYPE_INT64, &key), &row, 0,
                         &err), MLOPS_OK);
    follow_equal("old rows", x.features, view, expected);

    /* its checkpoint has the rows, and makes a lost table again */

    assert_int_equal(mlops_shard_checkpoint(f.follower, w.positions, 2,
                                            INT64_MIN, &err), MLOPS_OK);

    while ((rc = mlops_shard_checkpoint_step(f.follower, 10000, &err))
           == MLOPS_AGAIN)
    {
        usleep(100);
    }

    assert_int_equal(rc, MLOPS_OK);
    mlops_shard_destroy(f.follower);

    x.features = shards_dir();
    shards_conf(&x, &conf);
    f.follower = mlops_shard_create(view, &conf, &err);
    assert_non_null(f.follower);
    assert_int_equal(mlops_shard_load(f.follower, positions, &n, &cut, &err),
                     MLOPS_OK);
    assert_int_equal(n, 2);
    assert_false(mlops_shard_behind(f.follower));
    mlops_shard_caught_up(f.follower);
    follow_equal("loaded", x.features, view, expected);
    mlops_shard_destroy(f.follower);

    /* without it: rows stay while they are read again */

    f.follower = mlops_shard_create(view, &conf, &err);
    assert_non_null(f.follower);
    assert_true(mlops_shard_behind(f.follower));

    row.cells = cells;
    row.present = present;
    memset(cells, 0, sizeof(cells));
    memset(present, 0, sizeof(present));

    assert_int_equal(mlops_shard_follow(f.follower, &key,
                         mlops_key_hash(MLOPS_TYPE_INT64, &key), &row, 0,
                         &err), MLOPS_OK);
    follow_equal("read again", x.features, view, expected);

    mlops_shard_caught_up(f.follower);
    free(expected);
    expected = shards_dump(x.features, view);
    assert_true(strlen(expected) < 200);
    mlops_shard_destroy(f.follower);

    free(expected);
    free(log.records);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_recomputed),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_conflict),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_ahead),
        cmocka_unit_test(test_redefine),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_follow_partitions)
    };

    return unit_run(tests);
}
