/*
 * Fitted steps: the contract between a training run and what it fits.
 *
 * A training recipe is a recipe (docs/recipe.md) in which some steps have a
 * key "fit" in place of their numbers:
 *
 *     {"kind": "impute", "fit": "median", "inputs": ["age"], ...}
 *     {"kind": "affine", "fit": "standard", ...}
 *     {"kind": "model",  "fit": "gbdt", "objective": "logistic", ...,
 *      "outputs": ["p"], "margin": ["score"]}
 *
 * A fitter finds the numbers from the training rows and writes ordinary
 * steps, as the JSON of a recipe, that compute the same outputs.  So the
 * result of training is a plain recipe, which one builder turns into an
 * image, and what was learned can be read, exported and imported again.
 * Evaluation of what was fitted is always that of the image's own steps: a
 * fitter never predicts for others.
 *
 * A fit depends on the matrix, the step's keys and the seed alone: not on
 * threads, SIMD level, C library or time.  exp, log and their kin are those
 * of core/base/mlops_math.h; sums run in an order that is fixed by the rows.
 */

#ifndef MLOPS_FIT_H
#define MLOPS_FIT_H


#include "mlops_base.h"
#include "mlops_doc.h"
#include "mlops_field.h"
#include "mlops_file.h"
#include "mlops_import_job.h"
#include "mlops_matrix.h"


#define MLOPS_FIT_DIGEST  24            /* "xxh3:", 16 digits, '\0' */


/* What a fit leaves beside its steps, for the next one: a file that is written
 * under another name, and takes its own once the run has ended well.  The run
 * has that to do. */

typedef struct {
    mlops_str_t   path;                 /* as given; or none */
    char          digest[MLOPS_FIT_DIGEST];
    int           dir;                  /* where it is to be */
    char          tmp[MLOPS_TMP_SIZE];  /* its name there; "": the run keeps
                                           nothing, dir is not open */
} mlops_fit_state_t;


/* What surrounds a run; any pointer may be NULL. */

typedef struct {
    uint64_t   seed;
    uint32_t   threads;             /* 0: 1 */
    /* done of all units of the fit, with a few words ("loss 0.4393"); called
     * often, prints as often as it likes */
    void     (*progress)(void *ctx, uint64_t done, uint64_t all,
        const char *text);
    int      (*stop)(void *ctx);    /* true: give up soon, with an error */
    /* what a user should know though nothing failed (mlops_fit_note.h) */
    void     (*note)(void *ctx, const char *text);
    /* where a row of the matrices comes from: "rows.csv line 12" */
    void     (*place)(void *ctx, uint64_t row, char *buf, size_t size);
    mlops_str_t target;             /* names of these columns, or empty */
    mlops_str_t weight;
    /* what a command of the step prints, as it comes */
    void     (*print)(void *ctx, const char *text, size_t len);
    const char *folder;             /* of the recipe: files that steps name
                                       are relative to it */
    const char *work;               /* a folder for files of this run, which
                                       the fitted recipe may name; removed by
                                       the run's owner after the image */
    unsigned   no_exec:1;           /* steps run no commands */
    unsigned   aside:1;             /* a fold, or a run that is done again:
                                       nothing is kept beside the steps */
    void      *ctx;
} mlops_fit_env_t;


typedef struct {
    const mlops_fit_env_t   *env;
    mlops_field_t           *field;     /* at the step's path */
    const mlops_doc_t       *step;      /* keys are known to be allowed */

    const mlops_matrix_t    *train;     /* columns: the step's inputs, in
                                           order; target and weight only
                                           where the fitter asks for them */
    const mlops_matrix_t    *tune;      /* for early stopping and choices, or
                                           NULL */

    uint32_t                 classes_n; /* of the target; 0: a number */
    const mlops_str_t       *classes;   /* their names, in order */

    const mlops_str_t       *outputs;   /* names given; of a fitter with
                                           varying outputs none: it makes
                                           names that begin with prefix */
    uint32_t                 outputs_n;
    const mlops_str_t       *margin;
    uint32_t                 margin_n;
    mlops_str_t              prefix;

    mlops_import_text_t     *steps;     /* to be appended to: objects, with
                                           commas between.  Names of cells in
                                           between begin with the first
                                           output's name and a ':' */
    mlops_import_text_t     *report;    /* members of an object, with commas
                                           between, or nothing: what was
                                           found, for the image's facts */
    mlops_str_t              parent;    /* path of what it went on from, as
                                           given, and its checksum; or none */
    char                     parent_digest[MLOPS_FIT_DIGEST];
    mlops_fit_state_t        state;
} mlops_fit_t;


#define MLOPS_FIT_TARGET   0x01     /* reads target and weight */
#define MLOPS_FIT_LEARNER  0x02     /* is what the recipe is for: --set NAME
                                       finds its keys */
#define MLOPS_FIT_CODES    0x04     /* takes columns of codes */
#define MLOPS_FIT_VARYING  0x08     /* outputs by prefix */
#define MLOPS_FIT_CALIBRATE 0x10    /* fitted on the split "calibrate" */
#define MLOPS_FIT_STATELESS 0x20    /* needs no rows: expands names only */

typedef struct {
    const char          *kind;
    const char          *fit;
    uint32_t             flags;
    const char *const   *keys;      /* beyond kind, fit, inputs, outputs,
                                       margin, prefix, comment; ended by
                                       NULL */
    /* Checks the step's keys before rows are read; MLOPS_REFUSED is handed
     * on as it is. */
    int                (*check)(mlops_fit_t *fit);
    int                (*run)(mlops_fit_t *fit);
    /* Target it wants: 0 a number, 1 classes, 2 either; by the step's keys
     * (objective).  NULL: a number. */
    int                (*target)(const mlops_doc_t *step);
} mlops_fitter_t;

/* The fitter of a step's kind and fit, or NULL. */
const mlops_fitter_t *mlops_fitter_find(const mlops_str_t *kind,
    const mlops_str_t *fit);
/* All of them, ended by one without kind: for errors and docs-check. */
const mlops_fitter_t *const *mlops_fitters(void);


#endif /* MLOPS_FIT_H */
