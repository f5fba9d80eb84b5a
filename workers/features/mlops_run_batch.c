/*
 * A batch view at work: its file is loaded as a whole, and again whenever
 * another one is there.  A bad file changes nothing but the error that is
 * shown.
 */

#include "mlops_run_state.h"
#include "mlops_batch.h"
#include "mlops_clock.h"
#include "mlops_worker_log.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>


#define MLOPS_BATCH_LOOK_MS  200


static int mlops_run_batch_load(mlops_run_t *run, const char *path,
    mlops_err_t *err);


/* A file counts as another one where any of these differs. */

static int
mlops_run_batch_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino
           && a->st_size == b->st_size
           && a->st_mtim.tv_sec == b->st_mtim.tv_sec
           && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}


int
mlops_run_batch(mlops_run_t *run, mlops_err_t *err)
{
    int              rc, missing;
    char             path[MLOPS_PLAN_PATH_SIZE];
    struct stat      seen, now;
    struct timespec  ts;

    if (run->conf.features == -1) {
        return mlops_err_set(err, "a batch view needs a store");
    }

    (void) snprintf(path, sizeof(path), "%.*s", mlops_fmt(&run->view->file));

    memset(&seen, 0, sizeof(seen));
    missing = 0;

    while (!mlops_run_asked_to_stop(run)) {

        if (stat(path, &now) == -1) {

            if (!missing) {
                (void) mlops_err_set(err, "cannot open the file \"%s\": %s",
                                     path, strerror(errno));

                if (run->conf.once) {
                    return MLOPS_ERROR;
                }

                mlops_say(MLOPS_LOG_ERROR, "view \"%s\": %s", run->name,
                          err->text);

                (void) pthread_mutex_lock(&run->mutex);
                run->seen.err = *err;
                (void) pthread_mutex_unlock(&run->mutex);
            }

            missing = 1;

        } else if (!mlops_run_batch_same(&seen, &now)) {
            seen = now;
            missing = 0;
            rc = mlops_run_batch_load(run, path, err);

            if (run->conf.once) {
                return rc;
            }
        }

        ts.tv_sec = 0;
        ts.tv_nsec = MLOPS_BATCH_LOOK_MS * 1000000L;
        (void) nanosleep(&ts, NULL);
    }

    return MLOPS_OK;
}


static int
mlops_run_batch_load(mlops_run_t *run, const char *path, mlops_err_t *err)
{
    int                   rc;
    uint64_t              started_ns;
    mlops_batch_stats_t   stats;

    started_ns = mlops_clock_ns();
    memset(&stats, 0, sizeof(stats));

    rc = mlops_batch_load(run->view, run->conf.features, run->conf.uid,
                          run->conf.gid, path, &stats, err);

    (void) pthread_mutex_lock(&run->mutex);

    if (rc == MLOPS_OK) {
        run->seen.err.text[0] = '\0';
        run->seen.caught_up = 1;
        run->seen.lanes.shard.entities = stats.entities;
        run->seen.lanes.shard.events = stats.rows;
        run->seen.lanes.shard.table_bytes = stats.bytes;

    } else {
        run->seen.err = *err;
    }

    (void) pthread_mutex_unlock(&run->mutex);

    if (rc != MLOPS_OK) {
        mlops_say(MLOPS_LOG_ERROR, "view \"%s\": %s", run->name, err->text);
        return MLOPS_ERROR;
    }

    mlops_run_add(&run->records, stats.rows);
    mlops_run_add(&run->verdicts[MLOPS_INTAKE_ACCEPTED], stats.rows);

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": \"%s\" loaded: %llu rows, %llu "
              "entities, %.3f s", run->name, path,
              (unsigned long long) stats.rows,
              (unsigned long long) stats.entities,
              (double) (mlops_clock_ns() - started_ns) / 1e9);

    return MLOPS_OK;
}
