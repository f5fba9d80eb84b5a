/*
 * Nanoseconds per tree of every tree kernel, summed exactly.
 *
 *     bench_trees [rounds]
 *
 * Synthetic forests of complete trees, and of leaf-wise trees that are grown
 * by splitting a leaf at random.  Rows are random and many, so that no
 * branch predictor learns them.  "hot" is the median over rounds of the mean
 * over all rows; "cold" the median of single calls, each after 8 MiB of
 * other memory were read (what a model in the last-level cache costs).
 */

#include "bench.h"

#include "mlops_simd.h"
#include "mlops_trees.h"


#define BENCH_ROWS    512
#define BENCH_COLD    60
#define BENCH_EVICT   (8 * 1024 * 1024)
#define BENCH_TABLE   2     /* the case of the summary line */


typedef struct {
    const char  *name;
    uint32_t     trees_n;
    uint32_t     depth;         /* 0: leaf-wise */
    uint32_t     leaves_n;
    uint32_t     features_n;
    uint32_t     missing;       /* of 1000 values */
    int          f64;
} bench_case_t;


static const bench_case_t  bench_cases[] = {
    { "100 x depth 6, 8 features", 100, 6, 0, 8, 0, 0 },
    { "500 x depth 6, 8 features", 500, 6, 0, 8, 0, 0 },
    { "500 x depth 6, 28 features", 500, 6, 0, 28, 0, 0 },
    { "  the same, 1 % missing", 500, 6, 0, 28, 10, 0 },
    { "500 x depth 6, 50 features", 500, 6, 0, 50, 0, 0 },
    { "500 x depth 6, 200 features", 500, 6, 0, 200, 0, 0 },
    { "1000 x depth 4, 28 features", 1000, 4, 0, 28, 0, 0 },
    { "500 x depth 8, 28 features", 500, 8, 0, 28, 0, 0 },
    { "100 x 31 leaves, 28 features", 100, 0, 31, 28, 0, 0 },
    { "500 x 31 leaves, 28 features", 500, 0, 31, 28, 0, 0 },
    { "100 x 255 leaves, 28 features", 100, 0, 255, 28, 0, 0 },
    { "500 x depth 6, 28, double", 500, 6, 0, 28, 0, 1 }
};


/* Node numbers count from the root of the tree; leaves[n] are open. */

static uint32_t
bench_tree(mlops_forest_t *forest, const bench_case_t *c, uint64_t *state)
{
    double               *values;
    uint32_t              i, n, root, at, leaves[1024];
    mlops_forest_node_t  *node;

    root = forest->nodes_n++;
    leaves[0] = root;
    n = 1;

    while (n < c->leaves_n) {

        /* a complete tree is split breadth first */

        i = (c->depth != 0) ? 0 : (uint32_t) (bench_random(state) >> 33) % n;
        at = leaves[i];

        node = &forest->nodes[at];
        node->feature = (uint32_t) (bench_random(state) >> 33)
                        % c->features_n;
        node->default_left = (uint8_t) (bench_random(state) >> 63);
        node->threshold = bench_number(state) * 0.7;
        node->threshold = forest->f32 ? (float) node->threshold
                                      : node->threshold;
        node->left = forest->nodes_n++;
        node->right = forest->nodes_n++;

        memmove(leaves + i, leaves + i + 1, (n - i - 1) * sizeof(*leaves));
        leaves[n - 1] = node->left;
        leaves[n] = node->right;
        n++;
    }

    values = (double *) forest->leaf_values;

    for (i = 0; i < n; i++) {
        node = &forest->nodes[leaves[i]];
        node->feature = MLOPS_TREES_LEAF;
        node->left = (uint32_t) forest->leaf_values_n;

        values[forest->leaf_values_n++] = (float) (bench_number(state) / 10);
    }

    return root;
}


static void *
bench_build(const bench_case_t *c, size_t *len)
{
    void            *data;
    double           base;
    uint32_t         t, *roots, *group;
    uint64_t         state;
    mlops_err_t      err;
    mlops_forest_t   forest;

    state = 88172645463325252ull;
    base = 0.5;

    memset(&forest, 0, sizeof(forest));

    roots = bench_alloc(c->trees_n * sizeof(*roots));
    group = bench_alloc(c->trees_n * sizeof(*group));

    forest.features_n = c->features_n;
    forest.groups_n = 1;
    forest.trees_n = c->trees_n;
    forest.leaf_size = 1;
    forest.f32 = !c->f64;
    forest.roots = roots;
    forest.group = group;
    forest.base = &base;
    forest.nodes = bench_alloc(2 * (size_t) c->trees_n * c->leaves_n
                               * sizeof(*forest.nodes));
    forest.leaf_values = bench_alloc((size_t) c->trees_n * c->leaves_n
                                     * sizeof(double));

    for (t = 0; t < c->trees_n; t++) {
        roots[t] = bench_tree(&forest, c, &state);
    }

    if (mlops_forest_check(&forest, &err) != MLOPS_OK
        || mlops_trees_build(&forest, &data, len, &err) != MLOPS_OK)
    {
        fprintf(stderr, "bench_trees: %s\n", err.text);
        exit(1);
    }

    free(roots);
    free(group);
    free(forest.nodes);
    free((void *) forest.leaf_values);

    return data;
}


static char *
bench_rows(const bench_case_t *c, size_t size)
{
    int        r;
    char      *rows;
    double     value;
    uint32_t   f;
    uint64_t   state;

    state = 362436069;
    rows = bench_alloc(BENCH_ROWS * size);

    for (r = 0; r < BENCH_ROWS; r++) {
        for (f = 0; f < c->features_n; f++) {
            value = bench_number(&state);

            if ((bench_random(&state) >> 33) % 1000 < c->missing) {
                value = __builtin_nan("");
            }

            if (c->f64) {
                ((double *) (rows + (size_t) r * size))[f] = value;

            } else {
                ((float *) (rows + (size_t) r * size))[f] = (float) value;
            }
        }
    }

    return rows;
}


static double
bench_hot(mlops_trees_pt kernel, const void *data, const char *rows,
    size_t size, void *scratch, int rounds)
{
    int      i, r;
    double   start, sums[8], *times, median;

    times = bench_alloc((size_t) rounds * sizeof(*times));

    for (i = 0; i < rounds; i++) {
        start = bench_now_ns();

        for (r = 0; r < BENCH_ROWS; r++) {
            kernel(data, rows + (size_t) r * size, sums, scratch);
        }

        times[i] = (bench_now_ns() - start) / BENCH_ROWS;
    }

    median = bench_median(times, (size_t) rounds);
    free(times);

    return median;
}


static double
bench_cold(mlops_trees_pt kernel, const void *data, const char *rows,
    size_t size, void *scratch, const char *evict)
{
    int     i;
    size_t  at;
    double  start, sums[8], times[BENCH_COLD];

    for (i = 0; i < BENCH_COLD; i++) {

        for (at = 0; at < BENCH_EVICT; at += 64) {
            (void) *(const volatile char *) (evict + at);
        }

        start = bench_now_ns();
        kernel(data, rows + (size_t) (i % BENCH_ROWS) * size, sums, scratch);
        times[i] = bench_now_ns() - start;
    }

    return bench_median(times, BENCH_COLD);
}


int
main(int argc, char **argv)
{
    int            rounds, level;
    char          *rows, *evict;
    void          *data, *scratch;
    size_t         i, len, size;
    double         hot, cold, ns[MLOPS_SIMD_AVX512 + 1];
    bench_case_t   c;

    memset(ns, 0, sizeof(ns));

    rounds = argc > 1 ? atoi(argv[1]) : 41;
    rounds = rounds > 0 ? rounds : 1;
    evict = bench_alloc(BENCH_EVICT);

    memset(evict, 1, BENCH_EVICT);

    printf("%-31s %9s %-9s %9s %8s %9s\n", "forest", "bytes", "kernel",
           "ns a row", "ns/tree", "cold");

    for (i = 0; i < mlops_nitems(bench_cases); i++) {
        c = bench_cases[i];

        if (c.depth != 0) {
            c.leaves_n = 1u << c.depth;
        }

        size = mlops_align(c.features_n, 16)
               * (c.f64 ? sizeof(double) : sizeof(float));

        data = bench_build(&c, &len);
        rows = bench_rows(&c, size);
        scratch = bench_alloc(mlops_trees_scratch(data));

        for (level = MLOPS_SIMD_PORTABLE; level <= mlops_simd_level();
             level++)
        {
            hot = bench_hot(mlops_trees_kernel(data, level), data, rows,
                            size, scratch, rounds);
            cold = bench_cold(mlops_trees_kernel(data, level), data, rows,
                              size, scratch, evict);

            if (i == BENCH_TABLE) {
                ns[level] = hot / c.trees_n;
            }

            printf("%-31s %9zu %-9s %9.0f %8.2f %9.0f\n", c.name, len,
                   mlops_simd_name(level), hot, hot / c.trees_n, cold);
        }

        free(data);
        free(rows);
        free(scratch);
    }

    free(evict);

    if (mlops_simd_level() == MLOPS_SIMD_AVX512) {
        printf("| ns per tree, AVX-512 / AVX2 / portable | %.1f / %.1f / "
               "%.1f | | | 3 / 6 / 8 | 2.4 / 4.8 / 6 |\n",
               ns[MLOPS_SIMD_AVX512], ns[MLOPS_SIMD_AVX2],
               ns[MLOPS_SIMD_PORTABLE]);
    }

    return 0;
}
