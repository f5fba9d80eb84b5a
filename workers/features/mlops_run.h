/*
 * A run: one view at work, with threads of its own.
 *
 * The process (mlops_worker.h) creates runs, asks them to stop or to take
 * another definition, and looks at their counters; it never waits for one
 * but at the end.  What goes wrong ends the run alone: its state is FAILED,
 * and its error says why.
 */

#ifndef MLOPS_RUN_H
#define MLOPS_RUN_H


#include "mlops_intake.h"
#include "mlops_lane.h"


typedef enum {
    MLOPS_RUN_STARTING = 0,
    MLOPS_RUN_RUNNING,
    MLOPS_RUN_DONE,             /* all that there was has been read (once) */
    MLOPS_RUN_STOPPED,          /* as it was asked to */
    MLOPS_RUN_FAILED
} mlops_run_state_t;

#define mlops_run_is_over(state)  ((state) >= MLOPS_RUN_DONE)


typedef struct {
    int          features;              /* the store's, or -1: no tables */
    const char  *state;                 /* path of mlops_state, or "" */
    uid_t        uid;                   /* of tables */
    gid_t        gid;
    int64_t      checkpoint_us;         /* between two checkpoints */
    unsigned     once:1;                /* to the end as of the start */
    unsigned     from_end:1;            /* what is not known begins there */
} mlops_run_conf_t;


/* Of one partition, for the status. */

typedef struct {
    int32_t   partition;
    int64_t   offset;                   /* read up to and with */
    int64_t   high;                     /* -1: not known */
    int64_t   max_ts_us;
} mlops_run_place_t;


typedef struct {
    mlops_run_state_t     state;
    int                   caught_up;
    uint64_t              records;
    uint64_t              verdicts[MLOPS_INTAKE_N];
    uint64_t              dead;         /* dead letters that were sent */
    uint64_t              published;
    uint64_t              log_bytes;
    uint64_t              errors;       /* of the consumer, that passed */
    uint64_t              lag;
    mlops_lane_stats_t    lanes;        /* summed up; the oldest checkpoint */
    uint32_t              places_n;
    mlops_run_place_t     places[MLOPS_PARTITIONS_MAX];
    mlops_err_t           err;
} mlops_run_stats_t;


typedef struct mlops_run_s  mlops_run_t;


/* Starts it; the view outlives the run. */
mlops_run_t *mlops_run_create(const mlops_plan_view_t *view,
    const mlops_run_conf_t *conf, mlops_err_t *err);

mlops_run_state_t mlops_run_state(const mlops_run_t *run);

/* Asks it to checkpoint and end. */
void mlops_run_stop(mlops_run_t *run);
/* Waits for its end and frees it. */
void mlops_run_destroy(mlops_run_t *run);

/* Another definition with the same base hash.  MLOPS_AGAIN: it has not taken
 * the one before. */
int mlops_run_redefine(mlops_run_t *run, const mlops_plan_view_t *view);
/* Does it still use definitions older than the last one? */
int mlops_run_olds(mlops_run_t *run);

void mlops_run_stats(mlops_run_t *run, mlops_run_stats_t *stats);


#endif /* MLOPS_RUN_H */
