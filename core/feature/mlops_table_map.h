/*
 * What the files of the table share: its geometry, a mapping, and the loads
 * and stores of words.  Private to core/feature.
 */

#ifndef MLOPS_TABLE_MAP_H
#define MLOPS_TABLE_MAP_H


#include "mlops_table.h"

#include <sys/types.h>


#define MLOPS_TABLE_HEADER_SIZE  4096
#define MLOPS_TABLE_PAGE         4096
#define MLOPS_TABLE_FIXED        256    /* bytes of the header, see there */
#define MLOPS_TABLE_COLUMN_FIXED 152
#define MLOPS_TABLE_COLUMNS_OFF                                               \
    (MLOPS_TABLE_HEADER_SIZE                                                  \
     + MLOPS_PARTITIONS_MAX * sizeof(mlops_table_partition_t))

#define MLOPS_TABLE_BUCKET       64

#define MLOPS_TABLE_SLOT         1u     /* bits of ctl */
#define MLOPS_TABLE_LIVE         2u
#define MLOPS_TABLE_SEQUENCE     4u

/* Words of a slot's head. */

#define MLOPS_SLOT_EVENT         0
#define MLOPS_SLOT_OFFSET        1
#define MLOPS_SLOT_PARTITION     2
#define MLOPS_SLOT_VALID         3
#define MLOPS_SLOT_SWITCH        4


typedef _Atomic uint64_t  mlops_word_t;


/* Of one column. */

typedef struct {
    uint32_t   word;                    /* its first one in a set */
    uint32_t   real;                    /* a double */
    uint32_t   bytes;                   /* longest string; 0 for a number */
} mlops_table_place_t;


struct mlops_table_s {
    char                   *base;       /* the mapping */
    size_t                  len;
    mlops_table_header_t   *header;
    mlops_table_column_t   *columns;

    /* Checked copies: what the file says later cannot lead outside. */

    char                   *index;
    char                   *rows;
    uint32_t                columns_n;
    uint32_t                present_n;  /* presence words of a set */
    uint32_t                capacity;
    uint32_t                buckets_n;
    uint32_t                row_stride;
    uint32_t                key_size;
    uint32_t                key_max;    /* bytes of a string key */
    uint32_t                head_size;  /* of a slot */
    uint32_t                set_size;
    uint32_t                slot_size;
    uint32_t                sets;
    uint32_t                text_size;  /* of the strings of one set */
    mlops_type_t            key_type;
    mlops_view_clock_t      clock;
    int64_t                 ttl_us;
    unsigned                strings:1;  /* there is a string column */
    unsigned                writable:1;
    mlops_table_place_t    *places;     /* columns_n */

    int                     fd;         /* holds the lock */

    /* The writer's. */

    int                     dir;
    uint32_t                fresh;      /* rows from here on were never
                                           used */
    uint32_t                free_n;
    uint32_t               *free_rows;  /* below fresh */
};


/* The partner of every load is a store of the other kind below: rows and
 * index are written by one thread and read by others without a lock. */

static inline uint64_t
mlops_word_load(const mlops_word_t *word)
{
    return atomic_load_explicit((mlops_word_t *) word, memory_order_acquire);
}


static inline void
mlops_word_store(mlops_word_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}


static inline mlops_word_t *
mlops_table_row(const mlops_table_t *table, uint32_t row)
{
    return (mlops_word_t *) (table->rows + (size_t) row * table->row_stride);
}


static inline mlops_word_t *
mlops_table_bucket(const mlops_table_t *table, uint32_t bucket)
{
    return (mlops_word_t *) (table->index
                             + (size_t) bucket * MLOPS_TABLE_BUCKET);
}


static inline uint32_t
mlops_table_home(const mlops_table_t *table, uint64_t hash)
{
    return (uint32_t) (((hash & UINT32_MAX) * table->buckets_n) >> 32);
}


static inline uint32_t
mlops_table_after(const mlops_table_t *table, uint32_t bucket)
{
    return (bucket + 1 == table->buckets_n) ? 0 : bucket + 1;
}


static inline const mlops_word_t *
mlops_table_slot(const mlops_table_t *table, const mlops_word_t *row,
    uint64_t ctl)
{
    return row + 1 + table->key_size / 8
           + (ctl & MLOPS_TABLE_SLOT) * (table->slot_size / 8);
}


/* The first word of set 0 or 1 of a slot. */

static inline const mlops_word_t *
mlops_table_set(const mlops_table_t *table, const mlops_word_t *slot,
    uint32_t set)
{
    return slot + (table->head_size + set * table->set_size) / 8;
}


/* Word i of a key as it stands in a row. */

static inline uint64_t
mlops_key_word(mlops_type_t type, const mlops_key_t *key, uint32_t i)
{
    size_t    from, n;
    uint64_t  word;

    if (type == MLOPS_TYPE_INT64) {
        return (uint64_t) key->number;
    }

    word = 0;

    if (i == 0) {
        n = key->text.len < 4 ? key->text.len : 4;
        memcpy((char *) &word + 4, key->text.data, n);
        return word | (uint32_t) key->text.len;
    }

    from = (size_t) i * 8 - 4;

    if (from < key->text.len) {
        n = key->text.len - from;
        memcpy(&word, key->text.data + from, n < 8 ? n : 8);
    }

    return word;
}


/* Words that tell a key from every other. */

static inline uint32_t
mlops_key_words(mlops_type_t type, const mlops_key_t *key)
{
    return (type == MLOPS_TYPE_INT64)
           ? 1 : (uint32_t) ((4 + key->text.len + 7) / 8);
}


static inline int
mlops_table_key_is(const mlops_table_t *table, const mlops_word_t *row,
    const mlops_key_t *key)
{
    uint32_t  i, n;

    n = mlops_key_words(table->key_type, key);

    for (i = 0; i < n; i++) {
        if (mlops_word_load(row + 1 + i)
            != mlops_key_word(table->key_type, key, i))
        {
            return 0;
        }
    }

    return 1;
}


/* Can the table hold this key at all? */

static inline int
mlops_table_key_fits(const mlops_table_t *table, const mlops_key_t *key)
{
    return table->key_type == MLOPS_TYPE_INT64
           || (key->text.len != 0 && key->text.len <= table->key_max);
}


/* The fixed part of a header and the columns of a view's table, as they are
 * written; columns has room for view->row.n.  MLOPS_ERROR: err. */
int mlops_table_form(const mlops_plan_view_t *view, uint32_t shard,
    uint32_t capacity, mlops_table_header_t *header,
    mlops_table_column_t *columns, mlops_err_t *err);

/* Maps the len bytes of fd, checks everything and takes both over, fd in any
 * case.  NULL: err. */
mlops_table_t *mlops_table_map(int fd, size_t len, int writable,
    mlops_err_t *err);

/* Opens features/<name>; *len is its length.  -1: err, and errno. */
int mlops_table_file(int features, const char *name, int writable, uid_t uid,
    size_t *len, mlops_err_t *err);

#define MLOPS_TABLE_LOCK_READER  0      /* bytes of the locks */
#define MLOPS_TABLE_LOCK_WRITER  1

/* Takes a lock without waiting.  MLOPS_ERROR: errno. */
int mlops_table_lock(int fd, short type, off_t byte);


#endif /* MLOPS_TABLE_MAP_H */
