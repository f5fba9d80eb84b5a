/*
 * What an image says of its training, and rows of a run as a model's inputs.
 * Internal to workers/learn.
 *
 * facts.metadata.training:
 *
 *     recipe, recipe_sha256     the training recipe's text as it was read
 *     settings                  "name=value", in order
 *     seed
 *     data                      sha256, bytes and rows of the file
 *     rows                      of each part; left out for which reason
 *     classes
 *     prediction                the image's cells that were judged, or null
 *     metrics                   by part and name: value, lo, hi
 *     steps                     of each fitted step: its number, kind and
 *                               fit; parent and state, path and digest of
 *                               what it went on from, and of what it leaves;
 *                               report: what it found, unless that is too
 *                               long for an image; null where all is
 */

#ifndef MLOPS_LEARN_FACTS_H
#define MLOPS_LEARN_FACTS_H


#include "mlops_learn_run.h"
#include "mlops_model.h"


#define MLOPS_LEARN_NO_CELL  UINT32_MAX


/* reports NULL: they are left out. */
int mlops_learn_facts(mlops_learn_run_t *run,
    const mlops_import_text_t *reports, const uint32_t *cell,
    mlops_import_text_t *text);

/* "rmse":{"value":…,"lo":…,"hi":…}, members of an object. */
void mlops_learn_facts_values(const mlops_learn_score_t *score,
    mlops_import_text_t *text);

/* A number, or null where it is not finite. */
void mlops_learn_facts_number(mlops_import_text_t *text, double value);

/* Rows of columns as rows of a model's inputs: names are theirs in the
 * recipe.  An error names an input that the columns have not, or not as what
 * it is. */
int mlops_learn_cells_of(const mlops_columns_t *columns,
    const mlops_str_t *names, const uint32_t *numbers, uint32_t n,
    mlops_rows_t *rows, mlops_arena_t *arena, mlops_err_t *err);

/* The recipe's names of the n inputs of the default signature. */
mlops_str_t *mlops_learn_input_names(const mlops_learn_recipe_t *recipe,
    uint32_t n, mlops_arena_t *arena, mlops_err_t *err);

/* Does some step of the default signature write the cell? */
int mlops_learn_computes(const mlops_model_t *model, uint32_t cell);


#endif /* MLOPS_LEARN_FACTS_H */
