/*
 * Views for tests, from text as it stands in nginx.conf:
 *
 *     view = test_view("mlops_view v {"
 *                      "    source kafka=main topic=t;"
 *                      "    entity id int64;"
 *                      "    event_time ts unit=ms;"
 *                      "    feature n count() window=1h;"
 *                      "}");
 *
 * The text may hold other directives of the http block, too.  Where it has
 * no mlops_store or no mlops_kafka, one of each ("/run/mlops"; "main", and
 * "bootstrap.servers 127.0.0.1:9092") is put before it.  test_view gives the
 * first view and fails the test where the text is wrong; test_plan gives the
 * error.  What they make lives until the program ends.
 */

#ifndef MLOPS_UNIT_VIEWS_H
#define MLOPS_UNIT_VIEWS_H


#include "unit.h"

#include "mlops_plan.h"


typedef struct test_plan_s  test_plan_t;

struct test_plan_s {
    mlops_arena_t        arena;
    mlops_plan_t         plan;
    mlops_plan_where_t   where;
    mlops_err_t          err;
    int                  rc;            /* MLOPS_OK, or where and err say
                                           why not */
    uint32_t             line;
    const char          *pos;
    test_plan_t         *next;
};


static test_plan_t  *test_plans;


static inline void
test_plan_broken(const test_plan_t *p, const char *what)
{
    unit_note("line %u of a test's configuration: %s", p->line, what);
    fail();
}


/* Steps over blanks and comments; 0 at the end. */

static inline int
test_plan_skip(test_plan_t *p)
{
    for ( ;; ) {

        while (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\n') {
            p->line += (*p->pos++ == '\n');
        }

        if (*p->pos != '#') {
            return *p->pos != '\0';
        }

        p->pos += strcspn(p->pos, "\n");
    }
}


/* One word, in quotes or bare, as nginx reads it. */

static inline mlops_str_t
test_plan_word(test_plan_t *p)
{
    char         quote, *data;
    mlops_str_t  word;

    data = mlops_arena_alloc(&p->arena, strlen(p->pos) + 1);
    assert_non_null(data);

    word.data = data;
    quote = 0;

    if (*p->pos == '"' || *p->pos == '\'') {
        quote = *p->pos++;
    }

    for ( ;; ) {

        if (*p->pos == '\0') {
            break;
        }

        if (quote ? *p->pos == quote : strchr(" \t\n;{", *p->pos) != NULL) {
            break;
        }

        if (*p->pos == '\\' && p->pos[1] != '\0'
            && strchr("\"'\\", p->pos[1]) != NULL)
        {
            p->pos++;
        }

        p->line += (*p->pos == '\n');
        *data++ = *p->pos++;
    }

    if (quote) {

        if (*p->pos == '\0') {
            test_plan_broken(p, "a quote is not closed");
        }

        p->pos++;
    }

    *data = '\0';
    word.len = data - word.data;

    return word;
}


static inline mlops_plan_node_t *
test_plan_node(test_plan_t *p)
{
    uint32_t            *lines;
    mlops_plan_node_t   *node, **last;

    static const mlops_str_t  file = mlops_str("nginx.conf");

    node = mlops_arena_calloc(&p->arena, 1, sizeof(*node));
    assert_non_null(node);

    node->args = mlops_arena_calloc(&p->arena, 64, sizeof(mlops_str_t));
    lines = mlops_arena_calloc(&p->arena, 64, sizeof(uint32_t));
    assert_non_null(node->args);
    assert_non_null(lines);

    node->file = file;
    node->line = p->line;
    node->lines = lines;

    while (test_plan_skip(p) && *p->pos != ';' && *p->pos != '{') {

        if (node->args_n == 64) {
            test_plan_broken(p, "more than 64 words");
        }

        lines[node->args_n] = p->line;
        node->args[node->args_n++] = test_plan_word(p);
    }

    if (*p->pos == '\0') {
        test_plan_broken(p, "expected \";\" or \"{\"");
    }

    if (*p->pos++ == ';') {
        return node;
    }

    node->block = 1;
    last = &node->children;

    while (test_plan_skip(p) && *p->pos != '}') {
        *last = test_plan_node(p);
        last = &(*last)->next;
    }

    if (*p->pos == '\0') {
        test_plan_broken(p, "expected \"}\"");
    }

    p->pos++;

    return node;
}


/* Adds the directives of the text, up to an error. */

static inline void
test_plan_add(test_plan_t *p, const char *text)
{
    p->pos = text;
    p->line = 1;

    while (p->rc == MLOPS_OK && test_plan_skip(p)) {
        p->rc = mlops_plan_add(&p->plan, test_plan_node(p), &p->where,
                               &p->err);
    }
}


static inline test_plan_t *
test_plan(const char *text)
{
    test_plan_t  *p;

    p = calloc(1, sizeof(*p));
    assert_non_null(p);

    p->next = test_plans;
    test_plans = p;

    mlops_arena_init(&p->arena, NULL, NULL);
    mlops_plan_init(&p->plan, &p->arena);

    if (strstr(text, "mlops_store") == NULL) {
        test_plan_add(p, "mlops_store /run/mlops;");
    }

    if (strstr(text, "mlops_kafka") == NULL) {
        test_plan_add(p, "mlops_kafka main { bootstrap.servers "
                      "127.0.0.1:9092; }");
    }

    test_plan_add(p, text);

    if (p->rc == MLOPS_OK) {
        p->rc = mlops_plan_finish(&p->plan, &p->where, &p->err);
    }

    return p;
}


/* All of the plan, or the test fails. */

static inline mlops_plan_t *
test_plan_good(const char *text)
{
    test_plan_t  *p;

    p = test_plan(text);

    unit_ok(p->rc == MLOPS_OK, "line %u of a test's configuration: %s",
            p->where.line, p->err.text);

    return &p->plan;
}


/* Refused at this line with this text, in which "@" stands for place; source
 * is told. */

static inline void
test_plan_refused(const test_plan_t *p, const char *source,
    const char *place, const char *text, uint32_t line)
{
    char         expected[1024], *to;
    const char  *from;

    to = expected;

    for (from = text; *from != '\0'; from++) {
        if (*from == '@') {
            to = stpcpy(to, place);

        } else {
            *to++ = *from;
        }
    }

    *to = '\0';

    unit_ok(p->rc == MLOPS_ERROR, "%s: accepted", source);
    unit_ok(strcmp(p->err.text, expected) == 0,
            "%s:\n  got      %s\n  expected %s", source, p->err.text,
            expected);
    unit_ok(p->where.line == line, "%s: line %u", source, p->where.line);
}


static inline mlops_plan_view_t *
test_view(const char *text)
{
    mlops_plan_t  *plan;

    plan = test_plan_good(text);

    unit_ok(plan->views_n > 0, "no view in a test's configuration");

    return plan->views;
}


#endif /* MLOPS_UNIT_VIEWS_H */
