/*
 * Writing a checkpoint, a slice at a time, while events go on.
 *
 * It is exact as of its beginning.  Entities carry the number of the
 * checkpoint that has them (epoch); new ones are born with it.  One that is
 * about to change or to go and does not have it is written first; the scan
 * writes the others in order of number.  Duplicates leave their ring only at
 * its head, where the scan began: what leaves is written before.
 *
 * Everything goes through a buffer that is written between events, so that no
 * event waits for a write unless it is full; the sync and the rename are done
 * by a thread.  All that is put into it is a multiple of 8 bytes long.
 */

#include "mlops_shard_inner.h"
#include "mlops_sparse.h"

#include <errno.h>
#include <stdio.h>


#define MLOPS_CHECKPOINT_BUF    524288
#define MLOPS_CHECKPOINT_WRITE  65536   /* bytes that are worth a write */
#define MLOPS_CHECKPOINT_LOOK   16      /* what an entity costs, in bytes that
                                           are written */
#define MLOPS_CHECKPOINT_READ   8       /* bytes of a state that cost one */


static void mlops_checkpoint_head(mlops_shard_t *shard,
    const mlops_position_t *positions, uint32_t n, int64_t cut_us);
static void mlops_checkpoint_features(mlops_shard_t *shard);
static void mlops_checkpoint_append(mlops_checkpoint_t *ck, const void *data,
    size_t len);
static void mlops_checkpoint_state(mlops_checkpoint_t *ck, const char *state);
static void mlops_checkpoint_flush(mlops_checkpoint_t *ck);
static void mlops_checkpoint_entry(mlops_shard_t *shard);
static int mlops_checkpoint_scan(mlops_shard_t *shard, size_t budget);
static void mlops_checkpoint_close(void *ctx);
static void mlops_checkpoint_end(mlops_shard_t *shard);


int
mlops_shard_checkpoint(mlops_shard_t *shard,
    const mlops_position_t *positions, uint32_t n, int64_t cut_us,
    mlops_err_t *err)
{
    mlops_def_t         *def;
    mlops_checkpoint_t  *ck;

    ck = &shard->checkpoint;
    def = shard->defs;

    if (shard->conf.state == -1 || ck->active) {
        return mlops_err_set(err, "view \"%.*s\", shard %u: a checkpoint %s",
                             mlops_fmt(&shard->view->name),
                             (unsigned) shard->conf.number,
                             ck->active ? "is under way"
                                        : "needs mlops_state");
    }

    if (n > MLOPS_PARTITIONS_MAX + 1) {
        return mlops_err_set(err, "a checkpoint of %u partitions, at most %d "
                             "are possible", (unsigned) n,
                             MLOPS_PARTITIONS_MAX + 1);
    }

    if (ck->buf == NULL) {
        ck->buf = malloc(MLOPS_CHECKPOINT_BUF);

        if (ck->buf == NULL) {
            return mlops_err_set(err, "out of memory: %d bytes",
                                 MLOPS_CHECKPOINT_BUF);
        }
    }

    ck->fd = mlops_file_begin(shard->conf.state, 0, ck->tmp, err);

    if (ck->fd == -1) {
        return mlops_err_prefix(err, "a checkpoint of view \"%.*s\"",
                                mlops_fmt(&shard->view->name));
    }

    ck->active = 1;
    ck->failed = 0;
    ck->closing = 0;
    ck->def = def;
    ck->epoch++;
    ck->cursor = 0;
    ck->end = shard->entities.fresh;
    ck->dedupe = shard->dedupe.head;
    ck->dedupe_end = shard->dedupe.tail;
    ck->written = 0;
    ck->len = 0;
    def->held = 1;

    mlops_hash_init(&ck->hash, 0);
    mlops_checkpoint_head(shard, positions, n, cut_us);

    mlops_fault("ckpt_begun");

    return MLOPS_OK;
}


static void
mlops_checkpoint_head(mlops_shard_t *shard,
    const mlops_position_t *positions, uint32_t n, int64_t cut_us)
{
    uint32_t                      i;
    mlops_checkpoint_t           *ck;
    mlops_file_head_t             zero;
    const mlops_plan_view_t      *view;
    mlops_checkpoint_head_t       head;
    mlops_checkpoint_position_t   position;

    ck = &shard->checkpoint;
    view = ck->def->view;

    memset(&zero, 0, sizeof(zero));
    memset(&head, 0, sizeof(head));

    head.base = view->base_hash;
    head.shard = shard->conf.number;
    head.shards = view->shards;
    head.role = view->role;
    head.key_type = shard->entities.key_type;
    head.key_size = shard->entities.key_size;
    head.state_size = ck->def->state_bytes;
    head.features_n = (ck->def->window == NULL) ? 1 : view->features_n;
    head.positions_n = n;
    head.entities_n = shard->entities.n;
    head.dedupe_n = ck->dedupe_end - ck->dedupe;
    head.cut_us = cut_us;
    head.wall_us = mlops_wall_us();
    head.used = shard->used;
    head.events = shard->stats.events;
    head.duplicates = shard->stats.duplicates;
    head.evicted = shard->stats.evicted;
    head.expired = shard->stats.expired;
    head.dedupe_overflow = shard->stats.dedupe_overflow;

    ck->header_len = (uint32_t)
                     (MLOPS_CHECKPOINT_HEAD
                      + head.features_n * sizeof(mlops_checkpoint_feature_t)
                      + n * sizeof(mlops_checkpoint_position_t));

    mlops_checkpoint_append(ck, &zero, sizeof(zero));
    mlops_checkpoint_append(ck, &head, sizeof(head));
    mlops_checkpoint_features(shard);

    for (i = 0; i < n; i++) {
        memset(&position, 0, sizeof(position));

        position.partition = positions[i].partition;
        position.offset = positions[i].offset;
        position.max_ts_us = positions[i].max_ts_us;

        mlops_checkpoint_append(ck, &position, sizeof(position));
    }
}


static void
mlops_checkpoint_features(mlops_shard_t *shard)
{
    uint32_t                      i;
    const mlops_def_t            *def;
    mlops_checkpoint_feature_t    feature;
    const mlops_plan_feature_t   *f;

    def = shard->checkpoint.def;

    memset(&feature, 0, sizeof(feature));

    if (def->window == NULL) {
        feature.hash = def->view->hash;
        feature.bytes = def->state_bytes;
        feature.warm_us = INT64_MIN;

        mlops_checkpoint_append(&shard->checkpoint, &feature,
                                sizeof(feature));
        return;
    }

    for (i = 0; i < def->view->features_n; i++) {
        f = &def->view->features[i];

        feature.hash = f->hash;
        feature.off = f->state;
        feature.bytes = f->state_bytes;
        feature.warm_us = def->warm[f->first];

        mlops_checkpoint_append(&shard->checkpoint, &feature,
                                sizeof(feature));
    }
}


static void
mlops_checkpoint_append(mlops_checkpoint_t *ck, const void *data, size_t len)
{
    size_t       n;
    const char  *p;

    p = data;
    ck->written += len;

    while (len > 0) {
        n = MLOPS_CHECKPOINT_BUF - ck->len;

        if (n > len) {
            n = len;
        }

        memcpy(ck->buf + ck->len, p, n);

        ck->len += n;
        p += n;
        len -= n;

        if (ck->len == MLOPS_CHECKPOINT_BUF) {
            mlops_checkpoint_flush(ck);
        }
    }
}


static void
mlops_checkpoint_state(mlops_checkpoint_t *ck, const char *state)
{
    uint32_t  group, k, n;

    for (n = ck->def->state_bytes / sizeof(uint64_t); n != 0; n -= group) {
        group = (n < MLOPS_SPARSE_GROUP) ? n : MLOPS_SPARSE_GROUP;

        if (MLOPS_CHECKPOINT_BUF - ck->len < (group + 1) * sizeof(uint64_t)) {
            mlops_checkpoint_flush(ck);
        }

        k = mlops_sparse_write((uint64_t *) (ck->buf + ck->len),
                               (const uint64_t *) state, group);

        ck->len += k * sizeof(uint64_t);
        ck->written += k * sizeof(uint64_t);
        state += group * sizeof(uint64_t);
    }
}


static void
mlops_checkpoint_flush(mlops_checkpoint_t *ck)
{
    size_t  skip;

    /* written counts what is in the buffer, or is about to come there: the
     * first buffer is the one that begins the file */

    skip = 0;

    if (lseek(ck->fd, 0, SEEK_CUR) == 0) {
        skip = sizeof(mlops_file_head_t);
    }

    mlops_hash_update(&ck->hash, ck->buf + skip, ck->len - skip);

    mlops_fault("ckpt_write");

    if (!ck->failed
        && mlops_file_put(ck->fd, ck->buf, ck->len) != MLOPS_OK)
    {
        (void) mlops_file_fail(&ck->err, "write()", ck->fd, "");
        ck->failed = 1;
    }

    ck->len = 0;

    mlops_fault("ckpt_written");
}


void
mlops_checkpoint_entity(mlops_shard_t *shard, uint32_t number)
{
    mlops_entity_t             *entity;
    mlops_checkpoint_t         *ck;
    mlops_checkpoint_entity_t   record;

    ck = &shard->checkpoint;
    entity = mlops_entity(&shard->entities, number);

    if (entity->epoch == ck->epoch) {
        return;
    }

    mlops_fault("ckpt_entity");

    entity->epoch = ck->epoch;

    record.kind = MLOPS_CHECKPOINT_ENTITY;
    record.partition = entity->partition;
    record.event_us = entity->event_us;
    record.offset = entity->offset;
    record.used = entity->used;

    mlops_def_carry(ck->def, number);

    mlops_checkpoint_append(ck, &record, sizeof(record));
    mlops_checkpoint_append(ck, entity + 1, shard->entities.key_size);
    mlops_checkpoint_state(ck, mlops_def_state(ck->def, number));
}


void
mlops_checkpoint_dedupe(mlops_shard_t *shard)
{
    mlops_checkpoint_t  *ck;

    ck = &shard->checkpoint;

    if (ck->active && ck->dedupe == shard->dedupe.head
        && ck->dedupe != ck->dedupe_end)
    {
        mlops_fault("ckpt_dedupe");
        mlops_checkpoint_entry(shard);
    }
}


void
mlops_checkpoint_dedupe_all(mlops_shard_t *shard)
{
    mlops_checkpoint_t  *ck;

    ck = &shard->checkpoint;

    while (ck->active && ck->dedupe != ck->dedupe_end) {
        mlops_checkpoint_entry(shard);
    }
}


static void
mlops_checkpoint_entry(mlops_shard_t *shard)
{
    mlops_checkpoint_t           *ck;
    mlops_checkpoint_dedupe_t     record;
    const mlops_dedupe_entry_t   *entry;

    ck = &shard->checkpoint;
    entry = mlops_dedupe_entry(&shard->dedupe, ck->dedupe++);

    record.kind = MLOPS_CHECKPOINT_DEDUPE;
    record.partition = entry->partition;
    record.entity = entry->entity;
    record.field = entry->field;
    record.ts_us = entry->ts_us;

    mlops_checkpoint_append(ck, &record, sizeof(record));
}


int
mlops_shard_checkpoint_step(mlops_shard_t *shard, size_t budget,
    mlops_err_t *err)
{
    int                  rc;
    mlops_checkpoint_t  *ck;

    ck = &shard->checkpoint;

    if (!ck->active) {
        return mlops_err_set(err, "no checkpoint is under way");
    }

    if (!ck->closing && !ck->failed && mlops_checkpoint_scan(shard, budget)) {

        if (ck->len >= MLOPS_CHECKPOINT_WRITE) {
            mlops_checkpoint_flush(ck);
        }

        return MLOPS_AGAIN;
    }

    if (!ck->closing && !ck->failed) {
        mlops_checkpoint_flush(ck);
    }

    if (ck->failed) {
        *err = ck->err;
        mlops_checkpoint_stop(shard);
        return mlops_err_prefix(err, "a checkpoint of view \"%.*s\"",
                                mlops_fmt(&shard->view->name));
    }

    if (!ck->closing) {
        ck->closing = 1;
        ck->dir = shard->conf.state;

        (void) snprintf(ck->name, sizeof(ck->name), "%016llx.%u.ckpt",
                        (unsigned long long) ck->def->view->base_hash,
                        (unsigned) shard->conf.number);

        mlops_fault("ckpt_close");
        mlops_job_start(&ck->job, mlops_checkpoint_close, ck);
    }

    if (mlops_job_poll(&ck->job, 0) != MLOPS_OK) {
        return MLOPS_AGAIN;
    }

    rc = ck->rc;

    if (rc == MLOPS_OK) {
        shard->stats.checkpoints++;
        shard->stats.checkpoint_bytes = ck->written;
        shard->stats.checkpoint_us = mlops_wall_us();

    } else {
        *err = ck->err;
        (void) mlops_err_prefix(err, "a checkpoint of view \"%.*s\"",
                                mlops_fmt(&shard->view->name));
    }

    mlops_checkpoint_end(shard);

    return rc;
}


/* 1: more is left.  To look costs, too, and a state that is nearly empty is
 * read as a full one. */

static int
mlops_checkpoint_scan(mlops_shard_t *shard, size_t budget)
{
    uint64_t             before, looked;
    mlops_entity_t      *entity;
    mlops_checkpoint_t  *ck;

    ck = &shard->checkpoint;
    before = ck->written;
    looked = 0;

    while (ck->dedupe != ck->dedupe_end) {

        if (ck->written - before >= budget) {
            return 1;
        }

        mlops_checkpoint_entry(shard);
    }

    for ( /* void */ ; ck->cursor < ck->end; ck->cursor++) {

        if (ck->written - before + looked >= budget) {
            return 1;
        }

        looked += MLOPS_CHECKPOINT_LOOK;
        entity = mlops_entity(&shard->entities, ck->cursor);

        if (entity->used != 0 && entity->epoch != ck->epoch) {
            mlops_checkpoint_entity(shard, ck->cursor);
            looked += ck->def->state_bytes / MLOPS_CHECKPOINT_READ;
        }
    }

    return 0;
}


/* The thread's part. */

static void
mlops_checkpoint_close(void *ctx)
{
    mlops_file_head_t    head;
    mlops_checkpoint_t  *ck;

    ck = ctx;

    memcpy(head.magic, MLOPS_CHECKPOINT_MAGIC, sizeof(head.magic));
    head.abi = MLOPS_CHECKPOINT_ABI;
    head.header_len = ck->header_len;
    head.file_len = ck->written;
    head.checksum = mlops_hash_value(&ck->hash);

    ck->rc = MLOPS_ERROR;

    if (pwrite(ck->fd, &head, sizeof(head), 0) != (ssize_t) sizeof(head)) {
        (void) mlops_file_fail(&ck->err, "pwrite()", ck->fd, "");
        goto failed;
    }

    mlops_fault("ckpt_head");

    if (mlops_file_seal(ck->fd, 0400, (uid_t) -1, (gid_t) -1, 1, &ck->err)
        != MLOPS_OK)
    {
        goto failed;
    }

    mlops_fault("ckpt_synced");

    ck->rc = mlops_file_commit(ck->dir, ck->tmp, ck->name, 0, 1, &ck->err);

    mlops_fault("ckpt_named");

    return;

failed:

    (void) unlinkat(ck->dir, ck->tmp, 0);
}


static void
mlops_checkpoint_end(mlops_shard_t *shard)
{
    mlops_checkpoint_t  *ck;

    ck = &shard->checkpoint;

    if (ck->fd != -1) {
        (void) close(ck->fd);
        ck->fd = -1;
    }

    ck->active = 0;
    ck->closing = 0;
    ck->def->held = 0;
    ck->def = NULL;
}


int
mlops_shard_checkpoint_waits(const mlops_shard_t *shard)
{
    return shard->checkpoint.active && shard->checkpoint.closing;
}


void
mlops_checkpoint_stop(mlops_shard_t *shard)
{
    mlops_checkpoint_t  *ck;

    ck = &shard->checkpoint;

    if (ck->active) {

        if (ck->closing) {
            (void) mlops_job_poll(&ck->job, 1);

        } else {
            (void) unlinkat(shard->conf.state, ck->tmp, 0);
        }

        mlops_checkpoint_end(shard);
    }
}
