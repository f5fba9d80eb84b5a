/*
 * How directives of the plan are described and checked: one table a block.
 */

#ifndef MLOPS_PLAN_TABLE_H
#define MLOPS_PLAN_TABLE_H


#include "mlops_plan.h"


#define MLOPS_PLAN_BLOCK  0x01      /* takes a block */
#define MLOPS_PLAN_ONCE   0x02      /* at most once in its block */

#define MLOPS_PLAN_MANY   UINT32_MAX

#define MLOPS_PLAN_FIELD_MAX  128           /* bytes of a field's name */
#define MLOPS_PLAN_TOPIC_MAX  249           /* Kafka's */
#define MLOPS_PLAN_PLACE_SIZE 128           /* of call->place */

#define MLOPS_PLAN_SPAN_MAX   (100ll * 365 * 86400 * 1000000)   /* us */


typedef struct mlops_plan_call_s  mlops_plan_call_t;

/* What a handler gets; data is what the block is about. */

struct mlops_plan_call_s {
    mlops_plan_t               *plan;
    mlops_plan_node_t          *node;
    const mlops_plan_node_t    *first;      /* its siblings, from the start */
    const char                 *place;      /* "", or " in mlops_model …" */
    void                       *data;
    mlops_plan_where_t         *where;
    mlops_err_t                *err;
};


typedef struct {
    const char  *name;
    uint32_t     args_min;                  /* the name not counted */
    uint32_t     args_max;
    uint32_t     flags;
    int        (*handler)(mlops_plan_call_t *call);
    const char  *doc;                       /* syntax */
} mlops_plan_entry_t;


/* Finds the node's name in the table, checks the number of arguments, block
 * and repetition, and calls the handler. */
int mlops_plan_run(const mlops_plan_entry_t *table, size_t n,
    mlops_plan_call_t *call);

/* Runs all children of call->node; call->data goes to their handlers. */
int mlops_plan_children(const mlops_plan_entry_t *table, size_t n,
    const mlops_plan_call_t *call, const char *place, void *data);

/* Sets the error and the place of word arg.  Returns MLOPS_ERROR. */
int mlops_plan_wrong(mlops_plan_call_t *call, uint32_t arg, const char *fmt,
    ...) mlops_printf(3, 4);

/* MLOPS_OK: arg is "key=value", *value is set; MLOPS_AGAIN: it is not;
 * MLOPS_ERROR: it is, for the second time. */
int mlops_plan_param(mlops_plan_call_t *call, uint32_t arg, const char *key,
    mlops_str_t *value);
/* None of the keys ("size="): sets the error, returns MLOPS_ERROR. */
int mlops_plan_unknown(mlops_plan_call_t *call, uint32_t arg,
    const char *const *keys, size_t n);

/* Which of the n words is at arg (behind its first skip bytes)?  Errors list
 * them all. */
int mlops_plan_choice(mlops_plan_call_t *call, uint32_t arg, size_t skip,
    const char *const *words, uint32_t n, uint32_t *choice);

/* The word that text was probably meant to be, or NULL. */
const char *mlops_plan_guess(const mlops_str_t *text,
    const char *const *words, size_t n);

/* "a, b or c", cut where it is too long. */
void mlops_plan_list(char *p, size_t size, const char *const *words,
    size_t n);


/* Words with a range.  key says what of the word it is ("hop=", "k"), or is
 * NULL where the word is the value; times are microseconds, 0 is one of them
 * where zero is set. */
int mlops_plan_whole(mlops_plan_call_t *call, uint32_t arg, const char *key,
    const mlops_str_t *value, uint32_t lo, uint32_t hi, uint32_t *n);
int mlops_plan_span(mlops_plan_call_t *call, uint32_t arg, const char *key,
    const mlops_str_t *value, int zero, int64_t *us);
int mlops_plan_field_name(mlops_plan_call_t *call, uint32_t arg,
    const char *what, const mlops_str_t *name);
int mlops_plan_topic(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *topic);
int mlops_plan_file(mlops_plan_call_t *call, uint32_t arg, const char *what,
    const mlops_str_t *path);

/* The first word of the node, from that on, with that key ("where="), or
 * 0. */
uint32_t mlops_plan_param_find(const mlops_plan_node_t *node, uint32_t from,
    const char *key);

/* A call that checks the node when all is known. */
void mlops_plan_call(mlops_plan_call_t *call, mlops_plan_t *plan,
    mlops_plan_node_t *node, const char *place, mlops_plan_where_t *where,
    mlops_err_t *err);


/* Handlers of blocks, and what is left of them for mlops_plan_finish. */

int mlops_plan_model_block(mlops_plan_call_t *call);
int mlops_plan_kafka_block(mlops_plan_call_t *call);
int mlops_plan_view_block(mlops_plan_call_t *call);

int mlops_plan_view_finish(mlops_plan_t *plan, mlops_plan_view_t *view,
    mlops_plan_where_t *where, mlops_err_t *err);
int mlops_plan_join_finish(mlops_plan_t *plan, mlops_plan_model_t *model,
    mlops_plan_where_t *where, mlops_err_t *err);

/* The handler of join, whose data is the model. */
int mlops_plan_join(mlops_plan_call_t *call);

/* "name", as a place: " in mlops_view \"name\"". */
void mlops_plan_place(char place[MLOPS_PLAN_PLACE_SIZE], const char *block,
    const mlops_str_t *name);

/* Is this one of the names (of models, views, clusters)?  Sets the error. */
int mlops_plan_name(mlops_plan_call_t *call, const char *what,
    const mlops_str_t *name);

/* "unknown WHAT "name"" with what was probably meant, or the names there are:
 * n of them, the first at names, the others stride bytes apart. */
int mlops_plan_unknown_name(mlops_plan_call_t *call, uint32_t arg,
    const char *what, const mlops_str_t *name, const mlops_str_t *names,
    uint32_t n, size_t stride);


#endif /* MLOPS_PLAN_TABLE_H */
