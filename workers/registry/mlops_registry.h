/*
 * The registry: the truth about models, a directory.
 *
 *     lock                             held (OFD) by whoever writes
 *     models/<name>/<version>.mlm      immutable, 0444; max + 1 is next
 *     models/<name>/@<alias>           symlink to "<version>.mlm"
 *     models/<name>/log                append-only, one JSON object a line
 *
 * All of it belongs to one account; root gives what it makes to the owner of
 * the directory.  mlops_registry_log.h has the log.
 *
 * A change of an alias is one line of the log, synced, and then one rename.
 * A version becomes visible by one link(2), synced, and then gets its line.
 * What was cut short in between is found by the next writer of the model: the
 * link is the truth about an alias, the file about a version, and a line of
 * op recover says so.
 */

#ifndef MLOPS_REGISTRY_H
#define MLOPS_REGISTRY_H


#include "mlops_base.h"
#include "mlops_store.h"


/* How long a writer waits for another one. */
#define MLOPS_REGISTRY_WAIT_MS  30000

#define MLOPS_CHAMPION          "champion"


typedef struct {
    int    fd;
    int    models;
    int    lock;                    /* held for the writer's life, or -1 */
    uid_t  uid;                     /* to give new files to, or -1 */
    gid_t  gid;
    uid_t  owner;                   /* of models/ */
    char   path[1024];
} mlops_registry_t;


/* Opens; with create, makes it where it is missing; with write, takes the
 * lock and removes what dead writers left.  The log of a model is mended as
 * that model is written. */
int mlops_registry_open(mlops_registry_t *registry, const char *path,
    int create, int write, mlops_err_t *err);
void mlops_registry_close(mlops_registry_t *registry);

/* Verifies an image with the production loader and adds it as the next
 * version; the first of a name also becomes champion: the alias is moved
 * where there is none.  alias and note may be NULL.  version_out has room for
 * MLOPS_VERSION_LEN + 1, and is "" unless the version was added: an error
 * after that is one of the log or of an alias. */
int mlops_registry_publish(mlops_registry_t *registry, const char *name,
    const void *image, size_t len, const char *alias, const char *note,
    char *version_out, mlops_err_t *err);

/* Moves an alias to a version that is there and loads. */
int mlops_registry_alias(mlops_registry_t *registry, const char *name,
    const char *alias, const char *version, const char *note,
    mlops_err_t *err);

/* The previous distinct version in the log; repeated, further back.  alias
 * NULL is champion. */
int mlops_registry_rollback(mlops_registry_t *registry, const char *name,
    const char *alias, char *version_out, mlops_err_t *err);


#endif /* MLOPS_REGISTRY_H */
