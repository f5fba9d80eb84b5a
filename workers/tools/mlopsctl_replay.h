/*
 * mlopsctl replay: what its parts share.
 */

#ifndef MLOPSCTL_REPLAY_H
#define MLOPSCTL_REPLAY_H


#include "mlops_base.h"
#include "mlops_event_file.h"

#include <signal.h>


/* One row on its way: JSON, and what else a record has.  Texts live until the
 * next row. */

typedef struct {
    mlops_str_t   json;
    mlops_str_t   key;              /* data NULL: none */
    int64_t       time_us;          /* -1: none */
} mlopsctl_replay_row_t;


/* From rows of a file to JSON objects. */

typedef struct mlopsctl_replay_rows_s  mlopsctl_replay_rows_t;

/* key and time are names of fields, or NULL; unit_us is one unit of time. */
mlopsctl_replay_rows_t *mlopsctl_replay_rows_create(
    mlops_event_file_t *file, const char *key, const char *time,
    double unit_us, mlops_err_t *err);
void mlopsctl_replay_rows_destroy(mlopsctl_replay_rows_t *rows);
int mlopsctl_replay_rows_read(mlopsctl_replay_rows_t *rows,
    const mlops_record_t *record, mlopsctl_replay_row_t *row,
    mlops_err_t *err);


/* Set by a signal: whoever waits comes back soon. */

extern volatile sig_atomic_t  mlopsctl_replay_ended;


/* Where rows go.  send: MLOPS_OK, or MLOPS_ERROR with err: that row was
 * refused, others may follow; MLOPS_AGAIN: it was not sent, because a signal
 * came.  finish waits for what is under way: *late is how many of the rows
 * that send took were not taken in the end, err why. */

typedef struct {
    void   *ctx;
    int   (*send)(void *ctx, const mlopsctl_replay_row_t *row,
        mlops_err_t *err);
    int   (*finish)(void *ctx, uint64_t *late, mlops_err_t *err);
    void  (*destroy)(void *ctx);
} mlopsctl_replay_sink_t;


typedef struct {
    const char  *bootstrap;         /* -b, or NULL: the cluster of a plan */
    const char  *store;
    const char  *plan;
    const char  *kafka;
    const char  *cloudevents;       /* "binary", "structured" or NULL */
    const char  *type;
    const char  *source;
    int32_t      partition;         /* -1: by the key */
} mlopsctl_replay_to_t;

int mlopsctl_replay_kafka(mlopsctl_replay_sink_t *sink, const char *topic,
    const mlopsctl_replay_to_t *to, mlops_err_t *err);
int mlopsctl_replay_http(mlopsctl_replay_sink_t *sink, const char *url,
    const mlopsctl_replay_to_t *to, mlops_err_t *err);


#endif /* MLOPSCTL_REPLAY_H */
