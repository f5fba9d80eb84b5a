/*
 * The state of one entity, byte by byte.
 *
 * A state is the states of its features one behind the other, in the order
 * of the view, each a multiple of 8 bytes, little-endian, without pointers.
 * A feature's bytes stand for themselves: they mean the same at another
 * place in another state as long as the feature's hash is the same.
 * Features of the function ratio have none.
 *
 * Any change in size, order or meaning is another MLOPS_STATE_ABI: it goes
 * into the hash of every feature and so into the names of checkpoints.
 *
 * Most features are a ring of tiles.  Tile number i covers event times
 * [i * hop, (i + 1) * hop); a window of n = window / hop hops has n + 1
 * tiles, and tile i stands in slot i mod (n + 1), which is never negative.
 * A feature of all time has one tile, number 0.
 *
 *     0    8      newest: number of the newest tile with an event,
 *                 INT64_MIN: none
 *     8    8      older: bit a - 1 is set where tile newest - a has events
 *     16   ...    slots; one whose bit is clear is garbage
 *
 *     function            bytes of a tile
 *     count, rate         8   events
 *     sum                 16  double: high, low (double-double);
 *                             int64 fields: a 128-bit integer
 *     mean                24  values, sum as above
 *     min, max            8   cell of the field's kind
 *     variance, std       24  values, mean, M2
 *     first               record
 *     decayed_sum         16  sum, sum decayed to the tile's end
 *                             (with a window; without one see below)
 *     approx_distinct     2^precision registers of one byte
 *     quantile            16 + 4 * bins, rounded up to 8: values that are 0,
 *                             greatest index of the positive values, of the
 *                             negative ones (INT32_MIN: none), counters
 *
 * A record is a value and its place in the order of events:
 *
 *     0    8      event time
 *     8    8      offset
 *     16   4      partition
 *     20   4      0: none; 1, or of a string 1 + its length
 *     24   8      cell; or the string, its longest length rounded up to 8,
 *                 at least 8
 *
 * The others:
 *
 *     last             record; where the window is closed a second one, the
 *                      newest before the first one's tile
 *     last_k           u32 n0, n1; k records, the newest first; where the
 *                      window is closed k more, those before the newest tile
 *     decayed_sum      newest tile, INT64_MIN: none; sum of all before it,
 *     of all time      decayed to its start; its own sum; its own, decayed
 *                      to its end
 *     bars             newest bar, INT64_MIN: none; ceil(lateness / bar) + 2
 *                      bars that are not folded; what is folded
 *
 * A bar is its number, INT64_MIN where the place was never used, and
 *
 *     open                    record, the first
 *     close, ema, sma,
 *     macd, rsi               record, the last
 *     high, low               cell
 *     stochastic              record, the last; double high, low
 *
 * Folded: u64 number of bars, and
 *
 *     open, high, low, close  cell of the last one
 *     ema                     ema
 *     macd                    fast, slow
 *     rsi                     last close, sum or average of gains, of losses
 *     sma                     k closes; bar number j in place j mod k
 *     stochastic              last close; k pairs of high, low likewise
 */

#ifndef MLOPS_PLAN_LAYOUT_H
#define MLOPS_PLAN_LAYOUT_H


#include "mlops_plan_view.h"


#define MLOPS_STATE_ABI         1

#define MLOPS_STATE_BYTES_MAX   (64u << 20)     /* of one entity */
#define MLOPS_UNFOLDED_MAX      4096            /* bars that are not folded */

#define MLOPS_TILES_MAX         (MLOPS_HOPS_MAX + 1)


typedef struct {
    int64_t   newest;
    uint64_t  older;
} mlops_tiles_t;


typedef struct {
    int64_t   ts_us;
    int64_t   offset;
    int32_t   partition;
    uint32_t  used;
} mlops_record_head_t;


typedef struct {
    int64_t   newest;
    double    past;
    double    open;
    double    closed;
} mlops_decay_t;


/* Tiles of the feature's ring, and unfolded bars. */
uint32_t mlops_layout_tiles(const mlops_plan_feature_t *feature);
uint32_t mlops_layout_bars(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature);

/* Bytes of a record of the feature's type, of a tile, of an unfolded bar,
 * and of what is folded; 0 where the function has none. */
uint32_t mlops_layout_record(const mlops_plan_feature_t *feature);
uint32_t mlops_layout_tile(const mlops_plan_feature_t *feature);
uint32_t mlops_layout_bar(const mlops_plan_feature_t *feature);
uint32_t mlops_layout_folded(const mlops_plan_feature_t *feature);


static inline int
mlops_span_closed(mlops_span_t span)
{
    return span == MLOPS_SPAN_HOPPING || span == MLOPS_SPAN_TUMBLING;
}


#endif /* MLOPS_PLAN_LAYOUT_H */
