/*
 * Running a command: one that is asked to end before it began.
 */

#include "unit.h"
#include "mlops_child.h"

#include <signal.h>
#include <time.h>


#define CHILD_TURNS  20


static void
child_caught(int number)
{
    (void) number;
}


/* The keeper must not take our handler for its own. */

static void
test_ended_at_once(void **state)
{
    char                   *argv[] = { "sleep", "20", NULL };
    char                   *envp[] = { "PATH=/usr/bin:/bin", NULL };
    time_t                  start;
    uint32_t                i;
    mlops_err_t             err;
    mlops_child_t           child;
    struct sigaction        sa, before;
    mlops_child_job_t      *job;
    mlops_child_options_t   options;

    (void) state;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = child_caught;
    assert_int_equal(sigaction(SIGTERM, &sa, &before), 0);

    memset(&options, 0, sizeof(options));
    options.argv = argv;
    options.envp = envp;

    start = time(NULL);

    for (i = 0; i < CHILD_TURNS && time(NULL) - start < 15; i++) {
        job = mlops_child_start(&options, &err);
        assert_non_null(job);

        mlops_child_end(job);

        while (mlops_child_look(job, &child) == MLOPS_AGAIN) {
            mlops_child_wait(&job, 1, 100);
        }

        assert_int_equal(child.end, MLOPS_CHILD_STOPPED);
    }

    unit_ok(i == CHILD_TURNS, "%u commands took more than 15 s to end", i);

    assert_int_equal(sigaction(SIGTERM, &before, NULL), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ended_at_once)
    };

    return unit_run(tests);
}
