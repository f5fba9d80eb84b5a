/*
 * Consumer and producer against the mock cluster of librdkafka, which speaks
 * the protocol over TCP: assignment by hand, offsets, headers, ranges,
 * outages, groups, secrets.
 */

#include "unit.h"
#include "mlops_clock.h"
#include "mlops_kafka.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>


#define LARGE  1500000      /* bytes: more than a client sends by default */


static rd_kafka_t               *rk;
static rd_kafka_mock_cluster_t  *cluster;
static mlops_str_t               keys[8], values[8];
static mlops_plan_kafka_t        kafka;
static char                      address[UNIT_PATH_SIZE];


/* What a consumer was told. */

typedef struct {
    int64_t   begin[16];
    int64_t   low[16];
    int64_t   high[16];
    int       acquired[16];
    int       released[16];
    int       lost;
} told_t;


static int64_t
acquire(void *ctx, int32_t partition, int64_t low, int64_t high)
{
    told_t *told = ctx;

    told->acquired[partition]++;
    told->low[partition] = low;
    told->high[partition] = high;

    return told->begin[partition];
}


static void
release(void *ctx, int32_t partition, int lost)
{
    told_t *told = ctx;

    told->released[partition]++;
    told->lost += lost;
}


static void
property(const char *key, const char *value)
{
    keys[kafka.n].data = key;
    keys[kafka.n].len = strlen(key);
    values[kafka.n].data = value;
    values[kafka.n].len = strlen(value);
    kafka.n++;
}


static void
start(const char *topic, int partitions)
{
    char              text[256];
    rd_kafka_conf_t  *conf;

    conf = rd_kafka_conf_new();
    (void) rd_kafka_conf_set(conf, "log_level", "3", NULL, 0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
    assert_non_null(rk);
    cluster = rd_kafka_mock_cluster_new(rk, 1);
    assert_non_null(cluster);

    if (topic != NULL) {
        assert_int_equal(rd_kafka_mock_topic_create(cluster, topic,
                                                    partitions, 1), 0);
    }

    snprintf(address, sizeof(address), "%s",
             rd_kafka_mock_cluster_bootstraps(cluster));

    memset(&kafka, 0, sizeof(kafka));
    kafka.name.data = "main";
    kafka.name.len = 4;
    kafka.keys = keys;
    kafka.values = values;
    property("bootstrap.servers", address);
}


static void
stop(void)
{
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(rk);
}


static mlops_str_t
str(const char *text)
{
    mlops_str_t  s;

    s.data = text;
    s.len = (text == NULL) ? 0 : strlen(text);

    return s;
}


static mlops_consumer_t *
consumer(told_t *told, const char *topic, const char *group)
{
    mlops_err_t              err;
    mlops_str_t              t, g;
    mlops_consumer_t        *c;
    mlops_consumer_calls_t   calls;

    t = str(topic);
    g = str(group);
    calls.acquire = acquire;
    calls.release = release;
    calls.ctx = told;

    c = mlops_consumer_create(&kafka, &t, &g, &calls, &err);
    unit_ok(c != NULL, "%s", err.text);

    return c;
}


static void
produce(mlops_producer_t *p, int32_t partition, const char *key,
    const char *value)
{
    mlops_err_t     err;
    mlops_str_t     topic, k, v;
    mlops_header_t  header;

    topic = str("t");
    k = str(key);
    v = str(value);
    header.name = str("ce_type");
    header.value = str("paid");

    unit_ok(mlops_producer_send(p, &topic, partition, &k, &v, &header, 1,
                                1700000000123000, &err) == MLOPS_OK,
            "%s", err.text);
}


static mlops_producer_t *
producer(void)
{
    mlops_err_t        err;
    mlops_producer_t  *p;

    p = mlops_producer_create(&kafka, &err);
    unit_ok(p != NULL, "%s", err.text);

    return p;
}


/* A record within a minute, or the error. */

static int
poll_one(mlops_consumer_t *c, mlops_record_t *record, mlops_err_t *err)
{
    int       rc;
    uint64_t  end;

    end = mlops_clock_ns() + 60000000000;

    do {
        rc = mlops_consumer_poll(c, 100, record, err);
    } while (rc == MLOPS_AGAIN && mlops_clock_ns() < end);

    return rc;
}


static void
test_round_trip(void **state)
{
    int                i;
    char               value[16];
    told_t             told;
    mlops_err_t        err;
    mlops_record_t     record;
    mlops_consumer_t  *c;
    mlops_producer_t  *p;

    (void) state;

    start("t", 2);
    p = producer();

    for (i = 0; i < 100; i++) {
        snprintf(value, sizeof(value), "v%d", i);
        produce(p, i % 2, (i == 4) ? NULL : "k", (i == 6) ? NULL : value);
    }

    assert_int_equal(mlops_producer_wait(p, 60000, &err), MLOPS_OK);
    assert_int_equal(mlops_producer_pending(p), 0);

    memset(&told, 0, sizeof(told));
    told.begin[0] = MLOPS_OFFSET_BEGINNING;
    told.begin[1] = 40;
    c = consumer(&told, "t", "");

    for (i = 0; i < 60; i++) {
        assert_int_equal(poll_one(c, &record, &err), MLOPS_OK);
        assert_int_equal(mlops_consumer_next(c, record.partition),
                         record.offset + 1);
        assert_true(i == 59
                    || !mlops_consumer_reached(c, 0)
                    || !mlops_consumer_reached(c, 1));

        if (record.partition == 1) {
            assert_true(record.offset >= 40);
        }

        assert_int_equal(record.timestamp_us, 1700000000123000);

        /* the second half comes without headers, which are asked for */

        if (i >= 30) {
            assert_int_equal(record.headers_n, 0);
            assert_int_equal(mlops_consumer_headers(c, &record, &err),
                             MLOPS_OK);
        }

        if (i == 29) {
            mlops_consumer_set_headers(c, 0);
        }

        assert_int_equal(record.headers_n, 1);
        assert_true(mlops_str_is(&record.headers[0].name, "ce_type"));
        assert_true(mlops_str_is(&record.headers[0].value, "paid"));

        if (record.partition == 0 && record.offset == 2) {
            assert_null(record.key.data);

        } else {
            assert_true(mlops_str_is(&record.key, "k"));
        }

        if (record.partition == 0 && record.offset == 3) {
            assert_null(record.value.data);

        } else {
            snprintf(value, sizeof(value), "v%d",
                     (int) record.offset * 2 + record.partition);
            assert_true(mlops_str_eq(&record.value, value, strlen(value)));
        }
    }

    assert_int_equal(mlops_consumer_poll(c, 100, &record, &err),
                     MLOPS_AGAIN);
    assert_int_equal(told.acquired[0], 1);
    assert_int_equal(told.low[1], 0);
    assert_int_equal(told.high[1], 50);
    assert_int_equal(mlops_consumer_partitions(c), 2);
    assert_int_equal(mlops_consumer_high(c, 0), 50);
    assert_int_equal(mlops_consumer_reached(c, 0), 1);
    assert_int_equal(mlops_consumer_reached(c, 1), 1);
    assert_int_equal(mlops_consumer_reached(c, 2), 0);
    assert_int_equal(mlops_consumer_next(c, 0), 50);

    mlops_consumer_destroy(c);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


/* Neither before the log nor behind it: said, and never a jump. */

static void
test_out_of_range(void **state)
{
    int                i;
    told_t             told;
    mlops_err_t        err;
    mlops_record_t     record;
    mlops_consumer_t  *c;
    mlops_producer_t  *p;

    (void) state;

    start("t", 1);
    p = producer();

    for (i = 0; i < 10; i++) {
        produce(p, 0, "k", "v");
    }

    assert_int_equal(mlops_producer_wait(p, 60000, &err), MLOPS_OK);

    memset(&told, 0, sizeof(told));
    told.begin[0] = 11;
    c = consumer(&told, "t", "");
    assert_int_equal(poll_one(c, &record, &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "topic \"t\" partition 0: offset 11 is "
                                     "wanted, and the log holds 0 to 10"));
    assert_int_equal(mlops_consumer_poll(c, 0, &record, &err), MLOPS_ERROR);
    mlops_consumer_destroy(c);

    /* the end itself is no gap */

    told.begin[0] = 10;
    c = consumer(&told, "t", "");
    assert_int_equal(mlops_consumer_poll(c, 300, &record, &err),
                     MLOPS_AGAIN);
    produce(p, 0, "k", "new");
    assert_int_equal(poll_one(c, &record, &err), MLOPS_OK);
    assert_int_equal(record.offset, 10);
    mlops_consumer_destroy(c);

    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


/* The log's beginning overtakes a reader: what was wanted is said, and
 * nothing is passed over.  (The mock cluster keeps 5 MiB of a partition.) */

static void
test_removed_while_read(void **state)
{
    int                i, rc;
    char              *large, expected[256];
    int64_t            low;
    told_t             told;
    mlops_err_t        err;
    mlops_str_t        topic, k, v;
    mlops_record_t     record;
    mlops_consumer_t  *c;
    mlops_producer_t  *p;

    (void) state;

    start("t", 1);
    property("queued.max.messages.kbytes", "1024");
    p = producer();
    memset(&told, 0, sizeof(told));
    c = consumer(&told, "t", "");
    produce(p, 0, "k", "v");
    assert_int_equal(poll_one(c, &record, &err), MLOPS_OK);

    large = malloc(500000);
    assert_non_null(large);
    memset(large, 'x', 500000);
    topic = str("t");
    k = str("k");
    v.data = large;
    v.len = 500000;

    for (i = 0; i < 40; i++) {
        assert_int_equal(mlops_producer_send(p, &topic, 0, &k, &v, NULL, 0,
                                             -1, &err), MLOPS_OK);
        assert_int_equal(mlops_producer_wait(p, 60000, &err), MLOPS_OK);
    }

    for (i = 1; (rc = poll_one(c, &record, &err)) == MLOPS_OK; i++) {
        assert_int_equal(record.offset, i);
    }

    assert_int_equal(rc, MLOPS_ERROR);
    assert_in_range(i, 1, 30);

    snprintf(expected, sizeof(expected), "topic \"t\" partition 0: offset %d "
             "is wanted, and the log holds ", i);
    unit_ok(strncmp(err.text, expected, strlen(expected)) == 0, "%s",
            err.text);
    low = strtoll(err.text + strlen(expected), NULL, 10);
    assert_in_range(low, i + 1, 40);
    assert_non_null(strstr(err.text, " to 41"));

    free(large);
    mlops_consumer_destroy(c);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


/* Who assigns by hand has no business with a coordinator, and one that is
 * refused does not stop it. */

static void
test_no_right_to_groups(void **state)
{
    told_t             told;
    mlops_err_t        err;
    mlops_record_t     record;
    mlops_consumer_t  *c;
    mlops_producer_t  *p;

    (void) state;

    start("t", 1);
    rd_kafka_mock_push_request_errors(cluster, 10 /* FindCoordinator */, 3,
                               RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                               RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                               RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED);
    p = producer();
    produce(p, 0, "k", "v");
    memset(&told, 0, sizeof(told));
    c = consumer(&told, "t", "");

    assert_int_equal(poll_one(c, &record, &err), MLOPS_OK);
    assert_int_equal(record.offset, 0);

    mlops_consumer_destroy(c);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


/* Reports come to who does not wait; a record that is refused is told once,
 * with the reason, and counted. */

static void
test_producer(void **state)
{
    int                rc;
    char              *large;
    uint64_t           end;
    mlops_err_t        err;
    mlops_producer_t  *p;

    (void) state;

    start("t", 1);
    p = producer();
    produce(p, 0, "k", "v");

    end = mlops_clock_ns() + 60000000000;

    do {
        usleep(10000);
        rc = mlops_producer_wait(p, 0, &err);
    } while (rc == MLOPS_AGAIN && mlops_clock_ns() < end);

    assert_int_equal(rc, MLOPS_OK);
    assert_int_equal(mlops_producer_pending(p), 0);
    assert_int_equal(mlops_producer_refused(p), 0);

    rd_kafka_mock_push_request_errors(cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    produce(p, 0, "k", "v");
    assert_int_equal(mlops_producer_wait(p, 60000, &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "topic \"t\" partition 0: "));
    assert_non_null(strstr(err.text, "too large"));
    assert_int_equal(mlops_producer_wait(p, 1000, &err), MLOPS_OK);
    assert_int_equal(mlops_producer_refused(p), 1);

    /* what a broker lets a topic have goes to its dead letters, too */

    large = malloc(LARGE + 1);
    assert_non_null(large);
    memset(large, 'x', LARGE);
    large[LARGE] = '\0';

    produce(p, 0, "k", large);
    free(large);

    assert_int_equal(mlops_producer_wait(p, 60000, &err), MLOPS_OK);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


/* Where records go by their key: the numbers are those of kafka-clients 3.9.1,
 * Utils.toPositive(Utils.murmur2(key)) % 7. */

static void
test_partitioner(void **state)
{
    size_t             i;
    told_t             told;
    mlops_err_t        err;
    mlops_str_t        topic, k, v;
    mlops_record_t     record;
    mlops_consumer_t  *c;
    mlops_producer_t  *p;

    static const struct {
        const char  *key;
        int          partition;
    } known[] = {
        { "1001", 2 },
        { "1002", 2 },
        { "1003", 4 },
        { "-5", 2 },
        { "driver", 3 },
        { "Köln", 0 },
        { "ETH/USD", 1 },
        { "9223372036854775807", 4 }
    };

    (void) state;

    start("t", 7);
    p = producer();
    topic = str("t");
    memset(&told, 0, sizeof(told));
    c = consumer(&told, "t", "");

    for (i = 0; i < mlops_nitems(known); i++) {
        k = str(known[i].key);
        v = str("v");
        assert_int_equal(mlops_producer_send(p, &topic, -1, &k, &v, NULL, 0,
                                             -1, &err), MLOPS_OK);
        assert_int_equal(poll_one(c, &record, &err), MLOPS_OK);
        assert_true(mlops_str_eq(&record.key, k.data, k.len));
        unit_ok(record.partition == known[i].partition,
                "key %s: expected partition %d, got %d", k.data,
                known[i].partition, (int) record.partition);
    }

    mlops_consumer_destroy(c);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


static int  said, went_on;


static void
hear(int level, const char *text)
{
    (void) level;

    said += (strstr(text, "topic \"t\": ") != NULL
             && strstr(text, "; trying on") != NULL);
    went_on += (strstr(text, "topic \"t\": goes on") != NULL);
}


/* The broker goes and comes back: waited for, said once, nothing lost. */

static void
test_outage(void **state)
{
    int                i;
    told_t             told;
    mlops_err_t        err;
    mlops_record_t     record;
    mlops_consumer_t  *c;
    mlops_producer_t  *p;

    (void) state;

    start("t", 1);
    said = 0;
    went_on = 0;
    mlops_kafka_set_log(hear);
    p = producer();
    memset(&told, 0, sizeof(told));
    c = consumer(&told, "t", "");

    produce(p, 0, "k", "a");
    assert_int_equal(poll_one(c, &record, &err), MLOPS_OK);

    rd_kafka_mock_broker_set_down(cluster, 1);
    produce(p, 0, "k", "b");
    assert_int_equal(mlops_producer_wait(p, 300, &err), MLOPS_AGAIN);
    assert_int_equal(mlops_producer_pending(p), 1);

    for (i = 0; i < 10 || (said == 0 && i < 600); i++) {
        assert_int_equal(mlops_consumer_poll(c, 100, &record, &err),
                         MLOPS_AGAIN);
    }

    rd_kafka_mock_broker_set_up(cluster, 1);
    assert_int_equal(mlops_producer_wait(p, 60000, &err), MLOPS_OK);
    assert_int_equal(poll_one(c, &record, &err), MLOPS_OK);
    assert_int_equal(record.offset, 1);
    assert_true(mlops_str_is(&record.value, "b"));
    assert_int_equal(mlops_consumer_last_error(c)[0], '\0');
    assert_true(mlops_consumer_errors(c) > 0);
    assert_int_equal(said, 1);
    assert_int_equal(went_on, 1);

    mlops_kafka_set_log(NULL);
    mlops_consumer_destroy(c);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


/* Two members share the partitions; one leaves, and the other has all. */

static void
test_group(void **state)
{
    int                i, n;
    told_t             one, two;
    uint64_t           end;
    mlops_err_t        err;
    mlops_record_t     record;
    mlops_consumer_t  *a, *b;
    mlops_producer_t  *p;

    (void) state;

    start("t", 4);
    property("session.timeout.ms", "3500");
    property("heartbeat.interval.ms", "200");
    p = producer();
    memset(&one, 0, sizeof(one));
    memset(&two, 0, sizeof(two));
    a = consumer(&one, "t", "g");
    b = consumer(&two, "t", "g");

    end = mlops_clock_ns() + 120000000000;

    do {
        assert_int_equal(mlops_consumer_poll(a, 20, &record, &err),
                         MLOPS_AGAIN);
        assert_int_equal(mlops_consumer_poll(b, 20, &record, &err),
                         MLOPS_AGAIN);
        n = 0;

        for (i = 0; i < 4; i++) {
            n += (one.acquired[i] - one.released[i] == 1)
                 + 16 * (two.acquired[i] - two.released[i] == 1);
        }

    } while (n != 2 + 2 * 16 && mlops_clock_ns() < end);

    assert_int_equal(n, 2 + 2 * 16);

    mlops_consumer_destroy(b);

    for (i = 0; i < 4; i++) {
        assert_int_equal(two.acquired[i], two.released[i]);
    }

    for (i = 0; i < 4; i++) {
        produce(p, i, "k", "v");
    }

    n = 0;

    while (n < 4 && mlops_clock_ns() < end) {
        n += (poll_one(a, &record, &err) == MLOPS_OK);
    }

    assert_int_equal(n, 4);
    assert_int_equal(one.lost + two.lost, 0);

    mlops_consumer_destroy(a);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


/* A member that is given partitions while no broker can tell where they
 * begin: it waits, and is not lost to the group. */

static void
test_group_waits(void **state)
{
    int                  i;
    told_t               told;
    mlops_err_t          err;
    mlops_record_t       record;
    mlops_consumer_t    *c;
    mlops_producer_t    *p;
    rd_kafka_resp_err_t  errors[40];

    (void) state;

    start("t", 2);
    property("session.timeout.ms", "3500");
    property("heartbeat.interval.ms", "200");
    p = producer();
    produce(p, 0, "k", "v");
    produce(p, 1, "k", "v");
    assert_int_equal(mlops_producer_wait(p, 60000, &err), MLOPS_OK);

    for (i = 0; i < 40; i++) {
        errors[i] = RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR;
    }

    rd_kafka_mock_push_request_errors_array(cluster, 2 /* ListOffsets */, 40,
                                            errors);
    memset(&told, 0, sizeof(told));
    c = consumer(&told, "t", "g");

    assert_int_equal(poll_one(c, &record, &err) == MLOPS_ERROR, 0);

    for (i = 0; i < 6 && told.acquired[0] + told.acquired[1] < 2; i++) {
        assert_int_not_equal(poll_one(c, &record, &err), MLOPS_ERROR);
    }

    assert_int_equal(told.acquired[0], 1);
    assert_int_equal(told.acquired[1], 1);
    assert_true(mlops_consumer_errors(c) > 0);

    mlops_consumer_destroy(c);
    assert_int_equal(told.released[0], 1);
    assert_int_equal(told.released[1], 1);
    assert_int_equal(mlops_producer_destroy(p, 10000), MLOPS_OK);
    stop();
}


static void
test_properties(void **state)
{
    FILE                    *out;
    char                     path[UNIT_PATH_SIZE], text[UNIT_PATH_SIZE + 16];
    told_t                   told;
    mlops_err_t              err;
    mlops_str_t              value, t, g;
    mlops_arena_t            arena;
    mlops_consumer_t        *c;
    mlops_consumer_calls_t   calls;

    (void) state;

    start("t", 1);
    mlops_arena_init(&arena, NULL, NULL);

    snprintf(path, sizeof(path), "/tmp/mlops-kafka-%d", (int) getpid());
    snprintf(text, sizeof(text), "file:%s", path);
    out = fopen(path, "w");
    assert_non_null(out);
    fprintf(out, "se cret\r\n");
    fclose(out);

    t = str(text);
    assert_int_equal(mlops_kafka_value(&t, &value, &arena, &err), MLOPS_OK);
    assert_true(mlops_str_is(&value, "se cret"));
    unlink(path);
    assert_int_equal(mlops_kafka_value(&t, &value, &arena, &err),
                     MLOPS_ERROR);
    assert_non_null(strstr(err.text, path));

    setenv("MLOPS_TEST_KAFKA", "x", 1);
    t = str("env:MLOPS_TEST_KAFKA");
    assert_int_equal(mlops_kafka_value(&t, &value, &arena, &err), MLOPS_OK);
    assert_true(mlops_str_is(&value, "x"));
    t = str("env:MLOPS_TEST_KAFKA_NONE");
    assert_int_equal(mlops_kafka_value(&t, &value, &arena, &err),
                     MLOPS_ERROR);

    t = str("t");
    g = str("");
    memset(&told, 0, sizeof(told));
    calls.acquire = acquire;
    calls.release = release;
    calls.ctx = &told;

    property("no.such.thing", "1");
    c = mlops_consumer_create(&kafka, &t, &g, &calls, &err);
    assert_null(c);
    assert_non_null(strstr(err.text, "mlops_kafka \"main\": unknown property "
                                     "\"no.such.thing\""));

    kafka.n--;
    property("acks", "1");
    c = mlops_consumer_create(&kafka, &t, &g, &calls, &err);
    assert_null(c);
    assert_non_null(strstr(err.text, "mlops_kafka \"main\": \"acks\" cannot be"
                                     " set"));
    assert_null(mlops_producer_create(&kafka, &err));

    kafka.n--;
    property("security.protocol", "tOpsecret");
    c = mlops_consumer_create(&kafka, &t, &g, &calls, &err);
    assert_null(c);
    assert_non_null(strstr(err.text, "\"security.protocol\""));
    assert_null(strstr(err.text, "tOpsecret"));

    mlops_arena_destroy(&arena);
    stop();
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_out_of_range),
        cmocka_unit_test(test_removed_while_read),
        cmocka_unit_test(test_no_right_to_groups),
        cmocka_unit_test(test_producer),
        cmocka_unit_test(test_partitioner),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_group_waits),
        cmocka_unit_test(test_properties)
    };

    return unit_run(tests);
}
