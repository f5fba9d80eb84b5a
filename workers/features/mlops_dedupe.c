/*
 * Duplicates: the ring of what was accepted, and its index.
 */

#include "mlops_dedupe.h"
#include "mlops_pages.h"


static uint32_t *mlops_dedupe_chain(const mlops_dedupe_t *dedupe,
    uint64_t entity, uint64_t field);
static void mlops_dedupe_unchain(mlops_dedupe_t *dedupe,
    mlops_dedupe_entry_t *entry);


int
mlops_dedupe_init(mlops_dedupe_t *dedupe, uint32_t max, int64_t within_us,
    int64_t lateness_us, mlops_err_t *err)
{
    memset(dedupe, 0, sizeof(*dedupe));

    if (max == 0) {
        return MLOPS_OK;
    }

    dedupe->max = max;
    dedupe->chains_n = max;
    dedupe->within_us = within_us;
    dedupe->lateness_us = lateness_us;
    dedupe->ring = mlops_pages_reserve(max * sizeof(mlops_dedupe_entry_t));
    dedupe->chains = mlops_pages_reserve(max * sizeof(uint32_t));

    if (dedupe->ring == NULL || dedupe->chains == NULL) {
        mlops_dedupe_destroy(dedupe);

        return mlops_err_set(err, "out of memory: addresses for %u entries "
                             "of duplicates", (unsigned) max);
    }

    return MLOPS_OK;
}


void
mlops_dedupe_destroy(mlops_dedupe_t *dedupe)
{
    mlops_pages_release(dedupe->ring,
                        dedupe->max * sizeof(mlops_dedupe_entry_t));
    mlops_pages_release(dedupe->chains, dedupe->chains_n * sizeof(uint32_t));

    memset(dedupe, 0, sizeof(*dedupe));
}


int
mlops_dedupe_seen(const mlops_dedupe_t *dedupe, uint64_t entity,
    uint64_t field, int64_t ts_us)
{
    int64_t                      first, last;
    uint32_t                     next;
    const mlops_dedupe_entry_t  *entry;

    first = mlops_us_add(ts_us, -dedupe->within_us);
    last = mlops_us_add(ts_us, dedupe->within_us);

    for (next = *mlops_dedupe_chain(dedupe, entity, field); next != 0;
         next = entry->next)
    {
        entry = &dedupe->ring[next - 1];

        if (entry->entity == entity && entry->field == field
            && entry->ts_us >= first && entry->ts_us <= last)
        {
            return 1;
        }
    }

    return 0;
}


void
mlops_dedupe_add(mlops_dedupe_t *dedupe, uint64_t entity, uint64_t field,
    int64_t ts_us, int32_t partition)
{
    uint32_t              *chain;
    mlops_dedupe_entry_t  *entry;

    entry = mlops_dedupe_entry(dedupe, dedupe->tail);

    entry->entity = entity;
    entry->field = field;
    entry->ts_us = ts_us;
    entry->partition = partition;
    entry->next = 0;

    if (partition != MLOPS_DEDUPE_GONE) {
        chain = mlops_dedupe_chain(dedupe, entity, field);
        entry->next = *chain;
        *chain = (uint32_t) (dedupe->tail % dedupe->max) + 1;
    }

    dedupe->tail++;
}


void
mlops_dedupe_pop(mlops_dedupe_t *dedupe)
{
    mlops_dedupe_entry_t  *entry;

    entry = mlops_dedupe_entry(dedupe, dedupe->head);

    if (entry->partition != MLOPS_DEDUPE_GONE) {
        mlops_dedupe_unchain(dedupe, entry);
    }

    dedupe->head++;
}


void
mlops_dedupe_release(mlops_dedupe_t *dedupe, int32_t partition)
{
    uint64_t               i;
    mlops_dedupe_entry_t  *entry;

    for (i = dedupe->head; i != dedupe->tail; i++) {
        entry = mlops_dedupe_entry(dedupe, i);

        if (entry->partition == partition) {
            mlops_dedupe_unchain(dedupe, entry);
            entry->partition = MLOPS_DEDUPE_GONE;
        }
    }
}


static uint32_t *
mlops_dedupe_chain(const mlops_dedupe_t *dedupe, uint64_t entity,
    uint64_t field)
{
    uint64_t  hash;

    /* both are hashes: one may be the same for all entries, the other not */

    hash = entity * 0x9e3779b97f4a7c15ull + field;

    return &dedupe->chains[((hash & UINT32_MAX) * dedupe->chains_n) >> 32];
}


/* Chains are short: the one that leaves is mostly the only one. */

static void
mlops_dedupe_unchain(mlops_dedupe_t *dedupe, mlops_dedupe_entry_t *entry)
{
    uint32_t   place, *next;

    place = (uint32_t) (entry - dedupe->ring) + 1;
    next = mlops_dedupe_chain(dedupe, entry->entity, entry->field);

    while (*next != place) {
        next = &dedupe->ring[*next - 1].next;
    }

    *next = entry->next;
}
