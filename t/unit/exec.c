/*
 * The fitter that runs a command: where commands are not allowed none is run,
 * whether the step was checked or not.
 */

#include "fits.h"
#include "mlops_fitters.h"

#include <unistd.h>


typedef struct {
    fits_t           fits;
    mlops_fit_t      fit;
    mlops_fit_env_t  env;
    double           x[2];
    double           y[2];
    char             step[UNIT_PATH_SIZE];
    char             ran[UNIT_PATH_SIZE / 2];
    char             folder[UNIT_PATH_SIZE / 2];
} exec_t;


/* A command that leaves a trace, and no model. */

static void
exec_init(exec_t *it)
{
    const char   *dir;
    mlops_doc_t  *step;

    memset(it, 0, sizeof(exec_t));

    dir = unit_tmpdir();
    (void) snprintf(it->ran, sizeof(it->ran), "%s/ran", dir);
    (void) snprintf(it->folder, sizeof(it->folder), "%s/exec-0", dir);
    (void) snprintf(it->step, sizeof(it->step), "{\"command\":[\"touch\","
                    "\"%s\"],\"outputs\":[\"p\"]}", it->ran);

    fits_init(&it->fits);
    fits_column(&it->fits, "x", it->x, 2);
    it->fits.matrix.target = it->y;

    step = mlops_doc_parse(it->step, strlen(it->step), 0, &it->fits.arena,
                           &it->fits.err);
    assert_non_null(step);

    mlops_field_init(&it->fits.field, &it->fits.arena, &it->fits.err);
    (void) mlops_field_push(&it->fits.field, "steps[0]");

    it->env.work = dir;
    it->fit.env = &it->env;
    it->fit.field = &it->fits.field;
    it->fit.step = step;
    it->fit.train = &it->fits.matrix;
    it->fit.outputs = it->fits.outputs;
    it->fit.outputs_n = fits_names(step, "outputs", it->fits.outputs);
    it->fit.steps = &it->fits.steps;
    it->fit.report = &it->fits.report;
}


static void
exec_refused(int (*call)(mlops_fit_t *fit))
{
    char    text[2 * UNIT_PATH_SIZE];
    exec_t  it;

    exec_init(&it);
    it.env.no_exec = 1;

    assert_int_equal(call(&it.fit), MLOPS_REFUSED);

    (void) snprintf(text, sizeof(text), "steps[0].command: the step runs "
                    "\"touch %s\", and commands of this recipe are not "
                    "allowed", it.ran);
    assert_string_equal(it.fits.err.text, text);

    assert_int_equal(access(it.folder, F_OK), -1);
    assert_int_equal(access(it.ran, F_OK), -1);

    fits_done(&it.fits);
}


static void
test_check(void **state)
{
    (void) state;

    exec_refused(mlops_fit_exec.check);
}


static void
test_run(void **state)
{
    (void) state;

    exec_refused(mlops_fit_exec.run);
}


/* The same step where they are. */

static void
test_allowed(void **state)
{
    exec_t  it;

    (void) state;

    exec_init(&it);

    assert_int_equal(mlops_fit_exec.check(&it.fit), MLOPS_OK);
    assert_int_equal(access(it.ran, F_OK), -1);

    assert_int_equal(mlops_fit_exec.run(&it.fit), MLOPS_ERROR);
    unit_ok(strstr(it.fits.err.text, "there is no file at MLOPS_MODEL")
            != NULL, "%s", it.fits.err.text);
    assert_int_equal(access(it.ran, F_OK), 0);

    fits_done(&it.fits);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_allowed)
    };

    return unit_run(tests);
}
