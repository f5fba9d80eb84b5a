/*
 * Health, metadata and lists.
 *
 * Clients of three servers disagree about health bodies (one crashes on an
 * empty one); the objects here have every member that any of them reads.
 */

#include "ngx_http_mlops_module.h"
#include "ngx_http_mlops_pages.h"
#include "ngx_http_mlops_text.h"
#include "ngx_http_mlops_version.h"


static ngx_uint_t ngx_http_mlops_page_build(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_http_mlops_page_t page, ngx_str_t *names,
    ngx_http_mlops_text_t *text);
static ngx_uint_t ngx_http_mlops_page_ready(ngx_http_request_t *r,
    ngx_http_mlops_text_t *text);
static void ngx_http_mlops_page_list(ngx_http_request_t *r,
    ngx_http_mlops_text_t *text);
static void ngx_http_mlops_page_metadata(ngx_http_mlops_ctx_t *ctx,
    ngx_http_mlops_text_t *text);
static void ngx_http_mlops_page_inputs(const mlops_schema_t *schema,
    ngx_http_mlops_text_t *text);
static void ngx_http_mlops_page_outputs(const mlops_signature_t *signature,
    ngx_http_mlops_text_t *text);
static ngx_uint_t ngx_http_mlops_page_model(ngx_http_mlops_ctx_t *ctx,
    ngx_str_t *names, ngx_http_mlops_text_t *text);
static ngx_uint_t ngx_http_mlops_page_status(ngx_http_mlops_ctx_t *ctx,
    ngx_str_t *names, ngx_http_mlops_text_t *text);
static void ngx_http_mlops_page_state(ngx_http_mlops_text_t *text,
    ngx_str_t *version, const char *state, const char *code,
    ngx_str_t *message);
static void ngx_http_mlops_page_name(ngx_http_mlops_text_t *text,
    const char *key, ngx_str_t *value);
static ngx_http_mlops_version_t *ngx_http_mlops_page_next(
    ngx_http_mlops_model_t *model, ngx_http_mlops_version_t *last);
static ngx_uint_t ngx_http_mlops_page_loaded(ngx_http_mlops_model_t *model);


static ngx_str_t  ngx_http_mlops_plain_type = ngx_string("text/plain");


ngx_int_t
ngx_http_mlops_page(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    ngx_http_mlops_page_t page, ngx_str_t *names)
{
    ngx_uint_t               status;
    ngx_http_mlops_text_t    text;

    ngx_http_mlops_text_init(&text, r->pool, 512);

    status = ngx_http_mlops_page_build(r, ctx, page, names, &text);

    if (text.failed) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (page == NGX_HTTP_MLOPS_PAGE_VERSION) {
        return ngx_http_mlops_send_text(r, status, &ngx_http_mlops_plain_type,
                                        text.start, text.pos - text.start);
    }

    return ngx_http_mlops_send_json(r, status, text.start,
                                    text.pos - text.start);
}


static ngx_uint_t
ngx_http_mlops_page_build(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    ngx_http_mlops_page_t page, ngx_str_t *names,
    ngx_http_mlops_text_t *text)
{
    ngx_http_mlops_model_t  *model;

    switch (page) {

    case NGX_HTTP_MLOPS_PAGE_ROOT:
        ngx_http_mlops_text_lit(text, "{\"status\":\"alive\"}");
        return NGX_HTTP_OK;

    case NGX_HTTP_MLOPS_PAGE_SERVER:
        ngx_http_mlops_text_lit(text, "{\"name\":\"ngx_mlops\","
                                      "\"version\":\"" NGX_HTTP_MLOPS_VERSION
                                      "\",\"extensions\":[]}");
        return NGX_HTTP_OK;

    case NGX_HTTP_MLOPS_PAGE_LIVE:
        ngx_http_mlops_text_lit(text, "{\"live\":true,\"ready\":true}");
        return NGX_HTTP_OK;

    case NGX_HTTP_MLOPS_PAGE_READY:
        return ngx_http_mlops_page_ready(r, text);

    case NGX_HTTP_MLOPS_PAGE_LIST:
        ngx_http_mlops_page_list(r, text);
        return NGX_HTTP_OK;

    case NGX_HTTP_MLOPS_PAGE_METADATA:
        ngx_http_mlops_page_metadata(ctx, text);
        return NGX_HTTP_OK;

    case NGX_HTTP_MLOPS_PAGE_MODEL_READY:
        return ngx_http_mlops_page_model(ctx, names, text);

    case NGX_HTTP_MLOPS_PAGE_STATUS:
        return ngx_http_mlops_page_status(ctx, names, text);

    case NGX_HTTP_MLOPS_PAGE_PING:

        /* MLflow: 404 where there is no model; of several, all have to be
         * there */

        if (names[0].len == 0) {
            ngx_http_mlops_text_lit(text, "{\"error\":\"there is no model"
                                          " here\"}");
            return NGX_HTTP_NOT_FOUND;
        }

        for (model = ngx_http_mlops_models_first();
             model != NULL;
             model = model->next)
        {
            if (model->aliases_n != 0
                && ngx_http_mlops_served(r, &model->name)
                && !ngx_http_mlops_page_loaded(model))
            {
                ngx_http_mlops_text_lit(text, "{\"error\":\"model ");
                ngx_http_mlops_text_add(text, model->name.data,
                                        model->name.len);
                ngx_http_mlops_text_lit(text, " is not ready\"}");
                return NGX_HTTP_SERVICE_UNAVAILABLE;
            }
        }

        ngx_http_mlops_text_lit(text, "\n");
        return NGX_HTTP_OK;

    case NGX_HTTP_MLOPS_PAGE_VERSION:
        ngx_http_mlops_text_lit(text, NGX_HTTP_MLOPS_VERSION);
        return NGX_HTTP_OK;
    }

    return NGX_HTTP_NOT_FOUND;
}


/* Ready: all that the store names has been loaded by this worker. */

static ngx_uint_t
ngx_http_mlops_page_ready(ngx_http_request_t *r, ngx_http_mlops_text_t *text)
{
    ngx_http_mlops_model_t  *model;

    for (model = ngx_http_mlops_models_first();
         model != NULL;
         model = model->next)
    {
        if (model->aliases_n == 0
            || !ngx_http_mlops_served(r, &model->name)
            || ngx_http_mlops_page_loaded(model))
        {
            continue;
        }

        ngx_http_mlops_text_lit(text, "{\"live\":true,\"ready\":false,"
                                      "\"error\":\"model ");
        ngx_http_mlops_text_add(text, model->name.data, model->name.len);
        ngx_http_mlops_text_lit(text, " is not ready\"}");

        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_mlops_text_lit(text, "{\"live\":true,\"ready\":true}");

    return NGX_HTTP_OK;
}


/* Every alias serves something: an older version while a new one loads is
 * no reason to send requests elsewhere. */

static ngx_uint_t
ngx_http_mlops_page_loaded(ngx_http_mlops_model_t *model)
{
    ngx_uint_t  i;

    for (i = 0; i < model->aliases_n; i++) {
        if (model->aliases[i].version == NULL) {
            return 0;
        }
    }

    return 1;
}


static void
ngx_http_mlops_page_list(ngx_http_request_t *r, ngx_http_mlops_text_t *text)
{
    ngx_uint_t               n;
    ngx_http_mlops_model_t  *model;

    ngx_http_mlops_text_lit(text, "{\"models\":[");

    n = 0;

    for (model = ngx_http_mlops_models_first();
         model != NULL;
         model = model->next)
    {
        if (model->aliases_n == 0
            || !ngx_http_mlops_served(r, &model->name))
        {
            continue;
        }

        if (n++) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_quote(text, model->name.data, model->name.len);
    }

    ngx_http_mlops_text_lit(text, "]}");
}


static void
ngx_http_mlops_page_metadata(ngx_http_mlops_ctx_t *ctx,
    ngx_http_mlops_text_t *text)
{
    ngx_uint_t                 n;
    const mlops_interface_t   *face;
    ngx_http_mlops_version_t  *version;

    face = ngx_http_mlops_join_face(ctx->version, text->pool->log);

    if (face == NULL) {
        text->failed = 1;
        return;
    }

    ngx_http_mlops_text_lit(text, "{");
    ngx_http_mlops_page_name(text, "name", &ctx->model->name);
    ngx_http_mlops_text_lit(text, ",\"versions\":[");

    n = 0;
    version = NULL;

    while ((version = ngx_http_mlops_page_next(ctx->model, version)) != NULL)
    {
        if (n++) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_quote(text, version->name.data,
                                  version->name.len);
    }

    ngx_http_mlops_text_printf(text, "],\"platform\":\"ngx_mlops_%s\",",
                               mlops_model_platform(ctx->version->model));

    ngx_http_mlops_page_inputs(&face->signatures[0].inputs, text);
    ngx_http_mlops_text_lit(text, ",");
    ngx_http_mlops_page_outputs(&face->signatures[0], text);

    /* further ways to call it, an addition to the protocol */

    if (face->n > 1) {
        ngx_http_mlops_text_lit(text, ",\"signatures\":[");

        for (n = 0; n < face->n; n++) {

            if (n) {
                ngx_http_mlops_text_lit(text, ",");
            }

            ngx_http_mlops_text_lit(text, "{\"name\":");
            ngx_http_mlops_text_quote(text, face->signatures[n].name.data,
                                      face->signatures[n].name.len);
            ngx_http_mlops_text_lit(text, ",");
            ngx_http_mlops_page_inputs(&face->signatures[n].inputs, text);
            ngx_http_mlops_text_lit(text, ",");
            ngx_http_mlops_page_outputs(&face->signatures[n], text);
            ngx_http_mlops_text_lit(text, "}");
        }

        ngx_http_mlops_text_lit(text, "]");
    }

    ngx_http_mlops_text_lit(text, "}");
}


/* The versions that aliases name, in their order: the one behind last. */

static ngx_http_mlops_version_t *
ngx_http_mlops_page_next(ngx_http_mlops_model_t *model,
    ngx_http_mlops_version_t *last)
{
    ngx_http_mlops_version_t  *version, *next;

    next = NULL;

    for (version = model->versions; version; version = version->next) {

        if (version->wanted
            && (last == NULL
                || mlops_version_cmp((char *) last->name.data,
                                     (char *) version->name.data) < 0)
            && (next == NULL
                || mlops_version_cmp((char *) version->name.data,
                                     (char *) next->name.data) < 0))
        {
            next = version;
        }
    }

    return next;
}


static void
ngx_http_mlops_page_inputs(const mlops_schema_t *schema,
    ngx_http_mlops_text_t *text)
{
    ngx_uint_t             i;
    const mlops_column_t  *column;

    ngx_http_mlops_text_lit(text, "\"inputs\":[");

    for (i = 0; i < schema->n; i++) {
        column = &schema->columns[i];

        if (i) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_lit(text, "{\"name\":");
        ngx_http_mlops_text_quote(text, column->name.data, column->name.len);
        ngx_http_mlops_text_printf(text, ",\"datatype\":\"%s\","
                                   "\"shape\":[-1,1]}",
                                   mlops_type_name(column->type));
    }

    ngx_http_mlops_text_lit(text, "]");
}


static void
ngx_http_mlops_page_outputs(const mlops_signature_t *signature,
    ngx_http_mlops_text_t *text)
{
    ngx_uint_t             i, k;
    const mlops_output_t  *output;

    ngx_http_mlops_text_lit(text, "\"outputs\":[");

    for (i = 0; i < signature->outputs_n; i++) {
        output = &signature->outputs[i];

        if (i) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_text_lit(text, "{\"name\":");
        ngx_http_mlops_text_quote(text, output->name.data, output->name.len);
        ngx_http_mlops_text_printf(text, ",\"datatype\":\"%s\","
                                   "\"shape\":[-1,%uD]",
                                   mlops_type_name(output->type),
                                   output->width);

        if (output->labels != NULL && output->width > 1) {
            ngx_http_mlops_text_lit(text, ",\"labels\":[");

            for (k = 0; k < output->width; k++) {

                if (k) {
                    ngx_http_mlops_text_lit(text, ",");
                }

                ngx_http_mlops_text_quote(text, output->labels[k].data,
                                          output->labels[k].len);
            }

            ngx_http_mlops_text_lit(text, "]");
        }

        ngx_http_mlops_text_lit(text, "}");
    }

    ngx_http_mlops_text_lit(text, "]");
}


static ngx_uint_t
ngx_http_mlops_page_model(ngx_http_mlops_ctx_t *ctx, ngx_str_t *names,
    ngx_http_mlops_text_t *text)
{
    ngx_http_mlops_text_lit(text, "{");
    ngx_http_mlops_page_name(text, "name", &names[0]);

    if (ctx->version == NULL) {
        ngx_http_mlops_text_lit(text, ",\"ready\":false,");
        ngx_http_mlops_page_name(text, "error", &ctx->error);
        ngx_http_mlops_text_lit(text, "}");

        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_mlops_text_lit(text, ",");
    ngx_http_mlops_page_name(text, "version", &ctx->version->name);
    ngx_http_mlops_text_lit(text, ",\"ready\":true}");

    return NGX_HTTP_OK;
}


/* One version where the path names one, else all that are served. */

static ngx_uint_t
ngx_http_mlops_page_status(ngx_http_mlops_ctx_t *ctx, ngx_str_t *names,
    ngx_http_mlops_text_t *text)
{
    ngx_uint_t                 n;
    ngx_str_t                  none;
    ngx_http_mlops_version_t  *version;

    ngx_str_set(&none, "");

    ngx_http_mlops_text_lit(text, "{");
    ngx_http_mlops_page_name(text, "name", &names[0]);
    ngx_http_mlops_text_printf(text, ",\"ready\":%s,"
                               "\"model_version_status\":[",
                               ctx->version != NULL ? "true" : "false");

    if (ctx->version == NULL) {
        ngx_http_mlops_page_state(text, &none, "LOADING", "UNAVAILABLE",
                                  &ctx->error);
        ngx_http_mlops_text_lit(text, "]}");

        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    if (names[1].len != 0) {
        ngx_http_mlops_page_state(text, &ctx->version->name, "AVAILABLE",
                                  "OK", &none);
        ngx_http_mlops_text_lit(text, "]}");

        return NGX_HTTP_OK;
    }

    n = 0;
    version = NULL;

    while ((version = ngx_http_mlops_page_next(ctx->model, version)) != NULL)
    {
        if (n++) {
            ngx_http_mlops_text_lit(text, ",");
        }

        ngx_http_mlops_page_state(text, &version->name, "AVAILABLE", "OK",
                                  &none);
    }

    ngx_http_mlops_text_lit(text, "]}");

    return NGX_HTTP_OK;
}


static void
ngx_http_mlops_page_state(ngx_http_mlops_text_t *text, ngx_str_t *version,
    const char *state, const char *code, ngx_str_t *message)
{
    ngx_http_mlops_text_lit(text, "{");
    ngx_http_mlops_page_name(text, "version", version);
    ngx_http_mlops_text_printf(text, ",\"state\":\"%s\",\"status\":"
                               "{\"error_code\":\"%s\",",
                               state, code);
    ngx_http_mlops_page_name(text, "error_message", message);
    ngx_http_mlops_text_lit(text, "}}");
}


static void
ngx_http_mlops_page_name(ngx_http_mlops_text_t *text, const char *key,
    ngx_str_t *value)
{
    ngx_http_mlops_text_printf(text, "\"%s\":", key);
    ngx_http_mlops_text_quote(text, value->data, value->len);
}


ngx_uint_t
ngx_http_mlops_served(ngx_http_request_t *r, ngx_str_t *name)
{
    ngx_str_t                  *names;
    ngx_uint_t                  i;
    ngx_http_mlops_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    if (mlcf->names == NULL) {
        return 1;
    }

    names = mlcf->names->elts;

    for (i = 0; i < mlcf->names->nelts; i++) {

        if (names[i].len == name->len
            && ngx_memcmp(names[i].data, name->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_mlops_unknown(ngx_http_mlops_ctx_t *ctx, ngx_str_t *name)
{
    u_char  *p;

    p = ngx_pnalloc(ctx->request->pool, MLOPS_ERR_SIZE);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->model_name = *name;

    ctx->error.data = p;
    ctx->error.len = ngx_slprintf(p, p + MLOPS_ERR_SIZE,
                                  "model \"%V\" is not served here", name)
                     - p;

    return NGX_HTTP_NOT_FOUND;
}
