/*
 * The store: opening what is there, and the bell.
 *
 * Nothing is trusted that somebody but root, us or the owner named by the
 * control file could have put in place; and that file stands in a directory
 * where only root or we can make files.
 */

#include "mlops_store.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>


static int mlops_store_path(mlops_store_t *store, const char *path,
    mlops_err_t *err);
static int mlops_store_control(mlops_store_t *store, mlops_err_t *err);
static int mlops_store_trusted(const char *what, const struct stat *st,
    uid_t owner, mlops_err_t *err);


int
mlops_store_open(mlops_store_t *store, const char *path, int writable,
    mlops_err_t *err)
{
    struct stat  st;

    memset(store, 0, sizeof(*store));

    store->fd = -1;
    store->models = -1;
    store->writable = (writable != 0);

    if (mlops_store_path(store, path, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    store->fd = open(store->path,
                     O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (store->fd == -1) {
        return mlops_file_fail(err, "open()", AT_FDCWD, store->path);
    }

    if (fstat(store->fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", AT_FDCWD, store->path);
        goto failed;
    }

    if (mlops_store_trusted("the directory", &st, (uid_t) -1, err) != MLOPS_OK
        || mlops_store_control(store, err) != MLOPS_OK)
    {
        goto named;
    }

    store->models = openat(store->fd, "models",
                           O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (store->models == -1 || fstat(store->models, &st) == -1) {
        (void) mlops_file_fail(err, "open()", store->fd, "models");
        goto failed;
    }

    if (mlops_store_trusted("models", &st, (uid_t) store->control->uid, err)
        != MLOPS_OK)
    {
        goto named;
    }

    return MLOPS_OK;

named:

    (void) mlops_err_prefix(err, "store \"%s\"", store->path);

failed:

    mlops_store_close(store);

    return MLOPS_ERROR;
}


void
mlops_store_close(mlops_store_t *store)
{
    if (store->control != NULL) {
        (void) munmap(store->control, MLOPS_CONTROL_SIZE);
        store->control = NULL;
    }

    if (store->models != -1) {
        (void) close(store->models);
        store->models = -1;
    }

    if (store->fd != -1) {
        (void) close(store->fd);
        store->fd = -1;
    }
}


int
mlops_store_current(const mlops_store_t *store)
{
    struct stat  opened, named;

    return fstat(store->fd, &opened) == 0
           && lstat(store->path, &named) == 0
           && opened.st_dev == named.st_dev
           && opened.st_ino == named.st_ino;
}


int
mlops_store_on_tmpfs(const mlops_store_t *store)
{
    struct statfs  fs;

    return fstatfs(store->fd, &fs) == 0
           && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}


void
mlops_store_ring(mlops_store_t *store)
{
    /* release, for the acquire in mlops_store_bell: who sees the new count
     * finds the links moved */

    (void) atomic_fetch_add_explicit(&store->control->doorbell, 1,
                                     memory_order_release);
}


/* O_NOFOLLOW looks at the last component only where no slash follows it. */

static int
mlops_store_path(mlops_store_t *store, const char *path, mlops_err_t *err)
{
    size_t  len;

    len = strlen(path);

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }

    if (len == 0 || len >= sizeof(store->path)) {
        return mlops_err_set(err, "the path of the store: expected 1 to %zu "
                             "bytes, got %zu", sizeof(store->path) - 1, len);
    }

    memcpy(store->path, path, len);
    store->path[len] = '\0';

    return MLOPS_OK;
}


static int
mlops_store_control(mlops_store_t *store, mlops_err_t *err)
{
    int               fd;
    struct stat       st;
    mlops_control_t  *control;

    fd = openat(store->fd, "control", (store->writable ? O_RDWR : O_RDONLY)
                                      |O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", store->fd, "control");
    }

    if (fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", store->fd, "control");
        (void) close(fd);
        return MLOPS_ERROR;
    }

    if (!S_ISREG(st.st_mode) || st.st_size != MLOPS_CONTROL_SIZE) {
        (void) close(fd);
        return mlops_err_set(err, "control: expected a file of %d bytes, got "
                             "%lld", MLOPS_CONTROL_SIZE,
                             (long long) st.st_size);
    }

    control = mmap(NULL, MLOPS_CONTROL_SIZE,
                   store->writable ? PROT_READ|PROT_WRITE : PROT_READ,
                   MAP_SHARED, fd, 0);

    if (control == MAP_FAILED) {
        (void) mlops_file_fail(err, "mmap()", store->fd, "control");
        (void) close(fd);
        return MLOPS_ERROR;
    }

    (void) close(fd);

    store->control = control;

    if (memcmp(control->magic, MLOPS_CONTROL_MAGIC, 8) != 0) {
        return mlops_err_set(err, "control: expected the magic \"%s\", got "
                             "\"%.8s\"", MLOPS_CONTROL_MAGIC, control->magic);
    }

    if (control->abi != MLOPS_CONTROL_ABI) {
        return mlops_err_set(err, "control: expected abi %d, got %u",
                             MLOPS_CONTROL_ABI, (unsigned) control->abi);
    }

    return mlops_store_trusted("control", &st, (uid_t) control->uid, err);
}


static int
mlops_store_trusted(const char *what, const struct stat *st, uid_t owner,
    mlops_err_t *err)
{
    if (st->st_uid != 0 && st->st_uid != geteuid() && st->st_uid != owner) {
        return mlops_err_set(err, "%s belongs to uid %ld: expected root or "
                             "uid %ld", what, (long) st->st_uid,
                             (long) (owner == (uid_t) -1 ? geteuid()
                                                         : owner));
    }

    if (st->st_mode & 022) {
        return mlops_err_set(err, "%s may be written by others: expected "
                             "mode %s, got %04o", what,
                             S_ISDIR(st->st_mode) ? "0755" : "0644",
                             st->st_mode & 07777);
    }

    return MLOPS_OK;
}
