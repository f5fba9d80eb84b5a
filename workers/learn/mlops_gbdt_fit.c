/*
 * The fitter "gbdt": boosted trees become the step trees, in float32, with a
 * map before it for each input of categories and the objective's link behind
 * it, in double.
 */

#include "mlops_gbdt_fit.h"
#include "mlops_fit_note.h"
#include "mlops_fitters.h"


#define MLOPS_GBDT_INPUTS  4096         /* that a recipe's trees can name */


static int mlops_gbdt_check(mlops_fit_t *fit);
static int mlops_gbdt_shape(mlops_fit_t *fit,
    const mlops_gbdt_options_t *options);
static int mlops_gbdt_run(mlops_fit_t *fit);


const mlops_fitter_t  mlops_fit_model_gbdt = {
    "model", "gbdt", MLOPS_FIT_TARGET|MLOPS_FIT_LEARNER|MLOPS_FIT_CODES,
    mlops_gbdt_key_names, mlops_gbdt_check, mlops_gbdt_run,
    mlops_gbdt_target
};


static int
mlops_gbdt_check(mlops_fit_t *fit)
{
    mlops_gbdt_keys_t  keys;

    if (mlops_gbdt_keys(fit, &keys) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    /* without objective it follows from the classes, which rows have */

    return keys.objective >= 0 ? mlops_gbdt_shape(fit, &keys.options)
                               : MLOPS_OK;
}


static int
mlops_gbdt_shape(mlops_fit_t *fit, const mlops_gbdt_options_t *options)
{
    switch (options->objective) {

    case MLOPS_GBDT_SOFTMAX:
        return mlops_fit_outputs(fit, MLOPS_FIT_OF_CLASSES);

    case MLOPS_GBDT_LOGISTIC:
        return mlops_fit_outputs(fit, MLOPS_FIT_OF_TWO);

    default:
        return mlops_fit_outputs(fit, MLOPS_FIT_OF_ONE);
    }
}


static int
mlops_gbdt_run(mlops_fit_t *fit)
{
    int                  rc;
    uint32_t             old;
    mlops_err_t          err;
    mlops_forest_t       start;
    mlops_gbdt_keys_t    keys;
    mlops_gbdt_model_t   model;

    if (mlops_gbdt_keys(fit, &keys) != MLOPS_OK
        || mlops_gbdt_shape(fit, &keys.options) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (fit->train->columns_n == 0
        || fit->train->columns_n > MLOPS_GBDT_INPUTS)
    {
        return mlops_field_error(fit->field, "inputs: expected 1 to %u, got "
                                 "%u", MLOPS_GBDT_INPUTS,
                                 fit->train->columns_n);
    }

    if (keys.options.early_stopping > 0
        && (fit->tune == NULL || fit->tune->n == 0))
    {
        return mlops_field_error(fit->field, "early_stopping: expected rows "
                                 "for tuning in the split, got none");
    }

    old = 0;

    if (keys.start.len != 0) {

        if (mlops_gbdt_read_start(fit, &keys, &start) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        keys.options.start = &start;
        old = start.trees_n / start.groups_n;
    }

    if (old >= keys.max_trees) {
        return mlops_field_error(fit->field, "max_trees: expected more than "
                                 "the %u rounds of trees in start, got %u",
                                 old, keys.max_trees);
    }

    if (keys.options.trees > keys.max_trees - old) {
        keys.options.trees = keys.max_trees - old;
    }

    if ((keys.options.objective != MLOPS_GBDT_LOGISTIC
         && keys.options.objective != MLOPS_GBDT_SOFTMAX)
        && mlops_fit_target_float(fit) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_fit_note_float(fit);

    rc = mlops_gbdt_train(&model, &keys.options, fit->train,
                          fit->tune != NULL && fit->tune->n > 0 ? fit->tune
                                                                : NULL,
                          &err);

    if (rc != MLOPS_OK) {
        rc = mlops_field_error(fit->field, "%s", err.text);

    } else {
        rc = mlops_gbdt_write(fit, &keys.options, &model);
        mlops_gbdt_report(fit, &keys.options, &model);
    }

    mlops_gbdt_free(&model);

    return rc;
}
