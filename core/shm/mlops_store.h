/*
 * The store: where nginx and the sidecars meet, a directory on tmpfs.
 *
 *     control              4096 bytes, mlops_control_t
 *     plan.json            the configuration as nginx tokenised it
 *     lock                 held (OFD) while the store is made or brought in
 *                          step
 *     models/<name>/<version>.mlm      images, 0444
 *     models/<name>/@<alias>           symlink to "<version>.mlm"
 *     features/ rings/ metrics/ status/    the other parts' rooms
 *
 * The registry has the same models/ tree and is the truth; the store is a
 * cache of what its aliases need.
 *
 * The doorbell is a counter that says "look again", never what to see: it is
 * raised after the symlinks have moved.  A reader loads it (acquire) once a
 * request and compares it with the value it saw when it last looked.
 */

#ifndef MLOPS_STORE_H
#define MLOPS_STORE_H


#include "mlops_base.h"
#include "mlops_file.h"

#include <stdatomic.h>
#include <stddef.h>


#define MLOPS_CONTROL_MAGIC  "mlopsctl"
#define MLOPS_CONTROL_ABI    1
#define MLOPS_CONTROL_SIZE   4096

#define MLOPS_NAME_LEN       64     /* model, alias; [A-Za-z0-9_.-], no
                                       leading dot */
#define MLOPS_VERSION_LEN    32     /* decimal digits, or digits.digits */


/*
 * The control file.
 *
 *     0   8   magic "mlopsctl"
 *     8   4   abi
 *     12  4   owner's uid, for readers to compare
 *     16  8   doorbell: written with release, read with acquire; its partner
 *             is mlops_store_bell
 *     24  8   size limit of models/ in bytes, 0 for none
 *     32  …   zero
 */

typedef struct {
    char               magic[8];
    uint32_t           abi;
    uint32_t           uid;
    _Atomic uint64_t   doorbell;
    uint64_t           size_limit;
} mlops_control_t;

_Static_assert(offsetof(mlops_control_t, doorbell) == 16
               && offsetof(mlops_control_t, size_limit) == 24,
               "the layout of the control file");

/* A load behind a lock would write to a page that readers have read-only. */

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the bell is one instruction");


typedef struct {
    int               fd;           /* the directory */
    int               models;       /* models/ */
    mlops_control_t  *control;      /* mapped; read-only for a reader */
    unsigned          writable:1;
    char              path[1024];
} mlops_store_t;


typedef struct {
    char  alias[MLOPS_NAME_LEN + 1];
    char  version[MLOPS_VERSION_LEN + 1];
} mlops_alias_t;


typedef struct {
    char       version[MLOPS_VERSION_LEN + 1];
    uint64_t   bytes;
    int64_t    mtime;               /* seconds */
} mlops_version_t;


/* "<version>.mlm" and "@<alias>", as they stand in a directory. */

#define MLOPS_FILE_NAME_SIZE   (MLOPS_VERSION_LEN + sizeof(".mlm"))
#define MLOPS_ALIAS_NAME_SIZE  (MLOPS_NAME_LEN + sizeof("@"))


/*
 * Makes a store, or completes the one that is there; refuses one whose
 * directories belong to somebody else (root or us own the root of it;
 * models/, features/, metrics/ and status/ belong to uid:gid, -1 for us;
 * rings/ to worker_uid with that gid, -1 for whoever has it; control and lock
 * to uid:gid), and a directory that holds other things, or is a registry.
 * Root gives what is its own to another uid, and rings/ whoever had it: the
 * account of the workers may change.  size_limit 0 is none.  Idempotent;
 * running readers do not notice.
 * Waits for the lock, but a complete store is checked without it in the end.
 */
int mlops_store_create(const char *path, uint64_t size_limit, uid_t uid,
    gid_t gid, uid_t worker_uid, mlops_err_t *err);

/* Gives rings/ to the workers, once it is known who they are. */
int mlops_store_rings(const mlops_store_t *store, uid_t worker_uid,
    mlops_err_t *err);

int mlops_store_open(mlops_store_t *store, const char *path, int writable,
    mlops_err_t *err);
void mlops_store_close(mlops_store_t *store);

/* Is the store that is open still the one at its path?  (It may have been
 * removed and made anew.) */
int mlops_store_current(const mlops_store_t *store);


static inline uint64_t
mlops_store_bell(const mlops_store_t *store)
{
    return atomic_load_explicit(&store->control->doorbell,
                                memory_order_acquire);
}


void mlops_store_ring(mlops_store_t *store);


/* Is it on tmpfs?  Elsewhere it works as well, but may be written to disk. */
int mlops_store_on_tmpfs(const mlops_store_t *store);


/* The names in models/, sorted; memory from the arena. */
int mlops_store_models(const mlops_store_t *store, mlops_str_t **names,
    uint32_t *n, mlops_arena_t *arena, mlops_err_t *err);

/* The same for the open models/ of a store or a registry. */
int mlops_store_names(int models, mlops_str_t **names, uint32_t *n,
    mlops_arena_t *arena, mlops_err_t *err);

/* The aliases of one model in dir (a models/<name> of a store or registry),
 * sorted by alias; foreign entries are passed over. */
int mlops_store_aliases(int dir, mlops_alias_t **aliases, uint32_t *n,
    mlops_arena_t *arena, mlops_err_t *err);

/* The version that an alias in dir points to: MLOPS_OK, or MLOPS_ERROR with
 * errno ENOENT where there is none, 0 where it is no link to a version, and
 * what the system says where it cannot be read. */
int mlops_store_alias(int dir, const char *alias, size_t len,
    char version[MLOPS_VERSION_LEN + 1]);

/* The versions of one model in dir, ascending. */
int mlops_store_versions(int dir, mlops_version_t **versions, uint32_t *n,
    mlops_arena_t *arena, mlops_err_t *err);

/* Opens models/<name> of a store or registry directory, which belongs to
 * root, us or the owner of models.  -1: err, and errno is ENOENT where there
 * is none. */
int mlops_store_model_dir(int models, const char *name, size_t len,
    mlops_err_t *err);

/* Opens models/ of the registry in the open directory dir; path is for the
 * texts.  Refused where everybody may write one of them, or where models/
 * belongs to somebody other than root, us or the owner of dir.  *owner is
 * that of models/.  -1: err. */
int mlops_store_registry(int dir, const char *path, uid_t *owner, gid_t *group,
    mlops_err_t *err);

int mlops_name_valid(const char *name, size_t len);
int mlops_version_valid(const char *version, size_t len);
/* As numbers, part by part: "10" > "9", "7.2" > "7". */
int mlops_version_cmp(const char *a, const char *b);


/*
 * Makes the store equal the registry for one model (all of them where name
 * is NULL): images that an alias needs are copied byte by byte and checked by
 * length and checksum, links moved, then the bell rings once if anything
 * changed, and what no alias needs is removed.  Under the store's lock,
 * waited for at most timeout_ms.  A reader that follows a link to an image
 * that is being removed finds no file and looks at the link again.
 *
 * A registry that is the store itself is refused (its versions would be
 * removed), and so is a store that another one has replaced at its path.
 * What fails for one alias does not stop the others: its link stays as it
 * is, and err has the first reason.  With missing_only, aliases that the
 * store has already are left as they are, and nothing is removed (the
 * master's cold start).  *changed is set in any case, and may be NULL.
 */
int mlops_sync(const char *registry, mlops_store_t *store, const char *name,
    int missing_only, uint32_t timeout_ms, int *changed, mlops_err_t *err);


#endif /* MLOPS_STORE_H */
