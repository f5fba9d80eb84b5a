/*
 * The builder: the same calls give the same bytes, mistakes get a sentence,
 * golden rows are kept and believed over the program.
 */

#include "models.h"


static void
test_determinism(void **state)
{
    void         *a, *b;
    size_t        i, a_len, b_len;
    mlops_err_t   err;

    (void) state;

    for (i = 0; i < TOYS_N; i++) {
        assert_int_equal(toy_build(toys[i].name, &a, &a_len, &err), MLOPS_OK);
        assert_int_equal(toy_build(toys[i].name, &b, &b_len, &err), MLOPS_OK);
        assert_int_equal(a_len, b_len);
        assert_memory_equal(a, b, a_len);
        assert_int_equal(a_len % 64, 0);
        free(a);
        free(b);
    }
}


/* Finishing fails with a text that holds part. */

static void
build_refused(mlops_builder_t *b, const char *part)
{
    void         *data;
    size_t        len;
    mlops_err_t   err;

    err.text[0] = '\0';

    unit_ok(mlops_builder_finish(b, &data, &len, &err) == MLOPS_ERROR,
            "expected an error with \"%s\"", part);
    unit_ok(strstr(err.text, part) != NULL, "expected \"%s\", got \"%s\"",
            part, err.text);

    mlops_builder_destroy(b);
}


static mlops_builder_t *
build_begin(uint32_t *x)
{
    mlops_builder_t  *b;

    b = mlops_builder_create();
    *x = toy_input(b, "x", MLOPS_TYPE_FP64);

    return b;
}


static void
test_mistakes(void **state)
{
    double                  one, bad;
    uint32_t                x, y, in[2];
    mlops_builder_t        *b;
    mlops_builder_output_t  output;

    (void) state;

    one = 1;
    bad = NAN;

    build_refused(mlops_builder_create(), "signature");

    b = build_begin(&x);
    build_refused(b, "at least one signature");

    /* the first error is the one that is told */

    b = build_begin(&x);
    y = mlops_builder_affine(b, 0, &x, 1, MLOPS_BUILDER_NEW, 1, &one, &one);
    assert_int_equal(toy_input(b, "late", MLOPS_TYPE_FP64),
                     MLOPS_BUILDER_ERROR);
    toy_signature(b, &y, 7, "y", MLOPS_TYPE_FP64, &y, 1);
    build_refused(b, "\"late\": inputs come before all steps");

    b = build_begin(&x);
    in[0] = 99;
    (void) mlops_builder_unary(b, MLOPS_UNARY_ABS, 0, in, 1,
                               MLOPS_BUILDER_NEW);
    build_refused(b, "expected a cell below 1, got 99");

    b = build_begin(&x);
    y = mlops_builder_affine(b, 0, &x, 1, MLOPS_BUILDER_NEW, 1, &one, &bad);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &y, 1);
    build_refused(b, "weight[0]: expected a finite number, got nan");

    b = build_begin(&x);
    (void) toy_input(b, "x", MLOPS_TYPE_FP64);
    in[0] = 0;
    in[1] = 1;
    toy_signature(b, in, 2, "y", MLOPS_TYPE_FP64, &x, 1);
    build_refused(b, "x");

    b = mlops_builder_create();
    (void) toy_input(b, "", MLOPS_TYPE_FP64);
    build_refused(b, "name of 1 to 128 bytes");

    b = mlops_builder_create();
    (void) toy_input(b, "a\xff", MLOPS_TYPE_FP64);
    build_refused(b, "UTF-8");

    /* a cell that nobody provides */

    b = build_begin(&x);
    y = toy_input(b, "z", MLOPS_TYPE_FP64);
    y = mlops_builder_unary(b, MLOPS_UNARY_ABS, 0, &y, 1, MLOPS_BUILDER_NEW);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &y, 1);
    build_refused(b, "(\"z\") is neither an input of it nor computed");

    /* two steps for one cell; a step that needs itself */

    b = build_begin(&x);
    y = toy_input(b, "z", MLOPS_TYPE_FP64);
    (void) mlops_builder_unary(b, MLOPS_UNARY_ABS, 0, &x, 1, y);
    (void) mlops_builder_unary(b, MLOPS_UNARY_NEG, 0, &x, 1, y);
    build_refused(b, "step 0 computes cell 1 already");

    b = build_begin(&x);
    y = toy_input(b, "z", MLOPS_TYPE_FP64);
    (void) mlops_builder_unary(b, MLOPS_UNARY_ABS, 0, &y, 1, y);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &y, 1);
    build_refused(b, "depends on itself");

    /* kinds of values */

    b = mlops_builder_create();
    x = toy_input(b, "s", MLOPS_TYPE_BYTES);
    y = mlops_builder_unary(b, MLOPS_UNARY_ABS, 0, &x, 1, MLOPS_BUILDER_NEW);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &y, 1);
    build_refused(b, "expected a number, got a string");

    b = build_begin(&x);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_BYTES, &x, 1);
    build_refused(b, "labels for type BYTES");

    b = build_begin(&x);
    toy_output(&output, "y", MLOPS_TYPE_FP64, &x, 1);
    (void) mlops_builder_signature(b, "a", &x, 1, &output, 1);
    (void) mlops_builder_signature(b, "a", &x, 1, &output, 1);
    build_refused(b, "\"a\" is there already");

    b = build_begin(&x);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &x, 1);
    mlops_builder_facts(b, "[1]", 3);
    build_refused(b, "JSON object");

    b = build_begin(&x);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &x, 1);
    mlops_builder_facts(b, "{\"a\":}", 6);
    build_refused(b, "JSON object");
}


static void
build_golden(mlops_builder_t *b, double x, double y)
{
    uint64_t      present;
    mlops_cell_t  in, out;

    in.f = x;
    out.f = y;
    present = !isnan(x);
    mlops_builder_golden(b, 0, &in, &present, NULL, &out, NULL);
}


static mlops_builder_t *
build_half(void)
{
    double            bias, w;
    uint32_t          x, y;
    mlops_builder_t  *b;

    bias = 2;
    w = 0.5;
    b = build_begin(&x);
    y = mlops_builder_affine(b, 0, &x, 1, MLOPS_BUILDER_NEW, 1, &bias, &w);
    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &y, 1);

    return b;
}


static void
test_golden(void **state)
{
    unit_model_t      m;
    mlops_builder_t  *b;

    (void) state;

    b = build_half();
    build_golden(b, 3, 3.5);
    build_golden(b, NAN, NAN);
    build_golden(b, 1e308, 5e307);
    unit_model_finish(&m, b);
    unit_model_close(&m);

    b = build_half();
    build_golden(b, 3, 3.5);
    build_golden(b, 3, nextafter(3.5, 4));
    build_refused(b, "golden row 1: output \"y\", element 0: expected "
                  "3.500000000000000");

    b = build_half();
    build_golden(b, 3, NAN);
    build_refused(b, "golden row 0");

    /* tolerances: one of the two is enough */

    b = build_half();
    mlops_builder_tolerance(b, 0.1, 0);
    build_golden(b, 3, 3.59);
    unit_model_finish(&m, b);
    unit_model_close(&m);

    b = build_half();
    mlops_builder_tolerance(b, 0.1, 0);
    build_golden(b, 3, 3.61);
    build_refused(b, "golden row 0");

    b = build_half();
    mlops_builder_tolerance(b, 0, 1e-3);
    build_golden(b, 3, 3.5034);
    unit_model_finish(&m, b);
    unit_model_close(&m);

    b = build_half();
    mlops_builder_tolerance(b, 0, 1e-3);
    build_golden(b, 3, 3.5036);
    build_refused(b, "golden row 0");

    b = build_half();
    mlops_builder_tolerance(b, 0, 1e-3);
    build_golden(b, 3, INFINITY);
    build_refused(b, "golden row 0");
}


static void
test_golden_strings(void **state)
{
    uint64_t             present;
    const char          *text, *labels;
    unit_model_t         m;
    mlops_cell_t         in[2], out[5];
    mlops_builder_t     *b;

    (void) state;

    text = "one\xc3\xa4";
    present = 1;

    b = mlops_builder_create();
    toys[5].make(b);                    /* idents */
    in[0].s.off = 0;
    in[0].s.len = 5;
    mlops_builder_golden(b, 0, in, &present, text, in, text);
    unit_model_finish(&m, b);
    unit_model_close(&m);

    b = mlops_builder_create();
    toys[5].make(b);
    out[0].s.off = 0;
    out[0].s.len = 3;
    mlops_builder_golden(b, 0, in, &present, text, out, text);
    build_refused(b, "golden row 0: output \"y\", element 0: expected "
                  "\"one\", got \"one\xc3\xa4\"");

    /* class3 of (5, 0): label low */

    b = mlops_builder_create();
    toys[10].make(b);
    in[0].f = 5;
    in[1].f = 0;
    present = 3;
    labels = "midlow";
    out[0].f = 0.98670329104003206;     /* e^5 / (e^5 + 2) */
    out[1].f = 0.006648354479983971;
    out[2].f = 0.006648354479983971;
    out[3].s.off = 3;
    out[3].s.len = 3;
    out[4].i = 0;
    mlops_builder_golden(b, 0, in, &present, NULL, out, labels);
    unit_model_finish(&m, b);
    unit_model_close(&m);

    b = mlops_builder_create();
    toys[10].make(b);
    out[3].s.off = 0;
    mlops_builder_golden(b, 0, in, &present, NULL, out, labels);
    build_refused(b, "expected \"mid\", got \"low\"");
}


/* Its own rows hold missing values, each category and an unknown one, and a
 * tree's threshold with its neighbours. */

static void
test_own_rows(void **state)
{
    uint32_t                     i, n, missing, below, at, above;
    uint32_t                     colors[4];
    const char                  *p, *text;
    unit_model_t                 m;
    const uint64_t              *present;
    const mlops_cell_t          *in;

    (void) state;

    unit_model_toy(&m, "tree1");
    p = mlops_model_section(m.model, MLOPS_SECTION_GOLDEN, &n);
    p += sizeof(mlops_image_golden_t) + n * sizeof(uint64_t);
    missing = below = at = above = 0;

    for (i = 0; i < n; i++) {
        in = (const mlops_cell_t *) p;
        present = (const uint64_t *) (in + 2);
        p += 4 * sizeof(mlops_cell_t);

        missing += (*present == 0);
        at += (in[0].f == 0.5);
        below += (in[0].f == nextafterf(0.5f, 0));
        above += (in[0].f == nextafterf(0.5f, 1));
    }

    assert_true(missing > 0 && at > 0 && below > 0 && above > 0);
    unit_model_close(&m);

    unit_model_toy(&m, "mixed");
    text = mlops_model_section(m.model, MLOPS_SECTION_TEXT, &n);
    p = mlops_model_section(m.model, MLOPS_SECTION_GOLDEN, &n);
    p += sizeof(mlops_image_golden_t) + n * sizeof(uint64_t);
    memset(colors, 0, sizeof(colors));

    for (i = 0; i < n; i++) {
        in = (const mlops_cell_t *) p;
        present = (const uint64_t *) (in + 3);
        p += 5 * sizeof(mlops_cell_t);

        if (*present & 4) {
            colors[memcmp(text + in[2].s.off, "red", 3) == 0 ? 0
                   : memcmp(text + in[2].s.off, "gre", 3) == 0 ? 1
                   : memcmp(text + in[2].s.off, "blu", 3) == 0 ? 2 : 3]++;
        }
    }

    for (i = 0; i < 4; i++) {
        unit_ok(colors[i] > 0, "category %u", i);
    }

    unit_model_close(&m);
}


/* What depends on the C library is not asked for to the last bit. */

static void
test_tolerance(void **state)
{
    uint32_t                     n;
    unit_model_t                 m;
    const mlops_image_golden_t  *golden;

    (void) state;

    unit_model_toy(&m, "logit1");
    golden = mlops_model_section(m.model, MLOPS_SECTION_GOLDEN, &n);
    assert_true(golden->tol_rel == 1e-9);
    unit_model_close(&m);

    unit_model_toy(&m, "tree1");
    golden = mlops_model_section(m.model, MLOPS_SECTION_GOLDEN, &n);
    assert_true(golden->tol_rel == 0 && golden->tol_abs == 0);
    unit_model_close(&m);
}


/* Many steps in a chain: no recursion, no quadratic work. */

static void
test_long_chain(void **state)
{
    double            one, y;
    uint32_t          i, x, cell;
    unit_model_t      m;
    mlops_builder_t  *b;

    (void) state;

    one = 1;
    b = build_begin(&x);
    cell = x;

    for (i = 0; i < 60000; i++) {
        cell = mlops_builder_binary(b, MLOPS_BINARY_ADD, 0, &cell, NULL,
                                    &one, 1, MLOPS_BUILDER_NEW);
    }

    toy_signature(b, &x, 1, "y", MLOPS_TYPE_FP64, &cell, 1);
    unit_model_finish(&m, b);
    y = 5;
    unit_model_eval(&m, 0, &y, &y);
    assert_true(y == 60005);
    unit_model_close(&m);
}


static void
test_many_inputs(void **state)
{
    char              name[16];
    double            bias, *w, *row, y;
    uint32_t          i, *x, cell, n;
    unit_model_t      m;
    mlops_builder_t  *b;

    (void) state;

    n = 20000;
    x = calloc(n, sizeof(*x));
    w = calloc(n, sizeof(*w));
    row = calloc(n, sizeof(*row));
    b = mlops_builder_create();

    for (i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "column%u", i);
        x[i] = toy_input(b, name, MLOPS_TYPE_FP32);
        w[i] = i;
        row[i] = 1;
    }

    bias = 0;
    cell = mlops_builder_affine(b, 0, x, n, MLOPS_BUILDER_NEW, 1, &bias, w);
    toy_signature(b, x, n, "y", MLOPS_TYPE_FP64, &cell, 1);
    unit_model_finish(&m, b);
    unit_model_eval(&m, 0, row, &y);
    assert_true(y == (double) n * (n - 1) / 2);
    unit_model_close(&m);

    free(x);
    free(w);
    free(row);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_determinism),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_golden_strings),
        cmocka_unit_test(test_own_rows),
        cmocka_unit_test(test_tolerance),
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_many_inputs)
    };

    return unit_run(tests);
}
