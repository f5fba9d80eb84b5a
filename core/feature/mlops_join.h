/*
 * The join: columns of a request that come from feature tables.
 *
 * Names become numbers once, when a version of a model meets the joins of
 * its plan.  The result has the model's signatures with the keys of joins
 * that no input has the name of as further columns at the end, typed as the
 * view's entity, so that the readers of bodies bring them; the columns that a
 * join fills are marked MLOPS_COLUMN_JOINED, so that bodies may do without.
 *
 * Then, for each row of a request and each join:
 *
 *     key       from the row's column, exactly: an integer of any column
 *               type, a string that reads as one; or a variable's text; or
 *               the constant
 *     lookup    in the table of the key's shard
 *     a value   wins over the body's, unless override= names the column
 *     no value  (an empty window) leaves the body's
 *     no row    (or no key, no table, a row older than the ttl or max_age)
 *               leaves the body's, or the request is refused where missing=
 *               says so.  A column that is missing still gets its default in
 *               mlops_rows_complete; missing=null takes that default away.
 *
 * A stored number goes to a column of another type as a number of JSON would:
 * rounded once to FP32 or FP64, whole and within range for integers; one that
 * does not fit is no value.
 *
 * A join whose key another join before it fills, comes after that one.
 */

#ifndef MLOPS_JOIN_H
#define MLOPS_JOIN_H


#include "mlops_base.h"
#include "mlops_row.h"
#include "mlops_table.h"


#define MLOPS_STATUS_N  (MLOPS_STATUS_WARMING + 1)


/* The tables of one view, as a reader holds them, and room for one row. */

typedef struct {
    const mlops_plan_view_t   *view;
    mlops_table_t            **shards;      /* view->shards; NULL: not there */
    mlops_cell_t              *cells;
    uint64_t                  *present;
    char                      *text;        /* none where no shard is there */
    uint64_t                   counts[MLOPS_STATUS_N];
                                            /* lookups by status; the owner
                                               sets them back */
} mlops_tables_t;


typedef struct mlops_joined_s  mlops_joined_t;


/* What was noticed in a batch; as mlops_notice_t. */

typedef struct {
    uint32_t    missing_rows;   /* a join left something without a value that
                                   has no default either */
    uint32_t    stale_rows;
    uint32_t    warming_rows;
    uint64_t   *missing_columns;
    uint64_t   *stale_columns;
    uint64_t   *warming_columns;
} mlops_join_notice_t;


/*
 * Resolves joins for a model.  Memory comes from the arena; face and joins
 * outlive the result.  NULL: memory, or names that cannot be told apart.
 */
mlops_joined_t *mlops_joined_create(const mlops_interface_t *face,
    const mlops_plan_join_t *joins, uint32_t n, mlops_arena_t *arena,
    mlops_err_t *err);

/* How requests call it; signature i is that of the model with more inputs. */
const mlops_interface_t *mlops_joined_interface(const mlops_joined_t *joined);

/* What is odd about a join, such as one that fills nothing; NULL: nothing. */
const char *mlops_joined_note(const mlops_joined_t *joined, uint32_t join);

/* Does signature need the value of this join's variable? */
int mlops_joined_variable(const mlops_joined_t *joined, uint32_t signature,
    uint32_t join);


typedef struct {
    const mlops_joined_t   *joined;
    uint32_t                signature;
    mlops_rows_t           *rows;       /* of its schema; text changes where
                                           strings are joined */
    size_t                  text_len;   /* bytes of rows->text */
    const mlops_str_t      *values;     /* by join: of its variable; len 0 is
                                           none */
    mlops_tables_t        **tables;     /* by join */
    int64_t                 now_us;     /* wall clock */
    mlops_join_notice_t    *notice;
    mlops_arena_t          *arena;
    mlops_err_t            *err;
    int                     field;      /* out: err's text begins with a
                                           column's name */
} mlops_join_call_t;

/* Completes the rows.  MLOPS_ERROR: the client's fault, err says which. */
int mlops_join_rows(mlops_join_call_t *call);


#endif /* MLOPS_JOIN_H */
