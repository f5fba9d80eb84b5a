/*
 * Online learning: examples a second of FTRL-proximal and AdaGrad, by the
 * number of features and the size of the table, and from CSV.
 *
 * Examples are parsed already and stand in memory, as behind a ring; indices
 * are uniform, so that each feature is a cache line of its own, the worst
 * there is.  Labels follow a hidden linear model, so that the losses that are
 * printed tell learning from mere arithmetic.
 *
 * There is no peer on a bare Debian 12 (Vowpal Wabbit is not in it): beside
 * ours stands what the memory takes for the same slots alone.
 */

#include "bench.h"
#include "mlops_frame.h"
#include "mlops_online.h"
#include "mlops_online_rows.h"
#include "mlops_simd.h"

#include <math.h>
#include <sys/mman.h>


#define EXAMPLES  50000
#define CHUNK     500
#define RUNS      9


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


/* What the memory takes for these slots alone, each read, changed and written
 * once: nobody learns faster. */

static void
bare(const set_t *set, uint32_t first, uint64_t *slots, uint32_t bits)
{
    uint32_t         i, n, mask;
    const uint32_t  *index;

    mask = (uint32_t) ((1ull << bits) - 1);
    index = set->indices + (size_t) first * set->features;
    n = CHUNK * set->features;

    for (i = 0; i < n; i++) {
        slots[index[i] & mask] += i;
    }
}


static uint64_t *
slots_of(uint32_t bits)
{
    void    *p;
    size_t   len;

    len = 8ull << bits;
    p = mmap(NULL, len, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1,
             0);

    if (p == MAP_FAILED) {
        fprintf(stderr, "bench_online: no memory for 2^%u slots\n", bits);
        exit(1);
    }

    if (len >= 2097152) {
        (void) madvise(p, len, MADV_HUGEPAGE);
    }

    return p;
}


static void
learn(const set_t *set, uint32_t first, mlops_online_t *online)
{
    mlops_err_t  err;

    if (mlops_online_learn_many(online, set->examples + first, CHUNK, &err)
        != 0)
    {
        fprintf(stderr, "bench_online: %s\n", err.text);
        exit(1);
    }
}


static mlops_online_t *
model(mlops_online_algorithm_t algorithm, uint32_t bits)
{
    mlops_err_t           err;
    mlops_online_t       *online;
    mlops_online_conf_t   conf;

    mlops_online_defaults(&conf, algorithm);
    conf.bits = bits;

    online = mlops_online_create(&conf, &err);

    if (online == NULL) {
        fprintf(stderr, "bench_online: %s\n", err.text);
        exit(1);
    }

    return online;
}


/* They take turns, pass by pass.  Of each chunk the best of its times counts,
 * and these are added: what the machine does beside is left out. */

static void
run(const set_t *set, uint32_t bits)
{
    int                       i, k;
    double                    start, ns, best[3];
    uint32_t                  c;
    uint64_t                 *slots;
    mlops_online_t           *online[2];
    mlops_online_progress_t   progress;

    static double             chunks[3][EXAMPLES / CHUNK];

    slots = slots_of(bits);
    online[0] = model(MLOPS_ONLINE_FTRL, bits);
    online[1] = model(MLOPS_ONLINE_ADAGRAD, bits);

    for (i = 0; i < RUNS; i++) {
        for (k = 0; k < 3; k++) {
            for (c = 0; c < EXAMPLES / CHUNK; c++) {
                start = bench_now_ns();

                if (k < 2) {
                    learn(set, c * CHUNK, online[k]);

                } else {
                    bare(set, c * CHUNK, slots, bits);
                }

                ns = bench_now_ns() - start;

                if (i == 0 || ns < chunks[k][c]) {
                    chunks[k][c] = ns;
                }
            }
        }
    }

    for (k = 0; k < 3; k++) {
        best[k] = 0;

        for (c = 0; c < EXAMPLES / CHUNK; c++) {
            best[k] += chunks[k][c] / EXAMPLES;
        }
    }

    for (k = 0; k < 2; k++) {
        mlops_online_progress(online[k], 0, &progress);

        printf("%-8s %2u features, 2^%-2u slots %8.2f M examples/s %7.1f ns, "
               "%4.2f of bare memory's, log loss %.4f\n",
               k ? "adagrad" : "ftrl", set->features, bits, 1e3 / best[k],
               best[k], best[k] / best[2], progress.loss);

        mlops_online_destroy(online[k]);
    }

    if (bits == 20 && set->features == 30) {
        printf("| FTRL-proximal, 30 features, 2^20 slots, against the memory "
               "alone | %.2f M examples/s | %.2f M | %.2f | 4 M/s | 8 M/s "
               "|\n", 1e3 / best[0], 1e3 / best[2], best[2] / best[0]);
    }

    (void) munmap(slots, 8ull << bits);
}


/* ---- from CSV: 20 numbers of 6 digits, 10 strings of 1000 categories */

enum {
    CSV_ROWS = 100000,
    CSV_NUMBERS = 20,
    CSV_STRINGS = 10,
    CSV_BATCH = 64
};


typedef struct {
    double       x[CSV_NUMBERS];
    unsigned     category[CSV_STRINGS];
    int          label;
} csv_row_t;


static void
csv_row(uint64_t *r, csv_row_t *row)
{
    int     k;
    double  sum;

    sum = 0;

    for (k = 0; k < CSV_NUMBERS; k++) {
        row->x[k] = bench_number(r);
        sum += row->x[k] * hidden((uint32_t) k);
    }

    for (k = 0; k < CSV_STRINGS; k++) {
        row->category[k] = (unsigned) (bench_random(r) >> 32) % 1000;
        sum += hidden((uint32_t) (1000 * k) + row->category[k]);
    }

    row->label = sum > bench_number(r);
}


static size_t
csv_text(char **text)
{
    int         k;
    char       *p;
    uint32_t    i;
    uint64_t    r;
    csv_row_t   row;

    r = 4711;
    *text = bench_alloc((size_t) CSV_ROWS * 320 + 1024);
    p = *text;

    p += sprintf(p, "label");

    for (k = 0; k < CSV_NUMBERS; k++) {
        p += sprintf(p, ",n%d", k);
    }

    for (k = 0; k < CSV_STRINGS; k++) {
        p += sprintf(p, ",c%d", k);
    }

    for (i = 0; i < CSV_ROWS; i++) {
        csv_row(&r, &row);
        p += sprintf(p, "\n%d", row.label);

        for (k = 0; k < CSV_NUMBERS; k++) {
            p += sprintf(p, ",%.6g", row.x[k]);
        }

        for (k = 0; k < CSV_STRINGS; k++) {
            p += sprintf(p, ",item-%u", row.category[k]);
        }
    }

    *p++ = '\n';

    return (size_t) (p - *text);
}


static void
csv_learn(mlops_online_t *online, const mlops_matrix_t *matrix)
{
    float                *values;
    uint32_t              i, n, *indices;
    uint64_t              at;
    mlops_err_t           err;
    mlops_arena_t         arena;
    mlops_example_t       e[CSV_BATCH];
    mlops_online_rows_t   rows;

    mlops_arena_init(&arena, NULL, NULL);

    if (mlops_online_rows_init(&rows, matrix, NULL, 0, &arena, &err)
        != MLOPS_OK)
    {
        fprintf(stderr, "bench_online: %s\n", err.text);
        exit(1);
    }

    indices = bench_alloc((size_t) CSV_BATCH * rows.features_max * 4);
    values = bench_alloc((size_t) CSV_BATCH * rows.features_max * 4);
    memset(e, 0, sizeof(e));

    for (at = 0; at < matrix->n; at += n) {
        n = matrix->n - at < CSV_BATCH ? (uint32_t) (matrix->n - at)
                                       : CSV_BATCH;

        for (i = 0; i < n; i++) {
            e[i].index = indices + (size_t) i * rows.features_max;
            e[i].value = values + (size_t) i * rows.features_max;
            e[i].n = mlops_online_row(&rows, at + i, (uint32_t *) e[i].index,
                                      (float *) e[i].value);
            e[i].label = matrix->target[at + i];
            e[i].weight = 1;
        }

        (void) mlops_online_learn_many(online, e, n, &err);
    }

    free(indices);
    free(values);
    mlops_arena_destroy(&arena);
}


static void
run_csv(void)
{
    int                        i, k;
    char                      *text;
    size_t                     len;
    double                     start, read, all, best_read, best_all;
    mlops_err_t                err;
    mlops_frame_t              frame;
    mlops_matrix_t             matrix;
    mlops_online_t            *online;
    mlops_frame_options_t      options;
    mlops_matrix_column_t      columns[CSV_NUMBERS + CSV_STRINGS];
    mlops_online_progress_t    progress;

    len = csv_text(&text);
    best_read = best_all = INFINITY;
    memset(&options, 0, sizeof(options));

    for (i = 0; i < RUNS / 2; i++) {
        online = model(MLOPS_ONLINE_FTRL, 20);
        start = bench_cpu_s();

        if (mlops_frame_parse(&frame, "bench", text, len, &options, &err)
            != MLOPS_OK)
        {
            fprintf(stderr, "bench_online: %s\n", err.text);
            exit(1);
        }

        read = bench_cpu_s() - start;

        for (k = 0; k < CSV_NUMBERS + CSV_STRINGS; k++) {
            columns[k] = frame.columns[k + 1].view;
        }

        memset(&matrix, 0, sizeof(matrix));
        matrix.n = frame.rows_n;
        matrix.columns = columns;
        matrix.columns_n = CSV_NUMBERS + CSV_STRINGS;
        matrix.target = frame.columns[0].view.data;
        csv_learn(online, &matrix);

        all = bench_cpu_s() - start;
        best_read = read < best_read ? read : best_read;
        best_all = all < best_all ? all : best_all;

        mlops_online_progress(online, 0, &progress);
        mlops_online_destroy(online);
        mlops_frame_free(&frame);
    }

    printf("ftrl     from CSV, 20 numbers and 10 strings, 2^20 slots %6.2f M "
           "rows/s %7.1f ns, of them %.1f ns for reading (%.0f MB/s), log "
           "loss %.4f\n", CSV_ROWS / best_all / 1e6,
           best_all * 1e9 / CSV_ROWS, best_read * 1e9 / CSV_ROWS,
           (double) len / best_read / 1e6, progress.loss);

    free(text);
}


/* Recursive least squares: p numbers, the last one 1. */

static void
run_dense(uint32_t p)
{
    int                    i;
    double                *x, start, ns, best;
    uint32_t               k, n;
    uint64_t               r;
    mlops_err_t            err;
    mlops_online_t        *online;
    mlops_example_t        e;
    mlops_online_conf_t    conf;

    n = 2000;
    r = 5;
    x = bench_alloc((size_t) n * p * sizeof(double));

    for (k = 0; k < n * p; k++) {
        x[k] = (k % p == p - 1) ? 1 : bench_number(&r);
    }

    mlops_online_defaults(&conf, MLOPS_ONLINE_RLS);
    conf.dense = p;
    online = mlops_online_create(&conf, &err);

    if (online == NULL) {
        fprintf(stderr, "bench_online: %s\n", err.text);
        exit(1);
    }

    best = INFINITY;
    memset(&e, 0, sizeof(e));
    e.n = p;
    e.weight = 1;

    for (i = 0; i < RUNS; i++) {
        start = bench_cpu_s();

        for (k = 0; k < n; k++) {
            e.dense = x + (size_t) k * p;
            e.label = e.dense[0];
            (void) mlops_online_learn(online, &e, NULL, &err);
        }

        ns = (bench_cpu_s() - start) * 1e9 / n;
        best = ns < best ? ns : best;
    }

    printf("rls     %3u coordinates %8.0f ns an example\n", p, best);

    mlops_online_destroy(online);
    free(x);
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
            run(&set, bits[j]);
        }

        drop(&set);
    }

    run_dense(8);
    run_dense(32);
    run_dense(128);
    run_csv();

    return 0;
}
