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


/* Fetches slots from at to below end of the example ahead, as far as it has
 * them.  They go between the arithmetic of another one, half of them while
 * it is predicted, half while it is learned: a burst would fill the
 * processor's buffers of lines under way, and wait.
 *
 * Inlined always: of a function that does nothing but this gcc 12 says that
 * it has no effect, and leaves out the call. */

__attribute__((always_inline)) static inline void
mlops_online_ahead(const mlops_online_t *online, uint32_t at, uint32_t end)
{
    const mlops_example_t  *e;

    e = online->ahead;

    if (e == NULL || e->index == NULL) {
        return;
    }

    for (end = end < e->n ? end : e->n; at < end; at++) {
        __builtin_prefetch(&online->table[e->index[at] & online->mask], 1);
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
