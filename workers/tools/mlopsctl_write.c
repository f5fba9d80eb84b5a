/*
 * Files that mlopsctl leaves: a temporary one takes its name at the end, so
 * that a reader sees all of it or the one before, whatever is killed.
 */

#include "mlopsctl.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>


int
mlopsctl_write(const char *path, const void *data, size_t len, mode_t mode,
    mlops_err_t *err)
{
    int          rc, dir;
    char         tmp[MLOPS_TMP_SIZE], *folder;
    const char  *slash, *name;

    slash = strrchr(path, '/');
    name = slash ? slash + 1 : path;

    folder = slash ? strndup(path, (size_t) (slash - path) + 1)
                   : strdup(".");
    if (folder == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    dir = open(folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        (void) mlops_err_set(err, "%s: %s", folder, strerror(errno));
        free(folder);

        return MLOPS_ERROR;
    }

    free(folder);

    rc = mlops_file_write(dir, data, len, mode, (uid_t) -1, (gid_t) -1, 1,
                          tmp, err);

    if (rc == MLOPS_OK) {
        rc = mlops_file_commit(dir, tmp, name, 0, 1, err);
    }

    (void) close(dir);

    return (rc == MLOPS_OK) ? rc : mlops_err_prefix(err, "%s", path);
}
