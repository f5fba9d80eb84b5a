/*
 * Variables, for log_format and the like; they outlive error_page's internal
 * redirects.
 *
 *     $mlops_model      the model that was asked for
 *     $mlops_version    the version that answered
 *     $mlops_status     "ok", or a word for what went wrong
 *     $mlops_latency    seconds from the whole body to the whole answer, with
 *                       6 decimals
 */

#include "ngx_http_mlops_module.h"


typedef enum {
    NGX_HTTP_MLOPS_VAR_MODEL = 0,
    NGX_HTTP_MLOPS_VAR_VERSION,
    NGX_HTTP_MLOPS_VAR_STATUS,
    NGX_HTTP_MLOPS_VAR_LATENCY
} ngx_http_mlops_var_t;


static ngx_int_t ngx_http_mlops_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_mlops_variable_latency(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t latency_ns);


static ngx_http_variable_t  ngx_http_mlops_vars[] = {

    { ngx_string("mlops_model"), NULL, ngx_http_mlops_variable,
      NGX_HTTP_MLOPS_VAR_MODEL, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mlops_version"), NULL, ngx_http_mlops_variable,
      NGX_HTTP_MLOPS_VAR_VERSION, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mlops_status"), NULL, ngx_http_mlops_variable,
      NGX_HTTP_MLOPS_VAR_STATUS, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("mlops_latency"), NULL, ngx_http_mlops_variable,
      NGX_HTTP_MLOPS_VAR_LATENCY, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    ngx_http_null_variable
};


ngx_int_t
ngx_http_mlops_variables_init(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_mlops_vars; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    ngx_str_t             *value;
    ngx_http_mlops_ctx_t  *ctx;

    v->not_found = 1;

    ctx = ngx_http_mlops_ctx(r);

    if (ctx == NULL) {
        return NGX_OK;
    }

    switch (data) {

    case NGX_HTTP_MLOPS_VAR_MODEL:
        value = (ctx->model != NULL) ? &ctx->model->name : &ctx->model_name;
        break;

    case NGX_HTTP_MLOPS_VAR_VERSION:
        if (ctx->version == NULL) {
            return NGX_OK;
        }

        value = &ctx->version->name;
        break;

    case NGX_HTTP_MLOPS_VAR_STATUS:
        value = &ctx->status;
        break;

    default: /* NGX_HTTP_MLOPS_VAR_LATENCY */
        return ngx_http_mlops_variable_latency(r, v, ctx->latency_ns);
    }

    if (value->len == 0) {
        return NGX_OK;
    }

    v->data = value->data;
    v->len = value->len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_variable_latency(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uint64_t latency_ns)
{
    u_char    *p;
    uint64_t   us;

    if (latency_ns == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + sizeof(".000000"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    us = (latency_ns + 500) / 1000;

    v->data = p;
    v->len = ngx_sprintf(p, "%uL.%06uL", us / 1000000, us % 1000000) - p;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;

    return NGX_OK;
}
