/*
 * A segment of the offline log of any bytes: the reader and the writer never
 * read beyond it, offsets rise, and what opening for writing leaves is read
 * without an error.
 */

#include "fuzz.h"

#include "mlops_offline_format.h"


/* Checksums are made good, so that what is behind them is reached. */

static void
fuzz_mend(char *p, size_t size)
{
    size_t                  at;
    mlops_offline_head_t    head;
    mlops_offline_block_t   block;

    mlops_offline_head(&head, 0, 0, 0);

    if (size < sizeof(head)) {
        return;
    }

    memcpy(p, &head, sizeof(head));

    for (at = sizeof(head); size - at > sizeof(block);
         at += sizeof(block) + block.len)
    {
        memcpy(&block, p + at, sizeof(block));
        memcpy(block.magic, MLOPS_OFFLINE_BLOCK_MAGIC, 4);
        block.len &= ~(uint32_t) 7;

        if (block.len == 0 || block.len > size - at - sizeof(block)) {
            block.len = (uint32_t) ((size - at - sizeof(block))
                                    & ~(size_t) 7);
        }

        if (block.len == 0) {
            return;
        }

        block.first &= INT64_MAX;
        block.last |= block.first;
        block.last &= INT64_MAX;
        block.checksum = mlops_offline_block_sum(&block, p + at
                                                 + sizeof(block));
        memcpy(p + at, &block, sizeof(block));
    }
}


static int
fuzz_read(int dir)
{
    int                      rc;
    int64_t                  last;
    size_t                   sum;
    uint32_t                 i, j;
    mlops_err_t              err;
    mlops_record_t           record;
    mlops_offline_reader_t  *reader;

    reader = mlops_offline_read(dir, &err);
    check(reader != NULL);

    last = -1;
    sum = 0;

    while ((rc = mlops_offline_next(reader, &record, &err)) == MLOPS_OK) {
        check(record.offset > last);
        last = record.offset;

        for (i = 0; i < record.key.len; i++) {
            sum += (unsigned char) record.key.data[i];
        }

        for (i = 0; i < record.value.len; i++) {
            sum += (unsigned char) record.value.data[i];
        }

        for (i = 0; i < record.headers_n; i++) {
            for (j = 0; j < record.headers[i].value.len; j++) {
                sum += (unsigned char) record.headers[i].value.data[j];
            }
        }
    }

    mlops_offline_read_close(reader);

    return (sum == SIZE_MAX) ? MLOPS_OK : rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               dir, fd;
    char              name[MLOPS_OFFLINE_NAME_SIZE], *copy;
    mlops_err_t       err;
    mlops_offline_t  *log;

    if (size == 0) {
        return 0;
    }

    dir = fuzz_dir();
    mlops_offline_name(name, 0, 0);

    copy = fuzz_copy(data, size);

    if (data[0] & 1) {
        fuzz_mend(copy, size);
    }

    fd = openat(dir, name, O_RDWR|O_CREAT|O_TRUNC, 0600);
    check(fd != -1);
    check(write(fd, copy, size) == (ssize_t) size);
    check(close(fd) == 0);
    free(copy);

    (void) fuzz_read(dir);

    log = mlops_offline_open(dir, 0, 0, &err);

    if (log != NULL) {
        mlops_offline_close(log);
        (void) fuzz_read(dir);
    }

    (void) unlinkat(dir, name, 0);

    return 0;
}
