/*
 * Predictions of some rows against their targets.
 */

#include "mlops_learn_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_LEARN_ROUNDING  1e-4      /* of probabilities, by models in
                                           float32 */


static int mlops_learn_unjudged(mlops_learn_run_t *run, uint64_t row,
    uint32_t k, const char *why);
static const mlops_str_t *mlops_learn_command(
    const mlops_learn_recipe_t *recipe, const mlops_str_t *name);


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


int
mlops_learn_gather(mlops_learn_run_t *run, const mlops_learn_part_t *part,
    const double *const *predicted, mlops_scored_t *scored, double **room)
{
    double       *p;
    uint64_t      i, row;
    uint32_t      k, width;
    mlops_err_t   why;

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
            p[i * width + k] = predicted[k][row];
        }

        if (mlops_learn_predicts(run, p + i * width, &k, &why) != MLOPS_OK) {
            free(*room);
            *room = NULL;

            return mlops_learn_unjudged(run, row, k, why.text);
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


int
mlops_learn_predicts(const mlops_learn_run_t *run, const double *p,
    uint32_t *k, mlops_err_t *why)
{
    double              sum;
    uint32_t            width;
    const mlops_str_t  *class;

    width = (run->classes_n > 2) ? run->classes_n : 1;
    sum = 0;

    for (*k = 0; *k < width; (*k)++) {

        if (!isfinite(p[*k])) {
            return mlops_err_set(why, "the prediction is %s",
                                 isnan(p[*k]) ? "missing" : "infinite");
        }

        if (run->classes_n != 0
            && (p[*k] < -MLOPS_LEARN_ROUNDING
                || p[*k] > 1 + MLOPS_LEARN_ROUNDING))
        {
            class = &run->classes[run->classes_n > 2 ? *k : 1];

            return mlops_err_set(why, "expected a probability, from 0 to 1, "
                                 "of the class \"%.*s\", got %g",
                                 (int) (class->len < 40 ? class->len : 40),
                                 class->data, p[*k]);
        }

        sum += p[*k];
    }

    *k = 0;

    if (run->classes_n > 2 && fabs(sum - 1) > MLOPS_LEARN_ROUNDING) {
        return mlops_err_set(why, "expected probabilities of the %u classes "
                             "whose sum is 1, got %g", run->classes_n, sum);
    }

    return MLOPS_OK;
}


/* Says where the prediction comes from, or what may be wrong. */

static int
mlops_learn_unjudged(mlops_learn_run_t *run, uint64_t row, uint32_t k,
    const char *why)
{
    char                name[64];
    const mlops_str_t  *command;

    (void) snprintf(name, sizeof(name), "%.*s",
                    mlops_fmt(&run->prediction[k]));

    command = mlops_learn_command(&run->recipe, &run->prediction[k]);

    if (command != NULL) {
        return mlops_learn_row_error(run, row, name, "%s from the model of "
                                     "the command \"%.*s\"", why,
                                     (int) (command->len < 60 ? command->len
                                                              : 60),
                                     command->data);
    }

    return mlops_learn_row_error(run, row, name, "%s: %s", why,
                                 strncmp(why, "expected", 8) == 0
                                 ? "is it a value before the link?"
                                 : "does a step read a value that is missing "
                                   "here, and none before it impute it?");
}


/* Of the step exec that writes a cell; or NULL. */

static const mlops_str_t *
mlops_learn_command(const mlops_learn_recipe_t *recipe,
    const mlops_str_t *name)
{
    uint32_t                   i;
    const mlops_doc_t         *words;
    const mlops_learn_step_t  *step;

    for (i = 0; i < recipe->steps_n; i++) {
        step = &recipe->steps[i];

        if (!mlops_str_is(&step->fit, "exec")
            || !mlops_learn_listed(step->doc, "outputs", name))
        {
            continue;
        }

        words = mlops_doc_get(step->doc, "command");
        words = (words != NULL && words->type == MLOPS_DOC_ARRAY)
                ? words->v.child : NULL;

        if (words != NULL && words->type == MLOPS_DOC_STRING) {
            return &words->v.text;
        }
    }

    return NULL;
}
