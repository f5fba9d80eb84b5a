/*
 * A view while its block is read.
 *
 * Directives come in any order, and the type of a field may be said by one
 * that comes later than the first that names it.  So a field collects what
 * its uses need, and gets its type at the end:
 *
 *     EXACT    the type that is said: an entity's, a time's, type=, a filter
 *              with a string.  Two that differ are an error.
 *     NUMBER   sum(f), fare > 3: FP64, or INT64 where an exact use says so.
 *              An exact BYTES is an error.
 *     ANY      last(f), approx_distinct(f): what other uses say, and a type
 *              of its own where none does.
 */

#ifndef MLOPS_PLAN_BUILD_H
#define MLOPS_PLAN_BUILD_H


#include "mlops_plan_table.h"


typedef enum {
    MLOPS_USE_EXACT = 0,
    MLOPS_USE_NUMBER,
    MLOPS_USE_ANY
} mlops_plan_use_t;


typedef struct {
    mlops_str_t               name;
    mlops_type_t              exact;    /* NONE: nobody has said it */
    mlops_type_t              any;      /* where nobody does */
    unsigned                  number:1;
    const char               *exact_by; /* "entity", "feature "x"" */
    const mlops_plan_node_t  *exact_node;
    const char               *number_by;
    const mlops_plan_node_t  *number_node;
} mlops_plan_field_t;


/* call->data in mlops_view. */

typedef struct {
    mlops_plan_view_t        *view;
    const mlops_plan_node_t  *dead;     /* "dead_letters", or NULL */
    uint32_t                  fields_n;
    uint32_t                  fields_cap;
    mlops_plan_field_t       *fields;   /* number = column of view->event */
    uint32_t                  columns_n;    /* of view->row so far */
    uint32_t                  columns_cap;
} mlops_plan_build_t;


/* What functions take: mlops_plan_function.c. */

#define MLOPS_FUNC_FIELD     0x001      /* its first argument is a field */
#define MLOPS_FUNC_NO_WINDOW 0x002      /* takes neither window nor filter */
#define MLOPS_FUNC_NEEDS     0x004      /* has no meaning without a window */
#define MLOPS_FUNC_BAR       0x008      /* windows are bars */
#define MLOPS_FUNC_PICKS     0x010      /* its value is one of the field's */
#define MLOPS_FUNC_ORDERS    0x020      /* … by order: no strings */
#define MLOPS_FUNC_COUNTS    0x040      /* its value is INT64 */
#define MLOPS_FUNC_DISTINCT  0x080      /* takes fields of all types */

typedef struct {
    const char  *name;
    const char  *syntax;                /* "last_k(field, k)" */
    uint32_t     args_min;
    uint32_t     args_max;
    uint32_t     flags;
} mlops_plan_function_t;

const mlops_plan_function_t *mlops_plan_function(mlops_func_t func);
/* By name; the error guesses at what was meant. */
int mlops_plan_function_find(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *name, mlops_func_t *func);


/* Says that by (word arg of the node) reads the field; *number is its column.
 * The texts have to live as long as the plan. */
int mlops_plan_field(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *name, mlops_plan_use_t use, mlops_type_t type,
    const char *by, uint32_t *number);
/* The types are known: makes view->event. */
int mlops_plan_fields_end(mlops_plan_call_t *call);
/* "int64", "double" or "string". */
const char *mlops_plan_type_word(mlops_type_t type);

/* Handlers, by file: mlops_plan_source.c, */
int mlops_plan_source(mlops_plan_call_t *call);
int mlops_plan_entity(mlops_plan_call_t *call);
int mlops_plan_event_time(mlops_plan_call_t *call);
int mlops_plan_dedupe(mlops_plan_call_t *call);

/* mlops_plan_feature.c; mlops_plan_feature_end is called once fields have
 * types. */
int mlops_plan_feature(mlops_plan_call_t *call);
int mlops_plan_feature_end(mlops_plan_call_t *call,
    mlops_plan_feature_t *feature);

/* mlops_plan_window.c: window=, hop=, kind= of a feature. */
int mlops_plan_window(mlops_plan_call_t *call, mlops_plan_feature_t *feature);

/* mlops_plan_where.c: compiles the text of word arg, which begins skip bytes
 * in it; and gives its literals the types of their fields. */
int mlops_plan_where_parse(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *text, const char *by, mlops_where_t **where);
int mlops_plan_where_end(mlops_plan_call_t *call, uint32_t arg,
    const mlops_where_t *where);

/* mlops_plan_identity.c: base_hash, the features' hashes, hash. */
void mlops_plan_identity(mlops_plan_view_t *view);


#endif /* MLOPS_PLAN_BUILD_H */
