/*
 * What tests of shards share: a random log, a driver that does with it what a
 * worker does, the table as text, and a recomputation of what has to be in
 * it that knows nothing of shards: lists of events, looked through from the
 * beginning.  (Values of windows are those of mlops_window.h; its own tests
 * compare them.)
 *
 * Records have a key id, a time ts in us, v (double), tag (string) and eid
 * (int64, for dedupe).  Partition = key % partitions.
 */

#ifndef MLOPS_SHARDS_H
#define MLOPS_SHARDS_H


#include "views.h"
#include "mlops_shard.h"
#include "mlops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>


#define SHARDS_PARTITIONS  4
#define SHARDS_BASE        1700000000000000ll
#define SHARDS_COLUMNS     64

/* A view of all kinds of features, without an end to its entities. */

#define SHARDS_FEATURES                                                       \
    "    source kafka=main topic=t;"                                          \
    "    entity id int64;"                                                    \
    "    event_time ts unit=us lateness=30s;"                                 \
    "    clock event;"                                                        \
    "    dedupe eid within=10s type=int64;"                                   \
    "    feature n count() window=1h;"                                        \
    "    feature s sum(v) window=5m hop=1m;"                                  \
    "    feature m mean(v) window=10m kind=tumbling;"                         \
    "    feature t last(tag) type=string bytes=8;"


typedef struct {
    int32_t    partition;
    int64_t    offset;
    int64_t    ts;
    int64_t    max_ts;              /* of the partition, after it */
    int64_t    id;
    int64_t    eid;
    double     v;
    int        accepted;            /* neither late nor in the future */
} shards_record_t;


typedef struct {
    const mlops_plan_view_t  *view;
    uint32_t                  n;
    uint32_t                  partitions;
    shards_record_t          *records;
} shards_log_t;


/* An event of a view, from a record. */

typedef struct {
    mlops_event_t   event;
    mlops_cell_t    cells[SHARDS_COLUMNS];
    uint64_t        present[2];
    char            text[64];
    char            key_text[32];
    mlops_key_t     key;
    uint64_t        hash;
} shards_event_t;


static inline void
shards_event(shards_event_t *e, const mlops_plan_view_t *view,
    const shards_record_t *r)
{
    uint32_t               i, n;
    const mlops_column_t  *column;

    memset(e, 0, sizeof(*e));
    n = 0;

    for (i = 0; i < view->event.n; i++) {
        column = &view->event.columns[i];

        if (mlops_str_is(&column->name, "v")) {
            e->cells[i].f = r->v;

        } else if (mlops_str_is(&column->name, "eid")) {
            e->cells[i].i = r->eid;

        } else if (mlops_str_is(&column->name, "tag")) {
            e->cells[i].s.off = n;
            e->cells[i].s.len = (uint32_t) snprintf(e->text + n, 32, "t%lld",
                                                    (long long) r->eid % 97);
            n += e->cells[i].s.len;

        } else {
            continue;
        }

        mlops_bit_set(e->present, i);
    }

    e->event.ts_us = r->ts;
    e->event.offset = r->offset;
    e->event.partition = r->partition;
    e->event.cells = e->cells;
    e->event.present = e->present;
    e->event.text = e->text;

    if (view->entity_type == MLOPS_TYPE_INT64) {
        e->key.number = r->id;

    } else {
        e->key.text.data = e->key_text;
        e->key.text.len = (size_t) snprintf(e->key_text, 32, "key-%lld",
                                            (long long) r->id);
    }

    e->hash = mlops_key_hash(view->entity_type, &e->key);
}


/* n records over keys; now and then time makes a jump. */

static inline void
shards_log(shards_log_t *log, const mlops_plan_view_t *view, uint64_t seed,
    uint32_t n, uint32_t partitions, uint32_t keys)
{
    int64_t           clock[SHARDS_PARTITIONS], max[SHARDS_PARTITIONS];
    int64_t           offset[SHARDS_PARTITIONS];
    uint32_t          i, p, back;
    shards_record_t  *r, *old;

    log->view = view;
    log->n = n;
    log->partitions = partitions;
    log->records = calloc(n, sizeof(*log->records));
    assert_non_null(log->records);

    for (p = 0; p < partitions; p++) {
        clock[p] = SHARDS_BASE + p * 1234567;
        max[p] = INT64_MIN;
        offset[p] = 10 * p;
    }

    for (i = 0; i < n; i++) {
        r = &log->records[i];

        /* half of the events are of a tenth of the keys */

        r->id = (int64_t) (unit_random(&seed)
                           % ((unit_random(&seed) & 1) ? keys / 10 + 1
                                                       : keys));
        r->eid = (int64_t) (unit_random(&seed) % 1000000);
        r->v = (double) (int64_t) (unit_random(&seed) % 2000) / 8 - 100;

        p = (uint32_t) r->id % partitions;
        clock[p] += (int64_t) (unit_random(&seed) % 4000000);

        if (unit_random(&seed) % 200 == 0) {
            clock[p] += (int64_t) (unit_random(&seed) % 900000000);
        }

        r->ts = clock[p];

        if (unit_random(&seed) % 4 == 0) {
            r->ts -= (int64_t) (unit_random(&seed) % 40000000);
        }

        /* sent twice, at nearly the same time or later */

        if (i > 10 && unit_random(&seed) % 10 == 0) {
            back = (uint32_t) (unit_random(&seed) % 10) + 1;
            old = &log->records[i - back];

            if (unit_random(&seed) % 3 == 0 && i > 200) {
                old = &log->records[i - 150];
            }

            r->id = old->id;
            r->eid = old->eid;
            p = (uint32_t) r->id % partitions;

            if (unit_random(&seed) & 1) {
                r->ts = old->ts;

            } else {
                r->ts = clock[p];
            }
        }

        r->partition = (int32_t) p;
        r->offset = offset[p];
        offset[p] += 1 + (unit_random(&seed) % 8 == 0);

        r->accepted = (max[p] == INT64_MIN
                       || r->ts >= max[p] - view->lateness_us);

        if (r->accepted && r->ts > max[p]) {
            max[p] = r->ts;
        }

        r->max_ts = max[p];
    }
}


/* ---- the table as text ---- */

static inline int
shards_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *) a, *(char *const *) b);
}


static inline char *
shards_join(char **lines, size_t n)
{
    char    *text;
    size_t   i, len;

    qsort(lines, n, sizeof(char *), shards_compare);

    len = 1;

    for (i = 0; i < n; i++) {
        len += strlen(lines[i]) + 1;
    }

    text = malloc(len);
    assert_non_null(text);
    text[0] = '\0';
    len = 0;

    for (i = 0; i < n; i++) {
        len += (size_t) sprintf(text + len, "%s\n", lines[i]);
        free(lines[i]);
    }

    free(lines);

    return text;
}


static inline int
shards_key(char *line, const mlops_plan_view_t *view, const mlops_key_t *key)
{
    if (view->entity_type == MLOPS_TYPE_INT64) {
        return sprintf(line, "%lld", (long long) key->number);
    }

    return sprintf(line, "%.*s", mlops_fmt(&key->text));
}


static inline int
shards_cells(char *line, const mlops_plan_view_t *view,
    const mlops_cell_t *cells, const uint64_t *present, const char *text)
{
    int       n;
    uint32_t  i;

    n = 0;

    for (i = 0; i < view->row.n; i++) {

        if (!mlops_bit(present, i)) {
            n += sprintf(line + n, " -");

        } else if (view->row.columns[i].kind == MLOPS_CELL_STRING) {
            n += sprintf(line + n, " '%.*s'", (int) cells[i].s.len,
                         text + cells[i].s.off);

        } else {
            n += sprintf(line + n, " %016llx",
                         (unsigned long long) cells[i].u);
        }
    }

    return n;
}


/* Every row: key, event time, partition, offset, valid, and the values of the
 * moment and those from valid - 1 on. */

static inline char *
shards_dump(int features, const mlops_plan_view_t *view)
{
    int                   rc, n;
    char                  name[MLOPS_TABLE_NAME_SIZE], line[4096], **lines;
    char                 *text;
    size_t                lines_n;
    uint32_t              cursor;
    uint64_t              present[8];
    mlops_err_t           err;
    mlops_key_t           key;
    mlops_cell_t          cells[SHARDS_COLUMNS];
    mlops_table_t        *table;
    mlops_table_found_t   found;

    mlops_table_name(view, 0, name);
    table = mlops_table_open(features, name, (uid_t) -1, &err);

    if (table == NULL) {
        return strdup("no table\n");
    }

    text = malloc(mlops_table_text_size(table) + MLOPS_KEY_BYTES_MAX + 1);
    lines = calloc(mlops_table_header(table)->capacity, sizeof(char *));
    assert_non_null(text);
    assert_non_null(lines);

    lines_n = 0;
    cursor = 0;

    for ( ;; ) {
        rc = mlops_table_next(table, &cursor, 0, INT64_MIN, &key, cells,
                              present, text, &found);

        if (rc == MLOPS_LIMIT) {
            break;
        }

        if (rc != MLOPS_OK) {
            continue;
        }

        n = shards_key(line, view, &key);
        n += sprintf(line + n, " %lld %d %lld %lld",
                     (long long) found.event_us, (int) found.partition,
                     (long long) found.offset, (long long) found.valid_us);
        n += shards_cells(line + n, view, cells, present, text);

        cursor--;
        rc = mlops_table_next(table, &cursor, 0,
                              found.valid_us == INT64_MIN
                              ? 0 : found.valid_us - 1, &key, cells, present,
                              text, &found);
        assert_int_equal(rc, MLOPS_OK);
        n += sprintf(line + n, " |");
        n += shards_cells(line + n, view, cells, present, text);

        lines[lines_n++] = strdup(line);
    }

    free(text);
    mlops_table_close(table);

    return shards_join(lines, lines_n);
}


static inline void
shards_equal(const char *what, const char *got, const char *expected)
{
    size_t       i, line;
    const char  *g, *e;

    if (strcmp(got, expected) == 0) {
        return;
    }

    for (i = 0, line = 0; got[i] != '\0' && got[i] == expected[i]; i++) {
        if (got[i] == '\n') {
            line = i + 1;
        }
    }

    g = got + line;
    e = expected + line;

    unit_note("%s: tables of %zu and %zu bytes differ at byte %zu\n"
              "got      %.*s\nexpected %.*s", what, strlen(got),
              strlen(expected), i, (int) strcspn(g, "\n"), g,
              (int) strcspn(e, "\n"), e);
    fail();
}


/* ---- the recomputation ---- */

typedef struct {
    int        alive;
    int32_t    partition;
    int64_t    newest;
    int64_t    offset;
    uint32_t   used;
    uint32_t   begin;               /* its state is of records from here on */
} shards_entity_t;


typedef struct {
    uint64_t   evicted;
    uint64_t   expired;
    uint64_t   duplicates;
    uint64_t   alive;
} shards_counts_t;


static inline int
shards_duplicate(const shards_log_t *log, const char *counted, uint32_t i)
{
    int64_t                 apart;
    uint32_t                k;
    const shards_record_t  *a, *b;

    if (log->view->dedupe == MLOPS_NO_FIELD) {
        return 0;
    }

    a = &log->records[i];

    for (k = 0; k < i; k++) {
        b = &log->records[k];
        apart = a->ts > b->ts ? a->ts - b->ts : b->ts - a->ts;

        if (counted[k] && a->id == b->id && a->eid == b->eid
            && apart <= log->view->within_us)
        {
            return 1;
        }
    }

    return 0;
}


/* The row of one entity. */

static inline char *
shards_row(const shards_log_t *log, const shards_entity_t *entity, int64_t id,
    const char *counted, int64_t q)
{
    int                        n;
    char                       line[4096], text[1024];
    void                      *state;
    int64_t                    next, valid;
    uint32_t                   i;
    uint64_t                   present[8], later[8];
    mlops_err_t                err;
    mlops_cell_t               cells[SHARDS_COLUMNS];
    mlops_cell_t               after[SHARDS_COLUMNS];
    mlops_arena_t              arena;
    mlops_window_t            *window;
    shards_event_t             e;
    const mlops_plan_view_t   *view;

    view = log->view;

    mlops_arena_init(&arena, NULL, NULL);
    window = mlops_window_create(view, &arena, &err);
    state = calloc(1, view->state_bytes + 8);
    assert_non_null(window);
    assert_non_null(state);

    mlops_window_reset(window, state);

    for (i = entity->begin; i < log->n; i++) {
        if (counted[i] && log->records[i].id == id) {
            shards_event(&e, view, &log->records[i]);
            mlops_window_apply(window, state, &e.event);
        }
    }

    memset(present, 0, sizeof(present));
    memset(later, 0, sizeof(later));

    mlops_window_value(window, state, q, cells, present, text);
    next = mlops_window_next(window, state, q);
    valid = next;

    if (view->sets == 2 && next != INT64_MAX) {
        valid = mlops_window_next(window, state, next);
        mlops_window_value(window, state, next, after, later, text + 512);

        for (i = 0; i < view->row.n; i++) {
            if (view->row.columns[i].kind == MLOPS_CELL_STRING) {
                after[i].s.off += 512;
            }
        }

    } else {
        memcpy(after, cells, sizeof(after));
        memcpy(later, present, sizeof(later));
    }

    if (view->entity_type == MLOPS_TYPE_INT64) {
        n = sprintf(line, "%lld", (long long) id);

    } else {
        n = sprintf(line, "key-%lld", (long long) id);
    }

    n += sprintf(line + n, " %lld %d %lld %lld", (long long) entity->newest,
                 (int) entity->partition, (long long) entity->offset,
                 (long long) valid);
    n += shards_cells(line + n, view, cells, present, text);
    n += sprintf(line + n, " |");
    (void) shards_cells(line + n, view, after, later, text);

    free(state);
    mlops_arena_destroy(&arena);

    return strdup(line);
}


static inline int
shards_gone(const shards_log_t *log, const shards_entity_t *e,
    const int64_t *max)
{
    return e->alive && log->view->ttl_us > 0
           && e->newest < max[e->partition] + log->view->tick_us
                          - log->view->ttl_us;
}


/* The table after the first n records, clock event. */

static inline char *
shards_expect(const shards_log_t *log, uint32_t limit,
    shards_counts_t *counts)
{
    char                   *counted, **lines;
    size_t                  lines_n;
    int64_t                 max[SHARDS_PARTITIONS];
    uint32_t                alive, i, k, keys, oldest;
    shards_entity_t        *entities, *e;
    const shards_record_t  *r;

    keys = 0;

    for (i = 0; i < log->n; i++) {
        if (log->records[i].id >= keys) {
            keys = (uint32_t) log->records[i].id + 1;
        }
    }

    entities = calloc(keys, sizeof(*entities));
    counted = calloc(log->n, 1);
    lines = calloc(keys, sizeof(char *));
    assert_non_null(entities);
    assert_non_null(counted);
    assert_non_null(lines);

    memset(counts, 0, sizeof(*counts));

    for (i = 0; i < SHARDS_PARTITIONS; i++) {
        max[i] = INT64_MIN / 2;
    }

    for (i = 0; i < log->n; i++) {
        r = &log->records[i];

        if (!r->accepted) {
            continue;
        }

        max[r->partition] = r->max_ts;

        if (shards_duplicate(log, counted, i)) {
            counts->duplicates++;
            continue;
        }

        counted[i] = 1;
        e = &entities[r->id];

        if (shards_gone(log, e, max)) {
            e->alive = 0;
            counts->expired++;
        }

        if (!e->alive) {
            memset(e, 0, sizeof(*e));
            e->alive = 1;
            e->newest = INT64_MIN;
            e->begin = i;
        }

        if (r->ts > e->newest) {
            e->newest = r->ts;
        }

        e->partition = r->partition;
        e->offset = r->offset;
        e->used = i + 1;

        /* too many: those that have expired do not count */

        alive = 0;
        oldest = UINT32_MAX;

        for (k = 0; k < keys; k++) {
            if (entities[k].alive && !shards_gone(log, &entities[k], max)) {
                alive++;

                if (oldest == UINT32_MAX
                    || entities[k].used < entities[oldest].used)
                {
                    oldest = k;
                }
            }
        }

        if (alive > limit) {
            entities[oldest].alive = 0;
            counts->evicted++;
        }
    }

    lines_n = 0;

    for (k = 0; k < keys; k++) {

        if (!entities[k].alive) {
            continue;
        }

        if (shards_gone(log, &entities[k], max)) {
            counts->expired++;
            continue;
        }

        counts->alive++;
        lines[lines_n++] = shards_row(log, &entities[k], k, counted,
                                      max[entities[k].partition]
                                      + log->view->tick_us);
    }

    free(entities);
    free(counted);

    return shards_join(lines, lines_n);
}


/* ---- a worker ---- */

typedef struct {
    const shards_log_t  *log;
    int                  features;
    int                  state;
    uint64_t             seed;          /* of what is not in the log */
    uint32_t             ckpt_every;    /* records, about; 0: never */
    uint32_t             kill_at;       /* records of this run; 0: never */
    int64_t              wall;
    int                  published;     /* rows go elsewhere, too */

    mlops_shard_t       *shard;
    mlops_position_t     positions[SHARDS_PARTITIONS];
    uint32_t             i;             /* the next record */
    uint32_t             begun;         /* checkpoints */
    uint32_t             done;
    uint32_t             behind;        /* events while the table was ahead */
} shards_worker_t;


static inline void
shards_published(void *ctx, const mlops_plan_view_t *view,
    const mlops_key_t *key, uint64_t hash, const mlops_table_row_t *row,
    int gone)
{
    (void) ctx;
    (void) gone;

    assert_true(hash == mlops_key_hash(view->entity_type, key));
    assert_true(row->partition >= 0);
}


static inline void
shards_conf(shards_worker_t *w, mlops_shard_conf_t *conf)
{
    memset(conf, 0, sizeof(*conf));

    conf->features = w->features;
    conf->state = w->state;
    conf->uid = (uid_t) -1;
    conf->gid = (gid_t) -1;
    conf->published = w->published ? shards_published : NULL;
}


static inline void
shards_start(shards_worker_t *w)
{
    int                  rc;
    int64_t              cut;
    uint32_t             i, n;
    mlops_err_t          err;
    mlops_position_t     positions[MLOPS_PARTITIONS_MAX + 1];
    mlops_shard_conf_t   conf;

    shards_conf(w, &conf);

    err.text[0] = '\0';
    w->shard = mlops_shard_create(w->log->view, &conf, &err);
    unit_ok(w->shard != NULL, "%s", err.text);

    for (i = 0; i < SHARDS_PARTITIONS; i++) {
        w->positions[i].partition = (int32_t) i;
        w->positions[i].offset = -1;
        w->positions[i].max_ts_us = INT64_MIN;
    }

    rc = mlops_shard_load(w->shard, positions, &n, &cut, &err);
    unit_ok(rc == MLOPS_OK || rc == MLOPS_AGAIN, "%s", err.text);
    assert_true(cut == INT64_MIN);

    for (i = 0; i < n; i++) {
        w->positions[positions[i].partition] = positions[i];
    }

    w->i = 0;
    w->behind = 0;

    if (!mlops_shard_behind(w->shard)) {
        mlops_shard_caught_up(w->shard);
    }
}


static inline int64_t
shards_q(const shards_worker_t *w, int32_t partition)
{
    int64_t  max;

    max = w->positions[partition].max_ts_us;

    return max == INT64_MIN ? max : max + w->log->view->tick_us;
}


static inline void
shards_checkpoint(shards_worker_t *w)
{
    mlops_err_t  err;

    err.text[0] = '\0';
    unit_ok(mlops_shard_checkpoint(w->shard, w->positions,
                                   w->log->partitions, INT64_MIN, &err)
            == MLOPS_OK, "%s", err.text);
    w->begun++;
}


/* 1: none is under way any more. */

static inline int
shards_step(shards_worker_t *w, size_t budget)
{
    int          rc;
    mlops_err_t  err;

    err.text[0] = '\0';
    rc = mlops_shard_checkpoint_step(w->shard, budget, &err);
    unit_ok(rc != MLOPS_ERROR, "%s", err.text);

    w->done += (rc == MLOPS_OK);

    return rc == MLOPS_OK;
}


/* Records up to end. */

static inline void
shards_run(shards_worker_t *w, uint32_t end)
{
    int                     ckpt, was_behind;
    uint32_t                passed;
    mlops_err_t             err;
    shards_event_t          e;
    mlops_position_t       *position;
    const shards_record_t  *r;

    ckpt = 0;
    passed = 0;
    was_behind = mlops_shard_behind(w->shard);

    for ( /* void */ ; w->i < end; w->i++) {
        r = &w->log->records[w->i];
        position = &w->positions[r->partition];

        if (r->offset <= position->offset) {
            continue;
        }

        if (r->accepted) {
            shards_event(&e, w->log->view, r);
            err.text[0] = '\0';
            unit_ok(mlops_shard_event(w->shard, &e.key, e.hash, &e.event,
                                      r->max_ts,
                                      r->max_ts + w->log->view->tick_us,
                                      &err) == MLOPS_OK, "%s", err.text);
        }

        position->offset = r->offset;
        position->max_ts_us = r->max_ts;
        w->behind += was_behind;

        if (unit_random(&w->seed) % 4 == 0) {
            mlops_shard_position(w->shard, position,
                                 shards_q(w, r->partition));
        }

        if (unit_random(&w->seed) % 4 == 0) {
            (void) mlops_shard_clock(w->shard, r->partition,
                                     shards_q(w, r->partition),
                                     (uint32_t) (unit_random(&w->seed) % 20));
        }

        if (was_behind && !mlops_shard_behind(w->shard)) {
            mlops_shard_caught_up(w->shard);
            was_behind = 0;
        }

        w->wall += 1000;

        if (unit_random(&w->seed) % 8 == 0) {
            w->wall += 200000;
            (void) mlops_shard_tend(w->shard, w->wall,
                                    (uint32_t) (unit_random(&w->seed) % 30));
        }

        if (ckpt) {
            ckpt = !shards_step(w, (size_t) (unit_random(&w->seed) % 3000));

        } else if (w->ckpt_every != 0
                   && unit_random(&w->seed) % w->ckpt_every == 0)
        {
            shards_checkpoint(w);
            ckpt = 1;
        }

        if (++passed == w->kill_at) {
            (void) kill(getpid(), SIGKILL);
        }
    }

    while (ckpt && !shards_step(w, 100000)) {
        usleep(100);
    }
}


/* Nothing is due any more. */

static inline void
shards_settle(shards_worker_t *w)
{
    uint32_t  p;

    for (p = 0; p < w->log->partitions; p++) {

        if (w->positions[p].offset == -1) {
            continue;
        }

        mlops_shard_position(w->shard, &w->positions[p],
                             shards_q(w, (int32_t) p));

        while (mlops_shard_clock(w->shard, (int32_t) p,
                                 shards_q(w, (int32_t) p), 7)
               == MLOPS_AGAIN)
        {
            /* void */
        }
    }

    unit_ok(!mlops_shard_behind(w->shard), "the table is still ahead");

    do {
        w->wall += 200000;
        usleep(100);
    } while (mlops_shard_tend(w->shard, w->wall, 50) == MLOPS_AGAIN);
}


static inline int
shards_dir(void)
{
    int  dir;

    dir = open(unit_tmpdir(), O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    assert_true(dir != -1);

    return dir;
}


static inline void
shards_worker(shards_worker_t *w, const shards_log_t *log, uint64_t seed)
{
    memset(w, 0, sizeof(*w));

    w->log = log;
    w->seed = seed;
    w->wall = 1000000;
    w->features = shards_dir();
    w->state = shards_dir();
}


#endif /* MLOPS_SHARDS_H */
