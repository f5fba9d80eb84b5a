/*
 * Walking laid-out trees with AVX-512 (F, DQ, BW, VL): 16 trees in a vector,
 * four vectors at once.
 *
 * The first levels of a heap are few rows: all of them are loaded and
 * blended by the decisions above, which waits for no address.  Below, the
 * row of each tree is gathered.  A gather that waits for its index holds 16
 * places in the scheduler of loads, which is soon full: so the gathers of
 * one level of four blocks stand next to each other, instead of all levels
 * of one block.  Results of earlier blocks are added in between.
 *
 * Keys come from registers where the table fits into four (up to 64
 * features, or 32 in a row with missing values; the low bits of an entry
 * number are then the feature), else from memory.
 */

#include "mlops_trees.h"
#include "mlops_trees_layout.h"

#if (__x86_64__)

#include <immintrin.h>


#define MLOPS_TREES_MEMORY  0       /* registers that hold the table */
#define MLOPS_TREES_TOP     4       /* levels that are blended */

#define mlops_trees_isa     "avx512f,avx512dq,avx512bw,avx512vl"

#define mlops_trees_target                                                    \
    __attribute__((target(mlops_trees_isa)))
#define mlops_trees_inline                                                    \
    __attribute__((always_inline, target(mlops_trees_isa))) static inline

/* Loops over blocks are unrolled, so that vectors stay in registers. */
#define mlops_trees_unroll  _Pragma("GCC unroll 4")


typedef struct {
    __m512i                     r[4];
    const int32_t              *keys;
} mlops_trees_table_t;


/*
 * A gather merges into its destination and waits for what was there; the
 * empty statement keeps a compiler from leaving out the cleared register.
 */

mlops_trees_inline __m512i
mlops_trees_zero(void)
{
    __m512i  zero;

    zero = _mm512_setzero_si512();

    __asm__ volatile ("" : "+v" (zero));

    return zero;
}


#define mlops_trees_gather(index, base, scale)                                \
    _mm512_mask_i32gather_epi32(mlops_trees_zero(), 0xffff, index, base,      \
                                scale)

#define mlops_trees_gather64(index, base, scale)                              \
    _mm512_mask_i32gather_epi64(mlops_trees_zero(), 0xff, index, base, scale)


/* Keys of entries; bits above the number are ignored in registers, and clear
 * otherwise. */

mlops_trees_inline __m512i
mlops_trees_lookup(const mlops_trees_table_t *t, __m512i entry,
    const int registers)
{
    __m512i  lo, hi;

    switch (registers) {

    case 1:
        return _mm512_permutexvar_epi32(entry, t->r[0]);

    case 2:
        return _mm512_permutex2var_epi32(t->r[0], entry, t->r[1]);

    case 4:
        lo = _mm512_permutex2var_epi32(t->r[0], entry, t->r[1]);
        hi = _mm512_permutex2var_epi32(t->r[2], entry, t->r[3]);

        return _mm512_mask_blend_epi32(
                   _mm512_test_epi32_mask(entry, _mm512_set1_epi32(32)),
                   lo, hi);

    default:
        return mlops_trees_gather(entry, t->keys, 4);
    }
}


/*
 * The row of thresholds that decisions m[0] to m[n - 1] lead to, among 2^n
 * rows; the first decision halves them first, because it is known first.
 * Written out: a loop that a compiler does not unroll keeps rows in memory.
 */

#define mlops_trees_row(i)  _mm512_load_si512(rows + 16 * (i))
#define mlops_trees_pick(i, j)                                                \
    _mm512_mask_mov_epi32(mlops_trees_row(i), m[0], mlops_trees_row(j))

mlops_trees_inline __m512i
mlops_trees_blend(const int32_t *rows, const __mmask16 *m, const int n)
{
    __m512i  a, b, c, d;

    switch (n) {

    case 0:
        return mlops_trees_row(0);

    case 1:
        return mlops_trees_pick(0, 1);

    case 2:
        a = mlops_trees_pick(0, 2);
        b = mlops_trees_pick(1, 3);

        return _mm512_mask_mov_epi32(a, m[1], b);

    default:
        a = mlops_trees_pick(0, 4);
        b = mlops_trees_pick(1, 5);
        c = mlops_trees_pick(2, 6);
        d = mlops_trees_pick(3, 7);

        a = _mm512_mask_mov_epi32(a, m[1], c);
        b = _mm512_mask_mov_epi32(b, m[1], d);

        return _mm512_mask_mov_epi32(a, m[2], b);
    }
}


/* The same for entries; their rows are 16 or 32 bytes. */

#define mlops_trees_byte_row(i)                                               \
    _mm_load_si128((const __m128i *) rows + (i))
#define mlops_trees_byte_pick(i, j)                                           \
    _mm_mask_mov_epi8(mlops_trees_byte_row(i), m[0], mlops_trees_byte_row(j))

mlops_trees_inline __m512i
mlops_trees_blend_bytes(const void *rows, const __mmask16 *m, const int n)
{
    __m128i  a, b, c, d;

    switch (n) {

    case 0:
        a = mlops_trees_byte_row(0);
        break;

    case 1:
        a = mlops_trees_byte_pick(0, 1);
        break;

    case 2:
        a = mlops_trees_byte_pick(0, 2);
        b = mlops_trees_byte_pick(1, 3);
        a = _mm_mask_mov_epi8(a, m[1], b);
        break;

    default:
        a = mlops_trees_byte_pick(0, 4);
        b = mlops_trees_byte_pick(1, 5);
        c = mlops_trees_byte_pick(2, 6);
        d = mlops_trees_byte_pick(3, 7);

        a = _mm_mask_mov_epi8(a, m[1], c);
        b = _mm_mask_mov_epi8(b, m[1], d);
        a = _mm_mask_mov_epi8(a, m[2], b);
        break;
    }

    return _mm512_cvtepu8_epi32(a);
}


#define mlops_trees_word_row(i)                                               \
    _mm256_load_si256((const __m256i *) rows + (i))
#define mlops_trees_word_pick(i, j)                                           \
    _mm256_mask_mov_epi16(mlops_trees_word_row(i), m[0],                      \
                          mlops_trees_word_row(j))

mlops_trees_inline __m512i
mlops_trees_blend_words(const void *rows, const __mmask16 *m, const int n)
{
    __m256i  a, b, c, d;

    switch (n) {

    case 0:
        a = mlops_trees_word_row(0);
        break;

    case 1:
        a = mlops_trees_word_pick(0, 1);
        break;

    case 2:
        a = mlops_trees_word_pick(0, 2);
        b = mlops_trees_word_pick(1, 3);
        a = _mm256_mask_mov_epi16(a, m[1], b);
        break;

    default:
        a = mlops_trees_word_pick(0, 4);
        b = mlops_trees_word_pick(1, 5);
        c = mlops_trees_word_pick(2, 6);
        d = mlops_trees_word_pick(3, 7);

        a = _mm256_mask_mov_epi16(a, m[1], c);
        b = _mm256_mask_mov_epi16(b, m[1], d);
        a = _mm256_mask_mov_epi16(a, m[2], b);
        break;
    }

    return _mm512_cvtepu16_epi32(a);
}


/* Who goes right on level n; size is that of an entry. */

mlops_trees_inline __mmask16
mlops_trees_level(const mlops_trees_table_t *t, const int32_t *threshold,
    const char *entry, const __mmask16 *m, const int n, const int size,
    const int registers)
{
    __m512i  key;

    entry += (16 << n) * size;
    threshold += 16 << n;

    key = (size == 1) ? mlops_trees_blend_bytes(entry, m, n)
                      : mlops_trees_blend_words(entry, m, n);

    key = mlops_trees_lookup(t, key, registers);

    return _mm512_cmpge_epi32_mask(key, mlops_trees_blend(threshold, m, n));
}


/* Index is 16 times the number of the node, plus the lane. */

mlops_trees_inline __m512i
mlops_trees_top(const mlops_trees_table_t *t, const int32_t *threshold,
    const char *entry, __m512i lanes, const int size, const int registers)
{
    int        n;
    __m512i    index;
    __mmask16  m[MLOPS_TREES_TOP];

    mlops_trees_unroll
    for (n = 0; n < MLOPS_TREES_TOP; n++) {
        m[n] = mlops_trees_level(t, threshold, entry, m, n, size, registers);
    }

    index = _mm512_add_epi32(lanes,
                             _mm512_set1_epi32(16 << MLOPS_TREES_TOP));

    mlops_trees_unroll
    for (n = 0; n < MLOPS_TREES_TOP; n++) {
        index = _mm512_mask_add_epi32(index, m[n], index,
                      _mm512_set1_epi32(16 << (MLOPS_TREES_TOP - 1 - n)));
    }

    return index;
}


/* One level below. */

mlops_trees_inline __m512i
mlops_trees_down(const mlops_trees_table_t *t, const int32_t *threshold,
    const char *entry, __m512i index, __m512i lanes, const int size,
    const int registers)
{
    __m512i    key, below;
    __mmask16  right;

    key = (size == 1) ? mlops_trees_gather(index, entry, 1)
                      : mlops_trees_gather(index, entry, 2);

    if (registers == MLOPS_TREES_MEMORY) {
        key = _mm512_and_si512(key, _mm512_set1_epi32(size == 1 ? 0xff
                                                                : 0xffff));
    }

    key = mlops_trees_lookup(t, key, registers);
    right = _mm512_cmpge_epi32_mask(key,
                                mlops_trees_gather(index, threshold, 4));

    /* 2 * index would count the lane twice */

    below = _mm512_sub_epi32(_mm512_add_epi32(index, index), lanes);

    return _mm512_mask_add_epi32(below, right, below, _mm512_set1_epi32(16));
}


/* Walks n heaps of one depth. */

mlops_trees_inline void
mlops_trees_heaps(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const mlops_trees_table_t *t,
    uint32_t *const *out, mlops_trees_sum_t *s, const int n, const int size,
    const int registers)
{
    int             b;
    __m512i         index[4], lanes, key;
    uint32_t        depth, cells;
    const char     *entry[4];
    const int32_t  *threshold[4];

    cells = block->nodes_n * MLOPS_TREES_LANES;
    depth = block->depth;
    lanes = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2,
                             1, 0);

    mlops_trees_unroll
    for (b = 0; b < n; b++) {
        threshold[b] = mlops_trees_payload(head, block + b);
        entry[b] = (const char *) (threshold[b] + cells);
        index[b] = _mm512_add_epi32(lanes, _mm512_set1_epi32(16));
    }

    if (depth >= MLOPS_TREES_TOP) {
        depth -= MLOPS_TREES_TOP;

        mlops_trees_unroll
        for (b = 0; b < n; b++) {
            index[b] = mlops_trees_top(t, threshold[b], entry[b], lanes,
                                       size, registers);
        }

        mlops_trees_add(s);
    }

    for ( /* void */ ; depth != 0; depth--) {

        mlops_trees_unroll
        for (b = 0; b < n; b++) {
            index[b] = mlops_trees_down(t, threshold[b], entry[b], index[b],
                                        lanes, size, registers);
        }

        mlops_trees_add(s);
    }

    mlops_trees_unroll
    for (b = 0; b < n; b++) {
        key = _mm512_sub_epi32(index[b], _mm512_set1_epi32((int) cells));
        key = mlops_trees_gather(key, entry[b] + cells * (unsigned) size, 4);

        _mm512_storeu_si512(out[b], key);
    }

    while (s->done != s->end) {
        mlops_trees_add(s);
    }
}


/* Walks n blocks of uneven trees; a node is loaded whole. */

mlops_trees_inline void
mlops_trees_narrows(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, const mlops_trees_table_t *t,
    uint32_t *const *out, mlops_trees_sum_t *s, const int n,
    const int registers)
{
    int                          b;
    __m512i                      index[4], lo, hi, key, rest, even, odd;
    uint32_t                     depth, step;
    __mmask16                    left;
    const mlops_trees_narrow_t  *nodes[4];

    even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6,
                            4, 2, 0);
    odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    depth = 0;

    mlops_trees_unroll
    for (b = 0; b < n; b++) {
        nodes[b] = mlops_trees_payload(head, block + b);
        index[b] = _mm512_set_epi32(16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6,
                                    5, 4, 3, 2, 1);
        depth = block[b].depth > depth ? block[b].depth : depth;
    }

    for (step = 0; step < depth; step++) {

        mlops_trees_unroll
        for (b = 0; b < n; b++) {

            if (step >= block[b].depth) {
                continue;
            }

            lo = mlops_trees_gather64(_mm512_castsi512_si256(index[b]),
                                      nodes[b], 8);
            hi = mlops_trees_gather64(_mm512_extracti64x4_epi64(index[b], 1),
                                      nodes[b], 8);

            key = _mm512_permutex2var_epi32(lo, even, hi);
            rest = _mm512_permutex2var_epi32(lo, odd, hi);

            index[b] = _mm512_srli_epi32(rest, 16);
            rest = _mm512_and_si512(rest, _mm512_set1_epi32(0xffff));

            left = _mm512_cmplt_epi32_mask(
                       mlops_trees_lookup(t, rest, registers), key);
            index[b] = _mm512_mask_sub_epi32(index[b], left, index[b],
                                             _mm512_set1_epi32(1));
        }

        mlops_trees_add(s);
    }

    mlops_trees_unroll
    for (b = 0; b < n; b++) {
        key = mlops_trees_gather(index[b], nodes[b], 8);
        _mm512_storeu_si512(out[b], key);
    }

    while (s->done != s->end) {
        mlops_trees_add(s);
    }
}


/* A walk with the table in so many registers. */

#define mlops_trees_walk_n(n)                                               \
    if (block->kind == MLOPS_TREES_NARROW) {                                  \
        mlops_trees_narrows(head, block, &t, out, &s, n, registers);          \
    }                                                                         \
                                                                              \
    if (block->kind == MLOPS_TREES_HEAP && head->stride <= 128) {             \
        mlops_trees_heaps(head, block, &t, out, &s, n, 1, registers);         \
    }                                                                         \
                                                                              \
    if (block->kind == MLOPS_TREES_HEAP && head->stride > 128) {              \
        mlops_trees_heaps(head, block, &t, out, &s, n, 2, registers);         \
    }

mlops_trees_inline void
mlops_trees_walk_body(const mlops_trees_head_t *head,
    const mlops_trees_block_t *block, uint32_t n, const int32_t *keys,
    uint32_t *const *out, mlops_trees_sum_t *sum, const int registers)
{
    int                  i;
    mlops_trees_sum_t    s;
    mlops_trees_table_t  t;

    s = *sum;           /* a copy, because stores of results may alias */
    t.keys = keys;

    mlops_trees_unroll
    for (i = 0; i < registers; i++) {
        t.r[i] = _mm512_load_si512(keys + 16 * i);
    }

    switch (n) {

    case 4:
        mlops_trees_walk_n(4)
        break;

    case 2:
        mlops_trees_walk_n(2)
        break;

    default:
        mlops_trees_walk_n(1)
        break;
    }

    *sum = s;
}


#define mlops_trees_walk_of(name, registers)                                \
                                                                              \
mlops_trees_target static void                                                \
name(const mlops_trees_head_t *head, const mlops_trees_block_t *block,        \
    uint32_t n, const int32_t *keys, uint32_t *const *out,                    \
    mlops_trees_sum_t *s)                                                     \
{                                                                             \
    mlops_trees_walk_body(head, block, n, keys, out, s, registers);         \
}

mlops_trees_walk_of(mlops_trees_walk1, 1)
mlops_trees_walk_of(mlops_trees_walk2, 2)
mlops_trees_walk_of(mlops_trees_walk4, 4)
mlops_trees_walk_of(mlops_trees_walk_memory, MLOPS_TREES_MEMORY)


/* Lanes of the elements from f on that are before n. */

mlops_trees_inline __mmask16
mlops_trees_first(uint32_t f, uint32_t n)
{
    if (f >= n) {
        return 0;
    }

    return (__mmask16) (n - f >= 16 ? 0xffff : (1u << (n - f)) - 1);
}


/* Fills the key table; whether a value is missing. */

mlops_trees_target static int
mlops_trees_keys(const mlops_trees_head_t *head, const float *x,
    int32_t *keys)
{
    __m512     v;
    __m512i    key, max;
    uint32_t   f, stride;
    __mmask16  in, out, missing, any;

    stride = head->stride;
    max = _mm512_set1_epi32(INT32_MAX);
    any = 0;

    for (f = 0; f < stride; f += 16) {
        in = mlops_trees_first(f, head->features_n);
        out = mlops_trees_first(f, stride);

        v = _mm512_maskz_loadu_ps(in, x + f);
        missing = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
        any |= missing;

        key = _mm512_castps_si512(_mm512_add_ps(v, _mm512_setzero_ps()));
        key = _mm512_xor_si512(key,
                  _mm512_srli_epi32(_mm512_srai_epi32(key, 31), 1));
        key = _mm512_mask_mov_epi32(max, in, key);

        _mm512_mask_storeu_epi32(keys + f, out,
                         _mm512_mask_mov_epi32(key, missing, max));
        _mm512_mask_storeu_epi32(keys + stride + f, out,
                         _mm512_mask_mov_epi32(key, missing,
                                      _mm512_set1_epi32(INT32_MIN)));
    }

    return any != 0;
}


mlops_trees_target void
mlops_trees_avx512(const void *data, const void *x, void *sums,
    void *scratch)
{
    int                        missing;
    mlops_trees_walk_pt        walk;
    const mlops_trees_head_t  *head;

    head = data;
    missing = mlops_trees_keys(head, x, scratch);

    switch (head->stride << missing) {

    case 16:
        walk = mlops_trees_walk1;
        break;

    case 32:
        walk = mlops_trees_walk2;
        break;

    case 64:
        walk = mlops_trees_walk4;
        break;

    default:
        walk = mlops_trees_walk_memory;
        break;
    }

    mlops_trees_run32(head, x, sums, scratch, walk, 4);
}

#endif
