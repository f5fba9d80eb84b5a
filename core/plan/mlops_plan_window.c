/*
 * What part of time a feature covers: window=, hop=, kind=.
 *
 * Without a window it is all of it.  A hop divides its window into at most
 * MLOPS_HOPS_MAX parts; the default is a twelfth.  Bars are tumbling windows.
 */

#include "mlops_plan_build.h"


#define MLOPS_DECAY_STEPS  12       /* of a half-life, where no hop is told */


static int mlops_plan_window_params(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, uint32_t *window, uint32_t *hop,
    uint32_t *kind);
static int mlops_plan_no_window(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, uint32_t hop, uint32_t kind);
static int mlops_plan_tumbling(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, uint32_t hop);
static int mlops_plan_hops(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, uint32_t window, uint32_t hop);


int
mlops_plan_window(mlops_plan_call_t *call, mlops_plan_feature_t *feature)
{
    uint32_t                      window, hop, kind;
    const mlops_plan_function_t  *function;

    function = mlops_plan_function(feature->func);

    if (mlops_plan_window_params(call, feature, &window, &hop, &kind)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if ((function->flags & MLOPS_FUNC_NO_WINDOW)
        && (window != 0 || hop != 0 || kind != 0))
    {
        return mlops_plan_wrong(call, (window != 0) ? window
                                      : (hop != 0) ? hop : kind,
                                "%s() takes no window in feature \"%.*s\"%s: "
                                "its features have theirs", function->name,
                                mlops_fmt(&feature->name), call->place);
    }

    if (window == 0) {
        return mlops_plan_no_window(call, feature, hop, kind);
    }

    if (function->flags & MLOPS_FUNC_BAR) {

        if (kind != 0 && feature->span != MLOPS_SPAN_TUMBLING) {
            return mlops_plan_wrong(call, kind, "%s() is of bars, which are "
                                    "tumbling, in feature \"%.*s\"%s: "
                                    "expected no \"kind=\"", function->name,
                                    mlops_fmt(&feature->name), call->place);
        }

        feature->span = MLOPS_SPAN_TUMBLING;
    }

    if (feature->span == MLOPS_SPAN_TUMBLING) {
        return mlops_plan_tumbling(call, feature, hop);
    }

    return mlops_plan_hops(call, feature, window, hop);
}


/* The words, where they are there. */

static int
mlops_plan_window_params(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, uint32_t *window, uint32_t *hop,
    uint32_t *kind)
{
    uint32_t      n;
    mlops_str_t   value, *args;

    static const char *const   kinds[] = { "sliding", "hopping", "tumbling" };
    static const mlops_span_t  spans[] = {
        MLOPS_SPAN_SLIDING, MLOPS_SPAN_HOPPING, MLOPS_SPAN_TUMBLING
    };

    args = call->node->args;

    *window = mlops_plan_param_find(call->node, 3, "window=");
    *hop = mlops_plan_param_find(call->node, 3, "hop=");
    *kind = mlops_plan_param_find(call->node, 3, "kind=");

    if (*window != 0) {
        value.data = args[*window].data + sizeof("window=") - 1;
        value.len = args[*window].len - (sizeof("window=") - 1);

        if (mlops_plan_span(call, *window, "window=", &value, 0,
                            &feature->window_us)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        feature->span = MLOPS_SPAN_SLIDING;
    }

    if (*hop != 0) {
        value.data = args[*hop].data + sizeof("hop=") - 1;
        value.len = args[*hop].len - (sizeof("hop=") - 1);

        if (mlops_plan_span(call, *hop, "hop=", &value, 0, &feature->hop_us)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    if (*kind != 0) {

        if (mlops_plan_choice(call, *kind, sizeof("kind=") - 1, kinds,
                              mlops_nitems(kinds), &n)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        feature->span = spans[n];
    }

    return MLOPS_OK;
}


static int
mlops_plan_no_window(mlops_plan_call_t *call, mlops_plan_feature_t *feature,
    uint32_t hop, uint32_t kind)
{
    const mlops_plan_function_t  *function;

    function = mlops_plan_function(feature->func);

    if (function->flags & MLOPS_FUNC_NEEDS) {
        return mlops_plan_wrong(call, 2, "%s() has no window in feature "
                                "\"%.*s\"%s: expected \"window=\", the %s, "
                                "such as window=5m", function->name,
                                mlops_fmt(&feature->name), call->place,
                                (function->flags & MLOPS_FUNC_BAR)
                                ? "length of a bar" : "time it is of");
    }

    if (kind != 0) {
        return mlops_plan_wrong(call, kind, "\"%.*s\" without a window in "
                                "feature \"%.*s\"%s: expected \"window=\" "
                                "beside it",
                                mlops_fmt(&call->node->args[kind]),
                                mlops_fmt(&feature->name), call->place);
    }

    if (feature->func == MLOPS_FUNC_DECAYED_SUM) {

        if (hop == 0) {
            feature->hop_us = feature->half_life_us / MLOPS_DECAY_STEPS;
        }

    } else if (hop != 0) {
        return mlops_plan_wrong(call, hop, "\"hop=\" without a window in "
                                "feature \"%.*s\"%s: expected \"window=\" "
                                "beside it", mlops_fmt(&feature->name),
                                call->place);
    }

    feature->span = MLOPS_SPAN_ALL;

    return MLOPS_OK;
}


static int
mlops_plan_tumbling(mlops_plan_call_t *call, mlops_plan_feature_t *feature,
    uint32_t hop)
{
    if (hop != 0 && feature->hop_us != feature->window_us) {
        return mlops_plan_wrong(call, hop, "\"hop=\" of a tumbling window in "
                                "feature \"%.*s\"%s: expected none, or the "
                                "window's length", mlops_fmt(&feature->name),
                                call->place);
    }

    feature->hop_us = feature->window_us;

    return MLOPS_OK;
}


static int
mlops_plan_hops(mlops_plan_call_t *call, mlops_plan_feature_t *feature,
    uint32_t window, uint32_t hop)
{
    mlops_str_t  *args;

    args = call->node->args;

    if (hop == 0) {

        if (feature->window_us % 12 != 0) {
            return mlops_plan_wrong(call, window, "a twelfth of \"%.*s\" is "
                                    "no whole number of microseconds in "
                                    "feature \"%.*s\"%s: expected \"hop=\" "
                                    "beside it", mlops_fmt(&args[window]),
                                    mlops_fmt(&feature->name), call->place);
        }

        feature->hop_us = feature->window_us / 12;
    }

    if (feature->window_us % feature->hop_us != 0) {
        return mlops_plan_wrong(call, hop, "\"%.*s\" is not a multiple of "
                                "\"%.*s\" in feature \"%.*s\"%s",
                                mlops_fmt(&args[window]),
                                mlops_fmt(&args[hop]),
                                mlops_fmt(&feature->name), call->place);
    }

    if (feature->window_us / feature->hop_us > MLOPS_HOPS_MAX) {
        return mlops_plan_wrong(call, hop, "\"%.*s\" has %lld hops of "
                                "\"%.*s\" in feature \"%.*s\"%s: expected at "
                                "most %d", mlops_fmt(&args[window]),
                                (long long) (feature->window_us
                                             / feature->hop_us),
                                mlops_fmt(&args[hop]),
                                mlops_fmt(&feature->name), call->place,
                                MLOPS_HOPS_MAX);
    }

    return MLOPS_OK;
}
