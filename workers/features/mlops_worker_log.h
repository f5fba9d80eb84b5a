/*
 * The log of a worker: lines to stderr in the form of nginx's error log,
 *
 *     2026/01/31 12:00:00 [notice] 4711#4712: view "rides": …
 *
 * one write each, from any thread.
 */

#ifndef MLOPS_WORKER_LOG_H
#define MLOPS_WORKER_LOG_H


#include "mlops_base.h"


typedef enum {
    MLOPS_LOG_EMERG = 0,
    MLOPS_LOG_ERROR,
    MLOPS_LOG_WARN,
    MLOPS_LOG_NOTICE,
    MLOPS_LOG_INFO
} mlops_log_level_t;


/* Lines above the level are not written; the default is NOTICE. */
void mlops_log_level(mlops_log_level_t level);
/* A line of progress stands on the terminal: end it before the next line. */
void mlops_log_progress(int on);

void mlops_say(mlops_log_level_t level, const char *fmt, ...)
    mlops_printf(2, 3);


#endif /* MLOPS_WORKER_LOG_H */
