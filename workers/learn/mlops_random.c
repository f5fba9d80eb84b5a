/*
 * MT19937 (Matsumoto and Nishimura, "Mersenne Twister", 1998) with the
 * seeding, the intervals and the shuffle of numpy.random.RandomState, which
 * NumPy keeps as they are (its NEP 19).
 */

#include "mlops_random.h"


#define MLOPS_MT_N  624
#define MLOPS_MT_M  397


void
mlops_mt_init(mlops_mt_t *mt, uint32_t seed)
{
    uint32_t  i;

    mt->key[0] = seed;

    for (i = 1; i < MLOPS_MT_N; i++) {
        seed = 1812433253u * (seed ^ (seed >> 30)) + i;
        mt->key[i] = seed;
    }

    mt->at = MLOPS_MT_N;
}


static inline uint32_t
mlops_mt_twist(uint32_t u, uint32_t v)
{
    uint32_t  y;

    y = (u & 0x80000000u) | (v & 0x7fffffffu);

    return (y >> 1) ^ (-(v & 1) & 0x9908b0dfu);
}


static void
mlops_mt_fill(mlops_mt_t *mt)
{
    uint32_t  i, *key;

    key = mt->key;

    for (i = 0; i < MLOPS_MT_N - MLOPS_MT_M; i++) {
        key[i] = key[i + MLOPS_MT_M] ^ mlops_mt_twist(key[i], key[i + 1]);
    }

    for ( /* void */ ; i < MLOPS_MT_N - 1; i++) {
        key[i] = key[i + MLOPS_MT_M - MLOPS_MT_N]
                 ^ mlops_mt_twist(key[i], key[i + 1]);
    }

    key[i] = key[MLOPS_MT_M - 1] ^ mlops_mt_twist(key[i], key[0]);

    mt->at = 0;
}


uint32_t
mlops_mt_next(mlops_mt_t *mt)
{
    uint32_t  y;

    if (mt->at == MLOPS_MT_N) {
        mlops_mt_fill(mt);
    }

    y = mt->key[mt->at++];

    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;

    return y ^ (y >> 18);
}


double
mlops_mt_double(mlops_mt_t *mt)
{
    uint32_t  a, b;

    a = mlops_mt_next(mt) >> 5;
    b = mlops_mt_next(mt) >> 6;

    return (a * 67108864.0 + b) / 9007199254740992.0;
}


/* One draw of 32 bits where max has no more, else two, the high one first. */

uint64_t
mlops_mt_interval(mlops_mt_t *mt, uint64_t max)
{
    uint64_t  mask, value;

    if (max == 0) {
        return 0;
    }

    mask = UINT64_MAX >> __builtin_clzll(max);

    do {
        value = mlops_mt_next(mt);

        if (max > UINT32_MAX) {
            value = value << 32 | mlops_mt_next(mt);
        }

        value &= mask;

    } while (value > max);

    return value;
}


void
mlops_mt_permutation(mlops_mt_t *mt, uint32_t *out, uint32_t n)
{
    uint32_t  i, j, swap;

    for (i = 0; i < n; i++) {
        out[i] = i;
    }

    for (i = n; i-- > 1; /* void */ ) {
        j = (uint32_t) mlops_mt_interval(mt, i);

        swap = out[i];
        out[i] = out[j];
        out[j] = swap;
    }
}
