/*
 * JSON documents.  The first byte chooses whether NaN and Infinity are
 * allowed ('1').  What is accepted has to be JSON by the byte scanner too,
 * and its tree of the shape that it says it has; with arrays packed and
 * unpacked again the tree is the same.
 */

#include "fuzz.h"

#include "mlops_doc.h"
#include "mlops_row.h"
#include "mlops_scan.h"


static void
walk(const mlops_doc_t *doc, int depth)
{
    double              d;
    float               f;
    int64_t             i;
    uint32_t            n;
    const mlops_doc_t  *child;

    check(depth <= 513);
    check(mlops_doc_type_name(doc) != NULL);

    switch (doc->type) {

    case MLOPS_DOC_NUMBER:
        check(doc->v.text.len != 0);
        (void) mlops_doc_double(doc, &d);
        (void) mlops_doc_float(doc, &f);
        (void) mlops_doc_int(doc, &i);
        break;

    case MLOPS_DOC_STRING:
        check(mlops_utf8_valid(doc->v.text.data, doc->v.text.len));
        check(doc->v.text.data[doc->v.text.len] == '\0');
        break;

    case MLOPS_DOC_ARRAY:
    case MLOPS_DOC_OBJECT:
        n = 0;

        for (child = doc->v.child; child != NULL; child = child->next) {
            walk(child, depth + 1);
            n++;
        }

        check(n == doc->n);
        break;

    default:
        check(doc->type == MLOPS_DOC_NULL || doc->type == MLOPS_DOC_BOOL);
    }
}


static void
same(const mlops_doc_t *a, const mlops_doc_t *b)
{
    const mlops_doc_t  *x, *y;

    check(a->type == b->type && a->n == b->n);
    check(mlops_str_eq(&a->key, b->key.data, b->key.len));

    switch (a->type) {

    case MLOPS_DOC_BOOL:
        check(a->v.boolean == b->v.boolean);
        return;

    case MLOPS_DOC_NUMBER:
    case MLOPS_DOC_STRING:
        check(mlops_str_eq(&a->v.text, b->v.text.data, b->v.text.len));
        return;

    case MLOPS_DOC_ARRAY:
    case MLOPS_DOC_OBJECT:

        for (x = a->v.child, y = b->v.child; x != NULL;
             x = x->next, y = y->next)
        {
            check(y != NULL);
            same(x, y);
        }

        check(y == NULL);
        return;

    default:
        check(a->type == MLOPS_DOC_NULL);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                  accepted;
    char                *text;
    size_t               len;
    unsigned             tokens;
    const char          *p;
    mlops_doc_t         *doc, *packed;
    mlops_err_t          err, other;
    mlops_arena_t        arena;
    mlops_scan_fault_t   fault;

    if (size < 1) {
        return 0;
    }

    tokens = (data[0] == '1');
    len = size - 1;
    text = fuzz_copy(data + 1, len);

    mlops_arena_init(&arena, NULL, NULL);
    err.text[0] = '\0';

    doc = mlops_doc_parse(text, len, tokens ? MLOPS_DOC_TOKENS : 0, &arena,
                          &err);

    other.text[0] = '\0';

    packed = mlops_doc_parse(text, len, (tokens ? MLOPS_DOC_TOKENS : 0)
                                        | MLOPS_DOC_PACK, &arena, &other);

    p = mlops_scan_value(text, text + len, 512,
                         tokens ? MLOPS_SCAN_TOKENS : 0, &fault);
    accepted = (p != NULL && mlops_scan_ws(p, text + len) == text + len);

    if (doc != NULL) {
        check(doc->next == NULL);
        check(accepted);
        walk(doc, 1);

        check(packed != NULL);
        check(mlops_doc_unpack(packed, &arena, &other) == MLOPS_OK);
        same(doc, packed);

    } else {
        check(packed == NULL);
        check(strcmp(err.text, other.text) == 0);

        check(err.text[0] != '\0');
        check(!accepted || strstr(err.text, "is there twice") != NULL);
    }

    mlops_arena_destroy(&arena);
    free(text);

    return 0;
}
