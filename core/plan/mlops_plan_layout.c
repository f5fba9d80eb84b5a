/*
 * The sizes of a state; what the bytes mean stands in mlops_plan_layout.h.
 */

#include "mlops_plan_layout.h"


static int mlops_layout_check(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature, mlops_err_t *err);
static uint64_t mlops_layout_bytes(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature);


int
mlops_view_layout(mlops_plan_view_t *view, mlops_err_t *err)
{
    uint32_t               i;
    uint64_t               bytes, total;
    mlops_plan_feature_t  *feature;

    total = 0;

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];

        if (mlops_layout_check(view, feature, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        bytes = mlops_layout_bytes(view, feature);

        if (total + bytes > MLOPS_STATE_BYTES_MAX) {
            return mlops_err_set(err, "with feature \"%.*s\" the windows of "
                                 "one entity need %llu bytes, at most %u are "
                                 "possible", mlops_fmt(&feature->name),
                                 (unsigned long long) (total + bytes),
                                 MLOPS_STATE_BYTES_MAX);
        }

        feature->state = (uint32_t) total;
        feature->state_bytes = (uint32_t) bytes;

        total += bytes;
    }

    view->state_bytes = (uint32_t) total;

    return MLOPS_OK;
}


static int
mlops_layout_number(const mlops_plan_feature_t *feature, const char *what,
    uint64_t value, uint32_t min, uint32_t max, mlops_err_t *err)
{
    if (value >= min && value <= max) {
        return MLOPS_OK;
    }

    return mlops_err_set(err, "feature \"%.*s\": %s is %llu, expected %u to "
                         "%u", mlops_fmt(&feature->name), what,
                         (unsigned long long) value, min, max);
}


static int
mlops_layout_window(const mlops_plan_feature_t *feature, mlops_err_t *err)
{
    if (feature->span == MLOPS_SPAN_ALL) {
        return MLOPS_OK;
    }

    if (feature->hop_us <= 0 || feature->window_us <= 0
        || feature->window_us % feature->hop_us != 0)
    {
        return mlops_err_set(err, "feature \"%.*s\": the window of %lld us "
                             "is not a multiple of the hop of %lld us",
                             mlops_fmt(&feature->name),
                             (long long) feature->window_us,
                             (long long) feature->hop_us);
    }

    return mlops_layout_number(feature, "the number of hops of the window",
                               (uint64_t) (feature->window_us
                                           / feature->hop_us),
                               1, MLOPS_HOPS_MAX, err);
}


static int
mlops_layout_bar_check(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature, mlops_err_t *err)
{
    if (feature->window_us <= 0 || feature->type == MLOPS_TYPE_BYTES) {
        return mlops_err_set(err, "feature \"%.*s\": a function of bars needs "
                             "numbers, and window= as the length of a bar",
                             mlops_fmt(&feature->name));
    }

    if (view->lateness_us / feature->window_us > MLOPS_UNFOLDED_MAX - 3) {
        return mlops_err_set(err, "feature \"%.*s\": a lateness of %lld us "
                             "spans more than %u bars of %lld us",
                             mlops_fmt(&feature->name),
                             (long long) view->lateness_us,
                             MLOPS_UNFOLDED_MAX - 3,
                             (long long) feature->window_us);
    }

    switch (feature->func) {

    case MLOPS_FUNC_SMA:
    case MLOPS_FUNC_RSI:
    case MLOPS_FUNC_STOCHASTIC:
        return mlops_layout_number(feature, "the number of bars",
                                   feature->k[0], 1, MLOPS_BARS_MAX, err);

    default:
        return MLOPS_OK;
    }
}


static int
mlops_layout_check(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature, mlops_err_t *err)
{
    if (mlops_func_is_bar(feature->func)) {
        return mlops_layout_bar_check(view, feature, err);
    }

    if (mlops_layout_window(feature, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    switch (feature->func) {

    case MLOPS_FUNC_LAST_K:
        return mlops_layout_number(feature, "k", feature->k[0], 1,
                                   MLOPS_LAST_K_MAX, err);

    case MLOPS_FUNC_QUANTILE:
        return mlops_layout_number(feature, "bins", feature->bins,
                                   MLOPS_BINS_MIN, MLOPS_BINS_MAX, err);

    case MLOPS_FUNC_APPROX_DISTINCT:
        return mlops_layout_number(feature, "precision", feature->precision,
                                   MLOPS_PRECISION_MIN, MLOPS_PRECISION_MAX,
                                   err);

    case MLOPS_FUNC_DECAYED_SUM:

        if (feature->half_life_us <= 0) {
            return mlops_err_set(err, "feature \"%.*s\": decayed_sum needs a "
                                 "half life above 0",
                                 mlops_fmt(&feature->name));
        }

        return MLOPS_OK;

    default:
        return MLOPS_OK;
    }
}


static uint64_t
mlops_layout_bytes(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature)
{
    uint64_t  records;

    if (mlops_func_is_bar(feature->func)) {
        return 8 + (uint64_t) mlops_layout_bars(view, feature)
               * mlops_layout_bar(feature)
               + mlops_layout_folded(feature);
    }

    records = mlops_span_closed(feature->span) ? 2 : 1;

    switch (feature->func) {

    case MLOPS_FUNC_RATIO:
        return 0;

    case MLOPS_FUNC_LAST:
        return records * mlops_layout_record(feature);

    case MLOPS_FUNC_LAST_K:
        return 8 + records * feature->k[0] * mlops_layout_record(feature);

    case MLOPS_FUNC_DECAYED_SUM:

        if (feature->span == MLOPS_SPAN_ALL) {
            return sizeof(mlops_decay_t);
        }

        break;

    default:
        break;
    }

    return sizeof(mlops_tiles_t) + (uint64_t) mlops_layout_tiles(feature)
           * mlops_layout_tile(feature);
}


uint32_t
mlops_layout_tiles(const mlops_plan_feature_t *feature)
{
    if (feature->span == MLOPS_SPAN_ALL) {
        return 1;
    }

    return (uint32_t) (feature->window_us / feature->hop_us) + 1;
}


uint32_t
mlops_layout_bars(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature)
{
    int64_t  bars;

    bars = view->lateness_us / feature->window_us;

    if (view->lateness_us % feature->window_us != 0) {
        bars++;
    }

    return (uint32_t) bars + 2;
}


uint32_t
mlops_layout_record(const mlops_plan_feature_t *feature)
{
    uint32_t  bytes;

    bytes = 8;

    if (feature->type == MLOPS_TYPE_BYTES && feature->bytes > 8) {
        bytes = (uint32_t) mlops_align(feature->bytes, 8);
    }

    return (uint32_t) sizeof(mlops_record_head_t) + bytes;
}


uint32_t
mlops_layout_tile(const mlops_plan_feature_t *feature)
{
    switch (feature->func) {

    case MLOPS_FUNC_COUNT:
    case MLOPS_FUNC_RATE:
    case MLOPS_FUNC_MIN:
    case MLOPS_FUNC_MAX:
        return 8;

    case MLOPS_FUNC_SUM:
    case MLOPS_FUNC_DECAYED_SUM:
        return 16;

    case MLOPS_FUNC_MEAN:
    case MLOPS_FUNC_VARIANCE:
    case MLOPS_FUNC_STD:
        return 24;

    case MLOPS_FUNC_FIRST:
        return mlops_layout_record(feature);

    case MLOPS_FUNC_APPROX_DISTINCT:
        return (uint32_t) 1 << feature->precision;

    case MLOPS_FUNC_QUANTILE:
        return (uint32_t) mlops_align(16 + 4 * feature->bins, 8);

    default:
        return 0;
    }
}


uint32_t
mlops_layout_bar(const mlops_plan_feature_t *feature)
{
    switch (feature->func) {

    case MLOPS_FUNC_HIGH:
    case MLOPS_FUNC_LOW:
        return 8 + 8;

    case MLOPS_FUNC_STOCHASTIC:
        return 8 + sizeof(mlops_record_head_t) + 8 + 16;

    default:
        return 8 + sizeof(mlops_record_head_t) + 8;
    }
}


uint32_t
mlops_layout_folded(const mlops_plan_feature_t *feature)
{
    switch (feature->func) {

    case MLOPS_FUNC_MACD:
        return 8 + 16;

    case MLOPS_FUNC_RSI:
        return 8 + 24;

    case MLOPS_FUNC_SMA:
        return 8 + 8 * feature->k[0];

    case MLOPS_FUNC_STOCHASTIC:
        return 8 + 8 + 16 * feature->k[0];

    default:
        return 8 + 8;
    }
}
