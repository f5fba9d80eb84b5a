/*
 * The feature table: finished values of one view and shard, by entity, in
 * shared memory.  One writer thread; any number of readers in other
 * processes, which never wait, never lock and never write.
 *
 * A table is one file in features/ of the store,
 *
 *     <view>.<definition hash, 16 hex digits>.<shard>
 *
 * fallocated before it is mapped, little-endian, of offsets from its start:
 *
 *     0      header            4096 bytes, mlops_table_header_t
 *     4096   partitions        MLOPS_PARTITIONS_MAX x 32 bytes,
 *                              mlops_table_partition_t
 *     …      columns           columns_n x 192 bytes, mlops_table_column_t
 *     …      index             buckets_n x 64 bytes, at a multiple of 4096
 *     …      rows              capacity x row_stride bytes, the same
 *
 * A bucket of the index:
 *
 *     0    8    passed: how many keys whose home is this bucket, or one from
 *               which the search came here, stand in a later one
 *     8    7*8  entries: 0, or tag (high 32 bits) << 32 | (row number + 1);
 *               the tag is the high half of the key's hash
 *
 * The home of a key is bucket (low half of its hash * buckets_n) >> 32.  A
 * search looks at all seven entries, and goes on to the next bucket (the
 * first one follows the last) only where passed is not 0.  So a removed
 * entry is simply 0 again: nothing piles up however many entities come and
 * go.  To add a key the writer raises passed of the full buckets first, then
 * stores the entry; to remove one it clears the entry first.  Entries never
 * move.
 *
 * A row, row_stride bytes, a multiple of 8:
 *
 *     0    8         ctl: sequence << 2 | live << 1 | active slot
 *     8    key_size  int64, or u32 length and bytes padded with zeros
 *     …    slot_size slot 0
 *     …    slot_size slot 1
 *
 * A slot:
 *
 *     0    8      event time of the entity's newest event, us
 *     8    8      offset of its last event
 *     16   4      partition of it, -1 where it came from no topic
 *     20   4      flags, 0
 *     24   8      valid_until: from this time on the values are STALE;
 *                 INT64_MAX: never
 *     32   8      only where sets is 2: switch_at, from this time on the
 *                 second set holds
 *     …    …      set 0: presence words, then 8 bytes a column; a string
 *                 column has 8 + its bytes padded to 8: u64 length, bytes
 *     …    …      set 1, where sets is 2
 *
 * The writer fills the slot that is not active, word by word with release
 * stores, then stores ctl (release) with the sequence raised by one.  A
 * reader loads ctl (acquire), compares the key and copies the active slot
 * word by word with acquire loads, loads ctl again, and takes the copy only
 * where ctl is the same.  Had it read a word of a later update, that
 * acquire load would have made the ctl store before that update visible, and
 * the second load of ctl differs.  So no fences are needed, and a writer that
 * is killed anywhere leaves the active slot whole.  The sequence is never set
 * back, not even when a row changes hands: to remove a row the writer stores
 * ctl without live, then clears the index entry; to use it again it stores
 * the key and a slot, then ctl with live, and the index entry last.  A reader
 * that holds an old entry sees live missing, another key, or another ctl.
 * t/spin/table.pml is a model of this.
 *
 * A writer that dies leaves at worst a row without an entry, an entry of a
 * row that is not live, or a passed that is too high.  None of them misleads
 * a reader; attaching finds and repairs them.
 *
 * Tables grow by a new file: it is made under a temporary name, filled, and
 * renamed over the old one, whose header says superseded from just before
 * that on (after it, a writer that is killed in between would leave readers
 * with the old file for ever; attaching takes the word back).  A reader that
 * sees it opens the name again, and stays with what it has where that is the
 * same file.  A reader holds a shared OFD lock on byte 0 of the file it has
 * mapped, and looks at the name again once it has it; the writer feeds an
 * old table until nobody holds one.  A definition's last file is removed by
 * its name before the writer lets go of it, for the same reason.  The writer
 * itself holds an exclusive OFD lock on byte 1: a table has one writer.
 *
 * Trust: what the header says is checked against the file's length once, when
 * it is mapped, and what is read later (row numbers, lengths of strings) is
 * kept within those bounds.  A file that is cut while it is mapped kills its
 * reader with SIGBUS; whoever could do that is the sidecars' account or root,
 * and is trusted not to, as with images.
 */

#ifndef MLOPS_TABLE_H
#define MLOPS_TABLE_H


#include "mlops_base.h"
#include "mlops_row.h"
#include "mlops_file.h"
#include "mlops_plan_view.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>


#define MLOPS_TABLE_MAGIC   "mlopsftb"
#define MLOPS_TABLE_ABI     1

#define MLOPS_TABLE_ENTRIES  7          /* of a bucket */

#define MLOPS_TABLE_NAME_SIZE  (64 + 1 + 16 + 1 + 5 + 1)


/*
 * The header's first part is fixed at birth and covered by checksum; what
 * follows is live and written with release stores by the writer alone.
 *
 *     0    8   magic
 *     8    4   abi
 *     12   4   header_len: where the index begins
 *     16   8   file_len
 *     24   8   checksum: XXH3-64 of bytes [32, 256) and of the first 152
 *              bytes of each column
 *     32   8   definition: the view's hash
 *     40   8   base: the view's base_hash
 *     48   4   shard        52  4  shards
 *     56   4   clock: mlops_view_clock_t
 *     60   4   key_type: MLOPS_TYPE_INT64 or MLOPS_TYPE_BYTES
 *     64   4   key_size     68  4  columns_n
 *     72   4   sets         76  4  set_size
 *     80   4   slot_size    84  4  row_stride
 *     88   4   capacity     92  4  buckets_n
 *     96   8   ttl_us, 0: none
 *     104  8   index_off    112 8  rows_off
 *     120  65  view, NUL-terminated
 *     …    256 zero
 *     256  8   superseded: 1 where another file has its place, or is about to
 *     264  8   rows_n: live rows
 *     272  8   evicted: rows given up for room, since birth
 *     280  8   writer_pid
 *     288  8   beat_us: the writer's wall clock, each second at least
 *     296  8   clean: 1 where the writer left in peace
 *     304  …   zero
 */

typedef struct {
    char              magic[8];
    uint32_t          abi;
    uint32_t          header_len;
    uint64_t          file_len;
    uint64_t          checksum;
    uint64_t          definition;
    uint64_t          base;
    uint32_t          shard;
    uint32_t          shards;
    uint32_t          clock;
    uint32_t          key_type;
    uint32_t          key_size;
    uint32_t          columns_n;
    uint32_t          sets;
    uint32_t          set_size;
    uint32_t          slot_size;
    uint32_t          row_stride;
    uint32_t          capacity;
    uint32_t          buckets_n;
    int64_t           ttl_us;
    uint64_t          index_off;
    uint64_t          rows_off;
    char              view[65];
    char              pad[71];
    _Atomic uint64_t  superseded;
    _Atomic uint64_t  rows_n;
    _Atomic uint64_t  evicted;
    _Atomic uint64_t  writer_pid;
    _Atomic int64_t   beat_us;
    _Atomic uint64_t  clean;
} mlops_table_header_t;

_Static_assert(offsetof(mlops_table_header_t, superseded) == 256,
               "the layout of a table's header");


/* What has been applied of a partition; offset -1: nothing. */

typedef struct {
    _Atomic int64_t   offset;           /* applied up to and with this */
    _Atomic int64_t   clock_us;         /* q: the partition's max ts + a tick;
                                           INT64_MIN: no event yet */
    _Atomic uint64_t  owned;            /* 1: this writer follows it */
    uint64_t          pad;
} mlops_table_partition_t;


/* 192 bytes; warm_us is live. */

typedef struct {
    char              name[128];
    uint64_t          hash;             /* the feature's */
    uint32_t          type;             /* mlops_type_t */
    uint32_t          off;              /* of its value in a set */
    uint32_t          bytes;            /* longest string; 0 for numbers */
    uint32_t          name_len;
    _Atomic int64_t   warm_us;          /* WARMING before this time; INT64_MIN:
                                           complete, INT64_MAX: until it is
                                           known */
    char              pad[32];
} mlops_table_column_t;

_Static_assert(sizeof(mlops_table_column_t) == 192
               && offsetof(mlops_table_column_t, warm_us) == 152,
               "the layout of a table's column");


/* An entity: number where key_type is INT64, text otherwise. */

typedef struct {
    int64_t      number;
    mlops_str_t  text;
} mlops_key_t;

/* XXH3-64 of the 8 bytes of number or of the text.  Its value decides the
 * shard, (hash >> 32) * shards >> 32, and so is part of the format. */
uint64_t mlops_key_hash(mlops_type_t type, const mlops_key_t *key);


static inline uint32_t
mlops_key_shard(uint64_t hash, uint32_t shards)
{
    return (uint32_t) (((hash >> 32) * shards) >> 32);
}


/* Reads a key from text: a decimal int64, or the text itself of at most
 * max bytes and at least one. */
int mlops_key_parse(mlops_type_t type, const mlops_str_t *text, uint32_t max,
    mlops_key_t *key, mlops_err_t *err);


/* Bytes of one entity: row and its share of the index (fits
 * mlops_plan_view_t.row_bytes), and of a whole file of that capacity. */
uint32_t mlops_table_bytes(const mlops_plan_view_t *view);
uint64_t mlops_table_file_bytes(const mlops_plan_view_t *view,
    uint32_t capacity);

/* "<view>.<hash>.<shard>" */
void mlops_table_name(const mlops_plan_view_t *view, uint32_t shard,
    char name[MLOPS_TABLE_NAME_SIZE]);


/*
 * A row outside of the table: what a writer puts and a reader gets.  cells
 * has columns_n cells for each set, present mlops_row_words(columns_n) words
 * for each set; string cells point into text.
 */

typedef struct {
    int64_t        event_us;
    int64_t        offset;
    int32_t        partition;
    int64_t        switch_us;
    int64_t        valid_us;
    mlops_cell_t  *cells;
    uint64_t      *present;
    const char    *text;
} mlops_table_row_t;


typedef struct mlops_table_s  mlops_table_t;    /* a mapping, reader's or
                                                   writer's */


/* ---- the reader ---- */

/*
 * Maps features/<name> of the store's features directory and takes the
 * reader's lock.  Everything in the header is checked against the file's
 * length before it is trusted; owner is checked as for models (root, us or
 * uid).  NULL: err, and errno ENOENT where there is no such file.
 */
mlops_table_t *mlops_table_open(int features, const char *name, uid_t uid,
    mlops_err_t *err);
void mlops_table_close(mlops_table_t *table);
/* Closes it, but leaves the mapping to the caller, who takes it down in parts
 * (mlops_file_unmap): that of some hundred MB takes milliseconds. */
void mlops_table_detach(mlops_table_t *table, mlops_map_file_t *map);

const mlops_table_header_t *mlops_table_header(const mlops_table_t *table);
const mlops_table_column_t *mlops_table_columns(const mlops_table_t *table);
const mlops_table_partition_t *mlops_table_partition(
    const mlops_table_t *table, uint32_t partition);

static inline int
mlops_table_superseded(const mlops_table_header_t *header)
{
    return atomic_load_explicit(&((mlops_table_header_t *) header)
                                ->superseded, memory_order_acquire) != 0;
}


/* Decided at reading, one for each column of a row. */

typedef enum {
    MLOPS_STATUS_PRESENT = 0,
    MLOPS_STATUS_NULL_VALUE,        /* the feature has no value */
    MLOPS_STATUS_NOT_FOUND,         /* no such entity */
    MLOPS_STATUS_OUTSIDE_MAX_AGE,   /* its newest event is older than the ttl
                                       or the join's max_age */
    MLOPS_STATUS_STALE,             /* the worker is behind: past its
                                       valid_until */
    MLOPS_STATUS_WARMING            /* the feature has not yet seen all of
                                       its window */
} mlops_status_t;

/* "PRESENT" and so on. */
const char *mlops_status_name(mlops_status_t status);


/*
 * Finds the entity and copies the set that holds at the reader's time: for
 * MLOPS_CLOCK_EVENT the clock of the row's partition, for MLOPS_CLOCK_WALL
 * now_us, or as_of in place of both unless it is INT64_MIN.  cells and
 * present have room for one set; string cells point into text, which has room
 * for mlops_table_text_size(); *found has the row's times.
 *
 * A row of no partition, or of one whose clock is not known yet, is read at
 * now_us where the clock is the wall's, and at its own event time otherwise.
 *
 *     MLOPS_OK      a row
 *     MLOPS_AGAIN   there is none (or retries were exhausted: the writer was
 *                   faster MLOPS_TABLE_RETRIES times)
 *
 * Statuses follow by mlops_table_status.
 */

#define MLOPS_TABLE_RETRIES  16

typedef struct {
    int64_t   now_us;               /* the reader's time, whichever clock */
    int64_t   event_us;
    int64_t   valid_us;
    int64_t   offset;
    int32_t   partition;
} mlops_table_found_t;

/*
 * For several keys at once: what a get is going to touch is asked for while
 * other work goes on.  First mlops_table_prefetch of all keys, then
 * mlops_table_prefetch_row, then the gets.  Hints, nothing more.
 */
void mlops_table_prefetch(const mlops_table_t *table, uint64_t hash);
void mlops_table_prefetch_row(const mlops_table_t *table, uint64_t hash);

int mlops_table_get(const mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, int64_t now_us, int64_t as_of, mlops_cell_t *cells,
    uint64_t *present, char *text, mlops_table_found_t *found);
size_t mlops_table_text_size(const mlops_table_t *table);

/* Of one column of a row that was found; max_age_us 0 is none.  NULL_VALUE
 * wins over nothing else: the order is OUTSIDE_MAX_AGE, WARMING, STALE,
 * NULL_VALUE, PRESENT. */
mlops_status_t mlops_table_status(const mlops_table_t *table,
    const mlops_table_found_t *found, const uint64_t *present,
    uint32_t column, int64_t max_age_us);

/* All rows, by number: MLOPS_OK a row (its key's text is put behind the
 * strings in text), MLOPS_AGAIN none at *cursor, MLOPS_LIMIT the end.
 * *cursor starts at 0 and is raised. */
int mlops_table_next(const mlops_table_t *table, uint32_t *cursor,
    int64_t now_us, int64_t as_of, mlops_key_t *key, mlops_cell_t *cells,
    uint64_t *present, char *text, mlops_table_found_t *found);


/* ---- the writer: one thread a table ---- */

/*
 * Makes a table under a temporary name (left in tmp) with room for capacity
 * entities.  NULL: err names the bytes needed where the store is full, and
 * nothing is left behind.  mlops_table_commit gives it its name; an older
 * file of that name says superseded then.
 */
mlops_table_t *mlops_table_create(int features, const mlops_plan_view_t *view,
    uint32_t shard, uint32_t capacity, uid_t uid, gid_t gid, char tmp[],
    mlops_err_t *err);
int mlops_table_commit(mlops_table_t *table, const char *tmp,
    mlops_err_t *err);

/* Maps a table that an earlier writer left, for writing: its definition has
 * to be the view's.  Rows without an entry are freed, entries of dead rows
 * removed.  NULL: err, errno ENOENT where there is none, EAGAIN where another
 * writer (of this process, too) has not closed it. */
mlops_table_t *mlops_table_attach(int features, const mlops_plan_view_t *view,
    uint32_t shard, mlops_err_t *err);

/* Is there a reader's lock on this mapping's file?  (Unclear counts as
 * yes.) */
int mlops_table_read(const mlops_table_t *table);

/*
 * Puts the finished values of an entity.  *hint is the row's number where the
 * caller has kept it (it is checked), or UINT32_MAX; it is set.  MLOPS_OK;
 * MLOPS_LIMIT: a new entity, and all rows are taken.
 */
int mlops_table_put(mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, uint32_t *hint, const mlops_table_row_t *row);
/* Asks for the row that a put with this hint is going to touch. */
void mlops_table_prefetch_put(const mlops_table_t *table, uint32_t hint);
/* {partition, offset} of the entity's row, without its values.  MLOPS_OK,
 * MLOPS_AGAIN. */
int mlops_table_at(const mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, uint32_t *hint, int32_t *partition, int64_t *offset);
/* MLOPS_OK, or MLOPS_AGAIN: there was none. */
int mlops_table_remove(mlops_table_t *table, const mlops_key_t *key,
    uint64_t hash, uint32_t hint);

/* Live parts of the header. */
void mlops_table_set_partition(mlops_table_t *table, uint32_t partition,
    int64_t offset, int64_t clock_us, int owned);
/* What the writer before followed, offset and clock kept. */
void mlops_table_disown(mlops_table_t *table, uint32_t partition);
void mlops_table_set_warm(mlops_table_t *table, uint32_t column,
    int64_t warm_us);
void mlops_table_beat(mlops_table_t *table, int64_t wall_us);
void mlops_table_evicted(mlops_table_t *table, uint64_t n);
void mlops_table_set_clean(mlops_table_t *table, int clean);


#endif /* MLOPS_TABLE_H */
