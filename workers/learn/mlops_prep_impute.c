/*
 * The fitters of impute: mean, median, most_frequent.  With "indicator", a
 * list of names, cells that are 1 where a value was missing.
 */

#include "mlops_prep.h"
#include "mlops_fitters.h"


static int mlops_prep_impute_check(mlops_fit_t *fit);
static int mlops_prep_impute(mlops_fit_t *fit,
    double (*value)(mlops_prep_column_t *column));
static int mlops_prep_mean(mlops_fit_t *fit);
static int mlops_prep_median(mlops_fit_t *fit);
static int mlops_prep_frequent(mlops_fit_t *fit);
static double mlops_prep_mean_of(mlops_prep_column_t *column);
static double mlops_prep_median_of(mlops_prep_column_t *column);
static double mlops_prep_frequent_of(mlops_prep_column_t *column);


static const char *const  mlops_prep_impute_keys[] = { "indicator", NULL };

const mlops_fitter_t  mlops_fit_impute_mean = {
    "impute", "mean", 0, mlops_prep_impute_keys, mlops_prep_impute_check,
    mlops_prep_mean, NULL
};

const mlops_fitter_t  mlops_fit_impute_median = {
    "impute", "median", 0, mlops_prep_impute_keys, mlops_prep_impute_check,
    mlops_prep_median, NULL
};

const mlops_fitter_t  mlops_fit_impute_frequent = {
    "impute", "most_frequent", 0, mlops_prep_impute_keys,
    mlops_prep_impute_check, mlops_prep_frequent, NULL
};


static int
mlops_prep_impute_check(mlops_fit_t *fit)
{
    size_t              old;
    const mlops_doc_t  *list, *name;

    if (mlops_prep_same(fit) != MLOPS_OK
        || mlops_field_find(fit->field, fit->step, "indicator",
                            MLOPS_DOC_ARRAY, &list)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (list == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(fit->field, "indicator");

    if (list->n != fit->outputs_n) {
        return mlops_field_fail(fit->field, list, "a list of %u names",
                                fit->outputs_n);
    }

    for (name = list->v.child; name != NULL; name = name->next) {
        if (name->type != MLOPS_DOC_STRING) {
            return mlops_field_fail(fit->field, name, "a name");
        }
    }

    mlops_field_pop(fit->field, old);

    return MLOPS_OK;
}


static int
mlops_prep_impute(mlops_fit_t *fit,
    double (*value)(mlops_prep_column_t *column))
{
    double               *values;
    uint32_t              j, n;
    mlops_str_t          *inputs, *names;
    const mlops_doc_t    *list, *name;
    mlops_prep_column_t   column;

    if (mlops_prep_impute_check(fit) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    n = fit->train->columns_n;
    inputs = mlops_fit_inputs(fit);
    values = mlops_arena_alloc(fit->field->arena, n * sizeof(double));
    names = mlops_arena_alloc(fit->field->arena, n * sizeof(mlops_str_t));

    if (inputs == NULL || values == NULL || names == NULL) {
        return mlops_field_memory(fit->field);
    }

    mlops_fit_report(fit, "missing");

    for (j = 0; j < n; j++) {
        if (mlops_prep_column(fit, j, &column) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        values[j] = value(&column);
        mlops_prep_free(&column);

        mlops_import_text(fit->report, "%s%llu", j ? "," : "[",
                          (unsigned long long) column.missing_n);
    }

    mlops_import_text(fit->report, "]");

    list = mlops_doc_get(fit->step, "indicator");

    if (list != NULL && list->type == MLOPS_DOC_ARRAY) {

        for (j = 0, name = list->v.child; j < n; j++, name = name->next) {
            names[j] = name->v.text;
        }

        mlops_fit_step(fit, "unary", inputs, n, names, n);
        mlops_fit_put_text(fit->steps, "op", "isnan");
        mlops_fit_end(fit);
    }

    mlops_fit_step(fit, "impute", inputs, n, fit->outputs, n);
    mlops_fit_put_numbers(fit->steps, "value", values, n);
    mlops_fit_end(fit);

    return mlops_prep_done(fit);
}


static int
mlops_prep_mean(mlops_fit_t *fit)
{
    return mlops_prep_impute(fit, mlops_prep_mean_of);
}


static double
mlops_prep_mean_of(mlops_prep_column_t *column)
{
    return column->mean;
}


static int
mlops_prep_median(mlops_fit_t *fit)
{
    return mlops_prep_impute(fit, mlops_prep_median_of);
}


static double
mlops_prep_median_of(mlops_prep_column_t *column)
{
    mlops_prep_sort(column->values, column->n);

    return mlops_prep_quantile(column->values, column->n, 0.5);
}


static int
mlops_prep_frequent(mlops_fit_t *fit)
{
    return mlops_prep_impute(fit, mlops_prep_frequent_of);
}


/* Of several the smallest. */

static double
mlops_prep_frequent_of(mlops_prep_column_t *column)
{
    double    value;
    uint64_t  i, run, most;

    mlops_prep_sort(column->values, column->n);

    value = column->values[0];

    for (i = 0, run = 0, most = 0; i < column->n; i++) {
        run = (i > 0 && column->values[i] == column->values[i - 1])
              ? run + 1 : 1;

        if (run > most) {
            most = run;
            value = column->values[i];
        }
    }

    return value;
}
