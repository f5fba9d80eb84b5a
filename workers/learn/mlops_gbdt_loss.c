/*
 * The mean loss of margins, by the objective:
 *
 *     squared    (m - y)²
 *     logistic   ln(1 + exp(m)) - y m
 *     softmax    ln Σ exp(m_k) - m_y
 *     poisson    2 (y ln(y / exp(m)) - y + exp(m)), the deviance
 *     quantile   q (y - m) where y >= m, (1 - q) (m - y) elsewhere
 *     huber      r² / 2 where |r| <= d, d (|r| - d / 2) elsewhere
 *
 * Sums run row by row in blocks, and over the blocks.
 */

#include "mlops_gbdt_run.h"
#include "mlops_math.h"

#include <math.h>


typedef struct {
    const mlops_gbdt_run_t    *run;
    const mlops_gbdt_rows_t   *rows;
} mlops_gbdt_losing_t;


static void mlops_gbdt_loss_block(void *ctx, uint64_t part, uint32_t worker);
static double mlops_gbdt_loss_of(const mlops_gbdt_run_t *run,
    const mlops_gbdt_rows_t *rows, uint64_t i);
static double mlops_gbdt_loss_softmax(const mlops_gbdt_run_t *run,
    const mlops_gbdt_rows_t *rows, uint64_t i);


double
mlops_gbdt_loss(mlops_gbdt_run_t *run, const mlops_gbdt_rows_t *rows)
{
    double               loss, weight;
    uint64_t             i, n;
    mlops_gbdt_losing_t  l;

    l.run = run;
    l.rows = rows;
    n = mlops_gbdt_blocks(rows->n);

    mlops_gbdt_team_run(run->team, mlops_gbdt_loss_block, &l, n);

    loss = 0;
    weight = 0;

    for (i = 0; i < n; i++) {
        loss += run->block_sums[2 * i];
        weight += run->block_sums[2 * i + 1];
    }

    return weight > 0 ? loss / weight : 0;
}


static void
mlops_gbdt_loss_block(void *ctx, uint64_t part, uint32_t worker)
{
    double                w, loss, weight;
    uint64_t              i, end;
    mlops_gbdt_losing_t  *l;

    (void) worker;

    l = ctx;
    loss = 0;
    weight = 0;
    i = part * MLOPS_GBDT_BLOCK;
    end = i + MLOPS_GBDT_BLOCK < l->rows->n ? i + MLOPS_GBDT_BLOCK
                                            : l->rows->n;

    for ( /* void */ ; i < end; i++) {
        w = l->rows->weight ? (double) l->rows->weight[i] : 1;
        loss += w * mlops_gbdt_loss_of(l->run, l->rows, i);
        weight += w;
    }

    l->run->block_sums[2 * part] = loss;
    l->run->block_sums[2 * part + 1] = weight;
}


static double
mlops_gbdt_loss_of(const mlops_gbdt_run_t *run, const mlops_gbdt_rows_t *rows,
    uint64_t i)
{
    double  m, y, r, d;

    m = (double) rows->margin[i];
    y = (double) rows->target[i];
    r = y - m;

    switch (run->options->objective) {

    case MLOPS_GBDT_LOGISTIC:
        return mlops_softplus(m) - y * m;

    case MLOPS_GBDT_SOFTMAX:
        return mlops_gbdt_loss_softmax(run, rows, i);

    case MLOPS_GBDT_POISSON:
        d = mlops_exp(m) - y;
        return 2 * (y > 0 ? y * (mlops_log(y) - m) + d : d);

    case MLOPS_GBDT_QUANTILE:
        d = run->options->quantile;
        return r >= 0 ? d * r : (d - 1) * r;

    case MLOPS_GBDT_HUBER:
        d = run->options->delta;
        r = fabs(r);
        return r <= d ? r * r / 2 : d * (r - d / 2);

    default:
        return r * r;
    }
}


static double
mlops_gbdt_loss_softmax(const mlops_gbdt_run_t *run,
    const mlops_gbdt_rows_t *rows, uint64_t i)
{
    double    top, sum;
    uint32_t  k;

    top = (double) rows->margin[i];

    for (k = 1; k < run->groups_n; k++) {
        top = fmax(top, (double) rows->margin[rows->n * k + i]);
    }

    sum = 0;

    for (k = 0; k < run->groups_n; k++) {
        sum += mlops_exp((double) rows->margin[rows->n * k + i] - top);
    }

    return top + mlops_log(sum)
           - (double) rows->margin[rows->n * (uint32_t) rows->target[i] + i];
}
