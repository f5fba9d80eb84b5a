/*
 * Lanes and the parts of a run above them, without a broker: what a restart
 * after a backfill finds, and what is WARMING when partitions come late.
 */

#include "shards.h"
#include "mlops_lane.h"
#include "mlops_run_state.h"


#define MINUTE  60000000ll
#define T0      (28333333ll * MINUTE)       /* a whole minute */


static const char  view_lane[] =
    "mlops_view l {"
    "    source kafka=main topic=t group=g;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock wall;"
    "    feature n count() window=5m hop=1m;"
    "    feature m max(v) window=5m hop=1m;"
    "    max_entities 100;"
    "}";


/* A run of one lane as mlops_run.c makes it, as far as it is needed. */

typedef struct {
    mlops_run_t                run;
    mlops_run_part_t           parts[MLOPS_PARTITIONS_MAX + 1];
    int32_t                    owned[MLOPS_PARTITIONS_MAX + 1];
    mlops_position_t           loaded[MLOPS_PARTITIONS_MAX + 1];
    mlops_position_t          *loaded_one;
    mlops_lane_t              *lane;
    int                        found;
    const mlops_plan_view_t   *view;
    mlops_shard_conf_t         conf;
} lane_run_t;


static void
lane_conf(lane_run_t *r)
{
    memset(r, 0, sizeof(*r));

    r->view = test_view(view_lane);
    r->conf.features = shards_dir();
    r->conf.state = shards_dir();
    r->conf.uid = (uid_t) -1;
    r->conf.gid = (gid_t) -1;
}


static void
lane_open(lane_run_t *r)
{
    int64_t             cut_us;
    uint32_t            i, n;
    mlops_err_t         err;
    mlops_position_t    list[MLOPS_PARTITIONS_MAX + 1];
    mlops_lane_conf_t   conf;

    memset(&r->run, 0, sizeof(r->run));
    memset(r->parts, 0, sizeof(r->parts));
    memset(&conf, 0, sizeof(conf));

    for (i = 0; i <= MLOPS_PARTITIONS_MAX; i++) {
        r->parts[i].at.partition = (int32_t) i - 1;
        r->parts[i].at.offset = -1;
        r->parts[i].at.max_ts_us = INT64_MIN;
        r->parts[i].first_ts_us = INT64_MAX;
        r->loaded[i] = r->parts[i].at;
    }

    conf.view = r->view;
    conf.name = "l";
    conf.shard = r->conf;
    conf.shard.cold = (mlops_run_begun(r->conf.state) != 0);


    err.text[0] = '\0';
    r->lane = mlops_lane_create(&conf, &r->found, list, &n, &cut_us, &err);
    unit_ok(r->lane != NULL, "%s", err.text);

    for (i = 0; i < n; i++) {
        r->loaded[list[i].partition + 1] = list[i];

        if (list[i].partition >= 0) {
            r->parts[list[i].partition + 1].at = list[i];
            r->parts[list[i].partition + 1].loaded = 1;
        }
    }

    r->loaded_one = r->loaded;

    r->run.view = r->view;
    r->run.parts = r->parts;
    r->run.owned = r->owned;
    r->run.loaded = &r->loaded_one;
    r->run.lanes = &r->lane;
    r->run.lanes_n = 1;
    r->run.shards = 1;
    r->run.state_dir = r->conf.state;
    r->run.cut_us = cut_us;
    r->run.intake = mlops_intake_create(r->view, &err);
    unit_ok(r->run.intake != NULL, "%s", err.text);
    unit_ok(mlops_run_begin_load(&r->run, &err) == MLOPS_OK, "%s", err.text);
}


static void
lane_checkpoint(lane_run_t *r)
{
    mlops_err_t  err;

    r->run.changed = 1;
    err.text[0] = '\0';
    unit_ok(mlops_run_checkpoint_now(&r->run, 10000, &err) == MLOPS_OK, "%s",
            err.text);
}


static void
lane_close(lane_run_t *r)
{
    mlops_lane_destroy(r->lane);
    mlops_intake_destroy(r->run.intake);
}


/* One event of key 7 and a checkpoint of it, as a worker or a backfill left
 * them. */

static void
lane_before(lane_run_t *r, int32_t partition, const uint64_t *columns,
    int64_t warm_us)
{
    mlops_err_t        err;
    mlops_shard_t     *shard;
    shards_event_t     e;
    shards_record_t    record;
    mlops_position_t   position;

    lane_conf(r);

    err.text[0] = '\0';
    shard = mlops_shard_create(r->view, &r->conf, &err);
    unit_ok(shard != NULL, "%s", err.text);

    memset(&record, 0, sizeof(record));
    record.partition = partition;
    record.offset = 41;
    record.id = 7;
    record.ts = T0 + 10;
    record.v = 2.5;

    shards_event(&e, r->view, &record);
    assert_int_equal(mlops_shard_event(shard, &e.key, e.hash, &e.event,
                                       T0 + 10, T0 + 20, &err), MLOPS_OK);
    mlops_shard_caught_up(shard);

    if (columns != NULL) {
        mlops_shard_warm(shard, columns, warm_us);
    }

    position.partition = partition;
    position.offset = 41;
    position.max_ts_us = T0 + 10;

    assert_int_equal(mlops_shard_checkpoint(shard, &position, 1, INT64_MIN,
                                            &err), MLOPS_OK);

    while (mlops_shard_checkpoint_step(shard, 65536, &err) == MLOPS_AGAIN) {
        usleep(100);
    }

    mlops_shard_destroy(shard);
}


/* Column 0 of key 7 at a time, and its status. */

static int64_t
lane_count(const lane_run_t *r, int64_t now_us, mlops_status_t *status)
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
    key.number = 7;

    mlops_table_name(r->view, 0, name);
    table = mlops_table_open(r->conf.features, name, (uid_t) -1, &err);
    assert_non_null(table);

    rc = mlops_table_get(table, &key, mlops_key_hash(MLOPS_TYPE_INT64, &key),
                         now_us, INT64_MIN, cells, present, text, &found);
    assert_int_equal(rc, MLOPS_OK);
    *status = mlops_table_status(table, &found, present, 0, 0);

    mlops_table_close(table);

    return cells[0].i;
}


/* What the table shows of when a column is complete. */

static int64_t
lane_warm_us(const lane_run_t *r, uint32_t column)
{
    char            name[MLOPS_TABLE_NAME_SIZE];
    int64_t         warm_us;
    mlops_err_t     err;
    mlops_table_t  *table;

    mlops_table_name(r->view, 0, name);
    table = mlops_table_open(r->conf.features, name, (uid_t) -1, &err);
    assert_non_null(table);

    warm_us = atomic_load(&((mlops_table_column_t *)
                            mlops_table_columns(table))[column].warm_us);
    mlops_table_close(table);

    return warm_us;
}


/* An entity of a backfill from a file belongs to no partition until one has
 * an event of it.  It lives on all the same, over any number of restarts. */

static void
test_backfilled(void **state)
{
    int             life;
    lane_run_t      r;
    mlops_status_t  status;

    (void) state;

    lane_before(&r, -1, NULL, 0);

    for (life = 0; life < 3; life++) {
        lane_open(&r);
        assert_int_equal(r.found, 1);
        assert_int_equal(r.loaded[0].offset, 41);
        assert_true(r.loaded[0].max_ts_us == T0 + 10);

        (void) mlops_run_acquire(&r.run, 0, 0, 0);
        r.run.caught_up = 0;
        mlops_run_reach(&r.run);
        mlops_lane_drain(r.lane, 1);

        /* 12:00:00 + 10 us counts until 12:06, in hops of a minute */

        (void) mlops_lane_work(r.lane, T0 + 2 * MINUTE);
        assert_int_equal(lane_count(&r, T0 + 2 * MINUTE, &status), 1);
        assert_int_equal(status, MLOPS_STATUS_PRESENT);

        (void) mlops_lane_work(r.lane, T0 + 7 * MINUTE);
        assert_int_equal(lane_count(&r, T0 + 7 * MINUTE, &status), 0);
        assert_int_equal(status, MLOPS_STATUS_PRESENT);

        lane_checkpoint(&r);
        lane_close(&r);
    }
}


/* A partition that comes late is read to its end first, all columns WARMING
 * meanwhile; what was WARMING for a reason of its own is so afterwards. */

static void
test_late_partition(void **state)
{
    uint64_t    columns[2];
    lane_run_t  r;

    (void) state;

    columns[0] = 2;
    columns[1] = 0;
    lane_before(&r, 0, columns, T0 + 5 * MINUTE);
    lane_open(&r);

    assert_true(mlops_run_acquire(&r.run, 0, 0, 42) == 42);
    mlops_lane_drain(r.lane, 1);
    assert_true(lane_warm_us(&r, 0) == INT64_MIN);
    assert_true(lane_warm_us(&r, 1) == T0 + 5 * MINUTE);

    (void) mlops_run_acquire(&r.run, 1, 0, 10);
    mlops_run_reach(&r.run);
    mlops_lane_drain(r.lane, 1);
    assert_true(lane_warm_us(&r, 0) == INT64_MAX);
    assert_true(lane_warm_us(&r, 1) == INT64_MAX);

    r.parts[2].at.offset = 9;
    mlops_run_reach(&r.run);
    mlops_lane_drain(r.lane, 1);
    assert_true(lane_warm_us(&r, 0) == INT64_MIN);
    assert_true(lane_warm_us(&r, 1) == T0 + 5 * MINUTE);

    lane_checkpoint(&r);
    lane_close(&r);

    lane_open(&r);
    assert_true(lane_warm_us(&r, 0) == INT64_MIN);
    assert_true(lane_warm_us(&r, 1) == T0 + 5 * MINUTE);
    lane_close(&r);
}


static int
lane_begun(const lane_run_t *r)
{
    return faccessat(r->conf.state, "begin", F_OK, 0) == 0;
}


/* A checkpoint that was begun before the end of the log was reached does not
 * say what is WARMING after it: the file that does stays until the next. */

static void
test_begun(void **state)
{
    lane_run_t   r;
    mlops_err_t  err;

    (void) state;

    lane_conf(&r);
    lane_open(&r);
    assert_int_equal(r.found, 0);

    (void) mlops_run_acquire(&r.run, 0, 5, 10);
    mlops_lane_drain(r.lane, 1);
    assert_true(lane_warm_us(&r, 0) == INT64_MAX);

    r.parts[1].at.offset = 9;
    r.parts[1].at.max_ts_us = T0 + 10;
    r.parts[1].first_ts_us = T0 + 10;
    r.run.changed = 1;
    r.run.wall_us = T0 + MINUTE;
    assert_int_equal(mlops_run_checkpoint_tick(&r.run, &err), MLOPS_OK);
    assert_true(lane_begun(&r));

    mlops_lane_drain(r.lane, 1);
    mlops_run_reach(&r.run);
    assert_int_equal(mlops_lane_settle(r.lane, 60000), MLOPS_OK);
    assert_int_equal(mlops_run_checkpoint_tick(&r.run, &err), MLOPS_OK);
    assert_int_equal(mlops_lane_checkpoints(r.lane), 1);
    assert_true(lane_begun(&r));

    /* all of a window of 5 minutes in hops of one */

    assert_true(lane_warm_us(&r, 0) == T0 + 6 * MINUTE);
    assert_true(lane_warm_us(&r, 1) == T0 + 6 * MINUTE);
    lane_close(&r);

    /* killed there: it is WARMING from the first moment on */

    lane_open(&r);
    assert_int_equal(r.found, 1);
    assert_true(lane_warm_us(&r, 0) == INT64_MAX);
    assert_true(mlops_run_acquire(&r.run, 0, 5, 10) == 10);
    mlops_run_reach(&r.run);
    mlops_lane_drain(r.lane, 1);
    assert_true(lane_warm_us(&r, 0) == T0 + 6 * MINUTE);

    lane_checkpoint(&r);
    assert_false(lane_begun(&r));
    lane_close(&r);

    lane_open(&r);
    assert_true(lane_warm_us(&r, 0) == T0 + 6 * MINUTE);
    lane_close(&r);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_backfilled),
        cmocka_unit_test(test_late_partition),
        cmocka_unit_test(test_begun)
    };

    return unit_run(tests);
}
