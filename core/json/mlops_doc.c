/*
 * yajl's events to a tree.
 *
 * yajl lets some texts pass that are not JSON (lone surrogates, overlong
 * UTF-8, vertical tabs, a string that opens behind the value and never ends):
 * the byte scanner looks at the whole text first, and says where it is wrong.
 *
 * yajl knows no NaN and no Infinity.  Where they are allowed the text is fed
 * in pieces: each such token is left out and "null" fed in its place, and the
 * event that this makes becomes the number.  Arrays that are to be packed are
 * left out in the same way.
 */

#include "mlops_doc.h"
#include "mlops_num.h"
#include "mlops_scan.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <yajl/yajl_parse.h>


#define MLOPS_DOC_DEPTH  512
#define MLOPS_DOC_FEW    16     /* keys that are compared each with each */


typedef struct {
    mlops_doc_t  *node;
    mlops_doc_t  *last;         /* of its children */
} mlops_doc_level_t;


typedef struct {
    mlops_arena_t      *arena;
    mlops_err_t        *err;
    const char         *data;
    const char         *end;
    const char         *piece;      /* what yajl is at */
    yajl_handle         yajl;
    mlops_doc_t        *root;
    mlops_str_t         key;
    mlops_str_t         token;      /* what the null stands for */
    uint32_t            token_n;    /* an array's elements; 0: no array */
    uint32_t            flags;
    uint32_t            depth;
    unsigned            failed:1;   /* the error is ours, and is set */
    unsigned            in_token:1; /* it reads the null for a token */
    mlops_doc_level_t   levels[MLOPS_DOC_DEPTH];
} mlops_doc_parser_t;


static int mlops_doc_check(mlops_doc_parser_t *d);
static int mlops_doc_feed(mlops_doc_parser_t *d, const char *data,
    size_t len);
static int mlops_doc_token(mlops_doc_parser_t *d, const char **p,
    int *in_string);
static const char *mlops_doc_numbers(const char *p, const char *end,
    uint32_t *n);
static int mlops_doc_fail(mlops_doc_parser_t *d, const char *at,
    const char *text);
static int mlops_doc_syntax(mlops_doc_parser_t *d, const char *at);
static int mlops_doc_on_null(void *ctx);
static int mlops_doc_on_boolean(void *ctx, int value);
static int mlops_doc_on_number(void *ctx, const char *text, size_t len);
static int mlops_doc_on_string(void *ctx, const unsigned char *text,
    size_t len);
static int mlops_doc_on_key(void *ctx, const unsigned char *text, size_t len);
static int mlops_doc_on_start_object(void *ctx);
static int mlops_doc_on_end_object(void *ctx);
static int mlops_doc_on_start_array(void *ctx);
static int mlops_doc_on_end_array(void *ctx);
static int mlops_doc_unique(mlops_doc_parser_t *d, const mlops_doc_t *object);


static const yajl_callbacks  mlops_doc_callbacks = {
    mlops_doc_on_null,
    mlops_doc_on_boolean,
    NULL,
    NULL,
    mlops_doc_on_number,
    mlops_doc_on_string,
    mlops_doc_on_start_object,
    mlops_doc_on_key,
    mlops_doc_on_end_object,
    mlops_doc_on_start_array,
    mlops_doc_on_end_array
};


mlops_doc_t *
mlops_doc_parse(const char *data, size_t len, uint32_t flags,
    mlops_arena_t *arena, mlops_err_t *err)
{
    int                  rc, in_string;
    const char          *p, *from;
    mlops_doc_parser_t  *d;

    d = mlops_arena_calloc(arena, 1, sizeof(*d));

    if (d == NULL) {
        (void) mlops_err_set(err, "out of memory for a JSON text of %zu "
                             "bytes", len);
        return NULL;
    }

    if (data == NULL) {
        data = "";
        len = 0;
    }

    d->arena = arena;
    d->err = err;
    d->data = data;
    d->end = data + len;
    d->flags = flags;

    if (mlops_doc_check(d) != MLOPS_OK) {
        return NULL;
    }

    d->yajl = yajl_alloc(&mlops_doc_callbacks, NULL, d);

    if (d->yajl == NULL) {
        (void) mlops_err_set(err, "out of memory for a JSON text of %zu "
                             "bytes", len);
        return NULL;
    }

    rc = MLOPS_OK;
    from = data;
    p = data;
    in_string = 0;

    while (rc == MLOPS_OK && flags != 0
           && mlops_doc_token(d, &p, &in_string))
    {
        rc = mlops_doc_feed(d, from, (size_t) (d->token.data - from));

        if (rc == MLOPS_OK) {
            rc = mlops_doc_feed(d, NULL, 0);
        }

        from = p;
    }

    if (rc == MLOPS_OK) {
        rc = mlops_doc_feed(d, from, (size_t) (d->end - from));
    }

    if (rc == MLOPS_OK && yajl_complete_parse(d->yajl) != yajl_status_ok) {
        rc = mlops_doc_syntax(d, d->end);
    }

    yajl_free(d->yajl);

    return (rc == MLOPS_OK) ? d->root : NULL;
}


static int
mlops_doc_check(mlops_doc_parser_t *d)
{
    char                 got[MLOPS_GOT_SIZE], text[MLOPS_ERR_SIZE / 2];
    const char          *p;
    mlops_scan_fault_t   fault;

    p = mlops_scan_value(d->data, d->end, MLOPS_DOC_DEPTH,
                         (d->flags & MLOPS_DOC_TOKENS) ? MLOPS_SCAN_TOKENS
                                                       : 0, &fault);

    if (p != NULL) {
        p = mlops_scan_ws(p, d->end);

        if (p == d->end) {
            return MLOPS_OK;
        }

        fault.at = p;
        fault.expected = "the end of the text";
    }

    if (fault.expected == NULL) {
        return mlops_doc_fail(d, fault.at, "nested deeper than 512 levels");
    }

    (void) snprintf(text, sizeof(text), "expected %s, got %s", fault.expected,
                    mlops_scan_got(got, fault.at, d->end));

    return mlops_doc_fail(d, fault.at, text);
}


/* data NULL feeds the null that stands for the token. */

static int
mlops_doc_feed(mlops_doc_parser_t *d, const char *data, size_t len)
{
    size_t       used;
    yajl_status  status;

    if (data == NULL) {
        d->piece = d->token.data;
        d->in_token = 1;
        status = yajl_parse(d->yajl, (const unsigned char *) "null", 4);
        d->in_token = 0;

        return (status == yajl_status_ok) ? MLOPS_OK
               : mlops_doc_syntax(d, d->token.data);
    }

    d->piece = data;
    status = yajl_parse(d->yajl, (const unsigned char *) data, len);

    if (status == yajl_status_ok) {
        return MLOPS_OK;
    }

    used = yajl_get_bytes_consumed(d->yajl);

    return mlops_doc_syntax(d, data + (used > len ? len : used));
}


/* Finds the next token, or array to pack, outside of strings; *p moves behind
 * it, and *in_string keeps between calls whether a string is open. */

static int
mlops_doc_token(mlops_doc_parser_t *d, const char **p, int *in_string)
{
    size_t       len;
    const char  *q, *start, *end;

    for (q = *p; q < d->end; q++) {

        if (*in_string) {

            if (*q == '\\') {
                q++;

            } else if (*q == '"') {
                *in_string = 0;
            }

            continue;
        }

        start = q;
        end = NULL;
        d->token_n = 0;

        switch (*q) {

        case '"':
            *in_string = 1;
            break;

        case '[':

            if (d->flags & MLOPS_DOC_PACK) {
                end = mlops_doc_numbers(q + 1, d->end, &d->token_n);
            }

            break;

        case 'N':
        case 'I':
            len = (*q == 'N') ? sizeof("NaN") - 1 : sizeof("Infinity") - 1;
            start -= (q > *p && q[-1] == '-');
            end = q + len;
            break;
        }

        if (end != NULL) {
            d->token.data = start;
            d->token.len = (size_t) (end - start);
            *p = end;

            return 1;
        }
    }

    *p = d->end;

    return 0;
}


/* Behind the bracket that closes, where there are numbers and nothing else:
 * the text is known to be JSON. */

static const char *
mlops_doc_numbers(const char *p, const char *end, uint32_t *n)
{
    for (*n = 1; *n != UINT32_MAX; (*n)++) {
        p = mlops_scan_ws(p, end);

        if (*p != '-' && *p != 'N' && *p != 'I' && (*p < '0' || *p > '9')) {
            break;
        }

        while (*p != ',' && *p != ']') {
            p++;
        }

        if (*p++ == ']') {
            return p;
        }
    }

    *n = 0;

    return NULL;
}


static int
mlops_doc_fail(mlops_doc_parser_t *d, const char *at, const char *text)
{
    size_t       line, column;
    const char  *p;

    line = 1;
    column = 1;

    for (p = d->data; p < at; p++) {

        if (*p == '\n') {
            line++;
            column = 1;

        } else if (((unsigned char) *p & 0xc0) != 0x80) {
            column++;
        }
    }

    d->failed = 1;

    return mlops_err_set(d->err, "line %zu, column %zu: %s", line, column,
                         text);
}


static int
mlops_doc_syntax(mlops_doc_parser_t *d, const char *at)
{
    char            text[128];
    size_t          len;
    unsigned char  *why;

    if (d->failed) {
        return MLOPS_ERROR;
    }

    why = yajl_get_error(d->yajl, 0, NULL, 0);

    if (why == NULL) {
        return mlops_doc_fail(d, at, "malformed JSON");
    }

    len = strcspn((char *) why, "\n");

    if (len > sizeof(text) - 1) {
        len = sizeof(text) - 1;
    }

    memcpy(text, why, len);
    text[len] = '\0';
    yajl_free_error(d->yajl, why);

    return mlops_doc_fail(d, at, text);
}


/* From a callback: yajl stops. */

static int
mlops_doc_stop(mlops_doc_parser_t *d, const char *text)
{
    size_t  used;

    used = yajl_get_bytes_consumed(d->yajl);

    if (used > (size_t) (d->end - d->piece)) {
        used = (size_t) (d->end - d->piece);
    }

    (void) mlops_doc_fail(d, d->piece + used - (used != 0), text);

    return 0;
}


static mlops_doc_t *
mlops_doc_add(mlops_doc_parser_t *d, mlops_doc_type_t type)
{
    mlops_doc_t        *node;
    mlops_doc_level_t  *level;

    node = mlops_arena_calloc(d->arena, 1, sizeof(mlops_doc_t));

    if (node == NULL) {
        (void) mlops_doc_stop(d, "out of memory");
        return NULL;
    }

    node->type = type;

    if (d->depth == 0) {
        d->root = node;
        return node;
    }

    level = &d->levels[d->depth - 1];

    if (level->node->n == UINT32_MAX) {
        (void) mlops_doc_stop(d, "too many elements");
        return NULL;
    }

    if (level->node->type == MLOPS_DOC_OBJECT) {
        node->key = d->key;
    }

    if (level->last == NULL) {
        level->node->v.child = node;

    } else {
        level->last->next = node;
    }

    level->last = node;
    level->node->n++;

    return node;
}


static int
mlops_doc_add_text(mlops_doc_parser_t *d, mlops_doc_type_t type,
    const char *text, size_t len)
{
    mlops_doc_t  *node;

    node = mlops_doc_add(d, type);

    if (node == NULL) {
        return 0;
    }

    node->v.text.data = mlops_arena_copy(d->arena, text, len);
    node->v.text.len = len;

    return node->v.text.data != NULL || mlops_doc_stop(d, "out of memory");
}


static int
mlops_doc_open(mlops_doc_parser_t *d, mlops_doc_type_t type)
{
    mlops_doc_t  *node;

    node = mlops_doc_add(d, type);

    if (node == NULL) {
        return 0;
    }

    d->levels[d->depth].node = node;
    d->levels[d->depth].last = NULL;
    d->depth++;

    return 1;
}


static int
mlops_doc_on_null(void *ctx)
{
    mlops_doc_t         *node;
    mlops_doc_parser_t  *d;

    d = ctx;

    if (!d->in_token) {
        return mlops_doc_add(d, MLOPS_DOC_NULL) != NULL;
    }

    if (d->token_n == 0) {
        return mlops_doc_add_text(d, MLOPS_DOC_NUMBER, d->token.data,
                                  d->token.len);
    }

    node = mlops_doc_add(d, MLOPS_DOC_NUMBERS);

    if (node == NULL) {
        return 0;
    }

    node->n = d->token_n;
    node->v.text.data = d->token.data + 1;
    node->v.text.len = d->token.len - 2;

    return 1;
}


static int
mlops_doc_on_boolean(void *ctx, int value)
{
    mlops_doc_t  *node;

    node = mlops_doc_add(ctx, MLOPS_DOC_BOOL);

    if (node == NULL) {
        return 0;
    }

    node->v.boolean = value;

    return 1;
}


static int
mlops_doc_on_number(void *ctx, const char *text, size_t len)
{
    return mlops_doc_add_text(ctx, MLOPS_DOC_NUMBER, text, len);
}


static int
mlops_doc_on_string(void *ctx, const unsigned char *text, size_t len)
{
    return mlops_doc_add_text(ctx, MLOPS_DOC_STRING, (const char *) text,
                              len);
}


static int
mlops_doc_on_key(void *ctx, const unsigned char *text, size_t len)
{
    mlops_doc_parser_t  *d;

    d = ctx;

    d->key.data = mlops_arena_copy(d->arena, (const char *) text, len);
    d->key.len = len;

    return d->key.data != NULL || mlops_doc_stop(d, "out of memory");
}


static int
mlops_doc_on_start_object(void *ctx)
{
    return mlops_doc_open(ctx, MLOPS_DOC_OBJECT);
}


static int
mlops_doc_on_start_array(void *ctx)
{
    return mlops_doc_open(ctx, MLOPS_DOC_ARRAY);
}


static int
mlops_doc_on_end_array(void *ctx)
{
    mlops_doc_parser_t  *d;

    d = ctx;
    d->depth--;

    return 1;
}


static int
mlops_doc_on_end_object(void *ctx)
{
    mlops_doc_parser_t  *d;

    d = ctx;
    d->depth--;

    return mlops_doc_unique(d, d->levels[d->depth].node);
}


static int
mlops_doc_compare(const void *one, const void *two)
{
    const mlops_str_t  *a, *b;

    a = one;
    b = two;

    if (a->len != b->len) {
        return (a->len < b->len) ? -1 : 1;
    }

    return (a->len == 0) ? 0 : memcmp(a->data, b->data, a->len);
}


static int
mlops_doc_twice(mlops_doc_parser_t *d, const mlops_str_t *key)
{
    mlops_err_t  text;

    (void) mlops_err_set(&text, "the key \"%.*s\" is there twice",
                         (int) (key->len > 128 ? 128 : key->len), key->data);

    return mlops_doc_stop(d, text.text);
}


static int
mlops_doc_unique(mlops_doc_parser_t *d, const mlops_doc_t *object)
{
    mlops_str_t  key;

    switch (mlops_doc_repeated(object, &key)) {

    case 0:
        return 1;

    case 1:
        return mlops_doc_twice(d, &key);

    default:
        return mlops_doc_stop(d, "out of memory");
    }
}


/* A large object has its keys sorted, so that no text takes quadratic
 * time. */

int
mlops_doc_repeated(const mlops_doc_t *object, mlops_str_t *key)
{
    int                 rc;
    uint32_t            i;
    mlops_str_t        *keys;
    const mlops_doc_t  *a, *b;

    if (object->n <= MLOPS_DOC_FEW) {

        for (a = object->v.child; a != NULL; a = a->next) {
            for (b = a->next; b != NULL; b = b->next) {
                if (mlops_doc_compare(&a->key, &b->key) == 0) {
                    *key = a->key;
                    return 1;
                }
            }
        }

        return 0;
    }

    keys = malloc(object->n * sizeof(mlops_str_t));

    if (keys == NULL) {
        return MLOPS_ERROR;
    }

    i = 0;

    for (a = object->v.child; a != NULL; a = a->next) {
        keys[i++] = a->key;
    }

    qsort(keys, object->n, sizeof(mlops_str_t), mlops_doc_compare);

    rc = 0;

    for (i = 1; i < object->n && rc == 0; i++) {
        if (mlops_doc_compare(&keys[i - 1], &keys[i]) == 0) {
            *key = keys[i];
            rc = 1;
        }
    }

    free(keys);

    return rc;
}


mlops_doc_t *
mlops_doc_get(const mlops_doc_t *doc, const char *key)
{
    size_t        len;
    mlops_doc_t  *child;

    if (doc == NULL || doc->type != MLOPS_DOC_OBJECT) {
        return NULL;
    }

    len = strlen(key);

    for (child = doc->v.child; child != NULL; child = child->next) {
        if (mlops_str_eq(&child->key, key, len)) {
            return child;
        }
    }

    return NULL;
}


const char *
mlops_doc_type_name(const mlops_doc_t *doc)
{
    static const char  *names[] = {
        "null", "a boolean", "a number", "a string", "an array", "an object",
        "an array of numbers", "an array of numbers", "an array of integers"
    };

    if (doc == NULL) {
        return "nothing";
    }

    return ((unsigned) doc->type < mlops_nitems(names)) ? names[doc->type]
                                                        : "nothing";
}


/* The only text of an infinity is a token, which ends with a letter. */

static int
mlops_doc_is_token(const mlops_doc_t *doc)
{
    return doc->v.text.data[doc->v.text.len - 1] == 'y';
}


int
mlops_doc_double(const mlops_doc_t *doc, double *value)
{
    double  d;

    if (doc == NULL || doc->type != MLOPS_DOC_NUMBER
        || mlops_number(&doc->v.text, &d) != MLOPS_OK
        || (isinf(d) && !mlops_doc_is_token(doc)))
    {
        return MLOPS_ERROR;
    }

    *value = d;

    return MLOPS_OK;
}


int
mlops_doc_float(const mlops_doc_t *doc, float *value)
{
    float  f;

    if (doc == NULL || doc->type != MLOPS_DOC_NUMBER
        || mlops_number_float(&doc->v.text, &f) != MLOPS_OK
        || (isinf(f) && !mlops_doc_is_token(doc)))
    {
        return MLOPS_ERROR;
    }

    *value = f;

    return MLOPS_OK;
}


int
mlops_doc_int(const mlops_doc_t *doc, int64_t *value)
{
    int          overflow;
    int64_t      i;
    const char  *end;

    if (doc == NULL || doc->type != MLOPS_DOC_NUMBER) {
        return MLOPS_ERROR;
    }

    overflow = 0;
    end = doc->v.text.data + doc->v.text.len;

    if (mlops_parse_int64(doc->v.text.data, end, &i, &overflow) != end
        || overflow)
    {
        return MLOPS_ERROR;
    }

    *value = i;

    return MLOPS_OK;
}
