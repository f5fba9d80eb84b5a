/*
 * What tests of boosted trees share: rows by chance, margins by a production
 * kernel, forests as text.
 */

#ifndef MLOPS_GBDTS_H
#define MLOPS_GBDTS_H


#include "unit.h"
#include "mlops_gbdt.h"

#include <math.h>
#include <sys/wait.h>


#define GBDTS_COLUMNS  12


typedef struct {
    mlops_matrix_t          matrix;
    mlops_matrix_column_t  *columns;
    mlops_gbdt_options_t    options;
    double                **values;
    uint32_t                values_n;
    double                 *target;
    uint64_t                state;
} gbdts_t;


static inline void
gbdts_init(gbdts_t *g)
{
    memset(g, 0, sizeof(*g));
    mlops_gbdt_defaults(&g->options);
    g->options.threads = 1;
    g->state = 88172645463325252ull;
}


static inline void
gbdts_free(gbdts_t *g)
{
    uint32_t  i;

    for (i = 0; i < g->values_n; i++) {
        free(g->values[i]);
    }

    free(g->values);
    free(g->target);
    free(g->columns);
}


static inline double
gbdts_unit(gbdts_t *g)
{
    return (double) (unit_random(&g->state) >> 11) * 0x1p-53;
}


static inline void
gbdts_column(gbdts_t *g, const char *name, const double *data, uint64_t n)
{
    g->columns = realloc(g->columns, (g->matrix.columns_n + 1u)
                                     * sizeof(*g->columns));
    assert_non_null(g->columns);

    memset(&g->columns[g->matrix.columns_n], 0, sizeof(*g->columns));
    g->columns[g->matrix.columns_n].name.data = name;
    g->columns[g->matrix.columns_n].name.len = strlen(name);
    g->columns[g->matrix.columns_n].data = data;

    g->matrix.columns_n++;
    g->matrix.columns = g->columns;
    g->matrix.n = n;
}


static inline double *
gbdts_values(gbdts_t *g, uint64_t n)
{
    g->values = realloc(g->values, (g->values_n + 1u) * sizeof(*g->values));
    assert_non_null(g->values);

    g->values[g->values_n] = calloc(n, sizeof(double));
    assert_non_null(g->values[g->values_n]);

    return g->values[g->values_n++];
}


/* n rows of GBDTS_COLUMNS columns in (-4, 4), a few of them coarse, and a
 * target that depends on some. */

static inline void
gbdts_random(gbdts_t *g, uint64_t n, double missing, uint64_t seed)
{
    double    *v;
    uint32_t   c;
    uint64_t   i;

    gbdts_init(g);
    g->state += seed * 0x9e3779b97f4a7c15ull;
    g->target = calloc(n, sizeof(double));
    assert_non_null(g->target);

    for (c = 0; c < GBDTS_COLUMNS; c++) {
        v = gbdts_values(g, n);

        for (i = 0; i < n; i++) {
            v[i] = gbdts_unit(g) * 8 - 4;

            if (c % 4 == 3) {
                v[i] = floor(v[i] * c);
            }

            if (gbdts_unit(g) < missing && c > 1) {
                v[i] = NAN;
            }
        }

        gbdts_column(g, "x", v, n);
    }

    for (i = 0; i < n; i++) {
        g->target[i] = g->values[0][i] + sin(g->values[1][i] * 2)
                       + (isnan(g->values[2][i]) ? 1 : g->values[2][i] > 1)
                       + gbdts_unit(g);
    }

    g->matrix.target = g->target;
}


/* The same target as the objective wants it. */

static inline void
gbdts_objective(gbdts_t *g, mlops_gbdt_objective_t objective)
{
    uint64_t  i;

    g->options.objective = objective;
    g->options.classes_n = 3;
    g->options.quantile = 0.7;
    g->options.max_delta_step = objective == MLOPS_GBDT_POISSON ? 0.7 : 0;

    for (i = 0; i < g->matrix.n; i++) {

        switch (objective) {

        case MLOPS_GBDT_LOGISTIC:
            g->target[i] = g->target[i] > 1;
            break;

        case MLOPS_GBDT_SOFTMAX:
            g->target[i] = g->target[i] > 2 ? 2 : g->target[i] > 0;
            break;

        case MLOPS_GBDT_POISSON:
            g->target[i] = floor(fabs(g->target[i]));
            break;

        default:
            break;
        }
    }
}


static inline void
gbdts_wide(gbdts_t *g, uint64_t n, uint32_t columns)
{
    double    *v;
    uint32_t   c;
    uint64_t   i;

    g->target = calloc(n, sizeof(double));
    assert_non_null(g->target);

    for (c = 0; c < columns; c++) {
        v = gbdts_values(g, n);

        for (i = 0; i < n; i++) {
            v[i] = gbdts_unit(g);
            g->target[i] += v[i] * (c % 7);
        }

        gbdts_column(g, "x", v, n);
    }

    g->matrix.target = g->target;
}


static inline void
gbdts_train(gbdts_t *g, mlops_gbdt_model_t *model, const mlops_matrix_t *tune)
{
    mlops_err_t  err;

    err.text[0] = '\0';

    unit_ok(mlops_gbdt_train(model, &g->options, &g->matrix, tune, &err)
            == MLOPS_OK, "%s", err.text);
    unit_ok(model->forest.trees_n == 0
            || mlops_forest_check(&model->forest, &err) == MLOPS_OK, "%s",
            err.text);
}


/* Of all rows, by the kernel that serves; the first group's where there are
 * several. */

static inline float *
gbdts_margins(const gbdts_t *g, const mlops_forest_t *forest,
    const mlops_matrix_t *matrix)
{
    void            *layout, *scratch = NULL;
    float           *margins, *x = NULL, *sums = NULL;
    size_t           len, size;
    uint32_t         c;
    uint64_t         i;
    mlops_err_t      err;
    mlops_trees_pt   kernel;

    (void) g;

    margins = calloc(matrix->n, sizeof(*margins));
    assert_non_null(margins);

    unit_ok(mlops_trees_build(forest, &layout, &len, &err) == MLOPS_OK, "%s",
            err.text);

    /* kernels want 64-byte aligned memory */

    assert_int_equal(posix_memalign((void **) &x, 64,
                                    (matrix->columns_n + 32u) * 4), 0);
    assert_int_equal(posix_memalign((void **) &sums, 64,
                                    (forest->groups_n + 32u) * 4), 0);
    size = mlops_trees_scratch(layout);
    assert_int_equal(posix_memalign(&scratch, 64, size + 64), 0);
    memset(x, 0, (matrix->columns_n + 32u) * 4);

    kernel = mlops_trees_kernel(layout, 0);

    for (i = 0; i < matrix->n; i++) {

        for (c = 0; c < matrix->columns_n; c++) {
            x[c] = (float) mlops_matrix_value(&matrix->columns[c],
                                              mlops_matrix_row(matrix, i));
        }

        kernel(layout, x, sums, scratch);
        margins[i] = sums[0];
    }

    free(layout);
    free(scratch);
    free(x);
    free(sums);

    return margins;
}


/* All bits of a forest, readable. */

static inline char *
gbdts_text(const mlops_forest_t *forest)
{
    char                        *text;
    FILE                        *out;
    size_t                       len;
    uint32_t                     i, k;
    const mlops_forest_node_t   *node;

    out = open_memstream(&text, &len);
    assert_non_null(out);

    for (i = 0; i < forest->groups_n; i++) {
        fprintf(out, "base %a\n", forest->base[i]);
    }

    for (i = 0; i < forest->trees_n; i++) {
        fprintf(out, "tree %u of %u\n", forest->roots[i], forest->group[i]);
    }

    for (i = 0; i < forest->nodes_n; i++) {
        node = &forest->nodes[i];

        if (node->feature == MLOPS_TREES_LEAF) {
            fprintf(out, "%u leaf %a\n", i, forest->leaf_values[node->left]);
            continue;
        }

        fprintf(out, "%u f%u %a %d %u %u", i, node->feature, node->threshold,
                node->default_left, node->left, node->right);

        for (k = 0; node->categorical && k < node->set_n; k++) {
            fprintf(out, " %u", forest->set_codes[node->set_first + k]);
        }

        fputc('\n', out);
    }

    fclose(out);

    return text;
}


/* The forest of a process with MLOPS_SIMD set: the level is looked up
 * once. */

static inline char *
gbdts_forked(gbdts_t *g, const char *level, uint32_t threads)
{
    int                   status, ends[2];
    char                 *text, buf[4096];
    FILE                 *out;
    pid_t                 pid;
    size_t                len;
    ssize_t               n;
    mlops_gbdt_model_t    m;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        (void) close(ends[0]);
        (void) setenv("MLOPS_SIMD", level, 1);
        g->options.threads = threads;

        if (mlops_gbdt_train(&m, &g->options, &g->matrix, NULL, NULL)
            != MLOPS_OK)
        {
            _exit(1);
        }

        text = gbdts_text(&m.forest);
        len = strlen(text);

        while (len > 0) {
            n = write(ends[1], text, len);

            if (n <= 0) {
                _exit(1);
            }

            text += n;
            len -= (size_t) n;
        }

        _exit(0);
    }

    (void) close(ends[1]);
    out = open_memstream(&text, &len);
    assert_non_null(out);

    while ((n = read(ends[0], buf, sizeof(buf))) > 0) {
        fwrite(buf, 1, (size_t) n, out);
    }

    fclose(out);
    (void) close(ends[0]);
    assert_true(waitpid(pid, &status, 0) == pid);
    assert_int_equal(status, 0);
    assert_true(len > 0);

    return text;
}


static inline void
gbdts_near(double got, double expected, double limit, uint32_t i)
{
    limit *= fabs(expected) > 1 ? fabs(expected) : 1;

    unit_ok(fabs(got - expected) <= limit, "number %u: expected %.17g, got "
            "%.17g", i, expected, got);
}


#endif /* MLOPS_GBDTS_H */
