/*
 * The keeper.  It is forked from a process that may have threads, so it
 * calls nothing that takes a lock: system calls alone.
 */

#include "mlops_child_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


#define MLOPS_CHILD_GRACE_MS   2000
#define MLOPS_CHILD_SWEEP_MS   10000    /* nothing outlives SIGKILL so long */
#define MLOPS_CHILD_LIST       4096     /* bytes of a list of processes */


typedef struct {
    const mlops_child_options_t  *options;
    int                           record_fd;
    pid_t                         leader;
    int                           ended;
    uint64_t                      deadline;     /* for SIGKILL, or 0 */
    sigset_t                      signals;
    mlops_child_record_t          record;
} mlops_child_keeper_t;


static void mlops_child_command(const mlops_child_options_t *options,
    int record) __attribute__((noreturn));
static void mlops_child_limit(int what, uint64_t soft, uint64_t hard);
static void mlops_child_watch(mlops_child_keeper_t *k);
static void mlops_child_reap(mlops_child_keeper_t *k);
static void mlops_child_sweep(mlops_child_keeper_t *k);
static void mlops_child_kill_children(void);
static void mlops_child_sleep(mlops_child_keeper_t *k, uint64_t ms,
    int *signal_no);
static uint64_t mlops_child_now(void);


void
mlops_child_keep(const mlops_child_options_t *options, int parent, int out,
    int record)
{
    int                   null;
    struct sigaction      dflt;
    mlops_child_keeper_t  k;

    memset(&k, 0, sizeof(k));
    k.options = options;

    /* ours to wait for, and not a terminal's to interrupt */

    memset(&dflt, 0, sizeof(dflt));
    dflt.sa_handler = SIG_DFL;

    (void) sigaction(SIGCHLD, &dflt, NULL);
    (void) sigaction(SIGTERM, &dflt, NULL);

    sigemptyset(&k.signals);
    sigaddset(&k.signals, SIGCHLD);
    sigaddset(&k.signals, SIGTERM);
    (void) sigprocmask(SIG_SETMASK, &k.signals, NULL);

    (void) setsid();
    (void) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    (void) prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    (void) prctl(PR_SET_NAME, "mlops-keeper", 0, 0, 0);

    if (getppid() != parent) {
        _exit(1);
    }

    /* descriptors: 0 to 2, then the record's; no other */

    null = open("/dev/null", O_RDONLY);
    null = fcntl(null, F_DUPFD, 10);
    out = fcntl(out, F_DUPFD, 10);
    record = fcntl(record, F_DUPFD, 10);

    if (null == -1 || out == -1 || record == -1
        || dup2(out, 1) == -1 || dup2(out, 2) == -1 || dup2(null, 0) == -1
        || dup2(record, 3) == -1)
    {
        _exit(1);
    }

    (void) close_range(4, ~0u, 0);
    (void) fcntl(3, F_SETFD, FD_CLOEXEC);
    k.record_fd = 3;

    k.leader = fork();

    if (k.leader == -1) {
        k.record.failed = errno;

    } else if (k.leader == 0) {
        mlops_child_command(options, k.record_fd);

    } else {
        (void) setpgid(k.leader, k.leader);
        (void) close(1);
        (void) close(2);
        mlops_child_watch(&k);
    }

    mlops_child_sweep(&k);

    (void) !write(k.record_fd, &k.record, sizeof(k.record));

    _exit(0);
}


/* The command itself: an error of exec goes the way of the record. */

static void
mlops_child_command(const mlops_child_options_t *options, int record)
{
    int                   i;
    sigset_t              none;
    struct sigaction      dflt;
    mlops_child_record_t  failed;

    (void) setpgid(0, 0);
    (void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

    memset(&dflt, 0, sizeof(dflt));
    dflt.sa_handler = SIG_DFL;

    for (i = 1; i < NSIG; i++) {
        (void) sigaction(i, &dflt, NULL);
    }

    sigemptyset(&none);
    (void) sigprocmask(SIG_SETMASK, &none, NULL);

    mlops_child_limit(RLIMIT_CORE, 0, 0);

    if (options->memory != 0) {
        mlops_child_limit(RLIMIT_DATA, options->memory, options->memory);
    }

    if (options->cpu_s != 0) {
        mlops_child_limit(RLIMIT_CPU, options->cpu_s, options->cpu_s + 5);
    }

    if (options->file != 0) {
        mlops_child_limit(RLIMIT_FSIZE, options->file, options->file);
    }

    (void) umask(077);

    if (options->folder == NULL || chdir(options->folder) == 0) {
        (void) execvpe(options->argv[0], options->argv, options->envp);
    }

    memset(&failed, 0, sizeof(failed));
    failed.failed = errno ? errno : ENOENT;

    (void) !write(record, &failed, sizeof(failed));

    _exit(127);
}


static void
mlops_child_limit(int what, uint64_t soft, uint64_t hard)
{
    struct rlimit  now, limit;

    limit.rlim_cur = soft;
    limit.rlim_max = hard;

    /* not above what we have ourselves */

    if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY
        && now.rlim_max < hard)
    {
        limit.rlim_max = now.rlim_max;
        limit.rlim_cur = (soft < now.rlim_max) ? soft : now.rlim_max;
    }

    (void) setrlimit(what, &limit);
}


/* Until the command has ended.  SIGTERM asks for the end: of us by our
 * parent, or because that died. */

static void
mlops_child_watch(mlops_child_keeper_t *k)
{
    int       signal_no;
    uint64_t  now, grace;

    grace = k->options->grace_ms ? k->options->grace_ms
                                 : MLOPS_CHILD_GRACE_MS;

    for ( ;; ) {
        mlops_child_reap(k);

        if (k->ended) {
            return;
        }

        now = mlops_child_now();

        if (k->deadline != 0 && now >= k->deadline) {
            (void) kill(-k->leader, SIGKILL);
            k->deadline = now + MLOPS_CHILD_SWEEP_MS;
        }

        mlops_child_sleep(k, k->deadline ? k->deadline - now : 1000,
                          &signal_no);

        if (signal_no == SIGTERM && k->deadline == 0) {
            k->record.killed = 1;
            k->deadline = mlops_child_now() + grace;
            (void) kill(-k->leader, SIGTERM);

            /* one that is stopped would not hear it */

            (void) kill(-k->leader, SIGCONT);
        }
    }
}


static void
mlops_child_reap(mlops_child_keeper_t *k)
{
    int            status;
    pid_t          pid;
    struct rusage  usage;

    for ( ;; ) {
        pid = wait4(-1, &status, WNOHANG, &usage);

        if (pid <= 0) {
            return;
        }

        if (pid != k->leader) {
            continue;
        }

        k->ended = 1;
        k->record.status = status;
        k->record.peak_bytes = (uint64_t) usage.ru_maxrss * 1024;
        k->record.cpu_ms = (uint64_t) usage.ru_utime.tv_sec * 1000
                           + (uint64_t) usage.ru_utime.tv_usec / 1000
                           + (uint64_t) usage.ru_stime.tv_sec * 1000
                           + (uint64_t) usage.ru_stime.tv_usec / 1000;
    }
}


/*
 * Ends what is left.  A process that is killed hands its own children to us,
 * so that this goes on until there is none.
 */

static void
mlops_child_sweep(mlops_child_keeper_t *k)
{
    int       status, signal_no;
    pid_t     pid;
    uint64_t  until;

    if (k->leader > 0) {
        (void) kill(-k->leader, SIGKILL);
    }

    until = mlops_child_now() + MLOPS_CHILD_SWEEP_MS;

    for ( ;; ) {
        for ( ;; ) {
            pid = waitpid(-1, &status, WNOHANG);

            if (pid <= 0) {
                break;
            }

            /* others had ended, and nobody waited for them */

            k->record.left_n += (WIFSIGNALED(status)
                                 && WTERMSIG(status) == SIGKILL);
        }

        if (pid == -1 || mlops_child_now() > until) {
            return;
        }

        mlops_child_kill_children();
        mlops_child_sleep(k, 20, &signal_no);
    }
}


/* Our children, as the kernel lists them; those of a group are dead already,
 * these are in sessions of their own. */

static void
mlops_child_kill_children(void)
{
    int      fd;
    char     list[MLOPS_CHILD_LIST], *p, *end;
    pid_t    pid;
    ssize_t  n;

    fd = open("/proc/thread-self/children", O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    n = read(fd, list, sizeof(list));
    (void) close(fd);

    pid = 0;
    end = list + (n > 0 ? n : 0);

    /* a number that the end cuts off has no space behind it */

    for (p = list; p < end; p++) {

        if (*p >= '0' && *p <= '9') {
            pid = pid * 10 + (*p - '0');
            continue;
        }

        if (pid > 1) {
            (void) kill(pid, SIGKILL);
        }

        pid = 0;
    }
}


static void
mlops_child_sleep(mlops_child_keeper_t *k, uint64_t ms, int *signal_no)
{
    struct timespec  span;

    span.tv_sec = (time_t) (ms / 1000);
    span.tv_nsec = (long) (ms % 1000) * 1000000;

    *signal_no = sigtimedwait(&k->signals, NULL, &span);
}


static uint64_t
mlops_child_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000 + (uint64_t) ts.tv_nsec / 1000000;
}
