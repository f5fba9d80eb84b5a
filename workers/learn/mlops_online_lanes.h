/*
 * What the kernels of online learning share.  Internal.
 */

#ifndef MLOPS_ONLINE_LANES_H
#define MLOPS_ONLINE_LANES_H


#include "mlops_online_inner.h"


#define MLOPS_ONLINE_LANES  8


static inline double
mlops_online_fold(const double lanes[MLOPS_ONLINE_LANES])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
           + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}


/*
 * The slots of the example ahead are fetched between the arithmetic of another
 * one, half of them while it is predicted, half while it is learned: a burst
 * would fill the processor's buffers of lines under way, and wait.
 *
 * Inlined always: of a function that does nothing but this gcc 12 says that
 * it has no effect, and leaves out the call.
 */

typedef struct {
    const mlops_online_slot_t  *table;
    const uint32_t             *index;
    uint32_t                    n;      /* 0: there is none */
    uint32_t                    mask;
} mlops_online_ahead_t;


__attribute__((always_inline)) static inline mlops_online_ahead_t
mlops_online_ahead(const mlops_online_t *online)
{
    mlops_online_ahead_t    ahead;
    const mlops_example_t  *e;

    e = online->ahead;

    ahead.table = online->table;
    ahead.mask = online->mask;
    ahead.index = (e != NULL) ? e->index : NULL;
    ahead.n = (ahead.index != NULL) ? e->n : 0;

    return ahead;
}


__attribute__((always_inline)) static inline void
mlops_online_ahead_slot(const mlops_online_ahead_t *ahead, uint32_t at)
{
    __builtin_prefetch(&ahead->table[ahead->index[at] & ahead->mask], 1);
}


/* Where there are four. */

__attribute__((always_inline)) static inline void
mlops_online_ahead_four(const mlops_online_ahead_t *ahead, uint32_t at)
{
    if (at + 4 <= ahead->n) {
        mlops_online_ahead_slot(ahead, at);
        mlops_online_ahead_slot(ahead, at + 1);
        mlops_online_ahead_slot(ahead, at + 2);
        mlops_online_ahead_slot(ahead, at + 3);
    }
}


/* What fours below at have left. */

__attribute__((always_inline)) static inline void
mlops_online_ahead_rest(const mlops_online_ahead_t *ahead, uint32_t at)
{
    uint32_t  fours;

    fours = ahead->n & ~3u;

    for (at = at < fours ? at : fours; at < ahead->n; at++) {
        mlops_online_ahead_slot(ahead, at);
    }
}


/* No NaN comes here: both factors are finite. */

static inline float
mlops_online_limit(float step)
{
    if (step > (float) MLOPS_ONLINE_CLIP) {
        return (float) MLOPS_ONLINE_CLIP;
    }

    return step < (float) -MLOPS_ONLINE_CLIP ? (float) -MLOPS_ONLINE_CLIP
                                             : step;
}


#endif /* MLOPS_ONLINE_LANES_H */
