/*
 * The offline log: what is appended is read back, once, whatever breaks.
 */

#include "unit.h"
#include "mlops_offline.h"
#include "mlops_offline_format.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>


#define BASE  0x1122334455667788u


static int
open_dir(void)
{
    int   fd;
    char  path[UNIT_PATH_SIZE];

    snprintf(path, sizeof(path), "/tmp/mlops-offline-XXXXXX");
    assert_non_null(mkdtemp(path));

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    assert_int_not_equal(fd, -1);

    return fd;
}


static void
remove_dir(int dir)
{
    DIR            *stream;
    char            path[UNIT_PATH_SIZE], link[64];
    ssize_t         n;
    struct dirent  *entry;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
    n = readlink(link, path, sizeof(path) - 1);
    assert_true(n > 0);
    path[n] = '\0';

    stream = fdopendir(dir);
    assert_non_null(stream);

    while ((entry = readdir(stream)) != NULL) {
        (void) unlinkat(dir, entry->d_name, 0);
    }

    closedir(stream);
    assert_int_equal(rmdir(path), 0);
}


/* Record i of a partition: its texts follow from the two numbers. */

static void
make(mlops_record_t *record, mlops_header_t *headers, char *text,
    int32_t partition, int64_t offset)
{
    memset(record, 0, sizeof(*record));

    record->partition = partition;
    record->offset = offset;
    record->timestamp_us = 1700000000000000 + offset;

    record->key.data = text;
    record->key.len = (size_t) sprintf(text, "key-%d-%lld", partition,
                                       (long long) offset);

    if (offset % 7 != 0) {
        record->value.data = text + 64;
        record->value.len = (size_t) (offset * 31 % 300);
        memset(text + 64, 'a' + (int) (offset % 26), record->value.len);
    }

    if (offset % 3 == 0) {
        record->headers = headers;
        record->headers_n = 2;
        headers[0].name.data = "ce_type";
        headers[0].name.len = 7;
        headers[0].value.data = "paid";
        headers[0].value.len = 4;
        headers[1].name.data = "none";
        headers[1].name.len = 4;
        headers[1].value.data = NULL;
        headers[1].value.len = 0;
    }
}


static void
same(const mlops_record_t *got, int32_t partition, int64_t offset)
{
    char            text[512];
    mlops_header_t  headers[2];
    mlops_record_t  want;

    make(&want, headers, text, partition, offset);

    assert_int_equal(got->partition, partition);
    assert_int_equal(got->offset, offset);
    assert_int_equal(got->timestamp_us, want.timestamp_us);
    assert_int_equal(got->key.len, want.key.len);
    assert_memory_equal(got->key.data, want.key.data, want.key.len);
    assert_int_equal(got->value.data == NULL, want.value.data == NULL);
    assert_int_equal(got->value.len, want.value.len);

    if (want.value.len != 0) {
        assert_memory_equal(got->value.data, want.value.data,
                            want.value.len);
    }

    assert_int_equal(got->headers_n, want.headers_n);

    if (want.headers_n != 0) {
        assert_int_equal(got->headers[0].name.len, 7);
        assert_memory_equal(got->headers[0].value.data, "paid", 4);
        assert_null(got->headers[1].value.data);
    }
}


static void
append(mlops_offline_t *log, int32_t partition, int64_t from, int64_t to)
{
    char            text[512];
    int64_t         i;
    mlops_err_t     err;
    mlops_header_t  headers[2];
    mlops_record_t  record;

    for (i = from; i < to; i++) {
        make(&record, headers, text, partition, i);
        unit_ok(mlops_offline_append(log, &record, &err) == MLOPS_OK, "%s",
                err.text);
    }
}


/* Reads all; each partition has to hold [0, n[partition]). */

static void
expect(int dir, const int64_t *n, int32_t partitions)
{
    int                      rc;
    int64_t                  at[8] = { 0 };
    int32_t                  i;
    mlops_err_t              err;
    mlops_record_t           record;
    mlops_offline_reader_t  *reader;

    reader = mlops_offline_read(dir, &err);
    assert_non_null(reader);

    while ((rc = mlops_offline_next(reader, &record, &err)) == MLOPS_OK) {
        assert_in_range(record.partition, 0, partitions - 1);
        same(&record, record.partition, at[record.partition]++);
    }

    unit_ok(rc == MLOPS_AGAIN, "%s", err.text);

    for (i = 0; i < partitions; i++) {
        assert_int_equal(at[i], n[i]);
    }

    mlops_offline_read_close(reader);
}


static mlops_offline_t *
open_log(int dir, uint64_t segment_bytes)
{
    mlops_err_t       err;
    mlops_offline_t  *log;

    log = mlops_offline_open(dir, BASE, segment_bytes, &err);
    unit_ok(log != NULL, "%s", err.text);

    return log;
}


static void
test_round_trip(void **state)
{
    int               dir;
    int64_t           n[3] = { 20000, 0, 5000 };
    mlops_err_t       err;
    mlops_offline_t  *log;

    (void) state;

    dir = open_dir();

    log = open_log(dir, 100000);
    append(log, 0, 0, 10000);
    append(log, 2, 0, 5000);
    append(log, 0, 10000, 20000);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    assert_int_equal(mlops_offline_last(log, 0), 19999);
    assert_int_equal(mlops_offline_last(log, 1), -1);
    mlops_offline_close(log);

    expect(dir, n, 3);

    remove_dir(dir);
}


/* Reading a topic again adds nothing twice. */

static void
test_again(void **state)
{
    int               dir;
    int64_t           n[1] = { 3000 };
    mlops_err_t       err;
    mlops_offline_t  *log;

    (void) state;

    dir = open_dir();

    log = open_log(dir, 0);
    append(log, 0, 0, 2000);
    append(log, 0, 500, 1500);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    mlops_offline_close(log);

    log = open_log(dir, 0);
    assert_int_equal(mlops_offline_last(log, 0), 1999);
    append(log, 0, 1000, 3000);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    mlops_offline_close(log);

    expect(dir, n, 1);

    remove_dir(dir);
}


static void
segment_name(int dir, char name[MLOPS_OFFLINE_NAME_SIZE])
{
    mlops_err_t            err;
    mlops_offline_names_t  names;

    assert_int_equal(mlops_offline_names(&names, dir, &err), MLOPS_OK);
    assert_true(names.n > 0);
    memcpy(name, names.names[names.n - 1].text, MLOPS_OFFLINE_NAME_SIZE);
    free(names.names);
}


/* However much of the last block is missing, the blocks before it are there
 * and the log goes on. */

static void
test_torn(void **state)
{
    int               dir, fd;
    char              name[MLOPS_OFFLINE_NAME_SIZE];
    off_t             whole, cut, step;
    int64_t           n[1];
    struct stat       st;
    mlops_err_t       err;
    mlops_offline_t  *log;

    (void) state;

    dir = open_dir();

    log = open_log(dir, 0);
    append(log, 0, 0, 10);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);

    segment_name(dir, name);
    assert_int_equal(fstatat(dir, name, &st, 0), 0);
    whole = st.st_size;

    append(log, 0, 10, 15);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    mlops_offline_close(log);

    assert_int_equal(fstatat(dir, name, &st, 0), 0);

    step = 13;

    for (cut = st.st_size - 1; cut > whole; cut -= step) {
        fd = openat(dir, name, O_RDWR);
        assert_int_equal(ftruncate(fd, cut), 0);
        close(fd);

        n[0] = 10;
        expect(dir, n, 1);

        log = open_log(dir, 0);
        assert_int_equal(mlops_offline_last(log, 0), 9);
        append(log, 0, 5, 15);
        assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
        mlops_offline_close(log);

        n[0] = 15;
        expect(dir, n, 1);
    }

    /* a segment cut in its head is as if it had never been */

    fd = openat(dir, name, O_RDWR);
    assert_int_equal(ftruncate(fd, 40), 0);
    close(fd);

    log = open_log(dir, 0);
    assert_int_equal(mlops_offline_last(log, 0), -1);
    append(log, 0, 0, 4);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    mlops_offline_close(log);

    n[0] = 4;
    expect(dir, n, 1);

    remove_dir(dir);
}


/* Any bit that changes before the end is damage, and said. */

static void
test_damage(void **state)
{
    int                      dir, fd, rc;
    char                     name[MLOPS_OFFLINE_NAME_SIZE], byte;
    off_t                    at, whole;
    struct stat              st;
    mlops_err_t              err;
    mlops_record_t           record;
    mlops_offline_t         *log;
    mlops_offline_reader_t  *reader;

    (void) state;

    dir = open_dir();

    log = open_log(dir, 0);
    append(log, 0, 0, 10);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    segment_name(dir, name);
    assert_int_equal(fstatat(dir, name, &st, 0), 0);
    whole = st.st_size;
    append(log, 0, 10, 20);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    mlops_offline_close(log);

    fd = openat(dir, name, O_RDWR);

    for (at = 0; at < whole; at += 7) {
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);

        log = mlops_offline_open(dir, BASE, 0, &err);
        unit_ok(log == NULL, "byte %d is not missed", (int) at);
        assert_non_null(strstr(err.text, "damaged"));

        reader = mlops_offline_read(dir, &err);
        assert_non_null(reader);

        while ((rc = mlops_offline_next(reader, &record, &err)) == MLOPS_OK) {
            /* void */
        }

        unit_ok(rc == MLOPS_ERROR, "byte %d is not missed", (int) at);
        mlops_offline_read_close(reader);

        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }

    close(fd);
    remove_dir(dir);
}


/* A disk that is full: the error says so, and the same call succeeds later. */

static void
test_full(void **state)
{
    int               dir, rc;
    char              name[MLOPS_OFFLINE_NAME_SIZE];
    int64_t           n[1] = { 2000 };
    mlops_err_t       err;
    struct stat       st;
    struct rlimit     limit, small;
    mlops_offline_t  *log;

    (void) state;

    dir = open_dir();
    signal(SIGXFSZ, SIG_IGN);

    log = open_log(dir, 0);
    append(log, 0, 0, 1000);
    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    append(log, 0, 1000, 2000);

    segment_name(dir, name);
    assert_int_equal(fstatat(dir, name, &st, 0), 0);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = (rlim_t) st.st_size + 5000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);

    rc = mlops_offline_flush(log, &err);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(rc, MLOPS_ERROR);
    assert_non_null(strstr(err.text, "write()"));

    assert_int_equal(fstatat(dir, name, &st, 0), 0);
    unit_ok(st.st_size < (off_t) small.rlim_cur, "a part was left");

    assert_int_equal(mlops_offline_flush(log, &err), MLOPS_OK);
    mlops_offline_close(log);

    expect(dir, n, 1);

    remove_dir(dir);
}


/* Killed anywhere: what a flush had confirmed is there, nothing twice. */

static void
test_kill(void **state)
{
    int               dir, round, rounds, status, fds[2];
    pid_t             pid;
    int64_t           done, i, n[1];
    mlops_err_t       err;
    mlops_offline_t  *log;

    (void) state;

    dir = open_dir();
    done = 0;
    rounds = (getenv("MLOPS_QUICK") != NULL) ? 10 : 60;

    for (round = 0; round < rounds; round++) {
        assert_int_equal(pipe(fds), 0);

        pid = fork();
        assert_int_not_equal(pid, -1);

        if (pid == 0) {
            log = mlops_offline_open(dir, BASE, 20000, &err);

            if (log == NULL) {
                _exit(1);
            }

            for (i = 0; ; i += 50) {
                append(log, 0, i, i + 50);

                if (mlops_offline_flush(log, &err) != MLOPS_OK
                    || write(fds[1], &i, sizeof(i)) != sizeof(i))
                {
                    _exit(1);
                }
            }
        }

        close(fds[1]);

        /* at any moment, or at any one behind the first flush */

        if (round % 2) {
            assert_int_equal(read(fds[0], &i, sizeof(i)), sizeof(i));
            done = (i + 50 > done) ? i + 50 : done;
        }

        usleep(2000 + (useconds_t) (round * 389 % 5000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        while (read(fds[0], &i, sizeof(i)) == sizeof(i)) {
            if (i + 50 > done) {
                done = i + 50;
            }
        }

        close(fds[0]);

        log = open_log(dir, 20000);
        i = mlops_offline_last(log, 0) + 1;
        unit_ok(i >= done, "%lld flushed, %lld there", (long long) done,
                (long long) i);
        mlops_offline_close(log);

        n[0] = i;
        expect(dir, n, 1);
    }

    printf("# %lld records over %d kills\n", (long long) done, rounds);
    assert_true(done > 0);

    remove_dir(dir);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_torn),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_kill)
    };

    return unit_run(tests);
}
