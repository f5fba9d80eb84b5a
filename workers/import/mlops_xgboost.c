/*
 * XGBoost's learner: the parameters, names, and intercept around a booster.
 */

#include "mlops_xgboost.h"
#include "mlops_num.h"

#include <math.h>
#include <stdio.h>


static int mlops_xgboost_params(mlops_xgboost_t *model,
    const mlops_doc_t *learner, mlops_field_t *field);
static int mlops_xgboost_version(mlops_xgboost_t *model,
    const mlops_doc_t *doc, mlops_field_t *field);
static int mlops_xgboost_base(mlops_xgboost_t *model,
    const mlops_doc_t *param, mlops_field_t *field);
static int mlops_xgboost_features(mlops_xgboost_t *model,
    const mlops_doc_t *learner, mlops_field_t *field);
static int mlops_xgboost_booster(mlops_xgboost_t *model,
    const mlops_doc_t *learner, const char *iterations, size_t file_len,
    mlops_field_t *field);


int
mlops_xgboost_sniff(const mlops_doc_t *doc)
{
    return mlops_doc_get(mlops_doc_get(doc, "learner"), "gradient_booster")
           != NULL;
}


int
mlops_xgboost_read(mlops_xgboost_t *model, const mlops_doc_t *doc,
    const char *iterations, size_t file_len, mlops_field_t *field)
{
    const mlops_doc_t  *learner, *objective;

    memset(model, 0, sizeof(*model));

    learner = mlops_field_get(field, doc, "learner", MLOPS_DOC_OBJECT);
    if (learner == NULL || mlops_xgboost_version(model, doc, field)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    (void) mlops_field_push(field, "learner");

    if (mlops_xgboost_params(model, learner, field) != MLOPS_OK
        || mlops_xgboost_features(model, learner, field) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    objective = mlops_field_get(field, learner, "objective",
                                MLOPS_DOC_OBJECT);
    if (objective == NULL) {
        return MLOPS_ERROR;
    }

    (void) mlops_field_push(field, "objective");

    if (mlops_xgboost_objective(model, objective, field) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_field_pop(field, sizeof("learner") - 1);

    return mlops_xgboost_booster(model, learner, iterations, file_len, field);
}


static int
mlops_xgboost_version(mlops_xgboost_t *model, const mlops_doc_t *doc,
    mlops_field_t *field)
{
    int64_t   *version;
    uint32_t   i, n;

    if (mlops_doc_get(doc, "version") == NULL) {
        return MLOPS_OK;
    }

    if (mlops_field_ints(field, doc, "version", 3, &version, &n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < n; i++) {

        if (version[i] < 0 || version[i] > 65535) {
            return mlops_field_error(field, "version[%u]: expected a release "
                                     "number, got %lld", i,
                                     (long long) version[i]);
        }

        model->version[i] = (int) version[i];
    }

    return MLOPS_OK;
}


static int
mlops_xgboost_params(mlops_xgboost_t *model, const mlops_doc_t *learner,
    mlops_field_t *field)
{
    size_t              old;
    int64_t             features_n, classes_n, targets_n;
    const mlops_doc_t  *param;

    param = mlops_field_get(field, learner, "learner_model_param",
                            MLOPS_DOC_OBJECT);
    if (param == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "learner_model_param");

    if (mlops_field_int(field, param, "num_feature", 1,
                        MLOPS_TREES_MAX_FEATURE, -1, &features_n)
        != MLOPS_OK
        || mlops_field_int(field, param, "num_class", 0, INT32_MAX, 0,
                           &classes_n)
           != MLOPS_OK
        || mlops_field_int(field, param, "num_target", 0, INT32_MAX, 1,
                           &targets_n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (classes_n > 1 && targets_n > 1) {
        return mlops_field_error(field, "expected several classes or several "
                                 "targets, got %lld and %lld",
                                 (long long) classes_n,
                                 (long long) targets_n);
    }

    model->features_n = (uint32_t) features_n;
    model->groups_n = (uint32_t) (classes_n > targets_n ? classes_n
                                                        : targets_n);

    if (model->groups_n == 0) {
        model->groups_n = 1;
    }

    if (model->groups_n > MLOPS_XGBOOST_GROUPS * MLOPS_XGBOOST_GROUPS) {
        return mlops_field_error(field, "expected at most %u outputs, got %u",
                                 MLOPS_XGBOOST_GROUPS * MLOPS_XGBOOST_GROUPS,
                                 model->groups_n);
    }

    if (mlops_xgboost_base(model, param, field) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


/* A number, or a list of them in brackets, as text: one for all outputs, or
 * one for each. */

static int
mlops_xgboost_base(mlops_xgboost_t *model, const mlops_doc_t *param,
    mlops_field_t *field)
{
    char                close;
    uint32_t            n;
    const char         *p, *end;
    const mlops_doc_t  *doc;

    doc = mlops_field_get(field, param, "base_score", MLOPS_DOC_STRING);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    (void) mlops_field_push(field, "base_score");

    model->base = mlops_arena_calloc(field->arena, model->groups_n,
                                     sizeof(float));
    if (model->base == NULL) {
        return mlops_field_memory(field);
    }

    p = doc->v.text.data;
    end = p + doc->v.text.len;
    close = '\0';

    for (n = 0; /* void */ ; /* void */ ) {

        while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
            p++;
        }

        if (p < end && n == 0 && close == '\0' && (*p == '[' || *p == '(')) {
            close = (*p == '[') ? ']' : ')';
            p++;
            continue;
        }

        if (n == model->groups_n) {
            return mlops_field_fail(field, doc, "one number, or one for each "
                                    "of %u outputs", model->groups_n);
        }

        p = mlops_parse_float(p, end, &model->base[n]);

        if (p == NULL || !isfinite(model->base[n])) {
            return mlops_field_fail(field, doc, "finite numbers");
        }

        n++;

        while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
            p++;
        }

        if (close != '\0' && p < end && *p == ',') {
            p++;
            continue;
        }

        break;
    }

    if (close != '\0') {

        if (p == end || *p != close) {
            return mlops_field_fail(field, doc, "a list that ends in '%c'",
                                    close);
        }

        p++;

        while (p < end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
            p++;
        }
    }

    if (p != end || (n != 1 && n != model->groups_n)) {
        return mlops_field_fail(field, doc, "one number, or one for each of "
                                "%u outputs", model->groups_n);
    }

    for (/* void */ ; n < model->groups_n; n++) {
        model->base[n] = model->base[0];
    }

    return MLOPS_OK;
}


/* Names from the file, or f0, f1, … */

static int
mlops_xgboost_features(mlops_xgboost_t *model, const mlops_doc_t *learner,
    mlops_field_t *field)
{
    char                buf[16];
    size_t              old;
    uint32_t            i;
    mlops_str_t        *name;
    const mlops_doc_t  *names, *doc;

    model->features = mlops_arena_calloc(field->arena, model->features_n,
                                         sizeof(mlops_xgboost_feature_t));
    if (model->features == NULL) {
        return mlops_field_memory(field);
    }

    if (mlops_field_find(field, learner, "feature_names", MLOPS_DOC_ARRAY,
                         &names)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (names == NULL || names->n == 0) {

        for (i = 0; i < model->features_n; i++) {
            name = &model->features[i].name;

            name->len = (size_t) snprintf(buf, sizeof(buf), "f%u", i);
            name->data = mlops_arena_copy(field->arena, buf, name->len);

            if (name->data == NULL) {
                return mlops_field_memory(field);
            }
        }

        return MLOPS_OK;
    }

    old = mlops_field_push(field, "feature_names");

    if (names->type != MLOPS_DOC_ARRAY || names->n != model->features_n) {
        return mlops_field_fail(field, names, "an array of %u names",
                                model->features_n);
    }

    for (i = 0, doc = names->v.child; doc != NULL; i++, doc = doc->next) {

        if (doc->type != MLOPS_DOC_STRING) {
            (void) mlops_field_push_i(field, i);
            return mlops_field_fail(field, doc, "a name");
        }

        model->features[i].name = doc->v.text;
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_xgboost_booster(mlops_xgboost_t *model, const mlops_doc_t *learner,
    const char *iterations, size_t file_len, mlops_field_t *field)
{
    const mlops_doc_t  *booster, *name, *tree, *doc, *cats, *weights;
    const mlops_doc_t  *attributes;

    attributes = mlops_doc_get(learner, "attributes");
    model->wrapper = (mlops_doc_get(attributes, "scikit_learn") != NULL);

    booster = mlops_field_get(field, learner, "gradient_booster",
                              MLOPS_DOC_OBJECT);
    if (booster == NULL) {
        return MLOPS_ERROR;
    }

    (void) mlops_field_push(field, "gradient_booster");

    name = mlops_field_get(field, booster, "name", MLOPS_DOC_STRING);
    if (name == NULL) {
        return MLOPS_ERROR;
    }

    tree = booster;
    weights = booster;
    model->booster = "gbtree";

    if (mlops_str_is(&name->v.text, "gblinear")) {
        model->booster = "gblinear";

    } else if (mlops_str_is(&name->v.text, "dart")) {
        model->booster = "dart";

        tree = mlops_field_get(field, booster, "gbtree", MLOPS_DOC_OBJECT);
        if (tree == NULL) {
            return MLOPS_ERROR;
        }

        if (mlops_field_get(field, booster, "weight_drop", MLOPS_DOC_ARRAY)
            == NULL)
        {
            return MLOPS_ERROR;
        }

        (void) mlops_field_push(field, "gbtree");

    } else if (!mlops_str_is(&name->v.text, "gbtree")) {
        (void) mlops_field_push(field, "name");

        return mlops_field_fail(field, name, "gbtree, dart or gblinear");
    }

    doc = mlops_field_get(field, tree, "model", MLOPS_DOC_OBJECT);
    if (doc == NULL) {
        return MLOPS_ERROR;
    }

    (void) mlops_field_push(field, "model");

    if (mlops_field_find(field, doc, "cats", MLOPS_DOC_OBJECT, &cats)
        != MLOPS_OK
        || (cats != NULL
            && mlops_xgboost_cats(model, cats, field) != MLOPS_OK))
    {
        return MLOPS_ERROR;
    }

    if (strcmp(model->booster, "gblinear") == 0) {

        if (iterations != NULL && strcmp(iterations, "all") != 0) {
            return mlops_err_set(field->err, "iterations: expected all or "
                                 "none for gblinear, whose rounds are one "
                                 "sum, got \"%.40s\"", iterations);
        }

        return mlops_xgboost_linear(model, doc, field);
    }

    if (mlops_doc_get(weights, "weight_drop") == NULL) {
        weights = doc;
    }

    if (mlops_doc_get(weights, "weight_drop") != NULL) {
        model->booster = "dart";
    }

    return mlops_xgboost_trees(model, doc, weights, attributes, iterations,
                               file_len, field);
}
