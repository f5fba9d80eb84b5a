/*
 * Immutable files: how bytes are handed from one process to another.
 *
 * A writer makes a temporary file beside the target, fills it, makes it
 * read-only and gives it its name by rename(2) or link(2); a reader maps it
 * and trusts it only after checking.  What is published never changes, so a
 * mapping needs no lock: the kernel's mappings are the reference count.
 *
 * Everything opens relative to a directory descriptor, with O_NOFOLLOW and
 * O_CLOEXEC; temporary names begin with ".tmp." and hold pid and start time,
 * so that leftovers of the dead can be told and removed.
 */

#ifndef MLOPS_FILE_H
#define MLOPS_FILE_H


#include "mlops_base.h"

#include <sys/types.h>


typedef struct {
    const void  *data;
    size_t       len;
    dev_t        dev;
    ino_t        ino;
} mlops_map_file_t;


#define MLOPS_FILE_SEALED  0x01     /* refuse one that somebody may write:
                                       mode & 0222 */
#define MLOPS_FILE_OWNER   0x02     /* refuse an owner other than root, us,
                                       or the uid given */

/* Maps a regular file of 1 to max bytes read-only, shared. */
int mlops_file_map(mlops_map_file_t *map, int dir, const char *name,
    size_t max, uint32_t flags, uid_t owner, mlops_err_t *err);
void mlops_file_unmap(mlops_map_file_t *map);

/*
 * Writes [data, data + len) to a temporary file in dir: fallocated first (so
 * that a full tmpfs fails here, naming the bytes needed), then written,
 * synced where durable is set, made read-only with mode, and given to
 * uid:gid unless those are -1.  Its name is left in tmp[64].  Failing leaves
 * nothing behind.
 */
int mlops_file_write(int dir, const void *data, size_t len, mode_t mode,
    uid_t uid, gid_t gid, int durable, char *tmp, mlops_err_t *err);

/* Gives a temporary file its name: replacing what is there, or failing with
 * EEXIST text where exclusive is set.  A failure removes the temporary. */
int mlops_file_commit(int dir, const char *tmp, const char *name,
    int exclusive, int durable, mlops_err_t *err);

/* Points the symbolic link name at target by way of a temporary link. */
int mlops_file_link(int dir, const char *target, const char *name,
    mlops_err_t *err);

/* Removes temporary files whose process is gone. Returns how many. */
int mlops_file_sweep(int dir);


/*
 * An open-file-description lock on dir/name (created 0600 where it is
 * missing), waited for at most timeout_ms.  The kernel takes it back when
 * the holder dies; it is not inherited as long as the descriptor is closed
 * before fork.  Returns the descriptor to close, or -1 with err.
 */
int mlops_file_lock(int dir, const char *name, uint32_t timeout_ms,
    mlops_err_t *err);


/*
 * Fault points for tests: with MLOPS_FAULTS defined at compile time, the
 * environment variable MLOPS_FAULT=name kills the process (SIGKILL) at
 * mlops_fault("name"), and MLOPS_FAULT_LOG=file gets each point's name as it
 * is passed.  Otherwise this is nothing.
 */
#if (MLOPS_FAULTS)
void mlops_fault(const char *point);
#else
#define mlops_fault(point)
#endif


#endif /* MLOPS_FILE_H */
