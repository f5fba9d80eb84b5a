/*
 * From a model file to a model image.
 *
 *     XGBoost JSON and UBJSON     mlops_xgboost.h
 *     recipe                      mlops_recipe.h, docs/recipe.md
 *
 * The kind is told from the bytes.  Nothing of the file is executed, and no
 * memory is asked for that the file's length does not account for.  Image
 * and report are the same for the same files and options.
 */

#ifndef MLOPS_IMPORT_H
#define MLOPS_IMPORT_H


#include "mlops_base.h"
#include "mlops_row.h"


/*
 * Held-out rows that are in memory already.  Each call is told the name that
 * the recipe uses for an input of the default signature.
 */

typedef struct {
    uint64_t   rows_n;
    /* the finite numbers, in any order; room for rows_n */
    int      (*numbers)(void *ctx, const mlops_str_t *name, double *values,
                        uint64_t *n, mlops_err_t *err);
    /* how often each category, and last any other string, comes */
    int      (*counts)(void *ctx, const mlops_str_t *name,
                       const mlops_column_t *column, double *counts,
                       double *missing, mlops_err_t *err);
    /* lowest and highest number of the training rows; lo > hi: none */
    int      (*range)(void *ctx, const mlops_str_t *name, double *lo,
                      double *hi, mlops_err_t *err);
    /* rows to keep with the image's answers; cells are to be set, names are
     * those of rows->schema */
    uint32_t   golden_n;
    int      (*golden)(void *ctx, const mlops_str_t *names,
                       mlops_rows_t *rows, mlops_arena_t *arena,
                       mlops_err_t *err);
    void      *ctx;
} mlops_import_held_t;


typedef struct {
    const char         *name;           /* kept in the facts, or NULL */

    /* of a recipe in memory: the folder of its model files, and one more
     * where they are looked for first; NULL: that of path, none */
    const char         *folder;
    const char         *work;

    const char         *image;          /* the path that it is for: no file
                                           that a recipe names; or NULL */

    /* of XGBoost's files; a recipe says these itself */
    const char         *iterations;     /* mlops_xgboost_read, or NULL */
    const char         *outputs;        /* "prediction" and "margin": */
                                        /* "prediction,margin" where NULL */
    mlops_type_t        type;           /* of outputs; NONE: FP32 */
    const mlops_str_t  *features;       /* names in place of the file's */
    uint32_t            features_n;

    /*
     * CSV of inputs with the answers of the library that made the model:
     * compared, and some kept as golden rows.  A column is called by its
     * output (one of several values: output0 or output_0, …); "pred" stands
     * for "prediction" too.  At least one output has to be there.
     */
    const char         *rows;

    /* CSV of held-out inputs: training ranges and reference histograms; or
     * the same in memory */
    const char                 *reference;
    const mlops_import_held_t  *held;

    /* cells whose numbers are asked for, into the report */
    const mlops_str_t  *cells;
    uint32_t            cells_n;
    uint32_t           *cell;
} mlops_import_options_t;


typedef struct {
    char      what[160];        /* "xgboost 1.7.4, gbtree, …" */
    uint32_t  rows_n;           /* of options->rows */
    uint32_t  equal_n;          /* with the same bits in all answers */
    uint32_t  compared_n;       /* answers a row */
    uint32_t  golden_n;         /* rows kept */
    double    worst;            /* largest difference of an answer */
    uint64_t  reference_n;      /* rows of options->reference, or held */
} mlops_import_report_t;


/*
 * Reads the file at path.  *image is malloc'ed, 64-byte aligned, *len bytes,
 * loaded once by the production loader; the caller frees it.  Rows that
 * differ from the library's answers by more than the image's tolerance (1e-5
 * of the value for XGBoost) are an error.  The error names file, path in the
 * file, expected and got.  options and report may be NULL.
 */
int mlops_import_file(const char *path, const mlops_import_options_t *options,
    void **image, size_t *len, mlops_import_report_t *report,
    mlops_err_t *err);

/* The same for bytes in memory; path is for errors, facts, and the folder of
 * a recipe's model files: NULL refuses those. */
int mlops_import_data(const char *data, size_t data_len, const char *path,
    const mlops_import_options_t *options, void **image, size_t *len,
    mlops_import_report_t *report, mlops_err_t *err);


#endif /* MLOPS_IMPORT_H */
