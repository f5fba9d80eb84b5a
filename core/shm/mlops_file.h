/*
 * Immutable files: how bytes are handed from one process to another.
 *
 * A writer makes a temporary file beside the target, fills it, makes it
 * read-only and gives it its name by rename(2) or link(2); a reader maps it
 * and trusts it only after checking.  What is published never changes, so a
 * mapping needs no lock: the kernel's mappings are the reference count.
 *
 * Everything opens relative to a directory descriptor, with O_NOFOLLOW and
 * O_CLOEXEC; temporary names are
 *
 *     .tmp.<pid>.<start time of the process in clock ticks>.<counter>
 *
 * so that leftovers of the dead can be told and removed.
 *
 * A checksummed file begins with the 32 bytes of mlops_file_head_t; its kind
 * is in magic, and abi counts the layouts of that kind.
 */

#ifndef MLOPS_FILE_H
#define MLOPS_FILE_H


#include "mlops_base.h"

#include <sys/types.h>


#define MLOPS_TMP_SIZE  64              /* a temporary name */


typedef struct {
    char      magic[8];
    uint32_t  abi;
    uint32_t  header_len;
    uint64_t  file_len;
    uint64_t  checksum;                 /* XXH3-64 of bytes [32, file_len) */
} mlops_file_head_t;


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

/*
 * Opens a regular file of 1 to max bytes for reading; its length is left in
 * len.  Returns the descriptor, or -1 with err.  Where it is errno that says
 * why (ENOENT: it was replaced, look again) errno is that, otherwise 0.
 */
int mlops_file_open(int dir, const char *name, size_t max, uint32_t flags,
    uid_t owner, size_t *len, mlops_err_t *err);

/* The same, mapped read-only and shared. */
int mlops_file_map(mlops_map_file_t *map, int dir, const char *name,
    size_t max, uint32_t flags, uid_t owner, mlops_err_t *err);
void mlops_file_unmap(mlops_map_file_t *map);

/*
 * Writes [data, data + len) to a temporary file in dir: fallocated first (so
 * that a full tmpfs fails here, naming the bytes needed), then written,
 * synced where durable is set, made read-only with mode, and given to
 * uid:gid unless those are -1.  Its name is left in tmp.  Failing leaves
 * nothing behind.
 */
int mlops_file_write(int dir, const void *data, size_t len, mode_t mode,
    uid_t uid, gid_t gid, int durable, char tmp[MLOPS_TMP_SIZE],
    mlops_err_t *err);

/* The start of it: an empty temporary file (0600, open for reading and
 * writing) with room for len bytes.  Returns the descriptor; -1: err, and
 * nothing is left. */
int mlops_file_begin(int dir, size_t len, char tmp[MLOPS_TMP_SIZE],
    mlops_err_t *err);
/* The end of it: owner, mode, and where durable is set a sync. */
int mlops_file_seal(int fd, mode_t mode, uid_t uid, gid_t gid, int durable,
    mlops_err_t *err);

/* Copies src, a checksummed file of len bytes with this magic, in the same
 * way; refused where its header or its checksum does not fit its bytes. */
int mlops_file_copy(int dir, int src, size_t len, const char *magic,
    mode_t mode, uid_t uid, gid_t gid, char tmp[MLOPS_TMP_SIZE],
    mlops_err_t *err);

/* Reads the header of src, a checksummed file of len bytes with this magic,
 * and compares it with len. */
int mlops_file_head(int src, size_t len, const char *magic,
    mlops_file_head_t *head, mlops_err_t *err);

/* Reads all of it and compares the checksum; what is read is written to the
 * descriptor out unless that is -1. */
int mlops_file_check(int src, size_t len, const char *magic, int out,
    mlops_err_t *err);

/* Gives a temporary file its name: replacing what is there, or failing with
 * EEXIST text (and errno) where exclusive is set.  A failure removes the
 * temporary, and a new name that cannot be made durable. */
int mlops_file_commit(int dir, const char *tmp, const char *name,
    int exclusive, int durable, mlops_err_t *err);

/* Points the symbolic link name at target by way of a temporary link. */
int mlops_file_link(int dir, const char *target, const char *name,
    int durable, mlops_err_t *err);

/* Makes a directory that has mode and owner (-1: ours) from its first moment;
 * one that is there already is left as it is. */
int mlops_file_mkdir(int dir, const char *name, mode_t mode, uid_t uid,
    gid_t gid, int durable, mlops_err_t *err);

/* Makes what has become of names in dir outlive a crash of the machine. */
int mlops_file_sync_dir(int dir, mlops_err_t *err);

/* Removes temporary files whose process is gone. Returns how many. */
int mlops_file_sweep(int dir);

/* Writes all of it. MLOPS_ERROR: errno. */
int mlops_file_put(int fd, const void *data, size_t len);

/* Says which system call failed on dir/name, and why; keeps errno. */
int mlops_file_fail(mlops_err_t *err, const char *call, int dir,
    const char *name);


/*
 * An open-file-description lock on dir/name (created 0600, for the owner of
 * dir, where it is missing), waited for at most timeout_ms.  The kernel takes
 * it back when the holder dies; it is not inherited as long as the descriptor
 * is closed before fork.  Returns the descriptor to close, or -1 with err.
 */
int mlops_file_lock(int dir, const char *name, uint32_t timeout_ms,
    mlops_err_t *err);


/*
 * Fault points for tests: with MLOPS_FAULTS defined at compile time,
 * MLOPS_FAULT=name or name#n in the environment kills the process (SIGKILL)
 * as it passes mlops_fault("name") for the first or the n-th time, name!
 * stops it there (SIGSTOP), and MLOPS_FAULT_LOG=file gets the name of each
 * point that is passed.  Otherwise this is nothing.
 */
#if (MLOPS_FAULTS)
void mlops_fault(const char *point);
#else
#define mlops_fault(point)
#endif


#endif /* MLOPS_FILE_H */
