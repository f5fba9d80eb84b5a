/*
 * What the files of the module share.
 *
 * The module is glue: it moves bytes between nginx and core.  One file each:
 *
 *     _module     command table, configuration, process hooks
 *     _plan       collects the tokens of plan directives for core/plan
 *     _content    directives that give a location its content
 *     _models     the worker's models: names, aliases, versions, pins
 *     _look       reads names and links of the store
 *     _swap       notices the doorbell, loads images in slices
 *     _serve      mlops_serve: paths and methods
 *     _views      the worker's feature tables
 *     _join       feature tables meet the rows of a request
 *     _features   mlops_features: rows of feature tables as JSON
 *     _body       the body of a request, in one piece
 *     _predict    one prediction: parse, join, evaluate, write
 *     _set        mlops_set: a score in the PRECONTENT phase
 *     _error      error answers, and the filter that turns nginx's own
 *     _variables  $mlops_model and others
 *     _pages      health, metadata and lists below mlops_serve
 *     _text       text that grows in a pool, for the pages
 *     _counters   shared counters
 *     _metrics    mlops_metrics: the Prometheus page
 *     _families   samples by family, ours and the sidecars'
 *     _rooms      the pages that sidecars leave in the store
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
#include "mlops_join.h"


typedef struct ngx_http_mlops_model_s  ngx_http_mlops_model_t;
typedef struct ngx_http_mlops_version_s  ngx_http_mlops_version_t;
typedef struct ngx_http_mlops_series_s  ngx_http_mlops_series_t;
typedef struct ngx_http_mlops_view_series_s  ngx_http_mlops_view_series_t;
typedef struct ngx_http_mlops_join_s  ngx_http_mlops_join_t;


typedef struct {
    mlops_plan_t                plan;
    mlops_arena_t               arena;      /* over the configuration pool */
    ngx_shm_zone_t             *zone;       /* counters */
    u_char                      plan_tmp[64];
                                            /* written, to be renamed */
    uid_t                       uid;        /* owner of models and features:
                                               the sidecars' account */
    gid_t                       gid;
    ngx_uint_t                  sets;       /* mlops_set is used */
    ngx_uint_t                  used;       /* any location of ours */
    ngx_str_t                   used_name;  /* by the directive used_name */
    ngx_str_t                   used_file;  /* in used_file:used_line */
    ngx_uint_t                  used_line;

    ngx_http_complex_value_t ***join_keys;  /* by model of the plan, by join:
                                               key=$variable, or NULL */

    time_t                      sync_time;  /* the master's cold start from */
    mlops_err_t                 sync_error; /* the registry; text is "" where
                                               it went well */
} ngx_http_mlops_main_conf_t;


typedef struct {
    ngx_flag_t                  serve;
    ngx_array_t                *names;      /* of ngx_str_t: mlops_serve's
                                               models, NULL for all */
    ngx_str_t                   prefix;     /* of mlops_serve's paths */
    ngx_http_complex_value_t   *predict;    /* mlops_predict NAME[@ALIAS] */
    ngx_flag_t                  metrics;
    ngx_flag_t                  status;
    ngx_array_t                *features;   /* of ngx_str_t: mlops_features'
                                               views */
    const mlops_plan_view_t   **views;      /* the same, in the plan */

    ngx_uint_t                  limit_rows; /* NGX_CONF_UNSET_UINT: inherit */
    ngx_uint_t                  limit_elements;
    ngx_uint_t                  limit_depth;
    ngx_uint_t                  limit_inputs;

    ngx_array_t                *sets;       /* ngx_http_mlops_set_t */

    ngx_str_t                   content;    /* the directive that gives this
                                               location its content */
    ngx_str_t                   file;       /* in file:line */
    ngx_uint_t                  line;
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
    unsigned                    stale:1;    /* from a store that is gone */
    time_t                      since;      /* serving in this worker */
    ngx_http_mlops_series_t    *series;     /* its counters; taken when first
                                               needed */
    ngx_http_mlops_join_t      *join;       /* of its model's block; made when
                                               needed, NULL where it has
                                               none */
};


typedef struct {
    ngx_str_t                   name;
    ngx_http_mlops_version_t   *version;    /* loaded, or NULL */
    u_char                      target[MLOPS_VERSION_LEN + 1];
                                            /* what the store says */
    u_char                      refused[MLOPS_VERSION_LEN + 1];
                                            /* the target that was refused */
    ino_t                       refused_ino;
    struct timespec             refused_ctime;
    unsigned                    seen:1;     /* in the look under way */
    unsigned                    absent:1;   /* its file was not there: the
                                               link may have moved */
    unsigned                    kept:1;     /* known from a store that is
                                               gone, not in this one yet */
} ngx_http_mlops_alias_t;


/* When a directory was changed, as of its last reading. */

typedef struct {
    ino_t                       ino;        /* 0: to be read anew */
    struct timespec             ctime;
} ngx_http_mlops_stamp_t;


/* Model entries are made once and stay for the worker's life, so pointers to
 * them may be kept; one without aliases is "unknown" to requests. */

struct ngx_http_mlops_model_s {
    ngx_http_mlops_model_t     *next;
    ngx_http_mlops_model_t     *hash_next;
    ngx_str_t                   name;
    ngx_uint_t                  aliases_n;
    ngx_http_mlops_alias_t     *aliases;
    ngx_http_mlops_version_t   *versions;
    const mlops_plan_model_t   *settings;   /* or NULL */
    ngx_http_mlops_stamp_t      stamp;      /* of its directory */
    ngx_http_mlops_series_t    *series;     /* of requests that no version
                                               answered; made when needed */
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
    mlops_join_notice_t         joined;
    mlops_door_t                door;
    uint64_t                    start_ns;
    uint64_t                    latency_ns; /* 0 until answered */
    ngx_str_t                   status;     /* "ok", or why not */
    ngx_str_t                   error;      /* text for the body */
    ngx_str_t                   allow;      /* methods, to go with a 405 */
    ngx_str_t                   replacement;
                                            /* of a page made by nginx */
    unsigned                    began:1;    /* a content handler of ours had
                                               it */
    unsigned                    asked:1;    /* for a prediction: counted */
    unsigned                    retry:1;    /* worth it after a 503 */
    unsigned                    mlflow:1;   /* speak MLflow's error object */
    unsigned                    csv:1;
    unsigned                    ours:1;     /* this answer's body is ours */
    unsigned                    replaced:1; /* replacement has been sent */
} ngx_http_mlops_ctx_t;


extern ngx_module_t  ngx_http_mlops_module;


/* Is the content of this location ours? */
#define ngx_http_mlops_ours(mlcf)                                             \
    ((mlcf)->serve || (mlcf)->predict != NULL || (mlcf)->metrics              \
     || (mlcf)->status || (mlcf)->features != NULL)


/* _module */

ngx_http_mlops_ctx_t *ngx_http_mlops_ctx(ngx_http_request_t *r);
                                            /* NULL: none yet */
ngx_http_mlops_ctx_t *ngx_http_mlops_ctx_create(ngx_http_request_t *r);

/* _plan */

char *ngx_http_mlops_plan_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_mlops_plan_finish(ngx_conf_t *cf,
    ngx_http_mlops_main_conf_t *mmcf);
/* Makes the store and writes the plan beside its place. */
ngx_int_t ngx_http_mlops_plan_write(ngx_conf_t *cf,
    ngx_http_mlops_main_conf_t *mmcf);
/* Gives the plan its name, and the store the images it lacks.  Failures are
 * logged and kept in mmcf->sync_error. */
void ngx_http_mlops_plan_commit(ngx_cycle_t *cycle,
    ngx_http_mlops_main_conf_t *mmcf);

/* _models: this worker's */

void ngx_http_mlops_models_init(ngx_http_mlops_main_conf_t *mmcf);
void ngx_http_mlops_models_exit(void);
/* The configuration whose blocks model->settings are. */
ngx_http_mlops_main_conf_t *ngx_http_mlops_models_conf(void);
ngx_http_mlops_model_t *ngx_http_mlops_models_first(void);
ngx_http_mlops_model_t *ngx_http_mlops_model_find(u_char *name, size_t len);
ngx_http_mlops_alias_t *ngx_http_mlops_model_alias(
    ngx_http_mlops_model_t *model, u_char *alias, size_t len);
/* Only versions that an alias names. */
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
void ngx_http_mlops_unpin(ngx_http_mlops_version_t *version);
/* Its two halves.  Choosing uses ctx for its request and error, and sets
 * ctx->model; without a pin *version is good until the next event.  Holding
 * pins, and lets go of no version that was held before; NULL holds none. */
ngx_int_t ngx_http_mlops_choose(ngx_http_mlops_ctx_t *ctx, ngx_str_t *name,
    ngx_str_t *selector, ngx_uint_t exact,
    ngx_http_mlops_version_t **version);
ngx_int_t ngx_http_mlops_hold(ngx_http_mlops_ctx_t *ctx,
    ngx_http_mlops_version_t *version);

/* For _look.  NULL: memory. */
ngx_http_mlops_model_t *ngx_http_mlops_model_add(const char *name,
    size_t len);
ngx_http_mlops_alias_t *ngx_http_mlops_alias_add(
    ngx_http_mlops_model_t *model, const char *name);
/* Is its target not what it serves? */
ngx_uint_t ngx_http_mlops_alias_pending(ngx_http_mlops_alias_t *alias);
/* The alias serves this version from now on. */
void ngx_http_mlops_alias_move(ngx_http_mlops_model_t *model,
    ngx_http_mlops_alias_t *alias, ngx_http_mlops_version_t *version,
    ngx_log_t *log);
/* Frees what no alias and no request needs. */
void ngx_http_mlops_model_sweep(ngx_http_mlops_model_t *model);
/* The store is gone and another one is in its place: what is mapped goes on
 * serving until the new store has a word on it. */
void ngx_http_mlops_models_orphan(void);
/* The next alias whose target is not mapped, in turn after model; or NULL. */
ngx_http_mlops_alias_t *ngx_http_mlops_models_pending(
    ngx_http_mlops_model_t *after, ngx_http_mlops_model_t **model);
/* May a load of this version still be of use? */
ngx_uint_t ngx_http_mlops_model_wants(ngx_http_mlops_model_t *model,
    u_char *version);
/* Takes over a mapping with its model; the aliases that name it move. */
ngx_int_t ngx_http_mlops_model_install(ngx_http_mlops_model_t *model,
    u_char *version, mlops_map_file_t *map, mlops_model_t *image,
    ngx_log_t *log);
/* The version stays away from its aliases until its file changes. */
void ngx_http_mlops_model_refuse(ngx_http_mlops_model_t *model,
    u_char *version, struct stat *st, mlops_err_t *err, ngx_log_t *log);

/* _look */

/* Reads the names of the store where they have changed. */
void ngx_http_mlops_look_begin(mlops_store_t *store, ngx_log_t *log);
/* Reads the links of the next models that have changed, moves the aliases
 * whose version is mapped already and frees what nobody wants.  A budget of
 * 128 is about half a millisecond.  NGX_AGAIN: there are more models. */
ngx_int_t ngx_http_mlops_look_go_on(mlops_store_t *store, ngx_uint_t budget,
    ngx_log_t *log);
/* Ends the look under way; the next one reads everything. */
void ngx_http_mlops_look_forget(void);

/* _swap */

/* One acquire-load; schedules a look where the bell has rung. */
void ngx_http_mlops_swap_check(void);
/* In a worker, where mmcf has a store: opens it, maps all aliases, starts the
 * timer. */
ngx_int_t ngx_http_mlops_swap_init(ngx_cycle_t *cycle,
    ngx_http_mlops_main_conf_t *mmcf);
/* A new configuration in the same process (master_process off). */
void ngx_http_mlops_swap_conf(ngx_cycle_t *cycle,
    ngx_http_mlops_main_conf_t *mmcf);
void ngx_http_mlops_swap_exit(void);
/* Unmaps, an image or a table that is large in slices. */
void ngx_http_mlops_swap_unmap(mlops_map_file_t *map);
/* The worker's store, or NULL where it could not be opened. */
const mlops_store_t *ngx_http_mlops_store(void);

/* _views: this worker's; ngx_http_mlops_views.h has what readers need */

void ngx_http_mlops_views_init(ngx_http_mlops_main_conf_t *mmcf,
    ngx_log_t *log);
void ngx_http_mlops_views_exit(void);
/* A store was opened, or (NULL) closed. */
void ngx_http_mlops_views_store(const mlops_store_t *store, ngx_log_t *log);
/* Looks for tables that have come or were replaced. */
void ngx_http_mlops_views_look(ngx_log_t *log);

/* _join */

/* The joins of a model that have key=$variable are compiled. */
ngx_int_t ngx_http_mlops_join_conf(ngx_conf_t *cf,
    ngx_http_mlops_main_conf_t *mmcf);
/* Resolves the joins of the version's model, if it has some. */
ngx_int_t ngx_http_mlops_join_create(ngx_http_mlops_version_t *version,
    ngx_log_t *log);
void ngx_http_mlops_join_destroy(ngx_http_mlops_version_t *version);
/* How requests call the version: with the keys of its joins.  NULL: memory. */
const mlops_interface_t *ngx_http_mlops_join_face(
    ngx_http_mlops_version_t *version, ngx_log_t *log);
/*
 * Fills the rows of a request that was read with that interface, and makes
 * its signature the model's own.  len is that of the text that it was read
 * from.  NGX_OK; NGX_DECLINED: the client's fault, with err; NGX_ERROR.
 */
ngx_int_t ngx_http_mlops_join(ngx_http_request_t *r,
    ngx_http_mlops_version_t *version, mlops_request_t *input, size_t len,
    mlops_join_notice_t *notice, mlops_arena_t *arena, mlops_err_t *err);

/* _body */

/* 415 where the body is compressed. */
ngx_int_t ngx_http_mlops_body_plain(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);
/* Everything nginx has of the body. */
ngx_int_t ngx_http_mlops_body(ngx_http_request_t *r, ngx_str_t *body);

/* _serve, _predict, _set, _features, _metrics, _status: content handlers */

ngx_int_t ngx_http_mlops_serve_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mlops_predict_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mlops_features_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mlops_metrics_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_mlops_status_handler(ngx_http_request_t *r);

/* Reads the body and answers; ctx->version is pinned, ctx->door set. */
ngx_int_t ngx_http_mlops_predict(ngx_http_request_t *r,
    ngx_http_mlops_ctx_t *ctx);

/* _content: setters of directives */

char *ngx_http_mlops_serve_at(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_mlops_predict_at(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_mlops_features_at(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_mlops_page_at(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_mlops_limit(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
/* Hands our content to "if" and limit_except blocks, and refuses a location
 * with two owners. */
char *ngx_http_mlops_content_merge(ngx_conf_t *cf,
    ngx_http_mlops_loc_conf_t *prev, ngx_http_mlops_loc_conf_t *conf);
/* Remembers the first directive that cannot do without a store. */
void ngx_http_mlops_use(ngx_conf_t *cf);

char *ngx_http_mlops_set(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_int_t ngx_http_mlops_set_handler(ngx_http_request_t *r);

/* _error */

/* The context for a content handler: what an earlier one said, before
 * error_page led here, is forgotten.  NULL: memory. */
ngx_http_mlops_ctx_t *ngx_http_mlops_begin(ngx_http_request_t *r);
/* What ngx_http_mlops_pin refused: rc, with the status word and Retry-After
 * that go with it. */
ngx_int_t ngx_http_mlops_absent(ngx_http_mlops_ctx_t *ctx, ngx_int_t rc);
/* 405 and the header that goes with it; methods stays with the caller. */
ngx_int_t ngx_http_mlops_not_allowed(ngx_http_request_t *r,
    ngx_str_t *methods);
ngx_int_t ngx_http_mlops_header(ngx_http_request_t *r, ngx_str_t *key,
    ngx_str_t *value);
/* Is the last segment of the URI this word? */
ngx_uint_t ngx_http_mlops_last_segment(ngx_http_request_t *r,
    const char *word, size_t len);
/* Sends {"error":"…"} (or the dialect's own object) with this status and
 * keeps the connection; the body of the request has to be read already. */
ngx_int_t ngx_http_mlops_send_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *fmt, ...);
ngx_int_t ngx_http_mlops_send_json(ngx_http_request_t *r, ngx_uint_t status,
    u_char *data, size_t len);
ngx_int_t ngx_http_mlops_send_text(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, u_char *data, size_t len);
ngx_int_t ngx_http_mlops_filter_init(ngx_conf_t *cf);

/* _variables */

ngx_int_t ngx_http_mlops_variables_init(ngx_conf_t *cf);

/* _counters; ngx_http_mlops_counters.h has what the pages need */

ngx_int_t ngx_http_mlops_counters_zone(ngx_conf_t *cf,
    ngx_http_mlops_main_conf_t *mmcf);
/* In a worker, before and after all others of these. */
void ngx_http_mlops_counters_init(ngx_http_mlops_main_conf_t *mmcf);
/* A new configuration in the same process (master_process off); nothing
 * where no worker has begun. */
void ngx_http_mlops_counters_conf(ngx_http_mlops_main_conf_t *mmcf);
void ngx_http_mlops_counters_exit(void);
/* Counters of (model, version), shared by all workers; version NULL: what no
 * version answered.  NULL where there is no room at all. */
ngx_http_mlops_series_t *ngx_http_mlops_series_get(ngx_str_t *model,
    ngx_str_t *version);
void ngx_http_mlops_series_release(ngx_http_mlops_series_t *series);
/* One finished request or subrequest that asked for a prediction. */
void ngx_http_mlops_count(ngx_http_mlops_ctx_t *ctx, ngx_uint_t status);
/* One evaluation by mlops_set; what is not known is NULL.  ok: the notices
 * say what there is to say of its row. */
void ngx_http_mlops_count_set(ngx_http_mlops_model_t *model,
    ngx_http_mlops_version_t *version, const mlops_notice_t *notice,
    const mlops_join_notice_t *joined, ngx_uint_t ok);
/* A version of this worker has taken over (ok) or was refused. */
void ngx_http_mlops_count_swap(ngx_http_mlops_model_t *model, ngx_uint_t ok);
/* Counters of a view; NULL where there is no zone. */
ngx_http_mlops_view_series_t *ngx_http_mlops_view_series(ngx_str_t *name);
/* n lookups that ended in this mlops_status_t. */
void ngx_http_mlops_count_lookups(ngx_http_mlops_view_series_t *series,
    ngx_uint_t status, ngx_uint_t n);
void ngx_http_mlops_count_reopened(ngx_http_mlops_view_series_t *series);


#endif /* NGX_HTTP_MLOPS_MODULE_H */
