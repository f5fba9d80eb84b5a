/*
 * From values to bins.
 *
 * A block of rows at a time goes through all columns, so that its rows of
 * bytes stay in the cache.  The bin of a number is how many cuts are not
 * above it, in float32; it is found by halving, eight numbers at once, which
 * a processor overlaps.
 */

#include "mlops_gbdt_run.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>


#define MLOPS_GBDT_AT_ONCE  8


typedef struct {
    mlops_gbdt_run_t   *run;
    mlops_gbdt_rows_t  *rows;
    _Atomic uint32_t    infinite;   /* a column + 1 with such a number */
} mlops_gbdt_binning_t;


static int mlops_gbdt_bin_room(mlops_gbdt_run_t *run,
    mlops_gbdt_rows_t *rows, int columns);
static void mlops_gbdt_bin_block(void *ctx, uint64_t part, uint32_t worker);
static int mlops_gbdt_bin_column(const mlops_gbdt_rows_t *rows,
    const mlops_gbdt_feature_t *feature, uint64_t first, uint32_t n,
    uint8_t *out);
static void mlops_gbdt_load(const mlops_gbdt_rows_t *rows,
    const mlops_matrix_column_t *column, uint64_t first, uint32_t n,
    float *out);
static int mlops_gbdt_bin_numbers(const float *cuts, const float *x,
    uint32_t n, uint8_t *out);
static void mlops_gbdt_bin_codes(const mlops_gbdt_rows_t *rows,
    const mlops_gbdt_feature_t *feature, uint64_t first, uint32_t n,
    uint8_t *out);
static uint8_t mlops_gbdt_bin_category(const mlops_gbdt_feature_t *feature,
    double x);


int
mlops_gbdt_bin(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows, int columns)
{
    uint32_t              column;
    mlops_gbdt_binning_t  b;

    if (mlops_gbdt_bin_room(run, rows, columns) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    b.run = run;
    b.rows = rows;
    atomic_init(&b.infinite, 0);

    mlops_gbdt_team_run(run->team, mlops_gbdt_bin_block, &b,
                        mlops_gbdt_blocks(rows->n));

    column = atomic_load(&b.infinite);

    return column ? mlops_gbdt_infinite(run, rows, column - 1) : MLOPS_OK;
}


/* Short rows do not cross lines of the cache. */

static int
mlops_gbdt_bin_room(mlops_gbdt_run_t *run, mlops_gbdt_rows_t *rows,
    int columns)
{
    uint32_t            stride;
    mlops_gbdt_bins_t  *bins;

    bins = &rows->bins;

    for (stride = 4; stride < run->features_n && stride < 64; stride *= 2) {
        /* void */
    }

    if (stride < run->features_n) {
        stride = (uint32_t) mlops_align(run->features_n, 32);
    }

    bins->n = rows->n;
    bins->stride = stride;

    if (posix_memalign((void **) &bins->rows, 64,
                       mlops_align(rows->n * stride + 64, 64))
        != 0)
    {
        bins->rows = NULL;
    }

    if (columns) {
        bins->columns = malloc(rows->n * run->features_n + 64);
    }

    if (bins->rows == NULL || (columns && bins->columns == NULL)) {
        return mlops_err_set(run->err, "no memory for the bins of %llu rows "
                             "of %u features",
                             (unsigned long long) rows->n, run->features_n);
    }

    run->model->memory += rows->n * (stride + (columns ? run->features_n
                                                       : 0));

    return MLOPS_OK;
}


static void
mlops_gbdt_bin_block(void *ctx, uint64_t part, uint32_t worker)
{
    uint8_t               *out, out_of[MLOPS_GBDT_BLOCK + 64];
    uint32_t               f, i, n, stride, features_n;
    uint64_t               first;
    mlops_gbdt_rows_t     *rows;
    mlops_gbdt_binning_t  *b;

    (void) worker;

    b = ctx;
    rows = b->rows;
    stride = rows->bins.stride;
    features_n = b->run->features_n;
    first = part * MLOPS_GBDT_BLOCK;
    n = (uint32_t) (rows->n - first < MLOPS_GBDT_BLOCK ? rows->n - first
                                                       : MLOPS_GBDT_BLOCK);
    out = rows->bins.rows + first * stride;

    memset(out, 0, (size_t) n * stride);

    for (f = 0; f < features_n; f++) {

        if (mlops_gbdt_bin_column(rows, &b->run->features[f], first, n,
                                  out_of)
            != MLOPS_OK)
        {
            /* relaxed: read when all are done */
            atomic_store_explicit(&b->infinite,
                                  b->run->features[f].column + 1,
                                  memory_order_relaxed);
        }

        for (i = 0; i < n; i++) {
            out[(size_t) i * stride + f] = out_of[i];
        }

        if (rows->bins.columns != NULL) {
            memcpy(rows->bins.columns + rows->n * f + first, out_of, n);
        }
    }
}


static int
mlops_gbdt_bin_column(const mlops_gbdt_rows_t *rows,
    const mlops_gbdt_feature_t *feature, uint64_t first, uint32_t n,
    uint8_t *out)
{
    int                            rc;
    float                          x[512];
    uint32_t                       i, at, some;
    const mlops_matrix_column_t   *column;

    column = &rows->matrix->columns[feature->column];

    if (column->kind == MLOPS_MATRIX_CODES) {
        mlops_gbdt_bin_codes(rows, feature, first, n, out);
        return MLOPS_OK;
    }

    if (feature->categorical) {

        for (i = 0; i < n; i++) {
            out[i] = mlops_gbdt_bin_category(feature,
                         mlops_matrix_value(column,
                                     mlops_gbdt_number(rows, first + i)));
        }

        return MLOPS_OK;
    }

    rc = MLOPS_OK;

    for (at = 0; at < n; at += some) {
        some = n - at < 512 ? n - at : 512;

        mlops_gbdt_load(rows, column, first + at, some, x);

        if (mlops_gbdt_bin_numbers(feature->cuts, x, some, out + at)
            != MLOPS_OK)
        {
            rc = MLOPS_ERROR;
        }
    }

    return rc;
}


static void
mlops_gbdt_load(const mlops_gbdt_rows_t *rows,
    const mlops_matrix_column_t *column, uint64_t first, uint32_t n,
    float *out)
{
    uint32_t         i;
    const float     *floats;
    const double    *doubles;
    const uint32_t  *numbers;

    numbers = rows->numbers ? rows->numbers + first : NULL;
    floats = column->data;
    doubles = column->data;

    if (column->kind == MLOPS_MATRIX_FLOAT) {

        if (numbers == NULL) {
            memcpy(out, floats + first, n * sizeof(*out));
            return;
        }

        for (i = 0; i < n; i++) {
            out[i] = floats[numbers[i]];
        }

        return;
    }

    if (numbers == NULL) {

        for (i = 0; i < n; i++) {
            out[i] = (float) doubles[first + i];
        }

        return;
    }

    for (i = 0; i < n; i++) {
        out[i] = (float) doubles[numbers[i]];
    }
}


/* 255 places, of which 254 at most are cuts: eight halvings. */

static int
mlops_gbdt_bin_numbers(const float *cuts, const float *x, uint32_t n,
    uint8_t *out)
{
    int       rc;
    float     v[MLOPS_GBDT_AT_ONCE];
    uint32_t  i, j, step, at[MLOPS_GBDT_AT_ONCE];

    rc = MLOPS_OK;

    for (i = 0; i < n; i += MLOPS_GBDT_AT_ONCE) {

        for (j = 0; j < MLOPS_GBDT_AT_ONCE; j++) {
            v[j] = i + j < n ? x[i + j] : 0;
            at[j] = 0;
        }

        for (step = 128; step > 0; step >>= 1) {
            for (j = 0; j < MLOPS_GBDT_AT_ONCE; j++) {
                at[j] += (cuts[at[j] + step - 1] <= v[j]) ? step : 0;
            }
        }

        for (j = 0; j < MLOPS_GBDT_AT_ONCE && i + j < n; j++) {
            out[i + j] = (uint8_t) (isnan(v[j]) ? MLOPS_GBDT_MISSING : at[j]);

            if (mlops_unlikely(fabsf(v[j]) >= FLT_MAX)) {
                rc = MLOPS_ERROR;
            }
        }
    }

    return rc;
}


static void
mlops_gbdt_bin_codes(const mlops_gbdt_rows_t *rows,
    const mlops_gbdt_feature_t *feature, uint64_t first, uint32_t n,
    uint8_t *out)
{
    uint32_t                      i, code;
    const uint32_t               *codes;
    const mlops_matrix_column_t  *column;

    column = &rows->matrix->columns[feature->column];
    codes = column->data;

    for (i = 0; i < n; i++) {
        code = codes[mlops_gbdt_number(rows, first + i)];
        out[i] = code < feature->known_n ? feature->bin_of[code]
                                             : MLOPS_GBDT_MISSING;
    }
}


/*
 * A number that is no category is missing, where serving looks categories
 * up; where it tests whole parts as they are, no set has it, and the bin
 * behind the last says so.
 */

static uint8_t
mlops_gbdt_bin_category(const mlops_gbdt_feature_t *feature, double x)
{
    uint32_t  lo, hi, mid;

    if (isnan(x)) {
        return MLOPS_GBDT_MISSING;
    }

    if (!feature->mapped) {
        x = trunc(x);
    }

    lo = 0;
    hi = feature->bins_n;

    while (lo < hi) {
        mid = (lo + hi) / 2;

        if (feature->values[mid] < x) {
            lo = mid + 1;

        } else {
            hi = mid;
        }
    }

    if (lo < feature->bins_n && feature->values[lo] == x) {
        return (uint8_t) lo;
    }

    return (uint8_t) (feature->mapped ? MLOPS_GBDT_MISSING
                                      : feature->bins_n);
}
