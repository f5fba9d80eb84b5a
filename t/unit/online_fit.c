/*
 * Fitted steps by online learning: the steps answer to rows of numbers and
 * strings, missing ones too, what the learner itself answers to the same
 * features, hashed here from the bytes the header names; states are gone on
 * from; keys and data that are wrong are told.
 */

#include "fits.h"
#include "onlines.h"
#include "mlops_hash.h"

#include <sys/stat.h>


enum {
    ROWS = 600,
    NUMBERS = 2,
    CODES = 2,
    SHOWN = 80                  /* rows whose answers are compared */
};


static const mlops_str_t  colours[] = {
    mlops_str("red"), mlops_str("green"), mlops_str("blue"),
    mlops_str("never seen")
};

static const mlops_str_t  sizes[] = {
    mlops_str("S"), mlops_str("M \"quoted\""), mlops_str("L")
};


typedef struct {
    double    x[NUMBERS][ROWS];
    uint32_t  code[CODES][ROWS];
    double    target[ROWS];
    double    weight[ROWS];
} data_t;


static double
uniform(uint64_t *seed)
{
    return (double) (unit_random(seed) >> 11) * 0x1p-53;
}


static void
make(data_t *data, int classes)
{
    double    m;
    uint32_t  i, k;
    uint64_t  seed;

    seed = 4;

    for (i = 0; i < ROWS; i++) {
        for (k = 0; k < NUMBERS; k++) {
            data->x[k][i] = (unit_random(&seed) % 9 == 0)
                            ? NAN : 2 * uniform(&seed) - 1;
        }

        data->code[0][i] = (uint32_t) (unit_random(&seed) % 4);
        data->code[1][i] = (uint32_t) (unit_random(&seed) % 3);

        if (data->code[0][i] == 3) {
            data->code[0][i] = MLOPS_MATRIX_NONE;
        }

        m = 2 * (isnan(data->x[0][i]) ? 0 : data->x[0][i])
            + (data->code[0][i] == 1) - 1.5 * (data->code[1][i] == 2)
            + (data->code[0][i] == 0 && data->code[1][i] == 1 ? 2 : 0);

        data->target[i] = classes ? m + uniform(&seed) > 0.5
                                  : m + uniform(&seed);
        data->weight[i] = 0.5 + uniform(&seed);
    }
}


static void
matrix_of(fits_t *fits, data_t *data, int codes)
{
    fits_init(fits);

    fits_column(fits, "x", data->x[0], ROWS);
    fits_column(fits, "y", data->x[1], ROWS);

    if (codes) {
        fits_codes(fits, "colour", data->code[0], ROWS, colours, 4);
        fits_codes(fits, "size", data->code[1], ROWS, sizes, 3);
    }

    fits->matrix.target = data->target;
    fits->matrix.weight = data->weight;
}


/* The bytes of the header, put together here once more. */

static uint64_t
hash_of(char kind, const char *name, const char *text)
{
    char        bytes[200], *p;
    uint32_t    len;

    p = bytes;
    *p++ = kind;
    len = (uint32_t) strlen(name);
    memcpy(p, &len, 4);
    memcpy(p + 4, name, len);
    p += 4 + len;

    if (text != NULL) {
        len = (uint32_t) strlen(text);
        memcpy(p, &len, 4);
        memcpy(p + 4, text, len);
        p += 4 + len;
    }

    return mlops_hash(bytes, (size_t) (p - bytes), 0x6d6c6f70736f6e6cull);
}


static uint64_t
cross_of(uint64_t a, uint64_t b)
{
    char  bytes[17] = "x";

    memcpy(bytes + 1, &a, 8);
    memcpy(bytes + 9, &b, 8);

    return mlops_hash(bytes, 17, 0x6d6c6f70736f6e6cull);
}


/* A row as features: in the order of the columns, then of crosses of all
 * three kinds, then the bias. */

static uint32_t
features_of(const data_t *data, uint32_t i, int crosses, uint32_t *index,
    float *value)
{
    int                has[4];
    double             v[4];
    uint32_t           k, n;
    uint64_t           hash[4];

    static const struct {
        uint32_t  a, b;
    } pairs[] = { { 2, 3 }, { 0, 3 }, { 2, 1 }, { 0, 1 } };

    n = 0;
    v[0] = data->x[0][i];
    v[1] = data->x[1][i];
    v[2] = v[3] = 1;
    has[0] = !isnan(v[0]);
    has[1] = !isnan(v[1]);
    has[2] = data->code[0][i] != MLOPS_MATRIX_NONE;
    has[3] = 1;
    hash[0] = hash_of('n', "x", NULL);
    hash[1] = hash_of('n', "y", NULL);
    hash[2] = has[2] ? hash_of('c', "colour", colours[data->code[0][i]].data)
                     : hash_of('m', "colour", NULL);
    hash[3] = hash_of('c', "size", sizes[data->code[1][i]].data);

    for (k = 0; k < 4; k++) {
        if (has[k] || k == 2) {
            index[n] = (uint32_t) hash[k];
            value[n++] = (float) v[k];
        }
    }

    for (k = 0; crosses && k < mlops_nitems(pairs); k++) {
        if (has[pairs[k].a] && has[pairs[k].b]) {
            index[n] = (uint32_t) cross_of(hash[pairs[k].a],
                                           hash[pairs[k].b]);
            value[n++] = (float) (v[pairs[k].a] * v[pairs[k].b]);
        }
    }

    index[n] = (uint32_t) mlops_hash("b", 1, 0x6d6c6f70736f6e6cull);
    value[n++] = 1;

    return n;
}


/* The steps as a model of all columns; what it answers to row i. */

static void
answer_of(unit_model_t *m, const data_t *data, uint32_t i, int codes,
    double *out)
{
    char          *text, *scratch;
    size_t         at;
    uint32_t       k, n;
    uint64_t       present;
    mlops_cell_t   cells[4], results[2];

    text = malloc(1024);
    scratch = aligned_alloc(64, mlops_align(
                                    mlops_model_scratch_size(m->model) + 1,
                                    64));
    assert_true(text && scratch);
    memset(text, 0, 1024);
    memset(cells, 0, sizeof(cells));
    present = 0;
    at = 0;

    for (k = 0; k < NUMBERS; k++) {
        cells[k].f = data->x[k][i];
        present |= (uint64_t) !isnan(data->x[k][i]) << k;
    }

    for (k = 0; codes && k < CODES; k++) {
        const mlops_str_t  *s;

        n = data->code[k][i];

        if (n != MLOPS_MATRIX_NONE) {
            s = k ? &sizes[n] : &colours[n];
            memcpy(text + at, s->data, s->len);
            cells[2 + k].s.off = (uint32_t) at;
            cells[2 + k].s.len = (uint32_t) s->len;
            present |= 4ull << k;
            at += s->len;
        }
    }

    mlops_model_eval(m->model, 0, cells, &present, text, scratch, results,
                     NULL);

    out[0] = results[0].f;
    out[1] = results[1].f;

    free(text);
    free(scratch);
}


static void
build(fits_t *fits, unit_model_t *m, int codes)
{
    mlops_import_text_t  text = { 0 };

    mlops_import_text(&text, "{\"recipe\":1,\"inputs\":[{\"name\":\"x\"},"
                      "{\"name\":\"y\"}%s],\"steps\":[%.*s],"
                      "\"signatures\":[{\"name\":\"default\",\"outputs\":["
                      "{\"name\":\"out\",\"from\":[\"p\",\"m\"]}]}]}",
                      codes ? ",{\"name\":\"colour\",\"type\":\"BYTES\"},"
                              "{\"name\":\"size\",\"type\":\"BYTES\"}" : "",
                      (int) fits->steps.len, fits->steps.data);

    unit_import_text(m, text.data, NULL);
    free(text.data);
}


static void
check_sparse(mlops_online_algorithm_t algorithm, mlops_online_loss_t loss,
    int crosses, uint32_t bits)
{
    char                    json[600];
    float                   value[16];
    double                  out[2];
    fits_t                  fits;
    uint32_t                i, pass, index[16];
    mlops_err_t             err;
    unit_model_t            m;
    mlops_online_t         *online;
    mlops_example_t         e;
    mlops_online_conf_t     conf;
    mlops_online_answer_t   answer;

    static data_t           data;

    make(&data, loss == MLOPS_ONLINE_LOGISTIC);

    if (loss == MLOPS_ONLINE_POISSON) {
        for (i = 0; i < ROWS; i++) {
            data.target[i] = floor(fabs(data.target[i]));
        }
    }

    matrix_of(&fits, &data, 1);
    fits.classes_n = (loss == MLOPS_ONLINE_LOGISTIC) ? 2 : 0;

    snprintf(json, sizeof(json), "{\"kind\":\"model\",\"fit\":\"%s\","
             "\"loss\":\"%s\",\"bits\":%u,\"passes\":2,\"l2\":0.01,%s"
             "\"outputs\":[\"p\"],\"margin\":[\"m\"]}",
             mlops_online_algorithm_name(algorithm),
             mlops_online_loss_name(loss), (unsigned) bits,
             crosses ? "\"crosses\":[[\"colour\",\"size\"],[\"x\",\"size\"],"
                       "[\"colour\",\"y\"],[\"x\",\"y\"]]," : "");
    fits_well(&fits, json);

    mlops_online_defaults(&conf, algorithm);
    conf.loss = loss;
    conf.bits = bits;
    conf.l2 = 0.01;
    online = onlines_create(&conf);

    memset(&e, 0, sizeof(e));
    e.index = index;
    e.value = value;

    for (pass = 0; pass < 2; pass++) {
        for (i = 0; i < ROWS; i++) {
            e.n = features_of(&data, i, crosses, index, value);
            e.label = data.target[i];
            e.weight = data.weight[i];
            assert_int_equal(mlops_online_learn(online, &e, NULL, &err),
                             MLOPS_OK);
        }
    }

    build(&fits, &m, 1);

    for (i = 0; i < SHOWN; i++) {
        e.n = features_of(&data, i, crosses, index, value);
        e.label = NAN;
        assert_int_equal(mlops_online_predict(online, &e, &answer, &err),
                         MLOPS_OK);
        answer_of(&m, &data, i, 1, out);

        /* x is a float to the learner, a double to the step */

        unit_ok(fabs(out[1] - answer.margin) < 1e-6,
                "%s, row %u: margin %.9g, expected %.9g", json, i, out[1],
                answer.margin);
        unit_ok(fabs(out[0] - answer.value) < 1e-6 * (1 + fabs(answer.value)),
                "%s, row %u: %.9g, expected %.9g", json, i, out[0],
                answer.value);
    }

    assert_int_equal((int) fits_at(fits.said, "examples", 0), 2 * ROWS);
    assert_int_equal((int) fits_at(fits.said, "refused", 0), 0);

    unit_model_free(&m);
    mlops_online_destroy(online);
    fits_done(&fits);
}


static void
test_sparse(void **state)
{
    (void) state;

    check_sparse(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_LOGISTIC, 1, 18);
    check_sparse(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_SQUARED, 0, 18);
    check_sparse(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_POISSON, 1, 18);
    check_sparse(MLOPS_ONLINE_ADAGRAD, MLOPS_ONLINE_LOGISTIC, 1, 18);
    check_sparse(MLOPS_ONLINE_ADAGRAD, MLOPS_ONLINE_QUANTILE, 1, 18);
    check_sparse(MLOPS_ONLINE_ADAGRAD, MLOPS_ONLINE_HUBER, 0, 18);

    /* all share 16 slots: wrong, but wrong in the same way */

    check_sparse(MLOPS_ONLINE_FTRL, MLOPS_ONLINE_LOGISTIC, 1, 4);
}


/* With forgetting 1 and a ridge that is next to nothing, recursive least
 * squares are least squares: the normal equations hold. */

static void
test_rls(void **state)
{
    double          out[2], sum[3];
    fits_t          fits;
    uint32_t        i, k;
    unit_model_t    m;

    static data_t   data;

    (void) state;

    make(&data, 0);

    for (i = 0; i < ROWS; i++) {
        for (k = 0; k < NUMBERS; k++) {
            if (isnan(data.x[k][i])) {
                data.x[k][i] = 0.25;
            }
        }
    }

    matrix_of(&fits, &data, 0);

    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"rls\",\"ridge\":1e-9,"
              "\"outputs\":[\"p\"],\"margin\":[\"m\"]}");
    build(&fits, &m, 0);
    memset(sum, 0, sizeof(sum));

    for (i = 0; i < ROWS; i++) {
        answer_of(&m, &data, i, 0, out);
        sum[0] += data.weight[i] * (out[0] - data.target[i]);
        sum[1] += data.weight[i] * (out[0] - data.target[i]) * data.x[0][i];
        sum[2] += data.weight[i] * (out[0] - data.target[i]) * data.x[1][i];
    }

    for (k = 0; k < 3; k++) {
        unit_ok(fabs(sum[k]) < 1e-6, "normal equation %u: %g", k, sum[k]);
    }

    unit_model_free(&m);
    fits_done(&fits);
}


/* Rows with something that is not finite are counted; with nothing else
 * there is an error. */

static void
test_refused(void **state)
{
    fits_t         fits;
    uint32_t       i;

    static data_t  data;

    (void) state;

    make(&data, 0);
    data.x[0][5] = INFINITY;
    data.x[1][7] = 1e300;                       /* too large for a float */
    matrix_of(&fits, &data, 1);

    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"ftrl\",\"loss\":"
              "\"squared\",\"bits\":12,\"outputs\":[\"p\"]}");
    assert_int_equal((int) fits_at(fits.said, "refused", 0), 2);
    assert_int_equal((int) fits_at(fits.said, "examples", 0), ROWS - 2);
    assert_non_null(mlops_doc_get(fits.said, "refused_because"));
    fits_done(&fits);

    for (i = 0; i < ROWS; i++) {
        data.x[0][i] = -INFINITY;
    }

    matrix_of(&fits, &data, 1);
    fits_refused(&fits, "{\"kind\":\"model\",\"fit\":\"ftrl\","
                 "\"loss\":\"squared\",\"bits\":12,\"outputs\":[\"p\"]}",
                 "all 600 rows are refused: feature 0 is not finite");
    fits_done(&fits);
}


/* Nothing learned: weights of 0, the affine step still has an input. */

static void
test_nothing(void **state)
{
    double         out[2];
    fits_t         fits;
    uint32_t       i;
    unit_model_t   m;

    static data_t  data;

    (void) state;

    make(&data, 1);
    matrix_of(&fits, &data, 1);
    fits.classes_n = 2;
    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"ftrl\",\"l1\":1e6,"
              "\"outputs\":[\"p\"],\"margin\":[\"m\"]}");
    assert_int_equal((int) fits_at(fits.said, "nonzero", 0), 0);
    build(&fits, &m, 1);

    for (i = 0; i < 10; i++) {
        answer_of(&m, &data, i, 1, out);
        assert_true(out[0] == 0.5 && out[1] == 0);
    }

    unit_model_free(&m);
    fits_done(&fits);
}


/* Two halves with a state between are one run: the same steps. */

static void
test_state(void **state)
{
    char           dir[UNIT_PATH_SIZE], *whole;
    fits_t         fits;
    uint32_t       i;
    const char    *tmp;

    static data_t  data;

    (void) state;

    tmp = unit_tmpdir();
    assert_non_null(getcwd(dir, sizeof(dir)));
    assert_int_equal(chdir(tmp), 0);
    assert_int_equal(mkdir("sub", 0700), 0);

    make(&data, 1);
    matrix_of(&fits, &data, 1);
    fits.classes_n = 2;
    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"adagrad\",\"bits\":10,"
              "\"outputs\":[\"p\"]}");
    whole = strndup(fits.steps.data, fits.steps.len);
    assert_non_null(whole);

    fits.matrix.n = ROWS / 2;
    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"adagrad\",\"bits\":10,"
              "\"outputs\":[\"p\"],\"state\":\"sub/half.state\"}");

    /* under another name until the run has ended well */

    assert_int_equal(access("sub/half.state", F_OK), -1);
    unit_ok(mlops_file_commit(fits.state.dir, fits.state.tmp, "half.state",
                              0, 0, &fits.err)
            == MLOPS_OK, "%s", fits.err.text);
    close(fits.state.dir);

    for (i = 0; i < ROWS / 2; i++) {
        uint32_t  k;

        for (k = 0; k < 2; k++) {
            data.x[k][i] = data.x[k][i + ROWS / 2];
            data.code[k][i] = data.code[k][i + ROWS / 2];
        }

        data.target[i] = data.target[i + ROWS / 2];
        data.weight[i] = data.weight[i + ROWS / 2];
    }

    fits_well(&fits, "{\"kind\":\"model\",\"fit\":\"adagrad\",\"bits\":10,"
              "\"outputs\":[\"p\"],\"start\":\"sub/half.state\"}");
    assert_int_equal((int) fits_at(fits.said, "examples", 0), ROWS);

    /* "never seen" shares a slot with nobody: its weight is 0 in both */

    assert_int_equal(fits.steps.len, strlen(whole));
    assert_memory_equal(fits.steps.data, whole, fits.steps.len);
    free(whole);

    fits_refused(&fits, "{\"kind\":\"model\",\"fit\":\"adagrad\","
                 "\"bits\":11,\"outputs\":[\"p\"],"
                 "\"start\":\"sub/half.state\"}",
                 "start: half.state: a state of 10 bits");
    fits_done(&fits);

    assert_int_equal(chdir(dir), 0);
}


/* An order by the seed: other weights than those of the file's order, the
 * same ones each time. */

static void
test_shuffle(void **state)
{
    char               *kept[3];
    fits_t              fits;
    size_t              i;

    static data_t       data;

    static const char *const  orders[] = {
        "\"shuffle\":true", "\"shuffle\":true", "\"shuffle\":false"
    };

    (void) state;

    for (i = 0; i < 3; i++) {
        char  json[200];

        make(&data, 1);
        matrix_of(&fits, &data, 1);
        fits.classes_n = 2;
        snprintf(json, sizeof(json), "{\"kind\":\"model\",\"fit\":"
                 "\"ftrl\",\"outputs\":[\"p\"],\"passes\":3,%s}",
                 orders[i]);
        fits_well(&fits, json);
        kept[i] = strndup(fits.steps.data, fits.steps.len);
        assert_non_null(kept[i]);
        fits_done(&fits);
    }

    assert_string_equal(kept[0], kept[1]);
    assert_string_not_equal(kept[0], kept[2]);

    for (i = 0; i < 3; i++) {
        free(kept[i]);
    }
}


static void
test_keys(void **state)
{
    fits_t         fits;
    size_t         i;

    static data_t  data;

    static const struct {
        const char  *json;
        const char  *text;
        uint32_t     classes_n;
    } wrong[] = {
        { "\"fit\":\"ftrl\",\"alpha\":0", "alpha: expected a number from "
          "1e-09 to 1000, got 0", 2 },
        { "\"fit\":\"ftrl\",\"loss\":\"huber\"", "ftrl has no loss "
          "\"huber\"", 0 },
        { "\"fit\":\"ftrl\",\"loss\":\"log\"", "loss", 2 },
        { "\"fit\":\"ftrl\",\"bits\":40", "bits", 2 },
        { "\"fit\":\"ftrl\",\"rate\":1", "rate", 2 },
        { "\"fit\":\"adagrad\",\"quantile\":1.5,\"loss\":\"quantile\"",
          "quantile", 0 },
        { "\"fit\":\"ftrl\"", "two classes, got numbers", 0 },
        { "\"fit\":\"ftrl\"", "two classes, got one of 3 classes", 3 },
        { "\"fit\":\"ftrl\",\"loss\":\"squared\"", "numbers, got one of 2 "
          "classes", 2 },
        { "\"fit\":\"rls\"", "strings of \"colour\"", 0 },
        { "\"fit\":\"rls\",\"forgetting\":0.1", "forgetting", 0 },
        { "\"fit\":\"ftrl\",\"crosses\":[[\"x\"]]", "crosses[0]", 2 },
        { "\"fit\":\"ftrl\",\"crosses\":[[\"x\",\"sise\"]]",
          "did you mean \"size\"", 2 },
        { "\"fit\":\"ftrl\",\"state\":\"/tmp/x\"", "state", 2 },
        { "\"fit\":\"ftrl\",\"state\":\"a/../b\"", "state", 2 },
        { "\"fit\":\"ftrl\",\"start\":\"no/such\"", "no", 2 },
        { "\"fit\":\"ftrl\",\"start\":\"Makefile\"", "not the state", 2 }
    };

    (void) state;

    for (i = 0; i < mlops_nitems(wrong); i++) {
        char  json[300];

        make(&data, wrong[i].classes_n == 2);
        matrix_of(&fits, &data, 1);
        fits.classes_n = wrong[i].classes_n;
        snprintf(json, sizeof(json), "{\"kind\":\"model\",\"outputs\":"
                 "[\"p\"],%s}", wrong[i].json);

        fits_refused(&fits, json, wrong[i].text);
        fits_done(&fits);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_sparse),
        cmocka_unit_test(test_rls),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_state),
        cmocka_unit_test(test_shuffle),
        cmocka_unit_test(test_keys)
    };

    return unit_run(tests);
}
