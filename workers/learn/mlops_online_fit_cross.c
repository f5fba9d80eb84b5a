/*
 * Crosses of two columns as steps of a recipe.
 *
 *     strings, strings   two maps to numbers whose sum tells the pair, and a
 *                        map from that to the weight
 *     strings, numbers   a map to the weight, times the number
 *     numbers, numbers   their product
 */

#include "mlops_online_fit.h"
#include "mlops_fit_key.h"

#include <stdlib.h>


static int mlops_online_cross_codes(mlops_online_fit_t *of, uint32_t i,
    mlops_str_t output);
static int mlops_online_cross_mixed(mlops_online_fit_t *of, uint32_t i,
    mlops_str_t output);
static int mlops_online_cross_numbers(mlops_online_fit_t *of, uint32_t i,
    mlops_str_t output);
static int mlops_online_pairs(mlops_online_fit_t *of,
    const mlops_online_cross_t *cross, uint64_t **pairs, uint64_t *n);
static int mlops_online_pair_cmp(const void *one, const void *two);
static int mlops_online_pair_cell(mlops_online_fit_t *of, uint32_t i,
    mlops_str_t *pair);
static void mlops_online_code_map(mlops_online_fit_t *of, uint32_t column,
    const mlops_str_t *output, uint64_t times);
static void mlops_online_product(mlops_online_fit_t *of, mlops_str_t a,
    mlops_str_t b, const mlops_str_t *output);


int
mlops_online_cross(mlops_online_fit_t *of, uint32_t i)
{
    int                          codes;
    mlops_str_t                  output;
    const mlops_online_cross_t  *cross;

    cross = &of->crosses[i];
    output = mlops_fit_name(of->fit, "%.*s:cross%u",
                            mlops_fmt(&of->fit->outputs[0]), (unsigned) i);

    if (output.data == NULL) {
        return MLOPS_ERROR;
    }

    codes = (of->rows.codes[cross->a] != NULL)
            + (of->rows.codes[cross->b] != NULL);

    return codes == 2 ? mlops_online_cross_codes(of, i, output)
           : codes == 1 ? mlops_online_cross_mixed(of, i, output)
           : mlops_online_cross_numbers(of, i, output);
}


static int
mlops_online_cross_codes(mlops_online_fit_t *of, uint32_t i,
    mlops_str_t output)
{
    double                       weight;
    uint64_t                     j, n, kept, times, *pairs;
    mlops_str_t                  pair;
    mlops_import_text_t         *steps;
    const mlops_online_cross_t  *cross;

    steps = of->fit->steps;
    cross = &of->crosses[i];
    times = of->fit->train->columns[cross->b].categories_n;
    n = 0;

    if (mlops_online_pairs(of, cross, &pairs, &n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (j = 0, kept = 0; j < n; j++) {
        weight = mlops_online_slot(of,
                     mlops_online_cross_hash(&of->rows, cross,
                                             (uint32_t) (pairs[j] / times),
                                             (uint32_t) (pairs[j] % times)));
        if (weight == 0) {
            continue;
        }

        if (kept++ == 0) {

            if (mlops_online_pair_cell(of, i, &pair) != MLOPS_OK) {
                free(pairs);
                return MLOPS_ERROR;
            }

            mlops_fit_step(of->fit, "map", &pair, 1, &output, 1);
            mlops_fit_put_number(steps, "other", 0);
            mlops_fit_put_number(steps, "missing", 0);
            mlops_import_text(steps, ",\"entries\":[");
        }

        mlops_import_text(steps, "%s[%llu,", kept > 1 ? "," : "",
                          (unsigned long long) pairs[j]);
        mlops_fit_write_number(steps, weight);
        mlops_import_bytes(steps, "]", 1);
    }

    free(pairs);

    if (kept == 0) {
        return MLOPS_OK;
    }

    mlops_import_bytes(steps, "]", 1);
    mlops_fit_end(of->fit);

    return mlops_online_input(of, output, 1.0);
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


static int
mlops_online_pair_cmp(const void *one, const void *two)
{
    uint64_t  a, b;

    a = *(const uint64_t *) one;
    b = *(const uint64_t *) two;

    return (a > b) - (a < b);
}


/* a becomes its number times the count of b's, b its number; their sum is
 * the pair's.  One that is not known is missing, and so is the sum. */

static int
mlops_online_pair_cell(mlops_online_fit_t *of, uint32_t i, mlops_str_t *pair)
{
    mlops_fit_t                 *fit;
    mlops_str_t                  halves[2];
    const mlops_online_cross_t  *cross;

    fit = of->fit;
    cross = &of->crosses[i];

    halves[0] = mlops_fit_name(fit, "%.*s:cross%u:a",
                               mlops_fmt(&fit->outputs[0]), (unsigned) i);
    halves[1] = mlops_fit_name(fit, "%.*s:cross%u:b",
                               mlops_fmt(&fit->outputs[0]), (unsigned) i);
    *pair = mlops_fit_name(fit, "%.*s:cross%u:pair",
                           mlops_fmt(&fit->outputs[0]), (unsigned) i);

    if (halves[0].data == NULL || halves[1].data == NULL
        || pair->data == NULL)
    {
        return MLOPS_ERROR;
    }

    mlops_online_code_map(of, cross->a, &halves[0],
                          fit->train->columns[cross->b].categories_n);
    mlops_online_code_map(of, cross->b, &halves[1], 1);

    mlops_fit_step(fit, "binary", halves, 2, pair, 1);
    mlops_fit_put_text(fit->steps, "op", "add");
    mlops_fit_end(fit);

    return MLOPS_OK;
}


static void
mlops_online_code_map(mlops_online_fit_t *of, uint32_t column,
    const mlops_str_t *output, uint64_t times)
{
    uint32_t                      j, n;
    const mlops_matrix_column_t  *c;

    c = &of->fit->train->columns[column];

    for (j = 0, n = 0; j < c->categories_n; j++) {
        mlops_online_entry(of, column, output, &n, &c->categories[j],
                           (double) (j * times));
    }

    mlops_online_entries_end(of, NULL, NULL);
}


/* Missing where either is. */

static int
mlops_online_cross_mixed(mlops_online_fit_t *of, uint32_t i,
    mlops_str_t output)
{
    double                        weight, zero;
    uint32_t                      j, n, codes, numbers;
    mlops_str_t                   slope;
    unsigned char                *seen;
    const mlops_online_cross_t   *cross;
    const mlops_matrix_column_t  *c;

    zero = 0;
    cross = &of->crosses[i];
    codes = of->rows.codes[cross->a] ? cross->a : cross->b;
    numbers = (codes == cross->a) ? cross->b : cross->a;
    c = &of->fit->train->columns[codes];

    slope = mlops_fit_name(of->fit, "%.*s:cross%u:slope",
                           mlops_fmt(&of->fit->outputs[0]), (unsigned) i);
    seen = mlops_online_seen(of, codes);

    if (seen == NULL || slope.data == NULL) {
        free(seen);
        return MLOPS_ERROR;
    }

    for (j = 0, n = 0; j < c->categories_n; j++) {
        weight = seen[j] ? mlops_online_slot(of,
                               mlops_online_cross_hash(&of->rows, cross, j,
                                                       j))
                         : 0;

        if (weight != 0) {
            mlops_online_entry(of, codes, &slope, &n, &c->categories[j],
                               weight);
        }
    }

    free(seen);

    if (n == 0) {
        return MLOPS_OK;
    }

    mlops_online_entries_end(of, &zero, &zero);
    mlops_online_product(of, slope, of->fit->train->columns[numbers].name,
                         &output);

    return mlops_online_input(of, output, 1.0);
}


static int
mlops_online_cross_numbers(mlops_online_fit_t *of, uint32_t i,
    mlops_str_t output)
{
    double                        weight;
    const mlops_online_cross_t   *cross;
    const mlops_matrix_column_t  *columns;

    cross = &of->crosses[i];
    columns = of->fit->train->columns;
    weight = mlops_online_slot(of, mlops_online_cross_hash(&of->rows, cross,
                                                           0, 0));
    if (weight == 0) {
        return MLOPS_OK;
    }

    mlops_online_product(of, columns[cross->a].name, columns[cross->b].name,
                         &output);

    return mlops_online_input(of, output, weight);
}


static void
mlops_online_product(mlops_online_fit_t *of, mlops_str_t a, mlops_str_t b,
    const mlops_str_t *output)
{
    const mlops_str_t  factors[] = { a, b };

    mlops_fit_step(of->fit, "binary", factors, 2, output, 1);
    mlops_fit_put_text(of->fit->steps, "op", "mul");
    mlops_fit_end(of->fit);
}
