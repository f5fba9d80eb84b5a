/*
 * Bringing the store in step with the registry.
 *
 * For each model, under the store's lock:
 *
 *     1. what aliases need and the store lacks is copied to temporary files,
 *        checked on the way, sealed and named;
 *     2. links are moved, links that the registry has no more are removed;
 *
 * then for all of them together
 *
 *     3. the bell rings;
 *     4. images that no link names are removed.
 *
 * Cut short between any two instructions this leaves a store whose links name
 * complete images, and things too many, which the next run removes.  Without
 * the bell of step 3 readers still look once a second.  A link is never moved
 * to bytes that were not checked, and never removed because the registry
 * could not be read.
 */

#include "mlops_store.h"
#include "mlops_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_SYNC_TRIES  4


/* Every image begins as any checksummed file. */

_Static_assert(offsetof(mlops_image_header_t, file_len)
               == offsetof(mlops_file_head_t, file_len)
               && offsetof(mlops_image_header_t, checksum)
                  == offsetof(mlops_file_head_t, checksum),
               "the head of an image");


typedef struct {
    mlops_store_t  *store;
    int             registry;       /* its models/ */
    uid_t           registry_uid;
    uid_t           owner;          /* of the store's models/ */
    uid_t           uid;            /* to give new files to, or -1 */
    gid_t           gid;
    unsigned        missing_only:1;
    unsigned        changed:1;
    unsigned        counted:1;      /* used is valid */
    uint32_t        failed;
    uint64_t        used;           /* bytes of the images in the store */
    mlops_err_t    *err;            /* the first reason */
    mlops_arena_t   arena;
} mlops_sync_t;


typedef struct {
    mlops_str_t     name;
    int             from;           /* models/<name> of the registry, or -1 */
    int             to;             /* and of the store, or -1 */
    mlops_alias_t  *wanted;
    uint32_t        wanted_n;
    mlops_alias_t  *held;
    uint32_t        held_n;
} mlops_sync_model_t;


static int mlops_sync_open(mlops_sync_t *sync, const char *registry);
static int mlops_sync_names(mlops_sync_t *sync, mlops_str_t **names,
    uint32_t *n);
static void mlops_sync_model(mlops_sync_t *sync, mlops_str_t *name,
    int named);
static int mlops_sync_model_open(mlops_sync_t *sync,
    mlops_sync_model_t *model, int named, mlops_err_t *err);
static int mlops_sync_model_make(mlops_sync_t *sync,
    mlops_sync_model_t *model, mlops_err_t *err);
static void mlops_sync_model_close(mlops_sync_model_t *model);
static int mlops_sync_alias(mlops_sync_t *sync, mlops_sync_model_t *model,
    mlops_alias_t *alias, mlops_err_t *err);
static int mlops_sync_image(mlops_sync_t *sync, mlops_sync_model_t *model,
    const char *version, int linked, mlops_err_t *err);
static int mlops_sync_have(mlops_sync_t *sync, mlops_sync_model_t *model,
    const char *file, const mlops_file_head_t *wanted, int linked);
static int mlops_sync_room(mlops_sync_t *sync, size_t len, mlops_err_t *err);
static int mlops_sync_count(mlops_sync_t *sync, mlops_err_t *err);
static void mlops_sync_forget(mlops_sync_t *sync, mlops_sync_model_t *model);
static void mlops_sync_prune(mlops_sync_t *sync, int dir,
    const mlops_sync_model_t *model);
static void mlops_sync_finish(mlops_sync_t *sync, mlops_str_t *name);
static int mlops_sync_needs(const mlops_alias_t *aliases, uint32_t n,
    const char *version);
static const mlops_alias_t *mlops_sync_find(const mlops_alias_t *aliases,
    uint32_t n, const char *alias);
static void mlops_sync_failed(mlops_sync_t *sync, const mlops_err_t *err);


int
mlops_sync(const char *registry, mlops_store_t *store, const char *name,
    int missing_only, uint32_t timeout_ms, int *changed, mlops_err_t *err)
{
    int           lock, rc;
    uint32_t      i, n;
    mlops_err_t   reason;
    mlops_str_t   one, *names;
    mlops_sync_t  sync;

    if (changed != NULL) {
        *changed = 0;
    }

    memset(&sync, 0, sizeof(sync));

    sync.store = store;
    sync.registry = -1;
    sync.missing_only = (missing_only != 0);
    sync.err = (err != NULL) ? err : &reason;

    mlops_arena_init(&sync.arena, NULL, NULL);

    rc = MLOPS_ERROR;
    lock = -1;
    names = NULL;
    n = 0;

    if (!store->writable) {
        (void) mlops_err_set(sync.err, "the store is open for reading only");
        goto done;
    }

    if (!mlops_store_current(store)) {
        (void) mlops_err_set(sync.err, "store \"%s\": the one that was opened "
                             "is gone", store->path);
        goto done;
    }

    if (mlops_sync_open(&sync, registry) != MLOPS_OK) {
        goto done;
    }

    lock = mlops_file_lock(store->fd, "lock", timeout_ms, sync.err);

    if (lock == -1) {
        (void) mlops_err_prefix(sync.err, "store \"%s\"", store->path);
        goto done;
    }

    if (name != NULL) {
        one.data = name;
        one.len = strlen(name);
        names = &one;
        n = 1;

    } else if (mlops_sync_names(&sync, &names, &n) != MLOPS_OK) {
        goto done;
    }

    (void) mlops_file_sweep(store->models);

    for (i = 0; i < n; i++) {
        mlops_sync_model(&sync, &names[i], name != NULL);
    }

    mlops_fault("sync-linked");

    if (sync.changed) {
        mlops_store_ring(store);

        if (changed != NULL) {
            *changed = 1;
        }
    }

    mlops_fault("sync-rung");

    for (i = 0; i < n && !sync.missing_only; i++) {
        mlops_sync_finish(&sync, &names[i]);
    }

    if (sync.failed == 0) {
        rc = MLOPS_OK;

    } else if (sync.failed > 1) {
        (void) mlops_err_prefix(sync.err, "%u failures, the first",
                                (unsigned) sync.failed);
    }

done:

    if (lock != -1) {
        (void) close(lock);
    }

    if (sync.registry != -1) {
        (void) close(sync.registry);
    }

    mlops_arena_destroy(&sync.arena);

    return rc;
}


static int
mlops_sync_open(mlops_sync_t *sync, const char *registry)
{
    int          dir;
    gid_t        gid;
    struct stat  from, to;

    /* the directory itself may be reached by a symbolic link: its path comes
     * from the configuration */

    dir = open(registry, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1) {
        (void) mlops_file_fail(sync->err, "open()", AT_FDCWD, registry);
        goto failed;
    }

    sync->registry = mlops_store_registry(dir, registry, &sync->registry_uid,
                                          &gid, sync->err);

    (void) close(dir);

    if (sync->registry == -1) {
        goto failed;
    }

    if (fstat(sync->registry, &from) == -1
        || fstat(sync->store->models, &to) == -1)
    {
        (void) mlops_file_fail(sync->err, "fstat()", sync->store->models, "");
        goto failed;
    }

    if (from.st_dev == to.st_dev && from.st_ino == to.st_ino) {
        (void) mlops_err_set(sync->err, "\"%s\" is the store itself: expected "
                             "another directory", registry);
        goto failed;
    }

    sync->owner = to.st_uid;
    sync->uid = (uid_t) -1;
    sync->gid = (gid_t) -1;

    if (geteuid() == 0) {
        sync->uid = to.st_uid;
        sync->gid = to.st_gid;
    }

    return MLOPS_OK;

failed:

    return mlops_err_prefix(sync->err, "registry");
}


/* The names of both sides, each once. */

static int
mlops_sync_names(mlops_sync_t *sync, mlops_str_t **names, uint32_t *n)
{
    int           cmp;
    uint32_t      i, j, k, na, nb;
    mlops_str_t  *a, *b, *all;

    if (mlops_store_names(sync->registry, &a, &na, &sync->arena, sync->err)
        != MLOPS_OK
        || mlops_store_names(sync->store->models, &b, &nb, &sync->arena,
                             sync->err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    all = mlops_arena_alloc(&sync->arena, ((size_t) na + nb + 1)
                                          * sizeof(mlops_str_t));

    if (all == NULL) {
        return mlops_err_set(sync->err, "out of memory");
    }

    for (i = 0, j = 0, k = 0; i < na || j < nb; k++) {

        cmp = (i == na) ? 1 : (j == nb) ? -1 : strcmp(a[i].data, b[j].data);

        all[k] = (cmp <= 0) ? a[i] : b[j];

        i += (cmp <= 0);
        j += (cmp >= 0);
    }

    *names = all;
    *n = k;

    return MLOPS_OK;
}


static void
mlops_sync_model(mlops_sync_t *sync, mlops_str_t *name, int named)
{
    uint32_t            i;
    mlops_err_t         err;
    mlops_sync_model_t  model;

    memset(&model, 0, sizeof(model));

    model.name = *name;
    model.from = -1;
    model.to = -1;

    if (mlops_sync_model_open(sync, &model, named, &err) != MLOPS_OK) {
        mlops_sync_failed(sync, &err);
        goto done;
    }

    if (model.wanted_n > 0
        && mlops_sync_model_make(sync, &model, &err) != MLOPS_OK)
    {
        (void) mlops_err_prefix(&err, "model \"%.*s\"", mlops_fmt(name));
        mlops_sync_failed(sync, &err);
        goto done;
    }

    if (model.to == -1) {
        goto done;
    }

    /* what a run that was cut short has left: it counts in the limit */

    (void) mlops_file_sweep(model.to);

    if (!sync->missing_only) {
        mlops_sync_prune(sync, model.to, &model);
    }

    for (i = 0; i < model.wanted_n; i++) {
        if (mlops_sync_alias(sync, &model, &model.wanted[i], &err)
            != MLOPS_OK)
        {
            (void) mlops_err_prefix(&err, "model \"%.*s\", alias \"%s\" stays "
                                    "as it is: version %s", mlops_fmt(name),
                                    model.wanted[i].alias,
                                    model.wanted[i].version);
            mlops_sync_failed(sync, &err);
        }
    }

    if (!sync->missing_only) {
        mlops_sync_forget(sync, &model);
    }

done:

    mlops_sync_model_close(&model);
}


static int
mlops_sync_model_open(mlops_sync_t *sync, mlops_sync_model_t *model,
    int named, mlops_err_t *err)
{
    int  gone;

    model->from = mlops_store_model_dir(sync->registry, model->name.data,
                                        model->name.len, err);
    gone = 0;

    if (model->from == -1) {

        if (errno != ENOENT) {
            return mlops_err_prefix(err, "registry");
        }

        gone = 1;

    } else if (mlops_store_aliases(model->from, &model->wanted,
                                   &model->wanted_n, &sync->arena, err)
               != MLOPS_OK)
    {
        return mlops_err_prefix(err, "registry");
    }

    model->to = mlops_store_model_dir(sync->store->models, model->name.data,
                                      model->name.len, err);

    if (model->to == -1) {

        if (errno != ENOENT) {
            return mlops_err_prefix(err, "store");
        }

        if (gone && named) {
            return mlops_err_set(err, "the registry has no model \"%.*s\"",
                                 mlops_fmt(&model->name));
        }

        return MLOPS_OK;
    }

    if (mlops_store_aliases(model->to, &model->held, &model->held_n,
                            &sync->arena, err)
        != MLOPS_OK)
    {
        return mlops_err_prefix(err, "store");
    }

    return MLOPS_OK;
}


static int
mlops_sync_model_make(mlops_sync_t *sync, mlops_sync_model_t *model,
    mlops_err_t *err)
{
    char         name[MLOPS_NAME_LEN + 1];
    struct stat  st;

    if (model->to == -1) {
        memcpy(name, model->name.data, model->name.len);
        name[model->name.len] = '\0';

        if (mlops_file_mkdir(sync->store->models, name, 0755, sync->uid,
                             sync->gid, 0, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        model->to = mlops_store_model_dir(sync->store->models, name,
                                          model->name.len, err);

        if (model->to == -1) {
            return MLOPS_ERROR;
        }
    }

    /* models/ may have been given to another user since */

    if (sync->uid != (uid_t) -1 && fstat(model->to, &st) == 0
        && st.st_uid != sync->uid
        && fchown(model->to, sync->uid, sync->gid) == -1)
    {
        return mlops_file_fail(err, "chown()", model->to, "");
    }

    return MLOPS_OK;
}


static void
mlops_sync_model_close(mlops_sync_model_t *model)
{
    if (model->from != -1) {
        (void) close(model->from);
    }

    if (model->to != -1) {
        (void) close(model->to);
    }
}


static int
mlops_sync_alias(mlops_sync_t *sync, mlops_sync_model_t *model,
    mlops_alias_t *alias, mlops_err_t *err)
{
    int                   i, linked;
    char                  file[MLOPS_FILE_NAME_SIZE];
    char                  name[MLOPS_ALIAS_NAME_SIZE];
    struct stat           st;
    const mlops_alias_t  *held;

    held = mlops_sync_find(model->held, model->held_n, alias->alias);

    if (held != NULL && sync->missing_only) {
        (void) snprintf(file, sizeof(file), "%s.mlm", held->version);

        if (fstatat(model->to, file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
            return MLOPS_OK;
        }
    }

    for (i = 0; i < MLOPS_SYNC_TRIES; i++) {

        linked = (held != NULL && strcmp(held->version, alias->version) == 0);

        if (mlops_sync_image(sync, model, alias->version, linked, err)
            == MLOPS_OK)
        {
            break;
        }

        /* the registry is not locked: the alias may have moved on, and the
         * version it named may be gone */

        if (errno != ENOENT
            || mlops_store_alias(model->from, alias->alias,
                                 strlen(alias->alias), alias->version)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    if (i == MLOPS_SYNC_TRIES) {
        return MLOPS_ERROR;
    }

    if (linked) {
        return MLOPS_OK;
    }

    (void) snprintf(file, sizeof(file), "%s.mlm", alias->version);
    (void) snprintf(name, sizeof(name), "@%s", alias->alias);

    if (mlops_file_link(model->to, file, name, 0, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    sync->changed = 1;

    return MLOPS_OK;
}


/* Where it fails for want of the registry's file, errno is ENOENT. */

static int
mlops_sync_image(mlops_sync_t *sync, mlops_sync_model_t *model,
    const char *version, int linked, mlops_err_t *err)
{
    int                rc, src, code;
    char               file[MLOPS_FILE_NAME_SIZE], tmp[MLOPS_TMP_SIZE];
    size_t             len;
    mlops_file_head_t  head;

    (void) snprintf(file, sizeof(file), "%s.mlm", version);

    src = mlops_file_open(model->from, file, MLOPS_IMAGE_MAX,
                          MLOPS_FILE_OWNER, sync->registry_uid, &len, err);

    if (src == -1) {
        code = errno;
        (void) mlops_err_prefix(err, "registry");
        errno = code;
        return MLOPS_ERROR;
    }

    rc = MLOPS_ERROR;

    if (mlops_file_head(src, len, MLOPS_IMAGE_MAGIC, &head, err) != MLOPS_OK) {
        (void) mlops_err_prefix(err, "registry");
        goto done;
    }

    if (mlops_sync_have(sync, model, file, &head, linked)) {
        rc = MLOPS_OK;
        goto done;
    }

    if (mlops_sync_room(sync, len, err) != MLOPS_OK) {
        goto done;
    }

    if (mlops_file_copy(model->to, src, len, MLOPS_IMAGE_MAGIC, 0444,
                        sync->uid, sync->gid, tmp, err) != MLOPS_OK)
    {
        goto done;
    }

    sync->used += len;

    if (faccessat(model->to, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        sync->counted = 0;
    }

    if (mlops_file_commit(model->to, tmp, file, 0, 0, err) != MLOPS_OK) {
        sync->counted = 0;
        goto done;
    }

    sync->changed = 1;
    rc = MLOPS_OK;

done:

    (void) close(src);

    errno = 0;

    return rc;
}


/* Is the same image there already?  Its bytes are checked again where a link
 * is about to be moved to it. */

static int
mlops_sync_have(mlops_sync_t *sync, mlops_sync_model_t *model,
    const char *file, const mlops_file_head_t *wanted, int linked)
{
    int                fd, have;
    size_t             len;
    mlops_err_t        err;
    mlops_file_head_t  head;

    fd = mlops_file_open(model->to, file, MLOPS_IMAGE_MAX,
                         MLOPS_FILE_SEALED|MLOPS_FILE_OWNER, sync->owner,
                         &len, &err);

    if (fd == -1) {
        return 0;
    }

    have = mlops_file_head(fd, len, MLOPS_IMAGE_MAGIC, &head, &err) == MLOPS_OK
           && memcmp(&head, wanted, sizeof(head)) == 0
           && (linked || mlops_file_check(fd, len, MLOPS_IMAGE_MAGIC, -1,
                                          &err)
                         == MLOPS_OK);

    (void) close(fd);

    return have;
}


static int
mlops_sync_room(mlops_sync_t *sync, size_t len, mlops_err_t *err)
{
    uint64_t  limit;

    limit = sync->store->control->size_limit;

    if (limit == 0) {
        return MLOPS_OK;
    }

    if (!sync->counted && mlops_sync_count(sync, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (sync->used + len > limit) {
        return mlops_err_set(err, "the store's limit is %llu bytes: %zu are "
                             "needed beside the %llu in use",
                             (unsigned long long) limit, len,
                             (unsigned long long) sync->used);
    }

    return MLOPS_OK;
}


/* Once for a whole cold start: what is copied is added, and a removal makes
 * it count anew. */

static int
mlops_sync_count(mlops_sync_t *sync, mlops_err_t *err)
{
    int               dir, rc;
    uint32_t          i, j, n, nversions;
    mlops_str_t      *names;
    mlops_arena_t     arena;
    mlops_version_t  *versions;

    mlops_arena_init(&arena, NULL, NULL);

    rc = mlops_store_models(sync->store, &names, &n, &arena, err);
    sync->used = 0;

    for (i = 0; rc == MLOPS_OK && i < n; i++) {

        dir = mlops_store_model_dir(sync->store->models, names[i].data,
                                    names[i].len, err);

        if (dir == -1) {
            continue;
        }

        rc = mlops_store_versions(dir, &versions, &nversions, &arena, err);

        for (j = 0; rc == MLOPS_OK && j < nversions; j++) {
            sync->used += versions[j].bytes;
        }

        (void) close(dir);
    }

    mlops_arena_destroy(&arena);

    sync->counted = (rc == MLOPS_OK);

    return rc;
}


/* Removes the links that the registry has no more; one that is there and
 * cannot be understood is no reason to stop serving. */

static void
mlops_sync_forget(mlops_sync_t *sync, mlops_sync_model_t *model)
{
    char          name[MLOPS_ALIAS_NAME_SIZE];
    uint32_t      i;
    struct stat   st;
    mlops_err_t   err;

    for (i = 0; i < model->held_n; i++) {

        if (mlops_sync_find(model->wanted, model->wanted_n,
                            model->held[i].alias)
            != NULL)
        {
            continue;
        }

        (void) snprintf(name, sizeof(name), "@%s", model->held[i].alias);

        if (model->from != -1) {

            if (fstatat(model->from, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
                (void) mlops_err_set(&err, "model \"%.*s\", alias \"%s\" "
                                     "stays as it is: expected a link to "
                                     "\"<version>.mlm\" in the registry, got "
                                     "something else",
                                     mlops_fmt(&model->name),
                                     model->held[i].alias);
                mlops_sync_failed(sync, &err);
                continue;
            }

            if (errno != ENOENT) {
                (void) mlops_file_fail(&err, "fstatat()", model->from, name);
                mlops_sync_failed(sync, &err);
                continue;
            }
        }

        if (unlinkat(model->to, name, 0) == -1 && errno != ENOENT) {
            (void) mlops_file_fail(&err, "unlink()", model->to, name);
            mlops_sync_failed(sync, &err);
            continue;
        }

        mlops_fault("sync-forgot");

        sync->changed = 1;
    }
}


/* Removes images that no link names, nor will name once model is in step. */

static void
mlops_sync_prune(mlops_sync_t *sync, int dir, const mlops_sync_model_t *model)
{
    char              file[MLOPS_FILE_NAME_SIZE];
    uint32_t          i, n, held_n;
    mlops_err_t       err;
    mlops_alias_t    *held;
    mlops_version_t  *versions;

    if (mlops_store_aliases(dir, &held, &held_n, &sync->arena, &err)
        != MLOPS_OK
        || mlops_store_versions(dir, &versions, &n, &sync->arena, &err)
           != MLOPS_OK)
    {
        mlops_sync_failed(sync, &err);
        return;
    }

    for (i = 0; i < n; i++) {

        if (mlops_sync_needs(held, held_n, versions[i].version)
            || (model != NULL
                && mlops_sync_needs(model->wanted, model->wanted_n,
                                    versions[i].version)))
        {
            continue;
        }

        (void) snprintf(file, sizeof(file), "%s.mlm", versions[i].version);

        if (unlinkat(dir, file, 0) == -1 && errno != ENOENT) {
            (void) mlops_file_fail(&err, "unlink()", dir, file);
            mlops_sync_failed(sync, &err);
            continue;
        }

        sync->counted = 0;

        mlops_fault("sync-pruned");
    }
}


static void
mlops_sync_finish(mlops_sync_t *sync, mlops_str_t *name)
{
    int          dir;
    char         path[MLOPS_NAME_LEN + 1];
    mlops_err_t  err;

    dir = mlops_store_model_dir(sync->store->models, name->data, name->len,
                                &err);

    if (dir == -1) {
        return;
    }

    mlops_sync_prune(sync, dir, NULL);

    (void) close(dir);

    /* this succeeds for what became empty only */

    memcpy(path, name->data, name->len);
    path[name->len] = '\0';

    (void) unlinkat(sync->store->models, path, AT_REMOVEDIR);
}


static int
mlops_sync_needs(const mlops_alias_t *aliases, uint32_t n,
    const char *version)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (strcmp(aliases[i].version, version) == 0) {
            return 1;
        }
    }

    return 0;
}


static const mlops_alias_t *
mlops_sync_find(const mlops_alias_t *aliases, uint32_t n, const char *alias)
{
    uint32_t  i;

    for (i = 0; i < n; i++) {
        if (strcmp(aliases[i].alias, alias) == 0) {
            return &aliases[i];
        }
    }

    return NULL;
}


static void
mlops_sync_failed(mlops_sync_t *sync, const mlops_err_t *err)
{
    if (sync->failed++ == 0) {
        *sync->err = *err;
    }
}
