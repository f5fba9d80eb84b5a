/*
 * The bytes of the offline log, for its writer and its reader.  The format
 * is described in mlops_offline.h.
 */

#ifndef MLOPS_OFFLINE_FORMAT_H
#define MLOPS_OFFLINE_FORMAT_H


#include "mlops_offline.h"


#define MLOPS_OFFLINE_MAGIC        "mlopslog"
#define MLOPS_OFFLINE_BLOCK_MAGIC  "blk1"
#define MLOPS_OFFLINE_ABI          1

#define MLOPS_OFFLINE_NULL         UINT32_MAX
#define MLOPS_OFFLINE_LEN_MAX      (1024u * 1024 * 1024)    /* of a block */

#define MLOPS_OFFLINE_NAME_SIZE    sizeof("12345-12345678901234567890.seg")


typedef struct {
    char      magic[8];
    uint32_t  abi;
    int32_t   partition;
    int64_t   first;
    uint64_t  base_hash;
    char      pad[24];
    uint64_t  checksum;
} mlops_offline_head_t;

_Static_assert(sizeof(mlops_offline_head_t) == 64,
               "the layout of a segment's head");


typedef struct {
    char      magic[4];
    uint32_t  len;
    uint32_t  records;
    uint32_t  pad;
    int64_t   first;
    int64_t   last;
    uint64_t  checksum;
} mlops_offline_block_t;

_Static_assert(sizeof(mlops_offline_block_t) == 40,
               "the layout of a block's head");


typedef struct {
    int64_t   offset;
    int64_t   timestamp_us;
    uint32_t  key_len;
    uint32_t  value_len;
    uint32_t  headers_n;
    uint32_t  headers_len;
} mlops_offline_record_t;

_Static_assert(sizeof(mlops_offline_record_t) == 32,
               "the layout of a record's head");


/* A segment's name, taken apart. */

typedef struct {
    char      text[MLOPS_OFFLINE_NAME_SIZE];
    int32_t   partition;
    int64_t   first;
} mlops_offline_name_t;


typedef struct {
    uint32_t               n;
    mlops_offline_name_t  *names;       /* malloc'ed; by partition, first */
} mlops_offline_names_t;


/* What a look through one segment has found. */

typedef struct {
    int        fd;                      /* open for reading and writing */
    uint64_t   end;                     /* of its last whole block */
    int64_t    last;                    /* its last offset; -1: none */
    unsigned   torn:1;                  /* something stands behind end */
} mlops_offline_scan_t;


void mlops_offline_name(char name[MLOPS_OFFLINE_NAME_SIZE], int32_t partition,
    int64_t first);
/* The segments in dir; other names are passed over. */
int mlops_offline_names(mlops_offline_names_t *names, int dir,
    mlops_err_t *err);

void mlops_offline_head(mlops_offline_head_t *head, int32_t partition,
    int64_t first, uint64_t base_hash);
uint64_t mlops_offline_block_sum(const mlops_offline_block_t *block,
    const char *records);

/* Bytes of a record, and the record at p, which has room for len. */
size_t mlops_offline_record_len(const mlops_record_t *record);
void mlops_offline_put(char *p, const mlops_record_t *record, size_t len);

/* Looks at all blocks of a segment; refuses damage that is not at its end. */
int mlops_offline_scan(mlops_offline_scan_t *scan, int dir,
    const mlops_offline_name_t *name, int writable, mlops_err_t *err);


/* Blocks of an open segment, one after the other. */

typedef struct {
    int        fd;
    uint64_t   len;                     /* of the file */
    uint64_t   pos;                     /* of the next block */
    char      *data;                    /* the block at hand, malloc'ed */
    size_t     size;
} mlops_offline_blocks_t;

/* MLOPS_OK: the head at data is that of a whole block; MLOPS_AGAIN: there is
 * none at pos; MLOPS_ERROR: it cannot be read. */
int mlops_offline_block(mlops_offline_blocks_t *blocks,
    const mlops_offline_name_t *name, mlops_err_t *err);


#endif /* MLOPS_OFFLINE_FORMAT_H */
