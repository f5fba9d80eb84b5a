/*
 * Words without those that are zero, as states stand in a checkpoint: for
 * each 64 words (the last time for what is left) a u64 with bit i set where
 * word i is not zero, the lowest bit first, then those words.
 *
 * Most tiles of most entities are empty: what is written of them, hashed,
 * brought to the disk and read again is a few words.
 */

#ifndef MLOPS_SPARSE_H
#define MLOPS_SPARSE_H


#include "mlops_base.h"

#include <stdint.h>


#define MLOPS_SPARSE_GROUP  64


/* A group of n words, at most MLOPS_SPARSE_GROUP, into room for one more;
 * returns how many there are now. */

static inline uint32_t
mlops_sparse_write(uint64_t *to, const uint64_t *words, uint32_t n)
{
    uint32_t         i, k, end;
    uint64_t         bits, some;
    const uint64_t  *w;

    k = 1;
    bits = 0;

    for (i = 0; i < n; /* void */ ) {
        w = words + i;

        if (n - i >= 8
            && (w[0] | w[1] | w[2] | w[3] | w[4] | w[5] | w[6] | w[7]) == 0)
        {
            i += 8;
            continue;
        }

        for (end = (n - i < 8) ? n : i + 8; i < end; i++) {
            some = (words[i] != 0);
            to[k] = words[i];
            k += (uint32_t) some;
            bits |= some << i;
        }
    }

    to[0] = bits;

    return k;
}


/* How many bytes n words take at p, at most len; 0: these are none. */
uint64_t mlops_sparse_len(const char *p, uint64_t len, uint32_t n);
/* What mlops_sparse_len has found good. */
void mlops_sparse_read(uint64_t *to, const char *p, uint32_t n);


#endif /* MLOPS_SPARSE_H */
