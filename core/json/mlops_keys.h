/*
 * Keys of entities, by name: {"driver_id": [1001, "9999"], "city": "Köln"}.
 *
 * A value is a string or an integer, or a list of those.  They come out as
 * text, an integer as its digits, because only the view that is asked knows
 * its type: "1001" and 1001 are the same key.
 */

#ifndef MLOPS_KEYS_H
#define MLOPS_KEYS_H


#include "mlops_base.h"


typedef struct {
    mlops_str_t    name;
    uint32_t       n;
    uint32_t       room;
    mlops_str_t   *values;
} mlops_keys_t;


typedef struct {
    uint32_t       n;
    uint32_t       room;
    mlops_keys_t  *names;
    uint32_t       names_max;
    uint32_t       values_max;      /* of one name */
} mlops_keys_list_t;


void mlops_keys_init(mlops_keys_list_t *list, uint32_t names_max,
    uint32_t values_max);

/* The entry of that name, or NULL. */
mlops_keys_t *mlops_keys_find(const mlops_keys_list_t *list,
    const mlops_str_t *name);

/*
 * The entry of that name, made where there is none; and a value for it.
 * MLOPS_OK; MLOPS_LIMIT, MLOPS_ERROR (memory) with err.
 */
int mlops_keys_name(mlops_keys_list_t *list, const mlops_str_t *name,
    mlops_keys_t **keys, mlops_arena_t *arena, mlops_err_t *err);
int mlops_keys_add(const mlops_keys_list_t *list, mlops_keys_t *keys,
    const mlops_str_t *value, mlops_arena_t *arena, mlops_err_t *err);

/* Reads a body; its texts point into it, or into the arena.  As above, and
 * MLOPS_ERROR where it is malformed. */
int mlops_keys_parse(mlops_keys_list_t *list, const char *body, size_t len,
    mlops_arena_t *arena, mlops_err_t *err);


#endif /* MLOPS_KEYS_H */
