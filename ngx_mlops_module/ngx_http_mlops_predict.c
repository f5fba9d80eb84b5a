/*
 * One prediction: read the body, parse it to rows, join, evaluate, write.
 *
 * Everything here happens in the request's own pool and, but for a body that
 * nginx has spilled to disk, without a system call of its own.  A malformed
 * body is answered 400 from here and keeps the connection; other failures go
 * back to nginx as codes.
 */

#include "ngx_http_mlops_module.h"
#include "ngx_http_mlops_text.h"

#include "mlops_clock.h"


#define NGX_HTTP_MLOPS_WARN_COLUMNS  16


static ngx_int_t ngx_http_mlops_media(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);
static ngx_int_t ngx_http_mlops_media_mlflow(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);
static ngx_uint_t ngx_http_mlops_media_is(ngx_str_t *value, const char *type,
    size_t len);
static void ngx_http_mlops_body_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_mlops_answer(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);
static ngx_int_t ngx_http_mlops_evaluate(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_str_t *body);
static ngx_int_t ngx_http_mlops_refuse(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_int_t rc, mlops_err_t *err);
static ngx_int_t ngx_http_mlops_headers(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);
static ngx_int_t ngx_http_mlops_warning(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, const char *kind, uint64_t *columns,
    ngx_uint_t rows);


static ngx_str_t  ngx_http_mlops_key_model = ngx_string("Mlops-Model");
static ngx_str_t  ngx_http_mlops_key_version = ngx_string("Mlops-Version");
static ngx_str_t  ngx_http_mlops_key_warning = ngx_string("Mlops-Warning");

static ngx_str_t  ngx_http_mlops_post = ngx_string("POST");

static ngx_str_t  ngx_http_mlops_type_json = ngx_string("application/json");
static ngx_str_t  ngx_http_mlops_type_csv = ngx_string("text/csv");


/*
 * The handler of mlops_predict.  Where the location is called as MLflow's
 * container calls it, it behaves as that does: …/invocations takes MLflow's
 * bodies alone, …/ping answers whether the model is there.
 */

ngx_int_t
ngx_http_mlops_predict_handler(ngx_http_request_t *r)
{
    u_char                     *at;
    ngx_int_t                   rc;
    ngx_str_t                   name, alias;
    ngx_uint_t                  ping;
    ngx_http_mlops_ctx_t       *ctx;
    ngx_http_mlops_loc_conf_t  *mlcf;

    ctx = ngx_http_mlops_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ping = 0;

    if (r->method != NGX_HTTP_POST) {
        ping = (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
               && ngx_http_mlops_last_segment(r, "ping", 4);

        if (!ping) {
            return ngx_http_mlops_not_allowed(r, &ngx_http_mlops_post);
        }
    }

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);

    if (ngx_http_complex_value(r, mlcf->predict, &name) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&alias);

    at = ngx_strlchr(name.data, name.data + name.len, '@');

    if (at != NULL) {
        alias.data = at + 1;
        alias.len = name.data + name.len - alias.data;
        name.len = at - name.data;
    }

    ctx->asked = !ping;
    ctx->door = ctx->mlflow ? MLOPS_DOOR_MLFLOW : MLOPS_DOOR_ANY;

    rc = ngx_http_mlops_pin(ctx, &name, &alias, 0);

    if (rc != NGX_OK) {
        return ngx_http_mlops_absent(ctx, rc);
    }

    if (ping) {
        rc = ngx_http_discard_request_body(r);

        return (rc != NGX_OK) ? rc
               : ngx_http_mlops_send_json(r, NGX_HTTP_OK, (u_char *) "\n", 1);
    }

    return ngx_http_mlops_predict(r, ctx);
}


ngx_int_t
ngx_http_mlops_predict(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    ngx_int_t  rc;

    rc = ngx_http_mlops_media(r, ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, ngx_http_mlops_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/*
 * JSON may come as any type, because clients that know no better send
 * application/x-www-form-urlencoded; only /invocations is strict.
 */

static ngx_int_t
ngx_http_mlops_media(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    ngx_int_t   rc;
    ngx_str_t  *type;

    rc = ngx_http_mlops_body_plain(r, ctx);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->mlflow) {
        return ngx_http_mlops_media_mlflow(r, ctx);
    }

    if (ctx->door != MLOPS_DOOR_ANY || r->headers_in.content_type == NULL) {
        return NGX_OK;
    }

    type = &r->headers_in.content_type->value;

    if (ngx_http_mlops_media_is(type, "text/csv", sizeof("text/csv") - 1)
        || ngx_http_mlops_media_is(type, "application/csv",
                                   sizeof("application/csv") - 1))
    {
        ctx->csv = 1;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_media_mlflow(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    u_char     *p, *last;
    size_t      len;
    ngx_str_t  *type;

    if (r->headers_in.content_type == NULL) {
        goto unsupported;
    }

    type = &r->headers_in.content_type->value;

    if (ngx_http_mlops_media_is(type, "application/json",
                                sizeof("application/json") - 1))
    {
        len = sizeof("application/json") - 1;

    } else if (ngx_http_mlops_media_is(type, "text/csv",
                                       sizeof("text/csv") - 1))
    {
        len = sizeof("text/csv") - 1;
        ctx->csv = 1;

    } else if (ngx_http_mlops_media_is(type, "application/csv",
                                       sizeof("application/csv") - 1))
    {
        len = sizeof("application/csv") - 1;
        ctx->csv = 1;

    } else {
        goto unsupported;
    }

    /* the one parameter that is allowed is charset=utf-8 */

    p = type->data + len;
    last = type->data + type->len;

    while (p < last && (*p == ' ' || *p == ';' || *p == '\t')) {
        p++;
    }

    while (last > p && (last[-1] == ' ' || last[-1] == ';')) {
        last--;
    }

    if (p == last) {
        return NGX_OK;
    }

    if ((size_t) (last - p) > sizeof("charset=") - 1
        && ngx_strncasecmp(p, (u_char *) "charset=", sizeof("charset=") - 1)
           == 0)
    {
        p += sizeof("charset=") - 1;

        if (last - p > 2 && *p == '"' && last[-1] == '"') {
            p++;
            last--;
        }

        if (last - p == 5 && ngx_strncasecmp(p, (u_char *) "utf-8", 5) == 0) {
            return NGX_OK;
        }
    }

unsupported:

    ngx_str_set(&ctx->error, "Content-Type: expected application/json or"
                             " text/csv, with no parameter but"
                             " charset=utf-8");
    ngx_str_set(&ctx->status, "content_type");

    return NGX_HTTP_UNSUPPORTED_MEDIA_TYPE;
}


/* Is the value this type, parameters or not? */

static ngx_uint_t
ngx_http_mlops_media_is(ngx_str_t *value, const char *type, size_t len)
{
    return value->len >= len
           && ngx_strncasecmp(value->data, (u_char *) type, len) == 0
           && (value->len == len || value->data[len] == ';'
               || value->data[len] == ' ' || value->data[len] == '\t');
}


static void
ngx_http_mlops_body_handler(ngx_http_request_t *r)
{
    ngx_http_mlops_ctx_t  *ctx;

    ctx = ngx_http_mlops_ctx(r);

    ngx_http_finalize_request(r, ngx_http_mlops_answer(r, ctx));
}


static ngx_int_t
ngx_http_mlops_answer(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    u_char                    *p;
    size_t                     size;
    ngx_int_t                  rc;
    ngx_str_t                  body, *type;
    mlops_str_t                model, version;
    mlops_nonfinite_t          nonfinite;
    const mlops_plan_model_t  *settings;

    ctx->start_ns = mlops_clock_ns();

    rc = ngx_http_mlops_body(r, &body);

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_mlops_evaluate(r, ctx, &body);

    if (rc != NGX_OK) {
        return (rc == NGX_DONE) ? NGX_OK : rc;
    }

    model.data = (char *) ctx->model->name.data;
    model.len = ctx->model->name.len;
    version.data = (char *) ctx->version->name.data;
    version.len = ctx->version->name.len;

    size = mlops_answer_bound(&ctx->input, &ctx->results, &model, &version);

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    settings = ctx->model->settings;
    nonfinite = (settings != NULL) ? settings->nonfinite_out
                                   : MLOPS_NONFINITE_NULL;

    size = mlops_answer_write((char *) p, &ctx->input, &ctx->results, &model,
                              &version, nonfinite)
           - (char *) p;

    if (ngx_http_mlops_headers(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_set(&ctx->status, "ok");

    type = (ctx->input.dialect == MLOPS_DIALECT_CSV)
           ? &ngx_http_mlops_type_csv : &ngx_http_mlops_type_json;

    ctx->latency_ns = mlops_clock_ns() - ctx->start_ns;

    return ngx_http_mlops_send_text(r, NGX_HTTP_OK, type, p, size);
}


/* NGX_OK: ctx->results are there; NGX_DONE: refused and answered; else a
 * status for nginx. */

static ngx_int_t
ngx_http_mlops_evaluate(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    ngx_str_t *body)
{
    int                         rc;
    mlops_err_t                 err;
    mlops_range_t               range;
    mlops_limits_t              limits;
    const mlops_interface_t    *face;
    const mlops_plan_model_t   *settings;
    ngx_http_mlops_loc_conf_t  *mlcf;

    mlcf = ngx_http_get_module_loc_conf(r, ngx_http_mlops_module);
    settings = ctx->model->settings;
    range = (settings != NULL) ? settings->range : MLOPS_RANGE_FLAG;
    face = ngx_http_mlops_join_face(ctx->version, r->connection->log);

    if (face == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    limits.rows = mlcf->limit_rows;
    limits.elements = mlcf->limit_elements;
    limits.depth = mlcf->limit_depth;
    limits.inputs = mlcf->limit_inputs;
    limits.nonfinite = (settings != NULL) ? settings->nonfinite_in : 0;

    if (ctx->csv) {
        rc = mlops_request_csv(&ctx->input, face, 0, &limits,
                               (char *) body->data, body->len, &ctx->arena,
                               &err);

        if (ctx->mlflow) {
            ctx->input.dialect = MLOPS_DIALECT_MLFLOW;
        }

    } else {
        rc = mlops_request_parse(&ctx->input, face, ctx->door, 0, &limits,
                                 (char *) body->data, body->len, &ctx->arena,
                                 &err);
    }

    if (rc != MLOPS_OK) {
        return ngx_http_mlops_refuse(r, ctx, rc, &err);
    }

    rc = ngx_http_mlops_join(r, ctx->version, &ctx->input, body->len,
                             &ctx->joined, &ctx->arena, &err);

    if (rc == NGX_DECLINED) {
        return ngx_http_mlops_refuse(r, ctx, MLOPS_ERROR, &err);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (mlops_rows_complete(&ctx->input.rows, range, &ctx->notice,
                            &ctx->arena, &err)
        != MLOPS_OK)
    {
        ctx->input.field = 1;

        return ngx_http_mlops_refuse(r, ctx, MLOPS_ERROR, &err);
    }

    if (mlops_model_predict(ctx->version->model, ctx->input.signature,
                            &ctx->input.rows, &ctx->results, &ctx->arena,
                            &err)
        != MLOPS_OK)
    {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "mlops: model \"%V\" version %V: %s",
                      &ctx->model->name, &ctx->version->name, err.text);

        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_refuse(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    ngx_int_t rc, mlops_err_t *err)
{
    u_char  *p;

    ctx->latency_ns = mlops_clock_ns() - ctx->start_ns;

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "mlops: model \"%V\" refused a request: %s",
                  &ctx->model->name, err->text);

    if (rc == MLOPS_LIMIT) {
        p = ngx_pnalloc(r->pool, MLOPS_ERR_SIZE + ctx->model->name.len + 2);
        if (p == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ctx->error.data = p;
        ctx->error.len = ngx_sprintf(p, "%V: %s", &ctx->model->name,
                                     err->text)
                         - p;

        ngx_str_set(&ctx->status, "limit");

        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    ngx_str_set(&ctx->status, "bad_request");

    if (ngx_http_mlops_headers(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* "housing.age: expected …", but "housing: malformed JSON …" */

    rc = ngx_http_mlops_send_error(r, NGX_HTTP_BAD_REQUEST, "%V%s%s",
                                   &ctx->model->name,
                                   ctx->input.field ? "." : ": ", err->text);

    return (rc == NGX_OK) ? NGX_DONE : rc;
}


static ngx_int_t
ngx_http_mlops_headers(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx)
{
    mlops_notice_t       *notice;
    mlops_join_notice_t  *joined;

    if (ngx_http_mlops_header(r, &ngx_http_mlops_key_model,
                              &ctx->model->name)
        != NGX_OK
        || ngx_http_mlops_header(r, &ngx_http_mlops_key_version,
                                 &ctx->version->name)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    notice = &ctx->notice;
    joined = &ctx->joined;

    if (ngx_http_mlops_warning(r, ctx, "out_of_range",
                               notice->range_columns, notice->range_rows)
        != NGX_OK
        || ngx_http_mlops_warning(r, ctx, "defaulted",
                                  notice->default_columns,
                                  notice->default_rows)
           != NGX_OK
        || ngx_http_mlops_warning(r, ctx, "missing", joined->missing_columns,
                                  joined->missing_rows)
           != NGX_OK
        || ngx_http_mlops_warning(r, ctx, "stale", joined->stale_columns,
                                  joined->stale_rows)
           != NGX_OK
        || ngx_http_mlops_warning(r, ctx, "warming", joined->warming_columns,
                                  joined->warming_rows)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* "out_of_range; columns=a,b; rows=2": names are percent-encoded, since they
 * may hold any character; beyond 16 of them "…; more=N" is told. */

static ngx_int_t
ngx_http_mlops_warning(ngx_http_request_t *r, ngx_http_mlops_ctx_t *ctx,
    const char *kind, uint64_t *columns, ngx_uint_t rows)
{
    u_char                  *p;
    size_t                   len;
    ngx_str_t                value;
    ngx_uint_t               i, n;
    const mlops_str_t       *name;
    const mlops_schema_t    *schema;
    ngx_http_mlops_text_t    text;

    if (rows == 0) {
        return NGX_OK;
    }

    schema = ctx->input.rows.schema;

    ngx_http_mlops_text_init(&text, r->pool, 256);
    ngx_http_mlops_text_printf(&text, "%s; columns=", kind);

    for (i = 0, n = 0; i < schema->n; i++) {

        if (!mlops_bit(columns, i)) {
            continue;
        }

        if (n++ >= NGX_HTTP_MLOPS_WARN_COLUMNS) {
            continue;
        }

        if (n > 1) {
            ngx_http_mlops_text_lit(&text, ",");
        }

        name = &schema->columns[i].name;
        len = name->len;

        p = ngx_http_mlops_text_room(&text, 3 * len);

        if (p != NULL) {
            text.pos = (u_char *) ngx_escape_uri(p, (u_char *) name->data,
                                                 len,
                                                 NGX_ESCAPE_URI_COMPONENT);
        }
    }

    if (n > NGX_HTTP_MLOPS_WARN_COLUMNS) {
        ngx_http_mlops_text_printf(&text, "; more=%ui",
                                   n - NGX_HTTP_MLOPS_WARN_COLUMNS);
    }

    ngx_http_mlops_text_printf(&text, "; rows=%ui", rows);

    if (text.failed) {
        return NGX_ERROR;
    }

    value.data = text.start;
    value.len = text.pos - text.start;

    return ngx_http_mlops_header(r, &ngx_http_mlops_key_warning, &value);
}
