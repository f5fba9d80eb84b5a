/*
 * What the sub-commands about feature views share: the view of a plan.
 *
 *     -s STORE    the store: its plan.json, its tables
 *     -p PLAN     another plan.json
 */

#ifndef MLOPSCTL_VIEW_H
#define MLOPSCTL_VIEW_H


#include "mlopsctl.h"
#include "mlops_plan.h"


typedef struct {
    mlops_arena_t             arena;
    mlops_plan_t              plan;
    const mlops_plan_view_t  *view;
    char                      store[MLOPS_PLAN_PATH_SIZE];
                                        /* -s, or the plan's */
    char                      state[MLOPS_PLAN_PATH_SIZE];
                                        /* of the plan, or "" */
} mlopsctl_view_t;


/* The arguments of a sub-command about a view and its events. */

typedef struct {
    const char  *store;
    const char  *plan;
    const char  *value;                 /* of the option it lives by */
    const char  *view;
    char       **rest;                  /* behind the view */
    int          rest_n;
} mlopsctl_view_args_t;

/* -s or -p, --option VALUE, a view, and more: MLOPSCTL_DONE, or
 * MLOPSCTL_USAGE once it has been said what is missing. */
int mlopsctl_view_args(int argc, char **argv, const char *option,
    const char *value, mlopsctl_view_args_t *args);

/* Reads the plan of a store (store not NULL) or of a file, and finds the view
 * in it.  The error lists the views there are.  Closed in any case. */
int mlopsctl_view_open(mlopsctl_view_t *view, const char *store,
    const char *plan, const char *name, mlops_err_t *err);
void mlopsctl_view_close(mlopsctl_view_t *view);

/* The directory <state>/<view>/<name> (name NULL: <state>/<view>), made where
 * it is missing and make is set.  -1: err. */
int mlopsctl_view_state(const mlopsctl_view_t *view, const char *name,
    int make, mlops_err_t *err);


#endif /* MLOPSCTL_VIEW_H */
