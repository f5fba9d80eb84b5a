/*
 * How directives of the plan are described and checked: one table a block.
 */

#ifndef MLOPS_PLAN_TABLE_H
#define MLOPS_PLAN_TABLE_H


#include "mlops_plan.h"


#define MLOPS_PLAN_BLOCK  0x01      /* takes a block */
#define MLOPS_PLAN_ONCE   0x02      /* at most once in its block */

#define MLOPS_PLAN_MANY   UINT32_MAX


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


/* Handlers of blocks. */

int mlops_plan_model_block(mlops_plan_call_t *call);


#endif /* MLOPS_PLAN_TABLE_H */
