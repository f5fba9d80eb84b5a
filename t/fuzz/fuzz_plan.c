/*
 * plan.json of any bytes: what is read is written and read again, and is the
 * same; sources of directives, and filters, of any bytes.
 */

#include "fuzz.h"

#include "mlops_plan.h"


/* What every reader of a view relies on. */

static void
fuzz_view(const mlops_plan_view_t *view, const mlops_plan_view_t *again)
{
    uint32_t                     i, k, depth;
    const mlops_where_op_t      *op;
    const mlops_plan_feature_t  *f;

    check(view->hash == again->hash);
    check(view->base_hash == again->base_hash);
    check(view->entity < view->event.n);
    check(view->time < view->event.n || view->file.len != 0);
    check(view->shards >= 1 && view->shards <= MLOPS_SHARDS_MAX);
    check(view->max_entities >= view->shards);
    check(view->row.n >= 1 && view->row.n <= MLOPS_VIEW_COLUMNS_MAX);
    check(view->state_bytes % 8 == 0);

    for (i = 0; i < view->features_n; i++) {
        f = &view->features[i];

        check(f->hash == again->features[i].hash);
        check(f->first + f->width <= view->row.n);
        check(f->field == MLOPS_NO_FIELD || f->field < view->event.n);
        check(f->span == MLOPS_SPAN_ALL
              || (f->hop_us > 0 && f->window_us % f->hop_us == 0
                  && f->window_us / f->hop_us <= MLOPS_HOPS_MAX));
        check(f->func != MLOPS_FUNC_RATIO || (f->of[0] < i && f->of[1] < i));
        check(f->state % 8 == 0
              && f->state + f->state_bytes <= view->state_bytes);

        depth = 0;

        for (k = 0; f->where != NULL && k < f->where->n; k++) {
            op = &f->where->ops[k];

            if (op->kind < MLOPS_WHERE_AND) {
                check(op->field < view->event.n);
                depth++;

            } else if (op->kind == MLOPS_WHERE_NOT) {
                check(depth >= 1);

            } else {
                check(depth >= 2);
                depth--;
            }
        }

        check(depth == (f->where != NULL));
    }
}


static void
fuzz_json(const char *text, size_t len)
{
    char                *one, *two;
    size_t               n, m;
    uint32_t             i;
    mlops_err_t          err;
    mlops_plan_t         plan, again;
    mlops_arena_t        arena;
    mlops_plan_where_t   where;

    mlops_arena_init(&arena, NULL, NULL);
    mlops_plan_init(&plan, &arena);
    mlops_plan_init(&again, &arena);

    if (mlops_plan_read(&plan, text, len, &where, &err) == MLOPS_OK) {
        check(mlops_plan_write(&plan, "now", &one, &n, &err) == MLOPS_OK);
        check(mlops_plan_read(&again, one, n, &where, &err) == MLOPS_OK);
        check(mlops_plan_write(&again, "now", &two, &m, &err) == MLOPS_OK);
        check(n == m && memcmp(one, two, n) == 0);
        check(plan.models_n == again.models_n);
        check(plan.kafkas_n == again.kafkas_n);
        check(plan.views_n == again.views_n);

        for (i = 0; i < plan.views_n; i++) {
            fuzz_view(&plan.views[i], &again.views[i]);
        }

        free(one);
        free(two);

    } else {
        check(err.text[0] != '\0');
    }

    mlops_arena_destroy(&arena);
}


static void
fuzz_words(const char *text, size_t len)
{
    uint32_t      i, lines[8], wrong;
    uint64_t      value;
    mlops_err_t   err;
    mlops_str_t   s;

    if (mlops_plan_words(text, len, 1000000, lines, 8, &wrong, &err)
        == MLOPS_OK)
    {
        for (i = 0; i < 8; i++) {
            check(lines[i] >= 1 && lines[i] <= 1000000);
            check(i == 0 || lines[i] >= lines[i - 1]);
        }
    }

    s.data = text;
    s.len = len;

    (void) mlops_plan_size(&s, &value);
    (void) mlops_plan_time(&s, &value);
}


/* The bytes as a filter, and as a function, of a view that is good. */

static void
fuzz_feature(const char *text, size_t len)
{
    char                 where[512];
    uint32_t             i;
    mlops_err_t          err;
    mlops_plan_t         plan;
    mlops_arena_t        arena;
    mlops_plan_node_t    view, nodes[4];
    mlops_plan_where_t   place;

    mlops_str_t  args[] = {
        mlops_str("mlops_view"), mlops_str("v"),
        mlops_str("source"), mlops_str("kafka=k"), mlops_str("topic=t"),
        mlops_str("entity"), mlops_str("id"), mlops_str("int64"),
        mlops_str("event_time"), mlops_str("ts"),
        mlops_str("feature"), mlops_str("f"), mlops_str("sum(a)"),
        mlops_str("")
    };

    static const uint32_t  from[] = { 2, 5, 8, 10 };
    static const uint32_t  n[] = { 3, 3, 2, 4 };

    if (len > sizeof(where) - 6) {
        len = sizeof(where) - 6;
    }

    memcpy(where, "where=", 6);
    memcpy(where + 6, text, len);

    if (len > 0 && text[0] == '(') {
        args[12].data = where + 7;              /* "(sum(a)" is sum(a) */
        args[12].len = len - 1;
        args[13].data = "type=double";
        args[13].len = 11;

    } else {
        args[13].data = where;
        args[13].len = len + 6;
    }

    memset(nodes, 0, sizeof(nodes));
    memset(&view, 0, sizeof(view));

    for (i = 0; i < 4; i++) {
        nodes[i].args = &args[from[i]];
        nodes[i].args_n = n[i];
        nodes[i].next = (i < 3) ? &nodes[i + 1] : NULL;
    }

    view.args = args;
    view.args_n = 2;
    view.block = 1;
    view.children = nodes;

    mlops_arena_init(&arena, NULL, NULL);
    mlops_plan_init(&plan, &arena);

    if (mlops_plan_add(&plan, &view, &place, &err) == MLOPS_OK) {
        fuzz_view(plan.views, plan.views);

    } else {
        check(err.text[0] != '\0');
    }

    mlops_arena_destroy(&arena);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_feature((const char *) data, size);
    fuzz_json((const char *) data, size);
    fuzz_words((const char *) data, size);

    return 0;
}
