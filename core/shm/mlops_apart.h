/*
 * Files of a command: does what it writes take the place of what it reads,
 * or of something else that it writes?
 */

#ifndef MLOPS_APART_H
#define MLOPS_APART_H


#include "mlops_base.h"


typedef struct {
    const char  *path;          /* NULL: there is none */
    const char  *what;          /* "-o", "the recipe" */
    unsigned     written:1;     /* else it is read */
    unsigned     pair;          /* two of the same number, not 0, may be one
                                   file */
} mlops_apart_t;


/* Are two paths one regular file (device and inode), or, where there is none
 * yet, one name in the same folder?  Devices and pipes never are. */
int mlops_apart_same(const char *one, const char *two);

/* Is a file, or the one that would be there, in a folder or below it, links
 * followed?  Where neither the folder nor that of the file is there yet, they
 * are compared as above. */
int mlops_apart_within(const char *path, const char *folder);

/* MLOPS_ERROR: one that is written is the same file as another of them; err
 * names both. */
int mlops_apart_check(const mlops_apart_t *files, size_t n,
    mlops_err_t *err);


#endif /* MLOPS_APART_H */
