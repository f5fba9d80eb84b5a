/*
 * mlops_model NAME { … }: what the serving of one model needs beyond its
 * image.
 */

#include "mlops_plan_table.h"

#include "mlops_request.h"


static int mlops_plan_nonfinite(mlops_plan_call_t *call);
static int mlops_plan_range(mlops_plan_call_t *call);


static const mlops_plan_entry_t  mlops_plan_model_table[] = {

    { "nonfinite", 1, 2, MLOPS_PLAN_ONCE, mlops_plan_nonfinite,
      "nonfinite [input=refuse|accept] [output=null|string|token];" },

    { "range", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_range,
      "range flag|refuse|clip;" },

    { "join", 2, 8, 0, mlops_plan_join,
      "join view key=column|$variable|'constant' [prefix=text|suffix=text] "
      "[max_age=time] [missing=default|null|refuse] [timeout=time] "
      "[override=column,...];" }
};


int
mlops_plan_model_block(mlops_plan_call_t *call)
{
    char                       place[MLOPS_PLAN_PLACE_SIZE];
    uint32_t                   n, cap;
    mlops_str_t               *name;
    mlops_plan_t              *plan;
    mlops_plan_node_t         *node;
    mlops_plan_model_t        *model, *models;
    const mlops_plan_model_t  *other;

    plan = call->plan;
    name = &call->node->args[1];

    if (mlops_plan_name(call, "model", name) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    other = mlops_plan_model(plan, name->data, name->len);

    if (other != NULL) {
        return mlops_plan_wrong(call, 1, "model \"%.*s\" is duplicate: it is "
                                "in %.*s:%u already", mlops_fmt(name),
                                mlops_fmt(&other->node->file),
                                other->node->line);
    }

    if (plan->models_n == plan->models_cap) {
        cap = (plan->models_cap == 0) ? 8 : plan->models_cap * 2;

        models = mlops_arena_calloc(plan->arena, cap, sizeof(*models));
        if (models == NULL) {
            return mlops_plan_wrong(call, 0, "out of memory");
        }

        if (plan->models_n != 0) {
            memcpy(models, plan->models, plan->models_n * sizeof(*models));
        }

        plan->models = models;
        plan->models_cap = cap;
    }

    model = &plan->models[plan->models_n++];

    model->name = *name;
    model->node = call->node;

    n = 0;

    for (node = call->node->children; node != NULL; node = node->next) {
        n += (node->args_n != 0 && mlops_str_is(&node->args[0], "join"));
    }

    model->joins = mlops_arena_calloc(plan->arena, n, sizeof(*model->joins));
    if (model->joins == NULL) {
        return mlops_plan_wrong(call, 0, "out of memory");
    }

    mlops_plan_place(place, "mlops_model", name);

    return mlops_plan_children(mlops_plan_model_table,
                               mlops_nitems(mlops_plan_model_table), call,
                               place, model);
}


static int
mlops_plan_nonfinite(mlops_plan_call_t *call)
{
    uint32_t             i, n;
    mlops_str_t          value;
    mlops_plan_model_t  *model;

    static const char *const  keys[] = { "input=", "output=" };
    static const char *const  in[] = { "refuse", "accept" };
    static const char *const  out[] = { "null", "string", "token" };

    model = call->data;

    for (i = 1; i < call->node->args_n; i++) {

        switch (mlops_plan_param(call, i, "input", &value)) {

        case MLOPS_OK:
            if (mlops_plan_choice(call, i, sizeof("input=") - 1, in,
                                  mlops_nitems(in), &n)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            model->nonfinite_in = (n == 1);
            continue;

        case MLOPS_ERROR:
            return MLOPS_ERROR;
        }

        switch (mlops_plan_param(call, i, "output", &value)) {

        case MLOPS_OK:
            if (mlops_plan_choice(call, i, sizeof("output=") - 1, out,
                                  mlops_nitems(out), &n)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            model->nonfinite_out = (n == 0) ? MLOPS_NONFINITE_NULL
                                   : (n == 1) ? MLOPS_NONFINITE_STRING
                                   : MLOPS_NONFINITE_TOKEN;
            continue;

        case MLOPS_ERROR:
            return MLOPS_ERROR;
        }

        return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));
    }

    return MLOPS_OK;
}


static int
mlops_plan_range(mlops_plan_call_t *call)
{
    uint32_t             n;
    mlops_plan_model_t  *model;

    static const char *const    words[] = { "flag", "refuse", "clip" };
    static const mlops_range_t  values[] = {
        MLOPS_RANGE_FLAG, MLOPS_RANGE_REFUSE, MLOPS_RANGE_CLIP
    };

    model = call->data;

    if (mlops_plan_choice(call, 1, 0, words, mlops_nitems(words), &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    model->range = values[n];

    return MLOPS_OK;
}
