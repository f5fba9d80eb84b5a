/*
 * Predictions of some rows against their targets.
 */

#include "mlops_learn_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_learn_gather(mlops_learn_run_t *run,
    const mlops_learn_part_t *part, const double *const *predicted,
    mlops_scored_t *scored, double **room);


int
mlops_learn_score(mlops_learn_run_t *run, const char *name,
    const mlops_learn_part_t *part, const double *const *predicted,
    mlops_learn_score_t *score)
{
    int              rc;
    double          *room;
    uint32_t         i;
    mlops_scored_t   scored;

    memset(score, 0, sizeof(mlops_learn_score_t));

    score->name = name;
    score->rows_n = part->n;
    score->metrics_n = run->metrics_n;

    if (mlops_learn_gather(run, part, predicted, &scored, &room) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    rc = MLOPS_OK;

    for (i = 0; i < run->metrics_n && rc == MLOPS_OK; i++) {
        score->metrics[i] = run->metrics[i];
        rc = mlops_metric(run->metrics[i], &scored, run->recipe.seed,
                          &score->values[i], run->err);
    }

    free(room);

    if (rc != MLOPS_OK) {
        return mlops_err_prefix(run->err, "rows of %s", name);
    }

    return MLOPS_OK;
}


static int
mlops_learn_gather(mlops_learn_run_t *run, const mlops_learn_part_t *part,
    const double *const *predicted, mlops_scored_t *scored, double **room)
{
    char      name[64];
    double   *p, v;
    uint64_t  i, row;
    uint32_t  k, width;

    width = run->prediction_n;

    *room = malloc((size_t) (part->n ? part->n : 1) * (width + 2)
                   * sizeof(double));
    if (*room == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    memset(scored, 0, sizeof(mlops_scored_t));

    p = *room;
    scored->n = part->n;
    scored->width = width;
    scored->classes_n = run->classes_n;
    scored->predicted = p;
    scored->target = p + part->n * width;
    scored->weight = run->weight ? scored->target + part->n : NULL;
    scored->parameter = run->recipe.parameter;

    for (i = 0; i < part->n; i++) {
        row = part->rows[i];

        for (k = 0; k < width; k++) {
            v = predicted[k][row];
            p[i * width + k] = v;

            if (!isfinite(v)) {
                (void) snprintf(name, sizeof(name), "%.*s",
                                mlops_fmt(&run->prediction[k]));
                free(*room);
                *room = NULL;

                return mlops_learn_row_error(run, row, name, "the prediction "
                                             "is %s: does a step read a value "
                                             "that is missing here, and none "
                                             "before it impute it?",
                                             isnan(v) ? "missing"
                                                      : "infinite");
            }
        }

        p[part->n * width + i] = run->target[row];

        if (run->weight != NULL) {
            p[part->n * (width + 1) + i] = run->weight[row];
        }
    }

    if (run->weight != NULL) {
        mlops_metric_weights(p + part->n * (width + 1), part->n);
    }

    return MLOPS_OK;
}
