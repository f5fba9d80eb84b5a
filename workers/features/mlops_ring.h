/*
 * A ring of messages between two threads: one puts, one takes.
 *
 * size bytes, a power of two; head and tail count bytes from the start and
 * never wrap.  A message has a header of 8 bytes, u32 length (a multiple of
 * 8, the header counted) and u32 kind, and lies in one piece: where it would
 * not fit before the end a message of kind MLOPS_RING_SKIP fills the rest.
 *
 * The writer fills a message, then stores head (release); the reader loads
 * head (acquire), reads, then stores tail (release), which the writer loads
 * (acquire) before it writes over the place.  A reader may look ahead of what
 * it takes, up to head.
 *
 * Who finds nothing to do sleeps on a condition, and says so by a flag before
 * it looks once more.  Flag and head are sequentially consistent, so that of a
 * writer that has put and a reader that goes to sleep at least one sees the
 * other; a time limit makes an error there a delay and no hang.
 */

#ifndef MLOPS_RING_H
#define MLOPS_RING_H


#include "mlops_base.h"

#include <pthread.h>
#include <stdatomic.h>


#define MLOPS_RING_SKIP  UINT32_MAX


typedef struct {
    uint32_t  len;
    uint32_t  kind;
} mlops_ring_message_t;


typedef struct {
    char               *data;
    uint64_t            size;
    int                 alone;          /* one thread does both: nobody
                                           sleeps */

    /* the writer's */
    _Alignas(64)
    _Atomic uint64_t    head;
    uint64_t            tail_seen;

    /* the reader's */
    _Alignas(64)
    _Atomic uint64_t    tail;

    _Alignas(64)
    _Atomic uint32_t    asleep;         /* the reader waits for a message */
    _Atomic uint32_t    blocked;        /* the writer waits for room */
    pthread_mutex_t     mutex;
    pthread_cond_t      cond;
} mlops_ring_t;


int mlops_ring_init(mlops_ring_t *ring, uint64_t size, mlops_err_t *err);
void mlops_ring_destroy(mlops_ring_t *ring);

/* ---- the writer ---- */

/* Room for a message of that many bytes behind its header, of which at most
 * a quarter of the ring can be asked for; NULL: there is none now. */
void *mlops_ring_room(mlops_ring_t *ring, uint32_t kind, size_t bytes);
/* What was filled is a message from now on. */
void mlops_ring_put(mlops_ring_t *ring);
/* Waits for room, at most that long. */
void mlops_ring_wait_room(mlops_ring_t *ring, uint32_t timeout_ms);

static inline uint64_t
mlops_ring_head(const mlops_ring_t *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire);
}


/* ---- the reader ---- */

static inline uint64_t
mlops_ring_tail(const mlops_ring_t *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_relaxed);
}


static inline mlops_ring_message_t *
mlops_ring_at(const mlops_ring_t *ring, uint64_t at)
{
    return (mlops_ring_message_t *) (ring->data + (at & (ring->size - 1)));
}


/* All before at has been read. */
void mlops_ring_take(mlops_ring_t *ring, uint64_t at);
/* Waits for a message, at most that long. */
void mlops_ring_wait(mlops_ring_t *ring, uint32_t timeout_ms);
/* Ends such a wait, for another reason. */
void mlops_ring_wake(mlops_ring_t *ring);


#endif /* MLOPS_RING_H */
