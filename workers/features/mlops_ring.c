/*
 * The ring of messages: room, order, sleep.
 */

#include "mlops_ring.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>


static void mlops_ring_sleep(mlops_ring_t *ring, uint32_t timeout_ms);


int
mlops_ring_init(mlops_ring_t *ring, uint64_t size, mlops_err_t *err)
{
    pthread_condattr_t  attr;

    memset(ring, 0, sizeof(mlops_ring_t));

    ring->size = size;
    ring->data = malloc(size);

    if (ring->data == NULL) {
        return mlops_err_set(err, "out of memory for a ring of %llu bytes",
                             (unsigned long long) size);
    }

    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);

    if (pthread_mutex_init(&ring->mutex, NULL) != 0
        || pthread_cond_init(&ring->cond, &attr) != 0)
    {
        (void) pthread_condattr_destroy(&attr);
        free(ring->data);
        ring->data = NULL;
        return mlops_err_set(err, "cannot make a condition: %s",
                             strerror(errno));
    }

    (void) pthread_condattr_destroy(&attr);

    return MLOPS_OK;
}


void
mlops_ring_destroy(mlops_ring_t *ring)
{
    if (ring->data == NULL) {
        return;
    }

    (void) pthread_cond_destroy(&ring->cond);
    (void) pthread_mutex_destroy(&ring->mutex);

    free(ring->data);
    ring->data = NULL;
}


void *
mlops_ring_room(mlops_ring_t *ring, uint32_t kind, size_t bytes)
{
    uint64_t               head, rest, need;
    mlops_ring_message_t  *message;

    head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    need = mlops_align(bytes + sizeof(mlops_ring_message_t), 8);
    rest = ring->size - (head & (ring->size - 1));

    /* both at once, so that a skip is never put without what follows it */

    if (head + need + (rest < need ? rest : 0) - ring->tail_seen > ring->size)
    {
        ring->tail_seen = atomic_load_explicit(&ring->tail,
                                               memory_order_acquire);

        if (head + need + (rest < need ? rest : 0) - ring->tail_seen
            > ring->size)
        {
            return NULL;
        }
    }

    if (rest < need) {
        message = mlops_ring_at(ring, head);
        message->len = (uint32_t) rest;
        message->kind = MLOPS_RING_SKIP;

        head += rest;
        atomic_store_explicit(&ring->head, head, memory_order_release);
    }

    message = mlops_ring_at(ring, head);
    message->len = (uint32_t) need;
    message->kind = kind;

    return message + 1;
}


void
mlops_ring_put(mlops_ring_t *ring)
{
    uint64_t  head;

    head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    head += mlops_ring_at(ring, head)->len;

    if (ring->alone) {
        atomic_store_explicit(&ring->head, head, memory_order_release);
        return;
    }

    atomic_store_explicit(&ring->head, head, memory_order_seq_cst);

    if (mlops_unlikely(atomic_load_explicit(&ring->asleep,
                                            memory_order_seq_cst)))
    {
        mlops_ring_wake(ring);
    }
}


void
mlops_ring_take(mlops_ring_t *ring, uint64_t at)
{
    if (ring->alone) {
        atomic_store_explicit(&ring->tail, at, memory_order_release);
        return;
    }

    atomic_store_explicit(&ring->tail, at, memory_order_seq_cst);

    if (mlops_unlikely(atomic_load_explicit(&ring->blocked,
                                            memory_order_seq_cst)))
    {
        mlops_ring_wake(ring);
    }
}


void
mlops_ring_wait(mlops_ring_t *ring, uint32_t timeout_ms)
{
    (void) pthread_mutex_lock(&ring->mutex);

    atomic_store_explicit(&ring->asleep, 1, memory_order_seq_cst);

    if (atomic_load_explicit(&ring->head, memory_order_seq_cst)
        == atomic_load_explicit(&ring->tail, memory_order_relaxed))
    {
        mlops_ring_sleep(ring, timeout_ms);
    }

    atomic_store_explicit(&ring->asleep, 0, memory_order_seq_cst);

    (void) pthread_mutex_unlock(&ring->mutex);
}


void
mlops_ring_wait_room(mlops_ring_t *ring, uint32_t timeout_ms)
{
    (void) pthread_mutex_lock(&ring->mutex);

    atomic_store_explicit(&ring->blocked, 1, memory_order_seq_cst);

    if (atomic_load_explicit(&ring->tail, memory_order_seq_cst)
        == ring->tail_seen)
    {
        mlops_ring_sleep(ring, timeout_ms);
    }

    atomic_store_explicit(&ring->blocked, 0, memory_order_seq_cst);

    (void) pthread_mutex_unlock(&ring->mutex);
}


void
mlops_ring_wake(mlops_ring_t *ring)
{
    (void) pthread_mutex_lock(&ring->mutex);
    (void) pthread_cond_broadcast(&ring->cond);
    (void) pthread_mutex_unlock(&ring->mutex);
}


/* With the mutex. */

static void
mlops_ring_sleep(mlops_ring_t *ring, uint32_t timeout_ms)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    ts.tv_nsec += (long) (timeout_ms % 1000) * 1000000;
    ts.tv_sec += timeout_ms / 1000 + ts.tv_nsec / 1000000000;
    ts.tv_nsec %= 1000000000;

    (void) pthread_cond_timedwait(&ring->cond, &ring->mutex, &ts);
}
