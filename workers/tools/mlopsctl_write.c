/*
 * Files that mlopsctl leaves: a temporary one takes its name at the end, so
 * that a reader sees all of it or the one before, whatever is killed.
 */

#include "mlopsctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static int mlopsctl_write_over(const char *path, const void *data,
    size_t len, mode_t mode, mlops_err_t *err);
static int mlopsctl_write_into(const char *path, const void *data,
    size_t len, mlops_err_t *err);


int
mlopsctl_apart(const mlops_apart_t *files, size_t n)
{
    mlops_err_t  err;

    if (mlops_apart_check(files, n, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    return MLOPSCTL_DONE;
}


int
mlopsctl_write(const char *path, const void *data, size_t len, mode_t mode,
    mlops_err_t *err)
{
    int          rc;
    char         real[PATH_MAX];
    struct stat  st;

    if (stat(path, &st) == -1) {

        rc = (lstat(path, &st) == 0)
             ? mlops_err_set(err, "a link to nothing that is there")
             : mlopsctl_write_over(path, data, len, mode, err);

    } else if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {

        rc = (realpath(path, real) == NULL)
             ? mlops_err_set(err, "realpath() failed: %s", strerror(errno))
             : mlopsctl_write_over(real, data, len,
                                   (mode & st.st_mode) | S_IRUSR, err);

    } else {
        rc = mlopsctl_write_into(path, data, len, err);
    }

    return (rc == MLOPS_OK) ? rc : mlops_err_prefix(err, "%s", path);
}


static int
mlopsctl_write_over(const char *path, const void *data, size_t len,
    mode_t mode, mlops_err_t *err)
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

    return rc;
}


/* What is no file has no whole contents that another could take the place
 * of. */

static int
mlopsctl_write_into(const char *path, const void *data, size_t len,
    mlops_err_t *err)
{
    int  rc, fd;

    fd = open(path, O_WRONLY|O_CLOEXEC|O_NOCTTY);

    if (fd == -1) {
        return mlops_err_set(err, "open() failed: %s", strerror(errno));
    }

    rc = mlops_file_put(fd, data, len);

    if (rc != MLOPS_OK) {
        (void) mlops_err_set(err, "write() failed: %s", strerror(errno));
    }

    if (close(fd) == -1 && rc == MLOPS_OK) {
        rc = mlops_err_set(err, "close() failed: %s", strerror(errno));
    }

    return rc;
}
