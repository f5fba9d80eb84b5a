/*
 * XGBoost's tree model: from the arrays of gradient_booster.model to a
 * forest.
 *
 * A tree is a set of arrays of num_nodes elements.  Node 0 is the root; a
 * node without left child (-1) is a leaf, whose value stands in the place
 * of the threshold.  Deleted nodes stay in the arrays and are reached from
 * nowhere, so that only what the root reaches is taken.
 *
 * A leaf of size_leaf_vector > 1 values has them, in releases before 3.2, in
 * base_weights at its own number, later in leaf_weights at the number that
 * right_children holds for it.
 *
 * The nodes with categories are listed apart: node categories_nodes[i] sends
 * right the categories_sizes[i] codes from categories[categories_segments[i]]
 * on.
 */

#include "mlops_xgboost.h"
#include "mlops_num.h"

#include <math.h>


#define MLOPS_XGBOOST_MAX_CODE  16777216    /* codes are float32 */
#define MLOPS_XGBOOST_FREE_BITS (8u * 1024 * 1024)


/* The forest while it grows. */

typedef struct {
    mlops_xgboost_t      *model;
    mlops_field_t        *field;

    mlops_forest_node_t  *nodes;
    uint32_t              nodes_n;
    double               *values;
    uint64_t              values_n;
    uint64_t              values_max;
    uint32_t             *codes;
    uint64_t              codes_n;
    uint64_t              bits;             /* of all sets of codes */
    uint64_t              bits_max;
} mlops_xgboost_grow_t;


/* One tree's arrays, n elements each. */

typedef struct {
    uint32_t   n;
    uint32_t   size;                        /* values of a leaf */
    int64_t   *left;
    int64_t   *right;
    int64_t   *feature;
    int64_t   *default_left;
    int64_t   *split_type;                  /* NULL: all numerical */
    float     *cond;
    float     *values;                      /* vector leaves, or NULL */
    uint32_t   values_n;
    unsigned   values_by_right:1;
    float      weight;

    int64_t   *codes;
    uint32_t   codes_n;
    uint32_t  *set_first;                   /* of a node, where split_type */
    uint32_t  *set_n;
} mlops_xgboost_tree_t;


static int mlops_xgboost_header(mlops_xgboost_t *model,
    const mlops_doc_t *doc, const mlops_doc_t **trees, int64_t *parallel,
    int64_t **info, mlops_field_t *field);
static int mlops_xgboost_rounds(mlops_xgboost_t *model,
    const mlops_doc_t *doc, const mlops_doc_t *attributes,
    const char *iterations, int64_t parallel, const int64_t *info,
    uint32_t trees_n, mlops_field_t *field);
static int mlops_xgboost_choose(mlops_xgboost_t *model,
    const mlops_doc_t *attributes, const char *iterations,
    mlops_field_t *field);
static int mlops_xgboost_weights(const mlops_doc_t *doc, uint32_t trees_n,
    float **weights, mlops_field_t *field);
static int mlops_xgboost_room(mlops_xgboost_grow_t *grow,
    const mlops_doc_t *trees);
static int mlops_xgboost_tree(mlops_xgboost_grow_t *grow,
    const mlops_doc_t *doc, float weight);
static int mlops_xgboost_arrays(mlops_xgboost_grow_t *grow,
    const mlops_doc_t *doc, mlops_xgboost_tree_t *tree);
static int mlops_xgboost_vectors(mlops_field_t *field, const mlops_doc_t *doc,
    mlops_xgboost_tree_t *tree);
static int mlops_xgboost_sets(mlops_xgboost_grow_t *grow,
    const mlops_doc_t *doc, mlops_xgboost_tree_t *tree);
static int mlops_xgboost_walk(mlops_xgboost_grow_t *grow,
    const mlops_xgboost_tree_t *tree);
static int mlops_xgboost_leaf(mlops_xgboost_grow_t *grow,
    const mlops_xgboost_tree_t *tree, uint32_t i, mlops_forest_node_t *node);
static int mlops_xgboost_split(mlops_xgboost_grow_t *grow,
    const mlops_xgboost_tree_t *tree, uint32_t i, mlops_forest_node_t *node);
static int mlops_xgboost_element(mlops_field_t *field, const char *key,
    uint64_t i, const char *expected, double got);


int
mlops_xgboost_trees(mlops_xgboost_t *model, const mlops_doc_t *doc,
    const mlops_doc_t *weights, const mlops_doc_t *attributes,
    const char *iterations, size_t file_len, mlops_field_t *field)
{
    float                 *weight;
    double                *base;
    size_t                 old, here;
    int64_t                parallel, *info;
    uint32_t               i, n, *roots, *group;
    const mlops_doc_t     *trees, *tree;
    mlops_xgboost_grow_t   grow;

    if (mlops_xgboost_header(model, doc, &trees, &parallel, &info, field)
        != MLOPS_OK
        || mlops_xgboost_rounds(model, doc, attributes, iterations, parallel,
                                info, trees->n, field)
           != MLOPS_OK
        || mlops_xgboost_weights(weights, trees->n, &weight, field)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    memset(&grow, 0, sizeof(grow));
    grow.model = model;
    grow.field = field;
    grow.bits_max = MLOPS_XGBOOST_FREE_BITS + (uint64_t) file_len * 64 * 8;

    if (mlops_xgboost_room(&grow, trees) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    n = model->tree_end - model->tree_first;

    roots = mlops_arena_alloc(field->arena, n * sizeof(uint32_t));
    group = mlops_arena_alloc(field->arena, n * sizeof(uint32_t));
    base = mlops_arena_alloc(field->arena, model->groups_n * sizeof(double));

    if (roots == NULL || group == NULL || base == NULL) {
        return mlops_field_memory(field);
    }

    old = mlops_field_push(field, "trees");

    for (i = 0, tree = trees->v.child; tree != NULL; i++, tree = tree->next) {

        if (i < model->tree_first || i >= model->tree_end) {
            continue;
        }

        *roots++ = grow.nodes_n;
        *group++ = (uint32_t) info[i];

        here = mlops_field_push_i(field, i);

        if (mlops_xgboost_tree(&grow, tree, weight ? weight[i] : 1.0f)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        mlops_field_pop(field, here);
    }

    mlops_field_pop(field, old);

    if (model->groups_n > MLOPS_XGBOOST_GROUPS
        && model->groups_n > grow.values_n)
    {
        return mlops_field_error(field, "expected a leaf for each of %u "
                                 "outputs, got %llu leaves", model->groups_n,
                                 (unsigned long long) grow.values_n);
    }

    for (i = 0; i < model->groups_n; i++) {
        base[i] = (double) model->base[i];
    }

    model->forest.features_n = model->features_n;
    model->forest.groups_n = model->groups_n;
    model->forest.trees_n = n;
    model->forest.nodes_n = grow.nodes_n;
    model->forest.f32 = 1;
    model->forest.roots = roots - n;
    model->forest.group = group - n;
    model->forest.nodes = grow.nodes;
    model->forest.leaf_values = grow.values;
    model->forest.leaf_values_n = grow.values_n;
    model->forest.set_codes = grow.codes;
    model->forest.set_codes_n = grow.codes_n;
    model->forest.base = base;

    return MLOPS_OK;
}


/* The number of trees, and the output of each. */

static int
mlops_xgboost_header(mlops_xgboost_t *model, const mlops_doc_t *doc,
    const mlops_doc_t **trees, int64_t *parallel, int64_t **info,
    mlops_field_t *field)
{
    size_t              old;
    int64_t             trees_n;
    uint32_t            i, n;
    const mlops_doc_t  *param;

    param = mlops_field_get(field, doc, "gbtree_model_param",
                            MLOPS_DOC_OBJECT);
    if (param == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "gbtree_model_param");

    if (mlops_field_int(field, param, "num_trees", 0, INT32_MAX, -1, &trees_n)
        != MLOPS_OK
        || mlops_field_int(field, param, "num_parallel_tree", 0, INT32_MAX, 1,
                           parallel)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_field_pop(field, old);

    *trees = mlops_field_get(field, doc, "trees", MLOPS_DOC_ARRAY);
    if (*trees == NULL) {
        return MLOPS_ERROR;
    }

    if ((*trees)->type != MLOPS_DOC_ARRAY || (*trees)->n != trees_n) {
        (void) mlops_field_push(field, "trees");

        return mlops_field_fail(field, *trees, "an array of %lld objects",
                                (long long) trees_n);
    }

    if (mlops_field_ints(field, doc, "tree_info", (*trees)->n, info, &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    for (i = 0; i < n; i++) {
        if ((*info)[i] < 0 || (*info)[i] >= model->groups_n) {
            return mlops_xgboost_element(field, "tree_info", i,
                                         "the number of an output",
                                         (double) (*info)[i]);
        }
    }

    return MLOPS_OK;
}


/* Finds where each boosting round begins, and from that the trees in use.
 * Releases before 2.0 did not write it: their rounds have the same number of
 * trees each. */

static int
mlops_xgboost_rounds(mlops_xgboost_t *model, const mlops_doc_t *doc,
    const mlops_doc_t *attributes, const char *iterations, int64_t parallel,
    const int64_t *info, uint32_t trees_n, mlops_field_t *field)
{
    int64_t   *indptr, layer;
    uint32_t   i, n;

    indptr = NULL;
    layer = 1;

    if (mlops_doc_get(doc, "iteration_indptr") != NULL) {

        if (mlops_field_ints(field, doc, "iteration_indptr", MLOPS_FIELD_ANY,
                             &indptr, &n)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        for (i = 0; i < n; i++) {
            if (indptr[i] < (i ? indptr[i - 1] : 0) || indptr[i] > trees_n
                || (i == 0 && indptr[i] != 0)
                || (i == n - 1 && indptr[i] != trees_n))
            {
                return mlops_xgboost_element(field, "iteration_indptr", i,
                                             "numbers of trees, ascending "
                                             "from 0 to all",
                                             (double) indptr[i]);
            }
        }

        model->iterations_n = n ? n - 1 : 0;

    } else {

        for (i = 0; i < trees_n; i++) {
            layer = (info[i] >= layer) ? info[i] + 1 : layer;
        }

        layer *= parallel ? parallel : 1;
        model->iterations_n = (uint32_t) (trees_n / layer);

        if (trees_n % layer != 0) {
            return mlops_field_error(field, "expected a multiple of %lld "
                                     "trees, got %u", (long long) layer,
                                     trees_n);
        }
    }

    if (mlops_xgboost_choose(model, attributes, iterations, field)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    model->tree_first = (uint32_t) (indptr ? indptr[model->iteration_first]
                                    : model->iteration_first * layer);
    model->tree_end = (uint32_t) (indptr ? indptr[model->iteration_end]
                                  : model->iteration_end * layer);

    if (model->tree_first == model->tree_end) {
        return mlops_field_error(field, "expected at least one tree in use, "
                                 "got none");
    }

    return MLOPS_OK;
}


static int
mlops_xgboost_choose(mlops_xgboost_t *model, const mlops_doc_t *attributes,
    const char *iterations, mlops_field_t *field)
{
    int             overflow;
    int64_t         best, first, end;
    const char     *p, *last;
    mlops_field_t   attr;

    model->iteration_first = 0;
    model->iteration_end = model->iterations_n;

    if (iterations == NULL) {
        iterations = (model->wrapper
                      && mlops_doc_get(attributes, "best_iteration"))
                     ? "best" : "all";
    }

    if (strcmp(iterations, "all") == 0) {
        return MLOPS_OK;
    }

    if (strcmp(iterations, "best") == 0) {
        mlops_field_init(&attr, field->arena, field->err);
        (void) mlops_field_push(&attr, "learner.attributes");

        if (mlops_field_int(&attr, attributes, "best_iteration", 0,
                            (int64_t) model->iterations_n - 1, -1, &best)
            != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }

        model->iteration_end = (uint32_t) best + 1;

        return MLOPS_OK;
    }

    first = 0;
    overflow = 0;
    last = iterations + strlen(iterations);

    p = mlops_parse_int64(iterations, last, &end, &overflow);

    if (p != NULL && p < last && *p == ':') {
        first = end;
        p = mlops_parse_int64(p + 1, last, &end, &overflow);
    }

    if (p != last || overflow || first < 0 || first >= end
        || end > model->iterations_n)
    {
        return mlops_err_set(field->err, "iterations: expected all, best, N "
                             "or A:B with 0 <= A < B <= %u, got \"%.40s\"",
                             model->iterations_n, iterations);
    }

    model->iteration_first = (uint32_t) first;
    model->iteration_end = (uint32_t) end;

    return MLOPS_OK;
}


/* One weight a tree; trees behind the last of them have 1. */

static int
mlops_xgboost_weights(const mlops_doc_t *doc, uint32_t trees_n,
    float **weights, mlops_field_t *field)
{
    float     *weight;
    uint32_t   i, n;

    *weights = NULL;

    if (doc == NULL || mlops_doc_get(doc, "weight_drop") == NULL) {
        return MLOPS_OK;
    }

    if (mlops_field_floats(field, doc, "weight_drop", MLOPS_FIELD_ANY,
                           &weight, &n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (n > trees_n) {
        return mlops_field_error(field, "expected at most one weight_drop a "
                                 "tree, got %u for %u trees", n, trees_n);
    }

    *weights = mlops_arena_alloc(field->arena, trees_n * sizeof(float));
    if (*weights == NULL) {
        return mlops_field_memory(field);
    }

    for (i = 0; i < trees_n; i++) {
        (*weights)[i] = (i < n) ? weight[i] : 1.0f;

        if (!isfinite((*weights)[i])) {
            return mlops_xgboost_element(field, "weight_drop", i,
                                         "a finite number",
                                         (double) weight[i]);
        }
    }

    return MLOPS_OK;
}


/* Room for what the trees in use can hold at most, by the length of their
 * arrays. */

static int
mlops_xgboost_room(mlops_xgboost_grow_t *grow, const mlops_doc_t *trees)
{
    uint32_t            i;
    uint64_t            nodes, values, codes;
    const mlops_doc_t  *tree, *array;

    nodes = 0;
    values = 0;
    codes = 0;

    for (i = 0, tree = trees->v.child; tree != NULL; i++, tree = tree->next) {

        if (i < grow->model->tree_first || i >= grow->model->tree_end) {
            continue;
        }

        array = mlops_doc_get(tree, "left_children");

        if (mlops_field_is_array(array)) {
            nodes += array->n;
            values += array->n;
        }

        array = mlops_doc_get(tree, "leaf_weights");

        if (!mlops_field_is_array(array)) {
            array = mlops_doc_get(tree, "base_weights");
        }

        if (mlops_field_is_array(array)) {
            values += array->n;
        }

        array = mlops_doc_get(tree, "categories");

        if (mlops_field_is_array(array)) {
            codes += array->n;
        }
    }

    if (nodes >= UINT32_MAX || values >= UINT32_MAX || codes >= UINT32_MAX) {
        return mlops_field_error(grow->field, "expected fewer than 2^32 "
                                 "nodes, leaf values and categories");
    }

    grow->values_max = values;
    grow->nodes = mlops_arena_alloc(grow->field->arena,
                                    nodes * sizeof(mlops_forest_node_t));
    grow->values = mlops_arena_alloc(grow->field->arena,
                                     values * sizeof(double));
    grow->codes = mlops_arena_alloc(grow->field->arena,
                                    codes * sizeof(uint32_t));

    if (grow->nodes == NULL || grow->values == NULL || grow->codes == NULL) {
        return mlops_field_memory(grow->field);
    }

    return MLOPS_OK;
}


/* Appends a tree; its arrays live no longer than this call. */

static int
mlops_xgboost_tree(mlops_xgboost_grow_t *grow, const mlops_doc_t *doc,
    float weight)
{
    int                    rc;
    mlops_arena_t          arena, *old;
    mlops_xgboost_tree_t   tree;

    if (doc->type != MLOPS_DOC_OBJECT) {
        return mlops_field_fail(grow->field, doc, "an object");
    }

    memset(&tree, 0, sizeof(tree));
    tree.weight = weight;

    mlops_arena_init(&arena, NULL, NULL);
    old = grow->field->arena;
    grow->field->arena = &arena;

    rc = mlops_xgboost_arrays(grow, doc, &tree);

    if (rc == MLOPS_OK) {
        rc = mlops_xgboost_walk(grow, &tree);
    }

    grow->field->arena = old;
    mlops_arena_destroy(&arena);

    return rc;
}


static int
mlops_xgboost_arrays(mlops_xgboost_grow_t *grow, const mlops_doc_t *doc,
    mlops_xgboost_tree_t *tree)
{
    size_t              old;
    int64_t             nodes_n, size;
    uint32_t            n;
    mlops_field_t      *field;
    const mlops_doc_t  *param;

    field = grow->field;

    param = mlops_field_get(field, doc, "tree_param", MLOPS_DOC_OBJECT);
    if (param == NULL) {
        return MLOPS_ERROR;
    }

    old = mlops_field_push(field, "tree_param");

    if (mlops_field_int(field, param, "num_nodes", 1, INT32_MAX, -1, &nodes_n)
        != MLOPS_OK
        || mlops_field_int(field, param, "size_leaf_vector", 0, INT32_MAX, 0,
                           &size)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    n = (size > 1) ? (uint32_t) size : 1;

    if ((n > 1 && n != grow->model->groups_n)
        || (grow->nodes_n != 0 && n != grow->model->forest.leaf_size))
    {
        return mlops_field_error(field, "expected leaves of %u values in all "
                                 "trees, got %lld",
                                 grow->nodes_n ? grow->model->forest.leaf_size
                                               : grow->model->groups_n,
                                 (long long) size);
    }

    mlops_field_pop(field, old);

    tree->n = (uint32_t) nodes_n;
    tree->size = n;
    grow->model->forest.leaf_size = n;

    if (mlops_field_ints(field, doc, "left_children", tree->n, &tree->left,
                         &n)
        != MLOPS_OK
        || mlops_field_ints(field, doc, "right_children", tree->n,
                            &tree->right, &n)
           != MLOPS_OK
        || mlops_field_ints(field, doc, "split_indices", tree->n,
                            &tree->feature, &n)
           != MLOPS_OK
        || mlops_field_floats(field, doc, "split_conditions", tree->n,
                              &tree->cond, &n)
           != MLOPS_OK
        || mlops_field_ints(field, doc, "default_left", tree->n,
                            &tree->default_left, &n)
           != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (tree->size > 1
        && mlops_xgboost_vectors(field, doc, tree) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (mlops_doc_get(doc, "split_type") != NULL) {
        return mlops_xgboost_sets(grow, doc, tree);
    }

    return MLOPS_OK;
}


static int
mlops_xgboost_vectors(mlops_field_t *field, const mlops_doc_t *doc,
    mlops_xgboost_tree_t *tree)
{
    uint64_t  want;

    if (mlops_doc_get(doc, "leaf_weights") != NULL) {
        tree->values_by_right = 1;

        return mlops_field_floats(field, doc, "leaf_weights", MLOPS_FIELD_ANY,
                                  &tree->values, &tree->values_n);
    }

    want = (uint64_t) tree->n * tree->size;

    if (want >= MLOPS_FIELD_ANY) {
        return mlops_field_error(field, "expected fewer than 2^32 leaf "
                                 "values");
    }

    return mlops_field_floats(field, doc, "base_weights", (uint32_t) want,
                              &tree->values, &tree->values_n);
}


/* The categorical nodes of a tree, and their codes. */

static int
mlops_xgboost_sets(mlops_xgboost_grow_t *grow, const mlops_doc_t *doc,
    mlops_xgboost_tree_t *tree)
{
    int64_t        *nodes, *first, *size, node;
    uint32_t        i, n, types_n;
    uint64_t        total;
    mlops_field_t  *field;

    field = grow->field;

    if (mlops_field_ints(field, doc, "split_type", tree->n, &tree->split_type,
                         &types_n)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    n = 0;

    if (mlops_doc_get(doc, "categories_nodes") != NULL
        && (mlops_field_ints(field, doc, "categories_nodes", MLOPS_FIELD_ANY,
                             &nodes, &n)
            != MLOPS_OK
            || mlops_field_ints(field, doc, "categories_segments", n, &first,
                                &n)
               != MLOPS_OK
            || mlops_field_ints(field, doc, "categories_sizes", n, &size, &n)
               != MLOPS_OK
            || mlops_field_ints(field, doc, "categories", MLOPS_FIELD_ANY,
                                &tree->codes, &tree->codes_n)
               != MLOPS_OK))
    {
        return MLOPS_ERROR;
    }

    tree->set_first = mlops_arena_calloc(field->arena, tree->n,
                                         sizeof(uint32_t));
    tree->set_n = mlops_arena_calloc(field->arena, tree->n, sizeof(uint32_t));

    if (tree->set_first == NULL || tree->set_n == NULL) {
        return mlops_field_memory(field);
    }

    total = 0;

    for (i = 0; i < n; i++) {
        node = nodes[i];

        if (node < 0 || node >= tree->n || tree->set_n[node] != 0
            || tree->split_type[node] != 1)
        {
            return mlops_xgboost_element(field, "categories_nodes", i,
                                         "the number of a node of split_type "
                                         "1, each once", (double) node);
        }

        if (first[i] < 0 || first[i] > tree->codes_n) {
            return mlops_xgboost_element(field, "categories_segments", i,
                                         "the number of a category",
                                         (double) first[i]);
        }

        /* each code belongs to one node: this bounds the sum of sizes */

        if (size[i] < 1 || size[i] > tree->codes_n - first[i]
            || total + (uint64_t) size[i] > tree->codes_n)
        {
            return mlops_xgboost_element(field, "categories_sizes", i,
                                         "a number of categories above 0 and "
                                         "within the array",
                                         (double) size[i]);
        }

        total += (uint64_t) size[i];
        tree->set_first[node] = (uint32_t) first[i];
        tree->set_n[node] = (uint32_t) size[i];
    }

    for (i = 0; i < types_n; i++) {

        if (tree->split_type[i] != 0
            && (tree->split_type[i] != 1 || tree->set_n[i] == 0))
        {
            return mlops_xgboost_element(field, "split_type", i,
                                         "0, or 1 for a node with categories",
                                         (double) tree->split_type[i]);
        }
    }

    return MLOPS_OK;
}


/* Takes over, breadth first, what the root reaches; every node once. */

static int
mlops_xgboost_walk(mlops_xgboost_grow_t *grow,
    const mlops_xgboost_tree_t *tree)
{
    int64_t               child[2];
    uint8_t              *seen;
    uint16_t             *depth;
    uint32_t              i, j, n, at, *queue;
    mlops_arena_t        *arena;
    mlops_forest_node_t  *node;

    arena = grow->field->arena;

    seen = mlops_arena_calloc(arena, tree->n, 1);
    queue = mlops_arena_alloc(arena, tree->n * sizeof(uint32_t));
    depth = mlops_arena_alloc(arena, tree->n * sizeof(uint16_t));

    if (seen == NULL || queue == NULL || depth == NULL) {
        return mlops_field_memory(grow->field);
    }

    seen[0] = 1;
    queue[0] = 0;
    depth[0] = 0;
    n = 1;

    for (i = 0; i < n; i++) {
        at = queue[i];
        node = &grow->nodes[grow->nodes_n + i];
        memset(node, 0, sizeof(*node));

        if (tree->left[at] == -1) {

            if (mlops_xgboost_leaf(grow, tree, at, node) != MLOPS_OK) {
                return MLOPS_ERROR;
            }

            continue;
        }

        if (mlops_xgboost_split(grow, tree, at, node) != MLOPS_OK) {
            return MLOPS_ERROR;
        }

        child[0] = tree->left[at];
        child[1] = tree->right[at];

        for (j = 0; j < 2; j++) {

            if (child[j] < 1 || child[j] >= tree->n || seen[child[j]]) {
                return mlops_xgboost_element(grow->field,
                                             j ? "right_children"
                                               : "left_children", at,
                                             "the number of a node that has "
                                             "no other parent",
                                             (double) child[j]);
            }

            if (depth[i] == MLOPS_TREES_MAX_DEPTH) {
                return mlops_field_error(grow->field, "expected a depth of at "
                                         "most %u, got more",
                                         MLOPS_TREES_MAX_DEPTH);
            }

            seen[child[j]] = 1;
            depth[n] = depth[i] + 1;
            queue[n++] = (uint32_t) child[j];
        }

        node->left = grow->nodes_n + n - 2;
        node->right = grow->nodes_n + n - 1;
    }

    grow->nodes_n += n;

    return MLOPS_OK;
}


static int
mlops_xgboost_leaf(mlops_xgboost_grow_t *grow,
    const mlops_xgboost_tree_t *tree, uint32_t i, mlops_forest_node_t *node)
{
    float         value;
    int64_t       first;
    uint32_t      j;
    const float  *values;

    values = &tree->cond[i];

    if (tree->size > 1) {
        first = tree->values_by_right ? tree->right[i] : (int64_t) i;

        if (first < 0 || first >= (int64_t) (tree->values_n / tree->size)) {
            return mlops_xgboost_element(grow->field, "right_children", i,
                                         "the number of a leaf in "
                                         "leaf_weights", (double) first);
        }

        values = &tree->values[first * tree->size];
    }

    if (tree->size > grow->values_max - grow->values_n) {
        return mlops_field_error(grow->field, "expected a row of "
                                 "leaf_weights for each leaf, got fewer");
    }

    node->feature = MLOPS_TREES_LEAF;
    node->left = (uint32_t) grow->values_n;

    for (j = 0; j < tree->size; j++) {

        /* rounded to float32 before it is added, as the library does */

        value = values[j] * tree->weight;

        if (!isfinite(value)) {
            return mlops_xgboost_element(grow->field, tree->size == 1
                                         ? "split_conditions"
                                         : tree->values_by_right
                                           ? "leaf_weights" : "base_weights",
                                         (uint64_t) (values - (tree->size == 1
                                                               ? tree->cond
                                                               : tree->values))
                                         + j, "a finite leaf value",
                                         (double) value);
        }

        grow->values[grow->values_n++] = (double) value;
    }

    return MLOPS_OK;
}


static int
mlops_xgboost_split(mlops_xgboost_grow_t *grow,
    const mlops_xgboost_tree_t *tree, uint32_t i, mlops_forest_node_t *node)
{
    int64_t   code;
    uint32_t  j, at, max;

    if (tree->feature[i] < 0
        || tree->feature[i] >= grow->model->features_n)
    {
        return mlops_xgboost_element(grow->field, "split_indices", i,
                                     "the number of a feature",
                                     (double) tree->feature[i]);
    }

    if (tree->default_left[i] != 0 && tree->default_left[i] != 1) {
        return mlops_xgboost_element(grow->field, "default_left", i, "0 or 1",
                                     (double) tree->default_left[i]);
    }

    node->feature = (uint32_t) tree->feature[i];
    node->default_left = (uint8_t) tree->default_left[i];

    if (tree->split_type == NULL || tree->split_type[i] == 0) {

        if (isnan(tree->cond[i])) {
            return mlops_xgboost_element(grow->field, "split_conditions", i,
                                         "a threshold", NAN);
        }

        node->threshold = (double) tree->cond[i];

        return MLOPS_OK;
    }

    node->categorical = 1;
    node->set_first = (uint32_t) grow->codes_n;
    node->set_n = tree->set_n[i];

    max = 0;

    for (j = 0; j < tree->set_n[i]; j++) {
        at = tree->set_first[i] + j;
        code = tree->codes[at];

        if (code < 0 || code >= MLOPS_XGBOOST_MAX_CODE) {
            return mlops_xgboost_element(grow->field, "categories", at,
                                         "a code from 0 to 16777215",
                                         (double) code);
        }

        max = (code > max) ? (uint32_t) code : max;
        grow->codes[grow->codes_n++] = (uint32_t) code;
    }

    /* sets become bits: a few high codes must not ask for a lot of memory */

    grow->bits += (uint64_t) max + 1;

    if (grow->bits > grow->bits_max) {
        return mlops_field_error(grow->field, "node %u: expected categories "
                                 "in proportion to the file, got the code %u",
                                 i, max);
    }

    return MLOPS_OK;
}


static int
mlops_xgboost_element(mlops_field_t *field, const char *key, uint64_t i,
    const char *expected, double got)
{
    (void) mlops_field_push(field, key);
    (void) mlops_field_push_i(field, i);

    return mlops_field_error(field, "expected %s, got %.9g", expected, got);
}
