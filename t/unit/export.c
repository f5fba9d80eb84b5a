/*
 * Exports: images of all kinds become recipes and XGBoost's JSON, and come
 * back with the same answers: those that the libraries themselves gave for
 * the fixtures, those of the image for random rows, and sums by hand.
 */

#include "importing.h"
#include "toys.h"
#include "mlops_export.h"

#include <dirent.h>


#define ROWS  200


static const char *const  xgboosts[] = {
    "aft", "categorical", "cox", "dart", "dart_softprob", "forest", "gamma",
    "hinge", "leafwise", "logistic_missing", "logitraw", "poisson", "pruned",
    "softmax", "softprob", "squarederror", "stopped", "stopped_softprob",
    "tweedie", "two_targets"
};


static uint64_t
next(uint64_t *state)
{
    uint64_t  z;

    z = (*state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;

    return z ^ (z >> 31);
}


static void
to_recipe(const unit_model_t *from, unit_model_t *to, char **text)
{
    int          rc;
    size_t       len;
    mlops_err_t  err;

    rc = mlops_export_recipe(from->model, text, &len, NULL, &err);
    unit_ok(rc == MLOPS_OK, "%s", err.text);
    assert_int_equal(strlen(*text), len);

    unit_import_text(to, *text, NULL);
}


static void
to_xgboost(const unit_model_t *from, const mlops_export_options_t *options,
    unit_model_t *to, char **text)
{
    int          rc;
    size_t       len;
    mlops_err_t  err;

    rc = mlops_export_xgboost(from->model, options, text, &len, NULL, &err);
    unit_ok(rc == MLOPS_OK, "%s", err.text);

    unit_import_text(to, *text, NULL);
}


/* Do both give the same bits for random rows of all signatures? */

static void
same(const char *name, const unit_model_t *a, const unit_model_t *b)
{
    char                      text[8];
    void                     *scratch[2];
    uint32_t                  s, i, k, row;
    uint64_t                  seed, bits, present[16], missing[2][16];
    mlops_cell_t              cells[1024], out[2][1024];
    const mlops_column_t     *column;
    const mlops_output_t     *o;
    const mlops_interface_t  *face, *other;

    face = mlops_model_interface(a->model);
    other = mlops_model_interface(b->model);
    assert_int_equal(face->n, other->n);

    scratch[0] = aligned_alloc(64, mlops_align(
                     mlops_model_scratch_size(a->model) + 1, 64));
    scratch[1] = aligned_alloc(64, mlops_align(
                     mlops_model_scratch_size(b->model) + 1, 64));

    seed = 7;
    memcpy(text, "redgreen", 8);

    for (s = 0; s < face->n; s++) {
        assert_true(mlops_schema_alike(&face->signatures[s].inputs,
                                       &other->signatures[s].inputs));
        assert_int_equal(face->signatures[s].cells_n,
                         other->signatures[s].cells_n);
        assert_true(face->signatures[s].inputs.n <= 1024
                    && face->signatures[s].cells_n <= 1024);

        for (row = 0; row < ROWS; row++) {
            memset(present, 0, sizeof(present));
            memset(out, 0, sizeof(out));
            memset(missing, 0, sizeof(missing));

            for (i = 0; i < face->signatures[s].inputs.n; i++) {
                column = &face->signatures[s].inputs.columns[i];
                bits = next(&seed);
                cells[i].u = 0;

                if (bits % 8 == 0) {

                    if (column->kind == MLOPS_CELL_DOUBLE) {
                        cells[i].f = NAN;
                    }

                    continue;
                }

                mlops_bit_set(present, i);

                if (column->kind == MLOPS_CELL_STRING) {
                    cells[i].s.off = (bits & 16) ? 0 : 3;
                    cells[i].s.len = (bits & 16) ? 3 : 5;

                } else if (column->kind == MLOPS_CELL_DOUBLE) {
                    cells[i].f = (double) (float) ((double) (bits >> 40)
                                                   / (1 << 21) - 4);

                } else {
                    cells[i].u = (bits >> 32) % 2;
                }
            }

            mlops_model_eval(a->model, s, cells, present, text, scratch[0],
                             out[0], missing[0]);
            mlops_model_eval(b->model, s, cells, present, text, scratch[1],
                             out[1], missing[1]);

            assert_memory_equal(missing[0], missing[1], sizeof(missing[0]));

            for (i = 0; i < face->signatures[s].outputs_n; i++) {
                o = &face->signatures[s].outputs[i];

                for (k = o->first; k < o->first + o->width; k++) {

                    if (o->type == MLOPS_TYPE_BYTES) {

                        /* where text lies is each image's own matter */

                        assert_int_equal(out[0][k].s.len, out[1][k].s.len);
                        continue;
                    }

                    unit_ok(out[0][k].u == out[1][k].u
                            || (isnan(out[0][k].f) && isnan(out[1][k].f)),
                            "%s: signature %u, row %u: %.17g, then %.17g",
                            name, s, row, out[0][k].f, out[1][k].f);
                }
            }
        }
    }

    free(scratch[0]);
    free(scratch[1]);
}


static void
round_trip(const char *name, const unit_model_t *from)
{
    char          *text, *again;
    unit_model_t   back, twice;

    to_recipe(from, &back, &text);
    same(name, from, &back);

    to_recipe(&back, &twice, &again);
    same(name, from, &twice);

    unit_model_free(&back);
    unit_model_free(&twice);
    free(text);
    free(again);
}


/* All toys, and the recipes of the scenarios. */

static void
test_recipes(void **state)
{
    DIR                      *dir;
    char                     *data, path[UNIT_PATH_SIZE];
    size_t                    i, len;
    uint32_t                  n;
    unit_model_t              m;
    struct dirent            *entry;
    static const char *const  scenarios[] = {
        "conf/scenarios/housing/model.json", "conf/scenarios/mpg/model.json",
        "conf/scenarios/crypto/bitcoin-forecast.json", "t/data/housing.json"
    };

    (void) state;

    dir = opendir("t/data/toys");
    assert_non_null(dir);
    n = 0;

    while ((entry = readdir(dir)) != NULL) {
        len = strlen(entry->d_name);
        snprintf(path, sizeof(path), "t/data/toys/%s", entry->d_name);

        if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0) {
            unit_import(&m, path, NULL);

        } else if (len > 4 && strcmp(entry->d_name + len - 4, ".mlm") == 0) {
            data = unit_slurp(path, &m.len);
            m.image = aligned_alloc(64, mlops_align(m.len, 64));
            memcpy(m.image, data, m.len);
            free(data);
            unit_model_load(&m);

        } else {
            continue;
        }

        round_trip(path, &m);
        unit_model_free(&m);
        n++;
    }

    closedir(dir);
    assert_true(n >= 20);

    for (i = 0; i < mlops_nitems(scenarios); i++) {
        unit_import(&m, scenarios[i], NULL);
        round_trip(scenarios[i], &m);
        unit_model_free(&m);
    }
}


/* The library's own answers, after the way through a recipe. */

static void
test_xgboost_as_recipe(void **state)
{
    char          *text, path[128];
    size_t         i;
    unit_model_t   m, back;

    (void) state;

    for (i = 0; i < mlops_nitems(xgboosts); i++) {
        snprintf(path, sizeof(path), "xgboost/%s.json", xgboosts[i]);
        unit_import(&m, unit_fixture(path), NULL);
        to_recipe(&m, &back, &text);

        snprintf(path, sizeof(path), "xgboost/%s.csv", xgboosts[i]);
        assert_true(unit_rows(&back, unit_fixture(path), 2) > 0);

        unit_model_free(&m);
        unit_model_free(&back);
        free(text);
    }
}


static const char *
trees(const unit_model_t *m, uint64_t *len)
{
    uint32_t                   i, n;
    const char                *weights;
    const mlops_image_step_t  *steps;

    steps = mlops_model_section(m->model, MLOPS_SECTION_STEPS, &n);

    for (i = 0; i < n && steps[i].kind != MLOPS_STEP_TREES; i++) {
        /* void */
    }

    assert_true(i < n);
    weights = mlops_model_section(m->model, MLOPS_SECTION_WEIGHTS, &n);
    *len = steps[i].param_len;

    return weights + steps[i].param;
}


/* And through its own format, where the trees are the same bytes. */

static void
test_xgboost(void **state)
{
    char          *text, path[128];
    size_t         i;
    uint64_t       a_len, b_len;
    const char    *a, *b;
    unit_model_t   m, back;

    (void) state;

    for (i = 0; i < mlops_nitems(xgboosts); i++) {
        snprintf(path, sizeof(path), "xgboost/%s.json", xgboosts[i]);
        unit_import(&m, unit_fixture(path), NULL);
        to_xgboost(&m, NULL, &back, &text);

        snprintf(path, sizeof(path), "xgboost/%s.csv", xgboosts[i]);
        assert_true(unit_rows(&back, unit_fixture(path), 2) > 0);

        a = trees(&m, &a_len);
        b = trees(&back, &b_len);
        unit_ok(a_len == b_len && memcmp(a, b, a_len) == 0,
                "%s: other trees", xgboosts[i]);

        /* as XGBoost 2.1 writes it, which loads no other */

        unit_ok(strcmp(xgboosts[i], "gamma") != 0
                || strstr(text, "\"objective\":{\"name\":\"reg:gamma\","
                          "\"reg_loss_param\":{\"scale_pos_weight\":\"1\"}}")
                   != NULL, "%s: no reg_loss_param", xgboosts[i]);

        unit_model_free(&m);
        unit_model_free(&back);
        free(text);
    }
}


/* Every kind of step, with values that a careless writer would lose. */

static const char  all_steps[] =
    "{\"recipe\":1,\"inputs\":[{\"name\":\"x\"},{\"name\":\"y\",\"type\":"
    "\"FP32\",\"default\":0.1},{\"name\":\"n\",\"type\":\"INT64\",\"default\":"
    "-9223372036854775808},{\"name\":\"c\",\"type\":\"BYTES\",\"categories\":"
    "[\"red\",\"green\",\"q\\\"\\u00e9\"]},{\"name\":\"f\","
    "\"type\":\"BOOL\",\"required\":true},{\"name\":\"x\",\"id\":\"x2\","
    "\"range\":[-1e300,5e-324]}],\"steps\":["
    "{\"kind\":\"affine\",\"inputs\":[],\"bias\":[1e-310,-0.0],\"weights\":"
    "[[],[]],\"outputs\":[\"k0\",\"k1\"]},"
    "{\"kind\":\"affine\",\"inputs\":[\"x\",\"y\",\"n\"],\"bias\":0.1,"
    "\"weights\":{\"n\":1e-22,\"x\":-0.0,\"y\":0.30000000000000004},"
    "\"skip_missing\":true,\"outputs\":[\"a\"]},"
    "{\"kind\":\"affine\",\"f32\":true,\"inputs\":[\"x\",\"y\"],\"bias\":"
    "[16777217,0.1],\"weights\":[[1,2],[3,1e-46]],\"outputs\":[\"b\",\"b1\"]},"
    "{\"kind\":\"clip\",\"inputs\":[\"a\",\"b\"],\"lo\":-0.5,\"outputs\":"
    "[\"c0\",\"c1\"]},"
    "{\"kind\":\"clip\",\"inputs\":[\"a\",\"b\"],\"lo\":[0.1,-2],\"hi\":"
    "[0.2,2.5],\"outputs\":[\"c2\",\"c3\"]},"
    "{\"kind\":\"impute\",\"inputs\":[\"x\",\"y\"],\"value\":[0.1,-3],"
    "\"outputs\":[\"i0\",\"i1\"]},"
    "{\"kind\":\"map\",\"inputs\":[\"c\"],\"entries\":{\"red\":[1,null],"
    "\"green\":[0.1,2]},\"other\":[5,6],\"outputs\":[\"m0\",\"m1\"]},"
    "{\"kind\":\"map\",\"inputs\":[\"f\"],\"entries\":[[1,0.7],[0,null]],"
    "\"missing\":9,\"outputs\":[\"m2\"]},"
    "{\"kind\":\"one_hot\",\"inputs\":[\"c\"],\"outputs\":[\"o0\",\"o1\","
    "\"o2\"]},"
    "{\"kind\":\"one_hot\",\"inputs\":[\"n\"],\"categories\":[3,0,1],"
    "\"outputs\":[\"p0\",\"p1\",\"p2\"]},"
    "{\"kind\":\"unary\",\"op\":\"trunc\",\"inputs\":[\"x\",\"i1\"],"
    "\"outputs\":[\"u0\",\"u1\"]},"
    "{\"kind\":\"unary\",\"op\":\"xgb_sigmoid\",\"f32\":true,\"inputs\":"
    "[\"x\"],\"outputs\":[\"u2\"]},"
    "{\"kind\":\"binary\",\"op\":\"mod\",\"inputs\":[\"x\",\"i1\"],"
    "\"outputs\":[\"d0\"]},"
    "{\"kind\":\"binary\",\"op\":\"div\",\"inputs\":[\"x\",\"y\"],"
    "\"constant\":[0.1,7],\"reversed\":true,\"outputs\":[\"d1\",\"d2\"]},"
    "{\"kind\":\"piecewise\",\"inputs\":[\"x\"],\"x\":[-1,0.1,2],\"y\":"
    "[0,0.3,-1e-5],\"outputs\":[\"w\"]},"
    "{\"kind\":\"dense\",\"inputs\":[\"x\",\"i0\"],\"weights\":[[0.1,0.2],"
    "[-3,16777217],[1e-46,1]],\"bias\":[0.7,0,-1],\"activation\":\"tanh\","
    "\"outputs\":[\"h0\",\"h1\",\"h2\"]},"
    "{\"kind\":\"trees\",\"f32\":true,\"inputs\":[\"x\",\"m2\"],\"base\":"
    "[0.1,-0.3],\"trees\":[{\"output\":1,\"root\":{\"input\":\"x\",\"below\":"
    "0.1,\"left\":{\"leaf\":0.7},\"right\":{\"leaf\":-0.0},\"missing\":"
    "\"left\"}},{\"leaf\":0.3}],\"outputs\":[\"t0\",\"t1\"]},"
    "{\"kind\":\"trees\",\"inputs\":[\"x\",\"n\"],\"base\":[0.1,0.2],"
    "\"trees\":[{\"input\":\"n\",\"in\":[1,4],\"left\":{\"input\":\"x\","
    "\"below\":0.30000000000000004,\"left\":{\"leaf\":[1e-310,2]},\"right\":"
    "{\"leaf\":[3,4]}},\"right\":{\"leaf\":[5,0.1]}}],\"outputs\":[\"t2\","
    "\"t3\"]},"
    "{\"kind\":\"softmax\",\"f32\":true,\"inputs\":[\"t0\",\"t1\"],"
    "\"outputs\":[\"s0\",\"s1\"]},"
    "{\"kind\":\"argmax\",\"inputs\":[\"s0\",\"s1\"],\"outputs\":[\"g\"]},"
    "{\"kind\":\"cumulative\",\"op\":\"softplus\",\"inputs\":[\"x\",\"b\"],"
    "\"outputs\":[\"q0\",\"q1\"]},"
    "{\"kind\":\"cumulative\",\"op\":\"sort\",\"f32\":true,\"inputs\":"
    "[\"x\",\"b\"],\"outputs\":[\"q2\",\"q3\"]},"
    "{\"kind\":\"unary\",\"op\":\"square\",\"inputs\":[\"x\"],\"outputs\":"
    "[\"x2\"]}"
    "],\"signatures\":[{\"name\":\"s\",\"inputs\":[\"x\",\"y\",\"n\",\"c\","
    "\"f\"],\"outputs\":[{\"name\":\"all\",\"from\":[\"k0\",\"k1\",\"a\","
    "\"b\","
    "\"b1\",\"c0\",\"c1\",\"c2\",\"c3\",\"i0\",\"i1\",\"m0\",\"m1\",\"m2\","
    "\"o0\",\"o1\",\"o2\",\"p0\",\"p1\",\"p2\",\"u0\",\"u1\",\"u2\",\"d0\","
    "\"d1\",\"d2\",\"w\",\"h0\",\"h1\",\"h2\",\"t0\",\"t1\",\"t2\",\"t3\","
    "\"s0\",\"s1\",\"q0\",\"q1\",\"q2\",\"q3\",\"x2\"]},{\"name\":\"class\","
    "\"from\":\"g\",\"type\":\"BYTES\",\"labels\":[\"no\",\"y\\u00e9s\"]},"
    "{\"name\":\"c\",\"type\":\"BYTES\"},{\"name\":\"n\",\"type\":\"INT64\"},"
    "{\"name\":\"r\",\"from\":\"a\",\"type\":\"FP32\"}]},{\"name\":\"e\","
    "\"inputs\":[\"x2\"],\"outputs\":[{\"name\":\"x2\"}]}],"
    "\"metadata\":{\"kept\":[1,\"two\"]},\"name\":\"all \\\"steps\\\"\"}";


static void
test_steps(void **state)
{
    char          *text;
    mlops_str_t    facts;
    unit_model_t   m, back;

    (void) state;

    unit_import_text(&m, all_steps, NULL);
    round_trip("all steps", &m);

    to_recipe(&m, &back, &text);
    facts = mlops_model_facts(back.model);
    unit_ok(memmem(facts.data, facts.len, "\"kept\":[1,\"two\"]", 16) != NULL
            && memmem(facts.data, facts.len, "all \\\"steps\\\"", 13) != NULL,
            "%.*s", mlops_fmt(&facts));

    unit_model_free(&m);
    unit_model_free(&back);
    free(text);
}


/* A model of one signature, s, whose output is the cells from first on;
 * destroys the builder. */

static void
finish(unit_model_t *m, mlops_builder_t *b, const uint32_t *in, uint32_t n,
    mlops_type_t type, uint32_t first, uint32_t width)
{
    int                     rc;
    uint32_t                i, cells[4];
    mlops_err_t             err;
    mlops_builder_output_t  output;

    assert_true(width <= mlops_nitems(cells));

    for (i = 0; i < width; i++) {
        cells[i] = first + i;
    }

    toy_output(&output, "y", type, cells, width);

    rc = mlops_builder_signature(b, "s", in, n, &output, 1);
    assert_int_equal(rc, MLOPS_OK);
    mlops_builder_facts(b, "{}", 2);
    rc = mlops_builder_finish(b, &m->image, &m->len, &err);
    unit_ok(rc == MLOPS_OK, "%s", err.text);
    mlops_builder_destroy(b);
    unit_model_load(m);
}


/* What recipes cannot say in one step, but a builder can: bounds on one side
 * for some cells.  And what they cannot say at all. */

static void
test_built(void **state)
{
    int                   rc, i;
    char                 *text;
    size_t                len;
    double                x[4], out[4];
    uint32_t              in[4], cell;
    mlops_err_t           err;
    unit_model_t          m, back;
    mlops_builder_t      *b;
    static const double   lo[] = { -1, -INFINITY, -INFINITY, 0.1 };
    static const double   hi[] = { INFINITY, 2, INFINITY, 0.2 };
    static const double   infinite[] = { INFINITY, 1, 2, 3 };
    static const char    *names[] = { "a", "b", "c", "d" };

    (void) state;

    for (i = 0; i < 2; i++) {
        b = mlops_builder_create();
        assert_non_null(b);

        for (cell = 0; cell < 4; cell++) {
            in[cell] = toy_input(b, names[cell], MLOPS_TYPE_FP64);
        }

        cell = (i == 0) ? mlops_builder_clip(b, in, 4, MLOPS_BUILDER_NEW, lo,
                                             hi)
                        : mlops_builder_impute(b, in, 4, MLOPS_BUILDER_NEW,
                                               infinite);

        finish(&m, b, in, 4, MLOPS_TYPE_FP64, cell, 4);

        if (i == 0) {
            round_trip("clip", &m);
            to_recipe(&m, &back, &text);

            x[0] = x[1] = x[2] = x[3] = -5;
            unit_eval(&back, "s", x, out);
            assert_true(out[0] == -1 && out[1] == -5 && out[2] == -5
                        && out[3] == 0.1);
            x[0] = x[1] = x[2] = x[3] = 5;
            unit_eval(&back, "s", x, out);
            assert_true(out[0] == 5 && out[1] == 2 && out[2] == 5
                        && out[3] == 0.2);
            unit_model_free(&back);

        } else {
            rc = mlops_export_recipe(m.model, &text, &len, NULL, &err);
            assert_int_equal(rc, MLOPS_ERROR);
            unit_ok(strstr(err.text, "step 0 impute: a value is infinite")
                    != NULL, "%s", err.text);
        }

        free(text);
        unit_model_free(&m);
    }
}


/*
 * The base of the sums, whatever it is: margins are what float32 addition
 * gives, and XGBoost's file has it as a base score or as leaves.
 */

static void
test_base(void **state)
{
    char                    *text, recipe[1024];
    float                    base, want;
    double                   x, margin;
    uint64_t                 seed;
    unsigned                 i, trees_n;
    unit_model_t             m, back;
    static const char *const links[] = { "sigmoid", "exp", "identity" };

    (void) state;

    seed = 3;
    trees_n = 0;

    for (i = 0; i < (unit_quick() ? 60u : 600u); i++) {
        base = (float) ((double) (next(&seed) >> 11) * 0x1p-53 * 8 - 4);
        base = (i % 10 == 0) ? base * 1e7f : (i % 10 == 1) ? base * 1e-9f
               : (i % 10 == 2) ? 0.0f : base;

        snprintf(recipe, sizeof(recipe), "{\"recipe\":1,\"inputs\":[{\"name\":"
                 "\"x\",\"type\":\"FP32\"}],\"steps\":[{\"kind\":\"trees\","
                 "\"f32\":true,\"inputs\":[\"x\"],\"base\":%.9g,\"trees\":["
                 "{\"input\":\"x\",\"below\":0.5,\"left\":{\"leaf\":0.1},"
                 "\"right\":{\"leaf\":-1.25}},{\"leaf\":0.7}],\"outputs\":"
                 "[\"m\"]},{\"kind\":\"unary\",\"op\":\"%s\",\"inputs\":"
                 "[\"m\"],\"outputs\":[\"p\"]}],\"signatures\":[{\"name\":"
                 "\"s\",\"outputs\":[{\"name\":\"p\"}]}]}", (double) base,
                 links[i % 3]);

        unit_import_text(&m, recipe, NULL);
        to_xgboost(&m, NULL, &back, &text);

        x = 0.25;
        unit_eval(&back, "margin", &x, &margin);
        want = base + 0.1f;
        want += 0.7f;
        unit_ok(margin == (double) want, "base %.9g, %s: expected %.9g, got "
                "%.9g", (double) base, links[i % 3], (double) want, margin);

        trees_n += (strstr(text, "\"num_trees\":\"3\"") != NULL);
        assert_true(strstr(text, "\"num_trees\":\"3\"") != NULL
                    || strstr(text, "\"num_trees\":\"2\"") != NULL);

        unit_model_free(&m);
        unit_model_free(&back);
        free(text);
    }

    /* both ways were gone */

    assert_true(trees_n > 10 && trees_n < i - 10);
}


/* Sums with different bases and numbers of trees, and vector leaves. */

static void
test_groups(void **state)
{
    char          *text;
    double         x, out[3];
    unit_model_t   m, back;

    static const char  uneven[] =
        "{\"recipe\":1,\"inputs\":[{\"name\":\"x\",\"type\":\"FP32\"}],"
        "\"steps\":[{\"kind\":\"trees\",\"f32\":true,\"inputs\":[\"x\"],"
        "\"base\":[0.1,0.2,0.3],\"trees\":[{\"output\":2,\"root\":{\"leaf\":"
        "1}},{\"output\":2,\"root\":{\"input\":\"x\",\"below\":0,\"left\":"
        "{\"leaf\":5},\"right\":{\"leaf\":6}}},{\"output\":0,\"root\":"
        "{\"leaf\":7}}],\"outputs\":[\"a\",\"b\",\"c\"]},{\"kind\":"
        "\"softmax\",\"f32\":true,\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":"
        "[\"p\",\"q\",\"r\"]}],\"signatures\":[{\"name\":\"s\",\"outputs\":["
        "{\"name\":\"v\",\"from\":[\"p\",\"q\",\"r\"]}]}]}";

    static const char  vectors[] =
        "{\"recipe\":1,\"inputs\":[{\"name\":\"x\",\"type\":\"FP32\"}],"
        "\"steps\":[{\"kind\":\"trees\",\"f32\":true,\"inputs\":[\"x\"],"
        "\"base\":0.5,\"trees\":[{\"input\":\"x\",\"below\":0,\"left\":"
        "{\"leaf\":[1,2]},\"right\":{\"leaf\":[3,4]}},{\"leaf\":[10,20]}],"
        "\"outputs\":[\"a\",\"b\"]}],\"signatures\":[{\"name\":\"s\","
        "\"outputs\":[{\"name\":\"v\",\"from\":[\"a\",\"b\"]}]}]}";

    (void) state;

    unit_import_text(&m, uneven, NULL);
    to_xgboost(&m, NULL, &back, &text);

    x = 1;
    unit_eval(&back, "margin", &x, out);
    assert_true(out[0] == (double) (0.1f + 7.0f) && out[1] == (double) 0.2f
                && out[2] == (double) ((0.3f + 1.0f) + 6.0f));
    assert_non_null(strstr(text, "\"num_class\":\"3\""));
    assert_non_null(strstr(text, "\"num_trees\":\"9\""));

    unit_model_free(&m);
    unit_model_free(&back);
    free(text);

    unit_import_text(&m, vectors, NULL);
    to_xgboost(&m, NULL, &back, &text);

    x = -1;
    unit_eval(&back, "default", &x, out);
    assert_true(out[0] == 11.5 && out[1] == 22.5);
    assert_non_null(strstr(text, "\"num_target\":\"2\""));

    unit_model_free(&m);
    unit_model_free(&back);
    free(text);
}


/* Vectors without a tree: the library has a round of leaves that add nothing
 * to bases that are one number, else one of the bases. */

static void
test_no_trees(void **state)
{
    int                   i;
    char                 *text;
    double                x, out[2];
    uint32_t              in, cell;
    unit_model_t          m, back;
    mlops_forest_t        forest;
    mlops_builder_t      *b;
    static const double   bases[2][2] = { { 0.5, 0.5 }, { 0.5, -2 } };

    (void) state;

    for (i = 0; i < 2; i++) {
        b = mlops_builder_create();
        assert_non_null(b);

        in = toy_input(b, "x", MLOPS_TYPE_FP32);

        memset(&forest, 0, sizeof(forest));
        forest.features_n = 1;
        forest.groups_n = 2;
        forest.leaf_size = 2;
        forest.f32 = 1;
        forest.base = bases[i];
        cell = mlops_builder_trees(b, &in, MLOPS_BUILDER_NEW, &forest);
        finish(&m, b, &in, 1, MLOPS_TYPE_FP32, cell, 2);

        round_trip("no trees", &m);
        to_xgboost(&m, NULL, &back, &text);
        assert_non_null(strstr(text, "\"num_trees\":\"2\""));

        x = 1;
        unit_eval(&back, "default", &x, out);
        assert_true(out[0] == bases[i][0] && out[1] == bases[i][1]);

        unit_model_free(&back);
        unit_model_free(&m);
        free(text);
    }
}


/* Names of categories in the encoder, and as an attribute. */

static void
test_categories(void **state)
{
    char                     *text;
    unit_model_t              m, back;
    const mlops_column_t     *columns;

    static const char  recipe[] =
        "{\"recipe\":1,\"inputs\":[{\"name\":\"c\",\"type\":\"BYTES\"},"
        "{\"name\":\"k\",\"type\":\"INT32\"},{\"name\":\"x\"}],\"steps\":["
        "{\"kind\":\"map\",\"inputs\":[\"c\"],\"entries\":{\"b\":1,\"zz\":0},"
        "\"outputs\":[\"cc\"]},{\"kind\":\"map\",\"inputs\":[\"k\"],"
        "\"entries\":[[7,0],[-5,1]],\"outputs\":[\"kk\"]},{\"kind\":\"trees\","
        "\"f32\":true,\"inputs\":[\"x\",\"cc\",\"kk\"],\"trees\":[{\"input\":"
        "\"cc\",\"in\":[1],\"left\":{\"leaf\":1},\"right\":{\"input\":\"kk\","
        "\"in\":[0],\"left\":{\"leaf\":2},\"right\":{\"leaf\":3}}}],"
        "\"outputs\":[\"y\"]}],\"signatures\":[{\"name\":\"s\",\"outputs\":"
        "[{\"name\":\"y\"}]}]}";

    (void) state;

    unit_import_text(&m, recipe, NULL);
    to_xgboost(&m, NULL, &back, &text);

    assert_non_null(strstr(text, "\"feature_names\":[\"x\",\"c\",\"k\"]"));
    assert_non_null(strstr(text, "\"feature_types\":[\"float\",\"c\",\"c\"]"));
    assert_non_null(strstr(text, "{\"offsets\":[0,2,3],\"values\":"
                                 "[122,122,98]}"));
    assert_non_null(strstr(text, "{\"type\":15,\"values\":[7,-5]}"));
    assert_non_null(strstr(text, "\"feature_segments\":[0,0,2,4]"));
    assert_non_null(strstr(text, "\"sorted_idx\":[1,0,1,0]"));
    assert_non_null(strstr(text, "{\\\"c\\\":[\\\"zz\\\",\\\"b\\\"],"
                                 "\\\"k\\\":[7,-5]}"));

    columns = mlops_model_interface(back.model)->signatures->inputs.columns;
    assert_int_equal(columns[1].type, MLOPS_TYPE_BYTES);
    assert_int_equal(columns[1].categories_n, 2);
    assert_true(mlops_str_is(&columns[1].categories[0], "zz"));

    unit_model_free(&m);
    unit_model_free(&back);
    free(text);
}


/* What the library makes of a right file: names outside ASCII, of inputs and
 * of categories. */

static const struct {
    const char  *input;
    const char  *category;
    const char  *categories;
    const char  *names;
} warnings[] = {
    { "c", "zz", "", "" },
    { "\\u00e9", "zz<[", "", "" },
    { "c", "\\u00fc", "categories of \"c\" are not all ASCII: XGBoost 3.1 to "
      "3.3", "" },
    { "c<", "zz", "", "the input \"c<\" has \"[\", \"]\" or \"<\"" },
    { "[c", "\\u00fc", "categories of \"[c\" ", "the input \"[c\" " },
    { "c]", "~", "", "the input \"c]\" " }
};


static void
test_warnings(void **state)
{
    char                   *text, recipe[1024];
    size_t                  i, len;
    mlops_err_t             err;
    unit_model_t            m;
    mlops_export_report_t   report;

    (void) state;

    for (i = 0; i < mlops_nitems(warnings); i++) {
        (void) snprintf(recipe, sizeof(recipe), "{\"recipe\":1,\"inputs\":["
            "{\"name\":\"%s\",\"type\":\"BYTES\"}],\"steps\":[{\"kind\":"
            "\"map\",\"inputs\":[\"%s\"],\"entries\":{\"b\":1,\"%s\":0},"
            "\"outputs\":[\"k\"]},{\"kind\":\"trees\",\"f32\":true,"
            "\"inputs\":[\"k\"],\"trees\":[{\"input\":\"k\",\"in\":[1],"
            "\"left\":{\"leaf\":1},\"right\":{\"leaf\":3}}],\"outputs\":"
            "[\"y\"]}],\"signatures\":[{\"name\":\"s\",\"outputs\":"
            "[{\"name\":\"y\"}]}]}", warnings[i].input, warnings[i].input,
            warnings[i].category);

        unit_import_text(&m, recipe, NULL);
        unit_ok(mlops_export_xgboost(m.model, NULL, &text, &len, &report,
                                     &err) == MLOPS_OK, "%s", err.text);

        unit_ok(strncmp(report.categories, warnings[i].categories,
                        strlen(warnings[i].categories)) == 0
                && !report.categories[0] == !warnings[i].categories[0],
                "case %zu: got %s", i, report.categories);
        unit_ok(strncmp(report.names, warnings[i].names,
                        strlen(warnings[i].names)) == 0
                && !report.names[0] == !warnings[i].names[0],
                "case %zu: got %s", i, report.names);

        unit_model_free(&m);
        free(text);
    }
}


/* What XGBoost's format cannot hold, and why. */

#define TREE(inputs, more)                                                    \
    "{\"kind\":\"trees\"," more "\"inputs\":[" inputs "],\"trees\":[{"        \
    "\"leaf\":1}],\"outputs\":[\"t\"]}"

#define MODEL(input, steps, output)                                           \
    "{\"recipe\":1,\"inputs\":[{\"name\":\"x\"" input "}],\"steps\":[" steps  \
    "],\"signatures\":[{\"name\":\"s\",\"outputs\":[{\"name\":" output "}]}]}"

#define F32  "\"f32\":true,"

static const char *const  refusals[][2] = {
    { MODEL("", "{\"kind\":\"affine\",\"inputs\":[\"x\"],\"weights\":[1],"
            "\"outputs\":[\"y\"]}", "\"y\""),
      "computed without trees" },
    { MODEL("", "", "\"x\""), "computed without trees" },
    { MODEL("", TREE("\"x\"", ""), "\"t\""),
      "step 0 trees computes in double" },
    { MODEL("", TREE("\"x\"", F32) ",{\"kind\":\"piecewise\",\"inputs\":"
            "[\"t\"],\"x\":[0],\"y\":[1],\"outputs\":[\"y\"]}", "\"y\""),
      "step 1 piecewise stands between the trees and the output" },
    { MODEL("", TREE("\"x\"", F32) ",{\"kind\":\"unary\",\"op\":\"square\","
            "\"inputs\":[\"t\"],\"outputs\":[\"y\"]}", "\"y\""),
      "step 1 unary square stands between" },
    { MODEL("", TREE("\"x\"", F32) ",{\"kind\":\"unary\",\"op\":\"exp\","
            "\"inputs\":[\"t\"],\"outputs\":[\"u\"]},{\"kind\":\"unary\","
            "\"op\":\"exp\",\"inputs\":[\"u\"],\"outputs\":[\"y\"]}",
            "\"y\""),
      "has only a link there" },
    { MODEL("", "{\"kind\":\"impute\",\"value\":0,\"inputs\":[\"x\"],"
            "\"outputs\":[\"i\"]}," TREE("\"i\"", F32), "\"t\""),
      "step 0 impute stands before the trees" },
    { MODEL("", "{\"kind\":\"map\",\"entries\":[[1,0],[2,2]],\"inputs\":"
            "[\"x\"],\"outputs\":[\"i\"]}," TREE("\"i\"", F32), "\"t\""),
      "expected the codes 0 to 1, each once" },
    { MODEL("", "{\"kind\":\"map\",\"entries\":[[1,0]],\"other\":0,\"inputs\":"
            "[\"x\"],\"outputs\":[\"i\"]}," TREE("\"i\"", F32), "\"t\""),
      "expected other and missing values to be missing" },
    { MODEL("", "{\"kind\":\"map\",\"entries\":[[1.5,0]],\"inputs\":"
            "[\"x\"],\"outputs\":[\"i\"]}," TREE("\"i\"", F32), "\"t\""),
      "expected categories that are whole numbers or names" },
    { MODEL(",\"default\":1", TREE("\"x\"", F32), "\"t\""),
      "input \"x\" has a default" },
    { MODEL("", TREE("\"x\",\"x\"", F32), "\"t\""), "\"x\" twice" },
    { MODEL("", TREE("\"x\"", F32), "\"l\",\"from\":\"t\",\"type\":\"BYTES\","
            "\"labels\":[\"a\",\"b\"]"),
      "the output is a label" }
};


static void
test_refused(void **state)
{
    int                     rc;
    char                   *text;
    size_t                  i, len;
    mlops_err_t             err;
    unit_model_t            m;
    mlops_export_options_t  options;

    (void) state;

    for (i = 0; i < mlops_nitems(refusals); i++) {
        unit_import_text(&m, refusals[i][0], NULL);

        rc = mlops_export_xgboost(m.model, NULL, &text, &len, NULL, &err);
        unit_ok(rc == MLOPS_ERROR, "exported, expected: %s", refusals[i][1]);
        unit_ok(strstr(err.text, refusals[i][1]) != NULL,
                "expected: %s\ngot:      %s", refusals[i][1], err.text);
        assert_null(text);

        /* a recipe holds all of them */

        round_trip(refusals[i][1], &m);
        unit_model_free(&m);
    }

    unit_import(&m, unit_fixture("xgboost/squarederror.json"), NULL);
    memset(&options, 0, sizeof(options));

    options.signature = "none";
    assert_int_equal(mlops_export_xgboost(m.model, &options, &text, &len,
                                          NULL, &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "no signature \"none\""));

    options.signature = "margin";
    options.output = "prediction";
    assert_int_equal(mlops_export_xgboost(m.model, &options, &text, &len,
                                          NULL, &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "has no output \"prediction\""));

    unit_model_free(&m);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_recipes),
        cmocka_unit_test(test_xgboost_as_recipe),
        cmocka_unit_test(test_xgboost),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_built),
        cmocka_unit_test(test_base),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_no_trees),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_refused)
    };

    return unit_run(tests);
}
