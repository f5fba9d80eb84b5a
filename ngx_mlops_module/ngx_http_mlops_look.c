/*
 * A look: reads names and links of the store into models and aliases.
 *
 * A store may hold thousands of models, and a look follows every ring of the
 * bell.  So it walks the models in turns, and passes over those whose
 * directory has not changed since it was read: whatever becomes of a link
 * changes the ctime of its directory.  File systems take that time from a
 * clock that ticks, so a directory that has changed in the last moments may
 * change again under the same time: it is read again later.
 *
 * A model or alias that the store has no more is dropped only when a second,
 * direct look at its name finds nothing: a listing may miss a link that is
 * being replaced.
 */

#include "ngx_http_mlops_module.h"


#define NGX_HTTP_MLOPS_LOOK_FRESH  2        /* s */
#define NGX_HTTP_MLOPS_LOOK_READ   16       /* cost of reading a directory,
                                               where asking for its time is
                                               1 */


static ngx_int_t ngx_http_mlops_look_names(mlops_store_t *store,
    ngx_log_t *log);
static ngx_uint_t ngx_http_mlops_look_model(mlops_store_t *store,
    ngx_http_mlops_model_t *model, ngx_log_t *log);
static ngx_uint_t ngx_http_mlops_look_same(ngx_http_mlops_stamp_t *stamp,
    struct stat *st);
static void ngx_http_mlops_look_stamp(ngx_http_mlops_stamp_t *stamp,
    struct stat *st);
static ngx_uint_t ngx_http_mlops_look_lacks(ngx_http_mlops_model_t *model);
static ngx_int_t ngx_http_mlops_look_links(mlops_store_t *store,
    ngx_http_mlops_model_t *model, ngx_log_t *log);
static void ngx_http_mlops_look_retry(ngx_http_mlops_model_t *model,
    ngx_http_mlops_alias_t *alias, int dir, ngx_log_t *log);
static void ngx_http_mlops_look_seen(ngx_http_mlops_alias_t *alias,
    const char *version);
static void ngx_http_mlops_look_settle(mlops_store_t *store,
    ngx_http_mlops_model_t *model, ngx_log_t *log);
static ngx_uint_t ngx_http_mlops_look_gone(mlops_store_t *store,
    ngx_http_mlops_model_t *model, ngx_http_mlops_alias_t *alias);


static ngx_http_mlops_model_t  *ngx_http_mlops_look_next;
static ngx_http_mlops_stamp_t   ngx_http_mlops_look_models;
                                            /* of the directory models */
static uid_t                    ngx_http_mlops_look_owner;


void
ngx_http_mlops_look_forget(void)
{
    ngx_http_mlops_model_t  *model;

    ngx_http_mlops_look_next = NULL;
    ngx_http_mlops_look_models.ino = 0;

    for (model = ngx_http_mlops_models_first();
         model != NULL;
         model = model->next)
    {
        model->stamp.ino = 0;
    }
}


void
ngx_http_mlops_look_begin(mlops_store_t *store, ngx_log_t *log)
{
    struct stat  st;

    if (fstat(store->models, &st) == -1) {
        ngx_memzero(&st, sizeof(struct stat));
    }

    if (st.st_uid != ngx_http_mlops_look_owner) {

        /* directories that were refused for their owner may be right now */

        ngx_http_mlops_look_forget();
        ngx_http_mlops_look_owner = st.st_uid;
    }

    if (!ngx_http_mlops_look_same(&ngx_http_mlops_look_models, &st)
        && ngx_http_mlops_look_names(store, log) == NGX_OK)
    {
        ngx_http_mlops_look_stamp(&ngx_http_mlops_look_models, &st);
    }

    ngx_http_mlops_look_next = ngx_http_mlops_models_first();
}


ngx_int_t
ngx_http_mlops_look_go_on(mlops_store_t *store, ngx_uint_t budget,
    ngx_log_t *log)
{
    ngx_uint_t               cost;
    ngx_http_mlops_model_t  *model;

    while ((model = ngx_http_mlops_look_next) != NULL) {

        if (budget == 0) {
            return NGX_AGAIN;
        }

        ngx_http_mlops_look_next = model->next;

        cost = ngx_http_mlops_look_model(store, model, log);
        budget -= ngx_min(budget, cost);
    }

    return NGX_OK;
}


/* Makes an entry for each name. */

static ngx_int_t
ngx_http_mlops_look_names(mlops_store_t *store, ngx_log_t *log)
{
    uint32_t        i, n;
    ngx_int_t       rc;
    mlops_err_t     err;
    mlops_str_t    *names;
    mlops_arena_t   arena;

    mlops_arena_init(&arena, NULL, NULL);

    rc = NGX_OK;

    if (mlops_store_models(store, &names, &n, &arena, &err) != MLOPS_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "mlops: %s", err.text);
        rc = NGX_ERROR;
        n = 0;
    }

    for (i = 0; i < n; i++) {

        if (ngx_http_mlops_model_find((u_char *) names[i].data, names[i].len)
            == NULL
            && ngx_http_mlops_model_add(names[i].data, names[i].len) == NULL)
        {
            rc = NGX_ERROR;
            break;
        }
    }

    mlops_arena_destroy(&arena);

    return rc;
}


/* Returns the cost. */

static ngx_uint_t
ngx_http_mlops_look_model(mlops_store_t *store,
    ngx_http_mlops_model_t *model, ngx_log_t *log)
{
    ngx_uint_t   i;
    struct stat  st;

    if (fstatat(store->models, (char *) model->name.data, &st,
                AT_SYMLINK_NOFOLLOW)
        == -1)
    {
        if (ngx_errno == NGX_ENOENT && model->aliases_n == 0) {
            return 1;
        }

        ngx_memzero(&st, sizeof(struct stat));
    }

    if (ngx_http_mlops_look_same(&model->stamp, &st)
        && !ngx_http_mlops_look_lacks(model))
    {
        return 1;
    }

    for (i = 0; i < model->aliases_n; i++) {
        model->aliases[i].seen = 0;
    }

    if (ngx_http_mlops_look_links(store, model, log) == NGX_OK) {
        ngx_http_mlops_look_stamp(&model->stamp, &st);
    }

    ngx_http_mlops_look_settle(store, model, log);

    return NGX_HTTP_MLOPS_LOOK_READ;
}


static ngx_uint_t
ngx_http_mlops_look_same(ngx_http_mlops_stamp_t *stamp, struct stat *st)
{
    return stamp->ino != 0 && stamp->ino == st->st_ino
           && stamp->ctime.tv_sec == st->st_ctim.tv_sec
           && stamp->ctime.tv_nsec == st->st_ctim.tv_nsec;
}


/* st is from before the directory was read. */

static void
ngx_http_mlops_look_stamp(ngx_http_mlops_stamp_t *stamp, struct stat *st)
{
    stamp->ino = 0;

    if (st->st_ctim.tv_sec + NGX_HTTP_MLOPS_LOOK_FRESH <= ngx_time()) {
        stamp->ino = st->st_ino;
        stamp->ctime = st->st_ctim;
    }
}


/* Is there a target that was kept away by something that may have been put
 * right without a change of the directory? */

static ngx_uint_t
ngx_http_mlops_look_lacks(ngx_http_mlops_model_t *model)
{
    ngx_uint_t  i;

    for (i = 0; i < model->aliases_n; i++) {
        if (model->aliases[i].absent || model->aliases[i].refused[0] != '\0')
        {
            return 1;
        }
    }

    return 0;
}


/* One model's links.  NGX_OK: a change will show in the directory's time.  A
 * directory that cannot be read says nothing about its aliases: they stay. */

static ngx_int_t
ngx_http_mlops_look_links(mlops_store_t *store,
    ngx_http_mlops_model_t *model, ngx_log_t *log)
{
    int                      dir;
    uint32_t                 i, n;
    ngx_int_t                rc;
    mlops_err_t              err;
    mlops_arena_t            arena;
    mlops_alias_t           *aliases;
    ngx_http_mlops_alias_t  *alias;

    dir = mlops_store_model_dir(store->models, (char *) model->name.data,
                                model->name.len, &err);

    if (dir == -1) {
        rc = (ngx_errno == 0) ? NGX_OK : NGX_ERROR;

        if (ngx_errno != NGX_ENOENT) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "mlops: %s", err.text);
        }

        return rc;
    }

    mlops_arena_init(&arena, NULL, NULL);

    rc = NGX_OK;

    if (mlops_store_aliases(dir, &aliases, &n, &arena, &err) != MLOPS_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "mlops: %s", err.text);
        rc = NGX_ERROR;
        n = 0;
    }

    for (i = 0; i < n; i++) {
        alias = ngx_http_mlops_model_alias(model, (u_char *) aliases[i].alias,
                                           ngx_strlen(aliases[i].alias));

        if (alias == NULL) {
            alias = ngx_http_mlops_alias_add(model, aliases[i].alias);
            if (alias == NULL) {
                rc = NGX_ERROR;
                break;
            }
        }

        ngx_http_mlops_look_seen(alias, aliases[i].version);
        ngx_http_mlops_look_retry(model, alias, dir, log);
    }

    mlops_arena_destroy(&arena);

    (void) close(dir);

    return rc;
}


/* What kept a target away may have been put right since. */

static void
ngx_http_mlops_look_retry(ngx_http_mlops_model_t *model,
    ngx_http_mlops_alias_t *alias, int dir, ngx_log_t *log)
{
    u_char       name[MLOPS_FILE_NAME_SIZE];
    struct stat  st;
    mlops_err_t  err;

    if (!alias->absent && alias->refused[0] == '\0') {
        return;
    }

    ngx_sprintf(name, "%s.mlm%Z", alias->target);

    if (fstatat(dir, (char *) name, &st, AT_SYMLINK_NOFOLLOW) == -1) {

        if (alias->absent) {
            alias->absent = 0;
            ngx_memzero(&st, sizeof(struct stat));
            (void) mlops_err_set(&err, "alias \"%.*s\" points to \"%s\": %s",
                                 (int) alias->name.len, alias->name.data,
                                 name, strerror(ngx_errno));
            ngx_http_mlops_model_refuse(model, alias->target, &st, &err, log);
        }

        return;
    }

    alias->absent = 0;

    if (st.st_ino != alias->refused_ino
        || st.st_ctim.tv_sec != alias->refused_ctime.tv_sec
        || st.st_ctim.tv_nsec != alias->refused_ctime.tv_nsec)
    {
        alias->refused[0] = '\0';
    }
}


static void
ngx_http_mlops_look_seen(ngx_http_mlops_alias_t *alias, const char *version)
{
    alias->seen = 1;
    alias->kept = 0;

    if (ngx_strcmp(alias->target, version) != 0) {
        alias->absent = 0;
    }

    (void) ngx_cpystrn(alias->target, (u_char *) version,
                       sizeof(alias->target));

    if (ngx_strcmp(alias->refused, version) != 0) {
        alias->refused[0] = '\0';
    }
}


/* Moves the aliases that can move, drops those that are gone. */

static void
ngx_http_mlops_look_settle(mlops_store_t *store,
    ngx_http_mlops_model_t *model, ngx_log_t *log)
{
    ngx_uint_t                 i;
    ngx_http_mlops_alias_t    *alias;
    ngx_http_mlops_version_t  *version;

    for (i = 0; i < model->aliases_n; /* void */) {
        alias = &model->aliases[i];

        if (!alias->seen && !alias->kept
            && ngx_http_mlops_look_gone(store, model, alias))
        {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "mlops: alias \"%V\" of model \"%V\" is gone",
                          &alias->name, &model->name);

            ngx_free(alias->name.data);
            *alias = model->aliases[--model->aliases_n];
            continue;
        }

        i++;

        if (!ngx_http_mlops_alias_pending(alias)) {
            continue;
        }

        for (version = model->versions; version; version = version->next) {
            if (!version->stale
                && ngx_strcmp(version->name.data, alias->target) == 0)
            {
                ngx_http_mlops_alias_move(model, alias, version, log);
                break;
            }
        }
    }

    ngx_http_mlops_model_sweep(model);
}


/* An alias that was not in the listing, looked at directly. */

static ngx_uint_t
ngx_http_mlops_look_gone(mlops_store_t *store, ngx_http_mlops_model_t *model,
    ngx_http_mlops_alias_t *alias)
{
    int          dir, rc;
    char         version[MLOPS_VERSION_LEN + 1];
    ngx_err_t    err;
    mlops_err_t  text;

    dir = mlops_store_model_dir(store->models, (char *) model->name.data,
                                model->name.len, &text);
    if (dir == -1) {
        return ngx_errno == NGX_ENOENT;
    }

    rc = mlops_store_alias(dir, (char *) alias->name.data, alias->name.len,
                           version);
    err = ngx_errno;

    (void) close(dir);

    if (rc == MLOPS_OK) {
        ngx_http_mlops_look_seen(alias, version);
        return 0;
    }

    return err == NGX_ENOENT;
}
