/*
 * The keys of the fitted steps ftrl, adagrad and rls.
 */

#include "mlops_online_fit.h"
#include "mlops_online_inner.h"


static int mlops_online_column(mlops_fit_t *fit, const mlops_doc_t *doc,
    uint32_t *column);


int
mlops_online_keys(mlops_online_fit_t *of, mlops_fit_t *fit,
    mlops_online_algorithm_t algorithm)
{
    int                          word;
    size_t                       i;
    double                      *value;
    int64_t                      bits, passes, window;
    mlops_err_t                  err;
    mlops_field_t               *field;
    mlops_online_conf_t         *conf;
    const mlops_doc_t           *step;
    const mlops_online_range_t  *range;
    static const char *const     losses[] = {
        "logistic", "squared", "poisson", "quantile", "huber", NULL
    };

    memset(of, 0, sizeof(mlops_online_fit_t));

    of->fit = fit;
    field = fit->field;
    step = fit->step;
    conf = &of->conf;

    mlops_online_defaults(conf, algorithm);

    if (mlops_field_word(field, step, "loss", losses, conf->loss, &word)
        != MLOPS_OK
        || mlops_field_int(field, step, "bits", MLOPS_ONLINE_BITS_MIN,
                           MLOPS_ONLINE_BITS_MAX, 20, &bits)
           != MLOPS_OK
        || mlops_field_int(field, step, "passes", 1, 10000, 1, &passes)
           != MLOPS_OK
        || mlops_field_int(field, step, "window", 0, MLOPS_ONLINE_WINDOW_MAX,
                           conf->window, &window)
           != MLOPS_OK
        || mlops_field_flag(field, step, "shuffle", &of->shuffle) != MLOPS_OK
        || mlops_fit_path(fit, "state", &of->state) != MLOPS_OK
        || mlops_fit_path(fit, "start", &of->start) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < MLOPS_ONLINE_RANGES; i++) {
        range = &mlops_online_ranges[i];
        value = mlops_online_setting(conf, range);

        if (mlops_field_number(field, step, range->name, range->lo,
                               range->hi, *value, value)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    conf->loss = (mlops_online_loss_t) word;
    conf->bits = (algorithm == MLOPS_ONLINE_RLS) ? 0 : (uint32_t) bits;
    conf->window = (uint32_t) window;
    of->passes = (uint32_t) passes;

    if (mlops_online_check(conf, &err) != MLOPS_OK) {
        return mlops_field_error(field, "%s", err.text);
    }

    return MLOPS_OK;
}


int
mlops_online_crosses(mlops_online_fit_t *of)
{
    size_t              old, here;
    uint32_t            i;
    mlops_fit_t        *fit;
    const mlops_doc_t  *list, *pair;

    fit = of->fit;

    if (mlops_field_find(fit->field, fit->step, "crosses", MLOPS_DOC_ARRAY,
                         &list) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (list == NULL || list->n == 0) {
        return MLOPS_OK;
    }

    of->crosses_n = list->n;
    of->crosses = mlops_arena_alloc(fit->field->arena,
                                    list->n * sizeof(mlops_online_cross_t));
    if (of->crosses == NULL) {
        return mlops_field_memory(fit->field);
    }

    old = mlops_field_push(fit->field, "crosses");

    for (i = 0, pair = list->v.child; pair; i++, pair = pair->next) {
        here = mlops_field_push_i(fit->field, i);

        if (pair->type != MLOPS_DOC_ARRAY || pair->n != 2) {
            return mlops_field_fail(fit->field, pair, "a pair of inputs of "
                                    "the step");
        }

        if (mlops_online_column(fit, pair->v.child, &of->crosses[i].a)
            != MLOPS_OK
            || mlops_online_column(fit, pair->v.child->next,
                                   &of->crosses[i].b) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(fit->field, here);
    }

    mlops_field_pop(fit->field, old);

    return MLOPS_OK;
}


static int
mlops_online_column(mlops_fit_t *fit, const mlops_doc_t *doc,
    uint32_t *column)
{
    uint32_t           i, n;
    mlops_str_t       *names;

    n = fit->train->columns_n;

    for (i = 0; doc->type == MLOPS_DOC_STRING && i < n; i++) {
        if (mlops_str_eq(&doc->v.text, fit->train->columns[i].name.data,
                         fit->train->columns[i].name.len))
        {
            *column = i;
            return MLOPS_OK;
        }
    }

    names = mlops_arena_alloc(fit->field->arena, n * sizeof(mlops_str_t));

    if (names == NULL || doc->type != MLOPS_DOC_STRING) {
        return mlops_field_fail(fit->field, doc, "inputs of the step");
    }

    for (i = 0; i < n; i++) {
        names[i] = fit->train->columns[i].name;
    }

    return mlops_field_suggest(fit->field, &doc->v.text, "an input of the "
                               "step", names, n);
}
