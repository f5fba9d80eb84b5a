/*
 * mlopsctl evaluate: models judged on rows, and compared.
 */

#include "mlopsctl_learn.h"
#include "mlops_evaluate.h"

#include <math.h>


typedef struct {
    const char                *path;
    const char                *against;
    char                      *slices;
    const char               **names;
    int                        json;
    mlops_evaluate_options_t   options;
} mlopsctl_evaluate_t;


static int mlopsctl_evaluate_arguments(mlopsctl_evaluate_t *in, int argc,
    char **argv);
static int mlopsctl_evaluate_slices(mlopsctl_evaluate_t *in,
    const char *text);
static int mlopsctl_evaluate_run(mlopsctl_evaluate_t *in);
static void mlopsctl_evaluate_print(const mlopsctl_evaluate_t *in,
    const mlops_evaluated_t *evaluated);
static void mlopsctl_evaluate_score(const char *name,
    const mlops_learn_score_t *score);
static void mlopsctl_evaluate_difference(const mlopsctl_evaluate_t *in,
    const mlops_evaluated_t *evaluated, const mlops_difference_t *difference);
static void mlopsctl_evaluate_verdict(const mlopsctl_evaluate_t *in,
    const mlops_evaluated_t *evaluated, const mlops_metric_value_t *value);
static void mlopsctl_evaluate_json(const mlops_evaluated_t *evaluated);
static void mlopsctl_evaluate_json_score(const char *name,
    const mlops_learn_score_t *score);


int
mlopsctl_evaluate(int argc, char **argv)
{
    int                  rc;
    mlops_err_t          err;
    mlopsctl_model_t     model, against;
    mlopsctl_evaluate_t  in;

    memset(&in, 0, sizeof(in));

    rc = mlopsctl_evaluate_arguments(&in, argc, argv);

    if (rc != MLOPSCTL_DONE) {
        free(in.slices);
        free(in.names);
        return rc;
    }

    if (mlopsctl_model_open(&model, in.path, &err) != MLOPS_OK) {
        rc = mlopsctl_failed("%s", err.text);

    } else {
        in.options.model = model.model;

        if (in.against != NULL
            && mlopsctl_model_open(&against, in.against, &err) != MLOPS_OK)
        {
            rc = mlopsctl_failed("%s", err.text);

        } else {
            in.options.against = in.against ? against.model : NULL;
            rc = mlopsctl_evaluate_run(&in);

            if (in.against != NULL) {
                mlopsctl_model_close(&against);
            }
        }

        mlopsctl_model_close(&model);
    }

    free(in.slices);
    free(in.names);

    return rc;
}


static int
mlopsctl_evaluate_arguments(mlopsctl_evaluate_t *in, int argc, char **argv)
{
    int                         c, rc;
    static const struct option  options[] = {
        { "against", required_argument, NULL, 'a' },
        { "recipe", required_argument, NULL, 'r' },
        { "folder", required_argument, NULL, 'f' },
        { "part", required_argument, NULL, 'p' },
        { "output", required_argument, NULL, 'o' },
        { "against-output", required_argument, NULL, 'O' },
        { "slices", required_argument, NULL, 's' },
        { "threads", required_argument, NULL, 't' },
        { "json", no_argument, NULL, 'j' },
        { NULL, 0, NULL, 0 }
    };

    in->options.folder = ".";

    while ((c = mlopsctl_option(argc, argv, "", options)) != -1) {
        rc = MLOPSCTL_DONE;

        switch (c) {

        case 'a':
            in->against = optarg;
            break;

        case 'r':
            in->options.recipe = optarg;
            break;

        case 'f':
            in->options.folder = optarg;
            break;

        case 'p':
            in->options.part = optarg;
            break;

        case 'o':
            in->options.output = optarg;
            break;

        case 'O':
            in->options.against_output = optarg;
            break;

        case 's':

            if (mlopsctl_evaluate_slices(in, optarg) != MLOPS_OK) {
                return mlopsctl_failed("out of memory");
            }

            break;

        case 't':
            rc = mlopsctl_threads(optarg, &in->options.threads);
            break;

        case 'j':
            in->json = 1;
            break;

        default:
            return MLOPSCTL_USAGE;
        }

        if (rc != MLOPSCTL_DONE) {
            return rc;
        }
    }

    return mlopsctl_places(argc, argv, "a model image", &in->path,
                           &in->options.rows);
}


/* Names with commas between, and those of the option before; they stay in the
 * copy. */

static int
mlopsctl_evaluate_slices(mlopsctl_evaluate_t *in, const char *text)
{
    char       *p, *rest, *all;
    size_t      size;
    uint32_t    i, n;

    size = strlen(text) + 1;

    for (i = 0; i < in->options.slices_n; i++) {
        size += strlen(in->names[i]) + 1;
    }

    all = malloc(size);
    if (all == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0, p = all; i < in->options.slices_n; i++) {
        p = stpcpy(p, in->names[i]);
        *p++ = ',';
    }

    (void) stpcpy(p, text);

    free(in->slices);
    free(in->names);

    in->slices = all;
    in->names = calloc(size, sizeof(char *));
    in->options.slices_n = 0;

    if (in->names == NULL) {
        return MLOPS_ERROR;
    }

    n = 0;

    for (p = strtok_r(in->slices, ",", &rest); p != NULL;
         p = strtok_r(NULL, ",", &rest))
    {
        in->names[n++] = p;
    }

    in->options.slices = in->names;
    in->options.slices_n = n;

    return MLOPS_OK;
}


static int
mlopsctl_evaluate_run(mlopsctl_evaluate_t *in)
{
    mlops_err_t        err;
    mlops_evaluated_t  evaluated;

    if (mlops_evaluate(&in->options, &evaluated, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    if (in->json) {
        mlopsctl_evaluate_json(&evaluated);

    } else {
        mlopsctl_evaluate_print(in, &evaluated);
    }

    mlops_evaluated_free(&evaluated);

    return mlopsctl_flush();
}


static void
mlopsctl_evaluate_print(const mlopsctl_evaluate_t *in,
    const mlops_evaluated_t *evaluated)
{
    uint32_t                       i, n;
    const char                    *notes[MLOPS_EVALUATE_NOTES];
    const mlops_evaluated_part_t  *part;

    printf("rows       %llu of %llu judged\n",
           (unsigned long long) evaluated->judged_n,
           (unsigned long long) evaluated->rows_n);

    n = mlops_evaluate_notes(evaluated, notes);

    for (i = 0; i < n; i++) {
        printf("note       %s\n", notes[i]);
    }

    for (i = 0; i < evaluated->parts_n; i++) {
        part = &evaluated->parts[i];

        if (i != 0) {
            printf("\n%s = %s, %llu rows\n", part->cell, part->value,
                   (unsigned long long) part->score.rows_n);
        }

        mlopsctl_evaluate_score(in->path, &part->score);

        if (evaluated->against) {
            mlopsctl_evaluate_score(in->against, &part->other);
        }

        if (evaluated->compared) {
            mlopsctl_evaluate_difference(in, evaluated, &part->difference);
        }
    }
}


static void
mlopsctl_evaluate_score(const char *name, const mlops_learn_score_t *score)
{
    printf("%-10s", name);
    mlopsctl_values_print(score);
}


static void
mlopsctl_evaluate_difference(const mlopsctl_evaluate_t *in,
    const mlops_evaluated_t *evaluated, const mlops_difference_t *difference)
{
    const mlops_metric_value_t  *value;

    value = &difference->value;

    if (isnan(value->lo)) {
        printf("difference  too few rows to tell\n");
        return;
    }

    printf("difference  ");
    mlopsctl_evaluate_verdict(in, evaluated, value);
    printf(": %s %+.4g (%+.4g to %+.4g)",
           mlops_evaluate_loss(difference->metric), value->value, value->lo,
           value->hi);

    if (!isnan(difference->relative)) {
        printf(", %+.2f %%", 100 * difference->relative);
    }

    printf("\n");
}


/* Losses: less is better.  Rows that one of the two has learned from tell
 * nothing; of those that it may have the line says so. */

static void
mlopsctl_evaluate_verdict(const mlopsctl_evaluate_t *in,
    const mlops_evaluated_t *evaluated, const mlops_metric_value_t *value)
{
    int                  made;
    const mlops_seen_t  *seen;

    seen = evaluated->seen;
    made = (seen[1] == MLOPS_SEEN_YES);

    if (made != (seen[0] == MLOPS_SEEN_YES)) {
        printf("cannot be told, as %s was made from these rows",
               made ? in->against : in->path);
        return;
    }

    if (value->hi < 0) {
        printf("%s is better than %s", in->path, in->against);

    } else if (value->lo > 0) {
        printf("%s is worse than %s", in->path, in->against);

    } else {
        printf("none is shown between %s and %s", in->path, in->against);
    }

    if (seen[0] == MLOPS_SEEN_UNKNOWN && seen[1] == MLOPS_SEEN_UNKNOWN) {
        printf(", if neither was made from any of these rows");

    } else if (seen[0] == MLOPS_SEEN_UNKNOWN
               || seen[1] == MLOPS_SEEN_UNKNOWN)
    {
        printf(", if %s was not made from any of these rows",
               (seen[0] == MLOPS_SEEN_UNKNOWN) ? in->path : in->against);
    }
}


static void
mlopsctl_evaluate_json(const mlops_evaluated_t *evaluated)
{
    uint32_t                       i, n;
    const char                    *notes[MLOPS_EVALUATE_NOTES];
    const mlops_evaluated_part_t  *part;

    static const char *const  seen[] = { "false", "true", "null" };

    printf("{\"rows\":%llu,\"judged\":%llu,\"seen\":%s",
           (unsigned long long) evaluated->rows_n,
           (unsigned long long) evaluated->judged_n,
           seen[evaluated->seen[0]]);

    if (evaluated->against) {
        printf(",\"against_seen\":%s", seen[evaluated->seen[1]]);
    }

    n = mlops_evaluate_notes(evaluated, notes);
    printf(",\"notes\":[");

    for (i = 0; i < n; i++) {
        printf("%s", i ? "," : "");
        mlopsctl_json_string(notes[i]);
    }

    printf("],\"parts\":[");

    for (i = 0; i < evaluated->parts_n; i++) {
        part = &evaluated->parts[i];
        printf("%s{", i ? "," : "");

        if (i != 0) {
            printf("\"slice\":");
            mlopsctl_json_string(part->cell);
            printf(",\"value\":");
            mlopsctl_json_string(part->value);
            printf(",");
        }

        printf("\"rows\":%llu", (unsigned long long) part->score.rows_n);
        mlopsctl_evaluate_json_score("model", &part->score);

        if (evaluated->against) {
            mlopsctl_evaluate_json_score("against", &part->other);
        }

        if (evaluated->compared) {
            printf(",\"difference\":{\"loss\":\"%s\",",
                   mlops_evaluate_loss(part->difference.metric));
            mlopsctl_json_value(&part->difference.value);
            printf(",\"relative\":");
            mlopsctl_json_number(part->difference.relative);
            printf("}");
        }

        printf("}");
    }

    printf("]}\n");
}


static void
mlopsctl_evaluate_json_score(const char *name,
    const mlops_learn_score_t *score)
{
    uint32_t  k;

    printf(",\"%s\":{", name);

    for (k = 0; k < score->metrics_n; k++) {
        printf("%s\"%s\":{", k ? "," : "",
               mlops_metric_name(score->metrics[k]));
        mlopsctl_json_value(&score->values[k]);
        printf("}");
    }

    printf("}");
}
