/*
 * XGBoost's JSON, as release 1.7 writes it and later ones read it; beside
 * that "cats", the category encoder of 3.1 and later, which earlier releases
 * pass over.
 *
 * A tree is a set of arrays; nodes are numbered breadth first, so that the
 * right child stands behind the left one, on which the library relies.  What
 * only training needs is not known here: gains and hessians are 0, and
 * base_weights has the leaves alone.
 */

#include "mlops_export_xgboost.h"
#include "mlops_num.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPS_EXPORT_ROOT  2147483647   /* parent of a root */


/* A tree while it is written. */

typedef struct {
    mlops_export_xgboost_t  *x;
    uint32_t                 group;         /* of vector leaves */
    uint32_t                 n;
    uint32_t                *nodes;         /* of the forest, by number */
    uint32_t                *parents;
    uint32_t                *left;
} mlops_export_tree_t;


/* What stands in an array of all nodes. */

typedef enum {
    MLOPS_EXPORT_WEIGHTS = 0,
    MLOPS_EXPORT_DEFAULT,
    MLOPS_EXPORT_LEFT,
    MLOPS_EXPORT_RIGHT,
    MLOPS_EXPORT_PARENTS,
    MLOPS_EXPORT_CONDITIONS,
    MLOPS_EXPORT_INDICES,
    MLOPS_EXPORT_TYPES,
    MLOPS_EXPORT_ZERO
} mlops_export_array_t;


static void mlops_export_attributes(mlops_export_xgboost_t *x);
static void mlops_export_category(mlops_export_xgboost_t *x,
    const mlops_export_feature_t *feature, uint32_t code);
static int mlops_export_encoder(mlops_export_xgboost_t *x);
static void mlops_export_enc_strings(mlops_export_xgboost_t *x,
    const mlops_export_feature_t *feature);
static void mlops_export_enc_numbers(mlops_export_xgboost_t *x,
    const mlops_export_feature_t *feature);
static int mlops_export_all_trees(mlops_export_xgboost_t *x);
static void mlops_export_constant(mlops_export_xgboost_t *x, uint32_t id,
    double value);
static int mlops_export_one_tree(mlops_export_xgboost_t *x, uint32_t id,
    uint32_t tree, uint32_t group);
static int mlops_export_number_nodes(mlops_export_tree_t *t, uint32_t root);
static void mlops_export_reg_loss(mlops_export_xgboost_t *x);
static void mlops_export_array(mlops_export_tree_t *t, const char *key,
    mlops_export_array_t what);
static void mlops_export_sets(mlops_export_tree_t *t);
static double mlops_export_leaf_of(const mlops_export_tree_t *t,
    const mlops_forest_node_t *node);
static void mlops_export_f32(mlops_export_xgboost_t *x, double value);
static void mlops_export_objective_write(mlops_export_xgboost_t *x);


int
mlops_export_xgboost_write(mlops_export_xgboost_t *x)
{
    int                   classes;
    uint32_t              i;
    mlops_import_text_t  *out;

    out = &x->job->out;
    classes = (x->link == MLOPS_XGBOOST_SOFTMAX
               || x->link == MLOPS_XGBOOST_ARGMAX);

    mlops_import_text(out, "{\"learner\":{");
    mlops_export_attributes(x);
    mlops_import_text(out, ",\n\"feature_names\":[");

    for (i = 0; i < x->features_n && !x->unnamed; i++) {
        mlops_import_text(out, i ? "," : "");
        mlops_export_quote(x->job, &x->features[i].name);
    }

    mlops_import_text(out, "],\n\"feature_types\":[");

    for (i = 0; i < x->features_n; i++) {
        mlops_import_text(out, i ? ",\"%s\"" : "\"%s\"",
                          x->features[i].type);
    }

    mlops_import_text(out, "],\n\"gradient_booster\":{\"model\":{");

    if (mlops_export_encoder(x) != MLOPS_OK
        || mlops_export_all_trees(x) != MLOPS_OK)
    {
        return MLOPS_ERROR;
    }

    mlops_import_text(out, "},\"name\":\"gbtree\"},\n"
                      "\"learner_model_param\":{\"base_score\":\"");
    mlops_export_f32(x, (double) x->base_score);
    mlops_import_text(out, "\",\"num_class\":\"%u\",\"num_feature\":\"%u\","
                      "\"num_target\":\"%u\"},\n",
                      classes ? x->forest.groups_n : 0, x->features_n,
                      classes ? 1 : x->forest.groups_n);

    mlops_export_objective_write(x);
    mlops_import_text(out, "},\"version\":[1,7,4]}\n");

    return MLOPS_OK;
}


/* For people and for releases that keep no categories: their names by code,
 * as JSON in a string. */

static void
mlops_export_attributes(mlops_export_xgboost_t *x)
{
    uint32_t                 i, j, any;
    mlops_import_text_t     *out, inner, outer;
    mlops_export_feature_t  *feature;

    out = &x->job->out;
    outer = *out;
    memset(&inner, 0, sizeof(inner));
    any = 0;

    /* what is quoted again is written apart */

    x->job->out = inner;
    out = &x->job->out;
    mlops_import_text(out, "{");

    for (i = 0; i < x->features_n; i++) {
        feature = &x->features[i];

        if (feature->categories_n == 0) {
            continue;
        }

        mlops_import_text(out, any ? "," : "");
        mlops_export_quote(x->job, &feature->name);
        mlops_import_text(out, ":[");
        any = 1;

        for (j = 0; j < feature->categories_n; j++) {
            mlops_import_text(out, j ? "," : "");
            mlops_export_category(x, feature, j);
        }

        mlops_import_text(out, "]");
    }

    mlops_import_text(out, "}");

    inner = x->job->out;
    x->job->out = outer;

    mlops_import_text(out, "\"attributes\":{");

    if (any && !inner.failed) {
        mlops_import_text(out, "\"categories\":");
        mlops_import_quote(out, inner.data, inner.len);
    }

    mlops_import_text(out, "}");

    out->failed |= inner.failed;
    free(inner.data);
}


static void
mlops_export_category(mlops_export_xgboost_t *x,
    const mlops_export_feature_t *feature, uint32_t code)
{
    mlops_str_t  text;

    if (feature->strings != NULL) {
        text = mlops_export_str(x->job, &feature->strings[feature->order[code]]
                                );
        mlops_export_quote(x->job, &text);
        return;
    }

    mlops_import_text(&x->job->out, "%lld",
                      (long long) feature->numbers[feature->order[code]]);
}


/* sorted_idx: of each feature the codes in the order of the categories. */

static int
mlops_export_encoder(mlops_export_xgboost_t *x)
{
    uint32_t                 i, j, sum, *codes;
    mlops_import_text_t     *out;
    mlops_export_feature_t  *feature;

    out = &x->job->out;
    sum = 0;

    for (i = 0; i < x->features_n; i++) {
        sum += x->features[i].categories_n;
    }

    if (sum == 0) {
        return MLOPS_OK;
    }

    mlops_import_text(out, "\"cats\":{\"enc\":[");

    for (i = 0; i < x->features_n; i++) {
        feature = &x->features[i];
        mlops_import_text(out, i ? ",\n" : "");

        if (feature->numbers != NULL) {
            mlops_export_enc_numbers(x, feature);

        } else {
            mlops_export_enc_strings(x, feature);
        }
    }

    mlops_import_text(out, "],\"feature_segments\":[0");

    for (i = 0, sum = 0; i < x->features_n; i++) {
        sum += x->features[i].categories_n;
        mlops_import_text(out, ",%u", sum);
    }

    mlops_import_text(out, "],\"sorted_idx\":[");

    for (i = 0, sum = 0; i < x->features_n; i++) {
        feature = &x->features[i];

        codes = mlops_arena_alloc(&x->job->arena, ((size_t)
                                                   feature->categories_n + 1)
                                                  * sizeof(uint32_t));
        if (codes == NULL) {
            return mlops_err_set(x->job->err, "out of memory");
        }

        for (j = 0; j < feature->categories_n; j++) {
            codes[feature->order[j]] = j;
        }

        for (j = 0; j < feature->categories_n; j++, sum++) {
            mlops_import_text(out, sum ? ",%u" : "%u", codes[j]);
        }
    }

    mlops_import_text(out, "]},\n");

    return MLOPS_OK;
}


static void
mlops_export_enc_strings(mlops_export_xgboost_t *x,
    const mlops_export_feature_t *feature)
{
    size_t                len, k;
    uint32_t              j, n;
    mlops_str_t           text;
    mlops_import_text_t  *out;

    out = &x->job->out;
    n = feature->categories_n;
    mlops_import_text(out, n ? "{\"offsets\":[0" : "{\"offsets\":[");

    for (j = 0, len = 0; j < n; j++) {
        len += feature->strings[feature->order[j]].len;
        mlops_import_text(out, ",%zu", len);
    }

    mlops_import_text(out, "],\"values\":[");

    for (j = 0, len = 0; j < n; j++) {
        text = mlops_export_str(x->job, &feature->strings[feature->order[j]]);

        for (k = 0; k < text.len; k++, len++) {
            mlops_import_text(out, len ? ",%d" : "%d",
                              (int) (signed char) text.data[k]);
        }
    }

    mlops_import_text(out, "]}");
}


/* 15 is a signed integer of 64 bits. */

static void
mlops_export_enc_numbers(mlops_export_xgboost_t *x,
    const mlops_export_feature_t *feature)
{
    uint32_t              j;
    mlops_import_text_t  *out;

    out = &x->job->out;
    mlops_import_text(out, "{\"type\":15,\"values\":[");

    for (j = 0; j < feature->categories_n; j++) {
        mlops_import_text(out, j ? "," : "");
        mlops_export_category(x, feature, j);
    }

    mlops_import_text(out, "]}");
}


/* Rounds of one tree a sum.  A sum with fewer trees than others gets leaves
 * of -0, which change nothing. */

static int
mlops_export_all_trees(mlops_export_xgboost_t *x)
{
    uint32_t              g, i, id, tree, round, *at, *next, rounds;
    mlops_import_text_t  *out;

    out = &x->job->out;
    g = x->forest.groups_n;
    rounds = x->trees_n / g;

    mlops_import_text(out, "\"gbtree_model_param\":{\"num_parallel_tree\":"
                      "\"1\",\"num_trees\":\"%u\",\"size_leaf_vector\":\"0\"}"
                      ",\n\"tree_info\":[", x->trees_n);

    for (i = 0; i < x->trees_n; i++) {
        mlops_import_text(out, i ? ",%u" : "%u", i % g);
    }

    mlops_import_text(out, "],\n\"trees\":[");

    /* at[i]: the tree of sum i to be written next; next[]: the one behind */

    at = mlops_arena_alloc(&x->job->arena, g * sizeof(uint32_t));
    next = mlops_arena_alloc(&x->job->arena, ((size_t) x->forest.trees_n + 1)
                                             * sizeof(uint32_t));

    if (at == NULL || next == NULL) {
        return mlops_err_set(x->job->err, "out of memory");
    }

    for (i = 0; i < g; i++) {
        at[i] = x->forest.trees_n;
    }

    for (i = x->forest.trees_n; i > 0; i--) {
        next[i - 1] = at[x->forest.group[i - 1]];
        at[x->forest.group[i - 1]] = i - 1;
    }

    for (round = 0, id = 0; round < rounds; round++) {

        for (i = 0; i < g; i++, id++) {
            mlops_import_text(out, id ? ",\n" : "\n");

            if (round == 0 && x->base_trees) {
                mlops_export_constant(x, id, x->forest.base[i]);
                continue;
            }

            if (x->forest.leaf_size > 1) {
                tree = round - x->base_trees;   /* has leaves of all sums */

            } else {
                tree = at[i];
                at[i] = (tree < x->forest.trees_n) ? next[tree] : tree;
            }

            if (tree >= x->forest.trees_n) {
                mlops_export_constant(x, id, -0.0);
                continue;
            }

            if (mlops_export_one_tree(x, id, tree, i) != MLOPS_OK) {
                return MLOPS_ERROR;
            }
        }
    }

    mlops_import_text(out, "]");

    return MLOPS_OK;
}


static void
mlops_export_constant(mlops_export_xgboost_t *x, uint32_t id, double value)
{
    mlops_import_text_t  *out;

    out = &x->job->out;

    mlops_import_text(out, "{\"base_weights\":[");
    mlops_export_f32(x, value);
    mlops_import_text(out, "],\"categories\":[],\"categories_nodes\":[],"
                      "\"categories_segments\":[],\"categories_sizes\":[],"
                      "\"default_left\":[0],\"id\":%u,\"left_children\":[-1],"
                      "\"loss_changes\":[0.0],\"parents\":[%d],"
                      "\"right_children\":[-1],\"split_conditions\":[",
                      id, MLOPS_EXPORT_ROOT);
    mlops_export_f32(x, value);
    mlops_import_text(out, "],\"split_indices\":[0],\"split_type\":[0],"
                      "\"sum_hessian\":[0.0],\"tree_param\":{\"num_deleted\":"
                      "\"0\",\"num_feature\":\"%u\",\"num_nodes\":\"1\","
                      "\"size_leaf_vector\":\"0\"}}", x->features_n);
}


static int
mlops_export_one_tree(mlops_export_xgboost_t *x, uint32_t id, uint32_t tree,
    uint32_t group)
{
    mlops_arena_t          arena;
    mlops_import_text_t   *out;
    mlops_export_tree_t    t;

    out = &x->job->out;
    mlops_arena_init(&arena, NULL, NULL);

    t.x = x;
    t.group = group;
    t.nodes = mlops_arena_alloc(&arena, ((size_t) x->forest.nodes_n + 1)
                                        * sizeof(uint32_t));
    t.parents = mlops_arena_alloc(&arena, ((size_t) x->forest.nodes_n + 1)
                                          * sizeof(uint32_t));
    t.left = mlops_arena_alloc(&arena, ((size_t) x->forest.nodes_n + 1)
                                       * sizeof(uint32_t));

    if (t.nodes == NULL || t.parents == NULL || t.left == NULL) {
        mlops_arena_destroy(&arena);
        return mlops_err_set(x->job->err, "out of memory");
    }

    if (mlops_export_number_nodes(&t, x->forest.roots[tree]) != MLOPS_OK) {
        mlops_arena_destroy(&arena);
        return mlops_err_set(x->job->err, "tree %u has more nodes than the "
                             "%u of its forest", tree, x->forest.nodes_n);
    }

    mlops_import_text(out, "{");
    mlops_export_array(&t, "base_weights", MLOPS_EXPORT_WEIGHTS);
    mlops_export_sets(&t);
    mlops_export_array(&t, ",\"default_left", MLOPS_EXPORT_DEFAULT);
    mlops_import_text(out, ",\"id\":%u", id);
    mlops_export_array(&t, ",\"left_children", MLOPS_EXPORT_LEFT);
    mlops_export_array(&t, ",\"loss_changes", MLOPS_EXPORT_ZERO);
    mlops_export_array(&t, ",\"parents", MLOPS_EXPORT_PARENTS);
    mlops_export_array(&t, ",\"right_children", MLOPS_EXPORT_RIGHT);
    mlops_export_array(&t, ",\"split_conditions", MLOPS_EXPORT_CONDITIONS);
    mlops_export_array(&t, ",\"split_indices", MLOPS_EXPORT_INDICES);
    mlops_export_array(&t, ",\"split_type", MLOPS_EXPORT_TYPES);
    mlops_export_array(&t, ",\"sum_hessian", MLOPS_EXPORT_ZERO);
    mlops_import_text(out, ",\"tree_param\":{\"num_deleted\":\"0\","
                      "\"num_feature\":\"%u\",\"num_nodes\":\"%u\","
                      "\"size_leaf_vector\":\"0\"}}", x->features_n, t.n);

    mlops_arena_destroy(&arena);

    return MLOPS_OK;
}


/* Breadth first: t->nodes by number, and what hangs together. */

static int
mlops_export_number_nodes(mlops_export_tree_t *t, uint32_t root)
{
    uint32_t                    i;
    const mlops_forest_node_t  *node;

    t->nodes[0] = root;
    t->parents[0] = MLOPS_EXPORT_ROOT;
    t->n = 1;

    for (i = 0; i < t->n; i++) {
        node = &t->x->forest.nodes[t->nodes[i]];
        t->left[i] = 0;

        if (node->feature == MLOPS_TREES_LEAF) {
            continue;
        }

        if (t->n + 2 > t->x->forest.nodes_n) {
            return MLOPS_ERROR;
        }

        t->left[i] = t->n;
        t->parents[t->n] = i;
        t->nodes[t->n++] = node->left;
        t->parents[t->n] = i;
        t->nodes[t->n++] = node->right;
    }

    return MLOPS_OK;
}


/* key may begin with what stands before its quote. */

static void
mlops_export_array(mlops_export_tree_t *t, const char *key,
    mlops_export_array_t what)
{
    int                         leaf;
    uint32_t                    i;
    mlops_import_text_t        *out;
    const mlops_forest_node_t  *node;

    out = &t->x->job->out;
    mlops_import_text(out, "%s%s\":[", key[0] == ',' ? "" : "\"", key);

    for (i = 0; i < t->n; i++) {
        node = &t->x->forest.nodes[t->nodes[i]];
        leaf = (node->feature == MLOPS_TREES_LEAF);

        if (i != 0) {
            mlops_import_bytes(out, ",", 1);
        }

        switch (what) {

        case MLOPS_EXPORT_WEIGHTS:
            mlops_export_f32(t->x, leaf ? mlops_export_leaf_of(t, node) : 0);
            break;

        case MLOPS_EXPORT_DEFAULT:
            mlops_import_text(out, "%d", !leaf && node->default_left);
            break;

        case MLOPS_EXPORT_LEFT:
            mlops_import_text(out, "%d", leaf ? -1 : (int) t->left[i]);
            break;

        case MLOPS_EXPORT_RIGHT:
            mlops_import_text(out, "%d", leaf ? -1 : (int) t->left[i] + 1);
            break;

        case MLOPS_EXPORT_PARENTS:
            mlops_import_text(out, "%u", t->parents[i]);
            break;

        case MLOPS_EXPORT_CONDITIONS:
            mlops_export_f32(t->x, leaf ? mlops_export_leaf_of(t, node)
                                   : node->categorical ? 0
                                                       : node->threshold);
            break;

        case MLOPS_EXPORT_INDICES:
            mlops_import_text(out, "%u", leaf ? 0 : node->feature);
            break;

        case MLOPS_EXPORT_TYPES:
            mlops_import_text(out, "%d", !leaf && node->categorical);
            break;

        default:
            mlops_import_bytes(out, "0.0", 3);
            break;
        }
    }

    mlops_import_bytes(out, "]", 1);
}


/* The codes that go right; nodes of none, which the library does not know,
 * are refused by our own reader. */

static void
mlops_export_sets(mlops_export_tree_t *t)
{
    uint32_t                    i, j, pass, sum, n;
    mlops_import_text_t        *out;
    const mlops_forest_node_t  *node;
    static const char          *keys[] = {
        "categories", "categories_nodes", "categories_segments",
        "categories_sizes"
    };

    out = &t->x->job->out;

    for (pass = 0; pass < 4; pass++) {
        mlops_import_text(out, ",\"%s\":[", keys[pass]);
        sum = 0;
        n = 0;

        for (i = 0; i < t->n; i++) {
            node = &t->x->forest.nodes[t->nodes[i]];

            if (node->feature == MLOPS_TREES_LEAF || !node->categorical) {
                continue;
            }

            for (j = 0; pass == 0 && j < node->set_n; j++) {
                mlops_import_text(out, sum + j ? ",%u" : "%u",
                                  t->x->forest.set_codes[node->set_first
                                                         + j]);
            }

            if (pass != 0) {
                mlops_import_text(out, n ? ",%u" : "%u",
                                  pass == 1 ? i : pass == 2 ? sum
                                                            : node->set_n);
            }

            sum += node->set_n;
            n++;
        }

        mlops_import_bytes(out, "]", 1);
    }
}


static double
mlops_export_leaf_of(const mlops_export_tree_t *t,
    const mlops_forest_node_t *node)
{
    return t->x->forest.leaf_values[node->left
                                    + (t->x->forest.leaf_size > 1 ? t->group
                                                                  : 0)];
}


/* At most nine digits, which the library reads exactly. */

static void
mlops_export_f32(mlops_export_xgboost_t *x, double value)
{
    char  text[MLOPS_FLOAT_LEN], *end;

    if (isinf(value)) {
        mlops_import_text(&x->job->out, value < 0 ? "-Infinity" : "Infinity");
        return;
    }

    end = mlops_print_float(text, (float) value);
    mlops_import_bytes(&x->job->out, text, (size_t) (end - text));
}


static void
mlops_export_objective_write(mlops_export_xgboost_t *x)
{
    mlops_import_text_t  *out;

    out = &x->job->out;
    mlops_import_text(out, "\"objective\":{\"name\":\"%s\"", x->objective);

    switch (x->link) {

    case MLOPS_XGBOOST_SOFTMAX:
    case MLOPS_XGBOOST_ARGMAX:
        mlops_import_text(out, ",\"softmax_multiclass_param\":{\"num_class\":"
                          "\"%u\"}", x->forest.groups_n);
        break;

    case MLOPS_XGBOOST_EXP:

        if (strcmp(x->objective, "count:poisson") == 0) {
            mlops_import_text(out, ",\"poisson_regression_param\":"
                              "{\"max_delta_step\":\"0.7\"}");

        } else if (strcmp(x->objective, "reg:gamma") == 0) {
            mlops_export_reg_loss(x);   /* 2.1 does not load it without */
        }

        break;

    case MLOPS_XGBOOST_STEP:
        break;

    default:
        mlops_export_reg_loss(x);
        break;
    }

    mlops_import_text(out, "}");
}


static void
mlops_export_reg_loss(mlops_export_xgboost_t *x)
{
    mlops_import_text(&x->job->out, ",\"reg_loss_param\":"
                      "{\"scale_pos_weight\":\"1\"}");
}
