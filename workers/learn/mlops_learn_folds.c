/*
 * Repeated cross-validation of the training rows.
 *
 * Repeat r shuffles them as numpy.random.RandomState(seed + r).permutation
 * does.  Of numbers the folds are runs of that order, the first n mod k of
 * them one longer (scikit-learn's KFold with shuffle); of classes the rows
 * of each class, in that order, go to the folds in turn.  Rows that were
 * split by entity or by time have the folds of mlops_split_folds().
 *
 * The interval is Nadeau and Bengio's ("Inference for the Generalization
 * Error", 2003): folds share training rows, so the variance of the J folds'
 * metrics is multiplied by 1/J + held-out rows / fitted rows, with Student's
 * t of J - 1 degrees of freedom.
 */

#include "mlops_learn_run.h"
#include "mlops_random.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


typedef struct {
    mlops_learn_run_t   *run;
    uint32_t            *order;         /* permutation of the rows */
    uint32_t            *fold;          /* that judges each training row */
    uint32_t            *fitted;        /* of time: the first one whose model
                                           is fitted to it */
    uint64_t             fit_n;         /* sums over the folds */
    uint64_t             held_n;
    mlops_learn_part_t   fit;
    mlops_learn_part_t   held;
    mlops_learn_score_t *scores;        /* of each fold of each repeat */
    uint32_t             scores_n;
} mlops_learn_folds_t;


static int mlops_learn_repeat(mlops_learn_folds_t *folds, uint32_t repeat);
static int mlops_learn_folds_split(mlops_learn_run_t *run, uint32_t repeat,
    uint32_t *fold, uint32_t *fitted);
static int mlops_learn_deal(mlops_learn_folds_t *folds, uint32_t repeat);
static int mlops_learn_fold(mlops_learn_folds_t *folds, uint32_t repeat,
    uint32_t k);
static void mlops_learn_folds_mean(const mlops_learn_folds_t *folds,
    mlops_learn_score_t *score);


/* Are folds those of the split? */

static int
mlops_learn_folds_apart(const mlops_learn_run_t *run)
{
    return run->recipe.rule.by == MLOPS_SPLIT_HASH
           || run->recipe.rule.by == MLOPS_SPLIT_TIME;
}


int
mlops_learn_folds_check(mlops_learn_run_t *run)
{
    int        rc;
    uint32_t  *fold, *fitted;
    uint64_t   n;

    n = run->parts[MLOPS_PART_TRAIN].n;

    if (n < (uint64_t) run->recipe.folds * 2) {
        return mlops_err_set(run->err, "train.validate: expected at least %u "
                             "training rows for %u folds, got %llu",
                             run->recipe.folds * 2, run->recipe.folds,
                             (unsigned long long) n);
    }

    if (run->recipe.folds == 0 || !mlops_learn_folds_apart(run)) {
        return MLOPS_OK;
    }

    fold = malloc(n * sizeof(uint32_t));
    fitted = malloc(n * sizeof(uint32_t));

    rc = (fold != NULL && fitted != NULL)
         ? mlops_learn_folds_split(run, 0, fold, fitted)
         : mlops_err_set(run->err, "out of memory");

    free(fold);
    free(fitted);

    return rc;
}


/* Seed 0 is that of the split. */

static int
mlops_learn_folds_split(mlops_learn_run_t *run, uint32_t repeat,
    uint32_t *fold, uint32_t *fitted)
{
    mlops_err_t                   why;
    const mlops_learn_part_t     *train;
    const mlops_matrix_column_t  *column;

    train = &run->parts[MLOPS_PART_TRAIN];

    if (mlops_learn_split_column(run, &column) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (mlops_split_folds(&run->recipe.rule, train->rows, (uint32_t) train->n,
                          column, run->recipe.folds,
                          run->recipe.seed + repeat + 1, fold, fitted, &why)
        != MLOPS_OK)
    {
        return mlops_err_set(run->err, "train.validate: %s", why.text);
    }

    return MLOPS_OK;
}


int
mlops_learn_folds(mlops_learn_run_t *run, mlops_learn_score_t *score)
{
    int                   rc;
    size_t                n;
    unsigned              aside;
    uint32_t              r;
    mlops_learn_folds_t   folds;

    n = (size_t) run->parts[MLOPS_PART_TRAIN].n;

    memset(&folds, 0, sizeof(folds));

    folds.run = run;
    folds.order = malloc(n * sizeof(uint32_t));
    folds.fold = malloc(n * sizeof(uint32_t));
    folds.fitted = malloc(n * sizeof(uint32_t));
    folds.fit.rows = malloc(n * sizeof(uint32_t));
    folds.held.rows = malloc(n * sizeof(uint32_t));
    folds.scores = calloc((size_t) run->recipe.folds * run->recipe.repeats,
                          sizeof(mlops_learn_score_t));

    rc = MLOPS_OK;

    if (folds.order == NULL || folds.fold == NULL || folds.fitted == NULL
        || folds.fit.rows == NULL || folds.held.rows == NULL
        || folds.scores == NULL)
    {
        rc = mlops_err_set(run->err, "out of memory");
    }

    aside = run->aside;
    run->aside = 1;

    for (r = 0; r < run->recipe.repeats && rc == MLOPS_OK; r++) {
        rc = mlops_learn_repeat(&folds, r);
    }

    run->aside = aside;

    if (rc == MLOPS_OK) {
        mlops_learn_folds_mean(&folds, score);
    }

    free(folds.order);
    free(folds.fold);
    free(folds.fitted);
    free(folds.fit.rows);
    free(folds.held.rows);
    free(folds.scores);

    return rc;
}


static int
mlops_learn_repeat(mlops_learn_folds_t *folds, uint32_t repeat)
{
    uint32_t  k;

    if (mlops_learn_deal(folds, repeat) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (k = 0; k < folds->run->recipe.folds; k++) {
        if (mlops_learn_fold(folds, repeat, k) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_learn_deal(mlops_learn_folds_t *folds, uint32_t repeat)
{
    uint32_t                   i, k, n, at, long_n, *turn;
    mlops_mt_t                 mt;
    mlops_learn_run_t         *run;
    const mlops_learn_part_t  *train;

    run = folds->run;
    train = &run->parts[MLOPS_PART_TRAIN];
    n = (uint32_t) train->n;
    k = run->recipe.folds;

    if (mlops_learn_folds_apart(run)) {
        return mlops_learn_folds_split(run, repeat, folds->fold,
                                       folds->fitted);
    }

    mlops_mt_init(&mt, (uint32_t) (run->recipe.seed + repeat));
    mlops_mt_permutation(&mt, folds->order, n);

    if (run->classes_n == 0) {
        long_n = n % k;

        for (i = 0, at = 0; i < n; i++) {

            if (i == (at + 1) * (n / k) + (at + 1 < long_n ? at + 1 : long_n))
            {
                at++;
            }

            folds->fold[folds->order[i]] = at;
        }

        return MLOPS_OK;
    }

    turn = calloc(run->classes_n, sizeof(uint32_t));
    if (turn == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < n; i++) {
        at = (uint32_t) run->target[train->rows[folds->order[i]]];

        folds->fold[folds->order[i]] = (turn[at]++ + at) % k;
    }

    free(turn);

    return MLOPS_OK;
}


static int
mlops_learn_fold(mlops_learn_folds_t *folds, uint32_t repeat, uint32_t k)
{
    int                        rc, time, learns;
    char                       text[48];
    uint32_t                   row;
    uint64_t                   i;
    mlops_learn_run_t         *run;
    mlops_learn_chain_t        chain;
    const mlops_learn_part_t  *train, *fit;

    run = folds->run;
    train = &run->parts[MLOPS_PART_TRAIN];
    fit = &run->fit[MLOPS_PART_TRAIN];
    time = (run->recipe.rule.by == MLOPS_SPLIT_TIME);

    folds->fit.n = 0;
    folds->held.n = 0;

    /* rows that sampling left out are judged, and not learned from; both
     * lists ascend */

    for (i = 0, row = 0; i < train->n; i++) {

        if (folds->fold[i] == k) {
            folds->held.rows[folds->held.n++] = train->rows[i];
        }

        while (row < fit->n && fit->rows[row] < train->rows[i]) {
            row++;
        }

        learns = time ? folds->fitted[i] <= k : folds->fold[i] != k;

        if (learns && row < fit->n && fit->rows[row] == train->rows[i]) {
            folds->fit.rows[folds->fit.n++] = train->rows[i];
        }
    }

    (void) snprintf(text, sizeof(text), "fold %u of repeat %u", k + 1,
                    repeat + 1);
    mlops_learn_progress(run, "validate", folds->scores_n,
                         (uint64_t) run->recipe.folds * run->recipe.repeats,
                         text);

    memset(&chain, 0, sizeof(chain));

    chain.run = run;
    chain.quiet = text;
    chain.parts[MLOPS_PART_TRAIN] = folds->fit;
    chain.parts[MLOPS_PART_TUNE] = run->fit[MLOPS_PART_TUNE];
    chain.parts[MLOPS_PART_CALIBRATE] = run->parts[MLOPS_PART_CALIBRATE];

    rc = mlops_learn_chain(&chain);

    if (rc == MLOPS_OK) {
        rc = mlops_learn_score(run, "validate", &folds->held, chain.predicted,
                               &folds->scores[folds->scores_n]);
        folds->scores[folds->scores_n].rows_n = folds->held.n;
        folds->scores_n++;
        folds->fit_n += folds->fit.n;
        folds->held_n += folds->held.n;
    }

    mlops_learn_chain_free(&chain);

    return (rc == MLOPS_OK) ? rc : mlops_err_prefix(run->err, "%s", text);
}


/* The 97.5 % quantile of Student's t: exact for one and two degrees of
 * freedom, else the expansion of Cornish and Fisher (Abramowitz and Stegun,
 * 26.7.5), to three digits. */

static double
mlops_learn_student(uint32_t df)
{
    double  z, z3, z5, z7, z9, v;

    if (df == 1) {
        return 12.706204736432095;
    }

    if (df == 2) {
        return 4.302652729911275;
    }

    z = 1.959963984540054;
    z3 = z * z * z;
    z5 = z3 * z * z;
    z7 = z5 * z * z;
    z9 = z7 * z * z;
    v = df;

    return z + (z3 + z) / (4 * v)
           + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v)
           + (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v)
           + (79 * z9 + 776 * z7 + 1482 * z5 - 1920 * z3 - 945 * z)
             / (92160 * v * v * v * v);
}


static void
mlops_learn_folds_mean(const mlops_learn_folds_t *folds,
    mlops_learn_score_t *score)
{
    double                 v, sum, square, ratio, half;
    uint32_t               i, m, n;
    mlops_metric_value_t  *value;

    *score = folds->scores[0];
    score->name = "validate";
    score->rows_n = folds->held_n / folds->run->recipe.repeats;

    ratio = (folds->run->recipe.rule.by == MLOPS_SPLIT_TIME)
            ? (double) folds->held_n / (double) folds->fit_n
            : 1.0 / (folds->run->recipe.folds - 1);

    for (m = 0; m < score->metrics_n; m++) {
        value = &score->values[m];

        for (i = 0, n = 0, sum = 0; i < folds->scores_n; i++) {
            v = folds->scores[i].values[m].value;

            if (!isnan(v)) {
                sum += v;
                n++;
            }
        }

        value->n = score->rows_n;
        value->value = n ? sum / n : NAN;
        value->lo = NAN;
        value->hi = NAN;

        if (n < 2 || !mlops_metric_interval(score->metrics[m])) {
            continue;
        }

        for (i = 0, square = 0; i < folds->scores_n; i++) {
            v = folds->scores[i].values[m].value;

            if (!isnan(v)) {
                square += (v - value->value) * (v - value->value);
            }
        }

        half = mlops_learn_student(n - 1)
               * sqrt((1.0 / n + ratio) * square / (n - 1));

        value->lo = value->value - half;
        value->hi = value->value + half;
        mlops_metric_clamp(score->metrics[m], value);
    }
}
