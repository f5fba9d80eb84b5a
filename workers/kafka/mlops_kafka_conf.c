/*
 * librdkafka's configuration from a plan, its log, and errors that pass.
 */

#include "mlops_kafka_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>


#define MLOPS_KAFKA_VALUE_MAX  65536


static int mlops_kafka_set(rd_kafka_conf_t *conf, const char *name,
    const char *value, mlops_err_t *err);
static int mlops_kafka_set_all(rd_kafka_conf_t *conf,
    const mlops_plan_kafka_t *kafka, mlops_err_t *err);
static int mlops_kafka_is_reserved(const mlops_str_t *name);
static int mlops_kafka_file(const char *path, mlops_str_t *value,
    mlops_arena_t *arena, mlops_err_t *err);
static void mlops_kafka_log(const rd_kafka_t *rk, int level, const char *fac,
    const char *text);


static _Atomic(mlops_kafka_log_pt)  mlops_kafka_hook;


/* What the guarantees rest on: nginx -t refuses most of it, but a cluster may
 * come from elsewhere. */

static const char *const  mlops_kafka_reserved[] = {
    "acks", "allow.auto.create.topics", "auto.commit.enable",
    "auto.offset.reset", "delivery.timeout.ms", "enable.auto.commit",
    "enable.auto.offset.store", "enable.idempotence", "enable.partition.eof",
    "group.id", "message.timeout.ms", "partition.assignment.strategy",
    "partitioner", "request.required.acks", "transactional.id"
};


rd_kafka_conf_t *
mlops_kafka_conf(const mlops_plan_kafka_t *kafka,
    const mlops_kafka_property_t *defaults, size_t defaults_n,
    const mlops_kafka_property_t *fixed, size_t fixed_n, mlops_err_t *err)
{
    size_t            i;
    rd_kafka_conf_t  *conf;

    conf = rd_kafka_conf_new();

    if (conf == NULL) {
        (void) mlops_err_set(err, "out of memory for a client of Kafka");
        return NULL;
    }

    rd_kafka_conf_set_log_cb(conf, mlops_kafka_log);

    for (i = 0; i < defaults_n; i++) {
        if (mlops_kafka_set(conf, defaults[i].name, defaults[i].value, err)
            != MLOPS_OK)
        {
            goto failed;
        }
    }

    if (mlops_kafka_set_all(conf, kafka, err) != MLOPS_OK) {
        (void) mlops_err_prefix(err, "mlops_kafka \"%.*s\"",
                                mlops_fmt(&kafka->name));
        goto failed;
    }

    for (i = 0; i < fixed_n; i++) {
        if (mlops_kafka_set(conf, fixed[i].name, fixed[i].value, err)
            != MLOPS_OK)
        {
            goto failed;
        }
    }

    return conf;

failed:

    rd_kafka_conf_destroy(conf);

    return NULL;
}


/* The text of librdkafka may quote the value, which may be a secret: the
 * name is enough. */

static int
mlops_kafka_set(rd_kafka_conf_t *conf, const char *name, const char *value,
    mlops_err_t *err)
{
    char  text[256];

    switch (rd_kafka_conf_set(conf, name, value, text, sizeof(text))) {

    case RD_KAFKA_CONF_OK:
        return MLOPS_OK;

    case RD_KAFKA_CONF_UNKNOWN:
        return mlops_err_set(err, "unknown property \"%s\": expected one of "
                             "librdkafka %s", name, rd_kafka_version_str());

    default:
        return mlops_err_set(err, "librdkafka refuses the value of \"%s\"",
                             name);
    }
}


static int
mlops_kafka_set_all(rd_kafka_conf_t *conf, const mlops_plan_kafka_t *kafka,
    mlops_err_t *err)
{
    int             rc;
    char           *name, *text;
    uint32_t        i;
    mlops_str_t     value;
    mlops_arena_t   arena;

    mlops_arena_init(&arena, NULL, NULL);

    rc = MLOPS_OK;

    for (i = 0; i < kafka->n && rc == MLOPS_OK; i++) {

        if (mlops_kafka_is_reserved(&kafka->keys[i])) {
            rc = mlops_err_set(err, "\"%.*s\" cannot be set: the workers do",
                               mlops_fmt(&kafka->keys[i]));
            break;
        }

        name = mlops_arena_copy(&arena, kafka->keys[i].data,
                                kafka->keys[i].len);
        rc = mlops_kafka_value(&kafka->values[i], &value, &arena, err);

        if (rc != MLOPS_OK) {
            (void) mlops_err_prefix(err, "%.*s", mlops_fmt(&kafka->keys[i]));
            break;
        }

        text = mlops_arena_copy(&arena, value.data, value.len);

        if (name == NULL || text == NULL) {
            rc = mlops_err_set(err, "out of memory");
            break;
        }

        rc = mlops_kafka_set(conf, name, text, err);
    }

    mlops_arena_destroy(&arena);

    return rc;
}


static int
mlops_kafka_is_reserved(const mlops_str_t *name)
{
    size_t  i;

    for (i = 0; i < mlops_nitems(mlops_kafka_reserved); i++) {
        if (mlops_str_eq(name, mlops_kafka_reserved[i],
                         strlen(mlops_kafka_reserved[i])))
        {
            return 1;
        }
    }

    return 0;
}


int
mlops_kafka_value(const mlops_str_t *text, mlops_str_t *value,
    mlops_arena_t *arena, mlops_err_t *err)
{
    char  *name, *env;

    *value = *text;

    if (text->len > 5 && memcmp(text->data, "file:", 5) == 0) {
        name = mlops_arena_copy(arena, text->data + 5, text->len - 5);

        if (name == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        return mlops_kafka_file(name, value, arena, err);
    }

    if (text->len > 4 && memcmp(text->data, "env:", 4) == 0) {
        name = mlops_arena_copy(arena, text->data + 4, text->len - 4);

        if (name == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        env = getenv(name);

        if (env == NULL) {
            return mlops_err_set(err, "the environment has no \"%s\"", name);
        }

        value->data = env;
        value->len = strlen(env);
    }

    return MLOPS_OK;
}


static int
mlops_kafka_file(const char *path, mlops_str_t *value, mlops_arena_t *arena,
    mlops_err_t *err)
{
    int       fd;
    char     *data;
    size_t    len;
    ssize_t   n;

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return mlops_err_set(err, "cannot open \"%s\": %s", path,
                             strerror(errno));
    }

    data = mlops_arena_alloc(arena, MLOPS_KAFKA_VALUE_MAX);

    if (data == NULL) {
        (void) close(fd);
        return mlops_err_set(err, "out of memory");
    }

    len = 0;

    do {
        n = read(fd, data + len, MLOPS_KAFKA_VALUE_MAX - len);

        if (n > 0) {
            len += (size_t) n;
        }

    } while ((n > 0 && len < MLOPS_KAFKA_VALUE_MAX)
             || (n == -1 && errno == EINTR));

    if (n == -1) {
        (void) mlops_err_set(err, "cannot read \"%s\": %s", path,
                             strerror(errno));
        (void) close(fd);
        return MLOPS_ERROR;
    }

    (void) close(fd);

    if (len == MLOPS_KAFKA_VALUE_MAX) {
        return mlops_err_set(err, "\"%s\": expected less than %d bytes", path,
                             MLOPS_KAFKA_VALUE_MAX);
    }

    while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r')) {
        len--;
    }

    value->data = data;
    value->len = len;

    return MLOPS_OK;
}


void
mlops_kafka_set_log(mlops_kafka_log_pt log)
{
    atomic_store_explicit(&mlops_kafka_hook, log, memory_order_release);
}


void
mlops_kafka_say(int level, const char *fmt, ...)
{
    char                 text[1024];
    va_list              args;
    mlops_kafka_log_pt   log;

    log = atomic_load_explicit(&mlops_kafka_hook, memory_order_acquire);

    if (log == NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    log(level, text);
}


void
mlops_kafka_trouble(mlops_kafka_trouble_t *trouble, const char *who,
    rd_kafka_resp_err_t error, const char *reason)
{
    rd_kafka_resp_err_t  kind;

    if (reason == NULL) {
        reason = rd_kafka_err2str(error);
    }

    (void) snprintf(trouble->text, sizeof(trouble->text), "%s", reason);

    kind = mlops_kafka_is_outage(error) ? RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
                                        : error;

    if (trouble->kind == RD_KAFKA_RESP_ERR_NO_ERROR) {
        trouble->since = trouble->errors;
    }

    trouble->errors++;

    if (trouble->kind == kind) {
        return;
    }

    trouble->kind = kind;

    mlops_kafka_say(LOG_WARNING, "kafka: %s: %s; trying on", who, reason);
}


void
mlops_kafka_well(mlops_kafka_trouble_t *trouble, const char *who)
{
    if (trouble->kind == RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }

    mlops_kafka_say(LOG_NOTICE, "kafka: %s: goes on, after %llu errors", who,
                    (unsigned long long) (trouble->errors - trouble->since));

    trouble->kind = RD_KAFKA_RESP_ERR_NO_ERROR;
    trouble->text[0] = '\0';
}


int
mlops_kafka_is_outage(rd_kafka_resp_err_t kind)
{
    switch (kind) {

    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
    case RD_KAFKA_RESP_ERR__WAIT_COORD:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case RD_KAFKA_RESP_ERR_NOT_COORDINATOR:
        return 1;

    default:
        return 0;
    }
}


/* Runs in librdkafka's threads.  One block of properties is for consumers and
 * producers: that a client ignores the other's is no news. */

static void
mlops_kafka_log(const rd_kafka_t *rk, int level, const char *fac,
    const char *text)
{
    (void) rk;

    if (level <= LOG_WARNING
        && (strcmp(fac, "CONFWARN") != 0
            || strstr(text, "property and will be ignored by") == NULL))
    {
        mlops_kafka_say(level, "kafka: %s: %s", fac, text);
    }
}
