/*
 * mlops_status: what this worker serves, and why it does not serve
 * something.  docs/status.md fixes the object.
 */

#include "ngx_http_mlops_module.h"
#include "ngx_http_mlops_counters.h"
#include "ngx_http_mlops_rooms.h"
#include "ngx_http_mlops_text.h"
#include "ngx_http_mlops_version.h"
#include "ngx_http_mlops_views.h"

#include "mlops_doc.h"


typedef struct {
    ngx_http_mlops_text_t   *text;
    ngx_uint_t               n;
} ngx_http_mlops_status_rooms_t;


static void ngx_http_mlops_status_store(ngx_http_request_t *r,
    ngx_http_mlops_text_t *text);
static void ngx_http_mlops_status_model(ngx_http_mlops_model_t *model,
    ngx_http_mlops_text_t *text);
static void ngx_http_mlops_status_view(ngx_http_mlops_view_t *view,
    ngx_http_mlops_text_t *text);
static void ngx_http_mlops_status_process(void *data, ngx_str_t *process,
    ngx_str_t *content);


static ngx_str_t  ngx_http_mlops_allow = ngx_string("GET, HEAD");


ngx_int_t
ngx_http_mlops_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    ngx_uint_t                      i, n;
    ngx_http_mlops_text_t           text;
    ngx_http_mlops_view_t          *views;
    ngx_http_mlops_model_t         *model;
    ngx_http_mlops_status_rooms_t   rooms;

    if (ngx_http_mlops_begin(r) == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return ngx_http_mlops_not_allowed(r, &ngx_http_mlops_allow);
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    ngx_http_mlops_text_init(&text, r->pool, 4096);

    ngx_http_mlops_text_printf(&text, "{\"version\":\""
                               NGX_HTTP_MLOPS_VERSION
                               "\",\"pid\":%P,\"workers\":%ui,",
                               ngx_pid, ngx_http_mlops_workers());
    ngx_http_mlops_status_store(r, &text);
    ngx_http_mlops_text_lit(&text, ",\"models\":[");

    n = 0;

    for (model = ngx_http_mlops_models_first();
         model != NULL;
         model = model->next)
    {
        if (model->aliases_n == 0 && model->refused[0] == '\0') {
            continue;
        }

        if (n++) {
            ngx_http_mlops_text_lit(&text, ",");
        }

        ngx_http_mlops_status_model(model, &text);
    }

    ngx_http_mlops_text_lit(&text, "],\"views\":[");

    views = ngx_http_mlops_views(&n);

    for (i = 0; i < n; i++) {

        if (i) {
            ngx_http_mlops_text_lit(&text, ",");
        }

        ngx_http_mlops_status_view(&views[i], &text);
    }

    ngx_http_mlops_text_lit(&text, "],\"processes\":{");

    rooms.text = &text;
    rooms.n = 0;

    (void) ngx_http_mlops_room_read(r, "status", ".json",
                                    ngx_http_mlops_status_process, &rooms);

    ngx_http_mlops_text_lit(&text, "}}\n");

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_mlops_send_json(r, NGX_HTTP_OK, text.start,
                                    text.pos - text.start);
}


static void
ngx_http_mlops_status_store(ngx_http_request_t *r,
    ngx_http_mlops_text_t *text)
{
    const mlops_store_t          *store;
    ngx_http_mlops_main_conf_t   *mmcf;

    mmcf = ngx_http_get_module_main_conf(r, ngx_http_mlops_module);
    store = ngx_http_mlops_store();

    ngx_http_mlops_text_lit(text, "\"store\":{\"path\":");
    ngx_http_mlops_text_quote(text, mmcf->plan.store.data,
                              mmcf->plan.store.len);

    if (store != NULL) {
        ngx_http_mlops_text_printf(text, ",\"doorbell\":%uL",
                                   mlops_store_bell(store));

    } else {
        ngx_http_mlops_text_lit(text, ",\"doorbell\":null");
    }

    ngx_http_mlops_text_lit(text, "},\"registry\":{\"path\":");

    if (mmcf->plan.registry.len != 0) {
        ngx_http_mlops_text_quote(text, mmcf->plan.registry.data,
                                  mmcf->plan.registry.len);

    } else {
        ngx_http_mlops_text_lit(text, "null");
    }

    ngx_http_mlops_text_lit(text, ",\"error\":");

    if (mmcf->sync_error.text[0] != '\0') {
        ngx_http_mlops_text_quote(text, mmcf->sync_error.text,
                                  ngx_strlen(mmcf->sync_error.text));

    } else {
        ngx_http_mlops_text_lit(text, "null");
    }

    ngx_http_mlops_text_lit(text, "}");
}


static void
ngx_http_mlops_status_model(ngx_http_mlops_model_t *model,
    ngx_http_mlops_text_t *text)
{
    ngx_uint_t                 i;
    ngx_http_mlops_alias_t    *alias;
    ngx_http_mlops_version_t  *version;

    ngx_http_mlops_text_lit(text, "{\"name\":");
    ngx_http_mlops_text_quote(text, model->name.data, model->name.len);
    ngx_http_mlops_text_lit(text, ",\"aliases\":[");

    for (i = 0; i < model->aliases_n; i++) {
        alias = &model->aliases[i];

        if (i) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_lit(text, "{\"alias\":");
        ngx_http_mlops_text_quote(text, alias->name.data, alias->name.len);
        ngx_http_mlops_text_lit(text, ",\"version\":");

        if (alias->version != NULL) {
            ngx_http_mlops_text_quote(text, alias->version->name.data,
                                      alias->version->name.len);

        } else {
            ngx_http_mlops_text_lit(text, "null");
        }

        ngx_http_mlops_text_lit(text, ",\"target\":");
        ngx_http_mlops_text_quote(text, alias->target,
                                  ngx_strlen(alias->target));
        ngx_http_mlops_text_lit(text, "}");
    }

    ngx_http_mlops_text_lit(text, "],\"versions\":[");

    for (version = model->versions, i = 0;
         version != NULL;
         version = version->next, i++)
    {
        if (i) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_lit(text, "{\"version\":");
        ngx_http_mlops_text_quote(text, version->name.data,
                                  version->name.len);
        ngx_http_mlops_text_printf(text, ",\"since\":%T,\"pins\":%ui,"
                                   "\"bytes\":%uz,\"platform\":\"%s\"}",
                                   version->since, version->pins,
                                   version->map.len,
                                   mlops_model_platform(version->model));
    }

    ngx_http_mlops_text_lit(text, "],\"refused\":");

    if (model->refused[0] == '\0') {
        ngx_http_mlops_text_lit(text, "null}");
        return;
    }

    ngx_http_mlops_text_lit(text, "{\"version\":");
    ngx_http_mlops_text_quote(text, model->refused_version,
                              ngx_strlen(model->refused_version));
    ngx_http_mlops_text_lit(text, ",\"reason\":");
    ngx_http_mlops_text_quote(text, model->refused,
                              ngx_strlen(model->refused));
    ngx_http_mlops_text_lit(text, "}}");
}


static void
ngx_http_mlops_status_view(ngx_http_mlops_view_t *view,
    ngx_http_mlops_text_t *text)
{
    ngx_uint_t                    i, n;
    const mlops_plan_view_t      *plan;
    ngx_http_mlops_view_state_t   state;

    plan = view->plan;

    ngx_http_mlops_view_state(view, &state);

    ngx_http_mlops_text_lit(text, "{\"name\":");
    ngx_http_mlops_text_quote(text, plan->name.data, plan->name.len);
    ngx_http_mlops_text_printf(text, ",\"definition\":\"%016xL\","
                               "\"shards\":%uD,\"open\":%uL,"
                               "\"rows\":%uL,\"capacity\":%uL,"
                               "\"bytes\":%uL,\"evicted\":%uL,",
                               plan->hash, plan->shards, state.open,
                               state.rows, state.capacity, state.bytes,
                               state.evicted);

    if (state.open != 0) {
        ngx_http_mlops_text_lit(text, "\"beat\":");
        ngx_http_mlops_text_double(text, (double) state.beat_us / 1e6);

    } else {
        ngx_http_mlops_text_lit(text, "\"beat\":null");
    }

    ngx_http_mlops_text_lit(text, ",\"warming\":[");

    for (i = 0, n = 0; i < plan->row.n; i++) {

        if (!ngx_http_mlops_view_warming(view, i)) {
            continue;
        }

        if (n++) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_quote(text, plan->row.columns[i].name.data,
                                  plan->row.columns[i].name.len);
    }

    ngx_http_mlops_text_lit(text, "],\"error\":");

    if (view->error[0] != '\0') {
        ngx_http_mlops_text_quote(text, view->error,
                                  ngx_strlen(view->error));
        ngx_http_mlops_text_lit(text, "}");

    } else {
        ngx_http_mlops_text_lit(text, "null}");
    }
}


/* A sidecar's object goes in as it is; what is no object would spoil the
 * page and is left out. */

static void
ngx_http_mlops_status_process(void *data, ngx_str_t *process,
    ngx_str_t *content)
{
    mlops_arena_t                   arena;
    mlops_doc_t                    *doc;
    ngx_http_mlops_status_rooms_t  *rooms;

    rooms = data;

    mlops_arena_init(&arena, NULL, NULL);

    doc = mlops_doc_parse((char *) content->data, content->len, 0, &arena,
                          NULL);

    if (doc != NULL && doc->type == MLOPS_DOC_OBJECT) {

        if (rooms->n++) {
            ngx_http_mlops_text_lit(rooms->text, ",");
        }

        ngx_http_mlops_text_quote(rooms->text, process->data, process->len);
        ngx_http_mlops_text_lit(rooms->text, ":");
        ngx_http_mlops_text_add(rooms->text, content->data, content->len);
    }

    mlops_arena_destroy(&arena);
}
