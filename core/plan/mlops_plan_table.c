/*
 * The engine of the tables: unknown names, arguments, blocks, repetition,
 * and error texts with a guess at what was meant.
 */

#include "mlops_plan_table.h"

#include <stdarg.h>
#include <stdio.h>


#define MLOPS_PLAN_WORD_MAX   64    /* longer words are not guessed at */
#define MLOPS_PLAN_LIST_SIZE  256


static int mlops_plan_no_entry(const mlops_plan_entry_t *table, size_t n,
    mlops_plan_call_t *call);
static int mlops_plan_arity(const mlops_plan_entry_t *entry,
    mlops_plan_call_t *call);
static uint32_t mlops_plan_distance(const char *a, size_t an, const char *b,
    size_t bn);


int
mlops_plan_run(const mlops_plan_entry_t *table, size_t n,
    mlops_plan_call_t *call)
{
    size_t                     i;
    mlops_str_t               *name;
    mlops_plan_node_t         *node;
    const mlops_plan_node_t   *other;
    const mlops_plan_entry_t  *entry;

    node = call->node;

    if (node->args_n == 0) {
        return mlops_plan_wrong(call, 0, "a directive without a name%s",
                                call->place);
    }

    name = &node->args[0];
    entry = NULL;

    for (i = 0; i < n; i++) {
        if (mlops_str_eq(name, table[i].name, strlen(table[i].name))) {
            entry = &table[i];
            break;
        }
    }

    if (entry == NULL) {
        return mlops_plan_no_entry(table, n, call);
    }

    if (entry->flags & MLOPS_PLAN_ONCE) {

        for (other = call->first;
             other != NULL && other != node;
             other = other->next)
        {
            if (mlops_str_eq(&other->args[0], name->data, name->len)) {
                return mlops_plan_wrong(call, 0, "\"%s\" is duplicate%s: it "
                                        "is in %.*s:%u already", entry->name,
                                        call->place, mlops_fmt(&other->file),
                                        other->line);
            }
        }
    }

    if (mlops_plan_arity(entry, call) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (node->block && !(entry->flags & MLOPS_PLAN_BLOCK)) {
        return mlops_plan_wrong(call, 0, "\"%s\" takes no block%s: expected "
                                "\"%s\"", entry->name, call->place,
                                entry->doc);
    }

    if (!node->block && (entry->flags & MLOPS_PLAN_BLOCK)) {
        return mlops_plan_wrong(call, 0, "\"%s\" has no block%s: expected "
                                "\"%s\"", entry->name, call->place,
                                entry->doc);
    }

    return entry->handler(call);
}


int
mlops_plan_children(const mlops_plan_entry_t *table, size_t n,
    const mlops_plan_call_t *call, const char *place, void *data)
{
    mlops_plan_call_t   inner;
    mlops_plan_node_t  *node;

    inner = *call;
    inner.first = call->node->children;
    inner.place = place;
    inner.data = data;

    for (node = call->node->children; node != NULL; node = node->next) {
        inner.node = node;

        if (mlops_plan_run(table, n, &inner) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}


static int
mlops_plan_no_entry(const mlops_plan_entry_t *table, size_t n,
    mlops_plan_call_t *call)
{
    size_t       i;
    char         list[MLOPS_PLAN_LIST_SIZE];
    const char  *guess, *names[64];

    if (n > mlops_nitems(names)) {
        n = mlops_nitems(names);
    }

    for (i = 0; i < n; i++) {
        names[i] = table[i].name;
    }

    guess = mlops_plan_guess(&call->node->args[0], names, n);

    if (guess != NULL) {
        return mlops_plan_wrong(call, 0, "unknown directive \"%.*s\"%s: did "
                                "you mean \"%s\"?",
                                mlops_fmt(&call->node->args[0]), call->place,
                                guess);
    }

    mlops_plan_list(list, sizeof(list), names, n);

    return mlops_plan_wrong(call, 0, "unknown directive \"%.*s\"%s: expected "
                            "%s", mlops_fmt(&call->node->args[0]),
                            call->place, list);
}


static int
mlops_plan_arity(const mlops_plan_entry_t *entry, mlops_plan_call_t *call)
{
    char      expected[64];
    uint32_t  got, wrong;

    got = call->node->args_n - 1;

    if (got >= entry->args_min && got <= entry->args_max) {
        return MLOPS_OK;
    }

    if (entry->args_min == entry->args_max) {
        (void) snprintf(expected, sizeof(expected), "%u argument%s",
                        entry->args_min, (entry->args_min == 1) ? "" : "s");

    } else if (entry->args_max == MLOPS_PLAN_MANY) {
        (void) snprintf(expected, sizeof(expected), "at least %u argument%s",
                        entry->args_min, (entry->args_min == 1) ? "" : "s");

    } else {
        (void) snprintf(expected, sizeof(expected), "%u to %u arguments",
                        entry->args_min, entry->args_max);
    }

    wrong = (got > entry->args_max) ? entry->args_max + 1 : 0;

    return mlops_plan_wrong(call, wrong, "invalid number of arguments in "
                            "\"%s\"%s: expected %s, got %u: \"%s\"",
                            entry->name, call->place, expected, got,
                            entry->doc);
}


int
mlops_plan_wrong(mlops_plan_call_t *call, uint32_t arg, const char *fmt, ...)
{
    char                text[MLOPS_ERR_SIZE];
    va_list             args;
    mlops_plan_node_t  *node;

    node = call->node;

    call->where->file = node->file;
    call->where->line = (node->lines != NULL && arg < node->args_n)
                        ? node->lines[arg] : node->line;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    return mlops_err_set(call->err, "%s", text);
}


int
mlops_plan_param(mlops_plan_call_t *call, uint32_t arg, const char *key,
    mlops_str_t *value)
{
    size_t        len;
    uint32_t      i;
    mlops_str_t  *text;

    len = strlen(key);
    text = call->node->args;

    if (text[arg].len <= len || text[arg].data[len] != '='
        || memcmp(text[arg].data, key, len) != 0)
    {
        return MLOPS_AGAIN;
    }

    for (i = 1; i < arg; i++) {
        if (text[i].len > len && text[i].data[len] == '='
            && memcmp(text[i].data, key, len) == 0)
        {
            return mlops_plan_wrong(call, arg, "\"%s=\" is duplicate in "
                                    "\"%.*s\"%s", key, mlops_fmt(&text[0]),
                                    call->place);
        }
    }

    value->data = text[arg].data + len + 1;
    value->len = text[arg].len - len - 1;

    return MLOPS_OK;
}


int
mlops_plan_unknown(mlops_plan_call_t *call, uint32_t arg,
    const char *const *keys, size_t n)
{
    char          list[MLOPS_PLAN_LIST_SIZE];
    const char   *guess, *equals;
    mlops_str_t   word;

    word = call->node->args[arg];
    equals = (word.len == 0) ? NULL : memchr(word.data, '=', word.len);

    if (equals != NULL) {
        word.len = equals + 1 - word.data;
    }

    guess = mlops_plan_guess(&word, keys, n);

    if (guess != NULL) {
        return mlops_plan_wrong(call, arg, "unknown parameter \"%.*s\" in "
                                "\"%.*s\"%s: did you mean \"%s\"?",
                                mlops_fmt(&call->node->args[arg]),
                                mlops_fmt(&call->node->args[0]), call->place,
                                guess);
    }

    mlops_plan_list(list, sizeof(list), keys, n);

    return mlops_plan_wrong(call, arg, "unknown parameter \"%.*s\" in "
                            "\"%.*s\"%s: expected %s",
                            mlops_fmt(&call->node->args[arg]),
                            mlops_fmt(&call->node->args[0]), call->place,
                            list);
}


int
mlops_plan_choice(mlops_plan_call_t *call, uint32_t arg, size_t skip,
    const char *const *words, uint32_t n, uint32_t *choice)
{
    char         list[MLOPS_PLAN_LIST_SIZE];
    uint32_t     i;
    const char  *guess;
    mlops_str_t  text;

    text.data = call->node->args[arg].data + skip;
    text.len = call->node->args[arg].len - skip;

    for (i = 0; i < n; i++) {
        if (mlops_str_eq(&text, words[i], strlen(words[i]))) {
            *choice = i;
            return MLOPS_OK;
        }
    }

    mlops_plan_list(list, sizeof(list), words, n);

    guess = mlops_plan_guess(&text, words, n);

    return mlops_plan_wrong(call, arg, "invalid value \"%.*s\" in \"%.*s\"%s:"
                            " expected %s%s%s%s", mlops_fmt(&text),
                            mlops_fmt(&call->node->args[0]), call->place,
                            list, (guess == NULL) ? "" : "; did you mean \"",
                            (guess == NULL) ? "" : guess,
                            (guess == NULL) ? "" : "\"?");
}


void
mlops_plan_list(char *p, size_t size, const char *const *words, size_t n)
{
    size_t  i, len;

    len = 0;
    p[0] = '\0';

    for (i = 0; i < n && len < size; i++) {
        len += snprintf(p + len, size - len, "%s\"%s\"",
                        (i == 0) ? "" : (i + 1 == n) ? " or " : ", ",
                        words[i]);
    }
}


const char *
mlops_plan_guess(const mlops_str_t *text, const char *const *words, size_t n)
{
    size_t       i, len;
    uint32_t     d, best, limit;
    const char  *guess;

    if (text->len == 0 || text->len > MLOPS_PLAN_WORD_MAX) {
        return NULL;
    }

    guess = NULL;
    best = UINT32_MAX;

    for (i = 0; i < n; i++) {
        len = strlen(words[i]);

        if (len > MLOPS_PLAN_WORD_MAX) {
            continue;
        }

        limit = (len < 5) ? 1 : (len < 9) ? 2 : 3;
        d = mlops_plan_distance(text->data, text->len, words[i], len);

        if (d <= limit && d < best) {
            best = d;
            guess = words[i];
        }
    }

    return guess;
}


/* Letters to insert, delete, replace, or swap with a neighbour (optimal
 * string alignment); both texts are at most MLOPS_PLAN_WORD_MAX long. */

static uint32_t
mlops_plan_distance(const char *a, size_t an, const char *b, size_t bn)
{
    size_t    i, j;
    uint32_t  d, rows[3][MLOPS_PLAN_WORD_MAX + 1];
    uint32_t *before, *above, *row;

    for (j = 0; j <= bn; j++) {
        rows[0][j] = j;
    }

    for (i = 1; i <= an; i++) {
        row = rows[i % 3];
        above = rows[(i - 1) % 3];
        before = rows[(i + 1) % 3];

        row[0] = i;

        for (j = 1; j <= bn; j++) {
            d = above[j - 1] + (a[i - 1] != b[j - 1]);

            if (d > above[j] + 1) {
                d = above[j] + 1;
            }

            if (d > row[j - 1] + 1) {
                d = row[j - 1] + 1;
            }

            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]
                && d > before[j - 2] + 1)
            {
                d = before[j - 2] + 1;
            }

            row[j] = d;
        }
    }

    return rows[an % 3][bn];
}
