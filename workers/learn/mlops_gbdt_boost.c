/*
 * Boosting: round after round a tree for each group, from the gradients of
 * the margins so far.
 *
 * With rows for tuning and early_stopping the rounds end when that many have
 * not lowered the loss of those rows, and the trees up to the best are kept.
 * Rounds also end when no tree of one has a split and nothing is left to
 * chance: all that follow would be the same.
 */

#include "mlops_gbdt_run.h"
#include "mlops_gbdt_forest.h"
#include "mlops_gbdt_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_GBDT_POOL     (32ull << 20)   /* bytes of histograms, at least */
#define MLOPS_GBDT_LOSSES   50              /* of the report, about */
#define MLOPS_GBDT_SLOTS    3               /* parent and children */
#define MLOPS_GBDT_PRECISE  8               /* bits of a hessian, at least */


typedef struct {
    mlops_gbdt_run_t    run;
    uint32_t            first;      /* rounds that were there */
    uint32_t            rounds;     /* so far */
    uint32_t            best;       /* rounds with the least loss */
    double              best_loss;
    double             *tuned;      /* loss of each round */
    double             *trained;    /* NaN: not computed */
} mlops_gbdt_boost_t;


static int mlops_gbdt_open_run(mlops_gbdt_boost_t *b,
    const mlops_matrix_t *train, const mlops_matrix_t *tune);
static int mlops_gbdt_open_base(mlops_gbdt_boost_t *b);
static int mlops_gbdt_counts(mlops_gbdt_run_t *run);
static int mlops_gbdt_memory(mlops_gbdt_boost_t *b);
static int mlops_gbdt_rounds(mlops_gbdt_boost_t *b);
static int mlops_gbdt_round(mlops_gbdt_boost_t *b, int *split);
static int mlops_gbdt_tree(mlops_gbdt_boost_t *b, uint32_t group, int *split);
static int mlops_gbdt_judge(mlops_gbdt_boost_t *b, int last);
static void mlops_gbdt_progress(mlops_gbdt_boost_t *b);
static int mlops_gbdt_finish(mlops_gbdt_boost_t *b);
static void mlops_gbdt_credit(mlops_gbdt_boost_t *b);
static void mlops_gbdt_close_run(mlops_gbdt_boost_t *b);


void
mlops_gbdt_defaults(mlops_gbdt_options_t *options)
{
    memset(options, 0, sizeof(*options));

    options->objective = MLOPS_GBDT_SQUARED;
    options->trees = 100;
    options->leaves = 31;
    options->bins = MLOPS_GBDT_BINS;
    options->sample = 200000;
    options->learning_rate = 0.1;
    options->l2 = 1;
    options->min_hessian = 1;
    options->min_rows = 1;
    options->quantile = 0.5;
    options->delta = 1;
    options->row_fraction = 1;
    options->column_fraction = 1;
    options->node_fraction = 1;
    options->cat_smooth = 10;
    options->cat_l2 = 10;
    options->cat_max = 32;
    options->cat_few = 4;
    options->cat_rows = 100;
    options->seed = 1;
}


int
mlops_gbdt_train(mlops_gbdt_model_t *model,
    const mlops_gbdt_options_t *options, const mlops_matrix_t *train,
    const mlops_matrix_t *tune, mlops_err_t *err)
{
    int                  rc;
    mlops_gbdt_boost_t  *b;

    memset(model, 0, sizeof(*model));

    b = calloc(1, sizeof(*b));
    model->own = b;

    if (b == NULL) {
        return mlops_err_set(err, "no memory");
    }

    b->run.options = options;
    b->run.model = model;
    b->run.err = err;
    b->run.groups_n = options->objective == MLOPS_GBDT_SOFTMAX
                      ? options->classes_n : 1;
    b->run.arena = malloc(sizeof(*b->run.arena));

    if (b->run.arena == NULL) {
        return mlops_err_set(err, "no memory");
    }

    mlops_arena_init(b->run.arena, NULL, NULL);

    rc = mlops_gbdt_open_run(b, train, tune);

    if (rc == MLOPS_OK) {
        rc = mlops_gbdt_rounds(b);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_gbdt_finish(b);
    }

    mlops_gbdt_close_run(b);

    return rc;
}


static int
mlops_gbdt_open_run(mlops_gbdt_boost_t *b, const mlops_matrix_t *train,
    const mlops_matrix_t *tune)
{
    mlops_gbdt_run_t  *run;

    run = &b->run;

    run->team = mlops_gbdt_team_create(run->options->threads, run->err);

    if (run->team == NULL) {
        return MLOPS_ERROR;
    }

    run->model->columns_n = train->columns_n;
    run->model->columns = mlops_arena_calloc(run->arena,
                                             (size_t) train->columns_n + 1,
                                             sizeof(*run->model->columns));
    run->prior = mlops_arena_calloc(run->arena, run->groups_n,
                                    sizeof(*run->prior));
    run->model->forest.base = mlops_arena_calloc(run->arena, run->groups_n,
                                                 sizeof(double));

    if (run->model->columns == NULL || run->prior == NULL
        || run->model->forest.base == NULL)
    {
        return mlops_err_set(run->err, "no memory for %u columns",
                             train->columns_n);
    }

    if (mlops_gbdt_rows(run, &run->train, train, "training") != MLOPS_OK
        || (tune != NULL
            && mlops_gbdt_rows(run, &run->tune, tune, "tuning") != MLOPS_OK))
    {
        return MLOPS_ERROR;
    }

    run->tuned = tune != NULL;
    run->model->rows_n = run->train.n;

    if (mlops_gbdt_cuts(run) != MLOPS_OK
        || mlops_gbdt_counts(run) != MLOPS_OK
        || mlops_gbdt_bin(run, &run->train, 1) != MLOPS_OK
        || (tune != NULL && mlops_gbdt_bin(run, &run->tune, 0) != MLOPS_OK)
        || mlops_gbdt_memory(b) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_gbdt_open_base(b);
}


static int
mlops_gbdt_open_base(mlops_gbdt_boost_t *b)
{
    double                 *base;
    uint32_t                g;
    uint64_t                i;
    mlops_gbdt_run_t       *run;
    mlops_gbdt_rows_t      *rows;
    const mlops_forest_t   *start;

    run = &b->run;
    start = run->options->start;
    base = (double *) run->model->forest.base;

    if (start != NULL) {
        memcpy(base, start->base, run->groups_n * sizeof(*base));

        if (mlops_gbdt_append_start(run) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

    } else if (mlops_gbdt_base(run, base) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (rows = &run->train; rows != NULL;
         rows = rows == &run->train && run->tuned ? &run->tune : NULL)
    {
        for (g = 0; g < run->groups_n; g++) {
            for (i = 0; i < rows->n; i++) {
                rows->margin[rows->n * g + i] = (float) (base[g]
                                                         + run->prior[g]);
            }
        }

        if (start != NULL) {
            mlops_gbdt_start(run, rows);
        }
    }

    if (start != NULL) {
        b->first = start->trees_n / run->groups_n;
        b->rounds = b->first;
        run->tree = start->trees_n;
    }

    return MLOPS_OK;
}


/* Are rows to be counted in sums, and have those the room? */

static int
mlops_gbdt_counts(mlops_gbdt_run_t *run)
{
    int       asked;
    uint32_t  f, bits;

    asked = run->options->min_rows > 1;
    run->limited = run->options->max_delta_step > 0;

    for (f = 0; f < run->features_n; f++) {
        asked = asked || run->features[f].categorical;
        run->limited = run->limited || run->features[f].monotone != 0;
    }

    if (run->train.weight == NULL
        && (run->options->objective == MLOPS_GBDT_SQUARED
            || run->options->objective == MLOPS_GBDT_QUANTILE
            || run->options->objective == MLOPS_GBDT_HUBER))
    {
        run->unit_h = 1;
        return MLOPS_OK;
    }

    run->counted = asked;

    for (bits = 1; (run->train.n >> bits) > 0; bits++) {
        /* void */
    }

    if (asked && 2 * bits + MLOPS_GBDT_PRECISE > 61) {
        return mlops_err_set(run->err, "expected at most 2^26 rows where "
                             "min_rows is above 1 or a column has "
                             "categories, got %llu",
                             (unsigned long long) run->train.n);
    }

    return MLOPS_OK;
}


static int
mlops_gbdt_memory(mlops_gbdt_boost_t *b)
{
    size_t             rows, features, leaves, rounds, slot, bytes;
    mlops_gbdt_run_t  *run;

    run = &b->run;
    rows = mlops_align(run->train.n, 8);
    features = (size_t) run->features_n + 1;
    leaves = run->options->leaves;
    rounds = run->options->trees;

    run->slot_pairs = mlops_align(run->features_n, 4) * MLOPS_GBDT_STRIDE;
    slot = run->slot_pairs * sizeof(*run->pool);

    bytes = run->train.n * run->train.bins.stride;
    bytes = bytes < MLOPS_GBDT_POOL ? MLOPS_GBDT_POOL : bytes;
    run->slots_n = (uint32_t) (slot && bytes / slot < leaves ? bytes / slot
                                                             : leaves);
    run->slots_n = run->slots_n < MLOPS_GBDT_SLOTS ? MLOPS_GBDT_SLOTS
                                                   : run->slots_n;

    run->pairs = calloc(rows, 2 * sizeof(*run->pairs));
    run->order = malloc(rows * sizeof(*run->order));
    run->spare = malloc(rows * sizeof(*run->spare));
    run->block_most = malloc(mlops_gbdt_blocks(rows) * 2
                             * sizeof(*run->block_most));
    run->free_slots = malloc(run->slots_n * sizeof(*run->free_slots));
    run->every = malloc(features * sizeof(*run->every));
    run->chosen = malloc(features * sizeof(*run->chosen));
    run->node_chosen = malloc(features * sizeof(*run->node_chosen));
    run->keys = malloc(features * sizeof(*run->keys));
    run->found = malloc(features * sizeof(*run->found));
    run->leaves = aligned_alloc(16, leaves * sizeof(*run->leaves));
    run->nodes = malloc(2 * leaves * sizeof(*run->nodes));
    run->heap = malloc(leaves * sizeof(*run->heap));
    b->tuned = malloc((rounds + 1) * sizeof(*b->tuned));
    b->trained = malloc((rounds + 1) * sizeof(*b->trained));

    bytes = run->tuned && run->tune.n > run->train.n ? run->tune.n
                                                     : run->train.n;
    run->block_sums = malloc(mlops_gbdt_blocks(bytes) * 2
                             * sizeof(*run->block_sums));

    if (posix_memalign((void **) &run->pool, 64, run->slots_n * slot + 64)
        != 0)
    {
        run->pool = NULL;
    }

    bytes = (mlops_gbdt_team_size(run->team) - 1) * slot + 64;

    if (posix_memalign((void **) &run->partial, 64, bytes) != 0) {
        run->partial = NULL;
    }

    if (run->options->objective == MLOPS_GBDT_SOFTMAX) {
        run->shares = malloc(run->train.n * run->groups_n
                             * sizeof(*run->shares));
    }

    if (run->options->row_fraction < 1) {
        run->taken = malloc(run->train.n);
    }

    if (run->pairs == NULL || run->order == NULL || run->spare == NULL
        || run->block_most == NULL || run->free_slots == NULL
        || run->every == NULL || run->chosen == NULL
        || run->node_chosen == NULL || run->keys == NULL
        || run->found == NULL || run->leaves == NULL || run->nodes == NULL
        || run->heap == NULL || b->tuned == NULL || b->trained == NULL
        || run->block_sums == NULL || run->pool == NULL
        || run->partial == NULL
        || (run->options->objective == MLOPS_GBDT_SOFTMAX
            && run->shares == NULL)
        || (run->options->row_fraction < 1 && run->taken == NULL))
    {
        return mlops_err_set(run->err, "no memory for trees of %zu leaves "
                             "from %llu rows of %u features", leaves,
                             (unsigned long long) run->train.n,
                             run->features_n);
    }

    run->model->memory += rows * (2 * sizeof(*run->pairs)
                                  + 2 * sizeof(*run->order))
                          + run->slots_n * slot + bytes
                          + (run->shares ? run->train.n * run->groups_n
                                           * sizeof(*run->shares) : 0);

    return MLOPS_OK;
}


static int
mlops_gbdt_rounds(mlops_gbdt_boost_t *b)
{
    int                split, chance;
    uint32_t           i, all;
    mlops_gbdt_run_t  *run;

    run = &b->run;
    all = b->first + run->options->trees;
    chance = run->options->row_fraction < 1
             || run->options->column_fraction < 1
             || run->options->node_fraction < 1;

    if (run->features_n == 0) {
        run->model->stopped = "no column has two values";
    }

    b->best = b->rounds;

    if (mlops_gbdt_judge(b, 0) != MLOPS_OK) {
        return MLOPS_OK;
    }

    for (i = b->rounds; i < all && run->features_n > 0; i++) {

        if (mlops_gbdt_round(b, &split) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (!split && !chance) {
            run->model->stopped = "no split gains";

            /* the first trees of classes have their shares in them */

            if (i > 0 || run->shares == NULL) {
                mlops_gbdt_cut_forest(run, i * run->groups_n);
                break;
            }
        }

        b->rounds = i + 1;

        if (mlops_gbdt_judge(b, i + 1 == all) != MLOPS_OK) {
            run->model->stopped = "early";
            break;
        }

        mlops_gbdt_progress(b);
    }

    return MLOPS_OK;
}


static int
mlops_gbdt_round(mlops_gbdt_boost_t *b, int *split)
{
    uint32_t           g;
    mlops_gbdt_run_t  *run;

    run = &b->run;
    *split = 0;

    mlops_gbdt_shares(run);

    for (g = 0; g < run->groups_n; g++) {

        if (mlops_gbdt_tree(b, g, split) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_gbdt_tree(mlops_gbdt_boost_t *b, uint32_t group, int *split)
{
    uint32_t           i;
    uint64_t           n;
    mlops_gbdt_run_t  *run;

    run = &b->run;

    mlops_gbdt_take_rows(run, b->rounds);
    mlops_gbdt_take_features(run);

    if (mlops_gbdt_gradients(run, group) != MLOPS_OK
        || mlops_gbdt_grow(run) != MLOPS_OK
        || mlops_gbdt_refit(run, group) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *split |= run->leaves_n > 1;

    if (run->shares != NULL && b->rounds == 0) {

        /* margins begin anew, at 0: shares go into the leaves */

        for (i = 0; i < run->nodes_n; i++) {
            run->nodes[i].value = (float) ((double) run->nodes[i].value
                                           + run->prior[group]);
        }

        n = run->train.n;
        memset(run->train.margin + n * group, 0, n * sizeof(float));

        if (run->tuned) {
            n = run->tune.n;
            memset(run->tune.margin + n * group, 0, n * sizeof(float));
        }
    }

    mlops_gbdt_add(run, &run->train, group, 1);

    if (run->tuned) {
        mlops_gbdt_add(run, &run->tune, group, 0);
    }

    run->tree++;

    return mlops_gbdt_append(run, group);
}


/* The losses after a round; MLOPS_ERROR: enough. */

static int
mlops_gbdt_judge(mlops_gbdt_boost_t *b, int last)
{
    double             loss;
    uint32_t           i, every, stop;
    mlops_gbdt_run_t  *run;

    run = &b->run;
    i = b->rounds - b->first;
    every = run->options->trees / 10 + 1;
    stop = run->options->early_stopping;

    b->trained[i] = NAN;
    b->tuned[i] = NAN;

    if (i % every == 0 || last) {
        b->trained[i] = mlops_gbdt_loss(run, &run->train);
    }

    if (!run->tuned) {
        b->best = b->rounds;
        return MLOPS_OK;
    }

    if (stop == 0 && i % every != 0 && !last) {
        b->best = b->rounds;
        return MLOPS_OK;
    }

    loss = mlops_gbdt_loss(run, &run->tune);
    b->tuned[i] = loss;

    if (stop == 0) {
        b->best = b->rounds;
        return MLOPS_OK;
    }

    /* without a tree classes have no shares: no model ends there */

    if (b->rounds == 0 && run->shares != NULL) {
        b->best_loss = INFINITY;
        return MLOPS_OK;
    }

    if (i == 0 || loss < b->best_loss) {
        b->best_loss = loss;
        b->best = b->rounds;
    }

    return b->rounds - b->best >= stop ? MLOPS_ERROR : MLOPS_OK;
}


static void
mlops_gbdt_progress(mlops_gbdt_boost_t *b)
{
    char                     text[64];
    double                   loss;
    uint32_t                 i;
    const mlops_fit_env_t   *env;

    env = b->run.options->env;

    if (env == NULL || env->progress == NULL) {
        return;
    }

    i = b->rounds - b->first;
    loss = isnan(b->tuned[i]) ? b->trained[i] : b->tuned[i];

    text[0] = '\0';

    if (!isnan(loss)) {
        (void) snprintf(text, sizeof(text), "loss %.6g", loss);
    }

    env->progress(env->ctx, i, b->run.options->trees, text);
}


static int
mlops_gbdt_finish(mlops_gbdt_boost_t *b)
{
    uint32_t             i, n, every;
    mlops_gbdt_run_t    *run;
    mlops_gbdt_model_t  *model;

    run = &b->run;
    model = run->model;

    mlops_gbdt_cut_forest(run, b->best * run->groups_n);

    model->forest.features_n = model->columns_n;
    model->forest.groups_n = run->groups_n;
    model->forest.leaf_size = 1;
    model->forest.f32 = 1;
    model->grown = b->rounds;
    model->rounds = b->best;

    mlops_gbdt_credit(b);

    n = b->rounds - b->first;
    every = n / MLOPS_GBDT_LOSSES + 1;
    model->losses = mlops_arena_alloc(run->arena, (n / every + 3)
                                                  * sizeof(*model->losses));

    if (model->losses == NULL) {
        return mlops_err_set(run->err, "no memory for losses");
    }

    for (i = 0; i <= n; i++) {

        if (isnan(b->trained[i]) && isnan(b->tuned[i])) {
            continue;
        }

        if (i % every == 0 || i == n || b->first + i == b->best) {
            model->losses[model->losses_n].round = b->first + i;
            model->losses[model->losses_n].train = b->trained[i];
            model->losses[model->losses_n++].tune = b->tuned[i];
        }
    }

    return MLOPS_OK;
}


/* Gains of the trees that were kept. */

static void
mlops_gbdt_credit(mlops_gbdt_boost_t *b)
{
    uint32_t                    i;
    mlops_gbdt_model_t         *model;
    const mlops_forest_node_t  *node;

    model = b->run.model;

    for (i = 0; i < model->forest.nodes_n; i++) {
        node = &model->forest.nodes[i];

        if (node->feature != MLOPS_TREES_LEAF) {
            model->columns[node->feature].splits++;
            model->columns[node->feature].gain += b->run.gains[i];
        }
    }
}


/* What the model does not keep. */

static void
mlops_gbdt_close_run(mlops_gbdt_boost_t *b)
{
    mlops_gbdt_run_t  *run;

    run = &b->run;

    mlops_gbdt_rows_free(&run->train);
    mlops_gbdt_rows_free(&run->tune);
    mlops_gbdt_team_destroy(run->team);

    free(run->pairs);
    free(run->shares);
    free(run->block_most);
    free(run->block_sums);
    free(run->order);
    free(run->spare);
    free(run->taken);
    free(run->pool);
    free(run->partial);
    free(run->free_slots);
    free(run->every);
    free(run->chosen);
    free(run->node_chosen);
    free(run->keys);
    free(run->found);
    free(run->nodes);
    free(run->leaves);
    free(run->heap);
    free(run->gains);
    free(b->tuned);
    free(b->trained);
}


void
mlops_gbdt_free(mlops_gbdt_model_t *model)
{
    mlops_gbdt_boost_t  *b;

    b = model->own;

    if (b == NULL) {
        return;
    }

    if (b->run.arena != NULL) {
        mlops_arena_destroy(b->run.arena);
        free(b->run.arena);
    }

    free(b->run.forest_nodes);
    free(b->run.forest_values);
    free(b->run.forest_codes);
    free(b->run.roots);
    free(b->run.group);
    free(b);

    model->own = NULL;
}
