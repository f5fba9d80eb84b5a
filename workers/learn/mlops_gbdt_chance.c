/*
 * Rows and features taken by chance: functions of the seed, the round or
 * tree, and the row or feature, whoever asks and in what order.
 */

#include "mlops_gbdt_run.h"

#include <stdlib.h>


static int mlops_gbdt_by_key(const void *one, const void *two);
static void mlops_gbdt_take_block(void *ctx, uint64_t part, uint32_t worker);


static int
mlops_gbdt_by_key(const void *one, const void *two)
{
    uint64_t  a, b;

    a = *(const uint64_t *) one;
    b = *(const uint64_t *) two;

    return (a > b) - (a < b);
}


/* Those with the smallest keys. */

uint32_t
mlops_gbdt_choose(mlops_gbdt_run_t *run, const uint32_t *from, uint32_t n,
    double fraction, uint64_t stream, uint64_t at, uint32_t *to)
{
    uint32_t   i, want, taken;
    uint64_t   last, key;

    want = (uint32_t) (fraction * n + 0.5);
    want = want < 1 ? 1 : want > n ? n : want;

    for (i = 0; i < n; i++) {
        run->keys[i] = mlops_random_at(run->options->seed, stream,
                                       at + from[i]);
    }

    qsort(run->keys, n, sizeof(*run->keys), mlops_gbdt_by_key);

    last = run->keys[want - 1];
    taken = 0;

    for (i = 0; i < n && taken < want; i++) {
        key = mlops_random_at(run->options->seed, stream, at + from[i]);

        if (key <= last) {
            to[taken++] = from[i];
        }
    }

    return taken;
}


void
mlops_gbdt_take_features(mlops_gbdt_run_t *run)
{
    uint32_t  i;

    for (i = 0; i < run->features_n; i++) {
        run->every[i] = i;
    }

    run->chosen_n = mlops_gbdt_choose(run, run->every, run->features_n,
                                      run->options->column_fraction,
                                      MLOPS_GBDT_COLUMNS + run->tree, 0,
                                      run->chosen);
}


/* Each row is taken or not; where that leaves none, all are. */

void
mlops_gbdt_take_rows(mlops_gbdt_run_t *run, uint32_t round)
{
    uint64_t  i;

    run->round = round;
    run->rows_n = 0;

    if (run->taken != NULL) {
        mlops_gbdt_team_run(run->team, mlops_gbdt_take_block, run,
                            mlops_gbdt_blocks(run->train.n));

        for (i = 0; i < run->train.n; i++) {
            run->order[run->rows_n] = (uint32_t) i;
            run->rows_n += run->taken[i];
        }
    }

    if (run->rows_n > 0) {
        return;
    }

    for (i = 0; i < run->train.n; i++) {
        run->order[i] = (uint32_t) i;

        if (run->taken != NULL) {
            run->taken[i] = 1;
        }
    }

    run->rows_n = run->train.n;
}


static void
mlops_gbdt_take_block(void *ctx, uint64_t part, uint32_t worker)
{
    uint64_t           i, end;
    mlops_gbdt_run_t  *run;

    (void) worker;

    run = ctx;
    i = part * MLOPS_GBDT_BLOCK;
    end = i + MLOPS_GBDT_BLOCK < run->train.n ? i + MLOPS_GBDT_BLOCK
                                              : run->train.n;

    for ( /* void */ ; i < end; i++) {
        run->taken[i] = mlops_random_double(run->options->seed,
                                            MLOPS_GBDT_ROWS + run->round, i)
                        < run->options->row_fraction;
    }
}
