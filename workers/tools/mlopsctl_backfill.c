/*
 * mlopsctl backfill: old events into the state of a view.
 *
 * A source that is a file, or "-", is read as one (JSON lines, or CSV where
 * its name ends in .csv); any other is a topic of the view's cluster, which is
 * read to its end.
 */

#include "mlopsctl.h"
#include "mlopsctl_view.h"

#include "mlops_backfill.h"
#include "mlops_clock.h"
#include "mlops_event_file.h"
#include "mlops_intake_event.h"
#include "mlops_kafka.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPSCTL_BACKFILL_QUIET_NS  2000000000
#define MLOPSCTL_BACKFILL_WAIT_NS   30000000000     /* for a broker */
#define MLOPSCTL_BACKFILL_TOLD      5               /* refused records */


typedef struct {
    mlopsctl_view_t     view;
    mlops_backfill_t   *backfill;
    mlops_consumer_t   *consumer;
    uint64_t            records;
    uint64_t            told;
    uint64_t            shown_ns;
    uint64_t            bytes;              /* of a file */
    uint64_t            of;
    int                 tty;
    uint32_t            acquired;
    int64_t             ends[MLOPS_PARTITIONS_MAX];
    uint32_t            open_n;             /* partitions not at their end */
} mlopsctl_backfill_t;


static int mlopsctl_backfill_cut(const char *text, int64_t *cut_us);
static int mlopsctl_backfill_run(mlopsctl_backfill_t *b,
    const mlopsctl_view_args_t *args, int64_t cut_us, mlops_err_t *err);
static int mlopsctl_backfill_features(const mlopsctl_view_args_t *args,
    mlops_err_t *err);
static int mlopsctl_backfill_file(mlopsctl_backfill_t *b, const char *path,
    mlops_err_t *err);
static int mlopsctl_backfill_topic(mlopsctl_backfill_t *b, const char *name,
    mlops_err_t *err);
static int64_t mlopsctl_backfill_acquire(void *ctx, int32_t partition,
    int64_t low, int64_t high);
static void mlopsctl_backfill_release(void *ctx, int32_t partition,
    int lost);
static int mlopsctl_backfill_record(mlopsctl_backfill_t *b,
    const mlops_record_t *record, const char *where, uint64_t line,
    mlops_err_t *err);
static void mlopsctl_backfill_progress(mlopsctl_backfill_t *b, int done);


int
mlopsctl_backfill(int argc, char **argv)
{
    int                        rc;
    int64_t                    cut_us;
    mlops_err_t                err;
    static mlopsctl_backfill_t b;
    mlopsctl_view_args_t       args;

    rc = mlopsctl_view_args(argc, argv, "cut", "TIME", &args);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    if (args.rest_n != 1) {
        return mlopsctl_misused("expected a view and one file or topic, got "
                                "%d of them", args.rest_n);
    }

    if (mlopsctl_backfill_cut(args.value, &cut_us) != MLOPS_OK) {
        return mlopsctl_misused("--cut: expected a time of RFC 3339 or "
                                "microseconds since 1970, got \"%s\"",
                                args.value);
    }

    b.tty = isatty(STDERR_FILENO);

    if (mlopsctl_view_open(&b.view, args.store, args.plan, args.view, &err)
        != MLOPS_OK
        || mlopsctl_backfill_run(&b, &args, cut_us, &err) != MLOPS_OK)
    {
        mlopsctl_backfill_progress(&b, 1);
        rc = mlopsctl_failed("%s", err.text);

    } else {
        rc = mlopsctl_flush();
    }

    if (b.consumer != NULL) {
        mlops_consumer_destroy(b.consumer);
    }

    mlops_backfill_destroy(b.backfill);
    mlopsctl_view_close(&b.view);

    return rc;
}


static int
mlopsctl_backfill_cut(const char *text, int64_t *cut_us)
{
    int          overflow;
    const char  *end;

    end = text + strlen(text);
    overflow = 0;

    if (mlops_parse_int64(text, end, cut_us, &overflow) == end && !overflow) {
        return MLOPS_OK;
    }

    return (mlops_time_parse(text, end, cut_us) == end) ? MLOPS_OK
                                                        : MLOPS_ERROR;
}


static int
mlopsctl_backfill_run(mlopsctl_backfill_t *b,
    const mlopsctl_view_args_t *args, int64_t cut_us, mlops_err_t *err)
{
    int                      rc, features;
    struct stat              st;
    mlops_backfill_stats_t   stats;

    if (b->view.view->kafka == NULL
        || b->view.view->role == MLOPS_ROLE_FOLLOW)
    {
        return mlops_err_set(err, "view \"%s\" does not compute from events: "
                             "there is nothing to fill", args->view);
    }

    if (b->view.state[0] == '\0') {
        return mlops_err_set(err, "the plan has no \"mlops_state path;\", "
                             "where a backfill leaves its checkpoint");
    }

    features = -1;

    if (args->store != NULL) {
        features = mlopsctl_backfill_features(args, err);

        if (features == -1) {
            return MLOPS_ERROR;
        }
    }

    b->backfill = mlops_backfill_create(b->view.view, features,
                                        b->view.state, cut_us, err);

    if (b->backfill == NULL) {
        rc = MLOPS_ERROR;

    } else if (strcmp(args->rest[0], "-") == 0
               || (stat(args->rest[0], &st) == 0 && !S_ISDIR(st.st_mode)))
    {
        rc = mlopsctl_backfill_file(b, args->rest[0], err);

    } else {
        rc = mlopsctl_backfill_topic(b, args->rest[0], err);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_backfill_finish(b->backfill, err);
    }

    if (features != -1) {
        (void) close(features);
    }

    if (rc != MLOPS_OK) {
        return rc;
    }

    mlopsctl_backfill_progress(b, 1);
    mlops_backfill_stats(b->backfill, &stats);

    printf("view %s: %llu events before the cut, %llu entities, %llu from "
           "the cut on, %llu late, %llu in the future, %llu malformed, %llu "
           "others; checkpoint of %llu bytes\n", args->view,
           (unsigned long long) stats.verdicts[MLOPS_INTAKE_ACCEPTED],
           (unsigned long long) stats.entities,
           (unsigned long long) stats.verdicts[MLOPS_INTAKE_CUT],
           (unsigned long long) stats.verdicts[MLOPS_INTAKE_LATE],
           (unsigned long long) stats.verdicts[MLOPS_INTAKE_FUTURE],
           (unsigned long long) stats.verdicts[MLOPS_INTAKE_MALFORMED],
           (unsigned long long) (stats.verdicts[MLOPS_INTAKE_OTHER]
                                 + stats.verdicts[MLOPS_INTAKE_TOMBSTONE]),
           (unsigned long long) stats.checkpoint_bytes);

    if (b->consumer == NULL && stats.verdicts[MLOPS_INTAKE_LATE] != 0) {
        fprintf(stderr, "mlopsctl backfill: %llu events are late in the "
                "order of the file and were not counted; in a file sorted "
                "by time none is\n",
                (unsigned long long) stats.verdicts[MLOPS_INTAKE_LATE]);
    }

    return MLOPS_OK;
}


static int
mlopsctl_backfill_features(const mlopsctl_view_args_t *args,
    mlops_err_t *err)
{
    int   fd;
    char  path[1100];

    (void) snprintf(path, sizeof(path), "%s/features", args->store);

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        (void) mlops_err_set(err, "cannot open \"%s\": %s", path,
                             strerror(errno));
    }

    return fd;
}


static int
mlopsctl_backfill_file(mlopsctl_backfill_t *b, const char *path,
    mlops_err_t *err)
{
    int                  rc;
    mlops_str_t          header;
    mlops_record_t       record;
    mlops_event_file_t  *file;

    file = mlops_event_file_open(path, err);

    if (file == NULL) {
        return MLOPS_ERROR;
    }

    header = mlops_event_file_header(file);

    if (mlops_backfill_header(b->backfill, &header, err) != MLOPS_OK) {
        (void) mlops_err_prefix(err, "\"%s\" line 1", path);
        mlops_event_file_close(file);
        return MLOPS_ERROR;
    }

    while ((rc = mlops_event_file_next(file, &record, err)) == MLOPS_OK) {
        mlops_event_file_progress(file, &b->bytes, &b->of);

        if (mlopsctl_backfill_record(b, &record, path,
                                     mlops_event_file_line(file), err)
            != MLOPS_OK)
        {
            rc = MLOPS_ERROR;
            break;
        }
    }

    mlops_event_file_close(file);

    return (rc == MLOPS_AGAIN) ? MLOPS_OK : MLOPS_ERROR;
}


static int
mlopsctl_backfill_topic(mlopsctl_backfill_t *b, const char *name,
    mlops_err_t *err)
{
    int                     rc;
    uint32_t                n;
    uint64_t                quiet_ns;
    mlops_str_t             topic;
    mlops_record_t          record;
    mlops_consumer_calls_t  calls;

    static const mlops_str_t  none = mlops_null_str;

    topic.data = name;
    topic.len = strlen(name);
    calls.acquire = mlopsctl_backfill_acquire;
    calls.release = mlopsctl_backfill_release;
    calls.ctx = b;

    b->consumer = mlops_consumer_create(b->view.view->kafka, &topic, &none,
                                        &calls, err);

    if (b->consumer == NULL) {
        return MLOPS_ERROR;
    }

    quiet_ns = mlops_clock_ns();

    for ( ;; ) {
        n = mlops_consumer_partitions(b->consumer);

        if (n != 0 && b->acquired == n
            && (b->open_n == 0
                || mlops_clock_ns() - quiet_ns
                   >= MLOPSCTL_BACKFILL_QUIET_NS))
        {
            return MLOPS_OK;
        }

        rc = mlops_consumer_poll(b->consumer, 100, &record, err);

        if (rc == MLOPS_ERROR) {
            return MLOPS_ERROR;
        }

        if (rc == MLOPS_AGAIN) {

            if (b->acquired == 0
                && mlops_clock_ns() - quiet_ns >= MLOPSCTL_BACKFILL_WAIT_NS)
            {
                return mlops_err_set(err, "\"%s\" is no file, and as a topic "
                                     "cannot be read: %s", name,
                                     mlops_consumer_last_error(b->consumer));
            }

            continue;
        }

        quiet_ns = mlops_clock_ns();

        if (record.offset >= b->ends[record.partition]) {
            continue;                   /* it came after the start */
        }

        if (record.offset + 1 == b->ends[record.partition]) {
            b->open_n--;
        }

        if (mlopsctl_backfill_record(b, &record, name, 0, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }
}


static int64_t
mlopsctl_backfill_acquire(void *ctx, int32_t partition, int64_t low,
    int64_t high)
{
    mlopsctl_backfill_t  *b;

    b = ctx;

    b->acquired++;
    b->ends[partition] = high;
    b->open_n += (high > low);

    return MLOPS_OFFSET_BEGINNING;
}


static void
mlopsctl_backfill_release(void *ctx, int32_t partition, int lost)
{
    (void) ctx;
    (void) partition;
    (void) lost;
}


static int
mlopsctl_backfill_record(mlopsctl_backfill_t *b,
    const mlops_record_t *record, const char *where, uint64_t line,
    mlops_err_t *err)
{
    char                     place[64];
    mlops_err_t              reason;
    mlops_intake_verdict_t   verdict;

    reason.text[0] = '\0';

    if (line != 0) {
        (void) snprintf(place, sizeof(place), "line %llu",
                        (unsigned long long) line);

    } else {
        (void) snprintf(place, sizeof(place), "partition %d, offset %lld",
                        (int) record->partition, (long long) record->offset);
    }

    if (mlops_backfill_record(b->backfill, record, &verdict, &reason, err)
        != MLOPS_OK)
    {
        return mlops_err_prefix(err, "\"%s\" %s", where, place);
    }

    if (verdict >= MLOPS_INTAKE_LATE && b->told < MLOPSCTL_BACKFILL_TOLD) {
        mlopsctl_backfill_progress(b, 1);
        fprintf(stderr, "mlopsctl backfill: \"%s\" %s: %s: %s%s\n", where,
                place, mlops_intake_verdict_name(verdict), reason.text,
                (++b->told == MLOPSCTL_BACKFILL_TOLD)
                ? " (others are counted only)" : "");
    }

    if (++b->records % 1024 == 0) {
        mlopsctl_backfill_progress(b, 0);
    }

    return MLOPS_OK;
}


/* A line each second at a terminal; done: it makes room for other text. */

static void
mlopsctl_backfill_progress(mlopsctl_backfill_t *b, int done)
{
    uint64_t  now_ns;

    if (!b->tty) {
        return;
    }

    if (done) {
        fprintf(stderr, "\r\033[K");
        return;
    }

    now_ns = mlops_clock_ns();

    if (now_ns - b->shown_ns < 1000000000) {
        return;
    }

    b->shown_ns = now_ns;
    fprintf(stderr, "\r%llu records", (unsigned long long) b->records);

    if (b->of != 0) {
        fprintf(stderr, ", %.1f %%", 100.0 * (double) b->bytes
                                     / (double) b->of);
    }

    fprintf(stderr, "\033[K");
}
