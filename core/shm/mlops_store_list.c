/*
 * What stands in a models directory: names, versions, aliases.
 *
 * The registry and the store have the same tree.  Entries of any other form
 * are somebody else's and passed over.
 */

#include "mlops_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


/* An array in an arena, while its length is unknown. */

typedef struct {
    void           *elts;
    size_t          size;
    uint32_t        n;
    uint32_t        nalloc;
    mlops_arena_t  *arena;
} mlops_list_t;


static DIR *mlops_list_open(int dir, mlops_err_t *err);
static struct dirent *mlops_list_next(DIR *stream);
static void *mlops_list_push(mlops_list_t *list, mlops_err_t *err);
static size_t mlops_list_file(const char *name);
static int mlops_list_name_cmp(const void *one, const void *two);
static int mlops_list_alias_cmp(const void *one, const void *two);
static int mlops_list_version_cmp(const void *one, const void *two);


int
mlops_name_valid(const char *name, size_t len)
{
    char    c;
    size_t  i;

    if (len == 0 || len > MLOPS_NAME_LEN || name[0] == '.') {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = name[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-'))
        {
            return 0;
        }
    }

    return 1;
}


/* Digits, or digits.digits; a number has one spelling: no leading zeros. */

int
mlops_version_valid(const char *version, size_t len)
{
    size_t  i, start, parts;

    if (len == 0 || len > MLOPS_VERSION_LEN) {
        return 0;
    }

    parts = 1;
    start = 0;

    for (i = 0; i < len; i++) {

        if (version[i] == '.' && i > start) {
            start = i + 1;

            if (++parts > 2) {
                return 0;
            }

            continue;
        }

        if (version[i] < '0' || version[i] > '9'
            || (i > start && version[start] == '0'))
        {
            return 0;
        }
    }

    return len > start;
}


int
mlops_version_cmp(const char *a, const char *b)
{
    int     rc;
    size_t  n, m;

    for ( ;; ) {
        n = strspn(a, "0123456789");
        m = strspn(b, "0123456789");

        if (n != m) {
            return n < m ? -1 : 1;
        }

        rc = memcmp(a, b, n);

        if (rc != 0) {
            return rc < 0 ? -1 : 1;
        }

        a += n;
        b += n;

        if (*a != '.' || *b != '.') {
            return (*a == '.') - (*b == '.');
        }

        a++;
        b++;
    }
}


int
mlops_store_model_dir(int models, const char *name, size_t len,
    mlops_err_t *err)
{
    int          fd;
    char         path[MLOPS_NAME_LEN + 1];
    struct stat  st, parent;

    if (!mlops_name_valid(name, len)) {
        errno = 0;
        (void) mlops_err_set(err, "\"%.*s\" is no name of a model: expected "
                             "1 to %d letters, digits, \"_\", \".\" or \"-\", "
                             "the first not \".\"",
                             (int) (len > 128 ? 128 : len), name,
                             MLOPS_NAME_LEN);
        return -1;
    }

    memcpy(path, name, len);
    path[len] = '\0';

    fd = openat(models, path, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", models, path);
    }

    if (fstat(models, &parent) == -1 || fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", models, path);
        (void) close(fd);
        return -1;
    }

    if (st.st_uid != 0 && st.st_uid != geteuid()
        && st.st_uid != parent.st_uid)
    {
        (void) mlops_err_set(err, "the directory of model \"%s\" belongs to "
                             "uid %ld: expected root or uid %ld", path,
                             (long) st.st_uid, (long) parent.st_uid);
        goto refused;
    }

    if (st.st_mode & 02) {
        (void) mlops_err_set(err, "the directory of model \"%s\" may be "
                             "written by everybody: expected mode 0755, "
                             "got %04o", path, st.st_mode & 07777);
        goto refused;
    }

    return fd;

refused:

    (void) close(fd);
    errno = 0;

    return -1;
}


int
mlops_store_registry(int dir, const char *path, uid_t *owner, gid_t *group,
    mlops_err_t *err)
{
    int          fd;
    struct stat  root, st;

    fd = openat(dir, "models", O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", dir, "models");
    }

    if (fstat(dir, &root) == -1 || fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", dir, "models");
        goto failed;
    }

    if ((root.st_mode & 02) || (st.st_mode & 02)) {
        (void) mlops_err_set(err, "\"%s\" may be written by everybody: "
                             "expected mode 0755, got %04o and %04o for "
                             "models", path, root.st_mode & 07777,
                             st.st_mode & 07777);
        goto failed;
    }

    if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != root.st_uid) {
        (void) mlops_err_set(err, "\"%s/models\" belongs to uid %ld: expected "
                             "root or uid %ld", path, (long) st.st_uid,
                             (long) root.st_uid);
        goto failed;
    }

    *owner = st.st_uid;
    *group = st.st_gid;

    return fd;

failed:

    (void) close(fd);

    return -1;
}


int
mlops_store_models(const mlops_store_t *store, mlops_str_t **names,
    uint32_t *n, mlops_arena_t *arena, mlops_err_t *err)
{
    return mlops_store_names(store->models, names, n, arena, err);
}


int
mlops_store_names(int models, mlops_str_t **names, uint32_t *n,
    mlops_arena_t *arena, mlops_err_t *err)
{
    DIR            *stream;
    size_t          len;
    mlops_str_t    *name;
    struct stat     st;
    mlops_list_t    list = { NULL, sizeof(mlops_str_t), 0, 0, arena };
    struct dirent  *entry;

    stream = mlops_list_open(models, err);

    if (stream == NULL) {
        return MLOPS_ERROR;
    }

    while ((entry = mlops_list_next(stream)) != NULL) {
        len = strlen(entry->d_name);

        if (!mlops_name_valid(entry->d_name, len)
            || fstatat(models, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1
            || !S_ISDIR(st.st_mode))
        {
            continue;
        }

        name = mlops_list_push(&list, err);

        if (name == NULL) {
            goto failed;
        }

        name->data = mlops_arena_copy(arena, entry->d_name, len);
        name->len = len;

        if (name->data == NULL) {
            (void) mlops_err_set(err, "out of memory");
            goto failed;
        }
    }

    if (errno != 0) {
        (void) mlops_file_fail(err, "readdir()", models, "");
        goto failed;
    }

    (void) closedir(stream);

    if (list.n > 1) {
        qsort(list.elts, list.n, list.size, mlops_list_name_cmp);
    }

    *names = list.elts;
    *n = list.n;

    return MLOPS_OK;

failed:

    (void) closedir(stream);

    return MLOPS_ERROR;
}


int
mlops_store_aliases(int dir, mlops_alias_t **aliases, uint32_t *n,
    mlops_arena_t *arena, mlops_err_t *err)
{
    DIR            *stream;
    char           *name, version[MLOPS_VERSION_LEN + 1];
    size_t          len;
    mlops_list_t    list = { NULL, sizeof(mlops_alias_t), 0, 0, arena };
    mlops_alias_t  *alias;
    struct dirent  *entry;

    stream = mlops_list_open(dir, err);

    if (stream == NULL) {
        return MLOPS_ERROR;
    }

    while ((entry = mlops_list_next(stream)) != NULL) {

        if (entry->d_name[0] != '@') {
            continue;
        }

        name = entry->d_name + 1;
        len = strlen(name);

        if (!mlops_name_valid(name, len)) {
            continue;
        }

        if (mlops_store_alias(dir, name, len, version) != MLOPS_OK) {

            if (errno == 0 || errno == ENOENT) {
                continue;
            }

            (void) mlops_file_fail(err, "readlink()", dir, entry->d_name);
            goto failed;
        }

        alias = mlops_list_push(&list, err);

        if (alias == NULL) {
            goto failed;
        }

        memcpy(alias->alias, name, len + 1);
        memcpy(alias->version, version, sizeof(version));
    }

    if (errno != 0) {
        (void) mlops_file_fail(err, "readdir()", dir, "");
        goto failed;
    }

    (void) closedir(stream);

    if (list.n > 1) {
        qsort(list.elts, list.n, list.size, mlops_list_alias_cmp);
    }

    *aliases = list.elts;
    *n = list.n;

    return MLOPS_OK;

failed:

    (void) closedir(stream);

    return MLOPS_ERROR;
}


int
mlops_store_alias(int dir, const char *alias, size_t len,
    char version[MLOPS_VERSION_LEN + 1])
{
    char     name[MLOPS_ALIAS_NAME_SIZE], target[MLOPS_FILE_NAME_SIZE];
    size_t   version_len;
    ssize_t  n;

    if (!mlops_name_valid(alias, len)) {
        errno = 0;
        return MLOPS_ERROR;
    }

    name[0] = '@';
    memcpy(name + 1, alias, len);
    name[1 + len] = '\0';

    n = readlinkat(dir, name, target, sizeof(target));

    if (n == -1) {

        if (errno == EINVAL) {
            errno = 0;
        }

        return MLOPS_ERROR;
    }

    /* a target that fills the buffer is too long: there is no terminator */

    errno = 0;

    if ((size_t) n == sizeof(target)) {
        return MLOPS_ERROR;
    }

    target[n] = '\0';
    version_len = mlops_list_file(target);

    if (version_len == 0) {
        return MLOPS_ERROR;
    }

    memset(version, 0, MLOPS_VERSION_LEN + 1);
    memcpy(version, target, version_len);

    return MLOPS_OK;
}


int
mlops_store_versions(int dir, mlops_version_t **versions, uint32_t *n,
    mlops_arena_t *arena, mlops_err_t *err)
{
    DIR              *stream;
    size_t            len;
    struct stat       st;
    mlops_list_t      list = { NULL, sizeof(mlops_version_t), 0, 0, arena };
    struct dirent    *entry;
    mlops_version_t  *version;

    stream = mlops_list_open(dir, err);

    if (stream == NULL) {
        return MLOPS_ERROR;
    }

    while ((entry = mlops_list_next(stream)) != NULL) {
        len = mlops_list_file(entry->d_name);

        if (len == 0) {
            continue;
        }

        if (fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1) {

            if (errno == ENOENT) {
                continue;
            }

            (void) mlops_file_fail(err, "fstatat()", dir, entry->d_name);
            goto failed;
        }

        if (!S_ISREG(st.st_mode)) {
            continue;
        }

        version = mlops_list_push(&list, err);

        if (version == NULL) {
            goto failed;
        }

        memset(version, 0, sizeof(*version));
        memcpy(version->version, entry->d_name, len);
        version->bytes = (uint64_t) st.st_size;
        version->mtime = (int64_t) st.st_mtime;
    }

    if (errno != 0) {
        (void) mlops_file_fail(err, "readdir()", dir, "");
        goto failed;
    }

    (void) closedir(stream);

    if (list.n > 1) {
        qsort(list.elts, list.n, list.size, mlops_list_version_cmp);
    }

    *versions = list.elts;
    *n = list.n;

    return MLOPS_OK;

failed:

    (void) closedir(stream);

    return MLOPS_ERROR;
}


/* A stream of its own: the position of a descriptor is shared by its
 * duplicates. */

static DIR *
mlops_list_open(int dir, mlops_err_t *err)
{
    int   fd;
    DIR  *stream;

    fd = openat(dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == -1) {
        (void) mlops_file_fail(err, "open()", dir, "");
        return NULL;
    }

    stream = fdopendir(fd);

    if (stream == NULL) {
        (void) mlops_file_fail(err, "fdopendir()", dir, "");
        (void) close(fd);
    }

    return stream;
}


/* NULL: the end, errno being 0, or an error.  A list that ends early would
 * make what is missing in it look removed. */

static struct dirent *
mlops_list_next(DIR *stream)
{
    errno = 0;

    return readdir(stream);
}


static void *
mlops_list_push(mlops_list_t *list, mlops_err_t *err)
{
    void      *elts;
    uint32_t   nalloc;

    if (list->n == list->nalloc) {
        nalloc = list->nalloc ? list->nalloc * 2 : 16;
        elts = mlops_arena_alloc(list->arena, nalloc * list->size);

        if (elts == NULL) {
            (void) mlops_err_set(err, "out of memory");
            return NULL;
        }

        if (list->n > 0) {
            memcpy(elts, list->elts, list->n * list->size);
        }

        list->elts = elts;
        list->nalloc = nalloc;
    }

    return (char *) list->elts + list->n++ * list->size;
}


/* The length of the version in "<version>.mlm", or 0. */

static size_t
mlops_list_file(const char *name)
{
    size_t  len;

    len = strlen(name);

    if (len < sizeof(".mlm") || memcmp(name + len - 4, ".mlm", 4) != 0
        || !mlops_version_valid(name, len - 4))
    {
        return 0;
    }

    return len - 4;
}


static int
mlops_list_name_cmp(const void *one, const void *two)
{
    const mlops_str_t  *a, *b;

    a = one;
    b = two;

    return strcmp(a->data, b->data);
}


static int
mlops_list_alias_cmp(const void *one, const void *two)
{
    const mlops_alias_t  *a, *b;

    a = one;
    b = two;

    return strcmp(a->alias, b->alias);
}


static int
mlops_list_version_cmp(const void *one, const void *two)
{
    const mlops_version_t  *a, *b;

    a = one;
    b = two;

    return mlops_version_cmp(a->version, b->version);
}
