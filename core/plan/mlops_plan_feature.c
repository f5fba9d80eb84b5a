/*
 * feature NAME FUNC(args) [window=…] …: the parts of the line, what each
 * function takes of them, and the columns that come of it.
 */

#include "mlops_plan_build.h"

#include "mlops_num.h"

#include <stdio.h>


#define MLOPS_FEATURE_ARGS_MAX  3


typedef struct {
    uint32_t      n;
    mlops_str_t   args[MLOPS_FEATURE_ARGS_MAX];
} mlops_plan_args_t;


static int mlops_plan_feature_merge(mlops_plan_call_t *call);
static int mlops_plan_feature_words(mlops_plan_call_t *call);
static int mlops_plan_feature_func(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, mlops_plan_args_t *args);
static int mlops_plan_feature_numbers(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, const mlops_plan_args_t *args);
static int mlops_plan_feature_double(mlops_plan_call_t *call, uint32_t arg,
    const char *what, const mlops_str_t *text, double lo, double hi,
    double *value);
static int mlops_plan_feature_com(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, const mlops_plan_args_t *args);
static int mlops_plan_feature_ratio(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, const mlops_plan_args_t *args);
static int mlops_plan_feature_field(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, const mlops_plan_args_t *args,
    const char *by);
static int mlops_plan_feature_sizes(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature);
static int mlops_plan_feature_only(mlops_plan_call_t *call,
    const mlops_plan_feature_t *feature, const char *key, mlops_func_t func,
    uint32_t lo, uint32_t hi, uint32_t def, uint32_t *n);
static int mlops_plan_feature_columns(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature);
static int mlops_plan_feature_column(mlops_plan_call_t *call,
    const mlops_str_t *name);
static void mlops_plan_trim(mlops_str_t *s);


int
mlops_plan_feature(mlops_plan_call_t *call)
{
    char                  *by;
    uint32_t               where;
    mlops_str_t            text;
    mlops_where_t         *filter;
    mlops_plan_args_t      args;
    mlops_plan_build_t    *build;
    mlops_plan_feature_t  *feature;

    if (mlops_plan_feature_merge(call) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    build = call->data;
    feature = &build->view->features[build->view->features_n];

    memset(feature, 0, sizeof(*feature));

    feature->name = call->node->args[1];
    feature->node = call->node;
    feature->field = MLOPS_NO_FIELD;
    feature->width = 1;

    if (mlops_plan_field_name(call, 1, "feature", &feature->name)
        != MLOPS_OK
        || mlops_plan_feature_func(call, feature, &args) != MLOPS_OK
        || mlops_plan_feature_words(call) != MLOPS_OK
        || mlops_plan_feature_numbers(call, feature, &args) != MLOPS_OK
        || mlops_plan_window(call, feature) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    by = mlops_arena_alloc(call->plan->arena,
                           feature->name.len + sizeof("feature \"\""));
    if (by == NULL) {
        return mlops_plan_wrong(call, 0, "out of memory");
    }

    (void) sprintf(by, "feature \"%.*s\"", mlops_fmt(&feature->name));

    if (mlops_plan_feature_field(call, feature, &args, by) != MLOPS_OK
        || mlops_plan_feature_sizes(call, feature) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    where = mlops_plan_param_find(call->node, 3, "where=");

    if (where != 0) {

        if (mlops_plan_function(feature->func)->flags & MLOPS_FUNC_NO_WINDOW)
        {
            return mlops_plan_wrong(call, where, "%s() takes no \"where=\" in"
                                    " feature \"%.*s\"%s: its features have "
                                    "theirs",
                                    mlops_func_name(feature->func),
                                    mlops_fmt(&feature->name), call->place);
        }

        text.data = call->node->args[where].data + sizeof("where=") - 1;
        text.len = call->node->args[where].len - (sizeof("where=") - 1);

        if (mlops_plan_where_parse(call, where, &text, by, &filter)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        feature->where = filter;
    }

    if (mlops_plan_feature_columns(call, feature) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    build->view->features_n++;

    return MLOPS_OK;
}


/*
 * "last_k(fare, 3)" without quotes is two words: what belongs to the function
 * becomes one in a copy of the node, so that parameters begin at word 3.
 */

static int
mlops_plan_feature_merge(mlops_plan_call_t *call)
{
    char               *text;
    size_t              len;
    uint32_t            i, n, *lines;
    mlops_str_t        *word, *args;
    mlops_plan_node_t  *node, *copy;

    node = call->node;
    len = 0;

    for (n = 2; n < node->args_n; n++) {
        word = &node->args[n];
        len += word->len + 1;

        if (word->len == 0 || memchr(word->data, '=', word->len) != NULL
            || word->data[word->len - 1] == ')'
            || (n == 2 && memchr(word->data, '(', word->len) == NULL))
        {
            break;
        }
    }

    word = &node->args[n];

    if (n == 2 || n == node->args_n || word->len == 0
        || word->data[word->len - 1] != ')')
    {
        return MLOPS_OK;
    }

    copy = mlops_arena_calloc(call->plan->arena, 1, sizeof(*copy));
    args = mlops_arena_calloc(call->plan->arena, node->args_n, sizeof(*args));
    lines = mlops_arena_calloc(call->plan->arena, node->args_n,
                               sizeof(*lines));
    text = mlops_arena_alloc(call->plan->arena, len);

    if (copy == NULL || args == NULL || lines == NULL || text == NULL) {
        return mlops_plan_wrong(call, 0, "out of memory");
    }

    *copy = *node;
    copy->args = args;
    copy->args_n = node->args_n - (n - 2);
    copy->lines = lines;

    for (i = 0; i < copy->args_n; i++) {
        args[i] = node->args[(i < 3) ? i : i + (n - 2)];
        lines[i] = (node->lines == NULL) ? node->line
                   : node->lines[(i < 3) ? i : i + (n - 2)];
    }

    args[2].data = text;
    args[2].len = len - 1;

    for (i = 2; i <= n; i++) {
        text = mempcpy(text, node->args[i].data, node->args[i].len);
        *text++ = ' ';
    }

    call->node = copy;

    return MLOPS_OK;
}


/* Are all the words behind the function known, and there once? */

static int
mlops_plan_feature_words(mlops_plan_call_t *call)
{
    int          rc;
    size_t       k, len;
    char         key[16];
    uint32_t     i;
    mlops_str_t  value;

    static const char *const  keys[] = {
        "window=", "hop=", "kind=", "where=", "type=", "bytes=", "bins=",
        "precision=", "com="
    };

    for (i = 3; i < call->node->args_n; i++) {

        rc = MLOPS_AGAIN;

        for (k = 0; k < mlops_nitems(keys) && rc == MLOPS_AGAIN; k++) {
            len = strlen(keys[k]) - 1;
            memcpy(key, keys[k], len);
            key[len] = '\0';

            rc = mlops_plan_param(call, i, key, &value);
        }

        if (rc == MLOPS_AGAIN) {
            return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));
        }

        if (rc != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


/* "sum(fare)" */

static int
mlops_plan_feature_func(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, mlops_plan_args_t *args)
{
    uint32_t                      n;
    const char                   *p, *end, *open;
    mlops_str_t                   word, name, arg;
    const mlops_plan_function_t  *function;

    word = call->node->args[2];
    mlops_plan_trim(&word);

    end = word.data + word.len;
    open = (word.len == 0) ? NULL : memchr(word.data, '(', word.len);

    if (open == NULL || end[-1] != ')') {
        return mlops_plan_wrong(call, 2, "invalid function \"%.*s\" of "
                                "feature \"%.*s\"%s: expected a name and its "
                                "arguments in parentheses, such as "
                                "last_k(fare,3)",
                                mlops_fmt(&word), mlops_fmt(&feature->name),
                                call->place);
    }

    name.data = word.data;
    name.len = open - word.data;
    mlops_plan_trim(&name);

    if (mlops_plan_function_find(call, 2, &name, &feature->func) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    function = mlops_plan_function(feature->func);

    n = 0;
    end--;
    memset(args, 0, sizeof(*args));

    for (p = open + 1; p < end || n != 0; p++) {
        arg.data = p;

        while (p < end && *p != ',') {
            p++;
        }

        arg.len = p - arg.data;
        mlops_plan_trim(&arg);

        if (n < MLOPS_FEATURE_ARGS_MAX) {
            args->args[n] = arg;
        }

        n++;

        if (p == end) {
            break;
        }
    }

    if (n < function->args_min || n > function->args_max) {
        return mlops_plan_wrong(call, 2, "invalid number of arguments of "
                                "%s() in feature \"%.*s\"%s: expected \"%s\","
                                " got \"%.*s\"", function->name,
                                mlops_fmt(&feature->name), call->place,
                                function->syntax, mlops_fmt(&word));
    }

    args->n = n;

    for (n = 0; n < args->n; n++) {
        if (args->args[n].len == 0) {
            return mlops_plan_wrong(call, 2, "argument %u of %s() is empty in"
                                    " feature \"%.*s\"%s: expected \"%s\"",
                                    n + 1, function->name,
                                    mlops_fmt(&feature->name), call->place,
                                    function->syntax);
        }
    }

    return MLOPS_OK;
}


/* The arguments behind the field. */

static int
mlops_plan_feature_numbers(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, const mlops_plan_args_t *args)
{
    switch (feature->func) {

    case MLOPS_FUNC_LAST_K:
        if (mlops_plan_whole(call, 2, "k", &args->args[1], 1,
                             MLOPS_LAST_K_MAX, &feature->k[0])
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        feature->width = feature->k[0];
        return MLOPS_OK;

    case MLOPS_FUNC_DECAYED_SUM:
        return mlops_plan_span(call, 2, "half_life", &args->args[1], 0,
                               &feature->half_life_us);

    case MLOPS_FUNC_QUANTILE:
        return mlops_plan_feature_double(call, 2, "p", &args->args[1], 0, 1,
                                         &feature->p);

    case MLOPS_FUNC_RATIO:
        return mlops_plan_feature_ratio(call, feature, args);

    case MLOPS_FUNC_EMA:
        return mlops_plan_feature_com(call, feature, args);

    case MLOPS_FUNC_SMA:
    case MLOPS_FUNC_RSI:
    case MLOPS_FUNC_STOCHASTIC:
        return mlops_plan_whole(call, 2, "bars", &args->args[1], 1,
                                MLOPS_BARS_MAX, &feature->k[0]);

    case MLOPS_FUNC_MACD:
        if (mlops_plan_whole(call, 2, "fast", &args->args[1], 1,
                             MLOPS_BARS_MAX, &feature->k[0])
            != MLOPS_OK
            || mlops_plan_whole(call, 2, "slow", &args->args[2], 1,
                                MLOPS_BARS_MAX, &feature->k[1])
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (feature->k[0] >= feature->k[1]) {
            return mlops_plan_wrong(call, 2, "the spans %u and %u of macd() "
                                    "in feature \"%.*s\"%s: expected the fast"
                                    " one, which is shorter, first",
                                    feature->k[0], feature->k[1],
                                    mlops_fmt(&feature->name), call->place);
        }

        return MLOPS_OK;

    default:
        return MLOPS_OK;
    }
}


static int
mlops_plan_feature_double(mlops_plan_call_t *call, uint32_t arg,
    const char *what, const mlops_str_t *text, double lo, double hi,
    double *value)
{
    if (mlops_number(text, value) != MLOPS_OK
        || !(*value >= lo && *value <= hi))
    {
        return mlops_plan_wrong(call, arg, "invalid value \"%.*s\" of "
                                "\"%s\" in \"%.*s\"%s: expected a number "
                                "from %g to %g", mlops_fmt(text), what,
                                mlops_fmt(&call->node->args[0]), call->place,
                                lo, hi);
    }

    if (*value == 0) {
        *value = 0;                                 /* never -0 */
    }

    return MLOPS_OK;
}


/* ema(f, span), or ema(f) and com=. */

static int
mlops_plan_feature_com(mlops_plan_call_t *call, mlops_plan_feature_t *feature,
    const mlops_plan_args_t *args)
{
    double        com;
    uint32_t      i;
    mlops_str_t   value;

    i = mlops_plan_param_find(call->node, 3, "com=");

    if ((i != 0) == (args->n == 2)) {
        return mlops_plan_wrong(call, (i != 0) ? i : 2, "ema() in feature "
                                "\"%.*s\"%s has %s: expected either "
                                "ema(field,span) or ema(field) com=n",
                                mlops_fmt(&feature->name), call->place,
                                (i != 0) ? "a span and \"com=\""
                                         : "neither a span nor \"com=\"");
    }

    if (i != 0) {
        value.data = call->node->args[i].data + sizeof("com=") - 1;
        value.len = call->node->args[i].len - (sizeof("com=") - 1);

        if (mlops_plan_feature_double(call, i, "com=", &value, 0,
                                      MLOPS_BARS_MAX, &com)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        feature->p = 1 / (1 + com);

        return MLOPS_OK;
    }

    if (mlops_plan_whole(call, 2, "span", &args->args[1], 1, MLOPS_BARS_MAX,
                         &feature->k[0])
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    feature->p = 2 / ((double) feature->k[0] + 1);

    return MLOPS_OK;
}


static int
mlops_plan_feature_ratio(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, const mlops_plan_args_t *args)
{
    uint32_t                     i, n;
    const mlops_str_t           *name;
    const mlops_plan_view_t     *view;
    const mlops_plan_feature_t  *of;

    view = ((mlops_plan_build_t *) call->data)->view;

    for (n = 0; n < 2; n++) {
        name = &args->args[n];
        of = NULL;

        for (i = 0; i < view->features_n; i++) {
            if (mlops_str_eq(&view->features[i].name, name->data, name->len))
            {
                of = &view->features[i];
                feature->of[n] = i;
            }
        }

        if (of == NULL) {
            return mlops_plan_wrong(call, 2, "unknown feature \"%.*s\" in "
                                    "ratio() of feature \"%.*s\"%s: expected "
                                    "the names of two features that stand "
                                    "before it", mlops_fmt(name),
                                    mlops_fmt(&feature->name), call->place);
        }

        if (of->width != 1) {
            return mlops_plan_wrong(call, 2, "feature \"%.*s\" in ratio() of "
                                    "feature \"%.*s\"%s has several columns: "
                                    "expected one number", mlops_fmt(name),
                                    mlops_fmt(&feature->name), call->place);
        }
    }

    return MLOPS_OK;
}


/* The field and what it has to be.  A value that is picked from the field's
 * (first, max …) has its type; type= says which. */

static int
mlops_plan_feature_field(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature, const mlops_plan_args_t *args,
    const char *by)
{
    uint32_t                      i, n, flags;
    mlops_type_t                  type;
    mlops_plan_use_t              use;
    const mlops_plan_function_t  *function;

    static const char *const   words[] = { "int64", "double", "string" };
    static const mlops_type_t  types[] = {
        MLOPS_TYPE_INT64, MLOPS_TYPE_FP64, MLOPS_TYPE_BYTES
    };

    function = mlops_plan_function(feature->func);
    flags = function->flags;

    use = (flags & MLOPS_FUNC_DISTINCT) ? MLOPS_USE_ANY
          : (flags & MLOPS_FUNC_ORDERS) ? MLOPS_USE_NUMBER
          : (flags & MLOPS_FUNC_PICKS) ? MLOPS_USE_ANY : MLOPS_USE_NUMBER;
    type = (flags & MLOPS_FUNC_DISTINCT) ? MLOPS_TYPE_BYTES
                                         : MLOPS_TYPE_FP64;

    i = mlops_plan_param_find(call->node, 3, "type=");

    if (i != 0) {

        if (!(flags & (MLOPS_FUNC_PICKS|MLOPS_FUNC_DISTINCT))) {
            return mlops_plan_wrong(call, i, "%s() takes no \"type=\" in "
                                    "feature \"%.*s\"%s: its value is %s",
                                    function->name, mlops_fmt(&feature->name),
                                    call->place,
                                    (flags & MLOPS_FUNC_COUNTS)
                                    ? "an int64" : "a double");
        }

        if (mlops_plan_choice(call, i, sizeof("type=") - 1, words,
                              (flags & MLOPS_FUNC_ORDERS) ? 2 : 3, &n)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        use = MLOPS_USE_EXACT;
        type = types[n];
    }

    if (!(flags & MLOPS_FUNC_FIELD)) {
        return MLOPS_OK;
    }

    return mlops_plan_field(call, 2, &args->args[0], use, type, by,
                            &feature->field);
}


/* bins= and precision=; bytes= waits for the type. */

static int
mlops_plan_feature_sizes(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature)
{
    uint32_t  com;

    com = mlops_plan_param_find(call->node, 3, "com=");

    if (com != 0 && feature->func != MLOPS_FUNC_EMA) {
        return mlops_plan_wrong(call, com, "\"com=\" is of ema(): feature "
                                "\"%.*s\"%s is %s()",
                                mlops_fmt(&feature->name), call->place,
                                mlops_func_name(feature->func));
    }

    if (mlops_plan_feature_only(call, feature, "bins=", MLOPS_FUNC_QUANTILE,
                                MLOPS_BINS_MIN, MLOPS_BINS_MAX,
                                MLOPS_BINS_DEFAULT, &feature->bins)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_plan_feature_only(call, feature, "precision=",
                                   MLOPS_FUNC_APPROX_DISTINCT,
                                   MLOPS_PRECISION_MIN, MLOPS_PRECISION_MAX,
                                   MLOPS_PRECISION_DEFAULT,
                                   &feature->precision);
}


/* A parameter of one function alone. */

static int
mlops_plan_feature_only(mlops_plan_call_t *call,
    const mlops_plan_feature_t *feature, const char *key, mlops_func_t func,
    uint32_t lo, uint32_t hi, uint32_t def, uint32_t *n)
{
    uint32_t      i;
    mlops_str_t   value;

    i = mlops_plan_param_find(call->node, 3, key);

    if (i != 0 && feature->func != func) {
        return mlops_plan_wrong(call, i, "\"%s\" is of %s(): feature "
                                "\"%.*s\"%s is %s()", key,
                                mlops_func_name(func),
                                mlops_fmt(&feature->name), call->place,
                                mlops_func_name(feature->func));
    }

    if (feature->func == func) {
        *n = def;
    }

    if (i == 0) {
        return MLOPS_OK;
    }

    value.data = call->node->args[i].data + strlen(key);
    value.len = call->node->args[i].len - strlen(key);

    return mlops_plan_whole(call, i, key, &value, lo, hi, n);
}


/* Its columns, by name. */

static int
mlops_plan_feature_columns(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature)
{
    char                *name;
    uint32_t             i;
    mlops_str_t          column;
    mlops_plan_build_t  *build;

    build = call->data;

    if (feature->width > MLOPS_VIEW_COLUMNS_MAX - build->columns_n) {
        return mlops_plan_wrong(call, 1, "too many columns%s: expected at "
                                "most %d", call->place,
                                MLOPS_VIEW_COLUMNS_MAX);
    }

    feature->first = build->columns_n;

    if (feature->func != MLOPS_FUNC_LAST_K) {
        return mlops_plan_feature_column(call, &feature->name);
    }

    for (i = 0; i < feature->width; i++) {

        name = mlops_arena_alloc(call->plan->arena, feature->name.len + 16);
        if (name == NULL) {
            return mlops_plan_wrong(call, 0, "out of memory");
        }

        column.data = name;
        column.len = sprintf(name, "%.*s_%u", mlops_fmt(&feature->name),
                             i + 1);

        if (mlops_plan_feature_column(call, &column) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_plan_feature_column(mlops_plan_call_t *call, const mlops_str_t *name)
{
    uint32_t                     i, k, cap;
    mlops_column_t              *columns;
    mlops_plan_view_t           *view;
    mlops_plan_build_t          *build;
    const mlops_plan_feature_t  *feature;

    build = call->data;
    view = build->view;
    columns = view->row.columns;

    if (name->len > MLOPS_PLAN_FIELD_MAX) {
        return mlops_plan_wrong(call, 1, "the column \"%.16s...\"%s is too "
                                "long: expected at most %d bytes, got %zu",
                                name->data, call->place,
                                MLOPS_PLAN_FIELD_MAX, name->len);
    }

    for (i = 0; i < build->columns_n; i++) {

        if (!mlops_str_eq(&columns[i].name, name->data, name->len)) {
            continue;
        }

        for (k = 0; k < view->features_n; k++) {
            feature = &view->features[k];

            if (i - feature->first < feature->width) {
                return mlops_plan_wrong(call, 1, "feature \"%.*s\" is "
                                        "duplicate%s: it is in %.*s:%u "
                                        "already", mlops_fmt(name),
                                        call->place,
                                        mlops_fmt(&feature->node->file),
                                        feature->node->line);
            }
        }
    }

    if (build->columns_n == build->columns_cap) {
        cap = (build->columns_cap == 0) ? 16 : build->columns_cap * 2;

        columns = mlops_arena_calloc(call->plan->arena, cap,
                                     sizeof(*columns));
        if (columns == NULL) {
            return mlops_plan_wrong(call, 0, "out of memory");
        }

        if (build->columns_n != 0) {
            memcpy(columns, view->row.columns,
                   build->columns_n * sizeof(*columns));
        }

        view->row.columns = columns;
        build->columns_cap = cap;
    }

    columns[build->columns_n++].name = *name;

    return MLOPS_OK;
}


int
mlops_plan_feature_end(mlops_plan_call_t *call, mlops_plan_feature_t *feature)
{
    uint32_t                      i, bytes;
    mlops_str_t                   value;
    mlops_column_t               *column;
    mlops_plan_view_t            *view;
    const mlops_plan_function_t  *function;

    view = ((mlops_plan_build_t *) call->data)->view;
    function = mlops_plan_function(feature->func);

    feature->type = (function->flags & MLOPS_FUNC_COUNTS) ? MLOPS_TYPE_INT64
                    : (function->flags & MLOPS_FUNC_PICKS)
                      ? view->event.columns[feature->field].type
                    : MLOPS_TYPE_FP64;

    for (i = 0; i < 2 && feature->func == MLOPS_FUNC_RATIO; i++) {
        if (view->features[feature->of[i]].type == MLOPS_TYPE_BYTES) {
            return mlops_plan_wrong(call, 2, "feature \"%.*s\" in ratio() of "
                                    "feature \"%.*s\"%s is a string: expected"
                                    " a number",
                                    mlops_fmt(&view->features[feature->of[i]]
                                              .name),
                                    mlops_fmt(&feature->name), call->place);
        }
    }

    bytes = mlops_plan_param_find(call->node, 3, "bytes=");

    if (feature->type == MLOPS_TYPE_BYTES) {
        feature->bytes = MLOPS_STRING_BYTES_DEFAULT;
    }

    if (bytes != 0) {

        if (feature->type != MLOPS_TYPE_BYTES) {
            return mlops_plan_wrong(call, bytes, "\"bytes=\" is of strings: "
                                    "feature \"%.*s\"%s is %s",
                                    mlops_fmt(&feature->name), call->place,
                                    mlops_plan_type_word(feature->type));
        }

        value.data = call->node->args[bytes].data + sizeof("bytes=") - 1;
        value.len = call->node->args[bytes].len - (sizeof("bytes=") - 1);

        if (mlops_plan_whole(call, bytes, "bytes=", &value, 1,
                             MLOPS_STRING_BYTES_MAX, &feature->bytes)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    for (i = 0; i < feature->width; i++) {
        column = &view->row.columns[feature->first + i];

        column->type = feature->type;
        column->kind = mlops_type_kind(feature->type);
    }

    if (feature->where == NULL) {
        return MLOPS_OK;
    }

    return mlops_plan_where_end(call,
                                mlops_plan_param_find(call->node, 3, "where="),
                                feature->where);
}


static void
mlops_plan_trim(mlops_str_t *s)
{
    while (s->len > 0 && s->data[0] == ' ') {
        s->data++;
        s->len--;
    }

    while (s->len > 0 && s->data[s->len - 1] == ' ') {
        s->len--;
    }
}
