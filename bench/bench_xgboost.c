/*
 * One row, one thread: mlops_model_eval against in-place prediction of the
 * XGBoost library that is installed, on the same model and rows.
 *
 *     bench_xgboost [MODEL.json [LIBXGBOOST.so]]
 *
 * The rows are those of MODEL.rows.csv, a header line and feature values
 * first.  Without arguments the model is perf_500x6_28.json of the golden
 * files, or the deep_28.json that bench/make_models.py makes.  Answers are
 * compared bit by bit before anything is timed.  Both take turns, a few
 * thousand calls each; printed is the median of all calls, the clock's own
 * time (some 30 ns) included.
 */

#include "xgboost.h"

#include "mlops_import.h"
#include "mlops_model.h"

#include <math.h>
#include <unistd.h>


#define BENCH_ROWS    4096
#define BENCH_ROUNDS  9
#define BENCH_PATH    1024


typedef struct {
    uint32_t       features_n;
    uint32_t       n;
    float         *values;
    mlops_cell_t  *cells;
    uint64_t      *present;
    uint32_t       words;
    char         (*text)[160];          /* array interfaces */
} bench_rows_t;


static const char  bench_config[] =
    "{\"type\":0,\"training\":false,\"iteration_begin\":0,"
    "\"iteration_end\":0,\"strict_shape\":false,\"cache_id\":0,"
    "\"missing\":NaN}";


static bench_handle_t
bench_booster(const bench_library_t *library, const char *path)
{
    bench_handle_t  booster;

    if (library->create(NULL, 0, &booster) != 0
        || library->load(booster, path) != 0
        || library->set(booster, "nthread", "1") != 0)
    {
        bench_fail(path, library->error());
    }

    return booster;
}


static const char *
bench_find_model(char *path)
{
    const char  *dir;

    dir = getenv("MLOPS_DATA");
    snprintf(path, BENCH_PATH, "%s/../golden/perf_500x6_28.json",
             dir != NULL && dir[0] != '\0' ? dir : "../shared/data");

    if (access(path, R_OK) == 0) {
        return path;
    }

    dir = getenv("BUILD");
    snprintf(path, BENCH_PATH, "%s/bench/models/deep_28.json",
             dir != NULL && dir[0] != '\0' ? dir : "build");

    return path;
}


/* The rows of the file again and again, as all forms that are timed. */

static void
bench_rows(bench_rows_t *rows, const char *model)
{
    char      path[BENCH_PATH + 16], line[65536], *p, *end;
    FILE     *file;
    float    *value;
    uint32_t  f, r, n;

    snprintf(path, sizeof(path), "%.*s.rows.csv",
             (int) (strlen(model) - strlen(".json")), model);

    file = fopen(path, "r");

    if (file == NULL || fgets(line, sizeof(line), file) == NULL) {
        bench_fail(path, "cannot be read");
    }

    rows->words = mlops_row_words(rows->features_n);
    rows->values = bench_alloc((size_t) BENCH_ROWS * rows->features_n
                               * sizeof(*rows->values));
    rows->cells = bench_alloc((size_t) BENCH_ROWS * rows->features_n
                              * sizeof(*rows->cells));
    rows->present = bench_alloc((size_t) BENCH_ROWS * rows->words
                                * sizeof(*rows->present));
    rows->text = bench_alloc(BENCH_ROWS * sizeof(*rows->text));

    for (n = 0; n < BENCH_ROWS && fgets(line, sizeof(line), file); n++) {
        p = line;

        for (f = 0; f < rows->features_n; f++) {
            value = &rows->values[(size_t) n * rows->features_n + f];
            *value = strtof(p, &end);

            if (end == p) {
                *value = NAN;
            }

            if (*end != ',' && f + 1 < rows->features_n) {
                bench_fail(path, "a row is too short");
            }

            p = end + 1;
        }
    }

    fclose(file);

    if (n == 0) {
        bench_fail(path, "no rows");
    }

    rows->n = n;

    for (r = n; r < BENCH_ROWS; r++) {
        memcpy(rows->values + (size_t) r * rows->features_n,
               rows->values + (size_t) (r % n) * rows->features_n,
               rows->features_n * sizeof(*rows->values));
    }

    for (r = 0; r < BENCH_ROWS; r++) {
        value = rows->values + (size_t) r * rows->features_n;

        for (f = 0; f < rows->features_n; f++) {
            if (!isnan(value[f])) {
                rows->cells[(size_t) r * rows->features_n + f].f = value[f];
                mlops_bit_set(rows->present + (size_t) r * rows->words, f);
            }
        }

        snprintf(rows->text[r], sizeof(rows->text[r]),
                 "{\"data\":[%llu,true],\"shape\":[1,%u],"
                 "\"typestr\":\"<f4\",\"version\":3}",
                 (unsigned long long) (uintptr_t) value, rows->features_n);
    }
}


static float
bench_theirs(const bench_library_t *library, bench_handle_t booster,
    const bench_rows_t *rows, uint32_t r)
{
    uint64_t         dim;
    const float     *result;
    const uint64_t  *shape;

    if (library->predict_dense(booster, rows->text[r], bench_config, NULL,
                               &shape, &dim, &result)
        != 0)
    {
        bench_fail("XGBoosterPredictFromDense", library->error());
    }

    return result[0];
}


static float
bench_ours(const mlops_model_t *model, const bench_rows_t *rows, uint32_t r,
    void *scratch, mlops_cell_t *out)
{
    mlops_model_eval(model, 0, rows->cells + (size_t) r * rows->features_n,
                     rows->present + (size_t) r * rows->words, NULL, scratch,
                     out, NULL);

    return (float) out[0].f;
}


int
main(int argc, char **argv)
{
    int                     version[3];
    char                    buf[BENCH_PATH];
    void                   *image, *scratch;
    float                   a, b;
    double                  start, our_ns, their_ns;
    double                 *ours, *theirs;
    size_t                  len;
    uint32_t                i, r, equal;
    const char             *path;
    mlops_err_t             err;
    bench_rows_t            rows;
    mlops_cell_t           *out;
    mlops_model_t          *model;
    bench_handle_t          booster;
    bench_library_t         library;
    mlops_import_report_t   report;

    path = argc > 1 ? argv[1] : bench_find_model(buf);

    bench_find_library(&library, argc > 2 ? argv[2] : NULL);
    booster = bench_booster(&library, path);
    library.version(&version[0], &version[1], &version[2]);

    if (mlops_import_file(path, NULL, &image, &len, &report, &err)
        != MLOPS_OK)
    {
        bench_fail("import", err.text);
    }

    model = mlops_model_open(image, len, &err);

    if (model == NULL) {
        bench_fail(path, err.text);
    }

    memset(&rows, 0, sizeof(rows));

    rows.features_n = mlops_model_interface(model)->signatures[0].inputs.n;
    bench_rows(&rows, path);

    scratch = bench_alloc(mlops_model_scratch_size(model));
    out = bench_alloc(mlops_model_interface(model)->signatures[0].cells_n
                      * sizeof(*out));
    ours = bench_alloc(BENCH_ROUNDS * BENCH_ROWS * sizeof(*ours));
    theirs = bench_alloc(BENCH_ROUNDS * BENCH_ROWS * sizeof(*theirs));
    equal = 0;

    for (r = 0; r < rows.n; r++) {
        a = bench_ours(model, &rows, r, scratch, out);
        b = bench_theirs(&library, booster, &rows, r);

        equal += memcmp(&a, &b, sizeof(a)) == 0;
    }

    printf("%s\n%u of %u answers have the same bits\n", report.what, equal,
           rows.n);

    if (equal != rows.n) {
        bench_fail(path, "answers differ");
    }

    for (i = 0; i < BENCH_ROUNDS; i++) {

        for (r = 0; r < BENCH_ROWS; r++) {
            start = bench_now_ns();
            (void) bench_ours(model, &rows, r, scratch, out);
            ours[i * BENCH_ROWS + r] = bench_now_ns() - start;
        }

        for (r = 0; r < BENCH_ROWS; r++) {
            start = bench_now_ns();
            (void) bench_theirs(&library, booster, &rows, r);
            theirs[i * BENCH_ROWS + r] = bench_now_ns() - start;
        }
    }

    our_ns = bench_median(ours, BENCH_ROUNDS * BENCH_ROWS);
    their_ns = bench_median(theirs, BENCH_ROUNDS * BENCH_ROWS);

    printf("%-10s %9s\n%-10s %9.0f\n%-10s %9.0f\nratio      %9.1f\n", "",
           "ns a row", "ngx_mlops", our_ns, "xgboost", their_ns,
           their_ns / our_ns);
    printf("| single row, %u features, XGBoost %d.%d.%d in place "
           "| %.2f µs | %.2f µs | %.1f× | 5× | 15× |\n", rows.features_n,
           version[0], version[1], version[2], our_ns / 1000,
           their_ns / 1000, their_ns / our_ns);

    mlops_model_destroy(model);
    free(image);
    free(scratch);
    free(out);
    free(ours);
    free(theirs);
    free(rows.values);
    free(rows.cells);
    free(rows.present);
    free(rows.text);

    return 0;
}
