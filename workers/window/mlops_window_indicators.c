/*
 * Indicators over the closes of closed bars, c_1 the oldest:
 *
 *     ema         e_1 = c_1, e_i = (1 - a) e_(i-1) + a c_i, a = 2 / (span + 1)
 *                 or 1 / (1 + com): pandas' ewm(adjust=False); from the first
 *                 bar on
 *     macd        ema of span fast - ema of span slow; from the first bar on
 *     sma         mean of the last k closes; null until there are k
 *     rsi         100 G / (G + L), null until there are k + 1 closes or where
 *                 G + L is 0.  With gains max(c_i - c_(i-1), 0) and losses
 *                 max(c_(i-1) - c_i, 0), G is first the mean of the first k
 *                 gains, then (G (k - 1) + gain) / k; L likewise (Wilder, "New
 *                 concepts in technical trading systems", 1978)
 *     stochastic  %K = 100 (c - low) / (high - low), low and high those of
 *                 the last k bars; null until there are k or where high is
 *                 low
 */

#include "mlops_window_bars.h"


typedef struct {
    uint64_t  n;
    double    ema[2];           /* ema has the first alone */
} mlops_folded_ema_t;


typedef struct {
    uint64_t  n;
    double    close;
    double    gain;
    double    loss;
} mlops_folded_rsi_t;


/* sma; stochastic has close and pairs */

typedef struct {
    uint64_t  n;
    double    values[];
} mlops_folded_list_t;


/* ---- applying ---- */


static void
mlops_close_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell,
    mlops_bars_fold_pt fold)
{
    int                 fresh;
    mlops_bar_close_t  *bar;

    bar = mlops_bars_touch(op, state, tick, fold, &fresh);

    if (bar) {
        mlops_bar_close(op, bar, fresh, event, cell);
    }
}


/* ---- ema, macd ---- */


static void
mlops_ema_fold(const mlops_window_op_t *op, void *state, const void *bar)
{
    double               x;
    uint32_t             i, n;
    mlops_folded_ema_t  *folded;

    folded = state;
    x = mlops_bar_number(op, bar);
    n = op->feature->func == MLOPS_FUNC_MACD ? 2 : 1;

    for (i = 0; i < n; i++) {
        folded->ema[i] = folded->n == 0
                         ? x
                         : (1 - op->alpha[i]) * folded->ema[i]
                           + op->alpha[i] * x;
    }

    folded->n++;
}


static void
mlops_ema_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    mlops_close_apply(op, state, tick, event, cell, mlops_ema_fold);
}


static void
mlops_ema_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    const void          *bar;
    mlops_bars_walk_t    walk;
    mlops_folded_ema_t   folded;

    memcpy(&folded, mlops_bars_folded(op, state),
           mlops_layout_folded(op->feature));
    mlops_bars_walk(&walk, op, state, reach);

    while ((bar = mlops_bars_step(&walk)) != NULL) {
        mlops_ema_fold(op, &folded, bar);
    }

    if (folded.n == 0) {
        mlops_out_none(out, op, op->column);
        return;
    }

    mlops_out_double(out, op, op->column,
                     op->feature->func == MLOPS_FUNC_MACD
                     ? folded.ema[0] - folded.ema[1] : folded.ema[0]);
}


/* ---- rsi ---- */


static void
mlops_rsi_fold(const mlops_window_op_t *op, void *state, const void *bar)
{
    double               x, gain, loss, k;
    mlops_folded_rsi_t  *folded;

    folded = state;
    k = op->k;
    x = mlops_bar_number(op, bar);

    gain = x > folded->close ? x - folded->close : 0;
    loss = x < folded->close ? folded->close - x : 0;

    folded->close = x;

    if (folded->n++ == 0) {
        return;
    }

    if (folded->n - 1 <= op->k) {
        folded->gain += gain;
        folded->loss += loss;

        if (folded->n - 1 == op->k) {
            folded->gain /= k;
            folded->loss /= k;
        }

        return;
    }

    folded->gain = (folded->gain * (k - 1) + gain) / k;
    folded->loss = (folded->loss * (k - 1) + loss) / k;
}


static void
mlops_rsi_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    mlops_close_apply(op, state, tick, event, cell, mlops_rsi_fold);
}


static void
mlops_rsi_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    const void          *bar;
    mlops_bars_walk_t    walk;
    mlops_folded_rsi_t   folded;

    memcpy(&folded, mlops_bars_folded(op, state), sizeof(folded));
    mlops_bars_walk(&walk, op, state, reach);

    while ((bar = mlops_bars_step(&walk)) != NULL) {
        mlops_rsi_fold(op, &folded, bar);
    }

    if (folded.n <= op->k) {
        mlops_out_none(out, op, op->column);
        return;
    }

    /* 0 / 0 is no value */

    mlops_out_double(out, op, op->column,
                     100 * folded.gain / (folded.gain + folded.loss));
}


/* ---- sma ---- */


static void
mlops_sma_fold(const mlops_window_op_t *op, void *state, const void *bar)
{
    mlops_folded_list_t  *folded;

    folded = state;
    folded->values[folded->n % op->k] = mlops_bar_number(op, bar);
    folded->n++;
}


static void
mlops_sma_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    mlops_close_apply(op, state, tick, event, cell, mlops_sma_fold);
}


static void
mlops_list_copy(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_bars_fold_pt fold,
    mlops_folded_list_t *folded)
{
    const void         *bar;
    mlops_bars_walk_t   walk;

    memcpy(folded, mlops_bars_folded(op, state),
           mlops_layout_folded(op->feature));
    mlops_bars_walk(&walk, op, state, reach);

    while ((bar = mlops_bars_step(&walk)) != NULL) {
        fold(op, folded, bar);
    }
}


/* Neumaier's compensated sum, "Rundungsfehleranalyse einiger Verfahren zur
 * Summation endlicher Summen", 1974. */

static double
mlops_sma_sum(const double *values, uint32_t n)
{
    double    sum, low, next;
    uint32_t  i;

    sum = 0;
    low = 0;

    for (i = 0; i < n; i++) {
        next = sum + values[i];
        low += fabs(sum) >= fabs(values[i]) ? (sum - next) + values[i]
                                            : (values[i] - next) + sum;
        sum = next;
    }

    return sum + low;
}


static void
mlops_sma_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    mlops_folded_list_t  *folded;
    uint64_t              copy[1 + MLOPS_BARS_MAX];

    folded = (mlops_folded_list_t *) copy;
    mlops_list_copy(op, state, reach, mlops_sma_fold, folded);

    if (folded->n < op->k) {
        mlops_out_none(out, op, op->column);
        return;
    }

    mlops_out_double(out, op, op->column,
                     mlops_sma_sum(folded->values, op->k) / op->k);
}


/* ---- stochastic ---- */


static void
mlops_stochastic_fold(const mlops_window_op_t *op, void *state,
    const void *bar)
{
    double                   *pair;
    mlops_folded_list_t      *folded;
    const mlops_bar_range_t  *range;

    range = bar;
    folded = state;
    pair = &folded->values[1 + 2 * (folded->n % op->k)];

    folded->values[0] = mlops_bar_number(op, &range->last);
    pair[0] = range->high;
    pair[1] = range->low;
    folded->n++;
}


static void
mlops_stochastic_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int                 fresh;
    double              x;
    mlops_bar_range_t  *bar;

    bar = mlops_bars_touch(op, state, tick, mlops_stochastic_fold, &fresh);

    if (bar == NULL) {
        return;
    }

    mlops_bar_close(op, &bar->last, fresh, event, cell);

    x = mlops_cell_number(op->cell_kind, cell, 1);

    if (fresh || x > bar->high) {
        bar->high = x;
    }

    if (fresh || x < bar->low) {
        bar->low = x;
    }
}


static void
mlops_stochastic_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    double                high, low, *pair;
    uint32_t              i;
    mlops_folded_list_t  *folded;
    uint64_t              copy[2 + 2 * MLOPS_BARS_MAX];

    folded = (mlops_folded_list_t *) copy;
    mlops_list_copy(op, state, reach, mlops_stochastic_fold, folded);

    if (folded->n < op->k) {
        mlops_out_none(out, op, op->column);
        return;
    }

    high = -INFINITY;
    low = INFINITY;

    for (i = 0; i < op->k; i++) {
        pair = &folded->values[1 + 2 * i];
        high = pair[0] > high ? pair[0] : high;
        low = pair[1] < low ? pair[1] : low;
    }

    /* 0 / 0 is no value */

    mlops_out_double(out, op, op->column,
                     100 * (folded->values[0] - low) / (high - low));
}


/* ---- the list ---- */


void
mlops_window_indicator_kind(mlops_window_op_t *op)
{
    const mlops_plan_feature_t  *feature;

    feature = op->feature;

    switch (feature->func) {

    case MLOPS_FUNC_MACD:
        op->alpha[0] = 2 / ((double) feature->k[0] + 1);
        op->alpha[1] = 2 / ((double) feature->k[1] + 1);
        op->kind.apply = mlops_ema_apply;
        op->kind.value = mlops_ema_value;
        break;

    case MLOPS_FUNC_SMA:
        op->kind.apply = mlops_sma_apply;
        op->kind.value = mlops_sma_value;
        break;

    case MLOPS_FUNC_RSI:
        op->kind.apply = mlops_rsi_apply;
        op->kind.value = mlops_rsi_value;
        break;

    case MLOPS_FUNC_STOCHASTIC:
        op->kind.apply = mlops_stochastic_apply;
        op->kind.value = mlops_stochastic_value;
        break;

    default:
        op->kind.apply = mlops_ema_apply;
        op->kind.value = mlops_ema_value;
    }
}
