/*
 * Lanes: the ring under two threads, events through a lane with and without
 * a thread against the recomputation of shards.h, checkpoints, and what a
 * lane passes over after one.  Rows of features.<view> there and back.
 */

#include "shards.h"

#include "mlops_lane.h"

#include <pthread.h>


static const char  view_text[] =
    "mlops_view v {"
    SHARDS_FEATURES
    "    ttl 20m;"
    "    max_entities 60;"
    "}";


/* ---- the ring ---- */

typedef struct {
    mlops_ring_t  ring;
    uint32_t      n;
    uint64_t      sum;
} rings_t;


static void *
ring_writer(void *data)
{
    uint64_t   seed, *room;
    uint32_t   i, j, words;
    rings_t   *t;

    t = data;
    seed = 5;

    for (i = 0; i < t->n; i++) {
        words = 1 + (uint32_t) (unit_random(&seed) % 60);

        while ((room = mlops_ring_room(&t->ring, i % 7, words * 8)) == NULL) {
            mlops_ring_wait_room(&t->ring, 50);
        }

        room[0] = i;

        for (j = 1; j < words; j++) {
            room[j] = i * 31 + j;
        }

        mlops_ring_put(&t->ring);
    }

    return NULL;
}


static void
test_ring(void **state)
{
    rings_t                t;
    uint32_t               i, j, words;
    uint64_t               at, head, seed, *data;
    pthread_t              thread;
    mlops_err_t            err;
    mlops_ring_message_t  *message;

    (void) state;

    memset(&t, 0, sizeof(t));
    t.n = unit_quick() ? 20000 : 300000;
    seed = 5;

    assert_int_equal(mlops_ring_init(&t.ring, 4096, &err), MLOPS_OK);
    assert_null(mlops_ring_room(&t.ring, 0, 4096));
    assert_int_equal(pthread_create(&thread, NULL, ring_writer, &t), 0);

    for (i = 0; i < t.n; /* void */ ) {
        at = mlops_ring_tail(&t.ring);
        head = mlops_ring_head(&t.ring);

        if (at == head) {
            mlops_ring_wait(&t.ring, 50);
            continue;
        }

        while (at < head) {
            message = mlops_ring_at(&t.ring, at);
            at += message->len;

            if (message->kind == MLOPS_RING_SKIP) {
                continue;
            }

            words = 1 + (uint32_t) (unit_random(&seed) % 60);
            data = (uint64_t *) (message + 1);

            if (message->kind != i % 7 || message->len != words * 8 + 8
                || data[0] != i)
            {
                unit_note("message %u is another", i);
                fail();
            }

            for (j = 1; j < words; j++) {
                assert_true(data[j] == (uint64_t) i * 31 + j);
            }

            i++;
        }

        mlops_ring_take(&t.ring, at);
    }

    assert_int_equal(pthread_join(thread, NULL), 0);
    mlops_ring_destroy(&t.ring);
}


/* ---- lanes ---- */

typedef struct {
    shards_log_t       log;
    mlops_lane_t      *lane;
    int                features;
    int                state;
    mlops_position_t   positions[SHARDS_PARTITIONS];
    int64_t            skip[SHARDS_PARTITIONS];
    uint64_t           stalls;
} lanes_t;


static int
lanes_dir(const char *name)
{
    int   fd;
    char  path[256];

    snprintf(path, sizeof(path), "%s/%s", unit_tmpdir(), name);
    assert_int_equal(mkdir(path, 0755), 0);
    fd = open(path, O_RDONLY|O_DIRECTORY);
    assert_true(fd != -1);

    return fd;
}


static void
lanes_start(lanes_t *t, int threaded, int expected)
{
    int                 found;
    int64_t             cut_us;
    uint32_t            i, n;
    mlops_err_t         err;
    mlops_lane_conf_t   conf;
    mlops_position_t    positions[MLOPS_PARTITIONS_MAX + 1];

    memset(&conf, 0, sizeof(conf));

    conf.view = t->log.view;
    conf.name = "v";
    conf.threaded = (unsigned) threaded;
    conf.shard.features = t->features;
    conf.shard.state = t->state;
    conf.shard.uid = (uid_t) -1;
    conf.shard.gid = (gid_t) -1;

    t->lane = mlops_lane_create(&conf, &found, positions, &n, &cut_us, &err);
    unit_ok(t->lane != NULL, "%s", err.text);
    assert_int_equal(found, expected);
    assert_true(cut_us == INT64_MIN);

    for (i = 0; i < SHARDS_PARTITIONS; i++) {
        t->positions[i].partition = (int32_t) i;
        t->positions[i].offset = -1;
        t->positions[i].max_ts_us = INT64_MIN;
        t->skip[i] = -1;
    }

    for (i = 0; i < n; i++) {
        t->skip[positions[i].partition] = positions[i].offset;
    }

    assert_int_equal(mlops_lane_start(t->lane, &err), MLOPS_OK);

    for (i = 0; i < t->log.partitions; i++) {
        mlops_lane_acquire(t->lane, (int32_t) i, t->skip[i]);
    }
}


/* Records from from on, as a source does; after a checkpoint some of them are
 * read that the lane has already. */

static void
lanes_run(lanes_t *t, uint32_t from, uint32_t to)
{
    uint32_t                i, j;
    shards_event_t          e;
    mlops_position_t       *position;
    const shards_record_t  *r;

    for (i = from; i < to; i++) {
        r = &t->log.records[i];
        position = &t->positions[r->partition];

        if (r->accepted) {
            shards_event(&e, t->log.view, r);
            mlops_lane_event(t->lane, &e.key, e.hash, &e.event, r->max_ts,
                             r->max_ts + t->log.view->tick_us,
                             (i % 8 == 0) ? SHARDS_BASE : -1);
        }

        position->offset = r->offset;
        position->max_ts_us = r->max_ts;

        if (i % 50 == 49 || i + 1 == to) {
            for (j = 0; j < t->log.partitions; j++) {
                if (t->positions[j].offset > t->skip[j]) {
                    mlops_lane_position(t->lane, &t->positions[j]);
                }
            }

            mlops_lane_drain(t->lane, 1);
            (void) mlops_lane_work(t->lane, (int64_t) i * 2000);
        }
    }
}


static void
lanes_settle(lanes_t *t)
{
    int          i;
    mlops_err_t  err;

    for (i = 0; i < 20; i++) {
        assert_int_equal(mlops_lane_settle(t->lane, 60000), MLOPS_OK);
        usleep(2000);
    }

    err.text[0] = '\0';
    unit_ok(mlops_lane_failed(t->lane, &err) == MLOPS_OK, "%s", err.text);
}


/* Counted now and then: until there are so many entities. */

static void
lanes_stats(lanes_t *t, mlops_lane_stats_t *stats, uint64_t entities)
{
    int  i;

    for (i = 0; i < 1000; i++) {
        mlops_lane_stats(t->lane, stats);

        if (stats->shard.entities == entities) {
            break;
        }

        lanes_settle(t);
    }
}


static void
lanes_compare(int threaded, uint64_t seed, uint32_t partitions)
{
    int                  i;
    char                *got, *expected;
    lanes_t              t;
    uint32_t             half;
    shards_counts_t      counts;
    mlops_lane_stats_t   stats;

    memset(&t, 0, sizeof(t));
    shards_log(&t.log, test_view(view_text), seed, 3000, partitions, 100);

    t.features = lanes_dir("features");
    t.state = lanes_dir("state");
    half = t.log.n / 2;

    /* a checkpoint in the middle, some more, and the end without another */

    lanes_start(&t, threaded, 0);
    lanes_run(&t, 0, half);
    mlops_lane_checkpoint(t.lane, t.positions, t.log.partitions, INT64_MIN);
    lanes_run(&t, half, half + 500);
    lanes_settle(&t);
    assert_int_equal(mlops_lane_checkpoints(t.lane), 1);
    assert_false(mlops_lane_busy(t.lane));
    mlops_lane_destroy(t.lane);

    /* read again from before the checkpoint on */

    lanes_start(&t, threaded, 1);
    lanes_run(&t, half - 700, t.log.n);
    mlops_lane_caught_up(t.lane);
    lanes_settle(&t);

    expected = shards_expect(&t.log, t.log.view->max_entities, &counts);
    got = shards_dump(t.features, t.log.view);

    /* an empty ring does not say that a thread has done what is due */

    for (i = 0; strcmp(got, expected) != 0 && i < 200; i++) {
        lanes_settle(&t);
        free(got);
        got = shards_dump(t.features, t.log.view);
    }

    shards_equal(threaded ? "a thread" : "no thread", got, expected);

    mlops_lane_checkpoint(t.lane, t.positions, t.log.partitions, INT64_MIN);
    lanes_settle(&t);
    lanes_stats(&t, &stats, counts.alive);
    assert_int_equal(stats.shard.entities, counts.alive);
    assert_int_equal(stats.checkpoint_failures, 0);
    assert_true(stats.fresh.count > 100);
    assert_true(stats.fresh.buckets[MLOPS_FRESH_BUCKETS - 1]
                == stats.fresh.count);

    mlops_lane_destroy(t.lane);
    close(t.features);
    close(t.state);
    free(got);
    free(expected);
    free(t.log.records);
}


static void
test_lanes(void **state)
{
    (void) state;

    lanes_compare(0, 21, 1);
    lanes_compare(0, 22, 3);
    lanes_compare(1, 23, 1);
    lanes_compare(1, 24, 3);
}


static const char  view_rows[] =
    "mlops_view f {"
    "    source kafka=main topic=t;"
    "    entity id int64;"
    "    event_time ts unit=us;"
    "    clock event;"
    "    role follow;"
    "    publish;"
    "    feature t last(tag) type=string bytes=8;"
    "    max_entities 60;"
    "}";


/* So do rows, of whatever length somebody has sent them. */

static void
big_rows(int threaded)
{
    char                *text;
    lanes_t              t;
    uint32_t             i;
    uint64_t             present[2];
    mlops_key_t          key;
    mlops_cell_t         cells[2];
    mlops_table_row_t    row;
    mlops_lane_stats_t   stats;

    memset(&t, 0, sizeof(t));
    t.log.view = test_view(view_rows);
    t.log.partitions = 1;
    t.features = lanes_dir("features");
    t.state = lanes_dir("state");
    text = malloc(5000000);
    assert_non_null(text);
    memset(text, 'x', 5000000);

    lanes_start(&t, threaded, 0);

    memset(&key, 0, sizeof(key));
    memset(&row, 0, sizeof(row));
    memset(cells, 0, sizeof(cells));
    present[0] = 1;
    present[1] = 1;
    row.switch_us = INT64_MAX;
    row.valid_us = INT64_MAX;
    row.cells = cells;
    row.present = present;
    row.text = text;

    (void) alarm(60);                   /* it waited for ever */

    for (i = 0; i < 200; i++) {
        key.number = i % 50;
        row.offset = i;
        cells[0].s.len = (i % 10 == 0) ? 5000000 : 60000 + i * 100;
        cells[1] = cells[0];

        mlops_lane_follow(t.lane, &key,
                          mlops_key_hash(MLOPS_TYPE_INT64, &key), &row, 0);
    }

    lanes_settle(&t);
    (void) alarm(0);

    lanes_stats(&t, &stats, 50);
    assert_int_equal(stats.shard.entities, 50);

    mlops_lane_destroy(t.lane);
    close(t.features);
    close(t.state);
    free(text);
}


static void
test_big_rows(void **state)
{
    (void) state;

    big_rows(0);
    big_rows(1);
}


/* A text that does not fit a quarter of the ring goes by its address. */

static void
test_big(void **state)
{
    char             *text;
    lanes_t           t;
    uint32_t          i;
    shards_event_t    e;
    mlops_column_t   *column;

    (void) state;

    memset(&t, 0, sizeof(t));
    shards_log(&t.log, test_view(view_text), 31, 40, 1, 5);

    t.features = lanes_dir("features");
    t.state = lanes_dir("state");
    text = calloc(1, 300000);
    assert_non_null(text);
    memset(text, 'x', 300000);

    lanes_start(&t, 1, 0);

    for (i = 0; i < t.log.n; i++) {
        shards_event(&e, t.log.view, &t.log.records[i]);
        e.event.text = text;

        for (column = t.log.view->event.columns;
             column->kind != MLOPS_CELL_STRING;
             column++)
        {
            /* void */
        }

        e.cells[column - t.log.view->event.columns].s.off = 0;
        e.cells[column - t.log.view->event.columns].s.len = 300000 - i;

        mlops_lane_event(t.lane, &e.key, e.hash, &e.event,
                         t.log.records[i].max_ts,
                         t.log.records[i].max_ts + 1, -1);
    }

    lanes_settle(&t);
    mlops_lane_destroy(t.lane);
    close(t.features);
    close(t.state);
    free(text);
    free(t.log.records);
}


/* ---- rows as JSON ---- */

static void
test_row_json(void **state)
{
    char                      text[64], room[4096], *end;
    uint64_t                  present[2], present2[2];
    mlops_err_t               err;
    mlops_key_t               key;
    mlops_cell_t              cells[8], cells2[8];
    mlops_table_row_t         row, row2;
    const mlops_plan_view_t  *view;

    static const char  expected[] =
        "{\"view\":\"v\",\"definition\":\"%016llx\",\"entity\":-5,"
        "\"partition\":3,\"offset\":12,\"event_time\":1700000000000001,"
        "\"switch\":1700000100000000,\"valid\":null,"
        "\"values\":{\"n\":3,\"s\":0.1,\"m\":null,\"t\":\"a\\\"\\n\"},"
        "\"next\":{\"n\":4,\"s\":1e+300,\"m\":-0.5,\"t\":null}}";
    char  wanted[1024];

    (void) state;

    view = test_view(view_text);
    assert_int_equal(view->sets, 2);
    assert_int_equal(view->row.n, 4);

    memset(&row, 0, sizeof(row));
    memset(&key, 0, sizeof(key));
    strcpy(text, "..a\"\n");

    key.number = -5;
    row.partition = 3;
    row.offset = 12;
    row.event_us = 1700000000000001;
    row.switch_us = 1700000100000000;
    row.valid_us = INT64_MAX;
    row.cells = cells;
    row.present = present;
    row.text = text;

    memset(cells, 0, sizeof(cells));
    cells[0].i = 3;
    cells[1].f = 0.1;
    cells[2].f = NAN;
    cells[3].s.off = 2;
    cells[3].s.len = 3;
    cells[4].i = 4;
    cells[5].f = 1e300;
    cells[6].f = -0.5;
    present[0] = 0xf;
    present[1] = 0x7;

    assert_true(mlops_row_json_bound(view, &key) < sizeof(room));
    end = mlops_row_json_write(room, view, &key, &row);
    snprintf(wanted, sizeof(wanted), expected,
             (unsigned long long) view->hash);
    unit_ok((size_t) (end - room) == strlen(wanted)
            && memcmp(room, wanted, strlen(wanted)) == 0,
            "got      %.*s\nexpected %s", (int) (end - room), room, wanted);

    memset(&row2, 0, sizeof(row2));
    row2.cells = cells2;
    row2.present = present2;

    unit_ok(mlops_row_json_read(view, room, (size_t) (end - room), &row2,
                                text, &err)
            == MLOPS_OK, "%s", err.text);
    assert_int_equal(row2.partition, 3);
    assert_true(row2.offset == 12);
    assert_true(row2.event_us == row.event_us);
    assert_true(row2.switch_us == row.switch_us);
    assert_true(row2.valid_us == INT64_MAX);
    assert_true(present2[0] == 0xb && present2[1] == 0x7);
    assert_true(cells2[0].i == 3 && cells2[1].f == 0.1 && isnan(cells2[2].f));
    assert_true(cells2[4].i == 4 && cells2[5].f == 1e300
                && cells2[6].f == -0.5);
    assert_int_equal(cells2[3].s.len, 3);
    assert_memory_equal(row2.text + cells2[3].s.off, "a\"\n", 3);

    /* cut anywhere it is refused, with a reason */

    while (end > room) {
        end--;
        err.text[0] = '\0';
        assert_int_equal(mlops_row_json_read(view, room,
                                             (size_t) (end - room), &row2,
                                             text, &err),
                         MLOPS_ERROR);
        assert_true(err.text[0] != '\0');
    }

    /* another order, other members, without the second set */

    strcpy(room, " {\"x\":[1,{}],\"values\":{\"zz\":1,\"m\":2,\"n\":9},"
           "\"offset\":7,\"event_time\":5,\"partition\":0} ");
    unit_ok(mlops_row_json_read(view, room, strlen(room), &row2, text, &err)
            == MLOPS_OK, "%s", err.text);
    assert_true(present2[0] == 0x5 && present2[1] == 0x5);
    assert_true(cells2[4].i == 9 && cells2[6].f == 2);
    assert_true(row2.switch_us == INT64_MAX);

    strcpy(room, "{\"values\":{},\"offset\":7,\"event_time\":5}");
    assert_int_equal(mlops_row_json_read(view, room, strlen(room), &row2,
                                         text, &err), MLOPS_ERROR);
    assert_string_equal(err.text, "expected the members \"partition\", "
                        "\"offset\", \"event_time\" and \"values\", got no "
                        "\"partition\"");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_lanes),
        cmocka_unit_test(test_big),
        cmocka_unit_test(test_big_rows),
        cmocka_unit_test(test_row_json)
    };

    return unit_run(tests);
}
