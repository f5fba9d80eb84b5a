/*
 * Folders made and removed.
 */

#include "mlops_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_FOLDER_OPEN  16           /* descriptors at a time */


char *
mlops_folder_make(const char *base, const char *name, mlops_err_t *err)
{
    char  *path;

    if (base == NULL) {
        base = getenv("TMPDIR");
        base = (base != NULL && base[0] != '\0') ? base : "/tmp";
    }

    if (asprintf(&path, "%s/%s.XXXXXX", base, name) == -1) {
        (void) mlops_err_set(err, "out of memory");
        return NULL;
    }

    if (mkdtemp(path) == NULL) {
        (void) mlops_err_set(err, "cannot make a folder in %s: %s", base,
                             strerror(errno));
        free(path);
        return NULL;
    }

    return path;
}


static int
mlops_folder_unlink(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;

    (void) remove(path);

    return 0;
}


void
mlops_folder_remove(const char *path)
{
    (void) nftw(path, mlops_folder_unlink, MLOPS_FOLDER_OPEN,
                FTW_DEPTH|FTW_PHYS);
}
