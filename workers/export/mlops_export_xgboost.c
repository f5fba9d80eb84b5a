/*
 * XGBoost's format: is the image features, one forest, one link?  It says
 * step by step what stands in the way.
 */

#include "mlops_export_xgboost.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


/* A feature by its number, as XGBoost names those without names. */
#define MLOPS_EXPORT_NUMBER  16


static int mlops_export_choose(mlops_export_xgboost_t *x,
    const mlops_export_options_t *options);
static int mlops_export_writers(mlops_export_xgboost_t *x);
static int mlops_export_has_trees(const mlops_export_xgboost_t *x);
static int mlops_export_walk(mlops_export_xgboost_t *x,
    const uint32_t **cells, uint32_t *n);
static int mlops_export_link(mlops_export_xgboost_t *x,
    const mlops_image_step_t *step, uint32_t number);
static int mlops_export_source(mlops_export_xgboost_t *x,
    const uint32_t *cells, uint32_t n, uint32_t *number);
static int mlops_export_features(mlops_export_xgboost_t *x);
static int mlops_export_feature(mlops_export_xgboost_t *x, uint32_t cell,
    mlops_export_feature_t *feature);
static int mlops_export_codes(mlops_export_xgboost_t *x,
    const mlops_image_step_t *step, mlops_export_feature_t *feature);
static int mlops_export_names_differ(mlops_export_xgboost_t *x);
static int mlops_export_feature_cmp(const void *one, const void *two);


int
mlops_export_xgboost(const mlops_model_t *model,
    const mlops_export_options_t *options, char **data, size_t *len,
    mlops_export_report_t *report, mlops_err_t *err)
{
    int                      rc;
    mlops_export_t           job;
    const mlops_str_t       *output;
    mlops_export_xgboost_t   x;
    mlops_export_options_t   none;

    memset(&none, 0, sizeof(none));
    memset(&x, 0, sizeof(x));
    x.job = &job;

    rc = mlops_export_open(&job, model, report, err);

    if (rc == MLOPS_OK) {
        rc = mlops_export_choose(&x, options ? options : &none);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_export_objective(&x);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_export_xgboost_write(&x);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_export_check_xgboost(&job, x.signature, x.output);
    }

    if (rc == MLOPS_OK) {
        output = &job.face->signatures[x.signature].outputs[x.output].name;
        mlops_export_warn(&x);

        (void) snprintf(job.report->what, sizeof(job.report->what),
                        "%.40s, xgboost, %s, %u trees%s, %u features",
                        mlops_arena_copy(&job.arena, output->data,
                                         output->len), x.objective, x.trees_n,
                        x.base_trees ? " (the first: the base)" : "",
                        x.features_n);
    }

    return mlops_export_close(&job, rc, data, len);
}


/* The first output of those that are asked for that the format can hold; or
 * why it cannot hold the first. */

static int
mlops_export_choose(mlops_export_xgboost_t *x,
    const mlops_export_options_t *options)
{
    int                       found, named;
    uint32_t                  i, j;
    mlops_err_t               why, *err;
    mlops_export_t           *job;
    const mlops_signature_t  *signature;

    job = x->job;
    err = job->err;
    found = 0;
    named = 0;

    for (i = 0; i < job->face->n; i++) {
        signature = &job->face->signatures[i];

        if (options->signature != NULL
            && !mlops_str_eq(&signature->name, options->signature,
                             strlen(options->signature)))
        {
            continue;
        }

        named = 1;

        for (j = 0; j < signature->outputs_n; j++) {

            if (options->output != NULL
                && !mlops_str_eq(&signature->outputs[j].name,
                                 options->output, strlen(options->output)))
            {
                continue;
            }

            memset(x, 0, sizeof(*x));
            x->job = job;
            x->signature = i;
            x->output = j;

            job->err = found ? &why : err;
            found = 1;

            if (mlops_export_shape(x) == MLOPS_OK) {
                job->err = err;
                return MLOPS_OK;
            }
        }
    }

    job->err = err;

    if (!named) {
        return mlops_err_set(err, "there is no signature \"%.80s\"",
                             options->signature);
    }

    if (!found) {
        return mlops_err_set(err, "%s%.80s%shas no output \"%.80s\"",
                             options->signature ? "signature \"" : "",
                             options->signature ? options->signature
                                                : "the image",
                             options->signature ? "\" " : " ",
                             options->output);
    }

    return MLOPS_ERROR;
}


int
mlops_export_shape(mlops_export_xgboost_t *x)
{
    uint32_t                     n;
    const uint32_t              *cells;
    mlops_export_t              *job;
    const mlops_image_step_t    *step;
    const mlops_image_output_t  *output;

    job = x->job;

    if (mlops_export_writers(x) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    output = &job->outputs[job->signatures[x->signature].output + x->output];
    cells = job->lists + output->cells.first;
    n = output->width;
    x->link = MLOPS_XGBOOST_IDENTITY;

    if (output->type == MLOPS_TYPE_BYTES) {
        return mlops_err_set(job->err, "the output is a label, and XGBoost's "
                             "are numbers: choose another output, or export "
                             "it as a recipe");
    }

    if (!mlops_export_has_trees(x)) {
        return mlops_err_set(job->err, "it is computed without trees, and "
                             "XGBoost's format holds those: export it as a "
                             "recipe");
    }

    if (mlops_export_walk(x, &cells, &n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    step = &job->steps[x->trees_step];

    if (mlops_trees_forest(mlops_export_param(job, step), &x->forest,
                           &job->arena, job->err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (!x->forest.f32) {
        return mlops_err_set(job->err, "step %u trees computes in double, and "
                             "XGBoost in float32: its sums would not be the "
                             "same; export it as a recipe", x->trees_step);
    }

    if (x->link == MLOPS_XGBOOST_ARGMAX ? x->forest.groups_n < 2
                                        : n != x->forest.groups_n)
    {
        return mlops_err_set(job->err, "the output has %u values, and step %u "
                             "trees %u sums: XGBoost predicts all of them", n,
                             x->trees_step, x->forest.groups_n);
    }

    return mlops_export_features(x);
}


/* The steps that this signature runs, by the cells they write. */

static int
mlops_export_writers(mlops_export_xgboost_t *x)
{
    uint32_t                        i, c, number;
    mlops_export_t                 *job;
    const mlops_image_step_t       *step;
    const mlops_image_signature_t  *signature;

    job = x->job;
    signature = &job->signatures[x->signature];

    x->writers = mlops_arena_alloc(&job->arena, ((size_t) job->image->cell_n
                                                 + 1) * sizeof(uint32_t));
    if (x->writers == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for (c = 0; c < job->image->cell_n; c++) {
        x->writers[c] = MLOPS_EXPORT_NOBODY;
    }

    for (i = 0; i < signature->steps.n; i++) {
        number = job->lists[signature->steps.first + i];
        step = &job->steps[number];

        for (c = step->out; c < step->out + step->out_n; c++) {
            x->writers[c] = number;
        }
    }

    return MLOPS_OK;
}


static int
mlops_export_has_trees(const mlops_export_xgboost_t *x)
{
    uint32_t                        i, number;
    const mlops_export_t           *job;
    const mlops_image_signature_t  *signature;

    job = x->job;
    signature = &job->signatures[x->signature];

    for (i = 0; i < signature->steps.n; i++) {
        number = job->lists[signature->steps.first + i];

        if (job->steps[number].kind == MLOPS_STEP_TREES) {
            return 1;
        }
    }

    return 0;
}


/* From the output back to the trees: at most one link on the way, and steps
 * that change nothing. */

static int
mlops_export_walk(mlops_export_xgboost_t *x, const uint32_t **cells,
    uint32_t *n)
{
    uint32_t                   number, left;
    mlops_export_t            *job;
    const mlops_image_step_t  *step;

    job = x->job;

    for (left = job->steps_n; left > 0; left--) {

        if (mlops_export_source(x, *cells, *n, &number) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        step = &job->steps[number];

        if (step->kind == MLOPS_STEP_TREES) {
            x->trees_step = number;
            return MLOPS_OK;
        }

        if (step->kind != MLOPS_STEP_UNARY
            || step->op != MLOPS_UNARY_IDENTITY)
        {
            if (mlops_export_link(x, step, number) != MLOPS_OK) {
                return MLOPS_ERROR;
            }
        }

        *cells = job->lists + step->in.first;
        *n = step->in.n;
    }

    return mlops_err_set(job->err, "the output is computed without trees: "
                         "export it as a recipe");
}


/* The one step that writes these cells, all of its own and in order. */

static int
mlops_export_source(mlops_export_xgboost_t *x, const uint32_t *cells,
    uint32_t n, uint32_t *number)
{
    uint32_t                   i;
    mlops_export_t            *job;
    const mlops_image_step_t  *step;

    job = x->job;
    *number = x->writers[cells[0]];

    if (*number == MLOPS_EXPORT_NOBODY) {
        return mlops_err_set(job->err, "the output is an input, or computed "
                             "without trees: export it as a recipe");
    }

    step = &job->steps[*number];

    for (i = 0; i < n; i++) {
        if (n != step->out_n || cells[i] != step->out + i) {
            return mlops_err_set(job->err, "step %u %s: expected its %u "
                                 "results to be used as they are, all in "
                                 "order, which is what XGBoost does; export "
                                 "it as a recipe", *number,
                                 mlops_step_name(step->kind), step->out_n);
        }
    }

    return MLOPS_OK;
}


static int
mlops_export_link(mlops_export_xgboost_t *x, const mlops_image_step_t *step,
    uint32_t number)
{
    mlops_xgboost_link_t  link;

    link = MLOPS_XGBOOST_IDENTITY;

    if (step->kind == MLOPS_STEP_SOFTMAX) {
        link = MLOPS_XGBOOST_SOFTMAX;

    } else if (step->kind == MLOPS_STEP_ARGMAX) {
        link = MLOPS_XGBOOST_ARGMAX;

    } else if (step->kind == MLOPS_STEP_UNARY) {

        link = (step->op == MLOPS_UNARY_SIGMOID
                || step->op == MLOPS_UNARY_XGB_SIGMOID)
               ? MLOPS_XGBOOST_SIGMOID
               : (step->op == MLOPS_UNARY_EXP) ? MLOPS_XGBOOST_EXP
               : (step->op == MLOPS_UNARY_STEP) ? MLOPS_XGBOOST_STEP
                                                : MLOPS_XGBOOST_IDENTITY;
    }

    /* the largest probability is that of the largest margin */

    if (x->link == MLOPS_XGBOOST_ARGMAX && link == MLOPS_XGBOOST_SOFTMAX) {
        return MLOPS_OK;
    }

    if (link == MLOPS_XGBOOST_IDENTITY || x->link != MLOPS_XGBOOST_IDENTITY) {
        return mlops_err_set(x->job->err, "step %u %s%s%s stands between the "
                             "trees and the output, and XGBoost's format has "
                             "only a link there (sigmoid, exp, step, softmax, "
                             "argmax); choose another output, or export it as "
                             "a recipe", number, mlops_step_name(step->kind),
                             step->kind == MLOPS_STEP_UNARY ? " " : "",
                             step->kind == MLOPS_STEP_UNARY
                             ? mlops_unary_name(step->op) : "");
    }

    x->link = link;

    return MLOPS_OK;
}


static int
mlops_export_features(mlops_export_xgboost_t *x)
{
    char                      number[MLOPS_EXPORT_NUMBER];
    uint32_t                  i;
    const uint32_t           *cells;
    mlops_export_t           *job;
    mlops_export_feature_t   *feature;

    job = x->job;
    x->features_n = x->forest.features_n;
    x->features = mlops_arena_calloc(&job->arena, x->features_n,
                                     sizeof(mlops_export_feature_t));
    if (x->features == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    cells = job->lists + job->steps[x->trees_step].in.first;
    x->unnamed = 1;

    for (i = 0; i < x->features_n; i++) {
        feature = &x->features[i];

        if (mlops_export_feature(x, cells[i], feature) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        (void) snprintf(number, sizeof(number), "f%u", i);

        if (!mlops_str_eq(&feature->name, number, strlen(number))) {
            x->unnamed = 0;
        }
    }

    for (i = 0; i < x->forest.nodes_n; i++) {
        if (x->forest.nodes[i].feature != MLOPS_TREES_LEAF
            && x->forest.nodes[i].categorical)
        {
            x->features[x->forest.nodes[i].feature].type = "c";
        }
    }

    return mlops_export_names_differ(x);
}


/* An input of the signature, or the code of one. */

static int
mlops_export_feature(mlops_export_xgboost_t *x, uint32_t cell,
    mlops_export_feature_t *feature)
{
    uint32_t                   number;
    mlops_str_t                name;
    mlops_export_t            *job;
    mlops_type_t               type;
    const mlops_image_step_t  *step;

    job = x->job;
    number = x->writers[cell];
    step = NULL;

    if (number != MLOPS_EXPORT_NOBODY) {
        step = &job->steps[number];
        cell = job->lists[step->in.first];

        if (step->kind != MLOPS_STEP_MAP || step->out_n != 1
            || x->writers[cell] != MLOPS_EXPORT_NOBODY)
        {
            return mlops_err_set(job->err, "step %u %s stands before the "
                                 "trees, and XGBoost's format has nothing "
                                 "there but codes of categories; export it as "
                                 "a recipe", number,
                                 mlops_step_name(step->kind));
        }
    }

    name = mlops_export_str(job, &job->cells[cell].name);
    type = (mlops_type_t) job->cells[cell].type;

    feature->name = name;
    feature->type = (mlops_type_kind(type) == MLOPS_CELL_DOUBLE) ? "float"
                                                                 : "int";

    if (job->cells[cell].flags & MLOPS_COLUMN_DEFAULT) {
        return mlops_err_set(job->err, "input \"%.*s\" has a default, and a "
                             "missing value is missing to XGBoost; export it "
                             "as a recipe", mlops_fmt(&name));
    }

    if (step == NULL) {
        return MLOPS_OK;
    }

    if (mlops_export_codes(x, step, feature) != MLOPS_OK) {
        return mlops_err_prefix(job->err, "step %u map of input \"%.*s\"",
                                number, mlops_fmt(&name));
    }

    return MLOPS_OK;
}


/* Categories are numbered from 0 without gaps; all else is missing. */

static int
mlops_export_codes(mlops_export_xgboost_t *x, const mlops_image_step_t *step,
    mlops_export_feature_t *feature)
{
    uint32_t            i, n;
    const char         *p;
    const double       *keys, *values;
    mlops_export_t     *job;
    const mlops_map_t  *map;

    job = x->job;
    p = mlops_export_param(job, step);
    map = (const mlops_map_t *) p;
    p += sizeof(*map);
    n = map->n;
    values = (const double *) (p + (size_t) n * 8);

    keys = (const double *) p;

    for (i = 0; i < n && !map->strings; i++) {
        if (!(fabs(keys[i]) < 0x1p53) || keys[i] != floor(keys[i])) {
            return mlops_err_set(job->err, "expected categories that are "
                                 "whole numbers or names, which XGBoost has "
                                 "codes for, got %g; export it as a recipe",
                                 keys[i]);
        }
    }

    feature->order = mlops_arena_alloc(&job->arena, ((size_t) n + 1)
                                                    * sizeof(uint32_t));
    if (feature->order == NULL) {
        return mlops_err_set(job->err, "out of memory");
    }

    for (i = 0; i < n; i++) {
        feature->order[i] = MLOPS_EXPORT_NOBODY;
    }

    for (i = 0; i < n; i++) {

        if (!(values[i] >= 0 && values[i] < n)
            || values[i] != floor(values[i])
            || feature->order[(uint32_t) values[i]] != MLOPS_EXPORT_NOBODY)
        {
            return mlops_err_set(job->err, "expected the codes 0 to %u, each "
                                 "once, which is how XGBoost numbers "
                                 "categories, got %g; export it as a recipe",
                                 n - 1, values[i]);
        }

        feature->order[(uint32_t) values[i]] = i;
    }

    if (!isnan(values[n]) || !isnan(values[n + 1])) {
        return mlops_err_set(job->err, "expected other and missing values to "
                             "be missing, as they are to XGBoost, got %g and "
                             "%g; export it as a recipe", values[n],
                             values[n + 1]);
    }

    feature->type = "c";
    feature->categories_n = n;
    feature->strings = map->strings ? (const mlops_image_text_t *) p : NULL;
    feature->numbers = map->strings ? NULL : (const double *) p;

    return MLOPS_OK;
}


static int
mlops_export_feature_cmp(const void *one, const void *two)
{
    int                 rc;
    const mlops_str_t  *a, *b;

    a = one;
    b = two;
    rc = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return rc ? rc : (a->len > b->len) - (a->len < b->len);
}


/* The trees may read an input twice; XGBoost's features have a name each. */

static int
mlops_export_names_differ(mlops_export_xgboost_t *x)
{
    uint32_t      i;
    mlops_str_t  *names;

    names = mlops_arena_alloc(&x->job->arena,
                              x->features_n * sizeof(mlops_str_t));
    if (names == NULL) {
        return mlops_err_set(x->job->err, "out of memory");
    }

    for (i = 0; i < x->features_n; i++) {
        names[i] = x->features[i].name;
    }

    qsort(names, x->features_n, sizeof(mlops_str_t),
          mlops_export_feature_cmp);

    for (i = 1; i < x->features_n; i++) {
        if (mlops_export_feature_cmp(&names[i - 1], &names[i]) == 0) {
            return mlops_err_set(x->job->err, "the trees read the input "
                                 "\"%.*s\" twice, and XGBoost's features have "
                                 "a name each; export it as a recipe",
                                 mlops_fmt(&names[i]));
        }
    }

    return MLOPS_OK;
}
