/*
 * FTRL-proximal, without vectors: the definition of its bits.
 */

#include "mlops_online_inner.h"
#include "mlops_online_lanes.h"

#include <math.h>


static double mlops_online_ftrl_margin(mlops_online_t *online,
    const uint32_t *index, const float *value, uint32_t n);
static void mlops_online_ftrl_update(mlops_online_t *online,
    const float *value, uint32_t n, float g);


const mlops_online_kernel_t  mlops_online_ftrl = {
    mlops_online_ftrl_margin,
    mlops_online_ftrl_update,
    mlops_online_ftrl_weight
};


float
mlops_online_ftrl_weight(const mlops_online_rate_t *rate,
    mlops_online_slot_t slot)
{
    float  over, under;

    over = fabsf(slot.a) - rate->l1;

    if (!(over > 0)) {
        return 0;
    }

    under = (rate->beta + sqrtf(slot.n)) * rate->inverse_alpha + rate->l2;

    return -copysignf(over, slot.a) / under;
}


static double
mlops_online_ftrl_margin(mlops_online_t *online, const uint32_t *index,
    const float *value, uint32_t n)
{
    float                   w;
    double                  lanes[MLOPS_ONLINE_LANES] = { 0 };
    uint32_t                i;
    mlops_online_slot_t     slot;
    mlops_online_ahead_t     ahead;
    mlops_online_scratch_t  *s;

    s = &online->scratch;

    for (i = 0; i < n; i++) {
        s->slot[i] = index[i] & online->mask;
        slot = online->table[s->slot[i]];
        w = mlops_online_ftrl_weight(&online->rate, slot);

        s->n[i] = slot.n;
        s->root[i] = sqrtf(slot.n);
        s->w[i] = w;

        lanes[i % MLOPS_ONLINE_LANES] += (double) w * (double) value[i];
    }

    ahead = mlops_online_ahead(online);
    mlops_online_ahead_rest(&ahead, 0);

    return mlops_online_fold(lanes);
}


static void
mlops_online_ftrl_update(mlops_online_t *online, const float *value,
    uint32_t n, float g)
{
    float                    step, square, sigma;
    uint32_t                 i;
    mlops_online_slot_t     *slot;
    mlops_online_scratch_t  *s;

    s = &online->scratch;

    for (i = 0; i < n; i++) {
        step = mlops_online_limit(g * value[i]);
        square = step * step;
        sigma = (sqrtf(s->n[i] + square) - s->root[i])
                * online->rate.inverse_alpha;

        slot = &online->table[s->slot[i]];
        slot->a += step - sigma * s->w[i];
        slot->n += square;
    }
}
