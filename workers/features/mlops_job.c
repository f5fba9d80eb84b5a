/*
 * One slow call in a thread of its own.
 */

#include "mlops_job.h"

#include <signal.h>


static void *mlops_job_thread(void *arg);


void
mlops_job_start(mlops_job_t *job, void (*run)(void *ctx), void *ctx)
{
    int       rc;
    sigset_t  all, before;

    job->run = run;
    job->ctx = ctx;
    job->busy = 1;
    atomic_init(&job->done, 0);

    /* signals are for the threads that expect them */

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &before);

    rc = pthread_create(&job->thread, NULL, mlops_job_thread, job);

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    job->threaded = (rc == 0);

    if (!job->threaded) {
        (void) mlops_job_thread(job);
    }
}


static void *
mlops_job_thread(void *arg)
{
    mlops_job_t  *job;

    job = arg;
    job->run(job->ctx);

    /* its partner is the load of mlops_job_poll: what the call has written is
     * seen by who sees that it is done */

    atomic_store_explicit(&job->done, 1, memory_order_release);

    return NULL;
}


int
mlops_job_poll(mlops_job_t *job, int wait)
{
    if (!job->busy
        || (!wait && !atomic_load_explicit(&job->done, memory_order_acquire)))
    {
        return MLOPS_AGAIN;
    }

    if (job->threaded) {
        (void) pthread_join(job->thread, NULL);
    }

    job->busy = 0;

    return MLOPS_OK;
}
