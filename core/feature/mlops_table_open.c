/*
 * Opening a feature table, the reader's side: the file, the lock, the
 * mapping.
 */

#include "mlops_table.h"
#include "mlops_table_map.h"
#include "mlops_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


/* A name that leads to another file each time we look is nobody's table. */

#define MLOPS_TABLE_LOOKS  64


static int mlops_table_named(int features, const char *name, int fd);


mlops_table_t *
mlops_table_open(int features, const char *name, uid_t uid, mlops_err_t *err)
{
    int             fd, looks;
    size_t          len;
    mlops_table_t  *table;

    for (looks = 0; looks < MLOPS_TABLE_LOOKS; looks++) {
        fd = mlops_table_file(features, name, 0, uid, &len, err);

        if (fd == -1) {
            return NULL;
        }

        if (mlops_table_lock(fd, F_RDLCK, MLOPS_TABLE_LOCK_READER)
            != MLOPS_OK)
        {
            (void) mlops_file_fail(err, "fcntl(F_OFD_SETLK)", features, name);
            (void) close(fd);
            return NULL;
        }

        /* the writer lets go of a file without a reader's lock after another
         * one has its name, or none: then we came too late for this one */

        if (!mlops_table_named(features, name, fd)) {
            (void) close(fd);
            continue;
        }

        table = mlops_table_map(fd, len, 0, err);

        if (table == NULL) {
            (void) mlops_err_prefix(err, "feature table \"%s\"", name);
        }

        return table;
    }

    (void) mlops_err_set(err, "feature table \"%s\" was replaced %d times "
                         "while it was being opened", name,
                         MLOPS_TABLE_LOOKS);
    errno = EAGAIN;

    return NULL;
}


void
mlops_table_close(mlops_table_t *table)
{
    int  code;

    if (table == NULL) {
        return;
    }

    code = errno;

    if (table->base != NULL) {
        (void) munmap(table->base, table->len);
    }

    /* and with it its lock */

    if (table->fd != -1) {
        (void) close(table->fd);
    }

    if (table->dir != -1) {
        (void) close(table->dir);
    }

    free(table->places);
    free(table->free_rows);
    free(table);

    errno = code;
}


void
mlops_table_detach(mlops_table_t *table, mlops_map_file_t *map)
{
    memset(map, 0, sizeof(*map));

    map->data = table->base;
    map->len = table->len;
    table->base = NULL;

    mlops_table_close(table);
}


const mlops_table_header_t *
mlops_table_header(const mlops_table_t *table)
{
    return table->header;
}


const mlops_table_column_t *
mlops_table_columns(const mlops_table_t *table)
{
    return table->columns;
}


const mlops_table_partition_t *
mlops_table_partition(const mlops_table_t *table, uint32_t partition)
{
    if (partition >= MLOPS_PARTITIONS_MAX) {
        return NULL;
    }

    return (const mlops_table_partition_t *) (table->base
                                              + MLOPS_TABLE_HEADER_SIZE)
           + partition;
}


size_t
mlops_table_text_size(const mlops_table_t *table)
{
    /* of mlops_table_next there is the key behind the strings */

    return (size_t) table->text_size + table->key_size;
}


int
mlops_table_file(int features, const char *name, int writable, uid_t uid,
    size_t *len, mlops_err_t *err)
{
    int          fd;
    struct stat  st;

    fd = openat(features, name, (writable ? O_RDWR : O_RDONLY)
                                |O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", features, name);
    }

    if (fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", features, name);
        (void) close(fd);
        return -1;
    }

    if (!S_ISREG(st.st_mode)) {
        (void) mlops_err_set(err, "feature table \"%s\" is not a regular "
                             "file", name);

    } else if (st.st_uid != 0 && st.st_uid != geteuid() && st.st_uid != uid) {
        (void) mlops_err_set(err, "feature table \"%s\": expected owner root "
                             "or uid %ld, got uid %ld", name,
                             (long) (uid == (uid_t) -1 ? geteuid() : uid),
                             (long) st.st_uid);

    } else if (st.st_mode & 0022) {
        (void) mlops_err_set(err, "feature table \"%s\": expected mode 0644 "
                             "or less, got %04o: others than its owner may "
                             "write it", name, st.st_mode & 07777);

    } else {
        *len = (size_t) st.st_size;
        return fd;
    }

    (void) close(fd);
    errno = 0;

    return -1;
}


int
mlops_table_lock(int fd, short type, off_t byte)
{
    struct flock  lock;

    memset(&lock, 0, sizeof(lock));

    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    lock.l_start = byte;
    lock.l_len = 1;

    return fcntl(fd, F_OFD_SETLK, &lock) == 0 ? MLOPS_OK : MLOPS_ERROR;
}


/* Does the name lead to this very file? */

static int
mlops_table_named(int features, const char *name, int fd)
{
    struct stat  held, named;

    return fstat(fd, &held) == 0
           && fstatat(features, name, &named, AT_SYMLINK_NOFOLLOW) == 0
           && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}
