/*
 * join VIEW key=… …, in mlops_model: which columns of a request come from a
 * view.
 *
 * The view may stand behind the model, so what depends on it is checked when
 * all is known: the columns that it brings, by their names with prefix or
 * suffix, have to be of one join each.
 */

#include "mlops_plan_table.h"

#include "mlops_table.h"

#include <stdio.h>


static int mlops_plan_join_param(mlops_plan_call_t *call, uint32_t i,
    mlops_plan_join_t *join);
static int mlops_plan_join_key(mlops_plan_call_t *call, uint32_t i,
    mlops_plan_join_t *join, const mlops_str_t *value);
static int mlops_plan_join_override(mlops_plan_call_t *call, uint32_t i,
    mlops_plan_join_t *join, const mlops_str_t *value);
static int mlops_plan_join_check(mlops_plan_call_t *call,
    mlops_plan_model_t *model, mlops_plan_join_t *join);
static int mlops_plan_join_constant(mlops_plan_call_t *call,
    const mlops_plan_join_t *join);
static int mlops_plan_join_columns(mlops_plan_call_t *call,
    const mlops_plan_model_t *model, const mlops_plan_join_t *join);
static int mlops_plan_join_brings(const mlops_plan_join_t *join,
    const char *name, size_t len);


int
mlops_plan_join(mlops_plan_call_t *call)
{
    int                  rc;
    uint32_t             i, prefix, suffix;
    mlops_plan_join_t   *join;
    mlops_plan_model_t  *model;

    static const char *const  keys[] = {
        "key=", "prefix=", "suffix=", "max_age=", "missing=", "timeout=",
        "override="
    };

    model = call->data;
    join = &model->joins[model->joins_n];

    join->view_name = call->node->args[1];
    join->node = call->node;

    for (i = 2; i < call->node->args_n; i++) {

        rc = mlops_plan_join_param(call, i, join);

        if (rc == MLOPS_AGAIN) {
            return mlops_plan_unknown(call, i, keys, mlops_nitems(keys));
        }

        if (rc != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (join->key.data == NULL) {
        return mlops_plan_wrong(call, 0, "\"join\"%s has no \"key=\": "
                                "expected the entity, key=column, "
                                "key=$variable or \"key='constant'\"",
                                call->place);
    }

    prefix = mlops_plan_param_find(call->node, 2, "prefix=");
    suffix = mlops_plan_param_find(call->node, 2, "suffix=");

    if (prefix != 0 && suffix != 0) {
        return mlops_plan_wrong(call, (prefix > suffix) ? prefix : suffix,
                                "\"prefix=\" and \"suffix=\" in \"join\"%s: "
                                "expected one of them", call->place);
    }

    model->joins_n++;

    return MLOPS_OK;
}


static int
mlops_plan_join_param(mlops_plan_call_t *call, uint32_t i,
    mlops_plan_join_t *join)
{
    int           rc;
    int64_t       us;
    uint32_t      n;
    mlops_str_t   value;

    static const char *const  missing[] = { "default", "null", "refuse" };

    if ((rc = mlops_plan_param(call, i, "key", &value)) != MLOPS_AGAIN) {
        return (rc == MLOPS_OK) ? mlops_plan_join_key(call, i, join, &value)
                                : rc;
    }

    if ((rc = mlops_plan_param(call, i, "prefix", &join->prefix))
        != MLOPS_AGAIN)
    {
        return (rc == MLOPS_OK)
               ? mlops_plan_field_name(call, i, "prefix", &join->prefix) : rc;
    }

    if ((rc = mlops_plan_param(call, i, "suffix", &join->suffix))
        != MLOPS_AGAIN)
    {
        return (rc == MLOPS_OK)
               ? mlops_plan_field_name(call, i, "suffix", &join->suffix) : rc;
    }

    if ((rc = mlops_plan_param(call, i, "max_age", &value)) != MLOPS_AGAIN) {
        return (rc == MLOPS_OK)
               ? mlops_plan_span(call, i, "max_age=", &value, 0,
                                 &join->max_age_us)
               : rc;
    }

    if ((rc = mlops_plan_param(call, i, "missing", &value)) != MLOPS_AGAIN) {

        if (rc != MLOPS_OK
            || mlops_plan_choice(call, i, sizeof("missing=") - 1, missing,
                                 mlops_nitems(missing), &n)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        join->missing = (n == 0) ? MLOPS_MISSING_DEFAULT
                        : (n == 1) ? MLOPS_MISSING_NULL
                        : MLOPS_MISSING_REFUSE;
        return MLOPS_OK;
    }

    if ((rc = mlops_plan_param(call, i, "timeout", &value)) != MLOPS_AGAIN) {

        if (rc != MLOPS_OK
            || mlops_plan_span(call, i, "timeout=", &value, 0, &us)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        join->timeout_ms = us / 1000;
        return MLOPS_OK;
    }

    if ((rc = mlops_plan_param(call, i, "override", &value)) != MLOPS_AGAIN) {
        return (rc == MLOPS_OK)
               ? mlops_plan_join_override(call, i, join, &value) : rc;
    }

    return MLOPS_AGAIN;
}


static int
mlops_plan_join_key(mlops_plan_call_t *call, uint32_t i,
    mlops_plan_join_t *join, const mlops_str_t *value)
{
    if (value->len != 0 && value->data[0] == '\'') {

        if (value->len < 3 || value->data[value->len - 1] != '\'') {
            return mlops_plan_wrong(call, i, "invalid constant %.*s of "
                                    "\"key=\" in \"join\"%s: expected text "
                                    "between two \"'\"", mlops_fmt(value),
                                    call->place);
        }

        join->source = MLOPS_KEY_CONSTANT;
        join->key.data = value->data + 1;
        join->key.len = value->len - 2;

        return MLOPS_OK;
    }

    if (mlops_plan_field_name(call, i, "key", value) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (mlops_str_is(value, "$")) {
        return mlops_plan_wrong(call, i, "invalid variable \"$\" of \"key=\" "
                                "in \"join\"%s: expected its name behind it",
                                call->place);
    }

    join->source = (memchr(value->data, '$', value->len) != NULL)
                   ? MLOPS_KEY_VARIABLE : MLOPS_KEY_COLUMN;
    join->key = *value;

    return MLOPS_OK;
}


static int
mlops_plan_join_override(mlops_plan_call_t *call, uint32_t i,
    mlops_plan_join_t *join, const mlops_str_t *value)
{
    size_t        k;
    uint32_t      n;
    const char   *p, *end;
    mlops_str_t   name;

    n = 1;

    for (k = 0; k < value->len; k++) {
        n += (value->data[k] == ',');
    }

    join->override = mlops_arena_calloc(call->plan->arena, n,
                                        sizeof(*join->override));
    if (join->override == NULL) {
        return mlops_plan_wrong(call, i, "out of memory");
    }

    p = value->data;
    end = p + value->len;

    for ( ;; ) {
        name.data = p;

        while (p < end && *p != ',') {
            p++;
        }

        name.len = p - name.data;

        if (mlops_plan_field_name(call, i, "column of \"override=\"", &name)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        join->override[join->override_n++] = name;

        if (p == end) {
            return MLOPS_OK;
        }

        p++;
    }
}


int
mlops_plan_join_finish(mlops_plan_t *plan, mlops_plan_model_t *model,
    mlops_plan_where_t *where, mlops_err_t *err)
{
    char                place[MLOPS_PLAN_PLACE_SIZE];
    uint32_t            i;
    mlops_plan_call_t   call;

    mlops_plan_place(place, "mlops_model", &model->name);

    for (i = 0; i < model->joins_n; i++) {
        mlops_plan_call(&call, plan, model->joins[i].node, place, where, err);

        if (mlops_plan_join_check(&call, model, &model->joins[i])
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_plan_join_check(mlops_plan_call_t *call, mlops_plan_model_t *model,
    mlops_plan_join_t *join)
{
    uint32_t       i, k;
    mlops_plan_t  *plan;

    plan = call->plan;

    join->view = mlops_plan_view(plan, join->view_name.data,
                                 join->view_name.len);

    if (join->view == NULL) {
        return mlops_plan_unknown_name(call, 1, "view", &join->view_name,
                                       (plan->views_n == 0)
                                       ? NULL : &plan->views->name,
                                       plan->views_n, sizeof(*plan->views));
    }

    if (mlops_plan_join_constant(call, join) != MLOPS_OK
        || mlops_plan_join_columns(call, model, join) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < join->override_n; i++) {

        k = mlops_plan_param_find(call->node, 2, "override=");

        if (!mlops_plan_join_brings(join, join->override[i].data,
                                    join->override[i].len))
        {
            return mlops_plan_wrong(call, k, "\"override=\" in \"join\"%s: "
                                    "view \"%.*s\" brings no column \"%.*s\"",
                                    call->place, mlops_fmt(&join->view_name),
                                    mlops_fmt(&join->override[i]));
        }
    }

    return MLOPS_OK;
}


/* Is it an entity of the view? */

static int
mlops_plan_join_constant(mlops_plan_call_t *call,
    const mlops_plan_join_t *join)
{
    uint32_t      i;
    mlops_key_t   key;
    mlops_err_t   err;

    if (join->source != MLOPS_KEY_CONSTANT
        || mlops_key_parse(join->view->entity_type, &join->key,
                           join->view->entity_bytes, &key, &err)
           == MLOPS_OK)
    {
        return MLOPS_OK;
    }

    i = mlops_plan_param_find(call->node, 2, "key=");

    return mlops_plan_wrong(call, i, "'%.*s' of \"key=\" in \"join\"%s is no "
                            "entity of view \"%.*s\": %s",
                            mlops_fmt(&join->key), call->place,
                            mlops_fmt(&join->view_name), err.text);
}


/* Does a join before this one bring a column of that name? */

static int
mlops_plan_join_columns(mlops_plan_call_t *call,
    const mlops_plan_model_t *model, const mlops_plan_join_t *join)
{
    char                       name[3 * MLOPS_PLAN_FIELD_MAX];
    size_t                     len;
    uint32_t                   i;
    const mlops_str_t         *column;
    const mlops_plan_join_t   *other;

    for (i = 0; i < join->view->row.n; i++) {

        column = &join->view->row.columns[i].name;
        len = snprintf(name, sizeof(name), "%.*s%.*s%.*s",
                       mlops_fmt(&join->prefix), mlops_fmt(column),
                       mlops_fmt(&join->suffix));

        if (len > MLOPS_PLAN_FIELD_MAX) {
            return mlops_plan_wrong(call, 0, "the column \"%.16s...\" of "
                                    "\"join\"%s is too long: expected at most"
                                    " %d bytes, got %zu", name, call->place,
                                    MLOPS_PLAN_FIELD_MAX, len);
        }

        for (other = model->joins; other < join; other++) {

            if (mlops_plan_join_brings(other, name, len)) {
                return mlops_plan_wrong(call, 1, "column \"%s\"%s comes from "
                                        "view \"%.*s\" in %.*s:%u already: "
                                        "expected a \"prefix=\" or "
                                        "\"suffix=\" of one join", name,
                                        call->place,
                                        mlops_fmt(&other->view_name),
                                        mlops_fmt(&other->node->file),
                                        other->node->line);
            }
        }
    }

    return MLOPS_OK;
}


static int
mlops_plan_join_brings(const mlops_plan_join_t *join, const char *name,
    size_t len)
{
    size_t  before, after;

    before = join->prefix.len;
    after = join->suffix.len;

    return len > before + after
           && mlops_str_eq(&join->prefix, name, before)
           && mlops_str_eq(&join->suffix, name + len - after, after)
           && mlops_schema_find(&join->view->row, name + before,
                                len - before - after, 0)
              >= 0;
}
