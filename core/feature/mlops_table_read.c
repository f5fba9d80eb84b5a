/*
 * Reading a feature table: find, copy, judge.
 *
 * A copy is tried at most MLOPS_TABLE_RETRIES times; a search sees each
 * bucket at most once.  So a reader is done in bounded time whatever the
 * writer does, or whatever is in a damaged file.
 */

#include "mlops_table.h"
#include "mlops_table_map.h"


#define MLOPS_TABLE_LINE  64


/* Where a copy goes to. */

typedef struct {
    int64_t                now_us;
    int64_t                as_of;
    mlops_cell_t          *cells;
    uint64_t              *present;
    char                  *text;
    mlops_table_found_t   *found;
} mlops_table_copy_t;


static int mlops_table_copy_row(const mlops_table_t *table,
    const mlops_word_t *row, const mlops_key_t *key,
    const mlops_table_copy_t *copy);
static void mlops_table_copy_slot(const mlops_table_t *table,
    const mlops_word_t *slot, const mlops_table_copy_t *copy);
static void mlops_table_copy_strings(const mlops_table_t *table,
    const mlops_word_t *set, mlops_cell_t *cells, char *text);
static uint32_t mlops_table_copy_text(const mlops_word_t *word,
    uint32_t max, char *text);
static int64_t mlops_table_time(const mlops_table_t *table,
    const mlops_table_copy_t *copy);
static void mlops_table_copy_key(const mlops_table_t *table,
    const mlops_word_t *row, mlops_key_t *key, char *text);
static void mlops_table_ask(const mlops_table_t *table,
    const mlops_word_t *row);


int
mlops_table_get(const mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, int64_t now_us, int64_t as_of, mlops_cell_t *cells,
    uint64_t *present, char *text, mlops_table_found_t *found)
{
    uint32_t             b, i, n, row;
    uint64_t             entry;
    mlops_table_copy_t   copy;
    const mlops_word_t  *bucket;

    if (mlops_unlikely(!mlops_table_key_fits(table, key))) {
        return MLOPS_AGAIN;
    }

    copy.now_us = now_us;
    copy.as_of = as_of;
    copy.cells = cells;
    copy.present = present;
    copy.text = text;
    copy.found = found;

    b = mlops_table_home(table, hash);

    for (n = 0; n < table->buckets_n; n++) {
        bucket = mlops_table_bucket(table, b);

        for (i = 1; i <= MLOPS_TABLE_ENTRIES; i++) {
            entry = mlops_word_load(bucket + i);
            row = (uint32_t) entry - 1;

            if (entry >> 32 == hash >> 32 && row < table->capacity
                && mlops_table_copy_row(table, mlops_table_row(table, row),
                                        key, &copy)
                   == MLOPS_OK)
            {
                return MLOPS_OK;
            }
        }

        if (mlops_word_load(bucket) == 0) {
            break;
        }

        b = mlops_table_after(table, b);
    }

    return MLOPS_AGAIN;
}


void
mlops_table_prefetch(const mlops_table_t *table, uint64_t hash)
{
    __builtin_prefetch(mlops_table_bucket(table,
                                          mlops_table_home(table, hash)));
}


void
mlops_table_prefetch_row(const mlops_table_t *table, uint64_t hash)
{
    uint32_t             i, row;
    uint64_t             entry;
    const mlops_word_t  *bucket;

    bucket = mlops_table_bucket(table, mlops_table_home(table, hash));

    for (i = 1; i <= MLOPS_TABLE_ENTRIES; i++) {
        entry = mlops_word_load(bucket + i);
        row = (uint32_t) entry - 1;

        if (entry >> 32 == hash >> 32 && row < table->capacity) {
            mlops_table_ask(table, mlops_table_row(table, row));
        }
    }
}


/* MLOPS_AGAIN: it is not live, another key's, or never at rest. */

static int
mlops_table_copy_row(const mlops_table_t *table, const mlops_word_t *row,
    const mlops_key_t *key, const mlops_table_copy_t *copy)
{
    uint32_t  i;
    uint64_t  ctl;

    mlops_table_ask(table, row);

    for (i = 0; i < MLOPS_TABLE_RETRIES; i++) {

        /* its partner is the store of mlops_table_write */

        ctl = mlops_word_load(row);

        if (!(ctl & MLOPS_TABLE_LIVE)
            || (key != NULL && !mlops_table_key_is(table, row, key)))
        {
            return MLOPS_AGAIN;
        }

        mlops_table_copy_slot(table, mlops_table_slot(table, row, ctl), copy);

        if (mlops_likely(mlops_word_load(row) == ctl)) {
            return MLOPS_OK;
        }
    }

    return MLOPS_AGAIN;
}


static void
mlops_table_copy_slot(const mlops_table_t *table, const mlops_word_t *slot,
    const mlops_table_copy_t *copy)
{
    uint32_t              i, n, second;
    uint64_t             *present;
    mlops_cell_t         *cells;
    const mlops_word_t   *set;
    mlops_table_found_t  *found;

    found = copy->found;

    found->event_us = (int64_t) mlops_word_load(slot + MLOPS_SLOT_EVENT);
    found->offset = (int64_t) mlops_word_load(slot + MLOPS_SLOT_OFFSET);
    found->partition = (int32_t) mlops_word_load(slot + MLOPS_SLOT_PARTITION);
    found->valid_us = (int64_t) mlops_word_load(slot + MLOPS_SLOT_VALID);
    found->now_us = mlops_table_time(table, copy);

    second = (table->sets == 2
              && found->now_us
                 >= (int64_t) mlops_word_load(slot + MLOPS_SLOT_SWITCH));

    set = mlops_table_set(table, slot, second);

    /* no compiler moves a plain load up past an acquire: what the loops need
     * is taken out of them here */

    n = table->present_n;
    present = copy->present;
    cells = copy->cells;

    for (i = 0; i < n; i++) {
        present[i] = mlops_word_load(set + i);
    }

    if (table->strings) {
        mlops_table_copy_strings(table, set, cells, copy->text);
        return;
    }

    set += n;
    n = table->columns_n;

    for (i = 0; i + 4 <= n; i += 4) {
        cells[i].u = mlops_word_load(set + i);
        cells[i + 1].u = mlops_word_load(set + i + 1);
        cells[i + 2].u = mlops_word_load(set + i + 2);
        cells[i + 3].u = mlops_word_load(set + i + 3);
    }

    for ( /* void */ ; i < n; i++) {
        cells[i].u = mlops_word_load(set + i);
    }
}


static void
mlops_table_copy_strings(const mlops_table_t *table, const mlops_word_t *set,
    mlops_cell_t *cells, char *text)
{
    uint32_t                    i, off, len;
    const mlops_word_t         *word;
    const mlops_table_place_t  *place;

    off = 0;

    for (i = 0; i < table->columns_n; i++) {
        place = &table->places[i];
        word = set + place->word;

        if (place->bytes == 0) {
            cells[i].u = mlops_word_load(word);
            continue;
        }

        len = mlops_table_copy_text(word, place->bytes, text + off);

        cells[i].s.off = off;
        cells[i].s.len = len;

        off += len;
    }
}


/* Whole words are written: there is room for each text padded to 8.  A
 * length that is being written, or damaged, is kept within max. */

static uint32_t
mlops_table_copy_text(const mlops_word_t *word, uint32_t max, char *text)
{
    uint32_t  i;
    uint64_t  len, bytes;

    len = mlops_word_load(word);

    if (len > max) {
        len = max;
    }

    for (i = 0; i < len; i += 8) {
        bytes = mlops_word_load(++word);
        memcpy(text + i, &bytes, 8);
    }

    return (uint32_t) len;
}


/* The reader's time: found has the row's. */

static int64_t
mlops_table_time(const mlops_table_t *table, const mlops_table_copy_t *copy)
{
    int64_t                         clock_us;
    mlops_table_found_t            *found;
    const mlops_table_partition_t  *partition;

    if (copy->as_of != INT64_MIN) {
        return copy->as_of;
    }

    if (table->clock == MLOPS_CLOCK_WALL) {
        return copy->now_us;
    }

    found = copy->found;
    partition = mlops_table_partition(table, (uint32_t) found->partition);

    if (partition == NULL) {
        return found->event_us;
    }

    /* its partner is the store of mlops_table_set_partition, which comes
     * after the rows that this clock belongs to */

    clock_us = atomic_load_explicit(&((mlops_table_partition_t *) partition)
                                    ->clock_us, memory_order_acquire);

    return (clock_us != INT64_MIN) ? clock_us : found->event_us;
}


mlops_status_t
mlops_table_status(const mlops_table_t *table,
    const mlops_table_found_t *found, const uint64_t *present,
    uint32_t column, int64_t max_age_us)
{
    int64_t  age_us, warm_us;

    if (table->ttl_us != 0
        && (max_age_us == 0 || table->ttl_us < max_age_us))
    {
        max_age_us = table->ttl_us;
    }

    if (max_age_us != 0) {

        if (__builtin_sub_overflow(found->now_us, found->event_us, &age_us)) {
            age_us = found->now_us < 0 ? INT64_MIN : INT64_MAX;
        }

        if (age_us > max_age_us) {
            return MLOPS_STATUS_OUTSIDE_MAX_AGE;
        }
    }

    /* its partner is the store of mlops_table_set_warm */

    warm_us = atomic_load_explicit(&table->columns[column].warm_us,
                                   memory_order_acquire);

    if (found->now_us < warm_us) {
        return MLOPS_STATUS_WARMING;
    }

    if (found->now_us >= found->valid_us && found->valid_us != INT64_MAX) {
        return MLOPS_STATUS_STALE;
    }

    return mlops_bit(present, column) ? MLOPS_STATUS_PRESENT
                                      : MLOPS_STATUS_NULL_VALUE;
}


int
mlops_table_next(const mlops_table_t *table, uint32_t *cursor,
    int64_t now_us, int64_t as_of, mlops_key_t *key, mlops_cell_t *cells,
    uint64_t *present, char *text, mlops_table_found_t *found)
{
    uint32_t             i;
    uint64_t             ctl;
    mlops_table_copy_t   copy;
    const mlops_word_t  *row;

    if (*cursor >= table->capacity) {
        return MLOPS_LIMIT;
    }

    copy.now_us = now_us;
    copy.as_of = as_of;
    copy.cells = cells;
    copy.present = present;
    copy.text = text;
    copy.found = found;

    row = mlops_table_row(table, (*cursor)++);

    for (i = 0; i < MLOPS_TABLE_RETRIES; i++) {
        ctl = mlops_word_load(row);

        if (!(ctl & MLOPS_TABLE_LIVE)) {
            return MLOPS_AGAIN;
        }

        mlops_table_copy_key(table, row, key, text + table->text_size);
        mlops_table_copy_slot(table, mlops_table_slot(table, row, ctl),
                              &copy);

        if (mlops_word_load(row) == ctl) {
            return MLOPS_OK;
        }
    }

    return MLOPS_AGAIN;
}


static void
mlops_table_copy_key(const mlops_table_t *table, const mlops_word_t *row,
    mlops_key_t *key, char *text)
{
    uint32_t  i, len;
    uint64_t  word;

    key->number = 0;
    key->text.data = text;
    key->text.len = 0;

    word = mlops_word_load(row + 1);

    if (table->key_type == MLOPS_TYPE_INT64) {
        key->number = (int64_t) word;
        return;
    }

    len = (uint32_t) word;

    if (len > table->key_max) {
        len = table->key_max;
    }

    key->text.len = len;

    memcpy(text, (char *) &word + 4, 4);

    for (i = 4; i < len; i += 8) {
        word = mlops_word_load(row + 2 + (i - 4) / 8);
        memcpy(text + i, &word, 8);
    }
}


/* Both slots: which one is active is known only when ctl is there, a whole
 * trip to memory later. */

static void
mlops_table_ask(const mlops_table_t *table, const mlops_word_t *row)
{
    uint32_t     i, n;
    const char  *p;

    p = (const char *) row;
    n = table->row_stride < 1024 ? table->row_stride : 1024;

    for (i = 0; i < n; i += MLOPS_TABLE_LINE) {
        __builtin_prefetch(p + i);
    }
}
