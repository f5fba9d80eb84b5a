/*
 * Writing the offline log.
 */

#include "mlops_offline_format.h"

#include "mlops_file.h"
#include "mlops_plan_view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_OFFLINE_BLOCK  (256 * 1024)   /* written when it is as long */


/* What is being written of one partition.  data begins with the head of the
 * block that is being filled. */

typedef struct {
    int        fd;                  /* its newest segment, or -1 */
    char       name[MLOPS_OFFLINE_NAME_SIZE];
    uint64_t   end;                 /* of the last whole block in it */
    int64_t    last;                /* offset; -1: none */
    char      *data;
    size_t     len;                 /* 0: no block is begun */
    size_t     size;
    uint32_t   records;
    int64_t    first;               /* of the block */
    unsigned   dirty:1;             /* written and not synced */
} mlops_offline_part_t;


struct mlops_offline_s {
    int                    dir;
    uint64_t               base_hash;
    uint64_t               segment_bytes;
    uint64_t               bytes;
    uint32_t               n;
    mlops_offline_part_t  *parts;
    unsigned               dir_dirty:1;
};


static int mlops_offline_resume(mlops_offline_t *log,
    mlops_offline_names_t *names, mlops_err_t *err);
static int mlops_offline_resume_part(mlops_offline_t *log,
    const mlops_offline_name_t *name, int *empty, mlops_err_t *err);
static mlops_offline_part_t *mlops_offline_part(mlops_offline_t *log,
    int32_t partition, mlops_err_t *err);
static int mlops_offline_encode(mlops_offline_part_t *part,
    const mlops_record_t *record, size_t len);
static int mlops_offline_write(mlops_offline_t *log, int32_t partition,
    mlops_err_t *err);
static int mlops_offline_segment(mlops_offline_t *log, int32_t partition,
    mlops_err_t *err);


mlops_offline_t *
mlops_offline_open(int dir, uint64_t base_hash, uint64_t segment_bytes,
    mlops_err_t *err)
{
    int                    rc;
    mlops_offline_t       *log;
    mlops_offline_names_t  names;

    log = calloc(1, sizeof(*log));

    if (log == NULL) {
        (void) mlops_err_set(err, "out of memory for the offline log");
        return NULL;
    }

    log->dir = dir;
    log->base_hash = base_hash;
    log->segment_bytes = (segment_bytes != 0) ? segment_bytes
                                              : MLOPS_OFFLINE_SEGMENT_BYTES;

    if (mlops_offline_names(&names, dir, err) != MLOPS_OK) {
        free(log);
        return NULL;
    }

    rc = mlops_offline_resume(log, &names, err);

    free(names.names);

    if (rc != MLOPS_OK) {
        mlops_offline_close(log);
        return NULL;
    }

    return log;
}


void
mlops_offline_close(mlops_offline_t *log)
{
    uint32_t  i;

    for (i = 0; i < log->n; i++) {
        if (log->parts[i].fd != -1) {
            (void) close(log->parts[i].fd);
        }

        free(log->parts[i].data);
    }

    free(log->parts);
    free(log);
}


/* Goes on behind the last whole block of each partition.  A segment without
 * one is removed, and the one before it looked at. */

static int
mlops_offline_resume(mlops_offline_t *log, mlops_offline_names_t *names,
    mlops_err_t *err)
{
    int       empty;
    uint32_t  i;

    empty = 1;

    for (i = names->n; i > 0; i--) {

        if (i < names->n
            && names->names[i - 1].partition == names->names[i].partition
            && !empty)
        {
            continue;
        }

        if (mlops_offline_resume_part(log, &names->names[i - 1], &empty, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_offline_resume_part(mlops_offline_t *log,
    const mlops_offline_name_t *name, int *empty, mlops_err_t *err)
{
    mlops_offline_scan_t   scan;
    mlops_offline_part_t  *part;

    part = mlops_offline_part(log, name->partition, err);

    if (part == NULL
        || mlops_offline_scan(&scan, log->dir, name, 1, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *empty = (scan.last == -1);

    if (*empty) {
        (void) close(scan.fd);

        if (unlinkat(log->dir, name->text, 0) == -1) {
            return mlops_file_fail(err, "unlink()", log->dir, name->text);
        }

        log->dir_dirty = 1;

        return MLOPS_OK;
    }

    if (scan.torn) {

        if (ftruncate(scan.fd, (off_t) scan.end) == -1
            || fdatasync(scan.fd) == -1)
        {
            (void) mlops_file_fail(err, "ftruncate()", log->dir, name->text);
            (void) close(scan.fd);
            return MLOPS_ERROR;
        }
    }

    part->fd = scan.fd;
    part->end = scan.end;
    part->last = scan.last;
    memcpy(part->name, name->text, sizeof(part->name));

    return MLOPS_OK;
}


static mlops_offline_part_t *
mlops_offline_part(mlops_offline_t *log, int32_t partition, mlops_err_t *err)
{
    uint32_t               n;
    mlops_offline_part_t  *parts;

    if (partition < 0 || partition >= MLOPS_PARTITIONS_MAX) {
        (void) mlops_err_set(err, "offline log: expected a partition from 0 "
                             "to %d, got %d", MLOPS_PARTITIONS_MAX - 1,
                             (int) partition);
        return NULL;
    }

    if ((uint32_t) partition >= log->n) {
        n = (uint32_t) partition + 1;

        parts = realloc(log->parts, n * sizeof(*parts));

        if (parts == NULL) {
            (void) mlops_err_set(err, "out of memory for the offline log");
            return NULL;
        }

        log->parts = parts;

        for (/* void */; log->n < n; log->n++) {
            memset(&parts[log->n], 0, sizeof(*parts));
            parts[log->n].fd = -1;
            parts[log->n].last = -1;
        }
    }

    return &log->parts[partition];
}


int
mlops_offline_append(mlops_offline_t *log, const mlops_record_t *record,
    mlops_err_t *err)
{
    size_t                 len;
    mlops_offline_part_t  *part;

    part = mlops_offline_part(log, record->partition, err);

    if (part == NULL) {
        return MLOPS_ERROR;
    }

    if (record->offset <= part->last) {
        return MLOPS_OK;
    }

    len = mlops_offline_record_len(record);

    if (len > MLOPS_OFFLINE_LEN_MAX) {
        return mlops_err_set(err, "offline log: partition %d offset %lld: "
                             "expected a record below 1 GiB",
                             (int) record->partition,
                             (long long) record->offset);
    }

    if (part->len != 0 && part->len + len > MLOPS_OFFLINE_BLOCK
        && mlops_offline_write(log, record->partition, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_offline_encode(part, record, len) != MLOPS_OK) {
        return mlops_err_set(err, "out of memory for a record of the offline "
                             "log, %zu bytes", len);
    }

    part->last = record->offset;

    return MLOPS_OK;
}


static int
mlops_offline_encode(mlops_offline_part_t *part, const mlops_record_t *record,
    size_t len)
{
    char    *data;
    size_t   start, size;

    start = (part->len != 0) ? part->len : sizeof(mlops_offline_block_t);

    if (part->size < start + len) {
        size = start + len;

        if (size < MLOPS_OFFLINE_BLOCK) {
            size = MLOPS_OFFLINE_BLOCK;
        }

        data = realloc(part->data, size);

        if (data == NULL) {
            return MLOPS_ERROR;
        }

        part->data = data;
        part->size = size;
    }

    if (part->len == 0) {
        part->first = record->offset;
        part->records = 0;
    }

    mlops_offline_put(part->data + start, record, len);

    part->len = start + len;
    part->records++;

    return MLOPS_OK;
}


/* One block.  Where it does not fit, what was written of it is cut off and
 * the block is kept. */

static int
mlops_offline_write(mlops_offline_t *log, int32_t partition, mlops_err_t *err)
{
    mlops_offline_part_t   *part;
    mlops_offline_block_t  *block;

    part = &log->parts[partition];

    if (part->len == 0) {
        return MLOPS_OK;
    }

    if ((part->fd == -1 || part->end >= log->segment_bytes)
        && mlops_offline_segment(log, partition, err) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    block = (mlops_offline_block_t *) part->data;

    memset(block, 0, sizeof(*block));
    memcpy(block->magic, MLOPS_OFFLINE_BLOCK_MAGIC, sizeof(block->magic));
    block->len = (uint32_t) (part->len - sizeof(*block));
    block->records = part->records;
    block->first = part->first;
    block->last = part->last;
    block->checksum = mlops_offline_block_sum(block, part->data
                                              + sizeof(*block));

    mlops_fault("offline_write");

    if (lseek(part->fd, (off_t) part->end, SEEK_SET) == -1
        || mlops_file_put(part->fd, part->data, part->len) != MLOPS_OK)
    {
        (void) mlops_file_fail(err, "write()", log->dir, part->name);

        if (ftruncate(part->fd, (off_t) part->end) == -1) {
            (void) mlops_err_prefix(err, "a torn block stays behind");
        }

        return MLOPS_ERROR;
    }

    mlops_fault("offline_written");

    part->end += part->len;
    log->bytes += part->len;
    part->len = 0;
    part->dirty = 1;

    return MLOPS_OK;
}


/* A new segment, from the block that is to be written on.  The one before is
 * on the disk first, so that no hole can stand before a whole block. */

static int
mlops_offline_segment(mlops_offline_t *log, int32_t partition,
    mlops_err_t *err)
{
    int                    fd;
    char                   name[MLOPS_OFFLINE_NAME_SIZE];
    mlops_offline_head_t   head;
    mlops_offline_part_t  *part;

    part = &log->parts[partition];

    if (part->dirty) {

        if (fdatasync(part->fd) == -1) {
            return mlops_file_fail(err, "fdatasync()", log->dir, part->name);
        }

        part->dirty = 0;
    }

    mlops_offline_name(name, partition, part->first);
    mlops_offline_head(&head, partition, part->first, log->base_hash);

    /* one of that name is of an attempt that failed before its head */

    fd = openat(log->dir, name, O_RDWR|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC,
                0640);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", log->dir, name);
    }

    mlops_fault("offline_segment");

    if (mlops_file_put(fd, &head, sizeof(head)) != MLOPS_OK) {
        (void) mlops_file_fail(err, "write()", log->dir, name);
        (void) close(fd);
        (void) unlinkat(log->dir, name, 0);
        return MLOPS_ERROR;
    }

    if (part->fd != -1) {
        (void) close(part->fd);
    }

    part->fd = fd;
    part->end = sizeof(head);
    part->dirty = 1;
    memcpy(part->name, name, sizeof(name));

    log->dir_dirty = 1;

    return MLOPS_OK;
}


int
mlops_offline_flush(mlops_offline_t *log, mlops_err_t *err)
{
    uint32_t               i;
    mlops_offline_part_t  *part;

    for (i = 0; i < log->n; i++) {
        part = &log->parts[i];

        if (mlops_offline_write(log, (int32_t) i, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        if (!part->dirty) {
            continue;
        }

        if (fdatasync(part->fd) == -1) {
            return mlops_file_fail(err, "fdatasync()", log->dir, part->name);
        }

        part->dirty = 0;
    }

    mlops_fault("offline_flushed");

    if (log->dir_dirty) {

        if (mlops_file_sync_dir(log->dir, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        log->dir_dirty = 0;
    }

    return MLOPS_OK;
}


int64_t
mlops_offline_last(const mlops_offline_t *log, int32_t partition)
{
    if (partition < 0 || (uint32_t) partition >= log->n) {
        return -1;
    }

    return log->parts[partition].last;
}


uint64_t
mlops_offline_bytes(const mlops_offline_t *log)
{
    return log->bytes;
}
