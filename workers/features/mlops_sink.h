/*
 * features.<view>: finished rows for other nodes and programs.
 *
 * One record a row, in the partition that the entity's events come from, so
 * the topic needs as many partitions as the source; it should be compacted.
 * The key is the entity as text (a decimal number, or the string itself); the
 * value is null where the entity is gone, otherwise
 *
 *     {"view":"rides","definition":"0123456789abcdef","entity":17,
 *      "partition":0,"offset":12,"event_time":1700000000123000,
 *      "switch":null,"valid":1700003600000000,
 *      "values":{"rides_1h":3,"last_fare":12.5},"next":null}
 *
 * event_time is that of the entity's newest event, offset and partition are
 * those of its last.  From valid on the values are stale, from switch on next
 * holds in place of values; both are null where that never happens.  Times
 * are microseconds.  A value that does not exist is null.  Rows are absolute:
 * the one with the higher offset in a partition replaces the other, and of two
 * with the same offset the one that is valid longer.
 */

#ifndef MLOPS_SINK_H
#define MLOPS_SINK_H


#include "mlops_kafka.h"
#include "mlops_table.h"

#include <stdatomic.h>


#define MLOPS_SINK_TOPIC_SIZE  256          /* Kafka's names have 249 bytes */


/* One for a view; its lanes' threads use it at once, each with a text of its
 * own. */

typedef struct {
    mlops_producer_t         *producer;
    mlops_str_t               topic;        /* in name: it outlives the plan
                                               that the view is of */
    char                      name[MLOPS_SINK_TOPIC_SIZE];
    _Atomic uint64_t          sent;
} mlops_sink_t;


typedef struct {
    char                     *data;
    size_t                    size;
} mlops_sink_text_t;


/* Its topic, of which a copy is kept. */
int mlops_sink_topic(mlops_sink_t *sink, const mlops_str_t *topic,
    mlops_err_t *err);

/* MLOPS_ERROR: the topic does not take rows, err says why.  Waits where the
 * producer's queue is full. */
int mlops_sink_send(mlops_sink_t *sink, mlops_sink_text_t *text,
    const mlops_plan_view_t *view, const mlops_key_t *key,
    const mlops_table_row_t *row, int gone, mlops_err_t *err);


/* How many bytes the value may have, and the value; returns its end. */
size_t mlops_row_json_bound(const mlops_plan_view_t *view,
    const mlops_key_t *key);
char *mlops_row_json_write(char *p, const mlops_plan_view_t *view,
    const mlops_key_t *key, const mlops_table_row_t *row);

/*
 * Reads such a value into row, whose cells and present have room for all sets
 * of the view, and whose strings lie in text, which has room for len bytes.
 * Columns are found by their names: one that the view does not have is passed
 * over, one that the record does not have is null.
 */
int mlops_row_json_read(const mlops_plan_view_t *view, const char *data,
    size_t len, mlops_table_row_t *row, char *text, mlops_err_t *err);


#endif /* MLOPS_SINK_H */
