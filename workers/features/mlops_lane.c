/*
 * Lanes: messages, and what is done between them.
 */

#include "mlops_lane.h"
#include "mlops_worker_log.h"
#include "mlops_clock.h"
#include "mlops_file.h"

#include <stdlib.h>
#include <time.h>


#define MLOPS_LANE_RING       (4u << 20)
#define MLOPS_LANE_SMALL      (256u << 10)  /* a ring that is drained by the
                                               thread that fills it */
#define MLOPS_LANE_HEAD       (sizeof(mlops_ring_message_t))
#define MLOPS_LANE_BATCH      32            /* events before it is drained */

#define MLOPS_LANE_AHEAD_0    12            /* events */
#define MLOPS_LANE_AHEAD_1    6

#define MLOPS_LANE_ROWS       1024          /* of a slice of work */
#define MLOPS_LANE_BYTES      (64 * 1024)

#define MLOPS_LANE_WORK_US    1000
#define MLOPS_LANE_SHOW_US    100000        /* positions without change */
#define MLOPS_LANE_STATS_US   200000
#define MLOPS_LANE_SLEEP_MS   20


typedef enum {
    MLOPS_LANE_EVENT = 0,
    MLOPS_LANE_EVENT_BIG,
    MLOPS_LANE_FOLLOW,
    MLOPS_LANE_FOLLOW_BIG,
    MLOPS_LANE_ACQUIRE,
    MLOPS_LANE_RELEASE,
    MLOPS_LANE_POSITION,
    MLOPS_LANE_WARM,
    MLOPS_LANE_COLD,
    MLOPS_LANE_CAUGHT_UP,
    MLOPS_LANE_REDEFINE,
    MLOPS_LANE_CHECKPOINT,
    MLOPS_LANE_STOP
} mlops_lane_kind_t;


/* Behind it: cells, presence words, the text of the strings. */

typedef struct {
    uint64_t  hash;                 /* first, for those who look ahead */
    int64_t   number;
    int64_t   offset;
    int64_t   ts_us;
    int64_t   max_ts_us;
    int64_t   q;
    int64_t   stamp;
    int32_t   partition;
    uint32_t  key_len;              /* the key's text comes first */
} mlops_lane_event_t;

typedef struct {
    uint64_t           hash;
    int64_t            number;
    mlops_table_row_t  row;         /* without its pointers */
    uint32_t           key_len;
    uint32_t           gone;
} mlops_lane_follow_t;

typedef struct {
    int64_t   offset;
    int32_t   partition;
    uint32_t  keep;
} mlops_lane_part_message_t;

typedef struct {
    int64_t   warm_us;
    uint32_t  column;
} mlops_lane_warm_t;

typedef struct {
    int64_t            cut_us;
    uint32_t           n;
    mlops_position_t   positions[];
} mlops_lane_checkpoint_t;


typedef struct {
    mlops_position_t   at;
    int64_t            skip;        /* applied already, by the checkpoint */
    int64_t            shown_us;
    unsigned           owned:1;
    unsigned           changed:1;
} mlops_lane_part_t;


struct mlops_lane_s {
    mlops_lane_conf_t          conf;
    const mlops_plan_view_t   *view;        /* the newest definition */
    mlops_shard_t             *shard;
    mlops_ring_t               ring;
    pthread_t                  thread;

    /* of the thread that feeds, and so no neighbours of bit fields */
    int                        started;
    uint32_t                   waiting;     /* messages, without a thread */
    _Atomic uint64_t           stalls;

    /* of the lane's */
    int                        stopped;
    int                        replaying;   /* the table may be ahead */
    int                        stepping;    /* a checkpoint is written */

    mlops_lane_part_t         *parts;       /* by partition + 1 */
    uint32_t                   owned_n;
    int32_t                   *owned;

    const mlops_plan_view_t   *olds[MLOPS_LANE_OLDS];
    uint32_t                   olds_n;

    mlops_sink_text_t          text;
    int64_t                    worked_us;
    int64_t                    counted_us;
    mlops_fresh_t              fresh;
    uint64_t                   failures;

    /* between threads */
    _Atomic int                failed;      /* err is written before it */
    mlops_err_t                err;
    _Atomic int                busy;
    _Atomic uint64_t           checkpoints;
    _Atomic uint64_t           redefined;
    _Atomic uint32_t           feeds;       /* olds_n, for others */

    pthread_mutex_t            mutex;       /* of stats */
    mlops_lane_stats_t         stats;
};


const double  mlops_fresh_bounds[MLOPS_FRESH_BUCKETS - 1] = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    30, 60
};


static void *mlops_lane_thread(void *data);
static void *mlops_lane_room(mlops_lane_t *lane, mlops_lane_kind_t kind,
    size_t bytes);
static void mlops_lane_put(mlops_lane_t *lane);
static void *mlops_lane_begin(mlops_lane_t *lane, mlops_lane_kind_t kind,
    size_t bytes, void **big);
static void mlops_lane_end(mlops_lane_t *lane, mlops_lane_kind_t kind,
    void *big);
static size_t mlops_lane_event_bytes(const mlops_plan_view_t *view,
    const mlops_key_t *key, const mlops_event_t *event);
static void mlops_lane_event_write(mlops_lane_event_t *to,
    const mlops_plan_view_t *view, const mlops_key_t *key,
    const mlops_event_t *event);
static uint64_t mlops_lane_drain_ring(mlops_lane_t *lane);
static void mlops_lane_message(mlops_lane_t *lane,
    const mlops_ring_message_t *message);
static void mlops_lane_do_event(mlops_lane_t *lane,
    const mlops_lane_event_t *from);
static void mlops_lane_do_follow(mlops_lane_t *lane,
    const mlops_lane_follow_t *from);
static void mlops_lane_do_part(mlops_lane_t *lane, mlops_lane_kind_t kind,
    const mlops_lane_part_message_t *message);
static void mlops_lane_do_position(mlops_lane_t *lane,
    const mlops_position_t *position);
static void mlops_lane_do_warm(mlops_lane_t *lane,
    const mlops_lane_warm_t *warm);
static void mlops_lane_do_redefine(mlops_lane_t *lane,
    const mlops_plan_view_t *view);
static void mlops_lane_do_checkpoint(mlops_lane_t *lane,
    const mlops_lane_checkpoint_t *checkpoint);
static int mlops_lane_tick(mlops_lane_t *lane, int64_t wall_us);
static int mlops_lane_step(mlops_lane_t *lane, size_t budget);
static void mlops_lane_refresh_olds(mlops_lane_t *lane);
static void mlops_lane_count(mlops_lane_t *lane, int64_t wall_us);
static void mlops_lane_measure(mlops_lane_t *lane, int64_t stamp);
static void mlops_lane_fail(mlops_lane_t *lane, const mlops_err_t *err);
static void mlops_lane_published(void *ctx, const mlops_plan_view_t *view,
    const mlops_key_t *key, uint64_t hash, const mlops_table_row_t *row,
    int gone);
static void mlops_lane_notice(void *ctx, const mlops_err_t *err);


static void
mlops_lane_pause(long us)
{
    struct timespec  ts;

    ts.tv_sec = us / 1000000;
    ts.tv_nsec = us % 1000000 * 1000;

    (void) nanosleep(&ts, NULL);
}


/* ---- life ---- */

mlops_lane_t *
mlops_lane_create(const mlops_lane_conf_t *conf, int *found,
    mlops_position_t *positions, uint32_t *n, int64_t *cut_us,
    mlops_err_t *err)
{
    int            rc;
    uint32_t       i;
    mlops_lane_t  *lane;

    lane = aligned_alloc(64, mlops_align(sizeof(mlops_lane_t), 64));

    if (lane == NULL) {
        (void) mlops_err_set(err, "out of memory for a shard");
        return NULL;
    }

    memset(lane, 0, sizeof(mlops_lane_t));

    lane->conf = *conf;
    lane->conf.shard.ctx = lane;
    lane->conf.shard.notice = mlops_lane_notice;
    lane->conf.shard.published = conf->sink ? mlops_lane_published : NULL;
    lane->view = conf->view;
    lane->replaying = 1;

    (void) pthread_mutex_init(&lane->mutex, NULL);

    lane->parts = calloc(MLOPS_PARTITIONS_MAX + 1, sizeof(mlops_lane_part_t));
    lane->owned = calloc(MLOPS_PARTITIONS_MAX + 1, sizeof(int32_t));

    if (lane->parts == NULL || lane->owned == NULL) {
        (void) mlops_err_set(err, "out of memory for a shard");
        goto failed;
    }

    for (i = 0; i <= MLOPS_PARTITIONS_MAX; i++) {
        lane->parts[i].at.partition = (int32_t) i - 1;
        lane->parts[i].at.offset = -1;
        lane->parts[i].at.max_ts_us = INT64_MIN;
        lane->parts[i].skip = -1;
    }

    if (mlops_ring_init(&lane->ring, conf->threaded ? MLOPS_LANE_RING
                                                    : MLOPS_LANE_SMALL, err)
        != MLOPS_OK)
    {
        goto failed;
    }

    lane->ring.alone = !conf->threaded;
    lane->shard = mlops_shard_create(conf->view, &lane->conf.shard, err);

    if (lane->shard == NULL) {
        goto failed;
    }

    *found = 0;
    *n = 0;
    *cut_us = INT64_MIN;

    if (conf->shard.state != -1) {
        rc = mlops_shard_load(lane->shard, positions, n, cut_us, err);

        if (rc == MLOPS_ERROR) {
            goto failed;
        }

        *found = (rc == MLOPS_OK);
    }

    return lane;

failed:

    mlops_lane_destroy(lane);

    return NULL;
}


void
mlops_lane_destroy(mlops_lane_t *lane)
{
    if (lane == NULL) {
        return;
    }

    if (lane->started) {
        (void) mlops_lane_room(lane, MLOPS_LANE_STOP, 0);
        mlops_lane_put(lane);
        (void) pthread_join(lane->thread, NULL);
    }

    if (lane->shard != NULL) {
        mlops_shard_destroy(lane->shard);
    }

    mlops_ring_destroy(&lane->ring);
    (void) pthread_mutex_destroy(&lane->mutex);

    free(lane->text.data);
    free(lane->owned);
    free(lane->parts);
    free(lane);
}


int
mlops_lane_start(mlops_lane_t *lane, mlops_err_t *err)
{
    int  rc;

    if (!lane->conf.threaded) {
        return MLOPS_OK;
    }

    rc = pthread_create(&lane->thread, NULL, mlops_lane_thread, lane);

    if (rc != 0) {
        return mlops_err_set(err, "cannot start the thread of shard %u: %s",
                             (unsigned) lane->conf.shard.number,
                             strerror(rc));
    }

    lane->started = 1;

    return MLOPS_OK;
}


static void *
mlops_lane_thread(void *data)
{
    int            again;
    int64_t        wall_us;
    uint64_t       n;
    mlops_lane_t  *lane;

    lane = data;

    while (!lane->stopped) {
        n = mlops_lane_drain_ring(lane);
        wall_us = mlops_wall_us();
        again = MLOPS_OK;

        if (n == 0 || wall_us - lane->worked_us >= MLOPS_LANE_WORK_US
            || wall_us < lane->worked_us)
        {
            again = mlops_lane_tick(lane, wall_us);
        }

        if (n == 0 && again == MLOPS_OK) {
            mlops_ring_wait(&lane->ring, MLOPS_LANE_SLEEP_MS);
        }
    }

    return NULL;
}


/* ---- the thread that feeds ---- */

static void *
mlops_lane_room(mlops_lane_t *lane, mlops_lane_kind_t kind, size_t bytes)
{
    void  *room;

    for ( ;; ) {
        room = mlops_ring_room(&lane->ring, kind, bytes);

        if (room != NULL) {
            return room;
        }

        (void) atomic_fetch_add_explicit(&lane->stalls, 1,
                                         memory_order_relaxed);

        if (lane->conf.threaded) {
            mlops_ring_wait_room(&lane->ring, 100);

        } else {
            mlops_lane_drain(lane, 1);
        }
    }
}


static void
mlops_lane_put(mlops_lane_t *lane)
{
    mlops_ring_put(&lane->ring);
    lane->waiting++;

    if (!lane->conf.threaded && lane->waiting >= MLOPS_LANE_BATCH) {
        mlops_lane_drain(lane, 1);
    }
}


/* Room for what may be large: then it is *big, apart from the ring, and its
 * address comes as a message of another kind. */

static void *
mlops_lane_begin(mlops_lane_t *lane, mlops_lane_kind_t kind, size_t bytes,
    void **big)
{
    *big = NULL;

    if (mlops_likely(bytes <= MLOPS_LANE_SMALL / 4 - MLOPS_LANE_HEAD)) {
        return mlops_lane_room(lane, kind, bytes);
    }

    while ((*big = malloc(bytes)) == NULL) {
        mlops_say(MLOPS_LOG_ERROR, "view \"%s\": out of memory for an event "
                  "of %zu bytes: waiting", lane->conf.name, bytes);
        mlops_lane_pause(1000000);
    }

    return *big;
}


/* The message takes room as if it were a quarter of a small ring, so that few
 * of them wait. */

static void
mlops_lane_end(mlops_lane_t *lane, mlops_lane_kind_t kind, void *big)
{
    if (mlops_unlikely(big != NULL)) {
        memcpy(mlops_lane_room(lane, kind,
                               MLOPS_LANE_SMALL / 4 - MLOPS_LANE_HEAD),
               &big, sizeof(void *));
    }

    mlops_lane_put(lane);
}


void
mlops_lane_event(mlops_lane_t *lane, const mlops_key_t *key, uint64_t hash,
    const mlops_event_t *event, int64_t max_ts_us, int64_t q, int64_t stamp)
{
    void                     *big;
    size_t                    bytes;
    mlops_lane_event_t       *to;
    const mlops_plan_view_t  *view;

    view = lane->conf.view;
    bytes = mlops_lane_event_bytes(view, key, event);
    to = mlops_lane_begin(lane, MLOPS_LANE_EVENT, bytes, &big);

    to->hash = hash;
    to->max_ts_us = max_ts_us;
    to->q = q;
    to->stamp = stamp;

    mlops_lane_event_write(to, view, key, event);

    mlops_lane_end(lane, MLOPS_LANE_EVENT_BIG, big);
}


static size_t
mlops_lane_event_bytes(const mlops_plan_view_t *view, const mlops_key_t *key,
    const mlops_event_t *event)
{
    size_t                 bytes;
    uint32_t               i;
    const mlops_schema_t  *schema;

    schema = &view->event;

    bytes = sizeof(mlops_lane_event_t)
            + schema->n * sizeof(mlops_cell_t)
            + mlops_row_words(schema->n) * sizeof(uint64_t)
            + key->text.len;

    for (i = 0; i < schema->n; i++) {
        if (schema->columns[i].kind == MLOPS_CELL_STRING && i != view->entity
            && mlops_bit(event->present, i))
        {
            bytes += event->cells[i].s.len;
        }
    }

    return bytes;
}


static void
mlops_lane_event_write(mlops_lane_event_t *to, const mlops_plan_view_t *view,
    const mlops_key_t *key, const mlops_event_t *event)
{
    char                  *text;
    uint32_t               i, words, off;
    uint64_t              *present;
    mlops_cell_t          *cells;
    const mlops_schema_t  *schema;

    schema = &view->event;
    words = mlops_row_words(schema->n);

    to->number = key->number;
    to->key_len = (uint32_t) key->text.len;
    to->offset = event->offset;
    to->partition = event->partition;
    to->ts_us = event->ts_us;

    cells = (mlops_cell_t *) (to + 1);
    present = (uint64_t *) (cells + schema->n);
    text = (char *) (present + words);

    memcpy(cells, event->cells, schema->n * sizeof(mlops_cell_t));
    memcpy(present, event->present, words * sizeof(uint64_t));

    off = to->key_len;

    if (off != 0) {
        memcpy(text, key->text.data, off);
    }

    for (i = 0; i < schema->n; i++) {

        if (schema->columns[i].kind != MLOPS_CELL_STRING
            || !mlops_bit(event->present, i))
        {
            continue;
        }

        if (i == view->entity) {
            cells[i].s.off = 0;             /* the key is its text */
            continue;
        }

        memcpy(text + off, event->text + cells[i].s.off, cells[i].s.len);

        cells[i].s.off = off;
        off += cells[i].s.len;
    }
}


void
mlops_lane_follow(mlops_lane_t *lane, const mlops_key_t *key, uint64_t hash,
    const mlops_table_row_t *row, int gone)
{
    void                     *big;
    char                     *text;
    size_t                    bytes, cells_len, present_len;
    uint32_t                  i, set, off;
    mlops_cell_t             *cells, *cell;
    mlops_lane_follow_t      *to;
    const mlops_schema_t     *schema;
    const mlops_plan_view_t  *view;

    view = lane->conf.view;
    schema = &view->row;
    cells_len = (size_t) view->sets * schema->n * sizeof(mlops_cell_t);
    present_len = (size_t) view->sets * mlops_row_words(schema->n)
                  * sizeof(uint64_t);
    bytes = sizeof(mlops_lane_follow_t) + key->text.len;

    if (!gone) {
        bytes += cells_len + present_len;

        for (set = 0; set < view->sets; set++) {
            for (i = 0; i < schema->n; i++) {
                if (schema->columns[i].kind == MLOPS_CELL_STRING
                    && mlops_bit(row->present
                                 + set * mlops_row_words(schema->n), i))
                {
                    bytes += row->cells[set * schema->n + i].s.len;
                }
            }
        }
    }

    to = mlops_lane_begin(lane, MLOPS_LANE_FOLLOW, bytes, &big);

    to->hash = hash;
    to->number = key->number;
    to->key_len = (uint32_t) key->text.len;
    to->gone = (uint32_t) gone;
    to->row = *row;

    text = (char *) (to + 1);
    off = 0;

    if (!gone) {
        cells = (mlops_cell_t *) text;
        memcpy(cells, row->cells, cells_len);
        memcpy(text + cells_len, row->present, present_len);
        text += cells_len + present_len;
        off = to->key_len;

        for (set = 0; set < view->sets; set++) {
            for (i = 0; i < schema->n; i++) {
                cell = &cells[set * schema->n + i];

                if (schema->columns[i].kind == MLOPS_CELL_STRING
                    && mlops_bit(row->present
                                 + set * mlops_row_words(schema->n), i))
                {
                    memcpy(text + off, row->text + cell->s.off, cell->s.len);
                    cell->s.off = off;
                    off += cell->s.len;
                }
            }
        }
    }

    if (key->text.len != 0) {
        memcpy(text, key->text.data, key->text.len);
    }

    mlops_lane_end(lane, MLOPS_LANE_FOLLOW_BIG, big);
}


static void
mlops_lane_send_part(mlops_lane_t *lane, mlops_lane_kind_t kind,
    int32_t partition, int64_t offset, int keep)
{
    mlops_lane_part_message_t  *to;

    to = mlops_lane_room(lane, kind, sizeof(*to));

    to->partition = partition;
    to->offset = offset;
    to->keep = (uint32_t) keep;

    mlops_lane_put(lane);
}


void
mlops_lane_acquire(mlops_lane_t *lane, int32_t partition, int64_t skip)
{
    mlops_lane_send_part(lane, MLOPS_LANE_ACQUIRE, partition, skip, 0);
}


void
mlops_lane_release(mlops_lane_t *lane, int32_t partition, int keep)
{
    mlops_lane_send_part(lane, MLOPS_LANE_RELEASE, partition, 0, keep);
}


void
mlops_lane_position(mlops_lane_t *lane, const mlops_position_t *position)
{
    memcpy(mlops_lane_room(lane, MLOPS_LANE_POSITION,
                           sizeof(mlops_position_t)),
           position, sizeof(mlops_position_t));

    mlops_lane_put(lane);
}


void
mlops_lane_warm(mlops_lane_t *lane, uint32_t column, int64_t warm_us)
{
    mlops_lane_warm_t  *to;

    to = mlops_lane_room(lane, MLOPS_LANE_WARM, sizeof(*to));

    to->column = column;
    to->warm_us = warm_us;

    mlops_lane_put(lane);
}


void
mlops_lane_cold(mlops_lane_t *lane, int cold)
{
    memcpy(mlops_lane_room(lane, MLOPS_LANE_COLD, sizeof(cold)), &cold,
           sizeof(cold));

    mlops_lane_put(lane);
}


void
mlops_lane_caught_up(mlops_lane_t *lane)
{
    (void) mlops_lane_room(lane, MLOPS_LANE_CAUGHT_UP, 0);
    mlops_lane_put(lane);
}


void
mlops_lane_redefine(mlops_lane_t *lane, const mlops_plan_view_t *view)
{
    memcpy(mlops_lane_room(lane, MLOPS_LANE_REDEFINE, sizeof(void *)), &view,
           sizeof(void *));

    mlops_lane_put(lane);

    lane->conf.view = view;             /* events are its from here on */
}


void
mlops_lane_checkpoint(mlops_lane_t *lane, const mlops_position_t *positions,
    uint32_t n, int64_t cut_us)
{
    mlops_lane_checkpoint_t  *to;

    atomic_store_explicit(&lane->busy, 1, memory_order_release);

    to = mlops_lane_room(lane, MLOPS_LANE_CHECKPOINT,
                         sizeof(*to) + n * sizeof(mlops_position_t));

    to->cut_us = cut_us;
    to->n = n;

    if (n != 0) {
        memcpy(to->positions, positions, n * sizeof(mlops_position_t));
    }

    mlops_lane_put(lane);
}


int
mlops_lane_busy(const mlops_lane_t *lane)
{
    return atomic_load_explicit(&lane->busy, memory_order_acquire);
}


uint64_t
mlops_lane_checkpoints(const mlops_lane_t *lane)
{
    return atomic_load_explicit(&lane->checkpoints, memory_order_acquire);
}


int
mlops_lane_failed(mlops_lane_t *lane, mlops_err_t *err)
{
    /* its partner is in mlops_lane_fail */

    if (mlops_likely(!atomic_load_explicit(&lane->failed,
                                           memory_order_acquire)))
    {
        return MLOPS_OK;
    }

    *err = lane->err;

    return MLOPS_ERROR;
}


void
mlops_lane_drain(mlops_lane_t *lane, int all)
{
    if (lane->conf.threaded
        || lane->waiting == 0
        || (!all && lane->waiting < MLOPS_LANE_BATCH))
    {
        return;
    }

    while (mlops_lane_drain_ring(lane) != 0) { /* void */ }

    lane->waiting = 0;
}


int
mlops_lane_work(mlops_lane_t *lane, int64_t wall_us)
{
    return lane->conf.threaded ? MLOPS_OK : mlops_lane_tick(lane, wall_us);
}


int64_t
mlops_lane_next(const mlops_lane_t *lane)
{
    int64_t   next, first;
    uint32_t  i;

    if (lane->conf.threaded || lane->view->clock != MLOPS_CLOCK_WALL) {
        return INT64_MAX;
    }

    first = mlops_shard_next(lane->shard, -1);

    for (i = 0; i < lane->owned_n; i++) {
        next = mlops_shard_next(lane->shard, lane->owned[i]);

        if (next < first) {
            first = next;
        }
    }

    return first;
}


int
mlops_lane_settle(mlops_lane_t *lane, uint32_t timeout_ms)
{
    int       again;
    uint64_t  deadline_ns;

    deadline_ns = mlops_clock_ns() + (uint64_t) timeout_ms * 1000000;

    for ( ;; ) {
        again = MLOPS_OK;

        if (!lane->conf.threaded) {
            mlops_lane_drain(lane, 1);
            again = mlops_lane_tick(lane, mlops_wall_us());
        }

        if (mlops_ring_head(&lane->ring)
            == atomic_load_explicit(&lane->ring.tail, memory_order_acquire)
            && !mlops_lane_busy(lane))
        {
            return MLOPS_OK;
        }

        if (mlops_clock_ns() >= deadline_ns) {
            return MLOPS_AGAIN;
        }

        if (again == MLOPS_OK) {
            mlops_lane_pause(200);
        }
    }
}


/* ---- the thread of the shard ---- */

static inline void
mlops_lane_look_ahead(mlops_lane_t *lane, uint64_t *at, uint32_t *n,
    uint32_t max, uint64_t head, int stage)
{
    uint64_t               hash;
    mlops_ring_message_t  *message;

    while (*n < max && *at < head) {
        message = mlops_ring_at(&lane->ring, *at);

        if (message->kind == MLOPS_LANE_EVENT) {
            memcpy(&hash, message + 1, sizeof(hash));
            mlops_shard_prefetch(lane->shard, hash, stage);
        }

        *at += message->len;
        (*n)++;
    }
}


static uint64_t
mlops_lane_drain_ring(mlops_lane_t *lane)
{
    uint32_t               n0, n1;
    uint64_t               n, at, at0, at1, head;
    mlops_ring_message_t  *message;

    n = 0;
    n0 = 0;
    n1 = 0;
    at = mlops_ring_tail(&lane->ring);
    at0 = at;
    at1 = at;
    head = mlops_ring_head(&lane->ring);

    while (at < head && n < 1024) {
        mlops_lane_look_ahead(lane, &at0, &n0, MLOPS_LANE_AHEAD_0, head, 0);
        mlops_lane_look_ahead(lane, &at1, &n1, MLOPS_LANE_AHEAD_1, head, 1);

        message = mlops_ring_at(&lane->ring, at);
        mlops_lane_message(lane, message);

        at += message->len;
        n0--;
        n1--;

        if (++n % 64 == 0) {
            mlops_ring_take(&lane->ring, at);
        }
    }

    if (n != 0) {
        mlops_ring_take(&lane->ring, at);
    }

    return n;
}


static void
mlops_lane_message(mlops_lane_t *lane, const mlops_ring_message_t *message)
{
    int          cold, failed;
    void        *address;
    const void  *data;

    data = message + 1;

    /* what has failed takes messages, and does nothing more */

    failed = atomic_load_explicit(&lane->failed, memory_order_relaxed);

    switch (message->kind) {

    case MLOPS_LANE_EVENT:

        if (mlops_likely(!failed)) {
            mlops_lane_do_event(lane, data);
        }

        break;

    case MLOPS_LANE_EVENT_BIG:
        memcpy(&address, data, sizeof(void *));

        if (!failed) {
            mlops_lane_do_event(lane, address);
        }

        free(address);
        break;

    case MLOPS_LANE_FOLLOW:

        if (!failed) {
            mlops_lane_do_follow(lane, data);
        }

        break;

    case MLOPS_LANE_FOLLOW_BIG:
        memcpy(&address, data, sizeof(void *));

        if (!failed) {
            mlops_lane_do_follow(lane, address);
        }

        free(address);
        break;

    case MLOPS_LANE_ACQUIRE:
    case MLOPS_LANE_RELEASE:
        mlops_lane_do_part(lane, message->kind, data);
        break;

    case MLOPS_LANE_POSITION:
        mlops_lane_do_position(lane, data);
        break;

    case MLOPS_LANE_WARM:
        mlops_lane_do_warm(lane, data);
        break;

    case MLOPS_LANE_COLD:
        memcpy(&cold, data, sizeof(cold));
        mlops_shard_cold(lane->shard, cold);
        break;

    case MLOPS_LANE_CAUGHT_UP:

        if (lane->replaying) {
            mlops_shard_caught_up(lane->shard);
            lane->replaying = 0;
        }

        break;

    case MLOPS_LANE_REDEFINE:
        memcpy(&address, data, sizeof(void *));
        mlops_lane_do_redefine(lane, address);
        break;

    case MLOPS_LANE_CHECKPOINT:
        mlops_lane_do_checkpoint(lane, data);
        break;

    case MLOPS_LANE_STOP:
        lane->stopped = 1;
        break;

    default:
        break;                          /* MLOPS_RING_SKIP */
    }
}


static inline int64_t
mlops_lane_q(const mlops_lane_t *lane, const mlops_lane_part_t *part,
    int64_t wall_us)
{
    int64_t  q;

    q = (part->at.max_ts_us == INT64_MIN)
        ? INT64_MIN : part->at.max_ts_us + lane->view->tick_us;

    return (lane->view->clock == MLOPS_CLOCK_WALL && wall_us > q) ? wall_us
                                                                  : q;
}


static void
mlops_lane_do_event(mlops_lane_t *lane, const mlops_lane_event_t *from)
{
    mlops_err_t               err;
    mlops_key_t               key;
    mlops_event_t             event;
    const mlops_cell_t       *cells;
    mlops_lane_part_t        *part;
    const mlops_plan_view_t  *view;

    view = lane->view;
    part = &lane->parts[from->partition + 1];

    if (mlops_unlikely(from->offset <= part->skip)) {
        return;
    }

    cells = (const mlops_cell_t *) (from + 1);

    event.ts_us = from->ts_us;
    event.offset = from->offset;
    event.partition = from->partition;
    event.cells = cells;
    event.present = (const uint64_t *) (cells + view->event.n);
    event.text = (const char *) (event.present
                                 + mlops_row_words(view->event.n));

    key.number = from->number;
    key.text.data = from->key_len ? event.text : NULL;
    key.text.len = from->key_len;

    /* what the log's clock has made due comes first, always in this order */

    if (view->clock == MLOPS_CLOCK_EVENT) {
        while (mlops_shard_next(lane->shard, from->partition) <= from->q
               && mlops_shard_clock(lane->shard, from->partition, from->q,
                                    MLOPS_LANE_ROWS)
                  == MLOPS_AGAIN)
        {
            /* void */
        }
    }

    if (mlops_unlikely(mlops_shard_event(lane->shard, &key, from->hash,
                                         &event, from->max_ts_us, from->q,
                                         &err)
                       != MLOPS_OK))
    {
        mlops_lane_fail(lane, &err);
        return;
    }

    mlops_fault("features_applied");

    part->at.max_ts_us = from->max_ts_us;

    if (from->stamp >= 0) {
        mlops_lane_measure(lane, from->stamp);
    }
}


static void
mlops_lane_do_follow(mlops_lane_t *lane, const mlops_lane_follow_t *from)
{
    size_t                    cells_len, present_len;
    mlops_err_t               err;
    mlops_key_t               key;
    const char               *p;
    mlops_table_row_t         row;
    const mlops_plan_view_t  *view;

    view = lane->view;
    row = from->row;
    p = (const char *) (from + 1);

    if (!from->gone) {
        cells_len = (size_t) view->sets * view->row.n * sizeof(mlops_cell_t);
        present_len = (size_t) view->sets * mlops_row_words(view->row.n)
                      * sizeof(uint64_t);

        row.cells = (mlops_cell_t *) p;
        row.present = (uint64_t *) (p + cells_len);
        p += cells_len + present_len;
        row.text = p;
    }

    key.number = from->number;
    key.text.data = from->key_len ? p : NULL;
    key.text.len = from->key_len;

    if (mlops_shard_follow(lane->shard, &key, from->hash,
                           from->gone ? NULL : &row, (int) from->gone, &err)
        != MLOPS_OK)
    {
        mlops_lane_fail(lane, &err);
    }
}


static void
mlops_lane_do_part(mlops_lane_t *lane, mlops_lane_kind_t kind,
    const mlops_lane_part_message_t *message)
{
    uint32_t            i;
    mlops_lane_part_t  *part;

    part = &lane->parts[message->partition + 1];

    if (kind == MLOPS_LANE_ACQUIRE) {

        if (!part->owned) {
            lane->owned[lane->owned_n++] = message->partition;
        }

        part->owned = 1;
        part->skip = message->offset;
        part->at.offset = -1;
        part->at.max_ts_us = INT64_MIN;
        part->changed = 0;

        return;
    }

    for (i = 0; i < lane->owned_n; i++) {
        if (lane->owned[i] == message->partition) {
            lane->owned[i] = lane->owned[--lane->owned_n];
            break;
        }
    }

    part->owned = 0;
    part->skip = -1;
    mlops_shard_release(lane->shard, message->partition,
                        (int) message->keep);
}


static void
mlops_lane_do_position(mlops_lane_t *lane, const mlops_position_t *position)
{
    mlops_lane_part_t  *part;

    part = &lane->parts[position->partition + 1];

    if (part->owned) {
        part->at = *position;
        part->changed = 1;
    }
}


static void
mlops_lane_do_warm(mlops_lane_t *lane, const mlops_lane_warm_t *warm)
{
    uint64_t  columns[mlops_row_words(MLOPS_VIEW_COLUMNS_MAX)];

    memset(columns, 0, sizeof(columns));
    mlops_bit_set(columns, warm->column);
    mlops_shard_warm(lane->shard, columns, warm->warm_us);
}


static void
mlops_lane_do_redefine(mlops_lane_t *lane, const mlops_plan_view_t *view)
{
    mlops_err_t  err;

    if (lane->olds_n == MLOPS_LANE_OLDS) {
        mlops_lane_refresh_olds(lane);
    }

    if (mlops_shard_redefine(lane->shard, view, &err) != MLOPS_OK) {
        mlops_lane_fail(lane, &err);
        return;
    }

    if (lane->olds_n < MLOPS_LANE_OLDS) {
        lane->olds[lane->olds_n++] = lane->view;
    }

    lane->view = view;

    atomic_store_explicit(&lane->feeds, lane->olds_n, memory_order_release);
    (void) atomic_fetch_add_explicit(&lane->redefined, 1,
                                     memory_order_release);
}


/* Older definitions whose last reader has gone. */

static void
mlops_lane_refresh_olds(mlops_lane_t *lane)
{
    uint32_t  i;

    for (i = 0; i < lane->olds_n; /* void */ ) {

        if (mlops_shard_uses(lane->shard, lane->olds[i])) {
            i++;

        } else {
            lane->olds[i] = lane->olds[--lane->olds_n];
        }
    }

    atomic_store_explicit(&lane->feeds, lane->olds_n, memory_order_release);
}


/* Rows that were published are acknowledged before a checkpoint says that
 * their events have been read. */

static void
mlops_lane_do_checkpoint(mlops_lane_t *lane,
    const mlops_lane_checkpoint_t *checkpoint)
{
    int          rc;
    mlops_err_t  err;

    rc = atomic_load_explicit(&lane->failed, memory_order_relaxed)
         ? MLOPS_ERROR : MLOPS_OK;

    err.text[0] = '\0';

    if (rc == MLOPS_OK && lane->conf.sink != NULL) {
        rc = mlops_producer_wait(lane->conf.sink->producer, 5000, &err);

        if (rc == MLOPS_ERROR) {
            (void) mlops_err_prefix(&err, "topic \"%.*s\"",
                                    mlops_fmt(&lane->conf.sink->topic));
            mlops_lane_fail(lane, &err);

        } else if (rc == MLOPS_AGAIN) {
            (void) mlops_err_set(&err, "rows of topic \"%.*s\" are not "
                                 "acknowledged after 5 seconds",
                                 mlops_fmt(&lane->conf.sink->topic));
        }
    }

    if (rc == MLOPS_OK) {
        mlops_fault("features_checkpoint_begin");

        rc = mlops_shard_checkpoint(lane->shard, checkpoint->positions,
                                    checkpoint->n, checkpoint->cut_us, &err);
    }

    if (rc == MLOPS_OK) {
        lane->stepping = 1;
        return;
    }

    lane->failures++;

    if (err.text[0] != '\0') {
        mlops_say(MLOPS_LOG_ERROR, "view \"%s\": no checkpoint: %s",
                  lane->conf.name, err.text);
    }

    atomic_store_explicit(&lane->busy, 0, memory_order_release);
}


/* ---- between messages ---- */

static int
mlops_lane_tick(mlops_lane_t *lane, int64_t wall_us)
{
    int                 again;
    int64_t             q;
    uint32_t            i;
    mlops_lane_part_t  *part;

    lane->worked_us = wall_us;
    again = 0;

    if (atomic_load_explicit(&lane->failed, memory_order_relaxed)) {

        if (lane->stepping) {
            lane->stepping = 0;
            atomic_store_explicit(&lane->busy, 0, memory_order_release);
        }

        return MLOPS_OK;
    }

    /* entities of a backfill that no partition has had an event of yet */

    if (lane->view->clock == MLOPS_CLOCK_WALL) {
        again |= (mlops_shard_clock(lane->shard, -1, wall_us,
                                    MLOPS_LANE_ROWS)
                  == MLOPS_AGAIN);
    }

    for (i = 0; i < lane->owned_n; i++) {
        part = &lane->parts[lane->owned[i] + 1];
        q = mlops_lane_q(lane, part, wall_us);

        if (q == INT64_MIN) {
            continue;
        }

        again |= (mlops_shard_clock(lane->shard, lane->owned[i], q,
                                    MLOPS_LANE_ROWS)
                  == MLOPS_AGAIN);

        if (part->changed
            || wall_us - part->shown_us >= MLOPS_LANE_SHOW_US)
        {
            mlops_shard_position(lane->shard, &part->at, q);
            part->shown_us = wall_us;
            part->changed = 0;
        }
    }

    if (lane->replaying && !mlops_shard_behind(lane->shard)) {
        mlops_shard_caught_up(lane->shard);
        lane->replaying = 0;
    }

    again |= (mlops_shard_tend(lane->shard, wall_us, MLOPS_LANE_ROWS)
              == MLOPS_AGAIN);

    /* who waits for the disk does not ask for it all the time */

    if (lane->stepping) {
        again |= (mlops_lane_step(lane, MLOPS_LANE_BYTES) == MLOPS_AGAIN
                  && !mlops_shard_checkpoint_waits(lane->shard));
    }

    if (wall_us - lane->counted_us >= MLOPS_LANE_STATS_US
        || wall_us < lane->counted_us)
    {
        mlops_lane_count(lane, wall_us);
    }

    return again ? MLOPS_AGAIN : MLOPS_OK;
}


static int
mlops_lane_step(mlops_lane_t *lane, size_t budget)
{
    int          rc;
    mlops_err_t  err;

    rc = mlops_shard_checkpoint_step(lane->shard, budget, &err);

    if (rc == MLOPS_AGAIN) {
        return MLOPS_AGAIN;
    }

    lane->stepping = 0;

    if (rc == MLOPS_OK) {
        mlops_fault("features_checkpoint_done");
        (void) atomic_fetch_add_explicit(&lane->checkpoints, 1,
                                         memory_order_release);

    } else {
        lane->failures++;
        mlops_say(MLOPS_LOG_ERROR, "view \"%s\": no checkpoint: %s",
                  lane->conf.name, err.text);
    }

    mlops_lane_count(lane, mlops_wall_us());
    atomic_store_explicit(&lane->busy, 0, memory_order_release);

    return MLOPS_OK;
}


static void
mlops_lane_count(mlops_lane_t *lane, int64_t wall_us)
{
    mlops_shard_stats_t  stats;

    if (lane->olds_n != 0) {
        mlops_lane_refresh_olds(lane);
    }

    lane->counted_us = wall_us;
    mlops_shard_stats(lane->shard, &stats);

    (void) pthread_mutex_lock(&lane->mutex);

    lane->stats.shard = stats;
    lane->stats.fresh = lane->fresh;
    lane->stats.checkpoint_failures = lane->failures;

    (void) pthread_mutex_unlock(&lane->mutex);
}


void
mlops_lane_stats(mlops_lane_t *lane, mlops_lane_stats_t *stats)
{
    (void) pthread_mutex_lock(&lane->mutex);

    *stats = lane->stats;

    (void) pthread_mutex_unlock(&lane->mutex);

    stats->stalls = atomic_load_explicit(&lane->stalls,
                                         memory_order_relaxed);
}


int
mlops_lane_olds(const mlops_lane_t *lane, uint64_t n)
{
    return atomic_load_explicit(&lane->redefined, memory_order_acquire) < n
           || atomic_load_explicit(&lane->feeds, memory_order_acquire) != 0;
}


static void
mlops_lane_measure(mlops_lane_t *lane, int64_t stamp)
{
    double    seconds;
    uint32_t  i;

    seconds = (double) (mlops_wall_us() - stamp) / 1e6;

    if (seconds < 0) {
        seconds = 0;
    }

    for (i = 0; i < MLOPS_FRESH_BUCKETS - 1; i++) {
        if (seconds <= mlops_fresh_bounds[i]) {
            break;
        }
    }

    lane->fresh.buckets[i]++;
    lane->fresh.count++;
    lane->fresh.sum += seconds;
}


static void
mlops_lane_fail(mlops_lane_t *lane, const mlops_err_t *err)
{
    if (!atomic_load_explicit(&lane->failed, memory_order_relaxed)) {
        lane->err = *err;
        atomic_store_explicit(&lane->failed, 1, memory_order_release);
    }
}


static void
mlops_lane_published(void *ctx, const mlops_plan_view_t *view,
    const mlops_key_t *key, uint64_t hash, const mlops_table_row_t *row,
    int gone)
{
    mlops_err_t    err;
    mlops_lane_t  *lane;

    (void) hash;

    lane = ctx;

    if (mlops_sink_send(lane->conf.sink, &lane->text, view, key, row, gone,
                        &err)
        != MLOPS_OK)
    {
        mlops_lane_fail(lane, &err);
    }
}


static void
mlops_lane_notice(void *ctx, const mlops_err_t *err)
{
    mlops_lane_t  *lane;

    lane = ctx;

    mlops_say(MLOPS_LOG_WARN, "view \"%s\": shard %u: %s", lane->conf.name,
              (unsigned) lane->conf.shard.number, err->text);
}
