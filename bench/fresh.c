/*
 * fresh: how long it takes from an event to a row that shows it.
 *
 *     fresh [-n samples] [-k key] [-c column] brokers topic features table
 *
 * Sends one event at a time,
 *
 *     {"driver_id":KEY,"ts":N,"fare":N}
 *
 * to partition 0 and reads the entity's row until the column has N: from the
 * call that hands the record to the producer until the value is read.  One
 * line of name=value: samples, and microseconds p50, p90, p99, max.
 */

#include "bench.h"

#include "mlops_clock.h"
#include "mlops_table.h"

#include <fcntl.h>
#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <time.h>
#include <unistd.h>


#define FRESH_PATIENCE_NS  5000000000ull


typedef struct {
    rd_kafka_t       *kafka;
    const char       *topic;
    mlops_table_t    *table;
    uint32_t          column;
    mlops_key_t       key;
    uint64_t          hash;
    mlops_cell_t     *cells;
    uint64_t         *present;
    char             *text;
} fresh_t;


static int fresh_open(fresh_t *fresh, char **argv, const char *column);
static int fresh_produce(fresh_t *fresh, int64_t n);
static int fresh_read(fresh_t *fresh, double n);


int
main(int argc, char **argv)
{
    int              c;
    double          *us;
    fresh_t          fresh;
    int64_t          n;
    uint64_t         began;
    uint32_t         i, samples;
    const char      *column;
    struct timespec  now;

    memset(&fresh, 0, sizeof(fresh));
    samples = 1000;
    column = "last_fare";

    while ((c = getopt(argc, argv, "n:k:c:")) != -1) {
        switch (c) {

        case 'n':
            samples = (uint32_t) strtoul(optarg, NULL, 10);
            break;

        case 'k':
            fresh.key.number = strtoll(optarg, NULL, 10);
            break;

        case 'c':
            column = optarg;
            break;

        default:
            return 2;
        }
    }

    if (argc - optind != 4 || samples == 0) {
        fprintf(stderr, "usage: fresh [-n samples] [-k key] [-c column] "
                        "brokers topic features table\n");
        return 2;
    }

    us = calloc(samples, sizeof(double));

    if (us == NULL || fresh_open(&fresh, argv + optind, column) != 0) {
        return 1;
    }

    clock_gettime(CLOCK_REALTIME, &now);
    n = (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;

    for (i = 0; i < samples; i++) {
        began = mlops_clock_ns();

        if (fresh_produce(&fresh, ++n) != 0) {
            return 1;
        }

        while (!fresh_read(&fresh, (double) n)) {
            rd_kafka_poll(fresh.kafka, 0);

            if (mlops_clock_ns() - began > FRESH_PATIENCE_NS) {
                fprintf(stderr, "fresh: event %u is not readable after 5 s\n",
                        i);
                return 1;
            }
        }

        us[i] = (double) (mlops_clock_ns() - began) / 1000;
    }

    qsort(us, samples, sizeof(double), bench_compare);

    printf("samples=%u p50_us=%.0f p90_us=%.0f p99_us=%.0f max_us=%.0f\n",
           samples, us[samples / 2], us[(uint64_t) samples * 90 / 100],
           us[(uint64_t) samples * 99 / 100], us[samples - 1]);

    return 0;
}


static int
fresh_open(fresh_t *fresh, char **argv, const char *column)
{
    int                          features;
    char                         text[512];
    uint32_t                     i, n;
    mlops_err_t                  err;
    rd_kafka_conf_t             *conf;
    const mlops_table_column_t  *columns;

    features = open(argv[2], O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (features == -1) {
        fprintf(stderr, "fresh: %s: %m\n", argv[2]);
        return 1;
    }

    fresh->table = mlops_table_open(features, argv[3], getuid(), &err);

    if (fresh->table == NULL) {
        fprintf(stderr, "fresh: %s\n", err.text);
        return 1;
    }

    n = mlops_table_header(fresh->table)->columns_n;
    columns = mlops_table_columns(fresh->table);

    for (i = 0; i < n; i++) {
        if (strcmp(columns[i].name, column) == 0) {
            break;
        }
    }

    if (i == n) {
        fprintf(stderr, "fresh: no column \"%s\"\n", column);
        return 1;
    }

    fresh->column = i;
    fresh->hash = mlops_key_hash(MLOPS_TYPE_INT64, &fresh->key);
    fresh->cells = calloc(n, sizeof(mlops_cell_t));
    fresh->present = calloc(n / 64 + 1, sizeof(uint64_t));
    fresh->text = malloc(mlops_table_text_size(fresh->table) + 1);

    if (fresh->cells == NULL || fresh->present == NULL
        || fresh->text == NULL)
    {
        return 1;
    }

    conf = rd_kafka_conf_new();

    if (rd_kafka_conf_set(conf, "bootstrap.servers", argv[0], text,
                          sizeof(text)) != RD_KAFKA_CONF_OK
        || rd_kafka_conf_set(conf, "linger.ms", "0", text, sizeof(text))
           != RD_KAFKA_CONF_OK)
    {
        fprintf(stderr, "fresh: %s\n", text);
        return 1;
    }

    fresh->topic = argv[1];
    fresh->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));

    if (fresh->kafka == NULL) {
        fprintf(stderr, "fresh: %s\n", text);
        return 1;
    }

    return 0;
}


static int
fresh_produce(fresh_t *fresh, int64_t n)
{
    int                  len, key_len;
    char                 value[128], key[24];
    rd_kafka_resp_err_t  err;

    len = snprintf(value, sizeof(value),
                   "{\"driver_id\":%" PRId64 ",\"ts\":%" PRId64
                   ",\"fare\":%" PRId64 "}", fresh->key.number, n, n);
    key_len = snprintf(key, sizeof(key), "%" PRId64, fresh->key.number);

    err = rd_kafka_producev(fresh->kafka, RD_KAFKA_V_TOPIC(fresh->topic),
                            RD_KAFKA_V_PARTITION(0),
                            RD_KAFKA_V_KEY(key, (size_t) key_len),
                            RD_KAFKA_V_VALUE(value, (size_t) len),
                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                            RD_KAFKA_V_END);

    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fprintf(stderr, "fresh: %s\n", rd_kafka_err2str(err));
        return 1;
    }

    return 0;
}


static int
fresh_read(fresh_t *fresh, double n)
{
    mlops_table_found_t  found;

    if (mlops_table_get(fresh->table, &fresh->key, fresh->hash, 0, INT64_MIN,
                        fresh->cells, fresh->present, fresh->text, &found)
        != MLOPS_OK)
    {
        return 0;
    }

    return fresh->cells[fresh->column].f == n;
}
