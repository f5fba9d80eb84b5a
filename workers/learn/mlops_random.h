/*
 * Random numbers that are the same everywhere.
 *
 * Two generators: MT19937 with NumPy's legacy seeding and shuffle, so that a
 * split by seed is the one of numpy.random.RandomState(seed) and of
 * scikit-learn's train_test_split; and SplitMix64 (Steele, Lea and Flood,
 * 2014), counter-based: the i-th number of a stream is a function of (seed,
 * stream, i), so that sampling does not depend on order or threads.
 */

#ifndef MLOPS_RANDOM_H
#define MLOPS_RANDOM_H


#include "mlops_base.h"


typedef struct {
    uint32_t  key[624];
    uint32_t  at;
} mlops_mt_t;

/* RandomState(seed): init_genrand of 32 bits. */
void mlops_mt_init(mlops_mt_t *mt, uint32_t seed);
uint32_t mlops_mt_next(mlops_mt_t *mt);
/* [0, 1), 53 bits: random_sample. */
double mlops_mt_double(mlops_mt_t *mt);
/* Uniform in [0, max]: legacy random_interval (masked rejection). */
uint64_t mlops_mt_interval(mlops_mt_t *mt, uint64_t max);
/* RandomState.permutation(n): shuffles 0 to n - 1 into out. */
void mlops_mt_permutation(mlops_mt_t *mt, uint32_t *out, uint32_t n);


/* The i-th 64 random bits of a stream. */

static inline uint64_t
mlops_random_at(uint64_t seed, uint64_t stream, uint64_t i)
{
    uint64_t  z;

    z = seed ^ (stream * 0xd1342543de82ef95ull);
    z = (z ^ (z >> 32)) * 0xe9846af9b1a615dull;
    z = (z ^ (z >> 32)) + (i + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;

    return z ^ (z >> 31);
}


/* The same in [0, 1), 53 bits. */

static inline double
mlops_random_double(uint64_t seed, uint64_t stream, uint64_t i)
{
    return (double) (mlops_random_at(seed, stream, i) >> 11) * 0x1p-53;
}


#endif /* MLOPS_RANDOM_H */
