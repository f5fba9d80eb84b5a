/*
 * A shard: the entities of a view whose key hashes to it, with the state of
 * their windows, and the tables that show their values.  Everything of a
 * shard is done by one thread.
 *
 * What it holds for each entity: key, state (mlops_window.h), {partition,
 * offset} of the last event, the time of the newest one, the next boundary at
 * which its values change by themselves, its place in the order of last use.
 *
 * Two clocks belong to a partition.  q is for which values are computed: the
 * wall's or the log's.  The log's clock, max ts + tick, alone decides what is
 * forgotten: before an event is applied an entity whose newest event is older
 * than the log's clock (of that event) - ttl is dropped; it begins empty.  A
 * shard with more entities than max_entities / shards after that gives up the
 * one whose last event was applied longest ago, counted.  Both depend on the
 * log alone where one partition feeds the shard.
 *
 * An event for an entity that another partition owns stops the view: the
 * record key has to be the entity.  (Entities of partition -1, those of a
 * backfill from files, go to the first partition that has an event of them.)
 *
 * Duplicates (dedupe FIELD within=…): an event whose entity and FIELD are
 * those of one accepted before that was no duplicate itself, with times at
 * most within apart, changes nothing.
 *
 * A checkpoint is exact: it holds the shard as it was when it began, while
 * events go on.  An entity that is about to change and has not been written
 * yet is written first; what is left is written in slices between events.  No
 * fork, no pause.  The file:
 *
 *     <state>/<view>/<base hash>.<shard>.ckpt     (see mlops_checkpoint.c)
 *
 * temporary file, fsync, rename, fsync of the directory.
 *
 * After a restart the state comes from the checkpoint and events from its
 * offsets on are applied again; the table, which outlived the worker, may be
 * ahead.  While it is, no row is put that is not newer than the table's own
 * {partition, offset}; at the end of the replay, mlops_shard_caught_up, the
 * table is made equal to the state, row by row.
 */

#ifndef MLOPS_SHARD_H
#define MLOPS_SHARD_H


#include "mlops_base.h"
#include "mlops_plan_view.h"
#include "mlops_table.h"
#include "mlops_window.h"

#include <sys/types.h>


typedef struct mlops_shard_s  mlops_shard_t;


/* What a partition has come to, as of a checkpoint or now. */

typedef struct {
    int32_t   partition;
    int64_t   offset;               /* applied up to and with it; -1: none */
    int64_t   max_ts_us;            /* INT64_MIN: none */
} mlops_position_t;


typedef struct {
    int          features;          /* the store's features/, or -1: no table
                                       (history, dry runs) */
    int          state;             /* <state>/<view>, or -1: no
                                       checkpoints */
    uid_t        uid;               /* of tables */
    gid_t        gid;
    uint32_t     number;            /* of view->shards */
    unsigned     cold:1;            /* begins so, see mlops_shard_cold */
    /* Each finished row of the newest definition, for features.<view>; or
     * NULL.  During a replay rows come again.  gone: the entity has been
     * dropped, of row the partition and offset of its last event and its
     * time are set. */
    void       (*published)(void *ctx, const mlops_plan_view_t *view,
        const mlops_key_t *key, uint64_t hash, const mlops_table_row_t *row,
        int gone);
    /* Something went wrong that harms nobody and is tried again (the store is
     * full): told once until it goes right.  Or NULL. */
    void       (*notice)(void *ctx, const mlops_err_t *err);
    void        *ctx;
} mlops_shard_conf_t;


typedef struct {
    uint64_t  entities;
    uint64_t  events;               /* applied */
    uint64_t  duplicates;
    uint64_t  evicted;
    uint64_t  expired;
    uint64_t  refreshed;            /* rows put because a boundary passed */
    uint64_t  unplaced;             /* puts without room in the store */
    uint64_t  checkpoints;
    uint64_t  checkpoint_bytes;     /* of the last one */
    int64_t   checkpoint_us;        /* wall time of its end */
    uint64_t  dedupe_overflow;
    uint64_t  table_bytes;
    uint64_t  state_bytes;
} mlops_shard_stats_t;


/* A shard without entities; attaches the table that is there, or makes one.
 * The view outlives it. */
mlops_shard_t *mlops_shard_create(const mlops_plan_view_t *view,
    const mlops_shard_conf_t *conf, mlops_err_t *err);
/* Leaves the tables in peace (clean), writes no checkpoint. */
void mlops_shard_destroy(mlops_shard_t *shard);

/*
 * Loads the newest good checkpoint of this base hash: features that it has
 * under the same hash are taken over, others begin empty and WARMING.
 * MLOPS_OK; MLOPS_AGAIN: there is none; MLOPS_ERROR: it is damaged or cannot
 * be read, err.  Positions: at most MLOPS_PARTITIONS_MAX + 1; cut_us is that
 * of a backfill, INT64_MIN: none.
 */
int mlops_shard_load(mlops_shard_t *shard, mlops_position_t *positions,
    uint32_t *n, int64_t *cut_us, mlops_err_t *err);

/* The columns are WARMING before warm_us (see mlops_table_column_t), or
 * longer where they are so already, as far as bit i of columns is set, or all
 * of them where it is NULL. */
void mlops_shard_warm(mlops_shard_t *shard, const uint64_t *columns,
    int64_t warm_us);
/* All columns are WARMING while cold is set; a checkpoint does not say so. */
void mlops_shard_cold(mlops_shard_t *shard, int cold);

/*
 * Applies one event and puts the entity's row into the tables.  max_ts_us is
 * the partition's max ts after it, with all events of the partition, whether
 * of this shard or not (mlops_intake_clock).  q is the clock for which values
 * are computed: max ts + tick, or the wall where that is later and the view's
 * clock is the wall.  MLOPS_ERROR stops the view.
 */
int mlops_shard_event(mlops_shard_t *shard, const mlops_key_t *key,
    uint64_t hash, const mlops_event_t *event, int64_t max_ts_us, int64_t q,
    mlops_err_t *err);

/* Asks for what an event of this key is going to touch, stage 0 some events
 * before it, stage 1 a few later.  Hints, nothing more. */
void mlops_shard_prefetch(mlops_shard_t *shard, uint64_t hash, int stage);

/* A finished row from another node (role follow): taken where its offset is
 * higher than that of the entity in the same partition, or the same and it
 * is of a later moment (valid_us is higher), or that node has given the
 * entity another partition.  gone removes it, unless what is there has a
 * higher offset; row may be NULL then.  Positions of a follower are those of
 * features.<view>. */
int mlops_shard_follow(mlops_shard_t *shard, const mlops_key_t *key,
    uint64_t hash, const mlops_table_row_t *row, int gone, mlops_err_t *err);

/* The partition's clock is q: rows whose boundary has passed are put anew, and
 * entities that have expired by the log's clock dropped, at most budget of
 * them.  MLOPS_AGAIN: more are due.  Clocks never go back: a lower q is
 * ignored. */
int mlops_shard_clock(mlops_shard_t *shard, int32_t partition, int64_t q,
    uint32_t budget);
/* When to call it: at the next boundary of a partition's entities, or sooner;
 * INT64_MAX: there is none. */
int64_t mlops_shard_next(const mlops_shard_t *shard, int32_t partition);

/* All up to position has been applied, events or not; shown to readers with
 * the clock q, and that this writer follows the partition. */
void mlops_shard_position(mlops_shard_t *shard,
    const mlops_position_t *position, int64_t q);

/*
 * behind: is there still a partition whose table was ahead when the shard was
 * created?  (A partition that is released, or never comes, has to be told by
 * mlops_shard_release.)  caught_up ends the replay, reached or not: every row
 * is made equal to the state, others are removed.
 */
int mlops_shard_behind(const mlops_shard_t *shard);
void mlops_shard_caught_up(mlops_shard_t *shard);

/* The partition has gone to another node: its entities leave the state and,
 * unless kept is set, the tables. */
void mlops_shard_release(mlops_shard_t *shard, int32_t partition, int keep);

/* Begins a checkpoint of this moment; goes on with it (about budget bytes);
 * MLOPS_OK: it is on disk; MLOPS_AGAIN; MLOPS_ERROR: given up, err (a full
 * disk), the old one stands.  begin while one is under way is an error. */
int mlops_shard_checkpoint(mlops_shard_t *shard,
    const mlops_position_t *positions, uint32_t n, int64_t cut_us,
    mlops_err_t *err);
int mlops_shard_checkpoint_step(mlops_shard_t *shard, size_t budget,
    mlops_err_t *err);
/* All of it is written, and a thread brings it to the disk: the next step is
 * to look whether that is done, and there is no hurry. */
int mlops_shard_checkpoint_waits(const mlops_shard_t *shard);

/*
 * Another definition with the same base hash (a reload): a table of its own
 * beside the old one, which is fed until no reader holds it.  State of
 * features with the same hash is kept, new ones begin now and WARM for their
 * window.  Events are those of the new view from here on; what an old feature
 * can no longer see in them is WARMING in the old table.  A checkpoint that
 * is under way goes on with the old definition; take another one soon.  The
 * new view outlives the shard; the old one until mlops_shard_uses says 0.
 * Where only max_entities is another one nothing else changes (more than at
 * its creation a shard takes from the next start on).
 */
int mlops_shard_redefine(mlops_shard_t *shard, const mlops_plan_view_t *view,
    mlops_err_t *err);
int mlops_shard_uses(const mlops_shard_t *shard,
    const mlops_plan_view_t *view);

/* Work in the background: growth, old tables, beats; about budget rows.
 * MLOPS_AGAIN: there is more.  wall_us is the wall clock. */
int mlops_shard_tend(mlops_shard_t *shard, int64_t wall_us, uint32_t budget);

void mlops_shard_stats(const mlops_shard_t *shard,
    mlops_shard_stats_t *stats);

/* Every entity in order of number, for history and tests: values at q. */
typedef int (*mlops_shard_visit_pt)(void *ctx, const mlops_key_t *key,
    const mlops_table_row_t *row);
int mlops_shard_visit(const mlops_shard_t *shard, int64_t q,
    mlops_shard_visit_pt visit, void *ctx);


#endif /* MLOPS_SHARD_H */
