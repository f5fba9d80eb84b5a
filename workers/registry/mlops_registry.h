/*
 * The registry: the truth about models, a directory.
 *
 *     lock                             held (OFD) by whoever writes
 *     models/<name>/<version>.mlm      immutable, 0444; max + 1 is next
 *     models/<name>/@<alias>           symlink to "<version>.mlm"
 *     models/<name>/log                append-only, one JSON object a line
 *
 * A line of the log:
 *
 *     {"time":"2026-01-31T12:00:00.123Z","user":"ann","op":"publish",
 *      "version":"3","alias":"champion","from":"2",
 *      "digest":"xxh3:0123456789abcdef","note":"…"}
 *
 * op is publish (version, digest), alias or rollback (alias, version, from),
 * or recover (an alias found elsewhere than the log says, after a crash).
 * Unknown members and ops are kept and passed over: gate reports, approvals
 * and tags are lines of their own.  A line is written by one write(2) to an
 * O_APPEND descriptor and synced before the link moves; a torn last line is
 * closed with a newline by the next writer and passed over by readers.
 */

#ifndef MLOPS_REGISTRY_H
#define MLOPS_REGISTRY_H


#include "mlops_base.h"
#include "mlops_store.h"


typedef struct {
    int   fd;
    int   models;
    int   lock;                     /* held for the writer's life, or -1 */
    char  path[1024];
} mlops_registry_t;


/* Opens; with create, makes it where it is missing; with write, takes the
 * lock and mends what a dead writer left. */
int mlops_registry_open(mlops_registry_t *registry, const char *path,
    int create, int write, mlops_err_t *err);
void mlops_registry_close(mlops_registry_t *registry);

/* Verifies an image with the production loader and adds it as the next
 * version; the very first of a name also becomes champion.  version_out has
 * room for MLOPS_VERSION_LEN + 1. */
int mlops_registry_publish(mlops_registry_t *registry, const char *name,
    const void *image, size_t len, const char *alias, const char *note,
    char *version_out, mlops_err_t *err);

int mlops_registry_alias(mlops_registry_t *registry, const char *name,
    const char *alias, const char *version, const char *note,
    mlops_err_t *err);

/* The previous distinct version in the log; repeated, further back. */
int mlops_registry_rollback(mlops_registry_t *registry, const char *name,
    const char *alias, char *version_out, mlops_err_t *err);


#endif /* MLOPS_REGISTRY_H */
