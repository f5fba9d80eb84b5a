/*
 * mlopsctl publish, alias, rollback, sync: changes of the registry, and of
 * the store that follows it.
 *
 * The store is opened before the registry is touched, so that a wrong path
 * changes nothing.  Where it cannot follow afterwards the registry keeps the
 * change; the text says so, and how to try again.
 */

#include "mlopsctl.h"
#include "mlops_registry.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPSCTL_WAIT_MS  10000


enum {
    MLOPSCTL_ALIAS = 256,
    MLOPSCTL_NOTE,
    MLOPSCTL_CREATE,
    MLOPSCTL_SIZE
};


typedef struct {
    const char        *registry;
    const char        *store;
    const char        *alias;
    const char        *note;
    unsigned           create:1;
    unsigned           sized:1;         /* --size is there */
    uint64_t           size;
    char             **args;            /* what is no option */
    int                n;
    mlops_store_t      at;              /* where store is set */
    mlops_registry_t   of;
} mlopsctl_change_t;


static const struct option  mlopsctl_publish_options[] = {
    { "registry", required_argument, NULL, 'r' },
    { "store", required_argument, NULL, 's' },
    { "alias", required_argument, NULL, MLOPSCTL_ALIAS },
    { "note", required_argument, NULL, MLOPSCTL_NOTE },
    { NULL, 0, NULL, 0 }
};

static const struct option  mlopsctl_alias_options[] = {
    { "registry", required_argument, NULL, 'r' },
    { "store", required_argument, NULL, 's' },
    { "note", required_argument, NULL, MLOPSCTL_NOTE },
    { NULL, 0, NULL, 0 }
};

static const struct option  mlopsctl_rollback_options[] = {
    { "registry", required_argument, NULL, 'r' },
    { "store", required_argument, NULL, 's' },
    { NULL, 0, NULL, 0 }
};

static const struct option  mlopsctl_sync_options[] = {
    { "registry", required_argument, NULL, 'r' },
    { "store", required_argument, NULL, 's' },
    { "create", no_argument, NULL, MLOPSCTL_CREATE },
    { "size", required_argument, NULL, MLOPSCTL_SIZE },
    { NULL, 0, NULL, 0 }
};


static int mlopsctl_change_args(mlopsctl_change_t *change, int argc,
    char **argv, const struct option *options, int min, int max);
static int mlopsctl_create(const mlopsctl_change_t *change, mlops_err_t *err);
static int mlopsctl_change_open(mlopsctl_change_t *change, int create);
static int mlopsctl_change_close(mlopsctl_change_t *change, const char *name,
    int rc, const char *now, const char *version);
static void *mlopsctl_read(const char *path, size_t *len, mlops_err_t *err);
static int mlopsctl_size(const char *text, uint64_t *size);


int
mlopsctl_publish(int argc, char **argv)
{
    int                rc;
    char               version[MLOPS_VERSION_LEN + 1];
    void              *image;
    size_t             len;
    mlops_err_t        err;
    mlopsctl_change_t  change;

    rc = mlopsctl_change_args(&change, argc, argv, mlopsctl_publish_options,
                              2, 2);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    image = mlopsctl_read(change.args[1], &len, &err);

    if (image == NULL) {
        return mlopsctl_failed("%s", err.text);
    }

    if (mlopsctl_change_open(&change, 1) != MLOPSCTL_DONE) {
        free(image);
        return MLOPSCTL_FAILED;
    }

    rc = MLOPSCTL_DONE;

    if (mlops_registry_publish(&change.of, change.args[0], image, len,
                               change.alias, change.note, version, &err)
        != MLOPS_OK)
    {
        rc = (version[0] == '\0')
             ? mlopsctl_failed("%s: %s", change.args[1], err.text)
             : mlopsctl_failed("version %s was added, but: %s", version,
                               err.text);
    }

    free(image);

    return mlopsctl_change_close(&change, change.args[0], rc,
                                 version[0] ? "has version" : NULL, version);
}


int
mlopsctl_alias(int argc, char **argv)
{
    int                rc;
    mlops_err_t        err;
    const char        *name, *alias, *version;
    mlopsctl_change_t  change;

    rc = mlopsctl_change_args(&change, argc, argv, mlopsctl_alias_options, 3,
                              3);

    if (rc != MLOPSCTL_DONE
        || (rc = mlopsctl_change_open(&change, 0)) != MLOPSCTL_DONE)
    {
        return rc;
    }

    name = change.args[0];
    alias = change.args[1];
    version = change.args[2];

    if (mlops_registry_alias(&change.of, name, alias, version, change.note,
                             &err)
        != MLOPS_OK)
    {
        rc = mlopsctl_failed("%s", err.text);
    }

    return mlopsctl_change_close(&change, name, rc,
                                 rc == MLOPSCTL_DONE ? "is at version" : NULL,
                                 version);
}


int
mlopsctl_rollback(int argc, char **argv)
{
    int                rc;
    char               version[MLOPS_VERSION_LEN + 1];
    mlops_err_t        err;
    mlopsctl_change_t  change;

    rc = mlopsctl_change_args(&change, argc, argv, mlopsctl_rollback_options,
                              1, 2);

    if (rc != MLOPSCTL_DONE
        || (rc = mlopsctl_change_open(&change, 0)) != MLOPSCTL_DONE)
    {
        return rc;
    }

    if (mlops_registry_rollback(&change.of, change.args[0],
                                change.n == 2 ? change.args[1] : NULL,
                                version, &err)
        != MLOPS_OK)
    {
        rc = mlopsctl_failed("%s", err.text);
    }

    return mlopsctl_change_close(&change, change.args[0], rc,
                                 rc == MLOPSCTL_DONE ? "is at version" : NULL,
                                 version);
}


int
mlopsctl_sync(int argc, char **argv)
{
    int                rc, changed;
    mlops_err_t        err;
    mlops_store_t      store;
    mlopsctl_change_t  change;

    rc = mlopsctl_change_args(&change, argc, argv, mlopsctl_sync_options, 0,
                              1);

    if (rc != MLOPSCTL_DONE) {
        return rc;
    }

    if (change.store == NULL) {
        return mlopsctl_misused("-s STORE is missing");
    }

    if (change.sized && !change.create) {
        return mlopsctl_misused("--size goes with --create");
    }

    if (change.create && mlopsctl_create(&change, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    if (mlops_store_open(&store, change.store, 1, &err) != MLOPS_OK) {
        return mlopsctl_failed("%s", err.text);
    }

    if (mlops_sync(change.registry, &store, change.n ? change.args[0] : NULL,
                   0, MLOPSCTL_WAIT_MS, &changed, &err)
        != MLOPS_OK)
    {
        rc = mlopsctl_failed("%s", err.text);
    }

    mlops_store_close(&store);

    printf("%s\n", changed ? "changed" : "unchanged");

    return (mlopsctl_flush() == MLOPSCTL_DONE) ? rc : MLOPSCTL_FAILED;
}


/* A store that is there keeps its owners, which nginx.conf has told it, and
 * its limit where no other is given. */

static int
mlopsctl_create(const mlopsctl_change_t *change, mlops_err_t *err)
{
    int            rc;
    struct stat    models, rings;
    mlops_store_t  store;

    if (mlops_store_open(&store, change->store, 0, NULL) != MLOPS_OK) {
        return mlops_store_create(change->store, change->size, (uid_t) -1,
                                  (gid_t) -1, (uid_t) -1, err);
    }

    rc = MLOPS_OK;

    if (fstat(store.models, &models) == -1
        || fstatat(store.fd, "rings", &rings, AT_SYMLINK_NOFOLLOW) == -1)
    {
        rc = mlops_file_fail(err, "fstat()", store.fd, "rings");

    } else if (change->sized) {
        rc = mlops_store_create(change->store, change->size, models.st_uid,
                                models.st_gid, rings.st_uid, err);
    }

    mlops_store_close(&store);

    return rc;
}


static int
mlopsctl_change_args(mlopsctl_change_t *change, int argc, char **argv,
    const struct option *options, int min, int max)
{
    int  c;

    memset(change, 0, sizeof(*change));

    while ((c = mlopsctl_option(argc, argv, "r:s:", options)) != -1) {

        switch (c) {

        case 'r':
            change->registry = optarg;
            break;

        case 's':
            change->store = optarg;
            break;

        case MLOPSCTL_ALIAS:
            change->alias = optarg;
            break;

        case MLOPSCTL_NOTE:
            change->note = optarg;
            break;

        case MLOPSCTL_CREATE:
            change->create = 1;
            break;

        case MLOPSCTL_SIZE:
            if (mlopsctl_size(optarg, &change->size) != MLOPS_OK) {
                return mlopsctl_misused("--size: expected bytes, or a number "
                                        "with k, m or g, got \"%s\"", optarg);
            }

            change->sized = 1;
            break;

        default:
            return MLOPSCTL_USAGE;
        }
    }

    change->args = argv + optind;
    change->n = argc - optind;

    if (change->registry == NULL) {
        return mlopsctl_misused("-r REGISTRY is missing");
    }

    if (change->n < min || change->n > max) {
        return mlopsctl_misused("expected %d%s arguments beside the options, "
                                "got %d", min,
                                (min == max) ? "" : (min + 1 == max)
                                                    ? " or one more" : "+",
                                change->n);
    }

    return MLOPSCTL_DONE;
}


static int
mlopsctl_change_open(mlopsctl_change_t *change, int create)
{
    mlops_err_t  err;

    if (change->store != NULL
        && mlops_store_open(&change->at, change->store, 1, &err) != MLOPS_OK)
    {
        return mlopsctl_failed("%s; nothing was changed", err.text);
    }

    if (mlops_registry_open(&change->of, change->registry, create, 1, &err)
        != MLOPS_OK)
    {
        if (change->store != NULL) {
            mlops_store_close(&change->at);
        }

        return mlopsctl_failed("%s", err.text);
    }

    return MLOPSCTL_DONE;
}


/* now NULL: nothing happened, so that the store has nothing to follow. */

static int
mlopsctl_change_close(mlopsctl_change_t *change, const char *name, int rc,
    const char *now, const char *version)
{
    mlops_err_t  err;

    mlops_registry_close(&change->of);

    if (now != NULL && change->store != NULL
        && mlops_sync(change->registry, &change->at, name, 0,
                      MLOPSCTL_WAIT_MS, NULL, &err)
           != MLOPS_OK)
    {
        rc = mlopsctl_failed("the registry %s %s now, but the store does not "
                             "follow: %s; \"mlopsctl sync -r %s -s %s %s\" "
                             "tries again", now, version, err.text,
                             change->registry, change->store, name);
    }

    if (change->store != NULL) {
        mlops_store_close(&change->at);
    }

    if (now != NULL) {
        printf("%s\n", version);

        if (mlopsctl_flush() != MLOPSCTL_DONE) {
            rc = MLOPSCTL_FAILED;
        }
    }

    return rc;
}


/* Into memory of our own: what was verified is what gets published, whoever
 * writes to the file meanwhile. */

static void *
mlopsctl_read(const char *path, size_t *len, mlops_err_t *err)
{
    int           fd;
    char         *image;
    size_t        got;
    ssize_t       n;
    struct stat   st;

    image = NULL;
    fd = open(path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "open()", AT_FDCWD, path);
        goto failed;
    }

    if (!S_ISREG(st.st_mode) || st.st_size < 1
        || st.st_size > (off_t) MLOPS_IMAGE_MAX)
    {
        (void) mlops_err_set(err, "\"%s\": expected a file of 1 to %u bytes, "
                             "got %s of %lld", path, MLOPS_IMAGE_MAX,
                             S_ISREG(st.st_mode) ? "one" : "something else",
                             (long long) st.st_size);
        goto failed;
    }

    *len = (size_t) st.st_size;
    image = aligned_alloc(MLOPS_IMAGE_ALIGN,
                          mlops_align(*len, MLOPS_IMAGE_ALIGN));

    if (image == NULL) {
        (void) mlops_err_set(err, "out of memory: %zu bytes", *len);
        goto failed;
    }

    for (got = 0; got < *len; got += (size_t) n) {
        n = read(fd, image + got, *len - got);

        if (n == -1) {
            (void) mlops_file_fail(err, "read()", AT_FDCWD, path);
            goto failed;
        }

        if (n == 0) {
            (void) mlops_err_set(err, "\"%s\": it was cut while being read",
                                 path);
            goto failed;
        }
    }

    (void) close(fd);

    return image;

failed:

    if (fd != -1) {
        (void) close(fd);
    }

    free(image);

    return NULL;
}


static int
mlopsctl_size(const char *text, uint64_t *size)
{
    int    shift;
    char  *end;

    if (text[0] < '0' || text[0] > '9') {
        return MLOPS_ERROR;
    }

    errno = 0;
    *size = strtoull(text, &end, 10);

    shift = (*end == 'k' || *end == 'K') ? 10
            : (*end == 'm' || *end == 'M') ? 20
            : (*end == 'g' || *end == 'G') ? 30 : 0;

    if (shift != 0) {
        end++;
    }

    if (*end != '\0' || errno != 0 || *size > UINT64_MAX >> shift) {
        return MLOPS_ERROR;
    }

    *size <<= shift;

    return MLOPS_OK;
}
