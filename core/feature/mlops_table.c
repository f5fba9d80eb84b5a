/*
 * The form of a feature table: from a view to offsets, and from the bytes of
 * a header to offsets that can be trusted.
 */

#include "mlops_table.h"
#include "mlops_table_map.h"
#include "mlops_file.h"
#include "mlops_hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>


/* 7 entries of a bucket, 5 of them used when every row is: a search of a key
 * that is not there sees 1.2 buckets then. */

#define MLOPS_TABLE_LOAD        5

#define MLOPS_TABLE_ROW_MAX     (1u << 24)


/* Sizes of one row, wide enough not to overflow. */

typedef struct {
    uint64_t   key_size;
    uint64_t   set_size;
    uint64_t   slot_size;
    uint64_t   row_stride;
    uint32_t   sets;
} mlops_table_sizes_t;


static void mlops_table_sizes(const mlops_plan_view_t *view,
    mlops_table_sizes_t *sizes);
static uint32_t mlops_table_column_bytes(const mlops_plan_feature_t *feature);
static uint64_t mlops_table_value_size(uint32_t type, uint32_t bytes);
static uint64_t mlops_table_head_size(uint32_t sets);
static uint64_t mlops_table_index_off(uint32_t columns_n);
static uint64_t mlops_table_rows_off(uint64_t index_off, uint32_t buckets_n);
static uint32_t mlops_table_buckets(uint32_t capacity);
static uint64_t mlops_table_checksum(const mlops_table_header_t *header,
    const mlops_table_column_t *columns);
static int mlops_table_check(mlops_table_t *table, mlops_err_t *err);
static int mlops_table_check_sizes(const mlops_table_header_t *header,
    mlops_err_t *err);
static int mlops_table_check_offsets(const mlops_table_header_t *header,
    uint64_t len, mlops_err_t *err);
static int mlops_table_check_view(const mlops_table_header_t *header,
    mlops_err_t *err);
static int mlops_table_check_columns(mlops_table_t *table, mlops_err_t *err);
static int mlops_table_wrong(mlops_err_t *err, const char *what,
    uint64_t expected, uint64_t got);
static void mlops_table_take(mlops_table_t *table);


static const char  *mlops_status_names[] = {
    "PRESENT",
    "NULL_VALUE",
    "NOT_FOUND",
    "OUTSIDE_MAX_AGE",
    "STALE",
    "WARMING"
};


const char *
mlops_status_name(mlops_status_t status)
{
    return ((size_t) status < mlops_nitems(mlops_status_names))
           ? mlops_status_names[status] : "?";
}


uint32_t
mlops_table_bytes(const mlops_plan_view_t *view)
{
    uint64_t             bytes;
    mlops_table_sizes_t  sizes;

    mlops_table_sizes(view, &sizes);

    bytes = sizes.row_stride
            + (MLOPS_TABLE_BUCKET + MLOPS_TABLE_LOAD - 1) / MLOPS_TABLE_LOAD;

    return bytes < UINT32_MAX ? (uint32_t) bytes : UINT32_MAX;
}


uint64_t
mlops_table_file_bytes(const mlops_plan_view_t *view, uint32_t capacity)
{
    mlops_table_sizes_t  sizes;

    mlops_table_sizes(view, &sizes);

    return mlops_table_rows_off(mlops_table_index_off(view->row.n),
                                mlops_table_buckets(capacity))
           + capacity * sizes.row_stride;
}


void
mlops_table_name(const mlops_plan_view_t *view, uint32_t shard,
    char name[MLOPS_TABLE_NAME_SIZE])
{
    (void) snprintf(name, MLOPS_TABLE_NAME_SIZE, "%.*s.%016llx.%u",
                    view->name.len > 64 ? 64 : (int) view->name.len,
                    view->name.data, (unsigned long long) view->hash,
                    (unsigned) (shard & 0xffff));
}


int
mlops_table_form(const mlops_plan_view_t *view, uint32_t shard,
    uint32_t capacity, mlops_table_header_t *header,
    mlops_table_column_t *columns, mlops_err_t *err)
{
    uint32_t                     i, k, off, bytes;
    const mlops_column_t        *column;
    mlops_table_sizes_t          sizes;
    const mlops_plan_feature_t  *feature;

    if (view->row.n == 0 || view->row.n > MLOPS_VIEW_COLUMNS_MAX) {
        return mlops_err_set(err, "view \"%.*s\": expected 1 to %d columns, "
                             "got %u", mlops_fmt(&view->name),
                             MLOPS_VIEW_COLUMNS_MAX, (unsigned) view->row.n);
    }

    mlops_table_sizes(view, &sizes);

    if (sizes.row_stride > MLOPS_TABLE_ROW_MAX) {
        return mlops_err_set(err, "view \"%.*s\": a row of its table takes "
                             "%llu bytes, at most %u are possible",
                             mlops_fmt(&view->name),
                             (unsigned long long) sizes.row_stride,
                             MLOPS_TABLE_ROW_MAX);
    }

    memset(header, 0, sizeof(*header));
    memset(columns, 0, view->row.n * sizeof(*columns));

    off = mlops_row_words(view->row.n) * 8;

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];

        for (k = feature->first; k < feature->first + feature->width; k++) {
            column = &view->row.columns[k];
            bytes = mlops_table_column_bytes(feature);

            if (k >= view->row.n || column->name.len > sizeof(columns->name)
                || (bytes != 0) != (column->type == MLOPS_TYPE_BYTES))
            {
                return mlops_err_set(err, "feature \"%.*s\" of view "
                                     "\"%.*s\" does not fit its column %u",
                                     mlops_fmt(&feature->name),
                                     mlops_fmt(&view->name), (unsigned) k);
            }

            memcpy(columns[k].name, column->name.data, column->name.len);
            columns[k].name_len = (uint32_t) column->name.len;
            columns[k].hash = feature->hash;
            columns[k].type = column->type;
            columns[k].bytes = bytes;
            columns[k].off = off;
            atomic_store_explicit(&columns[k].warm_us, INT64_MIN,
                                  memory_order_relaxed);

            off += (uint32_t) mlops_table_value_size(column->type, bytes);
        }
    }

    memcpy(header->magic, MLOPS_TABLE_MAGIC, sizeof(header->magic));
    header->abi = MLOPS_TABLE_ABI;
    header->header_len = (uint32_t) mlops_table_index_off(view->row.n);
    header->definition = view->hash;
    header->base = view->base_hash;
    header->shard = shard;
    header->shards = view->shards;
    header->clock = view->clock;
    header->key_type = view->entity_type;
    header->key_size = (uint32_t) sizes.key_size;
    header->columns_n = view->row.n;
    header->sets = sizes.sets;
    header->set_size = (uint32_t) sizes.set_size;
    header->slot_size = (uint32_t) sizes.slot_size;
    header->row_stride = (uint32_t) sizes.row_stride;
    header->capacity = capacity;
    header->buckets_n = mlops_table_buckets(capacity);
    header->ttl_us = view->ttl_us;
    header->index_off = header->header_len;
    header->rows_off = mlops_table_rows_off(header->index_off,
                                            header->buckets_n);
    header->file_len = mlops_table_file_bytes(view, capacity);

    memcpy(header->view, view->name.data,
           view->name.len < 64 ? view->name.len : 64);

    header->checksum = mlops_table_checksum(header, columns);

    return MLOPS_OK;
}


static void
mlops_table_sizes(const mlops_plan_view_t *view, mlops_table_sizes_t *sizes)
{
    uint32_t                     i;
    const mlops_plan_feature_t  *feature;

    sizes->sets = (view->sets == 2) ? 2 : 1;
    sizes->key_size = (view->entity_type == MLOPS_TYPE_INT64)
                      ? 8 : mlops_align(4 + (uint64_t) view->entity_bytes, 8);
    sizes->set_size = mlops_row_words(view->row.n) * 8;

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];
        sizes->set_size += feature->width
                           * mlops_table_value_size(feature->type,
                                 mlops_table_column_bytes(feature));
    }

    sizes->slot_size = mlops_table_head_size(sizes->sets)
                       + sizes->sets * sizes->set_size;
    sizes->row_stride = 8 + sizes->key_size + 2 * sizes->slot_size;
}


static uint32_t
mlops_table_column_bytes(const mlops_plan_feature_t *feature)
{
    return (feature->type == MLOPS_TYPE_BYTES) ? feature->bytes : 0;
}


static uint64_t
mlops_table_value_size(uint32_t type, uint32_t bytes)
{
    return (type == MLOPS_TYPE_BYTES)
           ? 8 + mlops_align((uint64_t) bytes, 8) : 8;
}


static uint64_t
mlops_table_head_size(uint32_t sets)
{
    return (sets == 2) ? (MLOPS_SLOT_SWITCH + 1) * 8 : MLOPS_SLOT_SWITCH * 8;
}


static uint64_t
mlops_table_index_off(uint32_t columns_n)
{
    return mlops_align(MLOPS_TABLE_COLUMNS_OFF
                       + columns_n * sizeof(mlops_table_column_t),
                       MLOPS_TABLE_PAGE);
}


static uint64_t
mlops_table_rows_off(uint64_t index_off, uint32_t buckets_n)
{
    return mlops_align(index_off + (uint64_t) buckets_n * MLOPS_TABLE_BUCKET,
                       MLOPS_TABLE_PAGE);
}


static uint32_t
mlops_table_buckets(uint32_t capacity)
{
    return capacity / MLOPS_TABLE_LOAD + 1;
}


static uint64_t
mlops_table_checksum(const mlops_table_header_t *header,
    const mlops_table_column_t *columns)
{
    uint32_t      i;
    mlops_hash_t  hash;

    mlops_hash_init(&hash, 0);
    mlops_hash_update(&hash, (const char *) header + 32,
                      MLOPS_TABLE_FIXED - 32);

    for (i = 0; i < header->columns_n; i++) {
        mlops_hash_update(&hash, &columns[i], MLOPS_TABLE_COLUMN_FIXED);
    }

    return mlops_hash_value(&hash);
}


mlops_table_t *
mlops_table_map(int fd, size_t len, int writable, mlops_err_t *err)
{
    void           *base;
    mlops_table_t  *table;

    if (len < MLOPS_TABLE_COLUMNS_OFF) {
        (void) mlops_err_set(err, "not a feature table: expected %zu bytes "
                             "or more, got %zu", MLOPS_TABLE_COLUMNS_OFF,
                             len);
        (void) close(fd);
        errno = 0;
        return NULL;
    }

    table = calloc(1, sizeof(*table));

    if (table == NULL) {
        (void) mlops_err_set(err, "out of memory: %zu bytes",
                             sizeof(*table));
        (void) close(fd);
        errno = ENOMEM;
        return NULL;
    }

    table->fd = fd;
    table->dir = -1;

    base = mmap(NULL, len, writable ? PROT_READ|PROT_WRITE : PROT_READ,
                MAP_SHARED, fd, 0);

    if (base == MAP_FAILED) {
        (void) mlops_file_fail(err, "mmap()", fd, "");
        mlops_table_close(table);
        return NULL;
    }

    table->base = base;
    table->len = len;
    table->writable = (writable != 0);
    table->header = base;
    table->columns = (mlops_table_column_t *) (table->base
                                               + MLOPS_TABLE_COLUMNS_OFF);

    if (mlops_table_check(table, err) != MLOPS_OK) {
        mlops_table_close(table);
        errno = 0;
        return NULL;
    }

    return table;
}


/* Everything that is fixed at birth; afterwards table holds copies. */

static int
mlops_table_check(mlops_table_t *table, mlops_err_t *err)
{
    const mlops_table_header_t  *header;

    header = table->header;

    if (memcmp(header->magic, MLOPS_TABLE_MAGIC, sizeof(header->magic)) != 0) {
        return mlops_err_set(err, "wrong magic: expected \"%s\", "
                             "got \"%.8s\"", MLOPS_TABLE_MAGIC,
                             header->magic);
    }

    if (header->abi != MLOPS_TABLE_ABI) {
        return mlops_table_wrong(err, "abi", MLOPS_TABLE_ABI, header->abi);
    }

    if (mlops_table_check_sizes(header, err) != MLOPS_OK
        || mlops_table_check_offsets(header, table->len, err) != MLOPS_OK
        || mlops_table_check_view(header, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    /* columns end before the index, which is inside of the file */

    if (mlops_table_checksum(header, table->columns) != header->checksum) {
        return mlops_err_set(err, "wrong checksum of its header: expected "
                             "%016llx, got %016llx",
                             (unsigned long long) header->checksum,
                             (unsigned long long)
                                 mlops_table_checksum(header,
                                                      table->columns));
    }

    mlops_table_take(table);

    return mlops_table_check_columns(table, err);
}


static int
mlops_table_check_sizes(const mlops_table_header_t *header, mlops_err_t *err)
{
    uint64_t  slot_size, row_stride;

    if (header->columns_n == 0 || header->columns_n > MLOPS_VIEW_COLUMNS_MAX) {
        return mlops_err_set(err, "columns: expected 1 to %d, got %u",
                             MLOPS_VIEW_COLUMNS_MAX,
                             (unsigned) header->columns_n);
    }

    if (header->sets != 1 && header->sets != 2) {
        return mlops_err_set(err, "sets: expected 1 or 2, got %u",
                             (unsigned) header->sets);
    }

    if (header->key_type == MLOPS_TYPE_INT64) {

        if (header->key_size != 8) {
            return mlops_table_wrong(err, "key size", 8, header->key_size);
        }

    } else if (header->key_type != MLOPS_TYPE_BYTES) {
        return mlops_err_set(err, "key type: expected int64 or string, "
                             "got %u", (unsigned) header->key_type);

    } else if (header->key_size < 8 || header->key_size % 8 != 0
               || header->key_size > MLOPS_KEY_BYTES_MAX + 8)
    {
        return mlops_err_set(err, "key size: expected a multiple of 8 up to "
                             "%d, got %u", MLOPS_KEY_BYTES_MAX + 8,
                             (unsigned) header->key_size);
    }

    slot_size = mlops_table_head_size(header->sets)
                + header->sets * (uint64_t) header->set_size;
    row_stride = 8 + header->key_size + 2 * (uint64_t) header->slot_size;

    if (header->slot_size != slot_size) {
        return mlops_table_wrong(err, "slot size", slot_size,
                                 header->slot_size);
    }

    if (header->row_stride != row_stride) {
        return mlops_table_wrong(err, "row stride", row_stride,
                                 header->row_stride);
    }

    return MLOPS_OK;
}


static int
mlops_table_check_offsets(const mlops_table_header_t *header, uint64_t len,
    mlops_err_t *err)
{
    uint64_t  index_off, rows_off, file_len;

    if (header->capacity == 0 || header->capacity == UINT32_MAX) {
        return mlops_err_set(err, "capacity: expected 1 to %u rows, got %u",
                             UINT32_MAX - 1, (unsigned) header->capacity);
    }

    /* more rows than entries would leave no end to a search for room */

    if (header->buckets_n != mlops_table_buckets(header->capacity)) {
        return mlops_table_wrong(err, "buckets",
                                 mlops_table_buckets(header->capacity),
                                 header->buckets_n);
    }

    /* none of these can overflow: 32 bits times 32 bits and a little */

    index_off = mlops_table_index_off(header->columns_n);
    rows_off = mlops_table_rows_off(index_off, header->buckets_n);
    file_len = rows_off + (uint64_t) header->capacity * header->row_stride;

    if (header->header_len != index_off || header->index_off != index_off) {
        return mlops_table_wrong(err, "offset of the index", index_off,
                                 header->index_off);
    }

    if (header->rows_off != rows_off) {
        return mlops_table_wrong(err, "offset of the rows", rows_off,
                                 header->rows_off);
    }

    if (header->file_len != file_len) {
        return mlops_table_wrong(err, "file length by its header", file_len,
                                 header->file_len);
    }

    if (len != file_len) {
        return mlops_table_wrong(err, "file length", file_len, len);
    }

    return MLOPS_OK;
}


static int
mlops_table_check_view(const mlops_table_header_t *header, mlops_err_t *err)
{
    size_t  len;

    if (header->shards == 0 || header->shards > MLOPS_SHARDS_MAX
        || header->shard >= header->shards)
    {
        return mlops_err_set(err, "shard: expected 0 to %d of at most %d, "
                             "got %u of %u", MLOPS_SHARDS_MAX - 1,
                             MLOPS_SHARDS_MAX, (unsigned) header->shard,
                             (unsigned) header->shards);
    }

    if (header->clock != MLOPS_CLOCK_WALL
        && header->clock != MLOPS_CLOCK_EVENT)
    {
        return mlops_err_set(err, "clock: expected %d or %d, got %u",
                             MLOPS_CLOCK_WALL, MLOPS_CLOCK_EVENT,
                             (unsigned) header->clock);
    }

    if (header->ttl_us < 0) {
        return mlops_err_set(err, "ttl: expected 0 or more, got %lld us",
                             (long long) header->ttl_us);
    }

    len = strnlen(header->view, sizeof(header->view));

    if (len == 0 || len == sizeof(header->view)
        || !mlops_utf8_valid(header->view, len))
    {
        return mlops_err_set(err, "the name of its view is damaged");
    }

    return MLOPS_OK;
}


static void
mlops_table_take(mlops_table_t *table)
{
    const mlops_table_header_t  *header;

    header = table->header;

    table->index = table->base + header->index_off;
    table->rows = table->base + header->rows_off;
    table->columns_n = header->columns_n;
    table->present_n = mlops_row_words(header->columns_n);
    table->capacity = header->capacity;
    table->buckets_n = header->buckets_n;
    table->row_stride = header->row_stride;
    table->key_size = header->key_size;
    table->key_max = header->key_size - 4;
    table->sets = header->sets;
    table->head_size = (uint32_t) mlops_table_head_size(header->sets);
    table->set_size = header->set_size;
    table->slot_size = header->slot_size;
    table->key_type = (mlops_type_t) header->key_type;
    table->clock = (mlops_view_clock_t) header->clock;
    table->ttl_us = header->ttl_us;
}


/* Values stand in a set without gaps, in order. */

static int
mlops_table_check_columns(mlops_table_t *table, mlops_err_t *err)
{
    uint32_t                     i;
    uint64_t                     off, text_size;
    const mlops_table_column_t  *column;

    table->places = calloc(table->columns_n, sizeof(mlops_table_place_t));

    if (table->places == NULL) {
        return mlops_err_set(err, "out of memory: %u columns",
                             (unsigned) table->columns_n);
    }

    off = table->present_n * 8;
    text_size = 0;

    for (i = 0; i < table->columns_n; i++) {
        column = &table->columns[i];

        if (column->name_len == 0 || column->name_len > sizeof(column->name)
            || memchr(column->name, 0, column->name_len) != NULL
            || !mlops_utf8_valid(column->name, column->name_len))
        {
            return mlops_err_set(err, "the name of column %u is damaged",
                                 (unsigned) i);
        }

        if ((column->type != MLOPS_TYPE_INT64
             && column->type != MLOPS_TYPE_FP64
             && column->type != MLOPS_TYPE_BYTES)
            || (column->type == MLOPS_TYPE_BYTES) != (column->bytes != 0))
        {
            return mlops_err_set(err, "column %u: type %u of %u bytes is "
                                 "none of a table", (unsigned) i,
                                 (unsigned) column->type,
                                 (unsigned) column->bytes);
        }

        if (column->off != off) {
            (void) mlops_table_wrong(err, "offset", off, column->off);
            return mlops_err_prefix(err, "column %u", (unsigned) i);
        }

        table->places[i].word = (uint32_t) (off / 8);
        table->places[i].real = (column->type == MLOPS_TYPE_FP64);
        table->places[i].bytes = column->bytes;

        if (column->bytes != 0) {
            table->strings = 1;
            text_size += mlops_align((uint64_t) column->bytes, 8);
        }

        off += mlops_table_value_size(column->type, column->bytes);

        if (off > table->set_size) {
            break;
        }
    }

    if (off != table->set_size) {
        return mlops_table_wrong(err, "bytes of a set", off,
                                 table->set_size);
    }

    table->text_size = (uint32_t) text_size;

    return MLOPS_OK;
}


static int
mlops_table_wrong(mlops_err_t *err, const char *what, uint64_t expected,
    uint64_t got)
{
    return mlops_err_set(err, "wrong %s: expected %llu, got %llu", what,
                         (unsigned long long) expected,
                         (unsigned long long) got);
}
