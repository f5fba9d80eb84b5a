/*
 * UBJSON of any bytes: a tree that is read keeps its counts, and unpacked and
 * written as JSON it is read again by the reader of JSON as the same.
 */

#include "fuzz.h"

#include "mlops_import_job.h"
#include "mlops_ubjson.h"


static void
fuzz_same(const mlops_doc_t *a, const mlops_doc_t *b)
{
    uint32_t            n;
    const mlops_doc_t  *x, *y;

    check(a->n == b->n);

    switch (a->type) {

    case MLOPS_DOC_NULL:
    case MLOPS_DOC_BOOL:
        check(a->type == b->type);
        return;

    case MLOPS_DOC_STRING:
    case MLOPS_DOC_NUMBER:
        check(b->type == a->type || b->type == MLOPS_DOC_STRING);
        check(mlops_str_eq(&a->v.text, b->v.text.data, b->v.text.len));
        return;

    default:
        check(a->type == b->type);
    }

    y = b->v.child;

    for (n = 0, x = a->v.child; x != NULL; n++, x = x->next, y = y->next) {
        check(mlops_str_eq(&x->key, y->key.data, y->key.len));
        fuzz_same(x, y);
    }

    check(n == a->n && y == NULL);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    mlops_err_t           err;
    mlops_doc_t          *doc, *again;
    mlops_arena_t         arena;
    mlops_import_text_t   text;

    mlops_arena_init(&arena, NULL, NULL);
    memset(&text, 0, sizeof(text));

    err.text[0] = '\0';
    doc = mlops_ubjson_parse((const char *) data, size, &arena, &err);

    if (doc == NULL) {
        check(err.text[0] != '\0');

    } else {
        check(mlops_doc_unpack(doc, &arena, &err) == MLOPS_OK);
        mlops_import_doc(&text, doc);
        check(!text.failed);

        again = mlops_doc_parse(text.data, text.len, 0, &arena, &err);
        check(again != NULL);
        fuzz_same(doc, again);
    }

    free(text.data);
    mlops_arena_destroy(&arena);

    return 0;
}
