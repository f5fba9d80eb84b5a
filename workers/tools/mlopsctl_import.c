/*
 * mlopsctl import: from a model file or a recipe to a model image.
 */

#include "mlopsctl.h"
#include "mlops_import.h"


typedef struct {
    const char              *from;
    const char              *to;
    char                    *features;
    mlops_import_options_t   import;
} mlopsctl_import_t;


static int mlopsctl_import_options(mlopsctl_import_t *in, int argc,
    char **argv);
static int mlopsctl_import_features(mlopsctl_import_t *in);
static int mlopsctl_import_apart(const mlopsctl_import_t *in);


int
mlopsctl_import(int argc, char **argv)
{
    int                     rc;
    void                   *image;
    size_t                  len;
    mlops_err_t             err;
    mlopsctl_import_t       in;
    mlops_import_report_t   report;

    memset(&in, 0, sizeof(in));

    rc = mlopsctl_import_options(&in, argc, argv);

    in.import.image = in.to;

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_import_apart(&in);
    }

    if (rc == MLOPSCTL_DONE) {
        rc = mlopsctl_import_features(&in);
    }

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    image = NULL;

    if (mlops_import_file(in.from, &in.import, &image, &len, &report, &err)
        != MLOPS_OK
        || mlopsctl_write(in.to, image, len, 0444, &err) != MLOPS_OK)
    {
        rc = mlopsctl_failed("%s", err.text);

    } else {
        printf("%s: %s, %zu bytes\n", in.to, report.what, len);

        if (report.rows_n != 0) {
            printf("%u/%u rows bit-equal (%u answers each), worst difference "
                   "%g, %u golden rows\n", report.equal_n, report.rows_n,
                   report.compared_n, report.worst, report.golden_n);
        }

        if (report.reference_n != 0) {
            printf("reference: training ranges and histograms from %llu "
                   "rows\n", (unsigned long long) report.reference_n);
        }

        rc = mlopsctl_flush();
    }

    free(image);
    free(in.features);
    free((void *) in.import.features);

    return rc;
}


static int
mlopsctl_import_options(mlopsctl_import_t *in, int argc, char **argv)
{
    int                         c;
    mlops_str_t                 type;
    static const struct option  options[] = {
        { "name", required_argument, NULL, 'n' },
        { "rows", required_argument, NULL, 'r' },
        { "reference", required_argument, NULL, 'R' },
        { "features", required_argument, NULL, 'f' },
        { "iterations", required_argument, NULL, 'i' },
        { "outputs", required_argument, NULL, 'O' },
        { "type", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 }
    };

    while ((c = mlopsctl_option(argc, argv, "o:", options)) != -1) {

        switch (c) {

        case 'o':
            in->to = optarg;
            break;

        case 'n':
            in->import.name = optarg;
            break;

        case 'r':
            in->import.rows = optarg;
            break;

        case 'R':
            in->import.reference = optarg;
            break;

        case 'f':
            in->features = strdup(optarg);

            if (in->features == NULL) {
                return mlopsctl_failed("out of memory");
            }

            break;

        case 'i':
            in->import.iterations = optarg;
            break;

        case 'O':
            in->import.outputs = optarg;
            break;

        case 't':
            type.data = optarg;
            type.len = strlen(optarg);
            in->import.type = mlops_type_find(&type);

            if (in->import.type == MLOPS_TYPE_NONE
                || in->import.type == MLOPS_TYPE_BYTES)
            {
                return mlopsctl_misused("--type: expected FP32, FP64 or an "
                                        "integer type, got \"%s\"", optarg);
            }

            break;

        default:
            return MLOPSCTL_USAGE;
        }
    }

    if (optind + 1 != argc) {
        return mlopsctl_misused("expected one file to import");
    }

    if (in->to == NULL) {
        return mlopsctl_misused("expected -o and the image to write");
    }

    in->from = argv[optind];

    return MLOPSCTL_DONE;
}


static int
mlopsctl_import_apart(const mlopsctl_import_t *in)
{
    mlops_apart_t  files[] = {
        { in->from, "the model", 0, 0 },
        { in->import.rows, "--rows", 0, 0 },
        { in->import.reference, "--reference", 0, 0 },
        { in->to, "-o", 1, 0 }
    };

    return mlopsctl_apart(files, mlops_nitems(files));
}


/* Names with commas between. */

static int
mlopsctl_import_features(mlopsctl_import_t *in)
{
    char         *p, *comma;
    uint32_t      n;
    mlops_str_t  *names;

    if (in->features == NULL) {
        return MLOPSCTL_DONE;
    }

    for (n = 1, p = in->features; *p != '\0'; p++) {
        n += (*p == ',');
    }

    names = malloc(n * sizeof(mlops_str_t));
    if (names == NULL) {
        return mlopsctl_failed("out of memory");
    }

    for (n = 0, p = in->features; /* void */ ; p = comma + 1) {
        comma = strchrnul(p, ',');

        names[n].data = p;
        names[n].len = (size_t) (comma - p);
        n++;

        if (*comma == '\0') {
            break;
        }
    }

    in->import.features = names;
    in->import.features_n = n;

    return MLOPSCTL_DONE;
}
