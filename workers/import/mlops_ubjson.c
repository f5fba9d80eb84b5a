/*
 * The UBJSON reader.  Everything is checked against the bytes that are left
 * before memory is asked for.
 */

#include "mlops_ubjson.h"
#include "mlops_num.h"
#include "mlops_row.h"

#include <stdio.h>


typedef struct {
    const unsigned char  *start;
    const unsigned char  *pos;
    const unsigned char  *end;
    mlops_arena_t        *arena;
    mlops_err_t          *err;
    uint32_t              depth;
} mlops_ubjson_t;


static mlops_doc_t *mlops_ubjson_value(mlops_ubjson_t *u, unsigned char type);


static void *
mlops_ubjson_fail(mlops_ubjson_t *u, const char *expected, const char *got)
{
    (void) mlops_err_set(u->err, "UBJSON, byte %zu: expected %s, got %s",
                         (size_t) (u->pos - u->start), expected, got);

    return NULL;
}


static void *
mlops_ubjson_fail_marker(mlops_ubjson_t *u, const char *expected)
{
    char  got[32];

    if (u->pos == u->end) {
        return mlops_ubjson_fail(u, expected, "the end of the file");
    }

    if (*u->pos > 0x20 && *u->pos < 0x7f) {
        (void) snprintf(got, sizeof(got), "'%c'", *u->pos);

    } else {
        (void) snprintf(got, sizeof(got), "byte 0x%02x", *u->pos);
    }

    return mlops_ubjson_fail(u, expected, got);
}


/* Payload bytes of a number or character, 0 for all other types. */

static size_t
mlops_ubjson_width(unsigned char type)
{
    switch (type) {

    case 'i':
    case 'U':
    case 'C':
        return 1;

    case 'I':
        return 2;

    case 'l':
    case 'd':
        return 4;

    case 'L':
    case 'D':
        return 8;

    default:
        return 0;
    }
}


static uint64_t
mlops_ubjson_bytes(const unsigned char *p, size_t n)
{
    uint64_t  v;

    for (v = 0; n > 0; n--) {
        v = (v << 8) | *p++;
    }

    return v;
}


static int64_t
mlops_ubjson_int_at(const unsigned char *p, unsigned char type)
{
    switch (type) {

    case 'i':
        return (int8_t) *p;

    case 'I':
        return (int16_t) mlops_ubjson_bytes(p, 2);

    case 'l':
        return (int32_t) mlops_ubjson_bytes(p, 4);

    case 'L':
        return (int64_t) mlops_ubjson_bytes(p, 8);

    default:
        return *p;
    }
}


static float
mlops_ubjson_float_at(const unsigned char *p)
{
    float     f;
    uint32_t  bits;

    bits = (uint32_t) mlops_ubjson_bytes(p, 4);
    memcpy(&f, &bits, sizeof(f));

    return f;
}


static double
mlops_ubjson_double_at(const unsigned char *p)
{
    double    d;
    uint64_t  bits;

    bits = mlops_ubjson_bytes(p, 8);
    memcpy(&d, &bits, sizeof(d));

    return d;
}


/* A count with its integer marker. */

static int
mlops_ubjson_len(mlops_ubjson_t *u, uint64_t *len)
{
    size_t         width;
    int64_t        n;
    unsigned char  type;

    type = (u->pos < u->end) ? *u->pos : 0;

    if (type != 'i' && type != 'U' && type != 'I' && type != 'l'
        && type != 'L')
    {
        (void) mlops_ubjson_fail_marker(u, "an integer marker of a length");
        return MLOPS_ERROR;
    }

    width = mlops_ubjson_width(type);

    if ((size_t) (u->end - u->pos) < 1 + width) {
        u->pos = u->end;
        (void) mlops_ubjson_fail_marker(u, "the bytes of a length");
        return MLOPS_ERROR;
    }

    n = mlops_ubjson_int_at(u->pos + 1, type);

    if (n < 0) {
        (void) mlops_ubjson_fail(u, "a length", "a negative number");
        return MLOPS_ERROR;
    }

    u->pos += 1 + width;
    *len = (uint64_t) n;

    return MLOPS_OK;
}


/* len bytes of UTF-8. */

static int
mlops_ubjson_text(mlops_ubjson_t *u, mlops_str_t *text)
{
    uint64_t  len;

    if (mlops_ubjson_len(u, &len) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (len > (uint64_t) (u->end - u->pos)) {
        (void) mlops_ubjson_fail(u, "a string that ends in the file",
                                 "a longer one");
        return MLOPS_ERROR;
    }

    text->data = (const char *) u->pos;
    text->len = (size_t) len;

    if (!mlops_utf8_valid(text->data, text->len)) {
        (void) mlops_ubjson_fail(u, "UTF-8", "other bytes");
        return MLOPS_ERROR;
    }

    u->pos += len;

    return MLOPS_OK;
}


static mlops_doc_t *
mlops_ubjson_node(mlops_ubjson_t *u, mlops_doc_type_t type)
{
    mlops_doc_t  *doc;

    doc = mlops_arena_calloc(u->arena, 1, sizeof(mlops_doc_t));
    if (doc == NULL) {
        (void) mlops_err_set(u->err, "out of memory");
        return NULL;
    }

    doc->type = type;

    return doc;
}


/* The text of a number, as JSON has it. */

static mlops_doc_t *
mlops_ubjson_number(mlops_ubjson_t *u, unsigned char type)
{
    char          buf[MLOPS_DOUBLE_LEN + 1], *end;
    double        v;
    size_t        width;
    mlops_doc_t  *doc;

    width = mlops_ubjson_width(type);

    if ((size_t) (u->end - u->pos) < width) {
        u->pos = u->end;
        return mlops_ubjson_fail_marker(u, "the bytes of a number");
    }

    if (type == 'd' || type == 'D') {
        v = (type == 'd') ? (double) mlops_ubjson_float_at(u->pos)
                          : mlops_ubjson_double_at(u->pos);

        end = (type == 'd' && isfinite(v)) ? mlops_print_float(buf, (float) v)
                                           : mlops_doc_print(buf, v);

    } else {
        end = mlops_print_int64(buf, mlops_ubjson_int_at(u->pos, type));
    }

    doc = mlops_ubjson_node(u, MLOPS_DOC_NUMBER);
    if (doc == NULL) {
        return NULL;
    }

    doc->v.text.len = (size_t) (end - buf);
    doc->v.text.data = mlops_arena_copy(u->arena, buf, doc->v.text.len);

    if (doc->v.text.data == NULL) {
        (void) mlops_err_set(u->err, "out of memory");
        return NULL;
    }

    u->pos += width;

    return doc;
}


static mlops_doc_t *
mlops_ubjson_string(mlops_ubjson_t *u, unsigned char type)
{
    double        v;
    mlops_doc_t  *doc;

    doc = mlops_ubjson_node(u, type == 'H' ? MLOPS_DOC_NUMBER
                                           : MLOPS_DOC_STRING);

    if (doc == NULL) {
        return NULL;
    }

    if (type == 'C') {
        if (u->pos == u->end || *u->pos > 0x7f) {
            return mlops_ubjson_fail_marker(u, "an ASCII character");
        }

        doc->v.text.data = (const char *) u->pos++;
        doc->v.text.len = 1;

        return doc;
    }

    if (mlops_ubjson_text(u, &doc->v.text) != MLOPS_OK) {
        return NULL;
    }

    if (type == 'H'
        && mlops_parse_double(doc->v.text.data,
                              doc->v.text.data + doc->v.text.len, &v)
           != doc->v.text.data + doc->v.text.len)
    {
        return mlops_ubjson_fail(u, "a number as text", "other text");
    }

    return doc;
}


/* After "[$": one block of payloads. */

static mlops_doc_t *
mlops_ubjson_packed(mlops_ubjson_t *u)
{
    size_t         width;
    uint64_t       i, n;
    mlops_doc_t   *doc;
    unsigned char  type;

    type = (u->pos < u->end) ? *u->pos : 0;
    width = mlops_ubjson_width(type);

    if (width == 0 || type == 'C') {
        return mlops_ubjson_fail_marker(u, "one of i U I l L d D as the type "
                                        "of an array");
    }

    u->pos++;

    if (u->pos == u->end || *u->pos != '#') {
        return mlops_ubjson_fail_marker(u, "'#' after the type of an array");
    }

    u->pos++;

    if (mlops_ubjson_len(u, &n) != MLOPS_OK) {
        return NULL;
    }

    if (n > (uint64_t) (u->end - u->pos) / width || n > UINT32_MAX) {
        return mlops_ubjson_fail(u, "an array that ends in the file",
                                 "a longer one");
    }

    if (type == 'd' || type == 'D') {
        doc = mlops_ubjson_node(u, MLOPS_DOC_FLOATS);
        if (doc == NULL) {
            return NULL;
        }

        doc->v.floats = mlops_arena_alloc(u->arena, n * sizeof(double));
        if (doc->v.floats == NULL) {
            (void) mlops_err_set(u->err, "out of memory");
            return NULL;
        }

        for (i = 0; i < n; i++, u->pos += width) {
            doc->v.floats[i] = (type == 'd')
                               ? (double) mlops_ubjson_float_at(u->pos)
                               : mlops_ubjson_double_at(u->pos);
        }

    } else {
        doc = mlops_ubjson_node(u, MLOPS_DOC_INTS);
        if (doc == NULL) {
            return NULL;
        }

        doc->v.ints = mlops_arena_alloc(u->arena, n * sizeof(int64_t));
        if (doc->v.ints == NULL) {
            (void) mlops_err_set(u->err, "out of memory");
            return NULL;
        }

        for (i = 0; i < n; i++, u->pos += width) {
            doc->v.ints[i] = mlops_ubjson_int_at(u->pos, type);
        }
    }

    doc->n = (uint32_t) n;

    return doc;
}


static int
mlops_ubjson_unique(mlops_ubjson_t *u, const mlops_doc_t *object)
{
    mlops_str_t  key;

    switch (mlops_doc_repeated(object, &key)) {

    case 0:
        return MLOPS_OK;

    case 1:
        return mlops_err_set(u->err, "UBJSON, before byte %zu: expected "
                             "unique keys, got \"%.*s\" twice",
                             (size_t) (u->pos - u->start),
                             (int) (key.len < 60 ? key.len : 60), key.data);

    default:
        return mlops_err_set(u->err, "out of memory");
    }
}


/* After '[' or '{': the members up to the closing byte, or as many as are
 * announced. */

static mlops_doc_t *
mlops_ubjson_container(mlops_ubjson_t *u, int object)
{
    int             counted;
    uint64_t        n;
    mlops_str_t     key = mlops_null_str;
    mlops_doc_t    *doc, *child, **last;
    unsigned char   close, type;

    if (u->depth == MLOPS_UBJSON_DEPTH) {
        return mlops_ubjson_fail(u, "a depth of at most 512", "more");
    }

    if (u->pos < u->end && *u->pos == '$' && !object) {
        u->pos++;
        return mlops_ubjson_packed(u);
    }

    doc = mlops_ubjson_node(u, object ? MLOPS_DOC_OBJECT : MLOPS_DOC_ARRAY);
    if (doc == NULL) {
        return NULL;
    }

    n = UINT32_MAX;
    close = object ? '}' : ']';
    counted = (u->pos < u->end && *u->pos == '#');

    if (counted) {
        u->pos++;

        if (mlops_ubjson_len(u, &n) != MLOPS_OK) {
            return NULL;
        }

        if (n > (uint64_t) (u->end - u->pos) || n >= UINT32_MAX) {
            return mlops_ubjson_fail(u, "as many members as fit in the file",
                                     "a larger count");
        }
    }

    u->depth++;
    last = &doc->v.child;

    for ( ;; ) {

        while (u->pos < u->end && *u->pos == 'N') {
            u->pos++;
        }

        if (counted && doc->n == n) {
            break;
        }

        if (u->pos == u->end) {
            return mlops_ubjson_fail_marker(u, object ? "a key or '}'"
                                                      : "a value or ']'");
        }

        if (!counted && *u->pos == close) {
            u->pos++;
            break;
        }

        if (doc->n == UINT32_MAX - 1) {
            return mlops_ubjson_fail(u, "fewer than 2^32 members", "more");
        }

        if (object && mlops_ubjson_text(u, &key) != MLOPS_OK) {
            return NULL;
        }

        if (u->pos == u->end) {
            return mlops_ubjson_fail_marker(u, "a value");
        }

        type = *u->pos++;

        child = mlops_ubjson_value(u, type);
        if (child == NULL) {
            return NULL;
        }

        child->key = key;
        *last = child;
        last = &child->next;
        doc->n++;
    }

    u->depth--;

    if (object && mlops_ubjson_unique(u, doc) != MLOPS_OK) {
        return NULL;
    }

    return doc;
}


static mlops_doc_t *
mlops_ubjson_value(mlops_ubjson_t *u, unsigned char type)
{
    mlops_doc_t  *doc;

    switch (type) {

    case '{':
    case '[':
        return mlops_ubjson_container(u, type == '{');

    case 'Z':
        return mlops_ubjson_node(u, MLOPS_DOC_NULL);

    case 'T':
    case 'F':
        doc = mlops_ubjson_node(u, MLOPS_DOC_BOOL);

        if (doc != NULL) {
            doc->v.boolean = (type == 'T');
        }

        return doc;

    case 'i':
    case 'U':
    case 'I':
    case 'l':
    case 'L':
    case 'd':
    case 'D':
        return mlops_ubjson_number(u, type);

    case 'C':
    case 'S':
    case 'H':
        return mlops_ubjson_string(u, type);

    default:
        u->pos--;
        return mlops_ubjson_fail_marker(u, "a value");
    }
}


mlops_doc_t *
mlops_ubjson_parse(const char *data, size_t len, mlops_arena_t *arena,
    mlops_err_t *err)
{
    mlops_doc_t     *doc;
    mlops_ubjson_t   u;

    u.start = (const unsigned char *) data;
    u.pos = u.start;
    u.end = u.start + len;
    u.arena = arena;
    u.err = err;
    u.depth = 0;

    if (len == 0) {
        return mlops_ubjson_fail_marker(&u, "a value");
    }

    u.pos++;

    doc = mlops_ubjson_value(&u, u.start[0]);

    if (doc != NULL && u.pos != u.end) {
        return mlops_ubjson_fail_marker(&u, "the end of the file");
    }

    return doc;
}
