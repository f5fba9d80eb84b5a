/*
 * Which rows are for what: filters and split of a run.
 */

#include "mlops_learn_run.h"
#include "mlops_random.h"

#include <math.h>
#include <stdlib.h>


static int mlops_learn_parts(mlops_learn_run_t *run, uint8_t *part);
static int mlops_learn_random(mlops_learn_run_t *run, uint8_t *part);


int
mlops_learn_filter(mlops_learn_run_t *run)
{
    if (run->recipe.filters != NULL && run->recipe.filters->n != 0) {
        return mlops_err_set(run->err, "train.rows.filters: not yet");
    }

    return MLOPS_OK;
}


int
mlops_learn_filter_train(mlops_learn_run_t *run)
{
    (void) run;

    return MLOPS_OK;
}


int
mlops_learn_split(mlops_learn_run_t *run)
{
    int       rc;
    uint8_t  *part;

    part = calloc((size_t) run->frame.rows_n + 1, 1);
    if (part == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    rc = run->recipe.split ? mlops_learn_random(run, part) : MLOPS_OK;

    if (rc == MLOPS_OK) {
        rc = mlops_learn_parts(run, part);
    }

    free(part);

    return rc;
}


/* Part numbers of rows become lists. */

static int
mlops_learn_parts(mlops_learn_run_t *run, uint8_t *part)
{
    uint64_t             i;
    uint32_t             k;
    mlops_learn_part_t  *parts;

    parts = run->parts;

    for (i = 0; i < run->frame.rows_n; i++) {

        if (run->gone[i]) {
            part[i] = MLOPS_PART_N;

        } else if (part[i] < MLOPS_PART_N) {
            parts[part[i]].n++;
        }
    }

    for (k = 0; k < MLOPS_PART_N; k++) {
        parts[k].rows = malloc((size_t) (parts[k].n + 1) * sizeof(uint32_t));

        if (parts[k].rows == NULL) {
            return mlops_err_set(run->err, "out of memory");
        }

        parts[k].n = 0;
    }

    for (i = 0; i < run->frame.rows_n; i++) {

        if (part[i] < MLOPS_PART_N) {
            parts[part[i]].rows[parts[part[i]].n++] = (uint32_t) i;
        }
    }

    if (parts[MLOPS_PART_TRAIN].n == 0) {
        return mlops_err_set(run->err, "%s: expected rows to train on, got "
                             "none of %llu: %llu have no target, %llu were "
                             "filtered", run->options->rows,
                             (unsigned long long) run->frame.rows_n,
                             (unsigned long long) run->gone_target_n,
                             (unsigned long long) run->gone_filter_n);
    }

    return MLOPS_OK;
}


/* The gate is the first of the permutation, then calibrate, tune, train. */

static int
mlops_learn_random(mlops_learn_run_t *run, uint8_t *part)
{
    double        fraction;
    int64_t       seed;
    uint32_t      i, k, n, at, *left, *order;
    uint64_t      count;
    mlops_mt_t    mt;

    n = 0;
    left = malloc((size_t) run->frame.rows_n * 2 * sizeof(uint32_t) + 1);

    if (left == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < run->frame.rows_n; i++) {
        if (!run->gone[i]) {
            left[n++] = i;
        }
    }

    order = left + run->frame.rows_n;

    if (mlops_field_int(&run->recipe.field, run->recipe.split, "seed", 0,
                        UINT32_MAX, 1, &seed)
        != MLOPS_OK)
    {
        free(left);
        return MLOPS_ERROR;
    }

    mlops_mt_init(&mt, (uint32_t) seed);
    mlops_mt_permutation(&mt, order, n);

    for (k = MLOPS_PART_N, at = 0; k-- > 1; /* void */ ) {

        if (mlops_field_number(&run->recipe.field, run->recipe.split,
                               mlops_part_names[k], 0, 1, 0, &fraction)
            != MLOPS_OK)
        {
            free(left);
            return MLOPS_ERROR;
        }

        for (count = (uint64_t) ceil(n * fraction); count > 0 && at < n;
             count--)
        {
            part[left[order[at++]]] = (uint8_t) k;
        }
    }

    free(left);

    return MLOPS_OK;
}
