/*
 * Packed arrays of a document: their elements, and back to nodes.
 */

#include "mlops_doc.h"
#include "mlops_num.h"
#include "mlops_scan.h"

#include <math.h>


static int mlops_doc_unpack_array(mlops_doc_t *doc, mlops_arena_t *arena,
    mlops_err_t *err);


/* The text was found to be numbers with commas between. */

const mlops_doc_t *
mlops_doc_next(const mlops_doc_t *array, const mlops_doc_t *before,
    mlops_doc_t *room)
{
    const char  *p, *end, *start;

    if (array->type != MLOPS_DOC_NUMBERS) {
        return before ? before->next : array->v.child;
    }

    p = before ? before->v.text.data + before->v.text.len
               : array->v.text.data;
    end = array->v.text.data + array->v.text.len;

    while (p < end && (*p == ',' || mlops_scan_is_ws(*p))) {
        p++;
    }

    for (start = p; p < end && *p != ',' && !mlops_scan_is_ws(*p); p++) {
        /* void */
    }

    if (p == start) {
        return NULL;
    }

    memset(room, 0, sizeof(*room));

    room->type = MLOPS_DOC_NUMBER;
    room->v.text.data = start;
    room->v.text.len = (size_t) (p - start);

    return room;
}


char *
mlops_doc_print(char *p, double value)
{
    if (isnan(value)) {
        return stpcpy(p, "NaN");
    }

    if (isinf(value)) {
        return stpcpy(p, value > 0 ? "Infinity" : "-Infinity");
    }

    return mlops_print_double(p, value);
}


int
mlops_doc_unpack(mlops_doc_t *doc, mlops_arena_t *arena, mlops_err_t *err)
{
    mlops_doc_t  *child;

    switch (doc->type) {

    case MLOPS_DOC_NUMBERS:
    case MLOPS_DOC_FLOATS:
    case MLOPS_DOC_INTS:
        return mlops_doc_unpack_array(doc, arena, err);

    case MLOPS_DOC_ARRAY:
    case MLOPS_DOC_OBJECT:

        for (child = doc->v.child; child != NULL; child = child->next) {
            if (mlops_doc_unpack(child, arena, err) != MLOPS_OK) {
                return MLOPS_ERROR;
            }
        }

        return MLOPS_OK;

    default:
        return MLOPS_OK;
    }
}


static int
mlops_doc_unpack_array(mlops_doc_t *doc, mlops_arena_t *arena,
    mlops_err_t *err)
{
    char                buf[MLOPS_DOUBLE_LEN + 1], *end;
    uint32_t            i;
    mlops_doc_t        *nodes, *node, room;
    const mlops_doc_t  *number;

    nodes = mlops_arena_calloc(arena, doc->n, sizeof(mlops_doc_t));
    if (nodes == NULL) {
        return mlops_err_set(err, "out of memory for an array of %u numbers",
                             doc->n);
    }

    number = NULL;

    for (i = 0; i < doc->n; i++) {
        node = &nodes[i];
        node->type = MLOPS_DOC_NUMBER;
        node->next = (i + 1 < doc->n) ? node + 1 : NULL;

        if (doc->type == MLOPS_DOC_NUMBERS) {
            number = mlops_doc_next(doc, number, &room);
            node->v.text = number->v.text;
            continue;
        }

        end = (doc->type == MLOPS_DOC_INTS)
              ? mlops_print_int64(buf, doc->v.ints[i])
              : mlops_doc_print(buf, doc->v.floats[i]);

        node->v.text.len = (size_t) (end - buf);
        node->v.text.data = mlops_arena_copy(arena, buf, node->v.text.len);

        if (node->v.text.data == NULL) {
            return mlops_err_set(err, "out of memory for an array of %u "
                                 "numbers", doc->n);
        }
    }

    doc->type = MLOPS_DOC_ARRAY;
    doc->v.child = (doc->n != 0) ? nodes : NULL;

    return MLOPS_OK;
}
