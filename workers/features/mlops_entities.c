/*
 * The entities of a shard: index, rows, order of last use.
 */

#include "mlops_entities.h"
#include "mlops_pages.h"


static size_t mlops_entities_rows_len(const mlops_entities_t *entities);
static int mlops_entities_key_is(const mlops_entities_t *entities,
    uint32_t number, const mlops_key_t *key);
static void mlops_entities_enter(mlops_entities_t *entities, uint64_t hash,
    uint32_t number);
static void mlops_entities_leave(mlops_entities_t *entities, uint64_t hash,
    uint32_t number);
static void mlops_entities_unlink(mlops_entities_t *entities,
    uint32_t number);
static void mlops_entities_front(mlops_entities_t *entities,
    uint32_t number);


int
mlops_entities_init(mlops_entities_t *entities, mlops_type_t key_type,
    uint32_t key_max, uint32_t limit, mlops_err_t *err)
{
    memset(entities, 0, sizeof(*entities));

    entities->key_type = key_type;
    entities->key_max = key_max;
    entities->key_size = (key_type == MLOPS_TYPE_INT64)
                         ? 8 : (uint32_t) mlops_align(4 + key_max, 8);
    entities->stride = (uint32_t) sizeof(mlops_entity_t)
                       + entities->key_size;

    if (entities->stride < 64) {
        entities->stride = 64;
    }

    entities->limit = limit;
    entities->slots_n = limit + limit / 2 + 8;
    entities->free = MLOPS_ENTITY_NONE;
    entities->newest = MLOPS_ENTITY_NONE;
    entities->oldest = MLOPS_ENTITY_NONE;

    entities->slots = mlops_pages_reserve(entities->slots_n
                                          * sizeof(uint64_t));
    entities->links = mlops_pages_reserve(limit
                                          * sizeof(mlops_entity_link_t));
    entities->rows = mlops_pages_reserve(mlops_entities_rows_len(entities));

    if (entities->slots == NULL || entities->links == NULL
        || entities->rows == NULL)
    {
        mlops_entities_destroy(entities);

        return mlops_err_set(err, "out of memory: addresses for %u entities",
                             (unsigned) limit);
    }

    return MLOPS_OK;
}


static size_t
mlops_entities_rows_len(const mlops_entities_t *entities)
{
    return (size_t) entities->limit * entities->stride;
}


void
mlops_entities_destroy(mlops_entities_t *entities)
{
    mlops_pages_release(entities->slots,
                        entities->slots_n * sizeof(uint64_t));
    mlops_pages_release(entities->links,
                        entities->limit * sizeof(mlops_entity_link_t));
    mlops_pages_release(entities->rows, mlops_entities_rows_len(entities));

    entities->slots = NULL;
    entities->links = NULL;
    entities->rows = NULL;
}


uint32_t
mlops_entities_find(const mlops_entities_t *entities, const mlops_key_t *key,
    uint64_t hash)
{
    uint32_t  number, s;
    uint64_t  slot;

    s = mlops_entities_home(entities, hash);

    while ((slot = entities->slots[s]) != 0) {

        if (slot >> 32 == (hash & UINT32_MAX)) {
            number = (uint32_t) slot - 1;

            if (mlops_entity(entities, number)->hash == hash
                && mlops_entities_key_is(entities, number, key))
            {
                return number;
            }
        }

        s = (s + 1 == entities->slots_n) ? 0 : s + 1;
    }

    return MLOPS_ENTITY_NONE;
}


uint32_t
mlops_entities_guess(const mlops_entities_t *entities, uint64_t hash)
{
    uint32_t  s;
    uint64_t  slot;

    s = mlops_entities_home(entities, hash);

    while ((slot = entities->slots[s]) != 0) {

        if (slot >> 32 == (hash & UINT32_MAX)) {
            return (uint32_t) slot - 1;
        }

        s = (s + 1 == entities->slots_n) ? 0 : s + 1;
    }

    return MLOPS_ENTITY_NONE;
}


static int
mlops_entities_key_is(const mlops_entities_t *entities, uint32_t number,
    const mlops_key_t *key)
{
    uint32_t     len;
    const char  *p;

    p = (const char *) (mlops_entity(entities, number) + 1);

    if (entities->key_type == MLOPS_TYPE_INT64) {
        return memcmp(p, &key->number, sizeof(key->number)) == 0;
    }

    memcpy(&len, p, sizeof(len));

    return mlops_str_eq(&key->text, p + sizeof(len), len);
}


void
mlops_entities_key(const mlops_entities_t *entities, uint32_t number,
    mlops_key_t *key)
{
    uint32_t     len;
    const char  *p;

    p = (const char *) (mlops_entity(entities, number) + 1);

    memset(key, 0, sizeof(*key));

    if (entities->key_type == MLOPS_TYPE_INT64) {
        memcpy(&key->number, p, sizeof(key->number));
        return;
    }

    memcpy(&len, p, sizeof(len));

    key->text.data = p + sizeof(len);
    key->text.len = len;
}


uint32_t
mlops_entities_add(mlops_entities_t *entities, const mlops_key_t *key,
    uint64_t hash)
{
    char            *p;
    uint32_t         len, number;
    mlops_entity_t  *entity;

    if (entities->free != MLOPS_ENTITY_NONE) {
        number = entities->free;
        entities->free = entities->links[number].newer;

    } else if (entities->fresh < entities->limit) {
        number = entities->fresh++;

    } else {
        return MLOPS_ENTITY_NONE;
    }

    entity = mlops_entity(entities, number);
    memset(entity, 0, entities->stride);
    entity->hash = hash;

    p = (char *) (entity + 1);

    if (entities->key_type == MLOPS_TYPE_INT64) {
        memcpy(p, &key->number, sizeof(key->number));

    } else {
        len = (uint32_t) key->text.len;
        memcpy(p, &len, sizeof(len));
        memcpy(p + sizeof(len), key->text.data, len);
    }

    mlops_entities_enter(entities, hash, number);
    mlops_entities_front(entities, number);
    entities->n++;

    return number;
}


void
mlops_entities_remove(mlops_entities_t *entities, uint32_t number)
{
    mlops_entity_t  *entity;

    entity = mlops_entity(entities, number);

    mlops_entities_leave(entities, entity->hash, number);
    mlops_entities_unlink(entities, number);

    entity->used = 0;

    entities->links[number].newer = entities->free;
    entities->free = number;
    entities->n--;
}


void
mlops_entities_use(mlops_entities_t *entities, uint32_t number)
{
    if (entities->newest != number) {
        mlops_entities_unlink(entities, number);
        mlops_entities_front(entities, number);
    }
}


/* There are more slots than rows. */

static void
mlops_entities_enter(mlops_entities_t *entities, uint64_t hash,
    uint32_t number)
{
    uint32_t  s;

    s = mlops_entities_home(entities, hash);

    while (entities->slots[s] != 0) {
        s = (s + 1 == entities->slots_n) ? 0 : s + 1;
    }

    entities->slots[s] = hash << 32 | (number + 1);
}


/* Knuth, vol. 3, 6.4, algorithm R: a later slot is moved into the gap unless
 * its home lies behind the gap. */

static void
mlops_entities_leave(mlops_entities_t *entities, uint64_t hash,
    uint32_t number)
{
    uint32_t  gap, home, n, s;
    uint64_t  slot;

    n = entities->slots_n;
    gap = mlops_entities_home(entities, hash);

    while ((uint32_t) entities->slots[gap] != number + 1) {
        gap = (gap + 1 == n) ? 0 : gap + 1;
    }

    for (s = gap; /* void */ ; /* void */ ) {
        s = (s + 1 == n) ? 0 : s + 1;
        slot = entities->slots[s];

        if (slot == 0) {
            break;
        }

        home = mlops_entities_home(entities, slot >> 32);

        if ((s >= home ? s - home : s + n - home)
            >= (s >= gap ? s - gap : s + n - gap))
        {
            entities->slots[gap] = slot;
            gap = s;
        }
    }

    entities->slots[gap] = 0;
}


static void
mlops_entities_unlink(mlops_entities_t *entities, uint32_t number)
{
    mlops_entity_link_t  link;

    link = entities->links[number];

    if (link.newer == MLOPS_ENTITY_NONE) {
        entities->newest = link.older;

    } else {
        entities->links[link.newer].older = link.older;
    }

    if (link.older == MLOPS_ENTITY_NONE) {
        entities->oldest = link.newer;

    } else {
        entities->links[link.older].newer = link.newer;
    }
}


static void
mlops_entities_front(mlops_entities_t *entities, uint32_t number)
{
    entities->links[number].newer = MLOPS_ENTITY_NONE;
    entities->links[number].older = entities->newest;

    if (entities->newest == MLOPS_ENTITY_NONE) {
        entities->oldest = number;

    } else {
        entities->links[entities->newest].newer = number;
    }

    entities->newest = number;
}


uint64_t
mlops_entities_bytes(const mlops_entities_t *entities)
{
    return (uint64_t) entities->fresh
           * (entities->stride + sizeof(mlops_entity_link_t)
              + sizeof(uint64_t) * 3 / 2);
}
