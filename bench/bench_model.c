/*
 * Nanoseconds per evaluation of a whole model, and of the kernel in it
 * alone: the difference is what inputs, steps and outputs cost around it.
 *
 *     bench_model [rounds]
 *
 * The medians of many rounds, in which both ways alternate.
 */

#include "bench.h"

#include "mlops_build.h"
#include "mlops_clock.h"
#include "mlops_dense.h"
#include "mlops_model.h"
#include "mlops_simd.h"


#define BENCH_ROWS    256
#define BENCH_LAYERS  4


typedef struct {
    void             *image;
    mlops_model_t    *model;
    uint32_t          features_n;
    mlops_cell_t     *rows;         /* BENCH_ROWS of them */
    float            *floats;       /* the same, each padded to 16 */
    uint64_t         *present;
    void             *scratch;
    void             *kernel_scratch;
} bench_model_t;


typedef void (*bench_pass_pt)(const bench_model_t *m);


/* The layers of a net, as a kernel sees them. */

typedef struct {
    uint32_t        layers_n;
    uint32_t        sizes[BENCH_LAYERS];
    const float    *params[BENCH_LAYERS];
    float          *x[BENCH_LAYERS];
} bench_net_t;


static volatile double         bench_sink;
static const void             *bench_trees;
static mlops_trees_pt          bench_trees_kernel;
static bench_net_t             bench_net;
static mlops_dense_pt          bench_dense_kernel;


static uint32_t *
bench_inputs(mlops_builder_t *b, uint32_t n)
{
    char             name[16];
    uint32_t         i, *cells;
    mlops_column_t   column;

    cells = bench_alloc(n * sizeof(*cells));

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "f%u", i);
        memset(&column, 0, sizeof(column));
        column.name.data = name;
        column.name.len = strlen(name);
        column.type = MLOPS_TYPE_FP32;
        cells[i] = mlops_builder_input(b, &column);
    }

    return cells;
}


static void
bench_finish(bench_model_t *m, mlops_builder_t *b, const uint32_t *inputs,
    uint32_t n, uint32_t out, uint32_t width)
{
    size_t                   len;
    uint32_t                 i, j, *cells;
    uint64_t                 state;
    mlops_err_t              err;
    mlops_builder_output_t   output;

    cells = bench_alloc(width * sizeof(*cells));

    for (i = 0; i < width; i++) {
        cells[i] = out + i;
    }

    memset(&output, 0, sizeof(output));
    output.name.data = "prediction";
    output.name.len = 10;
    output.type = MLOPS_TYPE_FP32;
    output.width = width;
    output.cells = cells;

    (void) mlops_builder_signature(b, "default", inputs, n, &output, 1);

    if (mlops_builder_finish(b, &m->image, &len, &err) != MLOPS_OK
        || (m->model = mlops_model_open(m->image, len, &err)) == NULL)
    {
        fprintf(stderr, "bench_model: %s\n", err.text);
        exit(1);
    }

    mlops_builder_destroy(b);
    free(cells);

    m->features_n = n;
    m->rows = bench_alloc(BENCH_ROWS * n * sizeof(*m->rows));
    m->floats = bench_alloc(BENCH_ROWS * mlops_align(n, 16) * sizeof(float));
    m->present = bench_alloc(mlops_row_words(n) * sizeof(uint64_t));
    m->scratch = bench_alloc(mlops_model_scratch_size(m->model));
    memset(m->present, 0xff, mlops_row_words(n) * sizeof(uint64_t));
    state = 88172645463325252ull;

    for (i = 0; i < BENCH_ROWS; i++) {
        for (j = 0; j < n; j++) {
            m->rows[i * n + j].f = bench_number(&state);
            m->floats[i * mlops_align(n, 16) + j]
                = (float) m->rows[i * n + j].f;
        }
    }
}


static void
bench_close(bench_model_t *m)
{
    mlops_model_destroy(m->model);
    free(m->image);
    free(m->rows);
    free(m->floats);
    free(m->present);
    free(m->scratch);
}


/* Where the parameters of a step lie in the image. */

static const char *
bench_param(const bench_model_t *m, uint32_t number)
{
    uint32_t                   n;
    const char                *weights;
    const mlops_image_step_t  *steps;

    weights = mlops_model_section(m->model, MLOPS_SECTION_WEIGHTS, &n);
    steps = mlops_model_section(m->model, MLOPS_SECTION_STEPS, &n);

    return weights + steps[number].param;
}


static void
bench_pass_model(const bench_model_t *m)
{
    uint32_t      i;
    mlops_cell_t  out[256];

    for (i = 0; i < BENCH_ROWS; i++) {
        mlops_model_eval(m->model, 0, m->rows + i * m->features_n,
                         m->present, NULL, m->scratch, out, NULL);
        bench_sink = out[0].f;
    }
}


static void
bench_pass_trees(const bench_model_t *m)
{
    float     sums[16];
    uint32_t  i;

    for (i = 0; i < BENCH_ROWS; i++) {
        bench_trees_kernel(bench_trees,
                           m->floats + i * mlops_align(m->features_n, 16),
                           sums, m->kernel_scratch);
        bench_sink = sums[0];
    }
}


static void
bench_pass_dense(const bench_model_t *m)
{
    float         *y;
    int32_t        bits;
    uint32_t       i, j, l, k, padded;
    const float   *x;

    for (i = 0; i < BENCH_ROWS; i++) {
        x = m->floats + i * mlops_align(m->features_n, 16);

        for (l = 1; l < bench_net.layers_n; l++) {
            k = bench_net.sizes[l - 1];
            padded = (uint32_t) mlops_dense_padded(bench_net.sizes[l]);
            y = bench_net.x[l];

            bench_dense_kernel(bench_net.params[l],
                               bench_net.params[l] + padded, x, y, k, padded);

            /* no branch: the sign of a sum cannot be guessed */

            for (j = 0; j < bench_net.sizes[l]; j++) {
                memcpy(&bits, &y[j], sizeof(bits));
                bits &= ~(bits >> 31);
                memcpy(&y[j], &bits, sizeof(bits));
            }

            x = y;
        }

        bench_sink = x[0];
    }
}


static void
bench_run(const char *name, const bench_model_t *m, bench_pass_pt kernel,
    int rounds)
{
    int        i;
    double    *whole, *alone;
    uint64_t   start;

    whole = bench_alloc((size_t) rounds * sizeof(double));
    alone = bench_alloc((size_t) rounds * sizeof(double));

    for (i = 0; i < rounds; i++) {
        start = mlops_clock_ns();
        bench_pass_model(m);
        whole[i] = (double) (mlops_clock_ns() - start) / BENCH_ROWS;

        if (kernel) {
            start = mlops_clock_ns();
            kernel(m);
            alone[i] = (double) (mlops_clock_ns() - start) / BENCH_ROWS;
        }
    }

    qsort(whole, (size_t) rounds, sizeof(double), bench_compare);
    qsort(alone, (size_t) rounds, sizeof(double), bench_compare);

    printf("%-32s %9.1f", name, whole[rounds / 2]);

    if (kernel) {
        printf(" %9.1f %9.1f", alone[rounds / 2],
               whole[rounds / 2] - alone[rounds / 2]);
    }

    printf("\n");

    free(whole);
    free(alone);
}


/* Complete trees. */

static void
bench_forest(const char *name, uint32_t trees, uint32_t depth,
    uint32_t features, int rounds)
{
    double               *values, base;
    uint32_t              i, t, n, first, out, *inputs, *roots, *group;
    uint64_t              state;
    bench_model_t         m;
    mlops_forest_t        forest;
    mlops_builder_t      *b;
    mlops_forest_node_t  *node;

    state = 362436069;
    n = (2u << depth) - 1;
    base = 0.5;

    memset(&forest, 0, sizeof(forest));

    roots = bench_alloc(trees * sizeof(*roots));
    group = bench_alloc(trees * sizeof(*group));
    values = bench_alloc((size_t) trees * (1u << depth) * sizeof(double));
    forest.nodes = bench_alloc((size_t) trees * n * sizeof(*node));

    for (t = 0; t < trees; t++) {
        first = t * n;
        roots[t] = first;

        for (i = 0; i < n; i++) {
            node = &forest.nodes[first + i];

            if (i >= n / 2) {
                node->feature = MLOPS_TREES_LEAF;
                node->left = (uint32_t) forest.leaf_values_n;
                values[forest.leaf_values_n++] = bench_number(&state);
                continue;
            }

            node->feature = (uint32_t) (bench_random(&state) >> 33)
                            % features;
            node->threshold = (float) (bench_number(&state) * 0.7);
            node->left = first + 2 * i + 1;
            node->right = first + 2 * i + 2;
        }
    }

    forest.features_n = features;
    forest.groups_n = 1;
    forest.trees_n = trees;
    forest.nodes_n = trees * n;
    forest.leaf_size = 1;
    forest.f32 = 1;
    forest.roots = roots;
    forest.group = group;
    forest.leaf_values = values;
    forest.base = &base;

    b = mlops_builder_create();
    inputs = bench_inputs(b, features);
    out = mlops_builder_trees(b, inputs, MLOPS_BUILDER_NEW, &forest);
    bench_finish(&m, b, inputs, features, out, 1);

    bench_trees = bench_param(&m, 0);
    bench_trees_kernel = mlops_trees_kernel(bench_trees, mlops_simd_level());
    m.kernel_scratch = bench_alloc(mlops_trees_scratch(bench_trees));

    bench_run(name, &m, bench_pass_trees, rounds);

    bench_close(&m);
    free(m.kernel_scratch);
    free(inputs);
    free(roots);
    free(group);
    free(values);
    free(forest.nodes);
}


static void
bench_dense(const char *name, const uint32_t *sizes, uint32_t layers,
    int rounds)
{
    float            *w, *bias;
    uint32_t          i, l, n, out, *cells, *inputs;
    uint64_t          state;
    bench_model_t     m;
    mlops_builder_t  *b;

    state = 521288629;
    b = mlops_builder_create();
    inputs = bench_inputs(b, sizes[0]);
    cells = bench_alloc(1024 * sizeof(*cells));
    memcpy(cells, inputs, sizes[0] * sizeof(*cells));
    out = 0;

    for (l = 1; l < layers; l++) {
        n = sizes[l - 1] * sizes[l];
        w = bench_alloc(n * sizeof(float));
        bias = bench_alloc(sizes[l] * sizeof(float));

        for (i = 0; i < n; i++) {
            w[i] = (float) bench_number(&state);
        }

        out = mlops_builder_dense(b, MLOPS_UNARY_RELU, cells, sizes[l - 1],
                                  MLOPS_BUILDER_NEW, sizes[l], bias, w);

        for (i = 0; i < sizes[l]; i++) {
            cells[i] = out + i;
        }

        free(w);
        free(bias);
    }

    bench_finish(&m, b, inputs, sizes[0], out, sizes[layers - 1]);

    bench_dense_kernel = mlops_dense_kernel(mlops_simd_level());
    bench_net.layers_n = layers;

    for (l = 0; l < layers; l++) {
        bench_net.sizes[l] = sizes[l];
        bench_net.x[l] = bench_alloc(mlops_dense_padded(sizes[l])
                                     * sizeof(float));

        if (l > 0) {
            bench_net.params[l] = (const float *) bench_param(&m, l - 1);
        }
    }

    bench_run(name, &m, bench_pass_dense, rounds);

    for (l = 0; l < layers; l++) {
        free(bench_net.x[l]);
    }

    bench_close(&m);
    free(inputs);
    free(cells);
}


static void
bench_linear(const char *name, uint32_t n, int rounds)
{
    double            bias, *w;
    uint32_t          i, out, *inputs;
    uint64_t          state;
    bench_model_t     m;
    mlops_builder_t  *b;

    state = 12345;
    bias = 1;
    w = bench_alloc(n * sizeof(double));

    for (i = 0; i < n; i++) {
        w[i] = bench_number(&state);
    }

    b = mlops_builder_create();
    inputs = bench_inputs(b, n);
    out = mlops_builder_affine(b, 0, inputs, n, MLOPS_BUILDER_NEW, 1, &bias,
                               w);
    bench_finish(&m, b, inputs, n, out, 1);
    bench_run(name, &m, NULL, rounds);
    bench_close(&m);

    free(inputs);
    free(w);
}


int
main(int argc, char **argv)
{
    int                    rounds;
    static const uint32_t  small[] = { 32, 64, 32, 16 };
    static const uint32_t  middle[] = { 64, 128, 64, 16 };
    static const uint32_t  large[] = { 128, 256, 128, 16 };

    rounds = (argc > 1) ? atoi(argv[1]) : 201;
    rounds = (rounds > 0) ? rounds : 1;

    printf("%-32s %9s %9s %9s   kernels: %s\n", "model, ns a row", "whole",
           "kernel", "around", mlops_simd_name(mlops_simd_level()));

    bench_linear("linear, 8 inputs", 8, rounds);
    bench_linear("linear, 64 inputs", 64, rounds);
    bench_forest("100 trees, depth 6, 8 inputs", 100, 6, 8, rounds);
    bench_forest("500 trees, depth 6, 28 inputs", 500, 6, 28, rounds);
    bench_dense("dense 32-64-32-16", small, 4, rounds);
    bench_dense("dense 64-128-64-16", middle, 4, rounds);
    bench_dense("dense 128-256-128-16", large, 4, rounds);

    return 0;
}
