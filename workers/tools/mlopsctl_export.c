/*
 * mlopsctl export: from a model image to a model file.
 */

#include "mlopsctl.h"
#include "mlops_export.h"


typedef struct {
    const char              *from;
    const char              *to;
    const char              *format;
    const char              *out;
    mlops_export_options_t   export;
} mlopsctl_export_t;


static int mlopsctl_export_options(mlopsctl_export_t *ex, int argc,
    char **argv);
static int mlopsctl_export_apart(const mlopsctl_export_t *ex);
static int mlopsctl_export_format(mlopsctl_export_t *ex);


int
mlopsctl_export(int argc, char **argv)
{
    int                     rc;
    char                   *data;
    size_t                  len;
    mlops_err_t             err;
    mlopsctl_model_t        file;
    mlopsctl_export_t       ex;
    mlops_export_report_t   report;

    memset(&ex, 0, sizeof(ex));

    rc = mlopsctl_export_options(&ex, argc, argv);

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_export_apart(&ex);
    }

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    if (mlopsctl_model_open(&file, ex.from, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    rc = (strcmp(ex.format, "recipe") == 0)
         ? mlops_export_recipe(file.model, &data, &len, &report, &err)
         : mlops_export_xgboost(file.model, &ex.export, &data, &len, &report,
                                &err);

    mlopsctl_model_close(&file);

    if (rc != MLOPS_OK) {
        return mlopsctl_failed("%s: %s", ex.from, err.text);
    }

    if (strcmp(ex.out, "-") == 0) {
        (void) fwrite(data, 1, len, stdout);
        rc = mlopsctl_flush();

    } else if (mlopsctl_write(ex.out, data, len, 0644, &err) != MLOPS_OK) {
        rc = mlopsctl_failed("%s", err.text);

    } else {
        printf("%s: %s, %zu bytes, %u golden rows agree\n", ex.out,
               report.what, len, report.rows_n);
        rc = mlopsctl_flush();
    }

    if (rc == MLOPSCTL_DONE && report.categories[0] != '\0') {
        (void) mlopsctl_failed("warning: %s", report.categories);
    }

    if (rc == MLOPSCTL_DONE && report.names[0] != '\0') {
        (void) mlopsctl_failed("warning: %s", report.names);
    }

    free(data);

    return rc;
}


static int
mlopsctl_export_options(mlopsctl_export_t *ex, int argc, char **argv)
{
    int                         c;
    static const struct option  options[] = {
        { "to", required_argument, NULL, 't' },
        { "format", required_argument, NULL, 'f' },
        { "signature", required_argument, NULL, 's' },
        { "output", required_argument, NULL, 'O' },
        { NULL, 0, NULL, 0 }
    };

    while ((c = mlopsctl_option(argc, argv, "o:", options)) != -1) {

        switch (c) {

        case 't':
            ex->to = optarg;
            break;

        case 'f':
            ex->format = optarg;
            break;

        case 'o':
            ex->out = optarg;
            break;

        case 's':
            ex->export.signature = optarg;
            break;

        case 'O':
            ex->export.output = optarg;
            break;

        default:
            return MLOPSCTL_USAGE;
        }
    }

    if (optind + 1 != argc) {
        return mlopsctl_misused("expected one image to export");
    }

    ex->from = argv[optind];

    return mlopsctl_export_format(ex);
}


static int
mlopsctl_export_apart(const mlopsctl_export_t *ex)
{
    mlops_apart_t  files[] = {
        { ex->from, "the image", 0, 0 },
        { strcmp(ex->out, "-") == 0 ? NULL : ex->out, "-o", 1, 0 }
    };

    return mlopsctl_apart(files, mlops_nitems(files));
}


/* Told by --format, or by the last part of --to. */

static int
mlopsctl_export_format(mlopsctl_export_t *ex)
{
    const char  *name;

    if (ex->to == NULL) {
        return mlopsctl_misused("expected --to xgboost.json or --to "
                                "recipe.json");
    }

    name = strrchr(ex->to, '/');
    name = name ? name + 1 : ex->to;

    if (ex->format == NULL) {
        ex->format = strstr(name, "xgboost") ? "xgboost"
                     : strstr(name, "recipe") ? "recipe" : "";
    }

    if (strcmp(ex->format, "xgboost") != 0
        && strcmp(ex->format, "recipe") != 0)
    {
        return mlopsctl_misused("expected a format, xgboost or recipe, in the "
                                "file's name or by --format, got \"%s\"",
                                ex->format[0] != '\0' ? ex->format : name);
    }

    if (strcmp(ex->format, "recipe") == 0
        && (ex->export.signature != NULL || ex->export.output != NULL))
    {
        return mlopsctl_misused("a recipe has all signatures and outputs");
    }

    if (ex->out == NULL) {
        ex->out = ex->to;
    }

    return MLOPSCTL_DONE;
}
