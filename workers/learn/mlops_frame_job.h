/*
 * Reading a frame.  Internal to mlops_frame*.c.
 *
 *     look     one pass over the bytes finds where rows end, by 64 bytes at
 *              a time, and cuts the file into chunks of whole rows; the
 *              columns are then taken as large as they have to be.  One
 *              thread alone does this chunk by chunk, beside the cells
 *     names    the fields of a line, and which column each one fills
 *     cells    chunks are parsed into the columns, by as many threads as are
 *              asked for: a chunk knows its first row and line
 *     codes    each thread has a dictionary of its own for a column of
 *              strings; they become one in the order of first rows
 *
 * A column whose type is to be found is read as numbers; where a text turns
 * up, the pass is done again for such columns alone.  Most are recognised by
 * the first rows, before the pass.
 *
 * Bytes are copied into a buffer of a chunk, so that a file that shrinks
 * under us is an error and no SIGBUS.  Behind the buffer's last byte are line
 * ends, before its first one zeros, so that there is always enough to read.
 */

#ifndef MLOPS_FRAME_JOB_H
#define MLOPS_FRAME_JOB_H


#include "mlops_csv.h"
#include "mlops_frame.h"
#include "mlops_hash.h"

#include <stdatomic.h>


#define MLOPS_FRAME_CHUNK    (256u * 1024)
#define MLOPS_FRAME_ROW_MAX  (64u << 20)    /* bytes of one row */
#define MLOPS_FRAME_PAD      64
#define MLOPS_FRAME_SNIFF    256            /* rows */
#define MLOPS_FRAME_INDEX_MAX  (1u << 20)   /* bytes of a chunk whose commas
                                               are listed */


typedef enum {
    MLOPS_FRAME_SKIP = 0,
    MLOPS_FRAME_DOUBLE,
    MLOPS_FRAME_GUESS,              /* double, unless there is a text */
    MLOPS_FRAME_FLOAT,
    MLOPS_FRAME_INT,
    MLOPS_FRAME_UINT,
    MLOPS_FRAME_BOOL,
    MLOPS_FRAME_CODES
} mlops_frame_kind_t;


/* A field of the file's lines. */

typedef struct {
    mlops_frame_kind_t   kind;
    char                 end;       /* what follows it: ',' or '\n' */
    unsigned             wide:1;    /* integers: double[], else float[] */
    mlops_type_t         type;
    int64_t              lo;
    uint64_t             hi;
    void                *data;
    uint32_t             column;    /* of the frame */
    mlops_str_t          name;
} mlops_frame_field_t;


/* Whole rows; the next chunk begins where it ends. */

typedef struct {
    uint64_t             off;
    uint64_t             row;       /* its first, names counted too */
    uint64_t             line;
} mlops_frame_chunk_t;


/* What is known at the start of 64 bytes. */

typedef struct {
    uint64_t             at;        /* their place in the file */
    uint64_t             row;
    uint64_t             line;
    uint64_t             last;      /* behind the last row that ended */
    uint64_t             next;      /* cut behind the first row that ends
                                       here or later */
    uint64_t             inside;    /* all ones: within quotes */
    uint64_t             ended;     /* 1: the byte before ends a line */
    uint64_t             started;   /* 1: it is a CR that begins one */
    unsigned             blank:1;   /* an empty line was seen */
} mlops_frame_look_t;


typedef struct {
    uint32_t             n;
    uint32_t             room;
    uint32_t             mask;      /* of slots */
    uint32_t             last;      /* code of the cell before */
    uint32_t            *slots;     /* code + 1, 0 is empty */
    uint32_t            *hashes;    /* by code, as those that follow */
    uint32_t            *rows;      /* of the first appearance */
    mlops_str_t         *texts;
    char                *pos;
    char                *end;
    mlops_arena_t        arena;     /* of the texts' bytes */
} mlops_frame_dict_t;


typedef struct {
    mlops_frame_t                *frame;
    const mlops_frame_options_t  *options;
    const char                   *name;         /* in errors */
    mlops_err_t                  *err;

    int                           fd;           /* of the file */
    const char                   *data;         /* or all bytes, else NULL */
    uint64_t                      len;
    uint64_t                      start;        /* behind a byte order
                                                   mark */

    uint64_t                      target;       /* bytes of a chunk */
    mlops_frame_chunk_t          *chunks;       /* chunks_n and an end */
    uint32_t                      chunks_n;
    uint32_t                      chunks_room;
    unsigned                      cut:1;        /* the last chunk ends within
                                                   a row that is too long */
    unsigned                      uneven:1;     /* lines are no rows */
    unsigned                      digested:1;
    unsigned                      piped:1;
    void                         *md;           /* of a digest under way */
    uint64_t                      rows_room;    /* of columns */

    uint32_t                      names_n;      /* rows of names: 0 or 1 */
    uint32_t                      fields_n;
    mlops_frame_field_t          *fields;
    double                       *values;       /* missing texts that are */
    uint32_t                      values_n;     /* numbers */

    int                           simd;
    mlops_arena_t                *arena;        /* the frame's */
    uint32_t                     *owners;       /* worker of each chunk */
    _Atomic uint32_t              next;
    _Atomic uint32_t              stop;         /* no chunk from here on */
} mlops_frame_job_t;


typedef struct {
    mlops_frame_job_t   *job;
    uint32_t             number;
    uint64_t             rows_max;  /* of a chunk: 0 is all */

    char                *buffer;    /* MLOPS_FRAME_PAD bytes before it may
                                       be read */
    size_t               room;
    uint32_t            *index;     /* of commas and line ends */
    uint32_t             index_room;
    const char          *stop;      /* behind the chunk's last byte */
    const char          *end;       /* behind what may be read */
    uint64_t             line;      /* of the row */
    uint64_t             extra;     /* line ends within it */

    mlops_frame_dict_t  *dicts;     /* by field */
    uint64_t            *missing;
    unsigned char       *texts;     /* a text was seen: of GUESS */

    int                  rc;
    uint32_t             chunk;
    mlops_err_t          err;
} mlops_frame_worker_t;


/* mlops_frame_bytes.c */

/* n bytes at off. */
int mlops_frame_fetch(const mlops_frame_job_t *job, char *to, uint64_t off,
    size_t n, mlops_err_t *err);
/* The chunk in the worker's buffer. */
int mlops_frame_load(mlops_frame_worker_t *worker, uint32_t chunk,
    mlops_err_t *err);
void mlops_frame_unload(mlops_frame_worker_t *worker);
/* sha256 of all bytes, at once or as they come (nothing where it was not
 * started). */
int mlops_frame_digest(mlops_frame_job_t *job, mlops_err_t *err);
int mlops_frame_hash_start(mlops_frame_job_t *job, mlops_err_t *err);
int mlops_frame_hash_more(mlops_frame_job_t *job, const char *p, size_t n,
    mlops_err_t *err);
int mlops_frame_hash_end(mlops_frame_job_t *job, mlops_err_t *err);
void mlops_frame_hash_free(mlops_frame_job_t *job);


/* mlops_frame_pipe.c */

typedef struct {
    char                *data;
    size_t               len;
    size_t               room;
} mlops_frame_pipe_t;


/* Reads job->fd to its end, and makes those bytes the job's; free them after
 * an error, too. */
int mlops_frame_pipe_read(mlops_frame_pipe_t *pipe, mlops_frame_job_t *job);
void mlops_frame_pipe_free(mlops_frame_pipe_t *pipe);


/* mlops_frame_look.c */

/* Finds all chunks. */
int mlops_frame_look(mlops_frame_job_t *job);
/* The same in pieces; look->next may be set between.  p has 63 bytes more
 * than n. */
int mlops_frame_look_start(mlops_frame_job_t *job, mlops_frame_look_t *look);
int mlops_frame_look_more(mlops_frame_job_t *job, mlops_frame_look_t *look,
    const char *p, size_t n);
int mlops_frame_look_end(mlops_frame_job_t *job, mlops_frame_look_t *look);
int mlops_frame_push(mlops_frame_job_t *job, uint64_t off, uint64_t row,
    uint64_t line);


/* mlops_frame.c */

/* Are there any rows? */
int mlops_frame_some(mlops_frame_job_t *job);
/* Columns of rows_room rows.  spare: most of them will not be written;
 * MLOPS_AGAIN: there are not so many addresses. */
int mlops_frame_room(mlops_frame_job_t *job, int spare);
/* Room for lines; those of rows before (with names) follow each other. */
int mlops_frame_lines(mlops_frame_job_t *job, uint64_t before);
int mlops_frame_sniff(mlops_frame_job_t *job);
int mlops_frame_worker_init(mlops_frame_worker_t *worker,
    mlops_frame_job_t *job, uint32_t number);
void mlops_frame_worker_free(mlops_frame_worker_t *worker);


/* mlops_frame_stream.c */

/* Reads all cells once, by one thread; the worker's results are to be
 * settled.  MLOPS_AGAIN: not so, and nothing was done. */
int mlops_frame_stream(mlops_frame_job_t *job, mlops_frame_worker_t *worker);


/* mlops_frame_names.c */

/* Finds fields and the frame's columns from the names; data is not set. */
int mlops_frame_names(mlops_frame_job_t *job);


/* mlops_frame_cells.c */

/* Parses one chunk; MLOPS_ERROR: worker->err. */
int mlops_frame_chunk(mlops_frame_worker_t *worker, uint32_t chunk);
/* One that is in the worker's buffer. */
int mlops_frame_rows(mlops_frame_worker_t *worker, uint32_t chunk);
/* The cell at p, whatever it is, into its column; returns the next cell or
 * line, or NULL: worker->err. */
const char *mlops_frame_cell(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, uint64_t row);
/* Behind empty lines from p on, which are counted. */
const char *mlops_frame_blank(const char *p, const char *end, uint64_t *line);


#if (__x86_64__)

/* mlops_frame_avx2.c */

int mlops_frame_rows_avx2(mlops_frame_worker_t *worker, const char **p,
    uint64_t *row, uint64_t last);
/* The cell [p, end) in one way or the other. */
int mlops_frame_cell_avx2(mlops_frame_worker_t *worker,
    const mlops_frame_field_t *field, const char *p, const char *end,
    uint64_t row);
/* Room for the index of len bytes and 64 more. */
int mlops_frame_index_room(mlops_frame_worker_t *worker, uint32_t len);

/* mlops_frame_avx512.c */

int mlops_frame_rows_avx512(mlops_frame_worker_t *worker, const char **p,
    uint64_t *row, uint64_t last);

#endif


/* mlops_frame_codes.c */

void mlops_frame_dict_init(mlops_frame_dict_t *dict);
void mlops_frame_dict_free(mlops_frame_dict_t *dict);
/* The code of a text that is there, or MLOPS_MATRIX_NONE; *hash is its hash
 * in either case. */
uint32_t mlops_frame_dict_find(const mlops_frame_dict_t *dict,
    const char *data, size_t len, uint32_t *hash);
/* Adds a text that is not there; MLOPS_MATRIX_NONE: out of memory. */
uint32_t mlops_frame_dict_add(mlops_frame_dict_t *dict, const char *data,
    size_t len, uint32_t hash, uint64_t row);
/* Makes one dictionary of the workers', and its codes of theirs. */
int mlops_frame_codes(mlops_frame_job_t *job, mlops_frame_worker_t *workers,
    uint32_t workers_n, uint32_t field);


#endif /* MLOPS_FRAME_JOB_H */
