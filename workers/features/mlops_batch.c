/*
 * Batch views: from a CSV file to tables.
 */

#include "mlops_batch.h"
#include "mlops_clock.h"
#include "mlops_event_file.h"
#include "mlops_file.h"
#include "mlops_intake.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


typedef struct {
    mlops_table_t   *table;
    char             tmp[MLOPS_TMP_SIZE];
    uint64_t         rows;
} mlops_batch_shard_t;


typedef struct {
    const mlops_plan_view_t  *view;
    const char               *path;
    int                       features;
    int64_t                   mtime_us;
    mlops_event_file_t       *file;
    mlops_intake_t           *intake;
    mlops_batch_shard_t       shards[MLOPS_SHARDS_MAX];

    /* one row, both sets */
    mlops_cell_t             *cells;
    uint64_t                 *present;

    /* what the table has of the entity */
    mlops_cell_t             *old_cells;
    uint64_t                 *old_present;
    char                     *old_text;
} mlops_batch_t;


static int mlops_batch_check_view(const mlops_plan_view_t *view,
    mlops_err_t *err);
static int mlops_batch_open(mlops_batch_t *batch, mlops_err_t *err);
static void mlops_batch_close(mlops_batch_t *batch);
static int mlops_batch_pass(mlops_batch_t *batch, int second,
    mlops_err_t *err);
static int mlops_batch_rows(mlops_batch_t *batch, int second,
    mlops_err_t *err);
static int mlops_batch_header(mlops_batch_t *batch, mlops_err_t *err);
static int mlops_batch_row(mlops_batch_t *batch, const mlops_event_t *event,
    mlops_err_t *err);
static int mlops_batch_values(mlops_batch_t *batch,
    const mlops_event_t *event, mlops_err_t *err);
static int mlops_batch_put(mlops_batch_t *batch, mlops_batch_shard_t *shard,
    const mlops_key_t *key, uint64_t hash, const mlops_event_t *event,
    mlops_err_t *err);
static int mlops_batch_older(mlops_batch_t *batch, const mlops_table_t *table,
    const mlops_key_t *key, uint64_t hash, int64_t event_us);
static int mlops_batch_tables(mlops_batch_t *batch, uid_t uid, gid_t gid,
    mlops_err_t *err);
static int mlops_batch_commit(mlops_batch_t *batch,
    mlops_batch_stats_t *stats, mlops_err_t *err);


int
mlops_batch_load(const mlops_plan_view_t *view, int features, uid_t uid,
    gid_t gid, const char *path, mlops_batch_stats_t *stats, mlops_err_t *err)
{
    int             rc;
    mlops_batch_t  *batch;

    memset(stats, 0, sizeof(*stats));

    if (mlops_batch_check_view(view, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    batch = calloc(1, sizeof(*batch));

    if (batch == NULL) {
        return mlops_err_set(err, "out of memory: %zu bytes",
                             sizeof(*batch));
    }

    batch->view = view;
    batch->path = path;
    batch->features = features;

    rc = MLOPS_ERROR;

    if (mlops_batch_open(batch, err) == MLOPS_OK
        && mlops_batch_pass(batch, 0, err) == MLOPS_OK
        && mlops_batch_tables(batch, uid, gid, err) == MLOPS_OK
        && mlops_batch_pass(batch, 1, err) == MLOPS_OK)
    {
        rc = mlops_batch_commit(batch, stats, err);
    }

    mlops_batch_close(batch);

    return rc;
}


static int
mlops_batch_check_view(const mlops_plan_view_t *view, mlops_err_t *err)
{
    uint32_t                     i;
    const mlops_plan_feature_t  *feature;

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];

        if (feature->func != MLOPS_FUNC_LAST
            || feature->span != MLOPS_SPAN_ALL || feature->where != NULL)
        {
            return mlops_err_set(err, "view \"%.*s\": a file can be loaded "
                                 "where every feature is last(FIELD) without "
                                 "window or where; \"%.*s\" is not",
                                 mlops_fmt(&view->name),
                                 mlops_fmt(&feature->name));
        }
    }

    return MLOPS_OK;
}


static int
mlops_batch_open(mlops_batch_t *batch, mlops_err_t *err)
{
    uint32_t                  n, words;
    struct stat               st;
    const mlops_plan_view_t  *view;

    view = batch->view;

    if (stat(batch->path, &st) == -1) {
        return mlops_file_fail(err, "stat()", AT_FDCWD, batch->path);
    }

    if (!S_ISREG(st.st_mode)) {
        return mlops_err_set(err, "\"%s\" is not a regular file: it is read "
                             "twice", batch->path);
    }

    batch->mtime_us = (int64_t) st.st_mtim.tv_sec * 1000000
                      + st.st_mtim.tv_nsec / 1000;

    batch->intake = mlops_intake_create(view, err);

    if (batch->intake == NULL) {
        return MLOPS_ERROR;
    }

    n = view->row.n;
    words = mlops_row_words(n);

    batch->cells = calloc(2 * (size_t) n, sizeof(mlops_cell_t));
    batch->present = calloc(2 * (size_t) words, sizeof(uint64_t));
    batch->old_cells = calloc(n, sizeof(mlops_cell_t));
    batch->old_present = calloc(words, sizeof(uint64_t));

    if (batch->cells == NULL || batch->present == NULL
        || batch->old_cells == NULL || batch->old_present == NULL)
    {
        return mlops_err_set(err, "out of memory: a row of %u columns",
                             (unsigned) n);
    }

    return MLOPS_OK;
}


static void
mlops_batch_close(mlops_batch_t *batch)
{
    uint32_t              i;
    mlops_batch_shard_t  *shard;

    for (i = 0; i < batch->view->shards; i++) {
        shard = &batch->shards[i];

        if (shard->table == NULL) {
            continue;
        }

        mlops_table_close(shard->table);

        if (shard->tmp[0] != '\0') {
            (void) unlinkat(batch->features, shard->tmp, 0);
        }
    }

    if (batch->file != NULL) {
        mlops_event_file_close(batch->file);
    }

    mlops_intake_destroy(batch->intake);
    free(batch->cells);
    free(batch->present);
    free(batch->old_cells);
    free(batch->old_present);
    free(batch->old_text);
    free(batch);
}


/* The whole file: first rows are counted, then put. */

static int
mlops_batch_pass(mlops_batch_t *batch, int second, mlops_err_t *err)
{
    int  rc;

    batch->file = mlops_event_file_open(batch->path, err);

    if (batch->file == NULL) {
        return MLOPS_ERROR;
    }

    if (mlops_batch_header(batch, err) != MLOPS_OK) {
        rc = mlops_err_prefix(err, "%s:1", batch->path);

    } else if (mlops_batch_rows(batch, second, err) != MLOPS_OK) {
        rc = mlops_err_prefix(err, "%s:%llu", batch->path,
                              (unsigned long long)
                                  mlops_event_file_line(batch->file));

    } else {
        rc = MLOPS_OK;
    }

    mlops_event_file_close(batch->file);
    batch->file = NULL;

    return rc;
}


static int
mlops_batch_header(mlops_batch_t *batch, mlops_err_t *err)
{
    int          lacks;
    mlops_str_t  header;

    header = mlops_event_file_header(batch->file);

    if (header.len == 0) {
        return mlops_err_set(err, "expected a CSV file with a header, its "
                             "name ending in \".csv\"");
    }

    if (mlops_intake_csv(batch->intake, &header, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    lacks = mlops_intake_csv_lacks(batch->intake);

    if (lacks >= 0) {
        return mlops_err_set(err, "expected a column \"%.*s\" in the header, "
                             "got none",
                             mlops_fmt(&batch->view->event.columns[lacks]
                                        .name));
    }

    return MLOPS_OK;
}


static int
mlops_batch_rows(mlops_batch_t *batch, int second, mlops_err_t *err)
{
    int                      rc;
    uint64_t                 hash;
    mlops_key_t              key;
    mlops_event_t            event;
    mlops_record_t           record;
    mlops_batch_shard_t     *shard;
    mlops_intake_verdict_t   verdict;

    while ((rc = mlops_event_file_next(batch->file, &record, err))
           == MLOPS_OK)
    {
        /* a file has no order of time: nothing in it is late */

        mlops_intake_set_clock(batch->intake, -1, INT64_MIN);

        verdict = mlops_intake_read(batch->intake, &record, &event, &key,
                                    &hash, err);

        if (verdict != MLOPS_INTAKE_ACCEPTED
            || mlops_batch_row(batch, &event, err) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        shard = &batch->shards[mlops_key_shard(hash, batch->view->shards)];

        if (!second) {
            shard->rows++;

        } else if (mlops_batch_put(batch, shard, &key, hash, &event, err)
                   != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return (rc == MLOPS_AGAIN) ? MLOPS_OK : MLOPS_ERROR;
}


/* The values of a row as those of the table. */

static int
mlops_batch_row(mlops_batch_t *batch, const mlops_event_t *event,
    mlops_err_t *err)
{
    uint32_t  n, words;

    n = batch->view->row.n;
    words = mlops_row_words(n);

    if (mlops_batch_values(batch, event, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    memcpy(batch->cells + n, batch->cells, n * sizeof(mlops_cell_t));
    memcpy(batch->present + words, batch->present, words * sizeof(uint64_t));

    return MLOPS_OK;
}


static int
mlops_batch_values(mlops_batch_t *batch, const mlops_event_t *event,
    mlops_err_t *err)
{
    uint32_t                     i, k;
    mlops_cell_t                 cell;
    const mlops_column_t        *field;
    const mlops_plan_view_t     *view;
    const mlops_plan_feature_t  *feature;

    view = batch->view;

    memset(batch->present, 0, mlops_row_words(view->row.n) * 8);

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];
        field = &view->event.columns[feature->field];
        k = feature->first;

        if (!mlops_bit(event->present, feature->field)) {
            continue;
        }

        cell = event->cells[feature->field];

        if (feature->type == MLOPS_TYPE_BYTES && cell.s.len > feature->bytes) {
            return mlops_err_set(err, "field \"%.*s\": expected a string of "
                                 "at most %u bytes, got %u",
                                 mlops_fmt(&field->name),
                                 (unsigned) feature->bytes,
                                 (unsigned) cell.s.len);
        }

        if (feature->type == MLOPS_TYPE_FP64
            && field->kind == MLOPS_CELL_INT)
        {
            cell.f = (double) cell.i;
        }

        batch->cells[k] = cell;
        mlops_bit_set(batch->present, k);
    }

    return MLOPS_OK;
}


static int
mlops_batch_put(mlops_batch_t *batch, mlops_batch_shard_t *shard,
    const mlops_key_t *key, uint64_t hash, const mlops_event_t *event,
    mlops_err_t *err)
{
    int                rc;
    int64_t            event_us;
    uint32_t           hint;
    mlops_table_row_t  row;

    event_us = (batch->view->time == MLOPS_NO_FIELD) ? batch->mtime_us
                                                     : event->ts_us;

    if (mlops_batch_older(batch, shard->table, key, hash, event_us)) {
        return MLOPS_OK;
    }

    row.event_us = event_us;
    row.offset = event->offset;
    row.partition = -1;
    row.switch_us = INT64_MAX;
    row.valid_us = INT64_MAX;
    row.cells = batch->cells;
    row.present = batch->present;
    row.text = event->text;

    hint = UINT32_MAX;
    rc = mlops_table_put(shard->table, key, hash, &hint, &row);

    if (rc != MLOPS_OK) {
        return mlops_err_set(err, "expected at most %u entities, got more",
                             (unsigned) batch->view->max_entities);
    }

    return MLOPS_OK;
}


/* Does the table have a newer row of that entity? */

static int
mlops_batch_older(mlops_batch_t *batch, const mlops_table_t *table,
    const mlops_key_t *key, uint64_t hash, int64_t event_us)
{
    mlops_table_found_t  found;

    return batch->view->time != MLOPS_NO_FIELD
           && mlops_table_get(table, key, hash, 0, INT64_MIN,
                              batch->old_cells, batch->old_present,
                              batch->old_text, &found)
              == MLOPS_OK
           && found.event_us > event_us;
}


static int
mlops_batch_tables(mlops_batch_t *batch, uid_t uid, gid_t gid,
    mlops_err_t *err)
{
    uint32_t              i, room;
    mlops_batch_shard_t  *shard;

    for (i = 0; i < batch->view->shards; i++) {
        shard = &batch->shards[i];
        room = batch->view->max_entities;

        if (shard->rows < room) {
            room = shard->rows != 0 ? (uint32_t) shard->rows : 1;
        }

        shard->table = mlops_table_create(batch->features, batch->view, i,
                                          room, uid, gid, shard->tmp, err);

        if (shard->table == NULL) {
            return MLOPS_ERROR;
        }
    }

    batch->old_text = malloc(mlops_table_text_size(batch->shards[0].table));

    return (batch->old_text != NULL)
           ? MLOPS_OK : mlops_err_set(err, "out of memory: the text of a "
                                      "row");
}


static int
mlops_batch_commit(mlops_batch_t *batch, mlops_batch_stats_t *stats,
    mlops_err_t *err)
{
    uint32_t                     i;
    mlops_batch_shard_t         *shard;
    const mlops_table_header_t  *header;

    for (i = 0; i < batch->view->shards; i++) {
        shard = &batch->shards[i];
        header = mlops_table_header(shard->table);

        stats->rows += shard->rows;
        stats->entities += atomic_load_explicit(
                               &((mlops_table_header_t *) header)->rows_n,
                               memory_order_relaxed);
        stats->bytes += header->file_len;
    }

    if (stats->entities > batch->view->max_entities) {
        return mlops_err_set(err, "%s: expected at most %u entities, got "
                             "%llu", batch->path,
                             (unsigned) batch->view->max_entities,
                             (unsigned long long) stats->entities);
    }

    for (i = 0; i < batch->view->shards; i++) {
        shard = &batch->shards[i];

        mlops_table_beat(shard->table, mlops_wall_us());
        mlops_table_set_clean(shard->table, 1);

        if (mlops_table_commit(shard->table, shard->tmp, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        shard->tmp[0] = '\0';
    }

    return MLOPS_OK;
}
