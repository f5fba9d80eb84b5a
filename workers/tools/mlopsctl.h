/*
 * mlopsctl: what its sub-commands share.
 *
 * Each sub-command is one line of the table in mlopsctl.c and a handler in a
 * file of its own.  A handler gets the arguments with argv[0] as the name of
 * the sub-command, and returns an exit code.
 */

#ifndef MLOPSCTL_H
#define MLOPSCTL_H


#include "mlops_apart.h"
#include "mlops_base.h"
#include "mlops_file.h"
#include "mlops_model.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>


#define MLOPSCTL_DONE    0
#define MLOPSCTL_FAILED  1      /* refused or failed */
#define MLOPSCTL_USAGE   2


typedef struct {
    const char  *name;
    const char  *usage;         /* behind the name */
    const char  *summary;       /* one line */
    const char  *help;          /* more, lines ended by \n */
    int        (*handler)(int argc, char **argv);
} mlopsctl_command_t;


int mlopsctl_import(int argc, char **argv);
int mlopsctl_inspect(int argc, char **argv);
int mlopsctl_export(int argc, char **argv);
int mlopsctl_verify(int argc, char **argv);
int mlopsctl_predict(int argc, char **argv);
int mlopsctl_train(int argc, char **argv);
int mlopsctl_tune(int argc, char **argv);
int mlopsctl_evaluate(int argc, char **argv);
int mlopsctl_reproduce(int argc, char **argv);
int mlopsctl_publish(int argc, char **argv);
int mlopsctl_alias(int argc, char **argv);
int mlopsctl_rollback(int argc, char **argv);
int mlopsctl_list(int argc, char **argv);
int mlopsctl_log(int argc, char **argv);
int mlopsctl_sync(int argc, char **argv);
int mlopsctl_history(int argc, char **argv);
int mlopsctl_backfill(int argc, char **argv);
int mlopsctl_replay(int argc, char **argv);
int mlopsctl_table(int argc, char **argv);


/* "mlopsctl NAME: text" to stderr.  Returns MLOPSCTL_FAILED. */
int mlopsctl_failed(const char *fmt, ...) mlops_printf(1, 2);

/* The same, then how to call the sub-command.  Returns MLOPSCTL_USAGE. */
int mlopsctl_misused(const char *fmt, ...) mlops_printf(1, 2);

/*
 * One option, as getopt_long: its letter, or -1 behind the last; '?' where
 * it is unknown or lacks its value, which has been said then and is
 * MLOPSCTL_USAGE.  options name letters as val.
 */
int mlopsctl_option(int argc, char **argv, const char *letters,
    const struct option *options);


/* A model file, mapped and loaded by the production loader. */

typedef struct {
    mlops_map_file_t   map;
    mlops_model_t     *model;
} mlopsctl_model_t;

int mlopsctl_model_open(mlopsctl_model_t *file, const char *path,
    mlops_err_t *err);
void mlopsctl_model_close(mlopsctl_model_t *file);

/*
 * Writes a file at once, in place of one that is there, whose permissions it
 * keeps where they are fewer than mode.  A link stays, and what it points to
 * is written; a device or a pipe is written into.  err begins with path.
 */
int mlopsctl_write(const char *path, const void *data, size_t len,
    mode_t mode, mlops_err_t *err);

/* Would that be refused?  It is told before the work is done: MLOPSCTL_DONE,
 * or else MLOPSCTL_FAILED. */
int mlopsctl_place(const char *path);

/* mlops_apart_check(), told where it fails: MLOPSCTL_DONE, or else
 * MLOPSCTL_FAILED. */
int mlopsctl_apart(const mlops_apart_t *files, size_t n);

/* Flushes stdout: a full disk is a failure, too. */
int mlopsctl_flush(void);


#endif /* MLOPSCTL_H */
