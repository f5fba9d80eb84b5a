/*
 * Where a view's events come from and how they are read: source, entity,
 * event_time, dedupe.
 */

#include "mlops_plan_build.h"


static int mlops_plan_source_batch(mlops_plan_call_t *call);
static int mlops_plan_source_text(mlops_plan_call_t *call, uint32_t arg,
    const char *key, const mlops_str_t *value, size_t max);
static int mlops_plan_unit(mlops_plan_call_t *call, uint32_t arg,
    mlops_type_t *type);


int
mlops_plan_source(mlops_plan_call_t *call)
{
    int                 rc;
    uint32_t            i, n;
    mlops_str_t         value;
    mlops_plan_view_t  *view;

    static const char *const  keys[] = {
        "kafka=", "topic=", "format=", "type=", "group=", "file="
    };
    static const char *const  formats[] = { "json", "cloudevents" };

    view = ((mlops_plan_build_t *) call->data)->view;

    for (i = 1; i < call->node->args_n; i++) {

        if ((rc = mlops_plan_param(call, i, "kafka", &value)) == MLOPS_OK) {
            view->kafka_name = value;
            rc = mlops_plan_source_text(call, i, "kafka", &value, 64);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "topic", &value))
                      == MLOPS_OK)
        {
            view->topic = value;
            rc = mlops_plan_topic(call, i, &value);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "format", &value))
                      == MLOPS_OK)
        {
            rc = mlops_plan_choice(call, i, sizeof("format=") - 1, formats,
                                   mlops_nitems(formats), &n);
            if (rc == MLOPS_OK) {
                view->format = (n == 0) ? MLOPS_FORMAT_JSON
                                        : MLOPS_FORMAT_CLOUDEVENTS;
            }

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "type", &value))
                      == MLOPS_OK)
        {
            view->event_type = value;
            rc = mlops_plan_source_text(call, i, "type", &value, 1024);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "group", &value))
                      == MLOPS_OK)
        {
            view->group = value;
            rc = mlops_plan_source_text(call, i, "group", &value, 255);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "file", &value))
                      == MLOPS_OK)
        {
            view->file = value;
            rc = mlops_plan_file(call, i, "file=", &value);
        }

        if (rc == MLOPS_AGAIN) {
            return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));
        }

        if (rc != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (view->file.len != 0) {
        view->format = MLOPS_FORMAT_CSV;
        return mlops_plan_source_batch(call);
    }

    if (view->kafka_name.len == 0 || view->topic.len == 0) {
        return mlops_plan_wrong(call, 0, "\"source\"%s has no \"%s\": "
                                "expected \"source kafka=name topic=name;\" "
                                "or \"source file=path;\"", call->place,
                                (view->kafka_name.len == 0) ? "kafka="
                                                            : "topic=");
    }

    if (view->event_type.len != 0 && view->format != MLOPS_FORMAT_CLOUDEVENTS)
    {
        i = mlops_plan_param_find(call->node, 1, "type=");

        return mlops_plan_wrong(call, i, "\"type=\" in \"source\"%s is of "
                                "CloudEvents: expected "
                                "\"format=cloudevents\" beside it",
                                call->place);
    }

    return MLOPS_OK;
}


/* A file is a whole table: nothing of a topic stands beside it. */

static int
mlops_plan_source_batch(mlops_plan_call_t *call)
{
    if (call->node->args_n != 2) {
        return mlops_plan_wrong(call, 2, "\"file=\" in \"source\"%s stands "
                                "alone: it is a CSV file, and no topic",
                                call->place);
    }

    return MLOPS_OK;
}


static int
mlops_plan_source_text(mlops_plan_call_t *call, uint32_t arg,
    const char *key, const mlops_str_t *value, size_t max)
{
    if (value->len == 0 || value->len > max
        || memchr(value->data, '\0', value->len) != NULL)
    {
        return mlops_plan_wrong(call, arg, "invalid value \"%.*s\" of "
                                "\"%s=\" in \"source\"%s: expected 1 to %zu "
                                "bytes", mlops_fmt(value), key, call->place,
                                max);
    }

    return MLOPS_OK;
}


int
mlops_plan_entity(mlops_plan_call_t *call)
{
    uint32_t            i, n;
    mlops_str_t         value;
    mlops_plan_view_t  *view;

    static const char *const   types[] = { "int64", "string" };
    static const char *const   keys[] = { "bytes=" };

    view = ((mlops_plan_build_t *) call->data)->view;

    if (mlops_plan_choice(call, 2, 0, types, mlops_nitems(types), &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    view->entity_type = (n == 0) ? MLOPS_TYPE_INT64 : MLOPS_TYPE_BYTES;
    view->entity_bytes = (n == 0) ? 8 : MLOPS_KEY_BYTES_DEFAULT;

    for (i = 3; i < call->node->args_n; i++) {

        switch (mlops_plan_param(call, i, "bytes", &value)) {

        case MLOPS_OK:
            break;

        case MLOPS_AGAIN:
            return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));

        default:
            return MLOPS_ERROR;
        }

        if (view->entity_type == MLOPS_TYPE_INT64) {
            return mlops_plan_wrong(call, i, "\"bytes=\" in \"entity\"%s is "
                                    "of strings: an int64 has 8",
                                    call->place);
        }

        if (mlops_plan_whole(call, i, "bytes=", &value, 1,
                             MLOPS_KEY_BYTES_MAX, &view->entity_bytes)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return mlops_plan_field(call, 1, &call->node->args[1], MLOPS_USE_EXACT,
                            view->entity_type, "\"entity\"", &view->entity);
}


int
mlops_plan_event_time(mlops_plan_call_t *call)
{
    int                 rc;
    uint32_t            i;
    mlops_str_t         value;
    mlops_type_t        type;
    mlops_plan_view_t  *view;

    static const char *const  keys[] = { "unit=", "lateness=", "skew=" };

    view = ((mlops_plan_build_t *) call->data)->view;

    type = MLOPS_TYPE_FP64;
    view->unit_us = 1000;
    view->tick_us = 1000;

    for (i = 2; i < call->node->args_n; i++) {

        if ((rc = mlops_plan_param(call, i, "unit", &value)) == MLOPS_OK) {
            rc = mlops_plan_unit(call, i, &type);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "lateness", &value))
                      == MLOPS_OK)
        {
            rc = mlops_plan_span(call, i, "lateness=", &value, 1,
                                 &view->lateness_us);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "skew", &value))
                      == MLOPS_OK)
        {
            rc = mlops_plan_span(call, i, "skew=", &value, 1, &view->skew_us);
        }

        if (rc == MLOPS_AGAIN) {
            return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));
        }

        if (rc != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return mlops_plan_field(call, 1, &call->node->args[1], MLOPS_USE_EXACT,
                            type, "\"event_time\"", &view->time);
}


/* Seconds and milliseconds are doubles, which hold them exactly; what is
 * finer is an integer, because a double would not. */

static int
mlops_plan_unit(mlops_plan_call_t *call, uint32_t arg, mlops_type_t *type)
{
    uint32_t            n;
    mlops_plan_view_t  *view;

    static const char *const  words[] = { "s", "ms", "us", "ns", "iso" };

    static const struct {
        double        unit_us;
        int64_t       tick_us;
        mlops_type_t  type;
    } units[] = {
        { 1e6, 1000000, MLOPS_TYPE_FP64 },
        { 1000, 1000, MLOPS_TYPE_FP64 },
        { 1, 1, MLOPS_TYPE_INT64 },
        { 0.001, 1, MLOPS_TYPE_INT64 },
        { 0, 1, MLOPS_TYPE_BYTES }
    };

    view = ((mlops_plan_build_t *) call->data)->view;

    if (mlops_plan_choice(call, arg, sizeof("unit=") - 1, words,
                          mlops_nitems(words), &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    view->unit_us = units[n].unit_us;
    view->tick_us = units[n].tick_us;
    *type = units[n].type;

    return MLOPS_OK;
}


int
mlops_plan_dedupe(mlops_plan_call_t *call)
{
    int                 rc;
    uint32_t            i, n;
    mlops_str_t         value;
    mlops_type_t        type;
    mlops_plan_use_t    use;
    mlops_plan_view_t  *view;

    static const char *const  keys[] = { "within=", "max=", "type=" };
    static const char *const  types[] = { "int64", "string" };

    view = ((mlops_plan_build_t *) call->data)->view;

    use = MLOPS_USE_ANY;
    type = MLOPS_TYPE_BYTES;
    view->dedupe_max = 1000000;

    for (i = 2; i < call->node->args_n; i++) {

        if ((rc = mlops_plan_param(call, i, "within", &value)) == MLOPS_OK) {
            rc = mlops_plan_span(call, i, "within=", &value, 0,
                                 &view->within_us);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "max", &value))
                      == MLOPS_OK)
        {
            rc = mlops_plan_whole(call, i, "max=", &value, 1, 100000000,
                                  &view->dedupe_max);

        } else if (rc == MLOPS_AGAIN
                   && (rc = mlops_plan_param(call, i, "type", &value))
                      == MLOPS_OK)
        {
            rc = mlops_plan_choice(call, i, sizeof("type=") - 1, types,
                                   mlops_nitems(types), &n);
            if (rc == MLOPS_OK) {
                use = MLOPS_USE_EXACT;
                type = (n == 0) ? MLOPS_TYPE_INT64 : MLOPS_TYPE_BYTES;
            }
        }

        if (rc == MLOPS_AGAIN) {
            return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));
        }

        if (rc != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (view->within_us == 0) {
        return mlops_plan_wrong(call, 0, "\"dedupe\"%s has no \"within=\": "
                                "expected how long a value is remembered, "
                                "such as within=10m", call->place);
    }

    return mlops_plan_field(call, 1, &call->node->args[1], use, type,
                            "\"dedupe\"", &view->dedupe);
}
