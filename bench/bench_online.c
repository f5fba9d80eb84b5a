/*
 * Online learning: examples a second of FTRL-proximal and AdaGrad, by the
 * number of features and the size of the table.
 *
 * Examples are parsed already and stand in memory, as behind a ring; indices
 * are uniform, so that each feature is a cache line of its own, the worst
 * there is.  Labels follow a hidden linear model, so that the losses that are
 * printed tell learning from mere arithmetic.
 */

#include "bench.h"
#include "mlops_online.h"
#include "mlops_simd.h"

#include <math.h>


#define EXAMPLES  200000
#define RUNS      3


typedef struct {
    uint32_t          features;
    uint32_t         *indices;
    float            *values;
    mlops_example_t  *examples;
} set_t;


/* The hidden weight of an index, about ±1/2. */

static double
hidden(uint32_t index)
{
    return (double) ((index * 2654435761u) >> 8) / 16777216 - 0.5;
}


static void
fill(set_t *set, uint32_t features)
{
    double            sum;
    float             x;
    uint32_t          i, j, index;
    uint64_t          r;
    mlops_example_t  *e;

    r = 88172645463325252ull;

    set->features = features;
    set->indices = bench_alloc((size_t) EXAMPLES * features * 4);
    set->values = bench_alloc((size_t) EXAMPLES * features * 4);
    set->examples = bench_alloc(EXAMPLES * sizeof(mlops_example_t));

    for (i = 0; i < EXAMPLES; i++) {
        e = &set->examples[i];
        e->index = set->indices + (size_t) i * features;
        e->value = set->values + (size_t) i * features;
        e->n = features;
        e->weight = 1;
        sum = 0;

        for (j = 0; j < features; j++) {
            index = (uint32_t) (bench_random(&r) >> 32);
            x = (j % 2) ? 1.0f : (float) bench_number(&r);

            ((uint32_t *) e->index)[j] = index;
            ((float *) e->value)[j] = x;
            sum += hidden(index) * x;
        }

        e->label = sum > bench_number(&r);
    }
}


static void
drop(set_t *set)
{
    free(set->indices);
    free(set->values);
    free(set->examples);
}


static void
run(const set_t *set, mlops_online_algorithm_t algorithm, uint32_t bits)
{
    int                       i;
    double                    start, best, ns;
    mlops_err_t               err;
    mlops_online_t           *online;
    mlops_online_conf_t       conf;
    mlops_online_progress_t   progress;

    mlops_online_defaults(&conf, algorithm);
    conf.bits = bits;

    online = mlops_online_create(&conf, &err);

    if (online == NULL) {
        fprintf(stderr, "bench_online: %s\n", err.text);
        exit(1);
    }

    best = INFINITY;

    for (i = 0; i < RUNS; i++) {
        start = bench_now_ns();

        if (mlops_online_learn_many(online, set->examples, EXAMPLES, &err)
            != 0)
        {
            fprintf(stderr, "bench_online: %s\n", err.text);
            exit(1);
        }

        ns = (bench_now_ns() - start) / EXAMPLES;
        best = ns < best ? ns : best;
    }

    mlops_online_progress(online, 0, &progress);

    printf("%-8s %2u features, 2^%-2u slots %9.2f M examples/s %7.1f ns  "
           "log loss %.4f\n", mlops_online_algorithm_name(algorithm),
           set->features, bits, 1e3 / best, best, progress.loss);

    mlops_online_destroy(online);
}


int
main(void)
{
    size_t  i, j;
    set_t   set;

    static const uint32_t  features[] = { 15, 30, 60 };
    static const uint32_t  bits[] = { 16, 20, 24 };

    printf("level %s\n", mlops_simd_name(mlops_simd_level()));

    for (i = 0; i < mlops_nitems(features); i++) {
        fill(&set, features[i]);

        for (j = 0; j < mlops_nitems(bits); j++) {
            run(&set, MLOPS_ONLINE_FTRL, bits[j]);
            run(&set, MLOPS_ONLINE_ADAGRAD, bits[j]);
        }

        drop(&set);
    }

    return 0;
}
