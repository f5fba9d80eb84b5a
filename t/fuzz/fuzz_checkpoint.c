/*
 * A checkpoint of any bytes: the loader never reads beyond them, and either
 * refuses all of it or has entities that are found, counted and visited.
 */

#include "fuzz.h"

#include "mlops_checkpoint.h"
#include "mlops_file.h"
#include "mlops_hash.h"
#include "mlops_plan.h"
#include "mlops_shard.h"
#include "mlops_sparse.h"


static char                  fuzz_name[64];
static mlops_plan_view_t     fuzz_view;
static mlops_plan_feature_t  fuzz_feature;
static mlops_column_t        fuzz_columns[3];


/* count() over all time; keys are text, or numbers. */

static void
fuzz_make_view(int text)
{
    mlops_err_t             err;
    uint32_t                i;
    static const char      *names[] = { "id", "ts", "n" };

    memset(&fuzz_view, 0, sizeof(fuzz_view));
    memset(&fuzz_feature, 0, sizeof(fuzz_feature));

    for (i = 0; i < 3; i++) {
        fuzz_columns[i].name.data = names[i];
        fuzz_columns[i].name.len = strlen(names[i]);
        fuzz_columns[i].type = (i == 0 && text) ? MLOPS_TYPE_BYTES
                                                : MLOPS_TYPE_INT64;
        fuzz_columns[i].kind = mlops_type_kind(fuzz_columns[i].type);
    }

    fuzz_feature.name = fuzz_columns[2].name;
    fuzz_feature.func = MLOPS_FUNC_COUNT;
    fuzz_feature.field = MLOPS_NO_FIELD;
    fuzz_feature.type = MLOPS_TYPE_INT64;
    fuzz_feature.width = 1;
    fuzz_feature.hash = 0x0102030405060708;

    fuzz_view.name = fuzz_columns[2].name;
    fuzz_view.entity_type = fuzz_columns[0].type;
    fuzz_view.entity_bytes = text ? 12 : 8;
    fuzz_view.time = 1;
    fuzz_view.tick_us = 1;
    fuzz_view.dedupe = 1;
    fuzz_view.within_us = 100;
    fuzz_view.dedupe_max = 8;
    fuzz_view.features_n = 1;
    fuzz_view.features = &fuzz_feature;
    fuzz_view.ttl_us = 1000;
    fuzz_view.max_entities = 8;
    fuzz_view.shards = 1;
    fuzz_view.sets = 1;
    fuzz_view.event.n = 2;
    fuzz_view.event.columns = fuzz_columns;
    fuzz_view.row.n = 1;
    fuzz_view.row.columns = &fuzz_columns[2];
    fuzz_view.base_hash = 0x1111111111111111;
    fuzz_view.hash = 0x2222222222222222;

    check(mlops_view_layout(&fuzz_view, &err) == MLOPS_OK);

    snprintf(fuzz_name, sizeof(fuzz_name), "%016llx.0.ckpt",
             (unsigned long long) fuzz_view.base_hash);
}


/* The records as they may be: kinds, and as many as there are whole ones of.
 * Returns where the last of them ends. */

static size_t
fuzz_mend_records(char *p, size_t off, size_t size,
    mlops_checkpoint_head_t *head)
{
    size_t    fixed;
    uint32_t  kind;
    uint64_t  len;

    fixed = sizeof(mlops_checkpoint_entity_t) + head->key_size;
    head->entities_n = 0;
    head->dedupe_n = 0;

    while (size - off >= sizeof(mlops_checkpoint_dedupe_t)) {
        memcpy(&kind, p + off, sizeof(kind));
        kind = 1 + (kind & 1);
        len = sizeof(mlops_checkpoint_dedupe_t);

        if (kind == MLOPS_CHECKPOINT_ENTITY) {

            if (size - off < fixed) {
                break;
            }

            len = mlops_sparse_len(p + off + fixed, size - off - fixed,
                                   head->state_size / 8);

            if (len == 0) {
                break;
            }

            len += fixed;
            head->entities_n++;

        } else {
            head->dedupe_n++;
        }

        memcpy(p + off, &kind, sizeof(kind));
        off += len;
    }

    return off;
}


/* What is fixed and the checksum are made good, so that what is behind them
 * is reached.  Returns the size that is left. */

static size_t
fuzz_mend(char *p, size_t size)
{
    mlops_file_head_t         file;
    mlops_checkpoint_head_t   head;

    if (size < sizeof(file) + sizeof(head)) {
        return size;
    }

    memcpy(&head, p + sizeof(file), sizeof(head));

    head.base = fuzz_view.base_hash;
    head.shard = 0;
    head.shards = 1;
    head.role = fuzz_view.role;
    head.key_type = fuzz_view.entity_type;
    head.key_size = fuzz_view.entity_type == MLOPS_TYPE_BYTES ? 16 : 8;
    head.state_size = 8 + head.state_size % 1024 / 8 * 8;
    head.features_n = 1 + head.features_n % 3;
    head.positions_n %= 4;
    memset(head.zero, 0, sizeof(head.zero));

    memcpy(file.magic, MLOPS_CHECKPOINT_MAGIC, 8);
    file.abi = MLOPS_CHECKPOINT_ABI;
    file.header_len = MLOPS_CHECKPOINT_HEAD
                      + (head.features_n + head.positions_n) * 32;

    if (size > file.header_len && !(p[0] & 4)) {
        size = fuzz_mend_records(p, file.header_len, size, &head);
    }

    file.file_len = size;
    memcpy(p + sizeof(file), &head, sizeof(head));
    file.checksum = mlops_hash(p + sizeof(file), size - sizeof(file), 0);
    memcpy(p, &file, sizeof(file));

    return size;
}


static int
fuzz_visit(void *ctx, const mlops_key_t *key, const mlops_table_row_t *row)
{
    (void) key;

    check(row->partition >= -1 && row->partition < MLOPS_PARTITIONS_MAX);
    (*(uint64_t *) ctx)++;

    return MLOPS_OK;
}


static void
fuzz_load(int dir)
{
    int                    rc;
    int64_t                cut;
    uint32_t               i, n;
    uint64_t               visited;
    mlops_err_t            err;
    mlops_shard_t         *shard;
    mlops_position_t       positions[MLOPS_PARTITIONS_MAX + 1];
    mlops_shard_conf_t     conf;
    mlops_shard_stats_t    stats;

    memset(&conf, 0, sizeof(conf));
    conf.features = -1;
    conf.state = dir;
    conf.uid = (uid_t) -1;
    conf.gid = (gid_t) -1;

    shard = mlops_shard_create(&fuzz_view, &conf, &err);
    check(shard != NULL);

    rc = mlops_shard_load(shard, positions, &n, &cut, &err);
    mlops_shard_stats(shard, &stats);
    check(rc == MLOPS_OK || stats.entities == 0);
    check(stats.entities <= fuzz_view.max_entities);

    mlops_shard_caught_up(shard);

    for (i = 0; i < n; i++) {
        while (mlops_shard_clock(shard, positions[i].partition,
                                 INT64_MAX - 1, 100) == MLOPS_AGAIN)
        {
            /* void */
        }
    }

    visited = 0;
    mlops_shard_stats(shard, &stats);
    check(mlops_shard_visit(shard, 1000, fuzz_visit, &visited) == MLOPS_OK);
    check(visited <= stats.entities);

    mlops_shard_destroy(shard);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int    dir, fd;
    char  *copy;

    if (size == 0) {
        return 0;
    }

    dir = fuzz_dir();
    fuzz_make_view(data[0] & 2);

    copy = fuzz_copy(data, size);

    if (data[0] & 1) {
        size = fuzz_mend(copy, size);
    }

    fd = openat(dir, fuzz_name, O_RDWR|O_CREAT|O_TRUNC, 0600);
    check(fd != -1);
    check(write(fd, copy, size) == (ssize_t) size);
    check(close(fd) == 0);
    free(copy);

    fuzz_load(dir);
    (void) unlinkat(dir, fuzz_name, 0);

    return 0;
}
