/*
 * Recipes: the two that ship, every kind of step with an answer worked out
 * by hand, embedded model files, and refusals with their places.
 */

#include "importing.h"
#include "mlops_request.h"


static void
test_housing(void **state)
{
    double         out[2];
    unit_model_t   m;
    const double   x[] = { 8.3252, 41, 6, 1, 322, 2.55, 37.88, -122.23 };

    (void) state;

    unit_import(&m, "conf/scenarios/housing/model.json", NULL);

    unit_eval(&m, "default", x, out);
    assert_true(out[0] == 421779);

    unit_eval(&m, "exact", x, out);
    assert_true(fabs(out[0] - 421779.232) < 1e-6);
    assert_true(fabs(out[1] - 4.21779232) < 1e-9);

    unit_model_free(&m);
}


static void
test_mpg(void **state)
{
    double         out;
    unit_model_t   m;
    const double   metric[] = { 1080, 1971 }, beyond[] = { 1595, 2023 };
    const double   raw[] = { 2381.4, 71 };
    const double   expanded[] = { 1, 2381.4, 71, 5671065.96, 169079.4, 5041 };

    (void) state;

    unit_import(&m, "conf/scenarios/mpg/model.json", NULL);

    unit_eval(&m, "consumption", metric, &out);
    assert_true(fabs(out - 10.04227721058) < 1e-9);

    unit_eval(&m, "consumption", beyond, &out);
    assert_true(fabs(out - 1.80323109481) < 1e-9);

    unit_eval(&m, "default", raw, &out);
    assert_true(fabs(out - 23.422434812442678) < 1e-9);

    unit_eval(&m, "expanded", expanded, &out);
    assert_true(fabs(out - 23.422434812442678) < 1e-9);

    unit_model_free(&m);
}


/* A body as a client sends it, and the answer. */

static void
expect_answer(const unit_model_t *m, mlops_door_t door, const char *body,
    const char *answer)
{
    int               rc;
    char             *text;
    size_t            n;
    mlops_err_t       err;
    mlops_str_t       name = mlops_str("m"), version = mlops_str("1");
    mlops_arena_t     arena;
    mlops_limits_t    limits = MLOPS_LIMITS_DEFAULT;
    mlops_notice_t    notice;
    mlops_request_t   req;
    mlops_results_t   results;

    mlops_arena_init(&arena, NULL, NULL);

    rc = mlops_request_parse(&req, mlops_model_interface(m->model), door, 0,
                             &limits, body, strlen(body), &arena, &err);
    unit_ok(rc == MLOPS_OK, "%s", rc == MLOPS_OK ? "" : err.text);

    rc = mlops_rows_complete(&req.rows, MLOPS_RANGE_FLAG, &notice, &arena,
                             &err);
    assert_int_equal(rc, MLOPS_OK);

    rc = mlops_model_predict(m->model, req.signature, &req.rows, &results,
                             &arena, &err);
    assert_int_equal(rc, MLOPS_OK);

    n = mlops_answer_bound(&req, &results, &name, &version);
    text = malloc(n + 1);
    *mlops_answer_write(text, &req, &results, &name, &version,
                        MLOPS_NONFINITE_NULL) = '\0';

    /* digits behind the tenth are the C library's business */

    unit_ok(strncmp(text, answer, strlen(answer)) == 0,
            "expected %s...\ngot      %s", answer, text);

    free(text);
    mlops_arena_destroy(&arena);
}


static void
test_bodies(void **state)
{
    unit_model_t  m;

    (void) state;

    unit_import(&m, "conf/scenarios/housing/model.json", NULL);

    expect_answer(&m, MLOPS_DOOR_ANY,
                  "{\"median_income_in_block\": 8.3252, "
                  "\"median_house_age_in_block\": 41, "
                  "\"average_rooms\": 6, \"average_bedrooms\": 1, "
                  "\"population_per_block\": 322, "
                  "\"average_house_occupancy\": 2.55, "
                  "\"block_latitude\": 37.88, "
                  "\"block_longitude\": -122.23}",
                  "{\"median_house_value\":421779}");
    unit_model_free(&m);

    unit_import(&m, "conf/scenarios/mpg/model.json", NULL);

    expect_answer(&m, MLOPS_DOOR_ANY,
                  "{\"weight_kg\": 1080, \"year\": 1971}",
                  "{\"fuel_consumption_l_100_km\":10.04227721");
    assert_false(mlops_model_interface(m.model)->alike);

    expect_answer(&m, MLOPS_DOOR_V1,
                  "{\"instances\":[[1.0,2381.4,71.0,5671065.96,169079.4,"
                  "5041.0]]}", "{\"predictions\":[23.42243481");
    expect_answer(&m, MLOPS_DOOR_V1, "{\"instances\":[[2381.4,71]]}",
                  "{\"predictions\":[23.42243481");
    expect_answer(&m, MLOPS_DOOR_ANY, "{\"wght\":2381.4,\"year\":71}",
                  "{\"mpg\":23.42243481");
    unit_model_free(&m);

    unit_import(&m, unit_fixture("xgboost/gamma.json"), NULL);

    assert_true(mlops_model_interface(m.model)->alike);

    /* the first row of the library's answers */

    expect_answer(&m, MLOPS_DOOR_V1,
                  "{\"signature_name\":\"margin\",\"instances\":[["
                  "0.25,0.8216181397438049,0.3304370641708374,"
                  "-1.3031572103500366,"
                  "0.9053558707237244,0.4463745653629303]]}",
                  "{\"predictions\":[0.404333");
    expect_answer(&m, MLOPS_DOOR_V1,
                  "{\"instances\":[["
                  "0.25,0.8216181397438049,0.3304370641708374,"
                  "-1.3031572103500366,"
                  "0.9053558707237244,0.4463745653629303]],"
                  "\"signature_name\":\"margin\"}",
                  "{\"predictions\":[0.404333");
    expect_answer(&m, MLOPS_DOOR_V2,
                  "{\"outputs\":[{\"name\":\"margin\"}],\"inputs\":[{\"name\":"
                  "\"i\",\"shape\":[1,6],\"datatype\":\"FP32\",\"data\":["
                  "0.25,0.8216181397438049,0.3304370641708374,"
                  "-1.3031572103500366,"
                  "0.9053558707237244,0.4463745653629303]}]}",
                  "{\"model_name\":\"m\",\"model_version\":\"1\","
                  "\"outputs\":[{\"name\":\"margin\",\"datatype\":\"FP32\","
                  "\"shape\":[1,1],\"data\":[0.404333");
    expect_answer(&m, MLOPS_DOOR_V1,
                  "{\"instances\":[["
                  "0.25,0.8216181397438049,0.3304370641708374,"
                  "-1.3031572103500366,"
                  "0.9053558707237244,0.4463745653629303]]}",
                  "{\"predictions\":[1.498303");
    unit_model_free(&m);
}


/* A recipe of the inputs a, b and c with these steps, and the cell y. */

#define RECIPE(steps, from)                                                   \
    "{\"recipe\":1,\"inputs\":[{\"name\":\"a\"},{\"name\":\"b\"},"            \
    "{\"name\":\"c\",\"default\":7}],\"steps\":[" steps "],"                  \
    "\"signatures\":[{\"name\":\"s\",\"outputs\":[{\"name\":\"o\","           \
    "\"from\":" from "}]}]}"


typedef struct {
    const char  *recipe;
    double       x[3];
    uint32_t     n;
    double       y[3];
} step_t;


static const step_t  steps[] = {
    { RECIPE("{\"kind\":\"affine\",\"inputs\":[\"a\",\"b\"],\"weights\":"
             "[[1,2],[3,4]],\"bias\":[10,20],\"outputs\":[\"y\",\"z\"]}",
             "[\"y\",\"z\"]"), { 1, 2, 0 }, 2, { 15, 31 } },
    { RECIPE("{\"kind\":\"affine\",\"inputs\":[\"a\",\"b\"],\"weights\":"
             "{\"b\":2,\"a\":3},\"outputs\":[\"y\"]}", "\"y\""),
      { 10, 1, 0 }, 1, { 32 } },
    { RECIPE("{\"kind\":\"affine\",\"inputs\":[\"a\",\"b\"],\"weights\":"
             "[3,2],\"bias\":1,\"skip_missing\":true,\"outputs\":[\"y\"]}",
             "\"y\""), { NAN, 5, 0 }, 1, { 11 } },
    { RECIPE("{\"kind\":\"affine\",\"inputs\":[\"a\"],\"weights\":[0.1],"
             "\"f32\":true,\"outputs\":[\"y\"]}", "\"y\""),
      { 1, 0, 0 }, 1, { (double) 0.1f } },
    { RECIPE("{\"kind\":\"clip\",\"inputs\":[\"a\",\"b\"],\"lo\":[0,1],"
             "\"outputs\":[\"y\",\"z\"]}", "[\"y\",\"z\"]"),
      { -3, 9, 0 }, 2, { 0, 9 } },
    { RECIPE("{\"kind\":\"impute\",\"inputs\":[\"a\",\"b\"],\"value\":4,"
             "\"outputs\":[\"y\",\"z\"]}", "[\"y\",\"z\"]"),
      { NAN, 9, 0 }, 2, { 4, 9 } },
    { RECIPE("{\"kind\":\"map\",\"inputs\":[\"a\"],\"entries\":[[1,10],"
             "[2.5,20]],\"other\":-1,\"missing\":-2,\"outputs\":[\"y\"]}",
             "\"y\""), { 2.5, 0, 0 }, 1, { 20 } },
    { RECIPE("{\"kind\":\"map\",\"inputs\":[\"a\"],\"entries\":[[1,[10,11]],"
             "[2.5,[20,21]]],\"missing\":[-2,-3],\"outputs\":[\"y\",\"z\"]}",
             "[\"y\",\"z\"]"), { NAN, 0, 0 }, 2, { -2, -3 } },
    { RECIPE("{\"kind\":\"map\",\"inputs\":[\"a\"],\"entries\":[[1,10]],"
             "\"outputs\":[\"y\"]}", "\"y\""), { 3, 0, 0 }, 1, { NAN } },
    { RECIPE("{\"kind\":\"one_hot\",\"inputs\":[\"a\"],\"categories\":"
             "[5,3,4],\"outputs\":[\"x\",\"y\",\"z\"]}",
             "[\"x\",\"y\",\"z\"]"), { 3, 0, 0 }, 3, { 0, 1, 0 } },
    { RECIPE("{\"kind\":\"unary\",\"op\":\"trunc\",\"inputs\":[\"a\",\"b\"],"
             "\"outputs\":[\"y\",\"z\"]}", "[\"y\",\"z\"]"),
      { -3.9, 3.9, 0 }, 2, { -3, 3 } },
    { RECIPE("{\"kind\":\"unary\",\"op\":\"square\",\"inputs\":[\"a\"],"
             "\"outputs\":[\"y\"]}", "\"y\""), { -3, 0, 0 }, 1, { 9 } },
    { RECIPE("{\"kind\":\"unary\",\"op\":\"isnan\",\"inputs\":[\"a\"],"
             "\"outputs\":[\"y\"]}", "\"y\""), { NAN, 0, 0 }, 1, { 1 } },
    { RECIPE("{\"kind\":\"unary\",\"op\":\"step\",\"inputs\":[\"a\",\"b\"],"
             "\"outputs\":[\"y\",\"z\"]}", "[\"y\",\"z\"]"),
      { -1, 1, 0 }, 2, { 0, 1 } },
    { RECIPE("{\"kind\":\"binary\",\"op\":\"sub\",\"inputs\":[\"a\",\"b\"],"
             "\"outputs\":[\"y\"]}", "\"y\""), { 5, 2, 0 }, 1, { 3 } },
    { RECIPE("{\"kind\":\"binary\",\"op\":\"div\",\"inputs\":[\"a\"],"
             "\"constant\":10,\"outputs\":[\"y\"]}", "\"y\""),
      { 5, 0, 0 }, 1, { 0.5 } },
    { RECIPE("{\"kind\":\"binary\",\"op\":\"div\",\"inputs\":[\"a\"],"
             "\"constant\":10,\"reversed\":true,\"outputs\":[\"y\"]}",
             "\"y\""), { 5, 0, 0 }, 1, { 2 } },
    { RECIPE("{\"kind\":\"binary\",\"op\":\"mod\",\"inputs\":[\"a\"],"
             "\"constant\":100,\"outputs\":[\"y\"]}", "\"y\""),
      { 1971, 0, 0 }, 1, { 71 } },
    { RECIPE("{\"kind\":\"binary\",\"op\":\"le\",\"inputs\":[\"a\",\"a\","
             "\"b\",\"a\"],\"outputs\":[\"y\",\"z\"]}", "[\"y\",\"z\"]"),
      { 2, 1, 0 }, 2, { 0, 1 } },
    { RECIPE("{\"kind\":\"piecewise\",\"inputs\":[\"a\"],\"x\":[0,10,20],"
             "\"y\":[0,1,5],\"outputs\":[\"y\"]}", "\"y\""),
      { 15, 0, 0 }, 1, { 3 } },
    { RECIPE("{\"kind\":\"dense\",\"inputs\":[\"a\",\"b\"],\"weights\":"
             "[[1,2],[-3,-4]],\"bias\":[0.5,0],\"activation\":\"relu\","
             "\"outputs\":[\"y\",\"z\"]}", "[\"y\",\"z\"]"),
      { 1, 2, 0 }, 2, { 5.5, 0 } },
    { RECIPE("{\"kind\":\"trees\",\"inputs\":[\"a\",\"b\"],\"base\":100,"
             "\"trees\":[{\"input\":\"b\",\"below\":2.5,\"left\":{\"leaf\":1}"
             ",\"right\":{\"input\":\"a\",\"in\":[0,3],\"missing\":\"left\","
             "\"left\":{\"leaf\":2},\"right\":{\"leaf\":3}}},{\"leaf\":10}],"
             "\"outputs\":[\"y\"]}", "\"y\""), { 3, 2.5, 0 }, 1, { 113 } },
    { RECIPE("{\"kind\":\"trees\",\"inputs\":[\"a\",\"b\"],\"trees\":"
             "[{\"input\":\"b\",\"below\":2.5,\"left\":{\"leaf\":[1,2]},"
             "\"right\":{\"leaf\":[3,4]}}],\"outputs\":[\"y\",\"z\"]}",
             "[\"y\",\"z\"]"), { 0, NAN, 0 }, 2, { 3, 4 } },
    { RECIPE("{\"kind\":\"trees\",\"inputs\":[\"a\"],\"f32\":true,"
             "\"base\":[0.1,1],\"trees\":[{\"output\":1,\"root\":{\"leaf\":"
             "0.5}}],\"outputs\":[\"y\",\"z\"]}", "[\"y\",\"z\"]"),
      { 0, 0, 0 }, 2, { (double) 0.1f, 1.5 } },
    { RECIPE("{\"kind\":\"softmax\",\"inputs\":[\"a\",\"b\"],\"outputs\":"
             "[\"y\",\"z\"]}", "[\"y\",\"z\"]"), { 3, 3, 0 }, 2,
      { 0.5, 0.5 } },
    { RECIPE("{\"kind\":\"argmax\",\"inputs\":[\"a\",\"b\",\"c\"],"
             "\"outputs\":[\"y\"]}", "\"y\""), { 3, 4, 4 }, 1, { 1 } },
    { RECIPE("{\"kind\":\"cumulative\",\"op\":\"sort\",\"inputs\":[\"a\","
             "\"b\",\"c\"],\"outputs\":[\"x\",\"y\",\"z\"]}",
             "[\"x\",\"y\",\"z\"]"), { 3, 9, 1 }, 3, { 1, 3, 9 } },

    /* steps in a row; an input that one of them computes */

    { "{\"recipe\":1,\"comment\":\"x\",\"inputs\":[{\"name\":\"km\"},"
      "{\"name\":\"m\"}],\"steps\":[{\"kind\":\"binary\",\"op\":\"mul\","
      "\"inputs\":[\"km\"],\"constant\":1000,\"outputs\":[\"m\"]},{\"kind\":"
      "\"unary\",\"op\":\"neg\",\"inputs\":[\"m\"],\"outputs\":[\"y\"]}],"
      "\"signatures\":[{\"name\":\"s\",\"inputs\":[\"km\"],\"outputs\":"
      "[{\"name\":\"y\"},{\"name\":\"whole\",\"from\":\"y\",\"type\":"
      "\"INT64\"}]},{\"name\":\"m\",\"inputs\":[\"m\"],\"outputs\":"
      "[{\"name\":\"y\"}]}],\"metadata\":{\"k\":[1,null]}}",
      { 1.2345, 0, 0 }, 2, { -1234.5, -1234 } }
};


static void
test_steps(void **state)
{
    double         out[3];
    size_t         i;
    uint32_t       k;
    unit_model_t   m;

    (void) state;

    for (i = 0; i < mlops_nitems(steps); i++) {
        unit_import_text(&m, steps[i].recipe, NULL);
        unit_eval(&m, "s", steps[i].x, out);

        for (k = 0; k < steps[i].n; k++) {
            unit_ok(out[k] == steps[i].y[k]
                    || (isnan(out[k]) && isnan(steps[i].y[k])),
                    "step %zu, output %u: expected %.17g, got %.17g", i, k,
                    steps[i].y[k], out[k]);
        }

        unit_model_free(&m);
    }
}


#define STRINGS(steps, golden)                                                \
    "{\"recipe\":1,\"inputs\":[{\"name\":\"colour\",\"type\":\"BYTES\","      \
    "\"categories\":[\"red\",\"green\"]},{\"name\":\"n\",\"type\":"           \
    "\"INT8\",\"default\":-3,\"range\":[-5,5]}],\"steps\":[" steps "],"       \
    "\"signatures\":[{\"name\":\"s\",\"outputs\":[{\"name\":\"y\",\"type\":"  \
    "\"FP32\",\"from\":[\"r\",\"g\"],\"labels\":[\"R\",\"G\"]},"              \
    "{\"name\":\"class\",\"type\":\"BYTES\",\"from\":\"g\",\"labels\":"       \
    "[\"no\",\"yes\"]},{\"name\":\"n\",\"type\":\"INT8\"}]}],"                \
    "\"golden\":[" golden "]}"

#define ONE_HOT                                                               \
    "{\"kind\":\"one_hot\",\"inputs\":[\"colour\"],\"outputs\":[\"r\",\"g\"]}"


/* Golden rows are the test: the loader refuses an image that differs. */

static void
test_strings(void **state)
{
    unit_model_t           m;
    const mlops_output_t  *output;
    const mlops_column_t  *column;

    (void) state;

    unit_import_text(&m, STRINGS(ONE_HOT,
        "{\"inputs\":{\"colour\":\"green\",\"n\":4},\"outputs\":{\"y\":[0,1],"
        "\"class\":\"yes\",\"n\":4}},"
        "{\"signature\":\"s\",\"inputs\":{\"colour\":\"red\"},\"outputs\":"
        "{\"y\":[1,0],\"class\":\"no\",\"n\":-3}},"
        "{\"inputs\":{},\"outputs\":{\"y\":[0,0],\"class\":\"no\","
        "\"n\":-3}}"), NULL);

    column = &mlops_model_interface(m.model)->signatures[0].inputs.columns[1];
    assert_true(column->def.i == -3 && column->lo == -5 && column->hi == 5);
    assert_int_equal(column->flags, MLOPS_COLUMN_DEFAULT|MLOPS_COLUMN_RANGE);

    output = &mlops_model_interface(m.model)->signatures[0].outputs[0];
    assert_true(output->width == 2 && mlops_str_is(&output->labels[1], "G"));

    unit_model_free(&m);

    unit_import_text(&m, STRINGS("{\"kind\":\"map\",\"inputs\":[\"colour\"],"
        "\"entries\":{\"red\":[1,0],\"green\":[0,1]},\"other\":[0,0],"
        "\"missing\":[1,1],\"outputs\":[\"r\",\"g\"]}",
        "{\"inputs\":{\"colour\":null,\"n\":0},\"outputs\":{\"y\":[1,1],"
        "\"class\":\"yes\",\"n\":0}},"
        "{\"inputs\":{\"colour\":\"blue\",\"n\":0},\"outputs\":{\"y\":[0,0],"
        "\"class\":\"no\",\"n\":0}}"), NULL);
    unit_model_free(&m);

    unit_refused(STRINGS(ONE_HOT, "{\"inputs\":{\"colour\":\"green\","
        "\"n\":4},\"outputs\":{\"y\":[1,0],\"class\":\"yes\",\"n\":4}}"),
        strlen(STRINGS(ONE_HOT, "{\"inputs\":{\"colour\":\"green\",\"n\":4},"
        "\"outputs\":{\"y\":[1,0],\"class\":\"yes\",\"n\":4}}")), NULL,
        "golden row 0");
}


/* A model file beside the recipe, scaled; and paths that lead out. */

static void
test_model(void **state)
{
    int            rc;
    char           dir[64], path[UNIT_PATH_SIZE], *text;
    void          *image;
    size_t         i, len;
    double         x[6], out[2], alone[1];
    mlops_err_t    err;
    unit_model_t   m, whole;

    static const char *const  outside[][2] = {
        { "../model.json", "expected a path below the recipe's folder" },
        { "/etc/passwd", "expected a path below the recipe's folder" },
        { "a/../../model.json", "expected a path below" },
        { "link.json", "a link that leads out" },
        { "none.json", "none.json: No such file" },
        { "recipe.json", "recipes in one another" }
    };

    static const char  recipe[] =
        "{\"recipe\":1,\"inputs\":[{\"name\":\"f0\"},{\"name\":\"f1\"},"
        "{\"name\":\"f2\"},{\"name\":\"f3\"},{\"name\":\"f4\"},{\"name\":"
        "\"f5\"}],\"steps\":[{\"kind\":\"model\",\"file\":\"%s\",\"outputs\":"
        "[\"p\"],\"margin\":[\"q\"]},{\"kind\":\"binary\",\"op\":\"mul\","
        "\"inputs\":[\"p\"],\"constant\":2,\"outputs\":[\"y\"]}],"
        "\"signatures\":[{\"name\":\"s\",\"outputs\":[{\"name\":\"y\"},"
        "{\"name\":\"q\"}]}]}";

    (void) state;

    snprintf(dir, sizeof(dir), "%s", unit_tmpdir());
    text = unit_slurp(unit_fixture("xgboost/squarederror.json"), &len);
    snprintf(path, sizeof(path), "%s/model.json", dir);
    unit_spew(path, text, len);
    free(text);

    text = malloc(sizeof(recipe) + 64);
    sprintf(text, recipe, "model.json");
    snprintf(path, sizeof(path), "%s/recipe.json", dir);
    unit_spew(path, text, strlen(text));

    unit_import(&m, path, NULL);
    unit_import(&whole, unit_fixture("xgboost/squarederror.json"), NULL);

    for (i = 0; i < 6; i++) {
        x[i] = 0.5 - 0.25 * (double) i;
    }

    unit_eval(&m, "s", x, out);
    unit_eval(&whole, "default", x, alone);
    assert_true(out[0] == 2 * alone[0] && out[1] == alone[0]);

    unit_model_free(&m);
    unit_model_free(&whole);

    snprintf(path, sizeof(path), "%s/link.json", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);

    for (i = 0; i < mlops_nitems(outside); i++) {
        sprintf(text, recipe, outside[i][0]);
        snprintf(path, sizeof(path), "%s/recipe.json", dir);
        unit_spew(path, text, strlen(text));

        rc = mlops_import_file(path, NULL, &image, &len, NULL, &err);
        assert_int_equal(rc, MLOPS_ERROR);
        unit_ok(strstr(err.text, outside[i][1]), "%s", err.text);
    }

    unit_refused(text, strlen(text), NULL, "expected a recipe in a folder");
    free(text);
}


typedef struct {
    const char  *recipe;
    const char  *reason;
} refusal_t;


#define STEP(step)  RECIPE(step, "\"a\"")


static const refusal_t  refusals[] = {
    { "{\"recipe\":2}", "recipe: expected an integer from 1 to 1, got 2" },
    { "{\"recipe\":1,\"imputs\":[]}",
      "expected a known key, got \"imputs\"; did you mean \"inputs\"?" },
    { "{\"recipe\":1,\"inputs\":[],\"signatures\":[]}",
      "inputs: expected a list of 1 to 32767 objects, got an array of 0" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\",\"type\":\"FP46\"}],"
      "\"signatures\":[]}",
      "inputs[0].type: expected a type, got \"FP46\"; did you mean" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\",\"type\":\"INT8\","
      "\"default\":200}],\"signatures\":[]}",
      "inputs[0].default: expected a whole number that INT8 holds, got 200" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\",\"default\":1,"
      "\"required\":true}],\"signatures\":[]}",
      "expected a default or required, got both" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\",\"range\":[2,1]}],"
      "\"signatures\":[]}", "inputs[0]: range: expected the lowest" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\"},{\"name\":\"a\"}],"
      "\"signatures\":[]}",
      "inputs[1]: expected a new name, got \"a\", which is taken" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\",\"categories\":[\"x\"]}],"
      "\"signatures\":[]}",
      "categories: expected for an input of type BYTES" },
    { STEP("{\"kind\":\"afine\",\"inputs\":[\"a\"],\"outputs\":[\"y\"]}"),
      "steps[0].kind: expected a known word, got \"afine\"; did you mean "
      "\"affine\"?" },
    { STEP("{\"kind\":\"affine\",\"inputs\":[\"a\"],\"wieghts\":[1],"
           "\"outputs\":[\"y\"]}"),
      "steps[0]: expected a known key, got \"wieghts\"; did you mean "
      "\"weights\"?" },
    { STEP("{\"kind\":\"affine\",\"inputs\":[\"a\"],\"outputs\":[\"y\"]}"),
      "steps[0].weights: expected a list of 1 lists of 1 numbers, got "
      "nothing" },
    { STEP("{\"kind\":\"affine\",\"inputs\":[\"a\",\"b\"],\"weights\":[1],"
           "\"outputs\":[\"y\"]}"),
      "steps[0].weights: expected a number, or a list of 2" },
    { STEP("{\"kind\":\"affine\",\"inputs\":[\"a\"],\"weights\":[[1],[2,3]],"
           "\"outputs\":[\"y\",\"z\"]}"),
      "steps[0].weights[1]: expected a list of 1 numbers, got an array of "
      "2" },
    { STEP("{\"kind\":\"affine\",\"inputs\":[\"a\"],\"weights\":[NaN],"
           "\"outputs\":[\"y\"]}"),
      "steps[0].weights[0]: expected a number, got NaN" },
    { STEP("{\"kind\":\"affine\",\"inputs\":[\"a\",\"b\"],\"weights\":"
           "{\"a\":1,\"c\":2},\"outputs\":[\"y\"]}"),
      "steps[0].weights: expected a weight for each input, got one for "
      "\"c\"" },
    { STEP("{\"kind\":\"unary\",\"op\":\"neg\",\"inputs\":[\"d\"],"
           "\"outputs\":[\"y\"]}"),
      "steps[0].inputs[0]: expected the name of an input or of an earlier "
      "step's output, got \"d\"" },
    { STEP("{\"kind\":\"unary\",\"op\":\"neg\",\"inputs\":[\"y\"],"
           "\"outputs\":[\"y\"]}"), "steps[0].inputs[0]: expected the name" },
    { STEP("{\"kind\":\"unary\",\"op\":\"neg\",\"inputs\":[\"a\"],"
           "\"outputs\":[\"y\",\"z\"]}"),
      "steps[0]: unary: expected as many outputs as inputs, got 1 inputs and "
      "2 outputs" },
    { STEP("{\"kind\":\"unary\",\"op\":\"neg\",\"inputs\":[\"a\"],"
           "\"outputs\":[\"y\"]},{\"kind\":\"unary\",\"op\":\"neg\","
           "\"inputs\":[\"a\"],\"outputs\":[\"y\"]}"),
      "steps[1].outputs[0]: expected a new name" },
    { STEP("{\"kind\":\"binary\",\"op\":\"add\",\"inputs\":[\"a\"],"
           "\"outputs\":[\"y\"]}"),
      "binary: expected two inputs for each output" },
    { STEP("{\"kind\":\"binary\",\"op\":\"add\",\"inputs\":[\"a\",\"b\"],"
           "\"reversed\":true,\"outputs\":[\"y\"]}"),
      "reversed: expected beside a constant" },
    { STEP("{\"kind\":\"clip\",\"inputs\":[\"a\"],\"outputs\":[\"y\"]}"),
      "steps[0]: expected lo, hi or both" },
    { STEP("{\"kind\":\"clip\",\"inputs\":[\"a\"],\"lo\":2,\"hi\":1,"
           "\"outputs\":[\"y\"]}"), "" },
    { STEP("{\"kind\":\"map\",\"inputs\":[\"a\"],\"entries\":[[1,2,3]],"
           "\"outputs\":[\"y\"]}"),
      "steps[0].entries[0]: expected a pair of a number" },
    { STEP("{\"kind\":\"map\",\"inputs\":[\"a\"],\"entries\":[[1,2],[1,3]],"
           "\"outputs\":[\"y\"]}"),
      "steps[0].entries: expected each number once, got 1 twice" },
    { STEP("{\"kind\":\"map\",\"inputs\":[\"a\"],\"entries\":[[1,2]],"
           "\"outputs\":[\"y\",\"z\"]}"),
      "entries: expected a list of 2 numbers for each entry" },
    { STEP("{\"kind\":\"one_hot\",\"inputs\":[\"a\"],\"outputs\":[\"y\"]}"),
      "steps[0].categories: expected as many as outputs (1, at most 1024)" },
    { STEP("{\"kind\":\"piecewise\",\"inputs\":[\"a\"],\"x\":[0,0],"
           "\"y\":[1,2],\"outputs\":[\"y\"]}"), "" },
    { STEP("{\"kind\":\"trees\",\"inputs\":[\"a\"],\"trees\":[{\"input\":"
           "\"b\",\"below\":1,\"left\":{\"leaf\":1},\"right\":{\"leaf\":1}}]"
           ",\"outputs\":[\"y\"]}"),
      "steps[0].trees[0].input: expected one of the step's first 4096 inputs,"
      " got \"b\"" },
    { STEP("{\"kind\":\"trees\",\"inputs\":[\"a\"],\"trees\":[{\"input\":"
           "\"a\",\"below\":1,\"left\":{\"leaf\":1},\"rigth\":{\"leaf\":1}}]"
           ",\"outputs\":[\"y\"]}"), "did you mean \"right\"?" },
    { STEP("{\"kind\":\"trees\",\"inputs\":[\"a\"],\"trees\":[{\"input\":"
           "\"a\",\"below\":1,\"left\":{\"leaf\":1},\"right\":{\"leaf\":"
           "[1,2]}}],\"outputs\":[\"y\"]}"),
      "steps[0].trees[0].right.leaf: expected a number, or a list of 1" },
    { RECIPE("", "\"y\""),
      "signatures[0].outputs[0].from: expected the name of an input" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\"}],\"signatures\":[{\"name\":"
      "\"s\",\"outputs\":[{\"name\":\"a\"}]}],\"golden\":[{\"inputs\":"
      "{\"a\":1},\"outputs\":{\"a\":2}}]}", "golden" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\"}],\"signatures\":[{\"name\":"
      "\"s\",\"outputs\":[{\"name\":\"a\"}]}],\"golden\":[{\"inputs\":"
      "{\"b\":1},\"outputs\":{\"a\":2}}]}",
      "golden[0].inputs: expected inputs of the signature, got \"b\"" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\"}],\"signatures\":[{\"name\":"
      "\"s\",\"outputs\":[{\"name\":\"a\"}]}],\"golden\":[{\"inputs\":"
      "{\"a\":1},\"outputs\":{}}]}",
      "golden[0].outputs: expected all 1 outputs of the signature, got 0" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\"}],\"signatures\":[{\"name\":"
      "\"s\",\"outputs\":[{\"name\":\"a\"}]}],\"golden\":[{\"signature\":"
      "\"t\",\"inputs\":{},\"outputs\":{}}]}",
      "golden[0].signature: expected the name of a signature, got \"t\"" },
    { "{\"recipe\":1,\"inputs\":[{\"name\":\"a\",\"type\":\"BYTES\"}],"
      "\"steps\":[{\"kind\":\"unary\",\"op\":\"neg\",\"inputs\":[\"a\"],"
      "\"outputs\":[\"y\"]}],\"signatures\":[{\"name\":\"s\",\"outputs\":"
      "[{\"name\":\"y\"}]}]}", "" }
};


static void
test_refused(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < mlops_nitems(refusals); i++) {
        unit_refused(refusals[i].recipe, strlen(refusals[i].recipe), NULL,
                     refusals[i].reason);
    }
}


/* A zero byte is a character like any other. */

static void
test_zero_byte(void **state)
{
    unit_model_t  m;

    (void) state;

    unit_import_text(&m, "{\"recipe\":1,\"inputs\":[{\"name\":\"c\","
        "\"type\":\"BYTES\",\"categories\":[\"a\\u0000b\",\"a\"]}],"
        "\"steps\":[{\"kind\":\"map\",\"inputs\":[\"c\"],\"entries\":"
        "{\"a\\u0000b\":1,\"a\":2},\"other\":3,\"outputs\":[\"y\"]}],"
        "\"signatures\":[{\"name\":\"s\",\"outputs\":[{\"name\":\"y\"},"
        "{\"name\":\"c\",\"type\":\"BYTES\"}]}],"
        "\"golden\":[{\"inputs\":{\"c\":\"a\\u0000b\"},\"outputs\":{\"y\":1,"
        "\"c\":\"a\\u0000b\"}},{\"inputs\":{\"c\":\"a\"},\"outputs\":{\"y\":2,"
        "\"c\":\"a\"}},{\"inputs\":{\"c\":\"\\u0000\"},\"outputs\":{\"y\":3,"
        "\"c\":\"\\u0000\"}}]}", NULL);

    expect_answer(&m, MLOPS_DOOR_ANY, "{\"c\":\"a\\u0000b\"}",
                  "{\"y\":1.0,\"c\":\"a\\u0000b\"}");
    unit_model_free(&m);
}


/* The same in UBJSON, whose arrays of numbers come packed: wherever a recipe
 * has a list of them. */

#define K(len, text)  "U" len text
#define V(len, text)  "SU" len text

#define UBJSON(categories)                                                    \
    "{" K("\6", "recipe") "i\1"                                               \
    K("\6", "inputs") "[{" K("\4", "name") V("\1", "x")                       \
        K("\5", "range") "[$U#i\2\0\xff" "}]"                                 \
    K("\5", "steps") "[{" K("\4", "kind") V("\7", "one_hot")                  \
        K("\6", "inputs") "[" V("\1", "x") "]"                                \
        K("\7", "outputs") "[" V("\1", "a") V("\1", "b") "]"                  \
        K("\12", "categories") categories "}"                                 \
        "{" K("\4", "kind") V("\3", "map")                                    \
        K("\6", "inputs") "[" V("\1", "x") "]"                                \
        K("\7", "outputs") "[" V("\1", "c") "]"                               \
        K("\7", "entries") "[[$i#i\2\2\x63[$d#i\2\x3f\0\0\0\x40\xe0\0\0]}]"   \
    K("\12", "signatures") "[{" K("\4", "name") V("\1", "s")                  \
        K("\7", "outputs") "[{" K("\4", "name") V("\1", "y")                  \
        K("\4", "from") "[" V("\1", "a") V("\1", "b") V("\1", "c") "]}]}]"    \
    K("\6", "golden") "[{" K("\6", "inputs") "{" K("\1", "x") "i\2}"          \
        K("\7", "outputs") "{" K("\1", "y") "[$i#i\3\0\1\x63" "}}]}"


static void
test_packed(void **state)
{
    int                rc;
    double             x, out[3];
    mlops_err_t        err;
    unit_model_t       m;
    static const char  text[] = UBJSON("[$d#i\2\x3f\0\0\0\x40\0\0\0");
    static const char  nan[] = UBJSON("[$d#i\2\x3f\0\0\0\x7f\xc0\0\0");

    (void) state;

    rc = mlops_import_data(text, sizeof(text) - 1, NULL, NULL, &m.image,
                           &m.len, NULL, &err);
    unit_ok(rc == MLOPS_OK, "%s", rc == MLOPS_OK ? "" : err.text);
    unit_model_load(&m);

    x = 0.5;
    unit_eval(&m, "s", &x, out);
    assert_true(out[0] == 1 && out[1] == 0 && out[2] == 7);

    x = 2;
    unit_eval(&m, "s", &x, out);
    assert_true(out[0] == 0 && out[1] == 1 && out[2] == 99);

    unit_model_free(&m);

    unit_refused(nan, sizeof(nan) - 1, NULL, "steps[0].categories: expected "
                 "numbers, got NaN");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_housing),
        cmocka_unit_test(test_mpg),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_zero_byte),
        cmocka_unit_test(test_packed)
    };

    return unit_run(tests);
}
