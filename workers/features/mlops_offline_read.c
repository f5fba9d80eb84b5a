/*
 * Reading the offline log.
 */

#include "mlops_offline_format.h"

#include "mlops_file.h"

#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>


struct mlops_offline_reader_s {
    int                     dir;
    mlops_offline_names_t   names;
    uint32_t                next;       /* segment to open */
    mlops_offline_name_t   *name;       /* of the open one */
    mlops_offline_blocks_t  blocks;     /* fd -1: none is open */
    size_t                  at;         /* of the next record in the block */
    size_t                  len;
    int32_t                 partition;
    int64_t                 last;       /* offset read of it */
    mlops_header_t         *headers;
    uint32_t                headers_room;
};


static int mlops_offline_read_block(mlops_offline_reader_t *reader,
    mlops_err_t *err);
static int mlops_offline_read_segment(mlops_offline_reader_t *reader,
    mlops_err_t *err);
static int mlops_offline_read_end(mlops_offline_reader_t *reader,
    mlops_err_t *err);
static int mlops_offline_get(mlops_offline_reader_t *reader,
    mlops_record_t *record, mlops_err_t *err);
static int mlops_offline_get_headers(mlops_offline_reader_t *reader,
    mlops_record_t *record, const char *p, const char *end);
static int mlops_offline_get_text(mlops_str_t *text, uint32_t len,
    const char **p, const char *end);


mlops_offline_reader_t *
mlops_offline_read(int dir, mlops_err_t *err)
{
    mlops_offline_reader_t  *reader;

    reader = calloc(1, sizeof(*reader));

    if (reader == NULL) {
        (void) mlops_err_set(err, "out of memory for the offline log");
        return NULL;
    }

    reader->dir = dir;
    reader->blocks.fd = -1;
    reader->partition = -1;
    reader->last = -1;

    if (mlops_offline_names(&reader->names, dir, err) != MLOPS_OK) {
        free(reader);
        return NULL;
    }

    return reader;
}


void
mlops_offline_read_close(mlops_offline_reader_t *reader)
{
    if (reader->blocks.fd != -1) {
        (void) close(reader->blocks.fd);
    }

    free(reader->blocks.data);
    free(reader->names.names);
    free(reader->headers);
    free(reader);
}


int
mlops_offline_next(mlops_offline_reader_t *reader, mlops_record_t *record,
    mlops_err_t *err)
{
    int  rc;

    while (reader->at == reader->len) {
        rc = mlops_offline_read_block(reader, err);

        if (rc != MLOPS_OK) {
            return rc;
        }
    }

    return mlops_offline_get(reader, record, err);
}


static int
mlops_offline_read_block(mlops_offline_reader_t *reader, mlops_err_t *err)
{
    int  rc;

    for ( ;; ) {

        if (reader->blocks.fd != -1) {
            rc = mlops_offline_block(&reader->blocks, reader->name, err);

            if (rc == MLOPS_OK) {
                reader->at = sizeof(mlops_offline_block_t);
                reader->len = reader->at
                    + ((mlops_offline_block_t *) reader->blocks.data)->len;

                return MLOPS_OK;
            }

            if (rc == MLOPS_ERROR
                || mlops_offline_read_end(reader, err) != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }
        }

        rc = mlops_offline_read_segment(reader, err);

        if (rc != MLOPS_OK) {
            return rc;
        }
    }
}


static int
mlops_offline_read_segment(mlops_offline_reader_t *reader, mlops_err_t *err)
{
    struct stat            st;
    mlops_offline_scan_t   scan;
    mlops_offline_name_t  *name;

    if (reader->next == reader->names.n) {
        return MLOPS_AGAIN;
    }

    name = &reader->names.names[reader->next++];

    /* all of it is looked at, so that damage is told from a torn end */

    if (mlops_offline_scan(&scan, reader->dir, name, 0, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (fstat(scan.fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", reader->dir, name->text);
        (void) close(scan.fd);
        return MLOPS_ERROR;
    }

    reader->name = name;
    reader->blocks.fd = scan.fd;
    reader->blocks.len = scan.end;
    reader->blocks.pos = (scan.last == -1) ? scan.end
                                           : sizeof(mlops_offline_head_t);

    if (name->partition != reader->partition) {
        reader->partition = name->partition;
        reader->last = -1;
    }

    return MLOPS_OK;
}


/* No whole block follows: only the newest segment of a partition may end with
 * less than it has bytes. */

static int
mlops_offline_read_end(mlops_offline_reader_t *reader, mlops_err_t *err)
{
    int          newest;
    struct stat  st;

    newest = (reader->next == reader->names.n
              || reader->names.names[reader->next].partition
                 != reader->partition);

    if (fstat(reader->blocks.fd, &st) == -1) {
        return mlops_file_fail(err, "fstat()", reader->dir,
                               reader->name->text);
    }

    if (!newest && (uint64_t) st.st_size != reader->blocks.pos) {
        return mlops_err_set(err, "offline log: \"%s\" is damaged: expected "
                             "a whole block at byte %llu", reader->name->text,
                             (unsigned long long) reader->blocks.pos);
    }

    (void) close(reader->blocks.fd);
    reader->blocks.fd = -1;

    return MLOPS_OK;
}


/* The checksum holds; what the bytes say is checked all the same. */

static int
mlops_offline_get(mlops_offline_reader_t *reader, mlops_record_t *record,
    mlops_err_t *err)
{
    const char              *p, *end;
    mlops_offline_record_t   head;

    p = reader->blocks.data + reader->at;
    end = reader->blocks.data + reader->len;

    memset(record, 0, sizeof(*record));

    if ((size_t) (end - p) < sizeof(head)) {
        goto wrong;
    }

    memcpy(&head, p, sizeof(head));
    p += sizeof(head);

    if (head.offset <= reader->last
        || mlops_offline_get_text(&record->key, head.key_len, &p, end)
           != MLOPS_OK
        || mlops_offline_get_text(&record->value, head.value_len, &p, end)
           != MLOPS_OK
        || head.headers_len > (size_t) (end - p))
    {
        goto wrong;
    }

    record->partition = reader->partition;
    record->offset = head.offset;
    record->timestamp_us = head.timestamp_us;
    record->headers_n = head.headers_n;

    if (mlops_offline_get_headers(reader, record, p, p + head.headers_len)
        != MLOPS_OK)
    {
        goto wrong;
    }

    p += head.headers_len;

    reader->last = head.offset;
    reader->at = mlops_align((size_t) (p - reader->blocks.data), 8);

    if (reader->at > reader->len) {
        goto wrong;
    }

    return MLOPS_OK;

wrong:

    return mlops_err_set(err, "offline log: \"%s\": the record at byte %zu "
                         "of the block before byte %llu is not one",
                         reader->name->text, reader->at,
                         (unsigned long long) reader->blocks.pos);
}


static int
mlops_offline_get_headers(mlops_offline_reader_t *reader,
    mlops_record_t *record, const char *p, const char *end)
{
    uint32_t         i, name_len, value_len;
    mlops_header_t  *headers;

    /* each has 8 bytes at least: the count cannot ask for much */

    if (record->headers_n > (size_t) (end - p) / 8) {
        return MLOPS_ERROR;
    }

    if (record->headers_n > reader->headers_room) {
        headers = realloc(reader->headers,
                          record->headers_n * sizeof(*headers));

        if (headers == NULL) {
            return MLOPS_ERROR;
        }

        reader->headers = headers;
        reader->headers_room = record->headers_n;
    }

    record->headers = reader->headers;

    for (i = 0; i < record->headers_n; i++) {

        if (end - p < 8) {
            return MLOPS_ERROR;
        }

        memcpy(&name_len, p, 4);
        memcpy(&value_len, p + 4, 4);
        p += 8;

        if (name_len == MLOPS_OFFLINE_NULL
            || mlops_offline_get_text(&record->headers[i].name, name_len, &p,
                                      end)
               != MLOPS_OK
            || mlops_offline_get_text(&record->headers[i].value, value_len,
                                      &p, end)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return (p == end) ? MLOPS_OK : MLOPS_ERROR;
}


static int
mlops_offline_get_text(mlops_str_t *text, uint32_t len, const char **p,
    const char *end)
{
    text->data = NULL;
    text->len = 0;

    if (len == MLOPS_OFFLINE_NULL) {
        return MLOPS_OK;
    }

    if (len > (size_t) (end - *p)) {
        return MLOPS_ERROR;
    }

    text->data = *p;
    text->len = len;
    *p += len;

    return MLOPS_OK;
}
