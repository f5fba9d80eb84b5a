/*
 * Hashes: XXH3 of 64 bits for checksums and for keys that are written
 * somewhere, and a hash of short names for tables in memory.
 *
 * XXH3 is compiled in (xxhash.h 0.8); its values are the published ones on
 * every machine.
 */

#ifndef MLOPS_HASH_H
#define MLOPS_HASH_H


#include "mlops_base.h"


#define MLOPS_HASH_STATE_SIZE  576


/* XXH3_64bits_withSeed; seed 0 is XXH3_64bits.  data may be NULL where len
 * is 0. */
uint64_t mlops_hash(const void *data, size_t len, uint64_t seed);


/* The same over bytes that come in pieces; no resources are held. */

typedef struct {
    _Alignas(64) unsigned char  opaque[MLOPS_HASH_STATE_SIZE];
} mlops_hash_t;

void mlops_hash_init(mlops_hash_t *h, uint64_t seed);
void mlops_hash_update(mlops_hash_t *h, const void *data, size_t len);
/* The value so far; more may follow. */
uint64_t mlops_hash_value(const mlops_hash_t *h);


/*
 * A name of some bytes in a few nanoseconds, well mixed in all 64 bits.
 * Another seed gives another function, so that a table of known names can
 * look for one without collisions.  It depends on the byte order: never
 * store it.
 *
 * Eight bytes at a time are folded into the state by a product of 128 bits,
 * high half xor low half; a tail of 8 or more bytes overlaps what was read.
 */

#define MLOPS_HASH_K1  0x9e3779b97f4a7c15ull    /* 2^64 / golden ratio */
#define MLOPS_HASH_K2  0xd1342543de82ef95ull    /* Steele and Vigna, 2021 */


static inline uint64_t
mlops_hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128  x;

    x = (unsigned __int128) a * b;

    return (uint64_t) x ^ (uint64_t) (x >> 64);
}


static inline uint64_t
mlops_hash_name(const char *data, size_t len, uint64_t seed)
{
    size_t    i;
    uint32_t  a, b;
    uint64_t  h, x;

    h = mlops_hash_fold(seed ^ MLOPS_HASH_K2, len ^ MLOPS_HASH_K1);

    if (len >= 8) {
        for (i = 0; i + 8 < len; i += 8) {
            memcpy(&x, data + i, 8);
            h = mlops_hash_fold(h ^ x, MLOPS_HASH_K1) + MLOPS_HASH_K2;
        }

        memcpy(&x, data + len - 8, 8);

    } else if (len >= 4) {
        memcpy(&a, data, 4);
        memcpy(&b, data + len - 4, 4);
        x = (uint64_t) a << 32 | b;

    } else if (len > 0) {
        x = (uint64_t) (unsigned char) data[0] << 16
            | (uint64_t) (unsigned char) data[len / 2] << 8
            | (unsigned char) data[len - 1];

    } else {
        x = 0;
    }

    h = mlops_hash_fold(h ^ x, MLOPS_HASH_K1);

    return mlops_hash_fold(h ^ MLOPS_HASH_K2, MLOPS_HASH_K1);
}


#endif /* MLOPS_HASH_H */
