/*
 * Splits and filters of rows: against scikit-learn's train_test_split, pandas
 * and libxxhash, by hand, and the sentences of what is refused.
 */

#include "mlops_filter.h"
#include "mlops_frame.h"
#include "mlops_split.h"
#include "unit.h"

#include <math.h>


typedef struct {
    mlops_arena_t        arena;
    mlops_err_t          err;
    mlops_field_t        field;
    mlops_split_rule_t   rule;
    mlops_filter_t      *filters;
    uint32_t             filters_n;
    int                  rc;
} unit_rule_t;


static const mlops_doc_t *
rule_begin(unit_rule_t *r, const char *json)
{
    mlops_doc_t  *doc;

    mlops_arena_init(&r->arena, NULL, NULL);
    doc = mlops_doc_parse(json, strlen(json), 0, &r->arena, &r->err);
    unit_ok(doc != NULL, "%s", r->err.text);

    mlops_field_init(&r->field, &r->arena, &r->err);

    return doc;
}


static void
rule_read(unit_rule_t *r, const char *json)
{
    const mlops_doc_t  *doc;

    doc = rule_begin(r, json);
    (void) mlops_field_push(&r->field, "split");
    r->rc = mlops_split_rule(&r->field, doc, &r->rule);
}


static void
rule_free(unit_rule_t *r)
{
    mlops_arena_destroy(&r->arena);
}


/* What was read is no rule, and the reason begins with this text. */

static void
rule_refused(unit_rule_t *r, const char *json, const char *text)
{
    unit_ok(r->rc == MLOPS_ERROR, "%s", json);
    unit_ok(strncmp(r->err.text, text, strlen(text)) == 0, "%s: %s", json,
            r->err.text);
    rule_free(r);
}


static void
split_by(mlops_split_t *split, const char *json, const uint32_t *rows,
    uint32_t n, const mlops_matrix_column_t *column)
{
    int          rc;
    unit_rule_t  r;

    rule_read(&r, json);
    unit_ok(r.rc == MLOPS_OK, "%s", r.err.text);

    rc = mlops_split(&r.rule, rows, n, column, split, &r.err);
    unit_ok(rc == MLOPS_OK, "%s", rc == MLOPS_OK ? "" : r.err.text);
    rule_free(&r);
}


static void
split_refused(const char *json, uint32_t n,
    const mlops_matrix_column_t *column, uint32_t bad, const char *text)
{
    unit_rule_t    r;
    mlops_split_t  split;

    rule_read(&r, json);
    unit_ok(r.rc == MLOPS_OK, "%s", r.err.text);

    assert_int_equal(mlops_split(&r.rule, NULL, n, column, &split, &r.err),
                     MLOPS_ERROR);
    assert_string_equal(r.err.text, text);
    assert_int_equal(split.bad, bad);

    mlops_split_free(&split);
    rule_free(&r);
}


static uint64_t
sum_of(const mlops_split_t *split, int part)
{
    uint32_t  i;
    uint64_t  sum;

    for (i = 0, sum = 0; i < split->n[part]; i++) {
        sum = sum * 1000003 + split->rows[part][i];
    }

    return sum;
}


static void
check_rows(const mlops_split_t *split, int part, const uint32_t *rows,
    uint32_t n)
{
    assert_int_equal(split->n[part], n);
    assert_memory_equal(split->rows[part], rows, n * sizeof(uint32_t));
}

#define check_part(split, part, ...)                                          \
    do {                                                                      \
        static const uint32_t  rows_[] = { __VA_ARGS__ };                     \
        check_rows(split, part, rows_, mlops_nitems(rows_));                  \
    } while (0)


/* train_test_split(np.arange(n), test_size=gate, random_state=seed), sorted;
 * sums s = s * 1000003 + row modulo 2^64. */

static void
test_random(void **state)
{
    uint32_t       i, rows[50];
    mlops_split_t  s;

    (void) state;

    split_by(&s, "{\"by\": \"random\", \"seed\": 42, \"train\": 0.8, "
             "\"gate\": 0.2}", NULL, 20640, NULL);
    assert_int_equal(s.n[MLOPS_PART_TRAIN], 16512);
    assert_int_equal(s.n[MLOPS_PART_GATE], 4128);
    assert_int_equal(s.n[MLOPS_PART_TUNE], 0);
    assert_true(sum_of(&s, MLOPS_PART_TRAIN) == 0xe61716e578d85202ull);
    assert_true(sum_of(&s, MLOPS_PART_GATE) == 0x54ab41729bb3e928ull);
    mlops_split_free(&s);

    /* a share for train is not needed */

    split_by(&s, "{\"by\": \"random\", \"seed\": 40, \"gate\": 0.25}", NULL,
             178, NULL);
    assert_int_equal(s.n[MLOPS_PART_TRAIN], 133);
    assert_int_equal(s.n[MLOPS_PART_GATE], 45);
    assert_true(sum_of(&s, MLOPS_PART_TRAIN) == 0x5e659e8cdfffe4a1ull);
    assert_true(sum_of(&s, MLOPS_PART_GATE) == 0xb0bb9ab28a6d3184ull);
    mlops_split_free(&s);

    /* pieces of RandomState(7).permutation(50), of every second row */

    for (i = 0; i < 50; i++) {
        rows[i] = 2 * i;
    }

    split_by(&s, "{\"by\": \"random\", \"seed\": 7, \"train\": 0.57, "
             "\"tune\": 0.1, \"calibrate\": 0.13, \"gate\": 0.2}", rows, 50,
             NULL);
    check_part(&s, MLOPS_PART_TUNE, 4, 18, 32, 66, 82);
    check_part(&s, MLOPS_PART_CALIBRATE, 34, 36, 58, 64, 68, 70, 92);
    check_part(&s, MLOPS_PART_GATE, 2, 20, 26, 30, 40, 44, 54, 60, 72, 84);
    check_part(&s, MLOPS_PART_TRAIN, 0, 6, 8, 10, 12, 14, 16, 22, 24, 28, 38,
               42, 46, 48, 50, 52, 56, 62, 74, 76, 78, 80, 86, 88, 90, 94,
               96, 98);
    mlops_split_free(&s);
}


/* What does not add up to 1 leaves rows over. */

static void
test_unused(void **state)
{
    mlops_split_t  s;

    (void) state;

    split_by(&s, "{\"by\": \"random\", \"train\": 0.5, \"gate\": 0.21}", NULL,
             33, NULL);
    assert_int_equal(s.n[MLOPS_PART_TRAIN], 16);
    assert_int_equal(s.n[MLOPS_PART_GATE], 7);
    assert_int_equal(s.unused_n, 10);
    mlops_split_free(&s);

    /* the earliest ones of time */

    split_by(&s, "{\"by\": \"time\", \"train\": 0.5, \"gate\": 0.2}", NULL,
             10, NULL);
    check_part(&s, MLOPS_PART_TRAIN, 3, 4, 5, 6, 7);
    check_part(&s, MLOPS_PART_GATE, 8, 9);
    assert_int_equal(s.unused_n, 3);
    mlops_split_free(&s);
}


static void
test_time(void **state)
{
    mlops_split_t          s;
    mlops_matrix_column_t  column;

    /* in the order of time: 7 0 5 2 8 | 1 4 | 9 3 6 */

    static const double  times[] = { 20, 60, 40, 90, 70, 30, 100, 10, 50, 80 };
    static const double  tied[] = { 1, 2, 3, 4, 5, 5, 5, 5, 9, 9 };

    (void) state;

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_DOUBLE;
    column.data = times;

    split_by(&s, "{\"by\": \"time\", \"column\": \"t\", \"train\": 0.5, "
             "\"tune\": 0.2, \"gate\": 0.3}", NULL, 10, &column);
    check_part(&s, MLOPS_PART_TRAIN, 0, 2, 5, 7, 8);
    check_part(&s, MLOPS_PART_TUNE, 1, 4);
    check_part(&s, MLOPS_PART_GATE, 3, 6, 9);
    assert_int_equal(s.purged_n, 0);
    mlops_split_free(&s);

    /* 10 before the next part may stay, 9 may not */

    split_by(&s, "{\"by\": \"time\", \"column\": \"t\", \"purge\": 20, "
             "\"train\": 0.5, \"tune\": 0.2, \"gate\": 0.3}", NULL, 10,
             &column);
    check_part(&s, MLOPS_PART_TRAIN, 0, 2, 5, 7);
    check_part(&s, MLOPS_PART_TUNE, 1);
    check_part(&s, MLOPS_PART_GATE, 3, 6, 9);
    assert_int_equal(s.purged_n, 2);
    mlops_split_free(&s);

    /* 20 ms of microseconds are 20000: all but the last part goes */

    split_refused("{\"by\": \"time\", \"column\": \"t\", \"purge\": \"20ms\", "
                  "\"unit\": \"us\", \"train\": 0.5, \"gate\": 0.5}", 10,
                  &column, MLOPS_MATRIX_NONE, "expected rows for \"train\", "
                  "got none of 10: purge leaves too little");
    split_by(&s, "{\"by\": \"time\", \"column\": \"t\", \"purge\": \"20ms\", "
             "\"unit\": \"ms\", \"train\": 0.5, \"gate\": 0.5}", NULL, 10,
             &column);
    check_part(&s, MLOPS_PART_TRAIN, 0, 2, 5, 7);
    mlops_split_free(&s);

    /* rows of one time are not torn apart: what is judged is later */

    column.data = tied;
    split_by(&s, "{\"by\": \"time\", \"column\": \"t\", \"train\": 0.6, "
             "\"gate\": 0.4}", NULL, 10, &column);
    check_part(&s, MLOPS_PART_TRAIN, 0, 1, 2, 3);
    check_part(&s, MLOPS_PART_GATE, 4, 5, 6, 7, 8, 9);
    mlops_split_free(&s);
}


/* The first 53 bits of XXH3_64bits("rides\0" + decimal) by libxxhash itself:
 * below 0.2 gate (g), 0.3 calibrate (c), 0.5 tune (t), else train (T). */

static void
test_hash(void **state)
{
    int                    k;
    char                   names[40][4];
    float                  singles[40];
    double                 numbers[40];
    uint32_t               i, j, codes[40];
    mlops_str_t            texts[40];
    mlops_split_t          s, t;
    mlops_matrix_column_t  column;

    static const char  expected[] = "TTTTTtTTgTtTcTTtTTttTcTcTggTtgcTgggTctcg";
    static const char  letters[] = "Ttcg";
    static const char  json[] = "{\"by\": \"hash\", \"column\": \"id\", "
        "\"salt\": \"rides\", \"train\": 0.5, \"tune\": 0.2, "
        "\"calibrate\": 0.1, \"gate\": 0.2}";

    (void) state;

    for (i = 0; i < 40; i++) {
        numbers[i] = i;
        singles[i] = (float) i;
        codes[i] = i;
        texts[i].data = names[i];
        texts[i].len = (size_t) snprintf(names[i], 4, "%u", i);
    }

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_DOUBLE;
    column.data = numbers;
    split_by(&s, json, NULL, 40, &column);

    for (k = 0; k < MLOPS_PART_N; k++) {
        for (i = 0; i < s.n[k]; i++) {
            unit_ok(expected[s.rows[k][i]] == letters[k], "entity %u",
                    s.rows[k][i]);
        }
    }

    assert_int_equal(s.n[0] + s.n[1] + s.n[2] + s.n[3], 40);

    /* the same as text, as float, and of some of the rows */

    for (j = 0; j < 2; j++) {
        column.kind = j ? MLOPS_MATRIX_FLOAT : MLOPS_MATRIX_CODES;
        column.data = j ? (const void *) singles : (const void *) codes;
        column.categories = texts;
        column.categories_n = 40;
        split_by(&t, json, codes + 7 * j, 40 - 7 * j, &column);

        for (k = 0; k < MLOPS_PART_N; k++) {
            for (i = 0; i < t.n[k]; i++) {
                assert_true(expected[t.rows[k][i]] == letters[k]);
            }
        }

        assert_int_equal(t.n[0] + t.n[1] + t.n[2] + t.n[3], 40 - 7 * j);
        mlops_split_free(&t);
    }

    mlops_split_free(&s);
}


/* Entities whose text is a fraction: the place of each by libxxhash. */

static void
test_hash_texts(void **state)
{
    size_t                 i;
    char                   json[160];
    double                 value;
    mlops_split_t          s;
    mlops_matrix_column_t  column;

    static const struct {
        double  value;
        double  place;
    } v[] = {
        { 7, 0.5295270717162736 },
        { 1.5, 0.4605341896216807 },
        { 0.1, 0.6276642016657763 },
        { -3, 0.928739738971363 },
        { 1e300, 0.7441982536107264 }       /* "1e+300" */
    };

    (void) state;

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_DOUBLE;
    column.data = &value;

    for (i = 0; i < mlops_nitems(v); i++) {
        value = v[i].value;

        snprintf(json, sizeof(json), "{\"by\": \"hash\", \"column\": \"id\", "
                 "\"salt\": \"rides\", \"train\": %.9f}", v[i].place + 1e-6);
        split_by(&s, json, NULL, 1, &column);
        assert_int_equal(s.n[MLOPS_PART_TRAIN], 1);
        mlops_split_free(&s);

        snprintf(json, sizeof(json), "{\"by\": \"hash\", \"column\": \"id\", "
                 "\"salt\": \"rides\", \"train\": %.9f}", v[i].place - 1e-6);
        split_refused(json, 1, &column, MLOPS_MATRIX_NONE,
                      "expected rows for \"train\", got none of 1");
    }
}


/* Folds of n rows, as a text of one digit for each; '-' is none. */

static void
check_folds(const char *json, uint32_t n, const mlops_matrix_column_t *column,
    uint32_t folds, uint64_t seed, const char *judged, const char *fitted)
{
    int          rc;
    char         digit;
    uint32_t     i, of[64], from[64];
    unit_rule_t  r;

    rule_read(&r, json);
    unit_ok(r.rc == MLOPS_OK, "%s", r.err.text);

    rc = mlops_split_folds(&r.rule, NULL, n, column, folds, seed, of, from,
                           &r.err);
    unit_ok(rc == MLOPS_OK, "%s", rc == MLOPS_OK ? "" : r.err.text);

    for (i = 0; i < n; i++) {
        digit = (of[i] == folds) ? '-' : (char) ('0' + of[i]);
        unit_ok(digit == judged[i], "row %u: judged by %c", i, digit);

        if (fitted != NULL) {
            digit = (from[i] == folds) ? '-' : (char) ('0' + from[i]);
            unit_ok(digit == fitted[i], "row %u: fitted from %c", i, digit);
        }
    }

    rule_free(&r);
}


static void
folds_refused(const char *json, uint32_t n,
    const mlops_matrix_column_t *column, const char *text)
{
    uint32_t     of[64], from[64];
    unit_rule_t  r;

    rule_read(&r, json);
    unit_ok(r.rc == MLOPS_OK, "%s", r.err.text);

    assert_int_equal(mlops_split_folds(&r.rule, NULL, n, column, 4, 1, of,
                                       from, &r.err),
                     MLOPS_ERROR);
    unit_ok(strncmp(r.err.text, text, strlen(text)) == 0, "%s", r.err.text);
    rule_free(&r);
}


/* Twelve entities of two rows each, by XXH3_64bits_withSeed("rides\0" +
 * decimal) of libxxhash, sorted: place modulo 5. */

static void
test_folds_hash(void **state)
{
    double                 numbers[24];
    uint32_t               i;
    mlops_matrix_column_t  column;

    static const char  json[] = "{\"by\": \"hash\", \"column\": \"id\", "
        "\"salt\": \"rides\", \"gate\": 0.2}";

    (void) state;

    for (i = 0; i < 24; i++) {
        numbers[i] = i % 12;
    }

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_DOUBLE;
    column.data = numbers;

    check_folds(json, 24, &column, 5, 8, "102133400214102133400214", NULL);
    check_folds(json, 24, &column, 5, 9, "433421102010433421102010", NULL);
    folds_refused(json, 3, &column, "expected at least 4 entities among the "
                  "training rows for 4 folds, got 3");
}


/* sklearn.model_selection.TimeSeriesSplit(4, gap=g), whose gap of g rows is a
 * purge of g + 1 in the order of rows; ties by hand. */

static void
test_folds_time(void **state)
{
    mlops_matrix_column_t  column;

    static const char    rows[] = "{\"by\": \"time\", \"gate\": 0.2}";
    static const char    json[] = "{\"by\": \"time\", \"column\": \"t\", "
                                  "\"gate\": 0.2}";
    static const double  back[] = { 9, 8, 7, 6, 5, 4, 3, 2, 1, 0 };
    static const double  tied[] = { 1, 1, 2, 3, 3, 3, 6, 6, 6, 9 };
    static const double  few[] = { 1, 1, 1, 1, 1, 1, 6, 6, 8, 9 };

    (void) state;

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_DOUBLE;

    check_folds(rows, 23, NULL, 4, 1, "-------0000111122223333",
                "0000000111122223333----");
    check_folds("{\"by\": \"time\", \"gate\": 0.2, \"purge\": 3}", 23, NULL,
                4, 1, "-------0000111122223333", "00000111122223333------");
    folds_refused("{\"by\": \"time\", \"gate\": 0.2, \"purge\": 8}", 23,
                  NULL, "expected training rows before the first of 4 folds, "
                  "got none: purge leaves too little");

    column.data = back;
    check_folds(json, 10, &column, 4, 1, "33221100--", "--33221100");

    /* the blocks of two folds would begin with rows 4 and 7 */

    column.data = tied;
    check_folds(json, 10, &column, 2, 1, "---0001111", "000111----");

    column.data = few;
    folds_refused(json, 10, &column, "expected training rows of other times "
                  "in each of 5 blocks for 4 folds, got 10 rows");
}


static void
test_column(void **state)
{
    mlops_split_t          s;
    mlops_matrix_column_t  column;

    static const mlops_str_t  words[] = {
        mlops_str("gate"), mlops_str("train"), mlops_str("test")
    };

    static const uint32_t  codes[] = { 0, 1, 1, 0, 1 };
    static const uint32_t  other[] = { 0, 1, 1, 2, 1 };
    static const uint32_t  none[] = { 0, 1, MLOPS_MATRIX_NONE, 0, 1 };
    static const uint32_t  all[] = { 0, 0, 0, 0, 0 };
    static const char      json[] = "{\"by\": \"column\", \"column\": \"p\"}";

    (void) state;

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_CODES;
    column.categories = words;
    column.categories_n = 3;
    column.data = codes;

    split_by(&s, json, NULL, 5, &column);
    check_part(&s, MLOPS_PART_TRAIN, 1, 2, 4);
    check_part(&s, MLOPS_PART_GATE, 0, 3);
    mlops_split_free(&s);

    column.data = other;
    split_refused(json, 5, &column, 3, "expected train, tune, calibrate or "
                  "gate, got \"test\"");
    column.data = none;
    split_refused(json, 5, &column, 2, "expected train, tune, calibrate or "
                  "gate, got a missing value");
    column.data = all;
    split_refused(json, 5, &column, MLOPS_MATRIX_NONE, "expected rows for "
                  "\"train\", got none of 5");

    column.kind = MLOPS_MATRIX_DOUBLE;
    column.data = words;
    split_refused(json, 1, &column, MLOPS_MATRIX_NONE, "expected a column of "
                  "the words train, tune, calibrate, gate, got numbers");
}


static void
test_empty(void **state)
{
    mlops_split_t          s;
    mlops_matrix_column_t  column;

    static const double  times[] = { 1, NAN, 3 };

    (void) state;

    split_refused("{\"by\": \"random\", \"gate\": 0.9}", 1, NULL,
                  MLOPS_MATRIX_NONE, "expected rows for \"train\", got none "
                  "of 1");
    split_refused("{\"by\": \"random\", \"tune\": 0.3, \"gate\": 0.6}", 1,
                  NULL, MLOPS_MATRIX_NONE, "expected rows for \"train\", got "
                  "none of 1");

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_DOUBLE;
    column.data = times;
    split_refused("{\"by\": \"time\", \"column\": \"t\", \"gate\": 0.5}", 3,
                  &column, 1, "expected a time, got a missing value");
    split_refused("{\"by\": \"hash\", \"column\": \"t\", \"salt\": \"\", "
                  "\"gate\": 0.5}", 3, &column, 1,
                  "expected an entity, got a missing value");

    column.kind = MLOPS_MATRIX_CODES;
    split_refused("{\"by\": \"time\", \"column\": \"t\", \"gate\": 0.5}", 3,
                  &column, MLOPS_MATRIX_NONE, "expected a column of numbers "
                  "for the time, got texts");

    /* a rule that lacks parts, as of new rows that are judged */

    {
        unit_rule_t  r;

        rule_read(&r, "{\"by\": \"random\", \"gate\": 0.9}");
        r.rule.lacks = 1;
        assert_int_equal(mlops_split(&r.rule, NULL, 1, NULL, &s, &r.err),
                         MLOPS_OK);
        check_part(&s, MLOPS_PART_GATE, 0);
        assert_int_equal(s.n[MLOPS_PART_TRAIN], 0);
        mlops_split_free(&s);
        rule_free(&r);
    }

    /* without a split all rows are for training */

    split_by(&s, "{\"by\": \"random\", \"train\": 1}", NULL, 3, NULL);
    check_part(&s, MLOPS_PART_TRAIN, 0, 1, 2);
    mlops_split_free(&s);
}


static void
test_refused(void **state)
{
    size_t       i;
    unit_rule_t  r;

    static const struct {
        const char  *json;
        const char  *text;
    } v[] = {
        { "{}", "split.by: expected" },
        { "{\"by\": \"random\", \"seeds\": 1}", "split: expected a known key, "
          "got \"seeds\"; did you mean \"seed\"?" },
        { "{\"by\": \"random\", \"seed\": -1}", "split.seed: expected" },
        { "{\"by\": \"random\", \"seed\": 4294967296}",
          "split.seed: expected" },
        { "{\"by\": \"random\", \"gate\": 1.5}", "split.gate: expected a "
          "number from 0 to 1, got 1.5" },
        { "{\"by\": \"random\", \"train\": 0.9, \"gate\": 0.2}",
          "split: expected fractions that add up to at most 1" },
        { "{\"by\": \"random\", \"tune\": 0.5, \"gate\": 0.5}",
          "split: expected fractions that add up to at most 1, with "
          "something left for train" },
        { "{\"by\": \"random\", \"train\": 0, \"gate\": 0.5}",
          "split.train: expected a number above 0" },
        { "{\"by\": \"random\", \"column\": \"x\"}", "split.column: is a key "
          "of splits by time, hash and column, this one is by random" },
        { "{\"by\": \"time\", \"seed\": 1}", "split.seed: is a key of splits "
          "by random, this one is by time" },
        { "{\"by\": \"time\", \"purge\": -1}", "split.purge: expected" },
        { "{\"by\": \"time\", \"column\": \"t\", \"purge\": \"soon\"}",
          "split.purge: expected a number, or a time like \"1h\" or \"7d\", "
          "got \"soon\"" },
        { "{\"by\": \"time\", \"purge\": \"1h\"}", "split.purge: expected a "
          "number of rows where no column has the time" },
        { "{\"by\": \"time\", \"column\": \"t\", \"unit\": \"h\"}",
          "split.unit: expected one of \"s\", \"ms\", \"us\", \"ns\", got "
          "\"h\"" },
        { "{\"by\": \"hash\", \"salt\": \"x\"}", "split.column: expected the "
          "name of a cell, got nothing" },
        { "{\"by\": \"hash\", \"column\": \"x\"}", "split.salt: expected a "
          "text that will never change, got nothing" },
        { "{\"by\": \"column\", \"column\": \"x\", \"gate\": 0.1}",
          "split.gate: is a key of splits by random, time and hash, this one "
          "is by column" }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(v); i++) {
        rule_read(&r, v[i].json);
        rule_refused(&r, v[i].json, v[i].text);
    }
}


static void
filters_read(unit_rule_t *r, const char *json)
{
    const mlops_doc_t  *doc;

    doc = rule_begin(r, json);
    (void) mlops_field_push(&r->field, "filters");
    r->rc = mlops_filters(&r->field, doc, &r->filters, &r->filters_n);
}


/* The rows of auto-mpg: 392 without missing values, then one column after the
 * other within 2.5 sample deviations, as pandas has them. */

static void
test_filter_mpg(void **state)
{
    int                     c;
    uint32_t                i, n, rows[397];
    const char             *path;
    mlops_err_t             err;
    unit_rule_t             r;
    mlops_frame_t           frame;
    const mlops_doc_t      *name;
    mlops_frame_options_t   options;

    static const mlops_str_t  missing[] = { mlops_str("?") };
    static const uint32_t     left[] = {
        386, 386, 386, 376, 375, 368, 368, 368
    };

    (void) state;

    path = unit_data("auto_mpg.csv");

    if (path == NULL) {
        unit_skip("no auto_mpg.csv");
    }

    memset(&options, 0, sizeof(options));
    options.missing = missing;
    options.missing_n = 1;
    unit_ok(mlops_frame_read(&frame, path, &options, &err) == MLOPS_OK, "%s",
            err.text);
    assert_int_equal(frame.rows_n, 397);

    filters_read(&r, "[{\"kind\": \"missing\", \"inputs\": [\"hp\"]},"
                 "{\"kind\": \"sigma\", \"limit\": 2.5, \"inputs\": [\"mpg\", "
                 "\"cyl\", \"dpl\", \"hp\", \"wght\", \"acc\", \"year\", "
                 "\"org\"]}]");
    assert_int_equal(r.rc, MLOPS_OK);
    assert_int_equal(r.filters_n, 2);

    for (n = 0; n < 397; n++) {
        rows[n] = n;
    }

    c = mlops_frame_find(&frame, &r.filters[0].inputs->v.child->v.text);
    assert_int_equal(mlops_filter(&r.filters[0], &frame.columns[c].view, rows,
                                  &n, &err), MLOPS_OK);
    assert_int_equal(n, 392);

    for (i = 0, name = r.filters[1].inputs->v.child; name != NULL;
         i++, name = name->next)
    {
        c = mlops_frame_find(&frame, &name->v.text);
        assert_int_equal(mlops_filter(&r.filters[1], &frame.columns[c].view,
                                      rows, &n, &err), MLOPS_OK);
        unit_ok(n == left[i], "%.*s: %u", mlops_fmt(&name->v.text), n);
    }

    rule_free(&r);
    mlops_frame_free(&frame);
}


static void
test_filter(void **state)
{
    uint32_t               n, rows[6];
    mlops_err_t            err;
    unit_rule_t            r;
    mlops_matrix_column_t  column;

    static const double    x[] = { 5, NAN, -1, 0, 7, 7.5 };
    static const double    same[] = { 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 };
    static const double    none[] = { NAN, NAN, NAN, NAN, NAN, NAN };
    static const uint32_t  codes[] = { 0, MLOPS_MATRIX_NONE, 0, 1, 1, 0 };

    (void) state;

    filters_read(&r, "[{\"kind\": \"missing\", \"inputs\": [\"x\"]}, "
                 "{\"kind\": \"range\", \"lo\": 0, \"hi\": 7, "
                 "\"inputs\": [\"x\"]}, "
                 "{\"kind\": \"range\", \"hi\": 4, \"inputs\": [\"x\"]}, "
                 "{\"kind\": \"sigma\", \"limit\": 0.5, "
                 "\"inputs\": [\"x\"]}]");
    assert_int_equal(r.rc, MLOPS_OK);

    memset(&column, 0, sizeof(column));
    column.kind = MLOPS_MATRIX_DOUBLE;

#define filter(number, with, ...)                                             \
    do {                                                                      \
        static const uint32_t  left_[] = { __VA_ARGS__ };                     \
                                                                              \
        for (n = 0; n < 6; n++) {                                             \
            rows[n] = n;                                                      \
        }                                                                     \
                                                                              \
        column.data = with;                                                   \
        assert_int_equal(mlops_filter(&r.filters[number], &column, rows, &n,  \
                                      &err), MLOPS_OK);                       \
        assert_int_equal(n, mlops_nitems(left_));                             \
        assert_memory_equal(rows, left_, n * sizeof(uint32_t));               \
    } while (0)

    filter(0, x, 0, 2, 3, 4, 5);
    filter(1, x, 0, 1, 3, 4);
    filter(2, x, 1, 2, 3);

    /* mean 3.7, sample deviation 3.9623: 1.72 to 5.68 */

    filter(3, x, 0, 1);
    filter(3, same, 0, 1, 2, 3, 4, 5);
    filter(3, none, 0, 1, 2, 3, 4, 5);

    column.kind = MLOPS_MATRIX_CODES;
    filter(0, codes, 0, 2, 3, 4, 5);

    n = 6;
    assert_int_equal(mlops_filter(&r.filters[3], &column, rows, &n, &err),
                     MLOPS_ERROR);
    assert_string_equal(err.text, "expected numbers to filter by sigma, got "
                        "texts");
    assert_int_equal(n, 6);
    rule_free(&r);
}


static void
test_filter_refused(void **state)
{
    size_t       i;
    unit_rule_t  r;

    static const struct {
        const char  *json;
        const char  *text;
    } v[] = {
        { "[1]", "filters[0]: expected an object, got 1" },
        { "[{\"inputs\": [\"x\"]}]", "filters[0].kind: expected" },
        { "[{\"kind\": \"sigma\", \"inputs\": [\"x\"]}]",
          "filters[0].limit: expected" },
        { "[{\"kind\": \"sigma\", \"limit\": 0, \"inputs\": [\"x\"]}]",
          "filters[0].limit: expected a number above 0" },
        { "[{\"kind\": \"missing\"}]", "filters[0].inputs: expected" },
        { "[{\"kind\": \"missing\", \"inputs\": []}]",
          "filters[0].inputs: expected at least one name of a cell" },
        { "[{\"kind\": \"missing\", \"inputs\": [\"x\", 3]}]",
          "filters[0].inputs[1]: expected the name of a cell, got 3" },
        { "[{\"kind\": \"missing\", \"limit\": 1, \"inputs\": [\"x\"]}]",
          "filters[0]: expected a known key, got \"limit\"" },
        { "[{\"kind\": \"range\", \"inputs\": [\"x\"]}]",
          "filters[0]: expected lo, hi or both" },
        { "[{\"kind\": \"range\", \"lo\": 2, \"hi\": 1, "
          "\"inputs\": [\"x\"]}]",
          "filters[0]: expected lo of at most hi, got 2 and 1" }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(v); i++) {
        filters_read(&r, v[i].json);
        rule_refused(&r, v[i].json, v[i].text);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_unused),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_hash),
        cmocka_unit_test(test_hash_texts),
        cmocka_unit_test(test_folds_hash),
        cmocka_unit_test(test_folds_time),
        cmocka_unit_test(test_column),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_filter_mpg),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_filter_refused)
    };

    return unit_run(tests);
}
