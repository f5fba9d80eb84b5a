/*
 * Feature tables meet the rows of a request.
 *
 * What a join does is in core; here a version gets its joins resolved, once,
 * and a request brings what only nginx has: the values of variables, the
 * time, the tables of this worker.
 */

#include "ngx_http_mlops_views.h"


/* Of a version.  The memory is the arena's. */

struct ngx_http_mlops_join_s {
    mlops_arena_t               arena;
    mlops_joined_t             *joined;
    const mlops_plan_model_t   *settings;
    ngx_http_complex_value_t  **keys;       /* by join: of a variable, or
                                               NULL */
    mlops_str_t                *values;     /* by join: of the request at
                                               hand */
    ngx_http_mlops_view_t     **views;      /* by join */
    mlops_tables_t            **tables;     /* by join */
};


static ngx_int_t ngx_http_mlops_join_make(ngx_http_mlops_join_t *join,
    ngx_http_mlops_version_t *version, mlops_err_t *err);
static ngx_int_t ngx_http_mlops_join_values(ngx_http_request_t *r,
    ngx_http_mlops_join_t *join, uint32_t signature);


ngx_int_t
ngx_http_mlops_join_conf(ngx_conf_t *cf, ngx_http_mlops_main_conf_t *mmcf)
{
    uint32_t                            i, j;
    ngx_str_t                           text;
    mlops_plan_t                       *plan;
    mlops_plan_join_t                  *join;
    ngx_http_complex_value_t         ***models, *value;
    ngx_http_compile_complex_value_t    ccv;

    plan = &mmcf->plan;

    models = ngx_pcalloc(cf->pool, (plan->models_n + 1) * sizeof(*models));
    if (models == NULL) {
        return NGX_ERROR;
    }

    mmcf->join_keys = models;

    for (i = 0; i < plan->models_n; i++) {

        if (plan->models[i].joins_n == 0) {
            continue;
        }

        models[i] = ngx_pcalloc(cf->pool, plan->models[i].joins_n
                                          * sizeof(**models));
        if (models[i] == NULL) {
            return NGX_ERROR;
        }

        for (j = 0; j < plan->models[i].joins_n; j++) {
            join = &plan->models[i].joins[j];

            if (join->source != MLOPS_KEY_VARIABLE) {
                continue;
            }

            value = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
            if (value == NULL) {
                return NGX_ERROR;
            }

            text.data = (u_char *) join->key.data;
            text.len = join->key.len;

            ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

            ccv.cf = cf;
            ccv.value = &text;
            ccv.complex_value = value;

            if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
                ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                              "invalid \"key=%V\" of \"join\" in %*s:%uD",
                              &text, join->node->file.len,
                              join->node->file.data, join->node->line);
                return NGX_ERROR;
            }

            models[i][j] = value;
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_mlops_join_create(ngx_http_mlops_version_t *version, ngx_log_t *log)
{
    uint32_t                    i;
    const char                 *note;
    mlops_err_t                 err;
    mlops_arena_t               arena;
    ngx_http_mlops_join_t      *join;
    const mlops_plan_model_t   *settings;

    settings = version->owner->settings;

    if (version->join != NULL || settings == NULL || settings->joins_n == 0) {
        return NGX_OK;
    }

    mlops_arena_init(&arena, NULL, NULL);

    join = mlops_arena_calloc(&arena, 1, sizeof(ngx_http_mlops_join_t));

    if (join == NULL) {
        (void) mlops_err_set(&err, "out of memory");
        goto failed;
    }

    join->arena = arena;

    if (ngx_http_mlops_join_make(join, version, &err) != NGX_OK) {
        arena = join->arena;
        goto failed;
    }

    version->join = join;

    for (i = 0; i < settings->joins_n; i++) {
        note = mlops_joined_note(join->joined, i);

        if (note != NULL) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "mlops: version %V of model \"%V\": the join of "
                          "view \"%*s\" %s", &version->name,
                          &version->owner->name,
                          settings->joins[i].view_name.len,
                          settings->joins[i].view_name.data, note);
        }
    }

    return NGX_OK;

failed:

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "mlops: version %V of model \"%V\": joins: %s",
                  &version->name, &version->owner->name, err.text);

    mlops_arena_destroy(&arena);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_mlops_join_make(ngx_http_mlops_join_t *join,
    ngx_http_mlops_version_t *version, mlops_err_t *err)
{
    uint32_t                     i, n;
    const mlops_plan_model_t    *settings;
    ngx_http_mlops_main_conf_t  *mmcf;

    mmcf = ngx_http_mlops_models_conf();
    settings = version->owner->settings;
    n = settings->joins_n;

    join->settings = settings;
    join->keys = mmcf->join_keys[settings - mmcf->plan.models];
    join->values = mlops_arena_calloc(&join->arena, n, sizeof(mlops_str_t));
    join->views = mlops_arena_calloc(&join->arena, n, sizeof(void *));
    join->tables = mlops_arena_calloc(&join->arena, n, sizeof(void *));

    if (join->values == NULL || join->views == NULL || join->tables == NULL)
    {
        (void) mlops_err_set(err, "out of memory");
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        join->views[i] = ngx_http_mlops_view(settings->joins[i].view);

        if (join->views[i] == NULL) {
            (void) mlops_err_set(err, "view \"%.*s\" could not be set up",
                                 mlops_fmt(&settings->joins[i].view_name));
            return NGX_ERROR;
        }

        join->tables[i] = &join->views[i]->tables;
    }

    join->joined = mlops_joined_create(mlops_model_interface(version->model),
                                       settings->joins, n, &join->arena, err);

    return (join->joined != NULL) ? NGX_OK : NGX_ERROR;
}


void
ngx_http_mlops_join_destroy(ngx_http_mlops_version_t *version)
{
    mlops_arena_t  arena;

    if (version->join != NULL) {
        arena = version->join->arena;
        version->join = NULL;
        mlops_arena_destroy(&arena);
    }
}


const mlops_interface_t *
ngx_http_mlops_join_face(ngx_http_mlops_version_t *version,
    ngx_log_t *log)
{
    const mlops_plan_model_t  *settings;

    settings = version->owner->settings;

    if (settings == NULL || settings->joins_n == 0) {
        return mlops_model_interface(version->model);
    }

    if (ngx_http_mlops_join_create(version, log) != NGX_OK) {
        return NULL;
    }

    return mlops_joined_interface(version->join->joined);
}


ngx_int_t
ngx_http_mlops_join(ngx_http_request_t *r, ngx_http_mlops_version_t *version,
    mlops_request_t *input, size_t len, mlops_join_notice_t *notice,
    mlops_arena_t *arena, mlops_err_t *err)
{
    int                       rc;
    uint32_t                  i;
    mlops_join_call_t         call;
    ngx_http_mlops_join_t    *join;
    const mlops_interface_t  *face;

    ngx_memzero(notice, sizeof(mlops_join_notice_t));

    join = version->join;

    if (join == NULL) {
        return NGX_OK;
    }

    face = mlops_joined_interface(join->joined);

    call.joined = join->joined;
    call.signature = input->signature - face->signatures;
    call.rows = &input->rows;
    call.text_len = len;
    call.values = join->values;
    call.tables = join->tables;
    call.now_us = ngx_http_mlops_now_us();
    call.notice = notice;
    call.arena = arena;
    call.err = err;

    if (ngx_http_mlops_join_values(r, join, call.signature) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = mlops_join_rows(&call);

    for (i = 0; i < join->settings->joins_n; i++) {
        ngx_http_mlops_view_count(join->views[i]);
    }

    if (rc != MLOPS_OK) {
        input->field = call.field;
        return NGX_DECLINED;
    }

    input->signature = &mlops_model_interface(version->model)
                            ->signatures[call.signature];

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_join_values(ngx_http_request_t *r, ngx_http_mlops_join_t *join,
    uint32_t signature)
{
    uint32_t   i;
    ngx_str_t  value;

    for (i = 0; i < join->settings->joins_n; i++) {

        if (join->keys[i] == NULL
            || !mlops_joined_variable(join->joined, signature, i))
        {
            continue;
        }

        if (ngx_http_complex_value(r, join->keys[i], &value) != NGX_OK) {
            return NGX_ERROR;
        }

        join->values[i].data = (char *) value.data;
        join->values[i].len = value.len;
    }

    return NGX_OK;
}
