/*
 * The log of a model: models/<name>/log, append-only, one JSON object a line.
 *
 *     {"time":"2026-01-31T12:00:00.123Z","user":"ann","op":"publish",
 *      "version":"3","alias":"champion","from":"2",
 *      "digest":"xxh3:0123456789abcdef","note":"…"}
 *
 *     op         members
 *     publish    version, digest; alias and from where one was moved at once
 *     alias      alias, version, from
 *     rollback   alias, version, from
 *     recover    version, digest: a version that nobody had logged;
 *                alias, version, from: an alias that is found at version
 *                while the log says from (without version: it is gone)
 *
 * from is left out where the alias is new, digest is the checksum in the
 * header of the image.  Unknown members and ops are kept and passed over:
 * gate reports, approvals and tags are lines of their own.  A line has at
 * most MLOPS_LOG_LINE bytes, is written by one write(2) to an O_APPEND
 * descriptor and synced.  A torn last line is closed with a newline by the
 * next writer; readers pass over it, and over any line that is no object.
 */

#ifndef MLOPS_REGISTRY_LOG_H
#define MLOPS_REGISTRY_LOG_H


#include "mlops_base.h"
#include "mlops_store.h"
#include "mlops_registry.h"


#define MLOPS_LOG_LINE      (1024 * 1024)
#define MLOPS_LOG_NOTE_LEN  4096


/* Members that are missing have len 0; version, alias and from are valid
 * ones, or missing. */

typedef struct {
    mlops_str_t  time;
    mlops_str_t  user;
    mlops_str_t  op;
    mlops_str_t  version;
    mlops_str_t  alias;
    mlops_str_t  from;
    mlops_str_t  digest;
    mlops_str_t  note;
    mlops_str_t  text;              /* the whole object */
} mlops_log_line_t;


/* What it is given lives until it returns; MLOPS_OK goes on. */
typedef int (*mlops_log_line_pt)(void *ctx, const mlops_log_line_t *line);

/* Calls handler for each line, oldest first; no log is no lines. */
int mlops_log_read(int dir, mlops_log_line_pt handler, void *ctx,
    mlops_err_t *err);

/* The text of a line, newline included, with the time and the user of now.
 * The note is UTF-8. */
mlops_str_t mlops_log_text(const mlops_log_line_t *line, mlops_arena_t *arena,
    mlops_err_t *err);

/* Appends such a text.  Failing leaves the log as it was. */
int mlops_log_append(const mlops_registry_t *registry, int dir,
    const mlops_str_t *text, mlops_err_t *err);

/* Closes a torn last line. */
int mlops_log_mend(int dir, mlops_err_t *err);


/*
 * What the log says: for each alias the versions it has been at, as a stack
 * in which a rollback is a pop.
 */

typedef struct mlops_log_stop_s  mlops_log_stop_t;

struct mlops_log_stop_s {
    mlops_log_stop_t  *below;
    char               version[MLOPS_VERSION_LEN + 1];  /* "": it was gone */
};


typedef struct mlops_log_track_s  mlops_log_track_t;

struct mlops_log_track_s {
    mlops_log_track_t  *next;
    mlops_log_stop_t   *top;
    mlops_log_stop_t   *before;     /* top, before the last line */
    char                alias[MLOPS_NAME_LEN + 1];
};


typedef struct {
    mlops_log_track_t  *tracks;
    char                newest[MLOPS_VERSION_LEN + 1];  /* "": none */
    mlops_arena_t      *arena;
} mlops_log_history_t;


int mlops_log_history(int dir, mlops_log_history_t *history,
    mlops_arena_t *arena, mlops_err_t *err);
mlops_log_track_t *mlops_log_track(const mlops_log_history_t *history,
    const char *alias);


#endif /* MLOPS_REGISTRY_LOG_H */
