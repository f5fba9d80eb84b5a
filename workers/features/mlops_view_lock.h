/*
 * Who works on a view: two locks (OFD), whose files have the holder's pid.
 *
 *     <store>/features/.lock.<view>    writes its tables
 *     <state>/<view>/.lock             writes its checkpoints and log
 */

#ifndef MLOPS_VIEW_LOCK_H
#define MLOPS_VIEW_LOCK_H


#include "mlops_base.h"


/* The directory <state>/<view>, made where it is missing.  -1: err. */
int mlops_view_state(const char *state, const char *view, mlops_err_t *err);

/* The descriptor that holds the lock, or -1: err says which process has it
 * after 2 seconds. */
int mlops_view_lock_store(int features, const char *view, mlops_err_t *err);
int mlops_view_lock_state(int dir, const char *state, const char *view,
    mlops_err_t *err);


#endif /* MLOPS_VIEW_LOCK_H */
