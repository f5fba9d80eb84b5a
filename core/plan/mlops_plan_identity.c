/*
 * The identity of a definition: XXH3-64 (seed 0) of a text that says it in
 * one way only.  What changes a value changes the text; names of features,
 * blanks in filters, the order of parameters and the number of entities do
 * not change that of a feature.  Checkpoints, tables and file names have
 * these hashes: a change of this text makes all state new.
 *
 * Lines end with "\n".  A TEXT is its length in bytes, ":" and the bytes; a
 * HASH is 16 hexadecimal digits; times are microseconds; a double is its 8
 * bytes as HASH; types are int64, double, string.
 *
 * base_hash:
 *
 *     base 1
 *     kafka TEXT                      or  file TEXT
 *     topic TEXT
 *     format json|cloudevents|csv
 *     type TEXT
 *     entity TEXT int64|string BYTES
 *     time TEXT UNIT TICK LATENESS SKEW wall|event      or  time - wall|event
 *     dedupe TEXT int64|double|string WITHIN MAX        or  dedupe -
 *     shards N
 *
 * UNIT is in nanoseconds, 0 for RFC 3339.  hash of a feature:
 *
 *     feature 1 ABI                   MLOPS_STATE_ABI of mlops_plan_layout.h
 *     base HASH
 *     func NAME
 *     field TEXT TYPE                 or  field -
 *     of HASH HASH                    ratio's features; others: of -
 *     span all|sliding|hopping|tumbling WINDOW HOP
 *     p DOUBLE
 *     half_life TIME
 *     k N N
 *     bins N
 *     precision N
 *     column TYPE WIDTH BYTES
 *     where N                         operations, in postfix order, a line
 *     eq TEXT TYPE LITERAL            each: eq ne lt le gt ge; LITERAL is
 *     null TEXT                       TEXT, DOUBLE or a decimal int64
 *     not_null TEXT
 *     and                             or, not
 *
 * hash of the view:
 *
 *     view 1
 *     base HASH
 *     ttl TIME
 *     feature TEXT HASH               each, in order
 */

#include "mlops_plan_build.h"

#include "mlops_hash.h"
#include "mlops_plan_layout.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>


static void mlops_identity_base(mlops_plan_view_t *view);
static void mlops_identity_feature(const mlops_plan_view_t *view,
    mlops_plan_feature_t *feature);
static void mlops_identity_where(mlops_hash_t *h,
    const mlops_plan_view_t *view, const mlops_where_t *where);
static void mlops_identity_compare(mlops_hash_t *h,
    const mlops_column_t *column, const mlops_where_op_t *op,
    const char *name);
static void mlops_identity_put(mlops_hash_t *h, const char *fmt, ...)
    mlops_printf(2, 3);
static void mlops_identity_text(mlops_hash_t *h, const char *before,
    const mlops_str_t *text);
static uint64_t mlops_identity_bits(double value);


void
mlops_plan_identity(mlops_plan_view_t *view)
{
    uint32_t               i;
    mlops_hash_t           h;
    mlops_plan_feature_t  *feature;

    mlops_identity_base(view);

    mlops_hash_init(&h, 0);
    mlops_identity_put(&h, "view 1\nbase %016" PRIx64 "\nttl %" PRId64 "\n",
                       view->base_hash, view->ttl_us);

    for (i = 0; i < view->features_n; i++) {
        feature = &view->features[i];

        mlops_identity_feature(view, feature);

        mlops_identity_text(&h, "feature ", &feature->name);
        mlops_identity_put(&h, " %016" PRIx64 "\n", feature->hash);
    }

    view->hash = mlops_hash_value(&h);
}


static void
mlops_identity_base(mlops_plan_view_t *view)
{
    mlops_hash_t           h;
    const char            *clock;
    const mlops_column_t  *columns;

    static const char *const  formats[] = { "json", "cloudevents", "csv" };

    columns = view->event.columns;
    clock = (view->clock == MLOPS_CLOCK_WALL) ? "wall" : "event";

    mlops_hash_init(&h, 0);

    if (view->file.len != 0) {
        mlops_identity_text(&h, "base 1\nfile ", &view->file);

    } else {
        mlops_identity_text(&h, "base 1\nkafka ", &view->kafka_name);
    }

    mlops_identity_text(&h, "\ntopic ", &view->topic);
    mlops_identity_put(&h, "\nformat %s", formats[view->format]);
    mlops_identity_text(&h, "\ntype ", &view->event_type);

    mlops_identity_text(&h, "\nentity ", &columns[view->entity].name);
    mlops_identity_put(&h, " %s %u", mlops_plan_type_word(view->entity_type),
                       view->entity_bytes);

    if (view->time != MLOPS_NO_FIELD) {
        mlops_identity_text(&h, "\ntime ", &columns[view->time].name);
        mlops_identity_put(&h, " %.0f %" PRId64 " %" PRId64 " %" PRId64 " %s",
                           view->unit_us * 1000, view->tick_us,
                           view->lateness_us, view->skew_us, clock);

    } else {
        mlops_identity_put(&h, "\ntime - %s", clock);
    }

    if (view->dedupe != MLOPS_NO_FIELD) {
        mlops_identity_text(&h, "\ndedupe ", &columns[view->dedupe].name);
        mlops_identity_put(&h, " %s %" PRId64 " %u",
                           mlops_plan_type_word(columns[view->dedupe].type),
                           view->within_us, view->dedupe_max);

    } else {
        mlops_identity_put(&h, "\ndedupe -");
    }

    mlops_identity_put(&h, "\nshards %u\n", view->shards);

    view->base_hash = mlops_hash_value(&h);
}


static void
mlops_identity_feature(const mlops_plan_view_t *view,
    mlops_plan_feature_t *feature)
{
    mlops_hash_t           h;
    const mlops_column_t  *column;

    static const char *const  spans[] = {
        "all", "sliding", "hopping", "tumbling"
    };

    mlops_hash_init(&h, 0);

    mlops_identity_put(&h, "feature 1 %d\nbase %016" PRIx64 "\nfunc %s",
                       MLOPS_STATE_ABI, view->base_hash,
                       mlops_func_name(feature->func));

    if (feature->field != MLOPS_NO_FIELD) {
        column = &view->event.columns[feature->field];

        mlops_identity_text(&h, "\nfield ", &column->name);
        mlops_identity_put(&h, " %s", mlops_plan_type_word(column->type));

    } else {
        mlops_identity_put(&h, "\nfield -");
    }

    if (feature->func == MLOPS_FUNC_RATIO) {
        mlops_identity_put(&h, "\nof %016" PRIx64 " %016" PRIx64,
                           view->features[feature->of[0]].hash,
                           view->features[feature->of[1]].hash);

    } else {
        mlops_identity_put(&h, "\nof -");
    }

    mlops_identity_put(&h, "\nspan %s %" PRId64 " %" PRId64
                       "\np %016" PRIx64, spans[feature->span],
                       feature->window_us, feature->hop_us,
                       mlops_identity_bits(feature->p));
    mlops_identity_put(&h, "\nhalf_life %" PRId64 "\nk %u %u\nbins %u"
                       "\nprecision %u\ncolumn %s %u %u\n",
                       feature->half_life_us, feature->k[0], feature->k[1],
                       feature->bins, feature->precision,
                       mlops_plan_type_word(feature->type), feature->width,
                       feature->bytes);

    mlops_identity_where(&h, view, feature->where);

    feature->hash = mlops_hash_value(&h);
}


static void
mlops_identity_where(mlops_hash_t *h, const mlops_plan_view_t *view,
    const mlops_where_t *where)
{
    uint32_t                 i;
    const char              *name;
    const mlops_where_op_t  *op;

    static const char *const  names[] = {
        "eq", "ne", "lt", "le", "gt", "ge", "null", "not_null", "and", "or",
        "not"
    };

    mlops_identity_put(h, "where %u\n", (where == NULL) ? 0 : where->n);

    for (i = 0; where != NULL && i < where->n; i++) {
        op = &where->ops[i];
        name = names[op->kind];

        if (op->kind >= MLOPS_WHERE_AND) {
            mlops_identity_put(h, "%s\n", name);
            continue;
        }

        mlops_identity_compare(h, &view->event.columns[op->field], op, name);
    }
}


static void
mlops_identity_compare(mlops_hash_t *h, const mlops_column_t *column,
    const mlops_where_op_t *op, const char *name)
{
    mlops_identity_put(h, "%s ", name);
    mlops_identity_text(h, "", &column->name);

    if (op->kind >= MLOPS_WHERE_IS_NULL) {
        mlops_identity_put(h, "\n");
        return;
    }

    mlops_identity_put(h, " %s ", mlops_plan_type_word(column->type));

    switch (column->type) {

    case MLOPS_TYPE_BYTES:
        mlops_identity_text(h, "", &op->text);
        mlops_identity_put(h, "\n");
        break;

    case MLOPS_TYPE_INT64:
        mlops_identity_put(h, "%" PRId64 "\n", op->number.i);
        break;

    default:
        mlops_identity_put(h, "%016" PRIx64 "\n",
                           mlops_identity_bits(op->number.f));
    }
}


/* Numbers and words of ours: always short. */

static void
mlops_identity_put(mlops_hash_t *h, const char *fmt, ...)
{
    int      len;
    char     text[256];
    va_list  args;

    va_start(args, fmt);
    len = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    mlops_hash_update(h, text, len);
}


static void
mlops_identity_text(mlops_hash_t *h, const char *before,
    const mlops_str_t *text)
{
    mlops_identity_put(h, "%s%zu:", before, text->len);

    if (text->len != 0) {
        mlops_hash_update(h, text->data, text->len);
    }
}


static uint64_t
mlops_identity_bits(double value)
{
    uint64_t  bits;

    memcpy(&bits, &value, sizeof(bits));

    return bits;
}
