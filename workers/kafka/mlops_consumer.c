/*
 * The consumer.
 *
 * Without a group all partitions are assigned by hand: no coordinator has to
 * be waited for, and a worker that is started again goes on within
 * milliseconds.  With one, start offsets are set in the rebalance callback,
 * before the partitions are assigned.
 *
 * Known traps of librdkafka 2.0.2: a cooperative consumer may hang, or crash,
 * in rd_kafka_consumer_close; it leaves its group by unsubscribing instead.
 * An offset out of range comes once for each partition, then silence.
 * Messages that are taken many at a time may be of partitions that a
 * rebalance has given to others, and come again, meanwhile.  So that is done
 * without a group only, where partitions come and never go: it costs a third
 * less than one by one.
 */

#include "mlops_kafka_conf.h"

#include "mlops_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>


#define MLOPS_CONSUMER_ASK_MS       1000    /* for one answer of a broker */
#define MLOPS_CONSUMER_RETRY_MS      100
#define MLOPS_CONSUMER_REFRESH_MS  10000    /* look for new partitions */
#define MLOPS_CONSUMER_LEAVE_MS     3000
#define MLOPS_CONSUMER_CALLS          64    /* polls between two looks at the
                                               clock, where records come */

#define MLOPS_CONSUMER_BATCH          64    /* messages that are taken at a
                                               time */

#define MLOPS_CONSUMER_NONE      0      /* states of a partition */
#define MLOPS_CONSUMER_WAITING   1      /* ours, and no broker has told yet
                                           where its log begins */
#define MLOPS_CONSUMER_OWNED     2


struct mlops_consumer_s {
    rd_kafka_t              *rk;
    rd_kafka_topic_t        *topic;         /* for metadata */
    char                    *name;          /* the topic's */
    mlops_consumer_calls_t   calls;
    rd_kafka_message_t      *message;       /* of the last record */
    rd_kafka_queue_t        *queue;         /* without a group */
    uint32_t                 batch_at;
    uint32_t                 batch_n;
    rd_kafka_message_t      *batch[MLOPS_CONSUMER_BATCH];
    mlops_header_t          *headers;
    uint32_t                 headers_room;
    uint32_t                 partitions;    /* 0: not known yet */
    uint32_t                 assigned;      /* by hand, from 0 on */
    uint32_t                 owned;
    uint32_t                 waiting;
    uint32_t                 calls_n;       /* polls until the clock is looked
                                               at */
    uint64_t                 next_look_ms;
    uint64_t                 next_begin_ms;
    mlops_kafka_trouble_t    trouble;
    char                     who[300];
    unsigned                 group:1;
    unsigned                 bare:1;        /* records without headers */
    unsigned                 leaving:1;
    unsigned                 failed:1;      /* for good, why says it */
    mlops_err_t              why;
    unsigned char            state[MLOPS_PARTITIONS_MAX];
    unsigned char            reached[MLOPS_PARTITIONS_MAX];
    int64_t                  next[MLOPS_PARTITIONS_MAX];    /* offset */
};


static int mlops_consumer_start(mlops_consumer_t *consumer,
    const mlops_str_t *group, mlops_err_t *err);
static rd_kafka_message_t *mlops_consumer_next_message(
    mlops_consumer_t *consumer, int timeout_ms);
static void mlops_consumer_end(mlops_consumer_t *consumer,
    const rd_kafka_message_t *message);
static void mlops_consumer_tend(mlops_consumer_t *consumer);
static void mlops_consumer_look(mlops_consumer_t *consumer);
static void mlops_consumer_take(mlops_consumer_t *consumer,
    int32_t partition);
static void mlops_consumer_assign(mlops_consumer_t *consumer, int answer);
static int mlops_consumer_begin(mlops_consumer_t *consumer,
    rd_kafka_topic_partition_t *p);
static void mlops_consumer_rebalance(rd_kafka_t *rk,
    rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t *list,
    void *data);
static void mlops_consumer_revoke(mlops_consumer_t *consumer,
    const rd_kafka_topic_partition_list_t *list);
static void mlops_consumer_error_cb(rd_kafka_t *rk, int error,
    const char *reason, void *data);
static void mlops_consumer_passing(mlops_consumer_t *consumer,
    rd_kafka_resp_err_t error, const char *reason);
static int mlops_consumer_message(mlops_consumer_t *consumer,
    mlops_record_t *record);
static int mlops_consumer_wrong(mlops_consumer_t *consumer);
static int mlops_consumer_fail(mlops_consumer_t *consumer);


static const mlops_kafka_property_t  mlops_consumer_defaults[] = {
    { "client.id", "mlops-features" },
    { "fetch.wait.max.ms", "20" },
    { "fetch.error.backoff.ms", "50" },
    { "socket.timeout.ms", "10000" },
    { "reconnect.backoff.ms", "50" },
    { "reconnect.backoff.max.ms", "1000" },
    { "topic.metadata.refresh.interval.ms", "10000" },
    { "queued.min.messages", "20000" },
    { "queued.max.messages.kbytes", "16384" },
    { "check.crcs", "true" }
};

static const mlops_kafka_property_t  mlops_consumer_fixed[] = {
    { "enable.auto.commit", "false" },
    { "enable.auto.offset.store", "false" },
    { "auto.offset.reset", "error" },
    { "partition.assignment.strategy", "cooperative-sticky" },
    { "allow.auto.create.topics", "false" },
    { "enable.partition.eof", "true" }
};


mlops_consumer_t *
mlops_consumer_create(const mlops_plan_kafka_t *kafka,
    const mlops_str_t *topic, const mlops_str_t *group,
    const mlops_consumer_calls_t *calls, mlops_err_t *err)
{
    char               text[256];
    rd_kafka_conf_t   *conf;
    mlops_consumer_t  *consumer;

    consumer = calloc(1, sizeof(*consumer));

    if (consumer == NULL) {
        (void) mlops_err_set(err, "out of memory for a consumer");
        return NULL;
    }

    consumer->calls = *calls;
    consumer->group = (group->len != 0);
    consumer->name = strndup(topic->data, topic->len);

    conf = mlops_kafka_conf(kafka, mlops_consumer_defaults,
                            mlops_nitems(mlops_consumer_defaults),
                            mlops_consumer_fixed,
                            mlops_nitems(mlops_consumer_fixed), err);

    if (conf == NULL) {
        goto failed;
    }

    if (consumer->name == NULL) {
        (void) mlops_err_set(err, "out of memory for a consumer");
        goto failed;
    }

    (void) snprintf(consumer->who, sizeof(consumer->who), "topic \"%s\"",
                    consumer->name);

    /* librdkafka assigns nothing without a group's name, joined or not */

    if (consumer->group) {
        (void) snprintf(text, sizeof(text), "%.*s", mlops_fmt(group));

    } else {
        (void) snprintf(text, sizeof(text), "mlops.%.*s", mlops_fmt(topic));
    }

    (void) rd_kafka_conf_set(conf, "group.id", text, NULL, 0);
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_error_cb(conf, mlops_consumer_error_cb);

    if (consumer->group) {
        rd_kafka_conf_set_rebalance_cb(conf, mlops_consumer_rebalance);
    }

    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));

    if (consumer->rk == NULL) {
        (void) mlops_err_set(err, "mlops_kafka \"%.*s\": %s",
                             mlops_fmt(&kafka->name), text);
        goto failed;
    }

    conf = NULL;

    if (mlops_consumer_start(consumer, group, err) != MLOPS_OK) {
        goto failed;
    }

    return consumer;

failed:

    if (conf != NULL) {
        rd_kafka_conf_destroy(conf);
    }

    mlops_consumer_destroy(consumer);

    return NULL;
}


static int
mlops_consumer_start(mlops_consumer_t *consumer, const mlops_str_t *group,
    mlops_err_t *err)
{
    rd_kafka_resp_err_t               error;
    rd_kafka_topic_partition_list_t  *list;

    error = rd_kafka_poll_set_consumer(consumer->rk);

    if (error) {
        return mlops_err_set(err, "topic \"%s\": %s", consumer->name,
                             rd_kafka_err2str(error));
    }

    consumer->topic = rd_kafka_topic_new(consumer->rk, consumer->name, NULL);

    if (consumer->topic == NULL) {
        return mlops_err_set(err, "topic \"%s\": %s", consumer->name,
                             rd_kafka_err2str(rd_kafka_last_error()));
    }

    if (!consumer->group) {
        consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);

        return (consumer->queue != NULL)
               ? MLOPS_OK : mlops_err_set(err, "topic \"%s\": no queue",
                                          consumer->name);
    }

    list = rd_kafka_topic_partition_list_new(1);
    (void) rd_kafka_topic_partition_list_add(list, consumer->name,
                                             RD_KAFKA_PARTITION_UA);

    error = rd_kafka_subscribe(consumer->rk, list);

    rd_kafka_topic_partition_list_destroy(list);

    if (error) {
        return mlops_err_set(err, "group \"%.*s\" of topic \"%s\": %s",
                             mlops_fmt(group), consumer->name,
                             rd_kafka_err2str(error));
    }

    return MLOPS_OK;
}


void
mlops_consumer_destroy(mlops_consumer_t *consumer)
{
    int                  more;
    uint64_t             end_ms;
    rd_kafka_message_t  *message;

    if (consumer->message != NULL) {
        rd_kafka_message_destroy(consumer->message);
    }

    while (consumer->batch_at < consumer->batch_n) {
        rd_kafka_message_destroy(consumer->batch[consumer->batch_at++]);
    }

    if (consumer->queue != NULL) {
        rd_kafka_queue_destroy(consumer->queue);
    }

    if (consumer->rk != NULL && consumer->group) {
        consumer->leaving = 1;
        (void) rd_kafka_unsubscribe(consumer->rk);

        end_ms = mlops_clock_ns() / 1000000 + MLOPS_CONSUMER_LEAVE_MS;

        /* once more after the last one has gone: the group has to hear it */

        do {
            more = (consumer->owned != 0);
            message = rd_kafka_consumer_poll(consumer->rk, 50);

            if (message != NULL) {
                rd_kafka_message_destroy(message);
            }

        } while (more && mlops_clock_ns() / 1000000 < end_ms);
    }

    if (consumer->topic != NULL) {
        rd_kafka_topic_destroy(consumer->topic);
    }

    if (consumer->rk != NULL) {
        rd_kafka_destroy_flags(consumer->rk,
                               RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }

    free(consumer->headers);
    free(consumer->name);
    free(consumer);
}


int
mlops_consumer_poll(mlops_consumer_t *consumer, int timeout_ms,
    mlops_record_t *record, mlops_err_t *err)
{
    if (consumer->message != NULL) {
        rd_kafka_message_destroy(consumer->message);
        consumer->message = NULL;
    }

    if (consumer->calls_n-- == 0) {
        mlops_consumer_tend(consumer);
    }

    while (!consumer->failed) {
        consumer->message = mlops_consumer_next_message(consumer, timeout_ms);

        if (consumer->message == NULL
            || consumer->message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        {
            break;
        }

        mlops_consumer_end(consumer, consumer->message);
        rd_kafka_message_destroy(consumer->message);
        consumer->message = NULL;
    }

    if (consumer->failed) {
        *err = consumer->why;
        return MLOPS_ERROR;
    }

    if (consumer->message == NULL) {
        consumer->calls_n = 0;
        return MLOPS_AGAIN;
    }

    if (consumer->message->err) {
        consumer->calls_n = 0;

        if (mlops_consumer_wrong(consumer) != MLOPS_OK) {
            *err = consumer->why;
            return MLOPS_ERROR;
        }

        return MLOPS_AGAIN;
    }

    if (mlops_consumer_message(consumer, record) != MLOPS_OK) {
        return MLOPS_AGAIN;
    }

    if (consumer->failed) {
        *err = consumer->why;
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


/* Many at a time are taken without waiting: else it would be until there are
 * as many. */

static rd_kafka_message_t *
mlops_consumer_next_message(mlops_consumer_t *consumer, int timeout_ms)
{
    ssize_t  n;

    if (consumer->batch_at < consumer->batch_n) {
        return consumer->batch[consumer->batch_at++];
    }

    if (consumer->queue != NULL) {
        n = rd_kafka_consume_batch_queue(consumer->queue, 0, consumer->batch,
                                         MLOPS_CONSUMER_BATCH);

        if (n > 0) {
            consumer->batch_n = (uint32_t) n;
            consumer->batch_at = 1;

            return consumer->batch[0];
        }

        if (timeout_ms == 0) {
            return NULL;
        }
    }

    return rd_kafka_consumer_poll(consumer->rk, timeout_ms);
}


/* Comes behind the last record each time that a partition's end is reached. */

static void
mlops_consumer_end(mlops_consumer_t *consumer,
    const rd_kafka_message_t *message)
{
    int32_t  partition;

    partition = message->partition;

    if (partition < 0 || partition >= MLOPS_PARTITIONS_MAX
        || consumer->state[partition] != MLOPS_CONSUMER_OWNED)
    {
        return;
    }

    consumer->reached[partition] = 1;

    if (message->offset > consumer->next[partition]) {
        consumer->next[partition] = message->offset;
    }
}


static void
mlops_consumer_tend(mlops_consumer_t *consumer)
{
    uint64_t  now_ms;

    consumer->calls_n = MLOPS_CONSUMER_CALLS;
    now_ms = mlops_clock_ns() / 1000000;

    if (!consumer->failed && now_ms >= consumer->next_look_ms) {
        mlops_consumer_look(consumer);
    }

    if (!consumer->failed && consumer->waiting != 0
        && now_ms >= consumer->next_begin_ms)
    {
        mlops_consumer_assign(consumer, 0);
    }
}


/* How many partitions has the topic?  Asked for until it is known, and then
 * now and again, because a topic may grow. */

static void
mlops_consumer_look(mlops_consumer_t *consumer)
{
    int                              n;
    rd_kafka_resp_err_t              error;
    const struct rd_kafka_metadata  *metadata;

    error = rd_kafka_metadata(consumer->rk, 0, consumer->topic, &metadata,
                              (consumer->owned == 0)
                              ? MLOPS_CONSUMER_ASK_MS
                              : MLOPS_CONSUMER_ASK_MS / 4);
    n = 0;

    if (!error) {

        if (metadata->topic_cnt == 1) {
            error = metadata->topics[0].err;
            n = metadata->topics[0].partition_cnt;
        }

        rd_kafka_metadata_destroy(metadata);
    }

    consumer->next_look_ms = mlops_clock_ns() / 1000000
                             + MLOPS_CONSUMER_REFRESH_MS;

    if (n > MLOPS_PARTITIONS_MAX) {
        (void) mlops_err_set(&consumer->why, "topic \"%s\": expected at most "
                             "%d partitions, got %d", consumer->name,
                             MLOPS_PARTITIONS_MAX, n);
        consumer->failed = 1;
        return;
    }

    if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        (void) mlops_err_set(&consumer->why, "topic \"%s\": %s",
                             consumer->name, rd_kafka_err2str(error));
        consumer->failed = 1;
        return;
    }

    if (n == 0) {
        mlops_consumer_passing(consumer, error ? error
                               : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                               NULL);

        if (consumer->partitions == 0) {
            consumer->next_look_ms = mlops_clock_ns() / 1000000
                                     + MLOPS_CONSUMER_RETRY_MS;
        }

        return;
    }

    /* what an answer ends; other troubles end with a record */

    if (mlops_kafka_is_outage(consumer->trouble.kind)
        || consumer->trouble.kind == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
        || consumer->trouble.kind == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
    {
        mlops_kafka_well(&consumer->trouble, consumer->who);
    }

    consumer->partitions = (uint32_t) n;

    if (consumer->group) {
        return;
    }

    while (consumer->assigned < consumer->partitions) {
        mlops_consumer_take(consumer, (int32_t) consumer->assigned++);
    }
}


static void
mlops_consumer_take(mlops_consumer_t *consumer, int32_t partition)
{
    if (consumer->state[partition] == MLOPS_CONSUMER_NONE) {
        consumer->state[partition] = MLOPS_CONSUMER_WAITING;
        consumer->waiting++;
        consumer->next_begin_ms = 0;
    }
}


/* Begins with the partitions that wait, as far as a broker tells where their
 * logs begin; the others go on waiting.  A group that has asked is always
 * answered. */

static void
mlops_consumer_assign(mlops_consumer_t *consumer, int answer)
{
    int32_t                           i;
    rd_kafka_error_t                 *error;
    rd_kafka_topic_partition_t       *p;
    rd_kafka_topic_partition_list_t  *list;

    list = rd_kafka_topic_partition_list_new((int) consumer->waiting);

    for (i = 0; i < MLOPS_PARTITIONS_MAX && consumer->waiting != 0; i++) {

        if (consumer->state[i] != MLOPS_CONSUMER_WAITING) {
            continue;
        }

        p = rd_kafka_topic_partition_list_add(list, consumer->name, i);

        if (mlops_consumer_begin(consumer, p) != MLOPS_OK) {
            (void) rd_kafka_topic_partition_list_del_by_idx(list,
                                                            list->cnt - 1);
            break;
        }

        consumer->state[i] = MLOPS_CONSUMER_OWNED;
        consumer->next[i] = p->offset;
        consumer->reached[i] = 0;
        consumer->owned++;
        consumer->waiting--;
    }

    consumer->next_begin_ms = mlops_clock_ns() / 1000000
                              + MLOPS_CONSUMER_RETRY_MS;

    if (list->cnt != 0 || answer) {
        error = rd_kafka_incremental_assign(consumer->rk, list);

        if (error != NULL) {
            (void) mlops_err_set(&consumer->why, "topic \"%s\": %s",
                                 consumer->name, rd_kafka_error_string(error));
            rd_kafka_error_destroy(error);
            consumer->failed = 1;
        }
    }

    rd_kafka_topic_partition_list_destroy(list);
}


/* Asks the broker for the ends of a partition's log, and the owner for an
 * offset. */

static int
mlops_consumer_begin(mlops_consumer_t *consumer,
    rd_kafka_topic_partition_t *p)
{
    int64_t              low, high, begin;
    rd_kafka_resp_err_t  error;

    error = rd_kafka_query_watermark_offsets(consumer->rk, consumer->name,
                                             p->partition, &low, &high,
                                             (consumer->owned == 0)
                                             ? MLOPS_CONSUMER_ASK_MS
                                             : MLOPS_CONSUMER_ASK_MS / 4);

    if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        (void) mlops_err_set(&consumer->why, "topic \"%s\": %s",
                             consumer->name, rd_kafka_err2str(error));
        return mlops_consumer_fail(consumer);
    }

    if (error) {
        mlops_consumer_passing(consumer, error, NULL);
        return MLOPS_AGAIN;
    }

    begin = consumer->calls.acquire(consumer->calls.ctx, p->partition, low,
                                    high);

    if (begin == MLOPS_OFFSET_BEGINNING) {
        begin = low;

    } else if (begin == MLOPS_OFFSET_END) {
        begin = high;
    }

    if (begin < low || begin > high) {
        (void) mlops_err_set(&consumer->why, "topic \"%s\" partition %d: "
                             "offset %lld is wanted, and the log holds %lld "
                             "to %lld: %s", consumer->name,
                             (int) p->partition, (long long) begin,
                             (long long) low, (long long) high,
                             (begin < low)
                             ? "records have been removed before they were "
                               "read"
                             : "it is not the log that was read before");
        return mlops_consumer_fail(consumer);
    }

    p->offset = begin;

    return MLOPS_OK;
}


static int
mlops_consumer_fail(mlops_consumer_t *consumer)
{
    consumer->failed = 1;

    return MLOPS_ERROR;
}


/* A group that asks is answered at once: it would wait for us. */

static void
mlops_consumer_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what,
    rd_kafka_topic_partition_list_t *list, void *data)
{
    mlops_consumer_t *consumer = data;

    int  i;

    (void) rk;

    if (what != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        mlops_consumer_revoke(consumer, list);
        return;
    }

    for (i = 0; i < list->cnt && !consumer->leaving; i++) {

        if (list->elems[i].partition >= MLOPS_PARTITIONS_MAX) {
            (void) mlops_err_set(&consumer->why, "topic \"%s\": expected at "
                                 "most %d partitions", consumer->name,
                                 MLOPS_PARTITIONS_MAX);
            consumer->failed = 1;
            break;
        }

        mlops_consumer_take(consumer, list->elems[i].partition);
    }

    mlops_consumer_assign(consumer, 1);
}


static void
mlops_consumer_revoke(mlops_consumer_t *consumer,
    const rd_kafka_topic_partition_list_t *list)
{
    int                               i, lost, state;
    int32_t                           partition;
    rd_kafka_error_t                 *error;
    rd_kafka_topic_partition_list_t  *owned;

    lost = rd_kafka_assignment_lost(consumer->rk);
    owned = rd_kafka_topic_partition_list_new(list->cnt);

    for (i = 0; i < list->cnt; i++) {
        partition = list->elems[i].partition;

        if (partition >= MLOPS_PARTITIONS_MAX) {
            continue;
        }

        state = consumer->state[partition];
        consumer->state[partition] = MLOPS_CONSUMER_NONE;

        if (state == MLOPS_CONSUMER_WAITING) {
            consumer->waiting--;

        } else if (state == MLOPS_CONSUMER_OWNED) {
            consumer->owned--;
            (void) rd_kafka_topic_partition_list_add(owned, consumer->name,
                                                     partition);
            consumer->calls.release(consumer->calls.ctx, partition, lost);
        }
    }

    error = rd_kafka_incremental_unassign(consumer->rk, owned);

    rd_kafka_topic_partition_list_destroy(owned);

    if (error != NULL) {
        (void) mlops_err_set(&consumer->why, "topic \"%s\": %s",
                             consumer->name, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        consumer->failed = 1;
    }
}


static void
mlops_consumer_error_cb(rd_kafka_t *rk, int error, const char *reason,
    void *data)
{
    char  text[256];

    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        error = rd_kafka_fatal_error(rk, text, sizeof(text));
        reason = text;
    }

    mlops_consumer_passing(data, (rd_kafka_resp_err_t) error, reason);
}


/* The topic is looked at soon: its answer is the end of an outage, also where
 * no record comes. */

static void
mlops_consumer_passing(mlops_consumer_t *consumer, rd_kafka_resp_err_t error,
    const char *reason)
{
    uint64_t  soon_ms;

    mlops_kafka_trouble(&consumer->trouble, consumer->who, error, reason);

    soon_ms = mlops_clock_ns() / 1000000 + MLOPS_CONSUMER_ASK_MS;

    if (consumer->next_look_ms > soon_ms) {
        consumer->next_look_ms = soon_ms;
    }
}


static int
mlops_consumer_wrong(mlops_consumer_t *consumer)
{
    int64_t              low, high, next;
    const char          *reason;
    rd_kafka_message_t  *message;

    message = consumer->message;
    reason = rd_kafka_message_errstr(message);

    switch (message->err) {

    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:

        if (message->partition < 0
            || message->partition >= MLOPS_PARTITIONS_MAX
            || consumer->state[message->partition] != MLOPS_CONSUMER_OWNED)
        {
            return MLOPS_OK;
        }

        low = -1;
        high = -1;
        next = consumer->next[message->partition];
        (void) rd_kafka_query_watermark_offsets(consumer->rk, consumer->name,
                                                message->partition, &low,
                                                &high,
                                                MLOPS_CONSUMER_ASK_MS);
        (void) mlops_err_set(&consumer->why, "topic \"%s\" partition %d: "
                             "offset %lld is wanted, and the log holds %lld "
                             "to %lld: %s", consumer->name,
                             (int) message->partition, (long long) next,
                             (long long) low, (long long) high, reason);

        return mlops_consumer_fail(consumer);

    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:

        /* without a group its name is only librdkafka's own wish */

        if (!consumer->group) {
            mlops_consumer_passing(consumer, message->err, reason);
            return MLOPS_OK;
        }

        /* fall through */

    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR__FATAL:
        (void) mlops_err_set(&consumer->why, "topic \"%s\": %s",
                             consumer->name, reason);

        return mlops_consumer_fail(consumer);

    default:
        mlops_consumer_passing(consumer, message->err, reason);
        return MLOPS_OK;
    }
}


static int
mlops_consumer_message(mlops_consumer_t *consumer, mlops_record_t *record)
{
    int64_t                    ms;
    rd_kafka_message_t        *message;
    rd_kafka_timestamp_type_t  type;

    message = consumer->message;

    if (message->partition < 0 || message->partition >= MLOPS_PARTITIONS_MAX
        || consumer->state[message->partition] != MLOPS_CONSUMER_OWNED)
    {
        return MLOPS_AGAIN;
    }

    ms = rd_kafka_message_timestamp(message, &type);

    record->partition = message->partition;
    record->offset = message->offset;
    record->timestamp_us = (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
                            || ms < 0 || ms > INT64_MAX / 1000)
                           ? -1 : ms * 1000;
    record->key.data = message->key;
    record->key.len = message->key_len;
    record->value.data = message->payload;
    record->value.len = message->len;

    consumer->next[message->partition] = message->offset + 1;
    mlops_kafka_well(&consumer->trouble, consumer->who);

    record->headers_n = 0;
    record->headers = consumer->headers;

    if (!consumer->bare
        && mlops_consumer_headers(consumer, record, &consumer->why)
           != MLOPS_OK)
    {
        consumer->failed = 1;
    }

    return MLOPS_OK;
}


void
mlops_consumer_set_headers(mlops_consumer_t *consumer, int with)
{
    consumer->bare = !with;
}


int
mlops_consumer_headers(mlops_consumer_t *consumer, mlops_record_t *record,
    mlops_err_t *err)
{
    size_t               i, n, len;
    const char          *name;
    const void          *value;
    mlops_header_t      *headers;
    rd_kafka_headers_t  *list;

    record->headers_n = 0;
    record->headers = consumer->headers;

    if (rd_kafka_message_headers(consumer->message, &list)) {
        return MLOPS_OK;
    }

    n = rd_kafka_header_cnt(list);

    if (n > consumer->headers_room) {
        headers = realloc(consumer->headers, n * sizeof(*headers));

        if (headers == NULL) {
            return mlops_err_set(err, "out of memory for the %zu headers of "
                                 "a record", n);
        }

        consumer->headers = headers;
        consumer->headers_room = (uint32_t) n;
    }

    record->headers = consumer->headers;

    for (i = 0; i < n; i++) {

        if (rd_kafka_header_get_all(list, i, &name, &value, &len)) {
            break;
        }

        consumer->headers[i].name.data = name;
        consumer->headers[i].name.len = strlen(name);
        consumer->headers[i].value.data = value;
        consumer->headers[i].value.len = (value != NULL) ? len : 0;
    }

    record->headers_n = (uint32_t) i;

    return MLOPS_OK;
}


void
mlops_consumer_commit(mlops_consumer_t *consumer, int32_t partition,
    int64_t next)
{
    rd_kafka_topic_partition_list_t  *list;

    list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, consumer->name,
                                      partition)->offset = next;
    (void) rd_kafka_commit(consumer->rk, list, 1);

    rd_kafka_topic_partition_list_destroy(list);
}


int
mlops_consumer_reached(const mlops_consumer_t *consumer, int32_t partition)
{
    return consumer->state[partition] == MLOPS_CONSUMER_OWNED
           && consumer->reached[partition];
}


int64_t
mlops_consumer_next(const mlops_consumer_t *consumer, int32_t partition)
{
    return consumer->next[partition];
}


int64_t
mlops_consumer_high(mlops_consumer_t *consumer, int32_t partition)
{
    int64_t  low, high;

    if (rd_kafka_get_watermark_offsets(consumer->rk, consumer->name,
                                       partition, &low, &high)
        || high < 0)
    {
        return -1;
    }

    return high;
}


uint32_t
mlops_consumer_partitions(mlops_consumer_t *consumer)
{
    return consumer->partitions;
}


uint64_t
mlops_consumer_errors(const mlops_consumer_t *consumer)
{
    return consumer->trouble.errors;
}


const char *
mlops_consumer_last_error(const mlops_consumer_t *consumer)
{
    return consumer->trouble.text;
}
