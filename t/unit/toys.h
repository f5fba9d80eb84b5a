/*
 * Small models whose answers anybody can work out by hand, made by the
 * builder: for tests of whatever needs a model.
 *
 *     ident          FP32 x -> y, two columns wide: inputs x0, x1; y[2]
 *     ident64        INT64 x -> y
 *     identu64       UINT64 x -> y
 *     ident8         INT8 x -> y
 *     identb         BOOL x -> y
 *     idents         BYTES x -> y
 *     half_plus_two  FP32 x -> y = x / 2 + 2
 *     lin4           FP32 a, b, c, d -> prediction = a + 2b + 3c + 4d + 0.5
 *     logit1         FP64 x -> probability = 1 / (1 + exp(-x))
 *     two            FP64 x -> a = x + 1, b = x * 2
 *     class3         FP64 x, y -> scores[3] with labels, class (BYTES),
 *                    index (INT32): softmax of (x, y, 0), labels low, mid,
 *                    high
 *     mixed          FP64 x (range 0 to 10, default 5), INT32 n (required),
 *                    BYTES color (red, green, blue) -> y = x + n + 100, 200,
 *                    300 or 0 for another color or none
 *     poly           signatures raw (x) and expanded (x, x2): y = 1 + 2x +
 *                    3x2, where raw computes x2 = x * x
 *     tree1          FP32 x, y, one tree: x < 0.5 ? (y < 2 ? 1 : 2) : 4; a
 *                    missing x goes left, a missing y right; base 0.25
 */

#ifndef MLOPS_TOYS_H
#define MLOPS_TOYS_H


#include "mlops_build.h"


typedef struct {
    const char  *name;
    void       (*make)(mlops_builder_t *builder);
} toy_t;


static inline uint32_t
toy_input(mlops_builder_t *b, const char *name, mlops_type_t type)
{
    mlops_column_t  column;

    memset(&column, 0, sizeof(column));

    column.name.data = name;
    column.name.len = strlen(name);
    column.type = type;

    return mlops_builder_input(b, &column);
}


static inline void
toy_output(mlops_builder_output_t *output, const char *name,
    mlops_type_t type, const uint32_t *cells, uint32_t width)
{
    memset(output, 0, sizeof(*output));

    output->name.data = name;
    output->name.len = strlen(name);
    output->type = type;
    output->width = width;
    output->cells = cells;
}


/* One signature of one output. */

static inline void
toy_signature(mlops_builder_t *b, const uint32_t *inputs, uint32_t n,
    const char *name, mlops_type_t type, const uint32_t *cells,
    uint32_t width)
{
    mlops_builder_output_t  output;

    toy_output(&output, name, type, cells, width);
    (void) mlops_builder_signature(b, "default", inputs, n, &output, 1);
}


static inline void
toy_identity(mlops_builder_t *b, mlops_type_t type)
{
    uint32_t  x;

    x = toy_input(b, "x", type);
    toy_signature(b, &x, 1, "y", type, &x, 1);
}


static inline void
toy_ident(mlops_builder_t *b)
{
    uint32_t  x[2];

    x[0] = toy_input(b, "x0", MLOPS_TYPE_FP32);
    x[1] = toy_input(b, "x1", MLOPS_TYPE_FP32);
    toy_signature(b, x, 2, "y", MLOPS_TYPE_FP32, x, 2);
}


static inline void
toy_ident64(mlops_builder_t *b)
{
    toy_identity(b, MLOPS_TYPE_INT64);
}


static inline void
toy_identu64(mlops_builder_t *b)
{
    toy_identity(b, MLOPS_TYPE_UINT64);
}


static inline void
toy_ident8(mlops_builder_t *b)
{
    toy_identity(b, MLOPS_TYPE_INT8);
}


static inline void
toy_identb(mlops_builder_t *b)
{
    toy_identity(b, MLOPS_TYPE_BOOL);
}


static inline void
toy_idents(mlops_builder_t *b)
{
    toy_identity(b, MLOPS_TYPE_BYTES);
}


static inline void
toy_half_plus_two(mlops_builder_t *b)
{
    double    bias, w;
    uint32_t  x, y;

    bias = 2;
    w = 0.5;
    x = toy_input(b, "x", MLOPS_TYPE_FP32);
    y = mlops_builder_affine(b, 0, &x, 1, MLOPS_BUILDER_NEW, 1, &bias, &w);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP32, &y, 1);
}


static inline void
toy_lin4(mlops_builder_t *b)
{
    double               bias;
    uint32_t             i, x[4], y;
    static const double  w[4] = { 1, 2, 3, 4 };
    static const char   *names[4] = { "a", "b", "c", "d" };

    for (i = 0; i < 4; i++) {
        x[i] = toy_input(b, names[i], MLOPS_TYPE_FP32);
    }

    bias = 0.5;
    y = mlops_builder_affine(b, 0, x, 4, MLOPS_BUILDER_NEW, 1, &bias, w);
    toy_signature(b, x, 4, "prediction", MLOPS_TYPE_FP32, &y, 1);
}


static inline void
toy_logit1(mlops_builder_t *b)
{
    uint32_t  x, y;

    x = toy_input(b, "x", MLOPS_TYPE_FP64);
    y = mlops_builder_unary(b, MLOPS_UNARY_SIGMOID, 0, &x, 1,
                            MLOPS_BUILDER_NEW);
    toy_signature(b, &x, 1, "probability", MLOPS_TYPE_FP64, &y, 1);
}


static inline void
toy_two(mlops_builder_t *b)
{
    double                  one, twice;
    uint32_t                x, y[2];
    mlops_builder_output_t  outputs[2];

    one = 1;
    twice = 2;
    x = toy_input(b, "x", MLOPS_TYPE_FP64);
    y[0] = mlops_builder_binary(b, MLOPS_BINARY_ADD, 0, &x, NULL, &one, 1,
                                MLOPS_BUILDER_NEW);
    y[1] = mlops_builder_binary(b, MLOPS_BINARY_MUL, 0, &x, NULL, &twice, 1,
                                MLOPS_BUILDER_NEW);
    toy_output(&outputs[0], "a", MLOPS_TYPE_FP64, &y[0], 1);
    toy_output(&outputs[1], "b", MLOPS_TYPE_FP64, &y[1], 1);
    (void) mlops_builder_signature(b, "default", &x, 1, outputs, 2);
}


static inline void
toy_class3(mlops_builder_t *b)
{
    double                    zero;
    uint32_t                  i, x[3], z, s, c, scores[3];
    mlops_builder_output_t    outputs[3];
    static const mlops_str_t  labels[3] = {
        mlops_str("low"), mlops_str("mid"), mlops_str("high")
    };

    zero = 0;
    x[0] = toy_input(b, "x", MLOPS_TYPE_FP64);
    x[1] = toy_input(b, "y", MLOPS_TYPE_FP64);
    z = mlops_builder_affine(b, 0, NULL, 0, MLOPS_BUILDER_NEW, 1, &zero,
                             NULL);
    x[2] = z;
    s = mlops_builder_softmax(b, 0, x, 3, MLOPS_BUILDER_NEW);

    for (i = 0; i < 3; i++) {
        scores[i] = s + i;
    }

    c = mlops_builder_argmax(b, scores, 3, MLOPS_BUILDER_NEW);

    toy_output(&outputs[0], "scores", MLOPS_TYPE_FP64, scores, 3);
    toy_output(&outputs[1], "class", MLOPS_TYPE_BYTES, &c, 1);
    toy_output(&outputs[2], "index", MLOPS_TYPE_INT32, &c, 1);

    outputs[0].labels = labels;
    outputs[0].labels_n = 3;
    outputs[1].labels = labels;
    outputs[1].labels_n = 3;

    (void) mlops_builder_signature(b, "default", x, 2, outputs, 3);
}


static inline void
toy_mixed(mlops_builder_t *b)
{
    double                bias, zero;
    uint32_t              in[3], sum[3], y;
    mlops_column_t        column;
    mlops_str_t           colors[3] = {
        mlops_str("red"), mlops_str("green"), mlops_str("blue")
    };
    static const double   values[3] = { 100, 200, 300 };
    static const double   w[3] = { 1, 1, 1 };

    memset(&column, 0, sizeof(column));

    column.name.data = "x";
    column.name.len = 1;
    column.type = MLOPS_TYPE_FP64;
    column.flags = MLOPS_COLUMN_RANGE|MLOPS_COLUMN_DEFAULT;
    column.lo = 0;
    column.hi = 10;
    column.def.f = 5;
    in[0] = mlops_builder_input(b, &column);

    memset(&column, 0, sizeof(column));

    column.name.data = "n";
    column.name.len = 1;
    column.type = MLOPS_TYPE_INT32;
    column.flags = MLOPS_COLUMN_REQUIRED;
    in[1] = mlops_builder_input(b, &column);

    memset(&column, 0, sizeof(column));

    column.name.data = "color";
    column.name.len = 5;
    column.type = MLOPS_TYPE_BYTES;
    column.categories = colors;
    column.categories_n = 3;
    in[2] = mlops_builder_input(b, &column);

    bias = 0;
    zero = 0;
    sum[0] = in[0];
    sum[1] = in[1];
    sum[2] = mlops_builder_map(b, in[2], MLOPS_BUILDER_NEW, 3, 1, colors,
                               NULL, values, &zero, &zero);
    y = mlops_builder_affine(b, 0, sum, 3, MLOPS_BUILDER_NEW, 1, &bias, w);
    toy_signature(b, in, 3, "y", MLOPS_TYPE_FP64, &y, 1);
}


static inline void
toy_poly(mlops_builder_t *b)
{
    double                  bias;
    uint32_t                x[2], y;
    mlops_builder_output_t  output;
    static const double     w[2] = { 2, 3 };

    bias = 1;
    x[0] = toy_input(b, "x", MLOPS_TYPE_FP64);
    x[1] = toy_input(b, "x2", MLOPS_TYPE_FP64);
    y = mlops_builder_affine(b, 0, x, 2, MLOPS_BUILDER_NEW, 1, &bias, w);
    (void) mlops_builder_unary(b, MLOPS_UNARY_SQUARE, 0, x, 1, x[1]);

    toy_output(&output, "y", MLOPS_TYPE_FP64, &y, 1);
    (void) mlops_builder_signature(b, "raw", x, 1, &output, 1);
    (void) mlops_builder_signature(b, "expanded", x, 2, &output, 1);
}


static inline void
toy_tree1(mlops_builder_t *b)
{
    uint32_t             x[2], y, root, group;
    mlops_forest_t       forest;
    mlops_forest_node_t  nodes[5];
    static const double  leaves[3] = { 1, 2, 4 };
    static const double  base = 0.25;

    memset(nodes, 0, sizeof(nodes));
    memset(&forest, 0, sizeof(forest));

    nodes[0].feature = 0;
    nodes[0].threshold = 0.5;
    nodes[0].left = 1;
    nodes[0].right = 4;
    nodes[0].default_left = 1;
    nodes[1].feature = 1;
    nodes[1].threshold = 2;
    nodes[1].left = 2;
    nodes[1].right = 3;
    nodes[2].feature = MLOPS_TREES_LEAF;
    nodes[2].left = 0;
    nodes[3].feature = MLOPS_TREES_LEAF;
    nodes[3].left = 1;
    nodes[4].feature = MLOPS_TREES_LEAF;
    nodes[4].left = 2;

    root = 0;
    group = 0;
    forest.features_n = 2;
    forest.groups_n = 1;
    forest.trees_n = 1;
    forest.nodes_n = 5;
    forest.leaf_size = 1;
    forest.f32 = 1;
    forest.roots = &root;
    forest.group = &group;
    forest.nodes = nodes;
    forest.leaf_values = leaves;
    forest.leaf_values_n = 3;
    forest.base = &base;

    x[0] = toy_input(b, "x", MLOPS_TYPE_FP32);
    x[1] = toy_input(b, "y", MLOPS_TYPE_FP32);
    y = mlops_builder_trees(b, x, MLOPS_BUILDER_NEW, &forest);
    toy_signature(b, x, 2, "prediction", MLOPS_TYPE_FP32, &y, 1);
}


static const toy_t  toys[] = {
    { "ident", toy_ident },
    { "ident64", toy_ident64 },
    { "identu64", toy_identu64 },
    { "ident8", toy_ident8 },
    { "identb", toy_identb },
    { "idents", toy_idents },
    { "half_plus_two", toy_half_plus_two },
    { "lin4", toy_lin4 },
    { "logit1", toy_logit1 },
    { "two", toy_two },
    { "class3", toy_class3 },
    { "mixed", toy_mixed },
    { "poly", toy_poly },
    { "tree1", toy_tree1 }
};

#define TOYS_N  (sizeof(toys) / sizeof(toys[0]))


/* The image of a toy: memory aligned to 64, the caller frees it. */

static inline int
toy_build(const char *name, void **data, size_t *len, mlops_err_t *err)
{
    int               rc;
    size_t            i;
    mlops_builder_t  *b;

    for (i = 0; i < TOYS_N; i++) {
        if (strcmp(toys[i].name, name) == 0) {
            break;
        }
    }

    if (i == TOYS_N) {
        return mlops_err_set(err, "there is no toy \"%s\"", name);
    }

    b = mlops_builder_create();

    if (b == NULL) {
        return mlops_err_set(err, "out of memory");
    }

    toys[i].make(b);
    rc = mlops_builder_finish(b, data, len, err);
    mlops_builder_destroy(b);

    return rc;
}


#endif /* MLOPS_TOYS_H */
