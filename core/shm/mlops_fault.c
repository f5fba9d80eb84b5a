/*
 * Fault points: where a test build kills or stops itself.
 *
 * The log is opened for each line, O_APPEND, so that points passed by
 * several processes of one run stay in order and none is lost by the kill.
 */

#include "mlops_file.h"

#if (MLOPS_FAULTS)

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>


static void mlops_fault_log(const char *point);


void
mlops_fault(const char *point)
{
    int           signal;
    long          n;
    size_t        len;
    const char   *fault;
    static long   passed;

    mlops_fault_log(point);

    fault = getenv("MLOPS_FAULT");

    if (fault == NULL) {
        return;
    }

    len = strlen(point);

    if (strncmp(fault, point, len) != 0) {
        return;
    }

    signal = SIGKILL;

    if (strcmp(fault + len, "!") == 0) {
        signal = SIGSTOP;
        n = 1;

    } else if (fault[len] == '#') {
        n = strtol(fault + len + 1, NULL, 10);

    } else if (fault[len] == '\0') {
        n = 1;

    } else {
        return;
    }

    if (++passed == n) {
        (void) kill(getpid(), signal);
    }
}


static void
mlops_fault_log(const char *point)
{
    int          fd, n;
    char         line[128];
    const char  *path;

    path = getenv("MLOPS_FAULT_LOG");

    if (path == NULL) {
        return;
    }

    fd = open(path, O_WRONLY|O_CREAT|O_APPEND|O_CLOEXEC, 0600);

    if (fd == -1) {
        return;
    }

    n = snprintf(line, sizeof(line), "%s\n", point);

    if (n > 0 && write(fd, line, (size_t) n) != n) {
        (void) fprintf(stderr, "fault point %s not logged\n", point);
    }

    (void) close(fd);
}

#else

typedef int  mlops_fault_unused_t;      /* a file has to declare something */

#endif
