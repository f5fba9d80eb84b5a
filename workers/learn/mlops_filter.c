/*
 * Filters of rows.
 */

#include "mlops_filter.h"

#include <math.h>


static int mlops_filter_read(mlops_field_t *field, const mlops_doc_t *doc,
    mlops_filter_t *filter);
static void mlops_filter_bounds(const mlops_filter_t *filter,
    const mlops_matrix_column_t *column, const uint32_t *rows, uint32_t n,
    double *lo, double *hi);


int
mlops_filters(mlops_field_t *field, const mlops_doc_t *list,
    mlops_filter_t **filters, uint32_t *n)
{
    size_t              old;
    uint32_t            i;
    const mlops_doc_t  *doc;

    *filters = NULL;
    *n = 0;

    if (list == NULL || list->n == 0) {
        return MLOPS_OK;
    }

    if (list->type != MLOPS_DOC_ARRAY) {
        return mlops_field_error(field, "expected objects, got numbers");
    }

    *filters = mlops_arena_calloc(field->arena, list->n,
                                  sizeof(mlops_filter_t));

    if (*filters == NULL) {
        return mlops_field_memory(field);
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        old = mlops_field_push_i(field, i);

        if (doc->type != MLOPS_DOC_OBJECT) {
            return mlops_field_fail(field, doc, "an object");
        }

        if (mlops_filter_read(field, doc, &(*filters)[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, old);
    }

    *n = list->n;

    return MLOPS_OK;
}


static int
mlops_filter_read(mlops_field_t *field, const mlops_doc_t *doc,
    mlops_filter_t *filter)
{
    int                 kind;
    size_t              old;
    uint32_t            i;
    const mlops_doc_t  *name;

    static const char *const  kinds[] = { "missing", "range", "sigma", NULL };
    static const char *const  keys[][5] = {
        { "kind", "inputs", NULL },
        { "kind", "inputs", "lo", "hi", NULL },
        { "kind", "inputs", "limit", NULL }
    };

    if (mlops_field_word(field, doc, "kind", kinds, -1, &kind) != MLOPS_OK
        || mlops_field_keys(field, doc, keys[kind], NULL) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    filter->kind = (mlops_filter_kind_t) kind;
    filter->inputs = mlops_field_get(field, doc, "inputs", MLOPS_DOC_ARRAY);

    if (filter->inputs == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "inputs");

    if (filter->inputs->type != MLOPS_DOC_ARRAY || filter->inputs->n == 0) {
        return mlops_field_error(field, "expected at least one name of a "
                                 "cell");
    }

    for (i = 0, name = filter->inputs->v.child; name != NULL;
         i++, name = name->next)
    {
        if (name->type != MLOPS_DOC_STRING) {
            (void) mlops_field_push_i(field, i);
            return mlops_field_fail(field, name, "the name of a cell");
        }
    }

    mlops_field_pop(field, old);

    if (filter->kind == MLOPS_FILTER_SIGMA) {

        if (mlops_field_number(field, doc, "limit", 0, INFINITY, NAN,
                               &filter->limit)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (filter->limit == 0) {
            (void) mlops_field_push(field, "limit");
            return mlops_field_error(field, "expected a number above 0");
        }

        return MLOPS_OK;
    }

    if (filter->kind == MLOPS_FILTER_MISSING) {
        return MLOPS_OK;
    }

    if (mlops_field_number(field, doc, "lo", -INFINITY, INFINITY, -INFINITY,
                           &filter->lo)
        != MLOPS_OK
        || mlops_field_number(field, doc, "hi", -INFINITY, INFINITY, INFINITY,
                              &filter->hi)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (filter->lo == -INFINITY && filter->hi == INFINITY) {
        return mlops_field_error(field, "expected lo, hi or both");
    }

    if (filter->lo > filter->hi) {
        return mlops_field_error(field, "expected lo of at most hi, got %g "
                                 "and %g", filter->lo, filter->hi);
    }

    return MLOPS_OK;
}


int
mlops_filter(const mlops_filter_t *filter,
    const mlops_matrix_column_t *column, uint32_t *rows, uint32_t *n,
    mlops_err_t *err)
{
    double    v, lo, hi;
    uint32_t  i, left;

    if (filter->kind != MLOPS_FILTER_MISSING
        && column->kind == MLOPS_MATRIX_CODES)
    {
        return mlops_err_set(err, "expected numbers to filter by %s, got "
                             "texts", (filter->kind == MLOPS_FILTER_SIGMA)
                                      ? "sigma" : "range");
    }

    mlops_filter_bounds(filter, column, rows, *n, &lo, &hi);

    for (i = 0, left = 0; i < *n; i++) {
        v = mlops_matrix_value(column, rows[i]);

        if (isnan(v) ? filter->kind != MLOPS_FILTER_MISSING
                     : filter->kind == MLOPS_FILTER_MISSING
                       || (v >= lo && v <= hi))
        {
            rows[left++] = rows[i];
        }
    }

    *n = left;

    return MLOPS_OK;
}


/*
 * What stays.  The mean is taken first, then the squares of the distances to
 * it, in the order of rows.  A column that is constant, or of one value,
 * loses nothing.
 */

static void
mlops_filter_bounds(const mlops_filter_t *filter,
    const mlops_matrix_column_t *column, const uint32_t *rows, uint32_t n,
    double *lo, double *hi)
{
    double    v, mean, sum, least, most;
    uint32_t  i, known;

    *lo = filter->lo;
    *hi = filter->hi;

    if (filter->kind != MLOPS_FILTER_SIGMA) {
        return;
    }

    *lo = -INFINITY;
    *hi = INFINITY;
    least = INFINITY;
    most = -INFINITY;

    for (i = 0, known = 0, sum = 0; i < n; i++) {
        v = mlops_matrix_value(column, rows[i]);

        if (!isnan(v)) {
            sum += v;
            known++;
            least = (v < least) ? v : least;
            most = (v > most) ? v : most;
        }
    }

    if (known < 2 || least == most) {
        return;
    }

    mean = sum / known;

    for (i = 0, sum = 0; i < n; i++) {
        v = mlops_matrix_value(column, rows[i]) - mean;

        if (!isnan(v)) {
            sum += v * v;
        }
    }

    v = filter->limit * sqrt(sum / (known - 1));
    *lo = mean - v;
    *hi = mean + v;
}
