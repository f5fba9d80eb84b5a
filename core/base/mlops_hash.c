/*
 * XXH3, compiled in so that no shared library is needed.
 */

#include "mlops_hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>


_Static_assert(sizeof(XXH3_state_t) <= sizeof(mlops_hash_t),
               "MLOPS_HASH_STATE_SIZE is too small");
_Static_assert(_Alignof(XXH3_state_t) <= _Alignof(mlops_hash_t),
               "mlops_hash_t is not aligned enough");


uint64_t
mlops_hash(const void *data, size_t len, uint64_t seed)
{
    return XXH3_64bits_withSeed(data, len, seed);
}


void
mlops_hash_init(mlops_hash_t *h, uint64_t seed)
{
    XXH3_INITSTATE((XXH3_state_t *) h);

    (void) XXH3_64bits_reset_withSeed((XXH3_state_t *) h, seed);
}


void
mlops_hash_update(mlops_hash_t *h, const void *data, size_t len)
{
    if (len != 0) {
        (void) XXH3_64bits_update((XXH3_state_t *) h, data, len);
    }
}


uint64_t
mlops_hash_value(const mlops_hash_t *h)
{
    return XXH3_64bits_digest((const XXH3_state_t *) h);
}
