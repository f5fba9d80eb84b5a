/*
 * An image as XGBoost has it: features, a forest, a link.  Internal to
 * workers/export.
 */

#ifndef MLOPS_EXPORT_XGBOOST_H
#define MLOPS_EXPORT_XGBOOST_H


#include "mlops_export_job.h"
#include "mlops_xgboost.h"


typedef struct {
    mlops_str_t                name;
    const char                *type;            /* "float", "int", "c" */
    uint32_t                   categories_n;    /* by their codes, */
    const mlops_image_text_t  *strings;         /* sorted, or NULL */
    const double              *numbers;         /* sorted, likewise */
    uint32_t                  *order;           /* code -> place in them */
} mlops_export_feature_t;


typedef struct {
    mlops_export_t            *job;
    uint32_t                   signature;
    uint32_t                   output;
    uint32_t                  *writers;         /* step of each cell */

    mlops_xgboost_link_t       link;
    const char                *objective;
    uint32_t                   trees_step;
    mlops_forest_t             forest;
    uint32_t                   features_n;
    mlops_export_feature_t    *features;
    unsigned                   unnamed:1;       /* f0, f1, … */

    float                      base_score;      /* as the file says it */
    unsigned                   base_trees:1;    /* the rest is in trees */
    uint32_t                   trees_n;         /* to be written */
} mlops_export_xgboost_t;


/* Finds out whether the output is features, a forest, a link; then what base
 * score and objective say the same. */
int mlops_export_shape(mlops_export_xgboost_t *x);
int mlops_export_objective(mlops_export_xgboost_t *x);
/* Writes the file. */
int mlops_export_xgboost_write(mlops_export_xgboost_t *x);
/* Into the report: what the library makes of it that it should not. */
void mlops_export_warn(mlops_export_xgboost_t *x);


#endif /* MLOPS_EXPORT_XGBOOST_H */
