/*
 * Immutable files, the reader's side: open, map, check.
 */

#include "mlops_file.h"
#include "mlops_hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>


#define MLOPS_FILE_CHUNK  (256 * 1024)


static ssize_t mlops_file_read(int fd, char *buf, size_t size, off_t off);


int
mlops_file_fail(mlops_err_t *err, const char *call, int dir, const char *name)
{
    int      code;
    char     link[64], path[256];
    ssize_t  n;

    code = errno;

    (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);

    n = (dir == AT_FDCWD) ? 0 : readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';

    (void) mlops_err_set(err, "%s \"%s%s%s\" failed (%d: %s)", call, path,
                         (path[0] != '\0' && name[0] != '\0') ? "/" : "",
                         name, code, strerror(code));

    errno = code;

    return MLOPS_ERROR;
}


int
mlops_file_open(int dir, const char *name, size_t max, uint32_t flags,
    uid_t owner, size_t *len, mlops_err_t *err)
{
    int          fd;
    struct stat  st;

    /* O_NONBLOCK: the open of a FIFO would wait for its writer */

    fd = openat(dir, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1) {
        return mlops_file_fail(err, "open()", dir, name);
    }

    if (fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", dir, name);
        (void) close(fd);
        return -1;
    }

    if (!S_ISREG(st.st_mode)) {
        (void) mlops_err_set(err, "\"%s\" is not a regular file", name);
        goto refused;
    }

    if (st.st_size < 1 || (uint64_t) st.st_size > max) {
        (void) mlops_err_set(err, "\"%s\": expected 1 to %zu bytes, got %lld",
                             name, max, (long long) st.st_size);
        goto refused;
    }

    if ((flags & MLOPS_FILE_SEALED) && (st.st_mode & 0222)) {
        (void) mlops_err_set(err, "\"%s\" is writable: expected mode 0444, "
                             "got %04o", name, st.st_mode & 07777);
        goto refused;
    }

    if ((flags & MLOPS_FILE_OWNER) && st.st_uid != 0
        && st.st_uid != geteuid() && st.st_uid != owner)
    {
        (void) mlops_err_set(err, "\"%s\": expected owner root or uid %ld, "
                             "got uid %ld", name,
                             (long) (owner == (uid_t) -1 ? geteuid() : owner),
                             (long) st.st_uid);
        goto refused;
    }

    *len = (size_t) st.st_size;

    return fd;

refused:

    (void) close(fd);
    errno = 0;

    return -1;
}


int
mlops_file_map(mlops_map_file_t *map, int dir, const char *name, size_t max,
    uint32_t flags, uid_t owner, mlops_err_t *err)
{
    int          fd;
    void        *data;
    size_t       len;
    struct stat  st;

    fd = mlops_file_open(dir, name, max, flags, owner, &len, err);

    if (fd == -1) {
        return MLOPS_ERROR;
    }

    if (fstat(fd, &st) == -1) {
        (void) mlops_file_fail(err, "fstat()", dir, name);
        (void) close(fd);
        return MLOPS_ERROR;
    }

    data = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);

    if (data == MAP_FAILED) {
        (void) mlops_file_fail(err, "mmap()", dir, name);
        (void) close(fd);
        return MLOPS_ERROR;
    }

    (void) close(fd);

    map->data = data;
    map->len = len;
    map->dev = st.st_dev;
    map->ino = st.st_ino;

    return MLOPS_OK;
}


void
mlops_file_unmap(mlops_map_file_t *map)
{
    if (map->data != NULL) {
        (void) munmap((void *) map->data, map->len);
    }

    map->data = NULL;
    map->len = 0;
}


int
mlops_file_head(int src, size_t len, const char *magic,
    mlops_file_head_t *head, mlops_err_t *err)
{
    ssize_t  n;

    n = mlops_file_read(src, (char *) head, sizeof(*head), 0);

    if (n == -1) {
        return mlops_file_fail(err, "read()", src, "");
    }

    if ((size_t) n < sizeof(*head) || len < sizeof(*head)) {
        return mlops_err_set(err, "too short: expected %zu bytes or more, "
                             "got %zu", sizeof(*head), len);
    }

    if (memcmp(head->magic, magic, sizeof(head->magic)) != 0) {
        return mlops_err_set(err, "wrong magic: expected \"%.8s\", "
                             "got \"%.8s\"", magic, head->magic);
    }

    if (head->file_len != len) {
        return mlops_err_set(err, "wrong length: expected %llu bytes by its "
                             "header, got %zu",
                             (unsigned long long) head->file_len, len);
    }

    return MLOPS_OK;
}


int
mlops_file_check(int src, size_t len, const char *magic, int out,
    mlops_err_t *err)
{
    int                rc;
    char              *buf;
    size_t             off, skip, want;
    ssize_t            n;
    uint64_t           sum;
    mlops_hash_t       hash;
    mlops_file_head_t  head;

    if (mlops_file_head(src, len, magic, &head, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    buf = malloc(MLOPS_FILE_CHUNK);

    if (buf == NULL) {
        return mlops_err_set(err, "out of memory: %d bytes",
                             MLOPS_FILE_CHUNK);
    }

    mlops_hash_init(&hash, 0);

    rc = MLOPS_ERROR;
    skip = sizeof(head);

    for (off = 0; off < len; off += (size_t) n) {

        want = len - off;

        if (want > MLOPS_FILE_CHUNK) {
            want = MLOPS_FILE_CHUNK;
        }

        n = mlops_file_read(src, buf, want, (off_t) off);

        if (n == -1) {
            (void) mlops_file_fail(err, "read()", src, "");
            goto done;
        }

        if ((size_t) n < want) {
            (void) mlops_err_set(err, "it was cut while being read: expected "
                                 "%zu bytes, got %zu", len, off + (size_t) n);
            goto done;
        }

        mlops_hash_update(&hash, buf + skip, (size_t) n - skip);
        skip = 0;

        if (out != -1 && mlops_file_put(out, buf, (size_t) n) != MLOPS_OK) {
            (void) mlops_file_fail(err, "write()", out, "");
            goto done;
        }

        mlops_fault("file-part");
    }

    sum = mlops_hash_value(&hash);

    if (sum != head.checksum) {
        (void) mlops_err_set(err, "wrong checksum: expected %016llx by its "
                             "header, got %016llx",
                             (unsigned long long) head.checksum,
                             (unsigned long long) sum);
        goto done;
    }

    rc = MLOPS_OK;

done:

    free(buf);

    return rc;
}


/* Reads until size bytes or the end of the file. */

static ssize_t
mlops_file_read(int fd, char *buf, size_t size, off_t off)
{
    size_t   got;
    ssize_t  n;

    for (got = 0; got < size; got += (size_t) n) {
        n = pread(fd, buf + got, size - got, off + (off_t) got);

        if (n == -1 && errno == EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }
    }

    return (ssize_t) got;
}
