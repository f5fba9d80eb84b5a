/*
 * The bytes of the offline log: names, heads, records, and the search for
 * whole blocks.
 */

#include "mlops_offline_format.h"

#include "mlops_file.h"
#include "mlops_hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


static int mlops_offline_name_read(mlops_offline_name_t *name,
    const char *text);
static int mlops_offline_name_cmp(const void *one, const void *two);
static char *mlops_offline_put_text(char *p, const mlops_str_t *text);
static int mlops_offline_read_head(const mlops_offline_blocks_t *blocks,
    const mlops_offline_name_t *name);
static int mlops_offline_pread(const mlops_offline_blocks_t *blocks,
    uint64_t pos, void *data, size_t len);
static int mlops_offline_more(mlops_offline_blocks_t *blocks,
    const mlops_offline_name_t *name, uint64_t *at, mlops_err_t *err);


void
mlops_offline_name(char name[MLOPS_OFFLINE_NAME_SIZE], int32_t partition,
    int64_t first)
{
    (void) snprintf(name, MLOPS_OFFLINE_NAME_SIZE, "%05u-%020llu.seg",
                    (unsigned) partition % 100000,
                    (unsigned long long) first);
}


static int
mlops_offline_name_read(mlops_offline_name_t *name, const char *text)
{
    unsigned            partition;
    unsigned long long  first;

    if (strlen(text) != MLOPS_OFFLINE_NAME_SIZE - 1
        || sscanf(text, "%5u-%20llu", &partition, &first) != 2
        || first > INT64_MAX)
    {
        return MLOPS_ERROR;
    }

    mlops_offline_name(name->text, (int32_t) partition, (int64_t) first);

    name->partition = (int32_t) partition;
    name->first = (int64_t) first;

    return strcmp(name->text, text) == 0 ? MLOPS_OK : MLOPS_ERROR;
}


static int
mlops_offline_name_cmp(const void *one, const void *two)
{
    const mlops_offline_name_t *a = one;
    const mlops_offline_name_t *b = two;

    return strcmp(a->text, b->text);
}


int
mlops_offline_names(mlops_offline_names_t *names, int dir, mlops_err_t *err)
{
    int                    fd;
    DIR                   *stream;
    uint32_t               room;
    struct dirent         *entry;
    mlops_offline_name_t   name, *grown;

    names->n = 0;
    names->names = NULL;
    room = 0;

    fd = openat(dir, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    stream = (fd == -1) ? NULL : fdopendir(fd);

    if (stream == NULL) {
        (void) mlops_file_fail(err, "opendir()", dir, ".");

        if (fd != -1) {
            (void) close(fd);
        }

        return MLOPS_ERROR;
    }

    while ((entry = readdir(stream)) != NULL) {

        if (mlops_offline_name_read(&name, entry->d_name) != MLOPS_OK) {
            continue;
        }

        if (names->n == room) {
            room = room * 2 + 16;

            grown = realloc(names->names, room * sizeof(*grown));

            if (grown == NULL) {
                (void) closedir(stream);
                free(names->names);
                names->names = NULL;
                return mlops_err_set(err, "out of memory for the names of "
                                     "the offline log");
            }

            names->names = grown;
        }

        names->names[names->n++] = name;
    }

    (void) closedir(stream);

    if (names->n != 0) {
        qsort(names->names, names->n, sizeof(*names->names),
              mlops_offline_name_cmp);
    }

    return MLOPS_OK;
}


void
mlops_offline_head(mlops_offline_head_t *head, int32_t partition,
    int64_t first, uint64_t base_hash)
{
    memset(head, 0, sizeof(*head));

    memcpy(head->magic, MLOPS_OFFLINE_MAGIC, sizeof(head->magic));
    head->abi = MLOPS_OFFLINE_ABI;
    head->partition = partition;
    head->first = first;
    head->base_hash = base_hash;
    head->checksum = mlops_hash(head, offsetof(mlops_offline_head_t,
                                               checksum), 0);
}


uint64_t
mlops_offline_block_sum(const mlops_offline_block_t *block,
    const char *records)
{
    mlops_hash_t  hash;

    mlops_hash_init(&hash, 0);
    mlops_hash_update(&hash, block, offsetof(mlops_offline_block_t,
                                             checksum));
    mlops_hash_update(&hash, records, block->len);

    return mlops_hash_value(&hash);
}


size_t
mlops_offline_record_len(const mlops_record_t *record)
{
    size_t    len;
    uint32_t  i;

    len = sizeof(mlops_offline_record_t) + record->key.len
          + record->value.len;

    for (i = 0; i < record->headers_n; i++) {
        len += 8 + record->headers[i].name.len
               + record->headers[i].value.len;
    }

    return mlops_align(len, 8);
}


void
mlops_offline_put(char *p, const mlops_record_t *record, size_t len)
{
    char                   *start, *headers;
    uint32_t                i, name_len, value_len;
    const mlops_header_t   *header;
    mlops_offline_record_t  head;

    start = p;

    memset(&head, 0, sizeof(head));

    head.offset = record->offset;
    head.timestamp_us = record->timestamp_us;
    head.key_len = (record->key.data != NULL) ? (uint32_t) record->key.len
                                              : MLOPS_OFFLINE_NULL;
    head.value_len = (record->value.data != NULL)
                     ? (uint32_t) record->value.len : MLOPS_OFFLINE_NULL;
    head.headers_n = record->headers_n;

    p += sizeof(head);
    p = mlops_offline_put_text(p, &record->key);
    p = mlops_offline_put_text(p, &record->value);

    headers = p;

    for (i = 0; i < record->headers_n; i++) {
        header = &record->headers[i];

        name_len = (uint32_t) header->name.len;
        value_len = (header->value.data != NULL)
                    ? (uint32_t) header->value.len : MLOPS_OFFLINE_NULL;

        memcpy(p, &name_len, 4);
        memcpy(p + 4, &value_len, 4);

        p = mlops_offline_put_text(p + 8, &header->name);
        p = mlops_offline_put_text(p, &header->value);
    }

    head.headers_len = (uint32_t) (p - headers);

    memcpy(start, &head, sizeof(head));
    memset(p, 0, (size_t) (start + len - p));
}


static char *
mlops_offline_put_text(char *p, const mlops_str_t *text)
{
    if (text->data == NULL || text->len == 0) {
        return p;
    }

    memcpy(p, text->data, text->len);

    return p + text->len;
}


int
mlops_offline_scan(mlops_offline_scan_t *scan, int dir,
    const mlops_offline_name_t *name, int writable, mlops_err_t *err)
{
    int                           rc;
    uint64_t                      at;
    struct stat                   st;
    mlops_offline_blocks_t        blocks;
    const mlops_offline_block_t  *block;

    memset(&blocks, 0, sizeof(blocks));

    scan->last = -1;
    scan->end = sizeof(mlops_offline_head_t);
    scan->torn = 0;

    scan->fd = openat(dir, name->text,
                      (writable ? O_RDWR : O_RDONLY)|O_NOFOLLOW|O_CLOEXEC);

    if (scan->fd == -1) {
        return mlops_file_fail(err, "open()", dir, name->text);
    }

    if (fstat(scan->fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", dir, name->text);
        goto failed;
    }

    blocks.fd = scan->fd;
    blocks.len = (uint64_t) st.st_size;

    if (mlops_offline_read_head(&blocks, name) == MLOPS_OK) {
        blocks.pos = scan->end;

        while ((rc = mlops_offline_block(&blocks, name, err)) == MLOPS_OK) {
            block = (const mlops_offline_block_t *) blocks.data;

            scan->last = block->last;
            scan->end = blocks.pos;
        }

        if (rc == MLOPS_ERROR) {
            goto failed;
        }
    }

    if (blocks.len != scan->end) {
        scan->torn = 1;

        rc = mlops_offline_more(&blocks, name, &at, err);

        if (rc == MLOPS_OK) {
            (void) mlops_err_set(err, "offline log: \"%s\" is damaged: "
                                 "expected a whole block at byte %llu, and "
                                 "there is one at byte %llu behind it",
                                 name->text, (unsigned long long) scan->end,
                                 (unsigned long long) at);
        }

        if (rc != MLOPS_AGAIN) {
            goto failed;
        }
    }

    free(blocks.data);

    return MLOPS_OK;

failed:

    free(blocks.data);
    (void) close(scan->fd);
    scan->fd = -1;

    return MLOPS_ERROR;
}


/* Is there a whole block anywhere behind pos? */

static int
mlops_offline_more(mlops_offline_blocks_t *blocks,
    const mlops_offline_name_t *name, uint64_t *at, mlops_err_t *err)
{
    int       rc;
    uint64_t  pos;

    pos = mlops_align(blocks->pos, 8);

    if (pos < sizeof(mlops_offline_head_t)) {
        pos = sizeof(mlops_offline_head_t);
    }

    for (/* void */; pos + sizeof(mlops_offline_block_t) <= blocks->len;
         pos += 8)
    {
        blocks->pos = pos;

        rc = mlops_offline_block(blocks, name, err);

        if (rc != MLOPS_AGAIN) {
            *at = pos;
            return rc;
        }
    }

    return MLOPS_AGAIN;
}


static int
mlops_offline_read_head(const mlops_offline_blocks_t *blocks,
    const mlops_offline_name_t *name)
{
    mlops_offline_head_t  head;

    if (mlops_offline_pread(blocks, 0, &head, sizeof(head)) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (memcmp(head.magic, MLOPS_OFFLINE_MAGIC, sizeof(head.magic)) != 0
        || head.abi != MLOPS_OFFLINE_ABI
        || head.partition != name->partition
        || head.first != name->first
        || head.checksum != mlops_hash(&head,
                                       offsetof(mlops_offline_head_t,
                                                checksum), 0))
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


int
mlops_offline_block(mlops_offline_blocks_t *blocks,
    const mlops_offline_name_t *name, mlops_err_t *err)
{
    char                   *data;
    size_t                  len;
    mlops_offline_block_t   head;

    if (mlops_offline_pread(blocks, blocks->pos, &head, sizeof(head))
        != MLOPS_OK)
    {
        return MLOPS_AGAIN;
    }

    if (memcmp(head.magic, MLOPS_OFFLINE_BLOCK_MAGIC, sizeof(head.magic)) != 0
        || head.len == 0 || head.len % 8 != 0
        || head.len > blocks->len - blocks->pos - sizeof(head)
        || head.first > head.last || head.first < name->first)
    {
        return MLOPS_AGAIN;
    }

    len = sizeof(head) + head.len;

    if (blocks->size < len) {
        data = realloc(blocks->data, len);

        if (data == NULL) {
            return mlops_err_set(err, "out of memory for a block of \"%s\", "
                                 "%zu bytes", name->text, len);
        }

        blocks->data = data;
        blocks->size = len;
    }

    if (mlops_offline_pread(blocks, blocks->pos, blocks->data, len)
        != MLOPS_OK
        || head.checksum
           != mlops_offline_block_sum((mlops_offline_block_t *) blocks->data,
                                      blocks->data + sizeof(head)))
    {
        return MLOPS_AGAIN;
    }

    blocks->pos += len;

    return MLOPS_OK;
}


static int
mlops_offline_pread(const mlops_offline_blocks_t *blocks, uint64_t pos,
    void *data, size_t len)
{
    char     *p;
    ssize_t   n;

    if (pos > blocks->len || len > blocks->len - pos) {
        return MLOPS_ERROR;
    }

    for (p = data; len > 0; p += n, pos += (uint64_t) n, len -= (size_t) n) {

        n = pread(blocks->fd, p, len, (off_t) pos);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}
