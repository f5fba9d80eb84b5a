/*
 * A lane: one shard of a view, and the way to it.
 *
 * All that a shard is to do comes as messages in one ring, in the order of
 * the log: events, positions, checkpoints, partitions that come and go, new
 * definitions.  With one shard the thread that reads the source drains the
 * ring itself, some events at a time; with more each lane has a thread.  The
 * code is the same.  That messages lie in a ring also lets the lane ask for
 * memory some events before it touches it.
 *
 * Between messages a lane does what time asks for (mlops_lane_work): rows
 * whose boundary has passed, growth, a slice of a checkpoint.
 */

#ifndef MLOPS_LANE_H
#define MLOPS_LANE_H


#include "mlops_ring.h"
#include "mlops_sink.h"
#include "mlops_shard.h"


#define MLOPS_LANE_OLDS     16          /* definitions that are still fed */


typedef struct {
    const mlops_plan_view_t  *view;
    const char               *name;     /* of the view, for texts */
    mlops_sink_t             *sink;     /* features.<view>, or NULL */
    mlops_shard_conf_t        shard;
    unsigned                  threaded:1;
} mlops_lane_conf_t;


/* Freshness: wall time at which a row was put less the record's timestamp. */

#define MLOPS_FRESH_BUCKETS  16         /* the last is +Inf */

extern const double  mlops_fresh_bounds[MLOPS_FRESH_BUCKETS - 1];

typedef struct {
    uint64_t  buckets[MLOPS_FRESH_BUCKETS];     /* each alone */
    uint64_t  count;
    double    sum;                      /* seconds */
} mlops_fresh_t;


typedef struct {
    mlops_shard_stats_t  shard;
    mlops_fresh_t        fresh;
    uint64_t             checkpoint_failures;
    uint64_t             stalls;        /* waits for a full ring */
} mlops_lane_stats_t;


typedef struct mlops_lane_s  mlops_lane_t;


/* The shard is created and what its checkpoint has loaded: *found says
 * whether there was one, positions (room for MLOPS_PARTITIONS_MAX + 1), n and
 * cut_us what it says. */
mlops_lane_t *mlops_lane_create(const mlops_lane_conf_t *conf,
    int *found, mlops_position_t *positions, uint32_t *n, int64_t *cut_us,
    mlops_err_t *err);
/* Ends the thread at the end of the ring; no checkpoint. */
void mlops_lane_destroy(mlops_lane_t *lane);

/* Starts the thread, if it is to have one. */
int mlops_lane_start(mlops_lane_t *lane, mlops_err_t *err);


/*
 * What follows is called by the one thread that feeds the lane.  A full ring
 * is waited for.  Nothing fails here: mlops_lane_failed tells.
 */

/* stamp is the record's timestamp where its freshness is to be measured, or
 * -1. */
void mlops_lane_event(mlops_lane_t *lane, const mlops_key_t *key,
    uint64_t hash, const mlops_event_t *event, int64_t max_ts_us, int64_t q,
    int64_t stamp);
void mlops_lane_follow(mlops_lane_t *lane, const mlops_key_t *key,
    uint64_t hash, const mlops_table_row_t *row, int gone);

/* The partition is ours; what the lane's own checkpoint has of it is passed
 * over up to and with skip. */
void mlops_lane_acquire(mlops_lane_t *lane, int32_t partition, int64_t skip);
void mlops_lane_release(mlops_lane_t *lane, int32_t partition, int keep);
void mlops_lane_position(mlops_lane_t *lane,
    const mlops_position_t *position);
void mlops_lane_warm(mlops_lane_t *lane, uint32_t column, int64_t warm_us);
void mlops_lane_cold(mlops_lane_t *lane, int cold);
void mlops_lane_caught_up(mlops_lane_t *lane);
void mlops_lane_redefine(mlops_lane_t *lane, const mlops_plan_view_t *view);
/* Not while one is under way. */
void mlops_lane_checkpoint(mlops_lane_t *lane,
    const mlops_position_t *positions, uint32_t n, int64_t cut_us);

/* 1 from mlops_lane_checkpoint on until it is on disk or given up; the
 * number of those that are on disk. */
int mlops_lane_busy(const mlops_lane_t *lane);
uint64_t mlops_lane_checkpoints(const mlops_lane_t *lane);

/* MLOPS_ERROR: err has why. */
int mlops_lane_failed(mlops_lane_t *lane, mlops_err_t *err);

/* Of a lane without thread: takes messages if there are many, or any with all
 * set; and does what time asks for: MLOPS_AGAIN, there is more of it.  Both
 * are nothing where it has a thread. */
void mlops_lane_drain(mlops_lane_t *lane, int all);
int mlops_lane_work(mlops_lane_t *lane, int64_t wall_us);
/* When it has to be called again, in wall time (clock wall). */
int64_t mlops_lane_next(const mlops_lane_t *lane);

/* Waits until the ring is empty and no checkpoint under way; at most that
 * long: MLOPS_AGAIN. */
int mlops_lane_settle(mlops_lane_t *lane, uint32_t timeout_ms);


/* From any thread. */

void mlops_lane_stats(mlops_lane_t *lane, mlops_lane_stats_t *stats);
/* Does it still feed tables of older definitions, after n redefinitions? */
int mlops_lane_olds(const mlops_lane_t *lane, uint64_t n);


#endif /* MLOPS_LANE_H */
