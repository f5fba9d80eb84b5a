/*
 * Training runs with a state: folds and reproductions leave it alone, a
 * second run goes on from the first, and what they leave has the bits of one
 * run over all rows.
 */

#include "unit.h"
#include "mlops_learn.h"
#include "mlops_online.h"

#include <fcntl.h>
#include <math.h>


enum {
    ROWS = 900
};


static void
write_rows(const char *path, uint32_t first, uint32_t end)
{
    FILE      *f;
    double     x, y;
    uint32_t   i;
    uint64_t   seed;

    static const char *const  places[] = { "north", "south", "", "east" };

    f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "x,place,y\n");
    seed = 12;

    for (i = 0; i < end; i++) {
        x = (double) (unit_random(&seed) >> 40) / 8388608 - 1;
        y = (double) (unit_random(&seed) >> 40) / 16777216;

        if (i >= first) {
            fprintf(f, "%.6f,%s,%s\n", x, places[i % 4],
                    x + (i % 4 == 1) > y ? "yes" : "no");
        }
    }

    assert_int_equal(fclose(f), 0);
}


static const char *
recipe(char *text, size_t size, const char *keys, const char *train)
{
    snprintf(text, size, "{\"recipe\":1,\"name\":\"t\",\"inputs\":["
             "{\"name\":\"x\"},{\"name\":\"place\",\"type\":\"BYTES\"}],"
             "\"train\":{\"rows\":{\"columns\":[{\"name\":\"y\",\"type\":"
             "\"BYTES\"}]},\"target\":\"y\",\"metrics\":[\"log_loss\"]%s},"
             "\"steps\":[{\"kind\":\"model\",\"fit\":\"ftrl\",\"bits\":8,"
             "\"crosses\":[[\"x\",\"place\"]],%s\"inputs\":[\"x\",\"place\"],"
             "\"outputs\":[\"p\"]}],\"signatures\":[{\"name\":\"default\","
             "\"outputs\":[{\"name\":\"p\"}]}]}", train, keys);

    return text;
}


static void
train(const char *dir, const char *rows, const char *keys,
    const char *validate, int aside)
{
    char                    text[2000], path[UNIT_PATH_SIZE];
    mlops_err_t             err;
    mlops_learned_t         learned;
    mlops_learn_options_t   options;

    snprintf(path, sizeof(path), "%s/%s", dir, rows);
    memset(&options, 0, sizeof(options));

    options.text = recipe(text, sizeof(text), keys, validate);
    options.text_len = strlen(text);
    options.folder = dir;
    options.rows = path;
    options.aside = aside ? 1 : 0;

    unit_ok(mlops_learn(&options, &learned, &err) == MLOPS_OK, "%s",
            err.text);
    unit_ok(mlops_learned_keep(&learned, &err) == MLOPS_OK, "%s", err.text);
    mlops_learned_free(&learned);
}


static char *
state_of(const char *dir, const char *name, size_t *len)
{
    char  path[UNIT_PATH_SIZE];

    snprintf(path, sizeof(path), "%s/%s", dir, name);

    return unit_slurp(path, len);
}


static uint64_t
examples_of(const char *dir, const char *name)
{
    int                       fd;
    mlops_err_t               err;
    mlops_online_t           *online;
    mlops_online_progress_t   progress;

    fd = open(dir, O_RDONLY|O_DIRECTORY);
    assert_true(fd != -1);

    online = mlops_online_load(fd, name, NULL, &err);
    unit_ok(online != NULL, "%s", err.text);
    mlops_online_progress(online, 0, &progress);
    mlops_online_destroy(online);
    close(fd);

    return progress.examples;
}


static void
test_chain(void **state)
{
    char        *whole, *two, path[UNIT_PATH_SIZE];
    size_t       len, two_len;
    const char  *dir;

    (void) state;

    dir = unit_tmpdir();

    snprintf(path, sizeof(path), "%s/all.csv", dir);
    write_rows(path, 0, ROWS);
    snprintf(path, sizeof(path), "%s/a.csv", dir);
    write_rows(path, 0, 400);
    snprintf(path, sizeof(path), "%s/b.csv", dir);
    write_rows(path, 400, ROWS);

    train(dir, "all.csv", "\"state\":\"all.state\",", "", 0);
    assert_int_equal(examples_of(dir, "all.state"), ROWS);

    train(dir, "a.csv", "\"state\":\"s\",", "", 0);
    assert_int_equal(examples_of(dir, "s"), 400);

    /* folds learn on from it as well, five times, and leave it */

    train(dir, "b.csv", "\"start\":\"s\",\"state\":\"s\",",
          ",\"validate\":{\"folds\":5,\"repeats\":1}", 0);
    assert_int_equal(examples_of(dir, "s"), ROWS);

    whole = state_of(dir, "all.state", &len);
    two = state_of(dir, "s", &two_len);
    assert_non_null(whole);
    assert_non_null(two);
    assert_int_equal(len, two_len);

    /* but for the header's "since", which a run begins anew */

    memset(whole + 24, 0, 8);
    memset(two + 24, 0, 8);
    memset(whole + 200, 0, 24);
    memset(two + 200, 0, 24);
    assert_memory_equal(whole, two, len);

    free(whole);
    free(two);

    /* a run that is done again */

    train(dir, "all.csv", "\"state\":\"again.state\",", "", 1);
    assert_null(state_of(dir, "again.state", &len));
}


/* Between what a run has read and what it keeps there is another one. */

static void
test_two(void **state)
{
    char                    text[2000], path[UNIT_PATH_SIZE];
    const char             *dir;
    mlops_err_t             err;
    mlops_learned_t         learned;
    mlops_learn_options_t   options;

    (void) state;

    dir = unit_tmpdir();

    snprintf(path, sizeof(path), "%s/a.csv", dir);
    write_rows(path, 0, 400);
    snprintf(path, sizeof(path), "%s/b.csv", dir);
    write_rows(path, 400, 700);

    train(dir, "a.csv", "\"state\":\"two\",", "", 0);

    memset(&options, 0, sizeof(options));

    options.text = recipe(text, sizeof(text), "\"start\":\"two\","
                          "\"state\":\"two\",", "");
    options.text_len = strlen(text);
    options.folder = dir;
    options.rows = path;

    unit_ok(mlops_learn(&options, &learned, &err) == MLOPS_OK, "%s",
            err.text);

    train(dir, "a.csv", "\"start\":\"two\",\"state\":\"two\",", "", 0);
    assert_int_equal(examples_of(dir, "two"), 800);

    assert_int_equal(mlops_learned_keep(&learned, &err), MLOPS_ERROR);
    assert_non_null(strstr(err.text, "steps[0].state: two was replaced by "
                           "another run meanwhile"));
    mlops_learned_free(&learned);

    assert_int_equal(examples_of(dir, "two"), 800);

    snprintf(path, sizeof(path), "%s/.lock.two", dir);
    assert_int_equal(access(path, F_OK), -1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_two)
    };

    return unit_run(tests);
}
