/*
 * feed: puts records into a topic exactly as it is told.
 *
 *     feed [-r rate] [-z codec] brokers topic < lines
 *     feed [-r rate] [-z codec] -g events [-e entities] [-p partitions]
 *          [-f first] [-m events] brokers topic
 *
 * A line has fields between tabs,
 *
 *     partition  timestamp in ms  key  value  [header=value]…
 *
 * where a key or value "\N" is null, a partition of -1 lets the key decide,
 * and a timestamp of 0 is now.  With -g it makes events of 84 bytes,
 *
 *     {"driver_id":1000017,"ts":1700000000123,"fare":12.25,"status":"paid",
 *      "zone":"a0017"}
 *
 * numbered from first: entity and fare follow from the number, the time is a
 * millisecond later every so many events (-m, default 1), the partition is
 * the entity's.
 *
 * Prints one line of name=value: records, failed, seconds.  Exits with 1
 * where a record was not delivered.
 */

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define FEED_LINE     (1 << 20)
#define FEED_EVENT    128


typedef struct {
    rd_kafka_t        *kafka;
    rd_kafka_topic_t  *topic;
    const char        *name;
    double             rate;
    uint64_t           sent;
    uint64_t           failed;
    int64_t            begun_ns;
} feed_t;


static int feed_open(feed_t *feed, const char *brokers, const char *codec);
static int feed_lines(feed_t *feed);
static int feed_line(feed_t *feed, char *line);
static int feed_made(feed_t *feed, uint64_t n, uint64_t first,
    uint64_t entities, uint32_t partitions, uint64_t a_ms);
static void feed_pace(feed_t *feed);
static void feed_report(rd_kafka_t *kafka, const rd_kafka_message_t *message,
    void *data);
static int64_t feed_ns(void);


int
main(int argc, char **argv)
{
    int          c, rc;
    feed_t       feed;
    uint64_t     n, first, entities, a_ms;
    uint32_t     partitions;
    const char  *codec;

    memset(&feed, 0, sizeof(feed));
    codec = "none";
    n = 0;
    first = 0;
    entities = 1000000;
    partitions = 1;
    a_ms = 1;

    while ((c = getopt(argc, argv, "r:z:g:e:p:f:m:")) != -1) {
        switch (c) {

        case 'r':
            feed.rate = atof(optarg);
            break;

        case 'z':
            codec = optarg;
            break;

        case 'g':
            n = strtoull(optarg, NULL, 10);
            break;

        case 'e':
            entities = strtoull(optarg, NULL, 10);
            break;

        case 'p':
            partitions = (uint32_t) strtoul(optarg, NULL, 10);
            break;

        case 'f':
            first = strtoull(optarg, NULL, 10);
            break;

        case 'm':
            a_ms = strtoull(optarg, NULL, 10);
            break;

        default:
            return 2;
        }
    }

    if (argc - optind != 2 || entities == 0 || partitions == 0 || a_ms == 0) {
        fprintf(stderr, "usage: feed [-r rate] [-z codec] [-g events"
                        " [-e entities] [-p partitions] [-f first]"
                        " [-m events]] brokers topic\n");
        return 2;
    }

    feed.name = argv[optind + 1];

    if (feed_open(&feed, argv[optind], codec) != 0) {
        return 1;
    }

    feed.begun_ns = feed_ns();

    rc = n != 0 ? feed_made(&feed, n, first, entities, partitions, a_ms)
                : feed_lines(&feed);

    if (rd_kafka_flush(feed.kafka, 30000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "feed: records are not acknowledged\n");
        rc = 1;
    }

    printf("records=%" PRIu64 " failed=%" PRIu64 " seconds=%.3f\n",
           feed.sent, feed.failed, (double) (feed_ns() - feed.begun_ns) / 1e9);

    rd_kafka_topic_destroy(feed.topic);
    rd_kafka_destroy(feed.kafka);

    return rc != 0 || feed.failed != 0;
}


static int
feed_open(feed_t *feed, const char *brokers, const char *codec)
{
    size_t            i;
    char                   err[256];
    rd_kafka_conf_t       *conf;
    const char            *pairs[][2] = {
        { "bootstrap.servers", brokers },
        { "compression.codec", codec },
        { "linger.ms", "2" },
        { "batch.num.messages", "10000" },
        { "queue.buffering.max.messages", "500000" },
        { "queue.buffering.max.kbytes", "1048576" },
        { "enable.idempotence", "true" },
    };

    conf = rd_kafka_conf_new();

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (rd_kafka_conf_set(conf, pairs[i][0], pairs[i][1], err,
                              sizeof(err))
            != RD_KAFKA_CONF_OK)
        {
            fprintf(stderr, "feed: %s\n", err);
            rd_kafka_conf_destroy(conf);
            return 1;
        }
    }

    rd_kafka_conf_set_opaque(conf, feed);
    rd_kafka_conf_set_dr_msg_cb(conf, feed_report);

    feed->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof(err));

    if (feed->kafka == NULL) {
        fprintf(stderr, "feed: %s\n", err);
        rd_kafka_conf_destroy(conf);
        return 1;
    }

    feed->topic = rd_kafka_topic_new(feed->kafka, feed->name, NULL);

    if (feed->topic == NULL) {
        fprintf(stderr, "feed: no topic \"%s\"\n", feed->name);
        return 1;
    }

    return 0;
}


static int
feed_lines(feed_t *feed)
{
    size_t   len;
    char    *line;
    int      rc;

    line = malloc(FEED_LINE);

    if (line == NULL) {
        return 1;
    }

    rc = 0;

    while (rc == 0 && fgets(line, FEED_LINE, stdin) != NULL) {
        len = strlen(line);

        if (len != 0 && line[len - 1] == '\n') {
            line[len - 1] = '\0';
        }

        rc = feed_line(feed, line);
    }

    free(line);

    return rc;
}


static int
feed_line(feed_t *feed, char *line)
{
    int                   n;
    char                 *field[4], *header, *equals;
    int64_t               when_ms;
    rd_kafka_headers_t   *headers;
    rd_kafka_resp_err_t   err;

    for (n = 0; n < 4; n++) {
        field[n] = strsep(&line, "\t");

        if (field[n] == NULL) {
            fprintf(stderr, "feed: expected 4 fields between tabs, got %d\n",
                    n);
            return 1;
        }
    }

    headers = rd_kafka_headers_new(8);

    while ((header = strsep(&line, "\t")) != NULL) {
        equals = strchr(header, '=');

        if (equals == NULL) {
            fprintf(stderr, "feed: expected header=value, got \"%s\"\n",
                    header);
            rd_kafka_headers_destroy(headers);
            return 1;
        }

        rd_kafka_header_add(headers, header, equals - header, equals + 1, -1);
    }

    for (n = 2; n < 4; n++) {
        if (strcmp(field[n], "\\N") == 0) {
            field[n] = NULL;
        }
    }

    when_ms = strtoll(field[1], NULL, 10);

    do {
        feed_pace(feed);

        err = rd_kafka_producev(feed->kafka, RD_KAFKA_V_RKT(feed->topic),
                  RD_KAFKA_V_PARTITION(atoi(field[0])),
                  RD_KAFKA_V_TIMESTAMP(when_ms),
                  RD_KAFKA_V_KEY(field[2], field[2] ? strlen(field[2]) : 0),
                  RD_KAFKA_V_VALUE(field[3], field[3] ? strlen(field[3]) : 0),
                  RD_KAFKA_V_HEADERS(headers),
                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                  RD_KAFKA_V_END);

        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(feed->kafka, 10);
        }

    } while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "feed: %s\n", rd_kafka_err2str(err));
        rd_kafka_headers_destroy(headers);
        return 1;
    }

    feed->sent++;
    rd_kafka_poll(feed->kafka, 0);

    return 0;
}


static int
feed_made(feed_t *feed, uint64_t n, uint64_t first, uint64_t entities,
    uint32_t partitions, uint64_t a_ms)
{
    int       len, key_len;
    char      value[FEED_EVENT], key[24];
    uint64_t  i, entity;

    for (i = first; i < first + n; i++) {

        /* each entity once in every round, in an order that caches do not
         * like: the multiplier is prime to any number of entities */

        entity = i * 2654435761 % entities;

        len = snprintf(value, sizeof(value),
                       "{\"driver_id\":%07" PRIu64 ",\"ts\":%" PRIu64
                       ",\"fare\":%02u.25,\"status\":\"%s\","
                       "\"zone\":\"a%04u\"}",
                       1000000 + entity, 1700000000000 + i / a_ms,
                       (unsigned) (10 + i % 89), i % 3 ? "paid" : "free",
                       (unsigned) (i % 10000));

        key_len = snprintf(key, sizeof(key), "%" PRIu64, 1000000 + entity);

        while (rd_kafka_produce(feed->topic, (int32_t) (entity % partitions),
                                RD_KAFKA_MSG_F_COPY, value, (size_t) len, key,
                                (size_t) key_len, NULL)
               == -1)
        {
            if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                fprintf(stderr, "feed: %s\n",
                        rd_kafka_err2str(rd_kafka_last_error()));
                return 1;
            }

            rd_kafka_poll(feed->kafka, 10);
        }

        feed->sent++;

        if ((i & 255) == 0) {
            rd_kafka_poll(feed->kafka, 0);
        }

        feed_pace(feed);
    }

    return 0;
}


/* Waits until the next record is due. */

static void
feed_pace(feed_t *feed)
{
    int64_t          due;
    struct timespec  pause;

    if (feed->rate <= 0) {
        return;
    }

    due = feed->begun_ns + (int64_t) ((double) feed->sent / feed->rate * 1e9)
          - feed_ns();

    if (due < 1000000) {
        return;
    }

    rd_kafka_poll(feed->kafka, 0);

    pause.tv_sec = due / 1000000000;
    pause.tv_nsec = due % 1000000000;
    (void) nanosleep(&pause, NULL);
}


static void
feed_report(rd_kafka_t *kafka, const rd_kafka_message_t *message, void *data)
{
    feed_t  *feed;

    (void) kafka;
    feed = data;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (feed->failed++ == 0) {
            fprintf(stderr, "feed: %s\n", rd_kafka_err2str(message->err));
        }
    }
}


static int64_t
feed_ns(void)
{
    struct timespec  now;

    clock_gettime(CLOCK_MONOTONIC, &now);

    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}
