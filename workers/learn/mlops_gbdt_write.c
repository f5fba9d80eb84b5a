/*
 * Boosted trees as the steps of a recipe.
 *
 * Thresholds, leaves and intercepts are float32, printed as the shortest
 * text that reads back as the same one.
 */

#include "mlops_gbdt_fit.h"
#include "mlops_num.h"

#include <math.h>


static int mlops_gbdt_write_map(mlops_fit_t *fit,
    const mlops_gbdt_column_t *column, const mlops_matrix_column_t *source,
    mlops_str_t *name);
static void mlops_gbdt_write_trees(mlops_fit_t *fit,
    const mlops_gbdt_model_t *model, const mlops_str_t *names,
    const mlops_str_t *outputs);
static void mlops_gbdt_write_node(mlops_fit_t *fit,
    const mlops_forest_t *forest, const mlops_str_t *names, uint32_t number);
static void mlops_gbdt_write_float(mlops_import_text_t *text, double value);
static int mlops_gbdt_write_link(mlops_fit_t *fit,
    const mlops_gbdt_options_t *options, const mlops_str_t *margins,
    uint32_t n);
static void mlops_gbdt_write_unary(mlops_fit_t *fit, const char *op,
    const mlops_str_t *from, const mlops_str_t *to);


int
mlops_gbdt_write(mlops_fit_t *fit, const mlops_gbdt_options_t *options,
    const mlops_gbdt_model_t *model)
{
    uint32_t      c, g, groups_n;
    mlops_str_t  *names, *margins;

    names = mlops_fit_inputs(fit);

    if (names == NULL) {
        return MLOPS_ERROR;
    }

    for (c = 0; c < model->columns_n; c++) {

        if (model->columns[c].mapped
            && mlops_gbdt_write_map(fit, &model->columns[c],
                                    &fit->train->columns[c], &names[c])
               != MLOPS_OK)
        {
            return MLOPS_ERROR;
        }
    }

    groups_n = model->forest.groups_n;
    margins = mlops_arena_alloc(fit->field->arena,
                                groups_n * sizeof(*margins));
    if (margins == NULL) {
        return mlops_field_memory(fit->field);
    }

    for (g = 0; g < groups_n; g++) {

        if (fit->margin_n > 0) {
            margins[g] = fit->margin[g];

        } else if (options->objective == MLOPS_GBDT_SOFTMAX) {
            margins[g] = mlops_fit_name(fit, "%.*s:margin:%u",
                                        mlops_fmt(&fit->outputs[0]), g);

        } else if (options->objective == MLOPS_GBDT_LOGISTIC
                   || options->objective == MLOPS_GBDT_POISSON)
        {
            margins[g] = mlops_fit_name(fit, "%.*s:margin",
                                        mlops_fmt(&fit->outputs[0]));

        } else {
            margins[g] = fit->outputs[g];
        }

        if (margins[g].data == NULL) {
            return MLOPS_ERROR;
        }
    }

    mlops_gbdt_write_trees(fit, model, names, margins);

    if (mlops_gbdt_write_link(fit, options, margins, groups_n) != MLOPS_OK) {
        return MLOPS_ERROR;
    }

    return fit->steps->failed ? mlops_field_memory(fit->field) : MLOPS_OK;
}


/* A category that the trees do not know is as missing. */

static int
mlops_gbdt_write_map(mlops_fit_t *fit, const mlops_gbdt_column_t *column,
    const mlops_matrix_column_t *source, mlops_str_t *name)
{
    uint32_t             i;
    mlops_str_t          cell;
    const mlops_str_t   *text;

    cell = mlops_fit_name(fit, "%.*s:%.*s", mlops_fmt(&fit->outputs[0]),
                          mlops_fmt(name));
    if (cell.data == NULL) {
        return MLOPS_ERROR;
    }

    mlops_fit_step(fit, "map", name, 1, &cell, 1);
    mlops_import_text(fit->steps, ",\"entries\":%s",
                      column->categories ? "{" : "[");

    if (column->bins_n == 0) {

        /* all are missing; a map has an entry */

        mlops_import_text(fit->steps, "\"\":null");
    }

    for (i = 0; i < column->bins_n; i++) {

        if (i > 0) {
            mlops_import_bytes(fit->steps, ",", 1);
        }

        if (column->categories != NULL) {
            text = &source->categories[column->categories[i]];
            mlops_import_quote(fit->steps, text->data, text->len);
            mlops_import_text(fit->steps, ":%u", i);

        } else {
            mlops_import_bytes(fit->steps, "[", 1);
            mlops_fit_write_number(fit->steps, column->values[i]);
            mlops_import_text(fit->steps, ",%u]", i);
        }
    }

    mlops_import_bytes(fit->steps, column->categories ? "}" : "]", 1);
    mlops_fit_end(fit);

    *name = cell;

    return MLOPS_OK;
}


/* A step has at least one tree: where none was grown, one that adds 0. */

static void
mlops_gbdt_write_trees(mlops_fit_t *fit, const mlops_gbdt_model_t *model,
    const mlops_str_t *names, const mlops_str_t *outputs)
{
    uint32_t               g, t;
    mlops_import_text_t   *text;
    const mlops_forest_t  *forest;

    text = fit->steps;
    forest = &model->forest;

    mlops_fit_step(fit, "trees", names, model->columns_n, outputs,
                   forest->groups_n);
    mlops_import_text(text, ",\"f32\":true,\"base\":[");

    for (g = 0; g < forest->groups_n; g++) {

        if (g > 0) {
            mlops_import_bytes(text, ",", 1);
        }

        mlops_gbdt_write_float(text, forest->base[g]);
    }

    mlops_import_text(text, "],\"trees\":[");

    for (t = 0; t < forest->trees_n; t++) {

        if (t > 0) {
            mlops_import_bytes(text, ",", 1);
        }

        if (forest->groups_n > 1) {
            mlops_import_text(text, "{\"output\":%u,\"root\":",
                              forest->group[t]);
        }

        mlops_gbdt_write_node(fit, forest, names, forest->roots[t]);

        if (forest->groups_n > 1) {
            mlops_import_bytes(text, "}", 1);
        }
    }

    mlops_import_text(text, "%s]", forest->trees_n ? "" : "{\"leaf\":0}");
    mlops_fit_end(fit);
}


/* Depth is bounded by MLOPS_GBDT_DEPTH, or by that of an image. */

static void
mlops_gbdt_write_node(mlops_fit_t *fit, const mlops_forest_t *forest,
    const mlops_str_t *names, uint32_t number)
{
    uint32_t                    i;
    mlops_import_text_t        *text;
    const mlops_forest_node_t  *node;

    text = fit->steps;
    node = &forest->nodes[number];

    if (node->feature == MLOPS_TREES_LEAF) {
        mlops_import_bytes(text, "{\"leaf\":", 8);
        mlops_gbdt_write_float(text, forest->leaf_values[node->left]);
        mlops_import_bytes(text, "}", 1);
        return;
    }

    mlops_import_bytes(text, "{\"input\":", 9);
    mlops_import_quote(text, names[node->feature].data,
                       names[node->feature].len);

    if (node->categorical) {
        mlops_import_bytes(text, ",\"in\":[", 7);

        for (i = 0; i < node->set_n; i++) {
            mlops_import_text(text, i > 0 ? ",%u" : "%u",
                              forest->set_codes[node->set_first + i]);
        }

        mlops_import_bytes(text, "]", 1);

    } else {
        mlops_import_bytes(text, ",\"below\":", 9);
        mlops_gbdt_write_float(text, node->threshold);
    }

    if (node->default_left) {
        mlops_import_bytes(text, ",\"missing\":\"left\"", 17);
    }

    mlops_import_bytes(text, ",\"left\":", 8);
    mlops_gbdt_write_node(fit, forest, names, node->left);
    mlops_import_bytes(text, ",\"right\":", 9);
    mlops_gbdt_write_node(fit, forest, names, node->right);
    mlops_import_bytes(text, "}", 1);
}


static void
mlops_gbdt_write_float(mlops_import_text_t *text, double value)
{
    char  buf[MLOPS_FLOAT_LEN];

    if (!isfinite(value)) {
        text->failed = 1;
        return;
    }

    mlops_import_bytes(text, buf, (size_t) (mlops_print_float(buf,
                                                (float) value) - buf));
}


static int
mlops_gbdt_write_link(mlops_fit_t *fit, const mlops_gbdt_options_t *options,
    const mlops_str_t *margins, uint32_t n)
{
    double  one;

    switch (options->objective) {

    case MLOPS_GBDT_LOGISTIC:

        if (fit->outputs_n == 1) {
            mlops_gbdt_write_unary(fit, "sigmoid", margins, fit->outputs);
            return MLOPS_OK;
        }

        one = 1;

        mlops_gbdt_write_unary(fit, "sigmoid", margins, &fit->outputs[1]);
        mlops_fit_step(fit, "binary", &fit->outputs[1], 1, fit->outputs, 1);
        mlops_fit_put_text(fit->steps, "op", "sub");
        mlops_fit_put_number(fit->steps, "constant", one);
        mlops_import_text(fit->steps, ",\"reversed\":true");
        mlops_fit_end(fit);

        return MLOPS_OK;

    case MLOPS_GBDT_SOFTMAX:
        mlops_fit_step(fit, "softmax", margins, n, fit->outputs, n);
        mlops_fit_end(fit);

        return MLOPS_OK;

    case MLOPS_GBDT_POISSON:
        mlops_gbdt_write_unary(fit, "exp", margins, fit->outputs);

        return MLOPS_OK;

    default:

        if (fit->margin_n > 0) {
            mlops_gbdt_write_unary(fit, "identity", margins, fit->outputs);
        }

        return MLOPS_OK;
    }
}


static void
mlops_gbdt_write_unary(mlops_fit_t *fit, const char *op,
    const mlops_str_t *from, const mlops_str_t *to)
{
    mlops_fit_step(fit, "unary", from, 1, to, 1);
    mlops_fit_put_text(fit->steps, "op", op);
    mlops_fit_end(fit);
}
