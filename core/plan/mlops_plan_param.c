/*
 * Values of words and of parameters with a range: whole numbers, times,
 * names.  All errors name the word, its directive and what was expected.
 */

#include "mlops_plan_table.h"

#include "mlops_num.h"

#include <stdio.h>


static int mlops_plan_bad(mlops_plan_call_t *call, uint32_t arg,
    const char *key, const mlops_str_t *value, const char *expected);


int
mlops_plan_whole(mlops_plan_call_t *call, uint32_t arg, const char *key,
    const mlops_str_t *value, uint32_t lo, uint32_t hi, uint32_t *n)
{
    int          overflow;
    char         expected[64];
    uint64_t     u;
    const char  *end, *p;

    end = value->data + value->len;
    p = (value->len == 0) ? NULL
        : mlops_parse_uint64(value->data, end, &u, &overflow);

    if (p != end || p == NULL || overflow || u < lo || u > hi) {
        (void) snprintf(expected, sizeof(expected),
                        "a whole number from %u to %u", lo, hi);

        return mlops_plan_bad(call, arg, key, value, expected);
    }

    *n = (uint32_t) u;

    return MLOPS_OK;
}


int
mlops_plan_span(mlops_plan_call_t *call, uint32_t arg, const char *key,
    const mlops_str_t *value, int zero, int64_t *us)
{
    uint64_t  ms;

    if (mlops_plan_time(value, &ms) != MLOPS_OK || (ms == 0 && !zero)
        || ms > (uint64_t) MLOPS_PLAN_SPAN_MAX / 1000)
    {
        return mlops_plan_bad(call, arg, key, value,
                              zero ? "a time such as 0, 30s, 5m or 1h, at "
                                     "most 100y"
                                   : "a time above zero such as 30s, 5m or "
                                     "1h, at most 100y");
    }

    *us = (int64_t) ms * 1000;

    return MLOPS_OK;
}


static int
mlops_plan_bad(mlops_plan_call_t *call, uint32_t arg, const char *key,
    const mlops_str_t *value, const char *expected)
{
    return mlops_plan_wrong(call, arg, "invalid value \"%.*s\"%s%s%s in "
                            "\"%.*s\"%s: expected %s", mlops_fmt(value),
                            (key == NULL) ? "" : " of \"",
                            (key == NULL) ? "" : key,
                            (key == NULL) ? "" : "\"",
                            mlops_fmt(&call->node->args[0]), call->place,
                            expected);
}


/* A field, a feature, a column: text of at most MLOPS_PLAN_FIELD_MAX bytes
 * without control bytes. */

int
mlops_plan_field_name(mlops_plan_call_t *call, uint32_t arg,
    const char *what, const mlops_str_t *name)
{
    size_t  i;

    if (name->len == 0) {
        return mlops_plan_wrong(call, arg, "the %s in \"%.*s\"%s is empty: "
                                "expected a name", what,
                                mlops_fmt(&call->node->args[0]), call->place);
    }

    if (name->len > MLOPS_PLAN_FIELD_MAX) {
        return mlops_plan_wrong(call, arg, "the %s \"%.16s...\" in \"%.*s\"%s"
                                " is too long: expected at most %d bytes, "
                                "got %zu", what, name->data,
                                mlops_fmt(&call->node->args[0]), call->place,
                                MLOPS_PLAN_FIELD_MAX, name->len);
    }

    for (i = 0; i < name->len; i++) {
        if ((unsigned char) name->data[i] < 0x20) {
            break;
        }
    }

    if (i < name->len || !mlops_utf8_valid(name->data, name->len)) {
        return mlops_plan_wrong(call, arg, "the %s \"%.*s\" in \"%.*s\"%s is "
                                "not text: expected UTF-8 without control "
                                "bytes", what, mlops_fmt(name),
                                mlops_fmt(&call->node->args[0]), call->place);
    }

    return MLOPS_OK;
}


/* A topic of Kafka: 1 to 249 letters, digits, ".", "_" and "-". */

int
mlops_plan_topic(mlops_plan_call_t *call, uint32_t arg,
    const mlops_str_t *topic)
{
    char    c;
    size_t  i;

    for (i = 0; i < topic->len; i++) {
        c = topic->data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
        {
            break;
        }
    }

    if (i < topic->len || topic->len == 0
        || topic->len > MLOPS_PLAN_TOPIC_MAX || mlops_str_is(topic, ".")
        || mlops_str_is(topic, ".."))
    {
        return mlops_plan_wrong(call, arg, "invalid topic \"%.*s\" in "
                                "\"%.*s\"%s: expected 1 to %d letters, "
                                "digits, \"_\", \"-\" and \".\"",
                                mlops_fmt(topic),
                                mlops_fmt(&call->node->args[0]), call->place,
                                MLOPS_PLAN_TOPIC_MAX);
    }

    return MLOPS_OK;
}


/* An absolute path of a file. */

int
mlops_plan_file(mlops_plan_call_t *call, uint32_t arg, const char *what,
    const mlops_str_t *path)
{
    if (path->len < 2 || path->data[0] != '/'
        || path->data[path->len - 1] == '/'
        || path->len >= MLOPS_PLAN_PATH_SIZE
        || memchr(path->data, '\0', path->len) != NULL)
    {
        return mlops_plan_wrong(call, arg, "invalid path \"%.*s\" of \"%s\" "
                                "in \"%.*s\"%s: expected an absolute path of "
                                "less than %d bytes", mlops_fmt(path), what,
                                mlops_fmt(&call->node->args[0]), call->place,
                                MLOPS_PLAN_PATH_SIZE);
    }

    return MLOPS_OK;
}


uint32_t
mlops_plan_param_find(const mlops_plan_node_t *node, uint32_t from,
    const char *key)
{
    size_t    len;
    uint32_t  i;

    len = strlen(key);

    for (i = from; i < node->args_n; i++) {
        if (node->args[i].len >= len
            && memcmp(node->args[i].data, key, len) == 0)
        {
            return i;
        }
    }

    return 0;
}
