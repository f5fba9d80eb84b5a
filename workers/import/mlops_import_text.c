/*
 * The facts of an image: JSON text, put together piece by piece.
 */

#include "mlops_import_job.h"
#include "mlops_num.h"
#include "mlops_request.h"

#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>


static char *mlops_import_room(mlops_import_text_t *text, size_t len);


/* Room for len more bytes and a terminator. */

static char *
mlops_import_room(mlops_import_text_t *text, size_t len)
{
    char    *data;
    size_t   size;

    if (text->failed) {
        return NULL;
    }

    if (text->size - text->len > len) {
        return text->data + text->len;
    }

    size = (text->size + len) * 2 + 64;

    data = realloc(text->data, size);
    if (data == NULL) {
        text->failed = 1;
        return NULL;
    }

    text->data = data;
    text->size = size;

    return data + text->len;
}


void
mlops_import_text(mlops_import_text_t *text, const char *fmt, ...)
{
    int      n;
    char    *p;
    va_list  args, again;

    va_start(args, fmt);
    va_copy(again, args);

    n = vsnprintf(NULL, 0, fmt, args);
    p = mlops_import_room(text, n < 0 ? 0 : (size_t) n);

    if (p != NULL && n >= 0) {
        (void) vsnprintf(p, (size_t) n + 1, fmt, again);
        text->len += (size_t) n;
    }

    va_end(again);
    va_end(args);
}


void
mlops_import_bytes(mlops_import_text_t *text, const char *data, size_t len)
{
    char  *p;

    p = mlops_import_room(text, len);

    if (p != NULL) {
        memcpy(p, data, len);
        text->len += len;
    }
}


void
mlops_import_quote(mlops_import_text_t *text, const char *data, size_t len)
{
    char  *p;

    p = mlops_import_room(text, len * 6 + 2);

    if (p != NULL) {
        text->len = (size_t) (mlops_json_quote(p, data, len) - text->data);
    }
}


/* A token that is no JSON number becomes a string of that spelling. */

void
mlops_import_doc(mlops_import_text_t *text, const mlops_doc_t *doc)
{
    double              v;
    const char         *end;
    const mlops_doc_t  *child;

    switch (doc->type) {

    case MLOPS_DOC_NULL:
        mlops_import_text(text, "null");
        return;

    case MLOPS_DOC_BOOL:
        mlops_import_text(text, doc->v.boolean ? "true" : "false");
        return;

    case MLOPS_DOC_NUMBER:
        end = doc->v.text.data + doc->v.text.len;

        if (mlops_parse_double(doc->v.text.data, end, &v) == end) {
            mlops_import_text(text, "%.*s", mlops_fmt(&doc->v.text));
            return;
        }

        /* fall through */

    case MLOPS_DOC_STRING:
        mlops_import_quote(text, doc->v.text.data, doc->v.text.len);
        return;

    case MLOPS_DOC_ARRAY:
    case MLOPS_DOC_OBJECT:
        mlops_import_text(text, doc->type == MLOPS_DOC_ARRAY ? "[" : "{");

        for (child = doc->v.child; child != NULL; child = child->next) {

            if (doc->type == MLOPS_DOC_OBJECT) {
                mlops_import_quote(text, child->key.data, child->key.len);
                mlops_import_text(text, ":");
            }

            mlops_import_doc(text, child);

            if (child->next != NULL) {
                mlops_import_text(text, ",");
            }
        }

        mlops_import_text(text, doc->type == MLOPS_DOC_ARRAY ? "]" : "}");
        return;

    default:                                    /* packed: not here */
        text->failed = 1;
        return;
    }
}


void
mlops_import_digest(mlops_import_text_t *text, const char *path,
    const char *data, size_t len)
{
    unsigned int    i, n;
    const char     *name;
    unsigned char   md[EVP_MAX_MD_SIZE];

    if (path != NULL) {
        name = strrchr(path, '/');
        name = name ? name + 1 : path;

        mlops_import_text(text, "\"file\":");
        mlops_import_quote(text, name, strlen(name));
        mlops_import_text(text, ",");
    }

    mlops_import_text(text, "\"bytes\":%zu,\"sha256\":\"", len);

    n = 0;

    if (EVP_Digest(data, len, md, &n, EVP_sha256(), NULL) != 1) {
        text->failed = 1;
        return;
    }

    for (i = 0; i < n; i++) {
        mlops_import_text(text, "%02x", md[i]);
    }

    mlops_import_text(text, "\"");
}
