/*
 * Spaces of a tuning: a random search of lists takes each combination once,
 * all of them where it may, and the same ones however many it may take.
 */

#include "unit.h"
#include "mlops_tune.h"


static void
tune_plan(mlops_tuned_t *tuned, const char *text, uint64_t seed, uint32_t n)
{
    mlops_err_t          err;
    mlops_doc_t         *doc;
    mlops_tune_space_t   space;

    memset(tuned, 0, sizeof(*tuned));
    mlops_arena_init(&tuned->arena, NULL, NULL);

    doc = mlops_doc_parse(text, strlen(text), 0, &tuned->arena, &err);
    unit_ok(doc != NULL, "%s", err.text);

    unit_ok(mlops_tune_space(&space, doc, &tuned->arena, &err) == MLOPS_OK
            && mlops_tune_plan(&space, MLOPS_TUNE_RANDOM, seed, tuned, n,
                               &err) == MLOPS_OK, "%s", err.text);
}


/* A recipe with so many lists of so many numbers. */

static char *
tune_text(uint32_t lists, uint32_t values)
{
    char      *text;
    size_t     len;
    uint32_t   i, v;

    text = malloc(64 + (size_t) lists * (16 + 6 * (size_t) values));
    assert_non_null(text);

    len = (size_t) sprintf(text, "{\"tune\":{");

    for (i = 0; i < lists; i++) {
        len += (size_t) sprintf(text + len, "%s\"x%u\":[", i ? "," : "", i);

        for (v = 0; v < values; v++) {
            len += (size_t) sprintf(text + len, v ? ",%u" : "%u", v);
        }

        len += (size_t) sprintf(text + len, "]");
    }

    (void) sprintf(text + len, "}}");

    return text;
}


static uint64_t
tune_point(const mlops_tune_trial_t *trial, uint32_t values)
{
    uint32_t  i;
    uint64_t  point;

    point = 0;

    for (i = 0; i < trial->settings_n; i++) {
        point = point * values
                + strtoul(strchr(trial->settings[i], '=') + 1, NULL, 10);
    }

    return point;
}


/* Every point of a space of ten thousand, which the last trials find among
 * few that are left. */

static void
test_all(void **state)
{
    char           *text, *had;
    uint32_t        i, other;
    uint64_t        point;
    mlops_tuned_t   tuned;

    (void) state;

    text = tune_text(2, 100);
    had = calloc(10000, 1);
    assert_non_null(had);

    tune_plan(&tuned, text, 7, MLOPS_TUNE_TRIALS);
    assert_int_equal(tuned.trials_n, 10000);

    for (i = 0, other = 0; i < tuned.trials_n; i++) {
        point = tune_point(&tuned.trials[i], 100);

        unit_ok(point < 10000 && !had[point], "trial %u: %s %s came before",
                i, tuned.trials[i].settings[0], tuned.trials[i].settings[1]);

        had[point] = 1;
        other += (point != i);
    }

    unit_ok(other > 9000, "in the grid's order");

    mlops_tuned_free(&tuned);
    free(had);
    free(text);
}


static void
test_prefix(void **state)
{
    char           *text;
    uint32_t        i, a;
    mlops_tuned_t   few, many;

    (void) state;

    text = tune_text(3, 4);

    tune_plan(&few, text, 3, 20);
    tune_plan(&many, text, 3, 1000);

    assert_int_equal(few.trials_n, 20);
    assert_int_equal(many.trials_n, 64);

    for (i = 0; i < 20; i++) {
        for (a = 0; a < 3; a++) {
            assert_string_equal(few.trials[i].settings[a],
                                many.trials[i].settings[a]);
        }
    }

    mlops_tuned_free(&few);
    mlops_tuned_free(&many);
    free(text);
}


/* More points than 64 bits count: none is met twice all the same. */

static void
test_vast(void **state)
{
    char           *text;
    uint32_t        i, j;
    mlops_tuned_t   tuned;

    (void) state;

    text = tune_text(MLOPS_TUNE_NAMES, 8);

    tune_plan(&tuned, text, 5, 300);
    assert_int_equal(tuned.trials_n, 300);

    for (i = 0; i < 300; i++) {
        for (j = 0; j < i; j++) {
            assert_true(tune_point(&tuned.trials[i], 8)
                        != tune_point(&tuned.trials[j], 8));
        }
    }

    mlops_tuned_free(&tuned);
    free(text);
}


/* What makes trials incomparable, and names that only look like it. */

static void
test_names(void **state)
{
    char                 text[128];
    size_t               i;
    mlops_err_t          err;
    mlops_doc_t         *doc;
    mlops_arena_t        arena;
    mlops_tune_space_t   space;

    static const struct {
        const char  *name;
        int          rc;
    } names[] = {
        { "train.rows", MLOPS_ERROR },
        { "train.rows.filters[0].limit", MLOPS_ERROR },
        { "train.target", MLOPS_ERROR },
        { "train.classes[1]", MLOPS_ERROR },
        { "train.weight", MLOPS_ERROR },
        { "train.split.seed", MLOPS_ERROR },
        { "train.validate.folds", MLOPS_ERROR },
        { "train.metrics", MLOPS_ERROR },
        { "train.prediction", MLOPS_ERROR },
        { "train.class_weight", MLOPS_OK },
        { "train.sample.keep", MLOPS_OK },
        { "train.seed", MLOPS_OK },
        { "train.rowsteps", MLOPS_OK },
        { "weight", MLOPS_OK }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(names); i++) {
        (void) snprintf(text, sizeof(text), "{\"tune\":{\"%s\":[1]}}",
                        names[i].name);

        mlops_arena_init(&arena, NULL, NULL);
        doc = mlops_doc_parse(text, strlen(text), 0, &arena, &err);
        unit_ok(doc != NULL, "%s", err.text);

        unit_ok(mlops_tune_space(&space, doc, &arena, &err) == names[i].rc,
                "%s", text);

        if (names[i].rc == MLOPS_ERROR) {
            (void) snprintf(text, sizeof(text), "tune.%s: changes which rows",
                            names[i].name);
            unit_ok(strncmp(err.text, text, strlen(text)) == 0, "%s",
                    err.text);
        }

        mlops_arena_destroy(&arena);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_vast),
        cmocka_unit_test(test_names)
    };

    return unit_run(tests);
}
