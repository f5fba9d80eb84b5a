/*
 * Which rows are for what: train, tune, calibrate, gate.
 *
 *     random  the permutation of numpy.random.RandomState(seed): the gate is
 *             its first ceil(n gate) rows, as scikit-learn's
 *             train_test_split has it, then calibrate and tune (rounded up,
 *             too), then train
 *     time    rows in the order of time: train, tune, calibrate, gate.  Rows
 *             of one time stay together, in the later part; of each part but
 *             the last what is later than the next part's first time less
 *             purge is left out
 *     hash    of an entity: the first 53 bits of XXH3-64, seed 0, over the
 *             salt, a byte 0 and the entity's text, as a fraction of 1: gate
 *             from 0 on, then calibrate, tune, train.  This is permanent: an
 *             entity stays in its part whatever other rows there are.  The
 *             text of a number is that of an integer where it is one below
 *             2^53 (so 7, "7" and 7.0 are one entity), else the shortest one
 *             that reads back as the same number
 *     column  a cell that says it
 *
 * Where fractions do not add up to 1 the rest of the rows is in no part: of
 * time the earliest ones, of the others what would follow train.
 */

#ifndef MLOPS_SPLIT_H
#define MLOPS_SPLIT_H


#include "mlops_field.h"
#include "mlops_hash.h"
#include "mlops_matrix.h"


typedef enum {
    MLOPS_PART_TRAIN = 0,
    MLOPS_PART_TUNE,
    MLOPS_PART_CALIBRATE,
    MLOPS_PART_GATE,
    MLOPS_PART_N
} mlops_part_t;

/* "train", "tune", "calibrate", "gate", NULL */
extern const char *const  mlops_part_names[MLOPS_PART_N + 1];


typedef enum {
    MLOPS_SPLIT_NONE = 0,           /* all rows are for training */
    MLOPS_SPLIT_RANDOM,
    MLOPS_SPLIT_TIME,
    MLOPS_SPLIT_HASH,
    MLOPS_SPLIT_COLUMN
} mlops_split_by_t;


typedef struct {
    mlops_split_by_t     by;
    double               fractions[MLOPS_PART_N];
    unsigned             whole:1;   /* their sum is 1 */
    unsigned             lacks:1;   /* parts may have no rows */
    uint32_t             seed;
    const mlops_doc_t   *column;    /* a name; NULL: of time, the order of
                                       rows */
    double               purge;     /* in the column's unit */
    mlops_str_t          salt;
} mlops_split_rule_t;


/* Rows by number, ascending, in each part. */

typedef struct {
    uint32_t            *rows[MLOPS_PART_N];    /* malloc'ed */
    uint32_t             n[MLOPS_PART_N];
    uint32_t             purged_n;
    uint32_t             unused_n;  /* in no part */
    uint32_t             bad;       /* the row an error is about, or
                                       MLOPS_MATRIX_NONE */
} mlops_split_t;


/* The rule of the object "split", field being at its path, and keys checked;
 * split NULL: no split.  Strings are the document's. */
int mlops_split_rule(mlops_field_t *field, const mlops_doc_t *split,
    mlops_split_rule_t *rule);

/* Divides n rows, ascending; rows NULL: 0 to n - 1.  column is the rule's.  A
 * part with a fraction that gets no row is an error, unless the rule lacks
 * some.  Free it in any case. */
int mlops_split(const mlops_split_rule_t *rule, const uint32_t *rows,
    uint32_t n, const mlops_matrix_column_t *column, mlops_split_t *split,
    mlops_err_t *err);
void mlops_split_free(mlops_split_t *split);


/*
 * Folds of rows that were split by entity or by time, for cross-validation;
 * rows and column as above, of which no value is missing.
 *
 *     hash    entities in the order of their hashes, the same as above but
 *             with this seed, which is not 0, go to the folds in turn
 *     time    the order of time is cut into folds + 1 blocks, as by
 *             scikit-learn's TimeSeriesSplit, but that rows of one time stay
 *             together, in the later block.  A fold judges a block but the
 *             first; fitted to it are the rows before, up to the block's
 *             first time less purge
 *
 * judged: of each row the fold that judges it, or folds: none.  fitted: of
 * time the first fold whose model is fitted to it, or folds; of hash it is
 * not looked at.
 */
int mlops_split_folds(const mlops_split_rule_t *rule, const uint32_t *rows,
    uint32_t n, const mlops_matrix_column_t *column, uint32_t folds,
    uint64_t seed, uint32_t *judged, uint32_t *fitted, mlops_err_t *err);


/* Parts, in mlops_split.c. */

typedef struct {
    double    time;
    uint32_t  at;               /* in rows */
} mlops_split_time_t;

/* n rows in the order of time; malloc'ed.  bad: one without a time. */
int mlops_split_order(const uint32_t *rows, uint32_t n,
    const mlops_matrix_column_t *column, mlops_split_time_t **order,
    uint32_t *bad, mlops_err_t *err);
/* Hashes of entities begin with that of the salt. */
void mlops_split_salt(const mlops_split_rule_t *rule, uint64_t seed,
    mlops_hash_t *start);
uint64_t mlops_split_hash_of(const mlops_hash_t *start,
    const mlops_matrix_column_t *column, uint32_t row);


#endif /* MLOPS_SPLIT_H */
