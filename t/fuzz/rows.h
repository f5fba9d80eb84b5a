/*
 * What the targets that read a file of rows share: its first rows, and a file
 * in memory that they open by its path.
 */

#ifndef MLOPS_FUZZ_ROWS_H
#define MLOPS_FUZZ_ROWS_H


#include "fuzz.h"

#include <sys/mman.h>


/* Numbers, strings, and classes of 0 and 1, some of them missing; a target
 * has rows of its own behind them. */

#define FUZZ_ROWS                                                             \
    "x,y,s,t\n"                                                               \
    "1,2,red,0\n"                                                             \
    "2,1.5,blue,1\n"                                                          \
    "3,,red,1\n"                                                              \
    "4,-1,,0\n"                                                               \
    "5,0.25,green,1\n"


/* The path of a file of these rows, which the next call replaces. */

static inline const char *
fuzz_rows_file(const char *rows, size_t len)
{
    static int   fd = -1;
    static char  path[64];

    if (fd == -1) {
        fd = memfd_create("rows", 0);
        check(fd != -1);
        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    }

    check(ftruncate(fd, 0) == 0);
    check(pwrite(fd, rows, len, 0) == (ssize_t) len);

    return path;
}


#endif /* MLOPS_FUZZ_ROWS_H */
