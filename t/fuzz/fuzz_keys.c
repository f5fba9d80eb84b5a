/*
 * Keys of entities as JSON.  What is accepted is JSON by the byte scanner,
 * within its limits, with names that differ and texts of UTF-8; a number is
 * digits alone.
 */

#include "fuzz.h"

#include "mlops_keys.h"
#include "mlops_row.h"
#include "mlops_scan.h"


#define NAMES   4
#define VALUES  7

static void
check_list(const mlops_keys_list_t *list)
{
    uint32_t             i, j;
    const mlops_keys_t  *keys;

    check(list->n <= NAMES);

    for (i = 0; i < list->n; i++) {
        keys = &list->names[i];

        check(keys->n <= VALUES);
        check(mlops_utf8_valid(keys->name.data, keys->name.len));
        check(mlops_keys_find(list, &keys->name) == keys);

        for (j = 0; j < keys->n; j++) {
            check(mlops_utf8_valid(keys->values[j].data,
                                   keys->values[j].len));
        }
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  rc;
    char                *body;
    const char          *end;
    mlops_err_t          err;
    mlops_arena_t        arena;
    mlops_keys_list_t    list;
    mlops_scan_fault_t   fault;

    body = fuzz_copy(data, size);
    mlops_arena_init(&arena, NULL, NULL);
    mlops_keys_init(&list, NAMES, VALUES);
    err.text[0] = '\0';

    rc = mlops_keys_parse(&list, body, size, &arena, &err);

    if (rc == MLOPS_OK) {
        end = mlops_scan_value(body, body + size, 2, 0, &fault);
        check(end != NULL
              && mlops_scan_ws(end, body + size) == body + size);
        check_list(&list);

    } else {
        check(rc == MLOPS_ERROR || rc == MLOPS_LIMIT);
        check(err.text[0] != '\0');
    }

    mlops_arena_destroy(&arena);
    free(body);

    return 0;
}
