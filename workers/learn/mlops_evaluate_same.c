/*
 * Do two recipes of an evaluation mean the same: the target of two models,
 * row by row, and the split of a recipe that is given beside the image's.
 */

#include "mlops_evaluate_run.h"

#include <math.h>
#include <stdio.h>


#define MLOPS_EVALUATE_NEAR  1e-5   /* of targets: FP32 here, FP64 there */


static int mlops_evaluate_other_target(mlops_evaluate_run_t *run);
static int mlops_evaluate_near(const mlops_columns_one_t *one,
    const mlops_columns_one_t *other, uint32_t row);
static int mlops_evaluate_same_doc(const mlops_doc_t *one,
    const mlops_doc_t *two);


static const mlops_columns_one_t *
mlops_evaluate_target(const mlops_evaluate_side_t *side)
{
    const mlops_str_t  *name;

    name = &side->learn.recipe.target->v.text;

    return mlops_columns_find(&side->learn.columns, name->data, name->len);
}


/* An image that was not trained here is taken to predict it. */

int
mlops_evaluate_same_target(mlops_evaluate_run_t *run)
{
    int                         classes;
    char                        name[MLOPS_ERR_SIZE];
    uint64_t                    i;
    const mlops_columns_one_t  *one, *other;

    if (!run->sides[1].has_facts) {
        return MLOPS_OK;
    }

    one = mlops_evaluate_target(&run->sides[0]);
    other = mlops_evaluate_target(&run->sides[1]);

    if (other == NULL || other->view.data == NULL
        || (one->view.kind == MLOPS_MATRIX_CODES)
           != (other->view.kind == MLOPS_MATRIX_CODES))
    {
        return mlops_evaluate_other_target(run);
    }

    for (i = 0; i < run->judged.n; i++) {

        if (mlops_evaluate_near(one, other, run->judged.rows[i])) {
            continue;
        }

        if (!mlops_str_eq(&one->view.name, other->view.name.data,
                          other->view.name.len))
        {
            return mlops_evaluate_other_target(run);
        }

        (void) snprintf(name, sizeof(name), "%.*s",
                        mlops_fmt(&one->view.name));

        return mlops_learn_row_error(&run->sides[0].learn,
                                     run->judged.rows[i], name, "expected "
                                     "the same target for both models, got "
                                     "one that their recipes compute "
                                     "differently");
    }

    classes = (run->sides[1].trained.classes != NULL);

    if (classes != (run->sides[0].learn.classes_n != 0)) {
        return mlops_err_set(run->err, "the other model predicts %s, the "
                             "first one %s", classes ? "classes" : "a number",
                             classes ? "a number" : "classes");
    }

    return MLOPS_OK;
}


static int
mlops_evaluate_other_target(mlops_evaluate_run_t *run)
{
    const mlops_str_t  *one, *other;

    one = &run->sides[0].learn.recipe.target->v.text;
    other = &run->sides[1].learn.recipe.target->v.text;

    if (!mlops_str_eq(one, other->data, other->len)) {
        return mlops_err_set(run->err, "the other model predicts \"%.*s\", "
                             "the first one \"%.*s\"", mlops_fmt(other),
                             mlops_fmt(one));
    }

    return mlops_err_set(run->err, "the target \"%.*s\" is a column of "
                         "strings to one of the models, and of numbers, or "
                         "missing, to the other", mlops_fmt(one));
}


static int
mlops_evaluate_near(const mlops_columns_one_t *one,
    const mlops_columns_one_t *other, uint32_t row)
{
    double              a, b;
    const mlops_str_t  *x, *y;

    a = mlops_columns_value(one, row);
    b = mlops_columns_value(other, row);

    if (isnan(b)) {
        return 0;                       /* the first one's is there */
    }

    if (one->view.kind == MLOPS_MATRIX_CODES) {
        x = &one->view.categories[(uint32_t) a];
        y = &other->view.categories[(uint32_t) b];

        return mlops_str_eq(x, y->data, y->len);
    }

    return a == b || fabs(a - b) <= MLOPS_EVALUATE_NEAR
                                    * fmax(fabs(a), fabs(b));
}


/* What decides which row is in which part. */

int
mlops_evaluate_same_split(mlops_evaluate_run_t *run)
{
    size_t                  i;
    mlops_learn_recipe_t    own;
    mlops_evaluate_side_t  *side;
    const mlops_doc_t      *one, *two;

    static const char *const  keys[] = { "split", "target", "rows" };

    side = &run->sides[0];

    if (mlops_learn_recipe_read(&own, side->trained.recipe.data,
                                side->trained.recipe.len,
                                side->options.folder, side->trained.set,
                                side->own_set_n, &side->trained.seed, 0,
                                &run->arena, run->err)
        != MLOPS_OK)
    {
        return mlops_err_prefix(run->err, "the recipe of %s", side->name);
    }

    for (i = 0; i < mlops_nitems(keys); i++) {
        one = mlops_doc_get(side->learn.recipe.train, keys[i]);
        two = mlops_doc_get(own.train, keys[i]);

        if (!mlops_evaluate_same_doc(one, two)) {
            return mlops_err_set(run->err, "%s: train.%s is not that of the "
                                 "model's training, so that --part would be "
                                 "another part", run->options->recipe,
                                 keys[i]);
        }
    }

    if (!mlops_evaluate_same_doc(mlops_doc_get(side->learn.recipe.doc,
                                               "inputs"),
                                 mlops_doc_get(own.doc, "inputs")))
    {
        return mlops_err_set(run->err, "%s: inputs are not those of the "
                             "model's training, so that --part may be "
                             "another part", run->options->recipe);
    }

    return MLOPS_OK;
}


/* Members of objects in any order. */

static int
mlops_evaluate_same_doc(const mlops_doc_t *one, const mlops_doc_t *two)
{
    double              a, b;
    mlops_doc_t         rooms[2];
    const mlops_doc_t  *p, *q;

    if (one == NULL || two == NULL || one->type != two->type) {
        return one == two;
    }

    switch (one->type) {

    case MLOPS_DOC_NULL:
        return 1;

    case MLOPS_DOC_BOOL:
        return one->v.boolean == two->v.boolean;

    case MLOPS_DOC_NUMBER:
        return mlops_doc_double(one, &a) == MLOPS_OK
               && mlops_doc_double(two, &b) == MLOPS_OK && a == b;

    case MLOPS_DOC_STRING:
        return mlops_str_eq(&one->v.text, two->v.text.data, two->v.text.len);

    case MLOPS_DOC_OBJECT:

        for (p = one->v.child; p != NULL; p = p->next) {

            for (q = two->v.child; q != NULL; q = q->next) {
                if (mlops_str_eq(&q->key, p->key.data, p->key.len)) {
                    break;
                }
            }

            if (!mlops_evaluate_same_doc(p, q)) {
                return 0;
            }
        }

        return one->n == two->n;

    default:
        p = mlops_doc_next(one, NULL, &rooms[0]);
        q = mlops_doc_next(two, NULL, &rooms[1]);

        while (p != NULL && q != NULL && mlops_evaluate_same_doc(p, q)) {
            p = mlops_doc_next(one, p, &rooms[0]);
            q = mlops_doc_next(two, q, &rooms[1]);
        }

        return p == NULL && q == NULL;
    }
}
