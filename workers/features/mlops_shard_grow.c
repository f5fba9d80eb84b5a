/*
 * Tables of a shard: the one that is found, a larger one for it, and the end
 * of old ones.
 *
 * A table begins small.  When it is nearly full one of twice the size is made
 * in a thread of its own (reserving memory takes time), filled in slices
 * while events are put into both, and given the name; the old one is fed
 * until no reader holds it.  Where the store has no room everything goes on
 * as it is, rows that find no place are counted, and it is tried again later.
 */

#include "mlops_shard_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>


#define MLOPS_GROW_FIRST      1024          /* rows of a first table */
#define MLOPS_GROW_SLACK      64            /* rows beyond the limit: of what
                                               is about to be given up */
#define MLOPS_GROW_THREAD     (8u << 20)    /* bytes that are worth a thread */
#define MLOPS_GROW_RETRY_US   5000000
#define MLOPS_GROW_HINTS      32            /* they cost as much as a row */


static int mlops_grow_attach(mlops_shard_t *shard, mlops_def_t *def,
    mlops_table_t *table, mlops_err_t *err);
static int mlops_grow_targets(mlops_shard_t *shard, mlops_def_t *def,
    int clean, mlops_err_t *err);
static int mlops_grow_rows(mlops_shard_t *shard, mlops_def_t *def,
    mlops_err_t *err);
static int mlops_grow_target(mlops_shard_t *shard, int32_t partition,
    int64_t offset, mlops_err_t *err);
static uint32_t mlops_grow_capacity(const mlops_shard_t *shard,
    const mlops_def_t *def);
static void mlops_grow_run(void *ctx);
static void mlops_grow_made(mlops_shard_t *shard, mlops_def_t *def);
static void mlops_grow_failed(mlops_shard_t *shard, mlops_def_t *def,
    const mlops_err_t *err);
static void mlops_grow_live(mlops_shard_t *shard, mlops_def_t *def,
    mlops_table_t *table);
static void mlops_grow_fill(mlops_shard_t *shard, mlops_def_t *def,
    uint32_t *budget);
static void mlops_grow_hints(mlops_shard_t *shard, mlops_def_t *def,
    uint32_t *budget);
static void mlops_grow_commit(mlops_shard_t *shard, mlops_def_t *def);
static int mlops_grow_full(int code);
static int mlops_grow_other(const mlops_shard_t *shard, const char *name);
static int mlops_grow_remove(const mlops_shard_t *shard, const char *name);


int
mlops_grow_open(mlops_shard_t *shard, mlops_def_t *def, mlops_err_t *err)
{
    mlops_table_t  *table;

    if (shard->conf.features == -1) {
        return MLOPS_OK;
    }

    table = mlops_table_attach(shard->conf.features, def->view,
                               shard->conf.number, err);

    if (table != NULL) {
        return mlops_grow_attach(shard, def, table, err);
    }

    if (errno == EAGAIN) {
        return MLOPS_ERROR;
    }

    if (errno != ENOENT && shard->conf.notice != NULL) {
        (void) mlops_err_prefix(err, "a feature table is made anew");
        shard->conf.notice(shard->conf.ctx, err);
    }

    mlops_grow_begin(shard, def);

    if (def->job.busy) {
        (void) mlops_job_poll(&def->job, 1);
        mlops_grow_made(shard, def);
    }

    if (def->growing != NULL) {
        mlops_grow_commit(shard, def);
    }

    if (def->current == NULL && !mlops_grow_full(def->order.code)) {
        *err = def->order.err;
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static int
mlops_grow_attach(mlops_shard_t *shard, mlops_def_t *def,
    mlops_table_t *table, mlops_err_t *err)
{
    int  clean;

    clean = atomic_load_explicit(&mlops_table_header(table)->clean,
                                 memory_order_acquire) != 0;

    def->current = mlops_board_create(shard, table, err);

    if (def->current == NULL) {
        mlops_table_close(table);
        return MLOPS_ERROR;
    }

    return mlops_grow_targets(shard, def, clean, err);
}


/* How far the table is: what its header says; after a kill rows may be
 * further.  Its last writer's partitions are nobody's before they are
 * acquired again: the group may have given them to others. */

static int
mlops_grow_targets(mlops_shard_t *shard, mlops_def_t *def, int clean,
    mlops_err_t *err)
{
    uint32_t                        i;
    int64_t                         offset;
    mlops_table_t                  *table;
    const mlops_table_partition_t  *partition;

    table = def->current->table;

    for (i = 0; i < MLOPS_PARTITIONS_MAX; i++) {
        partition = mlops_table_partition(table, i);
        offset = atomic_load_explicit(&partition->offset,
                                      memory_order_acquire);

        mlops_table_disown(table, i);

        if (offset >= 0
            && mlops_grow_target(shard, (int32_t) i, offset, err) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    if (clean || def->view->role == MLOPS_ROLE_FOLLOW) {
        return MLOPS_OK;
    }

    return mlops_grow_rows(shard, def, err);
}


static int
mlops_grow_rows(mlops_shard_t *shard, mlops_def_t *def, mlops_err_t *err)
{
    int                   rc;
    char                 *text;
    uint32_t              cursor;
    uint64_t             *present;
    mlops_key_t           key;
    mlops_cell_t         *cells;
    mlops_table_t        *table;
    mlops_table_found_t   found;

    table = def->current->table;

    cells = malloc((size_t) def->view->row.n * sizeof(*cells));
    present = malloc((size_t) def->words * 8);
    text = malloc(mlops_table_text_size(table) + MLOPS_KEY_BYTES_MAX + 1);
    rc = MLOPS_ERROR;

    if (cells == NULL || present == NULL || text == NULL) {
        (void) mlops_err_set(err, "out of memory: a row of %u columns",
                             (unsigned) def->view->row.n);
        goto done;
    }

    cursor = 0;

    while ((rc = mlops_table_next(table, &cursor, 0, INT64_MIN, &key, cells,
                                  present, text, &found)) != MLOPS_LIMIT)
    {
        if (rc == MLOPS_OK
            && mlops_grow_target(shard, found.partition, found.offset, err)
               != MLOPS_OK)
        {
            rc = MLOPS_ERROR;
            goto done;
        }
    }

    rc = MLOPS_OK;

done:

    free(cells);
    free(present);
    free(text);

    return rc;
}


static int
mlops_grow_target(mlops_shard_t *shard, int32_t partition, int64_t offset,
    mlops_err_t *err)
{
    mlops_part_t  *part;

    if (partition < 0 || partition >= MLOPS_PARTITIONS_MAX) {
        return MLOPS_OK;
    }

    part = mlops_shard_part(shard, partition, err);

    if (part == NULL) {
        return MLOPS_ERROR;
    }

    if (part->target < offset) {
        part->target = offset;
        shard->behind = 1;
    }

    return MLOPS_OK;
}


/* Of the table that is wanted, 0: none.  A quarter of its rows is free. */

static uint32_t
mlops_grow_capacity(const mlops_shard_t *shard, const mlops_def_t *def)
{
    uint64_t  capacity, max, n;

    max = (uint64_t) shard->limit + MLOPS_GROW_SLACK;
    n = shard->entities.n;

    if (def->current == NULL) {
        capacity = MLOPS_GROW_FIRST / 2;

    } else {
        capacity = mlops_table_header(def->current->table)->capacity;

        if (capacity >= max || n * 4 < capacity * 3) {
            return 0;
        }
    }

    do {
        capacity *= 2;
    } while (n * 4 >= capacity * 3);

    return (uint32_t) (capacity < max ? capacity : max);
}


void
mlops_grow_begin(mlops_shard_t *shard, mlops_def_t *def)
{
    uint32_t              capacity;
    mlops_board_order_t  *order;

    if (shard->conf.features == -1 || def->job.busy || def->growing != NULL
        || (shard->behind && def->current != NULL)
        || (def->failed && shard->wall_us < def->retry_us
            && def->retry_us - shard->wall_us <= MLOPS_GROW_RETRY_US))
    {
        return;
    }

    capacity = mlops_grow_capacity(shard, def);

    if (capacity == 0) {
        return;
    }

    order = &def->order;
    memset(order, 0, sizeof(*order));

    order->features = shard->conf.features;
    order->view = def->view;
    order->shard = shard->conf.number;
    order->capacity = capacity;
    order->uid = shard->conf.uid;
    order->gid = shard->conf.gid;

    mlops_fault("shard_grow");

    if (mlops_table_file_bytes(def->view, capacity) < MLOPS_GROW_THREAD) {
        mlops_grow_run(order);
        mlops_grow_made(shard, def);
        return;
    }

    mlops_job_start(&def->job, mlops_grow_run, order);
}


static void
mlops_grow_run(void *ctx)
{
    mlops_board_order_t  *order;

    order = ctx;

    order->table = mlops_table_create(order->features, order->view,
                                      order->shard, order->capacity,
                                      order->uid, order->gid, order->tmp,
                                      &order->err);
    order->code = (order->table == NULL) ? errno : 0;
}


static void
mlops_grow_made(mlops_shard_t *shard, mlops_def_t *def)
{
    mlops_board_order_t  *order;

    order = &def->order;

    if (order->table == NULL) {
        mlops_grow_failed(shard, def, &order->err);
        return;
    }

    memcpy(def->tmp, order->tmp, sizeof(def->tmp));

    def->growing = mlops_board_create(shard, order->table, &order->err);

    if (def->growing == NULL) {
        mlops_table_close(order->table);
        (void) unlinkat(shard->conf.features, def->tmp, 0);
        order->table = NULL;
        order->code = ENOMEM;
        mlops_grow_failed(shard, def, &order->err);
        return;
    }

    def->fill = 0;
    mlops_grow_live(shard, def, order->table);

    mlops_fault("shard_grow_made");
}


static void
mlops_grow_failed(mlops_shard_t *shard, mlops_def_t *def,
    const mlops_err_t *err)
{
    def->retry_us = shard->wall_us + MLOPS_GROW_RETRY_US;

    if (!def->failed && shard->conf.notice != NULL) {
        shard->conf.notice(shard->conf.ctx, err);
    }

    def->failed = 1;
}


/* What is not in rows. */

static void
mlops_grow_live(mlops_shard_t *shard, mlops_def_t *def, mlops_table_t *table)
{
    uint32_t             i;
    const mlops_part_t  *part;

    for (i = 0; i < def->view->row.n; i++) {
        mlops_table_set_warm(table, i, mlops_shard_warm_us(shard, def, i));
    }

    for (i = 0; i < shard->active_n; i++) {
        part = shard->parts[shard->active[i]];

        if (part->partition != -1) {
            mlops_table_set_partition(table, (uint32_t) part->partition,
                                      part->offset, part->q,
                                      part->owned);
        }
    }

    mlops_table_evicted(table, shard->stats.evicted);
    mlops_table_beat(table, shard->wall_us);
}


void
mlops_grow_step(mlops_shard_t *shard, mlops_def_t *def, uint32_t *budget)
{
    mlops_grow_begin(shard, def);

    if (mlops_job_poll(&def->job, 0) == MLOPS_OK) {
        mlops_grow_made(shard, def);
    }

    if (def->growing != NULL) {
        mlops_grow_fill(shard, def, budget);
    }

    if (def->hint < def->hint_end) {
        mlops_grow_hints(shard, def, budget);
    }
}


/* What entities say about rows is of the table before: an event would have to
 * look for its row. */

static void
mlops_grow_hints(mlops_shard_t *shard, mlops_def_t *def, uint32_t *budget)
{
    uint32_t  end, *rows;

    rows = def->current->rows;

    for ( /* void */ ; *budget > 0 && def->hint < def->hint_end; (*budget)--)
    {
        end = (def->hint_end - def->hint < MLOPS_GROW_HINTS)
              ? def->hint_end : def->hint + MLOPS_GROW_HINTS;

        for ( /* void */ ; def->hint < end; def->hint++) {
            if (rows[def->hint] != 0) {
                mlops_entity(&shard->entities, def->hint)->row =
                                                              rows[def->hint];
            }
        }
    }
}


static void
mlops_grow_fill(mlops_shard_t *shard, mlops_def_t *def, uint32_t *budget)
{
    uint32_t               number, row;
    mlops_key_t            key;
    mlops_board_t         *board;
    const mlops_entity_t  *entity;

    board = def->growing;

    for ( /* void */ ; *budget > 0; (*budget)--) {
        number = def->fill;

        if (number == shard->entities.fresh) {
            mlops_grow_commit(shard, def);
            return;
        }

        def->fill++;
        entity = mlops_entity(&shard->entities, number);

        if (entity->used == 0 || board->rows[number] != 0) {
            continue;
        }

        mlops_def_carry(def, number);
        mlops_entities_key(&shard->entities, number, &key);
        (void) mlops_def_row(def, number, entity,
                             mlops_shard_home(shard, entity)->q);

        row = UINT32_MAX;
        (void) mlops_table_put(board->table, &key, entity->hash, &row,
                               &def->row);
        board->rows[number] = row + 1;

        mlops_fault("shard_grow_fill");
    }
}


static void
mlops_grow_commit(mlops_shard_t *shard, mlops_def_t *def)
{
    mlops_board_t  *board;

    board = def->growing;
    def->growing = NULL;

    mlops_fault("shard_grow_commit");

    if (mlops_table_commit(board->table, def->tmp, &def->order.err)
        != MLOPS_OK)
    {
        def->order.code = errno;
        mlops_board_destroy(shard, board, 0);
        (void) unlinkat(shard->conf.features, def->tmp, 0);
        mlops_grow_failed(shard, def, &def->order.err);
        return;
    }

    mlops_fault("shard_grow_named");

    if (def->current != NULL) {
        def->current->next = def->past;
        def->past = def->current;
    }

    def->current = board;
    def->failed = 0;
    def->hint = 0;
    def->hint_end = def->fill;
}


void
mlops_grow_all(mlops_shard_t *shard, mlops_def_t *def)
{
    uint32_t  budget;

    mlops_grow_begin(shard, def);

    if (mlops_job_poll(&def->job, 1) == MLOPS_OK) {
        mlops_grow_made(shard, def);
    }

    budget = UINT32_MAX;

    if (def->growing != NULL) {
        mlops_grow_fill(shard, def, &budget);
    }
}


void
mlops_grow_stop(mlops_shard_t *shard, mlops_def_t *def)
{
    if (mlops_job_poll(&def->job, 1) == MLOPS_OK) {
        mlops_grow_made(shard, def);
    }

    if (def->growing != NULL) {
        mlops_board_destroy(shard, def->growing, 0);
        (void) unlinkat(shard->conf.features, def->tmp, 0);
        def->growing = NULL;
    }
}


void
mlops_grow_past(mlops_shard_t *shard, mlops_def_t *def)
{
    mlops_board_t  *board, **next;

    for (next = &def->past; (board = *next) != NULL; /* void */ ) {

        if (mlops_table_read(board->table)) {
            next = &board->next;
            continue;
        }

        mlops_fault("shard_past_gone");

        *next = board->next;
        mlops_board_destroy(shard, board, 0);
    }
}


int
mlops_grow_leave(mlops_shard_t *shard, mlops_def_t *def)
{
    char          name[MLOPS_TABLE_NAME_SIZE];
    mlops_def_t  *other;

    mlops_grow_past(shard, def);

    if (def->past != NULL) {
        return 0;
    }

    if (def->current == NULL) {
        return 1;
    }

    if (mlops_table_read(def->current->table)) {
        return 0;
    }

    /* a definition that has come back has taken the name */

    for (other = shard->defs; other != def; other = other->older) {
        if (other->view->hash == def->view->hash) {
            break;
        }
    }

    if (other == def) {
        mlops_table_name(def->view, shard->conf.number, name);
        mlops_fault("shard_leave");
        (void) unlinkat(shard->conf.features, name, 0);
        mlops_fault("shard_leave_unlinked");
    }

    /* who found the name just before has the lock now, or looks again */

    return !mlops_table_read(def->current->table);
}


void
mlops_grow_sweep(mlops_shard_t *shard)
{
    int             fd;
    DIR            *stream;
    struct dirent  *entry;

    shard->leftovers = 0;

    if (shard->conf.features == -1) {
        return;
    }

    fd = openat(shard->conf.features, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    stream = fdopendir(fd);

    if (stream == NULL) {
        (void) close(fd);
        return;
    }

    while ((entry = readdir(stream)) != NULL) {
        if (mlops_grow_other(shard, entry->d_name)
            && !mlops_grow_remove(shard, entry->d_name))
        {
            shard->leftovers = 1;
        }
    }

    (void) closedir(stream);
}


/* Is it a table of this view and shard, but of no definition here? */

static int
mlops_grow_other(const mlops_shard_t *shard, const char *name)
{
    char                own[MLOPS_TABLE_NAME_SIZE];
    size_t              len;
    const mlops_def_t  *def;

    len = shard->view->name.len;

    mlops_table_name(shard->view, shard->conf.number, own);

    if (strlen(name) != strlen(own) || memcmp(name, own, len + 1) != 0
        || strspn(name + len + 1, "0123456789abcdef") != 16
        || strcmp(name + len + 17, own + len + 17) != 0)
    {
        return 0;
    }

    for (def = shard->defs; def != NULL; def = def->older) {
        mlops_table_name(def->view, shard->conf.number, own);

        if (strcmp(name, own) == 0) {
            return 0;
        }
    }

    return 1;
}


/* One worker writes the tables of a view: nobody writes this one. */

static int
mlops_grow_remove(const mlops_shard_t *shard, const char *name)
{
    int             busy;
    mlops_err_t     err;
    mlops_table_t  *table;

    table = mlops_table_open(shard->conf.features, name, shard->conf.uid,
                             &err);
    busy = (table != NULL && mlops_table_read(table));

    if (table != NULL) {
        mlops_table_close(table);
    }

    if (!busy) {
        mlops_fault("shard_sweep");
        (void) unlinkat(shard->conf.features, name, 0);
    }

    return !busy;
}


static int
mlops_grow_full(int code)
{
    return code == ENOSPC || code == EDQUOT || code == ENOMEM
           || code == EFBIG;
}
