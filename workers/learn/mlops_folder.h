/*
 * Folders for a run's own files: made empty, removed with all they hold.
 *
 * The owner holds a lock (flock) of the folder while it lives.  Whoever makes
 * another one takes the locks that are free, and removes those folders; a
 * folder that was taken so between its making and its locking is made again.
 */

#ifndef MLOPS_FOLDER_H
#define MLOPS_FOLDER_H


#include "mlops_base.h"


/* Makes NAME.tmp.XXXXXX, 0700, in base (NULL: in $TMPDIR, or else /tmp), and
 * removes those of that name whose owners are gone.  Returns its path,
 * malloc'ed; NULL: err.  *lock says that there is an owner: it is closed
 * once the folder is removed. */
char *mlops_folder_make(const char *base, const char *name, int *lock,
    mlops_err_t *err);

/* Removes path and what is below it; links are removed, not followed.  What
 * cannot be removed stays, path that is not there is none. */
void mlops_folder_remove(const char *path);


#endif /* MLOPS_FOLDER_H */
