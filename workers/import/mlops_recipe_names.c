/*
 * Names in a recipe: cells, keys, words.
 */

#include "mlops_recipe.h"
#include "mlops_hash.h"


#define MLOPS_RECIPE_LOOK  1000     /* names looked at for a suggestion */


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
    return mlops_field_keys(&recipe->field, object, keys, more);
}


int
mlops_recipe_word(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, const char *const *list, int dflt, int *word)
{
    return mlops_field_word(&recipe->field, object, key, list, dflt, word);
}


int
mlops_recipe_suggest(mlops_recipe_t *recipe, const mlops_str_t *got,
    const char *expected, const char *const *list)
{
    uint32_t     i, n;
    mlops_str_t  names[MLOPS_RECIPE_LOOK];

    n = 0;

    if (list != NULL) {

        for (/* void */ ; list[n] != NULL && n < MLOPS_RECIPE_LOOK; n++) {
            names[n].data = list[n];
            names[n].len = strlen(list[n]);
        }

    } else {

        for (i = 0; i < recipe->names_n && n < MLOPS_RECIPE_LOOK; i++) {
            names[n++] = recipe->names[i].name;
        }
    }

    return mlops_field_suggest(&recipe->field, got, expected, names, n);
}
