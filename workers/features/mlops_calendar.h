/*
 * When something is due, for each entity of one partition: a radix heap
 * (Ahuja, Mehlhorn, Orlin, Tarjan, "Faster algorithms for the shortest path
 * problem", 1990) of intrusive lists.  It relies on a clock that never goes
 * back.
 *
 * Bucket 0 has the entities that are due at last, bucket b those whose time
 * differs from last in bit b - 1 and in none above; last is at most the
 * clock.  To file and to strike out cost a few words.  The least time stands
 * in the lowest bucket that is not empty; as the clock reaches it, last is
 * moved there and the bucket is dealt out to lower ones, an entity at a time,
 * so that no step takes long.
 *
 * An entity's place may say less than its true time: who gets it as due looks,
 * and files it again.  So a time that only moves on costs nothing until then.
 *
 * A place, 16 bytes for each entity in an array of the shard: all zeros where
 * it is not filed.
 */

#ifndef MLOPS_CALENDAR_H
#define MLOPS_CALENDAR_H


#include "mlops_base.h"


#define MLOPS_CALENDAR_BUCKETS  65
#define MLOPS_CALENDAR_NONE     UINT32_MAX      /* nothing is due */
#define MLOPS_CALENDAR_MORE     (UINT32_MAX - 1)    /* not known yet */


typedef struct {
    int64_t    at;
    uint32_t   prev;                    /* number + 1, or the top bit and a
                                           bucket: the first one of it */
    uint32_t   next;                    /* number + 1, or 0 */
} mlops_calendar_place_t;


typedef struct {
    int64_t    last;
    uint64_t   filled;                  /* bit b - 1: bucket b is not empty */
    uint32_t   split;                   /* the bucket that is being dealt out,
                                           or 0 */
    uint32_t   heads[MLOPS_CALENDAR_BUCKETS];   /* number + 1, or 0 */
    int64_t    least[MLOPS_CALENDAR_BUCKETS];   /* no time is lower */
} mlops_calendar_t;


void mlops_calendar_init(mlops_calendar_t *calendar);

/* Sees to it that number is due at at, or was filed for less.  now is the
 * clock. */
void mlops_calendar_file(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, uint32_t number, int64_t at, int64_t now);
/* Takes it out where it is in. */
void mlops_calendar_strike(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, uint32_t number);

/* Takes out one that is due at now: its number, or MLOPS_CALENDAR_NONE; or
 * MLOPS_CALENDAR_MORE when *steps is used up, which is lowered by the
 * entities that were looked at. */
uint32_t mlops_calendar_due(mlops_calendar_t *calendar,
    mlops_calendar_place_t *places, int64_t now, uint32_t *steps);

/* Nothing is due before; INT64_MAX: nothing is filed. */
int64_t mlops_calendar_next(const mlops_calendar_t *calendar);


#endif /* MLOPS_CALENDAR_H */
