/*
 * Slices: rows apart by the value of a cell.
 */

#include "mlops_slices.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


typedef struct {
    uint32_t  code;
    uint64_t  n;
} mlops_slices_count_t;


static int mlops_slices_codes(mlops_slices_t *slices,
    const mlops_columns_one_t *one, const uint32_t *rows, uint64_t n,
    mlops_err_t *err);
static int mlops_slices_numbers(mlops_slices_t *slices,
    const mlops_columns_one_t *one, const uint32_t *rows, uint64_t n,
    mlops_err_t *err);
static void mlops_slices_named(mlops_slices_t *slices, const double *sorted,
    uint64_t n, double *bounds);


int
mlops_slices_make(mlops_slices_t *slices, const mlops_columns_one_t *one,
    const uint32_t *rows, uint64_t n, mlops_err_t *err)
{
    memset(slices, 0, sizeof(mlops_slices_t));

    slices->of = calloc((size_t) n + 1, 1);
    if (slices->of == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    if (one->view.kind == MLOPS_MATRIX_CODES) {
        return mlops_slices_codes(slices, one, rows, n, err);
    }

    return mlops_slices_numbers(slices, one, rows, n, err);
}


void
mlops_slices_free(mlops_slices_t *slices)
{
    free(slices->of);
    slices->of = NULL;
}


static int
mlops_slices_count_cmp(const void *one, const void *two)
{
    const mlops_slices_count_t  *a, *b;

    a = one;
    b = two;

    if (a->n != b->n) {
        return (a->n < b->n) - (a->n > b->n);
    }

    return (a->code > b->code) - (a->code < b->code);
}


static int
mlops_slices_codes(mlops_slices_t *slices, const mlops_columns_one_t *one,
    const uint32_t *rows, uint64_t n, mlops_err_t *err)
{
    uint8_t               *place;
    uint64_t               i;
    uint32_t               k, code, all, shown;
    const uint32_t        *codes;
    mlops_slices_count_t  *counts;

    codes = one->view.data;
    all = one->view.categories_n + 1;           /* the last: missing */

    counts = calloc(all, sizeof(mlops_slices_count_t));
    place = calloc(all, 1);

    if (counts == NULL || place == NULL) {
        free(counts);
        free(place);
        return mlops_err_set(err, "out of memory");
    }

    for (k = 0; k < all; k++) {
        counts[k].code = k;
    }

    for (i = 0; i < n; i++) {
        code = codes[rows[i]];
        counts[code == MLOPS_MATRIX_NONE ? all - 1 : code].n++;
    }

    qsort(counts, all, sizeof(mlops_slices_count_t), mlops_slices_count_cmp);

    for (k = 0, shown = 0; k < all && counts[k].n != 0; k++) {

        if (shown < MLOPS_SLICES_MAX) {

            if (counts[k].code == all - 1) {
                (void) snprintf(slices->names[shown],
                                sizeof(slices->names[0]), "(missing)");

            } else {
                (void) snprintf(slices->names[shown],
                                sizeof(slices->names[0]), "%.*s",
                                mlops_fmt(&one->view.categories
                                          [counts[k].code]));
            }

            shown++;
        }

        place[counts[k].code] = (uint8_t) (k < MLOPS_SLICES_MAX
                                           ? k : MLOPS_SLICES_MAX);
    }

    slices->n = shown;

    if (k > MLOPS_SLICES_MAX) {
        (void) snprintf(slices->names[shown], sizeof(slices->names[0]),
                        "(%u others)", k - MLOPS_SLICES_MAX);
        slices->n++;
    }

    for (i = 0; i < n; i++) {
        code = codes[rows[i]];
        slices->of[i] = place[code == MLOPS_MATRIX_NONE ? all - 1 : code];
    }

    free(counts);
    free(place);

    return MLOPS_OK;
}


static int
mlops_slices_cmp(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a > b) - (a < b);
}


/* A number is in the first slice whose bound it does not pass. */

static int
mlops_slices_numbers(mlops_slices_t *slices, const mlops_columns_one_t *one,
    const uint32_t *rows, uint64_t n, mlops_err_t *err)
{
    double    v, *sorted, bounds[MLOPS_SLICES_NUMBERS];
    uint64_t  i, known;
    uint32_t  k;

    sorted = malloc((size_t) (n + 1) * sizeof(double));
    if (sorted == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    for (i = 0, known = 0; i < n; i++) {
        v = mlops_columns_value(one, rows[i]);

        if (!isnan(v)) {
            sorted[known++] = v;
        }
    }

    qsort(sorted, (size_t) known, sizeof(double), mlops_slices_cmp);
    mlops_slices_named(slices, sorted, known, bounds);
    free(sorted);

    for (i = 0; i < n; i++) {
        v = mlops_columns_value(one, rows[i]);

        if (isnan(v)) {
            slices->of[i] = (uint8_t) slices->n;
            continue;
        }

        for (k = 0; k + 1 < slices->n && v > bounds[k]; k++) {
            /* void */
        }

        slices->of[i] = (uint8_t) k;
    }

    if (known < n) {
        (void) snprintf(slices->names[slices->n], sizeof(slices->names[0]),
                        "(missing)");
        slices->n++;
    }

    return MLOPS_OK;
}


static void
mlops_slices_named(mlops_slices_t *slices, const double *sorted, uint64_t n,
    double *bounds)
{
    double    last;
    uint64_t  i;
    uint32_t  k;

    k = 0;

    for (i = 0; i < n; i++) {

        if (i != 0 && sorted[i] == sorted[i - 1]) {
            continue;
        }

        if (k == MLOPS_SLICES_NUMBERS) {
            break;
        }

        (void) snprintf(slices->names[k], sizeof(slices->names[0]), "%g",
                        sorted[i]);
        bounds[k++] = sorted[i];
    }

    slices->n = k;

    if (i == n) {
        return;
    }

    slices->n = 0;
    last = sorted[0];

    for (k = 1; k <= 4; k++) {
        bounds[slices->n] = sorted[k < 4 ? k * n / 4 : n - 1];

        if (k > 1 && bounds[slices->n] == last && slices->n != 0) {
            continue;
        }

        (void) snprintf(slices->names[slices->n], sizeof(slices->names[0]),
                        "%g to %g", last, bounds[slices->n]);
        last = bounds[slices->n];
        slices->n++;
    }
}
