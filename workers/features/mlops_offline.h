/*
 * The offline log: the accepted events of a view as they came, for history,
 * backfill and training.  One directory a view, segments by partition.
 *
 *     <state>/<view>/log/<partition, 5 digits>-<first offset, 20 digits>.seg
 *
 * A segment is appended to by one process, and begins with 64 bytes,
 * little-endian:
 *
 *     0    8   magic "mlopslog"
 *     8    4   abi
 *     12   4   partition
 *     16   8   first offset
 *     24   8   base_hash of the view that accepted the events
 *     32   24  zero
 *     56   8   XXH3-64 of bytes [0, 56)
 *
 * Blocks follow, each a multiple of 8 bytes:
 *
 *     0    4   magic "blk1"
 *     4    4   len: bytes of the records
 *     8    4   records
 *     12   4   zero
 *     16   8   offset of the first record
 *     24   8   offset of the last
 *     32   8   XXH3-64 of bytes [0, 32) and of the records
 *     40   …   records
 *
 * A record, a multiple of 8 bytes:
 *
 *     0    8   offset
 *     8    8   timestamp, us; -1: none
 *     16   4   length of the key, 0xffffffff: null
 *     20   4   length of the value, 0xffffffff: null
 *     24   4   headers
 *     28   4   bytes of the headers
 *     32   …   key, value, headers; zeros to 8 bytes
 *
 *     a header: u32 length of its name, u32 length of its value (0xffffffff:
 *     null), name, value
 *
 * Offsets rise within a partition, over all of its segments.  A block counts
 * once it is whole: a writer that was killed, or a full disk, leaves at worst
 * a part of one at the end of the newest segment, which opening for writing
 * cuts off.  A bad block with a good one behind it is damage, and refused.
 * Old segments may be deleted at any time by whoever needs the room.
 */

#ifndef MLOPS_OFFLINE_H
#define MLOPS_OFFLINE_H


#include "mlops_base.h"
#include "mlops_kafka.h"


#define MLOPS_OFFLINE_SEGMENT_BYTES  (64 * 1024 * 1024)


typedef struct mlops_offline_s  mlops_offline_t;
typedef struct mlops_offline_reader_s  mlops_offline_reader_t;


/*
 * Opens the log in the directory dir (which stays the caller's) for
 * appending; segments are begun anew above segment_bytes (0: the default).
 * The caller sees to it that there is one writer.  One thread.
 */
mlops_offline_t *mlops_offline_open(int dir, uint64_t base_hash,
    uint64_t segment_bytes, mlops_err_t *err);
/* What was not flushed is lost. */
void mlops_offline_close(mlops_offline_t *log);

/*
 * Adds a record of a partition, 0 or above; one whose offset is not above
 * the last of its partition is there already and passed over, so that reading
 * a topic again adds nothing twice.  Blocks are written as they fill.
 * MLOPS_ERROR: err (a full disk, for one); nothing is lost, and the same call
 * may be made again.
 */
int mlops_offline_append(mlops_offline_t *log, const mlops_record_t *record,
    mlops_err_t *err);

/* Writes what is left; where it returns MLOPS_OK all that was appended is on
 * the disk.  It may be called again after an error. */
int mlops_offline_flush(mlops_offline_t *log, mlops_err_t *err);

/* The last offset of a partition, flushed or not; -1: none. */
int64_t mlops_offline_last(const mlops_offline_t *log, int32_t partition);

/* Bytes written since it was opened. */
uint64_t mlops_offline_bytes(const mlops_offline_t *log);


/* Reads a log, partition by partition, in order of offsets; beside a writer
 * it sees what was whole when it got there. */
mlops_offline_reader_t *mlops_offline_read(int dir, mlops_err_t *err);
void mlops_offline_read_close(mlops_offline_reader_t *reader);

/* MLOPS_OK: *record, whose texts live until the next call; MLOPS_AGAIN: the
 * end; MLOPS_ERROR: err names segment and byte. */
int mlops_offline_next(mlops_offline_reader_t *reader, mlops_record_t *record,
    mlops_err_t *err);


#endif /* MLOPS_OFFLINE_H */
