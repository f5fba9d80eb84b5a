/*
 * mlopsctl tune: the best of many trainings.
 */

#include "mlopsctl.h"
#include "mlopsctl_learn.h"
#include "mlops_folder.h"
#include "mlops_import_job.h"
#include "mlops_plan.h"
#include "mlops_tune.h"

#include <unistd.h>


#define MLOPSCTL_TUNE_TRIALS  12
#define MLOPSCTL_TUNE_FAILED  3


typedef struct {
    const char            *to;
    char                  *metric;
    char                  *own;         /* a state folder of our own */
    int                    own_lock;
    const char           **set;
    char                 **made;        /* settings that options are */
    uint32_t               made_n;
    mlops_apart_t          files[3];
    mlops_tune_options_t   tune;
} mlopsctl_tune_t;


static int mlopsctl_tune_options(mlopsctl_tune_t *in, int argc, char **argv);
static int mlopsctl_tune_made(mlopsctl_tune_t *in, int argc, char **argv,
    const struct option *options);
static int mlopsctl_tune_goal(mlopsctl_tune_t *in, const char *text);
static int mlopsctl_tune_apart(mlopsctl_tune_t *in);
static int mlopsctl_tune_state(mlopsctl_tune_t *in);
static int mlopsctl_tune_run(mlopsctl_tune_t *in);
static void mlopsctl_tune_print(const mlops_tuned_t *tuned);
static void mlopsctl_tune_settings(const mlops_tune_trial_t *trial,
    const char *before, const char *behind);
static void mlopsctl_tune_report(void *ctx, const mlops_tune_trial_t *trial,
    const char *metric);


int
mlopsctl_tune(int argc, char **argv)
{
    int              rc;
    uint32_t         i;
    mlopsctl_tune_t  in;

    memset(&in, 0, sizeof(in));

    rc = mlopsctl_tune_options(&in, argc, argv);

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_tune_apart(&in);
    }

    if (rc == MLOPSCTL_DONE && in.to != NULL) {
        rc = mlopsctl_place(in.to);
    }

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_tune_state(&in);
    }

    if (rc == MLOPSCTL_DONE) {
        mlopsctl_stop_init();
        rc = mlopsctl_tune_run(&in);
    }

    if (in.own != NULL) {
        mlops_folder_remove(in.own);
        (void) close(in.own_lock);
        free(in.own);
    }

    for (i = 0; i < in.made_n; i++) {
        free(in.made[i]);
    }

    free(in.made);
    free(in.metric);
    free(in.set);

    return rc;
}


static int
mlopsctl_tune_options(mlopsctl_tune_t *in, int argc, char **argv)
{
    int                         c, rc;
    mlops_str_t                 text;
    static const struct option  options[] = {
        { "trials", required_argument, NULL, 't' },
        { "parallel", required_argument, NULL, 'p' },
        { "max-failed", required_argument, NULL, 'f' },
        { "threads", required_argument, NULL, 'T' },
        { "search", required_argument, NULL, 's' },
        { "seed", required_argument, NULL, 'S' },
        { "goal", required_argument, NULL, 'g' },
        { "state", required_argument, NULL, 'd' },
        { "set", required_argument, NULL, 'x' },
        { "timeout", required_argument, NULL, 'l' },
        { "memory", required_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 }
    };

    in->set = calloc((size_t) argc, sizeof(char *));
    in->made = calloc((size_t) argc, sizeof(char *));

    if (in->set == NULL || in->made == NULL) {
        return mlopsctl_failed("out of memory");
    }

    rc = mlopsctl_tune_made(in, argc, argv, options);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    in->tune.trials = MLOPSCTL_TUNE_TRIALS;
    in->tune.parallel = 1;
    in->tune.max_failed = MLOPSCTL_TUNE_FAILED;
    in->tune.threads = 1;
    in->tune.seed = 1;
    in->tune.program = "/proc/self/exe";
    in->tune.report = mlopsctl_tune_report;
    in->tune.stop = mlopsctl_stopped;
    in->tune.set = in->set;

    while ((c = mlopsctl_option(argc, argv, "o:", options)) != -1) {

        rc = MLOPSCTL_DONE;
        text.data = optarg;
        text.len = optarg ? strlen(optarg) : 0;

        switch (c) {

        case 'o':
            in->to = optarg;
            break;

        case 't':
            rc = mlopsctl_number("trials", optarg, 1, MLOPS_TUNE_TRIALS,
                                 &in->tune.trials);
            break;

        case 'p':
            rc = mlopsctl_number("parallel", optarg, 1, MLOPS_TUNE_PARALLEL,
                                 &in->tune.parallel);
            break;

        case 'f':
            rc = mlopsctl_number("max-failed", optarg, 0, MLOPS_TUNE_TRIALS,
                                 &in->tune.max_failed);
            break;

        case 'T':
            rc = mlopsctl_threads(optarg, &in->tune.threads);
            break;

        case 's':

            if (strcmp(optarg, "grid") == 0) {
                in->tune.search = MLOPS_TUNE_GRID;

            } else if (strcmp(optarg, "random") == 0) {
                in->tune.search = MLOPS_TUNE_RANDOM;

            } else {
                return mlopsctl_misused("--search: expected grid or random, "
                                        "got \"%s\"", optarg);
            }

            break;

        case 'S':
            rc = mlopsctl_seed(optarg, &in->tune.seed);
            break;

        case 'g':
            rc = mlopsctl_tune_goal(in, optarg);
            break;

        case 'd':
            in->tune.state = optarg;
            break;

        case 'x':
            in->set[in->tune.set_n++] = optarg;
            break;

        case 'l':

            if (mlops_plan_time(&text, &in->tune.timeout_ms) != MLOPS_OK) {
                return mlopsctl_misused("--timeout: expected a time as 10m, "
                                        "got \"%s\"", optarg);
            }

            break;

        case 'm':

            if (mlops_plan_size(&text, &in->tune.memory) != MLOPS_OK) {
                return mlopsctl_misused("--memory: expected a size as 2g, got "
                                        "\"%s\"", optarg);
            }

            break;

        default:
            return MLOPSCTL_USAGE;
        }

        if (rc != MLOPSCTL_DONE) {
            return rc;
        }
    }

    rc = mlopsctl_places(argc, argv, "a recipe", &in->tune.recipe,
                         &in->tune.rows);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    if (in->to == NULL && in->tune.state == NULL) {
        return mlopsctl_misused("expected -o and the image to write, or "
                                "--state and a folder that keeps it");
    }

    return MLOPSCTL_DONE;
}


/*
 * --NAME VALUE and --NAME=VALUE of any other NAME, as train takes them, become
 * --set NAME=VALUE and --set=NAME=VALUE in argv.  The beginning of an option's
 * name is that option, as getopt_long has it.
 */

static int
mlopsctl_tune_made(mlopsctl_tune_t *in, int argc, char **argv,
    const struct option *options)
{
    int                   i, pair;
    char                 *text;
    size_t                len;
    const char           *name;
    const struct option  *option;

    for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {

        if (strncmp(argv[i], "--", 2) != 0) {
            /* -o FILE */
            i += (strcmp(argv[i], "-o") == 0);
            continue;
        }

        name = argv[i] + 2;
        len = strcspn(name, "=");
        pair = (name[len] == '\0');

        for (option = options; option->name != NULL; option++) {
            if (strncmp(option->name, name, len) == 0) {
                break;
            }
        }

        if (option->name == NULL && !(pair && i + 1 == argc)) {

            if (asprintf(&text, "%s%s%s%s", pair ? "" : "--set=", name,
                         pair ? "=" : "", pair ? argv[i + 1] : "")
                == -1)
            {
                return mlopsctl_failed("out of memory");
            }

            in->made[in->made_n++] = text;

            if (pair) {
                argv[i] = (char *) "--set";
                argv[i + 1] = text;

            } else {
                argv[i] = text;
            }
        }

        i += pair;
    }

    return MLOPSCTL_DONE;
}


/* METRIC, or METRIC=VALUE. */

static int
mlopsctl_tune_goal(mlopsctl_tune_t *in, const char *text)
{
    mlops_doc_t   number;
    mlops_str_t   name;
    const char   *equals;

    equals = strchrnul(text, '=');
    name.data = text;
    name.len = (size_t) (equals - text);

    if (mlops_metric_find(&name) < 0) {
        return mlopsctl_misused("--goal: expected a metric, or METRIC=VALUE, "
                                "got \"%s\"", text);
    }

    if (*equals == '=') {
        memset(&number, 0, sizeof(number));
        number.type = MLOPS_DOC_NUMBER;
        number.v.text.data = equals + 1;
        number.v.text.len = strlen(equals + 1);

        if (mlops_doc_double(&number, &in->tune.goal) != MLOPS_OK) {
            return mlopsctl_misused("--goal: expected a number behind '=', "
                                    "got \"%s\"", text);
        }

        in->tune.has_goal = 1;
    }

    free(in->metric);
    in->metric = strndup(name.data, name.len);
    in->tune.metric = in->metric;

    return in->metric ? MLOPSCTL_DONE : mlopsctl_failed("out of memory");
}


/* In the folder of state the image would be a trial's, for later runs. */

static int
mlopsctl_tune_apart(mlopsctl_tune_t *in)
{
    if (in->to != NULL && in->tune.state != NULL
        && mlops_apart_within(in->to, in->tune.state))
    {
        return mlopsctl_failed("-o: %s is in the folder of --state, %s, which "
                               "keeps trials: name another place", in->to,
                               in->tune.state);
    }

    in->files[0].path = in->tune.recipe;
    in->files[0].what = "the recipe";
    in->files[1].path = in->tune.rows;
    in->files[1].what = "the rows";
    in->files[2].path = in->to;
    in->files[2].what = "-o";
    in->files[2].written = 1;

    in->tune.files = in->files;
    in->tune.files_n = mlops_nitems(in->files);

    return mlopsctl_apart(in->files, mlops_nitems(in->files));
}


/* A folder of our own goes with us: such a run cannot be resumed. */

static int
mlopsctl_tune_state(mlopsctl_tune_t *in)
{
    mlops_err_t  err;

    if (in->tune.state != NULL) {
        return MLOPSCTL_DONE;
    }

    in->own = mlops_folder_make(NULL, "mlops-tune", &in->own_lock, &err);

    if (in->own == NULL) {
        return mlopsctl_failed("%s", err.text);
    }

    in->tune.state = in->own;

    return MLOPSCTL_DONE;
}


static int
mlopsctl_tune_run(mlopsctl_tune_t *in)
{
    int             rc;
    char           *image;
    size_t          len;
    mlops_err_t     err;
    mlops_tuned_t   tuned;

    rc = MLOPSCTL_DONE;

    if (mlops_tune(&in->tune, &tuned, &err) != MLOPS_OK) {
        rc = mlopsctl_failed("%s", err.text);

    } else if (in->to != NULL) {

        if (mlops_import_read(tuned.image, &image, &len, &err) != MLOPS_OK) {
            rc = mlopsctl_failed("%s", err.text);

        } else {

            if (mlopsctl_write(in->to, image, len, 0444, &err) != MLOPS_OK) {
                rc = mlopsctl_failed("%s", err.text);
            }

            free(image);
        }
    }

    if (rc == MLOPSCTL_DONE) {
        printf("%s: trial %d, the best of %u%s\n", in->to ? in->to
                                                         : tuned.image,
               tuned.best, tuned.done_n, tuned.reached
                                         ? "; the goal is reached" : "");
        mlopsctl_tune_print(&tuned);
        rc = mlopsctl_flush();
    }

    mlops_tuned_free(&tuned);

    return rc;
}


/* Lines of name=value, which collectors of metrics look for. */

static void
mlopsctl_tune_print(const mlops_tuned_t *tuned)
{
    mlops_tune_trial_t  *trial;

    trial = &tuned->trials[tuned->best];

    printf("%s=", tuned->metric);
    mlopsctl_json_number(trial->value);
    printf("\ntrials=%u\nfailed=%u\n", tuned->done_n + tuned->failed_n,
           tuned->failed_n);
    mlopsctl_tune_settings(trial, "", "\n");
}


static void
mlopsctl_tune_settings(const mlops_tune_trial_t *trial, const char *before,
    const char *behind)
{
    uint32_t  i;

    for (i = 0; i < trial->settings_n; i++) {
        printf("%s%s%s", before, trial->settings[i], behind);
    }
}


static void
mlopsctl_tune_report(void *ctx, const mlops_tune_trial_t *trial,
    const char *metric)
{
    (void) ctx;

    printf("trial %u%s:", trial->number, trial->resumed ? " (known)" : "");

    if (trial->failed) {
        printf(" failed");

    } else {
        printf(" %s=", metric);
        mlopsctl_json_number(trial->value);
    }

    mlopsctl_tune_settings(trial, " ", "");
    printf("\n");

    if (trial->failed) {
        (void) fflush(stdout);
        (void) mlopsctl_failed("trial %u failed: %s", trial->number,
                               trial->why);
    }

    (void) fflush(stdout);
}
