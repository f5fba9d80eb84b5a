/*
 * Joining: keys, lookups, cells.
 *
 * Rows go in groups, so that the keys of a group are all known and what they
 * lead to is asked of memory before the first one is looked up.
 */

#include "mlops_join.h"
#include "mlops_join_map.h"
#include "mlops_num.h"

#include <stdio.h>


#define MLOPS_JOIN_GROUP  32            /* rows */
#define MLOPS_JOIN_SHOWN  64            /* bytes of a key in an error */


/* The key of one row. */

typedef struct {
    mlops_key_t                      key;
    uint64_t                         hash;
    unsigned                         there:1;
    char                             text[MLOPS_INT_LEN];
} mlops_join_slot_t;


/* What a lookup gave. */

typedef struct {
    mlops_tables_t                  *tables;
    const mlops_table_t             *table;
    mlops_table_found_t              found;
    mlops_status_t                   status;    /* of the row */
    unsigned                         row:1;     /* there, and not too old */
} mlops_join_hit_t;


typedef struct {
    mlops_join_call_t               *call;
    const mlops_joined_signature_t  *map;
    mlops_join_slot_t               *slots;     /* MLOPS_JOIN_GROUP a key */
    char                            *text;      /* of strings joined */
    uint32_t                         text_off;

    uint32_t                         start;     /* the group */
    uint32_t                         n;

    uint32_t                         row;       /* at hand */
    unsigned char                    flags[MLOPS_JOIN_GROUP];
                                                /* noticed already, by row of
                                                   the group */
} mlops_join_run_t;


#define MLOPS_JOIN_MISSING  0x01
#define MLOPS_JOIN_STALE    0x02
#define MLOPS_JOIN_WARMING  0x04


static int mlops_join_text(mlops_join_run_t *run);
static int mlops_join_group(mlops_join_run_t *run, uint32_t stage);
static void mlops_join_ask(mlops_join_run_t *run, uint32_t stage);
static int mlops_join_keys(mlops_join_run_t *run,
    const mlops_joined_key_t *key, mlops_join_slot_t *slots);
static int mlops_join_slot(mlops_join_run_t *run,
    const mlops_joined_key_t *key, mlops_join_slot_t *slot);
static int mlops_join_slot_number(mlops_join_run_t *run,
    const mlops_joined_key_t *key, mlops_cell_t cell,
    mlops_join_slot_t *slot);
static int mlops_join_slot_text(mlops_join_run_t *run,
    const mlops_joined_key_t *key, mlops_cell_t cell,
    mlops_join_slot_t *slot);
static int mlops_join_slot_parse(mlops_join_run_t *run,
    const mlops_joined_key_t *key, const mlops_str_t *text,
    mlops_join_slot_t *slot);
static int mlops_join_one(mlops_join_run_t *run,
    const mlops_joined_one_t *one);
static void mlops_join_look(mlops_join_run_t *run,
    const mlops_joined_one_t *one, const mlops_join_slot_t *slot,
    mlops_join_hit_t *hit);
static int mlops_join_fill_row(mlops_join_run_t *run,
    const mlops_joined_one_t *one, mlops_join_hit_t *hit);
static int mlops_join_cell(mlops_join_run_t *run, const mlops_fill_t *fill,
    const mlops_tables_t *tables, mlops_cell_t *cell);
static int mlops_join_lacks(mlops_join_run_t *run,
    const mlops_joined_one_t *one);
static int mlops_join_note(mlops_join_run_t *run, unsigned flag,
    uint32_t column);
static int mlops_join_refuse(mlops_join_run_t *run,
    const mlops_joined_one_t *one, const mlops_join_slot_t *slot,
    const mlops_join_hit_t *hit);
static int mlops_join_wrong(mlops_join_run_t *run,
    const mlops_joined_key_t *key, const char *expected,
    const mlops_str_t *got);
static char *mlops_join_at(mlops_join_run_t *run, char at[32]);


int
mlops_join_rows(mlops_join_call_t *call)
{
    uint32_t          k, stage, group;
    mlops_join_run_t  run;

    memset(call->notice, 0, sizeof(*call->notice));
    memset(&run, 0, sizeof(run));

    call->field = 0;
    run.call = call;
    run.map = &call->joined->signatures[call->signature];

    if (run.map->ones_n == 0) {
        return MLOPS_OK;
    }

    group = (call->rows->n < MLOPS_JOIN_GROUP) ? call->rows->n
                                               : MLOPS_JOIN_GROUP;

    run.slots = mlops_arena_alloc(call->arena, (size_t) run.map->keys_n
                                               * group * sizeof(*run.slots));
    if (run.slots == NULL) {
        return mlops_err_set(call->err, "out of memory for the keys of %u "
                             "rows", group);
    }

    if (run.map->text_bytes != 0 && mlops_join_text(&run) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (run.start = 0; run.start < call->rows->n; run.start += group) {

        memset(run.flags, 0, sizeof(run.flags));
        run.n = call->rows->n - run.start;

        if (run.n > group) {
            run.n = group;
        }

        for (stage = 0; stage < run.map->stages; stage++) {

            for (k = 0; k < run.map->keys_n; k++) {
                if (run.map->keys[k].stage == stage
                    && mlops_join_keys(&run, &run.map->keys[k],
                                       run.slots + (size_t) k * group)
                       != MLOPS_OK)
                {
                    return MLOPS_ERROR;
                }
            }

            if (mlops_join_group(&run, stage) != MLOPS_OK) {
                return MLOPS_ERROR;
            }
        }
    }

    return MLOPS_OK;
}


/* A text that has room for all strings that may come. */

static int
mlops_join_text(mlops_join_run_t *run)
{
    uint64_t            size;
    mlops_join_call_t  *call;

    call = run->call;
    size = call->text_len + run->map->text_bytes * call->rows->n;

    if (size >= UINT32_MAX) {
        return mlops_err_set(call->err, "more than 4 GiB of strings for %u "
                             "rows", call->rows->n);
    }

    run->text = mlops_arena_alloc(call->arena, size);

    if (run->text == NULL) {
        return mlops_err_set(call->err, "out of memory for %llu bytes of "
                             "strings", (unsigned long long) size);
    }

    if (call->text_len != 0) {
        memcpy(run->text, call->rows->text, call->text_len);
    }

    call->rows->text = run->text;
    run->text_off = (uint32_t) call->text_len;

    return MLOPS_OK;
}


static inline mlops_join_slot_t *
mlops_join_slots(const mlops_join_run_t *run, uint32_t key)
{
    uint32_t  group;

    group = (run->call->rows->n < MLOPS_JOIN_GROUP) ? run->call->rows->n
                                                    : MLOPS_JOIN_GROUP;

    return run->slots + (size_t) key * group;
}


static inline const mlops_table_t *
mlops_join_table(const mlops_tables_t *tables, uint64_t hash)
{
    return tables->shards[mlops_key_shard(hash, tables->view->shards)];
}


static int
mlops_join_group(mlops_join_run_t *run, uint32_t stage)
{
    uint32_t                   i;
    const mlops_joined_one_t  *one;

    if (run->n > 1 || run->map->ones_n > 1) {
        mlops_join_ask(run, stage);
    }

    for (i = 0; i < run->map->ones_n; i++) {
        one = &run->map->ones[i];

        if (one->stage == stage && mlops_join_one(run, one) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


/* Twice over all keys: buckets, then the rows that they name. */

static void
mlops_join_ask(mlops_join_run_t *run, uint32_t stage)
{
    uint32_t                   i, j, n, pass;
    mlops_tables_t            *tables;
    const mlops_table_t       *table;
    const mlops_join_slot_t   *slots;
    const mlops_joined_one_t  *one;

    for (pass = 0; pass < 2; pass++) {

        for (i = 0; i < run->map->ones_n; i++) {
            one = &run->map->ones[i];

            if (one->stage != stage) {
                continue;
            }

            tables = run->call->tables[one->join];
            slots = mlops_join_slots(run, one->key);
            n = (run->map->keys[one->key].source == MLOPS_KEY_COLUMN)
                ? run->n : 1;

            for (j = 0; j < n; j++) {

                table = slots[j].there
                        ? mlops_join_table(tables, slots[j].hash) : NULL;

                if (table == NULL) {
                    continue;
                }

                if (pass == 0) {
                    mlops_table_prefetch(table, slots[j].hash);

                } else {
                    mlops_table_prefetch_row(table, slots[j].hash);
                }
            }
        }
    }
}


/* The keys of a group; variables and constants have one for all rows. */

static int
mlops_join_keys(mlops_join_run_t *run, const mlops_joined_key_t *key,
    mlops_join_slot_t *slots)
{
    uint32_t            i;
    const mlops_str_t  *value;

    switch (key->source) {

    case MLOPS_KEY_CONSTANT:
        slots->key = key->constant;
        slots->hash = key->hash;
        slots->there = 1;
        return MLOPS_OK;

    case MLOPS_KEY_VARIABLE:
        value = &run->call->values[key->join];
        slots->there = 0;

        if (value->len == 0) {
            return MLOPS_OK;
        }

        run->row = run->start;

        if (mlops_join_slot_parse(run, key, value, slots) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        break;

    default:
        for (i = 0; i < run->n; i++) {
            run->row = run->start + i;

            if (mlops_join_slot(run, key, &slots[i]) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            if (slots[i].there) {
                slots[i].hash = mlops_key_hash(key->type, &slots[i].key);
            }
        }

        return MLOPS_OK;
    }

    slots->hash = mlops_key_hash(key->type, &slots->key);

    return MLOPS_OK;
}


static int
mlops_join_slot(mlops_join_run_t *run, const mlops_joined_key_t *key,
    mlops_join_slot_t *slot)
{
    mlops_cell_t         cell;
    const mlops_rows_t  *rows;

    rows = run->call->rows;
    slot->there = mlops_bit(rows->present + (size_t) run->row * rows->words,
                            key->column);

    if (!slot->there) {
        return MLOPS_OK;
    }

    cell = rows->cells[(size_t) run->row * rows->schema->n + key->column];

    return (key->type == MLOPS_TYPE_INT64)
           ? mlops_join_slot_number(run, key, cell, slot)
           : mlops_join_slot_text(run, key, cell, slot);
}


/* Which integers a double or a float still tells apart: what is next to the
 * limit rounds to it. */

static inline int
mlops_join_whole(mlops_type_t type, double v)
{
    double  limit;

    limit = (type == MLOPS_TYPE_FP32) ? 0x1p24 : 0x1p53;

    return v > -limit && v < limit && v == (double) (int64_t) v;
}


static int
mlops_join_slot_number(mlops_join_run_t *run, const mlops_joined_key_t *key,
    mlops_cell_t cell, mlops_join_slot_t *slot)
{
    char                   got[MLOPS_DOUBLE_LEN];
    mlops_str_t            text;
    const mlops_rows_t    *rows;
    const mlops_column_t  *column;

    rows = run->call->rows;
    column = &rows->schema->columns[key->column];
    text.data = got;

    switch (column->kind) {

    case MLOPS_CELL_INT:
        slot->key.number = cell.i;
        return MLOPS_OK;

    case MLOPS_CELL_UINT:
        if (cell.u <= INT64_MAX) {
            slot->key.number = (int64_t) cell.u;
            return MLOPS_OK;
        }

        text.len = mlops_print_uint64(got, cell.u) - got;
        return mlops_join_wrong(run, key, "an int64", &text);

    case MLOPS_CELL_DOUBLE:
        if (mlops_join_whole(column->type, cell.f)) {
            slot->key.number = (int64_t) cell.f;
            return MLOPS_OK;
        }

        text.len = ((column->type == MLOPS_TYPE_FP32)
                    ? mlops_print_float(got, (float) cell.f)
                    : mlops_print_double(got, cell.f)) - got;
        return mlops_join_wrong(run, key, (column->type == MLOPS_TYPE_FP32)
                                          ? "an integer that FP32 holds"
                                          : "an integer that FP64 holds",
                                &text);

    default:
        text.data = rows->text + cell.s.off;
        text.len = cell.s.len;
        return mlops_join_slot_parse(run, key, &text, slot);
    }
}


static int
mlops_join_slot_text(mlops_join_run_t *run, const mlops_joined_key_t *key,
    mlops_cell_t cell, mlops_join_slot_t *slot)
{
    char                   got[MLOPS_DOUBLE_LEN];
    mlops_str_t            text;
    const mlops_rows_t    *rows;
    const mlops_column_t  *column;

    rows = run->call->rows;
    column = &rows->schema->columns[key->column];
    slot->key.text.data = slot->text;

    switch (column->kind) {

    case MLOPS_CELL_INT:
        slot->key.text.len = mlops_print_int64(slot->text, cell.i)
                             - slot->text;
        return MLOPS_OK;

    case MLOPS_CELL_UINT:
        slot->key.text.len = mlops_print_uint64(slot->text, cell.u)
                             - slot->text;
        return MLOPS_OK;

    case MLOPS_CELL_DOUBLE:
        text.data = got;
        text.len = mlops_print_double(got, cell.f) - got;
        return mlops_join_wrong(run, key, "a string", &text);

    default:
        slot->key.text.data = rows->text + cell.s.off;
        slot->key.text.len = cell.s.len;
        return MLOPS_OK;
    }
}


static int
mlops_join_slot_parse(mlops_join_run_t *run, const mlops_joined_key_t *key,
    const mlops_str_t *text, mlops_join_slot_t *slot)
{
    slot->there = 1;

    /* a text that is too long is no entity's */

    if (mlops_key_parse(key->type, text, UINT32_MAX, &slot->key, NULL)
        == MLOPS_OK)
    {
        return MLOPS_OK;
    }

    if (key->type != MLOPS_TYPE_INT64) {
        slot->there = 0;
        return MLOPS_OK;
    }

    return mlops_join_wrong(run, key, "an int64", text);
}


static int
mlops_join_one(mlops_join_run_t *run, const mlops_joined_one_t *one)
{
    uint32_t                  i;
    mlops_join_hit_t          hit;
    mlops_join_slot_t        *slot;
    const mlops_plan_join_t  *plan;

    plan = &run->call->joined->joins[one->join];
    slot = mlops_join_slots(run, one->key);

    for (i = 0; i < run->n; i++) {
        run->row = run->start + i;

        if (i == 0) {
            mlops_join_look(run, one, slot, &hit);

        } else if (plan->source == MLOPS_KEY_COLUMN) {
            mlops_join_look(run, one, ++slot, &hit);
        }

        if (hit.row) {

            if (mlops_join_fill_row(run, one, &hit) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            hit.tables->counts[hit.status]++;
            continue;
        }

        hit.tables->counts[hit.status]++;

        if (plan->missing == MLOPS_MISSING_REFUSE) {
            return mlops_join_refuse(run, one, slot, &hit);
        }

        if (mlops_join_lacks(run, one) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static void
mlops_join_look(mlops_join_run_t *run, const mlops_joined_one_t *one,
    const mlops_join_slot_t *slot, mlops_join_hit_t *hit)
{
    mlops_tables_t           *tables;
    const mlops_plan_join_t  *plan;

    plan = &run->call->joined->joins[one->join];
    tables = run->call->tables[one->join];

    hit->tables = tables;
    hit->table = NULL;
    hit->row = 0;

    if (slot->there) {
        hit->table = mlops_join_table(tables, slot->hash);
    }

    if (hit->table == NULL
        || mlops_table_get(hit->table, &slot->key, slot->hash,
                           run->call->now_us, INT64_MIN, tables->cells,
                           tables->present, tables->text, &hit->found)
           != MLOPS_OK)
    {
        hit->table = NULL;
        hit->status = MLOPS_STATUS_NOT_FOUND;
        return;
    }

    hit->status = mlops_table_status(hit->table, &hit->found,
                                     tables->present, one->fills[0].from,
                                     plan->max_age_us);

    hit->row = (hit->status != MLOPS_STATUS_OUTSIDE_MAX_AGE);

    if (hit->row) {
        hit->status = MLOPS_STATUS_PRESENT;
    }
}


static int
mlops_join_fill_row(mlops_join_run_t *run, const mlops_joined_one_t *one,
    mlops_join_hit_t *hit)
{
    uint32_t             i;
    uint64_t            *present;
    mlops_rows_t        *rows;
    mlops_cell_t        *cells, cell;
    mlops_status_t       status;
    const mlops_fill_t  *fill;

    rows = run->call->rows;
    cells = rows->cells + (size_t) run->row * rows->schema->n;
    present = rows->present + (size_t) run->row * rows->words;

    for (i = 0; i < one->fills_n; i++) {
        fill = &one->fills[i];

        if (fill->override && mlops_bit(present, fill->to)) {
            continue;
        }

        status = mlops_table_status(hit->table, &hit->found,
                                    hit->tables->present, fill->from, 0);

        if (mlops_unlikely(status >= MLOPS_STATUS_STALE)) {

            if (status > hit->status) {
                hit->status = status;
            }

            if (mlops_join_note(run, (status == MLOPS_STATUS_STALE)
                                     ? MLOPS_JOIN_STALE : MLOPS_JOIN_WARMING,
                                fill->to)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }
        }

        if (mlops_bit(hit->tables->present, fill->from)
            && mlops_join_cell(run, fill, hit->tables, &cell) == MLOPS_OK)
        {
            cells[fill->to] = cell;
            mlops_bit_set(present, fill->to);
        }
    }

    return MLOPS_OK;
}


/* MLOPS_OK, or MLOPS_ERROR: no value that the column could hold. */

static int
mlops_join_cell(mlops_join_run_t *run, const mlops_fill_t *fill,
    const mlops_tables_t *tables, mlops_cell_t *cell)
{
    mlops_cell_t  from;

    from = tables->cells[fill->from];

    switch (fill->kind) {

    case MLOPS_FILL_REAL:
        cell->f = from.f;
        return isfinite(from.f) ? MLOPS_OK : MLOPS_ERROR;

    case MLOPS_FILL_REAL_FLOAT:
        cell->f = (float) from.f;
        return isfinite(cell->f) ? MLOPS_OK : MLOPS_ERROR;

    case MLOPS_FILL_REAL_INT:
        if (!(from.f >= -0x1p63 && from.f < 0x1p63)
            || from.f != (double) (int64_t) from.f)
        {
            return MLOPS_ERROR;
        }

        from.i = (int64_t) from.f;
        break;

    case MLOPS_FILL_REAL_UINT:
        if (!(from.f >= 0 && from.f < 0x1p64)
            || from.f != (double) (uint64_t) from.f)
        {
            return MLOPS_ERROR;
        }

        cell->u = (uint64_t) from.f;
        return (cell->u <= fill->hi) ? MLOPS_OK : MLOPS_ERROR;

    case MLOPS_FILL_INT_REAL:
        cell->f = (double) from.i;
        return MLOPS_OK;

    case MLOPS_FILL_INT_FLOAT:
        cell->f = (float) from.i;
        return MLOPS_OK;

    case MLOPS_FILL_INT_UINT:
        cell->u = (uint64_t) from.i;
        return (from.i >= 0 && cell->u <= fill->hi) ? MLOPS_OK : MLOPS_ERROR;

    case MLOPS_FILL_TEXT:
        memcpy(run->text + run->text_off, tables->text + from.s.off,
               from.s.len);
        cell->s.off = run->text_off;
        cell->s.len = from.s.len;
        run->text_off += from.s.len;
        return MLOPS_OK;

    default:
        break;
    }

    /* an integer into one of signed type */

    cell->i = from.i;

    return (from.i >= fill->lo
            && (from.i < 0 || (uint64_t) from.i <= fill->hi))
           ? MLOPS_OK : MLOPS_ERROR;
}


/* No row: what the body has not brought either is told, unless there is a
 * default for it, which is told when it is filled in. */

static int
mlops_join_lacks(mlops_join_run_t *run, const mlops_joined_one_t *one)
{
    uint32_t             i, to;
    uint64_t            *present;
    const mlops_rows_t  *rows;

    rows = run->call->rows;
    present = rows->present + (size_t) run->row * rows->words;

    for (i = 0; i < one->fills_n; i++) {
        to = one->fills[i].to;

        if (mlops_bit(present, to)
            || rows->schema->columns[to].flags & MLOPS_COLUMN_DEFAULT)
        {
            continue;
        }

        if (mlops_join_note(run, MLOPS_JOIN_MISSING, to) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


/* A row counts once for each kind. */

static int
mlops_join_note(mlops_join_run_t *run, unsigned flag, uint32_t column)
{
    uint32_t             *rows;
    uint64_t            **columns;
    unsigned char        *flags;
    mlops_join_notice_t  *notice;

    notice = run->call->notice;

    switch (flag) {

    case MLOPS_JOIN_MISSING:
        rows = &notice->missing_rows;
        columns = &notice->missing_columns;
        break;

    case MLOPS_JOIN_STALE:
        rows = &notice->stale_rows;
        columns = &notice->stale_columns;
        break;

    default:
        rows = &notice->warming_rows;
        columns = &notice->warming_columns;
    }

    if (*columns == NULL) {
        *columns = mlops_arena_calloc(run->call->arena,
                                      run->call->rows->words,
                                      sizeof(uint64_t));
        if (*columns == NULL) {
            return mlops_err_set(run->call->err, "out of memory");
        }
    }

    mlops_bit_set(*columns, column);

    flags = &run->flags[run->row - run->start];

    *rows += !(*flags & flag);
    *flags |= flag;

    return MLOPS_OK;
}


static int
mlops_join_refuse(mlops_join_run_t *run, const mlops_joined_one_t *one,
    const mlops_join_slot_t *slot, const mlops_join_hit_t *hit)
{
    char                       at[32], name[MLOPS_JOIN_SHOWN + 1];
    int64_t                    ttl_us, age_us;
    mlops_err_t               *err;
    const mlops_plan_join_t   *plan;
    const mlops_joined_key_t  *key;

    err = run->call->err;
    plan = &run->call->joined->joins[one->join];
    key = &run->map->keys[one->key];

    if (!slot->there) {

        if (key->source == MLOPS_KEY_COLUMN) {
            run->call->field = 1;

            return mlops_err_set(err, "%.*s%s: expected an entity of view "
                                 "\"%.*s\", got none", mlops_fmt(&plan->key),
                                 mlops_join_at(run, at),
                                 mlops_fmt(&plan->view_name));
        }

        return mlops_err_set(err, "%.*s is empty: expected an entity of view "
                             "\"%.*s\"", mlops_fmt(&plan->key),
                             mlops_fmt(&plan->view_name));
    }

    if (key->type == MLOPS_TYPE_INT64) {
        (void) snprintf(name, sizeof(name), "%lld",
                        (long long) slot->key.number);

    } else {
        (void) snprintf(name, sizeof(name), "%.*s",
                        (int) ((slot->key.text.len < MLOPS_JOIN_SHOWN)
                               ? slot->key.text.len : MLOPS_JOIN_SHOWN),
                        slot->key.text.data);
    }

    if (hit->table == NULL) {
        return mlops_err_set(err, "view \"%.*s\" has no entity %s%s",
                             mlops_fmt(&plan->view_name), name,
                             mlops_join_at(run, at));
    }

    ttl_us = plan->view->ttl_us;

    if (ttl_us == 0 || (plan->max_age_us != 0 && plan->max_age_us < ttl_us)) {
        ttl_us = plan->max_age_us;
    }

    age_us = hit->found.now_us - hit->found.event_us;

    return mlops_err_set(err, "view \"%.*s\": entity %s%s is too old: "
                         "expected an event of the last %.6g s, got one of "
                         "%.6g s ago", mlops_fmt(&plan->view_name), name,
                         mlops_join_at(run, at), (double) ttl_us / 1e6,
                         (double) age_us / 1e6);
}


static int
mlops_join_wrong(mlops_join_run_t *run, const mlops_joined_key_t *key,
    const char *expected, const mlops_str_t *got)
{
    int                       len, quoted;
    char                      at[32];
    const mlops_plan_join_t  *plan;

    plan = &run->call->joined->joins[key->join];
    len = (int) ((got->len < MLOPS_JOIN_SHOWN) ? got->len : MLOPS_JOIN_SHOWN);
    quoted = (got->len == 0
              || (got->data[0] != '-'
                  && (got->data[0] < '0' || got->data[0] > '9')));

    run->call->field = (key->source == MLOPS_KEY_COLUMN);

    return mlops_err_set(run->call->err, "%.*s%s: expected %s, an entity of "
                         "view \"%.*s\", got %s%.*s%s", mlops_fmt(&plan->key),
                         run->call->field ? mlops_join_at(run, at) : "",
                         expected, mlops_fmt(&plan->view_name),
                         quoted ? "\"" : "", len, got->data,
                         quoted ? "\"" : "");
}


/* ", row 3", where there are several. */

static char *
mlops_join_at(mlops_join_run_t *run, char at[32])
{
    at[0] = '\0';

    if (run->call->rows->n > 1) {
        (void) snprintf(at, 32, ", row %u", run->row);
    }

    return at;
}
