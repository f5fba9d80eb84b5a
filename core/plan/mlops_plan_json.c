/*
 * plan.json: the nodes of a plan as text, and back.
 */

#include "mlops_plan.h"

#include "mlops_doc.h"
#include "mlops_num.h"
#include "mlops_request.h"

#include <stdlib.h>


#define MLOPS_PLAN_DEPTH  8         /* blocks in blocks */
#define MLOPS_PLAN_ARGS   65536


/* A growing text; room is asked for before bytes are put. */

typedef struct {
    char    *data;
    size_t   len;
    size_t   size;
    int      failed;
} mlops_plan_text_t;


static void mlops_plan_put_nodes(mlops_plan_text_t *text,
    const mlops_plan_node_t *node);
static void mlops_plan_put_node(mlops_plan_text_t *text,
    const mlops_plan_node_t *node);
static void mlops_plan_put_string(mlops_plan_text_t *text,
    const mlops_str_t *s);
static void mlops_plan_put(mlops_plan_text_t *text, const char *data,
    size_t len);
static char *mlops_plan_room(mlops_plan_text_t *text, size_t len);
static int mlops_plan_get_nodes(mlops_plan_t *plan, const mlops_doc_t *doc,
    uint32_t depth, mlops_plan_node_t **nodes, mlops_err_t *err);
static int mlops_plan_get_node(mlops_plan_t *plan, const mlops_doc_t *doc,
    uint32_t depth, mlops_plan_node_t *node, mlops_err_t *err);


int
mlops_plan_write(const mlops_plan_t *plan, const char *time, char **json,
    size_t *len, mlops_err_t *err)
{
    mlops_str_t        now;
    mlops_plan_text_t  text;

    memset(&text, 0, sizeof(text));

    now.data = time;
    now.len = strlen(time);

    mlops_plan_put(&text, "{\"abi\":1,\"time\":", 16);
    mlops_plan_put_string(&text, &now);
    mlops_plan_put(&text, ",\"nodes\":", 9);
    mlops_plan_put_nodes(&text, plan->nodes);
    mlops_plan_put(&text, "}\n", 2);

    if (text.failed) {
        free(text.data);
        return mlops_err_set(err, "out of memory for the plan");
    }

    *json = text.data;
    *len = text.len;

    return MLOPS_OK;
}


static void
mlops_plan_put_nodes(mlops_plan_text_t *text, const mlops_plan_node_t *node)
{
    const char  *before;

    for (before = "["; node != NULL; node = node->next) {
        mlops_plan_put(text, before, 1);
        mlops_plan_put_node(text, node);
        before = ",";
    }

    if (*before == '[') {
        mlops_plan_put(text, before, 1);
    }

    mlops_plan_put(text, "]", 1);
}


static void
mlops_plan_put_node(mlops_plan_text_t *text, const mlops_plan_node_t *node)
{
    char      line[MLOPS_INT_LEN];
    uint32_t  i;

    mlops_plan_put(text, "[", 1);
    mlops_plan_put_string(text, &node->file);
    mlops_plan_put(text, ",", 1);
    mlops_plan_put(text, line, mlops_print_uint64(line, node->line) - line);

    for (i = 0; i < node->args_n; i++) {
        mlops_plan_put(text, ",", 1);
        mlops_plan_put_string(text, &node->args[i]);
    }

    if (node->block) {
        mlops_plan_put(text, ",", 1);
        mlops_plan_put_nodes(text, node->children);
    }

    mlops_plan_put(text, "]", 1);
}


static void
mlops_plan_put_string(mlops_plan_text_t *text, const mlops_str_t *s)
{
    char  *p;

    p = mlops_plan_room(text, 6 * s->len + 2);

    if (p != NULL) {
        text->len = mlops_json_quote(p, s->data, s->len) - text->data;
    }
}


static void
mlops_plan_put(mlops_plan_text_t *text, const char *data, size_t len)
{
    char  *p;

    p = mlops_plan_room(text, len);

    if (p != NULL) {
        memcpy(p, data, len);
        text->len += len;
    }
}


static char *
mlops_plan_room(mlops_plan_text_t *text, size_t len)
{
    char    *data;
    size_t   size;

    if (text->failed) {
        return NULL;
    }

    if (text->size - text->len < len) {
        size = (text->size + len) * 2;

        data = realloc(text->data, size);
        if (data == NULL) {
            text->failed = 1;
            return NULL;
        }

        text->data = data;
        text->size = size;
    }

    return text->data + text->len;
}


int
mlops_plan_read(mlops_plan_t *plan, const char *json, size_t len,
    mlops_plan_where_t *where, mlops_err_t *err)
{
    int64_t             abi;
    mlops_doc_t        *doc, *member;
    mlops_plan_node_t  *node, *next;

    memset(where, 0, sizeof(*where));

    doc = mlops_doc_parse(json, len, 0, plan->arena, err);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    if (doc->type != MLOPS_DOC_OBJECT) {
        return mlops_err_set(err, "expected an object, got %s",
                             mlops_doc_type_name(doc));
    }

    member = mlops_doc_get(doc, "abi");

    if (member == NULL || mlops_doc_int(member, &abi) != MLOPS_OK) {
        return mlops_err_set(err, "abi: expected a whole number");
    }

    if (abi != MLOPS_PLAN_ABI) {
        return mlops_err_set(err, "abi: expected %d, got %lld: nginx and "
                             "this program are of different releases",
                             MLOPS_PLAN_ABI, (long long) abi);
    }

    member = mlops_doc_get(doc, "nodes");

    if (member == NULL || member->type != MLOPS_DOC_ARRAY) {
        return mlops_err_set(err, "nodes: expected an array");
    }

    if (mlops_plan_get_nodes(plan, member, 0, &node, err) != MLOPS_OK) {
        return mlops_err_prefix(err, "nodes");
    }

    for (/* void */; node != NULL; node = next) {
        next = node->next;

        if (mlops_plan_add(plan, node, where, err) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    return mlops_plan_finish(plan, where, err);
}


static int
mlops_plan_get_nodes(mlops_plan_t *plan, const mlops_doc_t *doc,
    uint32_t depth, mlops_plan_node_t **nodes, mlops_err_t *err)
{
    uint32_t            i;
    mlops_doc_t        *child;
    mlops_plan_node_t  *node;

    *nodes = NULL;

    if (depth == MLOPS_PLAN_DEPTH) {
        return mlops_err_set(err, "expected at most %d blocks in blocks",
                             MLOPS_PLAN_DEPTH);
    }

    i = 0;

    for (child = doc->v.child; child != NULL; child = child->next) {

        node = mlops_arena_calloc(plan->arena, 1, sizeof(*node));
        if (node == NULL) {
            return mlops_err_set(err, "out of memory");
        }

        if (mlops_plan_get_node(plan, child, depth, node, err) != MLOPS_OK) {
            return mlops_err_prefix(err, "[%u]", i);
        }

        *nodes = node;
        nodes = &node->next;
        i++;
    }

    return MLOPS_OK;
}


static int
mlops_plan_get_node(mlops_plan_t *plan, const mlops_doc_t *doc,
    uint32_t depth, mlops_plan_node_t *node, mlops_err_t *err)
{
    int64_t       line;
    mlops_doc_t  *part;

    if (doc->type != MLOPS_DOC_ARRAY || doc->n < 3
        || doc->n > MLOPS_PLAN_ARGS)
    {
        return mlops_err_set(err, "expected [\"file\", line, \"name\", ...]");
    }

    part = doc->v.child;

    if (part->type != MLOPS_DOC_STRING) {
        return mlops_err_set(err, "[0]: expected a file name, got %s",
                             mlops_doc_type_name(part));
    }

    node->file = part->v.text;

    part = part->next;

    if (mlops_doc_int(part, &line) != MLOPS_OK || line < 0
        || line > UINT32_MAX)
    {
        return mlops_err_set(err, "[1]: expected a line number");
    }

    node->line = line;

    node->args = mlops_arena_calloc(plan->arena, doc->n - 2,
                                    sizeof(*node->args));
    if (node->args == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    for (part = part->next; part != NULL; part = part->next) {

        if (part->type == MLOPS_DOC_STRING) {
            node->args[node->args_n++] = part->v.text;
            continue;
        }

        if (part->type != MLOPS_DOC_ARRAY || part->next != NULL
            || node->args_n == 0)
        {
            return mlops_err_set(err, "[%u]: expected a string, got %s",
                                 node->args_n + 2, mlops_doc_type_name(part));
        }

        node->block = 1;

        if (mlops_plan_get_nodes(plan, part, depth + 1, &node->children, err)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    return MLOPS_OK;
}
