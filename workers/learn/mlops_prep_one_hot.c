/*
 * The fitter of one_hot: the categories of a column, strings or numbers, that
 * training rows have.
 *
 * Cells are named by prefix and value; numbers ascend, strings are ordered by
 * their bytes.  Rare ones (min_rows) and all but the most frequent (limit)
 * are left out: such a value has no 1 anywhere, or one in "other".
 */

#include "mlops_prep.h"
#include "mlops_fit_note.h"
#include "mlops_fitters.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_PREP_CATEGORIES  1024
#define MLOPS_PREP_LIMIT       256


typedef struct {
    mlops_str_t   text;         /* of a string */
    double        number;
    uint64_t      rows;
} mlops_prep_category_t;


typedef struct {
    int64_t                 limit;
    int64_t                 min_rows;
    int                     other;
    int                     missing;
    int                     strings;
    mlops_prep_category_t  *list;       /* malloc'ed */
    uint64_t                n;
} mlops_prep_hot_t;


static int mlops_prep_hot_keys(mlops_fit_t *fit, mlops_prep_hot_t *hot);
static int mlops_prep_hot_check(mlops_fit_t *fit);
static int mlops_prep_hot_run(mlops_fit_t *fit);
static int mlops_prep_hot_strings(mlops_fit_t *fit, mlops_prep_hot_t *hot);
static int mlops_prep_hot_numbers(mlops_fit_t *fit, mlops_prep_hot_t *hot);
static void mlops_prep_hot_choose(mlops_prep_hot_t *hot);
static int mlops_prep_hot_names(mlops_fit_t *fit,
    const mlops_prep_hot_t *hot, mlops_str_t **names, uint32_t *n);
static int mlops_prep_hot_write(mlops_fit_t *fit,
    const mlops_prep_hot_t *hot);
static void mlops_prep_hot_map(mlops_fit_t *fit, const mlops_prep_hot_t *hot,
    uint32_t n);
static void mlops_prep_hot_row(mlops_fit_t *fit, uint32_t n, uint32_t one);
static int mlops_prep_by_value(const void *one, const void *two);
static int mlops_prep_by_rows(const void *one, const void *two);


static const char *const  mlops_prep_hot_names_of[] = {
    "limit", "min_rows", "other", "missing", NULL
};


const mlops_fitter_t  mlops_fit_one_hot = {
    "one_hot", "categories", MLOPS_FIT_CODES|MLOPS_FIT_VARYING,
    mlops_prep_hot_names_of, mlops_prep_hot_check, mlops_prep_hot_run, NULL
};


static int
mlops_prep_hot_keys(mlops_fit_t *fit, mlops_prep_hot_t *hot)
{
    if (fit->train != NULL && fit->train->columns_n != 1) {
        return mlops_field_error(fit->field, "inputs: expected 1, got %u",
                                 fit->train->columns_n);
    }

    if (mlops_field_int(fit->field, fit->step, "limit", 1,
                        MLOPS_PREP_CATEGORIES, MLOPS_PREP_LIMIT, &hot->limit)
        != MLOPS_OK
        || mlops_field_int(fit->field, fit->step, "min_rows", 1, INT64_MAX,
                           1, &hot->min_rows)
           != MLOPS_OK
        || mlops_fit_flag(fit, "other", 0, &hot->other) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_fit_flag(fit, "missing", 0, &hot->missing);
}


static int
mlops_prep_hot_check(mlops_fit_t *fit)
{
    mlops_prep_hot_t  hot;

    return mlops_prep_hot_keys(fit, &hot);
}


static int
mlops_prep_hot_run(mlops_fit_t *fit)
{
    int               rc;
    uint64_t          all;
    mlops_prep_hot_t  hot;

    if (mlops_prep_hot_keys(fit, &hot) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    hot.list = NULL;
    hot.strings = (fit->train->columns[0].kind == MLOPS_MATRIX_CODES);

    rc = hot.strings ? mlops_prep_hot_strings(fit, &hot)
                     : mlops_prep_hot_numbers(fit, &hot);

    if (rc == MLOPS_OK) {
        all = hot.n;
        mlops_prep_hot_choose(&hot);

        mlops_fit_report(fit, "categories");
        mlops_import_text(fit->report, "%llu,\"left_out\":%llu",
                          (unsigned long long) hot.n,
                          (unsigned long long) (all - hot.n));

        if (all > hot.n) {
            mlops_fit_note(fit, "%llu of %llu categories of \"%.*s\" have no "
                           "cell of their own",
                           (unsigned long long) (all - hot.n),
                           (unsigned long long) all,
                           (int) (fit->train->columns[0].name.len < 60
                                  ? fit->train->columns[0].name.len : 60),
                           fit->train->columns[0].name.data);
        }

        rc = mlops_prep_hot_write(fit, &hot);
    }

    free(hot.list);

    return rc;
}


static int
mlops_prep_hot_strings(mlops_fit_t *fit, mlops_prep_hot_t *hot)
{
    uint32_t                      code;
    uint64_t                      i, k, *rows;
    const uint32_t               *codes;
    const mlops_matrix_column_t  *column;

    column = &fit->train->columns[0];
    codes = column->data;

    rows = calloc((size_t) column->categories_n + 1, sizeof(uint64_t));
    hot->list = calloc((size_t) column->categories_n + 1,
                       sizeof(mlops_prep_category_t));

    if (rows == NULL || hot->list == NULL) {
        free(rows);
        return mlops_field_memory(fit->field);
    }

    for (i = 0; i < fit->train->n; i++) {
        code = codes[mlops_matrix_row(fit->train, i)];

        if (code < column->categories_n) {
            rows[code]++;
        }
    }

    for (i = 0, k = 0; i < column->categories_n; i++) {
        if (rows[i] > 0) {
            hot->list[k].text = column->categories[i];
            hot->list[k].number = 0;
            hot->list[k++].rows = rows[i];
        }
    }

    free(rows);
    hot->n = k;

    if (k == 0) {
        return mlops_field_error(fit->field, "inputs: \"%.*s\" is missing in "
                                 "all of %llu training rows",
                                 mlops_fmt(&column->name),
                                 (unsigned long long) fit->train->n);
    }

    return MLOPS_OK;
}


static int
mlops_prep_hot_numbers(mlops_fit_t *fit, mlops_prep_hot_t *hot)
{
    double                x;
    uint64_t              i, k;
    mlops_prep_column_t   column;

    if (mlops_prep_column(fit, 0, &column) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_prep_sort(column.values, column.n);

    for (i = 1, k = 1; i < column.n; i++) {
        k += (column.values[i] != column.values[i - 1]);
    }

    hot->list = calloc(k, sizeof(mlops_prep_category_t));
    if (hot->list == NULL) {
        mlops_prep_free(&column);
        return mlops_field_memory(fit->field);
    }

    for (i = 0, k = 0; i < column.n; i++) {
        x = column.values[i] + 0.0;             /* -0 is 0 */

        if (k == 0 || hot->list[k - 1].number != x) {
            hot->list[k++].number = x;
        }

        hot->list[k - 1].rows++;
    }

    mlops_prep_free(&column);
    hot->n = k;

    return MLOPS_OK;
}


static void
mlops_prep_hot_choose(mlops_prep_hot_t *hot)
{
    qsort(hot->list, hot->n, sizeof(*hot->list), mlops_prep_by_rows);

    while (hot->n > 0
           && hot->list[hot->n - 1].rows < (uint64_t) hot->min_rows)
    {
        hot->n--;
    }

    hot->n = hot->n > (uint64_t) hot->limit ? (uint64_t) hot->limit : hot->n;

    qsort(hot->list, hot->n, sizeof(*hot->list), mlops_prep_by_value);
}


static int
mlops_prep_by_value(const void *one, const void *two)
{
    int                           order;
    size_t                        len;
    const mlops_prep_category_t  *a, *b;

    a = one;
    b = two;

    if (a->number != b->number) {
        return a->number > b->number ? 1 : -1;
    }

    len = a->text.len < b->text.len ? a->text.len : b->text.len;
    order = len ? memcmp(a->text.data, b->text.data, len) : 0;

    return order ? order : (a->text.len > b->text.len)
                           - (a->text.len < b->text.len);
}


static int
mlops_prep_by_rows(const void *one, const void *two)
{
    const mlops_prep_category_t  *a, *b;

    a = one;
    b = two;

    if (a->rows != b->rows) {
        return a->rows < b->rows ? 1 : -1;
    }

    return mlops_prep_by_value(one, two);
}


static int
mlops_prep_hot_names(mlops_fit_t *fit, const mlops_prep_hot_t *hot,
    mlops_str_t **names, uint32_t *n)
{
    double        x;
    uint32_t      i;
    mlops_str_t   text;

    *names = mlops_arena_alloc(fit->field->arena,
                               (hot->n + 2) * sizeof(mlops_str_t));
    if (*names == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (i = 0; i < hot->n; i++) {
        x = hot->list[i].number;
        text = hot->list[i].text;

        if (!hot->strings) {
            text = (x == floor(x) && fabs(x) < 1e15)
                   ? mlops_fit_name(fit, "%.0f", x)
                   : mlops_fit_number_name(fit, x);
        }

        (*names)[i] = mlops_fit_name(fit, "%.*s%.*s",
                                     mlops_fmt(&fit->prefix),
                                     mlops_fmt(&text));

        if ((*names)[i].data == NULL) {
            return MLOPS_ERROR;
        }
    }

    if (hot->other) {
        (*names)[i++] = mlops_fit_name(fit, "%.*sother",
                                       mlops_fmt(&fit->prefix));
    }

    if (hot->missing) {
        (*names)[i++] = mlops_fit_name(fit, "%.*smissing",
                                       mlops_fmt(&fit->prefix));
    }

    *n = i;

    for (i = (uint32_t) hot->n; i < *n; i++) {
        if ((*names)[i].data == NULL) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_prep_hot_write(mlops_fit_t *fit, const mlops_prep_hot_t *hot)
{
    uint32_t            i, k, n;
    mlops_str_t        *names;
    const mlops_str_t  *input;

    input = &fit->train->columns[0].name;

    n = 0;

    if (mlops_prep_hot_names(fit, hot, &names, &n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (n == 0) {
        return mlops_field_error(fit->field, "min_rows: no value of "
                                 "\"%.*s\" is in %lld training rows",
                                 mlops_fmt(input), (long long) hot->min_rows);
    }

    for (k = (uint32_t) hot->n; k < n; k++) {
        for (i = 0; i < hot->n; i++) {
            if (mlops_str_eq(&names[i], names[k].data, names[k].len)) {
                return mlops_field_error(fit->field, "\"%.*s\" would be two "
                                         "cells: a value of \"%.*s\" is "
                                         "called like that",
                                         mlops_fmt(&names[k]),
                                         mlops_fmt(input));
            }
        }
    }

    if (hot->other || hot->missing) {
        mlops_fit_step(fit, "map", input, 1, names, n);
        mlops_prep_hot_map(fit, hot, n);

    } else {
        mlops_fit_step(fit, "one_hot", input, 1, names, n);
        mlops_import_text(fit->steps, ",\"categories\":[");

        for (i = 0; i < n; i++) {
            mlops_import_text(fit->steps, i ? "," : "");

            if (hot->strings) {
                mlops_import_quote(fit->steps, hot->list[i].text.data,
                                   hot->list[i].text.len);

            } else {
                mlops_fit_write_number(fit->steps, hot->list[i].number);
            }
        }

        mlops_import_text(fit->steps, "]");
    }

    mlops_fit_end(fit);

    return mlops_prep_done(fit);
}


/* Every value to its row of the identity. */

static void
mlops_prep_hot_map(mlops_fit_t *fit, const mlops_prep_hot_t *hot, uint32_t n)
{
    uint32_t  i;

    mlops_import_text(fit->steps, ",\"entries\":%s",
                      hot->strings ? "{" : "[");

    for (i = 0; i < hot->n; i++) {
        mlops_import_text(fit->steps, i ? "," : "");

        if (hot->strings) {
            mlops_import_quote(fit->steps, hot->list[i].text.data,
                               hot->list[i].text.len);
            mlops_import_text(fit->steps, ":");
            mlops_prep_hot_row(fit, n, i);

        } else {
            mlops_import_text(fit->steps, "[");
            mlops_fit_write_number(fit->steps, hot->list[i].number);
            mlops_import_text(fit->steps, ",");
            mlops_prep_hot_row(fit, n, i);
            mlops_import_text(fit->steps, "]");
        }
    }

    mlops_import_text(fit->steps, hot->strings ? "}" : "]");
    mlops_import_text(fit->steps, ",\"other\":");
    mlops_prep_hot_row(fit, n, hot->other ? (uint32_t) hot->n : n);
    mlops_import_text(fit->steps, ",\"missing\":");
    mlops_prep_hot_row(fit, n, hot->missing ? n - 1 : n);
}


static void
mlops_prep_hot_row(mlops_fit_t *fit, uint32_t n, uint32_t one)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        mlops_import_text(fit->steps, "%s%d", i ? "," : "[", i == one);
    }

    mlops_import_text(fit->steps, "]");
}
