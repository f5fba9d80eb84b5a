/*
 * plan.json from a file, as sidecars and tools read it.
 */

#include "mlops_plan.h"

#include "mlops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_PLAN_FILE_MAX  (64 * 1024 * 1024)


static char *mlops_plan_load_text(mlops_arena_t *arena, const char *path,
    size_t *len, mlops_err_t *err);


int
mlops_plan_load(mlops_plan_t *plan, const char *path, mlops_arena_t *arena,
    mlops_err_t *err)
{
    char                *text;
    size_t               len;
    mlops_plan_where_t   where;

    mlops_plan_init(plan, arena);

    text = mlops_plan_load_text(arena, path, &len, err);

    if (text == NULL) {
        return MLOPS_ERROR;
    }

    if (mlops_plan_read(plan, text, len, &where, err) == MLOPS_OK) {
        return MLOPS_OK;
    }

    if (where.line != 0) {
        return mlops_err_prefix(err, "%s: %.*s:%u", path,
                                mlops_fmt(&where.file),
                                (unsigned) where.line);
    }

    return mlops_err_prefix(err, "%s", path);
}


static char *
mlops_plan_load_text(mlops_arena_t *arena, const char *path, size_t *len,
    mlops_err_t *err)
{
    int           fd;
    char         *text;
    size_t        have;
    ssize_t       n;
    struct stat   st;

    fd = open(path, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        (void) mlops_err_set(err, "cannot open the plan \"%s\": %s%s", path,
                             strerror(errno),
                             (errno == ENOENT)
                             ? " (nginx writes it into its store as it "
                               "starts)" : "");
        goto failed;
    }

    if (!S_ISREG(st.st_mode) || st.st_size <= 0
        || st.st_size > MLOPS_PLAN_FILE_MAX)
    {
        (void) mlops_err_set(err, "the plan \"%s\": expected a file of 1 to "
                             "%d bytes", path, MLOPS_PLAN_FILE_MAX);
        goto failed;
    }

    *len = (size_t) st.st_size;
    text = mlops_arena_alloc(arena, *len);

    if (text == NULL) {
        (void) mlops_err_set(err, "out of memory for the plan \"%s\"", path);
        goto failed;
    }

    for (have = 0; have < *len; have += (size_t) n) {
        n = read(fd, text + have, *len - have);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            (void) mlops_err_set(err, "cannot read the plan \"%s\": %s", path,
                                 (n == 0) ? "it became shorter"
                                          : strerror(errno));
            goto failed;
        }
    }

    (void) close(fd);

    return text;

failed:

    if (fd != -1) {
        (void) close(fd);
    }

    return NULL;
}
