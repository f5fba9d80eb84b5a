/*
 * Models through their interface: the toys' answers, types that pass
 * unharmed, missing values, signatures, batches, histograms.
 */

#include "models.h"
#include "mlops_simd.h"


static void
model_expect(const char *toy, uint32_t signature, const double *x,
    const double *want, uint32_t n)
{
    double        y[8];
    uint32_t      i;
    unit_model_t  m;

    unit_model_toy(&m, toy);
    unit_model_eval(&m, signature, x, y);

    for (i = 0; i < n; i++) {
        unit_ok(unit_same(y[i], want[i]), "%s[%u]: expected %.17g, got %.17g",
                toy, i, want[i], y[i]);
    }

    unit_model_close(&m);
}


static void
test_toys(void **state)
{
    (void) state;

    model_expect("ident", 0, (double[]) { -0.0, NAN },
                 (double[]) { -0.0, NAN }, 2);
    model_expect("half_plus_two", 0, (double[]) { 3 }, (double[]) { 3.5 }, 1);

    /* the iris rows: 6.8 + 5.6 + 14.4 + 5.6 + 0.5 and so on */

    model_expect("lin4", 0, (double[]) { 6.8f, 2.8f, 4.8f, 1.4f },
                 (double[]) { 32.9f }, 1);
    model_expect("lin4", 0, (double[]) { 6.0f, 3.4f, 4.5f, 1.6f },
                 (double[]) { 33.2f }, 1);
    model_expect("logit1", 0, (double[]) { 0 }, (double[]) { 0.5 }, 1);
    model_expect("two", 0, (double[]) { 20 }, (double[]) { 21, 40 }, 2);
    model_expect("poly", 0, (double[]) { 3 }, (double[]) { 34 }, 1);
    model_expect("poly", 1, (double[]) { 3, 10 }, (double[]) { 37 }, 1);

    model_expect("tree1", 0, (double[]) { 0.25, 1 }, (double[]) { 1.25 }, 1);
    model_expect("tree1", 0, (double[]) { 0.25, 2 }, (double[]) { 2.25 }, 1);
    model_expect("tree1", 0, (double[]) { 0.5, 1 }, (double[]) { 4.25 }, 1);
    model_expect("tree1", 0, (double[]) { NAN, 1 }, (double[]) { 1.25 }, 1);
    model_expect("tree1", 0, (double[]) { NAN, NAN }, (double[]) { 2.25 }, 1);
}


/* One column of any type through an identity. */

static void
model_identity(const char *toy, const mlops_cell_t *in, uint32_t n)
{
    uint32_t      i;
    uint64_t      present, missing;
    mlops_cell_t  out;
    unit_model_t  m;

    unit_model_toy(&m, toy);

    for (i = 0; i < n; i++) {
        present = 1;
        out.u = 77;

        mlops_model_eval(m.model, 0, &in[i], &present, "", m.scratch, &out,
                         &missing);

        unit_ok(out.u == in[i].u && missing == 0, "%s: expected %llx, got "
                "%llx", toy, (unsigned long long) in[i].u,
                (unsigned long long) out.u);
    }

    present = 0;
    out.u = 77;
    mlops_model_eval(m.model, 0, &in[0], &present, "", m.scratch, &out,
                     &missing);
    unit_ok(out.u == 0 && missing == 1, "%s: missing", toy);

    unit_model_close(&m);
}


static void
test_identity(void **state)
{
    static const mlops_cell_t  i64[] = {
        { .i = INT64_MAX }, { .i = INT64_MIN }, { .i = 9007199254740993 },
        { .i = -1 }, { .i = 0 }
    };
    static const mlops_cell_t  u64[] = {
        { .u = UINT64_MAX }, { .u = 9007199254740993u }, { .u = 0 }
    };
    static const mlops_cell_t  i8[] = { { .i = 127 }, { .i = -128 } };
    static const mlops_cell_t  b[] = { { .u = 0 }, { .u = 1 } };

    (void) state;

    model_identity("ident64", i64, mlops_nitems(i64));
    model_identity("identu64", u64, mlops_nitems(u64));
    model_identity("ident8", i8, mlops_nitems(i8));
    model_identity("identb", b, mlops_nitems(b));
}


/* A double to each integer type: toward zero, within limits, NaN missing. */

static void
test_integers(void **state)
{
    uint32_t          i, x;
    uint64_t          present, missing;
    mlops_cell_t      in, out;
    unit_model_t      m;
    mlops_builder_t  *b;

    static const struct {
        mlops_type_t  type;
        double        x;
        int64_t       y;
        int           missing;
    } cases[] = {
        { MLOPS_TYPE_INT64, 421779.9, 421779, 0 },
        { MLOPS_TYPE_INT64, -2.9, -2, 0 },
        { MLOPS_TYPE_INT64, 1e300, INT64_MAX, 0 },
        { MLOPS_TYPE_INT64, -1e300, INT64_MIN, 0 },
        { MLOPS_TYPE_INT64, 9223372036854774784.0, 9223372036854774784, 0 },
        { MLOPS_TYPE_INT64, NAN, 0, 1 },
        { MLOPS_TYPE_INT8, 127.9, 127, 0 },
        { MLOPS_TYPE_INT8, 128, 127, 0 },
        { MLOPS_TYPE_INT8, -129, -128, 0 },
        { MLOPS_TYPE_INT32, INFINITY, INT32_MAX, 0 },
        { MLOPS_TYPE_UINT8, 255.5, 255, 0 },
        { MLOPS_TYPE_UINT8, 256, 255, 0 },
        { MLOPS_TYPE_UINT8, -1, 0, 0 },
        { MLOPS_TYPE_UINT64, 1e300, -1, 0 },
        { MLOPS_TYPE_UINT64, 9223372036854775808.0, INT64_MIN, 0 },
        { MLOPS_TYPE_UINT64, NAN, 0, 1 },
        { MLOPS_TYPE_BOOL, 0.25, 1, 0 },
        { MLOPS_TYPE_BOOL, 0, 0, 0 },
        { MLOPS_TYPE_BOOL, NAN, 0, 1 }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        b = mlops_builder_create();
        x = toy_input(b, "x", MLOPS_TYPE_FP64);
        toy_signature(b, &x, 1, "y", cases[i].type, &x, 1);
        unit_model_finish(&m, b);

        in.f = cases[i].x;
        present = !isnan(in.f);
        mlops_model_eval(m.model, 0, &in, &present, "", m.scratch, &out,
                         &missing);

        unit_ok(out.i == cases[i].y && (int) missing == cases[i].missing,
                "%s of %g: expected %lld, got %lld",
                mlops_type_name(cases[i].type), cases[i].x,
                (long long) cases[i].y, (long long) out.i);
        unit_model_close(&m);
    }
}


/* From integer to another type: exact where it fits, else the limit. */

static void
test_integer_to_integer(void **state)
{
    uint32_t          i, x;
    uint64_t          present;
    mlops_cell_t      in, out;
    unit_model_t      m;
    mlops_builder_t  *b;

    static const struct {
        mlops_type_t  from;
        mlops_type_t  to;
        uint64_t      x;
        uint64_t      y;
    } cases[] = {
        { MLOPS_TYPE_INT64, MLOPS_TYPE_INT8, 300, 127 },
        { MLOPS_TYPE_INT64, MLOPS_TYPE_INT8, (uint64_t) -300,
          (uint64_t) -128 },
        { MLOPS_TYPE_INT64, MLOPS_TYPE_UINT64, (uint64_t) -1, 0 },
        { MLOPS_TYPE_INT64, MLOPS_TYPE_UINT8, 256, 255 },
        { MLOPS_TYPE_INT64, MLOPS_TYPE_BOOL, (uint64_t) -5, 1 },
        { MLOPS_TYPE_UINT64, MLOPS_TYPE_INT64, UINT64_MAX, INT64_MAX },
        { MLOPS_TYPE_UINT64, MLOPS_TYPE_UINT16, 65536, 65535 },
        { MLOPS_TYPE_UINT64, MLOPS_TYPE_BOOL, 0, 0 },
        { MLOPS_TYPE_INT8, MLOPS_TYPE_INT64, (uint64_t) -128,
          (uint64_t) -128 }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(cases); i++) {
        b = mlops_builder_create();
        x = toy_input(b, "x", cases[i].from);
        toy_signature(b, &x, 1, "y", cases[i].to, &x, 1);
        unit_model_finish(&m, b);

        in.u = cases[i].x;
        present = 1;
        mlops_model_eval(m.model, 0, &in, &present, "", m.scratch, &out,
                         NULL);

        unit_ok(out.u == cases[i].y, "case %u: expected %llx, got %llx", i,
                (unsigned long long) cases[i].y, (unsigned long long) out.u);
        unit_model_close(&m);
    }
}


static mlops_cell_t
model_text(const char *text, const char *word)
{
    mlops_cell_t  cell;

    cell.s.off = (uint32_t) (strstr(text, word) - text);
    cell.s.len = (uint32_t) strlen(word);

    return cell;
}


/* Strings pass through a batch and labels come out of it; what is missing
 * says so. */

static void
test_strings(void **state)
{
    uint32_t                  i;
    unit_model_t              m;
    mlops_err_t               err;
    mlops_rows_t              rows;
    mlops_arena_t             arena;
    mlops_results_t           results;
    const mlops_signature_t  *face;
    static const char         text[] = "..one..three";
    static const char        *words[3] = { "one", "", "three" };

    (void) state;

    mlops_arena_init(&arena, NULL, NULL);
    unit_model_toy(&m, "idents");
    face = mlops_model_interface(m.model)->signatures;

    assert_int_equal(mlops_rows_alloc(&rows, &face->inputs, 4, &arena, &err),
                     MLOPS_OK);
    rows.text = text;
    rows.cells[0] = model_text(text, "one");
    rows.cells[2] = model_text(text, "three");
    rows.present[0] = 1;
    rows.present[1] = 1;
    rows.present[2] = 1;

    assert_int_equal(mlops_model_predict(m.model, face, &rows, &results,
                                         &arena, &err), MLOPS_OK);
    assert_int_equal(results.n, 4);

    for (i = 0; i < 3; i++) {
        assert_int_equal(results.cells[i].s.len, strlen(words[i]));
        assert_memory_equal(results.text + results.cells[i].s.off, words[i],
                            strlen(words[i]));
        assert_int_equal(results.missing[i], 0);
    }

    assert_int_equal(results.cells[3].s.len, 0);
    assert_int_equal(results.missing[3], 1);

    unit_model_close(&m);
    mlops_arena_destroy(&arena);
}


/* A batch may walk trees with other kernels than a row alone: the answers
 * are those of the rows. */

static void
test_batch(void **state)
{
    double                    x, y, want;
    uint32_t                  i, n;
    unit_model_t              m;
    mlops_err_t               err;
    mlops_rows_t              rows;
    mlops_arena_t             arena;
    mlops_results_t           results;
    const mlops_signature_t  *face;

    (void) state;

    unit_model_toy(&m, "tree1");
    face = mlops_model_interface(m.model)->signatures;

    for (n = 1; n <= 20; n++) {
        mlops_arena_init(&arena, NULL, NULL);

        assert_int_equal(mlops_rows_alloc(&rows, &face->inputs, n, &arena,
                                          &err), MLOPS_OK);

        for (i = 0; i < n; i++) {
            rows.cells[2 * i].f = (i % 3 == 0) ? 0.25 : 0.75;
            rows.cells[2 * i + 1].f = i % 4;
            rows.present[i] = 3;
        }

        assert_int_equal(mlops_model_predict(m.model, face, &rows, &results,
                                             &arena, &err), MLOPS_OK);
        assert_int_equal(results.n, n);

        for (i = 0; i < n; i++) {
            x = rows.cells[2 * i].f;
            y = rows.cells[2 * i + 1].f;
            want = 0.25 + (x < 0.5 ? (y < 2 ? 1 : 2) : 4);

            unit_ok(results.cells[i].f == want,
                    "row %u of %u: expected %g, got %g", i, n, want,
                    results.cells[i].f);
        }

        mlops_arena_destroy(&arena);
    }

    unit_model_close(&m);
}


static void
test_labels(void **state)
{
    uint32_t                  i, k;
    unit_model_t              m;
    mlops_err_t               err;
    mlops_rows_t              rows;
    mlops_arena_t             arena;
    mlops_results_t           results;
    const mlops_signature_t  *face;

    static const struct {
        double       x;
        double       y;
        const char  *label;
        int          index;
    } cases[] = {
        { 1, 0, "low", 0 },
        { 0, 1, "mid", 1 },
        { -1, -2, "high", 2 },
        { 0, 0, "low", 0 },
        { NAN, 0, NULL, 0 }
    };

    (void) state;

    mlops_arena_init(&arena, NULL, NULL);
    unit_model_toy(&m, "class3");
    face = mlops_model_interface(m.model)->signatures;

    assert_int_equal(face->outputs_n, 3);
    assert_int_equal(face->cells_n, 5);
    assert_true(mlops_str_is(&face->outputs[0].labels[1], "mid"));

    assert_int_equal(mlops_rows_alloc(&rows, &face->inputs,
                                      mlops_nitems(cases), &arena, &err),
                     MLOPS_OK);

    for (i = 0; i < rows.n; i++) {
        rows.cells[i * 2].f = cases[i].x;
        rows.cells[i * 2 + 1].f = cases[i].y;
        rows.present[i] = isnan(cases[i].x) ? 2 : 3;
    }

    assert_int_equal(mlops_model_predict(m.model, face, &rows, &results,
                                         &arena, &err), MLOPS_OK);

    for (i = 0; i < rows.n; i++) {
        k = i * 5;

        if (cases[i].label == NULL) {
            assert_true(isnan(results.cells[k].f));
            assert_int_equal(results.missing[i], 0x18);
            assert_int_equal(results.cells[k + 3].u, 0);
            continue;
        }

        assert_int_equal(results.missing[i], 0);
        assert_int_equal(results.cells[k + 3].s.len, strlen(cases[i].label));
        assert_memory_equal(results.text + results.cells[k + 3].s.off,
                            cases[i].label, strlen(cases[i].label));
        assert_int_equal(results.cells[k + 4].i, cases[i].index);
        assert_true(fabs(results.cells[k].f + results.cells[k + 1].f
                         + results.cells[k + 2].f - 1) < 1e-15);
    }

    unit_model_close(&m);
    mlops_arena_destroy(&arena);
}


static void
test_mixed(void **state)
{
    uint32_t               i;
    uint64_t               present;
    mlops_cell_t           in[3], out;
    unit_model_t           m;
    const mlops_column_t  *columns;

    static const struct {
        double       x;
        int          n;
        const char  *color;
        double       y;
    } cases[] = {
        { 1.5, 7, "red", 108.5 },
        { 1.5, -7, "green", 194.5 },
        { 0, 0, "blue", 300 },
        { 0, 0, "black", 0 },
        { 0.25, 3, NULL, 3.25 },
        { NAN, 3, "red", NAN }
    };

    (void) state;

    unit_model_toy(&m, "mixed");
    columns = mlops_model_interface(m.model)->signatures[0].inputs.columns;

    assert_true(mlops_str_is(&columns[0].name, "x"));
    assert_int_equal(columns[0].flags,
                     MLOPS_COLUMN_RANGE|MLOPS_COLUMN_DEFAULT);
    assert_true(columns[0].lo == 0 && columns[0].hi == 10);
    assert_true(columns[0].def.f == 5);
    assert_int_equal(columns[1].type, MLOPS_TYPE_INT32);
    assert_int_equal(columns[1].flags, MLOPS_COLUMN_REQUIRED);
    assert_int_equal(columns[2].categories_n, 3);
    assert_true(mlops_str_is(&columns[2].categories[2], "blue"));

    for (i = 0; i < mlops_nitems(cases); i++) {
        in[0].f = cases[i].x;
        in[1].i = cases[i].n;
        in[2].u = 0;
        present = isnan(cases[i].x) ? 2 : 3;

        if (cases[i].color) {
            in[2].s.len = (uint32_t) strlen(cases[i].color);
            present |= 4;
        }

        mlops_model_eval(m.model, 0, in, &present, cases[i].color, m.scratch,
                         &out, NULL);
        unit_ok(unit_same(out.f, cases[i].y), "case %u: expected %g, got %g",
                i, cases[i].y, out.f);
    }

    unit_model_close(&m);
}


static void
test_about(void **state)
{
    uint32_t      n;
    mlops_str_t   facts;
    unit_model_t  m;

    (void) state;

    unit_model_toy(&m, "tree1");
    assert_string_equal(mlops_model_platform(m.model), "trees");
    assert_int_equal(mlops_model_image(m.model)->file_len, m.len);
    assert_non_null(mlops_model_section(m.model, MLOPS_SECTION_GOLDEN, &n));
    assert_true(n >= 16);
    assert_null(mlops_model_section(m.model, MLOPS_SECTION_HISTOGRAMS, &n));
    facts = mlops_model_facts(m.model);
    assert_true(mlops_str_is(&facts, "{}"));
    unit_model_close(&m);

    unit_model_toy(&m, "lin4");
    assert_string_equal(mlops_model_platform(m.model), "linear");
    unit_model_close(&m);

    unit_model_toy(&m, "poly");
    assert_int_equal(mlops_model_interface(m.model)->n, 2);
    unit_model_close(&m);
}


static void
test_histograms(void **state)
{
    uint32_t               i, x[3];
    unit_model_t           m;
    mlops_builder_t       *b;
    mlops_column_t         column;
    mlops_histogram_t      h;
    mlops_str_t            categories[2] = {
        mlops_str("a"), mlops_str("b")
    };
    static const double    edges[3] = { -1, 0, 2.5 };
    static const double    counts[2] = { 10, 20 };
    static const double    others[3] = { 1, 2, 3 };

    (void) state;

    b = mlops_builder_create();
    x[0] = toy_input(b, "x", MLOPS_TYPE_FP64);
    x[1] = toy_input(b, "y", MLOPS_TYPE_INT32);

    memset(&column, 0, sizeof(column));
    column.name.data = "c";
    column.name.len = 1;
    column.type = MLOPS_TYPE_BYTES;
    column.categories = categories;
    column.categories_n = 2;
    x[2] = mlops_builder_input(b, &column);

    /* the signature turns them around; and they come in no order */

    mlops_builder_histogram(b, x[2], 3, NULL, others, 4, 10);
    mlops_builder_histogram(b, x[0], 2, edges, counts, 5, 35);

    i = x[0];
    x[0] = x[2];
    x[2] = i;
    toy_signature(b, x, 3, "y", MLOPS_TYPE_FP64, &i, 1);
    unit_model_finish(&m, b);

    assert_int_equal(mlops_model_histogram(m.model, 0, 2, &h), MLOPS_OK);
    assert_int_equal(h.bins_n, 2);
    assert_memory_equal(h.edges, edges, sizeof(edges));
    assert_memory_equal(h.counts, counts, sizeof(counts));
    assert_true(h.missing == 5 && h.rows == 35);

    assert_int_equal(mlops_model_histogram(m.model, 0, 0, &h), MLOPS_OK);
    assert_int_equal(h.bins_n, 3);
    assert_null(h.edges);
    assert_memory_equal(h.counts, others, sizeof(others));

    assert_int_equal(mlops_model_histogram(m.model, 0, 1, &h), MLOPS_ERROR);

    unit_model_close(&m);
}


/* Raw inputs compute what another signature takes, through a chain of steps
 * that were added in no useful order. */

static void
test_signatures(void **state)
{
    double                  y, lb, bias;
    uint32_t                kg, year, w, yy, out;
    unit_model_t            m;
    mlops_builder_t        *b;
    mlops_builder_output_t  output;
    static const double     hundred = 100;
    static const double     weights[2] = { 0.5, -2 };

    (void) state;

    b = mlops_builder_create();
    kg = toy_input(b, "weight_kg", MLOPS_TYPE_FP64);
    year = toy_input(b, "year", MLOPS_TYPE_INT64);
    w = toy_input(b, "w", MLOPS_TYPE_FP64);
    yy = toy_input(b, "y", MLOPS_TYPE_FP64);

    bias = 3;
    out = mlops_builder_affine(b, 0, (uint32_t[]) { w, yy }, 2,
                               MLOPS_BUILDER_NEW, 1, &bias, weights);
    (void) mlops_builder_binary(b, MLOPS_BINARY_MOD, 0, &year, NULL, &hundred,
                                1, yy);
    lb = 2;
    (void) mlops_builder_binary(b, MLOPS_BINARY_MUL, 0, &kg, NULL, &lb, 1, w);

    toy_output(&output, "mpg", MLOPS_TYPE_FP64, &out, 1);
    (void) mlops_builder_signature(b, "raw", (uint32_t[]) { kg, year }, 2,
                                   &output, 1);
    (void) mlops_builder_signature(b, "half", (uint32_t[]) { w, year }, 2,
                                   &output, 1);
    (void) mlops_builder_signature(b, "expanded", (uint32_t[]) { yy, w }, 2,
                                   &output, 1);
    unit_model_finish(&m, b);

    unit_model_eval(&m, 2, (double[]) { 71, 10 }, &y);
    assert_true(y == 3 + 5 - 142);

    {
        uint64_t      present = 3;
        mlops_cell_t  in[2], result;

        in[0].f = 5;
        in[1].i = 1971;
        mlops_model_eval(m.model, 0, in, &present, "", m.scratch, &result,
                         NULL);
        assert_true(result.f == 3 + 5 - 142);

        in[0].f = 10;
        mlops_model_eval(m.model, 1, in, &present, "", m.scratch, &result,
                         NULL);
        assert_true(result.f == 3 + 5 - 142);
    }

    unit_model_close(&m);
}


/* All slices give the verdict and the answers of one go. */

static void
test_slices(void **state)
{
    int             rc, calls;
    size_t          i, budget;
    double          x[4], y[5], z[5];
    unit_model_t    m;
    mlops_err_t     err;
    mlops_load_t   *load;
    mlops_model_t  *model, *whole;

    (void) state;

    for (i = 0; i < TOYS_N; i++) {
        unit_model_toy(&m, toys[i].name);

        for (budget = 0; budget <= 4096; budget = budget * 4 + 1) {
            load = mlops_load_create(m.data, m.len, &err);
            assert_non_null(load);

            for (calls = 1; /* void */ ; calls++) {
                rc = mlops_load_step(load, budget, &model, &err);

                if (rc != MLOPS_AGAIN) {
                    break;
                }
            }

            unit_ok(rc == MLOPS_OK, "%s", err.text);

            if (budget <= 64) {
                assert_true(calls > 10);
            }

            if (mlops_model_interface(model)->signatures[0].inputs.columns[0]
                    .kind == MLOPS_CELL_DOUBLE
                && strcmp(toys[i].name, "mixed") != 0)
            {
                x[0] = 0.1;
                x[1] = 2;
                x[2] = NAN;
                x[3] = 4;
                unit_model_eval(&m, 0, x, y);
                whole = m.model;
                m.model = model;
                unit_model_eval(&m, 0, x, z);
                m.model = whole;
                assert_true(unit_same(y[0], z[0]));
            }

            mlops_model_destroy(model);
        }

        /* one that is given up half-way */

        load = mlops_load_create(m.data, m.len, &err);
        (void) mlops_load_step(load, 1000, &model, &err);
        mlops_load_destroy(load);

        unit_model_close(&m);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_toys),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_integer_to_integer),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_batch),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_slices)
    };

    return unit_run(tests);
}
