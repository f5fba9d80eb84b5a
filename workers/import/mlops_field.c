/*
 * Typed access to a document tree.
 */

#include "mlops_field.h"
#include "mlops_num.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>


#define MLOPS_FIELD_QUOTE  40       /* bytes of user text in an error */


static const mlops_doc_t *mlops_field_array(mlops_field_t *field,
    const mlops_doc_t *object, const char *key, uint32_t want);
static int mlops_field_int_value(const mlops_doc_t *doc, int64_t *value);


void
mlops_field_init(mlops_field_t *field, mlops_arena_t *arena,
    mlops_err_t *err)
{
    field->path[0] = '\0';
    field->path_len = 0;
    field->arena = arena;
    field->err = err;
}


/* A path too long for its buffer is cut. */

size_t
mlops_field_push(mlops_field_t *field, const char *key)
{
    int     n;
    size_t  old, room;

    old = field->path_len;
    room = sizeof(field->path) - old;

    n = snprintf(field->path + old, room, "%s%s", old ? "." : "", key);

    field->path_len = ((size_t) n < room) ? old + (size_t) n
                                          : sizeof(field->path) - 1;

    return old;
}


size_t
mlops_field_push_i(mlops_field_t *field, uint64_t i)
{
    int     n;
    size_t  old, room;

    old = field->path_len;
    room = sizeof(field->path) - old;

    n = snprintf(field->path + old, room, "[%llu]", (unsigned long long) i);

    field->path_len = ((size_t) n < room) ? old + (size_t) n
                                          : sizeof(field->path) - 1;

    return old;
}


void
mlops_field_pop(mlops_field_t *field, size_t path_len)
{
    field->path_len = path_len;
    field->path[path_len] = '\0';
}


static void
mlops_field_got(char *buf, size_t size, const mlops_doc_t *doc)
{
    size_t  len;

    if (doc == NULL) {
        (void) snprintf(buf, size, "nothing");
        return;
    }

    switch (doc->type) {

    case MLOPS_DOC_NUMBER:
    case MLOPS_DOC_STRING:
        len = doc->v.text.len;

        (void) snprintf(buf, size,
                        doc->type == MLOPS_DOC_STRING ? "\"%.*s%s\""
                                                      : "%.*s%s",
                        (int) (len <= MLOPS_FIELD_QUOTE ? len
                                                        : MLOPS_FIELD_QUOTE),
                        doc->v.text.data,
                        len <= MLOPS_FIELD_QUOTE ? "" : "...");
        return;

    case MLOPS_DOC_BOOL:
        (void) snprintf(buf, size, "%s", doc->v.boolean ? "true" : "false");
        return;

    case MLOPS_DOC_ARRAY:
        (void) snprintf(buf, size, "an array of %u", doc->n);
        return;

    case MLOPS_DOC_NUMBERS:
    case MLOPS_DOC_FLOATS:
    case MLOPS_DOC_INTS:
        (void) snprintf(buf, size, "an array of %u numbers", doc->n);
        return;

    case MLOPS_DOC_OBJECT:
        (void) snprintf(buf, size, "an object");
        return;

    default:
        (void) snprintf(buf, size, "null");
        return;
    }
}


int
mlops_field_fail(mlops_field_t *field, const mlops_doc_t *doc,
    const char *expected, ...)
{
    char     text[MLOPS_ERR_SIZE / 2], got[2 * MLOPS_FIELD_QUOTE];
    va_list  args;

    va_start(args, expected);
    (void) vsnprintf(text, sizeof(text), expected, args);
    va_end(args);

    mlops_field_got(got, sizeof(got), doc);

    return mlops_err_set(field->err, "%s%sexpected %s, got %s", field->path,
                         field->path_len ? ": " : "", text, got);
}


int
mlops_field_error(mlops_field_t *field, const char *fmt, ...)
{
    char     text[MLOPS_ERR_SIZE];
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    return mlops_err_set(field->err, "%s%s%s", field->path,
                         field->path_len ? ": " : "", text);
}


int
mlops_field_memory(mlops_field_t *field)
{
    return mlops_err_set(field->err, "out of memory");
}


static const char *
mlops_field_expected(mlops_doc_type_t type)
{
    switch (type) {

    case MLOPS_DOC_OBJECT:
        return "an object";

    case MLOPS_DOC_ARRAY:
        return "an array";

    case MLOPS_DOC_STRING:
        return "a string";

    case MLOPS_DOC_NUMBER:
        return "a number";

    case MLOPS_DOC_BOOL:
        return "true or false";

    default:
        return "a value";
    }
}


int
mlops_field_find(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, mlops_doc_type_t type, const mlops_doc_t **doc)
{
    size_t  old;

    *doc = mlops_doc_get(object, key);

    if (*doc == NULL || (*doc)->type == MLOPS_DOC_NULL) {
        *doc = NULL;
        return MLOPS_OK;
    }

    if ((*doc)->type == type
        || (type == MLOPS_DOC_ARRAY && mlops_field_is_array(*doc)))
    {
        return MLOPS_OK;
    }

    old = mlops_field_push(field, key);
    (void) mlops_field_fail(field, *doc, "%s", mlops_field_expected(type));
    mlops_field_pop(field, old);

    return MLOPS_ERROR;
}


const mlops_doc_t *
mlops_field_get(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, mlops_doc_type_t type)
{
    size_t              old;
    const mlops_doc_t  *doc;

    if (mlops_field_find(field, object, key, type, &doc) != MLOPS_OK) {
        return NULL;
    }

    if (doc == NULL) {
        old = mlops_field_push(field, key);
        (void) mlops_field_fail(field, mlops_doc_get(object, key), "%s",
                                mlops_field_expected(type));
        mlops_field_pop(field, old);
    }

    return doc;
}


int
mlops_field_is_array(const mlops_doc_t *doc)
{
    return doc != NULL
           && (doc->type == MLOPS_DOC_ARRAY || doc->type == MLOPS_DOC_NUMBERS
               || doc->type == MLOPS_DOC_FLOATS
               || doc->type == MLOPS_DOC_INTS);
}


int
mlops_field_int(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, int64_t lo, int64_t hi, int64_t dflt, int64_t *value)
{
    int                 rc, overflow;
    size_t              old;
    const char         *p, *end;
    const mlops_doc_t  *doc;

    doc = mlops_doc_get(object, key);

    if (doc == NULL && dflt >= lo) {
        *value = dflt;
        return MLOPS_OK;
    }

    rc = MLOPS_ERROR;

    if (doc != NULL && doc->type == MLOPS_DOC_STRING) {
        p = doc->v.text.data;
        end = p + doc->v.text.len;
        overflow = 0;

        p = mlops_parse_int64(p, end, value, &overflow);
        rc = (p == end && !overflow) ? MLOPS_OK : MLOPS_ERROR;

    } else if (doc != NULL) {
        rc = mlops_field_int_value(doc, value);
    }

    if (rc == MLOPS_OK && *value >= lo && *value <= hi) {
        return MLOPS_OK;
    }

    old = mlops_field_push(field, key);
    (void) mlops_field_fail(field, doc, "an integer from %lld to %lld",
                            (long long) lo, (long long) hi);
    mlops_field_pop(field, old);

    return MLOPS_ERROR;
}


static int
mlops_field_int_value(const mlops_doc_t *doc, int64_t *value)
{
    if (doc->type == MLOPS_DOC_BOOL) {
        *value = doc->v.boolean != 0;
        return MLOPS_OK;
    }

    return mlops_doc_int(doc, value);
}


static const mlops_doc_t *
mlops_field_array(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, uint32_t want)
{
    const mlops_doc_t  *doc;

    doc = mlops_doc_get(object, key);

    if (mlops_field_is_array(doc)
        && (want == MLOPS_FIELD_ANY || doc->n == want))
    {
        return doc;
    }

    if (want == MLOPS_FIELD_ANY) {
        (void) mlops_field_fail(field, doc, "an array");

    } else {
        (void) mlops_field_fail(field, doc, "an array of %u", want);
    }

    return NULL;
}


int
mlops_field_ints(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, uint32_t want, int64_t **values, uint32_t *n)
{
    size_t              old;
    uint32_t            i;
    mlops_doc_t         room;
    const mlops_doc_t  *doc, *child;

    old = mlops_field_push(field, key);

    doc = mlops_field_array(field, object, key, want);
    if (doc == NULL) {
        goto failed;
    }

    if (doc->type == MLOPS_DOC_FLOATS) {
        (void) mlops_field_error(field, "expected an array of integers, got "
                                 "an array of floats");
        goto failed;
    }

    *n = doc->n;

    if (doc->type == MLOPS_DOC_INTS) {
        *values = doc->v.ints;
        mlops_field_pop(field, old);
        return MLOPS_OK;
    }

    *values = mlops_arena_alloc(field->arena, doc->n * sizeof(int64_t));
    if (*values == NULL) {
        (void) mlops_field_memory(field);
        goto failed;
    }

    child = NULL;

    for (i = 0; i < doc->n; i++) {
        child = mlops_doc_next(doc, child, &room);

        if (mlops_field_int_value(child, &(*values)[i]) != MLOPS_OK) {
            (void) mlops_field_push_i(field, i);
            (void) mlops_field_fail(field, child, "an integer");
            goto failed;
        }
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;

failed:

    mlops_field_pop(field, old);

    return MLOPS_ERROR;
}


int
mlops_field_floats(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, uint32_t want, float **values, uint32_t *n)
{
    float              *v;
    size_t              old;
    uint32_t            i;
    mlops_doc_t         room;
    const mlops_doc_t  *doc, *child;

    old = mlops_field_push(field, key);

    doc = mlops_field_array(field, object, key, want);
    if (doc == NULL) {
        goto failed;
    }

    v = mlops_arena_alloc(field->arena, doc->n * sizeof(float));
    if (v == NULL) {
        (void) mlops_field_memory(field);
        goto failed;
    }

    *values = v;
    *n = doc->n;
    child = NULL;

    for (i = 0; i < doc->n; i++) {

        if (doc->type == MLOPS_DOC_FLOATS) {
            v[i] = (float) doc->v.floats[i];
            continue;
        }

        if (doc->type == MLOPS_DOC_INTS) {
            v[i] = (float) doc->v.ints[i];
            continue;
        }

        child = mlops_doc_next(doc, child, &room);

        if (mlops_doc_float(child, &v[i]) != MLOPS_OK) {
            (void) mlops_field_push_i(field, i);
            (void) mlops_field_fail(field, child, "a number");
            goto failed;
        }
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;

failed:

    mlops_field_pop(field, old);

    return MLOPS_ERROR;
}
