/*
 * The directory of a view's state, and the locks of a view.
 */

#include "mlops_view_lock.h"
#include "mlops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_VIEW_LOCK_MS    2000
#define MLOPS_VIEW_PATH_SIZE  1100


static int mlops_view_lock(int dir, const char *name, const char *view,
    const char *where, mlops_err_t *err);


int
mlops_view_state(const char *state, const char *view, mlops_err_t *err)
{
    int   fd;
    char  path[MLOPS_VIEW_PATH_SIZE];

    (void) snprintf(path, sizeof(path), "%s", state);

    if (mkdir(path, 0750) == 0 || errno == EEXIST) {
        (void) snprintf(path, sizeof(path), "%s/%s", state, view);

        if (mkdir(path, 0750) == 0 || errno == EEXIST) {
            fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

            if (fd != -1) {
                return fd;
            }
        }
    }

    (void) mlops_err_set(err, "cannot make or open the directory \"%s\": %s",
                         path, strerror(errno));

    return -1;
}


int
mlops_view_lock_store(int features, const char *view, mlops_err_t *err)
{
    char  name[80];

    (void) snprintf(name, sizeof(name), ".lock.%s", view);

    return mlops_view_lock(features, name, view, "features/ of the store",
                           err);
}


int
mlops_view_lock_state(int dir, const char *state, const char *view,
    mlops_err_t *err)
{
    char  where[MLOPS_VIEW_PATH_SIZE];

    (void) snprintf(where, sizeof(where), "%s/%s", state, view);

    return mlops_view_lock(dir, ".lock", view, where, err);
}


static int
mlops_view_lock(int dir, const char *name, const char *view,
    const char *where, mlops_err_t *err)
{
    int      lock, fd, n;
    char     pid[24];
    ssize_t  len;

    lock = mlops_file_lock(dir, name, MLOPS_VIEW_LOCK_MS, err);

    if (lock != -1) {
        n = snprintf(pid, sizeof(pid), "%-10d\n", (int) getpid());

        /* a full store must not stop what works in it: without a pid the
         * text of those who wait is poorer, nothing else */

        if (pwrite(lock, pid, (size_t) n, 0) == -1) {
            errno = 0;
        }

        return lock;
    }

    fd = openat(dir, name, O_RDONLY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    len = read(fd, pid, sizeof(pid) - 1);
    (void) close(fd);

    if (len > 1) {
        pid[len] = '\0';
        pid[strcspn(pid, " \n")] = '\0';
        (void) mlops_err_set(err, "view \"%s\" is the work of process %s, "
                             "which holds the lock \"%s\" of %s", view, pid,
                             name, where);
    }

    return -1;
}
