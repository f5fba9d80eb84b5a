/*
 * Lines of the log.
 */

#include "mlops_worker_log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>


#define MLOPS_LOG_SIZE  2048


static _Atomic int  mlops_log_to = MLOPS_LOG_NOTICE;
static _Atomic int  mlops_log_on_terminal;


void
mlops_log_level(mlops_log_level_t level)
{
    atomic_store_explicit(&mlops_log_to, (int) level, memory_order_relaxed);
}


void
mlops_log_progress(int on)
{
    atomic_store_explicit(&mlops_log_on_terminal, on, memory_order_relaxed);
}


void
mlops_say(mlops_log_level_t level, const char *fmt, ...)
{
    int         n;
    char        line[MLOPS_LOG_SIZE];
    size_t      len;
    time_t      now;
    va_list     args;
    struct tm   tm;

    static const char *const  names[] = {
        "emerg", "error", "warn", "notice", "info"
    };

    if ((int) level > atomic_load_explicit(&mlops_log_to,
                                           memory_order_relaxed))
    {
        return;
    }

    now = time(NULL);
    (void) localtime_r(&now, &tm);

    n = snprintf(line, sizeof(line), "%s%04d/%02d/%02d %02d:%02d:%02d [%s] "
                 "%d#%ld: ",
                 atomic_exchange_explicit(&mlops_log_on_terminal, 0,
                                          memory_order_relaxed)
                 ? "\n" : "",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec, names[level], (int) getpid(),
                 (long) syscall(SYS_gettid));

    if (n < 0) {
        return;
    }

    len = (size_t) n;

    va_start(args, fmt);
    n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
    va_end(args);

    if (n > 0) {
        len += ((size_t) n < sizeof(line) - len - 1)
               ? (size_t) n : sizeof(line) - len - 2;
    }

    line[len++] = '\n';

    if (write(STDERR_FILENO, line, len) == -1) {
        return;                         /* nobody is left to be told */
    }
}
