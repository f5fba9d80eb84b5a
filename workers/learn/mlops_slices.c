/*
 * Slices: rows apart by the value of a cell.
 */

#include "mlops_slices.h"
#include "mlops_doc.h"
#include "mlops_num.h"

#include <math.h>
#include <stdarg.h>
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
static int mlops_slices_named(mlops_slices_t *slices, int floats,
    const double *sorted, uint64_t n, double *bounds, mlops_err_t *err);
static int mlops_slices_add(mlops_slices_t *slices, mlops_err_t *err,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static const char *mlops_slices_text(char *text, int floats, double value);
static int mlops_slices_is_taken(mlops_str_t text);


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
    uint32_t  i;

    for (i = 0; i < slices->n; i++) {
        free(slices->names[i]);
    }

    free(slices->of);
    memset(slices, 0, sizeof(mlops_slices_t));
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
    int                    rc;
    uint8_t               *place;
    uint64_t               i, missing;
    uint32_t               k, code, all;
    mlops_str_t            text;
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

    for (i = 0, missing = 0; i < n; i++) {
        code = codes[rows[i]];

        if (code == MLOPS_MATRIX_NONE) {
            missing++;

        } else {
            counts[code].n++;
        }
    }

    qsort(counts, all - 1, sizeof(mlops_slices_count_t),
          mlops_slices_count_cmp);
    rc = MLOPS_OK;

    for (k = 0; k < all - 1 && counts[k].n != 0 && rc == MLOPS_OK; k++) {
        code = counts[k].code;

        if (k >= MLOPS_SLICES_MAX) {
            place[code] = MLOPS_SLICES_MAX;
            continue;
        }

        place[code] = (uint8_t) k;
        text = one->view.categories[code];
        rc = mlops_slices_add(slices, err, mlops_slices_is_taken(text)
                                           ? "\"%.*s\"" : "%.*s",
                              mlops_fmt(&text));
    }

    if (k > MLOPS_SLICES_MAX && rc == MLOPS_OK) {
        rc = mlops_slices_add(slices, err, "(%u others)",
                              k - MLOPS_SLICES_MAX);
    }

    if (missing != 0 && rc == MLOPS_OK) {
        place[all - 1] = (uint8_t) slices->n;
        rc = mlops_slices_add(slices, err, "(missing)");
    }

    for (i = 0; i < n; i++) {
        code = codes[rows[i]];
        slices->of[i] = place[code == MLOPS_MATRIX_NONE ? all - 1 : code];
    }

    free(counts);
    free(place);

    return rc;
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
    int       rc;
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
    rc = mlops_slices_named(slices, one->view.kind == MLOPS_MATRIX_FLOAT,
                            sorted, known, bounds, err);
    free(sorted);

    for (i = 0; i < n && rc == MLOPS_OK; i++) {
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

    if (known < n && rc == MLOPS_OK) {
        rc = mlops_slices_add(slices, err, "(missing)");
    }

    return rc;
}


static int
mlops_slices_named(mlops_slices_t *slices, int floats, const double *sorted,
    uint64_t n, double *bounds, mlops_err_t *err)
{
    char      from[MLOPS_DOUBLE_LEN], to[MLOPS_DOUBLE_LEN];
    double    last;
    uint64_t  i;
    uint32_t  k, different;

    for (i = 0, different = 0; i < n; i++) {

        if (i != 0 && sorted[i] == sorted[i - 1]) {
            continue;
        }

        if (different == MLOPS_SLICES_NUMBERS) {
            break;
        }

        bounds[different++] = sorted[i];
    }

    for (k = 0; k < different && i == n; k++) {
        if (mlops_slices_add(slices, err, "%s",
                             mlops_slices_text(to, floats, bounds[k]))
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    if (i == n) {
        return MLOPS_OK;
    }

    last = sorted[0];

    for (k = 1; k <= 4; k++) {
        bounds[slices->n] = sorted[k < 4 ? k * n / 4 : n - 1];

        if (k > 1 && bounds[slices->n] == last && slices->n != 0) {
            continue;
        }

        (void) mlops_slices_text(from, floats, last);
        last = bounds[slices->n];

        if (mlops_slices_add(slices, err, "%s to %s", from,
                             mlops_slices_text(to, floats, last))
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_slices_add(mlops_slices_t *slices, mlops_err_t *err, const char *fmt,
    ...)
{
    int      len;
    va_list  args;

    va_start(args, fmt);
    len = vasprintf(&slices->names[slices->n], fmt, args);
    va_end(args);

    if (len < 0) {
        return mlops_err_set(err, "out of memory");
    }

    slices->n++;

    return MLOPS_OK;
}


/* A whole number without ".0"; 0 is that of both signs. */

static const char *
mlops_slices_text(char *text, int floats, double value)
{
    char  *end;

    value += 0.0;
    end = (floats && !isinf(value)) ? mlops_print_float(text, (float) value)
                                    : mlops_doc_print(text, value);

    if (end - text > 2 && end[-1] == '0' && end[-2] == '.') {
        end -= 2;
    }

    *end = '\0';

    return text;
}


/* Is it the name of what is no text, or one with quotes around it? */

static int
mlops_slices_is_taken(mlops_str_t text)
{
    size_t  i;

    while (text.len > 1 && text.data[0] == '"'
           && text.data[text.len - 1] == '"')
    {
        text.data++;
        text.len -= 2;
    }

    if (mlops_str_is(&text, "(missing)")) {
        return 1;
    }

    for (i = 1; i < text.len && text.data[i] >= '0' && text.data[i] <= '9';
         i++)
    {
        /* void */
    }

    return i > 1 && text.data[0] == '('
           && text.len - i == sizeof(" others)") - 1
           && memcmp(text.data + i, " others)", text.len - i) == 0;
}
