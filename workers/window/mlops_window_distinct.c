/*
 * approx_distinct: HyperLogLog, a sketch for each tile.
 *
 * A value is hashed to 64 bits (XXH3).  The first p bits choose one of
 * m = 2^p registers, which keeps the greatest rank seen: the place of the
 * first 1 among the other q = 64 - p bits, q + 1 where there is none
 * (Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog: the analysis of a
 * near-optimal cardinality estimation algorithm", 2007).  The sketch of
 * several tiles is the greatest of each register.
 *
 * The estimate is the improved raw estimator of Ertl, "New cardinality
 * estimation algorithms for HyperLogLog sketches", 2017 (arXiv:1702.01284),
 * algorithm 6: it corrects small and large ranges by two series and needs
 * neither linear counting nor tables of biases.  With C_k registers of
 * value k,
 *
 *     z = m tau(1 - C_(q+1) / m)
 *     z = (z + C_k) / 2        for k = q ... 1
 *     z = z + m sigma(C_0 / m)
 *     estimate = m^2 / (2 ln 2 z)
 *
 * Standard error 1.04 / sqrt(m).
 */

#include "mlops_window_part.h"
#include "mlops_hash.h"


#define MLOPS_RANKS  66         /* of registers: 0 ... 61 at most */


typedef uint8_t  mlops_registers_t __attribute__((vector_size(16)));


static uint64_t
mlops_distinct_hash(const mlops_window_op_t *op, const mlops_event_t *event,
    mlops_cell_t cell)
{
    if (op->cell_kind == MLOPS_CELL_STRING) {
        return mlops_hash(cell.s.len ? event->text + cell.s.off : NULL,
                          cell.s.len, 0);
    }

    if (op->cell_kind == MLOPS_CELL_DOUBLE) {
        cell.f += 0.0;                          /* -0 is 0 */
    }

    return mlops_hash(&cell, sizeof(cell), 0);
}


static void
mlops_distinct_apply(const mlops_window_op_t *op, void *state,
    const mlops_tick_t *tick, const mlops_event_t *event, mlops_cell_t cell)
{
    int        fresh;
    uint8_t    rank, *registers;
    uint32_t   p;
    uint64_t   hash, rest;

    registers = mlops_tiles_touch(op, state, tick, &fresh);

    if (registers == NULL) {
        return;
    }

    if (fresh) {
        memset(registers, 0, op->item);
    }

    p = op->feature->precision;
    hash = mlops_distinct_hash(op, event, cell);
    rest = hash << p;
    rank = (uint8_t) (rest ? __builtin_clzll(rest) + 1 : 64 - (int) p + 1);

    if (registers[hash >> (64 - p)] < rank) {
        registers[hash >> (64 - p)] = rank;
    }
}


static double
mlops_distinct_sigma(double x)
{
    double  y, z, before;

    if (x == 1) {
        return INFINITY;
    }

    y = 1;
    z = x;

    do {
        x = x * x;
        before = z;
        z += x * y;
        y += y;
    } while (z != before);

    return z;
}


static double
mlops_distinct_tau(double x)
{
    double  y, z, before;

    if (x == 0 || x == 1) {
        return 0;
    }

    y = 1;
    z = 1 - x;

    do {
        x = sqrt(x);
        before = z;
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    } while (z != before);

    return z / 3;
}


static double
mlops_distinct_estimate(const uint32_t counts[MLOPS_RANKS], uint32_t p)
{
    double    m, z;
    uint32_t  k, q;

    q = 64 - p;
    m = (double) ((uint64_t) 1 << p);
    z = m * mlops_distinct_tau(1 - counts[q + 1] / m);

    for (k = q; k >= 1; k--) {
        z = 0.5 * (z + counts[k]);
    }

    z += m * mlops_distinct_sigma(counts[0] / m);

    return m * m / (2 * M_LN2 * z);
}


static void
mlops_distinct_value(const mlops_window_op_t *op, const void *state,
    const mlops_reach_t *reach, mlops_window_out_t *out)
{
    int64_t            oldest;
    uint32_t           i, j, k, n, slots[MLOPS_TILES_MAX];
    uint32_t           counts[MLOPS_RANKS];
    mlops_registers_t  most, other, more;

    n = mlops_tiles_covered(op, state, reach, slots, &oldest);

    if (n == 0) {
        mlops_out_none(out, op, op->column);
        return;
    }

    memset(counts, 0, sizeof(counts));

    for (j = 0; j < op->item; j += sizeof(most)) {
        memcpy(&most, mlops_tiles_slot(op, state, slots[0]) + j, sizeof(most));

        for (i = 1; i < n; i++) {
            memcpy(&other, mlops_tiles_slot(op, state, slots[i]) + j,
                   sizeof(other));
            more = (mlops_registers_t) (other > most);
            most = (most & ~more) | (other & more);
        }

        for (k = 0; k < sizeof(most); k++) {
            counts[most[k]]++;
        }
    }

    mlops_out_double(out, op, op->column,
                     rint(mlops_distinct_estimate(counts,
                                                  op->feature->precision)));
}


void
mlops_window_distinct_kind(mlops_window_op_t *op)
{
    op->kind.apply = mlops_distinct_apply;
    op->kind.value = mlops_distinct_value;
    op->kind.next = mlops_tiles_next;
    op->kind.reset = mlops_tiles_reset;
}
