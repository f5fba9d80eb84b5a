/*
 * plan.json of any bytes: what is read is written and read again, and is the
 * same; sources of directives, of any bytes.
 */

#include "mlops_plan.h"

#include <stdio.h>
#include <stdlib.h>


#define check(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);        \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
fuzz_json(const char *text, size_t len)
{
    char                *one, *two;
    size_t               n, m;
    mlops_err_t          err;
    mlops_plan_t         plan, again;
    mlops_arena_t        arena;
    mlops_plan_where_t   where;

    mlops_arena_init(&arena, NULL, NULL);
    mlops_plan_init(&plan, &arena);
    mlops_plan_init(&again, &arena);

    if (mlops_plan_read(&plan, text, len, &where, &err) == MLOPS_OK) {
        check(mlops_plan_write(&plan, "now", &one, &n, &err) == MLOPS_OK);
        check(mlops_plan_read(&again, one, n, &where, &err) == MLOPS_OK);
        check(mlops_plan_write(&again, "now", &two, &m, &err) == MLOPS_OK);
        check(n == m && memcmp(one, two, n) == 0);
        check(plan.models_n == again.models_n);

        free(one);
        free(two);

    } else {
        check(err.text[0] != '\0');
    }

    mlops_arena_destroy(&arena);
}


static void
fuzz_words(const char *text, size_t len)
{
    uint32_t      i, lines[8], wrong;
    uint64_t      value;
    mlops_err_t   err;
    mlops_str_t   s;

    if (mlops_plan_words(text, len, 1000000, lines, 8, &wrong, &err)
        == MLOPS_OK)
    {
        for (i = 0; i < 8; i++) {
            check(lines[i] >= 1 && lines[i] <= 1000000);
            check(i == 0 || lines[i] >= lines[i - 1]);
        }
    }

    s.data = text;
    s.len = len;

    (void) mlops_plan_size(&s, &value);
    (void) mlops_plan_time(&s, &value);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_json((const char *) data, size);
    fuzz_words((const char *) data, size);

    return 0;
}
