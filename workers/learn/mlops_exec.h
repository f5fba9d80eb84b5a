/*
 * The fitter "exec": a command of the user's own makes the model.
 *
 * docs/learning.md has the contract: rows in CSV files, what is asked for in
 * environment variables, a model file in a format that import reads.  The
 * file becomes {"kind": "model", "file": …} of the fitted recipe.
 *
 * Below env->work each step has a folder:
 *
 *     exec-N/in/rows.csv, tune.csv    read-only
 *     exec-N/out/                     where the command runs: HOME, TMPDIR
 *     exec-N/out/model                what it writes, then exec-N.model
 */

#ifndef MLOPS_EXEC_H
#define MLOPS_EXEC_H


#include "mlops_child.h"
#include "mlops_fit.h"


#define MLOPS_EXEC_ARGS   1024
#define MLOPS_EXEC_VARS   256


typedef struct {
    mlops_fit_t            *fit;
    mlops_child_options_t   limits;
    unsigned                codes:1;        /* categories as numbers */
    char                   *argv[MLOPS_EXEC_ARGS + 1];
    char                   *envp[MLOPS_EXEC_VARS + 1];
    uint32_t                envp_n;
    char                   *dir;            /* exec-N, from work on */
    char                   *in;             /* whole paths */
    char                   *out;
    char                   *rows;
    char                   *tune;           /* or NULL */
    char                   *model;
    char                   *target;         /* names of the last columns */
    char                   *weight;
} mlops_exec_t;


/* Writes the rows of a matrix: its columns, target, weight. */
int mlops_exec_rows(mlops_exec_t *ex, const mlops_matrix_t *matrix,
    const char *path);

/* The command and its environment. */
int mlops_exec_command(mlops_exec_t *ex);
int mlops_exec_environment(mlops_exec_t *ex);
/* Text in the arena of the fit's field; NULL: out of memory, said. */
char *mlops_exec_text(mlops_exec_t *ex, const char *fmt, ...)
    mlops_printf(2, 3);

/* Removes rows and what else the command left. */
void mlops_exec_clean(mlops_exec_t *ex);

/* Reads what the command left, and writes the steps of the fitted recipe. */
int mlops_exec_model(mlops_exec_t *ex);


#endif /* MLOPS_EXEC_H */
