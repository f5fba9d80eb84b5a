/*
 * The plan's top level: store, registry, models.
 */

#include "mlops_plan_table.h"

#include "mlops_store.h"


static int mlops_plan_store(mlops_plan_call_t *call);
static int mlops_plan_registry(mlops_plan_call_t *call);
static int mlops_plan_path(mlops_plan_call_t *call, mlops_str_t *path);
static int mlops_plan_needs_store(const mlops_plan_node_t *node,
    mlops_plan_where_t *where, mlops_err_t *err);


static const mlops_plan_entry_t  mlops_plan_table[] = {

    { "mlops_store", 1, 3, MLOPS_PLAN_ONCE, mlops_plan_store,
      "mlops_store path [size=size] [user=name];" },

    { "mlops_registry", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_registry,
      "mlops_registry path;" },

    { "mlops_model", 1, 1, MLOPS_PLAN_BLOCK, mlops_plan_model_block,
      "mlops_model name { ... }" }
};


void
mlops_plan_init(mlops_plan_t *plan, mlops_arena_t *arena)
{
    memset(plan, 0, sizeof(*plan));

    plan->arena = arena;
    plan->last = &plan->nodes;
}


int
mlops_plan_add(mlops_plan_t *plan, mlops_plan_node_t *node,
    mlops_plan_where_t *where, mlops_err_t *err)
{
    mlops_plan_call_t  call;

    memset(&call, 0, sizeof(call));

    call.plan = plan;
    call.node = node;
    call.first = plan->nodes;
    call.place = "";
    call.where = where;
    call.err = err;

    node->next = NULL;

    if (mlops_plan_run(mlops_plan_table, mlops_nitems(mlops_plan_table),
                       &call)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *plan->last = node;
    plan->last = &node->next;

    return MLOPS_OK;
}


int
mlops_plan_finish(mlops_plan_t *plan, mlops_plan_where_t *where,
    mlops_err_t *err)
{
    if (plan->store.len == 0) {

        if (plan->registry_node != NULL) {
            return mlops_plan_needs_store(plan->registry_node, where, err);
        }

        if (plan->models_n != 0) {
            return mlops_plan_needs_store(plan->models[0].node, where, err);
        }

        return MLOPS_OK;
    }

    if (plan->registry.len != 0
        && mlops_str_eq(&plan->registry, plan->store.data, plan->store.len))
    {
        where->file = plan->registry_node->file;
        where->line = plan->registry_node->line;

        return mlops_err_set(err, "\"mlops_registry\" is the directory of "
                             "\"mlops_store\", %.*s: expected another one",
                             mlops_fmt(&plan->store));
    }

    return MLOPS_OK;
}


static int
mlops_plan_needs_store(const mlops_plan_node_t *node,
    mlops_plan_where_t *where, mlops_err_t *err)
{
    where->file = node->file;
    where->line = node->line;

    return mlops_err_set(err, "\"%.*s\" needs a store: expected "
                         "\"mlops_store path;\" beside it",
                         mlops_fmt(&node->args[0]));
}


const mlops_plan_model_t *
mlops_plan_model(const mlops_plan_t *plan, const char *name, size_t len)
{
    uint32_t  i;

    for (i = 0; i < plan->models_n; i++) {
        if (mlops_str_eq(&plan->models[i].name, name, len)) {
            return &plan->models[i];
        }
    }

    return NULL;
}


static int
mlops_plan_store(mlops_plan_call_t *call)
{
    uint32_t      i;
    mlops_str_t   value;
    mlops_plan_t *plan;

    static const char *const  keys[] = { "size=", "user=" };

    plan = call->plan;

    if (mlops_plan_path(call, &plan->store) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    plan->store_node = call->node;

    for (i = 2; i < call->node->args_n; i++) {

        switch (mlops_plan_param(call, i, "size", &value)) {

        case MLOPS_OK:
            if (mlops_plan_size(&value, &plan->store_size) != MLOPS_OK
                || plan->store_size == 0)
            {
                return mlops_plan_wrong(call, i, "invalid value \"%.*s\" of "
                                        "\"size=\" in \"mlops_store\": "
                                        "expected a size such as 64m or 1g",
                                        mlops_fmt(&value));
            }

            continue;

        case MLOPS_ERROR:
            return MLOPS_ERROR;
        }

        switch (mlops_plan_param(call, i, "user", &value)) {

        case MLOPS_OK:
            if (value.len == 0) {
                return mlops_plan_wrong(call, i, "\"user=\" in "
                                        "\"mlops_store\" is empty: expected "
                                        "the name of an account");
            }

            plan->store_user = value;
            continue;

        case MLOPS_ERROR:
            return MLOPS_ERROR;
        }

        return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));
    }

    return MLOPS_OK;
}


static int
mlops_plan_registry(mlops_plan_call_t *call)
{
    call->plan->registry_node = call->node;

    return mlops_plan_path(call, &call->plan->registry);
}


/* The first argument, which the module has made absolute already. */

static int
mlops_plan_path(mlops_plan_call_t *call, mlops_str_t *path)
{
    size_t        len;
    mlops_str_t  *arg;

    arg = &call->node->args[1];
    len = arg->len;

    while (len > 1 && arg->data[len - 1] == '/') {
        len--;
    }

    if (len < 2 || arg->data[0] != '/') {
        return mlops_plan_wrong(call, 1, "invalid path \"%.*s\" in \"%.*s\":"
                                " expected a directory below \"/\"",
                                mlops_fmt(arg),
                                mlops_fmt(&call->node->args[0]));
    }

    if (len >= MLOPS_PLAN_PATH_SIZE || memchr(arg->data, '\0', len) != NULL)
    {
        return mlops_plan_wrong(call, 1, "the path of \"%.*s\" is too long: "
                                "expected less than %d bytes, got %zu",
                                mlops_fmt(&call->node->args[0]),
                                MLOPS_PLAN_PATH_SIZE, len);
    }

    path->data = arg->data;
    path->len = len;

    return MLOPS_OK;
}
