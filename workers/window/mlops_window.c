/*
 * The window program: a view compiled into operations, and the walk over
 * them for events, values and boundaries.
 */

#include "mlops_window_part.h"


#define MLOPS_WINDOW_FETCH  1024        /* bytes of a state */


struct mlops_window_s {
    const mlops_plan_view_t  *view;
    mlops_window_op_t        *ops;      /* those that have a state */
    uint32_t                  ops_n;
    mlops_window_op_t        *ratios;   /* after all others, in order */
    uint32_t                  ratios_n;
    mlops_clock_t            *clocks;
    mlops_spot_t             *spots;    /* by clock */
    uint32_t                  clocks_n;
    const mlops_where_t     **filters;
    uint32_t                  filters_n;
    size_t                    text_size;
};


static int mlops_window_op(mlops_window_t *window, mlops_window_op_t *op,
    const mlops_plan_feature_t *feature, mlops_err_t *err);
static void mlops_window_clock(mlops_window_t *window, mlops_window_op_t *op);
static void mlops_window_filter(mlops_window_t *window,
    mlops_window_op_t *op);
static void mlops_window_values(const mlops_window_t *window,
    const void *state, const mlops_reach_t *reaches, mlops_cell_t *cells,
    uint64_t *present, char *text);
static int64_t mlops_window_nexts(const mlops_window_t *window,
    const void *state, const mlops_reach_t *reaches);
static void mlops_window_ratio(const mlops_window_op_t *op,
    const mlops_plan_view_t *view, mlops_window_out_t *out);


mlops_window_t *
mlops_window_create(const mlops_plan_view_t *view, mlops_arena_t *arena,
    mlops_err_t *err)
{
    uint32_t               i, n;
    mlops_window_t        *window;
    mlops_window_op_t      op;
    mlops_plan_feature_t  *feature;

    n = view->features_n;
    window = mlops_arena_calloc(arena, 1, sizeof(mlops_window_t));

    if (window == NULL) {
        goto nomem;
    }

    window->view = view;
    window->ops = mlops_arena_alloc(arena, n * sizeof(mlops_window_op_t));
    window->ratios = mlops_arena_alloc(arena, n * sizeof(mlops_window_op_t));
    window->clocks = mlops_arena_alloc(arena, n * sizeof(mlops_clock_t));
    window->spots = mlops_arena_calloc(arena, n, sizeof(mlops_spot_t));
    window->filters = mlops_arena_alloc(arena, n * sizeof(void *));

    if (window->ops == NULL || window->ratios == NULL
        || window->clocks == NULL || window->spots == NULL
        || window->filters == NULL)
    {
        goto nomem;
    }

    for (i = 0; i < n; i++) {
        feature = &view->features[i];

        if (mlops_window_op(window, &op, feature, err) != MLOPS_OK) {
            mlops_err_prefix(err, "feature \"%.*s\"",
                             mlops_fmt(&feature->name));
            return NULL;
        }

        if (feature->func == MLOPS_FUNC_RATIO) {
            window->ratios[window->ratios_n++] = op;
            continue;
        }

        mlops_window_clock(window, &op);
        mlops_window_filter(window, &op);
        window->ops[window->ops_n++] = op;

        if (op.type == MLOPS_TYPE_BYTES) {
            window->text_size += (size_t) op.width * feature->bytes;
        }
    }

    return window;

nomem:

    mlops_err_set(err, "no memory for the windows of view \"%.*s\"",
                  mlops_fmt(&view->name));

    return NULL;
}


/* What a function can be of. */

static int
mlops_window_check(const mlops_window_op_t *op, mlops_err_t *err)
{
    int                          picks, string;
    const mlops_plan_feature_t  *feature;

    feature = op->feature;

    if (feature->window_us < 0 || feature->window_us >= MLOPS_TIME_MAX / 2) {
        return mlops_err_set(err, "a window of %lld us is too long",
                             (long long) feature->window_us);
    }

    string = op->field != MLOPS_NO_FIELD
             && op->cell_kind == MLOPS_CELL_STRING;
    picks = feature->func == MLOPS_FUNC_FIRST
            || feature->func == MLOPS_FUNC_LAST
            || feature->func == MLOPS_FUNC_LAST_K;

    if (feature->type == MLOPS_TYPE_BYTES ? !(picks && string)
                                          : picks && string)
    {
        return mlops_err_set(err, "a string result is the first or last "
                             "value of a string field");
    }

    if (string && !picks && feature->func != MLOPS_FUNC_APPROX_DISTINCT
        && feature->func != MLOPS_FUNC_COUNT)
    {
        return mlops_err_set(err, "it needs a field of numbers");
    }

    if (op->field == MLOPS_NO_FIELD && feature->func != MLOPS_FUNC_COUNT
        && feature->func != MLOPS_FUNC_RATE
        && feature->func != MLOPS_FUNC_RATIO)
    {
        return mlops_err_set(err, "it needs a field");
    }

    return MLOPS_OK;
}


static int
mlops_window_op(mlops_window_t *window, mlops_window_op_t *op,
    const mlops_plan_feature_t *feature, mlops_err_t *err)
{
    memset(op, 0, sizeof(mlops_window_op_t));

    op->feature = feature;
    op->type = feature->type;
    op->field = feature->field;
    op->state = feature->state;
    op->column = feature->first;
    op->width = feature->width;
    op->record = mlops_layout_record(feature);
    op->k = feature->k[0];
    op->seconds = (double) feature->window_us / 1e6;
    op->alpha[0] = feature->p;

    if (op->field != MLOPS_NO_FIELD) {
        op->cell_kind = window->view->event.columns[op->field].kind;
    }

    op->clock.span = feature->span;
    op->clock.window = feature->window_us;
    op->clock.hop = feature->span == MLOPS_SPAN_ALL ? 0 : feature->hop_us;
    op->clock.hops = op->clock.hop ? op->clock.window / op->clock.hop : 0;
    op->clock.tiles = mlops_layout_tiles(feature);
    op->item = mlops_layout_tile(feature);

    if (mlops_window_check(op, err) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    switch (feature->func) {

    case MLOPS_FUNC_FIRST:
    case MLOPS_FUNC_LAST:
    case MLOPS_FUNC_LAST_K:
        mlops_window_pick_kind(op);
        break;

    case MLOPS_FUNC_DECAYED_SUM:
        mlops_window_decay_kind(op);
        break;

    case MLOPS_FUNC_APPROX_DISTINCT:
        mlops_window_distinct_kind(op);
        break;

    case MLOPS_FUNC_QUANTILE:
        mlops_window_quantile_kind(op);
        break;

    case MLOPS_FUNC_RATIO:
        break;

    default:

        if (!mlops_func_is_bar(feature->func)) {
            mlops_window_tile_kind(op);
            break;
        }

        op->item = mlops_layout_bar(feature);
        op->clock.span = MLOPS_SPAN_TUMBLING;
        op->clock.hop = feature->window_us;
        op->clock.hops = 1;
        op->clock.tiles = mlops_layout_bars(window->view, feature);

        mlops_window_bar_kind(op);
    }

    return MLOPS_OK;
}


static void
mlops_window_clock(mlops_window_t *window, mlops_window_op_t *op)
{
    uint32_t        i;
    mlops_clock_t  *clock;

    for (i = 0; i < window->clocks_n; i++) {
        clock = &window->clocks[i];

        if (clock->span == op->clock.span && clock->hop == op->clock.hop
            && clock->window == op->clock.window
            && clock->tiles == op->clock.tiles)
        {
            break;
        }
    }

    if (i == window->clocks_n) {
        window->clocks[window->clocks_n++] = op->clock;
    }

    op->clock_i = i;
}


static void
mlops_window_filter(mlops_window_t *window, mlops_window_op_t *op)
{
    uint32_t              i;
    const mlops_where_t  *where, *other;

    where = op->feature->where;

    if (where == NULL) {
        op->filter_i = MLOPS_NO_FIELD;
        return;
    }

    for (i = 0; i < window->filters_n; i++) {
        other = window->filters[i];

        if (other == where
            || (where->text.len
                && mlops_str_eq(&where->text, other->text.data,
                                other->text.len)))
        {
            break;
        }
    }

    if (i == window->filters_n) {
        window->filters[window->filters_n++] = where;
    }

    op->filter_i = i;
}


void
mlops_window_reset(const mlops_window_t *window, void *state)
{
    uint32_t            i;
    mlops_window_op_t  *op;

    memset(state, 0, window->view->state_bytes);

    for (i = 0; i < window->ops_n; i++) {
        op = &window->ops[i];

        if (op->kind.reset) {
            op->kind.reset(op, (char *) state + op->state);
        }
    }
}


/* ---- events ---- */


/* Four divisions are saved: t is within +-2^61. */

static inline void
mlops_clock_spot(const mlops_clock_t *clock, mlops_spot_t *spot, int64_t t)
{
    if (mlops_likely(t >= spot->start && t < spot->end)) {
        return;
    }

    spot->tile = mlops_floor_div(t, clock->hop);
    spot->start = spot->tile * clock->hop;
    spot->end = spot->start + clock->hop;
    spot->slot = (uint32_t) mlops_floor_mod(spot->tile, clock->tiles);
}


static inline void
mlops_clock_tick(const mlops_clock_t *clock, mlops_spot_t *spot, int64_t ts,
    mlops_tick_t *tick)
{
    if (clock->hop == 0) {
        tick->tile = 0;
        tick->start_us = -MLOPS_TIME_MAX;
        tick->slot = 0;
        return;
    }

    mlops_clock_spot(clock, spot, ts);

    tick->tile = spot->tile;
    tick->start_us = spot->start;
    tick->slot = spot->slot;
}


/* The field's value; 0 where the event has none, or none that is a number. */

static inline int
mlops_window_cell(const mlops_window_op_t *op, const mlops_event_t *event,
    mlops_cell_t *cell)
{
    if (op->field == MLOPS_NO_FIELD) {
        cell->u = 0;
        return 1;
    }

    if (!mlops_bit(event->present, op->field)) {
        return 0;
    }

    *cell = event->cells[op->field];

    return op->cell_kind != MLOPS_CELL_DOUBLE || isfinite(cell->f);
}


/* A state that has not been used for a while is in memory, and its lines are
 * better waited for together than one after the other. */

static inline void
mlops_window_fetch(const mlops_window_t *window, const void *state)
{
    uint32_t  i, bytes;

    bytes = window->view->state_bytes;
    bytes = bytes < MLOPS_WINDOW_FETCH ? bytes : MLOPS_WINDOW_FETCH;

    for (i = 0; i < bytes; i += 64) {
        __builtin_prefetch((const char *) state + i, 1);
    }
}


void
mlops_window_apply(const mlops_window_t *window, void *state,
    const mlops_event_t *event)
{
    uint32_t            i;
    mlops_cell_t        cell;
    mlops_tick_t        ticks[MLOPS_VIEW_COLUMNS_MAX];
    unsigned char       passes[MLOPS_VIEW_COLUMNS_MAX];
    mlops_window_op_t  *op;

    if (event->ts_us > MLOPS_TIME_MAX || event->ts_us < -MLOPS_TIME_MAX) {
        return;
    }

    mlops_window_fetch(window, state);

    for (i = 0; i < window->clocks_n; i++) {
        mlops_clock_tick(&window->clocks[i], &window->spots[i], event->ts_us,
                         &ticks[i]);
    }

    for (i = 0; i < window->filters_n; i++) {
        passes[i] = (unsigned char) mlops_where_eval(window->filters[i],
                                                     &window->view->event,
                                                     event);
    }

    for (i = 0; i < window->ops_n; i++) {
        op = &window->ops[i];

        if ((op->filter_i == MLOPS_NO_FIELD || passes[op->filter_i])
            && mlops_window_cell(op, event, &cell))
        {
            op->kind.apply(op, (char *) state + op->state,
                           &ticks[op->clock_i], event, cell);
        }
    }
}


/* ---- values ---- */


static inline void
mlops_clock_reach(const mlops_clock_t *clock, mlops_spot_t *spot, int64_t q,
    mlops_reach_t *reach)
{
    reach->q = q;
    reach->lo = 0;
    reach->hi = 0;
    reach->from_us = INT64_MIN;
    reach->to_us = q;
    reach->pos = 0;
    reach->slot = 0;

    if (clock->hop == 0) {
        return;
    }

    mlops_clock_spot(clock, spot, q);

    reach->pos = spot->tile;
    reach->slot = spot->slot;

    if (clock->span == MLOPS_SPAN_SLIDING) {
        reach->hi = reach->pos;
        reach->lo = reach->pos - clock->hops;

    } else if (clock->span != MLOPS_SPAN_ALL) {
        reach->hi = reach->pos - 1;
        reach->lo = reach->pos - clock->hops;
        reach->to_us = spot->start;

    } else {
        return;
    }

    reach->from_us = mlops_clock_start(clock, reach->lo);
}


static inline int64_t
mlops_window_time(int64_t q)
{
    return q > MLOPS_TIME_MAX ? MLOPS_TIME_MAX
           : (q < -MLOPS_TIME_MAX ? -MLOPS_TIME_MAX : q);
}


static inline void
mlops_window_reach(const mlops_window_t *window, int64_t q,
    mlops_reach_t *reaches)
{
    uint32_t  i;

    q = mlops_window_time(q);

    for (i = 0; i < window->clocks_n; i++) {
        mlops_clock_reach(&window->clocks[i], &window->spots[i], q,
                          &reaches[i]);
    }
}


void
mlops_window_value(const mlops_window_t *window, const void *state,
    int64_t q, mlops_cell_t *cells, uint64_t *present, char *text)
{
    mlops_reach_t  reaches[MLOPS_VIEW_COLUMNS_MAX];

    mlops_window_reach(window, q, reaches);
    mlops_window_values(window, state, reaches, cells, present, text);
}


static void
mlops_window_values(const mlops_window_t *window, const void *state,
    const mlops_reach_t *reaches, mlops_cell_t *cells, uint64_t *present,
    char *text)
{
    uint32_t             i;
    mlops_window_op_t   *op;
    mlops_window_out_t   out;

    out.cells = cells;
    out.present = present;
    out.text = text;
    out.text_len = 0;

    memset(present, 0, mlops_row_words(window->view->row.n)
                       * sizeof(uint64_t));

    for (i = 0; i < window->ops_n; i++) {
        op = &window->ops[i];
        op->kind.value(op, (const char *) state + op->state,
                       &reaches[op->clock_i], &out);
    }

    for (i = 0; i < window->ratios_n; i++) {
        mlops_window_ratio(&window->ratios[i], window->view, &out);
    }
}


size_t
mlops_window_text_size(const mlops_window_t *window)
{
    return window->text_size;
}


static int
mlops_window_term(const mlops_plan_view_t *view,
    const mlops_window_out_t *out, uint32_t number, double *value)
{
    const mlops_plan_feature_t  *feature;

    feature = &view->features[number];

    if (!mlops_bit(out->present, feature->first)
        || feature->type == MLOPS_TYPE_BYTES)
    {
        return 0;
    }

    *value = feature->type == MLOPS_TYPE_INT64
             ? (double) out->cells[feature->first].i
             : out->cells[feature->first].f;

    return 1;
}


static void
mlops_window_ratio(const mlops_window_op_t *op, const mlops_plan_view_t *view,
    mlops_window_out_t *out)
{
    double  a, b;

    if (!mlops_window_term(view, out, op->feature->of[0], &a)
        || !mlops_window_term(view, out, op->feature->of[1], &b) || b == 0)
    {
        mlops_out_none(out, op, op->column);
        return;
    }

    mlops_out_double(out, op, op->column, a / b);
}


int64_t
mlops_window_next(const mlops_window_t *window, const void *state, int64_t q)
{
    mlops_reach_t  reaches[MLOPS_VIEW_COLUMNS_MAX];

    mlops_window_reach(window, q, reaches);

    return mlops_window_nexts(window, state, reaches);
}


int64_t
mlops_window_value_next(const mlops_window_t *window, const void *state,
    int64_t q, mlops_cell_t *cells, uint64_t *present, char *text)
{
    mlops_reach_t  reaches[MLOPS_VIEW_COLUMNS_MAX];

    mlops_window_reach(window, q, reaches);
    mlops_window_values(window, state, reaches, cells, present, text);

    return mlops_window_nexts(window, state, reaches);
}


static int64_t
mlops_window_nexts(const mlops_window_t *window, const void *state,
    const mlops_reach_t *reaches)
{
    int64_t             at, next;
    uint32_t            i;
    mlops_window_op_t  *op;

    next = INT64_MAX;

    for (i = 0; i < window->ops_n; i++) {
        op = &window->ops[i];

        if (op->kind.next) {
            at = op->kind.next(op, (const char *) state + op->state,
                               &reaches[op->clock_i]);
            next = at < next ? at : next;
        }
    }

    return next > MLOPS_TIME_MAX ? INT64_MAX : next;
}


/* ---- another definition ---- */


static const mlops_window_op_t *
mlops_window_same(const mlops_window_t *from, const mlops_window_op_t *op,
    uint32_t guess)
{
    uint32_t                  i, n;
    const mlops_window_op_t  *other;

    n = from->ops_n;

    for (i = 0; i < n; i++) {
        other = &from->ops[(guess + i) % n];

        if (other->feature->hash == op->feature->hash
            && other->feature->state_bytes == op->feature->state_bytes)
        {
            return other;
        }
    }

    return NULL;
}


static void
mlops_window_take(uint64_t *taken, const mlops_window_op_t *op)
{
    uint32_t  i;

    for (i = 0; taken && i < op->width; i++) {
        mlops_bit_set(taken, op->column + i);
    }
}


void
mlops_window_carry(const mlops_window_t *window, void *state,
    const mlops_window_t *from, const void *from_state, uint64_t *taken)
{
    uint32_t                     i;
    const mlops_window_op_t     *op, *other;
    const mlops_plan_feature_t  *features;

    mlops_window_reset(window, state);

    if (taken) {
        memset(taken, 0, mlops_row_words(window->view->row.n)
                         * sizeof(uint64_t));
    }

    for (i = 0; i < window->ops_n; i++) {
        op = &window->ops[i];
        other = mlops_window_same(from, op, i);

        if (other) {
            memcpy((char *) state + op->state,
                   (const char *) from_state + other->state,
                   op->feature->state_bytes);
            mlops_window_take(taken, op);
        }
    }

    /* a ratio has no state: it is what it is made of */

    features = window->view->features;

    for (i = 0; taken && i < window->ratios_n; i++) {
        op = &window->ratios[i];

        if (mlops_bit(taken, features[op->feature->of[0]].first)
            && mlops_bit(taken, features[op->feature->of[1]].first))
        {
            mlops_window_take(taken, op);
        }
    }
}
