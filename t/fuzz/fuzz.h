/*
 * What the fuzz targets share: a check that ends the program, a copy of the
 * input, and a folder that lives as long as the program.
 */

#ifndef MLOPS_FUZZ_H
#define MLOPS_FUZZ_H


#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define check(cond)                                                           \
    do {                                                                      \
        if (!(cond)) {                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);        \
            abort();                                                          \
        }                                                                     \
    } while (0)


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* Memory of just these bytes, so that a sanitizer sees what reads beyond. */

static inline char *
fuzz_copy(const void *data, size_t size)
{
    char  *copy;

    copy = malloc(size ? size : 1);
    check(copy != NULL);

    if (size != 0) {
        memcpy(copy, data, size);
    }

    return copy;
}


static inline char *
fuzz_path(void)
{
    static char  path[] = "/tmp/mlops-fuzz-XXXXXX";

    return path;
}


static inline void
fuzz_end(void)
{
    (void) rmdir(fuzz_path());
}


/* An empty folder; who makes files in it removes them. */

static inline int
fuzz_dir(void)
{
    static int  dir = -1;

    if (dir == -1) {
        check(mkdtemp(fuzz_path()) != NULL);
        check(atexit(fuzz_end) == 0);
        dir = open(fuzz_path(), O_RDONLY|O_DIRECTORY);
        check(dir != -1);
    }

    return dir;
}


#endif /* MLOPS_FUZZ_H */
