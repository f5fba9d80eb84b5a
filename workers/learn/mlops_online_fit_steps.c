/*
 * What was learned as steps of a recipe.
 *
 * Numbers go into one affine step with their weights; a column of strings
 * becomes a map from each category to the weight of its slot, and crosses
 * are in mlops_online_fit_cross.c.  The affine step adds them all, the link
 * follows.  What has weight 0 is left out.
 *
 * A category that was not there when the steps were written counts 0: what
 * its slot holds cannot be known without the hash.
 */

#include "mlops_online_fit.h"
#include "mlops_fit_key.h"

#include <stdlib.h>


static int mlops_online_map(mlops_online_fit_t *of, uint32_t column);
static int mlops_online_nothing(mlops_online_fit_t *of);
static int mlops_online_finish(mlops_online_fit_t *of, double bias);


int
mlops_online_steps(mlops_online_fit_t *of)
{
    int                           dense;
    double                        weight;
    uint32_t                      i, n;
    mlops_arena_t                *arena;
    const mlops_matrix_column_t  *column;

    arena = of->fit->field->arena;
    dense = (of->conf.algorithm == MLOPS_ONLINE_RLS);
    n = of->fit->train->columns_n;

    of->sum.n = 0;
    of->sum.names = mlops_arena_alloc(arena, ((size_t) n + of->crosses_n + 1)
                                             * sizeof(mlops_str_t));
    of->sum.weights = mlops_arena_alloc(arena,
                                        ((size_t) n + of->crosses_n + 1)
                                        * sizeof(double));

    if (of->sum.names == NULL || of->sum.weights == NULL) {
        return mlops_field_memory(of->fit->field);
    }

    for (i = 0; i < n; i++) {
        column = &of->fit->train->columns[i];

        if (column->kind == MLOPS_MATRIX_CODES) {
            if (mlops_online_map(of, i) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            continue;
        }

        weight = dense ? mlops_online_weight(of->online, i)
                       : mlops_online_slot(of, of->rows.hashes[i]);

        if (weight != 0
            && mlops_online_input(of, column->name, weight) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    for (i = 0; i < of->crosses_n; i++) {
        if (mlops_online_cross(of, i) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return mlops_online_finish(of, dense
                                   ? mlops_online_weight(of->online, n)
                                   : mlops_online_slot(of, of->rows.bias));
}


int
mlops_online_input(mlops_online_fit_t *of, mlops_str_t name, double weight)
{
    if (name.data == NULL) {
        return MLOPS_ERROR;
    }

    of->sum.names[of->sum.n] = name;
    of->sum.weights[of->sum.n++] = weight;

    return MLOPS_OK;
}


double
mlops_online_slot(const mlops_online_fit_t *of, uint64_t hash)
{
    return mlops_online_weight(of->online, (uint32_t) hash);
}


/* Those of the rows; where learning went on from a state, any that the file
 * knows, for their slots may be of before. */

unsigned char *
mlops_online_seen(mlops_online_fit_t *of, uint32_t column)
{
    uint32_t                      code;
    uint64_t                      i;
    unsigned char                *seen;
    const mlops_matrix_t         *train;
    const mlops_matrix_column_t  *c;

    train = of->fit->train;
    c = &train->columns[column];

    seen = calloc((size_t) c->categories_n + 1, 1);
    if (seen == NULL) {
        (void) mlops_field_memory(of->fit->field);
        return NULL;
    }

    if (of->start.len > 0) {
        memset(seen, 1, c->categories_n);
    }

    for (i = 0; i < train->n; i++) {
        code = ((const uint32_t *) c->data)[mlops_matrix_row(train, i)];

        if (code != MLOPS_MATRIX_NONE) {
            seen[code] = 1;
        }
    }

    return seen;
}


void
mlops_online_entry(mlops_online_fit_t *of, uint32_t column,
    const mlops_str_t *output, uint32_t *n, const mlops_str_t *category,
    double value)
{
    mlops_import_text_t  *steps;

    steps = of->fit->steps;

    if ((*n)++ == 0) {
        mlops_fit_step(of->fit, "map", &of->fit->train->columns[column].name,
                       1, output, 1);
        mlops_import_text(steps, ",\"entries\":{");

    } else {
        mlops_import_bytes(steps, ",", 1);
    }

    mlops_import_quote(steps, category->data, category->len);
    mlops_import_bytes(steps, ":", 1);
    mlops_fit_write_number(steps, value);
}


void
mlops_online_entries_end(mlops_online_fit_t *of, const double *other,
    const double *missing)
{
    mlops_import_bytes(of->fit->steps, "}", 1);

    if (other != NULL) {
        mlops_fit_put_number(of->fit->steps, "other", *other);
    }

    if (missing != NULL) {
        mlops_fit_put_number(of->fit->steps, "missing", *missing);
    }

    mlops_fit_end(of->fit);
}


static int
mlops_online_map(mlops_online_fit_t *of, uint32_t column)
{
    double                        weight, missing, other;
    uint32_t                      i, n;
    mlops_str_t                   output;
    unsigned char                *seen;
    const mlops_matrix_column_t  *c;
    static const mlops_str_t      none = mlops_str("");

    c = &of->fit->train->columns[column];
    other = 0;
    missing = mlops_online_slot(of, of->rows.codes[column][c->categories_n]);
    output = mlops_fit_name(of->fit, "%.*s:map%u",
                            mlops_fmt(&of->fit->outputs[0]),
                            (unsigned) column);

    seen = mlops_online_seen(of, column);

    if (seen == NULL || output.data == NULL) {
        free(seen);
        return MLOPS_ERROR;
    }

    for (i = 0, n = 0; i < c->categories_n; i++) {
        weight = seen[i] ? mlops_online_slot(of, of->rows.codes[column][i])
                         : 0;

        if (weight != 0) {
            mlops_online_entry(of, column, &output, &n, &c->categories[i],
                               weight);
        }
    }

    free(seen);

    if (n == 0 && missing == 0) {
        return MLOPS_OK;
    }

    if (n == 0) {

        /* a map has to have an entry, and here only missing ones count */

        mlops_online_entry(of, column, &output, &n, &none, 0);
    }

    mlops_online_entries_end(of, &other, &missing);

    return mlops_online_input(of, output, 1.0);
}


/* An affine step has to have an input: one that counts nothing. */

static int
mlops_online_nothing(mlops_online_fit_t *of)
{
    double                        zero;
    uint32_t                      n;
    mlops_str_t                   output;
    const mlops_matrix_column_t  *c;
    static const mlops_str_t      none = mlops_str("");

    c = &of->fit->train->columns[0];

    if (c->kind != MLOPS_MATRIX_CODES) {
        return mlops_online_input(of, c->name, 0);
    }

    output = mlops_fit_name(of->fit, "%.*s:map0",
                            mlops_fmt(&of->fit->outputs[0]));
    if (output.data == NULL) {
        return MLOPS_ERROR;
    }

    n = 0;
    zero = 0;

    mlops_online_entry(of, 0, &output, &n, &none, 0);
    mlops_online_entries_end(of, &zero, &zero);

    return mlops_online_input(of, output, 1.0);
}


/* The sum and the link.  What is missing is left out of a sum of features,
 * as it was in learning; RLS has refused such rows. */

static int
mlops_online_finish(mlops_online_fit_t *of, double bias)
{
    mlops_fit_t          *fit;
    const char           *link;
    mlops_str_t           margin;
    mlops_import_text_t  *steps;

    fit = of->fit;
    steps = fit->steps;

    if (of->sum.n == 0 && mlops_online_nothing(of) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    link = (of->conf.loss == MLOPS_ONLINE_LOGISTIC) ? "sigmoid"
           : (of->conf.loss == MLOPS_ONLINE_POISSON) ? "exp"
           : fit->margin_n > 0 ? "identity" : NULL;

    margin = (link == NULL) ? fit->outputs[0]
             : fit->margin_n > 0 ? fit->margin[0]
             : mlops_fit_name(fit, "%.*s:margin",
                              mlops_fmt(&fit->outputs[0]));

    if (margin.data == NULL) {
        return MLOPS_ERROR;
    }

    mlops_fit_step(fit, "affine", of->sum.names, of->sum.n, &margin, 1);
    mlops_fit_put_numbers(steps, "weights", of->sum.weights, of->sum.n);
    mlops_fit_put_number(steps, "bias", bias);

    if (of->conf.algorithm != MLOPS_ONLINE_RLS) {
        mlops_import_text(steps, ",\"skip_missing\":true");
    }

    mlops_fit_end(fit);

    if (link != NULL) {
        mlops_fit_step(fit, "unary", &margin, 1, &fit->outputs[0], 1);
        mlops_fit_put_text(steps, "op", link);
        mlops_fit_end(fit);
    }

    return steps->failed ? mlops_field_memory(fit->field) : MLOPS_OK;
}
