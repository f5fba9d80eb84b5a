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
#define MLOPSCTL_REPLAY_SIGNAL_MS  1000     /* after a signal */
#define MLOPSCTL_REPLAY_WAIT_MS    100
#define MLOPSCTL_REPLAY_ANSWER     512      /* of an answer that is told */


typedef struct {
    char                         *data;         /* of an envelope */
    size_t                        size;
} mlopsctl_replay_room_t;


typedef struct {
    mlops_arena_t                 arena;
    mlops_plan_t                  plan;
    mlops_producer_t             *producer;
    mlops_str_t                   topic;
    const mlopsctl_replay_to_t   *to;
    mlopsctl_replay_room_t        room;
    uint64_t                      number;
    int                           refused;      /* a record, for good */
    mlops_err_t                   why;          /* the first one */
} mlopsctl_replay_kafka_t;


typedef struct {
    CURL                         *curl;
    const mlopsctl_replay_to_t   *to;
    mlopsctl_replay_room_t        room;
    uint64_t                      number;
    char                          answer[MLOPSCTL_REPLAY_ANSWER];
    size_t                        len;
} mlopsctl_replay_http_t;


static int mlopsctl_replay_cluster(mlopsctl_replay_kafka_t *k,
    const mlops_plan_kafka_t **cluster, mlops_plan_kafka_t *own,
    mlops_str_t *property, mlops_err_t *err);
static int mlopsctl_replay_kafka_send(void *ctx,
    const mlopsctl_replay_row_t *row, mlops_err_t *err);
static int mlopsctl_replay_envelope(mlopsctl_replay_room_t *room,
    const mlopsctl_replay_to_t *to, const mlopsctl_replay_row_t *row,
    const mlops_str_t *id, mlops_str_t *value, mlops_err_t *err);
static void mlopsctl_replay_kafka_heard(mlopsctl_replay_kafka_t *k, int rc,
    const mlops_err_t *err);
static int mlopsctl_replay_kafka_finish(void *ctx, uint64_t *late,
    mlops_err_t *err);
static void mlopsctl_replay_kafka_destroy(void *ctx);
static int mlopsctl_replay_http_send(void *ctx,
    const mlopsctl_replay_row_t *row, mlops_err_t *err);
static int mlopsctl_replay_http_post(mlopsctl_replay_http_t *h,
    const mlops_str_t *body, mlops_err_t *err);
static struct curl_slist *mlopsctl_replay_http_headers(
    const mlopsctl_replay_to_t *to, const mlops_str_t *id);
static size_t mlopsctl_replay_http_body(char *data, size_t size, size_t n,
    void *ctx);
static int mlopsctl_replay_http_finish(void *ctx, uint64_t *late,
    mlops_err_t *err);
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
    mlops_err_t                  why;
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

        if (mlopsctl_replay_envelope(&k->room, to, row, &id, &value, err)
            != MLOPS_OK)
        {
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
        /* the queue is full */

        if (mlopsctl_replay_ended) {
            return MLOPS_AGAIN;
        }

        mlopsctl_replay_kafka_heard(k,
                         mlops_producer_wait(k->producer,
                                             MLOPSCTL_REPLAY_WAIT_MS, &why),
                         &why);
    }

    mlops_producer_poll(k->producer);

    return rc;
}


/* A record of earlier was refused: this one has no part in it. */

static void
mlopsctl_replay_kafka_heard(mlopsctl_replay_kafka_t *k, int rc,
    const mlops_err_t *err)
{
    if (rc == MLOPS_ERROR && !k->refused) {
        k->refused = 1;
        k->why = *err;
    }
}


static int
mlopsctl_replay_envelope(mlopsctl_replay_room_t *room,
    const mlopsctl_replay_to_t *to, const mlopsctl_replay_row_t *row,
    const mlops_str_t *id, mlops_str_t *value, mlops_err_t *err)
{
    char    *p;
    size_t   size;

    size = row->json.len + 6 * (strlen(to->type) + strlen(to->source))
           + id->len + 256;

    if (size > room->size) {
        p = realloc(room->data, size);

        if (p == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        room->data = p;
        room->size = size;
    }

    p = room->data;
    p += sprintf(p, "{\"specversion\":\"1.0\",\"id\":\"%.*s\",\"type\":",
                 mlops_fmt(id));
    p = mlops_json_quote(p, to->type, strlen(to->type));
    p += sprintf(p, ",\"source\":");
    p = mlops_json_quote(p, to->source, strlen(to->source));
    p += sprintf(p, ",\"datacontenttype\":\"application/json\",\"data\":");
    memcpy(p, row->json.data, row->json.len);
    p += row->json.len;
    *p++ = '}';

    value->data = room->data;
    value->len = (size_t) (p - room->data);

    return MLOPS_OK;
}


/* A signal leaves a second for what is under way. */

static int
mlopsctl_replay_kafka_finish(void *ctx, uint64_t *late, mlops_err_t *err)
{
    mlopsctl_replay_kafka_t *k = ctx;

    int          rc, waited_ms;
    uint64_t     pending;
    mlops_err_t  why;

    waited_ms = 0;

    do {
        rc = mlops_producer_wait(k->producer, MLOPSCTL_REPLAY_WAIT_MS, &why);
        mlopsctl_replay_kafka_heard(k, rc, &why);
        waited_ms += MLOPSCTL_REPLAY_WAIT_MS;

    } while (rc != MLOPS_OK
             && waited_ms < (mlopsctl_replay_ended
                             ? MLOPSCTL_REPLAY_SIGNAL_MS
                             : MLOPSCTL_REPLAY_DRAIN_MS));

    pending = mlops_producer_pending(k->producer);
    *late = mlops_producer_refused(k->producer) + pending;

    if (*late == 0) {
        return MLOPS_OK;
    }

    if (k->refused) {
        *err = k->why;
        return MLOPS_ERROR;
    }

    return mlops_err_set(err, "%llu records are not acknowledged after %d "
                         "seconds", (unsigned long long) pending,
                         waited_ms / 1000);
}


static void
mlopsctl_replay_kafka_destroy(void *ctx)
{
    mlopsctl_replay_kafka_t *k = ctx;

    (void) mlops_producer_destroy(k->producer, 0);
    mlops_arena_destroy(&k->arena);
    free(k->room.data);
    free(k);
}


int
mlopsctl_replay_http(mlopsctl_replay_sink_t *sink, const char *url,
    const mlopsctl_replay_to_t *to, mlops_err_t *err)
{
    mlopsctl_replay_http_t  *h;

    h = calloc(1, sizeof(*h));

    if (h == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != 0
        || (h->curl = curl_easy_init()) == NULL)
    {
        free(h);
        return mlops_err_set(err, "out of memory");
    }

    h->to = to;

    (void) curl_easy_setopt(h->curl, CURLOPT_URL, url);
    (void) curl_easy_setopt(h->curl, CURLOPT_POST, 1L);
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

    int                  rc;
    char                 number[MLOPS_INT_LEN];
    mlops_str_t          id, body;
    struct curl_slist   *headers;

    body = row->json;
    id.data = number;
    id.len = (size_t) (mlops_print_uint64(number, h->number++) - number);

    if (h->to->cloudevents != NULL && h->to->cloudevents[0] == 's'
        && mlopsctl_replay_envelope(&h->room, h->to, row, &id, &body, err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    headers = mlopsctl_replay_http_headers(h->to, &id);

    if (headers == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    (void) curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
    rc = mlopsctl_replay_http_post(h, &body, err);
    (void) curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, NULL);

    curl_slist_free_all(headers);

    return rc;
}


static int
mlopsctl_replay_http_post(mlopsctl_replay_http_t *h, const mlops_str_t *body,
    mlops_err_t *err)
{
    long      status;
    CURLcode  code;

    h->len = 0;

    (void) curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body->data);
    (void) curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                            (curl_off_t) body->len);

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


/* NULL: out of memory. */

static struct curl_slist *
mlopsctl_replay_http_headers(const mlopsctl_replay_to_t *to,
    const mlops_str_t *id)
{
    int                 i, n;
    char                lines[4][512];
    const char         *all[6];
    struct curl_slist  *list, *more;

    n = 0;
    all[n++] = "Expect:";

    if (to->cloudevents != NULL && to->cloudevents[0] == 's') {
        all[n++] = "Content-Type: application/cloudevents+json; "
                   "charset=UTF-8";

    } else {
        all[n++] = "Content-Type: application/json";
    }

    if (to->cloudevents != NULL && to->cloudevents[0] == 'b') {
        (void) snprintf(lines[0], sizeof(lines[0]), "ce-specversion: 1.0");
        (void) snprintf(lines[1], sizeof(lines[1]), "ce-id: %.*s",
                        mlops_fmt(id));
        (void) snprintf(lines[2], sizeof(lines[2]), "ce-type: %s", to->type);
        (void) snprintf(lines[3], sizeof(lines[3]), "ce-source: %s",
                        to->source);

        for (i = 0; i < 4; i++) {
            all[n++] = lines[i];
        }
    }

    list = NULL;

    for (i = 0; i < n; i++) {
        more = curl_slist_append(list, all[i]);

        if (more == NULL) {
            curl_slist_free_all(list);
            return NULL;
        }

        list = more;
    }

    return list;
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
mlopsctl_replay_http_finish(void *ctx, uint64_t *late, mlops_err_t *err)
{
    (void) ctx;
    (void) late;
    (void) err;

    return MLOPS_OK;
}


static void
mlopsctl_replay_http_destroy(void *ctx)
{
    mlopsctl_replay_http_t *h = ctx;

    curl_easy_cleanup(h->curl);
    free(h->room.data);
    curl_global_cleanup();
    free(h);
}
