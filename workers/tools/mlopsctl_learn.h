/*
 * What the sub-commands about learning share: progress at a terminal, what
 * commands print, the report, numbers on the command line.
 */

#ifndef MLOPSCTL_LEARN_H
#define MLOPSCTL_LEARN_H


#include "mlopsctl.h"
#include "mlops_learn.h"


#define MLOPSCTL_SAID  4096     /* bytes of a line; longer ones are in parts */

typedef struct {
    int       shown;            /* stderr is a terminal */
    int       there;            /* a line is on it */
    uint64_t  last_ms;
    int       returned;         /* the last byte printed was a return */
    size_t    said_n;
    char      said[MLOPSCTL_SAID];
} mlopsctl_progress_t;


void mlopsctl_progress_init(mlopsctl_progress_t *progress);
/* One line that is written over; ctx is the progress. */
void mlopsctl_progress(void *ctx, const char *stage, uint64_t done,
    uint64_t all, const char *text);
void mlopsctl_progress_end(mlopsctl_progress_t *progress);
/* What a command prints, to stderr by whole lines, which a return ends, too.
 * Control characters become '?', and so does what is no ASCII in a line that
 * is no UTF-8. */
void mlopsctl_said(void *ctx, const char *text, size_t len);

/* From now on Ctrl-C and SIGTERM ask to stop, so that what a run made for
 * itself is removed; mlopsctl_stopped() tells. */
void mlopsctl_stop_init(void);
int mlopsctl_stopped(void *ctx);

/* The report of a run, to stdout. */
void mlopsctl_learned_print(const mlops_learned_t *learned, const char *to,
    int json);
/* Lines that collectors of metrics (Katib's) parse: "tune-rmse=0.7456" for
 * each part and metric, then "rmse=0.7456" of what trials are judged by,
 * learned->judge. */
void mlopsctl_learned_lines(const mlops_learned_t *learned);
/* "  rmse 0.7456 (0.7210 to 0.7702)", or without an interval, for each metric,
 * and the end of the line. */
void mlopsctl_values_print(const mlops_learn_score_t *score);
/* As JSON: a number; a string; "value":…,"lo":…,"hi":…. */
void mlopsctl_json_number(double value);
void mlopsctl_json_string(const char *string);
void mlopsctl_json_value(const mlops_metric_value_t *value);

/* Values of options: MLOPSCTL_DONE, or MLOPSCTL_USAGE, which has been said
 * then.  Numbers are digits alone. */
int mlopsctl_number(const char *name, const char *text, uint64_t min,
    uint64_t max, uint32_t *value);
int mlopsctl_threads(const char *text, uint32_t *threads);
int mlopsctl_seed(const char *text, uint64_t *seed);
/* What has to be behind the options: what ("a recipe") and the rows. */
int mlopsctl_places(int argc, char **argv, const char *what,
    const char **first, const char **rows);
/* A regular file as a whole. */
int mlopsctl_copy(const char *from, const char *to, mlops_err_t *err);


#endif /* MLOPSCTL_LEARN_H */
