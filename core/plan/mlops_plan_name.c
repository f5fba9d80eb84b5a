/*
 * Names of models, views and clusters: what they may be, and what is said of
 * one that nobody has.
 */

#include "mlops_plan_table.h"

#include "mlops_store.h"

#include <stdio.h>


#define MLOPS_PLAN_NAMES_MAX  64    /* more are neither guessed nor listed */


int
mlops_plan_name(mlops_plan_call_t *call, const char *what,
    const mlops_str_t *name)
{
    if (mlops_name_valid(name->data, name->len)) {
        return MLOPS_OK;
    }

    return mlops_plan_wrong(call, 1, "invalid %s name \"%.*s\": expected 1 to"
                            " 64 letters, digits, \"_\", \"-\" and \".\", the"
                            " first not a dot", what, mlops_fmt(name));
}


void
mlops_plan_place(char place[MLOPS_PLAN_PLACE_SIZE], const char *block,
    const mlops_str_t *name)
{
    (void) snprintf(place, MLOPS_PLAN_PLACE_SIZE, " in %s \"%.*s\"", block,
                    mlops_fmt(name));
}


void
mlops_plan_call(mlops_plan_call_t *call, mlops_plan_t *plan,
    mlops_plan_node_t *node, const char *place, mlops_plan_where_t *where,
    mlops_err_t *err)
{
    memset(call, 0, sizeof(*call));

    call->plan = plan;
    call->node = node;
    call->first = plan->nodes;
    call->place = place;
    call->where = where;
    call->err = err;
}


int
mlops_plan_unknown_name(mlops_plan_call_t *call, uint32_t arg,
    const char *what, const mlops_str_t *name, const mlops_str_t *names,
    uint32_t n, size_t stride)
{
    char                list[256];
    uint32_t            i;
    const char         *guess, *texts[MLOPS_PLAN_NAMES_MAX];
    const mlops_str_t  *s;

    if (n == 0) {
        return mlops_plan_wrong(call, arg, "unknown %s \"%.*s\" in \"%.*s\""
                                "%s: there is none", what, mlops_fmt(name),
                                mlops_fmt(&call->node->args[0]), call->place);
    }

    if (n > MLOPS_PLAN_NAMES_MAX) {
        n = MLOPS_PLAN_NAMES_MAX;
    }

    for (i = 0; i < n; i++) {
        s = (const mlops_str_t *) ((const char *) names + i * stride);

        texts[i] = mlops_arena_copy(call->plan->arena, s->data, s->len);
        if (texts[i] == NULL) {
            return mlops_plan_wrong(call, 0, "out of memory");
        }
    }

    guess = mlops_plan_guess(name, texts, n);

    if (guess != NULL) {
        return mlops_plan_wrong(call, arg, "unknown %s \"%.*s\" in \"%.*s\""
                                "%s: did you mean \"%s\"?", what,
                                mlops_fmt(name),
                                mlops_fmt(&call->node->args[0]), call->place,
                                guess);
    }

    mlops_plan_list(list, sizeof(list), texts, n);

    return mlops_plan_wrong(call, arg, "unknown %s \"%.*s\" in \"%.*s\"%s: "
                            "expected %s", what, mlops_fmt(name),
                            mlops_fmt(&call->node->args[0]), call->place,
                            list);
}
