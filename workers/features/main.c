/*
 * mlops-features: from events to features in shared memory.
 */

#include "mlops_worker.h"
#include "mlops_clock.h"
#include "mlops_worker_log.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>


#define MLOPS_FEATURES_DONE    0
#define MLOPS_FEATURES_FAILED  1
#define MLOPS_FEATURES_USAGE   2

#define MLOPS_FEATURES_LOOK_MS     100
#define MLOPS_FEATURES_CHECKPOINT  30000000


/* jemalloc's, which looks for this name.  librdkafka takes and gives back some
 * megabytes many times a second: they are kept like smaller ones. */

const char  *malloc_conf = "oversize_threshold:0";


static int mlops_features_options(mlops_worker_t *worker, int argc,
    char **argv);
static int mlops_features_time(const char *text, int64_t *us);
static void mlops_features_name(mlops_worker_t *worker);
static void mlops_features_help(FILE *to);
static int mlops_features_loop(mlops_worker_t *worker, sigset_t *signals);
static void mlops_features_kafka(int level, const char *text);
static void mlops_features_signal(mlops_worker_t *worker, int number,
    int *stopping);
static void mlops_features_plan(mlops_worker_t *worker, int again);


int
main(int argc, char **argv)
{
    int                     rc;
    sigset_t                signals;
    mlops_err_t             err;
    static mlops_worker_t   worker;

    rc = mlops_features_options(&worker, argc, argv);

    if (rc != -1) {
        return rc;
    }

    /* all threads inherit the mask: signals are asked for */

    (void) sigemptyset(&signals);
    (void) sigaddset(&signals, SIGTERM);
    (void) sigaddset(&signals, SIGINT);
    (void) sigaddset(&signals, SIGQUIT);
    (void) sigaddset(&signals, SIGHUP);
    (void) pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void) signal(SIGPIPE, SIG_IGN);

    mlops_kafka_set_log(mlops_features_kafka);

    if (mlops_worker_open(&worker, &err) != MLOPS_OK) {
        mlops_say(MLOPS_LOG_EMERG, "%s", err.text);
        mlops_worker_close(&worker);
        return MLOPS_FEATURES_FAILED;
    }

    rc = mlops_features_loop(&worker, &signals);

    mlops_worker_close(&worker);

    return rc;
}


/* Called by the threads of librdkafka, too. */

static void
mlops_features_kafka(int level, const char *text)
{
    mlops_say((level <= LOG_ERR) ? MLOPS_LOG_ERROR
              : (level == LOG_WARNING) ? MLOPS_LOG_WARN
              : (level == LOG_NOTICE) ? MLOPS_LOG_NOTICE : MLOPS_LOG_INFO,
              "%s", text);
}


static int
mlops_features_options(mlops_worker_t *worker, int argc, char **argv)
{
    int                         c;
    static const struct option  options[] = {
        { "store", required_argument, NULL, 's' },
        { "plan", required_argument, NULL, 'p' },
        { "role", required_argument, NULL, 'r' },
        { "once", no_argument, NULL, 'o' },
        { "until-end", no_argument, NULL, 'o' },
        { "from", required_argument, NULL, 'f' },
        { "checkpoint", required_argument, NULL, 'c' },
        { "name", required_argument, NULL, 'n' },
        { "verbose", no_argument, NULL, 'v' },
        { "quiet", no_argument, NULL, 'q' },
        { "help", no_argument, NULL, 'h' },
        { NULL, 0, NULL, 0 }
    };

    worker->role = -1;
    worker->run.checkpoint_us = MLOPS_FEATURES_CHECKPOINT;

    while ((c = getopt_long(argc, argv, "s:p:h", options, NULL)) != -1) {

        switch (c) {

        case 's':
            worker->store_path = optarg;
            break;

        case 'p':
            worker->plan_path = optarg;
            break;

        case 'r':

            if (strcmp(optarg, "compute") == 0) {
                worker->role = MLOPS_ROLE_COMPUTE;

            } else if (strcmp(optarg, "follow") == 0) {
                worker->role = MLOPS_ROLE_FOLLOW;

            } else {
                fprintf(stderr, "mlops-features: --role: expected compute or "
                        "follow, got \"%s\"\n", optarg);
                return MLOPS_FEATURES_USAGE;
            }

            break;

        case 'o':
            worker->run.once = 1;
            break;

        case 'f':

            if (strcmp(optarg, "end") != 0
                && strcmp(optarg, "beginning") != 0)
            {
                fprintf(stderr, "mlops-features: --from: expected beginning "
                        "or end, got \"%s\"\n", optarg);
                return MLOPS_FEATURES_USAGE;
            }

            worker->run.from_end = (optarg[0] == 'e');
            break;

        case 'c':

            if (mlops_features_time(optarg, &worker->run.checkpoint_us)
                != MLOPS_OK)
            {
                fprintf(stderr, "mlops-features: --checkpoint: expected a "
                        "time such as 10s or 500ms, got \"%s\"\n", optarg);
                return MLOPS_FEATURES_USAGE;
            }

            break;

        case 'n':

            if (!mlops_name_valid(optarg, strlen(optarg))) {
                fprintf(stderr, "mlops-features: --name: expected 1 to 64 of "
                        "A-Z, a-z, 0-9, \"_\", \".\", \"-\", got \"%s\"\n",
                        optarg);
                return MLOPS_FEATURES_USAGE;
            }

            (void) snprintf(worker->name, sizeof(worker->name), "%s",
                            optarg);
            break;

        case 'v':
            mlops_log_level(MLOPS_LOG_INFO);
            break;

        case 'q':
            worker->quiet = 1;
            break;

        case 'h':
            mlops_features_help(stdout);
            return MLOPS_FEATURES_DONE;

        default:
            mlops_features_help(stderr);
            return MLOPS_FEATURES_USAGE;
        }
    }

    if (worker->store_path == NULL && worker->plan_path == NULL) {
        fprintf(stderr, "mlops-features: expected -s STORE or -p PLAN, got "
                "neither\n");
        mlops_features_help(stderr);
        return MLOPS_FEATURES_USAGE;
    }

    worker->only = argv + optind;
    worker->only_n = (uint32_t) (argc - optind);

    mlops_features_name(worker);

    return -1;
}


static int
mlops_features_time(const char *text, int64_t *us)
{
    uint64_t     ms;
    mlops_str_t  s;

    s.data = text;
    s.len = strlen(text);

    if (mlops_plan_time(&s, &ms) != MLOPS_OK || ms == 0 || ms > 86400000) {
        return MLOPS_ERROR;
    }

    *us = (int64_t) ms * 1000;

    return MLOPS_OK;
}


/* Two processes of one store, each with some of the views, have two names. */

static void
mlops_features_name(mlops_worker_t *worker)
{
    uint32_t  i;
    size_t    len;

    if (worker->name[0] != '\0') {
        return;
    }

    (void) snprintf(worker->name, sizeof(worker->name), "mlops-features");

    for (i = 0; i < worker->only_n; i++) {
        len = strlen(worker->name);
        (void) snprintf(worker->name + len, sizeof(worker->name) - len,
                        ".%s", worker->only[i]);
    }
}


static void
mlops_features_help(FILE *to)
{
    fprintf(to,
            "Usage: mlops-features -s STORE [-p PLAN] [OPTION...] [VIEW...]\n"
            "\n"
            "Computes the feature views of the plan that nginx left in the\n"
            "store (all of them, or those that are named) in the foreground.\n"
            "\n"
            "  -s, --store STORE     where nginx finds the tables\n"
            "  -p, --plan PLAN       another plan.json; without -s there are\n"
            "                        no tables: rows go to features.<view>\n"
            "      --role ROLE       compute or follow, in place of the\n"
            "                        views' own\n"
            "      --from WHERE      where a view without checkpoint begins:\n"
            "                        beginning (default) or end\n"
            "      --checkpoint TIME between two checkpoints; default 30s\n"
            "      --until-end       read to the end of the topics as they\n"
            "      --once            are now, checkpoint, exit\n"
            "      --name NAME       of the files in metrics/ and status/;\n"
            "                        default mlops-features[.VIEW...]\n"
            "      --quiet           no line of progress at a terminal\n"
            "      --verbose         log more\n"
            "\n"
            "SIGTERM, SIGINT, SIGQUIT: checkpoint and exit.  SIGHUP: read\n"
            "the plan again, start views that have failed.  Exit codes: 0\n"
            "done, 1 failed, 2 usage.\n");
}


static int
mlops_features_loop(mlops_worker_t *worker, sigset_t *signals)
{
    int              number, stopping;
    uint32_t         failed;
    uint64_t         looked_ns;
    struct timespec  ts;

    stopping = 0;
    looked_ns = 0;

    mlops_say(MLOPS_LOG_NOTICE, "mlops-features starts, plan \"%s\", %u "
              "views", worker->plan_file, (unsigned) worker->views_n);

    if (worker->views_n == 0) {
        mlops_say(MLOPS_LOG_WARN, "the plan has no view: waiting for another "
                  "one");
    }

    for ( ;; ) {
        ts.tv_sec = 0;
        ts.tv_nsec = MLOPS_FEATURES_LOOK_MS * 1000000L;

        number = sigtimedwait(signals, NULL, &ts);

        if (number > 0) {
            mlops_features_signal(worker, number, &stopping);
        }

        if (!stopping) {
            mlops_features_plan(worker, 0);
        }

        mlops_worker_tend(worker);

        if (mlops_clock_ns() - looked_ns >= 1000000000) {
            looked_ns = mlops_clock_ns();
            mlops_worker_look(worker);
        }

        if (mlops_worker_active(worker, &failed) != 0) {
            continue;
        }

        if (stopping) {
            mlops_worker_look(worker);
            mlops_say(MLOPS_LOG_NOTICE, "exit");
            return MLOPS_FEATURES_DONE;
        }

        if (worker->views_n != 0) {
            mlops_worker_look(worker);

            if (failed != 0) {
                mlops_say(MLOPS_LOG_EMERG, "no view is left, %u failed: "
                          "exit", (unsigned) failed);
            }

            return (failed != 0) ? MLOPS_FEATURES_FAILED
                                 : MLOPS_FEATURES_DONE;
        }

        if (worker->run.once) {
            return MLOPS_FEATURES_DONE;
        }
    }
}


static void
mlops_features_signal(mlops_worker_t *worker, int number, int *stopping)
{
    if (number == SIGHUP) {
        mlops_say(MLOPS_LOG_NOTICE, "signal 1 (SIGHUP) received, reading the "
                  "plan");

        if (!*stopping) {
            mlops_features_plan(worker, 1);
        }

        return;
    }

    if (!*stopping) {
        mlops_say(MLOPS_LOG_NOTICE, "signal %d received, stopping", number);
        mlops_worker_stop(worker);
    }

    *stopping = 1;
}


static void
mlops_features_plan(mlops_worker_t *worker, int again)
{
    mlops_err_t  err;

    if (mlops_worker_plan(worker, again, &err) == MLOPS_OK) {
        worker->plan_err.text[0] = '\0';
        return;
    }

    worker->plan_err = err;
    mlops_say(MLOPS_LOG_ERROR, "the plan is not taken, the one before holds: "
              "%s", err.text);
}
