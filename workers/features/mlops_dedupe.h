/*
 * Duplicates: which {entity, field} were accepted lately, and when.
 *
 * Entries stand in a ring in the order in which they were accepted, with an
 * index of chains by hash.  An entry can match no event any more once
 *
 *     its time + within < the partition's max ts - lateness
 *
 * because an older event is late.  Such entries leave at the head of the
 * ring, a few at each event: whether they are still there makes no
 * difference.  A ring that is full of others gives up the oldest one, and
 * counts it.
 *
 * Keys are 128 bits of hash, of the entity and of the field: that two of a
 * million meet by accident has a probability of 10^-27.
 */

#ifndef MLOPS_DEDUPE_H
#define MLOPS_DEDUPE_H


#include "mlops_base.h"
#include "mlops_clock.h"


/* 32 bytes; a checkpoint has the first 28 of them. */

typedef struct {
    uint64_t   entity;
    uint64_t   field;
    int64_t    ts_us;
    int32_t    partition;               /* MLOPS_DEDUPE_GONE: released */
    uint32_t   next;                    /* of the chain: place + 1, or 0 */
} mlops_dedupe_entry_t;

#define MLOPS_DEDUPE_GONE  INT32_MIN


typedef struct {
    int64_t                within_us;
    int64_t                lateness_us;
    uint32_t               max;         /* entries of the ring; 0: none */
    uint32_t               chains_n;
    uint64_t               head;        /* the oldest one, counted from the
                                           first ever */
    uint64_t               tail;        /* one past the newest */
    mlops_dedupe_entry_t  *ring;
    uint32_t              *chains;
} mlops_dedupe_t;


int mlops_dedupe_init(mlops_dedupe_t *dedupe, uint32_t max, int64_t within_us,
    int64_t lateness_us, mlops_err_t *err);
void mlops_dedupe_destroy(mlops_dedupe_t *dedupe);

/* Was it accepted, at most within from ts? */
int mlops_dedupe_seen(const mlops_dedupe_t *dedupe, uint64_t entity,
    uint64_t field, int64_t ts_us);
/* The ring has room, see mlops_dedupe_pop. */
void mlops_dedupe_add(mlops_dedupe_t *dedupe, uint64_t entity, uint64_t field,
    int64_t ts_us, int32_t partition);
void mlops_dedupe_pop(mlops_dedupe_t *dedupe);
/* Those of a partition match nothing any more. */
void mlops_dedupe_release(mlops_dedupe_t *dedupe, int32_t partition);


static inline mlops_dedupe_entry_t *
mlops_dedupe_entry(const mlops_dedupe_t *dedupe, uint64_t number)
{
    return &dedupe->ring[number % dedupe->max];
}


static inline int
mlops_dedupe_full(const mlops_dedupe_t *dedupe)
{
    return dedupe->tail - dedupe->head == dedupe->max;
}


/* Is the entry of no use once the partition's newest time is max_ts? */

static inline int
mlops_dedupe_dead(const mlops_dedupe_t *dedupe,
    const mlops_dedupe_entry_t *entry, int64_t max_ts_us)
{
    return mlops_us_add(entry->ts_us, dedupe->within_us)
           < mlops_us_add(max_ts_us, -dedupe->lateness_us);
}


#endif /* MLOPS_DEDUPE_H */
