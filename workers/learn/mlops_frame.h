/*
 * A frame: the rows of a file as columns.
 *
 * CSV (RFC 4180, core/json/mlops_csv.h) is read once into one array a
 * column, of the column's type, so that a frame takes no more memory than
 * its numbers: 4 bytes a cell for FP32, 8 for FP64 and 64-bit integers, 4
 * for codes of strings.  The file is read in blocks, by several threads where
 * asked; the result does not depend on how many.  A pipe is read into memory,
 * which is given back when its cells are in the columns.
 *
 * A cell that is empty, or one of the texts that mean "missing", is missing:
 * NaN in floating-point columns, MLOPS_MATRIX_NONE in codes; an integer
 * column that misses one is kept as FP64.  Anything else that is no value of
 * the column's type is an error that names file, line, column, what was
 * expected and what is there.  So is a line with another number of cells, a
 * stray quote, text that is not UTF-8, a number too large for the type.
 *
 * Names in the first line are taken without the blanks around them, unless
 * they are quoted.
 *
 * Numbers are rounded once, correctly, from the decimal to the column's type
 * (core/base), so a frame is the same on every machine.
 */

#ifndef MLOPS_FRAME_H
#define MLOPS_FRAME_H


#include "mlops_base.h"
#include "mlops_matrix.h"
#include "mlops_row.h"

#include <sys/types.h>


/* What is asked for. */

typedef struct {
    mlops_str_t    name;
    mlops_type_t   type;            /* FP32, FP64, integers, BOOL, BYTES;
                                       NONE: FP64 where all cells are
                                       numbers, else BYTES */
    unsigned       optional:1;      /* may be absent from the file: skipped */
} mlops_frame_want_t;


typedef struct {
    const mlops_frame_want_t  *want;    /* NULL: all columns, by NONE */
    uint32_t                   want_n;
    const mlops_str_t         *header;  /* names, of a file without a line of
                                           names; else NULL */
    uint32_t                   header_n;
    const mlops_str_t         *missing; /* texts beside the empty one */
    uint32_t                   missing_n;
    uint32_t                   threads; /* 0: 1 */
    unsigned                   undigested:1; /* leave sha256 out */
    unsigned                   again:1; /* it is read by others, too: a pipe
                                           is refused */
    uint64_t                   rows_max; /* 0: UINT32_MAX - 1 */
    uint32_t                   chunk_bytes; /* of the file that a thread
                                           takes at once; 0: 256 KB.  No
                                           result depends on it */
    int                      (*stop)(void *ctx); /* while a pipe is awaited;
                                           or NULL */
    void                      *ctx;
} mlops_frame_options_t;


typedef struct {
    mlops_matrix_column_t   view;       /* data is the frame's */
    mlops_type_t            type;       /* as read: FP32, FP64 or BYTES */
    mlops_type_t            asked;
    uint64_t                missing_n;
} mlops_frame_column_t;


typedef struct {
    uint64_t               rows_n;      /* at most UINT32_MAX - 1 */
    uint32_t               columns_n;
    mlops_frame_column_t  *columns;     /* in the order of want, or the
                                           file's */
    uint64_t               bytes;       /* of the file */
    uint64_t               memory;      /* held */
    unsigned char          sha256[32];  /* of the file's bytes, or zeros */
    uint32_t              *lines;       /* line of each row in the file, 1 is
                                           the first; NULL where row i is on
                                           line i + first_line */
    uint32_t               first_line;  /* 1, or 2 with names */
    void                  *own;
} mlops_frame_t;


/* Reads a regular file or a pipe; err begins with path, unless it is that of
 * a stop. */
int mlops_frame_read(mlops_frame_t *frame, const char *path,
    const mlops_frame_options_t *options, mlops_err_t *err);
/* MLOPS_ERROR: path is no regular file, but what mode says. */
int mlops_frame_no_file(const char *path, mode_t mode, mlops_err_t *err);
/* The same of bytes in memory; name stands in errors. */
int mlops_frame_parse(mlops_frame_t *frame, const char *name,
    const char *data, size_t len, const mlops_frame_options_t *options,
    mlops_err_t *err);
void mlops_frame_free(mlops_frame_t *frame);

/* The column's number, or -1. */
int mlops_frame_find(const mlops_frame_t *frame, const mlops_str_t *name);

/* The line of the file that row number i came from. */
uint64_t mlops_frame_line(const mlops_frame_t *frame, uint64_t row);


#endif /* MLOPS_FRAME_H */
