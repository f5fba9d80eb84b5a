/*
 * Training runs as functions: cross-validation against scikit-learn's folds,
 * corrections of sampled classes by hand, settings, progress, stopping,
 * reading judgements back.
 */

#include "unit.h"
#include "mlops_evaluate.h"
#include "mlops_learn.h"
#include "mlops_model.h"
#include "mlops_trained.h"

#include <dirent.h>
#include <math.h>


typedef struct {
    const char       *dir;
    char              rows[UNIT_PATH_SIZE];
    mlops_learned_t   learned;
    mlops_model_t    *model;
    mlops_err_t       err;
} learn_t;


static int
learn_run(learn_t *it, const char *recipe, const char *const *set,
    uint32_t set_n)
{
    int                     rc;
    mlops_learn_options_t   options;

    memset(&options, 0, sizeof(options));

    options.text = recipe;
    options.text_len = strlen(recipe);
    options.rows = it->rows;
    options.set = set;
    options.set_n = set_n;
    options.work = it->dir;

    rc = mlops_learn(&options, &it->learned, &it->err);

    if (rc != MLOPS_OK) {
        return rc;
    }

    it->model = mlops_model_open(it->learned.image, it->learned.image_len,
                                 &it->err);
    unit_ok(it->model != NULL, "%s", it->err.text);

    return MLOPS_OK;
}


static void
learn_free(learn_t *it)
{
    mlops_model_destroy(it->model);
    mlops_learned_free(&it->learned);
    it->model = NULL;
}


static void
learn_rows(learn_t *it, const char *text)
{
    memset(it, 0, sizeof(learn_t));

    it->dir = unit_tmpdir();
    (void) snprintf(it->rows, sizeof(it->rows), "%s/rows.csv", it->dir);
    unit_spew(it->rows, text, strlen(text));
}


/* The same in a buffer: y = 3x - z + noise. */

static void
learn_line(learn_t *it)
{
    int   i;
    char  text[4096], *p;

    p = text + sprintf(text, "x,z,y\n");

    for (i = 0; i < 23; i++) {
        p += sprintf(p, "%g,%d,%.17g\n", i * 0.5, (i * 7) % 11,
                     3 * (i * 0.5) - (i * 7) % 11 + ((i * i) % 13) / 10.0);
    }

    learn_rows(it, text);
}


#define LEARN_LINE(train, more)                                               \
    "{\"recipe\":1,\"inputs\":[{\"name\":\"x\"},{\"name\":\"z\"}],"           \
    "\"train\":{\"rows\":{\"columns\":[{\"name\":\"y\"}]},"                   \
    "\"target\":\"y\"" train "},\"steps\":[{\"kind\":\"affine\","             \
    "\"fit\":\"linear\",\"inputs\":[\"x\",\"z\"],\"outputs\":[\"p\"]}" more   \
    "],\"signatures\":[{\"name\":\"s\",\"outputs\":[{\"name\":\"p\"}]}]}"


static const mlops_metric_value_t *
learn_value(const learn_t *it, const char *part, mlops_metric_t metric)
{
    uint32_t                    i, k;
    const mlops_learn_score_t  *score;

    for (i = 0; i < it->learned.scores_n; i++) {
        score = &it->learned.scores[i];

        for (k = 0; k < score->metrics_n; k++) {
            if (strcmp(score->name, part) == 0 && score->metrics[k] == metric)
            {
                return &score->values[k];
            }
        }
    }

    unit_note("no %s of %s", mlops_metric_name(metric), part);
    fail();

    return NULL;
}


/*
 * sklearn.model_selection.KFold(4, shuffle=True, random_state=5 + r) for r
 * of 3 repeats, LinearRegression: mean of the folds' mean squared errors, and
 * t(0.975, 11) sqrt((1/12 + 1/3) variance).
 */

static void
test_folds(void **state)
{
    learn_t                       it;
    const mlops_metric_value_t   *value;

    (void) state;

    learn_line(&it);

    assert_int_equal(learn_run(&it, LEARN_LINE(",\"seed\":5,\"metrics\":"
                                               "[\"mse\"],\"validate\":"
                                               "{\"folds\":4,\"repeats\":3}",
                                               ""), NULL, 0), MLOPS_OK);

    value = learn_value(&it, "validate", MLOPS_METRIC_MSE);
    unit_ok(fabs(value->value - 0.2619094992846591) < 1e-12, "%.17g",
            value->value);
    unit_ok(fabs(value->hi - value->value - 0.15080836432947486) < 1e-5,
            "%.17g", value->hi - value->value);

    value = learn_value(&it, "train", MLOPS_METRIC_MSE);
    unit_ok(fabs(value->value - 0.17710535843760097) < 1e-12, "%.17g",
            value->value);

    assert_int_equal(it.learned.rows_n, 23);
    assert_int_equal(it.learned.without_target_n, 0);
    assert_int_equal(it.learned.filtered_n, 0);
    learn_free(&it);
}


static void
learn_check_folds(const char *recipe, double mean, double half,
    uint64_t rows)
{
    learn_t                       it;
    uint32_t                      i;
    const mlops_metric_value_t   *value;

    learn_line(&it);

    unit_ok(learn_run(&it, recipe, NULL, 0) == MLOPS_OK, "%s", it.err.text);

    value = learn_value(&it, "validate", MLOPS_METRIC_MSE);
    unit_ok(fabs(value->value - mean) < 1e-12, "%.17g", value->value);
    /* of three degrees of freedom the expansion has less than three digits */

    unit_ok(fabs((value->hi - value->value) / half - 1) < 2e-3, "%.17g",
            value->hi - value->value);
    assert_int_equal(value->n, rows);

    for (i = 0; i < it.learned.scores_n; i++) {
        if (strcmp(it.learned.scores[i].name, "validate") == 0) {
            assert_int_equal(it.learned.scores[i].rows_n, rows);
        }
    }

    learn_free(&it);
}


/*
 * Entities in folds by XXH3 of libxxhash with the seeds 6 and 7; and
 * TimeSeriesSplit(4, gap=1); LinearRegression and the interval as above, of
 * time with 16 judged rows by 48 that were fitted.
 */

static void
test_folds_apart(void **state)
{
    learn_t  it;

    (void) state;

    learn_check_folds(LEARN_LINE(",\"seed\":5,\"metrics\":[\"mse\"],"
                                 "\"split\":{\"by\":\"hash\",\"column\":"
                                 "\"z\",\"salt\":\"rides\",\"train\":1},"
                                 "\"validate\":{\"folds\":4,\"repeats\":2}",
                                 ""),
                      0.22260125952634688, 0.0996457429067576, 23);
    learn_check_folds(LEARN_LINE(",\"metrics\":[\"mse\"],\"split\":{\"by\":"
                                 "\"time\",\"purge\":2,\"train\":1},"
                                 "\"validate\":{\"folds\":4}", ""),
                      0.7278713902666935, 1.546834953052933, 16);

    learn_line(&it);
    assert_int_equal(learn_run(&it, LEARN_LINE(",\"split\":{\"by\":\"time\","
                                               "\"train\":1},\"validate\":"
                                               "{\"folds\":4,\"repeats\":2}",
                                               ""), NULL, 0), MLOPS_ERROR);
    assert_string_equal(it.err.text, "train.validate.repeats: expected 1 with "
                        "a split by time, by which folds are cut without "
                        "chance, got 2");
}


static void
test_settings(void **state)
{
    learn_t             it;
    const char         *set[2];
    static const char  *recipe = LEARN_LINE("", "");

    (void) state;

    learn_line(&it);

    set[0] = "alpha=1000000";
    set[1] = "train.metrics=[\"r2\",\"mae\"]";
    assert_int_equal(learn_run(&it, recipe, set, 2), MLOPS_OK);
    assert_int_equal(it.learned.scores[0].metrics_n, 2);
    assert_true(learn_value(&it, "train", MLOPS_METRIC_R2)->value < 0.1);
    learn_free(&it);

    /* an object on the way is made; a word that is no JSON is a string */

    set[0] = "train.split.by=random";
    set[1] = "train.split.gate=0.25";
    assert_int_equal(learn_run(&it, recipe, set, 2), MLOPS_OK);
    assert_int_equal(it.learned.scores[1].rows_n, 6);
    assert_string_equal(it.learned.scores[1].name, "gate");
    learn_free(&it);

    set[0] = "steps[0].inputs[1]=q";
    assert_int_equal(learn_run(&it, recipe, set, 1), MLOPS_ERROR);
    assert_non_null(strstr(it.err.text, "steps[0]"));

    set[0] = "nothing";
    assert_int_equal(learn_run(&it, recipe, set, 1), MLOPS_ERROR);
    assert_non_null(strstr(it.err.text, "expected name=value"));
}


/* Two learners: whose alpha? */

static void
test_ambiguous(void **state)
{
    learn_t             it;
    const char         *set[1];
    static const char  *recipe = LEARN_LINE("",
        ",{\"kind\":\"affine\",\"fit\":\"linear\",\"inputs\":[\"p\"],"
        "\"outputs\":[\"q\"]}");

    (void) state;

    learn_line(&it);

    set[0] = "alpha=1";
    assert_int_equal(learn_run(&it, recipe, set, 1), MLOPS_ERROR);
    unit_ok(strstr(it.err.text, "steps[0].alpha or steps[1].alpha") != NULL,
            "%s", it.err.text);

    set[0] = "steps[1].alpha=1";
    assert_int_equal(learn_run(&it, recipe, set, 1), MLOPS_OK);
    learn_free(&it);
}


/*
 * A learner that knows nothing of its inputs predicts the share of its rows;
 * corrected for sampling that is the share of all rows: 24 of 120 are yes,
 * whatever part of the others was kept.
 */

static void
test_prior(void **state)
{
    int             i, rc;
    char            text[4096], *p;
    double          got, margin;
    learn_t         it;
    mlops_cell_t    in[1], out[2];
    uint64_t        present[1] = { 1 };
    void           *scratch;

    (void) state;

    p = text + sprintf(text, "x,y\n");

    for (i = 0; i < 120; i++) {
        p += sprintf(p, "0,%s\n", i % 5 == 2 ? "yes" : "no");
    }

    learn_rows(&it, text);

    rc = learn_run(&it,
        "{\"recipe\":1,\"inputs\":[{\"name\":\"x\"}],\"train\":{\"rows\":"
        "{\"columns\":[{\"name\":\"y\",\"type\":\"BYTES\"}]},\"target\":"
        "\"y\",\"sample\":{\"class\":\"no\",\"keep\":0.25}},\"steps\":[{"
        "\"kind\":\"model\",\"fit\":\"logistic\",\"alpha\":0.001,\"inputs\":"
        "[\"x\"],\"outputs\":[\"p\"],\"margin\":[\"m\"]}],\"signatures\":[{"
        "\"name\":\"s\",\"outputs\":[{\"name\":\"p\"},{\"name\":\"m\"}]}]}",
        NULL, 0);
    unit_ok(rc == MLOPS_OK, "%s", it.err.text);

    in[0].f = 0;
    scratch = aligned_alloc(64,
                            mlops_align(mlops_model_scratch_size(it.model),
                                        64));
    assert_non_null(scratch);
    mlops_model_eval(it.model, 0, in, present, NULL, scratch, out, NULL);

    got = out[0].f;
    margin = out[1].f;
    unit_ok(fabs(got - 0.2) < 1e-6, "probability %.17g", got);
    unit_ok(fabs(margin - log(0.2 / 0.8)) < 1e-5, "margin %.17g", margin);

    free(scratch);
    learn_free(&it);
}


typedef struct {
    uint32_t  calls;
    uint32_t  left;
} learn_stop_t;


static int
learn_stop(void *ctx)
{
    learn_stop_t  *stop;

    stop = ctx;
    stop->calls++;

    return stop->left == 0 || --stop->left == 0;
}


static uint32_t
learn_files(const char *path)
{
    DIR            *dir;
    uint32_t        n;
    struct dirent  *entry;

    dir = opendir(path);
    assert_non_null(dir);

    for (n = 0; (entry = readdir(dir)) != NULL; n += entry->d_name[0] != '.')
    {
        /* void */
    }

    closedir(dir);

    return n;
}


/* Wherever it is stopped, it says so and leaves nothing. */

static void
test_stop(void **state)
{
    int                     rc;
    uint32_t                i;
    learn_t                 it;
    learn_stop_t            stop;
    mlops_learn_options_t   options;
    static const char      *recipe = LEARN_LINE("", "");

    (void) state;

    learn_line(&it);
    memset(&options, 0, sizeof(options));

    options.text = recipe;
    options.text_len = strlen(recipe);
    options.rows = it.rows;
    options.work = it.dir;
    options.stop = learn_stop;
    options.ctx = &stop;

    for (i = 1; i < 100; i++) {
        stop.calls = 0;
        stop.left = i;

        rc = mlops_learn(&options, &it.learned, &it.err);

        if (rc == MLOPS_OK) {
            mlops_learned_free(&it.learned);
            break;
        }

        unit_ok(strstr(it.err.text, "stopped") != NULL, "%s", it.err.text);
        assert_null(it.learned.image);
        assert_int_equal(learn_files(it.dir), 1);
    }

    assert_in_range(i, 2, 99);
    assert_int_equal(learn_files(it.dir), 1);
}


/* What facts say can be read back, and judges the model by the same bits. */

static void
test_trained(void **state)
{
    learn_t                    it;
    mlops_arena_t              arena;
    mlops_trained_t            trained;
    mlops_evaluated_t          evaluated;
    mlops_evaluate_options_t   options;
    static const char         *set[] = { "alpha=0.125" };
    static const char         *recipe = LEARN_LINE("", "");

    (void) state;

    learn_line(&it);
    assert_int_equal(learn_run(&it, recipe, set, 1), MLOPS_OK);

    mlops_arena_init(&arena, NULL, NULL);
    assert_int_equal(mlops_trained_read(&trained, it.model, &arena, &it.err),
                     MLOPS_OK);

    assert_true(mlops_str_eq(&trained.recipe, recipe, strlen(recipe)));
    assert_int_equal(trained.set_n, 1);
    assert_string_equal(trained.set[0], "alpha=0.125");
    assert_int_equal(trained.seed, 1);
    assert_int_equal(trained.rows_n, 23);
    assert_null(trained.classes);
    assert_non_null(trained.prediction);

    memset(&options, 0, sizeof(options));
    options.model = it.model;
    options.against = it.model;
    options.rows = it.rows;

    assert_int_equal(mlops_evaluate(&options, &evaluated, &it.err), MLOPS_OK);
    assert_int_equal(evaluated.judged_n, 23);
    assert_int_equal(evaluated.seen[0], MLOPS_SEEN_YES);
    assert_int_equal(evaluated.seen[1], MLOPS_SEEN_YES);
    assert_true(evaluated.parts[0].score.values[0].value
                == learn_value(&it, "train",
                               evaluated.parts[0].score.metrics[0])->value);
    assert_true(evaluated.parts[0].difference.value.value == 0);

    mlops_evaluated_free(&evaluated);
    mlops_arena_destroy(&arena);
    learn_free(&it);
}


/* Enough rows that steps are evaluated by several threads: the same bytes. */

static void
test_threads(void **state)
{
    int                     i;
    char                   *text, *p;
    learn_t                 it;
    mlops_learned_t         again;
    mlops_learn_options_t   options;
    static const char      *recipe =
        "{\"recipe\":1,\"inputs\":[{\"name\":\"x\"},{\"name\":\"s\",\"type\":"
        "\"BYTES\"}],\"train\":{\"rows\":{\"columns\":[{\"name\":\"y\"}]},"
        "\"target\":\"y\"},\"steps\":[{\"kind\":\"one_hot\",\"fit\":"
        "\"categories\",\"inputs\":[\"s\"],\"prefix\":\"s=\"},{\"kind\":"
        "\"unary\",\"op\":\"exp\",\"inputs\":[\"x\"],\"outputs\":[\"e\"]},"
        "{\"kind\":\"affine\",\"fit\":\"linear\",\"alpha\":1,\"inputs\":"
        "[\"x\",\"e\",\"s=*\"],\"outputs\":[\"p\"]}],\"signatures\":[{"
        "\"name\":\"d\",\"outputs\":[{\"name\":\"p\"}]}]}";

    (void) state;

    text = malloc(20000 * 32);
    assert_non_null(text);
    p = text + sprintf(text, "x,s,y\n");

    for (i = 0; i < 20000; i++) {
        p += sprintf(p, "%g,%c,%d\n", (i % 997) / 400.0, 'a' + i % 5,
                     i * 7 % 101);
    }

    learn_rows(&it, text);
    free(text);

    memset(&options, 0, sizeof(options));

    options.text = recipe;
    options.text_len = strlen(recipe);
    options.rows = it.rows;
    options.work = it.dir;
    options.threads = 3;

    assert_int_equal(mlops_learn(&options, &again, &it.err), MLOPS_OK);
    assert_int_equal(learn_run(&it, recipe, NULL, 0), MLOPS_OK);

    assert_int_equal(again.image_len, it.learned.image_len);
    assert_memory_equal(again.image, it.learned.image, again.image_len);

    mlops_learned_free(&again);
    learn_free(&it);
}


/* What was missing is an input of its own: y = 2x, of a missing x 7. */

static void
test_indicator(void **state)
{
    learn_t             it;
    static const char  *recipe =
        "{\"recipe\":1,\"inputs\":[{\"name\":\"x\"}],\"train\":{\"rows\":{"
        "\"columns\":[{\"name\":\"y\"}]},\"target\":\"y\"},\"steps\":[{"
        "\"kind\":\"impute\",\"fit\":\"median\",\"inputs\":[\"x\"],"
        "\"outputs\":[\"known\"],\"indicator\":[\"gone\"]},{\"kind\":"
        "\"affine\",\"fit\":\"linear\",\"inputs\":[\"known\",\"gone\"],"
        "\"outputs\":[\"p\"]}],\"signatures\":[{\"name\":\"d\","
        "\"outputs\":[{\"name\":\"p\"},{\"name\":\"gone\"}]}]}";
    static const char  *set[] = { "steps[0].indicator=[\"x\"]" };

    (void) state;

    learn_rows(&it, "x,y\n1,2\n2,4\n\"\",7\n3,6\n\"\",7\n4,8\n");
    unit_ok(learn_run(&it, recipe, NULL, 0) == MLOPS_OK, "%s", it.err.text);
    assert_true(learn_value(&it, "train", MLOPS_METRIC_RMSE)->value < 1e-9);
    learn_free(&it);

    assert_int_equal(learn_run(&it, recipe, set, 1), MLOPS_ERROR);
    unit_ok(strstr(it.err.text, "steps[0].indicator[0]: expected a new name")
            != NULL, "%s", it.err.text);
}


/* A range of training, reference from what was held out, rows with answers. */

static void
test_image(void **state)
{
    learn_t                   it;
    mlops_histogram_t         histogram;
    const mlops_column_t     *column;

    (void) state;

    learn_line(&it);
    assert_int_equal(learn_run(&it, LEARN_LINE(",\"split\":{\"by\":"
                                               "\"random\",\"seed\":1,"
                                               "\"train\":0.7,\"gate\":0.3}",
                                               ""), NULL, 0), MLOPS_OK);

    column = &mlops_model_interface(it.model)->signatures[0].inputs
             .columns[0];
    assert_true(column->flags & MLOPS_COLUMN_RANGE);
    assert_true(column->lo >= 0 && column->hi <= 11);

    assert_int_equal(mlops_model_histogram(it.model, 0, 0, &histogram),
                     MLOPS_OK);
    assert_true(histogram.rows == 7);
    assert_true(histogram.missing == 0);
    learn_free(&it);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_folds_apart),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_ambiguous),
        cmocka_unit_test(test_prior),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_trained),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_indicator),
        cmocka_unit_test(test_image)
    };

    return unit_run(tests);
}
