/*
 * XGBoost's objectives: the link of each, and the intercept's way from the
 * space of outputs to that of margins, in float32 as the library computes
 * it.
 */

#include "mlops_xgboost.h"

#include <math.h>


#define MLOPS_XGBOOST_EPS  1e-6f


typedef enum {
    MLOPS_XGBOOST_BASE_ID = 0,
    MLOPS_XGBOOST_BASE_LOGIT,
    MLOPS_XGBOOST_BASE_LOG,
    MLOPS_XGBOOST_BASE_SOFTPLUS
} mlops_xgboost_base_t;


typedef struct {
    mlops_str_t           name;
    mlops_xgboost_link_t  link;
    mlops_xgboost_base_t  base;
} mlops_xgboost_objective_t;


#define ID      MLOPS_XGBOOST_BASE_ID
#define LOGIT   MLOPS_XGBOOST_BASE_LOGIT
#define LOG     MLOPS_XGBOOST_BASE_LOG

static const mlops_xgboost_objective_t  mlops_xgboost_objectives[] = {
    { mlops_str("reg:squarederror"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("reg:linear"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("reg:squaredlogerror"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("reg:pseudohubererror"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("reg:absoluteerror"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("reg:quantileerror"), MLOPS_XGBOOST_SORT, ID },
    { mlops_str("reg:expectileerror"), MLOPS_XGBOOST_SOFTPLUS,
      MLOPS_XGBOOST_BASE_SOFTPLUS },
    { mlops_str("reg:logistic"), MLOPS_XGBOOST_SIGMOID, LOGIT },
    { mlops_str("binary:logistic"), MLOPS_XGBOOST_SIGMOID, LOGIT },
    { mlops_str("binary:logitraw"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("binary:hinge"), MLOPS_XGBOOST_STEP, ID },
    { mlops_str("count:poisson"), MLOPS_XGBOOST_EXP, LOG },
    { mlops_str("reg:gamma"), MLOPS_XGBOOST_EXP, LOG },
    { mlops_str("reg:tweedie"), MLOPS_XGBOOST_EXP, LOG },
    { mlops_str("survival:cox"), MLOPS_XGBOOST_EXP, LOG },
    { mlops_str("survival:aft"), MLOPS_XGBOOST_EXP, LOG },
    { mlops_str("multi:softprob"), MLOPS_XGBOOST_SOFTMAX, ID },
    { mlops_str("multi:softmax"), MLOPS_XGBOOST_ARGMAX, ID },
    { mlops_str("rank:pairwise"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("rank:ndcg"), MLOPS_XGBOOST_IDENTITY, ID },
    { mlops_str("rank:map"), MLOPS_XGBOOST_IDENTITY, ID }
};

#undef ID
#undef LOGIT
#undef LOG


static int mlops_xgboost_logit(const mlops_xgboost_t *model, float *value);
static void mlops_xgboost_softplus(float *base, uint32_t n);


static int
mlops_xgboost_since(const mlops_xgboost_t *model, int major, int minor)
{
    return model->version[0] > major
           || (model->version[0] == major && model->version[1] >= minor);
}


int
mlops_xgboost_objective(mlops_xgboost_t *model, const mlops_doc_t *objective,
    mlops_field_t *field)
{
    int                               rc;
    float                             old;
    size_t                            i;
    uint32_t                          g;
    const mlops_doc_t                *name;
    const mlops_xgboost_objective_t  *o;

    name = mlops_field_get(field, objective, "name", MLOPS_DOC_STRING);
    if (name == NULL) {
        return MLOPS_ERROR;
    }

    model->objective = name->v.text;

    for (i = 0; i < mlops_nitems(mlops_xgboost_objectives); i++) {
        o = &mlops_xgboost_objectives[i];

        if (mlops_str_eq(&o->name, name->v.text.data, name->v.text.len)) {
            break;
        }
    }

    if (i == mlops_nitems(mlops_xgboost_objectives)) {
        model->link_known = 0;
        return MLOPS_OK;
    }

    model->link_known = 1;
    model->link = o->link;

    /* quantiles are sorted by the library from 3.4 on */

    if (o->link == MLOPS_XGBOOST_SORT
        && (model->groups_n == 1 || !mlops_xgboost_since(model, 3, 4)))
    {
        model->link = MLOPS_XGBOOST_IDENTITY;
    }

    if (o->base == MLOPS_XGBOOST_BASE_SOFTPLUS) {
        mlops_xgboost_softplus(model->base, model->groups_n);
    }

    for (g = 0; g < model->groups_n; g++) {
        old = model->base[g];
        rc = MLOPS_OK;

        if (o->base == MLOPS_XGBOOST_BASE_LOGIT) {
            rc = mlops_xgboost_logit(model, &model->base[g]);

        } else if (o->base == MLOPS_XGBOOST_BASE_LOG) {
            model->base[g] = logf(old);
        }

        if (rc != MLOPS_OK || !isfinite(model->base[g])) {
            return mlops_err_set(field->err, "learner.learner_model_param."
                                 "base_score: expected %s for the objective "
                                 "%.*s, got %g",
                                 o->base == MLOPS_XGBOOST_BASE_LOGIT
                                 ? "a number between 0 and 1"
                                 : o->base == MLOPS_XGBOOST_BASE_LOG
                                   ? "a number above 0" : "finite numbers",
                                 mlops_fmt(&model->objective), (double) old);
        }
    }

    return MLOPS_OK;
}


/* Up to 3.1 the library refuses a base_score outside (0, 1); later releases
 * take [0, 1] and keep away from its ends. */

static int
mlops_xgboost_logit(const mlops_xgboost_t *model, float *value)
{
    float  x;

    x = *value;

    if (mlops_xgboost_since(model, 3, 2)) {

        if (!(x >= 0.0f && x <= 1.0f)) {
            return MLOPS_ERROR;
        }

        x = fmaxf(x, MLOPS_XGBOOST_EPS);
        x = fminf(x, 1.0f - MLOPS_XGBOOST_EPS);

    } else if (!(x > 0.0f && x < 1.0f)) {
        return MLOPS_ERROR;
    }

    *value = -logf(1.0f / x - 1.0f);

    return MLOPS_OK;
}


/* Expectiles are a first value and steps upwards: step j is
 * 1e-6 + softplus(margin j). */

static void
mlops_xgboost_softplus(float *base, uint32_t n)
{
    float     x;
    uint32_t  j;

    for (j = n - 1; j > 0; j--) {
        x = base[j] - base[j - 1] - MLOPS_XGBOOST_EPS;
        x = fmaxf(x, MLOPS_XGBOOST_EPS);

        base[j] = x + logf(-expm1f(-x));
    }
}
