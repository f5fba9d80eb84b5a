/*
 * Resolving joins: which column of which view goes where.
 *
 * A join takes part in a signature where it fills one of its inputs, or the
 * key of another join that takes part.
 */

#include "mlops_join.h"
#include "mlops_join_map.h"

#include <stdarg.h>
#include <stdio.h>


typedef struct {
    mlops_joined_t            *joined;
    mlops_arena_t             *arena;
    mlops_err_t               *err;

    mlops_signature_t         *to;
    mlops_joined_signature_t  *map;
    uint8_t                   *used;        /* by join: takes part in it */
    uint8_t                   *ever;        /* in one of them */
    uint32_t                  *stages;      /* by join */
} mlops_join_build_t;


static int mlops_join_signature(mlops_join_build_t *b, uint32_t i);
static void mlops_join_used(mlops_join_build_t *b,
    const mlops_schema_t *inputs);
static int mlops_join_columns(mlops_join_build_t *b,
    const mlops_schema_t *inputs);
static int mlops_join_fills(mlops_join_build_t *b, uint32_t join,
    mlops_joined_one_t *one);
static void mlops_join_fill(mlops_join_build_t *b, uint32_t join,
    uint32_t from, uint32_t to, mlops_joined_one_t *one);
static int mlops_join_key(mlops_join_build_t *b, uint32_t join,
    mlops_joined_one_t *one);
static int mlops_join_order(mlops_join_build_t *b);
static int mlops_join_from(const mlops_join_build_t *b, uint32_t join,
    const mlops_str_t *name);
static int mlops_join_fits(mlops_join_build_t *b, uint32_t join,
    const mlops_column_t *column, mlops_fill_kind_t *kind);
static int mlops_join_kind(mlops_type_t from, mlops_type_t to,
    mlops_fill_kind_t *kind);
static uint64_t mlops_join_text_bytes(const mlops_plan_view_t *view,
    uint32_t column);
static void mlops_join_note(mlops_join_build_t *b, uint32_t join,
    const char *fmt, ...) mlops_printf(3, 4);


mlops_joined_t *
mlops_joined_create(const mlops_interface_t *face,
    const mlops_plan_join_t *joins, uint32_t n, mlops_arena_t *arena,
    mlops_err_t *err)
{
    uint32_t             i;
    mlops_joined_t      *joined;
    mlops_join_build_t   b;

    joined = mlops_arena_calloc(arena, 1, sizeof(*joined));

    if (joined == NULL) {
        (void) mlops_err_set(err, "out of memory for %u joins", n);
        return NULL;
    }

    memset(&b, 0, sizeof(b));

    b.joined = joined;
    b.arena = arena;
    b.err = err;
    b.used = mlops_arena_calloc(arena, n, sizeof(*b.used));
    b.ever = mlops_arena_calloc(arena, n, sizeof(*b.ever));
    b.stages = mlops_arena_calloc(arena, n, sizeof(*b.stages));

    joined->joins = joins;
    joined->joins_n = n;
    joined->notes = mlops_arena_calloc(arena, n, sizeof(*joined->notes));
    joined->signatures = mlops_arena_calloc(arena, face->n,
                                            sizeof(*joined->signatures));
    joined->face.n = face->n;
    joined->face.alike = 1;
    joined->face.signatures = mlops_arena_alloc(arena,
                                  face->n * sizeof(mlops_signature_t));

    if (b.used == NULL || b.ever == NULL || b.stages == NULL
        || joined->notes == NULL || joined->signatures == NULL
        || joined->face.signatures == NULL)
    {
        (void) mlops_err_set(err, "out of memory for %u joins", n);
        return NULL;
    }

    for (i = 0; i < face->n; i++) {
        joined->face.signatures[i] = face->signatures[i];

        if (mlops_join_signature(&b, i) != MLOPS_OK) {
            return NULL;
        }

        if (!mlops_schema_alike(&joined->face.signatures[i].inputs,
                                &joined->face.signatures[0].inputs))
        {
            joined->face.alike = 0;
        }
    }

    for (i = 0; i < n; i++) {
        if (!b.ever[i]) {
            mlops_join_note(&b, i, "fills nothing: no input of the model has "
                            "the name of a column of view \"%.*s\"%s",
                            mlops_fmt(&joins[i].view_name),
                            (joins[i].prefix.len != 0) ? " with the prefix"
                            : (joins[i].suffix.len != 0) ? " with the suffix"
                            : "");
        }
    }

    return joined;
}


const mlops_interface_t *
mlops_joined_interface(const mlops_joined_t *joined)
{
    return &joined->face;
}


const char *
mlops_joined_note(const mlops_joined_t *joined, uint32_t join)
{
    return joined->notes[join];
}


int
mlops_joined_variable(const mlops_joined_t *joined, uint32_t signature,
    uint32_t join)
{
    uint32_t                         i;
    const mlops_joined_signature_t  *s;

    s = &joined->signatures[signature];

    for (i = 0; i < s->keys_n; i++) {
        if (s->keys[i].source == MLOPS_KEY_VARIABLE
            && s->keys[i].join == join)
        {
            return 1;
        }
    }

    return 0;
}


static int
mlops_join_signature(mlops_join_build_t *b, uint32_t i)
{
    uint32_t             j;
    mlops_schema_t       inputs;
    mlops_joined_one_t  *one;

    b->to = &b->joined->face.signatures[i];
    b->map = &b->joined->signatures[i];

    inputs = b->to->inputs;

    mlops_join_used(b, &inputs);

    if (mlops_join_columns(b, &inputs) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    b->map->ones = mlops_arena_calloc(b->arena, b->joined->joins_n,
                                      sizeof(mlops_joined_one_t));
    b->map->keys = mlops_arena_calloc(b->arena, b->joined->joins_n,
                                      sizeof(mlops_joined_key_t));

    if (b->map->ones == NULL || b->map->keys == NULL) {
        return mlops_err_set(b->err, "out of memory for %u joins",
                             b->joined->joins_n);
    }

    for (j = 0; j < b->joined->joins_n; j++) {

        if (!b->used[j]) {
            continue;
        }

        one = &b->map->ones[b->map->ones_n++];
        one->join = j;

        if (mlops_join_fills(b, j, one) != MLOPS_OK
            || mlops_join_key(b, j, one) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return mlops_join_order(b);
}


/* From the last to the first, because a join may fill the key of a later
 * one. */

static void
mlops_join_used(mlops_join_build_t *b, const mlops_schema_t *inputs)
{
    uint32_t                  i, j, k;
    mlops_fill_kind_t         kind;
    const mlops_plan_join_t  *joins;

    joins = b->joined->joins;

    for (j = b->joined->joins_n; j-- > 0; /* void */ ) {
        b->used[j] = 0;

        for (i = 0; i < inputs->n && !b->used[j]; i++) {
            b->used[j] = mlops_join_fits(b, j, &inputs->columns[i], &kind)
                         >= 0;
        }

        for (k = j + 1; k < b->joined->joins_n && !b->used[j]; k++) {
            b->used[j] = b->used[k] && joins[k].source == MLOPS_KEY_COLUMN
                         && mlops_join_from(b, j, &joins[k].key) >= 0;
        }

        b->ever[j] |= b->used[j];
    }
}


/* The inputs, and keys that are none behind them. */

static int
mlops_join_columns(mlops_join_build_t *b, const mlops_schema_t *inputs)
{
    uint32_t                  i, j, n;
    mlops_column_t           *columns;
    const mlops_plan_join_t  *join;

    columns = mlops_arena_calloc(b->arena, (size_t) inputs->n
                                           + b->joined->joins_n,
                                 sizeof(mlops_column_t));
    if (columns == NULL) {
        return mlops_err_set(b->err, "out of memory for %u columns",
                             inputs->n);
    }

    n = inputs->n;

    if (n != 0) {
        memcpy(columns, inputs->columns, n * sizeof(mlops_column_t));
    }

    for (j = 0; j < b->joined->joins_n; j++) {
        join = &b->joined->joins[j];

        if (!b->used[j] || join->source != MLOPS_KEY_COLUMN) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (mlops_str_eq(&columns[i].name, join->key.data,
                             join->key.len))
            {
                break;
            }
        }

        if (i < n) {
            continue;
        }

        columns[n].name = join->key;
        columns[n].type = join->view->entity_type;
        columns[n].flags = MLOPS_COLUMN_KEY;
        n++;
    }

    b->to->keys_n = n - inputs->n;
    b->to->inputs.n = n;
    b->to->inputs.columns = columns;

    return mlops_schema_index(&b->to->inputs, b->arena, b->err);
}


static int
mlops_join_fills(mlops_join_build_t *b, uint32_t join,
    mlops_joined_one_t *one)
{
    int                  from;
    uint32_t             i;
    mlops_fill_kind_t    kind;

    one->fills = mlops_arena_calloc(b->arena, b->to->inputs.n,
                                    sizeof(mlops_fill_t));
    if (one->fills == NULL) {
        return mlops_err_set(b->err, "out of memory for %u columns",
                             b->to->inputs.n);
    }

    for (i = 0; i < b->to->inputs.n; i++) {
        from = mlops_join_fits(b, join, &b->to->inputs.columns[i], &kind);

        if (from >= 0) {
            one->fills[one->fills_n].kind = kind;
            mlops_join_fill(b, join, (uint32_t) from, i, one);
        }
    }

    return MLOPS_OK;
}


static void
mlops_join_fill(mlops_join_build_t *b, uint32_t join, uint32_t from,
    uint32_t to, mlops_joined_one_t *one)
{
    uint32_t                  i;
    mlops_fill_t             *fill;
    mlops_column_t           *column;
    const mlops_plan_join_t  *plan;

    plan = &b->joined->joins[join];
    column = &b->to->inputs.columns[to];
    fill = &one->fills[one->fills_n];

    fill->from = from;
    fill->to = to;
    mlops_type_limits(column->type, &fill->lo, &fill->hi);

    for (i = 0; i < plan->override_n; i++) {
        if (mlops_str_eq(&plan->override[i], column->name.data,
                         column->name.len))
        {
            fill->override = 1;
        }
    }

    column->flags |= MLOPS_COLUMN_JOINED;

    if (plan->missing == MLOPS_MISSING_NULL) {
        column->flags &= ~MLOPS_COLUMN_DEFAULT;
    }

    if (fill->kind == MLOPS_FILL_TEXT) {
        b->map->text_bytes += mlops_join_text_bytes(plan->view, from);
    }

    one->fills_n++;
}


/* The key, shared with a join before this one where that looks up the same;
 * and when it is known. */

static int
mlops_join_key(mlops_join_build_t *b, uint32_t join, mlops_joined_one_t *one)
{
    int                       column;
    uint32_t                  i, k;
    mlops_joined_key_t       *key, *other;
    mlops_joined_one_t       *before;
    const mlops_plan_join_t  *plan;

    plan = &b->joined->joins[join];
    key = &b->map->keys[b->map->keys_n];

    key->source = plan->source;
    key->join = join;
    key->type = plan->view->entity_type;

    switch (plan->source) {

    case MLOPS_KEY_CONSTANT:
        if (mlops_key_parse(key->type, &plan->key, plan->view->entity_bytes,
                            &key->constant, b->err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        key->hash = mlops_key_hash(key->type, &key->constant);
        break;

    case MLOPS_KEY_COLUMN:
        column = mlops_schema_find(&b->to->inputs, plan->key.data,
                                   plan->key.len, 0);
        key->column = (uint32_t) column;

        for (before = b->map->ones; before < one; before++) {
            for (i = 0; i < before->fills_n; i++) {
                if (before->fills[i].to == key->column
                    && key->stage <= before->stage)
                {
                    key->stage = before->stage + 1;
                }
            }
        }

        break;

    default:
        break;
    }

    for (k = 0; k < b->map->keys_n; k++) {
        other = &b->map->keys[k];

        if (other->source == key->source && other->type == key->type
            && mlops_str_eq(&b->joined->joins[other->join].key,
                            plan->key.data, plan->key.len))
        {
            break;
        }
    }

    one->key = k;
    one->stage = key->stage;

    b->map->keys_n += (k == b->map->keys_n);

    if (one->stage >= b->map->stages) {
        b->map->stages = one->stage + 1;
    }

    return MLOPS_OK;
}


static int
mlops_join_order(mlops_join_build_t *b)
{
    uint32_t             i, n, stage;
    mlops_joined_one_t  *ones;

    if (b->map->stages <= 1) {
        return MLOPS_OK;
    }

    ones = mlops_arena_alloc(b->arena, b->map->ones_n * sizeof(*ones));

    if (ones == NULL) {
        return mlops_err_set(b->err, "out of memory for %u joins",
                             b->map->ones_n);
    }

    n = 0;

    for (stage = 0; stage < b->map->stages; stage++) {
        for (i = 0; i < b->map->ones_n; i++) {
            if (b->map->ones[i].stage == stage) {
                ones[n++] = b->map->ones[i];
            }
        }
    }

    b->map->ones = ones;

    return MLOPS_OK;
}


/* The column of the view that a join puts under this name, or -1.  The key of
 * this join, or of one before it, is needed before it could be filled. */

static int
mlops_join_from(const mlops_join_build_t *b, uint32_t join,
    const mlops_str_t *name)
{
    size_t                    before, after;
    uint32_t                  i;
    const mlops_plan_join_t  *plan;

    plan = &b->joined->joins[join];
    before = plan->prefix.len;
    after = plan->suffix.len;

    if (name->len <= before + after
        || !mlops_str_eq(&plan->prefix, name->data, before)
        || !mlops_str_eq(&plan->suffix, name->data + name->len - after,
                         after))
    {
        return -1;
    }

    for (i = 0; i <= join; i++) {
        if (b->joined->joins[i].source == MLOPS_KEY_COLUMN
            && mlops_str_eq(&b->joined->joins[i].key, name->data, name->len))
        {
            return -1;
        }
    }

    return mlops_schema_find(&plan->view->row, name->data + before,
                             name->len - before - after, 0);
}


/* The same for a column, where the types agree. */

static int
mlops_join_fits(mlops_join_build_t *b, uint32_t join,
    const mlops_column_t *column, mlops_fill_kind_t *kind)
{
    int                       from;
    const mlops_column_t     *source;
    const mlops_plan_join_t  *plan;

    plan = &b->joined->joins[join];
    from = mlops_join_from(b, join, &column->name);

    if (from < 0) {
        return from;
    }

    source = &plan->view->row.columns[from];

    if (mlops_join_kind(source->type, column->type, kind) == MLOPS_OK) {
        return from;
    }

    mlops_join_note(b, join, "does not fill \"%.*s\": the input is %s, column "
                    "\"%.*s\" of view \"%.*s\" is %s",
                    mlops_fmt(&column->name), mlops_type_name(column->type),
                    mlops_fmt(&source->name), mlops_fmt(&plan->view_name),
                    mlops_type_name(source->type));

    return -1;
}


static int
mlops_join_kind(mlops_type_t from, mlops_type_t to, mlops_fill_kind_t *kind)
{
    mlops_cell_kind_t  target;

    target = mlops_type_kind(to);

    if ((from == MLOPS_TYPE_BYTES) != (target == MLOPS_CELL_STRING)) {
        return MLOPS_ERROR;
    }

    switch (target) {

    case MLOPS_CELL_STRING:
        *kind = MLOPS_FILL_TEXT;
        break;

    case MLOPS_CELL_DOUBLE:
        *kind = (from == MLOPS_TYPE_INT64)
                ? (to == MLOPS_TYPE_FP32 ? MLOPS_FILL_INT_FLOAT
                                         : MLOPS_FILL_INT_REAL)
                : (to == MLOPS_TYPE_FP32 ? MLOPS_FILL_REAL_FLOAT
                                         : MLOPS_FILL_REAL);
        break;

    case MLOPS_CELL_INT:
        *kind = (from == MLOPS_TYPE_INT64) ? MLOPS_FILL_INT_INT
                                           : MLOPS_FILL_REAL_INT;
        break;

    default:
        *kind = (from == MLOPS_TYPE_INT64) ? MLOPS_FILL_INT_UINT
                                           : MLOPS_FILL_REAL_UINT;
    }

    return MLOPS_OK;
}


static uint64_t
mlops_join_text_bytes(const mlops_plan_view_t *view, uint32_t column)
{
    uint32_t                     i;
    const mlops_plan_feature_t  *feature;

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];

        if (column - feature->first < feature->width) {
            return feature->bytes;
        }
    }

    return 0;
}


/* The first one stays. */

static void
mlops_join_note(mlops_join_build_t *b, uint32_t join, const char *fmt, ...)
{
    char      text[MLOPS_ERR_SIZE];
    va_list   args;

    if (b->joined->notes[join] != NULL) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    b->joined->notes[join] = mlops_arena_copy(b->arena, text, strlen(text));
}
