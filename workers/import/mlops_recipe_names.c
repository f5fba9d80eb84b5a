/*
 * Names in a recipe: cells, keys, words; and what was probably meant where
 * one is not known.
 */

#include "mlops_recipe.h"
#include "mlops_hash.h"


#define MLOPS_RECIPE_NEAR  24       /* longer names are far from all */
#define MLOPS_RECIPE_LOOK  1000     /* names looked at for a suggestion */


static uint32_t mlops_recipe_distance(const mlops_str_t *a, const char *b,
    size_t b_len);


mlops_recipe_name_t *
mlops_recipe_find(mlops_recipe_t *recipe, const char *name, size_t len)
{
    uint32_t              slot;
    mlops_recipe_name_t  *found;

    slot = (uint32_t) mlops_hash(name, len, 0) & recipe->mask;

    while (recipe->slots[slot] != 0) {
        found = &recipe->names[recipe->slots[slot] - 1];

        if (mlops_str_eq(&found->name, name, len)) {
            return found;
        }

        slot = (slot + 1) & recipe->mask;
    }

    return NULL;
}


int
mlops_recipe_add(mlops_recipe_t *recipe, const mlops_str_t *name,
    uint32_t cell, const mlops_column_t *column)
{
    uint32_t              slot;
    mlops_recipe_name_t  *added;

    if (name->len == 0) {
        return mlops_field_error(&recipe->field, "expected a name, got an "
                                 "empty string");
    }

    if (mlops_recipe_find(recipe, name->data, name->len) != NULL) {
        return mlops_field_error(&recipe->field, "expected a new name, got "
                                 "\"%.*s\", which is taken",
                                 (int) (name->len < 40 ? name->len : 40),
                                 name->data);
    }

    added = &recipe->names[recipe->names_n++];
    added->name = *name;
    added->cell = cell;
    added->computed = (column == NULL);
    added->column = column;

    slot = (uint32_t) mlops_hash(name->data, name->len, 0) & recipe->mask;

    while (recipe->slots[slot] != 0) {
        slot = (slot + 1) & recipe->mask;
    }

    recipe->slots[slot] = recipe->names_n;

    return MLOPS_OK;
}


mlops_recipe_name_t *
mlops_recipe_name(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    mlops_recipe_name_t  *found;

    if (doc->type != MLOPS_DOC_STRING) {
        (void) mlops_field_fail(&recipe->field, doc, "a name");
        return NULL;
    }

    found = mlops_recipe_find(recipe, doc->v.text.data, doc->v.text.len);

    if (found == NULL) {
        (void) mlops_recipe_suggest(recipe, &doc->v.text, "the name of an "
                                    "input or of an earlier step's output",
                                    NULL);
    }

    return found;
}


int
mlops_recipe_keys(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *const *keys, const char *const *more)
{
    uint32_t            i, n;
    const char         *list[24];
    const mlops_doc_t  *doc;

    n = 0;

    for (/* void */ ; keys != NULL; keys = more, more = NULL) {
        for (i = 0; keys[i] != NULL && n < mlops_nitems(list) - 1; i++) {
            list[n++] = keys[i];
        }
    }

    list[n] = NULL;

    for (doc = object->v.child; doc != NULL; doc = doc->next) {

        if (mlops_str_is(&doc->key, "comment")) {
            continue;
        }

        for (i = 0; i < n; i++) {
            if (mlops_str_eq(&doc->key, list[i], strlen(list[i]))) {
                break;
            }
        }

        if (i == n) {
            return mlops_recipe_suggest(recipe, &doc->key, "a known key",
                                        list);
        }
    }

    return MLOPS_OK;
}


int
mlops_recipe_word(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, const char *const *list, int dflt, int *word)
{
    int                 rc;
    size_t              old;
    const mlops_doc_t  *doc;

    if (dflt >= 0 && mlops_doc_get(object, key) == NULL) {
        *word = dflt;
        return MLOPS_OK;
    }

    doc = mlops_field_get(&recipe->field, object, key, MLOPS_DOC_STRING);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    for (*word = 0; list[*word] != NULL; (*word)++) {
        if (mlops_str_eq(&doc->v.text, list[*word], strlen(list[*word]))) {
            return MLOPS_OK;
        }
    }

    old = mlops_field_push(&recipe->field, key);
    rc = mlops_recipe_suggest(recipe, &doc->v.text, "a known word", list);
    mlops_field_pop(&recipe->field, old);

    return rc;
}


int
mlops_recipe_suggest(mlops_recipe_t *recipe, const mlops_str_t *got,
    const char *expected, const char *const *list)
{
    size_t       len;
    uint32_t     i, n, d, best;
    mlops_str_t  near = mlops_null_str, at;

    best = (got->len > 6) ? 4 : 3;
    n = 0;

    while (list != NULL ? list[n] != NULL
                        : n < recipe->names_n && n < MLOPS_RECIPE_LOOK)
    {
        n++;
    }

    for (i = 0; i < n; i++) {

        if (list != NULL) {
            at.data = list[i];
            at.len = strlen(list[i]);

        } else {
            at = recipe->names[i].name;
        }

        d = mlops_recipe_distance(got, at.data, at.len);

        if (d < best) {
            best = d;
            near = at;
        }
    }

    len = (got->len < 40) ? got->len : 40;

    if (near.data == NULL) {
        return mlops_field_error(&recipe->field, "expected %s, got \"%.*s\"",
                                 expected, (int) len, got->data);
    }

    return mlops_field_error(&recipe->field, "expected %s, got \"%.*s\"; did "
                             "you mean \"%.*s\"?", expected, (int) len,
                             got->data, mlops_fmt(&near));
}


/* Levenshtein's distance. */

static uint32_t
mlops_recipe_distance(const mlops_str_t *a, const char *b, size_t b_len)
{
    size_t    i, j;
    uint32_t  row[MLOPS_RECIPE_NEAR + 1], last, here, d;

    if (a->len > MLOPS_RECIPE_NEAR || b_len > MLOPS_RECIPE_NEAR) {
        return UINT32_MAX;
    }

    for (j = 0; j <= b_len; j++) {
        row[j] = (uint32_t) j;
    }

    for (i = 1; i <= a->len; i++) {
        last = row[0];
        row[0] = (uint32_t) i;

        for (j = 1; j <= b_len; j++) {
            here = row[j];
            d = last + (a->data[i - 1] != b[j - 1]);
            d = (here + 1 < d) ? here + 1 : d;
            row[j] = (row[j - 1] + 1 < d) ? row[j - 1] + 1 : d;
            last = here;
        }
    }

    return row[b_len];
}
