/*
 * What can be said of a training recipe before rows are read: a walk over
 * its steps with names alone.
 *
 * Ordinary steps are built as they will be evaluated; fitters check their
 * keys; every name has to be known.  What reads cells whose number only a
 * fit tells (wildcards over outputs by prefix) waits until then.
 */

#include "mlops_learn_recipe.h"


typedef struct {
    mlops_learn_recipe_t  *recipe;
    mlops_field_t         *field;
    mlops_apply_env_t      env;
    mlops_columns_t        cells;
    mlops_str_t           *prefixes;    /* of outputs to come */
    uint32_t               prefixes_n;
    uint8_t               *sources;     /* inputs that tell the target */
} mlops_learn_check_t;


static int mlops_learn_check_rows(mlops_learn_check_t *check);
static int mlops_learn_check_columns(mlops_learn_check_t *check,
    mlops_columns_t *columns, const mlops_column_t *list,
    const mlops_str_t *names, uint32_t n);
static int mlops_learn_check_target(mlops_learn_check_t *check,
    const mlops_columns_t *columns);
static int mlops_learn_check_lists(mlops_learn_check_t *check,
    const mlops_columns_t *columns);
static int mlops_learn_check_steps(mlops_learn_check_t *check);
static int mlops_learn_check_step(mlops_learn_check_t *check,
    const mlops_learn_step_t *step);
static int mlops_learn_check_inputs(mlops_learn_check_t *check,
    const mlops_doc_t *step, int *late);
static int mlops_learn_check_input(mlops_learn_check_t *check,
    const mlops_doc_t *name, int *late);
static int mlops_learn_check_fit(mlops_learn_check_t *check,
    const mlops_learn_step_t *step);
static int mlops_learn_check_outputs(mlops_learn_check_t *check,
    const mlops_doc_t *step, const char *key);
static int mlops_learn_check_wants(mlops_learn_check_t *check,
    const mlops_learn_step_t *step);
static int mlops_learn_check_slices(mlops_learn_check_t *check,
    const mlops_columns_t *columns);
static int mlops_learn_check_prediction(mlops_learn_check_t *check);
static int mlops_learn_check_faces(mlops_learn_check_t *check);
static int mlops_learn_check_face(mlops_learn_check_t *check,
    const mlops_doc_t *face);
static int mlops_learn_check_known(mlops_learn_check_t *check,
    const mlops_doc_t *name, const char *expected);


int
mlops_learn_recipe_check(mlops_learn_recipe_t *recipe)
{
    int                  rc;
    mlops_learn_check_t  check;

    memset(&check, 0, sizeof(check));

    check.recipe = recipe;
    check.field = &recipe->field;
    check.env.folder = recipe->folder;
    mlops_columns_init(&check.cells, recipe->arena, 0);

    check.prefixes = mlops_arena_alloc(recipe->arena, recipe->steps_n
                                                      * sizeof(mlops_str_t));
    if (check.prefixes == NULL) {
        return mlops_field_memory(&recipe->field);
    }

    if (mlops_learn_check_rows(&check) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    rc = mlops_learn_check_steps(&check);

    if (rc != MLOPS_OK) {
        return rc;
    }

    if (mlops_learn_check_prediction(&check) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return mlops_learn_check_faces(&check);
}


/* Columns and steps of the file's rows. */

static int
mlops_learn_check_rows(mlops_learn_check_t *check)
{
    size_t                 old, here;
    uint32_t               i;
    mlops_columns_t        columns;
    const mlops_doc_t     *doc;
    mlops_learn_recipe_t  *recipe;

    recipe = check->recipe;
    mlops_columns_init(&columns, recipe->arena, 0);

    old = mlops_field_push(check->field, "inputs");

    if (mlops_learn_check_columns(check, &columns, recipe->inputs,
                                  recipe->names, recipe->inputs_n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_field_pop(check->field, old);
    old = mlops_field_push(check->field, "train.rows.columns");

    if (mlops_learn_check_columns(check, &columns, recipe->extra,
                                  recipe->extra_names, recipe->extra_n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_field_pop(check->field, old);
    old = mlops_field_push(check->field, "train.rows.steps");

    doc = (recipe->row_steps != NULL
           && recipe->row_steps->type == MLOPS_DOC_ARRAY)
          ? recipe->row_steps->v.child : NULL;

    for (i = 0; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(check->field, i);

        if (mlops_doc_get(doc, "fit") != NULL) {
            return mlops_field_error(check->field, "expected a step with its "
                                     "numbers, got one with the key fit: what "
                                     "is fitted is a step of the recipe");
        }

        if (mlops_apply_check(check->field, doc, &columns, &check->env)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(check->field, here);
    }

    mlops_field_pop(check->field, old);

    if (mlops_learn_check_target(check, &columns) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (mlops_learn_check_lists(check, &columns) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    check->sources = mlops_learn_sources(recipe, &columns);

    if (check->sources == NULL) {
        return mlops_field_memory(check->field);
    }

    return mlops_learn_check_slices(check, &columns);
}


static int
mlops_learn_check_columns(mlops_learn_check_t *check,
    mlops_columns_t *columns, const mlops_column_t *list,
    const mlops_str_t *names, uint32_t n)
{
    uint32_t              i;
    mlops_columns_one_t  *one;

    for (i = 0; i < n; i++) {

        if (mlops_columns_find(columns, names[i].data, names[i].len) != NULL)
        {
            (void) mlops_field_push_i(check->field, i);
            return mlops_field_error(check->field, "expected a new name, got "
                                     "\"%.*s\", which is taken",
                                     mlops_fmt(&names[i]));
        }

        one = mlops_columns_add(columns, &names[i]);

        if (one == NULL) {
            return mlops_field_memory(check->field);
        }

        one->input = &list[i];
        one->view.kind = (list[i].type == MLOPS_TYPE_BYTES)
                         ? MLOPS_MATRIX_CODES : MLOPS_MATRIX_DOUBLE;
    }

    return MLOPS_OK;
}


/* Target and weight are columns, or what their steps compute. */

static int
mlops_learn_check_target(mlops_learn_check_t *check,
    const mlops_columns_t *columns)
{
    size_t                old;
    mlops_columns_one_t  *one;

    old = mlops_field_push(check->field, "train.target");
    one = mlops_columns_get(columns, check->field, check->recipe->target,
                            "the name of an input, a column, or what a step "
                            "of rows computes");
    if (one == NULL) {
        return MLOPS_ERROR;
    }

    mlops_field_pop(check->field, old);

    if (check->recipe->weight == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(check->field, "train.weight");
    one = mlops_columns_get(columns, check->field, check->recipe->weight,
                            "the name of an input, a column, or what a step "
                            "of rows computes");
    if (one == NULL) {
        return MLOPS_ERROR;
    }

    if (one->view.kind == MLOPS_MATRIX_CODES) {
        return mlops_field_error(check->field, "expected numbers, got a "
                                 "column of strings");
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


/* The cells that filters and the split look at. */

static int
mlops_learn_check_lists(mlops_learn_check_t *check,
    const mlops_columns_t *columns)
{
    size_t              old, list, inputs;
    uint32_t            i, k;
    const char         *expected;
    const mlops_doc_t  *name;

    expected = "the name of an input, a column, or what a step of rows "
               "computes";
    old = mlops_field_push(check->field, "train.rows.filters");

    for (i = 0; i < check->recipe->filters_n; i++) {
        list = mlops_field_push_i(check->field, i);
        (void) mlops_field_push(check->field, "inputs");

        for (k = 0, name = check->recipe->filters[i].inputs->v.child;
             name != NULL; k++, name = name->next)
        {
            inputs = mlops_field_push_i(check->field, k);

            if (mlops_columns_get(columns, check->field, name, expected)
                == NULL)
            {
                return MLOPS_ERROR;
            }

            mlops_field_pop(check->field, inputs);
        }

        mlops_field_pop(check->field, list);
    }

    mlops_field_pop(check->field, old);

    if (check->recipe->rule.column == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(check->field, "train.split.column");

    if (mlops_columns_get(columns, check->field, check->recipe->rule.column,
                          expected)
        == NULL)
    {
        return MLOPS_ERROR;
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


static int
mlops_learn_check_steps(mlops_learn_check_t *check)
{
    int                    rc;
    size_t                 old, here;
    uint32_t               i;
    mlops_learn_recipe_t  *recipe;

    recipe = check->recipe;
    recipe->wants = 2;

    if (mlops_learn_check_columns(check, &check->cells, recipe->inputs,
                                  recipe->names, recipe->inputs_n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < recipe->inputs_n && !recipe->leak; i++) {
        check->cells.list[i]->tainted = check->sources[i];
    }

    old = mlops_field_push(check->field, "steps");

    for (i = 0; i < recipe->steps_n; i++) {
        here = mlops_field_push_i(check->field, i);

        rc = mlops_learn_check_step(check, &recipe->steps[i]);

        if (rc != MLOPS_OK) {
            return rc;
        }

        mlops_field_pop(check->field, here);
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


static int
mlops_learn_check_step(mlops_learn_check_t *check,
    const mlops_learn_step_t *step)
{
    int                 late;
    uint32_t            i, before;
    const mlops_doc_t  *doc;

    before = check->cells.n;

    if (mlops_learn_check_inputs(check, step->doc, &late) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (step->fitter != NULL) {
        return mlops_learn_check_fit(check, step);
    }

    if (late || mlops_doc_get(step->doc, "inputs") == NULL) {

        if (mlops_learn_check_outputs(check, step->doc, "outputs")
            != MLOPS_OK
            || mlops_learn_check_outputs(check, step->doc, "margin")
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

    } else {
        doc = mlops_learn_expand(check->field, step->doc, &check->cells,
                                 check->recipe->arena);

        if (doc == NULL
            || mlops_apply_check(check->field, doc, &check->cells,
                                 &check->env)
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    /* what is made from the target is the target */

    for (i = 0; i < before; i++) {

        if (check->cells.list[i]->tainted
            && mlops_learn_reads(step->doc, &check->cells.list[i]->view.name))
        {
            break;
        }
    }

    for (/* void */ ; i < before && before < check->cells.n; before++) {
        check->cells.list[before]->tainted = 1;
    }

    return MLOPS_OK;
}


static int
mlops_learn_check_inputs(mlops_learn_check_t *check, const mlops_doc_t *step,
    int *late)
{
    size_t              old, here;
    uint32_t            i;
    const mlops_doc_t  *list, *doc;

    *late = 0;

    if (mlops_field_find(check->field, step, "inputs", MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (list == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(check->field, "inputs");

    if (list->n == 0) {
        return mlops_field_fail(check->field, list, "a list of names");
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(check->field, i);

        if (mlops_learn_check_input(check, doc, late) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(check->field, here);
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


/* A name that is there; or that may come from a prefix. */

static int
mlops_learn_check_input(mlops_learn_check_t *check, const mlops_doc_t *name,
    int *late)
{
    int                 wild, may;
    size_t              len, n;
    uint32_t            i;
    const mlops_str_t  *prefix;

    may = 0;
    wild = (name->type == MLOPS_DOC_STRING && name->v.text.len != 0
            && name->v.text.data[name->v.text.len - 1] == '*');

    for (i = 0; name->type == MLOPS_DOC_STRING && i < check->prefixes_n; i++)
    {
        prefix = &check->prefixes[i];
        len = name->v.text.len - (wild ? 1 : 0);
        n = (wild && prefix->len > len) ? len : prefix->len;

        if (len >= n && memcmp(name->v.text.data, prefix->data, n) == 0) {
            may = 1;
        }
    }

    if (may) {
        *late = 1;
        return MLOPS_OK;
    }

    if (wild) {
        len = name->v.text.len - 1;

        for (i = 0; i < check->cells.n; i++) {
            prefix = &check->cells.list[i]->view.name;

            if (prefix->len >= len
                && memcmp(prefix->data, name->v.text.data, len) == 0)
            {
                return MLOPS_OK;
            }
        }

        return mlops_field_fail(check->field, name, "the beginning of the "
                                "name of a cell before");
    }

    if (mlops_columns_get(&check->cells, check->field, name, "the name of an "
                          "input or of an earlier step's output")
        == NULL)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


static int
mlops_learn_check_fit(mlops_learn_check_t *check,
    const mlops_learn_step_t *step)
{
    int                    rc;
    uint32_t               i;
    mlops_fit_t            fit;
    mlops_fit_env_t        env;
    const mlops_str_t     *name;
    const mlops_fitter_t  *fitter;

    fitter = step->fitter;

    for (i = 0; i < check->cells.n; i++) {
        name = &check->cells.list[i]->view.name;

        if (check->cells.list[i]->tainted
            && mlops_learn_reads(step->doc, name))
        {
            return mlops_field_error(check->field, "inputs: \"%.*s\" is the "
                                     "target, or tells it, which a model "
                                     "does not know when it serves; set "
                                     "train.leak to true if it does",
                                     mlops_fmt(name));
        }
    }

    memset(&fit, 0, sizeof(fit));
    memset(&env, 0, sizeof(env));

    env.seed = check->recipe->seed;
    env.folder = check->recipe->folder;
    env.no_exec = (check->recipe->no_exec != 0);

    fit.env = &env;
    fit.field = check->field;
    fit.step = step->doc;

    if (mlops_field_get(check->field, step->doc, "inputs", MLOPS_DOC_ARRAY)
        == NULL
        || mlops_learn_fit_names(check->recipe, step, &fit) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    rc = (fitter->check != NULL) ? fitter->check(&fit) : MLOPS_OK;

    if (rc != MLOPS_OK) {
        return rc;
    }

    if (mlops_learn_check_wants(check, step) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (fitter->flags & MLOPS_FIT_VARYING) {
        check->prefixes[check->prefixes_n++] = fit.prefix;
    }

    if (mlops_learn_check_outputs(check, step->doc, "outputs") != MLOPS_OK
        || mlops_learn_check_outputs(check, step->doc, "margin") != MLOPS_OK
        || mlops_learn_check_outputs(check, step->doc, "indicator")
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    return MLOPS_OK;
}


int
mlops_learn_fit_names(mlops_learn_recipe_t *recipe,
    const mlops_learn_step_t *step, mlops_fit_t *fit)
{
    size_t                    k, old;
    uint32_t                  i;
    mlops_str_t              *names;
    mlops_field_t            *field;
    const mlops_doc_t        *list, *doc;
    static const char *const  keys[] = { "outputs", "margin" };

    field = &recipe->field;

    if (step->fitter->flags & MLOPS_FIT_VARYING) {
        doc = mlops_field_get(field, step->doc, "prefix", MLOPS_DOC_STRING);

        if (doc == NULL) {
            return MLOPS_ERROR;
        }

        if (doc->v.text.len == 0) {
            return mlops_field_error(field, "prefix: expected the beginning "
                                     "of the outputs' names, got an empty "
                                     "string");
        }

        fit->prefix = doc->v.text;
    }

    for (k = 0; k < 2; k++) {

        if (mlops_field_find(field, step->doc, keys[k], MLOPS_DOC_ARRAY,
                             &list)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (k == 0 && !(step->fitter->flags & MLOPS_FIT_VARYING)
            && (list == NULL || list->n == 0))
        {
            old = mlops_field_push(field, keys[k]);
            (void) mlops_field_fail(field, list, "a list of names");
            mlops_field_pop(field, old);

            return MLOPS_ERROR;
        }

        if (list == NULL || list->type != MLOPS_DOC_ARRAY) {
            continue;
        }

        names = mlops_arena_alloc(recipe->arena,
                                  list->n * sizeof(mlops_str_t));
        if (names == NULL) {
            return mlops_field_memory(field);
        }

        for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {

            if (doc->type != MLOPS_DOC_STRING || doc->v.text.len == 0) {
                (void) mlops_field_push(field, keys[k]);
                (void) mlops_field_push_i(field, i);
                return mlops_field_fail(field, doc, "a name");
            }

            names[i] = doc->v.text;
        }

        if (k == 0) {
            fit->outputs = names;
            fit->outputs_n = list->n;

        } else {
            fit->margin = names;
            fit->margin_n = list->n;
        }
    }

    return MLOPS_OK;
}


/* New names of numbers. */

static int
mlops_learn_check_outputs(mlops_learn_check_t *check, const mlops_doc_t *step,
    const char *key)
{
    size_t                old, here;
    uint32_t              i;
    const mlops_doc_t    *list, *doc;
    mlops_columns_one_t  *one;

    if (mlops_field_find(check->field, step, key, MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(check->field, key);
    doc = (list != NULL && list->type == MLOPS_DOC_ARRAY) ? list->v.child
                                                          : NULL;

    for (i = 0; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(check->field, i);

        if (doc->type != MLOPS_DOC_STRING || doc->v.text.len == 0) {
            return mlops_field_fail(check->field, doc, "a name");
        }

        one = mlops_columns_find(&check->cells, doc->v.text.data,
                                 doc->v.text.len);

        if (one != NULL) {
            return mlops_field_error(check->field, "expected a new name, got "
                                     "\"%.*s\", which is taken",
                                     mlops_fmt(&doc->v.text));
        }

        one = mlops_columns_add(&check->cells, &doc->v.text);

        if (one == NULL) {
            return mlops_field_memory(check->field);
        }

        one->computed = 1;
        mlops_field_pop(check->field, here);
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


/* All that read the target have to agree on what it is. */

static int
mlops_learn_check_wants(mlops_learn_check_t *check,
    const mlops_learn_step_t *step)
{
    int                       wants;
    static const char *const  names[] = { "a number", "classes" };

    if (!(step->fitter->flags & MLOPS_FIT_TARGET)) {
        return MLOPS_OK;
    }

    wants = step->fitter->target ? step->fitter->target(step->doc) : 0;

    if (wants == 2) {
        return MLOPS_OK;
    }

    if (check->recipe->wants == 2) {
        check->recipe->wants = wants;
    }

    if (check->recipe->wants != wants) {
        return mlops_field_error(check->field, "%.*s expects a target of %s, "
                                 "an earlier step one of %s",
                                 mlops_fmt(&step->fit), names[wants != 0],
                                 names[check->recipe->wants]);
    }

    return MLOPS_OK;
}


static int
mlops_learn_check_slices(mlops_learn_check_t *check,
    const mlops_columns_t *columns)
{
    size_t              old, here;
    uint32_t            i;
    const mlops_doc_t  *doc;

    if (check->recipe->slices == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(check->field, "train.slices");
    doc = (check->recipe->slices->type == MLOPS_DOC_ARRAY)
          ? check->recipe->slices->v.child : NULL;

    for (i = 0; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(check->field, i);

        if (mlops_columns_get(columns, check->field, doc, "the name of an "
                              "input, a column, or what a step of rows "
                              "computes")
            == NULL)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(check->field, here);
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


/* What is judged is known, or may come from a prefix. */

static int
mlops_learn_check_prediction(mlops_learn_check_t *check)
{
    size_t              old;
    const mlops_doc_t  *list, *doc;

    list = mlops_doc_get(check->recipe->train, "prediction");

    if (list == NULL) {
        return MLOPS_OK;
    }

    old = mlops_field_push(check->field, "train.prediction");
    doc = (list->type == MLOPS_DOC_ARRAY) ? list->v.child : list;

    for (/* void */ ; doc != NULL; doc = doc->next) {

        if (mlops_learn_check_known(check, doc, "the name of a cell that a "
                                    "step computes")
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        if (doc == list) {
            break;
        }
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


static int
mlops_learn_check_faces(mlops_learn_check_t *check)
{
    size_t              old, here;
    uint32_t            i;
    const mlops_doc_t  *list, *face;

    list = check->recipe->signatures;
    old = mlops_field_push(check->field, "signatures");

    if (list->type != MLOPS_DOC_ARRAY || list->n == 0) {
        return mlops_field_fail(check->field, list, "a list of objects");
    }

    for (i = 0, face = list->v.child; face != NULL; i++, face = face->next) {
        here = mlops_field_push_i(check->field, i);

        if (mlops_learn_check_face(check, face) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(check->field, here);
    }

    mlops_field_pop(check->field, old);

    return MLOPS_OK;
}


static int
mlops_learn_check_face(mlops_learn_check_t *check, const mlops_doc_t *face)
{
    size_t              old;
    uint32_t            i;
    const mlops_doc_t  *list, *one, *from;

    if (face->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(check->field, face, "an object");
    }

    if (mlops_field_find(check->field, face, "inputs", MLOPS_DOC_ARRAY, &list)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    one = list ? list->v.child : NULL;

    for (i = 0; one != NULL; i++, one = one->next) {
        old = mlops_field_push(check->field, "inputs");
        (void) mlops_field_push_i(check->field, i);

        if (mlops_columns_get(&check->cells, check->field, one, "the name of "
                              "an input")
            == NULL)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(check->field, old);
    }

    list = mlops_field_get(check->field, face, "outputs", MLOPS_DOC_ARRAY);
    if (list == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0, one = list->v.child; one != NULL; i++, one = one->next) {
        old = mlops_field_push(check->field, "outputs");
        (void) mlops_field_push_i(check->field, i);

        from = mlops_doc_get(one, "from");
        from = from ? from : mlops_doc_get(one, "name");
        from = (from != NULL && from->type == MLOPS_DOC_ARRAY)
               ? from->v.child : from;

        for (/* void */ ; from != NULL; from = from->next) {

            if (mlops_learn_check_known(check, from, "the name of an input or "
                                        "of a step's output")
                != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            if (from == mlops_doc_get(one, "from")
                || from == mlops_doc_get(one, "name"))
            {
                break;
            }
        }

        mlops_field_pop(check->field, old);
    }

    return MLOPS_OK;
}


static int
mlops_learn_check_known(mlops_learn_check_t *check, const mlops_doc_t *name,
    const char *expected)
{
    uint32_t  i;

    for (i = 0; name->type == MLOPS_DOC_STRING && i < check->prefixes_n; i++)
    {
        if (name->v.text.len >= check->prefixes[i].len
            && memcmp(name->v.text.data, check->prefixes[i].data,
                      check->prefixes[i].len)
               == 0)
        {
            return MLOPS_OK;
        }
    }

    return mlops_columns_get(&check->cells, check->field, name, expected)
           ? MLOPS_OK : MLOPS_ERROR;
}
