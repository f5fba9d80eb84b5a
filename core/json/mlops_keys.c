/*
 * Keys of entities, by name, out of JSON.
 */

#include "mlops_keys.h"
#include "mlops_scan.h"


typedef struct {
    const char     *body;
    const char     *end;
    mlops_arena_t  *arena;
    mlops_err_t    *err;
    int             rc;
} mlops_keys_reader_t;


static const char *mlops_keys_object(mlops_keys_reader_t *r,
    mlops_keys_list_t *list, const char *p);
static const char *mlops_keys_list(mlops_keys_reader_t *r,
    mlops_keys_list_t *list, mlops_keys_t *keys, const char *p);
static const char *mlops_keys_value(mlops_keys_reader_t *r,
    mlops_keys_list_t *list, mlops_keys_t *keys, const char *p);
static const char *mlops_keys_integer(mlops_keys_reader_t *r,
    const mlops_keys_t *keys, const char *p, mlops_str_t *text);
static const char *mlops_keys_string(mlops_keys_reader_t *r, const char *p,
    mlops_str_t *text);
static const char *mlops_keys_syntax(mlops_keys_reader_t *r, const char *p,
    const char *expected);
static const char *mlops_keys_wrong(mlops_keys_reader_t *r,
    const mlops_keys_t *keys, const char *p);
static void *mlops_keys_grow(mlops_arena_t *arena, const void *old,
    uint32_t n, uint32_t room, size_t size);


static inline int
mlops_keys_is(const mlops_keys_reader_t *r, const char *p, char c)
{
    return p < r->end && *p == c;
}


void
mlops_keys_init(mlops_keys_list_t *list, uint32_t names_max,
    uint32_t values_max)
{
    memset(list, 0, sizeof(*list));

    list->names_max = names_max;
    list->values_max = values_max;
}


mlops_keys_t *
mlops_keys_find(const mlops_keys_list_t *list, const mlops_str_t *name)
{
    uint32_t  i;

    for (i = 0; i < list->n; i++) {
        if (mlops_str_eq(&list->names[i].name, name->data, name->len)) {
            return &list->names[i];
        }
    }

    return NULL;
}


int
mlops_keys_name(mlops_keys_list_t *list, const mlops_str_t *name,
    mlops_keys_t **keys, mlops_arena_t *arena, mlops_err_t *err)
{
    mlops_keys_t  *more;

    *keys = mlops_keys_find(list, name);

    if (*keys != NULL) {
        return MLOPS_OK;
    }

    if (list->n == list->names_max) {
        (void) mlops_err_set(err, "expected at most %u names, got more",
                             list->names_max);
        return MLOPS_LIMIT;
    }

    if (list->n == list->room) {
        list->room = list->room ? list->room * 2 : 4;
        more = mlops_keys_grow(arena, list->names, list->n, list->room,
                               sizeof(*more));
        if (more == NULL) {
            return mlops_err_set(err, "out of memory for %u names",
                                 list->room);
        }

        list->names = more;
    }

    *keys = &list->names[list->n++];
    memset(*keys, 0, sizeof(**keys));
    (*keys)->name = *name;

    return MLOPS_OK;
}


int
mlops_keys_add(const mlops_keys_list_t *list, mlops_keys_t *keys,
    const mlops_str_t *value, mlops_arena_t *arena, mlops_err_t *err)
{
    mlops_str_t  *more;

    if (keys->n == list->values_max) {
        (void) mlops_err_set(err, "%.*s: expected at most %u keys, got more",
                             mlops_fmt(&keys->name), list->values_max);
        return MLOPS_LIMIT;
    }

    if (keys->n == keys->room) {
        keys->room = keys->room ? keys->room * 2 : 4;
        more = mlops_keys_grow(arena, keys->values, keys->n, keys->room,
                               sizeof(*more));
        if (more == NULL) {
            return mlops_err_set(err, "out of memory for %u keys",
                                 keys->room);
        }

        keys->values = more;
    }

    keys->values[keys->n++] = *value;

    return MLOPS_OK;
}


int
mlops_keys_parse(mlops_keys_list_t *list, const char *body, size_t len,
    mlops_arena_t *arena, mlops_err_t *err)
{
    const char           *p;
    mlops_keys_reader_t   r;

    r.body = body;
    r.end = body + len;
    r.arena = arena;
    r.err = err;
    r.rc = MLOPS_ERROR;

    p = mlops_scan_ws(body, r.end);

    if (p == r.end) {
        return mlops_err_set(err, "expected a JSON object of keys, got an "
                             "empty body");
    }

    if (*p != '{') {
        (void) mlops_keys_wrong(&r, NULL, p);
        return r.rc;
    }

    p = mlops_keys_object(&r, list, p);

    if (p == NULL) {
        return r.rc;
    }

    p = mlops_scan_ws(p, r.end);

    if (p != r.end) {
        (void) mlops_keys_syntax(&r, p, "the end of the text");
        return r.rc;
    }

    return MLOPS_OK;
}


static const char *
mlops_keys_object(mlops_keys_reader_t *r, mlops_keys_list_t *list,
    const char *p)
{
    mlops_str_t    name;
    mlops_keys_t  *keys;

    p = mlops_scan_ws(p + 1, r->end);

    if (mlops_keys_is(r, p, '}')) {
        return p + 1;
    }

    for ( ;; ) {

        if (!mlops_keys_is(r, p, '"')) {
            return mlops_keys_syntax(r, p, "a string");
        }

        p = mlops_keys_string(r, p, &name);

        if (p == NULL) {
            return NULL;
        }

        p = mlops_scan_ws(p, r->end);

        if (!mlops_keys_is(r, p, ':')) {
            return mlops_keys_syntax(r, p, "':'");
        }

        if (mlops_keys_find(list, &name) != NULL) {
            (void) mlops_err_set(r->err, "%.*s: the name is there twice",
                                 (int) ((name.len < 128) ? name.len : 128),
                                 name.data);
            return NULL;
        }

        r->rc = mlops_keys_name(list, &name, &keys, r->arena, r->err);

        if (r->rc != MLOPS_OK) {
            return NULL;
        }

        r->rc = MLOPS_ERROR;

        p = mlops_scan_ws(p + 1, r->end);
        p = mlops_keys_is(r, p, '[') ? mlops_keys_list(r, list, keys, p)
                                     : mlops_keys_value(r, list, keys, p);
        if (p == NULL) {
            return NULL;
        }

        p = mlops_scan_ws(p, r->end);

        if (mlops_keys_is(r, p, '}')) {
            return p + 1;
        }

        if (!mlops_keys_is(r, p, ',')) {
            return mlops_keys_syntax(r, p, "',' or '}'");
        }

        p = mlops_scan_ws(p + 1, r->end);
    }
}


static const char *
mlops_keys_list(mlops_keys_reader_t *r, mlops_keys_list_t *list,
    mlops_keys_t *keys, const char *p)
{
    p = mlops_scan_ws(p + 1, r->end);

    if (mlops_keys_is(r, p, ']')) {
        return p + 1;
    }

    for ( ;; ) {
        p = mlops_keys_value(r, list, keys, p);

        if (p == NULL) {
            return NULL;
        }

        p = mlops_scan_ws(p, r->end);

        if (mlops_keys_is(r, p, ']')) {
            return p + 1;
        }

        if (!mlops_keys_is(r, p, ',')) {
            return mlops_keys_syntax(r, p, "',' or ']'");
        }

        p = mlops_scan_ws(p + 1, r->end);
    }
}


static const char *
mlops_keys_value(mlops_keys_reader_t *r, mlops_keys_list_t *list,
    mlops_keys_t *keys, const char *p)
{
    mlops_str_t  text;

    if (mlops_keys_is(r, p, '"')) {
        p = mlops_keys_string(r, p, &text);

    } else {
        p = mlops_keys_integer(r, keys, p, &text);
    }

    if (p == NULL) {
        return NULL;
    }

    r->rc = mlops_keys_add(list, keys, &text, r->arena, r->err);

    if (r->rc != MLOPS_OK) {
        return NULL;
    }

    r->rc = MLOPS_ERROR;

    return p;
}


static const char *
mlops_keys_integer(mlops_keys_reader_t *r, const mlops_keys_t *keys,
    const char *p, mlops_str_t *text)
{
    const char  *q, *next;

    next = mlops_scan_number(p, r->end);

    if (next == NULL) {
        return mlops_keys_wrong(r, keys, p);
    }

    for (q = p; q < next; q++) {
        if (*q != '-' && (*q < '0' || *q > '9')) {
            return mlops_keys_wrong(r, keys, p);
        }
    }

    text->data = p;
    text->len = (size_t) (next - p);

    return next;
}


static const char *
mlops_keys_string(mlops_keys_reader_t *r, const char *p, mlops_str_t *text)
{
    int          escaped;
    char        *copy;
    const char  *q, *fault;

    q = mlops_scan_string(p + 1, r->end, &escaped, &fault);

    if (q == NULL) {
        return mlops_keys_syntax(r, fault, (fault == r->end) ? "'\"'"
                                 : "a character of a well-formed string");
    }

    text->data = p + 1;
    text->len = (size_t) (q - p - 1);

    if (escaped) {
        copy = mlops_arena_alloc(r->arena, text->len);

        if (copy == NULL) {
            (void) mlops_err_set(r->err, "out of memory for %zu bytes",
                                 text->len);
            return NULL;
        }

        text->len = (size_t) (mlops_scan_unescape(copy, p + 1, q) - copy);
        text->data = copy;
    }

    return q + 1;
}


static const char *
mlops_keys_syntax(mlops_keys_reader_t *r, const char *p, const char *expected)
{
    char  got[MLOPS_GOT_SIZE];

    (void) mlops_err_set(r->err, "malformed JSON at byte %zu: expected %s, "
                         "got %s", (size_t) (p - r->body), expected,
                         mlops_scan_got(got, p, r->end));
    return NULL;
}


/* A value of another kind, or none at all. */

static const char *
mlops_keys_wrong(mlops_keys_reader_t *r, const mlops_keys_t *keys,
    const char *p)
{
    char                buf[MLOPS_GOT_SIZE];
    const char         *got;
    mlops_scan_fault_t  fault;

    if (mlops_scan_value(p, r->end, 64, 0, &fault) == NULL
        && fault.expected != NULL)
    {
        return mlops_keys_syntax(r, fault.at, fault.expected);
    }

    got = mlops_scan_got(buf, p, r->end);

    if (keys == NULL) {
        (void) mlops_err_set(r->err, "expected a JSON object of keys, got %s",
                             got);

    } else {
        (void) mlops_err_set(r->err, "%.*s: expected a string or an integer, "
                             "got %s", (int) ((keys->name.len < 128)
                                              ? keys->name.len : 128),
                             keys->name.data, got);
    }

    return NULL;
}


static void *
mlops_keys_grow(mlops_arena_t *arena, const void *old, uint32_t n,
    uint32_t room, size_t size)
{
    void  *more;

    more = mlops_arena_alloc(arena, room * size);

    if (more != NULL && n != 0) {
        memcpy(more, old, n * size);
    }

    return more;
}
