/*
 * The plan: the configuration, parsed once, the same for nginx and the
 * sidecars.
 *
 * nginx hands over its tokens as nodes; sidecars read the same nodes from
 * plan.json in the store.  Both go through mlops_plan_add, so there is one
 * grammar and one set of error texts.
 *
 * plan.json, UTF-8:
 *
 *     {"abi":1,"time":"…","nodes":[NODE,…]}
 *     NODE: ["file",line,"name","arg",…] or, for a block,
 *           ["file",line,"name","arg",…,[NODE,…]]
 *
 * Secrets are only named in it (file:, env:); include files of nginx are
 * already expanded.  Every directive of the plan and of its blocks is an
 * entry of a table {name, args, handler, doc}; docs/directives.md is checked
 * against these tables.
 */

#ifndef MLOPS_PLAN_H
#define MLOPS_PLAN_H


#include "mlops_base.h"
#include "mlops_row.h"
#include "mlops_plan_view.h"


#define MLOPS_PLAN_ABI        1

#define MLOPS_PLAN_PATH_SIZE  900   /* of a directory: leaves room for names
                                       below it */


struct mlops_plan_node_s {
    mlops_str_t          file;
    uint32_t             line;
    uint32_t             args_n;        /* the name is args[0] */
    mlops_str_t         *args;
    const uint32_t      *lines;         /* of each word, or NULL: line */
    unsigned             block:1;
    mlops_plan_node_t   *children;      /* of a block, in order */
    mlops_plan_node_t   *next;
};


/* The place of a word that is wrong; line 0 where there is none. */

typedef struct {
    mlops_str_t          file;
    uint32_t             line;
} mlops_plan_where_t;


/* mlops_model NAME { … } */

typedef struct {
    mlops_str_t          name;
    mlops_plan_node_t   *node;
    unsigned             nonfinite_in:1;    /* read NaN tokens */
    unsigned             nonfinite_out:2;   /* mlops_nonfinite_t */
    mlops_range_t        range;
    uint32_t             joins_n;           /* in order */
    mlops_plan_join_t   *joins;
} mlops_plan_model_t;


typedef struct {
    mlops_arena_t       *arena;
    mlops_plan_node_t   *nodes;             /* all, in order */
    mlops_plan_node_t  **last;

    mlops_str_t          store;             /* path, or len 0 */
    uint64_t             store_size;        /* bytes, 0: no limit */
    mlops_str_t          store_user;        /* the sidecars' account */
    mlops_plan_node_t   *store_node;

    mlops_str_t          registry;
    mlops_plan_node_t   *registry_node;

    mlops_str_t          state;             /* mlops_state path, or len 0 */
    mlops_plan_node_t   *state_node;

    uint32_t             kafkas_n;
    uint32_t             kafkas_cap;
    mlops_plan_kafka_t  *kafkas;

    uint32_t             views_n;
    uint32_t             views_cap;
    mlops_plan_view_t   *views;

    uint32_t             models_n;
    uint32_t             models_cap;
    mlops_plan_model_t  *models;
} mlops_plan_t;


void mlops_plan_init(mlops_plan_t *plan, mlops_arena_t *arena);

/*
 * Adds one top-level directive with all its children; the node and its texts
 * have to outlive the plan.  The text of an error says what, expected and
 * got; *where has the file and line of the word that is wrong.
 */
int mlops_plan_add(mlops_plan_t *plan, mlops_plan_node_t *node,
    mlops_plan_where_t *where, mlops_err_t *err);

/* Checks what can only be known at the end: references, completeness.
 * Pointers to models, views and clusters are good from here on. */
int mlops_plan_finish(mlops_plan_t *plan, mlops_plan_where_t *where,
    mlops_err_t *err);

/* The settings of a model, or NULL where no block names it. */
const mlops_plan_model_t *mlops_plan_model(const mlops_plan_t *plan,
    const char *name, size_t len);

/* A view or a cluster by name, or NULL. */
const mlops_plan_view_t *mlops_plan_view(const mlops_plan_t *plan,
    const char *name, size_t len);
mlops_plan_kafka_t *mlops_plan_kafka(const mlops_plan_t *plan,
    const char *name, size_t len);

/* plan.json out (malloc'ed, the caller frees it) and in; time is text such
 * as 2026-01-31T12:00:00Z.  What is read is added and finished. */
int mlops_plan_write(const mlops_plan_t *plan, const char *time, char **json,
    size_t *len, mlops_err_t *err);
int mlops_plan_read(mlops_plan_t *plan, const char *json, size_t len,
    mlops_plan_where_t *where, mlops_err_t *err);

/* Inits the plan and reads it from the file plan.json of a store, or another
 * of that form.  The error names the file, and file and line of the word that
 * is wrong. */
int mlops_plan_load(mlops_plan_t *plan, const char *path,
    mlops_arena_t *arena, mlops_err_t *err);


/*
 * Looks at the source of one directive, which nginx has tokenised without a
 * trace of quotes and lines: text is what stands before its ';' or '{', line
 * is the line of its end.  Stores the lines of up to n words and refuses a
 * quote inside a bare word: there it is an ordinary byte, which nobody who
 * writes a='x y' means.  MLOPS_ERROR: *wrong is the line of that word.
 */
int mlops_plan_words(const char *text, size_t len, uint32_t line,
    uint32_t *lines, uint32_t n, uint32_t *wrong, mlops_err_t *err);

/* nginx's sizes ("1g", "64k", "512") and times ("10m", "1d2h", "300ms"), as
 * bytes and milliseconds. */
int mlops_plan_size(const mlops_str_t *text, uint64_t *bytes);
int mlops_plan_time(const mlops_str_t *text, uint64_t *ms);


#endif /* MLOPS_PLAN_H */
