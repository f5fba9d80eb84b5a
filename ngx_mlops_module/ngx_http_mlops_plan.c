/*
 * The plan's side of nginx: collects the tokens of plan directives, with
 * file and line, for core/plan; makes the store; hands the plan to the
 * sidecars as plan.json.
 *
 * nginx's tokeniser tells neither the line on which a word stands nor
 * whether it was quoted, and both matter: so the source of each directive
 * inside a block is read again from the open file, between the end of the
 * directive before it and its own end.
 */

#include "ngx_http_mlops_module.h"

#include <pwd.h>


#define NGX_HTTP_MLOPS_SOURCE_MAX    65536
#define NGX_HTTP_MLOPS_SYNC_TIMEOUT  1000   /* ms to wait for the lock */


typedef struct {
    ngx_command_t       *cmd;
    mlops_arena_t       *arena;
    mlops_plan_node_t  **last;
    u_char              *file;              /* the name of the open file */
    off_t                start;             /* where the next directive's
                                               source begins in it */
} ngx_http_mlops_block_t;


static char *ngx_http_mlops_plan_inner(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static mlops_plan_node_t *ngx_http_mlops_plan_node(ngx_conf_t *cf,
    mlops_arena_t *arena);
static char *ngx_http_mlops_plan_source(ngx_conf_t *cf,
    ngx_http_mlops_block_t *block, mlops_plan_node_t *node);
static off_t ngx_http_mlops_plan_offset(ngx_conf_t *cf);
static char *ngx_http_mlops_plan_error(ngx_conf_t *cf,
    mlops_plan_where_t *where, mlops_err_t *err);
static void ngx_http_mlops_plan_sizes(mlops_plan_t *plan);
static ngx_int_t ngx_http_mlops_plan_owner(ngx_conf_t *cf,
    ngx_http_mlops_main_conf_t *mmcf);
static char *ngx_http_mlops_plan_string(ngx_pool_t *pool, mlops_str_t *path);
static void ngx_http_mlops_plan_cleanup(void *data);


char *
ngx_http_mlops_plan_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_mlops_main_conf_t *mmcf = conf;

    char                    *rv;
    ngx_str_t                path;
    ngx_conf_t               save;
    mlops_err_t              err;
    mlops_plan_node_t       *node;
    mlops_plan_where_t       where;
    ngx_http_mlops_block_t   block;

    node = ngx_http_mlops_plan_node(cf, &mmcf->arena);
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    if (cmd->type & NGX_CONF_BLOCK) {
        node->block = 1;

        block.cmd = cmd;
        block.arena = &mmcf->arena;
        block.last = &node->children;
        block.file = cf->conf_file->file.name.data;
        block.start = ngx_http_mlops_plan_offset(cf);

        save = *cf;
        cf->handler = ngx_http_mlops_plan_inner;
        cf->handler_conf = (char *) &block;

        rv = ngx_conf_parse(cf, NULL);

        *cf = save;

        if (rv != NGX_CONF_OK) {
            return rv;
        }

    } else if (node->args[1].len != 0) {
        path.data = (u_char *) node->args[1].data;
        path.len = node->args[1].len;

        if (ngx_conf_full_name(cf->cycle, &path, 0) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        node->args[1].data = (char *) path.data;
        node->args[1].len = path.len;
    }

    ngx_memzero(&where, sizeof(mlops_plan_where_t));

    if (mlops_plan_add(&mmcf->plan, node, &where, &err) != MLOPS_OK) {
        return ngx_http_mlops_plan_error(cf, &where, &err);
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_mlops_plan_inner(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_mlops_block_t *block = conf;

    char               *rv;
    ngx_str_t          *value;
    mlops_plan_node_t  *node;

    value = cf->args->elts;

    if (block->file != cf->conf_file->file.name.data) {
        block->file = cf->conf_file->file.name.data;
        block->start = 0;
    }

    if (ngx_strcmp(value[0].data, "include") == 0) {

        if (cf->args->nelts != 2) {
            return "invalid number of arguments in \"include\" directive";
        }

        rv = ngx_conf_include(cf, block->cmd, NULL);

        block->file = cf->conf_file->file.name.data;
        block->start = ngx_http_mlops_plan_offset(cf);

        return rv;
    }

    node = ngx_http_mlops_plan_node(cf, block->arena);
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_mlops_plan_source(cf, block, node) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    block->start = ngx_http_mlops_plan_offset(cf);

    *block->last = node;
    block->last = &node->next;

    return NGX_CONF_OK;
}


static mlops_plan_node_t *
ngx_http_mlops_plan_node(ngx_conf_t *cf, mlops_arena_t *arena)
{
    ngx_str_t          *value;
    ngx_uint_t          i;
    mlops_plan_node_t  *node;

    node = mlops_arena_calloc(arena, 1, sizeof(mlops_plan_node_t));
    if (node == NULL) {
        return NULL;
    }

    node->args = mlops_arena_calloc(arena, cf->args->nelts,
                                    sizeof(mlops_str_t));
    if (node->args == NULL) {
        return NULL;
    }

    node->file.data = (char *) cf->conf_file->file.name.data;
    node->file.len = cf->conf_file->file.name.len;
    node->line = cf->conf_file->line;
    node->args_n = cf->args->nelts;

    value = cf->args->elts;

    for (i = 0; i < cf->args->nelts; i++) {
        node->args[i].data = (char *) value[i].data;
        node->args[i].len = value[i].len;
    }

    return node;
}


/* The lines of the node's words. */

static char *
ngx_http_mlops_plan_source(ngx_conf_t *cf, ngx_http_mlops_block_t *block,
    mlops_plan_node_t *node)
{
    off_t                end;
    char                *text;
    size_t               len;
    uint32_t            *lines;
    mlops_err_t          err;
    mlops_plan_where_t   where;

    end = ngx_http_mlops_plan_offset(cf);

    if (end <= block->start || end - block->start > NGX_HTTP_MLOPS_SOURCE_MAX)
    {
        return NGX_CONF_OK;
    }

    /* without the ";" */

    len = end - block->start - 1;

    text = ngx_palloc(cf->temp_pool, len + 1);
    lines = mlops_arena_calloc(block->arena, node->args_n, sizeof(uint32_t));

    if (text == NULL || lines == NULL) {
        return NGX_CONF_ERROR;
    }

    if (pread(cf->conf_file->file.fd, text, len, block->start)
        != (ssize_t) len)
    {
        return NGX_CONF_OK;
    }

    where.file = node->file;

    if (mlops_plan_words(text, len, node->line, lines, node->args_n,
                         &where.line, &err)
        != MLOPS_OK)
    {
        return ngx_http_mlops_plan_error(cf, &where, &err);
    }

    node->lines = lines;
    node->line = lines[0];

    return NGX_CONF_OK;
}


/* Of the byte behind the token that nginx has just read. */

static off_t
ngx_http_mlops_plan_offset(ngx_conf_t *cf)
{
    ngx_buf_t  *b;

    b = cf->conf_file->buffer;

    return cf->conf_file->file.offset - (b->last - b->pos);
}


ngx_int_t
ngx_http_mlops_plan_finish(ngx_conf_t *cf, ngx_http_mlops_main_conf_t *mmcf)
{
    mlops_err_t         err;
    mlops_plan_where_t  where;

    if (mlops_plan_finish(&mmcf->plan, &where, &err) != MLOPS_OK) {
        (void) ngx_http_mlops_plan_error(cf, &where, &err);
        return NGX_ERROR;
    }

    if (ngx_test_config && !ngx_quiet_mode) {
        ngx_http_mlops_plan_sizes(&mmcf->plan);
    }

    if (ngx_http_mlops_join_conf(cf, mmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_mlops_plan_owner(cf, mmcf);
}


/* What the views cost, for those who ask with "nginx -t": said where "syntax
 * is ok" is, because no notice reaches a terminal from beside a log file. */

static void
ngx_http_mlops_plan_sizes(mlops_plan_t *plan)
{
    uint32_t                  i;
    uint64_t                  each;
    const mlops_plan_view_t  *view;

    for (i = 0; i < plan->views_n; i++) {
        view = &plan->views[i];
        each = (uint64_t) view->state_bytes + view->row_bytes;

        ngx_log_stderr(0, "view \"%*s\": %uL bytes an entity (%uD state, %uD "
                       "table), at most %uD entities, %uL bytes in all",
                       view->name.len, view->name.data, each,
                       view->state_bytes, view->row_bytes,
                       view->max_entities, each * view->max_entities);
    }
}


static char *
ngx_http_mlops_plan_error(ngx_conf_t *cf, mlops_plan_where_t *where,
    mlops_err_t *err)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s in %*s:%uD", err->text,
                  where->file.len, where->file.data, where->line);

    return NGX_CONF_ERROR;
}


/* Whose the models are. */

static ngx_int_t
ngx_http_mlops_plan_owner(ngx_conf_t *cf, ngx_http_mlops_main_conf_t *mmcf)
{
    char                *name;
    mlops_err_t          err;
    mlops_plan_t        *plan;
    struct passwd       *pw;
    mlops_plan_where_t   where;

    plan = &mmcf->plan;

    mmcf->uid = geteuid();
    mmcf->gid = getegid();

    if (plan->store_user.len == 0) {
        return NGX_OK;
    }

    name = ngx_http_mlops_plan_string(cf->temp_pool, &plan->store_user);
    if (name == NULL) {
        return NGX_ERROR;
    }

    pw = getpwnam(name);

    if (pw == NULL) {
        where.file = plan->store_node->file;
        where.line = plan->store_node->line;

        (void) mlops_err_set(&err, "unknown account \"%s\" in \"user=\" of "
                             "\"mlops_store\"", name);
        (void) ngx_http_mlops_plan_error(cf, &where, &err);

        return NGX_ERROR;
    }

    mmcf->uid = pw->pw_uid;
    mmcf->gid = pw->pw_gid;

    return NGX_OK;
}


ngx_int_t
ngx_http_mlops_plan_write(ngx_conf_t *cf, ngx_http_mlops_main_conf_t *mmcf)
{
    int                  rc, tmpfs;
    char                *json, *path;
    size_t               len;
    mlops_err_t          err;
    mlops_plan_t        *plan;
    mlops_store_t        store;
    mlops_plan_where_t   where;
    ngx_pool_cleanup_t  *cln;

    plan = &mmcf->plan;
    where.file = plan->store_node->file;
    where.line = plan->store_node->line;

    path = ngx_http_mlops_plan_string(cf->pool, &plan->store);
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (path == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    /* "user" may follow the http block: rings are given to it later */

    if (mlops_store_create(path, plan->store_size, mmcf->uid, mmcf->gid,
                           (uid_t) -1, &err)
        != MLOPS_OK
        || mlops_store_open(&store, path, 1, &err) != MLOPS_OK)
    {
        (void) ngx_http_mlops_plan_error(cf, &where, &err);
        return NGX_ERROR;
    }

    tmpfs = mlops_store_on_tmpfs(&store);

    rc = mlops_plan_write(plan, (char *) ngx_cached_http_log_iso8601.data,
                          &json, &len, &err);

    if (rc == MLOPS_OK) {
        rc = mlops_file_write(store.fd, json, len, 0640, (uid_t) -1,
                              (plan->store_user.len != 0) ? mmcf->gid
                                                          : (gid_t) -1,
                              0, (char *) mmcf->plan_tmp, &err);
        ngx_free(json);
    }

    mlops_store_close(&store);

    if (rc != MLOPS_OK) {
        mmcf->plan_tmp[0] = '\0';
        (void) mlops_err_prefix(&err, "store \"%s\", plan.json", path);
        (void) ngx_http_mlops_plan_error(cf, &where, &err);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_mlops_plan_cleanup;
    cln->data = mmcf;

    if (!tmpfs) {
        ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                      "mlops: the store %s is not on tmpfs: what is read "
                      "there is written to a disk first", path);
    }

    return NGX_OK;
}


static char *
ngx_http_mlops_plan_string(ngx_pool_t *pool, mlops_str_t *path)
{
    char  *p;

    p = ngx_pnalloc(pool, path->len + 1);

    if (p != NULL) {
        (void) ngx_cpystrn((u_char *) p, (u_char *) path->data,
                           path->len + 1);
    }

    return p;
}


/* The cycle is going.  Its plan has its name, or is never to have it. */

static void
ngx_http_mlops_plan_cleanup(void *data)
{
    ngx_http_mlops_main_conf_t *mmcf = data;

    u_char  path[MLOPS_PLAN_PATH_SIZE + MLOPS_TMP_SIZE + 2];

    if (mmcf->plan_tmp[0] == '\0') {
        return;
    }

    ngx_sprintf(path, "%*s/%s%Z", mmcf->plan.store.len, mmcf->plan.store.data,
                mmcf->plan_tmp);

    if (unlink((char *) path) == -1 && ngx_errno != NGX_ENOENT) {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, ngx_errno,
                      "unlink() \"%s\" failed", path);
    }
}


void
ngx_http_mlops_plan_commit(ngx_cycle_t *cycle,
    ngx_http_mlops_main_conf_t *mmcf)
{
    int               rc, changed;
    char             *path, *registry;
    mlops_err_t       err;
    mlops_store_t     store;
    ngx_core_conf_t  *ccf;

    path = ngx_http_mlops_plan_string(cycle->pool, &mmcf->plan.store);
    registry = ngx_http_mlops_plan_string(cycle->pool, &mmcf->plan.registry);

    if (path == NULL || registry == NULL) {
        return;
    }

    mmcf->sync_time = ngx_time();
    mmcf->sync_error.text[0] = '\0';

    if (mlops_store_open(&store, path, 1, &err) != MLOPS_OK) {
        mmcf->sync_error = err;
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "mlops: %s", err.text);
        return;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (geteuid() == 0
        && mlops_store_rings(&store, ccf->user, &err) != MLOPS_OK)
    {
        mmcf->sync_error = err;
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "mlops: %s", err.text);
    }

    if (mmcf->plan_tmp[0] != '\0') {

        if (mlops_file_commit(store.fd, (char *) mmcf->plan_tmp, "plan.json",
                              0, 0, &err)
            != MLOPS_OK)
        {
            mmcf->sync_error = err;
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0, "mlops: %s", err.text);
        }

        mmcf->plan_tmp[0] = '\0';
    }

    if (registry[0] != '\0') {
        changed = 0;

        rc = mlops_sync(registry, &store, NULL, 1,
                        NGX_HTTP_MLOPS_SYNC_TIMEOUT, &changed, &err);

        if (rc != MLOPS_OK) {
            mmcf->sync_error = err;
            ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                          "mlops: the store could not be filled from the "
                          "registry: %s", err.text);
        }

        if (changed) {
            ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                          "mlops: the store has been filled from the "
                          "registry");
        }
    }

    mlops_store_close(&store);
}
