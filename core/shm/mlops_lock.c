/*
 * The lock: an open-file-description lock on a file of its own.
 *
 * The file gets its name together with its owner, so that a root that dies
 * halfway leaves no lock that the owner of the directory cannot open.  After
 * the lock is taken the name is looked at again: a lock on a file that was
 * removed meanwhile would lock out nobody.
 */

#include "mlops_file.h"
#include "mlops_clock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>


#define MLOPS_LOCK_POLL_MS  16


static int mlops_lock_open(int dir, const char *name, mlops_err_t *err);
static int mlops_lock_make(int dir, const char *name, mlops_err_t *err);
static int mlops_lock_wait(int fd, uint64_t deadline_ns);


int
mlops_file_lock(int dir, const char *name, uint32_t timeout_ms,
    mlops_err_t *err)
{
    int          fd;
    uint64_t     deadline_ns;
    struct stat  held, named;

    deadline_ns = mlops_clock_ns() + (uint64_t) timeout_ms * 1000000;

    for ( ;; ) {
        fd = mlops_lock_open(dir, name, err);

        if (fd == -1) {
            return -1;
        }

        if (mlops_lock_wait(fd, deadline_ns) != MLOPS_OK) {

            if (errno == EAGAIN || errno == EACCES) {
                (void) mlops_err_set(err, "the lock \"%s\" is held by another "
                                     "process: waited %u ms", name,
                                     (unsigned) timeout_ms);

            } else {
                (void) mlops_file_fail(err, "fcntl(F_OFD_SETLK)", dir, name);
            }

            (void) close(fd);
            return -1;
        }

        if (fstat(fd, &held) == 0
            && fstatat(dir, name, &named, AT_SYMLINK_NOFOLLOW) == 0
            && held.st_dev == named.st_dev && held.st_ino == named.st_ino)
        {
            mlops_fault("lock-held");
            return fd;
        }

        (void) close(fd);
    }
}


static int
mlops_lock_open(int dir, const char *name, mlops_err_t *err)
{
    int          fd, i;
    struct stat  st;

    for (i = 0; i < 8; i++) {
        fd = openat(dir, name, O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

        if (fd != -1) {

            if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
                return fd;
            }

            (void) close(fd);
            (void) mlops_err_set(err, "the lock \"%s\" is not a regular file",
                                 name);
            return -1;
        }

        if (errno != ENOENT) {
            break;
        }

        if (mlops_lock_make(dir, name, err) != MLOPS_OK) {
            return -1;
        }
    }

    return mlops_file_fail(err, "open()", dir, name);
}


static int
mlops_lock_make(int dir, const char *name, mlops_err_t *err)
{
    uid_t        uid;
    gid_t        gid;
    char         tmp[MLOPS_TMP_SIZE];
    struct stat  st;

    uid = (uid_t) -1;
    gid = (gid_t) -1;

    if (geteuid() == 0 && fstat(dir, &st) == 0 && st.st_uid != 0) {
        uid = st.st_uid;
        gid = st.st_gid;
    }

    if (mlops_file_write(dir, NULL, 0, 0600, uid, gid, 0, tmp, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_file_commit(dir, tmp, name, 1, 0, err) != MLOPS_OK
        && errno != EEXIST)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


/* There is no wait with a time limit but an alarm's: it is asked for again
 * and again, at most 62 times a second. */

static int
mlops_lock_wait(int fd, uint64_t deadline_ns)
{
    uint32_t         pause_ms;
    struct flock     lock;
    struct timespec  ts;

    memset(&lock, 0, sizeof(lock));

    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;

    for (pause_ms = 1; /* void */ ; pause_ms *= 2) {

        if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
            return MLOPS_OK;
        }

        if (errno == EINTR) {
            continue;
        }

        if ((errno != EAGAIN && errno != EACCES)
            || mlops_clock_ns() >= deadline_ns)
        {
            return MLOPS_ERROR;
        }

        if (pause_ms > MLOPS_LOCK_POLL_MS) {
            pause_ms = MLOPS_LOCK_POLL_MS;
        }

        ts.tv_sec = 0;
        ts.tv_nsec = (long) pause_ms * 1000000;

        (void) nanosleep(&ts, NULL);
    }
}
