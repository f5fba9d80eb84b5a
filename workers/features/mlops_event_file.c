/*
 * Reading a file of events, record by record.  Quoted cells of CSV may hold
 * line ends; a line of JSON may not.
 */

#include "mlops_event_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_EVENT_FILE_READ  (256 * 1024)
#define MLOPS_EVENT_FILE_MAX   (64 * 1024 * 1024)   /* of one record */


struct mlops_event_file_s {
    int        fd;
    char      *path;
    char      *data;
    size_t     size;
    size_t     len;                 /* of what has been read into data */
    size_t     pos;                 /* of the next record in it */
    uint64_t   bytes;
    uint64_t   of;
    uint64_t   line;                /* of the record at pos */
    uint64_t   record_line;
    int64_t    n;
    char      *header;
    size_t     header_len;
    unsigned   csv:1;
    unsigned   end:1;
};


static int mlops_event_file_header_read(mlops_event_file_t *file,
    mlops_err_t *err);
static int mlops_event_file_record(mlops_event_file_t *file,
    mlops_str_t *record, mlops_err_t *err);
static int mlops_event_file_fill(mlops_event_file_t *file, mlops_err_t *err);


mlops_event_file_t *
mlops_event_file_open(const char *path, mlops_err_t *err)
{
    size_t  len;

    len = strlen(path);

    return mlops_event_file_open_as(path, len > 4
                                          && strcmp(path + len - 4, ".csv")
                                             == 0,
                                    err);
}


mlops_event_file_t *
mlops_event_file_open_as(const char *path, int csv, mlops_err_t *err)
{
    struct stat          st;
    mlops_event_file_t  *file;

    file = calloc(1, sizeof(*file));

    if (file == NULL) {
        (void) mlops_err_set(err, "out of memory for \"%s\"", path);
        return NULL;
    }

    file->fd = -1;
    file->line = 1;
    file->path = strdup(path);

    if (file->path == NULL) {
        (void) mlops_err_set(err, "out of memory for \"%s\"", path);
        goto failed;
    }

    file->csv = (csv != 0);

    file->fd = (strcmp(path, "-") == 0) ? dup(STDIN_FILENO)
                                        : open(path, O_RDONLY|O_CLOEXEC);

    if (file->fd == -1 || fstat(file->fd, &st) == -1) {
        (void) mlops_err_set(err, "cannot open \"%s\": %s", path,
                             strerror(errno));
        goto failed;
    }

    if (S_ISDIR(st.st_mode)) {
        (void) mlops_err_set(err, "\"%s\" is a directory: expected a file of "
                             "events", path);
        goto failed;
    }

    if (S_ISREG(st.st_mode)) {
        file->of = (uint64_t) st.st_size;
    }

    if (file->csv && mlops_event_file_header_read(file, err) != MLOPS_OK) {
        goto failed;
    }

    return file;

failed:

    mlops_event_file_close(file);

    return NULL;
}


void
mlops_event_file_close(mlops_event_file_t *file)
{
    if (file->fd != -1) {
        (void) close(file->fd);
    }

    free(file->path);
    free(file->data);
    free(file->header);
    free(file);
}


static int
mlops_event_file_header_read(mlops_event_file_t *file, mlops_err_t *err)
{
    int          rc;
    mlops_str_t  header;

    rc = mlops_event_file_record(file, &header, err);

    if (rc == MLOPS_AGAIN) {
        return mlops_err_set(err, "\"%s\" is empty: expected a header of "
                             "names", file->path);
    }

    if (rc != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    file->header = malloc(header.len + 1);

    if (file->header == NULL) {
        return mlops_err_set(err, "out of memory for \"%s\"", file->path);
    }

    memcpy(file->header, header.data, header.len);
    file->header_len = header.len;

    return MLOPS_OK;
}


mlops_str_t
mlops_event_file_header(const mlops_event_file_t *file)
{
    mlops_str_t  header;

    header.data = file->header;
    header.len = file->header_len;

    return header;
}


int
mlops_event_file_next(mlops_event_file_t *file, mlops_record_t *record,
    mlops_err_t *err)
{
    int          rc;
    mlops_str_t  text;

    rc = mlops_event_file_record(file, &text, err);

    if (rc != MLOPS_OK) {
        return rc;
    }

    memset(record, 0, sizeof(*record));

    record->partition = -1;
    record->offset = file->n++;
    record->timestamp_us = -1;
    record->value = text;

    return MLOPS_OK;
}


/* Empty lines are passed over. */

static int
mlops_event_file_record(mlops_event_file_t *file, mlops_str_t *record,
    mlops_err_t *err)
{
    int       quoted;
    char      ch;
    size_t    i, end;
    uint64_t  lines;

    for ( ;; ) {
        quoted = 0;
        lines = 0;

        for (i = file->pos; /* void */; i++) {

            if (i == file->len) {

                if (file->end) {
                    break;
                }

                i -= file->pos;

                if (mlops_event_file_fill(file, err) != MLOPS_OK) {
                    return MLOPS_ERROR;
                }

                i += file->pos;

                if (i == file->len) {
                    break;
                }
            }

            ch = file->data[i];

            if (ch == '"' && file->csv) {
                quoted = !quoted;

            } else if (ch == '\n') {
                lines++;

                if (!quoted) {
                    break;
                }
            }
        }

        if (quoted) {
            return mlops_err_set(err, "\"%s\" line %llu: expected a closing "
                                 "quote, got the end of the file",
                                 file->path, (unsigned long long) file->line);
        }

        if (i == file->pos && i == file->len) {
            return MLOPS_AGAIN;
        }

        end = i;

        if (end > file->pos && file->data[end - 1] == '\r') {
            end--;
        }

        record->data = file->data + file->pos;
        record->len = end - file->pos;

        file->record_line = file->line;
        file->line += lines;
        file->pos = (i == file->len) ? i : i + 1;

        if (record->len != 0) {
            return MLOPS_OK;
        }
    }
}


/* More bytes behind the record that has begun, which moves to the front. */

static int
mlops_event_file_fill(mlops_event_file_t *file, mlops_err_t *err)
{
    char     *data;
    size_t    size;
    ssize_t   n;

    if (file->pos != 0) {
        memmove(file->data, file->data + file->pos, file->len - file->pos);
        file->len -= file->pos;
        file->pos = 0;
    }

    if (file->size - file->len < MLOPS_EVENT_FILE_READ) {

        if (file->len > MLOPS_EVENT_FILE_MAX) {
            return mlops_err_set(err, "\"%s\" line %llu: expected a record "
                                 "of at most 64 MiB", file->path,
                                 (unsigned long long) file->line);
        }

        size = file->size * 2 + MLOPS_EVENT_FILE_READ;

        data = realloc(file->data, size);

        if (data == NULL) {
            return mlops_err_set(err, "out of memory for a record of \"%s\"",
                                 file->path);
        }

        file->data = data;
        file->size = size;
    }

    do {
        n = read(file->fd, file->data + file->len, file->size - file->len);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        return mlops_err_set(err, "cannot read \"%s\": %s", file->path,
                             strerror(errno));
    }

    file->end = (n == 0);
    file->len += (size_t) n;
    file->bytes += (uint64_t) n;

    return MLOPS_OK;
}


uint64_t
mlops_event_file_line(const mlops_event_file_t *file)
{
    return file->record_line;
}


void
mlops_event_file_progress(const mlops_event_file_t *file, uint64_t *bytes,
    uint64_t *of)
{
    *bytes = file->bytes;
    *of = file->of;
}
