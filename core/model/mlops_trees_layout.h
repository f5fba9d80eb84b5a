/*
 * The laid-out form of a tree ensemble, byte by byte, and what its kernels
 * share.  All numbers are little-endian; every offset counts from the start
 * of the form; sections and block payloads start at multiples of 64 and
 * stand in the order of this list, without gaps but for that alignment:
 *
 *     head       mlops_trees_head_t
 *     base       float or double [groups_n]
 *     first      uint32[groups_n + 1]      group g adds slots first[g] up to
 *                                          first[g + 1]; vector leaves: all
 *                                          slots are in group 0
 *     origin     uint32[trees_n]           number of the tree of each slot
 *     cats       uint16[cats_n]            categorical features, ascending
 *     sets       uint32[sets_n]            words of bitsets
 *     vectors    float or double           vector leaves [vectors_n][groups_n]
 *     blocks     mlops_trees_block_t[blocks_n]
 *     payloads   of block 0, of block 1, ...
 *
 * Keys.  Kernels compare integers, not floating-point numbers: the bits of a
 * number, those below the sign inverted where it is negative, order as the
 * numbers do, and an integer comparison is shorter than one of floats.  -0
 * is made +0 first, on both sides.  A number has keys strictly between the
 * smallest and the largest integer, so these two are free to stand for a
 * missing value that goes left and one that goes right.
 *
 * Key table.  A row becomes 2 * stride keys (int32, or int64 in a form that
 * compares doubles) in scratch: entry f is the key of feature f, a missing
 * one as the largest integer; entry stride + f the same, a missing one as
 * the smallest; entries from features_n up to stride, and their copies, are
 * the largest.  A node that sends missing values left names entry stride +
 * f, any other entry f: then "key < threshold" is the whole decision.  The
 * stride is the smallest of 16, 32, 64, 128 that is enough, otherwise
 * features_n + 1, so that in a row without missing values the low bits of
 * an entry number are the feature, and a register can be the table.
 *
 * Code table.  Only with categorical nodes: 2 * cats_n uint32 in scratch.
 * Entry 2 * c is the code of feature cats[c] plus 1, a missing one as 0;
 * entry 2 * c + 1 the same, a missing one as UINT32_MAX; what is no code (a
 * negative number, 2^24 and above) is UINT32_MAX.  The code is the integer
 * part.  A bitset has "last + 1" bits from bit 0 of its first word; bit 0 is
 * 1, bit k + 1 is 1 where code k goes right, bit "last" is 0 and stands for
 * all codes above.
 *
 * Slots.  Trees are walked 16 at a time; lane l of a block leaves its result
 * in a slot: the value of the leaf (float or double), or the number of the
 * vector (uint32).  Slots are sorted by group, then by tree number, so that
 * adding them in order gives the bits of the sequential sum.  There are
 * trees_n + 16 slots; lanes without a tree use those after trees_n.  Slots
 * are 4 bytes, 8 where leaves are doubles.
 *
 * Blocks.  The payload begins with uint32 slot[16].  Where CONTIGUOUS is
 * set, lane l uses slot[0] + l.  In an ORDERED form block i is contiguous
 * from slot 16 * i.
 *
 *     HEAP    perfect trees of one depth, only where keys are int32; nodes
 *             are numbered 1, 2 and 3, 4 to 7, ...; number 0 is not used:
 *
 *             int32   threshold[2^depth][16]
 *             uint8   entry[2^depth][16]       uint16 where stride > 128
 *             uint32  leaf[2^depth][16]        bits of a slot
 *
 *             A tree that is not perfect is filled up: the threshold of a
 *             filler is the smallest integer, so that all rows pass it to
 *             the right; other leaves below it are 0.
 *
 *     NARROW  uneven trees, only where keys are int32; 8-byte nodes:
 *
 *             int32   key       threshold, or the bits of a slot in a leaf
 *             uint16  entry
 *             uint16  right     the left child stands just before it
 *
 *             Node 0 is not used; node 1 + l is the root of lane l.  A leaf
 *             has entry features_n (the largest key is less than nothing)
 *             and itself on the right, so that walking on stays there.
 *
 *     WIDE    the same with 16-byte nodes, for doubles and large trees:
 *
 *             int64   key       an int32 is sign-extended
 *             uint32  right
 *             uint16  entry
 *             uint16  set       0
 *
 *     SETS    as WIDE, with categorical nodes among the others: set is 1,
 *             entry that of the code table, key two uint32: the first word
 *             of its bitset (low half), and "last" (high half).
 *
 * Nodes of NARROW, WIDE and SETS stand level by level, and a child always
 * after its parent.
 */

#ifndef MLOPS_TREES_LAYOUT_H
#define MLOPS_TREES_LAYOUT_H


#include "mlops_base.h"
#include "mlops_trees.h"


#define MLOPS_TREES_MAGIC       0x52544c4d      /* "MLTR" */
#define MLOPS_TREES_ABI         1

#define MLOPS_TREES_F32         0x01
#define MLOPS_TREES_VECTOR      0x02
#define MLOPS_TREES_ORDERED     0x04

#define MLOPS_TREES_HEAP        1
#define MLOPS_TREES_NARROW      2
#define MLOPS_TREES_WIDE        3
#define MLOPS_TREES_SETS        4

#define MLOPS_TREES_CONTIGUOUS  0x01

#define MLOPS_TREES_LANES       16
#define MLOPS_TREES_HEAP_DEPTH  8
#define MLOPS_TREES_MAX_CODE    16777216        /* codes are below */
#define MLOPS_TREES_MAX_GROUPS  65536


typedef struct {
    uint32_t  magic;
    uint16_t  abi;
    uint16_t  flags;
    uint64_t  len;              /* of the whole form */

    uint32_t  features_n;
    uint32_t  groups_n;
    uint32_t  trees_n;
    uint32_t  blocks_n;

    uint32_t  stride;
    uint32_t  cats_n;
    uint32_t  sets_n;
    uint32_t  vectors_n;

    uint64_t  base_at;
    uint64_t  first_at;
    uint64_t  origin_at;
    uint64_t  cats_at;
    uint64_t  sets_at;
    uint64_t  vectors_at;
    uint64_t  blocks_at;
    uint64_t  reserved[3];      /* 0 */
} mlops_trees_head_t;           /* 128 bytes */


typedef struct {
    uint64_t  at;               /* of the payload */
    uint32_t  nodes_n;          /* 2^depth of a HEAP */
    uint32_t  trees_n;          /* lanes in use, 1 to 16 */
    uint16_t  depth;            /* steps from the roots to all leaves */
    uint8_t   kind;
    uint8_t   flags;
    uint32_t  reserved;         /* 0 */
} mlops_trees_block_t;          /* 24 bytes */


typedef struct {
    int32_t   key;
    uint16_t  entry;
    uint16_t  right;
} mlops_trees_narrow_t;


typedef struct {
    int64_t   key;
    uint32_t  right;
    uint16_t  entry;
    uint16_t  set;
} mlops_trees_wide_t;


_Static_assert(sizeof(mlops_trees_head_t) == 128, "layout");
_Static_assert(sizeof(mlops_trees_block_t) == 24, "layout");
_Static_assert(sizeof(mlops_trees_narrow_t) == 8, "layout");
_Static_assert(sizeof(mlops_trees_wide_t) == 16, "layout");


#define mlops_trees_at(head, offset)                                          \
    ((const void *) ((const char *) (head) + (offset)))

#define mlops_trees_blocks(head)                                              \
    ((const mlops_trees_block_t *) mlops_trees_at(head, (head)->blocks_at))

#define mlops_trees_lane_slots(head, block)                                   \
    ((const uint32_t *) mlops_trees_at(head, (block)->at))

#define mlops_trees_payload(head, block)                                      \
    mlops_trees_at(head, (block)->at + MLOPS_TREES_LANES * sizeof(uint32_t))


/* Bytes of the key, and of the slot, of a form with these flags. */

#define mlops_trees_key_size(flags)   ((flags) & MLOPS_TREES_F32 ? 4 : 8)

#define mlops_trees_slot_size(flags)                                          \
    ((flags) & (MLOPS_TREES_F32|MLOPS_TREES_VECTOR) ? 4 : 8)


static inline size_t
mlops_trees_entry_size(uint32_t stride)
{
    return stride > 128 ? sizeof(uint16_t) : sizeof(uint8_t);
}


static inline uint64_t
mlops_trees_payload_len(uint32_t kind, uint32_t nodes_n, uint32_t stride)
{
    uint64_t  node;

    switch (kind) {

    case MLOPS_TREES_HEAP:
        node = MLOPS_TREES_LANES * (8 + mlops_trees_entry_size(stride));
        break;

    case MLOPS_TREES_NARROW:
        node = sizeof(mlops_trees_narrow_t);
        break;

    default:
        node = sizeof(mlops_trees_wide_t);
        break;
    }

    return MLOPS_TREES_LANES * sizeof(uint32_t) + nodes_n * node;
}


static inline uint64_t
mlops_trees_align(uint64_t at)
{
    return (at + 63) & ~(uint64_t) 63;
}


/* Offsets of the sections from their counts. */

static inline void
mlops_trees_sections(mlops_trees_head_t *head)
{
    uint64_t  at, number;

    number = (head->flags & MLOPS_TREES_F32) ? sizeof(float) : sizeof(double);
    at = sizeof(*head);

    head->base_at = at;
    at = mlops_trees_align(at + head->groups_n * number);

    head->first_at = at;
    at = mlops_trees_align(at + ((uint64_t) head->groups_n + 1) * 4);

    head->origin_at = at;
    at = mlops_trees_align(at + (uint64_t) head->trees_n * 4);

    head->cats_at = at;
    at = mlops_trees_align(at + (uint64_t) head->cats_n * 2);

    head->sets_at = at;
    at = mlops_trees_align(at + (uint64_t) head->sets_n * 4);

    head->vectors_at = at;
    at = mlops_trees_align(at + head->vectors_n * (head->groups_n * number));

    head->blocks_at = at;
}


/* Do 16 lanes use slots one after the other? */

static inline int
mlops_trees_contiguous(const uint32_t *lane_slots)
{
    uint32_t  l;

    for (l = 1; l < MLOPS_TREES_LANES; l++) {
        if (lane_slots[l] != lane_slots[0] + l) {
            return 0;
        }
    }

    return 1;
}


/* Scratch: the key table, the code table, the slots; each 64-byte aligned. */

static inline size_t
mlops_trees_codes_at(const mlops_trees_head_t *head)
{
    return mlops_align((size_t) 2 * head->stride
                       * mlops_trees_key_size(head->flags), 64);
}


static inline size_t
mlops_trees_slots_at(const mlops_trees_head_t *head)
{
    return mlops_trees_codes_at(head)
           + mlops_align((size_t) 2 * head->cats_n * sizeof(uint32_t), 64);
}


static inline int32_t
mlops_trees_key32(float x)
{
    int32_t  bits;

    x += 0.0f;                  /* -0 becomes +0 */

    memcpy(&bits, &x, sizeof(bits));

    return bits ^ (int32_t) ((uint32_t) (bits >> 31) >> 1);
}


static inline int64_t
mlops_trees_key64(double x)
{
    int64_t  bits;

    x += 0.0;

    memcpy(&bits, &x, sizeof(bits));

    return bits ^ (int64_t) ((uint64_t) (bits >> 63) >> 1);
}


/*
 * Parts that the kernels share, in mlops_trees.c.
 *
 * A walk takes n blocks, alike in kind (HEAP or NARROW) and, of heaps, in
 * depth, and writes 16 results of each to out, by lane.  On the way it adds
 * results of earlier blocks, done up to end: the chain of additions is then
 * hidden behind the loads of the walk.
 */

typedef struct {
    float                       sum;
    const float                *done;
    const float                *end;        /* done, and 16 times n more */
} mlops_trees_sum_t;


typedef void (*mlops_trees_walk_pt)(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t n, const int32_t *keys,
    uint32_t *const *out, mlops_trees_sum_t *sum);


/* All blocks, at most at_once (1, 2 or 4) in a walk, and the sums; the key
 * table is in scratch already. */
void mlops_trees_run32(const mlops_trees_head_t *head, const float *x,
    float *sums, void *scratch, mlops_trees_walk_pt walk, uint32_t at_once);

void mlops_trees_keys32(const mlops_trees_head_t *head, const float *x,
    int32_t *keys);


static inline void
mlops_trees_add(mlops_trees_sum_t *s)
{
    int  l;

    if (s->done != s->end) {
        for (l = 0; l < MLOPS_TREES_LANES; l++) {
            s->sum += s->done[l];
        }

        s->done += MLOPS_TREES_LANES;
    }
}


#if (__x86_64__)

void mlops_trees_avx2(const void *data, const void *x, void *sums,
    void *scratch);
void mlops_trees_avx512(const void *data, const void *x, void *sums,
    void *scratch);

#endif


#endif /* MLOPS_TREES_LAYOUT_H */
