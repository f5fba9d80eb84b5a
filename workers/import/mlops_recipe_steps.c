/*
 * The steps of a recipe.  One table has the kinds: their keys, their rule of
 * counts, the function that reads the rest and calls the builder.
 */

#include "mlops_recipe.h"

#include <math.h>
#include <stdlib.h>


typedef enum {
    MLOPS_RECIPE_N_TO_M = 0,
    MLOPS_RECIPE_N_TO_N,
    MLOPS_RECIPE_N_TO_1,
    MLOPS_RECIPE_1_TO_M,
    MLOPS_RECIPE_1_TO_1,
    MLOPS_RECIPE_OPERANDS           /* n or 2n to n */
} mlops_recipe_counts_t;


typedef struct {
    const char              *name;
    mlops_recipe_counts_t    counts;
    const char              *keys[6];
    int                    (*run)(mlops_recipe_t *recipe,
                                  mlops_recipe_step_t *step, uint32_t *cell);
} mlops_recipe_kind_t;


static int mlops_recipe_kind_of(mlops_recipe_t *recipe,
    const mlops_doc_t *doc, const mlops_recipe_kind_t **kind);
static int mlops_recipe_inputs(mlops_recipe_t *recipe,
    const mlops_recipe_kind_t *kind, mlops_recipe_step_t *step);
static int mlops_recipe_counts(mlops_recipe_t *recipe,
    const mlops_recipe_kind_t *kind, const mlops_recipe_step_t *step);
static int mlops_recipe_affine(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_clip(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_impute(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_unary(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_binary(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_piecewise(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_dense(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_softmax(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_argmax(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_cumulative(mlops_recipe_t *recipe,
    mlops_recipe_step_t *step, uint32_t *cell);
static int mlops_recipe_weights(mlops_recipe_t *recipe,
    const mlops_recipe_step_t *step, double **weights);
static int mlops_recipe_named_weights(mlops_recipe_t *recipe,
    const mlops_recipe_step_t *step, const mlops_doc_t *doc, double *weights);


static const mlops_recipe_kind_t  mlops_recipe_kinds[] = {
    { "affine", MLOPS_RECIPE_N_TO_M,
      { "weights", "bias", "skip_missing", "f32" }, mlops_recipe_affine },
    { "clip", MLOPS_RECIPE_N_TO_N, { "lo", "hi" }, mlops_recipe_clip },
    { "impute", MLOPS_RECIPE_N_TO_N, { "value" }, mlops_recipe_impute },
    { "map", MLOPS_RECIPE_1_TO_M, { "entries", "other", "missing" },
      mlops_recipe_map },
    { "one_hot", MLOPS_RECIPE_1_TO_M, { "categories" },
      mlops_recipe_one_hot },
    { "unary", MLOPS_RECIPE_N_TO_N, { "op", "f32" }, mlops_recipe_unary },
    { "binary", MLOPS_RECIPE_OPERANDS,
      { "op", "constant", "reversed", "f32" }, mlops_recipe_binary },
    { "piecewise", MLOPS_RECIPE_1_TO_1, { "x", "y" },
      mlops_recipe_piecewise },
    { "dense", MLOPS_RECIPE_N_TO_M, { "weights", "bias", "activation" },
      mlops_recipe_dense },
    { "trees", MLOPS_RECIPE_N_TO_M, { "trees", "base", "f32" },
      mlops_recipe_trees },
    { "softmax", MLOPS_RECIPE_N_TO_N, { "f32" }, mlops_recipe_softmax },
    { "argmax", MLOPS_RECIPE_N_TO_1, { NULL }, mlops_recipe_argmax },
    { "cumulative", MLOPS_RECIPE_N_TO_N, { "op", "f32" },
      mlops_recipe_cumulative },
    { "model", MLOPS_RECIPE_N_TO_M, { "file", "margin", "iterations" }, NULL }
};


/* In the order of mlops_unary_t; the last one is composed. */

static const char *const  mlops_recipe_unaries[] = {
    "identity", "neg", "abs", "square", "sqrt", "exp", "log", "log1p",
    "expm1", "reciprocal", "sigmoid", "tanh", "relu", "sign", "floor", "ceil",
    "round", "sin", "cos", "step", "xgb_sigmoid", "isnan", "trunc", NULL
};

#define MLOPS_RECIPE_TRUNC  MLOPS_UNARY_N


/* In the order of mlops_binary_t. */

static const char *const  mlops_recipe_binaries[] = {
    "add", "sub", "mul", "div", "min", "max", "pow", "mod", "lt", "le", "eq",
    NULL
};


int
mlops_recipe_steps(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    size_t              old, here;
    uint32_t            i;
    const mlops_doc_t  *step;

    old = mlops_field_push(&recipe->field, "steps");
    step = (doc->type == MLOPS_DOC_ARRAY) ? doc->v.child : NULL;

    for (i = 0; step != NULL; i++, step = step->next) {
        here = mlops_field_push_i(&recipe->field, i);

        if (mlops_recipe_step(recipe, step) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&recipe->field, here);
    }

    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}


int
mlops_recipe_step(mlops_recipe_t *recipe, const mlops_doc_t *doc)
{
    int                         f32;
    uint32_t                    cell;
    const mlops_doc_t          *outputs;
    mlops_recipe_step_t         step;
    const mlops_recipe_kind_t  *kind;

    if (doc->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(&recipe->field, doc, "an object");
    }

    if (mlops_recipe_kind_of(recipe, doc, &kind) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (kind->run == NULL) {
        return mlops_recipe_model(recipe, doc);
    }

    memset(&step, 0, sizeof(step));
    step.doc = doc;

    outputs = mlops_field_get(&recipe->field, doc, "outputs",
                              MLOPS_DOC_ARRAY);

    if (outputs == NULL
        || mlops_recipe_inputs(recipe, kind, &step) != MLOPS_OK
        || mlops_recipe_flag(recipe, doc, "f32", &f32) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    step.flags = f32 ? MLOPS_STEP_F32 : 0;
    step.out = MLOPS_BUILDER_NEW;
    step.out_n = outputs->n;

    if (mlops_recipe_counts(recipe, kind, &step) != MLOPS_OK
        || kind->run(recipe, &step, &cell) != MLOPS_OK
        || mlops_recipe_built(recipe, cell) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return mlops_recipe_outputs(recipe, doc, "outputs", cell, step.out_n);
}


/* The builder's error sticks, and finish tells it: here it gets its place. */

int
mlops_recipe_built(mlops_recipe_t *recipe, uint32_t cell)
{
    void         *image;
    size_t        len;
    mlops_err_t   err;

    if (cell != MLOPS_BUILDER_ERROR) {
        return MLOPS_OK;
    }

    if (mlops_builder_finish(recipe->builder, &image, &len, &err)
        != MLOPS_ERROR)
    {
        free(image);
        return MLOPS_OK;
    }

    return mlops_field_error(&recipe->field, "%s", err.text);
}


static int
mlops_recipe_kind_of(mlops_recipe_t *recipe, const mlops_doc_t *doc,
    const mlops_recipe_kind_t **kind)
{
    int                       word;
    size_t                    i;
    const char               *names[mlops_nitems(mlops_recipe_kinds) + 1];
    static const char *const  common[] = { "kind", "inputs", "outputs", NULL };

    for (i = 0; i < mlops_nitems(mlops_recipe_kinds); i++) {
        names[i] = mlops_recipe_kinds[i].name;
    }

    names[i] = NULL;

    if (mlops_recipe_word(recipe, doc, "kind", names, -1, &word)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *kind = &mlops_recipe_kinds[word];

    return mlops_recipe_keys(recipe, doc, common, (*kind)->keys);
}


static int
mlops_recipe_inputs(mlops_recipe_t *recipe, const mlops_recipe_kind_t *kind,
    mlops_recipe_step_t *step)
{
    size_t                old, here;
    uint32_t              i;
    const mlops_doc_t    *list, *doc;
    mlops_recipe_name_t  *name;

    list = mlops_field_get(&recipe->field, step->doc, "inputs",
                           MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&recipe->field, "inputs");

    /* an affine of nothing is constants */

    if (list->n == 0 && kind->run != mlops_recipe_affine) {
        return mlops_field_fail(&recipe->field, list, "a list of names");
    }

    step->in_n = list->n;
    step->in = mlops_arena_alloc(recipe->field.arena,
                                 list->n * sizeof(uint32_t));
    if (step->in == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(&recipe->field, i);

        name = mlops_recipe_name(recipe, doc);
        if (name == NULL) {
            return MLOPS_ERROR;
        }

        step->in[i] = name->cell;
        mlops_field_pop(&recipe->field, here);
    }

    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}


static int
mlops_recipe_counts(mlops_recipe_t *recipe, const mlops_recipe_kind_t *kind,
    const mlops_recipe_step_t *step)
{
    int         good;
    uint32_t    n, m;
    const char *text;

    n = step->in_n;
    m = step->out_n;
    good = (m != 0);
    text = "at least one output";

    switch (kind->counts) {

    case MLOPS_RECIPE_N_TO_M:
        break;

    case MLOPS_RECIPE_N_TO_N:
        good = (n == m);
        text = "as many outputs as inputs";
        break;

    case MLOPS_RECIPE_N_TO_1:
        good = (m == 1);
        text = "one output";
        break;

    case MLOPS_RECIPE_1_TO_M:
        good = (n == 1 && m != 0);
        text = "one input and at least one output";
        break;

    case MLOPS_RECIPE_1_TO_1:
        good = (n == 1 && m == 1);
        text = "one input and one output";
        break;

    case MLOPS_RECIPE_OPERANDS:

        if (mlops_doc_get(step->doc, "constant") != NULL) {
            good = (n == m);
            text = "as many outputs as inputs";
            break;
        }

        good = (m != 0 && n == (uint64_t) m * 2);
        text = "two inputs for each output";
        break;
    }

    if (good) {
        return MLOPS_OK;
    }

    return mlops_field_error(&recipe->field, "%s: expected %s, got %u inputs "
                             "and %u outputs", kind->name, text, n, m);
}


int
mlops_recipe_outputs(mlops_recipe_t *recipe, const mlops_doc_t *object,
    const char *key, uint32_t cell, uint32_t n)
{
    size_t                old, here;
    uint32_t              i, from;
    const mlops_doc_t    *list, *doc;
    mlops_recipe_name_t  *name;

    list = mlops_field_get(&recipe->field, object, key, MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&recipe->field, key);

    if (list->n != n) {
        return mlops_field_fail(&recipe->field, list, "a list of %u names",
                                n);
    }

    for (i = 0, doc = list->v.child; i < n; i++, doc = doc->next) {
        here = mlops_field_push_i(&recipe->field, i);

        if (doc->type != MLOPS_DOC_STRING) {
            return mlops_field_fail(&recipe->field, doc, "a name");
        }

        from = (cell == MLOPS_BUILDER_ERROR) ? cell : cell + i;
        name = mlops_recipe_find(recipe, doc->v.text.data, doc->v.text.len);

        if (name == NULL) {

            if (mlops_recipe_add(recipe, &doc->v.text, from, NULL)
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

        } else {

            if (name->computed || name->column->type == MLOPS_TYPE_BYTES) {
                return mlops_field_fail(&recipe->field, doc, "a new name, or "
                                        "that of a numerical input that no "
                                        "other step computes");
            }

            (void) mlops_builder_unary(recipe->builder, MLOPS_UNARY_IDENTITY,
                                       0, &from, 1, name->cell);
            name->computed = 1;
        }

        mlops_field_pop(&recipe->field, here);
    }

    mlops_field_pop(&recipe->field, old);

    return MLOPS_OK;
}


static int
mlops_recipe_affine(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    int      skip;
    double  *bias, *weights;

    if (mlops_recipe_weights(recipe, step, &weights) != MLOPS_OK
        || mlops_recipe_numbers(recipe, step->doc, "bias", step->out_n, 0,
                                &bias)
           != MLOPS_OK
        || mlops_recipe_flag(recipe, step->doc, "skip_missing", &skip)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (bias == NULL) {
        bias = mlops_arena_calloc(recipe->field.arena, step->out_n,
                                  sizeof(double));
        if (bias == NULL) {
            return mlops_field_memory(&recipe->field);
        }
    }

    *cell = mlops_builder_affine(recipe->builder, step->flags
                                 | (skip ? MLOPS_STEP_SKIP_MISSING : 0),
                                 step->in, step->in_n, step->out, step->out_n,
                                 bias, weights);

    return MLOPS_OK;
}


/* m lists of n numbers; for one output also one list, or an object. */

static int
mlops_recipe_weights(mlops_recipe_t *recipe, const mlops_recipe_step_t *step,
    double **weights)
{
    int                 rc;
    size_t              old, here;
    uint32_t            i;
    mlops_field_t      *field;
    const mlops_doc_t  *doc, *row;

    field = &recipe->field;
    old = mlops_field_push(field, "weights");

    doc = mlops_doc_get(step->doc, "weights");

    if (step->out_n == 1
        && ((mlops_field_is_array(doc)
             && !mlops_field_is_array(doc->v.child))
            || (doc != NULL && doc->type == MLOPS_DOC_OBJECT)))
    {
        *weights = mlops_arena_calloc(field->arena, step->in_n,
                                      sizeof(double));
        if (*weights == NULL) {
            return mlops_field_memory(field);
        }

        if (doc->type == MLOPS_DOC_OBJECT) {
            rc = mlops_recipe_named_weights(recipe, step, doc, *weights);

        } else {
            rc = mlops_recipe_numbers_of(recipe, doc, step->in_n, 0,
                                         *weights);
        }

        if (rc == MLOPS_OK) {
            mlops_field_pop(field, old);
        }

        return rc;
    }

    if (doc == NULL || doc->type != MLOPS_DOC_ARRAY || doc->n != step->out_n)
    {
        return mlops_field_fail(field, doc, "a list of %u lists of %u "
                                "numbers", step->out_n, step->in_n);
    }

    /* rows are looked at before memory is taken for what they announce */

    for (i = 0, row = doc->v.child; row != NULL; i++, row = row->next) {

        if (!mlops_field_is_array(row) || row->n != step->in_n) {
            (void) mlops_field_push_i(field, i);
            return mlops_field_fail(field, row, "a list of %u numbers",
                                    step->in_n);
        }
    }

    *weights = mlops_arena_alloc(field->arena, (size_t) step->out_n
                                               * step->in_n * sizeof(double));
    if (*weights == NULL) {
        return mlops_field_memory(field);
    }

    for (i = 0, row = doc->v.child; row != NULL; i++, row = row->next) {
        here = mlops_field_push_i(field, i);

        if (mlops_recipe_numbers_of(recipe, row, step->in_n, 0,
                                    *weights + (size_t) i * step->in_n)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


/* {"input": weight, …}: every input once, in any order. */

static int
mlops_recipe_named_weights(mlops_recipe_t *recipe,
    const mlops_recipe_step_t *step, const mlops_doc_t *doc, double *weights)
{
    uint8_t              *seen;
    uint32_t              i, k;
    mlops_field_t        *field;
    const mlops_doc_t    *weight;
    mlops_recipe_name_t  *name;

    field = &recipe->field;

    seen = mlops_arena_calloc(field->arena, step->in_n, 1);
    if (seen == NULL) {
        return mlops_field_memory(field);
    }

    if (doc->n != step->in_n || doc->n > MLOPS_RECIPE_NAMED) {
        return mlops_field_error(field, "expected a weight for each of %u "
                                 "inputs (at most %u by name), got %u",
                                 step->in_n, MLOPS_RECIPE_NAMED, doc->n);
    }

    for (k = 0, weight = doc->v.child; weight != NULL;
         k++, weight = weight->next)
    {
        name = mlops_recipe_find(recipe, weight->key.data, weight->key.len);
        i = k;

        if (name == NULL || step->in[i] != name->cell) {

            for (i = 0; i < step->in_n; i++) {
                if (name != NULL && step->in[i] == name->cell) {
                    break;
                }
            }
        }

        if (i == step->in_n || seen[i]) {
            return mlops_field_error(field, "expected a weight for each "
                                     "input, got one for \"%.*s\"",
                                     (int) (weight->key.len < 40
                                            ? weight->key.len : 40),
                                     weight->key.data);
        }

        seen[i] = 1;

        if (mlops_doc_double(weight, &weights[i]) != MLOPS_OK
            || !isfinite(weights[i]))
        {
            return mlops_field_fail(field, weight, "a number for each input");
        }
    }

    return MLOPS_OK;
}


static int
mlops_recipe_clip(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    double    *lo, *hi, *bound;
    uint32_t   i;

    if (mlops_recipe_numbers(recipe, step->doc, "lo", step->in_n, 0, &lo)
        != MLOPS_OK
        || mlops_recipe_numbers(recipe, step->doc, "hi", step->in_n, 0, &hi)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (lo == NULL && hi == NULL) {
        return mlops_field_error(&recipe->field, "expected lo, hi or both, "
                                 "got neither");
    }

    if (lo == NULL || hi == NULL) {
        bound = mlops_arena_alloc(recipe->field.arena,
                                  step->in_n * sizeof(double));
        if (bound == NULL) {
            return mlops_field_memory(&recipe->field);
        }

        for (i = 0; i < step->in_n; i++) {
            bound[i] = (lo == NULL) ? -INFINITY : INFINITY;
        }

        lo = lo ? lo : bound;
        hi = hi ? hi : bound;
    }

    *cell = mlops_builder_clip(recipe->builder, step->in, step->in_n,
                               step->out, lo, hi);

    return MLOPS_OK;
}


static int
mlops_recipe_impute(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    double  *value;

    if (mlops_recipe_numbers(recipe, step->doc, "value", step->in_n,
                             MLOPS_RECIPE_REQUIRED, &value)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *cell = mlops_builder_impute(recipe->builder, step->in, step->in_n,
                                 step->out, value);

    return MLOPS_OK;
}


static int
mlops_recipe_unary(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    int               op;
    uint32_t          i, n, sign, whole, *a, *b;
    mlops_builder_t  *builder;

    n = step->in_n;
    builder = recipe->builder;

    if (mlops_recipe_word(recipe, step->doc, "op", mlops_recipe_unaries, -1,
                          &op)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (op != MLOPS_RECIPE_TRUNC) {
        *cell = mlops_builder_unary(builder, (mlops_unary_t) op, step->flags,
                                    step->in, n, step->out);
        return MLOPS_OK;
    }

    /* sign(x) floor(|x|) */

    a = mlops_arena_alloc(recipe->field.arena, 2 * (size_t) n
                                               * sizeof(uint32_t));
    if (a == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    b = a + n;

    whole = mlops_builder_unary(builder, MLOPS_UNARY_ABS, step->flags,
                                step->in, n, MLOPS_BUILDER_NEW);

    for (i = 0; i < n && whole != MLOPS_BUILDER_ERROR; i++) {
        b[i] = whole + i;
    }

    whole = mlops_builder_unary(builder, MLOPS_UNARY_FLOOR, step->flags, b, n,
                                MLOPS_BUILDER_NEW);
    sign = mlops_builder_unary(builder, MLOPS_UNARY_SIGN, step->flags,
                               step->in, n, MLOPS_BUILDER_NEW);

    if (whole == MLOPS_BUILDER_ERROR || sign == MLOPS_BUILDER_ERROR) {
        *cell = MLOPS_BUILDER_ERROR;
        return MLOPS_OK;
    }

    for (i = 0; i < n; i++) {
        a[i] = sign + i;
        b[i] = whole + i;
    }

    *cell = mlops_builder_binary(builder, MLOPS_BINARY_MUL, step->flags, a, b,
                                 NULL, n, step->out);

    return MLOPS_OK;
}


static int
mlops_recipe_binary(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    int      op, reversed;
    double  *constant;

    if (mlops_recipe_word(recipe, step->doc, "op", mlops_recipe_binaries, -1,
                          &op)
        != MLOPS_OK
        || mlops_recipe_numbers(recipe, step->doc, "constant", step->out_n, 0,
                                &constant)
           != MLOPS_OK
        || mlops_recipe_flag(recipe, step->doc, "reversed", &reversed)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (reversed && constant == NULL) {
        return mlops_field_error(&recipe->field, "reversed: expected beside a "
                                 "constant, got none");
    }

    *cell = mlops_builder_binary(recipe->builder, (mlops_binary_t) op,
                                 step->flags
                                 | (reversed ? MLOPS_STEP_REVERSED : 0),
                                 step->in, constant ? NULL
                                                    : step->in + step->out_n,
                                 constant, step->out_n, step->out);

    return MLOPS_OK;
}


static int
mlops_recipe_piecewise(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    double             *x, *y;
    const mlops_doc_t  *list;

    list = mlops_field_get(&recipe->field, step->doc, "x", MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    if (mlops_field_get(&recipe->field, step->doc, "y", MLOPS_DOC_ARRAY)
        == NULL
        || mlops_recipe_numbers(recipe, step->doc, "x", list->n,
                                MLOPS_RECIPE_REQUIRED, &x)
           != MLOPS_OK
        || mlops_recipe_numbers(recipe, step->doc, "y", list->n,
                                MLOPS_RECIPE_REQUIRED, &y)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (list->n == 0) {
        return mlops_field_error(&recipe->field, "x: expected at least one "
                                 "number, got none");
    }

    *cell = mlops_builder_piecewise(recipe->builder, step->in[0], step->out,
                                    list->n, x, y);

    return MLOPS_OK;
}


/* The builder has the weights of an input together. */

static int
mlops_recipe_dense(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    int                              word;
    float                           *b, *w;
    double                          *bias, *weights;
    uint32_t                         i, j, n, m;
    static const char *const         names[] = {
        "identity", "relu", "sigmoid", "tanh", NULL
    };
    static const mlops_unary_t       ops[] = {
        MLOPS_UNARY_IDENTITY, MLOPS_UNARY_RELU, MLOPS_UNARY_SIGMOID,
        MLOPS_UNARY_TANH
    };

    n = step->in_n;
    m = step->out_n;

    if (mlops_recipe_weights(recipe, step, &weights) != MLOPS_OK
        || mlops_recipe_numbers(recipe, step->doc, "bias", m, 0, &bias)
           != MLOPS_OK
        || mlops_recipe_word(recipe, step->doc, "activation", names, 0, &word)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    b = mlops_arena_calloc(recipe->field.arena, m, sizeof(float));
    w = mlops_arena_alloc(recipe->field.arena, (size_t) n * m
                                               * sizeof(float));

    if (b == NULL || w == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    for (j = 0; j < m; j++) {
        b[j] = bias ? (float) bias[j] : 0.0f;

        for (i = 0; i < n; i++) {
            w[(size_t) i * m + j] = (float) weights[(size_t) j * n + i];
        }
    }

    *cell = mlops_builder_dense(recipe->builder, ops[word], step->in, n,
                                step->out, m, b, w);

    return MLOPS_OK;
}


static int
mlops_recipe_softmax(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    *cell = mlops_builder_softmax(recipe->builder, step->flags, step->in,
                                  step->in_n, step->out);

    return MLOPS_OK;
}


static int
mlops_recipe_argmax(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    *cell = mlops_builder_argmax(recipe->builder, step->in, step->in_n,
                                 step->out);

    return MLOPS_OK;
}


static int
mlops_recipe_cumulative(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    int                       op;
    static const char *const  names[] = { "sort", "softplus", NULL };

    if (mlops_recipe_word(recipe, step->doc, "op", names, -1, &op)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    *cell = mlops_builder_cumulative(recipe->builder,
                                     op ? MLOPS_CUMULATIVE_SOFTPLUS
                                        : MLOPS_CUMULATIVE_SORT,
                                     step->flags, step->in, step->in_n,
                                     step->out);

    return MLOPS_OK;
}
