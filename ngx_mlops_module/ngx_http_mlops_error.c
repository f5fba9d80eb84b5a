/*
 * Error answers: one shape, {"error":"…"}, whoever noticed the error.
 *
 * A malformed request is answered here, by ngx_http_mlops_send_error, which
 * keeps the connection.  All other errors are returned to nginx as status
 * codes, so that error_page works; what nginx then makes of them itself, in
 * a location of ours, a filter turns into the same object.  The answer of an
 * upstream, of error_page's target and of "return" is left alone.
 *
 * Below /invocations the object also has MLflow's error_code and message.
 */

#include "ngx_http_mlops_module.h"
#include "ngx_http_mlops_text.h"


static ngx_int_t ngx_http_mlops_header_filter(ngx_http_request_t *r);
static ngx_uint_t ngx_http_mlops_from_upstream(ngx_http_request_t *r);
static ngx_uint_t ngx_http_mlops_from_nginx(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);
static ngx_int_t ngx_http_mlops_replace(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);
static ngx_int_t ngx_http_mlops_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_int_t ngx_http_mlops_error_body(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_uint_t status, ngx_str_t *body);
static ngx_int_t ngx_http_mlops_error_default(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_uint_t status, ngx_str_t *text);
static const char *ngx_http_mlops_error_code(ngx_uint_t status);
static ngx_int_t ngx_http_mlops_send(ngx_http_request_t *r, u_char *data,
    size_t len);


static ngx_str_t  ngx_http_mlops_json_type = ngx_string("application/json");
static ngx_str_t  ngx_http_mlops_key_allow = ngx_string("Allow");
static ngx_str_t  ngx_http_mlops_key_retry = ngx_string("Retry-After");
static ngx_str_t  ngx_http_mlops_one = ngx_string("1");

static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_mlops_filter_init(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_mlops_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_mlops_body_filter;

    return NGX_OK;
}


ngx_http_mlops_ctx_t *
ngx_http_mlops_begin(ngx_http_request_t *r)
{
    ngx_http_mlops_ctx_t  *ctx;

    ctx = ngx_http_mlops_ctx_create(r);
    if (ctx == NULL) {
        return NULL;
    }

    if (ctx->model_name.len != 0 || ctx->version != NULL) {

        if (ngx_http_mlops_hold(ctx, NULL) != NGX_OK) {
            return NULL;
        }

        ngx_memzero(&ctx->input, sizeof(mlops_request_t));
        ngx_memzero(&ctx->results, sizeof(mlops_results_t));
        ngx_memzero(&ctx->notice, sizeof(mlops_notice_t));
        ngx_memzero(&ctx->joined, sizeof(mlops_join_notice_t));
    }

    ngx_str_null(&ctx->model_name);
    ngx_str_null(&ctx->status);
    ngx_str_null(&ctx->error);
    ngx_str_null(&ctx->allow);

    ctx->latency_ns = 0;
    ctx->began = 1;
    ctx->asked = 0;
    ctx->retry = 0;
    ctx->csv = 0;
    ctx->mlflow = ngx_http_mlops_last_segment(r, "invocations", 11);

    return ctx;
}


ngx_uint_t
ngx_http_mlops_last_segment(ngx_http_request_t *r, const char *word,
    size_t len)
{
    u_char  *p;

    if (r->uri.len <= len) {
        return 0;
    }

    p = r->uri.data + r->uri.len - len;

    return p[-1] == '/' && ngx_memcmp(p, word, len) == 0;
}


ngx_int_t
ngx_http_mlops_absent(ngx_http_mlops_ctx_t *ctx, ngx_int_t rc)
{
    if (rc == NGX_HTTP_SERVICE_UNAVAILABLE) {
        ngx_str_set(&ctx->status, "not_ready");
        ctx->retry = 1;

    } else if (rc == NGX_HTTP_NOT_FOUND) {
        ngx_str_set(&ctx->status, "not_found");

    } else {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return rc;
}


ngx_int_t
ngx_http_mlops_not_allowed(ngx_http_request_t *r, ngx_str_t *methods)
{
    ngx_http_mlops_ctx_t  *ctx;

    ctx = ngx_http_mlops_ctx(r);

    ctx->allow = *methods;
    ngx_str_set(&ctx->status, "method");

    return NGX_HTTP_NOT_ALLOWED;
}


ngx_int_t
ngx_http_mlops_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key = *key;
    h->value = *value;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


ngx_int_t
ngx_http_mlops_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...)
{
    u_char                *p;
    va_list                args;
    ngx_str_t              body;
    ngx_http_mlops_ctx_t  *ctx;

    ctx = ngx_http_mlops_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_pnalloc(r->pool, MLOPS_ERR_SIZE);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    va_start(args, fmt);
    ctx->error.data = p;
    ctx->error.len = ngx_vslprintf(p, p + MLOPS_ERR_SIZE, fmt, args) - p;
    va_end(args);

    if (ngx_http_mlops_error_body(r, ctx, status, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return ngx_http_mlops_send_json(r, status, body.data, body.len);
}


ngx_int_t
ngx_http_mlops_send_json(ngx_http_request_t *r, ngx_uint_t status,
    u_char *data, size_t len)
{
    r->headers_out.status = status;
    r->headers_out.content_type = ngx_http_mlops_json_type;
    r->headers_out.content_type_len = ngx_http_mlops_json_type.len;

    return ngx_http_mlops_send(r, data, len);
}


/* The status and content type are set: sends header and body. */

static ngx_int_t
ngx_http_mlops_send(ngx_http_request_t *r, u_char *data, size_t len)
{
    ngx_int_t              rc;
    ngx_buf_t             *b;
    ngx_chain_t            out;
    ngx_http_mlops_ctx_t  *ctx;

    ctx = ngx_http_mlops_ctx_create(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->ours = 1;

    r->headers_out.content_length_n = len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = data;
    b->last = data + len;
    b->memory = (len != 0);
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = (len == 0 && !b->last_buf);

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_mlops_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, u_char *data, size_t len)
{
    r->headers_out.status = status;
    r->headers_out.content_type = *type;
    r->headers_out.content_type_len = type->len;

    return ngx_http_mlops_send(r, data, len);
}


/* Headers that go with a status, whoever makes the body; then the body. */

static ngx_int_t
ngx_http_mlops_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t             status;
    ngx_http_mlops_ctx_t  *ctx;

    status = r->headers_out.status;

    if (r->err_status < NGX_HTTP_BAD_REQUEST
        || status < NGX_HTTP_BAD_REQUEST
        || ngx_http_mlops_from_upstream(r))
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_mlops_ctx(r);

    if (ctx != NULL) {

        if (status == NGX_HTTP_NOT_ALLOWED && ctx->allow.len != 0
            && ngx_http_mlops_header(r, &ngx_http_mlops_key_allow,
                                     &ctx->allow)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (status == NGX_HTTP_SERVICE_UNAVAILABLE && ctx->retry
            && ngx_http_mlops_header(r, &ngx_http_mlops_key_retry,
                                     &ngx_http_mlops_one)
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_mlops_from_nginx(r, ctx)
        && ngx_http_mlops_replace(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* An upstream that is still to be cleaned up is answering: nginx's own page
 * for a dead one comes after that.  A cached answer never needed any. */

static ngx_uint_t
ngx_http_mlops_from_upstream(ngx_http_request_t *r)
{
#if (NGX_HTTP_CACHE)
    if (r->cached) {
        return 1;
    }
#endif

    return r->upstream != NULL && r->upstream->cleanup != NULL;
}


/*
 * Is this a page that nginx has made up itself, for a request of ours?
 *
 * r->err_status is what ngx_http_special_response_handler sets.  In one of
 * our locations nobody but it and we make errors.  Elsewhere, where
 * error_page has led from there, only the failure of an upstream is known to
 * be its work; a file or a text would have another content handler.
 */

static ngx_uint_t
ngx_http_mlops_from_nginx(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    ngx_http_mlops_loc_conf_t  *mlcf;

    if (ctx != NULL && ctx->ours) {
        return 0;
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    if (ngx_http_mlops_ours(mlcf)) {
        return 1;
    }

    return ctx != NULL && ctx->began && r->upstream != NULL
           && r->content_handler != NULL;
}


static ngx_int_t
ngx_http_mlops_replace(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    ngx_str_t  body;

    if (ctx == NULL) {
        ctx = ngx_http_mlops_ctx_create(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }
    }

    if (!ctx->began) {
        ctx->mlflow = ngx_http_mlops_last_segment(r, "invocations", 11);
    }

    if (ngx_http_mlops_error_body(r, ctx, r->headers_out.status, &body)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->replacement = body;

    r->headers_out.content_length_n = body.len;
    r->headers_out.content_type = ngx_http_mlops_json_type;
    r->headers_out.content_type_len = ngx_http_mlops_json_type.len;
    r->headers_out.content_type_lowcase = NULL;
    r->headers_out.charset.len = 0;

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_buf_t             *b;
    ngx_chain_t            out;
    ngx_http_mlops_ctx_t  *ctx;

    if (in == NULL || r->err_status == 0 || r->header_only) {
        return ngx_http_next_body_filter(r, in);
    }

    ctx = ngx_http_mlops_ctx(r);

    if (ctx == NULL || ctx->replacement.data == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    for ( /* void */ ; in; in = in->next) {
        in->buf->pos = in->buf->last;
    }

    if (ctx->replaced) {
        return NGX_OK;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ctx->replacement.data;
    b->last = b->pos + ctx->replacement.len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    ctx->replaced = 1;

    return ngx_http_next_body_filter(r, &out);
}


static ngx_int_t
ngx_http_mlops_error_body(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    ngx_uint_t status, ngx_str_t *body)
{
    ngx_str_t               error;
    ngx_http_mlops_text_t   text;

    error = ctx->error;

    if ((error.len == 0 || status == NGX_HTTP_BAD_GATEWAY
         || status == NGX_HTTP_GATEWAY_TIME_OUT)
        && ngx_http_mlops_error_default(r, ctx, status, &error) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_mlops_text_init(&text, r->pool, 2 * error.len + 96);

    ngx_http_mlops_text_lit(&text, "{\"error\":");
    ngx_http_mlops_text_quote(&text, error.data, error.len);

    if (ctx->mlflow) {
        ngx_http_mlops_text_printf(&text, ",\"error_code\":\"%s\","
                                   "\"message\":",
                                   ngx_http_mlops_error_code(status));
        ngx_http_mlops_text_quote(&text, error.data, error.len);
    }

    ngx_http_mlops_text_lit(&text, "}");

    if (text.failed) {
        return NGX_ERROR;
    }

    body->data = text.start;
    body->len = text.pos - text.start;

    return NGX_OK;
}


/* What to say where no code of ours has said it better. */

static ngx_int_t
ngx_http_mlops_error_default(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_uint_t status, ngx_str_t *text)
{
    u_char                    *p;
    ngx_http_core_loc_conf_t  *clcf;

    text->data = ngx_pnalloc(r->pool, MLOPS_ERR_SIZE);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    p = text->data;
    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    switch (status) {

    case NGX_HTTP_UNAUTHORIZED:
        p = ngx_sprintf(p, "authorization is required");
        break;

    case NGX_HTTP_FORBIDDEN:
        p = ngx_sprintf(p, "access is forbidden");
        break;

    case NGX_HTTP_NOT_FOUND:
        p = ngx_slprintf(p, p + MLOPS_ERR_SIZE, "there is no \"%V\" here",
                         &r->uri);
        break;

    case NGX_HTTP_NOT_ALLOWED:
        p = ngx_slprintf(p, p + MLOPS_ERR_SIZE,
                         "method %V is not allowed here", &r->method_name);
        break;

    case NGX_HTTP_REQUEST_TIME_OUT:
        p = ngx_sprintf(p, "the request body did not arrive in time");
        break;

    case NGX_HTTP_LENGTH_REQUIRED:
        p = ngx_sprintf(p, "a Content-Length header is required");
        break;

    case NGX_HTTP_REQUEST_ENTITY_TOO_LARGE:
        p = ngx_sprintf(p, "the request body exceeds the limit of %O bytes",
                        clcf->client_max_body_size);
        break;

    case NGX_HTTP_UNSUPPORTED_MEDIA_TYPE:
        p = ngx_sprintf(p, "the media type of the body is not supported");
        break;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        p = ngx_sprintf(p, "too many requests");
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        p = ngx_sprintf(p, "internal server error");
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        p = ngx_sprintf(p, "the service is unavailable");
        break;

    case NGX_HTTP_BAD_GATEWAY:
    case NGX_HTTP_GATEWAY_TIME_OUT:

        /* why another server was asked, and that it was in vain */

        p = ngx_slprintf(p, p + MLOPS_ERR_SIZE,
                         "%V%sthe server asked in its place did not answer",
                         &ctx->error, ctx->error.len != 0 ? "; " : "");
        break;

    default:
        p = ngx_sprintf(p, "the request failed with status %ui", status);
        break;
    }

    text->len = p - text->data;

    return NGX_OK;
}


/* MLflow's names for its own errors. */

static const char *
ngx_http_mlops_error_code(ngx_uint_t status)
{
    switch (status) {

    case NGX_HTTP_UNAUTHORIZED:
        return "UNAUTHENTICATED";

    case NGX_HTTP_FORBIDDEN:
        return "PERMISSION_DENIED";

    case NGX_HTTP_NOT_FOUND:
        return "RESOURCE_DOES_NOT_EXIST";

    case NGX_HTTP_TOO_MANY_REQUESTS:
        return "REQUEST_LIMIT_EXCEEDED";

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        return "TEMPORARILY_UNAVAILABLE";

    default:
        return (status < NGX_HTTP_INTERNAL_SERVER_ERROR) ? "BAD_REQUEST"
                                                         : "INTERNAL_ERROR";
    }
}
