/*
 * Judging models on rows.
 */

#include "mlops_evaluate.h"
#include "mlops_evaluate_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_evaluate_once(const mlops_evaluate_options_t *options,
    mlops_err_t *err);
static int mlops_evaluate_all(mlops_evaluate_run_t *run);
static int mlops_evaluate_part(mlops_evaluate_run_t *run, const char *cell,
    const char *value, const uint8_t *of, uint32_t wanted);
static int mlops_evaluate_score(mlops_evaluate_run_t *run,
    const mlops_evaluate_side_t *side, const mlops_scored_t *scored,
    mlops_learn_score_t *score);
static int mlops_evaluate_difference(mlops_evaluate_run_t *run,
    const mlops_scored_t *one, const mlops_scored_t *other,
    mlops_difference_t *difference);
static int mlops_evaluate_slices(mlops_evaluate_run_t *run);
static int mlops_evaluate_slice(mlops_evaluate_run_t *run,
    const mlops_str_t *name);


const char *
mlops_evaluate_loss(mlops_metric_t metric)
{
    switch (metric) {

    case MLOPS_METRIC_RMSE:
    case MLOPS_METRIC_MSE:
        return "squared_error";

    case MLOPS_METRIC_MAE:
        return "absolute_error";

    default:
        return mlops_metric_name(metric);
    }
}


int
mlops_evaluate(const mlops_evaluate_options_t *options,
    mlops_evaluated_t *evaluated, mlops_err_t *err)
{
    int                    rc;
    mlops_evaluate_run_t  *run;

    memset(evaluated, 0, sizeof(mlops_evaluated_t));

    if (mlops_evaluate_once(options, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    run = calloc(1, sizeof(mlops_evaluate_run_t));
    if (run == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    run->options = options;
    run->evaluated = evaluated;
    run->err = err;
    mlops_arena_init(&run->arena, NULL, NULL);

    rc = mlops_evaluate_open(run);

    if (rc == MLOPS_OK) {
        rc = mlops_evaluate_all(run);
    }

    mlops_evaluate_close(run);
    mlops_arena_destroy(&run->arena);
    free(run);

    if (rc != MLOPS_OK) {
        mlops_evaluated_free(evaluated);
    }

    return rc;
}


void
mlops_evaluated_free(mlops_evaluated_t *evaluated)
{
    uint32_t  i;

    for (i = 0; i < evaluated->parts_n; i++) {
        free(evaluated->parts[i].cell);
        free(evaluated->parts[i].value);
    }

    free(evaluated->parts);
    evaluated->parts = NULL;
    evaluated->parts_n = 0;
}


/* A slice twice says nothing more. */

static int
mlops_evaluate_once(const mlops_evaluate_options_t *options, mlops_err_t *err)
{
    uint32_t  i, k;

    for (i = 0; i < options->slices_n; i++) {
        for (k = 0; k < i; k++) {

            if (strcmp(options->slices[k], options->slices[i]) == 0) {
                return mlops_err_set(err, "slices: expected each cell once, "
                                     "got \"%s\" again", options->slices[i]);
            }
        }
    }

    return MLOPS_OK;
}


static int
mlops_evaluate_all(mlops_evaluate_run_t *run)
{
    uint32_t  i;

    run->evaluated->parts = calloc(MLOPS_EVALUATE_SLICES,
                                   sizeof(mlops_evaluated_part_t));
    if (run->evaluated->parts == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    run->evaluated->rows_n = run->sides[0].learn.frame.rows_n;
    run->evaluated->judged_n = run->judged.n;
    run->evaluated->against = (run->options->against != NULL);

    for (i = 0; i < run->sides[0].learn.metrics_n; i++) {

        if (mlops_metric_rows(run->sides[0].learn.metrics[i])) {
            run->loss = run->sides[0].learn.metrics[i];
            run->evaluated->compared = run->evaluated->against;
            break;
        }
    }

    if (mlops_evaluate_part(run, "", "", NULL, 0) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_evaluate_slices(run);
}


/* Rows of one slice, or all. */

static int
mlops_evaluate_part(mlops_evaluate_run_t *run, const char *cell,
    const char *value, const uint8_t *of, uint32_t wanted)
{
    int                      rc;
    uint32_t                 i, sides;
    mlops_scored_t           scored[2];
    mlops_evaluated_part_t  *part;

    if (run->evaluated->parts_n == MLOPS_EVALUATE_SLICES) {
        return MLOPS_OK;
    }

    part = &run->evaluated->parts[run->evaluated->parts_n];
    part->cell = strdup(cell);
    part->value = strdup(value);
    run->evaluated->parts_n++;

    if (part->cell == NULL || part->value == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    memset(scored, 0, sizeof(scored));
    sides = run->evaluated->against ? 2 : 1;
    rc = MLOPS_OK;

    for (i = 0; i < sides && rc == MLOPS_OK; i++) {
        rc = mlops_evaluate_gather(run, &run->sides[i], of, wanted,
                                   &scored[i]);

        if (rc == MLOPS_OK) {
            rc = mlops_evaluate_score(run, &run->sides[i], &scored[i],
                                      i ? &part->other : &part->score);
        }
    }

    if (rc == MLOPS_OK && run->evaluated->compared) {
        rc = mlops_evaluate_difference(run, &scored[0], &scored[1],
                                       &part->difference);
    }

    free((double *) scored[0].predicted);
    free((double *) scored[1].predicted);

    return rc;
}


static int
mlops_evaluate_score(mlops_evaluate_run_t *run,
    const mlops_evaluate_side_t *side, const mlops_scored_t *scored,
    mlops_learn_score_t *score)
{
    uint32_t                  i;
    const mlops_learn_run_t  *learn;

    learn = &run->sides[0].learn;

    score->name = side->name;
    score->rows_n = scored->n;
    score->metrics_n = learn->metrics_n;

    for (i = 0; i < learn->metrics_n; i++) {
        score->metrics[i] = learn->metrics[i];

        if (mlops_metric(learn->metrics[i], scored, learn->recipe.seed,
                         &score->values[i], run->err)
            != MLOPS_OK)
        {
            return mlops_err_prefix(run->err, "%s", side->name);
        }
    }

    return MLOPS_OK;
}


/* The mean of paired differences, with the interval of a mean. */

static int
mlops_evaluate_difference(mlops_evaluate_run_t *run,
    const mlops_scored_t *one, const mlops_scored_t *other,
    mlops_difference_t *difference)
{
    int       rc;
    double   *a, *b, w, d, sum, base, weights, square, half;
    uint64_t  i, n;

    n = one->n;

    difference->metric = run->loss;
    difference->value.n = n;
    difference->value.value = NAN;
    difference->value.lo = NAN;
    difference->value.hi = NAN;
    difference->relative = NAN;

    a = malloc((size_t) (n + 1) * 2 * sizeof(double));
    if (a == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    b = a + n;
    rc = mlops_metric_losses(run->loss, one, a, run->err);

    if (rc == MLOPS_OK) {
        rc = mlops_metric_losses(run->loss, other, b, run->err);
    }

    for (i = 0, sum = 0, base = 0, weights = 0; i < n && rc == MLOPS_OK; i++)
    {
        w = one->weight ? one->weight[i] : 1;
        sum += w * (a[i] - b[i]);
        base += w * b[i];
        weights += w;
    }

    if (rc == MLOPS_OK && weights > 0) {
        difference->value.value = sum / weights;
        difference->relative = (base != 0) ? sum / base : NAN;

        for (i = 0, square = 0; i < n; i++) {
            w = one->weight ? one->weight[i] : 1;
            d = w * (a[i] - b[i] - difference->value.value);
            square += d * d;
        }

        if (n > 1) {
            half = 1.959963984540054
                   * sqrt(square * (double) n / (double) (n - 1)) / weights;

            difference->value.lo = difference->value.value - half;
            difference->value.hi = difference->value.value + half;
        }
    }

    free(a);

    return rc;
}


static int
mlops_evaluate_slices(mlops_evaluate_run_t *run)
{
    uint32_t                         i;
    mlops_str_t                      name;
    const mlops_doc_t               *doc;
    const mlops_evaluate_options_t  *options;

    options = run->options;

    for (i = 0; i < options->slices_n; i++) {
        name.data = options->slices[i];
        name.len = strlen(options->slices[i]);

        if (mlops_evaluate_slice(run, &name) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    doc = run->sides[0].learn.recipe.slices;

    if (options->slices != NULL || doc == NULL
        || doc->type != MLOPS_DOC_ARRAY)
    {
        return MLOPS_OK;
    }

    for (doc = doc->v.child; doc != NULL; doc = doc->next) {

        if (doc->type != MLOPS_DOC_STRING) {
            return mlops_err_set(run->err, "train.slices: expected names of "
                                 "cells");
        }

        if (mlops_evaluate_slice(run, &doc->v.text) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_evaluate_slice(mlops_evaluate_run_t *run, const mlops_str_t *name)
{
    int                         rc;
    char                       *cell;
    uint32_t                    i;
    mlops_slices_t              slices;
    const mlops_columns_one_t  *one;

    one = mlops_columns_find(&run->sides[0].learn.columns, name->data,
                             name->len);

    if (one == NULL || one->view.data == NULL) {
        return mlops_err_set(run->err, "slices: expected the name of an "
                             "input, a column, or what a step of rows "
                             "computes, got \"%.*s\"", mlops_fmt(name));
    }

    cell = strndup(name->data, name->len);
    if (cell == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    rc = mlops_slices_make(&slices, one, run->judged.rows, run->judged.n,
                           run->err);

    for (i = 0; i < slices.n && rc == MLOPS_OK; i++) {
        rc = mlops_evaluate_part(run, cell, slices.names[i], slices.of, i);
    }

    mlops_slices_free(&slices);
    free(cell);

    return rc;
}
