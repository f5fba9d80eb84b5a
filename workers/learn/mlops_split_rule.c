/*
 * The object "split" of a training recipe.
 */

#include "mlops_split.h"
#include "mlops_plan.h"

#include <math.h>


static int mlops_split_fractions(mlops_field_t *field,
    const mlops_doc_t *split, mlops_split_rule_t *rule);
static int mlops_split_purge(mlops_field_t *field, const mlops_doc_t *split,
    mlops_split_rule_t *rule);
static int mlops_split_fits(mlops_field_t *field, const mlops_doc_t *split,
    mlops_split_by_t by);


const char *const  mlops_part_names[MLOPS_PART_N + 1] = {
    "train", "tune", "calibrate", "gate", NULL
};

static const char *const  mlops_split_names[] = {
    "random", "time", "hash", "column", NULL
};


int
mlops_split_rule(mlops_field_t *field, const mlops_doc_t *split,
    mlops_split_rule_t *rule)
{
    int                 by;
    int64_t             seed;
    const mlops_doc_t  *salt;

    static const char *const  keys[] = {
        "by", "train", "tune", "calibrate", "gate", "seed", "column", "purge",
        "unit", "salt", NULL
    };

    memset(rule, 0, sizeof(*rule));

    if (split == NULL) {
        return MLOPS_OK;
    }

    if (mlops_field_keys(field, split, keys, NULL) != MLOPS_OK
        || mlops_field_word(field, split, "by", mlops_split_names, -1, &by)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    rule->by = MLOPS_SPLIT_RANDOM + by;

    if (mlops_split_fits(field, split, rule->by) != MLOPS_OK
        || mlops_split_fractions(field, split, rule) != MLOPS_OK
        || mlops_field_int(field, split, "seed", 0, UINT32_MAX, 1, &seed)
           != MLOPS_OK
        || mlops_field_find(field, split, "column", MLOPS_DOC_STRING,
                            &rule->column)
           != MLOPS_OK
        || mlops_field_find(field, split, "salt", MLOPS_DOC_STRING, &salt)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    rule->seed = (uint32_t) seed;

    if (salt != NULL) {
        rule->salt = salt->v.text;
    }

    if (rule->column == NULL
        && (rule->by == MLOPS_SPLIT_HASH || rule->by == MLOPS_SPLIT_COLUMN))
    {
        (void) mlops_field_push(field, "column");
        return mlops_field_fail(field, NULL, "the name of a cell");
    }

    if (rule->by == MLOPS_SPLIT_HASH && salt == NULL) {
        (void) mlops_field_push(field, "salt");
        return mlops_field_fail(field, NULL, "a text that will never change");
    }

    return mlops_split_purge(field, split, rule);
}


/* A key that another way of splitting has would be without effect. */

static int
mlops_split_fits(mlops_field_t *field, const mlops_doc_t *split,
    mlops_split_by_t by)
{
    size_t  i;

    static const struct {
        const char  *key;
        unsigned     by;            /* bits */
        const char  *of;
    } only[] = {
        { "seed", 1u << MLOPS_SPLIT_RANDOM, "random" },
        { "purge", 1u << MLOPS_SPLIT_TIME, "time" },
        { "unit", 1u << MLOPS_SPLIT_TIME, "time" },
        { "salt", 1u << MLOPS_SPLIT_HASH, "hash" },
        { "column", 1u << MLOPS_SPLIT_TIME | 1u << MLOPS_SPLIT_HASH
                    | 1u << MLOPS_SPLIT_COLUMN, "time, hash and column" },
        { "train", ~(1u << MLOPS_SPLIT_COLUMN), "random, time and hash" },
        { "tune", ~(1u << MLOPS_SPLIT_COLUMN), "random, time and hash" },
        { "calibrate", ~(1u << MLOPS_SPLIT_COLUMN), "random, time and hash" },
        { "gate", ~(1u << MLOPS_SPLIT_COLUMN), "random, time and hash" }
    };

    for (i = 0; i < mlops_nitems(only); i++) {
        if ((only[i].by & 1u << by) == 0
            && mlops_doc_get(split, only[i].key) != NULL)
        {
            (void) mlops_field_push(field, only[i].key);
            return mlops_field_error(field, "is a key of splits by %s, this "
                                     "one is by %s", only[i].of,
                                     mlops_split_names[by
                                                       - MLOPS_SPLIT_RANDOM]);
        }
    }

    return MLOPS_OK;
}


static int
mlops_split_fractions(mlops_field_t *field, const mlops_doc_t *split,
    mlops_split_rule_t *rule)
{
    int     i;
    double  sum;

    if (rule->by == MLOPS_SPLIT_COLUMN) {
        return MLOPS_OK;
    }

    for (i = 0, sum = 0; i < MLOPS_PART_N; i++) {

        if (mlops_field_number(field, split, mlops_part_names[i], 0, 1, 0,
                               &rule->fractions[i])
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        sum += rule->fractions[i];
    }

    if (mlops_doc_get(split, mlops_part_names[MLOPS_PART_TRAIN]) == NULL) {
        rule->fractions[MLOPS_PART_TRAIN] = 1 - sum;
        sum = (sum < 1) ? 1 : 2;
    }

    if (sum > 1 + 1e-9) {
        return mlops_field_error(field, "expected fractions that add up to "
                                 "at most 1, with something left for train");
    }

    if (!(rule->fractions[MLOPS_PART_TRAIN] > 0)) {
        (void) mlops_field_push(field, "train");
        return mlops_field_error(field, "expected a number above 0");
    }

    rule->whole = (sum > 1 - 1e-9);

    return MLOPS_OK;
}


/* A number is in the column's unit; a text has its own. */

static int
mlops_split_purge(mlops_field_t *field, const mlops_doc_t *split,
    mlops_split_rule_t *rule)
{
    int                 unit;
    uint64_t            ms;
    const mlops_doc_t  *purge;

    static const char *const  units[] = { "s", "ms", "us", "ns", NULL };
    static const double       of_ms[] = { 1e-3, 1, 1e3, 1e6 };

    if (mlops_field_word(field, split, "unit", units, 0, &unit) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    purge = mlops_doc_get(split, "purge");

    if (purge == NULL || purge->type != MLOPS_DOC_STRING) {
        return mlops_field_number(field, split, "purge", 0, INFINITY, 0,
                                  &rule->purge);
    }

    if (mlops_plan_time(&purge->v.text, &ms) != MLOPS_OK) {
        (void) mlops_field_push(field, "purge");
        return mlops_field_fail(field, purge, "a number, or a time like "
                                "\"1h\" or \"7d\"");
    }

    if (rule->column == NULL) {
        (void) mlops_field_push(field, "purge");
        return mlops_field_error(field, "expected a number of rows where no "
                                 "column has the time");
    }

    rule->purge = (double) ms * of_ms[unit];

    return MLOPS_OK;
}
