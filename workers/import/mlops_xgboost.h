/*
 * XGBoost's model files, JSON or UBJSON, as a document tree: what they say,
 * and the steps that compute the same.
 *
 * Read are the boosters gbtree, dart (weight_drop beside the tree model or
 * in it) and gblinear; scalar and vector leaves (in base_weights, or in
 * leaf_weights); numerical and categorical splits; the names and types of
 * the features, and the category encoder "cats".  Keys that only training
 * needs are not looked at.  Keys that early releases did not write have
 * their defaults.
 *
 * The margin of a row is the library's to the last bit: float32, from the
 * intercept, leaf by leaf in the order of the file; a leaf of a dart model is
 * multiplied by its tree's weight, rounded, then added.
 *
 * The file stores the intercept (base_score) in the space of the output; the
 * objective takes it to the space of margins with float32 functions.
 */

#ifndef MLOPS_XGBOOST_H
#define MLOPS_XGBOOST_H


#include "mlops_base.h"
#include "mlops_doc.h"
#include "mlops_build.h"
#include "mlops_field.h"


/* More outputs than this are believed only with as many trees or weights. */
#define MLOPS_XGBOOST_GROUPS  1024


typedef enum {
    MLOPS_XGBOOST_IDENTITY = 0,
    MLOPS_XGBOOST_SIGMOID,
    MLOPS_XGBOOST_EXP,
    MLOPS_XGBOOST_STEP,             /* hinge: above 0 */
    MLOPS_XGBOOST_SOFTMAX,
    MLOPS_XGBOOST_ARGMAX,
    MLOPS_XGBOOST_SORT,             /* quantiles */
    MLOPS_XGBOOST_SOFTPLUS          /* expectiles */
} mlops_xgboost_link_t;


/* A feature; with categories its input is one of them, and its code their
 * position.  strings and ints are not both set. */

typedef struct {
    mlops_str_t    name;
    uint32_t       categories_n;
    mlops_str_t   *strings;
    int64_t       *ints;
} mlops_xgboost_feature_t;


typedef struct {
    int                       version[3];
    mlops_str_t               objective;
    const char               *booster;          /* "gbtree", … */
    mlops_xgboost_link_t      link;
    unsigned                  link_known:1;     /* else margins only */
    unsigned                  linear:1;
    unsigned                  wrapper:1;        /* saved by scikit-learn's */

    uint32_t                  features_n;
    uint32_t                  groups_n;         /* outputs */
    mlops_xgboost_feature_t  *features;
    float                    *base;             /* margins, groups_n */

    mlops_forest_t            forest;           /* unless linear */
    uint32_t                  iterations_n;     /* in the file */
    uint32_t                  iteration_first;  /* those in use */
    uint32_t                  iteration_end;
    uint32_t                  tree_first;
    uint32_t                  tree_end;

    float                    *weights;          /* linear: features_n rows */
} mlops_xgboost_t;                              /* of groups_n, then bias */


/* Is it such a file? */
int mlops_xgboost_sniff(const mlops_doc_t *doc);

/*
 * Reads a document.  iterations chooses the boosting rounds: "all", "best"
 * (up to the attribute best_iteration), "N" (the first N), "A:B" (from A, B
 * not included); NULL is what predict() of the writing API does: "best"
 * where scikit-learn's wrapper saved the model and it has the attribute,
 * otherwise "all".  file_len bounds what may be allocated for it.
 * All memory is the field's arena's; strings point into the document.
 */
int mlops_xgboost_read(mlops_xgboost_t *model, const mlops_doc_t *doc,
    const char *iterations, size_t file_len, mlops_field_t *field);

/* The input column of feature i. */
void mlops_xgboost_column(const mlops_xgboost_t *model, uint32_t i,
    mlops_column_t *column);

/*
 * Appends the steps: in has one cell a feature.  *margin is the first of
 * groups_n cells, *prediction the first of mlops_xgboost_width() cells;
 * prediction may be NULL.
 */
void mlops_xgboost_steps(const mlops_xgboost_t *model,
    mlops_builder_t *builder, const uint32_t *in, uint32_t *margin,
    uint32_t *prediction);
uint32_t mlops_xgboost_width(const mlops_xgboost_t *model);


/* Parts of mlops_xgboost_read, a file each. */

/* The trees of gradient_booster.model; weights (one a tree, or NULL) are
 * dart's. */
int mlops_xgboost_trees(mlops_xgboost_t *model, const mlops_doc_t *doc,
    const mlops_doc_t *weights, const mlops_doc_t *attributes,
    const char *iterations, size_t file_len, mlops_field_t *field);

int mlops_xgboost_linear(mlops_xgboost_t *model, const mlops_doc_t *doc,
    mlops_field_t *field);

int mlops_xgboost_cats(mlops_xgboost_t *model, const mlops_doc_t *cats,
    mlops_field_t *field);

/* Finds link, and takes model->base from outputs to margins. */
int mlops_xgboost_objective(mlops_xgboost_t *model,
    const mlops_doc_t *objective, mlops_field_t *field);


#endif /* MLOPS_XGBOOST_H */
