/*
 * A file of events: JSON lines, or CSV with a header where its name ends in
 * ".csv".  Its records are those of a partition of its own, -1, numbered from
 * 0, without timestamp and key.
 */

#ifndef MLOPS_EVENT_FILE_H
#define MLOPS_EVENT_FILE_H


#include "mlops_base.h"
#include "mlops_kafka.h"


typedef struct mlops_event_file_s  mlops_event_file_t;


/* "-" is the standard input, as JSON lines.  NULL: err. */
mlops_event_file_t *mlops_event_file_open(const char *path, mlops_err_t *err);
/* The same, whatever the name ends in. */
mlops_event_file_t *mlops_event_file_open_as(const char *path, int csv,
    mlops_err_t *err);
void mlops_event_file_close(mlops_event_file_t *file);

/* The first record of a CSV file, without its line end; len 0 for JSON. */
mlops_str_t mlops_event_file_header(const mlops_event_file_t *file);

/*
 * MLOPS_OK: the next record that is not empty, without its line end; its
 * value lives until the next call.  MLOPS_AGAIN: the end.  MLOPS_ERROR: err.
 */
int mlops_event_file_next(mlops_event_file_t *file, mlops_record_t *record,
    mlops_err_t *err);

/* Where the last record began, counted from 1; and how much of the file has
 * been read, of how much (0: not known). */
uint64_t mlops_event_file_line(const mlops_event_file_t *file);
void mlops_event_file_progress(const mlops_event_file_t *file,
    uint64_t *bytes, uint64_t *of);


#endif /* MLOPS_EVENT_FILE_H */
