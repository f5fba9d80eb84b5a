/*
 * Folds that keep entities whole, or the order of time.
 */

#include "mlops_split.h"

#include <stdlib.h>


typedef struct {
    uint64_t  hash;
    uint32_t  at;
} mlops_split_entity_t;


static int mlops_split_folds_hash(const mlops_split_rule_t *rule,
    const uint32_t *rows, uint32_t n, const mlops_matrix_column_t *column,
    uint32_t folds, uint64_t seed, uint32_t *judged, mlops_err_t *err);
static int mlops_split_blocks(const mlops_split_time_t *order, uint32_t n,
    uint32_t folds, double purge, const uint32_t *first, uint32_t *judged,
    uint32_t *fitted, mlops_err_t *err);
static int mlops_split_firsts(const mlops_split_time_t *order, uint32_t n,
    uint32_t folds, uint32_t *first, mlops_err_t *err);


int
mlops_split_folds(const mlops_split_rule_t *rule, const uint32_t *rows,
    uint32_t n, const mlops_matrix_column_t *column, uint32_t folds,
    uint64_t seed, uint32_t *judged, uint32_t *fitted, mlops_err_t *err)
{
    int                  rc;
    uint32_t             bad, *first;
    mlops_split_time_t  *order;

    if (rule->by == MLOPS_SPLIT_HASH) {
        return mlops_split_folds_hash(rule, rows, n, column, folds, seed,
                                      judged, err);
    }

    if (mlops_split_order(rows, n, column, &order, &bad, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    first = malloc(((size_t) folds + 1) * sizeof(uint32_t));

    if (first == NULL) {
        free(order);
        return mlops_err_set(err, "out of memory");
    }

    rc = mlops_split_firsts(order, n, folds, first, err);

    if (rc == MLOPS_OK) {
        rc = mlops_split_blocks(order, n, folds, rule->purge, first, judged,
                                fitted, err);
    }

    free(first);
    free(order);

    return rc;
}


static int
mlops_split_entity_compare(const void *a, const void *b)
{
    const mlops_split_entity_t  *x, *y;

    x = a;
    y = b;

    return (x->hash > y->hash) - (x->hash < y->hash);
}


static int
mlops_split_folds_hash(const mlops_split_rule_t *rule, const uint32_t *rows,
    uint32_t n, const mlops_matrix_column_t *column, uint32_t folds,
    uint64_t seed, uint32_t *judged, mlops_err_t *err)
{
    uint32_t               i, entities;
    mlops_hash_t           start;
    mlops_split_entity_t  *order;

    order = malloc(((size_t) n + 1) * sizeof(mlops_split_entity_t));

    if (order == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    mlops_split_salt(rule, seed, &start);

    for (i = 0; i < n; i++) {
        order[i].at = i;
        order[i].hash = mlops_split_hash_of(&start, column,
                                            rows ? rows[i] : i);
    }

    qsort(order, n, sizeof(mlops_split_entity_t), mlops_split_entity_compare);

    for (i = 0, entities = 0; i < n; i++) {
        entities += (i == 0 || order[i].hash != order[i - 1].hash);
        judged[order[i].at] = (entities - 1) % folds;
    }

    free(order);

    if (entities < folds) {
        return mlops_err_set(err, "expected at least %u entities among the "
                             "training rows for %u folds, got %u", folds,
                             folds, entities);
    }

    return MLOPS_OK;
}


/* Where the block of each fold begins, and the end. */

static int
mlops_split_firsts(const mlops_split_time_t *order, uint32_t n,
    uint32_t folds, uint32_t *first, mlops_err_t *err)
{
    uint32_t  k, at;

    for (k = 0; k < folds; k++) {
        at = n - (folds - k) * (n / (folds + 1));

        while (at > 0 && at < n && order[at - 1].time == order[at].time) {
            at--;
        }

        if (at == n || at == (k ? first[k - 1] : 0)) {
            return mlops_err_set(err, "expected training rows of other times "
                                 "in each of %u blocks for %u folds, got %u "
                                 "rows, of which too many have one time",
                                 folds + 1, folds, n);
        }

        first[k] = at;
    }

    first[folds] = n;

    return MLOPS_OK;
}


/* Times ascend, and so do the folds that may be fitted to them. */

static int
mlops_split_blocks(const mlops_split_time_t *order, uint32_t n,
    uint32_t folds, double purge, const uint32_t *first, uint32_t *judged,
    uint32_t *fitted, mlops_err_t *err)
{
    uint32_t  i, k, next;

    for (i = 0, k = 0, next = 0; i < n; i++) {

        while (i >= first[k]) {
            k++;
        }

        /* k is the first fold whose block is later than the row */

        next = (next > k) ? next : k;

        while (next < folds
               && !(order[i].time <= order[first[next]].time - purge))
        {
            next++;
        }

        judged[order[i].at] = k ? k - 1 : folds;
        fitted[order[i].at] = next;

        if (i == 0 && next != 0) {
            return mlops_err_set(err, "expected training rows before the "
                                 "first of %u folds, got none: purge leaves "
                                 "too little", folds);
        }
    }

    return MLOPS_OK;
}
