/*
 * Gradient-boosted trees by histograms.
 *
 * Values become bins of at most 255 a feature; trees grow leaf by leaf, the
 * leaf of the largest gain first, from histograms of gradients and hessians
 * over those bins (Chen and Guestrin, "XGBoost", 2016; Ke et al.,
 * "LightGBM", 2017).  Gains, leaf values and penalties are XGBoost's:
 *
 *     T(G) = sign(G) max(|G| - l1, 0)
 *     gain = T(GL)² / (HL + l2) + T(GR)² / (HR + l2) - T(G)² / (H + l2)
 *     leaf = - learning_rate T(G) / (H + l2)
 *
 * Gradients are float32; sums over rows are made of integers (fixed point,
 * scaled by a power of two for each tree), so that they do not depend on
 * order: the same trees come from any number of threads and any processor.
 * Margins are float32 and are added tree by tree, as kernels serve them.
 */

#ifndef MLOPS_GBDT_H
#define MLOPS_GBDT_H


#include "mlops_base.h"
#include "mlops_fit.h"
#include "mlops_matrix.h"
#include "mlops_trees.h"


#define MLOPS_GBDT_BINS    255      /* of values; one more is for missing */
#define MLOPS_GBDT_LEAVES  65536
#define MLOPS_GBDT_DEPTH   400      /* where no limit is asked for */
#define MLOPS_GBDT_TREES   100000


typedef enum {
    MLOPS_GBDT_SQUARED = 0,
    MLOPS_GBDT_LOGISTIC,            /* target 0 or 1 */
    MLOPS_GBDT_SOFTMAX,             /* target 0 to classes_n - 1 */
    MLOPS_GBDT_POISSON,             /* target >= 0, margin is a logarithm */
    MLOPS_GBDT_QUANTILE,
    MLOPS_GBDT_HUBER,
    MLOPS_GBDT_OBJECTIVES
} mlops_gbdt_objective_t;


typedef struct {
    mlops_gbdt_objective_t   objective;
    uint32_t                 classes_n;     /* of softmax */
    uint32_t                 trees;         /* rounds; softmax grows one tree
                                               a class in each */
    uint32_t                 leaves;        /* at least 2 */
    uint32_t                 depth;         /* 0: MLOPS_GBDT_DEPTH */
    uint32_t                 bins;          /* 2 to MLOPS_GBDT_BINS */
    uint32_t                 sample;        /* rows that cuts are found of */
    double                   learning_rate;
    double                   l1;
    double                   l2;
    double                   min_gain;      /* XGBoost's gamma */
    double                   min_hessian;   /* of a child */
    uint64_t                 min_rows;      /* of a child */
    double                   max_delta_step;    /* 0: none */
    double                   quantile;      /* of QUANTILE, in (0, 1) */
    double                   delta;         /* of HUBER */

    double                   row_fraction;      /* of a round */
    double                   column_fraction;   /* of a tree */
    double                   node_fraction;     /* of the tree's, at a node */

    const int8_t            *monotone;      /* by column: 1, 0, -1; or NULL */
    const uint8_t           *categorical;   /* by column: numbers that are
                                               codes; or NULL */
    double                   cat_smooth;
    double                   cat_l2;
    uint32_t                 cat_max;       /* categories of the smaller
                                               side */
    uint32_t                 cat_few;       /* up to so many: one or rest */
    uint32_t                 cat_rows;      /* of a group, while scanning */

    uint32_t                 early_stopping;    /* rounds; 0: none */
    uint64_t                 seed;
    uint32_t                 threads;

    const mlops_forest_t    *start;         /* trees to go on from, or NULL:
                                               features are columns, sets of
                                               CODES have their codes */
    const mlops_fit_env_t   *env;           /* progress and stop; or NULL */
} mlops_gbdt_options_t;


/* How a column came into the bins. */

typedef struct {
    uint32_t   bins_n;              /* of values */
    uint64_t   splits;
    double     gain;                /* sum over its splits */
    unsigned   mapped:1;            /* serving maps values to codes: value i
                                       (or category i) to code i */
    double    *values;              /* of mapped numbers, bins_n of them */
    uint32_t  *categories;          /* of mapped CODES: category of code i */
} mlops_gbdt_column_t;


typedef struct {
    uint32_t   round;               /* trees so far */
    double     train;               /* loss, or NaN where not computed */
    double     tune;
} mlops_gbdt_loss_t;


typedef struct {
    mlops_forest_t         forest;  /* f32; features are columns */
    mlops_gbdt_column_t   *columns;
    uint32_t               columns_n;

    uint32_t               rounds;  /* kept, those of start included */
    uint32_t               grown;   /* before the best was kept */
    const char            *stopped; /* why before all; or NULL */
    mlops_gbdt_loss_t     *losses;
    uint32_t               losses_n;
    uint64_t               rows_n;  /* with a weight above 0 */
    uint64_t               memory;  /* bytes held at most, the matrix apart */
    void                  *own;
} mlops_gbdt_model_t;


void mlops_gbdt_defaults(mlops_gbdt_options_t *options);

/* Grows trees; tune may be NULL.  The model is to be freed, whatever is
 * returned. */
int mlops_gbdt_train(mlops_gbdt_model_t *model,
    const mlops_gbdt_options_t *options, const mlops_matrix_t *train,
    const mlops_matrix_t *tune, mlops_err_t *err);
void mlops_gbdt_free(mlops_gbdt_model_t *model);

/* The name in recipes, and of its loss. */
const char *mlops_gbdt_objective_name(mlops_gbdt_objective_t objective);
const char *mlops_gbdt_loss_name(mlops_gbdt_objective_t objective);

#endif /* MLOPS_GBDT_H */
