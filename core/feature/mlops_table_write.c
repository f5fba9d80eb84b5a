/*
 * Writing rows of a feature table: one thread, no lock, no allocation.
 *
 * Orders that readers and a later writer rely on (mlops_table.h):
 *
 *     an update     slot that is not active, ctl
 *     a new key     key, slot, ctl with live, passed, entry
 *     a removal     ctl without live, entry, passed
 *
 * Every word is stored with release, so they are seen in this order.
 */

#include "mlops_table.h"
#include "mlops_table_map.h"
#include "mlops_file.h"

#include <math.h>


#define MLOPS_TABLE_NONE  UINT32_MAX


/* Where an entry stands, or may stand. */

typedef struct {
    uint32_t   bucket;
    uint32_t   place;                   /* 1 to MLOPS_TABLE_ENTRIES */
    uint32_t   row;
} mlops_table_spot_t;


static uint32_t mlops_table_find(const mlops_table_t *table,
    const mlops_key_t *key, uint64_t hash, mlops_table_spot_t *spot);
static uint32_t mlops_table_known(const mlops_table_t *table,
    const mlops_key_t *key, uint64_t hash, uint32_t hint);
static uint32_t mlops_table_add(mlops_table_t *table, const mlops_key_t *key);
static void mlops_table_enter(mlops_table_t *table, uint64_t hash,
    uint32_t row);
static void mlops_table_write(const mlops_table_t *table, mlops_word_t *words,
    const mlops_table_row_t *row);
static void mlops_table_write_slot(const mlops_table_t *table,
    mlops_word_t *slot, const mlops_table_row_t *row);
static void mlops_table_write_set(const mlops_table_t *table,
    mlops_word_t *set, const mlops_cell_t *cells, const uint64_t *present,
    const char *text);
static void mlops_table_write_text(mlops_word_t *word,
    const mlops_table_place_t *place, const char *text, uint32_t len);
static void mlops_table_count(_Atomic uint64_t *counter, uint64_t n);


int
mlops_table_put(mlops_table_t *table, const mlops_key_t *key, uint64_t hash,
    uint32_t *hint, const mlops_table_row_t *row)
{
    uint32_t  number;

    number = mlops_table_known(table, key, hash, *hint);

    if (number != MLOPS_TABLE_NONE) {
        *hint = number;
        mlops_table_write(table, mlops_table_row(table, number), row);
        return MLOPS_OK;
    }

    number = mlops_table_key_fits(table, key)
             ? mlops_table_add(table, key) : MLOPS_TABLE_NONE;

    *hint = number;

    if (number == MLOPS_TABLE_NONE) {
        return MLOPS_LIMIT;
    }

    mlops_table_write(table, mlops_table_row(table, number), row);
    mlops_fault("table_put_row");
    mlops_table_enter(table, hash, number);
    mlops_table_count(&table->header->rows_n, 1);

    return MLOPS_OK;
}


void
mlops_table_prefetch_put(const mlops_table_t *table, uint32_t hint)
{
    uint32_t     i;
    const char  *row;

    if (hint < table->capacity) {
        row = (const char *) mlops_table_row(table, hint);

        for (i = 0; i < table->row_stride && i < 512; i += 64) {
            __builtin_prefetch(row + i, 1);
        }
    }
}


int
mlops_table_at(const mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, uint32_t *hint, int32_t *partition, int64_t *offset)
{
    const mlops_word_t  *row, *slot;

    *hint = mlops_table_known(table, key, hash, *hint);

    if (*hint == MLOPS_TABLE_NONE) {
        return MLOPS_AGAIN;
    }

    row = mlops_table_row(table, *hint);
    slot = mlops_table_slot(table, row, mlops_word_load(row));

    *partition = (int32_t) mlops_word_load(slot + MLOPS_SLOT_PARTITION);
    *offset = (int64_t) mlops_word_load(slot + MLOPS_SLOT_OFFSET);

    return MLOPS_OK;
}


int
mlops_table_remove(mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, uint32_t hint)
{
    uint32_t             b;
    uint64_t             ctl;
    mlops_word_t        *row, *bucket;
    mlops_table_spot_t   spot;

    (void) hint;        /* the entry is wanted, not the row */

    if (mlops_table_find(table, key, hash, &spot) == MLOPS_TABLE_NONE) {
        return MLOPS_AGAIN;
    }

    row = mlops_table_row(table, spot.row);
    ctl = mlops_word_load(row);

    mlops_fault("table_remove");

    /* the next sequence, neither live nor slot */

    mlops_word_store(row, (ctl | MLOPS_TABLE_LIVE | MLOPS_TABLE_SLOT) + 1);

    mlops_fault("table_remove_row");

    mlops_word_store(mlops_table_bucket(table, spot.bucket) + spot.place, 0);

    mlops_fault("table_remove_entry");

    for (b = mlops_table_home(table, hash); b != spot.bucket;
         b = mlops_table_after(table, b))
    {
        bucket = mlops_table_bucket(table, b);
        mlops_word_store(bucket, mlops_word_load(bucket) - 1);
        mlops_fault("table_remove_passed");
    }

    table->free_rows[table->free_n++] = spot.row;
    mlops_table_count(&table->header->rows_n, (uint64_t) -1);

    return MLOPS_OK;
}


/* The row of a key and the place of its entry; MLOPS_TABLE_NONE. */

static uint32_t
mlops_table_find(const mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, mlops_table_spot_t *spot)
{
    uint32_t             b, i, n, row;
    uint64_t             entry;
    const mlops_word_t  *bucket;

    if (!mlops_table_key_fits(table, key)) {
        return MLOPS_TABLE_NONE;
    }

    b = mlops_table_home(table, hash);

    for (n = 0; n < table->buckets_n; n++) {
        bucket = mlops_table_bucket(table, b);

        for (i = 1; i <= MLOPS_TABLE_ENTRIES; i++) {
            entry = mlops_word_load(bucket + i);
            row = (uint32_t) entry - 1;

            if (entry >> 32 == hash >> 32 && row < table->capacity
                && mlops_table_key_is(table, mlops_table_row(table, row),
                                      key))
            {
                spot->bucket = b;
                spot->place = i;
                spot->row = row;
                return row;
            }
        }

        if (mlops_word_load(bucket) == 0) {
            break;
        }

        b = mlops_table_after(table, b);
    }

    return MLOPS_TABLE_NONE;
}


/* The same, by the hint where it is right. */

static uint32_t
mlops_table_known(const mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, uint32_t hint)
{
    mlops_table_spot_t   spot;
    const mlops_word_t  *row;

    if (hint < table->capacity && mlops_table_key_fits(table, key)) {
        row = mlops_table_row(table, hint);

        if ((mlops_word_load(row) & MLOPS_TABLE_LIVE)
            && mlops_table_key_is(table, row, key))
        {
            return hint;
        }
    }

    return mlops_table_find(table, key, hash, &spot);
}


/* Takes a row that is not live and gives it the key. */

static uint32_t
mlops_table_add(mlops_table_t *table, const mlops_key_t *key)
{
    uint32_t       i, n, number;
    mlops_word_t  *row;

    if (table->free_n != 0) {
        number = table->free_rows[--table->free_n];

    } else if (table->fresh < table->capacity) {
        number = table->fresh++;

    } else {
        return MLOPS_TABLE_NONE;
    }

    row = mlops_table_row(table, number);
    n = table->key_size / 8;

    for (i = 0; i < n; i++) {
        mlops_word_store(row + 1 + i,
                         mlops_key_word(table->key_type, key, i));
        mlops_fault("table_put_key");
    }

    return number;
}


static void
mlops_table_enter(mlops_table_t *table, uint64_t hash, uint32_t row)
{
    uint32_t       b, home, i;
    mlops_word_t  *bucket;

    home = mlops_table_home(table, hash);

    /* there are more entries than rows */

    for (b = home, i = 1; /* void */ ; i++) {

        if (i > MLOPS_TABLE_ENTRIES) {
            b = mlops_table_after(table, b);
            i = 1;
        }

        if (mlops_word_load(mlops_table_bucket(table, b) + i) == 0) {
            break;
        }
    }

    for ( /* void */ ; home != b; home = mlops_table_after(table, home)) {
        bucket = mlops_table_bucket(table, home);
        mlops_word_store(bucket, mlops_word_load(bucket) + 1);
        mlops_fault("table_put_passed");
    }

    mlops_word_store(mlops_table_bucket(table, b) + i,
                     (hash >> 32) << 32 | (row + 1));

    mlops_fault("table_put_entry");
}


static void
mlops_table_write(const mlops_table_t *table, mlops_word_t *words,
    const mlops_table_row_t *row)
{
    uint64_t  ctl, slot;

    ctl = mlops_word_load(words);
    slot = (ctl & MLOPS_TABLE_SLOT) ^ MLOPS_TABLE_SLOT;

    mlops_table_write_slot(table, (mlops_word_t *)
                                  mlops_table_slot(table, words, slot), row);

    mlops_fault("table_put_slot");

    /* the next sequence; its partner is the load in mlops_table_copy_row */

    mlops_word_store(words, (ctl | MLOPS_TABLE_LIVE | MLOPS_TABLE_SLOT) + 1
                            + MLOPS_TABLE_LIVE + slot);

    mlops_fault("table_put_ctl");
}


static void
mlops_table_write_slot(const mlops_table_t *table, mlops_word_t *slot,
    const mlops_table_row_t *row)
{
    mlops_word_t  *set;

    mlops_word_store(slot + MLOPS_SLOT_EVENT, (uint64_t) row->event_us);
    mlops_word_store(slot + MLOPS_SLOT_OFFSET, (uint64_t) row->offset);
    mlops_word_store(slot + MLOPS_SLOT_PARTITION, (uint32_t) row->partition);
    mlops_word_store(slot + MLOPS_SLOT_VALID, (uint64_t) row->valid_us);

    if (table->sets == 2) {
        mlops_word_store(slot + MLOPS_SLOT_SWITCH, (uint64_t) row->switch_us);
    }

    mlops_fault("table_put_head");

    set = (mlops_word_t *) mlops_table_set(table, slot, 0);
    mlops_table_write_set(table, set, row->cells, row->present, row->text);

    if (table->sets == 2) {
        set = (mlops_word_t *) mlops_table_set(table, slot, 1);
        mlops_table_write_set(table, set, row->cells + table->columns_n,
                              row->present + table->present_n, row->text);
    }
}


/* A missing double is NaN, as everywhere; other missing values are 0. */

static void
mlops_table_write_set(const mlops_table_t *table, mlops_word_t *set,
    const mlops_cell_t *cells, const uint64_t *present, const char *text)
{
    uint32_t                    i;
    mlops_cell_t                cell;
    const mlops_table_place_t  *place;

    for (i = 0; i < table->present_n; i++) {
        mlops_word_store(set + i, present[i]);
    }

    for (i = 0; i < table->columns_n; i++) {
        place = &table->places[i];
        cell = cells[i];

        if (!mlops_bit(present, i)) {
            cell.u = 0;

            if (place->real) {
                cell.f = NAN;
            }
        }

        if (place->bytes != 0) {
            mlops_table_write_text(set + place->word, place,
                                   cell.s.len != 0 ? text + cell.s.off : NULL,
                                   cell.s.len);

        } else {
            mlops_word_store(set + place->word, cell.u);
        }

        mlops_fault("table_put_value");
    }
}


static void
mlops_table_write_text(mlops_word_t *word, const mlops_table_place_t *place,
    const char *text, uint32_t len)
{
    uint32_t  i;
    uint64_t  bytes;

    if (len > place->bytes) {
        len = place->bytes;
    }

    mlops_word_store(word, len);

    for (i = 0; i < len; i += 8) {
        bytes = 0;
        memcpy(&bytes, text + i, len - i < 8 ? len - i : 8);
        mlops_word_store(++word, bytes);
    }
}


void
mlops_table_set_partition(mlops_table_t *table, uint32_t partition,
    int64_t offset, int64_t clock_us, int owned)
{
    mlops_table_partition_t  *p;

    p = (mlops_table_partition_t *) mlops_table_partition(table, partition);

    if (p == NULL) {
        return;
    }

    /* their partner is the load of mlops_table_time; the clock comes last: it
     * says that rows and offset are as new */

    atomic_store_explicit(&p->owned, owned != 0, memory_order_release);
    atomic_store_explicit(&p->offset, offset, memory_order_release);
    atomic_store_explicit(&p->clock_us, clock_us, memory_order_release);
}


void
mlops_table_disown(mlops_table_t *table, uint32_t partition)
{
    mlops_table_partition_t  *p;

    p = (mlops_table_partition_t *) mlops_table_partition(table, partition);

    if (p != NULL) {
        atomic_store_explicit(&p->owned, 0, memory_order_release);
    }
}


void
mlops_table_set_warm(mlops_table_t *table, uint32_t column, int64_t warm_us)
{
    if (column < table->columns_n) {
        atomic_store_explicit(&table->columns[column].warm_us, warm_us,
                              memory_order_release);
    }
}


void
mlops_table_beat(mlops_table_t *table, int64_t wall_us)
{
    atomic_store_explicit(&table->header->beat_us, wall_us,
                          memory_order_release);
}


void
mlops_table_evicted(mlops_table_t *table, uint64_t n)
{
    mlops_table_count(&table->header->evicted, n);
}


void
mlops_table_set_clean(mlops_table_t *table, int clean)
{
    atomic_store_explicit(&table->header->clean, clean != 0,
                          memory_order_release);
}


/* There is one writer: no exchange is needed. */

static void
mlops_table_count(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter,
                          atomic_load_explicit(counter, memory_order_relaxed)
                          + n, memory_order_release);
}
