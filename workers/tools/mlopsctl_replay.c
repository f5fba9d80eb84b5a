/*
 * mlopsctl replay: the rows of a file as events, at the pace that is asked
 * for.
 */

#include "mlopsctl.h"
#include "mlopsctl_replay.h"

#include "mlops_clock.h"
#include "mlops_num.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>


#define MLOPSCTL_REPLAY_TOLD  5             /* errors that are printed */
#define MLOPSCTL_REPLAY_TEXT  400           /* bytes of --type, --source */


typedef struct {
    const char            *file;
    const char            *target;
    const char            *key;
    const char            *time;
    const char            *format;          /* or NULL: by the file's name */
    double                 unit_us;
    double                 interval_s;      /* 0: as fast as it goes */
    mlopsctl_replay_to_t   to;
} mlopsctl_replay_args_t;


typedef struct {
    uint64_t   sent;
    uint64_t   failed;
    uint64_t   start_ns;
    uint64_t   shown_ns;
    int        terminal;
} mlopsctl_replay_t;


static int mlopsctl_replay_args(int argc, char **argv,
    mlopsctl_replay_args_t *args);
static int mlopsctl_replay_number(const char *name, const char *text,
    double *value);
static int mlopsctl_replay_partition(const char *text, int32_t *partition);
static int mlopsctl_replay_unit(const char *text, double *unit_us);
static int mlopsctl_replay_check(mlopsctl_replay_args_t *args);
static int mlopsctl_replay_text(const char *name, const char *text);
static int mlopsctl_replay_run(const mlopsctl_replay_args_t *args,
    mlops_event_file_t *file, mlopsctl_replay_rows_t *rows,
    mlopsctl_replay_sink_t *sink);
static void mlopsctl_replay_pace(const mlopsctl_replay_t *replay,
    double interval_s);
static void mlopsctl_replay_show(mlopsctl_replay_t *replay,
    const mlops_event_file_t *file, int end);
static void mlopsctl_replay_error(mlopsctl_replay_t *replay,
    const mlops_err_t *err);
static void mlopsctl_replay_log(int level, const char *text);
static void mlopsctl_replay_signal(int signo);


volatile sig_atomic_t  mlopsctl_replay_ended;


int
mlopsctl_replay(int argc, char **argv)
{
    int                      rc;
    mlops_err_t              err;
    mlops_event_file_t      *file;
    mlopsctl_replay_args_t   args;
    mlopsctl_replay_rows_t  *rows;
    mlopsctl_replay_sink_t   sink;

    rc = mlopsctl_replay_args(argc, argv, &args);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    file = (args.format == NULL)
           ? mlops_event_file_open(args.file, &err)
           : mlops_event_file_open_as(args.file, args.format[0] == 'c', &err);

    if (file == NULL) {
        return mlopsctl_failed("%s", err.text);
    }

    rows = mlopsctl_replay_rows_create(file, args.key, args.time,
                                       args.unit_us, &err);

    if (rows == NULL) {
        mlops_event_file_close(file);
        return mlopsctl_failed("\"%s\": %s", args.file, err.text);
    }

    mlops_kafka_set_log(mlopsctl_replay_log);

    if (strncmp(args.target, "http://", 7) == 0
        || strncmp(args.target, "https://", 8) == 0)
    {
        rc = mlopsctl_replay_http(&sink, args.target, &args.to, &err);

    } else {
        rc = mlopsctl_replay_kafka(&sink, args.target, &args.to, &err);
    }

    if (rc == MLOPS_OK) {
        (void) signal(SIGINT, mlopsctl_replay_signal);
        (void) signal(SIGTERM, mlopsctl_replay_signal);

        rc = mlopsctl_replay_run(&args, file, rows, &sink);
        sink.destroy(sink.ctx);

    } else {
        rc = mlopsctl_failed("%s", err.text);
    }

    mlopsctl_replay_rows_destroy(rows);
    mlops_event_file_close(file);

    return rc;
}


static int
mlopsctl_replay_args(int argc, char **argv, mlopsctl_replay_args_t *args)
{
    int     letter;
    double  number;

    static const struct option  options[] = {
        { "format", required_argument, NULL, 'f' },
        { "key", required_argument, NULL, 'k' },
        { "time", required_argument, NULL, 't' },
        { "unit", required_argument, NULL, 'u' },
        { "interval", required_argument, NULL, 'i' },
        { "rate", required_argument, NULL, 'r' },
        { "kafka", required_argument, NULL, 'K' },
        { "partition", required_argument, NULL, 'P' },
        { "cloudevents", required_argument, NULL, 'c' },
        { "type", required_argument, NULL, 'T' },
        { "source", required_argument, NULL, 'S' },
        { NULL, 0, NULL, 0 }
    };

    memset(args, 0, sizeof(*args));
    args->unit_us = 1000;
    args->to.partition = -1;
    args->to.source = "mlopsctl";

    while ((letter = mlopsctl_option(argc, argv, "b:s:p:", options)) != -1) {
        number = 0;

        switch (letter) {

        case 'b':
            args->to.bootstrap = optarg;
            break;

        case 's':
            args->to.store = optarg;
            break;

        case 'p':
            args->to.plan = optarg;
            break;

        case 'f':
            args->format = optarg;
            break;

        case 'k':
            args->key = optarg;
            break;

        case 't':
            args->time = optarg;
            break;

        case 'u':
            if (mlopsctl_replay_unit(optarg, &args->unit_us) != MLOPS_OK) {
                return MLOPSCTL_USAGE;
            }

            break;

        case 'i':
            if (mlopsctl_replay_number("interval", optarg, &args->interval_s)
                != MLOPS_OK)
            {
                return MLOPSCTL_USAGE;
            }

            break;

        case 'r':
            if (mlopsctl_replay_number("rate", optarg, &number) != MLOPS_OK) {
                return MLOPSCTL_USAGE;
            }

            args->interval_s = (number > 0) ? 1 / number : 0;
            break;

        case 'K':
            args->to.kafka = optarg;
            break;

        case 'P':
            if (mlopsctl_replay_partition(optarg, &args->to.partition)
                != MLOPS_OK)
            {
                return MLOPSCTL_USAGE;
            }

            break;

        case 'c':
            args->to.cloudevents = optarg;
            break;

        case 'T':
            args->to.type = optarg;
            break;

        case 'S':
            args->to.source = optarg;
            break;

        default:
            return MLOPSCTL_USAGE;
        }
    }

    if (argc - optind != 2) {
        return mlopsctl_misused("expected a file and a topic, or an URL");
    }

    args->file = argv[optind];
    args->target = argv[optind + 1];

    return mlopsctl_replay_check(args);
}


static int
mlopsctl_replay_number(const char *name, const char *text, double *value)
{
    char  *end;

    *value = strtod(text, &end);

    if (end == text || *end != '\0' || !(*value >= 0) || *value > 1e9) {
        (void) mlopsctl_misused("--%s: expected a number, got \"%s\"", name,
                                text);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static int
mlopsctl_replay_partition(const char *text, int32_t *partition)
{
    int          overflow;
    int64_t      n;
    const char  *end;

    end = mlops_parse_int64(text, text + strlen(text), &n, &overflow);

    if (end == NULL || *end != '\0' || overflow || n < 0 || n > INT32_MAX) {
        (void) mlopsctl_misused("--partition: expected a number, got \"%s\"",
                                text);
        return MLOPS_ERROR;
    }

    *partition = (int32_t) n;

    return MLOPS_OK;
}


static int
mlopsctl_replay_unit(const char *text, double *unit_us)
{
    size_t  i;

    static const struct {
        const char  *name;
        double       us;
    } units[] = {
        { "s", 1e6 }, { "ms", 1000 }, { "us", 1 }, { "ns", 0.001 }
    };

    for (i = 0; i < mlops_nitems(units); i++) {
        if (strcmp(text, units[i].name) == 0) {
            *unit_us = units[i].us;
            return MLOPS_OK;
        }
    }

    (void) mlopsctl_misused("--unit: expected s, ms, us or ns, got \"%s\"",
                            text);

    return MLOPS_ERROR;
}


static int
mlopsctl_replay_check(mlopsctl_replay_args_t *args)
{
    const mlopsctl_replay_to_t  *to;

    to = &args->to;

    if (args->format != NULL && strcmp(args->format, "csv") != 0
        && strcmp(args->format, "json") != 0)
    {
        return mlopsctl_misused("--format: expected csv or json, got \"%s\"",
                                args->format);
    }

    if (to->cloudevents != NULL && strcmp(to->cloudevents, "binary") != 0
        && strcmp(to->cloudevents, "structured") != 0)
    {
        return mlopsctl_misused("--cloudevents: expected binary or "
                                "structured, got \"%s\"", to->cloudevents);
    }

    if (to->cloudevents != NULL && to->type == NULL) {
        return mlopsctl_misused("--cloudevents: expected --type, too");
    }

    if (to->cloudevents != NULL
        && (mlopsctl_replay_text("type", to->type) != MLOPS_OK
            || mlopsctl_replay_text("source", to->source) != MLOPS_OK))
    {
        return MLOPSCTL_USAGE;
    }

    if (strstr(args->target, "://") == NULL && to->bootstrap == NULL
        && to->store == NULL && to->plan == NULL)
    {
        return mlopsctl_misused("expected -b BOOTSTRAP, -s STORE or -p PLAN "
                                "for a topic");
    }

    return MLOPSCTL_DONE;
}


/* They become headers. */

static int
mlopsctl_replay_text(const char *name, const char *text)
{
    size_t  i;

    for (i = 0; text[i] != '\0'; i++) {
        if ((unsigned char) text[i] < ' ' || i == MLOPSCTL_REPLAY_TEXT) {
            break;
        }
    }

    if (i != 0 && text[i] == '\0') {
        return MLOPS_OK;
    }

    (void) mlopsctl_misused("--%s: expected 1 to %d printable bytes", name,
                            MLOPSCTL_REPLAY_TEXT);

    return MLOPS_ERROR;
}


static int
mlopsctl_replay_run(const mlopsctl_replay_args_t *args,
    mlops_event_file_t *file, mlopsctl_replay_rows_t *rows,
    mlopsctl_replay_sink_t *sink)
{
    int                     rc, taken;
    uint64_t                late;
    mlops_err_t             err;
    mlops_record_t          record;
    mlopsctl_replay_t       replay;
    mlopsctl_replay_row_t   row;

    memset(&replay, 0, sizeof(replay));
    replay.start_ns = mlops_clock_ns();
    replay.terminal = isatty(STDERR_FILENO);
    rc = MLOPS_AGAIN;

    while (!mlopsctl_replay_ended
           && (rc = mlops_event_file_next(file, &record, &err)) == MLOPS_OK)
    {
        taken = mlopsctl_replay_rows_read(rows, &record, &row, &err);

        if (taken == MLOPS_OK) {
            taken = sink->send(sink->ctx, &row, &err);
        }

        if (taken == MLOPS_OK) {
            replay.sent++;

        } else if (taken == MLOPS_ERROR) {
            mlopsctl_replay_error(&replay, &err);
        }

        mlopsctl_replay_show(&replay, file, 0);

        if (args->interval_s > 0) {
            mlopsctl_replay_pace(&replay, args->interval_s);
        }
    }

    if (rc == MLOPS_ERROR) {
        mlopsctl_replay_error(&replay, &err);
    }

    late = 0;

    if (sink->finish(sink->ctx, &late, &err) != MLOPS_OK) {
        mlopsctl_replay_error(&replay, &err);
        late = (late > replay.sent) ? replay.sent : late;
        replay.sent -= late;
        replay.failed += (late != 0) ? late - 1 : 0;
    }

    mlopsctl_replay_show(&replay, file, 1);

    return (replay.failed == 0) ? MLOPSCTL_DONE : MLOPSCTL_FAILED;
}


/* Row i is due i intervals after the start, however late those before it
 * were. */

static void
mlopsctl_replay_pace(const mlopsctl_replay_t *replay, double interval_s)
{
    uint64_t         due_ns;
    struct timespec  ts;

    due_ns = replay->start_ns + (uint64_t) ((double) (replay->sent
                                                      + replay->failed)
                                            * interval_s * 1e9);

    ts.tv_sec = (time_t) (due_ns / 1000000000);
    ts.tv_nsec = (long) (due_ns % 1000000000);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR
           && !mlopsctl_replay_ended)
    {
        /* void */
    }
}


static void
mlopsctl_replay_show(mlopsctl_replay_t *replay,
    const mlops_event_file_t *file, int end)
{
    double    seconds;
    uint64_t  now_ns, bytes, of;

    now_ns = mlops_clock_ns();

    if (!end && (!replay->terminal
                 || now_ns - replay->shown_ns < 200000000))
    {
        return;
    }

    replay->shown_ns = now_ns;
    seconds = (double) (now_ns - replay->start_ns) / 1e9;
    mlops_event_file_progress(file, &bytes, &of);

    fprintf(stderr, "%s%llu rows, %.0f a second, %llu failed",
            replay->terminal ? "\r" : "", (unsigned long long) replay->sent,
            (double) replay->sent / (seconds + 1e-9),
            (unsigned long long) replay->failed);

    if (!end && of != 0) {
        fprintf(stderr, ", %3.0f %%", 100.0 * (double) bytes / (double) of);
    }

    fprintf(stderr, "%s", end ? "          \n" : "   ");
    (void) fflush(stderr);
}


static void
mlopsctl_replay_error(mlopsctl_replay_t *replay, const mlops_err_t *err)
{
    if (replay->failed++ < MLOPSCTL_REPLAY_TOLD) {

        if (replay->terminal) {
            fprintf(stderr, "\r");
        }

        (void) mlopsctl_failed("%s", err->text);
    }
}


static void
mlopsctl_replay_log(int level, const char *text)
{
    (void) level;

    (void) mlopsctl_failed("%s", text);
}


static void
mlopsctl_replay_signal(int signo)
{
    (void) signo;

    mlopsctl_replay_ended = 1;
}
