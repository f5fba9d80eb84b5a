/*
 * The best split of a leaf by a set of categories.
 *
 * As LightGBM does (Fisher, "On grouping for maximum homogeneity", 1958):
 * few categories are tried one against the rest; more of them are sorted by
 * G / (H + cat_smooth) and cut, from both ends, at most cat_max categories
 * deep, with cat_l2 more of a penalty.  Rows that miss the value are one
 * more category.  The set goes right; all else, categories that the leaf has
 * not seen among it, goes left.
 */

#include "mlops_gbdt_run.h"

#include <stdlib.h>


typedef struct {
    double      ratio;
    uint32_t    bin;
} mlops_gbdt_category_t;


typedef struct {
    const mlops_gbdt_run_t     *run;
    const mlops_gbdt_leaf_t    *leaf;
    const mlops_gbdt_pair_t    *histogram;
    mlops_gbdt_split_t         *split;
} mlops_gbdt_subset_t;


static uint32_t mlops_gbdt_present(const mlops_gbdt_subset_t *s,
    uint32_t bins_n, mlops_gbdt_category_t *list);
static double mlops_gbdt_subset_gain(const mlops_gbdt_subset_t *s,
    mlops_gbdt_pair_t right, double l2);
static void mlops_gbdt_one_or_rest(mlops_gbdt_subset_t *s,
    const mlops_gbdt_category_t *list, uint32_t n);
static void mlops_gbdt_sorted(mlops_gbdt_subset_t *s,
    mlops_gbdt_category_t *list, uint32_t n);
static void mlops_gbdt_take(mlops_gbdt_subset_t *s,
    const mlops_gbdt_category_t *list, uint32_t first, uint32_t n,
    mlops_gbdt_pair_t right, double gain, double l2);


void
mlops_gbdt_search_categories(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, uint32_t feature,
    const mlops_gbdt_pair_t *histogram, mlops_gbdt_split_t *split)
{
    uint32_t               n;
    mlops_gbdt_subset_t    s;
    mlops_gbdt_category_t  list[MLOPS_GBDT_STRIDE];

    s.run = run;
    s.leaf = leaf;
    s.histogram = histogram;
    s.split = split;

    n = mlops_gbdt_present(&s, run->features[feature].bins_n, list);

    if (n < 2) {
        return;
    }

    if (run->features[feature].bins_n <= run->options->cat_few) {
        mlops_gbdt_one_or_rest(&s, list, n);
        return;
    }

    mlops_gbdt_sorted(&s, list, n);
}


/* The categories with rows here. */

static uint32_t
mlops_gbdt_present(const mlops_gbdt_subset_t *s, uint32_t bins_n,
    mlops_gbdt_category_t *list)
{
    uint32_t            b, n;
    mlops_gbdt_pair_t   sums;

    n = 0;

    for (b = 0; b < MLOPS_GBDT_STRIDE; b++) {

        if (b == bins_n) {
            b = MLOPS_GBDT_MISSING;
        }

        sums = s->histogram[b];

        if (sums[0] == 0 && sums[1] == 0) {
            continue;
        }

        list[n].bin = b;
        list[n++].ratio = mlops_gbdt_g(s->run, sums)
                          / (mlops_gbdt_h(s->run, sums)
                             + s->run->options->cat_smooth + 1e-300);
    }

    return n;
}


/* Of both children; 0 where they may not be. */

static double
mlops_gbdt_subset_gain(const mlops_gbdt_subset_t *s, mlops_gbdt_pair_t right,
    double l2)
{
    double                        gl, hl, gr, hr, rows;
    mlops_gbdt_pair_t             left;
    const mlops_gbdt_run_t       *run;
    const mlops_gbdt_leaf_t      *leaf;

    run = s->run;
    leaf = s->leaf;
    left = leaf->sums - right;
    rows = (double) run->options->min_rows;

    hl = mlops_gbdt_h(run, left);
    hr = mlops_gbdt_h(run, right);

    if (hl < run->options->min_hessian || hr < run->options->min_hessian
        || mlops_gbdt_count(run, left) < rows
        || mlops_gbdt_count(run, right) < rows)
    {
        return 0;
    }

    gl = mlops_gbdt_g(run, left);
    gr = mlops_gbdt_g(run, right);

    return mlops_gbdt_gain_of(run, gl, hl, l2,
               mlops_gbdt_weight(run, gl, hl, l2, leaf->lo, leaf->hi))
           + mlops_gbdt_gain_of(run, gr, hr, l2,
               mlops_gbdt_weight(run, gr, hr, l2, leaf->lo, leaf->hi));
}


static void
mlops_gbdt_one_or_rest(mlops_gbdt_subset_t *s,
    const mlops_gbdt_category_t *list, uint32_t n)
{
    double              gain;
    uint32_t            i;
    mlops_gbdt_pair_t   right;

    for (i = 0; i < n; i++) {
        right = s->histogram[list[i].bin];
        gain = mlops_gbdt_subset_gain(s, right, s->run->options->l2);

        if (gain > s->split->gain) {
            mlops_gbdt_take(s, list, i, 1, right, gain, s->run->options->l2);
        }
    }
}


static int
mlops_gbdt_by_ratio(const void *one, const void *two)
{
    const mlops_gbdt_category_t  *a, *b;

    a = one;
    b = two;

    if (a->ratio != b->ratio) {
        return a->ratio < b->ratio ? -1 : 1;
    }

    return (a->bin > b->bin) - (a->bin < b->bin);
}


static void
mlops_gbdt_sorted(mlops_gbdt_subset_t *s, mlops_gbdt_category_t *list,
    uint32_t n)
{
    double                         l2, gain, rows, all, group;
    uint32_t                       i, at, most, used, turn;
    mlops_gbdt_pair_t              right, sums;
    const mlops_gbdt_options_t    *options;

    options = s->run->options;
    l2 = options->l2 + options->cat_l2;
    all = mlops_gbdt_count(s->run, s->leaf->sums);
    used = 0;

    /* too few rows say nothing: such a category stays with the rest */

    for (i = 0; i < n; i++) {
        if (mlops_gbdt_count(s->run, s->histogram[list[i].bin])
            >= options->cat_smooth)
        {
            list[used++] = list[i];
        }
    }

    qsort(list, used, sizeof(*list), mlops_gbdt_by_ratio);

    most = (used + 1) / 2;
    most = most < options->cat_max ? most : options->cat_max;

    for (turn = 0; turn < 2; turn++) {
        right = (mlops_gbdt_pair_t) { 0, 0 };
        rows = 0;
        group = 0;

        for (i = 0; i < most && i < used; i++) {
            at = turn == 0 ? i : used - 1 - i;
            sums = s->histogram[list[at].bin];

            right += sums;
            rows += mlops_gbdt_count(s->run, sums);
            group += mlops_gbdt_count(s->run, sums);

            if (all - rows < options->cat_rows) {
                break;
            }

            if (group < options->cat_rows) {
                continue;
            }

            gain = mlops_gbdt_subset_gain(s, right, l2);

            if (gain == 0) {
                continue;
            }

            group = 0;

            if (gain > s->split->gain) {
                mlops_gbdt_take(s, list, turn == 0 ? 0 : at, i + 1, right,
                                gain, l2);
            }
        }
    }
}


static void
mlops_gbdt_take(mlops_gbdt_subset_t *s, const mlops_gbdt_category_t *list,
    uint32_t first, uint32_t n, mlops_gbdt_pair_t right, double gain,
    double l2)
{
    uint32_t             i, b;
    mlops_gbdt_split_t  *split;

    split = s->split;

    split->gain = gain;
    split->l2 = l2;
    split->categorical = 1;
    split->default_left = 1;
    split->left = s->leaf->sums - right;

    memset(split->set, 0, sizeof(split->set));

    for (i = first; i < first + n; i++) {
        b = list[i].bin;
        split->set[b >> 6] |= 1ull << (b & 63);

        if (b == MLOPS_GBDT_MISSING) {
            split->default_left = 0;
        }
    }
}
