/*
 * Folders made and removed.
 */

#include "mlops_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>


#define MLOPS_FOLDER_OPEN    16         /* descriptors at a time */
#define MLOPS_FOLDER_TRIES   8
#define MLOPS_FOLDER_MARK    ".tmp."    /* then six of mkdtemp() */
#define MLOPS_FOLDER_ENDING  11


static void mlops_folder_sweep(const char *base, const char *name);
static int mlops_folder_is_left(int dir, const char *entry);
static int mlops_folder_own(const char *path);


char *
mlops_folder_make(const char *base, const char *name, int *lock,
    mlops_err_t *err)
{
    char  *path;
    int    i;

    if (base == NULL) {
        base = getenv("TMPDIR");
        base = (base != NULL && base[0] != '\0') ? base : "/tmp";
    }

    mlops_folder_sweep(base, name);

    for (i = 0; i < MLOPS_FOLDER_TRIES; i++) {

        if (asprintf(&path, "%s/%s" MLOPS_FOLDER_MARK "XXXXXX", base, name)
            == -1)
        {
            (void) mlops_err_set(err, "out of memory");
            return NULL;
        }

        if (mkdtemp(path) == NULL) {
            (void) mlops_err_set(err, "cannot make a folder in %s: %s", base,
                                 strerror(errno));
            free(path);
            return NULL;
        }

        *lock = mlops_folder_own(path);

        if (*lock != -1) {
            return path;
        }

        free(path);
    }

    (void) mlops_err_set(err, "cannot keep a folder in %s: it is removed as "
                         "soon as it is made", base);
    return NULL;
}


/* The lock of a folder just made; -1: someone else had it first. */

static int
mlops_folder_own(const char *path)
{
    int          fd;
    struct stat  st, now;

    fd = open(path, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    /* a file system without locks has none that others could take */

    while (flock(fd, LOCK_EX) == -1 && errno == EINTR) {
        /* void */
    }

    if (fstat(fd, &st) == -1 || stat(path, &now) == -1
        || st.st_ino != now.st_ino || st.st_dev != now.st_dev)
    {
        (void) close(fd);
        return -1;
    }

    return fd;
}


static void
mlops_folder_sweep(const char *base, const char *name)
{
    int             lock;
    DIR            *dir;
    char           *path;
    size_t          len;
    struct dirent  *entry;

    dir = opendir(base);

    if (dir == NULL) {
        return;
    }

    len = strlen(name);

    while ((entry = readdir(dir)) != NULL) {

        if (strncmp(entry->d_name, name, len) != 0
            || strncmp(entry->d_name + len, MLOPS_FOLDER_MARK,
                       sizeof(MLOPS_FOLDER_MARK) - 1) != 0
            || strlen(entry->d_name + len) != MLOPS_FOLDER_ENDING)
        {
            continue;
        }

        lock = mlops_folder_is_left(dirfd(dir), entry->d_name);

        if (lock == -1) {
            continue;
        }

        if (asprintf(&path, "%s/%s", base, entry->d_name) != -1) {
            mlops_folder_remove(path);
            free(path);
        }

        (void) close(lock);
    }

    (void) closedir(dir);
}


/* Ours, and nobody's: its lock, else -1. */

static int
mlops_folder_is_left(int dir, const char *entry)
{
    int          fd;
    struct stat  st;

    fd = openat(dir, entry, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    if (fstat(fd, &st) == -1 || st.st_uid != geteuid()
        || flock(fd, LOCK_EX|LOCK_NB) == -1)
    {
        (void) close(fd);
        return -1;
    }

    return fd;
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
