/*
 * Kafka by librdkafka: a consumer that says what it owns, and a producer
 * whose deliveries are waited for.
 *
 * librdkafka's threads do not survive fork: nothing here is ever linked into
 * nginx, and a process makes its clients after it has forked for the last
 * time.  Records are polled one by one (the batch calls of 2.0.2 lose records
 * beside seek, pause and rebalance).
 *
 * Properties come from the plan: librdkafka's names, with "file:PATH" and
 * "env:NAME" read here, so that no secret stands in a plan.  What the
 * guarantees rest on is set here, and refused in a plan.
 */

#ifndef MLOPS_KAFKA_H
#define MLOPS_KAFKA_H


#include "mlops_base.h"
#include "mlops_plan.h"


typedef struct mlops_consumer_s  mlops_consumer_t;
typedef struct mlops_producer_s  mlops_producer_t;


typedef struct {
    mlops_str_t   name;
    mlops_str_t   value;            /* data NULL: a null value */
} mlops_header_t;


/* One record; the texts live until the next poll. */

typedef struct {
    int32_t         partition;      /* -1: from a file */
    int64_t         offset;
    int64_t         timestamp_us;   /* -1: none */
    mlops_str_t     key;            /* data NULL: none */
    mlops_str_t     value;          /* data NULL: a tombstone */
    uint32_t        headers_n;
    mlops_header_t *headers;
} mlops_record_t;


/* ---- the consumer: used by one thread ---- */

/*
 * What to do as partitions come and go.  acquire is asked where to begin:
 * it returns the first offset wanted, or MLOPS_OFFSET_BEGINNING,
 * MLOPS_OFFSET_END.  release is told before the partition goes; with lost set
 * nothing may be written for it any more.  low and high are the partition's
 * log at that moment: a begin below low means that records are gone.
 */

#define MLOPS_OFFSET_BEGINNING  -2
#define MLOPS_OFFSET_END        -1

typedef struct {
    int64_t (*acquire)(void *ctx, int32_t partition, int64_t low,
        int64_t high);
    void    (*release)(void *ctx, int32_t partition, int lost);
    void     *ctx;
} mlops_consumer_calls_t;

/*
 * Reads a topic: all of its partitions by manual assignment where group is
 * empty (and those that are added later), its share of them by
 * cooperative-sticky groups otherwise.  Does not wait for the broker: errors
 * that pass (no broker, no topic yet) are counted and logged by log, those
 * that do not are returned by poll.
 */
mlops_consumer_t *mlops_consumer_create(const mlops_plan_kafka_t *kafka,
    const mlops_str_t *topic, const mlops_str_t *group,
    const mlops_consumer_calls_t *calls, mlops_err_t *err);
void mlops_consumer_destroy(mlops_consumer_t *consumer);

/*
 *     MLOPS_OK      *record
 *     MLOPS_AGAIN   nothing within timeout_ms (0: do not wait)
 *     MLOPS_ERROR   the topic cannot be read on: err says why (an offset out
 *                   of range, authorization, an unknown property)
 *
 * Callbacks are called from here, in the caller's thread.  Records of
 * partitions that are not owned are passed over.
 */
int mlops_consumer_poll(mlops_consumer_t *consumer, int timeout_ms,
    mlops_record_t *record, mlops_err_t *err);

/* To look for headers costs as much as all else of a record, so they can be
 * left away (with is 0; headers_n is 0 then), and asked for where they are
 * wanted: of the last record, until the next poll. */
void mlops_consumer_set_headers(mlops_consumer_t *consumer, int with);
int mlops_consumer_headers(mlops_consumer_t *consumer,
    mlops_record_t *record, mlops_err_t *err);

/* Offsets for lag tools only; never waited for.  next is the first offset
 * not applied. */
void mlops_consumer_commit(mlops_consumer_t *consumer, int32_t partition,
    int64_t next);
/* Has everything that could be read of a partition been returned, at some
 * moment since it was acquired?  Exact also where the last offsets are those
 * of transactions, or have been compacted away. */
int mlops_consumer_reached(const mlops_consumer_t *consumer,
    int32_t partition);
/* The next offset to read: behind the last record, and behind what no reader
 * gets where the end has been reached. */
int64_t mlops_consumer_next(const mlops_consumer_t *consumer,
    int32_t partition);
/* The end of a partition as last heard of, or -1; no request is made. */
int64_t mlops_consumer_high(mlops_consumer_t *consumer, int32_t partition);
/* How many partitions the topic has, 0: not known yet. */
uint32_t mlops_consumer_partitions(mlops_consumer_t *consumer);
/* Errors that passed, and the text of the last one ("": none since the last
 * record). */
uint64_t mlops_consumer_errors(const mlops_consumer_t *consumer);
const char *mlops_consumer_last_error(const mlops_consumer_t *consumer);


/* ---- the producer: used by any thread ---- */

mlops_producer_t *mlops_producer_create(const mlops_plan_kafka_t *kafka,
    mlops_err_t *err);
/* Waits at most timeout_ms for what is under way.  MLOPS_ERROR: some of it
 * was not delivered. */
int mlops_producer_destroy(mlops_producer_t *producer, int timeout_ms);

/* Queues one record (copied); partition -1: by the key's hash as Java clients
 * do (murmur2).  MLOPS_AGAIN: the queue is full, call mlops_producer_wait. */
int mlops_producer_send(mlops_producer_t *producer, const mlops_str_t *topic,
    int32_t partition, const mlops_str_t *key, const mlops_str_t *value,
    const mlops_header_t *headers, uint32_t headers_n, int64_t timestamp_us,
    mlops_err_t *err);
/*
 * Waits until all that was sent is acknowledged.  MLOPS_AGAIN: not yet after
 * timeout_ms; MLOPS_ERROR: a record was refused for good, err has the reason
 * of the first one since the last call.
 */
int mlops_producer_wait(mlops_producer_t *producer, int timeout_ms,
    mlops_err_t *err);
/* Records sent and not acknowledged yet. */
uint64_t mlops_producer_pending(const mlops_producer_t *producer);
/* Records that were refused for good, of all that were sent. */
uint64_t mlops_producer_refused(const mlops_producer_t *producer);
/* Serves delivery reports without waiting. */
void mlops_producer_poll(mlops_producer_t *producer);


/* What librdkafka has to say, and what is said here of passing errors: level
 * is that of syslog(3).  Called by any thread; NULL: nobody hears it, which is
 * how it begins. */
typedef void (*mlops_kafka_log_pt)(int level, const char *text);

void mlops_kafka_set_log(mlops_kafka_log_pt log);

/* The value of a property: text itself, or what file: or env: names, without
 * the line end.  Memory from the arena; the error never has the secret. */
int mlops_kafka_value(const mlops_str_t *text, mlops_str_t *value,
    mlops_arena_t *arena, mlops_err_t *err);


#endif /* MLOPS_KAFKA_H */
