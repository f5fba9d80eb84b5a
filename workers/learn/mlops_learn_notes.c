/*
 * Notes of a run, and that of a model which a constant is as good as.
 *
 * The constant is what the objective makes of the training rows' targets
 * alone: their mean, a quantile, the classes' shares.  It is judged by the
 * loss of the objective on the gate, without it on tune, without both on the
 * training rows.
 */

#include "mlops_learn_run.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


/* What rounding may make of a model that is that constant. */
#define MLOPS_LEARN_WORSE  (1 + 1e-6)


typedef struct {
    double  target;
    double  weight;
} mlops_learn_pair_t;


static void mlops_learn_note_same(mlops_learn_run_t *run,
    const double *const *predicted);
static int mlops_learn_constant(mlops_learn_run_t *run,
    mlops_metric_t metric, double *constant);
static int mlops_learn_quantile(mlops_learn_run_t *run, double q,
    double *value);
static double mlops_learn_mean_loss(mlops_metric_t metric,
    const mlops_scored_t *scored, double *losses);


void
mlops_learn_note(mlops_learn_run_t *run, const char *fmt, ...)
{
    char              text[MLOPS_ERR_SIZE];
    va_list           args;
    mlops_err_t       err;
    mlops_learned_t  *learned;

    learned = run->learned;

    if (learned->notes_n == MLOPS_LEARN_NOTES) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    /* names come from files: control characters do not get through here */

    (void) mlops_err_set(&err, "%s", text);
    learned->notes[learned->notes_n] = strdup(err.text);

    if (learned->notes[learned->notes_n] != NULL) {
        learned->notes_n++;
    }
}


int
mlops_learn_note_constant(mlops_learn_run_t *run,
    const double *const *predicted)
{
    int              rc;
    double          *room, *losses, *p, ours, theirs, *constant;
    uint64_t         i;
    uint32_t         k;
    mlops_part_t     part;
    mlops_metric_t   metric;
    mlops_scored_t   scored;

    mlops_learn_note_same(run, predicted);

    /* weights of classes make other probabilities, as they were asked to */

    if (run->recipe.class_weight != NULL) {
        return MLOPS_OK;
    }

    part = run->parts[MLOPS_PART_GATE].n ? MLOPS_PART_GATE
           : run->parts[MLOPS_PART_TUNE].n ? MLOPS_PART_TUNE
                                           : MLOPS_PART_TRAIN;

    if (mlops_learn_gather(run, &run->parts[part], predicted, &scored, &room)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    metric = mlops_learn_loss(&run->recipe, run->classes_n);
    losses = malloc((size_t) (scored.n + 1) * sizeof(double));
    constant = calloc((size_t) run->classes_n + 1, sizeof(double));

    rc = (losses == NULL || constant == NULL)
         ? mlops_err_set(run->err, "out of memory")
         : mlops_learn_constant(run, metric, constant);

    ours = NAN;
    theirs = NAN;

    if (rc == MLOPS_OK) {
        ours = mlops_learn_mean_loss(metric, &scored, losses);
        p = room;

        for (i = 0; i < scored.n; i++) {
            for (k = 0; k < scored.width; k++) {
                *p++ = (scored.width == 1 && run->classes_n != 0)
                       ? constant[1] : constant[k];
            }
        }

        theirs = mlops_learn_mean_loss(metric, &scored, losses);
    }

    if (theirs > 0 && ours > theirs * MLOPS_LEARN_WORSE) {
        mlops_learn_note(run, "the model is worse than a constant: %s of %s "
                         "%.6g, of the training rows' %s %.6g",
                         mlops_metric_name(metric), mlops_part_names[part],
                         ours, run->classes_n ? "shares"
                         : metric == MLOPS_METRIC_PINBALL ? "quantile"
                         : metric == MLOPS_METRIC_HUBER ? "median" : "mean",
                         theirs);
    }

    free(constant);
    free(losses);
    free(room);

    return rc;
}


static void
mlops_learn_note_same(mlops_learn_run_t *run, const double *const *predicted)
{
    uint64_t                   i;
    uint32_t                   k;
    const mlops_learn_part_t  *train;

    train = &run->parts[MLOPS_PART_TRAIN];

    for (k = 0; k < run->prediction_n; k++) {
        for (i = 1; i < train->n; i++) {
            if (predicted[k][train->rows[i]] != predicted[k][train->rows[0]])
            {
                return;
            }
        }
    }

    mlops_learn_note(run, "the model predicts the same for all %llu rows of "
                     "train", (unsigned long long) train->n);
}


/* A number, or a share of each class. */

static int
mlops_learn_constant(mlops_learn_run_t *run, mlops_metric_t metric,
    double *constant)
{
    double                     w, weights, y, first;
    uint64_t                   i, row;
    uint32_t                   k;
    const mlops_learn_part_t  *train;

    train = &run->parts[MLOPS_PART_TRAIN];

    if (metric == MLOPS_METRIC_PINBALL || metric == MLOPS_METRIC_HUBER) {
        return mlops_learn_quantile(run, metric == MLOPS_METRIC_PINBALL
                                         && isfinite(run->recipe.parameter)
                                         ? run->recipe.parameter : 0.5,
                                    constant);
    }

    weights = 0;
    first = run->target[train->rows[0]];

    for (i = 0; i < train->n; i++) {
        row = train->rows[i];
        w = run->weight ? run->weight[row] : 1;
        y = run->target[row];
        weights += w;

        if (run->classes_n != 0) {
            constant[(uint32_t) y] += w;

        } else {
            constant[0] += w * (y - first);
        }
    }

    for (k = 0; k < run->classes_n; k++) {
        constant[k] /= weights;
    }

    if (run->classes_n == 0) {
        constant[0] = first + constant[0] / weights;
    }

    return MLOPS_OK;
}


static int
mlops_learn_pair_cmp(const void *one, const void *two)
{
    const mlops_learn_pair_t  *a, *b;

    a = one;
    b = two;

    return (a->target > b->target) - (a->target < b->target);
}


static int
mlops_learn_quantile(mlops_learn_run_t *run, double q, double *value)
{
    double                     all, below;
    uint64_t                   i, row;
    mlops_learn_pair_t        *pairs;
    const mlops_learn_part_t  *train;

    train = &run->parts[MLOPS_PART_TRAIN];
    pairs = malloc((size_t) train->n * sizeof(mlops_learn_pair_t));

    if (pairs == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0, all = 0; i < train->n; i++) {
        row = train->rows[i];
        pairs[i].target = run->target[row];
        pairs[i].weight = run->weight ? run->weight[row] : 1;
        all += pairs[i].weight;
    }

    qsort(pairs, (size_t) train->n, sizeof(mlops_learn_pair_t),
          mlops_learn_pair_cmp);

    for (i = 0, below = 0; i < train->n; i++) {
        below += pairs[i].weight;
        *value = pairs[i].target;

        if (below >= q * all) {
            break;
        }
    }

    free(pairs);

    return MLOPS_OK;
}


/* NaN where it is not defined: the deviance of a prediction that is not above
 * 0. */

static double
mlops_learn_mean_loss(mlops_metric_t metric, const mlops_scored_t *scored,
    double *losses)
{
    double       w, sum, weights;
    uint64_t     i;
    mlops_err_t  err;

    if (mlops_metric_losses(metric, scored, losses, &err) != MLOPS_OK) {
        return NAN;
    }

    for (i = 0, sum = 0, weights = 0; i < scored->n; i++) {
        w = scored->weight ? scored->weight[i] : 1;
        sum += w * losses[i];
        weights += w;
    }

    return sum / weights;
}
