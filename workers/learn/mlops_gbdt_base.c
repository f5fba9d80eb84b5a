/*
 * Where margins begin.
 *
 *     squared           the mean
 *     logistic          the logarithm of the odds of the mean
 *     poisson           the logarithm of the mean
 *     quantile, huber   the quantile, the median
 *     softmax           0; the logarithms of the classes' shares go into the
 *                       leaves of the first trees
 *
 * XGBoost keeps the intercept as an output and computes the margin from it,
 * with logf.  So that a model can be taken out to the last bit, the output
 * is chosen, a float32 next to the mean, such that its margin lies close to
 * a float32: then every logf with an error below a third of a unit in the
 * last place rounds to the same one.
 */

#include "mlops_gbdt_run.h"
#include "mlops_gbdt_quantile.h"
#include "mlops_math.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_GBDT_NEAR   0.15          /* of a unit in the last place */
#define MLOPS_GBDT_TRIES  64


typedef struct {
    const mlops_gbdt_rows_t   *rows;
    double                    *sums;    /* of each block: w, and w y */
} mlops_gbdt_mean_t;


static void mlops_gbdt_mean_block(void *ctx, uint64_t part, uint32_t worker);
static int mlops_gbdt_mean(mlops_gbdt_run_t *run, double *mean);
static int mlops_gbdt_middle(mlops_gbdt_run_t *run, double q, double *value);
static float mlops_gbdt_link(float output, int logit);
static int mlops_gbdt_priors(mlops_gbdt_run_t *run);


int
mlops_gbdt_base(mlops_gbdt_run_t *run, double *base)
{
    double  mean = 0;

    switch (run->options->objective) {

    case MLOPS_GBDT_SOFTMAX:
        return mlops_gbdt_priors(run);

    case MLOPS_GBDT_QUANTILE:
        return mlops_gbdt_middle(run, run->options->quantile, base);

    case MLOPS_GBDT_HUBER:
        return mlops_gbdt_middle(run, 0.5, base);

    default:
        break;
    }

    if (mlops_gbdt_mean(run, &mean) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (run->options->objective == MLOPS_GBDT_LOGISTIC) {

        if (!(mean > 0 && mean < 1)) {
            return mlops_err_set(run->err, "target: expected rows of both "
                                 "classes for training, got only class %d",
                                 mean > 0 ? 1 : 0);
        }

        base[0] = (double) mlops_gbdt_link((float) mean, 1);

    } else if (run->options->objective == MLOPS_GBDT_POISSON) {

        if (!(mean > 0)) {
            return mlops_err_set(run->err, "target: expected counts, some of "
                                 "them above 0, got only 0");
        }

        base[0] = (double) mlops_gbdt_link((float) mean, 0);

    } else {
        base[0] = (double) (float) mean;
    }

    return MLOPS_OK;
}


static void
mlops_gbdt_mean_block(void *ctx, uint64_t part, uint32_t worker)
{
    double              w;
    uint64_t            i, end;
    mlops_gbdt_mean_t  *m;

    (void) worker;

    m = ctx;
    i = part * MLOPS_GBDT_BLOCK;
    end = i + MLOPS_GBDT_BLOCK < m->rows->n ? i + MLOPS_GBDT_BLOCK
                                            : m->rows->n;

    for ( /* void */ ; i < end; i++) {
        w = m->rows->weight ? (double) m->rows->weight[i] : 1;

        m->sums[2 * part] += w;
        m->sums[2 * part + 1] += w * (double) m->rows->target[i];
    }
}


static int
mlops_gbdt_mean(mlops_gbdt_run_t *run, double *mean)
{
    double              w, y;
    uint64_t            i, n;
    mlops_gbdt_mean_t   m;

    n = mlops_gbdt_blocks(run->train.n);
    m.rows = &run->train;
    m.sums = calloc(2 * n, sizeof(*m.sums));

    if (m.sums == NULL) {
        return mlops_err_set(run->err, "no memory for sums");
    }

    mlops_gbdt_team_run(run->team, mlops_gbdt_mean_block, &m, n);

    w = 0;
    y = 0;

    for (i = 0; i < n; i++) {
        w += m.sums[2 * i];
        y += m.sums[2 * i + 1];
    }

    free(m.sums);
    *mean = y / w;

    return MLOPS_OK;
}


static int
mlops_gbdt_middle(mlops_gbdt_run_t *run, double q, double *value)
{
    float   *v, *w;
    size_t   size;

    size = run->train.n * sizeof(float);
    v = malloc(size);
    w = run->train.weight ? malloc(size) : NULL;

    if (v == NULL || (run->train.weight && w == NULL)) {
        free(v);
        free(w);
        return mlops_err_set(run->err, "no memory for a quantile of %llu "
                             "rows", (unsigned long long) run->train.n);
    }

    memcpy(v, run->train.target, size);

    if (w != NULL) {
        memcpy(w, run->train.weight, size);
    }

    *value = (double) (float) mlops_gbdt_quantile(v, w, run->train.n, q);

    free(v);
    free(w);

    return MLOPS_OK;
}


/* ln(p / (1 - p)) as XGBoost writes it, -ln(1 / p - 1), or ln(output). */

static float
mlops_gbdt_link(float output, int logit)
{
    float     f;
    double    x, ulp;
    unsigned  i;

    f = 0;

    for (i = 0; i < MLOPS_GBDT_TRIES; i++) {
        x = logit ? -mlops_log((double) (1.0f / output - 1.0f))
                  : mlops_log((double) output);
        f = (float) x;
        ulp = (double) (nextafterf(fabsf(f), INFINITY) - fabsf(f));

        if (isfinite(f) && fabs(x - (double) f) <= MLOPS_GBDT_NEAR * ulp) {
            break;
        }

        output = nextafterf(output, 0.5f);
    }

    return f;
}


static int
mlops_gbdt_priors(mlops_gbdt_run_t *run)
{
    double     all, w;
    uint32_t   k;
    uint64_t   i;

    all = 0;

    for (i = 0; i < run->train.n; i++) {
        w = run->train.weight ? (double) run->train.weight[i] : 1;
        run->prior[(uint32_t) run->train.target[i]] += w;
        all += w;
    }

    for (k = 0; k < run->groups_n; k++) {

        if (run->prior[k] == all) {
            return mlops_err_set(run->err, "target: expected rows of at least "
                                 "two classes for training, got only class "
                                 "%u", k);
        }

        w = run->prior[k] / all;
        run->prior[k] = (double) (float) mlops_log(w > 1e-6 ? w : 1e-6);
    }

    return MLOPS_OK;
}
