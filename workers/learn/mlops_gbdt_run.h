/*
 * A fit of boosted trees under way.  Internal to workers/learn/mlops_gbdt*.
 *
 * Rows are those of the matrix with a weight above 0, numbered from 0.  A
 * feature is a column that has at least two bins (missing counts as one).
 *
 *     bins        a byte for each row and feature: 0 to bins_n - 1, or
 *                 MISSING; by rows (padded to a multiple of 4 bytes) for
 *                 histograms and walks, by columns for partitions
 *     histogram   STRIDE pairs of 64-bit integers a feature: the sum of
 *                 gradients of each bin, and that of hessians, whose low
 *                 count_bits bits count rows where counts are needed
 *     node        sends bins whose bit is in its set right, others left
 */

#ifndef MLOPS_GBDT_RUN_H
#define MLOPS_GBDT_RUN_H


#include "mlops_gbdt.h"
#include "mlops_random.h"


#define MLOPS_GBDT_MISSING  255
#define MLOPS_GBDT_STRIDE   256
#define MLOPS_GBDT_BLOCK    8192        /* rows of a part of parallel work */
#define MLOPS_GBDT_CODES    4096        /* codes of a recipe's sets */

/* streams of mlops_random_at() */
#define MLOPS_GBDT_SAMPLE   1
#define MLOPS_GBDT_ROWS     (1ull << 32)    /* + round */
#define MLOPS_GBDT_COLUMNS  (2ull << 32)    /* + tree */
#define MLOPS_GBDT_NODES    (3ull << 32)    /* + tree */


typedef long long  mlops_gbdt_pair_t
    __attribute__((vector_size(16), may_alias));


/* Threads: mlops_gbdt_team.c. */

typedef struct mlops_gbdt_team_s  mlops_gbdt_team_t;

typedef void (*mlops_gbdt_part_pt)(void *ctx, uint64_t part,
    uint32_t worker);

mlops_gbdt_team_t *mlops_gbdt_team_create(uint32_t threads, mlops_err_t *err);
void mlops_gbdt_team_destroy(mlops_gbdt_team_t *team);
uint32_t mlops_gbdt_team_size(const mlops_gbdt_team_t *team);
/* Calls fn for parts 0 to n - 1, each once, by any worker in any order. */
void mlops_gbdt_team_run(mlops_gbdt_team_t *team, mlops_gbdt_part_pt fn,
    void *ctx, uint64_t n);

/* The code that a categorical feature's bin has in serving. */
#define mlops_gbdt_code(feature, bin)                                         \
    ((feature)->mapped ? (bin) : (uint32_t) (feature)->values[bin])

#define mlops_gbdt_blocks(n)                                                  \
    (((n) + MLOPS_GBDT_BLOCK - 1) / MLOPS_GBDT_BLOCK)


/* Bins: mlops_gbdt_cuts.c, mlops_gbdt_bins.c. */

typedef struct {
    uint32_t   column;
    uint32_t   bins_n;              /* of values */
    unsigned   categorical:1;
    unsigned   missing:1;           /* some training row misses it */
    unsigned   mapped:1;            /* categorical: serving maps it to bins,
                                       else to values */
    unsigned   infinite:1;          /* what went wrong with it */
    unsigned   failed:1;
    int8_t     monotone;
    float     *cuts;                /* bins_n - 1, then infinities up to 256;
                                       bin: how many are <= the value */
    uint32_t  *codes;               /* room for describing categories */
    double    *values;              /* of numbers: ascending */
    uint8_t   *bin_of;              /* of CODES: by code below known_n */
    uint32_t   known_n;
} mlops_gbdt_feature_t;


typedef struct {
    uint64_t   n;
    uint32_t   stride;
    uint8_t   *rows;
    uint8_t   *columns;             /* or NULL */
} mlops_gbdt_bins_t;


/* A set of rows: of the training matrix, or the tuning one. */

typedef struct {
    const mlops_matrix_t  *matrix;
    uint64_t               n;
    uint32_t              *numbers;     /* of rows in the columns; NULL: 0, 1,
                                           … */
    float                 *target;
    float                 *weight;      /* NULL: 1 each */
    float                 *margin;      /* n of each group, group by group */
    mlops_gbdt_bins_t      bins;
} mlops_gbdt_rows_t;

#define mlops_gbdt_number(rows, i)                                            \
    ((rows)->numbers ? (rows)->numbers[i] : (i))


/* Trees. */

#define MLOPS_GBDT_LEAF  UINT32_MAX

typedef struct {
    uint32_t   feature;             /* or LEAF */
    uint32_t   left;
    uint32_t   right;
    uint8_t    default_left;
    uint8_t    categorical;
    float      threshold;
    float      value;               /* of a leaf */
    double     gain;
    uint64_t   set[4];              /* bins that go right */
} mlops_gbdt_node_t;

#define mlops_gbdt_in(set, bin)                                               \
    (((set)[(bin) >> 6] >> ((bin) & 63)) & 1)


typedef struct {
    double             gain;        /* <= 0: no split */
    double             l2;          /* of the children */
    uint32_t           feature;
    uint8_t            bin;         /* numerical: the last that goes left */
    uint8_t            default_left;
    uint8_t            categorical;
    uint64_t           set[4];
    mlops_gbdt_pair_t  left;        /* its sums */
} mlops_gbdt_split_t;


typedef struct {
    uint32_t           node;
    uint32_t           depth;
    uint64_t           first;       /* its rows, in run->order */
    uint64_t           n;
    int32_t            slot;        /* of its histogram; -1: none */
    double             lo;          /* of its value: monotone features */
    double             hi;
    double             l2;
    mlops_gbdt_pair_t  sums;
    mlops_gbdt_split_t split;
} mlops_gbdt_leaf_t;


typedef struct {
    const mlops_gbdt_options_t  *options;
    mlops_gbdt_team_t           *team;
    mlops_gbdt_model_t          *model;
    mlops_err_t                 *err;
    mlops_arena_t               *arena;     /* the model's */

    uint32_t                     groups_n;
    uint32_t                     features_n;
    mlops_gbdt_feature_t        *features;
    mlops_gbdt_feature_t        *known;     /* of each column */
    mlops_gbdt_rows_t            train;
    mlops_gbdt_rows_t            tune;
    unsigned                     tuned:1;

    /* gradients of the tree that grows */
    float                       *pairs;     /* g and h of each row */
    float                       *shares;    /* softmax: n a class */
    double                       unit_h;    /* every hessian; 0: they differ */
    unsigned                     counted:1; /* rows are counted in sums */
    unsigned                     limited:1; /* bounds or steps: scan slowly */
    uint32_t                     count_bits;
    double                       up[2];     /* powers of two, to integers */
    double                       scale[2];  /* and back */
    float                       *block_most;    /* g and h of blocks */
    double                      *block_sums;    /* losses and weights */
    double                       grid;      /* rounds hessians */

    /* rows */
    uint32_t                    *order;
    uint32_t                    *spare;
    uint64_t                     rows_n;    /* of the round */
    uint32_t                     round;
    uint8_t                     *taken;     /* by row; NULL: all */

    /* histograms */
    mlops_gbdt_pair_t           *pool;
    uint32_t                     slots_n;
    uint32_t                    *free_slots;
    uint32_t                     free_n;
    uint64_t                     slot_pairs;
    mlops_gbdt_pair_t           *partial;   /* of the other workers */

    /* features of the tree */
    uint32_t                    *chosen;
    uint32_t                     chosen_n;
    uint32_t                    *every;     /* 0 to features_n - 1 */
    uint64_t                    *keys;      /* scratch of choosing */
    uint32_t                    *node_chosen;
    mlops_gbdt_split_t          *found;     /* by place in chosen */

    /* the tree */
    mlops_gbdt_node_t           *nodes;
    uint32_t                     nodes_n;
    mlops_gbdt_leaf_t           *leaves;
    uint32_t                     leaves_n;
    uint32_t                    *heap;      /* open leaves, best first */
    uint32_t                     heap_n;
    uint32_t                     tree;      /* its number, of all */
    double                      *prior;     /* softmax: of each class */

    /* the forest that grows */
    mlops_forest_node_t         *forest_nodes;
    double                      *forest_values;
    uint32_t                    *forest_codes;
    double                      *gains;     /* of each node */
    uint32_t                    *roots;
    uint32_t                    *group;
    size_t                       nodes_size;
    size_t                       gains_size;
    size_t                       values_size;
    size_t                       codes_size;
    size_t                       roots_size;
    size_t                       group_size;
} mlops_gbdt_run_t;


/* Finds the features and their cuts. */
int mlops_gbdt_cuts(mlops_gbdt_run_t *run);
/* An error of the first row of a column with such a number. */
int mlops_gbdt_infinite(mlops_gbdt_run_t *run, const mlops_gbdt_rows_t *rows,
    uint32_t number);
/* Fills rows->bins. */
int mlops_gbdt_bin(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows,
    int columns);

/* Objectives: base margins of all groups; pairs of one group; losses. */
int mlops_gbdt_base(mlops_gbdt_run_t *run, double *base);
void mlops_gbdt_shares(mlops_gbdt_run_t *run);
/* Sets run->pairs, scales. */
int mlops_gbdt_gradients(mlops_gbdt_run_t *run, uint32_t group);
double mlops_gbdt_loss(mlops_gbdt_run_t *run, const mlops_gbdt_rows_t *rows);
/* New values of all leaves, by residuals. */
int mlops_gbdt_refit(mlops_gbdt_run_t *run, uint32_t group);

/* Histogram of run->order[first, first + n) into the slot. */
void mlops_gbdt_histogram(mlops_gbdt_run_t *run, uint64_t first, uint64_t n,
    mlops_gbdt_pair_t *slot);
/* from -= by */
void mlops_gbdt_subtract(mlops_gbdt_run_t *run, mlops_gbdt_pair_t *from,
    const mlops_gbdt_pair_t *by);
/* Sums of the rows. */
mlops_gbdt_pair_t mlops_gbdt_sums(const mlops_gbdt_run_t *run,
    const mlops_gbdt_pair_t *slot);

/* A fraction of n features, at least one, by chance, in order; returns how
 * many. */
uint32_t mlops_gbdt_choose(mlops_gbdt_run_t *run, const uint32_t *from,
    uint32_t n, double fraction, uint64_t stream, uint64_t at, uint32_t *to);
/* The rows and the features of a round and a tree. */
void mlops_gbdt_take_rows(mlops_gbdt_run_t *run, uint32_t round);
void mlops_gbdt_take_features(mlops_gbdt_run_t *run);

/* The best split of a leaf, into leaf->split. */
void mlops_gbdt_search(mlops_gbdt_run_t *run, mlops_gbdt_leaf_t *leaf);
void mlops_gbdt_search_categories(const mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, uint32_t feature,
    const mlops_gbdt_pair_t *histogram, mlops_gbdt_split_t *split);

/* Puts the rows that go left first, in order; returns how many. */
uint64_t mlops_gbdt_partition(mlops_gbdt_run_t *run,
    const mlops_gbdt_leaf_t *leaf, const mlops_gbdt_split_t *split);

/* Grows a tree from run->pairs; values of leaves are set. */
int mlops_gbdt_grow(mlops_gbdt_run_t *run);
/* Its values onto margins. */
void mlops_gbdt_add(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows,
    uint32_t group, int grown);

/* Adds the trees that the model has from options->start to margins. */
void mlops_gbdt_start(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows);


/* Sums as numbers. */

static inline double
mlops_gbdt_g(const mlops_gbdt_run_t *run, mlops_gbdt_pair_t sums)
{
    return (double) sums[0] * run->scale[0];
}


static inline double
mlops_gbdt_h(const mlops_gbdt_run_t *run, mlops_gbdt_pair_t sums)
{
    return (double) (sums[1] & ~((1ll << run->count_bits) - 1))
           * run->scale[1];
}


static inline double
mlops_gbdt_count(const mlops_gbdt_run_t *run, mlops_gbdt_pair_t sums)
{
    if (run->counted) {
        return (double) (sums[1] & ((1ll << run->count_bits) - 1));
    }

    return run->unit_h > 0 ? mlops_gbdt_h(run, sums) / run->unit_h
                           : __builtin_inf();
}


static inline double
mlops_gbdt_threshold(double g, double l1)
{
    if (l1 == 0) {
        return g;
    }

    return g > l1 ? g - l1 : g < -l1 ? g + l1 : 0;
}


/* The value of a leaf, and the gain of having it, XGBoost's. */

static inline double
mlops_gbdt_weight(const mlops_gbdt_run_t *run, double g, double h, double l2,
    double lo, double hi)
{
    double  w, step;

    if (!(h + l2 > 0)) {
        return 0;
    }

    w = -mlops_gbdt_threshold(g, run->options->l1) / (h + l2);
    step = run->options->max_delta_step;

    if (step > 0) {
        w = w > step ? step : w < -step ? -step : w;
    }

    return w < lo ? lo : w > hi ? hi : w;
}


static inline double
mlops_gbdt_gain_of(const mlops_gbdt_run_t *run, double g, double h,
    double l2, double w)
{
    return -(2 * g * w + (h + l2) * w * w
             + 2 * run->options->l1 * (w < 0 ? -w : w));
}


#endif /* MLOPS_GBDT_RUN_H */
