/*
 * The best split of a leaf.
 *
 * Each feature is scanned from its lowest bin on; where rows miss it they go
 * left or right, whatever gains more.  The first of equal gains is taken, by
 * feature, then direction (right first), then bin, so that the answer is one
 * whoever scans.  A scan without bounds looks at eight bins at once.
 */

#include "mlops_gbdt_run.h"
#include "mlops_gbdt_scan.h"


#define MLOPS_GBDT_TINY    1e-12        /* of the children's gains: noise */
#define MLOPS_GBDT_SHARED  4            /* features that are worth a thread */


typedef struct {
    mlops_gbdt_run_t          *run;
    const mlops_gbdt_leaf_t   *leaf;
    const uint32_t            *features;
} mlops_gbdt_look_t;


static void mlops_gbdt_search_part(void *ctx, uint64_t part,
    uint32_t worker);
static const uint32_t *mlops_gbdt_node_features(mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, uint32_t *n);
static void mlops_gbdt_search_numbers(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, uint32_t feature,
    const mlops_gbdt_pair_t *histogram, mlops_gbdt_split_t *split);
static void mlops_gbdt_search_bounded(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, uint32_t feature,
    const mlops_gbdt_scan_t *scan, double *gains);
static void mlops_gbdt_right_of(mlops_gbdt_split_t *split,
    const mlops_gbdt_feature_t *feature);


void
mlops_gbdt_search(mlops_gbdt_run_t *run, mlops_gbdt_leaf_t *leaf)
{
    double              parent, least, w;
    uint32_t            i, n;
    mlops_gbdt_look_t   look;

    look.run = run;
    look.leaf = leaf;
    look.features = mlops_gbdt_node_features(run, leaf, &n);

    mlops_gbdt_team_run(run->team, mlops_gbdt_search_part, &look, n);

    leaf->split.gain = 0;

    for (i = 0; i < n; i++) {
        if (run->found[i].gain > leaf->split.gain) {
            leaf->split = run->found[i];
        }
    }

    if (leaf->split.gain == 0) {
        return;
    }

    /* so far the gain of both children */

    w = mlops_gbdt_weight(run, mlops_gbdt_g(run, leaf->sums),
                          mlops_gbdt_h(run, leaf->sums), run->options->l2,
                          leaf->lo, leaf->hi);
    parent = mlops_gbdt_gain_of(run, mlops_gbdt_g(run, leaf->sums),
                                mlops_gbdt_h(run, leaf->sums),
                                run->options->l2, w);

    least = MLOPS_GBDT_TINY * leaf->split.gain;
    leaf->split.gain -= parent;

    if (!(leaf->split.gain > run->options->min_gain
          && leaf->split.gain > least))
    {
        leaf->split.gain = 0;
    }
}


static void
mlops_gbdt_search_part(void *ctx, uint64_t part, uint32_t worker)
{
    uint32_t                   feature;
    mlops_gbdt_run_t          *run;
    mlops_gbdt_look_t         *look;
    mlops_gbdt_split_t        *split;
    const mlops_gbdt_pair_t   *histogram;

    (void) worker;

    look = ctx;
    run = look->run;
    feature = look->features[part];
    split = &run->found[part];
    histogram = run->pool + (uint64_t) look->leaf->slot * run->slot_pairs
                + (uint64_t) feature * MLOPS_GBDT_STRIDE;

    split->gain = 0;
    split->feature = feature;
    split->l2 = run->options->l2;

    if (run->features[feature].categorical) {
        mlops_gbdt_search_categories(run, look->leaf, feature, histogram,
                                     split);
        return;
    }

    mlops_gbdt_search_numbers(run, look->leaf, feature, histogram, split);
}


/* Those of the tree, or of them some by chance. */

static const uint32_t *
mlops_gbdt_node_features(mlops_gbdt_run_t *run, const mlops_gbdt_leaf_t *leaf,
    uint32_t *n)
{
    if (run->options->node_fraction >= 1) {
        *n = run->chosen_n;
        return run->chosen;
    }

    *n = mlops_gbdt_choose(run, run->chosen, run->chosen_n,
                           run->options->node_fraction,
                           MLOPS_GBDT_NODES + run->tree,
                           (uint64_t) leaf->node << 32, run->node_chosen);

    return run->node_chosen;
}


static void
mlops_gbdt_search_numbers(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, uint32_t feature,
    const mlops_gbdt_pair_t *histogram, mlops_gbdt_split_t *split)
{
    double                        best, gains[MLOPS_GBDT_STRIDE];
    uint32_t                      b, n, turn;
    mlops_gbdt_scan_t             scan;
    mlops_gbdt_pair_t             missing;
    const mlops_gbdt_feature_t   *f;

    f = &run->features[feature];
    missing = histogram[MLOPS_GBDT_MISSING];

    memset(&scan, 0, sizeof(scan));

    scan.histogram = histogram;
    scan.total = leaf->sums;
    scan.mask = run->counted ? (1ll << run->count_bits) - 1 : 0;
    scan.scale[0] = run->scale[0];
    scan.scale[1] = run->scale[1];
    scan.l1 = run->options->l1;
    scan.l2 = run->options->l2;
    scan.min_hessian = run->options->min_hessian;
    scan.min_rows = run->counted || run->unit_h > 0
                    ? (double) run->options->min_rows : 0;
    scan.unit_h = run->unit_h;

    /* missing to the right, then to the left; the last bin may be alone on
     * the left only where the missing are on the right */

    for (turn = 0; turn < 2; turn++) {
        n = f->bins_n - 1;

        if (missing[0] != 0 || missing[1] != 0) {
            n += turn == 0;

        } else if (turn == 1) {
            break;
        }

        if (turn == 1) {
            scan.base = missing;
        }

        scan.n = n;

        if (run->limited) {
            mlops_gbdt_search_bounded(run, leaf, feature, &scan, gains);

        } else {
            mlops_gbdt_scanner()(&scan, gains);
        }

        best = split->gain;

        for (b = 0; b < n; b++) {
            if (gains[b] > best) {
                best = gains[b];
                split->gain = best;
                split->bin = (uint8_t) b;
                split->default_left = (uint8_t) turn;
            }
        }
    }

    if (split->gain == 0) {
        return;
    }

    split->left = (mlops_gbdt_pair_t) { 0, 0 };

    for (b = 0; b <= split->bin; b++) {
        split->left += histogram[b];
    }

    if (missing[0] == 0 && missing[1] == 0) {

        /* none has shown the way: with the heavier child */

        split->default_left = (uint8_t) (mlops_gbdt_h(run, split->left)
                          >= mlops_gbdt_h(run, leaf->sums - split->left));

    } else if (split->default_left) {
        split->left += missing;
    }

    split->categorical = 0;
    mlops_gbdt_right_of(split, f);
}


/* The bins above, and the one of missing values. */

static void
mlops_gbdt_right_of(mlops_gbdt_split_t *split,
    const mlops_gbdt_feature_t *feature)
{
    uint32_t  b;

    (void) feature;

    memset(split->set, 0, sizeof(split->set));

    for (b = split->bin + 1u; b < MLOPS_GBDT_MISSING; b++) {
        split->set[b >> 6] |= 1ull << (b & 63);
    }

    if (!split->default_left) {
        split->set[3] |= 1ull << 63;
    }
}


/* Values within bounds, and in the order that a monotone feature asks for
 * of values that are there: missing ones may be split off whatever they
 * are, behind the last bin, so that no value is on their side. */

static void
mlops_gbdt_search_bounded(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, uint32_t feature,
    const mlops_gbdt_scan_t *scan, double *gains)
{
    int                 sign, last;
    double              g, h, wl, wr, gl, hl;
    uint32_t            b, bins_n;
    mlops_gbdt_pair_t   left, right, missing;

    sign = run->features[feature].monotone;
    bins_n = run->features[feature].bins_n;
    missing = scan->histogram[MLOPS_GBDT_MISSING];
    left = scan->base;

    for (b = 0; b < scan->n; b++) {
        left += scan->histogram[b];
        right = scan->total - left;
        last = (b + 1 == bins_n);
        gains[b] = 0;

        if (sign != 0 && scan->n == bins_n && !last
            && right[0] == missing[0] && right[1] == missing[1])
        {
            continue;
        }

        gl = mlops_gbdt_g(run, left);
        hl = mlops_gbdt_h(run, left);
        g = mlops_gbdt_g(run, right);
        h = mlops_gbdt_h(run, right);

        if (hl < scan->min_hessian || h < scan->min_hessian
            || mlops_gbdt_count(run, left) < scan->min_rows
            || mlops_gbdt_count(run, right) < scan->min_rows)
        {
            continue;
        }

        wl = mlops_gbdt_weight(run, gl, hl, scan->l2, leaf->lo, leaf->hi);
        wr = mlops_gbdt_weight(run, g, h, scan->l2, leaf->lo, leaf->hi);

        if (!last && ((sign > 0 && wl > wr) || (sign < 0 && wl < wr))) {
            continue;
        }

        gains[b] = mlops_gbdt_gain_of(run, gl, hl, scan->l2, wl)
                   + mlops_gbdt_gain_of(run, g, h, scan->l2, wr);
    }
}
