/*
 * Tree kernels against the library that made the models: every variant gives
 * the margins that it printed, to the last bit.
 */

#include "importing.h"
#include "mlops_image.h"
#include "mlops_simd.h"
#include "mlops_trees.h"


/* The parameters of the one tree step. */

static const void *
golden_trees(const mlops_model_t *model, uint32_t *features_n,
    uint32_t *groups_n)
{
    uint32_t                   i, n, weights_n;
    const char                *weights;
    const mlops_image_step_t  *step;

    *features_n = 0;
    *groups_n = 0;

    step = mlops_model_section(model, MLOPS_SECTION_STEPS, &n);
    weights = mlops_model_section(model, MLOPS_SECTION_WEIGHTS, &weights_n);

    for (i = 0; i < n; i++) {
        if (step[i].kind == MLOPS_STEP_TREES) {
            *features_n = step[i].in.n;
            *groups_n = step[i].out_n;

            return weights + step[i].param;
        }
    }

    unit_ok(0, "no trees in the image");

    return NULL;
}


/* Rows are features, predictions, then as many margins as there are sums. */

static uint32_t
golden_rows(const char *text, const void *trees, int level,
    uint32_t features_n, uint32_t groups_n, const char *path)
{
    char            *end;
    float           *x, *sums, want;
    void            *scratch;
    size_t           size;
    uint32_t         i, row, columns;
    const char      *p;
    mlops_trees_pt   kernel;

    kernel = mlops_trees_kernel(trees, level);
    size = mlops_align(features_n, 16) * sizeof(float);

    x = aligned_alloc(64, mlops_align(size, 64));
    sums = aligned_alloc(64, mlops_align(groups_n * sizeof(float), 64));
    scratch = aligned_alloc(64,
                            mlops_align(mlops_trees_scratch(trees), 64));

    columns = 1;

    for (p = text; *p != '\n'; p++) {
        columns += (*p == ',');
    }

    p++;

    for (row = 0; *p != '\0'; row++) {
        memset(x, 0xff, size);

        for (i = 0; i < features_n; i++) {
            x[i] = strtof(p, &end);
            x[i] = (end == p) ? NAN : x[i];
            p = end + 1;
        }

        for ( /* void */ ; i < columns - groups_n; i++) {
            p = strchr(p, ',') + 1;
        }

        kernel(trees, x, sums, scratch);

        for (i = 0; i < groups_n; i++) {
            want = strtof(p, &end);
            assert_true(end > p);
            p = end + 1;

            unit_ok(memcmp(&want, &sums[i], sizeof(want)) == 0,
                    "%s, %s, row %u, sum %u: expected %.9g, got %.9g", path,
                    mlops_simd_name(level), row, i, want, sums[i]);
        }
    }

    free(x);
    free(sums);
    free(scratch);

    return row;
}


static void
golden_compare(const char *model, const char *rows)
{
    int            level;
    char          *text;
    uint32_t       n, features_n, groups_n;
    const void    *trees;
    unit_model_t   m;

    unit_import(&m, model, NULL);

    text = unit_slurp(rows, NULL);
    unit_ok(text != NULL, "cannot read %s", rows);

    trees = golden_trees(m.model, &features_n, &groups_n);
    assert_true(mlops_trees_f32(trees));

    for (level = MLOPS_SIMD_PORTABLE; level <= mlops_simd_level(); level++) {
        n = golden_rows(text, trees, level, features_n, groups_n, rows);
        assert_true(n > 50);
    }

    free(text);
    unit_model_free(&m);
}


/* Fixtures of our own: every kind of tree the library makes. */

static void
test_fixtures(void **state)
{
    size_t  i;
    char    model[UNIT_PATH_SIZE], rows[UNIT_PATH_SIZE];

    static const char *const  names[] = {
        "squarederror", "logistic_missing", "categorical", "leafwise",
        "pruned", "forest", "dart", "dart_softprob", "softprob",
        "two_targets", "poisson"
    };

    (void) state;

    for (i = 0; i < mlops_nitems(names); i++) {
        snprintf(model, sizeof(model), "t/data/xgboost/%s.json", names[i]);
        snprintf(rows, sizeof(rows), "t/data/xgboost/%s.csv", names[i]);

        golden_compare(model, rows);
    }
}


static void
test_golden(void **state)
{
    size_t  i;
    char    name[64], model[UNIT_PATH_SIZE], rows[UNIT_PATH_SIZE];

    static const char *const  names[] = {
        "housing_gbdt", "housing_missing_logistic", "perf_500x6_28",
        "wine_softprob"
    };

    (void) state;

    if (unit_golden("perf_500x6_28.json") == NULL) {
        unit_skip("no golden files");
    }

    for (i = 0; i < mlops_nitems(names); i++) {
        snprintf(name, sizeof(name), "%s.json", names[i]);
        snprintf(model, sizeof(model), "%s", unit_golden(name));

        snprintf(name, sizeof(name), "%s.rows.csv", names[i]);
        snprintf(rows, sizeof(rows), "%s", unit_golden(name));

        golden_compare(model, rows);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_fixtures),
        cmocka_unit_test(test_golden)
    };

    return unit_run(tests);
}
