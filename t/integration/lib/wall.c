/*
 * A wall clock that jumps, for one program: preloaded, it adds the seconds
 * that stand in the file MLOPS_WALL to what clock_gettime(CLOCK_REALTIME)
 * says, where the program itself asks.  Libraries get the real time: they
 * wait by it.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>


typedef int (*wall_gettime_pt)(clockid_t, struct timespec *);


static int
wall_range(struct dl_phdr_info *info, size_t size, void *data)
{
    int         i;
    uintptr_t  *range;

    (void) size;
    range = data;

    /* the first object is the program */

    for (i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type == PT_LOAD
            && (info->dlpi_phdr[i].p_flags & PF_X))
        {
            range[0] = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            range[1] = range[0] + info->dlpi_phdr[i].p_memsz;
        }
    }

    return 1;
}


static long
wall_offset(void)
{
    int          fd;
    char         text[32];
    ssize_t      n;
    const char  *path;

    path = getenv("MLOPS_WALL");
    fd = path != NULL ? open(path, O_RDONLY|O_CLOEXEC) : -1;

    if (fd == -1) {
        return 0;
    }

    n = read(fd, text, sizeof(text) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    text[n] = '\0';

    return strtol(text, NULL, 10);
}


int
clock_gettime(clockid_t clock, struct timespec *ts)
{
    int                       rc;
    uintptr_t                 caller;
    static uintptr_t          program[2];
    static wall_gettime_pt    gettime;

    caller = (uintptr_t) __builtin_return_address(0);

    if (gettime == NULL) {
        (void) dl_iterate_phdr(wall_range, program);
        gettime = (wall_gettime_pt) dlsym(RTLD_NEXT, "clock_gettime");
    }

    rc = gettime(clock, ts);

    if (rc == 0 && clock == CLOCK_REALTIME && caller >= program[0]
        && caller < program[1])
    {
        ts->tv_sec += wall_offset();
    }

    return rc;
}
