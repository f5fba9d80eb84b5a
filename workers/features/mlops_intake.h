/*
 * Intake: from a record to an event, or to the reason why it is none.
 *
 * Used by live work, backfill and history alike.  What is late or in the
 * future is decided here from the log alone, partition by partition, so
 * that reading the log again decides the same:
 *
 *     future   ts > record timestamp + skew (where the record has one); the
 *              partition's clock does not move
 *     late     ts < the partition's max ts - lateness
 *
 * The clock of a partition is its max ts over accepted and late events.
 *
 * An event whose time lies on the other side of the cut of a backfill is CUT
 * before it can be late.  Live, below the cut, it moves the clock, as it did
 * when the log was read first; in the backfill, from the cut on, it moves
 * only what decides on lateness, because the state has not come so far.
 *
 * Times: seconds and milliseconds may have fractions and are rounded to
 * microseconds; what nanoseconds and RFC 3339 text have beyond microseconds
 * is cut off.  A time before 1970 or beyond 2262-04-11 (where int64
 * nanoseconds end) is malformed.
 */

#ifndef MLOPS_INTAKE_H
#define MLOPS_INTAKE_H


#include "mlops_kafka.h"
#include "mlops_table.h"
#include "mlops_window.h"


typedef enum {
    MLOPS_INTAKE_ACCEPTED = 0,
    MLOPS_INTAKE_OTHER,             /* of another CloudEvents type */
    MLOPS_INTAKE_TOMBSTONE,         /* no value */
    MLOPS_INTAKE_CUT,               /* before the cut of a backfill */
    MLOPS_INTAKE_LATE,              /* from here on: dead letters */
    MLOPS_INTAKE_FUTURE,
    MLOPS_INTAKE_MALFORMED,
    MLOPS_INTAKE_N
} mlops_intake_verdict_t;


/* "late" and so on. */
const char *mlops_intake_verdict_name(mlops_intake_verdict_t verdict);


typedef struct mlops_intake_s  mlops_intake_t;

/* One thread.  The view outlives it. */
mlops_intake_t *mlops_intake_create(const mlops_plan_view_t *view,
    mlops_err_t *err);
void mlops_intake_destroy(mlops_intake_t *intake);

/* Records are plain JSON objects from now on (those of a file), whatever the
 * view's format is. */
void mlops_intake_json(mlops_intake_t *intake);

/* Records are rows of a CSV file from now on, whatever the view's format is;
 * header is its first row. */
int mlops_intake_csv(mlops_intake_t *intake, const mlops_str_t *header,
    mlops_err_t *err);

/* The first field of the view that such a header does not name, or -1; asked
 * before any record. */
int mlops_intake_csv_lacks(const mlops_intake_t *intake);

/* Events below it are CUT (live after a backfill) or, with before set, those
 * from it on (a backfill).  INT64_MIN: none. */
void mlops_intake_cut(mlops_intake_t *intake, int64_t cut_us, int before);

/*
 * Reads one record.  event, key and hash are set where it is accepted; they
 * live until the next call.  err has the reason of LATE, FUTURE and
 * MALFORMED: what, expected, got.
 */
mlops_intake_verdict_t mlops_intake_read(mlops_intake_t *intake,
    const mlops_record_t *record, mlops_event_t *event, mlops_key_t *key,
    uint64_t *hash, mlops_err_t *err);

/* The clock of a partition (-1 is that of files): max ts, INT64_MIN where it
 * has had no event; and setting it from a checkpoint. */
int64_t mlops_intake_clock(const mlops_intake_t *intake, int32_t partition);
void mlops_intake_set_clock(mlops_intake_t *intake, int32_t partition,
    int64_t max_ts_us);


#endif /* MLOPS_INTAKE_H */
