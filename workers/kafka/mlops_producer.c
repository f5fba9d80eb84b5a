/*
 * The producer: idempotent, acknowledged by all replicas, and without a time
 * limit of its own, so that an outage delays records and loses none.
 */

#include "mlops_kafka_conf.h"

#include "mlops_clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>


struct mlops_producer_s {
    rd_kafka_t             *rk;
    _Atomic uint64_t        pending;
    _Atomic uint64_t        refused;
    pthread_mutex_t         lock;       /* of what follows */
    int                     failed;
    mlops_err_t             why;        /* of the first since it was told */
    mlops_kafka_trouble_t   trouble;
};


static void mlops_producer_report(rd_kafka_t *rk,
    const rd_kafka_message_t *message, void *data);
static void mlops_producer_error(rd_kafka_t *rk, int error,
    const char *reason, void *data);
static int mlops_producer_told(mlops_producer_t *producer, mlops_err_t *err);


static const mlops_kafka_property_t  mlops_producer_defaults[] = {
    { "client.id", "mlops-features" },
    { "linger.ms", "5" },
    { "message.max.bytes", "1000000000" },      /* the broker's to say */
    { "reconnect.backoff.ms", "50" },
    { "reconnect.backoff.max.ms", "1000" }
};

static const mlops_kafka_property_t  mlops_producer_fixed[] = {
    { "enable.idempotence", "true" },
    { "acks", "all" },
    { "message.timeout.ms", "0" },
    { "partitioner", "murmur2_random" }
};


mlops_producer_t *
mlops_producer_create(const mlops_plan_kafka_t *kafka, mlops_err_t *err)
{
    char               text[256];
    rd_kafka_conf_t   *conf;
    mlops_producer_t  *producer;

    producer = calloc(1, sizeof(*producer));

    if (producer == NULL) {
        (void) mlops_err_set(err, "out of memory for a producer");
        return NULL;
    }

    conf = mlops_kafka_conf(kafka, mlops_producer_defaults,
                            mlops_nitems(mlops_producer_defaults),
                            mlops_producer_fixed,
                            mlops_nitems(mlops_producer_fixed), err);

    if (conf == NULL) {
        free(producer);
        return NULL;
    }

    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, mlops_producer_report);
    rd_kafka_conf_set_error_cb(conf, mlops_producer_error);

    producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));

    if (producer->rk == NULL) {
        (void) mlops_err_set(err, "mlops_kafka \"%.*s\": %s",
                             mlops_fmt(&kafka->name), text);
        rd_kafka_conf_destroy(conf);
        free(producer);
        return NULL;
    }

    (void) pthread_mutex_init(&producer->lock, NULL);

    return producer;
}


int
mlops_producer_destroy(mlops_producer_t *producer, int timeout_ms)
{
    int  rc;

    rc = mlops_producer_wait(producer, timeout_ms, NULL);

    (void) rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE
                                        |RD_KAFKA_PURGE_F_INFLIGHT);
    (void) rd_kafka_flush(producer->rk, 100);
    rd_kafka_destroy(producer->rk);

    (void) pthread_mutex_destroy(&producer->lock);
    free(producer);

    return (rc == MLOPS_OK) ? MLOPS_OK : MLOPS_ERROR;
}


int
mlops_producer_send(mlops_producer_t *producer, const mlops_str_t *topic,
    int32_t partition, const mlops_str_t *key, const mlops_str_t *value,
    const mlops_header_t *headers, uint32_t headers_n, int64_t timestamp_us,
    mlops_err_t *err)
{
    char                 name[256];
    uint32_t             i;
    rd_kafka_headers_t  *list;
    rd_kafka_resp_err_t  error;

    if (topic->len >= sizeof(name)) {
        return mlops_err_set(err, "the name of the topic is too long: "
                             "expected at most 249 bytes");
    }

    memcpy(name, topic->data, topic->len);
    name[topic->len] = '\0';

    list = rd_kafka_headers_new(headers_n);

    for (i = 0; i < headers_n; i++) {
        if (rd_kafka_header_add(list, headers[i].name.data,
                                (ssize_t) headers[i].name.len,
                                headers[i].value.data,
                                (ssize_t) headers[i].value.len))
        {
            rd_kafka_headers_destroy(list);
            return mlops_err_set(err, "topic \"%s\": a header is too large",
                                 name);
        }
    }

    atomic_fetch_add_explicit(&producer->pending, 1, memory_order_relaxed);

    error = rd_kafka_producev(producer->rk, RD_KAFKA_V_TOPIC(name),
                              RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_KEY((void *) key->data, key->len),
                              RD_KAFKA_V_VALUE((void *) value->data,
                                               value->len),
                              RD_KAFKA_V_TIMESTAMP((timestamp_us >= 0)
                                                   ? timestamp_us / 1000 : 0),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_HEADERS(list),
                              RD_KAFKA_V_END);

    if (!error) {
        return MLOPS_OK;
    }

    rd_kafka_headers_destroy(list);
    atomic_fetch_sub_explicit(&producer->pending, 1, memory_order_relaxed);

    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return MLOPS_AGAIN;
    }

    return mlops_err_set(err, "topic \"%s\": %s", name,
                         rd_kafka_err2str(error));
}


static void
mlops_producer_report(rd_kafka_t *rk, const rd_kafka_message_t *message,
    void *data)
{
    mlops_producer_t *producer = data;

    (void) rk;

    (void) pthread_mutex_lock(&producer->lock);

    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        mlops_kafka_well(&producer->trouble, "producer");

    } else {
        atomic_fetch_add_explicit(&producer->refused, 1,
                                  memory_order_relaxed);

        if (!producer->failed) {
            producer->failed = 1;
            (void) mlops_err_set(&producer->why, "topic \"%s\" partition %d: "
                                 "%s", rd_kafka_topic_name(message->rkt),
                                 (int) message->partition,
                                 rd_kafka_err2str(message->err));
        }
    }

    (void) pthread_mutex_unlock(&producer->lock);

    atomic_fetch_sub_explicit(&producer->pending, 1, memory_order_release);
}


/* A fatal one fails every record, and each of them says so. */

static void
mlops_producer_error(rd_kafka_t *rk, int error, const char *reason,
    void *data)
{
    mlops_producer_t *producer = data;

    char  text[256];

    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        error = rd_kafka_fatal_error(rk, text, sizeof(text));
        reason = text;
    }

    (void) pthread_mutex_lock(&producer->lock);

    mlops_kafka_trouble(&producer->trouble, "producer",
                        (rd_kafka_resp_err_t) error, reason);

    (void) pthread_mutex_unlock(&producer->lock);
}


int
mlops_producer_wait(mlops_producer_t *producer, int timeout_ms,
    mlops_err_t *err)
{
    int64_t  left_ms;
    uint64_t  end_ms;

    end_ms = mlops_clock_ns() / 1000000 + (uint64_t) timeout_ms;

    /* who does not want to wait still wants to hear what has come */

    (void) rd_kafka_poll(producer->rk, 0);

    while (mlops_producer_pending(producer) != 0) {
        left_ms = (int64_t) (end_ms - mlops_clock_ns() / 1000000);

        if (left_ms <= 0) {
            break;
        }

        /* a flush sends at once what would linger */

        (void) rd_kafka_flush(producer->rk, (left_ms < 100) ? (int) left_ms
                                                            : 100);
    }

    if (mlops_producer_told(producer, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return (mlops_producer_pending(producer) == 0) ? MLOPS_OK : MLOPS_AGAIN;
}


static int
mlops_producer_told(mlops_producer_t *producer, mlops_err_t *err)
{
    int  failed;

    (void) pthread_mutex_lock(&producer->lock);

    failed = producer->failed;
    producer->failed = 0;

    if (failed && err != NULL) {
        *err = producer->why;
    }

    (void) pthread_mutex_unlock(&producer->lock);

    return failed ? MLOPS_ERROR : MLOPS_OK;
}


uint64_t
mlops_producer_pending(const mlops_producer_t *producer)
{
    return atomic_load_explicit(&((mlops_producer_t *) producer)->pending,
                                memory_order_acquire);
}


uint64_t
mlops_producer_refused(const mlops_producer_t *producer)
{
    return atomic_load_explicit(&((mlops_producer_t *) producer)->refused,
                                memory_order_relaxed);
}


void
mlops_producer_poll(mlops_producer_t *producer)
{
    (void) rd_kafka_poll(producer->rk, 0);
}
