/*
 * Class weights, and sampling of the training rows of one class.
 *
 * balanced (scikit-learn's): n / (classes × rows of the class).  Sampling
 * keeps a row by a hash of its number and the seed; tuning rows are sampled
 * likewise, so that a learner stops early by what it learns from.
 */

#include "mlops_learn_run.h"
#include "mlops_random.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_LEARN_STREAM  0x5a3b1e00


static int mlops_learn_class_weights(mlops_learn_run_t *run);
static int mlops_learn_balanced(mlops_learn_run_t *run, double *weights);
static int mlops_learn_given_weights(mlops_learn_run_t *run, double *weights);
static int mlops_learn_keep(mlops_learn_run_t *run);
static void mlops_learn_kept(mlops_learn_run_t *run);
static int mlops_learn_sampled(mlops_learn_run_t *run,
    const mlops_learn_part_t *from, mlops_learn_part_t *to);


int
mlops_learn_sample(mlops_learn_run_t *run)
{
    uint32_t  i;

    run->fit_weight = run->weight;

    for (i = 0; i < 2; i++) {
        run->fit[i] = run->parts[i];
        run->fit[i].shared = 1;
    }

    if (mlops_learn_class_weights(run) != MLOPS_OK
        || mlops_learn_keep(run) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (run->keep == NULL) {
        return MLOPS_OK;
    }

    for (i = 0; i < 2; i++) {
        if (mlops_learn_sampled(run, &run->parts[i], &run->fit[i])
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    mlops_learn_kept(run);

    return MLOPS_OK;
}


/* What scores are corrected by is the fraction that was kept, which chance
 * moved a little. */

static void
mlops_learn_kept(mlops_learn_run_t *run)
{
    uint32_t                   k;
    uint64_t                   i, all, kept;
    const mlops_learn_part_t  *train, *fit;

    train = &run->parts[MLOPS_PART_TRAIN];
    fit = &run->fit[MLOPS_PART_TRAIN];

    for (k = 0; k < run->classes_n; k++) {

        if (run->keep[k] == 1) {
            continue;
        }

        for (i = 0, all = 0; i < train->n; i++) {
            all += ((uint32_t) run->target[train->rows[i]] == k);
        }

        for (i = 0, kept = 0; i < fit->n; i++) {
            kept += ((uint32_t) run->target[fit->rows[i]] == k);
        }

        if (kept != 0) {
            run->keep[k] = (double) kept / (double) all;
        }
    }
}


static int
mlops_learn_class_weights(mlops_learn_run_t *run)
{
    int                        rc;
    double                    *weights, sum;
    uint64_t                   i;
    const mlops_learn_part_t  *train;

    if (run->recipe.class_weight == NULL) {
        return MLOPS_OK;
    }

    weights = mlops_arena_calloc(run->arena, run->classes_n, sizeof(double));
    run->fit_weight = malloc((run->frame.rows_n ? run->frame.rows_n : 1)
                             * sizeof(double));

    if (weights == NULL || run->fit_weight == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    rc = (run->recipe.class_weight->type == MLOPS_DOC_STRING)
         ? mlops_learn_balanced(run, weights)
         : mlops_learn_given_weights(run, weights);

    for (i = 0; i < run->frame.rows_n && rc == MLOPS_OK; i++) {
        run->fit_weight[i] = (run->weight ? run->weight[i] : 1)
                             * weights[(uint32_t) run->target[i]];
    }

    train = &run->parts[MLOPS_PART_TRAIN];

    for (i = 0, sum = 0; i < train->n && rc == MLOPS_OK; i++) {
        sum += run->fit_weight[train->rows[i]];
    }

    if (rc == MLOPS_OK && !(sum > 0)) {
        rc = mlops_err_set(run->err, "train.class_weight: all %llu training "
                           "rows have the weight 0",
                           (unsigned long long) train->n);
    }

    return rc;
}


static int
mlops_learn_balanced(mlops_learn_run_t *run, double *weights)
{
    uint64_t                   i;
    uint32_t                   k;
    const mlops_learn_part_t  *train;

    train = &run->parts[MLOPS_PART_TRAIN];

    for (i = 0; i < train->n; i++) {
        weights[(uint32_t) run->target[train->rows[i]]]++;
    }

    for (k = 0; k < run->classes_n; k++) {
        weights[k] = weights[k]
                     ? (double) train->n / (run->classes_n * weights[k]) : 1;
    }

    return MLOPS_OK;
}


static int
mlops_learn_class_of(mlops_learn_run_t *run, const mlops_str_t *name,
    const char *where, uint32_t *k)
{
    int          rc;
    size_t       old;

    for (*k = 0; *k < run->classes_n; (*k)++) {
        if (mlops_str_eq(&run->classes[*k], name->data, name->len)) {
            return MLOPS_OK;
        }
    }

    old = mlops_field_push(&run->recipe.field, where);
    rc = mlops_field_suggest(&run->recipe.field, name, "a class",
                             run->classes, run->classes_n);
    mlops_field_pop(&run->recipe.field, old);

    return rc;
}


static int
mlops_learn_given_weights(mlops_learn_run_t *run, double *weights)
{
    double              v;
    uint32_t            k;
    const mlops_doc_t  *doc;

    for (k = 0; k < run->classes_n; k++) {
        weights[k] = 1;
    }

    for (doc = run->recipe.class_weight->v.child; doc != NULL;
         doc = doc->next)
    {
        if (mlops_learn_class_of(run, &doc->key, "train.class_weight", &k)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (mlops_doc_double(doc, &v) != MLOPS_OK || !isfinite(v) || v < 0) {
            return mlops_err_set(run->err, "train.class_weight: expected a "
                                 "number from 0 on for \"%.*s\"",
                                 mlops_fmt(&doc->key));
        }

        weights[k] = v;
    }

    return MLOPS_OK;
}


static int
mlops_learn_keep(mlops_learn_run_t *run)
{
    double                    f;
    size_t                    old;
    uint32_t                  k;
    mlops_field_t            *field;
    const mlops_doc_t        *name;
    static const char *const  keys[] = { "class", "keep", NULL };

    if (run->recipe.sample == NULL) {
        return MLOPS_OK;
    }

    field = &run->recipe.field;
    old = mlops_field_push(field, "train.sample");

    if (mlops_field_keys(field, run->recipe.sample, keys, NULL) != MLOPS_OK
        || mlops_field_number(field, run->recipe.sample, "keep", 0, 1, NAN,
                              &f)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    name = mlops_doc_get(run->recipe.sample, "class");

    if (name == NULL
        || (name->type != MLOPS_DOC_STRING && name->type != MLOPS_DOC_NUMBER))
    {
        (void) mlops_field_push(field, "class");
        return mlops_field_fail(field, name, "a class");
    }

    if (f == 0) {
        return mlops_field_error(field, "keep: expected a number above 0, got "
                                 "0");
    }

    mlops_field_pop(field, old);

    if (mlops_learn_class_of(run, &name->v.text, "train.sample.class", &k)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    run->keep = mlops_arena_alloc(run->arena,
                                  run->classes_n * sizeof(double));
    if (run->keep == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (old = 0; old < run->classes_n; old++) {
        run->keep[old] = (old == k) ? f : 1;
    }

    return MLOPS_OK;
}


static int
mlops_learn_sampled(mlops_learn_run_t *run, const mlops_learn_part_t *from,
    mlops_learn_part_t *to)
{
    double    f;
    uint32_t  row;
    uint64_t  i;

    to->rows = malloc((from->n ? from->n : 1) * sizeof(uint32_t));
    to->n = 0;
    to->shared = 0;

    if (to->rows == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < from->n; i++) {
        row = from->rows[i];
        f = run->keep[(uint32_t) run->target[row]];

        if (f == 1
            || mlops_random_double(run->recipe.seed, MLOPS_LEARN_STREAM, row)
               < f)
        {
            to->rows[to->n++] = row;
        }
    }

    if (to->n == 0 && from->n != 0) {
        return mlops_err_set(run->err, "train.sample: no row is left of %llu",
                             (unsigned long long) from->n);
    }

    return MLOPS_OK;
}


void
mlops_learn_part_free(mlops_learn_part_t *part)
{
    if (!part->shared) {
        free(part->rows);
    }

    part->rows = NULL;
    part->n = 0;
}
