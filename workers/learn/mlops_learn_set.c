/*
 * Settings of a training recipe: "name=value".
 *
 * A plain name is a key of the learner's step, a dotted path (train.seed,
 * steps[2].alpha) any value of the recipe.  The value is JSON, or else the
 * string that it is; a number in another notation (.5, +1, 007) is neither.
 */

#include "mlops_learn_recipe.h"
#include "mlops_num.h"

#include <math.h>
#include <stdlib.h>


static mlops_doc_t *mlops_learn_set_plain(mlops_learn_recipe_t *recipe,
    const mlops_str_t *name);
static mlops_doc_t *mlops_learn_set_path(mlops_learn_recipe_t *recipe,
    const mlops_str_t *path);
static mlops_doc_t *mlops_learn_set_element(mlops_learn_recipe_t *recipe,
    const mlops_str_t *path, mlops_doc_t *array, const char **p);
static mlops_doc_t *mlops_learn_set_member(mlops_learn_recipe_t *recipe,
    mlops_doc_t *object, const mlops_str_t *key);
static mlops_doc_t *mlops_learn_set_value(mlops_learn_recipe_t *recipe,
    const char *text);
static int mlops_learn_set_number(mlops_learn_recipe_t *recipe,
    const char *text, size_t len);


int
mlops_learn_set(mlops_learn_recipe_t *recipe, const char *setting)
{
    mlops_doc_t  *to, *value;

    to = mlops_learn_set_find(recipe, setting, &value);

    if (to == NULL) {
        return MLOPS_ERROR;
    }

    to->type = value->type;
    to->n = value->n;
    to->v = value->v;

    return MLOPS_OK;
}


mlops_doc_t *
mlops_learn_set_find(mlops_learn_recipe_t *recipe, const char *setting,
    mlops_doc_t **value)
{
    const char   *equals;
    mlops_str_t   name;
    mlops_doc_t  *to;

    equals = strchr(setting, '=');

    if (!mlops_utf8_valid(setting, strlen(setting))) {
        (void) mlops_err_set(recipe->err, "setting \"%s\": expected UTF-8",
                             setting);
        return NULL;
    }

    if (equals == NULL || equals == setting) {
        (void) mlops_err_set(recipe->err, "setting \"%s\": expected "
                             "name=value", setting);
        return NULL;
    }

    name.data = setting;
    name.len = (size_t) (equals - setting);

    to = NULL;
    *value = mlops_learn_set_value(recipe, equals + 1);

    if (*value != NULL) {
        to = (memchr(name.data, '.', name.len) == NULL
              && memchr(name.data, '[', name.len) == NULL)
             ? mlops_learn_set_plain(recipe, &name)
             : mlops_learn_set_path(recipe, &name);
    }

    if (to == NULL) {
        (void) mlops_err_prefix(recipe->err, "setting \"%s\"", setting);
    }

    return to;
}


/* JSON; text that is none is a string. */

static mlops_doc_t *
mlops_learn_set_value(mlops_learn_recipe_t *recipe, const char *text)
{
    size_t        len;
    mlops_err_t   unused;
    mlops_doc_t  *doc;

    len = strlen(text);
    doc = mlops_doc_parse(text, len, 0, recipe->arena, &unused);

    if (doc == NULL) {

        if (mlops_learn_set_number(recipe, text, len) != MLOPS_OK) {
            return NULL;
        }

        doc = mlops_arena_calloc(recipe->arena, 1, sizeof(mlops_doc_t));

        if (doc == NULL) {
            (void) mlops_err_set(recipe->err, "out of memory");
            return NULL;
        }

        doc->type = MLOPS_DOC_STRING;
        doc->v.text.data = mlops_arena_copy(recipe->arena, text, len);
        doc->v.text.len = len;

        if (doc->v.text.data == NULL) {
            (void) mlops_err_set(recipe->err, "out of memory");
            return NULL;
        }
    }

    return doc;
}


/* A number of another notation than JSON's was meant as one. */

static int
mlops_learn_set_number(mlops_learn_recipe_t *recipe, const char *text,
    size_t len)
{
    char          buf[MLOPS_DOUBLE_LEN];
    char         *end;
    double        value;
    mlops_str_t   number;

    number.data = text;
    number.len = len;

    if (mlops_number(&number, &value) != MLOPS_OK || !isfinite(value)) {
        return MLOPS_OK;
    }

    end = mlops_doc_print(buf, value);

    return mlops_err_set(recipe->err, "\"%s\" is no number of JSON: write "
                         "%.*s, or '\"%s\"' where the text is meant", text,
                         (int) (end - buf), buf, text);
}


/* A key of the one learner that knows it. */

static mlops_doc_t *
mlops_learn_set_plain(mlops_learn_recipe_t *recipe, const mlops_str_t *name)
{
    uint32_t               i, k, known, learners, at[2];
    mlops_doc_t           *step, *found, *other;
    const mlops_doc_t     *steps, *kind, *fit;
    const mlops_fitter_t  *fitter;

    steps = mlops_doc_get(recipe->doc, "steps");
    step = (steps != NULL && steps->type == MLOPS_DOC_ARRAY) ? steps->v.child
                                                             : NULL;
    known = 0;
    learners = 0;
    found = NULL;
    other = NULL;

    for (i = 0; step != NULL; i++, step = step->next) {
        kind = mlops_doc_get(step, "kind");
        fit = mlops_doc_get(step, "fit");

        if (kind == NULL || kind->type != MLOPS_DOC_STRING || fit == NULL
            || fit->type != MLOPS_DOC_STRING)
        {
            continue;
        }

        fitter = mlops_fitter_find(&kind->v.text, &fit->v.text);

        if (fitter == NULL || !(fitter->flags & MLOPS_FIT_LEARNER)) {
            continue;
        }

        learners++;
        other = step;

        for (k = 0; fitter->keys != NULL && fitter->keys[k] != NULL; k++) {

            if (mlops_str_eq(name, fitter->keys[k], strlen(fitter->keys[k])))
            {
                at[known != 0] = i;
                known++;
                found = step;
                break;
            }
        }
    }

    if (learners == 0) {
        (void) mlops_err_set(recipe->err, "the recipe has no step that "
                             "learns; a path such as train.seed names any "
                             "other value");
        return NULL;
    }

    if (known > 1) {
        (void) mlops_err_set(recipe->err, "several learners have this key: "
                             "write steps[%u].%.*s or steps[%u].%.*s", at[0],
                             mlops_fmt(name), at[1], mlops_fmt(name));
        return NULL;
    }

    if (known == 0 && learners > 1) {
        (void) mlops_err_set(recipe->err, "no learner has this key");
        return NULL;
    }

    /* of one learner the check of its keys says what was meant */

    return mlops_learn_set_member(recipe, found ? found : other, name);
}


/* Objects on the way are made where they are missing. */

static mlops_doc_t *
mlops_learn_set_path(mlops_learn_recipe_t *recipe, const mlops_str_t *path)
{
    mlops_str_t   key;
    const char   *p, *end;
    mlops_doc_t  *at;

    p = path->data;
    end = p + path->len;
    at = recipe->doc;

    for ( ;; ) {
        key.data = p;

        while (p < end && *p != '.' && *p != '[') {
            p++;
        }

        key.len = (size_t) (p - key.data);

        if (key.len == 0) {
            (void) mlops_err_set(recipe->err, "expected a path such as "
                                 "train.split.seed or steps[2].alpha");
            return NULL;
        }

        if (at->type == MLOPS_DOC_NULL) {
            at->type = MLOPS_DOC_OBJECT;
            at->v.child = NULL;
            at->n = 0;
        }

        if (at->type != MLOPS_DOC_OBJECT) {
            (void) mlops_err_set(recipe->err, "%.*s: expected an object "
                                 "before it, got %s", mlops_fmt(&key),
                                 mlops_doc_type_name(at));
            return NULL;
        }

        at = mlops_learn_set_member(recipe, at, &key);

        while (at != NULL && p < end && *p == '[') {
            at = mlops_learn_set_element(recipe, path, at, &p);
        }

        if (at == NULL || p == end) {
            return at;
        }

        if (*p != '.') {
            (void) mlops_err_set(recipe->err, "expected a path such as "
                                 "train.split.seed or steps[2].alpha");
            return NULL;
        }

        p++;
    }
}


static mlops_doc_t *
mlops_learn_set_element(mlops_learn_recipe_t *recipe, const mlops_str_t *path,
    mlops_doc_t *array, const char **p)
{
    uint32_t      i, n;
    const char   *q, *end;
    mlops_doc_t  *at;

    n = 0;
    q = *p + 1;
    end = path->data + path->len;

    while (q < end && *q >= '0' && *q <= '9' && n < 100000000) {
        n = n * 10 + (uint32_t) (*q++ - '0');
    }

    if (q == end || *q != ']' || q == *p + 1) {
        (void) mlops_err_set(recipe->err, "expected a number in brackets");
        return NULL;
    }

    *p = q + 1;

    if (array->type != MLOPS_DOC_ARRAY || n >= array->n) {
        (void) mlops_err_set(recipe->err, "expected an element of a list, "
                             "got number %u of %s of %u", n,
                             mlops_doc_type_name(array),
                             array->type == MLOPS_DOC_ARRAY ? array->n : 0);
        return NULL;
    }

    for (i = 0, at = array->v.child; i < n; i++) {
        at = at->next;
    }

    return at;
}


/* The member of an object, made where it is missing. */

static mlops_doc_t *
mlops_learn_set_member(mlops_learn_recipe_t *recipe, mlops_doc_t *object,
    const mlops_str_t *key)
{
    mlops_doc_t  *doc, **last;

    for (last = &object->v.child; *last != NULL; last = &(*last)->next) {
        if (mlops_str_eq(&(*last)->key, key->data, key->len)) {
            return *last;
        }
    }

    doc = mlops_arena_calloc(recipe->arena, 1, sizeof(mlops_doc_t));

    if (doc != NULL) {
        doc->key.data = mlops_arena_copy(recipe->arena, key->data, key->len);
        doc->key.len = key->len;
    }

    if (doc == NULL || doc->key.data == NULL) {
        (void) mlops_err_set(recipe->err, "out of memory");
        return NULL;
    }

    *last = doc;
    object->n++;

    return doc;
}
