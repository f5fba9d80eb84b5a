/*
 * Inside the window program: what its parts share.
 *
 * A program is a list of operations, one a feature, and the distinct clocks
 * and filters of the view.  For an event every clock is asked once on which
 * tile it falls (mlops_tick_t), every filter once whether it passes; then the
 * operations change their bytes of the state.  For a value every clock is
 * asked once what it covers at q (mlops_reach_t).
 *
 * Times are kept within +-2^61 us and windows below 2^60 us, so that sums of
 * times and numbers of tiles cannot overflow.
 */

#ifndef MLOPS_WINDOW_PART_H
#define MLOPS_WINDOW_PART_H


#include "mlops_window.h"
#include "mlops_plan_layout.h"


#define MLOPS_TIME_MAX   ((int64_t) 1 << 61)
#define MLOPS_NO_TILE    INT64_MIN


/* Tiles of a length in a ring; hop 0 is one tile for all time. */

typedef struct {
    mlops_span_t  span;
    int64_t       window;
    int64_t       hop;
    int64_t       hops;         /* window / hop */
    uint32_t      tiles;        /* slots of the ring */
} mlops_clock_t;


/* The tile that was last asked for: times from start up to, and without,
 * end. */

typedef struct {
    int64_t   start;
    int64_t   end;
    int64_t   tile;
    uint32_t  slot;
} mlops_spot_t;


typedef struct {
    int64_t   tile;
    int64_t   start_us;         /* of the tile; ALL: -2^61 */
    uint32_t  slot;
} mlops_tick_t;


typedef struct {
    int64_t   q;
    int64_t   lo;               /* tiles that are covered, both included */
    int64_t   hi;
    int64_t   from_us;          /* times that are, to excluded */
    int64_t   to_us;
    int64_t   pos;              /* floor(q / hop), and its slot */
    uint32_t  slot;
} mlops_reach_t;


typedef struct {
    mlops_cell_t  *cells;
    uint64_t      *present;
    char          *text;
    uint32_t       text_len;
} mlops_window_out_t;


typedef struct mlops_window_op_s  mlops_window_op_t;

typedef void (*mlops_window_apply_pt)(const mlops_window_op_t *op,
    void *state, const mlops_tick_t *tick, const mlops_event_t *event,
    mlops_cell_t cell);
typedef void (*mlops_window_value_pt)(const mlops_window_op_t *op,
    const void *state, const mlops_reach_t *reach, mlops_window_out_t *out);
typedef int64_t (*mlops_window_next_pt)(const mlops_window_op_t *op,
    const void *state, const mlops_reach_t *reach);
typedef void (*mlops_window_reset_pt)(const mlops_window_op_t *op,
    void *state);


/* One implementation; NULL members have nothing to do. */

typedef struct {
    mlops_window_apply_pt  apply;
    mlops_window_value_pt  value;
    mlops_window_next_pt   next;
    mlops_window_reset_pt  reset;
} mlops_window_kind_t;


struct mlops_window_op_s {
    mlops_window_kind_t          kind;
    const mlops_plan_feature_t  *feature;
    mlops_clock_t                clock;
    mlops_cell_kind_t            cell_kind;     /* of the field */
    mlops_type_t                 type;          /* of the result */
    uint32_t                     clock_i;
    uint32_t                     filter_i;      /* MLOPS_NO_FIELD: none */
    uint32_t                     field;
    uint32_t                     state;
    uint32_t                     column;
    uint32_t                     width;
    uint32_t                     item;          /* bytes of a tile or bar */
    uint32_t                     record;
    uint32_t                     k;
    double                       seconds;       /* rate: of the window */
    double                       alpha[2];      /* ema; macd */
};


/* The implementations, by function. */

void mlops_window_tile_kind(mlops_window_op_t *op);
void mlops_window_pick_kind(mlops_window_op_t *op);
void mlops_window_distinct_kind(mlops_window_op_t *op);
void mlops_window_quantile_kind(mlops_window_op_t *op);
void mlops_window_decay_kind(mlops_window_op_t *op);
void mlops_window_bar_kind(mlops_window_op_t *op);


static inline int64_t
mlops_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}


static inline int64_t
mlops_floor_mod(int64_t a, int64_t b)
{
    int64_t  r;

    r = a % b;

    return r < 0 ? r + b : r;
}


/* The time at which tile number i begins; INT64_MAX where it is beyond the
 * end of time. */

static inline int64_t
mlops_clock_start(const mlops_clock_t *clock, int64_t i)
{
    int64_t  us;

    if (__builtin_mul_overflow(i, clock->hop, &us) || us > MLOPS_TIME_MAX) {
        return i < 0 ? -MLOPS_TIME_MAX : INT64_MAX;
    }

    return us;
}


/* ---- finished values ---- */


static inline void
mlops_out_none(mlops_window_out_t *out, const mlops_window_op_t *op,
    uint32_t column)
{
    if (op->type == MLOPS_TYPE_FP64) {
        out->cells[column].f = NAN;

    } else {
        out->cells[column].u = 0;
    }

    mlops_bit_clear(out->present, column);
}


/* What is not finite is no value; a whole number is rounded, ties to even,
 * and has to fit. */

static inline void
mlops_out_double(mlops_window_out_t *out, const mlops_window_op_t *op,
    uint32_t column, double x)
{
    if (op->type == MLOPS_TYPE_INT64) {
        x = rint(x);

        if (!(x >= -0x1p63 && x < 0x1p63)) {
            mlops_out_none(out, op, column);
            return;
        }

        out->cells[column].i = (int64_t) x;

    } else {
        if (!isfinite(x)) {
            mlops_out_none(out, op, column);
            return;
        }

        out->cells[column].f = x;
    }

    mlops_bit_set(out->present, column);
}


static inline void
mlops_out_int(mlops_window_out_t *out, const mlops_window_op_t *op,
    uint32_t column, __int128 x)
{
    if (op->type != MLOPS_TYPE_INT64) {
        mlops_out_double(out, op, column, (double) x);
        return;
    }

    if (x < INT64_MIN || x > INT64_MAX) {
        mlops_out_none(out, op, column);
        return;
    }

    out->cells[column].i = (int64_t) x;
    mlops_bit_set(out->present, column);
}


static inline void
mlops_out_cell(mlops_window_out_t *out, const mlops_window_op_t *op,
    uint32_t column, mlops_cell_t cell)
{
    if (op->cell_kind == MLOPS_CELL_INT) {
        mlops_out_int(out, op, column, cell.i);

    } else {
        mlops_out_double(out, op, column, cell.f);
    }
}


/* ---- rings of tiles ---- */


static inline uint64_t
mlops_low_bits(int64_t n)
{
    return n >= 64 ? UINT64_MAX : ((uint64_t) 1 << n) - 1;
}


static inline char *
mlops_tiles_slot(const mlops_window_op_t *op, const mlops_tiles_t *ring,
    uint32_t slot)
{
    return (char *) (ring + 1) + (size_t) slot * op->item;
}


/* The ring goes on by step tiles: what leaves it is zero from then on, and
 * costs nothing in a checkpoint. */

static inline void
mlops_tiles_leave(const mlops_window_op_t *op, mlops_tiles_t *ring,
    int64_t step)
{
    int32_t   head, slot, tiles;
    uint64_t  bits;

    tiles = (int32_t) op->clock.tiles;
    bits = ring->older;

    if (step < tiles - 1) {
        bits &= ~mlops_low_bits(tiles - 1 - step);
    }

    if (mlops_likely(bits == 0 && step < tiles)) {
        return;
    }

    head = (int32_t) mlops_floor_mod(ring->newest, tiles);

    if (step >= tiles) {
        memset(mlops_tiles_slot(op, ring, (uint32_t) head), 0, op->item);
    }

    for ( /* void */ ; bits != 0; bits &= bits - 1) {
        slot = head - __builtin_ctzll(bits) - 1;
        slot += (slot < 0) ? tiles : 0;
        memset(mlops_tiles_slot(op, ring, (uint32_t) slot), 0, op->item);
    }
}


/* The event's tile, *fresh where it is garbage yet; NULL: the event is older
 * than the ring. */

static inline void *
mlops_tiles_touch(const mlops_window_op_t *op, mlops_tiles_t *ring,
    const mlops_tick_t *tick, int *fresh)
{
    int64_t   age;
    uint64_t  bit;

    *fresh = 1;

    if (ring->newest == MLOPS_NO_TILE) {
        ring->newest = tick->tile;
        ring->older = 0;
        return mlops_tiles_slot(op, ring, tick->slot);
    }

    age = ring->newest - tick->tile;

    if (age == 0) {
        *fresh = 0;

    } else if (age > 0) {
        if (age >= op->clock.tiles) {
            return NULL;
        }

        bit = (uint64_t) 1 << (age - 1);
        *fresh = (ring->older & bit) == 0;
        ring->older |= bit;

    } else {
        mlops_tiles_leave(op, ring, -age);

        ring->older = age < -64 ? 0
                      : (age == -64 ? 0 : ring->older << -age)
                        | (uint64_t) 1 << (-age - 1);
        ring->older &= mlops_low_bits(op->clock.tiles - 1);
        ring->newest = tick->tile;
    }

    return mlops_tiles_slot(op, ring, tick->slot);
}


/* The slots of the tiles that are covered and not empty, the newest first;
 * returns their number, and the number of the oldest tile. */

static inline uint32_t
mlops_tiles_covered(const mlops_window_op_t *op, const mlops_tiles_t *ring,
    const mlops_reach_t *reach, uint32_t slots[MLOPS_TILES_MAX],
    int64_t *oldest)
{
    int32_t   head, slot, tiles;
    int64_t   back, skip;
    uint32_t  n;
    uint64_t  bits;

    if (ring->newest == MLOPS_NO_TILE || ring->newest < reach->lo) {
        return 0;
    }

    tiles = (int32_t) op->clock.tiles;
    back = reach->pos - ring->newest;

    if (mlops_likely(back >= 0 && back < tiles)) {
        head = (int32_t) reach->slot - (int32_t) back;
        head += head < 0 ? tiles : 0;

    } else {
        head = (int32_t) mlops_floor_mod(ring->newest, tiles);
    }

    n = 0;
    bits = ring->older & mlops_low_bits(ring->newest - reach->lo);
    skip = ring->newest - reach->hi;

    if (skip <= 0) {
        slots[n++] = (uint32_t) head;

    } else if (skip > 1) {
        bits &= ~mlops_low_bits(skip - 1);
    }

    *oldest = ring->newest - (bits ? 64 - __builtin_clzll(bits) : 0);

    while (bits) {
        slot = head - __builtin_ctzll(bits) - 1;
        slots[n++] = (uint32_t) (slot + (slot < 0 ? tiles : 0));
        bits &= bits - 1;
    }

    return n;
}


/* The number of the oldest of them; 0: there is none. */

static inline int
mlops_tiles_oldest(const mlops_tiles_t *ring, const mlops_reach_t *reach,
    int64_t *oldest)
{
    int64_t   skip;
    uint64_t  bits;

    if (ring->newest == MLOPS_NO_TILE || ring->newest < reach->lo) {
        return 0;
    }

    bits = ring->older & mlops_low_bits(ring->newest - reach->lo);
    skip = ring->newest - reach->hi;

    if (skip > 1) {
        bits &= ~mlops_low_bits(skip - 1);
    }

    *oldest = ring->newest - (bits ? 64 - __builtin_clzll(bits) : 0);

    return skip <= 0 || bits != 0;
}


/* When a tile leaves or, where windows are closed, comes into sight. */
int64_t mlops_tiles_next(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach);
void mlops_tiles_reset(const mlops_window_op_t *op, void *state);


/* ---- places in the order of events ---- */


static inline int
mlops_record_before(const mlops_event_t *event,
    const mlops_record_head_t *record)
{
    if (event->ts_us != record->ts_us) {
        return event->ts_us < record->ts_us;
    }

    if (event->partition != record->partition) {
        return event->partition < record->partition;
    }

    return event->offset < record->offset;
}


void mlops_record_set(const mlops_window_op_t *op,
    mlops_record_head_t *record, const mlops_event_t *event,
    mlops_cell_t cell);


#endif /* MLOPS_WINDOW_PART_H */
