/*
 * Which rows are for what: filters and split of a run.
 */

#include "mlops_learn_run.h"

#include <stdlib.h>


static int mlops_learn_filter_list(mlops_learn_run_t *run, int sigma,
    uint32_t *rows, uint32_t *n);
static uint32_t mlops_learn_left(const mlops_learn_run_t *run,
    uint32_t *rows);


/* Rows that missing and range leave out are gone. */

int
mlops_learn_filter(mlops_learn_run_t *run)
{
    int        rc;
    uint32_t   i, n, *rows;

    if (run->recipe.filters_n == 0) {
        return MLOPS_OK;
    }

    rows = malloc(((size_t) run->frame.rows_n + 1) * sizeof(uint32_t));

    if (rows == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    n = mlops_learn_left(run, rows);
    run->gone_filter_n += n;
    rc = mlops_learn_filter_list(run, 0, rows, &n);
    run->gone_filter_n -= n;

    memset(run->gone, 1, run->frame.rows_n);

    for (i = 0; i < n; i++) {
        run->gone[rows[i]] = 0;
    }

    free(rows);

    return rc;
}


/* sigma looks at training rows alone. */

int
mlops_learn_filter_train(mlops_learn_run_t *run)
{
    int                   rc;
    uint32_t              n;
    mlops_learn_part_t   *train;

    train = &run->parts[MLOPS_PART_TRAIN];
    n = (uint32_t) train->n;

    rc = mlops_learn_filter_list(run, 1, train->rows, &n);

    run->gone_filter_n += train->n - n;
    train->n = n;

    if (rc == MLOPS_OK && n == 0) {
        return mlops_err_set(run->err, "train.rows.filters: expected training "
                             "rows, got none that are left");
    }

    return rc;
}


/* Filters by sigma, or the others, in their order. */

static int
mlops_learn_filter_list(mlops_learn_run_t *run, int sigma, uint32_t *rows,
    uint32_t *n)
{
    size_t                 start, list, inputs;
    uint32_t               i, k;
    mlops_err_t            why;
    mlops_field_t         *field;
    const mlops_doc_t     *name;
    mlops_columns_one_t   *one;
    const mlops_filter_t  *filter;

    field = &run->recipe.field;
    start = mlops_field_push(field, "train.rows.filters");

    /* a path that an error leaves behind is of no more use */

    for (i = 0; i < run->recipe.filters_n; i++) {
        filter = &run->recipe.filters[i];

        if ((filter->kind == MLOPS_FILTER_SIGMA) != sigma) {
            continue;
        }

        list = mlops_field_push_i(field, i);
        (void) mlops_field_push(field, "inputs");

        for (k = 0, name = filter->inputs->v.child; name != NULL;
             k++, name = name->next)
        {
            inputs = mlops_field_push_i(field, k);
            one = mlops_columns_get(&run->columns, field, name,
                                    "the name of a cell of the rows");

            if (one == NULL) {
                return MLOPS_ERROR;
            }

            if (mlops_filter(filter, &one->view, rows, n, &why) != MLOPS_OK) {
                return mlops_field_error(field, "%s", why.text);
            }

            mlops_field_pop(field, inputs);
        }

        mlops_field_pop(field, list);
    }

    mlops_field_pop(field, start);

    return MLOPS_OK;
}


static uint32_t
mlops_learn_left(const mlops_learn_run_t *run, uint32_t *rows)
{
    uint32_t  i, n;

    for (i = 0, n = 0; i < run->frame.rows_n; i++) {
        if (!run->gone[i]) {
            rows[n++] = i;
        }
    }

    return n;
}


int
mlops_learn_split_column(mlops_learn_run_t *run,
    const mlops_matrix_column_t **column)
{
    size_t                old;
    mlops_columns_one_t  *one;

    *column = NULL;

    if (run->recipe.rule.column == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(&run->recipe.field, "train.split.column");
    one = mlops_columns_get(&run->columns, &run->recipe.field,
                            run->recipe.rule.column,
                            "the name of a cell of the rows");
    if (one == NULL) {
        return MLOPS_ERROR;
    }

    if (one->view.data == NULL) {
        return mlops_field_error(&run->recipe.field, "neither %s nor a step "
                                 "of train.rows has \"%.*s\"",
                                 run->options->rows,
                                 mlops_fmt(&run->recipe.rule.column->v.text));
    }

    mlops_field_pop(&run->recipe.field, old);
    *column = &one->view;

    return MLOPS_OK;
}


int
mlops_learn_split(mlops_learn_run_t *run)
{
    int                           rc;
    char                          name[MLOPS_ERR_SIZE];
    uint32_t                      k, n, *rows;
    mlops_err_t                   why;
    mlops_split_t                 split;
    const mlops_str_t            *text;
    const mlops_split_rule_t     *rule;
    const mlops_matrix_column_t  *column;

    if (mlops_learn_split_column(run, &column) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    name[0] = '\0';
    rule = &run->recipe.rule;

    if (rule->column != NULL) {
        text = &rule->column->v.text;
        n = (text->len < sizeof(name) - 1) ? (uint32_t) text->len
                                           : sizeof(name) - 1;
        memcpy(name, text->data, n);
        name[n] = '\0';
    }

    rows = malloc(((size_t) run->frame.rows_n + 1) * sizeof(uint32_t));

    if (rows == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    n = mlops_learn_left(run, rows);

    if (n == 0) {
        free(rows);
        return mlops_err_set(run->err, "%s: expected rows to train on, got "
                             "none of %llu: %llu have no target, %llu were "
                             "filtered", run->options->rows,
                             (unsigned long long) run->frame.rows_n,
                             (unsigned long long) run->gone_target_n,
                             (unsigned long long) run->gone_filter_n);
    }

    rc = mlops_split(rule, rows, n, column, &split, &why);
    free(rows);

    if (rc != MLOPS_OK) {
        mlops_split_free(&split);

        return (split.bad != MLOPS_MATRIX_NONE)
               ? mlops_learn_row_error(run, split.bad, name, "%s", why.text)
               : mlops_err_set(run->err, "train.split: %s", why.text);
    }

    for (k = 0; k < MLOPS_PART_N; k++) {
        run->parts[k].rows = split.rows[k];
        run->parts[k].n = split.n[k];
    }

    run->purged_n = split.purged_n;
    run->unused_n = split.unused_n;

    return MLOPS_OK;
}
