/*
 * kafka_client: consumer and producer of workers/kafka on the command line,
 * for the test against Apache Kafka.
 *
 *     kafka_client consume [-g group] [-d dir] brokers topic
 *     kafka_client produce brokers topic partitions records rate
 *     kafka_client transact brokers topic
 *
 * consume prints what it is told, a line each, until SIGTERM:
 *
 *     acquire PARTITION LOW HIGH BEGIN       release PARTITION LOST
 *     record PARTITION OFFSET VALUE          end PARTITION NEXT
 *     log LEVEL TEXT                         error TEXT
 *
 * With -d it keeps, as a worker does, its state with its offset: for each
 * partition a file "NEXT N SUM" of how many numbers it has read and their
 * sum.  The state follows from the log alone, so of two members that write it
 * the one that has come further is right.
 *
 * produce sends the numbers from 0 on, round the partitions, at a rate.
 * transact commits and aborts: 10 numbers of each, then 5 and 5.
 */

#include "mlops_kafka.h"
#include "mlops_clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>


#define CLIENT_PARTITIONS  64
#define CLIENT_SAVE        50       /* records between two states on disk */
#define CLIENT_DRAIN_MS    60000


typedef struct {
    int64_t   next;
    int64_t   n;
    int64_t   sum;
    int       owned;
    int       ended;
} client_part_t;


typedef struct {
    const char     *dir;
    client_part_t   parts[CLIENT_PARTITIONS];
} client_t;


static volatile sig_atomic_t  ended;


static void
client_signal(int signo)
{
    (void) signo;

    ended = 1;
}


/* One write a line: librdkafka's threads print, too. */

static void
client_log(int level, const char *text)
{
    char  line[1200];

    (void) snprintf(line, sizeof(line), "log %d %s\n", level, text);
    (void) !write(STDOUT_FILENO, line, strlen(line));
}


static void
client_cluster(mlops_plan_kafka_t *kafka, const char *brokers)
{
    static mlops_str_t  keys[] = {
        mlops_str("bootstrap.servers"), mlops_str("session.timeout.ms"),
        mlops_str("heartbeat.interval.ms")
    };
    static mlops_str_t  values[] = {
        mlops_null_str, mlops_str("6000"), mlops_str("500")
    };

    memset(kafka, 0, sizeof(*kafka));
    values[0].data = brokers;
    values[0].len = strlen(brokers);
    kafka->name.data = "test";
    kafka->name.len = 4;
    kafka->keys = keys;
    kafka->values = values;
    kafka->n = mlops_nitems(keys);
}


static int
client_file(const client_t *client, int32_t partition)
{
    int   fd;
    char  path[1024];

    (void) snprintf(path, sizeof(path), "%s/%d", client->dir,
                    (int) partition);
    fd = open(path, O_RDWR|O_CREAT|O_CLOEXEC, 0600);

    if (fd == -1 || flock(fd, LOCK_EX) == -1) {
        perror(path);
        exit(1);
    }

    return fd;
}


static void
client_read(int fd, client_part_t *part)
{
    char     text[128];
    ssize_t  n;

    memset(part, 0, sizeof(*part));
    n = pread(fd, text, sizeof(text) - 1, 0);
    text[(n > 0) ? n : 0] = '\0';

    if (sscanf(text, "%" SCNd64 " %" SCNd64 " %" SCNd64, &part->next,
               &part->n, &part->sum)
        != 3)
    {
        part->next = MLOPS_OFFSET_BEGINNING;
    }
}


/* Padded: a shorter text never stands on a longer one. */

static void
client_save(const client_t *client, int32_t partition)
{
    int                    fd;
    char                   text[128];
    client_part_t          there;
    const client_part_t   *part;

    if (client->dir == NULL) {
        return;
    }

    part = &client->parts[partition];
    fd = client_file(client, partition);
    client_read(fd, &there);

    if (part->next > there.next) {
        (void) snprintf(text, sizeof(text), "%20" PRId64 " %20" PRId64
                        " %20" PRId64 "\n", part->next, part->n, part->sum);

        if (pwrite(fd, text, strlen(text), 0) != (ssize_t) strlen(text)) {
            perror("write");
            exit(1);
        }
    }

    (void) close(fd);
}


static int64_t
client_acquire(void *ctx, int32_t partition, int64_t low, int64_t high)
{
    client_t *client = ctx;

    int             fd;
    client_part_t  *part;

    part = &client->parts[partition];
    memset(part, 0, sizeof(*part));
    part->next = MLOPS_OFFSET_BEGINNING;

    if (client->dir != NULL) {
        fd = client_file(client, partition);
        client_read(fd, part);
        (void) close(fd);
    }

    part->owned = 1;
    printf("acquire %d %" PRId64 " %" PRId64 " %" PRId64 "\n",
           (int) partition, low, high, part->next);

    return part->next;
}


static void
client_release(void *ctx, int32_t partition, int lost)
{
    client_t *client = ctx;

    printf("release %d %d\n", (int) partition, lost);

    if (!lost) {
        client_save(client, partition);
    }

    client->parts[partition].owned = 0;
}


static void
client_ends(client_t *client, const mlops_consumer_t *consumer)
{
    int32_t  i;

    for (i = 0; i < CLIENT_PARTITIONS; i++) {
        if (client->parts[i].owned && !client->parts[i].ended
            && mlops_consumer_reached(consumer, i))
        {
            client->parts[i].ended = 1;
            printf("end %d %" PRId64 "\n", (int) i,
                   mlops_consumer_next(consumer, i));
        }
    }
}


static int
client_consume(int argc, char **argv)
{
    int                      c, rc;
    char                     text[32];
    client_t                 client;
    mlops_err_t              err;
    mlops_str_t              topic, group;
    client_part_t           *part;
    mlops_record_t           record;
    mlops_consumer_t        *consumer;
    mlops_plan_kafka_t       kafka;
    mlops_consumer_calls_t   calls;

    memset(&client, 0, sizeof(client));
    group.data = "";
    group.len = 0;

    while ((c = getopt(argc, argv, "g:d:")) != -1) {

        if (c == 'g') {
            group.data = optarg;
            group.len = strlen(optarg);

        } else if (c == 'd') {
            client.dir = optarg;

        } else {
            return 2;
        }
    }

    if (argc - optind != 2) {
        return 2;
    }

    client_cluster(&kafka, argv[optind]);
    topic.data = argv[optind + 1];
    topic.len = strlen(topic.data);
    calls.acquire = client_acquire;
    calls.release = client_release;
    calls.ctx = &client;

    consumer = mlops_consumer_create(&kafka, &topic, &group, &calls, &err);

    if (consumer == NULL) {
        printf("error %s\n", err.text);
        return 1;
    }

    rc = MLOPS_OK;

    while (!ended && rc != MLOPS_ERROR) {
        rc = mlops_consumer_poll(consumer, 50, &record, &err);

        if (rc == MLOPS_OK) {
            part = &client.parts[record.partition];
            part->next = record.offset + 1;
            part->n++;
            (void) snprintf(text, sizeof(text), "%.*s",
                            (record.value.len > 20)
                            ? 20 : (int) record.value.len,
                            record.value.data);
            part->sum += strtoll(text, NULL, 10);

            printf("record %d %" PRId64 " %s\n", (int) record.partition,
                   record.offset, text);

            if (part->n % CLIENT_SAVE == 0) {
                client_save(&client, record.partition);
            }
        }

        client_ends(&client, consumer);
    }

    if (rc == MLOPS_ERROR) {
        printf("error %s\n", err.text);
    }

    mlops_consumer_destroy(consumer);

    return (rc == MLOPS_ERROR);
}


static int
client_produce(int argc, char **argv)
{
    int                  rc;
    char                 number[32];
    double               rate;
    int64_t              i, n, partitions, start_ns, due_ns;
    mlops_err_t          err;
    mlops_str_t          topic, value;
    struct timespec      ts;
    mlops_producer_t    *producer;
    mlops_plan_kafka_t   kafka;

    if (argc != 6) {
        return 2;
    }

    client_cluster(&kafka, argv[1]);
    topic.data = argv[2];
    topic.len = strlen(argv[2]);
    partitions = atoll(argv[3]);
    n = atoll(argv[4]);
    rate = atof(argv[5]);

    producer = mlops_producer_create(&kafka, &err);

    if (producer == NULL) {
        printf("error %s\n", err.text);
        return 1;
    }

    start_ns = (int64_t) mlops_clock_ns();

    for (i = 0; i < n && !ended; i++) {
        value.data = number;
        value.len = (size_t) snprintf(number, sizeof(number), "%" PRId64, i);

        while ((rc = mlops_producer_send(producer, &topic,
                                         (int32_t) (i % partitions), &value,
                                         &value, NULL, 0, -1, &err))
               == MLOPS_AGAIN)
        {
            (void) mlops_producer_wait(producer, 100, &err);
        }

        if (rc != MLOPS_OK) {
            printf("error %s\n", err.text);
            return 1;
        }

        mlops_producer_poll(producer);

        due_ns = start_ns + (int64_t) ((double) (i + 1) / rate * 1e9);
        ts.tv_sec = due_ns / 1000000000;
        ts.tv_nsec = due_ns % 1000000000;
        (void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
    }

    rc = mlops_producer_wait(producer, CLIENT_DRAIN_MS, &err);

    printf("sent %" PRId64 " pending %" PRIu64 " refused %" PRIu64 "\n", i,
           mlops_producer_pending(producer),
           mlops_producer_refused(producer));

    (void) mlops_producer_destroy(producer, 0);

    return (rc != MLOPS_OK);
}


static void
client_must(rd_kafka_error_t *error)
{
    if (error != NULL) {
        printf("error %s\n", rd_kafka_error_string(error));
        exit(1);
    }
}


static int
client_transact(int argc, char **argv)
{
    int               i, j, number;
    char              text[256];
    rd_kafka_t       *rk;
    rd_kafka_conf_t  *conf;

    static const int  batches[] = { 10, -10, 5, -5 };

    if (argc != 3) {
        return 2;
    }

    conf = rd_kafka_conf_new();
    (void) rd_kafka_conf_set(conf, "bootstrap.servers", argv[1], NULL, 0);
    (void) rd_kafka_conf_set(conf, "transactional.id", "test", NULL, 0);
    rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));

    if (rk == NULL) {
        printf("error %s\n", text);
        return 1;
    }

    client_must(rd_kafka_init_transactions(rk, 30000));
    number = 0;

    for (i = 0; i < (int) mlops_nitems(batches); i++) {
        client_must(rd_kafka_begin_transaction(rk));

        for (j = 0; j < abs(batches[i]); j++) {
            (void) snprintf(text, sizeof(text), "%d", number++);

            if (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(argv[2]),
                                  RD_KAFKA_V_PARTITION(0),
                                  RD_KAFKA_V_VALUE(text, strlen(text)),
                                  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                  RD_KAFKA_V_END))
            {
                return 1;
            }
        }

        (void) rd_kafka_flush(rk, 10000);

        client_must((batches[i] > 0)
                    ? rd_kafka_commit_transaction(rk, 30000)
                    : rd_kafka_abort_transaction(rk, 30000));
    }

    rd_kafka_destroy(rk);

    return 0;
}


int
main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void) signal(SIGTERM, client_signal);
    mlops_kafka_set_log(client_log);

    if (argc > 1 && strcmp(argv[1], "consume") == 0) {
        return client_consume(argc - 1, argv + 1);
    }

    if (argc > 1 && strcmp(argv[1], "produce") == 0) {
        return client_produce(argc - 1, argv + 1);
    }

    if (argc > 1 && strcmp(argv[1], "transact") == 0) {
        return client_transact(argc - 1, argv + 1);
    }

    return 2;
}
