/*
 * Boosted trees from a float matrix to a forest, one thread, binning
 * included, against XGBoost's hist of the library that is installed.
 *
 *     bench_gbdt [LIBXGBOOST.so]
 *         a synthetic million rows of 28 features, 100 trees of 31 leaves
 *         and 50 of 255; loss is that of 100,000 other rows
 *
 *     bench_gbdt FILE rows=N columns=N [test=N] [trees=N] [leaves=N] …
 *         rows of one's own: float32, column after column, the target last;
 *         the last test rows are held out, their margins go to FILE.margins
 *         as float32.  Prints seconds of processor time.
 *
 * BENCH_ROWS says another number of synthetic rows.
 */

#include "xgboost.h"

#include "mlops_gbdt.h"
#include "mlops_trees.h"
#include "mlops_simd.h"

#include <math.h>


#define BENCH_COLUMNS  28
#define BENCH_TEST     100000


typedef struct {
    uint32_t                rows;       /* for training; test come behind */
    uint32_t                test;
    uint32_t                columns;
    float                  *values;     /* by columns, then the target */
    double                 *target;
    mlops_matrix_column_t  *list;
} bench_data_t;


/* Sum of twelve uniforms, less their mean: about normal. */

static float
bench_normal(uint64_t *state)
{
    int     i;
    double  sum;

    sum = 0;

    for (i = 0; i < 12; i++) {
        sum += bench_number(state);
    }

    return (float) (sum / 2);
}


static void
bench_views(bench_data_t *data)
{
    size_t    all;
    uint32_t  c, r;

    all = (size_t) data->rows + data->test;
    data->list = bench_alloc(data->columns * sizeof(*data->list));
    data->target = bench_alloc(all * sizeof(*data->target));

    for (c = 0; c < data->columns; c++) {
        data->list[c].name.data = "x";
        data->list[c].name.len = 1;
        data->list[c].kind = MLOPS_MATRIX_FLOAT;
        data->list[c].data = data->values + c * all;
    }

    for (r = 0; r < all; r++) {
        data->target[r] = (double) data->values[data->columns * all + r];
    }
}


/* Interactions, steps and a sine, so that trees have something to find; the
 * class is drawn. */

static void
bench_synthetic(bench_data_t *data, uint32_t rows)
{
    float     *x[BENCH_COLUMNS + 1];
    double     z;
    size_t     all;
    uint32_t   c, r;
    uint64_t   state;

    data->rows = rows;
    data->test = BENCH_TEST;
    data->columns = BENCH_COLUMNS;

    all = (size_t) rows + data->test;
    data->values = bench_alloc((BENCH_COLUMNS + 1) * all * sizeof(float));
    state = 88172645463325252ull;

    for (c = 0; c <= BENCH_COLUMNS; c++) {
        x[c] = data->values + c * all;
    }

    for (r = 0; r < all; r++) {

        for (c = 0; c < BENCH_COLUMNS; c++) {
            x[c][r] = bench_normal(&state);
        }

        for (c = 20; c < BENCH_COLUMNS; c++) {
            x[c][r] = x[c][r] * x[c][r];
        }

        z = (double) x[0][r] * (0.5 + (x[1][r] > 0))
            + sin(2 * (double) x[2][r])
            + 0.5 * (double) x[3][r]
            + 0.7 * (x[4][r] > 0.3f) * (double) x[5][r]
            - 0.3 * (double) (x[20][r] * x[6][r])
            + 0.4 * fabs((double) x[7][r])
            - 0.5 * (double) x[21][r] * (x[8][r] < 0);

        x[BENCH_COLUMNS][r] = (bench_number(&state) + 1) / 2
                              < 1 / (1 + exp(-z));
    }

    bench_views(data);
}


static void
bench_read(bench_data_t *data, const char *path)
{
    FILE    *file;
    size_t   n;

    n = ((size_t) data->rows + data->test) * (data->columns + 1u);
    data->values = bench_alloc(n * sizeof(float));
    file = fopen(path, "rb");

    if (file == NULL || fread(data->values, sizeof(float), n, file) != n) {
        bench_fail(path, "expected rows x (columns + 1) float32 numbers");
    }

    (void) fclose(file);
    bench_views(data);
}


static double
bench_loss(const bench_data_t *data, const float *margins)
{
    double    m, y, loss;
    uint32_t  r;

    loss = 0;

    for (r = 0; r < data->test; r++) {
        m = (double) margins[r];
        y = data->target[data->rows + r];
        loss += (m > 0 ? m + log1p(exp(-m)) : log1p(exp(m))) - y * m;
    }

    return loss / data->test;
}


/* Margins of the held-out rows, by a production kernel. */

static void
bench_margins(const bench_data_t *data, const mlops_forest_t *forest,
    float *margins)
{
    void            *layout, *scratch;
    float           *x, *sums;
    size_t           len, all;
    uint32_t         r, c;
    mlops_err_t      err;
    mlops_trees_pt   kernel;

    if (mlops_forest_check(forest, &err) != MLOPS_OK
        || mlops_trees_build(forest, &layout, &len, &err) != MLOPS_OK)
    {
        bench_fail("trees", err.text);
    }

    all = (size_t) data->rows + data->test;
    kernel = mlops_trees_kernel(layout, mlops_simd_level());
    scratch = bench_alloc(mlops_trees_scratch(layout));
    x = bench_alloc(data->columns * sizeof(float));
    sums = bench_alloc(64);

    for (r = 0; r < data->test; r++) {

        for (c = 0; c < data->columns; c++) {
            x[c] = data->values[c * all + data->rows + r];
        }

        kernel(layout, x, sums, scratch);
        margins[r] = sums[0];
    }

    free(layout);
    free(scratch);
    free(x);
    free(sums);
}


static double
bench_ours(const bench_data_t *data, const mlops_gbdt_options_t *options,
    float *margins)
{
    double              start, took;
    mlops_err_t         err;
    mlops_matrix_t      matrix;
    mlops_gbdt_model_t  model;

    memset(&matrix, 0, sizeof(matrix));

    matrix.n = data->rows;
    matrix.columns_n = data->columns;
    matrix.columns = data->list;
    matrix.target = data->target;

    start = options->threads > 1 ? bench_now_ns() / 1e9 : bench_cpu_s();

    if (mlops_gbdt_train(&model, options, &matrix, NULL, &err) != MLOPS_OK) {
        bench_fail("train", err.text);
    }

    took = (options->threads > 1 ? bench_now_ns() / 1e9 : bench_cpu_s())
           - start;

    if (data->test > 0) {
        bench_margins(data, &model.forest, margins);
    }

    mlops_gbdt_free(&model);

    return took;
}


/* Its matrix is by rows, and made from one: that is not timed, its bins
 * are. */

static double
bench_theirs(const bench_library_t *library, const bench_data_t *data,
    uint32_t trees, uint32_t leaves, float *margins)
{
    char             text[32];
    float           *rows, *labels;
    double           start, took;
    size_t           all;
    uint32_t         r, c, i;
    uint64_t         n;
    const float     *result;
    bench_handle_t   train, test, booster;

    static const char *const  settings[][2] = {
        { "objective", "binary:logistic" }, { "tree_method", "hist" },
        { "grow_policy", "lossguide" }, { "max_depth", "0" },
        { "eta", "0.1" }, { "max_bin", "256" }, { "nthread", "1" },
        { "verbosity", "0" }
    };

    all = (size_t) data->rows + data->test;
    rows = bench_alloc(all * data->columns * sizeof(*rows));
    labels = data->values + data->columns * all;

    for (r = 0; r < all; r++) {
        for (c = 0; c < data->columns; c++) {
            rows[(size_t) r * data->columns + c] = data->values[c * all + r];
        }
    }

    if (library->matrix(rows, data->rows, data->columns, NAN, &train) != 0
        || library->info(train, "label", labels, data->rows) != 0
        || library->matrix(rows + (size_t) data->rows * data->columns,
                           data->test, data->columns, NAN, &test) != 0
        || library->create(&train, 1, &booster) != 0)
    {
        bench_fail("XGBoost", library->error());
    }

    for (i = 0; i < mlops_nitems(settings); i++) {
        (void) library->set(booster, settings[i][0], settings[i][1]);
    }

    (void) snprintf(text, sizeof(text), "%u", leaves);
    (void) library->set(booster, "max_leaves", text);

    start = bench_cpu_s();

    for (i = 0; i < trees; i++) {
        if (library->update(booster, (int) i, train) != 0) {
            bench_fail("XGBoost", library->error());
        }
    }

    took = bench_cpu_s() - start;

    if (library->predict(booster, test, 1, 0, 0, &n, &result) != 0
        || n != data->test)
    {
        bench_fail("XGBoost", library->error());
    }

    memcpy(margins, result, n * sizeof(*margins));

    (void) library->free_booster(booster);
    (void) library->free_matrix(train);
    (void) library->free_matrix(test);
    free(rows);

    return took;
}


static void
bench_option(mlops_gbdt_options_t *options, bench_data_t *data,
    const char *text)
{
    double       value;
    size_t       i, len;
    const char  *equals;

    const struct {
        const char  *name;
        uint32_t    *whole;
        double      *number;
    } keys[] = {
        { "rows", &data->rows, NULL }, { "columns", &data->columns, NULL },
        { "test", &data->test, NULL }, { "trees", &options->trees, NULL },
        { "leaves", &options->leaves, NULL },
        { "depth", &options->depth, NULL }, { "bins", &options->bins, NULL },
        { "threads", &options->threads, NULL },
        { "learning_rate", NULL, &options->learning_rate },
        { "l1", NULL, &options->l1 }, { "l2", NULL, &options->l2 },
        { "min_hessian", NULL, &options->min_hessian },
        { "min_gain", NULL, &options->min_gain },
        { "row_fraction", NULL, &options->row_fraction },
        { "column_fraction", NULL, &options->column_fraction },
        { "node_fraction", NULL, &options->node_fraction },
        { "quantile", NULL, &options->quantile },
        { "delta", NULL, &options->delta }
    };

    equals = strchr(text, '=');

    if (equals == NULL) {
        bench_fail(text, "expected name=value");
    }

    len = (size_t) (equals - text);

    if (strncmp(text, "objective", len) == 0) {

        for (i = 0; i < MLOPS_GBDT_OBJECTIVES; i++) {
            if (strcmp(mlops_gbdt_objective_name(i), equals + 1) == 0) {
                options->objective = i;
                return;
            }
        }

        bench_fail(text, "no such objective");
    }

    value = atof(equals + 1);

    if (strncmp(text, "min_rows", len) == 0) {
        options->min_rows = (uint64_t) value;
        return;
    }

    for (i = 0; i < mlops_nitems(keys); i++) {

        if (strlen(keys[i].name) != len
            || strncmp(keys[i].name, text, len) != 0)
        {
            continue;
        }

        if (keys[i].whole != NULL) {
            *keys[i].whole = (uint32_t) value;

        } else {
            *keys[i].number = value;
        }

        return;
    }

    bench_fail(text, "no such key");
}


static int
bench_file(int argc, char **argv)
{
    int                    i;
    char                   path[1024];
    FILE                  *file;
    float                 *margins;
    bench_data_t           data;
    mlops_gbdt_options_t   options;

    memset(&data, 0, sizeof(data));
    mlops_gbdt_defaults(&options);

    for (i = 2; i < argc; i++) {
        bench_option(&options, &data, argv[i]);
    }

    if (data.rows <= data.test || data.columns == 0) {
        bench_fail(argv[1], "expected rows=N columns=N, more rows than test");
    }

    data.rows -= data.test;
    bench_read(&data, argv[1]);

    margins = bench_alloc(data.test * sizeof(*margins));
    printf("%.3f\n", bench_ours(&data, &options, margins));

    (void) snprintf(path, sizeof(path), "%s.margins", argv[1]);
    file = fopen(path, "wb");

    if (file == NULL
        || fwrite(margins, sizeof(*margins), data.test, file) != data.test
        || fclose(file) != 0)
    {
        bench_fail(path, "cannot be written");
    }

    return 0;
}


int
main(int argc, char **argv)
{
    int                    version[3];
    float                 *margins;
    double                 ours, theirs, our_loss, their_loss;
    size_t                 i;
    uint32_t               rows;
    const char            *text;
    bench_data_t           data;
    bench_library_t        library;
    mlops_gbdt_options_t   options;

    static const uint32_t  shapes[][2] = { { 100, 31 }, { 50, 255 } };

    if (argc > 2) {
        return bench_file(argc, argv);
    }

    text = getenv("BENCH_ROWS");
    rows = text != NULL ? (uint32_t) atoi(text) : 1000000;

    bench_find_library(&library, argc > 1 ? argv[1] : NULL);
    library.version(&version[0], &version[1], &version[2]);

    bench_synthetic(&data, rows);
    margins = bench_alloc(data.test * sizeof(*margins));

    printf("%u rows x %u, one thread, seconds of processor time\n",
           data.rows, data.columns);
    printf("%-18s %9s %9s %9s %9s %6s\n", "", "ours", "loss",
           "XGBoost", "loss", "ratio");

    for (i = 0; i < mlops_nitems(shapes); i++) {
        mlops_gbdt_defaults(&options);

        options.objective = MLOPS_GBDT_LOGISTIC;
        options.trees = shapes[i][0];
        options.leaves = shapes[i][1];

        ours = bench_ours(&data, &options, margins);
        our_loss = bench_loss(&data, margins);

        theirs = bench_theirs(&library, &data, options.trees, options.leaves,
                              margins);
        their_loss = bench_loss(&data, margins);

        printf("%3u x %3u leaves   %9.2f %9.5f %9.2f %9.5f %6.2f\n",
               options.trees, options.leaves, ours, our_loss, theirs,
               their_loss, theirs / ours);
        printf("| boosted trees, %uM x %u, %u x %u leaves, XGBoost "
               "%d.%d.%d hist | %.2f s, loss %.5f | %.2f s, loss %.5f "
               "| %.2f× | 1.3× | level with LightGBM |\n",
               data.rows / 1000000, data.columns, options.trees,
               options.leaves, version[0], version[1], version[2], ours,
               our_loss, theirs, their_loss, theirs / ours);
    }

    free(margins);
    free(data.values);
    free(data.target);
    free(data.list);

    return 0;
}
