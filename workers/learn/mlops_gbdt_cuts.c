/*
 * Which columns are features, and where their values are cut into bins.
 *
 * At most options->sample rows are looked at, one of each of so many equal
 * stretches of rows, by chance.  A feature of no more than options->bins
 * values has a bin for each.  Another's bins have about equal weights; a
 * value that alone weighs as much as a bin has one to itself (LightGBM's
 * GreedyFindBin).  A cut lies in the middle between two values, in float32.
 *
 * Of categories the most frequent get a bin each, in order of their codes;
 * others are as missing.
 */

#include "mlops_gbdt_run.h"
#include "mlops_fit_key.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>


typedef struct {
    mlops_gbdt_run_t       *run;
    uint64_t                n;          /* rows of the sample */
    uint64_t               *rows;       /* numbers of rows in columns */
    float                  *weights;    /* NULL: 1 each */
    mlops_gbdt_feature_t   *features;   /* by column; bins_n 0: none */
} mlops_gbdt_sample_t;


/* Distinct values with their weights. */

typedef struct {
    uint32_t                n;
    uint64_t                missing;
    double                 *values;
    double                 *weights;
} mlops_gbdt_values_t;


static int mlops_gbdt_prepare(mlops_gbdt_sample_t *s);
static int mlops_gbdt_sample(mlops_gbdt_sample_t *s);
static void mlops_gbdt_cut_column(void *ctx, uint64_t column,
    uint32_t worker);
static int mlops_gbdt_values(mlops_gbdt_sample_t *s,
    const mlops_matrix_column_t *column, mlops_gbdt_values_t *v);
static int mlops_gbdt_numbers(mlops_gbdt_sample_t *s,
    const mlops_matrix_column_t *column, mlops_gbdt_values_t *v);
static void mlops_gbdt_sort(uint64_t *items, uint64_t *room, uint64_t n);
static void mlops_gbdt_cut_numbers(mlops_gbdt_sample_t *s,
    mlops_gbdt_feature_t *feature, const mlops_gbdt_values_t *v);
static uint32_t mlops_gbdt_cut_equal(const mlops_gbdt_values_t *v,
    uint32_t bins, float *cuts);
static float mlops_gbdt_between(double a, double b);
static int mlops_gbdt_cut_codes(mlops_gbdt_sample_t *s,
    mlops_gbdt_feature_t *feature, const mlops_matrix_column_t *column);
static int mlops_gbdt_cut_categories(mlops_gbdt_sample_t *s,
    mlops_gbdt_feature_t *feature, mlops_gbdt_values_t *v, int codes);
static void mlops_gbdt_describe(mlops_gbdt_run_t *run);


int
mlops_gbdt_cuts(mlops_gbdt_run_t *run)
{
    int                    rc;
    uint32_t               f, n;
    mlops_gbdt_sample_t    s;
    mlops_gbdt_feature_t  *feature;

    n = run->train.matrix->columns_n;

    memset(&s, 0, sizeof(s));
    s.run = run;

    rc = mlops_err_set(run->err, "no memory for the cuts of %u columns", n);

    if (mlops_gbdt_prepare(&s) != MLOPS_OK
        || mlops_gbdt_sample(&s) != MLOPS_OK)
    {
        goto done;
    }

    mlops_gbdt_team_run(run->team, mlops_gbdt_cut_column, &s, n);

    for (f = 0; f < n; f++) {
        feature = &s.features[f];

        if (feature->failed) {
            goto done;
        }

        if (feature->infinite) {
            rc = mlops_gbdt_infinite(run, &run->train, f);
            goto done;
        }

        if (feature->bins_n + feature->missing >= 2) {
            run->features[run->features_n++] = *feature;
        }
    }

    run->known = s.features;
    mlops_gbdt_describe(run);

    rc = MLOPS_OK;

done:

    free(s.rows);
    free(s.weights);

    return rc;
}


int
mlops_gbdt_infinite(mlops_gbdt_run_t *run, const mlops_gbdt_rows_t *rows,
    uint32_t number)
{
    char                          place[MLOPS_FIT_PLACE];
    double                        x;
    uint64_t                      i, row;
    const mlops_matrix_column_t  *column;

    column = &rows->matrix->columns[number];
    row = 0;
    x = NAN;

    for (i = 0; i < rows->n && !(fabs(x) >= (double) FLT_MAX); i++) {
        row = mlops_gbdt_number(rows, i);
        x = (double) (float) mlops_matrix_value(column, row);
    }

    return mlops_err_set(run->err, "%s: expected a number smaller than the "
                         "largest float32, %g, got %g",
                         mlops_fit_row(run->options->env, row, &column->name,
                                       place),
                         (double) FLT_MAX, mlops_matrix_value(column, row));
}


/* All memory that lasts is taken here: threads have no arena. */

static int
mlops_gbdt_prepare(mlops_gbdt_sample_t *s)
{
    size_t                        size;
    uint32_t                      f, n;
    mlops_gbdt_run_t             *run;
    mlops_gbdt_feature_t         *feature;
    const mlops_matrix_column_t  *column;

    run = s->run;
    n = run->train.matrix->columns_n;

    s->features = mlops_arena_calloc(run->arena, (size_t) n + 1,
                                     sizeof(*s->features));
    run->features = mlops_arena_calloc(run->arena, (size_t) n + 1,
                                       sizeof(*run->features));

    if (s->features == NULL || run->features == NULL) {
        return MLOPS_ERROR;
    }

    for (f = 0; f < n; f++) {
        feature = &s->features[f];
        column = &run->train.matrix->columns[f];

        feature->column = f;

        if (run->options->monotone != NULL) {
            feature->monotone = run->options->monotone[f];
        }

        if (column->kind == MLOPS_MATRIX_CODES
            || (run->options->categorical != NULL
                && run->options->categorical[f]))
        {
            feature->categorical = 1;
            size = MLOPS_GBDT_STRIDE
                   * (sizeof(*feature->values) + sizeof(*feature->codes));

            feature->values = mlops_arena_alloc(run->arena, size);

            if (feature->values == NULL) {
                return MLOPS_ERROR;
            }

            feature->codes = (uint32_t *) (feature->values
                                           + MLOPS_GBDT_STRIDE);

        } else {
            feature->cuts = mlops_arena_alloc(run->arena, MLOPS_GBDT_STRIDE
                                                    * sizeof(*feature->cuts));
            if (feature->cuts == NULL) {
                return MLOPS_ERROR;
            }
        }

        if (column->kind == MLOPS_MATRIX_CODES) {
            feature->known_n = column->categories_n;
            feature->bin_of = mlops_arena_alloc(run->arena,
                                         (size_t) column->categories_n + 1);

            if (feature->bin_of == NULL) {
                return MLOPS_ERROR;
            }
        }
    }

    return MLOPS_OK;
}


/* One row of each stretch. */

static int
mlops_gbdt_sample(mlops_gbdt_sample_t *s)
{
    double              wide;
    uint64_t            i, at, n;
    mlops_gbdt_rows_t  *rows;

    rows = &s->run->train;
    n = rows->n;

    s->n = n < s->run->options->sample ? n : s->run->options->sample;
    s->rows = malloc((s->n + 1) * sizeof(*s->rows));

    if (rows->weight != NULL) {
        s->weights = malloc((s->n + 1) * sizeof(*s->weights));
    }

    if (s->rows == NULL || (rows->weight != NULL && s->weights == NULL)) {
        return MLOPS_ERROR;
    }

    wide = (double) n / (double) s->n;

    for (i = 0; i < s->n; i++) {
        at = i;

        if (s->n < n) {
            at = (uint64_t) (((double) i
                              + mlops_random_double(s->run->options->seed,
                                                    MLOPS_GBDT_SAMPLE, i))
                             * wide);
            at = at < n ? at : n - 1;
        }

        s->rows[i] = mlops_gbdt_number(rows, at);

        if (s->weights != NULL) {
            s->weights[i] = rows->weight[at];
        }
    }

    return MLOPS_OK;
}


static void
mlops_gbdt_cut_column(void *ctx, uint64_t number, uint32_t worker)
{
    int                            rc;
    mlops_gbdt_sample_t           *s;
    mlops_gbdt_values_t            v;
    mlops_gbdt_feature_t          *feature;
    const mlops_matrix_column_t   *column;

    (void) worker;

    s = ctx;
    feature = &s->features[number];
    column = &s->run->train.matrix->columns[number];

    if (column->kind == MLOPS_MATRIX_CODES) {
        feature->failed = mlops_gbdt_cut_codes(s, feature, column)
                          != MLOPS_OK;
        return;
    }

    memset(&v, 0, sizeof(v));

    if (feature->categorical) {
        rc = mlops_gbdt_numbers(s, column, &v);

    } else {
        rc = mlops_gbdt_values(s, column, &v);
    }

    if (rc == MLOPS_OK) {
        feature->missing = v.missing > 0;

        if (feature->categorical) {
            rc = mlops_gbdt_cut_categories(s, feature, &v, 0);

        } else {
            mlops_gbdt_cut_numbers(s, feature, &v);
        }
    }

    feature->failed = rc != MLOPS_OK;

    free(v.values);
    free(v.weights);
}


/*
 * Sorted distinct values of the sample, in float32.  The bits of a float
 * order as the number where those of negative ones are turned over; the
 * weight's bits are carried below them.
 */

static int
mlops_gbdt_values(mlops_gbdt_sample_t *s, const mlops_matrix_column_t *column,
    mlops_gbdt_values_t *v)
{
    float      x;
    uint32_t   bits, wbits;
    uint64_t   i, n, *items, *room;

    items = malloc((s->n + 1) * sizeof(*items));
    room = malloc((s->n + 1) * sizeof(*room));
    n = 0;

    if (items == NULL || room == NULL) {
        free(items);
        free(room);
        return MLOPS_ERROR;
    }

    for (i = 0; i < s->n; i++) {
        x = (float) mlops_matrix_value(column, s->rows[i]);

        if (isnan(x)) {
            v->missing++;
            continue;
        }

        x += 0.0f;                                  /* -0 is 0 */
        memcpy(&bits, &x, sizeof(bits));
        bits = (bits & 0x80000000u) ? ~bits : bits | 0x80000000u;

        wbits = 0;

        if (s->weights != NULL) {
            memcpy(&wbits, &s->weights[i], sizeof(wbits));
        }

        items[n++] = (uint64_t) bits << 32 | wbits;
    }

    mlops_gbdt_sort(items, room, n);
    free(room);

    v->values = malloc((n + 1) * sizeof(*v->values));
    v->weights = calloc(n + 1, sizeof(*v->weights));

    if (v->values == NULL || v->weights == NULL) {
        free(items);
        return MLOPS_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (i == 0 || items[i] >> 32 != items[i - 1] >> 32) {
            bits = (uint32_t) (items[i] >> 32);
            bits = (bits & 0x80000000u) ? bits & 0x7fffffffu : ~bits;
            memcpy(&x, &bits, sizeof(x));
            v->values[v->n++] = x;
        }

        x = 1;

        if (s->weights != NULL) {
            wbits = (uint32_t) items[i];
            memcpy(&x, &wbits, sizeof(x));
        }

        v->weights[v->n - 1] += x;
    }

    free(items);

    return MLOPS_OK;
}


/* The same in double, of numbers that are categories: by value, then by the
 * row, whose weights are added in that order. */

typedef struct {
    double     value;
    uint64_t   row;
} mlops_gbdt_item_t;


static int
mlops_gbdt_by_value(const void *one, const void *two)
{
    const mlops_gbdt_item_t  *a, *b;

    a = one;
    b = two;

    if (a->value != b->value) {
        return a->value < b->value ? -1 : 1;
    }

    return (a->row > b->row) - (a->row < b->row);
}


static int
mlops_gbdt_numbers(mlops_gbdt_sample_t *s,
    const mlops_matrix_column_t *column, mlops_gbdt_values_t *v)
{
    double              x;
    uint64_t            i, n;
    mlops_gbdt_item_t  *items;

    items = malloc((s->n + 1) * sizeof(*items));
    v->values = malloc((s->n + 1) * sizeof(*v->values));
    v->weights = calloc(s->n + 1, sizeof(*v->weights));
    n = 0;

    if (items == NULL || v->values == NULL || v->weights == NULL) {
        free(items);
        return MLOPS_ERROR;
    }

    for (i = 0; i < s->n; i++) {
        x = mlops_matrix_value(column, s->rows[i]);

        if (isnan(x)) {
            v->missing++;
            continue;
        }

        items[n].value = x + 0.0;
        items[n++].row = i;
    }

    qsort(items, n, sizeof(*items), mlops_gbdt_by_value);

    for (i = 0; i < n; i++) {

        if (i == 0 || items[i].value != items[i - 1].value) {
            v->values[v->n++] = items[i].value;
        }

        v->weights[v->n - 1] += s->weights ? s->weights[items[i].row] : 1;
    }

    free(items);

    return MLOPS_OK;
}


/* By the upper half, 11 bits a turn: stable. */

static void
mlops_gbdt_sort(uint64_t *items, uint64_t *room, uint64_t n)
{
    uint64_t   i, *from, *to, *swap;
    unsigned   turn, shift;
    uint32_t   at, count, sum, counts[3][2048];

    memset(counts, 0, sizeof(counts));

    for (i = 0; i < n; i++) {
        counts[0][items[i] >> 32 & 2047]++;
        counts[1][items[i] >> 43 & 2047]++;
        counts[2][items[i] >> 54]++;
    }

    from = items;
    to = room;

    for (turn = 0; turn < 3; turn++) {
        shift = 32 + 11 * turn;
        sum = 0;

        for (at = 0; at < 2048; at++) {
            count = counts[turn][at];
            counts[turn][at] = sum;
            sum += count;
        }

        for (i = 0; i < n; i++) {
            to[counts[turn][from[i] >> shift & 2047]++] = from[i];
        }

        swap = from;
        from = to;
        to = swap;
    }

    memcpy(items, room, n * sizeof(*items));        /* three turns: in room */
}


static void
mlops_gbdt_cut_numbers(mlops_gbdt_sample_t *s, mlops_gbdt_feature_t *feature,
    const mlops_gbdt_values_t *v)
{
    uint32_t  i, n, bins;

    if (v->n == 0) {
        return;
    }

    if (v->values[0] <= -FLT_MAX || v->values[v->n - 1] >= FLT_MAX) {
        feature->infinite = 1;
        return;
    }

    bins = s->run->options->bins;

    if (v->n <= bins) {
        n = v->n - 1;

        for (i = 0; i < n; i++) {
            feature->cuts[i] = mlops_gbdt_between(v->values[i],
                                                  v->values[i + 1]);
        }

    } else {
        n = mlops_gbdt_cut_equal(v, bins, feature->cuts);
    }

    feature->bins_n = n + 1;

    for (i = n; i < MLOPS_GBDT_STRIDE; i++) {
        feature->cuts[i] = INFINITY;
    }
}


static uint32_t
mlops_gbdt_cut_equal(const mlops_gbdt_values_t *v, uint32_t bins, float *cuts)
{
    double     total, rest, mean, sum;
    uint32_t   i, n, left;

    total = 0;

    for (i = 0; i < v->n; i++) {
        total += v->weights[i];
    }

    mean = total / bins;
    left = bins;
    rest = total;

    for (i = 0; i < v->n; i++) {
        if (v->weights[i] >= mean) {
            left--;
            rest -= v->weights[i];
        }
    }

    total = mean;                   /* from here what "alone" means */
    mean = left ? rest / left : 0;
    sum = 0;
    n = 0;

    for (i = 0; i + 1 < v->n && n + 1 < bins; i++) {
        sum += v->weights[i];

        if (v->weights[i] < total) {
            rest -= v->weights[i];
        }

        if (v->weights[i] >= total || sum >= mean
            || (v->weights[i + 1] >= total && sum >= mean / 2))
        {
            cuts[n++] = mlops_gbdt_between(v->values[i], v->values[i + 1]);
            sum = 0;

            if (v->weights[i] < total && left > 1) {
                left--;
                mean = rest / left;
            }
        }
    }

    return n;
}


/* The middle, so that a < cut <= b. */

static float
mlops_gbdt_between(double a, double b)
{
    float  cut;

    cut = (float) (a + (b - a) / 2);

    return (cut > a) ? cut : (float) b;
}


/* Codes are counted over the sample. */

static int
mlops_gbdt_cut_codes(mlops_gbdt_sample_t *s, mlops_gbdt_feature_t *feature,
    const mlops_matrix_column_t *column)
{
    int                   rc;
    double               *counts;
    uint32_t              code;
    uint64_t              i;
    mlops_gbdt_values_t   v;
    const uint32_t       *codes;

    memset(&v, 0, sizeof(v));
    codes = column->data;

    counts = calloc((size_t) column->categories_n + 1, sizeof(*counts));

    if (counts == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < s->n; i++) {
        code = codes[s->rows[i]];

        if (code >= column->categories_n) {
            v.missing++;
            continue;
        }

        counts[code] += s->weights ? s->weights[i] : 1;
    }

    for (code = 0; code < column->categories_n; code++) {
        v.n += counts[code] > 0;
    }

    v.values = malloc(((size_t) v.n + 1) * sizeof(*v.values));
    v.weights = malloc(((size_t) v.n + 1) * sizeof(*v.weights));
    v.n = 0;
    rc = MLOPS_ERROR;

    if (v.values != NULL && v.weights != NULL) {

        for (code = 0; code < column->categories_n; code++) {
            if (counts[code] > 0) {
                v.values[v.n] = code;
                v.weights[v.n++] = counts[code];
            }
        }

        feature->missing = v.missing > 0;
        rc = mlops_gbdt_cut_categories(s, feature, &v, 1);
    }

    if (rc == MLOPS_OK) {
        memset(feature->bin_of, MLOPS_GBDT_MISSING,
               (size_t) column->categories_n + 1);

        for (code = 0; code < feature->bins_n; code++) {
            feature->bin_of[(uint32_t) feature->values[code]] =
                                                             (uint8_t) code;
        }

        /* what the sample does not have, is missing */

        for (code = 0; code < column->categories_n; code++) {
            if (feature->bin_of[code] == MLOPS_GBDT_MISSING) {
                feature->missing = 1;
            }
        }
    }

    free(counts);
    free(v.values);
    free(v.weights);

    return rc;
}


static int
mlops_gbdt_heavier(const void *one, const void *two)
{
    double  a, b;

    a = *(const double *) one;
    b = *(const double *) two;

    return (a < b) - (a > b);
}


/* Keeps the heaviest; of equal ones the lowest. */

static int
mlops_gbdt_cut_categories(mlops_gbdt_sample_t *s,
    mlops_gbdt_feature_t *feature, mlops_gbdt_values_t *v, int codes)
{
    int        direct;
    double     least, *sorted;
    uint32_t   i, n, bins, equal;

    /* no map has such a key */

    if (v->n != 0 && (isinf(v->values[0]) || isinf(v->values[v->n - 1]))) {
        feature->infinite = 1;
        return MLOPS_OK;
    }

    bins = s->run->options->bins;
    least = 0;
    equal = v->n;

    if (v->n > bins) {
        sorted = malloc(v->n * sizeof(*sorted));

        if (sorted == NULL) {
            return MLOPS_ERROR;
        }

        memcpy(sorted, v->weights, v->n * sizeof(*sorted));
        qsort(sorted, v->n, sizeof(*sorted), mlops_gbdt_heavier);

        least = sorted[bins - 1];
        equal = bins;

        for (i = 0; i < bins; i++) {
            equal -= sorted[i] > least;
        }

        free(sorted);
        feature->missing = 1;
    }

    direct = !codes && v->n < MLOPS_GBDT_BINS && v->n <= bins;

    for (i = 0, n = 0; i < v->n; i++) {

        if (v->weights[i] > least || (v->weights[i] == least && equal > 0)) {
            equal -= v->weights[i] == least;
            feature->values[n++] = v->values[i];
        }
    }

    for (i = 0; i < n; i++) {
        direct = direct && feature->values[i] >= 0
                 && feature->values[i] < MLOPS_GBDT_CODES
                 && feature->values[i] == floor(feature->values[i]);
    }

    feature->bins_n = n;
    feature->mapped = !direct;

    return MLOPS_OK;
}


/* What the model says of columns.  Codes are always mapped: steps read no
 * strings but through a map. */

static void
mlops_gbdt_describe(mlops_gbdt_run_t *run)
{
    uint32_t                     i, f;
    mlops_gbdt_column_t         *column;
    const mlops_gbdt_feature_t  *feature;

    for (f = 0; f < run->model->columns_n; f++) {
        column = &run->model->columns[f];
        feature = &run->known[f];

        column->bins_n = feature->bins_n;
        column->mapped = feature->mapped;

        if (!feature->mapped) {
            continue;
        }

        if (run->train.matrix->columns[f].kind != MLOPS_MATRIX_CODES) {
            column->values = feature->values;
            continue;
        }

        column->categories = feature->codes;

        for (i = 0; i < feature->bins_n; i++) {
            column->categories[i] = (uint32_t) feature->values[i];
        }
    }
}
