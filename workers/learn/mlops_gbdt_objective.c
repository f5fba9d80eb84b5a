/*
 * Objectives: gradients and hessians of each row.
 *
 *     squared    g = m - y                     h = 1
 *     logistic   g = p - y                     h = p (1 - p)
 *     softmax    g = p_k - [y = k]             h = 2 p_k (1 - p_k)
 *     poisson    g = exp(m) - y                h = exp(m + max_delta_step)
 *     quantile   g = 1 - q where m >= y,       h = 1
 *                    -q elsewhere
 *     huber      g = m - y within [-d, d]      h = 1
 *
 * as XGBoost has them (huber as LightGBM), times the row's weight.
 */

#include "mlops_gbdt_run.h"
#include "mlops_gbdt_lanes.h"

#include <math.h>


#define MLOPS_GBDT_SOME  512            /* rows of a vector loop */


typedef struct {
    mlops_gbdt_run_t           *run;
    const mlops_gbdt_lanes_t   *lanes;
    uint32_t                    group;
    float                      *most;   /* |g| and h of each block */
} mlops_gbdt_gradient_t;


static void mlops_gbdt_gradient_block(void *ctx, uint64_t part,
    uint32_t worker);
static void mlops_gbdt_gradient_logistic(const mlops_gbdt_gradient_t *x,
    uint64_t first, uint64_t n);
static void mlops_gbdt_gradient_poisson(const mlops_gbdt_gradient_t *x,
    uint64_t first, uint64_t n);
static void mlops_gbdt_gradient_plain(const mlops_gbdt_gradient_t *x,
    uint64_t first, uint64_t n);
static void mlops_gbdt_gradient_softmax(const mlops_gbdt_gradient_t *x,
    uint64_t first, uint64_t n);
static void mlops_gbdt_share_block(void *ctx, uint64_t part,
    uint32_t worker);
static void mlops_gbdt_scales(mlops_gbdt_run_t *run, double g, double h);


static const struct {
    const char  *name;
    const char  *loss;
} mlops_gbdt_objectives[] = {
    { "squared", "mse" },
    { "logistic", "log_loss" },
    { "softmax", "log_loss" },
    { "poisson", "deviance" },
    { "quantile", "pinball" },
    { "huber", "huber" }
};


const char *
mlops_gbdt_objective_name(mlops_gbdt_objective_t objective)
{
    return objective < MLOPS_GBDT_OBJECTIVES
           ? mlops_gbdt_objectives[objective].name : NULL;
}


const char *
mlops_gbdt_loss_name(mlops_gbdt_objective_t objective)
{
    return objective < MLOPS_GBDT_OBJECTIVES
           ? mlops_gbdt_objectives[objective].loss : NULL;
}


/* Margins are finite as long as gradients are: no NaN comes before an
 * infinity. */

int
mlops_gbdt_gradients(mlops_gbdt_run_t *run, uint32_t group)
{
    float                   g, h;
    uint64_t                i;
    mlops_gbdt_gradient_t   x;

    x.run = run;
    x.lanes = mlops_gbdt_lanes();
    x.group = group;
    x.most = run->block_most;

    mlops_gbdt_team_run(run->team, mlops_gbdt_gradient_block, &x,
                        mlops_gbdt_blocks(run->train.n));

    g = 0;
    h = 0;

    for (i = 0; i < mlops_gbdt_blocks(run->train.n); i++) {
        g = g < x.most[2 * i] ? x.most[2 * i] : g;
        h = h < x.most[2 * i + 1] ? x.most[2 * i + 1] : h;
    }

    if (isinf(g) || isinf(h)) {
        return mlops_err_set(run->err, "expected products of a row's weight "
                             "and its error that float32 can hold, got "
                             "larger ones: divide the weights or the target "
                             "by a constant before");
    }

    mlops_gbdt_scales(run, (double) g, (double) h);

    return MLOPS_OK;
}


static void
mlops_gbdt_gradient_block(void *ctx, uint64_t part, uint32_t worker)
{
    float                   g, h, *pair;
    uint64_t                i, first, n;
    mlops_gbdt_gradient_t  *x;

    (void) worker;

    x = ctx;
    first = part * MLOPS_GBDT_BLOCK;
    n = x->run->train.n - first;
    n = n < MLOPS_GBDT_BLOCK ? n : MLOPS_GBDT_BLOCK;

    switch (x->run->options->objective) {

    case MLOPS_GBDT_LOGISTIC:
        mlops_gbdt_gradient_logistic(x, first, n);
        break;

    case MLOPS_GBDT_POISSON:
        mlops_gbdt_gradient_poisson(x, first, n);
        break;

    case MLOPS_GBDT_SOFTMAX:
        mlops_gbdt_gradient_softmax(x, first, n);
        break;

    default:
        mlops_gbdt_gradient_plain(x, first, n);
        break;
    }

    g = 0;
    h = 0;
    pair = x->run->pairs + 2 * first;

    for (i = 0; i < n; i++) {
        g = g < fabsf(pair[2 * i]) ? fabsf(pair[2 * i]) : g;
        h = h < pair[2 * i + 1] ? pair[2 * i + 1] : h;
    }

    x->most[2 * part] = g;
    x->most[2 * part + 1] = h;
}


/* Arrays have room for a multiple of 8 rows. */

static void
mlops_gbdt_gradient_logistic(const mlops_gbdt_gradient_t *x, uint64_t first,
    uint64_t n)
{
    const mlops_gbdt_rows_t  *rows;

    rows = &x->run->train;

    x->lanes->logistic(rows->margin + first, rows->target + first,
                       rows->weight ? rows->weight + first : NULL,
                       x->run->pairs + 2 * first,
                       (uint32_t) mlops_align(n, 8));
}


static void
mlops_gbdt_gradient_poisson(const mlops_gbdt_gradient_t *x, uint64_t first,
    uint64_t n)
{
    float                    *pair;
    double                    step, w;
    double                    m[MLOPS_GBDT_SOME], e[MLOPS_GBDT_SOME];
    uint32_t                  i, some;
    const mlops_gbdt_rows_t  *rows;

    rows = &x->run->train;
    m[0] = x->run->options->max_delta_step;

    for (i = 1; i < 8; i++) {
        m[i] = 0;
    }

    x->lanes->exp(m, e, 8);
    step = e[0];

    for ( /* void */ ; n > 0; first += some, n -= some) {
        some = n < MLOPS_GBDT_SOME ? (uint32_t) n : MLOPS_GBDT_SOME;

        for (i = 0; i < mlops_align(some, 8); i++) {
            m[i] = i < some ? (double) rows->margin[first + i] : 0;
        }

        x->lanes->exp(m, e, (uint32_t) mlops_align(some, 8));

        pair = x->run->pairs + 2 * first;

        for (i = 0; i < some; i++) {
            w = rows->weight ? (double) rows->weight[first + i] : 1;

            pair[2 * i] = (float) (w * (e[i]
                                        - (double) rows->target[first + i]));
            pair[2 * i + 1] = (float) (w * e[i] * step);
        }
    }
}


static void
mlops_gbdt_gradient_plain(const mlops_gbdt_gradient_t *x, uint64_t first,
    uint64_t n)
{
    float                     w, g, up, down, delta, *pair;
    uint64_t                  i;
    const mlops_gbdt_rows_t  *rows;

    rows = &x->run->train;
    pair = x->run->pairs + 2 * first;
    up = (float) (1 - x->run->options->quantile);
    down = (float) -x->run->options->quantile;
    delta = (float) x->run->options->delta;

    for (i = 0; i < n; i++) {
        w = rows->weight ? rows->weight[first + i] : 1;
        g = rows->margin[first + i] - rows->target[first + i];

        if (x->run->options->objective == MLOPS_GBDT_QUANTILE) {
            g = g >= 0 ? up : down;

        } else if (x->run->options->objective == MLOPS_GBDT_HUBER) {
            g = g > delta ? delta : g < -delta ? -delta : g;
        }

        pair[2 * i] = w * g;
        pair[2 * i + 1] = w;
    }
}


static void
mlops_gbdt_gradient_softmax(const mlops_gbdt_gradient_t *x, uint64_t first,
    uint64_t n)
{
    float                    *pair, *share;
    double                    p, w, h;
    uint64_t                  i;
    const mlops_gbdt_rows_t  *rows;

    rows = &x->run->train;
    pair = x->run->pairs + 2 * first;
    share = x->run->shares + rows->n * x->group + first;

    for (i = 0; i < n; i++) {
        w = rows->weight ? (double) rows->weight[first + i] : 1;
        p = (double) share[i];
        h = 2 * p * (1 - p);

        if ((uint32_t) rows->target[first + i] == x->group) {
            p -= 1;
        }

        pair[2 * i] = (float) (w * p);
        pair[2 * i + 1] = (float) (w * (h > 1e-16 ? h : 1e-16));
    }
}


void
mlops_gbdt_shares(mlops_gbdt_run_t *run)
{
    mlops_gbdt_gradient_t  x;

    if (run->options->objective != MLOPS_GBDT_SOFTMAX) {
        return;
    }

    memset(&x, 0, sizeof(x));
    x.run = run;
    x.lanes = mlops_gbdt_lanes();

    mlops_gbdt_team_run(run->team, mlops_gbdt_share_block, &x,
                        mlops_gbdt_blocks(run->train.n));
}


/* Probabilities of all classes, from the largest margin. */

static void
mlops_gbdt_share_block(void *ctx, uint64_t part, uint32_t worker)
{
    float                    *share, top[MLOPS_GBDT_SOME];
    double                    sum[MLOPS_GBDT_SOME];
    double                    m[MLOPS_GBDT_SOME], e[MLOPS_GBDT_SOME];
    uint32_t                  i, k, some;
    uint64_t                  first, end;
    const float              *margin;
    mlops_gbdt_gradient_t    *x;
    const mlops_gbdt_rows_t  *rows;

    (void) worker;

    x = ctx;
    rows = &x->run->train;
    first = part * MLOPS_GBDT_BLOCK;
    end = first + MLOPS_GBDT_BLOCK < rows->n ? first + MLOPS_GBDT_BLOCK
                                             : rows->n;

    for ( /* void */ ; first < end; first += some) {
        some = end - first < MLOPS_GBDT_SOME ? (uint32_t) (end - first)
                                             : MLOPS_GBDT_SOME;

        for (k = 0; k < x->run->groups_n; k++) {
            margin = rows->margin + rows->n * k + first;

            for (i = 0; i < some; i++) {
                top[i] = k == 0 || margin[i] > top[i] ? margin[i] : top[i];
                sum[i] = 0;
            }
        }

        for (k = 0; k < x->run->groups_n; k++) {
            margin = rows->margin + rows->n * k + first;
            share = x->run->shares + rows->n * k + first;

            for (i = 0; i < mlops_align(some, 8); i++) {
                m[i] = i < some ? (double) margin[i] - (double) top[i] : 0;
            }

            x->lanes->exp(m, e, (uint32_t) mlops_align(some, 8));

            for (i = 0; i < some; i++) {
                share[i] = (float) e[i];
                sum[i] += e[i];
            }
        }

        for (k = 0; k < x->run->groups_n; k++) {
            share = x->run->shares + rows->n * k + first;

            for (i = 0; i < some; i++) {
                share[i] = (float) ((double) share[i] / sum[i]);
            }
        }
    }
}


/*
 * Fixed point: a sum of all rows stays below 2^62.  Where rows are counted,
 * hessians are rounded to multiples of 2^count_bits, and the count of a row,
 * 1, is added below.
 */

static void
mlops_gbdt_scales(mlops_gbdt_run_t *run, double g, double h)
{
    int       exponent, bits;
    uint32_t  log2n;

    for (log2n = 1; (run->train.n >> log2n) > 0; log2n++) {
        /* void */
    }

    bits = 61 - (int) log2n < 49 ? 61 - (int) log2n : 49;

    run->count_bits = run->counted ? log2n : 0;

    (void) frexp(g > 0 ? g : 1, &exponent);
    run->up[0] = ldexp(1, bits - exponent);
    run->scale[0] = ldexp(1, exponent - bits);

    (void) frexp(h > 0 ? h : 1, &exponent);
    run->up[1] = ldexp(1, bits - exponent);
    run->scale[1] = ldexp(1, exponent - bits);
    run->grid = ldexp(1.5, 52 + (int) run->count_bits);
}
