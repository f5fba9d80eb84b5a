/*
 * Histograms: sums of gradients and hessians over the rows of a leaf, for
 * each bin of each feature.
 *
 * The pair of a row becomes two 64-bit integers by a multiplication with a
 * power of two and the addition of 1.5 * 2^52, after which the low bits of
 * the double are the whole number (for |x| < 2^51).  Integers add up the
 * same in any order, so rows may be dealt to threads and a sibling may be
 * had by subtraction.  A pair is added to a bin by one load, one addition
 * and one store of 16 bytes.
 */

#include "mlops_gbdt_run.h"


#define MLOPS_GBDT_AHEAD   24           /* rows that are prefetched */
#define MLOPS_GBDT_SHARED  65536        /* rows that are worth a thread */

#define MLOPS_GBDT_ROOM    512          /* rows of a block */

#define MLOPS_GBDT_WHOLE   0x1.8p52


typedef double  mlops_gbdt_v2d_t __attribute__((vector_size(16)));
typedef float   mlops_gbdt_v2f_t __attribute__((vector_size(8), aligned(4),
                                                may_alias));


/* How a row's pair becomes integers. */

typedef struct {
    mlops_gbdt_v2d_t    up;
    mlops_gbdt_v2d_t    grid;
    mlops_gbdt_v2d_t    count;
    mlops_gbdt_v2d_t    whole;
} mlops_gbdt_fix_t;


/* Rows put together; a row of bins is at most 32767 bytes. */

typedef struct {
    mlops_gbdt_pair_t   pairs[MLOPS_GBDT_ROOM];
    uint8_t             bins[64 * MLOPS_GBDT_ROOM];
} mlops_gbdt_block_t;


typedef struct {
    mlops_gbdt_run_t   *run;
    mlops_gbdt_pair_t  *slot;
    uint64_t            first;
    uint64_t            n;
    uint64_t            each;
    uint64_t            parts;
} mlops_gbdt_deal_t;


static void mlops_gbdt_histogram_part(void *ctx, uint64_t part,
    uint32_t worker);
static void mlops_gbdt_merge_part(void *ctx, uint64_t part, uint32_t worker);
static void mlops_gbdt_build(const mlops_gbdt_run_t *run, uint64_t first,
    uint64_t n, mlops_gbdt_pair_t *slot);
static void mlops_gbdt_gather(const mlops_gbdt_run_t *run,
    const mlops_gbdt_fix_t *fix, const uint32_t *order, uint32_t some,
    uint64_t n, mlops_gbdt_block_t *block);
static void mlops_gbdt_four(const mlops_gbdt_block_t *block, size_t stride,
    uint32_t f, uint32_t some, mlops_gbdt_pair_t *h);
static void mlops_gbdt_build_chosen(const mlops_gbdt_run_t *run,
    const uint32_t *order, uint64_t n, mlops_gbdt_pair_t *slot);
static void mlops_gbdt_clear(const mlops_gbdt_run_t *run,
    mlops_gbdt_pair_t *slot);


#define mlops_gbdt_fix(fix, pairs, row)                                       \
    mlops_gbdt_fixed((fix),                                                   \
        __builtin_convertvector(*(const mlops_gbdt_v2f_t *)                   \
                                ((pairs) + 2 * (row)), mlops_gbdt_v2d_t))

static inline mlops_gbdt_pair_t
mlops_gbdt_fixed(const mlops_gbdt_fix_t *fix, mlops_gbdt_v2d_t x)
{
    x = x * fix->up;
    x = x + fix->grid;
    x = x - fix->grid;
    x = x + fix->count;
    x = x + fix->whole;

    return (mlops_gbdt_pair_t) x - (mlops_gbdt_pair_t) fix->whole;
}


static void
mlops_gbdt_fix_init(const mlops_gbdt_run_t *run, mlops_gbdt_fix_t *fix)
{
    fix->up = (mlops_gbdt_v2d_t) { run->up[0], run->up[1] };
    fix->grid = (mlops_gbdt_v2d_t) { MLOPS_GBDT_WHOLE, run->grid };
    fix->count = (mlops_gbdt_v2d_t) { 0, run->counted ? 1 : 0 };
    fix->whole = (mlops_gbdt_v2d_t) { MLOPS_GBDT_WHOLE, MLOPS_GBDT_WHOLE };
}


void
mlops_gbdt_histogram(mlops_gbdt_run_t *run, uint64_t first, uint64_t n,
    mlops_gbdt_pair_t *slot)
{
    uint64_t           most;
    mlops_gbdt_deal_t  deal;

    deal.run = run;
    deal.slot = slot;
    deal.first = first;
    deal.n = n;
    deal.parts = mlops_gbdt_team_size(run->team);

    most = n / MLOPS_GBDT_SHARED + 1;
    deal.parts = deal.parts < most ? deal.parts : most;
    deal.each = n / deal.parts + 1;

    mlops_gbdt_team_run(run->team, mlops_gbdt_histogram_part, &deal,
                        deal.parts);

    if (deal.parts > 1) {
        mlops_gbdt_team_run(run->team, mlops_gbdt_merge_part, &deal,
                            run->features_n);
    }
}


static void
mlops_gbdt_histogram_part(void *ctx, uint64_t part, uint32_t worker)
{
    uint64_t            from, n;
    mlops_gbdt_deal_t  *deal;
    mlops_gbdt_pair_t  *slot;

    (void) worker;

    deal = ctx;
    from = part * deal->each;
    n = from < deal->n ? deal->n - from : 0;
    n = n < deal->each ? n : deal->each;

    slot = part == 0 ? deal->slot
                     : deal->run->partial
                       + (part - 1) * deal->run->slot_pairs;

    mlops_gbdt_clear(deal->run, slot);
    mlops_gbdt_build(deal->run, deal->first + from, n, slot);
}


static void
mlops_gbdt_merge_part(void *ctx, uint64_t feature, uint32_t worker)
{
    uint32_t                  b;
    uint64_t                  part;
    mlops_gbdt_deal_t        *deal;
    mlops_gbdt_pair_t        *to;
    const mlops_gbdt_pair_t  *from;

    (void) worker;

    deal = ctx;
    to = deal->slot + feature * MLOPS_GBDT_STRIDE;

    for (part = 1; part < deal->parts; part++) {
        from = deal->run->partial + (part - 1) * deal->run->slot_pairs
               + feature * MLOPS_GBDT_STRIDE;

        for (b = 0; b < MLOPS_GBDT_STRIDE; b++) {
            to[b] += from[b];
        }
    }
}


/*
 * Block by block: pairs and bins of its rows are put together once, then four
 * features after four take them, whose 16 KiB of sums stay in the first
 * cache meanwhile.
 */

static void
mlops_gbdt_build(const mlops_gbdt_run_t *run, uint64_t first, uint64_t n,
    mlops_gbdt_pair_t *slot)
{
    size_t               stride;
    uint32_t             f, some, most;
    const uint32_t      *order;
    mlops_gbdt_fix_t     fix;
    mlops_gbdt_block_t   block;

    order = run->order + first;

    if (run->chosen_n < run->features_n) {
        mlops_gbdt_build_chosen(run, order, n, slot);
        return;
    }

    mlops_gbdt_fix_init(run, &fix);

    stride = run->train.bins.stride;
    most = (uint32_t) (sizeof(block.bins) / stride);
    most = most < MLOPS_GBDT_ROOM ? most : MLOPS_GBDT_ROOM;

    for ( /* void */ ; n > 0; order += some, n -= some) {
        some = n < most ? (uint32_t) n : most;

        mlops_gbdt_gather(run, &fix, order, some, n, &block);

        for (f = 0; f < run->features_n; f += 4) {
            mlops_gbdt_four(&block, stride, f, some,
                            slot + (size_t) f * MLOPS_GBDT_STRIDE);
        }
    }
}


/* n is how many are left, which may be prefetched. */

static void
mlops_gbdt_gather(const mlops_gbdt_run_t *run, const mlops_gbdt_fix_t *fix,
    const uint32_t *order, uint32_t some, uint64_t n,
    mlops_gbdt_block_t *block)
{
    size_t          stride;
    uint8_t        *to;
    uint32_t        i;
    uint64_t        row, ahead;
    const float    *pairs;
    const uint8_t  *bins;

    bins = run->train.bins.rows;
    stride = run->train.bins.stride;
    pairs = run->pairs;
    to = block->bins;

    for (i = 0; i < some; i++) {
        row = order[i];
        ahead = i + MLOPS_GBDT_AHEAD < n ? order[i + MLOPS_GBDT_AHEAD] : row;

        __builtin_prefetch(bins + ahead * stride);
        __builtin_prefetch(pairs + 2 * ahead);

        block->pairs[i] = mlops_gbdt_fix(fix, pairs, row);

        /* lengths that are known are a move or two */

        switch (stride) {

        case 8:
            memcpy(to, bins + row * 8, 8);
            break;

        case 16:
            memcpy(to, bins + row * 16, 16);
            break;

        case 32:
            memcpy(to, bins + row * 32, 32);
            break;

        case 64:
            memcpy(to, bins + row * 64, 64);
            break;

        default:
            memcpy(to, bins + row * stride, stride);
            break;
        }

        to += stride;
    }
}


/* Two rows a turn. */

static void
mlops_gbdt_four(const mlops_gbdt_block_t *block, size_t stride, uint32_t f,
    uint32_t some, mlops_gbdt_pair_t *h)
{
    uint32_t            i, one, two;
    const uint8_t      *b;
    mlops_gbdt_pair_t   p, q;

    b = block->bins + f;

    for (i = 0; i + 2 <= some; i += 2) {
        memcpy(&one, b, 4);
        memcpy(&two, b + stride, 4);
        b += 2 * stride;

        p = block->pairs[i];
        q = block->pairs[i + 1];

        h[one & 255] += p;
        h[256 + (one >> 8 & 255)] += p;
        h[512 + (one >> 16 & 255)] += p;
        h[768 + (one >> 24)] += p;

        h[two & 255] += q;
        h[256 + (two >> 8 & 255)] += q;
        h[512 + (two >> 16 & 255)] += q;
        h[768 + (two >> 24)] += q;
    }

    if (i < some) {
        memcpy(&one, b, 4);
        p = block->pairs[i];

        h[one & 255] += p;
        h[256 + (one >> 8 & 255)] += p;
        h[512 + (one >> 16 & 255)] += p;
        h[768 + (one >> 24)] += p;
    }
}


static void
mlops_gbdt_build_chosen(const mlops_gbdt_run_t *run, const uint32_t *order,
    uint64_t n, mlops_gbdt_pair_t *slot)
{
    size_t              stride;
    uint32_t            f, feature;
    uint64_t            i, row, ahead;
    const uint8_t      *bins, *b;
    mlops_gbdt_fix_t    fix;
    mlops_gbdt_pair_t   pair;

    mlops_gbdt_fix_init(run, &fix);

    bins = run->train.bins.rows;
    stride = run->train.bins.stride;

    for (i = 0; i < n; i++) {
        row = order[i];
        ahead = i + MLOPS_GBDT_AHEAD < n ? order[i + MLOPS_GBDT_AHEAD] : row;

        __builtin_prefetch(bins + ahead * stride);
        __builtin_prefetch(run->pairs + 2 * ahead);

        pair = mlops_gbdt_fix(&fix, run->pairs, row);
        b = bins + row * stride;

        for (f = 0; f < run->chosen_n; f++) {
            feature = run->chosen[f];
            slot[feature * MLOPS_GBDT_STRIDE + b[feature]] += pair;
        }
    }
}


/* Whole features alone are cleared, with those that fill up the last four:
 * bins that none has stay as they were made, 0. */

static void
mlops_gbdt_clear(const mlops_gbdt_run_t *run, mlops_gbdt_pair_t *slot)
{
    memset(slot, 0, run->slot_pairs * sizeof(*slot));
}


void
mlops_gbdt_subtract(mlops_gbdt_run_t *run, mlops_gbdt_pair_t *from,
    const mlops_gbdt_pair_t *by)
{
    uint64_t  i;

    for (i = 0; i < run->slot_pairs; i++) {
        from[i] -= by[i];
    }
}


/* Any feature has all rows. */

mlops_gbdt_pair_t
mlops_gbdt_sums(const mlops_gbdt_run_t *run, const mlops_gbdt_pair_t *slot)
{
    uint32_t            b;
    mlops_gbdt_pair_t   sum = { 0, 0 };

    slot += run->chosen[0] * MLOPS_GBDT_STRIDE;

    for (b = 0; b < MLOPS_GBDT_STRIDE; b++) {
        sum += slot[b];
    }

    return sum;
}
