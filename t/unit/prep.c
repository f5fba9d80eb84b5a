/*
 * Preprocessing fitted on training rows: numbers are those of scikit-learn
 * 1.9.1 and NumPy 2.4.
 */

#include "fits.h"


#define ABC  "\"inputs\":[\"a\",\"b\",\"c\"],\"outputs\":[\"x\",\"y\",\"z\"]"


static const double  prep_a[12] = {
    0.5, -1.25, 2, NAN, -0.75, 1, 4.25, -2, NAN, 1.5, 2.5, -3
};
static const double  prep_b[12] = {
    1000, 1100, 950, 1210, 1005, 990, 1300, 1020, 1111, 1001, 1234, 999
};
static const double  prep_c[12] = {
    1e-3, 5e-3, 2e-3, 8e-3, 7e-3, 1e-3, 0, 4e-3, 3e-3, 9e-3, 6e-3, 2e-3
};
static const double  prep_g[12] = {
    4, 8, 6, 4, 4, 8, NAN, 3, 8, 4, 6, 4
};
static const double  prep_filled[12] = {
    0.5, -1.25, 2, 1, -0.75, 1, 4.25, -2, 1, 1.5, 2.5, -3
};

static const double  prep_row[3] = { 1.75, 1234.5, 0.0041 };


static void
abc(fits_t *fits)
{
    fits_init(fits);
    fits_column(fits, "a", prep_a, 12);
    fits_column(fits, "b", prep_b, 12);
    fits_column(fits, "c", prep_c, 12);
}


static void
expect(fits_t *fits, const char *json, const double *expected)
{
    static const char *const  cells[] = { "x", "y", "z" };

    fits_well(fits, json);
    fits_answer(fits, cells, 3, prep_row, expected, 1e-12);
}


static void
test_impute(void **state)
{
    fits_t                    fits;
    const double              row[2] = { NAN, NAN }, good[2] = { 7, 8 };
    static const char *const  cells[] = { "x", "y", "m", "n" };

    (void) state;

    fits_init(&fits);
    fits_column(&fits, "a", prep_a, 12);
    fits_column(&fits, "g", prep_g, 12);

    fits_well(&fits, "{\"kind\":\"impute\",\"fit\":\"mean\",\"inputs\":"
              "[\"a\",\"g\"],\"outputs\":[\"x\",\"y\"]}");
    fits_answer(&fits, cells, 2, row,
                (double []) { 0.475, 59.0 / 11 }, 1e-12);
    assert_true(fits_at(fits.said, "missing", 0) == 2);
    assert_true(fits_at(fits.said, "missing", 1) == 1);

    fits_well(&fits, "{\"kind\":\"impute\",\"fit\":\"median\",\"inputs\":"
              "[\"a\",\"g\"],\"outputs\":[\"x\",\"y\"],"
              "\"indicator\":[\"m\",\"n\"]}");
    fits_answer(&fits, cells, 4, row, (double []) { 0.75, 4, 1, 1 }, 0);
    fits_answer(&fits, cells, 4, good, (double []) { 7, 8, 0, 0 }, 0);

    fits_well(&fits, "{\"kind\":\"impute\",\"fit\":\"most_frequent\","
              "\"inputs\":[\"a\",\"g\"],\"outputs\":[\"x\",\"y\"]}");

    /* all values of a are there once: the smallest */

    fits_answer(&fits, cells, 2, row, (double []) { -3, 4 }, 0);

    fits_done(&fits);
}


static void
test_scale(void **state)
{
    fits_t  fits;

    (void) state;

    abc(&fits);

    expect(&fits, "{\"kind\":\"affine\",\"fit\":\"standard\"," ABC "}",
           (double []) { 0.6031808258611423, 1.4424650462296003,
                         0.03499271061118835 });
    expect(&fits, "{\"kind\":\"affine\",\"fit\":\"standard\","
           "\"scale\":false," ABC "}",
           (double []) { 1.275, 1234.5 - 12920.0 / 12, 0.0001 });
    expect(&fits, "{\"kind\":\"affine\",\"fit\":\"minmax\"," ABC "}",
           (double []) { 0.6551724137931034, 0.8128571428571427,
                         0.4555555555555556 });
    expect(&fits, "{\"kind\":\"affine\",\"fit\":\"minmax\",\"lo\":-1,"
           "\"hi\":3," ABC "}",
           (double []) { 1.6206896551724137, 2.251428571428571,
                         0.8222222222222224 });
    expect(&fits, "{\"kind\":\"affine\",\"fit\":\"robust\"," ABC "}",
           (double []) { 0.3333333333333333, 1.6323529411764706,
                         0.1333333333333334 });
    expect(&fits, "{\"kind\":\"affine\",\"fit\":\"robust\",\"lo\":0.1,"
           "\"hi\":0.8," ABC "}",
           (double []) { 0.23809523809523808, 1.113898645258404,
                         0.103448275862069 });

    fits_done(&fits);
}


/* A constant column is moved, not scaled; large offsets keep their digits;
 * an empty column is named. */

static void
test_scale_edges(void **state)
{
    int       i;
    fits_t    fits;
    double    same[12], high[12], empty[12], out[2];
    double    row[2] = { 0.3, 1e9 + 3 };

    static const char *const  cells[] = { "x", "y" };

    (void) state;

    for (i = 0; i < 12; i++) {
        same[i] = 0.1;
        high[i] = 1e9 + i % 4;
        empty[i] = NAN;
    }

    fits_init(&fits);
    fits_column(&fits, "same", same, 12);
    fits_column(&fits, "high", high, 12);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"standard\",\"inputs\":"
              "[\"same\",\"high\"],\"outputs\":[\"x\",\"y\"]}");
    fits_eval(&fits, cells, 2, row, out);

    fits_near("same", out[0], 0.3 - 0.1, 1e-15);
    fits_near("high", out[1], 1.5 / sqrt(1.25), 1e-15);

    fits.columns[1].data = empty;

    fits_refused(&fits, "{\"kind\":\"affine\",\"fit\":\"robust\","
                 "\"inputs\":[\"same\",\"high\"],\"outputs\":[\"x\",\"y\"]}",
                 "\"high\" is missing in all of 12 training rows");

    fits_refused(&fits, "{\"kind\":\"affine\",\"fit\":\"minmax\","
                 "\"lo\":1,\"hi\":1,\"inputs\":[\"same\",\"high\"],"
                 "\"outputs\":[\"x\",\"y\"]}",
                 "expected lo below hi");

    fits_done(&fits);
}


static void
test_clip(void **state)
{
    fits_t  fits;
    double  lo[3] = { -100, 0, -1 }, hi[3] = { 100, 9999, 1 };

    static const char *const  cells[] = { "x", "y", "z" };

    (void) state;

    abc(&fits);

    fits_well(&fits, "{\"kind\":\"clip\",\"fit\":\"quantiles\"," ABC "}");
    fits_answer(&fits, cells, 3, lo, (double []) { -2.91, 954.4, 0.00011 },
                1e-12);
    fits_answer(&fits, cells, 3, hi, (double []) { 4.0925, 1292.74, 0.00889 },
                1e-12);

    fits_well(&fits, "{\"kind\":\"clip\",\"fit\":\"quantiles\",\"lo\":0.1,"
              "\"hi\":0.95," ABC "}");
    fits_answer(&fits, cells, 3, lo, (double []) { -2.1, 990.9, 0.001 },
                1e-12);
    fits_answer(&fits, cells, 3, hi,
                (double []) { 3.4625, 1263.7, 0.00845 }, 1e-12);

    fits_done(&fits);
}


static void
test_one_hot_numbers(void **state)
{
    fits_t                    fits;
    double                    six[1] = { 6 }, nine[1] = { 9 };
    double                    none[1] = { NAN }, three[1] = { 3 };
    static const char *const  all[] = { "g=3", "g=4", "g=6", "g=8" };
    static const char *const  more[] = { "g=4", "g=8", "g=other",
                                         "g=missing" };

    (void) state;

    fits_init(&fits);
    fits_column(&fits, "g", prep_g, 12);

    fits_well(&fits, "{\"kind\":\"one_hot\",\"fit\":\"categories\","
              "\"inputs\":[\"g\"],\"prefix\":\"g=\"}");
    fits_answer(&fits, all, 4, six, (double []) { 0, 0, 1, 0 }, 0);
    fits_answer(&fits, all, 4, nine, (double []) { 0, 0, 0, 0 }, 0);
    fits_answer(&fits, all, 4, none, (double []) { 0, 0, 0, 0 }, 0);

    fits_well(&fits, "{\"kind\":\"one_hot\",\"fit\":\"categories\","
              "\"inputs\":[\"g\"],\"prefix\":\"g=\",\"limit\":2,"
              "\"other\":true,\"missing\":true}");
    fits_answer(&fits, more, 4, three, (double []) { 0, 0, 1, 0 }, 0);
    fits_answer(&fits, more, 4, nine, (double []) { 0, 0, 1, 0 }, 0);
    fits_answer(&fits, more, 4, none, (double []) { 0, 0, 0, 1 }, 0);
    fits_answer(&fits, more, 4, (double []) { 8 },
                (double []) { 0, 1, 0, 0 }, 0);
    assert_true(fits_at(fits.said, "left_out", 0) == 2);

    fits_done(&fits);
}


static void
test_one_hot_strings(void **state)
{
    fits_t              fits;
    const mlops_doc_t  *step, *name;

    static const mlops_str_t  texts[] = {
        mlops_str("west"), mlops_str("n\"orth"), mlops_str("other"),
        mlops_str("never"), mlops_str("a")
    };
    static const uint32_t     codes[] = { 0, 1, 0, 2, 4, 0, UINT32_MAX, 1 };

    (void) state;

    fits_init(&fits);
    fits_codes(&fits, "r", codes, 8, texts, 5);

    fits_well(&fits, "{\"kind\":\"one_hot\",\"fit\":\"categories\","
              "\"inputs\":[\"r\"],\"prefix\":\"r=\"}");

    step = fits_step(&fits, 0);
    assert_true(mlops_str_is(&mlops_doc_get(step, "kind")->v.text,
                             "one_hot"));

    name = mlops_doc_get(step, "categories")->v.child;
    assert_true(mlops_str_is(&name->v.text, "a"));
    name = name->next;
    assert_true(mlops_str_is(&name->v.text, "n\"orth"));
    name = name->next;
    assert_true(mlops_str_is(&name->v.text, "other"));
    name = name->next;
    assert_true(mlops_str_is(&name->v.text, "west"));
    assert_null(name->next);

    name = mlops_doc_get(step, "outputs")->v.child;
    assert_true(mlops_str_is(&name->v.text, "r=a"));

    /* a value that is called as the cell for the others */

    fits_refused(&fits, "{\"kind\":\"one_hot\",\"fit\":"
                 "\"categories\",\"inputs\":[\"r\"],"
                 "\"prefix\":\"r=\",\"other\":true}",
                 "\"r=other\" would be two cells");

    fits_well(&fits, "{\"kind\":\"one_hot\",\"fit\":\"categories\","
              "\"inputs\":[\"r\"],\"prefix\":\"r=\",\"other\":true,"
              "\"min_rows\":2}");

    step = mlops_doc_get(fits_step(&fits, 0), "entries");
    assert_true(step->n == 2);
    assert_true(mlops_str_is(&step->v.child->key, "n\"orth"));

    fits_refused(&fits, "{\"kind\":\"one_hot\",\"fit\":"
                 "\"categories\",\"inputs\":[\"r\"],"
                 "\"prefix\":\"r=\",\"min_rows\":9}",
                 "no value of \"r\" is in 9");

    fits_done(&fits);
}


static void
test_pca(void **state)
{
    fits_t        fits;
    const double  row[3] = { 1234.5, 0.0041, 1.75 };

    static const char *const  cells[] = { "pc1", "pc2", "pc3" };

    (void) state;

    fits_init(&fits);
    fits_column(&fits, "b", prep_b, 12);
    fits_column(&fits, "c", prep_c, 12);
    fits_column(&fits, "a", prep_filled, 12);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"pca\",\"inputs\":"
              "[\"b\",\"c\",\"a\"],\"prefix\":\"pc\"}");
    fits_answer(&fits, cells, 3, row,
                (double []) { 157.83743641197339, -0.33901945264187106,
                              -0.0002793819545040909 }, 1e-9);
    fits_list(fits.said, "variance",
              (double []) { 0.9997793969288357, 0.00022060241380812722,
                            6.573562550592507e-10 }, 3, 1e-9);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"pca\",\"inputs\":"
              "[\"b\",\"c\",\"a\"],\"prefix\":\"pc\",\"components\":2,"
              "\"standardize\":true}");
    fits_answer(&fits, cells, 2, row,
                (double []) { 1.44379998563114, 0.250293131765095 }, 1e-12);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"pca\",\"inputs\":"
              "[\"b\",\"c\",\"a\"],\"prefix\":\"pc\",\"components\":2,"
              "\"standardize\":true,\"whiten\":true}");
    fits_answer(&fits, cells, 2, row,
                (double []) { 1.111197912185764, 0.2365819207733038 },
                1e-12);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"pca\",\"inputs\":"
              "[\"b\",\"c\",\"a\"],\"prefix\":\"pc\",\"variance\":0.85,"
              "\"standardize\":true}");
    assert_true(mlops_doc_get(fits.said, "variance")->n == 2);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"pca\",\"inputs\":"
              "[\"b\",\"c\",\"a\"],\"prefix\":\"pc\",\"variance\":0.9,"
              "\"standardize\":true}");
    assert_true(mlops_doc_get(fits.said, "variance")->n == 3);

    fits_refused(&fits, "{\"kind\":\"affine\",\"fit\":\"pca\","
                 "\"inputs\":[\"b\",\"c\",\"a\"],"
                 "\"prefix\":\"pc\",\"components\":4}",
                 "expected at most the number of inputs, 3, got 4");

    fits_done(&fits);
}


static void
test_terms(void **state)
{
    fits_t  fits;

    static const char *const  three[] = {
        "p:1", "p:w", "p:y", "p:w^2", "p:w y", "p:y^2", "p:w^3", "p:w^2 y",
        "p:w y^2", "p:y^3"
    };
    static const char *const  mixed[] = {
        "u", "v", "w", "u v", "u w", "v w", "u v w"
    };

    (void) state;

    fits_init(&fits);
    fits_column(&fits, "w", NULL, 0);
    fits_column(&fits, "y", NULL, 0);

    fits_well(&fits, "{\"kind\":\"polynomial\",\"fit\":\"terms\",\"inputs\":"
              "[\"w\",\"y\"],\"prefix\":\"p:\",\"degree\":3,"
              "\"include_bias\":true}");
    fits_answer(&fits, three, 10, (double []) { 2.5, -3 },
                (double []) { 1, 2.5, -3, 6.25, -7.5, 9, 15.625, -18.75, 22.5,
                              -27 }, 0);
    fits_done(&fits);

    fits_init(&fits);
    fits_column(&fits, "u", NULL, 0);
    fits_column(&fits, "v", NULL, 0);
    fits_column(&fits, "w", NULL, 0);

    fits_well(&fits, "{\"kind\":\"polynomial\",\"fit\":\"terms\",\"inputs\":"
              "[\"u\",\"v\",\"w\"],\"degree\":3,\"interaction_only\":true}");
    fits_answer(&fits, mixed, 7, (double []) { 2.5, -3, 7 },
                (double []) { 2.5, -3, 7, -7.5, 17.5, -21, -52.5 }, 0);

    fits_done(&fits);
}


static void
test_levels(void **state)
{
    (void) state;

    fits_levels(1000);
}


static void
test_level(void **state)
{
    double  *x;
    fits_t   fits;

    (void) state;

    x = malloc(777 * 18 * sizeof(double));
    (void) fits_random(&fits, x, 777, 17);

    fits_well(&fits, "{\"kind\":\"affine\",\"fit\":\"pca\",\"inputs\":"
              "[],\"prefix\":\"pc\"}");
    fits_level(&fits);

    fits_done(&fits);
    free(x);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_impute),
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_scale_edges),
        cmocka_unit_test(test_clip),
        cmocka_unit_test(test_one_hot_numbers),
        cmocka_unit_test(test_one_hot_strings),
        cmocka_unit_test(test_pca),
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_levels)
    };
    const struct CMUnitTest  child[] = {
        cmocka_unit_test(test_level)
    };

    return fits_child() ? unit_run(child) : unit_run(tests);
}
