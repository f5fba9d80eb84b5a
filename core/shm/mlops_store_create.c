/*
 * Making a store.
 *
 * The lock comes first and the control file last, each in one step and with
 * its owner; so a store that has a control file is complete, and one without
 * it is completed by whoever comes next.  A directory that holds other things
 * is not taken for one: its mode would be changed.  Nor is a registry, which
 * has the same names in it: what no alias needs would be removed from it.
 *
 *     directory           mode   owner
 *     (the store)         0755   root, or who starts nginx
 *     models features     0755   the sidecars
 *     metrics status      0755   the sidecars
 *     rings               2770   the workers, and the sidecars' group
 *     control             0644   the sidecars
 *     lock                0600   the sidecars
 */

#include "mlops_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_CREATE_WAIT_MS  10000
#define MLOPS_CREATE_HELD_MS  500       /* where the store is complete */


typedef struct {
    const char  *name;
    mode_t       mode;
    uid_t        uid;
    gid_t        gid;
    unsigned     moves:1;           /* from any owner to another */
} mlops_room_t;


static int mlops_create_root(const char *path, mlops_err_t *err);
static int mlops_create_empty(int dir, mlops_err_t *err);
static int mlops_create_foreign(int dir, mlops_err_t *err);
static int mlops_create_lock(int dir, uid_t uid, gid_t gid, mlops_err_t *err);
static int mlops_create_room(int dir, const mlops_room_t *room,
    mlops_err_t *err);
static int mlops_create_own(int fd, const mlops_room_t *room,
    mlops_err_t *err);
static int mlops_create_control(int dir, uint64_t size_limit, uid_t uid,
    gid_t gid, mlops_err_t *err);
static int mlops_create_update(int fd, uint64_t size_limit, uint32_t uid,
    mlops_err_t *err);


int
mlops_store_create(const char *path, uint64_t size_limit, uid_t uid,
    gid_t gid, uid_t worker_uid, mlops_err_t *err)
{
    int           dir, lock, rc, complete;
    size_t        i;
    mlops_room_t  rooms[] = {
        { "models",   0755,  uid,        gid, 0 },
        { "features", 0755,  uid,        gid, 0 },
        { "metrics",  0755,  uid,        gid, 0 },
        { "status",   0755,  uid,        gid, 0 },
        { "rings",    02770, worker_uid, gid, 1 }
    };

    dir = mlops_create_root(path, err);

    if (dir == -1) {
        goto failed;
    }

    rc = MLOPS_ERROR;
    lock = -1;

    if (mlops_create_lock(dir, uid, gid, err) != MLOPS_OK) {
        goto done;
    }

    /* what follows changes nothing in a complete store but its owners and its
     * limit: whoever sits on the lock need not keep nginx from starting */

    complete = (faccessat(dir, "control", F_OK, AT_SYMLINK_NOFOLLOW) == 0);

    lock = mlops_file_lock(dir, "lock", complete ? MLOPS_CREATE_HELD_MS
                                                 : MLOPS_CREATE_WAIT_MS, err);

    if (lock == -1 && !complete) {
        goto done;
    }

    if (lock != -1) {
        (void) mlops_file_sweep(dir);
    }

    for (i = 0; i < mlops_nitems(rooms); i++) {
        if (mlops_create_room(dir, &rooms[i], err) != MLOPS_OK) {
            goto done;
        }
    }

    rc = mlops_create_control(dir, size_limit, uid, gid, err);

    mlops_fault("store-made");

done:

    if (lock != -1) {
        (void) close(lock);
    }

    (void) close(dir);

    if (rc == MLOPS_OK) {
        return MLOPS_OK;
    }

failed:

    return mlops_err_prefix(err, "store \"%s\"", path);
}


int
mlops_store_rings(const mlops_store_t *store, uid_t worker_uid,
    mlops_err_t *err)
{
    mlops_room_t  room = { "rings", 02770, worker_uid, (gid_t) -1, 1 };

    return mlops_create_room(store->fd, &room, err);
}


static int
mlops_create_root(const char *path, mlops_err_t *err)
{
    int          dir;
    char         name[sizeof(((mlops_store_t *) 0)->path)];
    size_t       len;
    struct stat  st;

    len = strlen(path);

    while (len > 1 && path[len - 1] == '/') {
        len--;
    }

    if (len == 0 || len >= sizeof(name)) {
        return mlops_err_set(err, "a path of 1 to %zu bytes is expected",
                             sizeof(name) - 1);
    }

    memcpy(name, path, len);
    name[len] = '\0';

    if (mkdir(name, 0755) == -1 && errno != EEXIST) {
        return mlops_file_fail(err, "mkdir()", AT_FDCWD, name);
    }

    mlops_fault("store-dir");

    dir = open(name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (dir == -1) {
        return mlops_file_fail(err, "open()", AT_FDCWD, name);
    }

    if (fstat(dir, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", AT_FDCWD, name);
        goto failed;
    }

    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        (void) mlops_err_set(err, "it belongs to uid %ld: expected root or "
                             "uid %ld", (long) st.st_uid, (long) geteuid());
        goto failed;
    }

    if (fstatat(dir, "control", &st, AT_SYMLINK_NOFOLLOW) == -1
        && mlops_create_empty(dir, err) != MLOPS_OK)
    {
        goto failed;
    }

    if (fstat(dir, &st) == 0 && (st.st_mode & 07777) != 0755
        && fchmod(dir, 0755) == -1)
    {
        (void) mlops_file_fail(err, "chmod()", AT_FDCWD, name);
        goto failed;
    }

    return dir;

failed:

    (void) close(dir);

    return -1;
}


/* Nothing there but what a creation that was cut short may have left? */

static int
mlops_create_empty(int dir, mlops_err_t *err)
{
    int                  fd, rc;
    DIR                 *stream;
    size_t               i;
    struct dirent       *entry;
    static const char   *known[] = {
        ".", "..", "lock", "models", "features", "metrics", "status", "rings",
        "plan.json"
    };

    fd = openat(dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    stream = (fd == -1) ? NULL : fdopendir(fd);

    if (stream == NULL) {
        (void) mlops_file_fail(err, "open()", dir, "");

        if (fd != -1) {
            (void) close(fd);
        }

        return MLOPS_ERROR;
    }

    rc = MLOPS_OK;

    while (rc == MLOPS_OK && (entry = readdir(stream)) != NULL) {

        for (i = 0; i < mlops_nitems(known); i++) {
            if (strcmp(entry->d_name, known[i]) == 0) {
                break;
            }
        }

        if (i == mlops_nitems(known)
            && strncmp(entry->d_name, ".tmp.", 5) != 0)
        {
            rc = mlops_err_set(err, "expected a store or an empty directory, "
                               "found \"%s\" in it", entry->d_name);
        }
    }

    (void) closedir(stream);

    return (rc == MLOPS_OK) ? mlops_create_foreign(dir, err) : rc;
}


/* A model of a registry has a log, a model of a store has none. */

static int
mlops_create_foreign(int dir, mlops_err_t *err)
{
    int             models, rc;
    char            path[MLOPS_NAME_LEN + sizeof("/log")];
    uint32_t        i, n;
    mlops_str_t    *names;
    mlops_arena_t   arena;

    models = openat(dir, "models", O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (models == -1) {
        return (errno == ENOENT) ? MLOPS_OK
                                 : mlops_file_fail(err, "open()", dir,
                                                   "models");
    }

    mlops_arena_init(&arena, NULL, NULL);

    rc = mlops_store_names(models, &names, &n, &arena, err);

    for (i = 0; rc == MLOPS_OK && i < n; i++) {
        (void) snprintf(path, sizeof(path), "%.*s/log", mlops_fmt(&names[i]));

        if (faccessat(models, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
            rc = mlops_err_set(err, "it is a registry: found \"models/%s\" "
                               "in it", path);
        }
    }

    mlops_arena_destroy(&arena);

    (void) close(models);

    return rc;
}


static int
mlops_create_lock(int dir, uid_t uid, gid_t gid, mlops_err_t *err)
{
    int           fd, rc;
    char          tmp[MLOPS_TMP_SIZE];
    mlops_room_t  room = { "lock", 0600, uid, gid, 0 };

    fd = openat(dir, "lock", O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd != -1) {
        rc = mlops_create_own(fd, &room, err);
        (void) close(fd);
        return rc;
    }

    if (errno != ENOENT) {
        return mlops_file_fail(err, "open()", dir, "lock");
    }

    if (mlops_file_write(dir, NULL, 0, 0600, uid, gid, 0, tmp, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_file_commit(dir, tmp, "lock", 1, 0, err) != MLOPS_OK
        && errno != EEXIST)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static int
mlops_create_room(int dir, const mlops_room_t *room, mlops_err_t *err)
{
    int  fd, rc;

    if (mlops_file_mkdir(dir, room->name, room->mode, room->uid, room->gid, 0,
                         err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    fd = openat(dir, room->name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", dir, room->name);
    }

    rc = mlops_create_own(fd, room, err);

    (void) close(fd);

    return rc;
}


/* Another user= takes hold where root gives away what is its own. */

static int
mlops_create_own(int fd, const mlops_room_t *room, mlops_err_t *err)
{
    gid_t        gid;
    uid_t        uid;
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return mlops_file_fail(err, "fstat()", fd, "");
    }

    uid = (room->uid != (uid_t) -1) ? room->uid
          : room->moves ? st.st_uid : geteuid();
    gid = (room->gid == (gid_t) -1) ? st.st_gid : room->gid;

    if (st.st_uid != uid && st.st_uid != 0
        && !(room->moves && geteuid() == 0))
    {
        return mlops_err_set(err, "\"%s\" belongs to uid %ld: expected "
                             "uid %ld", room->name, (long) st.st_uid,
                             (long) uid);
    }

    if ((st.st_uid != uid || st.st_gid != gid) && fchown(fd, uid, gid) == -1) {
        return mlops_file_fail(err, "chown()", fd, "");
    }

    if ((st.st_mode & 07777) != room->mode && fchmod(fd, room->mode) == -1) {
        return mlops_file_fail(err, "chmod()", fd, "");
    }

    return MLOPS_OK;
}


static int
mlops_create_control(int dir, uint64_t size_limit, uid_t uid, gid_t gid,
    mlops_err_t *err)
{
    int              fd, rc;
    char             page[MLOPS_CONTROL_SIZE], tmp[MLOPS_TMP_SIZE];
    uint32_t         owner;
    mlops_room_t     room = { "control", 0644, uid, gid, 0 };
    mlops_control_t  control;

    owner = (uint32_t) ((uid == (uid_t) -1) ? geteuid() : uid);

    fd = openat(dir, "control", O_RDWR|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd != -1) {
        rc = mlops_create_own(fd, &room, err);

        if (rc == MLOPS_OK) {
            rc = mlops_create_update(fd, size_limit, owner, err);
        }

        (void) close(fd);
        return rc;
    }

    if (errno != ENOENT) {
        return mlops_file_fail(err, "open()", dir, "control");
    }

    memset(&control, 0, sizeof(control));
    memcpy(control.magic, MLOPS_CONTROL_MAGIC, sizeof(control.magic));

    control.abi = MLOPS_CONTROL_ABI;
    control.uid = owner;
    control.size_limit = size_limit;

    memset(page, 0, sizeof(page));
    memcpy(page, &control, sizeof(control));

    if (mlops_file_write(dir, page, sizeof(page), 0644, uid, gid, 0, tmp, err)
        != MLOPS_OK)
    {
        return mlops_err_prefix(err, "control");
    }

    /* under the lock nobody else makes one; a rename leaves nothing behind
     * that a store, being complete now, would keep */

    return mlops_file_commit(dir, tmp, "control", 0, 0, err);
}


/*
 * The file is never replaced: readers would go on looking at the old bell.
 * Its fields are words that are written whole, and no reader needs two of
 * them to agree.
 */

static int
mlops_create_update(int fd, uint64_t size_limit, uint32_t uid,
    mlops_err_t *err)
{
    ssize_t          n;
    mlops_control_t  control;

    memset(&control, 0, sizeof(control));

    n = pread(fd, &control, sizeof(control), 0);

    if (n == -1) {
        return mlops_file_fail(err, "read()", fd, "");
    }

    if (memcmp(control.magic, MLOPS_CONTROL_MAGIC, sizeof(control.magic)) != 0
        || control.abi != MLOPS_CONTROL_ABI)
    {
        return mlops_err_set(err, "control: expected \"%s\" of abi %d, got "
                             "\"%.8s\" of abi %u", MLOPS_CONTROL_MAGIC,
                             MLOPS_CONTROL_ABI, control.magic,
                             (unsigned) control.abi);
    }

    if (control.uid != uid
        && pwrite(fd, &uid, sizeof(uid), offsetof(mlops_control_t, uid)) == -1)
    {
        return mlops_file_fail(err, "write()", fd, "");
    }

    mlops_fault("store-uid");

    if (control.size_limit != size_limit
        && pwrite(fd, &size_limit, sizeof(size_limit),
                  offsetof(mlops_control_t, size_limit)) == -1)
    {
        return mlops_file_fail(err, "write()", fd, "");
    }

    return MLOPS_OK;
}
