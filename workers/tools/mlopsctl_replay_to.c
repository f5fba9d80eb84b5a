/*
 * Where replayed rows go: a topic, or requests to a server.
 */

#include "mlopsctl_replay.h"

#include "mlops_kafka.h"
#include "mlops_num.h"
#include "mlops_plan.h"
#include "mlops_request.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPSCTL_REPLAY_DRAIN_MS   60000
#define MLOPSCTL_REPLAY_ANSWER     512      /* of an answer that is told */


typedef struct {
    mlops_arena_t                 arena;
    mlops_plan_t                  plan;
    mlops_producer_t             *producer;
    mlops_str_t                   topic;
    const mlopsctl_replay_to_t   *to;
    uint64_t                      number;
    char                         *room;         /* of an envelope */
    size_t                        room_size;
} mlopsctl_replay_kafka_t;


typedef struct {
    CURL               *curl;
    struct curl_slist  *headers;
    char                answer[MLOPSCTL_REPLAY_ANSWER];
    size_t              len;
} mlopsctl_replay_http_t;


static int mlopsctl_replay_cluster(mlopsctl_replay_kafka_t *k,
    const mlops_plan_kafka_t **cluster, mlops_plan_kafka_t *own,
    mlops_str_t *property, mlops_err_t *err);
static int mlopsctl_replay_kafka_send(void *ctx,
    const mlopsctl_replay_row_t *row, mlops_err_t *err);
static int mlopsctl_replay_envelope(mlopsctl_replay_kafka_t *k,
    const mlopsctl_replay_row_t *row, const mlops_str_t *id,
    mlops_str_t *value, mlops_err_t *err);
static int mlopsctl_replay_kafka_finish(void *ctx, mlops_err_t *err);
static void mlopsctl_replay_kafka_destroy(void *ctx);
static int mlopsctl_replay_http_send(void *ctx,
    const mlopsctl_replay_row_t *row, mlops_err_t *err);
static size_t mlopsctl_replay_http_body(char *data, size_t size, size_t n,
    void *ctx);
static int mlopsctl_replay_http_finish(void *ctx, mlops_err_t *err);
static void mlopsctl_replay_http_destroy(void *ctx);


int
mlopsctl_replay_kafka(mlopsctl_replay_sink_t *sink, const char *topic,
    const mlopsctl_replay_to_t *to, mlops_err_t *err)
{
    mlops_str_t                property[2];
    mlops_plan_kafka_t         own;
    mlopsctl_replay_kafka_t   *k;
    const mlops_plan_kafka_t  *cluster;

    k = calloc(1, sizeof(*k));

    if (k == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    mlops_arena_init(&k->arena, NULL, NULL);
    k->topic.data = topic;
    k->topic.len = strlen(topic);
    k->to = to;

    if (mlopsctl_replay_cluster(k, &cluster, &own, property, err)
        == MLOPS_OK)
    {
        k->producer = mlops_producer_create(cluster, err);
    }

    if (k->producer == NULL) {
        mlops_arena_destroy(&k->arena);
        free(k);
        return MLOPS_ERROR;
    }

    sink->ctx = k;
    sink->send = mlopsctl_replay_kafka_send;
    sink->finish = mlopsctl_replay_kafka_finish;
    sink->destroy = mlopsctl_replay_kafka_destroy;

    return MLOPS_OK;
}


static int
mlopsctl_replay_cluster(mlopsctl_replay_kafka_t *k,
    const mlops_plan_kafka_t **cluster, mlops_plan_kafka_t *own,
    mlops_str_t *property, mlops_err_t *err)
{
    char                         path[MLOPS_PLAN_PATH_SIZE + 16];
    const char                  *name;
    const mlopsctl_replay_to_t  *to;

    to = k->to;

    if (to->bootstrap != NULL) {
        property[0].data = "bootstrap.servers";
        property[0].len = sizeof("bootstrap.servers") - 1;
        property[1].data = to->bootstrap;
        property[1].len = strlen(to->bootstrap);

        memset(own, 0, sizeof(*own));
        own->name.data = "-b";
        own->name.len = 2;
        own->n = 1;
        own->keys = &property[0];
        own->values = &property[1];
        *cluster = own;

        return MLOPS_OK;
    }

    if (to->plan == NULL) {
        (void) snprintf(path, sizeof(path), "%.*s/plan.json",
                        MLOPS_PLAN_PATH_SIZE, to->store);
    }

    if (mlops_plan_load(&k->plan, (to->plan != NULL) ? to->plan : path,
                        &k->arena, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (to->kafka == NULL && k->plan.kafkas_n == 1) {
        *cluster = &k->plan.kafkas[0];
        return MLOPS_OK;
    }

    name = (to->kafka != NULL) ? to->kafka : "";
    *cluster = mlops_plan_kafka(&k->plan, name, strlen(name));

    if (*cluster == NULL) {
        return mlops_err_set(err, "the plan has %u clusters, and none is "
                             "named \"%s\": expected --kafka NAME",
                             k->plan.kafkas_n, name);
    }

    return MLOPS_OK;
}


static int
mlopsctl_replay_kafka_send(void *ctx, const mlopsctl_replay_row_t *row,
    mlops_err_t *err)
{
    mlopsctl_replay_kafka_t *k = ctx;

    int                          rc;
    char                         number[MLOPS_INT_LEN];
    uint32_t                     n;
    mlops_str_t                  id, value;
    mlops_header_t               headers[5];
    const mlopsctl_replay_to_t  *to;

    to = k->to;
    n = 0;
    value = row->json;
    id.data = number;
    id.len = (size_t) (mlops_print_uint64(number, k->number++) - number);

#define header(key, text, size)                                               \
    headers[n].name.data = key;                                               \
    headers[n].name.len = sizeof(key) - 1;                                    \
    headers[n].value.data = text;                                             \
    headers[n++].value.len = size

    if (to->cloudevents != NULL && to->cloudevents[0] == 's') {

        if (mlopsctl_replay_envelope(k, row, &id, &value, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        header("content-type", "application/cloudevents+json; charset=UTF-8",
               sizeof("application/cloudevents+json; charset=UTF-8") - 1);

    } else if (to->cloudevents != NULL) {
        header("ce_specversion", "1.0", 3);
        header("ce_type", to->type, strlen(to->type));
        header("ce_source", to->source, strlen(to->source));
        header("ce_id", id.data, id.len);
        header("content-type", "application/json",
               sizeof("application/json") - 1);
    }

#undef header

    while ((rc = mlops_producer_send(k->producer, &k->topic, to->partition,
                                     &row->key, &value, headers, n,
                                     row->time_us, err))
           == MLOPS_AGAIN)
    {
        if (mlops_producer_wait(k->producer, 100, err) == MLOPS_ERROR) {
            return MLOPS_ERROR;
        }
    }

    mlops_producer_poll(k->producer);

    return rc;
}


static int
mlopsctl_replay_envelope(mlopsctl_replay_kafka_t *k,
    const mlopsctl_replay_row_t *row, const mlops_str_t *id,
    mlops_str_t *value, mlops_err_t *err)
{
    char        *p;
    size_t       size;
    const char  *type, *source;

    type = k->to->type;
    source = k->to->source;
    size = row->json.len + 6 * (strlen(type) + strlen(source)) + id->len
           + 256;

    if (size > k->room_size) {
        p = realloc(k->room, size);

        if (p == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        k->room = p;
        k->room_size = size;
    }

    p = k->room;
    p += sprintf(p, "{\"specversion\":\"1.0\",\"id\":\"%.*s\",\"type\":",
                 mlops_fmt(id));
    p = mlops_json_quote(p, type, strlen(type));
    p += sprintf(p, ",\"source\":");
    p = mlops_json_quote(p, source, strlen(source));
    p += sprintf(p, ",\"datacontenttype\":\"application/json\",\"data\":");
    memcpy(p, row->json.data, row->json.len);
    p += row->json.len;
    *p++ = '}';

    value->data = k->room;
    value->len = (size_t) (p - k->room);

    return MLOPS_OK;
}


static int
mlopsctl_replay_kafka_finish(void *ctx, mlops_err_t *err)
{
    mlopsctl_replay_kafka_t *k = ctx;

    int  rc;

    rc = mlops_producer_wait(k->producer, MLOPSCTL_REPLAY_DRAIN_MS, err);

    if (rc == MLOPS_AGAIN) {
        return mlops_err_set(err, "%llu records were not acknowledged within "
                             "a minute", (unsigned long long)
                             mlops_producer_pending(k->producer));
    }

    return rc;
}


static void
mlopsctl_replay_kafka_destroy(void *ctx)
{
    mlopsctl_replay_kafka_t *k = ctx;

    (void) mlops_producer_destroy(k->producer, 0);
    mlops_arena_destroy(&k->arena);
    free(k->room);
    free(k);
}


int
mlopsctl_replay_http(mlopsctl_replay_sink_t *sink, const char *url,
    const mlopsctl_replay_to_t *to, mlops_err_t *err)
{
    char                     line[512];
    mlopsctl_replay_http_t  *h;

    h = calloc(1, sizeof(*h));

    if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0
        || (h->curl = curl_easy_init()) == NULL)
    {
        free(h);
        return mlops_err_set(err, "out of memory");
    }

    h->headers = curl_slist_append(NULL, "Content-Type: application/json");
    h->headers = curl_slist_append(h->headers, "Expect:");

    if (to->cloudevents != NULL) {
        h->headers = curl_slist_append(h->headers, "ce-specversion: 1.0");
        (void) snprintf(line, sizeof(line), "ce-type: %s", to->type);
        h->headers = curl_slist_append(h->headers, line);
        (void) snprintf(line, sizeof(line), "ce-source: %s", to->source);
        h->headers = curl_slist_append(h->headers, line);
    }

    (void) curl_easy_setopt(h->curl, CURLOPT_URL, url);
    (void) curl_easy_setopt(h->curl, CURLOPT_POST, 1L);
    (void) curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
    (void) curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
    (void) curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, 30000L);
    (void) curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION,
                            mlopsctl_replay_http_body);
    (void) curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, h);

    sink->ctx = h;
    sink->send = mlopsctl_replay_http_send;
    sink->finish = mlopsctl_replay_http_finish;
    sink->destroy = mlopsctl_replay_http_destroy;

    return MLOPS_OK;
}


static int
mlopsctl_replay_http_send(void *ctx, const mlopsctl_replay_row_t *row,
    mlops_err_t *err)
{
    mlopsctl_replay_http_t *h = ctx;

    long      status;
    CURLcode  code;

    h->len = 0;

    (void) curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, row->json.data);
    (void) curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) row->json.len);

    code = curl_easy_perform(h->curl);

    if (code != CURLE_OK) {
        return mlops_err_set(err, "%s", curl_easy_strerror(code));
    }

    (void) curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &status);

    if (status < 200 || status > 299) {
        return mlops_err_set(err, "status %ld: %.*s", status, (int) h->len,
                             h->answer);
    }

    return MLOPS_OK;
}


static size_t
mlopsctl_replay_http_body(char *data, size_t size, size_t n, void *ctx)
{
    mlopsctl_replay_http_t *h = ctx;

    size_t  len;

    len = size * n;

    if (len > sizeof(h->answer) - h->len) {
        len = sizeof(h->answer) - h->len;
    }

    memcpy(h->answer + h->len, data, len);
    h->len += len;

    return size * n;
}


static int
mlopsctl_replay_http_finish(void *ctx, mlops_err_t *err)
{
    (void) ctx;
    (void) err;

    return MLOPS_OK;
}


static void
mlopsctl_replay_http_destroy(void *ctx)
{
    mlopsctl_replay_http_t *h = ctx;

    curl_easy_cleanup(h->curl);
    curl_slist_free_all(h->headers);
    curl_global_cleanup();
    free(h);
}
