/*
 * Rows into parts.
 *
 * A way of splitting writes the part of each of n rows; lists follow from
 * that.
 */

#include "mlops_split.h"
#include "mlops_num.h"
#include "mlops_random.h"

#include <math.h>
#include <stdlib.h>


#define MLOPS_SPLIT_UNUSED  MLOPS_PART_N
#define MLOPS_SPLIT_PURGED  (MLOPS_PART_N + 1)


typedef struct {
    const mlops_split_rule_t     *rule;
    const uint32_t               *rows;
    uint32_t                      n;
    const mlops_matrix_column_t  *column;
    uint8_t                      *part;     /* of each */
    mlops_split_t                *split;
    mlops_err_t                  *err;
} mlops_split_job_t;


static int mlops_split_random(mlops_split_job_t *job);
static int mlops_split_time(mlops_split_job_t *job);
static void mlops_split_cut(mlops_split_job_t *job,
    const mlops_split_time_t *order);
static int mlops_split_hash(mlops_split_job_t *job);
static int mlops_split_column(mlops_split_job_t *job);
static int mlops_split_lists(mlops_split_job_t *job);


int
mlops_split(const mlops_split_rule_t *rule, const uint32_t *rows, uint32_t n,
    const mlops_matrix_column_t *column, mlops_split_t *split,
    mlops_err_t *err)
{
    int                 rc;
    mlops_split_job_t   job;

    memset(split, 0, sizeof(*split));
    split->bad = MLOPS_MATRIX_NONE;

    job.rule = rule;
    job.rows = rows;
    job.n = n;
    job.column = column;
    job.split = split;
    job.err = err;
    job.part = calloc((size_t) n + 1, 1);

    if (job.part == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    switch (rule->by) {

    case MLOPS_SPLIT_RANDOM:
        rc = mlops_split_random(&job);
        break;

    case MLOPS_SPLIT_TIME:
        rc = mlops_split_time(&job);
        break;

    case MLOPS_SPLIT_HASH:
        rc = mlops_split_hash(&job);
        break;

    case MLOPS_SPLIT_COLUMN:
        rc = mlops_split_column(&job);
        break;

    default:
        rc = MLOPS_OK;              /* all are 0: train */
    }

    if (rc == MLOPS_OK) {
        rc = mlops_split_lists(&job);
    }

    free(job.part);

    return rc;
}


void
mlops_split_free(mlops_split_t *split)
{
    int  i;

    for (i = 0; i < MLOPS_PART_N; i++) {
        free(split->rows[i]);
        split->rows[i] = NULL;
        split->n[i] = 0;
    }
}


static uint32_t
mlops_split_row(const mlops_split_job_t *job, uint32_t i)
{
    return job->rows ? job->rows[i] : i;
}


static int
mlops_split_bad(mlops_split_job_t *job, uint32_t i, const char *expected)
{
    job->split->bad = mlops_split_row(job, i);

    return mlops_err_set(job->err, "expected %s, got a missing value",
                         expected);
}


/* How many of n, the gate as scikit-learn counts; what is left is the limit.
 * The training rows are all others, or are rounded down. */

static uint32_t
mlops_split_count(const mlops_split_job_t *job, int part, uint32_t left)
{
    double  count;

    count = (double) job->n * job->rule->fractions[part];

    if (part == MLOPS_PART_TRAIN) {

        if (job->rule->whole) {
            return left;
        }

        count = floor(count);

    } else {
        count = ceil(count);
    }

    return (count < left) ? (uint32_t) count : left;
}


static int
mlops_split_random(mlops_split_job_t *job)
{
    int          k;
    uint32_t     i, at, count, *order;
    mlops_mt_t   mt;

    order = malloc(((size_t) job->n + 1) * sizeof(uint32_t));

    if (order == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    mlops_mt_init(&mt, job->rule->seed);
    mlops_mt_permutation(&mt, order, job->n);
    memset(job->part, MLOPS_SPLIT_UNUSED, job->n);

    for (k = MLOPS_PART_N - 1, at = 0; k >= 0; k--) {
        count = mlops_split_count(job, k, job->n - at);

        for (i = 0; i < count; i++) {
            job->part[order[at++]] = (uint8_t) k;
        }
    }

    free(order);

    return MLOPS_OK;
}


static int
mlops_split_time_compare(const void *a, const void *b)
{
    const mlops_split_time_t  *x, *y;

    x = a;
    y = b;

    if (x->time != y->time) {
        return (x->time > y->time) ? 1 : -1;
    }

    return (x->at > y->at) - (x->at < y->at);
}


int
mlops_split_order(const uint32_t *rows, uint32_t n,
    const mlops_matrix_column_t *column, mlops_split_time_t **order,
    uint32_t *bad, mlops_err_t *err)
{
    int                  sorted;
    uint32_t             i, row;
    mlops_split_time_t  *o;

    if (column != NULL && column->kind == MLOPS_MATRIX_CODES) {
        return mlops_err_set(err, "expected a column of numbers for the "
                             "time, got texts");
    }

    o = malloc(((size_t) n + 1) * sizeof(mlops_split_time_t));

    if (o == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    sorted = 1;

    for (i = 0; i < n; i++) {
        row = rows ? rows[i] : i;
        o[i].at = i;
        o[i].time = column ? mlops_matrix_value(column, row) : i;

        if (isnan(o[i].time)) {
            free(o);
            *bad = row;

            return mlops_err_set(err, "expected a time, got a missing value");
        }

        sorted &= (i == 0 || o[i - 1].time <= o[i].time);
    }

    if (!sorted) {
        qsort(o, n, sizeof(mlops_split_time_t), mlops_split_time_compare);
    }

    *order = o;

    return MLOPS_OK;
}


static int
mlops_split_time(mlops_split_job_t *job)
{
    mlops_split_time_t  *order;

    if (mlops_split_order(job->rows, job->n, job->column, &order,
                          &job->split->bad, job->err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_split_cut(job, order);
    free(order);

    return MLOPS_OK;
}


/* From the end: the gate first.  A part begins with the first row of its
 * first time. */

static void
mlops_split_cut(mlops_split_job_t *job, const mlops_split_time_t *order)
{
    int       k;
    double    next;
    uint32_t  i, from, to, count;

    memset(job->part, MLOPS_SPLIT_UNUSED, job->n);
    to = job->n;
    next = INFINITY;

    for (k = MLOPS_PART_N - 1; k >= 0; k--) {
        count = mlops_split_count(job, k, to);

        if (count == 0) {
            continue;
        }

        from = to - count;

        while (from > 0 && order[from - 1].time == order[from].time) {
            from--;
        }

        for (i = from; i < to; i++) {
            job->part[order[i].at] = (uint8_t)
                    ((next == INFINITY || order[i].time <= next
                                                       - job->rule->purge)
                     ? k : MLOPS_SPLIT_PURGED);
        }

        next = order[from].time;
        to = from;
    }
}


/* The bytes of an entity; text has room for a number. */

static mlops_str_t
mlops_split_entity(const mlops_matrix_column_t *column, uint32_t row,
    char *text)
{
    double        v;
    mlops_str_t   s;

    if (column->kind == MLOPS_MATRIX_CODES) {
        return column->categories[((const uint32_t *) column->data)[row]];
    }

    v = mlops_matrix_value(column, row);
    s.data = text;

    if (fabs(v) < 0x1p53 && v == rint(v)) {
        s.len = (size_t) (mlops_print_int64(text, (int64_t) v) - text);

    } else if (column->kind == MLOPS_MATRIX_FLOAT) {
        s.len = (size_t) (mlops_print_float(text, (float) v) - text);

    } else {
        s.len = (size_t) (mlops_print_double(text, v) - text);
    }

    return s;
}


void
mlops_split_salt(const mlops_split_rule_t *rule, uint64_t seed,
    mlops_hash_t *start)
{
    mlops_hash_init(start, seed);
    mlops_hash_update(start, rule->salt.data, rule->salt.len);
    mlops_hash_update(start, "", 1);
}


uint64_t
mlops_split_hash_of(const mlops_hash_t *start,
    const mlops_matrix_column_t *column, uint32_t row)
{
    char          text[MLOPS_DOUBLE_LEN];
    mlops_str_t   entity;
    mlops_hash_t  hash;

    entity = mlops_split_entity(column, row, text);

    hash = *start;
    mlops_hash_update(&hash, entity.data, entity.len);

    return mlops_hash_value(&hash);
}


static int
mlops_split_hash(mlops_split_job_t *job)
{
    int            k;
    double         x, limit;
    uint32_t       i, row;
    mlops_hash_t   start;

    mlops_split_salt(job->rule, 0, &start);

    for (i = 0; i < job->n; i++) {
        row = mlops_split_row(job, i);

        if (isnan(mlops_matrix_value(job->column, row))) {
            return mlops_split_bad(job, i, "an entity");
        }

        x = (double) (mlops_split_hash_of(&start, job->column, row) >> 11)
            * 0x1p-53;

        for (k = MLOPS_PART_N - 1, limit = 0; k > 0; k--) {
            limit += job->rule->fractions[k];

            if (x < limit) {
                break;
            }
        }

        if (k == 0 && !job->rule->whole
            && x >= limit + job->rule->fractions[MLOPS_PART_TRAIN])
        {
            k = MLOPS_SPLIT_UNUSED;
        }

        job->part[i] = (uint8_t) k;
    }

    return MLOPS_OK;
}


static int
mlops_split_column(mlops_split_job_t *job)
{
    int                  k;
    uint32_t             i, row, code;
    const mlops_str_t   *word;

    if (job->column->kind != MLOPS_MATRIX_CODES) {
        return mlops_err_set(job->err, "expected a column of the words train, "
                             "tune, calibrate, gate, got numbers");
    }

    for (i = 0; i < job->n; i++) {
        row = mlops_split_row(job, i);
        code = ((const uint32_t *) job->column->data)[row];

        if (code == MLOPS_MATRIX_NONE) {
            return mlops_split_bad(job, i, "train, tune, calibrate or gate");
        }

        word = &job->column->categories[code];

        for (k = 0; k < MLOPS_PART_N; k++) {
            if (mlops_str_eq(word, mlops_part_names[k],
                             strlen(mlops_part_names[k])))
            {
                break;
            }
        }

        if (k == MLOPS_PART_N) {
            job->split->bad = row;
            return mlops_err_set(job->err, "expected train, tune, calibrate "
                                 "or gate, got \"%.*s\"",
                                 (word->len < 40) ? (int) word->len : 40,
                                 word->data);
        }

        job->part[i] = (uint8_t) k;
    }

    return MLOPS_OK;
}


/* Rows ascend, so lists do. */

static int
mlops_split_lists(mlops_split_job_t *job)
{
    int             k;
    uint32_t        i, counts[MLOPS_SPLIT_PURGED + 1];
    mlops_split_t  *split;

    split = job->split;
    memset(counts, 0, sizeof(counts));

    for (i = 0; i < job->n; i++) {
        counts[job->part[i]]++;
    }

    split->unused_n = counts[MLOPS_SPLIT_UNUSED];
    split->purged_n = counts[MLOPS_SPLIT_PURGED];

    for (k = 0; k < MLOPS_PART_N; k++) {

        if (counts[k] == 0 && !job->rule->lacks
            && (k == MLOPS_PART_TRAIN || job->rule->fractions[k] > 0))
        {
            return mlops_err_set(job->err, "expected rows for \"%s\", got "
                                 "none of %u%s", mlops_part_names[k], job->n,
                                 (split->purged_n != 0)
                                 ? ": purge leaves too little" : "");
        }

        split->rows[k] = malloc(((size_t) counts[k] + 1) * sizeof(uint32_t));

        if (split->rows[k] == NULL) {
            return mlops_err_set(job->err, "out of memory");
        }
    }

    for (i = 0; i < job->n; i++) {
        k = job->part[i];

        if (k < MLOPS_PART_N) {
            split->rows[k][split->n[k]++] = mlops_split_row(job, i);
        }
    }

    return MLOPS_OK;
}
