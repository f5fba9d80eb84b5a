/*
 * Tree ensembles: the forest that importers and learners hand over, and the
 * laid-out form that kernels walk.
 *
 * A forest is a plain list of nodes; mlops_trees_build lays it out (perfect
 * heaps of 16 trees interleaved, uneven trees, categorical bitsets; the bytes
 * are in mlops_trees_layout.h), mlops_trees_check proves a laid-out form safe,
 * mlops_trees_kernel picks the code for this processor.
 *
 * One meaning for all variants: a numerical node sends x left where x < t,
 * NaN where default_left says; a categorical node sends codes in its set
 * right and everything else left, NaN where default_left says.  The code of
 * x is its integer part, where 0 <= x < 2^24.  Leaves are added group by group
 * in tree order, in float32 (F32) or double: the same bits as the sequential
 * sum of the source library, in every variant.
 */

#ifndef MLOPS_TREES_H
#define MLOPS_TREES_H


#include "mlops_base.h"


#define MLOPS_TREES_LEAF         UINT32_MAX     /* feature of a leaf */
#define MLOPS_TREES_MAX_DEPTH    512
#define MLOPS_TREES_MAX_FEATURE  32767


typedef struct {
    uint32_t  feature;          /* or MLOPS_TREES_LEAF */
    uint32_t  left;             /* node numbers; of a leaf: left is the */
    uint32_t  right;            /* first element of leaf_values */
    uint8_t   default_left;
    uint8_t   categorical;
    double    threshold;        /* a float32 value where f32 */
    uint32_t  set_first;        /* categorical: codes that go right */
    uint32_t  set_n;
} mlops_forest_node_t;


typedef struct {
    uint32_t               features_n;
    uint32_t               groups_n;        /* sums */
    uint32_t               trees_n;
    uint32_t               nodes_n;
    uint32_t               leaf_size;       /* 1, or groups_n: vector leaf */
    unsigned               f32:1;           /* compare and add in float32 */

    const uint32_t        *roots;           /* node number of each tree */
    const uint32_t        *group;           /* of each tree; 0 for vectors */
    mlops_forest_node_t   *nodes;
    const double          *leaf_values;
    uint64_t               leaf_values_n;
    const uint32_t        *set_codes;
    uint64_t               set_codes_n;
    const double          *base;            /* groups_n: sums start here */
} mlops_forest_t;


/* Checks a forest: children in range, every node reached at most once,
 * depth, features, thresholds not NaN, sets in range. */
int mlops_forest_check(const mlops_forest_t *forest, mlops_err_t *err);

/* Lays a checked forest out into malloc'ed memory, *len bytes, to be written
 * 64-byte aligned; the caller frees it. */
int mlops_trees_build(const mlops_forest_t *forest, void **data, size_t *len,
    mlops_err_t *err);

/*
 * Proves [data, data + len) safe to walk with features_n features and
 * groups_n sums.  *cursor starts at 0; about budget bytes a call.
 * MLOPS_OK, MLOPS_AGAIN or MLOPS_ERROR.
 */
int mlops_trees_check(const void *data, size_t len, uint32_t features_n,
    uint32_t groups_n, uint64_t *cursor, size_t budget, mlops_err_t *err);

/* Reads a laid-out form back into a forest (memory from the arena): for
 * inspection and export.  Trees come in their original order. */
int mlops_trees_forest(const void *data, mlops_forest_t *forest,
    mlops_arena_t *arena, mlops_err_t *err);

/* Does it compute in float32? */
int mlops_trees_f32(const void *data);


/* Scratch bytes (64-byte aligned) that a kernel needs beside x and sums. */
size_t mlops_trees_scratch(const void *data);

/* x: float[] or double[] by mlops_trees_f32, features_n values padded to a
 * multiple of 16 readable ones, 64-byte aligned; sums: float[] or double[]
 * likewise, groups_n values, written. */
typedef void (*mlops_trees_pt)(const void *data, const void *x, void *sums,
    void *scratch);

/* The fastest kernel for these trees at this SIMD level or below, row after
 * row. */
mlops_trees_pt mlops_trees_kernel(const void *data, int simd);
/* The same for a row now and then, among other work: there a walk of few
 * trees with vectors of 512 bits costs more than it saves. */
mlops_trees_pt mlops_trees_kernel_single(const void *data, int simd);


#endif /* MLOPS_TREES_H */
