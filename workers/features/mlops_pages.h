/*
 * Memory for arrays that may become large: addresses are reserved whole,
 * pages come when they are first touched, zeroed.  So nothing is ever moved
 * or copied, and a shard with few entities is small.
 */

#ifndef MLOPS_PAGES_H
#define MLOPS_PAGES_H


#include <stddef.h>
#include <sys/mman.h>


/* NULL: refused.  Rows that are touched all over are asked to be huge pages:
 * an event finds its entity without a miss in the TLB. */

static inline void *
mlops_pages_reserve(size_t bytes)
{
    void  *p;

    p = mmap(NULL, bytes, PROT_READ|PROT_WRITE,
             MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED) {
        return NULL;
    }

    (void) madvise(p, bytes, MADV_HUGEPAGE);

    return p;
}


static inline void
mlops_pages_release(void *p, size_t bytes)
{
    if (p != NULL) {
        (void) munmap(p, bytes);
    }
}


#endif /* MLOPS_PAGES_H */
