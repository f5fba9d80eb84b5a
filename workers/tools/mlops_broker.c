/*
 * mlops-broker: Kafka on one bare machine, for demonstrations and tests.
 *
 * It hosts the mock cluster of librdkafka, which speaks the real protocol
 * over TCP, on the loopback and on ports of its own choice: the addresses go
 * to a file.  What it is not is said at the start.
 *
 * With --control it takes lines on its standard input, and answers each with
 * "ok" or "error: …":
 *
 *     topic NAME PARTITIONS    make a topic
 *     down N, up N             broker N, from 1 on
 *     rtt N MS                 its answers take longer
 *     errors KEY CODE N        the next N requests of this kind fail: numbers
 *                              of the protocol (0 Produce, 1 Fetch, …)
 *     quit
 */

#include "mlops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>


#define MLOPS_BROKER_LINE  512


typedef struct {
    rd_kafka_t               *rk;
    rd_kafka_mock_cluster_t  *cluster;
    int                       brokers;
    const char               *file;
    int                       control;
    char                      line[MLOPS_BROKER_LINE];
    size_t                    len;
} mlops_broker_t;


static int mlops_broker_start(mlops_broker_t *broker, mlops_err_t *err);
static int mlops_broker_topic(mlops_broker_t *broker, const char *text,
    mlops_err_t *err);
static int mlops_broker_tell(const mlops_broker_t *broker, mlops_err_t *err);
static void mlops_broker_run(mlops_broker_t *broker);
static int mlops_broker_lines(mlops_broker_t *broker);
static int mlops_broker_command(mlops_broker_t *broker, const char *line);
static rd_kafka_resp_err_t mlops_broker_errors(mlops_broker_t *broker,
    int key, int code, int n);
static void mlops_broker_signal(int signo);
static void mlops_broker_usage(FILE *to);


static volatile sig_atomic_t  mlops_broker_ended;


int
main(int argc, char **argv)
{
    int             c, i, rc, topics_n;
    char           *topics[256];
    mlops_err_t     err;
    mlops_broker_t  broker;

    static const struct option  options[] = {
        { "file", required_argument, NULL, 'f' },
        { "topic", required_argument, NULL, 't' },
        { "brokers", required_argument, NULL, 'b' },
        { "control", no_argument, NULL, 'c' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    memset(&broker, 0, sizeof(broker));
    broker.brokers = 1;
    topics_n = 0;

    while ((c = getopt_long(argc, argv, "f:t:b:ch", options, NULL)) != -1) {

        switch (c) {

        case 'f':
            broker.file = optarg;
            break;

        case 't':
            if (topics_n == (int) mlops_nitems(topics)) {
                fprintf(stderr, "mlops-broker: expected at most %d topics\n",
                        topics_n);
                return 2;
            }

            topics[topics_n++] = optarg;
            break;

        case 'b':
            broker.brokers = atoi(optarg);

            if (broker.brokers < 1 || broker.brokers > 16) {
                fprintf(stderr, "mlops-broker: expected 1 to 16 brokers, got "
                        "\"%s\"\n", optarg);
                return 2;
            }

            break;

        case 'c':
            broker.control = 1;
            break;

        case 'h':
            mlops_broker_usage(stdout);
            return 0;

        default:
            mlops_broker_usage(stderr);
            return 2;
        }
    }

    if (optind != argc) {
        fprintf(stderr, "mlops-broker: unexpected argument \"%s\"\n",
                argv[optind]);
        mlops_broker_usage(stderr);
        return 2;
    }

    (void) signal(SIGTERM, mlops_broker_signal);
    (void) signal(SIGINT, mlops_broker_signal);
    (void) signal(SIGPIPE, SIG_IGN);

    rc = mlops_broker_start(&broker, &err);

    for (i = 0; i < topics_n && rc == MLOPS_OK; i++) {
        rc = mlops_broker_topic(&broker, topics[i], &err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_broker_tell(&broker, &err);
    }

    if (rc == MLOPS_OK) {
        mlops_broker_run(&broker);

    } else {
        fprintf(stderr, "mlops-broker: %s\n", err.text);
    }

    if (broker.file != NULL && rc == MLOPS_OK) {
        (void) unlink(broker.file);
    }

    if (broker.cluster != NULL) {
        rd_kafka_mock_cluster_destroy(broker.cluster);
    }

    if (broker.rk != NULL) {
        rd_kafka_destroy(broker.rk);
    }

    return (rc == MLOPS_OK) ? 0 : 1;
}


static int
mlops_broker_start(mlops_broker_t *broker, mlops_err_t *err)
{
    char              text[256];
    rd_kafka_conf_t  *conf;

    conf = rd_kafka_conf_new();
    (void) rd_kafka_conf_set(conf, "log_level", "3", NULL, 0);

    broker->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));

    if (broker->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return mlops_err_set(err, "%s", text);
    }

    broker->cluster = rd_kafka_mock_cluster_new(broker->rk, broker->brokers);

    if (broker->cluster == NULL) {
        return mlops_err_set(err, "the cluster cannot be made");
    }

    return MLOPS_OK;
}


/* "NAME:PARTITIONS"; the number may be left out. */

static int
mlops_broker_topic(mlops_broker_t *broker, const char *text,
    mlops_err_t *err)
{
    char                 name[250], *end;
    long                 n;
    size_t               len;
    const char          *colon;
    rd_kafka_resp_err_t  error;

    colon = strrchr(text, ':');
    len = (colon == NULL) ? strlen(text) : (size_t) (colon - text);
    n = 1;

    if (colon != NULL) {
        n = strtol(colon + 1, &end, 10);

        if (end == colon + 1 || *end != '\0') {
            n = 0;
        }
    }

    if (len == 0 || len >= sizeof(name) || n < 1 || n > 1024) {
        return mlops_err_set(err, "topic \"%s\": expected NAME:PARTITIONS "
                             "with 1 to 1024 partitions", text);
    }

    memcpy(name, text, len);
    name[len] = '\0';

    error = rd_kafka_mock_topic_create(broker->cluster, name, (int) n,
                                       broker->brokers);

    if (error) {
        return mlops_err_set(err, "topic \"%s\": %s", name,
                             rd_kafka_err2str(error));
    }

    return MLOPS_OK;
}


/* The file appears with its whole content. */

static int
mlops_broker_tell(const mlops_broker_t *broker, mlops_err_t *err)
{
    int          n;
    char         tmp[PATH_MAX];
    FILE        *out;
    const char  *addresses;

    addresses = rd_kafka_mock_cluster_bootstraps(broker->cluster);

    printf("%s\n", addresses);
    (void) fflush(stdout);

    fprintf(stderr, "mlops-broker: %d broker%s at %s.  For demonstrations "
            "and tests:\nrecords are in memory, and each partition keeps its "
            "newest 5 MiB (older ones are\ndropped); loopback only, on ports "
            "that are others each time; no TLS, no\ntransactions, no search "
            "by time, no deletion of topics.\n", broker->brokers,
            (broker->brokers == 1) ? "" : "s", addresses);

    if (broker->file == NULL) {
        return MLOPS_OK;
    }

    n = snprintf(tmp, sizeof(tmp), "%s.%d", broker->file, (int) getpid());

    if (n < 0 || (size_t) n >= sizeof(tmp)) {
        return mlops_err_set(err, "the path \"%s\" is too long",
                             broker->file);
    }

    out = fopen(tmp, "w");

    if (out == NULL) {
        return mlops_err_set(err, "cannot write \"%s\": %s", tmp,
                             strerror(errno));
    }

    fprintf(out, "%s\n", addresses);

    if (fclose(out) != 0 || rename(tmp, broker->file) != 0) {
        (void) mlops_err_set(err, "cannot write \"%s\": %s", broker->file,
                             strerror(errno));
        (void) unlink(tmp);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static void
mlops_broker_run(mlops_broker_t *broker)
{
    struct pollfd  fds;

    fds.fd = broker->control ? STDIN_FILENO : -1;
    fds.events = POLLIN;

    while (!mlops_broker_ended) {
        fds.revents = 0;

        (void) poll(&fds, 1, 100);
        (void) rd_kafka_poll(broker->rk, 0);

        if (fds.revents != 0 && mlops_broker_lines(broker) != MLOPS_OK) {
            return;
        }
    }
}


static int
mlops_broker_lines(mlops_broker_t *broker)
{
    char     *end;
    size_t    used;
    ssize_t   n;

    n = read(STDIN_FILENO, broker->line + broker->len,
             sizeof(broker->line) - broker->len);

    if (n <= 0) {
        return (n == -1 && errno == EINTR) ? MLOPS_OK : MLOPS_ERROR;
    }

    broker->len += (size_t) n;

    while ((end = memchr(broker->line, '\n', broker->len)) != NULL) {
        *end = '\0';

        if (mlops_broker_command(broker, broker->line) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        used = (size_t) (end + 1 - broker->line);
        broker->len -= used;
        memmove(broker->line, end + 1, broker->len);
    }

    if (broker->len < sizeof(broker->line)) {
        return MLOPS_OK;
    }

    fprintf(stderr, "mlops-broker: a command of more than %d bytes\n",
            MLOPS_BROKER_LINE - 1);

    return MLOPS_ERROR;
}


/* MLOPS_ERROR ends the program. */

static int
mlops_broker_command(mlops_broker_t *broker, const char *line)
{
    int                  n, ms, partitions, key, code;
    char                 name[250];
    rd_kafka_resp_err_t  error;

    if (strcmp(line, "quit") == 0) {
        return MLOPS_ERROR;
    }

    if (sscanf(line, "topic %249s %d", name, &partitions) == 2) {
        error = rd_kafka_mock_topic_create(broker->cluster, name, partitions,
                                           broker->brokers);

    } else if (sscanf(line, "errors %d %d %d", &key, &code, &n) == 3) {
        error = mlops_broker_errors(broker, key, code, n);

    } else if (sscanf(line, "down %d", &n) == 1) {
        error = rd_kafka_mock_broker_set_down(broker->cluster, n);

    } else if (sscanf(line, "up %d", &n) == 1) {
        error = rd_kafka_mock_broker_set_up(broker->cluster, n);

    } else if (sscanf(line, "rtt %d %d", &n, &ms) == 2) {
        error = rd_kafka_mock_broker_set_rtt(broker->cluster, n, ms);

    } else {
        printf("error: unknown command\n");
        (void) fflush(stdout);
        return MLOPS_OK;
    }

    if (error) {
        printf("error: %s\n", rd_kafka_err2str(error));

    } else {
        printf("ok\n");
    }

    (void) fflush(stdout);

    return MLOPS_OK;
}


static rd_kafka_resp_err_t
mlops_broker_errors(mlops_broker_t *broker, int key, int code, int n)
{
    int                  i;
    rd_kafka_resp_err_t  errors[256];

    if (key < 0 || key > INT16_MAX || n < 1
        || n > (int) mlops_nitems(errors))
    {
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    }

    for (i = 0; i < n; i++) {
        errors[i] = (rd_kafka_resp_err_t) code;
    }

    rd_kafka_mock_push_request_errors_array(broker->cluster, (int16_t) key,
                                            (size_t) n, errors);

    return RD_KAFKA_RESP_ERR_NO_ERROR;
}


static void
mlops_broker_signal(int signo)
{
    (void) signo;

    mlops_broker_ended = 1;
}


static void
mlops_broker_usage(FILE *to)
{
    fprintf(to,
            "usage: mlops-broker [-f FILE] [-t TOPIC:PARTITIONS]... "
            "[-b BROKERS] [-c]\n"
            "\n"
            "Kafka on the loopback, in memory, for demonstrations and "
            "tests.\n"
            "\n"
            "  -f, --file FILE     write the address into FILE once it is "
            "there\n"
            "  -t, --topic T:N     make topic T with N partitions; others "
            "are made as\n"
            "                      they are asked for, with 4\n"
            "  -b, --brokers N     default 1\n"
            "  -c, --control       take commands on the standard input "
            "(topic, down, up,\n"
            "                      rtt, errors, quit), and end with it\n");
}
