/*
 * Targets, classes and weights, as doubles by row number.
 *
 * A class is a string or a number; learners see its place in the list of
 * classes.  The list is the recipe's, or that of the training rows: numbers
 * ascending, strings by their bytes.
 */

#include "mlops_learn_run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


static int mlops_learn_is_classifier(mlops_learn_run_t *run,
    const mlops_columns_one_t *target, int *yes);
static int mlops_learn_given_classes(mlops_learn_run_t *run,
    const mlops_columns_one_t *target);
static int mlops_learn_found_strings(mlops_learn_run_t *run,
    const mlops_columns_one_t *target);
static int mlops_learn_found_numbers(mlops_learn_run_t *run,
    const mlops_columns_one_t *target);
static int mlops_learn_class_names(mlops_learn_run_t *run);
static int mlops_learn_target_values(mlops_learn_run_t *run,
    const mlops_columns_one_t *target, const mlops_learn_part_t *part,
    const uint32_t *codes);
static int mlops_learn_code_classes(mlops_learn_run_t *run,
    const mlops_columns_one_t *target, uint32_t **codes);
static int mlops_learn_no_class(mlops_learn_run_t *run, uint64_t row,
    const mlops_columns_one_t *target, double v);
static int mlops_learn_weights(mlops_learn_run_t *run);
static int mlops_learn_weight(mlops_learn_run_t *run,
    const mlops_columns_one_t *weight, const mlops_learn_part_t *part);
static int mlops_learn_required(mlops_learn_run_t *run,
    const mlops_learn_part_t *part);


static mlops_columns_one_t *
mlops_learn_target_column(mlops_learn_run_t *run)
{
    mlops_columns_one_t  *one;
    const mlops_str_t    *name;

    name = &run->recipe.target->v.text;
    one = mlops_columns_find(&run->columns, name->data, name->len);

    if (one == NULL || one->view.data == NULL) {
        (void) mlops_err_set(run->err, "train.target: neither %s nor a step "
                             "of train.rows has \"%.*s\"", run->options->rows,
                             mlops_fmt(name));
        return NULL;
    }

    return one;
}


int
mlops_learn_targets(mlops_learn_run_t *run)
{
    uint64_t              i;
    mlops_columns_one_t  *one;

    one = mlops_learn_target_column(run);
    if (one == NULL) {
        return MLOPS_ERROR;
    }

    run->gone = calloc(run->frame.rows_n ? run->frame.rows_n : 1, 1);
    if (run->gone == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < run->frame.rows_n; i++) {

        if (isnan(mlops_columns_value(one, i))) {
            run->gone[i] = 1;
            run->gone_target_n++;
        }
    }

    if (run->gone_target_n == run->frame.rows_n) {
        return mlops_err_set(run->err, "%s: the target \"%.*s\" is missing in "
                             "all %llu rows", run->options->rows,
                             mlops_fmt(&one->view.name),
                             (unsigned long long) run->frame.rows_n);
    }

    return MLOPS_OK;
}


int
mlops_learn_classes(mlops_learn_run_t *run)
{
    int                   yes;
    mlops_columns_one_t  *target;

    target = mlops_learn_target_column(run);

    if (target == NULL
        || mlops_learn_is_classifier(run, target, &yes) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (!yes) {

        if (run->recipe.class_weight != NULL || run->recipe.sample != NULL) {
            return mlops_err_set(run->err, "train.%s: expected with classes, "
                                 "got a target that is a number",
                                 run->recipe.sample ? "sample"
                                                    : "class_weight");
        }

        return MLOPS_OK;
    }

    if (run->classes_n != 0) {
        return MLOPS_OK;
    }

    if (run->recipe.classes != NULL) {

        if (mlops_learn_given_classes(run, target) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

    } else if (target->view.kind == MLOPS_MATRIX_CODES) {

        if (mlops_learn_found_strings(run, target) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

    } else if (mlops_learn_found_numbers(run, target) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (run->classes_n == 1) {
        return mlops_err_set(run->err, "%s: expected a target \"%.*s\" of at "
                             "least two classes, got \"%.*s\" alone in all "
                             "%llu training rows", run->options->rows,
                             mlops_fmt(&target->view.name),
                             mlops_fmt(&run->classes[0]),
                             (unsigned long long)
                             run->parts[MLOPS_PART_TRAIN].n);
    }

    return MLOPS_OK;
}


static int
mlops_learn_is_classifier(mlops_learn_run_t *run,
    const mlops_columns_one_t *target, int *yes)
{
    *yes = (run->recipe.wants == 1);

    if (run->recipe.wants == 2) {
        *yes = (run->recipe.classes != NULL
                || target->view.kind == MLOPS_MATRIX_CODES);
    }

    if (!*yes && target->view.kind == MLOPS_MATRIX_CODES) {
        return mlops_err_set(run->err, "train.target: expected numbers for "
                             "what is learned, got \"%.*s\", a column of "
                             "strings", mlops_fmt(&target->view.name));
    }

    if (!*yes && run->recipe.classes != NULL) {
        return mlops_err_set(run->err, "train.classes: expected with a "
                             "learner of classes, got one of numbers");
    }

    return MLOPS_OK;
}


static int
mlops_learn_room(mlops_learn_run_t *run, uint32_t n)
{
    run->classes = mlops_arena_calloc(run->arena, n, sizeof(mlops_str_t));
    run->class_numbers = mlops_arena_calloc(run->arena, n, sizeof(double));

    if (run->classes == NULL || run->class_numbers == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    return MLOPS_OK;
}


static int
mlops_learn_given_classes(mlops_learn_run_t *run,
    const mlops_columns_one_t *target)
{
    int                 strings;
    uint32_t            i, k;
    const mlops_doc_t  *list, *doc;

    list = run->recipe.classes;
    strings = (target->view.kind == MLOPS_MATRIX_CODES);

    if (list->n < 2 || list->n > MLOPS_LEARN_CLASSES) {
        return mlops_err_set(run->err, "train.classes: expected a list of 2 "
                             "to %u, got %u", MLOPS_LEARN_CLASSES, list->n);
    }

    if (mlops_learn_room(run, list->n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {

        if (strings ? doc->type != MLOPS_DOC_STRING
                    : mlops_doc_double(doc, &run->class_numbers[i])
                      != MLOPS_OK)
        {
            return mlops_err_set(run->err, "train.classes[%u]: expected a "
                                 "%s, as \"%.*s\" is a column of those", i,
                                 strings ? "string" : "number",
                                 mlops_fmt(&target->view.name));
        }

        if (strings) {
            run->classes[i] = doc->v.text;
        }

        for (k = 0; k < i; k++) {

            if (strings ? mlops_str_eq(&run->classes[k], doc->v.text.data,
                                       doc->v.text.len)
                        : run->class_numbers[k] == run->class_numbers[i])
            {
                return mlops_err_set(run->err, "train.classes[%u]: is there "
                                     "twice", i);
            }
        }
    }

    run->classes_n = list->n;

    if (strings) {
        run->class_numbers = NULL;
        return MLOPS_OK;
    }

    return mlops_learn_class_names(run);
}


static int
mlops_learn_str_cmp(const void *one, const void *two)
{
    int                 rc;
    size_t              n;
    const mlops_str_t  *a, *b;

    a = one;
    b = two;
    n = (a->len < b->len) ? a->len : b->len;
    rc = n ? memcmp(a->data, b->data, n) : 0;

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


static int
mlops_learn_found_strings(mlops_learn_run_t *run,
    const mlops_columns_one_t *target)
{
    uint8_t                   *seen;
    uint32_t                   k, n;
    uint64_t                   i;
    const uint32_t            *codes;
    const mlops_learn_part_t  *train;

    train = &run->parts[MLOPS_PART_TRAIN];
    codes = target->view.data;

    seen = calloc((size_t) target->view.categories_n + 1, 1);
    if (seen == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0, n = 0; i < train->n; i++) {
        k = codes[train->rows[i]];

        if (!seen[k]) {
            seen[k] = 1;
            n++;
        }
    }

    if (n > MLOPS_LEARN_CLASSES) {
        free(seen);
        return mlops_err_set(run->err, "train.target: expected at most %u "
                             "classes, got %u", MLOPS_LEARN_CLASSES, n);
    }

    if (mlops_learn_room(run, n) != MLOPS_OK) {
        free(seen);
        return MLOPS_ERROR;
    }

    run->class_numbers = NULL;

    for (k = 0; k < target->view.categories_n; k++) {
        if (seen[k]) {
            run->classes[run->classes_n++] = target->view.categories[k];
        }
    }

    free(seen);

    qsort(run->classes, run->classes_n, sizeof(mlops_str_t),
          mlops_learn_str_cmp);

    return MLOPS_OK;
}


/* A sorted list that grows by insertion. */

static int
mlops_learn_found_numbers(mlops_learn_run_t *run,
    const mlops_columns_one_t *target)
{
    double                     v, *list;
    uint64_t                   i;
    uint32_t                   lo, hi, at, n;
    const mlops_learn_part_t  *train;

    if (mlops_learn_room(run, MLOPS_LEARN_CLASSES + 1) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    train = &run->parts[MLOPS_PART_TRAIN];
    list = run->class_numbers;
    n = 0;

    for (i = 0; i < train->n; i++) {
        v = mlops_columns_value(target, train->rows[i]) + 0.0;

        for (lo = 0, hi = n; lo < hi; /* void */ ) {
            at = (lo + hi) / 2;

            if (list[at] < v) {
                lo = at + 1;

            } else {
                hi = at;
            }
        }

        if (lo < n && list[lo] == v) {
            continue;
        }

        if (n == MLOPS_LEARN_CLASSES) {
            return mlops_err_set(run->err, "train.target: expected at most %u "
                                 "classes, got more different numbers: is "
                                 "\"%.*s\" a class, or is the objective "
                                 "wrong?", MLOPS_LEARN_CLASSES,
                                 mlops_fmt(&target->view.name));
        }

        memmove(list + lo + 1, list + lo, (n - lo) * sizeof(double));
        list[lo] = v;
        n++;
    }

    run->classes_n = n;

    return mlops_learn_class_names(run);
}


static int
mlops_learn_class_names(mlops_learn_run_t *run)
{
    int       len;
    char      buf[32];
    uint32_t  i;

    for (i = 0; i < run->classes_n; i++) {
        len = snprintf(buf, sizeof(buf), "%.17g", run->class_numbers[i]);

        run->classes[i].data = mlops_arena_copy(run->arena, buf,
                                                (size_t) len);
        run->classes[i].len = (size_t) len;

        if (run->classes[i].data == NULL) {
            return mlops_err_set(run->err, "out of memory");
        }
    }

    return MLOPS_OK;
}


int
mlops_learn_values(mlops_learn_run_t *run)
{
    uint32_t             *codes;
    mlops_part_t          part;
    mlops_columns_one_t  *target;

    target = mlops_learn_target_column(run);

    if (target == NULL
        || mlops_learn_code_classes(run, target, &codes) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    run->target = calloc(run->frame.rows_n ? run->frame.rows_n : 1,
                         sizeof(double));
    if (run->target == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (part = 0; part < MLOPS_PART_N; part++) {

        if (mlops_learn_target_values(run, target, &run->parts[part], codes)
            != MLOPS_OK
            || mlops_learn_required(run, &run->parts[part]) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return mlops_learn_weights(run);
}


/* The class of each category, or NONE. */

static int
mlops_learn_code_classes(mlops_learn_run_t *run,
    const mlops_columns_one_t *target, uint32_t **codes)
{
    uint32_t  i, k, n;

    *codes = NULL;

    if (run->classes_n == 0 || target->view.kind != MLOPS_MATRIX_CODES) {
        return MLOPS_OK;
    }

    n = target->view.categories_n;
    *codes = mlops_arena_alloc(run->arena, (size_t) n * sizeof(uint32_t));

    if (*codes == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < n; i++) {
        (*codes)[i] = MLOPS_MATRIX_NONE;

        for (k = 0; k < run->classes_n; k++) {
            if (mlops_str_eq(&run->classes[k],
                             target->view.categories[i].data,
                             target->view.categories[i].len))
            {
                (*codes)[i] = k;
                break;
            }
        }
    }

    return MLOPS_OK;
}


static int
mlops_learn_target_values(mlops_learn_run_t *run,
    const mlops_columns_one_t *target, const mlops_learn_part_t *part,
    const uint32_t *codes)
{
    char      name[64];
    double    v;
    uint32_t  k;
    uint64_t  i, row;

    for (i = 0; i < part->n; i++) {
        row = part->rows[i];
        v = mlops_columns_value(target, row);

        if (!isfinite(v)) {
            (void) snprintf(name, sizeof(name), "%.*s",
                            mlops_fmt(&target->view.name));

            return mlops_learn_row_error(run, row, name, "expected a finite "
                                         "target, got %g", v);
        }

        if (run->classes_n != 0) {
            k = 0;

            if (codes != NULL) {
                k = codes[(uint32_t) v];

            } else {
                while (k < run->classes_n && run->class_numbers[k] != v) {
                    k++;
                }
            }

            if (k >= run->classes_n) {
                return mlops_learn_no_class(run, row, target, v);
            }

            v = k;
        }

        run->target[row] = v;
    }

    return MLOPS_OK;
}


static int
mlops_learn_no_class(mlops_learn_run_t *run, uint64_t row,
    const mlops_columns_one_t *target, double v)
{
    char                name[64];
    const char         *from;
    const mlops_str_t  *text;

    (void) snprintf(name, sizeof(name), "%.*s",
                    mlops_fmt(&target->view.name));

    from = run->recipe.classes ? "a class that train.classes names"
           : "a class that the training rows have (train.classes may name "
             "more)";

    if (target->view.kind != MLOPS_MATRIX_CODES) {
        return mlops_learn_row_error(run, row, name, "expected %s, got %g",
                                     from, v);
    }

    text = &target->view.categories[(uint32_t) v];

    return mlops_learn_row_error(run, row, name, "expected %s, got \"%.*s\"",
                                 from,
                                 (int) (text->len < 40 ? text->len : 40),
                                 text->data);
}


static int
mlops_learn_weights(mlops_learn_run_t *run)
{
    double                     sum;
    uint64_t                   i;
    mlops_part_t               part;
    mlops_columns_one_t       *one;
    const mlops_str_t         *name;
    const mlops_learn_part_t  *train;

    if (run->recipe.weight == NULL) {
        return MLOPS_OK;
    }

    name = &run->recipe.weight->v.text;
    one = mlops_columns_find(&run->columns, name->data, name->len);

    if (one == NULL || one->view.data == NULL
        || one->view.kind == MLOPS_MATRIX_CODES)
    {
        return mlops_err_set(run->err, "train.weight: neither %s nor a step "
                             "of train.rows has numbers \"%.*s\"",
                             run->options->rows, mlops_fmt(name));
    }

    run->weight = calloc(run->frame.rows_n ? run->frame.rows_n : 1,
                         sizeof(double));
    if (run->weight == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (part = 0; part < MLOPS_PART_N; part++) {
        if (mlops_learn_weight(run, one, &run->parts[part]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    train = &run->parts[MLOPS_PART_TRAIN];

    for (i = 0, sum = 0; i < train->n; i++) {
        sum += run->weight[train->rows[i]];
    }

    if (train->n != 0 && !(sum > 0)) {
        return mlops_err_set(run->err, "train.weight: all %llu training rows "
                             "have the weight 0",
                             (unsigned long long) train->n);
    }

    return MLOPS_OK;
}


static int
mlops_learn_weight(mlops_learn_run_t *run, const mlops_columns_one_t *weight,
    const mlops_learn_part_t *part)
{
    char      name[64];
    double    v;
    uint64_t  i, row;

    for (i = 0; i < part->n; i++) {
        row = part->rows[i];
        v = mlops_columns_value(weight, row);

        if (!isfinite(v) || v < 0) {
            (void) snprintf(name, sizeof(name), "%.*s",
                            mlops_fmt(&weight->view.name));

            if (isnan(v)) {
                return mlops_learn_row_error(run, row, name, "expected a "
                                             "weight, got a missing one");
            }

            return mlops_learn_row_error(run, row, name, "expected a finite "
                                         "weight from 0 on, got %g", v);
        }

        run->weight[row] = v;
    }

    return MLOPS_OK;
}


/* A row that serving would refuse. */

static int
mlops_learn_required(mlops_learn_run_t *run, const mlops_learn_part_t *part)
{
    char                         name[64];
    uint64_t                     i;
    uint32_t                     k;
    const mlops_columns_one_t   *one;
    const mlops_learn_recipe_t  *recipe;

    recipe = &run->recipe;

    for (k = 0; k < recipe->inputs_n; k++) {

        if (!(recipe->inputs[k].flags & MLOPS_COLUMN_REQUIRED)) {
            continue;
        }

        one = mlops_columns_find(&run->columns, recipe->names[k].data,
                                 recipe->names[k].len);

        for (i = 0; one->view.data != NULL && i < part->n; i++) {

            if (isnan(mlops_columns_value(one, part->rows[i]))) {
                (void) snprintf(name, sizeof(name), "%.*s",
                                mlops_fmt(&one->view.name));

                return mlops_learn_row_error(run, part->rows[i], name,
                                             "the input is required, and its "
                                             "value is missing (a filter of "
                                             "kind missing leaves such rows "
                                             "out)");
            }
        }
    }

    return MLOPS_OK;
}
