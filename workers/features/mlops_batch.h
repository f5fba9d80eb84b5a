/*
 * Batch views: a CSV file becomes the tables of a view, as a whole.
 *
 * The header names the entity, the event time where the view has one, and
 * the field of every feature, which is last(FIELD) over all of time; other
 * columns are skipped.  Cells follow the rules of events in CSV: an empty one
 * is missing.  Of several rows of one entity the newest counts, of equally
 * old ones the last.  A file without times is as new as its time of
 * modification.
 */

#ifndef MLOPS_BATCH_H
#define MLOPS_BATCH_H


#include "mlops_table.h"


typedef struct {
    uint64_t   rows;
    uint64_t   entities;
    uint64_t   bytes;                   /* of all tables */
} mlops_batch_stats_t;


/*
 * Reads the file twice: once to see that every row is good and how many
 * there are, then into new tables, of all shards, which take the place of the
 * old ones at the end, one rename each.  Until then readers see nothing of
 * it, and a file with an error changes nothing.  features is the store's
 * directory, uid and gid the owner of the tables (-1: us).  The text of an
 * error begins with "file:line: " where it is a row's.
 */
int mlops_batch_load(const mlops_plan_view_t *view, int features, uid_t uid,
    gid_t gid, const char *path, mlops_batch_stats_t *stats,
    mlops_err_t *err);


#endif /* MLOPS_BATCH_H */
