/*
 * The worker's feature tables.
 *
 * Each view of the plan has a table for every shard, whose file name holds
 * the hash of the view's definition: old and new workers of a reload read
 * side by side, each its own.  A table that is not there is no error: its
 * entities are not found until it comes.
 *
 * Files are looked for outside of requests, on the timer of _swap:
 *
 *     50 ms   has the directory changed?  Its time tells, as in _look.  Does
 *             a header say that its file is superseded?
 *     1 s     what is not mapped, whatever the time says
 *
 * A lookup is one function call, so no request holds a table: an old one goes
 * at once, and with it the lock that tells the writer to feed it; a large
 * mapping is taken down in slices.  When the store goes, what is mapped stays.
 */

#include "ngx_http_mlops_views.h"
#include "ngx_http_mlops_counters.h"


#define NGX_HTTP_MLOPS_VIEWS_FRESH  2       /* s */
#define NGX_HTTP_MLOPS_VIEWS_LOOK   1000    /* ms */


typedef struct {
    ngx_http_mlops_main_conf_t   *mmcf;
    ngx_http_mlops_view_t        *views;
    ngx_uint_t                    n;

    int                           features; /* the directory, or -1 */
    ngx_http_mlops_stamp_t        stamp;    /* of it, at the last look */
    ngx_msec_t                    looked;   /* for what is not mapped */
} ngx_http_mlops_reader_t;


static ngx_int_t ngx_http_mlops_view_init(ngx_http_mlops_view_t *view,
    const mlops_plan_view_t *plan, ngx_log_t *log);
static void ngx_http_mlops_view_free(ngx_http_mlops_view_t *view);
static ngx_uint_t ngx_http_mlops_views_changed(void);
static ngx_uint_t ngx_http_mlops_view_superseded(ngx_http_mlops_view_t *view);
static void ngx_http_mlops_view_look(ngx_http_mlops_view_t *view,
    ngx_uint_t all, ngx_log_t *log);
static void ngx_http_mlops_view_shard(ngx_http_mlops_view_t *view,
    uint32_t shard, ngx_log_t *log);
static void ngx_http_mlops_view_refuse(ngx_http_mlops_view_t *view,
    uint32_t shard, struct stat *st, mlops_err_t *err, ngx_log_t *log);
static ngx_uint_t ngx_http_mlops_shard_is(ngx_http_mlops_shard_t *shard,
    struct stat *st);
static void ngx_http_mlops_shard_set(ngx_http_mlops_shard_t *shard,
    struct stat *st);
static ngx_int_t ngx_http_mlops_view_check(ngx_http_mlops_view_t *view,
    uint32_t shard, const mlops_table_t *table, mlops_err_t *err);
static ngx_int_t ngx_http_mlops_view_text(ngx_http_mlops_view_t *view,
    const mlops_table_t *table, mlops_err_t *err);


static ngx_http_mlops_reader_t  reader = { NULL, NULL, 0, -1, { 0, { 0, 0 } },
                                           0 };


void
ngx_http_mlops_views_init(ngx_http_mlops_main_conf_t *mmcf, ngx_log_t *log)
{
    ngx_uint_t  i;

    ngx_http_mlops_views_exit();

    reader.mmcf = mmcf;

    if (mmcf->plan.views_n == 0) {
        return;
    }

    reader.views = ngx_calloc(mmcf->plan.views_n
                              * sizeof(ngx_http_mlops_view_t), log);
    if (reader.views == NULL) {
        return;
    }

    for (i = 0; i < mmcf->plan.views_n; i++) {

        if (ngx_http_mlops_view_init(&reader.views[i], &mmcf->plan.views[i],
                                     log)
            != NGX_OK)
        {
            ngx_http_mlops_view_free(&reader.views[i]);
            break;
        }

        reader.n++;
    }
}


static ngx_int_t
ngx_http_mlops_view_init(ngx_http_mlops_view_t *view,
    const mlops_plan_view_t *plan, ngx_log_t *log)
{
    ngx_str_t  name;

    view->plan = plan;
    view->tables.view = plan;

    view->tables.shards = ngx_calloc(plan->shards * sizeof(mlops_table_t *),
                                     log);
    view->tables.cells = ngx_calloc(plan->row.n * sizeof(mlops_cell_t), log);
    view->tables.present = ngx_calloc(mlops_row_words(plan->row.n)
                                      * sizeof(uint64_t), log);
    view->open = ngx_calloc(plan->shards * sizeof(ngx_http_mlops_shard_t),
                            log);
    view->refused = ngx_calloc(plan->shards * sizeof(ngx_http_mlops_shard_t),
                               log);

    if (view->tables.shards == NULL || view->tables.cells == NULL
        || view->tables.present == NULL || view->open == NULL
        || view->refused == NULL)
    {
        return NGX_ERROR;
    }

    name.data = (u_char *) plan->name.data;
    name.len = plan->name.len;

    view->series = ngx_http_mlops_view_series(&name);

    return NGX_OK;
}


static void
ngx_http_mlops_view_free(ngx_http_mlops_view_t *view)
{
    uint32_t  i;

    if (view->tables.shards != NULL) {

        for (i = 0; i < view->plan->shards; i++) {
            mlops_table_close(view->tables.shards[i]);
        }

        ngx_free(view->tables.shards);
    }

    if (view->tables.cells != NULL) {
        ngx_free(view->tables.cells);
    }

    if (view->tables.present != NULL) {
        ngx_free(view->tables.present);
    }

    if (view->tables.text != NULL) {
        ngx_free(view->tables.text);
    }

    if (view->open != NULL) {
        ngx_free(view->open);
    }

    if (view->refused != NULL) {
        ngx_free(view->refused);
    }
}


void
ngx_http_mlops_views_exit(void)
{
    while (reader.n != 0) {
        ngx_http_mlops_view_free(&reader.views[--reader.n]);
    }

    if (reader.views != NULL) {
        ngx_free(reader.views);
        reader.views = NULL;
    }

    reader.stamp.ino = 0;
    reader.mmcf = NULL;
}


/* The tables of the store before stay until this one has a word on them. */

void
ngx_http_mlops_views_store(const mlops_store_t *store, ngx_log_t *log)
{
    if (reader.features != -1) {
        (void) close(reader.features);
        reader.features = -1;
    }

    reader.stamp.ino = 0;

    if (store == NULL) {
        return;
    }

    reader.features = openat(store->fd, "features",
                             O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (reader.features == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      "mlops: openat(\"%s/features\") failed", store->path);
    }
}


void
ngx_http_mlops_views_look(ngx_log_t *log)
{
    ngx_uint_t  i, all, some;

    if (reader.features == -1 || reader.n == 0) {
        return;
    }

    all = ngx_http_mlops_views_changed();
    some = (ngx_current_msec - reader.looked >= NGX_HTTP_MLOPS_VIEWS_LOOK);

    if (some) {
        reader.looked = ngx_current_msec;
    }

    for (i = 0; i < reader.n; i++) {
        if (all || some || ngx_http_mlops_view_superseded(&reader.views[i])) {
            ngx_http_mlops_view_look(&reader.views[i], all, log);
        }
    }
}


/* The time is taken before the files are looked at. */

static ngx_uint_t
ngx_http_mlops_views_changed(void)
{
    struct stat  st;

    if (fstat(reader.features, &st) == -1) {
        return 1;
    }

    if (reader.stamp.ino == st.st_ino
        && reader.stamp.ctime.tv_sec == st.st_ctim.tv_sec
        && reader.stamp.ctime.tv_nsec == st.st_ctim.tv_nsec)
    {
        return 0;
    }

    reader.stamp.ino = 0;

    if (st.st_ctim.tv_sec + NGX_HTTP_MLOPS_VIEWS_FRESH <= ngx_time()) {
        reader.stamp.ino = st.st_ino;
        reader.stamp.ctime = st.st_ctim;
    }

    return 1;
}


static ngx_uint_t
ngx_http_mlops_view_superseded(ngx_http_mlops_view_t *view)
{
    uint32_t        i;
    mlops_table_t  *table;

    for (i = 0; i < view->plan->shards; i++) {
        table = view->tables.shards[i];

        if (table != NULL
            && mlops_table_superseded(mlops_table_header(table)))
        {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_mlops_view_look(ngx_http_mlops_view_t *view, ngx_uint_t all,
    ngx_log_t *log)
{
    uint32_t        i;
    mlops_table_t  *table;

    for (i = 0; i < view->plan->shards; i++) {
        table = view->tables.shards[i];

        if (all || table == NULL
            || mlops_table_superseded(mlops_table_header(table)))
        {
            ngx_http_mlops_view_shard(view, i, log);
        }
    }
}


/* What is noted of a file is from before it was opened: where another one has
 * its name by then, the next look opens once more. */

static void
ngx_http_mlops_view_shard(ngx_http_mlops_view_t *view, uint32_t shard,
    ngx_log_t *log)
{
    char               name[MLOPS_TABLE_NAME_SIZE];
    struct stat        st;
    mlops_err_t        err;
    mlops_table_t     *table, *old;
    mlops_map_file_t   map;

    mlops_table_name(view->plan, shard, name);

    if (fstatat(reader.features, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return;
    }

    old = view->tables.shards[shard];

    if ((old != NULL && st.st_ino == view->open[shard].ino
         && st.st_dev == view->open[shard].dev)
        || ngx_http_mlops_shard_is(&view->refused[shard], &st))
    {
        return;
    }

    table = mlops_table_open(reader.features, name, reader.mmcf->uid, &err);

    if (table != NULL
        && (ngx_http_mlops_view_check(view, shard, table, &err) != NGX_OK
            || ngx_http_mlops_view_text(view, table, &err) != NGX_OK))
    {
        mlops_table_close(table);
        table = NULL;
    }

    if (table == NULL) {

        ngx_http_mlops_view_refuse(view, shard, &st, &err, log);
        return;
    }

    if (old != NULL) {
        mlops_table_detach(old, &map);
        ngx_http_mlops_swap_unmap(&map);
    }

    view->tables.shards[shard] = table;
    view->refused[shard].ino = 0;
    view->error[0] = '\0';

    ngx_http_mlops_shard_set(&view->open[shard], &st);

    if (old != NULL) {
        ngx_http_mlops_count_reopened(view->series);
    }

    ngx_log_error(NGX_LOG_INFO, log, 0, "mlops: feature table \"%s\" is %s",
                  name, (old != NULL) ? "replaced" : "open");
}


/* A file is refused until it changes, unless it is not to blame. */

static void
ngx_http_mlops_view_refuse(ngx_http_mlops_view_t *view, uint32_t shard,
    struct stat *st, mlops_err_t *err, ngx_log_t *log)
{
    ngx_err_t  code;

    code = ngx_errno;

    if (code == NGX_ENOENT) {
        return;
    }

    if (code != NGX_ENOMEM && code != EMFILE && code != ENFILE
        && code != NGX_EAGAIN)
    {
        ngx_http_mlops_shard_set(&view->refused[shard], st);
    }

    if (ngx_strcmp(view->error, err->text) == 0) {
        return;
    }

    (void) ngx_cpystrn(view->error, (u_char *) err->text,
                       sizeof(view->error));

    ngx_log_error(NGX_LOG_ERR, log, 0, "mlops: view \"%*s\": %s",
                  view->plan->name.len, view->plan->name.data, err->text);
}


static ngx_uint_t
ngx_http_mlops_shard_is(ngx_http_mlops_shard_t *shard, struct stat *st)
{
    return shard->ino != 0 && shard->ino == st->st_ino
           && shard->dev == st->st_dev
           && shard->ctime.tv_sec == st->st_ctim.tv_sec
           && shard->ctime.tv_nsec == st->st_ctim.tv_nsec;
}


static void
ngx_http_mlops_shard_set(ngx_http_mlops_shard_t *shard, struct stat *st)
{
    shard->dev = st->st_dev;
    shard->ino = st->st_ino;
    shard->ctime = st->st_ctim;
}


/* The file is sound; is it what its name says? */

static ngx_int_t
ngx_http_mlops_view_check(ngx_http_mlops_view_t *view, uint32_t shard,
    const mlops_table_t *table, mlops_err_t *err)
{
    uint32_t                     i;
    const mlops_schema_t        *row;
    const mlops_table_header_t  *header;
    const mlops_table_column_t  *column;

    row = &view->plan->row;
    header = mlops_table_header(table);

    ngx_set_errno(0);

    if (header->definition != view->plan->hash
        || header->shards != view->plan->shards || header->shard != shard
        || header->key_type != (uint32_t) view->plan->entity_type
        || header->columns_n != row->n)
    {
        (void) mlops_err_set(err, "shard %u: the file's header is that of "
                             "another table", shard);
        return NGX_ERROR;
    }

    for (i = 0; i < row->n; i++) {
        column = &mlops_table_columns(table)[i];

        if (column->type != (uint32_t) row->columns[i].type
            || !mlops_str_eq(&row->columns[i].name, column->name,
                             column->name_len))
        {
            (void) mlops_err_set(err, "shard %u: column %u is another one "
                                 "than \"%.*s\"", shard, i,
                                 mlops_fmt(&row->columns[i].name));
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* All files of one definition take the same room. */

static ngx_int_t
ngx_http_mlops_view_text(ngx_http_mlops_view_t *view,
    const mlops_table_t *table, mlops_err_t *err)
{
    char    *text;
    size_t   size;

    size = mlops_table_text_size(table) + 8;

    if (view->tables.text != NULL && size <= view->text_size) {
        return NGX_OK;
    }

    text = ngx_alloc(size, ngx_cycle->log);

    if (text == NULL) {
        ngx_set_errno(NGX_ENOMEM);
        (void) mlops_err_set(err, "out of memory: %zu bytes", size);
        return NGX_ERROR;
    }

    if (view->tables.text != NULL) {
        ngx_free(view->tables.text);
    }

    view->tables.text = text;
    view->text_size = size;

    return NGX_OK;
}


ngx_http_mlops_view_t *
ngx_http_mlops_views(ngx_uint_t *n)
{
    *n = reader.n;

    return reader.views;
}


ngx_http_mlops_view_t *
ngx_http_mlops_view(const mlops_plan_view_t *plan)
{
    const mlops_plan_view_t  *views;

    if (reader.n == 0) {
        return NULL;
    }

    /* a request that began under a plan that is gone has others */

    views = reader.mmcf->plan.views;

    return (plan >= views && plan < views + reader.n)
           ? &reader.views[plan - views] : NULL;
}


void
ngx_http_mlops_view_count(ngx_http_mlops_view_t *view)
{
    ngx_uint_t  i;

    for (i = 0; i < MLOPS_STATUS_N; i++) {

        if (view->tables.counts[i] == 0) {
            continue;
        }

        ngx_http_mlops_count_lookups(view->series, i, view->tables.counts[i]);
        view->tables.counts[i] = 0;
    }
}


void
ngx_http_mlops_view_state(ngx_http_mlops_view_t *view,
    ngx_http_mlops_view_state_t *state)
{
    int64_t                beat_us;
    uint32_t               i;
    mlops_table_header_t  *header;

    ngx_memzero(state, sizeof(ngx_http_mlops_view_state_t));

    state->beat_us = INT64_MIN;

    for (i = 0; i < view->plan->shards; i++) {

        if (view->tables.shards[i] == NULL) {
            continue;
        }

        header = (mlops_table_header_t *)
                     mlops_table_header(view->tables.shards[i]);

        /* the partners of these loads are the writer's stores of the live
         * part; each stands for itself */

        state->open++;
        state->rows += atomic_load_explicit(&header->rows_n,
                                            memory_order_acquire);
        state->evicted += atomic_load_explicit(&header->evicted,
                                               memory_order_acquire);
        state->capacity += header->capacity;
        state->bytes += header->file_len;

        beat_us = atomic_load_explicit(&header->beat_us,
                                       memory_order_acquire);

        if (state->open == 1 || beat_us < state->beat_us) {
            state->beat_us = beat_us;
        }
    }

    if (state->open != 0) {
        state->age_us = ngx_max(ngx_http_mlops_now_us() - state->beat_us, 0);
    }
}


ngx_uint_t
ngx_http_mlops_view_warming(ngx_http_mlops_view_t *view, ngx_uint_t column)
{
    int64_t                       now_us, warm_us;
    uint32_t                      i, k;
    mlops_table_t                *table;
    mlops_table_column_t         *columns;
    mlops_table_partition_t      *partition;

    for (i = 0; i < view->plan->shards; i++) {
        table = view->tables.shards[i];

        if (table == NULL) {
            continue;
        }

        columns = (mlops_table_column_t *) mlops_table_columns(table);

        /* its partner is the store of mlops_table_set_warm */

        warm_us = atomic_load_explicit(&columns[column].warm_us,
                                       memory_order_acquire);

        if (warm_us == INT64_MIN) {
            continue;
        }

        if (view->plan->clock == MLOPS_CLOCK_WALL) {

            if (ngx_http_mlops_now_us() < warm_us) {
                return 1;
            }

            continue;
        }

        for (k = 0; k < MLOPS_PARTITIONS_MAX; k++) {
            partition = (mlops_table_partition_t *)
                            mlops_table_partition(table, k);
            now_us = atomic_load_explicit(&partition->clock_us,
                                          memory_order_acquire);

            if (now_us != INT64_MIN && now_us != 0 && now_us < warm_us) {
                return 1;
            }
        }
    }

    return 0;
}


int64_t
ngx_http_mlops_now_us(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000000 + (int64_t) tp->msec * 1000;
}
