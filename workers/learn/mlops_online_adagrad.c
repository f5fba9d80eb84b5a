/*
 * Diagonal AdaGrad, without vectors: the definition of its bits.
 */

#include "mlops_online_inner.h"
#include "mlops_online_lanes.h"

#include <math.h>


static double mlops_online_adagrad_margin(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n);
static void mlops_online_adagrad_update(mlops_online_t *online,
    const float *value, uint32_t n, float g);


const mlops_online_kernel_t  mlops_online_adagrad = {
    mlops_online_adagrad_margin,
    mlops_online_adagrad_update,
    mlops_online_adagrad_weight
};


float
mlops_online_adagrad_weight(const mlops_online_rate_t *rate,
    mlops_online_slot_t slot)
{
    (void) rate;

    return slot.a;
}


static double
mlops_online_adagrad_margin(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t n)
{
    double                   lanes[MLOPS_ONLINE_LANES] = { 0 };
    uint32_t                 i;
    mlops_online_slot_t      slot;
    mlops_online_ahead_t     ahead;
    mlops_online_scratch_t  *s;

    s = &online->scratch;

    for (i = 0; i < n; i++) {
        s->slot[i] = index[i] & online->mask;
        slot = online->table[s->slot[i]];

        s->n[i] = slot.n;
        s->w[i] = slot.a;

        lanes[i % MLOPS_ONLINE_LANES] += (double) slot.a * (double) value[i];
    }

    ahead = mlops_online_ahead(online);
    mlops_online_ahead_rest(&ahead, 0);

    return mlops_online_fold(lanes);
}


static void
mlops_online_adagrad_update(mlops_online_t *online, const float *value,
    uint32_t n, float g)
{
    float                       step, square;
    uint32_t                    i;
    mlops_online_slot_t        *slot;
    mlops_online_scratch_t     *s;
    const mlops_online_rate_t  *rate;

    s = &online->scratch;
    rate = &online->rate;

    for (i = 0; i < n; i++) {
        step = mlops_online_limit(g * value[i] + rate->l2 * s->w[i]);
        square = step * step;

        slot = &online->table[s->slot[i]];
        slot->a -= (rate->rate * step)
                   / sqrtf((s->n[i] + square) + rate->epsilon);
        slot->n += square;
    }
}
