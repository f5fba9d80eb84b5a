/*
 * The worker's models: names, aliases, versions, pins.
 *
 * A look (_look) reads the links of the store into aliases' targets.  A
 * target that is mapped already is served at once; others are pending until
 * _swap has loaded them.  A version lives as long as an alias names it or a
 * request pins it; then it is unmapped.
 *
 *     wanted = 1             an alias serves it
 *     wanted = 0, pins > 0   its last requests are running
 *     wanted = 0, pins = 0   gone
 *
 * All of this is one process and one thread: no locks.
 */

#include "ngx_http_mlops_module.h"


#define NGX_HTTP_MLOPS_BUCKETS  256


static ngx_uint_t ngx_http_mlops_alias_wants(ngx_http_mlops_alias_t *alias,
    u_char *version);
static void ngx_http_mlops_version_free(ngx_http_mlops_version_t *version);
static void ngx_http_mlops_unpin_handler(void *data);
static ngx_int_t ngx_http_mlops_pin_error(ngx_http_mlops_ctx_t *ctx,
    ngx_int_t rc, const char *fmt, ...);


static ngx_http_mlops_main_conf_t  *ngx_http_mlops_conf;
static ngx_http_mlops_model_t      *ngx_http_mlops_models;
static ngx_http_mlops_model_t     **ngx_http_mlops_models_last;
static ngx_http_mlops_model_t
                             *ngx_http_mlops_table[NGX_HTTP_MLOPS_BUCKETS];

static ngx_str_t  ngx_http_mlops_champion = ngx_string("champion");


/* Also called with a new configuration (master_process off). */

void
ngx_http_mlops_models_init(ngx_http_mlops_main_conf_t *mmcf)
{
    ngx_http_mlops_model_t    *model;
    ngx_http_mlops_version_t  *version;

    ngx_http_mlops_conf = mmcf;

    if (ngx_http_mlops_models_last == NULL) {
        ngx_http_mlops_models_last = &ngx_http_mlops_models;
    }

    for (model = ngx_http_mlops_models; model; model = model->next) {
        model->settings = mlops_plan_model(&mmcf->plan,
                                           (char *) model->name.data,
                                           model->name.len);

        for (version = model->versions; version; version = version->next) {
            ngx_http_mlops_join_destroy(version);
        }
    }
}


ngx_http_mlops_main_conf_t *
ngx_http_mlops_models_conf(void)
{
    return ngx_http_mlops_conf;
}


void
ngx_http_mlops_models_exit(void)
{
    ngx_uint_t               i;
    ngx_http_mlops_model_t  *model;

    ngx_http_mlops_look_forget();

    while ((model = ngx_http_mlops_models) != NULL) {
        ngx_http_mlops_models = model->next;

        for (i = 0; i < model->aliases_n; i++) {
            ngx_free(model->aliases[i].name.data);
        }

        /* requests that were cut off by a fast shutdown pin versions still,
         * and their pools are never destroyed */

        while (model->versions != NULL) {
            ngx_http_mlops_version_free(model->versions);
        }

        if (model->aliases != NULL) {
            ngx_free(model->aliases);
        }

        ngx_free(model);
    }

    ngx_http_mlops_models_last = NULL;
    ngx_memzero(ngx_http_mlops_table, sizeof(ngx_http_mlops_table));
}


ngx_http_mlops_model_t *
ngx_http_mlops_models_first(void)
{
    return ngx_http_mlops_models;
}


ngx_http_mlops_model_t *
ngx_http_mlops_model_find(u_char *name, size_t len)
{
    ngx_uint_t               key;
    ngx_http_mlops_model_t  *model;

    key = ngx_hash_key(name, len) % NGX_HTTP_MLOPS_BUCKETS;

    for (model = ngx_http_mlops_table[key]; model; model = model->hash_next) {
        if (model->name.len == len
            && ngx_memcmp(model->name.data, name, len) == 0)
        {
            return model;
        }
    }

    return NULL;
}


ngx_http_mlops_alias_t *
ngx_http_mlops_model_alias(ngx_http_mlops_model_t *model, u_char *alias,
    size_t len)
{
    ngx_uint_t               i;
    ngx_http_mlops_alias_t  *a;

    for (i = 0; i < model->aliases_n; i++) {
        a = &model->aliases[i];

        if (a->name.len == len && ngx_memcmp(a->name.data, alias, len) == 0) {
            return a;
        }
    }

    return NULL;
}


ngx_http_mlops_version_t *
ngx_http_mlops_model_version(ngx_http_mlops_model_t *model, u_char *version,
    size_t len)
{
    ngx_http_mlops_version_t  *v;

    for (v = model->versions; v; v = v->next) {
        if (v->wanted && v->name.len == len
            && ngx_memcmp(v->name.data, version, len) == 0)
        {
            return v;
        }
    }

    return NULL;
}


ngx_http_mlops_model_t *
ngx_http_mlops_model_add(const char *name, size_t len)
{
    ngx_uint_t               key;
    ngx_http_mlops_model_t  *model;

    model = ngx_calloc(sizeof(ngx_http_mlops_model_t) + len + 1,
                       ngx_cycle->log);
    if (model == NULL) {
        return NULL;
    }

    model->name.len = len;
    model->name.data = (u_char *) model + sizeof(ngx_http_mlops_model_t);
    ngx_memcpy(model->name.data, name, len);

    model->settings = mlops_plan_model(&ngx_http_mlops_conf->plan, name, len);

    key = ngx_hash_key(model->name.data, len) % NGX_HTTP_MLOPS_BUCKETS;
    model->hash_next = ngx_http_mlops_table[key];
    ngx_http_mlops_table[key] = model;

    *ngx_http_mlops_models_last = model;
    ngx_http_mlops_models_last = &model->next;

    return model;
}


ngx_http_mlops_alias_t *
ngx_http_mlops_alias_add(ngx_http_mlops_model_t *model, const char *name)
{
    size_t                   len;
    u_char                  *data;
    ngx_http_mlops_alias_t  *aliases, *alias;

    len = ngx_strlen(name);

    data = ngx_alloc(len + 1, ngx_cycle->log);
    if (data == NULL) {
        return NULL;
    }

    aliases = ngx_calloc((model->aliases_n + 1)
                         * sizeof(ngx_http_mlops_alias_t), ngx_cycle->log);
    if (aliases == NULL) {
        ngx_free(data);
        return NULL;
    }

    if (model->aliases != NULL) {
        ngx_memcpy(aliases, model->aliases,
                   model->aliases_n * sizeof(ngx_http_mlops_alias_t));
        ngx_free(model->aliases);
    }

    model->aliases = aliases;
    alias = &aliases[model->aliases_n++];

    (void) ngx_cpystrn(data, (u_char *) name, len + 1);
    alias->name.len = len;
    alias->name.data = data;

    return alias;
}


ngx_uint_t
ngx_http_mlops_alias_pending(ngx_http_mlops_alias_t *alias)
{
    if (alias->target[0] == '\0' || alias->kept) {
        return 0;
    }

    return alias->version == NULL || alias->version->stale
           || ngx_strcmp(alias->version->name.data, alias->target) != 0;
}


void
ngx_http_mlops_alias_move(ngx_http_mlops_model_t *model,
    ngx_http_mlops_alias_t *alias, ngx_http_mlops_version_t *version,
    ngx_log_t *log)
{
    ngx_log_error(NGX_LOG_INFO, log, 0,
                  "mlops: alias \"%V\" of model \"%V\" serves version %V",
                  &alias->name, &model->name, &version->name);

    if (alias->version != NULL) {
        ngx_http_mlops_count_swap(model, 1);
    }

    alias->version = version;
    alias->refused[0] = '\0';

    if (!version->wanted) {
        version->wanted = 1;
        version->since = ngx_time();
    }

    if (ngx_strcmp(model->refused_version, version->name.data) == 0) {
        model->refused_version[0] = '\0';
        model->refused[0] = '\0';
    }
}


/* Frees what no alias and no request needs. */

void
ngx_http_mlops_model_sweep(ngx_http_mlops_model_t *model)
{
    ngx_uint_t                 i;
    ngx_http_mlops_version_t  *version, *next;

    for (version = model->versions; version; version = version->next) {
        version->wanted = 0;
    }

    for (i = 0; i < model->aliases_n; i++) {
        if (model->aliases[i].version != NULL) {
            model->aliases[i].version->wanted = 1;
        }
    }

    for (version = model->versions; version; version = next) {
        next = version->next;

        if (!version->wanted && version->pins == 0) {
            ngx_http_mlops_version_free(version);
        }
    }
}


static void
ngx_http_mlops_version_free(ngx_http_mlops_version_t *version)
{
    ngx_http_mlops_version_t  **v;

    for (v = &version->owner->versions; *v != version; v = &(*v)->next) {
        /* void */
    }

    *v = version->next;

    if (version->series != NULL) {
        ngx_http_mlops_series_release(version->series);
    }

    ngx_http_mlops_join_destroy(version);
    mlops_model_destroy(version->model);
    ngx_http_mlops_swap_unmap(&version->map);
    ngx_free(version);
}


void
ngx_http_mlops_models_orphan(void)
{
    ngx_uint_t                 i;
    ngx_http_mlops_model_t    *model;
    ngx_http_mlops_version_t  *version;

    ngx_http_mlops_look_forget();

    for (model = ngx_http_mlops_models; model; model = model->next) {

        for (i = 0; i < model->aliases_n; i++) {
            model->aliases[i].kept = 1;
            model->aliases[i].refused[0] = '\0';
        }

        for (version = model->versions; version; version = version->next) {
            version->stale = 1;
        }
    }
}


ngx_http_mlops_alias_t *
ngx_http_mlops_models_pending(ngx_http_mlops_model_t *after,
    ngx_http_mlops_model_t **model)
{
    ngx_uint_t               i, round;
    ngx_http_mlops_alias_t  *alias;
    ngx_http_mlops_model_t  *m;

    m = (after != NULL) ? after->next : ngx_http_mlops_models;

    for (round = 0; round < 2; round++) {

        for (/* void */; m; m = m->next) {

            for (i = 0; i < m->aliases_n; i++) {
                alias = &m->aliases[i];

                if (alias->refused[0] == '\0' && !alias->absent
                    && ngx_http_mlops_alias_pending(alias))
                {
                    *model = m;
                    return alias;
                }
            }
        }

        m = ngx_http_mlops_models;
    }

    return NULL;
}


ngx_uint_t
ngx_http_mlops_model_wants(ngx_http_mlops_model_t *model, u_char *version)
{
    ngx_uint_t  i;

    for (i = 0; i < model->aliases_n; i++) {
        if (ngx_http_mlops_alias_wants(&model->aliases[i], version)) {
            return 1;
        }
    }

    return 0;
}


/*
 * A version that was superseded while it was loading is of use only where it
 * lies between what an alias serves and what it should serve: then a model
 * that is published faster than it loads still moves on, and a rollback
 * never brings back what was left behind.
 */

static ngx_uint_t
ngx_http_mlops_alias_wants(ngx_http_mlops_alias_t *alias, u_char *version)
{
    char  *v;

    if (!ngx_http_mlops_alias_pending(alias)) {
        return 0;
    }

    v = (char *) version;

    if (ngx_strcmp(alias->target, v) == 0) {
        return 1;
    }

    return alias->version != NULL && !alias->version->stale
           && mlops_version_cmp((char *) alias->version->name.data, v) < 0
           && mlops_version_cmp(v, (char *) alias->target) < 0;
}


ngx_int_t
ngx_http_mlops_model_install(ngx_http_mlops_model_t *model, u_char *version,
    mlops_map_file_t *map, mlops_model_t *image, ngx_log_t *log)
{
    size_t                     len;
    ngx_uint_t                 i;
    ngx_http_mlops_alias_t    *alias;
    ngx_http_mlops_version_t  *v;

    len = ngx_strlen(version);

    v = ngx_calloc(sizeof(ngx_http_mlops_version_t) + len + 1, log);
    if (v == NULL) {
        return NGX_ERROR;
    }

    v->owner = model;
    v->name.len = len;
    v->name.data = (u_char *) v + sizeof(ngx_http_mlops_version_t);
    ngx_memcpy(v->name.data, version, len);
    v->map = *map;
    v->model = image;

    v->next = model->versions;
    model->versions = v;

    /* where there is no memory now, the first request tries again */

    (void) ngx_http_mlops_join_create(v, log);

    for (i = 0; i < model->aliases_n; i++) {
        alias = &model->aliases[i];

        if (ngx_http_mlops_alias_wants(alias, version)) {
            ngx_http_mlops_alias_move(model, alias, v, log);
        }
    }

    ngx_http_mlops_model_sweep(model);

    return NGX_OK;
}


void
ngx_http_mlops_model_refuse(ngx_http_mlops_model_t *model, u_char *version,
    struct stat *st, mlops_err_t *err, ngx_log_t *log)
{
    ngx_uint_t               i;
    ngx_http_mlops_alias_t  *alias;

    for (i = 0; i < model->aliases_n; i++) {
        alias = &model->aliases[i];

        if (ngx_strcmp(alias->target, version) == 0) {
            (void) ngx_cpystrn(alias->refused, version,
                               sizeof(alias->refused));
            alias->refused_ino = st->st_ino;
            alias->refused_ctime = st->st_ctim;
        }
    }

    if (ngx_strcmp(model->refused_version, version) == 0
        && ngx_strcmp(model->refused, err->text) == 0)
    {
        return;
    }

    (void) ngx_cpystrn(model->refused_version, version,
                       sizeof(model->refused_version));
    (void) ngx_cpystrn(model->refused, (u_char *) err->text,
                       sizeof(model->refused));

    ngx_http_mlops_count_swap(model, 0);

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "mlops: version %s of model \"%V\" is refused: %s",
                  version, &model->name, err->text);
}


ngx_int_t
ngx_http_mlops_pin(ngx_http_mlops_ctx_t *ctx, ngx_str_t *name,
    ngx_str_t *selector, ngx_uint_t exact)
{
    ngx_int_t                  rc;
    ngx_http_mlops_version_t  *version;

    ctx->model_name = *name;

    if (ngx_http_mlops_hold(ctx, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_mlops_choose(ctx, name, selector, exact, &version);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_mlops_hold(ctx, version);
}


ngx_int_t
ngx_http_mlops_hold(ngx_http_mlops_ctx_t *ctx,
    ngx_http_mlops_version_t *version)
{
    ngx_pool_cleanup_t  *cln;

    /* a second one, after an internal redirect or mlops_set: the first stays
     * pinned, for what is in ctx may still point into it */

    if (ctx->version != NULL) {
        cln = ngx_pool_cleanup_add(ctx->request->pool, 0);
        if (cln == NULL) {
            return NGX_ERROR;
        }

        cln->handler = ngx_http_mlops_unpin_handler;
        cln->data = ctx->version;
    }

    ctx->version = version;
    ctx->model = NULL;

    if (version != NULL) {

        /* given back by the cleanup of ctx */

        version->pins++;
        ctx->model = version->owner;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_mlops_choose(ngx_http_mlops_ctx_t *ctx, ngx_str_t *name,
    ngx_str_t *selector, ngx_uint_t exact,
    ngx_http_mlops_version_t **version)
{
    ngx_uint_t               i;
    ngx_http_mlops_alias_t  *alias;
    ngx_http_mlops_model_t  *model;

    ngx_http_mlops_swap_check();

    model = ngx_http_mlops_model_find(name->data, name->len);

    if (model == NULL || model->aliases_n == 0) {
        return ngx_http_mlops_pin_error(ctx, NGX_HTTP_NOT_FOUND,
                                        "model \"%V\" is not known", name);
    }

    ctx->model = model;

    if (exact) {
        *version = ngx_http_mlops_model_version(model, selector->data,
                                                selector->len);
        if (*version != NULL) {
            return NGX_OK;
        }

        for (i = 0; i < model->aliases_n; i++) {
            alias = &model->aliases[i];

            if (ngx_strlen(alias->target) == selector->len
                && ngx_strncmp(alias->target, selector->data, selector->len)
                   == 0)
            {
                goto loading;
            }
        }

        return ngx_http_mlops_pin_error(ctx, NGX_HTTP_NOT_FOUND,
                                        "model \"%V\" has no version \"%V\" "
                                        "that an alias names", name,
                                        selector);
    }

    if (selector->len == 0) {
        selector = &ngx_http_mlops_champion;
    }

    alias = ngx_http_mlops_model_alias(model, selector->data, selector->len);

    if (alias == NULL) {
        return ngx_http_mlops_pin_error(ctx, NGX_HTTP_NOT_FOUND,
                                        "model \"%V\" has no alias \"%V\"",
                                        name, selector);
    }

    if (alias->version != NULL) {
        *version = alias->version;
        return NGX_OK;
    }

loading:

    if (alias->refused[0] != '\0') {
        return ngx_http_mlops_pin_error(ctx, NGX_HTTP_SERVICE_UNAVAILABLE,
                                        "version %s of model \"%V\" is "
                                        "refused: %s", alias->target, name,
                                        model->refused);
    }

    return ngx_http_mlops_pin_error(ctx, NGX_HTTP_SERVICE_UNAVAILABLE,
                                    "version %s of model \"%V\" is not "
                                    "loaded yet", alias->target, name);
}


static ngx_int_t
ngx_http_mlops_pin_error(ngx_http_mlops_ctx_t *ctx, ngx_int_t rc,
    const char *fmt, ...)
{
    u_char   *p;
    va_list   args;

    p = ngx_pnalloc(ctx->request->pool, MLOPS_ERR_SIZE);
    if (p == NULL) {
        return NGX_ERROR;
    }

    va_start(args, fmt);
    ctx->error.len = ngx_vslprintf(p, p + MLOPS_ERR_SIZE, fmt, args) - p;
    va_end(args);

    ctx->error.data = p;

    return rc;
}


void
ngx_http_mlops_unpin(ngx_http_mlops_version_t *version)
{
    version->pins--;

    if (version->pins == 0 && !version->wanted) {
        ngx_http_mlops_version_free(version);
    }
}


static void
ngx_http_mlops_unpin_handler(void *data)
{
    ngx_http_mlops_unpin(data);
}
