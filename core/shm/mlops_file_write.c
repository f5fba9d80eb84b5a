/*
 * Immutable files, the writer's side: temporary files and links, and how they
 * get their names.
 */

#include "mlops_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>


#define MLOPS_TMP_PREFIX  ".tmp."


static void mlops_tmp_name(char tmp[MLOPS_TMP_SIZE]);
static int mlops_tmp_dead(const char *tmp);
static int mlops_tmp_started(long pid, unsigned long long *ticks);
static int mlops_file_reserve(int fd, size_t len, mlops_err_t *err);
static void mlops_file_drop(int dir, int fd, const char *tmp);


int
mlops_file_write(int dir, const void *data, size_t len, mode_t mode,
    uid_t uid, gid_t gid, int durable, char tmp[MLOPS_TMP_SIZE],
    mlops_err_t *err)
{
    int  fd;

    fd = mlops_file_begin(dir, len, tmp, err);

    if (fd == -1) {
        return MLOPS_ERROR;
    }

    if (mlops_file_put(fd, data, len) != MLOPS_OK) {
        (void) mlops_file_fail(err, "write()", dir, tmp);
        mlops_file_drop(dir, fd, tmp);
        return MLOPS_ERROR;
    }

    if (mlops_file_seal(fd, mode, uid, gid, durable, err) != MLOPS_OK) {
        mlops_file_drop(dir, fd, tmp);
        return MLOPS_ERROR;
    }

    (void) close(fd);

    return MLOPS_OK;
}


int
mlops_file_put(int fd, const void *data, size_t len)
{
    ssize_t      n;
    const char  *p;

    p = data;

    while (len > 0) {
        n = write(fd, p, len);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == -1) {
            return MLOPS_ERROR;
        }

        p += n;
        len -= (size_t) n;
    }

    return MLOPS_OK;
}


int
mlops_file_copy(int dir, int src, size_t len, const char *magic, mode_t mode,
    uid_t uid, gid_t gid, char tmp[MLOPS_TMP_SIZE], mlops_err_t *err)
{
    int  fd;

    fd = mlops_file_begin(dir, len, tmp, err);

    if (fd == -1) {
        return MLOPS_ERROR;
    }

    if (mlops_file_check(src, len, magic, fd, err) != MLOPS_OK
        || mlops_file_seal(fd, mode, uid, gid, 0, err) != MLOPS_OK)
    {
        mlops_file_drop(dir, fd, tmp);
        return MLOPS_ERROR;
    }

    (void) close(fd);

    return MLOPS_OK;
}


int
mlops_file_commit(int dir, const char *tmp, const char *name, int exclusive,
    int durable, mlops_err_t *err)
{
    int  rc;

    mlops_fault("commit-begin");

    rc = exclusive ? linkat(dir, tmp, dir, name, 0)
                   : renameat(dir, tmp, dir, name);

    if (rc == -1) {
        (void) mlops_file_fail(err, exclusive ? "link()" : "rename()", dir,
                               name);
        mlops_file_drop(dir, -1, tmp);
        return MLOPS_ERROR;
    }

    mlops_fault("commit-named");

    if (exclusive) {
        (void) unlinkat(dir, tmp, 0);
        mlops_fault("commit-unlinked");
    }

    if (!durable || mlops_file_sync_dir(dir, err) == MLOPS_OK) {
        return MLOPS_OK;
    }

    /* where there was nothing before there is nothing again; what was
     * replaced cannot be brought back */

    if (exclusive) {
        mlops_file_drop(dir, -1, name);
    }

    return MLOPS_ERROR;
}


int
mlops_file_link(int dir, const char *target, const char *name, int durable,
    mlops_err_t *err)
{
    char  tmp[MLOPS_TMP_SIZE];

    mlops_tmp_name(tmp);

    if (symlinkat(target, dir, tmp) == -1) {
        return mlops_file_fail(err, "symlink()", dir, name);
    }

    mlops_fault("link-made");

    if (renameat(dir, tmp, dir, name) == -1) {
        (void) mlops_file_fail(err, "rename()", dir, name);
        mlops_file_drop(dir, -1, tmp);
        return MLOPS_ERROR;
    }

    mlops_fault("link-moved");

    return durable ? mlops_file_sync_dir(dir, err) : MLOPS_OK;
}


int
mlops_file_mkdir(int dir, const char *name, mode_t mode, uid_t uid, gid_t gid,
    int durable, mlops_err_t *err)
{
    int          fd;
    char         tmp[MLOPS_TMP_SIZE];
    struct stat  st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        return MLOPS_OK;
    }

    mlops_tmp_name(tmp);

    if (mkdirat(dir, tmp, 0700) == -1) {
        return mlops_file_fail(err, "mkdir()", dir, name);
    }

    mlops_fault("mkdir-made");

    fd = openat(dir, tmp, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        (void) mlops_file_fail(err, "open()", dir, tmp);
        goto failed;
    }

    if ((uid != (uid_t) -1 || gid != (gid_t) -1) && fchown(fd, uid, gid) == -1)
    {
        (void) mlops_file_fail(err, "chown()", dir, name);
        goto failed;
    }

    if (fchmod(fd, mode) == -1) {
        (void) mlops_file_fail(err, "chmod()", dir, name);
        goto failed;
    }

    (void) close(fd);
    fd = -1;

    /* onto a directory that came in between rename works where that is empty,
     * and then they are the same */

    if (renameat(dir, tmp, dir, name) == -1 && errno != ENOTEMPTY
        && errno != EEXIST)
    {
        (void) mlops_file_fail(err, "rename()", dir, name);
        goto failed;
    }

    mlops_fault("mkdir-named");

    (void) unlinkat(dir, tmp, AT_REMOVEDIR);

    return durable ? mlops_file_sync_dir(dir, err) : MLOPS_OK;

failed:

    if (fd != -1) {
        (void) close(fd);
    }

    (void) unlinkat(dir, tmp, AT_REMOVEDIR);

    return MLOPS_ERROR;
}


int
mlops_file_sync_dir(int dir, mlops_err_t *err)
{
    /* some file systems cannot sync a directory, and need not */

    if (fsync(dir) == -1 && errno != EINVAL && errno != EROFS) {
        return mlops_file_fail(err, "fsync()", dir, "");
    }

    return MLOPS_OK;
}


int
mlops_file_sweep(int dir)
{
    int             fd, n;
    DIR            *stream;
    struct dirent  *entry;

    fd = openat(dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        return 0;
    }

    stream = fdopendir(fd);

    if (stream == NULL) {
        (void) close(fd);
        return 0;
    }

    n = 0;

    while ((entry = readdir(stream)) != NULL) {

        if (!mlops_tmp_dead(entry->d_name)) {
            continue;
        }

        if (unlinkat(dir, entry->d_name, 0) == 0
            || unlinkat(dir, entry->d_name, AT_REMOVEDIR) == 0)
        {
            n++;
        }
    }

    (void) closedir(stream);

    return n;
}


static void
mlops_tmp_name(char tmp[MLOPS_TMP_SIZE])
{
    unsigned                      n;
    unsigned long long            ticks;
    static _Atomic unsigned       counter;

    /* only its uniqueness counts: no other memory hangs on it */

    n = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed);

    if (mlops_tmp_started((long) getpid(), &ticks) != MLOPS_OK) {
        ticks = 0;
    }

    (void) snprintf(tmp, MLOPS_TMP_SIZE, MLOPS_TMP_PREFIX "%ld.%llu.%u",
                    (long) getpid(), ticks, n);
}


/* 1 where the name is a temporary one whose process is gone. */

static int
mlops_tmp_dead(const char *tmp)
{
    int                 end;
    long                pid;
    unsigned            n;
    unsigned long long  ticks, started;

    end = -1;

    if (strncmp(tmp, MLOPS_TMP_PREFIX, sizeof(MLOPS_TMP_PREFIX) - 1) != 0
        || sscanf(tmp, MLOPS_TMP_PREFIX "%10ld.%20llu.%10u%n", &pid, &ticks,
                  &n, &end) != 3
        || end == -1 || tmp[end] != '\0' || pid <= 0)
    {
        return 0;
    }

    if (kill((pid_t) pid, 0) == -1 && errno == ESRCH) {
        return 1;
    }

    /* the pid lives: it may be somebody else's by now.  What /proc does not
     * tell is taken for alive. */

    if (mlops_tmp_started(pid, &started) != MLOPS_OK || ticks == 0) {
        return 0;
    }

    return started != ticks;
}


/* The start time of a process; that of a zombie is 0, which no living one
 * has. */

static int
mlops_tmp_started(long pid, unsigned long long *ticks)
{
    int      fd, i;
    char     path[64], text[1024], *p;
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "/proc/%ld/stat", pid);

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return MLOPS_ERROR;
    }

    n = read(fd, text, sizeof(text) - 1);

    (void) close(fd);

    if (n <= 0) {
        return MLOPS_ERROR;
    }

    text[n] = '\0';

    /* pid (comm) state ppid … : the name may hold anything, the start time is
     * field 22 */

    p = strrchr(text, ')');

    if (p == NULL || p[1] != ' ') {
        return MLOPS_ERROR;
    }

    p += 2;

    if (*p == 'Z' || *p == 'X') {
        *ticks = 0;
        return MLOPS_OK;
    }

    for (i = 3; i < 22; i++) {
        p = strchr(p, ' ');

        if (p == NULL) {
            return MLOPS_ERROR;
        }

        p++;
    }

    *ticks = strtoull(p, NULL, 10);

    return MLOPS_OK;
}


int
mlops_file_begin(int dir, size_t len, char tmp[MLOPS_TMP_SIZE],
    mlops_err_t *err)
{
    int  fd;

    mlops_tmp_name(tmp);

    fd = openat(dir, tmp, O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", dir, tmp);
    }

    mlops_fault("file-made");

    if (mlops_file_reserve(fd, len, err) != MLOPS_OK) {
        mlops_file_drop(dir, fd, tmp);
        return -1;
    }

    mlops_fault("file-reserved");

    return fd;
}


static int
mlops_file_reserve(int fd, size_t len, mlops_err_t *err)
{
    int             rc, code;
    struct statvfs  fs;

    if (len == 0) {
        return MLOPS_OK;
    }

    do {
        rc = fallocate(fd, 0, 0, (off_t) len);
    } while (rc == -1 && errno == EINTR);

    /* a file system without it tells when it is written */

    if (rc == 0 || errno == EOPNOTSUPP || errno == ENOSYS) {
        return MLOPS_OK;
    }

    code = errno;

    if (code != ENOSPC && code != EDQUOT) {
        return mlops_file_fail(err, "fallocate()", fd, "");
    }

    rc = fstatvfs(fd, &fs);

    (void) mlops_err_set(err, "no space left: %zu bytes are needed, "
                         "%llu are free", len,
                         rc == 0 ? (unsigned long long) fs.f_bavail
                                   * fs.f_frsize : 0ull);
    errno = code;

    return MLOPS_ERROR;
}


int
mlops_file_seal(int fd, mode_t mode, uid_t uid, gid_t gid, int durable,
    mlops_err_t *err)
{
    mlops_fault("file-written");

    if ((uid != (uid_t) -1 || gid != (gid_t) -1) && fchown(fd, uid, gid) == -1)
    {
        return mlops_file_fail(err, "chown()", fd, "");
    }

    mlops_fault("file-owned");

    if (fchmod(fd, mode) == -1) {
        return mlops_file_fail(err, "chmod()", fd, "");
    }

    mlops_fault("file-sealed");

    if (durable && fsync(fd) == -1) {
        return mlops_file_fail(err, "fsync()", fd, "");
    }

    mlops_fault("file-synced");

    return MLOPS_OK;
}


/* Keeps errno: it belongs to the failure. */

static void
mlops_file_drop(int dir, int fd, const char *tmp)
{
    int  code;

    code = errno;

    if (fd != -1) {
        (void) close(fd);
    }

    (void) unlinkat(dir, tmp, 0);

    errno = code;
}
