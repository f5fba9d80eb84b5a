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


/* What a path is, links followed. */

typedef struct {
    const char  *path;              /* of the file, which may be new */
    char         real[PATH_MAX];
    mode_t       mode;              /* its; 0: it is new */
    unsigned     into:1;            /* a device or a pipe */
} mlopsctl_write_t;


static int mlopsctl_write_find(const char *path, mlopsctl_write_t *to,
    mlops_err_t *err);
static char *mlopsctl_write_folder(const char *path);
static int mlopsctl_write_may(const mlopsctl_write_t *to, mlops_err_t *err);
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
    int                rc;
    mlopsctl_write_t   to;

    rc = mlopsctl_write_find(path, &to, err);

    if (rc == MLOPS_OK && to.into) {
        rc = mlopsctl_write_into(path, data, len, err);

    } else if (rc == MLOPS_OK) {
        mode = to.mode ? ((mode & to.mode) | S_IRUSR) : mode;
        rc = mlopsctl_write_over(to.path, data, len, mode, err);
    }

    return (rc == MLOPS_OK) ? rc : mlops_err_prefix(err, "%s", path);
}


int
mlopsctl_place(const char *path)
{
    mlops_err_t        err;
    mlopsctl_write_t   to;

    if (mlopsctl_write_find(path, &to, &err) != MLOPS_OK
        || mlopsctl_write_may(&to, &err) != MLOPS_OK)
    {
        return mlopsctl_failed("%s: %s", path, err.text);
    }

    return MLOPSCTL_DONE;
}


static int
mlopsctl_write_find(const char *path, mlopsctl_write_t *to, mlops_err_t *err)
{
    int          error;
    struct stat  st;

    memset(to, 0, sizeof(*to));
    to->path = path;

    if (stat(path, &st) == -1) {
        error = errno;

        /* of a new one its folder says what is wrong */

        if (lstat(path, &st) == -1) {
            return MLOPS_OK;
        }

        return (error == ENOENT)
               ? mlops_err_set(err, "a link to nothing that is there")
               : mlops_err_set(err, "%s", strerror(error));
    }

    if (S_ISDIR(st.st_mode)) {
        return mlops_err_set(err, "is a directory");
    }

    if (!S_ISREG(st.st_mode)) {
        to->into = 1;
        return MLOPS_OK;
    }

    if (realpath(path, to->real) == NULL) {
        return mlops_err_set(err, "realpath() failed: %s", strerror(errno));
    }

    to->path = to->real;
    to->mode = st.st_mode;

    return MLOPS_OK;
}


/* A file that is there is replaced: its folder says whether it may be. */

static int
mlopsctl_write_may(const mlopsctl_write_t *to, mlops_err_t *err)
{
    int    rc;
    char  *folder;

    if (to->into) {
        return (access(to->path, W_OK) == -1)
               ? mlops_err_set(err, "%s", strerror(errno)) : MLOPS_OK;
    }

    folder = mlopsctl_write_folder(to->path);

    if (folder == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    rc = (access(folder, W_OK|X_OK) == -1)
         ? mlops_err_set(err, "%s: %s", folder, strerror(errno)) : MLOPS_OK;

    free(folder);

    return rc;
}


static char *
mlopsctl_write_folder(const char *path)
{
    const char  *slash;

    slash = strrchr(path, '/');

    return slash ? strndup(path, (size_t) (slash - path) + 1) : strdup(".");
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

    folder = mlopsctl_write_folder(path);

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
