/*
 * Objective and base score of a model in XGBoost's format.
 *
 * The file has one base score for all sums, in the space of the output: the
 * library takes it to the space of margins with float32 functions.  Where
 * there is a number that becomes the forest's base exactly, it is written.
 * Where there is none (the link's inverse skips floats), or the sums begin
 * with different bases, the base score is the one of margin 0 and each sum
 * gets a first tree that is a single leaf, its base: 0 + base is base, and
 * the sum goes on from there with the same bits.
 *
 * Release 1.7 reads the base score with a parser that loses digits of very
 * large and very small numbers: those become trees, too.
 */

#include "mlops_export_xgboost.h"

#include <math.h>
#include <stdio.h>


#define MLOPS_EXPORT_TRIES  64          /* neighbours looked at */


static void mlops_export_named(mlops_export_xgboost_t *x);
static int mlops_export_base(mlops_export_xgboost_t *x, float base,
    float *score);
static float mlops_export_margin(const mlops_export_xgboost_t *x,
    float score);


int
mlops_export_objective(mlops_export_xgboost_t *x)
{
    uint32_t  i, g, most, *count;
    uint64_t  trees_n;

    g = x->forest.groups_n;
    mlops_export_named(x);

    for (i = 1; i < g; i++) {
        if (x->forest.base[i] != x->forest.base[0]) {
            break;
        }
    }

    x->base_trees = (i < g)
                    || mlops_export_base(x, (float) x->forest.base[0],
                                         &x->base_score)
                       != MLOPS_OK;

    if (x->base_trees && mlops_export_base(x, 0, &x->base_score) != MLOPS_OK)
    {
        return mlops_err_set(x->job->err, "no base score of %s is the margin "
                             "0", x->objective);
    }

    /* as many trees for each sum: the library counts rounds by them */

    count = mlops_arena_calloc(&x->job->arena, g, sizeof(uint32_t));
    if (count == NULL) {
        return mlops_err_set(x->job->err, "out of memory");
    }

    most = 0;

    for (i = 0; i < x->forest.trees_n; i++) {
        count[x->forest.group[i]]++;
    }

    for (i = 0; i < g; i++) {
        most = (count[i] > most) ? count[i] : most;
    }

    most = (x->forest.leaf_size > 1) ? x->forest.trees_n : most;
    most = (most + x->base_trees > 0) ? most + x->base_trees : 1;

    trees_n = (uint64_t) most * g;

    if (trees_n > INT32_MAX) {
        return mlops_err_set(x->job->err, "expected at most %d trees for "
                             "XGBoost, got %llu", INT32_MAX,
                             (unsigned long long) trees_n);
    }

    x->trees_n = (uint32_t) trees_n;

    return MLOPS_OK;
}


/* An objective with the link and without parameters that predictions need;
 * the one of the file that the image came from, where it is such. */

static void
mlops_export_named(mlops_export_xgboost_t *x)
{
    uint32_t            i;
    const mlops_doc_t  *source;
    static const struct {
        const char            *name;
        mlops_xgboost_link_t   link;
    } keep[] = {
        { "reg:gamma", MLOPS_XGBOOST_EXP },
        { "survival:cox", MLOPS_XGBOOST_EXP },
        { "reg:logistic", MLOPS_XGBOOST_SIGMOID },
        { "binary:logitraw", MLOPS_XGBOOST_IDENTITY }
    };

    switch (x->link) {

    case MLOPS_XGBOOST_SIGMOID:
        x->objective = "binary:logistic";
        break;

    case MLOPS_XGBOOST_EXP:
        x->objective = "count:poisson";
        break;

    case MLOPS_XGBOOST_STEP:
        x->objective = "binary:hinge";
        break;

    case MLOPS_XGBOOST_SOFTMAX:
        x->objective = "multi:softprob";
        break;

    case MLOPS_XGBOOST_ARGMAX:
        x->objective = "multi:softmax";
        break;

    default:
        x->objective = "reg:squarederror";
        break;
    }

    source = mlops_doc_get(mlops_doc_get(x->job->facts, "source"),
                           "objective");

    for (i = 0; i < mlops_nitems(keep); i++) {
        if (source != NULL && source->type == MLOPS_DOC_STRING
            && mlops_str_eq(&source->v.text, keep[i].name,
                            strlen(keep[i].name))
            && keep[i].link == x->link && x->forest.groups_n == 1)
        {
            x->objective = keep[i].name;
        }
    }
}


/* A base score whose margin is base: a guess, and floats around it. */

static int
mlops_export_base(mlops_export_xgboost_t *x, float base, float *score)
{
    int    i;
    float  lo, hi;

    switch (x->link) {

    case MLOPS_XGBOOST_SIGMOID:
        *score = (float) (1 / (1 + exp(-(double) base)));
        break;

    case MLOPS_XGBOOST_EXP:
        *score = (float) exp((double) base);
        break;

    default:
        *score = base;
        break;
    }

    lo = *score;
    hi = *score;

    for (i = 0; i < MLOPS_EXPORT_TRIES; i++) {

        if (mlops_export_margin(x, lo) == base) {
            *score = lo;
            break;
        }

        if (mlops_export_margin(x, hi) == base) {
            *score = hi;
            break;
        }

        lo = nextafterf(lo, -INFINITY);
        hi = nextafterf(hi, INFINITY);
    }

    if (i == MLOPS_EXPORT_TRIES
        || (*score != 0 && !(fabsf(*score) >= 1e-6f
                             && fabsf(*score) <= 1e6f)))
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


/* As the library has it; NaN where it would refuse. */

static float
mlops_export_margin(const mlops_export_xgboost_t *x, float score)
{
    switch (x->link) {

    case MLOPS_XGBOOST_SIGMOID:

        /* later releases keep this far from the ends */

        if (!(score >= 1e-6f && score <= 1.0f - 1e-6f)) {
            return NAN;
        }

        return -logf(1.0f / score - 1.0f);

    case MLOPS_XGBOOST_EXP:
        return (score > 0) ? logf(score) : NAN;

    default:
        return score;
    }
}
