/*
 * XGBoost models against the library's own answers: those beside the public
 * data where they are there, and those of t/data/make_fixtures.py.  Margins
 * have to have the same bits.  A link that calls expf may differ by an ulp
 * from another C library's.
 */

#include "importing.h"


typedef struct {
    const char  *name;
    double       ulps;
    int          ubj;
} fixture_t;


static const fixture_t  fixtures[] = {
    { "squarederror", 0, 1 },
    { "logistic_missing", 1, 0 },
    { "hinge", 0, 0 },
    { "logitraw", 0, 0 },
    { "softprob", 2, 1 },
    { "softmax", 0, 0 },
    { "poisson", 1, 0 },
    { "gamma", 1, 0 },
    { "tweedie", 1, 0 },
    { "cox", 1, 0 },
    { "aft", 1, 0 },
    { "dart", 0, 0 },
    { "dart_softprob", 2, 0 },
    { "gblinear", 0, 1 },
    { "gblinear_softprob", 2, 0 },
    { "forest", 0, 0 },
    { "stopped", 0, 0 },
    { "stopped_softprob", 2, 0 },
    { "two_targets", 0, 0 },
    { "leafwise", 0, 0 },
    { "pruned", 0, 0 },
    { "categorical", 0, 1 }
};


static void
test_fixtures(void **state)
{
    char          name[128], csv[UNIT_PATH_SIZE];
    size_t        i;
    uint32_t      n, form;
    unit_model_t  m;

    (void) state;

    for (i = 0; i < mlops_nitems(fixtures); i++) {
        snprintf(name, sizeof(name), "xgboost/%s.csv", fixtures[i].name);
        snprintf(csv, sizeof(csv), "%s", unit_fixture(name));

        for (form = 0; form <= (uint32_t) fixtures[i].ubj; form++) {
            snprintf(name, sizeof(name), "xgboost/%s.%s", fixtures[i].name,
                     form ? "ubj" : "json");

            unit_import(&m, unit_fixture(name), NULL);
            n = unit_rows(&m, csv, fixtures[i].ulps);
            assert_int_equal(n, 60);
            unit_model_free(&m);
        }
    }
}


/* Four models of the public data. */

static void
test_golden(void **state)
{
    char                     name[128], csv[UNIT_PATH_SIZE];
    size_t                   i;
    uint32_t                 n;
    unit_model_t             m;
    static const fixture_t   golden[] = {
        { "housing_gbdt", 0, 500 },
        { "housing_gbdt", 0, 500 },
        { "housing_missing_logistic", 1, 500 },
        { "wine_softprob", 2, 178 },
        { "perf_500x6_28", 0, 200 }
    };

    (void) state;

    if (unit_golden("housing_gbdt.json") == NULL) {
        unit_skip("no public data");
    }

    for (i = 0; i < mlops_nitems(golden); i++) {
        snprintf(name, sizeof(name), "%s.rows.csv", golden[i].name);
        snprintf(csv, sizeof(csv), "%s", unit_golden(name));

        snprintf(name, sizeof(name), "%s.%s", golden[i].name,
                 i == 1 ? "ubj" : "json");

        unit_import(&m, unit_golden(name), NULL);
        n = unit_rows(&m, csv, golden[i].ulps);
        assert_int_equal(n, golden[i].ubj);
        unit_model_free(&m);
    }
}


/* The importer's own comparison: rows that fit are counted, one that does
 * not is named. */

static void
test_rows(void **state)
{
    int                      rc;
    char                     path[UNIT_PATH_SIZE], *text, *p;
    void                    *image;
    size_t                   len;
    uint32_t                 golden;
    mlops_err_t              err;
    mlops_str_t              facts;
    unit_model_t             m;
    mlops_import_report_t    report;
    mlops_import_options_t   options;

    (void) state;

    memset(&options, 0, sizeof(options));
    snprintf(path, sizeof(path), "%s",
             unit_fixture("xgboost/squarederror.csv"));

    options.name = "a name";
    options.rows = path;
    options.reference = path;

    rc = mlops_import_file(unit_fixture("xgboost/squarederror.json"),
                           &options, &m.image, &m.len, &report, &err);
    unit_ok(rc == MLOPS_OK, "%s", rc == MLOPS_OK ? "" : err.text);

    assert_int_equal(report.rows_n, 60);
    assert_int_equal(report.equal_n, 60);
    assert_int_equal(report.compared_n, 2);
    assert_int_equal(report.reference_n, 60);
    assert_true(report.worst == 0);

    unit_model_load(&m);
    (void) mlops_model_section(m.model, MLOPS_SECTION_GOLDEN, &golden);
    assert_true(golden >= report.golden_n && report.golden_n == 64);
    facts = mlops_model_facts(m.model);
    assert_non_null(memmem(facts.data, facts.len, "\"name\":\"a name\",",
                           16));
    unit_model_free(&m);

    /* the sign of the last answer */

    text = unit_slurp(path, &len);
    p = strrchr(text, ',') + 1;
    *p = (*p == '-') ? '0' : '9';

    snprintf(path, sizeof(path), "%s/rows.csv", unit_tmpdir());
    unit_spew(path, text, len);

    rc = mlops_import_file(unit_fixture("xgboost/squarederror.json"),
                           &options, &image, &len, &report, &err);
    assert_int_equal(rc, MLOPS_ERROR);
    unit_ok(strstr(err.text, "rows.csv: row 60: margin0: expected"), "%s",
            err.text);
    assert_null(image);

    free(text);
}


/* Ranges and histograms against a count by hand: column f0 of the fixture
 * holds quarters. */

static void
test_reference(void **state)
{
    char                    *text, *line;
    double                   v, lo, hi, missing, sum;
    uint32_t                 i, n;
    unit_model_t             m;
    mlops_histogram_t        h;
    const mlops_column_t    *column;
    mlops_import_options_t   options;
    char                     path[UNIT_PATH_SIZE];

    (void) state;

    memset(&options, 0, sizeof(options));
    snprintf(path, sizeof(path), "%s",
             unit_fixture("xgboost/logistic_missing.csv"));
    options.reference = path;

    unit_import(&m, unit_fixture("xgboost/logistic_missing.json"), &options);

    lo = INFINITY;
    hi = -INFINITY;
    missing = 0;
    text = unit_slurp(path, NULL);
    line = strchr(text, '\n') + 1;

    for (n = 0; *line != '\0'; n++) {

        if (*line == ',') {
            missing++;

        } else {
            v = strtod(line, NULL);
            lo = v < lo ? v : lo;
            hi = v > hi ? v : hi;
        }

        line = strchr(line, '\n') + 1;
    }

    column = &mlops_model_interface(m.model)->signatures[0].inputs.columns[0];
    assert_true(column->flags & MLOPS_COLUMN_RANGE);
    assert_true(column->lo == lo && column->hi == hi);

    assert_int_equal(mlops_model_histogram(m.model, 0, 0, &h), MLOPS_OK);
    assert_true(h.rows == n && h.missing == missing && missing > 0);
    assert_true(h.edges[0] == lo && h.edges[h.bins_n] == hi);

    for (i = 0, sum = 0; i < h.bins_n; i++) {
        assert_true(h.edges[i] < h.edges[i + 1]);
        sum += h.counts[i];
    }

    assert_true(sum == n - missing);

    free(text);
    unit_model_free(&m);
}


/* Rounds chosen by hand give what the library gives for them; its answers
 * for the whole are those of "all". */

static void
test_iterations(void **state)
{
    double                   x[6], out[1], whole[1], sum;
    uint32_t                 i;
    unit_model_t             m;
    mlops_import_options_t   options;
    static const char *const parts[] = { "0:2", "2:3", "3:6" };

    (void) state;

    memset(&options, 0, sizeof(options));

    for (i = 0; i < 6; i++) {
        x[i] = 0.25 * i - 0.5;
    }

    options.iterations = "all";
    unit_import(&m, unit_fixture("xgboost/stopped.json"), &options);
    unit_eval(&m, "margin", x, whole);
    unit_model_free(&m);

    /* every part starts from base_score 0.5 */

    for (i = 0, sum = 0.5; i < mlops_nitems(parts); i++) {
        options.iterations = parts[i];
        unit_import(&m, unit_fixture("xgboost/stopped.json"), &options);
        unit_eval(&m, "margin", x, out);
        sum += out[0] - 0.5;
        unit_model_free(&m);
    }

    assert_true(fabs(sum - whole[0]) < 1e-5);

    options.iterations = "best";
    unit_import(&m, unit_fixture("xgboost/stopped.json"), &options);
    (void) unit_rows(&m, unit_fixture("xgboost/stopped.csv"), 0);
    unit_model_free(&m);

    options.iterations = "4";
    unit_import(&m, unit_fixture("xgboost/stopped.json"), &options);
    (void) unit_rows(&m, unit_fixture("xgboost/stopped.csv"), 0);
    unit_model_free(&m);
}


static void
test_options(void **state)
{
    char                      *text;
    size_t                     len = 0;
    unit_model_t               m;
    const mlops_interface_t   *face;
    mlops_import_options_t     options;
    static const mlops_str_t   names[] = {
        mlops_str("a"), mlops_str("b"), mlops_str("c"), mlops_str("d"),
        mlops_str("e"), mlops_str("\xc3\xa9\xc3\xa9")
    };

    (void) state;

    memset(&options, 0, sizeof(options));
    options.features = names;
    options.features_n = 6;
    options.outputs = "margin";
    options.type = MLOPS_TYPE_FP64;

    unit_import(&m, unit_fixture("xgboost/poisson.json"), &options);
    face = mlops_model_interface(m.model);

    assert_int_equal(face->n, 1);
    assert_true(mlops_str_is(&face->signatures[0].name, "margin"));
    assert_int_equal(face->signatures[0].outputs[0].type, MLOPS_TYPE_FP64);
    assert_true(mlops_str_is(&face->signatures[0].inputs.columns[5].name,
                             "\xc3\xa9\xc3\xa9"));
    unit_model_free(&m);

    text = unit_slurp(unit_fixture("xgboost/poisson.json"), &len);

    options.features_n = 5;
    unit_refused(text, len, &options, "features: expected 6 names, got 5");
    options.features = NULL;

    options.outputs = "margins";
    unit_refused(text, len, &options, "outputs: expected prediction");
    options.outputs = NULL;

    options.iterations = "9";
    unit_refused(text, len, &options, "A < B <= 8, got \"9\"");
    options.iterations = "2:2";
    unit_refused(text, len, &options, "iterations: expected");
    options.iterations = "last";
    unit_refused(text, len, &options, "iterations: expected");

    free(text);

    /* rounds of a linear booster are not kept apart */

    text = unit_slurp(unit_fixture("xgboost/gblinear.json"), &len);

    options.iterations = "1";
    unit_refused(text, len, &options, "iterations: expected all or none for "
                 "gblinear");

    options.iterations = "all";
    unit_import_text(&m, text, &options);
    unit_model_free(&m);

    free(text);
}


/* The first releases wrote default_left as true and false. */

static void
test_booleans(void **state)
{
    char          *text, *p, *end, *to, *changed;
    size_t         len = 0;
    uint32_t       n;
    unit_model_t   m;
    const char    *key = "\"default_left\":[";

    (void) state;

    text = unit_slurp(unit_fixture("xgboost/logistic_missing.json"), &len);
    assert_non_null(text);
    changed = malloc(len * 5 + 1);
    to = changed;
    n = 0;

    for (p = text; (end = strstr(p, key)) != NULL; p = end) {
        end += strlen(key);
        memcpy(to, p, (size_t) (end - p));
        to += end - p;

        for (p = end; *p != ']'; p++) {
            to = stpcpy(to, *p == '1' ? "true" : *p == '0' ? "false" : ",");
            n += (*p == '1');
        }

        end = p;
    }

    (void) strcpy(to, p);
    assert_true(n > 0);

    unit_import_text(&m, changed, NULL);
    (void) unit_rows(&m, unit_fixture("xgboost/logistic_missing.csv"), 2);

    unit_model_free(&m);
    free(changed);
    free(text);
}


/* Truncated anywhere, a file is refused; with any byte changed it is refused
 * or still a model. */

static void
test_damaged(void **state)
{
    int           rc;
    char         *text, *copy;
    void         *image;
    size_t        i, k, n, step, len = 0;
    uint64_t      seed;
    mlops_err_t   err;
    const char   *files[] = { "xgboost/hinge.json", "xgboost/gblinear.ubj",
                              "xgboost/categorical.ubj" };

    (void) state;

    seed = 5;

    for (k = 0; k < mlops_nitems(files); k++) {
        text = unit_slurp(unit_fixture(files[k]), &len);
        copy = malloc(len);
        step = unit_quick() ? 97 : 13;

        for (i = 0; i < len; i += step) {
            rc = mlops_import_data(text, i, NULL, NULL, &image, &n, NULL,
                                   &err);
            unit_ok(rc == MLOPS_ERROR, "%s: taken at %zu of %zu bytes",
                    files[k], i, len);
        }

        for (i = 0; i < len; i += step) {
            memcpy(copy, text, len);
            copy[i] = (char) (unit_random(&seed) >> 56);

            rc = mlops_import_data(copy, len, NULL, NULL, &image, &n, NULL,
                                   &err);

            if (rc == MLOPS_OK) {
                free(image);
            }
        }

        free(copy);
        free(text);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_iterations),
        cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_damaged)
    };

    return unit_run(tests);
}
