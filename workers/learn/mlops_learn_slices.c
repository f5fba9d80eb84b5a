/*
 * The gate's metrics apart by the values of cells, for the report of a run.
 */

#include "mlops_learn_run.h"
#include "mlops_slices.h"

#include <stdlib.h>


static int mlops_learn_slice_cell(mlops_learn_run_t *run,
    mlops_learn_chain_t *chain, const mlops_str_t *name);
static int mlops_learn_slice(mlops_learn_run_t *run,
    mlops_learn_chain_t *chain, const mlops_str_t *name,
    const mlops_slices_t *slices, uint32_t wanted);


int
mlops_learn_slices(mlops_learn_run_t *run, mlops_learn_chain_t *chain)
{
    const mlops_doc_t  *doc;

    if (run->recipe.slices == NULL || run->parts[MLOPS_PART_GATE].n == 0) {
        return MLOPS_OK;
    }

    for (doc = run->recipe.slices->v.child; doc != NULL; doc = doc->next) {

        if (mlops_learn_slice_cell(run, chain, &doc->v.text) != MLOPS_OK) {
            return mlops_err_prefix(run->err, "train.slices");
        }
    }

    return MLOPS_OK;
}


static int
mlops_learn_slice_cell(mlops_learn_run_t *run, mlops_learn_chain_t *chain,
    const mlops_str_t *name)
{
    int                         rc;
    uint32_t                    i;
    mlops_slices_t              slices;
    const mlops_learn_part_t   *gate;
    const mlops_columns_one_t  *one;

    one = mlops_columns_find(&run->columns, name->data, name->len);

    if (one == NULL || one->view.data == NULL) {
        return mlops_err_set(run->err, "neither %s nor a step of train.rows "
                             "has \"%.*s\"", run->options->rows,
                             mlops_fmt(name));
    }

    gate = &run->parts[MLOPS_PART_GATE];
    rc = mlops_slices_make(&slices, one, gate->rows, gate->n, run->err);

    for (i = 0; i < slices.n && rc == MLOPS_OK; i++) {
        rc = mlops_learn_slice(run, chain, name, &slices, i);
    }

    mlops_slices_free(&slices);

    return rc;
}


static int
mlops_learn_slice(mlops_learn_run_t *run, mlops_learn_chain_t *chain,
    const mlops_str_t *name, const mlops_slices_t *slices, uint32_t wanted)
{
    int                        rc;
    uint64_t                   i;
    mlops_learned_t           *learned;
    mlops_learn_part_t         part;
    mlops_learn_slice_t       *slice;
    const mlops_learn_part_t  *gate;

    learned = run->learned;
    gate = &run->parts[MLOPS_PART_GATE];

    if (learned->slices_n == MLOPS_LEARN_SLICES) {
        return mlops_err_set(run->err, "expected at most %u slices, got more",
                             MLOPS_LEARN_SLICES);
    }

    slice = realloc(learned->slices, ((size_t) learned->slices_n + 1)
                                     * sizeof(mlops_learn_slice_t));
    if (slice == NULL) {
        return mlops_err_set(run->err, "out of memory");
    }

    learned->slices = slice;
    slice += learned->slices_n;
    learned->slices_n++;

    memset(&part, 0, sizeof(part));
    memset(slice, 0, sizeof(mlops_learn_slice_t));

    slice->cell = strndup(name->data, name->len);
    slice->value = strdup(slices->names[wanted]);
    part.rows = malloc((size_t) gate->n * sizeof(uint32_t));

    if (slice->cell == NULL || slice->value == NULL || part.rows == NULL) {
        mlops_learn_part_free(&part);
        return mlops_err_set(run->err, "out of memory");
    }

    for (i = 0; i < gate->n; i++) {
        if (slices->of[i] == wanted) {
            part.rows[part.n++] = gate->rows[i];
        }
    }

    rc = mlops_learn_score(run, "gate", &part, chain->predicted,
                           &slice->score);
    mlops_learn_part_free(&part);

    return rc;
}
