/*
 * The fitters of calibration: piecewise "isotonic" and affine "platt".
 *
 * One input is a score of class 1 (of isotonic also that of a number); as
 * many inputs as classes are scores of each, calibrated one against the
 * rest and divided by their sum, as scikit-learn does.
 */

#include "mlops_calibrate.h"
#include "mlops_fit_note.h"
#include "mlops_prep.h"
#include "mlops_fitters.h"

#include <math.h>
#include <stdlib.h>


/* Added to each before they are divided: all 0 become equal shares. */
#define MLOPS_FIT_SHARE  1e-300


typedef struct {
    double      *score;
    double      *target;
    double      *weight;
    uint64_t     n;
    uint64_t     missing_n;
    int          descending;
} mlops_fit_scores_t;


typedef int (*mlops_fit_one_pt)(mlops_fit_t *fit,
    const mlops_fit_scores_t *scores, const mlops_str_t *input,
    const mlops_str_t *output);


static int mlops_fit_isotonic_check(mlops_fit_t *fit);
static int mlops_fit_isotonic(mlops_fit_t *fit);
static int mlops_fit_isotonic_one(mlops_fit_t *fit,
    const mlops_fit_scores_t *scores, const mlops_str_t *input,
    const mlops_str_t *output);
static int mlops_fit_isotonic_target(const mlops_doc_t *step);
static int mlops_fit_platt_check(mlops_fit_t *fit);
static int mlops_fit_platt(mlops_fit_t *fit);
static int mlops_fit_platt_one(mlops_fit_t *fit,
    const mlops_fit_scores_t *scores, const mlops_str_t *input,
    const mlops_str_t *output);
static int mlops_fit_platt_target(const mlops_doc_t *step);
static int mlops_fit_scores(mlops_fit_t *fit, uint32_t j,
    mlops_fit_scores_t *scores);
static int mlops_fit_each(mlops_fit_t *fit, int descending,
    mlops_fit_one_pt one);
static int mlops_fit_shares(mlops_fit_t *fit, const mlops_str_t *each);


static const char *const  mlops_fit_isotonic_keys[] = { "increasing", NULL };
static const char *const  mlops_fit_platt_keys[] = { NULL };


const mlops_fitter_t  mlops_fit_piecewise_isotonic = {
    "piecewise", "isotonic", MLOPS_FIT_TARGET|MLOPS_FIT_CALIBRATE,
    mlops_fit_isotonic_keys, mlops_fit_isotonic_check, mlops_fit_isotonic,
    mlops_fit_isotonic_target
};

const mlops_fitter_t  mlops_fit_affine_platt = {
    "affine", "platt", MLOPS_FIT_TARGET|MLOPS_FIT_CALIBRATE,
    mlops_fit_platt_keys, mlops_fit_platt_check, mlops_fit_platt,
    mlops_fit_platt_target
};


static int
mlops_fit_isotonic_target(const mlops_doc_t *step)
{
    (void) step;

    return 2;
}


static int
mlops_fit_platt_target(const mlops_doc_t *step)
{
    (void) step;

    return 1;
}


static int
mlops_fit_isotonic_check(mlops_fit_t *fit)
{
    int  increasing;

    return mlops_prep_same(fit) == MLOPS_OK
           ? mlops_fit_flag(fit, "increasing", 1, &increasing) : MLOPS_ERROR;
}


static int
mlops_fit_isotonic(mlops_fit_t *fit)
{
    int  increasing;

    if (mlops_fit_flag(fit, "increasing", 1, &increasing) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_fit_each(fit, !increasing, mlops_fit_isotonic_one);
}


static int
mlops_fit_isotonic_one(mlops_fit_t *fit, const mlops_fit_scores_t *scores,
    const mlops_str_t *input, const mlops_str_t *output)
{
    double    *x, *y;
    uint32_t   n;

    if (mlops_isotonic(scores->score, scores->target, scores->weight,
                       scores->n, scores->descending, &x, &y, &n)
        != MLOPS_OK)
    {
        return mlops_field_memory(fit->field);
    }

    mlops_fit_step(fit, "piecewise", input, 1, output, 1);
    mlops_fit_put_numbers(fit->steps, "x", x, n);
    mlops_fit_put_numbers(fit->steps, "y", y, n);
    mlops_fit_end(fit);

    free(x);
    free(y);

    return MLOPS_OK;
}


static int
mlops_fit_platt_check(mlops_fit_t *fit)
{
    return mlops_prep_same(fit);
}


static int
mlops_fit_platt(mlops_fit_t *fit)
{
    if (fit->classes_n < 2) {
        return mlops_field_error(fit->field, "the target has %u class%s, "
                                 "expected two or more", fit->classes_n,
                                 fit->classes_n == 1 ? "" : "es");
    }

    return mlops_fit_each(fit, 0, mlops_fit_platt_one);
}


static int
mlops_fit_platt_one(mlops_fit_t *fit, const mlops_fit_scores_t *scores,
    const mlops_str_t *input, const mlops_str_t *output)
{
    double       slope, offset;
    mlops_str_t  line;

    mlops_platt(scores->score, scores->target, scores->weight, scores->n,
                &slope, &offset);

    if (!isfinite(slope) || !isfinite(offset)) {
        return mlops_field_error(fit->field, "no line through the scores of "
                                 "\"%.*s\": they are too large or too close",
                                 mlops_fmt(input));
    }

    line = mlops_fit_name(fit, "%.*s:line", mlops_fmt(output));
    if (line.data == NULL) {
        return MLOPS_ERROR;
    }

    mlops_fit_step(fit, "affine", input, 1, &line, 1);
    mlops_fit_put_numbers(fit->steps, "weights", &slope, 1);
    mlops_fit_put_number(fit->steps, "bias", offset);
    mlops_fit_end(fit);

    mlops_fit_step(fit, "unary", &line, 1, output, 1);
    mlops_fit_put_text(fit->steps, "op", "sigmoid");
    mlops_fit_end(fit);

    return MLOPS_OK;
}


/* Rows without a score or without weight are left out. */

static int
mlops_fit_scores(mlops_fit_t *fit, uint32_t j, mlops_fit_scores_t *scores)
{
    double                        x, y, w;
    uint64_t                      i, row;
    const mlops_matrix_t         *matrix;
    const mlops_matrix_column_t  *column;

    matrix = fit->train;
    column = &matrix->columns[j];
    scores->n = 0;
    scores->missing_n = 0;

    if (column->kind == MLOPS_MATRIX_CODES) {
        return mlops_field_error(fit->field, "inputs: \"%.*s\" is a string, "
                                 "expected a score",
                                 mlops_fmt(&column->name));
    }

    for (i = 0; i < matrix->n; i++) {
        row = mlops_matrix_row(matrix, i);
        x = mlops_matrix_value(column, row);
        y = matrix->target[row];
        w = mlops_matrix_weight(matrix, row);

        if (!isfinite(x)) {
            scores->missing_n++;
            continue;
        }

        if (w > 0) {
            scores->score[scores->n] = x;
            scores->target[scores->n] = (matrix->columns_n > 1) ? (y == j)
                                                                : y;
            scores->weight[scores->n++] = w;
        }
    }

    if (scores->n == 0) {
        return mlops_field_error(fit->field, "no rows to calibrate with: of "
                                 "%llu, %llu have no score \"%.*s\", the "
                                 "others no weight",
                                 (unsigned long long) matrix->n,
                                 (unsigned long long) scores->missing_n,
                                 mlops_fmt(&column->name));
    }

    return MLOPS_OK;
}


static int
mlops_fit_each(mlops_fit_t *fit, int descending, mlops_fit_one_pt one)
{
    int                  rc;
    uint32_t             j, n;
    mlops_str_t         *each;
    mlops_fit_scores_t   scores;

    n = fit->train->columns_n;

    if ((n > 1 && n != fit->classes_n) || (n == 1 && fit->classes_n > 2)) {
        return mlops_field_error(fit->field, "inputs: expected %s%u, one for "
                                 "each class, got %u",
                                 fit->classes_n > 2 ? "" : "1, or ",
                                 fit->classes_n, n);
    }

    each = n > 1 ? mlops_prep_names(fit, fit->outputs, "score", n) : NULL;

    if (n > 1 && each == NULL) {
        return MLOPS_ERROR;
    }

    scores.descending = descending;
    scores.score = malloc((fit->train->n + 1) * sizeof(double));
    scores.target = malloc((fit->train->n + 1) * sizeof(double));
    scores.weight = malloc((fit->train->n + 1) * sizeof(double));

    rc = (scores.score == NULL || scores.target == NULL
          || scores.weight == NULL) ? mlops_field_memory(fit->field)
                                    : MLOPS_OK;

    for (j = 0; rc == MLOPS_OK && j < n; j++) {
        rc = mlops_fit_scores(fit, j, &scores);

        if (rc == MLOPS_OK) {
            rc = one(fit, &scores, &fit->train->columns[j].name,
                     n > 1 ? &each[j] : &fit->outputs[0]);
        }
    }

    free(scores.score);
    free(scores.target);
    free(scores.weight);

    if (rc != MLOPS_OK) {
        return rc;
    }

    mlops_fit_report(fit, "rows");
    mlops_import_text(fit->report, "%llu", (unsigned long long) scores.n);

    if (scores.missing_n != 0) {
        mlops_fit_note(fit, "%llu of %llu rows are left out, as they have no "
                       "score", (unsigned long long) scores.missing_n,
                       (unsigned long long) fit->train->n);
    }

    return n > 1 ? mlops_fit_shares(fit, each) : mlops_prep_done(fit);
}


static int
mlops_fit_shares(mlops_fit_t *fit, const mlops_str_t *each)
{
    double        *ones;
    uint32_t       j, n;
    mlops_str_t   *raised, *operands, sum;

    n = fit->outputs_n;
    ones = mlops_arena_alloc(fit->field->arena, n * sizeof(double));
    operands = mlops_arena_alloc(fit->field->arena,
                                 2 * n * sizeof(mlops_str_t));
    raised = mlops_prep_names(fit, fit->outputs, "raised", n);
    sum = mlops_fit_name(fit, "%.*s:sum", mlops_fmt(&fit->outputs[0]));

    if (ones == NULL || operands == NULL || raised == NULL
        || sum.data == NULL)
    {
        return mlops_field_memory(fit->field);
    }

    for (j = 0; j < n; j++) {
        ones[j] = MLOPS_FIT_SHARE;
        operands[j] = raised[j];
        operands[n + j] = sum;
    }

    mlops_prep_binary(fit, "add", each, raised, n, ones);

    for (j = 0; j < n; j++) {
        ones[j] = 1;
    }

    mlops_fit_step(fit, "affine", raised, n, &sum, 1);
    mlops_fit_put_numbers(fit->steps, "weights", ones, n);
    mlops_fit_end(fit);

    mlops_fit_step(fit, "binary", operands, 2 * n, fit->outputs, n);
    mlops_fit_put_text(fit->steps, "op", "div");
    mlops_fit_end(fit);

    return mlops_prep_done(fit);
}
