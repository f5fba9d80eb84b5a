/*
 * What the parts of a run share.  All is the run's own thread's unless it
 * says otherwise.
 *
 * The order of things, which the guarantees rest on:
 *
 *     a record    read, offline log (memory), lane; or dead letter (queued);
 *                 then the partition's offset
 *     position    shown once the dead letters before it are acknowledged
 *     checkpoint  dead letters acknowledged, log on the disk; then each lane:
 *                 rows acknowledged, checkpoint; then the group's offsets,
 *                 which nobody relies on
 */

#ifndef MLOPS_RUN_STATE_H
#define MLOPS_RUN_STATE_H


#include "mlops_offline.h"
#include "mlops_run.h"

#include <pthread.h>


#define MLOPS_RUN_BATCH      64             /* records between looks at the
                                               time */
#define MLOPS_RUN_TICK_US    1000
#define MLOPS_RUN_SLEEP_MS   20


typedef struct {
    mlops_position_t   at;                  /* read up to and with */
    int64_t            end;                 /* of the log as it was acquired:
                                               the next offset */
    int64_t            first_ts_us;         /* INT64_MAX: none */
    unsigned           owned:1;
    unsigned           loaded:1;            /* a checkpoint has it */
    unsigned           from_zero:1;         /* nothing is missing before */
    unsigned           begun:1;             /* by a process before: */
    unsigned           zero:1;              /* its from_zero */
    unsigned           reached:1;           /* end */
    unsigned           changed:1;           /* since it was last shown */
} mlops_run_part_t;


struct mlops_run_s {
    mlops_run_conf_t            conf;
    const mlops_plan_view_t    *view;
    char                        name[65];
    char                        state_path[MLOPS_PLAN_PATH_SIZE];
    pthread_t                   thread;

    int                         state_dir;  /* <state>/<view>, or -1 */
    int                         locks[2];

    mlops_consumer_t           *consumer;
    mlops_producer_t           *dead;       /* or NULL */
    mlops_sink_t                sink;
    mlops_offline_t            *log;        /* or NULL */
    int                         log_dir;
    mlops_intake_t             *intake;

    mlops_lane_t              **lanes;
    mlops_position_t          **loaded;     /* by lane and partition + 1:
                                               what its checkpoint has */
    uint32_t                    shards;
    uint32_t                    lanes_n;    /* that are there */
    int64_t                     cut_us;

    mlops_run_part_t           *parts;      /* by partition + 1 */
    int32_t                    *owned;
    uint32_t                    owned_n;

    unsigned                    closing:1;
    unsigned                    caught_up:1;
    unsigned                    warming:1;  /* the end is to be reached */
    unsigned                    unacked:1;  /* dead letters may be under
                                               way */
    unsigned                    checkpointing:1;
    unsigned                    complete:1; /* the checkpoint that is under
                                               way says what is WARMING */
    unsigned                    changed:1;  /* since the last checkpoint */
    unsigned                    wrong:1;    /* a callback failed: err */
    unsigned                    strangers:1;    /* were looked for */

    int64_t                     wall_us;
    int64_t                     ticked_us;
    int64_t                     shown_us;
    int64_t                     met_us;     /* the group, since then */
    int64_t                     waited_us;  /* for dead letters */
    uint32_t                    held;       /* tries of a checkpoint */
    int64_t                     counted_us;
    int64_t                     checkpoint_us;  /* when the next is due */
    uint64_t                    checkpoints;    /* of all lanes, before */
    uint64_t                    started_ns;

    mlops_header_t             *headers;    /* of a dead letter */
    uint32_t                    headers_n;

    /* role follow */
    mlops_table_row_t           row;
    char                       *text;
    size_t                      text_size;

    mlops_err_t                 err;

    /* between threads */
    _Atomic int                 state;
    _Atomic int                 stop;
    _Atomic(const mlops_plan_view_t *)  next;
    _Atomic uint64_t            redefined;
    _Atomic uint64_t            records;
    _Atomic uint64_t            verdicts[MLOPS_INTAKE_N];
    _Atomic uint64_t            dead_n;

    pthread_mutex_t             mutex;      /* of the two below */
    uint32_t                    ready;      /* lanes to look at */
    mlops_run_stats_t           seen;
};


/* Of a counter that the run's thread alone changes; returns what it was. */

static inline uint64_t
mlops_run_add(_Atomic uint64_t *counter, uint64_t n)
{
    uint64_t  was;

    was = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, was + n, memory_order_relaxed);

    return was;
}


/* A batch view: mlops_run_batch.c. */
int mlops_run_batch(mlops_run_t *run, mlops_err_t *err);

/* The loop over the source's records: mlops_run_source.c. */
int mlops_run_source(mlops_run_t *run, mlops_err_t *err);
/* What others look at. */
void mlops_run_see(mlops_run_t *run);
int mlops_run_record(mlops_run_t *run, mlops_record_t *record, int measured,
    mlops_err_t *err);

/* mlops_run_follow.c */
int mlops_run_follow(mlops_run_t *run, const mlops_record_t *record,
    mlops_err_t *err);

/* mlops_run_dead.c */
int mlops_run_dead(mlops_run_t *run, mlops_record_t *record,
    mlops_intake_verdict_t verdict, const mlops_err_t *reason,
    mlops_err_t *err);
/* MLOPS_OK: all are acknowledged; MLOPS_AGAIN; MLOPS_ERROR. */
int mlops_run_dead_wait(mlops_run_t *run, int timeout_ms, mlops_err_t *err);

/* Partitions: mlops_run_parts.c. */
int64_t mlops_run_acquire(void *ctx, int32_t partition, int64_t low,
    int64_t high);
void mlops_run_release(void *ctx, int32_t partition, int lost);
void mlops_run_show(mlops_run_t *run);
void mlops_run_strangers(mlops_run_t *run);
void mlops_run_position(const mlops_run_t *run, uint32_t lane,
    int32_t partition, mlops_position_t *position);

/* How far it has come, and what follows for WARMING: mlops_run_warm.c. */
void mlops_run_reach(mlops_run_t *run);
/* Has a process before left the end of the log unreached? */
int mlops_run_begun(int state_dir);
int mlops_run_begin_load(mlops_run_t *run, mlops_err_t *err);
int mlops_run_begin_save(mlops_run_t *run, mlops_err_t *err);
void mlops_run_begin_forget(mlops_run_t *run);

/* Checkpoints: mlops_run_checkpoint.c. */
int mlops_run_checkpoint_tick(mlops_run_t *run, mlops_err_t *err);
int mlops_run_checkpoint_now(mlops_run_t *run, uint32_t timeout_ms,
    mlops_err_t *err);


static inline int
mlops_run_asked_to_stop(const mlops_run_t *run)
{
    return atomic_load_explicit(&run->stop, memory_order_relaxed);
}


#endif /* MLOPS_RUN_STATE_H */
