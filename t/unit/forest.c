/*
 * Forests: what is refused before it is laid out, what comes back from a
 * laid-out form, and that a damaged form is refused or safe to walk.
 */

#include "forests.h"
#include "mlops_simd.h"
#include "mlops_trees_layout.h"


static forest_shape_t
forest_shape(uint32_t features_n, uint32_t trees_n, uint32_t depth)
{
    forest_shape_t  shape;

    memset(&shape, 0, sizeof(shape));

    shape.features_n = features_n;
    shape.groups_n = 1;
    shape.trees_n = trees_n;
    shape.depth = depth;
    shape.stop = 10;
    shape.codes_n = 80;

    return shape;
}


static void
forest_refused(const mlops_forest_t *forest, const char *text)
{
    mlops_err_t  err;

    err.text[0] = '\0';

    assert_int_equal(mlops_forest_check(forest, &err), MLOPS_ERROR);
    unit_ok(strstr(err.text, text) != NULL, "expected \"%s\", got \"%s\"",
            text, err.text);
}


/* Node 0 splits into leaves 1 and 2; broken in one way after the other. */

static void
test_refused(void **state)
{
    double                leaves[2] = { 1, 2 }, base = 0;
    uint32_t              root = 0, group = 0, code = 5;
    mlops_err_t           err;
    mlops_forest_t        good, forest;
    mlops_forest_node_t   nodes[3];

    (void) state;

    memset(&good, 0, sizeof(good));
    memset(nodes, 0, sizeof(nodes));

    good.features_n = 2;
    good.groups_n = 1;
    good.trees_n = 1;
    good.nodes_n = 3;
    good.leaf_size = 1;
    good.f32 = 1;
    good.roots = &root;
    good.group = &group;
    good.nodes = nodes;
    good.leaf_values = leaves;
    good.leaf_values_n = 2;
    good.set_codes = &code;
    good.set_codes_n = 1;
    good.base = &base;

    nodes[0].feature = 1;
    nodes[0].left = 1;
    nodes[0].right = 2;
    nodes[1].feature = MLOPS_TREES_LEAF;
    nodes[2].feature = MLOPS_TREES_LEAF;
    nodes[2].left = 1;

    assert_int_equal(mlops_forest_check(&good, &err), MLOPS_OK);

#define forest_broken(what, old, text)                                        \
    forest = good;                                                            \
    what;                                                                     \
    forest_refused(&forest, text);                                            \
    old;

    forest_broken(forest.features_n = 0, , "features, got 0");
    forest_broken(forest.features_n = 40000, , "features, got 40000");
    forest_broken(forest.groups_n = 0, , "sums, got 0");
    forest_broken(forest.leaf_size = 3, , "leaves of 1 or 1 values, got 3");
    forest_broken(forest.leaf_values_n = 1, , "tree 0, leaf 2");
    forest_broken(forest.leaf_values_n = 0, , "tree 0, leaf 1");
    forest_broken(group = 1, group = 0, "group below 1, got 1");
    forest_broken(root = 3, root = 0, "node number below 3, got 3");
    forest_broken(nodes[0].right = 3, nodes[0].right = 2, "below 3, got 3");
    forest_broken(nodes[0].right = 1, nodes[0].right = 2, "two parents");
    forest_broken(nodes[0].left = 0, nodes[0].left = 1, "two parents");
    forest_broken(nodes[0].feature = 2, nodes[0].feature = 1,
                  "feature below 2, got 2");
    forest_broken(nodes[0].threshold = NAN, nodes[0].threshold = 0, "nan");
    forest_broken(nodes[0].threshold = 0.1, nodes[0].threshold = 0,
                  "float32 threshold");
    forest_broken(nodes[0].threshold = 1e300, nodes[0].threshold = 0,
                  "float32 threshold");
    forest_broken(leaves[1] = 0.1, leaves[1] = 2, "finite float32");
    forest_broken(leaves[1] = INFINITY, leaves[1] = 2, "inf");
    forest_broken(leaves[0] = NAN, leaves[0] = 1, "nan");
    forest_broken(base = NAN, base = 0, "base 0");
    forest_broken(nodes[0].categorical = 1; nodes[0].set_n = 2,
                  nodes[0].set_n = 1, "2 codes at 0 are not among the 1");
    forest_broken(nodes[0].set_first = 2, nodes[0].set_first = 0,
                  "codes at 2");
    forest_broken(code = 16777216, code = 5, "got 16777216");

    assert_int_equal(mlops_forest_check(&good, &err), MLOPS_OK);

    nodes[0].categorical = 0;
    nodes[0].threshold = INFINITY;
    assert_int_equal(mlops_forest_check(&good, &err), MLOPS_OK);
}


/* 512 levels are the most. */

static void
test_too_deep(void **state)
{
    uint64_t         seed;
    mlops_err_t      err;
    forest_shape_t   shape;
    mlops_forest_t   forest;

    (void) state;

    seed = 5;
    shape = forest_shape(3, 2, MLOPS_TREES_MAX_DEPTH);
    shape.chain = 1;
    shape.stop = 0;

    forest_make(&forest, &shape, &seed);
    assert_int_equal(mlops_forest_check(&forest, &err), MLOPS_OK);
    forest_free(&forest);

    shape.depth++;

    forest_make(&forest, &shape, &seed);
    forest_refused(&forest, "deeper than 512");
    forest_free(&forest);
}


/* Bitsets from 0 to the last code: a few far codes would fill the memory. */

static void
test_sparse_sets(void **state)
{
    void            *data;
    size_t           len;
    uint32_t         i, *codes;
    uint64_t         seed;
    mlops_err_t      err;
    forest_shape_t   shape;
    mlops_forest_t   forest;

    (void) state;

    seed = 9;
    shape = forest_shape(3, 20, 6);
    shape.cats = 100;
    shape.stop = 0;

    forest_make(&forest, &shape, &seed);

    codes = (uint32_t *) forest.set_codes;

    for (i = 0; i < forest.set_codes_n; i++) {
        codes[i] = 16777215;
    }

    assert_int_equal(mlops_forest_check(&forest, &err), MLOPS_OK);
    assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                     MLOPS_ERROR);
    assert_non_null(strstr(err.text, "bitsets"));
    assert_null(data);

    forest_free(&forest);
}


static int
forest_set_has(const mlops_forest_t *forest, const mlops_forest_node_t *node,
    uint32_t code)
{
    uint32_t  i;

    for (i = 0; i < node->set_n; i++) {
        if (forest->set_codes[node->set_first + i] == code) {
            return 1;
        }
    }

    return 0;
}


/* The same tree, whatever the numbers of its nodes are. */

static void
forest_same(const mlops_forest_t *a, uint32_t i, const mlops_forest_t *b,
    uint32_t j)
{
    uint32_t                    k;
    const mlops_forest_node_t  *p, *q;

    assert_true(i < a->nodes_n && j < b->nodes_n);

    p = &a->nodes[i];
    q = &b->nodes[j];

    assert_int_equal(p->feature, q->feature);

    if (p->feature == MLOPS_TREES_LEAF) {

        for (k = 0; k < a->leaf_size; k++) {
            assert_true(a->leaf_values[p->left + k]
                        == b->leaf_values[q->left + k]);
        }

        return;
    }

    assert_int_equal(p->default_left, q->default_left);
    assert_int_equal(p->categorical, q->categorical);

    if (p->categorical) {
        for (k = 0; k < p->set_n; k++) {
            assert_true(forest_set_has(b, q,
                                       a->set_codes[p->set_first + k]));
        }

        for (k = 0; k < q->set_n; k++) {
            assert_true(forest_set_has(a, p,
                                       b->set_codes[q->set_first + k]));
        }

    } else {
        assert_true(p->threshold == q->threshold);
    }

    forest_same(a, p->left, b, q->left);
    forest_same(a, p->right, b, q->right);
}


static uint32_t
forest_size(const mlops_forest_t *forest, uint32_t i)
{
    const mlops_forest_node_t  *node;

    node = &forest->nodes[i];

    if (node->feature == MLOPS_TREES_LEAF) {
        return 1;
    }

    return 1 + forest_size(forest, node->left)
           + forest_size(forest, node->right);
}


static void
test_read_back(void **state)
{
    void            *data;
    size_t           len;
    uint32_t         i, t, n;
    uint64_t         seed;
    mlops_err_t      err;
    mlops_arena_t    arena;
    forest_shape_t   shape;
    mlops_forest_t   forest, back;

    (void) state;

    for (i = 0; i < 60; i++) {
        seed = i + 1;

        shape = forest_shape(1 + i * 5, i % 40, i % 13);
        shape.mixed = i % 2;
        shape.f64 = i % 5 == 0;
        shape.cats = i % 3 == 0 ? 20 : 0;
        shape.groups_n = 1 + i % 4;
        shape.vector = i % 7 == 0;

        if (i % 11 == 10) {
            shape.depth = 200;
            shape.chain = 1;
        }

        forest_make(&forest, &shape, &seed);
        mlops_arena_init(&arena, NULL, NULL);

        err.text[0] = '\0';

        assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                         MLOPS_OK);
        unit_ok(mlops_trees_forest(data, &back, &arena, &err) == MLOPS_OK,
                "%s", err.text);

        assert_int_equal(back.features_n, forest.features_n);
        assert_int_equal(back.groups_n, forest.groups_n);
        assert_int_equal(back.trees_n, forest.trees_n);
        assert_int_equal(back.leaf_size, forest.leaf_size);
        assert_int_equal(back.f32, forest.f32);
        assert_int_equal(mlops_forest_check(&back, &err), MLOPS_OK);

        n = 0;

        for (t = 0; t < forest.trees_n; t++) {
            assert_int_equal(back.group[t], forest.group[t]);
            forest_same(&forest, forest.roots[t], &back, back.roots[t]);
            n += forest_size(&forest, forest.roots[t]);
        }

        assert_int_equal(back.nodes_n, n);

        for (t = 0; t < forest.groups_n; t++) {
            assert_true(back.base[t] == forest.base[t]);
        }

        mlops_arena_destroy(&arena);
        free(data);
        forest_free(&forest);
    }
}


/* The same forest gives the same bytes. */

static void
test_bytes(void **state)
{
    int              i;
    void            *one, *two;
    size_t           len, len2;
    uint64_t         seed;
    mlops_err_t      err;
    forest_shape_t   shape;
    mlops_forest_t   forest;

    (void) state;

    for (i = 0; i < 8; i++) {
        seed = 77;
        shape = forest_shape(20, 50, 5 + (uint32_t) i);
        shape.mixed = 1;
        shape.cats = i % 2 ? 10 : 0;

        forest_make(&forest, &shape, &seed);

        assert_int_equal(mlops_trees_build(&forest, &one, &len, &err),
                         MLOPS_OK);
        free(malloc(len / 2));
        assert_int_equal(mlops_trees_build(&forest, &two, &len2, &err),
                         MLOPS_OK);

        assert_int_equal(len, len2);
        assert_memory_equal(one, two, len);

        free(one);
        free(two);
        forest_free(&forest);
    }
}


/* The check in small steps agrees with the check in one. */

static void
test_slices(void **state)
{
    int              rc, steps, i;
    void            *data;
    size_t           len;
    uint64_t         seed, cursor;
    mlops_err_t      err;
    forest_shape_t   shape;
    mlops_forest_t   forest;

    (void) state;

    for (i = 0; i < 4; i++) {
        seed = 3;
        shape = forest_shape(30, 120, i == 0 ? 6 : 11);
        shape.cats = i == 2 ? 10 : 0;
        shape.f64 = i == 3;

        forest_make(&forest, &shape, &seed);
        assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                         MLOPS_OK);

        cursor = 0;
        steps = 0;

        do {
            rc = mlops_trees_check(data, len, forest.features_n,
                                   forest.groups_n, &cursor, 2048, &err);
            steps++;
        } while (rc == MLOPS_AGAIN);

        assert_int_equal(rc, MLOPS_OK);
        unit_ok(steps >= (int) (len / 16384) && steps <= (int) (len / 512),
                "%d steps for %zu bytes", steps, len);

        free(data);
        forest_free(&forest);
    }
}


/* The same bits; of a NaN, which operand it comes from is not fixed. */

static int
forest_equal(const void *one, const void *two, const mlops_forest_t *forest)
{
    double    a, b;
    uint32_t  g;

    for (g = 0; g < forest->groups_n; g++) {
        a = forest->f32 ? ((const float *) one)[g]
                        : ((const double *) one)[g];
        b = forest->f32 ? ((const float *) two)[g]
                        : ((const double *) two)[g];

        if (memcmp(&a, &b, sizeof(a)) != 0 && !(isnan(a) && isnan(b))) {
            return 0;
        }
    }

    return 1;
}


/*
 * A damaged form: refused, or every kernel walks it within its bounds (which
 * AddressSanitizer watches) and all give the same bits.
 */

static int
forest_damaged(const void *data, size_t len, const mlops_forest_t *forest,
    const forest_shape_t *shape)
{
    int              level, row;
    void            *x, *want, *got, *scratch;
    size_t           number;
    uint64_t         state;
    mlops_err_t      err;
    mlops_arena_t    arena;
    mlops_forest_t   back, rows;

    if (forest_check(data, len, forest, &err) != MLOPS_OK) {
        return 0;
    }

    rows = *forest;
    rows.f32 = mlops_trees_f32(data);

    number = rows.f32 ? sizeof(float) : sizeof(double);
    x = forest_memory(mlops_align(forest->features_n, 16) * number);
    want = forest_memory(forest->groups_n * number);
    got = forest_memory(forest->groups_n * number);
    scratch = forest_memory(mlops_trees_scratch(data));

    state = 99;

    for (row = 0; row < 3; row++) {

        forest_row(&rows, shape, &state, row == 1 ? 50 : 0, x);

        mlops_trees_kernel(data, 0)(data, x, want, scratch);

        for (level = 1; level <= mlops_simd_level(); level++) {
            memset(scratch, 0xa5, mlops_trees_scratch(data));
            mlops_trees_kernel(data, level)(data, x, got, scratch);

            unit_ok(forest_equal(got, want, &rows),
                    "%s differs on a damaged form", mlops_simd_name(level));
        }
    }

    mlops_arena_init(&arena, NULL, NULL);

    if (mlops_trees_forest(data, &back, &arena, &err) == MLOPS_OK) {
        (void) mlops_forest_check(&back, &err);
    }

    mlops_arena_destroy(&arena);

    free(x);
    free(want);
    free(got);
    free(scratch);

    return 1;
}


static void
test_damaged(void **state)
{
    char            *copy;
    void            *data;
    size_t           i, k, len, step, walked, refused;
    uint64_t         seed;
    mlops_err_t      err;
    forest_shape_t   shape;
    mlops_forest_t   forest;

    (void) state;

    walked = 0;
    refused = 0;

    for (k = 0; k < 8; k++) {
        seed = k + 1;

        shape = forest_shape(k == 4 ? 140 : 7 + 10 * (uint32_t) k, 18,
                             k % 2 ? 10 : 3);
        shape.stop = 30;
        shape.cats = k == 2 || k == 5 ? 30 : 0;
        shape.f64 = k == 3 || k == 5;
        shape.vector = k == 6;
        shape.groups_n = k >= 6 ? 3 : 1;

        forest_make(&forest, &shape, &seed);
        assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                         MLOPS_OK);

        copy = forest_memory(len);
        step = len / (unit_quick() ? 400 : 4000) + 1;

        for (i = 0; i < len; i += (i < 1024) ? 1 : 1 + seed % step) {
            memcpy(copy, data, len);

            copy[i] ^= (char) (1 << (unit_random(&seed) >> 61));

            if (i % 3 == 0) {
                copy[i] = (char) (i % 2 ? 0xff : 0x7f);
            }

            if (forest_damaged(copy, len, &forest, &shape)) {
                walked++;

            } else {
                refused++;
            }
        }

        free(copy);
        free(data);
        forest_free(&forest);
    }

    unit_note("%zu damaged forms refused, %zu walked", refused, walked);

    assert_true(refused > 100 && walked > 100);
}


/* Counts that make a small form walk long: a depth that its nodes cannot
 * have, trees without blocks. */

static void
test_claims(void **state)
{
    void                 *data;
    size_t                len;
    uint64_t              seed;
    mlops_err_t           err;
    forest_shape_t        shape;
    mlops_forest_t        forest;
    mlops_trees_head_t   *head;
    mlops_trees_block_t  *block;

    (void) state;

    seed = 5;
    shape = forest_shape(12, 16, 5);
    shape.stop = 30;
    shape.f64 = 1;

    forest_make(&forest, &shape, &seed);
    assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                     MLOPS_OK);
    assert_int_equal(forest_check(data, len, &forest, &err), MLOPS_OK);

    head = data;
    block = (mlops_trees_block_t *) ((char *) data + head->blocks_at);

    block->depth = (uint16_t) ((block->nodes_n - 16) / 2 + 1);
    unit_ok(block->depth <= MLOPS_TREES_MAX_DEPTH, "%u nodes",
            block->nodes_n);
    assert_int_equal(forest_check(data, len, &forest, &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "do not agree"));

    free(data);
    forest_free(&forest);

    /* no block at all, and 16 trees: nothing stands behind the head's lists */

    shape = forest_shape(12, 0, 3);
    forest_make(&forest, &shape, &seed);
    assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                     MLOPS_OK);
    assert_int_equal(forest_check(data, len, &forest, &err), MLOPS_OK);

    head = data;
    head->trees_n = 16;
    head->flags &= (uint16_t) ~MLOPS_TREES_ORDERED;
    assert_int_equal(forest_check(data, len, &forest, &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "expected 1 blocks, got 0"));

    free(data);
    forest_free(&forest);
}


static void
test_truncated(void **state)
{
    void            *data;
    size_t           len, n;
    uint64_t         seed;
    mlops_err_t      err;
    forest_shape_t   shape;
    mlops_forest_t   forest;

    (void) state;

    seed = 4;
    shape = forest_shape(12, 20, 4);

    forest_make(&forest, &shape, &seed);
    assert_int_equal(mlops_trees_build(&forest, &data, &len, &err),
                     MLOPS_OK);

    for (n = 0; n < len; n++) {
        assert_int_equal(forest_check(data, n, &forest, &err), MLOPS_ERROR);

        /* and with the length put right */

        if (n >= 128) {
            memcpy((char *) data + 8, &n, sizeof(n));
            assert_int_equal(forest_check(data, n, &forest, &err),
                             MLOPS_ERROR);
            memcpy((char *) data + 8, &len, sizeof(len));
        }
    }

    forest.features_n++;
    assert_int_equal(forest_check(data, len, &forest, &err), MLOPS_ERROR);
    forest.features_n--;

    forest.groups_n++;
    assert_int_equal(forest_check(data, len, &forest, &err), MLOPS_ERROR);
    forest.groups_n--;

    assert_int_equal(forest_check(data, len, &forest, &err), MLOPS_OK);

    free(data);
    forest_free(&forest);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_sparse_sets),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_slices),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_truncated)
    };

    return unit_run(tests);
}
