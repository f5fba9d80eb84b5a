/*
 * mlops_view NAME { … }: the block, its plain directives, and what is made of
 * all of them once it ends.
 */

#include "mlops_plan_build.h"

#include "mlops_table.h"

#include <stdio.h>


static mlops_plan_view_t *mlops_plan_view_add(mlops_plan_call_t *call);
static int mlops_plan_view_complete(mlops_plan_call_t *call);
static int mlops_plan_view_batch(mlops_plan_call_t *call);
static int mlops_plan_view_topics(mlops_plan_call_t *call);
static int mlops_plan_view_apart(mlops_plan_call_t *call);
static mlops_plan_call_t mlops_plan_view_child(mlops_plan_call_t *call,
    const char *name);
static int mlops_plan_view_schemas(mlops_plan_call_t *call);
static int mlops_plan_view_failed(mlops_plan_call_t *call);
static int mlops_plan_view_alone(mlops_plan_call_t *call,
    const mlops_plan_view_t *view);

static int mlops_plan_clock(mlops_plan_call_t *call);
static int mlops_plan_ttl(mlops_plan_call_t *call);
static int mlops_plan_max_entities(mlops_plan_call_t *call);
static int mlops_plan_shards(mlops_plan_call_t *call);
static int mlops_plan_role(mlops_plan_call_t *call);
static int mlops_plan_publish(mlops_plan_call_t *call);
static int mlops_plan_dead_letters(mlops_plan_call_t *call);
static int mlops_plan_log(mlops_plan_call_t *call);
static int mlops_plan_store_kind(mlops_plan_call_t *call);


static const mlops_plan_entry_t  mlops_plan_view_table[] = {

    { "source", 1, MLOPS_PLAN_MANY, MLOPS_PLAN_ONCE, mlops_plan_source,
      "source kafka=name topic=name [format=json|cloudevents] [type=type] "
      "[group=name] | file=path;" },

    { "entity", 2, 3, MLOPS_PLAN_ONCE, mlops_plan_entity,
      "entity field int64|string [bytes=n];" },

    { "event_time", 1, 4, MLOPS_PLAN_ONCE, mlops_plan_event_time,
      "event_time field [unit=s|ms|us|ns|iso] [lateness=time] "
      "[skew=time];" },

    { "clock", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_clock,
      "clock wall|event;" },

    { "dedupe", 1, 4, MLOPS_PLAN_ONCE, mlops_plan_dedupe,
      "dedupe field within=time [max=n] [type=int64|string];" },

    { "feature", 2, MLOPS_PLAN_MANY, 0, mlops_plan_feature,
      "feature name function(...) [window=time] [hop=time] "
      "[kind=sliding|hopping|tumbling] [where=condition] "
      "[type=int64|double|string] [bytes=n] [bins=n] [precision=n] "
      "[com=n];" },

    { "ttl", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_ttl,
      "ttl time;" },

    { "max_entities", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_max_entities,
      "max_entities n;" },

    { "shards", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_shards,
      "shards n;" },

    { "role", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_role,
      "role compute|follow;" },

    { "publish", 0, 1, MLOPS_PLAN_ONCE, mlops_plan_publish,
      "publish [topic=name];" },

    { "dead_letters", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_dead_letters,
      "dead_letters topic|off;" },

    { "log", 0, 0, MLOPS_PLAN_ONCE, mlops_plan_log,
      "log;" },

    { "store", 1, 1, MLOPS_PLAN_ONCE, mlops_plan_store_kind,
      "store shm;" }
};


int
mlops_plan_view_block(mlops_plan_call_t *call)
{
    char                 place[MLOPS_PLAN_PLACE_SIZE];
    mlops_plan_call_t    inner;
    mlops_plan_view_t   *view;
    mlops_plan_build_t   build;

    view = mlops_plan_view_add(call);
    if (view == NULL) {
        return MLOPS_ERROR;
    }

    memset(&build, 0, sizeof(build));
    build.view = view;

    mlops_plan_place(place, "mlops_view", &view->name);

    if (mlops_plan_children(mlops_plan_view_table,
                            mlops_nitems(mlops_plan_view_table), call, place,
                            &build)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    inner = *call;
    inner.place = place;
    inner.data = &build;

    return mlops_plan_view_complete(&inner);
}


/* A view with the defaults, in the plan. */

static mlops_plan_view_t *
mlops_plan_view_add(mlops_plan_call_t *call)
{
    uint32_t                  n, cap;
    mlops_str_t              *name;
    mlops_plan_t             *plan;
    mlops_plan_node_t        *node;
    mlops_plan_view_t        *view, *views;
    const mlops_plan_view_t  *other;

    plan = call->plan;
    name = &call->node->args[1];

    if (mlops_plan_name(call, "view", name) != MLOPS_OK) {
        return NULL;
    }

    other = mlops_plan_view(plan, name->data, name->len);

    if (other != NULL) {
        (void) mlops_plan_wrong(call, 1, "view \"%.*s\" is duplicate: it is "
                                "in %.*s:%u already", mlops_fmt(name),
                                mlops_fmt(&other->node->file),
                                other->node->line);
        return NULL;
    }

    if (plan->views_n == plan->views_cap) {
        cap = (plan->views_cap == 0) ? 4 : plan->views_cap * 2;

        views = mlops_arena_calloc(plan->arena, cap, sizeof(*views));
        if (views == NULL) {
            (void) mlops_plan_wrong(call, 0, "out of memory");
            return NULL;
        }

        if (plan->views_n != 0) {
            memcpy(views, plan->views, plan->views_n * sizeof(*views));
        }

        plan->views = views;
        plan->views_cap = cap;
    }

    view = &plan->views[plan->views_n++];

    view->name = *name;
    view->node = call->node;
    view->entity = MLOPS_NO_FIELD;
    view->time = MLOPS_NO_FIELD;
    view->dedupe = MLOPS_NO_FIELD;
    view->tick_us = 1;
    view->skew_us = 60 * 1000000;
    view->max_entities = 1000000;
    view->shards = 1;

    n = 0;

    for (node = call->node->children; node != NULL; node = node->next) {
        n += (node->args_n != 0 && mlops_str_is(&node->args[0], "feature"));
    }

    view->features = mlops_arena_calloc(plan->arena, n,
                                        sizeof(*view->features));
    if (view->features == NULL) {
        (void) mlops_plan_wrong(call, 0, "out of memory");
        return NULL;
    }

    return view;
}


/* The block has ended. */

static int
mlops_plan_view_complete(mlops_plan_call_t *call)
{
    mlops_plan_call_t   inner;
    mlops_plan_view_t  *view;

    view = ((mlops_plan_build_t *) call->data)->view;

    if (view->topic.len == 0 && view->file.len == 0) {
        return mlops_plan_wrong(call, 1, "no source%s: expected \"source "
                                "kafka=name topic=name;\" or \"source "
                                "file=path;\"", call->place);
    }

    if (view->entity == MLOPS_NO_FIELD) {
        return mlops_plan_wrong(call, 1, "no entity%s: expected \"entity "
                                "field int64|string;\"", call->place);
    }

    if (view->time == MLOPS_NO_FIELD && view->file.len == 0) {
        return mlops_plan_wrong(call, 1, "no event time%s: expected "
                                "\"event_time field [unit=...];\"",
                                call->place);
    }

    if (view->features_n == 0) {
        return mlops_plan_wrong(call, 1, "no feature%s: expected \"feature "
                                "name function(...);\"", call->place);
    }

    if (view->shards > view->max_entities) {
        inner = mlops_plan_view_child(call, "shards");

        return mlops_plan_wrong(&inner, 1, "%u shards of %u entities%s: "
                                "expected at least one entity a shard",
                                view->shards, view->max_entities,
                                call->place);
    }

    if (((view->file.len != 0) ? mlops_plan_view_batch(call)
                               : mlops_plan_view_topics(call))
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_plan_view_schemas(call);
}


/* A batch view has no topic of its own, and maybe no time. */

static int
mlops_plan_view_batch(mlops_plan_call_t *call)
{
    uint32_t               i;
    mlops_plan_call_t      inner;
    mlops_plan_node_t     *node;
    mlops_plan_view_t     *view;
    mlops_plan_feature_t  *feature;

    static const char *const  streams[] = {
        "publish", "dead_letters", "role", "log"
    };

    view = ((mlops_plan_build_t *) call->data)->view;
    inner = *call;

    for (node = call->node->children; node != NULL; node = node->next) {

        for (i = 0; i < mlops_nitems(streams); i++) {

            if (mlops_str_eq(&node->args[0], streams[i], strlen(streams[i])))
            {
                inner.node = node;

                return mlops_plan_wrong(&inner, 0, "\"%s\"%s is of topics: "
                                        "the source is a file", streams[i],
                                        call->place);
            }
        }
    }

    for (i = 0; i < view->features_n && view->time == MLOPS_NO_FIELD; i++) {
        feature = &view->features[i];

        if (feature->hop_us != 0) {
            inner.node = feature->node;

            return mlops_plan_wrong(&inner, 2, "%s() of feature \"%.*s\"%s "
                                    "needs a time: expected \"event_time "
                                    "field;\" beside it",
                                    mlops_func_name(feature->func),
                                    mlops_fmt(&feature->name), call->place);
        }
    }

    return MLOPS_OK;
}


/* Topics that the view makes, and their default names. */

static int
mlops_plan_view_topics(mlops_plan_call_t *call)
{
    char                *name;
    mlops_plan_call_t    inner;
    mlops_plan_view_t   *view;
    mlops_plan_build_t  *build;

    build = call->data;
    view = build->view;

    if (build->dead == NULL) {

        if (view->topic.len + 4 > MLOPS_PLAN_TOPIC_MAX) {
            inner = mlops_plan_view_child(call, "source");

            return mlops_plan_wrong(&inner, 0, "the topic of \"source\"%s is "
                                    "too long for one of dead letters, "
                                    "<topic>.dlq: expected \"dead_letters "
                                    "topic;\"", call->place);
        }

        name = mlops_arena_alloc(call->plan->arena, view->topic.len + 5);
        if (name == NULL) {
            return mlops_plan_wrong(call, 1, "out of memory");
        }

        view->dead.data = name;
        view->dead.len = sprintf(name, "%.*s.dlq", mlops_fmt(&view->topic));
    }

    if (view->role == MLOPS_ROLE_FOLLOW && view->publish.len == 0) {
        inner = mlops_plan_view_child(call, "role");

        return mlops_plan_wrong(&inner, 1, "\"role follow\"%s has no topic to "
                                "follow: expected \"publish [topic=name];\", "
                                "as where it is computed", call->place);
    }

    return mlops_plan_view_apart(call);
}


/* Events, rows and dead letters have a topic each. */

static int
mlops_plan_view_apart(mlops_plan_call_t *call)
{
    mlops_plan_call_t   inner;
    mlops_plan_view_t  *view;

    view = ((mlops_plan_build_t *) call->data)->view;

    if (view->dead.len != 0
        && mlops_str_eq(&view->dead, view->topic.data, view->topic.len))
    {
        inner = mlops_plan_view_child(call, "dead_letters");

        return mlops_plan_wrong(&inner, 1, "dead letters go to the topic of "
                                "\"source\", %.*s,%s: expected another one",
                                mlops_fmt(&view->dead), call->place);
    }

    if (view->publish.len != 0
        && (mlops_str_eq(&view->publish, view->topic.data, view->topic.len)
            || mlops_str_eq(&view->publish, view->dead.data,
                            view->dead.len)))
    {
        inner = mlops_plan_view_child(call, "publish");

        return mlops_plan_wrong(&inner, 1, "rows are published to a topic "
                                "that has other records, %.*s,%s: expected "
                                "another one", mlops_fmt(&view->publish),
                                call->place);
    }

    return MLOPS_OK;
}


/* The call of a directive that is in the block. */

static mlops_plan_call_t
mlops_plan_view_child(mlops_plan_call_t *call, const char *name)
{
    mlops_plan_call_t   inner;
    mlops_plan_node_t  *node;

    inner = *call;

    for (node = call->node->children; node != NULL; node = node->next) {
        if (mlops_str_eq(&node->args[0], name, strlen(name))) {
            inner.node = node;
            break;
        }
    }

    return inner;
}


/* Types, schemas, sizes, hashes. */

static int
mlops_plan_view_schemas(mlops_plan_call_t *call)
{
    uint32_t               i;
    mlops_plan_call_t      inner;
    mlops_plan_view_t     *view;
    mlops_plan_build_t    *build;
    mlops_plan_feature_t  *feature;

    build = call->data;
    view = build->view;

    if (mlops_plan_fields_end(call) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    inner = *call;
    view->sets = 1;

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];
        inner.node = feature->node;

        if (mlops_plan_feature_end(&inner, feature) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (feature->span >= MLOPS_SPAN_HOPPING) {
            view->sets = 2;
        }
    }

    view->row.n = build->columns_n;

    if (mlops_schema_index(&view->row, call->plan->arena, call->err)
        != MLOPS_OK)
    {
        return mlops_plan_view_failed(call);
    }

    mlops_plan_identity(view);

    if (mlops_view_layout(view, call->err) != MLOPS_OK) {

        /* the features before the one that is wrong have their sizes */

        inner.node = call->node;

        for (i = 0; i < view->features_n; i++) {
            feature = &view->features[i];

            if (feature->state_bytes == 0
                && feature->func != MLOPS_FUNC_RATIO)
            {
                inner.node = feature->node;
                break;
            }
        }

        return mlops_plan_view_failed(&inner);
    }

    view->row_bytes = mlops_table_bytes(view);

    return MLOPS_OK;
}


static int
mlops_plan_view_failed(mlops_plan_call_t *call)
{
    call->where->file = call->node->file;
    call->where->line = call->node->line;

    return mlops_err_prefix(call->err, "%s", call->place + strlen(" in "));
}


int
mlops_plan_view_finish(mlops_plan_t *plan, mlops_plan_view_t *view,
    mlops_plan_where_t *where, mlops_err_t *err)
{
    char                 place[MLOPS_PLAN_PLACE_SIZE];
    uint32_t             arg;
    mlops_plan_call_t    call;
    mlops_plan_node_t   *node;

    mlops_plan_place(place, "mlops_view", &view->name);

    for (node = view->node->children; node != NULL; node = node->next) {
        mlops_plan_call(&call, plan, node, place, where, err);

        if (mlops_str_is(&node->args[0], "source")
            && view->kafka_name.len != 0)
        {
            view->kafka = mlops_plan_kafka(plan, view->kafka_name.data,
                                           view->kafka_name.len);

            if (view->kafka == NULL) {
                arg = mlops_plan_param_find(node, 1, "kafka=");

                return mlops_plan_unknown_name(&call, arg, "cluster",
                                               &view->kafka_name,
                                               &plan->kafkas->name,
                                               plan->kafkas_n,
                                               sizeof(*plan->kafkas));
            }
        }

        if (mlops_str_is(&node->args[0], "publish")
            && mlops_plan_view_alone(&call, view) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (mlops_str_is(&node->args[0], "log") && plan->state.len == 0) {
            return mlops_plan_wrong(&call, 0, "\"log\"%s needs a place: "
                                    "expected \"mlops_state path;\" in the "
                                    "http block", place);
        }
    }

    return MLOPS_OK;
}


/* Rows of two views in one topic would be taken for each other. */

static int
mlops_plan_view_alone(mlops_plan_call_t *call, const mlops_plan_view_t *view)
{
    const mlops_plan_view_t  *other;

    for (other = call->plan->views; other < view; other++) {

        if (other->publish.len != 0
            && mlops_str_eq(&other->publish, view->publish.data,
                            view->publish.len)
            && mlops_str_eq(&other->kafka_name, view->kafka_name.data,
                            view->kafka_name.len))
        {
            return mlops_plan_wrong(call, 0, "topic \"%.*s\" of \"publish\""
                                    "%s is that of view \"%.*s\" already: "
                                    "expected another one",
                                    mlops_fmt(&view->publish), call->place,
                                    mlops_fmt(&other->name));
        }
    }

    return MLOPS_OK;
}


static int
mlops_plan_clock(mlops_plan_call_t *call)
{
    uint32_t            n;
    mlops_plan_view_t  *view;

    static const char *const  words[] = { "wall", "event" };

    view = ((mlops_plan_build_t *) call->data)->view;

    if (mlops_plan_choice(call, 1, 0, words, mlops_nitems(words), &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    view->clock = (n == 0) ? MLOPS_CLOCK_WALL : MLOPS_CLOCK_EVENT;

    return MLOPS_OK;
}


static int
mlops_plan_ttl(mlops_plan_call_t *call)
{
    return mlops_plan_span(call, 1, NULL, &call->node->args[1], 0,
                           &((mlops_plan_build_t *) call->data)->view
                           ->ttl_us);
}


static int
mlops_plan_max_entities(mlops_plan_call_t *call)
{
    return mlops_plan_whole(call, 1, NULL, &call->node->args[1], 1,
                            MLOPS_ENTITIES_MAX,
                            &((mlops_plan_build_t *) call->data)->view
                            ->max_entities);
}


static int
mlops_plan_shards(mlops_plan_call_t *call)
{
    return mlops_plan_whole(call, 1, NULL, &call->node->args[1], 1,
                            MLOPS_SHARDS_MAX,
                            &((mlops_plan_build_t *) call->data)->view
                            ->shards);
}


static int
mlops_plan_role(mlops_plan_call_t *call)
{
    uint32_t            n;
    mlops_plan_view_t  *view;

    static const char *const  words[] = { "compute", "follow" };

    view = ((mlops_plan_build_t *) call->data)->view;

    if (mlops_plan_choice(call, 1, 0, words, mlops_nitems(words), &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    view->role = (n == 0) ? MLOPS_ROLE_COMPUTE : MLOPS_ROLE_FOLLOW;

    return MLOPS_OK;
}


static int
mlops_plan_publish(mlops_plan_call_t *call)
{
    char               *name;
    mlops_plan_view_t  *view;

    static const char *const  keys[] = { "topic=" };

    view = ((mlops_plan_build_t *) call->data)->view;

    if (call->node->args_n == 1) {

        name = mlops_arena_alloc(call->plan->arena,
                                 view->name.len + sizeof("features."));
        if (name == NULL) {
            return mlops_plan_wrong(call, 0, "out of memory");
        }

        view->publish.data = name;
        view->publish.len = sprintf(name, "features.%.*s",
                                    mlops_fmt(&view->name));
        return MLOPS_OK;
    }

    switch (mlops_plan_param(call, 1, "topic", &view->publish)) {

    case MLOPS_OK:
        return mlops_plan_topic(call, 1, &view->publish);

    case MLOPS_AGAIN:
        return mlops_plan_unknown(call, 1, keys, mlops_nitems(keys));

    default:
        return MLOPS_ERROR;
    }
}


static int
mlops_plan_dead_letters(mlops_plan_call_t *call)
{
    mlops_plan_build_t  *build;

    build = call->data;
    build->dead = call->node;

    if (mlops_str_is(&call->node->args[1], "off")) {
        return MLOPS_OK;
    }

    build->view->dead = call->node->args[1];

    return mlops_plan_topic(call, 1, &build->view->dead);
}


static int
mlops_plan_log(mlops_plan_call_t *call)
{
    ((mlops_plan_build_t *) call->data)->view->log = 1;

    return MLOPS_OK;
}


static int
mlops_plan_store_kind(mlops_plan_call_t *call)
{
    uint32_t  n;

    static const char *const  words[] = { "shm" };

    return mlops_plan_choice(call, 1, 0, words, mlops_nitems(words), &n);
}
