/*
 * A definition of a shard: the window program, the state of each entity, and
 * the finished row that comes of it.
 *
 * The state of a follower is the row as it was received: switch and valid
 * time, presence words and cells of the sets, and the strings, each at a
 * place of its own.
 */

#include "mlops_shard_inner.h"
#include "mlops_pages.h"


/* Of a follower's state. */

typedef struct {
    int64_t    switch_us;
    int64_t    valid_us;
} mlops_kept_t;


static int mlops_def_shape(mlops_def_t *def, mlops_err_t *err);
static void mlops_def_row_kept(mlops_def_t *def, uint32_t number);
static void mlops_def_shift(const mlops_def_t *def);
static int64_t mlops_def_ceil(int64_t us, int64_t hop_us);


mlops_def_t *
mlops_def_create(const mlops_shard_t *shard, const mlops_plan_view_t *view,
    mlops_err_t *err)
{
    uint32_t      i;
    mlops_def_t  *def;

    def = calloc(1, sizeof(*def));

    if (def == NULL) {
        (void) mlops_err_set(err, "out of memory: %zu bytes", sizeof(*def));
        return NULL;
    }

    mlops_arena_init(&def->arena, NULL, NULL);
    def->view = view;

    if (view->role != MLOPS_ROLE_FOLLOW) {
        def->window = mlops_window_create(view, &def->arena, err);

        if (def->window == NULL) {
            goto failed;
        }
    }

    if (mlops_def_shape(def, err) != MLOPS_OK) {
        goto failed;
    }

    def->states = mlops_pages_reserve((size_t) shard->entities.limit
                                      * def->state_bytes);

    if (def->states == NULL) {
        (void) mlops_err_set(err, "out of memory: addresses for the states "
                             "of %u entities of %u bytes",
                             (unsigned) shard->entities.limit,
                             (unsigned) def->state_bytes);
        goto failed;
    }

    for (i = 0; i < view->row.n; i++) {
        def->warm[i] = INT64_MIN;
    }

    return def;

failed:

    mlops_arena_destroy(&def->arena);
    free(def);

    return NULL;
}


static int
mlops_def_shape(mlops_def_t *def, mlops_err_t *err)
{
    uint32_t                     i, k, n;
    const mlops_plan_view_t     *view;
    const mlops_plan_feature_t  *feature;

    view = def->view;
    n = view->row.n;

    def->sets = (view->sets == 2) ? 2 : 1;
    def->words = mlops_row_words(n);
    def->warm = mlops_arena_calloc(&def->arena, n, sizeof(int64_t));
    def->text_off = mlops_arena_calloc(&def->arena, n, sizeof(uint32_t));
    def->text_len = mlops_arena_calloc(&def->arena, n, sizeof(uint32_t));

    if (def->warm == NULL || def->text_off == NULL || def->text_len == NULL) {
        goto nomem;
    }

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];

        if (feature->type != MLOPS_TYPE_BYTES) {
            continue;
        }

        for (k = feature->first; k < feature->first + feature->width; k++) {
            def->text_off[k] = def->text_size;
            def->text_len[k] = feature->bytes;
            def->text_size += feature->bytes;
        }
    }

    if (def->window != NULL) {
        def->text_size = (uint32_t) mlops_window_text_size(def->window);
        def->state_bytes = (uint32_t) mlops_align(view->state_bytes, 8);

        if (def->state_bytes == 0) {
            def->state_bytes = 8;
        }

    } else {
        def->state_bytes = (uint32_t)
            (sizeof(mlops_kept_t)
             + def->sets * (def->words * 8 + n * sizeof(mlops_cell_t))
             + mlops_align(def->sets * def->text_size, 8));
    }

    def->row.cells = mlops_arena_calloc(&def->arena, def->sets * n,
                                        sizeof(mlops_cell_t));
    def->row.present = mlops_arena_calloc(&def->arena,
                                          def->sets * def->words, 8);
    def->text = mlops_arena_calloc(&def->arena, def->sets,
                                   def->text_size);

    if (def->row.cells == NULL || def->row.present == NULL
        || def->text == NULL)
    {
        goto nomem;
    }

    def->row.text = def->text;

    return MLOPS_OK;

nomem:

    return mlops_err_set(err, "out of memory: a row of %u columns",
                         (unsigned) n);
}


void
mlops_def_destroy(mlops_shard_t *shard, mlops_def_t *def)
{
    mlops_pages_release(def->states, (size_t) shard->entities.limit
                                     * def->state_bytes);
    free(def->carried);
    mlops_arena_destroy(&def->arena);
    free(def);
}


int
mlops_def_carry_from(mlops_shard_t *shard, mlops_def_t *def,
    mlops_def_t *from, mlops_err_t *err)
{
    size_t  words;

    words = ((size_t) shard->entities.limit + 63) / 64;
    def->carried = calloc(words, sizeof(uint64_t));

    if (def->carried == NULL) {
        return mlops_err_set(err, "out of memory: %zu bytes", words * 8);
    }

    def->from = from;
    def->carry = 0;
    def->carry_end = shard->entities.fresh;

    return MLOPS_OK;
}


void
mlops_def_carry(mlops_def_t *def, uint32_t number)
{
    char  *state;

    if (def->from == NULL || number >= def->carry_end
        || mlops_bit(def->carried, number))
    {
        return;
    }

    mlops_bit_set(def->carried, number);

    state = mlops_def_state(def, number);

    if (def->window == NULL) {
        memset(state, 0, def->state_bytes);
        return;
    }

    mlops_window_reset(def->window, state);
    mlops_window_carry(def->window, state, def->from->window,
                       mlops_def_state(def->from, number), NULL);
}


void
mlops_def_reset(mlops_def_t *def, uint32_t number)
{
    if (def->from != NULL && number < def->carry_end) {
        mlops_bit_set(def->carried, number);
    }

    if (def->window != NULL) {
        mlops_window_reset(def->window, mlops_def_state(def, number));

    } else {
        memset(mlops_def_state(def, number), 0, def->state_bytes);
    }
}


int
mlops_def_map(const mlops_shard_t *shard, mlops_def_t *def,
    const mlops_plan_view_t *newest, mlops_err_t *err)
{
    int                          found;
    uint32_t                     i, k, n;
    const mlops_column_t        *column;
    const mlops_plan_view_t     *view;
    const mlops_plan_feature_t  *feature;

    view = def->view;
    n = view->event.n;

    if (def->fields == NULL) {
        def->fields = mlops_arena_calloc(&def->arena, n, sizeof(uint32_t));
        def->event_cells = mlops_arena_calloc(&def->arena, n,
                                              sizeof(mlops_cell_t));
        def->event_present = mlops_arena_calloc(&def->arena,
                                                mlops_row_words(n), 8);
    }

    if (def->fields == NULL || def->event_cells == NULL
        || def->event_present == NULL)
    {
        return mlops_err_set(err, "out of memory: an event of %u fields",
                             (unsigned) n);
    }

    for (i = 0; i < n; i++) {
        column = &view->event.columns[i];
        found = mlops_schema_find(&newest->event, column->name.data,
                                  column->name.len, i);
        def->fields[i] = MLOPS_NO_FIELD;

        if (found >= 0
            && newest->event.columns[found].type == column->type)
        {
            def->fields[i] = (uint32_t) found;
        }
    }

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];
        found = feature->field == MLOPS_NO_FIELD
                || def->fields[feature->field] != MLOPS_NO_FIELD;

        for (k = 0; feature->where != NULL && k < feature->where->n; k++) {
            if (feature->where->ops[k].kind < MLOPS_WHERE_AND
                && def->fields[feature->where->ops[k].field]
                   == MLOPS_NO_FIELD)
            {
                found = 0;
            }
        }

        if (feature->func == MLOPS_FUNC_RATIO) {
            for (k = 0; k < 2; k++) {
                if (def->warm[view->features[feature->of[k]].first]
                    == INT64_MAX)
                {
                    found = 0;
                }
            }
        }

        for (k = 0; !found && k < feature->width; k++) {
            def->warm[feature->first + k] = INT64_MAX;
            mlops_publish_warm(shard, def, feature->first + k);
        }
    }

    return MLOPS_OK;
}


void
mlops_def_apply(mlops_def_t *def, uint32_t number,
    const mlops_event_t *event)
{
    uint32_t       i, k;
    mlops_event_t  mapped;

    if (def->fields == NULL) {
        mlops_window_apply(def->window, mlops_def_state(def, number), event);
        return;
    }

    for (i = 0; i < def->view->event.n; i++) {
        k = def->fields[i];

        if (k != MLOPS_NO_FIELD && mlops_bit(event->present, k)) {
            def->event_cells[i] = event->cells[k];
            mlops_bit_set(def->event_present, i);
            continue;
        }

        def->event_cells[i].u = 0;

        if (def->view->event.columns[i].kind == MLOPS_CELL_DOUBLE) {
            def->event_cells[i].f = NAN;
        }

        mlops_bit_clear(def->event_present, i);
    }

    mapped = *event;
    mapped.cells = def->event_cells;
    mapped.present = def->event_present;

    mlops_window_apply(def->window, mlops_def_state(def, number), &mapped);
}


int64_t
mlops_def_row(mlops_def_t *def, uint32_t number, const mlops_entity_t *entity,
    int64_t q)
{
    void               *state;
    size_t              n;
    int64_t             next;
    mlops_table_row_t  *row;

    row = &def->row;

    row->event_us = entity->event_us;
    row->offset = entity->offset;
    row->partition = entity->partition;

    if (def->window == NULL) {
        mlops_def_row_kept(def, number);
        return INT64_MAX;
    }

    state = mlops_def_state(def, number);
    n = def->view->row.n;

    next = mlops_window_value_next(def->window, state, q, row->cells,
                                   row->present, def->text);

    row->switch_us = INT64_MAX;
    row->valid_us = next;

    if (def->sets == 1) {
        return next;
    }

    if (next == INT64_MAX) {
        memcpy(row->cells + n, row->cells, n * sizeof(mlops_cell_t));
        memcpy(row->present + def->words, row->present, def->words * 8);

        return next;
    }

    row->valid_us = mlops_window_value_next(def->window, state, next,
                                            row->cells + n,
                                            row->present + def->words,
                                            def->text + def->text_size);

    if (def->text_size != 0) {
        mlops_def_shift(def);
    }

    row->switch_us = next;

    return next;
}


/* Strings of set 1 stand behind those of set 0. */

static void
mlops_def_shift(const mlops_def_t *def)
{
    uint32_t       i;
    mlops_cell_t  *cells;

    cells = def->row.cells + def->view->row.n;

    for (i = 0; i < def->view->row.n; i++) {
        if (def->view->row.columns[i].kind == MLOPS_CELL_STRING
            && mlops_bit(def->row.present + def->words, i))
        {
            cells[i].s.off += def->text_size;
        }
    }
}


int64_t
mlops_def_next(mlops_def_t *def, uint32_t number, int64_t q)
{
    return (def->window == NULL)
           ? INT64_MAX : mlops_window_next(def->window,
                                           mlops_def_state(def, number), q);
}


static void
mlops_def_row_kept(mlops_def_t *def, uint32_t number)
{
    char          *p;
    size_t         cells, present;
    mlops_kept_t   kept;

    cells = def->sets * def->view->row.n * sizeof(mlops_cell_t);
    present = def->sets * def->words * 8;
    p = mlops_def_state(def, number);

    memcpy(&kept, p, sizeof(kept));
    p += sizeof(kept);

    def->row.switch_us = kept.switch_us;
    def->row.valid_us = kept.valid_us;

    memcpy(def->row.present, p, present);
    p += present;

    memcpy(def->row.cells, p, cells);
    p += cells;

    memcpy(def->text, p, def->sets * def->text_size);
}


void
mlops_def_keep(mlops_def_t *def, uint32_t number,
    const mlops_table_row_t *row)
{
    char          *p, *text;
    size_t         cells, present;
    uint32_t       i, len, n, set;
    mlops_cell_t  *cell, got;
    mlops_kept_t   kept;

    n = def->view->row.n;
    cells = def->sets * n * sizeof(mlops_cell_t);
    present = def->sets * def->words * 8;
    p = mlops_def_state(def, number);

    memset(p, 0, def->state_bytes);

    kept.switch_us = (def->sets == 2) ? row->switch_us : INT64_MAX;
    kept.valid_us = row->valid_us;

    memcpy(p, &kept, sizeof(kept));
    p += sizeof(kept);

    memcpy(p, row->present, present);
    p += present;

    memcpy(p, row->cells, cells);
    cell = (mlops_cell_t *) p;
    text = p + cells;

    for (set = 0; set < def->sets; set++) {
        for (i = 0; i < n; i++) {

            if (def->view->row.columns[i].kind != MLOPS_CELL_STRING) {
                continue;
            }

            got = row->cells[set * n + i];
            cell[set * n + i].u = 0;

            if (!mlops_bit(row->present + set * def->words, i)) {
                continue;
            }

            len = def->text_len[i];

            if (got.s.len < len) {
                len = got.s.len;
            }

            cell[set * n + i].s.off = set * def->text_size
                                      + def->text_off[i];
            cell[set * n + i].s.len = len;

            if (len != 0) {
                memcpy(text + cell[set * n + i].s.off,
                       row->text + got.s.off, len);
            }
        }
    }
}


int64_t
mlops_def_kept_valid(mlops_def_t *def, uint32_t number)
{
    mlops_kept_t  kept;

    memcpy(&kept, mlops_def_state(def, number), sizeof(kept));

    return kept.valid_us;
}


int64_t
mlops_def_warm_at(const mlops_plan_view_t *view,
    const mlops_plan_feature_t *feature, int64_t begin_us)
{
    int64_t  a, b;

    if (feature->func == MLOPS_FUNC_RATIO) {
        a = mlops_def_warm_at(view, &view->features[feature->of[0]],
                              begin_us);
        b = mlops_def_warm_at(view, &view->features[feature->of[1]],
                              begin_us);

        return (a > b) ? a : b;
    }

    /* the newest bar may be of any age */

    if (feature->span == MLOPS_SPAN_ALL || mlops_func_is_bar(feature->func)) {
        return INT64_MAX;
    }

    /* the first q at which all of the window lies behind the beginning */

    if (feature->span == MLOPS_SPAN_SLIDING) {
        return mlops_us_add(mlops_def_ceil(begin_us, feature->hop_us),
                            feature->window_us);
    }

    return mlops_def_ceil(mlops_us_add(begin_us, feature->window_us),
                          feature->hop_us);
}


static int64_t
mlops_def_ceil(int64_t us, int64_t hop_us)
{
    int64_t  rest;

    if (hop_us <= 0) {
        return us;
    }

    rest = us % hop_us;

    if (rest < 0) {
        rest += hop_us;
    }

    return (rest == 0) ? us : mlops_us_add(us, hop_us - rest);
}
