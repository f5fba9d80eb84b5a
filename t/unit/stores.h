/*
 * What tests of the store and the registry share: toy images of their own
 * contents, and looking at directories by plain system calls.
 */

#ifndef MLOPS_STORES_H
#define MLOPS_STORES_H


#include "unit.h"
#include "toys.h"
#include "mlops_registry.h"
#include "mlops_registry_log.h"
#include "mlops_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>


/* y = x + n: another n, another image. */

static inline void *
stores_image(double n, size_t *len)
{
    void             *data;
    double            one;
    uint32_t          in, out;
    mlops_err_t       err;
    mlops_builder_t  *b;

    one = 1;
    b = mlops_builder_create();
    assert_non_null(b);

    in = toy_input(b, "x", MLOPS_TYPE_FP64);
    out = mlops_builder_affine(b, 0, &in, 1, MLOPS_BUILDER_NEW, 1, &n, &one);
    toy_signature(b, &in, 1, "y", MLOPS_TYPE_FP64, &out, 1);

    err.text[0] = '\0';
    unit_ok(mlops_builder_finish(b, &data, len, &err) == MLOPS_OK, "%s",
            err.text);
    mlops_builder_destroy(b);

    return data;
}


static inline const char *
stores_path(const char *dir, const char *fmt, ...)
{
    int          n;
    va_list      args;
    static char  paths[4][UNIT_PATH_SIZE];
    static int   next;
    char        *path;

    path = paths[next++ % 4];
    n = snprintf(path, UNIT_PATH_SIZE, "%s/", dir);

    va_start(args, fmt);
    vsnprintf(path + n, (size_t) (UNIT_PATH_SIZE - n), fmt, args);
    va_end(args);

    return path;
}


static inline int
stores_exists(const char *path)
{
    struct stat  st;

    return lstat(path, &st) == 0;
}


/* Where a symbolic link points to, "" where there is none. */

static inline const char *
stores_target(const char *path)
{
    ssize_t      n;
    static char  target[UNIT_PATH_SIZE];

    n = readlink(path, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';

    return target;
}


/* The names in a directory, sorted, each followed by a blank. */

static int
stores_not_dots(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}


static inline const char *
stores_names(const char *path)
{
    int              i, n;
    size_t           len;
    static char      names[4096];
    struct dirent  **list;

    n = scandir(path, &list, stores_not_dots, alphasort);

    names[0] = '\0';
    len = 0;

    for (i = 0; i < n; i++) {
        len += (size_t) snprintf(names + len, sizeof(names) - len, "%s ",
                                 list[i]->d_name);
        free(list[i]);
    }

    if (n >= 0) {
        free(list);
    }

    return names;
}


static inline void
stores_has(const mlops_err_t *err, const char *part)
{
    unit_ok(strstr(err->text, part) != NULL, "no \"%s\" in: %s", part,
            err->text);
}


#define stores_ok(call)                                                       \
    do {                                                                      \
        err.text[0] = '\0';                                                   \
        unit_ok((call) == MLOPS_OK, "%s: %s", #call, err.text);               \
    } while (0)

#define stores_fails(call, part)                                              \
    do {                                                                      \
        err.text[0] = '\0';                                                   \
        unit_ok((call) != MLOPS_OK, "%s did not fail", #call);                \
        stores_has(&err, part);                                               \
    } while (0)


/* Publishes y = x + n as the next version of a model. */

static inline void
stores_publish(const char *registry, const char *name, double n,
    const char *alias, char version[MLOPS_VERSION_LEN + 1])
{
    void              *image;
    char               got[MLOPS_VERSION_LEN + 1];
    size_t             len;
    mlops_err_t        err;
    mlops_registry_t   r;

    image = stores_image(n, &len);

    stores_ok(mlops_registry_open(&r, registry, 1, 1, &err));
    stores_ok(mlops_registry_publish(&r, name, image, len, alias, NULL, got,
                                     &err));
    mlops_registry_close(&r);
    free(image);

    if (version != NULL) {
        memcpy(version, got, sizeof(got));
    }
}


#endif /* MLOPS_STORES_H */
