/*
 * A checkpoint: the shard as it was at one moment, in a file
 *
 *     <base hash, 16 hex digits>.<shard>.ckpt
 *
 * of the view's directory in mlops_state.  Little-endian, nothing between:
 *
 *     0    8   magic "mlopsckp"
 *     8    4   abi, 2
 *     12   4   header_len: where the records begin
 *     16   8   file_len
 *     24   8   checksum: XXH3-64 of bytes [32, file_len)
 *     32   8   base: the view's base_hash
 *     40   4   shard           44  4  shards
 *     48   4   role: mlops_role_t
 *     52   4   key_type: MLOPS_TYPE_INT64 or MLOPS_TYPE_BYTES
 *     56   4   key_size        60  4  state_size, a multiple of 8
 *     64   4   features_n      68  4  positions_n
 *     72   8   entities_n      80  8  dedupe_n
 *     88   8   cut_us: of a backfill, INT64_MIN: none
 *     96   8   wall_us: when it was begun
 *     104  8   used: the count of events at that moment
 *     112  8   events          120 8  duplicates
 *     128  8   evicted         136 8  expired
 *     144  8   dedupe_overflow
 *     152  …   zero
 *     256  …   features_n times 32 bytes, mlops_checkpoint_feature_t
 *     …    …   positions_n times 32 bytes, mlops_checkpoint_position_t
 *     …    …   entities_n + dedupe_n records
 *
 * A record begins with u32 kind and i32 partition.  Of an entity (kind 1)
 *
 *     0    8   kind, partition
 *     8    8   event_us        16  8  offset
 *     24   8   used: the count of events at its last one: the order of use
 *     32   key_size            int64, or u32 length, bytes, zeros
 *     …    …   the state: state_size / 8 words, without those that are
 *              zero (mlops_sparse.h)
 *
 * Of an entry of duplicates (kind 2), 32 bytes, in the order of the ring:
 *
 *     0    8   kind, partition
 *     8    8   hash of the entity
 *     16   8   hash of the field
 *     24   8   ts_us
 *
 * The two kinds come in any mixture.  A state is what mlops_window.h says,
 * with the features at their offsets; a definition takes those over whose
 * hash and size are its own.  The state of a follower is the row (one feature
 * whose hash is the definition's).
 */

#ifndef MLOPS_CHECKPOINT_H
#define MLOPS_CHECKPOINT_H


#include "mlops_base.h"

#include <stdint.h>


#define MLOPS_CHECKPOINT_MAGIC     "mlopsckp"
#define MLOPS_CHECKPOINT_ABI       2
#define MLOPS_CHECKPOINT_HEAD      256

#define MLOPS_CHECKPOINT_ENTITY    1
#define MLOPS_CHECKPOINT_DEDUPE    2


/* From byte 32 of the file on. */

typedef struct {
    uint64_t   base;
    uint32_t   shard;
    uint32_t   shards;
    uint32_t   role;
    uint32_t   key_type;
    uint32_t   key_size;
    uint32_t   state_size;
    uint32_t   features_n;
    uint32_t   positions_n;
    uint64_t   entities_n;
    uint64_t   dedupe_n;
    int64_t    cut_us;
    int64_t    wall_us;
    uint64_t   used;
    uint64_t   events;
    uint64_t   duplicates;
    uint64_t   evicted;
    uint64_t   expired;
    uint64_t   dedupe_overflow;
    char       zero[MLOPS_CHECKPOINT_HEAD - 32 - 120];
} mlops_checkpoint_head_t;

_Static_assert(sizeof(mlops_checkpoint_head_t) == MLOPS_CHECKPOINT_HEAD - 32,
               "the layout of a checkpoint's head");


typedef struct {
    uint64_t   hash;
    uint32_t   off;                     /* in a state */
    uint32_t   bytes;
    int64_t    warm_us;                 /* see mlops_table_column_t */
    uint64_t   zero;
} mlops_checkpoint_feature_t;


typedef struct {
    int32_t    partition;
    uint32_t   zero;
    int64_t    offset;
    int64_t    max_ts_us;
    uint64_t   zero2;
} mlops_checkpoint_position_t;


typedef struct {
    uint32_t   kind;
    int32_t    partition;
    int64_t    event_us;
    int64_t    offset;
    uint64_t   used;
} mlops_checkpoint_entity_t;


typedef struct {
    uint32_t   kind;
    int32_t    partition;
    uint64_t   entity;
    uint64_t   field;
    int64_t    ts_us;
} mlops_checkpoint_dedupe_t;


#endif /* MLOPS_CHECKPOINT_H */
