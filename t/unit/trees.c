/*
 * Tree kernels: every variant gives the bits of the reference walk, on
 * forests of every shape.
 */

#include "forests.h"
#include "mlops_simd.h"


/* Rows with few, many and only missing values. */
static const uint32_t  trees_missing[] = { 0, 0, 0, 5, 40, 100 };


static void
trees_compare(const forest_shape_t *shape, uint64_t seed, int rows)
{
    int              level, row;
    void            *data, *x, *scratch, *want, *got;
    size_t           len, number, size;
    uint64_t         state;
    mlops_err_t      err;
    mlops_forest_t   forest;

    state = seed * 2 + 1;

    forest_make(&forest, shape, &state);

    err.text[0] = '\0';

    unit_ok(mlops_forest_check(&forest, &err) == MLOPS_OK, "%s", err.text);
    unit_ok(mlops_trees_build(&forest, &data, &len, &err) == MLOPS_OK, "%s",
            err.text);
    unit_ok(forest_check(data, len, &forest, &err) == MLOPS_OK, "%s",
            err.text);

    assert_int_equal(mlops_trees_f32(data), forest.f32);

    number = forest.f32 ? sizeof(float) : sizeof(double);
    size = mlops_trees_scratch(data);

    x = forest_memory(mlops_align(forest.features_n, 16) * number);
    want = forest_memory(forest.groups_n * number);

    for (level = MLOPS_SIMD_PORTABLE; level <= mlops_simd_level(); level++) {
        got = forest_memory(forest.groups_n * number);
        scratch = forest_memory(size);

        for (row = 0; row < rows; row++) {
            memset(x, 0xff, mlops_align(forest.features_n, 16) * number);

            state = seed * 1000 + (uint64_t) row + 1;

            forest_row(&forest, shape, &state,
                       trees_missing[row % mlops_nitems(trees_missing)], x);
            forest_sums(&forest, x, want);

            memset(scratch, 0xff, size);
            memset(got, 0xff, forest.groups_n * number);

            mlops_trees_kernel(data, level)(data, x, got, scratch);

            unit_ok(memcmp(got, want, forest.groups_n * number) == 0,
                    "%s, seed %llu, row %d: %u features, %u groups, %u "
                    "trees, depth %u, stop %u, cats %u%s%s%s%s",
                    mlops_simd_name(level), (unsigned long long) seed, row,
                    shape->features_n, shape->groups_n, shape->trees_n,
                    shape->depth, shape->stop, shape->cats,
                    shape->chain ? ", chain" : "", shape->f64 ? ", f64" : "",
                    shape->vector ? ", vector" : "",
                    shape->mixed ? ", mixed" : "");
        }

        free(got);
        free(scratch);
    }

    free(data);
    free(x);
    free(want);
    forest_free(&forest);
}


static void
test_depths(void **state)
{
    uint32_t        depth, f;
    forest_shape_t  shape;

    (void) state;

    static const uint32_t  features[] = {
        1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129,
        200
    };

    for (depth = 0; depth <= 12; depth++) {
        for (f = 0; f < mlops_nitems(features); f++) {

            if (depth > 9 && f % 4 != depth % 4) {
                continue;
            }

            memset(&shape, 0, sizeof(shape));
            shape.features_n = features[f];
            shape.groups_n = 1;
            shape.trees_n = depth > 9 ? 17 : 37;
            shape.depth = depth;
            shape.stop = 5;

            trees_compare(&shape, depth * 100 + f, 18);
        }
    }
}


static void
test_uneven(void **state)
{
    uint32_t        i;
    forest_shape_t  shape;

    (void) state;

    for (i = 0; i < 60; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.features_n = 1 + i * 7 % 150;
        shape.groups_n = 1;
        shape.trees_n = 1 + i * 5 % 50;
        shape.depth = 9 + i % 6;
        shape.stop = 15 + i % 30;
        shape.mixed = i % 3 == 0;

        trees_compare(&shape, 7000 + i, 18);
    }
}


static void
test_chains(void **state)
{
    forest_shape_t  shape;

    (void) state;

    memset(&shape, 0, sizeof(shape));
    shape.features_n = 20;
    shape.groups_n = 1;
    shape.trees_n = 20;
    shape.depth = MLOPS_TREES_MAX_DEPTH;
    shape.chain = 1;

    trees_compare(&shape, 1, 12);

    shape.f64 = 1;
    trees_compare(&shape, 2, 12);
}


/* Trees that a form with 16-bit children cannot number. */

static void
test_large(void **state)
{
    forest_shape_t  shape;

    (void) state;

    memset(&shape, 0, sizeof(shape));
    shape.features_n = 30;
    shape.groups_n = 2;
    shape.trees_n = 20;
    shape.depth = 14;
    shape.mixed = 1;

    trees_compare(&shape, 3, 18);

    shape.features_n = 300;
    trees_compare(&shape, 4, 18);
}


static void
test_groups(void **state)
{
    uint32_t        i;
    forest_shape_t  shape;

    (void) state;

    for (i = 0; i < 40; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.features_n = 5 + i;
        shape.groups_n = 1 + i % 11;
        shape.trees_n = i * 7 % 90;
        shape.depth = i % 10;
        shape.stop = 10;
        shape.mixed = i % 2;
        shape.f64 = i % 5 == 0;
        shape.cats = i % 4 == 0 ? 10 : 0;
        shape.codes_n = 90;

        trees_compare(&shape, 9000 + i, 18);
    }
}


static void
test_vectors(void **state)
{
    uint32_t        i;
    forest_shape_t  shape;

    (void) state;

    for (i = 0; i < 24; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.features_n = 3 + 9 * i;
        shape.groups_n = 2 + i % 6;
        shape.trees_n = i * 3;
        shape.depth = i % 11;
        shape.stop = 10;
        shape.vector = 1;
        shape.f64 = i % 3 == 0;
        shape.cats = i % 4 == 0 ? 30 : 0;
        shape.codes_n = 40;

        trees_compare(&shape, 11000 + i, 18);
    }
}


static void
test_categories(void **state)
{
    uint32_t        i;
    forest_shape_t  shape;

    static const uint32_t  codes[] = { 2, 31, 32, 64, 70, 300, 5000 };

    (void) state;

    for (i = 0; i < 42; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.features_n = 1 + i * 3;
        shape.groups_n = 1 + i % 2;
        shape.trees_n = 40;
        shape.depth = 1 + i % 8;
        shape.stop = 10;
        shape.cats = i % 3 == 0 ? 2 : i % 3 == 1 ? 40 : 100;
        shape.codes_n = codes[i % mlops_nitems(codes)];
        shape.f64 = i % 7 == 0;

        trees_compare(&shape, 12000 + i, 30);
    }
}


static void
test_doubles(void **state)
{
    uint32_t        i;
    forest_shape_t  shape;

    (void) state;

    for (i = 0; i < 26; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.features_n = 1 + i * 8;
        shape.groups_n = 1;
        shape.trees_n = 33;
        shape.depth = i / 2;
        shape.stop = 5;
        shape.f64 = 1;

        trees_compare(&shape, 14000 + i, 18);
    }
}


/* Slots out of tree order: trees of one leaf beside deep ones. */

static void
test_shuffled(void **state)
{
    uint32_t        i;
    forest_shape_t  shape;

    (void) state;

    for (i = 0; i < 20; i++) {
        memset(&shape, 0, sizeof(shape));
        shape.features_n = 10;
        shape.groups_n = 1 + i % 3;
        shape.trees_n = 100 + i;
        shape.depth = 6 + i % 8;
        shape.stop = 40;
        shape.mixed = 1;

        trees_compare(&shape, 16000 + i, 18);
    }
}


/*
 * By hand: a missing value where the threshold is -inf, +inf where it is
 * +inf, and -0 against +0.
 */

static void
test_edges(void **state)
{
    int                   level;
    float                 sum;
    void                 *data, *scratch;
    float                *x;
    size_t                i, len;
    mlops_err_t           err;
    mlops_forest_t        forest;
    mlops_forest_node_t   nodes[3];

    static const uint32_t  root = 0, group = 0;
    static const double    leaves[] = { 1.0, 2.0 }, base = 0.0;

    static const struct {
        float              x;
        float              threshold;
        int                default_left;
        float              sum;
    } cases[] = {
        { NAN, -INFINITY, 1, 1 },
        { NAN, -INFINITY, 0, 2 },
        { NAN, INFINITY, 1, 1 },
        { NAN, INFINITY, 0, 2 },
        { -INFINITY, -INFINITY, 1, 2 },
        { -INFINITY, -3.4028234663852886e38f, 0, 1 },
        { INFINITY, INFINITY, 1, 2 },
        { 3.4028234663852886e38f, INFINITY, 0, 1 },
        { -0.0f, 0.0f, 1, 2 },
        { 0.0f, -0.0f, 0, 2 },
        { -1e-45f, -0.0f, 0, 1 },
        { 0.0f, 1e-45f, 0, 1 },
        { 1e-45f, 1e-45f, 1, 2 }
    };

    (void) state;

    memset(&forest, 0, sizeof(forest));
    memset(nodes, 0, sizeof(nodes));

    forest.features_n = 1;
    forest.groups_n = 1;
    forest.trees_n = 1;
    forest.nodes_n = 3;
    forest.leaf_size = 1;
    forest.f32 = 1;
    forest.roots = &root;
    forest.group = &group;
    forest.nodes = nodes;
    forest.leaf_values = leaves;
    forest.leaf_values_n = 2;
    forest.base = &base;

    nodes[0].left = 1;
    nodes[0].right = 2;
    nodes[1].feature = MLOPS_TREES_LEAF;
    nodes[1].left = 0;
    nodes[2].feature = MLOPS_TREES_LEAF;
    nodes[2].left = 1;

    x = forest_memory(64);

    for (i = 0; i < mlops_nitems(cases); i++) {
        nodes[0].threshold = cases[i].threshold;
        nodes[0].default_left = (uint8_t) cases[i].default_left;
        x[0] = cases[i].x;

        assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                         MLOPS_OK);
        scratch = forest_memory(mlops_trees_scratch(data));

        for (level = 0; level <= mlops_simd_level(); level++) {
            mlops_trees_kernel(data, level)(data, x, &sum, scratch);

            unit_ok(sum == cases[i].sum, "case %zu, %s: got %g", i,
                    mlops_simd_name(level), sum);
        }

        free(data);
        free(scratch);
    }

    free(x);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_depths),
        cmocka_unit_test(test_uneven),
        cmocka_unit_test(test_chains),
        cmocka_unit_test(test_large),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_shuffled),
        cmocka_unit_test(test_edges)
    };

    return unit_run(tests);
}
