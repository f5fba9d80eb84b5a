/*
 * The registry: opening it, and the three changes there are.
 */

#include "mlops_registry.h"
#include "mlops_registry_log.h"
#include "mlops_image.h"
#include "mlops_model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>


/* One model while it is written. */

typedef struct {
    mlops_registry_t     *registry;
    const char           *name;
    int                   dir;
    mlops_log_history_t   history;
    mlops_arena_t         arena;
} mlops_writing_t;


static int mlops_registry_make(const char *path, mlops_err_t *err);
static int mlops_registry_mkdir(const char *path);
static int mlops_registry_check(mlops_registry_t *registry, int write,
    mlops_err_t *err);
static void mlops_registry_sweep(mlops_registry_t *registry);
static int mlops_writing_open(mlops_writing_t *writing,
    mlops_registry_t *registry, const char *name, int create,
    mlops_err_t *err);
static void mlops_writing_close(mlops_writing_t *writing);
static int mlops_writing_mend(mlops_writing_t *writing, mlops_err_t *err);
static int mlops_writing_mend_alias(mlops_writing_t *writing,
    const char *alias, const char *version, const char *from,
    mlops_err_t *err);
static int mlops_writing_mend_version(mlops_writing_t *writing,
    const char *version, mlops_err_t *err);
static int mlops_writing_log(mlops_writing_t *writing, const char *op,
    const char *version, const char *alias, const char *from,
    const char *digest, const char *note, mlops_err_t *err);
static int mlops_writing_next(mlops_writing_t *writing,
    char next[MLOPS_VERSION_LEN + 1], mlops_err_t *err);
static int mlops_writing_at(mlops_writing_t *writing, const char *alias,
    char version[MLOPS_VERSION_LEN + 1], mlops_err_t *err);
static int mlops_writing_move(mlops_writing_t *writing, const char *op,
    const char *alias, const char *version, const char *note,
    mlops_err_t *err);
static int mlops_writing_link(mlops_writing_t *writing, const char *alias,
    const char *version, mlops_err_t *err);
static int mlops_writing_load(mlops_writing_t *writing, const char *version,
    mlops_err_t *err);
static int mlops_registry_verify(const void *image, size_t len,
    mlops_err_t *err);
static int mlops_registry_alias_valid(const char *alias, mlops_err_t *err);
static mlops_str_t mlops_registry_str(const char *text);


int
mlops_registry_open(mlops_registry_t *registry, const char *path, int create,
    int write, mlops_err_t *err)
{
    memset(registry, 0, sizeof(*registry));

    registry->fd = -1;
    registry->models = -1;
    registry->lock = -1;

    if (strlen(path) == 0 || strlen(path) >= sizeof(registry->path)) {
        return mlops_err_set(err, "the path of the registry: expected 1 to "
                             "%zu bytes, got %zu",
                             sizeof(registry->path) - 1, strlen(path));
    }

    memcpy(registry->path, path, strlen(path) + 1);

    if (create && mlops_registry_make(path, err) != MLOPS_OK) {
        return mlops_err_prefix(err, "registry");
    }

    registry->fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (registry->fd == -1) {
        (void) mlops_file_fail(err, "open()", AT_FDCWD, path);
        goto failed;
    }

    registry->models = mlops_store_registry(registry->fd, path,
                                            &registry->owner,
                                            &registry->gid, err);

    if (registry->models == -1
        || mlops_registry_check(registry, write, err) != MLOPS_OK)
    {
        goto failed;
    }

    if (write) {
        registry->lock = mlops_file_lock(registry->fd, "lock",
                                         MLOPS_REGISTRY_WAIT_MS, err);

        if (registry->lock == -1) {
            goto failed;
        }

        mlops_registry_sweep(registry);
    }

    return MLOPS_OK;

failed:

    mlops_registry_close(registry);

    return mlops_err_prefix(err, "registry");
}


void
mlops_registry_close(mlops_registry_t *registry)
{
    if (registry->lock != -1) {
        (void) close(registry->lock);
        registry->lock = -1;
    }

    if (registry->models != -1) {
        (void) close(registry->models);
        registry->models = -1;
    }

    if (registry->fd != -1) {
        (void) close(registry->fd);
        registry->fd = -1;
    }
}


int
mlops_registry_publish(mlops_registry_t *registry, const char *name,
    const void *image, size_t len, const char *alias, const char *note,
    char *version_out, mlops_err_t *err)
{
    int                 rc;
    char                tmp[MLOPS_TMP_SIZE], digest[64];
    char                file[MLOPS_FILE_NAME_SIZE];
    char                version[MLOPS_VERSION_LEN + 1];
    char                from[MLOPS_VERSION_LEN + 1];
    const char         *moved;
    mlops_writing_t     writing;
    mlops_file_head_t   head;

    version_out[0] = '\0';

    if ((alias != NULL && mlops_registry_alias_valid(alias, err) != MLOPS_OK)
        || mlops_registry_verify(image, len, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_writing_open(&writing, registry, name, 1, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = MLOPS_ERROR;
    memcpy(&head, image, sizeof(head));

    (void) snprintf(digest, sizeof(digest), "xxh3:%016llx",
                    (unsigned long long) head.checksum);

    /* the line of the version names one alias; where there is no champion
     * yet it is that one */

    if (mlops_writing_at(&writing, MLOPS_CHAMPION, from, err) != MLOPS_OK) {
        goto done;
    }

    moved = (from[0] == '\0') ? MLOPS_CHAMPION : alias;
    from[0] = '\0';

    if ((moved != NULL
         && mlops_writing_at(&writing, moved, from, err) != MLOPS_OK)
        || mlops_writing_next(&writing, version, err) != MLOPS_OK
        || mlops_file_write(writing.dir, image, len, 0444, registry->uid,
                            registry->gid, 1, tmp, err)
           != MLOPS_OK)
    {
        goto done;
    }

    (void) snprintf(file, sizeof(file), "%s.mlm", version);

    if (mlops_file_commit(writing.dir, tmp, file, 1, 1, err) != MLOPS_OK) {
        goto done;
    }

    mlops_fault("publish-named");

    if (mlops_writing_log(&writing, "publish", version, moved, from, digest,
                          note, err)
        != MLOPS_OK)
    {
        /* nobody has seen it: as if it had never been */

        (void) unlinkat(writing.dir, file, 0);
        goto done;
    }

    mlops_fault("publish-logged");

    memcpy(version_out, version, sizeof(version));

    if (moved != NULL
        && mlops_writing_link(&writing, moved, version, err) != MLOPS_OK)
    {
        goto done;
    }

    if (alias != NULL && strcmp(alias, moved) != 0
        && mlops_writing_move(&writing, "alias", alias, version, note, err)
           != MLOPS_OK)
    {
        goto done;
    }

    rc = MLOPS_OK;

done:

    mlops_writing_close(&writing);

    if (rc != MLOPS_OK) {
        (void) mlops_err_prefix(err, "model \"%s\"", name);

        /* this succeeds where the model is new and got nothing */

        (void) unlinkat(registry->models, name, AT_REMOVEDIR);
    }

    return rc;
}


int
mlops_registry_alias(mlops_registry_t *registry, const char *name,
    const char *alias, const char *version, const char *note,
    mlops_err_t *err)
{
    int              rc;
    mlops_writing_t  writing;

    if (mlops_registry_alias_valid(alias, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (!mlops_version_valid(version, strlen(version))) {
        return mlops_err_set(err, "\"%.64s\" is no version: expected digits, "
                             "or digits.digits, of at most %d characters",
                             version, MLOPS_VERSION_LEN);
    }

    if (mlops_writing_open(&writing, registry, name, 0, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlops_writing_load(&writing, version, err);

    if (rc == MLOPS_OK) {
        rc = mlops_writing_move(&writing, "alias", alias, version, note, err);
    }

    mlops_writing_close(&writing);

    if (rc != MLOPS_OK) {
        (void) mlops_err_prefix(err, "model \"%s\"", name);
    }

    return rc;
}


int
mlops_registry_rollback(mlops_registry_t *registry, const char *name,
    const char *alias, char *version_out, mlops_err_t *err)
{
    int                 rc;
    char                file[MLOPS_FILE_NAME_SIZE];
    struct stat         st;
    mlops_writing_t     writing;
    mlops_log_stop_t   *stop;
    mlops_log_track_t  *track;

    version_out[0] = '\0';

    if (alias == NULL) {
        alias = MLOPS_CHAMPION;
    }

    if (mlops_registry_alias_valid(alias, err) != MLOPS_OK
        || mlops_writing_open(&writing, registry, name, 0, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    rc = MLOPS_ERROR;
    track = mlops_log_track(&writing.history, alias);

    if (track == NULL || track->top == NULL || track->top->version[0] == '\0')
    {
        (void) mlops_err_set(err, "there is no alias \"%s\"", alias);
        goto done;
    }

    /* a version that was removed on purpose is passed over */

    for (stop = track->top->below; stop != NULL; stop = stop->below) {
        (void) snprintf(file, sizeof(file), "%s.mlm", stop->version);

        if (stop->version[0] != '\0'
            && strcmp(stop->version, track->top->version) != 0
            && fstatat(writing.dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0)
        {
            break;
        }
    }

    if (stop == NULL) {
        (void) mlops_err_set(err, "alias \"%s\" is at version %s: there is "
                             "none before it", alias, track->top->version);
        goto done;
    }

    if (mlops_writing_load(&writing, stop->version, err) != MLOPS_OK
        || mlops_writing_move(&writing, "rollback", alias, stop->version,
                              NULL, err)
           != MLOPS_OK)
    {
        goto done;
    }

    memcpy(version_out, stop->version, sizeof(stop->version));
    rc = MLOPS_OK;

done:

    mlops_writing_close(&writing);

    if (rc != MLOPS_OK) {
        (void) mlops_err_prefix(err, "model \"%s\"", name);
    }

    return rc;
}


static int
mlops_registry_make(const char *path, mlops_err_t *err)
{
    int          dir, up, rc, made;
    uid_t        uid;
    gid_t        gid;
    struct stat  st;

    made = (mlops_registry_mkdir(path) == 0);

    if (!made && errno != EEXIST) {
        return mlops_file_fail(err, "mkdir()", AT_FDCWD, path);
    }

    mlops_fault("registry-dir");

    dir = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (dir == -1 || fstat(dir, &st) == -1) {
        rc = mlops_file_fail(err, "open()", AT_FDCWD, path);
        goto done;
    }

    uid = (uid_t) -1;
    gid = (gid_t) -1;

    if (geteuid() == 0) {
        uid = st.st_uid;
        gid = st.st_gid;
    }

    if (made) {

        if (fchmod(dir, 0755) == -1) {
            rc = mlops_file_fail(err, "chmod()", AT_FDCWD, path);
            goto done;
        }

        /* its name as well is to outlive a crash, as far as we may see to
         * that */

        up = openat(dir, "..", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

        if (up != -1) {
            (void) mlops_file_sync_dir(up, NULL);
            (void) close(up);
        }
    }

    rc = mlops_file_mkdir(dir, "models", 0755, uid, gid, 1, err);

done:

    if (dir != -1) {
        (void) close(dir);
    }

    return rc;
}


/* A directory and, where they are missing, those on the way to it: 0, or -1
 * and errno as mkdir() has them. */

static int
mlops_registry_mkdir(const char *path)
{
    int    rc;
    char  *p, *copy;

    if (mkdir(path, 0755) == 0) {
        return 0;
    }

    if (errno != ENOENT || *path == '\0') {
        return -1;
    }

    copy = strdup(path);

    if (copy == NULL) {
        return -1;
    }

    rc = 0;

    for (p = strchr(copy + 1, '/'); rc == 0 && p; p = strchr(p + 1, '/')) {
        *p = '\0';
        rc = mkdir(copy, 0755);

        if (rc == -1 && errno == EEXIST) {
            rc = 0;
        }

        *p = '/';
    }

    free(copy);

    if (rc == 0 && mkdir(path, 0755) == -1 && errno != EEXIST) {
        rc = -1;
    }

    return rc;
}


static int
mlops_registry_check(mlops_registry_t *registry, int write, mlops_err_t *err)
{
    if (write
        && faccessat(registry->fd, "control", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
    {
        return mlops_err_set(err, "\"%s\" is a store: found \"control\" in it",
                             registry->path);
    }

    if (write && geteuid() != 0 && registry->owner != geteuid()) {
        return mlops_err_set(err, "\"%s\" is written by uid %ld and root "
                             "only: got uid %ld", registry->path,
                             (long) registry->owner, (long) geteuid());
    }

    registry->uid = registry->owner;

    if (geteuid() != 0) {
        registry->uid = (uid_t) -1;
        registry->gid = (gid_t) -1;
    }

    return MLOPS_OK;
}


/* Under the lock: what is temporary belongs to nobody alive. */

static void
mlops_registry_sweep(mlops_registry_t *registry)
{
    int             dir;
    uint32_t        i, n;
    mlops_str_t    *names;
    mlops_arena_t   arena;

    (void) mlops_file_sweep(registry->fd);
    (void) mlops_file_sweep(registry->models);

    mlops_arena_init(&arena, NULL, NULL);

    if (mlops_store_names(registry->models, &names, &n, &arena, NULL)
        != MLOPS_OK)
    {
        n = 0;
    }

    for (i = 0; i < n; i++) {
        dir = mlops_store_model_dir(registry->models, names[i].data,
                                    names[i].len, NULL);

        if (dir != -1) {
            (void) mlops_file_sweep(dir);
            (void) close(dir);
        }
    }

    mlops_arena_destroy(&arena);
}


static int
mlops_writing_open(mlops_writing_t *writing, mlops_registry_t *registry,
    const char *name, int create, mlops_err_t *err)
{
    memset(writing, 0, sizeof(*writing));

    writing->registry = registry;
    writing->name = name;
    writing->dir = -1;

    mlops_arena_init(&writing->arena, NULL, NULL);

    if (registry->lock == -1) {
        return mlops_err_set(err, "the registry is open for reading only");
    }

    writing->dir = mlops_store_model_dir(registry->models, name, strlen(name),
                                         err);

    if (writing->dir == -1 && errno == ENOENT) {

        if (!create) {
            return mlops_err_set(err, "registry \"%s\" has no model \"%s\"",
                                 registry->path, name);
        }

        if (mlops_file_mkdir(registry->models, name, 0755, registry->uid,
                             registry->gid, 1, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        writing->dir = mlops_store_model_dir(registry->models, name,
                                             strlen(name), err);
    }

    if (writing->dir == -1) {
        return MLOPS_ERROR;
    }

    if (mlops_writing_mend(writing, err) != MLOPS_OK) {
        (void) mlops_err_prefix(err, "model \"%s\"", name);
        mlops_writing_close(writing);
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static void
mlops_writing_close(mlops_writing_t *writing)
{
    if (writing->dir != -1) {
        (void) close(writing->dir);
        writing->dir = -1;
    }

    mlops_arena_destroy(&writing->arena);
}


/* Makes the log say what is there, and reads it. */

static int
mlops_writing_mend(mlops_writing_t *writing, mlops_err_t *err)
{
    int                   wrote;
    uint32_t              i, n, naliases;
    const char           *said;
    char                  now[MLOPS_VERSION_LEN + 1];
    mlops_alias_t        *aliases;
    mlops_version_t      *versions;
    mlops_log_track_t    *track;
    mlops_log_history_t  *history;

    history = &writing->history;

    if (mlops_log_mend(writing->dir, err) != MLOPS_OK
        || mlops_log_history(writing->dir, history, &writing->arena, err)
           != MLOPS_OK
        || mlops_store_versions(writing->dir, &versions, &n, &writing->arena,
                                err)
           != MLOPS_OK
        || mlops_store_aliases(writing->dir, &aliases, &naliases,
                               &writing->arena, err)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_fault("mend-read");

    wrote = 0;

    for (i = 0; i < n; i++) {

        if (history->newest[0] != '\0'
            && mlops_version_cmp(versions[i].version, history->newest) <= 0)
        {
            continue;
        }

        if (mlops_writing_mend_version(writing, versions[i].version, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        wrote = 1;
    }

    for (i = 0; i < naliases; i++) {
        track = mlops_log_track(history, aliases[i].alias);
        said = (track && track->top) ? track->top->version : "";

        if (strcmp(said, aliases[i].version) == 0) {
            continue;
        }

        if (mlops_writing_mend_alias(writing, aliases[i].alias,
                                     aliases[i].version, said, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        wrote = 1;
    }

    for (track = history->tracks; track != NULL; track = track->next) {
        said = track->top ? track->top->version : "";

        if (said[0] == '\0') {
            continue;
        }

        if (mlops_writing_at(writing, track->alias, now, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (now[0] != '\0') {
            continue;
        }

        if (mlops_writing_mend_alias(writing, track->alias, "", said, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        wrote = 1;
    }

    /* the lines just written count as well */

    return wrote ? mlops_log_history(writing->dir, history, &writing->arena,
                                     err)
                 : MLOPS_OK;
}


static int
mlops_writing_mend_alias(mlops_writing_t *writing, const char *alias,
    const char *version, const char *from, mlops_err_t *err)
{
    int  rc;

    rc = mlops_writing_log(writing, "recover", version, alias, from, NULL,
                           NULL, err);

    mlops_fault("mend-alias");

    return rc;
}


static int
mlops_writing_mend_version(mlops_writing_t *writing, const char *version,
    mlops_err_t *err)
{
    int                fd, rc;
    char               file[MLOPS_FILE_NAME_SIZE], digest[64];
    size_t             len;
    mlops_file_head_t  head;

    (void) snprintf(file, sizeof(file), "%s.mlm", version);

    digest[0] = '\0';

    fd = mlops_file_open(writing->dir, file, MLOPS_IMAGE_MAX,
                         MLOPS_FILE_OWNER, writing->registry->owner, &len,
                         NULL);

    if (fd != -1) {

        if (mlops_file_head(fd, len, MLOPS_IMAGE_MAGIC, &head, NULL)
            == MLOPS_OK)
        {
            (void) snprintf(digest, sizeof(digest), "xxh3:%016llx",
                            (unsigned long long) head.checksum);
        }

        (void) close(fd);
    }

    rc = mlops_writing_log(writing, "recover", version, NULL, NULL, digest,
                           NULL, err);

    mlops_fault("mend-version");

    return rc;
}


static int
mlops_writing_log(mlops_writing_t *writing, const char *op,
    const char *version, const char *alias, const char *from,
    const char *digest, const char *note, mlops_err_t *err)
{
    mlops_str_t       text;
    mlops_log_line_t  line;

    memset(&line, 0, sizeof(line));

    line.op = mlops_registry_str(op);
    line.version = mlops_registry_str(version);
    line.alias = mlops_registry_str(alias);
    line.from = mlops_registry_str(from);
    line.digest = mlops_registry_str(digest);
    line.note = mlops_registry_str(note);

    text = mlops_log_text(&line, &writing->arena, err);

    if (text.len == 0) {
        return MLOPS_ERROR;
    }

    return mlops_log_append(writing->registry, writing->dir, &text, err);
}


/* The integer part of the highest version ever seen, and one: a version that
 * was removed does not come back as something else. */

static int
mlops_writing_next(mlops_writing_t *writing, char next[MLOPS_VERSION_LEN + 1],
    mlops_err_t *err)
{
    size_t            len, i;
    uint32_t          n;
    const char       *last;
    mlops_version_t  *versions;

    if (mlops_store_versions(writing->dir, &versions, &n, &writing->arena,
                             err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    last = writing->history.newest;

    if (n > 0
        && (last[0] == '\0'
            || mlops_version_cmp(versions[n - 1].version, last) > 0))
    {
        last = versions[n - 1].version;
    }

    len = strcspn(last, ".");

    memset(next, 0, MLOPS_VERSION_LEN + 1);

    if (len == 0) {
        next[0] = '1';
        return MLOPS_OK;
    }

    memcpy(next, last, len);

    for (i = len; i > 0; i--) {

        if (next[i - 1] != '9') {
            next[i - 1]++;
            return MLOPS_OK;
        }

        next[i - 1] = '0';
    }

    if (len == MLOPS_VERSION_LEN) {
        return mlops_err_set(err, "there is no version after %s", last);
    }

    next[0] = '1';
    next[len] = '0';

    return MLOPS_OK;
}


/* Where an alias is; "": nowhere, or at no version. */

static int
mlops_writing_at(mlops_writing_t *writing, const char *alias,
    char version[MLOPS_VERSION_LEN + 1], mlops_err_t *err)
{
    if (mlops_store_alias(writing->dir, alias, strlen(alias), version)
        == MLOPS_OK)
    {
        return MLOPS_OK;
    }

    if (errno != 0 && errno != ENOENT) {
        (void) mlops_file_fail(err, "readlink()", writing->dir, "");
        return mlops_err_prefix(err, "alias \"%s\"", alias);
    }

    version[0] = '\0';

    return MLOPS_OK;
}


/* One line, and one rename. */

static int
mlops_writing_move(mlops_writing_t *writing, const char *op,
    const char *alias, const char *version, const char *note,
    mlops_err_t *err)
{
    char  from[MLOPS_VERSION_LEN + 1];

    if (mlops_writing_at(writing, alias, from, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (strcmp(from, version) == 0) {
        return MLOPS_OK;
    }

    if (mlops_writing_log(writing, op, version, alias, from, NULL, note, err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_fault("alias-logged");

    return mlops_writing_link(writing, alias, version, err);
}


static int
mlops_writing_link(mlops_writing_t *writing, const char *alias,
    const char *version, mlops_err_t *err)
{
    char  name[MLOPS_ALIAS_NAME_SIZE], file[MLOPS_FILE_NAME_SIZE];

    (void) snprintf(name, sizeof(name), "@%s", alias);
    (void) snprintf(file, sizeof(file), "%s.mlm", version);

    if (mlops_file_link(writing->dir, file, name, 1, err) == MLOPS_OK) {
        return MLOPS_OK;
    }

    /* the log is ahead of the link now */

    (void) mlops_writing_mend(writing, NULL);

    return MLOPS_ERROR;
}


/* Is the version there, and does it load? */

static int
mlops_writing_load(mlops_writing_t *writing, const char *version,
    mlops_err_t *err)
{
    int               rc;
    char              file[MLOPS_FILE_NAME_SIZE];
    mlops_map_file_t  map;

    (void) snprintf(file, sizeof(file), "%s.mlm", version);

    rc = mlops_file_map(&map, writing->dir, file, MLOPS_IMAGE_MAX,
                        MLOPS_FILE_OWNER, writing->registry->owner, err);

    if (rc != MLOPS_OK) {

        if (errno == ENOENT) {
            (void) mlops_err_set(err, "there is no version %s", version);
        }

        return MLOPS_ERROR;
    }

    rc = mlops_registry_verify(map.data, map.len, err);

    if (rc != MLOPS_OK) {
        (void) mlops_err_prefix(err, "version %s", version);
    }

    mlops_file_unmap(&map);

    return rc;
}


static int
mlops_registry_verify(const void *image, size_t len, mlops_err_t *err)
{
    void           *copy;
    mlops_model_t  *model;

    if (len == 0 || len > MLOPS_IMAGE_MAX) {
        return mlops_err_set(err, "an image has 1 to %u bytes, got %zu",
                             MLOPS_IMAGE_MAX, len);
    }

    copy = NULL;

    if ((uintptr_t) image % MLOPS_IMAGE_ALIGN != 0) {
        copy = aligned_alloc(MLOPS_IMAGE_ALIGN,
                             mlops_align(len, MLOPS_IMAGE_ALIGN));

        if (copy == NULL) {
            return mlops_err_set(err, "out of memory: %zu bytes", len);
        }

        memcpy(copy, image, len);
        image = copy;
    }

    model = mlops_model_open(image, len, err);

    if (model != NULL) {
        mlops_model_destroy(model);
    }

    free(copy);

    return (model != NULL) ? MLOPS_OK : MLOPS_ERROR;
}


static int
mlops_registry_alias_valid(const char *alias, mlops_err_t *err)
{
    if (mlops_name_valid(alias, strlen(alias))) {
        return MLOPS_OK;
    }

    return mlops_err_set(err, "\"%.128s\" is no alias: expected 1 to %d "
                         "letters, digits, \"_\", \".\" or \"-\", the first "
                         "not \".\"", alias, MLOPS_NAME_LEN);
}


static mlops_str_t
mlops_registry_str(const char *text)
{
    mlops_str_t  str = mlops_null_str;

    if (text != NULL) {
        str.data = text;
        str.len = strlen(text);
    }

    return str;
}
