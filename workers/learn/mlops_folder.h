/*
 * Folders for a run's own files: made empty, removed with all they hold.
 */

#ifndef MLOPS_FOLDER_H
#define MLOPS_FOLDER_H


#include "mlops_base.h"


/* Makes NAME.XXXXXX, 0700, in base (NULL: in $TMPDIR, or else /tmp).  Returns
 * its path, malloc'ed; NULL: err. */
char *mlops_folder_make(const char *base, const char *name,
    mlops_err_t *err);

/* Removes path and what is below it; links are removed, not followed.  What
 * cannot be removed stays, path that is not there is none. */
void mlops_folder_remove(const char *path);


#endif /* MLOPS_FOLDER_H */
