/*
 * The plan's top level: store, registry, state; what models, views and
 * clusters have to do with each other.
 */

#include "mlops_plan_table.h"

#include "mlops_store.h"


static int mlops_plan_store(mlops_plan_call_t *call);
static int mlops_plan_registry(mlops_plan_call_t *call);
static int mlops_plan_state(mlops_plan_call_t *call);
static int mlops_plan_path(mlops_plan_call_t *call, mlops_str_t *path);
static int mlops_plan_no_store(const mlops_plan_t *plan,
    mlops_plan_where_t *where, mlops_err_t *err);
static int mlops_plan_needs_store(const mlops_plan_node_t *node,
    mlops_plan_where_t *where, mlops_err_t *err);
static int mlops_plan_apart(const mlops_plan_node_t *node,
    const mlops_str_t *path, const mlops_str_t *other, const char *name,
    mlops_plan_where_t *where, mlops_err_t *err);
static int mlops_plan_tables_fit(const mlops_plan_t *plan,
    mlops_plan_where_t *where, mlops_err_t *err);


static const mlops_plan_entry_t  mlops_plan_table[] = {

    { "mlops_store", 1, 3, MLOPS_PLAN_ONCE, mlops_plan_store,
      "mlops_store path [size=size] [user=name];" },

    { "mlops_registry", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_registry,
      "mlops_registry path;" },

    { "mlops_state", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_state,
      "mlops_state path;" },

    { "mlops_kafka", 1, 1, MLOPS_PLAN_BLOCK, mlops_plan_kafka_block,
      "mlops_kafka name { ... }" },

    { "mlops_view", 1, 1, MLOPS_PLAN_BLOCK, mlops_plan_view_block,
      "mlops_view name { ... }" },

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
    uint32_t  i;

    if (plan->store.len == 0) {
        return mlops_plan_no_store(plan, where, err);
    }

    if (mlops_plan_apart(plan->registry_node, &plan->registry, &plan->store,
                         "mlops_store", where, err)
        != MLOPS_OK
        || mlops_plan_apart(plan->state_node, &plan->state, &plan->store,
                            "mlops_store", where, err)
           != MLOPS_OK
        || mlops_plan_apart(plan->state_node, &plan->state, &plan->registry,
                            "mlops_registry", where, err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < plan->views_n; i++) {
        if (mlops_plan_view_finish(plan, &plan->views[i], where, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    for (i = 0; i < plan->models_n; i++) {
        if (mlops_plan_join_finish(plan, &plan->models[i], where, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return mlops_plan_tables_fit(plan, where, err);
}


/* Nothing else is useful without one; a cluster alone does no harm. */

static int
mlops_plan_no_store(const mlops_plan_t *plan, mlops_plan_where_t *where,
    mlops_err_t *err)
{
    if (plan->registry_node != NULL) {
        return mlops_plan_needs_store(plan->registry_node, where, err);
    }

    if (plan->views_n != 0) {
        return mlops_plan_needs_store(plan->views[0].node, where, err);
    }

    if (plan->models_n != 0) {
        return mlops_plan_needs_store(plan->models[0].node, where, err);
    }

    return MLOPS_OK;
}


static int
mlops_plan_apart(const mlops_plan_node_t *node, const mlops_str_t *path,
    const mlops_str_t *other, const char *name, mlops_plan_where_t *where,
    mlops_err_t *err)
{
    if (path->len == 0 || !mlops_str_eq(path, other->data, other->len)) {
        return MLOPS_OK;
    }

    where->file = node->file;
    where->line = node->line;

    return mlops_err_set(err, "\"%.*s\" is the directory of \"%s\", %.*s: "
                         "expected another one", mlops_fmt(&node->args[0]),
                         name, mlops_fmt(other));
}


/* Tables are made when entities come: what cannot fit is told before. */

static int
mlops_plan_tables_fit(const mlops_plan_t *plan, mlops_plan_where_t *where,
    mlops_err_t *err)
{
    uint32_t                  i;
    uint64_t                  bytes, total;
    const mlops_plan_node_t  *node, *wrong;
    const mlops_plan_view_t  *view;

    total = 0;

    for (i = 0; i < plan->views_n && plan->store_size != 0; i++) {
        view = &plan->views[i];
        bytes = (uint64_t) view->row_bytes * view->max_entities;

        if (total + bytes <= plan->store_size) {
            total += bytes;
            continue;
        }

        wrong = view->node;

        for (node = wrong->children; node != NULL; node = node->next) {
            if (mlops_str_is(&node->args[0], "max_entities")) {
                wrong = node;
            }
        }

        where->file = wrong->file;
        where->line = wrong->line;

        return mlops_err_set(err, "the table of view \"%.*s\" may need %llu "
                             "bytes, %u for each of %u entities, and of "
                             "\"mlops_store\" size=%llu %llu are left: "
                             "expected fewer \"max_entities\" or a larger "
                             "store", mlops_fmt(&view->name),
                             (unsigned long long) bytes, view->row_bytes,
                             view->max_entities,
                             (unsigned long long) plan->store_size,
                             (unsigned long long) (plan->store_size
                                                   - total));
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


const mlops_plan_view_t *
mlops_plan_view(const mlops_plan_t *plan, const char *name, size_t len)
{
    uint32_t  i;

    for (i = 0; i < plan->views_n; i++) {
        if (mlops_str_eq(&plan->views[i].name, name, len)) {
            return &plan->views[i];
        }
    }

    return NULL;
}


mlops_plan_kafka_t *
mlops_plan_kafka(const mlops_plan_t *plan, const char *name, size_t len)
{
    uint32_t  i;

    for (i = 0; i < plan->kafkas_n; i++) {
        if (mlops_str_eq(&plan->kafkas[i].name, name, len)) {
            return &plan->kafkas[i];
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


static int
mlops_plan_state(mlops_plan_call_t *call)
{
    call->plan->state_node = call->node;

    return mlops_plan_path(call, &call->plan->state);
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
