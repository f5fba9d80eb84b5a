/*
 * Reading a checkpoint: nothing of it is believed before it was checked.
 */

#include "mlops_shard_inner.h"
#include "mlops_sparse.h"

#include <errno.h>
#include <stdio.h>


#define MLOPS_CKPT_STATE_MAX  (64u << 20)
#define MLOPS_CKPT_AHEAD      8         /* entities that are asked for */
#define MLOPS_CKPT_NEAR       512       /* bytes of each */


/* An entity of the file. */

typedef struct {
    uint64_t   used;
    uint64_t   off;
} mlops_ckpt_spot_t;


/* A feature that is taken over. */

typedef struct {
    uint32_t   to;
    uint32_t   from;
    uint32_t   bytes;
} mlops_ckpt_copy_t;


typedef struct {
    mlops_shard_t                      *shard;
    const char                         *data;
    uint64_t                            len;
    mlops_checkpoint_head_t             head;
    const mlops_checkpoint_feature_t   *features;
    const mlops_checkpoint_position_t  *positions;
    uint64_t                            records;    /* their offset */
    uint64_t                            entity_size;    /* without the
                                                   state */
    uint64_t                           *state;  /* one, with its zeros */
    mlops_ckpt_spot_t                  *spots;  /* entities_n, and room for
                                                   as many to sort */
    mlops_ckpt_copy_t                  *copies;
    uint32_t                            copies_n;
} mlops_ckpt_t;


static int mlops_ckpt_check(mlops_ckpt_t *ck, mlops_err_t *err);
static int mlops_ckpt_check_head(mlops_ckpt_t *ck,
    const mlops_file_head_t *file, mlops_err_t *err);
static int mlops_ckpt_check_size(mlops_ckpt_t *ck, mlops_err_t *err);
static int mlops_ckpt_check_lists(const mlops_ckpt_t *ck, mlops_err_t *err);
static int mlops_ckpt_wrong(mlops_err_t *err, const char *what,
    uint64_t expected, uint64_t got);
static int mlops_ckpt_records(mlops_ckpt_t *ck, mlops_err_t *err);
static uint64_t mlops_ckpt_entity_len(const mlops_ckpt_t *ck, uint64_t off);
static int mlops_ckpt_duplicate(mlops_ckpt_t *ck, uint64_t off,
    mlops_err_t *err);
static int mlops_ckpt_key(const mlops_ckpt_t *ck, uint64_t off,
    mlops_key_t *key, mlops_err_t *err);
static int mlops_ckpt_plan(mlops_ckpt_t *ck, mlops_err_t *err);
static int mlops_ckpt_positions(mlops_ckpt_t *ck, mlops_err_t *err);
static void mlops_ckpt_sort(mlops_ckpt_t *ck);
static int mlops_ckpt_entities(mlops_ckpt_t *ck, mlops_err_t *err);
static int mlops_ckpt_entity(mlops_ckpt_t *ck, uint64_t off,
    mlops_err_t *err);
static void mlops_ckpt_warm(mlops_ckpt_t *ck);


int
mlops_shard_load(mlops_shard_t *shard, mlops_position_t *positions,
    uint32_t *n, int64_t *cut_us, mlops_err_t *err)
{
    int                rc;
    char               name[64];
    uint32_t           i;
    mlops_ckpt_t       ck;
    mlops_map_file_t   map;

    *n = 0;
    *cut_us = INT64_MIN;

    if (shard->conf.state == -1) {
        return MLOPS_AGAIN;
    }

    (void) mlops_file_sweep(shard->conf.state);
    (void) snprintf(name, sizeof(name), "%016llx.%u.ckpt",
                    (unsigned long long) shard->view->base_hash,
                    (unsigned) shard->conf.number);

    memset(&map, 0, sizeof(map));

    if (mlops_file_map(&map, shard->conf.state, name, SIZE_MAX / 2,
                       MLOPS_FILE_OWNER, shard->conf.uid, err) != MLOPS_OK)
    {
        return (errno == ENOENT)
               ? MLOPS_AGAIN
               : mlops_err_prefix(err, "checkpoint \"%s\"", name);
    }

    memset(&ck, 0, sizeof(ck));
    ck.shard = shard;
    ck.data = map.data;
    ck.len = map.len;

    rc = mlops_ckpt_check(&ck, err);

    if (rc == MLOPS_OK) {
        rc = mlops_ckpt_plan(&ck, err);
    }

    if (rc == MLOPS_OK
        && (mlops_ckpt_records(&ck, err) != MLOPS_OK
            || mlops_ckpt_positions(&ck, err) != MLOPS_OK
            || mlops_ckpt_entities(&ck, err) != MLOPS_OK))
    {
        rc = MLOPS_ERROR;
        (void) mlops_shard_clear(shard, NULL);
    }

    if (rc == MLOPS_OK) {
        mlops_ckpt_warm(&ck);

        for (i = 0; i < ck.head.positions_n; i++) {
            positions[i].partition = ck.positions[i].partition;
            positions[i].offset = ck.positions[i].offset;
            positions[i].max_ts_us = ck.positions[i].max_ts_us;
        }

        *n = ck.head.positions_n;
        *cut_us = ck.head.cut_us;

        shard->used = ck.head.used;
        shard->stats.events = ck.head.events;
        shard->stats.duplicates = ck.head.duplicates;
        shard->stats.evicted += ck.head.evicted;
        shard->stats.expired = ck.head.expired;
        shard->stats.dedupe_overflow += ck.head.dedupe_overflow;
        shard->stats.checkpoint_us = ck.head.wall_us;
    }

    free(ck.spots);
    free(ck.copies);
    free(ck.state);
    mlops_file_unmap(&map);

    if (rc == MLOPS_ERROR) {
        (void) mlops_err_prefix(err, "checkpoint \"%s\"", name);
    }

    return rc;
}


static int
mlops_ckpt_check(mlops_ckpt_t *ck, mlops_err_t *err)
{
    uint64_t           sum;
    mlops_file_head_t  file;

    if (ck->len < MLOPS_CHECKPOINT_HEAD) {
        return mlops_ckpt_wrong(err, "length", MLOPS_CHECKPOINT_HEAD,
                                ck->len);
    }

    memcpy(&file, ck->data, sizeof(file));
    memcpy(&ck->head, ck->data + sizeof(file), sizeof(ck->head));

    if (memcmp(file.magic, MLOPS_CHECKPOINT_MAGIC, sizeof(file.magic)) != 0) {
        return mlops_err_set(err, "wrong magic: expected \"%s\", "
                             "got \"%.8s\"", MLOPS_CHECKPOINT_MAGIC,
                             file.magic);
    }

    if (file.abi != MLOPS_CHECKPOINT_ABI) {
        return mlops_ckpt_wrong(err, "abi", MLOPS_CHECKPOINT_ABI, file.abi);
    }

    if (file.file_len != ck->len) {
        return mlops_ckpt_wrong(err, "length", file.file_len, ck->len);
    }

    sum = mlops_hash(ck->data + sizeof(file), ck->len - sizeof(file), 0);

    if (sum != file.checksum) {
        return mlops_ckpt_wrong(err, "checksum", file.checksum, sum);
    }

    if (mlops_ckpt_check_head(ck, &file, err) != MLOPS_OK
        || mlops_ckpt_check_size(ck, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    ck->features = (const mlops_checkpoint_feature_t *)
                   (ck->data + MLOPS_CHECKPOINT_HEAD);
    ck->positions = (const mlops_checkpoint_position_t *)
                    (ck->features + ck->head.features_n);

    return mlops_ckpt_check_lists(ck, err);
}


static int
mlops_ckpt_check_head(mlops_ckpt_t *ck, const mlops_file_head_t *file,
    mlops_err_t *err)
{
    size_t                           i;
    const mlops_shard_t             *shard;
    const mlops_checkpoint_head_t   *head;

    shard = ck->shard;
    head = &ck->head;

    if (head->base != shard->view->base_hash) {
        return mlops_ckpt_wrong(err, "base hash", shard->view->base_hash,
                                head->base);
    }

    if (head->shard != shard->conf.number) {
        return mlops_ckpt_wrong(err, "shard", shard->conf.number,
                                head->shard);
    }

    if (head->shards != shard->view->shards) {
        return mlops_ckpt_wrong(err, "number of shards", shard->view->shards,
                                head->shards);
    }

    if (head->role != (uint32_t) shard->view->role) {
        return mlops_ckpt_wrong(err, "role", shard->view->role, head->role);
    }

    if (head->key_type != (uint32_t) shard->entities.key_type) {
        return mlops_ckpt_wrong(err, "type of keys",
                                shard->entities.key_type, head->key_type);
    }

    if (head->key_size != shard->entities.key_size) {
        return mlops_ckpt_wrong(err, "size of keys",
                                shard->entities.key_size, head->key_size);
    }

    if (head->state_size == 0 || head->state_size % 8 != 0
        || head->state_size > MLOPS_CKPT_STATE_MAX)
    {
        return mlops_ckpt_wrong(err, "size of states",
                                shard->defs->state_bytes, head->state_size);
    }

    if (head->features_n == 0 || head->features_n > MLOPS_VIEW_COLUMNS_MAX) {
        return mlops_ckpt_wrong(err, "number of features",
                                shard->view->features_n, head->features_n);
    }

    if (head->positions_n > MLOPS_PARTITIONS_MAX + 1) {
        return mlops_ckpt_wrong(err, "number of partitions",
                                MLOPS_PARTITIONS_MAX + 1, head->positions_n);
    }

    ck->records = MLOPS_CHECKPOINT_HEAD
                  + head->features_n * sizeof(mlops_checkpoint_feature_t)
                  + head->positions_n * sizeof(mlops_checkpoint_position_t);

    if (file->header_len != ck->records) {
        return mlops_ckpt_wrong(err, "length of the header", ck->records,
                                file->header_len);
    }

    for (i = 0; i < sizeof(head->zero); i++) {
        if (head->zero[i] != 0) {
            return mlops_ckpt_wrong(err, "byte that is free", 0,
                                    (unsigned char) head->zero[i]);
        }
    }

    return MLOPS_OK;
}


/* An empty state is the least. */

static int
mlops_ckpt_check_size(mlops_ckpt_t *ck, mlops_err_t *err)
{
    uint64_t                         least, size;
    const mlops_checkpoint_head_t   *head;

    head = &ck->head;
    ck->entity_size = sizeof(mlops_checkpoint_entity_t) + head->key_size;
    size = ck->entity_size + mlops_align(head->state_size,
                                         MLOPS_SPARSE_GROUP * 8)
                             / MLOPS_SPARSE_GROUP;

    if (ck->len < ck->records || head->entities_n > ck->len / size
        || head->entities_n >= UINT32_MAX
        || head->dedupe_n > ck->len / sizeof(mlops_checkpoint_dedupe_t))
    {
        return mlops_err_set(err, "%llu entities and %llu duplicates do not "
                             "fit its %llu bytes",
                             (unsigned long long) head->entities_n,
                             (unsigned long long) head->dedupe_n,
                             (unsigned long long) ck->len);
    }

    least = ck->records + head->entities_n * size
            + head->dedupe_n * sizeof(mlops_checkpoint_dedupe_t);

    return (least <= ck->len)
           ? MLOPS_OK : mlops_ckpt_wrong(err, "length", least, ck->len);
}


static int
mlops_ckpt_check_lists(const mlops_ckpt_t *ck, mlops_err_t *err)
{
    uint32_t                            i;
    uint64_t                            seen[MLOPS_PARTITIONS_MAX / 64 + 1];
    const mlops_checkpoint_feature_t   *feature;
    const mlops_checkpoint_position_t  *position;

    for (i = 0; i < ck->head.features_n; i++) {
        feature = &ck->features[i];

        if (feature->off > ck->head.state_size
            || feature->bytes > ck->head.state_size - feature->off
            || feature->zero != 0)
        {
            return mlops_err_set(err, "feature %u of it has %u bytes at %u of "
                                 "a state of %u", (unsigned) i,
                                 (unsigned) feature->bytes,
                                 (unsigned) feature->off,
                                 (unsigned) ck->head.state_size);
        }
    }

    memset(seen, 0, sizeof(seen));

    for (i = 0; i < ck->head.positions_n; i++) {
        position = &ck->positions[i];

        if (position->partition < -1
            || position->partition >= MLOPS_PARTITIONS_MAX
            || mlops_bit(seen, (uint32_t) (position->partition + 1))
            || position->offset < -1 || position->zero != 0
            || position->zero2 != 0)
        {
            return mlops_err_set(err, "partition %d at offset %lld in it is "
                                 "none, or is there twice",
                                 (int) position->partition,
                                 (long long) position->offset);
        }

        mlops_bit_set(seen, (uint32_t) (position->partition + 1));
    }

    return MLOPS_OK;
}


static int
mlops_ckpt_wrong(mlops_err_t *err, const char *what, uint64_t expected,
    uint64_t got)
{
    return mlops_err_set(err, "wrong %s: expected %llu, got %llu", what,
                         (unsigned long long) expected,
                         (unsigned long long) got);
}


/* What is taken over, and where to.  MLOPS_AGAIN: the rows of another
 * definition are of no use to a follower. */

static int
mlops_ckpt_plan(mlops_ckpt_t *ck, mlops_err_t *err)
{
    uint32_t                           i, j;
    mlops_def_t                       *def;
    const mlops_plan_feature_t        *feature;
    const mlops_checkpoint_feature_t  *saved;

    def = ck->shard->defs;
    ck->copies = calloc((size_t) def->view->features_n + 1,
                        sizeof(*ck->copies));

    if (ck->copies == NULL) {
        return mlops_err_set(err, "out of memory: %u features",
                             (unsigned) def->view->features_n);
    }

    if (def->window == NULL) {
        saved = &ck->features[0];

        if (saved->hash != def->view->hash
            || saved->bytes != def->state_bytes)
        {
            return MLOPS_AGAIN;
        }

        ck->copies[0].bytes = saved->bytes;
        ck->copies[0].from = saved->off;
        ck->copies_n = 1;

        return MLOPS_OK;
    }

    for (i = 0; i < def->view->features_n; i++) {
        feature = &def->view->features[i];

        for (j = 0; j < ck->head.features_n; j++) {
            saved = &ck->features[j];

            if (saved->hash == feature->hash
                && saved->bytes == feature->state_bytes)
            {
                ck->copies[ck->copies_n].to = feature->state;
                ck->copies[ck->copies_n].from = saved->off;
                ck->copies[ck->copies_n].bytes = saved->bytes;
                ck->copies_n++;
                break;
            }
        }
    }

    return MLOPS_OK;
}


/* All records: duplicates go to their ring, entities are noted. */

static int
mlops_ckpt_records(mlops_ckpt_t *ck, mlops_err_t *err)
{
    uint64_t                    dedupe, n, off, size;
    mlops_checkpoint_entity_t   record;

    n = 0;
    dedupe = 0;
    ck->state = malloc(ck->head.state_size);
    ck->spots = malloc((size_t) (ck->head.entities_n * 2 + 1)
                       * sizeof(*ck->spots));

    if (ck->spots == NULL || ck->state == NULL) {
        return mlops_err_set(err, "out of memory: %llu entities",
                             (unsigned long long) ck->head.entities_n);
    }

    for (off = ck->records; off < ck->len; /* void */ ) {

        if (ck->len - off < sizeof(record)) {
            return mlops_ckpt_wrong(err, "length", off + sizeof(record),
                                    ck->len);
        }

        memcpy(&record, ck->data + off, sizeof(record));

        if (record.kind == MLOPS_CHECKPOINT_DEDUPE
            && dedupe < ck->head.dedupe_n)
        {
            if (mlops_ckpt_duplicate(ck, off, err) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            dedupe++;
            off += sizeof(mlops_checkpoint_dedupe_t);
            continue;
        }

        if (record.kind != MLOPS_CHECKPOINT_ENTITY
            || n == ck->head.entities_n || record.partition < -1
            || record.partition >= MLOPS_PARTITIONS_MAX
            || record.used == 0 || record.used > ck->head.used)
        {
            return mlops_err_set(err, "the record at byte %llu is wrong: "
                                 "kind %u, partition %d, used %llu",
                                 (unsigned long long) off,
                                 (unsigned) record.kind,
                                 (int) record.partition,
                                 (unsigned long long) record.used);
        }

        size = mlops_ckpt_entity_len(ck, off);

        if (size == 0) {
            return mlops_err_set(err, "the record at byte %llu is wrong: its "
                                 "state", (unsigned long long) off);
        }

        ck->spots[n].used = record.used;
        ck->spots[n].off = off;
        n++;
        off += size;
    }

    if (n != ck->head.entities_n) {
        return mlops_ckpt_wrong(err, "number of entities",
                                ck->head.entities_n, n);
    }

    return (dedupe == ck->head.dedupe_n)
           ? MLOPS_OK : mlops_ckpt_wrong(err, "number of duplicates",
                                         ck->head.dedupe_n, dedupe);
}


/* Of a whole record; 0: it is none. */

static uint64_t
mlops_ckpt_entity_len(const mlops_ckpt_t *ck, uint64_t off)
{
    uint64_t  size;

    if (ck->len - off < ck->entity_size) {
        return 0;
    }

    off += ck->entity_size;
    size = mlops_sparse_len(ck->data + off, ck->len - off,
                            ck->head.state_size / 8);

    return (size == 0) ? 0 : ck->entity_size + size;
}


static int
mlops_ckpt_duplicate(mlops_ckpt_t *ck, uint64_t off, mlops_err_t *err)
{
    mlops_dedupe_t             *dedupe;
    mlops_checkpoint_dedupe_t   record;

    dedupe = &ck->shard->dedupe;
    memcpy(&record, ck->data + off, sizeof(record));

    if (record.partition == MLOPS_DEDUPE_GONE || dedupe->max == 0) {
        return MLOPS_OK;
    }

    if (record.partition < -1 || record.partition >= MLOPS_PARTITIONS_MAX) {
        return mlops_err_set(err, "the record at byte %llu is wrong: "
                             "partition %d of a duplicate",
                             (unsigned long long) off,
                             (int) record.partition);
    }

    if (mlops_dedupe_full(dedupe)) {
        mlops_dedupe_pop(dedupe);
        ck->shard->stats.dedupe_overflow++;
    }

    mlops_dedupe_add(dedupe, record.entity, record.field, record.ts_us,
                     record.partition);

    return MLOPS_OK;
}


static int
mlops_ckpt_key(const mlops_ckpt_t *ck, uint64_t off, mlops_key_t *key,
    mlops_err_t *err)
{
    uint32_t     i, len;
    const char  *p;

    p = ck->data + off + sizeof(mlops_checkpoint_entity_t);

    memset(key, 0, sizeof(*key));

    if (ck->head.key_type == MLOPS_TYPE_INT64) {
        memcpy(&key->number, p, sizeof(key->number));
        return MLOPS_OK;
    }

    memcpy(&len, p, sizeof(len));

    if (len == 0 || len > ck->shard->entities.key_max) {
        return mlops_err_set(err, "the record at byte %llu is wrong: a key "
                             "of %u bytes", (unsigned long long) off,
                             (unsigned) len);
    }

    for (i = 4 + len; i < ck->head.key_size; i++) {
        if (p[i] != 0) {
            return mlops_err_set(err, "the record at byte %llu is wrong: "
                                 "bytes behind its key",
                                 (unsigned long long) off);
        }
    }

    key->text.data = p + 4;
    key->text.len = len;

    return MLOPS_OK;
}


static int
mlops_ckpt_positions(mlops_ckpt_t *ck, mlops_err_t *err)
{
    uint32_t                            i;
    mlops_part_t                       *part;
    const mlops_checkpoint_position_t  *position;

    for (i = 0; i < ck->head.positions_n; i++) {
        position = &ck->positions[i];
        part = mlops_shard_part(ck->shard, position->partition, err);

        if (part == NULL) {
            return MLOPS_ERROR;
        }

        part->offset = position->offset;
        part->max_ts = position->max_ts_us;
        part->passed = position->max_ts_us;

        if (part->max_ts != INT64_MIN) {
            part->q = mlops_us_add(part->max_ts, ck->shard->view->tick_us);
        }
    }

    return MLOPS_OK;
}


/* By used: passes over 16 bits each, from the lowest on. */

static void
mlops_ckpt_sort(mlops_ckpt_t *ck)
{
    uint32_t            shift;
    uint64_t            i, n, sum, count;
    uint32_t           *counts;
    mlops_ckpt_spot_t  *from, *to, *swap;

    n = ck->head.entities_n;
    from = ck->spots;
    to = ck->spots + n;
    counts = malloc(65536 * sizeof(uint32_t));

    if (counts == NULL) {
        return;                         /* the order of use is lost */
    }

    for (shift = 0; shift < 64 && ck->head.used >> shift != 0; shift += 16) {
        memset(counts, 0, 65536 * sizeof(uint32_t));

        for (i = 0; i < n; i++) {
            counts[(from[i].used >> shift) & 0xffff]++;
        }

        for (sum = 0, i = 0; i < 65536; i++) {
            count = counts[i];
            counts[i] = (uint32_t) sum;
            sum += count;
        }

        for (i = 0; i < n; i++) {
            to[counts[(from[i].used >> shift) & 0xffff]++] = from[i];
        }

        swap = from;
        from = to;
        to = swap;
    }

    if (from != ck->spots) {
        memcpy(ck->spots, from, n * sizeof(*from));
    }

    free(counts);
}


/* In the order of use; where there are too many the oldest ones are given
 * up. */

static int
mlops_ckpt_entities(mlops_ckpt_t *ck, mlops_err_t *err)
{
    uint64_t     i, k, n;
    const char  *p;

    mlops_ckpt_sort(ck);

    n = ck->head.entities_n;
    i = 0;

    if (n > ck->shard->limit) {
        i = n - ck->shard->limit;
        ck->shard->stats.evicted += i;
    }

    for ( /* void */ ; i < n; i++) {

        /* the order of use is none of the file */

        if (i + MLOPS_CKPT_AHEAD < n) {
            p = ck->data + ck->spots[i + MLOPS_CKPT_AHEAD].off;

            for (k = 0; k < MLOPS_CKPT_NEAR; k += 64) {
                __builtin_prefetch(p + k);
            }
        }

        if (mlops_ckpt_entity(ck, ck->spots[i].off, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_ckpt_entity(mlops_ckpt_t *ck, uint64_t off, mlops_err_t *err)
{
    char                       *state;
    uint32_t                    i, number;
    uint64_t                    hash;
    mlops_key_t                 key;
    mlops_def_t                *def;
    mlops_shard_t              *shard;
    mlops_entity_t             *entity;
    const mlops_ckpt_copy_t    *copy;
    mlops_checkpoint_entity_t   record;

    shard = ck->shard;
    def = shard->defs;

    if (mlops_ckpt_key(ck, off, &key, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    memcpy(&record, ck->data + off, sizeof(record));
    hash = mlops_key_hash(shard->entities.key_type, &key);

    if (mlops_key_shard(hash, shard->view->shards) != shard->conf.number
        || mlops_entities_find(&shard->entities, &key, hash)
           != MLOPS_ENTITY_NONE)
    {
        return mlops_err_set(err, "the record at byte %llu is wrong: its key "
                             "is there twice, or of another shard",
                             (unsigned long long) off);
    }

    if (mlops_shard_part(shard, record.partition, err) == NULL) {
        return MLOPS_ERROR;
    }

    number = mlops_entities_add(&shard->entities, &key, hash);
    entity = mlops_entity(&shard->entities, number);

    entity->partition = record.partition;
    entity->event_us = record.event_us;
    entity->offset = record.offset;
    entity->used = record.used;
    entity->next_us = INT64_MAX;
    entity->epoch = shard->checkpoint.epoch;

    mlops_def_reset(def, number);
    state = mlops_def_state(def, number);

    mlops_sparse_read(ck->state, ck->data + off + ck->entity_size,
                      ck->head.state_size / 8);

    for (i = 0; i < ck->copies_n; i++) {
        copy = &ck->copies[i];
        memcpy(state + copy->to, (char *) ck->state + copy->from,
               copy->bytes);
    }

    mlops_shard_expires(shard, number);

    return MLOPS_OK;
}


/* Features that the checkpoint does not have begin where it ends. */

static void
mlops_ckpt_warm(mlops_ckpt_t *ck)
{
    int64_t                            begin, warm_us;
    uint32_t                           i, j, k;
    mlops_def_t                       *def;
    const mlops_plan_feature_t        *feature;
    const mlops_checkpoint_feature_t  *saved;

    def = ck->shard->defs;
    begin = INT64_MIN;

    for (i = 0; i < ck->head.positions_n; i++) {
        if (ck->positions[i].max_ts_us > begin) {
            begin = ck->positions[i].max_ts_us;
        }
    }

    if (begin != INT64_MIN) {
        begin = mlops_us_add(begin, ck->shard->view->tick_us);
    }

    for (i = 0; i < def->view->features_n && def->window != NULL; i++) {
        feature = &def->view->features[i];
        saved = NULL;

        for (j = 0; j < ck->head.features_n; j++) {
            if (ck->features[j].hash == feature->hash
                && ck->features[j].bytes == feature->state_bytes)
            {
                saved = &ck->features[j];
                break;
            }
        }

        if (saved != NULL) {
            warm_us = saved->warm_us;

        } else {
            warm_us = (begin == INT64_MIN)
                      ? INT64_MIN : mlops_def_warm_at(def->view, feature,
                                                      begin);
        }

        for (k = feature->first; k < feature->first + feature->width; k++) {
            def->warm[k] = warm_us;
            mlops_publish_warm(ck->shard, def, k);
        }
    }
}
