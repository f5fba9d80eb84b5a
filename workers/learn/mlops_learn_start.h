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
 *
 * Files are renamed one by one: of two such steps one could have its new state
 * and the other one its old, so a recipe has one at most, and it is the last
 * that is renamed.  While that is done its place is locked by a file beside
 * it, ".lock.NAME", and a run that has read what another one has replaced
 * since puts nothing in place (mlops_learned_claim).
 */

#ifndef MLOPS_LEARN_START_H
#define MLOPS_LEARN_START_H


#include "mlops_apart.h"
#include "mlops_learn_run.h"


#define MLOPS_LEARN_LOCK  ".lock."      /* the name of a state behind it */


/* Are the recipe's files apart from these, and from each other?  plain: what
 * stands beside the plain recipe there, too, or NULL.  aside: states are not
 * written. */
int mlops_learn_apart(mlops_learn_recipe_t *recipe,
    const mlops_apart_t *files, uint32_t files_n, const char *plain,
    int aside);

/* Before rows are read: the same of a run; states can take their places; of a
 * run that is done again, starts are those that the image was made from. */
int mlops_learn_starts(mlops_learn_run_t *run);

/* The digest in the head of an image or a state, which whoever loads it
 * compares with its bytes. */
int mlops_learn_file_digest(int dir, const char *name,
    char digest[MLOPS_FIT_DIGEST], mlops_err_t *err);

/* Drops what a run would have left: its lock, its temporary file. */
void mlops_learned_drop(mlops_learn_state_t *state);

/* Behind the rows: may they be learned from where the run starts? */
int mlops_learn_once(mlops_learn_run_t *run);


#endif /* MLOPS_LEARN_START_H */
