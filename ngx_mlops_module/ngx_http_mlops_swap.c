/*
 * Hot swap: notices that the store has changed, and loads images in slices.
 *
 * Three events, one state:
 *
 *     timer   every 50 ms, cancelable: has the bell rung?  Once a second it
 *             looks whatever the bell says.  Then it has _views look.
 *     look    reads the store's links, in several turns where there are
 *             many; posted by the timer and, where a request finds the bell
 *             rung, for the next turn of the loop
 *     step    loads 1 MiB of one image, or unmaps as much of an old one, and
 *             posts itself for the next turn, so that requests wait for one
 *             slice at most
 *
 * One image is loaded at a time, models take turns, and a load that nobody
 * wants any more is given up.  The bell is read before the links, so that a
 * move in between is seen at the next look.
 *
 * A store that was removed is left alone: what is mapped stays mapped.  When
 * another one stands at its path, that is opened and its images replace the
 * old ones as they are loaded.
 */

#include "ngx_http_mlops_module.h"


#define NGX_HTTP_MLOPS_TICK    50           /* ms */
#define NGX_HTTP_MLOPS_LOOK    1000         /* ms */
#define NGX_HTTP_MLOPS_MODELS  128          /* see ngx_http_mlops_look_go_on */
#define NGX_HTTP_MLOPS_SLICE   (1024 * 1024)
#define NGX_HTTP_MLOPS_AT_ONCE (1024 * 1024 * 1024)


/* A mapping on its way out: taking down the pages of 50 MB at once would
 * stall requests for milliseconds. */

typedef struct ngx_http_mlops_trash_s  ngx_http_mlops_trash_t;

struct ngx_http_mlops_trash_s {
    ngx_http_mlops_trash_t      *next;
    mlops_map_file_t             map;
};


typedef struct {
    ngx_http_mlops_main_conf_t  *mmcf;

    mlops_store_t                store;
    uint64_t                     bell;      /* at the last look */
    ngx_msec_t                   looked;

    ngx_event_t                  timer;
    ngx_event_t                  look;
    ngx_event_t                  step;
    ngx_connection_t             dumb;      /* what nginx's debug log reads
                                               from an event */

    mlops_load_t                *load;      /* under way, or NULL */
    ngx_http_mlops_model_t      *model;     /* of it, or of the last one */
    u_char                       version[MLOPS_VERSION_LEN + 1];
    mlops_map_file_t             map;
    struct stat                  st;

    ngx_http_mlops_trash_t      *trash;

    unsigned                     started:1; /* the event loop is running */
    unsigned                     open:1;
    unsigned                     looking:1; /* a look is under way */
    unsigned                     gone:1;    /* said so already */
} ngx_http_mlops_swap_t;


static void ngx_http_mlops_swap_open(ngx_log_t *log);
static void ngx_http_mlops_swap_close(void);
static void ngx_http_mlops_swap_log(ngx_log_t *log);
static void ngx_http_mlops_swap_timer(ngx_event_t *ev);
static void ngx_http_mlops_swap_look(ngx_event_t *ev);
static void ngx_http_mlops_swap_step(ngx_event_t *ev);
static ngx_int_t ngx_http_mlops_swap_load(size_t budget, ngx_log_t *log);
static ngx_int_t ngx_http_mlops_swap_begin(ngx_log_t *log);
static void ngx_http_mlops_swap_drop(void);
static void ngx_http_mlops_swap_empty(size_t budget);


static ngx_http_mlops_swap_t  swap;


ngx_int_t
ngx_http_mlops_swap_init(ngx_cycle_t *cycle, ngx_http_mlops_main_conf_t *mmcf)
{
    swap.started = 1;

    swap.dumb.fd = (ngx_socket_t) -1;

    swap.timer.handler = ngx_http_mlops_swap_timer;
    swap.timer.data = &swap.dumb;
    swap.timer.cancelable = 1;

    swap.look.handler = ngx_http_mlops_swap_look;
    swap.look.data = &swap.dumb;

    swap.step.handler = ngx_http_mlops_swap_step;
    swap.step.data = &swap.dumb;

    if (mmcf == NULL || mmcf->plan.store.len == 0) {
        return NGX_OK;
    }

    swap.mmcf = mmcf;
    ngx_http_mlops_swap_log(cycle->log);
    ngx_http_mlops_models_init(mmcf);
    ngx_http_mlops_views_init(mmcf, cycle->log);

    /* requests come only after this: all at once */

    do {
        ngx_http_mlops_swap_look(&swap.look);
    } while (swap.looking);

    while (ngx_http_mlops_swap_load(NGX_HTTP_MLOPS_AT_ONCE, cycle->log)
           == NGX_AGAIN)
    {
        /* void */
    }

    ngx_http_mlops_views_look(cycle->log);

    ngx_add_timer(&swap.timer, NGX_HTTP_MLOPS_TICK);

    return NGX_OK;
}


void
ngx_http_mlops_swap_conf(ngx_cycle_t *cycle, ngx_http_mlops_main_conf_t *mmcf)
{
    if (!swap.started) {
        return;
    }

    ngx_http_mlops_swap_log(cycle->log);

    if (mmcf == NULL || mmcf->plan.store.len == 0) {

        /* requests of the old configuration may still hold versions */

        if (swap.timer.timer_set) {
            ngx_del_timer(&swap.timer);
        }

        if (swap.look.posted) {
            ngx_delete_posted_event(&swap.look);
        }

        ngx_http_mlops_swap_close();
        ngx_http_mlops_views_exit();
        swap.mmcf = NULL;

        return;
    }

    if (swap.open
        && !mlops_str_eq(&mmcf->plan.store, swap.store.path,
                         ngx_strlen(swap.store.path)))
    {
        ngx_http_mlops_swap_close();
    }

    swap.mmcf = mmcf;

    ngx_http_mlops_models_init(mmcf);
    ngx_http_mlops_views_init(mmcf, cycle->log);
    ngx_http_mlops_swap_look(&swap.look);
    ngx_http_mlops_views_look(cycle->log);

    if (!swap.timer.timer_set) {
        ngx_add_timer(&swap.timer, NGX_HTTP_MLOPS_TICK);
    }
}


void
ngx_http_mlops_swap_exit(void)
{
    if (swap.timer.timer_set) {
        ngx_del_timer(&swap.timer);
    }

    if (swap.look.posted) {
        ngx_delete_posted_event(&swap.look);
    }

    if (swap.step.posted) {
        ngx_delete_posted_event(&swap.step);
    }

    ngx_http_mlops_swap_drop();
    ngx_http_mlops_models_exit();
    ngx_http_mlops_views_exit();
    ngx_http_mlops_views_store(NULL, ngx_cycle->log);

    while (swap.trash != NULL) {
        ngx_http_mlops_swap_empty(MLOPS_IMAGE_MAX);
    }

    if (swap.open) {
        mlops_store_close(&swap.store);
    }

    ngx_memzero(&swap, sizeof(ngx_http_mlops_swap_t));
}


const mlops_store_t *
ngx_http_mlops_store(void)
{
    return swap.open ? &swap.store : NULL;
}


void
ngx_http_mlops_swap_check(void)
{
    if (swap.open && !swap.look.posted
        && mlops_store_bell(&swap.store) != swap.bell)
    {
        ngx_post_event(&swap.look, &ngx_posted_next_events);
    }
}


static void
ngx_http_mlops_swap_log(ngx_log_t *log)
{
    swap.timer.log = log;
    swap.look.log = log;
    swap.step.log = log;
    swap.dumb.log = log;
}


/* The timer is set again first: while it is not, what is unmapped goes at
 * once. */

static void
ngx_http_mlops_swap_timer(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_MLOPS_TICK);

    if (ngx_current_msec - swap.looked >= NGX_HTTP_MLOPS_LOOK) {

        if (!swap.look.posted) {
            ngx_http_mlops_swap_look(&swap.look);
        }

    } else {
        ngx_http_mlops_swap_check();
    }

    ngx_http_mlops_views_look(ev->log);
}


static void
ngx_http_mlops_swap_look(ngx_event_t *ev)
{
    if (!swap.looking) {
        swap.looked = ngx_current_msec;

        if (!swap.open || !mlops_store_current(&swap.store)) {
            ngx_http_mlops_swap_open(ev->log);

            if (!swap.open || swap.gone) {
                return;
            }
        }

        swap.gone = 0;
        swap.bell = mlops_store_bell(&swap.store);

        ngx_http_mlops_look_begin(&swap.store, ev->log);
    }

    swap.looking = (ngx_http_mlops_look_go_on(&swap.store,
                                              NGX_HTTP_MLOPS_MODELS, ev->log)
                    == NGX_AGAIN);

    if (swap.looking && !swap.look.posted) {
        ngx_post_event(&swap.look, &ngx_posted_next_events);
    }

    if (!swap.step.posted) {
        ngx_post_event(&swap.step, &ngx_posted_next_events);
    }
}


static void
ngx_http_mlops_swap_open(ngx_log_t *log)
{
    char           path[MLOPS_PLAN_PATH_SIZE];
    mlops_err_t    err;
    mlops_str_t   *p;
    mlops_store_t  store;

    p = &swap.mmcf->plan.store;

    (void) ngx_cpystrn((u_char *) path, (u_char *) p->data, p->len + 1);

    if (mlops_store_open(&store, path, 0, &err) != MLOPS_OK) {

        if (!swap.gone) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "mlops: %s%s", err.text,
                          swap.open ? "; what is mapped stays in use" : "");
            swap.gone = 1;
        }

        return;
    }

    if (swap.gone || swap.open) {
        ngx_http_mlops_swap_close();

        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "mlops: the store %s has been opened anew", path);
    }

    swap.store = store;
    swap.open = 1;
    swap.gone = 0;

    ngx_http_mlops_views_store(&swap.store, log);
}


/* What is mapped goes on serving. */

static void
ngx_http_mlops_swap_close(void)
{
    if (swap.open) {
        mlops_store_close(&swap.store);
        swap.open = 0;
    }

    ngx_http_mlops_views_store(NULL, ngx_cycle->log);

    swap.looking = 0;

    ngx_http_mlops_swap_drop();
    ngx_http_mlops_models_orphan();
}


static void
ngx_http_mlops_swap_step(ngx_event_t *ev)
{
    if (swap.trash != NULL) {
        ngx_http_mlops_swap_empty(NGX_HTTP_MLOPS_SLICE);
        ngx_post_event(ev, &ngx_posted_next_events);
        return;
    }

    if (ngx_http_mlops_swap_load(NGX_HTTP_MLOPS_SLICE, ev->log) == NGX_AGAIN)
    {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


/* One slice of the load under way, or of the next one.  NGX_AGAIN: there is
 * more to do; NGX_OK: nothing is left. */

static ngx_int_t
ngx_http_mlops_swap_load(size_t budget, ngx_log_t *log)
{
    ngx_int_t       rc;
    mlops_err_t     err;
    mlops_model_t  *image;

    if (swap.load != NULL
        && !ngx_http_mlops_model_wants(swap.model, swap.version))
    {
        ngx_http_mlops_swap_drop();
    }

    if (swap.load == NULL) {
        rc = ngx_http_mlops_swap_begin(log);

        if (rc != NGX_DONE) {
            return rc;
        }
    }

    switch (mlops_load_step(swap.load, budget, &image, &err)) {

    case MLOPS_AGAIN:
        return NGX_AGAIN;

    case MLOPS_OK:
        swap.load = NULL;

        if (ngx_http_mlops_model_install(swap.model, swap.version, &swap.map,
                                         image, log)
            != NGX_OK)
        {
            mlops_model_destroy(image);
            ngx_http_mlops_swap_unmap(&swap.map);
        }

        return NGX_AGAIN;

    default:
        swap.load = NULL;

        ngx_http_mlops_model_refuse(swap.model, swap.version, &swap.st, &err,
                                    log);
        ngx_http_mlops_swap_unmap(&swap.map);

        return NGX_AGAIN;
    }
}


/* NGX_DONE: begun; NGX_AGAIN: that one failed, another may not; NGX_OK:
 * nothing is to be loaded. */

static ngx_int_t
ngx_http_mlops_swap_begin(ngx_log_t *log)
{
    int                      dir, rc, code;
    u_char                   name[MLOPS_FILE_NAME_SIZE];
    mlops_err_t              err;
    ngx_http_mlops_alias_t  *alias;
    ngx_http_mlops_model_t  *model;

    if (!swap.open) {
        return NGX_OK;
    }

    alias = ngx_http_mlops_models_pending(swap.model, &model);

    if (alias == NULL) {
        return NGX_OK;
    }

    swap.model = model;
    (void) ngx_cpystrn(swap.version, alias->target, sizeof(swap.version));
    ngx_memzero(&swap.st, sizeof(struct stat));

    dir = mlops_store_model_dir(swap.store.models, (char *) model->name.data,
                                model->name.len, &err);
    rc = MLOPS_ERROR;
    code = ngx_errno;

    if (dir != -1) {
        ngx_sprintf(name, "%s.mlm%Z", swap.version);

        (void) fstatat(dir, (char *) name, &swap.st, AT_SYMLINK_NOFOLLOW);

        rc = mlops_file_map(&swap.map, dir, (char *) name, MLOPS_IMAGE_MAX,
                            MLOPS_FILE_SEALED|MLOPS_FILE_OWNER,
                            swap.mmcf->uid, &err);
        code = ngx_errno;

        (void) close(dir);
    }

    if (rc != MLOPS_OK) {

        if (code == NGX_ENOENT) {

            /* removed after the link had moved: look again */

            alias->absent = 1;

            if (!swap.look.posted) {
                ngx_post_event(&swap.look, &ngx_posted_next_events);
            }

            return NGX_AGAIN;
        }

        if (code != 0) {

            /* not the image's fault (descriptors, memory): tried again at
             * the next look, which finds the file changed from nothing */

            ngx_memzero(&swap.st, sizeof(struct stat));
        }

        ngx_http_mlops_model_refuse(model, swap.version, &swap.st, &err, log);

        return NGX_AGAIN;
    }

    swap.load = mlops_load_create(swap.map.data, swap.map.len, &err);

    if (swap.load == NULL) {
        ngx_http_mlops_model_refuse(model, swap.version, &swap.st, &err, log);
        ngx_http_mlops_swap_unmap(&swap.map);

        return NGX_AGAIN;
    }

    return NGX_DONE;
}


/* Gives up the load under way. */

static void
ngx_http_mlops_swap_drop(void)
{
    if (swap.load != NULL) {
        mlops_load_destroy(swap.load);
        ngx_http_mlops_swap_unmap(&swap.map);
        swap.load = NULL;
    }
}


void
ngx_http_mlops_swap_unmap(mlops_map_file_t *map)
{
    ngx_http_mlops_trash_t  *trash;

    trash = NULL;

    if (map->len > NGX_HTTP_MLOPS_SLICE && swap.timer.timer_set) {
        trash = ngx_alloc(sizeof(ngx_http_mlops_trash_t), ngx_cycle->log);
    }

    if (trash == NULL) {
        mlops_file_unmap(map);
        return;
    }

    trash->map = *map;
    trash->next = swap.trash;
    swap.trash = trash;

    if (!swap.step.posted) {
        ngx_post_event(&swap.step, &ngx_posted_next_events);
    }
}


/* From the end, so that what is left is a mapping still. */

static void
ngx_http_mlops_swap_empty(size_t budget)
{
    size_t                   len;
    mlops_map_file_t         tail;
    ngx_http_mlops_trash_t  *trash;

    trash = swap.trash;

    if (trash->map.len > budget) {
        len = ngx_align(trash->map.len - budget, ngx_pagesize);

        tail = trash->map;
        tail.data = (u_char *) trash->map.data + len;
        tail.len = trash->map.len - len;
        trash->map.len = len;

        mlops_file_unmap(&tail);
        return;
    }

    swap.trash = trash->next;

    mlops_file_unmap(&trash->map);
    ngx_free(trash);
}
