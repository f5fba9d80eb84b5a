/*
 * States that a run leaves: how they take their places.
 */

#include "mlops_learn_start.h"
#include "mlops_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


/* A holder writes an image, trained before. */

#define MLOPS_LEARN_LOCK_MS  30000


static int mlops_learned_lock(mlops_learn_state_t *state, mlops_err_t *err);
static int mlops_learned_rename(mlops_learn_state_t *state, mlops_err_t *err);


static const char *
mlops_learned_name(const mlops_learn_state_t *state)
{
    const char  *slash;

    slash = strrchr(state->path, '/');

    return slash ? slash + 1 : state->path;
}


static void
mlops_learned_lock_name(const mlops_learn_state_t *state,
    char name[NAME_MAX + 1])
{
    (void) snprintf(name, NAME_MAX + 1, "%s%s", MLOPS_LEARN_LOCK,
                    mlops_learned_name(state));
}


int
mlops_learned_claim(mlops_learned_t *learned, mlops_err_t *err)
{
    uint32_t              i;
    mlops_learn_state_t  *state;

    for (i = 0; i < learned->states_n; i++) {
        state = &learned->states[i];

        if (state->lock == -1
            && mlops_learned_lock(state, err) != MLOPS_OK)
        {
            return mlops_err_prefix(err, "steps[%u].state", state->step);
        }
    }

    return MLOPS_OK;
}


static int
mlops_learned_lock(mlops_learn_state_t *state, mlops_err_t *err)
{
    char  name[NAME_MAX + 1], digest[MLOPS_FIT_DIGEST];

    mlops_learned_lock_name(state, name);

    state->lock = mlops_file_lock(state->dir, name, MLOPS_LEARN_LOCK_MS, err);

    if (state->lock == -1) {
        return mlops_err_prefix(err, "%s", state->path);
    }

    if (state->from[0] == '\0') {
        return MLOPS_OK;
    }

    if (mlops_learn_file_digest(state->dir, mlops_learned_name(state), digest,
                                err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (strcmp(digest, state->from) == 0) {
        return MLOPS_OK;
    }

    return mlops_err_set(err, "%s was replaced by another run meanwhile: it "
                         "has the digest %s, this run went on from %s; "
                         "nothing is written, do it again", state->path,
                         digest, state->from);
}


/* A state that its step went on from is the last: a run that is killed before
 * can be done again from there. */

int
mlops_learned_keep(mlops_learned_t *learned, mlops_err_t *err)
{
    int                   last;
    uint32_t              i;
    mlops_learn_state_t  *state;

    if (mlops_learned_claim(learned, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (last = 0; last < 2; last++) {

        for (i = 0; i < learned->states_n; i++) {
            state = &learned->states[i];

            if ((state->from[0] != '\0') == last
                && mlops_learned_rename(state, err) != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }
        }
    }

    return MLOPS_OK;
}


static int
mlops_learned_rename(mlops_learn_state_t *state, mlops_err_t *err)
{
    int  rc;

    mlops_fault("train_state");

    rc = mlops_file_commit(state->dir, state->tmp, mlops_learned_name(state),
                           0, 1, err);

    /* it has its name, or it is removed */

    state->tmp[0] = '\0';

    return (rc == MLOPS_OK) ? rc
                            : mlops_err_prefix(err, "steps[%u].state: %s",
                                               state->step, state->path);
}


/* The lock's file goes while it is held: who waits for it finds another. */

void
mlops_learned_drop(mlops_learn_state_t *state)
{
    char  name[NAME_MAX + 1];

    if (state->tmp[0] != '\0') {
        (void) unlinkat(state->dir, state->tmp, 0);
    }

    if (state->lock != -1) {
        mlops_learned_lock_name(state, name);

        (void) unlinkat(state->dir, name, 0);
        (void) close(state->lock);
    }

    (void) close(state->dir);
    free(state->path);
}
