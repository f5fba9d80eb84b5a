/*
 * What every unit test shares: TAP output, the look-up of data files, and
 * folders that vanish at the end.
 *
 * A test program has one group and a main of one line:
 *
 *     int
 *     main(void)
 *     {
 *         const struct CMUnitTest  tests[] = {
 *             cmocka_unit_test(test_this),
 *             cmocka_unit_test(test_that)
 *         };
 *
 *         return unit_run(tests);
 *     }
 *
 * It is run from the top of the source tree.  MLOPS_DATA names the folder of
 * the public data sets (default ../shared/data; the folder golden is beside
 * it); where they are missing a test uses fixtures below t/data or skips.
 * MLOPS_QUICK=1 asks for fewer rounds (sanitizers, valgrind).
 */

#ifndef MLOPS_UNIT_H
#define MLOPS_UNIT_H


#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <ftw.h>
#include <unistd.h>
#include <cmocka.h>


#define UNIT_PATH_SIZE  1024


/* Runs the group and returns the number of failures. */

#define unit_run(tests)                                                       \
    (unit_start(), cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL))


/*
 * Leaves the test as passed, and says why on a TAP comment line.  cmocka's
 * skip() prints a line that prove counts as a failure.
 */

#define unit_skip(reason)                                                     \
    do {                                                                      \
        printf("# skipped %s: %s\n", __func__, reason);                       \
        return;                                                               \
    } while (0)


/* A check that says more than two numbers when it fails. */

#define unit_ok(cond, ...)                                                    \
    do {                                                                      \
        if (!(cond)) {                                                        \
            unit_note(__VA_ARGS__);                                           \
            _fail(__FILE__, __LINE__);                                        \
        }                                                                     \
    } while (0)


static inline void
unit_note(const char *fmt, ...)
{
    char     text[1024], *line, *next;
    va_list  args;

    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    for (line = text; line; line = next) {
        next = strchr(line, '\n');

        if (next) {
            *next++ = '\0';
        }

        printf("# %s\n", line);
    }
}


static inline void
unit_start(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    cmocka_set_message_output(CM_OUTPUT_TAP);
}


/* 1 where MLOPS_QUICK asks for fewer rounds. */

static inline int
unit_quick(void)
{
    char  *value;

    value = getenv("MLOPS_QUICK");

    return value && value[0] && strcmp(value, "0") != 0;
}


/* A file of the public data sets, or NULL; the text is static. */

static inline const char *
unit_data(const char *name)
{
    const char   *dir;
    static char   path[UNIT_PATH_SIZE];

    dir = getenv("MLOPS_DATA");

    if (dir == NULL || dir[0] == '\0') {
        dir = "../shared/data";
    }

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    return access(path, R_OK) == 0 ? path : NULL;
}


/* A golden file: model and rows with the library's answers, or NULL. */

static inline const char *
unit_golden(const char *name)
{
    char  relative[UNIT_PATH_SIZE / 2];

    snprintf(relative, sizeof(relative), "../golden/%s", name);

    return unit_data(relative);
}


/* A fixture of our own, below t/data; it has to be there. */

static inline const char *
unit_fixture(const char *name)
{
    static char  path[UNIT_PATH_SIZE];

    snprintf(path, sizeof(path), "t/data/%s", name);

    if (access(path, R_OK) != 0) {
        unit_note("no %s: run from the top of the source tree", path);
        fail();
    }

    return path;
}


static int
unit_remove(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
    (void) st;
    (void) type;
    (void) ftw;

    return remove(path);
}


static char  unit_dirs[64][64];
static int   unit_ndirs;


static inline void
unit_cleanup(void)
{
    while (unit_ndirs > 0) {
        unit_ndirs--;
        nftw(unit_dirs[unit_ndirs], unit_remove, 16, FTW_DEPTH|FTW_PHYS);
    }
}


/* A new empty folder, on tmpfs where there is one; removed at exit. */

static inline const char *
unit_tmpdir(void)
{
    char        *dir;
    const char  *base;

    if (unit_ndirs == (int) (sizeof(unit_dirs) / sizeof(unit_dirs[0]))) {
        unit_note("too many temporary folders");
        fail();
    }

    if (unit_ndirs == 0) {
        atexit(unit_cleanup);
    }

    base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    dir = unit_dirs[unit_ndirs];

    snprintf(dir, sizeof(unit_dirs[0]), "%s/mlops-unit.XXXXXX", base);

    if (mkdtemp(dir) == NULL) {
        unit_note("mkdtemp(\"%s\") failed", dir);
        fail();
    }

    unit_ndirs++;

    return dir;
}


/* The whole file, with a terminating NUL; the caller frees.  NULL: no file. */

static inline char *
unit_slurp(const char *path, size_t *len)
{
    long   size;
    char  *data;
    FILE  *f;

    f = fopen(path, "rb");

    if (f == NULL) {
        return NULL;
    }

    fseek(f, 0, SEEK_END);
    size = ftell(f);
    rewind(f);

    data = size < 0 ? NULL : malloc((size_t) size + 1);

    if (data == NULL || fread(data, 1, (size_t) size, f) != (size_t) size) {
        fclose(f);
        free(data);
        return NULL;
    }

    fclose(f);
    data[size] = '\0';

    if (len) {
        *len = (size_t) size;
    }

    return data;
}


static inline void
unit_spew(const char *path, const void *data, size_t len)
{
    FILE  *f;

    f = fopen(path, "wb");

    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        unit_note("cannot write %s", path);
        fail();
    }
}


/*
 * Pseudo-random numbers for tests, the same on every machine: xorshift64*
 * (Vigna, "An experimental exploration of Marsaglia's xorshift generators,
 * scrambled", 2016).  The state is not 0.
 */

static inline uint64_t
unit_random(uint64_t *state)
{
    uint64_t  x;

    x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;

    *state = x;

    return x * 2685821657736338717ull;
}


#endif /* MLOPS_UNIT_H */
