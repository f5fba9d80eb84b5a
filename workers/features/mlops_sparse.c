/*
 * Reading words that were written without those that are zero.
 */

#include "mlops_sparse.h"


uint64_t
mlops_sparse_len(const char *p, uint64_t len, uint32_t n)
{
    uint32_t  group;
    uint64_t  at, bits, need;

    at = 0;

    for ( /* void */ ; n != 0; n -= group) {
        group = (n < MLOPS_SPARSE_GROUP) ? n : MLOPS_SPARSE_GROUP;

        if (len - at < sizeof(bits)) {
            return 0;
        }

        memcpy(&bits, p + at, sizeof(bits));
        at += sizeof(bits);
        need = (uint64_t) __builtin_popcountll(bits) * sizeof(uint64_t);

        if ((group < MLOPS_SPARSE_GROUP && bits >> group != 0)
            || len - at < need)
        {
            return 0;
        }

        at += need;
    }

    return at;
}


void
mlops_sparse_read(uint64_t *to, const char *p, uint32_t n)
{
    uint32_t  group;
    uint64_t  bits;

    for ( /* void */ ; n != 0; n -= group) {
        group = (n < MLOPS_SPARSE_GROUP) ? n : MLOPS_SPARSE_GROUP;

        memcpy(&bits, p, sizeof(bits));
        memset(to, 0, group * sizeof(uint64_t));
        p += sizeof(bits);

        while (bits != 0) {
            memcpy(&to[__builtin_ctzll(bits)], p, sizeof(uint64_t));
            p += sizeof(uint64_t);
            bits &= bits - 1;
        }

        to += group;
    }
}
