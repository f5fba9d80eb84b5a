/*
 * XGBoost's computation as steps of a model image: category codes, the sum
 * of leaves or products, the objective's link.
 */

#include "mlops_xgboost.h"

#include <math.h>
#include <stdlib.h>


static int mlops_xgboost_codes(const mlops_xgboost_t *model,
    mlops_builder_t *builder, const uint32_t *in, uint32_t *codes);
static uint32_t mlops_xgboost_margin(const mlops_xgboost_t *model,
    mlops_builder_t *builder, const uint32_t *in);
static uint32_t mlops_xgboost_affine(const mlops_xgboost_t *model,
    mlops_builder_t *builder, const uint32_t *in);
static uint32_t mlops_xgboost_link(const mlops_xgboost_t *model,
    mlops_builder_t *builder, const uint32_t *margin);


uint32_t
mlops_xgboost_width(const mlops_xgboost_t *model)
{
    return (model->link == MLOPS_XGBOOST_ARGMAX) ? 1 : model->groups_n;
}


void
mlops_xgboost_column(const mlops_xgboost_t *model, uint32_t i,
    mlops_column_t *column)
{
    mlops_xgboost_feature_t  *feature;

    feature = &model->features[i];

    memset(column, 0, sizeof(*column));

    column->name = feature->name;
    column->type = MLOPS_TYPE_FP32;

    if (feature->strings != NULL) {
        column->type = MLOPS_TYPE_BYTES;
        column->categories_n = feature->categories_n;
        column->categories = feature->strings;

    } else if (feature->ints != NULL) {
        column->type = MLOPS_TYPE_INT64;
    }

    column->kind = mlops_type_kind(column->type);
}


/* Out of memory ends in cells of no meaning: the builder tells it. */

void
mlops_xgboost_steps(const mlops_xgboost_t *model, mlops_builder_t *builder,
    const uint32_t *in, uint32_t *margin, uint32_t *prediction)
{
    uint32_t  i, *cells;

    *margin = MLOPS_BUILDER_ERROR;

    if (prediction != NULL) {
        *prediction = MLOPS_BUILDER_ERROR;
    }

    cells = malloc((size_t) (model->features_n > model->groups_n
                             ? model->features_n : model->groups_n)
                   * sizeof(uint32_t));

    if (cells == NULL) {
        return;
    }

    if (mlops_xgboost_codes(model, builder, in, cells) == MLOPS_OK) {
        *margin = mlops_xgboost_margin(model, builder, cells);

        if (prediction != NULL && *margin != MLOPS_BUILDER_ERROR) {

            for (i = 0; i < model->groups_n; i++) {
                cells[i] = *margin + i;
            }

            *prediction = mlops_xgboost_link(model, builder, cells);
        }
    }

    free(cells);
}


/* A category that the model does not know is a missing value: the library
 * refuses such a row. */

static int
mlops_xgboost_codes(const mlops_xgboost_t *model, mlops_builder_t *builder,
    const uint32_t *in, uint32_t *codes)
{
    double                   *code, *key, none;
    uint32_t                  i, j;
    mlops_xgboost_feature_t  *feature;

    none = NAN;

    for (i = 0; i < model->features_n; i++) {
        feature = &model->features[i];
        codes[i] = in[i];

        if (feature->categories_n == 0) {
            continue;
        }

        code = malloc((size_t) feature->categories_n * 2 * sizeof(double));
        if (code == NULL) {
            return MLOPS_ERROR;
        }

        key = code + feature->categories_n;

        for (j = 0; j < feature->categories_n; j++) {
            code[j] = j;

            if (feature->ints != NULL) {
                key[j] = (double) feature->ints[j];
            }
        }

        codes[i] = mlops_builder_map(builder, in[i], MLOPS_BUILDER_NEW,
                                     feature->categories_n, 1,
                                     feature->strings,
                                     feature->ints ? key : NULL, code, &none,
                                     &none);
        free(code);
    }

    return MLOPS_OK;
}


static uint32_t
mlops_xgboost_margin(const mlops_xgboost_t *model, mlops_builder_t *builder,
    const uint32_t *in)
{
    if (model->linear) {
        return mlops_xgboost_affine(model, builder, in);
    }

    return mlops_builder_trees(builder, in, MLOPS_BUILDER_NEW,
                               &model->forest);
}


/* The rows of the file are inputs, those of a step are outputs. */

static uint32_t
mlops_xgboost_affine(const mlops_xgboost_t *model, mlops_builder_t *builder,
    const uint32_t *in)
{
    float      sum;
    double    *bias, *w;
    uint32_t   f, g, n, m, cell;

    n = model->features_n;
    m = model->groups_n;

    bias = malloc(((size_t) n + 1) * m * sizeof(double));
    if (bias == NULL) {
        return MLOPS_BUILDER_ERROR;
    }

    w = bias + m;

    for (g = 0; g < m; g++) {
        sum = model->weights[(size_t) n * m + g] + model->base[0];
        bias[g] = (double) sum;

        for (f = 0; f < n; f++) {
            w[(size_t) g * n + f] = (double) model->weights[(size_t) f * m
                                                            + g];
        }
    }

    cell = mlops_builder_affine(builder,
                                MLOPS_STEP_F32|MLOPS_STEP_SKIP_MISSING, in, n,
                                MLOPS_BUILDER_NEW, m, bias, w);
    free(bias);

    return cell;
}


static uint32_t
mlops_xgboost_link(const mlops_xgboost_t *model, mlops_builder_t *builder,
    const uint32_t *margin)
{
    uint32_t  n, out, f32;

    n = model->groups_n;
    out = MLOPS_BUILDER_NEW;
    f32 = MLOPS_STEP_F32;

    switch (model->link) {

    case MLOPS_XGBOOST_SIGMOID:
        return mlops_builder_unary(builder, MLOPS_UNARY_XGB_SIGMOID, f32,
                                   margin, n, out);

    case MLOPS_XGBOOST_EXP:
        return mlops_builder_unary(builder, MLOPS_UNARY_EXP, f32, margin, n,
                                   out);

    case MLOPS_XGBOOST_STEP:
        return mlops_builder_unary(builder, MLOPS_UNARY_STEP, f32, margin, n,
                                   out);

    case MLOPS_XGBOOST_SOFTMAX:
        return mlops_builder_softmax(builder, f32, margin, n, out);

    case MLOPS_XGBOOST_ARGMAX:
        return mlops_builder_argmax(builder, margin, n, out);

    case MLOPS_XGBOOST_SORT:
        return mlops_builder_cumulative(builder, MLOPS_CUMULATIVE_SORT, f32,
                                        margin, n, out);

    case MLOPS_XGBOOST_SOFTPLUS:
        return mlops_builder_cumulative(builder, MLOPS_CUMULATIVE_SOFTPLUS,
                                        f32, margin, n, out);

    default:
        return margin[0];
    }
}
