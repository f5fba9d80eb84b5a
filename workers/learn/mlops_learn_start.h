/*
 * Files that a recipe's steps name: what they go on from (start), what they
 * keep (state), models of ordinary steps (file).  Internal to workers/learn.
 *
 * A run replaces states after its image is in place.  So a run that died in
 * between left an image that says of a state what is not so, and the same
 * command, with the old state, makes both once more.  What must not happen is
 * told by the image in place, whose facts have the digests of the states that
 * it was made from and that it left, where a step's start and state are one
 * file:
 *
 *     start is the state that it left, and the rows are its rows
 *         they would be learned twice
 *     start is the state it was made from, and the rows are others
 *         its run did not come to its end: its rows would be lost
 */

#ifndef MLOPS_LEARN_START_H
#define MLOPS_LEARN_START_H


#include "mlops_apart.h"
#include "mlops_learn_run.h"


/* Are the recipe's files apart from these, and from each other?  plain: what
 * stands beside the plain recipe there, too, or NULL.  aside: states are not
 * written. */
int mlops_learn_apart(mlops_learn_recipe_t *recipe,
    const mlops_apart_t *files, uint32_t files_n, const char *plain,
    int aside);

/* Before rows are read: the same of a run; states can take their places; of a
 * run that is done again, starts are those that the image was made from. */
int mlops_learn_starts(mlops_learn_run_t *run);

/* Behind the rows: may they be learned from where the run starts? */
int mlops_learn_once(mlops_learn_run_t *run);


#endif /* MLOPS_LEARN_START_H */
