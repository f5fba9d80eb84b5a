/*
 * Least squares beside LAPACK.
 *
 *     bench_linear
 *
 * Two shapes: the rows of the housing model (16,512 x 8), where the whole
 * fit is timed, from columns in memory to the JSON of its steps; and 100,000
 * x 100, where the triangle is.  Beside them LAPACK's dgels (QR) and dgelsd
 * (what numpy.linalg.lstsq and scikit-learn call) of OpenBLAS, if it is
 * installed, with one thread; the copy of the matrix that they overwrite and
 * the column of the intercept are part of their time, as centring is of
 * ours.  Medians of processor time; the largest difference of a weight is
 * told.
 */

#include "bench.h"

#include "mlops_fit.h"
#include "mlops_simd.h"

#include <dlfcn.h>
#include <math.h>


#define BENCH_COLUMNS  128


typedef struct {
    const char  *name;
    uint64_t     rows;
    uint32_t     columns;
    int          rounds;
} bench_shape_t;


typedef struct {
    const bench_shape_t     *shape;
    double                  *columns[BENCH_COLUMNS];
    double                  *target;
    double                  *copy;          /* of LAPACK: with ones */
    double                  *right;
    double                   ours[BENCH_COLUMNS];
    double                   theirs[BENCH_COLUMNS];
} bench_data_t;


typedef void (*bench_gels_pt)(const char *trans, const int *m, const int *n,
    const int *nrhs, double *a, const int *lda, double *b, const int *ldb,
    double *work, const int *lwork, int *info);
typedef void (*bench_gelsd_pt)(const int *m, const int *n, const int *nrhs,
    double *a, const int *lda, double *b, const int *ldb, double *s,
    const double *rcond, int *rank, double *work, const int *lwork,
    int *iwork, int *info);


static const bench_shape_t  bench_shapes[] = {
    { "housing, 16,512 x 8", 16512, 8, 31 },
    { "100,000 x 100", 100000, 100, 5 }
};

static const char   bench_step[] =
    "{\"kind\":\"affine\",\"fit\":\"linear\",\"inputs\":[],"
    "\"outputs\":[\"y\"]}";

static char         bench_names[BENCH_COLUMNS][8];
static mlops_str_t  bench_output = mlops_str("y");


static void
bench_fill(bench_data_t *data, const bench_shape_t *shape)
{
    uint32_t  j;
    uint64_t  i, state;

    state = 42;
    data->shape = shape;
    data->target = bench_alloc(shape->rows * sizeof(double));
    data->right = bench_alloc(shape->rows * sizeof(double));
    data->copy = bench_alloc(shape->rows * (shape->columns + 1)
                             * sizeof(double));

    for (j = 0; j < shape->columns; j++) {
        data->columns[j] = bench_alloc(shape->rows * sizeof(double));

        for (i = 0; i < shape->rows; i++) {
            data->columns[j][i] = 3 + j + bench_number(&state);
            data->target[i] += (j % 7 - 3.0) * data->columns[j][i];
        }
    }

    for (i = 0; i < shape->rows; i++) {
        data->target[i] += bench_number(&state);
    }
}


static void
bench_free(bench_data_t *data)
{
    uint32_t  j;

    for (j = 0; j < data->shape->columns; j++) {
        free(data->columns[j]);
    }

    free(data->target);
    free(data->right);
    free(data->copy);
}


/* The fitter itself; seconds of the processor. */

static double
bench_ours(bench_data_t *data)
{
    int                     rc;
    double                  start;
    uint32_t                j;
    mlops_fit_t             fit;
    mlops_err_t             err;
    mlops_doc_t            *step, *w;
    mlops_str_t             kind = mlops_str("affine");
    mlops_str_t             name = mlops_str("linear");
    mlops_arena_t           arena;
    mlops_field_t           field;
    mlops_matrix_t          matrix;
    mlops_import_text_t     steps = { 0 }, report = { 0 };
    mlops_matrix_column_t   columns[BENCH_COLUMNS];

    memset(&matrix, 0, sizeof(matrix));
    memset(columns, 0, sizeof(columns));
    memset(&fit, 0, sizeof(fit));

    mlops_arena_init(&arena, NULL, NULL);
    mlops_field_init(&field, &arena, &err);

    for (j = 0; j < data->shape->columns; j++) {
        columns[j].name.data = bench_names[j];
        columns[j].name.len = strlen(bench_names[j]);
        columns[j].data = data->columns[j];
    }

    matrix.n = data->shape->rows;
    matrix.columns_n = data->shape->columns;
    matrix.columns = columns;
    matrix.target = data->target;

    fit.field = &field;
    fit.train = &matrix;
    fit.outputs = &bench_output;
    fit.outputs_n = 1;
    fit.steps = &steps;
    fit.report = &report;
    fit.step = mlops_doc_parse(bench_step, sizeof(bench_step) - 1, 0, &arena,
                               &err);

    start = bench_cpu_s();
    rc = fit.step ? mlops_fitter_find(&kind, &name)->run(&fit) : MLOPS_ERROR;
    start = bench_cpu_s() - start;

    step = rc == MLOPS_OK ? mlops_doc_parse(steps.data, steps.len, 0, &arena,
                                            &err) : NULL;
    if (step == NULL) {
        fprintf(stderr, "bench_linear: %s\n", err.text);
        exit(1);
    }

    w = mlops_doc_get(step, "weights")->v.child;

    for (j = 0; w != NULL; w = w->next) {
        (void) mlops_doc_double(w, &data->ours[j++]);
    }

    free(steps.data);
    free(report.data);
    mlops_arena_destroy(&arena);

    return start;
}


static void
bench_copy(bench_data_t *data)
{
    uint32_t  j;
    uint64_t  i, n;

    n = data->shape->rows;

    for (j = 0; j < data->shape->columns; j++) {
        memcpy(data->copy + j * n, data->columns[j], n * sizeof(double));
    }

    for (i = 0; i < n; i++) {
        data->copy[j * n + i] = 1;
    }

    memcpy(data->right, data->target, n * sizeof(double));
}


static double
bench_gels(bench_data_t *data, bench_gels_pt gels)
{
    int      m, n, one, info, size;
    double   start, ask, *work;

    m = (int) data->shape->rows;
    n = (int) data->shape->columns + 1;
    one = 1;
    size = -1;

    gels("N", &m, &n, &one, data->copy, &m, data->right, &m, &ask, &size,
         &info);
    size = (int) ask;
    work = bench_alloc((size_t) size * sizeof(double));

    start = bench_cpu_s();
    bench_copy(data);
    gels("N", &m, &n, &one, data->copy, &m, data->right, &m, work, &size,
         &info);
    start = bench_cpu_s() - start;

    free(work);
    memcpy(data->theirs, data->right, (size_t) (n - 1) * sizeof(double));

    return info == 0 ? start : NAN;
}


static double
bench_gelsd(bench_data_t *data, bench_gelsd_pt gelsd)
{
    int      m, n, one, info, size, rank, *ints, ints_n;
    double   start, ask, *work, s[BENCH_COLUMNS + 1], rcond;

    m = (int) data->shape->rows;
    n = (int) data->shape->columns + 1;
    one = 1;
    size = -1;
    rcond = -1;

    gelsd(&m, &n, &one, data->copy, &m, data->right, &m, s, &rcond, &rank,
          &ask, &size, &ints_n, &info);
    size = (int) ask;
    work = bench_alloc((size_t) size * sizeof(double));
    ints = bench_alloc(((size_t) ints_n + 1) * sizeof(int));

    start = bench_cpu_s();
    bench_copy(data);
    gelsd(&m, &n, &one, data->copy, &m, data->right, &m, s, &rcond, &rank,
          work, &size, ints, &info);
    start = bench_cpu_s() - start;

    free(work);
    free(ints);

    return info == 0 ? start : NAN;
}


/* OpenBLAS, with one thread. */

static void *
bench_openblas(void)
{
    void         *library;
    void        (*threads)(int n);
    const char *(*core)(void);

    library = dlopen("libopenblas.so.0", RTLD_NOW|RTLD_LOCAL);
    if (library == NULL) {
        printf("OpenBLAS is not installed: nothing to compare with\n");
        return NULL;
    }

    *(void **) &threads = dlsym(library, "openblas_set_num_threads");
    *(void **) &core = dlsym(library, "openblas_get_corename");

    if (threads != NULL) {
        threads(1);
    }

    printf("OpenBLAS, core %s, one thread; ours: %s\n",
           core ? core() : "unknown", mlops_simd_name(mlops_simd_level()));

    return library;
}


static void
bench_run(const bench_shape_t *shape, void *library, int last)
{
    int              i;
    double           ours[64], qr[64], svd[64], worst, a, b, c;
    uint32_t         j;
    bench_data_t     data;
    bench_gels_pt    gels = NULL;
    bench_gelsd_pt   gelsd = NULL;

    memset(&data, 0, sizeof(data));
    bench_fill(&data, shape);

    if (library != NULL) {
        *(void **) &gels = dlsym(library, "dgels_");
        *(void **) &gelsd = dlsym(library, "dgelsd_");
    }

    for (i = 0; i < shape->rounds; i++) {
        ours[i] = bench_ours(&data);
        qr[i] = gels ? bench_gels(&data, gels) : NAN;
        svd[i] = gelsd ? bench_gelsd(&data, gelsd) : NAN;
    }

    a = bench_median(ours, (size_t) shape->rounds) * 1e3;

    if (gels == NULL || gelsd == NULL) {
        printf("%-22s %9.2f ms\n", shape->name, a);
        bench_free(&data);
        return;
    }

    b = bench_median(qr, (size_t) shape->rounds) * 1e3;
    c = bench_median(svd, (size_t) shape->rounds) * 1e3;

    for (j = 0, worst = 0; j < shape->columns; j++) {
        worst = fmax(worst, fabs(data.ours[j] - data.theirs[j]));
    }

    printf("%-22s %9.2f ms   dgels %9.2f ms (%.2fx)   dgelsd %9.2f ms "
           "(%.2fx)   differ by %.1e\n", shape->name, a, b, b / a, c, c / a,
           worst);

    if (!last) {
        printf("| least squares, %s, from columns to weights, against "
               "OpenBLAS' dgels, one thread | %.2f ms | %.2f ms | %.2f | "
               "50 ms | |\n", shape->name, a, b, b / a);

    } else {
        printf("| the same, %s | %.0f ms | %.0f ms | %.2f | 1 | |\n",
               shape->name, a, b, b / a);
    }

    bench_free(&data);
}


int
main(void)
{
    size_t     i;
    void      *library;

    for (i = 0; i < BENCH_COLUMNS; i++) {
        snprintf(bench_names[i], sizeof(bench_names[i]), "x%zu", i);
    }

    library = bench_openblas();

    for (i = 0; i < mlops_nitems(bench_shapes); i++) {
        bench_run(&bench_shapes[i], library,
                  i + 1 == mlops_nitems(bench_shapes));
    }

    return 0;
}
