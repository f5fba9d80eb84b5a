/*
 * Keys and words of a document, numbers within bounds, and what was probably
 * meant where a name is not known.
 */

#include "mlops_field.h"

#include <math.h>
#include <stdio.h>


#define MLOPS_FIELD_NEAR   24       /* longer names are far from all */
#define MLOPS_FIELD_KEYS   64
#define MLOPS_FIELD_WORDS  128       /* a text of all words, at most */


static uint32_t mlops_field_distance(const mlops_str_t *a,
    const mlops_str_t *b);


int
mlops_field_number(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, double lo, double hi, double dflt, double *value)
{
    size_t              old;
    const mlops_doc_t  *doc;

    doc = mlops_doc_get(object, key);

    if (doc == NULL && !isnan(dflt)) {
        *value = dflt;
        return MLOPS_OK;
    }

    if (doc != NULL && doc->type == MLOPS_DOC_NUMBER
        && mlops_doc_double(doc, value) == MLOPS_OK && isfinite(*value)
        && *value >= lo && *value <= hi)
    {
        return MLOPS_OK;
    }

    old = mlops_field_push(field, key);

    if (lo == -INFINITY && hi == INFINITY) {
        (void) mlops_field_fail(field, doc, "a number");

    } else if (hi == INFINITY) {
        (void) mlops_field_fail(field, doc, "a number from %g on", lo);

    } else if (lo == -INFINITY) {
        (void) mlops_field_fail(field, doc, "a number up to %g", hi);

    } else {
        (void) mlops_field_fail(field, doc, "a number from %g to %g", lo, hi);
    }

    mlops_field_pop(field, old);

    return MLOPS_ERROR;
}


int
mlops_field_flag(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, int *flag)
{
    const mlops_doc_t  *doc;

    if (mlops_field_find(field, object, key, MLOPS_DOC_BOOL, &doc)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *flag = (doc != NULL && doc->v.boolean);

    return MLOPS_OK;
}


int
mlops_field_keys(mlops_field_t *field, const mlops_doc_t *object,
    const char *const *keys, const char *const *more)
{
    uint32_t            i, n;
    mlops_str_t         list[MLOPS_FIELD_KEYS];
    const mlops_doc_t  *doc;

    n = 0;

    for (/* void */ ; keys != NULL; keys = more, more = NULL) {
        for (i = 0; keys[i] != NULL && n < MLOPS_FIELD_KEYS; i++) {
            list[n].data = keys[i];
            list[n].len = strlen(keys[i]);
            n++;
        }
    }

    for (doc = object->v.child; doc != NULL; doc = doc->next) {

        if (mlops_str_is(&doc->key, "comment")) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (mlops_str_eq(&doc->key, list[i].data, list[i].len)) {
                break;
            }
        }

        if (i == n) {
            return mlops_field_suggest(field, &doc->key, "a known key", list,
                                       n);
        }
    }

    return MLOPS_OK;
}


int
mlops_field_word(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, const char *const *list, int dflt, int *word)
{
    int                 rc;
    char                text[MLOPS_FIELD_WORDS];
    size_t              old, len;
    uint32_t            n;
    mlops_str_t         names[MLOPS_FIELD_KEYS];
    const mlops_doc_t  *doc;

    if (dflt >= 0 && mlops_doc_get(object, key) == NULL) {
        *word = dflt;
        return MLOPS_OK;
    }

    doc = mlops_field_get(field, object, key, MLOPS_DOC_STRING);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    text[0] = '\0';

    for (n = 0, len = 0; list[n] != NULL && n < MLOPS_FIELD_KEYS; n++) {
        names[n].data = list[n];
        names[n].len = strlen(list[n]);

        if (mlops_str_eq(&doc->v.text, names[n].data, names[n].len)) {
            *word = (int) n;
            return MLOPS_OK;
        }

        if (len < sizeof(text)) {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     "%s\"%s\"", n ? ", " : "one of ",
                                     list[n]);
        }
    }

    /* few words are told, of many the closest */

    old = mlops_field_push(field, key);
    rc = mlops_field_suggest(field, &doc->v.text, len < sizeof(text)
                             ? text : "a known word", names, n);
    mlops_field_pop(field, old);

    return rc;
}


int
mlops_field_suggest(mlops_field_t *field, const mlops_str_t *got,
    const char *expected, const mlops_str_t *names, uint32_t n)
{
    size_t       len;
    uint32_t     i, d, best;
    mlops_str_t  near = mlops_null_str;

    best = (got->len > 6) ? 4 : 3;

    for (i = 0; i < n; i++) {
        d = mlops_field_distance(got, &names[i]);

        if (d < best) {
            best = d;
            near = names[i];
        }
    }

    len = (got->len < 40) ? got->len : 40;

    if (near.data == NULL) {
        return mlops_field_error(field, "expected %s, got \"%.*s\"",
                                 expected, (int) len, got->data);
    }

    return mlops_field_error(field, "expected %s, got \"%.*s\"; did you "
                             "mean \"%.*s\"?", expected, (int) len,
                             got->data, mlops_fmt(&near));
}


/* Levenshtein's distance. */

static uint32_t
mlops_field_distance(const mlops_str_t *a, const mlops_str_t *b)
{
    size_t    i, j;
    uint32_t  row[MLOPS_FIELD_NEAR + 1], last, here, d;

    if (a->len > MLOPS_FIELD_NEAR || b->len > MLOPS_FIELD_NEAR) {
        return UINT32_MAX;
    }

    for (j = 0; j <= b->len; j++) {
        row[j] = (uint32_t) j;
    }

    for (i = 1; i <= a->len; i++) {
        last = row[0];
        row[0] = (uint32_t) i;

        for (j = 1; j <= b->len; j++) {
            here = row[j];
            d = last + (a->data[i - 1] != b->data[j - 1]);
            d = (here + 1 < d) ? here + 1 : d;
            row[j] = (row[j - 1] + 1 < d) ? row[j - 1] + 1 : d;
            last = here;
        }
    }

    return row[b->len];
}


int
mlops_field_strings(mlops_field_t *field, const mlops_doc_t *object,
    const char *key, uint32_t least, mlops_str_t **strings, uint32_t *n)
{
    size_t              old;
    uint32_t            i;
    const mlops_doc_t  *list, *one;

    *strings = NULL;
    *n = 0;

    if (mlops_field_find(field, object, key, MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (list == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(field, key);

    if (list->n < least) {
        return mlops_field_fail(field, list, "a list of strings");
    }

    *strings = mlops_arena_alloc(field->arena, list->n * sizeof(mlops_str_t));
    if (*strings == NULL) {
        return mlops_field_memory(field);
    }

    for (i = 0, one = list->v.child; one != NULL; i++, one = one->next) {

        if (one->type != MLOPS_DOC_STRING) {
            (void) mlops_field_push_i(field, i);
            return mlops_field_fail(field, one, "a string");
        }

        (*strings)[i] = one->v.text;
    }

    *n = list->n;
    mlops_field_pop(field, old);

    return MLOPS_OK;
}
