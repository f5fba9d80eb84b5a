/*
 * Boosted trees: splits, values and margins against an independent greedy
 * search (t/learn/gbdt.py), bounds, missing values, categories, sampling,
 * early stopping, going on from a forest; the same bits from any number of
 * threads and at any SIMD level; wrong rows.
 */

#include "gbdts.h"


typedef struct {
    mlops_gbdt_objective_t   objective;
    uint32_t                 n;
    uint32_t                 trees;
    uint32_t                 leaves;
    uint32_t                 depth;
    double                   learning_rate;
    int                      weighted;
    double                   l1;
    double                   l2;
    double                   min_gain;
    double                   min_hessian;
    uint64_t                 min_rows;
    double                   max_delta_step;
    double                   quantile;
    double                   delta;
    double                   cat_l2;
    uint32_t                 cat_rows;
    int                      codes;
    int                      monotone;
    const double            *x;
    const double            *y;
    const double            *w;
    const int               *feature;
    const double            *value;
    const int               *left;
    const int               *sets;
    const int               *codes_of;
    const double            *margin;
    uint32_t                 nodes_n;
    double                   base;
} vector_t;


#include "gbdt_vectors.h"


/* The intercepts of two objectives are some float32 away from the mean, see
 * mlops_gbdt_base.c, and what follows with them. */

static double
vector_limit(const vector_t *v)
{
    return v->objective == MLOPS_GBDT_LOGISTIC
           || v->objective == MLOPS_GBDT_POISSON ? 1e-5 : 1e-6;
}


/* A node and those below it, in the order of the vectors. */

static void
expect_node(const vector_t *v, const mlops_forest_t *forest, uint32_t number,
    uint32_t *at, const int **codes)
{
    int                         k;
    uint32_t                    i;
    const mlops_forest_node_t  *node;

    i = (*at)++;
    node = &forest->nodes[number];

    unit_ok(i < v->nodes_n, "more than %u nodes", v->nodes_n);

    if (node->feature == MLOPS_TREES_LEAF) {
        unit_ok(v->feature[i] == -1, "node %u: expected a split by %d, got a "
                "leaf", i, v->feature[i]);
        gbdts_near(forest->leaf_values[node->left], v->value[i],
                   vector_limit(v), i);
        return;
    }

    unit_ok((int) node->feature == v->feature[i], "node %u: expected feature "
            "%d, got %u", i, v->feature[i], node->feature);
    unit_ok(node->default_left == v->left[i], "node %u: expected missing "
            "values %s", i, v->left[i] ? "left" : "right");

    if (v->sets[i] > 0) {
        unit_ok(node->categorical && (int) node->set_n == v->sets[i],
                "node %u: expected a set of %d", i, v->sets[i]);

        for (k = 0; k < v->sets[i]; k++) {
            unit_ok((int) forest->set_codes[node->set_first + (uint32_t) k]
                    == *(*codes)++, "node %u: code %d of its set", i, k);
        }

    } else if (v->value[i] != 0) {
        unit_ok((float) node->threshold == (float) v->value[i],
                "node %u: expected threshold %.9g, got %.9g", i, v->value[i],
                node->threshold);
    }

    expect_node(v, forest, node->left, at, codes);
    expect_node(v, forest, node->right, at, codes);
}


static void
expect_vector(const vector_t *v)
{
    float                *margins;
    int8_t                signs[4] = { 1, -1, 0, 0 };
    uint8_t               marks[4] = { 0, 0, 0, 1 };
    uint32_t              i, at;
    gbdts_t               g;
    const int            *codes;
    mlops_gbdt_model_t    model;

    gbdts_init(&g);

    for (i = 0; i < 4; i++) {
        gbdts_column(&g, "x", v->x + i * v->n, v->n);
    }

    g.matrix.target = v->y;
    g.matrix.weight = v->weighted ? v->w : NULL;

    g.options.objective = v->objective;
    g.options.trees = v->trees;
    g.options.leaves = v->leaves;
    g.options.depth = v->depth;
    g.options.learning_rate = v->learning_rate;
    g.options.l1 = v->l1;
    g.options.l2 = v->l2;
    g.options.min_gain = v->min_gain;
    g.options.min_hessian = v->min_hessian;
    g.options.min_rows = v->min_rows;
    g.options.max_delta_step = v->max_delta_step;
    g.options.quantile = v->quantile;
    g.options.delta = v->delta;
    g.options.cat_l2 = v->cat_l2;
    g.options.cat_smooth = 1;
    g.options.cat_rows = v->cat_rows;
    g.options.categorical = v->codes ? marks : NULL;
    g.options.monotone = v->monotone ? signs : NULL;

    gbdts_train(&g, &model, NULL);

    gbdts_near(model.forest.base[0], v->base, vector_limit(v), 0);

    unit_ok(model.forest.trees_n == v->trees, "expected %u trees, got %u",
            v->trees, model.forest.trees_n);

    at = 0;
    codes = v->codes_of;

    for (i = 0; i < model.forest.trees_n; i++) {
        expect_node(v, &model.forest, model.forest.roots[i], &at, &codes);
    }

    unit_ok(at == v->nodes_n, "expected %u nodes, got %u", v->nodes_n, at);

    margins = gbdts_margins(&g, &model.forest, &g.matrix);

    for (i = 0; i < v->n; i++) {
        gbdts_near((double) margins[i], v->margin[i], vector_limit(v), i);
    }

    free(margins);
    mlops_gbdt_free(&model);
    gbdts_free(&g);
}


static void
test_vectors(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < mlops_nitems(vectors); i++) {
        unit_note("case %zu: %s", i,
                  mlops_gbdt_objective_name(vectors[i].objective));
        expect_vector(&vectors[i]);
    }
}


/* Four rows, worked out by hand: residuals -3, -1, 1, 3 around the mean 4.
 * G = 4 and -4, H = 2 each: gain 16/3 + 16/3; leaves -1/2 * 4/3 and +. */

static void
test_hand(void **state)
{
    double               x[4] = { 1, 2, 4, 8 }, y[4] = { 1, 3, 5, 7 };
    gbdts_t              g;
    mlops_gbdt_model_t   m;

    (void) state;

    gbdts_init(&g);
    gbdts_column(&g, "x", x, 4);
    g.matrix.target = y;
    g.options.trees = 1;
    g.options.leaves = 2;
    g.options.learning_rate = 0.5;

    gbdts_train(&g, &m, NULL);

    assert_true(m.forest.base[0] == 4);
    assert_true(m.forest.nodes_n == 3);
    assert_true(m.forest.nodes[0].threshold == 3);
    assert_true(m.forest.leaf_values[0] == (double) (float) (-2.0 / 3));
    assert_true(m.forest.leaf_values[1] == (double) (float) (2.0 / 3));
    assert_true(fabs(m.columns[0].gain - 32.0 / 3) < 1e-12);

    mlops_gbdt_free(&m);
    gbdts_free(&g);
}


/* One tree of one column whose leaves are the means of their rows. */

static void
one_tree(gbdts_t *g, const double *x, const double *y, uint64_t n)
{
    gbdts_init(g);
    gbdts_column(g, "x", x, n);
    g->matrix.target = y;
    g->options.trees = 1;
    g->options.l2 = 0;
    g->options.learning_rate = 1;
}


/* Where a value is missing decides alone: a split behind the last bin. */

static void
test_missing_alone(void **state)
{
    double               y[8] = { 0, 0, 0, 0, 9, 9, 9, 9 };
    double               x[8] = { 5, 5, 5, 5, NAN, NAN, NAN, NAN };
    float               *margins;
    gbdts_t              g;
    mlops_gbdt_model_t   m;

    (void) state;

    one_tree(&g, x, y, 8);
    gbdts_train(&g, &m, NULL);

    assert_true(m.forest.nodes_n == 3);
    assert_true(m.forest.nodes[0].default_left == 0);

    margins = gbdts_margins(&g, &m.forest, &g.matrix);
    assert_true(margins[0] == 0 && margins[7] == 9);

    free(margins);
    mlops_gbdt_free(&m);
    gbdts_free(&g);
}


/* However the other values are, the answer follows the sign, of rows that
 * miss values of these columns, too, whose target is far away. */

static void
expect_monotone(double missing)
{
    float                *margins, *before;
    double                values[400];
    int8_t                signs[GBDTS_COLUMNS] = { 0 };
    uint32_t              i, k, c;
    gbdts_t               g;
    mlops_gbdt_model_t    m;
    mlops_matrix_t        probe;

    gbdts_random(&g, 3000, 0.1, 11);

    for (i = 0; i < 3000; i++) {

        /* against the sign half the time */

        g.target[i] += sin(4 * g.values[0][i]) * 2 + g.values[1][i];

        for (c = 0; c < 2; c++) {
            if (gbdts_unit(&g) < missing) {
                g.values[c][i] = NAN;
                g.target[i] += (c == 0 ? -9 : 5) + 3 * g.values[2 + c][i];
                g.target[i] = isnan(g.target[i]) ? -9 : g.target[i];
            }
        }
    }

    signs[0] = 1;
    signs[1] = -1;
    g.options.monotone = signs;
    g.options.trees = 40;

    gbdts_train(&g, &m, NULL);

    for (c = 0; c < 2; c++) {
        before = NULL;

        for (k = 0; k < 50; k++) {
            probe = g.matrix;
            probe.n = 400;

            for (i = 0; i < 400; i++) {
                values[i] = -4 + 8.0 * k / 49;
            }

            g.columns[c].data = values;
            margins = gbdts_margins(&g, &m.forest, &probe);

            for (i = 0; before != NULL && i < 400; i++) {
                unit_ok(c == 0 ? margins[i] >= before[i]
                               : margins[i] <= before[i],
                        "column %u, row %u: %.9g after %.9g", c, i,
                        (double) margins[i], (double) before[i]);
            }

            free(before);
            before = margins;
        }

        free(before);
        g.columns[c].data = g.values[c];
    }

    mlops_gbdt_free(&m);
    gbdts_free(&g);
}


static void
test_monotone(void **state)
{
    (void) state;

    expect_monotone(0);
    expect_monotone(0.02);
    expect_monotone(0.3);
}


/* The lowest target of a rising column is where it is missing, the highest
 * of a falling one: what is missing is in no order with what is there. */

static void
test_monotone_missing(void **state)
{
    double               y[8] = { 1, 1, 3, 3, -6, -6, -6, -6 };
    double               x[8] = { 1, 1, 2, 2, NAN, NAN, NAN, NAN };
    float               *margins;
    int8_t               sign;
    uint32_t             i;
    gbdts_t              g;
    mlops_gbdt_model_t   m;

    (void) state;

    for (sign = 1; sign >= -1; sign -= 2) {
        one_tree(&g, x, y, 8);
        g.options.monotone = &sign;

        gbdts_train(&g, &m, NULL);
        margins = gbdts_margins(&g, &m.forest, &g.matrix);

        for (i = 0; i < 8; i++) {
            unit_ok(margins[i] == (float) y[i], "sign %d, row %u: expected "
                    "%.9g, got %.9g", sign, i, y[i], (double) margins[i]);
            y[i] = -y[i];
        }

        free(margins);
        mlops_gbdt_free(&m);
        gbdts_free(&g);
    }
}


/* The same trees from any number of threads and at any level. */

static void
test_same(void **state)
{
    char                 *one, *other;
    uint32_t              i, objective;
    gbdts_t               g;

    static const char *const  levels[] = { "portable", "avx2", "avx512" };

    (void) state;

    for (objective = 0; objective < MLOPS_GBDT_OBJECTIVES; objective++) {
        gbdts_random(&g, unit_quick() ? 3000 : 20000, 0.05, 5 + objective);
        gbdts_objective(&g, objective);

        g.options.trees = 6;
        g.options.row_fraction = 0.8;
        g.options.column_fraction = 0.7;
        g.options.node_fraction = 0.9;
        g.options.min_rows = objective % 2 ? 20 : 1;

        one = gbdts_forked(&g, "portable", 1);

        for (i = 0; i < 3; i++) {
            other = gbdts_forked(&g, levels[i], i + 1);
            unit_ok(strcmp(one, other) == 0, "%s: other trees with %s and %u "
                    "threads", mlops_gbdt_objective_name(objective),
                    levels[i], i + 1);
            free(other);
        }

        free(one);
        gbdts_free(&g);
    }
}


/* Rows left out by chance are walked, not partitioned: margins that the fit
 * has are those of the kernel, and so is its loss. */

static void
test_losses(void **state)
{
    float                *margins;
    double                r, loss;
    uint32_t              i;
    gbdts_t               g;
    mlops_gbdt_model_t    m;

    (void) state;

    gbdts_random(&g, 4000, 0.1, 3);
    g.options.trees = 20;
    g.options.row_fraction = 0.5;

    gbdts_train(&g, &m, NULL);

    margins = gbdts_margins(&g, &m.forest, &g.matrix);
    loss = 0;

    for (i = 0; i < 4000; i++) {
        r = (double) (float) g.target[i] - (double) margins[i];
        loss += r * r;
    }

    assert_true(m.losses_n > 3);
    assert_true(m.losses[m.losses_n - 1].round == 20);
    assert_true(fabs(m.losses[m.losses_n - 1].train - loss / 4000)
                < 1e-12 * loss);

    free(margins);
    mlops_gbdt_free(&m);
    gbdts_free(&g);
}


/* Noise is learned by heart: the loss of other rows turns up again. */

static void
test_early(void **state)
{
    double                best;
    uint32_t              i;
    uint32_t             *rows;
    gbdts_t               g;
    mlops_matrix_t        tune;
    mlops_gbdt_model_t    m, all;

    (void) state;

    gbdts_random(&g, 1500, 0, 17);
    rows = malloc(1500 * sizeof(*rows));

    for (i = 0; i < 1500; i++) {
        rows[i] = i;
        g.target[i] = gbdts_unit(&g) + (g.values[0][i] > 0) * 0.3;
    }

    tune = g.matrix;
    tune.rows = rows + 700;
    tune.n = 800;
    g.matrix.rows = rows;
    g.matrix.n = 700;
    g.options.trees = 300;
    g.options.learning_rate = 0.3;

    gbdts_train(&g, &all, &tune);
    assert_true(all.rounds == 300 && all.forest.trees_n == 300);

    g.options.early_stopping = 10;
    gbdts_train(&g, &m, &tune);

    assert_true(m.rounds > 0 && m.rounds < 100);
    assert_true(m.grown == m.rounds + 10);
    assert_true(m.forest.trees_n == m.rounds);
    assert_true(strcmp(m.stopped, "early") == 0);

    best = 1e300;

    for (i = 0; i < m.losses_n; i++) {
        if (m.losses[i].round == m.rounds) {
            best = m.losses[i].tune;
        }
    }

    for (i = 0; i < m.losses_n; i++) {
        assert_true(m.losses[i].tune >= best);
    }

    /* the first trees are those without stopping */

    for (i = 0; i < m.forest.leaf_values_n && i < 100; i++) {
        assert_true(m.forest.leaf_values[i] == all.forest.leaf_values[i]);
    }

    mlops_gbdt_free(&m);
    mlops_gbdt_free(&all);
    gbdts_free(&g);
    free(rows);
}


/* Half of the trees, and the other half on their margins: all of them. */

static void
test_going_on(void **state)
{
    char                 *whole, *parts;
    uint32_t              objective;
    gbdts_t               g;
    mlops_gbdt_model_t    half, all, rest;

    (void) state;

    for (objective = 0; objective < MLOPS_GBDT_OBJECTIVES; objective++) {
        gbdts_random(&g, 3000, 0.1, 23 + objective);
        gbdts_objective(&g, objective);
        g.options.row_fraction = 0.7;
        g.options.trees = 16;

        gbdts_train(&g, &all, NULL);

        g.options.trees = 8;
        gbdts_train(&g, &half, NULL);

        g.options.start = &half.forest;
        gbdts_train(&g, &rest, NULL);

        whole = gbdts_text(&all.forest);
        parts = gbdts_text(&rest.forest);
        unit_ok(strcmp(whole, parts) == 0, "%s: other trees",
                mlops_gbdt_objective_name(objective));
        assert_true(rest.rounds == 16);

        free(whole);
        free(parts);
        mlops_gbdt_free(&rest);
        mlops_gbdt_free(&half);
        mlops_gbdt_free(&all);
        gbdts_free(&g);
    }
}


/* Many leaves and few histograms: the same as with room for all. */

static void
test_pool(void **state)
{
    uint32_t              i;
    gbdts_t               g;
    mlops_gbdt_model_t    m;

    (void) state;

    /* 500 features of 1 MiB and more a histogram: the pool has 32 MiB */

    gbdts_init(&g);
    gbdts_wide(&g, 400, 500);
    g.options.trees = 2;
    g.options.leaves = 64;
    g.options.min_hessian = 0;

    gbdts_train(&g, &m, NULL);

    assert_true(m.memory < 64u << 20);
    assert_true(m.forest.nodes_n == 2 * 127);

    for (i = 0; i < m.forest.nodes_n; i++) {
        assert_true(m.forest.nodes[i].feature == MLOPS_TREES_LEAF
                    || m.forest.nodes[i].feature < 500);
    }

    mlops_gbdt_free(&m);
    gbdts_free(&g);
}


static void
refused(gbdts_t *g, const char *reason)
{
    mlops_err_t          err;
    mlops_gbdt_model_t   m;

    unit_ok(mlops_gbdt_train(&m, &g->options, &g->matrix, NULL, &err)
            == MLOPS_ERROR, "accepted; expected: %s", reason);
    unit_ok(strstr(err.text, reason) != NULL, "expected: %s\ngot:      %s",
            reason, err.text);
    mlops_gbdt_free(&m);
}


static void
test_refused(void **state)
{
    double     x[4] = { 1, 2, 3, 4 }, y[4] = { 1, 1, 1, 1 };
    double     w[4] = { 0, 0, 0, 0 };
    uint8_t    marks[1] = { 1 };
    gbdts_t    g;

    (void) state;

    gbdts_init(&g);
    gbdts_column(&g, "x", x, 4);
    g.matrix.target = y;

    g.options.objective = MLOPS_GBDT_LOGISTIC;
    refused(&g, "expected rows of both classes for training, got only class "
            "1");

    g.options.objective = MLOPS_GBDT_SOFTMAX;
    g.options.classes_n = 3;
    refused(&g, "at least two classes for training, got only class 1");

    g.options.objective = MLOPS_GBDT_POISSON;
    y[2] = -1;
    refused(&g, "row 3: expected a target of at least 0 for the objective "
            "poisson, got -1");
    y[0] = y[1] = y[2] = y[3] = 0;
    refused(&g, "some of them above 0");

    g.options.objective = MLOPS_GBDT_SQUARED;
    y[1] = 1e300;
    refused(&g, "row 2: expected a finite target that float32 can hold");
    y[1] = 1;

    g.matrix.weight = w;
    refused(&g, "with a weight above 0, got none");

    w[0] = w[1] = w[2] = w[3] = 1e20;
    y[1] = 1e30;
    refused(&g, "products of a row's weight and its error that float32 can "
            "hold");
    y[1] = 1;
    g.matrix.weight = NULL;

    x[3] = INFINITY;
    refused(&g, "row 4, column \"x\": expected a number smaller than the "
            "largest float32");
    g.options.categorical = marks;
    refused(&g, "row 4, column \"x\": expected a number smaller than the "
            "largest float32");
    g.options.categorical = NULL;
    x[3] = 1e39;
    refused(&g, "row 4, column \"x\": expected a number smaller than the "
            "largest float32");
    x[3] = 4;

    g.matrix.n = 0;
    refused(&g, "expected rows for training, got none");
    gbdts_free(&g);
}


/* What is no mistake: nothing to learn from gives the intercept. */

static void
test_nothing(void **state)
{
    double               x[4] = { 1, 1, 1, 1 }, y[4] = { 2, 4, 2, 4 };
    double               none[4] = { NAN, NAN, NAN, NAN };
    double               big[4] = { 1e9, 1e9 + 64, -3e9, 2 };
    gbdts_t              g;
    mlops_gbdt_model_t   m;

    (void) state;

    gbdts_init(&g);
    gbdts_column(&g, "same", x, 4);
    gbdts_column(&g, "none", none, 4);
    g.matrix.target = y;

    gbdts_train(&g, &m, NULL);
    assert_true(m.forest.trees_n == 0 && m.forest.base[0] == 3);
    assert_true(strcmp(m.stopped, "no column has two values") == 0);
    mlops_gbdt_free(&m);

    /* fewer rows than two children have to have */

    gbdts_column(&g, "big", big, 4);
    g.options.min_rows = 3;
    gbdts_train(&g, &m, NULL);
    assert_true(m.forest.trees_n == 0 && m.forest.base[0] == 3);
    assert_true(strcmp(m.stopped, "no split gains") == 0);
    mlops_gbdt_free(&m);

    g.options.min_rows = 1;
    g.options.learning_rate = 1;
    g.options.l2 = 0;
    g.options.trees = 3;
    gbdts_train(&g, &m, NULL);
    assert_true(m.forest.trees_n >= 1);
    assert_true(m.losses[m.losses_n - 1].train < 1e-10);
    mlops_gbdt_free(&m);

    /* a target of one value */

    y[0] = y[1] = y[2] = y[3] = 7;
    gbdts_train(&g, &m, NULL);
    assert_true(m.forest.trees_n == 0 && m.forest.base[0] == 7);
    mlops_gbdt_free(&m);
    gbdts_free(&g);
}


/* XGBoost keeps an output and computes the margin with logf: there is one
 * close to the mean that gives the margin at hand. */

static void
test_base(void **state)
{
    float                p, near;
    double               x[97], y[97];
    uint32_t             i, k, tries;
    gbdts_t              g;
    mlops_gbdt_model_t   m;

    (void) state;

    for (k = 1; k < 97; k++) {
        gbdts_init(&g);
        gbdts_column(&g, "x", x, 97);
        g.matrix.target = y;
        g.options.trees = 1;

        for (i = 0; i < 97; i++) {
            x[i] = i;
            y[i] = i < k;
        }

        for (tries = 0; tries < 2; tries++) {
            g.options.objective = tries ? MLOPS_GBDT_POISSON
                                        : MLOPS_GBDT_LOGISTIC;
            gbdts_train(&g, &m, NULL);

            p = (float) k / 97;
            near = tries ? logf(p) : -logf(1.0f / p - 1.0f);

            for (i = 0; i < 64 && near != (float) m.forest.base[0]; i++) {
                p = nextafterf(p, 0.5f);
                near = tries ? logf(p) : -logf(1.0f / p - 1.0f);
            }

            unit_ok(near == (float) m.forest.base[0], "mean %u / 97: no "
                    "output has the margin %.9g", k, m.forest.base[0]);
            mlops_gbdt_free(&m);
        }

        free(g.columns);
    }
}


/* Classes that nothing tells: early stopping keeps a tree, whose leaves have
 * their shares. */

static void
test_shares(void **state)
{
    float                *margins;
    double                shares[3] = { 0, 0, 0 };
    uint32_t              i;
    gbdts_t               g;
    mlops_gbdt_model_t    m;

    (void) state;

    gbdts_random(&g, 600, 0, 29);
    g.options.objective = MLOPS_GBDT_SOFTMAX;
    g.options.classes_n = 3;
    g.options.early_stopping = 3;
    g.options.min_hessian = 1000;

    for (i = 0; i < 600; i++) {
        g.target[i] = i % 6 == 0 ? 0 : 1 + i % 2;
        shares[(uint32_t) g.target[i]] += 1.0 / 600;
    }

    gbdts_train(&g, &m, &g.matrix);
    assert_true(m.rounds == 1 && m.forest.trees_n == 3);

    margins = gbdts_margins(&g, &m.forest, &g.matrix);
    gbdts_near((double) margins[0], log(shares[0]), 0.02, 0);

    free(margins);
    mlops_gbdt_free(&m);
    gbdts_free(&g);
}


/* A row of weight 2 is two rows; one of weight 0 is none. */

static void
test_weights(void **state)
{
    char                 *weighted, *plain;
    double                w[300];
    uint32_t              i, n, rows[600];
    gbdts_t               g;
    mlops_gbdt_model_t    m;

    (void) state;

    gbdts_random(&g, 300, 0.1, 41);
    gbdts_objective(&g, MLOPS_GBDT_LOGISTIC);
    g.options.trees = 10;

    for (i = 0, n = 0; i < 300; i++) {
        w[i] = i % 3;

        if (i % 3 > 0) {
            rows[n++] = i;
        }

        if (i % 3 > 1) {
            rows[n++] = i;
        }
    }

    g.matrix.weight = w;
    gbdts_train(&g, &m, NULL);
    assert_true(m.rows_n == 200);
    weighted = gbdts_text(&m.forest);
    mlops_gbdt_free(&m);

    g.matrix.weight = NULL;
    g.matrix.rows = rows;
    g.matrix.n = n;
    gbdts_train(&g, &m, NULL);
    plain = gbdts_text(&m.forest);
    mlops_gbdt_free(&m);

    unit_ok(strcmp(weighted, plain) == 0, "weights are not as rows are");

    free(weighted);
    free(plain);
    gbdts_free(&g);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_hand),
        cmocka_unit_test(test_missing_alone),
        cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_monotone_missing),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_early),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_shares),
        cmocka_unit_test(test_weights)
    };

    return unit_run(tests);
}
