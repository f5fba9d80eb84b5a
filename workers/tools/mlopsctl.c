/*
 * mlopsctl: the tool of a person or a script.  The table of its
 * sub-commands, and the way to them.
 */

#include "mlopsctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>


static const mlopsctl_command_t  mlopsctl_commands[] = {
    {
        "import", "FILE -o MODEL.mlm [OPTION...]",
        "make a model image from a model file or a recipe",
        "Reads an XGBoost model (JSON or UBJSON) or a recipe, and writes the\n"
        "image once the loader that nginx uses has taken it.\n"
        "\n"
        "  -o MODEL.mlm         the image, replaced at once, mode 0444\n"
        "  --name NAME          kept in the image's facts\n"
        "  --rows ROWS.csv      inputs with the library's own answers: they\n"
        "                       are compared, and some kept as golden rows\n"
        "  --reference ROWS.csv held-out inputs: training ranges, and\n"
        "                       histograms to measure drift against\n"
        "\n"
        "of XGBoost models:\n"
        "  --features A,B,...   names of the inputs, in place of the file's\n"
        "  --iterations WHICH   boosting rounds: all, best, N or A:B\n"
        "  --outputs WHICH      prediction, margin, or both (default)\n"
        "  --type TYPE          of the outputs: FP32 (default), FP64, INT64,\n"
        "                       ...\n",
        mlopsctl_import
    },
    {
        "export", "MODEL.mlm --to xgboost.json|recipe.json [OPTION...]",
        "make a model file from a model image",
        "Writes the image as a model of XGBoost, or as the recipe that makes\n"
        "an image of the same answers, once it was imported again and gave\n"
        "the image's answers for its golden rows.  What the format cannot\n"
        "hold is refused with the reason.\n"
        "\n"
        "  --to FILE          the file; its name says the format: *xgboost*\n"
        "                     or *recipe*\n"
        "  --format FORMAT    xgboost or recipe, whatever the name\n"
        "  -o FILE            write there instead; - is the standard output\n"
        "\n"
        "of XGBoost's format, which has one output:\n"
        "  --signature NAME   default: all\n"
        "  --output NAME      default: the first that the format can hold\n",
        mlopsctl_export
    },
    {
        "inspect", "MODEL.mlm [--json]",
        "show what a model image holds",
        "Loads the image and prints its interface (types, ranges, defaults,\n"
        "categories), its steps, facts, size and checksum.\n"
        "\n"
        "  --json       one JSON object\n",
        mlopsctl_inspect
    },
    {
        "verify", "MODEL.mlm...",
        "check a model image as a server does",
        "Loads each image with the loader that nginx uses: checksum, every\n"
        "offset, the order of the program, and the golden rows.  Prints OK,\n"
        "or the reason on stderr.\n",
        mlopsctl_verify
    },
    {
        "predict", "MODEL.mlm [--signature NAME] < ROWS.csv > OUT.csv",
        "evaluate the rows of a CSV file",
        "The header row names the model's inputs in any order; an empty cell\n"
        "is a missing value, a column of another name is skipped.  Writes\n"
        "one column for each output (NAME_0, NAME_1, ... where it has more\n"
        "than one value).  Files of any length take the same memory.\n"
        "\n"
        "  --signature NAME   how to call the model; default: the one that\n"
        "                     fits the names\n",
        mlopsctl_predict
    },
    {
        "train", "RECIPE ROWS.csv -o MODEL.mlm [OPTION...]",
        "fit a model to rows",
        "Fits the steps of a training recipe to the rows of a CSV file,\n"
        "judges the model on the rows that were held out, and writes the\n"
        "image once the loader that nginx uses has taken it.  The same\n"
        "recipe, rows, settings and seed give the same image, byte for byte.\n"
        "\n"
        "  -o MODEL.mlm       the image, replaced at once, mode 0444\n"
        "  --seed N           in place of the recipe's\n"
        "  --set NAME=VALUE   a key of the learner, or a path such as\n"
        "                     train.split.seed; the value is JSON, or else\n"
        "                     a string\n"
        "  --NAME VALUE       the same, for any other NAME\n"
        "  --threads N        default 1; the image does not depend on it\n"
        "  --recipe-out FILE  the plain recipe with what was learned\n"
        "  --json             the report as one JSON object\n"
        "  --katib            then name=value lines, for collectors\n",
        mlopsctl_train
    },
    {
        "tune", "RECIPE ROWS.csv -o BEST.mlm [OPTION...]",
        "train with many settings, and keep the best",
        "Each trial trains the recipe with settings from its object tune, in\n"
        "a process of its own; it is judged by a metric of the part tune of\n"
        "the rows, never by the gate.  Prints name=value lines.\n"
        "\n"
        "  -o BEST.mlm         the image of the best trial\n"
        "  --trials N          at most so many; default 12\n"
        "  --parallel N        at once; default 1\n"
        "  --goal METRIC=VALUE stop when it is reached; METRIC alone chooses\n"
        "                      the metric; default: the recipe's first\n"
        "  --search grid|random\n"
        "                      default: random, without a combination twice\n"
        "  --seed N            of a random search; default 1\n"
        "  --max-failed N      so many trials may fail; default 3\n"
        "  --state DIR         keeps what is done: the same command goes on\n"
        "                      after it was killed\n"
        "  --set NAME=VALUE    for all trials, as train takes it\n"
        "  --NAME VALUE        the same, for any other NAME\n"
        "  --threads N         of a trial; default 1\n"
        "  --timeout TIME      of a trial, as 10m; --memory SIZE likewise\n",
        mlopsctl_tune
    },
    {
        "evaluate", "MODEL.mlm ROWS.csv [OPTION...]",
        "judge a model by rows, and compare it with another",
        "Prints the metrics of the model's recipe with intervals of 95 %.\n"
        "What the target is, and how the file is read, stands in the facts\n"
        "of a trained image.\n"
        "\n"
        "  --against OTHER.mlm     judge that one, too, and tell the mean\n"
        "                          difference of the losses of each row\n"
        "  --part PART             train, tune, calibrate or gate: the rows\n"
        "                          that training took for it; default: all\n"
        "  --slices A,B,...        metrics apart by the values of cells\n"
        "  --recipe RECIPE         a training recipe, for an image that was\n"
        "                          not trained, or other metrics\n"
        "  --output NAME           of the model; default: the cell that was\n"
        "                          judged in training, or \"prediction\"\n"
        "  --against-output NAME   of the other\n"
        "  --folder FOLDER         of files that the recipe names\n"
        "  --threads N             to read the file\n"
        "  --json                  one JSON object\n",
        mlopsctl_evaluate
    },
    {
        "reproduce", "MODEL.mlm ROWS.csv [--folder FOLDER] [--threads N] "
        "[--exec]",
        "train again, and compare bit by bit",
        "Trains by the recipe, the settings and the seed in the facts of the\n"
        "image, and compares.  Exits with 1 where they differ, and prints in\n"
        "what: the rows' digest, sections, the first step.\n"
        "\n"
        "  --folder FOLDER   of files that the recipe names; default: here\n"
        "  --threads N       the result does not depend on it\n"
        "  --exec            run the commands of steps with fit exec, which\n"
        "                    come out of the image\n",
        mlopsctl_reproduce
    },
    {
        "publish", "-r REGISTRY [-s STORE] NAME MODEL.mlm [--alias ALIAS] "
                   "[--note TEXT]",
        "add an image to the registry as the next version",
        "Loads the image as a server does, adds it and prints its version.\n"
        "The first version of a name becomes champion; otherwise an alias\n"
        "moves only where --alias says so.\n"
        "\n"
        "  -r REGISTRY        the directory; made where it is missing\n"
        "  -s STORE           then bring this store in step and ring its\n"
        "                     doorbell, for that model\n"
        "  --alias ALIAS      point this alias at the version\n"
        "  --note TEXT        goes into the log\n"
        "\n"
        "Exit code 1 after a version was printed: the registry has it, and\n"
        "the text on stderr says what did not follow.\n",
        mlopsctl_publish
    },
    {
        "alias", "-r REGISTRY [-s STORE] NAME ALIAS VERSION [--note TEXT]",
        "point an alias at a version",
        "Loads the version first, so that an alias never points at what does\n"
        "not serve.  Prints the version.  -r, -s and --note as for publish.\n",
        mlopsctl_alias
    },
    {
        "rollback", "-r REGISTRY [-s STORE] NAME [ALIAS]",
        "point an alias at the version before",
        "The previous distinct version in the log; repeated, further back.\n"
        "ALIAS is champion unless named.  Prints the version.  -r and -s as\n"
        "for publish.\n",
        mlopsctl_rollback
    },
    {
        "list", "-r REGISTRY [NAME] [--json]",
        "list models, versions and aliases",
        "One row for each version: model, version, aliases (with commas),\n"
        "bytes, published, user, digest; divided by tabs, a row of names\n"
        "first.\n"
        "\n"
        "  --json       one JSON array of objects\n",
        mlopsctl_list
    },
    {
        "log", "-r REGISTRY NAME [--json]",
        "show what happened to a model, and who did it",
        "One row for each line of the log, oldest first: time, op, version,\n"
        "alias, from, user, digest, note; divided by tabs, a row of names\n"
        "first.\n"
        "\n"
        "  --json       one JSON array, with all members of the lines\n",
        mlopsctl_log
    },
    {
        "sync", "-r REGISTRY -s STORE [NAME] [--create [--size BYTES]]",
        "bring a store in step with the registry",
        "For one model, or all of them: copies the images that aliases need,\n"
        "moves links, rings the doorbell, removes the rest.  Prints changed\n"
        "or unchanged.\n"
        "\n"
        "  --create       make the store where it is missing; nginx does so\n"
        "                 by itself\n"
        "  --size BYTES   its limit; k, m and g are understood.  Without it\n"
        "                 a store that is there keeps its own\n",
        mlopsctl_sync
    },
    {
        "history", "VIEW --as-of ROWS.csv -s STORE|-p PLAN [EVENTS...]",
        "print features as they were at moments of the past",
        "ROWS.csv has a header that names the view's entity and its event\n"
        "time; each row is printed as it is, with the features at its time\n"
        "behind it, from all events before that time: empty where there was\n"
        "no value.  Events come from the view's offline log, or from the\n"
        "files EVENTS: JSON lines, or CSV where the name ends in .csv.\n"
        "\n"
        "  --as-of ROWS.csv   the rows\n"
        "  -s STORE           take the plan of this store\n"
        "  -p PLAN            take this plan.json\n",
        mlopsctl_history
    },
    {
        "backfill", "VIEW --cut TIME -s STORE|-p PLAN FILE|TOPIC",
        "fill the state of a view with events before a time",
        "Reads events before the cut, leaves the view's tables (with -s) and\n"
        "a checkpoint, which replaces the one there is; mlops-features then\n"
        "takes events from the cut on.  No worker may be at work on the\n"
        "view.\n"
        "\n"
        "  FILE         JSON lines, or CSV where the name ends in .csv; -\n"
        "               is the standard input\n"
        "  TOPIC        of the view's cluster: all there is at the start\n"
        "  --cut TIME   RFC 3339, or microseconds since 1970\n"
        "  -s STORE     the store: its plan.json, its tables\n"
        "  -p PLAN      another plan.json\n",
        mlopsctl_backfill
    },
    {
        "table", "dump|get|load VIEW [KEY|FILE.csv] -s STORE [-p PLAN] "
                 "[--canonical] [--json] [--as-of T]",
        "show or load the feature tables of a view",
        "  dump VIEW            all entities of all shards, sorted by key:\n"
        "                       TSV, or with --json one array.  What is\n"
        "                       older than the view's ttl is left out\n"
        "  get VIEW KEY         one entity: values, statuses, times\n"
        "  load VIEW FILE.csv   a CSV file becomes the tables of a batch\n"
        "                       view, all at once\n"
        "\n"
        "  -s STORE       where tables and plan.json are\n"
        "  -p PLAN        another plan.json; without -s the store is its\n"
        "  --canonical    lines to compare byte by byte: the key, NAME=VALUE\n"
        "                 of each column, partition, offset and time of the\n"
        "                 last event\n"
        "  --as-of T      read at this time, in microseconds since 1970,\n"
        "                 instead of now\n",
        mlopsctl_table
    },
    {
        "replay", "FILE TOPIC|URL [OPTION...]",
        "send the rows of a file to a topic, or as requests",
        "Each row of FILE becomes one JSON object: lines of JSON as they\n"
        "are, rows of CSV (the name ends in .csv) under the header's names.\n"
        "\n"
        "  --format csv|json  whatever the name ends in (\"-\" is the input)\n"
        "  -b BOOTSTRAP       the cluster's address; or the one of a plan:\n"
        "  -s STORE, -p PLAN  with --kafka NAME where it has several\n"
        "  --key FIELD        the record's key\n"
        "  --time FIELD       the record's timestamp, in --unit s, ms (the\n"
        "                     default), us or ns\n"
        "  --partition N      this one, in place of the key's\n"
        "  --interval S       seconds from row to row, or --rate N a second;\n"
        "                     as fast as it goes without\n"
        "  --cloudevents binary|structured --type TYPE [--source SOURCE]\n"
        "                     wrap the rows\n"
        "\n"
        "A URL (http://...) gets one POST for each row.  Prints how many\n"
        "were sent, how fast, and how many failed: exit code 1 where any\n"
        "did.\n",
        mlopsctl_replay
    }
};


static const mlopsctl_command_t  *mlopsctl_current;


static const mlopsctl_command_t *mlopsctl_find(const char *name);
static int mlopsctl_help(FILE *to);
static int mlopsctl_command_help(const mlopsctl_command_t *command);
static void mlopsctl_say(const char *fmt, va_list args);


int
main(int argc, char **argv)
{
    int          i;
    const char  *name;

    if (argc < 2) {
        (void) mlopsctl_help(stderr);
        return MLOPSCTL_USAGE;
    }

    name = argv[1];

    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        return mlopsctl_help(stdout);
    }

    if (strcmp(name, "help") == 0) {

        if (argc == 2) {
            return mlopsctl_help(stdout);
        }

        name = argv[2];
    }

    mlopsctl_current = mlopsctl_find(name);

    if (mlopsctl_current == NULL) {
        fprintf(stderr, "mlopsctl: there is no sub-command \"%s\"; "
                "\"mlopsctl --help\" lists them\n", name);
        return MLOPSCTL_USAGE;
    }

    if (name == argv[2]) {
        return mlopsctl_command_help(mlopsctl_current);
    }

    for (i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return mlopsctl_command_help(mlopsctl_current);
        }
    }

    return mlopsctl_current->handler(argc - 1, argv + 1);
}


static const mlopsctl_command_t *
mlopsctl_find(const char *name)
{
    size_t  i;

    for (i = 0; i < mlops_nitems(mlopsctl_commands); i++) {
        if (strcmp(mlopsctl_commands[i].name, name) == 0) {
            return &mlopsctl_commands[i];
        }
    }

    return NULL;
}


static int
mlopsctl_help(FILE *to)
{
    size_t  i;

    fprintf(to, "Usage: mlopsctl SUB-COMMAND ...\n\n");

    for (i = 0; i < mlops_nitems(mlopsctl_commands); i++) {
        fprintf(to, "  %-10s %s\n", mlopsctl_commands[i].name,
                mlopsctl_commands[i].summary);
    }

    fprintf(to, "\n\"mlopsctl SUB-COMMAND --help\" tells more.  Exit codes: "
            "0 done, 1 refused or\nfailed, 2 usage.\n");

    return mlopsctl_flush();
}


static int
mlopsctl_command_help(const mlopsctl_command_t *command)
{
    printf("Usage: mlopsctl %s %s\n\n%s", command->name, command->usage,
           command->help);

    return mlopsctl_flush();
}


static void
mlopsctl_say(const char *fmt, va_list args)
{
    fprintf(stderr, "mlopsctl %s: ", mlopsctl_current->name);
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
}


int
mlopsctl_failed(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    mlopsctl_say(fmt, args);
    va_end(args);

    return MLOPSCTL_FAILED;
}


int
mlopsctl_misused(const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    mlopsctl_say(fmt, args);
    va_end(args);

    fprintf(stderr, "Usage: mlopsctl %s %s\n", mlopsctl_current->name,
            mlopsctl_current->usage);

    return MLOPSCTL_USAGE;
}


int
mlopsctl_option(int argc, char **argv, const char *letters,
    const struct option *options)
{
    int  c, at;

    opterr = 0;
    at = optind;
    c = getopt_long(argc, argv, letters, options, NULL);

    if (c != '?') {
        return c;
    }

    /* getopt_long moves arguments: the one it stopped at is before optind */

    at = (optind > at) ? optind - 1 : at;

    if (at < argc) {
        (void) mlopsctl_misused("\"%s\" is not an option, or lacks its "
                                "value", argv[at]);
    }

    return c;
}


int
mlopsctl_model_open(mlopsctl_model_t *file, const char *path,
    mlops_err_t *err)
{
    if (mlops_file_map(&file->map, AT_FDCWD, path, MLOPS_IMAGE_MAX, 0,
                       (uid_t) -1, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    file->model = mlops_model_open(file->map.data, file->map.len, err);

    if (file->model == NULL) {
        mlops_file_unmap(&file->map);
        return mlops_err_prefix(err, "%s", path);
    }

    return MLOPS_OK;
}


void
mlopsctl_model_close(mlopsctl_model_t *file)
{
    mlops_model_destroy(file->model);
    mlops_file_unmap(&file->map);
}


int
mlopsctl_flush(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "mlopsctl: cannot write: %s\n", strerror(errno));
        return MLOPSCTL_FAILED;
    }

    return MLOPSCTL_DONE;
}
