/*
 * Files of a command that are to be apart.
 */

#include "mlops_apart.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>


static int mlops_apart_folder(const char *path, struct stat *st,
    const char **name);
static int mlops_apart_bare(const char *path, size_t len, char *bare);


int
mlops_apart_same(const char *one, const char *two)
{
    int           first, second;
    const char   *a, *b;
    struct stat   st, other;

    first = (stat(one, &st) == 0);
    second = (stat(two, &other) == 0);

    if (first != second) {
        return 0;
    }

    if (first) {
        return S_ISREG(st.st_mode) && st.st_dev == other.st_dev
               && st.st_ino == other.st_ino;
    }

    return mlops_apart_folder(one, &st, &a) == MLOPS_OK
           && mlops_apart_folder(two, &other, &b) == MLOPS_OK
           && st.st_dev == other.st_dev && st.st_ino == other.st_ino
           && strcmp(a, b) == 0;
}


/* The folder that a file would be in, and its name there. */

static int
mlops_apart_folder(const char *path, struct stat *st, const char **name)
{
    char         folder[PATH_MAX];
    size_t       len;
    const char  *slash;

    slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    len = (size_t) (*name - path);

    if (len >= sizeof(folder)) {
        return MLOPS_ERROR;
    }

    memcpy(folder, path, len);
    folder[len] = '\0';

    return stat(len ? folder : ".", st) == 0 ? MLOPS_OK : MLOPS_ERROR;
}


int
mlops_apart_within(const char *path, const char *folder)
{
    char         *slash;
    char          real[PATH_MAX], bare[PATH_MAX], other[PATH_MAX];
    const char   *name;
    struct stat   st, at;

    name = strrchr(path, '/');
    name = name ? name + 1 : path;

    if (mlops_apart_bare(path, (size_t) (name - path), bare) != MLOPS_OK
        || mlops_apart_bare(folder, strlen(folder), other) != MLOPS_OK)
    {
        return 0;
    }

    if (stat(other, &st) == -1) {
        return stat(bare, &at) == -1 && mlops_apart_same(bare, other);
    }

    if (realpath(path, real) != NULL) {
        *strrchr(real, '/') = '\0';

    } else if (realpath(bare, real) == NULL) {
        return 0;
    }

    for ( ;; ) {

        if (stat(real[0] ? real : "/", &at) == 0 && at.st_dev == st.st_dev
            && at.st_ino == st.st_ino)
        {
            return 1;
        }

        slash = strrchr(real, '/');

        if (slash == NULL) {
            return 0;
        }

        *slash = '\0';
    }
}


/* A folder's path without slashes at its end. */

static int
mlops_apart_bare(const char *path, size_t len, char *bare)
{
    while (len > 1 && path[len - 1] == '/') {
        len--;
    }

    if (len == 0) {
        path = ".";
        len = 1;
    }

    if (len >= PATH_MAX) {
        return MLOPS_ERROR;
    }

    memcpy(bare, path, len);
    bare[len] = '\0';

    return MLOPS_OK;
}


int
mlops_apart_check(const mlops_apart_t *files, size_t n, mlops_err_t *err)
{
    size_t                i, k;
    const mlops_apart_t  *out, *other;

    for (i = 0; i < n; i++) {
        out = &files[i];

        for (k = 0; out->written && out->path != NULL && k < n; k++) {
            other = &files[k];

            if (k == i || other->path == NULL
                || (out->pair != 0 && out->pair == other->pair)
                || !mlops_apart_same(out->path, other->path))
            {
                continue;
            }

            return mlops_err_set(err, "%s: %s is the same file as %s, %s",
                                 out->what, out->path, other->what,
                                 other->path);
        }
    }

    return MLOPS_OK;
}
