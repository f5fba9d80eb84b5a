/*
 * Threads that share the parts of one piece of work at a time.
 *
 * The caller works too.  Who takes which part is left to chance, so parts
 * are made such that their results do not depend on it: they write apart, or
 * their sums are of integers.
 */

#include "mlops_gbdt_run.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>


struct mlops_gbdt_team_s {
    uint32_t             size;
    uint32_t             started;       /* threads beside the caller */
    pthread_t           *threads;
    pthread_mutex_t      mutex;
    pthread_cond_t       begin;
    pthread_cond_t       end;

    /* by the mutex */
    uint64_t             turn;
    uint32_t             busy;
    uint32_t             named;         /* numbers given to threads */
    int                  over;

    /* written before a turn begins */
    mlops_gbdt_part_pt   fn;
    void                *ctx;
    uint64_t             n;
    _Atomic uint64_t     next;
};


static void *mlops_gbdt_team_thread(void *data);
static void mlops_gbdt_team_work(mlops_gbdt_team_t *team, uint32_t worker);


mlops_gbdt_team_t *
mlops_gbdt_team_create(uint32_t threads, mlops_err_t *err)
{
    mlops_gbdt_team_t  *team;

    team = calloc(1, sizeof(*team));

    if (team == NULL) {
        (void) mlops_err_set(err, "no memory for threads");
        return NULL;
    }

    team->size = threads ? threads : 1;

    (void) pthread_mutex_init(&team->mutex, NULL);
    (void) pthread_cond_init(&team->begin, NULL);
    (void) pthread_cond_init(&team->end, NULL);

    team->threads = calloc(team->size, sizeof(*team->threads));

    if (team->threads == NULL) {
        mlops_gbdt_team_destroy(team);
        (void) mlops_err_set(err, "no memory for %u threads", threads);
        return NULL;
    }

    while (team->started + 1 < team->size) {

        if (pthread_create(&team->threads[team->started], NULL,
                           mlops_gbdt_team_thread, team)
            != 0)
        {
            (void) mlops_err_set(err, "cannot start thread %u of %u",
                                 team->started + 2, team->size);
            mlops_gbdt_team_destroy(team);
            return NULL;
        }

        team->started++;
    }

    return team;
}


void
mlops_gbdt_team_destroy(mlops_gbdt_team_t *team)
{
    uint32_t  i;

    if (team == NULL) {
        return;
    }

    (void) pthread_mutex_lock(&team->mutex);
    team->over = 1;
    (void) pthread_cond_broadcast(&team->begin);
    (void) pthread_mutex_unlock(&team->mutex);

    for (i = 0; i < team->started; i++) {
        (void) pthread_join(team->threads[i], NULL);
    }

    (void) pthread_cond_destroy(&team->begin);
    (void) pthread_cond_destroy(&team->end);
    (void) pthread_mutex_destroy(&team->mutex);

    free(team->threads);
    free(team);
}


uint32_t
mlops_gbdt_team_size(const mlops_gbdt_team_t *team)
{
    return team->size;
}


void
mlops_gbdt_team_run(mlops_gbdt_team_t *team, mlops_gbdt_part_pt fn, void *ctx,
    uint64_t n)
{
    uint64_t  i;

    if (team->started == 0 || n < 2) {

        for (i = 0; i < n; i++) {
            fn(ctx, i, 0);
        }

        return;
    }

    (void) pthread_mutex_lock(&team->mutex);

    team->fn = fn;
    team->ctx = ctx;
    team->n = n;
    team->busy = team->started;
    team->turn++;

    /* relaxed: the mutex orders it before the threads' turn */

    atomic_store_explicit(&team->next, 0, memory_order_relaxed);

    (void) pthread_cond_broadcast(&team->begin);
    (void) pthread_mutex_unlock(&team->mutex);

    mlops_gbdt_team_work(team, 0);

    (void) pthread_mutex_lock(&team->mutex);

    while (team->busy > 0) {
        (void) pthread_cond_wait(&team->end, &team->mutex);
    }

    (void) pthread_mutex_unlock(&team->mutex);
}


static void *
mlops_gbdt_team_thread(void *data)
{
    uint32_t            worker;
    uint64_t            turn;
    mlops_gbdt_team_t  *team;

    team = data;
    turn = 0;

    (void) pthread_mutex_lock(&team->mutex);

    worker = ++team->named;

    for ( ;; ) {

        while (!team->over && team->turn == turn) {
            (void) pthread_cond_wait(&team->begin, &team->mutex);
        }

        if (team->over) {
            break;
        }

        turn = team->turn;
        (void) pthread_mutex_unlock(&team->mutex);

        mlops_gbdt_team_work(team, worker);

        (void) pthread_mutex_lock(&team->mutex);

        if (--team->busy == 0) {
            (void) pthread_cond_signal(&team->end);
        }
    }

    (void) pthread_mutex_unlock(&team->mutex);

    return NULL;
}


/* Parts are given out by a counter; relaxed: what a part writes is seen
 * through the mutex at the end of the turn. */

static void
mlops_gbdt_team_work(mlops_gbdt_team_t *team, uint32_t worker)
{
    uint64_t  part;

    for ( ;; ) {
        part = atomic_fetch_add_explicit(&team->next, 1,
                                         memory_order_relaxed);
        if (part >= team->n) {
            return;
        }

        team->fn(team->ctx, part, worker);
    }
}
