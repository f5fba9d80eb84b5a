/*
 * Linear models: keys, penalties, steps.
 */

#include "mlops_linear.h"
#include "mlops_fit_note.h"

#include <math.h>


static void mlops_linear_affine(mlops_fit_t *fit, const mlops_str_t *inputs,
    const mlops_str_t *outputs, uint32_t m, const double *weights,
    const double *bias);
static void mlops_linear_unary(mlops_fit_t *fit, const char *op,
    const mlops_str_t *inputs, const mlops_str_t *outputs, uint32_t n);
static void mlops_linear_binary(mlops_fit_t *fit, const mlops_str_t *margin);


int
mlops_linear_keys(mlops_fit_t *fit, double alpha, double l1_ratio,
    mlops_linear_keys_t *keys)
{
    int                       skip;
    mlops_field_t            *field;
    const mlops_doc_t        *step;
    static const char *const  words[] = { "error", "skip", NULL };

    field = fit->field;
    step = fit->step;

    if (mlops_field_number(field, step, "alpha", 0, INFINITY, alpha,
                           &keys->alpha)
        != MLOPS_OK
        || mlops_field_number(field, step, "l1_ratio", 0, 1, l1_ratio,
                              &keys->l1_ratio)
           != MLOPS_OK
        || mlops_fit_flag(fit, "intercept", 1, &keys->intercept) != MLOPS_OK
        || mlops_fit_flag(fit, "standardize", 0, &keys->standardize)
           != MLOPS_OK
        || mlops_field_word(field, step, "missing", words, 0, &skip)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    keys->flags = (keys->intercept ? MLOPS_DESIGN_CENTRE : 0)
                  | (skip ? MLOPS_DESIGN_SKIP : 0);

    return MLOPS_OK;
}


int
mlops_linear_check(mlops_fit_t *fit, mlops_linear_link_t link)
{
    if (fit->train != NULL && fit->train->columns_n > MLOPS_QR_COLUMNS - 2) {
        return mlops_field_error(fit->field, "inputs: expected at most %u, "
                                 "got %u", MLOPS_QR_COLUMNS - 2,
                                 fit->train->columns_n);
    }

    switch (link) {

    case MLOPS_LINEAR_SOFTMAX:
        return mlops_fit_outputs(fit, MLOPS_FIT_OF_CLASSES);

    case MLOPS_LINEAR_SIGMOID:
        return mlops_fit_outputs(fit, MLOPS_FIT_OF_TWO);

    default:
        return mlops_fit_outputs(fit, MLOPS_FIT_OF_ONE);
    }
}


/*
 * Blocks hold x / s, and the target over t: a weight b of a block is β s / t
 * of the input, and the objective is the one above times n / t^2.
 */

void
mlops_linear_penalty(const mlops_design_t *design,
    const mlops_linear_keys_t *keys, double *l1, double *l2)
{
    double    n, s, t;
    uint32_t  k;

    n = (double) design->n;
    t = design->scale[design->p];

    for (k = 0; k < design->active_n; k++) {
        s = keys->standardize ? 1 : design->scale[design->active[k]];

        l1[k] = n * (keys->alpha * keys->l1_ratio) / t / s;
        l2[k] = n * (keys->alpha * (1 - keys->l1_ratio)) / s / s;
    }
}


int
mlops_linear_write(mlops_fit_t *fit, mlops_linear_link_t link, uint32_t m,
    const double *weights, const double *bias)
{
    uint32_t            j, k;
    mlops_str_t        *inputs, *margin;
    const mlops_str_t  *name;

    inputs = mlops_fit_inputs(fit);
    margin = mlops_arena_alloc(fit->field->arena, m * sizeof(mlops_str_t));

    if (inputs == NULL || margin == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (k = 0; k < m; k++) {

        for (j = 0; j < fit->train->columns_n; j++) {
            if (!isfinite(weights[(size_t) k * fit->train->columns_n + j])) {
                name = &fit->train->columns[j].name;
                return mlops_field_error(fit->field, "the weight of \"%.*s\" "
                                         "is too large for a number: divide "
                                         "the input by a constant before",
                                         mlops_fmt(name));
            }
        }

        if (!isfinite(bias[k])) {
            return mlops_field_error(fit->field, "the intercept is too large "
                                     "for a number");
        }

        if (fit->margin_n != 0) {
            margin[k] = fit->margin[k];

        } else if (link == MLOPS_LINEAR_IDENTITY) {
            margin[k] = fit->outputs[k];

        } else {
            margin[k] = mlops_fit_name(fit, m > 1 ? "%.*s:margin%u"
                                                  : "%.*s:margin",
                                       mlops_fmt(&fit->outputs[0]), k);
        }

        if (margin[k].data == NULL) {
            return MLOPS_ERROR;
        }
    }

    mlops_linear_affine(fit, inputs, margin, m, weights, bias);

    switch (link) {

    case MLOPS_LINEAR_IDENTITY:
        if (fit->margin_n != 0) {
            mlops_linear_unary(fit, "identity", margin, fit->outputs, m);
        }

        break;

    case MLOPS_LINEAR_SIGMOID:
        mlops_linear_binary(fit, margin);
        break;

    case MLOPS_LINEAR_EXP:
        mlops_linear_unary(fit, "exp", margin, fit->outputs, m);
        break;

    case MLOPS_LINEAR_SOFTMAX:
        mlops_fit_step(fit, "softmax", margin, m, fit->outputs, m);
        mlops_fit_end(fit);
        break;
    }

    return fit->steps->failed ? mlops_field_memory(fit->field) : MLOPS_OK;
}


static void
mlops_linear_affine(mlops_fit_t *fit, const mlops_str_t *inputs,
    const mlops_str_t *outputs, uint32_t m, const double *weights,
    const double *bias)
{
    uint32_t  k, n;

    n = fit->train->columns_n;

    mlops_fit_step(fit, "affine", inputs, n, outputs, m);

    if (m == 1) {
        mlops_fit_put_numbers(fit->steps, "weights", weights, n);
        mlops_fit_put_number(fit->steps, "bias", bias[0]);
        mlops_fit_end(fit);
        return;
    }

    mlops_import_text(fit->steps, ",\"weights\":[");

    for (k = 0; k < m; k++) {
        mlops_import_text(fit->steps, k ? "," : "");
        mlops_fit_write_numbers(fit->steps, weights + (size_t) k * n, n);
    }

    mlops_import_text(fit->steps, "]");
    mlops_fit_put_numbers(fit->steps, "bias", bias, m);
    mlops_fit_end(fit);
}


static void
mlops_linear_unary(mlops_fit_t *fit, const char *op,
    const mlops_str_t *inputs, const mlops_str_t *outputs, uint32_t n)
{
    mlops_fit_step(fit, "unary", inputs, n, outputs, n);
    mlops_fit_put_text(fit->steps, "op", op);
    mlops_fit_end(fit);
}


/* Two outputs are the sigmoids of -z and z: both keep their digits. */

static void
mlops_linear_binary(mlops_fit_t *fit, const mlops_str_t *margin)
{
    mlops_str_t  both[2];

    if (fit->outputs_n == 1) {
        mlops_linear_unary(fit, "sigmoid", margin, fit->outputs, 1);
        return;
    }

    both[0] = mlops_fit_name(fit, "%.*s:minus", mlops_fmt(&fit->outputs[0]));
    both[1] = margin[0];

    if (both[0].data == NULL) {
        fit->steps->failed = 1;
        return;
    }

    mlops_linear_unary(fit, "neg", margin, both, 1);
    mlops_linear_unary(fit, "sigmoid", both, fit->outputs, 2);
}


void
mlops_linear_triangle(const mlops_design_t *design, mlops_qr_t *qr)
{
    double    w[MLOPS_DESIGN_CHUNK], *column;
    uint32_t  i, k, n;
    uint64_t  first;

    for (first = 0; first < design->n; first += n) {
        n = design->n - first < qr->height ? (uint32_t) (design->n - first)
                                           : qr->height;

        mlops_design_block(design, first, n, qr->block, qr->height);
        mlops_design_target(design, first, n, qr->block
                            + (size_t) design->active_n * qr->height);

        if (design->matrix->weight != NULL) {
            mlops_design_weight(design, first, n, w);

            for (i = 0; i < n; i++) {
                w[i] = sqrt(w[i]);
            }

            for (k = 0; k <= design->active_n; k++) {
                column = qr->block + (size_t) k * qr->height;

                for (i = 0; i < n; i++) {
                    column[i] *= w[i];
                }
            }
        }

        mlops_qr_add(qr, n);
    }
}


void
mlops_linear_dropped(mlops_fit_t *fit, const mlops_design_t *design,
    const uint8_t *dropped)
{
    uint32_t                      k;
    mlops_fit_named_t             named;
    const mlops_matrix_column_t  *column;

    memset(&named, 0, sizeof(named));

    for (k = 0; k < design->active_n; k++) {
        if (!dropped[k]) {
            continue;
        }

        if (named.n == 0) {
            mlops_fit_report(fit, "dropped");
        }

        column = &design->matrix->columns[design->active[k]];
        mlops_import_text(fit->report, named.n ? "," : "[");
        mlops_import_quote(fit->report, column->name.data, column->name.len);
        mlops_fit_named(&named, &column->name, "");
    }

    if (named.n > 0) {
        mlops_import_text(fit->report, "]");

        mlops_fit_note(fit, "%u %s of those before, and %s the weight 0: %s",
                       named.n, named.n == 1 ? "input is a combination"
                                             : "inputs are combinations",
                       named.n == 1 ? "has" : "have",
                       mlops_fit_named_text(&named));
    }
}
