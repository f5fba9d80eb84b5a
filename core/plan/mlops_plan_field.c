/*
 * The fields of an event that a view reads, and their types.
 */

#include "mlops_plan_build.h"

#include <stdio.h>


static mlops_plan_field_t *mlops_plan_field_add(mlops_plan_call_t *call,
    const mlops_str_t *name);
static int mlops_plan_field_conflict(mlops_plan_call_t *call, uint32_t arg,
    const mlops_plan_field_t *field, const char *by, const char *type);


const char *
mlops_plan_type_word(mlops_type_t type)
{
    switch (type) {

    case MLOPS_TYPE_INT64:
        return "int64";

    case MLOPS_TYPE_FP64:
        return "double";

    default:
        return "string";
    }
}


int
mlops_plan_field(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *name, mlops_plan_use_t use, mlops_type_t type,
    const char *by, uint32_t *number)
{
    uint32_t             i;
    mlops_plan_field_t  *field;
    mlops_plan_build_t  *build;

    build = call->data;
    field = NULL;

    for (i = 0; i < build->fields_n; i++) {
        if (mlops_str_eq(&build->fields[i].name, name->data, name->len)) {
            field = &build->fields[i];
            break;
        }
    }

    if (field == NULL) {

        if (mlops_plan_field_name(call, arg, "field", name) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (build->fields_n == MLOPS_VIEW_COLUMNS_MAX) {
            return mlops_plan_wrong(call, arg, "too many fields%s: expected "
                                    "at most %d", call->place,
                                    MLOPS_VIEW_COLUMNS_MAX);
        }

        field = mlops_plan_field_add(call, name);
        if (field == NULL) {
            return mlops_plan_wrong(call, arg, "out of memory");
        }
    }

    *number = (uint32_t) (field - build->fields);

    switch (use) {

    case MLOPS_USE_EXACT:
        if (field->exact != MLOPS_TYPE_NONE && field->exact != type) {
            return mlops_plan_field_conflict(call, arg, field, by,
                                             mlops_plan_type_word(type));
        }

        if (field->number && type == MLOPS_TYPE_BYTES) {
            return mlops_plan_field_conflict(call, arg, field, by, "string");
        }

        if (field->exact == MLOPS_TYPE_NONE) {
            field->exact = type;
            field->exact_by = by;
            field->exact_node = call->node;
        }

        break;

    case MLOPS_USE_NUMBER:
        if (field->exact == MLOPS_TYPE_BYTES) {
            return mlops_plan_field_conflict(call, arg, field, by,
                                             "a number");
        }

        if (!field->number) {
            field->number = 1;
            field->number_by = by;
            field->number_node = call->node;
        }

        break;

    case MLOPS_USE_ANY:
        if (field->any == MLOPS_TYPE_NONE) {
            field->any = type;
        }

        break;
    }

    return MLOPS_OK;
}


static mlops_plan_field_t *
mlops_plan_field_add(mlops_plan_call_t *call, const mlops_str_t *name)
{
    uint32_t             cap;
    mlops_plan_field_t  *fields;
    mlops_plan_build_t  *build;

    build = call->data;

    if (build->fields_n == build->fields_cap) {
        cap = (build->fields_cap == 0) ? 16 : build->fields_cap * 2;

        fields = mlops_arena_calloc(call->plan->arena, cap, sizeof(*fields));
        if (fields == NULL) {
            return NULL;
        }

        if (build->fields_n != 0) {
            memcpy(fields, build->fields, build->fields_n * sizeof(*fields));
        }

        build->fields = fields;
        build->fields_cap = cap;
    }

    build->fields[build->fields_n].name = *name;

    return &build->fields[build->fields_n++];
}


static int
mlops_plan_field_conflict(mlops_plan_call_t *call, uint32_t arg,
    const mlops_plan_field_t *field, const char *by, const char *type)
{
    const char               *other, *other_by;
    const mlops_plan_node_t  *node;

    if (field->exact != MLOPS_TYPE_NONE) {
        other = mlops_plan_type_word(field->exact);
        other_by = field->exact_by;
        node = field->exact_node;

    } else {
        other = "a number";
        other_by = field->number_by;
        node = field->number_node;
    }

    return mlops_plan_wrong(call, arg, "field \"%.*s\"%s has two types: %s by"
                            " %s in %.*s:%u, and %s by %s",
                            mlops_fmt(&field->name), call->place, other,
                            other_by, mlops_fmt(&node->file), node->line,
                            type, by);
}


int
mlops_plan_fields_end(mlops_plan_call_t *call)
{
    uint32_t             i;
    mlops_column_t      *column;
    mlops_schema_t      *event;
    mlops_plan_field_t  *field;
    mlops_plan_build_t  *build;

    build = call->data;
    event = &build->view->event;

    event->n = build->fields_n;
    event->columns = mlops_arena_calloc(call->plan->arena, build->fields_n,
                                        sizeof(*event->columns));
    if (event->columns == NULL) {
        return mlops_plan_wrong(call, 0, "out of memory");
    }

    for (i = 0; i < build->fields_n; i++) {
        field = &build->fields[i];
        column = &event->columns[i];

        column->name = field->name;
        column->type = (field->exact != MLOPS_TYPE_NONE) ? field->exact
                       : field->number ? MLOPS_TYPE_FP64 : field->any;
        column->kind = mlops_type_kind(column->type);
    }

    if (mlops_schema_index(event, call->plan->arena, call->err) != MLOPS_OK) {
        call->where->file = call->node->file;
        call->where->line = call->node->line;

        return mlops_err_prefix(call->err, "fields%s", call->place);
    }

    return MLOPS_OK;
}
