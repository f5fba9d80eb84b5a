/*
 * Training as a whole: a recipe and rows in, a model image out.
 *
 * docs/learning.md has the recipe.  The same recipe, rows, seed and settings
 * give the same image, byte for byte, on any x86-64 processor, with any
 * number of threads; the image's facts hold what is needed to do it again
 * (the recipe as it was read, the settings, the digest of the rows), and what
 * was found: rows of each split, losses, the report of each fitted step.
 */

#ifndef MLOPS_LEARN_H
#define MLOPS_LEARN_H


#include "mlops_apart.h"
#include "mlops_base.h"
#include "mlops_fit.h"
#include "mlops_metric.h"
#include "mlops_model.h"


typedef struct {
    const char          *recipe;        /* path; or NULL with text */
    const char          *text;          /* a recipe in memory, its bytes and
                                           the folder of its files */
    size_t               text_len;
    const char          *folder;

    const char          *rows;          /* path of the CSV file, or pipe */
    const char *const   *set;           /* "name=value" */
    uint32_t             set_n;
    uint64_t             seed;
    unsigned             seeded:1;      /* else the recipe's, or 1 */
    unsigned             rows_again:1;  /* rows are read more than once: no
                                           pipe */
    unsigned             aside:1;       /* steps keep nothing beside the
                                           image (states) */
    unsigned             no_exec:1;     /* a recipe of someone else's: steps
                                           that run commands are refused */
    unsigned             judged:1;      /* what it says decides between
                                           models: nothing to judge by is an
                                           error */
    unsigned             look:1;        /* ends before something is fitted:
                                           no image */
    const char          *plain;         /* the path that the plain recipe is
                                           for, or NULL */
    const char          *image;         /* the path that it is for: what stands
                                           there tells whether the rows are
                                           learned already; or NULL */
    const mlops_doc_t   *training;      /* of the image that is made again:
                                           what it went on from; or NULL */
    const mlops_apart_t *files;         /* of the command: the recipe's have
                                           to be others */
    uint32_t             files_n;
    uint32_t             threads;
    const char          *work;          /* where a folder for the run may be
                                           made; NULL: $TMPDIR or /tmp */

    /* stage: "read", "split", "fit steps[2] gbdt", "score", "image" */
    void               (*progress)(void *ctx, const char *stage,
        uint64_t done, uint64_t all, const char *text);
    int                (*stop)(void *ctx);
    /* what commands of steps print, as it comes: any bytes; ends with the end
     * of a line */
    void               (*print)(void *ctx, const char *text, size_t len);
    void                *ctx;
} mlops_learn_options_t;


#define MLOPS_LEARN_METRICS     16
#define MLOPS_LEARN_NOTES       32
#define MLOPS_LEARN_SLICES      4096
#define MLOPS_LEARN_RECIPE_MAX  262144      /* bytes: the facts hold it */

typedef struct {
    const char            *name;        /* "train", "tune", "gate", … */
    uint64_t               rows_n;
    uint32_t               metrics_n;
    mlops_metric_t         metrics[MLOPS_LEARN_METRICS];
    mlops_metric_value_t   values[MLOPS_LEARN_METRICS];
} mlops_learn_score_t;


/* Rows of the gate with one value of a cell. */

typedef struct {
    char                  *cell;        /* malloc'ed, as is: */
    char                  *value;
    mlops_learn_score_t    score;
} mlops_learn_slice_t;


/* What a fitted step went on from. */

typedef struct {
    uint32_t               step;
    char                  *path;        /* as the recipe has it; malloc'ed */
    char                   digest[MLOPS_FIT_DIGEST];
} mlops_learn_parent_t;


/* What it leaves for the next run, under a temporary name. */

typedef struct {
    uint32_t               step;
    char                  *path;        /* as the recipe has it; malloc'ed */
    char                   digest[MLOPS_FIT_DIGEST];
    char                   from[MLOPS_FIT_DIGEST];  /* of the file that it
                                           replaces, which the step went on
                                           from; "": it went on from another
                                           one, or from none */
    int                    dir;
    int                    lock;        /* of its place, or -1 */
    char                   tmp[MLOPS_TMP_SIZE];     /* "": it has its name */
} mlops_learn_state_t;


typedef struct {
    void                 *image;        /* malloc'ed, 64-byte aligned */
    size_t                image_len;
    char                 *recipe;       /* the fitted one, JSON; malloc'ed */
    size_t                recipe_len;
    char                 *work;         /* folder of files that it names, if
                                           any; removed by _free */
    uint32_t              models_n;     /* of these, where plain is set, are
                                           mlops_learn_beside()'s */
    int                   work_lock;

    uint64_t              rows_n;       /* of the file */
    uint64_t              without_target_n;
    uint64_t              filtered_n;
    uint64_t              purged_n;     /* between parts in time */
    uint64_t              unused_n;     /* fractions of parts leave them */
    const char           *judge;        /* the score that decides between
                                           models: "tune", else "validate";
                                           NULL: there is none */
    uint32_t              classes_n;    /* 0: the target is a number */
    uint32_t              metrics_n;
    mlops_metric_t        metrics[MLOPS_LEARN_METRICS];
    uint32_t              notes_n;
    char                 *notes[MLOPS_LEARN_NOTES];  /* malloc'ed; what is not
                                                        as it should be though
                                                        nothing failed */
    uint32_t              scores_n;
    mlops_learn_score_t   scores[8];
    uint32_t              slices_n;
    mlops_learn_slice_t  *slices;       /* malloc'ed */
    uint32_t              parents_n;
    mlops_learn_parent_t *parents;      /* malloc'ed */
    uint32_t              states_n;
    mlops_learn_state_t  *states;       /* malloc'ed */
    double                read_s;       /* seconds: of the report on screen, */
    double                fit_s;        /* never of the image */
    double                all_s;
    uint64_t              peak_bytes;   /* of resident memory */
} mlops_learned_t;


/* MLOPS_REFUSED: a step runs a command, and no_exec is set; known before rows
 * are read. */
int mlops_learn(const mlops_learn_options_t *options,
    mlops_learned_t *learned, mlops_err_t *err);
/* The path of the k-th model beside the plain recipe; in work it has the same
 * name.  malloc'ed; NULL: out of memory. */
char *mlops_learn_beside(const char *plain, uint32_t k);
/* Before anything is put in its place: those of states are locked, until
 * _free.  MLOPS_ERROR: one that is gone on from and replaced is not any more
 * what was read, or another run holds a lock for too long. */
int mlops_learned_claim(mlops_learned_t *learned, mlops_err_t *err);
/* Once the image is in its place: states take theirs.  Claims them, where
 * that was not done. */
int mlops_learned_keep(mlops_learned_t *learned, mlops_err_t *err);
/* States that have not are removed. */
void mlops_learned_free(mlops_learned_t *learned);


#endif /* MLOPS_LEARN_H */
