/*
 * The functions of features: names, arguments, and what each allows.
 */

#include "mlops_plan_build.h"


static const mlops_plan_function_t  mlops_plan_functions[MLOPS_FUNC_N] = {

    [MLOPS_FUNC_COUNT] = {
        "count", "count()", 0, 0,
        MLOPS_FUNC_COUNTS },
    [MLOPS_FUNC_SUM] = {
        "sum", "sum(field)", 1, 1,
        MLOPS_FUNC_FIELD },
    [MLOPS_FUNC_MEAN] = {
        "mean", "mean(field)", 1, 1,
        MLOPS_FUNC_FIELD },
    [MLOPS_FUNC_MIN] = {
        "min", "min(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_PICKS|MLOPS_FUNC_ORDERS },
    [MLOPS_FUNC_MAX] = {
        "max", "max(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_PICKS|MLOPS_FUNC_ORDERS },
    [MLOPS_FUNC_VARIANCE] = {
        "variance", "variance(field)", 1, 1,
        MLOPS_FUNC_FIELD },
    [MLOPS_FUNC_STD] = {
        "std", "std(field)", 1, 1,
        MLOPS_FUNC_FIELD },
    [MLOPS_FUNC_FIRST] = {
        "first", "first(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_PICKS },
    [MLOPS_FUNC_LAST] = {
        "last", "last(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_PICKS },
    [MLOPS_FUNC_LAST_K] = {
        "last_k", "last_k(field,k)", 2, 2,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_PICKS },
    [MLOPS_FUNC_RATE] = {
        "rate", "rate()", 0, 0,
        MLOPS_FUNC_NEEDS },
    [MLOPS_FUNC_DECAYED_SUM] = {
        "decayed_sum", "decayed_sum(field,half_life)", 2, 2,
        MLOPS_FUNC_FIELD },
    [MLOPS_FUNC_APPROX_DISTINCT] = {
        "approx_distinct", "approx_distinct(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_COUNTS|MLOPS_FUNC_DISTINCT },
    [MLOPS_FUNC_QUANTILE] = {
        "quantile", "quantile(field,p)", 2, 2,
        MLOPS_FUNC_FIELD },
    [MLOPS_FUNC_RATIO] = {
        "ratio", "ratio(feature,feature)", 2, 2,
        MLOPS_FUNC_NO_WINDOW },
    [MLOPS_FUNC_OPEN] = {
        "open", "open(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_HIGH] = {
        "high", "high(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_LOW] = {
        "low", "low(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_CLOSE] = {
        "close", "close(field)", 1, 1,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_EMA] = {
        "ema", "ema(field,span)", 1, 2,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_SMA] = {
        "sma", "sma(field,bars)", 2, 2,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_MACD] = {
        "macd", "macd(field,fast,slow)", 3, 3,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_RSI] = {
        "rsi", "rsi(field,bars)", 2, 2,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR },
    [MLOPS_FUNC_STOCHASTIC] = {
        "stochastic", "stochastic(field,bars)", 2, 2,
        MLOPS_FUNC_FIELD|MLOPS_FUNC_NEEDS|MLOPS_FUNC_BAR }
};


const mlops_plan_function_t *
mlops_plan_function(mlops_func_t func)
{
    return &mlops_plan_functions[func];
}


const char *
mlops_func_name(mlops_func_t func)
{
    return ((unsigned) func < MLOPS_FUNC_N) ? mlops_plan_functions[func].name
                                            : "none";
}


int
mlops_plan_function_find(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *name, mlops_func_t *func)
{
    char         list[512];
    uint32_t     i;
    const char  *guess, *names[MLOPS_FUNC_N];

    for (i = 0; i < MLOPS_FUNC_N; i++) {
        names[i] = mlops_plan_functions[i].name;

        if (mlops_str_eq(name, names[i], strlen(names[i]))) {
            *func = (mlops_func_t) i;
            return MLOPS_OK;
        }
    }

    guess = mlops_plan_guess(name, names, MLOPS_FUNC_N);

    if (guess != NULL) {
        return mlops_plan_wrong(call, arg, "unknown function \"%.*s\" in "
                                "\"%.*s\"%s: did you mean \"%s\"?",
                                mlops_fmt(name),
                                mlops_fmt(&call->node->args[0]), call->place,
                                guess);
    }

    mlops_plan_list(list, sizeof(list), names, MLOPS_FUNC_N);

    return mlops_plan_wrong(call, arg, "unknown function \"%.*s\" in \"%.*s\""
                            "%s: expected %s", mlops_fmt(name),
                            mlops_fmt(&call->node->args[0]), call->place,
                            list);
}
