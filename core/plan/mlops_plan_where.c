/*
 * Filters: "status == 'paid' and not (fare < 3 or fare == null)".
 *
 *     or     = and { ("or" | "||") and }
 *     and    = not { ("and" | "&&") not }
 *     not    = ("not" | "!") not | "(" or ")" | compare
 *     compare = field ("==" | "!=" | "<" | "<=" | ">" | ">=") literal
 *             | field "is" ["not"] "null"
 *     literal = 'string' | number | true | false | null
 *
 * A quote in a string is written twice.  A field is a word without blanks
 * and operators, or any name between backquotes.  true and false are 1 and 0
 * of a number; null goes with == and != alone.
 *
 * The parser descends and emits postfix order.  Literals of numbers keep
 * their text until the fields have types.  Columns in errors count bytes
 * from 1.
 */

#include "mlops_plan_build.h"

#include "mlops_num.h"

#include <stdarg.h>
#include <stdio.h>


#define MLOPS_WHERE_DEPTH  32


typedef struct {
    mlops_plan_call_t  *call;
    uint32_t            arg;
    const char         *by;             /* "feature "x"" */
    mlops_str_t         text;
    const char         *pos;
    const char         *end;
    uint32_t            depth;
    uint32_t            n;
    mlops_where_op_t    ops[MLOPS_WHERE_OPS_MAX];
} mlops_where_parser_t;


static int mlops_where_or(mlops_where_parser_t *p);
static int mlops_where_and(mlops_where_parser_t *p);
static int mlops_where_not(mlops_where_parser_t *p);
static int mlops_where_compare(mlops_where_parser_t *p);
static int mlops_where_is(mlops_where_parser_t *p, const mlops_str_t *field);
static int mlops_where_operator(mlops_where_parser_t *p,
    mlops_where_kind_t *kind);
static int mlops_where_literal(mlops_where_parser_t *p,
    const mlops_str_t *field, const char *at, mlops_where_op_t *op);
static int mlops_where_string(mlops_where_parser_t *p, mlops_str_t *s);
static int mlops_where_name(mlops_where_parser_t *p, mlops_str_t *s);
static int mlops_where_word(mlops_where_parser_t *p, mlops_str_t *s);
static int mlops_where_take(mlops_where_parser_t *p, const char *word,
    const char *sign);
static int mlops_where_emit(mlops_where_parser_t *p,
    const mlops_where_op_t *op);
static int mlops_where_emit_kind(mlops_where_parser_t *p,
    mlops_where_kind_t kind);
static void mlops_where_blanks(mlops_where_parser_t *p);
static int mlops_where_expected(mlops_where_parser_t *p,
    const char *expected);
static int mlops_where_wrong(mlops_where_parser_t *p, const char *at,
    const char *fmt, ...) mlops_printf(3, 4);


int
mlops_plan_where_parse(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *text, const char *by, mlops_where_t **where)
{
    mlops_where_t         *w;
    mlops_where_parser_t   p;

    p.call = call;
    p.arg = arg;
    p.by = by;
    p.text = *text;
    p.pos = text->data;
    p.end = text->data + text->len;
    p.depth = 0;
    p.n = 0;

    if (mlops_where_or(&p) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_where_blanks(&p);

    if (p.pos != p.end) {
        return mlops_where_expected(&p, "\"and\", \"or\" or the end");
    }

    w = mlops_arena_calloc(call->plan->arena, 1, sizeof(*w));
    if (w == NULL) {
        return mlops_plan_wrong(call, arg, "out of memory");
    }

    w->ops = mlops_arena_calloc(call->plan->arena, p.n, sizeof(*w->ops));
    if (w->ops == NULL) {
        return mlops_plan_wrong(call, arg, "out of memory");
    }

    memcpy(w->ops, p.ops, p.n * sizeof(*w->ops));

    w->n = p.n;
    w->text = *text;

    *where = w;

    return MLOPS_OK;
}


static int
mlops_where_or(mlops_where_parser_t *p)
{
    if (mlops_where_and(p) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    while (mlops_where_take(p, "or", "||")) {

        if (mlops_where_and(p) != MLOPS_OK
            || mlops_where_emit_kind(p, MLOPS_WHERE_OR) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_where_and(mlops_where_parser_t *p)
{
    if (mlops_where_not(p) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    while (mlops_where_take(p, "and", "&&")) {

        if (mlops_where_not(p) != MLOPS_OK
            || mlops_where_emit_kind(p, MLOPS_WHERE_AND) != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_where_not(mlops_where_parser_t *p)
{
    int  rc;

    mlops_where_blanks(p);

    if (p->depth == MLOPS_WHERE_DEPTH) {
        return mlops_where_wrong(p, p->pos, "expected at most %d \"not\" and "
                                 "parentheses in each other",
                                 MLOPS_WHERE_DEPTH);
    }

    if (mlops_where_take(p, "not", "!")) {
        p->depth++;
        rc = mlops_where_not(p);
        p->depth--;

        return (rc == MLOPS_OK) ? mlops_where_emit_kind(p, MLOPS_WHERE_NOT)
                                : MLOPS_ERROR;
    }

    if (p->pos == p->end || *p->pos != '(') {
        return mlops_where_compare(p);
    }

    p->pos++;
    p->depth++;
    rc = mlops_where_or(p);
    p->depth--;

    if (rc != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_where_blanks(p);

    if (p->pos == p->end || *p->pos != ')') {
        return mlops_where_expected(p, "\"and\", \"or\" or \")\"");
    }

    p->pos++;

    return MLOPS_OK;
}


static int
mlops_where_compare(mlops_where_parser_t *p)
{
    const char         *at;
    mlops_str_t         field;
    mlops_where_op_t    op;

    memset(&op, 0, sizeof(op));

    if (mlops_where_name(p, &field) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (mlops_where_take(p, "is", NULL)) {
        return mlops_where_is(p, &field);
    }

    if (mlops_where_operator(p, &op.kind) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_where_blanks(p);
    at = p->pos;

    if (mlops_where_literal(p, &field, at, &op) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_where_emit(p, &op);
}


/* "is null" and "is not null" are "== null" and "!= null". */

static int
mlops_where_is(mlops_where_parser_t *p, const mlops_str_t *field)
{
    mlops_where_op_t  op;

    memset(&op, 0, sizeof(op));

    op.kind = mlops_where_take(p, "not", NULL) ? MLOPS_WHERE_NOT_NULL
                                               : MLOPS_WHERE_IS_NULL;

    if (!mlops_where_take(p, "null", NULL)) {
        return mlops_where_expected(p, (op.kind == MLOPS_WHERE_IS_NULL)
                                       ? "\"null\" or \"not null\" behind "
                                         "\"is\""
                                       : "\"null\" behind \"is not\"");
    }

    if (mlops_plan_field(p->call, p->arg, field, MLOPS_USE_ANY,
                         MLOPS_TYPE_BYTES, p->by, &op.field)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_where_emit(p, &op);
}


static int
mlops_where_operator(mlops_where_parser_t *p, mlops_where_kind_t *kind)
{
    size_t  i, len;

    static const struct {
        const char          *sign;
        mlops_where_kind_t   kind;
    } signs[] = {
        { "==", MLOPS_WHERE_EQ },
        { "!=", MLOPS_WHERE_NE },
        { "<=", MLOPS_WHERE_LE },
        { ">=", MLOPS_WHERE_GE },
        { "<", MLOPS_WHERE_LT },
        { ">", MLOPS_WHERE_GT }
    };

    mlops_where_blanks(p);

    for (i = 0; i < mlops_nitems(signs); i++) {
        len = strlen(signs[i].sign);

        if ((size_t) (p->end - p->pos) >= len
            && memcmp(p->pos, signs[i].sign, len) == 0)
        {
            p->pos += len;
            *kind = signs[i].kind;
            return MLOPS_OK;
        }
    }

    return mlops_where_expected(p, "==, !=, <, <=, > or >= behind a field");
}


static int
mlops_where_literal(mlops_where_parser_t *p, const mlops_str_t *field,
    const char *at, mlops_where_op_t *op)
{
    double             number;
    mlops_str_t        word;
    mlops_type_t       type;
    mlops_plan_use_t   use;

    if (p->pos < p->end && *p->pos == '\'') {

        if (mlops_where_string(p, &op->text) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        return mlops_plan_field(p->call, p->arg, field, MLOPS_USE_EXACT,
                                MLOPS_TYPE_BYTES, p->by, &op->field);
    }

    if (mlops_where_word(p, &word) != MLOPS_OK) {
        return mlops_where_expected(p, "a literal: 'string', a number, true, "
                                    "false or null");
    }

    use = MLOPS_USE_NUMBER;
    type = MLOPS_TYPE_FP64;

    if (mlops_str_is(&word, "null")) {

        if (op->kind != MLOPS_WHERE_EQ && op->kind != MLOPS_WHERE_NE) {
            return mlops_where_wrong(p, at, "null goes with == and != alone");
        }

        op->kind = (op->kind == MLOPS_WHERE_EQ) ? MLOPS_WHERE_IS_NULL
                                                : MLOPS_WHERE_NOT_NULL;
        use = MLOPS_USE_ANY;
        type = MLOPS_TYPE_BYTES;

    } else if (mlops_str_is(&word, "true") || mlops_str_is(&word, "false")) {

        if (op->kind != MLOPS_WHERE_EQ && op->kind != MLOPS_WHERE_NE) {
            return mlops_where_wrong(p, at, "%.*s goes with == and != alone",
                                     mlops_fmt(&word));
        }

        op->text = word;

    } else {

        if (strchr("+-.0123456789", word.data[0]) == NULL
            || mlops_number(&word, &number) != MLOPS_OK
            || !isfinite(number))
        {
            p->pos = at;

            return mlops_where_expected(p, "a literal: 'string', a number, "
                                        "true, false or null");
        }

        op->text = word;
    }

    return mlops_plan_field(p->call, p->arg, field, use, type, p->by,
                            &op->field);
}


/* 'it''s' */

static int
mlops_where_string(mlops_where_parser_t *p, mlops_str_t *s)
{
    char        *data;
    size_t       len;
    const char  *q, *start;

    start = p->pos;

    data = mlops_arena_alloc(p->call->plan->arena, p->end - start);
    if (data == NULL) {
        return mlops_plan_wrong(p->call, p->arg, "out of memory");
    }

    len = 0;

    for (q = start + 1; q < p->end; q++) {

        if (*q == '\'') {
            if (q + 1 == p->end || q[1] != '\'') {
                p->pos = q + 1;
                s->data = data;
                s->len = len;

                return MLOPS_OK;
            }

            q++;
        }

        data[len++] = *q;
    }

    return mlops_where_wrong(p, start, "a string without its end: expected "
                             "\"'\"");
}


static int
mlops_where_name(mlops_where_parser_t *p, mlops_str_t *s)
{
    const char  *at;

    mlops_where_blanks(p);
    at = p->pos;

    if (p->pos < p->end && *p->pos == '`') {
        s->data = ++p->pos;

        while (p->pos < p->end && *p->pos != '`') {
            p->pos++;
        }

        if (p->pos == p->end) {
            return mlops_where_wrong(p, at, "a name without its end: expected"
                                     " \"`\"");
        }

        s->len = p->pos++ - s->data;

        return (s->len != 0) ? MLOPS_OK
               : mlops_where_wrong(p, at, "expected a name between the "
                                   "backquotes");
    }

    if (mlops_where_word(p, s) != MLOPS_OK) {
        return mlops_where_expected(p, "a field");
    }

    if (strchr("+-.0123456789", s->data[0]) != NULL
        || mlops_str_is(s, "true") || mlops_str_is(s, "false")
        || mlops_str_is(s, "null") || mlops_str_is(s, "and")
        || mlops_str_is(s, "or"))
    {
        p->pos = at;

        return mlops_where_expected(p, "a field");
    }

    return MLOPS_OK;
}


/* Bytes up to a blank or an operator. */

static int
mlops_where_word(mlops_where_parser_t *p, mlops_str_t *s)
{
    mlops_where_blanks(p);

    s->data = p->pos;

    while (p->pos < p->end && (unsigned char) *p->pos > ' '
           && strchr("()=!<>&|'`\",;", *p->pos) == NULL)
    {
        p->pos++;
    }

    s->len = p->pos - s->data;

    return (s->len != 0) ? MLOPS_OK : MLOPS_ERROR;
}


/* Is the next word, or sign (or NULL), that one?  "!" is none before "=". */

static int
mlops_where_take(mlops_where_parser_t *p, const char *word, const char *sign)
{
    size_t       len;
    const char  *start;
    mlops_str_t  s;

    mlops_where_blanks(p);

    len = (sign == NULL) ? 0 : strlen(sign);

    if (len != 0 && (size_t) (p->end - p->pos) >= len
        && memcmp(p->pos, sign, len) == 0
        && (len == 2 || p->end - p->pos == 1 || p->pos[1] != '='))
    {
        p->pos += len;
        return 1;
    }

    start = p->pos;

    if (mlops_where_word(p, &s) == MLOPS_OK
        && mlops_str_eq(&s, word, strlen(word)))
    {
        return 1;
    }

    p->pos = start;

    return 0;
}


static int
mlops_where_emit(mlops_where_parser_t *p, const mlops_where_op_t *op)
{
    if (p->n == MLOPS_WHERE_OPS_MAX) {
        return mlops_where_wrong(p, p->pos, "expected at most %d comparisons,"
                                 " \"and\", \"or\" and \"not\"",
                                 MLOPS_WHERE_OPS_MAX);
    }

    p->ops[p->n++] = *op;

    return MLOPS_OK;
}


static int
mlops_where_emit_kind(mlops_where_parser_t *p, mlops_where_kind_t kind)
{
    mlops_where_op_t  op;

    memset(&op, 0, sizeof(op));

    op.kind = kind;
    op.field = MLOPS_NO_FIELD;

    return mlops_where_emit(p, &op);
}


static void
mlops_where_blanks(mlops_where_parser_t *p)
{
    while (p->pos < p->end
           && (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\n'
               || *p->pos == '\r'))
    {
        p->pos++;
    }
}


static int
mlops_where_expected(mlops_where_parser_t *p, const char *expected)
{
    size_t       len;
    const char  *at;
    mlops_str_t  s;

    mlops_where_blanks(p);
    at = p->pos;

    if (at == p->end) {
        return mlops_where_wrong(p, at, "expected %s, got the end", expected);
    }

    if (mlops_where_word(p, &s) != MLOPS_OK) {
        len = (p->end - at > 1 && at[0] == at[1]) ? 2 : 1;
        s.data = at;
        s.len = len;
    }

    return mlops_where_wrong(p, at, "expected %s, got \"%.*s\"", expected,
                             mlops_fmt(&s));
}


static int
mlops_where_wrong(mlops_where_parser_t *p, const char *at, const char *fmt,
    ...)
{
    char     text[256];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    return mlops_plan_wrong(p->call, p->arg, "\"where=\" of %s%s, column %zu:"
                            " %s", p->by, p->call->place,
                            (size_t) (at - p->text.data) + 1, text);
}


/* Numbers become cells of their fields' types. */

int
mlops_plan_where_end(mlops_plan_call_t *call, uint32_t arg,
    const mlops_where_t *where)
{
    int                     overflow;
    uint32_t                i;
    const char             *p, *end;
    mlops_str_t            *text, number;
    mlops_where_op_t       *op;
    const mlops_column_t   *column;
    const mlops_schema_t   *event;

    event = &((mlops_plan_build_t *) call->data)->view->event;

    for (i = 0; i < where->n; i++) {
        op = &where->ops[i];

        if (op->kind > MLOPS_WHERE_GE) {
            continue;
        }

        column = &event->columns[op->field];
        text = &op->text;

        if (column->type == MLOPS_TYPE_BYTES) {
            continue;
        }

        number = *text;
        text->data = NULL;
        text->len = 0;

        if (number.data[0] == 't' || number.data[0] == 'f') {

            if (column->type == MLOPS_TYPE_INT64) {
                op->number.i = (number.data[0] == 't');

            } else {
                op->number.f = (number.data[0] == 't');
            }

            continue;
        }

        if (column->type == MLOPS_TYPE_FP64) {
            (void) mlops_number(&number, &op->number.f);

            if (op->number.f == 0) {
                op->number.f = 0;                   /* never -0 */
            }

            continue;
        }

        end = number.data + number.len;
        p = mlops_parse_int64(number.data, end, &op->number.i, &overflow);

        if (p != end || overflow) {
            return mlops_plan_wrong(call, arg, "\"where=\" of feature "
                                    "\"%.*s\"%s, column %zu: expected a "
                                    "whole number of 64 bits, because field "
                                    "\"%.*s\" is int64, got \"%.*s\"",
                                    mlops_fmt(&call->node->args[1]),
                                    call->place,
                                    (size_t) (number.data - where->text.data)
                                    + 1, mlops_fmt(&column->name),
                                    mlops_fmt(&number));
        }
    }

    return MLOPS_OK;
}
