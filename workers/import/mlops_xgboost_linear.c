/*
 * XGBoost's booster gblinear: weights[features_n + 1][groups_n], the last row
 * is the bias.  The library adds the first group's intercept to each bias,
 * then the products in the order of the features, leaving out missing ones.
 */

#include "mlops_xgboost.h"

#include <math.h>


int
mlops_xgboost_linear(mlops_xgboost_t *model, const mlops_doc_t *doc,
    mlops_field_t *field)
{
    size_t    old;
    int64_t   rounds;
    uint32_t  i, n, want;
    uint64_t  count;

    model->linear = 1;

    count = ((uint64_t) model->features_n + 1) * model->groups_n;

    if (count >= MLOPS_FIELD_ANY) {
        return mlops_field_error(field, "expected fewer than 2^32 weights, "
                                 "got %u features and %u outputs",
                                 model->features_n, model->groups_n);
    }

    want = (uint32_t) count;

    if (mlops_field_floats(field, doc, "weights", want, &model->weights, &n)
        != MLOPS_OK
        || mlops_field_int(field, doc, "boosted_rounds", 0, INT32_MAX, 0,
                           &rounds)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (!isfinite(model->weights[i])) {
            old = mlops_field_push(field, "weights");
            (void) mlops_field_push_i(field, i);
            (void) mlops_field_error(field, "expected a finite number, got %g",
                                     (double) model->weights[i]);
            mlops_field_pop(field, old);

            return MLOPS_ERROR;
        }
    }

    model->iterations_n = (uint32_t) rounds;
    model->iteration_end = model->iterations_n;

    return MLOPS_OK;
}
