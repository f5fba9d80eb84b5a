/*
 * Notes of a fit: lists of names that are cut, and what float32 makes of
 * values.
 */

#include "unit.h"
#include "fits.h"
#include "mlops_fit_note.h"


typedef struct {
    fits_t            fits;
    mlops_fit_t       fit;
    mlops_fit_env_t   env;
    uint32_t          notes_n;
    char              note[MLOPS_ERR_SIZE];
} noted_t;


static void
noted(void *ctx, const char *text)
{
    noted_t  *it;

    it = ctx;
    it->notes_n++;
    (void) snprintf(it->note, sizeof(it->note), "%s", text);
}


static void
noted_init(noted_t *it)
{
    memset(it, 0, sizeof(*it));
    fits_init(&it->fits);
    mlops_field_init(&it->fits.field, &it->fits.arena, &it->fits.err);

    it->env.note = noted;
    it->env.ctx = it;
    it->fit.env = &it->env;
    it->fit.field = &it->fits.field;
    it->fit.train = &it->fits.matrix;
}


static void
test_names(void **state)
{
    char                text[32];
    uint32_t            i;
    mlops_str_t         name;
    mlops_fit_named_t   named;

    (void) state;

    memset(&named, 0, sizeof(named));
    name.data = "one";
    name.len = 3;
    mlops_fit_named(&named, &name, "");
    assert_string_equal(mlops_fit_named_text(&named), "\"one\"");

    name.data = "another";
    name.len = 7;
    mlops_fit_named(&named, &name, " (2)");
    assert_string_equal(mlops_fit_named_text(&named),
                        "\"one\", \"another\" (2)");

    for (i = 0; i < 1000; i++) {
        name.len = (size_t) snprintf(text, sizeof(text), "name %u", i);
        name.data = text;
        mlops_fit_named(&named, &name, "");
    }

    (void) mlops_fit_named_text(&named);
    assert_int_equal(named.n, 1002);
    assert_true(named.shown > 3 && named.shown < 20);
    assert_true(strlen(named.text) < sizeof(named.text) - 1);

    (void) snprintf(text, sizeof(text), " and %u more", 1002 - named.shown);
    assert_non_null(strstr(named.text, text));
}


/* A name of any length is cut, and the next ones are counted. */

static void
test_long_names(void **state)
{
    char                text[5000];
    uint32_t            i;
    mlops_str_t         name;
    mlops_fit_named_t   named;

    (void) state;

    memset(text, 'x', sizeof(text));
    memset(&named, 0, sizeof(named));
    name.data = text;
    name.len = sizeof(text);

    for (i = 0; i < 9; i++) {
        mlops_fit_named(&named, &name, " (4096 of 4096 values)");
    }

    (void) mlops_fit_named_text(&named);
    assert_true(named.shown >= 1 && named.shown < 9);
    assert_non_null(strstr(named.text, "x\" (4096 of 4096 values)"));
    assert_non_null(strstr(named.text, " more"));
}


/* A thousand values in steps of 1: from 2^24 on float32 has the even ones
 * alone, from 2^30 on multiples of 128; counts are NumPy's. */

static void
test_float(void **state)
{
    double    *values;
    noted_t    it;
    uint32_t   i, k, n;

    static const struct {
        double       first;
        double       step;
        const char  *told;
    } cases[] = {
        { 0, 1, NULL },
        { 0, 0.1, NULL },
        { 15e6, 1, NULL },
        { 0x1p24, 1, "\"x\" (501 of 1000 values)" },
        { 0x1p30, 1, "\"x\" (9 of 1000 values)" },
        { 0x1p30, 128, NULL },
        { -0x1p31, 1, "\"x\" (9 of 1000 values)" },
        { 1, 0x1p-52, NULL }
    };

    (void) state;

    n = 1000;
    values = malloc(n * sizeof(double));
    assert_non_null(values);

    for (k = 0; k < mlops_nitems(cases); k++) {

        for (i = 0; i < n; i++) {
            values[(i * 7) % n] = cases[k].first + i * cases[k].step;
        }

        noted_init(&it);
        fits_column(&it.fits, "x", values, n);
        mlops_fit_note_float(&it.fit);

        if (cases[k].told == NULL) {
            assert_int_equal(it.notes_n, 0);

        } else {
            assert_int_equal(it.notes_n, 1);
            assert_non_null(strstr(it.note, cases[k].told));
        }

        fits_done(&it.fits);
    }

    free(values);
}


/* Deviations of 0 to 99 are 28.866; float32 has steps of 2 from 2^24 on, of
 * 64 from 2^29 on. */

static void
test_target(void **state)
{
    double    target[100];
    noted_t   it;
    uint32_t  i, k;

    static const struct {
        double  first;
        int     rc;
    } cases[] = {
        { 0, MLOPS_OK }, { 1e6, MLOPS_OK }, { 8e6, MLOPS_OK },
        { 0x1p24, MLOPS_ERROR }, { 1e9, MLOPS_ERROR }, { -1e9, MLOPS_ERROR }
    };

    (void) state;

    for (k = 0; k < mlops_nitems(cases); k++) {

        for (i = 0; i < 100; i++) {
            target[i] = cases[k].first + i;
        }

        noted_init(&it);
        fits_column(&it.fits, "x", target, 100);
        it.fits.matrix.target = target;

        assert_int_equal(mlops_fit_target_float(&it.fit), cases[k].rc);

        if (cases[k].rc != MLOPS_OK) {
            assert_non_null(strstr(it.fits.err.text,
                                   "where its deviation is 28.9"));
        }

        fits_done(&it.fits);
    }

    for (i = 0; i < 100; i++) {
        target[i] = 1e9 + 1;            /* a constant is one as float32, too */
    }

    noted_init(&it);
    fits_column(&it.fits, "x", target, 100);
    it.fits.matrix.target = target;
    assert_int_equal(mlops_fit_target_float(&it.fit), MLOPS_OK);
    fits_done(&it.fits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_float),
        cmocka_unit_test(test_target)
    };

    return unit_run(tests);
}
