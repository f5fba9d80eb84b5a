/*
 * Counters in an nginx zone.
 */

#include "ngx_http_mlops_module.h"
#include "ngx_http_mlops_counters.h"

#include <signal.h>


typedef struct {
    ngx_uint_t                 made;        /* of the newest series */
    ngx_pid_t                  workers[NGX_HTTP_MLOPS_WORKERS_N];
    ngx_http_mlops_series_t    series[NGX_HTTP_MLOPS_SERIES_N];
    ngx_http_mlops_view_series_t
                               views[NGX_HTTP_MLOPS_VIEWS_N];
} ngx_http_mlops_table_t;


static ngx_int_t ngx_http_mlops_zone_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t ngx_http_mlops_worker_alive(ngx_pid_t pid);
static void ngx_http_mlops_worker_forget(ngx_uint_t slot);
static ngx_uint_t ngx_http_mlops_series_here(ngx_http_mlops_series_t *series);
static ngx_http_mlops_series_t *ngx_http_mlops_series_find(u_char *model,
    u_char *version);
static ngx_http_mlops_series_t *ngx_http_mlops_series_make(u_char *model,
    u_char *version);
static ngx_http_mlops_series_t *ngx_http_mlops_series_recycle(u_char *model,
    ngx_http_mlops_series_t *other);
static ngx_uint_t ngx_http_mlops_series_used(ngx_http_mlops_series_t *series);
static void ngx_http_mlops_series_move(ngx_http_mlops_series_t *to,
    ngx_http_mlops_series_t *from);
static void ngx_http_mlops_series_hold(ngx_http_mlops_series_t *series);
static ngx_http_mlops_series_t *ngx_http_mlops_count_series(
    ngx_http_mlops_model_t *model, ngx_http_mlops_version_t *version);
static void ngx_http_mlops_count_notice(ngx_http_mlops_series_t *series,
    const mlops_notice_t *notice, const mlops_join_notice_t *joined);
static ngx_uint_t ngx_http_mlops_code_index(ngx_uint_t status);
static int ngx_libc_cdecl ngx_http_mlops_series_cmp(const void *one,
    const void *two);


const ngx_uint_t  ngx_http_mlops_codes[NGX_HTTP_MLOPS_CODES_N] = {
    200, 400, 401, 403, 404, 405, 408, 413, 415, 499, 500, 503, 0
};


const uint64_t  ngx_http_mlops_bounds[NGX_HTTP_MLOPS_BUCKETS_N - 1] = {
    1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000,
    1000000, 2500000, 5000000, 10000000, 25000000, 50000000, 100000000,
    1000000000
};


const char  *ngx_http_mlops_bound_names[NGX_HTTP_MLOPS_BUCKETS_N] = {
    "1e-06", "2.5e-06", "5e-06", "1e-05", "2.5e-05", "5e-05", "0.0001",
    "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
    "0.1", "1", "+Inf"
};


#define ngx_http_mlops_is_digit(c)  ((c) >= '0' && (c) <= '9')


static ngx_str_t  ngx_http_mlops_zone_name = ngx_string("mlops_counters");


/* Of this process. */

static ngx_slab_pool_t          *ngx_http_mlops_pool;
static ngx_http_mlops_table_t   *ngx_http_mlops_table;
static ngx_uint_t                ngx_http_mlops_counting;    /* may begin */
static ngx_uint_t                ngx_http_mlops_slot;
static ngx_http_mlops_series_t  *ngx_http_mlops_unknown_series;
static uint32_t                  ngx_http_mlops_held[NGX_HTTP_MLOPS_SERIES_N];


ngx_int_t
ngx_http_mlops_counters_zone(ngx_conf_t *cf, ngx_http_mlops_main_conf_t *mmcf)
{
    size_t  size;

    /* the slab pool's own pages come on top */

    size = ngx_align(sizeof(ngx_http_mlops_table_t), ngx_pagesize)
           + 16 * ngx_pagesize;

    mmcf->zone = ngx_shared_memory_add(cf, &ngx_http_mlops_zone_name, size,
                                       &ngx_http_mlops_module);
    if (mmcf->zone == NULL) {
        return NGX_ERROR;
    }

    mmcf->zone->init = ngx_http_mlops_zone_init;
    mmcf->zone->data = mmcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_mlops_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t         *pool;
    ngx_http_mlops_table_t  *table;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL || zone->shm.exists) {
        return NGX_OK;
    }

    table = ngx_slab_calloc(pool, sizeof(ngx_http_mlops_table_t));
    if (table == NULL) {
        return NGX_ERROR;
    }

    pool->data = table;

    return NGX_OK;
}


void
ngx_http_mlops_counters_init(ngx_http_mlops_main_conf_t *mmcf)
{
    ngx_uint_t        i;
    ngx_str_t         unknown;
    ngx_slab_pool_t  *pool;

    ngx_http_mlops_counting = 1;
    pool = NULL;

    if (mmcf != NULL && mmcf->zone != NULL) {
        pool = (ngx_slab_pool_t *) mmcf->zone->shm.addr;
    }

    if (ngx_http_mlops_table != NULL && pool == ngx_http_mlops_pool) {
        return;
    }

    ngx_http_mlops_pool = pool;
    ngx_http_mlops_table = NULL;
    ngx_http_mlops_unknown_series = NULL;
    ngx_http_mlops_slot = NGX_HTTP_MLOPS_WORKERS_N;
    ngx_memzero(ngx_http_mlops_held, sizeof(ngx_http_mlops_held));

    if (pool == NULL) {
        return;
    }

    ngx_http_mlops_table = pool->data;

    ngx_shmtx_lock(&ngx_http_mlops_pool->mutex);

    for (i = 0; i < NGX_HTTP_MLOPS_WORKERS_N; i++) {

        /* one that had our number is dead as well */

        if (ngx_http_mlops_table->workers[i] == ngx_pid
            || (ngx_http_mlops_table->workers[i] != 0
                && !ngx_http_mlops_worker_alive(
                        ngx_http_mlops_table->workers[i])))
        {
            ngx_http_mlops_worker_forget(i);
        }

        if (ngx_http_mlops_table->workers[i] == 0
            && ngx_http_mlops_slot == NGX_HTTP_MLOPS_WORKERS_N)
        {
            ngx_http_mlops_table->workers[i] = ngx_pid;
            ngx_http_mlops_slot = i;
        }
    }

    ngx_shmtx_unlock(&ngx_http_mlops_pool->mutex);

    ngx_str_set(&unknown, "_unknown");
    ngx_http_mlops_unknown_series = ngx_http_mlops_series_get(&unknown, NULL);
}


void
ngx_http_mlops_counters_conf(ngx_http_mlops_main_conf_t *mmcf)
{
    if (ngx_http_mlops_counting) {
        ngx_http_mlops_counters_init(mmcf);
    }
}


void
ngx_http_mlops_counters_exit(void)
{
    ngx_http_mlops_counting = 0;

    if (ngx_http_mlops_table == NULL
        || ngx_http_mlops_slot == NGX_HTTP_MLOPS_WORKERS_N)
    {
        return;
    }

    ngx_shmtx_lock(&ngx_http_mlops_pool->mutex);
    ngx_http_mlops_worker_forget(ngx_http_mlops_slot);
    ngx_shmtx_unlock(&ngx_http_mlops_pool->mutex);

    ngx_http_mlops_table = NULL;
}


static ngx_int_t
ngx_http_mlops_worker_alive(ngx_pid_t pid)
{
    return kill(pid, 0) == 0 || ngx_errno != NGX_ESRCH;
}


static void
ngx_http_mlops_worker_forget(ngx_uint_t slot)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_MLOPS_SERIES_N; i++) {
        ngx_http_mlops_table->series[i].users[slot / 64] &=
            ~((uint64_t) 1 << (slot % 64));
    }

    ngx_http_mlops_table->workers[slot] = 0;
}


ngx_http_mlops_series_t *
ngx_http_mlops_series_get(ngx_str_t *model, ngx_str_t *version)
{
    u_char                    name[MLOPS_NAME_LEN + 1];
    u_char                    number[MLOPS_VERSION_LEN + 1];
    ngx_http_mlops_series_t  *series;

    if (ngx_http_mlops_table == NULL) {
        return NULL;
    }

    ngx_cpystrn(name, model->data, ngx_min(model->len + 1, sizeof(name)));
    number[0] = '\0';

    if (version != NULL) {
        ngx_cpystrn(number, version->data,
                    ngx_min(version->len + 1, sizeof(number)));
    }

    ngx_shmtx_lock(&ngx_http_mlops_pool->mutex);

    series = ngx_http_mlops_series_find(name, number);

    if (series == NULL) {
        series = ngx_http_mlops_series_make(name, number);
    }

    if (series == NULL) {
        series = ngx_http_mlops_unknown_series;
    }

    if (series != NULL) {
        ngx_http_mlops_series_hold(series);
    }

    ngx_shmtx_unlock(&ngx_http_mlops_pool->mutex);

    return series;
}


void
ngx_http_mlops_series_release(ngx_http_mlops_series_t *series)
{
    ngx_uint_t  i;

    if (!ngx_http_mlops_series_here(series)) {
        return;
    }

    i = series - ngx_http_mlops_table->series;

    if (ngx_http_mlops_held[i] == 0 || --ngx_http_mlops_held[i] != 0
        || ngx_http_mlops_slot == NGX_HTTP_MLOPS_WORKERS_N)
    {
        return;
    }

    ngx_shmtx_lock(&ngx_http_mlops_pool->mutex);

    series->users[ngx_http_mlops_slot / 64] &=
        ~((uint64_t) 1 << (ngx_http_mlops_slot % 64));

    ngx_shmtx_unlock(&ngx_http_mlops_pool->mutex);
}


/* A process without a master may get a configuration without a zone, and
 * then one with another, while a version still has its series. */

static ngx_uint_t
ngx_http_mlops_series_here(ngx_http_mlops_series_t *series)
{
    return ngx_http_mlops_table != NULL
           && series >= ngx_http_mlops_table->series
           && series < ngx_http_mlops_table->series + NGX_HTTP_MLOPS_SERIES_N;
}


static ngx_http_mlops_series_t *
ngx_http_mlops_series_find(u_char *model, u_char *version)
{
    ngx_uint_t                i;
    ngx_http_mlops_series_t  *series;

    series = ngx_http_mlops_table->series;

    for (i = 0; i < NGX_HTTP_MLOPS_SERIES_N; i++) {

        if (series[i].made != 0
            && ngx_strcmp(series[i].model, model) == 0
            && ngx_strcmp(series[i].version, version) == 0)
        {
            return &series[i];
        }
    }

    return NULL;
}


/* A new series, a recycled one, or the model's "_other". */

static ngx_http_mlops_series_t *
ngx_http_mlops_series_make(u_char *model, u_char *version)
{
    ngx_uint_t                i, n;
    ngx_http_mlops_series_t  *series, *place, *other;

    n = 0;
    place = NULL;
    series = ngx_http_mlops_table->series;

    for (i = 0; i < NGX_HTTP_MLOPS_SERIES_N; i++) {

        if (series[i].made == 0) {
            if (place == NULL) {
                place = &series[i];
            }

        } else if (ngx_strcmp(series[i].model, model) == 0) {
            n++;
        }
    }

    other = ngx_http_mlops_series_find(model, (u_char *) "_other");

    if (version[0] != '\0' && n >= NGX_HTTP_MLOPS_VERSIONS_N) {

        if (other == NULL) {
            other = place;

            if (other == NULL) {
                return NULL;
            }

            ngx_cpystrn(other->model, model, sizeof(other->model));
            ngx_cpystrn(other->version, (u_char *) "_other",
                        sizeof(other->version));
            other->made = ++ngx_http_mlops_table->made;
        }

        place = ngx_http_mlops_series_recycle(model, other);

        if (place == NULL) {
            return other;
        }
    }

    if (place == NULL) {
        return other;
    }

    ngx_cpystrn(place->model, model, sizeof(place->model));
    ngx_cpystrn(place->version, version, sizeof(place->version));
    place->made = ++ngx_http_mlops_table->made;

    return place;
}


static ngx_http_mlops_series_t *
ngx_http_mlops_series_recycle(u_char *model, ngx_http_mlops_series_t *other)
{
    ngx_uint_t                i;
    ngx_http_mlops_series_t  *series, *oldest;

    oldest = NULL;
    series = ngx_http_mlops_table->series;

    for (i = 0; i < NGX_HTTP_MLOPS_SERIES_N; i++) {

        if (series[i].made == 0 || &series[i] == other
            || series[i].version[0] == '\0'
            || ngx_strcmp(series[i].model, model) != 0
            || ngx_http_mlops_series_used(&series[i]))
        {
            continue;
        }

        if (oldest == NULL || series[i].made < oldest->made) {
            oldest = &series[i];
        }
    }

    if (oldest == NULL) {
        return NULL;
    }

    ngx_http_mlops_series_move(other, oldest);
    ngx_memzero(oldest, sizeof(ngx_http_mlops_series_t));

    return oldest;
}


static ngx_uint_t
ngx_http_mlops_series_used(ngx_http_mlops_series_t *series)
{
    ngx_uint_t  i;

    if (series->kept) {
        return 1;
    }

    for (i = 0; i < NGX_HTTP_MLOPS_WORKERS_N; i++) {

        if (!(series->users[i / 64] >> (i % 64) & 1)) {
            continue;
        }

        if (ngx_http_mlops_worker_alive(ngx_http_mlops_table->workers[i])) {
            return 1;
        }

        ngx_http_mlops_worker_forget(i);
    }

    return 0;
}


static void
ngx_http_mlops_series_move(ngx_http_mlops_series_t *to,
    ngx_http_mlops_series_t *from)
{
    ngx_uint_t     i, n;
    ngx_atomic_t  *a, *b;

    a = (ngx_atomic_t *) to;
    b = (ngx_atomic_t *) from;
    n = offsetof(ngx_http_mlops_series_t, users) / sizeof(ngx_atomic_t);

    for (i = 0; i < n; i++) {
        (void) ngx_atomic_fetch_add(&a[i], b[i]);
    }
}


static void
ngx_http_mlops_series_hold(ngx_http_mlops_series_t *series)
{
    ngx_http_mlops_held[series - ngx_http_mlops_table->series]++;

    if (ngx_http_mlops_slot == NGX_HTTP_MLOPS_WORKERS_N) {

        /* more workers than places: this series is never recycled */

        series->kept = 1;
        return;
    }

    series->users[ngx_http_mlops_slot / 64] |=
        (uint64_t) 1 << (ngx_http_mlops_slot % 64);
}


void
ngx_http_mlops_count(ngx_http_mlops_ctx_t *ctx, ngx_uint_t status)
{
    ngx_uint_t                i;
    ngx_http_mlops_series_t  *series;

    series = ngx_http_mlops_count_series(ctx->model, ctx->version);

    if (!ngx_http_mlops_series_here(series)) {
        return;
    }

    (void) ngx_atomic_fetch_add(
               &series->codes[ngx_http_mlops_code_index(status)], 1);

    if (ctx->latency_ns == 0) {
        return;
    }

    for (i = 0; i < NGX_HTTP_MLOPS_BUCKETS_N - 1; i++) {
        if (ctx->latency_ns <= ngx_http_mlops_bounds[i]) {
            break;
        }
    }

    (void) ngx_atomic_fetch_add(&series->buckets[i], 1);
    (void) ngx_atomic_fetch_add(&series->sum_ns, ctx->latency_ns);

    if (ctx->results.n != 0) {
        (void) ngx_atomic_fetch_add(&series->rows, ctx->results.n);
    }

    ngx_http_mlops_count_notice(series, &ctx->notice, &ctx->joined);
}


void
ngx_http_mlops_count_set(ngx_http_mlops_model_t *model,
    ngx_http_mlops_version_t *version, const mlops_notice_t *notice,
    const mlops_join_notice_t *joined, ngx_uint_t ok)
{
    ngx_http_mlops_series_t  *series;

    series = ngx_http_mlops_count_series(model, version);

    if (!ngx_http_mlops_series_here(series)) {
        return;
    }

    (void) ngx_atomic_fetch_add(&series->sets[ok], 1);

    if (!ok) {
        return;
    }

    (void) ngx_atomic_fetch_add(&series->rows, 1);

    ngx_http_mlops_count_notice(series, notice, joined);
}


static void
ngx_http_mlops_count_notice(ngx_http_mlops_series_t *series,
    const mlops_notice_t *notice, const mlops_join_notice_t *joined)
{
    if (notice->range_rows != 0) {
        (void) ngx_atomic_fetch_add(&series->range_rows, notice->range_rows);
    }

    if (notice->default_rows != 0) {
        (void) ngx_atomic_fetch_add(&series->default_rows,
                                    notice->default_rows);
    }

    if (joined->missing_rows != 0) {
        (void) ngx_atomic_fetch_add(&series->missing_rows,
                                    joined->missing_rows);
    }

    if (joined->stale_rows != 0) {
        (void) ngx_atomic_fetch_add(&series->stale_rows, joined->stale_rows);
    }

    if (joined->warming_rows != 0) {
        (void) ngx_atomic_fetch_add(&series->warming_rows,
                                    joined->warming_rows);
    }
}


static ngx_http_mlops_series_t *
ngx_http_mlops_count_series(ngx_http_mlops_model_t *model,
    ngx_http_mlops_version_t *version)
{
    if (version != NULL) {

        if (version->series == NULL) {
            version->series = ngx_http_mlops_series_get(&version->owner->name,
                                                        &version->name);
        }

        return version->series;
    }

    if (model == NULL) {
        return ngx_http_mlops_unknown_series;
    }

    if (model->series == NULL) {
        model->series = ngx_http_mlops_series_get(&model->name, NULL);
    }

    return model->series;
}


void
ngx_http_mlops_count_swap(ngx_http_mlops_model_t *model, ngx_uint_t ok)
{
    ngx_http_mlops_series_t  *series;

    series = ngx_http_mlops_count_series(model, NULL);

    if (!ngx_http_mlops_series_here(series)) {
        return;
    }

    (void) ngx_atomic_fetch_add(ok ? &series->swaps : &series->refused, 1);
}


ngx_http_mlops_view_series_t *
ngx_http_mlops_view_series(ngx_str_t *name)
{
    ngx_uint_t                     i;
    ngx_http_mlops_view_series_t  *series;

    if (ngx_http_mlops_table == NULL) {
        return NULL;
    }

    ngx_shmtx_lock(&ngx_http_mlops_pool->mutex);

    for (i = 0; /* void */ ; i++) {
        series = &ngx_http_mlops_table->views[i];

        if (i == NGX_HTTP_MLOPS_VIEWS_N - 1) {
            ngx_cpystrn(series->name, (u_char *) "_other",
                        sizeof(series->name));
            break;
        }

        if (series->name[0] == '\0') {
            ngx_cpystrn(series->name, name->data,
                        ngx_min(name->len + 1, sizeof(series->name)));
            break;
        }

        if (ngx_strlen(series->name) == name->len
            && ngx_strncmp(series->name, name->data, name->len) == 0)
        {
            break;
        }
    }

    ngx_shmtx_unlock(&ngx_http_mlops_pool->mutex);

    return series;
}


/* As for a series of versions: is it of the zone at hand? */

static ngx_uint_t
ngx_http_mlops_view_series_here(ngx_http_mlops_view_series_t *series)
{
    return ngx_http_mlops_table != NULL
           && series >= ngx_http_mlops_table->views
           && series < ngx_http_mlops_table->views + NGX_HTTP_MLOPS_VIEWS_N;
}


void
ngx_http_mlops_count_lookups(ngx_http_mlops_view_series_t *series,
    ngx_uint_t status, ngx_uint_t n)
{
    if (ngx_http_mlops_view_series_here(series)) {
        (void) ngx_atomic_fetch_add(&series->lookups[status], n);
    }
}


void
ngx_http_mlops_count_reopened(ngx_http_mlops_view_series_t *series)
{
    if (ngx_http_mlops_view_series_here(series)) {
        (void) ngx_atomic_fetch_add(&series->reopened, 1);
    }
}


static ngx_uint_t
ngx_http_mlops_code_index(ngx_uint_t status)
{
    ngx_uint_t  i;

    for (i = 0; i < NGX_HTTP_MLOPS_CODES_N - 1; i++) {
        if (ngx_http_mlops_codes[i] == status) {
            break;
        }
    }

    return i;
}


ngx_http_mlops_series_t *
ngx_http_mlops_series_snapshot(ngx_pool_t *pool, ngx_uint_t *n)
{
    ngx_uint_t                i;
    ngx_http_mlops_series_t  *copy;

    *n = 0;

    copy = ngx_palloc(pool, sizeof(ngx_http_mlops_table_t));

    if (copy == NULL || ngx_http_mlops_table == NULL) {
        return copy;
    }

    ngx_shmtx_lock(&ngx_http_mlops_pool->mutex);

    for (i = 0; i < NGX_HTTP_MLOPS_SERIES_N; i++) {

        if (ngx_http_mlops_table->series[i].made != 0) {
            copy[(*n)++] = ngx_http_mlops_table->series[i];
        }
    }

    ngx_shmtx_unlock(&ngx_http_mlops_pool->mutex);

    ngx_qsort(copy, *n, sizeof(ngx_http_mlops_series_t),
              ngx_http_mlops_series_cmp);

    return copy;
}


ngx_http_mlops_view_series_t *
ngx_http_mlops_view_series_snapshot(ngx_pool_t *pool, ngx_uint_t *n)
{
    ngx_uint_t                     i;
    ngx_http_mlops_view_series_t  *copy, *series;

    *n = 0;

    copy = ngx_palloc(pool, NGX_HTTP_MLOPS_VIEWS_N
                            * sizeof(ngx_http_mlops_view_series_t));

    if (copy == NULL || ngx_http_mlops_table == NULL) {
        return copy;
    }

    ngx_shmtx_lock(&ngx_http_mlops_pool->mutex);

    for (i = 0; i < NGX_HTTP_MLOPS_VIEWS_N; i++) {
        series = &ngx_http_mlops_table->views[i];

        if (series->name[0] != '\0') {
            copy[(*n)++] = *series;
        }
    }

    ngx_shmtx_unlock(&ngx_http_mlops_pool->mutex);

    return copy;
}


static int ngx_libc_cdecl
ngx_http_mlops_series_cmp(const void *one, const void *two)
{
    int                             rc;
    const ngx_http_mlops_series_t  *a, *b;

    a = one;
    b = two;

    rc = ngx_strcmp(a->model, b->model);

    if (rc != 0) {
        return rc;
    }

    /* "" and "_other" are no versions */

    if (ngx_http_mlops_is_digit(a->version[0])
        && ngx_http_mlops_is_digit(b->version[0]))
    {
        return mlops_version_cmp((const char *) a->version,
                                 (const char *) b->version);
    }

    return ngx_strcmp(a->version, b->version);
}


ngx_uint_t
ngx_http_mlops_workers(void)
{
    ngx_uint_t  i, n;

    if (ngx_http_mlops_table == NULL) {
        return 0;
    }

    n = 0;

    for (i = 0; i < NGX_HTTP_MLOPS_WORKERS_N; i++) {

        if (ngx_http_mlops_table->workers[i] != 0
            && ngx_http_mlops_worker_alive(ngx_http_mlops_table->workers[i]))
        {
            n++;
        }
    }

    return n;
}
