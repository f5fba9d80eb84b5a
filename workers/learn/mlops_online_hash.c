/*
 * The hashes of features.  mlops_online.h has the bytes they are of.
 */

#include "mlops_online.h"
#include "mlops_hash.h"


#define MLOPS_ONLINE_SEED   0x6d6c6f70736f6e6cull
#define MLOPS_ONLINE_SHORT  240         /* bytes that are put together */


static uint64_t mlops_online_hash(char kind, const mlops_str_t *name,
    const mlops_str_t *text);
static char *mlops_online_put(char *p, uint64_t value, unsigned bytes);


uint64_t
mlops_online_hash_bias(void)
{
    return mlops_hash("b", 1, MLOPS_ONLINE_SEED);
}


uint64_t
mlops_online_hash_number(const mlops_str_t *name)
{
    return mlops_online_hash('n', name, NULL);
}


uint64_t
mlops_online_hash_category(const mlops_str_t *name, const mlops_str_t *text)
{
    return mlops_online_hash('c', name, text);
}


uint64_t
mlops_online_hash_missing(const mlops_str_t *name)
{
    return mlops_online_hash('m', name, NULL);
}


uint64_t
mlops_online_hash_cross(uint64_t a, uint64_t b)
{
    char  bytes[17], *p;

    bytes[0] = 'x';
    p = mlops_online_put(bytes + 1, a, 8);
    (void) mlops_online_put(p, b, 8);

    return mlops_hash(bytes, sizeof(bytes), MLOPS_ONLINE_SEED);
}


/* Short ones in one piece, which is faster; the value is the same. */

static uint64_t
mlops_online_hash(char kind, const mlops_str_t *name, const mlops_str_t *text)
{
    char          bytes[MLOPS_ONLINE_SHORT], *p;
    size_t        i, n;
    mlops_hash_t  h;

    const mlops_str_t  *parts[] = { name, text };

    n = (text != NULL) ? 2 : 1;
    p = bytes;
    *p++ = kind;

    if (name->len + (text ? text->len : 0) <= MLOPS_ONLINE_SHORT - 9) {

        for (i = 0; i < n; i++) {
            p = mlops_online_put(p, parts[i]->len, 4);

            if (parts[i]->len > 0) {
                memcpy(p, parts[i]->data, parts[i]->len);
                p += parts[i]->len;
            }
        }

        return mlops_hash(bytes, (size_t) (p - bytes), MLOPS_ONLINE_SEED);
    }

    mlops_hash_init(&h, MLOPS_ONLINE_SEED);
    mlops_hash_update(&h, bytes, 1);

    for (i = 0; i < n; i++) {
        p = mlops_online_put(bytes, parts[i]->len, 4);
        mlops_hash_update(&h, bytes, (size_t) (p - bytes));
        mlops_hash_update(&h, parts[i]->data, parts[i]->len);
    }

    return mlops_hash_value(&h);
}


static char *
mlops_online_put(char *p, uint64_t value, unsigned bytes)
{
    unsigned  i;

    for (i = 0; i < bytes; i++) {
        *p++ = (char) (value >> (8 * i));
    }

    return p;
}
