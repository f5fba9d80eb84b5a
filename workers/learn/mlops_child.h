/*
 * Somebody else's command, run and ended.
 *
 * A keeper process stands between us and the command: it is the subreaper of
 * all that comes from it, so that what the command leaves behind is found and
 * ended too, whatever session it fled to, and it ends them all when we die.
 * The command has a process group of its own, no open file but /dev/null, the
 * pipe that we read and nothing else, resource limits, and only the
 * environment that it is given.
 *
 *     we ──fork──▶ keeper ──fork──▶ command ──▶ …
 *        ◀─ pipe: what is printed ──┘
 *        ◀─ pipe: how it ended ─┘
 *
 * A command that is to end gets SIGTERM with its group, SIGKILL after the
 * grace; whatever is left when it has ended gets SIGKILL.
 */

#ifndef MLOPS_CHILD_H
#define MLOPS_CHILD_H


#include "mlops_base.h"


#define MLOPS_CHILD_TAIL  4096      /* bytes kept of what it printed last */


typedef struct {
    char *const  *argv;
    char *const  *envp;             /* its PATH finds argv[0] */
    const char   *folder;           /* where it runs; NULL: here */
    uint64_t      timeout_ms;       /* 0: none */
    uint64_t      grace_ms;         /* from SIGTERM to SIGKILL; 0: 2 s */
    uint64_t      memory;           /* bytes of data a process; 0: no limit */
    uint64_t      cpu_s;            /* seconds a process; 0: no limit */
    uint64_t      file;             /* bytes of a file; 0: no limit */
    uint64_t      output;           /* bytes printed; 0: no limit */
    const char   *watched;          /* a folder that may hold so many bytes */
    uint64_t      watched_max;

    /* looked at some times a second; true: end it */
    int         (*stop)(void *ctx);
    /* what it prints, as it comes, up to output bytes; may be NULL */
    void        (*print)(void *ctx, const char *text, size_t len);
    void         *ctx;
} mlops_child_options_t;


typedef enum {
    MLOPS_CHILD_EXITED = 0,         /* status: exit code */
    MLOPS_CHILD_SIGNALLED,          /* status: signal, not ours */
    MLOPS_CHILD_TIMEOUT,
    MLOPS_CHILD_STOPPED,
    MLOPS_CHILD_FLOOD,              /* printed too much */
    MLOPS_CHILD_FULL,               /* too much in the folder */
    MLOPS_CHILD_NOT_FOUND           /* status: errno of exec */
} mlops_child_end_t;


typedef struct {
    mlops_child_end_t   end;
    int                 status;
    uint32_t            left_n;     /* processes it left, which were ended */
    uint64_t            printed;    /* bytes */
    size_t              tail_len;
    char                tail[MLOPS_CHILD_TAIL];     /* not terminated */
    uint64_t            cpu_ms;
    uint64_t            peak_bytes;
} mlops_child_t;


/* Runs it and waits.  MLOPS_ERROR where it could not be started at all;
 * however it ended is in child. */
int mlops_child_run(const mlops_child_options_t *options,
    mlops_child_t *child, mlops_err_t *err);

/*
 * The same in parts, for several at once: start, then look until it says
 * MLOPS_OK (MLOPS_AGAIN: it is still at work).  mlops_child_wait sleeps until
 * one of n has something to say, at most so long; mlops_child_end asks it to
 * end as a stop would.
 */

typedef struct mlops_child_job_s  mlops_child_job_t;

mlops_child_job_t *mlops_child_start(const mlops_child_options_t *options,
    mlops_err_t *err);
void mlops_child_wait(mlops_child_job_t *const *jobs, uint32_t n,
    uint64_t ms);
int mlops_child_look(mlops_child_job_t *job, mlops_child_t *child);
void mlops_child_end(mlops_child_job_t *job);

/* A sentence: "ended after 600 s, its timeout", "was ended by signal 11
 * (Segmentation fault)", …, with the last line that it printed; MLOPS_OK and
 * nothing for exit code 0.  name stands before it. */
int mlops_child_told(const mlops_child_t *child,
    const mlops_child_options_t *options, const char *name,
    mlops_err_t *err);


#endif /* MLOPS_CHILD_H */
