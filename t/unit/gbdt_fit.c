/*
 * The fitter of boosted trees: its steps and its report, categories of
 * strings, links, going on from an image, and what it refuses.
 */

#include "fits.h"

#include <unistd.h>


#define GBDT  "{\"kind\":\"model\",\"fit\":\"gbdt\","
#define XY    "\"inputs\":[\"a\",\"b\"],\"outputs\":[\"y\"]}"
#define ROWS  400


static double    rows_a[ROWS], rows_b[ROWS], rows_y[ROWS];
static uint32_t  rows_c[ROWS];

static const mlops_str_t  rows_categories[] = {
    mlops_str("ash"), mlops_str("beech"), mlops_str("\"oak\""),
    mlops_str("yew")
};


static void
rows(fits_t *fits)
{
    uint32_t  i;
    uint64_t  state;

    state = 88172645463325252ull;

    for (i = 0; i < ROWS; i++) {
        rows_a[i] = (double) (unit_random(&state) % 1000) / 100;
        rows_b[i] = (double) (unit_random(&state) % 7);
        rows_c[i] = unit_random(&state) % 5;
        rows_y[i] = rows_a[i] > 4 ? 3 + rows_b[i] : rows_b[i] / 2;
        rows_y[i] += rows_c[i] == 2 ? 2 : 0;

        if (rows_c[i] == 4) {
            rows_c[i] = MLOPS_MATRIX_NONE;
        }
    }

    fits_init(fits);
    fits_column(fits, "a", rows_a, ROWS);
    fits_column(fits, "b", rows_b, ROWS);
    fits->matrix.target = rows_y;
}


static void
classes(fits_t *fits, uint32_t n)
{
    uint32_t                  i;
    static const mlops_str_t  names[] = {
        mlops_str("low"), mlops_str("mid"), mlops_str("high")
    };

    for (i = 0; i < ROWS; i++) {
        rows_y[i] = rows_y[i] > 4 ? n - 1 : n == 3 && rows_y[i] > 2;
    }

    fits->classes_n = n;

    for (i = 0; i < n; i++) {
        fits->classes[i] = names[i];
    }
}


static const char *
said(const fits_t *fits, const char *key)
{
    static char         text[64];
    const mlops_doc_t  *doc;

    doc = mlops_doc_get(fits->said, key);
    unit_ok(doc != NULL && doc->type == MLOPS_DOC_STRING, "no \"%s\"", key);
    snprintf(text, sizeof(text), "%.*s", mlops_fmt(&doc->v.text));

    return text;
}


static void
test_squared(void **state)
{
    double    got, rest;
    fits_t    fits;
    uint32_t  i;

    (void) state;

    rows(&fits);
    fits_well(&fits, GBDT "\"trees\":200,\"learning_rate\":0.2," XY);

    assert_true(fits.found->n == 1);
    assert_string_equal(said(&fits, "objective"), "squared");
    fits_near("rounds", fits_at(fits.said, "rounds", 0), 200, 0);

    /* a leaf is a mean of rows, of which some have the 2 of a category */

    for (i = 0; i < ROWS; i += 10) {
        fits_eval(&fits, (const char *const []) { "y" }, 1,
                  (double []) { rows_a[i], rows_b[i] }, &got);
        rest = got - rows_y[i] + (rows_c[i] == 2 ? 2 : 0);
        unit_ok(rest > -0.1 && rest < 2.1, "row %u: %g too much", i, rest);
    }

    fits_done(&fits);
}


/* A margin, and the link behind it in double. */

static void
test_links(void **state)
{
    double    out[6];
    fits_t    fits;

    (void) state;

    rows(&fits);
    fits_well(&fits, GBDT "\"trees\":5,\"margin\":[\"m\"]," XY);
    fits_eval(&fits, (const char *const []) { "m", "y" }, 2,
              (double []) { 5, 3 }, out);
    assert_true(out[0] == out[1]);

    fits_well(&fits, GBDT "\"trees\":5,\"objective\":\"poisson\","
                     "\"margin\":[\"m\"]," XY);
    fits_eval(&fits, (const char *const []) { "m", "y" }, 2,
              (double []) { 5, 3 }, out);
    fits_near("poisson", out[1], exp(out[0]), 1e-14);

    fits_well(&fits, GBDT "\"trees\":5,\"objective\":\"quantile\","
                     "\"alpha\":0.9," XY);
    fits_well(&fits, GBDT "\"trees\":5,\"objective\":\"huber\","
                     "\"delta\":0.5," XY);
    fits_done(&fits);

    rows(&fits);
    classes(&fits, 2);
    fits_well(&fits, GBDT "\"trees\":5,\"inputs\":[\"a\",\"b\"],"
                     "\"outputs\":[\"no\",\"yes\"],\"margin\":[\"m\"]}");
    assert_string_equal(said(&fits, "objective"), "logistic");
    fits_eval(&fits, (const char *const []) { "m", "no", "yes" }, 3,
              (double []) { 5, 3 }, out);
    fits_near("logistic", out[2], 1 / (1 + exp(-out[0])), 1e-14);
    assert_true(out[1] == 1 - out[2]);
    fits_done(&fits);

    rows(&fits);
    classes(&fits, 3);
    fits_well(&fits, GBDT "\"trees\":5,\"inputs\":[\"a\",\"b\"],"
                     "\"outputs\":[\"p\",\"q\",\"r\"],"
                     "\"margin\":[\"m\",\"n\",\"o\"]}");
    assert_string_equal(said(&fits, "objective"), "softmax");
    fits_eval(&fits, (const char *const []) { "m", "n", "o", "p", "q", "r" },
              6, (double []) { 5, 3 }, out);
    fits_near("softmax", out[4], exp(out[1]) / (exp(out[0]) + exp(out[1])
                                                + exp(out[2])), 1e-12);
    fits_near("softmax", out[3] + out[4] + out[5], 1, 1e-14);
    fits_done(&fits);
}


/* The steps as a model with a string input. */

static void
model(fits_t *fits, unit_model_t *m, const char *facts)
{
    mlops_import_text_t  text = { 0 };

    mlops_import_text(&text, "{\"recipe\":1,\"inputs\":[{\"name\":\"a\"},"
                      "{\"name\":\"b\"},{\"name\":\"c\",\"type\":\"BYTES\"}],"
                      "\"metadata\":{\"x\":[{%s}]},"
                      "\"steps\":[%.*s],\"signatures\":[{\"name\":"
                      "\"default\",\"outputs\":[{\"name\":\"y\"}]}]}", facts,
                      (int) fits->steps.len, fits->steps.data);

    unit_import_text(m, text.data, NULL);
    free(text.data);
}


static double
answer(const unit_model_t *m, double a, double b, const char *c)
{
    double               out;
    mlops_cell_t         cells[3], results[1];
    uint64_t             present, missing;
    static _Alignas(64) char  scratch[65536];

    memset(cells, 0, sizeof(cells));
    cells[0].f = a;
    cells[1].f = b;
    present = 3;

    if (c != NULL) {
        present = 7;
        cells[2].s.off = 0;
        cells[2].s.len = (uint32_t) strlen(c);
    }

    assert_true(mlops_model_scratch_size(m->model) <= sizeof(scratch));

    mlops_model_eval(m->model, 0, cells, &present, c, scratch, results,
                     &missing);
    out = results[0].f;

    return out;
}


/* A category goes its way; one that is not known is as a missing one. */

static void
test_categories(void **state)
{
    fits_t          fits;
    unit_model_t    m;

    (void) state;

    rows(&fits);
    fits_codes(&fits, "c", rows_c, ROWS, rows_categories, 4);
    fits_well(&fits, GBDT "\"trees\":60,\"learning_rate\":0.3,"
                     "\"cat_smooth\":1,\"cat_l2\":0,\"cat_rows\":1,"
                     "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"y\"]}");
    assert_true(fits.found->n == 2);

    model(&fits, &m, "");

    fits_near("oak", answer(&m, 8, 3, "\"oak\""), 8, 0.05);
    fits_near("ash", answer(&m, 8, 3, "ash"), 6, 0.05);
    fits_near("missing", answer(&m, 8, 3, NULL), 6, 0.05);
    assert_true(answer(&m, 8, 3, "elm") == answer(&m, 8, 3, NULL));

    unit_model_free(&m);
    fits_done(&fits);
}


static void
start_at(char *json, size_t size, const char *path, const char *more)
{
    snprintf(json, size, GBDT "\"trees\":6,\"start\":\"%s\",%s\"cat_smooth\":"
             "1,\"cat_rows\":1,\"inputs\":[\"a\",\"b\",\"c\"],"
             "\"outputs\":[\"y\"]}", path, more);
}


/* Six trees of an image and six more are twelve. */

static void
test_going_on(void **state)
{
    char           *whole, path[128], json[512];
    fits_t          fits;
    unit_model_t    m;

    (void) state;

    rows(&fits);
    fits_codes(&fits, "c", rows_c, ROWS, rows_categories, 4);

    fits_well(&fits, GBDT "\"trees\":12,\"cat_smooth\":1,\"cat_rows\":1,"
                     "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"y\"]}");
    whole = strndup(fits.steps.data, fits.steps.len);

    fits_well(&fits, GBDT "\"trees\":6,\"cat_smooth\":1,\"cat_rows\":1,"
                     "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"y\"]}");

    /* its features are called by the inputs they come from */

    model(&fits, &m, "");
    fits.folder = unit_tmpdir();
    snprintf(path, sizeof(path), "%s/half.mlm", fits.folder);
    unit_spew(path, m.image, m.len);
    unit_model_free(&m);

    start_at(json, sizeof(json), "half.mlm", "");
    fits_well(&fits, json);
    unit_ok(strlen(whole) == fits.steps.len
            && memcmp(whole, fits.steps.data, fits.steps.len) == 0,
            "other trees:\n%.200s\n%.200s", whole, fits.steps.data);
    fits_near("rounds", fits_at(fits.said, "rounds", 0), 12, 0);

    start_at(json, sizeof(json), "half.mlm", "\"max_trees\":8,");
    fits_well(&fits, json);
    fits_near("rounds", fits_at(fits.said, "rounds", 0), 8, 0);

    start_at(json, sizeof(json), "half.mlm", "\"max_trees\":6,");
    fits_refused(&fits, json, "steps[0]: max_trees: expected more than the 6 "
                 "rounds");

    start_at(json, sizeof(json), "half.mlm", "\"objective\":\"softmax\",");
    fits_refused(&fits, json, "softmax");

    start_at(json, sizeof(json), "nonexistent.mlm", "");
    fits_refused(&fits, json, "steps[0].start: ");

    start_at(json, sizeof(json), path, "");
    fits_refused(&fits, json, "steps[0].start: expected a path below the "
                 "recipe's folder");

    /* one of the names is not there any more */

    fits.columns[1].name.data = "d";
    start_at(json, sizeof(json), "half.mlm", "");
    fits_refused(&fits, json, "expected the features of its trees among the "
                 "step's inputs, \"b\" is not");

    free(whole);
    fits_done(&fits);
}


/* The report names features that are computed cells. */

static void
test_told(void **state)
{
    char                 path[128];
    fits_t               fits;
    unit_model_t         m;
    mlops_import_text_t  text = { 0 };

    (void) state;

    rows(&fits);
    fits_well(&fits, GBDT "\"trees\":4," XY);

    mlops_import_text(&text, "{\"recipe\":1,\"inputs\":[{\"name\":\"raw\"},"
                      "{\"name\":\"b\"}],\"metadata\":{%.*s},\"steps\":["
                      "{\"kind\":\"unary\",\"op\":\"abs\",\"inputs\":"
                      "[\"raw\"],\"outputs\":[\"a\"]},%.*s],\"signatures\":"
                      "[{\"name\":\"default\",\"outputs\":[{\"name\":\"y\"}]"
                      "}]}", (int) fits.report.len, fits.report.data,
                      (int) fits.steps.len, fits.steps.data);
    unit_import_text(&m, text.data, NULL);
    fits.folder = unit_tmpdir();
    snprintf(path, sizeof(path), "%s/told.mlm", fits.folder);
    unit_spew(path, m.image, m.len);
    unit_model_free(&m);

    fits_well(&fits, GBDT "\"trees\":4,\"start\":\"told.mlm\"," XY);
    fits_near("rounds", fits_at(fits.said, "rounds", 0), 8, 0);

    free(text.data);
    fits_done(&fits);
}


static void
test_refused(void **state)
{
    fits_t    fits;
    uint32_t  i;

    static const struct {
        const char  *json;
        const char  *reason;
    } cases[] = {
        { GBDT "\"objective\":\"square\"," XY,
          "steps[0].objective: expected" },
        { GBDT "\"tree\":4," XY, "did you mean \"trees\"" },
        { GBDT "\"trees\":0," XY, "steps[0].trees: expected" },
        { GBDT "\"leaves\":1," XY, "steps[0].leaves: expected" },
        { GBDT "\"bins\":256," XY, "steps[0].bins: expected" },
        { GBDT "\"learning_rate\":1.5," XY,
          "steps[0].learning_rate: expected" },
        { GBDT "\"l2\":-1," XY, "steps[0].l2: expected" },
        { GBDT "\"row_fraction\":0," XY, "steps[0].row_fraction: expected" },
        { GBDT "\"monotone\":{\"aa\":1}," XY, "steps[0].monotone: expected "
          "one of the step's inputs" },
        { GBDT "\"monotone\":{\"a\":2}," XY,
          "steps[0].monotone.a: expected 1, 0 or -1" },
        { GBDT "\"categorical\":[\"aa\"]," XY,
          "steps[0].categorical: expected one of the step's inputs" },
        { GBDT "\"monotone\":{\"a\":1},\"categorical\":[\"a\"]," XY,
          "steps[0].categorical: expected inputs that are not in monotone" },
        { GBDT "\"objective\":\"quantile\",\"monotone\":{\"a\":1}," XY,
          "steps[0]: monotone: expected none with the objective quantile" },
        { GBDT "\"alpha\":0.5," XY,
          "steps[0]: alpha: expected only with the objective quantile" },
        { GBDT "\"delta\":0.5," XY,
          "steps[0]: delta: expected only with the objective huber" },
        { GBDT "\"objective\":\"logistic\"," XY,
          "steps[0]: objective: expected two classes for logistic, got 0" },
        { GBDT "\"early_stopping\":5," XY,
          "steps[0]: early_stopping: expected rows for tuning" },
        { GBDT "\"inputs\":[\"a\",\"b\"],\"outputs\":[\"y\",\"z\"]}",
          "steps[0]: outputs: expected 1, got 2" },
        { GBDT "\"margin\":[\"m\",\"n\"]," XY,
          "steps[0]: margin: expected 1, got 2" }
    };

    (void) state;

    rows(&fits);

    for (i = 0; i < mlops_nitems(cases); i++) {
        fits_refused(&fits, cases[i].json, cases[i].reason);
    }

    classes(&fits, 3);
    fits_refused(&fits, GBDT "\"objective\":\"logistic\"," XY,
                 "softmax takes more");
    fits_refused(&fits, GBDT XY, "steps[0]: outputs: expected a name for each "
                 "of 3 classes (\"low\", \"mid\", \"high\"), got 1");

    fits_done(&fits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_squared),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_categories),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_refused)
    };

    return unit_run(tests);
}
