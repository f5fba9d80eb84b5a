/*
 * Health, metadata and lists: the small GET pages below mlops_serve.
 */

#ifndef NGX_HTTP_MLOPS_PAGES_H
#define NGX_HTTP_MLOPS_PAGES_H


#include "ngx_http_mlops_module.h"


typedef enum {
    NGX_HTTP_MLOPS_PAGE_ROOT = 0,       /* {"status":"alive"} */
    NGX_HTTP_MLOPS_PAGE_SERVER,         /* V2: name, version, extensions */
    NGX_HTTP_MLOPS_PAGE_LIVE,
    NGX_HTTP_MLOPS_PAGE_READY,          /* every served model has loaded */
    NGX_HTTP_MLOPS_PAGE_LIST,           /* {"models":[…]} */
    NGX_HTTP_MLOPS_PAGE_METADATA,       /* V2 model metadata */
    NGX_HTTP_MLOPS_PAGE_MODEL_READY,
    NGX_HTTP_MLOPS_PAGE_STATUS,         /* V1: KServe's and TFS's object */
    NGX_HTTP_MLOPS_PAGE_PING,           /* MLflow's and SageMaker's health */
    NGX_HTTP_MLOPS_PAGE_VERSION
} ngx_http_mlops_page_t;


/* names[0] and ctx->version are set where the page is about a model. */
ngx_int_t ngx_http_mlops_page(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx, ngx_http_mlops_page_t page, ngx_str_t *names);

/* Does mlops_serve of this location let this model through? */
ngx_uint_t ngx_http_mlops_served(ngx_http_request_t *r, ngx_str_t *name);

/* 404 with the text for a model that is not there. */
ngx_int_t ngx_http_mlops_unknown(ngx_http_mlops_ctx_t *ctx, ngx_str_t *name);


#endif /* NGX_HTTP_MLOPS_PAGES_H */
