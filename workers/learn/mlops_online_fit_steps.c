/*
 * What was learned as steps of a recipe.
 *
 * Numbers go into one affine step with their weights.  A column of strings
 * becomes a map from each category to the weight of its slot; a cross of two
 * such columns two maps to numbers, whose sum tells the pair, and a map of
 * that; a cross with numbers a product.  The affine step adds them all, the
 * link follows.  What has weight 0 is left out.
 *
 * A category that was not there when the steps were written counts 0: what
 * its slot holds cannot be known without the hash.
 */

#include "mlops_online_fit.h"
#include "mlops_num.h"

#include <math.h>
#include <stdlib.h>


/* The affine step under way: its inputs and weights. */

typedef struct {
    mlops_online_fit_t   *of;
    mlops_import_text_t   inputs;
    mlops_import_text_t   weights;
    uint32_t              n;
} mlops_online_sum_t;


static void mlops_online_number(mlops_import_text_t *text, double value);
static void mlops_online_open(mlops_online_fit_t *of, const char *kind);
static void mlops_online_close(mlops_online_fit_t *of);
static void mlops_online_quote(mlops_import_text_t *text,
    const mlops_str_t *name);
static void mlops_online_cell(mlops_online_fit_t *of,
    mlops_import_text_t *text, const char *what, uint32_t i,
    const char *of_it);
static void mlops_online_input(mlops_online_sum_t *sum,
    const mlops_str_t *column, const char *cell, uint32_t i, double weight);
static double mlops_online_slot(const mlops_online_fit_t *of, uint64_t hash);
static int mlops_online_seen(mlops_online_fit_t *of, uint32_t column,
    unsigned char **seen);
static int mlops_online_map(mlops_online_sum_t *sum, uint32_t column);
static int mlops_online_cross(mlops_online_sum_t *sum, uint32_t i);
static int mlops_online_pairs(mlops_online_fit_t *of,
    const mlops_online_cross_t *cross, uint64_t **pairs, uint64_t *n);
static int mlops_online_cross_codes(mlops_online_sum_t *sum, uint32_t i);
static int mlops_online_cross_mixed(mlops_online_sum_t *sum, uint32_t i);
static void mlops_online_cross_numbers(mlops_online_sum_t *sum, uint32_t i);
static void mlops_online_code_map(mlops_online_sum_t *sum, uint32_t i,
    uint32_t column, const char *of_it, uint64_t times);
static void mlops_online_nothing(mlops_online_sum_t *sum);
static int mlops_online_finish(mlops_online_sum_t *sum, double bias);
static void mlops_online_link(mlops_online_fit_t *of);


int
mlops_online_steps(mlops_online_fit_t *of)
{
    int                           rc;
    double                        weight;
    uint32_t                      i;
    mlops_online_sum_t            sum;
    const mlops_matrix_column_t  *column;

    memset(&sum, 0, sizeof(sum));
    sum.of = of;
    rc = MLOPS_OK;

    for (i = 0; rc == MLOPS_OK && i < of->fit->train->columns_n; i++) {
        column = &of->fit->train->columns[i];

        if (column->kind == MLOPS_MATRIX_CODES) {
            rc = mlops_online_map(&sum, i);
            continue;
        }

        weight = mlops_online_slot(of, of->rows.hashes[i]);

        if (weight != 0) {
            mlops_online_input(&sum, &column->name, NULL, 0, weight);
        }
    }

    for (i = 0; rc == MLOPS_OK && i < of->crosses_n; i++) {
        rc = mlops_online_cross(&sum, i);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_online_finish(&sum, mlops_online_slot(of, of->rows.bias));
    }

    free(sum.inputs.data);
    free(sum.weights.data);

    return rc;
}


int
mlops_online_steps_dense(mlops_online_fit_t *of)
{
    int                  rc;
    uint32_t             i, n;
    mlops_online_sum_t   sum;

    memset(&sum, 0, sizeof(sum));
    sum.of = of;
    n = of->fit->train->columns_n;

    for (i = 0; i < n; i++) {
        mlops_online_input(&sum, &of->fit->train->columns[i].name, NULL, 0,
                           mlops_online_weight(of->online, i));
    }

    rc = mlops_online_finish(&sum, mlops_online_weight(of->online, n));

    free(sum.inputs.data);
    free(sum.weights.data);

    return rc;
}


static void
mlops_online_number(mlops_import_text_t *text, double value)
{
    char  number[MLOPS_DOUBLE_LEN];

    mlops_import_bytes(text, number, (size_t)
                       (mlops_doc_print(number, value) - number));
}


static void
mlops_online_open(mlops_online_fit_t *of, const char *kind)
{
    mlops_import_text_t  *steps;

    steps = of->fit->steps;

    mlops_import_text(steps, "%s{\"kind\":\"%s\",\"inputs\":[",
                      steps->len > 0 ? "," : "", kind);
}


static void
mlops_online_close(mlops_online_fit_t *of)
{
    mlops_import_text(of->fit->steps, "}");
}


static void
mlops_online_quote(mlops_import_text_t *text, const mlops_str_t *name)
{
    mlops_import_quote(text, name->data, name->len);
}


/* A name in between: "output:what<i>of_it". */

static void
mlops_online_cell(mlops_online_fit_t *of, mlops_import_text_t *text,
    const char *what, uint32_t i, const char *of_it)
{
    mlops_online_quote(text, &of->fit->outputs[0]);

    if (text->failed) {
        return;
    }

    text->len--;
    mlops_import_text(text, ":%s%u%s\"", what, (unsigned) i, of_it);
}


static void
mlops_online_input(mlops_online_sum_t *sum, const mlops_str_t *column,
    const char *cell, uint32_t i, double weight)
{
    if (sum->n++ > 0) {
        mlops_import_text(&sum->inputs, ",");
        mlops_import_text(&sum->weights, ",");
    }

    if (column != NULL) {
        mlops_online_quote(&sum->inputs, column);

    } else {
        mlops_online_cell(sum->of, &sum->inputs, cell, i, "");
    }

    mlops_online_number(&sum->weights, weight);
}


static double
mlops_online_slot(const mlops_online_fit_t *of, uint64_t hash)
{
    return mlops_online_weight(of->online, (uint32_t) hash);
}


/* Which categories count: those of the rows; where learning went on from a
 * state, any that the file knows, for their slots may be of before. */

static int
mlops_online_seen(mlops_online_fit_t *of, uint32_t column,
    unsigned char **seen)
{
    uint32_t                      code;
    uint64_t                      i;
    const uint32_t               *codes;
    const mlops_matrix_t         *train;
    const mlops_matrix_column_t  *c;

    train = of->fit->train;
    c = &train->columns[column];
    codes = c->data;

    *seen = calloc((size_t) c->categories_n + 1, 1);
    if (*seen == NULL) {
        return mlops_field_memory(of->fit->field);
    }

    if (of->start.len > 0) {
        memset(*seen, 1, c->categories_n);
    }

    for (i = 0; i < train->n; i++) {
        code = codes[mlops_matrix_row(train, i)];

        if (code != MLOPS_MATRIX_NONE) {
            (*seen)[code] = 1;
        }
    }

    return MLOPS_OK;
}


static int
mlops_online_map(mlops_online_sum_t *sum, uint32_t column)
{
    double                        weight, missing;
    uint32_t                      i, n;
    unsigned char                *seen;
    mlops_online_fit_t           *of;
    mlops_import_text_t          *steps;
    const mlops_matrix_column_t  *c;

    of = sum->of;
    steps = of->fit->steps;
    c = &of->fit->train->columns[column];
    missing = mlops_online_slot(of, of->rows.codes[column][c->categories_n]);

    if (mlops_online_seen(of, column, &seen) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    n = 0;

    for (i = 0; i < c->categories_n; i++) {
        weight = seen[i] ? mlops_online_slot(of, of->rows.codes[column][i])
                         : 0;

        if (weight == 0) {
            continue;
        }

        if (n++ == 0) {
            mlops_online_open(of, "map");
            mlops_online_quote(steps, &c->name);
            mlops_import_text(steps, "],\"outputs\":[");
            mlops_online_cell(of, steps, "map", column, "");
            mlops_import_text(steps, "],\"entries\":{");
        }

        mlops_import_text(steps, n > 1 ? "," : "");
        mlops_online_quote(steps, &c->categories[i]);
        mlops_import_text(steps, ":");
        mlops_online_number(steps, weight);
    }

    free(seen);

    if (n == 0 && missing == 0) {
        return MLOPS_OK;
    }

    if (n == 0) {

        /* missing ones alone count; a map has to have an entry */

        mlops_online_open(of, "map");
        mlops_online_quote(steps, &c->name);
        mlops_import_text(steps, "],\"outputs\":[");
        mlops_online_cell(of, steps, "map", column, "");
        mlops_import_text(steps, "],\"entries\":{\"\":0");
    }

    mlops_import_text(steps, "},\"other\":0,\"missing\":");
    mlops_online_number(steps, missing);
    mlops_online_close(of);

    mlops_online_input(sum, NULL, "map", column, 1.0);

    return MLOPS_OK;
}


static int
mlops_online_cross(mlops_online_sum_t *sum, uint32_t i)
{
    int                          codes;
    const mlops_online_cross_t  *cross;

    cross = &sum->of->crosses[i];

    codes = (sum->of->rows.codes[cross->a] != NULL)
            + (sum->of->rows.codes[cross->b] != NULL);

    if (codes == 2) {
        return mlops_online_cross_codes(sum, i);
    }

    if (codes == 1) {
        return mlops_online_cross_mixed(sum, i);
    }

    mlops_online_cross_numbers(sum, i);

    return MLOPS_OK;
}


static int
mlops_online_pair_cmp(const void *one, const void *two)
{
    uint64_t  a, b;

    a = *(const uint64_t *) one;
    b = *(const uint64_t *) two;

    return (a > b) - (a < b);
}


/* The pairs of categories that rows have, ascending, each once. */

static int
mlops_online_pairs(mlops_online_fit_t *of, const mlops_online_cross_t *cross,
    uint64_t **pairs, uint64_t *n)
{
    uint32_t               a, b;
    uint64_t               i, row, found, kept, times;
    const mlops_matrix_t  *train;

    train = of->fit->train;
    times = train->columns[cross->b].categories_n;

    *pairs = malloc(train->n * sizeof(uint64_t));
    if (*pairs == NULL) {
        return mlops_field_memory(of->fit->field);
    }

    found = 0;

    for (i = 0; i < train->n; i++) {
        row = mlops_matrix_row(train, i);
        a = ((const uint32_t *) train->columns[cross->a].data)[row];
        b = ((const uint32_t *) train->columns[cross->b].data)[row];

        if (a != MLOPS_MATRIX_NONE && b != MLOPS_MATRIX_NONE) {
            (*pairs)[found++] = a * times + b;
        }
    }

    qsort(*pairs, found, sizeof(uint64_t), mlops_online_pair_cmp);

    for (i = 0, kept = 0; i < found; i++) {
        if (i == 0 || (*pairs)[i] != (*pairs)[i - 1]) {
            (*pairs)[kept++] = (*pairs)[i];
        }
    }

    *n = kept;

    return MLOPS_OK;
}


/* a becomes its number times the count of b's, b its number; their sum is
 * the pair's. */

static int
mlops_online_cross_codes(mlops_online_sum_t *sum, uint32_t i)
{
    double                       weight;
    uint64_t                     j, n, kept, times, *pairs, hash;
    mlops_online_fit_t          *of;
    mlops_import_text_t         *steps;
    const mlops_online_cross_t  *cross;

    of = sum->of;
    steps = of->fit->steps;
    cross = &of->crosses[i];
    times = of->fit->train->columns[cross->b].categories_n;
    n = 0;

    if (mlops_online_pairs(of, cross, &pairs, &n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    kept = 0;

    for (j = 0; j < n; j++) {
        hash = mlops_online_cross_hash(&of->rows, cross,
                                       (uint32_t) (pairs[j] / times),
                                       (uint32_t) (pairs[j] % times));
        weight = mlops_online_slot(of, hash);

        if (weight == 0) {
            continue;
        }

        if (kept++ == 0) {
            mlops_online_code_map(sum, i, cross->a, ":a", times);
            mlops_online_code_map(sum, i, cross->b, ":b", 1);

            mlops_online_open(of, "binary");
            mlops_online_cell(of, steps, "cross", i, ":a");
            mlops_import_text(steps, ",");
            mlops_online_cell(of, steps, "cross", i, ":b");
            mlops_import_text(steps, "],\"op\":\"add\",\"outputs\":[");
            mlops_online_cell(of, steps, "cross", i, ":pair");
            mlops_import_text(steps, "]");
            mlops_online_close(of);

            mlops_online_open(of, "map");
            mlops_online_cell(of, steps, "cross", i, ":pair");
            mlops_import_text(steps, "],\"outputs\":[");
            mlops_online_cell(of, steps, "cross", i, "");
            mlops_import_text(steps, "],\"other\":0,\"missing\":0,"
                              "\"entries\":[");
        }

        mlops_import_text(steps, "%s[%llu,", kept > 1 ? "," : "",
                          (unsigned long long) pairs[j]);
        mlops_online_number(steps, weight);
        mlops_import_text(steps, "]");
    }

    free(pairs);

    if (kept > 0) {
        mlops_import_text(steps, "]");
        mlops_online_close(of);
        mlops_online_input(sum, NULL, "cross", i, 1.0);
    }

    return MLOPS_OK;
}


static void
mlops_online_code_map(mlops_online_sum_t *sum, uint32_t i, uint32_t column,
    const char *of_it, uint64_t times)
{
    uint32_t                      j;
    mlops_online_fit_t           *of;
    mlops_import_text_t          *steps;
    const mlops_matrix_column_t  *c;

    of = sum->of;
    steps = of->fit->steps;
    c = &of->fit->train->columns[column];

    mlops_online_open(of, "map");
    mlops_online_quote(steps, &c->name);
    mlops_import_text(steps, "],\"outputs\":[");
    mlops_online_cell(of, steps, "cross", i, of_it);
    mlops_import_text(steps, "],\"entries\":{");

    for (j = 0; j < c->categories_n; j++) {
        mlops_import_text(steps, j > 0 ? "," : "");
        mlops_online_quote(steps, &c->categories[j]);
        mlops_import_text(steps, ":%llu", (unsigned long long) (j * times));
    }

    mlops_import_text(steps, "}");
    mlops_online_close(of);
}


/* The weight of the category, times the number: missing where either is. */

static int
mlops_online_cross_mixed(mlops_online_sum_t *sum, uint32_t i)
{
    double                        weight;
    uint32_t                      j, n, codes, numbers;
    unsigned char                *seen;
    mlops_online_fit_t           *of;
    mlops_import_text_t          *steps;
    const mlops_online_cross_t   *cross;
    const mlops_matrix_column_t  *c;

    of = sum->of;
    steps = of->fit->steps;
    cross = &of->crosses[i];
    codes = of->rows.codes[cross->a] ? cross->a : cross->b;
    numbers = (codes == cross->a) ? cross->b : cross->a;
    c = &of->fit->train->columns[codes];

    if (mlops_online_seen(of, codes, &seen) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    n = 0;

    for (j = 0; j < c->categories_n; j++) {
        weight = seen[j] ? mlops_online_slot(of,
                               mlops_online_cross_hash(&of->rows, cross, j,
                                                       j))
                         : 0;

        if (weight == 0) {
            continue;
        }

        if (n++ == 0) {
            mlops_online_open(of, "map");
            mlops_online_quote(steps, &c->name);
            mlops_import_text(steps, "],\"outputs\":[");
            mlops_online_cell(of, steps, "cross", i, ":slope");
            mlops_import_text(steps, "],\"other\":0,\"missing\":0,"
                              "\"entries\":{");
        }

        mlops_import_text(steps, n > 1 ? "," : "");
        mlops_online_quote(steps, &c->categories[j]);
        mlops_import_text(steps, ":");
        mlops_online_number(steps, weight);
    }

    free(seen);

    if (n == 0) {
        return MLOPS_OK;
    }

    mlops_import_text(steps, "}");
    mlops_online_close(of);

    mlops_online_open(of, "binary");
    mlops_online_cell(of, steps, "cross", i, ":slope");
    mlops_import_text(steps, ",");
    mlops_online_quote(steps, &of->fit->train->columns[numbers].name);
    mlops_import_text(steps, "],\"op\":\"mul\",\"outputs\":[");
    mlops_online_cell(of, steps, "cross", i, "");
    mlops_import_text(steps, "]");
    mlops_online_close(of);

    mlops_online_input(sum, NULL, "cross", i, 1.0);

    return MLOPS_OK;
}


static void
mlops_online_cross_numbers(mlops_online_sum_t *sum, uint32_t i)
{
    double                        weight;
    mlops_online_fit_t           *of;
    mlops_import_text_t          *steps;
    const mlops_online_cross_t   *cross;
    const mlops_matrix_column_t  *columns;

    of = sum->of;
    steps = of->fit->steps;
    cross = &of->crosses[i];
    columns = of->fit->train->columns;
    weight = mlops_online_slot(of, mlops_online_cross_hash(&of->rows, cross,
                                                           0, 0));
    if (weight == 0) {
        return;
    }

    mlops_online_open(of, "binary");
    mlops_online_quote(steps, &columns[cross->a].name);
    mlops_import_text(steps, ",");
    mlops_online_quote(steps, &columns[cross->b].name);
    mlops_import_text(steps, "],\"op\":\"mul\",\"outputs\":[");
    mlops_online_cell(of, steps, "cross", i, "");
    mlops_import_text(steps, "]");
    mlops_online_close(of);

    mlops_online_input(sum, NULL, "cross", i, weight);
}


/* An affine step has to have an input: one that counts nothing. */

static void
mlops_online_nothing(mlops_online_sum_t *sum)
{
    mlops_online_fit_t           *of;
    mlops_import_text_t          *steps;
    const mlops_matrix_column_t  *c;

    of = sum->of;
    steps = of->fit->steps;
    c = &of->fit->train->columns[0];

    if (c->kind != MLOPS_MATRIX_CODES) {
        mlops_online_input(sum, &c->name, NULL, 0, 0);
        return;
    }

    mlops_online_open(of, "map");
    mlops_online_quote(steps, &c->name);
    mlops_import_text(steps, "],\"outputs\":[");
    mlops_online_cell(of, steps, "map", 0, "");
    mlops_import_text(steps, "],\"entries\":{\"\":0},\"other\":0,"
                      "\"missing\":0");
    mlops_online_close(of);

    mlops_online_input(sum, NULL, "map", 0, 1.0);
}


/* The sum and the link.  What is missing is left out of a sum of features,
 * as it was in learning; RLS has refused such rows. */

static int
mlops_online_finish(mlops_online_sum_t *sum, double bias)
{
    int                   linked;
    mlops_fit_t          *fit;
    mlops_online_fit_t   *of;
    mlops_import_text_t  *steps;

    of = sum->of;
    fit = of->fit;
    steps = fit->steps;

    if (sum->n == 0) {
        mlops_online_nothing(sum);
    }

    if (sum->inputs.failed || sum->weights.failed) {
        return mlops_field_memory(fit->field);
    }

    linked = fit->margin_n > 0 || of->conf.loss == MLOPS_ONLINE_LOGISTIC
             || of->conf.loss == MLOPS_ONLINE_POISSON;

    mlops_online_open(of, "affine");
    mlops_import_bytes(steps, sum->inputs.data, sum->inputs.len);
    mlops_import_text(steps, "],\"weights\":[");
    mlops_import_bytes(steps, sum->weights.data, sum->weights.len);
    mlops_import_text(steps, "],\"bias\":");
    mlops_online_number(steps, bias);

    if (of->conf.algorithm != MLOPS_ONLINE_RLS) {
        mlops_import_text(steps, ",\"skip_missing\":true");
    }

    mlops_import_text(steps, ",\"outputs\":[");

    if (fit->margin_n > 0) {
        mlops_online_quote(steps, &fit->margin[0]);

    } else if (linked) {
        mlops_online_cell(of, steps, "margin", 0, "");

    } else {
        mlops_online_quote(steps, &fit->outputs[0]);
    }

    mlops_import_text(steps, "]");
    mlops_online_close(of);

    if (linked) {
        mlops_online_link(of);
    }

    return steps->failed ? mlops_field_memory(fit->field) : MLOPS_OK;
}


static void
mlops_online_link(mlops_online_fit_t *of)
{
    const char           *op;
    mlops_fit_t          *fit;
    mlops_import_text_t  *steps;

    fit = of->fit;
    steps = fit->steps;
    op = "identity";

    if (of->conf.loss == MLOPS_ONLINE_LOGISTIC) {
        op = "sigmoid";

    } else if (of->conf.loss == MLOPS_ONLINE_POISSON) {
        op = "exp";
    }

    mlops_online_open(of, "unary");

    if (fit->margin_n > 0) {
        mlops_online_quote(steps, &fit->margin[0]);

    } else {
        mlops_online_cell(of, steps, "margin", 0, "");
    }

    mlops_import_text(steps, "],\"op\":\"%s\",\"outputs\":[", op);
    mlops_online_quote(steps, &fit->outputs[0]);
    mlops_import_text(steps, "]");
    mlops_online_close(of);
}
