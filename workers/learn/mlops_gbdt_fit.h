/*
 * The fitter of boosted trees: its keys, its steps, its report.  Internal to
 * workers/learn/mlops_gbdt*.
 */

#ifndef MLOPS_GBDT_FIT_H
#define MLOPS_GBDT_FIT_H


#include "mlops_gbdt.h"
#include "mlops_fit_key.h"
#include "mlops_model.h"


typedef struct {
    mlops_gbdt_options_t   options;
    uint32_t               max_trees;   /* rounds of all */
    mlops_str_t            start;       /* path of an image, or empty */
    int                    objective;   /* given, or -1 */
} mlops_gbdt_keys_t;


extern const char *const  mlops_gbdt_key_names[];


/* Reads the step's keys.  Before rows are read fit->train is NULL, and names
 * of columns are not looked up. */
int mlops_gbdt_keys(mlops_fit_t *fit, mlops_gbdt_keys_t *keys);
int mlops_gbdt_target(const mlops_doc_t *step);

/* Are the trees of an image of the fit's objective, target and classes, as
 * far as it says?  Errors are of the field "start". */
int mlops_gbdt_check_parent(mlops_fit_t *fit, const mlops_gbdt_keys_t *keys,
    const mlops_model_t *model, const mlops_image_step_t *trees);

/* The forest of the image at keys->start; its features are columns of
 * fit->train by their names, its sets have categories of columns of codes.
 * Memory is the field's arena's. */
int mlops_gbdt_read_start(mlops_fit_t *fit, mlops_gbdt_keys_t *keys,
    mlops_forest_t *forest);

/* The steps of a model, and what is told of it. */
int mlops_gbdt_write(mlops_fit_t *fit, const mlops_gbdt_options_t *options,
    const mlops_gbdt_model_t *model);
void mlops_gbdt_report(mlops_fit_t *fit, const mlops_gbdt_options_t *options,
    const mlops_gbdt_model_t *model);


#endif /* MLOPS_GBDT_FIT_H */
