/*
 * Immutable files: what a writer leaves, what a reader refuses, locks.
 */

#include "unit.h"
#include "toys.h"
#include "mlops_file.h"
#include "mlops_image.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>


static int
open_dir(const char *path)
{
    int  fd;

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    assert_int_not_equal(fd, -1);

    return fd;
}


/* Entries of a directory, "." and ".." left out. */

static int
count(int dir)
{
    int             n;
    DIR            *stream;
    struct dirent  *entry;

    stream = fdopendir(openat(dir, ".", O_RDONLY|O_DIRECTORY));
    assert_non_null(stream);

    for (n = 0; (entry = readdir(stream)) != NULL; /* void */ ) {
        n += strcmp(entry->d_name, ".") != 0
             && strcmp(entry->d_name, "..") != 0;
    }

    closedir(stream);

    return n;
}


static void
has(const mlops_err_t *err, const char *part)
{
    unit_ok(strstr(err->text, part) != NULL, "no \"%s\" in: %s", part,
            err->text);
}


static void
put(int dir, const char *name, const char *text)
{
    char         tmp[MLOPS_TMP_SIZE];
    mlops_err_t  err;

    assert_int_equal(mlops_file_write(dir, text, strlen(text), 0444,
                                      (uid_t) -1, (gid_t) -1, 1, tmp, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_file_commit(dir, tmp, name, 0, 1, &err), MLOPS_OK);
}


static void
test_write_and_map(void **state)
{
    int               dir;
    char              tmp[MLOPS_TMP_SIZE];
    mlops_err_t       err;
    struct stat       st;
    mlops_map_file_t  one, two;

    (void) state;

    dir = open_dir(unit_tmpdir());

    assert_int_equal(mlops_file_write(dir, "first", 5, 0444, (uid_t) -1,
                                      (gid_t) -1, 1, tmp, &err),
                     MLOPS_OK);
    assert_int_equal(fstatat(dir, "a", &st, 0), -1);
    assert_int_equal(fstatat(dir, tmp, &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFREG|0444);

    assert_int_equal(mlops_file_commit(dir, tmp, "a", 0, 1, &err), MLOPS_OK);
    assert_int_equal(count(dir), 1);

    assert_int_equal(mlops_file_map(&one, dir, "a", 100,
                                    MLOPS_FILE_SEALED|MLOPS_FILE_OWNER,
                                    (uid_t) -1, &err),
                     MLOPS_OK);
    assert_int_equal(one.len, 5);
    assert_memory_equal(one.data, "first", 5);

    /* a new file takes the name, who has the old one keeps it */

    put(dir, "a", "second one");

    assert_int_equal(mlops_file_map(&two, dir, "a", 100, MLOPS_FILE_SEALED,
                                    (uid_t) -1, &err),
                     MLOPS_OK);
    assert_memory_equal(one.data, "first", 5);
    assert_memory_equal(two.data, "second one", 10);
    assert_true(one.ino != two.ino);

    mlops_file_unmap(&one);
    mlops_file_unmap(&two);
    mlops_file_unmap(&two);

    close(dir);
}


static void
test_exclusive(void **state)
{
    int          dir;
    char         tmp[MLOPS_TMP_SIZE], text[8];
    mlops_err_t  err;

    (void) state;

    dir = open_dir(unit_tmpdir());
    put(dir, "a", "first");

    assert_int_equal(mlops_file_write(dir, "x", 1, 0444, (uid_t) -1,
                                      (gid_t) -1, 0, tmp, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_file_commit(dir, tmp, "a", 1, 0, &err),
                     MLOPS_ERROR);
    assert_int_equal(errno, EEXIST);
    has(&err, "/a");
    has(&err, "exists");

    assert_int_equal(count(dir), 1);
    assert_int_equal(pread(openat(dir, "a", O_RDONLY), text, 8, 0), 5);
    assert_memory_equal(text, "first", 5);

    assert_int_equal(mlops_file_write(dir, "x", 1, 0444, (uid_t) -1,
                                      (gid_t) -1, 0, tmp, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_file_commit(dir, tmp, "b", 1, 0, &err), MLOPS_OK);
    assert_int_equal(count(dir), 2);

    close(dir);
}


/* A name that cannot be made durable: there is no sync by a descriptor that
 * is a path only. */

static void
test_not_durable(void **state)
{
    int          dir, only;
    char         tmp[MLOPS_TMP_SIZE];
    const char  *path;
    mlops_err_t  err;

    (void) state;

    path = unit_tmpdir();
    dir = open_dir(path);
    only = open(path, O_PATH|O_DIRECTORY|O_CLOEXEC);
    assert_int_not_equal(only, -1);

    assert_int_equal(mlops_file_write(only, "x", 1, 0444, (uid_t) -1,
                                      (gid_t) -1, 0, tmp, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_file_commit(only, tmp, "a", 1, 1, &err),
                     MLOPS_ERROR);
    has(&err, "fsync()");
    assert_int_equal(count(dir), 0);

    /* what was replaced is lost, what replaced it stays */

    put(dir, "a", "first");
    assert_int_equal(mlops_file_write(only, "x", 1, 0444, (uid_t) -1,
                                      (gid_t) -1, 0, tmp, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_file_commit(only, tmp, "a", 0, 1, &err),
                     MLOPS_ERROR);
    assert_int_equal(count(dir), 1);

    close(only);
    close(dir);
}


static void
test_map_refuses(void **state)
{
    int               dir;
    mlops_err_t       err;
    mlops_map_file_t  map;

    (void) state;

    dir = open_dir(unit_tmpdir());
    put(dir, "good", "12345");

#define refused(name, max, flags, owner)                                      \
    (errno = 99, err.text[0] = '\0',                                          \
     assert_int_equal(mlops_file_map(&map, dir, name, max, flags, owner,      \
                                     &err), MLOPS_ERROR))

    refused("missing", 100, 0, 0);
    assert_int_equal(errno, ENOENT);
    has(&err, "missing");

    symlinkat("good", dir, "link");
    refused("link", 100, 0, 0);
    assert_int_equal(errno, ELOOP);

    mkdirat(dir, "folder", 0755);
    refused("folder", 100, 0, 0);
    has(&err, "not a regular file");
    assert_int_equal(errno, 0);

    mkfifoat(dir, "fifo", 0644);
    refused("fifo", 100, 0, 0);
    has(&err, "not a regular file");

    close(openat(dir, "empty", O_CREAT|O_WRONLY, 0444));
    refused("empty", 100, 0, 0);
    has(&err, "expected 1 to 100 bytes, got 0");

    refused("good", 4, 0, 0);
    has(&err, "expected 1 to 4 bytes, got 5");

    fchmodat(dir, "good", 0464, 0);
    refused("good", 100, MLOPS_FILE_SEALED, 0);
    has(&err, "got 0464");
    assert_int_equal(mlops_file_map(&map, dir, "good", 100, 0, 0, &err),
                     MLOPS_OK);
    mlops_file_unmap(&map);

    if (geteuid() == 0) {
        assert_int_equal(fchownat(dir, "good", 12345, 0, 0), 0);
        refused("good", 100, MLOPS_FILE_OWNER, 4242);
        has(&err, "got uid 12345");
        refused("good", 100, MLOPS_FILE_OWNER, (uid_t) -1);
        assert_int_equal(mlops_file_map(&map, dir, "good", 100,
                                        MLOPS_FILE_OWNER, 12345, &err),
                         MLOPS_OK);
        mlops_file_unmap(&map);
    }

    close(dir);
}


/* A full tmpfs: the bytes needed are named, and nothing stays behind. */

static void
test_no_space(void **state)
{
    int          dir;
    char         tmp[MLOPS_TMP_SIZE], *data;
    mlops_err_t  err;
    const char  *path;

    (void) state;

    path = unit_tmpdir();

    if (mount("tmpfs", path, "tmpfs", 0, "size=64k") == -1) {
        unit_skip("no tmpfs may be mounted here");
    }

    dir = open_dir(path);
    data = calloc(1, 100000);

    assert_int_equal(mlops_file_write(dir, data, 100000, 0444, (uid_t) -1,
                                      (gid_t) -1, 0, tmp, &err),
                     MLOPS_ERROR);
    has(&err, "100000 bytes are needed");
    has(&err, "65536 are free");
    assert_int_equal(count(dir), 0);

    /* what fits goes in afterwards */

    assert_int_equal(mlops_file_write(dir, data, 60000, 0444, (uid_t) -1,
                                      (gid_t) -1, 0, tmp, &err),
                     MLOPS_OK);

    free(data);
    close(dir);
    assert_int_equal(umount2(path, MNT_DETACH), 0);
}


static void
test_check_and_copy(void **state)
{
    int                src, dir, i;
    char               tmp[MLOPS_TMP_SIZE];
    void              *image;
    size_t             len, at;
    mlops_err_t        err;
    const char        *magic, *why;
    unsigned char     *bad;
    mlops_map_file_t   map;
    mlops_file_head_t  head;

    (void) state;

    dir = open_dir(unit_tmpdir());
    magic = MLOPS_IMAGE_MAGIC;

    assert_int_equal(toy_build("lin4", &image, &len, &err), MLOPS_OK);

    src = openat(dir, "src", O_RDWR|O_CREAT, 0600);
    assert_int_equal(mlops_file_put(src, image, len), MLOPS_OK);

    assert_int_equal(mlops_file_head(src, len, magic, &head, &err), MLOPS_OK);
    assert_int_equal(head.file_len, len);
    assert_int_equal(mlops_file_check(src, len, magic, -1, &err), MLOPS_OK);

    assert_int_equal(mlops_file_copy(dir, src, len, magic, 0444, (uid_t) -1,
                                     (gid_t) -1, tmp, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_file_commit(dir, tmp, "copy", 0, 0, &err),
                     MLOPS_OK);
    assert_int_equal(mlops_file_map(&map, dir, "copy", len,
                                    MLOPS_FILE_SEALED, 0, &err),
                     MLOPS_OK);
    assert_int_equal(map.len, len);
    assert_memory_equal(map.data, image, len);
    mlops_file_unmap(&map);

    /* any changed byte: of the magic, the length, the checksum or the rest;
     * abi and header length are the image loader's to judge */

    bad = malloc(len);

    for (at = 0; at < len; at += (at < 64) ? 1 : 97) {

        if (at >= 8 && at < 16) {
            continue;
        }

        memcpy(bad, image, len);
        bad[at] ^= 0x40;
        assert_int_equal(pwrite(src, bad, len, 0), len);

        why = (at < 8) ? "magic" : (at < 24) ? "length" : "checksum";

        for (i = 0; i < 2; i++) {
            err.text[0] = '\0';
            assert_int_equal(i ? mlops_file_check(src, len, magic, -1, &err)
                               : mlops_file_copy(dir, src, len, magic, 0444,
                                                 (uid_t) -1, (gid_t) -1, tmp,
                                                 &err),
                             MLOPS_ERROR);
            has(&err, why);
        }
    }

    /* cut short: found by the length in the header, or while reading */

    assert_int_equal(pwrite(src, image, len, 0), len);
    assert_int_equal(ftruncate(src, len - 1), 0);
    assert_int_equal(mlops_file_check(src, len - 1, magic, -1, &err),
                     MLOPS_ERROR);
    has(&err, "length");
    assert_int_equal(mlops_file_check(src, len, magic, -1, &err),
                     MLOPS_ERROR);
    has(&err, "cut");
    assert_int_equal(ftruncate(src, 31), 0);
    assert_int_equal(mlops_file_check(src, 31, magic, -1, &err), MLOPS_ERROR);
    has(&err, "too short");

    assert_int_equal(count(dir), 2);

    free(bad);
    free(image);
    close(src);
    close(dir);
}


static void
test_link(void **state)
{
    int          dir;
    char         text[32];
    ssize_t      n;
    mlops_err_t  err;

    (void) state;

    dir = open_dir(unit_tmpdir());

    assert_int_equal(mlops_file_link(dir, "1.mlm", "@a", 1, &err), MLOPS_OK);
    assert_int_equal(mlops_file_link(dir, "22.mlm", "@a", 0, &err), MLOPS_OK);

    n = readlinkat(dir, "@a", text, sizeof(text));
    assert_int_equal(n, 6);
    assert_memory_equal(text, "22.mlm", 6);
    assert_int_equal(count(dir), 1);

    /* a directory is in the way: the link it had made goes again */

    mkdirat(dir, "@b", 0755);
    assert_int_equal(mlops_file_link(dir, "1.mlm", "@b", 0, &err),
                     MLOPS_ERROR);
    has(&err, "@b");
    assert_int_equal(count(dir), 2);

    close(dir);
}


static void
test_mkdir(void **state)
{
    int          dir;
    mode_t       mask;
    mlops_err_t  err;
    struct stat  st;

    (void) state;

    dir = open_dir(unit_tmpdir());
    mask = umask(077);

    assert_int_equal(mlops_file_mkdir(dir, "d", 0755, (uid_t) -1, (gid_t) -1,
                                      1, &err),
                     MLOPS_OK);
    umask(mask);
    assert_int_equal(fstatat(dir, "d", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFDIR|0755);

    fchmodat(dir, "d", 0700, 0);
    assert_int_equal(mlops_file_mkdir(dir, "d", 0755, (uid_t) -1, (gid_t) -1,
                                      0, &err),
                     MLOPS_OK);
    assert_int_equal(fstatat(dir, "d", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFDIR|0700);

    if (geteuid() == 0) {
        assert_int_equal(mlops_file_mkdir(dir, "e", 02770, 12345, 54321, 0,
                                          &err),
                         MLOPS_OK);
        assert_int_equal(fstatat(dir, "e", &st, 0), 0);
        assert_int_equal(st.st_mode, S_IFDIR|02770);
        assert_int_equal(st.st_uid, 12345);
        assert_int_equal(st.st_gid, 54321);
    }

    close(dir);
}


static void
test_sweep(void **state)
{
    int          dir;
    char         own[MLOPS_TMP_SIZE], name[MLOPS_TMP_SIZE];
    pid_t        pid;
    mlops_err_t  err;
    struct stat  st;

    (void) state;

    dir = open_dir(unit_tmpdir());

    /* what a living process is at stays */

    assert_int_equal(mlops_file_write(dir, "x", 1, 0444, (uid_t) -1,
                                      (gid_t) -1, 0, own, &err),
                     MLOPS_OK);

    /* names that are not temporary ones stay */

    close(openat(dir, ".tmp.", O_CREAT|O_WRONLY, 0600));
    close(openat(dir, ".tmp.12", O_CREAT|O_WRONLY, 0600));
    close(openat(dir, ".tmp.999999999.1.1x", O_CREAT|O_WRONLY, 0600));
    close(openat(dir, "tmp.999999999.1.1", O_CREAT|O_WRONLY, 0600));

    assert_int_equal(mlops_file_sweep(dir), 0);
    assert_int_equal(count(dir), 5);

    /* a pid that is gone; ours, but another start; a child that died with its
     * file half made, first as a zombie; a directory; a link */

    close(openat(dir, ".tmp.999999999.1.1", O_CREAT|O_WRONLY, 0600));
    symlinkat("nowhere", dir, ".tmp.999999999.1.2");
    mkdirat(dir, ".tmp.999999999.1.3", 0700);

    snprintf(name, sizeof(name), ".tmp.%ld.1.77", (long) getpid());
    close(openat(dir, name, O_CREAT|O_WRONLY, 0600));

    pid = fork();

    if (pid == 0) {
        (void) mlops_file_write(dir, "x", 1, 0444, (uid_t) -1, (gid_t) -1, 0,
                                name, &err);
        _exit(0);
    }

    assert_int_equal(waitid(P_PID, (id_t) pid, &(siginfo_t) { 0 },
                            WEXITED|WNOWAIT), 0);
    assert_int_equal(count(dir), 10);
    assert_int_equal(mlops_file_sweep(dir), 5);
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    assert_int_equal(count(dir), 5);
    assert_int_equal(fstatat(dir, own, &st, 0), 0);

    close(dir);
}


static void
test_lock(void **state)
{
    int              dir, one, two, ready[2];
    char             c;
    pid_t            pid;
    mlops_err_t      err;
    struct stat      st;
    struct timespec  from, to;

    (void) state;

    dir = open_dir(unit_tmpdir());

    one = mlops_file_lock(dir, "lock", 1000, &err);
    assert_int_not_equal(one, -1);
    assert_int_equal(fstatat(dir, "lock", &st, 0), 0);
    assert_int_equal(st.st_mode, S_IFREG|0600);
    assert_int_equal(count(dir), 1);

    clock_gettime(CLOCK_MONOTONIC, &from);
    two = mlops_file_lock(dir, "lock", 50, &err);
    clock_gettime(CLOCK_MONOTONIC, &to);

    assert_int_equal(two, -1);
    has(&err, "held by another process: waited 50 ms");
    assert_true((to.tv_sec - from.tv_sec) * 1000
                + (to.tv_nsec - from.tv_nsec) / 1000000 >= 49);

    close(one);
    two = mlops_file_lock(dir, "lock", 0, &err);
    assert_int_not_equal(two, -1);
    close(two);

    /* the dead hold nothing */

    assert_int_equal(pipe(ready), 0);
    pid = fork();

    if (pid == 0) {
        one = mlops_file_lock(dir, "lock", 1000, &err);
        (void) !write(ready[1], "x", 1);
        pause();
        _exit(0);
    }

    assert_int_equal(read(ready[0], &c, 1), 1);
    assert_int_equal(mlops_file_lock(dir, "lock", 0, &err), -1);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    one = mlops_file_lock(dir, "lock", 0, &err);
    assert_int_not_equal(one, -1);

    /* nor does one on a file that lost its name */

    unlinkat(dir, "lock", 0);
    two = mlops_file_lock(dir, "lock", 0, &err);
    assert_int_not_equal(two, -1);
    close(one);
    close(two);

    unlinkat(dir, "lock", 0);
    symlinkat("elsewhere", dir, "lock");
    assert_int_equal(mlops_file_lock(dir, "lock", 0, &err), -1);
    assert_int_equal(fstatat(dir, "elsewhere", &st, 0), -1);

    close(ready[0]);
    close(ready[1]);
    close(dir);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_write_and_map),
        cmocka_unit_test(test_exclusive),
        cmocka_unit_test(test_not_durable),
        cmocka_unit_test(test_map_refuses),
        cmocka_unit_test(test_no_space),
        cmocka_unit_test(test_check_and_copy),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_mkdir),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_lock)
    };

    return unit_run(tests);
}
