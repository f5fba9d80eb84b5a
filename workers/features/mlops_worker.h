/*
 * The process mlops-features: which views it runs, and what others see of
 * it.
 *
 * It reads the plan, starts a run for each view, and looks after them ten
 * times a second: signals, another plan, ends.  A view of another plan with
 * the same base hash and the same surroundings goes on with the new
 * definition; anything else that differs is stopped, with a checkpoint, and
 * begun again.  Plans stay in memory as long as a run refers to them.
 *
 * Each second it leaves metrics/<process>.prom and status/<process>.json in
 * the store, by rename.
 */

#ifndef MLOPS_WORKER_H
#define MLOPS_WORKER_H


#include "mlops_plan.h"
#include "mlops_run.h"
#include "mlops_store.h"

#include <sys/stat.h>


#define MLOPS_WORKER_VIEWS      256
#define MLOPS_WORKER_NAME_SIZE  65      /* of the process */


typedef struct {
    mlops_arena_t   arena;
    mlops_plan_t    plan;
    uint32_t        uses;               /* runs that refer to it */
} mlops_worker_plan_t;


/* One view, from its first start to its removal. */

typedef struct {
    char                   name[65];
    mlops_run_t           *run;         /* NULL: none at present */
    const mlops_plan_view_t  *view;     /* of the run, or NULL */
    mlops_worker_plan_t   *plan;        /* of view */
    mlops_worker_plan_t   *olds[MLOPS_LANE_OLDS];
    uint32_t               olds_n;
    unsigned               stopping:1;  /* by us */
    unsigned               wanted:1;    /* in the current plan */
    mlops_role_t           role;
    mlops_run_state_t      state;       /* as last seen */
    mlops_err_t            err;         /* where there is no run */
    uint64_t               before;      /* accepted, and when it was looked */
    uint64_t               before_ns;
    double                 rate;
    mlops_run_stats_t      stats;
} mlops_worker_view_t;


typedef struct {
    const char            *store_path;  /* or NULL */
    const char            *plan_path;
    char                 **only;        /* names of views; none: all */
    uint32_t               only_n;
    int                    role;        /* mlops_role_t, -1: as planned */
    int                    quiet;       /* no line at a terminal */
    mlops_run_conf_t       run;

    char                   name[MLOPS_WORKER_NAME_SIZE];
    char                   plan_file[1100];
    char                   state[MLOPS_PLAN_PATH_SIZE];
    mlops_store_t          store;
    unsigned               has_store:1;
    unsigned               ending:1;
    int                    metrics;     /* the store's rooms, or -1 */
    int                    status;

    mlops_worker_plan_t   *plan;        /* the current one */
    uint64_t               plan_hash;   /* of its text */
    struct stat            plan_stat;
    int64_t                started_us;
    unsigned               unpublished; /* files that could not be
                                           written */
    mlops_err_t            plan_err;    /* of the last that was refused */

    uint32_t               views_n;
    mlops_worker_view_t   *views[MLOPS_WORKER_VIEWS];
} mlops_worker_t;


int mlops_worker_open(mlops_worker_t *worker, mlops_err_t *err);
void mlops_worker_close(mlops_worker_t *worker);

/* Reads the plan where it is another one (again: whether it is or not), and
 * brings the runs in step with it. */
int mlops_worker_plan(mlops_worker_t *worker, int again, mlops_err_t *err);

/* Ends of runs, definitions that nobody reads any more. */
void mlops_worker_tend(mlops_worker_t *worker);
/* How many runs are at work, and have failed. */
uint32_t mlops_worker_active(const mlops_worker_t *worker, uint32_t *failed);
void mlops_worker_stop(mlops_worker_t *worker);

/* Once a second. */
void mlops_worker_look(mlops_worker_t *worker);
void mlops_worker_metrics(mlops_worker_t *worker);
void mlops_worker_status(mlops_worker_t *worker);
void mlops_worker_line(mlops_worker_t *worker);


/* A text that grows. */

typedef struct {
    char    *data;
    size_t   len;
    size_t   size;
    int      failed;
} mlops_text_t;

void mlops_text_add(mlops_text_t *text, const char *fmt, ...)
    mlops_printf(2, 3);
/* A string of JSON. */
void mlops_text_quoted(mlops_text_t *text, const char *data, size_t len);
/* Writes it to dir/name by rename; it is freed. */
int mlops_text_publish(mlops_text_t *text, int dir, const char *name,
    mlops_err_t *err);


#endif /* MLOPS_WORKER_H */
