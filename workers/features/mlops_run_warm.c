/*
 * WARMING at a cold start.
 *
 * A run without a checkpoint flags all columns WARMING until it has read to
 * the end of the log as it was when it began (mlops_shard_cold); so does one
 * that gets a partition of which its checkpoint has nothing.  Then they are
 * what they were before, if the log began at offset 0; otherwise records are
 * missing before, and a column is WARMING until its window lies behind the
 * first event that was read, at least.
 *
 * What is pending then has to outlive the process: as long as it is, each
 * checkpoint is preceded by a text file <state>/<view>/begin,
 *
 *     mlops-begin 1
 *     PARTITION FROM_ZERO FIRST_TS_US
 *     …
 *
 * which goes after the first checkpoint that was begun behind the end.
 */

#include "mlops_run_state.h"
#include "mlops_shard_inner.h"
#include "mlops_clock.h"
#include "mlops_file.h"
#include "mlops_worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


#define MLOPS_BEGIN_FILE  "begin"
#define MLOPS_BEGIN_MAX   (64 * 1024)


static int mlops_run_reached(mlops_run_t *run);
static void mlops_run_warm(mlops_run_t *run);
static int mlops_run_begin_parse(mlops_run_t *run, char *text,
    mlops_err_t *err);


void
mlops_run_reach(mlops_run_t *run)
{
    uint32_t  i;

    if (!mlops_run_reached(run)) {
        return;
    }

    run->caught_up = 1;

    for (i = 0; i < run->lanes_n; i++) {
        mlops_lane_caught_up(run->lanes[i]);
    }

    if (run->warming) {
        mlops_run_warm(run);
        run->warming = 0;
    }

    for (i = 0; i < run->lanes_n; i++) {
        mlops_lane_cold(run->lanes[i], 0);
    }

    mlops_say(MLOPS_LOG_NOTICE, "view \"%s\": caught up after %.3f s, %llu "
              "records of %u partitions", run->name,
              (double) (mlops_clock_ns() - run->started_ns) / 1e9,
              (unsigned long long) atomic_load_explicit(&run->records,
                                                        memory_order_relaxed),
              (unsigned) run->owned_n);
}


/* The last records of a log may be such as no reader gets (those of
 * transactions, compacted ones): the consumer knows the end when it is there.
 * A broker that is silent is none. */

static int
mlops_run_reached(mlops_run_t *run)
{
    int                all;
    uint32_t           i, n;
    mlops_run_part_t  *part;

    if (run->owned_n == 0) {
        return 0;
    }

    if (run->view->group.len == 0 || run->conf.once) {
        n = mlops_consumer_partitions(run->consumer);

        if (n == 0 || run->owned_n < n) {
            return 0;
        }
    }

    all = 1;

    for (i = 0; i < run->owned_n; i++) {
        part = &run->parts[run->owned[i] + 1];

        part->reached |= (part->at.offset + 1 >= part->end
                          || (run->consumer != NULL
                              && mlops_consumer_reached(run->consumer,
                                                        run->owned[i])));
        all &= part->reached;
    }

    return all;
}


static void
mlops_run_warm(mlops_run_t *run)
{
    int64_t                   first, warm;
    uint32_t                  i, j, k;
    const mlops_run_part_t   *part;
    const mlops_plan_view_t  *view;

    view = run->view;
    first = INT64_MIN;

    for (i = 0; i < run->owned_n; i++) {
        part = &run->parts[run->owned[i] + 1];

        if (part->from_zero) {
            continue;
        }

        if (part->first_ts_us == INT64_MAX) {

            if (view->clock == MLOPS_CLOCK_WALL && run->wall_us > first) {
                first = run->wall_us;
            }

        } else if (part->first_ts_us > first) {
            first = part->first_ts_us;
        }
    }

    if (first == INT64_MIN) {
        return;
    }

    for (i = 0; i < view->features_n; i++) {
        warm = mlops_def_warm_at(view, &view->features[i], first);

        for (j = 0; j < view->features[i].width; j++) {
            for (k = 0; k < run->lanes_n; k++) {
                mlops_lane_warm(run->lanes[k], view->features[i].first + j,
                                warm);
            }
        }
    }
}


int
mlops_run_begun(int state_dir)
{
    return state_dir != -1
           && faccessat(state_dir, MLOPS_BEGIN_FILE, F_OK, 0) == 0;
}


int
mlops_run_begin_load(mlops_run_t *run, mlops_err_t *err)
{
    int      fd, rc;
    char    *text;
    ssize_t  n;

    if (run->state_dir == -1) {
        return MLOPS_OK;
    }

    fd = openat(run->state_dir, MLOPS_BEGIN_FILE,
                O_RDONLY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return (errno == ENOENT)
               ? MLOPS_OK : mlops_file_fail(err, "open()", run->state_dir,
                                            MLOPS_BEGIN_FILE);
    }

    text = malloc(MLOPS_BEGIN_MAX);
    n = (text != NULL) ? read(fd, text, MLOPS_BEGIN_MAX - 1) : -1;
    (void) close(fd);

    if (n < 0) {
        free(text);
        return mlops_err_set(err, "cannot read the file \"%s\" of the state "
                             "of view \"%s\"", MLOPS_BEGIN_FILE, run->name);
    }

    text[n] = '\0';
    rc = mlops_run_begin_parse(run, text, err);
    free(text);

    return rc;
}


static int
mlops_run_begin_parse(mlops_run_t *run, char *text, mlops_err_t *err)
{
    int       partition, zero;
    char     *line, *save;
    int64_t   first;

    line = strtok_r(text, "\n", &save);

    if (line == NULL || strcmp(line, "mlops-begin 1") != 0) {
        return mlops_err_set(err, "the file \"%s\" of the state of view "
                             "\"%s\": expected \"mlops-begin 1\"",
                             MLOPS_BEGIN_FILE, run->name);
    }

    while ((line = strtok_r(NULL, "\n", &save)) != NULL) {

        if (sscanf(line, "%d %d %" SCNd64, &partition, &zero, &first) != 3
            || partition < 0 || partition >= MLOPS_PARTITIONS_MAX)
        {
            return mlops_err_set(err, "the file \"%s\" of the state of view "
                                 "\"%s\": expected partition, flag and time, "
                                 "got \"%s\"", MLOPS_BEGIN_FILE, run->name,
                                 line);
        }

        if (run->parts[partition + 1].loaded) {
            run->parts[partition + 1].begun = 1;
            run->parts[partition + 1].zero = (zero != 0);
            run->parts[partition + 1].first_ts_us = first;
            run->warming = 1;
        }
    }

    return MLOPS_OK;
}


int
mlops_run_begin_save(mlops_run_t *run, mlops_err_t *err)
{
    int                      n;
    char                    *text, tmp[MLOPS_TMP_SIZE];
    size_t                   len;
    uint32_t                 i;
    const mlops_run_part_t  *part;

    mlops_fault("features_begin_save");
    text = malloc(MLOPS_BEGIN_MAX);

    if (text == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    len = (size_t) snprintf(text, MLOPS_BEGIN_MAX, "mlops-begin 1\n");

    for (i = 0; i < run->owned_n; i++) {
        part = &run->parts[run->owned[i] + 1];

        n = snprintf(text + len, MLOPS_BEGIN_MAX - len, "%d %d %" PRId64
                     "\n", (int) run->owned[i], (int) part->from_zero,
                     part->first_ts_us);
        len += (size_t) n;
    }

    n = mlops_file_write(run->state_dir, text, len, 0640, (uid_t) -1,
                         (gid_t) -1, 1, tmp, err);
    free(text);

    if (n != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_file_commit(run->state_dir, tmp, MLOPS_BEGIN_FILE, 0, 1,
                             err);
}


void
mlops_run_begin_forget(mlops_run_t *run)
{
    (void) unlinkat(run->state_dir, MLOPS_BEGIN_FILE, 0);
}
