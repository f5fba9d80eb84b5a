/*
 * One slow call of a shard in a thread of its own, so that events need not
 * wait for it: reserving the memory of a table, bringing a checkpoint to the
 * disk.  What the call uses belongs to it until it is done.
 */

#ifndef MLOPS_JOB_H
#define MLOPS_JOB_H


#include "mlops_base.h"

#include <pthread.h>
#include <stdatomic.h>


typedef struct {
    void       (*run)(void *ctx);
    void        *ctx;
    pthread_t    thread;
    unsigned     threaded:1;
    unsigned     busy:1;
    atomic_int   done;
} mlops_job_t;


/* Runs it now, in this thread, where no other can be made. */
void mlops_job_start(mlops_job_t *job, void (*run)(void *ctx), void *ctx);

/* MLOPS_OK: it is done (told once); MLOPS_AGAIN: not yet, or there is none.
 * With wait set never MLOPS_AGAIN as long as one was started. */
int mlops_job_poll(mlops_job_t *job, int wait);


#endif /* MLOPS_JOB_H */
