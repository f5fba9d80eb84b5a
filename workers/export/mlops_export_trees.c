/*
 * The step trees of an image as nested nodes of a recipe.
 */

#include "mlops_export_job.h"

#include <math.h>


#define MLOPS_EXPORT_CODES   4096       /* of a recipe */
#define MLOPS_EXPORT_NAMED   4096       /* inputs that nodes may name */
#define MLOPS_EXPORT_DEPTH   500        /* of a document, less its top */


typedef struct {
    mlops_export_t            *job;
    const mlops_image_step_t  *step;
    mlops_forest_t             forest;
} mlops_export_forest_t;


static int mlops_export_tree(mlops_export_forest_t *f, uint32_t tree);
static int mlops_export_node(mlops_export_forest_t *f, uint32_t number,
    uint32_t depth);
static int mlops_export_test(mlops_export_forest_t *f,
    const mlops_forest_node_t *node);
static int mlops_export_leaf(mlops_export_forest_t *f,
    const mlops_forest_node_t *node);
static void mlops_export_value(mlops_export_forest_t *f, double value);


int
mlops_export_trees(mlops_export_t *job, const mlops_image_step_t *step,
    uint32_t number)
{
    uint32_t               i;
    mlops_export_forest_t  f;

    (void) number;

    f.job = job;
    f.step = step;

    if (mlops_trees_forest(mlops_export_param(job, step), &f.forest,
                           &job->arena, job->err)
        != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    if (f.forest.f32) {
        mlops_import_text(&job->out, ",\"f32\":true");
    }

    mlops_import_text(&job->out, ",\"base\":[");

    for (i = 0; i < f.forest.groups_n; i++) {

        if (!isfinite(f.forest.base[i])) {
            return mlops_err_set(job->err, "a base is infinite, which a "
                                 "recipe cannot write");
        }

        mlops_import_text(&job->out, i ? "," : "");
        mlops_export_value(&f, f.forest.base[i]);
    }

    mlops_import_text(&job->out, "],\"trees\":[");

    if (f.forest.trees_n == 0) {

        /* a recipe has at least one */

        mlops_import_text(&job->out, "{\"leaf\":-0.0}");
    }

    for (i = 0; i < f.forest.trees_n; i++) {
        mlops_import_text(&job->out, i ? ",\n  " : "\n  ");

        if (mlops_export_tree(&f, i) != MLOPS_OK) {
            return mlops_err_prefix(job->err, "tree %u", i);
        }
    }

    mlops_import_text(&job->out, "]");

    return MLOPS_OK;
}


static int
mlops_export_tree(mlops_export_forest_t *f, uint32_t tree)
{
    int             rc;
    mlops_export_t *job;

    job = f->job;

    if (f->forest.groups_n == 1 || f->forest.leaf_size > 1) {
        return mlops_export_node(f, f->forest.roots[tree], 0);
    }

    mlops_import_text(&job->out, "{\"output\":%u,\"root\":",
                      f->forest.group[tree]);
    rc = mlops_export_node(f, f->forest.roots[tree], 1);
    mlops_import_text(&job->out, "}");

    return rc;
}


/* A document's depth bounds the recursion. */

static int
mlops_export_node(mlops_export_forest_t *f, uint32_t number, uint32_t depth)
{
    mlops_export_t             *job;
    const mlops_forest_node_t  *node;

    job = f->job;
    node = &f->forest.nodes[number];

    if (depth > MLOPS_EXPORT_DEPTH) {
        return mlops_err_set(job->err, "it is deeper than the %d levels that "
                             "a recipe can nest", MLOPS_EXPORT_DEPTH);
    }

    if (node->feature == MLOPS_TREES_LEAF) {
        return mlops_export_leaf(f, node);
    }

    if (mlops_export_test(f, node) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_import_text(&job->out, ",\"left\":");

    if (mlops_export_node(f, node->left, depth + 1) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_import_text(&job->out, ",\"right\":");

    if (mlops_export_node(f, node->right, depth + 1) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    mlops_import_text(&job->out, "}");

    return MLOPS_OK;
}


static int
mlops_export_test(mlops_export_forest_t *f, const mlops_forest_node_t *node)
{
    uint32_t         i, code;
    mlops_export_t  *job;

    job = f->job;

    if (node->feature >= MLOPS_EXPORT_NAMED) {
        return mlops_err_set(job->err, "a node reads input %u of the step; a "
                             "recipe's nodes can name the first %u",
                             node->feature, MLOPS_EXPORT_NAMED);
    }

    mlops_import_text(&job->out, "{\"input\":");
    mlops_export_quote(job, &job->names[job->lists[f->step->in.first
                                                   + node->feature]]);

    if (node->default_left) {
        mlops_import_text(&job->out, ",\"missing\":\"left\"");
    }

    if (!node->categorical) {

        if (!isfinite(node->threshold)) {
            return mlops_err_set(job->err, "a threshold is infinite, which a "
                                 "recipe cannot write");
        }

        mlops_import_text(&job->out, ",\"below\":");
        mlops_export_value(f, node->threshold);

        return MLOPS_OK;
    }

    if (node->set_n == 0) {
        return mlops_err_set(job->err, "a node tests for no category at all, "
                             "which a recipe cannot write");
    }

    mlops_import_text(&job->out, ",\"in\":[");

    for (i = 0; i < node->set_n; i++) {
        code = f->forest.set_codes[node->set_first + i];

        if (code >= MLOPS_EXPORT_CODES) {
            return mlops_err_set(job->err, "a node tests for the code %u of a "
                                 "category; a recipe's codes are below %u",
                                 code, MLOPS_EXPORT_CODES);
        }

        mlops_import_text(&job->out, i ? ",%u" : "%u", code);
    }

    mlops_import_text(&job->out, "]");

    return MLOPS_OK;
}


static int
mlops_export_leaf(mlops_export_forest_t *f, const mlops_forest_node_t *node)
{
    uint32_t         i;
    mlops_export_t  *job;

    job = f->job;

    for (i = 0; i < f->forest.leaf_size; i++) {
        if (!isfinite(f->forest.leaf_values[node->left + i])) {
            return mlops_err_set(job->err, "a leaf is no finite number, which "
                                 "a recipe cannot write");
        }
    }

    mlops_import_text(&job->out, "{\"leaf\":");

    if (f->forest.leaf_size == 1) {
        mlops_export_value(f, f->forest.leaf_values[node->left]);

    } else {

        for (i = 0; i < f->forest.leaf_size; i++) {
            mlops_import_text(&job->out, i ? "," : "[");
            mlops_export_value(f, f->forest.leaf_values[node->left + i]);
        }

        mlops_import_text(&job->out, "]");
    }

    mlops_import_text(&job->out, "}");

    return MLOPS_OK;
}


static void
mlops_export_value(mlops_export_forest_t *f, double value)
{
    if (f->forest.f32) {
        mlops_export_float(f->job, value);

    } else {
        (void) mlops_export_number(f->job, value, "a value");
    }
}
