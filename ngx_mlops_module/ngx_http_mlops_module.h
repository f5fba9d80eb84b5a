/*
 * What the files of the module share.
 *
 * The module is glue: it moves bytes between nginx and core.  One file each:
 *
 *     _module     command table, configuration, process hooks
 *     _plan       collects the tokens of plan directives for core/plan
 *     _models     the worker's models: names, aliases, versions, pins
 *     _swap       notices the doorbell, loads images in slices
 *     _serve      mlops_serve: paths and methods
 *     _predict    one prediction: body, parse, evaluate, write
 *     _set        mlops_set: a score in the PRECONTENT phase
 *     _error      error answers, and the filter that turns nginx's own
 *     _variables  $mlops_model and others
 *     _counters   shared counters
 *     _metrics    mlops_metrics: the Prometheus page
 *     _status     mlops_status: the JSON page
 */

#ifndef NGX_HTTP_MLOPS_MODULE_H
#define NGX_HTTP_MLOPS_MODULE_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "mlops_base.h"
#include "mlops_row.h"
#include "mlops_request.h"
#include "mlops_model.h"
#include "mlops_store.h"
#include "mlops_plan.h"


typedef struct ngx_http_mlops_model_s  ngx_http_mlops_model_t;
typedef struct ngx_http_mlops_version_s  ngx_http_mlops_version_t;
typedef struct ngx_http_mlops_series_s  ngx_http_mlops_series_t;


typedef struct {
    mlops_plan_t                plan;
    mlops_arena_t               arena;      /* over the configuration pool */
    ngx_shm_zone_t             *zone;       /* counters */
    u_char                      plan_tmp[64];
                                            /* written, to be renamed */
    ngx_uint_t                  sets;       /* mlops_set is used */
    ngx_uint_t                  used;       /* any location of ours */
} ngx_http_mlops_main_conf_t;


typedef struct {
    ngx_flag_t                  serve;
    ngx_array_t                *names;      /* of ngx_str_t: mlops_serve's
                                               models, NULL for all */
    ngx_http_complex_value_t   *predict;    /* mlops_predict NAME[@ALIAS] */
    ngx_flag_t                  metrics;
    ngx_flag_t                  status;

    ngx_uint_t                  limit_rows; /* NGX_CONF_UNSET_UINT: inherit */
    ngx_uint_t                  limit_elements;
    ngx_uint_t                  limit_depth;
    ngx_uint_t                  limit_inputs;

    ngx_array_t                *sets;       /* ngx_http_mlops_set_t */
} ngx_http_mlops_loc_conf_t;


/* A version that this worker has mapped.  It lives as long as an alias
 * names it or a request pins it. */

struct ngx_http_mlops_version_s {
    ngx_http_mlops_version_t   *next;
    ngx_http_mlops_model_t     *owner;
    ngx_str_t                   name;       /* "3" */
    mlops_map_file_t            map;
    mlops_model_t              *model;
    ngx_uint_t                  pins;
    unsigned                    wanted:1;   /* an alias names it */
    time_t                      since;      /* serving in this worker */
    ngx_http_mlops_series_t    *series;     /* its counters */
};


typedef struct {
    ngx_str_t                   name;
    ngx_http_mlops_version_t   *version;    /* loaded, or NULL */
    u_char                      target[MLOPS_VERSION_LEN + 1];
                                            /* what the store says */
} ngx_http_mlops_alias_t;


/* Model entries are made once and stay for the worker's life, so pointers to
 * them may be kept; one without aliases is "unknown" to requests. */

struct ngx_http_mlops_model_s {
    ngx_http_mlops_model_t     *next;
    ngx_str_t                   name;
    ngx_uint_t                  aliases_n;
    ngx_http_mlops_alias_t     *aliases;
    ngx_http_mlops_version_t   *versions;
    const mlops_plan_model_t   *settings;   /* or NULL */
    u_char                      refused_version[MLOPS_VERSION_LEN + 1];
    u_char                      refused[MLOPS_ERR_SIZE];
                                            /* why the last image was */
};


/*
 * The state of one request.  It hangs on a pool cleanup beside r->ctx, so
 * that error_page's internal redirect and the log phase still find it.
 */

typedef struct {
    ngx_http_request_t         *request;
    ngx_str_t                   model_name; /* as asked */
    ngx_http_mlops_model_t     *model;
    ngx_http_mlops_version_t   *version;    /* pinned */
    mlops_arena_t               arena;      /* over r->pool */
    mlops_request_t             input;
    mlops_results_t             results;
    mlops_notice_t              notice;
    mlops_door_t                door;
    uint64_t                    start_ns;
    uint64_t                    latency_ns; /* 0 until answered */
    ngx_str_t                   status;     /* "ok", or why not */
    ngx_str_t                   error;      /* text for the body */
    unsigned                    mlflow:1;   /* speak MLflow's error object */
    unsigned                    csv:1;
    unsigned                    ours:1;     /* the error body is made */
} ngx_http_mlops_ctx_t;


extern ngx_module_t  ngx_http_mlops_module;


/* _module */

ngx_http_mlops_ctx_t *ngx_http_mlops_ctx(ngx_http_request_t *r);
                                            /* NULL: none yet */
ngx_http_mlops_ctx_t *ngx_http_mlops_ctx_create(ngx_http_request_t *r);

/* _plan */

char *ngx_http_mlops_plan_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_mlops_plan_write(ngx_conf_t *cf,
    ngx_http_mlops_main_conf_t *mmcf);
void ngx_http_mlops_plan_commit(ngx_cycle_t *cycle,
    ngx_http_mlops_main_conf_t *mmcf);

/* _models */

ngx_int_t ngx_http_mlops_models_init(ngx_cycle_t *cycle,
    ngx_http_mlops_main_conf_t *mmcf);      /* in a worker */
void ngx_http_mlops_models_exit(ngx_cycle_t *cycle);
ngx_http_mlops_model_t *ngx_http_mlops_models_first(void);
ngx_http_mlops_model_t *ngx_http_mlops_model_find(u_char *name, size_t len);
ngx_http_mlops_alias_t *ngx_http_mlops_model_alias(
    ngx_http_mlops_model_t *model, u_char *alias, size_t len);
ngx_http_mlops_version_t *ngx_http_mlops_model_version(
    ngx_http_mlops_model_t *model, u_char *version, size_t len);

/*
 * Finds what a request asks for and pins it for the life of r->pool.
 * selector is an alias or, with exact set, a version; empty: champion.
 * NGX_OK; NGX_HTTP_NOT_FOUND (unknown model, alias or version) or
 * NGX_HTTP_SERVICE_UNAVAILABLE (known, not loaded yet) with ctx->error set.
 */
ngx_int_t ngx_http_mlops_pin(ngx_http_mlops_ctx_t *ctx, ngx_str_t *name,
    ngx_str_t *selector, ngx_uint_t exact);

/* One acquire-load; schedules a look where the bell has rung. */
void ngx_http_mlops_swap_check(void);
ngx_int_t ngx_http_mlops_swap_init(ngx_cycle_t *cycle,
    ngx_http_mlops_main_conf_t *mmcf);
void ngx_http_mlops_swap_exit(void);

/* _serve, _predict, _set, _metrics, _status: content handlers */

ngx_int_t ngx_http_mlops_serve_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mlops_predict_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mlops_metrics_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mlops_status_handler(ngx_http_request_t *r);

/* Reads the body and answers; ctx->version is pinned, ctx->door set. */
ngx_int_t ngx_http_mlops_predict(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);

char *ngx_http_mlops_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_mlops_set_handler(ngx_http_request_t *r);

/* _error */

/* Sends {"error":"…"} (or the dialect's own object) with this status and
 * keeps the connection; the body of the request has to be read already. */
ngx_int_t ngx_http_mlops_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...);
ngx_int_t ngx_http_mlops_send_json(ngx_http_request_t *r, ngx_uint_t status,
    u_char *data, size_t len);
ngx_int_t ngx_http_mlops_filter_init(ngx_conf_t *cf);

/* _variables */

ngx_int_t ngx_http_mlops_variables_init(ngx_conf_t *cf);

/* _counters */

ngx_int_t ngx_http_mlops_counters_zone(ngx_conf_t *cf,
    ngx_http_mlops_main_conf_t *mmcf);
/* Counters of (model, version), shared by all workers; NULL version or no
 * room: the model's or the common "_other" series. */
ngx_http_mlops_series_t *ngx_http_mlops_series_get(ngx_str_t *model,
    ngx_str_t *version);
void ngx_http_mlops_series_release(ngx_http_mlops_series_t *series);
/* One answered request: status class by code, latency, rows, remarks. */
void ngx_http_mlops_count(ngx_http_mlops_ctx_t *ctx, ngx_uint_t status);
/* Swaps and refusals of this worker. */
void ngx_http_mlops_count_swap(ngx_http_mlops_model_t *model, ngx_uint_t ok);


#endif /* NGX_HTTP_MLOPS_MODULE_H */
