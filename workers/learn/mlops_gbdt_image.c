/*
 * Trees to go on from: the step of trees of an image, with its features by
 * name.
 *
 * A feature of that step is an input of the image, a map of one (categories
 * to codes), or a computed cell.  Names of computed cells are no part of an
 * image; a fit tells them in its report, which stands in the facts.
 *
 * Codes of string categories become the numbers of the categories in the
 * column at hand; one that the map did not know goes where a missing value
 * went.
 */

#include "mlops_gbdt_fit.h"
#include "mlops_file.h"
#include "mlops_model.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>


typedef struct {
    mlops_fit_t                 *fit;
    mlops_gbdt_keys_t           *keys;
    const mlops_model_t         *model;
    const mlops_image_step_t    *steps;
    uint32_t                     steps_n;
    const mlops_image_cell_t    *cells;
    uint32_t                     cells_n;   /* inputs */
    const uint32_t              *lists;
    const char                  *text;
    const char                  *weights;
    const mlops_doc_t           *told;      /* features of the report */
    const mlops_image_step_t    *trees;
    uint32_t                    *columns;   /* of each feature */
    const mlops_image_step_t   **maps;      /* of each feature, or NULL */
} mlops_gbdt_image_t;


static int mlops_gbdt_image_open(mlops_gbdt_image_t *image,
    const char *path);
static int mlops_gbdt_image_trees(mlops_gbdt_image_t *image,
    mlops_forest_t *forest);
static int mlops_gbdt_image_told(mlops_gbdt_image_t *image);
static const mlops_doc_t *mlops_gbdt_image_find(const mlops_doc_t *doc,
    uint32_t n, unsigned depth);
static int mlops_gbdt_image_feature(mlops_gbdt_image_t *image, uint32_t i);
static int mlops_gbdt_image_sets(mlops_gbdt_image_t *image,
    mlops_forest_t *forest);
static int mlops_gbdt_image_codes(mlops_gbdt_image_t *image,
    const mlops_image_step_t *map, const mlops_matrix_column_t *column,
    uint32_t **codes);
static void mlops_gbdt_image_set(const mlops_forest_t *forest,
    mlops_forest_node_t *node, const uint32_t *codes, uint32_t categories_n,
    uint32_t *to, uint64_t *n);


int
mlops_gbdt_read_start(mlops_fit_t *fit, mlops_gbdt_keys_t *keys,
    mlops_forest_t *forest)
{
    int                  rc, dir;
    char                 path[PATH_MAX];
    size_t               old;
    mlops_err_t          err;
    mlops_model_t       *model;
    mlops_map_file_t     map;
    mlops_gbdt_image_t   image;
    mlops_file_head_t    head;

    old = mlops_field_push(fit->field, "start");
    dir = mlops_fit_place(fit, &keys->start, path);

    if (dir == -1) {
        return MLOPS_ERROR;
    }

    rc = mlops_file_map(&map, dir, path, MLOPS_IMAGE_MAX, 0, (uid_t) -1,
                        &err);
    (void) close(dir);

    if (rc != MLOPS_OK) {
        return mlops_field_error(fit->field, "%s", err.text);
    }

    model = mlops_model_open(map.data, map.len, &err);

    if (model == NULL) {
        mlops_file_unmap(&map);
        return mlops_field_error(fit->field, "%s: %s", path, err.text);
    }

    memcpy(&head, map.data, sizeof(head));
    mlops_fit_parent(fit, &keys->start, head.checksum);

    memset(&image, 0, sizeof(image));
    image.fit = fit;
    image.keys = keys;
    image.model = model;

    rc = mlops_gbdt_image_open(&image, path);

    if (rc == MLOPS_OK) {
        rc = mlops_gbdt_check_parent(fit, keys, model, image.trees);
    }

    if (rc == MLOPS_OK) {
        rc = mlops_gbdt_image_trees(&image, forest);
    }

    mlops_model_destroy(model);
    mlops_file_unmap(&map);

    if (rc == MLOPS_OK) {
        mlops_field_pop(fit->field, old);
    }

    return rc;
}


static int
mlops_gbdt_image_open(mlops_gbdt_image_t *image, const char *path)
{
    uint32_t  i, n;

    image->steps = mlops_model_section(image->model, MLOPS_SECTION_STEPS,
                                       &image->steps_n);
    image->cells = mlops_model_section(image->model, MLOPS_SECTION_CELLS,
                                       &image->cells_n);
    image->lists = mlops_model_section(image->model, MLOPS_SECTION_LISTS,
                                       &n);
    image->text = mlops_model_section(image->model, MLOPS_SECTION_TEXT, &n);
    image->weights = mlops_model_section(image->model,
                                         MLOPS_SECTION_WEIGHTS, &n);

    for (i = 0, n = 0; i < image->steps_n; i++) {

        if (image->steps[i].kind == MLOPS_STEP_TREES) {
            image->trees = &image->steps[i];
            n++;
        }
    }

    if (n != 1 || !mlops_trees_f32(image->weights + image->trees->param)) {
        return mlops_field_error(image->fit->field, "%s: expected an image "
                                 "with one step of trees in float32, got "
                                 "%s", path, n == 0 ? "none"
                                             : n > 1 ? "several"
                                                     : "one in double");
    }

    return MLOPS_OK;
}


static int
mlops_gbdt_image_trees(mlops_gbdt_image_t *image, mlops_forest_t *forest)
{
    uint32_t                   i, groups_n;
    mlops_err_t                err;
    mlops_fit_t               *fit;
    mlops_arena_t             *arena;
    mlops_forest_node_t       *node;
    const mlops_gbdt_options_t *options;

    fit = image->fit;
    arena = fit->field->arena;
    options = &image->keys->options;

    if (mlops_trees_forest(image->weights + image->trees->param, forest,
                           arena, &err)
        != MLOPS_OK)
    {
        return mlops_field_error(fit->field, "%s", err.text);
    }

    groups_n = options->objective == MLOPS_GBDT_SOFTMAX ? options->classes_n
                                                        : 1;

    if (forest->groups_n != groups_n || forest->leaf_size != 1
        || forest->trees_n % groups_n != 0)
    {
        return mlops_field_error(fit->field, "expected trees for %u %s, got "
                                 "%u trees for %u%s", groups_n,
                                 groups_n == 1 ? "output" : "outputs",
                                 forest->trees_n, forest->groups_n,
                                 forest->leaf_size > 1
                                 ? " with leaves of several values" : "");
    }

    image->columns = mlops_arena_alloc(arena, forest->features_n
                                              * sizeof(*image->columns));
    image->maps = mlops_arena_calloc(arena, forest->features_n,
                                     sizeof(*image->maps));

    if (image->columns == NULL || image->maps == NULL) {
        return mlops_field_memory(fit->field);
    }

    if (mlops_gbdt_image_told(image) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < forest->features_n; i++) {
        if (mlops_gbdt_image_feature(image, i) != MLOPS_OK) {
            return MLOPS_ERROR;
        }
    }

    if (mlops_gbdt_image_sets(image, forest) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    for (i = 0; i < forest->nodes_n; i++) {
        node = &forest->nodes[i];

        if (node->feature != MLOPS_TREES_LEAF) {
            node->feature = image->columns[node->feature];
        }
    }

    forest->features_n = fit->train->columns_n;

    return MLOPS_OK;
}


/* The features of a report with as many of them as the step has inputs. */

static int
mlops_gbdt_image_told(mlops_gbdt_image_t *image)
{
    mlops_err_t         err;
    mlops_str_t         facts;
    const mlops_doc_t  *doc;

    facts = mlops_model_facts(image->model);

    doc = mlops_doc_parse(facts.data, facts.len, 0,
                          image->fit->field->arena, &err);
    if (doc == NULL) {
        return mlops_field_error(image->fit->field, "facts: %s", err.text);
    }

    image->told = mlops_gbdt_image_find(doc, image->trees->in.n, 0);

    return MLOPS_OK;
}


static const mlops_doc_t *
mlops_gbdt_image_find(const mlops_doc_t *doc, uint32_t n, unsigned depth)
{
    const mlops_doc_t  *child, *found;

    if (depth > 32
        || (doc->type != MLOPS_DOC_OBJECT && doc->type != MLOPS_DOC_ARRAY))
    {
        return NULL;
    }

    found = mlops_doc_get(doc, "features");

    if (found != NULL && found->type == MLOPS_DOC_ARRAY && found->n == n
        && mlops_doc_get(doc, "objective") != NULL)
    {
        return found;
    }

    for (child = doc->v.child; child != NULL; child = child->next) {
        found = mlops_gbdt_image_find(child, n, depth + 1);

        if (found != NULL) {
            return found;
        }
    }

    return NULL;
}


/* The column of a feature, by what is told, or by the input it comes from. */

static int
mlops_gbdt_image_feature(mlops_gbdt_image_t *image, uint32_t i)
{
    uint32_t                   j, cell, input;
    mlops_fit_t               *fit;
    mlops_str_t                name = mlops_null_str;
    const mlops_doc_t         *entry;
    const mlops_image_cell_t  *source;

    fit = image->fit;
    cell = image->lists[image->trees->in.first + i];
    input = cell;

    for (j = 0; j < image->steps_n && cell >= image->cells_n; j++) {

        if (image->steps[j].kind == MLOPS_STEP_MAP
            && image->steps[j].out == cell && image->steps[j].out_n == 1)
        {
            image->maps[i] = &image->steps[j];
            input = image->lists[image->steps[j].in.first];
        }
    }

    if (image->told != NULL) {
        entry = image->told->v.child;

        for (j = 0; j < i; j++) {
            entry = entry->next;
        }

        entry = mlops_doc_get(entry, "name");

        if (entry != NULL && entry->type == MLOPS_DOC_STRING) {
            name = entry->v.text;
        }

    } else if (input < image->cells_n) {
        source = &image->cells[input];
        name.data = image->text + source->name.off;
        name.len = source->name.len;
    }

    if (name.data == NULL) {
        return mlops_field_error(fit->field, "expected an image whose facts "
                                 "name the features of its trees; number %u "
                                 "is a computed cell without a name", i);
    }

    for (j = 0; j < fit->train->columns_n; j++) {

        if (mlops_str_eq(&fit->train->columns[j].name, name.data, name.len)) {
            image->columns[i] = j;
            return MLOPS_OK;
        }
    }

    return mlops_field_error(fit->field, "expected the features of its trees "
                             "among the step's inputs, \"%.*s\" is not",
                             mlops_fmt(&name));
}


/* Sets of codes that a map gave, in categories of the columns. */

static int
mlops_gbdt_image_sets(mlops_gbdt_image_t *image, mlops_forest_t *forest)
{
    int                            codes_column;
    uint32_t                       i, f, **codes, *to;
    uint64_t                       n, room;
    mlops_fit_t                   *fit;
    mlops_forest_node_t           *node;
    const mlops_matrix_column_t   *column;

    fit = image->fit;
    codes = mlops_arena_calloc(fit->field->arena, forest->features_n,
                               sizeof(*codes));
    if (codes == NULL) {
        return mlops_field_memory(fit->field);
    }

    room = forest->set_codes_n + 1;

    for (i = 0; i < forest->nodes_n; i++) {
        node = &forest->nodes[i];

        if (node->feature == MLOPS_TREES_LEAF) {
            continue;
        }

        f = node->feature;
        column = &fit->train->columns[image->columns[f]];
        codes_column = column->kind == MLOPS_MATRIX_CODES;

        if (codes_column != (image->maps[f] != NULL)
            || (codes_column && !node->categorical
                && node->threshold != (double) FLT_MAX))
        {
            return mlops_field_error(fit->field, "expected the trees to test "
                                     "\"%.*s\" as %s as the rows have it",
                                     mlops_fmt(&column->name),
                                     codes_column ? "categories of strings"
                                                  : "the number");
        }

        if (codes_column && node->categorical) {

            if (codes[f] == NULL
                && mlops_gbdt_image_codes(image, image->maps[f], column,
                                          &codes[f])
                   != MLOPS_OK)
            {
                return MLOPS_ERROR;
            }

            room += column->categories_n;
        }
    }

    to = mlops_arena_alloc(fit->field->arena, room * sizeof(*to));
    if (to == NULL) {
        return mlops_field_memory(fit->field);
    }

    n = 0;

    for (i = 0; i < forest->nodes_n; i++) {
        node = &forest->nodes[i];

        if (node->feature == MLOPS_TREES_LEAF || !node->categorical) {
            continue;
        }

        column = &fit->train->columns[image->columns[node->feature]];

        mlops_gbdt_image_set(forest, node, codes[node->feature],
                             column->categories_n, to, &n);
    }

    forest->set_codes = to;
    forest->set_codes_n = n;

    return MLOPS_OK;
}


/* The old code of each category of the column; NONE: it had none. */

static int
mlops_gbdt_image_codes(mlops_gbdt_image_t *image,
    const mlops_image_step_t *map, const mlops_matrix_column_t *column,
    uint32_t **codes)
{
    uint32_t                   i, c, *of;
    const double              *values;
    const mlops_map_t         *head;
    const mlops_image_text_t  *keys;

    of = mlops_arena_alloc(image->fit->field->arena,
                           ((size_t) column->categories_n + 1)
                           * sizeof(*of));
    if (of == NULL) {
        return mlops_field_memory(image->fit->field);
    }

    head = (const mlops_map_t *) (image->weights + map->param);

    if (!head->strings) {
        return mlops_field_error(image->fit->field, "expected the trees to "
                                 "test \"%.*s\" as categories of strings, "
                                 "got numbers", mlops_fmt(&column->name));
    }

    keys = (const mlops_image_text_t *) (head + 1);
    values = (const double *) (keys + head->n);

    for (c = 0; c < column->categories_n; c++) {
        of[c] = MLOPS_MATRIX_NONE;

        for (i = 0; i < head->n; i++) {

            if (mlops_str_eq(&column->categories[c],
                             image->text + keys[i].off, keys[i].len)
                && values[i] >= 0 && values[i] < (double) UINT32_MAX)
            {
                of[c] = (uint32_t) values[i];
                break;
            }
        }
    }

    *codes = of;

    return MLOPS_OK;
}


/* A set of no category stays: nothing of the column goes right by it. */

static void
mlops_gbdt_image_set(const mlops_forest_t *forest, mlops_forest_node_t *node,
    const uint32_t *codes, uint32_t categories_n, uint32_t *to, uint64_t *n)
{
    int              in;
    uint32_t         c, i, first;
    const uint32_t  *set;

    set = forest->set_codes + node->set_first;
    first = (uint32_t) *n;

    if (codes == NULL) {
        memcpy(to + first, set, node->set_n * sizeof(*to));
        *n += node->set_n;
        node->set_first = first;
        return;
    }

    for (c = 0; c < categories_n; c++) {
        in = codes[c] == MLOPS_MATRIX_NONE && !node->default_left;

        for (i = 0; i < node->set_n && !in; i++) {
            in = codes[c] == set[i];
        }

        if (in) {
            to[(*n)++] = c;
        }
    }

    node->set_first = first;
    node->set_n = (uint32_t) *n - first;
}
