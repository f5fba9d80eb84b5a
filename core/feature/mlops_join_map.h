/*
 * What the files of the join share: names that have become numbers.  Private
 * to core/feature.
 */

#ifndef MLOPS_JOIN_MAP_H
#define MLOPS_JOIN_MAP_H


#include "mlops_join.h"


/* From a cell of a table to one of a row. */

typedef enum {
    MLOPS_FILL_REAL = 0,        /* double to FP64 */
    MLOPS_FILL_REAL_FLOAT,      /* to FP32 */
    MLOPS_FILL_REAL_INT,
    MLOPS_FILL_REAL_UINT,
    MLOPS_FILL_INT_REAL,        /* int64 to FP64 */
    MLOPS_FILL_INT_FLOAT,
    MLOPS_FILL_INT_INT,
    MLOPS_FILL_INT_UINT,
    MLOPS_FILL_TEXT
} mlops_fill_kind_t;


typedef struct {
    uint32_t                    from;       /* column of the view's row */
    uint32_t                    to;         /* column of the request's */
    mlops_fill_kind_t           kind;
    unsigned                    override:1; /* the body's value wins */
    int64_t                     lo;         /* of an integer type */
    uint64_t                    hi;
} mlops_fill_t;


/* A key, shared by all joins that look the same one up. */

typedef struct {
    mlops_key_source_t          source;
    uint32_t                    column;     /* of the row */
    uint32_t                    join;       /* its variable, its texts */
    uint32_t                    stage;
    mlops_type_t                type;       /* of the entity */
    mlops_key_t                 constant;
    uint64_t                    hash;       /* of the constant */
} mlops_joined_key_t;


/* A join as it applies to a signature. */

typedef struct {
    uint32_t                    join;
    uint32_t                    key;
    uint32_t                    stage;
    uint32_t                    fills_n;
    mlops_fill_t               *fills;
} mlops_joined_one_t;


typedef struct {
    uint32_t                    keys_n;
    mlops_joined_key_t         *keys;
    uint32_t                    ones_n;     /* in order of their stages */
    mlops_joined_one_t         *ones;
    uint32_t                    stages;
    uint64_t                    text_bytes; /* longest text joined to a row */
} mlops_joined_signature_t;


struct mlops_joined_s {
    mlops_interface_t           face;
    mlops_joined_signature_t   *signatures;
    const mlops_plan_join_t    *joins;
    uint32_t                    joins_n;
    const char                **notes;      /* by join */
};


#endif /* MLOPS_JOIN_MAP_H */
