/*
 * The entities of a shard: rows of one size by number, an index by the hash
 * of the key, and the order of last use.
 *
 * The index is open addressing with linear probing; a slot is 0 or
 *
 *     low half of the hash << 32 | number + 1
 *
 * and a search begins at slot (low half * slots_n) >> 32.  (All of a shard
 * share upper bits of the other half.)  What is removed is closed up by
 * moving later slots back, so nothing piles up.
 *
 * The order of last use is a list by number, in an array of its own: it is
 * small, and to move an entity to its head touches no other row.
 */

#ifndef MLOPS_ENTITIES_H
#define MLOPS_ENTITIES_H


#include "mlops_table.h"


#define MLOPS_ENTITY_NONE  UINT32_MAX


/* A row; the key follows: int64, or u32 length and bytes padded with
 * zeros. */

typedef struct {
    uint64_t   hash;
    int64_t    event_us;                /* of the newest event */
    int64_t    offset;                  /* of the last event applied */
    uint64_t   used;                    /* the shard's count of events at it;
                                           0: the row is free */
    int64_t    next_us;                 /* when its values change by
                                           themselves; INT64_MAX: never */
    int32_t    partition;
    uint32_t   epoch;                   /* of the checkpoint that has it */
    uint32_t   row;                     /* in the current table + 1: a hint;
                                           0: not known */
    uint32_t   zero;
} mlops_entity_t;


typedef struct {
    uint32_t   newer;                   /* of a free row: the next one */
    uint32_t   older;
} mlops_entity_link_t;


typedef struct {
    mlops_type_t          key_type;
    uint32_t              key_size;     /* in a row */
    uint32_t              key_max;      /* bytes of a string */
    uint32_t              stride;
    uint32_t              limit;        /* rows there are at most */
    uint32_t              n;            /* that are used */
    uint32_t              fresh;        /* from here on: never were */
    uint32_t              free;         /* first free one below fresh */
    uint32_t              newest;
    uint32_t              oldest;
    uint32_t              slots_n;
    uint64_t             *slots;
    mlops_entity_link_t  *links;
    char                 *rows;
} mlops_entities_t;


/* Addresses for limit rows; MLOPS_ERROR: err. */
int mlops_entities_init(mlops_entities_t *entities, mlops_type_t key_type,
    uint32_t key_max, uint32_t limit, mlops_err_t *err);
void mlops_entities_destroy(mlops_entities_t *entities);

/* Its number, or MLOPS_ENTITY_NONE. */
uint32_t mlops_entities_find(const mlops_entities_t *entities,
    const mlops_key_t *key, uint64_t hash);
/* The same by the hash alone: a guess. */
uint32_t mlops_entities_guess(const mlops_entities_t *entities,
    uint64_t hash);
/* A key that is not there yet becomes the newest; of its row hash and key are
 * set, the rest is 0.  MLOPS_ENTITY_NONE: all rows are used. */
uint32_t mlops_entities_add(mlops_entities_t *entities,
    const mlops_key_t *key, uint64_t hash);
void mlops_entities_remove(mlops_entities_t *entities, uint32_t number);
/* It is the newest now. */
void mlops_entities_use(mlops_entities_t *entities, uint32_t number);

void mlops_entities_key(const mlops_entities_t *entities, uint32_t number,
    mlops_key_t *key);
/* Bytes of memory that have been touched, about. */
uint64_t mlops_entities_bytes(const mlops_entities_t *entities);


static inline mlops_entity_t *
mlops_entity(const mlops_entities_t *entities, uint32_t number)
{
    return (mlops_entity_t *) (entities->rows
                               + (size_t) number * entities->stride);
}


static inline uint32_t
mlops_entities_home(const mlops_entities_t *entities, uint64_t hash)
{
    return (uint32_t) (((hash & UINT32_MAX) * entities->slots_n) >> 32);
}


#endif /* MLOPS_ENTITIES_H */
