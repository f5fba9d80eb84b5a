/*
 * A shard: its life, and what becomes of an event.
 */

#include "mlops_shard_inner.h"
#include "mlops_pages.h"

#include <stdio.h>


#define MLOPS_SHARD_BEAT_US   500000
#define MLOPS_SHARD_LOOK_US   100000
#define MLOPS_SHARD_EVICT     16        /* entities an event gives up at most,
                                           where the limit was lowered */
#define MLOPS_SHARD_POPS      4         /* dead duplicates an event removes */

/* Seeds of the hashes of a duplicate's field, by kind. */

#define MLOPS_SHARD_SEED      0x6d6c6f7073ull


static int mlops_shard_init(mlops_shard_t *shard, mlops_err_t *err);
static int mlops_shard_conflict(const mlops_shard_t *shard,
    const mlops_key_t *key, const mlops_entity_t *entity, int32_t partition,
    int64_t offset, mlops_err_t *err);
static int mlops_shard_duplicate(mlops_shard_t *shard, uint64_t hash,
    const mlops_event_t *event);
static int mlops_shard_field(const mlops_plan_view_t *view,
    const mlops_event_t *event, uint64_t *hash);
static int mlops_shard_dead(const mlops_shard_t *shard,
    const mlops_dedupe_entry_t *entry);
static uint32_t mlops_shard_entity(mlops_shard_t *shard,
    const mlops_key_t *key, uint64_t hash, const mlops_part_t *part);
static int mlops_shard_existing(mlops_shard_t *shard, uint32_t number,
    const mlops_part_t *part);
static void mlops_shard_strike(mlops_shard_t *shard, uint32_t number);
static void mlops_shard_room(mlops_shard_t *shard);
static int mlops_shard_expire(mlops_shard_t *shard, mlops_part_t *part,
    int64_t max_ts, uint32_t *steps, int once);
static int mlops_shard_followed(mlops_shard_t *shard, uint32_t number,
    const mlops_table_row_t *row);
static const mlops_plan_feature_t *mlops_shard_feature(
    const mlops_plan_view_t *view, uint64_t hash);
static int mlops_shard_carried(mlops_shard_t *shard, uint32_t *budget);
static void mlops_shard_look(mlops_shard_t *shard);


mlops_shard_t *
mlops_shard_create(const mlops_plan_view_t *view,
    const mlops_shard_conf_t *conf, mlops_err_t *err)
{
    mlops_shard_t  *shard;

    shard = calloc(1, sizeof(*shard));

    if (shard == NULL) {
        (void) mlops_err_set(err, "out of memory: %zu bytes", sizeof(*shard));
        return NULL;
    }

    shard->conf = *conf;
    shard->cold = conf->cold;
    shard->view = view;
    shard->wall_us = mlops_wall_us();
    shard->checkpoint.fd = -1;

    if (mlops_shard_init(shard, err) != MLOPS_OK) {
        (void) mlops_err_prefix(err, "view \"%.*s\", shard %u",
                                mlops_fmt(&view->name),
                                (unsigned) conf->number);
        mlops_shard_destroy(shard);
        return NULL;
    }

    return shard;
}


static int
mlops_shard_init(mlops_shard_t *shard, mlops_err_t *err)
{
    const mlops_plan_view_t  *view;

    view = shard->view;

    shard->limit = view->max_entities / view->shards
                   + (view->max_entities % view->shards != 0);
    shard->ttl_us = (view->role == MLOPS_ROLE_FOLLOW) ? 0 : view->ttl_us;

    if (shard->limit == 0 || shard->limit > INT32_MAX - 1) {
        return mlops_err_set(err, "expected 1 to %d entities a shard, "
                             "got %u", INT32_MAX - 1,
                             (unsigned) shard->limit);
    }

    if (mlops_shard_clear(shard, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    shard->defs = mlops_def_create(shard, view, err);

    if (shard->defs == NULL) {
        return MLOPS_ERROR;
    }

    if (shard->conf.features != -1) {
        (void) mlops_file_sweep(shard->conf.features);
    }

    if (mlops_grow_open(shard, shard->defs, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_grow_sweep(shard);

    return MLOPS_OK;
}


/* One row beyond the limit: the new entity is there before another one is
 * given up. */

int
mlops_shard_clear(mlops_shard_t *shard, mlops_err_t *err)
{
    uint32_t                  i;
    mlops_part_t             *part;
    const mlops_plan_view_t  *view;

    view = shard->view;

    mlops_entities_destroy(&shard->entities);
    mlops_dedupe_destroy(&shard->dedupe);
    mlops_pages_release(shard->refresh, shard->places);
    mlops_pages_release(shard->expiry, shard->places);

    shard->places = ((size_t) shard->limit + 1)
                    * sizeof(mlops_calendar_place_t);
    shard->refresh = mlops_pages_reserve(shard->places);
    shard->expiry = mlops_pages_reserve(shard->places);

    if (shard->refresh == NULL || shard->expiry == NULL) {
        return mlops_err_set(err, "out of memory: addresses for %u entities",
                             (unsigned) shard->limit);
    }

    for (i = 0; i < shard->active_n; i++) {
        part = shard->parts[shard->active[i]];
        mlops_calendar_init(&part->refresh);
        mlops_calendar_init(&part->expiry);
    }

    if (mlops_entities_init(&shard->entities, view->entity_type,
                            view->entity_bytes, shard->limit + 1, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_dedupe_init(&shard->dedupe, mlops_shard_dedupe_max(view),
                             view->within_us, view->lateness_us, err);
}


uint32_t
mlops_shard_dedupe_max(const mlops_plan_view_t *view)
{
    if (view->dedupe == MLOPS_NO_FIELD || view->role == MLOPS_ROLE_FOLLOW) {
        return 0;
    }

    return view->dedupe_max / view->shards
           + (view->dedupe_max % view->shards != 0);
}


void
mlops_shard_destroy(mlops_shard_t *shard)
{
    uint32_t        i;
    mlops_def_t    *def;
    mlops_board_t  *board;

    mlops_checkpoint_stop(shard);
    free(shard->checkpoint.buf);

    while (shard->defs != NULL) {
        def = shard->defs;
        mlops_grow_stop(shard, def);

        while (def->past != NULL) {
            board = def->past;
            def->past = board->next;
            mlops_board_destroy(shard, board, 0);
        }

        if (def->current != NULL) {
            mlops_board_destroy(shard, def->current, !shard->behind);
        }

        shard->defs = def->older;
        mlops_def_destroy(shard, def);
    }

    mlops_pages_release(shard->refresh, shard->places);
    mlops_pages_release(shard->expiry, shard->places);
    mlops_entities_destroy(&shard->entities);
    mlops_dedupe_destroy(&shard->dedupe);

    for (i = 0; i < shard->active_n; i++) {
        free(shard->parts[shard->active[i]]);
    }

    free(shard);
}


mlops_part_t *
mlops_shard_part(mlops_shard_t *shard, int32_t partition, mlops_err_t *err)
{
    mlops_part_t  *part;

    if (partition < -1 || partition >= MLOPS_PARTITIONS_MAX) {
        (void) mlops_err_set(err, "view \"%.*s\": expected a partition below "
                             "%d, got %d", mlops_fmt(&shard->view->name),
                             MLOPS_PARTITIONS_MAX, (int) partition);
        return NULL;
    }

    part = shard->parts[partition + 1];

    if (mlops_likely(part != NULL)) {
        return part;
    }

    part = calloc(1, sizeof(*part));

    if (part == NULL) {
        (void) mlops_err_set(err, "out of memory: %zu bytes", sizeof(*part));
        return NULL;
    }

    part->partition = partition;
    part->q = INT64_MIN;
    part->max_ts = INT64_MIN;
    part->passed = INT64_MIN;
    part->offset = -1;
    part->target = -1;

    mlops_calendar_init(&part->refresh);
    mlops_calendar_init(&part->expiry);

    shard->parts[partition + 1] = part;
    shard->active[shard->active_n++] = (uint16_t) (partition + 1);

    return part;
}


int
mlops_shard_event(mlops_shard_t *shard, const mlops_key_t *key, uint64_t hash,
    const mlops_event_t *event, int64_t max_ts_us, int64_t q,
    mlops_err_t *err)
{
    int              filed;
    uint32_t         number;
    mlops_def_t     *def;
    mlops_part_t    *part;
    mlops_entity_t  *entity;

    part = mlops_shard_part(shard, event->partition, err);

    if (part == NULL) {
        return MLOPS_ERROR;
    }

    number = mlops_entities_find(&shard->entities, key, hash);

    if (max_ts_us > part->max_ts) {
        part->max_ts = max_ts_us;
    }

    if (number != MLOPS_ENTITY_NONE
        && mlops_shard_conflict(shard, key,
                                mlops_entity(&shard->entities, number),
                                event->partition, event->offset, err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (shard->dedupe.max != 0 && mlops_shard_duplicate(shard, hash, event)) {
        shard->stats.duplicates++;
        return MLOPS_OK;
    }

    if (number == MLOPS_ENTITY_NONE) {
        number = mlops_shard_entity(shard, key, hash, part);

        if (number == MLOPS_ENTITY_NONE) {
            return mlops_err_set(err, "view \"%.*s\": no row for an entity",
                                 mlops_fmt(&shard->view->name));
        }

        filed = 0;

    } else {
        mlops_checkpoint_before(shard, number);
        filed = mlops_shard_existing(shard, number, part);
    }

    entity = mlops_entity(&shard->entities, number);

    mlops_def_carry(shard->defs, number);

    for (def = shard->defs; def != NULL; def = def->older) {
        mlops_def_apply(def, number, event);
    }

    if (event->ts_us > entity->event_us) {
        entity->event_us = event->ts_us;
    }

    entity->offset = event->offset;
    entity->used = ++shard->used;
    mlops_entities_use(&shard->entities, number);

    if (event->offset > part->offset) {
        part->offset = event->offset;
    }

    if (q > part->q) {
        part->q = q;
    }

    mlops_fault("shard_applied");

    if (!filed) {
        mlops_shard_expires(shard, number);
    }

    mlops_shard_put(shard, number);

    part->passed = part->max_ts;
    shard->stats.events++;

    if (shard->entities.n > shard->limit) {
        mlops_shard_evict(shard);
    }

    return MLOPS_OK;
}


static int
mlops_shard_conflict(const mlops_shard_t *shard, const mlops_key_t *key,
    const mlops_entity_t *entity, int32_t partition, int64_t offset,
    mlops_err_t *err)
{
    char                      text[96];
    const mlops_column_t     *column;
    const mlops_plan_view_t  *view;

    if (entity->partition == partition || entity->partition == -1
        || mlops_shard_expired(shard, entity,
                               mlops_shard_home(shard, entity)->max_ts))
    {
        return MLOPS_OK;
    }

    view = shard->view;
    column = &view->event.columns[view->entity];

    if (view->entity_type == MLOPS_TYPE_INT64) {
        (void) snprintf(text, sizeof(text), "%lld", (long long) key->number);

    } else {
        (void) snprintf(text, sizeof(text), "\"%.*s\"",
                        key->text.len < 64 ? (int) key->text.len : 64,
                        key->text.data);
    }

    return mlops_err_set(err, "view \"%.*s\": entity %s belongs to partition "
                         "%d, but partition %d has an event of it at offset "
                         "%lld: the record key has to be the entity; produce "
                         "with key = %.*s into a new topic whose number of "
                         "partitions stays as it is, and read that one",
                         mlops_fmt(&view->name), text,
                         (int) entity->partition, (int) partition,
                         (long long) offset, mlops_fmt(&column->name));
}


/* Is it one?  What is not is remembered. */

static int
mlops_shard_duplicate(mlops_shard_t *shard, uint64_t hash,
    const mlops_event_t *event)
{
    uint32_t         i;
    uint64_t         field;
    mlops_dedupe_t  *dedupe;

    dedupe = &shard->dedupe;

    for (i = 0; i < MLOPS_SHARD_POPS && dedupe->head != dedupe->tail; i++) {

        if (!mlops_shard_dead(shard, mlops_dedupe_entry(dedupe,
                                                        dedupe->head)))
        {
            break;
        }

        mlops_checkpoint_dedupe(shard);
        mlops_dedupe_pop(dedupe);
    }

    if (!mlops_shard_field(shard->view, event, &field)) {
        return 0;
    }

    if (mlops_dedupe_seen(dedupe, hash, field, event->ts_us)) {
        return 1;
    }

    if (mlops_dedupe_full(dedupe)) {

        if (!mlops_shard_dead(shard, mlops_dedupe_entry(dedupe,
                                                        dedupe->head)))
        {
            shard->stats.dedupe_overflow++;
        }

        mlops_checkpoint_dedupe(shard);
        mlops_dedupe_pop(dedupe);
    }

    mlops_dedupe_add(dedupe, hash, field, event->ts_us, event->partition);

    return 0;
}


/* The hash of what tells duplicates; 0: the event has none. */

static int
mlops_shard_field(const mlops_plan_view_t *view, const mlops_event_t *event,
    uint64_t *hash)
{
    mlops_cell_t       cell;
    mlops_cell_kind_t  kind;

    if (!mlops_bit(event->present, view->dedupe)) {
        return 0;
    }

    kind = view->event.columns[view->dedupe].kind;
    cell = event->cells[view->dedupe];

    if (kind == MLOPS_CELL_STRING) {
        *hash = mlops_hash(event->text + cell.s.off, cell.s.len,
                           MLOPS_SHARD_SEED);
        return 1;
    }

    if (kind == MLOPS_CELL_DOUBLE && cell.f == 0) {
        cell.f = 0;                     /* without its sign */
    }

    *hash = mlops_hash(&cell, sizeof(cell), MLOPS_SHARD_SEED + 1);

    return 1;
}


static int
mlops_shard_dead(const mlops_shard_t *shard,
    const mlops_dedupe_entry_t *entry)
{
    const mlops_part_t  *part;

    part = mlops_shard_known(shard, entry->partition);

    return part == NULL
           || (part->max_ts != INT64_MIN
               && mlops_dedupe_dead(&shard->dedupe, entry, part->max_ts));
}


/* A new one. */

static uint32_t
mlops_shard_entity(mlops_shard_t *shard, const mlops_key_t *key,
    uint64_t hash, const mlops_part_t *part)
{
    uint32_t         number;
    mlops_def_t     *def;
    mlops_entity_t  *entity;

    number = mlops_entities_add(&shard->entities, key, hash);

    if (number == MLOPS_ENTITY_NONE) {
        return number;
    }

    entity = mlops_entity(&shard->entities, number);

    entity->partition = part->partition;
    entity->event_us = INT64_MIN;
    entity->next_us = INT64_MAX;
    entity->epoch = shard->checkpoint.epoch;

    for (def = shard->defs; def != NULL; def = def->older) {
        mlops_def_reset(def, number);
    }

    mlops_shard_room(shard);

    return number;
}


/* One that is known: it may have expired, and one of a backfill gets its
 * partition.  1: it is still in the calendars. */

static int
mlops_shard_existing(mlops_shard_t *shard, uint32_t number,
    const mlops_part_t *part)
{
    int              expired;
    mlops_def_t     *def;
    mlops_entity_t  *entity;

    entity = mlops_entity(&shard->entities, number);

    expired = mlops_shard_expired(shard, entity, part->max_ts)
              || (entity->partition != part->partition
                  && mlops_shard_expired(shard, entity,
                         mlops_shard_home(shard, entity)->max_ts));

    if (!expired && entity->partition == part->partition) {
        return 1;
    }

    mlops_shard_strike(shard, number);
    entity->partition = part->partition;
    entity->next_us = INT64_MAX;

    if (expired) {
        entity->event_us = INT64_MIN;

        for (def = shard->defs; def != NULL; def = def->older) {
            mlops_def_reset(def, number);
        }

        shard->stats.expired++;
    }

    return 0;
}


static void
mlops_shard_strike(mlops_shard_t *shard, uint32_t number)
{
    mlops_part_t  *part;

    part = mlops_shard_home(shard, mlops_entity(&shard->entities, number));

    mlops_calendar_strike(&part->refresh, shard->refresh, number);
    mlops_calendar_strike(&part->expiry, shard->expiry, number);
}


/* Each new entity pays for the growth of the table: it is filled before the
 * old one is full. */

static void
mlops_shard_room(mlops_shard_t *shard)
{
    uint32_t                     budget;
    mlops_def_t                 *def;
    const mlops_table_header_t  *header;

    def = shard->defs;

    if (shard->conf.features == -1 || shard->behind) {
        return;
    }

    budget = 8;
    mlops_grow_step(shard, def, &budget);

    if (def->current == NULL || (def->growing == NULL && !def->job.busy)) {
        return;
    }

    header = mlops_table_header(def->current->table);

    if (atomic_load_explicit(&header->rows_n, memory_order_relaxed)
        == header->capacity)
    {
        mlops_grow_all(shard, def);
    }
}


void
mlops_shard_expires(mlops_shard_t *shard, uint32_t number)
{
    int64_t          clock;
    mlops_part_t    *part;
    mlops_entity_t  *entity;

    if (shard->ttl_us == 0 || shard->expiry[number].prev != 0) {
        return;
    }

    entity = mlops_entity(&shard->entities, number);
    part = mlops_shard_home(shard, entity);
    clock = (part->passed == INT64_MIN) ? part->max_ts : part->passed;

    mlops_calendar_file(&part->expiry, shard->expiry, number,
                        mlops_us_add(mlops_us_add(entity->event_us,
                                                  shard->ttl_us), 1),
                        clock);
}


void
mlops_shard_put(mlops_shard_t *shard, uint32_t number)
{
    int64_t          at, next;
    mlops_def_t     *def;
    mlops_key_t      key;
    mlops_part_t    *part;
    mlops_entity_t  *entity;

    entity = mlops_entity(&shard->entities, number);
    part = mlops_shard_home(shard, entity);
    next = INT64_MAX;

    mlops_entities_key(&shard->entities, number, &key);
    mlops_def_carry(shard->defs, number);

    for (def = shard->defs; def != NULL; def = def->older) {

        if (mlops_publish_wanted(shard, def, entity)) {
            at = mlops_def_row(def, number, entity, part->q);
            mlops_publish_put(shard, def, number, &key, entity);

            if (def == shard->defs && shard->conf.published != NULL) {
                shard->conf.published(shard->conf.ctx, def->view, &key,
                                      entity->hash, &def->row, 0);
            }

        } else {
            at = mlops_def_next(def, number, part->q);
        }

        if (at < next) {
            next = at;
        }
    }

    /* what has a boundary is filed for it, or for less */

    if (next < entity->next_us) {
        mlops_calendar_file(&part->refresh, shard->refresh, number, next,
                            part->q);
    }

    entity->next_us = next;
}


void
mlops_shard_drop(mlops_shard_t *shard, uint32_t number, int keep, int tell)
{
    mlops_def_t        *def;
    mlops_key_t         key;
    mlops_entity_t     *entity;
    mlops_table_row_t   row;

    mlops_checkpoint_before(shard, number);

    entity = mlops_entity(&shard->entities, number);
    mlops_entities_key(&shard->entities, number, &key);

    mlops_fault("shard_drop");

    for (def = shard->defs; def != NULL; def = def->older) {
        mlops_publish_remove(shard, def, number, &key, entity, keep);
    }

    if (tell && shard->conf.published != NULL) {
        memset(&row, 0, sizeof(row));

        row.event_us = entity->event_us;
        row.offset = entity->offset;
        row.partition = entity->partition;

        shard->conf.published(shard->conf.ctx, shard->view, &key,
                              entity->hash, &row, 1);
    }

    mlops_shard_strike(shard, number);
    mlops_entities_remove(&shard->entities, number);
}


/* Expired ones that are still there are not counted as entities: they go
 * first.  So it makes no difference how fast they are dropped. */

void
mlops_shard_evict(mlops_shard_t *shard)
{
    int            gone;
    uint32_t       i, n, steps;
    mlops_def_t   *def;
    mlops_part_t  *part;

    for (n = 0; n < MLOPS_SHARD_EVICT; n++) {

        if (shard->entities.n <= shard->limit) {
            return;
        }

        gone = 0;

        for (i = 0; i < shard->active_n && !gone; i++) {
            part = shard->parts[shard->active[i]];
            steps = UINT32_MAX;
            gone = mlops_shard_expire(shard, part, part->max_ts, &steps, 1);
        }

        if (gone) {
            continue;
        }

        mlops_fault("shard_evict");

        mlops_shard_drop(shard, shard->entities.oldest, 0, 1);
        shard->stats.evicted++;

        for (def = shard->defs; def != NULL; def = def->older) {
            if (def->current != NULL) {
                mlops_table_evicted(def->current->table, 1);
            }
        }
    }
}


/* Drops what has expired: one entity, or as many as steps allow.  Returns
 * how many went. */

static int
mlops_shard_expire(mlops_shard_t *shard, mlops_part_t *part, int64_t max_ts,
    uint32_t *steps, int once)
{
    int               gone;
    int64_t           clock;
    uint32_t          number;
    mlops_entity_t   *entity;

    if (shard->ttl_us == 0 || max_ts == INT64_MIN) {
        return 0;
    }

    clock = mlops_us_add(max_ts, shard->view->tick_us);

    for (gone = 0; !gone || !once; /* void */ ) {
        number = mlops_calendar_due(&part->expiry, shard->expiry, clock,
                                    steps);

        if (number >= MLOPS_CALENDAR_MORE) {
            break;
        }

        entity = mlops_entity(&shard->entities, number);

        if (!mlops_shard_expired(shard, entity, max_ts)) {
            mlops_shard_expires(shard, number);
            continue;
        }

        mlops_fault("shard_expire");

        mlops_shard_drop(shard, number, 0, 1);
        shard->stats.expired++;
        gone++;
    }

    return gone;
}


int
mlops_shard_follow(mlops_shard_t *shard, const mlops_key_t *key,
    uint64_t hash, const mlops_table_row_t *row, int gone, mlops_err_t *err)
{
    uint32_t         number;
    mlops_part_t    *part;
    mlops_entity_t  *entity;

    number = mlops_entities_find(&shard->entities, key, hash);

    if (gone) {

        if (number != MLOPS_ENTITY_NONE) {
            entity = mlops_entity(&shard->entities, number);

            if (row == NULL || row->partition != entity->partition
                || row->offset >= entity->offset)
            {
                mlops_shard_drop(shard, number, 0, 1);
            }
        }

        return MLOPS_OK;
    }

    part = mlops_shard_part(shard, row->partition, err);

    if (part == NULL) {
        return MLOPS_ERROR;
    }

    if (number == MLOPS_ENTITY_NONE) {
        number = mlops_shard_entity(shard, key, hash, part);

        if (number == MLOPS_ENTITY_NONE) {
            return mlops_err_set(err, "view \"%.*s\": no row for an entity",
                                 mlops_fmt(&shard->view->name));
        }

    } else if (mlops_shard_followed(shard, number, row)) {
        return MLOPS_OK;

    } else {
        mlops_checkpoint_before(shard, number);
        (void) mlops_shard_existing(shard, number, part);
    }

    entity = mlops_entity(&shard->entities, number);

    mlops_def_keep(shard->defs, number, row);

    /* a row that was put anew because a boundary passed is no use: the order
     * is that of the node that computes */

    if (entity->used == 0 || row->offset != entity->offset) {
        entity->used = ++shard->used;
        mlops_entities_use(&shard->entities, number);
    }

    entity->event_us = row->event_us;
    entity->offset = row->offset;

    mlops_shard_put(shard, number);
    shard->stats.events++;

    if (shard->entities.n > shard->limit) {
        mlops_shard_evict(shard);
    }

    return MLOPS_OK;
}


/* Is what is there as new? */

static int
mlops_shard_followed(mlops_shard_t *shard, uint32_t number,
    const mlops_table_row_t *row)
{
    const mlops_entity_t  *entity;

    entity = mlops_entity(&shard->entities, number);

    if (row->partition != entity->partition) {
        return 0;
    }

    return row->offset < entity->offset
           || (row->offset == entity->offset
               && row->valid_us <= mlops_def_kept_valid(shard->defs,
                                                        number));
}


int
mlops_shard_clock(mlops_shard_t *shard, int32_t partition, int64_t q,
    uint32_t budget)
{
    uint32_t         number, steps;
    mlops_part_t    *part;
    mlops_entity_t  *entity;

    part = mlops_shard_known(shard, partition);

    if (part == NULL) {
        return MLOPS_OK;
    }

    if (q > part->q) {
        part->q = q;
    }

    steps = budget;

    for ( ;; ) {
        number = mlops_calendar_due(&part->refresh, shard->refresh, part->q,
                                    &steps);

        if (number >= MLOPS_CALENDAR_MORE) {
            break;
        }

        entity = mlops_entity(&shard->entities, number);

        if (entity->next_us > part->q) {

            if (entity->next_us != INT64_MAX) {
                mlops_calendar_file(&part->refresh, shard->refresh, number,
                                    entity->next_us, part->q);
            }

            continue;
        }

        entity->next_us = INT64_MAX;
        mlops_shard_put(shard, number);
        shard->stats.refreshed++;
    }

    if (number == MLOPS_CALENDAR_MORE) {
        return MLOPS_AGAIN;
    }

    (void) mlops_shard_expire(shard, part, part->passed, &steps, 0);

    return (steps == 0) ? MLOPS_AGAIN : MLOPS_OK;
}


int64_t
mlops_shard_next(const mlops_shard_t *shard, int32_t partition)
{
    const mlops_part_t  *part;

    part = mlops_shard_known(shard, partition);

    return (part == NULL) ? INT64_MAX : mlops_calendar_next(&part->refresh);
}


void
mlops_shard_position(mlops_shard_t *shard, const mlops_position_t *position,
    int64_t q)
{
    mlops_part_t  *part;

    part = mlops_shard_part(shard, position->partition, NULL);

    if (part == NULL) {
        return;
    }

    if (position->offset > part->offset) {
        part->offset = position->offset;
    }

    if (position->max_ts_us > part->max_ts) {
        part->max_ts = position->max_ts_us;
    }

    if (position->max_ts_us > part->passed) {
        part->passed = position->max_ts_us;
    }

    if (q > part->q) {
        part->q = q;
    }

    part->owned = 1;
    mlops_publish_position(shard, part);
    mlops_fault("shard_position");
}


int
mlops_shard_behind(const mlops_shard_t *shard)
{
    uint32_t  i;

    for (i = 0; i < shard->active_n; i++) {
        if (mlops_shard_ahead(shard, shard->parts[shard->active[i]])) {
            return 1;
        }
    }

    return 0;
}


void
mlops_shard_caught_up(mlops_shard_t *shard)
{
    uint32_t         i;
    mlops_def_t     *def;
    mlops_part_t    *part;
    mlops_entity_t  *entity;

    mlops_fault("shard_reconcile");

    for (def = shard->defs; def != NULL; def = def->older) {
        if (def->current != NULL) {
            mlops_publish_foreign(shard, def);
        }
    }

    shard->behind = 0;

    for (i = 0; i < shard->active_n; i++) {
        part = shard->parts[shard->active[i]];
        part->target = -1;
        mlops_publish_position(shard, part);
    }

    for (i = 0; i < shard->defs->view->row.n; i++) {
        mlops_publish_warm(shard, shard->defs, i);
    }

    mlops_fault("shard_reconcile_foreign");
    mlops_grow_all(shard, shard->defs);

    for (i = 0; i < shard->entities.fresh; i++) {
        entity = mlops_entity(&shard->entities, i);

        if (entity->used == 0) {
            continue;
        }

        part = mlops_shard_home(shard, entity);

        if (mlops_shard_expired(shard, entity, part->max_ts)) {
            mlops_shard_drop(shard, i, 0, 1);
            shard->stats.expired++;
            continue;
        }

        mlops_shard_put(shard, i);
    }

    mlops_fault("shard_reconciled");
}


void
mlops_shard_release(mlops_shard_t *shard, int32_t partition, int keep)
{
    uint32_t         i;
    mlops_part_t    *part;
    mlops_entity_t  *entity;

    part = mlops_shard_known(shard, partition);

    if (part == NULL) {
        return;
    }

    part->target = -1;

    for (i = 0; i < shard->entities.fresh; i++) {
        entity = mlops_entity(&shard->entities, i);

        if (entity->used != 0 && entity->partition == partition) {
            mlops_shard_drop(shard, i, keep, 0);
            mlops_fault("shard_released");
        }
    }

    if (shard->dedupe.max != 0) {
        mlops_checkpoint_dedupe_all(shard);
        mlops_dedupe_release(&shard->dedupe, partition);
    }

    if (!keep) {
        part->offset = -1;
        part->q = INT64_MIN;
    }

    part->owned = 0;
    mlops_publish_position(shard, part);

    for (i = 0; shard->active[i] != partition + 1; i++) { /* void */ }

    shard->active[i] = shard->active[--shard->active_n];
    shard->parts[partition + 1] = NULL;
    free(part);
}


void
mlops_shard_warm(mlops_shard_t *shard, const uint64_t *columns,
    int64_t warm_us)
{
    uint32_t                     i, k, to;
    mlops_def_t                 *def;
    const mlops_plan_feature_t  *feature, *newest;

    for (def = shard->defs; def != NULL; def = def->older) {
        for (i = 0; i < def->view->features_n; i++) {
            feature = &def->view->features[i];
            newest = mlops_shard_feature(shard->view, feature->hash);

            for (k = 0; newest != NULL && k < newest->width; k++) {
                to = feature->first + k;

                if ((columns == NULL || mlops_bit(columns, newest->first + k))
                    && def->warm[to] < warm_us)
                {
                    def->warm[to] = warm_us;
                    mlops_publish_warm(shard, def, to);
                }
            }
        }
    }
}


void
mlops_shard_cold(mlops_shard_t *shard, int cold)
{
    uint32_t      i;
    mlops_def_t  *def;

    shard->cold = (cold != 0);

    for (def = shard->defs; def != NULL; def = def->older) {
        for (i = 0; i < def->view->row.n; i++) {
            mlops_publish_warm(shard, def, i);
        }
    }
}


/* The one of that hash, whatever its name; NULL. */

static const mlops_plan_feature_t *
mlops_shard_feature(const mlops_plan_view_t *view, uint64_t hash)
{
    uint32_t  i;

    for (i = 0; i < view->features_n; i++) {
        if (view->features[i].hash == hash) {
            return &view->features[i];
        }
    }

    return NULL;
}


int
mlops_shard_redefine(mlops_shard_t *shard, const mlops_plan_view_t *view,
    mlops_err_t *err)
{
    int64_t                      begin;
    uint32_t                     budget, i, k;
    mlops_def_t                 *def, *old;
    mlops_part_t                *part;
    const mlops_plan_feature_t  *feature, *other;

    if (view->base_hash != shard->view->base_hash
        || view->role == MLOPS_ROLE_FOLLOW || shard->defs->window == NULL)
    {
        return mlops_err_set(err, "view \"%.*s\": it is another view now, or "
                             "one that follows: nothing of its state can be "
                             "kept", mlops_fmt(&view->name));
    }

    /* addresses for more entities are there from the next start on */

    shard->limit = view->max_entities / view->shards
                   + (view->max_entities % view->shards != 0);

    if (shard->limit > shard->entities.limit - 1) {
        shard->limit = shard->entities.limit - 1;
    }

    if (view->hash == shard->view->hash) {
        return MLOPS_OK;
    }

    old = shard->defs;
    budget = UINT32_MAX;
    (void) mlops_shard_carried(shard, &budget);
    mlops_grow_stop(shard, old);

    def = mlops_def_create(shard, view, err);

    if (def == NULL) {
        return MLOPS_ERROR;
    }

    if (mlops_def_carry_from(shard, def, old, err) != MLOPS_OK) {
        mlops_def_destroy(shard, def);
        return MLOPS_ERROR;
    }

    begin = INT64_MIN;

    for (i = 0; i < shard->active_n; i++) {
        part = shard->parts[shard->active[i]];

        if (part->q > begin) {
            begin = part->q;
        }
    }

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];
        other = mlops_shard_feature(old->view, feature->hash);

        for (k = 0; k < feature->width; k++) {

            if (other != NULL && k < other->width) {
                def->warm[feature->first + k] = old->warm[other->first + k];

            } else if (begin != INT64_MIN) {
                def->warm[feature->first + k] =
                                     mlops_def_warm_at(view, feature, begin);
            }
        }
    }

    for (old = shard->defs; old != NULL; old = old->older) {
        if (mlops_def_map(shard, old, view, err) != MLOPS_OK) {
            free(def->carried);
            def->carried = NULL;
            mlops_def_destroy(shard, def);
            return MLOPS_ERROR;
        }
    }

    mlops_fault("shard_redefine");

    def->older = shard->defs;
    shard->defs = def;
    shard->view = view;
    shard->ttl_us = view->ttl_us;

    mlops_grow_begin(shard, def);

    return MLOPS_OK;
}


int
mlops_shard_uses(const mlops_shard_t *shard, const mlops_plan_view_t *view)
{
    const mlops_def_t  *def;

    for (def = shard->defs; def != NULL; def = def->older) {
        if (def->view == view) {
            return 1;
        }
    }

    return 0;
}


int
mlops_shard_tend(mlops_shard_t *shard, int64_t wall_us, uint32_t budget)
{
    int             more;
    mlops_def_t    *def;
    mlops_board_t  *board;

    shard->wall_us = wall_us;

    if (wall_us - shard->beat_us >= MLOPS_SHARD_BEAT_US
        || wall_us < shard->beat_us)
    {
        shard->beat_us = wall_us;

        for (def = shard->defs; def != NULL; def = def->older) {

            if (def->current != NULL) {
                mlops_table_beat(def->current->table, wall_us);
            }

            for (board = def->past; board != NULL; board = board->next) {
                mlops_table_beat(board->table, wall_us);
            }
        }
    }

    if (wall_us - shard->look_us >= MLOPS_SHARD_LOOK_US
        || wall_us < shard->look_us)
    {
        shard->look_us = wall_us;
        mlops_shard_look(shard);
    }

    more = mlops_shard_carried(shard, &budget);

    if (!shard->behind) {
        mlops_grow_step(shard, shard->defs, &budget);
        more |= (shard->defs->growing != NULL || shard->defs->job.busy);
    }

    return more ? MLOPS_AGAIN : MLOPS_OK;
}


/* Takes states over to a new definition; 1: there are more. */

static int
mlops_shard_carried(mlops_shard_t *shard, uint32_t *budget)
{
    mlops_def_t  *def;

    def = shard->defs;

    if (def->from == NULL) {
        return 0;
    }

    for ( /* void */ ; def->carry < def->carry_end; def->carry++) {

        if (*budget == 0) {
            return 1;
        }

        (*budget)--;

        if (mlops_entity(&shard->entities, def->carry)->used != 0) {
            mlops_def_carry(def, def->carry);
        }
    }

    free(def->carried);
    def->carried = NULL;
    def->from = NULL;

    mlops_fault("shard_carried");

    return 0;
}


/* Are there still readers of old tables? */

static void
mlops_shard_look(mlops_shard_t *shard)
{
    mlops_def_t  *def, **next;

    mlops_grow_past(shard, shard->defs);

    for (next = &shard->defs->older; (def = *next) != NULL; /* void */ ) {

        if (def->held || shard->defs->from != NULL
            || (shard->defs->current == NULL && shard->conf.features != -1)
            || !mlops_grow_leave(shard, def))
        {
            next = &def->older;
            continue;
        }

        *next = def->older;

        if (def->current != NULL) {
            mlops_board_destroy(shard, def->current, 0);
        }

        mlops_def_destroy(shard, def);
    }

    if (shard->leftovers) {
        mlops_grow_sweep(shard);
    }
}


void
mlops_shard_stats(const mlops_shard_t *shard, mlops_shard_stats_t *stats)
{
    const mlops_def_t    *def;
    const mlops_board_t  *board;

    *stats = shard->stats;

    stats->entities = shard->entities.n;
    stats->state_bytes = mlops_entities_bytes(&shard->entities)
                         + (shard->dedupe.tail - shard->dedupe.head)
                           * sizeof(mlops_dedupe_entry_t)
                         + shard->entities.fresh
                           * 2 * sizeof(mlops_calendar_place_t);
    stats->table_bytes = 0;

    for (def = shard->defs; def != NULL; def = def->older) {
        stats->state_bytes += (uint64_t) shard->entities.fresh
                              * def->state_bytes;

        if (def->current != NULL) {
            stats->table_bytes +=
                             mlops_table_header(def->current->table)->file_len;
        }

        if (def->growing != NULL) {
            stats->table_bytes +=
                             mlops_table_header(def->growing->table)->file_len;
        }

        for (board = def->past; board != NULL; board = board->next) {
            stats->table_bytes += mlops_table_header(board->table)->file_len;
        }
    }
}


int
mlops_shard_visit(const mlops_shard_t *shard, int64_t q,
    mlops_shard_visit_pt visit, void *ctx)
{
    int                    rc;
    uint32_t               i;
    mlops_def_t           *def;
    mlops_key_t            key;
    const mlops_entity_t  *entity;

    def = shard->defs;

    for (i = 0; i < shard->entities.fresh; i++) {
        entity = mlops_entity(&shard->entities, i);

        if (entity->used == 0
            || mlops_shard_expired(shard, entity,
                                   mlops_shard_home(shard, entity)->max_ts))
        {
            continue;
        }

        mlops_def_carry(def, i);
        mlops_entities_key(&shard->entities, i, &key);
        (void) mlops_def_row(def, i, entity, q);

        rc = visit(ctx, &key, &def->row);

        if (rc != MLOPS_OK) {
            return rc;
        }
    }

    return MLOPS_OK;
}


/* An entity says where its row of the table is: that is asked for when the
 * entity is here, some calls later. */

void
mlops_shard_prefetch(mlops_shard_t *shard, uint64_t hash, int stage)
{
    uint32_t            i, number, *asked;
    const char         *p;
    const mlops_def_t  *def;

    if (stage == 0) {
        __builtin_prefetch(&shard->entities.slots[
                               mlops_entities_home(&shard->entities, hash)]);
        return;
    }

    def = shard->defs;
    number = mlops_entities_guess(&shard->entities, hash);
    asked = &shard->asked[shard->asked_n++ % MLOPS_SHARD_ASKED];

    if (*asked < shard->entities.fresh && def->current != NULL) {
        mlops_table_prefetch_put(def->current->table,
                                 mlops_entity(&shard->entities, *asked)->row
                                 - 1);
    }

    *asked = number;

    if (number == MLOPS_ENTITY_NONE) {
        return;
    }

    p = mlops_def_state(def, number);

    __builtin_prefetch(mlops_entity(&shard->entities, number), 1);
    __builtin_prefetch(&shard->entities.links[number], 1);

    for (i = 0; i < def->state_bytes && i < 1024; i += 64) {
        __builtin_prefetch(p + i, 1);
    }
}
