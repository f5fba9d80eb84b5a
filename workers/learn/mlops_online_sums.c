/*
 * Progressive validation: the sums of losses, and what is told of them.
 */

#include "mlops_online_inner.h"

#include <math.h>


static void mlops_online_account_window(mlops_online_t *online, double loss,
    int wrong);


void
mlops_online_account(mlops_online_t *online, const mlops_example_t *e,
    double margin, double loss)
{
    int                   wrong;
    mlops_online_sums_t  *sums;

    sums = &online->sums;
    wrong = 0;

    if (online->conf.loss == MLOPS_ONLINE_LOGISTIC) {
        wrong = (margin > 0) != (e->label > 0.5);
        sums->judged++;
        sums->right += !wrong;
    }

    sums->examples++;
    sums->weight += e->weight;
    sums->loss += e->weight * loss;

    sums->since_examples++;
    sums->since_weight += e->weight;
    sums->since_loss += e->weight * loss;

    if (online->window != NULL) {
        mlops_online_account_window(online, loss, wrong);
    }
}


static void
mlops_online_account_window(mlops_online_t *online, double loss, int wrong)
{
    float                 kept;
    uint32_t              bits;
    mlops_online_sums_t  *sums;

    sums = &online->sums;

    kept = (loss < 1e30) ? (float) loss : 1e30f;
    memcpy(&bits, &kept, sizeof(bits));
    bits |= (uint32_t) wrong << 31;
    memcpy(&online->window[sums->window_at], &bits, sizeof(bits));

    if (++sums->window_at == online->conf.window) {
        sums->window_at = 0;
    }

    if (sums->window_n < online->conf.window) {
        sums->window_n++;
    }
}


void
mlops_online_progress(mlops_online_t *online, int reset,
    mlops_online_progress_t *progress)
{
    double                right, loss;
    uint64_t              i;
    mlops_online_sums_t  *sums;

    sums = &online->sums;

    progress->examples = sums->examples;
    progress->refused = sums->refused;
    progress->weight = sums->weight;
    progress->loss = sums->loss / sums->weight;
    progress->accuracy = (double) sums->right / (double) sums->judged;

    progress->since_examples = sums->since_examples;
    progress->since_weight = sums->since_weight;
    progress->since_loss = sums->since_loss / sums->since_weight;

    right = 0;
    loss = 0;

    for (i = 0; i < sums->window_n; i++) {
        right += !signbit(online->window[i]);
        loss += fabs((double) online->window[i]);
    }

    progress->window_n = (uint32_t) sums->window_n;
    progress->window_loss = loss / (double) sums->window_n;
    progress->window_accuracy = online->conf.loss == MLOPS_ONLINE_LOGISTIC
                                ? right / (double) sums->window_n : NAN;

    if (reset) {
        sums->since_examples = 0;
        sums->since_weight = 0;
        sums->since_loss = 0;
    }
}
