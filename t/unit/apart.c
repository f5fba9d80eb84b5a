/*
 * Files that are to be apart: links, other ways to say a path, what is not
 * there yet, devices.
 */

#include "unit.h"
#include "mlops_apart.h"

#include <sys/stat.h>
#include <unistd.h>


static void
test_same(void **state)
{
    char         dir[UNIT_PATH_SIZE];
    const char  *tmp;

    (void) state;

    tmp = unit_tmpdir();
    assert_non_null(getcwd(dir, sizeof(dir)));
    assert_int_equal(chdir(tmp), 0);

    assert_int_equal(mkdir("sub", 0700), 0);
    unit_spew("a", "1", 1);
    unit_spew("b", "1", 1);
    assert_int_equal(symlink("../a", "sub/link"), 0);
    assert_int_equal(symlink("none", "dangling"), 0);
    assert_int_equal(link("a", "hard"), 0);

    assert_true(mlops_apart_same("a", "a"));
    assert_true(mlops_apart_same("a", "./sub/../a"));
    assert_true(mlops_apart_same("sub/link", "a"));
    assert_true(mlops_apart_same("hard", "a"));
    assert_false(mlops_apart_same("a", "b"));

    /* not there: by folder and name */

    assert_true(mlops_apart_same("new", "./new"));
    assert_true(mlops_apart_same("sub/new", "sub/../sub/new"));
    assert_false(mlops_apart_same("new", "sub/new"));
    assert_false(mlops_apart_same("new", "newer"));
    assert_false(mlops_apart_same("a", "new"));
    assert_false(mlops_apart_same("no/new", "no/new"));

    /* no regular files */

    assert_false(mlops_apart_same("/dev/null", "/dev/null"));
    assert_false(mlops_apart_same("sub", "sub"));

    assert_int_equal(chdir(dir), 0);
}


static void
test_within(void **state)
{
    char         dir[UNIT_PATH_SIZE];
    const char  *tmp;

    (void) state;

    tmp = unit_tmpdir();
    assert_non_null(getcwd(dir, sizeof(dir)));
    assert_int_equal(chdir(tmp), 0);

    assert_int_equal(mkdir("in", 0700), 0);
    assert_int_equal(mkdir("in/below", 0700), 0);
    assert_int_equal(mkdir("inner", 0700), 0);
    unit_spew("in/a", "1", 1);
    assert_int_equal(symlink("in/a", "to"), 0);
    assert_int_equal(symlink("in", "other"), 0);
    assert_int_equal(symlink("../inner/a", "in/out"), 0);
    unit_spew("inner/a", "1", 1);

    assert_true(mlops_apart_within("in/a", "in"));
    assert_true(mlops_apart_within("in/new", "in/"));
    assert_true(mlops_apart_within("in/below/new", "./in"));
    assert_true(mlops_apart_within("to", "in"));
    assert_true(mlops_apart_within("other/new", "in"));
    assert_true(mlops_apart_within("in/new", "other"));
    assert_true(mlops_apart_within("new", "."));

    assert_false(mlops_apart_within("inner/new", "in"));
    assert_false(mlops_apart_within("new", "in"));
    assert_false(mlops_apart_within("in/out", "in"));
    assert_false(mlops_apart_within("in", "in"));
    assert_false(mlops_apart_within("in/../new", "in"));
    assert_false(mlops_apart_within("/dev/null", "in"));

    /* neither is there: by path */

    assert_true(mlops_apart_within("no/new", "no"));
    assert_true(mlops_apart_within("in/../no/new", "./no//"));
    assert_false(mlops_apart_within("no/new", "none"));
    assert_false(mlops_apart_within("no/new", "in/no"));
    assert_false(mlops_apart_within("new", "no"));
    assert_false(mlops_apart_within("in/a", "no"));
    assert_false(mlops_apart_within("no/new", "in"));

    assert_int_equal(chdir(dir), 0);
}


static void
test_check(void **state)
{
    mlops_err_t    err;
    mlops_apart_t  files[4];

    (void) state;

    memset(files, 0, sizeof(files));

    files[0].path = "/nowhere-a";
    files[0].what = "the rows";
    files[1].path = "/nowhere-a";
    files[1].what = "the recipe";
    files[2].what = "--recipe-out";
    files[2].written = 1;
    files[3].path = "/nowhere-b";
    files[3].what = "-o";
    files[3].written = 1;

    /* what is read may be read twice, what is not given is no file */

    unit_ok(mlops_apart_check(files, 4, &err) == MLOPS_OK, "%s", err.text);

    files[2].path = "//nowhere-b";
    assert_int_equal(mlops_apart_check(files, 4, &err), MLOPS_ERROR);
    assert_string_equal(err.text, "--recipe-out: //nowhere-b is the same "
                        "file as -o, /nowhere-b");

    files[2].path = "/nowhere-c";
    files[3].path = "/nowhere-a";
    assert_int_equal(mlops_apart_check(files, 4, &err), MLOPS_ERROR);
    assert_string_equal(err.text, "-o: /nowhere-a is the same file as the "
                        "rows, /nowhere-a");

    files[0].pair = 1;
    files[1].pair = 1;
    files[3].pair = 2;
    assert_int_equal(mlops_apart_check(files, 4, &err), MLOPS_ERROR);

    files[3].pair = 1;
    unit_ok(mlops_apart_check(files, 4, &err) == MLOPS_OK, "%s", err.text);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_within),
        cmocka_unit_test(test_check)
    };

    return unit_run(tests);
}
