/*
 * The step trees of a recipe: nodes nested in the document, to a forest.
 *
 * The depth of a document bounds that of a tree, and with it the recursion.
 */

#include "mlops_recipe.h"

#include <math.h>


typedef struct {
    mlops_recipe_t             *recipe;
    const mlops_recipe_step_t  *step;
    unsigned                    f32:1;
    unsigned                    sized:1;    /* leaf_size is known */

    mlops_forest_t              forest;
    mlops_forest_node_t        *nodes;
    double                     *values;
    uint32_t                   *codes;
} mlops_recipe_forest_t;


static void mlops_recipe_count(const mlops_doc_t *doc, uint64_t *nodes,
    uint64_t *values, uint64_t *codes);
static int mlops_recipe_tree(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    uint32_t *group, uint32_t *root);
static int mlops_recipe_node(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    uint32_t *number);
static int mlops_recipe_leaf(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    mlops_forest_node_t *node);
static int mlops_recipe_test(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    mlops_forest_node_t *node);
static int mlops_recipe_codes(mlops_recipe_forest_t *f,
    const mlops_doc_t *doc, mlops_forest_node_t *node);
static int mlops_recipe_threshold(mlops_recipe_forest_t *f,
    const mlops_doc_t *doc, double *value);


int
mlops_recipe_trees(mlops_recipe_t *recipe, mlops_recipe_step_t *step,
    uint32_t *cell)
{
    size_t                  old, here;
    double                 *base;
    uint32_t                i, j, *roots, *group;
    uint64_t                nodes, values, codes;
    const mlops_doc_t      *list, *doc;
    mlops_recipe_forest_t   f;

    list = mlops_field_get(&recipe->field, step->doc, "trees",
                           MLOPS_DOC_ARRAY);

    if (list == NULL || mlops_recipe_numbers(recipe, step->doc, "base",
                                             step->out_n, 0, &base)
                        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(&recipe->field, "trees");

    if (list->n == 0) {
        return mlops_field_fail(&recipe->field, list, "a list of trees");
    }

    memset(&f, 0, sizeof(f));
    f.recipe = recipe;
    f.step = step;
    f.f32 = (step->flags & MLOPS_STEP_F32) != 0;
    f.forest.leaf_size = 1;

    nodes = 0;
    values = 0;
    codes = 0;

    for (doc = list->v.child; doc != NULL; doc = doc->next) {
        mlops_recipe_count(doc, &nodes, &values, &codes);
    }

    if (nodes + values + codes >= UINT32_MAX) {
        return mlops_field_error(&recipe->field, "expected fewer than 2^32 "
                                 "nodes");
    }

    f.nodes = mlops_arena_calloc(recipe->field.arena, nodes + 1,
                                 sizeof(mlops_forest_node_t));
    f.values = mlops_arena_alloc(recipe->field.arena,
                                 (values + 1) * sizeof(double));
    f.codes = mlops_arena_alloc(recipe->field.arena,
                                (codes + 1) * sizeof(uint32_t));
    roots = mlops_arena_alloc(recipe->field.arena,
                              list->n * sizeof(uint32_t));
    group = mlops_arena_alloc(recipe->field.arena,
                              list->n * sizeof(uint32_t));

    if (base == NULL) {
        base = mlops_arena_calloc(recipe->field.arena, step->out_n,
                                  sizeof(double));
    }

    if (f.nodes == NULL || f.values == NULL || f.codes == NULL
        || roots == NULL || group == NULL || base == NULL)
    {
        return mlops_field_memory(&recipe->field);
    }

    for (j = 0; f.f32 && j < step->out_n; j++) {
        base[j] = (double) (float) base[j];
    }

    for (i = 0, doc = list->v.child; doc != NULL; i++, doc = doc->next) {
        here = mlops_field_push_i(&recipe->field, i);

        if (mlops_recipe_tree(&f, doc, &group[i], &roots[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(&recipe->field, here);
    }

    mlops_field_pop(&recipe->field, old);

    f.forest.features_n = step->in_n;
    f.forest.groups_n = step->out_n;
    f.forest.trees_n = list->n;
    f.forest.f32 = f.f32;
    f.forest.roots = roots;
    f.forest.group = group;
    f.forest.nodes = f.nodes;
    f.forest.leaf_values = f.values;
    f.forest.set_codes = f.codes;
    f.forest.base = base;

    *cell = mlops_builder_trees(recipe->builder, step->in, step->out,
                                &f.forest);

    return MLOPS_OK;
}


/* At most what a document can hold, whatever its objects are. */

static void
mlops_recipe_count(const mlops_doc_t *doc, uint64_t *nodes, uint64_t *values,
    uint64_t *codes)
{
    const mlops_doc_t  *child;

    if (doc->type == MLOPS_DOC_OBJECT) {
        (*nodes)++;
        (*values)++;

        for (child = doc->v.child; child != NULL; child = child->next) {
            mlops_recipe_count(child, nodes, values, codes);
        }

    } else if (mlops_field_is_array(doc)) {
        *values += doc->n;
        *codes += doc->n;
    }
}


/* A node, or {"output": number, "root": node}. */

static int
mlops_recipe_tree(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    uint32_t *group, uint32_t *root)
{
    size_t                    old;
    int64_t                   output;
    const mlops_doc_t        *node;
    static const char *const  keys[] = { "output", "root", NULL };

    *group = 0;

    if (mlops_doc_get(doc, "root") == NULL) {

        if (f->step->out_n > 1 && mlops_doc_get(doc, "output") != NULL) {
            return mlops_field_error(&f->recipe->field, "expected root beside "
                                     "output, got none");
        }

        return mlops_recipe_node(f, doc, root);
    }

    if (mlops_recipe_keys(f->recipe, doc, keys, NULL) != MLOPS_OK
        || mlops_field_int(&f->recipe->field, doc, "output", 0,
                           (int64_t) f->step->out_n - 1, 0, &output)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    node = mlops_field_get(&f->recipe->field, doc, "root", MLOPS_DOC_OBJECT);
    if (node == NULL) {
        return MLOPS_ERROR;
    }

    *group = (uint32_t) output;
    old = mlops_field_push(&f->recipe->field, "root");

    if (mlops_recipe_node(f, node, root) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    if (f->forest.leaf_size > 1) {
        return mlops_field_error(&f->recipe->field, "expected leaves of one "
                                 "number for one output, got lists");
    }

    mlops_field_pop(&f->recipe->field, old);

    return MLOPS_OK;
}


static int
mlops_recipe_node(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    uint32_t *number)
{
    size_t                    old;
    uint32_t                  child[2];
    unsigned                  i;
    mlops_field_t            *field;
    const mlops_doc_t        *next;
    mlops_forest_node_t      *node;
    static const char *const  sides[] = { "left", "right" };

    field = &f->recipe->field;

    if (doc->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(field, doc, "an object");
    }

    *number = f->forest.nodes_n++;
    node = &f->nodes[*number];

    if (mlops_doc_get(doc, "leaf") != NULL) {
        return mlops_recipe_leaf(f, doc, node);
    }

    if (mlops_recipe_test(f, doc, node) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < 2; i++) {
        next = mlops_field_get(field, doc, sides[i], MLOPS_DOC_OBJECT);
        if (next == NULL) {
            return MLOPS_ERROR;
        }

        old = mlops_field_push(field, sides[i]);

        if (mlops_recipe_node(f, next, &child[i]) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, old);
    }

    node->left = child[0];
    node->right = child[1];

    return MLOPS_OK;
}


static int
mlops_recipe_leaf(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    mlops_forest_node_t *node)
{
    double                   *value;
    size_t                    old;
    uint32_t                  i, n;
    mlops_field_t            *field;
    const mlops_doc_t        *leaf;
    static const char *const  keys[] = { "leaf", NULL };

    field = &f->recipe->field;
    leaf = mlops_doc_get(doc, "leaf");
    n = mlops_field_is_array(leaf) ? leaf->n : 1;

    if (mlops_recipe_keys(f->recipe, doc, keys, NULL) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "leaf");

    if (n != 1 && n != f->step->out_n) {
        return mlops_field_fail(field, leaf, "a number, or a list of %u",
                                f->step->out_n);
    }

    if (f->sized && n != f->forest.leaf_size) {
        return mlops_field_error(field, "expected %u values as in the leaves "
                                 "before, got %u", f->forest.leaf_size, n);
    }

    f->sized = 1;
    f->forest.leaf_size = n;

    node->feature = MLOPS_TREES_LEAF;
    node->left = (uint32_t) f->forest.leaf_values_n;

    value = f->values + f->forest.leaf_values_n;
    f->forest.leaf_values_n += n;

    if (mlops_recipe_numbers_of(f->recipe, leaf, n, 0, value) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; f->f32 && i < n; i++) {
        value[i] = (double) (float) value[i];
    }

    mlops_field_pop(field, old);

    return MLOPS_OK;
}


static int
mlops_recipe_test(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    mlops_forest_node_t *node)
{
    int                       missing;
    uint32_t                  i;
    size_t                    old;
    mlops_field_t            *field;
    const mlops_doc_t        *input, *below, *in;
    mlops_recipe_name_t      *name;
    static const char *const  sides[] = { "left", "right", NULL };
    static const char *const  keys[] = {
        "input", "below", "in", "left", "right", "missing", NULL
    };

    field = &f->recipe->field;

    if (mlops_recipe_keys(f->recipe, doc, keys, NULL) != MLOPS_OK
        || mlops_recipe_word(f->recipe, doc, "missing", sides, 1, &missing)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    input = mlops_field_get(field, doc, "input", MLOPS_DOC_STRING);
    if (input == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "input");

    name = mlops_recipe_name(f->recipe, input);
    if (name == NULL) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < f->step->in_n && i < MLOPS_RECIPE_NAMED; i++) {
        if (f->step->in[i] == name->cell) {
            break;
        }
    }

    if (i == f->step->in_n || i == MLOPS_RECIPE_NAMED) {
        return mlops_field_fail(field, input, "one of the step's first %u "
                                "inputs", MLOPS_RECIPE_NAMED);
    }

    mlops_field_pop(field, old);

    node->feature = i;
    node->default_left = !missing;

    below = mlops_doc_get(doc, "below");
    in = mlops_doc_get(doc, "in");

    if ((below == NULL) == (in == NULL)) {
        return mlops_field_error(field, "expected leaf, or one of below and "
                                 "in, got %s", below ? "both" : "none");
    }

    return below ? mlops_recipe_threshold(f, below, &node->threshold)
                 : mlops_recipe_codes(f, in, node);
}


static int
mlops_recipe_threshold(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    double *value)
{
    float  t;

    if (f->f32) {
        if (mlops_doc_float(doc, &t) == MLOPS_OK && isfinite(t)) {
            *value = (double) t;
            return MLOPS_OK;
        }

    } else if (mlops_doc_double(doc, value) == MLOPS_OK && isfinite(*value)) {
        return MLOPS_OK;
    }

    return mlops_field_fail(&f->recipe->field, doc, "a number in below");
}


/* Sets become bits: the bound keeps them in proportion to the file. */

static int
mlops_recipe_codes(mlops_recipe_forest_t *f, const mlops_doc_t *doc,
    mlops_forest_node_t *node)
{
    double    *codes;
    uint32_t   i;

    if (!mlops_field_is_array(doc) || doc->n == 0) {
        return mlops_field_fail(&f->recipe->field, doc, "a list of codes in "
                                "in");
    }

    codes = mlops_arena_alloc(f->recipe->field.arena,
                              doc->n * sizeof(double));
    if (codes == NULL) {
        return mlops_field_memory(&f->recipe->field);
    }

    if (mlops_recipe_numbers_of(f->recipe, doc, doc->n, 0, codes)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    node->categorical = 1;
    node->set_first = (uint32_t) f->forest.set_codes_n;
    node->set_n = doc->n;

    for (i = 0; i < doc->n; i++) {

        if (!(codes[i] >= 0 && codes[i] < MLOPS_RECIPE_CODES)
            || codes[i] != floor(codes[i]))
        {
            return mlops_field_error(&f->recipe->field, "expected whole codes "
                                     "from 0 to %u in in, got %g",
                                     MLOPS_RECIPE_CODES - 1, codes[i]);
        }

        f->codes[f->forest.set_codes_n++] = (uint32_t) codes[i];
    }

    return MLOPS_OK;
}
