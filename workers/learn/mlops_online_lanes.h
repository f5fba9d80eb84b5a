/*
 * What the kernels of online learning share.  Internal.
 */

#ifndef MLOPS_ONLINE_LANES_H
#define MLOPS_ONLINE_LANES_H


#include "mlops_online.h"


#define MLOPS_ONLINE_LANES  8


static inline double
mlops_online_fold(const double lanes[MLOPS_ONLINE_LANES])
{
    return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6]))
           + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
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
