/*
 * What the files of a shard share.
 *
 *     mlops_shard.c              its life, events, clocks
 *     mlops_shard_define.c       a definition: window program, states, rows
 *     mlops_shard_publish.c      rows into tables
 *     mlops_shard_grow.c         new tables for old ones
 *     mlops_checkpoint.c         writing a checkpoint
 *     mlops_checkpoint_load.c    reading one
 *     mlops_entities.c  mlops_calendar.c  mlops_dedupe.c  mlops_job.c
 *
 * A shard has at least one definition, the newest; older ones are kept, with
 * states of their own, as long as readers hold their tables.  A definition
 * shows its rows on boards: the current table, the one it is growing into,
 * and those that were current before and still have readers.
 */

#ifndef MLOPS_SHARD_INNER_H
#define MLOPS_SHARD_INNER_H


#include "mlops_calendar.h"
#include "mlops_checkpoint.h"
#include "mlops_clock.h"
#include "mlops_dedupe.h"
#include "mlops_entities.h"
#include "mlops_file.h"
#include "mlops_hash.h"
#include "mlops_job.h"
#include "mlops_shard.h"

#include <stdlib.h>
#include <unistd.h>


#define MLOPS_SHARD_ASKED  4            /* a power of two */


typedef struct mlops_board_s  mlops_board_t;
typedef struct mlops_def_s    mlops_def_t;


/* A table that is written. */

struct mlops_board_s {
    mlops_table_t   *table;
    uint32_t        *rows;              /* by number: its row + 1, 0 where it
                                           is not known; for the newest
                                           current table entities have it */
    mlops_board_t   *next;
};


/* What is asked of the thread that makes a table. */

typedef struct {
    int                       features;
    const mlops_plan_view_t  *view;
    uint32_t                  shard;
    uint32_t                  capacity;
    uid_t                     uid;
    gid_t                     gid;
    char                      tmp[MLOPS_TMP_SIZE];
    mlops_table_t            *table;    /* NULL: code and err */
    int                       code;
    mlops_err_t               err;
} mlops_board_order_t;


struct mlops_def_s {
    mlops_def_t              *older;
    const mlops_plan_view_t  *view;
    mlops_arena_t             arena;
    mlops_window_t           *window;   /* NULL: rows come finished */
    uint32_t                  sets;
    uint32_t                  words;    /* presence words of a set */
    uint32_t                  text_size;    /* of the strings of a set */
    uint32_t                  state_bytes;
    char                     *states;   /* by number */

    /* Of a new definition until every state has been taken over. */

    mlops_def_t              *from;
    uint64_t                 *carried;  /* a bit a number */
    uint32_t                  carry;    /* the next one to look at */
    uint32_t                  carry_end;

    /* Of an old one: columns of its events in the newest one's, and an event
     * as it wants it. */

    uint32_t                 *fields;
    mlops_cell_t             *event_cells;
    uint64_t                 *event_present;

    int64_t                  *warm;     /* by column */
    uint32_t                 *text_off; /* by column, in a follower's state */
    uint32_t                 *text_len;
    mlops_table_row_t         row;      /* the last one computed */
    char                     *text;

    mlops_board_t            *current;
    mlops_board_t            *growing;
    mlops_board_t            *past;
    char                      tmp[MLOPS_TMP_SIZE];  /* of growing */
    uint32_t                  fill;     /* the next number to put there */
    uint32_t                  hint;     /* the next entity to be told its row
                                           of the current table */
    uint32_t                  hint_end;
    mlops_job_t               job;
    mlops_board_order_t       order;
    int64_t                   retry_us; /* not before, after a failure */
    unsigned                  failed:1;     /* noticed */
    unsigned                  held:1;   /* by the checkpoint */
};


/* Of one partition. */

typedef struct {
    int32_t                   partition;
    int64_t                   q;        /* INT64_MIN: none yet */
    int64_t                   max_ts;   /* INT64_MIN: none yet */
    int64_t                   passed;   /* max ts as far as tables show it */
    int64_t                   offset;   /* applied, -1: none */
    int64_t                   target;   /* of the table that was found */
    mlops_calendar_t          refresh;
    mlops_calendar_t          expiry;
    unsigned                  owned:1;  /* a position has been told */
} mlops_part_t;


/* A checkpoint that is being written. */

typedef struct {
    unsigned                  active:1;
    unsigned                  failed:1;
    unsigned                  closing:1;    /* the thread has it */
    int                       fd;
    char                      tmp[MLOPS_TMP_SIZE];
    mlops_err_t               err;
    mlops_def_t              *def;
    uint32_t                  epoch;
    uint32_t                  cursor;   /* numbers below are written */
    uint32_t                  end;      /* numbers from here on are newer */
    uint64_t                  dedupe;   /* entries below are written */
    uint64_t                  dedupe_end;
    uint64_t                  written;  /* bytes, with those in buf */
    mlops_hash_t              hash;
    size_t                    len;      /* of buf */
    uint32_t                  header_len;
    char                     *buf;
    mlops_job_t               job;
    int                       dir;      /* for the thread, as is the rest */
    char                      name[64];
    int                       rc;
} mlops_checkpoint_t;


struct mlops_shard_s {
    mlops_shard_conf_t        conf;
    const mlops_plan_view_t  *view;
    mlops_def_t              *defs;     /* the newest first */
    uint32_t                  limit;    /* entities */
    int64_t                   ttl_us;   /* 0: none */
    mlops_entities_t          entities;
    size_t                    places;   /* bytes of each calendar */
    mlops_calendar_place_t   *refresh;  /* by number */
    mlops_calendar_place_t   *expiry;
    mlops_dedupe_t            dedupe;
    mlops_part_t             *parts[MLOPS_PARTITIONS_MAX + 1];
    uint32_t                  active_n;
    uint16_t                  active[MLOPS_PARTITIONS_MAX + 1];
    uint64_t                  used;     /* events applied, ever */
    uint32_t                  asked[MLOPS_SHARD_ASKED]; /* entities whose rows
                                           are to be prefetched, a ring */
    uint32_t                  asked_n;
    unsigned                  behind:1;
    unsigned                  cold:1;   /* see mlops_shard_cold */
    unsigned                  leftovers:1;  /* tables of other definitions
                                               may be there */
    int64_t                   wall_us;
    int64_t                   beat_us;
    int64_t                   look_us;  /* at readers of old tables */
    mlops_checkpoint_t        checkpoint;
    mlops_shard_stats_t       stats;
};


/* ---- mlops_shard.c ---- */

/* Of a partition, made where it is new.  NULL: err. */
mlops_part_t *mlops_shard_part(mlops_shard_t *shard, int32_t partition,
    mlops_err_t *err);
/* Forgets all entities and duplicates. */
int mlops_shard_clear(mlops_shard_t *shard, mlops_err_t *err);
/* Files it for its ttl. */
void mlops_shard_expires(mlops_shard_t *shard, uint32_t number);
/* The entity's rows at its partition's clock, into all tables; files it for
 * its next boundary. */
void mlops_shard_put(mlops_shard_t *shard, uint32_t number);
/* It leaves the state, and the tables unless keep is set; tell: others, too,
 * are told. */
void mlops_shard_drop(mlops_shard_t *shard, uint32_t number, int keep,
    int tell);
/* More than the limit: those go that have expired, or are the oldest. */
void mlops_shard_evict(mlops_shard_t *shard);
/* How many duplicates are remembered at most. */
uint32_t mlops_shard_dedupe_max(const mlops_plan_view_t *view);


static inline mlops_part_t *
mlops_shard_known(const mlops_shard_t *shard, int32_t partition)
{
    return (partition < -1 || partition >= MLOPS_PARTITIONS_MAX)
           ? NULL : shard->parts[partition + 1];
}


/* Of an entity: it is there. */

static inline mlops_part_t *
mlops_shard_home(const mlops_shard_t *shard, const mlops_entity_t *entity)
{
    return shard->parts[entity->partition + 1];
}


/* Is the table still ahead of this partition? */

static inline int
mlops_shard_ahead(const mlops_shard_t *shard, const mlops_part_t *part)
{
    return shard->behind && part->target > part->offset;
}


/* By the log's clock max_ts + tick: dropped before an event of that time. */

static inline int
mlops_shard_expired(const mlops_shard_t *shard, const mlops_entity_t *entity,
    int64_t max_ts)
{
    return shard->ttl_us > 0 && max_ts != INT64_MIN
           && entity->event_us
              < mlops_us_add(mlops_us_add(max_ts, shard->view->tick_us),
                             -shard->ttl_us);
}


/* What readers are told of when a column is complete. */

static inline int64_t
mlops_shard_warm_us(const mlops_shard_t *shard, const mlops_def_t *def,
    uint32_t column)
{
    return shard->cold ? INT64_MAX : def->warm[column];
}


/* ---- mlops_shard_define.c ---- */

/* NULL: err.  role follow: without windows. */
mlops_def_t *mlops_def_create(const mlops_shard_t *shard,
    const mlops_plan_view_t *view, mlops_err_t *err);
void mlops_def_destroy(mlops_shard_t *shard, mlops_def_t *def);
/* Its states begin with those of from, entity by entity. */
int mlops_def_carry_from(mlops_shard_t *shard, mlops_def_t *def,
    mlops_def_t *from, mlops_err_t *err);
/* So that an old definition understands events of the newest. */
int mlops_def_map(const mlops_shard_t *shard, mlops_def_t *def,
    const mlops_plan_view_t *newest, mlops_err_t *err);
/* When a feature that begins at begin_us has seen all of its window. */
int64_t mlops_def_warm_at(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature, int64_t begin_us);
/* Takes a state over where it has not been yet. */
void mlops_def_carry(mlops_def_t *def, uint32_t number);
void mlops_def_reset(mlops_def_t *def, uint32_t number);
void mlops_def_apply(mlops_def_t *def, uint32_t number,
    const mlops_event_t *event);
/* def->row at q; returns when it changes by itself. */
int64_t mlops_def_row(mlops_def_t *def, uint32_t number,
    const mlops_entity_t *entity, int64_t q);
int64_t mlops_def_next(mlops_def_t *def, uint32_t number, int64_t q);
/* The state of a follower: the row itself. */
void mlops_def_keep(mlops_def_t *def, uint32_t number,
    const mlops_table_row_t *row);
int64_t mlops_def_kept_valid(mlops_def_t *def, uint32_t number);


static inline char *
mlops_def_state(const mlops_def_t *def, uint32_t number)
{
    return def->states + (size_t) number * def->state_bytes;
}


/* ---- mlops_shard_publish.c ---- */

/* def->row into the tables of def, as far as they are not newer. */
void mlops_publish_put(mlops_shard_t *shard, mlops_def_t *def,
    uint32_t number, const mlops_key_t *key, mlops_entity_t *entity);
/* Would it put anything? */
int mlops_publish_wanted(const mlops_shard_t *shard, const mlops_def_t *def,
    const mlops_entity_t *entity);
void mlops_publish_remove(mlops_shard_t *shard, mlops_def_t *def,
    uint32_t number, const mlops_key_t *key, const mlops_entity_t *entity,
    int keep);
void mlops_publish_position(mlops_shard_t *shard, const mlops_part_t *part);
void mlops_publish_warm(const mlops_shard_t *shard, mlops_def_t *def,
    uint32_t column);
/* Rows of others leave the current table. */
void mlops_publish_foreign(mlops_shard_t *shard, mlops_def_t *def);
mlops_board_t *mlops_board_create(const mlops_shard_t *shard,
    mlops_table_t *table, mlops_err_t *err);
void mlops_board_destroy(const mlops_shard_t *shard, mlops_board_t *board,
    int clean);


/* ---- mlops_shard_grow.c ---- */

/* The table that is there, or a first one; targets of partitions. */
int mlops_grow_open(mlops_shard_t *shard, mlops_def_t *def, mlops_err_t *err);
/* Begins a table where one is missing or nearly full. */
void mlops_grow_begin(mlops_shard_t *shard, mlops_def_t *def);
/* Goes on with it; *budget is lowered by the rows put. */
void mlops_grow_step(mlops_shard_t *shard, mlops_def_t *def,
    uint32_t *budget);
/* To the end, waiting: a table with room for all entities. */
void mlops_grow_all(mlops_shard_t *shard, mlops_def_t *def);
void mlops_grow_stop(mlops_shard_t *shard, mlops_def_t *def);
/* Lets go of old tables without readers. */
void mlops_grow_past(mlops_shard_t *shard, mlops_def_t *def);
/* An old definition whose table nobody reads: its file is removed.  1: it can
 * go. */
int mlops_grow_leave(mlops_shard_t *shard, mlops_def_t *def);
/* Removes tables of other definitions that nobody reads or writes. */
void mlops_grow_sweep(mlops_shard_t *shard);


/* ---- mlops_checkpoint.c ---- */

/* The entity is about to change, or to go. */
void mlops_checkpoint_entity(mlops_shard_t *shard, uint32_t number);
/* The oldest entry of duplicates is about to go. */
void mlops_checkpoint_dedupe(mlops_shard_t *shard);
/* All that is left of the duplicates. */
void mlops_checkpoint_dedupe_all(mlops_shard_t *shard);
void mlops_checkpoint_stop(mlops_shard_t *shard);


static inline void
mlops_checkpoint_before(mlops_shard_t *shard, uint32_t number)
{
    if (shard->checkpoint.active) {
        mlops_checkpoint_entity(shard, number);
    }
}


#endif /* MLOPS_SHARD_INNER_H */
