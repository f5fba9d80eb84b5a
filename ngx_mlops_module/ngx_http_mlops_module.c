/*
 * The module: command table, configuration, process hooks.
 *
 * What may fail does so while the configuration is read, and leaves only
 * temporary files.  From init_module on nothing is an error: the old workers
 * of a reload are told to go whether or not the new cycle came to be.
 */

#include "ngx_http_mlops_module.h"


static ngx_int_t ngx_http_mlops_preconf(ngx_conf_t *cf);
static ngx_int_t ngx_http_mlops_postconf(ngx_conf_t *cf);
static void *ngx_http_mlops_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_mlops_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_mlops_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_mlops_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_mlops_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_mlops_init_process(ngx_cycle_t *cycle);
static void ngx_http_mlops_exit_process(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_mlops_phase(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler);
static void ngx_http_mlops_ctx_cleanup(void *data);
static void *ngx_http_mlops_palloc(void *pool, size_t size);


/* The plan's directives; their arguments are checked by core/plan. */

static ngx_command_t  ngx_http_mlops_commands[] = {

    { ngx_string("mlops_store"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_mlops_plan_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_registry"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_mlops_plan_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_state"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_mlops_plan_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_kafka"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_http_mlops_plan_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_view"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_http_mlops_plan_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_model"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_1MORE,
      ngx_http_mlops_plan_directive,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_serve"),
      NGX_HTTP_LOC_CONF|NGX_CONF_ANY,
      ngx_http_mlops_serve_at,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_predict"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_CONF_TAKE1,
      ngx_http_mlops_predict_at,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_set"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_mlops_set,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_limit"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_mlops_limit,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_features"),
      NGX_HTTP_LOC_CONF|NGX_CONF_1MORE,
      ngx_http_mlops_features_at,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("mlops_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_mlops_page_at,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_mlops_loc_conf_t, metrics),
      ngx_http_mlops_metrics_handler },

    { ngx_string("mlops_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_mlops_page_at,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_mlops_loc_conf_t, status),
      ngx_http_mlops_status_handler },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_mlops_module_ctx = {
    ngx_http_mlops_preconf,                /* preconfiguration */
    ngx_http_mlops_postconf,               /* postconfiguration */

    ngx_http_mlops_create_main_conf,       /* create main configuration */
    ngx_http_mlops_init_main_conf,         /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_mlops_create_loc_conf,        /* create location configuration */
    ngx_http_mlops_merge_loc_conf          /* merge location configuration */
};


ngx_module_t  ngx_http_mlops_module = {
    NGX_MODULE_V1,
    &ngx_http_mlops_module_ctx,            /* module context */
    ngx_http_mlops_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_mlops_init_module,            /* init module */
    ngx_http_mlops_init_process,           /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_mlops_exit_process,           /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_mlops_preconf(ngx_conf_t *cf)
{
    return ngx_http_mlops_variables_init(cf);
}


static ngx_int_t
ngx_http_mlops_postconf(ngx_conf_t *cf)
{
    ngx_http_mlops_main_conf_t  *mmcf;

    mmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_mlops_module);

    if (mmcf->plan.store.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_mlops_counters_zone(cf, mmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (mmcf->sets
        && ngx_http_mlops_phase(cf, NGX_HTTP_PRECONTENT_PHASE,
                                ngx_http_mlops_set_handler)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (mmcf->used && ngx_http_mlops_filter_init(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_test_config || ngx_process == NGX_PROCESS_SIGNALLER) {
        return NGX_OK;
    }

    return ngx_http_mlops_plan_write(cf, mmcf);
}


static ngx_int_t
ngx_http_mlops_phase(ngx_conf_t *cf, ngx_http_phases phase,
    ngx_http_handler_pt handler)
{
    ngx_http_handler_pt        *h;
    ngx_http_core_main_conf_t  *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[phase].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = handler;

    return NGX_OK;
}


static void *
ngx_http_mlops_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_mlops_main_conf_t  *mmcf;

    mmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_mlops_main_conf_t));
    if (mmcf == NULL) {
        return NULL;
    }

    mlops_arena_init(&mmcf->arena, ngx_http_mlops_palloc, cf->pool);
    mlops_plan_init(&mmcf->plan, &mmcf->arena);

    return mmcf;
}


static char *
ngx_http_mlops_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_mlops_main_conf_t *mmcf = conf;

    if (ngx_http_mlops_plan_finish(cf, mmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if ((mmcf->used || mmcf->sets) && mmcf->plan.store.len == 0) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%V\" needs a store: expected \"mlops_store path;\" "
                      "in the http block in %V:%ui", &mmcf->used_name,
                      &mmcf->used_file, mmcf->used_line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_mlops_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_mlops_loc_conf_t  *mlcf;

    mlcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_mlops_loc_conf_t));
    if (mlcf == NULL) {
        return NULL;
    }

    mlcf->limit_rows = NGX_CONF_UNSET_UINT;
    mlcf->limit_elements = NGX_CONF_UNSET_UINT;
    mlcf->limit_depth = NGX_CONF_UNSET_UINT;
    mlcf->limit_inputs = NGX_CONF_UNSET_UINT;

    return mlcf;
}


static char *
ngx_http_mlops_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_mlops_loc_conf_t *prev = parent;
    ngx_http_mlops_loc_conf_t *conf = child;

    mlops_limits_t  limits = MLOPS_LIMITS_DEFAULT;

    ngx_conf_merge_uint_value(conf->limit_rows, prev->limit_rows,
                              limits.rows);
    ngx_conf_merge_uint_value(conf->limit_elements, prev->limit_elements,
                              limits.elements);
    ngx_conf_merge_uint_value(conf->limit_depth, prev->limit_depth,
                              limits.depth);
    ngx_conf_merge_uint_value(conf->limit_inputs, prev->limit_inputs,
                              limits.inputs);

    if (conf->sets == NULL) {
        conf->sets = prev->sets;
    }

    return ngx_http_mlops_content_merge(cf, prev, conf);
}


/* Runs under -t as well, and then does nothing. */

static ngx_int_t
ngx_http_mlops_init_module(ngx_cycle_t *cycle)
{
    ngx_http_mlops_main_conf_t  *mmcf;

    if (ngx_test_config) {
        return NGX_OK;
    }

    mmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_mlops_module);

    if (mmcf != NULL && mmcf->plan.store.len != 0) {
        ngx_http_mlops_plan_commit(cycle, mmcf);
    }

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_http_mlops_counters_conf(mmcf);
        ngx_http_mlops_swap_conf(cycle, mmcf);
    }

    return NGX_OK;
}


/* The cache manager and loader come here too: they serve nothing. */

static ngx_int_t
ngx_http_mlops_init_process(ngx_cycle_t *cycle)
{
    ngx_http_mlops_main_conf_t  *mmcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_mlops_module);

    ngx_http_mlops_counters_init(mmcf);

    return ngx_http_mlops_swap_init(cycle, mmcf);
}


static void
ngx_http_mlops_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_mlops_swap_exit();
    ngx_http_mlops_counters_exit();
}


ngx_http_mlops_ctx_t *
ngx_http_mlops_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_mlops_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_mlops_module);

    if (ctx != NULL || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    /* a redirect has cleared the contexts; subrequests share the pool */

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_http_mlops_ctx_cleanup) {
            continue;
        }

        ctx = cln->data;

        if (ctx->request == r) {
            ngx_http_set_ctx(r, ctx, ngx_http_mlops_module);
            return ctx;
        }
    }

    return NULL;
}


ngx_http_mlops_ctx_t *
ngx_http_mlops_ctx_create(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_mlops_ctx_t  *ctx;

    ctx = ngx_http_mlops_ctx(r);
    if (ctx != NULL) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_mlops_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;

    ngx_memzero(ctx, sizeof(ngx_http_mlops_ctx_t));

    ctx->request = r;
    mlops_arena_init(&ctx->arena, ngx_http_mlops_palloc, r->pool);

    cln->handler = ngx_http_mlops_ctx_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_mlops_module);

    return ctx;
}


/*
 * The end of the request, which the pool holds still.  Counting is here and
 * not in the log phase, because that does not see subrequests: a model that
 * "mirror" tries on live traffic counts like any other.
 */

static void
ngx_http_mlops_ctx_cleanup(void *data)
{
    ngx_http_mlops_ctx_t *ctx = data;

    ngx_http_request_t  *r;

    if (ctx->asked) {
        r = ctx->request;
        ngx_http_mlops_count(ctx, r->err_status ? r->err_status
                                                : r->headers_out.status);
    }

    if (ctx->version != NULL) {
        ngx_http_mlops_unpin(ctx->version);
    }
}


/* The arena asks for blocks at 16 bytes; a pool keeps to 8. */

static void *
ngx_http_mlops_palloc(void *pool, size_t size)
{
    u_char  *p;

    if (size > NGX_MAX_SIZE_T_VALUE - 16) {
        return NULL;
    }

    p = ngx_palloc(pool, size + 8);
    if (p == NULL) {
        return NULL;
    }

    return ngx_align_ptr(p, 16);
}
