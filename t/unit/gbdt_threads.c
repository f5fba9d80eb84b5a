/*
 * Boosted trees from several threads: the trees of one.  Rows are enough for
 * histograms and partitions to be shared.
 */

#include "gbdts.h"


static void
test_threads(void **state)
{
    char                 *one, *other;
    uint32_t              threads, objective;
    gbdts_t               g;
    mlops_gbdt_model_t    m;

    static const mlops_gbdt_objective_t  objectives[] = {
        MLOPS_GBDT_SQUARED, MLOPS_GBDT_LOGISTIC, MLOPS_GBDT_SOFTMAX,
        MLOPS_GBDT_QUANTILE
    };

    (void) state;

    for (objective = 0; objective < mlops_nitems(objectives); objective++) {
        gbdts_random(&g, 150000, 0.05, 5 + objective);
        gbdts_objective(&g, objectives[objective]);

        g.options.trees = 2;
        g.options.leaves = 15;
        g.options.row_fraction = objective == 0 ? 1 : 0.9;
        g.options.node_fraction = 0.9;

        gbdts_train(&g, &m, &g.matrix);
        one = gbdts_text(&m.forest);
        mlops_gbdt_free(&m);

        for (threads = 2; threads <= 5; threads += 3) {
            g.options.threads = threads;
            gbdts_train(&g, &m, &g.matrix);
            other = gbdts_text(&m.forest);
            unit_ok(strcmp(one, other) == 0, "%s: other trees from %u "
                    "threads",
                    mlops_gbdt_objective_name(objectives[objective]),
                    threads);
            free(other);
            mlops_gbdt_free(&m);
        }

        free(one);
        gbdts_free(&g);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_threads)
    };

    return unit_run(tests);
}
